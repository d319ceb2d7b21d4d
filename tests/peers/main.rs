//! Tests that need another server, run by `.ci/run`: `cargo test --test peers`.
//!
//! kinesalite (`npm i kinesalite@3.3.3`) answers at the URL in `TRIBUTARY_TEST_KINESALITE`, or is started here from
//! the `node_modules` folder that `TRIBUTARY_TEST_NODE_MODULES` names.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

#[path = "../it/conformance.rs"]
mod conformance;

use conformance::Peer;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A kinesalite of our own; it ends with the test.
struct Kinesalite {
    child: Child,
    url: String,
}

impl Kinesalite {
    fn start(node_modules: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let cli = node_modules.join("kinesalite/cli.js");
        assert!(cli.is_file(), "{} is not there: npm i kinesalite@3.3.3", cli.display());
        let arguments = ["--createStreamMs", "0", "--deleteStreamMs", "0", "--shardLimit", "500"];
        let mut child = Command::new("node")
            .arg(cli)
            .args(["--port", &port.to_string()])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("Listening"), "kinesalite says {line:?}");
        Self { child, url: format!("http://127.0.0.1:{port}") }
    }
}

impl Drop for Kinesalite {
    fn drop(&mut self) {
        self.child.kill().expect("kinesalite is still there");
        self.child.wait().expect("kinesalite ends");
    }
}

#[expect(clippy::disallowed_methods, reason = "where the other server is, only the environment knows")]
fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinesalite_answers_as_the_table_says() {
    let folder = from_environment("TRIBUTARY_TEST_NODE_MODULES");
    let started = folder.map(|folder| Kinesalite::start(Path::new(&folder)));
    let url = started.as_ref().map(|kinesalite| kinesalite.url.clone());
    let url = url.or_else(|| from_environment("TRIBUTARY_TEST_KINESALITE"));
    let url = url.expect("set TRIBUTARY_TEST_KINESALITE (a URL) or TRIBUTARY_TEST_NODE_MODULES (a folder)");
    let client = conformance::client(&url, "AKIAEXAMPLE", "secret");
    let results = conformance::conformance(&client, Peer::Kinesalite).await;
    let broken = conformance::broken(&results);
    assert!(broken.is_empty(), "rows of {} that do not hold:\n{broken}", results.len());
}

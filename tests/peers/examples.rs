//! The programs of `examples/`, run unchanged: events of the senders are delivered, and the Lambda function passes on
//! every event of the stream, once and in order. `consumers.rs` runs the other consumers.

use crate::consumers::written;
use crate::processes::{Serve, WRITE_KEY, node, node_modules, python, run};
use crate::sdks::{BASE64, Way};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tributary::event::{Aggregation, Encoding};
use tributary::reader::Format;
use tributary::snippets::Consumer;

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path)
}

/// The files of an example in a folder after `npm install`.
fn installed(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(node_modules(), folder.path().join("node_modules")).unwrap();
    for file in std::fs::read_dir(example(name)).unwrap().map(|file| file.unwrap().path()) {
        std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    folder
}

/// Waits until this number of events is in the log, all delivered. Returns their types.
async fn delivered(serve: &Serve, count: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        let log = serve.log();
        if log.len() == count && log.iter().all(|line| line["state"] == "delivered") {
            return log.iter().map(|line| line["type"].as_str().unwrap().to_owned()).collect();
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{log:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn send_by_node(way: &Way) {
    let folder = installed("node");
    let mut command = Command::new("node");
    command.arg("send.mjs").current_dir(folder.path());
    run(command.env("WRITE_KEY", WRITE_KEY).env("HOST", way.tap.url()), "");
}

#[tokio::test]
async fn the_sender_in_node_sends_both_events() {
    let way = Way::open(BASE64).await;
    send_by_node(&way);
    assert_eq!(delivered(&way.serve, 2).await, ["identify", "track"]);
}

#[tokio::test]
async fn the_sender_in_python_sends_both_events() {
    let way = Way::open(BASE64).await;
    let mut command = Command::new(python());
    command.arg(example("python/send.py")).env("WRITE_KEY", WRITE_KEY).env("HOST", way.tap.url());
    run(&mut command, "");
    assert_eq!(delivered(&way.serve, 2).await, ["identify", "track"]);
}

#[tokio::test]
async fn opening_the_page_sends_a_page_event() {
    let way = Way::open(BASE64).await;
    let page = std::fs::read_to_string(example("browser/index.html")).unwrap();
    let page = page.replace("YOUR_WRITE_KEY", WRITE_KEY).replace("http://127.0.0.1:8485", &way.tap.url());
    run(node("page.js").arg("1"), &page);
    assert_eq!(delivered(&way.serve, 1).await, ["page"]);
}

#[tokio::test]
async fn the_lambda_function_hands_on_every_event_once_in_order() {
    for aggregation in [Aggregation::None, Aggregation::Kpl] {
        let prepare =
            |serve: &mut Serve| serve.set("TRIBUTARY_DESTINATION_AGGREGATION", aggregation.as_str());
        let way = Way::open_with(BASE64, prepare).await;
        send_by_node(&way);
        delivered(&way.serve, 2).await;
        let sent: Vec<_> = way.serve.log().iter().map(|line| line["messageId"].clone()).collect();
        let folder = written(Consumer::LambdaNode, Format::new(Encoding::Base64, aggregation));
        std::fs::copy(example("consumers/run-locally.mjs"), folder.path().join("run-locally.mjs")).unwrap();
        let mut command = Command::new("node");
        command.arg("run-locally.mjs").current_dir(folder.path());
        let printed = run(&mut command, &way.serve.tail_raw());
        let read: Vec<_> = printed
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["messageId"].clone())
            .collect();
        assert_eq!(read, sent, "{aggregation:?}: {printed}");
    }
}

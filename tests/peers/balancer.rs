//! Debian's `HAProxy` and nginx in front of three engines, with the configurations of `assets/balancer`: each source stays with one
//! engine; one is killed under load and comes back. Nothing that was acknowledged is lost, the events of a user are in order
//! within each engine, and senders see nothing but what SDKs retry.

use crate::practice_server::PracticeServer;
use crate::processes::{Guard, Serve, free_address};
use crate::wire::{self, Connection};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SOURCES: usize = 12;
const USERS: usize = 3;
const WAIT_MAX: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Balancer {
    HaProxy,
    Nginx,
}

fn is_ready(address: SocketAddr) -> bool {
    let asked =
        Connection::open(address).and_then(|mut open| open.ask(&wire::request("GET", "/ready", "", b"")));
    asked.is_ok_and(|reply| reply.status == 200)
}

impl Balancer {
    /// The configuration of `assets` for these engines and a free port, and the command that runs it.
    fn try_start(self, engines: &[SocketAddr]) -> Option<(Guard, TempDir, SocketAddr)> {
        let (address, folder) = (free_address(), tempfile::tempdir().unwrap());
        let at = folder.path().to_str().unwrap().to_owned();
        let file = match self {
            Self::HaProxy => "haproxy.cfg",
            Self::Nginx => "nginx.conf",
        };
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/balancer");
        let mut text = std::fs::read_to_string(assets.join(file)).unwrap();
        for (number, engine) in engines.iter().enumerate() {
            let placeholder = format!("10.0.0.1{}:8485", number + 1);
            assert_eq!(text.matches(&placeholder).count(), 1, "{placeholder} in {file}");
            text = text.replace(&placeholder, &engine.to_string());
        }
        let path = folder.path().join(file);
        let mut command = match self {
            Self::HaProxy => {
                text = text.replace("bind :8484", &format!("bind {address}"));
                let mut command = Command::new("/usr/sbin/haproxy");
                command.arg("-db").arg("-f").arg(&path);
                command
            }
            Self::Nginx => {
                text = text.replace("listen 8484", &format!("listen {address}"));
                let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
                let places: String = places.map(|name| format!("{name}_temp_path {at}/{name};\n")).concat();
                // One process, which a test can end by its id.
                text = text.replace("http {", &format!("http {{\n{places}"));
                text = format!(
                    "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\n{text}"
                );
                let mut command = Command::new("/usr/sbin/nginx");
                command.args(["-p", &at, "-e", &format!("{at}/error.log"), "-c"]).arg(&path);
                command
            }
        };
        assert!(text.contains(&address.to_string()), "the port of {file}");
        std::fs::write(&path, text).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let mut child = Guard(child.unwrap_or_else(|error| panic!("install Debian's {self:?}: {error}")));
        let start = Instant::now();
        while !is_ready(address) {
            if child.0.try_wait().unwrap().is_some() || start.elapsed() > Duration::from_secs(20) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Some((child, folder, address))
    }
}

/// What a source has sent.
#[derive(Default)]
struct Sent {
    /// The ids that were acknowledged.
    acknowledged: BTreeSet<String>,
    /// Answers and errors other than 200, with their number.
    refusals: BTreeMap<String, usize>,
}

/// Sends one batch after the other as SDKs do: after no answer, 429 or 5xx the same again.
fn send(address: SocketAddr, source: usize, is_over: &AtomicBool) -> Sent {
    let mut sent = Sent::default();
    let authorization = STANDARD.encode(format!("key-of-source-{source}:"));
    let headers = format!("Authorization: Basic {authorization}\r\nContent-Type: application/json\r\n");
    let mut connection = None;
    for round in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let event = |user| {
            json!({ "type": "track", "event": "Seen", "userId": format!("{source}/{user}"), "n": round,
            "messageId": format!("{source}/{user}/{round}") })
        };
        let batch: Vec<_> = (0..USERS).map(event).collect();
        let request =
            wire::request("POST", "/v1/batch", &headers, json!({ "batch": batch }).to_string().as_bytes());
        let start = Instant::now();
        loop {
            let answer = match &mut connection {
                Some(open) => Connection::ask(open, &request),
                none => Connection::open(address).and_then(|open| none.insert(open).ask(&request)),
            };
            match answer {
                Ok(reply) if reply.status == 200 => break,
                Ok(reply) => *sent.refusals.entry(reply.status.to_string()).or_default() += 1,
                Err(error) => *sent.refusals.entry(format!("{:?}", error.kind())).or_default() += 1,
            }
            connection = None;
            assert!(start.elapsed() < WAIT_MAX, "source {source} gets no answer: {:?}", sent.refusals);
            std::thread::sleep(Duration::from_millis(50));
        }
        sent.acknowledged.extend((0..USERS).map(|user| format!("{source}/{user}/{round}")));
        std::thread::sleep(Duration::from_millis(5));
    }
    sent
}

/// The sources whose events an engine has, and whether those of each user are in order.
fn sources_of(engine: &Serve) -> BTreeSet<String> {
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    let mut sources = BTreeSet::new();
    for line in engine.log() {
        let id = line["messageId"].as_str().unwrap();
        let (user, round) = id.rsplit_once('/').unwrap();
        let round: i64 = round.parse().unwrap();
        // A batch without an answer comes again: its events may be there twice, but never out of order.
        let before = last.insert(user.to_owned(), round);
        assert!(before.is_none_or(|before| before <= round), "{user}: {round} after {before:?}");
        sources.insert(user.split('/').next().unwrap().to_owned());
    }
    sources
}

/// Three engines that deliver to one stream, with their addresses.
fn three_engines(stream: &PracticeServer) -> Vec<(Serve, SocketAddr)> {
    let engine = |_| {
        let mut serve = stream.engine("json");
        serve.set("TRIBUTARY_CAPTURE_REQUIRE_WRITE_KEY", "false");
        serve.listen_at(free_address());
        let address = serve.start();
        (serve, address)
    };
    (0..3).map(engine).collect()
}

async fn engines_behind(balancer: Balancer) {
    let stream = PracticeServer::start().await;
    let mut engines = three_engines(&stream);
    let addresses: Vec<_> = engines.iter().map(|(_, address)| *address).collect();
    let (_child, folder, address) =
        (0..5).find_map(|_| balancer.try_start(&addresses)).expect("it listens, and an engine is ready");

    let is_over = AtomicBool::new(false);
    let all = Mutex::new(Vec::new());
    let pinned = std::thread::scope(|scope| {
        for source in 0..SOURCES {
            let (is_over, all) = (&is_over, &all);
            scope.spawn(move || {
                let sent = send(address, source, is_over);
                all.lock().unwrap().push(sent);
            });
        }
        std::thread::sleep(Duration::from_secs(2));
        let pinned: Vec<_> = engines.iter().map(|(engine, _)| sources_of(engine)).collect();
        // The engine with most sources is killed, and comes back on the same data.
        let killed = (0..3).max_by_key(|engine| pinned[*engine].len()).unwrap();
        engines[killed].0.kill();
        std::thread::sleep(Duration::from_secs(4));
        engines[killed].0.start();
        std::thread::sleep(Duration::from_secs(4));
        is_over.store(true, Ordering::Relaxed);
        pinned
    });
    let all = all.into_inner().unwrap();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    assert_eq!(all.len(), SOURCES, "a sender has ended early: {log}");

    let owners = |source: &str| pinned.iter().filter(|sources| sources.contains(source)).count();
    for source in 0..SOURCES {
        assert_eq!(owners(&source.to_string()), 1, "source {source} stays with one engine: {pinned:?}");
    }
    assert!(pinned.iter().filter(|sources| !sources.is_empty()).count() > 1, "they are spread: {pinned:?}");

    // SDKs retry all of these.
    let retried = [
        "429",
        "500",
        "502",
        "503",
        "504",
        "UnexpectedEof",
        "ConnectionReset",
        "ConnectionRefused",
        "BrokenPipe",
    ];
    for sent in &all {
        for refusal in sent.refusals.keys() {
            assert!(retried.contains(&&**refusal), "{:?}", sent.refusals);
        }
    }
    let start = Instant::now();
    while engines.iter().any(|(engine, _)| engine.ledger()["queued"] != 0) {
        assert!(start.elapsed() < WAIT_MAX, "not delivered in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut delivered = BTreeSet::new();
    for (engine, _) in &engines {
        sources_of(engine);
        delivered.extend(engine.log().iter().map(|line| line["messageId"].as_str().unwrap().to_owned()));
    }
    let acknowledged: BTreeSet<_> = all.into_iter().flat_map(|sent| sent.acknowledged).collect();
    assert!(acknowledged.len() > SOURCES * USERS * 20, "{}", acknowledged.len());
    assert_eq!(acknowledged.difference(&delivered).count(), 0, "of {}", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_haproxy_sources_stay_with_their_engine_and_a_killed_one_loses_nothing() {
    engines_behind(Balancer::HaProxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_nginx_sources_stay_with_their_engine_and_a_killed_one_loses_nothing() {
    engines_behind(Balancer::Nginx).await;
}

//! When the practice stream can be reached, and that its port does not disturb the endpoint.

use std::{
    borrow::Cow,
    io::Write as _,
    net::{SocketAddr, TcpStream},
};

use tributary::{
    config::{Config, Destination, DestinationKind},
    delivery::{CheckKind, Verdict},
    engine::{Engine, NextStep, PracticeAccess, RunningEngine},
};

use crate::binary::{Home, WRITE_KEY, key_header};
use crate::practising::{Practising, practising};
use crate::scripted::{Answer, Scripted};
use crate::wire::{self, wait_for, wait_until};

const EVENT: &str = r#"{"userId":"u","event":"e"}"#;

fn address_of(access: &PracticeAccess) -> SocketAddr {
    access.endpoint_url.strip_prefix("http://").and_then(|address| address.parse().ok()).expect("an address")
}

/// The ports on which a process listens.
#[cfg(target_os = "linux")]
fn listening(process: u32) -> Vec<u16> {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).expect("the process runs");
    let inodes: Vec<String> = files
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .filter_map(|file| Some(file.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("Linux has it");
    let ports = sockets.lines().filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [local, state, inode] = [fields.get(1)?, fields.get(3)?, fields.get(9)?];
        let is_its = *state == "0A" && inodes.iter().any(|of_process| of_process == inode);
        is_its.then(|| u16::from_str_radix(local.split_once(':')?.1, 16).ok())?
    });
    ports.collect()
}

#[cfg(target_os = "linux")]
#[test]
fn nobody_listens_for_the_practice_stream_where_it_is_not_the_destination() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/track", EVENT);
    serve.wait_drained();
    // The endpoint and the control port.
    let ports = listening(serve.id());
    assert!(ports.len() == 2 && ports.contains(&serve.address.port()), "{ports:?}");
    assert!(RunningEngine::find(&home.data_dir()).is_some_and(|engine| engine.practice.is_none()));
    let tail = home.run(&["tail", "--practice"]);
    assert_eq!(tail.code, Some(1));
    assert!(tail.stderr.contains("the running engine has another destination"), "{tail:?}");
    serve.stop();
}

fn to_kinesis(server: &Scripted, config: &mut Config) {
    config.destination = Destination {
        kind: DestinationKind::Kinesis,
        region: "us-east-1".to_owned(),
        stream: "clicks".to_owned(),
        endpoint_url: server.url.clone(),
        ..config.destination.clone()
    };
}

/// How other programs reach the practice stream; `None`: it is closed.
fn access(engine: &Practising) -> Option<PracticeAccess> {
    wait_for("the engine", || RunningEngine::find(engine.data_dir())).practice
}

fn send(running: &Practising) {
    let reply = wire::send(running.address, "POST", "/v1/track", &key_header(WRITE_KEY), EVENT.as_bytes());
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn the_practice_stream_opens_and_closes_with_the_settings_and_keeps_its_records() {
    let server = Scripted::start(|_| Answer::Success);
    let running = practising(|config| to_kinesis(&server, config));
    assert!(access(&running).is_none());
    let to_practice = |config: &mut Config| config.destination.kind = DestinationKind::Practice;
    running.change(to_practice);
    let opened = address_of(&access(&running).expect("it is open"));
    send(&running);
    running.wait_settled(1);
    assert_eq!(running.records().len(), 1);

    // Whether or not this machine has keys: the events wait there.
    running.change(|config| to_kinesis(&server, config));
    assert!(access(&running).is_none());
    wait_until("it is closed", || TcpStream::connect(opened).is_err());

    running.change(to_practice);
    assert_eq!(address_of(&access(&running).expect("it is open")), opened, "programs find it again");
    assert_eq!(running.records().len(), 1, "what it has stays");
    send(&running);
    running.wait_settled(2);
    assert_eq!(running.records().len(), 2);
}

fn check(engine: &Engine, config: Config) -> Vec<(Cow<'static, str>, Verdict)> {
    let mut steps = engine.checks().destination(config, CheckKind::PutOne);
    let mut found = Vec::new();
    wait_for("the check", || {
        loop {
            match steps.take() {
                NextStep::There(step) => found.push((step.name, step.verdict)),
                NextStep::Pending => return None,
                NextStep::Ended => return Some(()),
            }
        }
    });
    found
}

#[test]
fn a_check_of_the_practice_stream_before_it_is_the_destination_opens_it_for_its_time() {
    let server = Scripted::start(|_| Answer::Success);
    let running = practising(|config| to_kinesis(&server, config));
    let mut draft = Config::clone(&running.engine.settings().current());
    draft.destination.kind = DestinationKind::Practice;
    let steps = check(&running.engine, draft);
    // Nobody said who reads the stream.
    let (reader, steps) = steps.split_last().expect("steps");
    assert_eq!((&*reader.0, &reader.1), ("reader", &Verdict::Skipped));
    assert!(!steps.is_empty());
    assert!(steps.iter().all(|(_, verdict)| *verdict == Verdict::Passed), "{steps:?}");
    wait_until("it is closed again", || access(&running).is_none());
}

#[cfg(unix)]
#[test]
fn half_heads_at_the_practice_stream_keep_nobody_from_the_endpoint() {
    let home = Home::new("");
    let serve = home.serve_with_files(300);
    let engine = RunningEngine::find(&home.data_dir()).expect("it runs");
    let practice = address_of(&engine.practice.expect("it is the destination"));
    let half = |_| {
        let mut socket = TcpStream::connect(practice).expect("the system takes it");
        // It may be closed already.
        drop(socket.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Pad: half"));
        socket
    };
    let sockets: Vec<_> = (0..350).map(half).collect();
    for _ in 0..3 {
        serve.accept("/v1/track", EVENT);
    }
    serve.wait_drained();
    drop(sockets);
    serve.stop();
}

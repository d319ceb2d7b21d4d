//! The real program, killed, stopped and started wrongly: acknowledged events are delivered, and errors are reported.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::{Home, Serve, WRITE_KEY, key_header};
use crate::scripted::{Answer, Scripted, THROTTLED};
use crate::wire::{self, Connection, metric, wait_until};

/// The address of the endpoint now; `None` while there is none.
type Endpoint = Mutex<Option<SocketAddr>>;

/// What the senders share.
struct Load {
    endpoint: Endpoint,
    stop: AtomicBool,
    acknowledged: AtomicUsize,
    /// Number of answers other than 200, by status.
    refused: Mutex<BTreeMap<u16, usize>>,
}

impl Load {
    fn new() -> Self {
        Self {
            endpoint: Mutex::new(None),
            stop: AtomicBool::new(false),
            acknowledged: AtomicUsize::new(0),
            refused: Mutex::default(),
        }
    }

    fn set(&self, serve: Option<&Serve>) {
        *self.endpoint.lock().unwrap() = serve.map(|serve| serve.address);
    }

    /// One user sends in order. Requests without an answer are repeated, as SDKs do. Returns how many events were
    /// acknowledged.
    fn send(&self, user: &str) -> usize {
        let mut next = 0;
        let mut connection: Option<(SocketAddr, Connection)> = None;
        while !self.stop.load(Ordering::Relaxed) {
            let address = *self.endpoint.lock().unwrap();
            if connection.as_ref().map(|(to, _)| *to) != address {
                connection = address.and_then(|to| Some((to, Connection::open(to).ok()?)));
            }
            let Some((_, open)) = &mut connection else {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            let count = 1 + next % 3;
            // Some are so large that the spool keeps them in segments.
            let pad = "x".repeat(if next % 4 == 1 { 40_000 } else { 0 });
            let events: Vec<_> = (next..next + count)
                .map(|n| format!(r#"{{"type":"track","userId":"{user}","event":"e","n":{n},"pad":"{pad}"}}"#))
                .collect();
            let body = format!(r#"{{"batch":[{}]}}"#, events.join(","));
            match open.ask(&wire::request("POST", "/v1/batch", &key_header(WRITE_KEY), body.as_bytes())) {
                Ok(reply) if reply.status == 200 => {
                    next += count;
                    self.acknowledged.fetch_add(count, Ordering::Relaxed);
                }
                Ok(reply) => {
                    *self.refused.lock().unwrap().entry(reply.status).or_default() += 1;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(_cut) => connection = None,
            }
        }
        next
    }
}

/// Runs `users` senders beside `run`. Returns how many events of each were acknowledged.
fn with_load<T>(load: &Load, users: usize, run: impl FnOnce() -> T) -> (T, Vec<usize>) {
    struct Stop<'a>(&'a Load);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.stop.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        let senders: Vec<_> =
            (0..users).map(|user| scope.spawn(move || load.send(&format!("u{user}")))).collect();
        let stop = Stop(load);
        let result = run();
        drop(stop);
        (result, senders.into_iter().map(|sender| sender.join().unwrap()).collect())
    })
}

/// Checks that every acknowledged event is in the stream, and that each user's events first came in order.
fn assert_all_there(server: &Scripted, acknowledged: &[usize]) {
    let arrived = server.first_arrivals("n");
    for (user, count) in acknowledged.iter().enumerate() {
        let order = arrived.get(&format!("u{user}")).cloned().unwrap_or_default();
        assert!(order.len() >= *count, "u{user}: {count} acknowledged, {} arrived", order.len());
        let wanted: Vec<_> = (0..order.len()).map(Value::from).collect();
        assert_eq!(order, wanted, "u{user}: in order, none missing");
    }
}

#[test]
fn no_acknowledged_event_is_lost_when_the_process_dies() {
    const KILLS: usize = 22;
    const USERS: usize = 6;
    let seed = 42;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut stream_random = fastrand::Rng::with_seed(seed + 1);
    let server = Scripted::start(move |_| match stream_random.u32(..100) {
        0..3 => THROTTLED,
        3..6 => Answer::CutAfter,
        _ => Answer::Success,
    });
    server.set_delay(Duration::from_millis(2));
    let home = Home::with_kinesis(&server.url, "");
    let load = Load::new();
    let (serve, acknowledged) = with_load(&load, USERS, || {
        for kill in 0..KILLS {
            let operation = if kill % 2 == 0 { "put-record" } else { "put-records" };
            let aggregation = if kill / 2 % 2 == 0 { "kpl" } else { "none" };
            let serve = home.serve(&["--operation", operation, "--aggregation", aggregation]);
            let before = load.acknowledged.load(Ordering::Relaxed);
            load.set(Some(&serve));
            wait_until("it accepts events", || load.acknowledged.load(Ordering::Relaxed) > before);
            std::thread::sleep(Duration::from_millis(random.u64(..250)));
            serve.kill();
        }
        let serve = home.serve(&[]);
        load.set(Some(&serve));
        serve
    });
    serve.wait_drained();
    serve.stop();
    let total: usize = acknowledged.iter().sum();
    assert!(total > KILLS * USERS, "{total} events");
    assert_all_there(&server, &acknowledged);
    let sums = home.run(&["log", "--summary", "--json"]).line();
    assert_eq!((&sums["addsUp"], &sums["queued"], &sums["failed"]), (&json!(true), &json!(0), &json!(0)));
    assert!(sums["delivered"].as_u64().unwrap() >= total as u64, "{total} acknowledged: {sums}");
}

#[test]
fn a_terminated_program_refuses_new_events_finishes_its_puts_and_ends_with_0() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_delay(Duration::from_millis(400));
    let home = Home::with_kinesis(&server.url, "");
    let mut serve = home.serve(&[]);
    let load = Load::new();
    load.set(Some(&serve));
    let ((status, log), acknowledged) = with_load(&load, 6, || {
        wait_until("puts are in flight", || {
            server.calls().len() > 3 && load.acknowledged.load(Ordering::Relaxed) > 30
        });
        assert!(home.state_file().exists());
        serve.terminate();
        let ended = serve.wait();
        load.set(None);
        ended
    });
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("Stopped"), "{log}");
    assert!(!home.state_file().exists(), "nobody is sent to an engine that is gone");
    let refused = load.refused.lock().unwrap().clone();
    assert!(refused.keys().all(|status| *status == 503) && !refused.is_empty(), "{refused:?}");
    let sums = home.run(&["log", "--summary", "--json"]).line();
    let total: usize = acknowledged.iter().sum();
    assert_eq!(sums["addsUp"], true);
    assert!(sums["accepted"].as_u64().unwrap() >= total as u64, "{total}: {sums}");
    assert_eq!(sums["delivered"], server.written_count(), "every put in flight was finished and settled");
    server.set_delay(Duration::ZERO);
    let serve = home.serve(&[]);
    serve.wait_drained();
    serve.stop();
    assert_all_there(&server, &acknowledged);
    assert_eq!(json!(server.written_count()), sums["accepted"], "none was put twice");
}

#[test]
fn a_program_that_is_told_to_stop_as_soon_as_it_can_be_found_ends_with_0() {
    let home = Home::new("");
    for _ in 0..8 {
        home.serve(&[]).stop();
        assert!(!home.state_file().exists());
    }
}

#[test]
fn a_second_program_on_the_same_data_folder_is_refused() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let second = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    let last = second.stderr.lines().last().unwrap();
    assert!(last.starts_with("tributary: another Tributary is already running on the data folder"), "{last}");
    assert!(last.contains(home.data_dir().to_str().unwrap()) && last.contains("--data-dir"), "{last}");
    assert_eq!(second.stdout, "");
    serve.accept("/v1/track", r#"{"userId":"u","event":"the first goes on"}"#);
    assert!(home.state_file().exists(), "the first can still be found");
    serve.wait_drained();
    serve.stop();
}

#[test]
fn a_port_in_use_is_said_in_one_line_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::new("");
    let ended = home.run(&["serve", "--listen", &address]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.starts_with(&format!("tributary: cannot listen on {address}")), "{last}");
    assert!(last.contains("--listen") && last.contains("another port"), "{last}");
    assert!(!home.state_file().exists());
}

#[test]
fn a_bad_settings_file_is_refused_by_line_key_and_what_is_allowed_and_stays_as_it_is() {
    for (settings, line, words) in [
        ("[destination]\nkind = \"kinesys\"", 2, &["destination.kind", "kinesys", "practice", "kinesis"][..]),
        ("[destination]\n\nencodign = \"json\"", 3, &["encodign", "encoding"]),
        ("[spool]\nmax_bytes = \"2 GB\"", 2, &["spool.max_bytes", "whole numbers"]),
        ("[capture]\nlisten = \"localhost\"", 2, &["capture.listen", "localhost"]),
        ("[destination]\nkind = \"kinesis\"\nregion = \"us-east-1\"", 2, &["destination.stream"]),
        ("[destination\nkind = 1", 1, &[]),
    ] {
        let home = Home::new(settings);
        let before = std::fs::read(home.settings_file()).unwrap();
        for words_of_command in [&["serve", "--listen", "127.0.0.1:0"][..], &["check"], &["config"]] {
            let ended = home.run(words_of_command);
            assert_eq!(ended.code, Some(1), "{settings}: {ended:?}");
            assert_eq!(ended.stdout, "", "{ended:?}");
            let last = ended.stderr.lines().last().unwrap();
            let place = format!("tributary: {}, line {line}: ", home.settings_file().display());
            assert!(last.starts_with(&place), "{settings}: {last}");
            for word in words {
                assert!(last.contains(word), "{settings}: {word} is not in {last}");
            }
        }
        assert_eq!(std::fs::read(home.settings_file()).unwrap(), before);
        assert!(!home.data_dir().exists(), "nothing was begun");
    }
}

#[test]
fn a_first_run_makes_a_settings_file_with_a_key_that_works_and_a_second_run_leaves_it() {
    let home = Home::new("");
    std::fs::remove_file(home.settings_file()).unwrap();
    let serve = home.serve(&[]);
    let text = std::fs::read_to_string(home.settings_file()).unwrap();
    let key = text.split("write_key = \"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(key.len(), 32);
    let headers = key_header(key);
    let reply = wire::send(serve.address, "POST", "/v1/track", &headers, br#"{"userId":"u","event":"e"}"#);
    assert_eq!(reply.status, 200, "{reply:?}");
    serve.wait_drained();
    let log = serve.stop();
    assert!(log.contains("Settings file created") && !log.contains(key), "{log}");
    home.serve(&[]).stop();
    assert_eq!(std::fs::read_to_string(home.settings_file()).unwrap(), text);
}

#[test]
fn what_waited_on_disk_is_delivered_after_a_restart_in_order() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "enabled = false");
    for round in 0..3 {
        let serve = home.serve(&[]);
        assert_eq!(metric(&serve.metrics(), "tributary_queued_events"), round * 2);
        serve.wait_state("disabled");
        for n in [round * 2, round * 2 + 1] {
            serve.accept("/v1/track", &format!(r#"{{"userId":"u0","event":"e","n":{n}}}"#));
        }
        serve.kill();
    }
    assert_eq!(server.calls().len(), 0);
    let settings = std::fs::read_to_string(home.settings_file()).unwrap();
    std::fs::write(home.settings_file(), settings.replace("enabled = false", "enabled = true")).unwrap();
    let serve = home.serve(&[]);
    serve.wait_drained();
    serve.stop();
    assert_all_there(&server, &[6]);
    assert_eq!(server.written_count(), 6);
}

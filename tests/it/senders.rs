//! Senders in a hurry: they end right after they have sent, or ask before they send a large body.

use std::time::Duration;

use crate::binary::{WRITE_KEY, key_header};
use crate::practising::{Practising, practising};
use crate::wire::{Connection, get, metric, request, wait_until};

fn track(user: &str) -> Vec<u8> {
    let body = format!(r#"{{"userId":"{user}","event":"Sent at the end"}}"#);
    request("POST", "/v1/track", &key_header(WRITE_KEY), body.as_bytes())
}

fn accepted(running: &Practising) -> u64 {
    metric(&get(running.address, "/metrics").text(), "tributary_accepted_total")
}

#[test]
fn a_request_that_arrived_whole_is_taken_though_its_sender_has_gone() {
    let running = practising(|_| {});
    for sender in 0..200 {
        let mut connection = Connection::open(running.address).unwrap();
        connection.write(&track(&format!("user-{sender}"))).unwrap();
        // Closed here at once.
    }
    wait_until("every event is taken", || accepted(&running) == 200);
    running.wait_settled(200);
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn a_sender_that_ends_its_own_side_hears_its_answer() {
    let running = practising(|_| {});
    for sender in 0..100 {
        let mut connection = Connection::open(running.address).unwrap();
        connection.write(&track(&format!("user-{sender}"))).unwrap();
        connection.end_of_request().unwrap();
        let reply = connection.answer(false).unwrap_or_else(|error| panic!("sender {sender}: {error}"));
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    assert_eq!(accepted(&running), 100);
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn requests_that_arrived_behind_one_whose_answer_nobody_hears_are_taken_too() {
    let running = practising(|_| {});
    for sender in 0..50 {
        let mut connection = Connection::open(running.address).unwrap();
        let four: Vec<u8> = (0..4).flat_map(|request| track(&format!("user-{sender}-{request}"))).collect();
        connection.write(&four).unwrap();
    }
    wait_until("every event is taken", || accepted(&running) == 200);
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn a_sender_that_asks_first_hears_a_final_answer_at_once_where_the_head_decides() {
    let running = practising(|config| config.capture.max_body_bytes = 100_000);
    let known = key_header(WRITE_KEY);
    let gzip = format!("{known}Content-Encoding: br\r\n");
    for (method, path, headers, length, status) in [
        ("POST", "/v1/track", &*known, 30_000_000, 413),
        ("POST", "/v1/nothing", &*known, 30_000_000, 404),
        ("PUT", "/v1/track", &*known, 30_000_000, 405),
        ("POST", "/v1/track?writeKey=stranger", "", 50_000, 401),
        ("POST", "/v1/track", &*gzip, 50_000, 415),
    ] {
        let mut connection = Connection::open(running.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        );
        let reply = connection.ask(head.as_bytes()).unwrap();
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
    }
    let mut connection = Connection::open(running.address).unwrap();
    let headers = format!("{known}Expect: 100-continue\r\n");
    let bytes = request("POST", "/v1/track", &headers, br#"{"userId":"u","event":"e"}"#);
    let (head, body) = bytes.split_at(bytes.len() - 26);
    assert_eq!(connection.ask(head).unwrap().status, 100);
    assert_eq!(connection.ask(body).unwrap().status, 200);
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn a_head_above_64_kib_is_refused_whatever_is_in_it_and_one_below_is_taken() {
    let running = practising(|_| {});
    let with = |bytes: usize| format!("{}Cookie: {}\r\n", key_header(WRITE_KEY), "c".repeat(bytes));
    let body = br#"{"userId":"u","event":"e"}"#;
    for (bytes, status) in [(60_000, 200), (66_000, 431), (100_000, 431), (200_000, 431)] {
        let mut connection = Connection::open(running.address).unwrap();
        // The largest body is refused while it is still being sent.
        drop(connection.write(&request("POST", "/v1/track", &with(bytes), body)));
        match connection.answer(false) {
            Ok(reply) => assert_eq!(reply.status, status, "{bytes}: {reply:?}"),
            Err(error) => assert!(bytes > 131_072, "{bytes}: {error}"),
        }
    }
    assert_eq!(accepted(&running), 1);
    running.engine.shutdown(Duration::from_secs(5));
}

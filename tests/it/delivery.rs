//! From the sender's bytes to the record, by the real program and a Kinesis with scripted answers. Changes while the
//! engine runs are tested on the engine itself, with the practice stream.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use tributary::config::{Config, CredentialsSource, DestinationKind, Operation};
use tributary::delivery::{ForwarderState, Query};
use tributary::engine::{Applied, WaitingEvents};
use tributary::event::Encoding;
use tributary::practice::Faults;

use crate::binary::{Home, Serve, WRITE_KEY, key_header};
use crate::practising::{Practising, practising};
use crate::scripted::{Answer, Call, DENIED, FAILING, Scripted, Sent, THROTTLED, TOO_LARGE, first_arrivals};
use crate::wire::{self, Connection, adds_up, metric, wait_for, wait_until};

/// One event of a user; `n` is its number.
fn event(user: &str, n: usize) -> String {
    format!(r#"{{"type":"track","userId":"{user}","event":"e","n":{n},"messageId":"{user}-{n}"}}"#)
}

fn batch(events: &[String]) -> String {
    format!(r#"{{"batch":[{}]}}"#, events.join(","))
}

/// Posts to `/v1/batch` on a connection that stays open.
fn post_batch(connection: &mut Connection, events: &[String]) -> std::io::Result<u16> {
    let body = batch(events);
    let bytes = wire::request("POST", "/v1/batch", &key_header(WRITE_KEY), body.as_bytes());
    connection.ask(&bytes).map(|reply| reply.status)
}

fn numbers(range: std::ops::Range<usize>) -> Vec<Value> {
    range.map(Value::from).collect()
}

/// This number of users send at once, each its `count` events in order, a few at a time.
fn send_from_many(address: SocketAddr, senders: usize, count: usize) {
    std::thread::scope(|scope| {
        for user in 0..senders {
            scope.spawn(move || {
                let mut connection = Connection::open(address).unwrap();
                let mut next = 0;
                while next < count {
                    let upto = (next + 1 + next % 4).min(count);
                    let events: Vec<_> = (next..upto).map(|n| event(&format!("u{user}"), n)).collect();
                    assert_eq!(post_batch(&mut connection, &events).unwrap(), 200);
                    next = upto;
                }
            });
        }
    });
}

/// Reads `/metrics` again and again until `done`. The ledger must add up each time.
fn watch_ledger(address: SocketAddr, done: &AtomicBool) -> usize {
    let mut connection = Connection::open(address).unwrap();
    let mut looks = 0;
    while !done.load(Ordering::Relaxed) {
        let text = connection.ask(&wire::request("GET", "/metrics", "", b"")).unwrap().text();
        assert!(adds_up(&text), "look {looks}: {text}");
        looks += 1;
        std::thread::sleep(Duration::from_millis(5));
    }
    looks
}

/// Sets the flag also when a test fails: otherwise the watching thread, and so the test, would never end.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn ledger(home: &Home) -> Value {
    home.run(&["log", "--summary", "--json"]).line()
}

fn assert_settled(home: &Home, accepted: usize, failed: usize) {
    let sums = ledger(home);
    let expected = json!([accepted, accepted - failed, 0, failed, true]);
    assert_eq!(
        json!([sums["accepted"], sums["delivered"], sums["queued"], sums["failed"], sums["addsUp"]]),
        expected,
        "{sums}"
    );
}

const PROPERTIES: &str = r#""properties":{"z":1.0,"a":1e3,"big":12345678901234567890,"f":1.10,"e":1E400,"none":null,"s":"\u00e9\ud83d\ude00 \"\/","half":"\ud83d","ö":"ü","twice":1,"twice":2,"list":[ 1 , [ ] ]}"#;

/// The sender's object without its last brace, and the partition key that its record must have.
fn odd_events() -> Vec<(String, String)> {
    let long = "é".repeat(257);
    // Computed by Python's hashlib.
    let hashed = "db33c4ce9e8a72562c8f24aa67b7abbabdb848426e8ddfff4ee08f6ae04d1b17".to_owned();
    let of_ids = |ids: &str| format!(r#"{{{ids},"event":"E","messageId":"m","sentAt":null,{PROPERTIES}"#);
    vec![
        (of_ids(r#""userId":"u-1","anonymousId":"a-1""#), "u-1".to_owned()),
        (of_ids(r#""anonymousId":"a-1""#), "a-1".to_owned()),
        (of_ids(r#""userId":"","anonymousId":"a-2""#), "a-2".to_owned()),
        (of_ids(r#""userId":null,"anonymousId":"a-3""#), "a-3".to_owned()),
        (of_ids(r#""userId":"\u00fc \"x\"""#), "ü \"x\"".to_owned()),
        (of_ids(&format!(r#""userId":"{}""#, "k".repeat(256))), "k".repeat(256)),
        (of_ids(&format!(r#""userId":"{long}""#)), hashed),
    ]
}

fn json_of(record: &Sent, encoding: &str) -> String {
    let data = record.data.clone();
    let text =
        String::from_utf8(if encoding == "base64" { STANDARD.decode(data).unwrap() } else { data }).unwrap();
    if encoding != "json-lines" {
        return text;
    }
    assert_eq!(text.matches('\n').count(), 1, "one line a record: {text:?}");
    text.strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn every_event_becomes_a_record_with_its_users_key_and_the_senders_bytes() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let mut written = 0;
    for (encoding, operation) in [
        ("base64", "put-record"),
        ("json", "put-record"),
        ("json-lines", "put-record"),
        ("json-lines", "put-records"),
        ("base64", "put-records"),
    ] {
        let serve = home.serve(&["--encoding", encoding, "--operation", operation]);
        for (sent, key) in odd_events() {
            serve.accept("/v1/track", &format!("{sent}}}"));
            written += 1;
            wait_until("the record", || server.written_count() == written);
            let record = server.written().pop().unwrap();
            assert_eq!(record.key, key, "{sent}");
            let text = json_of(&record, encoding);
            let added =
                text.strip_prefix(&sent).unwrap_or_else(|| panic!("{encoding}: {sent}\nbecame {text}"));
            let added: Value =
                serde_json::from_str(&format!("{{{}", added.strip_prefix(',').unwrap())).unwrap();
            let names: Vec<_> = added.as_object().unwrap().keys().cloned().collect();
            assert_eq!(names, ["type", "receivedAt", "timestamp"], "nothing else is added");
        }
        let calls = server.calls();
        let wanted = if operation == "put-record" { "PutRecord" } else { "PutRecords" };
        assert_eq!(calls.last().unwrap().operation, wanted);
        serve.wait_drained();
        serve.stop();
    }
    assert_settled(&home, written, 0);
}

#[test]
fn a_number_as_user_id_is_a_key_and_a_text_with_the_senders_digits() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "encoding = \"json\"");
    let serve = home.serve(&[]);
    for (number, n) in [("42", 1), ("4.50", 2), ("12345678901234567890123", 3), ("1e3", 4)] {
        serve.accept("/v1/track", &format!(r#"{{"userId":{number},"event":"E","anonymousId":"a"}}"#));
        wait_until("the record", || server.written_count() == n);
        let record = server.written().pop().unwrap();
        assert_eq!(record.key, number);
        assert!(record.text().starts_with(&format!(r#"{{"userId":"{number}","event""#)), "{}", record.text());
    }
    serve.stop();
}

#[test]
fn indented_json_is_one_line_in_json_lines() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "encoding = \"json-lines\"");
    let serve = home.serve(&[]);
    serve.accept("/v1/track", "{\n  \"userId\": \"u\",\r\n  \"event\": \"a\\nb\"\n}\n");
    wait_until("the record", || server.written_count() == 1);
    let text = json_of(&server.written()[0], "json-lines");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["event"], "a\nb");
    serve.stop();
}

/// A rule by which more than a quarter of the puts fail in different ways, chosen by this seed.
fn random_failures(seed: u64) -> impl FnMut(&Call) -> Answer + Send + 'static {
    let mut random = fastrand::Rng::with_seed(seed);
    move |call| match random.u32(..100) {
        0..8 => THROTTLED,
        8..12 => FAILING,
        12..15 => Answer::Html(503),
        15..18 => Answer::Empty,
        18..21 => Answer::CutBefore,
        21..25 => Answer::CutAfter,
        25..28 if call.operation == "PutRecords" => Answer::OneShort,
        28..45 if call.operation == "PutRecords" => Answer::Each(
            call.records
                .iter()
                .map(|_| match random.u32(..8) {
                    0 => Some("ProvisionedThroughputExceededException"),
                    1 => Some("InternalFailure"),
                    _ => None,
                })
                .collect(),
        ),
        _ => Answer::Success,
    }
}

fn order_survives(operation: &str, seed: u64) {
    const USERS: usize = 12;
    const EVENTS: usize = 16;
    let server = Scripted::start(random_failures(seed));
    server.set_delay(Duration::from_millis(3));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&["--operation", operation]);
    let done = AtomicBool::new(false);
    let looks = std::thread::scope(|scope| {
        let looks = scope.spawn(|| watch_ledger(serve.address, &done));
        let end = SetAtEnd(&done);
        send_from_many(serve.address, USERS, EVENTS);
        serve.wait_drained();
        drop(end);
        looks.join().unwrap()
    });
    assert!(looks > 10, "{looks} looks at the ledger");
    serve.stop();
    let arrived = server.first_arrivals("n");
    assert_eq!(arrived.len(), USERS);
    for (user, order) in &arrived {
        assert_eq!(order, &numbers(0..EVENTS), "{operation}, seed {seed}, {user}");
    }
    assert_eq!(server.most_of_a_key(), 1, "one record of a key in flight");
    let missed = server.calls().len();
    assert!(missed > USERS, "{missed} puts");
    assert_settled(&home, USERS * EVENTS, 0);
    let repeats = usize::try_from(ledger(&home)["repeatsPossible"].as_u64().unwrap()).unwrap();
    let twice = server.written_count() - USERS * EVENTS;
    assert!(twice > 0, "the script made repeats");
    assert!(twice <= repeats, "{twice} records are there twice, and {repeats} were said to be possible");
}

#[test]
fn order_per_user_survives_every_kind_of_failure_with_put_record() {
    order_survives("put-record", 7);
}

#[test]
fn order_per_user_survives_every_kind_of_failure_with_put_records() {
    order_survives("put-records", 8);
}

#[test]
fn a_put_that_is_never_answered_holds_back_its_own_user_alone() {
    let server = Scripted::start(|call| {
        if call.holds(r#""userId":"silent","event":"e","n":0"#) && call.number < 2 {
            Answer::Silence
        } else {
            Answer::Success
        }
    });
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&[event("silent", 0), event("silent", 1)]));
    wait_until("the put that will have no answer", || server.calls().len() == 1);
    let began = Instant::now();
    serve.accept("/v1/batch", &batch(&[event("other", 0), event("other", 1)]));
    wait_until("the other's events", || server.first_arrivals("n").contains_key("other"));
    assert!(began.elapsed() < Duration::from_secs(8), "nobody else waits");
    serve.wait_drained();
    serve.stop();
    assert_eq!(server.first_arrivals("n")["silent"], numbers(0..2));
    assert_eq!(server.most_of_a_key(), 1);
    assert_settled(&home, 4, 0);
    let line = home.run(&["log", "--json", "--text", "silent-0"]).line();
    assert_eq!((&line["state"], &line["attempts"]), (&json!("delivered"), &json!(2)), "{line}");
}

#[test]
fn different_users_go_in_parallel_and_one_user_does_not() {
    for operation in ["put-record", "put-records"] {
        let server = Scripted::start(|_| Answer::Success);
        server.set_delay(Duration::from_millis(60));
        let home = Home::with_kinesis(&server.url, "");
        let serve = home.serve(&["--operation", operation]);
        let users: Vec<_> = (0..30).map(|user| event(&format!("u{user}"), 0)).collect();
        serve.accept("/v1/batch", &batch(&users));
        wait_until("all", || server.written_count() == 30);
        let calls = server.calls().len();
        if operation == "put-record" {
            assert!(server.most_puts() >= 15, "{} puts at once", server.most_puts());
        } else {
            assert!(calls <= 3, "{calls} calls for 30 users");
        }
        let one: Vec<_> = (0..5).map(|n| event("single", n)).collect();
        serve.accept("/v1/batch", &batch(&one));
        serve.wait_drained();
        assert_eq!(server.first_arrivals("n")["single"], numbers(0..5));
        assert_eq!(server.calls().len(), calls + 5, "one put for each event of one user");
        assert_eq!(server.most_of_a_key(), 1);
        serve.stop();
    }
}

#[test]
fn a_success_that_names_no_sequence_number_is_no_delivery() {
    let server = Scripted::start(|call| if call.number < 2 { Answer::Empty } else { Answer::Success });
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&[event("u", 0)]));
    serve.wait_drained();
    assert_eq!(server.written_count(), 1);
    let line = home.run(&["log", "--json"]).line();
    assert_eq!((&line["state"], &line["attempts"]), (&json!("delivered"), &json!(3)), "{line}");
    assert!(line["sequenceNumber"].is_string() && line["shardId"].is_string(), "{line}");
    serve.stop();
}

fn ten_users() -> Vec<String> {
    (0..10).map(|user| event(&format!("u{user}"), 0)).collect()
}

#[test]
fn only_the_failed_records_are_sent_again() {
    let failed = [1, 4, 9];
    let server = Scripted::start(move |call| match call.number {
        0 => Answer::Each((0..10).map(|at| failed.contains(&at).then_some("InternalFailure")).collect()),
        _ => Answer::Success,
    });
    let home = Home::with_kinesis(&server.url, "operation = \"put-records\"");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&ten_users()));
    serve.wait_drained();
    let calls = server.calls();
    let first: Vec<_> = calls[0].records.iter().map(|record| record.key.clone()).collect();
    assert_eq!(first.len(), 10, "one call for all: {first:?}");
    let mut again: Vec<_> =
        calls[1..].iter().flat_map(|call| &call.records).map(|one| one.key.clone()).collect();
    again.sort();
    let mut wanted: Vec<_> = failed.map(|at: usize| first[at].clone()).into();
    wanted.sort();
    assert_eq!(again, wanted);
    assert_eq!(server.written_count(), 10, "none is there twice");
    serve.stop();
    assert_settled(&home, 10, 0);
}

#[test]
fn an_answer_about_fewer_records_than_were_sent_delivers_none_of_them() {
    let server = Scripted::start(|call| if call.number == 0 { Answer::OneShort } else { Answer::Success });
    let home = Home::with_kinesis(&server.url, "operation = \"put-records\"");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&ten_users()));
    serve.wait_drained();
    assert_eq!(server.written_count(), 20, "all were sent again");
    serve.stop();
    assert_settled(&home, 10, 0);
    assert_eq!(ledger(&home)["repeatsPossible"], 10);
}

fn refused_alone(operation: &str) {
    let server = Scripted::start(|call| if call.holds("poison") { TOO_LARGE } else { Answer::Success });
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&["--operation", operation]);
    let mut events = ten_users();
    events.insert(5, r#"{"type":"track","userId":"u5","event":"poison","messageId":"bad"}"#.to_owned());
    events.extend([event("u5", 1), event("u6", 1)]);
    serve.accept("/v1/batch", &batch(&events));
    serve.wait_drained();
    assert_eq!(metric(&serve.metrics(), "tributary_failed_events"), 1);
    assert_eq!(server.written_count(), 12, "each neighbour once");
    let arrived = server.first_arrivals("n");
    assert_eq!((&arrived["u5"], &arrived["u6"]), (&numbers(0..2), &numbers(0..2)));
    let line = home.run(&["log", "--state", "failed", "--json"]).line();
    assert_eq!((&line["messageId"], &line["partitionKey"]), (&json!("bad"), &json!("u5")), "{line}");
    assert!(line["error"].as_str().unwrap().starts_with("ValidationException"), "{line}");
    assert!(line["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "{line}");
    assert_eq!(line["deliveredAt"], Value::Null);
    // The engine goes on normally.
    serve.accept("/v1/batch", &batch(&[event("u5", 2)]));
    serve.wait_drained();
    wait_until("the log tells it", || serve.log().contains("see `tributary log --state failed`"));
    serve.stop();
    assert_settled(&home, 14, 1);
}

#[test]
fn a_record_that_the_stream_refuses_fails_alone_with_put_record() {
    refused_alone("put-record");
}

#[test]
fn a_record_that_the_stream_refuses_fails_alone_with_put_records() {
    refused_alone("put-records");
}

#[test]
fn one_bad_record_among_five_hundred_is_found_with_few_calls() {
    let server = Scripted::start(|call| if call.holds("poison") { TOO_LARGE } else { Answer::Success });
    let home = Home::with_kinesis(&server.url, "operation = \"put-records\"\nenabled = false");
    let serve = home.serve(&[]);
    let mut events: Vec<_> = (0..499).map(|user| event(&format!("u{user}"), 0)).collect();
    events.insert(321, r#"{"type":"track","userId":"u7","event":"poison","messageId":"bad"}"#.to_owned());
    events.insert(400, event("u7", 1));
    serve.accept("/v1/batch", &batch(&events));
    serve.stop();
    let settings = std::fs::read_to_string(home.settings_file()).unwrap();
    std::fs::write(home.settings_file(), settings.replace("enabled = false", "enabled = true")).unwrap();
    let serve = home.serve(&[]);
    serve.wait_drained();
    assert_eq!(metric(&serve.metrics(), "tributary_failed_total"), 1);
    assert_eq!(server.written_count(), 500, "each of the others, once");
    assert_eq!(server.first_arrivals("n")["u7"], numbers(0..2), "its key goes on");
    let calls = server.calls().len();
    assert!(calls <= 25, "{calls} calls");
    let line = home.run(&["log", "--state", "failed", "--json"]).line();
    assert_eq!(line["messageId"], "bad");
    serve.stop();
    assert_settled(&home, 501, 1);
}

/// Answers that do not name a record as the reason: an argument, an unreadable request, unknown codes.
const ODD: [Answer; 4] = [
    Answer::Error(400, "ValidationException", "Something is not as it should be."),
    Answer::Error(400, "InvalidArgumentException", "That is not wanted here."),
    Answer::Error(400, "SerializationException", "It could not be read."),
    Answer::Error(403, "NobodyKnowsThisException", ""),
];

/// Only the record's own user may wait for it. The number of waiting events is shown, with the reason and a way out.
#[test]
fn a_record_that_is_refused_in_words_nobody_knows_holds_up_its_own_user_alone() {
    for (odd, operation) in ODD.into_iter().zip(["put-record", "put-records", "put-record", "put-records"]) {
        let rule = odd.clone();
        let server =
            Scripted::start(move |call| if call.holds("odd") { rule.clone() } else { Answer::Success });
        let home = Home::with_kinesis(&server.url, "");
        let serve = home.serve(&["--operation", operation]);
        let mut events = vec![r#"{"type":"track","userId":"u5","event":"odd","messageId":"odd"}"#.to_owned()];
        events.extend(ten_users());
        serve.accept("/v1/batch", &batch(&events));
        wait_until("the others", || server.written_count() >= 9);
        for n in 1..10 {
            serve.accept("/v1/batch", &batch(&[event("u1", n), event("u5", n)]));
            wait_until("what comes later", || server.written_count() >= 9 + n);
        }
        serve.wait_state("running");
        let stuck = || metric(&serve.metrics(), "tributary_stuck_events");
        wait_until("the refused one, and those behind it", || stuck() == 11);
        wait_until("a line about them", || serve.log().contains("refused again and again"));
        let log = serve.log();
        let Answer::Error(_, code, _) = odd else { panic!("{odd:?}") };
        assert!(log.contains(code) && log.contains("tributary set-aside"), "{log}");
        assert_eq!(metric(&serve.metrics(), "tributary_failed_total"), 0, "it may be the stream's fault");
        server.set_rule(|_| Answer::Success);
        serve.wait_drained();
        assert_eq!(stuck(), 0);
        serve.stop();
        assert_eq!(server.first_arrivals("n")["u5"], [vec![Value::Null], numbers(0..10)].concat());
        assert_settled(&home, 29, 0);
    }
}

/// Many events of one user come first, and each try during the pause is another user's.
#[test]
fn refused_records_of_some_users_hold_up_nobody_else_however_many_they_are() {
    for (odd, operation) in ODD.into_iter().zip(["put-records", "put-record", "put-records", "put-record"]) {
        let server =
            Scripted::start(move |call| if call.holds("odd") { odd.clone() } else { Answer::Success });
        let home = Home::with_kinesis(&server.url, "enabled = false");
        let serve = home.serve(&["--operation", operation]);
        let of_odd = (0..5).flat_map(|user| {
            let odd = format!(r#"{{"type":"track","userId":"bad{user}","event":"odd"}}"#);
            [odd, event(&format!("bad{user}"), 1)]
        });
        let of_others = (0..196).map(|user| event(&format!("u{user}"), 0));
        serve.accept("/v1/batch", &batch(&of_odd.chain(of_others).collect::<Vec<_>>()));
        serve.stop();
        let settings = std::fs::read_to_string(home.settings_file()).unwrap();
        std::fs::write(home.settings_file(), settings.replace("enabled = false", "enabled = true")).unwrap();
        let serve = home.serve(&["--operation", operation]);
        wait_until("everybody else's", || server.written_count() == 196);
        wait_until("they are shown", || metric(&serve.metrics(), "tributary_stuck_events") == 10);
        let answer = home.run(&["set-aside", "--json"]).line();
        assert_eq!(answer, json!({ "setAside": 5 }));
        serve.wait_drained();
        assert_eq!(server.written_count(), 201, "what was behind them goes on");
        assert_eq!(metric(&serve.metrics(), "tributary_stuck_events"), 0);
        let lines = home.run(&["log", "--state", "failed", "--json"]).lines();
        assert_eq!(lines.len(), 5);
        for line in &lines {
            assert!(line["error"].as_str().unwrap().starts_with("SetAside: "), "{line}");
            assert!(line["remedy"].as_str().unwrap().contains("You can resend it"), "{line}");
        }
        server.set_rule(|_| Answer::Success);
        assert_eq!(home.run(&["resend", "--all"]).code, Some(0));
        serve.wait_drained();
        serve.stop();
        assert_settled(&home, 206, 0);
    }
}

/// A stream that refuses all events is tried with one put at a time, each of another user. No event is called stuck.
#[test]
fn while_blocked_each_try_is_another_users() {
    let [.., unknown] = ODD;
    for refusal in [DENIED, unknown] {
        let server = Scripted::start(move |_| refusal.clone());
        let home = Home::with_kinesis(&server.url, "");
        let serve = home.serve(&[]);
        serve.accept("/v1/batch", &batch(&ten_users()));
        serve.wait_state("blocked");
        let before = server.calls().len();
        wait_until("three tries", || server.calls().len() >= before + 3);
        let tried: std::collections::HashSet<_> =
            server.calls()[before..before + 3].iter().map(|call| call.records[0].key.clone()).collect();
        assert_eq!(tried.len(), 3, "{tried:?}");
        assert_eq!(metric(&serve.metrics(), "tributary_stuck_events"), 0, "it is nobody's own fault");
        server.set_rule(|_| Answer::Success);
        serve.wait_drained();
        serve.stop();
        assert_settled(&home, 10, 0);
    }
}

/// A stream that always takes longer than the usual timeout does not get the same records for ever.
#[test]
fn a_stream_that_is_slow_to_answer_is_waited_for_and_told_of() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_delay(Duration::from_secs(12));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&[event("u", 0)]));
    serve.wait_drained();
    assert_eq!(server.calls().len(), 2, "the second put had more time");
    serve.accept("/v1/batch", &batch(&[event("u", 1)]));
    serve.wait_drained();
    assert_eq!(server.calls().len(), 3, "and so have those that follow");
    wait_until("the log names the latency", || serve.log().contains("takes 12.0 s to answer a put"));
    serve.stop();
    assert_settled(&home, 2, 0);
    assert_eq!(ledger(&home)["repeatsPossible"], 1);
}

/// The numbers of the events by user, in the order in which each first arrived.
fn places(written: &[Sent]) -> BTreeMap<String, Vec<u64>> {
    let mut seen = std::collections::HashSet::new();
    let mut places: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for record in written {
        let n = record.json()["n"].as_u64().unwrap();
        if seen.insert((record.key.clone(), n)) {
            places.entry(record.key.clone()).or_default().push(n);
        }
    }
    places
}

#[test]
fn a_user_with_more_events_than_memory_takes_holds_up_nobody_else() {
    const EVENTS: usize = 560;
    // 34 MB: the forwarder holds 32 MiB.
    let text = "x".repeat(61_000);
    let server = Scripted::start(|call| {
        let fate = |one: &Sent| (one.key == "stuck").then_some("InternalFailure");
        Answer::Each(call.records.iter().map(fate).collect())
    });
    let home = Home::with_kinesis(&server.url, "operation = \"put-records\"");
    let serve = home.serve(&[]);
    for first in (0..EVENTS).step_by(40) {
        let big = |n| format!(r#"{{"type":"track","userId":"stuck","event":"e","n":{n},"text":"{text}"}}"#);
        serve.accept("/v1/batch", &batch(&(first..first + 40).map(big).collect::<Vec<_>>()));
    }
    for round in 0..3 {
        let events: Vec<_> = (0..10).map(|user| event(&format!("u{user}"), round)).collect();
        serve.accept("/v1/batch", &batch(&events));
    }
    wait_until("the others' events", || server.written_count() == 30);
    wait_until("the one user's wait", || {
        metric(&serve.metrics(), "tributary_queued_events") == EVENTS as u64
    });
    server.set_rule(|_| Answer::Success);
    serve.wait_drained();
    serve.stop();
    let places = places(&server.written());
    assert_eq!(places["stuck"], (0..EVENTS as u64).collect::<Vec<_>>());
    assert!((0..10).all(|user| places[&format!("u{user}")] == [0, 1, 2]), "{places:?}");
    assert_eq!(server.most_of_a_key(), 1);
    assert_settled(&home, EVENTS + 30, 0);
}

#[test]
fn a_backlog_goes_oldest_first_and_new_events_are_accepted_meanwhile() {
    const BACKLOG: usize = 3000;
    let server = Scripted::start(|_| DENIED);
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    let users = |range: std::ops::Range<usize>| -> Vec<String> {
        range.map(|n| event(&format!("u{n}"), n)).collect()
    };
    for first in (0..BACKLOG).step_by(500) {
        serve.accept("/v1/batch", &batch(&users(first..first + 500)));
    }
    serve.wait_state("blocked");
    server.set_rule(|_| Answer::Success);
    let mut next = BACKLOG;
    let mut connection = Connection::open(serve.address).unwrap();
    while server.written_count() < BACKLOG {
        assert_eq!(post_batch(&mut connection, &users(next..next + 1)).unwrap(), 200);
        next += 1;
    }
    serve.wait_drained();
    serve.stop();
    let order: Vec<u64> = server.written().iter().map(|one| one.json()["n"].as_u64().unwrap()).collect();
    assert_eq!(order.len(), next);
    for (at, n) in order.iter().enumerate() {
        // Up to 1,024 are in flight together, and one of them can take long.
        assert!(n.abs_diff(at as u64) <= 2048, "event {n} was delivered as number {at}");
    }
    assert!(next > BACKLOG + 20, "{} events were accepted meanwhile", next - BACKLOG);
}

#[test]
fn what_the_stream_says_of_itself_is_heeded() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let large = format!(r#"{{"userId":"u","event":"e","text":"{}"}}"#, "x".repeat(1_500_000));
    let post = |address| {
        let headers = key_header(WRITE_KEY);
        wire::send(address, "POST", "/v1/track", &headers, large.as_bytes()).status
    };
    // The stream does not tell its limit: the usual one holds.
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&[event("u", 0)]));
    serve.wait_drained();
    assert_eq!(post(serve.address), 413);
    assert!(!serve.stop().contains("AUTO"));
    server.set_summary(&json!({ "MaxRecordSizeInKiB": 10240, "RecordDistributionStrategy": "AUTO" }));
    let serve = home.serve(&[]);
    wait_until("the log tells of AUTO", || serve.log().contains("record distribution AUTO"));
    let check = home.run(&["check"]);
    assert!(check.code == Some(0) && check.stdout.contains("record distribution AUTO"), "{check:?}");
    assert_eq!(post(serve.address), 200, "10 MiB may be put");
    serve.wait_drained();
    serve.stop();
    assert_eq!(server.written().last().unwrap().data.len(), large_record(&server));
    // The stream is offline at the next start: its limit is still known, for this stream only.
    server.set_rule(|_| DENIED);
    server.set_summary(&Value::Null);
    let serve = home.serve(&["--stream", "another"]);
    assert_eq!(post(serve.address), 413);
    serve.stop();
    let serve = home.serve(&[]);
    assert_eq!(post(serve.address), 200);
    serve.wait_state("blocked");
    serve.stop();
    server.set_rule(|_| Answer::Success);
    server.set_summary(
        &json!({ "MaxRecordSizeInKiB": 1024, "RecordDistributionStrategy": "USER_PARTITION_KEY" }),
    );
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&[event("u", 1)]));
    serve.wait_drained();
    assert_eq!(post(serve.address), 413);
    assert!(!serve.stop().contains("AUTO"));
}

/// The base64 of an event of 1.5 MB.
fn large_record(server: &Scripted) -> usize {
    let len = server.written().last().unwrap().text().len();
    assert!(len > 1_500_000);
    len.div_ceil(3) * 4
}

#[test]
fn a_put_whose_answer_was_lost_may_arrive_after_the_next_one_and_counts_once_where_it_first_came() {
    let late = Duration::from_millis(600);
    let server = Scripted::start(
        move |call| {
            if call.number == 0 { Answer::CutAndLate(late) } else { Answer::Success }
        },
    );
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&[event("u", 0), event("u", 1)]));
    wait_until("the late one", || server.written_count() == 3);
    serve.wait_drained();
    serve.stop();
    assert_eq!(server.first_arrivals("n")["u"], numbers(0..2));
    let all: Vec<_> = server.written().iter().map(|one| one.json()["n"].clone()).collect();
    assert_eq!(all, [json!(0), json!(1), json!(0)], "the repeat stands behind the next one");
    assert_settled(&home, 2, 0);
    assert_eq!(ledger(&home)["repeatsPossible"], 1);
}

#[test]
fn killed_between_the_put_and_its_answer_the_event_is_put_again_and_lost_is_none() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_delay(Duration::from_secs(5));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&[event("u", 0), event("u", 1)]));
    wait_until("the record", || server.written_count() == 1);
    serve.kill();
    server.set_delay(Duration::ZERO);
    let serve = home.serve(&[]);
    serve.wait_drained();
    serve.stop();
    assert_eq!(server.first_arrivals("n")["u"], numbers(0..2));
    assert_eq!(server.written_count(), 3, "the first one is there twice");
    assert_settled(&home, 2, 0);
    assert_eq!(ledger(&home)["repeatsPossible"], 0, "nobody was there to count it");
}

#[test]
fn the_practice_streams_records_end_with_the_engine_and_the_delivery_log_does_not() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&[event("u", 0)]));
    serve.wait_drained();
    assert_eq!(home.run(&["tail"]).lines().len(), 1);
    serve.stop();
    let serve = home.serve(&[]);
    assert_eq!(home.run(&["tail"]).stdout, "");
    assert_eq!(home.run(&["log", "--json"]).line()["state"], "delivered");
    serve.stop();
}

#[test]
fn a_spool_that_cannot_be_read_is_told_of_and_read_again_when_it_can() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "enabled = false");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&[event("u", 0), event("u", 1), event("v", 0)]));
    serve.stop();
    let rename = |from: &str, to: &str| {
        let file = rusqlite::Connection::open(home.data_dir().join("spool.sqlite3")).unwrap();
        file.busy_timeout(Duration::from_secs(5)).unwrap();
        file.execute_batch(&format!("ALTER TABLE event RENAME COLUMN {from} TO {to}")).unwrap();
    };
    rename("start", "gone");
    let serve = home.serve_with(&[], &[("TRIBUTARY_DESTINATION_ENABLED", Some("true"))]);
    wait_until("the log tells it", || serve.log().contains("Forwarder blocked: SpoolUnreadable"));
    serve.wait_state("blocked");
    rename("gone", "start");
    serve.wait_drained();
    serve.wait_state("running");
    serve.stop();
    assert_eq!(server.first_arrivals("n")["u"], numbers(0..2));
    assert_settled(&home, 3, 0);
}

#[test]
fn a_forwarder_that_needs_its_user_says_so_and_goes_on_by_itself_when_that_is_done() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    let mut sent = 0;
    for answer in [
        DENIED,
        Answer::Error(400, "ExpiredTokenException", "The security token included in the request is expired"),
        Answer::Error(400, "ResourceNotFoundException", "Stream clicks under account 1 not found."),
        Answer::Error(
            400,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
    ] {
        let of_rule = answer.clone();
        server.set_rule(move |_| of_rule.clone());
        let events: Vec<_> = (0..3).map(|user| event(&format!("secret-user-{user}"), sent)).collect();
        serve.accept("/v1/batch", &batch(&events));
        sent += 1;
        serve.wait_state("blocked");
        let metrics = serve.metrics();
        assert_eq!(metric(&metrics, "tributary_queued_events"), 3, "{metrics}");
        assert!(adds_up(&metrics), "{metrics}");
        let Answer::Error(_, code, _) = answer else { unreachable!("all are errors") };
        wait_until("the log tells it", || serve.log().contains(code));
        server.set_rule(|_| Answer::Success);
        serve.wait_drained();
        serve.wait_state("running");
    }
    let log = serve.stop();
    assert!(log.contains("Forwarder blocked") && log.contains("3 events are queued, none is lost"), "{log}");
    for secret in ["secret-user", "wJalrXUtnFEMI", WRITE_KEY] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
    for order in server.first_arrivals("n").values() {
        assert_eq!(order, &numbers(0..sent));
    }
    assert_settled(&home, 3 * sent, 0);
}

#[test]
fn a_blocked_forwarder_tries_with_one_put_at_a_time() {
    let server = Scripted::start(|_| DENIED);
    server.set_delay(Duration::from_millis(30));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&[event("first", 0)]));
    serve.wait_state("blocked");
    let users: Vec<_> = (0..40).map(|user| event(&format!("u{user}"), 0)).collect();
    serve.accept("/v1/batch", &batch(&users));
    wait_until("three more tries", || server.calls().len() >= 4);
    let calls = server.calls();
    assert!(calls.iter().all(|call| call.beside == 0), "{} puts at once", server.most_puts());
    let pauses: Vec<_> = calls.windows(2).map(|two| two[1].at - two[0].at).collect();
    assert!(pauses.iter().all(|pause| *pause >= Duration::from_millis(450)), "{pauses:?}");
    server.set_rule(|_| Answer::Success);
    serve.wait_drained();
    serve.stop();
    assert_settled(&home, 41, 0);
}

#[test]
fn an_outage_is_called_offline_and_a_busy_stream_throttled() {
    let server = Scripted::start(|_| Answer::Html(503));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&ten_users()));
    serve.wait_state("offline");
    server.set_rule(|call| if call.number % 2 == 0 { THROTTLED } else { Answer::Success });
    serve.wait_state("throttled");
    serve.wait_drained();
    serve.wait_state("running");
    serve.stop();
    assert_settled(&home, 10, 0);
}

#[test]
fn a_server_that_is_not_there_is_waited_for() {
    let address = {
        let gone = Scripted::start(|_| Answer::Success);
        gone.url.clone()
    };
    let home = Home::with_kinesis(&address, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/batch", &batch(&ten_users()));
    serve.wait_state("offline");
    serve.stop();
    let sums = ledger(&home);
    assert_eq!(
        (&sums["queued"], &sums["repeatsPossible"]),
        (&json!(10), &json!(0)),
        "nothing was sent: {sums}"
    );
    let server = Scripted::start(|_| Answer::Success);
    let serve = home.serve(&["--endpoint-url", &server.url]);
    serve.wait_drained();
    serve.stop();
    assert_settled(&home, 10, 0);
}

// Changes of the settings while the engine runs.

fn post(running: &Practising, events: &[String]) -> u16 {
    post_batch(&mut Connection::open(running.address).unwrap(), events).unwrap()
}

#[test]
fn a_disabled_destination_keeps_events_waiting_and_enabling_delivers_them() {
    let running = practising(|config| config.destination.enabled = false);
    assert_eq!(post(&running, &ten_users()), 200);
    wait_until("disabled", || running.engine.status().forwarder == ForwarderState::Disabled);
    wait_until("ten wait", || running.engine.status().ledger.queued == 10);
    assert!(running.records().is_empty());
    running.change(|config| config.destination.enabled = true);
    running.wait_settled(10);
    wait_until("running", || running.engine.status().forwarder == ForwarderState::Running);
    assert_eq!(running.records().len(), 10);
    // Disabled again, in the middle of everything: further events wait for the next start.
    running.change(|config| config.destination.enabled = false);
    assert_eq!(post(&running, &[event("late", 0)]), 200);
    wait_until("one waits", || running.engine.status().ledger.queued == 1);
    running.engine.shutdown(Duration::from_secs(5));
}

/// CPU time of the program so far in hundredths of a second, if `/proc` tells it.
fn computed(serve: &Serve) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", serve.id())).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    Some(fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?)
}

#[test]
fn who_waits_does_not_compute() {
    let server = Scripted::start(|_| DENIED);
    for (settings, state) in [("enabled = false", "disabled"), ("", "blocked")] {
        let home = Home::with_kinesis(&server.url, settings);
        let serve = home.serve(&[]);
        serve.accept("/v1/batch", &batch(&ten_users()));
        serve.wait_state(state);
        let before = computed(&serve);
        std::thread::sleep(Duration::from_secs(2));
        let used = computed(&serve).zip(before).map(|(after, before)| after - before);
        assert!(used.is_none_or(|used| used < 20), "{state}: {used:?} hundredths of a second");
        serve.stop();
    }
}

const SENDERS: usize = 6;

/// Sends from many users while `changes` are made. Returns the records of the stream.
fn under_changes(events: usize, changes: &[fn(&mut Config)]) -> Vec<Sent> {
    let running = practising(|_| {});
    let delay = Duration::from_millis(4);
    running.engine.practice().set_faults(Faults {
        throttle: 0.1,
        fail_records: 0.1,
        server_error: 0.03,
        cut_connection: 0.03,
        delay,
        ..Faults::default()
    });
    std::thread::scope(|scope| {
        let senders = scope.spawn(|| send_from_many(running.address, SENDERS, events));
        let total = (SENDERS * events) as u64;
        let began = Instant::now();
        for change in changes.iter().cycle() {
            running.change(change);
            let ledger = running.engine.status().ledger;
            assert!(ledger.adds_up(), "{ledger:?}");
            std::thread::sleep(Duration::from_millis(20));
            let enough = running.engine.status().ledger.delivered >= total / 2;
            if senders.is_finished() && (enough || began.elapsed() > Duration::from_secs(30)) {
                break;
            }
        }
        senders.join().unwrap();
        // The last change may have disabled delivery.
        running.change(|config| {
            config.destination.enabled = true;
            config.destination.kind = DestinationKind::Practice;
        });
        running.wait_settled(total);
    });
    running.engine.practice().set_faults(Faults::default());
    let records = running.records();
    running.engine.shutdown(Duration::from_secs(5));
    records
}

fn of_all_senders(events: usize) -> BTreeMap<String, Vec<Value>> {
    (0..SENDERS).map(|user| (format!("u{user}"), numbers(0..events))).collect()
}

#[test]
fn changing_encoding_and_operation_under_way_loses_nothing_and_keeps_the_order() {
    let records = under_changes(
        50,
        &[
            |config| config.destination.operation = Operation::PutRecords,
            |config| config.destination.encoding = Encoding::Json,
            |config| config.destination.enabled = false,
            |config| config.destination.enabled = true,
            |config| config.destination.operation = Operation::PutRecord,
            |config| config.destination.encoding = Encoding::Base64,
            |config| config.destination.encoding = Encoding::JsonLines,
        ],
    );
    assert_eq!(first_arrivals(&records, "n"), of_all_senders(50));
    let encodings = Encoding::ALL.iter().filter(|encoding| {
        records
            .iter()
            .any(|record| Encoding::decode(&record.data).is_some_and(|(_, seen)| seen == **encoding))
    });
    assert!(encodings.count() > 1, "the change took effect under way");
}

#[test]
fn leaving_the_stream_and_coming_back_under_way_loses_nothing_and_keeps_the_order() {
    fn away(config: &mut Config) {
        config.destination.kind = DestinationKind::Kinesis;
        "us-east-1".clone_into(&mut config.destination.region);
        "elsewhere".clone_into(&mut config.destination.stream);
        "http://127.0.0.1:9".clone_into(&mut config.destination.endpoint_url);
        config.credentials.source = CredentialsSource::Profile;
        "tributary-has-no-such-profile".clone_into(&mut config.credentials.profile);
    }
    let records = under_changes(40, &[away, |config| config.destination.kind = DestinationKind::Practice]);
    assert_eq!(first_arrivals(&records, "n"), of_all_senders(40));
}

#[test]
fn events_after_order_was_switched_on_again_are_in_order() {
    let running = practising(|_| {});
    let faults = Faults { throttle: 0.3, delay: Duration::from_millis(2), ..Faults::default() };
    running.engine.practice().set_faults(faults);
    let send = |range: std::ops::Range<usize>| {
        let mut connection = Connection::open(running.address).unwrap();
        for n in range {
            let events: Vec<_> = (0..3).map(|user| event(&format!("u{user}"), n)).collect();
            assert_eq!(post_batch(&mut connection, &events).unwrap(), 200);
        }
    };
    send(0..30);
    running.change(|config| config.destination.ordered = false);
    send(30..60);
    running.change(|config| config.destination.ordered = true);
    send(60..90);
    running.wait_settled(270);
    let arrived = first_arrivals(&running.records(), "n");
    assert_eq!(arrived.len(), 3);
    for order in arrived.values() {
        let of = |range: std::ops::Range<u64>| -> Vec<u64> {
            order.iter().filter_map(Value::as_u64).filter(|n| range.contains(n)).collect()
        };
        assert_eq!(order.len(), 90);
        assert_eq!(of(60..90), (60..90).collect::<Vec<_>>());
    }
    running.engine.shutdown(Duration::from_secs(5));
}

/// How often the oldest event was put.
fn attempts(running: &Practising) -> u32 {
    let query = Query { limit: 1, oldest_first: true, ..Query::default() };
    let page = running.engine.log().page(query).wait().unwrap().unwrap();
    page.rows.first().map_or(0, |row| row.attempts)
}

/// Without a trigger, the tenth try would come after minutes.
#[test]
fn try_now_and_new_settings_are_tried_at_once_however_long_the_pause() {
    let running = practising(|_| {});
    running.engine.practice().set_faults(Faults { access_denied: true, ..Faults::default() });
    assert_eq!(post(&running, &[event("u", 0)]), 200);
    wait_until("blocked", || running.engine.status().forwarder.as_str() == "blocked");
    for _ in 0..10 {
        let before = attempts(&running);
        running.engine.forwarder().retry_now();
        wait_until("another try", || attempts(&running) > before);
    }
    running.engine.practice().set_faults(Faults::default());
    running.change(|config| config.destination.encoding = Encoding::Json);
    running.wait_settled(1);
    running.engine.shutdown(Duration::from_secs(5));
}

/// Users of one shard of four (`practice::shard`).
fn users_of_a_shard(count: usize) -> Vec<String> {
    let is_there = |user: &String| Md5::digest(user.as_bytes())[0] < 0x40;
    (0..).map(|n| format!("u{n}")).filter(is_there).take(count).collect()
}

/// The backlog is four times the quota that a shard takes at once. `cargo bench --bench throttled` measures how much of
/// the limit is used: without optimisation, the program's own CPU time would be the limit.
fn steady_throttling(operation: Operation) {
    const EACH: usize = 12;
    let all = users_of_a_shard(12);
    let running = practising(|config| {
        config.destination.operation = operation;
        config.destination.encoding = Encoding::Json;
        config.destination.enabled = false;
    });
    running.engine.practice().set_faults(Faults { shard_limits: true, ..Faults::default() });
    let text = "x".repeat(30_000);
    let mut connection = Connection::open(running.address).unwrap();
    for n in 0..EACH {
        let big =
            |user| format!(r#"{{"type":"track","userId":"{user}","event":"e","n":{n},"text":"{text}"}}"#);
        assert_eq!(post_batch(&mut connection, &all.iter().map(big).collect::<Vec<_>>()).unwrap(), 200);
    }
    let began = Instant::now();
    running.change(|config| config.destination.enabled = true);
    wait_until("all is delivered", || {
        let status = running.engine.status();
        assert!(status.ledger.adds_up(), "{status:?}");
        // Not `queued == 0`: the published status is a moment behind.
        status.ledger.delivered == (all.len() * EACH) as u64
    });
    let took = began.elapsed();
    let page = running.engine.log().page(Query { limit: 1_000, ..Query::default() }).wait().unwrap().unwrap();
    let pushed_back = page.rows.iter().any(|line| line.attempts > 1);
    // The first MiB is taken at once, the rest at one a second: only a slower forwarder is not throttled.
    let at_the_limit = Duration::from_secs_f64((all.len() * EACH * text.len()) as f64 / 1_048_576.0 - 1.0);
    assert!(
        pushed_back || took > at_the_limit,
        "{took:?} without push-back; the limit allows {at_the_limit:?}"
    );
    // The limits hold for readers too.
    running.engine.practice().set_faults(Faults::default());
    let mut users: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in running.records() {
        users.entry(record.key.clone()).or_default().push(record.json()["n"].clone());
    }
    assert_eq!(users.len(), all.len(), "every user");
    for (user, order) in users {
        assert_eq!(order, numbers(0..EACH), "{user}: each event once, in order");
    }
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn a_stream_at_its_limit_gets_everything_once_and_in_order_with_put_record() {
    steady_throttling(Operation::PutRecord);
}

#[test]
fn a_stream_at_its_limit_gets_everything_once_and_in_order_with_put_records() {
    steady_throttling(Operation::PutRecords);
}

#[test]
fn changing_the_order_switch_under_way_loses_nothing() {
    let records = under_changes(
        50,
        &[|config| config.destination.ordered = false, |config| config.destination.ordered = true],
    );
    let mut arrived = first_arrivals(&records, "n");
    for order in arrived.values_mut() {
        order.sort_by_key(Value::as_u64);
    }
    assert_eq!(arrived, of_all_senders(50));
}

#[test]
fn the_endpoint_moves_to_another_port_and_stays_where_that_is_taken() {
    let running = practising(|_| {});
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = taken.local_addr().unwrap();
    running.change(|config| config.capture.listen = other);
    wait_until("the problem is shown", || {
        running.engine.status().problems.iter().any(|text| text.contains("port"))
    });
    assert_eq!(post(&running, &[event("u", 0)]), 200, "the old address still answers");
    drop(taken);
    wait_until("it moved by itself, and the problem is over", || {
        let status = running.engine.status();
        status.endpoint == Some(other) && status.problems.is_empty()
    });
    assert_eq!(post_batch(&mut Connection::open(other).unwrap(), &[event("u", 1)]).unwrap(), 200);
    wait_until("the old address is closed", || Connection::open(running.address).is_err());
    running.wait_settled(2);
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn a_stream_is_named_by_its_arn_where_the_settings_give_one() {
    let server = Scripted::start(|_| Answer::Success);
    let arn = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks";
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&["--stream", arn]);
    serve.accept("/v1/batch", &batch(&[event("u", 0)]));
    serve.wait_drained();
    serve.stop();
    assert_eq!(server.calls()[0].stream, arn);
}

/// A record of each of 2,000 users is in flight when the destination is changed. Their outcomes are written last.
#[test]
fn what_waits_is_set_aside_while_the_old_destination_still_delivers() {
    let running = practising(|config| config.destination.operation = Operation::PutRecords);
    let delay = Duration::from_millis(300);
    running.engine.practice_stream().set_faults(Faults { delay, ..Faults::default() });
    let mut connection = Connection::open(running.address).unwrap();
    for part in 0..20_usize {
        let events: Vec<_> = (0..500).map(|n| event(&format!("u{}-{n}", part % 4), n)).collect();
        assert_eq!(post_batch(&mut connection, &events).unwrap(), 200);
    }
    wait_until("puts to come back", || running.engine.status().ledger.delivered > 0);
    wait_until("more to be in flight", || running.engine.status().sending >= 1_000);
    let mut config = Config::clone(&running.engine.settings().current());
    config.destination.enabled = false;
    "other".clone_into(&mut config.destination.stream);
    let saved = running.engine.settings().save_and_apply(config, WaitingEvents::SetAside).wait().unwrap();
    assert_eq!(
        (saved, &*running.engine.settings().current().destination.stream),
        (Ok(Applied::InForce), "other")
    );
    let ledger =
        wait_for("the sums", || Some(running.engine.status().ledger).filter(|ledger| ledger.queued == 0));
    assert!(ledger.adds_up() && ledger.accepted == 10_000 && ledger.failed > 0, "{ledger:?}");
    assert_eq!(running.records().len() as u64, ledger.delivered);
}

/// Sends `per_tick` events of these users, ten times a second, until the returned closure is called.
fn send_on(address: SocketAddr, users: &'static [&'static str], per_tick: usize) -> impl FnOnce() {
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let stops = std::sync::Arc::clone(&stop);
    let sender = std::thread::Builder::new().name("sender".to_owned()).spawn(move || {
        let mut connection = Connection::open(address).unwrap();
        let mut n = 0;
        while !stops.load(Ordering::Relaxed) {
            let some: Vec<_> =
                (n..n + per_tick).map(|n| event(users[n % users.len()], n / users.len())).collect();
            assert_eq!(post_batch(&mut connection, &some).unwrap(), 200);
            n += per_tick;
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    move || {
        stop.store(true, Ordering::Relaxed);
        sender.unwrap().join().unwrap();
    }
}

#[test]
fn a_queue_that_grows_is_told_of_with_what_holds_it_and_what_would_give_more() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_delay(Duration::from_millis(40));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    assert!(serve.metrics().contains("tributary_delivery_limit{limit=\"order\"} 0"));
    assert_eq!(ledger(&home)["limit"], Value::Null);
    let stop = send_on(serve.address, &["hot"], 20);
    wait_until("it is told", || serve.metrics().contains("tributary_delivery_limit{limit=\"order\"} 1"));
    let limit = ledger(&home)["limit"].clone();
    assert_eq!((&limit["name"], &limit["partitionKey"]), (&json!("order"), &json!("hot")), "{limit}");
    // One in 40 ms.
    let rate = limit["eventsPerSecond"].as_f64().unwrap();
    assert!((5.0..=25.5).contains(&rate), "{limit}");
    assert!(limit["action"].as_str().unwrap().contains("destination.aggregation = \"kpl\""), "{limit}");
    let text = home.run(&["log", "--summary"]).stdout;
    assert!(text.contains("The queue grows. The events that wait are of the user hot."), "{text}");
    stop();
    server.set_delay(Duration::ZERO);
    serve.wait_drained();
    wait_until("it is over", || !serve.metrics().contains("tributary_delivery_limit{limit=\"order\"} 1"));
    wait_until("that is told", || serve.log().contains("The queue no longer grows"));
    assert_eq!(serve.stop().matches("The queue grows").count(), 1);
}

#[test]
fn with_aggregation_one_user_is_delivered_as_it_comes_and_nothing_is_told() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_delay(Duration::from_millis(40));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&["--aggregation", "kpl"]);
    let stop = send_on(serve.address, &["hot"], 20);
    wait_until("it has gone on for a while", || server.written_count() > 1500);
    stop();
    serve.wait_drained();
    assert_eq!(server.most_of_a_key(), 1);
    let arrived = &server.first_arrivals("n")["hot"];
    assert_eq!(*arrived, (0..arrived.len()).map(Value::from).collect::<Vec<_>>());
    assert!(!serve.stop().contains("The queue grows"));
}

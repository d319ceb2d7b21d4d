//! Resending, with a running engine and without: failed and delivered events are put again and marked, and the ledger
//! adds up at every step.

use serde_json::{Value, json};

use crate::binary::{Home, Serve};
use crate::practising::practising;
use crate::scripted::{Answer, Call, Scripted, TOO_LARGE};
use crate::wire::{metric, wait_for, wait_until};
use tributary::delivery::{Query, ResendSelection, State};

/// A rule that refuses records with this word for good.
fn refusing(word: &'static str) -> impl FnMut(&Call) -> Answer + Send {
    move |call| if call.holds(word) { TOO_LARGE } else { Answer::Success }
}

fn track(serve: &Serve, user: &str, n: u32, word: &str) {
    let body = format!(r#"{{"userId":"{user}","event":"{word}","n":{n},"messageId":"{user}-{n}"}}"#);
    serve.accept("/v1/track", &body);
}

fn sums(home: &Home) -> Value {
    let sums = home.run(&["log", "--summary", "--json"]).line();
    assert_eq!(sums["addsUp"], true, "{sums}");
    sums
}

fn sent(server: &Scripted) -> Vec<Value> {
    server.written().iter().map(|record| record.json()["messageId"].clone()).collect()
}

#[test]
fn failed_events_go_out_again_behind_the_others_and_are_marked() {
    let server = Scripted::start(refusing("Bad"));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    for (n, word) in [(0, "Good"), (1, "Bad"), (2, "Good"), (3, "Bad")] {
        track(&serve, "u", n, word);
    }
    serve.wait_drained();
    assert_eq!((&sums(&home)["failed"], server.written_count()), (&json!(2), 2));
    server.set_rule(|_| Answer::Success);

    let would = home.run(&["resend", "--all", "--dry-run", "--json"]).line();
    assert_eq!(
        (&would["failed"], &would["replayed"], &would["dryRun"]),
        (&json!(2), &json!(0), &json!(true))
    );
    assert_eq!(sums(&home)["failed"], 2, "a dry run does nothing");

    let ended = home.run(&["resend", "--all"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.stdout.starts_with("2 failed events queued again; "), "{ended:?}");
    serve.wait_drained();
    assert_eq!(sent(&server), ["u-0", "u-2", "u-1", "u-3"]);
    let sums = sums(&home);
    let expected =
        [("accepted", 4), ("delivered", 4), ("queued", 0), ("failed", 0), ("resent", 2), ("replayed", 0)];
    for (name, value) in expected {
        assert_eq!(sums[name], value, "{name}: {sums}");
    }
    let metrics = serve.metrics();
    for (name, value) in
        [("failed_total", 2), ("failed_events", 0), ("resent_total", 2), ("replayed_total", 0)]
    {
        assert_eq!(metric(&metrics, &format!("tributary_{name}")), value, "{name}");
    }
    let lines = home.run(&["log", "--json"]).lines();
    let marks: Vec<_> = lines
        .iter()
        .map(|line| {
            (line["line"].clone(), line["state"].clone(), line["resendOf"].clone(), line["resentAs"].clone())
        })
        .collect();
    assert_eq!(marks[1], (json!(2), json!("resent"), json!(null), json!(5)));
    assert_eq!(marks[4], (json!(5), json!("delivered"), json!(2), json!(null)));
    assert!(lines[1]["error"].as_str().is_some(), "why it had failed stays in its line");
    assert!(home.run(&["log"]).stdout.contains("[resend of line 2]"));
    assert_eq!(home.run(&["log", "--state", "resent", "--json"]).lines().len(), 2);
    let nothing = home.run(&["resend", "--all"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(0), "no event fits: nothing to resend\n"));
    serve.stop();
}

#[test]
fn delivered_events_are_replayed_by_filter_or_id_without_an_engine_and_go_out_at_the_next_start() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    for n in 0..6 {
        track(&serve, if n % 2 == 0 { "ada" } else { "bob" }, n, "Clicked");
    }
    serve.wait_drained();
    serve.stop();

    let ended = home.run(&["resend", "--state", "delivered", "--text", "ada", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("no engine runs") && ended.stderr.lines().count() == 1, "{ended:?}");
    assert_eq!(ended.line()["replayed"], 3);
    let ended = home.run(&["resend", "bob-3", "bob-1"]);
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 1), "{ended:?}");
    let before = sums(&home);
    assert_eq!(
        (&before["accepted"], &before["queued"], &before["replayed"]),
        (&json!(11), &json!(5), &json!(5))
    );
    let serve = home.serve(&[]);
    serve.wait_drained();
    serve.stop();
    assert_eq!(sent(&server)[6..].len(), 5);
    for user in ["ada", "bob"] {
        let ids: Vec<_> =
            sent(&server)[6..].iter().filter(|id| id.as_str().unwrap().starts_with(user)).cloned().collect();
        let numbers = if user == "ada" { vec![0, 2, 4] } else { vec![1, 3] };
        let expected: Vec<_> = numbers.iter().map(|n| json!(format!("{user}-{n}"))).collect();
        assert_eq!(ids, expected, "oldest first");
    }
    assert_eq!(sums(&home)["queued"], 0);
}

#[test]
fn what_cannot_be_resent_is_said() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let ended = home.run(&["resend", "--all"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("tributary serve"), "{ended:?}");
    let serve = home.serve(&[]);
    track(&serve, "u", 1, "Clicked");
    serve.wait_drained();
    for (words, said) in [
        (&["resend"][..], "--all"),
        (&["resend", "--state", "queued"], "queued events cannot be resent"),
        (&["resend", "nobody-1"], "nobody-1"),
    ] {
        let ended = home.run(words);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains(said) && ended.stderr.lines().count() == 1, "{ended:?}");
    }
    for words in [
        &["resend", "u-1", "--all"][..],
        &["resend", "--all", "--state", "failed"],
        &["resend", "--rate", "x"],
    ] {
        assert_eq!(home.run(words).code, Some(2), "{words:?}");
    }
    assert_eq!(server.written_count(), 1);
    serve.stop();
}

#[test]
fn nobody_without_this_runs_key_gets_the_engine_to_resend() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    track(&serve, "u", 1, "Clicked");
    serve.wait_drained();
    let state: Value = serde_json::from_slice(&std::fs::read(home.state_file()).unwrap()).unwrap();
    let port = state["control"]["address"].as_str().unwrap();
    let which = r#""which":{"fitting":{"states":["delivered"]}},"rate":null,"dryRun":false"#;
    for line in [
        format!(r#"{{"key":"wrong",{which}}}"#),
        format!("{{{which}}}"),
        "POST / HTTP/1.1\r\nHost: localhost\r\n\r".to_owned(),
        String::new(),
    ] {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(port).unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut heard = Vec::new();
        // Reset or closed: there is no answer in either case.
        drop(stream.read_to_end(&mut heard));
        assert!(heard.is_empty(), "{line}: {}", String::from_utf8_lossy(&heard));
    }
    assert_eq!(sums(&home)["accepted"], 1);
    let key = state["control"]["key"].as_str().unwrap();
    assert!(key.len() >= 32 && !serve.stop().contains(key));
}

#[test]
fn a_resend_keeps_its_rate_is_seen_under_way_and_stops_when_it_is_told_to() {
    let running = practising(|_| {});
    let batch: Vec<_> =
        (0..50).map(|n| format!(r#"{{"type":"track","userId":"u{n}","event":"e"}}"#)).collect();
    let body = format!(r#"{{"batch":[{}]}}"#, batch.join(","));
    let headers = crate::binary::key_header(crate::binary::WRITE_KEY);
    let reply = crate::wire::send(running.address, "POST", "/v1/batch", &headers, body.as_bytes());
    assert_eq!(reply.status, 200);
    running.wait_settled(50);
    let which =
        || ResendSelection::Fitting(Box::new(Query { states: vec![State::Delivered], ..Query::default() }));
    let engine = &running.engine;
    let would = engine.log().count_resend(which()).wait().unwrap().unwrap();
    assert_eq!((would.replayed, would.failed), (50, 0));
    let under_way = engine.log().resend(which(), std::num::NonZeroU32::new(5));
    wait_until("it is seen", || engine.status().resending.is_some_and(|done| done.replayed >= 2));
    let refused = engine.log().resend(which(), None).wait().unwrap().unwrap_err();
    assert!(refused.contains("already"), "{refused}");
    engine.log().stop_resend();
    let done = under_way.wait().unwrap().unwrap();
    assert!((2..50).contains(&done.replayed), "{done:?}");
    wait_until("it is over", || engine.status().resending.is_none());
    running.wait_settled(50 + done.replayed);
    assert_eq!(wait_for("the sums", || Some(engine.status().ledger.replayed)), done.replayed);
}

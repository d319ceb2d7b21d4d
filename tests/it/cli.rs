//! The command line as scripts use it: answers on stdout, everything else on stderr, exit codes 0, 1 and 2.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::binary::{Home, WRITE_KEY};
use crate::scripted::{Answer, DENIED, Scripted};
use crate::stream_place::{aggregated, gzip, put_into};

const CALLS: [&str; 6] = ["identify", "track", "page", "screen", "group", "alias"];

#[test]
fn each_call_can_be_sent_and_is_followed_to_its_record() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    for call in CALLS {
        let ended = home.run(&["send", call]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        let line = ended.line();
        assert_eq!(
            (&line["type"], &line["state"], &line["source"]),
            (&json!(call), &json!("delivered"), &json!("Tests"))
        );
        for member in ["messageId", "partitionKey", "receivedAt", "deliveredAt", "shardId", "sequenceNumber"]
        {
            assert!(line[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {line}");
        }
        assert_eq!(
            (&line["attempts"], &line["error"], &line["remedy"]),
            (&json!(1), &Value::Null, &Value::Null)
        );
    }
    let kinds: Vec<_> =
        home.run(&["log", "--json"]).lines().iter().map(|line| line["type"].clone()).collect();
    assert_eq!(kinds, CALLS.map(Value::from), "oldest first");
    serve.stop();
}

#[test]
fn an_event_of_ones_own_is_sent_and_a_refused_one_says_why() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let file = home.data_dir().join("event.json");
    std::fs::write(&file, r#"{"userId":"me","event":"Mine","messageId":"mine-1","n":1.0}"#).unwrap();
    let file = file.to_str().unwrap();
    let line = home.run(&["send", "track", "--file", file]).line();
    assert_eq!(
        (&line["messageId"], &line["partitionKey"], &line["event"]),
        (&json!("mine-1"), &json!("me"), &json!("Mine"))
    );
    let line = home.run(&["send", "track", "--file", file, "--no-wait", "--no-mark"]).line();
    assert_eq!(line["messageId"], "mine-1");
    serve.wait_drained();
    let lines = home.run(&["log", "--json"]).lines();
    let repeats: Vec<_> = lines.iter().map(|line| line["repeat"].clone()).collect();
    assert_eq!(repeats, [json!(false), json!(true)], "{lines:?}");
    let marks: Vec<_> =
        home.run(&["tail"]).lines().iter().map(|line| line["data"]["context"]["tributary"].clone()).collect();
    assert_eq!(
        marks,
        [json!({ "test": true }), Value::Null],
        "a test event is marked unless it shall not be"
    );
    std::fs::write(file, r#"{"userId":"me"}"#).unwrap();
    let ended = home.run(&["send", "track", "--file", file]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.starts_with("tributary: the endpoint refused the event (400): "), "{ended:?}");
    assert!(ended.stderr.contains("event") && ended.stderr.lines().count() == 1, "{ended:?}");
    let ended = home.run(&["send", "track", "--source", "Nobody"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("Nobody"), "{ended:?}");
    serve.stop();
}

#[test]
fn tail_looks_through_what_others_put_into_the_stream() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let packed = gzip(br#"{"n":1.10}"#);
    put_into(&home.data_dir(), &[("k", packed.clone()), ("outer", aggregated())]);
    let mut lines = home.run(&["tail"]).lines();
    lines.sort_by_key(|line| line["partitionKey"].as_str().map(str::to_owned));
    let seen: Vec<_> =
        lines.iter().map(|line| [&line["partitionKey"], &line["subSequenceNumber"], &line["data"]]).collect();
    let expected = [
        [json!("ada"), json!(0), json!({ "n": 1 })],
        [json!("ada"), json!(2), json!("/wA=")],
        [json!("bob"), json!(1), json!({ "n": 2 })],
        [json!("k"), Value::Null, json!({ "n": 1.10 })],
    ];
    assert_eq!(seen, expected.each_ref().map(<[Value; 3]>::each_ref), "{lines:?}");
    let raw = home.run(&["tail", "--raw"]).lines();
    assert!(raw.len() == 2 && raw.iter().any(|line| line["data"] == STANDARD.encode(&packed)), "{raw:?}");
    assert_eq!(home.run(&["tail", "--limit", "3"]).lines().len(), 3);
    serve.stop();
}

#[test]
fn tail_prints_the_records_as_a_consumer_gets_them() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let sent: Vec<_> =
        (0..5).map(|n| format!(r#"{{"type":"page","userId":"u","n":{n}.0,"messageId":"m{n}"}}"#)).collect();
    serve.accept("/v1/batch", &format!(r#"{{"batch":[{}]}}"#, sent.join(",")));
    serve.wait_drained();
    let ended = home.run(&["tail"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let lines = ended.lines();
    let ids: Vec<_> = lines.iter().map(|line| line["data"]["messageId"].clone()).collect();
    assert_eq!(ids, ["m0", "m1", "m2", "m3", "m4"].map(Value::from));
    assert!(ended.stdout.contains("\"n\":3.0,"), "numbers stay as they were sent: {}", ended.stdout);
    let names: Vec<_> = lines[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["sequenceNumber", "shardId", "arrivedAt", "partitionKey", "data"]);
    assert_eq!(lines[0]["partitionKey"], "u");
    assert_eq!(home.run(&["tail", "--limit", "2"]).lines(), lines[..2]);
    let raw = home.run(&["tail", "--raw", "--limit", "1"]).line();
    let bytes = STANDARD.decode(raw["data"].as_str().unwrap()).unwrap();
    let event: Value = serde_json::from_slice(&STANDARD.decode(bytes).unwrap()).unwrap();
    assert_eq!(event, lines[0]["data"], "the record's bytes are base64 of the event");
    assert_eq!(home.run(&["tail", "--from", "latest"]).stdout, "");
    assert_eq!(home.run(&["tail", "--from", "1h"]).lines().len(), 5);
    assert_eq!(home.run(&["tail", "--from", "2999-01-01T00:00:00Z"]).stdout, "");
    serve.stop();
}

#[test]
fn the_log_is_searched_by_state_type_text_and_time() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    serve.accept("/v1/track", r#"{"userId":"ada","event":"Bought","messageId":"m1","p":"needle"}"#);
    serve.accept("/v1/page", r#"{"userId":"bob","name":"Home","messageId":"m2"}"#);
    serve.accept("/v1/batch", r#"{"batch":[{"type":"track","userId":"cy","messageId":"m3"}]}"#);
    serve.wait_drained();
    let ids = |words: &[&str]| -> Vec<Value> {
        let words = [&["log", "--json"], words].concat();
        let ended = home.run(&words);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        ended.lines().iter().map(|line| line["messageId"].clone()).collect()
    };
    assert_eq!(ids(&[]), ["m1", "m2", "m3"]);
    assert_eq!(ids(&["--state", "delivered"]), ["m1", "m2"]);
    assert_eq!(ids(&["--state", "rejected"]), ["m3"]);
    assert_eq!(ids(&["--state", "queued,rejected"]), ["m3"]);
    assert_eq!(ids(&["--state", "failed"]), [""; 0]);
    assert_eq!(ids(&["--type", "page"]), ["m2"]);
    assert_eq!(ids(&["--type", "track", "--state", "delivered"]), ["m1"]);
    assert_eq!(ids(&["--text", "NEEDLE"]), ["m1"], "in the payload");
    assert_eq!(ids(&["--text", "bob"]), ["m2"]);
    assert_eq!(ids(&["--since", "1h"]), ["m1", "m2", "m3"]);
    assert_eq!(ids(&["--since", "2999-01-01T00:00:00Z"]), [""; 0]);
    assert_eq!(ids(&["--limit", "1"]), ["m3"]);
    assert_eq!(ids(&["--until", "1h"]), [""; 0]);
    assert_eq!(ids(&["--user", "ada"]), ["m1"]);
    assert_eq!(ids(&["--user", "a*", "--event", "bought"]), ["m1"]);
    assert_eq!(ids(&["--source", "Tests", "--message-id", "m2"]), ["m2"]);
    assert_eq!(ids(&["--shard", "99"]), [""; 0]);
    assert_eq!(ids(&["--error", "missing_event"]), ["m3"]);
    assert_eq!(ids(&["needle event:Bought state:delivered,failed"]), ["m1"], "as in the window");
    assert_eq!(ids(&["state:delivered", "type:page", "since:1h"]), ["m2"]);
    assert_eq!(ids(&["--sort", "size", "--limit", "1", "state:delivered"]), ["m1"]);
    assert_eq!(ids(&["--sort", "latency"]).len(), 2, "what was delivered");
    let with_data = home.run(&["log", "--json", "--data", "--user", "ada"]).line();
    assert_eq!(with_data["data"]["p"], "needle", "{with_data}");
    let csv = home.run(&["log", "--csv", "--data", "userId:bob"]).stdout;
    let lines: Vec<_> = csv.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("receivedAt,state,type,event,"), "{csv}");
    assert!(
        lines[1].contains(",delivered,page,Home,Tests,bob,m2,") && lines[1].contains("\"\"userId\"\""),
        "{csv}"
    );
    let rejected = home.run(&["log", "--json", "--state", "rejected"]).line();
    assert!(rejected["error"].as_str().unwrap().starts_with("missing_event"), "{rejected}");
    assert!(rejected["remedy"].as_str().is_some_and(|text| !text.is_empty()), "{rejected}");
    assert_eq!(rejected["partitionKey"], "cy", "whose event it is: {rejected}");
    let mistyped = home.run(&["log", "--json", "usr:ada"]);
    assert_eq!((mistyped.code, &*mistyped.stdout), (Some(0), ""), "{mistyped:?}");
    assert!(
        mistyped.stderr.contains("usr: is not a field") && mistyped.stderr.contains("Did you mean userId:?")
    );
    let sums = home.run(&["log", "--summary", "--json"]).line();
    let wanted = json!({ "accepted": 2, "delivered": 2, "queued": 0, "failed": 0, "replayed": 0, "resent": 0, "rejected": 1,
        "rejectedNotKept": 0, "repeatsPossible": 0, "queuedBytes": 0, "addsUp": true, "limit": null, "adopted": [], "adoptedBy": null });
    assert_eq!(sums, wanted);
    let text = home.run(&["log"]).stdout;
    assert!(text.lines().count() == 3 && text.contains("delivered") && text.contains("Bought"), "{text}");
    serve.stop();
    assert_eq!(ids(&[]), ["m1", "m2", "m3"], "the log is there without an engine");
}

#[test]
fn the_story_of_an_event_is_told_from_its_receipt_to_its_end() {
    let mut misses = 2;
    let server = Scripted::start(move |_| {
        misses -= 1;
        if misses < 0 { Answer::Success } else { crate::scripted::FAILING }
    });
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/track", r#"{"userId":"ada","event":"Bought","messageId":"m1"}"#);
    serve.wait_drained();
    assert_eq!(home.run(&["resend", "m1"]).code, Some(0));
    serve.wait_drained();
    serve.stop();
    let told = home.run(&["log", "--id", "m1"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    for words in [
        "received from Tests; safe in the spool",
        "put 1: after ",
        "InternalFailure",
        "put 3: after ",
        "delivered to shardId-",
        "queued once more: a resend of line 1",
        r#""messageId":"m1""#,
    ] {
        assert!(told.stdout.contains(words), "{words} is not in {}", told.stdout);
    }
    assert_eq!(
        told.stdout.matches("its sender got 200").count(),
        1,
        "nobody sent the replay: {}",
        told.stdout
    );
    let lines = home.run(&["log", "--id", "m1", "--json"]).lines();
    assert_eq!(lines.len(), 2, "the event and its replay");
    assert_eq!(lines[0]["missedPuts"].as_array().map(Vec::len), Some(2), "{}", lines[0]);
    for member in ["receivedAt", "settledAt", "sequenceNumber"] {
        assert!(lines[0][member].as_str().is_some(), "{member}: {}", lines[0]);
    }
    assert_eq!(home.run(&["log", "--id", "2", "--json"]).line(), lines[1], "by its number");
    let nobody = home.run(&["log", "--id", "nobody"]);
    assert!(nobody.code == Some(1) && nobody.stderr.contains("nobody"), "{nobody:?}");
}

#[test]
fn the_policy_comes_in_every_format_and_says_what_is_missing() {
    let home = Home::new("");
    let known = ["--region", "eu-west-1", "--account-id", "123456789012", "--stream", "clickstream"];
    let policy =
        |format: &str, more: &[&str]| home.run(&[&["policy", "--format", format], &known[..], more].concat());
    let ended = policy("json", &[]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["Version"], "2012-10-17");
    assert!(
        ended.stdout.contains("kinesis:PutRecord\"") && !ended.stdout.contains("kinesis:PutRecords"),
        "{ended:?}"
    );
    assert!(policy("json", &["--operation", "put-records"]).stdout.contains("kinesis:PutRecords"));
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clickstream";
    for (format, word) in [
        ("json", "Statement"),
        ("aws-cli", "aws iam"),
        ("terraform", "resource"),
        ("cloudformation", "AWS::IAM"),
    ] {
        let text = policy(format, &[]).stdout;
        assert!(text.contains(word) && text.contains(arn), "{format}: {text}");
    }
    let bare = home.run(&["policy"]);
    assert_eq!(bare.code, Some(0), "{bare:?}");
    assert!(bare.stderr.contains("still to be filled in") && bare.stderr.contains("--region"), "{bare:?}");
    assert!(
        serde_json::from_str::<Value>(&bare.stdout).is_ok(),
        "stdout is still the policy alone: {bare:?}"
    );
    let keyless = policy("json", &["--kms-key-arn", ""]);
    assert_eq!(
        (keyless.code, keyless.stderr.trim_end()),
        (Some(0), "still to be filled in: {kms-key-arn} (--kms-key-arn)")
    );
}

#[test]
fn a_policy_names_no_key_that_aws_would_not_take_in_one() {
    let home = Home::new("");
    for (key, why) in [
        ("foo bar", "looks like arn:aws:kms:"),
        ("alias/mine", "an alias is of no use in a policy"),
        ("arn:aws:kms:eu-west-1:123456789012:alias/mine", "an alias is of no use in a policy"),
        ("arn:aws:kms:eu-west-1:123:key/k", "12 digits"),
    ] {
        let ended = home.run(&["policy", "--kms-key-arn", key]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{key}: {ended:?}");
        assert!(ended.stderr.contains(why), "{key}: {ended:?}");
    }
    let key = "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-0a1b";
    let ended = home.run(&["policy", "--kms-key-arn", key]);
    assert!(ended.code == Some(0) && ended.stdout.contains(key), "{ended:?}");
}

#[test]
fn config_shows_what_is_in_force_and_no_key() {
    let home = Home::new("[log]\nkeep_events = 77\n");
    let ended = home.run(&["config"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.stdout.contains("keep_events = 77") && ended.stdout.contains("Tests"), "{ended:?}");
    assert!(!ended.stdout.contains(WRITE_KEY) && ended.stdout.contains("…1234"), "{ended:?}");
    let of_variable = home.command(&["config"]).env("TRIBUTARY_LOG_KEEP_EVENTS", "88").output().unwrap();
    assert!(String::from_utf8_lossy(&of_variable.stdout).contains("keep_events = 88"), "{of_variable:?}");
    let path = home.run(&["config", "--path"]);
    assert_eq!(path.stdout.trim_end(), home.settings_file().to_str().unwrap());
}

#[test]
fn check_says_whether_a_record_can_be_put() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let ended = home.run(&["check", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let answer = ended.line();
    assert_eq!(answer["ok"], true, "{answer}");
    assert!(answer["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{answer}");
    serve.stop();
    let server = Scripted::start(|_| DENIED);
    let home = Home::with_kinesis(&server.url, "");
    let ended = home.run(&["check", "--json"]);
    assert_eq!((ended.code, &ended.line()["ok"]), (Some(1), &json!(false)), "{ended:?}");
    assert!(ended.stdout.contains("AccessDenied"), "{ended:?}");
}

#[test]
fn what_cannot_be_done_ends_with_1_and_what_is_not_understood_with_2() {
    let home = Home::new("");
    for words in [&["send", "track"][..], &["tail"], &["log"], &["log", "--summary"]] {
        let ended = home.run(words);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{words:?}: {ended:?}");
        assert!(
            ended.stderr.starts_with("tributary: ") && ended.stderr.lines().count() == 1,
            "{words:?}: {ended:?}"
        );
        assert!(ended.stderr.contains("tributary serve"), "it says what to do: {ended:?}");
    }
    let serve = home.serve(&[]);
    for words in [
        &["sned"][..],
        &["send"],
        &["send", "purchase"],
        &["policy", "--format", "yaml"],
        &["tail", "--limit", "many"],
        &["log", "--state", "lost"],
        &["log", "--type", "purchase"],
        &["log", "--since", "yesterday"],
        &["log", "since:1h until:2h"],
        &["log", "state:lost"],
        &["log", "--summary", "state:failed"],
        &["log", "--sort", "name"],
        &["tail", "--from", "yesterday"],
        &["log", "--summary", "--follow"],
    ] {
        let ended = home.run(words);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{words:?}: {ended:?}");
        assert!(!ended.stderr.is_empty());
    }
    serve.stop();
}

#[test]
fn a_time_range_that_ends_before_it_begins_is_refused() {
    let home = Home::new("");
    home.serve(&[]).stop();
    for words in [["log", "--since", "1h", "--until", "2h"], ["resend", "--since", "1h", "--until", "2h"]] {
        let ended = home.run(&words);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{words:?}: {ended:?}");
        assert!(ended.stderr.contains("the time range ends before it begins"), "{words:?}: {ended:?}");
    }
}

#[test]
fn an_event_that_is_not_delivered_in_time_waits_and_send_says_so() {
    let server = Scripted::start(|_| Answer::Html(503));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    let ended = home.run(&["send", "track", "--timeout", "1"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(["queued", "retrying"].contains(&ended.line()["state"].as_str().unwrap()), "{ended:?}");
    assert!(ended.stderr.contains("is not lost"), "{ended:?}");
    let line = home.run(&["log", "--json", "--state", "queued,retrying"]).line();
    assert!(
        line["attempts"].as_u64() >= Some(1) && line["error"].as_str().is_some(),
        "what was tried is told: {line}"
    );
    assert_eq!(home.run(&["send", "track", "--no-wait"]).code, Some(0));
    server.set_rule(|_| Answer::Success);
    serve.wait_drained();
    serve.stop();
}

/// A failed allocation would end the program in the middle of its work.
#[cfg(unix)]
#[test]
fn too_small_a_limit_of_memory_is_refused_before_anything_starts() {
    let home = Home::new("");
    let plain = home.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -v 409600 && exec \"$0\" \"$@\""]);
    shell.arg(plain.get_program()).args(plain.get_args());
    let output = shell.output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("400 MiB") && stderr.contains("600 MiB") && stderr.contains("MemoryMax"),
        "{stderr}"
    );
    assert!(!home.data_dir().join("spool.sqlite3").exists(), "no spool was made");
}

//! Who reads the stream: `tributary reader`, the step `reader` of the check, and what `tail` says of each record.

use serde_json::{Value, json};

use crate::account::{Account, Reply};
use crate::binary::Home;
use crate::stream_place::put_into;

/// Exit code and answer of `tributary reader --json` with these lines of `[destination]`.
fn asked(lines: &str, words: &[&str]) -> (Option<i32>, Value) {
    let home = Home::new(&format!("[destination]\n{lines}"));
    let ended = home.run(&[&["reader", "--json"], words].concat());
    (ended.code, ended.line())
}

#[test]
fn the_reader_command_says_what_fits_and_fails_only_if_the_reader_cannot_decode() {
    let cases = [
        ("reader = \"lambda\"\n", Some(0), "needs-code"),
        ("reader = \"lambda\"\nencoding = \"json\"\n", Some(0), "fits"),
        ("reader = \"table\"\n", Some(1), "cannot-decode"),
        ("reader = \"base64\"\nencoding = \"json\"\n", Some(1), "cannot-decode"),
        ("reader = \"kcl\"\nencoding = \"json\"\naggregation = \"kpl\"\n", Some(0), "fits"),
    ];
    for (lines, code, result) in cases {
        let (ended, answer) = asked(lines, &[]);
        assert_eq!((ended, &answer["result"]), (code, &json!(result)), "{lines}: {answer}");
        assert_eq!(answer["inForce"], json!(true), "{answer}");
        assert!(lines.starts_with(&format!("reader = {}\n", answer["reader"])), "{answer}");
        for member in ["why", "sees"] {
            assert!(answer[member].as_str().is_some_and(|text| text.ends_with('.')), "{answer}");
        }
        assert!(answer["needs"].as_array().is_some_and(|needs| !needs.is_empty()), "{answer}");
    }
    // A flag asks about other settings, a word about another reader.
    let (code, answer) = asked("reader = \"lambda\"\n", &["--encoding", "json", "--reader", "base64"]);
    assert_eq!((code, &answer["result"]), (Some(1), &json!("cannot-decode")), "{answer}");
    let (code, answer) = asked("reader = \"lambda\"\n", &["firehose"]);
    assert_eq!((code, &answer["inForce"]), (Some(0), &json!(false)), "{answer}");
    assert_eq!(answer["recommended"], json!({ "encoding": "json-lines", "aggregation": "none" }));
}

#[test]
fn without_an_answer_the_format_stays_base64_and_every_reader_is_judged() {
    let (code, answer) = asked("", &[]);
    assert_eq!((code, &answer["reader"], &answer["encoding"]), (Some(0), &Value::Null, &json!("base64")));
    assert!(answer["sees"].as_str().unwrap().contains("decoded once more"), "{answer}");
    let readers = answer["readers"].as_object().expect("readers");
    assert_eq!(readers.len(), 7);
    assert_eq!(readers["table"]["result"], "cannot-decode");
    assert_eq!(readers["base64"]["result"], "fits");

    let home = Home::new("");
    let told = home.run(&["reader"]);
    assert!(told.stdout.contains("table     cannot be decoded"), "{told:?}");
    let told = home.run(&["reader", "lambda"]);
    for words in
        ["In force: base64, which works with more code.", "Recommended: json.", "encoding = \"json\""]
    {
        assert!(told.stdout.contains(words), "{words}: {told:?}");
    }
    let wrong = home.run(&["reader", "spark"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("allowed: lambda, kcl, flink"), "{wrong:?}");
}

#[test]
fn the_code_is_that_of_the_reader_for_the_format_in_force() {
    let home = Home::new("[destination]\nreader = \"lambda\"\nencoding = \"json\"\n");
    let code = |words: &[&str]| home.run(&[&["reader"], words].concat());
    let python = code(&["--code"]);
    assert!(python.code == Some(0) && python.stdout.contains("def "), "{python:?}");
    let node = code(&["--code=js"]);
    assert!(node.stdout.contains("messageId") && node.stdout != python.stdout, "{node:?}");
    let base64 = code(&["--code", "--encoding", "base64"]);
    assert_ne!(base64.stdout, python.stdout, "another format has other code");
    let sql = code(&["flink", "--code"]);
    assert!(sql.stdout.contains("CREATE TABLE"), "{sql:?}");
    for (words, said) in [
        (["lambda", "--code=java"], "allowed: python, js"),
        (["table", "--code"], "no code reads a streaming table"),
    ] {
        let wrong = code(&words);
        assert!(wrong.code == Some(1) && wrong.stdout.is_empty() && wrong.stderr.contains(said), "{wrong:?}");
    }
}

/// The last step of a check of these settings, and its exit code. `channels`: those of the stream.
fn last_step(channels: u32, lines: &str) -> (Option<i32>, Value, usize) {
    let account = Account::start(&["clicks"]);
    account.set_rule(move |asked| {
        if asked.action != "DescribeStreamSummary" {
            return Reply::Usual;
        }
        Reply::Body(json!({ "StreamDescriptionSummary": {
            "StreamName": "clicks", "StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
            "StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "StreamCreationTimestamp": 1.0,
            "EnhancedMonitoring": [], "OpenShardCount": 1, "ChannelCount": channels } }))
    });
    let home = Home::with_kinesis(&account.url, lines);
    let ended = home.run(&["check", "--json"]);
    let answer = ended.line();
    let steps = answer["steps"].as_array().expect("steps");
    (ended.code, steps.last().expect("a step").clone(), steps.len())
}

#[test]
fn the_check_says_in_words_what_a_reader_gets_and_fails_if_it_cannot_decode() {
    let cases = [
        (0, "", Some(0), "skipped", "A reader gets base64 text"),
        (0, "reader = \"lambda\"\n", Some(0), "passed", "works with more code. Lambda hands your function"),
        (0, "reader = \"lambda\"\nencoding = \"json\"\n", Some(0), "passed", "json fits."),
        (0, "reader = \"base64\"\nencoding = \"json\"\n", Some(1), "failed", "encoding `base64`"),
        // The stream's own channels read it, whoever else does.
        (2, "", Some(1), "failed", "The channels of the stream “clicks”"),
        (2, "encoding = \"json\"\n", Some(0), "skipped", "the event's JSON text"),
        (1, "reader = \"base64\"\n", Some(1), "failed", "encoding `json`"),
    ];
    for (channels, lines, code, result, words) in cases {
        let (ended, step, count) = last_step(channels, lines);
        assert_eq!(
            (ended, &step["step"], &step["result"], count),
            (code, &json!("reader"), &json!(result), 5),
            "{lines}: {step}"
        );
        assert!(step["detail"].as_str().unwrap().contains(words), "{words}: {step}");
        if code == Some(1) {
            assert!(step["error"].as_str().unwrap().starts_with("ReaderCannotDecode"), "{step}");
            assert!(step["remedy"].as_str().unwrap().contains("destination.encoding"), "{step}");
        }
    }
    let (_, step, _) = last_step(2, "");
    assert!(step["error"].as_str().unwrap().contains("2 channels, and the format is base64"), "{step}");
}

#[test]
fn the_check_of_the_practice_stream_says_what_the_reader_gets() {
    let home = Home::new("[destination]\nreader = \"firehose\"\nencoding = \"json-lines\"\n");
    let serve = home.serve(&[]);
    let ended = home.run(&["check", "--put-record", "--json"]);
    let answer = ended.line();
    let last = answer["steps"].as_array().expect("steps").last().expect("a step").clone();
    assert_eq!((ended.code, &last["step"], &last["result"]), (Some(0), &json!("reader"), &json!("passed")));
    assert!(last["detail"].as_str().unwrap().contains("Firehose writes records one right after another"));
    drop(serve);
}

#[test]
fn tail_says_of_each_record_whether_the_reader_can_decode_it_and_what_each_decoder_gets() {
    const JSON: &str = "{\"type\":\"track\"}";
    let home = Home::new("");
    let serve = home.serve(&[]);
    let base64 = tributary::event::Encoding::Base64.encode(JSON.as_bytes());
    let records = [("a", JSON.into()), ("b", base64), ("c", b"\xff\x00".to_vec())];
    put_into(&home.data_dir(), &records);
    let by_key = |words: &[&str]| {
        let ended = home.run(&[&["tail"], words].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let mut lines = ended.lines();
        lines.sort_by_key(|line| line["partitionKey"].to_string());
        lines
    };
    let plain = by_key(&[]);
    assert!(plain.iter().all(|line| line.get("reader").is_none() && line.get("decoders").is_none()));
    for (reader, wanted) in [
        ("lambda", ["fits", "needs-code", "cannot-decode"]),
        ("base64", ["cannot-decode", "fits", "cannot-decode"]),
    ] {
        let lines = by_key(&["--reader", reader]);
        let found: Vec<_> = lines.iter().map(|line| line["reader"]["result"].as_str().unwrap()).collect();
        assert_eq!(found, wanted, "{reader}");
        assert!(lines.iter().all(|line| line["reader"]["name"] == *reader));
    }
    let lines = by_key(&["--decoders"]);
    assert_eq!(lines[0]["decoders"]["json"], JSON);
    assert_eq!(lines[0]["decoders"]["base64"], Value::Null);
    assert_eq!(lines[1]["decoders"]["base64"], JSON);
    assert_eq!(lines[1]["decoders"]["json"], Value::Null);
    assert_eq!(
        (&lines[2]["decoders"]["api"], &lines[2]["decoders"]["bytes"]),
        (&json!("/wA="), &Value::Null)
    );
    drop(serve);
}

#[test]
fn serve_says_once_at_its_start_that_the_reader_cannot_decode_the_format() {
    let said = |lines: &str| {
        let home = Home::new(&format!("[destination]\nenabled = true\n{lines}"));
        home.serve(&[]).stop().matches("cannot decode").count()
    };
    assert_eq!(said("reader = \"table\"\n"), 1);
    assert_eq!(said("reader = \"table\"\nencoding = \"json\"\n"), 0);
}

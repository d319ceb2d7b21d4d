//! `tributary check`, step by step, with an account whose answers the tests choose.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::account::{ACCOUNT_ID, Account, Reply, USER_ARN, denied};
use crate::binary::Home;
use crate::{tls, wire};

const STEPS: [&str; 6] = ["credentials", "identity", "stream", "put", "record", "read-back"];

/// Exit code, and each step with its result but for the last one, `reader`: these settings do not say who reads, so it is
/// skipped, in every check that gets there (`readers.rs` has the others).
fn check(account: &Account, more: &str, words: &[&str]) -> (Option<i32>, Vec<(String, String)>, Value) {
    let home = Home::with_kinesis(&account.url, more);
    let ended = home.run(&[&["check", "--json"], words].concat());
    let answer = ended.line();
    let steps = answer["steps"].as_array().unwrap_or_else(|| panic!("{ended:?}"));
    let text = |step: &Value, name: &str| step[name].as_str().unwrap_or_default().to_owned();
    let mut steps: Vec<_> = steps.iter().map(|step| (text(step, "step"), text(step, "result"))).collect();
    let is_last_skipped = steps.last().is_some_and(|last| *last == ("reader".into(), "skipped".into()));
    assert_eq!(is_last_skipped, ended.code == Some(0), "{answer}");
    steps.truncate(steps.len() - usize::from(is_last_skipped));
    assert!(!ended.stdout.contains("wJalrXUtnFEMI") && !ended.stderr.contains("wJalrXUtnFEMI"), "{ended:?}");
    (ended.code, steps, answer)
}

fn results(results: &[(&str, &str)]) -> Vec<(String, String)> {
    results.iter().map(|(step, result)| ((*step).to_owned(), (*result).to_owned())).collect()
}

#[test]
fn nothing_is_written_by_a_check_that_was_not_asked_to() {
    let account = Account::start(&["clicks"]);
    let (code, steps, answer) = check(&account, "", &[]);
    assert_eq!(code, Some(0), "{answer}");
    let passed: Vec<_> = STEPS[..4].iter().map(|step| (*step, "passed")).collect();
    assert_eq!((steps, &answer["ok"]), (results(&passed), &json!(true)));
    assert_eq!((account.records("clicks").len(), account.iam().len()), (0, 0));
    assert_eq!(account.actions(), ["GetCallerIdentity", "DescribeStreamSummary", "PutRecord?"]);
    let identity = &answer["steps"][1];
    assert_eq!((&identity["account"], &identity["arn"]), (&json!(ACCOUNT_ID), &json!(USER_ARN)));
}

#[test]
fn a_test_record_is_put_marked_and_read_back_byte_by_byte() {
    for encoding in ["base64", "json", "json-lines"] {
        let account = Account::start(&["clicks"]);
        let more = format!("encoding = \"{encoding}\"\n");
        let (code, steps, answer) = check(&account, &more, &["--put-record"]);
        assert_eq!(code, Some(0), "{answer}");
        assert_eq!(steps, results(&STEPS.map(|step| (step, "passed"))));
        let records = account.records("clicks");
        assert_eq!((records.len(), &records[0]["PartitionKey"]), (1, &json!("tributary-check")));
        let sent = account.asked().into_iter().find(|asked| asked.action == "PutRecord").expect("it was put");
        let event = event_of(&sent.json["Data"]);
        assert_eq!((&event["type"], &event["context"]["test"]), (&json!("track"), &json!(true)), "{event}");
        assert_eq!(event["context"]["tributary"], json!({ "test": true }), "the mark of `tributary send`");
    }
}

fn event_of(data: &Value) -> Value {
    let bytes = STANDARD.decode(data.as_str().expect("text")).expect("base64");
    let (text, _) = tributary::event::Encoding::decode(&bytes).expect("a record of ours");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_server_without_a_dry_run_gets_one_record_and_not_two() {
    let account = Account::start(&["clicks"]);
    let put = |asked: &crate::account::Asked| {
        if asked.action == "PutRecord?" {
            Reply::Body(json!({ "ShardId": "shardId-000000000000", "SequenceNumber": "1" }))
        } else {
            Reply::Usual
        }
    };
    account.set_rule(put);
    let (code, steps, answer) = check(&account, "", &["--put-record"]);
    // The check looks for its record, which this server lost.
    assert_eq!(code, Some(1), "{answer}");
    assert_eq!(steps.last(), Some(&("read-back".to_owned(), "failed".to_owned())));
    assert!(answer["steps"][5]["error"].as_str().unwrap().starts_with("RecordMissing"), "{answer}");
    assert!(!account.actions().contains(&"PutRecord".to_owned()), "{:?}", account.actions());
}

#[test]
fn other_bytes_than_were_put_are_named() {
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| match &*asked.action {
        "GetRecords" => Reply::Body(json!({ "Records": [
            { "SequenceNumber": "1", "PartitionKey": "k", "Data": "b3RoZXI=" }], "NextShardIterator": "clicks/1" })),
        _ => Reply::Usual,
    });
    let (code, _, answer) = check(&account, "", &["--put-record"]);
    assert_eq!(code, Some(1), "{answer}");
    assert!(answer["steps"][5]["error"].as_str().unwrap().starts_with("RecordDiffers"), "{answer}");
}

#[test]
fn the_test_record_is_found_behind_another_one() {
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| match &*asked.action {
        "GetRecords" if asked.json["ShardIterator"] == "clicks/0" => Reply::Body(json!({ "Records": [
            { "SequenceNumber": "0", "PartitionKey": "k", "Data": "b3RoZXI=" }], "NextShardIterator": "clicks/00" })),
        _ => Reply::Usual,
    });
    let (code, _, answer) = check(&account, "", &["--put-record"]);
    assert_eq!(code, Some(0), "{answer}");
}

#[test]
fn what_putting_does_not_need_is_skipped_with_a_reason() {
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| match &*asked.action {
        "DescribeStreamSummary" => denied("kinesis:DescribeStreamSummary"),
        "GetShardIterator" => denied("kinesis:GetShardIterator"),
        "GetCallerIdentity" => Reply::Error("InvalidAction", "no STS here".to_owned()),
        _ => Reply::Usual,
    });
    let (code, steps, answer) = check(&account, "", &["--put-record"]);
    assert_eq!(code, Some(0), "{answer}");
    let wanted = ["passed", "skipped", "skipped", "passed", "passed", "skipped"];
    let wanted: Vec<_> = STEPS.into_iter().zip(wanted).collect();
    assert_eq!(steps, results(&wanted));
    for (at, action) in [(2, "kinesis:DescribeStreamSummary"), (5, "kinesis:GetRecords")] {
        assert!(answer["steps"][at]["detail"].as_str().unwrap().contains(action), "{answer}");
    }
}

/// The step that ends the check, and words of its text.
#[test]
fn each_step_that_fails_says_what_was_said_and_what_to_do() {
    type Case = (&'static str, fn() -> Reply, &'static str, &'static str, &'static str);
    let cases: [Case; 7] = [
        (
            "GetCallerIdentity",
            || Reply::Error("InvalidClientTokenId", String::new()),
            "identity",
            "InvalidClientTokenId",
            "access key",
        ),
        (
            "GetCallerIdentity",
            || Reply::Error("SignatureDoesNotMatch", String::new()),
            "identity",
            "SignatureDoesNotMatch",
            "secret",
        ),
        (
            "GetCallerIdentity",
            || Reply::Error("ExpiredToken", String::new()),
            "identity",
            "ExpiredToken",
            "Sign in again",
        ),
        (
            "DescribeStreamSummary",
            || Reply::Error("ResourceNotFoundException", String::new()),
            "stream",
            "ResourceNotFoundException",
            "create the stream",
        ),
        ("PutRecord?", || denied("kinesis:PutRecord"), "put", "AccessDeniedException", "Attach the policy"),
        (
            "PutRecord?",
            || Reply::Error("KMSAccessDeniedException", String::new()),
            "put",
            "KMSAccessDeniedException",
            "kms:GenerateDataKey",
        ),
        (
            "PutRecord",
            || Reply::Error("ProvisionedThroughputExceededException", String::new()),
            "record",
            "ProvisionedThroughputExceededException",
            "on-demand",
        ),
    ];
    for (action, reply, step, said, to_do) in cases {
        let account = Account::start(&["clicks"]);
        account.set_rule(move |asked| if asked.action == action { reply() } else { Reply::Usual });
        let (code, steps, answer) = check(&account, "", &["--put-record"]);
        assert_eq!(code, Some(1), "{answer}");
        assert_eq!(steps.last(), Some(&(step.to_owned(), "failed".to_owned())), "{answer}");
        let last = answer["steps"].as_array().unwrap().last().unwrap();
        assert!(last["error"].as_str().unwrap().starts_with(said), "{answer}");
        assert!(last["detail"].as_str().unwrap().contains(to_do), "{to_do}: {answer}");
    }
}

#[test]
fn reading_that_is_pushed_back_says_nothing_about_putting() {
    for code in ["ProvisionedThroughputExceededException", "InternalFailure"] {
        let account = Account::start(&["clicks"]);
        account.set_rule(move |asked| match &*asked.action {
            "GetRecords" => Reply::Error(code, "slow".to_owned()),
            _ => Reply::Usual,
        });
        let (ended, steps, answer) = check(&account, "", &["--put-record"]);
        assert_eq!(ended, Some(0), "{answer}");
        assert_eq!(steps.last(), Some(&("read-back".to_owned(), "skipped".to_owned())), "{answer}");
        assert!(answer["steps"][5]["detail"].as_str().unwrap().contains(code), "{answer}");
    }
}

#[test]
fn reading_that_fails_for_a_reason_of_its_own_is_a_failure() {
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| match &*asked.action {
        "GetRecords" => Reply::Error("SomethingNewException", "no".to_owned()),
        _ => Reply::Usual,
    });
    let (ended, steps, answer) = check(&account, "", &["--put-record"]);
    assert_eq!(ended, Some(1), "{answer}");
    assert_eq!(steps.last(), Some(&("read-back".to_owned(), "failed".to_owned())), "{answer}");
}

#[test]
fn a_stream_that_is_not_active_yet_is_named() {
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| match &*asked.action {
        "DescribeStreamSummary" => Reply::Body(json!({ "StreamDescriptionSummary": {
            "StreamName": "clicks", "StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
            "StreamStatus": "CREATING", "RetentionPeriodHours": 24, "StreamCreationTimestamp": 1.0,
            "EnhancedMonitoring": [], "OpenShardCount": 0 } })),
        _ => Reply::Usual,
    });
    let (code, steps, answer) = check(&account, "", &[]);
    assert_eq!((code, steps.last()), (Some(1), Some(&("stream".to_owned(), "failed".to_owned()))));
    assert!(answer["steps"][2]["error"].as_str().unwrap().contains("CREATING"), "{answer}");
}

#[test]
fn a_role_that_may_not_be_assumed_is_a_matter_of_its_trust_policy() {
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| match &*asked.action {
        "AssumeRole" => denied("sts:AssumeRole"),
        _ => Reply::Usual,
    });
    let role = ["--role-arn", "arn:aws:iam::123456789012:role/forwarder", "--external-id", "x-1"];
    let (code, steps, answer) = check(&account, "", &role);
    assert_eq!((code, &steps[..]), (Some(1), &results(&[("credentials", "failed")])[..]), "{answer}");
    let detail = answer["steps"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("trust policy") && detail.contains("role/forwarder"), "{answer}");
    assert_eq!(account.asked()[0].form.get("ExternalId").map(String::as_str), Some("x-1"));
}

#[test]
fn lines_are_printed_as_the_steps_are_known() {
    let account = Account::start(&["clicks"]);
    let home = Home::with_kinesis(&account.url, "");
    let ended = home.run(&["check"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{ended:?}");
    assert!(lines[4].starts_with("skipped  reader: Who reads the stream is not said"), "{ended:?}");
    assert!(lines[0].starts_with("passed   credentials: Key …MPLE from environment variables."), "{ended:?}");
    assert!(lines[1].contains(USER_ARN) && lines[2].contains("on-demand, 4 open shards"), "{ended:?}");
}

#[test]
fn a_check_promises_nothing_that_only_delivering_does() {
    for code in ["InternalFailure", "AccessDeniedException"] {
        let account = Account::start(&["clicks"]);
        let refusing = move |asked: &crate::account::Asked| {
            if asked.action == "PutRecord?" { Reply::Error(code, String::new()) } else { Reply::Usual }
        };
        account.set_rule(refusing);
        let (ended, _, answer) = check(&account, "", &[]);
        let step = &answer["steps"][3];
        let (detail, remedy) = (step["detail"].as_str().unwrap(), step["remedy"].as_str().unwrap());
        assert_eq!((ended, &answer["steps"][0]["remedy"]), (Some(1), &json!(null)), "{answer}");
        assert!(detail.contains(remedy) && remedy.contains("ry again"), "{answer}");
        for promise in ["by itself", "is lost", "sent again"] {
            assert!(!detail.contains(promise), "{answer}");
        }
    }
}

/// One lost answer or one throttled call is not a result.
#[test]
fn a_call_that_stores_nothing_is_tried_again() {
    type Case = (&'static str, fn() -> Reply);
    let cases: [Case; 8] = [
        ("AssumeRole", || Reply::Error("ServiceUnavailable", String::new())),
        ("AssumeRole", || Reply::Error("Throttling", "Rate exceeded".to_owned())),
        ("GetCallerIdentity", || Reply::Lost),
        ("DescribeStreamSummary", || Reply::Lost),
        ("DescribeStreamSummary", || Reply::Error("LimitExceededException", "Rate exceeded".to_owned())),
        ("PutRecord?", || Reply::Error("ServiceUnavailable", String::new())),
        ("PutRecord?", || Reply::Lost),
        ("PutRecord?", || Reply::Error("LimitExceededException", "Rate exceeded".to_owned())),
    ];
    for (action, reply) in cases {
        let account = Account::start(&["clicks"]);
        let mut failed = false;
        account.set_rule(move |asked| {
            if asked.action == action && !std::mem::replace(&mut failed, true) {
                reply()
            } else {
                Reply::Usual
            }
        });
        let role = ["--role-arn", "arn:aws:iam::123456789012:role/forwarder"];
        let (code, steps, answer) = check(&account, "", &role);
        let passed: Vec<_> = STEPS[..4].iter().map(|step| (*step, "passed")).collect();
        assert_eq!((code, steps), (Some(0), results(&passed)), "{action}: {answer}");
        assert_eq!(account.actions().iter().filter(|asked| *asked == action).count(), 2, "{action}");
    }
}

#[test]
fn of_a_call_that_stores_nothing_it_is_not_said_that_a_record_may_be_stored() {
    for action in ["DescribeStreamSummary", "PutRecord?"] {
        let account = Account::start(&["clicks"]);
        account.set_rule(move |asked| if asked.action == action { Reply::Lost } else { Reply::Usual });
        let (code, _, answer) = check(&account, "", &[]);
        assert_eq!(code, Some(1), "{answer}");
        let said = answer.to_string();
        assert!(!said.contains("stored") && !said.contains("sent again"), "{said}");
    }
}

/// AWS allows one call a second for the whole account.
#[test]
fn a_dry_run_that_is_throttled_is_no_verdict() {
    let account = Account::start(&["clicks"]);
    let busy = || Reply::Error("LimitExceededException", "Rate exceeded for PutRecord".to_owned());
    account.set_rule(move |asked| if asked.action == "PutRecord?" { busy() } else { Reply::Usual });
    let (code, steps, answer) = check(&account, "", &[]);
    assert_eq!((code, steps.last()), (Some(0), Some(&("put".to_owned(), "skipped".to_owned()))), "{answer}");
    let detail = answer["steps"][3]["detail"].as_str().unwrap();
    assert!(detail.starts_with("Not tested") && !detail.contains("delete a stream"), "{answer}");
    // A put that the user asked for is done all the same.
    let (code, steps, answer) = check(&account, "", &["--put-record"]);
    assert_eq!(
        (code, steps.last()),
        (Some(0), Some(&("read-back".to_owned(), "passed".to_owned()))),
        "{answer}"
    );
}

/// The dry run uses no KMS key: only a real record shows whether these credentials may use it.
#[test]
fn that_a_kms_key_is_not_tested_is_said_unless_a_record_is_put() {
    type Case = (Box<dyn Fn() -> Reply + Send>, &'static str);
    let key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let encrypted = move || {
        Reply::Body(json!({ "StreamDescriptionSummary": {
            "StreamName": "clicks", "StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
            "StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "StreamCreationTimestamp": 1.0,
            "EncryptionType": "KMS", "KeyId": key, "EnhancedMonitoring": [], "OpenShardCount": 1 } }))
    };
    let hidden = || denied("kinesis:DescribeStreamSummary");
    let cases: [Case; 2] =
        [(Box::new(encrypted), "does not test the KMS key arn:aws:kms:"), (Box::new(hidden), "is not known")];
    for (reply, words) in cases {
        let account = Account::start(&["clicks"]);
        account.set_rule(
            move |asked| if asked.action == "DescribeStreamSummary" { reply() } else { Reply::Usual },
        );
        let (code, _, answer) = check(&account, "", &[]);
        let detail = answer["steps"][3]["detail"].as_str().unwrap().to_owned();
        assert_eq!(code, Some(0), "{answer}");
        assert!(detail.contains(words) && detail.contains("--put-record"), "{detail}");
        let (_, _, answer) = check(&account, "", &["--put-record"]);
        assert!(!answer["steps"][3]["detail"].as_str().unwrap().contains("KMS"), "{answer}");
    }
    let account = Account::start(&["clicks"]);
    let (_, _, answer) = check(&account, "", &[]);
    assert!(!answer["steps"][3]["detail"].as_str().unwrap().contains("KMS"), "{answer}");
}

/// The answer of a stream with this record distribution.
fn distributed(strategy: &str) -> Reply {
    Reply::Body(json!({ "StreamDescriptionSummary": {
        "StreamName": "clicks", "StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
        "StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "StreamCreationTimestamp": 1.0,
        "EnhancedMonitoring": [], "OpenShardCount": 4, "RecordDistributionStrategy": strategy } }))
}

/// The settings for this aggregation; `lines` needs an encoding too.
fn aggregating(how: &str) -> String {
    let encoding = if how == "lines" { "json-lines" } else { "base64" };
    format!("encoding = \"{encoding}\"\naggregation = \"{how}\"\n")
}

#[test]
fn a_stream_that_spreads_records_by_itself_is_refused_for_aggregated_ones_before_any_is_put() {
    for (how, strategy, code) in [
        ("kpl", "AUTO", 1),
        ("kpl", "USER_PARTITION_KEY", 0),
        // Lines lose nothing: no reader checks their hash key.
        ("lines", "AUTO", 0),
        ("none", "AUTO", 0),
    ] {
        let account = Account::start(&["clicks"]);
        account.set_rule(move |asked| {
            if asked.action == "DescribeStreamSummary" { distributed(strategy) } else { Reply::Usual }
        });
        let (ended, steps, answer) = check(&account, &aggregating(how), &[]);
        assert_eq!(ended, Some(code), "{how} {strategy}: {answer}");
        let last = &answer["steps"][steps.len() - 1];
        assert_eq!(last["step"] == "aggregation", how != "none", "{answer}");
        if how == "lines" {
            assert_eq!((&last["result"], steps.len()), (&json!("skipped"), 5), "{answer}");
            assert!(last["detail"].as_str().unwrap().contains("one event in each record there"), "{answer}");
        }
        if code == 1 {
            assert_eq!(steps.last(), Some(&("aggregation".to_owned(), "failed".to_owned())));
            assert!(last["error"].as_str().unwrap().starts_with("AggregationNotSupported"), "{answer}");
            for words in ["USER_PARTITION_KEY", "AUTO", "destination.aggregation", "drops"] {
                assert!(last["detail"].as_str().unwrap().contains(words), "{words}: {answer}");
            }
        }
        assert_eq!(account.records("clicks").len(), 0);
        let asked = ["GetCallerIdentity", "DescribeStreamSummary", "PutRecord?"];
        assert_eq!(account.actions(), asked, "the dry run is the only put");
    }
}

#[test]
fn two_test_events_are_put_in_one_record_and_come_apart_again() {
    for (how, words) in [("kpl", "A KCL reader gets 2 events"), ("lines", "one record of 2 lines")] {
        let account = Account::start(&["clicks"]);
        let (code, steps, answer) = check(&account, &aggregating(how), &["--put-record"]);
        assert_eq!(code, Some(0), "{answer}");
        let wanted: Vec<_> = STEPS.into_iter().chain(["aggregation"]).map(|step| (step, "passed")).collect();
        assert_eq!(steps, results(&wanted));
        let detail = answer["steps"][6]["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{detail}");
        let puts: Vec<_> = account.asked().into_iter().filter(|asked| asked.action == "PutRecord").collect();
        let keys: Vec<_> = puts.iter().map(|put| put.json["PartitionKey"].as_str().unwrap()).collect();
        let bucket = tributary::event::Bucket::of("tributary-check");
        assert_eq!(keys, ["tributary-check", &bucket.partition_key()]);
        for put in &puts {
            assert_eq!(put.json["ExplicitHashKey"], bucket.hash_key().to_string(), "{how}: {:?}", put.json);
        }
        let dry = account.asked().into_iter().find(|asked| asked.action == "PutRecord?").expect("a dry run");
        assert_eq!(dry.json["ExplicitHashKey"], puts[0].json["ExplicitHashKey"]);
        let data = STANDARD.decode(puts[1].json["Data"].as_str().unwrap()).expect("base64");
        let parts = tributary::event::parts(&keys[1].into(), &data);
        assert_eq!(parts.len(), 2);
        for part in parts {
            let (text, _) = tributary::event::Encoding::decode(part.stored).expect("an event of ours");
            let event: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(
                (&event["userId"], &event["context"]["test"]),
                (&json!("tributary-check"), &json!(true))
            );
        }
    }
}

#[test]
fn an_aggregated_record_of_another_content_is_named_and_one_that_may_not_be_read_is_no_failure() {
    for (reply, code, result) in [("other", 1, "failed"), ("denied", 0, "skipped")] {
        let account = Account::start(&["clicks"]);
        account.set_rule(move |asked| match (&*asked.action, reply) {
            ("GetRecords", "other") if asked.json["ShardIterator"] == "clicks/1" => Reply::Body(json!({ "Records": [
                { "SequenceNumber": "2", "PartitionKey": "k", "Data": "b3RoZXI=" }], "NextShardIterator": "clicks/2" })),
            ("GetShardIterator", "denied") => denied("kinesis:GetShardIterator"),
            ("DescribeStreamSummary", "denied") => denied("kinesis:DescribeStreamSummary"),
            _ => Reply::Usual,
        });
        let (ended, steps, answer) = check(&account, &aggregating("kpl"), &["--put-record"]);
        assert_eq!(
            (ended, steps.last()),
            (Some(code), Some(&("aggregation".to_owned(), result.to_owned()))),
            "{answer}"
        );
        let last = &answer["steps"][6];
        if reply == "other" {
            assert!(last["error"].as_str().unwrap().starts_with("RecordDiffers"), "{answer}");
        } else {
            let detail = last["detail"].as_str().unwrap();
            assert!(
                detail.contains("Two test events are in one record") && detail.contains("not permitted"),
                "{detail}"
            );
            assert!(detail.contains("is not known: describing it was not possible"), "{detail}");
        }
    }
}

#[test]
fn an_aggregated_record_that_is_refused_fails_its_own_step() {
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| {
        let is_aggregated = asked.json["PartitionKey"].as_str().is_some_and(|key| key.starts_with("bucket-"));
        if is_aggregated { denied("kinesis:PutRecord") } else { Reply::Usual }
    });
    let (code, steps, answer) = check(&account, &aggregating("kpl"), &["--put-record"]);
    assert_eq!(
        (code, steps.last()),
        (Some(1), Some(&("aggregation".to_owned(), "failed".to_owned()))),
        "{answer}"
    );
}

/// The practice stream is a Kinesis: the same steps, without credentials.
#[test]
fn the_practice_stream_takes_aggregated_records() {
    let home = Home::new("[destination]\naggregation = \"kpl\"\n");
    let serve = home.serve(&[]);
    let ended = home.run(&["check", "--put-record", "--json"]);
    let answer = ended.line();
    let steps: Vec<_> = answer["steps"].as_array().unwrap().iter().map(|step| &step["step"]).collect();
    assert_eq!(ended.code, Some(0), "{answer}");
    assert_eq!(steps, ["stream", "put", "record", "read-back", "aggregation", "reader"]);
    assert!(
        answer["steps"][4]["detail"].as_str().unwrap().contains("A KCL reader gets 2 events"),
        "{answer}"
    );
    drop(serve);
}

#[test]
fn a_probe_says_what_the_endpoint_says_and_is_no_where_no_engine_runs() {
    for home in [Home::new(""), tls::home(&tls::certificate())] {
        let serve = home.serve(&[]);
        for (probe, status) in [("health", "alive"), ("ready", "ready")] {
            let ended = home.run(&["check", "--probe", probe]);
            assert_eq!((ended.code, ended.line()), (Some(0), json!({ "status": status })), "{ended:?}");
        }
        serve.stop();
        for probe in ["health", "ready"] {
            let ended = home.run(&["check", "--probe", probe]);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
            assert!(ended.stderr.contains("no engine runs on"), "{ended:?}");
        }
    }
}

#[test]
fn an_engine_that_takes_no_events_is_alive_and_not_ready() {
    let home = Home::new("[spool]\nmin_free_bytes = 1125899906842624\n");
    let serve = home.serve(&[]);
    // The disk is asked for its free space soon after the start.
    let no = wire::wait_for("it takes no events", || {
        let answer = home.run(&["check", "--probe", "ready"]);
        (answer.code != Some(0)).then_some(answer)
    });
    assert_eq!((no.code, no.stdout.as_str(), no.stderr.lines().count()), (Some(1), "", 1), "{no:?}");
    assert!(
        no.stderr.contains("/ready answers 503: ") && no.stderr.contains("spool.min_free_bytes"),
        "{no:?}"
    );
    assert_eq!(home.run(&["check", "--probe", "health"]).code, Some(0));
    serve.stop();
}

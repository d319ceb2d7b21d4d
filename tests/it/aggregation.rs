//! Several events in one record: which events share one, which do not, and that nothing else changes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_kinesis::types::ScalingType;
use serde_json::{Value, json};
use tributary::config::Operation;
use tributary::engine::PRACTICE_STREAM;
use tributary::event::{Aggregation, Bucket, Encoding, PartitionKey};
use tributary::practice::Faults;

use crate::binary::{Home, WRITE_KEY, key_header};
use crate::practising::{Practising, practising};
use crate::scripted::{Answer, Call, DENIED, Scripted, TOO_LARGE};
use crate::wire::{self, Connection, wait_until};

const OPERATIONS: [&str; 2] = ["put-record", "put-records"];

fn event(user: &str, n: usize) -> String {
    format!(r#"{{"type":"track","userId":"{user}","event":"e","n":{n},"messageId":"{user}-{n}"}}"#)
}

fn post(connection: &mut Connection, events: &[String]) {
    let body = format!(r#"{{"batch":[{}]}}"#, events.join(","));
    let bytes = wire::request("POST", "/v1/batch", &key_header(WRITE_KEY), body.as_bytes());
    assert_eq!(connection.ask(&bytes).unwrap().status, 200);
}

/// Three users whose keys are of one bucket, and a fourth of another bucket.
fn users() -> [String; 4] {
    let all = || (0..).map(|n: u32| format!("u{n}"));
    let first = Bucket::of("u0");
    let mut of_it = all().filter(|key| Bucket::of(key) == first);
    let mut next = || of_it.next().unwrap();
    [next(), next(), next(), all().find(|key| Bucket::of(key) != first).unwrap()]
}

/// `count` events of each user in turn.
fn events(count: usize) -> Vec<String> {
    let users = users();
    (0..count).flat_map(|n| users.each_ref().map(|user| event(user, n))).collect()
}

fn assert_all_in_order(arrivals: &BTreeMap<String, Vec<Value>>, count: usize) {
    for user in users() {
        assert_eq!(arrivals[&user], (0..count).map(Value::from).collect::<Vec<_>>(), "{user}");
    }
}

/// Sets a rule that delays the first put until the other events of the test are accepted.
fn answer_slowly(server: &Scripted) {
    server.set_delay(Duration::from_millis(150));
}

#[test]
fn what_waits_shares_records_of_one_bucket_and_a_lone_event_is_a_plain_record_with_its_hash_key() {
    for (operation, aggregation, encoding) in OPERATIONS
        .iter()
        .flat_map(|operation| [(operation, "kpl", "base64"), (operation, "lines", "json-lines")])
    {
        let server = Scripted::start(|_| Answer::Success);
        answer_slowly(&server);
        let home = Home::with_kinesis(&server.url, "aggregation_max_bytes = 16384\n");
        let words = ["--operation", operation, "--aggregation", aggregation, "--encoding", encoding];
        let serve = home.serve(&words);
        let mut connection = Connection::open(serve.address).unwrap();
        let [first, ..] = users();
        post(&mut connection, &[event(&first, 0)]);
        wait_until("it is put", || !server.calls().is_empty());
        let rest: Vec<_> = events(40).split_off(1);
        post(&mut connection, &rest);
        wait_until("all are written", || server.written_count() == 160);
        serve.stop();

        assert_all_in_order(&server.first_arrivals("n"), 40);
        assert_eq!(server.most_of_a_key(), 1, "a key is in one record at a time");
        let records: Vec<_> = server.calls().into_iter().flat_map(|call| call.records).collect();
        let (alone, shared): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.events().len() == 1);
        assert!(
            alone.iter().any(|record| record.key == first && record.json()["n"] == 0),
            "at once, and plain"
        );
        assert!(shared.len() < 20 && records.len() < 40, "{} and {}", shared.len(), records.len());
        for record in &records {
            let bucket = Bucket::of(&record.events()[0].key);
            assert_eq!(record.hash_key, Some(bucket.hash_key()));
            assert!(record.events().iter().all(|event| Bucket::of(&event.key) == bucket));
            assert!(record.data.len() + record.key.len() <= 16384, "{}", record.data.len());
        }
        let several_users = |record: &&&crate::scripted::Sent| {
            record.events().iter().any(|event| event.key != record.events()[0].key)
        };
        assert!(shared.iter().any(|record| several_users(&record)), "users of one bucket share records");
        assert!(shared.iter().all(|record| record.key.starts_with("bucket-")));

        // The log has the record of each event, and its place in the record.
        let lines = home.run(&["log", "--json", "--limit", "1000"]).lines();
        let mut places: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
        for line in &lines {
            let sequence = line["sequenceNumber"].as_str().unwrap().to_owned();
            if let Some(at) = line["subSequenceNumber"].as_u64() {
                places.entry(sequence).or_default().push((at, line["recordEvents"].as_u64().unwrap()));
            }
        }
        assert_eq!(places.len(), shared.len());
        for mut of_record in places.into_values() {
            of_record.sort_unstable();
            let count = of_record.len() as u64;
            assert_eq!(of_record, (0..count).map(|at| (at, count)).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_record_that_is_refused_is_split_until_the_event_at_fault_is_alone() {
    for operation in OPERATIONS {
        let is_bad = |call: &Call| call.holds("\"n\":17,") || call.holds("\"n\":31,");
        let server = Scripted::start(move |call| if is_bad(call) { TOO_LARGE } else { Answer::Success });
        server.set_delay(Duration::from_millis(20));
        let home = Home::with_kinesis(&server.url, "");
        let serve = home.serve(&["--operation", operation, "--aggregation", "kpl", "--encoding", "json"]);
        let mut connection = Connection::open(serve.address).unwrap();
        post(&mut connection, &events(40));
        wait_until("all others are written", || server.written_count() == 38 * 4);
        wait_until("the others have failed", || {
            home.run(&["log", "--summary", "--json"]).line()["failed"] == json!(8)
        });
        let puts = server.calls().len();
        assert!(puts < 120, "{puts} puts");
        let expected: Vec<_> = (0..40).filter(|n| ![17, 31].contains(n)).map(Value::from).collect();
        for (user, arrived) in server.first_arrivals("n") {
            assert_eq!(arrived, expected, "{user}");
        }
        assert_eq!(server.most_of_a_key(), 1);
        serve.stop();
    }
}

#[test]
fn in_a_pause_one_plain_event_tries_and_then_records_are_shared_again() {
    let server = Scripted::start(|_| DENIED);
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&["--operation", "put-records", "--aggregation", "kpl"]);
    let mut connection = Connection::open(serve.address).unwrap();
    post(&mut connection, &events(30));
    wait_until("it has tried again and again", || server.calls().len() >= 4);
    // The first puts were made before anything was known.
    let tries: Vec<_> = server.calls().split_off(3);
    assert!(tries.iter().all(|call| call.events().count() == 1 && call.beside == 0), "{tries:?}");
    server.set_rule(|_| Answer::Success);
    wait_until("all are written", || server.written_count() == 120);
    assert_all_in_order(&server.first_arrivals("n"), 30);
    assert!(server.calls().len() < 60);
    serve.stop();
}

#[test]
fn a_stream_that_places_records_as_it_likes_gets_plain_ones() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_summary(&json!({ "RecordDistributionStrategy": "AUTO" }));
    server.set_delay(Duration::from_millis(30));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&["--operation", "put-records", "--aggregation", "kpl"]);
    let mut connection = Connection::open(serve.address).unwrap();
    wait_until("the log tells of AUTO", || serve.log().contains("record distribution AUTO"));
    post(&mut connection, &events(20));
    wait_until("all are written", || server.written_count() == 80);
    assert!(server.calls().iter().all(|call| call.events().count() == call.records.len()));
    serve.stop();
}

#[test]
fn a_backlog_shares_no_records_before_the_stream_has_said_how_it_places_them() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_summary(&json!({ "RecordDistributionStrategy": "AUTO" }));
    let home = Home::with_kinesis(&server.url, "");
    let words = ["--operation", "put-records", "--aggregation", "kpl"];
    let serve = home.serve_with(&words, &[("TRIBUTARY_DESTINATION_ENABLED", Some("false"))]);
    let mut connection = Connection::open(serve.address).unwrap();
    post(&mut connection, &events(30));
    serve.stop();
    let serve = home.serve(&words);
    wait_until("all are written", || server.written_count() == 120);
    assert!(server.calls().iter().all(|call| call.events().count() == call.records.len()));
    serve.stop();
}

#[test]
fn an_event_that_is_too_large_for_company_is_a_record_of_its_own() {
    let server = Scripted::start(|_| Answer::Success);
    answer_slowly(&server);
    let home = Home::with_kinesis(&server.url, "aggregation_max_bytes = 2048\n");
    let serve = home.serve(&["--aggregation", "kpl"]);
    let mut connection = Connection::open(serve.address).unwrap();
    let large = event("u0", 1).replace(r#""n":1"#, &format!(r#""n":1,"pad":"{}""#, "x".repeat(5000)));
    post(&mut connection, &[event("u0", 0)]);
    post(&mut connection, &[large, event("u0", 2), event("u0", 3)]);
    wait_until("all are written", || server.written_count() == 4);
    let of_each = |call: Call| call.events().map(|event| event.json()["n"].clone()).collect::<Vec<_>>();
    let puts: Vec<_> = server.calls().into_iter().map(of_each).collect();
    assert_eq!(puts, [vec![json!(0)], vec![json!(1)], vec![json!(2), json!(3)]]);
    serve.stop();
}

#[test]
fn switching_it_on_and_off_under_way_loses_nothing_and_keeps_the_order() {
    let tributary = practising(|config| {
        config.destination.operation = Operation::PutRecords;
        config.destination.encoding = Encoding::JsonLines;
    });
    let ways = [Aggregation::Kpl, Aggregation::None, Aggregation::Lines, Aggregation::Kpl, Aggregation::None];
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut connection = Connection::open(tributary.address).unwrap();
            for n in (0..500).step_by(10) {
                let some: Vec<_> =
                    (n..n + 10).flat_map(|n| users().each_ref().map(|user| event(user, n))).collect();
                post(&mut connection, &some);
            }
        });
        for aggregation in ways {
            tributary.change(|config| config.destination.aggregation = aggregation);
            let before = tributary.engine.status().ledger.delivered;
            wait_until("more is delivered, or all", || {
                let ledger = tributary.engine.status().ledger;
                ledger.delivered > before + 100 || ledger.accepted == 2000
            });
        }
        sender.join().unwrap();
    });
    tributary.wait_settled(2000);
    let records = tributary.records();
    let shared = records.iter().filter(|record| record.events().len() > 1).count();
    let mut seen: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in records.iter().flat_map(crate::scripted::Sent::events) {
        seen.entry(event.key.clone()).or_default().push(event.json()["n"].clone());
    }
    // For a reader of one shard after another: a key may move to another shard at a switch only.
    for user in users() {
        let mut all: Vec<u64> = seen[&user].iter().map(|n| n.as_u64().unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..500).collect::<Vec<_>>(), "{user}");
    }
    assert_all_in_order(&seen, 500);
    assert!(shared > 0);
}

/// Splits a shard in the middle of the bucket of these users, merges the two again, and scales the stream.
fn change_shards(tributary: &Practising, step: usize) {
    tributary.ask(async |client| {
        let shards = client.list_shards().stream_name(PRACTICE_STREAM).send().await.unwrap();
        let open: Vec<_> = shards
            .shards()
            .iter()
            .filter(|shard| {
                shard.sequence_number_range().is_none_or(|range| range.ending_sequence_number().is_none())
            })
            .collect();
        let of = |shard: &aws_sdk_kinesis::types::Shard| -> (u128, u128) {
            let range = shard.hash_key_range().unwrap();
            (range.starting_hash_key().parse().unwrap(), range.ending_hash_key().parse().unwrap())
        };
        if step.is_multiple_of(2) {
            // A hash between those of the users' keys, so that their MD5s are on both sides.
            let [first, second, ..] = users().map(|user| PartitionKey::hash_of(&user));
            let at = first.max(second);
            let owner = open.iter().find(|shard| (of(shard).0..=of(shard).1).contains(&at)).unwrap();
            let split = client.split_shard().stream_name(PRACTICE_STREAM).shard_to_split(owner.shard_id());
            split.new_starting_hash_key(at.to_string()).send().await.unwrap();
        } else {
            let count = i32::try_from(open.len()).unwrap();
            let scale = client.update_shard_count().stream_name(PRACTICE_STREAM);
            let scale = scale.target_shard_count(if step == 1 { count - 2 } else { count + 1 });
            scale.scaling_type(ScalingType::UniformScaling).send().await.unwrap();
        }
    });
}

#[test]
fn a_reader_that_drops_records_of_other_shards_drops_none_while_shards_split_and_merge() {
    let tributary = practising(|config| {
        config.destination.aggregation = Aggregation::Kpl;
        config.destination.encoding = Encoding::Json;
    });
    // Events that come meanwhile wait, and share records.
    let delay = Duration::from_millis(30);
    tributary.engine.practice().set_faults(Faults { delay, ..Faults::default() });
    let mut connection = Connection::open(tributary.address).unwrap();
    for step in 0..4 {
        let before = tributary.engine.status().ledger.delivered;
        for n in (step * 60..(step + 1) * 60).step_by(6) {
            let some: Vec<_> =
                (n..n + 6).flat_map(|n| users().each_ref().map(|user| event(user, n))).collect();
            post(&mut connection, &some);
        }
        wait_until("some are delivered", || tributary.engine.status().ledger.delivered > before);
        change_shards(&tributary, step);
    }
    tributary.wait_settled(4 * 240);
    let puts = tributary.engine.status().puts;
    assert_eq!(puts.events, 4 * 240);
    assert!(puts.records < puts.events / 2, "{puts:?}");
    let read = tributary.read_as_kcl();
    assert_eq!((read.records.len(), read.dropped), (4 * 240, 0));
    let mut seen: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in &read.records {
        let json: Value = serde_json::from_slice(&record.data).unwrap();
        seen.entry(record.partition_key.clone()).or_default().push(json["n"].clone());
    }
    assert_all_in_order(&seen, 240);
}

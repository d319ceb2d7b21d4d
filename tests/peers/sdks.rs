//! Real, unmodified SDKs send to the real `tributary serve`, which forwards to kinesalite: the stream has what they
//! were told to send.

use crate::calls::{Call, all_six, many};
use crate::compare::differences;
use crate::json::{Members, missing, readable};
use crate::processes::{Delivery, Kinesalite, Sdk, Sender, Serve, WRITE_KEY, node_modules};
use crate::stream::{Found, Stream, events_in, sent_in, tail_agrees};
use crate::tap::{Exchange, Tap};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Everything between an SDK and the stream.
pub struct Way {
    pub tap: Tap,
    pub serve: Serve,
    pub stream: Stream,
    encoding: &'static str,
    pub kinesalite: Kinesalite,
}

impl Way {
    pub async fn open(delivery: Delivery) -> Self {
        Self::open_with(delivery, |_serve| ()).await
    }

    /// `prepare`: what `serve` needs before it starts.
    pub async fn open_with(delivery: Delivery, prepare: impl FnOnce(&mut Serve)) -> Self {
        Self::open_behind(delivery, |serve, _tap| prepare(serve)).await
    }

    /// The same. A server in front of the tap can be started before `serve`, which must know its address.
    pub async fn open_behind(delivery: Delivery, prepare: impl FnOnce(&mut Serve, &Tap)) -> Self {
        let kinesalite = Kinesalite::start(&node_modules());
        let stream = Stream::create(&kinesalite).await;
        let mut serve = Serve::new(&kinesalite.url, delivery);
        let tap = Tap::start();
        prepare(&mut serve, &tap);
        tap.point_to(serve.start());
        Self { tap, serve, stream, encoding: delivery.encoding, kinesalite }
    }

    /// Waits until the tap has seen it.
    pub async fn until(&self, what: &str, seen: impl Fn(&Tap) -> bool) {
        let start = Instant::now();
        while !seen(&self.tap) {
            assert!(start.elapsed() < Duration::from_mins(1), "a minute has passed: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until this number of different events is in the stream, lets the engine drain, and reads everything.
    pub async fn delivered(&mut self, count: usize) -> Vec<Found> {
        let start = Instant::now();
        loop {
            let found = self.stream.read(self.encoding).await;
            let ids: BTreeSet<_> = found.iter().map(Found::message_id).collect();
            if ids.len() >= count {
                break;
            }
            let (seen, waited) = (ids.len(), start.elapsed());
            assert!(waited < Duration::from_mins(1), "{seen} of {count} events are in the stream");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.serve.stop();
        self.stream.read(self.encoding).await
    }
}

/// Sends `calls` and compares each with its record, field by field.
async fn every_call_arrives_as_it_was_made(sdk: Sdk, calls: &[Call], delivery: Delivery) {
    let mut way = Way::open(delivery).await;
    sdk.start(&way.tap.url(), calls, Duration::ZERO).finish();
    let found = way.delivered(calls.len()).await;
    assert_eq!(found.len(), calls.len(), "each event once: nothing went wrong on the way");
    tail_agrees(&way.serve, &found);
    let ledger = way.serve.ledger();
    assert!(ledger["addsUp"] == true && ledger["delivered"] == calls.len(), "{ledger}");

    let by_id: BTreeMap<_, _> = found.iter().map(|record| (record.message_id(), record)).collect();
    let mut wrong = Vec::new();
    let mut sent = Vec::new();
    for exchange in way.tap.exchanges() {
        assert_eq!(
            (exchange.path.as_str(), exchange.status),
            ("/v1/batch", Some(200)),
            "{}",
            exchange.answer
        );
        let (envelope, batch) = sent_in(&exchange.body);
        for item in batch {
            let id = item.string("messageId").expect("SDKs give a messageId");
            let record = by_id.get(&id).unwrap_or_else(|| panic!("{id} was acknowledged and is gone"));
            let all = differences(&item, &envelope, record).into_iter();
            wrong.extend(all.map(|what| format!("{}: {what}", record.shown())));
            sent.push((item, Found::clone(record)));
        }
        wrong.extend(out_of_order(&exchange, &by_id));
    }
    assert_eq!(sent.len(), calls.len(), "the SDK sends each call once");
    wrong.extend(calls.iter().filter_map(|call| not_told(call, &sent)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Compares the call with the records: one of them must have all that the SDK was given.
fn not_told(call: &Call, sent: &[(Members, Found)]) -> Option<String> {
    let mut wanted = wanted(call);
    for id in ["userId", "groupId"] {
        // A number arrives as text.
        if let Some(number) = wanted.get(id).filter(|id| id.is_number()).map(ToString::to_string) {
            wanted[id] = number.into();
        }
    }
    did_not_arrive(&wanted, sent.iter().map(|(_, record)| record))
}

/// What the event of a server's call must have.
pub fn wanted(call: &Call) -> Value {
    let mut wanted = readable(&call.message);
    wanted["type"] = call.kind.into();
    wanted
}

/// `None`: one of the records has all of it.
pub fn did_not_arrive<'a>(wanted: &Value, records: impl Iterator<Item = &'a Found>) -> Option<String> {
    let misses = records.map(|record| missing(wanted, &readable(&record.event), ""));
    let nearest = misses.min_by_key(Vec::len)?;
    (!nearest.is_empty()).then(|| format!("{wanted} did not arrive: {}", nearest.join("; ")))
}

/// Events of one request keep their order within a partition key.
fn out_of_order(exchange: &Exchange, by_id: &BTreeMap<String, &Found>) -> Vec<String> {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut wrong = Vec::new();
    for item in sent_in(&exchange.body).1 {
        let record = by_id[&item.string("messageId").unwrap()];
        // Sequence numbers have 56 digits each, so that their order is that of their texts.
        if last
            .insert(&record.partition_key, &record.sequence)
            .is_some_and(|before| *before >= *record.sequence)
        {
            wrong.push(format!("{} came before its elder", record.shown()));
        }
    }
    wrong
}

/// While the SDK sends, the endpoint is killed and later stopped, each time for a while.
pub async fn nothing_acknowledged_is_missing_after_restarts(sdk: Sdk, calls: &[Call]) {
    let mut way = Way::open(Delivery { operation: "put-record", encoding: "base64" }).await;
    let sender = sdk.start(&way.tap.url(), calls, Duration::from_millis(10));
    for restart in 0..4 {
        let more = acknowledged(&way.tap).len() + calls.len() / 10;
        way.until("the SDK sends on", |tap| acknowledged(tap).len() >= more).await;
        if restart % 2 == 0 {
            way.serve.kill();
        } else {
            way.serve.stop();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        way.tap.point_to(way.serve.start());
    }
    nothing_acknowledged_is_missing(way, sender, calls).await;
}

/// After the outage the SDK ends well, and everything is in the stream, above all what it was told is accepted.
pub async fn nothing_acknowledged_is_missing(mut way: Way, sender: Sender, calls: &[Call]) {
    sender.finish();
    let found = way.delivered(calls.len()).await;
    let there: BTreeSet<_> = found.iter().map(Found::message_id).collect();
    let missing: Vec<_> = acknowledged(&way.tap).difference(&there).cloned().collect();
    assert!(missing.is_empty(), "acknowledged and gone: {missing:?}");
    let numbers: BTreeSet<_> =
        found.iter().map(|record| readable(&record.event)["properties"]["n"].as_u64()).collect();
    assert_eq!(numbers.len(), calls.len(), "the SDK's retries bring the rest");
    let exchanges = way.tap.exchanges();
    let refused = exchanges.iter().any(|exchange| exchange.method == "POST" && exchange.status != Some(200));
    assert!(refused, "the SDK noticed the outage");
    let ledger = way.serve.ledger();
    assert!(ledger["addsUp"] == true && ledger["queued"] == 0 && ledger["failed"] == 0, "{ledger}");
}

/// The messageIds in every request that was answered with 200.
pub fn acknowledged(tap: &Tap) -> BTreeSet<String> {
    let exchanges = tap.exchanges();
    let good = exchanges.iter().filter(|exchange| exchange.method == "POST" && exchange.status == Some(200));
    good.flat_map(|exchange| events_in(&exchange.body))
        .map(|item| item.string("messageId").unwrap())
        .collect()
}

/// Calls that only SDKs with real integers and typed ids can make.
fn python_calls() -> Vec<Call> {
    let call = |kind, message: &str| Call { kind, message: message.to_owned() };
    let mut calls = all_six();
    calls.push(call(
        "track",
        r#"{"userId":"exact","event":"Exact","properties":{"big":12345678901234567890123,"f":1.0,"n":18446744073709551616}}"#,
    ));
    calls.push(call("track", r#"{"userId":42,"event":"A number as id","properties":{}}"#));
    calls.push(call("group", r#"{"userId":"u-1","groupId":7,"traits":{}}"#));
    calls
}

pub const BASE64: Delivery = Delivery { operation: "put-record", encoding: "base64" };
pub const JSON: Delivery = Delivery { operation: "put-record", encoding: "json" };
pub const JSON_LINES_MANY: Delivery = Delivery { operation: "put-records", encoding: "json-lines" };
pub const BASE64_MANY: Delivery = Delivery { operation: "put-records", encoding: "base64" };

#[tokio::test]
async fn analytics_node_through_put_record_in_base64() {
    every_call_arrives_as_it_was_made(Sdk::Node, &all_six(), BASE64).await;
}

#[tokio::test]
async fn analytics_node_through_put_record_in_json() {
    every_call_arrives_as_it_was_made(Sdk::Node, &all_six(), JSON).await;
}

#[tokio::test]
async fn analytics_node_through_put_records_in_json_lines() {
    every_call_arrives_as_it_was_made(Sdk::Node, &all_six(), JSON_LINES_MANY).await;
}

#[tokio::test]
async fn legacy_analytics_node_through_put_records_in_base64() {
    every_call_arrives_as_it_was_made(Sdk::NodeLegacy, &all_six(), BASE64_MANY).await;
}

#[tokio::test]
async fn python_through_put_record_in_json() {
    every_call_arrives_as_it_was_made(Sdk::Python, &python_calls(), JSON).await;
}

#[tokio::test]
async fn nothing_that_analytics_node_was_told_is_accepted_is_missing_after_restarts() {
    nothing_acknowledged_is_missing_after_restarts(Sdk::Node, &many(400)).await;
}

#[tokio::test]
async fn nothing_that_legacy_analytics_node_was_told_is_accepted_is_missing_after_restarts() {
    nothing_acknowledged_is_missing_after_restarts(Sdk::NodeLegacy, &many(400)).await;
}

#[tokio::test]
async fn nothing_that_python_was_told_is_accepted_is_missing_after_restarts() {
    nothing_acknowledged_is_missing_after_restarts(Sdk::Python, &many(400)).await;
}

#[tokio::test]
async fn an_unknown_write_key_is_told_to_the_sdk_and_nothing_enters_the_stream() {
    let way = Way::open(BASE64).await;
    let wrong = format!("{WRITE_KEY}-of-another");
    let sender = Sdk::Node.start_with(&way.tap.url(), &wrong, &many(3), Duration::ZERO);
    let told = sender.refused();
    assert_eq!(told, 3, "each callback names the error");
    let answers = way.tap.exchanges();
    assert!(answers.iter().all(|exchange| exchange.status == Some(401)), "{answers:?}");
    assert!(!answers.iter().any(|exchange| exchange.answer.contains(&wrong)), "the key is not shown");
    assert!(way.stream.read(BASE64.encoding).await.is_empty());
}

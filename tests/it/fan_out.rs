//! The practice stream's enhanced fan-out through the real AWS SDK, and its HTTP/2, which SDKs speak to Kinesis.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use crate::conformance::code;
use crate::practice::{Running, with_stream};
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::types::{ChildShard, ShardIteratorType, StartingPosition, SubscribeToShardEvent};
use axum::http::{Method, Request};
use std::time::{Duration, Instant};
use tributary::practice::Faults;

const ZERO: &str = "shardId-000000000000";

/// Registers a consumer of the stream `s`, and returns its ARN.
async fn register(running: &Running, name: &str) -> String {
    let summary = running.client.describe_stream_summary().stream_name("s").send().await.unwrap();
    let arn = summary.stream_description_summary.unwrap().stream_arn;
    let consumer = running.client.register_stream_consumer().stream_arn(arn).consumer_name(name);
    consumer.send().await.unwrap().consumer.unwrap().consumer_arn
}

fn position(kind: ShardIteratorType, sequence: Option<&str>) -> StartingPosition {
    let position = StartingPosition::builder().r#type(kind).set_sequence_number(sequence.map(Into::into));
    position.build().unwrap()
}

struct Subscribed(SubscribeToShardOutput);

impl Subscribed {
    async fn new(running: &Running, consumer: &str, position: StartingPosition) -> Self {
        let subscribe = running.client.subscribe_to_shard().consumer_arn(consumer).shard_id(ZERO);
        Self(subscribe.starting_position(position).send().await.unwrap())
    }

    /// The next event; `None`: the subscription has ended. An error's code is the error.
    async fn next(&mut self) -> Result<Option<SubscribeToShardEvent>, String> {
        match tokio::time::timeout(Duration::from_mins(1), self.0.event_stream.recv()).await.unwrap() {
            Ok(event) => Ok(event.map(|event| event.as_subscribe_to_shard_event().unwrap().clone())),
            // The SDK keeps the code of an exception among events in its type alone.
            Err(error) => Err(match error.as_service_error() {
                Some(error) if error.is_resource_in_use_exception() => "ResourceInUseException".into(),
                Some(error) if error.is_resource_not_found_exception() => "ResourceNotFoundException".into(),
                _ => format!("{error:?}"),
            }),
        }
    }

    /// The texts of the next `count` records, and the last event.
    async fn texts(&mut self, count: usize) -> (Vec<String>, SubscribeToShardEvent) {
        let mut texts = Vec::new();
        loop {
            let event = self.next().await.unwrap().unwrap();
            let records = event.records.iter();
            texts.extend(records.map(|record| String::from_utf8_lossy(record.data.as_ref()).into_owned()));
            if texts.len() >= count {
                return (texts, event);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_gets_what_is_there_what_comes_and_the_end_of_its_shard() {
    let running = with_stream(1).await;
    let consumer = register(&running, "one").await;
    for data in ["a", "b"] {
        assert_eq!(running.put(data).await, "ok");
    }
    let oldest = position(ShardIteratorType::TrimHorizon, None);
    let mut subscribed = Subscribed::new(&running, &consumer, oldest).await;
    let (texts, event) = subscribed.texts(2).await;
    assert_eq!((texts.join(" "), event.millis_behind_latest), ("a b".into(), 0));
    assert_eq!(event.records[0].partition_key.as_deref(), Some("k"));
    let begun = Instant::now();
    assert_eq!(running.put("c").await, "ok");
    assert_eq!(subscribed.texts(1).await.0, ["c"]);
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "it is told of records, and does not wait for its heartbeat"
    );
    let split = running.client.split_shard().stream_name("s").shard_to_split(ZERO);
    assert_eq!(code(&split.new_starting_hash_key("1000").send().await), "ok");
    let last = loop {
        let event = subscribed.next().await.unwrap().unwrap();
        if !event.child_shards().is_empty() {
            break event;
        }
    };
    let children: Vec<_> = last.child_shards().iter().map(ChildShard::shard_id).collect();
    assert_eq!(children, ["shardId-000000000001", "shardId-000000000002"]);
    assert_eq!(subscribed.next().await.unwrap().map(|event| event.records.len()), None);
}

#[tokio::test]
async fn a_silent_shard_still_moves_the_checkpoint_on() {
    let running = with_stream(1).await;
    let consumer = register(&running, "one").await;
    let newest = position(ShardIteratorType::Latest, None);
    let mut subscribed = Subscribed::new(&running, &consumer, newest).await;
    let begun = Instant::now();
    for _ in 0..2 {
        let event = subscribed.next().await.unwrap().unwrap();
        assert!(event.records.is_empty() && !event.continuation_sequence_number.is_empty());
    }
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn at_and_after_a_continuation_both_begin_with_the_next_record() {
    let running = with_stream(1).await;
    assert_eq!(running.put("a").await, "ok");
    let consumer = register(&running, "one").await;
    let oldest = position(ShardIteratorType::TrimHorizon, None);
    let mut subscribed = Subscribed::new(&running, &consumer, oldest).await;
    let (_, event) = subscribed.texts(1).await;
    let continuation = &*event.continuation_sequence_number;
    assert!(continuation > &*event.records[0].sequence_number);
    drop(subscribed);
    for data in ["b", "c"] {
        assert_eq!(running.put(data).await, "ok");
    }
    for (name, kind) in
        [("at", ShardIteratorType::AtSequenceNumber), ("after", ShardIteratorType::AfterSequenceNumber)]
    {
        let consumer = register(&running, name).await;
        let begin = position(kind, Some(continuation));
        let mut subscribed = Subscribed::new(&running, &consumer, begin).await;
        assert_eq!(subscribed.texts(2).await.0, ["b", "c"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_subscription_takes_over_but_not_within_five_seconds() {
    let running = with_stream(1).await;
    let consumer = register(&running, "one").await;
    let newest = || position(ShardIteratorType::Latest, None);
    let mut first = Subscribed::new(&running, &consumer, newest()).await;
    first.next().await.unwrap().unwrap();
    let subscribe = || {
        let subscribe = running.client.subscribe_to_shard().consumer_arn(&consumer).shard_id(ZERO);
        subscribe.starting_position(newest()).send()
    };
    assert_eq!(code(&subscribe().await), "ResourceInUseException");
    tokio::time::sleep(Duration::from_millis(5100)).await;
    let mut second = Subscribed(subscribe().await.unwrap());
    let ended = loop {
        if let Err(code) = first.next().await {
            break code;
        }
    };
    assert_eq!(ended, "ResourceInUseException");
    second.next().await.unwrap().unwrap();
    assert_eq!(running.put("a").await, "ok");
    assert_eq!(second.texts(1).await.0, ["a"]);
}

#[tokio::test]
async fn a_subscription_ends_with_its_consumer_and_with_the_server() {
    let mut running = with_stream(1).await;
    let consumer = register(&running, "one").await;
    let newest = || position(ShardIteratorType::Latest, None);
    let mut subscribed = Subscribed::new(&running, &consumer, newest()).await;
    subscribed.next().await.unwrap().unwrap();
    let gone = running.client.deregister_stream_consumer().consumer_arn(&consumer).send().await;
    assert_eq!(code(&gone), "ok");
    assert_eq!(subscribed.next().await.err().as_deref(), Some("ResourceNotFoundException"));
    let other = register(&running, "other").await;
    let mut subscribed = Subscribed::new(&running, &other, newest()).await;
    subscribed.next().await.unwrap().unwrap();
    let begun = Instant::now();
    running.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(subscribed.next().await.unwrap().map(|event| event.records.len()), None);
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused() {
    let running = with_stream(1).await;
    let consumer = register(&running, "one").await;
    let other = consumer.replace("one:", "two:");
    for (consumer, shard, kind, dry_run, wanted) in [
        (&*other, ZERO, "LATEST", false, "ResourceNotFoundException"),
        (&*consumer, "shardId-000000000001", "LATEST", false, "ResourceNotFoundException"),
        (&*consumer, ZERO, "SOMEWHERE", false, "ValidationException"),
        (&*consumer, ZERO, "AT_SEQUENCE_NUMBER", false, "InvalidArgumentException"),
        (&*consumer, ZERO, "AT_TIMESTAMP", false, "InvalidArgumentException"),
        ("one", ZERO, "LATEST", false, "ValidationException"),
        (&*consumer, ZERO, "LATEST", true, "DryRunOperationException"),
    ] {
        let subscribe = running.client.subscribe_to_shard().consumer_arn(consumer).shard_id(shard);
        let subscribe = subscribe.starting_position(position(kind.into(), None)).dry_run(dry_run);
        assert_eq!(code(&subscribe.send().await), wanted, "{consumer} {shard} {kind}");
    }
    running.set(Faults { access_denied: true, ..Faults::default() });
    let subscribe = running.client.subscribe_to_shard().consumer_arn(&consumer).shard_id(ZERO);
    let subscribe = subscribe.starting_position(position(ShardIteratorType::Latest, None)).send().await;
    assert_eq!(code(&subscribe), "AccessDeniedException");
}

/// A connection that speaks HTTP/2 from its first byte.
struct Http2 {
    send: h2::client::SendRequest<bytes::Bytes>,
    connection: tokio::task::JoinSet<()>,
}

impl Http2 {
    async fn open(running: &Running) -> Self {
        let socket = tokio::net::TcpStream::connect(("127.0.0.1", running.port)).await.unwrap();
        let (send, connection) = h2::client::handshake(socket).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move { drop(connection.await) });
        Self { send, connection: tasks }
    }

    /// The status and the body, or why there is no answer.
    async fn call(
        &self,
        running: &Running,
        host: &str,
        body: &'static str,
    ) -> Result<(u16, String), h2::Error> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://{host}/"))
            .header("x-amz-target", "Kinesis_20131202.PutRecord")
            .header("x-amz-date", "20261122T000000Z")
            .header("authorization", running.authorization());
        let mut send = self.send.clone().ready().await?;
        let (answer, mut sending) = send.send_request(request.body(()).unwrap(), false)?;
        sending.send_data(body.into(), true)?;
        let answer = answer.await?;
        let (status, mut pieces, mut whole) = (answer.status().as_u16(), answer.into_body(), Vec::new());
        while let Some(piece) = pieces.data().await {
            let piece = piece?;
            pieces.flow_control().release_capacity(piece.len())?;
            whole.extend_from_slice(&piece);
        }
        Ok((status, String::from_utf8(whole).unwrap()))
    }
}

const PUT: &str = r#"{"StreamName":"s","PartitionKey":"k","Data":"YQ=="}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_of_http_2_takes_many_puts_at_a_time() {
    let running = with_stream(1).await;
    let http2 = Http2::open(&running).await;
    let host = format!("127.0.0.1:{}", running.port);
    let calls = (0..100).map(|_| http2.call(&running, &host, PUT));
    let answers = futures_util::future::join_all(calls).await;
    assert!(
        answers.iter().all(|answer| answer.as_ref().is_ok_and(|(status, _)| *status == 200)),
        "{answers:?}"
    );
    assert_eq!(crate::conformance::read_all(&running.client, "s", 1).await.len(), 100);
    let foreign = http2.call(&running, "evil.example", PUT).await.unwrap();
    assert!(foreign.0 == 403 && foreign.1.contains("AccessDeniedException"), "{foreign:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_and_a_stop_reach_http_2_too() {
    let mut running = with_stream(1).await;
    let host = format!("localhost:{}", running.port);
    let http2 = Http2::open(&running).await;
    running.set(Faults { cut_connection: 1.0, ..Faults::default() });
    assert!(http2.call(&running, &host, PUT).await.is_err());
    running.set(Faults { delay: Duration::from_mins(10), ..Faults::default() });
    let mut waiting = Http2::open(&running).await;
    assert!(
        tokio::time::timeout(Duration::from_millis(300), waiting.call(&running, &host, PUT)).await.is_err()
    );
    let begun = Instant::now();
    running.stop().await;
    waiting.connection.join_next().await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
}

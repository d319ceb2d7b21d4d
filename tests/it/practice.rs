//! The practice stream through the real AWS SDK, and through raw sockets for requests that the SDK does not make.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use crate::conformance::{self, Peer, code, entry, follow, iterator, put, read_all};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_sdk_kinesis::types::{ScalingType, Shard, ShardFilter, ShardFilterType, ShardIteratorType};
use std::io::{Read, Write};
use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tributary::practice::{Faults, Limits, Practice, Settings};

/// A practice stream that serves until dropped.
pub struct Running {
    pub practice: Practice,
    pub client: Client,
    pub port: u16,
    server: JoinSet<std::io::Result<()>>,
    stop: Option<oneshot::Sender<()>>,
}

async fn run(settings: Settings) -> Running {
    let practice = Practice::new(settings);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel();
    let mut server = JoinSet::new();
    let until = async {
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    server.spawn(practice.serve(listener, until));
    let url = format!("http://127.0.0.1:{port}");
    let client = conformance::client(&url, practice.access_key_id(), practice.secret_access_key());
    Running { practice, client, port, server, stop: Some(stop) }
}

/// With a stream `s` of this number of shards.
pub async fn with_stream(shards: u32) -> Running {
    let running = run(Settings::default()).await;
    running.practice.create_stream("s", shards).unwrap();
    running
}

impl Running {
    pub async fn put(&self, data: &str) -> String {
        put(&self.client, "s", "k", data).await
    }

    pub fn set(&self, faults: Faults) {
        self.practice.set_faults(faults);
    }

    async fn kept(&self) -> usize {
        self.set(Faults::default());
        read_all(&self.client, "s", 1).await.len()
    }

    /// Stops the server, and waits for its end.
    pub async fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.server.join_next().await.unwrap().unwrap().unwrap();
    }

    pub fn authorization(&self) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={}/20261122/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=00",
            self.practice.access_key_id()
        )
    }

    /// The answer to a request with these headers (each with its line end) and the body.
    async fn raw(&self, operation: &str, headers: &str, body: impl Into<Vec<u8>>) -> String {
        let (port, body) = (self.port, body.into());
        let head = format!(
            "POST / HTTP/1.1\r\n{headers}X-Amz-Target: Kinesis_20131202.{operation}\r\nX-Amz-Date: 20261122T000000Z\r\n\
             Content-Type: application/x-amz-json-1.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut blocking = JoinSet::new();
        blocking.spawn_blocking(move || {
            let mut socket = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            socket.write_all(head.as_bytes()).unwrap();
            socket.write_all(&body).unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).unwrap();
            answer
        });
        blocking.join_next().await.unwrap().unwrap()
    }

    /// As [`Self::raw`], with all headers that a request needs.
    async fn call(&self, operation: &str, body: impl Into<Vec<u8>>) -> String {
        let headers = format!("Host: localhost:{}\r\nAuthorization: {}\r\n", self.port, self.authorization());
        self.raw(operation, &headers, body).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_practice_stream_answers_as_the_table_says() {
    let running = run(Settings::default()).await;
    let results = conformance::conformance(&running.client, Peer::Practice).await;
    let broken = conformance::broken(&results);
    assert!(broken.is_empty(), "rows of {} that do not hold:\n{broken}", results.len());
    assert!(results.len() > 200, "the table has only {} rows", results.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tailing_reader_beside_sixteen_writers_misses_nothing() {
    const WRITERS: usize = 16;
    const PUTS: usize = 250;
    let running = with_stream(1).await;
    let latest = iterator(&running.client, "s", 0, ShardIteratorType::Latest).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let client = running.client.clone();
        writers.spawn(async move {
            for number in 0..PUTS {
                assert_eq!(put(&client, "s", &format!("w{writer}"), number.to_string()).await, "ok");
            }
        });
    }
    assert_eq!(follow(&running.client, latest, WRITERS * PUTS).await, (WRITERS * PUTS, true));
    writers.join_all().await;
}

#[tokio::test]
async fn past_the_cap_the_oldest_records_go_and_are_counted() {
    let running = run(Settings { bytes_max: 100_000, ..Settings::default() }).await;
    running.practice.create_stream("s", 1).unwrap();
    let start = iterator(&running.client, "s", 0, ShardIteratorType::TrimHorizon).await;
    for number in 0..20 {
        assert_eq!(running.put(&format!("{number:10000}")).await, "ok");
    }
    let page = running.client.get_records().shard_iterator(start).send().await.unwrap();
    let kept: Vec<_> = page
        .records()
        .iter()
        .map(|record| String::from_utf8_lossy(record.data.as_ref()).trim().to_owned())
        .collect();
    let newest: Vec<_> = (11..20).map(|number: usize| number.to_string()).collect();
    assert_eq!((kept, running.practice.dropped("s")), (newest, 11));
}

#[tokio::test]
async fn a_web_page_a_foreign_host_and_a_stranger_are_refused() {
    let running = with_stream(1).await;
    let (port, ours) = (running.port, running.authorization());
    let host = format!("Host: 127.0.0.1:{port}\r\n");
    let stranger = ours.replace(running.practice.access_key_id(), "AKIAAAAAAAAAAAAAAAAA");
    for (headers, status, code) in [
        (format!("{host}Authorization: {ours}\r\n"), 200, "StreamNames"),
        (
            format!("{host}Authorization: {ours}\r\nOrigin: http://evil.example\r\n"),
            403,
            "AccessDeniedException",
        ),
        (format!("{host}Authorization: {ours}\r\nOrigin: null\r\n"), 403, "AccessDeniedException"),
        (format!("Host: evil.example:{port}\r\nAuthorization: {ours}\r\n"), 403, "AccessDeniedException"),
        (format!("Host: 127.0.0.1:1\r\nAuthorization: {ours}\r\n"), 403, "AccessDeniedException"),
        (format!("Authorization: {ours}\r\n"), 403, "AccessDeniedException"),
        (format!("{host}Authorization: {stranger}\r\n"), 400, "UnrecognizedClientException"),
        (format!("{host}Authorization: Basic abc\r\n"), 400, "IncompleteSignatureException"),
        (host.clone(), 400, "MissingAuthenticationTokenException"),
    ] {
        let answer = running.raw("ListStreams", &headers, "{}").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{headers}{answer}");
        assert!(answer.contains(code), "{headers}{answer}");
        assert!(!answer.to_lowercase().contains("access-control"), "no page may read an answer: {answer}");
    }
    let other = conformance::client(&format!("http://localhost:{port}"), "AKIAEXAMPLE", "secret");
    assert_eq!(put(&other, "s", "k", "d").await, "UnrecognizedClientException");
    assert_eq!(running.kept().await, 0);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_errors_have_the_shape_of_aws() {
    let running = with_stream(1).await;
    let answer = running.call("PutRecord", r#"{"StreamName":"no","Data":"","PartitionKey":"k"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("x-amzn-requestid: "), "{answer}");
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    assert_eq!(
        body,
        r#"{"__type":"ResourceNotFoundException","message":"Stream no under account 000000000000 not found."}"#
    );
    assert!(running.call("ListStreams", "{}").await.contains("x-amzn-requestid: "));
}

#[tokio::test]
async fn what_is_not_understood_is_refused_by_name() {
    let running = with_stream(1).await;
    for (operation, body, wanted) in [
        ("PutResourcePolicy", "{}", "UnknownOperationException"),
        ("RegisterStreamConsumer", "{}", "Value null at 'streamARN'"),
        ("", "{}", "UnknownOperationException"),
        ("PutRecord", "", "SerializationException"),
        ("PutRecord", "[]", "SerializationException"),
        ("PutRecord", "{", "SerializationException"),
        ("PutRecord", r#"{"StreamName":5}"#, "SerializationException"),
        ("PutRecord", r#"{"StreamName":"s","PartitionKey":"k","Data":"YQ"}"#, "SerializationException"),
        ("PutRecord", r#"{"StreamName":"s","PartitionKey":"k","Data":"%%%%"}"#, "SerializationException"),
        ("PutRecord", r#"{"StreamName":"s","PartitionKey":"k","Data":"====="}"#, "SerializationException"),
        ("PutRecord", r#"{"StreamName":"s","PartitionKey":"k"}"#, "Value null at 'data'"),
        ("PutRecord", r#"{"PartitionKey":"k","Data":""}"#, "InvalidArgumentException"),
        ("PutRecord", r#"{"StreamName":"s","PartitionKey":"k","Data":"A\/8=","Later":1}"#, "SequenceNumber"),
    ] {
        let answer = running.call(operation, body).await;
        assert!(answer.contains(wanted), "{operation} {body}: {answer}");
    }
    let records = read_all(&running.client, "s", 1).await;
    assert_eq!(records[0].data.as_ref(), [3, 255]);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_answered_413() {
    let running = with_stream(1).await;
    let answer = running.call("PutRecord", vec![b' '; (16 << 20) + 1]).await;
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("RequestEntityTooLargeException"),
        "{answer}"
    );
    let full = format!(r#"{{"StreamName":"s","PartitionKey":"k","Data":""}}{}"#, " ".repeat((16 << 20) - 48));
    let answer = running.call("PutRecord", full).await;
    assert!(answer.contains("SequenceNumber"), "{answer}");
}

#[tokio::test]
async fn records_of_ten_mebibytes_pass_where_the_stream_takes_them() {
    let running = run(Settings::default()).await;
    let made = running.client.create_stream().stream_name("s").shard_count(1).max_record_size_in_kib(10_240);
    assert_eq!(code(&made.send().await), "ok");
    let data = vec![b'x'; (10 << 20) - 1];
    assert_eq!(put(&running.client, "s", "k", data.clone()).await, "ok");
    assert_eq!(put(&running.client, "s", "kk", data.clone()).await, "InvalidArgumentException");
    assert_eq!(read_all(&running.client, "s", 1).await[0].data.as_ref(), data);
}

#[tokio::test]
async fn streams_and_shards_come_in_pages() {
    let running = with_stream(5).await;
    for name in ["a", "b", "c"] {
        running.practice.create_stream(name, 1).unwrap();
    }
    let first = running.client.list_streams().limit(3).send().await.unwrap();
    assert_eq!((first.stream_names().join(" "), first.has_more_streams), ("a b c".into(), true));
    let rest = running.client.list_streams().next_token(first.next_token.unwrap()).send().await.unwrap();
    assert_eq!((rest.stream_names().join(" "), rest.has_more_streams), ("s".into(), false));
    let first = running.client.list_shards().stream_name("s").max_results(3).send().await.unwrap();
    let rest = running.client.list_shards().next_token(first.next_token().unwrap()).send().await.unwrap();
    let ids: Vec<_> = rest.shards().iter().map(|shard| shard.shard_id.as_str()).collect();
    assert_eq!(ids, ["shardId-000000000003", "shardId-000000000004"]);
}

/// The numbers of the shards that a filter selects, read in pages of two.
async fn listed(client: &Client, filter: ShardFilter) -> Vec<u32> {
    let mut page =
        client.list_shards().stream_name("s").max_results(2).shard_filter(filter).send().await.unwrap();
    let mut ids = Vec::new();
    loop {
        assert!(page.shards().len() <= 2);
        ids.extend(page.shards().iter().map(|shard| shard.shard_id()[8..].parse::<u32>().unwrap()));
        let Some(token) = page.next_token else { return ids };
        page = client.list_shards().max_results(2).next_token(token).send().await.unwrap();
    }
}

#[tokio::test]
async fn shards_are_listed_by_when_they_were_open() {
    let running = with_stream(3).await;
    let client = &running.client;
    // The times of the filter and of the shards are in milliseconds: each step needs one of its own.
    let now = async || {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = DateTime::from(SystemTime::now());
        tokio::time::sleep(Duration::from_millis(20)).await;
        now
    };
    let new = now().await;
    let split = client.split_shard().stream_name("s").shard_to_split("shardId-000000000000");
    assert_eq!(code(&split.new_starting_hash_key("1000").send().await), "ok");
    let after_split = now().await;
    let merge = client.merge_shards().stream_name("s").shard_to_merge("shardId-000000000001");
    assert_eq!(code(&merge.adjacent_shard_to_merge("shardId-000000000002").send().await), "ok");
    let after_merge = now().await;
    let filter = |kind, time: Option<DateTime>| {
        ShardFilter::builder().r#type(kind).set_timestamp(time).build().unwrap()
    };
    for (kind, time, wanted) in [
        (ShardFilterType::FromTrimHorizon, None, vec![0, 1, 2, 3, 4, 5]),
        (ShardFilterType::AtTrimHorizon, None, vec![0, 1, 2]),
        (ShardFilterType::AtLatest, None, vec![3, 4, 5]),
        (ShardFilterType::AtTimestamp, Some(new), vec![0, 1, 2]),
        (ShardFilterType::AtTimestamp, Some(after_split), vec![1, 2, 3, 4]),
        (ShardFilterType::AtTimestamp, Some(after_merge), vec![3, 4, 5]),
        (ShardFilterType::FromTimestamp, Some(DateTime::from_secs(9)), vec![0, 1, 2, 3, 4, 5]),
        (ShardFilterType::FromTimestamp, Some(after_split), vec![1, 2, 3, 4, 5]),
        (ShardFilterType::FromTimestamp, Some(after_merge), vec![3, 4, 5]),
    ] {
        assert_eq!(listed(client, filter(kind.clone(), time)).await, wanted, "{kind:?} {time:?}");
    }
    let after = ShardFilter::builder().r#type(ShardFilterType::AfterShardId).shard_id("shardId-000000000003");
    assert_eq!(listed(client, after.build().unwrap()).await, [4, 5]);
    let no_time =
        client.list_shards().stream_name("s").shard_filter(filter(ShardFilterType::AtTimestamp, None));
    assert_eq!(code(&no_time.send().await), "InvalidArgumentException");
}

#[tokio::test]
async fn a_reader_in_the_middle_of_a_shard_goes_on_when_it_is_split() {
    let running = with_stream(1).await;
    let client = &running.client;
    for text in ["a", "b"] {
        assert_eq!(running.put(text).await, "ok");
    }
    let start = iterator(client, "s", 0, ShardIteratorType::TrimHorizon).await;
    let page = client.get_records().shard_iterator(start).limit(1).send().await.unwrap();
    let split = client.split_shard().stream_name("s").shard_to_split("shardId-000000000000");
    assert_eq!(code(&split.new_starting_hash_key((1_u128 << 127).to_string()).send().await), "ok");
    assert_eq!(running.put("c").await, "ok");
    let rest = client.get_records().shard_iterator(page.next_shard_iterator.unwrap()).send().await.unwrap();
    assert_eq!((rest.records().len(), rest.records()[0].data.as_ref()), (1, &b"b"[..]));
    assert_eq!((rest.next_shard_iterator(), rest.millis_behind_latest()), (None, Some(0)));
    let children: Vec<_> = rest.child_shards().iter().map(|child| &child.shard_id).collect();
    assert_eq!(children, ["shardId-000000000001", "shardId-000000000002"]);
    let kept: usize = read_all(client, "s", 3).await.len();
    assert_eq!(kept, 3);
}

#[tokio::test]
async fn a_stream_is_scaled_to_equal_shards_and_keeps_its_records() {
    let running = with_stream(4).await;
    let client = &running.client;
    let scale = |count| {
        let scale = client.update_shard_count().stream_name("s").target_shard_count(count);
        scale.scaling_type(ScalingType::UniformScaling).send()
    };
    let mut put_so_far = 0;
    for (count, shards_ever) in [(5, 15), (10, 25), (5, 30), (5, 30), (3, 38)] {
        assert_eq!(running.put(&count.to_string()).await, "ok");
        put_so_far += 1;
        let answer = scale(count).await.unwrap();
        assert_eq!(answer.target_shard_count(), Some(count));
        let shards = client.list_shards().stream_name("s").send().await.unwrap().shards.unwrap();
        let is_open = |shard: &&Shard| {
            shard.sequence_number_range().is_some_and(|range| range.ending_sequence_number.is_none())
        };
        let starts = shards.iter().filter(is_open).map(|shard| shard.hash_key_range().unwrap());
        let mut starts: Vec<u128> = starts.map(|range| range.starting_hash_key.parse().unwrap()).collect();
        starts.sort_unstable();
        let count = u128::try_from(count).unwrap();
        let width = u128::MAX / count;
        // Not every count divides 2^128 evenly.
        let is_even = (0..count).zip(&starts).all(|(at, start)| start.abs_diff(at * width) < 1000);
        assert!(is_even && starts.len() as u128 == count, "{count}: {starts:?}");
        assert_eq!(shards.len(), shards_ever);
        assert_eq!(read_all(client, "s", u32::try_from(shards.len()).unwrap()).await.len(), put_so_far);
    }
    for (count, wanted) in
        [(7, "InvalidArgumentException"), (1, "InvalidArgumentException"), (0, "ValidationException")]
    {
        assert_eq!(code(&scale(count).await), wanted, "3 to {count}");
    }
    running.practice.create_stream("large", 400).unwrap();
    let beyond = client.update_shard_count().stream_name("large").target_shard_count(500);
    let beyond = beyond.scaling_type(ScalingType::UniformScaling).send().await;
    assert_eq!(code(&beyond), "LimitExceededException");
}

#[tokio::test]
async fn a_stream_that_has_had_ten_thousand_shards_is_not_changed_any_more() {
    let running = with_stream(250).await;
    let client = &running.client;
    let scale = |count| {
        let scale = client.update_shard_count().stream_name("s").target_shard_count(count);
        scale.scaling_type(ScalingType::UniformScaling).send()
    };
    // Each pair makes 500 shards and then 250.
    for _ in 0..13 {
        assert_eq!((code(&scale(500).await), code(&scale(250).await)), ("ok".into(), "ok".into()));
    }
    assert_eq!(code(&scale(249).await), "LimitExceededException");
    let split = client.split_shard().stream_name("s").shard_to_split("shardId-000000009999");
    assert_eq!(code(&split.new_starting_hash_key("1000").send().await), "LimitExceededException");
    assert_eq!(running.put("d").await, "ok");
}

#[tokio::test]
async fn shards_of_a_stream_in_on_demand_mode_are_not_ours_to_change() {
    let running = run(Settings::default()).await;
    let client = &running.client;
    let made = client.create_stream().stream_name("s").send().await;
    assert_eq!(code(&made), "ok");
    let split = client.split_shard().stream_name("s").shard_to_split("shardId-000000000000");
    assert_eq!(code(&split.new_starting_hash_key("1000").send().await), "ValidationException");
    let merge = client.merge_shards().stream_name("s").shard_to_merge("shardId-000000000000");
    let merge = merge.adjacent_shard_to_merge("shardId-000000000001").send().await;
    assert_eq!(code(&merge), "ValidationException");
}

#[tokio::test]
async fn no_split_goes_beyond_the_shards_that_all_streams_may_have() {
    let running = with_stream(500).await;
    let split = running.client.split_shard().stream_name("s").shard_to_split("shardId-000000000000");
    assert_eq!(code(&split.new_starting_hash_key("1000").send().await), "LimitExceededException");
    let merge = running.client.merge_shards().stream_name("s").shard_to_merge("shardId-000000000000");
    let merge = merge.adjacent_shard_to_merge("shardId-000000000001").send().await;
    assert_eq!(code(&merge), "ok");
    let split = running.client.split_shard().stream_name("s").shard_to_split("shardId-000000000500");
    assert_eq!(code(&split.new_starting_hash_key("1000").send().await), "ok", "closed shards do not count");
}

#[tokio::test]
async fn a_stream_is_made_once_and_can_be_deleted() {
    let running = with_stream(2).await;
    let practice = &running.practice;
    practice.create_stream("s", 7).unwrap();
    let summary = running.client.describe_stream_summary().stream_name("s").send().await.unwrap();
    assert_eq!(summary.stream_description_summary.unwrap().open_shard_count, 2);
    assert!(practice.create_stream("no blanks", 1).is_err() && practice.create_stream("t", 0).is_err());
    assert!(practice.create_stream("t", 499).is_err());
    assert!(practice.delete_stream("s") && !practice.delete_stream("s"));
    assert_eq!(running.put("d").await, "ResourceNotFoundException");
    practice.create_stream("s", 1).unwrap();
    assert_eq!(running.put("d").await, "ok");
}

#[tokio::test]
async fn a_throttled_put_is_refused_and_not_written() {
    let running = with_stream(1).await;
    running.set(Faults { throttle: 1.0, ..Faults::default() });
    assert_eq!(running.put("d").await, "ProvisionedThroughputExceededException");
    let batch = running.client.put_records().stream_name("s").records(entry("k", "d")).send().await;
    assert_eq!(code(&batch), "ProvisionedThroughputExceededException");
    running.set(Faults { throttle: 0.5, ..Faults::default() });
    let mut written = 0;
    for _ in 0..100 {
        written += usize::from(running.put("d").await == "ok");
    }
    assert!((20..80).contains(&written), "{written} of 100 passed");
    assert_eq!(running.kept().await, written);
}

#[tokio::test]
async fn a_failed_share_of_a_batch_is_reported_in_its_place_and_not_written() {
    let running = with_stream(1).await;
    running.set(Faults { fail_records: 0.5, ..Faults::default() });
    let entries = (0..200).map(|number| entry("k", number.to_string())).collect();
    let answer =
        running.client.put_records().stream_name("s").set_records(Some(entries)).send().await.unwrap();
    let written: Vec<_> = (0..200).filter(|at| answer.records[*at].sequence_number.is_some()).collect();
    let failed =
        answer.records.iter().filter(|result| result.error_code() == Some("InternalFailure")).count();
    assert_eq!((answer.failed_record_count, failed), (i32::try_from(failed).ok(), 200 - written.len()));
    assert!((50..150).contains(&failed), "{failed} of 200 failed");
    assert_eq!(running.put("k").await, "ok", "a single put is no entry of a batch");
    running.set(Faults::default());
    let records = read_all(&running.client, "s", 1).await;
    let texts = records.iter().map(|record| String::from_utf8_lossy(record.data.as_ref()));
    let kept: Vec<usize> = texts.filter_map(|text| text.parse().ok()).collect();
    assert_eq!(kept, written);
}

#[tokio::test]
async fn a_server_error_is_a_500_and_writes_nothing() {
    let running = with_stream(1).await;
    running.set(Faults { server_error: 1.0, ..Faults::default() });
    let answer =
        running.client.put_record().stream_name("s").partition_key("k").data(Blob::new("d")).send().await;
    assert_eq!(answer.as_ref().unwrap_err().raw_response().unwrap().status().as_u16(), 500);
    assert_eq!(code(&answer), "InternalFailure");
    assert_eq!(running.kept().await, 0);
}

#[tokio::test]
async fn a_cut_connection_gives_no_byte_and_half_of_the_records_are_written() {
    let running = with_stream(1).await;
    running.set(Faults { cut_connection: 1.0, ..Faults::default() });
    for _ in 0..60 {
        assert_eq!(running.put("d").await, "no answer");
    }
    let answer = running.call("PutRecord", r#"{"StreamName":"s","Data":"","PartitionKey":"k"}"#).await;
    assert_eq!(answer, "");
    let written = running.kept().await;
    assert!((12..49).contains(&written), "{written} of 61 were written");
}

#[tokio::test]
async fn a_delayed_answer_comes_late_and_its_record_was_written_before() {
    let running = with_stream(1).await;
    running.set(Faults { delay: Duration::from_millis(300), ..Faults::default() });
    let begun = Instant::now();
    assert_eq!(running.put("d").await, "ok");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let impatient = tokio::time::timeout(Duration::from_millis(150), running.put("d")).await;
    assert!(impatient.is_err());
    assert_eq!(running.kept().await, 2);
}

#[tokio::test]
async fn a_record_over_the_lowered_maximum_is_refused_until_the_fault_is_off() {
    let running = with_stream(1).await;
    running.set(Faults { record_bytes_max: Some(1024), ..Faults::default() });
    let (fits, too_large) = ("x".repeat(1023), "x".repeat(1024));
    assert_eq!(running.put(&fits).await, "ok", "the key counts, too");
    assert_eq!(running.put(&too_large).await, "InvalidArgumentException");
    let entries = vec![entry("k", &*fits), entry("k", &*too_large)];
    let batch = running.client.put_records().stream_name("s").set_records(Some(entries)).send().await;
    assert_eq!(code(&batch), "InvalidArgumentException", "as on AWS, one refuses the whole call");
    let summary = running.client.describe_stream_summary().stream_name("s").send().await.unwrap();
    assert_eq!(summary.stream_description_summary.unwrap().max_record_size_in_kib, Some(1024));
    // It only lowers the maximum.
    running.set(Faults { record_bytes_max: Some(usize::MAX), ..Faults::default() });
    assert_eq!(running.put(&"x".repeat(1 << 20)).await, "InvalidArgumentException");
    running.set(Faults::default());
    assert_eq!(running.put(&too_large).await, "ok");
    assert_eq!(running.kept().await, 2);
}

#[tokio::test]
async fn expired_credentials_and_a_denied_permission_refuse_every_call() {
    let running = with_stream(1).await;
    for (faults, wanted) in [
        (Faults { expired_credentials: true, ..Faults::default() }, "ExpiredTokenException"),
        (Faults { access_denied: true, ..Faults::default() }, "AccessDeniedException"),
    ] {
        running.set(faults);
        assert_eq!(running.practice.faults(), faults);
        assert_eq!(running.put("d").await, wanted);
        assert_eq!(code(&running.client.list_streams().send().await), wanted);
        assert_eq!(running.kept().await, 0);
        assert_eq!(code(&running.client.list_streams().send().await), "ok");
    }
}

#[tokio::test]
async fn with_shard_limits_a_shard_takes_a_thousand_records_and_one_mebibyte_a_second() {
    let running = with_stream(1).await;
    let batch = || {
        let entries = (0..500).map(|_| entry("k", "d")).collect();
        running.client.put_records().stream_name("s").set_records(Some(entries)).send()
    };
    assert_eq!(batch().await.unwrap().failed_record_count, Some(0));
    running.set(Faults { shard_limits: true, ..Faults::default() });
    let mut failed = 0;
    for _ in 0..6 {
        let answer = batch().await.unwrap();
        let codes = answer.records.iter().filter_map(|result| result.error_code());
        failed += codes.inspect(|code| assert_eq!(*code, "ProvisionedThroughputExceededException")).count();
    }
    assert!((1..=2000).contains(&failed), "{failed} of 3000 at once were refused");
    running.practice.create_stream("large", 1).unwrap();
    let mebibyte = vec![0; (1 << 20) - 1];
    assert_eq!(put(&running.client, "large", "k", mebibyte.clone()).await, "ok");
    assert_eq!(
        put(&running.client, "large", "k", mebibyte.clone()).await,
        "ProvisionedThroughputExceededException"
    );
    running.set(Faults::default());
    assert_eq!(put(&running.client, "large", "k", mebibyte).await, "ok");
}

#[tokio::test]
async fn with_shard_limits_a_shard_is_read_five_times_a_second() {
    let running = with_stream(1).await;
    let start = iterator(&running.client, "s", 0, ShardIteratorType::TrimHorizon).await;
    let read = || running.client.get_records().shard_iterator(&start).send();
    running.set(Faults { shard_limits: true, ..Faults::default() });
    let mut refused = 0;
    for _ in 0..40 {
        match code(&read().await).as_str() {
            "ok" => {}
            other => {
                assert_eq!(other, "ProvisionedThroughputExceededException");
                refused += 1;
            }
        }
    }
    assert!((1..=35).contains(&refused), "{refused} of 40 at once were refused");
    running.set(Faults::default());
    assert_eq!(code(&read().await), "ok");
}

#[tokio::test]
async fn a_stopped_server_ends_in_time_and_cuts_what_still_waits() {
    let mut running = with_stream(1).await;
    running.set(Faults { delay: Duration::from_mins(10), ..Faults::default() });
    let client = running.client.clone();
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { put(&client, "s", "k", "d").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    running.stop.take().unwrap().send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), running.server.join_next()).await;
    ended.expect("the server ends").unwrap().unwrap().unwrap();
    assert_eq!(waiting.join_next().await.unwrap().unwrap(), "no answer");
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
    assert_eq!(running.put("d").await, "no answer");
}

#[tokio::test]
async fn an_idle_server_stops_at_once() {
    let mut running = with_stream(1).await;
    assert_eq!(running.put("d").await, "ok");
    let begun = Instant::now();
    running.stop().await;
    // It does not wait for the two seconds that requests under way have.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

/// Whether the server has closed a connection whose peer sends nothing.
fn is_closed(socket: &std::net::TcpStream) -> bool {
    socket.set_nonblocking(true).unwrap();
    match (&*socket).read(&mut [0; 512]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// Connects, and sends these bytes and no more.
fn begin(port: u16, bytes: &str) -> std::net::TcpStream {
    let socket = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    (&socket).write_all(bytes.as_bytes()).unwrap();
    socket
}

async fn with_connections(connections: usize, authenticated: usize) -> Running {
    let connections = Limits { connections, authenticated };
    let running = run(Settings { connections, ..Settings::default() }).await;
    running.practice.create_stream("s", 1).unwrap();
    running
}

async fn closed(sockets: &[std::net::TcpStream], count: usize) {
    let end = tokio::time::Instant::now() + Duration::from_mins(1);
    while sockets.iter().filter(|socket| is_closed(socket)).count() < count {
        assert!(tokio::time::Instant::now() < end, "not {count} of them were closed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

const HALF_HEAD: &str = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Pad: half";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_without_the_key_make_room_and_those_with_it_stay() {
    const SILENT: usize = 40;
    let running = with_connections(8, 4).await;
    let port = running.port;
    let list = format!(
        "POST / HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: {}\r\nX-Amz-Date: 20261122T000000Z\r\n\
         X-Amz-Target: Kinesis_20131202.ListStreams\r\nContent-Length: 2\r\n\r\n{{}}",
        running.authorization()
    );
    let mut kept = crate::wire::Connection::open(([127, 0, 0, 1], port).into()).unwrap();
    assert_eq!(kept.ask(list.as_bytes()).unwrap().status, 200);
    let sockets: Vec<_> = (0..SILENT).map(|_| begin(port, HALF_HEAD)).collect();
    assert_eq!(running.put("d").await, "ok");
    closed(&sockets, SILENT - 8).await;
    assert_eq!(kept.ask(list.as_bytes()).unwrap().status, 200, "its connection was not closed");
    assert_eq!(running.put("d").await, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_shows_no_key_has_a_moment_only() {
    let running = with_connections(256, 64).await;
    let stranger = format!("GET / HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", running.port);
    let sockets = ["", HALF_HEAD, &stranger].map(|bytes| begin(running.port, bytes));
    closed(&sockets, sockets.len()).await;
    assert_eq!(running.put("d").await, "ok");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let settings = Settings { body_time_max: Duration::from_millis(200), ..Settings::default() };
    let running = run(settings).await;
    let headers =
        format!("Host: localhost:{}\r\nAuthorization: {}\r\n", running.port, running.authorization());
    let head = format!(
        "POST / HTTP/1.1\r\n{headers}X-Amz-Target: Kinesis_20131202.ListStreams\r\nX-Amz-Date: 20261122T000000Z\r\n\
         Content-Length: 100\r\n\r\n{{"
    );
    let socket = begin(running.port, &head);
    let mut answer = String::new();
    let mut blocking = JoinSet::new();
    blocking.spawn_blocking(move || {
        (&socket).read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = blocking.join_next().await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("RequestTimeoutException"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_with_the_key_take_no_place_of_the_program_itself() {
    let connections = Limits { connections: 8, authenticated: 2 };
    let body_time_max = Duration::from_mins(10);
    let running = run(Settings { connections, body_time_max, ..Settings::default() }).await;
    running.practice.create_stream("s", 1).unwrap();
    let port = running.port;
    // A body that does not arrive keeps its connection busy.
    let busy = format!(
        "POST / HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: {}\r\nX-Amz-Date: 20261122T000000Z\r\n\
         X-Amz-Target: Kinesis_20131202.ListStreams\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n",
        running.authorization()
    );
    let sockets = [begin(port, &busy), begin(port, &busy)];
    for socket in &sockets {
        let mut answer = [0; 12];
        (&*socket).read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100", "its key was seen, and its body is awaited");
    }
    let refused = running.put("d").await;
    assert_eq!(refused, "ServiceUnavailable");
    let url = format!("http://127.0.0.1:{port}");
    let own =
        conformance::client(&url, running.practice.own_access_key_id(), running.practice.secret_access_key());
    assert_eq!(put(&own, "s", "k", "d").await, "ok");
    assert!(sockets.iter().all(|socket| !is_closed(socket)));
}

#[test]
fn two_practice_streams_never_share_a_key() {
    let (one, other) = (Practice::new(Settings::default()), Practice::new(Settings::default()));
    assert_ne!(one.access_key_id(), other.access_key_id());
    assert_ne!(one.secret_access_key(), other.secret_access_key());
    assert_eq!((one.access_key_id().len(), one.secret_access_key().len()), (20, 40));
    assert!(one.access_key_id().starts_with("AKIA"));
}

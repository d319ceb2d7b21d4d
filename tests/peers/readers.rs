//! Readers that others wrote, unmodified, read the practice stream with no other setting than the environment: boto3, the
//! AWS CLI, async-kinesis, lifion-kinesis with leases, and the AWS SDK for JavaScript with its default HTTP/2, with GetRecords
//! and with a subscription.

use crate::conformance::{self, entry, iterator, read_all, read_from};
use crate::processes::{Guard, node_modules, python, run};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::{Record, ShardIteratorType};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tributary::practice::{Practice, Settings};

const SHARDS: u32 = 3;
const STREAM: &str = "read";

/// A practice stream with records, which serves until dropped.
struct Filled {
    practice: Practice,
    url: String,
    client: Client,
    records: Vec<Record>,
    _server: JoinSet<std::io::Result<()>>,
}

impl Filled {
    async fn new() -> Self {
        let practice = Practice::new(Settings::default());
        practice.create_stream(STREAM, SHARDS).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(practice.serve(listener, std::future::pending()));
        let client = conformance::client(&url, practice.access_key_id(), practice.secret_access_key());
        let every_byte: Vec<u8> = (0..=255).collect();
        let mut entries: Vec<_> = (0..50).map(|n| entry(&format!("user-{n}"), n.to_string())).collect();
        entries.extend([
            entry("ключ \"é\" 🙂", every_byte),
            entry("empty", ""),
            entry("large", vec![7; 900_000]),
        ]);
        client.put_records().stream_name(STREAM).set_records(Some(entries)).send().await.unwrap();
        let records = read_all(&client, STREAM, SHARDS).await;
        assert_eq!(records.len(), 53);
        Self { practice, url, client, records, _server: server }
    }

    /// The environment that points any AWS SDK here.
    fn point_here(&self, command: &mut Command) {
        command.env("AWS_ENDPOINT_URL_KINESIS", &self.url);
        command.env("AWS_ACCESS_KEY_ID", self.practice.access_key_id());
        command.env("AWS_SECRET_ACCESS_KEY", self.practice.secret_access_key());
        command.env("AWS_REGION", "us-east-1").env("AWS_DEFAULT_REGION", "us-east-1");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", "/dev/null");
    }

    async fn run(&self, mut command: Command) -> String {
        self.point_here(&mut command);
        let mut blocking = JoinSet::new();
        blocking.spawn_blocking(move || run(&mut command, ""));
        blocking.join_next().await.unwrap().unwrap()
    }

    /// Runs a script that prints a line for each record, and checks that they are the stream's records: each shard's in
    /// their order.
    async fn is_read_by(&self, mut command: Command) {
        command.args([STREAM, &self.records.len().to_string()]);
        let output = self.run(command).await;
        let mut found: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        // Shards may be read beside each other; in one shard the order stays.
        found.sort_by_key(|line| line["shardId"].to_string());
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let seen: Vec<_> = found
            .iter()
            .map(|line| (text(line, "partitionKey"), text(line, "data"), text(line, "sequenceNumber")))
            .collect();
        let wanted: Vec<_> = self.records.iter().map(shown).collect();
        assert!(seen == wanted, "{} of {} records, or others", seen.len(), wanted.len());
    }
}

fn shown(record: &Record) -> (String, String, String) {
    let key = record.partition_key.clone().unwrap();
    (key, STANDARD.encode(record.data.as_ref()), record.sequence_number.clone())
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/readers").join(name)
}

fn by_python(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(script(name));
    command
}

fn by_node(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(script(name)).env("NODE_PATH", node_modules());
    command
}

fn sdk_v3(way: &str) -> Command {
    let mut command = by_node("sdk-v3.js");
    command.arg(way);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boto3_reads_the_practice_stream() {
    Filled::new().await.is_read_by(by_python("boto3-records.py")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_for_javascript_reads_the_practice_stream_over_http_2() {
    Filled::new().await.is_read_by(sdk_v3("records")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_for_javascript_subscribes_to_the_practice_stream() {
    Filled::new().await.is_read_by(sdk_v3("fan-out")).await;
}

/// It keeps the order of each shard, but does not say which shard a record is of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn async_kinesis_reads_the_practice_stream() {
    let filled = Filled::new().await;
    let mut command = by_python("async-kinesis.py");
    command.args([STREAM, "53"]);
    let output = filled.run(command).await;
    let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut seen: Vec<_> = lines.map(|line| line["data"].as_str().unwrap().to_owned()).collect();
    let mut wanted: Vec<_> = filled.records.iter().map(|record| shown(record).1).collect();
    seen.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(seen, wanted);
}

/// A group that works as the Kinesis Client Library does: a shard is read by the worker that has its lease, and the children
/// of a split only after their parent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_of_lifion_kinesis_read_each_record_once_while_a_shard_is_split() {
    const BATCH: usize = 150;
    let filled = Filled::new().await;
    let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, data, _) in filled.records.iter().map(shown) {
        sent.entry(key).or_default().push(data);
    }
    let mut put = async |batch: &str| {
        let of = |n: usize| (format!("user-{}", n % 50), format!("{batch} {n}"));
        let entries = (0..BATCH).map(of).map(|(key, data)| entry(&key, data)).collect();
        let answer =
            filled.client.put_records().stream_name(STREAM).set_records(Some(entries)).send().await.unwrap();
        assert_eq!(answer.failed_record_count, Some(0));
        for (key, data) in (0..BATCH).map(of) {
            sent.entry(key).or_default().push(STANDARD.encode(data));
        }
    };

    let count = filled.records.len() + 2 * BATCH;
    let mut command = by_node("lifion-kinesis.js");
    filled.point_here(&mut command);
    command.args([STREAM, &count.to_string()]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Guard(command.spawn().unwrap());
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let mut printed: Vec<_> = lines.by_ref().take(filled.records.len()).collect();
    put("before the split").await;
    let (shard, first, last) = filled.practice.open_shards(STREAM).swap_remove(1);
    let split = filled.client.split_shard().stream_name(STREAM).shard_to_split(&shard);
    split.new_starting_hash_key((first + (last - first) / 2).to_string()).send().await.unwrap();
    put("after the split").await;
    printed.extend(lines);

    let table = printed.pop().unwrap()["shards"].take();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut workers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in &printed {
        read.entry(text(line, "partitionKey")).or_default().push(text(line, "data"));
        workers.entry(text(line, "shardId")).or_default().insert(text(line, "worker"));
    }
    assert!(read == sent, "{} of {count} records, or others: {read:#?}", printed.len());
    let of_one = |workers: &BTreeSet<String>| workers.len() == 1;
    assert!(workers.len() == 5 && workers.values().all(of_one), "{workers:?}");
    assert_eq!(workers.into_values().flatten().collect::<BTreeSet<_>>().len(), 2);
    for (number, id) in (0..).zip(table.as_object().unwrap().keys()) {
        let start = iterator(&filled.client, STREAM, number, ShardIteratorType::TrimHorizon).await;
        let last = read_from(&filled.client, start).await.pop().unwrap().sequence_number;
        assert_eq!(table[id]["checkpoint"], last, "{id}: {table:#}");
        assert_eq!(table[id]["depleted"], *id == shard, "{id}: {table:#}");
    }
    assert_eq!(table.as_object().unwrap().len(), 5, "{table:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_aws_cli_reads_and_changes_the_practice_stream() {
    let filled = Filled::new().await;
    let aws = async |words: &[&str]| {
        let mut command = Command::new(python());
        command.args(["-m", "awscli", "kinesis", "--output", "json"]).args(words);
        let output = filled.run(command).await;
        if output.is_empty() { Value::Null } else { serde_json::from_str(&output).unwrap() }
    };
    let shards = aws(&["list-shards", "--stream-name", STREAM]).await;
    let mut seen = Vec::new();
    for shard in shards["Shards"].as_array().unwrap() {
        let shard = shard["ShardId"].as_str().unwrap();
        let oldest = ["--shard-id", shard, "--shard-iterator-type", "TRIM_HORIZON"];
        let iterator = aws(&[&["get-shard-iterator", "--stream-name", STREAM], &oldest[..]].concat()).await;
        let page =
            aws(&["get-records", "--shard-iterator", iterator["ShardIterator"].as_str().unwrap()]).await;
        let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
        let records = page["Records"].as_array().unwrap();
        seen.extend(records.iter().map(|record| {
            (text(record, "PartitionKey"), text(record, "Data"), text(record, "SequenceNumber"))
        }));
    }
    let wanted: Vec<_> = filled.records.iter().map(shown).collect();
    assert!(seen == wanted, "{} of {} records, or others", seen.len(), wanted.len());
    aws(&["increase-stream-retention-period", "--stream-name", STREAM, "--retention-period-hours", "48"])
        .await;
    aws(&["add-tags-to-stream", "--stream-name", STREAM, "--tags", "team=data"]).await;
    let summary = aws(&["describe-stream-summary", "--stream-name", STREAM]).await;
    assert_eq!(summary["StreamDescriptionSummary"]["RetentionPeriodHours"], 48);
    let tags = filled.client.list_tags_for_stream().stream_name(STREAM).send().await.unwrap().tags;
    assert_eq!(tags.first().map(|tag| (tag.key.as_str(), tag.value())), Some(("team", Some("data"))));
}

/// Java has no place among these tests: its wire format is written by another library.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wire_format_of_the_sdk_for_java_is_spoken() {
    let filled = Filled::new().await;
    let before = shard_zero(&filled).await.len();
    let mut command = by_node("cbor.js");
    command.args([STREAM, &(before + 1).to_string()]);
    let output = filled.run(command).await;
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let seen: Vec<_> = lines
        .map(|line| (text(&line, "partitionKey"), text(&line, "data"), text(&line, "sequenceNumber")))
        .collect();
    let wanted = shard_zero(&filled).await;
    assert_eq!(seen, wanted);
    let every_byte: Vec<u8> = (0..=255).collect();
    assert_eq!((&*wanted[before].0, &*wanted[before].1), ("ключ 🙂", &*STANDARD.encode(every_byte)));
}

async fn shard_zero(filled: &Filled) -> Vec<(String, String, String)> {
    read_all(&filled.client, STREAM, 1).await.iter().map(shown).collect()
}

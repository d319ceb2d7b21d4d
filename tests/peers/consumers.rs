//! Consumer code, run unchanged on a practice stream to which the real `tributary serve` delivers: each event comes out once
//! and in the order of its user, although one was sent twice, one shard was split, and one record is no event.
//!
//! A Lambda function gets the records of the stream in an event as AWS documents it
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html>).

use crate::conformance;
use crate::practice_server::PracticeServer;
use crate::processes::{Guard, STREAM, Serve, WRITE_KEY, node_modules, python, run, sender};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::ShardIteratorType;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tributary::event::Aggregation;
use tributary::reader::Format;
use tributary::snippets::{ConsumedStream, Consumer, consumer_code};

pub fn stream(Format { encoding, aggregation }: Format) -> ConsumedStream<'static> {
    let (region, account_id, endpoint_url) = ("us-east-1", "", "");
    ConsumedStream { stream: STREAM, region, account_id, endpoint_url, encoding, aggregation }
}

const USERS: [&str; 3] = ["ada", "bob", "eve"];
/// Events of each user in a request.
const EVENTS: usize = 12;

/// A practice stream that gets the events of one `serve`.
struct Source {
    is_aggregated: bool,
    stream: PracticeServer,
    client: Client,
    serve: Serve,
    endpoint: SocketAddr,
    /// The messageIds of each user, in the order in which they were first sent.
    sent: BTreeMap<String, Vec<String>>,
}

impl Source {
    async fn open(Format { encoding, aggregation }: Format) -> Self {
        let stream = PracticeServer::start().await;
        let PracticeServer { practice, url, .. } = &stream;
        let client = conformance::client(url, practice.access_key_id(), practice.secret_access_key());
        let mut serve = stream.engine(encoding.as_str());
        serve.set("TRIBUTARY_DESTINATION_ENCODING", encoding.as_str());
        serve.set("TRIBUTARY_DESTINATION_AGGREGATION", aggregation.as_str());
        let endpoint = serve.start();
        let sent = BTreeMap::new();
        let is_aggregated = aggregation != Aggregation::None;
        Self { is_aggregated, stream, client, serve, endpoint, sent }
    }

    /// Sends events of all users in one request, one of them twice, and waits until they are delivered.
    async fn send(&mut self) {
        let before = self.serve.log().len();
        let mut batch = Vec::new();
        for n in 0..EVENTS {
            for user in USERS {
                let ids = self.sent.entry(user.to_owned()).or_default();
                ids.push(format!("{user}-{}", ids.len()));
                batch.push(
                    json!({"type": "track", "event": "Größe ✓", "userId": user, "messageId": ids.last()}),
                );
            }
            if n == EVENTS / 2 {
                batch.extend(batch.last().cloned());
            }
        }
        let url = format!("http://{}/v1/batch", self.endpoint);
        let user = format!("{WRITE_KEY}:");
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--silent", "-u", &user, &url, "--data-binary", "@-"]);
        run(&mut curl, &json!({ "batch": batch }).to_string());
        let start = Instant::now();
        loop {
            let log = self.serve.log();
            if log.len() == before + batch.len() && log.iter().all(|line| line["state"] == "delivered") {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{log:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Puts a record that is no event. Returns its sequence number.
    async fn put_poison(&self) -> String {
        let put = self.client.put_record().stream_name(STREAM).partition_key("ada");
        put.data(Blob::new("no event")).send().await.unwrap().sequence_number
    }

    /// Splits the shard of `ada`, which gets two children.
    async fn split(&self) {
        let hash = tributary::event::PartitionKey::hash_of("ada");
        let shards = self.stream.practice.open_shards(STREAM);
        let (id, first, last) =
            shards.into_iter().find(|(_, first, last)| (*first..=*last).contains(&hash)).unwrap();
        let middle = first + (last - first) / 2 + 1;
        let split = self.client.split_shard().stream_name(STREAM).shard_to_split(id);
        split.new_starting_hash_key(middle.to_string()).send().await.unwrap();
    }

    /// Events before a split and after it, and between them the record whose sequence number is returned.
    async fn fill(&mut self) -> String {
        self.send().await;
        let poison = self.put_poison().await;
        self.send().await;
        self.split().await;
        self.send().await;
        let shares = |line: &Value| line["recordEvents"].as_u64().is_some_and(|events| events > 1);
        assert_eq!(self.serve.log().iter().any(shares), self.is_aggregated);
        poison
    }

    /// The records of each shard as AWS Lambda hands them over: one event for each shard, a parent before its children.
    async fn lambda_events(&self) -> Vec<Vec<Value>> {
        let mut events = Vec::new();
        let listed = self.client.list_shards().stream_name(STREAM).send().await.unwrap();
        for shard in listed.shards.unwrap() {
            let start = self.client.get_shard_iterator().stream_name(STREAM).shard_id(&shard.shard_id);
            let start = start.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
            let mut records = Vec::new();
            let mut next = start.shard_iterator;
            while let Some(iterator) = next {
                let got = self.client.get_records().shard_iterator(iterator).send().await.unwrap();
                next = got.next_shard_iterator.filter(|_| !got.records.is_empty());
                records.extend(got.records.iter().map(|record| {
                    json!({
                        "kinesis": {
                            "kinesisSchemaVersion": "1.0",
                            "partitionKey": record.partition_key,
                            "sequenceNumber": record.sequence_number,
                            "data": STANDARD.encode(&record.data),
                            "approximateArrivalTimestamp": record.approximate_arrival_timestamp.unwrap().as_secs_f64(),
                        },
                        "eventSource": "aws:kinesis",
                        "eventVersion": "1.0",
                        "eventID": format!("{}:{}", shard.shard_id, record.sequence_number),
                        "eventName": "aws:kinesis:record",
                        "invokeIdentityArn": "arn:aws:iam::000000000000:role/lambda-role",
                        "awsRegion": "us-east-1",
                        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/events",
                    })
                }));
            }
            events.push(records);
        }
        events
    }

    /// Checks that each event came out once, in the order of its user.
    fn came_out_once(&self, lines: &[Value], what: &str) {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in lines {
            assert_eq!(line["event"], "Größe ✓", "{what}");
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            found.entry(text("userId")).or_default().push(text("messageId"));
        }
        assert_eq!(found, self.sent, "{what}");
    }

    fn events(&self) -> usize {
        self.sent.values().map(Vec::len).sum()
    }

    /// Runs a program that prints events and does not end, until `count` events are out and it has stored that it
    /// handled the last record of each shard. Returns the events and what else it said.
    async fn run(&self, mut command: Command, folder: &Path, count: usize) -> (Vec<Value>, String) {
        let file = |name: &str| File::create(folder.join(name)).unwrap();
        command.current_dir(folder).stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        command.env("NO_PROXY", "127.0.0.1").env("PYTHONUTF8", "1");
        command.env("AWS_ACCESS_KEY_ID", self.stream.practice.access_key_id());
        command.env("AWS_SECRET_ACCESS_KEY", self.stream.practice.secret_access_key());
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let last = self.last_of_each_shard().await;
        let _child = Guard(command.spawn().unwrap());
        let start = Instant::now();
        loop {
            let (stdout, positions) = (read("stdout"), read("positions.json"));
            if stdout.lines().count() >= count && last.iter().all(|sequence| positions.contains(sequence)) {
                let events = stdout.lines().map(|line| serde_json::from_str(line).unwrap());
                return (events.collect(), read("stderr"));
            }
            assert!(
                start.elapsed() < Duration::from_secs(40),
                "{count}:\n{stdout}{positions}\n{}",
                read("stderr")
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn last_of_each_shard(&self) -> Vec<String> {
        let last =
            |records: &Vec<Value>| Some(records.last()?["kinesis"]["sequenceNumber"].as_str()?.to_owned());
        self.lambda_events().await.iter().filter_map(last).collect()
    }
}

/// The code as a file in a folder where its packages are installed.
pub fn written(consumer: Consumer, format: Format) -> TempDir {
    written_for(consumer, &stream(format))
}

fn written_for(consumer: Consumer, stream: &ConsumedStream<'_>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(node_modules(), folder.path().join("node_modules")).unwrap();
    std::fs::write(folder.path().join(consumer.file_name()), consumer_code(consumer, stream)).unwrap();
    folder
}

/// The program reads everything, is ended, and goes on where it was.
async fn reads_every_event_once(consumer: Consumer, command: impl Fn(&str) -> Command) {
    for format in Format::ALL {
        let mut source = Source::open(format).await;
        let poison = source.fill().await;
        let folder = written(consumer, format);
        let (mut lines, said) = source.run(command(&source.stream.url), folder.path(), source.events()).await;
        source.came_out_once(&lines, &format!("{format:?}: {said}"));
        assert_eq!(said.matches("skipped record").count(), 1, "{format:?}: {said}");
        assert!(said.contains(&poison), "{format:?}: {said}");
        // Where it goes on does not depend on the format.
        if format != Format::ALL[0] {
            continue;
        }
        source.send().await;
        let (more, said) =
            source.run(command(&source.stream.url), folder.path(), source.events() - lines.len()).await;
        lines.extend(more);
        source.came_out_once(&lines, &format!("{format:?}, started again: {said}"));
        assert!(!said.contains("skipped"), "{format:?}: {said}");
    }
}

#[tokio::test]
async fn the_consumer_in_python_reads_every_event_once() {
    reads_every_event_once(Consumer::Python, |url| {
        let mut command = Command::new(python());
        command.arg("consumer.py").env("AWS_ENDPOINT_URL_KINESIS", url);
        command
    })
    .await;
}

#[tokio::test]
async fn the_consumer_in_node_reads_every_event_once() {
    reads_every_event_once(Consumer::Node, |url| {
        let mut command = Command::new("node");
        command.arg("consumer.mjs");
        command.env("NODE_PATH", node_modules()).env("AWS_ENDPOINT_URL_KINESIS", url);
        command
    })
    .await;
}

/// A server that is not AWS is in the code, and for the SDK in Node that it speaks HTTP/1.
#[tokio::test]
async fn a_consumer_of_another_server_has_its_address() {
    let mut source = Source::open(Format::ALL[0]).await;
    source.send().await;
    let stream = ConsumedStream { endpoint_url: &source.stream.url, ..stream(Format::ALL[0]) };
    for (consumer, program) in [(Consumer::Python, python()), (Consumer::Node, "node".into())] {
        let folder = written_for(consumer, &stream);
        let mut command = Command::new(program);
        command.arg(consumer.file_name());
        let (lines, said) = source.run(command, folder.path(), source.events()).await;
        source.came_out_once(&lines, &format!("{consumer:?}: {said}"));
    }
}

/// The function fails at the record that is no event, gets the batch again from there on, and then without that record.
async fn stores_every_event_once(consumer: Consumer, command: impl Fn(&Path) -> Command) {
    for format in Format::ALL {
        let mut source = Source::open(format).await;
        let poison = source.fill().await;
        let folder = written(consumer, format);
        let is_poison = |record: &Value| record["kinesis"]["sequenceNumber"] == *poison;
        let mut batches = Vec::new();
        let mut wanted = Vec::new();
        let failure = json!({ "batchItemFailures": [{ "itemIdentifier": poison }] });
        let success = json!({ "batchItemFailures": [] });
        for records in source.lambda_events().await {
            let at = records.iter().position(is_poison);
            let again = at.map(|at| (records[at..].to_vec(), records[at + 1..].to_vec()));
            batches.push(records);
            wanted.push(if at.is_some() { failure.clone() } else { success.clone() });
            if let Some((from_there, after)) = again {
                batches.extend([from_there, after]);
                wanted.extend([failure.clone(), success.clone()]);
            }
        }
        assert!(wanted.contains(&failure), "one shard has the record");
        let input: String =
            batches.iter().map(|records| json!({ "Records": records }).to_string() + "\n").collect();
        let printed = run(&mut command(&folder.path().join(consumer.file_name())), &input);
        let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (answers, events): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| line.get("answer").is_some());
        let answers: Vec<_> = answers.iter().map(|line| line["answer"].clone()).collect();
        assert_eq!(answers, wanted, "{format:?}");
        source.came_out_once(&events, &format!("{format:?}"));
    }
}

#[tokio::test]
async fn the_lambda_function_in_python_stores_every_event_once() {
    stores_every_event_once(Consumer::LambdaPython, |file| {
        let mut command = Command::new(python());
        command.arg(sender("lambda.py")).arg(file);
        command
    })
    .await;
}

#[tokio::test]
async fn the_lambda_function_in_node_stores_every_event_once() {
    stores_every_event_once(Consumer::LambdaNode, |file| {
        let mut command = Command::new("node");
        command.arg(sender("lambda.mjs")).arg(file);
        command
    })
    .await;
}

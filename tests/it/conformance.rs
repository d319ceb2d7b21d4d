//! One table of the answers of Kinesis, requested through the real AWS SDK without retries.
//!
//! It runs against the practice stream (`practice.rs`) and against kinesalite, an independent server
//! (`../peers/main.rs`), so that the practice stream is not only compared with itself. The expected answers are those
//! that AWS documents. If kinesalite differs, the row has its answer and the reason; nothing is skipped. Where other
//! emulators differ, `../peers/emulators.rs` says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

#[path = "conformance/consumers.rs"]
mod consumers;
#[path = "conformance/settings.rs"]
mod settings;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_sdk_kinesis::types::{
    ChildShard, PutRecordsRequestEntry, Record, Shard, ShardIteratorType, StreamMode, StreamModeDetails,
};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::task::Poll;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;

/// The server that answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(dead_code, clippy::allow_attributes, reason = "each test binary asks one of the peers")]
pub enum Peer {
    /// The practice stream.
    Practice,
    /// kinesalite 3.3.3.
    Kinesalite,
    /// Another one: the rows say what AWS answers.
    Emulator,
}

/// One row of the table, and the result.
#[derive(Debug)]
pub struct CaseResult {
    pub name: &'static str,
    pub wanted: &'static str,
    pub seen: String,
}

/// The rows that do not hold, one a line; empty if all do.
pub fn broken(results: &[CaseResult]) -> String {
    let broken = results.iter().filter(|case| case.wanted != case.seen);
    let lines = broken.map(|case| format!("{}: wanted {:?}, saw {:?}", case.name, case.wanted, case.seen));
    lines.collect::<Vec<_>>().join("\n")
}

/// The expected answer of a row.
enum Want {
    All(&'static str),
    /// The answer is `all`, but kinesalite has another one.
    But {
        all: &'static str,
        kinesalite: &'static str,
        because: &'static str,
    },
}

use Want::{All, But};

struct Table<'a> {
    client: &'a Client,
    peer: Peer,
    rows: Vec<CaseResult>,
}

impl Table<'_> {
    fn row(&mut self, name: &'static str, want: &Want, seen: impl Into<String>) {
        let wanted = match (want, self.peer) {
            (All(wanted), _) | (But { all: wanted, .. }, Peer::Practice | Peer::Emulator) => wanted,
            (But { kinesalite, because, .. }, Peer::Kinesalite) => {
                assert!(!because.is_empty(), "{name}: a difference has a reason");
                kinesalite
            }
        };
        self.rows.push(CaseResult { name, wanted, seen: seen.into() });
    }

    /// Adds the rows of a section. A section that cannot go on with an emulator's answers ends early, which is a row too.
    async fn section(&mut self, name: &'static str, run: impl AsyncFnOnce(&mut Table<'_>)) {
        let is_emulator = self.peer == Peer::Emulator;
        let ended = {
            let mut run = std::pin::pin!(run(self));
            std::future::poll_fn(|context| {
                let mut poll = || run.as_mut().poll(context).map(Ok);
                if !is_emulator {
                    return poll();
                }
                std::panic::catch_unwind(AssertUnwindSafe(poll))
                    .unwrap_or_else(|panic| Poll::Ready(Err(panic)))
            })
            .await
        };
        if ended.is_err() {
            let (wanted, seen) = ("goes on to its end", "ends early".to_owned());
            self.rows.push(CaseResult { name, wanted, seen });
        }
    }

    /// A row about an operation that kinesalite lacks.
    fn lacked(&mut self, name: &'static str, all: &'static str, seen: String) {
        let because = "it has no such operation";
        self.row(name, &But { all, kinesalite: "UnknownOperationException", because }, seen);
    }
}

/// A client of the server at `endpoint_url`, with the SDK's retries off.
pub fn client(endpoint_url: &str, access_key_id: &str, secret_access_key: &str) -> Client {
    let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "test");
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint_url)
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// `ok`, or the code of the error. If the body has none: the HTTP status or the kind of failure.
pub fn code<T, E: ProvideErrorMetadata, R>(result: &Result<T, SdkError<E, R>>) -> String
where
    R: HttpStatus,
{
    match result {
        Ok(_) => "ok".into(),
        Err(error) => match (error.code(), error.raw_response()) {
            (Some(code), _) => code.into(),
            (None, Some(response)) => format!("http {}", response.status()),
            (None, None) => "no answer".into(),
        },
    }
}

/// What an answer says, or the code of the error.
fn told<T, E: ProvideErrorMetadata, R: HttpStatus>(
    result: &Result<T, SdkError<E, R>>,
    say: impl FnOnce(&T) -> String,
) -> String {
    result.as_ref().map_or_else(|_| code(result), say)
}

/// The SDK's raw response, whose crate is not a dependency.
pub trait HttpStatus {
    fn status(&self) -> u16;
}

impl HttpStatus for aws_sdk_kinesis::config::http::HttpResponse {
    fn status(&self) -> u16 {
        Self::status(self).as_u16()
    }
}

/// Runs every case. The server must have no stream whose name begins with `table-`.
pub async fn conformance(client: &Client, peer: Peer) -> Vec<CaseResult> {
    let mut table = Table { client, peer, rows: Vec::new() };
    table.section("streams", streams).await;
    table.section("creation", creation).await;
    table.section("names", names).await;
    table.section("keys", keys).await;
    table.section("sizes", sizes).await;
    table.section("placement", placement).await;
    table.section("batches", batches).await;
    table.section("batch_sizes", batch_sizes).await;
    table.section("order", order).await;
    table.section("iterators", iterators).await;
    table.section("iterator_errors", iterator_errors).await;
    table.section("reads", reads).await;
    table.section("tail", tail).await;
    table.section("splits", splits).await;
    table.section("merges", merges).await;
    table.section("description", description).await;
    table.section("closed_shards", closed_shards).await;
    table.section("dry_run", dry_run).await;
    table.section("arns", arns).await;
    table.section("retention", settings::retention).await;
    table.section("tags", settings::tags).await;
    table.section("resource_tags", settings::resource_tags).await;
    table.section("modes", settings::modes).await;
    table.section("record_sizes", settings::record_sizes).await;
    table.section("encryption", settings::encryption).await;
    table.section("account", settings::account).await;
    table.section("dry_reads", settings::dry_reads).await;
    table.section("registration", consumers::registration).await;
    table.section("subscriptions", consumers::subscriptions).await;
    table.section("lists", consumers::lists).await;
    table.section("deletion", deletion).await;
    table.rows
}

async fn make(client: &Client, name: &str, shards: i32) -> String {
    let made = client.create_stream().stream_name(name).shard_count(shards).send().await;
    wait_for(client, name).await;
    code(&made)
}

async fn wait_for(client: &Client, name: &str) {
    for _ in 0..100 {
        let summary = client.describe_stream_summary().stream_name(name).send().await;
        let status = summary.ok().and_then(|answer| answer.stream_description_summary);
        if status.is_none_or(|summary| summary.stream_status.as_str() == "ACTIVE") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn put(client: &Client, name: &str, key: &str, data: impl Into<Vec<u8>>) -> String {
    code(&client.put_record().stream_name(name).partition_key(key).data(Blob::new(data)).send().await)
}

pub fn entry(key: &str, data: impl Into<Vec<u8>>) -> PutRecordsRequestEntry {
    PutRecordsRequestEntry::builder().partition_key(key).data(Blob::new(data)).build().unwrap()
}

pub async fn iterator(client: &Client, name: &str, shard: u32, kind: ShardIteratorType) -> String {
    let ask = client.get_shard_iterator().stream_name(name).shard_id(format!("shardId-{shard:012}"));
    ask.shard_iterator_type(kind).send().await.unwrap().shard_iterator.unwrap()
}

/// All records of a shard from the iterator on, until the reader has caught up.
pub async fn read_from(client: &Client, iterator: String) -> Vec<Record> {
    let mut next = Some(iterator);
    let mut records = Vec::new();
    while let Some(iterator) = next {
        let page = client.get_records().shard_iterator(iterator).send().await.unwrap();
        let is_last = page.records.is_empty() && page.millis_behind_latest == Some(0);
        records.extend(page.records);
        next = page.next_shard_iterator.filter(|_| !is_last);
    }
    records
}

/// All records of a stream's shards.
pub async fn read_all(client: &Client, name: &str, shards: u32) -> Vec<Record> {
    let mut records = Vec::new();
    for shard in 0..shards {
        let iterator = iterator(client, name, shard, ShardIteratorType::TrimHorizon).await;
        records.extend(read_from(client, iterator).await);
    }
    records
}

fn texts(records: &[Record]) -> String {
    let texts: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(record.data.as_ref())).collect();
    texts.join(" ")
}

async fn streams(table: &mut Table<'_>) {
    let client = table.client;
    table.row("a stream is created", &All("ok"), make(client, "table-main", 4).await);
    let again = make(client, "table-main", 4).await;
    table.row("a name is taken once", &All("ResourceInUseException"), again);

    let summary = client.describe_stream_summary().stream_name("table-main").send().await.unwrap();
    let summary = summary.stream_description_summary.unwrap();
    let created = SystemTime::try_from(summary.stream_creation_timestamp).unwrap();
    let is_recent = created.elapsed().unwrap_or_default() < Duration::from_mins(1);
    let seen = format!(
        "{} {} shards {} h {} recent {is_recent}",
        summary.stream_status, summary.open_shard_count, summary.retention_period_hours, summary.stream_name
    );
    table.row("a stream is described", &All("ACTIVE 4 shards 24 h table-main recent true"), seen);
    let arn_end = summary.stream_arn.rsplit(':').next().unwrap_or_default().to_owned();
    table.row("a stream has an ARN", &All("stream/table-main"), arn_end);

    let listed = client.list_streams().send().await.unwrap().stream_names;
    table.row("a stream is listed", &All("true"), listed.iter().any(|name| name == "table-main").to_string());
    let shards = client.list_shards().stream_name("table-main").send().await.unwrap();
    let ranges: Vec<_> = shards
        .shards()
        .iter()
        .filter_map(|shard| Some((&shard.shard_id, shard.hash_key_range.as_ref()?)))
        .map(|(id, range)| format!("{id} {}-{}", range.starting_hash_key, range.ending_hash_key))
        .collect();
    let quarters = "shardId-000000000000 0-85070591730234615865843651857942052863, \
                    shardId-000000000001 85070591730234615865843651857942052864-170141183460469231731687303715884105727, \
                    shardId-000000000002 170141183460469231731687303715884105728-255211775190703847597530955573826158591, \
                    shardId-000000000003 255211775190703847597530955573826158592-340282366920938463463374607431768211455";
    table.row("the shards share the hashes evenly", &All(quarters), ranges.join(", "));
    let after =
        client.list_shards().stream_name("table-main").exclusive_start_shard_id("shardId-000000000002");
    let after = after.send().await.unwrap().shards.unwrap_or_default();
    table.row("shards are listed after a given one", &All("1"), after.len().to_string());
}

async fn creation(table: &mut Table<'_>) {
    let client = table.client;
    let on_demand = StreamModeDetails::builder().stream_mode(StreamMode::OnDemand).build().unwrap();
    let made =
        client.create_stream().stream_name("table-on-demand").stream_mode_details(on_demand).send().await;
    let older = "it is older than on-demand streams and wants a ShardCount";
    let want = But { all: "ok", kinesalite: "ValidationException", because: older };
    table.row("an on-demand stream needs no number of shards", &want, code(&made));
    let plain = code(&client.create_stream().stream_name("table-plain").send().await);
    table.row("a stream needs neither shards nor mode", &want, plain);
    let zero = code(&client.create_stream().stream_name("table-zero").shard_count(0).send().await);
    table.row("a stream has at least one shard", &All("ValidationException"), zero);

    let large = client.create_stream().stream_name("table-large").shard_count(1).max_record_size_in_kib(2048);
    table.row("a stream can take larger records", &All("ok"), code(&large.send().await));
    wait_for(client, "table-large").await;
    let because = "it does not know MaxRecordSizeInKiB";
    let want = But { all: "ok", kinesalite: "ValidationException", because };
    table.row(
        "2 MiB fit where 2 MiB are allowed",
        &want,
        put(client, "table-large", "k", vec![0; (2 << 20) - 1]).await,
    );
    let want = But { all: "InvalidArgumentException", kinesalite: "ValidationException", because };
    let seen = put(client, "table-large", "k", vec![0; 2 << 20]).await;
    table.row("2 MiB and a byte do not fit", &want, seen);
}

async fn names(table: &mut Table<'_>) {
    let client = table.client;
    let unknown = "ResourceNotFoundException";
    table.row("a put to no stream", &All(unknown), put(client, "table-none", "k", "d").await);
    let batch = client.put_records().stream_name("table-none").records(entry("k", "d")).send().await;
    table.row("a batch to no stream", &All(unknown), code(&batch));
    let summary = client.describe_stream_summary().stream_name("table-none").send().await;
    table.row("a description of no stream", &All(unknown), code(&summary));
    let shards = client.list_shards().stream_name("table-none").send().await;
    table.row("the shards of no stream", &All(unknown), code(&shards));
    let deleted = client.delete_stream().stream_name("table-none").send().await;
    table.row("a deletion of no stream", &All(unknown), code(&deleted));
    let iterator = client.get_shard_iterator().stream_name("table-none").shard_id("shardId-000000000000");
    let iterator = iterator.shard_iterator_type(ShardIteratorType::Latest).send().await;
    table.row("an iterator of no stream", &All(unknown), code(&iterator));

    let bad = All("ValidationException");
    table.row("a name with a blank", &bad, put(client, "no blanks", "k", "d").await);
    table.row("a name with a letter that is not a to z", &bad, put(client, "strøm", "k", "d").await);
    table.row("a name of 129 characters", &bad, put(client, &"n".repeat(129), "k", "d").await);
    table.row("a name of 128 characters", &All(unknown), put(client, &"n".repeat(128), "k", "d").await);
}

async fn keys(table: &mut Table<'_>) {
    let client = table.client;
    let bad = All("ValidationException");
    table.row("an empty key", &bad, put(client, "table-main", "", "d").await);
    table.row("256 letters as key", &All("ok"), put(client, "table-main", &"k".repeat(256), "d").await);
    table.row("257 letters as key", &bad, put(client, "table-main", &"k".repeat(257), "d").await);
    table.row("256 é as key", &All("ok"), put(client, "table-main", &"é".repeat(256), "d").await);
    table.row("257 é as key", &bad, put(client, "table-main", &"é".repeat(257), "d").await);
    let because = "it counts UTF-16 units, of which an emoji has two";
    let want = But { all: "ok", kinesalite: "ValidationException", because };
    table.row("256 emoji as key", &want, put(client, "table-main", &"🙂".repeat(256), "d").await);
    table.row("128 emoji as key", &All("ok"), put(client, "table-main", &"🙂".repeat(128), "d").await);
}

async fn sizes(table: &mut Table<'_>) {
    let client = table.client;
    table.row("no data", &All("ok"), put(client, "table-main", "k", "").await);
    let mebibyte = 1 << 20;
    table.row(
        "data and key of 1 MiB",
        &All("ok"),
        put(client, "table-main", "k", vec![1; mebibyte - 1]).await,
    );
    let because = "it does not count the key";
    let want = But { all: "InvalidArgumentException", kinesalite: "ok", because };
    table.row("data of 1 MiB and a key", &want, put(client, "table-main", "k", vec![1; mebibyte]).await);
    let because = "its service model is older: data of at most 1 MiB, whatever the stream";
    let want = But { all: "InvalidArgumentException", kinesalite: "ValidationException", because };
    table.row("data of 1 MiB and a byte", &want, put(client, "table-main", "k", vec![1; mebibyte + 1]).await);
}

async fn placement(table: &mut Table<'_>) {
    let client = table.client;
    let mut placed = String::new();
    for number in 0..40 {
        let key = format!("user-{number}-é");
        let put = client.put_record().stream_name("table-main").partition_key(key).data(Blob::new("d"));
        placed.push(put.send().await.unwrap().shard_id.chars().next_back().unwrap());
    }
    table.row("a key's shard", &All("2300312333231232111312121332112002023223"), placed);
    let with_hash = |hash: &str| {
        client
            .put_record()
            .stream_name("table-main")
            .partition_key("k")
            .data(Blob::new("d"))
            .explicit_hash_key(hash)
    };
    for (name, hash, wanted) in [
        ("the lowest hash", "0", "shardId-000000000000"),
        ("the last hash of a shard", "85070591730234615865843651857942052863", "shardId-000000000000"),
        ("the first hash of a shard", "85070591730234615865843651857942052864", "shardId-000000000001"),
        ("the highest hash", "340282366920938463463374607431768211455", "shardId-000000000003"),
    ] {
        table.row(name, &All(wanted), with_hash(hash).send().await.unwrap().shard_id);
    }
    let over = code(&with_hash("340282366920938463463374607431768211456").send().await);
    table.row("a hash above the highest", &All("InvalidArgumentException"), over);
    table.row("a hash that is no number", &All("ValidationException"), code(&with_hash("x").send().await));
    let because = "its pattern forgets the brackets around its alternatives";
    let want = But { all: "ValidationException", kinesalite: "ok", because };
    table.row("a hash that begins with a zero", &want, code(&with_hash("01").send().await));
}

async fn batches(table: &mut Table<'_>) {
    let client = table.client;
    table.row("a stream for batches", &All("ok"), make(client, "table-batch", 4).await);
    let batch = |entries: Vec<PutRecordsRequestEntry>| {
        client.put_records().stream_name("table-batch").set_records(Some(entries)).send()
    };
    table.row("a batch of none", &All("ValidationException"), code(&batch(vec![]).await));
    let many = |count| (0..count).map(|number| entry(&number.to_string(), "d")).collect::<Vec<_>>();
    table.row("a batch of 501", &All("ValidationException"), code(&batch(many(501)).await));
    let mut one_bad = many(3);
    one_bad[1] = entry(&"k".repeat(257), "d");
    table.row("a batch with one bad key", &All("ValidationException"), code(&batch(one_bad).await));
    let kept = read_all(client, "table-batch", 4).await.len();
    table.row("a refused batch writes nothing", &All("0"), kept.to_string());

    let answer = batch(many(500)).await.unwrap();
    let mut alone = Vec::new();
    for number in 0..10 {
        let put = client.put_record().stream_name("table-batch").partition_key(number.to_string());
        alone.push(Some(put.data(Blob::new("d")).send().await.unwrap().shard_id));
    }
    let together: Vec<_> = answer.records.iter().take(10).map(|result| result.shard_id.clone()).collect();
    let seen = format!(
        "{} results, {} failed, in order {}",
        answer.records.len(),
        answer.failed_record_count.unwrap_or_default(),
        alone == together
    );
    table.row("a batch of 500", &All("500 results, 0 failed, in order true"), seen);
    let records = read_all(client, "table-batch", 4).await;
    let kept: std::collections::HashSet<_> = records.iter().map(|record| &record.sequence_number).collect();
    let all = answer
        .records
        .iter()
        .all(|result| result.sequence_number.as_ref().is_some_and(|id| kept.contains(id)));
    table.row("every record of a batch is read back", &All("true"), all.to_string());
}

async fn batch_sizes(table: &mut Table<'_>) {
    let client = table.client;
    let mut full: Vec<_> = (0..10).map(|_| entry("k", vec![1; (1 << 20) - 1])).collect();
    let batch = |entries: &[PutRecordsRequestEntry]| {
        client.put_records().stream_name("table-batch").set_records(Some(entries.to_vec())).send()
    };
    let because = "its bodies end at 7 MiB, a limit from when a batch had 5 MiB";
    let want = But { all: "ok", kinesalite: "http 413", because };
    table.row("a batch of 10 MiB", &want, code(&batch(&full).await));
    full[0] = entry("k", vec![1; (1 << 20) - 2]);
    full.push(entry("k", ""));
    table.row("a batch of 10 MiB in eleven records", &want, code(&batch(&full).await));
    full.push(entry("k", ""));
    let want = But { all: "InvalidArgumentException", kinesalite: "http 413", because };
    table.row("a batch of 10 MiB and a byte", &want, code(&batch(&full).await));
}

async fn order(table: &mut Table<'_>) {
    let client = table.client;
    let mut numbers = Vec::new();
    for _ in 0..20 {
        let put = client.put_record().stream_name("table-main").partition_key("same").data(Blob::new("d"));
        let put = put.set_sequence_number_for_ordering(numbers.last().cloned());
        numbers.push(put.send().await.unwrap().sequence_number);
    }
    let is_rising = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    let is_long = numbers.iter().all(|number| number.len() == 56);
    table.row(
        "sequence numbers rise",
        &All("rising true, 56 digits true"),
        format!("rising {is_rising}, 56 digits {is_long}"),
    );
    let after = |number: &str| {
        let put = client.put_record().stream_name("table-main").partition_key("same").data(Blob::new("d"));
        put.sequence_number_for_ordering(number).send()
    };
    table.row("order after what is no number", &All("ValidationException"), code(&after("abc").await));
    let because = "it takes a small number for one of the first layout";
    let want = But { all: "InvalidArgumentException", kinesalite: "ok", because };
    table.row("order after a number that was never given", &want, code(&after("123").await));
    let nines = code(&after(&"9".repeat(57)).await);
    table.row("order after a number beyond all", &All("InvalidArgumentException"), nines);
}

async fn iterators(table: &mut Table<'_>) {
    let client = table.client;
    table.row("a stream for iterators", &All("ok"), make(client, "table-read", 1).await);
    let mut numbers = Vec::new();
    for text in ["a", "b", "c", "d"] {
        if text == "c" {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let put = client.put_record().stream_name("table-read").partition_key("k").data(Blob::new(text));
        numbers.push(put.send().await.unwrap().sequence_number);
    }
    let at = |kind, number: Option<&String>, time: Option<DateTime>| {
        let ask = client.get_shard_iterator().stream_name("table-read").shard_id("shardId-000000000000");
        ask.shard_iterator_type(kind).set_starting_sequence_number(number.cloned()).set_timestamp(time).send()
    };
    let latest = at(ShardIteratorType::Latest, None, None).await.unwrap().shard_iterator.unwrap();
    let records = read_all(client, "table-read", 1).await;
    table.row("TRIM_HORIZON reads all", &All("a b c d"), texts(&records));
    let third = records[2].approximate_arrival_timestamp;
    for (name, wanted, kind, number, time) in [
        (
            "AT_SEQUENCE_NUMBER begins with it",
            "b c d",
            ShardIteratorType::AtSequenceNumber,
            Some(&numbers[1]),
            None,
        ),
        (
            "AFTER_SEQUENCE_NUMBER begins behind it",
            "c d",
            ShardIteratorType::AfterSequenceNumber,
            Some(&numbers[1]),
            None,
        ),
        ("AFTER the last reads nothing", "", ShardIteratorType::AfterSequenceNumber, Some(&numbers[3]), None),
        ("AT_TIMESTAMP begins with that time", "c d", ShardIteratorType::AtTimestamp, None, third),
        (
            "AT_TIMESTAMP long ago reads all",
            "a b c d",
            ShardIteratorType::AtTimestamp,
            None,
            Some(DateTime::from_secs(9)),
        ),
    ] {
        let iterator = at(kind, number, time).await.unwrap().shard_iterator.unwrap();
        table.row(name, &All(wanted), texts(&read_from(client, iterator).await));
    }
    let put = put(client, "table-read", "k", "e").await;
    table.row("a put behind a LATEST iterator", &All("ok"), put);
    table.row("LATEST reads what came later", &All("e"), texts(&read_from(client, latest).await));
}

async fn iterator_errors(table: &mut Table<'_>) {
    let client = table.client;
    let ask = |shard: &str, kind: &str, number: Option<&str>| {
        let ask = client.get_shard_iterator().stream_name("table-read").shard_id(shard);
        ask.shard_iterator_type(kind.into()).set_starting_sequence_number(number.map(Into::into))
    };
    let (zero, argument) = ("shardId-000000000000", All("InvalidArgumentException"));
    let number = client.put_record().stream_name("table-main").partition_key("k").data(Blob::new("d"));
    let foreign = number.send().await.unwrap();
    let both = ask(zero, "TRIM_HORIZON", Some(&foreign.sequence_number)).send().await;
    table.row("TRIM_HORIZON with a number", &argument, code(&both));
    table.row(
        "AT_SEQUENCE_NUMBER without one",
        &argument,
        code(&ask(zero, "AT_SEQUENCE_NUMBER", None).send().await),
    );
    let other = ask(zero, "AT_SEQUENCE_NUMBER", Some(&foreign.sequence_number)).send().await;
    table.row("a number of another stream", &argument, code(&other));
    let unknown_kind = code(&ask(zero, "SOMEWHERE", None).send().await);
    table.row("an unknown type of iterator", &All("ValidationException"), unknown_kind);
    let no_shard = code(&ask("shardId-000000000001", "LATEST", None).send().await);
    table.row("an iterator of no shard", &All("ResourceNotFoundException"), no_shard);
    let no_time = code(&ask(zero, "AT_TIMESTAMP", None).send().await);
    table.row("AT_TIMESTAMP without a time", &argument, no_time);
    let tomorrow = DateTime::from(SystemTime::now() + Duration::from_hours(24));
    let tomorrow = ask(zero, "AT_TIMESTAMP", None).timestamp(tomorrow).send().await;
    table.row("AT_TIMESTAMP tomorrow", &argument, code(&tomorrow));
    let made_up = client.get_records().shard_iterator("AAAAAAAAAAG9mYWtl").send().await;
    table.row("an iterator that is none", &argument, code(&made_up));
    for (name, limit) in [("a read of none", 0), ("a read of 10,001", 10_001)] {
        let iterator = iterator(client, "table-read", 0, ShardIteratorType::TrimHorizon).await;
        let read = client.get_records().shard_iterator(iterator).limit(limit).send().await;
        table.row(name, &All("ValidationException"), code(&read));
    }
}

async fn reads(table: &mut Table<'_>) {
    let client = table.client;
    let every_byte: Vec<u8> = (0..=255).collect();
    let key = "ключ \"é\" \\ 🙂\n";
    let put =
        client.put_record().stream_name("table-main").partition_key(key).data(Blob::new(every_byte.clone()));
    let put = put.send().await.unwrap();
    let records = read_all(client, "table-main", 4).await;
    let record = records.iter().find(|record| record.sequence_number == put.sequence_number);
    let (is_same, is_now) = record.map_or((false, false), |record| {
        let arrived = SystemTime::try_from(record.approximate_arrival_timestamp.unwrap()).unwrap();
        let is_same = record.data.as_ref() == every_byte && record.partition_key.as_deref() == Some(key);
        (is_same, arrived.elapsed().unwrap_or_default() < Duration::from_secs(30))
    });
    table.row("bytes and key come back as they were sent", &All("true"), is_same.to_string());
    table.row("a record knows when it came", &All("true"), is_now.to_string());

    let trim_horizon = iterator(client, "table-read", 0, ShardIteratorType::TrimHorizon).await;
    let page = client.get_records().shard_iterator(&trim_horizon).limit(2).send().await.unwrap();
    table.row("a read keeps to its limit", &All("a b"), texts(page.records()));
    let because = "it never says how far a reader is behind";
    let want = But { all: "true", kinesalite: "false", because };
    table.row("a reader learns that it is behind", &want, (page.millis_behind_latest > Some(0)).to_string());
    let rest = client.get_records().shard_iterator(page.next_shard_iterator.unwrap()).send().await.unwrap();
    table.row("the next iterator goes on behind the page", &All("c d e"), texts(rest.records()));
    table.row(
        "a reader learns that it has caught up",
        &All("Some(0)"),
        format!("{:?}", rest.millis_behind_latest),
    );
    let again = client.get_records().shard_iterator(trim_horizon).send().await.unwrap();
    table.row("an iterator can be used again", &All("a b c d e"), texts(again.records()));
}

async fn tail(table: &mut Table<'_>) {
    const WRITERS: usize = 8;
    const PUTS: usize = 60;
    let client = table.client;
    table.row("a stream for a tail", &All("ok"), make(client, "table-tail", 1).await);
    let latest = iterator(client, "table-tail", 0, ShardIteratorType::Latest).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let client = client.clone();
        writers.spawn(async move {
            for number in 0..PUTS {
                assert_eq!(put(&client, "table-tail", &format!("w{writer}"), number.to_string()).await, "ok");
            }
        });
    }
    let (seen, is_ordered) = follow(client, latest, WRITERS * PUTS).await;
    table.row("a tailing reader sees all of 8 writers", &All("480"), seen.to_string());
    table.row("each key's records come in their order", &All("true"), is_ordered.to_string());
    writers.join_all().await;
}

/// Reads while records are written, until `count` records have come or none has come for a while. Returns their number,
/// and whether the numbers of each key came in order.
pub async fn follow(client: &Client, iterator: String, count: usize) -> (usize, bool) {
    let (mut iterator, mut seen, mut idle) = (iterator, 0, 0);
    let mut next_of_key = BTreeMap::<String, usize>::new();
    let mut is_ordered = true;
    while seen < count && idle < 100 {
        let page = client.get_records().shard_iterator(iterator).send().await.unwrap();
        idle = if page.records.is_empty() { idle + 1 } else { 0 };
        for record in page.records {
            let number: usize = String::from_utf8_lossy(record.data.as_ref()).parse().unwrap();
            let next = next_of_key.entry(record.partition_key.unwrap()).or_default();
            is_ordered &= number == *next;
            *next = number + 1;
            seen += 1;
        }
        iterator = page.next_shard_iterator.unwrap();
        if idle > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    (seen, is_ordered)
}

const QUARTER: u128 = 1 << 126;
const HALF: u128 = 1 << 127;

/// Puts one record at each hash. Returns the last digits of the shards that took them, and the sequence numbers.
async fn put_at(client: &Client, name: &str, puts: &[(&str, u128)]) -> (String, Vec<String>) {
    let (mut shards, mut numbers) = (String::new(), Vec::new());
    for (data, hash) in puts {
        let put = client.put_record().stream_name(name).partition_key("k").data(Blob::new(*data));
        let put = put.explicit_hash_key(hash.to_string()).send().await.unwrap();
        shards.push(put.shard_id.chars().next_back().unwrap());
        numbers.push(put.sequence_number);
    }
    (shards, numbers)
}

/// Each shard's number, its parents' numbers, and whether it is open.
async fn family(client: &Client, name: &str) -> String {
    let end = |id: Option<&str>| id.and_then(|id| id.chars().next_back()).map_or(String::new(), String::from);
    let shards = client.list_shards().stream_name(name).send().await.unwrap();
    let one = |shard: &Shard| {
        let range = shard.sequence_number_range.as_ref().unwrap();
        let state = if range.ending_sequence_number.is_none() { "open" } else { "closed" };
        let parents = format!("{}{}", end(shard.parent_shard_id()), end(shard.adjacent_parent_shard_id()));
        format!("{} of [{parents}] {state}", end(Some(shard.shard_id())))
    };
    shards.shards().iter().map(one).collect::<Vec<_>>().join(", ")
}

async fn split(client: &Client, name: &str, shard: &str, hash: impl ToString) -> String {
    let split = client.split_shard().stream_name(name).shard_to_split(shard);
    let split = split.new_starting_hash_key(hash.to_string()).send().await;
    wait_for(client, name).await;
    code(&split)
}

async fn merge(client: &Client, name: &str, shard: &str, adjacent: &str) -> String {
    let merge = client.merge_shards().stream_name(name).shard_to_merge(shard);
    let merge = merge.adjacent_shard_to_merge(adjacent).send().await;
    wait_for(client, name).await;
    code(&merge)
}

async fn splits(table: &mut Table<'_>) {
    let client = table.client;
    table.row("a stream to be split", &All("ok"), make(client, "table-shards", 2).await);
    let (shards, _) = put_at(client, "table-shards", &[("a", 0), ("b", QUARTER)]).await;
    table.row("before a split", &All("00"), shards);
    let (zero, argument) = ("shardId-000000000000", All("InvalidArgumentException"));
    let unknown = All("ResourceNotFoundException");
    table.row("a split of no stream", &unknown, split(client, "table-none", zero, QUARTER).await);
    let no_shard = split(client, "table-shards", "shardId-000000000002", QUARTER).await;
    table.row("a split of no shard", &unknown, no_shard);
    for (name, hash, wanted) in [
        ("a split at no number", "x".to_owned(), &All("ValidationException")),
        ("a split at the first hash", "0".to_owned(), &argument),
        ("a split one above the first hash", "1".to_owned(), &argument),
        ("a split at the last hash", (HALF - 1).to_string(), &argument),
        ("a split outside", HALF.to_string(), &argument),
        ("a split above all hashes", "9".repeat(39), &argument),
    ] {
        table.row(name, wanted, split(client, "table-shards", zero, hash).await);
    }
    table.row(
        "a split of a shard with a bad name",
        &All("ValidationException"),
        split(client, "table-shards", "no shard", QUARTER).await,
    );
    let intact = family(client, "table-shards").await;
    table.row("a refused split changes nothing", &All("0 of [] open, 1 of [] open"), intact);

    table.row("a split", &All("ok"), split(client, "table-shards", zero, QUARTER).await);
    let after = [("c", 0), ("d", QUARTER - 1), ("e", QUARTER), ("f", HALF - 1), ("g", HALF)];
    let (shards, _) = put_at(client, "table-shards", &after).await;
    table.row("puts go to the children", &All("22331"), shards);
    table.row(
        "a split shard is closed and has two children",
        &All("0 of [] closed, 1 of [] open, 2 of [0] open, 3 of [0] open"),
        family(client, "table-shards").await,
    );
}

async fn merges(table: &mut Table<'_>) {
    let client = table.client;
    let [one, two, three] = [1, 2, 3].map(|number| format!("shardId-{number:012}"));
    let unknown = All("ResourceNotFoundException");
    table.row("a merge in no stream", &unknown, merge(client, "table-none", &three, &one).await);
    let no_shard = merge(client, "table-shards", &three, "shardId-000000000009").await;
    table.row("a merge with no shard", &unknown, no_shard);
    let argument = All("InvalidArgumentException");
    table.row("a merge over a gap", &argument, merge(client, "table-shards", &two, &one).await);
    table.row("a merge with itself", &argument, merge(client, "table-shards", &two, &two).await);
    let because = "it takes a pair in the order of the hashes only, of which the API reference says nothing";
    let want = But { all: "ok", kinesalite: "InvalidArgumentException", because };
    table.row("a stream to be merged", &All("ok"), make(client, "table-merge", 2).await);
    let backwards = merge(client, "table-merge", &one, "shardId-000000000000").await;
    table.row("a merge of the higher with the lower", &want, backwards);

    table.row("a merge", &All("ok"), merge(client, "table-shards", &three, &one).await);
    let (shards, _) = put_at(client, "table-shards", &[("h", 0), ("i", QUARTER), ("j", u128::MAX)]).await;
    table.row("puts go to the merged shard", &All("244"), shards);
    table.row(
        "merged shards are closed and have one child",
        &All("0 of [] closed, 1 of [] closed, 2 of [0] open, 3 of [0] closed, 4 of [31] open"),
        family(client, "table-shards").await,
    );
    let listed = client.list_shards().stream_name("table-shards").send().await.unwrap().shards.unwrap();
    let range = |shard: &Shard| {
        let range = shard.hash_key_range.as_ref().unwrap();
        (range.starting_hash_key.parse(), range.ending_hash_key.parse())
    };
    let seen =
        range(&listed[2]) == (Ok(0), Ok(QUARTER - 1)) && range(&listed[4]) == (Ok(QUARTER), Ok(u128::MAX));
    table.row("children have their parents' hashes", &All("true"), seen.to_string());
    let summary = client.describe_stream_summary().stream_name("table-shards").send().await.unwrap();
    let open = summary.stream_description_summary.unwrap().open_shard_count;
    table.row("only open shards are counted", &All("2"), open.to_string());
}

async fn description(table: &mut Table<'_>) {
    let client = table.client;
    let whole = client.describe_stream().stream_name("table-shards").send().await.unwrap();
    let whole = whole.stream_description.unwrap();
    let listed = client.list_shards().stream_name("table-shards").send().await.unwrap().shards.unwrap();
    let seen = format!(
        "{} {} h, more {}, shards as listed {}",
        whole.stream_status,
        whole.retention_period_hours,
        whole.has_more_shards,
        whole.shards == listed
    );
    table.row(
        "a stream is described with its shards",
        &All("ACTIVE 24 h, more false, shards as listed true"),
        seen,
    );
    let because = "it describes all shards, whatever the limit";
    let page = client.describe_stream().stream_name("table-shards").limit(2);
    let page = page.exclusive_start_shard_id("shardId-000000000001").send().await.unwrap();
    let page = page.stream_description.unwrap();
    let ids: Vec<_> = page.shards.iter().map(|shard| &shard.shard_id[18..]).collect();
    let want = But { all: "02 03 more true", kinesalite: "00 01 02 03 04 more false", because };
    table.row("a page of a description", &want, format!("{} more {}", ids.join(" "), page.has_more_shards));
    let unknown = client.describe_stream().stream_name("table-none").send().await;
    table.row("a description of no stream and its shards", &All("ResourceNotFoundException"), code(&unknown));
    let none = client.describe_stream().stream_name("table-shards").limit(0).send().await;
    table.row("a description with no shard", &All("ValidationException"), code(&none));
}

/// Reads until there is no next iterator. Returns the records, and the children that were named.
async fn read_to_the_end(client: &Client, iterator: String) -> (Vec<Record>, Option<String>) {
    let (mut next, mut records) = (iterator, Vec::new());
    for _ in 0..200 {
        let page = client.get_records().shard_iterator(next).send().await.unwrap();
        records.extend(page.records);
        let children = page.child_shards.unwrap_or_default();
        let Some(iterator) = page.next_shard_iterator else {
            let child = |child: &ChildShard| {
                let ends = child.parent_shards().iter().filter_map(|id| id.chars().next_back());
                format!("{} of [{}]", &child.shard_id()[19..], ends.collect::<String>())
            };
            let children: Vec<_> = children.iter().map(child).collect();
            return (records, Some(children.join(", ")));
        };
        assert!(children.is_empty(), "children are named at the end only");
        next = iterator;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (records, None)
}

async fn closed_shards(table: &mut Table<'_>) {
    let client = table.client;
    let because = "it is older than ChildShards";
    let end = |all| But { all, kinesalite: "", because };
    let mut lasts = Vec::new();
    for (name, shard, wanted, family) in [
        ("a split shard", 0, "a b", "2 of [0], 3 of [0]"),
        ("a merged shard", 3, "e f", "4 of [31]"),
        ("the other merged shard", 1, "g", "4 of [31]"),
    ] {
        let oldest = iterator(client, "table-shards", shard, ShardIteratorType::TrimHorizon).await;
        let (records, children) = read_to_the_end(client, oldest).await;
        table.row(name, &All(wanted), texts(&records));
        table.row(name, &end(family), children.unwrap_or_else(|| "there is no end".into()));
        lasts.push(records.last().unwrap().sequence_number.clone());
    }
    let latest = iterator(client, "table-shards", 0, ShardIteratorType::Latest).await;
    let (records, children) = read_to_the_end(client, latest).await;
    table.row(
        "LATEST of a closed shard is its end",
        &All("0 true"),
        format!("{} {}", records.len(), children.is_some()),
    );

    let listed = client.list_shards().stream_name("table-shards").send().await.unwrap().shards.unwrap();
    let range = |number: usize| listed[number].sequence_number_range.clone().unwrap();
    let ending = range(0).ending_sequence_number.unwrap();
    let is_rising = range(0).starting_sequence_number < lasts[0]
        && lasts[0] < ending
        && ending < range(2).starting_sequence_number
        && range(3).ending_sequence_number.unwrap() < range(4).starting_sequence_number;
    table.row("sequence numbers rise from parent to child", &All("true"), is_rising.to_string());
    let after = client.get_shard_iterator().stream_name("table-shards").shard_id("shardId-000000000000");
    let after = after.shard_iterator_type(ShardIteratorType::AfterSequenceNumber);
    let after = after.starting_sequence_number(&lasts[0]).send().await.unwrap().shard_iterator.unwrap();
    let (records, children) = read_to_the_end(client, after).await;
    let seen = format!("{} {}", records.len(), children.is_some());
    table.row("AFTER the last record of a closed shard is its end", &All("0 true"), seen);

    // Last, since the shards of the other server are inconsistent after this.
    let because = "it lets a shard that is closed be split and merged again";
    let want = But { all: "InvalidArgumentException", kinesalite: "ok", because };
    let [zero, one] = [0, 1].map(|number| format!("shardId-{number:012}"));
    table.row("a merge of closed shards", &want, merge(client, "table-shards", &zero, &one).await);
    table.row("a split of a closed shard", &want, split(client, "table-shards", &zero, QUARTER).await);
}

async fn dry_run(table: &mut Table<'_>) {
    let client = table.client;
    table.row("a stream for dry runs", &All("ok"), make(client, "table-dry", 1).await);
    let because = "it is older than DryRun, and writes the record";
    let want = But { all: "DryRunOperationException", kinesalite: "ok", because };
    let dry = |name: &str, key: &str| {
        client.put_record().stream_name(name).partition_key(key).data(Blob::new("d")).dry_run(true).send()
    };
    table.row("a dry run", &want, code(&dry("table-dry", "k").await));
    let batch =
        client.put_records().stream_name("table-dry").records(entry("k", "d")).dry_run(true).send().await;
    table.row("a dry run of a batch", &want, code(&batch));
    table.row(
        "a dry run to no stream",
        &All("ResourceNotFoundException"),
        code(&dry("table-none", "k").await),
    );
    table.row("a dry run with a bad key", &All("ValidationException"), code(&dry("table-dry", "").await));
    let kept = read_all(client, "table-dry", 1).await.len();
    table.row("a dry run writes nothing", &But { all: "0", kinesalite: "2", because }, kept.to_string());
}

async fn arns(table: &mut Table<'_>) {
    let client = table.client;
    let summary = client.describe_stream_summary().stream_name("table-main").send().await.unwrap();
    let arn = summary.stream_description_summary.unwrap().stream_arn;
    let because = "it is older than StreamARN";
    let want = But { all: "ok", kinesalite: "ValidationException", because };
    let put = |arn: &str| client.put_record().stream_arn(arn).partition_key("k").data(Blob::new("d"));
    table.row("a put by ARN", &want, code(&put(&arn).send().await));
    table.row(
        "a description by ARN",
        &want,
        code(&client.describe_stream_summary().stream_arn(&arn).send().await),
    );
    let want = But { all: "ok", kinesalite: "InvalidArgumentException", because };
    table.row("shards by ARN", &want, code(&client.list_shards().stream_arn(&arn).send().await));
    let both = code(&put(&arn).stream_name("table-main").send().await);
    table.row("a put by ARN and name", &All("ok"), both);
    let want = But { all: "InvalidArgumentException", kinesalite: "ok", because };
    let other = code(&put(&arn).stream_name("table-read").send().await);
    table.row("a put by the ARN of one and the name of another", &want, other);
    let want = But { all: "ResourceNotFoundException", kinesalite: "ValidationException", because };
    let foreign = "arn:aws:kinesis:us-east-1:999999999999:stream/table-main";
    table.row("a put to another account's stream", &want, code(&put(foreign).send().await));
}

async fn deletion(table: &mut Table<'_>) {
    let client = table.client;
    let deleted = client.delete_stream().stream_name("table-main").send().await;
    table.row("a stream is deleted", &All("ok"), code(&deleted));
    for _ in 0..100 {
        let listed = client.list_streams().send().await.unwrap().stream_names;
        if !listed.iter().any(|name| name == "table-main") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let gone = put(client, "table-main", "k", "d").await;
    table.row("a deleted stream takes nothing", &All("ResourceNotFoundException"), gone);
    table.row("its name is free again", &All("ok"), make(client, "table-main", 2).await);
    let kept = read_all(client, "table-main", 2).await.len();
    table.row("its successor is empty", &All("0"), kept.to_string());
}

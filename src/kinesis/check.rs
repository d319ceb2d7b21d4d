//! The check: each thing that a put needs, step by step. It writes a record only when it is asked to, or where a server
//! does not know AWS's dry run; that record is marked as a test event.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_kinesis::{
    primitives::Blob,
    types::{PutRecordsRequestEntry, ShardIteratorType, StreamMode, StreamStatus},
};

use super::{
    Access, Client, connect, fault_of, identity, outcome_of, spread, stored,
    tries::{self, Tries},
};
use crate::{
    config::{self, Config, DestinationKind, Operation},
    delivery::{AwsError, CheckFact, CheckKind, CheckStep, Outcome, Receipt, StreamFacts, Verdict},
    event::{Aggregation, Bucket, RecordData, UserRecord, parts},
    remedy::{self, Class},
};

/// Names of steps.
const STREAM: &str = "stream";
const RECORD: &str = "record";

/// The partition key of a check's events.
const KEY: &str = "tributary-check";

/// Kinesis shows a record to readers within a second or so; one that stays away this long is not there.
const READ_TRIES: u32 = 20;
/// AWS allows five reads a second and shard, shared by all consumers.
const READ_PAUSE: Duration = Duration::from_millis(500);

/// Checks the destination of these settings step by step, and reports each step as soon as it is known. Ends with the
/// first that fails; when all passed (or were skipped), a record can be put.
pub async fn check(
    config: &Config,
    practice: Option<&Access>,
    kind: CheckKind,
    report: impl FnMut(CheckStep) + Send,
) {
    let mut run = Run {
        config,
        kind,
        report,
        tries: Tries::default(),
        server: None,
        encryption: Encryption::Unknown,
        facts: None,
        is_clock_told: false,
    };
    // That a step failed was reported.
    let _ended = run.all(practice).await;
}

/// A step failed, and was reported.
struct Failed;

struct Run<'a, R> {
    config: &'a Config,
    kind: CheckKind,
    report: R,
    tries: Tries,
    /// Where requests go, where our settings do not say it.
    server: Option<Arc<str>>,
    encryption: Encryption,
    /// `None`: looking at the stream was not possible.
    facts: Option<StreamFacts>,
    is_clock_told: bool,
}

/// A record that is to be put.
struct Put<'a> {
    key: &'a str,
    /// With aggregation every record names the one of its bucket.
    hash_key: Option<String>,
    data: &'a [u8],
}

impl<'a> Put<'a> {
    /// The record of one event.
    fn one(config: &Config, data: &'a [u8]) -> Self {
        let aggregates = config.destination.aggregation != Aggregation::None;
        let hash_key = aggregates.then(|| Bucket::of(KEY).hash_key().to_string());
        Self { key: KEY, hash_key, data }
    }
}

/// What is known of how the stream keeps its records.
enum Encryption {
    /// Looking at it was not possible.
    Unknown,
    /// Not at all, or with a key that needs no permission.
    Plain,
    /// With this key of the customer's.
    Key(Arc<str>),
}

/// What the first put showed.
enum Shown {
    /// Nothing was written: AWS's dry run, or it was not tested at all.
    Dry,
    /// A record was written.
    Written(Receipt),
}

impl<R: FnMut(CheckStep) + Send> Run<'_, R> {
    async fn all(&mut self, practice: Option<&Access>) -> Result<(), Failed> {
        let client = match self.config.destination.kind {
            DestinationKind::Practice => Client::connect(self.config, practice).await,
            DestinationKind::Kinesis => self.signed_in().await?,
        };
        self.stream(&client).await?;
        let data = self.config.destination.encoding.encode(test_event().as_bytes());
        let put = Put::one(self.config, &data);
        let shown = self.put(&client, &put).await?;
        if self.kind == CheckKind::PutOne {
            let receipt = self.record(&client, &put, shown).await?;
            self.read_back(&client, &data, &receipt).await?;
        }
        match self.config.destination.aggregation {
            Aggregation::None => Ok(()),
            Aggregation::Kpl | Aggregation::Lines => self.aggregation(&client).await,
        }
    }

    fn passed(&mut self, name: &'static str, detail: impl Into<String>) {
        self.found(name, detail, None);
    }

    fn found(&mut self, name: &'static str, detail: impl Into<String>, found: Option<CheckFact>) {
        self.tell(name, Verdict::Passed, detail.into(), found);
    }

    fn skipped(&mut self, name: &'static str, detail: impl Into<String>) {
        self.tell(name, Verdict::Skipped, detail.into(), None);
    }

    fn failed(&mut self, name: &'static str, fault: AwsError) -> Failed {
        let remedy = if name == RECORD {
            remedy::remedy_of_put(&fault, self.config)
        } else {
            remedy::remedy_once(&fault, self.config)
        };
        let detail = format!("{} {} {}", remedy.what, remedy.why, remedy.action);
        self.tell(name, Verdict::Failed(fault), detail, None);
        Failed
    }

    /// With what holds for the steps that follow, too, and is said once.
    fn tell(&mut self, name: &'static str, verdict: Verdict, mut detail: String, found: Option<CheckFact>) {
        if let (STREAM, Some(server)) = (name, self.server.take()) {
            detail = format!("Requests to Kinesis go to {server}. {detail}");
        }
        if let Some(off) = self.tries.clock_off.filter(|_| !self.is_clock_told) {
            self.is_clock_told = true;
            detail = format!("{detail} {}", tries::clock_words(off));
        }
        (self.report)(CheckStep { name: name.into(), verdict, detail, found });
    }

    /// Credentials, and whose they are.
    async fn signed_in(&mut self) -> Result<Client, Failed> {
        let found = match identity::credentials(self.config).await {
            Ok(found) => found,
            Err(fault) => return Err(self.failed("credentials", fault)),
        };
        self.passed("credentials", &*found.text);
        match identity::caller_after(&found.aws, &mut self.tries).await {
            Ok(caller) => {
                let mut text = format!("{} in account {}.", caller.arn, caller.account_id);
                let other = config::other_server(&self.config.destination.endpoint_url);
                if let (None, Some(url)) = (other, connect::configured_endpoint(&found.aws, "STS")) {
                    text = format!("{text} STS was asked at {}.", connect::shown("STS", &url));
                }
                self.found("identity", text, Some(CheckFact::Identity(caller)));
            }
            Err((fault, status)) if says_nothing_about_the_keys(&fault, status) => {
                let other = config::other_server(&self.config.destination.endpoint_url);
                let asked = if other.is_some() { "This server" } else { "AWS STS" };
                let text =
                    format!("{asked} did not say whose keys these are ({fault}). Delivery does not need it.");
                self.skipped("identity", text);
            }
            Err((fault, _)) => return Err(self.failed("identity", fault)),
        }
        let client = Client::to_aws(&found.aws, self.config);
        self.server = client.configured_server();
        Ok(client)
    }

    /// `DescribeStreamSummary` is not in the default policy, so being refused it is no failure.
    async fn stream(&mut self, client: &Client) -> Result<(), Failed> {
        const NAME: &str = STREAM;
        let request = client.sdk().describe_stream_summary();
        let request = request.set_stream_name(client.target().name()).set_stream_arn(client.target().arn());
        let output = match self.tries.call(|| request.clone().send()).await {
            Ok(output) => output,
            Err((fault, _)) => {
                let by_arn = client.target().arn().is_some();
                return match &*fault.code {
                    "AccessDeniedException" => {
                        let text = "Describing the stream is not permitted (kinesis:DescribeStreamSummary). \
                                    Delivery does not need it.";
                        self.skipped(NAME, text);
                        Ok(())
                    }
                    "ValidationException" | "UnknownOperationException" if by_arn => {
                        self.skipped(NAME, "This server cannot look up a stream by its ARN.");
                        Ok(())
                    }
                    _ => Err(self.failed(NAME, fault)),
                };
            }
        };
        let Some(summary) = output.stream_description_summary() else {
            self.skipped(NAME, "The answer did not describe the stream.");
            return Ok(());
        };
        let status = summary.stream_status();
        if !matches!(status, StreamStatus::Active | StreamStatus::Updating) {
            let said = format!("the stream is {}, not ACTIVE", status.as_str());
            return Err(self.failed(NAME, AwsError::new("ResourceInUseException", said)));
        }
        let key = summary.key_id().filter(|key| !key.ends_with("alias/aws/kinesis"));
        self.encryption = key.map_or(Encryption::Plain, |key| Encryption::Key(key.into()));
        let mode =
            match summary.stream_mode_details().map(aws_sdk_kinesis::types::StreamModeDetails::stream_mode) {
                Some(StreamMode::OnDemand) => "on-demand",
                _ => "provisioned",
            };
        let mut text = format!(
            "{} is {}: {mode}, {} open shard{}",
            summary.stream_name(),
            status.as_str(),
            summary.open_shard_count(),
            if summary.open_shard_count() == 1 { "" } else { "s" }
        );
        if let Some(key) = key {
            text = format!("{text}, encrypted with the key {key}");
        }
        if let Some(kib) = summary.max_record_size_in_kib().filter(|kib| *kib > 1024) {
            text = format!("{text}, records of up to {kib} KiB");
        }
        text = format!("{text}.");
        let facts = super::facts::facts_of(summary);
        self.facts = Some(facts);
        if facts.spreads_keys && self.config.destination.ordered {
            text = format!("{text} {}", remedy::spread_keys(self.config));
        }
        self.found(NAME, text, key.map(|key| CheckFact::KmsKey(key.into())));
        Ok(())
    }

    /// AWS's dry run checks existence, permission and parameters and answers 400 `DryRunOperationException`
    /// (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html>). Other servers write the record.
    async fn put(&mut self, client: &Client, put: &Put<'_>) -> Result<Shown, Failed> {
        const NAME: &str = "put";
        match self.send(client, put, true).await {
            Err(fault) if &*fault.code == "DryRunOperationException" => {
                let text = if self.config.destination.kind == DestinationKind::Practice {
                    "The practice stream takes records. None was written.".to_owned()
                } else {
                    format!(
                        "The credentials may put records into the stream. None was written (AWS's dry run).{}",
                        self.untested_key()
                    )
                };
                self.passed(NAME, text);
                Ok(Shown::Dry)
            }
            Err(fault) if is_pushed_back(&fault) => {
                let text = format!(
                    "Not tested: AWS allows one dry run per second in an account, and this one was over the limit \
                     ({fault}). That does not mean that puts fail. Check again in a moment."
                );
                self.skipped(NAME, text);
                Ok(Shown::Dry)
            }
            Err(fault) => Err(self.failed(NAME, fault)),
            Ok(receipt) => {
                let text = format!(
                    "The stream took a record: this server does not know AWS's dry run, so one test record with the \
                     key {KEY} was written."
                );
                self.passed(NAME, text);
                Ok(Shown::Written(receipt))
            }
        }
    }

    /// The dry run uses no key of KMS, so only a record shows whether these credentials may use it.
    fn untested_key(&self) -> String {
        const HOW: &str = "Put one test record to be sure (`tributary check --put-record`).";
        match (&self.encryption, self.kind) {
            (Encryption::Plain, _) | (_, CheckKind::PutOne) => String::new(),
            (Encryption::Key(key), CheckKind::Ask) => {
                format!(" It does not test the KMS key {key}. {HOW}")
            }
            (Encryption::Unknown, CheckKind::Ask) => format!(
                " Whether a KMS key encrypts the stream is not known, and the dry run does not test it. {HOW}"
            ),
        }
    }

    /// Puts the record, and once more where that is no risk. A record that may be there is not put again.
    async fn send(&mut self, client: &Client, put: &Put<'_>, dry_run: bool) -> Result<Receipt, AwsError> {
        let began = Instant::now();
        let mut is_clock_known = false;
        for tries in 1.. {
            let fault = match send(client, put, dry_run).await {
                Ok(receipt) => return Ok(receipt),
                Err(fault) => fault,
            };
            if remedy::is_the_clock(&fault.code, &fault.message) && !is_clock_known {
                is_clock_known = true;
                continue;
            }
            let is_written = Class::Offline == remedy::class_of(&fault.code, &fault.message, None)
                && !super::was_not_sent(&fault);
            let pause = tries::pause(&fault, None, tries, began.elapsed());
            match pause.filter(|_| dry_run || !is_written) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(fault),
            }
        }
        Err(AwsError::new("NoAnswer", ""))
    }

    /// One record in earnest, unless the dry run was one.
    async fn record(&mut self, client: &Client, put: &Put<'_>, shown: Shown) -> Result<Receipt, Failed> {
        const NAME: &str = RECORD;
        let receipt = match shown {
            Shown::Written(receipt) => receipt,
            Shown::Dry => match self.send(client, put, false).await {
                Ok(receipt) => receipt,
                Err(fault) => return Err(self.failed(NAME, fault)),
            },
        };
        let Receipt { shard_id, sequence_number, .. } = &receipt;
        self.passed(
            NAME,
            format!("One test record with the key {KEY} is in {shard_id} at {sequence_number}."),
        );
        Ok(receipt)
    }

    /// Reading is not in the default policy, so being refused it is no failure.
    async fn read_back(&mut self, client: &Client, data: &[u8], receipt: &Receipt) -> Result<(), Failed> {
        const NAME: &str = "read-back";
        match read(client, receipt).await {
            Ok(Some(found)) if found == data => {
                self.passed(NAME, format!("A consumer gets the same {} bytes.", data.len()));
                Ok(())
            }
            Ok(Some(found)) => {
                let said =
                    format!("{} bytes were put, and {} other bytes were read", data.len(), found.len());
                Err(self.failed(NAME, AwsError::new("RecordDiffers", said)))
            }
            Ok(None) => Err(self.failed(NAME, missing(receipt))),
            Err((fault, status)) => match not_read(&fault, status) {
                Some(text) => {
                    self.skipped(NAME, text);
                    Ok(())
                }
                None => Err(self.failed(NAME, fault)),
            },
        }
    }

    /// Whether events that share a record reach a reader; with a record of two of them, where one may be put.
    async fn aggregation(&mut self, client: &Client) -> Result<(), Failed> {
        const NAME: &str = "aggregation";
        let is_kpl = self.config.destination.aggregation == Aggregation::Kpl;
        if self.facts.is_some_and(|facts| facts.spreads_keys) {
            if is_kpl {
                let said = "the stream's record distribution is AUTO";
                return Err(self.failed(NAME, AwsError::new("AggregationNotSupported", said)));
            }
            // No reader asks for the hash key of lines, so none of them would be lost.
            let text = "The stream spreads records over its shards by itself (record distribution AUTO): Tributary puts one \
                        event in each record there.";
            self.skipped(NAME, text);
            return Ok(());
        }
        let distribution = match self.facts {
            _ if !is_kpl => "",
            Some(_) => " The stream does not spread records by itself, which aggregated ones need.",
            None => {
                " Whether the stream spreads records by itself (record distribution AUTO), where the KCL drops aggregated \
                 ones, is not known: describing it was not possible (kinesis:DescribeStreamSummary)."
            }
        };
        if self.kind == CheckKind::Ask {
            let text = format!(
                "No aggregated record was put: that comes with the test record (`tributary check --put-record`).{distribution}"
            );
            if is_kpl && self.facts.is_some() {
                self.passed(NAME, text);
            } else {
                self.skipped(NAME, text);
            }
            return Ok(());
        }
        let (json, key) = ([test_event(), test_event()], Bucket::of(KEY).partition_key());
        let (data, events) = aggregated(self.config, &json);
        let hash_key = Some(Bucket::of(KEY).hash_key().to_string());
        let receipt = match self.send(client, &Put { key: &key, hash_key, data: &data }, false).await {
            Ok(receipt) => receipt,
            Err(fault) => return Err(self.failed(NAME, fault)),
        };
        let Receipt { shard_id, sequence_number, .. } = &receipt;
        let text = format!(
            "Two test events are in one record with the key {key}, in {shard_id} at {sequence_number}."
        );
        match read(client, &receipt).await {
            Ok(Some(found)) => {
                let read: Vec<_> =
                    parts(&key.as_str().into(), &found).iter().map(|part| part.stored.to_vec()).collect();
                if read != events {
                    let said = format!(
                        "2 events were put in {} bytes, and {} were read in {}",
                        data.len(),
                        read.len(),
                        found.len()
                    );
                    return Err(self.failed(NAME, AwsError::new("RecordDiffers", said)));
                }
                self.passed(NAME, format!("{text} {}{distribution}", readers(is_kpl, data.len())));
                Ok(())
            }
            Ok(None) => Err(self.failed(NAME, missing(&receipt))),
            Err((fault, status)) => match not_read(&fault, status) {
                Some(why) => {
                    self.skipped(NAME, format!("{text} {why}{distribution}"));
                    Ok(())
                }
                None => Err(self.failed(NAME, fault)),
            },
        }
    }
}

/// Events in one record, as the forwarder puts them together; and what each of them is in it.
fn aggregated(config: &Config, json: &[String]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let encoding = config.destination.encoding;
    let events: Vec<_> = json.iter().map(|json| UserRecord { key: KEY, json: json.as_bytes() }).collect();
    let record = match config.destination.aggregation {
        Aggregation::Lines => RecordData::Lines(&events),
        Aggregation::Kpl | Aggregation::None => RecordData::Kpl(Bucket::of(KEY), &events),
    };
    let mut data = Vec::with_capacity(record.encoded_len(encoding));
    record.encode_into(encoding, &mut data);
    (data, events.iter().map(|event| encoding.encode(event.json)).collect())
}

/// What a reader sees of the aggregated record.
fn readers(is_kpl: bool, bytes: usize) -> String {
    if is_kpl {
        format!(
            "A KCL reader gets 2 events, and so does Firehose; a reader without de-aggregation gets one binary record of \
             {bytes} bytes."
        )
    } else {
        format!(
            "A reader gets one record of 2 lines, {bytes} bytes; one that splits records at line ends gets 2 events."
        )
    }
}

fn missing(receipt: &Receipt) -> AwsError {
    let said = format!("no record at {} in {}", receipt.sequence_number, receipt.shard_id);
    AwsError::new("RecordMissing", said)
}

/// Why a record that was put could not be read, where that says nothing about putting. Reading is not in the default
/// policy.
fn not_read(fault: &AwsError, status: Option<u16>) -> Option<String> {
    let wanted = match &*fault.code {
        "AccessDeniedException" => "kinesis:GetShardIterator, kinesis:GetRecords",
        "KMSAccessDeniedException" => "kms:Decrypt",
        _ if is_of_reading(fault, status) => {
            return Some(format!(
                "The record was put, but not read back ({fault}). Delivery does not need it."
            ));
        }
        _ => return None,
    };
    Some(format!("Reading is not permitted ({wanted}). Delivery does not need it."))
}

fn is_pushed_back(fault: &AwsError) -> bool {
    remedy::class_of(&fault.code, &fault.message, None) == Class::Throttled
}

/// The readers of a shard share five reads a second: one too many says nothing about putting, nor does an outage that
/// began after the put.
fn is_of_reading(fault: &AwsError, status: Option<u16>) -> bool {
    let class = remedy::class_of(&fault.code, &fault.message, status);
    matches!(class, Class::Throttled | Class::Offline)
}

/// STS that is not there, or not reachable, says nothing about whether the keys may put.
fn says_nothing_about_the_keys(fault: &AwsError, status: Option<u16>) -> bool {
    let unknown = ["UnknownOperationException", "InvalidAction", "AccessDenied", "AccessDeniedException"];
    unknown.contains(&&*fault.code)
        || fault.code.starts_with("Http")
        || remedy::class_of(&fault.code, &fault.message, status) == Class::Offline
}

/// What a check puts: an event that every consumer can tell from a real one.
fn test_event() -> String {
    let event = serde_json::json!({
        "type": "track",
        "event": "Tributary Check",
        "userId": KEY,
        "messageId": format!("{KEY}-{}", uuid::Uuid::new_v4()),
        "timestamp": format!("{:.3}", jiff::Timestamp::now()),
        "context": {
            "test": true,
            "library": { "name": "tributary", "version": env!("CARGO_PKG_VERSION") },
        },
    });
    event.to_string()
}

/// Puts the record with the operation that the settings name.
async fn send(client: &Client, put: &Put<'_>, dry_run: bool) -> Result<Receipt, AwsError> {
    let (name, arn) = (client.target().name(), client.target().arn());
    let (key, hash_key, data) = (put.key, put.hash_key.clone(), Blob::new(put.data));
    // A dry run that is none is no dry run.
    let dry_run = dry_run.then_some(true);
    let outcome = match client.operation {
        Operation::PutRecord => {
            let request = client.sdk().put_record().partition_key(key).set_explicit_hash_key(hash_key);
            let request = request.data(data).set_dry_run(dry_run);
            match request.set_stream_name(name).set_stream_arn(arn).send().await {
                Ok(output) => stored(output.shard_id().into(), output.sequence_number()),
                Err(error) => outcome_of(&error),
            }
        }
        Operation::PutRecords => {
            let entry = PutRecordsRequestEntry::builder().partition_key(key).set_explicit_hash_key(hash_key);
            let entry = entry.data(data).build();
            let request = client.sdk().put_records().set_records(entry.ok().map(|entry| vec![entry]));
            let request = request.set_dry_run(dry_run).set_stream_name(name).set_stream_arn(arn);
            match request.send().await {
                Ok(output) => spread(&output, 1).swap_remove(0),
                Err(error) => outcome_of(&error),
            }
        }
    };
    match outcome {
        Outcome::Delivered(receipt) => Ok(receipt),
        Outcome::Throttled(fault)
        | Outcome::Offline(fault)
        | Outcome::Blocked(fault)
        | Outcome::Refused(fault) => Err(fault),
    }
}

/// The bytes of the record at that place; `None`: it is not there.
async fn read(client: &Client, receipt: &Receipt) -> Result<Option<Vec<u8>>, (AwsError, Option<u16>)> {
    let request = client
        .sdk()
        .get_shard_iterator()
        .set_stream_name(client.target().name())
        .set_stream_arn(client.target().arn())
        .shard_id(&*receipt.shard_id)
        .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
        .starting_sequence_number(&*receipt.sequence_number);
    let output = request.send().await.map_err(|error| fault_of(&error))?;
    let mut iterator = output.shard_iterator().map(str::to_owned);
    for _ in 0..READ_TRIES {
        let Some(place) = iterator else { return Ok(None) };
        let request = client.sdk().get_records().limit(10).shard_iterator(place);
        let output = request.set_stream_arn(client.target().arn()).send().await;
        let output = output.map_err(|error| fault_of(&error))?;
        let ours =
            |record: &&aws_sdk_kinesis::types::Record| record.sequence_number() == &*receipt.sequence_number;
        if let Some(record) = output.records().iter().find(ours) {
            return Ok(Some(record.data().as_ref().to_vec()));
        }
        iterator = output.next_shard_iterator().map(str::to_owned);
        tokio::time::sleep(READ_PAUSE).await;
    }
    Ok(None)
}

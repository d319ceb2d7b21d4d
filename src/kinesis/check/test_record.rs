//! The records that a check puts.

use aws_sdk_kinesis::{primitives::Blob, types::PutRecordsRequestEntry};

use crate::{
    config::{Config, Operation},
    delivery::{AwsError, Outcome, Receipt},
    event::{Aggregation, Bucket, RecordData, UserRecord},
    kinesis::{
        answer::{outcome_of, outcomes, stored, was_not_sent},
        client::Client,
        retry::{Attempts, Next},
    },
    remedy::{self, Class},
};

/// The partition key of a check's events.
pub(super) const KEY: &str = "tributary-check";

/// A record with test events.
pub(super) struct TestRecord {
    pub(super) key: String,
    /// With aggregation every record names the hash key of its bucket.
    hash_key: Option<String>,
    pub(super) data: Vec<u8>,
}

/// Whether a put writes a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// AWS's dry run. Servers that do not know it write the record.
    DryRun,
    Write,
}

impl TestRecord {
    /// A record of one event.
    pub(super) fn of_one_event(config: &Config) -> Self {
        let aggregates = config.destination.aggregation != Aggregation::None;
        Self {
            key: KEY.to_owned(),
            hash_key: aggregates.then(|| Bucket::of(KEY).hash_key().to_string()),
            data: config.destination.encoding.encode(test_event().as_bytes()),
        }
    }

    /// A record of two events in the form of the forwarder's aggregation, and the data of each event in it.
    pub(super) fn of_two_events(config: &Config) -> (Self, Vec<Vec<u8>>) {
        let json = [test_event(), test_event()];
        let encoding = config.destination.encoding;
        let events = json.each_ref().map(|json| UserRecord { key: KEY, json: json.as_bytes() });
        let bucket = Bucket::of(KEY);
        let record = match config.destination.aggregation {
            Aggregation::Lines => RecordData::Lines(&events),
            Aggregation::Kpl | Aggregation::None => RecordData::Kpl(bucket, &events),
        };
        let mut data = Vec::with_capacity(record.encoded_len(encoding));
        record.encode_into(encoding, &mut data);
        let record =
            Self { key: bucket.partition_key(), hash_key: Some(bucket.hash_key().to_string()), data };
        (record, events.iter().map(|event| encoding.encode(event.json)).collect())
    }

    /// Puts the record with the settings' operation, and again if that is no risk: a record that may be in the stream is
    /// not put again.
    pub(super) async fn put(&self, client: &Client, mode: Mode) -> Result<Receipt, AwsError> {
        let mut attempts = Attempts::new();
        loop {
            let error = match self.put_once(client, mode).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) => error,
            };
            let class = remedy::class_of(&error.code, &error.message, None);
            let may_be_written = mode == Mode::Write && class == Class::Offline && !was_not_sent(&error);
            match attempts.failed(&error.clone().into()) {
                Next::AtOnce => {}
                Next::After(pause) if !may_be_written => tokio::time::sleep(pause).await,
                Next::After(_) | Next::GiveUp => return Err(error),
            }
        }
    }

    async fn put_once(&self, client: &Client, mode: Mode) -> Result<Receipt, AwsError> {
        let (name, arn) = (client.target().name(), client.target().arn());
        let (hash_key, data) = (self.hash_key.clone(), Blob::new(&*self.data));
        // `false` would be refused by servers that do not know the parameter.
        let dry_run = (mode == Mode::DryRun).then_some(true);
        let outcome = match client.operation() {
            Operation::PutRecord => {
                let request = client.sdk().put_record().partition_key(&self.key);
                let request = request.set_explicit_hash_key(hash_key).data(data).set_dry_run(dry_run);
                match request.set_stream_name(name).set_stream_arn(arn).send().await {
                    Ok(output) => stored(output.shard_id().into(), output.sequence_number()),
                    Err(error) => outcome_of(&error),
                }
            }
            Operation::PutRecords => {
                let entry = PutRecordsRequestEntry::builder().partition_key(&self.key);
                let entry = entry.set_explicit_hash_key(hash_key).data(data).build();
                let request = client.sdk().put_records().set_records(entry.ok().map(|entry| vec![entry]));
                let request = request.set_dry_run(dry_run).set_stream_name(name).set_stream_arn(arn);
                match request.send().await {
                    Ok(output) => outcomes(&output, 1).swap_remove(0),
                    Err(error) => outcome_of(&error),
                }
            }
        };
        match outcome {
            Outcome::Delivered(receipt) => Ok(receipt),
            Outcome::Throttled(error)
            | Outcome::Offline(error)
            | Outcome::Blocked(error)
            | Outcome::Refused(error) => Err(error),
        }
    }
}

/// An event that every reader can tell from a real one.
fn test_event() -> String {
    let event = serde_json::json!({
        "type": "track",
        "event": "Tributary Check",
        "userId": KEY,
        "messageId": format!("{KEY}-{}", uuid::Uuid::new_v4()),
        "timestamp": format!("{:.3}", jiff::Timestamp::now()),
        "context": {
            // The mark of checks alone, and the one that all test events have.
            "test": true,
            "tributary": { "test": true },
            "library": { "name": "tributary", "version": env!("CARGO_PKG_VERSION") },
        },
    });
    event.to_string()
}

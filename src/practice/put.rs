//! The operations that write: `PutRecord` and `PutRecords`, and their `DryRun`.
//!
//! A body is parsed in place and its data decoded once; hashing and decoding happen outside the store's lock.
//! One unsound record refuses the whole call; a throttled or failed one is a result among the others.

use super::checks::{Checks, HASH_KEY, Member, SEQUENCE};
use super::operations::{Call, Text, parse};
use super::refusal::Refusal;
use super::sequence::Sequence;
use super::shard;
use super::store::{Content, Placed, Write};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Data and keys of one `PutRecords` call (API reference).
const BATCH_BYTES_MAX: usize = 10 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecord<'a> {
    #[serde(borrow)]
    stream_name: Option<Text<'a>>,
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    partition_key: Option<Text<'a>>,
    #[serde(borrow)]
    explicit_hash_key: Option<Text<'a>>,
    #[serde(borrow)]
    sequence_number_for_ordering: Option<Text<'a>>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecords<'a> {
    #[serde(borrow)]
    stream_name: Option<Text<'a>>,
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    #[serde(borrow)]
    records: Option<Vec<Entry<'a>>>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    partition_key: Option<Text<'a>>,
    #[serde(borrow)]
    explicit_hash_key: Option<Text<'a>>,
}

/// A record that may be written.
struct Sound {
    hash: u128,
    content: Arc<Content>,
}

impl Entry<'_> {
    /// Decodes the data and notes what is wrong with the rest.
    fn check(&self, checks: &mut Checks, entry: Option<usize>) -> Result<Box<[u8]>, Refusal> {
        let at = |name| Member { entry, name };
        let key = self.partition_key.as_deref();
        let data = self.data.as_deref().map(decode).transpose()?;
        checks.present(at("partitionKey"), key.is_some());
        checks.length(at("partitionKey"), key, 1, 256);
        checks.pattern(at("explicitHashKey"), self.explicit_hash_key.as_deref(), &HASH_KEY);
        checks.present(at("data"), data.is_some());
        checks.data_length(at("data"), data.as_ref().map_or(0, |data| data.len()));
        Ok(data.unwrap_or_default())
    }

    /// After the checks have passed.
    fn sound(&self, data: Box<[u8]>) -> Result<Sound, Refusal> {
        let key = self.partition_key.as_deref().unwrap_or_default();
        let hash = match self.explicit_hash_key.as_deref() {
            None => shard::hash_of(key),
            Some(text) => text.parse().map_err(|_too_large| {
                Refusal::argument(format!(
                    "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {text}"
                ))
            })?,
        };
        Ok(Sound { hash, content: Arc::new(Content { key: key.into(), data }) })
    }
}

/// Standard base64 with its padding, into a buffer of exactly the right size.
fn decode(text: &str) -> Result<Box<[u8]>, Refusal> {
    let padding = text.bytes().rev().take(2).filter(|byte| *byte == b'=').count();
    let mut data = vec![0; (text.len().div_ceil(4) * 3).saturating_sub(padding)];
    let len = STANDARD
        .decode_slice(text, &mut data)
        .map_err(|error| Refusal::unreadable(format!("Data can not be converted to a Blob: {error}")))?;
    data.truncate(len);
    Ok(data.into_boxed_slice())
}

pub(super) fn put_record(call: &Call<'_>, body: &[u8]) -> Result<String, Refusal> {
    let PutRecord {
        stream_name,
        stream_arn,
        data,
        partition_key,
        explicit_hash_key,
        sequence_number_for_ordering,
        dry_run,
    } = parse(body)?;
    let (name, arn) = (stream_name.as_deref(), stream_arn.as_deref());
    let entry = Entry { data, partition_key, explicit_hash_key };
    let after = sequence_number_for_ordering.as_deref();
    let mut checks = Checks::default();
    checks.pattern("sequenceNumberForOrdering", after, &SEQUENCE);
    let data = entry.check(&mut checks, None)?;
    checks.stream(name, arn);
    checks.finish()?;
    let name = call.stream_name(name, arn)?;
    let sound = entry.sound(data)?;
    if let Some(after) = after {
        let is_past = |sequence: Sequence| sequence.time_s <= call.now_ms / 1000;
        if !Sequence::parse(after).is_some_and(is_past) {
            return Err(Refusal::argument(format!(
                "ExclusiveMinimumSequenceNumber {after} used in PutRecord on stream {name} under account {} is invalid.",
                call.account()
            )));
        }
    }
    match write(call, name, vec![sound], &Terms { dry_run, fail_share: 0.0 })?.first() {
        Some(Outcome::Placed(Placed::Written(sequence))) => {
            Ok(json!({ "ShardId": shard::id_of(sequence.shard), "SequenceNumber": sequence.to_string() })
                .to_string())
        }
        Some(Outcome::Placed(Placed::Throttled(at))) => {
            Err(Refusal::throttled(&shard::id_of(*at), name, call.account()))
        }
        Some(Outcome::Failed) | None => Err(Refusal::server_error()),
    }
}

pub(super) fn put_records(call: &Call<'_>, body: &[u8]) -> Result<String, Refusal> {
    let PutRecords { stream_name, stream_arn, records, dry_run } = parse(body)?;
    let (name, arn) = (stream_name.as_deref(), stream_arn.as_deref());
    let mut checks = Checks::default();
    checks.present("records", records.is_some());
    let entries = records.unwrap_or_default();
    checks.entries(entries.len());
    let data: Vec<_> = entries
        .iter()
        .enumerate()
        .map(|(at, entry)| entry.check(&mut checks, Some(at)))
        .collect::<Result<_, _>>()?;
    checks.stream(name, arn);
    checks.finish()?;
    let name = call.stream_name(name, arn)?;
    let sounds: Vec<_> =
        entries.iter().zip(data).map(|(entry, data)| entry.sound(data)).collect::<Result<_, _>>()?;
    if sounds.iter().map(|sound| sound.content.len()).sum::<usize>() > BATCH_BYTES_MAX {
        return Err(Refusal::argument("Records size exceeds 10 MB limit"));
    }
    let outcomes = write(call, name, sounds, &Terms { dry_run, fail_share: call.faults.fail_records })?;
    let results: Vec<_> = outcomes.iter().map(|outcome| result_of(call, name, outcome)).collect();
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    Ok(json!({ "FailedRecordCount": failed, "Records": results }).to_string())
}

fn result_of(call: &Call<'_>, name: &str, outcome: &Outcome) -> Value {
    let refusal = match outcome {
        Outcome::Placed(Placed::Written(sequence)) => {
            return json!({ "ShardId": shard::id_of(sequence.shard), "SequenceNumber": sequence.to_string() });
        }
        Outcome::Placed(Placed::Throttled(at)) => {
            Refusal::throttled(&shard::id_of(*at), name, call.account())
        }
        Outcome::Failed => Refusal::server_error(),
    };
    json!({ "ErrorCode": refusal.code, "ErrorMessage": refusal.message })
}

/// How a put is done.
struct Terms {
    dry_run: Option<bool>,
    /// Share of the records that fail, by a fault switch.
    fail_share: f32,
}

enum Outcome {
    Placed(Placed),
    Failed,
}

/// Writes all records under one lock, in their order; or none, and says why.
fn write(call: &Call<'_>, name: &str, sounds: Vec<Sound>, terms: &Terms) -> Result<Vec<Outcome>, Refusal> {
    let largest = sounds.iter().map(|sound| sound.content.len()).max().unwrap_or(0);
    let mut streams = call.shared.streams();
    let stream = streams.get(name).ok_or_else(|| Refusal::no_stream(name, call.account()))?;
    let (id, plan) = (stream.created_s, stream.plan);
    let first = sounds.first().map_or(0, |first| stream.shard_by_hash(first.hash));
    if largest > plan.record_bytes_max {
        return Err(Refusal::argument(format!(
            "A record of {largest} bytes (data and partition key) exceeds the maximum record size of stream {name}, {} bytes.",
            plan.record_bytes_max
        )));
    }
    if terms.dry_run == Some(true) {
        return Err(Refusal::dry_run());
    }
    let random = &call.shared.random;
    if random.chance(call.faults.throttle) {
        return Err(Refusal::throttled(&shard::id_of(first), name, call.account()));
    }
    let how = Write { shard_limits: call.faults.shard_limits, now_ms: call.now_ms };
    let put = |sound: Sound| {
        if random.chance(terms.fail_share) {
            return Outcome::Failed;
        }
        streams.put(id, sound.hash, sound.content, how).map_or(Outcome::Failed, Outcome::Placed)
    };
    Ok(sounds.into_iter().map(put).collect())
}

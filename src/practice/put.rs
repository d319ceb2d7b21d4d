//! The operations that write: `PutRecord` and `PutRecords`, and their `DryRun`.
//!
//! A body is parsed in place and its data decoded once; hashing and decoding happen outside the store's lock. One
//! invalid record refuses the whole call; a throttled or failed one has a result of its own.

use super::api_error::ApiError;
use super::call::{Call, Text, parse};
use super::checks::{Checks, HASH_KEY, Member, SEQUENCE};
use super::faults::chance;
use super::sequence::Sequence;
use super::shard;
use super::stream::{Content, PutOptions, PutResult};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Maximum data and keys of one `PutRecords` call (API reference).
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

/// A record that passed the checks.
struct CheckedRecord {
    hash: u128,
    content: Arc<Content>,
}

impl Entry<'_> {
    /// Decodes the data, and checks everything.
    fn check(&self, checks: &mut Checks, entry: Option<usize>) -> Result<Vec<u8>, ApiError> {
        let at = |name| Member { entry, name };
        let key = self.partition_key.as_deref();
        let data = self.data.as_deref().map(decode).transpose()?;
        checks.present(at("partitionKey"), key.is_some());
        checks.length(at("partitionKey"), key, 1, 256);
        checks.pattern(at("explicitHashKey"), self.explicit_hash_key.as_deref(), &HASH_KEY);
        checks.present(at("data"), data.is_some());
        checks.data_length(at("data"), data.as_ref().map_or(0, Vec::len));
        Ok(data.unwrap_or_default())
    }

    /// The checked record. Call it after the checks have passed.
    fn checked(&self, data: Vec<u8>) -> Result<CheckedRecord, ApiError> {
        let key = self.partition_key.as_deref().unwrap_or_default();
        let hash = match self.explicit_hash_key.as_deref() {
            None => shard::hash_of(key),
            Some(text) => text.parse().map_err(|_too_large| {
                ApiError::argument(format!(
                    "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {text}"
                ))
            })?,
        };
        Ok(CheckedRecord { hash, content: Arc::new(Content { key: key.into(), data }) })
    }
}

/// Reads standard base64 with its padding.
fn decode(text: &str) -> Result<Vec<u8>, ApiError> {
    STANDARD
        .decode(text)
        .map_err(|error| ApiError::unreadable(format!("Data can not be converted to a Blob: {error}")))
}

pub(super) fn put_record(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
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
    let record = entry.checked(data)?;
    if let Some(after) = after {
        let is_past = |sequence: Sequence| sequence.time_s <= call.now_ms / 1000;
        if !Sequence::parse(after).is_some_and(is_past) {
            return Err(ApiError::argument(format!(
                "ExclusiveMinimumSequenceNumber {after} used in PutRecord on stream {name} under account {} is invalid.",
                call.account()
            )));
        }
    }
    let written = write(call, name, vec![record], &PutTerms { dry_run, fail_share: 0.0 })?;
    match written.results.first() {
        Some(result @ PutResult::Written(_)) => {
            let answer = result_json(call, name, *result);
            Ok(written.described(answer).to_string())
        }
        Some(PutResult::Throttled(at)) => Err(ApiError::throttled(&shard::id_of(*at), name, call.account())),
        Some(PutResult::Failed) | None => Err(ApiError::server_error()),
    }
}

pub(super) fn put_records(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
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
    let records: Vec<_> =
        entries.iter().zip(data).map(|(entry, data)| entry.checked(data)).collect::<Result<_, _>>()?;
    if records.iter().map(|record| record.content.len()).sum::<usize>() > BATCH_BYTES_MAX {
        return Err(ApiError::argument("Records size exceeds 10 MB limit"));
    }
    let written = write(call, name, records, &PutTerms { dry_run, fail_share: call.faults.fail_records })?;
    let results: Vec<_> = written.results.iter().map(|result| result_json(call, name, *result)).collect();
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    Ok(written.described(json!({ "FailedRecordCount": failed, "Records": results })).to_string())
}

fn result_json(call: &Call<'_>, name: &str, result: PutResult) -> Value {
    let error = match result {
        PutResult::Written(sequence) => {
            return json!({ "ShardId": shard::id_of(sequence.shard), "SequenceNumber": sequence.to_string() });
        }
        PutResult::Throttled(at) => ApiError::throttled(&shard::id_of(at), name, call.account()),
        PutResult::Failed => ApiError::server_error(),
    };
    json!({ "ErrorCode": error.code, "ErrorMessage": error.message })
}

/// How a call puts its records.
struct PutTerms {
    dry_run: Option<bool>,
    /// Share of the records that fail (fault switch).
    fail_share: f32,
}

/// What became of the records of a call.
struct Written {
    results: Vec<PutResult>,
    is_encrypted: bool,
}

impl Written {
    /// The answer, with the encryption if AWS would encrypt.
    fn described(&self, mut answer: Value) -> Value {
        if self.is_encrypted {
            answer["EncryptionType"] = "KMS".into();
        }
        answer
    }
}

/// Writes all records under one lock, in their order. An error: none is written.
fn write(
    call: &Call<'_>,
    name: &str,
    records: Vec<CheckedRecord>,
    terms: &PutTerms,
) -> Result<Written, ApiError> {
    let largest = records.iter().map(|record| record.content.len()).max().unwrap_or(0);
    let mut streams = call.shared.streams();
    let stream = call.find(&streams, name)?;
    let (id, spec, is_encrypted) = (stream.created_s, stream.spec, stream.key_id.is_some());
    let has_consumers = stream.consumers.len() > 0;
    let first = records.first().map_or(0, |first| stream.shard_by_hash(first.hash));
    let record_bytes_max =
        call.faults.record_bytes_max.map_or(spec.record_bytes_max, |lower| lower.min(spec.record_bytes_max));
    if largest > record_bytes_max {
        return Err(ApiError::argument(format!(
            "A record of {largest} bytes (data and partition key) exceeds the maximum record size of stream {name}, {record_bytes_max} bytes."
        )));
    }
    if terms.dry_run == Some(true) {
        return Err(ApiError::dry_run());
    }
    if chance(call.faults.throttle) {
        return Err(ApiError::throttled(&shard::id_of(first), name, call.account()));
    }
    let options = PutOptions { shard_limits: call.faults.shard_limits, now_ms: call.now_ms };
    let put = |record: CheckedRecord| {
        if chance(terms.fail_share) {
            return PutResult::Failed;
        }
        streams.put(id, record.hash, record.content, options)
    };
    let results = records.into_iter().map(put).collect();
    if has_consumers && let Some(stream) = streams.get(name) {
        stream.consumers.wake();
    }
    Ok(Written { results, is_encrypted })
}

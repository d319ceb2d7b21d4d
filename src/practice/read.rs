//! The operations that read: `GetShardIterator` and `GetRecords`.
//!
//! The store's lock is held while records are looked up, not while they are encoded.

use super::api_error::ApiError;
use super::call::{Call, Text, parse};
use super::checks::{Checks, NAME, SEQUENCE};
use super::sequence::Sequence;
use super::shard;
use super::stream::{ChildShard, Position, RecordsPage, Shard, Stream};
use super::token::{Token, TokenKind};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetShardIterator<'a> {
    #[serde(borrow)]
    stream_name: Option<Text<'a>>,
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    #[serde(borrow)]
    shard_id: Option<Text<'a>>,
    #[serde(borrow)]
    shard_iterator_type: Option<Text<'a>>,
    #[serde(borrow)]
    starting_sequence_number: Option<Text<'a>>,
    timestamp: Option<f64>,
}

const ITERATOR_TYPES: [&str; 5] =
    ["AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"];

pub(super) fn get_shard_iterator(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: GetShardIterator<'_> = parse(body)?;
    let (name, arn) = (request.stream_name.as_deref(), request.stream_arn.as_deref());
    let (id, kind) = (request.shard_id.as_deref(), request.shard_iterator_type.as_deref());
    let mut checks = Checks::default();
    checks.present("shardId", id.is_some());
    checks.pattern("shardId", id, &NAME);
    checks.length("shardId", id, 1, 128);
    checks.present("shardIteratorType", kind.is_some());
    checks.choice("shardIteratorType", kind, &ITERATOR_TYPES);
    checks.pattern("startingSequenceNumber", request.starting_sequence_number.as_deref(), &SEQUENCE);
    checks.stream(name, arn);
    checks.finish()?;
    let name = call.stream_name(name, arn)?;
    let id = id.unwrap_or_default();
    let streams = call.shared.streams();
    let no_shard = || ApiError::no_shard(id, name, call.account());
    let stream = streams.get(name).ok_or_else(no_shard)?;
    let at = shard::parse_id(id).ok_or_else(no_shard)?;
    let shard = stream.shard(at).ok_or_else(no_shard)?;
    let start = IteratorStart { call, request: &request, shard: at, name };
    let index = start.index(stream, shard)?;
    let created_s = shard.created_s;
    drop(streams);
    let iterator = start.iterator(created_s, index);
    Ok(json!({ "ShardIterator": iterator }).to_string())
}

/// Where an iterator starts.
struct IteratorStart<'a> {
    call: &'a Call<'a>,
    request: &'a GetShardIterator<'a>,
    shard: u32,
    name: &'a str,
}

impl IteratorStart<'_> {
    fn index(&self, stream: &Stream, shard: &Shard) -> Result<u64, ApiError> {
        let kind = self.request.shard_iterator_type.as_deref().unwrap_or_default();
        match (kind, self.request.starting_sequence_number.as_deref()) {
            ("TRIM_HORIZON", None) => Ok(0),
            ("LATEST", None) => Ok(shard.next()),
            ("AT_TIMESTAMP", None) => self.index_at_time(shard),
            ("AT_SEQUENCE_NUMBER", Some(text)) => self.index_of(text, stream, shard),
            ("AFTER_SEQUENCE_NUMBER", Some(text)) => Ok(self.index_of(text, stream, shard)? + 1),
            (kind, text) => {
                let and = if text.is_some() { "and also a" } else { "and no" };
                Err(ApiError::argument(format!(
                    "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or \
                     (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {kind} {and} \
                     StartingSequenceNumber."
                )))
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, which is right"
    )]
    fn index_at_time(&self, shard: &Shard) -> Result<u64, ApiError> {
        let Some(timestamp) = self.request.timestamp else {
            return Err(ApiError::argument(
                "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.",
            ));
        };
        let time_ms = (timestamp * 1000.0).round() as u64;
        if time_ms > self.call.now_ms {
            return Err(ApiError::argument(format!(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
                 timestampInMillis: {time_ms}, currentTimestampInMillis: {}",
                self.call.now_ms
            )));
        }
        Ok(shard.index_at(time_ms))
    }

    /// The index of a sequence number, which must be one of this shard.
    fn index_of(&self, text: &str, stream: &Stream, shard: &Shard) -> Result<u64, ApiError> {
        let (id, name, account) = (shard::id_of(self.shard), self.name, self.call.account());
        let invalid = |why: &str| {
            ApiError::argument(format!(
                "StartingSequenceNumber {text} used in GetShardIterator on shard {id} in stream {name} under account \
                 {account} is invalid{why}."
            ))
        };
        let sequence = Sequence::parse(text).ok_or_else(|| invalid(""))?;
        if stream.shard(sequence.shard).is_none_or(|shard| shard.created_s != sequence.created_s) {
            return Err(invalid(" because it did not come from this stream"));
        }
        if sequence.shard != self.shard {
            return Err(ApiError::argument(format!(
                "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a shard with {id}",
                shard::id_of(sequence.shard)
            )));
        }
        if stream.ending_sequence(self.shard) == Some(sequence) {
            return Ok(shard.next());
        }
        if sequence.index >= shard.next() {
            return Err(invalid(""));
        }
        Ok(sequence.index)
    }

    fn iterator(&self, created_s: u64, index: u64) -> String {
        new_iterator(self.call, &Position { created_s, shard: self.shard, index }, self.name)
    }
}

fn new_iterator(call: &Call<'_>, position: &Position, name: &str) -> String {
    let Position { created_s, shard, index } = *position;
    let stream = name.to_owned();
    call.shared.token_key.write(&Token {
        kind: TokenKind::Iterator,
        issued_ms: call.now_ms,
        created_s,
        shard,
        index,
        stream,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetRecords<'a> {
    #[serde(borrow)]
    shard_iterator: Option<Text<'a>>,
    limit: Option<i64>,
}

pub(super) fn get_records(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: GetRecords<'_> = parse(body)?;
    let iterator = request.shard_iterator.as_deref();
    let mut checks = Checks::default();
    checks.present("shardIterator", iterator.is_some());
    checks.length("shardIterator", iterator, 1, 512);
    checks.range("limit", request.limit, 1, 10_000);
    checks.finish()?;
    let token = call
        .shared
        .token_key
        .read(TokenKind::Iterator, iterator.unwrap_or_default())
        .ok_or_else(|| ApiError::argument("Invalid ShardIterator."))?;
    if token.is_expired(call.now_ms) {
        return Err(ApiError::expired_iterator(token.issued_ms, call.now_ms));
    }
    let position = Position { created_s: token.created_s, shard: token.shard, index: token.index };
    let limit = request.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(10_000);
    let page = call
        .shared
        .streams()
        .get(&token.stream)
        .and_then(|stream| stream.read(&position, limit, call.now_ms))
        .ok_or_else(|| ApiError::no_shard(&shard::id_of(token.shard), &token.stream, call.account()))?;
    let next = Position { created_s: page.created_s, shard: token.shard, index: page.next };
    // An answer has exactly one of the two.
    let continuation = match &page.children {
        Some(children) => format!("\"ChildShards\":{}", child_shards(children)),
        None => format!("\"NextShardIterator\":\"{}\"", new_iterator(call, &next, &token.stream)),
    };
    Ok(page_json(&page, token.shard, &continuation))
}

fn child_shards(children: &[ChildShard]) -> Value {
    let child = |child: &ChildShard| {
        let parents: Vec<_> = child.parents.iter().map(|parent| shard::id_of(*parent)).collect();
        let range = shard::range_json(child.range);
        json!({ "ShardId": shard::id_of(child.shard), "ParentShards": parents, "HashKeyRange": range })
    };
    children.iter().map(child).collect()
}

/// Written without serde, so that the data is encoded straight from the store into the answer.
fn page_json(page: &RecordsPage, shard: u32, continuation: &str) -> String {
    const FRAME_BYTES: usize = 192;
    let sizes = page.records.iter().map(|record| record.content.len() * 4 / 3 + FRAME_BYTES);
    let mut out = String::with_capacity(sizes.sum::<usize>() + continuation.len() + FRAME_BYTES);
    out.push_str("{\"Records\":[");
    for (index, record) in (page.first..).zip(&page.records) {
        let arrived_ms = record.arrived_ms;
        let sequence = Sequence { created_s: page.created_s, shard, index, time_s: arrived_ms / 1000 };
        let comma = if index == page.first { "" } else { "," };
        let key = Value::from(&*record.content.key);
        write!(
            out,
            "{comma}{{\"SequenceNumber\":\"{sequence}\",\"ApproximateArrivalTimestamp\":{}.{:03},\"PartitionKey\":{key},\
             \"Data\":\"",
            arrived_ms / 1000,
            arrived_ms % 1000,
        )
        .expect("a String takes all that is written");
        STANDARD.encode_string(&record.content.data, &mut out);
        out.push_str("\"}");
    }
    write!(out, "],{continuation},\"MillisBehindLatest\":{}}}", page.behind_ms)
        .expect("a String takes all that is written");
    out
}

//! The operations that read: `GetShardIterator` and `GetRecords`.
//!
//! The store's lock is held while records are looked up, not while they are encoded.

use super::api_error::ApiError;
use super::call::{Call, Text, parse};
use super::checks::{Checks, NAME, SEQUENCE};
use super::page::{children_member, page_json};
use super::shard;
use super::start::{START_KINDS, Start};
use super::stream::{Position, ReadLimits};
use super::token::{Token, TokenKind};
use serde::Deserialize;
use serde_json::json;

/// Maximum data and keys of one `GetRecords` answer ("10 MB", API reference).
const READ_BYTES_MAX: usize = 10 << 20;

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
    dry_run: Option<bool>,
}

pub(super) fn get_shard_iterator(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: GetShardIterator<'_> = parse(body)?;
    let (name, arn) = (request.stream_name.as_deref(), request.stream_arn.as_deref());
    let (id, kind) = (request.shard_id.as_deref(), request.shard_iterator_type.as_deref());
    let mut checks = Checks::default();
    checks.present("shardId", id.is_some());
    checks.pattern("shardId", id, &NAME);
    checks.length("shardId", id, 1, 128);
    checks.present("shardIteratorType", kind.is_some());
    checks.choice("shardIteratorType", kind, &START_KINDS);
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
    let start = Start {
        kind: kind.unwrap_or_default(),
        sequence: request.starting_sequence_number.as_deref(),
        timestamp: request.timestamp,
        operation: "GetShardIterator",
        name,
        shard: at,
    };
    let index = start.index(call, stream, shard)?;
    let position = Position { created_s: shard.created_s, shard: at, index };
    drop(streams);
    if request.dry_run == Some(true) {
        return Err(ApiError::dry_run());
    }
    Ok(json!({ "ShardIterator": new_iterator(call, &position, name) }).to_string())
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
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    dry_run: Option<bool>,
}

pub(super) fn get_records(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: GetRecords<'_> = parse(body)?;
    let iterator = request.shard_iterator.as_deref();
    let mut checks = Checks::default();
    checks.present("shardIterator", iterator.is_some());
    checks.length("shardIterator", iterator, 1, 512);
    checks.range("limit", request.limit, 1, 10_000);
    checks.stream(None, request.stream_arn.as_deref());
    checks.finish()?;
    let token = call
        .shared
        .token_key
        .read(TokenKind::Iterator, iterator.unwrap_or_default())
        .ok_or_else(|| ApiError::argument("Invalid ShardIterator."))?;
    if token.is_expired(call.now_ms) {
        return Err(ApiError::expired_iterator(token.issued_ms, call.now_ms));
    }
    call.stream_name(Some(&token.stream), request.stream_arn.as_deref())?;
    let position = Position { created_s: token.created_s, shard: token.shard, index: token.index };
    let records = request.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(10_000);
    let limits = ReadLimits { records, bytes: READ_BYTES_MAX };
    let no_shard = || ApiError::no_shard(&shard::id_of(token.shard), &token.stream, call.account());
    let mut streams = call.shared.streams();
    let stream = streams.get_mut(&token.stream).ok_or_else(no_shard)?;
    if request.dry_run == Some(true) {
        return Err(ApiError::dry_run());
    }
    let rate = stream.read_rate(token.shard).filter(|_| call.faults.shard_limits);
    if rate.is_some_and(|rate| !rate.take_call(call.now_ms)) {
        return Err(ApiError::throttled(&shard::id_of(token.shard), &token.stream, call.account()));
    }
    let page = stream.read(&position, limits, call.now_ms).ok_or_else(no_shard)?;
    if let Some(rate) = stream.read_rate(token.shard).filter(|_| call.faults.shard_limits) {
        rate.count(page.records.iter().map(|record| record.content.len()).sum());
    }
    drop(streams);
    let next = Position { created_s: page.created_s, shard: token.shard, index: page.next };
    // An answer has exactly one of the two.
    let continuation = match &page.children {
        Some(children) => children_member(children),
        None => format!("\"NextShardIterator\":\"{}\"", new_iterator(call, &next, &token.stream)),
    };
    Ok(page_json(&page, token.shard, &continuation))
}

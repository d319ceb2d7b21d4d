//! The operations that list a stream's shards: `DescribeStream` and `ListShards`.

use super::api_error::ApiError;
use super::call::{Call, Text, milliseconds, parse};
use super::checks::{Checks, NAME};
use super::shard;
use super::stream::{Shard, Stream};
use super::streams::{StreamRequest, description, page_len};
use super::token::{Token, TokenKind};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeStream<'a> {
    #[serde(flatten, borrow)]
    stream: StreamRequest<'a>,
    limit: Option<i64>,
    #[serde(borrow)]
    exclusive_start_shard_id: Option<Text<'a>>,
}

pub(super) fn describe_stream(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: DescribeStream<'_> = parse(body)?;
    let after = request.exclusive_start_shard_id.as_deref();
    let mut checks = Checks::default();
    checks.range("limit", request.limit, 1, 10_000);
    checks.pattern("exclusiveStartShardId", after, &NAME);
    checks.length("exclusiveStartShardId", after, 1, 128);
    let name = request.stream.check_with(call, checks)?;
    let first = after.map_or(Ok(0), shard_after)?;
    let streams = call.shared.streams();
    let stream = call.find(&streams, &name)?;
    let mut rest = stream.shards().skip(first as usize);
    let page = rest.by_ref().take(page_len(request.limit, 100));
    let page: Vec<_> = page.map(|(at, shard)| shard_description(stream, at, shard)).collect();
    let mut description = description(call, &name, stream);
    description["Shards"] = page.into();
    description["HasMoreShards"] = rest.next().is_some().into();
    Ok(json!({ "StreamDescription": description }).to_string())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListShards<'a> {
    #[serde(flatten, borrow)]
    stream: StreamRequest<'a>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
    #[serde(borrow)]
    exclusive_start_shard_id: Option<Text<'a>>,
    max_results: Option<i64>,
    #[serde(borrow)]
    shard_filter: Option<ShardFilter<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ShardFilter<'a> {
    #[serde(borrow, rename = "Type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    shard_id: Option<Text<'a>>,
    timestamp: Option<f64>,
}

const SHARD_FILTERS: [&str; 6] =
    ["AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP"];

/// Which shards are listed, by when they were open. `AFTER_SHARD_ID` sets the first shard instead.
#[derive(Clone, Copy)]
enum Filter {
    /// No shard is ever forgotten here.
    All,
    /// Open when the oldest record that can still be read may have arrived.
    AtTrimHorizon,
    /// Open then or later.
    FromTrimHorizon,
    AtLatest,
    /// Open at this time, in milliseconds.
    AtTime(u64),
    /// Open at this time or later, in milliseconds.
    FromTime(u64),
}

impl Filter {
    /// `horizon_ms`: see [`Stream::horizon_ms`].
    fn takes(self, shard: &Shard, horizon_ms: u64) -> bool {
        let is_open_at = |time_ms| shard.closing.as_ref().is_none_or(|closing| closing.at_ms >= time_ms);
        match self {
            Self::All => true,
            // The first shards of a stream that is younger than its retention period.
            Self::AtTrimHorizon if shard.created_ms > horizon_ms => shard.parents.is_empty(),
            Self::AtTrimHorizon | Self::FromTrimHorizon => is_open_at(horizon_ms),
            Self::AtLatest => shard.closing.is_none(),
            Self::AtTime(time_ms) => shard.created_ms <= time_ms && is_open_at(time_ms),
            Self::FromTime(time_ms) => is_open_at(time_ms),
        }
    }

    /// The two numbers by which a token carries it.
    fn numbers(self) -> (u64, u64) {
        match self {
            Self::All => (0, 0),
            Self::AtTrimHorizon => (1, 0),
            Self::AtLatest => (2, 0),
            Self::AtTime(time_ms) => (3, time_ms),
            Self::FromTime(time_ms) => (4, time_ms),
            Self::FromTrimHorizon => (5, 0),
        }
    }

    fn of_numbers(numbers: (u64, u64)) -> Self {
        match numbers {
            (1, _) => Self::AtTrimHorizon,
            (2, _) => Self::AtLatest,
            (3, time_ms) => Self::AtTime(time_ms),
            (4, time_ms) => Self::FromTime(time_ms),
            (5, _) => Self::FromTrimHorizon,
            _ => Self::All,
        }
    }
}

/// The shards that a request asks for.
struct ShardQuery {
    stream: String,
    /// The first shard that may be listed.
    first: u32,
    filter: Filter,
}

pub(super) fn list_shards(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: ListShards<'_> = parse(body)?;
    let ShardQuery { stream: name, first, filter } = query_of(call, &request)?;
    let limit = page_len(request.max_results, 1000);
    let streams = call.shared.streams();
    let stream = call.find(&streams, &name)?;
    let horizon_ms = stream.horizon_ms(call.now_ms);
    let mut wanted =
        stream.shards().skip(first as usize).filter(|(_, shard)| filter.takes(shard, horizon_ms));
    let page: Vec<_> =
        wanted.by_ref().take(limit).map(|(at, shard)| shard_description(stream, at, shard)).collect();
    let mut answer = json!({ "Shards": page });
    if let Some((next, _)) = wanted.next() {
        let (index, created_s) = filter.numbers();
        let kind = TokenKind::Shards;
        let token =
            Token { kind, issued_ms: call.now_ms, created_s, shard: next, index, stream: name.clone() };
        answer["NextToken"] = call.shared.token_key.write(&token).into();
    }
    Ok(answer.to_string())
}

fn query_of(call: &Call<'_>, request: &ListShards<'_>) -> Result<ShardQuery, ApiError> {
    let filter = request.shard_filter.as_ref();
    let kind = filter.and_then(|filter| filter.kind.as_deref());
    let after = match (kind, filter) {
        (Some("AFTER_SHARD_ID"), Some(filter)) => filter.shard_id.as_deref(),
        (_, _) => request.exclusive_start_shard_id.as_deref(),
    };
    let mut checks = Checks::default();
    checks.range("maxResults", request.max_results, 1, 10_000);
    checks.present("shardFilter.type", filter.is_none() || kind.is_some());
    checks.choice("shardFilter.type", kind, &SHARD_FILTERS);
    checks.pattern("exclusiveStartShardId", after, &NAME);
    request.stream.check_form(&mut checks);
    checks.finish()?;
    if let Some(token) = request.next_token.as_deref() {
        if request.stream.has_name() || after.is_some() {
            return Err(ApiError::argument("NextToken and StreamName cannot be provided together."));
        }
        let token = call.read_token(TokenKind::Shards, token)?;
        let filter = Filter::of_numbers((token.index, token.created_s));
        return Ok(ShardQuery { stream: token.stream, first: token.shard, filter });
    }
    let filter = filter.map_or(Ok(Filter::All), filter_of)?;
    let stream = request.stream.check(call)?;
    Ok(ShardQuery { stream, first: after.map_or(Ok(0), shard_after)?, filter })
}

fn shard_after(id: &str) -> Result<u32, ApiError> {
    let at = shard::parse_id(id).ok_or_else(|| ApiError::argument(format!("Invalid shard id {id}.")))?;
    Ok(at.saturating_add(1))
}

/// The filter of a request. Call it after the checks have passed.
fn filter_of(filter: &ShardFilter<'_>) -> Result<Filter, ApiError> {
    let kind = filter.kind.as_deref().unwrap_or_default();
    let time_ms = filter.timestamp.map(milliseconds);
    match (kind, time_ms) {
        ("AT_TRIM_HORIZON", _) => Ok(Filter::AtTrimHorizon),
        ("FROM_TRIM_HORIZON", _) => Ok(Filter::FromTrimHorizon),
        ("AT_LATEST", _) => Ok(Filter::AtLatest),
        ("AT_TIMESTAMP", Some(time_ms)) => Ok(Filter::AtTime(time_ms)),
        ("FROM_TIMESTAMP", Some(time_ms)) => Ok(Filter::FromTime(time_ms)),
        ("AT_TIMESTAMP" | "FROM_TIMESTAMP", None) => {
            Err(ApiError::argument(format!("A ShardFilter of type {kind} must have a Timestamp.")))
        }
        _ => Ok(Filter::All),
    }
}

fn shard_description(stream: &Stream, at: u32, shard: &Shard) -> Value {
    let mut description = json!({
        "ShardId": shard::id_of(at),
        "HashKeyRange": shard::range_json(shard.range),
        "SequenceNumberRange": {
            "StartingSequenceNumber": stream.sequence(at, 0, shard.created_ms).to_string(),
        },
    });
    for (name, parent) in ["ParentShardId", "AdjacentParentShardId"].iter().zip(&shard.parents) {
        description[name] = shard::id_of(*parent).into();
    }
    if let Some(ending) = stream.ending_sequence(at) {
        description["SequenceNumberRange"]["EndingSequenceNumber"] = ending.to_string().into();
    }
    description
}

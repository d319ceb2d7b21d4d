//! The operations on streams: `CreateStream`, `DeleteStream`, `DescribeStream`, `DescribeStreamSummary`, `ListStreams`,
//! `ListShards`. A stream is there, or gone, when the answer is sent: there is no CREATING or DELETING.

use super::checks::{Checks, NAME};
use super::operations::{Call, Text, parse, seconds};
use super::refusal::Refusal;
use super::shard;
use super::store::{Plan, Shard, Stream, Streams};
use super::token::{Kind, Token};
use serde::Deserialize;
use serde_json::{Value, json};

/// How many shards all streams have together at most: AWS's quota for a small account, and our memory.
pub(super) const SHARDS_MAX: u32 = 500;
/// Shards of an on-demand stream when it is new (developer guide).
const ON_DEMAND_SHARDS: u32 = 4;
const RECORD_KIB_DEFAULT: i64 = 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateStream<'a> {
    #[serde(borrow)]
    stream_name: Option<Text<'a>>,
    shard_count: Option<i64>,
    #[serde(borrow)]
    stream_mode_details: Option<StreamModeDetails<'a>>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    max_record_size_in_kib: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamModeDetails<'a> {
    #[serde(borrow)]
    stream_mode: Option<Text<'a>>,
}

pub(super) fn create_stream(call: &Call<'_>, body: &[u8]) -> Result<String, Refusal> {
    let request: CreateStream<'_> = parse(body)?;
    let name = request.stream_name.as_deref();
    let mode = request.stream_mode_details.as_ref().map(|details| details.stream_mode.as_deref());
    let mut checks = Checks::default();
    checks.present("streamName", name.is_some());
    checks.stream(name, None);
    checks.range("shardCount", request.shard_count, 1, i64::from(i32::MAX));
    checks.present("streamModeDetails.streamMode", mode != Some(None));
    checks.choice("streamModeDetails.streamMode", mode.flatten(), &["PROVISIONED", "ON_DEMAND"]);
    checks.range("maxRecordSizeInKiB", request.max_record_size_in_kib, RECORD_KIB_DEFAULT, 10_240);
    checks.finish()?;
    let shards = request.shard_count.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let on_demand = match (mode.flatten(), shards) {
        (Some("ON_DEMAND"), Some(_)) => {
            return Err(Refusal::argument("ShardCount must not be given for a stream in ON_DEMAND mode."));
        }
        (Some("PROVISIONED"), None) => {
            return Err(Refusal::argument("ShardCount must be given for a stream in PROVISIONED mode."));
        }
        (Some("ON_DEMAND") | None, None) => true,
        (_, Some(_)) | (Some(_), None) => false,
    };
    let kib = request.max_record_size_in_kib.unwrap_or(RECORD_KIB_DEFAULT);
    let plan = Plan {
        shards: shards.unwrap_or(ON_DEMAND_SHARDS),
        on_demand,
        record_bytes_max: usize::try_from(kib).map_or(usize::MAX, |kib| kib << 10),
    };
    create(call, name.unwrap_or_default(), plan)?;
    Ok(String::new())
}

pub(super) fn create(call: &Call<'_>, name: &str, plan: Plan) -> Result<(), Refusal> {
    let mut streams = call.shared.streams();
    let used = streams.shard_count();
    if streams.get(name).is_none() && used + plan.shards as usize > SHARDS_MAX as usize {
        return Err(Refusal::shard_quota(call.account(), used, plan.shards, SHARDS_MAX as usize));
    }
    if streams.create(name, plan, call.now_ms) { Ok(()) } else { Err(Refusal::in_use(name, call.account())) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OneStream<'a> {
    #[serde(borrow)]
    stream_name: Option<Text<'a>>,
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
}

impl OneStream<'_> {
    fn check(&self, call: &Call<'_>) -> Result<String, Refusal> {
        self.check_with(call, Checks::default())
    }

    /// The stream's name, if neither it nor anything before was found wrong.
    pub(super) fn check_with(&self, call: &Call<'_>, mut checks: Checks) -> Result<String, Refusal> {
        let (name, arn) = (self.stream_name.as_deref(), self.stream_arn.as_deref());
        checks.stream(name, arn);
        checks.finish()?;
        call.stream_name(name, arn).map(str::to_owned)
    }
}

pub(super) fn delete_stream(call: &Call<'_>, body: &[u8]) -> Result<String, Refusal> {
    let name = parse::<OneStream<'_>>(body)?.check(call)?;
    if call.shared.streams().delete(&name) {
        Ok(String::new())
    } else {
        Err(Refusal::no_stream(&name, call.account()))
    }
}

pub(super) fn describe_stream_summary(call: &Call<'_>, body: &[u8]) -> Result<String, Refusal> {
    let name = parse::<OneStream<'_>>(body)?.check(call)?;
    let streams = call.shared.streams();
    let stream = streams.get(&name).ok_or_else(|| Refusal::no_stream(&name, call.account()))?;
    let mut summary = summary(call, &name, stream);
    let more = [
        ("RetentionPeriodHours", json!(24)),
        ("EnhancedMonitoring", json!([{ "ShardLevelMetrics": [] }])),
        ("EncryptionType", json!("NONE")),
        ("OpenShardCount", json!(stream.open().len())),
        ("ConsumerCount", json!(0)),
        ("MaxRecordSizeInKiB", json!(stream.plan.record_bytes_max >> 10)),
    ];
    for (key, value) in more {
        summary[key] = value;
    }
    Ok(json!({ "StreamDescriptionSummary": summary }).to_string())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeStream<'a> {
    #[serde(flatten, borrow)]
    stream: OneStream<'a>,
    limit: Option<i64>,
    #[serde(borrow)]
    exclusive_start_shard_id: Option<Text<'a>>,
}

pub(super) fn describe_stream(call: &Call<'_>, body: &[u8]) -> Result<String, Refusal> {
    let request: DescribeStream<'_> = parse(body)?;
    let after = request.exclusive_start_shard_id.as_deref();
    let mut checks = Checks::default();
    checks.range("limit", request.limit, 1, 10_000);
    checks.pattern("exclusiveStartShardId", after, &NAME);
    checks.length("exclusiveStartShardId", after, 1, 128);
    let name = request.stream.check_with(call, checks)?;
    let first = after.map_or(Ok(0), shard_after)?;
    let streams = call.shared.streams();
    let stream = streams.get(&name).ok_or_else(|| Refusal::no_stream(&name, call.account()))?;
    let mut rest = stream.shards().skip(first as usize);
    let page = rest.by_ref().take(page_len(request.limit, 100));
    let page: Vec<_> = page.map(|(at, shard)| shard_description(stream, at, shard)).collect();
    let mut description = summary(call, &name, stream);
    let more = [
        ("Shards", page.into()),
        ("HasMoreShards", rest.next().is_some().into()),
        ("RetentionPeriodHours", json!(24)),
        ("EnhancedMonitoring", json!([{ "ShardLevelMetrics": [] }])),
        ("EncryptionType", json!("NONE")),
    ];
    for (key, value) in more {
        description[key] = value;
    }
    Ok(json!({ "StreamDescription": description }).to_string())
}

fn summary(call: &Call<'_>, name: &str, stream: &Stream) -> Value {
    json!({
        "StreamName": name,
        "StreamARN": call.shared.arn(name),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": { "StreamMode": if stream.plan.on_demand { "ON_DEMAND" } else { "PROVISIONED" } },
        "StreamCreationTimestamp": seconds(stream.created_ms),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListStreams<'a> {
    limit: Option<i64>,
    #[serde(borrow)]
    exclusive_start_stream_name: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
}

pub(super) fn list_streams(call: &Call<'_>, body: &[u8]) -> Result<String, Refusal> {
    let request: ListStreams<'_> = parse(body)?;
    let start = request.exclusive_start_stream_name.as_deref();
    let mut checks = Checks::default();
    checks.range("limit", request.limit, 1, 10_000);
    checks.pattern("exclusiveStartStreamName", start, &NAME);
    checks.length("exclusiveStartStreamName", start, 1, 128);
    checks.finish()?;
    let start = match request.next_token.as_deref() {
        Some(token) => call.next_token(Kind::Streams, token)?.stream,
        None => start.unwrap_or_default().to_owned(),
    };
    let limit = page_len(request.limit, 100);
    let streams = call.shared.streams();
    Ok(stream_page(call, &streams, &start, limit).to_string())
}

fn stream_page(call: &Call<'_>, streams: &Streams, start: &str, limit: usize) -> Value {
    let page: Vec<_> = streams.after(start).take(limit).collect();
    let last = page.last().map(|(name, _)| *name);
    let next = last.filter(|last| streams.after(last).next().is_some());
    let mut answer = json!({
        "StreamNames": page.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "StreamSummaries": page.iter().map(|(name, stream)| summary(call, name, stream)).collect::<Vec<_>>(),
        "HasMoreStreams": next.is_some(),
    });
    if let Some(last) = next {
        answer["NextToken"] = call.new_token(Kind::Streams, last, (0, Filter::All)).into();
    }
    answer
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListShards<'a> {
    #[serde(flatten, borrow)]
    stream: OneStream<'a>,
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

/// Which shards are listed, by when they were open. `AFTER_SHARD_ID` is a first shard instead.
#[derive(Clone, Copy)]
enum Filter {
    /// `FROM_TRIM_HORIZON` too: no shard is ever forgotten here.
    All,
    AtTrimHorizon,
    AtLatest,
    /// Open at this time, or at some time from then on, in milliseconds.
    AtTime(u64),
    FromTime(u64),
}

impl Filter {
    fn takes(self, shard: &Shard) -> bool {
        let is_open_at = |time_ms| shard.closing.as_ref().is_none_or(|closing| closing.at_ms >= time_ms);
        match self {
            Self::All => true,
            Self::AtTrimHorizon => shard.parents.is_empty(),
            Self::AtLatest => shard.closing.is_none(),
            Self::AtTime(time_ms) => shard.created_ms <= time_ms && is_open_at(time_ms),
            Self::FromTime(time_ms) => is_open_at(time_ms),
        }
    }

    /// As a token carries it: two numbers.
    fn numbers(self) -> (u64, u64) {
        match self {
            Self::All => (0, 0),
            Self::AtTrimHorizon => (1, 0),
            Self::AtLatest => (2, 0),
            Self::AtTime(time_ms) => (3, time_ms),
            Self::FromTime(time_ms) => (4, time_ms),
        }
    }

    fn of_numbers(numbers: (u64, u64)) -> Self {
        match numbers {
            (1, _) => Self::AtTrimHorizon,
            (2, _) => Self::AtLatest,
            (3, time_ms) => Self::AtTime(time_ms),
            (4, time_ms) => Self::FromTime(time_ms),
            _ => Self::All,
        }
    }
}

/// A page of shards.
struct ShardPage {
    stream: String,
    first: u32,
    filter: Filter,
}

pub(super) fn list_shards(call: &Call<'_>, body: &[u8]) -> Result<String, Refusal> {
    let request: ListShards<'_> = parse(body)?;
    let ShardPage { stream: name, first, filter } = shards_asked_for(call, &request)?;
    let limit = page_len(request.max_results, 1000);
    let streams = call.shared.streams();
    let stream = streams.get(&name).ok_or_else(|| Refusal::no_stream(&name, call.account()))?;
    let mut wanted = stream.shards().skip(first as usize).filter(|(_, shard)| filter.takes(shard));
    let page: Vec<_> =
        wanted.by_ref().take(limit).map(|(at, shard)| shard_description(stream, at, shard)).collect();
    let mut answer = json!({ "Shards": page });
    if let Some((next, _)) = wanted.next() {
        answer["NextToken"] = call.new_token(Kind::Shards, &name, (next, filter)).into();
    }
    Ok(answer.to_string())
}

fn shards_asked_for(call: &Call<'_>, request: &ListShards<'_>) -> Result<ShardPage, Refusal> {
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
    checks.stream(request.stream.stream_name.as_deref(), request.stream.stream_arn.as_deref());
    checks.finish()?;
    if let Some(token) = request.next_token.as_deref() {
        if request.stream.stream_name.is_some() || after.is_some() {
            return Err(Refusal::argument("NextToken and StreamName cannot be provided together."));
        }
        let token = call.next_token(Kind::Shards, token)?;
        let filter = Filter::of_numbers((token.index, token.created_s));
        return Ok(ShardPage { stream: token.stream, first: token.shard, filter });
    }
    let filter = filter.map_or(Ok(Filter::All), filter_of)?;
    let stream = request.stream.check(call)?;
    Ok(ShardPage { stream, first: after.map_or(Ok(0), shard_after)?, filter })
}

fn shard_after(id: &str) -> Result<u32, Refusal> {
    let at = shard::parse_id(id).ok_or_else(|| Refusal::argument(format!("Invalid shard id {id}.")))?;
    Ok(at.saturating_add(1))
}

/// After the checks have passed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is right"
)]
fn filter_of(filter: &ShardFilter<'_>) -> Result<Filter, Refusal> {
    let kind = filter.kind.as_deref().unwrap_or_default();
    let time_ms = filter.timestamp.map(|seconds| (seconds * 1000.0).round() as u64);
    match (kind, time_ms) {
        ("AT_TRIM_HORIZON", _) => Ok(Filter::AtTrimHorizon),
        ("AT_LATEST", _) => Ok(Filter::AtLatest),
        ("AT_TIMESTAMP", Some(time_ms)) => Ok(Filter::AtTime(time_ms)),
        ("FROM_TIMESTAMP", Some(time_ms)) => Ok(Filter::FromTime(time_ms)),
        ("AT_TIMESTAMP" | "FROM_TIMESTAMP", None) => {
            Err(Refusal::argument(format!("A ShardFilter of type {kind} must have a Timestamp.")))
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

fn page_len(asked: Option<i64>, default: usize) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(default)
}

impl Call<'_> {
    fn new_token(&self, kind: Kind, stream: &str, (shard, filter): (u32, Filter)) -> String {
        let (index, created_s) = filter.numbers();
        let token =
            Token { kind, issued_ms: self.now_ms, created_s, shard, index, stream: stream.to_owned() };
        self.shared.seal.write(&token)
    }

    fn next_token(&self, kind: Kind, text: &str) -> Result<Token, Refusal> {
        let token =
            self.shared.seal.read(kind, text).ok_or_else(|| Refusal::argument("Invalid NextToken."))?;
        if token.is_expired(self.now_ms) { Err(Refusal::expired_next_token()) } else { Ok(token) }
    }
}

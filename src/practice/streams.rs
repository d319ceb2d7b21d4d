//! The operations on streams: `CreateStream`, `DeleteStream`, `DescribeStreamSummary`, `ListStreams`.
//!
//! A stream is ready, or gone, when the answer is sent: no stream is ever CREATING or DELETING.

use super::account::ON_DEMAND_STREAMS_MAX;
use super::api_error::ApiError;
use super::call::{Call, Text, parse, seconds};
use super::checks::{Checks, NAME};
use super::shard::SHARDS_MAX;
use super::store::Streams;
use super::stream::{Stream, StreamSpec};
use super::tags::{self, Tags};
use super::token::{Token, TokenKind};
use serde::Deserialize;
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// Shards of a new on-demand stream (developer guide).
const ON_DEMAND_SHARDS: u32 = 4;
/// What a stream may take as the maximum size of a record, in KiB. The smallest is the default.
pub(super) const RECORD_KIB: RangeInclusive<i64> = 1024..=10_240;

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
    tags: Option<Tags>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StreamModeDetails<'a> {
    #[serde(borrow)]
    stream_mode: Option<Text<'a>>,
}

/// Checks the mode and returns it.
pub(super) fn check_mode<'r>(
    checks: &mut Checks,
    details: Option<&'r StreamModeDetails<'_>>,
) -> Option<&'r str> {
    let mode = details?.stream_mode.as_deref();
    checks.present("streamModeDetails.streamMode", mode.is_some());
    checks.choice("streamModeDetails.streamMode", mode, &["PROVISIONED", "ON_DEMAND"]);
    mode
}

pub(super) fn on_demand_limit(call: &Call<'_>) -> ApiError {
    ApiError::limit(format!(
        "This request would exceed the limit of {ON_DEMAND_STREAMS_MAX} on-demand streams for the account {}.",
        call.account()
    ))
}

pub(super) fn create_stream(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: CreateStream<'_> = parse(body)?;
    let name = request.stream_name.as_deref();
    let mut checks = Checks::default();
    checks.present("streamName", name.is_some());
    checks.stream(name, None);
    checks.range("shardCount", request.shard_count, 1, i64::from(i32::MAX));
    let mode = check_mode(&mut checks, request.stream_mode_details.as_ref());
    let kib = request.max_record_size_in_kib;
    checks.range("maxRecordSizeInKiB", kib, *RECORD_KIB.start(), *RECORD_KIB.end());
    checks.tags(request.tags.as_ref());
    checks.finish()?;
    let shards = request.shard_count.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let on_demand = match (mode, shards) {
        (Some("ON_DEMAND"), Some(_)) => {
            return Err(ApiError::argument("ShardCount must not be given for a stream in ON_DEMAND mode."));
        }
        (Some("PROVISIONED"), None) => {
            return Err(ApiError::argument("ShardCount must be given for a stream in PROVISIONED mode."));
        }
        (Some("ON_DEMAND") | None, None) => true,
        (_, Some(_)) | (Some(_), None) => false,
    };
    let kib = kib.unwrap_or(*RECORD_KIB.start());
    let spec = StreamSpec {
        shards: shards.unwrap_or(ON_DEMAND_SHARDS),
        on_demand,
        record_bytes_max: usize::try_from(kib).map_or(usize::MAX, |kib| kib << 10),
    };
    create(call, name.unwrap_or_default(), spec, request.tags.unwrap_or_default())?;
    Ok(String::new())
}

fn create(call: &Call<'_>, name: &str, spec: StreamSpec, added: Tags) -> Result<(), ApiError> {
    let mut tags = Tags::new();
    let failed = || format!("Stream {name} was not created");
    tags::add(&mut tags, added).map_err(|why| ApiError::argument(why.message(&failed())))?;
    let mut streams = call.shared.streams();
    if streams.get(name).is_some() {
        return Err(ApiError::stream_exists(name, call.account()));
    }
    let used = streams.shard_count();
    if used + spec.shards as usize > SHARDS_MAX as usize {
        return Err(ApiError::shard_quota(call.account(), used, spec.shards, SHARDS_MAX as usize));
    }
    if spec.on_demand && streams.on_demand_count() >= ON_DEMAND_STREAMS_MAX {
        return Err(on_demand_limit(call));
    }
    streams.create(name, spec, call.now_ms);
    call.find_mut(&mut streams, name)?.tags = tags;
    Ok(())
}

/// The members by which a request names its stream.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StreamRequest<'a> {
    #[serde(borrow)]
    stream_name: Option<Text<'a>>,
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
}

impl StreamRequest<'_> {
    pub(super) fn has_name(&self) -> bool {
        self.stream_name.is_some()
    }

    pub(super) fn check_form(&self, checks: &mut Checks) {
        checks.stream(self.stream_name.as_deref(), self.stream_arn.as_deref());
    }

    pub(super) fn check(&self, call: &Call<'_>) -> Result<String, ApiError> {
        self.check_with(call, Checks::default())
    }

    /// The stream's name, if `checks` and its own form have no errors.
    pub(super) fn check_with(&self, call: &Call<'_>, mut checks: Checks) -> Result<String, ApiError> {
        self.check_form(&mut checks);
        checks.finish()?;
        call.stream_name(self.stream_name.as_deref(), self.stream_arn.as_deref()).map(str::to_owned)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteStream<'a> {
    #[serde(flatten, borrow)]
    stream: StreamRequest<'a>,
    enforce_consumer_deletion: Option<bool>,
}

pub(super) fn delete_stream(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: DeleteStream<'_> = parse(body)?;
    let name = request.stream.check(call)?;
    let mut streams = call.shared.streams();
    let consumers = call.find(&streams, &name)?.consumers.len();
    if consumers > 0 && request.enforce_consumer_deletion != Some(true) {
        return Err(ApiError::in_use(format!(
            "Stream {name} under account {} has {consumers} registered consumers. Deregister them, or set \
             EnforceConsumerDeletion.",
            call.account()
        )));
    }
    streams.delete(&name);
    Ok(String::new())
}

pub(super) fn describe_stream_summary(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let name = parse::<StreamRequest<'_>>(body)?.check(call)?;
    let streams = call.shared.streams();
    let stream = call.find(&streams, &name)?;
    let mut description = description(call, &name, stream);
    let more = [
        ("OpenShardCount", stream.open().len()),
        ("ConsumerCount", stream.consumers.len()),
        ("MaxRecordSizeInKiB", stream.spec.record_bytes_max >> 10),
    ];
    for (key, value) in more {
        description[key] = value.into();
    }
    Ok(json!({ "StreamDescriptionSummary": description }).to_string())
}

/// What `DescribeStream` and `DescribeStreamSummary` both say.
pub(super) fn description(call: &Call<'_>, name: &str, stream: &Stream) -> Value {
    let mut description = summary(call, name, stream);
    description["RetentionPeriodHours"] = stream.retention_hours.into();
    description["EnhancedMonitoring"] = json!([{ "ShardLevelMetrics": [] }]);
    description["EncryptionType"] = if stream.key_id.is_some() { "KMS" } else { "NONE" }.into();
    if let Some(key_id) = &stream.key_id {
        description["KeyId"] = key_id.as_str().into();
    }
    description
}

fn summary(call: &Call<'_>, name: &str, stream: &Stream) -> Value {
    json!({
        "StreamName": name,
        "StreamARN": call.shared.arn(name),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": { "StreamMode": if stream.spec.on_demand { "ON_DEMAND" } else { "PROVISIONED" } },
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

pub(super) fn list_streams(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: ListStreams<'_> = parse(body)?;
    let start = request.exclusive_start_stream_name.as_deref();
    let mut checks = Checks::default();
    checks.range("limit", request.limit, 1, 10_000);
    checks.pattern("exclusiveStartStreamName", start, &NAME);
    checks.length("exclusiveStartStreamName", start, 1, 128);
    checks.finish()?;
    let start = match request.next_token.as_deref() {
        Some(token) => call.read_token(TokenKind::Streams, token)?.stream,
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
        let (kind, stream) = (TokenKind::Streams, last.to_owned());
        let token = Token { kind, issued_ms: call.now_ms, created_s: 0, shard: 0, index: 0, stream };
        answer["NextToken"] = call.shared.token_key.write(&token).into();
    }
    answer
}

pub(super) fn page_len(asked: Option<i64>, default: usize) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(default)
}

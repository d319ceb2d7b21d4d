//! The operations on streams: `CreateStream`, `DeleteStream`, `DescribeStreamSummary`, `ListStreams`.
//!
//! A stream is ready, or gone, when the answer is sent: no stream is ever CREATING or DELETING.

use super::api_error::ApiError;
use super::call::{Call, Text, parse, seconds};
use super::checks::{Checks, NAME};
use super::shard::SHARDS_MAX;
use super::store::Streams;
use super::stream::{Stream, StreamSpec};
use super::token::{Token, TokenKind};
use serde::Deserialize;
use serde_json::{Value, json};

/// Shards of a new on-demand stream (developer guide).
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

pub(super) fn create_stream(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
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
            return Err(ApiError::argument("ShardCount must not be given for a stream in ON_DEMAND mode."));
        }
        (Some("PROVISIONED"), None) => {
            return Err(ApiError::argument("ShardCount must be given for a stream in PROVISIONED mode."));
        }
        (Some("ON_DEMAND") | None, None) => true,
        (_, Some(_)) | (Some(_), None) => false,
    };
    let kib = request.max_record_size_in_kib.unwrap_or(RECORD_KIB_DEFAULT);
    let spec = StreamSpec {
        shards: shards.unwrap_or(ON_DEMAND_SHARDS),
        on_demand,
        record_bytes_max: usize::try_from(kib).map_or(usize::MAX, |kib| kib << 10),
    };
    create(call, name.unwrap_or_default(), spec)?;
    Ok(String::new())
}

fn create(call: &Call<'_>, name: &str, spec: StreamSpec) -> Result<(), ApiError> {
    let mut streams = call.shared.streams();
    let used = streams.shard_count();
    if streams.get(name).is_none() && used + spec.shards as usize > SHARDS_MAX as usize {
        return Err(ApiError::shard_quota(call.account(), used, spec.shards, SHARDS_MAX as usize));
    }
    if streams.create(name, spec, call.now_ms) {
        Ok(())
    } else {
        Err(ApiError::stream_exists(name, call.account()))
    }
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

pub(super) fn delete_stream(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let name = parse::<StreamRequest<'_>>(body)?.check(call)?;
    if call.shared.streams().delete(&name) {
        Ok(String::new())
    } else {
        Err(ApiError::no_stream(&name, call.account()))
    }
}

pub(super) fn describe_stream_summary(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let name = parse::<StreamRequest<'_>>(body)?.check(call)?;
    let streams = call.shared.streams();
    let stream = streams.get(&name).ok_or_else(|| ApiError::no_stream(&name, call.account()))?;
    let mut summary = summary(call, &name, stream);
    let more = [
        ("RetentionPeriodHours", json!(24)),
        ("EnhancedMonitoring", json!([{ "ShardLevelMetrics": [] }])),
        ("EncryptionType", json!("NONE")),
        ("OpenShardCount", json!(stream.open().len())),
        ("ConsumerCount", json!(0)),
        ("MaxRecordSizeInKiB", json!(stream.spec.record_bytes_max >> 10)),
    ];
    for (key, value) in more {
        summary[key] = value;
    }
    Ok(json!({ "StreamDescriptionSummary": summary }).to_string())
}

pub(super) fn summary(call: &Call<'_>, name: &str, stream: &Stream) -> Value {
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

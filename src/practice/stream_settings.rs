//! The operations that change one setting of a stream: `IncreaseStreamRetentionPeriod`, `DecreaseStreamRetentionPeriod`,
//! `UpdateStreamMode`, `UpdateMaxRecordSize`, `StartStreamEncryption`, `StopStreamEncryption`.
//!
//! Each is done when the answer is sent. AWS limits how often a mode or a key may change in a day; there is no such limit
//! here. Encryption is noted and described, but nothing is encrypted: there is no KMS.

use super::account::ON_DEMAND_STREAMS_MAX;
use super::api_error::ApiError;
use super::call::{Call, Text, parse};
use super::checks::{Checks, STREAM_ARN};
use super::stream::RETENTION_HOURS_MIN;
use super::streams::{RECORD_KIB, StreamModeDetails, StreamRequest, check_mode, on_demand_limit};
use serde::Deserialize;

/// 365 days.
const RETENTION_HOURS_MAX: i64 = 8760;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RetentionPeriod<'a> {
    #[serde(flatten, borrow)]
    stream: StreamRequest<'a>,
    retention_period_hours: Option<i64>,
}

pub(super) fn increase_retention(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    set_retention(call, body, |asked, now| (asked < now).then_some(("shorter", "Decrease")))
}

pub(super) fn decrease_retention(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    set_retention(call, body, |asked, now| (asked > now).then_some(("longer", "Increase")))
}

/// `wrong_way`: how the asked period differs from the present one if another operation is the right one.
fn set_retention(
    call: &Call<'_>,
    body: &[u8],
    wrong_way: impl Fn(i64, i64) -> Option<(&'static str, &'static str)>,
) -> Result<String, ApiError> {
    let request: RetentionPeriod<'_> = parse(body)?;
    let mut checks = Checks::default();
    checks.present("retentionPeriodHours", request.retention_period_hours.is_some());
    let name = request.stream.check_with(call, checks)?;
    let hours = request.retention_period_hours.unwrap_or_default();
    let mut streams = call.shared.streams();
    let stream = call.find_mut(&mut streams, &name)?;
    if hours < i64::from(RETENTION_HOURS_MIN) {
        return Err(ApiError::argument(format!(
            "Minimum allowed retention period is {RETENTION_HOURS_MIN} hours. Requested retention period ({hours} hours) is \
             too short."
        )));
    }
    if hours > RETENTION_HOURS_MAX {
        return Err(ApiError::argument(format!(
            "Maximum allowed retention period is {RETENTION_HOURS_MAX} hours. Requested retention period ({hours} hours) is \
             too long."
        )));
    }
    let now = stream.retention_hours;
    if let Some((difference, right)) = wrong_way(hours, now.into()) {
        return Err(ApiError::argument(format!(
            "Requested retention period ({hours} hours) for stream {name} can not be {difference} than existing retention \
             period ({now} hours). Use {right}RetentionPeriod API."
        )));
    }
    stream.retention_hours = u32::try_from(hours).unwrap_or(now);
    Ok(String::new())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateStreamMode<'a> {
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    #[serde(borrow)]
    stream_mode_details: Option<StreamModeDetails<'a>>,
}

pub(super) fn update_stream_mode(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: UpdateStreamMode<'_> = parse(body)?;
    let arn = request.stream_arn.as_deref();
    let mut checks = Checks::default();
    checks.present("streamARN", arn.is_some());
    checks.arn("streamARN", arn, &STREAM_ARN);
    checks.present("streamModeDetails", request.stream_mode_details.is_some());
    let mode = check_mode(&mut checks, request.stream_mode_details.as_ref());
    checks.finish()?;
    let (name, on_demand) = (call.stream_name(None, arn)?, mode == Some("ON_DEMAND"));
    let mut streams = call.shared.streams();
    let count = streams.on_demand_count();
    let stream = call.find_mut(&mut streams, name)?;
    if on_demand && !stream.spec.on_demand && count >= ON_DEMAND_STREAMS_MAX {
        return Err(on_demand_limit(call));
    }
    // The stream keeps its shards in both directions (developer guide).
    stream.spec.on_demand = on_demand;
    Ok(String::new())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateMaxRecordSize<'a> {
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    max_record_size_in_kib: Option<i64>,
}

pub(super) fn update_max_record_size(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: UpdateMaxRecordSize<'_> = parse(body)?;
    let (arn, kib) = (request.stream_arn.as_deref(), request.max_record_size_in_kib);
    let mut checks = Checks::default();
    checks.arn("streamARN", arn, &STREAM_ARN);
    checks.present("maxRecordSizeInKiB", kib.is_some());
    checks.range("maxRecordSizeInKiB", kib, *RECORD_KIB.start(), *RECORD_KIB.end());
    checks.finish()?;
    let name = call.stream_name(None, arn)?;
    let mut streams = call.shared.streams();
    let stream = call.find_mut(&mut streams, name)?;
    stream.spec.record_bytes_max =
        kib.and_then(|kib| usize::try_from(kib).ok()).map_or(stream.spec.record_bytes_max, |kib| kib << 10);
    Ok(String::new())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encryption<'a> {
    #[serde(flatten, borrow)]
    stream: StreamRequest<'a>,
    #[serde(borrow, rename = "EncryptionType")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    key_id: Option<Text<'a>>,
}

impl Encryption<'_> {
    /// The stream's name and the key's id, if the form of all is right.
    fn check(&self, call: &Call<'_>) -> Result<(String, &str), ApiError> {
        let (kind, key) = (self.kind.as_deref(), self.key_id.as_deref());
        let mut checks = Checks::default();
        checks.present("encryptionType", kind.is_some());
        checks.choice("encryptionType", kind, &["NONE", "KMS"]);
        checks.present("keyId", key.is_some());
        checks.length("keyId", key, 1, 2048);
        let name = self.stream.check_with(call, checks)?;
        if kind != Some("KMS") {
            return Err(ApiError::argument("The only valid EncryptionType is KMS."));
        }
        Ok((name, key.unwrap_or_default()))
    }
}

pub(super) fn start_stream_encryption(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: Encryption<'_> = parse(body)?;
    let (name, key) = request.check(call)?;
    call.find_mut(&mut call.shared.streams(), &name)?.key_id = Some(key.to_owned());
    Ok(String::new())
}

pub(super) fn stop_stream_encryption(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: Encryption<'_> = parse(body)?;
    let (name, _key) = request.check(call)?;
    call.find_mut(&mut call.shared.streams(), &name)?.key_id = None;
    Ok(String::new())
}

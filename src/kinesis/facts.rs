//! Facts about a stream. They improve delivery, and delivery works without them: the default policy does not permit the
//! question.

use aws_sdk_kinesis::types::{RecordDistributionStrategy, StreamDescriptionSummary};

use super::{
    error::aws_error,
    record::{RECORD_BYTES_MAX, Target},
};
use crate::delivery::{AwsError, StreamFacts, error_code};

/// Describes the stream.
pub(super) async fn describe(
    sdk: &aws_sdk_kinesis::Client,
    target: &Target,
) -> Result<StreamFacts, AwsError> {
    let request = sdk.describe_stream_summary();
    let request = request.set_stream_name(target.name()).set_stream_arn(target.arn());
    match request.send().await {
        Ok(answer) => answer
            .stream_description_summary()
            .map(facts_of)
            .ok_or_else(|| AwsError::new(error_code::UNCLEAR_ANSWER, "the answer describes no stream")),
        Err(error) => Err(aws_error(&error)),
    }
}

/// The facts in a description.
pub(super) fn facts_of(summary: &StreamDescriptionSummary) -> StreamFacts {
    // A server that gives no limit has the one that AWS's streams always had. AWS allows 1 to 10 MiB.
    let kib = summary.max_record_size_in_kib().and_then(|kib| usize::try_from(kib).ok());
    let count = |count: i32| u32::try_from(count).unwrap_or_default();
    let bytes = kib.map_or(RECORD_BYTES_MAX, |kib| kib.saturating_mul(1024));
    StreamFacts {
        record_bytes_max: bytes.clamp(RECORD_BYTES_MAX, 10 * RECORD_BYTES_MAX),
        spreads_keys: summary.record_distribution_strategy() == Some(&RecordDistributionStrategy::Auto),
        open_shards: count(summary.open_shard_count()),
        channels: summary.channel_count().map_or(0, count),
    }
}

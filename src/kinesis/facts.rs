//! What the stream says of itself. Nice to know, never needed: the default policy does not permit the question.

use aws_sdk_kinesis::types::{RecordDistributionStrategy, StreamDescriptionSummary};

use super::{Client, RECORD_BYTES_MAX, fault_of};
use crate::delivery::{AwsError, StreamFacts};

impl Client {
    /// Asks the stream (`kinesis:DescribeStreamSummary`; AWS answers 20 of these a second and account).
    pub async fn facts(&self) -> Result<StreamFacts, AwsError> {
        self.ready().await?;
        let request = self.sdk().describe_stream_summary();
        let request = request.set_stream_name(self.target().name()).set_stream_arn(self.target().arn());
        match request.send().await {
            Ok(answer) => answer
                .stream_description_summary()
                .map(facts_of)
                .ok_or_else(|| AwsError::new(super::UNCLEAR_ANSWER, "the answer describes no stream")),
            Err(error) => Err(fault_of(&error).0),
        }
    }
}

/// Facts of a described stream.
pub(super) fn facts_of(summary: &StreamDescriptionSummary) -> StreamFacts {
    // Servers that do not say it have the limit that AWS's streams always had; AWS allows 1 to 10 MiB.
    let kib = summary.max_record_size_in_kib().and_then(|kib| usize::try_from(kib).ok());
    let bytes = kib.map_or(RECORD_BYTES_MAX, |kib| kib.saturating_mul(1024));
    StreamFacts {
        record_bytes_max: bytes.clamp(RECORD_BYTES_MAX, 10 * RECORD_BYTES_MAX),
        spreads_keys: summary.record_distribution_strategy() == Some(&RecordDistributionStrategy::Auto),
        open_shards: u32::try_from(summary.open_shard_count()).unwrap_or_default(),
    }
}

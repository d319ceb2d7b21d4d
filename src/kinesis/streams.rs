//! What an account says about its streams: their list, one of them in detail, and how the account pays for on-demand
//! streams. All need permissions beyond the default policy, and are asked only when the user asks.

use std::time::Duration;

use aws_sdk_kinesis::types::{
    EncryptionType, MinimumThroughputBillingCommitmentOutput, MinimumThroughputBillingCommitmentOutputStatus,
    RecordDistributionStrategy, StreamDescriptionSummary, StreamMode, StreamModeDetails, StreamSummary,
};
use aws_smithy_types::DateTime;

use super::{
    client::Client,
    credentials::{self, FoundKeys},
    error::aws_error,
    retry::{ClockOffset, retried},
};
use crate::{
    config::Config,
    delivery::{AwsError, DescribedStream, ListedStream, Millis, OnDemandBilling, StreamList, error_code},
};

/// Streams a call. Kinesis allows 10,000.
const PAGE_STREAMS: i32 = 1000;
/// Maximum streams of a list.
const STREAMS_MAX: usize = 10_000;
/// Attempts of a page that AWS throttles, and the pause between them. AWS allows five calls a second and account.
const THROTTLED_ATTEMPTS: u32 = 5;
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);

/// The streams of the settings' region, sorted by name. Needs `kinesis:ListStreams`.
pub async fn list_streams(config: &Config) -> Result<StreamList, AwsError> {
    let client = connect(config).await?;
    let mut streams: Vec<ListedStream> = Vec::new();
    let mut token: Option<String> = None;
    let mut throttled = 0;
    loop {
        let last = streams.last().map(|stream| stream.name.to_string()).filter(|_| token.is_none());
        let request = client.sdk().list_streams().limit(PAGE_STREAMS);
        let request = request.set_next_token(token.clone()).set_exclusive_start_stream_name(last);
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) => {
                let error = aws_error(&error);
                throttled += 1;
                if &*error.code != "LimitExceededException" || throttled == THROTTLED_ATTEMPTS {
                    return Err(error);
                }
                tokio::time::sleep(THROTTLED_PAUSE).await;
                continue;
            }
        };
        let before = streams.len();
        if output.stream_summaries().is_empty() {
            // Older servers return names only.
            let named = |name: &String| ListedStream {
                name: name.as_str().into(),
                status: "".into(),
                on_demand: false,
                created_at: None,
            };
            streams.extend(output.stream_names().iter().map(named));
        }
        streams.extend(output.stream_summaries().iter().map(listed));
        token = output.next_token().map(str::to_owned);
        let has_more = output.has_more_streams() && streams.len() > before;
        if !has_more || streams.len() >= STREAMS_MAX {
            streams.sort();
            return Ok(StreamList { streams, has_more });
        }
    }
}

async fn connect(config: &Config) -> Result<Client, AwsError> {
    let FoundKeys { aws, keys, .. } = credentials::find(config).await?;
    Ok(Client::with_keys(&aws, &keys, config))
}

fn listed(summary: &StreamSummary) -> ListedStream {
    ListedStream {
        name: summary.stream_name().into(),
        status: summary.stream_status().as_str().into(),
        on_demand: is_on_demand(summary.stream_mode_details()),
        created_at: summary.stream_creation_timestamp().and_then(millis),
    }
}

fn is_on_demand(details: Option<&StreamModeDetails>) -> bool {
    details.map(StreamModeDetails::stream_mode) == Some(&StreamMode::OnDemand)
}

fn millis(time: &DateTime) -> Option<Millis> {
    time.to_millis().ok()
}

/// The settings' stream in detail. Needs `kinesis:DescribeStreamSummary`.
pub async fn describe_stream(config: &Config) -> Result<DescribedStream, AwsError> {
    let client = connect(config).await?;
    let request = client.sdk().describe_stream_summary();
    let request = request.set_stream_name(client.target().name()).set_stream_arn(client.target().arn());
    let answer = retried(&mut ClockOffset::default(), || request.clone().send()).await;
    let answer = answer.map_err(|failure| failure.error)?;
    let unclear = || AwsError::new(error_code::UNCLEAR_ANSWER, "the answer describes no stream");
    answer.stream_description_summary().map(described).ok_or_else(unclear)
}

pub(super) fn described(summary: &StreamDescriptionSummary) -> DescribedStream {
    let count = |count: i32| u32::try_from(count).unwrap_or_default();
    let warm = summary.warm_throughput();
    DescribedStream {
        status: summary.stream_status().as_str().into(),
        on_demand: is_on_demand(summary.stream_mode_details()),
        open_shards: count(summary.open_shard_count()),
        retention_hours: count(summary.retention_period_hours()),
        record_kib_max: summary.max_record_size_in_kib().map(count),
        kms_key: (summary.encryption_type() == Some(&EncryptionType::Kms))
            .then(|| summary.key_id().unwrap_or_default().into()),
        spreads_keys: summary.record_distribution_strategy() == Some(&RecordDistributionStrategy::Auto),
        warm_mibps: warm.and_then(|warm| warm.target_mibps().or(warm.current_mibps())).map(count),
        consumers: summary.consumer_count().map(count),
        channels: summary.channel_count().map(count),
    }
}

/// How the account of these settings pays for on-demand streams. Needs `kinesis:DescribeAccountSettings`.
pub async fn on_demand_billing(config: &Config) -> Result<OnDemandBilling, AwsError> {
    let client = connect(config).await?;
    let request = client.sdk().describe_account_settings();
    let answer = retried(&mut ClockOffset::default(), || request.clone().send()).await;
    let answer = answer.map_err(|failure| failure.error)?;
    Ok(answer.minimum_throughput_billing_commitment().map_or(OnDemandBilling::Standard, billing))
}

fn billing(commitment: &MinimumThroughputBillingCommitmentOutput) -> OnDemandBilling {
    use MinimumThroughputBillingCommitmentOutputStatus::{Enabled, EnabledUntilEarliestAllowedEnd};
    let committed_until = commitment.earliest_allowed_end_at().and_then(millis);
    match commitment.status() {
        Enabled => OnDemandBilling::Advantage { committed_until, is_ending: false },
        EnabledUntilEarliestAllowedEnd => OnDemandBilling::Advantage { committed_until, is_ending: true },
        _ => OnDemandBilling::Standard,
    }
}

//! The operations that describe the account: `DescribeLimits` and `DescribeAccountSettings`.

use super::api_error::ApiError;
use super::call::{Call, parse};
use super::shard::SHARDS_MAX;
use serde::Deserialize;
use serde_json::json;

/// Maximum streams in on-demand mode: AWS's default quota.
pub(super) const ON_DEMAND_STREAMS_MAX: usize = 50;

#[derive(Deserialize)]
struct NoMembers {}

pub(super) fn describe_limits(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let NoMembers {} = parse(body)?;
    let streams = call.shared.streams();
    Ok(json!({
        "ShardLimit": SHARDS_MAX,
        "OpenShardCount": streams.shard_count(),
        "OnDemandStreamCount": streams.on_demand_count(),
        "OnDemandStreamCountLimit": ON_DEMAND_STREAMS_MAX,
    })
    .to_string())
}

/// Nobody has committed to a minimum throughput here, which on AWS is the default.
pub(super) fn describe_account_settings(_call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let NoMembers {} = parse(body)?;
    Ok(json!({ "MinimumThroughputBillingCommitment": { "Status": "DISABLED" } }).to_string())
}

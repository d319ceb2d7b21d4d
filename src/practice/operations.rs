//! The table of operations: from an operation's name and body to its answer.

use super::api_error::ApiError;
use super::call::Call;
use super::{put, read, resharding, shard_list, streams};

/// The answer's JSON; empty where AWS answers nothing.
pub(super) fn answer(call: &Call<'_>, operation: &str, body: &[u8]) -> Result<String, ApiError> {
    let run: fn(&Call<'_>, &[u8]) -> Result<String, ApiError> = match operation {
        "CreateStream" => streams::create_stream,
        "DeleteStream" => streams::delete_stream,
        "DescribeStream" => shard_list::describe_stream,
        "DescribeStreamSummary" => streams::describe_stream_summary,
        "ListStreams" => streams::list_streams,
        "ListShards" => shard_list::list_shards,
        "SplitShard" => resharding::split_shard,
        "MergeShards" => resharding::merge_shards,
        "UpdateShardCount" => resharding::update_shard_count,
        "PutRecord" => put::put_record,
        "PutRecords" => put::put_records,
        "GetShardIterator" => read::get_shard_iterator,
        "GetRecords" => read::get_records,
        _ => return Err(ApiError::unknown_operation(400)),
    };
    if call.faults.access_denied {
        return Err(ApiError::access_denied(operation, call.account()));
    }
    run(call, body)
}

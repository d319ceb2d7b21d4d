//! The table of operations: from an operation's name and body to its answer.

use super::api_error::ApiError;
use super::call::Call;
use super::subscription::Subscription;
use super::{
    account, consumers, put, read, resharding, shard_list, stream_settings, streams, subscribe, tagging,
};

/// What a call is answered.
pub(super) enum Answer {
    /// Empty where AWS answers nothing.
    Json(String),
    Events(Subscription),
}

pub(super) fn answer(call: &Call<'_>, operation: &str, body: &[u8]) -> Result<Answer, ApiError> {
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
        "IncreaseStreamRetentionPeriod" => stream_settings::increase_retention,
        "DecreaseStreamRetentionPeriod" => stream_settings::decrease_retention,
        "UpdateStreamMode" => stream_settings::update_stream_mode,
        "UpdateMaxRecordSize" => stream_settings::update_max_record_size,
        "StartStreamEncryption" => stream_settings::start_stream_encryption,
        "StopStreamEncryption" => stream_settings::stop_stream_encryption,
        "AddTagsToStream" => tagging::add_tags_to_stream,
        "RemoveTagsFromStream" => tagging::remove_tags_from_stream,
        "ListTagsForStream" => tagging::list_tags_for_stream,
        "TagResource" => tagging::tag_resource,
        "UntagResource" => tagging::untag_resource,
        "ListTagsForResource" => tagging::list_tags_for_resource,
        "RegisterStreamConsumer" => consumers::register_stream_consumer,
        "DeregisterStreamConsumer" => consumers::deregister_stream_consumer,
        "DescribeStreamConsumer" => consumers::describe_stream_consumer,
        "ListStreamConsumers" => consumers::list_stream_consumers,
        "DescribeLimits" => account::describe_limits,
        "DescribeAccountSettings" => account::describe_account_settings,
        "SubscribeToShard" => {
            check_access(call, operation)?;
            return subscribe::subscribe_to_shard(call, body).map(Answer::Events);
        }
        _ => return Err(ApiError::unknown_operation(400)),
    };
    check_access(call, operation)?;
    run(call, body).map(Answer::Json)
}

fn check_access(call: &Call<'_>, operation: &str) -> Result<(), ApiError> {
    if call.faults.access_denied {
        return Err(ApiError::access_denied(operation, call.account()));
    }
    Ok(())
}

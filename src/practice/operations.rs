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

#[cfg(test)]
mod tests {
    use super::super::faults::Faults;
    use super::super::shared::{Settings, Shared};
    use super::*;
    use serde_json::{Value, json};
    use std::sync::Arc;

    const START: u64 = 1_795_000_000_000;
    const DAY: u64 = 24 * 3_600_000;

    /// A practice stream at a time of the test's choice.
    struct Clocked(Arc<Shared>);

    impl Clocked {
        /// With a stream `s` of one shard.
        fn new() -> Self {
            let clocked = Self(Arc::new(Shared::new(Settings::default())));
            clocked.ask(START, "CreateStream", json!({ "ShardCount": 1 })).unwrap();
            clocked
        }

        /// The answer for the stream `s`, or the error's code.
        fn ask(&self, now_ms: u64, operation: &str, mut body: Value) -> Result<Value, &'static str> {
            if body.get("ShardIterator").or(body.get("NextToken")).is_none() {
                body["StreamName"] = "s".into();
            }
            let call = Call { shared: &self.0, faults: Faults::default(), now_ms };
            match answer(&call, operation, body.to_string().as_bytes()) {
                Ok(Answer::Json(text)) => Ok(serde_json::from_str(&text).unwrap_or_default()),
                Ok(Answer::Events(_)) => panic!("it subscribes"),
                Err(error) => Err(error.code),
            }
        }

        fn iterator(&self, now_ms: u64) -> Value {
            let oldest = json!({ "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON" });
            self.ask(now_ms, "GetShardIterator", oldest).unwrap()["ShardIterator"].clone()
        }

        fn records(&self, now_ms: u64) -> usize {
            let page = json!({ "ShardIterator": self.iterator(now_ms) });
            self.ask(now_ms, "GetRecords", page).unwrap()["Records"].as_array().unwrap().len()
        }

        fn shards(&self, now_ms: u64, filter: &str) -> usize {
            let list = json!({ "ShardFilter": { "Type": filter } });
            self.ask(now_ms, "ListShards", list).unwrap()["Shards"].as_array().unwrap().len()
        }
    }

    #[test]
    fn iterators_and_next_tokens_expire_after_five_minutes() {
        let clocked = Clocked::new();
        let page = json!({ "ShardIterator": clocked.iterator(START) });
        assert!(clocked.ask(START + 300_000, "GetRecords", page.clone()).is_ok());
        assert_eq!(clocked.ask(START + 300_001, "GetRecords", page), Err("ExpiredIteratorException"));
        let split = json!({ "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "1000" });
        clocked.ask(START, "SplitShard", split).unwrap();
        let list = clocked.ask(START, "ListShards", json!({ "MaxResults": 1 })).unwrap();
        let next = json!({ "NextToken": list["NextToken"] });
        assert!(clocked.ask(START + 300_000, "ListShards", next.clone()).is_ok());
        assert_eq!(clocked.ask(START + 300_001, "ListShards", next), Err("ExpiredNextTokenException"));
    }

    #[test]
    fn records_older_than_the_retention_period_are_no_longer_read() {
        let clocked = Clocked::new();
        let put = json!({ "PartitionKey": "k", "Data": "YQ==" });
        clocked.ask(START, "PutRecord", put.clone()).unwrap();
        assert_eq!([DAY, DAY + 1].map(|later| clocked.records(START + later)), [1, 0]);
        let longer = json!({ "RetentionPeriodHours": 48 });
        clocked.ask(START + DAY, "IncreaseStreamRetentionPeriod", longer).unwrap();
        clocked.ask(START + DAY, "PutRecord", put).unwrap();
        assert_eq!([2 * DAY, 2 * DAY + 1].map(|later| clocked.records(START + later)), [2, 1]);
    }

    #[test]
    fn the_trim_horizon_moves_over_closed_shards() {
        let clocked = Clocked::new();
        let split = json!({ "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "1000" });
        clocked.ask(START + 1000, "SplitShard", split).unwrap();
        let filters = ["AT_TRIM_HORIZON", "FROM_TRIM_HORIZON"];
        assert_eq!(filters.map(|filter| clocked.shards(START + DAY, filter)), [1, 3]);
        assert_eq!(filters.map(|filter| clocked.shards(START + DAY + 2000, filter)), [2, 2]);
    }
}

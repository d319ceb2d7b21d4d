//! From an operation's name and body to its answer: the table of what the practice stream can do, and what all
//! operations share. Synchronous, and the time is an argument.

use super::checks::Arn;
use super::faults::Faults;
use super::refusal::Refusal;
use super::{Shared, put, read, resharding, streams};
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Deref;

/// One call and its circumstances.
pub(super) struct Call<'a> {
    pub(super) shared: &'a Shared,
    pub(super) faults: Faults,
    pub(super) now_ms: u64,
}

/// The answer's JSON; empty where AWS answers nothing.
pub(super) fn answer(call: &Call<'_>, operation: &str, body: &[u8]) -> Result<String, Refusal> {
    let run: fn(&Call<'_>, &[u8]) -> Result<String, Refusal> = match operation {
        "CreateStream" => streams::create_stream,
        "DeleteStream" => streams::delete_stream,
        "DescribeStream" => streams::describe_stream,
        "DescribeStreamSummary" => streams::describe_stream_summary,
        "ListStreams" => streams::list_streams,
        "ListShards" => streams::list_shards,
        "SplitShard" => resharding::split_shard,
        "MergeShards" => resharding::merge_shards,
        "UpdateShardCount" => resharding::update_shard_count,
        "PutRecord" => put::put_record,
        "PutRecords" => put::put_records,
        "GetShardIterator" => read::get_shard_iterator,
        "GetRecords" => read::get_records,
        _ => return Err(Refusal::unknown_operation(400)),
    };
    if call.faults.access_denied {
        return Err(Refusal::access_denied(operation, call.account()));
    }
    run(call, body)
}

impl Call<'_> {
    pub(super) fn account(&self) -> &str {
        &self.shared.settings.account_id
    }

    /// The stream that a name, an ARN, or both stand for. Both were checked for their form.
    pub(super) fn stream_name<'t>(
        &self,
        name: Option<&'t str>,
        arn: Option<&'t str>,
    ) -> Result<&'t str, Refusal> {
        let Some(arn) = arn.and_then(Arn::parse) else {
            return name.ok_or_else(|| Refusal::argument("Either StreamName or StreamARN must be provided."));
        };
        if name.is_some_and(|name| name != arn.stream) {
            return Err(Refusal::argument("StreamName and StreamARN must stand for the same stream."));
        }
        if arn.account != self.account() || arn.region != self.shared.settings.region {
            return Err(Refusal::no_stream(arn.stream, arn.account));
        }
        Ok(arn.stream)
    }
}

/// A string of the request, borrowed unless it holds escapes.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    // An array would pass as a structure whose fields come by place.
    let is_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if !is_object {
        return Err(Refusal::unreadable("The body of a request is a JSON object."));
    }
    serde_json::from_slice(body)
        .map_err(|error| Refusal::unreadable(format!("The body is not as expected: {error}")))
}

/// AWS's way to write a time: seconds, with their thousandths.
pub(super) fn seconds(time_ms: u64) -> f64 {
    time_ms as f64 / 1000.0
}

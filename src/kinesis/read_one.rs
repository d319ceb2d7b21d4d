//! Reads the one record at a receipt.

use std::{sync::Arc, time::Duration};

use aws_sdk_kinesis::types::ShardIteratorType;

use super::{
    error::{CallError, call_error},
    record::Target,
};
use crate::delivery::{Receipt, Record};

/// How often to look for a record. Readers see a record up to about a second after its receipt, and AWS allows five
/// reads a second and shard, shared by all readers.
#[derive(Clone, Copy)]
pub(super) struct Looks {
    count: u32,
    pause: Duration,
}

/// A server may put records before the one that was asked for.
const RECORDS_PER_LOOK: i32 = 10;

/// For a person who looks at a delivery.
pub(super) const FOR_A_VIEWER: Looks = Looks { count: 8, pause: Duration::from_millis(300) };

/// For a check, which calls a record missing after the last look.
pub(super) const FOR_A_CHECK: Looks = Looks { count: 20, pause: Duration::from_millis(500) };

/// The record at a receipt; `None` if it is not there.
pub(super) async fn record_at(
    sdk: &aws_sdk_kinesis::Client,
    target: &Target,
    receipt: &Receipt,
    looks: Looks,
) -> Result<Option<Record>, CallError> {
    let request = sdk.get_shard_iterator().set_stream_name(target.name()).set_stream_arn(target.arn());
    let request = request
        .shard_id(&*receipt.shard_id)
        .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
        .starting_sequence_number(&*receipt.sequence_number);
    let output = request.send().await.map_err(|error| call_error(&error))?;
    let mut iterator = output.shard_iterator().map(str::to_owned);
    for look in 0..looks.count {
        let Some(position) = iterator else { return Ok(None) };
        if look > 0 {
            tokio::time::sleep(looks.pause).await;
        }
        let request = sdk.get_records().limit(RECORDS_PER_LOOK).shard_iterator(position);
        let output = request.set_stream_arn(target.arn()).send().await;
        let output = output.map_err(|error| call_error(&error))?;
        let wanted = &*receipt.sequence_number;
        if let Some(found) = output.records().iter().find(|record| record.sequence_number() == wanted) {
            return Ok(Some(record_of(&receipt.shard_id, found)));
        }
        if output.records().iter().any(|record| is_later(record.sequence_number(), wanted)) {
            return Ok(None);
        }
        iterator = output.next_shard_iterator().map(str::to_owned);
    }
    Ok(None)
}

/// Whether a sequence number is greater than another one. Both are decimal, without leading zeros, and of any length.
fn is_later(number: &str, other: &str) -> bool {
    (number.len(), number) > (other.len(), other)
}

/// A record as the SDK read it.
pub(super) fn record_of(shard_id: &Arc<str>, record: &aws_sdk_kinesis::types::Record) -> Record {
    Record {
        shard_id: Arc::clone(shard_id),
        sequence_number: record.sequence_number().into(),
        arrived_at: record.approximate_arrival_timestamp().and_then(|time| time.to_millis().ok()),
        partition_key: record.partition_key().unwrap_or_default().into(),
        data: record.data().clone().into_inner().into(),
    }
}

//! Where a reader starts: the positions that `GetShardIterator` and `SubscribeToShard` take.

use super::api_error::ApiError;
use super::call::{Call, milliseconds};
use super::sequence::Sequence;
use super::shard;
use super::stream::{Shard, Stream};

/// The kinds of positions.
pub(super) const START_KINDS: [&str; 5] =
    ["AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"];

/// A position in a shard, as a request names it.
pub(super) struct Start<'a> {
    pub(super) kind: &'a str,
    pub(super) sequence: Option<&'a str>,
    /// In seconds.
    pub(super) timestamp: Option<f64>,
    pub(super) operation: &'static str,
    pub(super) name: &'a str,
    pub(super) shard: u32,
}

impl Start<'_> {
    /// The index of the first record to read from `shard`, which is the one that is named.
    pub(super) fn index(&self, call: &Call<'_>, stream: &Stream, shard: &Shard) -> Result<u64, ApiError> {
        match (self.kind, self.sequence) {
            ("TRIM_HORIZON", None) => Ok(0),
            ("LATEST", None) => Ok(shard.next()),
            ("AT_TIMESTAMP", None) => self.index_at_time(call, shard),
            ("AT_SEQUENCE_NUMBER", Some(text)) => {
                let sequence = self.parse(call, text, stream, shard)?;
                // A continuation sequence number lies behind the record of its index.
                let is_behind =
                    shard.arrived_ms(sequence.index).is_some_and(|ms| ms / 1000 < sequence.time_s);
                Ok(sequence.index + u64::from(is_behind))
            }
            ("AFTER_SEQUENCE_NUMBER", Some(text)) => Ok(self.parse(call, text, stream, shard)?.index + 1),
            (kind, text) => {
                let and = if text.is_some() { "and also a" } else { "and no" };
                Err(ApiError::argument(format!(
                    "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or \
                     (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified {kind} {and} \
                     StartingSequenceNumber."
                )))
            }
        }
    }

    fn index_at_time(&self, call: &Call<'_>, shard: &Shard) -> Result<u64, ApiError> {
        let Some(timestamp) = self.timestamp else {
            return Err(ApiError::argument(
                "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.",
            ));
        };
        let time_ms = milliseconds(timestamp);
        if time_ms > call.now_ms {
            return Err(ApiError::argument(format!(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
                 timestampInMillis: {time_ms}, currentTimestampInMillis: {}",
                call.now_ms
            )));
        }
        Ok(shard.index_at(time_ms))
    }

    /// A sequence number, which must be one of this shard.
    fn parse(
        &self,
        call: &Call<'_>,
        text: &str,
        stream: &Stream,
        shard: &Shard,
    ) -> Result<Sequence, ApiError> {
        let (id, name, account) = (shard::id_of(self.shard), self.name, call.account());
        let invalid = |why: &str| {
            ApiError::argument(format!(
                "StartingSequenceNumber {text} used in {} on shard {id} in stream {name} under account \
                 {account} is invalid{why}.",
                self.operation
            ))
        };
        let sequence = Sequence::parse(text).ok_or_else(|| invalid(""))?;
        if stream.shard(sequence.shard).is_none_or(|shard| shard.created_s != sequence.created_s) {
            return Err(invalid(" because it did not come from this stream"));
        }
        if sequence.shard != self.shard {
            return Err(ApiError::argument(format!(
                "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a shard with {id}",
                shard::id_of(sequence.shard)
            )));
        }
        if stream.ending_sequence(self.shard) == Some(sequence) {
            return Ok(Sequence { index: shard.next(), ..sequence });
        }
        if sequence.index >= shard.next() {
            return Err(invalid(""));
        }
        Ok(sequence)
    }
}

//! Records read back from the stream.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::line::Millis;

/// One record read back from the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its shard.
    pub shard_id: Arc<str>,
    /// Its sequence number in the shard.
    pub sequence_number: Arc<str>,
    /// When Kinesis stored it, by Kinesis' clock.
    pub arrived_at: Option<Millis>,
    /// Its partition key.
    pub partition_key: Arc<str>,
    /// Its bytes.
    pub data: bytes::Bytes,
}

/// Where to start reading the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadFrom {
    /// The oldest record that the stream still has.
    Oldest,
    /// Only records that arrive from now on.
    Latest,
    /// The first record at or after this moment.
    Time(Millis),
    /// The record with this sequence number. Only its shard is read.
    Sequence(Arc<str>),
}

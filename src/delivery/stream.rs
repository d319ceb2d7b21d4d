//! What is known of the stream: facts, how it answers, and records read back from it.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{forwarder::Bound, line::Millis};

/// Facts about the stream, from `DescribeStreamSummary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamFacts {
    /// Maximum bytes of a record, key included: 1 to 10 MiB.
    pub record_bytes_max: usize,
    /// Kinesis spreads records over the shards by itself (record distribution `AUTO`): partition keys decide nothing, and
    /// there is no order per key.
    pub spreads_keys: bool,
    /// Number of shards that take records.
    pub open_shards: u32,
    /// Channels that read it: streaming tables and deliveries to S3. 0 if the server does not say.
    pub channels: u32,
}

/// The stream answers slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slowness {
    /// How long an answer takes, in whole seconds.
    pub answer: Duration,
    /// How long an answer is waited for.
    pub waits: Duration,
}

/// What the forwarder reports about the stream in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamReport {
    /// The server's address and where it is set, if AWS's own variables or profile set it and not our settings.
    pub server: Option<Arc<str>>,
    /// `None`: answers come quickly.
    pub slowness: Option<Slowness>,
    /// `None`: not asked yet, or not permitted.
    pub facts: Option<StreamFacts>,
    /// The stream has stored a record with the settings in force.
    pub takes_records: bool,
    /// `None`: the queue does not grow.
    pub bound: Option<Bound>,
}

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

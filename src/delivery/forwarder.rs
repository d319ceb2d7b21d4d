//! The forwarder's state, and what it found out about the stream.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    bound::Bound,
    line::{EventId, Millis},
    outcome::AwsError,
};

/// The forwarder's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwarderState {
    /// Switched off by the user: events queue.
    Disabled,
    /// Delivers events as they come.
    #[default]
    Running,
    /// The stream throttles: delivery is slower, nothing is lost.
    Throttled(AwsError),
    /// Needs the user. Tries again at `next_try`, and at once when settings change.
    Blocked {
        /// The error.
        fault: AwsError,
        /// The next try without the user.
        next_try: Millis,
    },
    /// No network, or AWS fails. Tries again by itself.
    Offline {
        /// The error.
        fault: AwsError,
        /// The next try.
        next_try: Millis,
    },
    /// Shutting down.
    Draining,
}

impl ForwarderState {
    /// The word in both faces, `/metrics` and the log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Running => "running",
            Self::Throttled(_) => "throttled",
            Self::Blocked { .. } => "blocked",
            Self::Offline { .. } => "offline",
            Self::Draining => "draining",
        }
    }

    /// The error, in the states that have one.
    pub fn fault(&self) -> Option<&AwsError> {
        match self {
            Self::Disabled | Self::Running | Self::Draining => None,
            Self::Throttled(fault) | Self::Blocked { fault, .. } | Self::Offline { fault, .. } => Some(fault),
        }
    }
}

/// Events that the destination keeps refusing while it takes others. Later events of their partition keys wait behind them,
/// because the order per key is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// Number of refused events; each is the oldest queued one of its partition key.
    pub refused: u64,
    /// Number of events in memory that wait behind them.
    pub behind: u64,
    /// More of the waiting events are on disk.
    pub has_more: bool,
    /// The oldest refused event.
    pub event: EventId,
    /// Its error.
    pub fault: AwsError,
}

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

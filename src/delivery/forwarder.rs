//! The forwarder's state, and what limits it while the queue grows.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
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

/// The limit on delivery while the queue grows, and the rate that it allows. The figures cover the last seconds, and change
/// only when they differ by a quarter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The limit.
    pub limit: Limit,
    /// Events delivered a second.
    pub per_sec: f64,
    /// Duration of a put.
    pub latency: Duration,
    /// Puts in flight.
    pub puts: usize,
    /// Events in a record; 1 without aggregation.
    pub events_per_record: f64,
    /// Bytes of an event in the stream: data and key.
    pub bytes_per_event: f64,
    /// Number of shards that take records, if the stream says so.
    pub shards: Option<u32>,
}

/// What can limit delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    /// One record of a partition key is in flight at a time, and the queued events belong to few keys.
    Order {
        /// The key with most queued events.
        key: Arc<str>,
        /// Number of keys with queued events in memory.
        keys: usize,
    },
    /// The maximum number of puts is in flight.
    Puts,
    /// The stream throttles: its shards take no more.
    Shards,
    /// The processor.
    Processor,
    /// The spool's disk.
    Disk,
    /// More puts in flight deliver no more: the network, or the server.
    Server,
}

impl Limit {
    /// Every word that [`Self::as_str`] returns.
    pub const WORDS: [&str; 6] = ["order", "puts", "shards", "processor", "disk", "server"];

    /// The word in `/metrics` and in `log --summary`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Order { .. } => "order",
            Self::Puts => "puts",
            Self::Shards => "shards",
            Self::Processor => "processor",
            Self::Disk => "disk",
            Self::Server => "server",
        }
    }
}

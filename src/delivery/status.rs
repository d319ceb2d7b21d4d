//! The engine's state at one moment.

use std::{net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    bound::Bound,
    forwarder::{ForwarderState, Stuck},
    jobs::{Exported, Resent},
    ledger::{Ledger, Puts},
    line::EventId,
    senders::{SourceSeen, UnknownSender, WrongPath},
};

/// Seconds over which rates are taken, a source's and the total.
pub const RATE_SECONDS: usize = 3;

/// Whether the endpoint accepts events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intake {
    /// Not listening yet.
    #[default]
    Starting,
    /// Accepting.
    Ready,
    /// The spool is full: senders get 429 and come again.
    Full,
    /// The disk has `spool.min_free_bytes` or less free: senders get 429 and come again.
    DiskFull,
    /// A write to disk failed: senders get 503 and come again.
    Failing(Arc<str>),
    /// Shutting down: senders get 503.
    Stopping,
}

/// Everything that the faces show all the time. Published as a whole, never changed in place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The endpoint's address.
    pub endpoint: Option<SocketAddr>,
    /// The endpoint speaks https.
    pub tls: bool,
    /// Whether the endpoint accepts events.
    pub intake: Intake,
    /// Free bytes on the spool's disk at the last look.
    pub disk_free: Option<u64>,
    /// The forwarder's state.
    pub forwarder: ForwarderState,
    /// What limits delivery, while the queue grows.
    pub bound: Option<Bound>,
    /// The server's address and where it is set, if AWS's own variables or profile set it.
    pub server: Option<Arc<str>>,
    /// The destination has stored a record with the settings in force since the engine started.
    pub takes_records: bool,
    /// The counts.
    pub ledger: Ledger,
    /// Delivered, rejected and resent lines that were pruned from the log; the ledger still counts them.
    pub pruned: u64,
    /// The newest line of the log; 0 while it is empty.
    pub newest: EventId,
    /// Rises with every change of the log, so that a face knows when to read a page again.
    pub revision: u64,
    /// Events accepted in each of the last 120 seconds, oldest first.
    pub accepted_per_sec: Vec<f32>,
    /// Events delivered in each of the last 120 seconds, oldest first.
    pub delivered_per_sec: Vec<f32>,
    /// The sources that sent something since the start, by name.
    pub sources: Vec<SourceSeen>,
    /// Senders without a known write key since the start, most recent first.
    #[serde(rename = "strangers")]
    pub unknown_senders: Vec<UnknownSender>,
    /// Requests to paths that are not served since the start, most recent first.
    pub wrong_paths: Vec<WrongPath>,
    /// Parts of the engine that stopped unexpectedly, and settings that could not be applied: one sentence each.
    pub problems: Vec<Arc<str>>,
    /// Progress of the resend that is running.
    pub resending: Option<Resent>,
    /// Progress of the export that is running.
    pub exporting: Option<Exported>,
    /// Events that the destination refuses while it takes others.
    pub stuck: Option<Stuck>,
    /// Events in flight; each is queued until the stream confirms it.
    pub sending: u64,
    /// Records that the practice stream dropped to stay within its memory limit.
    pub practice_dropped: u64,
    /// The practice stream was deleted.
    pub practice_missing: bool,
    /// Delivered records and their events since the engine started.
    pub puts: Puts,
}

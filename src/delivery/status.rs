//! The engine's state at one moment: the endpoint, the forwarder, who sent, and the sums over all events and puts.

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    alert::AlertReport,
    forwarder::{Bound, ForwarderState, Stuck},
    jobs::{Exported, Resent},
    line::{EventId, Millis},
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

/// A source that sent something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceSeen {
    /// Its name in the settings.
    pub name: Arc<str>,
    /// Time of its last request.
    pub last_seen: Millis,
    /// Accepted events.
    pub accepted: u64,
    /// Rejected events.
    pub rejected: u64,
    /// Accepted events a second, over the last [`RATE_SECONDS`].
    pub per_sec: f32,
    /// The SDK that its events name in `context.library`, such as `analytics-node 3.1.0`.
    pub library: Option<Arc<str>>,
    /// When one of its requests was last told to come again because the source's share of the spool was full.
    pub share_full_at: Option<Millis>,
}

/// Requests with the same unknown write key, or with none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownSender {
    /// The key's last four characters, or `no key`.
    pub key: Arc<str>,
    /// Number of requests.
    pub requests: u64,
    /// Time of the last one.
    pub last_seen: Millis,
    /// Its `User-Agent`; may be empty.
    pub user_agent: Arc<str>,
}

/// Requests to a path, or with a method, that the endpoint does not serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongPath {
    /// Method and path without keys, such as `POST /track`; or `other paths`.
    pub request: Arc<str>,
    /// The path that was probably meant.
    pub meant: Option<Cow<'static, str>>,
    /// Number of requests.
    pub requests: u64,
    /// Time of the last one.
    pub last_seen: Millis,
    /// Its `User-Agent`; may be empty.
    pub user_agent: Arc<str>,
}

/// Counts of events. At every moment `accepted = delivered + queued + failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Events whose sender was told 200, and replayed events.
    pub accepted: u64,
    /// Events that the stream confirmed.
    pub delivered: u64,
    /// Events in the spool that are not settled.
    pub queued: u64,
    /// Events that the destination will never take.
    pub failed: u64,
    /// Delivered events that the user queued once more: accepted events that no sender sent.
    pub replayed: u64,
    /// Failed events that the user queued once more: they left `failed`, and are `queued` or `delivered` now.
    pub resent: u64,
    /// Refused by the endpoint; not part of the sum.
    pub rejected: u64,
    /// Rejected events that never got a line in the log, because too many came at once.
    pub rejected_unkept: u64,
    /// Events put again after a put without a clear answer: at most this many records may be in the stream twice,
    /// without those that were in flight when the process was killed.
    pub repeats_possible: u64,
    /// JSON bytes of queued and failed events: `spool.max_bytes` limits them.
    pub queued_bytes: u64,
}

impl Ledger {
    /// Percent of `spool.max_bytes` (`bytes_max`) that queued and failed events use.
    pub fn spool_percent(&self, bytes_max: u64) -> u64 {
        let share = u128::from(self.queued_bytes) * 100 / u128::from(bytes_max.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }

    /// Whether `accepted = delivered + queued + failed`.
    pub fn adds_up(&self) -> bool {
        self.accepted == self.delivered + self.queued + self.failed
    }
}

/// Sums over delivered records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Puts {
    /// Records.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// PUT payload units of these records.
    pub payload_units: u64,
    /// PUT payload units with one event in each record, to compare with.
    pub payload_units_alone: u64,
    /// The puts that they came with, and all others.
    #[serde(default)]
    pub calls: PutCalls,
}

/// Ended puts (calls of `PutRecords` or `PutRecord`), by what became of their records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutCalls([u64; PutOutcome::ALL.len()]);

impl PutCalls {
    /// One put.
    pub fn one(outcome: PutOutcome) -> Self {
        let mut calls = Self::default();
        calls.0[outcome as usize] = 1;
        calls
    }

    /// The number with this outcome.
    pub fn with(&self, outcome: PutOutcome) -> u64 {
        self.0[outcome as usize]
    }
}

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// The stream confirmed every record.
    Delivered,
    /// It confirmed some of them.
    Partly,
    /// It throttled them.
    Throttled,
    /// No answer, or an error of the network or of AWS.
    Offline,
    /// Keys, permission, stream or region are wrong.
    Blocked,
    /// It refused the records themselves.
    Refused,
}

impl PutOutcome {
    /// Every outcome.
    pub const ALL: [Self; 6] =
        [Self::Delivered, Self::Partly, Self::Throttled, Self::Offline, Self::Blocked, Self::Refused];

    /// The word in `/metrics`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Partly => "partly_delivered",
            Self::Throttled => "throttled",
            Self::Offline => "offline",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
        }
    }
}

/// What was put, and has no answer yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// Events; each is queued until the stream confirms it.
    pub events: u64,
    /// The records that they are in.
    pub records: u64,
}

impl Puts {
    /// Bytes of a PUT payload unit, by which AWS bills in provisioned mode: data and key of a record
    /// (<https://aws.amazon.com/kinesis/data-streams/pricing/>).
    const PAYLOAD_UNIT_BYTES: usize = 25 * 1024;

    /// Adds other sums.
    pub fn add(&mut self, more: &Self) {
        self.records += more.records;
        self.events += more.events;
        self.payload_units += more.payload_units;
        self.payload_units_alone += more.payload_units_alone;
        for (sum, more) in self.calls.0.iter_mut().zip(more.calls.0) {
            *sum += more;
        }
    }

    /// The PUT payload units of a record with `bytes` bytes of data and partition key.
    pub fn payload_units(bytes: usize) -> u64 {
        bytes.div_ceil(Self::PAYLOAD_UNIT_BYTES).max(1) as u64
    }
}

/// Pushes of the metrics by OTLP since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushes {
    /// Pushes that a receiver took.
    pub sent: u64,
    /// Pushes that it refused, or that did not reach it.
    pub failed: u64,
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
    /// Channels of the stream, as far as it was described: streaming tables and deliveries to S3.
    pub channels: u32,
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
    /// Events rejected in each of the last 120 seconds, oldest first.
    pub rejected_per_sec: Vec<f32>,
    /// Events queued at the end of each of the last 120 seconds, oldest first.
    pub queued_each_sec: Vec<f32>,
    /// When the oldest queued event was received. Up to a second old.
    pub oldest_queued_at: Option<Millis>,
    /// The time from receipt to delivery that 95 % of the events delivered in the last minute did not exceed; `None`: none
    /// was delivered in the last minute.
    pub delivery_p95_ms: Option<Millis>,
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
    /// What became of the alerts, by name.
    #[serde(default)]
    pub alerts: Arc<[AlertReport]>,
    /// What became of the pushes of the metrics.
    #[serde(default)]
    pub pushes: Pushes,
}

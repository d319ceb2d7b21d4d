//! The story of an event after it was accepted, as plain data that every part and both faces share:
//! what a put answered ([`Outcome`]), what the log shows ([`Delivery`]), what adds up ([`Ledger`]), and what the
//! forwarder is doing ([`Status`]). No behaviour beyond reading itself; no colours, no clocks, no I/O.

mod account;
mod check;

use std::{borrow::Cow, fmt, net::SocketAddr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::event::{Encoding, Kind};
pub use account::{AwsIdentity, AwsProfiles, ListedStream, Profile, ProfileKind, SignInPage};
pub use check::{CheckFact, CheckKind, CheckStep, PUBLIC_STEPS, Verdict};

pub mod chart;
pub mod query;
#[cfg(test)]
mod tests;

pub use query::{Field, LogPage, Measure, Pattern, Query};

/// An event's place in the spool: 1 for the first one ever, rising by one in the order of acceptance.
///
/// Rejected requests take a place too (they are lines of the log), but never reach the forwarder.
pub type EventId = i64;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// Where an event is. At any moment it is in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In the spool, not put yet.
    Queued,
    /// In the spool, put at least once without success, will be put again.
    Retrying,
    /// The stream answered with a shard and a sequence number.
    Delivered,
    /// The destination will never take it; kept, exportable, resendable.
    Failed,
    /// It had failed and was queued again: its story goes on in the line [`Delivery::resent_as`].
    Resent,
    /// Refused at the endpoint; its sender was told.
    Rejected,
}

impl State {
    /// Every state, in the order in which an event can pass through them.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Retrying, Self::Delivered, Self::Failed, Self::Resent, Self::Rejected];

    /// The word that the command line, the log and the metrics use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Resent => "resent",
            Self::Rejected => "rejected",
        }
    }

    /// The state of that name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What went wrong with one put, in the destination's own words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AwsError {
    /// The error's code as AWS names it (`AccessDeniedException`), or one of ours for what happened before an answer
    /// (`NoAnswer`, `ConnectionFailed`, `CredentialsNotFound`, `UnclearAnswer`).
    pub code: Arc<str>,
    /// What was said, without secrets; may be empty.
    pub message: Arc<str>,
}

impl AwsError {
    /// A fault of that code and message.
    pub fn new(code: impl Into<Arc<str>>, message: impl Into<Arc<str>>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            f.write_str(&self.code)
        } else {
            write!(f, "{}: {}", self.code, self.message)
        }
    }
}

/// The answer to one record of one put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The stream named the shard and the sequence number.
    Delivered(Receipt),
    /// The stream pushes back: this key again, later.
    Throttled(AwsError),
    /// No usable answer, or a failure on the other side: the same again, later. The record may have been written.
    Offline(AwsError),
    /// Nothing gets through before the user acts: credentials, permission, stream, region.
    Blocked(AwsError),
    /// This record can never be taken. The others can.
    Refused(AwsError),
}

impl Outcome {
    /// What went wrong, where something did.
    pub fn fault(&self) -> Option<&AwsError> {
        match self {
            Self::Delivered(_) => None,
            Self::Throttled(fault) | Self::Offline(fault) | Self::Blocked(fault) | Self::Refused(fault) => {
                Some(fault)
            }
        }
    }
}

/// Where Kinesis stored a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Such as `shardId-000000000001`.
    pub shard_id: Arc<str>,
    /// A decimal number of up to 128 bits and more; rises within a shard.
    pub sequence_number: Arc<str>,
    /// Which of the record's events it is; `None`: the record has no other.
    pub place: Option<PlaceInRecord>,
}

/// An event's place in a record that holds several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceInRecord {
    /// From 1 on.
    pub at: u32,
    /// How many events the record holds.
    pub of: u32,
}

/// One put of one event that did not deliver it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first put of the event.
    pub number: u32,
    /// When the put started.
    pub at: Millis,
    /// How long the answer took.
    pub took_ms: u32,
    /// What was answered.
    pub fault: AwsError,
}

/// One line of the delivery log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The event's place.
    pub id: EventId,
    /// Where the event is.
    pub state: State,
    /// The call's type; of a rejected one as far as it was known.
    pub kind: Option<Kind>,
    /// The event name of a track, the name of a page or screen; shortened for display.
    pub name: Option<Arc<str>>,
    /// Given by the sender, or made by the endpoint; empty only for a rejected one without.
    pub message_id: Arc<str>,
    /// The name of the source whose write key came with it.
    pub source: Arc<str>,
    /// The record's partition key. A rejected event has no record: the key of its user, or empty where no id could be read.
    pub partition_key: Arc<str>,
    /// The user's id was longer than Kinesis takes, and the key is its SHA-256.
    pub key_shortened: bool,
    /// When the endpoint had read the request.
    pub received_at: Millis,
    /// When its delivery or failure was known.
    pub settled_at: Option<Millis>,
    /// How often it was put.
    pub attempts: u32,
    /// How long the delivering put took.
    pub took_ms: u32,
    /// Where the record is.
    pub receipt: Option<Receipt>,
    /// The last fault: why it failed, was rejected or is not delivered yet.
    pub fault: Option<AwsError>,
    /// Bytes of the event's JSON; of a rejected one, those that were sent, of which the log keeps the first 4 KiB.
    pub bytes: u32,
    /// The earlier line with the same `messageId`: its sender sent it again.
    pub repeat_of: Option<EventId>,
    /// The line whose event this one delivers again, because the user asked for it.
    pub resend_of: Option<EventId>,
    /// Of a failed one that was queued again: the line in which its story goes on.
    pub resent_as: Option<EventId>,
}

impl Delivery {
    /// From reading the request to the answer of the stream, where there was one.
    pub fn latency_ms(&self) -> Option<i64> {
        match self.state {
            State::Delivered => self.settled_at.map(|at| (at - self.received_at).max(0)),
            State::Queued | State::Retrying | State::Failed | State::Resent | State::Rejected => None,
        }
    }
}

/// A line of the log with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The line.
    pub delivery: Delivery,
    /// The event's JSON as it is stored; of a rejected one what was sent, cut at a few KiB.
    pub json: bytes::Bytes,
    /// How the record was (or, before delivery, would be) encoded.
    pub encoding: Encoding,
    /// The puts that did not deliver it, oldest first; of very many the first, then ever fewer, and the newest.
    pub attempts: Vec<Attempt>,
}

impl Detail {
    /// Whether `json` is only the beginning of what was sent.
    pub fn is_cut(&self) -> bool {
        self.delivery.state == State::Rejected && self.json.len() < self.delivery.bytes as usize
    }
}

/// What adds up at every moment: `accepted = delivered + queued + failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Events whose sender was told 200, and those that were replayed.
    pub accepted: u64,
    /// Events that the stream confirmed.
    pub delivered: u64,
    /// Events that wait.
    pub queued: u64,
    /// Events that the destination will never take.
    pub failed: u64,
    /// Delivered events that the user had queued once more: so many of the accepted ones no sender sent.
    pub replayed: u64,
    /// Failed events that the user had queued once more; they left `failed` and are `queued` or `delivered` now.
    pub resent: u64,
    /// Refused at the endpoint; not part of the sum.
    pub rejected: u64,
    /// Those of them that have no line in the log and never had one: too many came at once.
    pub rejected_unkept: u64,
    /// Puts that had no clear answer and were repeated: at most so many records may be in the stream twice.
    pub repeats_possible: u64,
    /// JSON bytes of the events that wait or failed: what `spool.max_bytes` bounds.
    pub queued_bytes: u64,
}

impl Ledger {
    /// Whether the promise holds.
    pub fn adds_up(&self) -> bool {
        self.accepted == self.delivered + self.queued + self.failed
    }
}

/// What the forwarder is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwarderState {
    /// Switched off: events queue.
    Disabled,
    /// Puts as events come.
    #[default]
    Running,
    /// The stream pushes back: slower, nothing lost.
    Throttled(AwsError),
    /// Needs the user. Tries again by itself at `next_try`, and at once when settings change.
    Blocked {
        /// What AWS said.
        fault: AwsError,
        /// When it tries by itself.
        next_try: Millis,
    },
    /// No network, or AWS fails. Tries again by itself.
    Offline {
        /// What was seen.
        fault: AwsError,
        /// When it tries by itself.
        next_try: Millis,
    },
    /// Shutting down.
    Draining,
}

impl ForwarderState {
    /// The word that both faces, `/metrics` and the log use.
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

    /// What is wrong, where something is.
    pub fn fault(&self) -> Option<&AwsError> {
        match self {
            Self::Disabled | Self::Running | Self::Draining => None,
            Self::Throttled(fault) | Self::Blocked { fault, .. } | Self::Offline { fault, .. } => Some(fault),
        }
    }
}

/// The code of an event that was set aside: when the destination changed, or because it kept refusing the event.
pub const SET_ASIDE: &str = "SetAside";

/// Events that the destination keeps refusing while it takes others. What waits behind them waits for them, since order
/// per partition key is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// Refused events, each the oldest of its partition key that waits.
    pub refused: u64,
    /// Events that wait behind them, as far as they are in memory.
    pub behind: u64,
    /// More of these are on disk.
    pub has_more: bool,
    /// The oldest of the refused ones.
    pub event: EventId,
    /// What the destination said of it.
    pub fault: AwsError,
}

/// What a stream says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamFacts {
    /// The largest record that it takes, key included: 1 to 10 MiB.
    pub record_bytes_max: usize,
    /// It spreads records over its shards by itself (record distribution `AUTO`): partition keys place nothing, and
    /// there is no order per key.
    pub spreads_keys: bool,
    /// How many shards take records.
    pub open_shards: u32,
}

/// The stream takes long to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slowness {
    /// So long, in whole seconds.
    pub answer: Duration,
    /// An answer is waited for up to this long.
    pub waits: Duration,
}

/// What holds delivery back while the queue grows, and what it gives. Figures are of the last seconds, and change only
/// when they differ by a quarter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The one limit.
    pub limit: Limit,
    /// Events delivered a second.
    pub per_sec: f64,
    /// How long a put took.
    pub latency: Duration,
    /// How many puts were in flight.
    pub puts: usize,
    /// Events of a record; 1 without aggregation.
    pub events_per_record: f64,
    /// Bytes of an event in the stream: data and key.
    pub bytes_per_event: f64,
    /// How many shards take records, where the stream says so.
    pub shards: Option<u32>,
}

/// What can hold delivery back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    /// One record of a partition key is in flight at a time, and the events that wait are of few keys.
    Order {
        /// The key with most events that wait.
        key: Arc<str>,
        /// How many keys have events that wait, as far as they are in memory.
        keys: usize,
    },
    /// As many puts are in flight as may be.
    Puts,
    /// The stream pushes back: its shards take no more.
    Shards,
    /// The processor.
    Processor,
    /// The spool's disk.
    Disk,
    /// More puts in flight bring no more: the network, or the server.
    Server,
}

impl Limit {
    /// Every word that [`Self::as_str`] gives.
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

/// What the forwarder has learned about the stream in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamReport {
    /// The server's address and what names it, where that is not our settings but AWS's own variables or profile.
    pub server: Option<Arc<str>>,
    /// `None`: answers come quickly.
    pub slowness: Option<Slowness>,
    /// `None`: not asked yet, or looking is not permitted.
    pub facts: Option<StreamFacts>,
    /// It has taken a record with the settings in force.
    pub takes_records: bool,
    /// `None`: the queue does not grow.
    pub bound: Option<Bound>,
}

/// Whether events can be accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intake {
    /// Not listening yet.
    #[default]
    Starting,
    /// Accepting.
    Ready,
    /// The spool has no room: senders get 429 and come again.
    Full,
    /// The disk has no more than `spool.min_free_bytes` free: senders get 429 and come again.
    DiskFull,
    /// The disk refused a write: senders get 503 and come again.
    Failing(Arc<str>),
    /// Shutting down: senders get 503.
    Stopping,
}

/// Full seconds over which a rate is taken, of a source as of all of them.
pub const RATE_SECONDS: usize = 3;

/// What a source did since the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceSeen {
    /// Its name in the settings.
    pub name: Arc<str>,
    /// When its last request came.
    pub last_seen: Millis,
    /// Its accepted events.
    pub accepted: u64,
    /// Its rejected events.
    pub rejected: u64,
    /// Accepted events a second, over the last [`RATE_SECONDS`].
    pub per_sec: f32,
    /// The SDK that its events name (`context.library`), such as `analytics-node 3.1.0`.
    pub library: Option<Arc<str>>,
    /// When a request of it was last told to come again because the source's share of the spool was full.
    pub share_full_at: Option<Millis>,
}

/// Requests with one unknown write key, or with none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownSender {
    /// The key's last four characters, or `no key`.
    pub key: Arc<str>,
    /// How many.
    pub requests: u64,
    /// When the last one came.
    pub last_seen: Millis,
    /// What it called itself; may be empty.
    pub user_agent: Arc<str>,
}

/// Requests that were sent where nothing is served: to one path with one method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongPath {
    /// Method and path without keys, such as `POST /track`; or `other paths`.
    pub request: Arc<str>,
    /// The path that was probably meant.
    pub meant: Option<Cow<'static, str>>,
    /// How many.
    pub requests: u64,
    /// When the last one came.
    pub last_seen: Millis,
    /// What its sender called itself; may be empty.
    pub user_agent: Arc<str>,
}

/// Everything that the faces show all the time. Published as a whole, never changed in place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The address that senders use.
    pub endpoint: Option<SocketAddr>,
    /// They use https.
    pub tls: bool,
    /// Whether events can be accepted.
    pub intake: Intake,
    /// Bytes that were free on the spool's disk when it was last asked.
    pub disk_free: Option<u64>,
    /// What the forwarder is doing.
    pub forwarder: ForwarderState,
    /// What holds delivery back, while the queue grows.
    pub bound: Option<Bound>,
    /// Where AWS's own variables or profile name the server: its address, and what names it.
    pub server: Option<Arc<str>>,
    /// The destination has taken a record with the settings in force, since the engine started.
    pub takes_records: bool,
    /// The sums.
    pub ledger: Ledger,
    /// Delivered, rejected and resent lines that the log no longer has; the sums still count them.
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
    /// Who was turned away for want of a known write key since the start, most recent first.
    pub strangers: Vec<UnknownSender>,
    /// What was sent where nothing is served since the start, most recent first.
    pub wrong_paths: Vec<WrongPath>,
    /// Parts of the engine that ended unasked, and settings that could not be applied: one sentence each.
    pub problems: Vec<Arc<str>>,
    /// What the resend that is under way has queued so far.
    pub resending: Option<Resent>,
    /// How far the export that is under way is.
    pub exporting: Option<Exported>,
    /// Events that the destination refuses while it takes others.
    pub stuck: Option<Stuck>,
    /// Events on their way to the stream right now; each of them is queued until the stream has confirmed it.
    pub sending: u64,
    /// Records that the practice stream let go to stay within its memory.
    pub practice_dropped: u64,
    /// The practice stream was deleted.
    pub practice_missing: bool,
    /// Delivered records and their events, since the engine started.
    pub puts: Puts,
}

/// Sums of delivered records and the events in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Puts {
    /// Records.
    pub records: u64,
    /// The events in them.
    pub events: u64,
    /// PUT payload units of these records.
    pub payload_units: u64,
    /// PUT payload units that they would have been with one event in each record.
    pub payload_units_alone: u64,
}

impl Puts {
    /// Bytes of a PUT payload unit, which AWS bills by in provisioned mode: the data and the key of a record
    /// (<https://aws.amazon.com/kinesis/data-streams/pricing/>).
    const PAYLOAD_UNIT_BYTES: usize = 25 * 1024;

    /// Adds others.
    pub fn add(&mut self, more: &Self) {
        self.records += more.records;
        self.events += more.events;
        self.payload_units += more.payload_units;
        self.payload_units_alone += more.payload_units_alone;
    }

    /// The PUT payload units of a record; `bytes`: its data and its partition key.
    pub fn payload_units(bytes: usize) -> u64 {
        bytes.div_ceil(Self::PAYLOAD_UNIT_BYTES).max(1) as u64
    }
}

/// Which events are to be queued once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResendSelection {
    /// These lines of the log: failed ones again, delivered ones as a replay. Others are passed over.
    Lines(Vec<EventId>),
    /// The failed and delivered lines that fit, oldest first; where the query names no state, the failed ones.
    /// Its order and limit do not count. A replay whose original is delivered and still in the log is passed over.
    Fitting(Box<Query>),
}

/// What was (or would be) queued once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resent {
    /// Failed events: each left the failed ones for the queue.
    pub failed: u64,
    /// Delivered events: each is accepted once more, and will be in the stream once more.
    pub replayed: u64,
    /// JSON bytes of all these.
    pub bytes: u64,
    /// Lines that were asked for and cannot go: they wait, were rejected, were resent already, or are not in the log.
    pub passed_over: u64,
    /// Lines whose bytes are damaged on disk: what is no longer what was sent is not sent.
    pub damaged: u64,
}

impl Resent {
    /// Events in all.
    pub fn events(&self) -> u64 {
        self.failed + self.replayed
    }

    /// Adds what another stretch gave.
    pub fn add(&mut self, other: &Self) {
        self.failed += other.failed;
        self.replayed += other.replayed;
        self.bytes += other.bytes;
        self.passed_over += other.passed_over;
        self.damaged += other.damaged;
    }
}

/// What was written of the log to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// Lines of the log.
    pub lines: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The part of the log that was looked at, from 0 to 1. Below 1 at the end: it was stopped, and no file is left.
    pub done: f32,
}

/// One record read back from the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The shard it is in.
    pub shard_id: Arc<str>,
    /// Its place there.
    pub sequence_number: Arc<str>,
    /// When Kinesis stored it, as Kinesis says.
    pub arrived_at: Option<Millis>,
    /// What it was put with.
    pub partition_key: Arc<str>,
    /// The record's bytes.
    pub data: bytes::Bytes,
}

/// Where reading the stream begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadFrom {
    /// The oldest record that the stream still has.
    Oldest,
    /// Only what comes from now on.
    Latest,
    /// The first record at or after this moment.
    Time(Millis),
    /// The record with this sequence number; only its own shard has such a place, and no other is read.
    Sequence(Arc<str>),
}

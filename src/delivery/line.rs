//! A line of the delivery log: one event, or one rejected request; and the state that it is in.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::outcome::{AwsError, Receipt};
use crate::event::{Encoding, Kind, Preview};

/// An event's number in the spool: 1 for the first one, rising by one in the order of acceptance.
///
/// Rejected requests have a number too, as lines of the log, but never reach the forwarder.
pub type EventId = i64;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// The state of an event. At any moment it is in exactly one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In the spool, not put yet.
    Queued,
    /// In the spool, put at least once without success; will be put again.
    Retrying,
    /// Stored in the stream: it answered with a shard and a sequence number.
    Delivered,
    /// The destination will never take it. Kept; can be exported and resent.
    Failed,
    /// It failed and was queued again as another line of the log ([`Delivery::resent_as`]).
    Resent,
    /// Refused by the capture endpoint; its sender was told.
    Rejected,
}

impl State {
    /// Every state, in the order in which an event can pass through them.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Retrying, Self::Delivered, Self::Failed, Self::Resent, Self::Rejected];

    /// The word in the command line's output, the log and the metrics.
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

    /// The state with this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
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
    /// The error.
    pub fault: AwsError,
}

/// One line of the delivery log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The event's number in the spool.
    pub id: EventId,
    /// The event's state.
    pub state: State,
    /// The call's type; `None` if a rejected event did not name one.
    pub kind: Option<Kind>,
    /// The event name of a track, the name of a page or screen; shortened for display.
    pub name: Option<Arc<str>>,
    /// The sender's, or the one that the endpoint made; empty only for a rejected event without one.
    pub message_id: Arc<str>,
    /// The name of the source that the write key belongs to.
    pub source: Arc<str>,
    /// The record's partition key. A rejected event has no record: the key of its user, or empty if no id was readable.
    pub partition_key: Arc<str>,
    /// The user's id is longer than Kinesis allows, so the key is its SHA-256.
    pub key_shortened: bool,
    /// When the endpoint had read the request.
    pub received_at: Millis,
    /// When the event became delivered, failed, resent or rejected.
    pub settled_at: Option<Millis>,
    /// Number of puts. Of an event that is not settled: of the newest put that was noted; a throttled one may not be.
    pub attempts: u32,
    /// How long the put took that delivered it.
    pub took_ms: u32,
    /// Where the record is.
    pub receipt: Option<Receipt>,
    /// The last error: why it failed, was rejected or is not delivered yet.
    pub fault: Option<AwsError>,
    /// Bytes of the event's JSON; for a rejected event the bytes sent, of which the log keeps the first 4 KiB.
    pub bytes: u32,
    /// The earlier line with the same `messageId`: the sender sent the event again.
    pub repeat_of: Option<EventId>,
    /// The line whose event this line delivers again, because the user asked for it.
    pub resend_of: Option<EventId>,
    /// For a failed event that was queued again: its new line.
    pub resent_as: Option<EventId>,
    /// The first members of its payload, if the query asked for them ([`Query::with_previews`](super::Query)) and there is
    /// no error, which says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
}

impl Delivery {
    /// From reading the request to the stream's answer, if the event is delivered.
    pub fn latency_ms(&self) -> Option<i64> {
        match self.state {
            State::Delivered => self.settled_at.map(|at| (at - self.received_at).max(0)),
            State::Queued | State::Retrying | State::Failed | State::Resent | State::Rejected => None,
        }
    }
}

/// A line of the log with its payload and its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The line.
    pub delivery: Delivery,
    /// The event's JSON as stored; for a rejected event what was sent, its first 4 KiB.
    pub json: bytes::Bytes,
    /// The encoding of the record, or the one that it would have now if it is not delivered.
    pub encoding: Encoding,
    /// The puts that did not deliver it, oldest first. Of very many, the log keeps the first ones, then ever fewer, and the
    /// newest.
    pub attempts: Vec<Attempt>,
}

impl Detail {
    /// Whether `json` is only the beginning of what was sent.
    pub fn is_cut(&self) -> bool {
        self.delivery.state == State::Rejected && self.json.len() < self.delivery.bytes as usize
    }
}

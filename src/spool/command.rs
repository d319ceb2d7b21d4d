//! What the handles ask of the writer.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{
    adopted_line::AdoptedLine,
    arrivals::{AppendError, Arrivals},
    limits::Limits,
    queue::Settlement,
};
use crate::delivery::{Attempt, EventId, Millis, Resent};

/// Where the writer answers a command.
pub(super) type Reply<T> = oneshot::Sender<Result<T, AppendError>>;

pub(super) enum Command {
    Append(Append),
    Requeue(Requeue),
    Adopt(Adopt),
    /// These settlements, and those in [`super::settlements::SettlementBuffer`].
    Settle(Vec<Settlement>),
    Attempts {
        list: Vec<(EventId, Attempt)>,
        /// Puts without a clear answer: their records may arrive twice.
        repeats: u64,
    },
    /// Answered when all earlier commands are committed.
    Flush(Reply<()>),
    Limits(Limits),
    Close,
}

/// Commit the events of one request.
pub(super) struct Append {
    pub(super) arrivals: Arrivals,
    /// What [`super::admission::Admission`] counts for it until it is answered.
    pub(super) bytes: u64,
    /// Gets the number of the request's first line.
    pub(super) reply: Reply<EventId>,
}

/// Queue settled lines again.
pub(super) struct Requeue {
    pub(super) lines: Vec<EventId>,
    /// Lines of these sources are set aside.
    pub(super) held_back: Vec<i64>,
    pub(super) at: Millis,
    pub(super) reply: Reply<Requeued>,
}

/// What a [`Requeue`] did.
#[derive(Clone, Debug, Default)]
pub(super) struct Requeued {
    pub(super) sums: Resent,
    /// How many of the lines were handled; the spool has no room for the rest.
    pub(super) handled: usize,
    /// Handled lines for which their source's share has no room, and that source. Once a line is set aside, so are all
    /// later ones of its source.
    pub(super) aside: Vec<(EventId, i64)>,
    /// Sources that turned out to hold their share, and their names.
    pub(super) full: Vec<(i64, Arc<str>)>,
}

/// Add events of another spool, whole or not at all.
pub(super) struct Adopt {
    /// The id of that spool, and its data folder.
    pub(super) spool: Arc<str>,
    pub(super) path: Arc<str>,
    pub(super) lines: Arc<[AdoptedLine]>,
    /// The batch has the events after this line of that spool,
    pub(super) after: EventId,
    /// up to this one.
    pub(super) through: EventId,
    pub(super) at: Millis,
    /// Gets the number of the first new line; `None`: `spool.max_bytes` leaves no room.
    pub(super) reply: Reply<Option<EventId>>,
}

impl Adopt {
    /// JSON bytes of its events.
    pub(super) fn bytes(&self) -> u64 {
        self.lines.iter().map(|line| line.json.len() as u64).sum()
    }
}

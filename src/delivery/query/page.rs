//! Pages of the log, and sorting by a measure.

use serde::{Deserialize, Serialize};

use crate::delivery::line::{Delivery, EventId, Millis};

/// What lines can be sorted by besides time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// From the endpoint to the stream; only delivered events have it.
    Latency,
    /// Bytes of JSON.
    Size,
}

impl Measure {
    /// The measure of a line, if it has one. `LineRow::measure` in `spool/line.rs` reads the same from a row.
    pub fn of(self, line: &Delivery) -> Option<i64> {
        match self {
            Self::Latency => line.latency_ms(),
            Self::Size => Some(i64::from(line.bytes)),
        }
    }

    /// Merges the lines of another page into `found` and keeps the first `limit`.
    pub fn merge(self, found: &mut Vec<Delivery>, more: Vec<Delivery>, limit: usize) {
        found.extend(more);
        found.sort_by_key(|line| std::cmp::Reverse((self.of(line), line.id)));
        found.truncate(limit);
    }
}

/// A page of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The lines, in the order that the query asks for.
    pub rows: Vec<Delivery>,
    /// Number of matching lines, if it is known without reading the whole log.
    pub total: Option<u64>,
    /// The search reached the limit of one page here, before the end of the log. Continue from this line.
    pub stopped_at: Option<EventId>,
    /// When the line at which it stopped was received.
    pub reached: Option<Millis>,
    /// The last line that the query covers, page after page; 0 in an empty log.
    pub reaches_to: EventId,
    /// The page is at least as new as this `revision` of the [`Status`](crate::delivery::Status).
    pub revision: u64,
}

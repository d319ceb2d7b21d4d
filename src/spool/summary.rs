//! What the writer publishes after each commit.

use std::sync::Arc;

use crate::delivery::{EventId, Intake, Ledger, Millis};

/// The spool as of its last commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The sums.
    pub ledger: Ledger,
    /// The newest line.
    pub newest: EventId,
    /// Commits since the start.
    pub revision: u64,
    /// Whether the disk takes writes, and there is room.
    pub intake: Intake,
    /// Bytes that were free on the disk when it was last asked.
    pub disk_free: Option<u64>,
    /// `spool.max_bytes`.
    pub bytes_max: u64,
    /// Bytes of events that can still be accepted, by `spool.max_bytes` and by the free space of the disk.
    pub room: u64,
    /// Bytes of the spool's files when they were last measured. Up to ten seconds old, and older while nothing is written.
    pub disk_used: Option<u64>,
    /// Delivered, rejected and resent lines that were pruned from the log.
    pub pruned: u64,
    /// JSON bytes of queued and failed events, by the name of their source; sources without any are left out.
    pub held: Arc<[(Arc<str>, u64)]>,
    /// When the oldest queued event was received; `None`: none is queued. Up to a second old.
    pub oldest_queued_at: Option<Millis>,
    /// The time from receipt to delivery that 95 % of the events delivered in the last minute did not exceed. Up to a
    /// second old, and not changed once nothing is delivered any more.
    pub delivery_p95_ms: Option<Millis>,
    /// By how many bytes a second the queue grew in the last minute, and when that was measured; negative: it shrank.
    pub growth: (Millis, i64),
    /// How often the files were recreated because they had been removed. Readers reopen them when it rises.
    pub files: u64,
}

/// How long [`Summary::growth`] says something about the present.
const GROWTH_MS_MAX: Millis = 10_000;

impl Summary {
    /// Seconds until the spool takes no more events if it goes on growing as in the last minute: until it reaches
    /// `spool.max_bytes`, or its disk has only `spool.min_free_bytes` left. `None`: it does not grow.
    pub fn seconds_left(&self, now: Millis) -> Option<f64> {
        let (measured_at, growth) = self.growth;
        if growth <= 0 || now - measured_at > GROWTH_MS_MAX {
            return None;
        }
        Some(self.room as f64 / growth as f64)
    }

    /// JSON bytes of a source's queued and failed events.
    pub fn held_by(&self, source: &str) -> u64 {
        self.held.iter().find(|(name, _)| **name == *source).map_or(0, |(_, bytes)| *bytes)
    }
}

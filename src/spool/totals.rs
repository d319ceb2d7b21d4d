//! The one row of `ledger`: the sums, written in the transaction of what they count.

use rusqlite::{Connection, Row};

use super::columns::{count_column, count_of};
use crate::delivery::{EventId, Ledger};

/// What the writer carries from commit to commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) newest: EventId,
    pub(super) accepted: u64,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) rejected: u64,
    /// Puts without a clear answer, whose records may arrive twice.
    pub(super) repeats: u64,
    /// JSON bytes of queued and failed events.
    pub(super) queued_bytes: u64,
    pub(super) replayed: u64,
    pub(super) resent: u64,
    /// Rejected events that never had a line.
    pub(super) unkept: u64,
    /// Delivered, rejected and resent lines that are still in the log.
    pub(super) kept: u64,
    /// Every event up to this one is settled. May lag behind, never runs ahead.
    pub(super) settled_through: EventId,
    /// Delivered, rejected and resent lines up to this one are pruned.
    pub(super) pruned_through: EventId,
}

impl Totals {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT newest, accepted, delivered, failed, rejected, repeats, queued_bytes, kept,
                    settled_through, pruned_through, replayed, resent, unkept FROM ledger",
        )?;
        let count = |row: &Row<'_>, index: usize| row.get(index).map(count_of);
        statement.query_row([], |row| {
            Ok(Self {
                newest: row.get(0)?,
                accepted: count(row, 1)?,
                delivered: count(row, 2)?,
                failed: count(row, 3)?,
                rejected: count(row, 4)?,
                repeats: count(row, 5)?,
                queued_bytes: count(row, 6)?,
                kept: count(row, 7)?,
                settled_through: row.get(8)?,
                pruned_through: row.get(9)?,
                replayed: count(row, 10)?,
                resent: count(row, 11)?,
                unkept: count(row, 12)?,
            })
        })
    }

    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(
            "UPDATE ledger SET newest = ?1, accepted = ?2, delivered = ?3, failed = ?4, rejected = ?5,
                    repeats = ?6, queued_bytes = ?7, kept = ?8, settled_through = ?9, pruned_through = ?10,
                    replayed = ?11, resent = ?12, unkept = ?13",
        )?;
        statement.execute(rusqlite::params![
            self.newest,
            count_column(self.accepted),
            count_column(self.delivered),
            count_column(self.failed),
            count_column(self.rejected),
            count_column(self.repeats),
            count_column(self.queued_bytes),
            count_column(self.kept),
            self.settled_through,
            self.pruned_through,
            count_column(self.replayed),
            count_column(self.resent),
            count_column(self.unkept),
        ])?;
        Ok(())
    }

    pub(super) fn ledger(&self) -> Ledger {
        Ledger {
            accepted: self.accepted,
            delivered: self.delivered,
            queued: self.accepted.saturating_sub(self.delivered + self.failed),
            failed: self.failed,
            replayed: self.replayed,
            resent: self.resent,
            rejected: self.rejected,
            rejected_unkept: self.unkept,
            repeats_possible: self.repeats,
            queued_bytes: self.queued_bytes,
        }
    }

    /// Lines in the log.
    pub(super) fn lines(&self) -> u64 {
        self.kept + self.ledger().queued + self.failed
    }

    /// Delivered, rejected and resent lines that were pruned.
    pub(super) fn pruned(&self) -> u64 {
        (self.delivered + self.rejected + self.resent).saturating_sub(self.kept + self.unkept)
    }

    /// Counts rejected events that get no line.
    pub(super) fn reject_unkept(&mut self, count: u64) {
        self.rejected += count;
        self.unkept += count;
    }
}

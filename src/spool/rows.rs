//! How our enums and the ledger stand in the spool's columns. These numbers are on users' disks: never change one.

use rusqlite::{Connection, Row};

use super::Summary;
use crate::{
    delivery::{EventId, Intake, Ledger, State},
    event::{Encoding, Kind},
};

pub(super) const DELIVERED: i64 = 2;
pub(super) const FAILED: i64 = 3;
pub(super) const REJECTED: i64 = 4;
pub(super) const RESENT: i64 = 5;

pub(super) fn state_of(column: i64) -> State {
    match column {
        FAILED => State::Failed,
        REJECTED => State::Rejected,
        RESENT => State::Resent,
        _ => State::Delivered,
    }
}

pub(super) fn kind_column(kind: Kind) -> i64 {
    match kind {
        Kind::Identify => 1,
        Kind::Track => 2,
        Kind::Page => 3,
        Kind::Screen => 4,
        Kind::Group => 5,
        Kind::Alias => 6,
    }
}

pub(super) fn kind_of(column: Option<i64>) -> Option<Kind> {
    Some(match column? {
        1 => Kind::Identify,
        2 => Kind::Track,
        3 => Kind::Page,
        4 => Kind::Screen,
        5 => Kind::Group,
        6 => Kind::Alias,
        _ => return None,
    })
}

pub(super) fn encoding_column(encoding: Encoding) -> i64 {
    match encoding {
        Encoding::Base64 => 1,
        Encoding::Json => 2,
        Encoding::JsonLines => 3,
    }
}

pub(super) fn encoding_of(column: i64) -> Encoding {
    match column {
        2 => Encoding::Json,
        3 => Encoding::JsonLines,
        _ => Encoding::Base64,
    }
}

/// The one row of `ledger`: what the writer carries from commit to commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Books {
    pub(super) newest: EventId,
    pub(super) accepted: u64,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) rejected: u64,
    pub(super) repeats: u64,
    pub(super) queued_bytes: u64,
    pub(super) replayed: u64,
    pub(super) resent: u64,
    /// Rejected events that never had a line.
    pub(super) unkept: u64,
    /// Delivered, rejected and resent lines that are still in the log.
    pub(super) kept: u64,
    /// Every event up to this one is settled. Lags behind the truth, never ahead of it.
    pub(super) settled_through: EventId,
    /// Delivered, rejected and resent lines up to this one are pruned.
    pub(super) pruned_through: EventId,
}

impl Books {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT newest, accepted, delivered, failed, rejected, repeats, queued_bytes, kept,
                    settled_through, pruned_through, replayed, resent, unkept FROM ledger",
        )?;
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
            column(self.accepted),
            column(self.delivered),
            column(self.failed),
            column(self.rejected),
            column(self.repeats),
            column(self.queued_bytes),
            column(self.kept),
            self.settled_through,
            self.pruned_through,
            column(self.replayed),
            column(self.resent),
            column(self.unkept),
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

    /// Lines that the log has.
    pub(super) fn lines(&self) -> u64 {
        self.kept + self.ledger().queued + self.failed
    }

    pub(super) fn summary(&self, revision: u64, intake: Intake, files: u64) -> Summary {
        let pruned = (self.delivered + self.rejected + self.resent).saturating_sub(self.kept + self.unkept);
        let (ledger, newest) = (self.ledger(), self.newest);
        Summary { ledger, newest, revision, intake, pruned, files, ..Summary::default() }
    }
}

fn count(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(|value| u64::try_from(value).unwrap_or(0))
}

pub(super) fn column(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What a stored event is checked by: its record's key and its JSON are still what was accepted. Four bytes a row.
pub(super) fn sum_of(key: &str, payload: &[u8]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key.as_bytes());
    hasher.update(payload);
    i64::from(hasher.finalize().cast_signed())
}

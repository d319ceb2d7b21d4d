//! The writer's copy in memory of what the tables hold. A transaction changes it, and a rollback takes the changes
//! back.

use rusqlite::Connection;

use super::{error::WriteError, rejected_lines::RejectedLines};
use crate::{
    delivery::EventId,
    spool::{
        columns::StoredText, error::Error, repeats::Repeats, segments::Segments, source_bytes::SourceBytes,
        totals::Totals, words::WordNumbers,
    },
};

/// Events whose `messageId` is read at the start; more would delay it (about 1 s a million).
const REPEATS_AT_START: i64 = 50_000;

pub(super) struct TableState {
    pub(super) totals: Totals,
    pub(super) sources: SourceBytes,
    pub(super) rejected: RejectedLines,
    pub(super) words: WordNumbers,
    pub(super) repeats: Repeats,
    pub(super) segments: Segments,
}

impl TableState {
    pub(super) fn read(connection: &Connection) -> Result<Self, Error> {
        let totals = totals(connection)?;
        let mut rejected = RejectedLines::default();
        rejected.read(connection)?;
        Ok(Self {
            sources: SourceBytes::open(connection, &totals)?,
            rejected,
            words: WordNumbers::read(connection)?,
            repeats: repeats(connection, totals.newest)?,
            segments: Segments::open(connection)?,
            totals,
        })
    }

    /// Reads the tables again after the database was reopened. Fails if they have less than what was acknowledged.
    pub(super) fn read_again(&mut self, connection: &Connection) -> Result<(), WriteError> {
        let found = totals(connection)?;
        let missing = self.totals.accepted.saturating_sub(found.accepted);
        if missing > 0 {
            return Err(WriteError::Lost { missing });
        }
        self.rejected.read(connection)?;
        let (sources, words) = (SourceBytes::open(connection, &found)?, WordNumbers::read(connection)?);
        (self.totals, self.sources, self.words) = (found, sources, words);
        Ok(())
    }

    /// Whether pruning can make room now: there are lines to prune, and the room of those pruned before is free
    /// already.
    pub(super) fn can_make_room(&self) -> bool {
        self.totals.kept > 0 && !self.segments.has_left()
    }

    /// Writes the sums. Part of the caller's transaction.
    pub(super) fn write_sums(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.totals.write(connection)?;
        self.sources.write(connection)
    }

    /// The transaction is committed.
    pub(super) fn committed(&mut self) {
        self.segments.committed();
        self.sources.committed();
        self.rejected.committed();
    }

    /// The transaction is rolled back; the totals before it were `before`.
    pub(super) fn rolled_back(&mut self, before: Totals) {
        self.totals = before;
        self.segments.rolled_back();
        self.sources.rolled_back(before.newest);
        self.rejected.rolled_back(before.newest);
        self.words.rolled_back();
        self.repeats.forget_after(before.newest);
    }
}

fn totals(connection: &Connection) -> rusqlite::Result<Totals> {
    let mut totals = Totals::read(connection)?;
    // Equal in every database that is whole. Whatever happened to this one, a line's number is never given twice.
    let last: EventId =
        connection.query_row("SELECT coalesce(max(id), 0) FROM event", [], |row| row.get(0))?;
    totals.newest = totals.newest.max(last);
    Ok(totals)
}

/// The events that were accepted last: SDKs that lost an answer to a crash send again right after the restart.
fn repeats(connection: &Connection, newest: EventId) -> rusqlite::Result<Repeats> {
    let mut repeats = Repeats::new();
    let mut statement = connection.prepare(
        "SELECT id, message_id FROM event WHERE id > ?1
           AND NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id AND settled.state = 4) ORDER BY id",
    )?;
    let mut rows = statement.query([newest - REPEATS_AT_START])?;
    while let Some(row) = rows.next()? {
        let StoredText(message_id) = row.get(1)?;
        let hash = repeats.hash_of(&message_id);
        if repeats.suspect(hash).is_none() {
            repeats.remember(hash, row.get(0)?);
        }
    }
    Ok(repeats)
}

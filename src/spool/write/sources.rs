//! How many bytes of events that wait or failed each source has in the spool: what `spool.max_source_percent` bounds.
//!
//! The sums are in memory, and in the table `held`, which is written in the transaction of what it counts. A settlement
//! names its event alone. Whose event that is says a list of neighbouring lines in memory; for older lines the log is asked.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use ahash::HashMap;
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    delivery::EventId,
    spool::rows::{Books, column},
};

/// Stretches of neighbouring lines of one source that are remembered.
const STRETCHES_MAX: usize = 32_768;

/// The sums. A source is known by its number in `word`.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Sources that have nothing are left out.
    held: HashMap<i64, u64>,
    /// What those that the transaction under way changes had before.
    before: HashMap<i64, u64>,
    /// The names of those that have something.
    names: HashMap<i64, Arc<str>>,
    /// First and last line, and their source; oldest first.
    stretches: VecDeque<(EventId, EventId, i64)>,
}

impl Sources {
    /// Reads the sums. Where they do not come to the bytes in `books` (an older version wrote the file), the rows are
    /// counted; the next commit writes what they come to.
    pub(super) fn open(connection: &Connection, books: &Books) -> rusqlite::Result<Self> {
        let mut sources = Self::default();
        let told = held(connection)?;
        if told.values().sum::<u64>() == books.queued_bytes {
            sources.held.extend(told);
        } else {
            sources.held.extend(told.into_keys().map(|source| (source, 0)));
            sources.held.extend(counted(connection, books.settled_through)?);
            sources.before.extend(&sources.held);
        }
        sources.learn_names(connection)?;
        Ok(sources)
    }

    /// Looks the names up that are not known yet.
    fn learn_names(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for source in self.held.keys() {
            if !self.names.contains_key(source) {
                let mut statement = connection.prepare_cached("SELECT text FROM word WHERE id = ?1")?;
                let name: Option<String> = statement.query_row([source], |row| row.get(0)).optional()?;
                self.names.insert(*source, name.unwrap_or_default().into());
            }
        }
        Ok(())
    }

    /// Bytes that a source has.
    pub(super) fn bytes(&self, source: i64) -> u64 {
        self.held.get(&source).copied().unwrap_or(0)
    }

    /// The sources that have something, by name.
    pub(super) fn told(&self) -> Arc<[(Arc<str>, u64)]> {
        let named = |(source, bytes): (&i64, &u64)| Some((Arc::clone(self.names.get(source)?), *bytes));
        self.held.iter().filter(|(_, bytes)| **bytes > 0).filter_map(named).collect()
    }

    /// An event was accepted or replayed.
    pub(super) fn add(&mut self, source: i64, bytes: u64) {
        let before = self.bytes(source);
        self.set(source, before, before + bytes);
    }

    /// An event was delivered.
    pub(super) fn take(&mut self, source: i64, bytes: u64) {
        let before = self.bytes(source);
        self.set(source, before, before.saturating_sub(bytes));
    }

    fn set(&mut self, source: i64, before: u64, now: u64) {
        self.before.entry(source).or_insert(before);
        self.held.insert(source, now);
    }

    /// These lines are of one source. They follow those that were noted before.
    pub(super) fn note(&mut self, first: EventId, last: EventId, source: i64) {
        if last < first {
            return;
        }
        if let Some((_, end, same)) = self.stretches.back_mut()
            && *same == source
            && *end + 1 == first
        {
            *end = last;
            return;
        }
        if self.stretches.len() == STRETCHES_MAX {
            self.stretches.pop_front();
        }
        self.stretches.push_back((first, last, source));
    }

    /// Whose event it is; `None`: it is not in the log.
    pub(super) fn of(&self, connection: &Connection, id: EventId) -> rusqlite::Result<Option<i64>> {
        let place = self.stretches.partition_point(|(_, last, _)| *last < id);
        if let Some((_, _, source)) = self.stretches.get(place).filter(|(first, _, _)| *first <= id) {
            return Ok(Some(*source));
        }
        let mut statement = connection.prepare_cached("SELECT source FROM event WHERE id = ?1")?;
        statement.query_row([id], |row| row.get(0)).optional()
    }

    /// Writes the sums that changed. Part of the caller's transaction.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for source in self.before.keys() {
            write(connection, *source, self.bytes(*source))?;
        }
        if self.before.is_empty() { Ok(()) } else { self.learn_names(connection) }
    }

    pub(super) fn committed(&mut self) {
        self.before.clear();
        self.forget_empty();
    }

    fn forget_empty(&mut self) {
        self.held.retain(|_, bytes| *bytes > 0);
        self.names.retain(|source, _| self.held.contains_key(source));
    }

    /// The transaction came to nothing: the log ends with `newest`.
    pub(super) fn rolled_back(&mut self, newest: EventId) {
        self.held.extend(self.before.drain());
        // The number of a name that was new is given again.
        self.forget_empty();
        while self.stretches.back().is_some_and(|(first, _, _)| *first > newest) {
            self.stretches.pop_back();
        }
        if let Some((_, last, _)) = self.stretches.back_mut() {
            *last = (*last).min(newest);
        }
    }
}

fn write(connection: &Connection, source: i64, bytes: u64) -> rusqlite::Result<()> {
    if bytes == 0 {
        connection.prepare_cached("DELETE FROM held WHERE source = ?1")?.execute([source])?;
    } else {
        connection
            .prepare_cached("INSERT OR REPLACE INTO held (source, bytes) VALUES (?1, ?2)")?
            .execute(params![source, column(bytes)])?;
    }
    Ok(())
}

/// The sums that the file has.
pub(in crate::spool) fn held(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, u64>> {
    sums(connection, "SELECT source, bytes FROM held")
}

/// The sums by the rows. Up to `settled_through` no event waits, so that the history is not looked at.
pub(in crate::spool) fn counted(
    connection: &Connection,
    settled_through: EventId,
) -> rusqlite::Result<BTreeMap<i64, u64>> {
    let mut counted = sums(
        connection,
        &format!(
            "SELECT source, sum(length) FROM event WHERE id > {settled_through}
               AND NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id) GROUP BY source"
        ),
    )?;
    // The first condition is the one of the index `settled_rare`.
    let failed = sums(
        connection,
        "SELECT source, sum(length) FROM settled JOIN event ON event.id = settled.id
         WHERE state <> 2 AND state = 3 GROUP BY source",
    )?;
    for (source, bytes) in failed {
        *counted.entry(source).or_default() += bytes;
    }
    Ok(counted)
}

/// Makes these the sums that the file has.
pub(in crate::spool) fn write_all(
    connection: &Connection,
    sums: &BTreeMap<i64, u64>,
) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM held", [])?;
    sums.iter().try_for_each(|(source, bytes)| write(connection, *source, *bytes))
}

fn sums(connection: &Connection, sql: &str) -> rusqlite::Result<BTreeMap<i64, u64>> {
    let mut statement = connection.prepare(sql)?;
    let of_row = |row: &rusqlite::Row<'_>| {
        let bytes: i64 = row.get(1)?;
        Ok((row.get(0)?, u64::try_from(bytes).unwrap_or(0)))
    };
    statement.query_map([], of_row)?.filter(|row| !matches!(row, Ok((_, 0)))).collect()
}

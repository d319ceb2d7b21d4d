//! How many bytes of events that wait or failed each source has in the spool: what `spool.max_source_percent` bounds.
//!
//! The sums are in memory, and in the table `held`, which is written in the transaction of what it counts. A settlement
//! does not say whose event it settles. Memory knows the sources of recent lines; those of older ones are read from the
//! log, many at a time.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
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

/// Older lines are read in blocks of so many; and so many blocks are remembered (2 MiB), since events of many users and
/// shards settle out of order.
const BLOCK_LINES: u16 = 1024;
const BLOCKS_MAX: usize = 256;

/// The sums. A source is known by its number in `word`.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Sources that have nothing are left out.
    held: HashMap<i64, u64>,
    /// What the sources that the open transaction changes had before it.
    before: HashMap<i64, u64>,
    /// Sources whose sum was wrong in the table, until a commit has written it.
    unwritten: BTreeSet<i64>,
    /// The names of those that have something.
    names: HashMap<i64, Arc<str>>,
    /// First and last line, and their source; oldest first.
    stretches: VecDeque<(EventId, EventId, i64)>,
    /// The sources of older lines, by the first line divided by [`BLOCK_LINES`]; 0: there was no such line.
    blocks: BTreeMap<EventId, Vec<i64>>,
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
            sources.unwritten.extend(sources.held.keys());
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

    /// Whose event it is that waits or failed; `None`: it is not in the log.
    pub(super) fn of(&mut self, connection: &Connection, id: EventId) -> rusqlite::Result<Option<i64>> {
        let place = self.stretches.partition_point(|(_, last, _)| *last < id);
        if let Some((_, _, source)) = self.stretches.get(place).filter(|(first, _, _)| *first <= id) {
            return Ok(Some(*source));
        }
        let mut holders = self.held.iter().filter(|(_, bytes)| **bytes > 0);
        if let (Some((source, _)), None) = (holders.next(), holders.next()) {
            return Ok(Some(*source));
        }
        if let Some(source) = self.in_block(connection, id)? {
            return Ok(Some(source));
        }
        // It came after its block was read.
        let mut statement = connection.prepare_cached("SELECT source FROM event WHERE id = ?1")?;
        statement.query_row([id], |row| row.get(0)).optional()
    }

    /// The same by the block that it is in, which is read if it must be.
    fn in_block(&mut self, connection: &Connection, id: EventId) -> rusqlite::Result<Option<i64>> {
        let lines = EventId::from(BLOCK_LINES);
        let block = id.div_euclid(lines);
        if !self.blocks.contains_key(&block) {
            let mut sources = vec![0; usize::from(BLOCK_LINES)];
            let first = block * lines;
            let mut statement =
                connection.prepare_cached("SELECT id, source FROM event WHERE id >= ?1 AND id < ?2")?;
            let mut rows = statement.query([first, first + lines])?;
            while let Some(row) = rows.next()? {
                let place = usize::try_from(row.get::<_, EventId>(0)? - first).unwrap_or(usize::MAX);
                if let Some(source) = sources.get_mut(place) {
                    *source = row.get(1)?;
                }
            }
            if self.blocks.len() == BLOCKS_MAX {
                self.blocks.pop_first();
            }
            self.blocks.insert(block, sources);
        }
        let place = usize::try_from(id.rem_euclid(lines)).unwrap_or(usize::MAX);
        Ok(self.blocks[&block].get(place).copied().filter(|source| *source != 0))
    }

    /// Writes the sums that changed. Part of the caller's transaction.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for source in self.before.keys().chain(&self.unwritten) {
            write(connection, *source, self.bytes(*source))?;
        }
        if self.before.is_empty() { Ok(()) } else { self.learn_names(connection) }
    }

    pub(super) fn committed(&mut self) {
        self.before.clear();
        self.unwritten.clear();
        self.forget_empty();
    }

    fn forget_empty(&mut self) {
        self.held.retain(|_, bytes| *bytes > 0);
        self.names.retain(|source, _| self.held.contains_key(source));
    }

    /// The transaction came to nothing: the log ends with `newest`.
    pub(super) fn rolled_back(&mut self, newest: EventId) {
        self.held.extend(self.before.drain());
        // The number of a name that was new is given again, and so are the places of lines.
        self.forget_empty();
        self.blocks.clear();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{FILE_NAME, Spool, open, tests};

    /// A spool whose file has four events: of "A", "B", "A" and "B".
    fn filled(dir: &std::path::Path) -> Connection {
        let (spool, threads) = Spool::open(dir, tests::ROOMY).expect("opens");
        tests::runtime().block_on(async {
            for n in 0..4 {
                let events = vec![tests::event("u", &format!("m{n}"), 100)];
                spool.append(tests::of_source(["A", "B"][n % 2], events)).await.expect("room");
            }
            tests::close(spool, threads).await;
        });
        open::connect_writer(&dir.join(FILE_NAME)).expect("opens")
    }

    fn sources(connection: &Connection) -> Sources {
        Sources::open(connection, &Books::read(connection).expect("readable")).expect("readable")
    }

    #[test]
    fn sums_that_were_counted_are_written_also_where_the_first_transaction_comes_to_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let connection = filled(dir.path());
        let right = held(&connection).expect("readable");
        connection
            .execute_batch("UPDATE held SET bytes = 7; INSERT INTO held VALUES (99, 5)")
            .expect("spoils");
        let mut sources = sources(&connection);
        let mut transaction = |end: &str| {
            connection.execute_batch("BEGIN").expect("begins");
            sources.write(&connection).expect("writes");
            connection.execute_batch(end).expect("ends");
            if end == "COMMIT" { sources.committed() } else { sources.rolled_back(4) }
        };
        transaction("ROLLBACK");
        assert_ne!(held(&connection).expect("readable"), right);
        transaction("COMMIT");
        assert_eq!(held(&connection).expect("readable"), right);
    }

    #[test]
    fn the_log_is_asked_for_many_lines_at_a_time_and_not_at_all_where_one_source_has_everything() {
        let dir = tempfile::tempdir().expect("a folder");
        let connection = filled(dir.path());
        let mut sources = sources(&connection);
        let mut of = |id| sources.of(&connection, id).expect("readable");
        let (a, b) = (of(1).expect("there"), of(2).expect("there"));
        assert_ne!(a, b);
        assert_eq!(of(5), None, "it is not there yet");
        let insert = "INSERT INTO event SELECT id + 4, received_at, kind, source, partition_key, key_shortened, message_id,
                        repeat_of, name, chunk, start, length, sum, resend_of FROM event WHERE id = 1";
        connection.execute(insert, []).expect("inserts");
        assert_eq!(of(5), Some(a), "it came after the others were read");
        connection.execute("DELETE FROM event", []).expect("deletes");
        assert_eq!(
            [of(1), of(2), of(3), of(4)],
            [Some(a), Some(b), Some(a), Some(b)],
            "all were read at once"
        );
        sources.rolled_back(0);
        assert_eq!(sources.of(&connection, 2).expect("readable"), None, "places are given again");
        sources.take(b, sources.bytes(b));
        assert_eq!(sources.of(&connection, 2).expect("readable"), Some(a), "who else");
    }
}

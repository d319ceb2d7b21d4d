//! JSON bytes of queued and failed events by source: what `spool.max_source_percent` limits.
//!
//! The sums are in memory, and in the table `held`, which is written in the transaction of what it counts. A settlement
//! does not say which source its event is from. The sources of recent lines are in memory; those of older lines are
//! read from the log, many at a time.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use ahash::HashMap;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    columns::{count_column, count_of},
    totals::Totals,
    words,
};
use crate::delivery::EventId;

/// Maximum ranges in memory; a range is neighbouring lines of one source.
const RANGES_MAX: usize = 32_768;

/// Lines of a block, and maximum blocks in memory (2 MiB). Older lines are read a block at a time. Several blocks are
/// kept because events of many users and shards settle out of order.
const BLOCK_LINES: u16 = 1024;
const BLOCKS_MAX: usize = 256;

/// The sums. A source is identified by the number of its name in `word`.
#[derive(Debug, Default)]
pub(super) struct SourceBytes {
    /// Sources that hold nothing are left out.
    held: HashMap<i64, u64>,
    /// What the sources that the open transaction changes held before it.
    before: HashMap<i64, u64>,
    /// Sources whose sum in the table was wrong, until a commit has written it.
    unwritten: BTreeSet<i64>,
    /// The names of the sources in `held`.
    names: HashMap<i64, Arc<str>>,
    /// Oldest first.
    ranges: VecDeque<Range>,
    /// The sources of older lines, by the first line divided by [`BLOCK_LINES`]; 0: there was no such line.
    blocks: BTreeMap<EventId, Vec<i64>>,
}

/// Neighbouring lines of one source.
#[derive(Debug)]
struct Range {
    first: EventId,
    last: EventId,
    source: i64,
}

impl SourceBytes {
    /// Reads the sums. If they do not add up to the bytes in `totals` (an older version wrote the file), the rows are
    /// counted; the next commit writes the result.
    pub(super) fn open(connection: &Connection, totals: &Totals) -> rusqlite::Result<Self> {
        let mut sources = Self::default();
        let stored = stored(connection)?;
        if stored.values().sum::<u64>() == totals.queued_bytes {
            sources.held.extend(stored);
        } else {
            sources.held.extend(stored.into_keys().map(|source| (source, 0)));
            sources.held.extend(counted(connection, totals.settled_through)?);
            sources.unwritten.extend(sources.held.keys());
        }
        sources.learn_names(connection)?;
        Ok(sources)
    }

    /// Looks up the names that are missing.
    fn learn_names(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for source in self.held.keys() {
            if !self.names.contains_key(source) {
                let name = words::text_of(connection, *source)?;
                self.names.insert(*source, name.unwrap_or_default().into());
            }
        }
        Ok(())
    }

    /// Bytes that a source holds.
    pub(super) fn bytes(&self, source: i64) -> u64 {
        self.held.get(&source).copied().unwrap_or(0)
    }

    /// The sources that hold something, by name.
    pub(super) fn by_name(&self) -> Arc<[(Arc<str>, u64)]> {
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

    /// Notes the source of new lines, from `first` to `last`.
    pub(super) fn note(&mut self, first: EventId, last: EventId, source: i64) {
        if last < first {
            return;
        }
        if let Some(range) = self.ranges.back_mut()
            && range.source == source
            && range.last + 1 == first
        {
            range.last = last;
            return;
        }
        if self.ranges.len() == RANGES_MAX {
            self.ranges.pop_front();
        }
        self.ranges.push_back(Range { first, last, source });
    }

    /// The source of a queued or failed event; `None`: it is not in the log.
    pub(super) fn of(&mut self, connection: &Connection, id: EventId) -> rusqlite::Result<Option<i64>> {
        let index = self.ranges.partition_point(|range| range.last < id);
        if let Some(range) = self.ranges.get(index).filter(|range| range.first <= id) {
            return Ok(Some(range.source));
        }
        // If one source holds everything, it holds this event too.
        let mut holders = self.held.iter().filter(|(_, bytes)| **bytes > 0);
        if let (Some((source, _)), None) = (holders.next(), holders.next()) {
            return Ok(Some(*source));
        }
        if let Some(source) = self.in_block(connection, id)? {
            return Ok(Some(source));
        }
        // It was added after its block was read.
        let mut statement = connection.prepare_cached("SELECT source FROM event WHERE id = ?1")?;
        statement.query_row([id], |row| row.get(0)).optional()
    }

    /// Like [`Self::of`], by the block of the line, which is read if it is not in memory.
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
                let index = usize::try_from(row.get::<_, EventId>(0)? - first).unwrap_or(usize::MAX);
                if let Some(source) = sources.get_mut(index) {
                    *source = row.get(1)?;
                }
            }
            if self.blocks.len() == BLOCKS_MAX {
                self.blocks.pop_first();
            }
            self.blocks.insert(block, sources);
        }
        let index = usize::try_from(id.rem_euclid(lines)).unwrap_or(usize::MAX);
        Ok(self.blocks[&block].get(index).copied().filter(|source| *source != 0))
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

    /// The transaction was rolled back: the log ends with the line `newest`.
    pub(super) fn rolled_back(&mut self, newest: EventId) {
        self.held.extend(self.before.drain());
        // Numbers of new names and of new lines are given again.
        self.forget_empty();
        self.blocks.clear();
        while self.ranges.back().is_some_and(|range| range.first > newest) {
            self.ranges.pop_back();
        }
        if let Some(range) = self.ranges.back_mut() {
            range.last = range.last.min(newest);
        }
    }
}

fn write(connection: &Connection, source: i64, bytes: u64) -> rusqlite::Result<()> {
    if bytes == 0 {
        connection.prepare_cached("DELETE FROM held WHERE source = ?1")?.execute([source])?;
    } else {
        connection
            .prepare_cached("INSERT OR REPLACE INTO held (source, bytes) VALUES (?1, ?2)")?
            .execute(params![source, count_column(bytes)])?;
    }
    Ok(())
}

/// The sums that the table `held` has.
pub(super) fn stored(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, u64>> {
    sums(connection, "SELECT source, bytes FROM held")
}

/// The sums by the rows of `event`. No event up to `settled_through` is queued, so the history is not read.
pub(super) fn counted(
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

/// Replaces the sums in the table.
pub(super) fn write_all(connection: &Connection, sums: &BTreeMap<i64, u64>) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM held", [])?;
    sums.iter().try_for_each(|(source, bytes)| write(connection, *source, *bytes))
}

fn sums(connection: &Connection, sql: &str) -> rusqlite::Result<BTreeMap<i64, u64>> {
    let mut statement = connection.prepare(sql)?;
    let of_row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1).map(count_of)?));
    statement.query_map([], of_row)?.filter(|row| !matches!(row, Ok((_, 0)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{Spool, connection::connect_writer, layout::FILE_NAME, tests};

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
        connect_writer(&dir.join(FILE_NAME)).expect("opens")
    }

    fn sources(connection: &Connection) -> SourceBytes {
        SourceBytes::open(connection, &Totals::read(connection).expect("readable")).expect("readable")
    }

    #[test]
    fn sums_that_were_counted_are_written_also_where_the_first_transaction_comes_to_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let connection = filled(dir.path());
        let right = stored(&connection).expect("readable");
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
        assert_ne!(stored(&connection).expect("readable"), right);
        transaction("COMMIT");
        assert_eq!(stored(&connection).expect("readable"), right);
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

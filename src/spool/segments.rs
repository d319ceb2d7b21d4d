//! Segments: files beside the database that hold the payloads of large commits. A row of `chunk` is written twice, to
//! the write-ahead log and from there to the database; a segment is written once. One payload a line, so that any tool
//! reads it.
//!
//! A segment passes through these states:
//!
//! | State | Meaning | Next |
//! | --- | --- | --- |
//! | current | commits append to it | ended, once it is large enough; uncut, if a commit that wrote to it fails |
//! | uncut | bytes of a failed commit are at its end | cut back to its committed bytes: ended, or removed if it has none |
//! | ended | only read | leaving, once its lines are pruned |
//! | leaving | the open transaction deletes its row in `segment` | left, with the commit; ended, with a rollback |
//! | left | no row points into it | removed, after [`LEAVES_AFTER`] |
//!
//! Invariants:
//!
//! 1. Sync before commit: when a commit returns, every byte that its rows point to is on the disk. So after a crash the
//!    database never points to bytes that are missing.
//! 2. A byte that a committed row points to never changes. A segment grows at its end, and is cut only behind its
//!    committed bytes.
//! 3. After a failed commit nothing is appended to its segment: a disk that refused is not asked twice.
//! 4. An uncut segment is cut only after the write-ahead log was cut behind the last acknowledged commit. Until then
//!    the log on the disk may hold the failed commit, whose rows point to the end of the segment.
//! 5. A number is given once, also if the commit fails: it is higher than the numbers of all rows and files so far. So
//!    a reader with an older snapshot never finds other bytes under a number that it knows.
//! 6. A segment has a row in `segment` once the commit that created it is done. Opening the spool removes files without
//!    a row: no line points into them.
//! 7. Before its row is deleted, the payloads of its queued and failed events move to `chunk`, in the same transaction.
//! 8. A file that left stays for a while: readers may still use a snapshot whose rows point into it.

mod files;
mod reader;
mod segment;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params};

use super::{direct, error::Error, location::Container};
use crate::{
    delivery::EventId,
    files::{create_folder, sync_folder},
};
pub(super) use files::{copy_all, paths};
use files::{folder_of, name_of, numbers, remove};
pub(super) use reader::SegmentReader;
pub(super) use segment::Segment;

/// Minimum bytes of a commit whose payloads go to a segment. Above it, one more sync costs less than writing the
/// payloads twice.
pub(super) const COMMIT_BYTES_MIN: u64 = 64 << 10;

/// A segment of this size or more gets no more payloads.
const SEGMENT_BYTES_MAX: u64 = 32 << 20;

/// Maximum segments per pass to drop from the page cache (`fadvise(DONTNEED)`): about 20 ms, during which senders wait.
const DROP_FROM_CACHE_MAX: i64 = 8;

/// How long a file stays when no row points into it any more.
const LEAVES_AFTER: Duration = Duration::from_mins(1);
/// The same delay, while the disk has no room.
const LEAVES_SOON: Duration = Duration::from_secs(2);

/// All segments of the spool, as the writer knows them.
#[derive(Default)]
pub(super) struct Segments {
    /// `None`: readers could not find a folder of this name, so no payload goes there.
    folder: Option<PathBuf>,
    /// The highest number that was given.
    newest: i64,
    current: Option<Segment>,
    /// Segments up to this one were dropped from the page cache.
    dropped_through: i64,
    leaving: Vec<i64>,
    /// Segments that left, with the time, oldest first.
    left: Vec<(Instant, i64)>,
    uncut: Vec<Segment>,
}

/// A segment that gets no more lines.
pub(super) struct Ended {
    pub(super) number: i64,
    /// Its first and last line; between them are also lines whose payloads are elsewhere.
    pub(super) first: EventId,
    pub(super) last: EventId,
}

impl Segments {
    /// Opens the segments of the database that `connection` writes.
    pub(super) fn open(connection: &Connection) -> Result<Self, Error> {
        let mut segments = Self { folder: folder_of(connection), ..Self::default() };
        let Some(folder) = &segments.folder else { return Ok(segments) };
        create_folder(folder)
            .and_then(|()| folder.parent().map_or(Ok(()), sync_folder))
            .map_err(|error| Error::segment(folder, error))?;
        let known = known(connection)?;
        let found = numbers(folder).map_err(|error| Error::segment(folder, error))?;
        segments.newest = known.iter().chain(&found).copied().max().unwrap_or(0);
        for number in found.iter().filter(|number| !known.contains(number)) {
            remove(folder, *number);
        }
        Ok(segments)
    }

    /// The segment for a commit whose first line will be `first`; `None`: there is no folder for it.
    pub(super) fn current(
        &mut self,
        connection: &Connection,
        first: EventId,
    ) -> Result<Option<&mut Segment>, Error> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let is_full = |current: &Segment| current.committed_bytes() >= SEGMENT_BYTES_MAX;
        if self.current.as_ref().is_none_or(is_full) {
            // The number of the first line, or a higher one if a commit failed.
            let number = first.max(self.newest + 1);
            self.newest = number;
            create_folder(folder).map_err(|error| Error::segment(folder, error))?;
            self.current = Some(Segment::create(folder, number)?);
            sync_folder(folder).map_err(|error| Error::segment(folder, error))?;
            connection
                .prepare_cached("INSERT INTO segment (id, first) VALUES (?1, ?2)")?
                .execute(params![number, first])?;
        }
        Ok(self.current.as_mut())
    }

    /// The transaction is committed.
    pub(super) fn committed(&mut self) {
        if let Some(current) = &mut self.current {
            current.commit();
        }
        let now = Instant::now();
        self.left.extend(self.leaving.drain(..).map(|number| (now, number)));
    }

    /// The transaction is rolled back.
    pub(super) fn rolled_back(&mut self) {
        self.leaving.clear();
        self.uncut.extend(self.current.take_if(|current| current.is_uncommitted()));
    }

    /// The write-ahead log ends with the last acknowledged commit, on the disk too: cuts the uncut segments. The next
    /// commit begins a new segment.
    pub(super) fn cut_back(&mut self) -> io::Result<()> {
        self.current = None;
        let Some(folder) = &self.folder else { return Ok(()) };
        while let Some(segment) = self.uncut.pop() {
            segment.cut_back(folder)?;
        }
        if folder.is_dir() { sync_folder(folder) } else { Ok(()) }
    }

    /// The database is about to be made anew from everything that was written, the failed commit included: uncut
    /// segments keep their ends.
    pub(super) fn keep_ends(&mut self) {
        (self.current, self.uncut) = (None, Vec::new());
    }

    /// The database was made anew because its files had been removed: tells how many segments were removed with them.
    pub(super) fn check_after_rescue(&mut self, connection: &Connection) -> Result<(), Error> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let found = create_folder(folder).and_then(|()| numbers(folder));
        let found = found.map_err(|error| Error::segment(folder, error))?;
        let gone = known(connection)?.iter().filter(|number| !found.contains(number)).count();
        if gone > 0 {
            tracing::error!(
                "{gone} files were removed from {}: events whose payloads were in them cannot be delivered any more, \
                 unless they are in memory",
                folder.display()
            );
        }
        Ok(())
    }

    /// The segments that end at or before the line `through`. The last segment ends with the `newest` line.
    pub(super) fn ended(
        connection: &Connection,
        through: EventId,
        newest: EventId,
    ) -> rusqlite::Result<Vec<Ended>> {
        let mut ended = connection.prepare_cached(
            "SELECT id, first, last FROM
               (SELECT id, first, coalesce(lead(first) OVER (ORDER BY id) - 1, ?2) AS last FROM segment)
             WHERE last <= ?1",
        )?;
        let ended = ended.query_map([through, newest], |row| {
            Ok(Ended { number: row.get(0)?, first: row.get(1)?, last: row.get(2)? })
        })?;
        ended.collect()
    }

    /// Deletes the row of a segment. Part of the caller's transaction; no line may point into the segment any more.
    pub(super) fn let_go(&mut self, connection: &Connection, number: i64) -> rusqlite::Result<()> {
        connection.prepare_cached("DELETE FROM segment WHERE id = ?1")?.execute([number])?;
        self.leaving.push(number);
        self.current.take_if(|current| current.number() == number);
        Ok(())
    }

    /// Drops ended segments whose lines are settled through `settled_through` from the page cache: the log is seldom
    /// read that far back, and what comes next needs the memory. To write into fresh pages costs more than into pages
    /// that were used a moment ago.
    pub(super) fn drop_from_cache(
        &mut self,
        connection: &Connection,
        settled_through: EventId,
    ) -> rusqlite::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut settled = connection.prepare_cached(
            "SELECT id FROM (SELECT id, lead(first) OVER (ORDER BY id) AS next FROM segment WHERE id > ?1)
             WHERE next <= ?2 ORDER BY id LIMIT ?3",
        )?;
        let mut rows = settled.query([self.dropped_through, settled_through + 1, DROP_FROM_CACHE_MAX])?;
        while let Some(row) = rows.next()? {
            self.dropped_through = row.get(0)?;
            let path = folder.join(name_of(self.dropped_through));
            // Its content was synced, so the disk has all of it.
            if let Err(error) = File::open(&path).and_then(|file| direct::forget_cached(&file)) {
                tracing::debug!("{} stays in the page cache: {error}", path.display());
            }
        }
        Ok(())
    }

    /// Whether files wait to be removed: their room is not free yet.
    pub(super) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// Removes the files that left long enough ago. `hurry`: the disk has no room.
    pub(super) fn remove_left(&mut self, hurry: bool) {
        let Some(folder) = &self.folder else { return };
        let after = if hurry { LEAVES_SOON } else { LEAVES_AFTER };
        let gone = self.left.iter().take_while(|(since, _)| since.elapsed() >= after).count();
        for (_, number) in self.left.drain(..gone) {
            remove(folder, number);
        }
    }
}

/// The numbers of all segments that have a row.
fn known(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    connection.prepare("SELECT id FROM segment")?.query_map([], |row| row.get(0))?.collect()
}

/// Opens the files of all segments that the connection's snapshot knows, with their names. Do it soon after the snapshot
/// began: a file that left is removed after a while.
pub(super) fn open_known(connection: &Connection) -> Result<Vec<(String, File)>, Error> {
    let Some(folder) = folder_of(connection) else { return Ok(Vec::new()) };
    let open = |number: i64| {
        let path = folder.join(name_of(number));
        let file = File::open(&path).map_err(|error| Error::segment(&path, error))?;
        Ok((name_of(number), file))
    };
    known(connection)?.into_iter().map(open).collect()
}

/// Recreates the rows of `segment` from the lines that point into segments. For a database that was recovered, in which
/// a damaged row may hold any number.
pub(super) fn restore_rows(connection: &Connection) -> rusqlite::Result<()> {
    let (newest, oldest) = (Container::Segment(i64::from(u32::MAX)), Container::Segment(1));
    connection.execute(
        "INSERT INTO segment (id, first) SELECT -chunk, min(id) FROM event WHERE chunk BETWEEN ?1 AND ?2 GROUP BY chunk",
        [newest, oldest],
    )?;
    Ok(())
}

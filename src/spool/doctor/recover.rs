//! Recovers a damaged database: what can be read of it goes into a new one, and the old one is set aside as it is.
//!
//! A power cut at any moment leaves the old files or the new one:
//!
//! 1. The new database is complete and synced before any file is moved.
//! 2. A note says where the old files go. While it exists no engine starts, because it would begin with an empty spool,
//!    and the next `doctor` ends the repair.
//! 3. The files are moved; no file loses a name before another name of it is on the disk.
//! 4. The note is removed.

use std::{fs::File, io, path::Path};

use rusqlite::{Connection, OpenFlags, Row, params_from_iter, types::Value};

use super::{
    check::counted,
    report::{DoctorError, Recovered, Report},
};
use crate::{
    clock,
    delivery::EventId,
    files::{self, remove_if_there, sync_folder},
    spool::{
        adoption, charts,
        columns::{DELIVERED, REJECTED, RESENT, count_of},
        connection::connect_writer,
        layout::{
            FILE_NAME, INDEX_SUFFIX, LOG_SUFFIX, NEW_DATABASE, REPAIR_NOTE, SEGMENTS, beside, remove_log,
        },
        remains,
        schema::migrate,
        segments,
        totals::Totals,
    },
};

/// How the name of a database that is set aside begins; the time in seconds follows.
const ASIDE: &str = "spool-damaged-";

/// The files of a database. The base file is last: as long as it is in place, so is the old database.
const PARTS: [&str; 3] = [LOG_SUFFIX, INDEX_SUFFIX, ""];

/// Tables whose rows are copied, and the column that orders each.
const TABLES: [(&str, &str); 6] = [
    ("word", "id"),
    ("chunk", "id"),
    ("event", "id"),
    ("settled", "id"),
    ("attempt", "event"),
    ("pulse", "at"),
];

/// The longest jump over unreadable rows: longer than any log.
const STEP_MAX: EventId = 1 << 40;

/// Ends a repair that was begun.
///
/// An older version could leave a note without a file name, if it was interrupted while writing it (notes are now
/// written atomically). Such a note moved no files: it is removed, and the repair begins again. If files were moved all
/// the same, the repair continues under their name.
pub(super) fn finish(dir: &Path) -> Result<(), DoctorError> {
    let note = match std::fs::read(dir.join(REPAIR_NOTE)) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let named = std::str::from_utf8(&note).ok().map(str::trim).filter(|name| is_aside(name));
    let begun = match named {
        Some(name) => Some(name.to_owned()),
        None => half_moved(dir)?,
    };
    if let Some(aside) = begun {
        swap(dir, &aside)?;
    } else {
        remove_if_there(&dir.join(REPAIR_NOTE))?;
        sync_folder(dir)?;
    }
    Ok(())
}

fn aside_name(seconds: u64) -> String {
    format!("{ASIDE}{seconds}.sqlite3")
}

fn is_aside(name: &str) -> bool {
    let seconds = name.strip_prefix(ASIDE).and_then(|rest| rest.strip_suffix(".sqlite3"));
    seconds.and_then(|seconds| seconds.parse().ok()).is_some_and(|seconds| aside_name(seconds) == name)
}

/// The name of a damaged database whose log was moved, and the database not yet.
fn half_moved(dir: &Path) -> io::Result<Option<String>> {
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let Some(aside) = name.to_str().and_then(|name| name.strip_suffix(LOG_SUFFIX)) else { continue };
        if is_aside(aside) && !dir.join(aside).exists() {
            return Ok(Some(aside.to_owned()));
        }
    }
    Ok(None)
}

/// Recovers the database and moves the files. After an error the old spool is in place.
pub(super) fn set_aside(dir: &Path, report: &mut Report) -> Result<(), DoctorError> {
    let new = dir.join(NEW_DATABASE);
    for part in PARTS {
        remove_if_there(&beside(&new, part))?;
    }
    let recovered = recover(&dir.join(FILE_NAME), &new)?;
    let seconds = clock::now_ms().unsigned_abs() / 1000;
    let aside = aside_name(seconds);
    // When an engine starts it removes the segments that the new database has no rows for.
    let segments_aside = dir.join(format!("{ASIDE}{seconds}.{SEGMENTS}"));
    segments::copy_all(dir, &segments_aside)?;
    files::replace_private(&dir.join(REPAIR_NOTE), aside.as_bytes())?;
    swap(dir, &aside)?;
    report.set_aside = Some(dir.join(aside));
    let has_segments = segments_aside.is_dir() && std::fs::read_dir(&segments_aside)?.next().is_some();
    report.segments_aside = has_segments.then_some(segments_aside);
    report.recovered = Some(recovered);
    report.findings.iter_mut().for_each(|finding| finding.repaired = true);
    Ok(())
}

/// Moves the files. If it is interrupted anywhere, it can begin again.
fn swap(dir: &Path, aside: &str) -> io::Result<()> {
    let (old, new, aside) = (dir.join(FILE_NAME), dir.join(NEW_DATABASE), dir.join(aside));
    if new.exists() {
        for part in PARTS {
            let from = beside(&old, part);
            if from.exists() {
                files::add_name(&from, &beside(&aside, part))?;
            }
        }
        sync_folder(dir)?;
        // The log and index belong to the old database.
        remove_log(&old)?;
        files::take_name(&new, &old)?;
    }
    remove_if_there(&dir.join(REPAIR_NOTE))?;
    sync_folder(dir)
}

/// Copies what can be read. When this returns, the new database is complete and synced, without a write-ahead log.
fn recover(damaged: &Path, new: &Path) -> Result<Recovered, DoctorError> {
    files::open_private(new)?;
    let target = connect_writer(new)?;
    migrate(&target, 0)?;
    target.execute_batch(charts::SCHEMA)?;
    let transaction = target.unchecked_transaction()?;
    let source = open_damaged(damaged)?;
    let stored = Totals::read(&source).ok();
    for (table, key) in TABLES {
        copy(&source, &transaction, table, key)?;
    }
    adoption::copy(&source, &transaction)?;
    drop(source);
    // Settlements and attempts whose events are lost: they remain in the database that is set aside.
    transaction.execute("DELETE FROM settled WHERE id NOT IN (SELECT id FROM event)", [])?;
    transaction.execute("DELETE FROM attempt WHERE event NOT IN (SELECT id FROM event)", [])?;
    segments::restore_rows(&transaction)?;
    let totals = counted(&transaction, stored.map_or_else(|| settled_totals(&transaction), Ok)?)?;
    totals.write(&transaction)?;
    transaction.commit()?;
    let lines = totals.lines();
    target.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    target.close().map_err(|(_, error)| error)?;
    remove_log(new)?;
    File::open(new)?.sync_all()?;
    Ok(Recovered {
        lines,
        waiting: totals.ledger().queued,
        lost: stored.map(|stored| stored.lines().saturating_sub(lines)),
    })
}

/// A connection to the damaged database. A file whose head cannot be read gives no rows; nor does an empty one, which SQLite
/// would make anew, and remove its write-ahead log.
fn open_damaged(damaged: &Path) -> Result<Connection, DoctorError> {
    if remains::of(damaged)?.is_some() {
        return Ok(Connection::open_in_memory()?);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(damaged, flags)?)
}

/// The totals of a database whose ledger cannot be read, by the rows of `settled`.
fn settled_totals(connection: &Connection) -> rusqlite::Result<Totals> {
    let count = |state: i64| {
        let sql = "SELECT count(*) FROM settled WHERE state = ?1";
        connection.query_row(sql, [state], |row| row.get(0).map(count_of))
    };
    Ok(Totals {
        delivered: count(DELIVERED)?,
        rejected: count(REJECTED)?,
        resent: count(RESENT)?,
        ..Totals::default()
    })
}

/// Copies every row that can be read, in order, and jumps over those that cannot.
fn copy(source: &Connection, target: &Connection, table: &str, key: &str) -> rusqlite::Result<()> {
    let columns = match columns(source, table) {
        Ok(columns) if !columns.is_empty() => columns,
        _ => return Ok(()),
    };
    let names = columns.join(", ");
    let marks = vec!["?"; columns.len()].join(", ");
    let mut insert = target.prepare(&format!("INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"))?;
    let select = format!("SELECT {key}, {names} FROM {table} WHERE {key} > ?1 ORDER BY {key}");
    let mut after: EventId = EventId::MIN;
    loop {
        match copy_on(source, &select, &mut insert, &mut after) {
            Ok(()) => return Ok(()),
            // Not the source's fault: the new database cannot be written.
            Err(CopyError::Target(error)) => return Err(error),
            Err(CopyError::Source) => match next_readable(source, &select, after) {
                Some(before) => after = before,
                None => return Ok(()),
            },
        }
    }
}

enum CopyError {
    /// A row of the damaged database cannot be read.
    Source,
    /// The new database cannot be written.
    Target(rusqlite::Error),
}

fn copy_on(
    source: &Connection,
    select: &str,
    insert: &mut rusqlite::Statement<'_>,
    after: &mut EventId,
) -> Result<(), CopyError> {
    let mut statement = source.prepare(select).map_err(|_damage| CopyError::Source)?;
    let mut rows = statement.query([*after]).map_err(|_damage| CopyError::Source)?;
    while let Some(row) = rows.next().map_err(|_damage| CopyError::Source)? {
        let key: EventId = row.get(0).map_err(|_damage| CopyError::Source)?;
        if let Ok(values) = values(row) {
            match insert.execute(params_from_iter(values)) {
                // A value of the wrong type: that row is damaged.
                Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                }
                Err(error) => return Err(CopyError::Target(error)),
                Ok(_) => {}
            }
        }
        *after = key;
    }
    Ok(())
}

fn values(row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
    (1..row.as_ref().column_count()).map(|index| row.get(index)).collect()
}

fn columns(source: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = source.prepare("SELECT name FROM pragma_table_info(?1)")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

/// The key before the first readable row after a damaged stretch; `None` if there is none. Jumps in growing steps to a
/// key where reading works, then finds the first such key by binary search.
fn next_readable(source: &Connection, select: &str, after: EventId) -> Option<EventId> {
    let is_readable = |after: EventId| -> rusqlite::Result<()> {
        let mut statement = source.prepare(select)?;
        let mut rows = statement.query([after])?;
        rows.next()?.map_or(Ok(()), |row| values(row).map(drop))
    };
    let mut bad = after.max(0);
    let mut step = 1;
    let mut good = loop {
        let probe = bad + step;
        if is_readable(probe).is_ok() {
            break probe;
        }
        if step >= STEP_MAX {
            return None;
        }
        bad = probe;
        step *= 2;
    };
    while good - bad > 1 {
        let middle = bad + (good - bad) / 2;
        if is_readable(middle).is_ok() {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Some(good)
}

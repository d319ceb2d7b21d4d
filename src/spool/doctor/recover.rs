//! A damaged file: what can be read of it goes into a new one, and the old one is set aside as it is.
//!
//! A power cut at any moment leaves the old files or the new one: first the new file is whole and synced, then a note
//! says what is to be moved where, then the files are moved, then the note goes. An engine does not start while the note
//! is there, since it would begin with an empty spool; the next `doctor` ends what was begun. No file loses a name before
//! another one of it is on the disk.

use std::{fs::File, io, path::Path};

use rusqlite::{Connection, OpenFlags, Row, params_from_iter, types::Value};

use super::{DoctorError, FILE_NAME, Recovered, Report, counted, open};
use crate::{
    clock,
    delivery::EventId,
    files::{self, remove_if_there, sync_folder},
    spool::{pulse, rows::Books, segments},
};

const NEW: &str = "spool.sqlite3.new";
const NOTE: &str = "spool.repair";
/// How the name of a spool that is set aside begins; the time in seconds follows.
const ASIDE: &str = "spool-damaged-";

/// The parts of a spool, the base file last: as long as it is in place, so is the old spool.
const PARTS: [&str; 3] = ["-wal", "-shm", ""];

/// Tables whose rows are copied, each with the column that orders it.
const TABLES: [(&str, &str); 6] = [
    ("word", "id"),
    ("chunk", "id"),
    ("event", "id"),
    ("settled", "id"),
    ("attempt", "event"),
    ("pulse", "at"),
];

/// The longest jump over what cannot be read: farther than any spool reaches.
const STEP_MAX: EventId = 1 << 40;

/// A repair was begun and did not end.
pub(in crate::spool) fn is_unfinished(dir: &Path) -> bool {
    dir.join(NOTE).exists()
}

/// Ends a repair that was begun.
///
/// A note that names no file of ours was torn when it was written, so nothing was moved by it: it goes, and the repair is
/// begun again. (Notes are written whole; older versions could tear one.) Where files were moved all the same, theirs is
/// the name.
pub(super) fn finish(dir: &Path) -> Result<(), DoctorError> {
    let note = match std::fs::read(dir.join(NOTE)) {
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
        remove_if_there(&dir.join(NOTE))?;
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

/// A damaged spool whose log was moved, and the database not yet.
fn half_moved(dir: &Path) -> io::Result<Option<String>> {
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let Some(aside) = name.to_str().and_then(|name| name.strip_suffix(PARTS[0])) else { continue };
        if is_aside(aside) && !dir.join(aside).exists() {
            return Ok(Some(aside.to_owned()));
        }
    }
    Ok(None)
}

/// Recovers and moves. An error leaves the old spool in place.
pub(super) fn set_aside(dir: &Path, report: &mut Report) -> Result<(), DoctorError> {
    for part in PARTS {
        remove_if_there(&dir.join(format!("{NEW}{part}")))?;
    }
    let recovered = recover(&dir.join(FILE_NAME), &dir.join(NEW))?;
    let seconds = clock::now_ms().unsigned_abs() / 1000;
    let aside = aside_name(seconds);
    // What the new spool has no rows for goes from the folder when an engine starts.
    let segments = dir.join(format!("{ASIDE}{seconds}.{}", segments::FOLDER));
    segments::keep_aside(&dir.join(segments::FOLDER), &segments)?;
    write_note(dir, &aside)?;
    swap(dir, &aside)?;
    report.set_aside = Some(dir.join(aside));
    report.recovered = Some(recovered);
    report.findings.iter_mut().for_each(|finding| finding.repaired = true);
    Ok(())
}

fn write_note(dir: &Path, aside: &str) -> io::Result<()> {
    files::replace_private(&dir.join(NOTE), aside.as_bytes())
}

/// May be begun anew at any point of it.
fn swap(dir: &Path, aside: &str) -> io::Result<()> {
    let new = dir.join(NEW);
    if new.exists() {
        for part in PARTS {
            let from = dir.join(format!("{FILE_NAME}{part}"));
            if from.exists() {
                files::add_name(&from, &dir.join(format!("{aside}{part}")))?;
            }
        }
        sync_folder(dir)?;
        // The log and index belong to the old file.
        for part in ["-wal", "-shm"] {
            remove_if_there(&dir.join(format!("{FILE_NAME}{part}")))?;
        }
        files::take_name(&new, &dir.join(FILE_NAME))?;
    }
    remove_if_there(&dir.join(NOTE))?;
    sync_folder(dir)
}

/// Copies what can be read. The new file is complete and synced, without a write-ahead log, when this returns.
fn recover(damaged: &Path, new: &Path) -> Result<Recovered, DoctorError> {
    files::open_private(new)?;
    let target = open::connect_writer(new)?;
    open::migrate(&target, 0)?;
    target.execute_batch(pulse::SCHEMA)?;
    let transaction = target.unchecked_transaction()?;
    // A file without a readable head has no rows to offer.
    let source = Connection::open_with_flags(
        damaged,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let told = Books::read(&source).ok();
    for (table, key) in TABLES {
        copy(&source, &transaction, table, key)?;
    }
    drop(source);
    // Ends of stories whose beginnings are lost: they stay in the file that is set aside.
    transaction.execute("DELETE FROM settled WHERE id NOT IN (SELECT id FROM event)", [])?;
    transaction.execute("DELETE FROM attempt WHERE event NOT IN (SELECT id FROM event)", [])?;
    // A segment that no row points into would be removed.
    transaction.execute(
        "INSERT INTO segment SELECT -chunk, min(id) FROM event WHERE chunk BETWEEN -4294967295 AND -1 GROUP BY chunk",
        [],
    )?;
    let books = counted(&transaction, told.map_or_else(|| without_books(&transaction), Ok)?)?;
    books.write(&transaction)?;
    transaction.commit()?;
    let lines = books.lines();
    target.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    target.close().map_err(|(_, error)| error)?;
    File::open(new)?.sync_all()?;
    Ok(Recovered {
        lines,
        waiting: books.ledger().queued,
        lost: told.map(|told| told.lines().saturating_sub(lines)),
    })
}

/// The sums of a file whose own cannot be read: what its rows tell.
fn without_books(connection: &Connection) -> rusqlite::Result<Books> {
    let count = |state: i64| {
        connection
            .query_row("SELECT count(*) FROM settled WHERE state = ?1", [state], |row| row.get::<_, i64>(0))
    };
    let unsigned = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(Books {
        delivered: unsigned(count(2)?),
        rejected: unsigned(count(4)?),
        resent: unsigned(count(5)?),
        settled_through: 0,
        ..Books::default()
    })
}

/// Every row that can be read, in order. A stretch that cannot is jumped over.
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
            // Not the source's fault: the new file cannot be written.
            Err(Trouble::Target(error)) => return Err(error),
            Err(Trouble::Source) => match next_readable(source, &select, after) {
                Some(before) => after = before,
                None => return Ok(()),
            },
        }
    }
}

enum Trouble {
    Source,
    Target(rusqlite::Error),
}

fn copy_on(
    source: &Connection,
    select: &str,
    insert: &mut rusqlite::Statement<'_>,
    after: &mut EventId,
) -> Result<(), Trouble> {
    let mut statement = source.prepare(select).map_err(|_damage| Trouble::Source)?;
    let mut rows = statement.query([*after]).map_err(|_damage| Trouble::Source)?;
    while let Some(row) = rows.next().map_err(|_damage| Trouble::Source)? {
        let key: EventId = row.get(0).map_err(|_damage| Trouble::Source)?;
        if let Ok(values) = values(row) {
            match insert.execute(params_from_iter(values)) {
                // A value of the wrong type: that row is damaged.
                Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                }
                Err(error) => return Err(Trouble::Target(error)),
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

/// The place before the first readable row behind a damaged stretch: in growing steps to where reading works again,
/// then by halves to where it begins to. `None`: nowhere.
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

//! The doctor: is the spool's file whole, is every payload what was accepted, do the sums agree with the rows? Mends the
//! sums and the index in place; a file that is damaged itself is set aside as it is, and what can be read of it becomes
//! a new spool. Nothing is deleted.
//!
//! Reads everything once, so it takes as long as the disk takes to read the file. While an engine runs it only looks.

mod disk;
mod recover;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::{FILE_NAME, open, open::OpenError, read::Payloads, rows::Books, write::sources};
use crate::delivery::EventId;
pub(super) use recover::is_unfinished;

/// Damaged events that are named; of more, only the number is told.
const NAMED_MAX: usize = 20;

/// Why the doctor could not do its work. The spool is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// There is nothing to look at.
    #[error(
        "there is no spool at {}; start the app or `tributary serve`, or name the folder with --data-dir",
        .0.display()
    )]
    Nothing(PathBuf),
    /// The folder or file cannot be had.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The disk failed otherwise than by damage in the file.
    #[error("cannot look at the spool")]
    Sqlite(#[from] rusqlite::Error),
    /// Files could not be moved or made.
    #[error("cannot repair the spool; nothing of it was deleted (is there as much free space as it takes?)")]
    Io(#[from] std::io::Error),
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines of the log that were read.
    pub lines: u64,
    /// Payloads that are what was accepted.
    pub payloads_good: u64,
    /// Payloads without a checksum: they are from version 1 of the spool.
    pub payloads_unchecked: u64,
    /// What is wrong, or was.
    pub findings: Vec<Finding>,
    /// The file was damaged: where it is now.
    pub set_aside: Option<PathBuf>,
    /// What of it is in the new one.
    pub recovered: Option<Recovered>,
    /// Whether the disk itself was read, and not only what the system has in memory of the files. `false`: this file system
    /// has no direct reads.
    pub read_directly: bool,
}

/// One thing that is or was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about: `disk`, `file`, `index`, `payload` or `ledger`.
    pub about: &'static str,
    /// In a sentence.
    pub text: String,
    /// Whether it is mended.
    pub repaired: bool,
}

/// What could be read of a damaged file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Lines of the log.
    pub lines: u64,
    /// Of these, events that wait: they will be delivered.
    pub waiting: u64,
    /// Lines that the old file should have had and that could not be read; `None` where it does not say how many it had.
    pub lost: Option<u64>,
}

impl Report {
    /// Nothing is wrong (any more), and nothing was lost.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.repaired)
            && self.recovered.is_none_or(|recovered| recovered.lost == Some(0))
    }

    fn find(&mut self, about: &'static str, text: String) {
        self.findings.push(Finding { about, text, repaired: false });
    }

    fn mended(&mut self, about: &str) {
        self.findings.iter_mut().filter(|one| one.about == about).for_each(|one| one.repaired = true);
    }
}

/// Examines the spool in `dir`; `repair`: and mends what can be mended, under the folder's lock.
pub fn examine(dir: &Path, repair: bool) -> Result<Report, DoctorError> {
    let path = dir.join(FILE_NAME);
    if !path.exists() && !is_unfinished(dir) {
        return Err(DoctorError::Nothing(path));
    }
    if !repair {
        open::refuse_planted(dir)?;
        return look(dir, &path);
    }
    let _lock = open::lock(dir)?;
    recover::finish(dir)?;
    let mut report = Report::default();
    disk::mend(dir, &mut report)?;
    match mend(&path, &mut report) {
        Ok(Damage::None) => return Ok(report),
        Ok(Damage::InFile) => {}
        Err(error) if is_damage(&error) => report.find("file", format!("The file is damaged: {error}.")),
        Err(error) => return Err(error.into()),
    }
    recover::set_aside(dir, &mut report)?;
    // Rows and payloads lie in different places: one can be lost without the other.
    check_payloads(&open::reader(&path, None)?, None, &mut report)?;
    Ok(report)
}

/// Whether the file itself can be trusted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Damage {
    None,
    InFile,
}

/// The file is not what was written: SQLite says so, or there are no tables, no sums, or values of other types.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, text) => {
            matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                || text.as_deref().is_some_and(|text| text.starts_with("no such"))
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg.starts_with("no such"),
        rusqlite::Error::QueryReturnedNoRows
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => true,
        _ => false,
    }
}

fn look(dir: &Path, path: &Path) -> Result<Report, DoctorError> {
    if is_unfinished(dir) {
        return Err(OpenError::Unfinished(dir.to_owned()).into());
    }
    let mut report = Report::default();
    disk::look(dir, &mut report).map(drop)?;
    let looked = match open::reader(path, None) {
        Ok(connection) => check(&connection, Some(&open::reader(path, None)?), &mut report).map(drop),
        Err(OpenError::Damaged { source, .. }) => Err(source),
        Err(error) => return Err(error.into()),
    };
    match looked {
        Ok(()) => {}
        Err(error) if is_damage(&error) => report.find("file", format!("The file is damaged: {error}.")),
        Err(error) => return Err(error.into()),
    }
    Ok(report)
}

fn mend(path: &Path, report: &mut Report) -> rusqlite::Result<Damage> {
    let connection = open::connect_writer(path)?;
    open::migrate(&connection, open::version(&connection)?)?;
    let checked = check(&connection, None, report)?;
    if checked.damage == Damage::InFile {
        return Ok(Damage::InFile);
    }
    if checked.index {
        connection.execute_batch("REINDEX")?;
        report.mended("index");
    }
    let held = sources::counted(&connection, 0)?;
    if checked.books != Books::read(&connection)? || held != sources::held(&connection)? {
        checked.books.write(&connection)?;
        sources::write_all(&connection, &held)?;
        report.mended("ledger");
    }
    Ok(Damage::None)
}

struct Checked {
    damage: Damage,
    index: bool,
    /// The sums as they should be.
    books: Books,
}

/// One snapshot: an engine may be writing. What it wrote since is seen by `latest`.
fn check(
    connection: &Connection,
    latest: Option<&Connection>,
    report: &mut Report,
) -> rusqlite::Result<Checked> {
    let snapshot = connection.unchecked_transaction()?;
    let said: Vec<String> = snapshot
        .prepare("PRAGMA integrity_check(100)")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let (index, file): (Vec<_>, Vec<_>) =
        said.into_iter().filter(|line| line != "ok").partition(|line| is_about_index(line));
    if let Some(first) = file.first() {
        let count = file.len();
        report.find("file", format!("The file is damaged in {count} places or more; the first: {first}"));
        return Ok(Checked { damage: Damage::InFile, index: false, books: Books::default() });
    }
    if let Some(first) = index.first() {
        report.find("index", format!("An index does not agree with its table: {first}"));
    }
    check_payloads(&snapshot, latest, report)?;
    let books = check_books(&snapshot, report)?;
    Ok(Checked { damage: Damage::None, index: !index.is_empty(), books })
}

/// <https://www.sqlite.org/pragma.html#pragma_integrity_check>: rows missing from an index, and the like.
fn is_about_index(line: &str) -> bool {
    line.contains("missing from index")
        || line.contains("entries in index")
        || line.contains("non-unique entry")
}

fn check_payloads(
    connection: &Connection,
    latest: Option<&Connection>,
    report: &mut Report,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT event.id, message_id, partition_key, chunk, start, length, sum, settled.state
         FROM event LEFT JOIN settled ON settled.id = event.id ORDER BY event.id",
    )?;
    let mut rows = statement.query([])?;
    let mut payloads = Payloads::new(connection);
    let mut damaged = Vec::new();
    let mut more = 0_u64;
    while let Some(row) = rows.next()? {
        report.lines += 1;
        let key = row.get_ref(2)?.as_str()?;
        let sum: Option<i64> = row.get(6)?;
        if payloads.read_whole((row.get(3)?, row.get(4)?, row.get(5)?), key, sum)?.is_some() {
            report.payloads_good += u64::from(sum.is_some());
            report.payloads_unchecked += u64::from(sum.is_none());
        } else if has_left(latest, row.get(0)?, row.get(3)?)? {
            report.lines -= 1;
        } else if damaged.len() < NAMED_MAX {
            let id: EventId = row.get(0)?;
            let message_id: String = row.get(1)?;
            let state: Option<i64> = row.get(7)?;
            damaged.push(format!("line {id} ({}, messageId {message_id})", state_word(state)));
        } else {
            more += 1;
        }
    }
    if !damaged.is_empty() {
        let others = if more > 0 { format!(" and {more} more") } else { String::new() };
        report.find(
            "payload",
            format!(
                "The bytes of {} events are not what was accepted, and cannot be mended: {}{others}. Those that wait \
                 will be shown as failed; their senders may have them.",
                damaged.len() as u64 + more,
                damaged.join(", ")
            ),
        );
    }
    Ok(())
}

/// An engine pruned the line, or moved its payload, after the snapshot was taken: the file of a segment stays only for a
/// minute after that.
fn has_left(latest: Option<&Connection>, line: EventId, chunk: i64) -> rusqlite::Result<bool> {
    let Some(latest) = latest else { return Ok(false) };
    let mut statement = latest.prepare_cached("SELECT chunk FROM event WHERE id = ?1")?;
    let now: Option<i64> = statement.query_row([line], |row| row.get(0)).optional()?;
    Ok(now != Some(chunk))
}

fn state_word(state: Option<i64>) -> &'static str {
    state.map_or("waiting", |state| super::rows::state_of(state).as_str())
}

/// What the rows say; of what was pruned the books alone know.
fn check_books(connection: &Connection, report: &mut Report) -> rusqlite::Result<Books> {
    let told = Books::read(connection)?;
    let rows = counted(connection, told)?;
    let mut wrong = Vec::new();
    let queued =
        |books: &Books| i128::from(books.accepted) - i128::from(books.delivered) - i128::from(books.failed);
    let pairs: [(&str, i128, i128); 5] = [
        ("waiting events", queued(&told), queued(&rows)),
        ("failed events", told.failed.into(), rows.failed.into()),
        ("bytes that wait", told.queued_bytes.into(), rows.queued_bytes.into()),
        ("lines of the log", told.kept.into(), rows.kept.into()),
        ("the newest line", told.newest.into(), rows.newest.into()),
    ];
    wrong.extend(
        pairs
            .into_iter()
            .filter(|(_, told, rows)| told != rows)
            .map(|(what, told, rows)| format!("{what}: {told} by the ledger, {rows} by the rows")),
    );
    // A program that opens the file for writing fills them where they are not there.
    let held = sources::held(connection)?;
    if !held.is_empty() {
        wrong.extend(differing(connection, &held, &sources::counted(connection, 0)?)?);
    }
    if told.settled_through != rows.settled_through {
        wrong.push("events that wait would not have been found".to_owned());
    }
    if !wrong.is_empty() {
        report.find("ledger", format!("The sums do not agree with the rows ({}).", wrong.join("; ")));
    }
    Ok(rows)
}

/// What to say of each source whose bytes are not those of its rows.
fn differing(
    connection: &Connection,
    held: &BTreeMap<i64, u64>,
    counted: &BTreeMap<i64, u64>,
) -> rusqlite::Result<Vec<String>> {
    let mut said = Vec::new();
    for source in held.keys().chain(counted.keys()).collect::<BTreeSet<_>>() {
        let [told, rows] = [held, counted].map(|sums| sums.get(source).copied().unwrap_or(0));
        if told != rows {
            let mut statement = connection.prepare_cached("SELECT text FROM word WHERE id = ?1")?;
            let name: Option<String> = statement.query_row([source], |row| row.get(0)).optional()?;
            let name = name.map_or_else(|| format!("number {source}"), |name| format!("{name:?}"));
            said.push(format!("bytes of the source {name}: {told} by the ledger, {rows} by the rows"));
        }
    }
    Ok(said)
}

/// The books by the rows, as far as they tell: `accepted` is what is delivered, waits or failed.
pub(super) fn counted(connection: &Connection, told: Books) -> rusqlite::Result<Books> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let count = |sql: &str| number(sql).map(|count| u64::try_from(count).unwrap_or(0));
    let (waiting, bytes): (i64, i64) = connection.query_row(
        "SELECT count(*), coalesce(sum(length), 0) FROM event
         WHERE NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let failed = count("SELECT count(*) FROM settled WHERE state = 3")?;
    let failed_bytes = number(
        "SELECT coalesce(sum(length), 0) FROM settled JOIN event ON event.id = settled.id WHERE state = 3",
    )?;
    let newest = number(
        "SELECT max(coalesce((SELECT max(id) FROM event), 0), coalesce((SELECT max(id) FROM settled), 0))",
    )?;
    let first: Option<EventId> = connection.query_row(
        "SELECT min(id) FROM event WHERE NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id)",
        [],
        |row| row.get(0),
    )?;
    let newest = told.newest.max(newest);
    let before_first = first.map_or(newest, |id| id - 1);
    let oldest_settled: EventId =
        connection
            .query_row("SELECT coalesce(min(id), 1) FROM settled WHERE state <> 3", [], |row| row.get(0))?;
    Ok(Books {
        newest,
        accepted: told.delivered + failed + u64::try_from(waiting).unwrap_or(0),
        failed,
        queued_bytes: u64::try_from(bytes + failed_bytes).unwrap_or(0),
        kept: count("SELECT count(*) FROM settled WHERE state <> 3")?,
        // It may lag behind, never be ahead.
        settled_through: told.settled_through.min(before_first),
        pruned_through: told.pruned_through.min((oldest_settled - 1).max(0)),
        ..told
    })
}

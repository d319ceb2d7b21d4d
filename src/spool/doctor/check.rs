//! Checks the database: its structure, every payload, and the sums against the rows.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use rusqlite::{Connection, OptionalExtension, Row};

use super::report::Report;
use crate::{
    delivery::EventId,
    spool::{
        columns::{count_of, state_of},
        error::Error,
        location::{Container, PayloadLocation},
        payload::PayloadReader,
        source_bytes,
        totals::Totals,
        words,
    },
};

/// Maximum damaged events that are named. Further ones are only counted.
const NAMED_MAX: usize = 20;

/// What is wrong with the database, other than damaged payloads.
pub(super) enum Checked {
    /// Its structure is damaged.
    Damaged,
    Sound {
        /// An index does not agree with its table.
        is_index_wrong: bool,
        /// The sums as they should be.
        totals: Totals,
    },
}

/// Checks one snapshot, since an engine may be writing. `latest` sees what the engine has written since.
pub(super) fn check(
    connection: &Connection,
    latest: Option<&Connection>,
    report: &mut Report,
) -> Result<Checked, Error> {
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
        return Ok(Checked::Damaged);
    }
    if let Some(first) = index.first() {
        report.find("index", format!("An index does not agree with its table: {first}"));
    }
    check_payloads(&snapshot, latest, report)?;
    let totals = check_totals(&snapshot, report)?;
    Ok(Checked::Sound { is_index_wrong: !index.is_empty(), totals })
}

/// <https://www.sqlite.org/pragma.html#pragma_integrity_check>: rows missing from an index, and the like.
fn is_about_index(line: &str) -> bool {
    line.contains("missing from index")
        || line.contains("entries in index")
        || line.contains("non-unique entry")
}

/// What is needed to check the payload of a line, and to name the line.
struct CheckedLine<'r> {
    id: EventId,
    message_id: Cow<'r, str>,
    key: Cow<'r, str>,
    location: PayloadLocation,
    checksum: Option<i64>,
    state: Option<i64>,
}

impl<'r> CheckedLine<'r> {
    const SELECT: &'static str =
        "SELECT event.id, message_id, partition_key, chunk, start, length, sum, settled.state
         FROM event LEFT JOIN settled ON settled.id = event.id ORDER BY event.id";

    /// Reads a row. Text that is not UTF-8 is one damaged line, not the end of the check: a checksum covers the key.
    fn of(row: &'r Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            message_id: String::from_utf8_lossy(row.get_ref(1)?.as_bytes()?),
            key: String::from_utf8_lossy(row.get_ref(2)?.as_bytes()?),
            location: PayloadLocation::of_row(row, 3)?,
            checksum: row.get(6)?,
            state: row.get(7)?,
        })
    }

    fn name(&self) -> String {
        let state = self.state.map_or("waiting", |state| state_of(state).as_str());
        format!("line {} ({state}, messageId {})", self.id, self.message_id)
    }
}

/// Compares every payload with its checksum.
pub(super) fn check_payloads(
    connection: &Connection,
    latest: Option<&Connection>,
    report: &mut Report,
) -> Result<(), Error> {
    let mut statement = connection.prepare(CheckedLine::SELECT)?;
    let mut rows = statement.query([])?;
    let mut payloads = PayloadReader::new(connection);
    let mut damaged = Vec::new();
    let mut count = 0_u64;
    while let Some(row) = rows.next()? {
        let line = CheckedLine::of(row)?;
        if payloads.read_checked(line.location, &line.key, line.checksum)?.is_ok() {
            report.payloads_good += u64::from(line.checksum.is_some());
            report.payloads_unchecked += u64::from(line.checksum.is_none());
        } else if has_left(latest, &line)? {
            continue;
        } else {
            count += 1;
            if damaged.len() < NAMED_MAX {
                damaged.push(line.name());
            }
        }
        report.lines += 1;
    }
    if !damaged.is_empty() {
        let more = count - damaged.len() as u64;
        let others = if more > 0 { format!(" and {more} more") } else { String::new() };
        report.find(
            "payload",
            format!(
                "The bytes of {count} events are not what was accepted, and cannot be mended: {}{others}. Those that wait \
                 will be shown as failed; their senders may have them.",
                damaged.join(", ")
            ),
        );
    }
    Ok(())
}

/// Whether an engine pruned the line, or moved its payload, after the snapshot was taken. The file of a segment stays
/// only for a minute after that.
fn has_left(latest: Option<&Connection>, line: &CheckedLine<'_>) -> rusqlite::Result<bool> {
    let Some(latest) = latest else { return Ok(false) };
    let mut statement = latest.prepare_cached("SELECT chunk FROM event WHERE id = ?1")?;
    let now: Option<Container> = statement.query_row([line.id], |row| row.get(0)).optional()?;
    Ok(now != Some(line.location.container))
}

/// Compares the sums with the rows; returns the sums as they should be.
fn check_totals(connection: &Connection, report: &mut Report) -> rusqlite::Result<Totals> {
    let stored = Totals::read(connection)?;
    let counted = counted(connection, stored)?;
    let queued = |totals: &Totals| {
        i128::from(totals.accepted) - i128::from(totals.delivered) - i128::from(totals.failed)
    };
    let pairs: [(&str, i128, i128); 5] = [
        ("waiting events", queued(&stored), queued(&counted)),
        ("failed events", stored.failed.into(), counted.failed.into()),
        ("bytes that wait", stored.queued_bytes.into(), counted.queued_bytes.into()),
        ("lines of the log", stored.kept.into(), counted.kept.into()),
        ("the newest line", stored.newest.into(), counted.newest.into()),
    ];
    let mut wrong: Vec<String> = pairs
        .into_iter()
        .filter(|(_, stored, counted)| stored != counted)
        .map(|(what, stored, counted)| format!("{what}: {stored} by the ledger, {counted} by the rows"))
        .collect();
    // A spool of an older version has no sums by source; they are made when the spool is opened for writing.
    let held = source_bytes::stored(connection)?;
    if !held.is_empty() {
        wrong.extend(wrong_sources(connection, &held, &source_bytes::counted(connection, 0)?)?);
    }
    if stored.settled_through != counted.settled_through {
        wrong.push("events that wait would not have been found".to_owned());
    }
    if !wrong.is_empty() {
        report.find("ledger", format!("The sums do not agree with the rows ({}).", wrong.join("; ")));
    }
    Ok(counted)
}

/// Adds a text for each source whose stored bytes differ from those of its rows.
fn wrong_sources(
    connection: &Connection,
    stored: &BTreeMap<i64, u64>,
    counted: &BTreeMap<i64, u64>,
) -> rusqlite::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for source in stored.keys().chain(counted.keys()).collect::<BTreeSet<_>>() {
        let [stored, counted] = [stored, counted].map(|sums| sums.get(source).copied().unwrap_or(0));
        if stored != counted {
            let name = words::text_of(connection, *source)?;
            let name = name.map_or_else(|| format!("number {source}"), |name| format!("{name:?}"));
            wrong.push(format!("bytes of the source {name}: {stored} by the ledger, {counted} by the rows"));
        }
    }
    Ok(wrong)
}

/// The totals, counted from the rows. Totals that rows do not show, such as pruned lines, come from `stored`.
/// `accepted` is the sum of delivered, queued and failed events.
pub(super) fn counted(connection: &Connection, stored: Totals) -> rusqlite::Result<Totals> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let count = |sql: &str| number(sql).map(count_of);
    let (queued, queued_bytes): (i64, i64) = connection.query_row(
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
    let first_queued: Option<EventId> = connection.query_row(
        "SELECT min(id) FROM event WHERE NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id)",
        [],
        |row| row.get(0),
    )?;
    let newest = stored.newest.max(newest);
    let before_queued = first_queued.map_or(newest, |id| id - 1);
    let oldest_settled = number("SELECT coalesce(min(id), 1) FROM settled WHERE state <> 3")?;
    Ok(Totals {
        newest,
        accepted: stored.delivered + failed + count_of(queued),
        failed,
        queued_bytes: count_of(queued_bytes + failed_bytes),
        kept: count("SELECT count(*) FROM settled WHERE state <> 3")?,
        // It may lag behind, never run ahead.
        settled_through: stored.settled_through.min(before_queued),
        pruned_through: stored.pruned_through.min((oldest_settled - 1).max(0)),
        ..stored
    })
}

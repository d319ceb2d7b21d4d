//! The table `attempt`: puts that did not deliver.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::StoredText;
use crate::delivery::{Attempt, AwsError, EventId};

/// Attempts of one event that are all kept; later ones are kept if their number is a power of two, or if they are the
/// newest. So an event that is tried for days has few rows.
const ALL_KEPT: u32 = 16;

/// Whether an attempt is still kept when a newer one is written.
pub(super) fn is_kept(number: u32) -> bool {
    number <= ALL_KEPT || number.is_power_of_two()
}

/// Adds an attempt, in place of the one before it unless that one is kept.
pub(super) fn insert(connection: &Connection, event: EventId, attempt: &Attempt) -> rusqlite::Result<()> {
    if attempt.number > ALL_KEPT {
        let mut statement = connection.prepare_cached(
            "DELETE FROM attempt WHERE event = ?1 AND number > ?2 AND number < ?3
               AND (number & (number - 1)) <> 0",
        )?;
        statement.execute(params![event, ALL_KEPT, attempt.number])?;
    }
    let mut statement =
        connection.prepare_cached("INSERT OR REPLACE INTO attempt VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    statement.execute(params![
        event,
        attempt.number,
        attempt.at,
        attempt.took_ms,
        &*attempt.fault.code,
        &*attempt.fault.message,
    ])?;
    Ok(())
}

/// The attempts of an event that were kept, oldest first.
pub(super) fn all(connection: &Connection, event: EventId) -> rusqlite::Result<Vec<Attempt>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, at, took, code, message FROM attempt WHERE event = ?1 ORDER BY number",
    )?;
    statement.query_map([event], of_row)?.collect()
}

/// The newest attempt of an event.
pub(super) fn last(connection: &Connection, event: EventId) -> rusqlite::Result<Option<Attempt>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, at, took, code, message FROM attempt WHERE event = ?1 ORDER BY number DESC LIMIT 1",
    )?;
    statement.query_row([event], of_row).optional()
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        number: row.get(0)?,
        at: row.get(1)?,
        took_ms: row.get(2)?,
        fault: AwsError::new(row.get::<_, StoredText>(3)?.0, row.get::<_, StoredText>(4)?.0),
    })
}

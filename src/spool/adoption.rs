//! Who a spool is, who adopts its events, and whose events it has adopted: the tables `identity` and `adopted`.
//!
//! Every spool has a random id from the moment its database is made; a copy has the id of its original. The spool that
//! gives its events away holds a mark: who takes them, since when, and whether that has ended. While it has the mark no
//! engine starts on it. The spool that takes them notes, in the transaction of each batch, how far it has come. So what
//! was taken is known on the taking side alone, and an adoption that was interrupted goes on from there.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{StoredText, count_column, count_of};
use crate::delivery::{EventId, Millis};

/// What a spool knows about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: String,
    /// Its events are being adopted, or were.
    pub(super) mark: Option<Mark>,
}

/// Who adopts the events of a spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The id of the spool that takes them.
    pub adopter: String,
    /// The data folder of that spool, as it was called then.
    pub into: String,
    /// When the adoption began.
    pub began: Millis,
    /// When it ended; `None`: it has not.
    pub ended: Option<Millis>,
}

/// What a spool has taken from another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The data folder of the other spool, as it was called then.
    pub path: String,
    /// When the last events were taken.
    pub at: Millis,
    /// Waiting events.
    pub queued: u64,
    /// Failed events.
    pub failed: u64,
    /// The JSON bytes of both.
    pub bytes: u64,
    /// The last line of the other spool that was taken.
    pub(super) through: EventId,
    /// The last batch: it begins after this line of the other spool,
    pub(super) batch_after: EventId,
    /// and its first event is this line here.
    pub(super) batch_first: EventId,
}

/// One batch of events that were taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Batch {
    pub(super) at: Millis,
    pub(super) after: EventId,
    pub(super) through: EventId,
    pub(super) first: EventId,
    pub(super) queued: u64,
    pub(super) failed: u64,
    pub(super) bytes: u64,
}

/// The identity of the spool that `connection` has open; it must be of the present schema.
pub(super) fn identity(connection: &Connection) -> rusqlite::Result<Identity> {
    let mut statement = connection.prepare_cached(
        "SELECT id, adopter, adopter_path, adoption_began, adoption_ended FROM identity WHERE one = 1",
    )?;
    statement.query_row([], |row| {
        let adopter = row.get::<_, Option<StoredText>>(1)?;
        let into = row.get::<_, Option<StoredText>>(2)?.map(|text| text.0).unwrap_or_default();
        let (began, ended) = (row.get::<_, Option<Millis>>(3)?.unwrap_or_default(), row.get(4)?);
        Ok(Identity {
            id: row.get::<_, StoredText>(0)?.0,
            mark: adopter.map(|StoredText(adopter)| Mark { adopter, into, began, ended }),
        })
    })
}

/// Marks the spool: its events are being adopted. A mark that it has stays as it is.
pub(super) fn begin(connection: &Connection, adopter: &str, into: &str, at: Millis) -> rusqlite::Result<()> {
    connection
        .execute(
            "UPDATE identity SET adopter = ?1, adopter_path = ?2, adoption_began = ?3 WHERE adopter IS NULL",
            params![adopter, into, at],
        )
        .map(drop)
}

/// Marks the spool: the adoption has ended.
pub(super) fn end(connection: &Connection, at: Millis) -> rusqlite::Result<()> {
    let sql = "UPDATE identity SET adoption_ended = ?1 WHERE adoption_ended IS NULL AND adopter IS NOT NULL";
    connection.execute(sql, [at]).map(drop)
}

const SELECT: &str = "SELECT path, at, queued, failed, bytes, through, batch_after, batch_first FROM adopted";

fn of_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Adopted> {
    Ok(Adopted {
        path: row.get::<_, StoredText>(0)?.0,
        at: row.get(1)?,
        queued: row.get(2).map(count_of)?,
        failed: row.get(3).map(count_of)?,
        bytes: row.get(4).map(count_of)?,
        through: row.get(5)?,
        batch_after: row.get(6)?,
        batch_first: row.get(7)?,
    })
}

/// What was taken from the spool with this id.
pub(super) fn adopted_from(connection: &Connection, id: &str) -> rusqlite::Result<Option<Adopted>> {
    let mut statement = connection.prepare(&format!("{SELECT} WHERE id = ?1"))?;
    statement.query_row([id], of_row).optional()
}

/// What was taken from all others, oldest first.
pub(super) fn all_adopted(connection: &Connection) -> rusqlite::Result<Vec<Adopted>> {
    let mut statement = connection.prepare(&format!("{SELECT} ORDER BY at, id"))?;
    statement.query_map([], of_row)?.collect()
}

/// Notes a batch. Part of the transaction that adds its events.
pub(super) fn note_batch(
    connection: &Connection,
    id: &str,
    path: &str,
    batch: &Batch,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO adopted VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (id) DO UPDATE SET path = excluded.path, at = excluded.at, through = excluded.through,
           batch_after = excluded.batch_after, batch_first = excluded.batch_first, queued = queued + excluded.queued,
           failed = failed + excluded.failed, bytes = bytes + excluded.bytes",
    )?;
    let Batch { at, after, through, first, queued, failed, bytes } = *batch;
    let [queued, failed, bytes] = [queued, failed, bytes].map(count_column);
    statement.execute(params![id, path, at, through, after, first, queued, failed, bytes]).map(drop)
}

/// Copies both tables from a database that may be damaged: what can be read.
pub(super) fn copy(source: &Connection, target: &Connection) -> rusqlite::Result<()> {
    if let Ok(Identity { id, mark }) = identity(source) {
        let (adopter, into) = (mark.as_ref().map(|mark| &mark.adopter), mark.as_ref().map(|mark| &mark.into));
        let (began, ended) =
            (mark.as_ref().map(|mark| mark.began), mark.as_ref().and_then(|mark| mark.ended));
        target.execute(
            "UPDATE identity SET id = ?1, adopter = ?2, adopter_path = ?3, adoption_began = ?4, adoption_ended = ?5",
            params![id, adopter, into, began, ended],
        )?;
    }
    let mut read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, StoredText>(8)?.0, of_row(row)?));
    let sql = SELECT.replace(" FROM", ", id FROM");
    let Ok(mut statement) = source.prepare(&sql) else { return Ok(()) };
    let Ok(rows) = statement.query_map([], &mut read) else { return Ok(()) };
    for (id, adopted) in rows.map_while(Result::ok) {
        let Adopted { path, at, queued, failed, bytes, through, batch_after: after, batch_first: first } =
            adopted;
        note_batch(target, &id, &path, &Batch { at, after, through, first, queued, failed, bytes })?;
    }
    Ok(())
}

/// A time for people, to the minute.
pub(super) fn minute(at: Millis) -> String {
    let time = Timestamp::from_millisecond(at).map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string());
    time.unwrap_or_else(|_outside| at.to_string())
}

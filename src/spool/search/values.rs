//! Values of a field among the newest lines of the log.

use rusqlite::{Connection, params};

use super::sql::like;
use crate::{
    delivery::{
        EventId, Field,
        query::{FieldValue, ValuesRequest},
    },
    spool::{columns::StoredText, error::Error, totals::Totals},
};

/// Maximum number of newest lines whose values are read.
const LINES_MAX: EventId = if cfg!(test) { 1_000 } else { 20_000 };
/// Maximum values.
const VALUES_MAX: usize = 40;

/// The values, those of most lines first.
pub(in crate::spool) fn of(
    connection: &Connection,
    request: &ValuesRequest,
) -> Result<Vec<FieldValue>, Error> {
    let snapshot = connection.unchecked_transaction()?;
    let newest = Totals::read(&snapshot)?.newest;
    let texts = match request.field {
        Field::User => "SELECT partition_key AS text FROM event WHERE id > ?1",
        Field::Event => "SELECT name AS text FROM event WHERE id > ?1",
        Field::MessageId => "SELECT message_id AS text FROM event WHERE id > ?1",
        Field::Source => {
            "SELECT word.text FROM event JOIN word ON word.id = event.source WHERE event.id > ?1"
        }
        Field::Shard => {
            "SELECT word.text FROM settled JOIN word ON word.id = settled.shard WHERE settled.id > ?1"
        }
        Field::Error => {
            "SELECT code AS text FROM settled WHERE id > ?1
             UNION ALL SELECT code AS text FROM attempt WHERE event > ?1"
        }
    };
    let sql = format!(
        "SELECT text, count(*) FROM ({texts}) WHERE text LIKE ?2 ESCAPE '\\' AND text <> ''
         GROUP BY text ORDER BY 2 DESC, 1 LIMIT ?3"
    );
    let pattern = format!("%{}%", like(&request.part));
    let mut statement = snapshot.prepare_cached(&sql)?;
    let limit = i64::try_from(VALUES_MAX).unwrap_or(i64::MAX);
    let values = statement.query_map(params![newest - LINES_MAX, pattern, limit], |row| {
        let lines: i64 = row.get(1)?;
        Ok(FieldValue { text: row.get::<_, StoredText>(0)?.0, lines: lines.unsigned_abs() })
    })?;
    Ok(values.collect::<rusqlite::Result<_>>()?)
}

//! The table `word`: a number for each text that is stored again and again (names of sources, ids of shards).

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension};

use super::columns::StoredText;

/// The numbers of all texts, in memory.
pub(super) struct WordNumbers(HashMap<Arc<str>, i64>);

impl WordNumbers {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare("SELECT text, id FROM word")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, StoredText>(0)?.0.into(), row.get(1)?)))?;
        Ok(Self(rows.collect::<rusqlite::Result<_>>()?))
    }

    /// The number of a text; a new text gets one in the caller's transaction.
    pub(super) fn number_of(&mut self, connection: &Connection, text: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.0.get(text) {
            return Ok(*id);
        }
        connection.prepare_cached("INSERT OR IGNORE INTO word (text) VALUES (?1)")?.execute([&**text])?;
        let id = connection
            .prepare_cached("SELECT id FROM word WHERE text = ?1")?
            .query_row([&**text], |row| row.get(0))?;
        self.0.insert(Arc::clone(text), id);
        Ok(id)
    }

    /// The transaction was rolled back: its new numbers are given again.
    pub(super) fn rolled_back(&mut self) {
        self.0.clear();
    }
}

/// The text with this number.
pub(super) fn text_of(connection: &Connection, number: i64) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT text FROM word WHERE id = ?1")?;
    statement.query_row([number], |row| Ok(row.get::<_, StoredText>(0)?.0)).optional()
}

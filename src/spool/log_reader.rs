//! Reads the delivery log: pages, single lines, payloads, sums. On a read-only connection, so a long search never
//! blocks the writer.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    adoption::{self, Adopted, Mark},
    attempts, charts,
    columns::StoredText,
    connection::{ExpectedFile, connect_reader},
    error::{OpenError, ReadError},
    hot_keys::KeyCounts,
    line::{self, LineRow},
    location::PayloadLocation,
    payload::PayloadReader,
    previews, search,
    totals::Totals,
};
use crate::{
    delivery::{
        CountRequest, Counts, Delivery, Detail, EventId, Ledger, LogPage, Millis, Query,
        chart::{ChartSpan, Overview},
        query::{FieldValue, ValuesRequest},
    },
    event::Encoding,
};

/// Maximum number of newest lines in which the shard of a hot key is looked up.
const SHARD_LINES_MAX: EventId = 20_000;

/// A reader of the delivery log, for one thread; to open another is cheap.
pub struct LogReader {
    path: PathBuf,
    /// `Some` in the writer's process.
    expected: Option<ExpectedFile>,
    connection: Connection,
    /// The last value that [`Self::follow`] was given.
    files: u64,
}

impl LogReader {
    /// Opens the log of the spool at `path` (see [`super::FILE_NAME`]), whether an engine runs or not.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::of(path, None)
    }

    pub(super) fn of(path: &Path, expected: Option<ExpectedFile>) -> Result<Self, OpenError> {
        let connection = connect_reader(path, expected.as_ref())?;
        Ok(Self { path: path.to_owned(), expected, connection, files: 0 })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Reopens the log if the writer has made its files anew since, which [`super::Summary::files`] counts. Does not
    /// reopen just because the path names another file: SQLite would take that file's index for the open one, and
    /// shorten it while the writer uses it.
    pub fn follow(&mut self, files: u64) -> Result<(), OpenError> {
        if self.files != files {
            self.connection = connect_reader(&self.path, self.expected.as_ref())?;
            self.files = files;
        }
        Ok(())
    }

    /// The sums as of the last commit.
    pub fn ledger(&self) -> Result<Ledger, ReadError> {
        Ok(Totals::read(&self.connection)?.ledger())
    }

    /// Who adopts the events of this spool, or has adopted them.
    pub fn adopted_by(&self) -> Result<Option<Mark>, ReadError> {
        Ok(adoption::identity(&self.connection)?.mark)
    }

    /// The events that this spool has adopted from others, oldest first.
    pub fn adopted(&self) -> Result<Vec<Adopted>, ReadError> {
        Ok(adoption::all_adopted(&self.connection)?)
    }

    /// The newest line.
    pub fn newest(&self) -> Result<EventId, ReadError> {
        Ok(Totals::read(&self.connection)?.newest)
    }

    /// One line; `None`: it is not in the log.
    pub fn line(&self, id: EventId) -> Result<Option<Delivery>, ReadError> {
        let one = Query { after: Some(id - 1), before: Some(id + 1), limit: 1, ..Query::default() };
        Ok(self.page(&one)?.rows.pop())
    }

    /// The lines that match `query`.
    ///
    /// A page that has to search looks at no more than 50,000 lines, and then says where it stopped.
    pub fn page(&self, query: &Query) -> Result<LogPage, ReadError> {
        self.page_while(query, &|| true)
    }

    /// Like [`Self::page`]. Calls `go_on` every few hundred lines; `false` ends the search early.
    pub fn page_while(&self, query: &Query, go_on: &dyn Fn() -> bool) -> Result<LogPage, ReadError> {
        let mut page = search::page(&self.connection, query, go_on)?;
        if query.with_previews {
            previews::add(&self.connection, &mut page.rows, go_on)?;
        }
        Ok(page)
    }

    /// Counts what a query finds, by state, over time. Calls `go_on` every few hundred lines; `false` ends the part early.
    ///
    /// A part that has to search looks at no more than 50,000 lines, and then says where it stopped.
    pub fn counts(&self, request: &CountRequest, go_on: &dyn Fn() -> bool) -> Result<Counts, ReadError> {
        Ok(search::counts::of(&self.connection, request, go_on)?)
    }

    /// Values of a field among the newest 20,000 lines, those of most lines first.
    pub fn values(&self, request: &ValuesRequest) -> Result<Vec<FieldValue>, ReadError> {
        Ok(search::values::of(&self.connection, request)?)
    }

    /// What a window of the charts shows. The shard of a hot key is that of its newest record, if that is among the
    /// newest lines.
    pub fn overview(&self, window: ChartSpan, keys: &KeyCounts, now: Millis) -> Result<Overview, ReadError> {
        let snapshot = self.connection.unchecked_transaction()?;
        let totals = Totals::read(&snapshot)?;
        let mut hot = keys.top(now);
        for key in &mut hot.keys {
            key.shard = shard_of(&snapshot, &key.key, totals.newest)?;
        }
        let retrying = retrying(&snapshot, &totals)?;
        Ok(Overview { window, now, intervals: charts::intervals(&snapshot, window, now)?, hot, retrying })
    }

    /// The newest line of the event with this `messageId`, among the lines after `after`.
    pub fn find(&self, message_id: &str, after: EventId) -> Result<Option<Delivery>, ReadError> {
        let sql =
            line::select_where("event.id > ?1 AND event.message_id = ?2 ORDER BY event.id DESC LIMIT 1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![after, message_id])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let line = LineRow(row);
        let last = attempts::last(&self.connection, line.id()?)?;
        Ok(Some(line.delivery(last)?))
    }

    /// Every line of the event with this `messageId`, oldest first. Reads the whole log.
    pub fn lines_of(&self, message_id: &str) -> Result<Vec<EventId>, ReadError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id FROM event WHERE message_id = ?1 ORDER BY id")?;
        Ok(statement.query_map([message_id], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The newest failed or delivered line of the event with this `messageId`. Reads the whole log if there is none.
    pub fn find_settled(&self, message_id: &str) -> Result<Option<EventId>, ReadError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT event.id FROM event JOIN settled ON settled.id = event.id
             WHERE event.message_id = ?1 AND settled.state IN (2, 3) ORDER BY event.id DESC LIMIT 1",
        )?;
        Ok(statement.query_row([message_id], |row| row.get(0)).optional()?)
    }

    /// The stored JSON of these lines' events; of a rejected one the beginning of what was sent. `None`: the line or
    /// its payload is gone. Neighbours share a read of the disk.
    pub fn payloads(&self, lines: &[Delivery]) -> Result<Vec<Option<Bytes>>, ReadError> {
        let mut payloads = PayloadReader::new(&self.connection);
        let mut all = Vec::with_capacity(lines.len());
        for line in lines {
            let json = match PayloadLocation::of_line(&self.connection, line.id)? {
                Some(location) => payloads.read(location)?.ok(),
                None => None,
            };
            all.push(json.map(Bytes::copy_from_slice));
        }
        Ok(all)
    }

    /// One line with its payload and attempts; `None`: it is not in the log (any more). `encoding` is how a queued
    /// event would be encoded now.
    pub fn detail(&self, id: EventId, encoding: Encoding) -> Result<Option<Detail>, ReadError> {
        let snapshot = self.connection.unchecked_transaction()?;
        let sql = line::select_where("event.id = ?1");
        let mut statement = snapshot.prepare_cached(&sql)?;
        let mut rows = statement.query([id])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let line = LineRow(row);
        let attempts = attempts::all(&snapshot, id)?;
        let mut payloads = PayloadReader::new(&snapshot);
        let json =
            payloads.read(line.location()?)?.map_or_else(|_damage| Bytes::new(), Bytes::copy_from_slice);
        let encoding = line.encoding()?.unwrap_or(encoding);
        let delivery = line.delivery(attempts.last().cloned())?;
        Ok(Some(Detail { delivery, json, encoding, attempts }))
    }
}

/// The shard of the newest record of a key. A key with many events has one among the newest lines.
fn shard_of(connection: &Connection, key: &str, newest: EventId) -> rusqlite::Result<Option<Arc<str>>> {
    let mut statement = connection.prepare_cached(
        "SELECT word.text FROM event JOIN settled ON settled.id = event.id JOIN word ON word.id = settled.shard
         WHERE event.id > ?1 AND event.partition_key = ?2 ORDER BY event.id DESC LIMIT 1",
    )?;
    let shard: Option<StoredText> =
        statement.query_row(params![newest - SHARD_LINES_MAX, key], |row| row.get(0)).optional()?;
    Ok(shard.map(|text| text.0.into()))
}

/// Queued events that were put before. The first attempt of an event is always kept.
fn retrying(connection: &Connection, totals: &Totals) -> rusqlite::Result<u64> {
    if totals.ledger().queued == 0 {
        return Ok(0);
    }
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM attempt WHERE event > ?1 AND number = 1
           AND NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = attempt.event)",
    )?;
    let count: i64 = statement.query_row([totals.settled_through], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

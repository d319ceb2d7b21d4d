//! Reading: the backlog for the forwarder, pages and details of the delivery log for the faces. Read-only
//! connections, so a long search never holds up the writer.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use tokio::sync::{mpsc, oneshot};

use super::{
    Next, OpenError, Queued, open,
    rows::{Books, DELIVERED, encoding_of, kind_column, kind_of, state_of, sum_of},
};
use crate::{
    delivery::{Attempt, Delivery, Detail, EventId, Fault, Ledger, Page, Query, Receipt, State},
    event::Encoding,
};

/// Lines that one page of a search looks at before it stops and says where.
const SEARCH_ROWS_MAX: usize = 100_000;

/// Why the log could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// SQLite's words.
    #[error("the spool could not be read: {0}")]
    Sqlite(Arc<str>),
    /// The engine is stopping.
    #[error("the spool is closed")]
    Closed,
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error.to_string().into())
    }
}

pub(super) struct NextRequest {
    pub(super) after: EventId,
    pub(super) count: usize,
    pub(super) bytes: usize,
    pub(super) reply: oneshot::Sender<Result<Next, ReadError>>,
}

/// The backlog reader's life: ends when the last handle is gone.
pub(super) fn run(connection: &Connection, mut inbox: mpsc::Receiver<NextRequest>) {
    while let Some(request) = inbox.blocking_recv() {
        let next = next(connection, request.after, request.count, request.bytes);
        drop(request.reply.send(next.map_err(ReadError::from)));
    }
}

fn next(connection: &Connection, after: EventId, count: usize, bytes: usize) -> rusqlite::Result<Next> {
    // One snapshot for the newest place and the rows, so that nothing committed in between is skipped.
    let snapshot = connection.unchecked_transaction()?;
    let newest = Books::read(connection)?.newest;
    let mut statement = snapshot.prepare_cached(
        "SELECT id, partition_key, chunk, start, length,
                (SELECT max(number) FROM attempt WHERE attempt.event = event.id), sum
         FROM event WHERE id > ?1 AND NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id)
         ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, i64::try_from(count).unwrap_or(i64::MAX)])?;
    let mut payloads = Payloads::new(&snapshot);
    let mut next = Next { through: after, ..Next::default() };
    let mut left = bytes;
    while left > 0 {
        let Some(row) = rows.next()? else {
            if next.events.len() + next.damaged.len() < count {
                next.through = newest.max(after);
            }
            break;
        };
        next.through = row.get(0)?;
        let key: String = row.get(1)?;
        let place = (row.get(2)?, row.get(3)?, row.get(4)?);
        let Some(json) = payloads.read_whole(place, &key, row.get(6)?)? else {
            next.damaged.push(next.through);
            continue;
        };
        left = left.saturating_sub(json.len());
        next.events.push(Queued {
            id: next.through,
            key: key.into(),
            json: Bytes::copy_from_slice(json),
            attempts: row.get::<_, Option<u32>>(5)?.unwrap_or(0),
        });
    }
    Ok(next)
}

/// Reads payloads; neighbours share a chunk, so the last one is kept.
pub(super) struct Payloads<'c> {
    connection: &'c Connection,
    chunk: i64,
    body: Vec<u8>,
}

impl<'c> Payloads<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, chunk: 0, body: Vec::new() }
    }

    /// The payload at that place, if it is what was accepted with `key`. `None`: the disk no longer has it.
    pub(super) fn read_whole(
        &mut self,
        (chunk, start, length): (i64, u32, u32),
        key: &str,
        sum: Option<i64>,
    ) -> rusqlite::Result<Option<&[u8]>> {
        match self.read(chunk, start, length) {
            Ok(payload) => {
                Ok(Some(payload).filter(|payload| sum.is_none_or(|sum| sum == sum_of(key, payload))))
            }
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, chunk: i64, start: u32, length: u32) -> rusqlite::Result<&[u8]> {
        if self.chunk != chunk {
            self.body.clear();
            self.chunk = 0;
            let mut statement = self.connection.prepare_cached("SELECT body FROM chunk WHERE id = ?1")?;
            let mut rows = statement.query([chunk])?;
            if let Some(row) = rows.next()? {
                let blob = row.get_ref(0)?.as_blob().map_err(|_not_a_blob| rusqlite::Error::InvalidQuery)?;
                self.body.extend_from_slice(blob);
                self.chunk = chunk;
            }
        }
        // A chunk that is missing or short is damage: say so rather than forward something else.
        let (start, length) = (start as usize, length as usize);
        self.body.get(start..start + length).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }
}

/// Pages of the delivery log, on a connection of its own. For one thread; opening another is cheap.
pub struct LogReader {
    connection: Connection,
}

const LINE: &str = "SELECT event.id, event.received_at, event.kind, source.text, event.partition_key,
        event.key_shortened, event.message_id, event.name, event.length,
        settled.state, settled.at, settled.attempts, settled.took, shard.text, settled.sequence, settled.code,
        settled.message, event.chunk, event.start, settled.encoding, event.repeat_of, event.resend_of,
        settled.resent_as
    FROM event
    LEFT JOIN settled ON settled.id = event.id
    LEFT JOIN word AS source ON source.id = event.source
    LEFT JOIN word AS shard ON shard.id = settled.shard";

impl LogReader {
    /// Opens the log of the spool at `path` (see [`super::FILE_NAME`]), of a running engine or of none.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        open::reader(path).map(|connection| Self { connection })
    }

    /// The sums as of the last commit.
    pub fn ledger(&self) -> Result<Ledger, ReadError> {
        Ok(Books::read(&self.connection)?.ledger())
    }

    /// The newest line.
    pub fn newest(&self) -> Result<EventId, ReadError> {
        Ok(Books::read(&self.connection)?.newest)
    }

    /// One line; `None` when it is not in the log.
    pub fn line(&self, id: EventId) -> Result<Option<Delivery>, ReadError> {
        let one = Query { after: Some(id - 1), before: Some(id + 1), limit: 1, ..Query::default() };
        Ok(self.page(&one)?.rows.pop())
    }

    /// The lines that fit `query`.
    ///
    /// A search by text, type or time looks at no more than 100,000 lines a page and then says where it stopped.
    pub fn page(&self, query: &Query) -> Result<Page, ReadError> {
        let snapshot = self.connection.unchecked_transaction()?;
        let books = Books::read(&snapshot)?;
        let total = total(query, &books);
        let (low, high) = bounds(query, &books);
        let order = if query.oldest_first { "ASC" } else { "DESC" };
        let sql = format!(
            "{LINE} WHERE event.id > :low AND event.id < :high {} ORDER BY event.id {order}",
            states_sql(&query.states)
        );
        let mut statement = snapshot.prepare_cached(&sql)?;
        let mut rows = statement.query(named_params! { ":low": low, ":high": high })?;
        let mut search = Search::new(query, &snapshot);
        let mut page = Page { total, ..Page::default() };
        let mut seen = 0_usize;
        while page.rows.len() < query.limit {
            let Some(row) = rows.next()? else { break };
            let id: EventId = row.get(0)?;
            if search.is_past(row)? {
                break;
            }
            if search.fits(row)? {
                page.rows.push(delivery(row, search.last_attempt(row)?)?);
            }
            seen += 1;
            if seen >= SEARCH_ROWS_MAX && page.rows.len() < query.limit {
                page.stopped_at = Some(id);
                break;
            }
        }
        Ok(page)
    }

    /// The newest line of the event with this `messageId`, among the lines after `after`.
    pub fn find(&self, message_id: &str, after: EventId) -> Result<Option<Delivery>, ReadError> {
        let sql =
            format!("{LINE} WHERE event.id > ?1 AND event.message_id = ?2 ORDER BY event.id DESC LIMIT 1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![after, message_id])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let last = last_attempt(&self.connection, row.get(0)?)?;
        Ok(Some(delivery(row, last)?))
    }

    /// Every line of the event with this `messageId`, oldest first. Reads the whole log.
    pub fn lines_of(&self, message_id: &str) -> Result<Vec<EventId>, ReadError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id FROM event WHERE message_id = ?1 ORDER BY id")?;
        Ok(statement.query_map([message_id], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The newest failed or delivered line of the event with this `messageId`. Reads the whole log where there is none.
    pub fn find_settled(&self, message_id: &str) -> Result<Option<EventId>, ReadError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT event.id FROM event JOIN settled ON settled.id = event.id
             WHERE event.message_id = ?1 AND settled.state IN (2, 3) ORDER BY event.id DESC LIMIT 1",
        )?;
        Ok(statement.query_row([message_id], |row| row.get(0)).optional()?)
    }

    /// All that is known of one line; `None` when it is not (or no more) in the log. `encoding` is what an event
    /// that waits would be encoded with now.
    pub fn detail(&self, id: EventId, encoding: Encoding) -> Result<Option<Detail>, ReadError> {
        let snapshot = self.connection.unchecked_transaction()?;
        let sql = format!("{LINE} WHERE event.id = ?1");
        let mut statement = snapshot.prepare_cached(&sql)?;
        let mut rows = statement.query([id])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let attempts = attempts(&snapshot, id)?;
        let mut payloads = Payloads::new(&snapshot);
        let json = match payloads.read(row.get(17)?, row.get(18)?, row.get(8)?) {
            Ok(json) => Bytes::copy_from_slice(json),
            Err(rusqlite::Error::QueryReturnedNoRows) => Bytes::new(),
            Err(error) => return Err(error.into()),
        };
        let used = row.get::<_, Option<i64>>(19)?.filter(|column| *column != 0).map_or(encoding, encoding_of);
        let delivery = delivery(row, attempts.last().cloned())?;
        Ok(Some(Detail { delivery, json, encoding: used, attempts }))
    }
}

/// How many lines fit, where the books know it.
fn total(query: &Query, books: &Books) -> Option<u64> {
    let only_states = query.kinds.is_empty() && query.text.is_empty() && query.since.is_none();
    if !only_states {
        return None;
    }
    match query.states.as_slice() {
        [] => Some(books.lines()),
        [State::Failed] => Some(books.failed),
        _ => None,
    }
}

/// Places between which the lines lie, both excluded.
fn bounds(query: &Query, books: &Books) -> (EventId, EventId) {
    let waiting = |state: &State| matches!(state, State::Queued | State::Retrying);
    let floor =
        if !query.states.is_empty() && query.states.iter().all(waiting) { books.settled_through } else { 0 };
    (query.after.unwrap_or(0).max(floor), query.before.unwrap_or(i64::MAX))
}

/// A condition on the joined row. Rare states go through the small index that covers them alone.
fn states_sql(states: &[State]) -> String {
    if states.is_empty() {
        return String::new();
    }
    let rare = states.iter().all(|state| matches!(state, State::Failed | State::Resent | State::Rejected));
    let each = states.iter().map(|state| match state {
        State::Queued => {
            "(settled.id IS NULL AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.event = event.id))"
        }
        State::Retrying => {
            "(settled.id IS NULL AND EXISTS (SELECT 1 FROM attempt WHERE attempt.event = event.id))"
        }
        State::Delivered => "settled.state = 2",
        State::Failed => "settled.state = 3",
        State::Resent => "settled.state = 5",
        State::Rejected => "settled.state = 4",
    });
    let any = each.collect::<Vec<_>>().join(" OR ");
    if rare {
        return format!("AND event.id IN (SELECT id FROM settled WHERE state <> 2) AND ({any})");
    }
    format!("AND ({any})")
}

/// What the index does not know: types, times, text.
struct Search<'c> {
    kinds: Vec<i64>,
    needle: Vec<u8>,
    since: Option<i64>,
    newest_first: bool,
    connection: &'c Connection,
    payloads: Payloads<'c>,
}

impl<'c> Search<'c> {
    fn new(query: &Query, connection: &'c Connection) -> Self {
        Self {
            kinds: query.kinds.iter().map(|kind| kind_column(*kind)).collect(),
            needle: query.text.trim().to_ascii_lowercase().into_bytes(),
            since: query.since,
            newest_first: !query.oldest_first,
            connection,
            payloads: Payloads::new(connection),
        }
    }

    /// Lines are received nearly in the order of their places: a minute of slack covers clocks set back a little.
    fn is_past(&self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let Some(since) = self.since else { return Ok(false) };
        Ok(self.newest_first && row.get::<_, i64>(1)? < since - 60_000)
    }

    fn fits(&mut self, row: &Row<'_>) -> rusqlite::Result<bool> {
        if !self.kinds.is_empty()
            && !row.get::<_, Option<i64>>(2)?.is_some_and(|kind| self.kinds.contains(&kind))
        {
            return Ok(false);
        }
        if let Some(since) = self.since
            && row.get::<_, i64>(1)? < since
        {
            return Ok(false);
        }
        if self.needle.is_empty() {
            return Ok(true);
        }
        // source, partition key, message id, name, shard, sequence number, error
        for column in [3, 4, 6, 7, 13, 14, 15, 16] {
            let text = row.get_ref(column)?;
            if text
                .as_str_or_null()
                .is_ok_and(|text| text.is_some_and(|text| holds(text.as_bytes(), &self.needle)))
            {
                return Ok(true);
            }
        }
        match self.payloads.read(row.get(17)?, row.get(18)?, row.get(8)?) {
            Ok(payload) => Ok(holds(payload, &self.needle)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The fault of a line that waits is that of its last put.
    fn last_attempt(&self, row: &Row<'_>) -> rusqlite::Result<Option<Attempt>> {
        if row.get::<_, Option<i64>>(9)?.is_some() {
            Ok(None)
        } else {
            last_attempt(self.connection, row.get(0)?)
        }
    }
}

/// Whether `text` holds `needle` (lower case), ASCII case aside.
fn holds(text: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return true };
    let upper = first.to_ascii_uppercase();
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| byte == first || *byte == upper) {
        let start = from + at;
        let Some(candidate) = text.get(start..start + needle.len()) else { return false };
        if candidate.eq_ignore_ascii_case(needle) {
            return true;
        }
        from = start + 1;
    }
    false
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        number: row.get(0)?,
        at: row.get(1)?,
        took_ms: row.get(2)?,
        fault: Fault::new(row.get::<_, String>(3)?, row.get::<_, String>(4)?),
    })
}

fn attempts(connection: &Connection, event: EventId) -> rusqlite::Result<Vec<Attempt>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, at, took, code, message FROM attempt WHERE event = ?1 ORDER BY number",
    )?;
    statement.query_map([event], attempt)?.collect()
}

fn last_attempt(connection: &Connection, event: EventId) -> rusqlite::Result<Option<Attempt>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, at, took, code, message FROM attempt WHERE event = ?1 ORDER BY number DESC LIMIT 1",
    )?;
    statement.query_row([event], attempt).optional()
}

/// A row of [`LINE`].
fn delivery(row: &Row<'_>, last: Option<Attempt>) -> rusqlite::Result<Delivery> {
    let settled: Option<i64> = row.get(9)?;
    let text = |column: usize| row.get::<_, Option<String>>(column).map(|text| text.map(Arc::<str>::from));
    let receipt = match (text(13)?, text(14)?) {
        (Some(shard_id), Some(sequence_number)) => Some(Receipt { shard_id, sequence_number }),
        _ => None,
    };
    let fault = match (settled, text(15)?) {
        (Some(_), Some(code)) => Some(Fault { code, message: text(16)?.unwrap_or_default() }),
        (Some(_), None) => None,
        (None, _) => last.as_ref().map(|attempt| attempt.fault.clone()),
    };
    let state = match settled {
        Some(column) => state_of(column),
        None if last.is_some() => State::Retrying,
        None => State::Queued,
    };
    Ok(Delivery {
        id: row.get(0)?,
        state,
        kind: kind_of(row.get(2)?),
        name: text(7)?,
        message_id: text(6)?.unwrap_or_default(),
        source: text(3)?.unwrap_or_default(),
        partition_key: text(4)?.unwrap_or_default(),
        key_shortened: row.get(5)?,
        received_at: row.get(1)?,
        settled_at: row.get(10)?,
        attempts: row.get::<_, Option<u32>>(11)?.unwrap_or_else(|| last.map_or(0, |attempt| attempt.number)),
        took_ms: if settled == Some(DELIVERED) { row.get(12)? } else { 0 },
        receipt,
        fault,
        bytes: row.get(8)?,
        repeat_of: row.get(20)?,
        resend_of: row.get(21)?,
        resent_as: row.get(22)?,
    })
}

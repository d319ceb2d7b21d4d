//! Reading: the backlog for the forwarder, pages and details of the delivery log for the faces. Read-only
//! connections, so a long search never holds up the writer.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio::sync::{mpsc, oneshot};

use super::{
    Next, OpenError, QueuedEvent,
    open::{self, Ours},
    pulse::{self, Keys},
    rows::{Books, DELIVERED, encoding_of, kind_of, state_of, sum_of},
    search,
    segments::SegmentReader,
};
use crate::{
    delivery::{
        Attempt, AwsError, Delivery, Detail, EventId, Ledger, LogPage, Millis, PlaceInRecord, Query, Receipt,
        State,
        chart::{ChartSpan, Overview},
    },
    event::Encoding,
};

/// Among so many of the newest lines the shard of a hot key is looked for.
const SHARD_LINES_MAX: EventId = 20_000;

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

/// The forwarder's reader of what waits.
pub(super) struct Backlog {
    log: LogReader,
}

impl Backlog {
    pub(super) fn open(path: &Path, ours: &Ours) -> Result<Self, OpenError> {
        Ok(Self { log: LogReader::of(path, Some(ours.clone()))? })
    }

    /// The thread's life: ends with the last handle. `files` says how often the writer has made the files anew.
    pub(super) fn run(mut self, mut inbox: mpsc::Receiver<NextRequest>, files: impl Fn() -> u64) {
        while let Some(request) = inbox.blocking_recv() {
            if let Err(error) = self.log.follow(files()) {
                tracing::debug!("the spool is not read anew yet: {error}");
            }
            let next = next(&self.log.connection, request.after, request.count, request.bytes);
            drop(request.reply.send(next.map_err(ReadError::from)));
        }
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
        next.events.push(QueuedEvent {
            id: next.through,
            key: key.into(),
            json: Bytes::copy_from_slice(json),
            attempts: row.get::<_, Option<u32>>(5)?.unwrap_or(0),
        });
    }
    Ok(next)
}

/// Reads payloads; neighbours lie together, so what was read last is kept.
pub(super) struct Payloads<'c> {
    connection: &'c Connection,
    /// Whose bytes are in `body`, and from which of them on.
    chunk: i64,
    begins: u32,
    body: Vec<u8>,
    segments: SegmentReader,
}

impl<'c> Payloads<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, chunk: 0, begins: 0, body: Vec::new(), segments: SegmentReader::default() }
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

    pub(super) fn read(&mut self, chunk: i64, start: u32, length: u32) -> rusqlite::Result<&[u8]> {
        if self.chunk != chunk || (chunk < 0 && self.seen(start, length).is_none()) {
            self.load(chunk, start, length)?;
        }
        // What is missing or short is damage: say so rather than forward something else.
        self.seen(start, length).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    fn load(&mut self, chunk: i64, start: u32, length: u32) -> rusqlite::Result<()> {
        self.body.clear();
        (self.chunk, self.begins) = (0, 0);
        if chunk < 0 {
            let number = chunk.wrapping_neg();
            let begins = self.segments.read(self.connection, number, (start, length), &mut self.body)?;
            if let Some(begins) = begins {
                (self.chunk, self.begins) = (chunk, begins);
            }
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached("SELECT body FROM chunk WHERE id = ?1")?;
        let mut rows = statement.query([chunk])?;
        if let Some(row) = rows.next()? {
            let blob = row.get_ref(0)?.as_blob().map_err(|_not_a_blob| rusqlite::Error::InvalidQuery)?;
            self.body.extend_from_slice(blob);
            self.chunk = chunk;
        }
        Ok(())
    }

    fn seen(&self, start: u32, length: u32) -> Option<&[u8]> {
        let start = start.checked_sub(self.begins)? as usize;
        self.body.get(start..start + length as usize)
    }
}

/// Pages of the delivery log, on a connection of its own. For one thread; opening another is cheap.
pub struct LogReader {
    path: PathBuf,
    /// Where this process has a writer of it.
    ours: Option<Ours>,
    connection: Connection,
    /// The last value that [`Self::follow`] was given.
    files: u64,
}

/// What [`delivery`] reads.
pub(super) const LINE_COLUMNS: &str =
    "event.id, event.received_at, event.kind, source.text, event.partition_key,
        event.key_shortened, event.message_id, event.name, coalesce(settled.sent, event.length),
        settled.state, settled.at, settled.attempts, settled.took, shard.text, settled.sequence, settled.code,
        settled.message, event.chunk, event.start, settled.encoding, event.repeat_of, event.resend_of,
        settled.resent_as, event.length, settled.place, settled.places";

pub(super) const LINE_JOINS: &str = "LEFT JOIN word AS source ON source.id = event.source
    LEFT JOIN word AS shard ON shard.id = settled.shard";

fn line_where(condition: &str) -> String {
    let from = "FROM event LEFT JOIN settled ON settled.id = event.id";
    format!("SELECT {LINE_COLUMNS} {from} {LINE_JOINS} WHERE {condition}")
}

impl LogReader {
    /// Opens the log of the spool at `path` (see [`super::FILE_NAME`]), of a running engine or of none.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::of(path, None)
    }

    pub(super) fn of(path: &Path, ours: Option<Ours>) -> Result<Self, OpenError> {
        let connection = open::reader(path, ours.as_ref())?;
        Ok(Self { path: path.to_owned(), ours, connection, files: 0 })
    }

    /// Opens the log again if the writer has made its files anew, which [`super::Summary::files`] counts. Never because the
    /// path names another file: SQLite would take that file's index for this one's, and shorten it under the writer.
    pub fn follow(&mut self, files: u64) -> Result<(), OpenError> {
        if self.files != files {
            self.connection = open::reader(&self.path, self.ours.as_ref())?;
            self.files = files;
        }
        Ok(())
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
    /// A page that has to search looks at no more than 50,000 lines and then says where it stopped.
    pub fn page(&self, query: &Query) -> Result<LogPage, ReadError> {
        self.page_while(query, &|| true)
    }

    /// The same; `go_on` is asked every few hundred lines, and `false` ends it early.
    pub fn page_while(&self, query: &Query, go_on: &dyn Fn() -> bool) -> Result<LogPage, ReadError> {
        search::page(&self.connection, query, go_on)
    }

    /// What a window of the charts shows, and what waits after a put without success. The hot keys are told by `keys`; of
    /// each the shard that its newest record is in is looked up among the newest lines.
    pub fn overview(&self, window: ChartSpan, keys: &Keys, now: Millis) -> Result<Overview, ReadError> {
        let snapshot = self.connection.unchecked_transaction()?;
        let books = Books::read(&snapshot)?;
        let mut hot = keys.told(now);
        for key in &mut hot.keys {
            key.shard = shard_of(&snapshot, &key.key, books.newest)?;
        }
        let retrying = retrying(&snapshot, &books)?;
        Ok(Overview { window, now, intervals: pulse::intervals(&snapshot, window, now)?, hot, retrying })
    }

    /// The newest line of the event with this `messageId`, among the lines after `after`.
    pub fn find(&self, message_id: &str, after: EventId) -> Result<Option<Delivery>, ReadError> {
        let sql = line_where("event.id > ?1 AND event.message_id = ?2 ORDER BY event.id DESC LIMIT 1");
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

    /// The JSON of these lines' events as it is stored, of a rejected one what was sent, cut short; `None` where it is
    /// gone. Neighbours share a read of the disk.
    pub fn payloads(&self, lines: &[Delivery]) -> Result<Vec<Option<Bytes>>, ReadError> {
        let mut payloads = Payloads::new(&self.connection);
        let mut statement =
            self.connection.prepare_cached("SELECT chunk, start, length FROM event WHERE id = ?1")?;
        let mut all = Vec::with_capacity(lines.len());
        for line in lines {
            let place = statement
                .query_row([line.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let json = place.map(|(chunk, start, length)| payloads.read(chunk, start, length));
            all.push(match json {
                None | Some(Err(rusqlite::Error::QueryReturnedNoRows)) => None,
                Some(Ok(json)) => Some(Bytes::copy_from_slice(json)),
                Some(Err(error)) => return Err(error.into()),
            });
        }
        Ok(all)
    }

    /// All that is known of one line; `None` when it is not (or no more) in the log. `encoding` is what an event
    /// that waits would be encoded with now.
    pub fn detail(&self, id: EventId, encoding: Encoding) -> Result<Option<Detail>, ReadError> {
        let snapshot = self.connection.unchecked_transaction()?;
        let sql = line_where("event.id = ?1");
        let mut statement = snapshot.prepare_cached(&sql)?;
        let mut rows = statement.query([id])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let attempts = attempts(&snapshot, id)?;
        let mut payloads = Payloads::new(&snapshot);
        let json = match payloads.read(row.get(17)?, row.get(18)?, row.get(23)?) {
            Ok(json) => Bytes::copy_from_slice(json),
            Err(rusqlite::Error::QueryReturnedNoRows) => Bytes::new(),
            Err(error) => return Err(error.into()),
        };
        let used = row.get::<_, Option<i64>>(19)?.filter(|column| *column != 0).map_or(encoding, encoding_of);
        let delivery = delivery(row, attempts.last().cloned())?;
        Ok(Some(Detail { delivery, json, encoding: used, attempts }))
    }
}

/// A key that carries much has a record among the newest lines.
fn shard_of(connection: &Connection, key: &str, newest: EventId) -> rusqlite::Result<Option<Arc<str>>> {
    let mut statement = connection.prepare_cached(
        "SELECT word.text FROM event JOIN settled ON settled.id = event.id JOIN word ON word.id = settled.shard
         WHERE event.id > ?1 AND event.partition_key = ?2 ORDER BY event.id DESC LIMIT 1",
    )?;
    let shard: Option<String> =
        statement.query_row(params![newest - SHARD_LINES_MAX, key], |row| row.get(0)).optional()?;
    Ok(shard.map(Arc::from))
}

/// Events that wait and were put before. Each first put is written down.
fn retrying(connection: &Connection, books: &Books) -> rusqlite::Result<u64> {
    if books.ledger().queued == 0 {
        return Ok(0);
    }
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM attempt WHERE event > ?1 AND number = 1
           AND NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = attempt.event)",
    )?;
    let count: i64 = statement.query_row([books.settled_through], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        number: row.get(0)?,
        at: row.get(1)?,
        took_ms: row.get(2)?,
        fault: AwsError::new(row.get::<_, String>(3)?, row.get::<_, String>(4)?),
    })
}

fn attempts(connection: &Connection, event: EventId) -> rusqlite::Result<Vec<Attempt>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, at, took, code, message FROM attempt WHERE event = ?1 ORDER BY number",
    )?;
    statement.query_map([event], attempt)?.collect()
}

pub(super) fn last_attempt(connection: &Connection, event: EventId) -> rusqlite::Result<Option<Attempt>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, at, took, code, message FROM attempt WHERE event = ?1 ORDER BY number DESC LIMIT 1",
    )?;
    statement.query_row([event], attempt).optional()
}

/// A row of [`LINE_COLUMNS`].
pub(super) fn delivery(row: &Row<'_>, last: Option<Attempt>) -> rusqlite::Result<Delivery> {
    let settled: Option<i64> = row.get(9)?;
    let text = |column: usize| row.get::<_, Option<String>>(column).map(|text| text.map(Arc::<str>::from));
    let receipt = match (text(13)?, text(14)?) {
        (Some(shard_id), Some(sequence_number)) => {
            let number =
                |column| row.get::<_, Option<i64>>(column).map(|it| it.and_then(|it| u32::try_from(it).ok()));
            let place = number(24)?.zip(number(25)?).filter(|(at, of)| (1..=*of).contains(at));
            let place = place.map(|(at, of)| PlaceInRecord { at, of });
            Some(Receipt { shard_id, sequence_number, place })
        }
        _ => None,
    };
    let fault = match (settled, text(15)?) {
        (Some(_), Some(code)) => Some(AwsError { code, message: text(16)?.unwrap_or_default() }),
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

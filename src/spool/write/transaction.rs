//! The rows of one transaction. What it inserts again and again is prepared once: finding a prepared statement by its
//! text costs as much as a third of an insert.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::{
    super::{
        Arrivals, LINE_BYTES, QueuedEvent, Rejected, Requeued, Settlement,
        repeats::Repeats,
        rows::{Books, DELIVERED, FAILED, REJECTED, column, encoding_column, kind_column, sum_of},
        segments::{COMMIT_BYTES_MIN, Segment},
    },
    Limits, Writer,
    refused::Refusals,
    sources::Sources,
};
use crate::{
    delivery::{Attempt, AwsError, EventId, Millis},
    event::{Event, PartitionKey, Rejection},
};

/// Payloads lie together up to this size; reading one reads its chunk. SQLite copies a chunk twice on its way: a larger one
/// leaves the processor's caches, and the C library gives its memory back each time.
const CHUNK_BYTES_MAX: usize = 64 << 10;
const CHUNK_EVENTS_MAX: i64 = 4096;

/// Attempts of one event that are all kept; of later ones every power of two, and the newest.
const ATTEMPTS_KEPT: u32 = 16;

/// Whether an attempt is kept when a newer one is written.
pub(super) fn stays(number: u32) -> bool {
    number <= ATTEMPTS_KEPT || number.is_power_of_two()
}

/// What one transaction did.
#[derive(Default)]
pub(super) struct Written {
    /// Each request's first place, and how many lines it has.
    pub(super) firsts: Vec<(EventId, usize)>,
    /// About what the lines of refused events take.
    pub(super) refused_bytes: u64,
    /// What became of each resend.
    pub(super) requeued: Vec<Requeued>,
    /// The events for the forwarder.
    pub(super) committed: Vec<QueuedEvent>,
    /// The payloads are in a segment, and not in the write-ahead log.
    pub(super) in_segment: bool,
}

/// Rows on their way to a commit. What it changes in the writer's memory is the writer's to take back if that fails.
pub(super) struct Transaction<'w> {
    pub(super) connection: &'w Connection,
    pub(super) books: &'w mut Books,
    pub(super) sources: &'w mut Sources,
    refusals: &'w mut Refusals,
    /// The spool is full: refused events are counted and get no line.
    is_full: bool,
    pub(super) limits: Limits,
    pub(super) chunk: Chunk<'w>,
    pub(super) written: Written,
    pub(super) insert_event: InsertEvent<'w>,
    insert_settled: InsertSettled<'w>,
    words: &'w mut HashMap<Arc<str>, i64>,
    /// The shard of the settlement before, and its number.
    shard: Option<(Arc<str>, i64)>,
    repeats: &'w mut Repeats,
}

impl<'w> Transaction<'w> {
    /// `buffer` is for payloads, and [`Self::finish`] gives it back; about so many `events` and `bytes` are to come.
    pub(super) fn begin(
        writer: &'w mut Writer,
        buffer: Vec<u8>,
        (events, bytes): (usize, u64),
    ) -> rusqlite::Result<Self> {
        let Writer { connection, books, sources, refusals, is_full, limits, .. } = writer;
        let Writer { words, repeats, segments, .. } = writer;
        let connection: &Connection = connection;
        let segment =
            if bytes < COMMIT_BYTES_MIN { None } else { segments.ready(connection, books.newest + 1)? };
        Ok(Self {
            connection,
            chunk: Chunk::new(buffer, books.newest + 1, segment),
            books,
            sources,
            refusals,
            is_full: *is_full,
            limits: *limits,
            written: Written { committed: Vec::with_capacity(events), ..Written::default() },
            insert_event: InsertEvent {
                statement: connection.prepare_cached(InsertEvent::SQL)?,
                bound: None,
            },
            insert_settled: InsertSettled {
                statement: connection.prepare_cached(InsertSettled::SQL)?,
                bound: None,
            },
            words,
            shard: None,
            repeats,
        })
    }

    /// Writes the last payloads; those in a segment are on the disk then.
    pub(super) fn finish(mut self) -> rusqlite::Result<(Written, Vec<u8>)> {
        self.chunk.write(self.connection, self.books.newest)?;
        if let Some(segment) = self.chunk.segment {
            segment.sync()?;
            self.written.in_segment = true;
        }
        Ok((self.written, self.chunk.body))
    }

    /// The JSON is taken out of `arrivals` for the forwarder: a commit that fails refuses the request whole.
    pub(super) fn insert_arrivals(&mut self, arrivals: &mut Arrivals) -> rusqlite::Result<()> {
        let before = self.books.newest;
        let source = self.word(&arrivals.source)?;
        let at = arrivals.received_at;
        let mut repeats = Vec::new();
        let mut bytes = 0;
        for (index, event) in arrivals.events.iter_mut().enumerate() {
            let hash = self.repeats.hash_of(&event.message_id);
            let repeat_of = self.repeat_of(hash, &event.message_id)?;
            if let (Some(earlier), true) = (repeat_of, self.limits.drop_repeats) {
                repeats.push((index, earlier));
                continue;
            }
            self.chunk.make_room(self.connection, event.json.len(), self.books.newest)?;
            self.books.newest += 1;
            self.books.accepted += 1;
            bytes += event.json.len() as u64;
            let line = (self.books.newest, source, at);
            let row = EventRow {
                kind: Some(kind_column(event.kind)),
                key: event.key.as_str(),
                key_shortened: event.key.shortened(),
                message_id: &event.message_id,
                name: event.name.as_deref(),
                repeat_of,
                resend_of: None,
            };
            row.insert(&mut self.insert_event, line, &mut self.chunk, &event.json)?;
            if repeat_of.is_none() {
                self.repeats.remember(hash, self.books.newest);
            }
            self.written.committed.push(QueuedEvent {
                id: self.books.newest,
                key: event.key.shared(),
                json: Bytes::from(std::mem::take(&mut event.json)),
                attempts: 0,
            });
        }
        if bytes > 0 {
            self.books.queued_bytes += bytes;
            self.sources.add(source, bytes);
        }
        self.insert_refused(source, arrivals, &repeats)?;
        let lines = self.books.newest - before;
        self.sources.note(before + 1, self.books.newest, source);
        self.written.firsts.push((before + 1, usize::try_from(lines).unwrap_or(0)));
        Ok(())
    }

    /// Counts the refused events of a request, and those that are `repeats`: their places in it, and the earlier lines.
    /// Some of them become lines.
    fn insert_refused(
        &mut self,
        source: i64,
        arrivals: &Arrivals,
        repeats: &[(usize, EventId)],
    ) -> rusqlite::Result<()> {
        let count = repeats.len() as u64 + arrivals.refused();
        if count == 0 {
            return Ok(());
        }
        self.books.rejected += count;
        if self.is_full {
            self.books.unkept += count;
            self.refusals.pass_over(source, count);
            return Ok(());
        }
        let reasons = arrivals.rejected.iter().map(|rejected| &*rejected.fault.code);
        self.refusals.pass_over(source, count - (repeats.len() + arrivals.rejected.len()) as u64);
        let chosen = self.refusals.choose(source, repeats.iter().map(|_| REPEAT).chain(reasons));
        self.books.unkept += count - chosen.places.len() as u64;
        for (nth, place) in chosen.places.iter().enumerate() {
            let repeat;
            let rejected = if let Some((index, earlier)) = repeats.get(*place) {
                repeat = dropped_repeat(&arrivals.events[*index], *earlier);
                &repeat
            } else {
                &arrivals.rejected[place - repeats.len()]
            };
            let unkept = if nth + 1 == chosen.places.len() { chosen.unkept } else { 0 };
            self.insert_rejected((source, arrivals.received_at), rejected, unkept)?;
            self.refusals.keep(source, self.books.newest);
        }
        Ok(())
    }

    /// `unkept`: so many refused events before it have no line.
    fn insert_rejected(
        &mut self,
        (source, at): (i64, Millis),
        rejected: &Rejected,
        unkept: u64,
    ) -> rusqlite::Result<()> {
        self.written.refused_bytes += LINE_BYTES + rejected.excerpt.len() as u64;
        self.chunk.make_room(self.connection, rejected.excerpt.len(), self.books.newest)?;
        self.books.newest += 1;
        self.books.kept += 1;
        let row = EventRow {
            kind: rejected.kind.map(kind_column),
            key: rejected.user.as_ref().map_or("", PartitionKey::as_str),
            key_shortened: rejected.user.as_ref().is_some_and(PartitionKey::shortened),
            message_id: rejected.message_id.as_deref().unwrap_or(""),
            name: rejected.name.as_deref(),
            ..EventRow::default()
        };
        let line = (self.books.newest, source, at);
        row.insert(&mut self.insert_event, line, &mut self.chunk, &rejected.excerpt)?;
        insert_rejection(self.connection, (self.books.newest, at), rejected, unkept)
    }

    /// The earlier line with this `messageId`, if it is still in the log. What memory suspects, the line itself decides.
    fn repeat_of(&self, hash: u64, message_id: &str) -> rusqlite::Result<Option<EventId>> {
        let Some(earlier) = self.repeats.suspect(hash) else { return Ok(None) };
        let mut statement =
            self.connection.prepare_cached("SELECT id FROM event WHERE id = ?1 AND message_id = ?2")?;
        statement.query_row(params![earlier, message_id], |row| row.get(0)).optional()
    }

    /// Takes the place of the attempt before, unless that one is kept: the newest is always there to be read, and an event
    /// that is tried for days has few rows.
    pub(super) fn insert_attempt(&self, event: EventId, attempt: &Attempt) -> rusqlite::Result<()> {
        if attempt.number > ATTEMPTS_KEPT {
            let mut statement = self.connection.prepare_cached(
                "DELETE FROM attempt WHERE event = ?1 AND number > ?2 AND number < ?3
                   AND (number & (number - 1)) <> 0",
            )?;
            statement.execute(params![event, ATTEMPTS_KEPT, attempt.number])?;
        }
        let mut statement = self
            .connection
            .prepare_cached("INSERT OR REPLACE INTO attempt VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
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

    pub(super) fn insert_settlement(&mut self, settlement: &Settlement) -> rusqlite::Result<()> {
        let shard = match &settlement.result {
            Ok(receipt) => Some(self.shard(&receipt.shard_id)?),
            Err(_) => None,
        };
        let added = self.insert_settled.insert(settlement, shard)?;
        if added == 0 {
            return Ok(());
        }
        if settlement.result.is_ok() {
            self.books.delivered += 1;
            self.books.kept += 1;
            let bytes = settlement.bytes as u64;
            self.books.queued_bytes = self.books.queued_bytes.saturating_sub(bytes);
            if let Some(source) = self.sources.of(self.connection, settlement.id)? {
                self.sources.take(source, bytes);
            }
        } else {
            self.books.failed += 1;
        }
        // One that settles after its neighbours were pruned: pruning looks there again.
        self.books.pruned_through = self.books.pruned_through.min(settlement.id - 1);
        Ok(())
    }

    /// Records of one put mostly went to the shard of the one before.
    fn shard(&mut self, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some((before, number)) = &self.shard
            && before == name
        {
            return Ok(*number);
        }
        let number = self.word(name)?;
        self.shard = Some((Arc::clone(name), number));
        Ok(number)
    }

    /// The number that stands for a text that comes again and again: a source's name, a shard's id.
    fn word(&mut self, text: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.words.get(text) {
            return Ok(*id);
        }
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO word (text) VALUES (?1)")?
            .execute([&**text])?;
        let id = self
            .connection
            .prepare_cached("SELECT id FROM word WHERE text = ?1")?
            .query_row([&**text], |row| row.get(0))?;
        self.words.insert(Arc::clone(text), id);
        Ok(id)
    }
}

const REPEAT: &str = "repeat";

/// The line of an event that is not forwarded again. Its sender gets 200: the first one is safe.
fn dropped_repeat(event: &Event, earlier: EventId) -> Rejected {
    Rejected {
        kind: Some(event.kind),
        message_id: Some(event.message_id.clone()),
        user: Some(event.key.clone()),
        fault: AwsError::new(
            REPEAT,
            format!("an event with this messageId was accepted before (line {earlier})"),
        ),
        name: event.name.as_deref().map(Box::from),
        excerpt: Rejection::excerpt_of(&event.json).to_vec(),
        bytes: u32::try_from(event.json.len()).unwrap_or(u32::MAX),
    }
}

/// Payloads on their way to one row of `chunk`, or to a segment.
pub(super) struct Chunk<'w> {
    body: Vec<u8>,
    first: EventId,
    segment: Option<&'w mut Segment>,
}

impl<'w> Chunk<'w> {
    fn new(mut body: Vec<u8>, first: EventId, segment: Option<&'w mut Segment>) -> Self {
        body.clear();
        Self { body, first, segment }
    }

    /// Writes out what is here when `bytes` more would be too much; `last` is the last event in it.
    pub(super) fn make_room(
        &mut self,
        connection: &Connection,
        bytes: usize,
        last: EventId,
    ) -> rusqlite::Result<()> {
        let events = last + 1 - self.first;
        let is_full = self.body.len() + bytes > CHUNK_BYTES_MAX
            || (events >= CHUNK_EVENTS_MAX && self.segment.is_none());
        if events > 0 && is_full {
            self.write(connection, last)?;
            self.first = last + 1;
        }
        Ok(())
    }

    /// Adds a payload: its chunk, start and length.
    fn place(&mut self, payload: &[u8]) -> (i64, u64, u64) {
        let start = self.body.len() as u64;
        let length = payload.len() as u64;
        self.body.extend_from_slice(payload);
        match &self.segment {
            Some(segment) => {
                self.body.push(b'\n');
                (segment.column(), segment.length() + start, length)
            }
            None => (self.first, start, length),
        }
    }

    fn write(&mut self, connection: &Connection, last: EventId) -> rusqlite::Result<()> {
        if last < self.first {
            return Ok(());
        }
        match &mut self.segment {
            Some(segment) => segment.write(&self.body)?,
            None => {
                connection
                    .prepare_cached("INSERT INTO chunk (id, last, body) VALUES (?1, ?2, ?3)")?
                    .execute(params![self.first, last, self.body])?;
            }
        }
        self.body.clear();
        Ok(())
    }
}

/// A row of `event`, but for its place, source, time and payload.
#[derive(Default)]
pub(super) struct EventRow<'a> {
    pub(super) kind: Option<i64>,
    /// A rejected event has the key of its user, or none.
    pub(super) key: &'a str,
    pub(super) key_shortened: bool,
    pub(super) message_id: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) repeat_of: Option<EventId>,
    pub(super) resend_of: Option<EventId>,
}

impl EventRow<'_> {
    /// `statement` is [`Transaction::insert_event`].
    pub(super) fn insert(
        &self,
        statement: &mut InsertEvent<'_>,
        (id, source, at): (EventId, i64, Millis),
        chunk: &mut Chunk<'_>,
        payload: &[u8],
    ) -> rusqlite::Result<()> {
        let (chunk, start, length) = chunk.place(payload);
        let InsertEvent { statement, bound } = statement;
        let shared = (at, self.kind, source, self.key_shortened, self.repeat_of, chunk, self.resend_of);
        if *bound != Some(shared) {
            *bound = None;
            statement.raw_bind_parameter(2, at)?;
            statement.raw_bind_parameter(3, self.kind)?;
            statement.raw_bind_parameter(4, source)?;
            statement.raw_bind_parameter(6, self.key_shortened)?;
            statement.raw_bind_parameter(8, self.repeat_of)?;
            statement.raw_bind_parameter(10, chunk)?;
            statement.raw_bind_parameter(14, self.resend_of)?;
            *bound = Some(shared);
        }
        statement.raw_bind_parameter(1, id)?;
        statement.raw_bind_parameter(5, self.key)?;
        statement.raw_bind_parameter(7, self.message_id)?;
        statement.raw_bind_parameter(9, self.name)?;
        statement.raw_bind_parameter(11, column(start))?;
        statement.raw_bind_parameter(12, column(length))?;
        statement.raw_bind_parameter(13, sum_of(self.key, payload))?;
        statement.raw_execute()?;
        Ok(())
    }
}

/// When, kind, source, whether the key is shortened, which event it repeats, chunk, which line it resends.
type Neighbours = (Millis, Option<i64>, i64, bool, Option<EventId>, EventId, Option<EventId>);

/// Adds rows to `event`. What neighbours share stays bound from one to the next.
pub(super) struct InsertEvent<'w> {
    statement: CachedStatement<'w>,
    /// The columns 2, 3, 4, 6, 8, 10 and 14.
    bound: Option<Neighbours>,
}

impl InsertEvent<'_> {
    const SQL: &'static str =
        "INSERT INTO event (id, received_at, kind, source, partition_key, key_shortened, message_id, repeat_of,
            name, chunk, start, length, sum, resend_of)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
}

/// Adds rows to `settled`; the records of one put share nearly all.
struct InsertSettled<'w> {
    statement: CachedStatement<'w>,
    /// The columns 2 to 7 of a delivered event; 9 and 10 are null then.
    bound: Option<(Millis, u32, u32, i64, Option<i64>)>,
}

impl InsertSettled<'_> {
    const SQL: &'static str =
        "INSERT OR IGNORE INTO settled (id, state, at, attempts, took, encoding, shard, sequence, code, message,
            place, places)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

    /// How many rows were added: none where the event is settled already.
    fn insert(&mut self, settlement: &Settlement, shard: Option<i64>) -> rusqlite::Result<usize> {
        let Settlement { id, at, attempts, took_ms, encoding, result, .. } = settlement;
        let shared = (*at, *attempts, *took_ms, encoding_column(*encoding), shard);
        let statement = &mut self.statement;
        let fault = result.as_ref().err();
        if fault.is_some() || self.bound != Some(shared) {
            self.bound = None;
            statement.raw_bind_parameter(2, if fault.is_some() { FAILED } else { DELIVERED })?;
            statement.raw_bind_parameter(3, at)?;
            statement.raw_bind_parameter(4, attempts)?;
            statement.raw_bind_parameter(5, took_ms)?;
            statement.raw_bind_parameter(6, shared.3)?;
            statement.raw_bind_parameter(7, shard)?;
            statement.raw_bind_parameter(9, fault.map(|fault| &*fault.code))?;
            statement.raw_bind_parameter(10, fault.map(|fault| &*fault.message))?;
            self.bound = fault.is_none().then_some(shared);
        }
        statement.raw_bind_parameter(1, id)?;
        let receipt = result.as_ref().ok();
        statement.raw_bind_parameter(8, receipt.map(|receipt| &*receipt.sequence_number))?;
        let place = receipt.and_then(|receipt| receipt.place);
        statement.raw_bind_parameter(11, place.map(|place| place.at))?;
        statement.raw_bind_parameter(12, place.map(|place| place.of))?;
        statement.raw_execute()
    }
}

fn insert_rejection(
    connection: &Connection,
    (id, at): (EventId, Millis),
    rejected: &Rejected,
    unkept: u64,
) -> rusqlite::Result<()> {
    let fault = &rejected.fault;
    let noted = (unkept > 0).then(|| {
        format!("{} ({unkept} more refused events of this source were counted and not kept)", fault.message)
    });
    let message = noted.as_deref().unwrap_or(&fault.message);
    let sent = (rejected.bytes as usize > rejected.excerpt.len()).then_some(rejected.bytes);
    connection
        .prepare_cached(
            "INSERT INTO settled (id, state, at, attempts, took, encoding, code, message, sent)
             VALUES (?1, ?2, ?3, 0, 0, 0, ?4, ?5, ?6)",
        )?
        .execute(params![id, REJECTED, at, &*fault.code, message, sent])?;
    Ok(())
}

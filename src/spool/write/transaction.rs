//! The rows of one transaction. Statements that it executes again and again are prepared once: to find a prepared
//! statement by its text costs as much as a third of an insert.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::{payload_writer::PayloadWriter, rejected_lines::RejectedLines, table_state::TableState};
use crate::{
    delivery::{AwsError, EventId, Millis, error_code},
    event::{Event, PartitionKey, Rejection},
    spool::{
        adopted_line::AdoptedLine,
        arrivals::{Arrivals, REJECTED_LINE_BYTES, Rejected},
        attempts,
        charts::Request,
        columns::kind_column,
        command::Requeued,
        error::Error,
        limits::Limits,
        line::{self, InsertLine, InsertSettled, NewLine},
        payload::checksum,
        queue::{QueuedEvent, Settlement},
        repeats::Repeats,
        segments::COMMIT_BYTES_MIN,
        source_bytes::SourceBytes,
        totals::Totals,
        words::WordNumbers,
    },
};

/// What one transaction wrote.
#[derive(Default)]
pub(super) struct Written {
    pub(super) requests: Vec<Request>,
    /// About what the lines of rejected events take.
    pub(super) rejected_bytes: u64,
    pub(super) requeued: Vec<Requeued>,
    /// The first line of each batch of another spool; `None`: there was no room for it.
    pub(super) adopted: Vec<Option<EventId>>,
    /// JSON bytes of adopted events that failed. Queued ones are in `queued`.
    pub(super) failed_bytes: u64,
    /// New queued events, for the forwarder.
    pub(super) queued: Vec<QueuedEvent>,
    /// The payloads are in a segment, not in the write-ahead log.
    pub(super) in_segment: bool,
}

/// How much a transaction will append.
pub(super) struct Expected {
    pub(super) events: usize,
    pub(super) bytes: u64,
}

/// Rows on their way to a commit. It changes the writer's [`TableState`], which the writer restores if the commit
/// fails.
pub(super) struct Transaction<'w> {
    connection: &'w Connection,
    totals: &'w mut Totals,
    sources: &'w mut SourceBytes,
    rejected: &'w mut RejectedLines,
    words: &'w mut WordNumbers,
    repeats: &'w mut Repeats,
    limits: Limits,
    /// The spool is full: rejected events are counted and get no line.
    is_full: bool,
    payloads: PayloadWriter<'w>,
    insert_line: InsertLine<'w>,
    insert_settled: InsertSettled<'w>,
    /// The shard of the previous settlement, and its number.
    shard: Option<(Arc<str>, i64)>,
    written: Written,
}

impl<'w> Transaction<'w> {
    /// `buffer` is for payloads; [`Self::finish`] gives it back.
    pub(super) fn begin(
        connection: &'w Connection,
        state: &'w mut TableState,
        buffer: Vec<u8>,
        expected: &Expected,
        (limits, is_full): (Limits, bool),
    ) -> Result<Self, Error> {
        let TableState { totals, sources, rejected, words, repeats, segments } = state;
        let first = totals.newest + 1;
        let segment =
            if expected.bytes < COMMIT_BYTES_MIN { None } else { segments.current(connection, first)? };
        Ok(Self {
            connection,
            payloads: PayloadWriter::new(buffer, first, segment),
            totals,
            sources,
            rejected,
            words,
            repeats,
            limits,
            is_full,
            insert_line: InsertLine::new(connection)?,
            insert_settled: InsertSettled::new(connection)?,
            shard: None,
            written: Written { queued: Vec::with_capacity(expected.events), ..Written::default() },
        })
    }

    /// Writes the last payloads; those in a segment are on the disk then. Returns the buffer too.
    pub(super) fn finish(self) -> Result<(Written, Vec<u8>), Error> {
        let (buffer, in_segment) = self.payloads.finish(self.connection, self.totals.newest)?;
        Ok((Written { in_segment, ..self.written }, buffer))
    }

    pub(super) fn connection(&self) -> &'w Connection {
        self.connection
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn totals(&mut self) -> &mut Totals {
        self.totals
    }

    pub(super) fn sources(&mut self) -> &mut SourceBytes {
        self.sources
    }

    pub(super) fn note_requeued(&mut self, requeued: Requeued) {
        self.written.requeued.push(requeued);
    }

    pub(super) fn note_adopted(&mut self, first: Option<EventId>) {
        self.written.adopted.push(first);
    }

    /// Adds the events of a request. The JSON is taken out of `arrivals` for the forwarder: if the commit fails, the
    /// whole request is refused.
    pub(super) fn append(&mut self, arrivals: &mut Arrivals) -> Result<(), Error> {
        let before = self.totals.newest;
        let source = self.words.number_of(self.connection, &arrivals.source)?;
        let mut repeats = Vec::new();
        let mut bytes = 0;
        for (index, event) in arrivals.events.iter_mut().enumerate() {
            let hash = self.repeats.hash_of(&event.message_id);
            let repeat_of = self.repeat_of(hash, &event.message_id)?;
            if let (Some(earlier), true) = (repeat_of, self.limits.drop_repeats) {
                repeats.push(Repeat { index, earlier });
                continue;
            }
            bytes += event.json.len() as u64;
            self.totals.accepted += 1;
            let id = self.insert_line(
                NewLine {
                    received_at: arrivals.received_at,
                    source,
                    kind: Some(kind_column(event.kind)),
                    key: event.key.as_str(),
                    key_shortened: event.key.shortened(),
                    message_id: &event.message_id,
                    name: event.name.as_deref(),
                    repeat_of,
                    ..NewLine::default()
                },
                &event.json,
            )?;
            if repeat_of.is_none() {
                self.repeats.remember(hash, id);
            }
            let json = Bytes::from(std::mem::take(&mut event.json));
            self.written.queued.push(QueuedEvent { id, key: event.key.shared(), json, attempts: 0 });
        }
        if bytes > 0 {
            self.totals.queued_bytes += bytes;
            self.sources.add(source, bytes);
        }
        self.reject(source, arrivals, &repeats)?;
        let newest = self.totals.newest;
        self.sources.note(before + 1, newest, source);
        self.written.requests.push(Request {
            received_at: arrivals.received_at,
            first: before + 1,
            last: newest,
            events: arrivals.events.len() as u64 + arrivals.rejected_count(),
        });
        Ok(())
    }

    /// Adds a queued event that repeats a settled line.
    pub(super) fn add_resent(&mut self, line: NewLine<'_>, json: &[u8]) -> Result<EventId, Error> {
        let (source, key) = (line.source, Arc::from(line.key));
        let id = self.insert_line(line, json)?;
        self.sources.note(id, id, source);
        self.written.queued.push(QueuedEvent { id, key, json: Bytes::copy_from_slice(json), attempts: 0 });
        Ok(id)
    }

    /// Adds a waiting or failed event of another spool. It is a repeat if its `messageId` was accepted here too, and is
    /// kept all the same: its bytes may differ.
    pub(super) fn add_adopted(&mut self, line: &AdoptedLine) -> Result<(), Error> {
        let source = self.words.number_of(self.connection, &line.source)?;
        let hash = self.repeats.hash_of(&line.message_id);
        let repeat_of = self.repeat_of(hash, &line.message_id)?;
        let id = self.insert_line(
            NewLine {
                received_at: line.received_at,
                source,
                kind: line.kind,
                key: &line.key,
                key_shortened: line.key_shortened,
                message_id: &line.message_id,
                name: line.name.as_deref(),
                repeat_of,
                ..NewLine::default()
            },
            &line.json,
        )?;
        if repeat_of.is_none() {
            self.repeats.remember(hash, id);
        }
        for attempt in &line.attempts {
            attempts::insert(self.connection, id, attempt)?;
        }
        let bytes = line.json.len() as u64;
        self.totals.accepted += 1;
        self.totals.queued_bytes += bytes;
        self.sources.add(source, bytes);
        self.sources.note(id, id, source);
        if let Some(failure) = line.failure_as(id) {
            self.written.failed_bytes += bytes;
            return self.settle(&failure);
        }
        let (key, json, attempts) = (Arc::clone(&line.key), line.json.clone(), line.attempts_made());
        self.written.queued.push(QueuedEvent { id, key, json, attempts });
        Ok(())
    }

    /// Inserts a line after the newest one, and sets `line.id`.
    fn insert_line(&mut self, line: NewLine<'_>, payload: &[u8]) -> Result<EventId, Error> {
        self.payloads.make_room(self.connection, payload.len(), self.totals.newest)?;
        self.totals.newest += 1;
        let line = NewLine { id: self.totals.newest, ..line };
        let location = self.payloads.add(payload)?;
        self.insert_line.insert(&line, location, checksum(line.key, payload))?;
        Ok(line.id)
    }

    /// Counts the rejected events of a request, `repeats` among them, and adds lines for some of them.
    fn reject(&mut self, source: i64, arrivals: &Arrivals, repeats: &[Repeat]) -> Result<(), Error> {
        let count = repeats.len() as u64 + arrivals.rejected_count();
        if count == 0 {
            return Ok(());
        }
        if self.is_full {
            self.totals.reject_unkept(count);
            self.rejected.skip(source, count);
            return Ok(());
        }
        let reasons = arrivals.rejected.iter().map(|rejected| &*rejected.fault.code);
        self.rejected.skip(source, count - (repeats.len() + arrivals.rejected.len()) as u64);
        let chosen = self.rejected.choose(source, repeats.iter().map(|_| error_code::REPEAT).chain(reasons));
        self.totals.rejected += count;
        self.totals.unkept += count - chosen.indexes.len() as u64;
        let last = chosen.indexes.last().copied();
        for index in chosen.indexes {
            let repeat;
            let rejected = if let Some(found) = repeats.get(index) {
                repeat = found.rejection(arrivals);
                &repeat
            } else {
                &arrivals.rejected[index - repeats.len()]
            };
            let unkept = if Some(index) == last { chosen.unkept } else { 0 };
            let id = self.insert_rejected(source, arrivals.received_at, rejected, unkept)?;
            self.rejected.add(source, id);
        }
        Ok(())
    }

    /// `unkept`: number of earlier rejected events of its source that have no line.
    fn insert_rejected(
        &mut self,
        source: i64,
        received_at: Millis,
        rejected: &Rejected,
        unkept: u64,
    ) -> Result<EventId, Error> {
        self.written.rejected_bytes += REJECTED_LINE_BYTES + rejected.excerpt.len() as u64;
        self.totals.kept += 1;
        let mut line = NewLine {
            received_at,
            source,
            kind: rejected.kind.map(kind_column),
            key: rejected.user.as_ref().map_or("", PartitionKey::as_str),
            key_shortened: rejected.user.as_ref().is_some_and(PartitionKey::shortened),
            message_id: rejected.message_id.as_deref().unwrap_or(""),
            name: rejected.name.as_deref(),
            ..NewLine::default()
        };
        line.id = self.insert_line(line, &rejected.excerpt)?;
        line::insert_rejection(self.connection, &line, rejected, unkept)?;
        Ok(line.id)
    }

    /// The earlier line with this `messageId`, if it is still in the log. The hash in memory only suggests a line, so
    /// the line itself is compared.
    fn repeat_of(&self, hash: u64, message_id: &str) -> rusqlite::Result<Option<EventId>> {
        let Some(earlier) = self.repeats.suspect(hash) else { return Ok(None) };
        let mut statement =
            self.connection.prepare_cached("SELECT id FROM event WHERE id = ?1 AND message_id = ?2")?;
        statement.query_row(params![earlier, message_id], |row| row.get(0)).optional()
    }

    /// Settles an event, unless it is settled already.
    pub(super) fn settle(&mut self, settlement: &Settlement) -> Result<(), Error> {
        let shard = match &settlement.result {
            Ok(receipt) => Some(self.shard_number(&receipt.shard_id)?),
            Err(_) => None,
        };
        if !self.insert_settled.insert(settlement, shard)? {
            return Ok(());
        }
        if settlement.result.is_ok() {
            self.totals.delivered += 1;
            self.totals.kept += 1;
            let bytes = settlement.bytes as u64;
            self.totals.queued_bytes = self.totals.queued_bytes.saturating_sub(bytes);
            if let Some(source) = self.sources.of(self.connection, settlement.id)? {
                self.sources.take(source, bytes);
            }
        } else {
            self.totals.failed += 1;
        }
        // It may settle after its neighbours were pruned: pruning has to look there again.
        self.totals.pruned_through = self.totals.pruned_through.min(settlement.id - 1);
        Ok(())
    }

    /// Records of one put mostly went to the same shard.
    fn shard_number(&mut self, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some((before, number)) = &self.shard
            && before == name
        {
            return Ok(*number);
        }
        let number = self.words.number_of(self.connection, name)?;
        self.shard = Some((Arc::clone(name), number));
        Ok(number)
    }
}

/// An event of a request that was accepted before and is not forwarded again.
struct Repeat {
    /// Its index in the request.
    index: usize,
    /// The line of the first one.
    earlier: EventId,
}

impl Repeat {
    /// Its line. Its sender gets 200, because the first one is safe.
    fn rejection(&self, arrivals: &Arrivals) -> Rejected {
        let event: &Event = &arrivals.events[self.index];
        let message = format!("an event with this messageId was accepted before (line {})", self.earlier);
        Rejected {
            kind: Some(event.kind),
            message_id: Some(event.message_id.clone()),
            user: Some(event.key.clone()),
            fault: AwsError::new(error_code::REPEAT, message),
            name: event.name.as_deref().map(Box::from),
            excerpt: Rejection::excerpt_of(&event.json).to_vec(),
            bytes: u32::try_from(event.json.len()).unwrap_or(u32::MAX),
        }
    }
}

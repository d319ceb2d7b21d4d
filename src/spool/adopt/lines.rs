//! Reads the waiting and failed events of a spool, oldest first, a batch at a time: memory does not grow with their number.

use bytes::Bytes;
use rusqlite::{Connection, Row};

use crate::{
    delivery::{Adopting, AwsError, EventId, Taken},
    event::Encoding,
    spool::{
        adopted_line::AdoptedLine,
        attempts,
        columns::{FAILED, StoredText, encoding_of},
        error::Error,
        location::PayloadLocation,
        payload::PayloadReader,
        queue::Settlement,
    },
};

/// A batch ends at this many events or bytes. It is one transaction of the spool that takes it, and its senders wait so
/// long.
const BATCH_EVENTS: usize = 2_000;
const BATCH_BYTES: usize = 2 << 20;

/// The first version of the schema that has checksums.
const CHECKSUMS_SINCE: i64 = 2;

/// The lines between two lines of a spool, from `after` on.
pub(super) struct Lines<'c> {
    connection: &'c Connection,
    select: String,
    payloads: PayloadReader<'c>,
    after: EventId,
    last: EventId,
}

/// Some of them. Damaged events are left out.
pub(super) struct LineBatch {
    pub(super) lines: Vec<AdoptedLine>,
    /// Their numbers.
    pub(super) numbers: Vec<EventId>,
    pub(super) damaged: u64,
    /// The batch has the events after this line,
    pub(super) after: EventId,
    /// up to this one.
    pub(super) through: EventId,
}

impl<'c> Lines<'c> {
    /// The events after `after`, up to the line `last`. `version` is that of the schema, which may be an older one.
    pub(super) fn new(
        connection: &'c Connection,
        version: i64,
        (after, last): (EventId, EventId),
    ) -> Result<Self, Error> {
        let checksum = if version < CHECKSUMS_SINCE { "NULL" } else { "event.sum" };
        let select = format!(
            "SELECT event.id, received_at, kind, word.text, partition_key, key_shortened, message_id, name,
                    chunk, start, length, {checksum}, state, at, attempts, took, encoding, code, message
             FROM event LEFT JOIN settled ON settled.id = event.id LEFT JOIN word ON word.id = event.source
             WHERE event.id > ?1 AND event.id <= ?2 AND (state IS NULL OR state = {FAILED}) ORDER BY event.id"
        );
        let after = after.max(before_first(connection)?);
        Ok(Self { connection, select, payloads: PayloadReader::new(connection), after, last })
    }

    /// The next batch; `None`: there are no more.
    pub(super) fn next(&mut self) -> Result<Option<LineBatch>, Error> {
        let mut statement = self.connection.prepare_cached(&self.select)?;
        let mut rows = statement.query([self.after, self.last])?;
        let (after, mut bytes) = (self.after, 0);
        let mut batch =
            LineBatch { lines: Vec::new(), numbers: Vec::new(), damaged: 0, after, through: after };
        while batch.lines.len() < BATCH_EVENTS && bytes < BATCH_BYTES {
            let Some(row) = rows.next()? else { break };
            let id: EventId = row.get(0)?;
            batch.through = id;
            let key = row.get::<_, StoredText>(4)?.0;
            let (location, checksum) = (PayloadLocation::of_row(row, 8)?, row.get(11)?);
            let Ok(json) = self.payloads.read_checked(location, &key, checksum)? else {
                batch.damaged += 1;
                continue;
            };
            bytes += json.len();
            let json = Bytes::copy_from_slice(json);
            let attempts = attempts::all(self.connection, id)?;
            let line = line(row, key, json)?;
            batch.lines.push(AdoptedLine { attempts, ..line });
            batch.numbers.push(id);
        }
        self.after = batch.through;
        Ok((batch.through > after).then_some(batch))
    }

    /// Counts all of them, and compares each with its checksum. `tell` returns whether to go on; `None`: it did not.
    pub(super) fn survey(mut self, tell: &mut dyn FnMut(&Adopting) -> bool) -> Result<Option<Taken>, Error> {
        let mut taken = Taken::default();
        while let Some(batch) = self.next()? {
            for line in &batch.lines {
                match line.failure {
                    Some(_) => taken.failed += 1,
                    None => taken.queued += 1,
                }
                taken.bytes += line.json.len() as u64;
                taken.oldest = taken.oldest.into_iter().chain([line.received_at]).min();
            }
            taken.damaged += batch.damaged;
            if !tell(&Adopting::Checking(taken.events())) {
                return Ok(None);
            }
        }
        Ok(Some(taken))
    }
}

/// No event up to this line waits or has failed: the history before it is not read.
fn before_first(connection: &Connection) -> rusqlite::Result<EventId> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<EventId>>(0));
    let settled_through = number("SELECT settled_through FROM ledger")?.unwrap_or(0);
    // The first condition is the one of the index `settled_rare`.
    let first_failed = number("SELECT min(id) FROM settled WHERE state <> 2 AND state = 3")?;
    Ok(first_failed.map_or(settled_through, |id| settled_through.min(id - 1)).max(0))
}

fn line(row: &Row<'_>, key: String, json: Bytes) -> rusqlite::Result<AdoptedLine> {
    let text = |index| -> rusqlite::Result<Option<String>> {
        Ok(row.get::<_, Option<StoredText>>(index)?.map(|text| text.0))
    };
    let failure = match row.get::<_, Option<i64>>(12)? {
        None => None,
        Some(_failed) => Some(Settlement {
            id: row.get(0)?,
            bytes: json.len(),
            at: row.get(13)?,
            attempts: row.get(14)?,
            took_ms: row.get(15)?,
            encoding: encoding_of(row.get(16)?).unwrap_or(Encoding::Base64),
            result: Err(AwsError::new(text(17)?.unwrap_or_default(), text(18)?.unwrap_or_default())),
        }),
    };
    Ok(AdoptedLine {
        received_at: row.get(1)?,
        kind: row.get(2)?,
        source: text(3)?.unwrap_or_default().into(),
        key: key.into(),
        key_shortened: row.get(5)?,
        message_id: text(6)?.unwrap_or_default(),
        name: text(7)?,
        json,
        attempts: Vec::new(),
        failure,
    })
}

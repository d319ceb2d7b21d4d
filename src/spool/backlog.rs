//! The thread that reads queued events from the disk for the forwarder, if they are not in memory.

use std::path::Path;

use bytes::Bytes;
use rusqlite::{Connection, Row, params};
use tokio::sync::{mpsc, oneshot};

use super::{
    columns::StoredText,
    connection::ExpectedFile,
    error::{Error, OpenError, ReadError},
    location::PayloadLocation,
    log_reader::LogReader,
    payload::PayloadReader,
    queue::{Next, QueuedEvent},
    totals::Totals,
};
use crate::delivery::EventId;

/// A request for the queued events after `after`, at most `count` and about `bytes` of JSON.
pub(super) struct NextRequest {
    pub(super) after: EventId,
    pub(super) count: usize,
    pub(super) bytes: usize,
    pub(super) reply: oneshot::Sender<Result<Next, ReadError>>,
}

/// The forwarder's reader of the queue.
pub(super) struct Backlog {
    log: LogReader,
}

impl Backlog {
    pub(super) fn open(path: &Path, expected: &ExpectedFile) -> Result<Self, OpenError> {
        Ok(Self { log: LogReader::of(path, Some(expected.clone()))? })
    }

    /// Runs the thread. It ends when the last handle is dropped. `files` is [`super::Summary::files`].
    pub(super) fn run(mut self, mut inbox: mpsc::Receiver<NextRequest>, files: impl Fn() -> u64) {
        while let Some(request) = inbox.blocking_recv() {
            if let Err(error) = self.log.follow(files()) {
                tracing::debug!("the new files of the spool cannot be read yet: {error}");
            }
            let next = next(self.log.connection(), &request);
            drop(request.reply.send(next.map_err(ReadError::from)));
        }
    }
}

/// A queued event without its payload.
struct QueuedRow {
    id: EventId,
    key: String,
    location: PayloadLocation,
    attempts: u32,
    checksum: Option<i64>,
}

impl QueuedRow {
    const SELECT: &'static str = "SELECT id, partition_key, chunk, start, length,
                (SELECT max(number) FROM attempt WHERE attempt.event = event.id), sum
         FROM event WHERE id > ?1 AND NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id)
         ORDER BY id LIMIT ?2";

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            key: row.get::<_, StoredText>(1)?.0,
            location: PayloadLocation::of_row(row, 2)?,
            attempts: row.get::<_, Option<u32>>(5)?.unwrap_or(0),
            checksum: row.get(6)?,
        })
    }
}

fn next(connection: &Connection, request: &NextRequest) -> Result<Next, Error> {
    let NextRequest { after, count, bytes, .. } = *request;
    // One snapshot for the newest line and the rows, so that nothing that is committed in between is skipped.
    let snapshot = connection.unchecked_transaction()?;
    let newest = Totals::read(connection)?.newest;
    let mut statement = snapshot.prepare_cached(QueuedRow::SELECT)?;
    let mut rows = statement.query(params![after, i64::try_from(count).unwrap_or(i64::MAX)])?;
    let mut payloads = PayloadReader::new(&snapshot);
    let mut next = Next { through: after, ..Next::default() };
    let mut left = bytes;
    while left > 0 {
        let Some(row) = rows.next()? else {
            if next.events.len() + next.damaged.len() < count {
                next.through = newest.max(after);
            }
            break;
        };
        let row = QueuedRow::of(row)?;
        next.through = row.id;
        match payloads.read_checked(row.location, &row.key, row.checksum)? {
            Ok(json) => {
                left = left.saturating_sub(json.len());
                next.events.push(QueuedEvent {
                    id: row.id,
                    key: row.key.into(),
                    json: Bytes::copy_from_slice(json),
                    attempts: row.attempts,
                });
            }
            Err(damage) => {
                tracing::debug!("the payload of line {} is damaged: {damage}", row.id);
                next.damaged.push(row.id);
            }
        }
    }
    Ok(next)
}

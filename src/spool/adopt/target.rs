//! The spool that adopts: has its writer add batches, and reads them back.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{mpsc, oneshot};

use super::{error::AdoptError, lines::LineBatch};
use crate::{
    clock::now_ms,
    delivery::EventId,
    spool::{
        adopted_line::AdoptedLine,
        arrivals::AppendError,
        columns::StoredText,
        command::{Adopt, Command},
        error::Error,
        location::PayloadLocation,
        log_reader::LogReader,
        payload::PayloadReader,
        resend::Full,
    },
};

/// How often a batch that has no room is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(50);

/// The spool that adopts.
pub(crate) struct Target {
    pub(crate) commands: mpsc::Sender<Command>,
    /// Reads the same spool.
    pub(crate) log: LogReader,
    /// Its data folder.
    pub(crate) dir: PathBuf,
    pub(crate) full: Full,
}

/// The id and the data folder of the spool that is adopted.
#[derive(Clone)]
pub(super) struct From {
    pub(super) spool: Arc<str>,
    pub(super) path: Arc<str>,
}

impl Target {
    pub(super) fn connection(&self) -> &Connection {
        self.log.connection()
    }

    /// Waits until all earlier commands are committed: then the sums are those of now, and the disk was asked.
    pub(super) fn flush(&self) -> Result<(), AppendError> {
        let (reply, answer) = oneshot::channel();
        self.commands.blocking_send(Command::Flush(reply)).map_err(|_closed| AppendError::Closed)?;
        answer.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }

    /// Adds a batch; returns its first line. `Ok(None)`: `is_wanted` became `false` while it waited for room.
    pub(super) fn append(
        &self,
        from: &From,
        batch: &LineBatch,
        lines: &Arc<[AdoptedLine]>,
        is_wanted: &mut dyn FnMut() -> bool,
    ) -> Result<Option<EventId>, AppendError> {
        loop {
            let (reply, answer) = oneshot::channel();
            let request = Adopt {
                spool: Arc::clone(&from.spool),
                path: Arc::clone(&from.path),
                lines: Arc::clone(lines),
                after: batch.after,
                through: batch.through,
                at: now_ms(),
                reply,
            };
            self.commands.blocking_send(Command::Adopt(request)).map_err(|_closed| AppendError::Closed)?;
            let full = match answer.blocking_recv().unwrap_or(Err(AppendError::Closed)) {
                Ok(Some(first)) => return Ok(Some(first)),
                Ok(None) => AppendError::Full("spool.max_bytes leaves no room for more events".into()),
                Err(full @ AppendError::Full(_)) => full,
                Err(error) => return Err(error),
            };
            if self.full == Full::Stop {
                return Err(full);
            }
            if !is_wanted() {
                return Ok(None);
            }
            std::thread::sleep(RETRY_EVERY);
        }
    }

    /// Reads the lines from `first` on back from the files, and compares them with what was to be written. A line that is
    /// missing was delivered and pruned meanwhile, if an engine runs.
    pub(super) fn compare(
        &self,
        lines: &[AdoptedLine],
        (numbers, first): (&[EventId], EventId),
        from: &From,
    ) -> Result<(), AdoptError> {
        let differing = self.first_difference(lines, first);
        let read = |source| AdoptError::Read { dir: self.dir.clone(), done: 0, source };
        match differing.map_err(read)? {
            None => Ok(()),
            Some(index) => Err(AdoptError::Differs {
                line: first + EventId::try_from(index).unwrap_or(EventId::MAX),
                of: numbers.get(index).copied().unwrap_or_default(),
                dir: PathBuf::from(&*from.path),
            }),
        }
    }

    fn first_difference(&self, lines: &[AdoptedLine], first: EventId) -> Result<Option<usize>, Error> {
        let snapshot = self.connection().unchecked_transaction()?;
        let mut select = snapshot.prepare_cached(
            "SELECT message_id, partition_key, chunk, start, length, sum FROM event WHERE id = ?1",
        )?;
        let mut payloads = PayloadReader::new(&snapshot);
        for (index, (line, id)) in lines.iter().zip(first..).enumerate() {
            let found = select.query_row([id], |row| {
                let (message_id, key) = (row.get::<_, StoredText>(0)?.0, row.get::<_, StoredText>(1)?.0);
                Ok((message_id, key, PayloadLocation::of_row(row, 2)?, row.get(5)?))
            });
            let is_same = match found.optional()? {
                None => self.full == Full::Wait,
                Some((message_id, key, location, checksum)) => {
                    let json = payloads.read_checked(location, &key, checksum)?;
                    message_id == line.message_id
                        && key == *line.key
                        && json.is_ok_and(|json| json == line.json)
                }
            };
            if !is_same {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }
}

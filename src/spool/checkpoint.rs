//! Keeps the write-ahead log short. A thread of its own copies what is committed into the database, in rounds, so that
//! no sender waits for that. The writer commits more during each round. What is left becomes less with each round, and
//! the writer copies the rest itself, because SQLite starts the log over only when nothing is left.
//!
//! The log stays below about three times [`BYTES`]. A late copy loses nothing, because a commit is safe in the log. To
//! go on after a failed copy could lose events, because SQLite counts frames as copied before the database is synced. So
//! every failure goes to the caller, which makes certain what the disk has.

use std::{path::PathBuf, thread::JoinHandle};

use rusqlite::Connection;

use super::{
    connection::{ExpectedFile, connect_checkpointer},
    error::Error,
};

/// Committed bytes that start a copy. Pages that change often are then copied once for several commits.
const BYTES: u64 = 24 << 20;

/// A log of this size is copied, whatever was counted.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// Maximum bytes that the writer copies itself: about 10 ms on a plain disk.
const LAST_BYTES: u64 = 4 << 20;

/// Maximum rounds. After them the writer copies the rest itself: the disk copies more slowly than the writer commits.
const ROUNDS_MAX: u32 = 4;

/// The writer's record of the copying.
pub(super) struct Checkpoints {
    path: PathBuf,
    expected: ExpectedFile,
    /// Bytes committed since the last round began.
    bytes: u64,
    /// Rounds since the log was last empty.
    rounds: u32,
    running: Option<JoinHandle<Result<Copied, Error>>>,
}

/// How much a copy without an error copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copied {
    /// The database has everything that is in the log.
    All,
    /// A reader needs an older state, or more was committed meanwhile.
    Part,
}

impl Checkpoints {
    /// For the database at `path`, whose log may have any length.
    pub(super) fn new(path: PathBuf, expected: ExpectedFile) -> Self {
        Self { path, expected, bytes: BYTES, rounds: 0, running: None }
    }

    /// Counts committed bytes.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Copies if it is time. `connection` is the writer's, between transactions, and its log has `log_bytes`.
    pub(super) fn keep_short(&mut self, connection: &Connection, log_bytes: u64) -> Result<(), Error> {
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return Ok(());
        }
        self.join()?;
        if self.rounds == 0 && self.bytes < BYTES && log_bytes < LOG_BYTES_MAX {
            return Ok(());
        }
        if self.rounds == ROUNDS_MAX || (self.rounds > 0 && self.bytes <= LAST_BYTES) {
            return self.copy_all(connection).map(drop);
        }
        let (path, expected) = (self.path.clone(), self.expected.clone());
        let round = move || Ok(copy(&connect_checkpointer(&path, &expected)?, "PASSIVE")?);
        match std::thread::Builder::new().name("spool-copy".to_owned()).spawn(round) {
            Ok(running) => {
                self.running = Some(running);
                self.rounds += 1;
                self.bytes = 0;
                Ok(())
            }
            Err(error) => {
                tracing::debug!("no thread for the spool's write-ahead log: {error}");
                self.copy_all(connection).map(drop)
            }
        }
    }

    /// Copies what was committed since the last copy, at once.
    pub(super) fn keep_empty(&mut self, connection: &Connection) -> Result<(), Error> {
        if self.bytes == 0 && self.rounds == 0 { Ok(()) } else { self.copy_all(connection).map(drop) }
    }

    /// Copies what is left, on this thread. `true`: the database has all of it, synced.
    pub(super) fn copy_all(&mut self, connection: &Connection) -> Result<bool, Error> {
        self.join()?;
        (self.rounds, self.bytes) = (0, 0);
        Ok(copy(connection, "PASSIVE")? == Copied::All)
    }

    /// The last copy: empties the log, so that the next start finds none.
    pub(super) fn close(&mut self, connection: &Connection) -> Result<(), Error> {
        self.join()?;
        copy(connection, "TRUNCATE")?;
        Ok(())
    }

    /// Waits for a running copy when the files are no longer trusted. The result of the copy does not matter then.
    pub(super) fn abandon(&mut self) {
        if let Err(error) = self.join() {
            tracing::debug!("a copy of the spool's write-ahead log failed as well: {error}");
        }
    }

    fn join(&mut self) -> Result<(), Error> {
        match self.running.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(copied)) => copied.map(drop),
            Some(Err(_panic)) => {
                tracing::error!("the thread that copies the spool's write-ahead log had panicked");
                Ok(())
            }
        }
    }
}

/// <https://www.sqlite.org/pragma.html#pragma_wal_checkpoint>: the row says whether the log was busy, how many frames
/// it has, and how many of them are in the database.
fn copy(connection: &Connection, mode: &str) -> rusqlite::Result<Copied> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    connection.query_row(&sql, [], |row| {
        let (busy, log, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(if busy == 0 && log == copied { Copied::All } else { Copied::Part })
    })
}

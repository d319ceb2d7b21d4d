//! Keeps the write-ahead log short. What is committed is copied into the spool's file by a thread of its own, so that no
//! sender waits for that; what the writer adds meanwhile is left over, less each time, and the last of it the writer copies
//! itself: only when nothing is left does SQLite begin the log anew.
//!
//! The log stays below about three times [`BYTES`]. To copy late or not at all loses nothing: a commit is in the log. To go
//! on after a copy that failed would: SQLite counts frames as copied before the database is synced. So every failure is
//! the caller's, who makes certain what the disk has.

use std::{path::PathBuf, thread::JoinHandle};

use rusqlite::Connection;

use super::open::{self, Ours};

/// Bytes committed before they are copied: pages that change often are copied once for all of them.
const BYTES: u64 = 24 << 20;

/// A log that has grown to this is copied, whatever was counted.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// So little the writer copies itself: about 10 ms on a plain disk.
const LAST_BYTES: u64 = 4 << 20;

/// Where the disk copies more slowly than the writer adds, the writer waits for it after so many rounds.
const ROUNDS_MAX: u32 = 4;

/// What the writer knows of the copying.
pub(super) struct Checkpoints {
    path: PathBuf,
    ours: Ours,
    /// Committed since the last round began.
    bytes: u64,
    /// Begun since the log was last begun anew.
    rounds: u32,
    running: Option<JoinHandle<rusqlite::Result<Copied>>>,
}

/// How a copy ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copied {
    /// Nothing is left in the log that the database has not.
    All,
    /// A reader needs what is there, or more was written meanwhile.
    Part,
}

impl Checkpoints {
    /// Of the spool at `path`, which may have a log of any length.
    pub(super) fn new(path: PathBuf, ours: Ours) -> Self {
        Self { path, ours, bytes: BYTES, rounds: 0, running: None }
    }

    /// So many bytes were committed.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Does what is due; `connection` is the writer's, between transactions, and its log has `log_bytes`.
    pub(super) fn keep_short(&mut self, connection: &Connection, log_bytes: u64) -> rusqlite::Result<()> {
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return Ok(());
        }
        self.joined()?;
        if self.rounds == 0 && self.bytes < BYTES && log_bytes < LOG_BYTES_MAX {
            return Ok(());
        }
        if self.rounds == ROUNDS_MAX || (self.rounds > 0 && self.bytes <= LAST_BYTES) {
            return self.copy_all(connection).map(drop);
        }
        let (path, ours) = (self.path.clone(), self.ours.clone());
        let round =
            move || open::checkpointer(&path, &ours).and_then(|connection| copy(&connection, "PASSIVE"));
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
    pub(super) fn keep_empty(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.bytes == 0 && self.rounds == 0 { Ok(()) } else { self.copy_all(connection).map(drop) }
    }

    /// Copies what is left, here and now; says whether the database has all of it, synced.
    pub(super) fn copy_all(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        self.joined()?;
        (self.rounds, self.bytes) = (0, 0);
        Ok(copy(connection, "PASSIVE")? == Copied::All)
    }

    /// The last copy: empties the log, so that the next start finds none.
    pub(super) fn close(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.joined()?;
        copy(connection, "TRUNCATE").map(drop)
    }

    /// Waits for a copy that runs. How it ended does not matter any more.
    pub(super) fn join(&mut self) {
        if let Err(error) = self.joined() {
            tracing::debug!("a copy of the spool's write-ahead log failed as well: {error}");
        }
    }

    fn joined(&mut self) -> rusqlite::Result<()> {
        match self.running.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(copied)) => copied.map(drop),
            Some(Err(_panic)) => {
                tracing::error!("the thread that shortens the spool's write-ahead log had panicked");
                Ok(())
            }
        }
    }
}

/// <https://www.sqlite.org/pragma.html#pragma_wal_checkpoint>: the row says whether it was busy, how many frames the log
/// has, and how many of them the database has.
fn copy(connection: &Connection, mode: &str) -> rusqlite::Result<Copied> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    connection.query_row(&sql, [], |row| {
        let (busy, log, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(if busy == 0 && log == copied { Copied::All } else { Copied::Part })
    })
}

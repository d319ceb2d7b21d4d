//! Keeps the write-ahead log short. What is committed is copied into the spool's file by a thread of its own, so that no
//! sender waits for that; what the writer adds meanwhile is left over, less each time, and the last of it the writer copies
//! itself: only when nothing is left does SQLite begin the log anew.
//!
//! The log stays below about three times [`BYTES`]. To copy late or not at all loses nothing: a commit is in the log.

use std::{path::PathBuf, thread::JoinHandle};

use rusqlite::Connection;

use super::open;

/// Bytes committed before they are copied: pages that change often are copied once for all of them.
const BYTES: u64 = 24 << 20;

/// So little the writer copies itself: about 10 ms on a plain disk.
const LAST_BYTES: u64 = 4 << 20;

/// Where the disk copies more slowly than the writer adds, the writer waits for it after so many rounds.
const ROUNDS_MAX: u32 = 4;

/// What the writer knows of the copying.
pub(super) struct Checkpoints {
    path: PathBuf,
    /// Committed since the last round began.
    bytes: u64,
    /// Begun since the log was last begun anew.
    rounds: u32,
    running: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Of the spool at `path`, which may have a log of any length.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, bytes: BYTES, rounds: 0, running: None }
    }

    /// So many bytes were committed.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Does what is due; `connection` is the writer's, between transactions.
    pub(super) fn keep_short(&mut self, connection: &Connection) {
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        self.join();
        if self.rounds == 0 && self.bytes < BYTES {
            return;
        }
        if self.rounds == ROUNDS_MAX || (self.rounds > 0 && self.bytes <= LAST_BYTES) {
            self.finish(connection);
            return;
        }
        let path = self.path.clone();
        let round = move || tell(open::checkpointer(&path).and_then(|connection| copy(&connection)));
        match std::thread::Builder::new().name("spool-copy".to_owned()).spawn(round) {
            Ok(running) => {
                self.running = Some(running);
                self.rounds += 1;
                self.bytes = 0;
            }
            Err(error) => {
                tracing::debug!("no thread for the spool's write-ahead log: {error}");
                self.finish(connection);
            }
        }
    }

    /// Copies what is left, here and now.
    pub(super) fn finish(&mut self, connection: &Connection) {
        self.join();
        (self.rounds, self.bytes) = (0, 0);
        tell(copy(connection));
    }

    fn join(&mut self) {
        if self.running.take().is_some_and(|running| running.join().is_err()) {
            tracing::error!("the thread that shortens the spool's write-ahead log had panicked");
        }
    }
}

fn copy(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

fn tell(result: rusqlite::Result<()>) {
    if let Err(error) = result {
        tracing::warn!("the spool's write-ahead log could not be shortened: {error}");
    }
}

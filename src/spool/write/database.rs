//! The writer's connection and the files under it: closing and reopening them after a failure, and recreating the
//! database after its files were removed.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::Connection;

use super::error::WriteError;
use crate::{
    files::{self, Identity, remove_if_there},
    spool::{
        checkpoint::Checkpoints,
        connection::{self, ExpectedFile, reconnect_writer},
        data_folder,
        layout::{INDEX_SUFFIX, LOG_SUFFIX, NEW_DATABASE, beside, remove_log},
        renew::{LogEnd, Names, SpoolFiles},
    },
};

/// The page size of our databases. One made by an older program may have another; then [`Database::log_bytes`] is a
/// little off.
const PAGE_BYTES: u64 = 8192;

/// How often the log is copied again if the disk does not have what was copied.
const COPIES_MAX: u32 = 3;

pub(crate) struct Database {
    /// After a failure, an empty database in memory until the files are trusted again.
    connection: Connection,
    path: PathBuf,
    files: SpoolFiles,
    /// Held for as long as anything is written.
    lock: File,
    /// While the connection is closed: the acknowledged bytes of the write-ahead log.
    log_end: Option<u64>,
    /// Frames in the write-ahead log after the last commit.
    frames: Arc<AtomicU64>,
    checkpoints: Checkpoints,
}

impl Database {
    /// For the database at `path`, which `connection` has open and `files` watches. `lock` is that of the data folder.
    pub(crate) fn new(
        mut connection: Connection,
        path: PathBuf,
        files: SpoolFiles,
        lock: File,
    ) -> rusqlite::Result<Self> {
        let frames = Arc::new(AtomicU64::new(0));
        count_frames(&mut connection, &frames)?;
        let checkpoints = Checkpoints::new(path.clone(), files.expected().clone());
        Ok(Self { connection, path, files, lock, log_end: None, frames, checkpoints })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn expected(&self) -> &ExpectedFile {
        self.files.expected()
    }

    pub(super) fn into_files(self) -> SpoolFiles {
        self.files
    }

    /// Whether the open files still have their names.
    pub(super) fn check_names(&self) -> Names {
        self.files.check_names()
    }

    /// About the bytes of the write-ahead log, from memory.
    pub(super) fn log_bytes(&self) -> u64 {
        self.frames.load(Ordering::Relaxed) * PAGE_BYTES
    }

    /// `bytes` were committed to the write-ahead log.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.checkpoints.wrote(bytes);
    }

    /// Copies the write-ahead log if it is time; `at_once`: if it holds anything.
    pub(super) fn copy_log(&mut self, at_once: bool) -> Result<(), WriteError> {
        let log_bytes = self.log_bytes();
        let copied = if at_once {
            self.checkpoints.keep_empty(&self.connection)
        } else {
            self.checkpoints.keep_short(&self.connection, log_bytes)
        };
        copied.map_err(WriteError::Copy)
    }

    /// The last copy: the next start finds no write-ahead log.
    pub(super) fn empty_log(&mut self) -> Result<(), WriteError> {
        self.checkpoints.close(&self.connection).map_err(WriteError::Copy)
    }

    /// Copies the whole write-ahead log, and compares what the disk has then (step 3 of [`crate::spool::renew`]).
    pub(super) fn copy_and_compare(&mut self) -> Result<(), WriteError> {
        for _ in 0..COPIES_MAX {
            let is_complete = self.checkpoints.copy_all(&self.connection).map_err(WriteError::Copy)?;
            if !is_complete {
                return Err(WriteError::Readers);
            }
            if self.files.is_copied(connection::log_bytes(&self.connection)?)? {
                return Ok(());
            }
            self.close_and_renew()?;
            self.reopen()?;
        }
        Err(WriteError::NotKept(self.path.clone()))
    }

    /// Waits for a running copy of the log. Its result does not matter.
    pub(super) fn abandon_copy(&mut self) {
        self.checkpoints.abandon();
    }

    /// Closes the connection without copying the log, and makes certain what the disk has of the log (steps 1 and 2 of
    /// [`crate::spool::renew`]). May be repeated if it fails: where the acknowledged commits end is noted the first
    /// time, because nobody can tell afterwards.
    pub(super) fn close_and_renew(&mut self) -> Result<(), WriteError> {
        let end = if let Some(end) = self.log_end {
            end
        } else {
            let end = connection::log_bytes(&self.connection)?;
            self.connection = Connection::open_in_memory()?;
            self.log_end = Some(end);
            end
        };
        Ok(self.files.renew(LogEnd::At(end))?)
    }

    pub(super) fn reopen(&mut self) -> Result<(), WriteError> {
        let mut connection = reconnect_writer(&self.path, self.files.expected())?;
        count_frames(&mut connection, &self.frames)?;
        // SQLite creates the log with the first read.
        connection::log_bytes(&connection)?;
        (self.connection, self.log_end) = (connection, None);
        self.files.note_opened()?;
        Ok(())
    }

    /// Makes the database anew after its files were removed. SQLite still has the removed files open, so everything in
    /// them is copied into a new database under the old name.
    pub(super) fn rescue(&mut self) -> Result<(), WriteError> {
        let dir = self.path.parent().map_or_else(PathBuf::new, PathBuf::from);
        files::create_folder(&dir)?;
        if let Some(lock) = data_folder::relock(&dir, &self.lock).map_err(io::Error::other)? {
            self.lock = lock;
        }
        let new = dir.join(NEW_DATABASE);
        let name =
            new.to_str().ok_or_else(|| io::Error::other("SQLite takes no path that is not UTF-8 here"))?;
        for suffix in ["", LOG_SUFFIX, INDEX_SUFFIX, "-journal"] {
            remove_if_there(&beside(&new, suffix))?;
        }
        files::open_private(&new)?;
        self.connection.execute("VACUUM INTO ?1", [name])?;
        let file = File::open(&new)?;
        file.sync_all()?;
        let made = Identity::of_open(&file)?;
        // A log or index by these names belongs to the old database.
        remove_log(&self.path)?;
        files::take_name(&new, &self.path)?;
        self.connection = Connection::open_in_memory()?;
        self.files.note_replaced(made);
        self.reopen()
    }
}

/// Has SQLite tell the number of frames in the write-ahead log after each commit. The hook takes the place of SQLite's
/// own automatic checkpoint; [`Checkpoints`] does that work.
fn count_frames(connection: &mut Connection, frames: &Arc<AtomicU64>) -> rusqlite::Result<()> {
    let frames = Arc::clone(frames);
    connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count: std::ffi::c_int| {
        frames.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }))
}

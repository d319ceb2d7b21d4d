//! What the writer does after a commit, a copy of the write-ahead log or a look at the files failed.
//!
//! From that moment nothing is acknowledged. Once a second ([`REOPEN_AFTER`]) the writer closes its connection without
//! copying anything, lets [`Files`] make certain what the disk has, opens the database anew, copies the whole log again
//! and compares it with the disk. Intake goes on when all of that worked and a commit of its own did.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, ffi};

use super::{
    super::{
        Common, doctor, open,
        renew::{Ends, Place},
    },
    Writer, books, note_frames,
    sources::Sources,
    words,
};
use crate::{
    delivery::Intake,
    files::{self, Identity, remove_if_there},
};

/// How long requests are refused before the files are looked at again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// How often the log is copied once more when the disk does not have what was copied.
const COPIES_MAX: u32 = 3;

/// Why the spool's files cannot be written, or trusted. [`Trouble::reason`] adds the device and what helps.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("{}", in_words(.0))]
    Commit(#[from] rusqlite::Error),
    #[error("the write-ahead log could not be copied into the database: {}", in_words(.0))]
    Copy(#[source] rusqlite::Error),
    #[error("the spool's files could not be read back from the disk: {0}")]
    Renew(#[from] io::Error),
    #[error("{} was removed while Tributary runs", .0.display())]
    Removed(PathBuf),
    #[error("{} is another file than the one that Tributary has open", .0.display())]
    Replaced(PathBuf),
    #[error("the disk does not keep what is written to {}", .0.display())]
    NotKept(PathBuf),
    #[error("a reader of the delivery log needs an older state of it")]
    Readers,
    #[error("{missing} acknowledged events are not in the database that the disk has")]
    Lost { missing: u64 },
}

impl From<Place> for Result<(), Trouble> {
    fn from(place: Place) -> Self {
        match place {
            Place::Same => Ok(()),
            Place::Removed(path) => Err(Trouble::Removed(path)),
            Place::Replaced(path) => Err(Trouble::Replaced(path)),
        }
    }
}

impl Trouble {
    /// Nothing was written and nothing failed on the disk: somebody else holds SQLite's lock.
    fn is_lock(&self) -> bool {
        let busy = |error: &rusqlite::Error| {
            matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
        };
        matches!(self, Self::Commit(error) | Self::Copy(error) if busy(error))
    }

    /// The disk, or this user's share of it, has no room.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Commit(error) | Self::Copy(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            Self::Renew(error) => {
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }

    /// What the faces show: what happened, on which device, and what helps.
    fn reason(&self, path: &Path) -> Arc<str> {
        let device = files::device_of(path.parent().unwrap_or(path));
        let device = device.map_or_else(String::new, |device| format!(" (on {device})"));
        format!("{self}{device}; {}", self.advice()).into()
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Commit(error) | Self::Copy(error) if doctor::is_damage(error) => {
                "stop Tributary and run `tributary doctor`, which recovers what can be read"
            }
            Self::Commit(_) | Self::Copy(_) if self.is_lock() => {
                "another program has the database open for writing"
            }
            Self::Commit(_) | Self::Copy(_) | Self::Renew(_) | Self::NotKept(_) => {
                "check the disk: its cable, pool, quota and free space"
            }
            Self::Removed(_) => "the spool is made anew from the open files",
            Self::Replaced(_) => "put that file back, or restart Tributary",
            Self::Readers => "the spool waits until it has ended",
            Self::Lost { .. } => "stop Tributary and run `tributary doctor`",
        }
    }
}

/// SQLite's words, and which operation of the system failed.
fn in_words(error: &rusqlite::Error) -> String {
    let rusqlite::Error::SqliteFailure(failure, _) = error else { return error.to_string() };
    let operation = match failure.extended_code {
        ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => "a sync failed",
        ffi::SQLITE_IOERR_WRITE => "a write failed",
        ffi::SQLITE_IOERR_TRUNCATE => "a file could not be shortened",
        ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ => "a read failed",
        _ => return error.to_string(),
    };
    format!("{error} ({operation})")
}

impl Writer {
    /// Nothing is acknowledged until the files are known again.
    pub(super) fn fail(&mut self, trouble: &Trouble) {
        if trouble.is_full() {
            self.room.ran_out();
        }
        self.is_suspect |= !trouble.is_lock();
        self.failed_at = Some(Instant::now());
        let reason = trouble.reason(&self.path);
        if self.intake != Intake::Failing(Arc::clone(&reason)) {
            tracing::error!("the spool cannot write, senders are asked to retry: {reason}");
        }
        self.intake = Intake::Failing(reason);
    }

    /// Whether a commit may be tried: at once in good times, after a failure only once the files are known again.
    pub(super) fn may_write(&mut self, common: &Common) -> bool {
        let Some(failed_at) = self.failed_at else { return true };
        failed_at.elapsed() >= REOPEN_AFTER && self.recover(common)
    }

    /// Makes certain what the disk has; says whether that worked. A commit has to prove the rest.
    pub(super) fn recover(&mut self, common: &Common) -> bool {
        self.failed_at = Some(Instant::now());
        if !self.is_suspect {
            return true;
        }
        match self.rebuild(common) {
            Ok(()) => {
                self.is_suspect = false;
                true
            }
            Err(trouble) => {
                self.fail(&trouble);
                false
            }
        }
    }

    fn rebuild(&mut self, common: &Common) -> Result<(), Trouble> {
        self.checkpoints.join();
        match self.files.place() {
            Place::Same => {
                let end = self.close_connection()?;
                self.files.renew(Ends::At(end))?;
                self.segments.cut_back()?;
                self.open_connection()?;
                self.know_the_ledger(common)?;
                self.copy_whole()?;
            }
            Place::Removed(_) => self.rescue(common)?,
            Place::Replaced(path) => return Err(Trouble::Replaced(path)),
        }
        self.untidy = true;
        self.room.forget();
        Ok(())
    }

    /// The log that a process before this one left is copied whole and compared with the disk, before anything is added.
    pub(in crate::spool) fn take_over(&mut self) {
        if let Err(trouble) = self.copy_whole() {
            self.fail(&trouble);
        }
    }

    /// SQLite copies the log into the database and syncs it; then the disk is asked for each page.
    fn copy_whole(&mut self) -> Result<(), Trouble> {
        for _ in 0..COPIES_MAX {
            let is_complete = self.checkpoints.copy_all(&self.connection).map_err(Trouble::Copy)?;
            if !is_complete {
                return Err(Trouble::Readers);
            }
            if self.files.is_copied(open::log_bytes(&self.connection)?)? {
                return Ok(());
            }
            let end = self.close_connection()?;
            self.files.renew(Ends::At(end))?;
            self.open_connection()?;
        }
        Err(Trouble::NotKept(self.path.clone()))
    }

    /// What the database says is at least what was acknowledged. Where it is more (a commit that was refused is there all the
    /// same), the forwarder has to read it from the disk.
    fn know_the_ledger(&mut self, common: &Common) -> Result<(), Trouble> {
        let found = books(&self.connection)?;
        let missing = self.books.accepted.saturating_sub(found.accepted);
        if missing > 0 {
            return Err(Trouble::Lost { missing });
        }
        if found.newest != self.books.newest {
            common.forget_fresh(found.newest);
        }
        (self.books, self.words) = (found, words(&self.connection)?);
        self.books.rejected += self.unwritten_refusals;
        self.books.unkept += self.unwritten_refusals;
        self.sources = Sources::open(&self.connection, &self.books)?;
        self.refusals.read(&self.connection)?;
        Ok(())
    }

    /// Without copying the log: what SQLite and the system have in memory is not to be trusted. Says where the log ends,
    /// which nobody can tell any more afterwards.
    fn close_connection(&mut self) -> Result<u64, Trouble> {
        if self.log_end.is_none() {
            self.log_end = Some(open::log_bytes(&self.connection)?);
            self.connection = Connection::open_in_memory()?;
        }
        Ok(self.log_end.unwrap_or(0))
    }

    fn open_connection(&mut self) -> Result<(), Trouble> {
        let mut connection = open::reconnect_writer(&self.path, self.files.ours())?;
        note_frames(&mut connection, &self.frames)?;
        // The first look into a database makes its log.
        open::log_bytes(&connection)?;
        (self.connection, self.log_end) = (connection, None);
        self.files.opened()?;
        Ok(())
    }

    /// The files have no names any more, but SQLite has them open still: everything in them goes into a new database under
    /// the old name. Payloads in segments that were removed are gone; their events show as damaged.
    fn rescue(&mut self, common: &Common) -> Result<(), Trouble> {
        self.segments.keep_ends();
        let dir = self.path.parent().map_or_else(PathBuf::new, PathBuf::from);
        files::create_folder(&dir)?;
        if let Some(lock) = open::lock_anew(&dir, &self.lock).map_err(io::Error::other)? {
            self.lock = lock;
        }
        let new = dir.join("spool.sqlite3.new");
        let name =
            new.to_str().ok_or_else(|| io::Error::other("SQLite takes no path that is not UTF-8 here"))?;
        for suffix in ["", "-wal", "-shm", "-journal"] {
            remove_if_there(&open::beside(&new, suffix))?;
        }
        files::open_private(&new)?;
        self.connection.execute("VACUUM INTO ?1", [name])?;
        let file = std::fs::File::open(&new)?;
        file.sync_all()?;
        let made = Identity::of_open(&file)?;
        // The log and index by that name belong to the old database.
        for suffix in ["-wal", "-shm"] {
            remove_if_there(&open::beside(&self.path, suffix))?;
        }
        files::take_name(&new, &self.path)?;
        self.connection = Connection::open_in_memory()?;
        self.files.forget_place();
        self.files.ours().set(made);
        self.open_connection()?;
        self.files_made += 1;
        self.know_the_ledger(common)?;
        self.segments.made_anew(&self.connection)?;
        tracing::warn!("{} was removed and is made anew from the open files", self.path.display());
        Ok(())
    }
}

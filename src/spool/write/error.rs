//! Why the writer cannot write, or cannot trust its files.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::ffi;

use crate::{
    files,
    spool::{
        error::{Error, has_no_room},
        renew::Names,
    },
};

/// Why a commit, a copy of the write-ahead log, or a recovery failed. [`WriteError::reason`] adds the device and what
/// helps.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("{}", describe(.0))]
    Commit(#[from] Error),
    #[error("the write-ahead log could not be copied into the database: {}", describe(.0))]
    Copy(#[source] Error),
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

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Commit(error.into())
    }
}

impl From<Names> for Result<(), WriteError> {
    fn from(names: Names) -> Self {
        match names {
            Names::Unchanged => Ok(()),
            Names::Removed(path) => Err(WriteError::Removed(path)),
            Names::Replaced(path) => Err(WriteError::Replaced(path)),
        }
    }
}

impl WriteError {
    /// Nothing was written and nothing failed on the disk: another connection holds SQLite's lock.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self, Self::Commit(error) | Self::Copy(error) if error.is_locked())
    }

    /// The disk, or this user's quota on it, has no room.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Commit(error) | Self::Copy(error) => error.is_full(),
            Self::Renew(error) => has_no_room(error),
            _ => false,
        }
    }

    /// What the faces show: what happened, on which device, and what helps. `path`: the database.
    pub(super) fn reason(&self, path: &Path) -> Arc<str> {
        let device = files::device_of(path.parent().unwrap_or(path));
        let device = device.map_or_else(String::new, |device| format!(" (on {device})"));
        format!("{self}{device}; {}", self.advice()).into()
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Commit(error) | Self::Copy(error) if error.is_damage() => {
                "stop Tributary and run `tributary doctor`, which recovers what can be read"
            }
            Self::Commit(error) | Self::Copy(error) if error.is_locked() => {
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

/// SQLite's words, and which system call failed.
fn describe(error: &Error) -> String {
    let Error::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) = error else { return error.to_string() };
    let operation = match failure.extended_code {
        ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => "a sync failed",
        ffi::SQLITE_IOERR_WRITE => "a write failed",
        ffi::SQLITE_IOERR_TRUNCATE => "a file could not be shortened",
        ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ => "a read failed",
        _ => return error.to_string(),
    };
    format!("{error} ({operation})")
}

//! Why the spool's files could not be opened, read or written. [`OpenError`] goes straight to a person, so it also says
//! what to do.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::ErrorCode;

use super::{
    adoption::{Mark, minute},
    schema::VERSION,
};

/// Why an operation on the database or on a segment failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A segment, or the folder of the segments, could not be read or written.
    #[error("{}: {error}", path.display())]
    Segment {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The database's name leads to another file than the one that this process writes.
    #[error("another file has the database's name, or none; put the right one back")]
    Moved,
    /// The database is empty or missing, and other files of the spool hold events: these.
    #[error(
        "the database is empty or missing, but its events are in {0}. If you have the right spool.sqlite3, put it back"
    )]
    Emptied(String),
}

impl Error {
    pub(super) fn segment(path: &Path, error: io::Error) -> Self {
        Self::Segment { path: path.to_owned(), error }
    }

    /// The disk, or this user's quota on it, has no room.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            Self::Segment { error, .. } => has_no_room(error),
            Self::Moved | Self::Emptied(_) => false,
        }
    }

    /// Another connection holds SQLite's lock: nothing was written, and nothing failed on the disk.
    pub(super) fn is_locked(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// The database is not what was written: it is empty, SQLite says so, or it has no tables, no sums, or values of other
    /// types.
    pub(super) fn is_damage(&self) -> bool {
        let error = match self {
            Self::Sqlite(error) => error,
            Self::Emptied(_) => return true,
            Self::Segment { .. } | Self::Moved => return false,
        };
        match error {
            rusqlite::Error::SqliteFailure(failure, text) => {
                matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                    || text.as_deref().is_some_and(|text| text.starts_with("no such"))
            }
            rusqlite::Error::SqlInputError { msg, .. } => msg.starts_with("no such"),
            rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => true,
            _ => false,
        }
    }
}

/// Whether the system says that a disk, or this user's quota on it, has no room.
pub(super) fn has_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Why a spool did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process owns the folder.
    #[error(
        "another Tributary is already running on the data folder {}; stop it, or choose another folder with --data-dir",
        .0.display()
    )]
    InUse(PathBuf),
    /// The folder is on a network file system, or would be. There locks may not exclude another machine, and what was
    /// synced may not be on a disk: <https://www.sqlite.org/faq.html#q5>, <https://www.sqlite.org/wal.html>.
    #[error(
        "the data folder {} is on a network file system ({file_system}), where locks and syncs are not reliable, so an accepted \
         event could be lost; choose a folder on a local disk or a block volume with --data-dir (if this folder holds a spool, \
         copy it there first)",
        path.display()
    )]
    Network {
        /// The folder.
        path: PathBuf,
        /// The file system's name.
        file_system: &'static str,
    },
    /// The folder or a file in it cannot be created or read.
    #[error("cannot use the data folder {}; check that it exists, is yours and the disk has room", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the spool {}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: Error,
    },
    /// The database is not what was written.
    #[error(
        "the spool {} is damaged; run `tributary doctor`: it recovers what can be read, and deletes nothing",
        path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Error,
    },
    /// A file in the folder was created by another user, who may have chosen its content.
    #[error(
        "{} was made by another user (uid {owner}) in a folder that is yours, so its content may not be yours and it is not \
         used. If it is yours, give it to this user (chown) or run Tributary as that user; if not, move it away, or choose \
         another folder with --data-dir",
        path.display()
    )]
    Planted {
        /// The file.
        path: PathBuf,
        /// The number of that user.
        owner: u32,
    },
    /// A repair of a damaged database did not end.
    #[error("a repair of the spool in {} did not end; run `tributary doctor` again", .0.display())]
    Unfinished(PathBuf),
    /// A restore into the folder did not end.
    #[error("a restore into {} did not end; run `tributary restore` again with the same backup", .0.display())]
    HalfRestored(PathBuf),
    /// Another spool adopts the events of this one, or has adopted them.
    #[error("{}", adopted(path, mark))]
    Adopted {
        /// The data folder.
        path: PathBuf,
        /// By whom, and since when.
        mark: Mark,
    },
    /// A newer program wrote the database.
    #[error("the spool {} was written by a newer Tributary (its version is {found}, this one knows {VERSION}); update this one", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
}

/// Says that no engine may start on the folder, why, and what to do.
fn adopted(path: &Path, mark: &Mark) -> String {
    let (path, into) = (path.display(), &mark.into);
    match mark.ended {
        Some(ended) => format!(
            "the waiting events of {path} were adopted into {into} on {}, and are delivered from there; choose another folder \
             with --data-dir. `tributary log` still reads this one",
            minute(ended)
        ),
        None => format!(
            "the waiting events of {path} are being adopted into {into} since {}, and that did not end: finish it with \
             `tributary adopt {path} --data-dir {into}`. Until then nothing is delivered from here",
            minute(mark.began)
        ),
    }
}

impl OpenError {
    pub(super) fn database(path: &Path, source: impl Into<Error>) -> Self {
        let (path, source) = (path.to_owned(), source.into());
        if source.is_damage() { Self::Damaged { path, source } } else { Self::Database { path, source } }
    }

    pub(super) fn io(dir: &Path, source: io::Error) -> Self {
        Self::Io { path: dir.to_owned(), source }
    }
}

/// Why the log or the queue could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// A file could not be read.
    #[error("the spool could not be read: {0}")]
    Files(Arc<str>),
    /// The engine is stopping.
    #[error("the spool is closed")]
    Closed,
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Files(error.to_string().into())
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::from(Error::from(error))
    }
}

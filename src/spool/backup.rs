//! A copy of the spool while the engine goes on: the state of one moment, whole and checked.
//!
//! The order makes it consistent: first a read transaction, whose snapshot does not change any more; then every segment that
//! the snapshot knows is opened, long before a segment that leaves is removed (see [`super::segments`]); then database and
//! segments are copied, and synced. Bytes that the snapshot points to never change. The copy has another name until it is
//! complete and checked.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, backup::Backup};

use super::{
    connection::connect_reader,
    doctor::{DoctorError, examine},
    error::{Error, OpenError},
    layout::{FILE_NAME, SEGMENTS},
    segments::open_known,
    totals::Totals,
};
use crate::{delivery::Ledger, files};

/// What the name of a copy ends with until it is complete.
const PARTIAL: &str = ".partial";

/// Between two tries while SQLite is busy.
const PAUSE: Duration = Duration::from_millis(100);

/// Why no copy was made. The spool is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no spool.
    #[error("there is no spool at {}; name the data folder with --data-dir", .0.display())]
    Nothing(PathBuf),
    /// Something has the name of the copy.
    #[error("{} exists already; name a new folder", .0.display())]
    Exists(PathBuf),
    /// An earlier backup to this folder did not end, or one is running.
    #[error("{} is left of a backup that did not end; remove it, unless that backup is still running", .0.display())]
    Leftover(PathBuf),
    /// The spool cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be read or copied.
    #[error("cannot copy the spool")]
    Database(#[from] Error),
    /// A file of the copy cannot be written.
    #[error("cannot write {}; check that its disk has room and that the folder above is yours", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The copy cannot be read.
    #[error("cannot check the copy")]
    Check(#[from] DoctorError),
    /// The copy has the damage of the spool.
    #[error("the spool is damaged, and so is the copy in {}: {what} Run `tributary doctor`", path.display())]
    Damaged {
        /// The copy.
        path: PathBuf,
        /// What the doctor found.
        what: String,
    },
}

impl BackupError {
    /// What cannot be written at this path.
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A copy that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The counts of events in it.
    pub ledger: Ledger,
    /// Lines of its log.
    pub lines: u64,
    /// Bytes of its files.
    pub bytes: u64,
}

/// Copies the spool of the data folder `dir` into the new folder `to`, which is then a data folder itself. An engine may run on
/// `dir`. Reads everything twice and needs as much room as the spool has; the write-ahead log of a running engine grows
/// meanwhile.
pub fn back_up(dir: &Path, to: &Path) -> Result<Copied, BackupError> {
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        return Err(BackupError::Nothing(path));
    }
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(PARTIAL);
    let partial = PathBuf::from(partial);
    create(&partial)?;
    match copy_checked(&path, &partial) {
        Ok(copied) => {
            let renamed = fs::rename(&partial, to).and_then(|()| files::sync_parents(to));
            renamed.map_err(BackupError::io(to))?;
            Ok(copied)
        }
        // What is there of it may be of use.
        Err(error @ BackupError::Damaged { .. }) => Err(error),
        Err(error) => {
            if let Err(left) = fs::remove_dir_all(&partial) {
                tracing::debug!("{} was not removed: {left}", partial.display());
            }
            Err(error)
        }
    }
}

/// Copies the spool whose database is at `path` into the empty folder `partial`, and examines the copy.
pub(super) fn copy_checked(path: &Path, partial: &Path) -> Result<Copied, BackupError> {
    let bytes = copy(path, partial)?;
    let report = examine(partial, false)?;
    if let Some(finding) = report.findings.first() {
        return Err(BackupError::Damaged { path: partial.to_owned(), what: finding.text.clone() });
    }
    let ledger = Totals::read(&connect_reader(&partial.join(FILE_NAME), None)?)?.ledger();
    Ok(Copied { ledger, lines: report.lines, bytes })
}

/// Creates the folder for this user alone.
fn create(partial: &Path) -> Result<(), BackupError> {
    if partial.symlink_metadata().is_ok() {
        return Err(BackupError::Leftover(partial.to_owned()));
    }
    files::create_folder(partial).map_err(BackupError::io(partial))
}

/// Copies database and segments, and syncs them. Returns their bytes.
fn copy(path: &Path, partial: &Path) -> Result<u64, BackupError> {
    let spool = connect_reader(path, None)?;
    // From the first read on it sees one moment.
    spool.execute_batch("BEGIN")?;
    let segments = open_known(&spool)?;
    let database = partial.join(FILE_NAME);
    files::open_private(&database).map_err(BackupError::io(&database))?;
    {
        let mut target = Connection::open(&database)?;
        target.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")?;
        // All pages in one step: the snapshot is one moment, and no other connection has the target.
        Backup::new(&spool, &mut target)?.run_to_completion(i32::MAX, PAUSE, None)?;
    }
    drop(spool);
    let folder = partial.join(SEGMENTS);
    files::create_folder(&folder).map_err(BackupError::io(&folder))?;
    let mut bytes = database.metadata().map_err(BackupError::io(&database))?.len();
    for (name, segment) in segments {
        let copy = folder.join(name);
        bytes += copy_file(segment, &copy).map_err(BackupError::io(&copy))?;
    }
    for folder in [&*folder, partial] {
        files::sync_folder(folder).map_err(BackupError::io(folder))?;
    }
    Ok(bytes)
}

fn copy_file(mut from: File, to: &Path) -> io::Result<u64> {
    let mut copy = files::open_private(to)?;
    let bytes = io::copy(&mut from, &mut copy)?;
    copy.sync_all()?;
    Ok(bytes)
}

//! Puts a backup in the place of a spool that is gone. The copy is made and checked as every backup is, in a folder inside
//! the data folder, so that it is on the same file system. Then its files get their names, the database last.
//!
//! While the folder of the copy is there no engine starts, since it would begin with an empty spool; the next restore
//! removes what the interrupted one left, and begins again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    backup::{BackupError, Copied, copy_checked},
    data_folder,
    error::OpenError,
    layout::{
        FILE_NAME, LOG_SUFFIX, RESTORING, SEGMENTS, has_unfinished_repair, has_unfinished_restore, remove_log,
    },
};
use crate::files::{create_folder, remove_if_there, sync_folder, sync_parents};

/// Why a backup was not restored. The backup is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no backup.
    #[error("there is no backup in {}; name a folder that `tributary backup` made (it holds spool.sqlite3)", .0.display())]
    Nothing(PathBuf),
    /// The data folder has a spool.
    #[error(
        "{} has a spool already, and nothing is written over it; move its spool.sqlite3* and segments away, or name another \
         folder with --data-dir",
        .0.display()
    )]
    Occupied(PathBuf),
    /// The backup is damaged.
    #[error(
        "the backup in {} is damaged: {what} Take another backup, or run `tributary doctor --data-dir {}`",
        path.display(), path.display()
    )]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What the doctor found.
        what: String,
    },
    /// An engine runs on the data folder, or it cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The backup could not be copied.
    #[error(transparent)]
    Copy(BackupError),
    /// A file could not be written.
    #[error("cannot write in {}; check that the folder is yours and its disk has room", path.display())]
    Io {
        /// The data folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Copies the backup in the folder `from` into the data folder `dir`, which has no spool. Other files of the folder stay.
pub fn restore(from: &Path, dir: &Path) -> Result<Copied, RestoreError> {
    let backup = from.join(FILE_NAME);
    if !backup.exists() {
        return Err(RestoreError::Nothing(from.to_owned()));
    }
    let io = |source| RestoreError::Io { path: dir.to_owned(), source };
    create_folder(dir).map_err(io)?;
    let _lock = data_folder::lock(dir)?;
    if has_unfinished_restore(dir) {
        clear(dir).map_err(io)?;
    }
    if has_spool(dir) {
        return Err(RestoreError::Occupied(dir.to_owned()));
    }
    sync_parents(dir).map_err(io)?;
    let partial = dir.join(RESTORING);
    create_folder(&partial).map_err(io)?;
    let copied = copy_checked(&backup, &partial);
    if copied.is_ok() {
        take_names(dir, &partial).map_err(io)?;
    } else if let Err(left) = remove_folder(&partial) {
        tracing::debug!("{} was not removed: {left}", partial.display());
    }
    copied.map_err(|error| match error {
        BackupError::Damaged { what, .. } => RestoreError::Damaged { path: from.to_owned(), what },
        error => RestoreError::Copy(error),
    })
}

/// Whether there is anything of a spool.
fn has_spool(dir: &Path) -> bool {
    let is_there = |name: &str| dir.join(name).symlink_metadata().is_ok();
    let has_segments = fs::read_dir(dir.join(SEGMENTS)).is_ok_and(|mut files| files.next().is_some());
    let log = format!("{FILE_NAME}{LOG_SUFFIX}");
    has_segments || is_there(FILE_NAME) || is_there(&log) || has_unfinished_repair(dir)
}

/// Moves the files of the copy into the data folder. The database is last: without it nothing is a spool.
fn take_names(dir: &Path, partial: &Path) -> io::Result<()> {
    match fs::remove_dir(dir.join(SEGMENTS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(partial.join(SEGMENTS), dir.join(SEGMENTS))?;
    fs::rename(partial.join(FILE_NAME), dir.join(FILE_NAME))?;
    sync_folder(dir)?;
    // What is left are an empty write-ahead log and its index, from the check of the copy.
    remove_folder(partial)?;
    sync_folder(dir)
}

/// Removes what an interrupted restore left. The folder had no spool when that began.
fn clear(dir: &Path) -> io::Result<()> {
    let database = dir.join(FILE_NAME);
    remove_if_there(&database)?;
    remove_log(&database)?;
    remove_folder(&dir.join(SEGMENTS))?;
    sync_folder(dir)?;
    remove_folder(&dir.join(RESTORING))?;
    sync_folder(dir)
}

/// Removes a folder, if it is there, and everything in it. Not `fs::remove_dir_all`: its system calls are not seen by the
/// power-loss tests (`tests/powerloss/shim.c`).
fn remove_folder(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_folder(&entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

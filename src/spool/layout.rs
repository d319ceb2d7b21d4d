//! The names of the spool's files in the data folder, and which of them belong together.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::files::remove_if_there;

/// The database.
pub const FILE_NAME: &str = "spool.sqlite3";

/// A database that will take the place of the present one.
pub(super) const NEW_DATABASE: &str = "spool.sqlite3.new";

/// The folder of the segments.
pub(super) const SEGMENTS: &str = "segments";

/// Locked by the process that owns the folder.
pub(super) const LOCK: &str = "tributary.lock";

/// Exists while a repair moves files, and says under which name the damaged database is kept.
pub(super) const REPAIR_NOTE: &str = "spool.repair";

/// The folder in which a backup is copied and checked before its files get their names.
pub(super) const RESTORING: &str = "restore.partial";

/// What SQLite appends to the database's name for its write-ahead log.
pub(super) const LOG_SUFFIX: &str = "-wal";

/// The same for the index of the write-ahead log.
pub(super) const INDEX_SUFFIX: &str = "-shm";

/// A file that SQLite keeps beside the database at `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Removes the write-ahead log of the database at `path` and its index, if they are there.
pub(super) fn remove_log(path: &Path) -> io::Result<()> {
    [LOG_SUFFIX, INDEX_SUFFIX].iter().try_for_each(|suffix| remove_if_there(&beside(path, suffix)))
}

/// Whether a repair was begun in this folder and did not end.
pub(super) fn has_unfinished_repair(dir: &Path) -> bool {
    dir.join(REPAIR_NOTE).exists()
}

/// Whether a restore into this folder was begun and did not end.
pub(super) fn has_unfinished_restore(dir: &Path) -> bool {
    dir.join(RESTORING).exists()
}

//! Opens the spool for writing.

use std::path::{Path, PathBuf};

use super::{
    adoption::identity,
    connection::connect_writer,
    data_folder::{lock, others_can_write},
    error::OpenError,
    layout::{FILE_NAME, LOG_SUFFIX, beside, has_unfinished_repair, has_unfinished_restore},
    limits::Limits,
    remains,
    renew::{LogEnd, SpoolFiles},
    schema::{VERSION, migrate, version},
    write::{Database, Writer},
};
use crate::files;

/// Takes the folder for this process, opens or creates the database, and brings its schema up to date. Returns the path
/// of the database too.
///
/// An existing write-ahead log was left by a process that did not close the spool. What the page cache holds of it may
/// not be on the disk. So the log is first compared with the disk, and copied whole before anything is added.
pub(super) fn open_writer(dir: &Path, limits: Limits) -> Result<(PathBuf, Writer), OpenError> {
    let (path, writer) = open_marked(dir, limits)?;
    let own = identity(writer.connection()).map_err(|error| OpenError::database(&path, error))?;
    match own.mark {
        Some(mark) => Err(OpenError::Adopted { path: dir.to_owned(), mark }),
        None => Ok((path, writer)),
    }
}

/// The same, also if the events of this spool are being adopted, or were.
pub(super) fn open_marked(dir: &Path, limits: Limits) -> Result<(PathBuf, Writer), OpenError> {
    let io = |source| OpenError::io(dir, source);
    files::create_folder(dir).map_err(io)?;
    let lock = lock(dir)?;
    if let Some(text) = others_can_write(dir) {
        tracing::warn!("{text}");
    }
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        // A process that created the folders may have ended before their names were on the disk.
        files::sync_parents(dir).map_err(io)?;
    }
    if has_unfinished_repair(dir) {
        return Err(OpenError::Unfinished(dir.to_owned()));
    }
    if has_unfinished_restore(dir) {
        return Err(OpenError::HalfRestored(dir.to_owned()));
    }
    remains::refuse(&path).map_err(|error| OpenError::database(&path, error))?;
    files::open_private(&path).map_err(io)?;
    let mut files = SpoolFiles::new(&path);
    let has_log = std::fs::metadata(beside(&path, LOG_SUFFIX)).is_ok_and(|log| log.len() > 0);
    if has_log {
        files.forget_cached().and_then(|()| files.renew(LogEnd::LastCommit)).map_err(io)?;
    }
    let sqlite = |source| OpenError::database(&path, source);
    let connection = connect_writer(&path).map_err(|error| OpenError::database(&path, error))?;
    let found = version(&connection).map_err(sqlite)?;
    if found > VERSION {
        return Err(OpenError::Newer { path, found });
    }
    files.note_opened().map_err(io)?;
    migrate(&connection, found).map_err(sqlite)?;
    let database = Database::new(connection, path.clone(), files, lock).map_err(sqlite)?;
    let mut writer = Writer::new(database, limits).map_err(|error| OpenError::database(&path, error))?;
    if has_log {
        writer.take_over_log();
    }
    Ok((path, writer))
}

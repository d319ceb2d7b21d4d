//! The files that remain of a spool whose database is empty or missing.
//!
//! SQLite takes an empty database for a new one and removes the write-ahead log beside it, also when it only reads
//! (`pagerOpenWalIfPresent`, <https://www.sqlite.org/src/file/src/pager.c>). A new spool removes the segments that it has
//! no rows for. Both would destroy accepted events, so no connection is opened then.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{
    error::Error,
    layout::{FILE_NAME, LOG_SUFFIX, beside},
    segments, wal,
};

/// An error if the database at `path` is empty or missing and other files hold its events.
pub(super) fn refuse(path: &Path) -> Result<(), Error> {
    of(path)?.map_or(Ok(()), |files| Err(Error::Emptied(files)))
}

/// Names the files with events beside an empty or missing database at `path`; `None`: the database has content, or there are
/// no such files.
pub(super) fn of(path: &Path) -> Result<Option<String>, Error> {
    match path.metadata() {
        Ok(database) if database.len() > 0 => return Ok(None),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::segment(path, error)),
        _ => {}
    }
    let log = beside(path, LOG_SUFFIX);
    let log = has_commit(&log)
        .map_err(|error| Error::segment(&log, error))?
        .then(|| "a write-ahead log".to_owned());
    let segments = match filled_segments(path).map_err(|error| Error::segment(path, error))? {
        0 => None,
        1 => Some("a segment".to_owned()),
        count => Some(format!("{count} segments")),
    };
    let parts: Vec<String> = log.into_iter().chain(segments).collect();
    Ok((!parts.is_empty()).then(|| parts.join(" and ")))
}

fn has_commit(log: &Path) -> io::Result<bool> {
    match File::open(log) {
        Ok(file) => Ok(wal::read(&file, file.metadata()?.len())?.end > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Only the spool's database has segments, not one that is being made beside it.
fn filled_segments(path: &Path) -> io::Result<usize> {
    let Some(dir) = path.parent().filter(|_| path.file_name().is_some_and(|name| name == FILE_NAME)) else {
        return Ok(0);
    };
    let is_filled = |path: &PathBuf| path.metadata().is_ok_and(|segment| segment.len() > 0);
    Ok(segments::paths(dir)?.iter().filter(|path| is_filled(path)).count())
}

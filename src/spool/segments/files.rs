//! The files of the segments: a folder beside the database, and names made of numbers.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use crate::{
    files::{self, sync_folder},
    spool::layout::SEGMENTS,
};

/// The folder of the segments of the database that `connection` has open: SQLite tells its path, links followed.
/// `None`: the path is not UTF-8.
pub(super) fn folder_of(connection: &Connection) -> Option<PathBuf> {
    Some(Path::new(connection.path()?).parent()?.join(SEGMENTS))
}

pub(super) fn name_of(number: i64) -> String {
    format!("{number:08}.jsonl")
}

fn number_of(name: &str) -> Option<i64> {
    let number = name.strip_suffix(".jsonl")?.parse().ok()?;
    (name_of(number) == name).then_some(number)
}

/// The numbers of the files in the folder.
pub(super) fn numbers(folder: &Path) -> io::Result<Vec<i64>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        all.extend(entry?.file_name().to_str().and_then(number_of));
    }
    Ok(all)
}

/// The files of all segments of a data folder.
pub(crate) fn paths(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = dir.join(SEGMENTS);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    Ok(numbers(&folder)?.into_iter().map(|number| folder.join(name_of(number))).collect())
}

/// Creates a file that only this user can read: events are people's data.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create_new(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Removes a file that no row points into. If that fails it costs its room until the spool is opened again.
pub(super) fn remove(folder: &Path, number: i64) {
    let path = folder.join(name_of(number));
    if let Err(error) = std::fs::remove_file(&path) {
        tracing::debug!("{} was not removed: {error}", path.display());
    }
}

/// Copies all segments of a data folder into the folder `copies`; as links, if the file system has them.
pub(crate) fn copy_all(dir: &Path, copies: &Path) -> io::Result<()> {
    let folder = dir.join(SEGMENTS);
    if !folder.is_dir() {
        return Ok(());
    }
    files::create_folder(copies)?;
    for number in numbers(&folder)? {
        let (from, to) = (folder.join(name_of(number)), copies.join(name_of(number)));
        if !to.exists() && std::fs::hard_link(&from, &to).is_err() {
            std::fs::copy(&from, &to)?;
        }
    }
    sync_folder(copies)
}

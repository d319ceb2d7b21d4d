//! The data folder: which process owns it, what other users of the machine can do with it, and whether it is on a file
//! system that keeps a spool safe.
//!
//! The owner holds an exclusive lock on a file for as long as it lives. Probes ("does an engine run?") take a shared
//! lock, so probes never block each other, and an owner that finds the file locked can tell a probe from another owner.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    error::OpenError,
    layout::{FILE_NAME, LOCK, SEGMENTS},
};
use crate::files::{self, Identity};

/// How long to wait for an owner that may be ending: a child process that inherited the lock's file closes it only when
/// it starts its own program.
const WAIT_FOR_OWNER: Duration = Duration::from_millis(200);

/// How long to wait for probes. They release the lock at once, but a busy machine may stop a probe in the middle.
const WAIT_FOR_PROBES: Duration = Duration::from_secs(10);

const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Takes the folder for this process. The lock ends with the process, however that ends. Its file is the first file of
/// the folder to be opened.
pub(super) fn lock(dir: &Path) -> Result<File, OpenError> {
    refuse_network(dir)?;
    guard(dir)?;
    let file = lock_file(dir).map_err(|source| OpenError::io(dir, source))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(OpenError::io(dir, source)),
        }
        let wait = if is_owned(&file) { WAIT_FOR_OWNER } else { WAIT_FOR_PROBES };
        if start.elapsed() >= wait {
            return Err(OpenError::InUse(dir.to_owned()));
        }
        std::thread::sleep(LOCK_PAUSE);
    }
}

/// Locks the file that has the lock's name now, if `held` is a lock on another file. An error if somebody else has
/// taken the folder.
pub(super) fn relock(dir: &Path, held: &File) -> Result<Option<File>, OpenError> {
    let is_named = Identity::of(&dir.join(LOCK)).ok() == Identity::of_open(held).ok();
    if is_named { Ok(None) } else { lock(dir).map(Some) }
}

/// Readable by this user alone: to open the file is enough to lock it, and to keep the owner out.
fn lock_file(dir: &Path) -> io::Result<File> {
    files::open_private(&dir.join(LOCK))
}

/// Whether another process holds the exclusive lock.
fn is_owned(file: &File) -> bool {
    match file.try_lock_shared() {
        Ok(()) => {
            // Closing the file would unlock it, too.
            _ = file.unlock();
            false
        }
        Err(error) => matches!(error, TryLockError::WouldBlock),
    }
}

/// Refuses a folder on a network file system; the folder need not exist yet.
pub fn refuse_network(dir: &Path) -> Result<(), OpenError> {
    match files::network_file_system(dir) {
        Some(file_system) => Err(OpenError::Network { path: dir.to_owned(), file_system }),
        None => Ok(()),
    }
}

/// Whether an engine runs on this data folder.
pub fn is_in_use(dir: &Path) -> bool {
    // A lock that another user holds there is not an engine's.
    dir.is_dir() && refuse_planted(dir).is_ok() && lock_file(dir).is_ok_and(|file| is_owned(&file))
}

/// Refuses a folder in which another user created a file under one of our names, and takes from other users the right
/// to create any, if the folder is this user's. To be called before any file in the folder is opened.
pub fn guard(dir: &Path) -> Result<(), OpenError> {
    if files::keep_others_out(dir).map_err(|source| OpenError::io(dir, source))? {
        tracing::warn!("Other users could write into the data folder {}; now they cannot", dir.display());
    }
    refuse_planted(dir)
}

/// The refusal of [`guard`] alone: changes nothing.
pub(super) fn refuse_planted(dir: &Path) -> Result<(), OpenError> {
    match planted(dir) {
        Ok(None) => Ok(()),
        Ok(Some((path, owner))) => Err(OpenError::Planted { path, owner }),
        Err(source) => Err(OpenError::io(dir, source)),
    }
}

fn planted(dir: &Path) -> io::Result<Option<(PathBuf, u32)>> {
    // The engine writes the last one: its address, and the keys to command it.
    let names = [LOCK, SEGMENTS, "engine.json"];
    files::planted_in(dir, |name| name.starts_with(FILE_NAME) || names.contains(&name))
}

/// A warning if other users can create and remove files in the data folder.
pub fn others_can_write(dir: &Path) -> Option<String> {
    let who = files::writers_of(dir).ok()??;
    let dir = dir.display();
    Some(format!(
        "Other users can write into the data folder {dir} ({who}): they could remove its files or replace them. Make it this \
         user's own, with mode 700, or choose another folder with --data-dir"
    ))
}

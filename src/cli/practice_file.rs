//! The file in which `tributary practice --persist` keeps the streams. It is always whole: after a kill or a power cut it
//! has the state before or after a write. A file that is no such state is never changed.

use std::{
    fs::{File, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};

use crate::{files, practice::Practice};

/// More than any state has.
const BYTES_MAX: u64 = 1 << 30;

/// The shortest pause between two writes.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The pause is this many times as long as the write before it.
const PAUSE_PER_WRITE: u32 = 10;
/// The pause after a write that failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Added to the file's name: the file that is locked. Each write replaces the file itself, and a lock does not go on to a new
/// file: between the two, another process could take it.
const LOCK_SUFFIX: &str = ".lock";

/// The file, locked against other processes.
pub(super) struct StateFile {
    path: PathBuf,
    _lock: File,
}

impl StateFile {
    /// Reads the file into `practice`. A missing file is no error; it is made by the first write.
    pub(super) fn open(path: &Path, practice: &Practice) -> anyhow::Result<Self> {
        if path.metadata().is_ok_and(|data| !data.is_file()) {
            bail!("{} is no file: name another one with --persist", path.display());
        }
        let this = Self { path: path.to_owned(), _lock: lock(path)? };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(this),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let mut bytes = Vec::new();
        let read = Read::by_ref(&mut file).take(BYTES_MAX).read_to_end(&mut bytes);
        read.with_context(|| format!("cannot read {}", path.display()))?;
        practice.restore(&bytes).map_err(|error| {
            anyhow!(
                "{} cannot be used: {error}. It stays as it is; name another file with --persist, or move this one away to \
                 begin anew",
                path.display()
            )
        })?;
        Ok(this)
    }

    /// Writes the streams as they are now; they are on the disk when this returns.
    pub(super) fn save(&self, practice: &Practice) -> anyhow::Result<()> {
        let written = files::replace_private(&self.path, &practice.saved());
        written.with_context(|| cannot_write(&self.path))
    }

    /// Writes the streams after each change, with pauses, until it is dropped. A write that fails is logged and repeated.
    pub(super) async fn keep_saved(&self, practice: &Practice) {
        loop {
            practice.changed().await;
            let mut is_failing = false;
            loop {
                let began = Instant::now();
                let Err(error) = self.save(practice) else {
                    tokio::time::sleep(PAUSE_MIN.max(began.elapsed() * PAUSE_PER_WRITE)).await;
                    break;
                };
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::error!("{error:#}. This is tried again every second");
                }
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

fn cannot_write(path: &Path) -> String {
    format!(
        "the streams cannot be written to {}; free space there or make it writable, or name another file with --persist",
        path.display()
    )
}

/// Two processes would overwrite each other's state. Where the file system has no locks, nothing guards against that.
fn lock(path: &Path) -> anyhow::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(LOCK_SUFFIX);
    let file = files::open_private(Path::new(&name)).with_context(|| cannot_write(path))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => bail!(
            "{} is in use: another `tributary practice` keeps its streams there; stop that one, or name another file with \
             --persist",
            path.display()
        ),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

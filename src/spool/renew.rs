//! The spool's files after a write or sync failed, or after the previous process did not close them: makes certain what
//! the disk has, and takes nothing from the page cache on trust.
//!
//! The procedure; `write/writer.rs` says when it runs. Each step may fail and be repeated, and a power cut
//! after any of them loses nothing:
//!
//! 1. The write-ahead log is cut behind the last acknowledged commit, so that a refused commit cannot come back. What
//!    is before the cut is compared with the disk, written again where the disk lacks it, and synced.
//! 2. The head of the log's index (`-shm`) is cleared. The next connection builds the index from the log, as after a
//!    crash (<https://www.sqlite.org/walformat.html#recovery>), and forgets which frames were already copied into the
//!    database. It must forget them because SQLite counts frames as copied before the database is synced, and copies a
//!    frame only once.
//! 3. SQLite copies the whole log again. Then each page of the log is compared with the database on the disk. Only if
//!    all are equal may SQLite start the log over.
//!
//! Invariants:
//!
//! 1. Until step 3 has succeeded nothing is acknowledged and nothing is added to the log.
//! 2. The log is never cut in front of an acknowledged commit. If it ends there already, that is an error, not a new
//!    end.
//! 3. The writer has no connection open during steps 1 and 2: SQLite would go on with what it has in memory.
//! 4. These files stay open as long as the writer lives. To close any descriptor of a file drops all locks that this
//!    process holds on it, those of the readers' connections too (`fcntl(2)`, and
//!    <https://www.sqlite.org/howtocorrupt.html> 2.2).

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use super::{
    connection::ExpectedFile,
    direct::{self, Direct, read_full},
    layout::{INDEX_SUFFIX, LOG_SUFFIX, beside},
    wal,
};
use crate::files::{self, Identity};

/// The head of the index: two copies of what the log holds, and how much of it was copied.
const INDEX_HEAD: [u8; 136] = [0; 136];

/// Whether the names in the folder still lead to the open files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names {
    Unchanged,
    /// A file was removed; it lives only as long as it is open.
    Removed(PathBuf),
    /// Another file has this name.
    Replaced(PathBuf),
}

/// Where the write-ahead log is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogEnd {
    /// At this byte: the commits behind it were refused.
    At(u64),
    /// Behind the last commit: everything that the previous process committed counts.
    LastCommit,
}

/// The writer's view of the spool's files, beside SQLite's own.
pub(super) struct SpoolFiles {
    path: PathBuf,
    log_path: PathBuf,
    index_path: PathBuf,
    expected: ExpectedFile,
    /// Of database, log and index, in this order.
    identities: [Option<Identity>; 3],
    database: Option<File>,
    direct: Option<Direct>,
    index: Option<(Identity, File)>,
}

impl SpoolFiles {
    /// For the database at `path`, which need not exist yet.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            expected: ExpectedFile::default(),
            log_path: beside(path, LOG_SUFFIX),
            index_path: beside(path, INDEX_SUFFIX),
            identities: [None; 3],
            database: None,
            direct: None,
            index: None,
        }
    }

    pub(super) fn expected(&self) -> &ExpectedFile {
        &self.expected
    }

    fn paths(&self) -> [&PathBuf; 3] {
        [&self.path, &self.log_path, &self.index_path]
    }

    /// SQLite has just opened the files: commits go to these from now on.
    pub(super) fn note_opened(&mut self) -> io::Result<()> {
        for index in 0..3 {
            self.identities[index] = Some(Identity::of(self.paths()[index])?);
        }
        if let [Some(database), ..] = self.identities {
            self.expected.set(database);
        }
        Ok(())
    }

    /// Whether the files that SQLite has open are the ones that the next start would open.
    pub(super) fn check_names(&self) -> Names {
        for (identity, path) in self.identities.iter().zip(self.paths()) {
            match (identity, Identity::of(path)) {
                (Some(before), Ok(now)) if now != *before => return Names::Replaced(path.clone()),
                (Some(_), Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                    return Names::Removed(path.clone());
                }
                // If the folder cannot be read now, that does not mean that the file is another one.
                (None | Some(_), _) => {}
            }
        }
        Names::Unchanged
    }

    /// The database was replaced by `database` on purpose; what SQLite opens next counts.
    pub(super) fn note_replaced(&mut self, database: Identity) {
        self.identities = [None; 3];
        (self.database, self.direct, self.index) = (None, None, None);
        self.expected.set(database);
    }

    /// Steps 1 and 2. The writer has no connection open.
    pub(super) fn renew(&mut self, end: LogEnd) -> io::Result<()> {
        self.hold_open()?;
        let file = match OpenOptions::new().read(true).write(true).open(&self.log_path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        let limit = match end {
            LogEnd::At(end) => end,
            LogEnd::LastCommit => length,
        };
        let log = wal::read(&file, limit)?;
        if matches!(end, LogEnd::At(_)) && log.end != limit {
            return Err(io::Error::other(format!(
                "{} has lost commits that were on the disk: it ends at byte {} instead of {limit}",
                self.log_path.display(),
                log.end
            )));
        }
        if length > log.end {
            file.set_len(log.end)?;
        }
        let proof = direct::prove(&file, &self.log_path, log.end)?;
        if proof.blocks > 0 {
            let path = self.log_path.display();
            tracing::warn!(
                "{path}: {} blocks of 4 KiB were not on the disk and were written again",
                proof.blocks
            );
        }
        if let Some(folder) = self.path.parent() {
            files::sync_folder(folder)?;
        }
        self.clear_index()
    }

    /// Step 3: whether the database on the disk has each page of the first `end` bytes of the log. `false`: it does
    /// not, and the page cache has dropped the database's pages, so that copying the log again writes them again.
    pub(super) fn is_copied(&mut self, end: u64) -> io::Result<bool> {
        self.hold_open()?;
        let (Some(direct), Some(database)) = (&mut self.direct, &self.database) else { return Ok(true) };
        let file = File::open(&self.log_path)?;
        let log = wal::read(&file, end)?;
        let page_bytes = u64::from(log.page_bytes);
        let (mut in_log, mut on_disk) = (vec![0; log.page_bytes as usize], vec![0; log.page_bytes as usize]);
        for (page, at) in &log.pages {
            if *page > log.database_pages {
                continue;
            }
            if read_full(&file, &mut in_log, *at)? < in_log.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let offset = (u64::from(*page) - 1) * page_bytes;
            if direct.read(&mut on_disk, offset)? < on_disk.len() || on_disk != in_log {
                tracing::warn!("{}: page {page} is not on the disk as it was written", self.path.display());
                direct::forget_cached(database)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Drops the database from the page cache: it may hold what a previous process wrote and the disk does not have.
    pub(super) fn forget_cached(&mut self) -> io::Result<()> {
        self.hold_open()?;
        self.database.as_ref().map_or(Ok(()), direct::forget_cached)
    }

    fn hold_open(&mut self) -> io::Result<()> {
        if self.database.is_none() && self.path.exists() {
            self.database = Some(File::open(&self.path)?);
            self.direct = Direct::open(&self.path)?;
        }
        Ok(())
    }

    fn clear_index(&mut self) -> io::Result<()> {
        use std::io::{Seek, SeekFrom, Write};
        let now = match Identity::of(&self.index_path) {
            Ok(now) => now,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.index.as_ref().is_none_or(|(opened, _)| *opened != now) {
            let file = OpenOptions::new().read(true).write(true).open(&self.index_path)?;
            self.index = Some((now, file));
        }
        if let Some((_, index)) = &mut self.index
            && index.metadata()?.len() >= INDEX_HEAD.len() as u64
        {
            index.seek(SeekFrom::Start(0))?;
            index.write_all(&INDEX_HEAD)?;
        }
        Ok(())
    }
}

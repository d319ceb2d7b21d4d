//! The spool's files after a write or sync failed, or after the process before this one did not close them: what is on the
//! disk, made certain, and nothing taken from the page cache on trust.
//!
//! The procedure, in this order; each step may fail and be begun again, and a power cut after any of them loses nothing:
//!
//! 1. The write-ahead log is cut behind the last commit that was acknowledged, so that a refused commit cannot come back.
//!    What is before that is compared with the disk, written anew where the disk lacks it, and synced.
//! 2. The head of the log's index (`-shm`) is cleared. The next connection builds the index from the log, as after a crash
//!    (<https://www.sqlite.org/walformat.html#recovery>), and forgets which frames were already copied into the database:
//!    SQLite counts frames as copied before the database is synced, and copies them only once.
//! 3. After SQLite has copied the whole log again, each page of it is read from the disk and compared with the log. Only
//!    then may SQLite begin the log anew.
//!
//! The files stay open here for as long as the writer lives: to close any descriptor of a file drops all of this process's
//! locks on it, those of the readers' connections too (`fcntl(2)`, and <https://www.sqlite.org/howtocorrupt.html> 2.2).

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use super::{
    direct::{self, Direct, read_full},
    open, wal,
};
use crate::files::{self, Identity};

/// Bytes of the index that say what it is about: two copies of the head and the note on what was copied.
const INDEX_HEAD: [u8; 136] = [0; 136];

/// Whether the names in the folder are still those of the open files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// They are.
    Same,
    /// A file is gone; it lives only as long as it is open.
    Removed(PathBuf),
    /// Another file has its name.
    Replaced(PathBuf),
}

/// The writer's view of the spool's files, beside SQLite's own.
pub(super) struct Files {
    path: PathBuf,
    log_path: PathBuf,
    index_path: PathBuf,
    ours: open::Ours,
    /// Of database, log and index.
    identities: [Option<Identity>; 3],
    database: Option<File>,
    direct: Option<Direct>,
    index: Option<(Identity, File)>,
}

impl Files {
    /// Of the database at `path`, which need not be there yet.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            ours: open::Ours::default(),
            log_path: open::beside(path, "-wal"),
            index_path: open::beside(path, "-shm"),
            identities: [None; 3],
            database: None,
            direct: None,
            index: None,
        }
    }

    /// SQLite has opened the files: these are the ones that commits go to.
    pub(super) fn opened(&mut self) -> io::Result<()> {
        for (identity, path) in self.identities.iter_mut().zip([&self.path, &self.log_path, &self.index_path])
        {
            *identity = Some(Identity::of(path)?);
        }
        if let [Some(database), ..] = self.identities {
            self.ours.set(database);
        }
        Ok(())
    }

    /// For whoever opens the database again.
    pub(super) fn ours(&self) -> &open::Ours {
        &self.ours
    }

    /// Whether the files that SQLite has open are still the ones that the next start would open.
    pub(super) fn place(&self) -> Place {
        for (identity, path) in self.identities.iter().zip([&self.path, &self.log_path, &self.index_path]) {
            match (identity, Identity::of(path)) {
                (Some(before), Ok(now)) if now != *before => return Place::Replaced(path.clone()),
                (Some(_), Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                    return Place::Removed(path.clone());
                }
                // A folder that cannot be looked into now is not known to be another one.
                (None | Some(_), _) => {}
            }
        }
        Place::Same
    }

    /// Nothing is known of the names any more: what SQLite opens next counts.
    pub(super) fn forget_place(&mut self) {
        self.identities = [None; 3];
        (self.database, self.direct, self.index) = (None, None, None);
    }

    /// Steps 1 and 2, with no connection of the writer open.
    pub(super) fn renew(&mut self, ends: Ends) -> io::Result<()> {
        self.hold_open()?;
        let file = match OpenOptions::new().read(true).write(true).open(&self.log_path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        let limit = match ends {
            Ends::At(end) => end,
            Ends::WithLastCommit => length,
        };
        let log = wal::read(&file, limit)?;
        if matches!(ends, Ends::At(_)) && log.end != limit {
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
                "{path}: {} blocks of 4 KiB were not on the disk and are written anew",
                proof.blocks
            );
        }
        if let Some(folder) = self.path.parent() {
            files::sync_folder(folder)?;
        }
        self.clear_index()
    }

    /// Step 3: whether the disk has each page of the first `end` bytes of the log in the database as the log has it.
    /// `false`: it has not, and the page cache has let go of the database's pages, so that to copy the log once more writes
    /// them anew.
    pub(super) fn is_copied(&mut self, end: u64) -> io::Result<bool> {
        self.hold_open()?;
        let (Some(direct), Some(database)) = (&mut self.direct, &self.database) else { return Ok(true) };
        let file = File::open(&self.log_path)?;
        let log = wal::read(&file, end)?;
        let page_bytes = u64::from(log.page_bytes);
        let (mut wanted, mut there) = (vec![0; log.page_bytes as usize], vec![0; log.page_bytes as usize]);
        for (page, at) in &log.pages {
            if *page > log.database_pages {
                continue;
            }
            if read_full(&file, &mut wanted, *at)? < wanted.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let offset = (u64::from(*page) - 1) * page_bytes;
            if direct.read(&mut there, offset)? < there.len() || there != wanted {
                tracing::warn!("{}: page {page} is not on the disk as it was written", self.path.display());
                direct::forget_cached(database)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Of a database that another process left, the page cache may know what the disk does not.
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

/// Where a write-ahead log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// At this byte: what is behind it was refused.
    At(u64),
    /// A process before this one wrote it: everything that it committed counts.
    WithLastCommit,
}

//! What the doctor found and did.

use std::path::PathBuf;

use crate::spool::error::{Error, OpenError};

/// Why the doctor could not do its work. The spool is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// There is no spool.
    #[error(
        "there is no spool at {}; start the app or `tributary serve`, or name the folder with --data-dir",
        .0.display()
    )]
    Nothing(PathBuf),
    /// The folder or the database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The disk failed, other than by damage in the database.
    #[error("cannot look at the spool")]
    Database(#[from] Error),
    /// Files could not be moved or created.
    #[error("cannot repair the spool; nothing of it was deleted (is there enough free space for a copy?)")]
    Io(#[from] std::io::Error),
}

impl From<rusqlite::Error> for DoctorError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines of the log that were read.
    pub lines: u64,
    /// Payloads that are what was accepted.
    pub payloads_good: u64,
    /// Payloads without a checksum: they are from version 1 of the spool.
    pub payloads_unchecked: u64,
    /// What is wrong, or was.
    pub findings: Vec<Finding>,
    /// Where the damaged database is now, if it was set aside.
    pub set_aside: Option<PathBuf>,
    /// Where a copy of its segments is: one event's JSON a line.
    pub segments_aside: Option<PathBuf>,
    /// What was recovered of it into the new database.
    pub recovered: Option<Recovered>,
    /// Whether the disk itself was read, and not only the page cache. `false`: the file system has no direct reads.
    pub read_directly: bool,
}

/// One thing that is or was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about: `disk`, `file`, `index`, `payload` or `ledger`.
    pub about: &'static str,
    /// In a sentence.
    pub text: String,
    /// Whether it was repaired.
    pub repaired: bool,
}

/// What could be read of a damaged database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Lines of the log.
    pub lines: u64,
    /// How many of them are queued events: they will be delivered.
    pub waiting: u64,
    /// Lines that the old database should have had and that could not be read; `None`: it does not tell how many it
    /// had.
    pub lost: Option<u64>,
}

impl Report {
    /// Nothing is wrong (any more), and nothing was lost.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.repaired)
            && self.recovered.is_none_or(|recovered| recovered.lost == Some(0))
    }

    pub(super) fn find(&mut self, about: &'static str, text: String) {
        self.findings.push(Finding { about, text, repaired: false });
    }

    /// The findings about this were repaired.
    pub(super) fn repaired(&mut self, about: &str) {
        self.findings.iter_mut().filter(|one| one.about == about).for_each(|one| one.repaired = true);
    }
}

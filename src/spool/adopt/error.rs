//! Why the events of another data folder are not adopted. Each text goes straight to a person.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    delivery::{EventId, Millis},
    spool::{
        adoption::{Mark, minute},
        arrivals::AppendError,
        error::{Error, OpenError},
    },
};

/// Why an adoption did not reach its end. What was taken before stays taken, and the same command goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The other folder has no spool.
    #[error(
        "there is no spool in {}; name the data folder of the engine that is gone (it holds spool.sqlite3)",
        .0.display()
    )]
    Nothing(PathBuf),
    /// Both are the same folder.
    #[error("{} is the data folder that adopts; name the other folder, and with --data-dir the one that adopts", .0.display())]
    Same(PathBuf),
    /// An engine runs on the other folder.
    #[error("an engine runs on {}; stop it first, or let it go on: it delivers its events itself", .0.display())]
    InUse(PathBuf),
    /// Both spools have the same id.
    #[error(
        "{} and {} are copies of one spool, so events of one are in the other too; to deliver what {} has, start an engine \
         on it (readers drop repeats by their messageId)",
        dir.display(), of.display(), dir.display()
    )]
    Copy {
        /// The other folder.
        dir: PathBuf,
        /// The folder that adopts.
        of: PathBuf,
    },
    /// The events of another copy were adopted.
    #[error(
        "{} is a copy of {of}, whose events were adopted on {}, and none is taken twice; if an engine has run on this copy \
         since, start one on it again: it delivers what it has",
        dir.display(), minute(*at)
    )]
    CopyOfAdopted {
        /// The other folder.
        dir: PathBuf,
        /// The copy that was adopted.
        of: String,
        /// When.
        at: Millis,
    },
    /// Another spool adopts them, or has adopted them.
    #[error("{}", elsewhere(dir, mark))]
    Elsewhere {
        /// The other folder.
        dir: PathBuf,
        /// Who adopts it.
        mark: Mark,
    },
    /// Payloads are not what was accepted.
    #[error(
        "{count} of the events are damaged on disk; `tributary doctor --check --data-dir {}` names them. To adopt all others \
         and leave these where they are, add --leave-damaged",
        dir.display()
    )]
    DamagedPayloads {
        /// The other folder.
        dir: PathBuf,
        /// How many.
        count: u64,
    },
    /// `spool.max_bytes` leaves no room.
    #[error(
        "the events have {needed} bytes, and only {free} are left: spool.max_bytes is {max}, and {held} bytes wait or failed \
         already; raise spool.max_bytes, or wait until more is delivered"
    )]
    SpoolRoom {
        /// JSON bytes of the events.
        needed: u64,
        /// Bytes that are left.
        free: u64,
        /// The limit.
        max: u64,
        /// Bytes that count against it.
        held: u64,
    },
    /// The disk has no room.
    #[error(
        "the events take about {needed} bytes, and the disk has only {free} bytes above spool.min_free_bytes; make room on it"
    )]
    DiskRoom {
        /// About what they take.
        needed: u64,
        /// Free bytes above the limit.
        free: u64,
    },
    /// The other folder cannot be written.
    #[error(
        "{} cannot be written, and that its events are adopted has to be noted in it; copy the folder to a local disk (`cp -a`), \
         and adopt the copy",
        dir.display()
    )]
    ReadOnly {
        /// The other folder.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The database of the other folder is damaged.
    #[error(
        "the spool in {} is damaged; run `tributary doctor --data-dir {}` first: it recovers what can be read, and deletes nothing",
        dir.display(), dir.display()
    )]
    DamagedSpool {
        /// The other folder.
        dir: PathBuf,
        /// What SQLite said.
        #[source]
        source: Error,
    },
    /// The other folder cannot be opened.
    #[error("cannot adopt {}", dir.display())]
    Open {
        /// The other folder.
        dir: PathBuf,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// The other folder could not be marked.
    #[error("it could not be noted in {} that its events are adopted: {reason}; then run the same command again", dir.display())]
    Mark {
        /// The other folder.
        dir: PathBuf,
        /// Why.
        reason: Arc<str>,
    },
    /// A file of either spool cannot be read.
    #[error("stopped after {done} events: {} cannot be read; run the same command again to go on", dir.display())]
    Read {
        /// Its folder.
        dir: PathBuf,
        /// Events that were taken.
        done: u64,
        /// Why.
        #[source]
        source: Error,
    },
    /// The spool that adopts cannot be read.
    #[error(transparent)]
    Target(#[from] OpenError),
    /// The spool that adopts did not take events.
    #[error("stopped after {done} events; run the same command again to go on")]
    Spool {
        /// Events that were taken.
        done: u64,
        /// Why.
        #[source]
        source: AppendError,
    },
    /// An event was read back, and is not what was taken.
    #[error(
        "stopped: line {line} of the spool that adopts is not what line {of} of {} is; that folder is kept as it is, and is not \
         marked as adopted. Run `tributary doctor` on both",
        dir.display()
    )]
    Differs {
        /// The new line.
        line: EventId,
        /// The old one.
        of: EventId,
        /// The other folder.
        dir: PathBuf,
    },
    /// The caller wanted no more.
    #[error("stopped after {done} events; run the same command again to go on")]
    Stopped {
        /// Events that were taken.
        done: u64,
    },
}

impl AdoptError {
    /// Why the other folder does not open.
    pub(super) fn of_source(dir: &Path, error: OpenError) -> Self {
        let dir = dir.to_owned();
        match error {
            OpenError::InUse(_) => Self::InUse(dir),
            OpenError::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { dir, source }
            }
            OpenError::Damaged { source, .. } => Self::DamagedSpool { dir, source },
            source => Self::Open { dir, source },
        }
    }
}

fn elsewhere(dir: &Path, mark: &Mark) -> String {
    let (dir, into) = (dir.display(), &mark.into);
    match mark.ended {
        Some(ended) => format!(
            "the events of {dir} were adopted into {into} on {}, and are delivered from there: nothing is left to do here",
            minute(ended)
        ),
        None => format!(
            "the events of {dir} are being adopted into {into} since {}; finish it there, with `tributary adopt {dir} --data-dir \
             {into}`: some of them may be delivered already",
            minute(mark.began)
        ),
    }
}

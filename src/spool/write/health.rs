//! Whether the writer may write and acknowledge: what a failure of the disk allows until a commit has succeeded
//! (invariants 1 to 3 of [`super::writer`]).

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::error::WriteError;
use crate::delivery::Intake;

/// How long requests are refused before the files are examined again.
const RECOVER_AFTER: Duration = Duration::from_secs(1);

pub(super) struct WriteHealth {
    intake: Intake,
    /// When the last failure was, until a commit has succeeded.
    failed_at: Option<Instant>,
    /// A write or sync failed: what SQLite and the page cache hold may not be what the disk has.
    is_suspect: bool,
}

impl WriteHealth {
    pub(super) fn new() -> Self {
        Self { intake: Intake::Ready, failed_at: None, is_suspect: false }
    }

    /// What the writer takes, apart from the limits of the spool and the disk.
    pub(super) fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Nothing is acknowledged.
    pub(super) fn has_failed(&self) -> bool {
        self.failed_at.is_some()
    }

    /// Nothing may be written before the files are known again.
    pub(super) fn is_suspect(&self) -> bool {
        self.is_suspect
    }

    /// Why nothing is acknowledged.
    pub(super) fn reason(&self) -> Arc<str> {
        match &self.intake {
            Intake::Failing(reason) => Arc::clone(reason),
            Intake::Starting | Intake::Ready | Intake::Full | Intake::DiskFull | Intake::Stopping => {
                Arc::from("the disk")
            }
        }
    }

    /// From now on nothing is acknowledged until the files of the database at `path` are known again.
    pub(super) fn fail(&mut self, error: &WriteError, path: &Path) {
        self.is_suspect |= !error.is_locked();
        self.failed_at = Some(Instant::now());
        let reason = error.reason(path);
        if self.intake != Intake::Failing(Arc::clone(&reason)) {
            tracing::error!("the spool cannot write, senders are asked to retry: {reason}");
        }
        self.intake = Intake::Failing(reason);
    }

    /// Whether it is time to examine the files again.
    pub(super) fn is_recovery_due(&self) -> bool {
        self.failed_at.is_none_or(|failed_at| failed_at.elapsed() >= RECOVER_AFTER)
    }

    /// The files are being examined: the next time is [`RECOVER_AFTER`] from now.
    pub(super) fn recovery_began(&mut self) {
        self.failed_at = Some(Instant::now());
    }

    /// What the disk has is certain. A commit has to prove that it takes writes.
    pub(super) fn recovered(&mut self) {
        self.is_suspect = false;
    }

    /// A commit succeeded. `is_used_up`: a write found no room, and that is shown until there is room again.
    pub(super) fn committed(&mut self, is_used_up: bool) {
        self.failed_at = None;
        if !is_used_up {
            self.intake = Intake::Ready;
        }
    }

    /// Notes that the disk has room again. Returns whether that changes the intake.
    pub(super) fn has_room(&mut self) -> bool {
        let was_failing = matches!(self.intake, Intake::Failing(_));
        if was_failing {
            self.intake = Intake::Ready;
        }
        was_failing
    }
}

//! `engine.json` in the data folder: where a running engine is, for `send`, `tail` and `resend`.
//! Readable by this user alone, since this run's own keys are in it (never an AWS key).

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::control::{self, Hold};
use crate::{
    delivery::{CheckStep, ResendSelection, Resent},
    files, spool,
};

const FILE_NAME: &str = "engine.json";

/// Where a running engine is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Whereabouts {
    /// The process.
    pub pid: u32,
    /// The capture endpoint: `http://127.0.0.1:8485`.
    pub endpoint: String,
    /// The practice stream; `None`: it is not the destination, and cannot be reached.
    pub practice: Option<PracticeAccess>,
    /// Where it takes orders; not of an older program.
    control: Option<ControlAccess>,
}

/// How to give that process orders.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ControlAccess {
    /// Its address on loopback.
    pub(super) address: String,
    /// The key that it alone knows.
    pub(super) key: String,
}

impl std::fmt::Debug for ControlAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlAccess").field("address", &self.address).finish_non_exhaustive()
    }
}

/// How to reach the practice stream of that process.
#[derive(Clone, Serialize, Deserialize)]
pub struct PracticeAccess {
    /// Its address on loopback.
    pub endpoint_url: String,
    /// The name of its stream.
    pub stream: String,
    /// The key that it alone knows.
    pub access_key_id: String,
    /// The secret beside it.
    pub secret_access_key: String,
}

impl std::fmt::Debug for PracticeAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PracticeAccess").field("endpoint_url", &self.endpoint_url).finish_non_exhaustive()
    }
}

impl Whereabouts {
    /// What the engine on this data folder wrote; `None`: none runs there (a file may be left of one that was killed).
    pub fn read(data_dir: &Path) -> Option<Self> {
        if !spool::is_in_use(data_dir) {
            return None;
        }
        serde_json::from_slice(&std::fs::read(path(data_dir)).ok()?).ok()
    }

    pub(super) fn new(
        endpoint: String,
        practice: Option<PracticeAccess>,
        control: Option<ControlAccess>,
    ) -> Self {
        Self { pid: std::process::id(), endpoint, practice, control }
    }

    /// Has that engine queue events once more, or (`dry_run`) count them; blocks until it is done. `tell` hears how far
    /// it is. When this process ends, the engine stops there.
    pub fn resend(
        &self,
        which: ResendSelection,
        rate: Option<NonZeroU32>,
        dry_run: bool,
        tell: impl FnMut(&Resent),
    ) -> Result<Resent, String> {
        control::ask(self.control()?, (which, rate, dry_run), tell)
    }

    /// Has that engine set aside the events that its destination refuses while it takes others; gives how many.
    pub fn set_aside_stuck(&self) -> Result<u64, String> {
        control::set_aside(self.control()?)
    }

    fn control(&self) -> Result<&ControlAccess, String> {
        self.control.as_ref().ok_or_else(|| {
            "the running engine takes no orders; stop it and start it again with this version".to_owned()
        })
    }

    /// Asks that engine what holds delivery back; `Ok(None)`: the queue does not grow.
    pub fn what_holds(&self) -> Result<Option<Hold>, String> {
        control::what_holds(self.control()?)
    }

    /// Has that engine bring its window to the front. `Ok(false)`: it runs without one.
    pub fn show_window(&self) -> Result<bool, String> {
        control::show_window(self.control()?)
    }

    /// Has that engine check its public address; blocks until it is done. `tell` hears each step.
    pub fn check_public(&self, tell: impl FnMut(CheckStep)) -> Result<(), String> {
        control::check_public(self.control()?, tell)
    }

    /// Written whole or not at all.
    pub(super) fn write(&self, data_dir: &Path) -> std::io::Result<()> {
        files::replace_json(&path(data_dir), self)
    }

    /// The engine is gone.
    pub(super) fn remove(data_dir: &Path) {
        if let Err(error) = std::fs::remove_file(path(data_dir)) {
            tracing::debug!("engine.json was gone already: {error}");
        }
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE_NAME)
}

//! `engine.json` in the data folder: the addresses of a running engine, for the command line and for a second start of the
//! window. Only this user can read the file, since it holds the keys of this run (never an AWS key).

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    control_client::{Client, ControlError},
    control_message::{ControlAccess, DeliveryLimit},
    practice_access::PracticeAccess,
    probe::{self, Probe, ProbeError},
};
use crate::{
    delivery::{Adopting, CheckStep, ResendSelection, Resent, Taken},
    files, spool,
};

const FILE_NAME: &str = "engine.json";

/// An engine that runs, as other processes see it. Its methods block until the engine has answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunningEngine {
    /// The process.
    pub pid: u32,
    /// The capture endpoint: `http://127.0.0.1:8485`.
    pub endpoint: String,
    /// The practice stream; `None`: it is not the destination, and cannot be reached.
    pub practice: Option<PracticeAccess>,
    /// The control port; an older program has none.
    control: Option<ControlAccess>,
}

impl RunningEngine {
    /// The engine that uses this data folder. `None`: none is running, even if a killed engine has left its file.
    pub fn find(data_dir: &Path) -> Option<Self> {
        if !spool::is_in_use(data_dir) {
            return None;
        }
        serde_json::from_slice(&std::fs::read(path(data_dir)).ok()?).ok()
    }

    pub(super) fn this(
        endpoint: String,
        practice: Option<PracticeAccess>,
        control: Option<ControlAccess>,
    ) -> Self {
        Self { pid: std::process::id(), endpoint, practice, control }
    }

    /// Resends events, or with `dry_run` counts them. `progress` is called with the events so far. The engine stops the resend
    /// when this process ends.
    pub fn resend(
        &self,
        selection: ResendSelection,
        rate: Option<NonZeroU32>,
        dry_run: bool,
        progress: impl FnMut(&Resent),
    ) -> Result<Resent, ControlError> {
        self.control()?.resend(selection, rate, dry_run, progress)
    }

    /// Adopts the data folder `dir`. `progress` is called with how far that is. The engine stops when this process ends.
    pub fn adopt(
        &self,
        dir: &Path,
        leave_damaged: bool,
        progress: impl FnMut(&Adopting),
    ) -> Result<Taken, ControlError> {
        self.control()?.adopt(dir, leave_damaged, progress)
    }

    /// Sets aside the events that the destination refuses while it takes others; returns their number.
    pub fn set_aside_stuck(&self) -> Result<u64, ControlError> {
        self.control()?.set_aside()
    }

    /// What limits delivery; `Ok(None)`: the queue does not grow.
    pub fn delivery_limit(&self) -> Result<Option<DeliveryLimit>, ControlError> {
        self.control()?.delivery_limit()
    }

    /// Brings the window to the front. `Ok(false)`: the engine runs without one.
    pub fn show_window(&self) -> Result<bool, ControlError> {
        self.control()?.show_window()
    }

    /// Checks the public address. `progress` is called with each step.
    pub fn check_public(&self, progress: impl FnMut(CheckStep)) -> Result<(), ControlError> {
        self.control()?.check_public(progress)
    }

    /// Asks its endpoint for its health or readiness; returns the answer's body.
    pub fn probe(&self, probe: Probe) -> Result<String, ProbeError> {
        probe::ask(&self.endpoint, probe)
    }

    fn control(&self) -> Result<Client<'_>, ControlError> {
        self.control.as_ref().map(Client).ok_or(ControlError::NoPort)
    }

    pub(super) fn write(&self, data_dir: &Path) -> std::io::Result<()> {
        files::replace_json(&path(data_dir), self)
    }

    pub(super) fn remove(data_dir: &Path) {
        if let Err(error) = files::remove_if_there(&path(data_dir)) {
            tracing::debug!("engine.json could not be removed: {error}");
        }
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE_NAME)
}

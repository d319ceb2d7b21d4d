//! `alerts.json` of the data folder: what each alert has told and has to tell. So an engine that was restarted tells that an
//! incident is over, and sends what was waiting. No event depends on it: a file that cannot be read is begun anew.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    alert::{Notification, State, Tracker},
    files,
};

const FILE_NAME: &str = "alerts.json";

/// The states by the name of the alert.
pub(super) type Kept = BTreeMap<String, AlertState>;

/// What is kept of one alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct AlertState {
    pub(super) tracker: Tracker,
    /// What is to be sent, oldest first.
    pub(super) waiting: VecDeque<Notification>,
    /// The incidents of which a notification was sent, and none yet that they are over.
    told: BTreeSet<String>,
}

impl AlertState {
    /// Takes the first notification out of the queue: it was sent.
    pub(super) fn first_was_sent(&mut self) {
        let Some(sent) = self.waiting.pop_front() else { return };
        match sent.state {
            State::Firing => drop(self.told.insert(sent.incident)),
            State::Resolved => drop(self.told.remove(&sent.incident)),
            State::Test => {}
        }
    }

    pub(super) fn is_told(&self, incident: &str) -> bool {
        self.told.contains(incident)
    }
}

/// Reads the file. Blocks for a small file.
pub(super) fn load(data_dir: &Path) -> Kept {
    let path = data_dir.join(FILE_NAME);
    let read = std::fs::read(&path).and_then(|text| serde_json::from_slice(&text).map_err(io::Error::from));
    read.unwrap_or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::warn!(
                "{} cannot be read ({error}): what is wrong now is told again, and what is over is not",
                path.display()
            );
        }
        Kept::default()
    })
}

/// Writes the file. Blocks.
pub(super) fn save(data_dir: &Path, kept: &Kept) -> io::Result<()> {
    files::replace_json(&data_dir.join(FILE_NAME), kept)
}

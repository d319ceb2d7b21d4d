//! `engine.json` in the data folder: where a running engine is, for `send`, `tail` and `log --follow`.
//! Readable by this user alone, since the practice stream's own key is in it (never an AWS key).

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::spool;

const FILE_NAME: &str = "engine.json";

/// Where a running engine is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Whereabouts {
    /// The process.
    pub pid: u32,
    /// The capture endpoint: `http://127.0.0.1:8485`.
    pub endpoint: String,
    /// The practice stream.
    pub practice: PracticeAccess,
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

    /// Written whole or not at all.
    pub(super) fn write(&self, data_dir: &Path) -> std::io::Result<()> {
        let new = data_dir.join("engine.json.new");
        let mut options = std::fs::OpenOptions::new();
        options.create(true).truncate(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(&serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?)?;
        drop(file);
        std::fs::rename(new, path(data_dir))
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

//! `setup-draft.toml` in the data folder: what is typed in Set up and not applied. Never a secret.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::files;

const FILE_NAME: &str = "setup-draft.toml";

/// The newest text, kept in memory. Clones share it.
#[derive(Clone)]
pub(super) struct Draft {
    path: PathBuf,
    /// The text that an earlier run saved.
    pub(super) kept: Option<String>,
    text: Arc<Mutex<String>>,
}

impl Draft {
    pub(super) fn load(data_dir: &Path) -> Self {
        let path = data_dir.join(FILE_NAME);
        Self { kept: std::fs::read_to_string(&path).ok(), path, text: Arc::default() }
    }

    pub(super) fn set(&self, text: String) {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// Replaces the file; an empty text removes it. Blocks.
    pub(super) fn write(&self) -> io::Result<()> {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if text.is_empty() {
            files::remove_if_there(&self.path)
        } else {
            files::replace_private(&self.path, text.as_bytes())
        }
    }
}

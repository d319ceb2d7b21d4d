//! `setup-draft.toml` in the data folder: what is typed in Set up and not applied. Never a secret.

use std::{io, path::Path};

use crate::files;

const FILE_NAME: &str = "setup-draft.toml";

pub(super) fn read(data_dir: &Path) -> Option<String> {
    std::fs::read_to_string(data_dir.join(FILE_NAME)).ok()
}

/// Replaces the draft; an empty one is removed.
pub(super) fn write(data_dir: &Path, text: &str) -> io::Result<()> {
    let path = data_dir.join(FILE_NAME);
    if text.is_empty() {
        files::remove_if_there(&path)
    } else {
        files::replace_private(&path, text.as_bytes())
    }
}

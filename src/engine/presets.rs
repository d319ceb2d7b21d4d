//! `test-presets.json` in the data folder: the test events that the user has saved.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::command::{PRESETS_MAX, Preset};
use crate::{event::Kind, files};

const FILE_NAME: &str = "test-presets.json";

/// Why saved events cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum PresetsError {
    #[error("{} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error("{} is damaged; remove it to start with an empty list", .0.display())]
    Damaged(PathBuf, #[source] serde_json::Error),
    #[error("at most {PRESETS_MAX} events can be saved; remove one first")]
    TooMany,
    #[error("{} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
}

/// A saved event in the file.
#[derive(Serialize, Deserialize)]
struct Row {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    event: String,
}

/// The saved events; none if there is no file yet. An event whose type is unknown is left out.
pub(super) fn read(data_dir: &Path) -> Result<Vec<Preset>, PresetsError> {
    let path = data_dir.join(FILE_NAME);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(PresetsError::Read(path, error)),
    };
    let rows: Vec<Row> = serde_json::from_slice(&text).map_err(|error| PresetsError::Damaged(path, error))?;
    let preset = |row: Row| Some(Preset { kind: Kind::parse(&row.kind)?, name: row.name, json: row.event });
    Ok(rows.into_iter().filter_map(preset).collect())
}

/// Replaces the saved events.
pub(super) fn write(data_dir: &Path, presets: Vec<Preset>) -> Result<(), PresetsError> {
    if presets.len() > PRESETS_MAX {
        return Err(PresetsError::TooMany);
    }
    let row = |Preset { name, kind, json }| Row { name, kind: kind.as_str().to_owned(), event: json };
    let rows: Vec<Row> = presets.into_iter().map(row).collect();
    let path = data_dir.join(FILE_NAME);
    files::replace_json(&path, &rows).map_err(|error| PresetsError::Write(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_read_back_and_a_damaged_file_is_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(read(folder.path()).expect("no file yet"), []);
        let preset = Preset { name: "Große".into(), kind: Kind::Page, json: "{ \"n\": 1.0 }".into() };
        write(folder.path(), vec![preset.clone()]).expect("written");
        assert_eq!(read(folder.path()).expect("readable"), [preset]);
        std::fs::write(folder.path().join(FILE_NAME), "{").expect("damaged");
        assert!(read(folder.path()).is_err_and(|error| error.to_string().contains(FILE_NAME)));
    }
}

//! `test-presets.json` in the data folder: test events that the user has saved. Written whole or not at all.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{event::Kind, files};

const FILE_NAME: &str = "test-presets.json";

/// Saved events.
pub const PRESETS_MAX: usize = 200;

/// A test event under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What the user calls it.
    pub name: String,
    /// Which call.
    pub kind: Kind,
    /// The event, a JSON object.
    pub json: String,
}

#[derive(Serialize, Deserialize)]
struct Row {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    event: String,
}

/// Those that were saved; none where there is no file yet. What is of a call that is not known is left out.
pub(super) fn read(data_dir: &Path) -> Result<Vec<Preset>, String> {
    let path = data_dir.join(FILE_NAME);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let rows: Vec<Row> = serde_json::from_slice(&text)
        .map_err(|error| format!("{} is not as it was written: {error}", path.display()))?;
    let preset = |row: Row| Some(Preset { kind: Kind::parse(&row.kind)?, name: row.name, json: row.event });
    Ok(rows.into_iter().filter_map(preset).collect())
}

/// Writes them in place of those that were saved.
pub(super) fn write(data_dir: &Path, presets: &[Preset]) -> Result<(), String> {
    if presets.len() > PRESETS_MAX {
        return Err(format!("at most {PRESETS_MAX} events can be saved; remove one first"));
    }
    let row = |preset: &Preset| Row {
        name: preset.name.clone(),
        kind: preset.kind.as_str().to_owned(),
        event: preset.json.clone(),
    };
    let rows: Vec<Row> = presets.iter().map(row).collect();
    let path = data_dir.join(FILE_NAME);
    files::replace_json(&path, &rows)
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_read_back_and_a_damaged_file_is_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(read(folder.path()), Ok(Vec::new()));
        let preset = Preset { name: "Große".into(), kind: Kind::Page, json: "{ \"n\": 1.0 }".into() };
        write(folder.path(), std::slice::from_ref(&preset)).expect("written");
        assert_eq!(read(folder.path()), Ok(vec![preset]));
        std::fs::write(folder.path().join(FILE_NAME), "{").expect("damaged");
        assert!(read(folder.path()).is_err_and(|error| error.contains(FILE_NAME)));
    }
}

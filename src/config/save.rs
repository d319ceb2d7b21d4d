//! Writes changes from the window to the settings file: only the keys that differ. The user's comments and order stay.
//!
//! The file is read anew, edited, read again as a check, and replaced as a whole; if any of that fails it stays as it is.
//! A value that a variable or a flag decides is not written unless the window changed it.

mod line_ends;
mod sources;
mod tables;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use toml_edit::DocumentMut;

use super::alert::Alert;
use super::error::Error;
use super::load::example_without_sources;
use super::raw::{RawConfig, check};
use super::saved::SavedDestination;
use super::settings::Config;
use super::{file, setting::Value};
use crate::files;
use sources::Missing;

/// Why the settings file was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The new settings themselves are wrong.
    #[error("these settings cannot be saved")]
    Settings(#[source] Error),
    /// The file has a mistake that was not there when it was loaded, or it cannot be read.
    #[error("the settings file has changed and cannot be edited; correct it first")]
    File(#[source] Error),
    /// With the change the file would be wrong: it holds something that was not there when it was loaded.
    #[error("the change does not fit what is in the settings file now")]
    Conflict(#[source] Error),
    /// A source that is to be changed or removed is not in the file.
    #[error(
        "the source {name:?} is not in {}: it was removed there, or a variable or a flag gives it", path.display()
    )]
    NotInFile {
        /// The source's name.
        name: String,
        /// The settings file.
        path: PathBuf,
    },
    /// The file's layout has no place for the change.
    #[error("{what} cannot be changed in {} the way it is written there; edit it by hand", path.display())]
    NoPlace {
        /// The setting's name.
        what: &'static str,
        /// The settings file.
        path: PathBuf,
    },
    /// The disk refuses.
    #[error("cannot write the settings file {}", path.display())]
    Write {
        /// The settings file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Writes what differs between two configurations into the file; a missing file is made from the example.
pub fn save(path: &Path, before: &Config, after: &Config) -> Result<(), SaveError> {
    check(after).map_err(SaveError::Settings)?;
    let failed = |source| SaveError::Write { path: path.to_owned(), source };
    let Some(text) = file::text(path).map_err(SaveError::File)? else {
        // The file is missing, so write all settings in effect.
        let text = edited(path, &example_without_sources(), &Config::default(), after)?;
        let created = files::create(path, text.as_bytes()).map_err(failed)?;
        return if created { Ok(()) } else { Err(failed(std::io::ErrorKind::AlreadyExists.into())) };
    };
    if before == after {
        return Ok(());
    }
    in_file(path, &text).map_err(SaveError::File)?;
    let text = edited(path, &text, before, after)?;
    files::replace(path, text.as_bytes()).map_err(failed)
}

fn in_file(path: &Path, text: &str) -> Result<Config, Error> {
    let mut raw = RawConfig::over(Config::default());
    file::collect(&mut raw, path, text);
    raw.checked_values()
}

fn edited(path: &Path, text: &str, before: &Config, after: &Config) -> Result<String, SaveError> {
    let no_place = |what| SaveError::NoPlace { what, path: path.to_owned() };
    let mut document: DocumentMut = text.parse().ok().ok_or_else(|| no_place("the file"))?;
    let values = before.values().into_iter().zip(after.values());
    let changed: Vec<(&str, Value)> = values.filter(|(was, now)| was != now).map(|(_, now)| now).collect();
    for (name, value) in &changed {
        tables::put_setting(&mut document, name, value).ok_or_else(|| no_place(name))?;
    }
    let changes = sources::changes(&before.capture.sources, &after.capture.sources);
    sources::apply(&mut document, &changes).map_err(|missing| match missing {
        Missing::Source(name) => SaveError::NotInFile { name, path: path.to_owned() },
        Missing::Place => no_place("capture.sources"),
    })?;
    put_lists(&mut document, before, after).map_err(no_place)?;
    let edited = line_ends::kept(text, &document.to_string());
    let now = in_file(path, &edited).map_err(SaveError::Conflict)?;
    let values = now.values();
    if let Some((name, _)) = changed.iter().find(|change| !values.contains(change)) {
        return Err(no_place(name));
    }
    if !changes.iter().all(|change| change.is_done(&now.capture.sources)) {
        return Err(no_place("capture.sources"));
    }
    if before.destinations != after.destinations && now.destinations != after.destinations {
        return Err(no_place("destinations"));
    }
    if before.alerts != after.alerts && now.alerts != after.alerts {
        return Err(no_place("alerts"));
    }
    Ok(edited)
}

/// Writes saved destinations and alerts. An error names the list that has no place in the file.
fn put_lists(document: &mut DocumentMut, before: &Config, after: &Config) -> Result<(), &'static str> {
    let saved = |config: &Config| -> Vec<tables::Entry> {
        config.destinations.iter().map(|saved| (saved.name.clone(), saved.values())).collect()
    };
    let defaults = SavedDestination::default().values();
    tables::put_entries(document, "destinations", (&saved(before), &saved(after)), &defaults)
        .ok_or("destinations")?;
    let alerts = |config: &Config| -> Vec<tables::Entry> {
        config.alerts.iter().map(|alert| (alert.name.clone(), alert.values())).collect()
    };
    let defaults = Alert::default().values();
    tables::put_entries(document, "alerts", (&alerts(before), &alerts(after)), &defaults).ok_or("alerts")
}

//! Changes from the window → the settings file: only the keys that differ, the user's comments and order as they were.
//!
//! The file on disk is read anew, edited, read again as a check, and replaced as a whole; where any of that fails
//! the file stays as it is. Keys that a variable or a flag decides do not get into the file unless the window changed them.

mod line_ends;
mod saved;
mod sources;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike};

use super::keys::{KEYS, Key, Value};
use super::raw::RawConfig;
use super::{Config, Error, example, file, read_text};
use crate::files;

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
    /// The file is written in a way in which the change has no place.
    #[error("{what} cannot be changed in {} the way it is written there; edit it by hand", path.display())]
    NoPlace {
        /// The setting's name.
        what: &'static str,
        /// The settings file.
        path: PathBuf,
    },
    /// The disk says no.
    #[error("cannot write the settings file {}", path.display())]
    Write {
        /// The settings file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Writes what differs between two settings into the file; a file that is missing is made from the example.
pub fn save(path: &Path, before: &Config, after: &Config) -> Result<(), SaveError> {
    after.check().map_err(SaveError::Settings)?;
    let failed = |source| SaveError::Write { path: path.to_owned(), source };
    let Some(text) = read_text(path).map_err(SaveError::File)? else {
        // All that is in effect, so that nothing is lost with the file.
        let text = edited(path, &example::without_sources(), &Config::default(), after)?;
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
    let mut raw = RawConfig::default();
    file::collect(&mut raw, path, text);
    raw.check_values()
}

fn edited(path: &Path, text: &str, before: &Config, after: &Config) -> Result<String, SaveError> {
    let no_place = |what| SaveError::NoPlace { what, path: path.to_owned() };
    let mut document: DocumentMut = text.parse().ok().ok_or_else(|| no_place("the file"))?;
    let changed: Vec<&Key> = KEYS.iter().filter(|key| (key.get)(before) != (key.get)(after)).collect();
    for key in &changed {
        put(&mut document, key, &(key.get)(after)).ok_or_else(|| no_place(key.full))?;
    }
    let changes = sources::changes(&before.capture.sources, &after.capture.sources);
    sources::apply(&mut document, &changes).map_err(|missing| match missing {
        sources::Missing::Source(name) => SaveError::NotInFile { name, path: path.to_owned() },
        sources::Missing::Place => no_place("capture.sources"),
    })?;
    saved::apply(&mut document, before, after).ok_or_else(|| no_place("destinations"))?;
    let edited = line_ends::kept(text, &document.to_string());
    let now = in_file(path, &edited).map_err(SaveError::Conflict)?;
    if let Some(key) = changed.iter().find(|key| (key.get)(&now) != (key.get)(after)) {
        return Err(no_place(key.full));
    }
    if !changes.iter().all(|change| change.is_done(&now.capture.sources)) {
        return Err(no_place("capture.sources"));
    }
    if before.destinations != after.destinations && now.destinations != after.destinations {
        return Err(no_place("destinations"));
    }
    Ok(edited)
}

/// Puts a value where the old one was, or at the end of its section; `None` where the section is no table.
fn put(document: &mut DocumentMut, key: &Key, value: &Value) -> Option<()> {
    put_value(section(document, key.section())?, key.name(), toml_value(value)?);
    Some(())
}

fn toml_value(value: &Value) -> Option<toml_edit::Value> {
    match value {
        Value::Text(text) => Some(text.as_str().into()),
        Value::Switch(on) => Some((*on).into()),
        Value::Number(number) => Some(i64::try_from(*number).ok()?.into()),
        Value::List(texts) => Some(texts.iter().collect::<toml_edit::Array>().into()),
        Value::Other(_) => None,
    }
}

fn section<'a>(document: &'a mut DocumentMut, name: &str) -> Option<&'a mut dyn TableLike> {
    let item = document.entry(name).or_insert_with(|| Item::Table(Table::new()));
    item.as_table_like_mut()
}

/// What stands around the old value, such as a comment behind it, stays.
fn put_value(table: &mut dyn TableLike, name: &str, mut value: toml_edit::Value) {
    if let Some(old) = table.get_mut(name).and_then(Item::as_value_mut) {
        old.decor().clone_into(value.decor_mut());
        *old = value;
    } else {
        table.insert(name, Item::Value(value));
    }
}

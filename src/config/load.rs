//! The settings in effect: file, variables and flags together, checked. The first run writes the file.

use std::path::{Path, PathBuf};

use super::environment::{self, Environment};
use super::error::{Error, Origin};
use super::file;
use super::flags::{self, Overrides};
use super::raw::RawConfig;
use super::settings::Config;
use super::source::{PLACEHOLDER, new_write_key};
use crate::files;

/// The settings file with every key explained; its values are the defaults, its write key is a placeholder.
pub const EXAMPLE: &str = include_str!("../../assets/config.example.toml");

/// What [`load`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The settings in effect.
    pub config: Config,
    /// The file they came from.
    pub path: PathBuf,
    /// Whether this was the first run, and the file has just been written.
    pub created: bool,
    /// Settings such as `destination.stream` that a variable or a flag decides: the file has no effect on them.
    pub held: Vec<(&'static str, Origin)>,
}

/// Reads the settings; on the first run writes the file, with every key explained and a random write key.
///
/// A file that exists is only read.
pub fn load(path: &Path, environment: &Environment, overrides: &Overrides) -> Result<Loaded, Error> {
    let (text, created) = match file::text(path)? {
        Some(text) => (text, false),
        None => first_run(path)?,
    };
    in_effect(path, &text, environment, overrides).map(|loaded| Loaded { created, ..loaded })
}

/// Reads the settings and writes nothing: a missing file counts as empty.
pub fn read(path: &Path, environment: &Environment, overrides: &Overrides) -> Result<Loaded, Error> {
    let text = file::text(path)?.unwrap_or_default();
    in_effect(path, &text, environment, overrides)
}

/// The settings in effect if the file has this text. A flag beats a variable beats the file beats the default.
pub(super) fn in_effect(
    path: &Path,
    text: &str,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Loaded, Error> {
    let mut raw = RawConfig::over(Config::default());
    file::collect(&mut raw, path, text);
    environment::collect(&mut raw, environment);
    flags::collect(&mut raw, overrides);
    let (config, held) = raw.checked()?;
    Ok(Loaded { config, path: path.to_owned(), created: false, held })
}

/// Writes the file of the first run. Returns the text that is in the file now, and whether it is ours.
fn first_run(path: &Path) -> Result<(String, bool), Error> {
    let failed = |source| Error::Create { path: path.to_owned(), source };
    let key = new_write_key().map_err(failed)?;
    let text = EXAMPLE.replacen(&format!("\"{PLACEHOLDER}\""), &format!("\"{key}\""), 1);
    if files::create(path, text.as_bytes()).map_err(failed)? {
        return Ok((text, true));
    }
    // Another process was quicker: its file counts.
    Ok((file::text(path)?.unwrap_or_default(), false))
}

/// The example without a source; the comment on sources stays.
pub(super) fn example_without_sources() -> String {
    let table = format!("[[capture.sources]]\nname = \"My first source\"\nwrite_key = \"{PLACEHOLDER}\"\n\n");
    EXAMPLE.replacen(&table, "", 1)
}

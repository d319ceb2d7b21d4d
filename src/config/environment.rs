//! The `TRIBUTARY_` variables, and what they say about settings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::error::{Origin, near_miss, quoted};
use super::raw::RawConfig;
use super::setting::variable;
use super::settings::{defaults, names, sections};
use super::source::{RawSource, Source};

pub(super) const CONFIG_VARIABLE: &str = "TRIBUTARY_CONFIG";
pub(super) const DATA_DIR_VARIABLE: &str = "TRIBUTARY_DATA_DIR";
/// Its value is the write key of one more source, "Environment".
const WRITE_KEY_VARIABLE: &str = "TRIBUTARY_CAPTURE_WRITE_KEY";

/// The `TRIBUTARY_` variables. One may hold a write key: `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        let named = |(name, value): (OsString, OsString)| name.into_string().ok().map(|name| (name, value));
        std::env::vars_os().filter_map(named).collect()
    }

    /// A path; an empty variable counts as not set.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(pairs.filter(|(name, _)| name.starts_with("TRIBUTARY_")).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Adds what the `TRIBUTARY_<SECTION>_<KEY>` variables say to `raw`. A name that is nearly right is a mistake.
pub(super) fn collect(raw: &mut RawConfig, environment: &Environment) {
    let defaults = defaults();
    for (name, value) in &environment.0 {
        if name == CONFIG_VARIABLE || name == DATA_DIR_VARIABLE {
            continue;
        }
        let origin = Origin::Variable(name.clone());
        let setting = defaults.iter().find(|(setting, _)| variable(setting) == *name);
        if setting.is_none() && name != WRITE_KEY_VARIABLE {
            if let Some(text) = unknown(name) {
                raw.problem(origin, text);
            }
            continue;
        }
        let Some(value) = value.to_str() else {
            raw.problem(origin, format!("{name} is not UTF-8 text"));
            continue;
        };
        match setting {
            Some((setting, default)) => {
                raw.add(setting, default.meant_by(value), origin);
            }
            None => raw.sources.push(RawSource { source: Source::new("Environment", value), origin }),
        }
    }
}

/// What is wrong with a `TRIBUTARY_` variable that is no setting; `None` if it may belong to another program.
fn unknown(name: &str) -> Option<String> {
    if name.starts_with("TRIBUTARY_CAPTURE_SOURCES") {
        return Some(format!("{name} is not a setting; {WRITE_KEY_VARIABLE} gives one more source"));
    }
    let mut all: Vec<String> = names().map(variable).collect();
    all.extend([WRITE_KEY_VARIABLE, CONFIG_VARIABLE, DATA_DIR_VARIABLE].map(str::to_owned));
    let bare = name.strip_prefix("TRIBUTARY_").unwrap_or(name);
    if let Some(near) = near_miss(bare, all.iter().filter_map(|name| name.strip_prefix("TRIBUTARY_"))) {
        return Some(format!("{} is not a setting; did you mean `TRIBUTARY_{near}`?", shown_name(name)));
    }
    let prefixes = sections().into_iter().map(|section| format!("TRIBUTARY_{}_", section.to_uppercase()));
    let prefix = prefixes.into_iter().find(|prefix| name.starts_with(prefix))?;
    let allowed: Vec<&str> =
        all.iter().map(String::as_str).filter(|name| name.starts_with(&prefix)).collect();
    Some(format!("{} is not a setting; allowed: {}", shown_name(name), allowed.join(", ")))
}

/// A variable's name can hold anything; a usual one needs no quotes.
fn shown_name(name: &str) -> String {
    let usual = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(usual) { name.to_owned() } else { quoted(name) }
}

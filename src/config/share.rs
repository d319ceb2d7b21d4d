//! Settings to take along: everything but secrets and sources, as the text of a settings file; and such a text on top of
//! the settings that are there.

use std::path::Path;

use super::keys::{KEYS, SECTIONS};
use super::masked::{literal, saved_tables};
use super::raw::RawConfig;
use super::{Config, Error, Problem, file};

/// What stands for the path in messages about a text that came from elsewhere.
const PASTED: &str = "the settings";

/// All settings but the sources: their write keys are secrets.
pub(super) fn export(config: &Config) -> String {
    let mut text = "# Tributary's settings, without sources and secrets. Import them in Settings, or with\n\
                    # tributary config --import FILE\n"
        .to_owned();
    for section in SECTIONS {
        text = format!("{text}\n[{section}]\n");
        for key in KEYS.iter().filter(|key| key.section() == section) {
            text = format!("{text}{} = {}\n", key.name(), literal(&(key.get)(config)));
        }
    }
    saved_tables(&mut text, config);
    text
}

/// These settings with what the text says; what it does not say stays, and so do the sources. A mistake names its line.
pub(super) fn import(config: &Config, text: &str) -> Result<Config, Vec<Problem>> {
    let mut raw = RawConfig::of(config);
    let (sources, saved) = (raw.sources.len(), raw.saved.len());
    file::collect(&mut raw, Path::new(PASTED), text);
    raw.sources.truncate(sources);
    raw.prefer_later_saved(saved);
    match raw.check() {
        Ok((config, _)) => Ok(config),
        Err(Error::Invalid(problems)) => Err(problems),
        Err(Error::Read { .. } | Error::Create { .. } | Error::NoHome { .. }) => Err(Vec::new()),
    }
}

/// These settings with what of the text is right: for what somebody was typing.
pub(super) fn restore(config: &Config, text: &str) -> Config {
    let mut raw = RawConfig::of(config);
    file::collect(&mut raw, Path::new(PASTED), text);
    raw.right_values()
}

/// The settings that differ, as `destination.region`, with both values.
pub(super) fn differences(before: &Config, after: &Config) -> Vec<(String, String, String)> {
    let changed = KEYS.iter().filter(|key| (key.get)(before) != (key.get)(after));
    let mut lines: Vec<_> = changed
        .map(|key| (key.full.to_owned(), literal(&(key.get)(before)), literal(&(key.get)(after))))
        .collect();
    for saved in &after.destinations {
        let old = before.destinations.iter().find(|old| old.name == saved.name);
        if old != Some(saved) {
            let was = if old.is_some() { "another" } else { "not there" };
            lines.push((format!("destinations: {}", saved.name), was.to_owned(), "as imported".to_owned()));
        }
    }
    lines
}

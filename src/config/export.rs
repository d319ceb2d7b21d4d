//! Settings as text: with masked keys to display, and without secrets, sources and alerts to import elsewhere.

use std::fmt::Write;
use std::path::Path;

use super::destination::Destination;
use super::error::{Error, Problem};
use super::file;
use super::raw::RawConfig;
use super::saved::SavedDestination;
use super::setting::{Value, key};
use super::settings::{Config, sections};

/// Replaces the path in messages about a text that is not the settings file.
const PASTED: &str = "the settings";

/// The settings as a settings file that shows only the end of each write key.
pub fn masked_toml(config: &Config) -> String {
    let mut text = String::new();
    for section in sections() {
        write_section(&mut text, section, config);
        if section == "capture" {
            for source in &config.capture.sources {
                text += "\n[[capture.sources]]\n";
                line(&mut text, "name", &Value::text(&source.name));
                line(&mut text, "write_key", &Value::text(source.masked_key()));
                if let Some(key) = source.masked_retiring_key() {
                    line(&mut text, "retiring_write_key", &Value::text(key));
                }
            }
        }
    }
    write_saved(&mut text, config);
    for alert in &config.alerts {
        text += "\n[[alerts]]\n";
        line(&mut text, "name", &Value::text(&alert.name));
        for (key, value) in alert.shown_values() {
            line(&mut text, key, &value);
        }
    }
    text.trim_start().to_owned()
}

/// The settings without sources, alerts and secrets as the text of a settings file, for [`import`].
pub fn export(config: &Config) -> String {
    let mut text =
        "# Tributary's settings, without sources, alerts and secrets. Import them in Settings, or with\n\
                    # tributary config --import FILE\n"
            .to_owned();
    for section in sections() {
        write_section(&mut text, section, config);
    }
    write_saved(&mut text, config);
    text
}

/// The settings with those in `text` on top, which is an exported text or any settings file's. Sources and alerts
/// stay as they are.
pub fn import(config: &Config, text: &str) -> Result<Config, Vec<Problem>> {
    let mut raw = RawConfig::over(config.clone());
    let (sources, saved, alerts) = (raw.sources.len(), raw.saved.len(), raw.alerts.len());
    file::collect(&mut raw, Path::new(PASTED), text);
    raw.sources.truncate(sources);
    raw.alerts.truncate(alerts);
    // Imported destinations replace those of the same name.
    let imported = raw.saved.split_off(saved);
    raw.saved.retain(|old| old.name.is_none() || !imported.iter().any(|new| new.name == old.name));
    raw.saved.extend(imported);
    match raw.checked() {
        Ok((config, _)) => Ok(config),
        Err(Error::Invalid(problems)) => Err(problems),
        Err(Error::Read { .. } | Error::Create { .. } | Error::NoHome { .. }) => Err(Vec::new()),
    }
}

/// Destination and credentials as text, mistakes included: the state of a form that is not applied yet.
pub fn draft(config: &Config) -> String {
    let (destination, credentials) = (config.destination.clone(), config.credentials.clone());
    export(&Config { destination, credentials, ..Config::default() })
}

/// The settings with the destination and credentials of a [`draft`]. Values with a mistake are ignored.
pub fn with_draft(config: &Config, text: &str) -> Config {
    let mut raw = RawConfig::over(config.clone());
    file::collect(&mut raw, Path::new(PASTED), text);
    let Config { destination, credentials, .. } = raw.right_values();
    let enabled = config.destination.enabled;
    Config { destination: Destination { enabled, ..destination }, credentials, ..config.clone() }
}

/// A setting that differs between two configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Such as `destination.region`, or `destinations: ` and the name of a saved destination.
    pub name: String,
    /// The value before, as in the settings file.
    pub before: String,
    /// The value after.
    pub after: String,
}

/// The settings that differ.
pub fn differences(before: &Config, after: &Config) -> Vec<Difference> {
    let values = before.values().into_iter().zip(after.values());
    let mut found: Vec<_> = values
        .filter(|((_, before), (_, after))| before != after)
        .map(|((name, before), (_, after))| Difference {
            name: name.to_owned(),
            before: before.to_toml().to_string(),
            after: after.to_toml().to_string(),
        })
        .collect();
    for saved in &after.destinations {
        let old = before.destinations.iter().find(|old| old.name == saved.name);
        if old != Some(saved) {
            found.push(Difference {
                name: format!("destinations: {}", saved.name),
                before: if old.is_some() { "another" } else { "not there" }.to_owned(),
                after: "as imported".to_owned(),
            });
        }
    }
    found
}

fn write_section(text: &mut String, section: &str, config: &Config) {
    write!(text, "\n[{section}]\n").expect("a String takes all text");
    for (name, value) in config.values() {
        if super::setting::section(name) == section {
            line(text, key(name), &value);
        }
    }
}

/// The saved destinations, each with what differs from the defaults.
fn write_saved(text: &mut String, config: &Config) {
    for saved in &config.destinations {
        *text += "\n[[destinations]]\n";
        line(text, "name", &Value::text(&saved.name));
        for (key, value) in saved.values_unlike(&SavedDestination::default()) {
            line(text, key, &value);
        }
    }
}

fn line(text: &mut String, key: &str, value: &Value) {
    writeln!(text, "{key} = {}", value.to_toml()).expect("a String takes all text");
}

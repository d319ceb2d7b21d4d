//! What the flags of the command line say about settings.

use std::fmt;

use super::credentials::CredentialsSource;
use super::destination::DestinationKind;
use super::error::Origin;
use super::raw::RawConfig;
use super::setting::Value;
use super::source::{RawSource, Source};

/// The flags of the command line that are settings.
#[derive(Clone, Default)]
pub struct Overrides {
    /// Secrets: `Debug` does not show them.
    write_keys: Vec<String>,
    settings: Vec<Flag>,
}

#[derive(Clone)]
struct Flag {
    name: &'static str,
    setting: &'static str,
    value: String,
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides").finish_non_exhaustive()
    }
}

impl Overrides {
    /// `--write-key`: each is one more source, "Command line".
    #[must_use]
    pub fn with_write_keys(self, write_keys: Vec<String>) -> Self {
        Self { write_keys, ..self }
    }

    /// Adds a flag, with its two hyphens, and the setting that it overrides, if the flag was given.
    ///
    /// `destination.region`, `destination.stream` and `destination.endpoint_url` also mean the kind `kinesis`, unless a flag
    /// is for `destination.kind`; `credentials.profile` also means the source `profile`.
    #[must_use]
    pub fn with(mut self, flag: &'static str, setting: &'static str, value: Option<String>) -> Self {
        self.settings.extend(value.map(|value| Flag { name: flag, setting, value }));
        self
    }
}

/// Adds what the flags say to `raw`.
pub(super) fn collect(raw: &mut RawConfig, flags: &Overrides) {
    let mut add = |flag, setting: &str, value: &str| {
        if !raw.add(setting, Value::text(value), Origin::Flag(flag)) {
            raw.problem(Origin::Flag(flag), format!("{flag}: {setting} is not a setting"));
        }
    };
    for Flag { name, setting, value } in &flags.settings {
        add(name, setting, value);
    }
    // What a flag implies has its name, so that a mistake points to it.
    let first = |settings: &[&str]| flags.settings.iter().find(|flag| settings.contains(&flag.setting));
    let of_kinesis = ["destination.region", "destination.stream", "destination.endpoint_url"];
    if first(&["destination.kind"]).is_none()
        && let Some(flag) = first(&of_kinesis)
    {
        add(flag.name, "destination.kind", DestinationKind::Kinesis.as_str());
    }
    if let Some(flag) = first(&["credentials.profile"]) {
        add(flag.name, "credentials.source", CredentialsSource::Profile.as_str());
    }
    for write_key in &flags.write_keys {
        let source = Source::new("Command line", write_key);
        raw.sources.push(RawSource { source, origin: Origin::Flag("--write-key") });
    }
}

//! The sources as written: named write keys from the file, and unnamed ones from outside it.
//!
//! A write key is a secret: no message here shows one.

use std::collections::BTreeSet;

use super::error::quoted;
use super::raw::RawConfig;
use super::rules::{check_source_name, check_write_key};
use super::{Origin, Source};

/// Gives one more source, named "Environment".
pub(super) const WRITE_KEY_VARIABLE: &str = "TRIBUTARY_CAPTURE_WRITE_KEY";

/// A source before its check.
pub(super) struct RawSource {
    source: Source,
    origin: Origin,
}

impl RawSource {
    /// A checked source as if somebody had written it.
    pub(super) fn of(source: &Source) -> Self {
        Self { source: source.clone(), origin: Origin::Default }
    }

    /// A source as the file names it, or as a variable or flag, which cannot name it, is called.
    pub(super) fn new(name: &str, write_key: &str, origin: Origin) -> Self {
        Self { source: Source { name: name.to_owned(), write_key: write_key.to_owned() }, origin }
    }
}

impl RawConfig {
    /// The sources that are right; what is wrong becomes a problem.
    ///
    /// A key from outside that the file already names adds nothing, and a name that is taken gets a number.
    pub(super) fn checked_sources(&mut self) -> Vec<Source> {
        let mut checked: Vec<Source> = Vec::new();
        for RawSource { mut source, origin } in std::mem::take(&mut self.sources) {
            let outside = matches!(origin, Origin::Variable(_) | Origin::Flag(_));
            let same_key = checked.iter().find(|other| other.write_key == source.write_key);
            if outside && same_key.is_some() {
                continue;
            }
            if outside {
                source.name = free_name(&source.name, &checked);
            }
            let same_name = checked.iter().any(|other| other.name == source.name);
            if let Err(why) = check_source_name(&source.name) {
                let text = format!("capture.sources.name is {}; {why}", quoted(&source.name));
                self.problem(origin, text);
            } else if let Err(why) = check_write_key(&source.write_key) {
                let text = format!("{} is not right; {why}", origin.subject("capture.sources.write_key"));
                self.problem(origin, text);
            } else if same_name {
                let text = format!(
                    "capture.sources.name is {}, as of another source; each needs a name of its own",
                    quoted(&source.name)
                );
                self.problem(origin, text);
            } else if let Some(other) = same_key {
                let text = format!(
                    "capture.sources.write_key is the same for {} and {}; each source needs a key of its own",
                    quoted(&other.name),
                    quoted(&source.name)
                );
                self.problem(origin, text);
            } else {
                checked.push(source);
            }
        }
        checked
    }
}

fn free_name(wanted: &str, taken: &[Source]) -> String {
    let taken: BTreeSet<&str> = taken.iter().map(|source| source.name.as_str()).collect();
    let numbered = (2..).map(|number| format!("{wanted} {number}"));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !taken.contains(name.as_str()))
        .unwrap_or_default()
}

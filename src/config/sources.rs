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
        Self { source: Source::new(name, write_key), origin }
    }

    /// The source with a second key that works for now.
    pub(super) fn retiring(mut self, key: Option<&str>) -> Self {
        self.source.retiring_write_key = key.map(str::to_owned);
        self
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
            if outside && taken(&source.write_key, &checked).is_some() {
                continue;
            }
            if outside {
                source.name = free_name(&source.name, &checked);
            }
            match fault(&source, &origin, &checked) {
                Some(text) => self.problem(origin, text),
                None => checked.push(source),
            }
        }
        checked
    }
}

/// What is wrong with a source beside those before it.
fn fault(source: &Source, origin: &Origin, checked: &[Source]) -> Option<String> {
    let name = quoted(&source.name);
    if let Err(why) = check_source_name(&source.name) {
        return Some(format!("capture.sources.name is {name}; {why}"));
    }
    let keys = [
        ("capture.sources.write_key", Some(&source.write_key)),
        ("capture.sources.retiring_write_key", source.retiring_write_key.as_ref()),
    ];
    let given = || keys.iter().filter_map(|(full, key)| key.map(|key| (*full, key)));
    if let Some((full, why)) =
        given().find_map(|(full, key)| check_write_key(key).err().map(|why| (full, why)))
    {
        return Some(format!("{} is not right; {why}", origin.subject(full)));
    }
    if checked.iter().any(|other| other.name == source.name) {
        return Some(format!(
            "capture.sources.name is {name}, as of another source; each needs a name of its own"
        ));
    }
    if let Some((full, other)) =
        given().find_map(|(full, key)| taken(key, checked).map(|other| (full, other)))
    {
        let other = quoted(&other.name);
        return Some(format!(
            "{full} is the same for {other} and {name}; each source needs a key of its own"
        ));
    }
    (source.retiring_write_key.as_ref() == Some(&source.write_key)).then(|| {
        format!("capture.sources.retiring_write_key of {name} is its write_key; leave it out, or give the key before it")
    })
}

/// The source that has this key already.
fn taken<'a>(key: &str, sources: &'a [Source]) -> Option<&'a Source> {
    sources.iter().find(|source| source.keys().any(|other| other == key))
}

fn free_name(wanted: &str, taken: &[Source]) -> String {
    let taken: BTreeSet<&str> = taken.iter().map(|source| source.name.as_str()).collect();
    let numbered = (2..).map(|number| format!("{wanted} {number}"));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !taken.contains(name.as_str()))
        .unwrap_or_default()
}

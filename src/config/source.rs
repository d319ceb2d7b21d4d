//! `[[capture.sources]]`: who may send, each with a write key of its own.
//!
//! A write key is a secret: no message and no `Debug` shows one. Variables and flags give more sources, without names.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use super::error::{Origin, Problem, RuleError, quoted};

/// The example's write key. It is refused as one: else everyone who copies the example would share a key.
pub(super) const PLACEHOLDER: &str = "...";

/// A named sender with its own write key.
///
/// It serialises its keys, for a window on another machine. Nothing else may serialise it: `config/save.rs` writes the
/// settings file, and `config/export.rs` masks the keys that people see.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Shown in the log.
    pub name: String,
    /// What its SDK is given. A secret: `Debug` does not show it.
    pub write_key: String,
    /// The previous key, which works until it is revoked. A secret too.
    pub retiring_write_key: Option<String>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Source {
    /// A source with one key.
    pub fn new(name: impl Into<String>, write_key: impl Into<String>) -> Self {
        Self { name: name.into(), write_key: write_key.into(), retiring_write_key: None }
    }

    /// Every key that its senders may use.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.write_key).chain(self.retiring_write_key.as_deref())
    }

    /// The end of the write key, enough to tell two apart; nothing of a short one.
    pub fn masked_key(&self) -> String {
        masked(&self.write_key)
    }

    /// The same of the retiring key.
    pub fn masked_retiring_key(&self) -> Option<String> {
        self.retiring_write_key.as_deref().map(masked)
    }
}

/// The last 4 characters of a long key. In a short one, 4 characters would be too much of it.
fn masked(key: &str) -> String {
    const SHORT_CHARS: usize = 12;
    let count = key.chars().count();
    let shown: String = key.chars().skip(if count < SHORT_CHARS { count } else { count - 4 }).collect();
    format!("…{shown}")
}

/// A source's name: a short line of text.
pub fn check_source_name(name: &str) -> Result<(), RuleError> {
    if name.is_empty() {
        Err("a source needs a name, such as \"Website\"".into())
    } else if name.chars().count() > 100 || name.trim() != name || name.chars().any(char::is_control) {
        Err("a source's name is one line of at most 100 characters that begins and ends with no space".into())
    } else {
        Ok(())
    }
}

/// A write key: what fits the user name of Basic auth, which ends at the first colon (RFC 7617).
fn check_write_key(key: &str) -> Result<(), RuleError> {
    if key.is_empty() {
        Err("a write key must not be empty".into())
    } else if key == PLACEHOLDER {
        Err("a write key must be your own, not the example's placeholder".into())
    } else if key.len() > 256 || !key.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
        Err("a write key has 1 to 256 visible ASCII characters, without spaces and colons".into())
    } else {
        Ok(())
    }
}

/// A write key: 32 random characters of a to z and 0 to 9, from the system's random source.
pub fn new_write_key() -> io::Result<String> {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    const LENGTH: usize = 32;
    let mut key = String::with_capacity(LENGTH);
    while key.len() < LENGTH {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
        // 252 is the last multiple of 36: with the bytes above it, the first letters would be likelier.
        let fair = bytes.iter().filter(|byte| **byte < 252).map(|byte| LETTERS[usize::from(byte % 36)]);
        key.extend(fair.take(LENGTH - key.len()).map(char::from));
    }
    Ok(key)
}

/// A source before its check. The name of one from a variable or a flag is a suggestion.
pub(super) struct RawSource {
    pub(super) source: Source,
    pub(super) origin: Origin,
}

/// The sources that are right; the others become problems.
///
/// A key from a variable or a flag that another source has adds nothing, and a number makes its name unique.
pub(super) fn checked(raw: Vec<RawSource>, problems: &mut Vec<Problem>) -> Vec<Source> {
    let mut checked: Vec<Source> = Vec::new();
    for RawSource { mut source, origin } in raw {
        if origin.is_outside_file() {
            if holder(&source.write_key, &checked).is_some() {
                continue;
            }
            source.name = free_name(source.name, &checked);
        }
        match mistake(&source, &origin, &checked) {
            Some(text) => problems.push(Problem::new(origin, text)),
            None => checked.push(source),
        }
    }
    checked
}

/// What is wrong with a source, also next to the sources before it.
fn mistake(source: &Source, origin: &Origin, others: &[Source]) -> Option<String> {
    let name = quoted(&source.name);
    if let Err(why) = check_source_name(&source.name) {
        return Some(format!("capture.sources.name is {name}; {why}"));
    }
    let retiring = source.retiring_write_key.as_deref();
    let keys = || {
        let named = [
            ("capture.sources.write_key", Some(&*source.write_key)),
            ("capture.sources.retiring_write_key", retiring),
        ];
        named.into_iter().filter_map(|(setting, key)| Some((setting, key?)))
    };
    for (setting, key) in keys() {
        if let Err(why) = check_write_key(key) {
            return Some(format!("{} is not right; {why}", origin.subject(setting)));
        }
    }
    if others.iter().any(|other| other.name == source.name) {
        return Some(format!(
            "capture.sources.name is {name}, as of another source; each needs a name of its own"
        ));
    }
    for (setting, key) in keys() {
        if let Some(other) = holder(key, others) {
            let other = quoted(&other.name);
            return Some(format!(
                "{setting} is the same for {other} and {name}; each source needs a key of its own"
            ));
        }
    }
    (retiring == Some(&source.write_key)).then(|| {
        format!("capture.sources.retiring_write_key of {name} is its write_key; leave it out, or give the key before it")
    })
}

/// The source that has this key.
fn holder<'a>(key: &str, sources: &'a [Source]) -> Option<&'a Source> {
    sources.iter().find(|source| source.keys().any(|other| other == key))
}

fn free_name(wanted: String, sources: &[Source]) -> String {
    let is_free = |name: &String| !sources.iter().any(|source| source.name == *name);
    let numbered = (2..).map(|number| format!("{wanted} {number}"));
    std::iter::once(wanted.clone()).chain(numbered).find(is_free).unwrap_or(wanted)
}

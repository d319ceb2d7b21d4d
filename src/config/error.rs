//! What is wrong with the settings, and where.
//!
//! A [`RuleError`] says why a value is not allowed; a [`Problem`] adds the setting's name and the place where it was written.
//! No message shows a write key: code that checks a secret leaves the value out.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One or more mistakes, those of the file first, by line; never empty.
    #[error("{}", summary(.0))]
    Invalid(Vec<Problem>),
    /// The file is there and cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Read {
        /// The settings file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no file yet and it cannot be written.
    #[error("cannot create the settings file {}; --config names another place", path.display())]
    Create {
        /// The settings file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The platform names no folders for this user.
    #[error(
        "this user has no home folder, so there is no place for the {what}: name one with {flag} or {variable}"
    )]
    NoHome {
        /// "settings file" or "data folder".
        what: &'static str,
        /// The flag that names it.
        flag: &'static str,
        /// The variable that names it.
        variable: &'static str,
    },
}

impl Error {
    /// Every mistake with its place; empty if the cause is another.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid(problems) => problems,
            Self::Read { .. } | Self::Create { .. } | Self::NoHome { .. } => &[],
        }
    }
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [] => "the settings are not valid".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

/// Why a value is not allowed: a clause without the setting's name. The rules leave the value out too, so that their clause
/// can stand below a field; `showing` adds it for messages about a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{wrong}{}{allowed}", separator(.allowed))]
pub struct RuleError {
    wrong: Cow<'static, str>,
    /// What is allowed; empty where `wrong` says it already.
    allowed: Cow<'static, str>,
}

impl RuleError {
    /// What is wrong, and what is allowed.
    pub(super) fn new(wrong: impl Into<Cow<'static, str>>, allowed: impl Into<Cow<'static, str>>) -> Self {
        Self { wrong: wrong.into(), allowed: allowed.into() }
    }

    /// The same error, about a part of the value: `the ARN's region is wrong: …`.
    pub(super) fn in_part(self, part: &str) -> Self {
        Self { wrong: format!("{part}: {}", self.wrong).into(), ..self }
    }

    /// What is allowed, without the value.
    pub(super) fn rule(&self) -> &str {
        if self.allowed.is_empty() { &self.wrong } else { &self.allowed }
    }

    /// The same with the value: `is "x"; …`.
    pub(super) fn showing(&self, value: &str) -> Self {
        Self::new(format!("is {value}"), self.to_string())
    }
}

fn separator(allowed: &str) -> &'static str {
    if allowed.is_empty() { "" } else { "; " }
}

impl<T: Into<Cow<'static, str>>> From<T> for RuleError {
    fn from(wrong: T) -> Self {
        Self::new(wrong, "")
    }
}

/// One mistake: a sentence that names the setting, what is wrong and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written.
    pub origin: Origin,
    /// The sentence, without the place.
    pub text: String,
}

impl Problem {
    pub(super) fn new(origin: Origin, text: impl Into<String>) -> Self {
        Self { origin, text: text.into() }
    }

    /// The line of the file that has the mistake, with its number. `None` if it is in no file, or if the line could hold a
    /// secret: then nothing of it is shown. Reads the file.
    pub fn excerpt(&self) -> Option<String> {
        let Origin::File { path, line } = &self.origin else { return None };
        let text = std::fs::read_to_string(path).ok()?;
        let text = text.lines().nth(line.checked_sub(1)?)?.trim();
        is_plain(text).then(|| format!("{line} | {text}"))
    }
}

/// Whether a line of the settings file is a setting or the name of a table, and holds no secret.
fn is_plain(line: &str) -> bool {
    let is_name = |text: &str| {
        let is_of_name =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '[' | ']');
        !text.is_empty() && text.chars().all(is_of_name)
    };
    let name = line.split_once('=').map_or(line, |(name, _)| name);
    let is_setting = line.contains('=') || line.starts_with('[') && line.ends_with(']');
    let lower = line.to_lowercase();
    let is_secret = ["key", "secret", "token", "password", "external", "@", "\"\"\""];
    // Of an alert: the address of a webhook is one.
    let is_secret_setting = ["url", "authorization", "command"].contains(&name.trim());
    is_setting
        && !is_secret_setting
        && is_name(name)
        && line.len() <= 200
        && !is_secret.iter().any(|word| lower.contains(word))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::File { path, line } => write!(f, "{}, line {line}: {}", path.display(), self.text),
            Origin::Default | Origin::Variable(_) | Origin::Flag(_) => f.write_str(&self.text),
        }
    }
}

/// Where a value was given, weakest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nowhere (the default), or in the window.
    Default,
    /// The settings file.
    File {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable, by name.
    Variable(String),
    /// A flag, with its two hyphens.
    Flag(&'static str),
}

impl Origin {
    /// Whether this place overrides the other: a flag a variable, a variable the file, the file the default.
    pub(super) fn beats(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    /// Whether a variable or a flag gave the value.
    pub(super) fn is_outside_file(&self) -> bool {
        self.rank() > 1
    }

    /// The setting's name in a message: the variable's or the flag's, if one gave it.
    pub fn subject<'a>(&'a self, setting: &'a str) -> &'a str {
        match self {
            Self::Default | Self::File { .. } => setting,
            Self::Variable(name) => name,
            Self::Flag(name) => name,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Variable(_) => 2,
            Self::Flag(_) => 3,
        }
    }
}

/// The allowed name that is most like the given one, if one is like it.
pub(super) fn near_miss<'a>(given: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = plain(given);
    let limit = (given.chars().count() / 3).clamp(1, 3);
    let scored = allowed.into_iter().filter_map(|name| {
        let candidate = plain(name);
        let begins = given.len() >= 4 && candidate.starts_with(&given);
        let distance = if begins { 1 } else { strsim::osa_distance(&given, &candidate) };
        (distance <= limit).then_some((distance, name))
    });
    scored.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// `accountId`, `account-id` and `account_id` are the same name.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// A value in a message: in quotes, escaped, and short.
pub(super) fn quoted(value: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    if value.chars().count() <= SHOWN_CHARS {
        return format!("{value:?}");
    }
    let start: String = value.chars().take(SHOWN_CHARS).chain(['…']).collect();
    format!("{start:?}")
}

#[cfg(test)]
mod tests {
    use super::{is_plain, near_miss};

    #[test]
    fn a_line_with_a_mistake_is_shown_unless_it_could_hold_a_secret() {
        for shown in ["max_bytes = \"much\"", "[spol]", "stream = 5 # a comment", "[[capture.source]]"] {
            assert!(is_plain(shown), "{shown}");
        }
        for hidden in [
            "write_key = \"abc\"",
            "retiring_write_key = 1",
            "sources = [{ write_key = \"abc\" }]",
            "external_id = 5",
            "endpoint_url = \"http://user:word@host\"",
            "url = \"https://hooks.example.com/T0/B0/xyz\"",
            "stream = \"\"\"",
            "abc",
            "\"abc\"",
            "",
        ] {
            assert!(!is_plain(hidden), "{hidden}");
        }
    }

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let names = ["stream", "region", "account_id", "endpoint_url"];
        let table = [
            ("strem", Some("stream")),
            ("stream_name", None),
            ("accountId", Some("account_id")),
            ("account-id", Some("account_id")),
            ("endpoint", Some("endpoint_url")),
            ("ergion", Some("region")),
            ("zzz", None),
        ];
        for (given, expected) in table {
            assert_eq!(near_miss(given, names), expected, "{given}");
        }
    }
}

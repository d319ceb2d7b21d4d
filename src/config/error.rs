//! What is wrong with the settings, and where.
//!
//! A [`Problem`] is one sentence that names its place and what is allowed. No message shows a write key:
//! whoever makes one from a secret leaves the value out.

use std::fmt;
use std::path::PathBuf;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One or more mistakes, the file's first and by line; never empty.
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
    /// The platform does not say where the user's folders are.
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
    /// Every mistake with its place; empty where the cause is another than the settings' words.
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

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written.
    pub origin: Origin,
    /// What is wrong and what is allowed, with the setting's name, without the place.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::File { path, line } => write!(f, "{}, line {line}: {}", path.display(), self.text),
            Origin::Default | Origin::Variable(_) | Origin::Flag(_) => f.write_str(&self.text),
        }
    }
}

/// Who decided a setting; a later one beats an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody: the default, or the window.
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
    /// Whether this place beats the other: a flag a variable, a variable the file, the file the default.
    pub(super) fn beats(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    /// What a message calls the setting: as the user wrote it.
    pub fn subject<'a>(&'a self, key: &'a str) -> &'a str {
        match self {
            Self::Default | Self::File { .. } => key,
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

/// `x is not a setting`, with the nearest of the allowed names where one is near.
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

/// `accountId`, `account-id` and `account_id` are the same word with other habits.
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
    use super::near_miss;

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

//! The fields of a line that a query can match, and the patterns for them.

use serde::{Deserialize, Serialize};

/// A text field of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Field {
    /// The `userId`, or the `anonymousId` of an event without one: the source of the partition key.
    User,
    /// The event name of a track, the name of a page or screen (its first 120 characters).
    Event,
    /// The `messageId`.
    MessageId,
    /// The shard with the record: its id or its number.
    Shard,
    /// The name of the source.
    Source,
    /// The error's code and message.
    Error,
}

impl Field {
    /// Whether upper and lower case differ, as they do in ids.
    pub fn case_counts(self) -> bool {
        match self {
            Self::User | Self::MessageId => true,
            Self::Event | Self::Shard | Self::Source | Self::Error => false,
        }
    }
}

/// A text that a field must have, with any text before or after it where a `*` stood.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pattern {
    /// The text between the stars.
    pub text: String,
    /// Any text may stand before it.
    pub open_start: bool,
    /// Any text may stand after it.
    pub open_end: bool,
}

impl Pattern {
    /// Exactly this text.
    pub fn exactly(text: impl Into<String>) -> Self {
        Self { text: text.into(), open_start: false, open_end: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && !self.open_start
    }

    /// Whether `text` matches, with or without regard to ASCII case.
    pub fn fits(&self, text: &str, case_counts: bool) -> bool {
        if !case_counts {
            let lower = Self { text: self.text.to_ascii_lowercase(), ..*self };
            return lower.fits(&text.to_ascii_lowercase(), true);
        }
        match (self.open_start, self.open_end) {
            (false, false) => text == self.text,
            (false, true) => text.starts_with(&self.text),
            (true, false) => text.ends_with(&self.text),
            (true, true) => text.contains(&self.text),
        }
    }

    /// The pattern as this field means it: an error matches any part, a shard may be given by its number.
    pub(super) fn for_field(self, field: Field) -> Self {
        match field {
            Field::Error => Self { open_start: true, open_end: true, ..self },
            Field::Shard => match self.text.parse::<u64>() {
                Ok(number) if !self.open_start && !self.open_end => {
                    Self::exactly(format!("shardId-{number:012}"))
                }
                _ => self,
            },
            Field::User | Field::Event | Field::MessageId | Field::Source => self,
        }
    }
}

/// The pattern of a single value without quotes, as a flag of the command line has it.
pub fn pattern(field: Field, value: &str) -> Pattern {
    let inner = value.strip_prefix('*').unwrap_or(value);
    let open_start = inner.len() < value.len();
    let text = inner.strip_suffix('*').unwrap_or(inner);
    let open_end = text.len() < inner.len() || value == "*";
    Pattern { text: text.to_owned(), open_start, open_end }.for_field(field)
}

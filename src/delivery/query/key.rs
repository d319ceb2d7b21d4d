//! The keys of a query, which are the words before a colon, and the values that they take.

use serde::{Deserialize, Serialize};

use crate::delivery::line::Millis;

/// A word that may stand before a colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryKey {
    /// `state:`
    State,
    /// `type:`
    Type,
    /// `userId:` and the others.
    Field(Field),
    /// `since:`
    Since,
    /// `until:`
    Until,
}

const MOMENTS: &str = "2026-03-02T10:00:00Z, 2026-03-02, or an age such as 15m, 2h, 1d";

impl QueryKey {
    /// Every key, the way it is written, and the values it allows.
    pub const ALL: [(Self, &'static str, &'static str); 10] = [
        (Self::State, "state", "queued, retrying, delivered, failed, resent, rejected"),
        (Self::Type, "type", "identify, track, page, screen, group, alias"),
        (Self::Field(Field::User), "userId", "a user id or an anonymous id"),
        (Self::Field(Field::Event), "event", "the event name of a track, the name of a page or screen"),
        (Self::Field(Field::MessageId), "messageId", "an event's messageId"),
        (Self::Field(Field::Source), "source", "a source's name"),
        (Self::Field(Field::Shard), "shard", "a shard's number or id"),
        (Self::Field(Field::Error), "error", "a part of an error's code or message"),
        (Self::Since, "since", MOMENTS),
        (Self::Until, "until", MOMENTS),
    ];

    /// The way it is written.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    pub(super) fn allowed(self) -> &'static str {
        self.row().2
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(_, name, _)| name.eq_ignore_ascii_case(word));
        known.map(|(key, _, _)| *key)
    }

    fn row(self) -> &'static (Self, &'static str, &'static str) {
        Self::ALL.iter().find(|(key, _, _)| *key == self).expect("the table has every key")
    }
}

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

/// A moment: RFC 3339, a date (its midnight in UTC), or an age (`90s`, `15m`, `2h`, `1d`).
pub fn moment(text: &str, now: Millis) -> Option<Millis> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        return Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond());
    }
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    Some(now.saturating_sub(count.saturating_mul(seconds * 1000)))
}

//! Queries of the delivery log, and the one way to write them: words to find, and `field:value` conditions. The window's
//! search field and the command line use this same parser.
//!
//! ```text
//! refund event:"Order Completed" state:failed,retrying since:2h
//! ```
//!
//! Pure: the clock is an argument.

mod key;
mod page;
mod term;
#[cfg(test)]
mod tests;
mod values;

use serde::{Deserialize, Serialize};

use super::line::{EventId, Millis, State};
use crate::event::Kind;

pub use key::{Field, Pattern, QueryKey, moment, pattern};
pub use page::{LogPage, Measure};
pub use term::{UnknownField, being_typed, quoted, unknown_field, with, with_word};
pub use values::{FieldValue, ValuesRequest};

/// Which lines of the log to read. Empty lists and `None` match all lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    /// Only these lines. For short lists, such as the visible lines.
    pub ids: Vec<EventId>,
    /// Only these states.
    pub states: Vec<State>,
    /// Only these types.
    pub kinds: Vec<Kind>,
    /// For each field named here, only lines that match one of its patterns.
    pub fields: Vec<(Field, Pattern)>,
    /// Only lines with each of these words in their ids, name, source, shard, error or payload (ASCII case is ignored).
    pub words: Vec<String>,
    /// Only lines received at or after this moment.
    pub since: Option<Millis>,
    /// Only lines received before this moment.
    pub until: Option<Millis>,
    /// Only lines older than this one: the next page.
    pub before: Option<EventId>,
    /// Only lines newer than this one: what was added since.
    pub after: Option<EventId>,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
    /// Largest first by this measure, among the lines that a page searches (see [`LogPage::stopped_at`],
    /// [`Measure::merge`]).
    pub by: Option<Measure>,
    /// Maximum number of lines.
    pub limit: usize,
    /// Fill in [`Delivery::preview`](super::Delivery::preview).
    pub with_previews: bool,
}

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A value that its key does not allow.
    #[error("{}: \"{value}\" is not valid; allowed: {}", key.as_str(), key.allowed())]
    Value {
        /// The key before the colon.
        key: QueryKey,
        /// The value behind it.
        value: String,
    },
    /// The time range ends before it begins.
    #[error(r#"the time range ends before it begins; "until" must be later than "since""#)]
    BackwardRange,
}

/// Splits the text of a query into its conditions and the other words. A condition that is not valid stays among the words.
/// `is_typed`: more may be typed at the end of the text, so the condition there stays among the words, too.
pub fn split(text: &str, is_typed: bool) -> (Vec<String>, String) {
    let mut conditions = Vec::new();
    let mut rest = String::with_capacity(text.len());
    let mut from = 0;
    for term in term::terms(text) {
        let has_value = term.values.iter().any(|value| !value.is_empty());
        let written = term.written(text);
        if term.key.is_some()
            && has_value
            && !(is_typed && term.is_being_typed(text))
            && Query::parse(&written, 0).is_ok()
            && !term::terms(&written).iter().any(|term| term.is_open)
        {
            rest.push_str(text[from..term.span.start].trim_start());
            from = term.span.end;
            conditions.push(written);
        }
    }
    rest.push_str(if conditions.is_empty() { text } else { text[from..].trim_start() });
    (conditions, rest)
}

impl Query {
    /// Parses a query. A word stands alone or in double quotes. A condition is one of [`QueryKey::ALL`], a colon, and one
    /// value or several with commas (any of them matches); a value is quoted if it has a space, a comma or a literal star.
    /// A `*` at the start or end of a value matches any text. All parts must match. A colon after any other word belongs
    /// to the word; a key without a value is ignored.
    pub fn parse(text: &str, now: Millis) -> Result<Self, QueryError> {
        let mut query = Self::default();
        for term in term::terms(text) {
            let Some(key) = term.key else {
                query.words.extend(term.values.into_iter().map(|value| value.text.to_ascii_lowercase()));
                continue;
            };
            for value in term.values.into_iter().filter(|value| !value.is_empty()) {
                query.add(key, value, now)?;
            }
        }
        query.check_range()?;
        Ok(query)
    }

    /// Refuses a time range that ends before it begins.
    pub fn check_range(&self) -> Result<(), QueryError> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if until < since => Err(QueryError::BackwardRange),
            _ => Ok(()),
        }
    }

    fn add(&mut self, key: QueryKey, value: Pattern, now: Millis) -> Result<(), QueryError> {
        let error = |value: &Pattern| QueryError::Value { key, value: value.text.clone() };
        // The window shows states with a capital letter.
        let word = value.text.to_ascii_lowercase();
        match key {
            QueryKey::State => self.states.push(State::parse(&word).ok_or_else(|| error(&value))?),
            QueryKey::Type => self.kinds.push(Kind::parse(&word).ok_or_else(|| error(&value))?),
            QueryKey::Field(field) => self.fields.push((field, value.for_field(field))),
            QueryKey::Since => self.since = Some(moment(&value.text, now).ok_or_else(|| error(&value))?),
            QueryKey::Until => self.until = Some(moment(&value.text, now).ok_or_else(|| error(&value))?),
        }
        Ok(())
    }

    /// Whether every line matches.
    pub fn is_all(&self) -> bool {
        let Self { ids, states, kinds, fields, words, since, until, .. } = self;
        ids.is_empty()
            && states.is_empty()
            && kinds.is_empty()
            && fields.is_empty()
            && words.is_empty()
            && since.is_none()
            && until.is_none()
    }

    /// The patterns of a field; one of them must match.
    pub fn patterns(&self, field: Field) -> impl Iterator<Item = &Pattern> {
        self.fields.iter().filter(move |(other, _)| *other == field).map(|(_, pattern)| pattern)
    }
}

//! What completes the word that is being typed: the fields, and after the colon the values that the log has.

use eframe::egui::{self, Suggestion};

use crate::{
    app::{
        command::{Command, LogCommand},
        seen::Seen,
        waiting::{Waiting, arrived},
        widgets,
    },
    delivery::{
        State,
        query::{self, FieldValue, QueryKey, ValuesRequest},
    },
    engine::Answer,
    event::{Kind, shown},
};

const AGES: [(&str, &str); 5] = [
    ("15m", "15 minutes ago"),
    ("1h", "one hour ago"),
    ("6h", "six hours ago"),
    ("24h", "a day ago"),
    ("7d", "a week ago"),
];

#[derive(Default)]
pub(super) struct Completion {
    waiting: Option<Waiting<Result<Vec<FieldValue>, String>>>,
    /// What was asked for last, and the values.
    asked: Option<ValuesRequest>,
    values: Vec<FieldValue>,
    /// What the word needs.
    needed: Option<ValuesRequest>,
}

impl Completion {
    pub(super) fn coming(&mut self, answer: Answer<Result<Vec<FieldValue>, String>>) {
        self.waiting = Some(Waiting::new(answer));
    }

    /// Takes the values that have come, and asks for those that the word needs.
    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        if let Some(values) = arrived(&mut self.waiting, ctx) {
            self.values = values.unwrap_or_default();
        }
        if self.waiting.is_none() && self.needed.is_some() && self.needed != self.asked {
            self.asked.clone_from(&self.needed);
            if let Some(request) = self.asked.clone() {
                seen.push(Command::Log(LogCommand::ReadValues(request)));
            }
        }
    }

    /// Nothing is typed: the next values are read again.
    pub(super) fn rest(&mut self) {
        self.needed = None;
        self.asked = None;
    }

    /// Suggestions for the word before the cursor. `is_asked`: for an empty word, too.
    pub(super) fn suggest(&mut self, word: &str, is_asked: bool) -> Vec<Suggestion> {
        let Some((key, before, part)) = query::being_typed(word) else {
            self.rest();
            if word.is_empty() && !is_asked {
                return Vec::new();
            }
            return fields(word);
        };
        let fits = |value: &str| value.to_lowercase().contains(&part.to_lowercase());
        let begins = |value: &str| value.starts_with(&part.to_lowercase());
        let one = |value: &str, note: String| {
            let text = shown::line(value).into_owned();
            Suggestion::new(format!("{before}{} ", query::quoted(value))).content(text).description(note)
        };
        match key {
            QueryKey::State => {
                let states = State::ALL.map(State::as_str).into_iter().filter(|state| begins(state));
                states.map(|state| one(state, String::new())).collect()
            }
            QueryKey::Type => {
                let kinds = Kind::ALL.map(Kind::as_str).into_iter().filter(|kind| begins(kind));
                kinds.map(|kind| one(kind, String::new())).collect()
            }
            QueryKey::Since | QueryKey::Until => {
                let ages = AGES.into_iter().filter(|(age, _)| age.starts_with(&*part));
                ages.map(|(age, means)| one(age, means.to_owned())).collect()
            }
            QueryKey::Field(field) => {
                self.needed = Some(ValuesRequest { field, part: part.clone() });
                // The values of a shorter part serve until those of this one come.
                let known = self.asked.as_ref().filter(|asked| asked.field == field);
                let values = known.map(|_| self.values.iter()).into_iter().flatten();
                values
                    .filter(|value| fits(&value.text))
                    .map(|value| one(&value.text, of_lines(value.lines)))
                    .collect()
            }
        }
    }
}

/// Whether `part` is the beginning of a value, for a key that does not take every value.
pub(super) fn is_beginning(key: QueryKey, part: &str) -> bool {
    let begins = |value: &str| value.starts_with(&part.to_lowercase());
    match key {
        QueryKey::State => State::ALL.map(State::as_str).into_iter().any(begins),
        QueryKey::Type => Kind::ALL.map(Kind::as_str).into_iter().any(begins),
        // An age such as `15m`, or a date with a time.
        QueryKey::Since | QueryKey::Until => {
            part.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | 'T'))
        }
        QueryKey::Field(_) => false,
    }
}

fn of_lines(lines: u64) -> String {
    if lines == 1 { "1 recent event".to_owned() } else { format!("{} recent events", widgets::digits(lines)) }
}

/// The fields that begin with the word.
fn fields(word: &str) -> Vec<Suggestion> {
    let word = word.to_ascii_lowercase();
    QueryKey::ALL
        .into_iter()
        .filter(|(_, name, _)| name.to_ascii_lowercase().starts_with(&word))
        .map(|(_, name, means)| {
            let text = format!("{name}:");
            Suggestion::new(text.clone()).content(text).description(means)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Field;

    fn inserts(completion: &mut Completion, word: &str) -> Vec<String> {
        completion.suggest(word, false).into_iter().map(|suggestion| suggestion.insert).collect()
    }

    #[test]
    fn a_word_is_completed_to_a_field_and_then_to_a_value() {
        let mut completion = Completion::default();
        assert_eq!(inserts(&mut completion, ""), [""; 0]);
        assert_eq!(completion.suggest("", true).len(), QueryKey::ALL.len());
        assert_eq!(inserts(&mut completion, "US"), ["userId:"]);
        assert_eq!(inserts(&mut completion, "refund"), [""; 0]);
        assert_eq!(inserts(&mut completion, "state:fa"), ["state:failed "]);
        assert_eq!(
            inserts(&mut completion, "State:failed,re"),
            ["State:failed,retrying ", "State:failed,resent ", "State:failed,rejected "]
        );
        assert_eq!(inserts(&mut completion, "since:1"), ["since:15m ", "since:1h "]);
        assert_eq!(inserts(&mut completion, "http://x"), [""; 0]);
    }

    #[test]
    fn the_beginning_of_a_value_is_told_from_a_value_that_is_not_allowed() {
        for (key, part, is) in [
            (QueryKey::State, "rej", true),
            (QueryKey::State, "Rej", true),
            (QueryKey::State, "rejx", false),
            (QueryKey::Type, "tr", true),
            (QueryKey::Type, "trick", false),
            (QueryKey::Since, "1", true),
            (QueryKey::Since, "30", true),
            (QueryKey::Until, "2026-11-3", true),
            (QueryKey::Until, "yesterday", false),
            (QueryKey::Field(Field::Event), "Ord", false),
        ] {
            assert_eq!(is_beginning(key, part), is, "{key:?} {part}");
        }
    }

    #[test]
    fn values_of_the_log_are_asked_for_and_quoted() {
        let mut completion = Completion::default();
        assert_eq!(inserts(&mut completion, "event:\"order"), [""; 0]);
        let request = ValuesRequest { field: Field::Event, part: "order".into() };
        assert_eq!(completion.needed, Some(request));
        completion.asked = completion.needed.clone();
        completion.values = vec![FieldValue { text: "Order Completed".into(), lines: 7 }];
        assert_eq!(inserts(&mut completion, "event:\"Order c"), ["event:\"Order Completed\" "]);
        assert_eq!(inserts(&mut completion, "userId:o"), [""; 0], "values of another field");
    }
}

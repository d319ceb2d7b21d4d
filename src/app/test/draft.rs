//! The events that are being composed, one for each call, and why the endpoint would refuse them.

use serde_json::value::RawValue;

use crate::{
    app::{clock::Clock, widgets},
    config::Config,
    engine::RECORD_BYTES_MAX,
    event::{Arrival, Body, Kind, PathClass},
    snippets,
};

pub(super) const CALLS: [(Kind, &str); 6] = [
    (Kind::Identify, "identify"),
    (Kind::Track, "track"),
    (Kind::Page, "page"),
    (Kind::Screen, "screen"),
    (Kind::Group, "group"),
    (Kind::Alias, "alias"),
];

/// The purpose of a call, in one line.
pub(super) fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Identify => "Who a user is",
        Kind::Track => "What a user did",
        Kind::Page => "Which page a user saw",
        Kind::Screen => "Which screen of an app a user saw",
        Kind::Group => "Which group a user belongs to",
        Kind::Alias => "Two ids that are the same user",
    }
}

pub(super) struct Drafts {
    /// The call that is being composed.
    pub kind: Kind,
    all: [Draft; 6],
}

struct Draft {
    text: String,
    /// Why the endpoint would refuse it. Known only if `is_checked`.
    error: Option<String>,
    is_checked: bool,
}

impl Draft {
    fn new(text: String) -> Self {
        Self { text, error: None, is_checked: false }
    }
}

impl Default for Drafts {
    fn default() -> Self {
        let all = CALLS.map(|(kind, _)| Draft::new(snippets::sample(kind).to_owned()));
        Self { kind: Kind::Track, all }
    }
}

impl Drafts {
    fn index(&self) -> usize {
        CALLS.iter().position(|(kind, _)| *kind == self.kind).unwrap_or_default()
    }

    /// Replaces the draft of a call, and switches to it.
    pub(super) fn open(&mut self, kind: Kind, text: String) {
        self.kind = kind;
        let index = self.index();
        self.all[index] = Draft::new(text);
    }

    pub(super) fn text(&self) -> &str {
        &self.all[self.index()].text
    }

    /// The text of the draft, to edit it. Call [`Self::changed`] afterwards.
    pub(super) fn text_mut(&mut self) -> &mut String {
        let index = self.index();
        &mut self.all[index].text
    }

    pub(super) fn changed(&mut self) {
        let index = self.index();
        self.all[index].is_checked = false;
    }

    /// Checks the draft, if it was changed since the last check.
    pub(super) fn check(&mut self, config: &Config) {
        let (kind, index) = (self.kind, self.index());
        let draft = &mut self.all[index];
        if !draft.is_checked {
            draft.error = error_of(kind, &draft.text, config);
            draft.is_checked = true;
        }
    }

    /// Why the endpoint would refuse the draft.
    pub(super) fn error(&self) -> Option<&str> {
        self.all[self.index()].error.as_deref()
    }
}

/// Why the text cannot be sent: it is not JSON, or the endpoint would refuse it.
fn error_of(kind: Kind, text: &str, config: &Config) -> Option<String> {
    match serde_json::from_str::<&RawValue>(text) {
        Err(error) => {
            // Use the endpoint's own message, except for text that is not valid JSON but that the endpoint accepts.
            let message = match Body::parse(text.as_bytes()) {
                Err(rejection) => rejection.message.into_owned(),
                Ok(_) => error.to_string(),
            };
            let parts = message.rsplit_once(" at line ");
            let parts = parts.and_then(|(what, at)| Some((what, at.split_once(" column ")?)));
            return Some(match parts {
                Some((what, (line, column))) => format!("Line {line}, column {column}: {what}"),
                None => widgets::capital(&message),
            });
        }
        Ok(raw) if !raw.get().starts_with('{') => return Some("An event is a JSON object: { … }".to_owned()),
        Ok(_) => {}
    }
    let arrival = Arrival {
        received_at_ms: Clock::now(),
        class: PathClass::Device,
        peer: None,
        encoding: config.destination.encoding,
        record_bytes_max: RECORD_BYTES_MAX,
    };
    let event = Body::parse(text.as_bytes()).and_then(|body| body.single(kind, &arrival).map(drop));
    event.err().map(|rejection| widgets::capital(&rejection.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_an_event() {
        for (kind, _) in CALLS {
            assert_eq!(error_of(kind, snippets::sample(kind), &Config::default()), None, "{kind:?}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_a_rejection_in_the_endpoint_s_words() {
        let error = |text| error_of(Kind::Track, text, &Config::default());
        assert!(error("{\n  \"a\": }").is_some_and(|error| error.starts_with("Line 2, column ")));
        assert_eq!(error("[1]").as_deref(), Some("An event is a JSON object: { … }"));
        assert!(error(r#"{"userId":"ada"}"#).is_some_and(|error| error.contains("event")));
        assert!(error(r#"{"event":"x"}"#).is_some_and(|error| error.contains("userId")));
    }
}

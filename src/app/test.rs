//! Compose one of the six calls, as a form or as JSON, see the request it makes, send it through the real endpoint as
//! any SDK would, once or many times, and follow it to its record.

mod form;
mod many;
mod presets;
mod sent;

use std::collections::VecDeque;

use eframe::egui::{self, Key, KeyboardShortcut, Modifiers, RichText, ScrollArea, TextEdit, TextStyle, Ui};
use lucide_icons::Icon;

use super::{
    clock::Clock,
    command::{Command, TestCommand},
    faults, json,
    place::Place,
    seen::Seen,
    sources,
    theme::{self, tokens, weight},
    widgets,
};
use crate::{
    config::{Config, DestinationKind},
    delivery::{AwsError, Detail, EventId, Intake, Record},
    engine::{Answer, Preset, RECORD_BYTES_MAX, TestSent},
    event::{Arrival, Body, Kind, PathClass},
    snippets::{self, Language, edit},
};
use sent::Sent;

/// Enough to compare a few; the log has them all.
const HISTORY_MAX: usize = 12;
/// What is left free for a scroll bar, which floats.
const BAR: f32 = 4.0;
const NO_EVENT: &str = "The text is not an event yet";
const SEND: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Enter);

const CALLS: [(Kind, &str); 6] = [
    (Kind::Identify, "identify"),
    (Kind::Track, "track"),
    (Kind::Page, "page"),
    (Kind::Screen, "screen"),
    (Kind::Group, "group"),
    (Kind::Alias, "alias"),
];

/// What the call says, in one line.
fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Identify => "Who a user is",
        Kind::Track => "What a user did",
        Kind::Page => "Which page a user saw",
        Kind::Screen => "Which screen of an app a user saw",
        Kind::Group => "Which group a user belongs to",
        Kind::Alias => "Two ids that are the same user",
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    Form,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Side {
    #[default]
    Story,
    Request,
}

/// An event that is being composed.
struct Draft {
    text: String,
    /// Why it cannot be sent; `None` also before it was looked at.
    fault: Option<String>,
    is_checked: bool,
}

impl Draft {
    fn new(text: String) -> Self {
        Self { text, fault: None, is_checked: false }
    }

    fn check(&mut self, kind: Kind, config: &Config) {
        if !self.is_checked {
            self.fault = fault_of(kind, &self.text, config);
            self.is_checked = true;
        }
    }
}

pub(super) struct Test {
    kind: Kind,
    view: View,
    drafts: [Draft; 6],
    form: form::Form,
    presets: presets::Presets,
    many: many::Many,
    /// The name of the chosen source. If there is no source of that name, the first one is used.
    source: String,
    unmarked: bool,
    side: Side,
    language: Language,
    sent: VecDeque<Sent>,
    shown: usize,
    send_now: bool,
    /// How much of the newest event's story has been brought into sight.
    revealed: widgets::Revealed,
}

impl Default for Test {
    fn default() -> Self {
        Self {
            kind: Kind::Track,
            view: View::default(),
            drafts: CALLS.map(|(kind, _)| Draft::new(snippets::sample(kind).to_owned())),
            form: form::Form::default(),
            presets: presets::Presets::default(),
            many: many::Many::default(),
            source: String::new(),
            unmarked: false,
            side: Side::default(),
            language: Language::default(),
            sent: VecDeque::new(),
            shown: 0,
            send_now: false,
            revealed: widgets::Revealed::default(),
        }
    }
}

/// Why the text cannot be sent, in words: as JSON, and as the endpoint would refuse it.
fn fault_of(kind: Kind, text: &str, config: &Config) -> Option<String> {
    match serde_json::from_str::<&serde_json::value::RawValue>(text) {
        Err(error) => {
            // In the endpoint's words, but for what the endpoint takes although it is no JSON.
            let full = match Body::parse(text.as_bytes()) {
                Err(refusal) => refusal.message.into_owned(),
                Ok(_) => error.to_string(),
            };
            let parts = full.rsplit_once(" at line ");
            let parts = parts.and_then(|(what, at)| Some((what, at.split_once(" column ")?)));
            return Some(match parts {
                Some((what, (line, column))) => format!("Line {line}, column {column}: {what}"),
                None => widgets::capital(&full),
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
    event.err().map(|refusal| widgets::capital(&refusal.message))
}

impl Test {
    /// Takes an event from somewhere else as the draft of its call.
    pub(super) fn compose(&mut self, kind: Kind, text: String) {
        self.kind = kind;
        self.presets.let_go(kind);
        *self.draft() = Draft::new(text);
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        for sent in &mut self.sent {
            sent.logic(ctx, seen);
        }
        self.presets.logic(ctx, seen);
    }

    /// A test event has been sent.
    pub(super) fn sent(&mut self, kind: Kind, answer: Answer<Result<TestSent, String>>) {
        self.sent.push_front(Sent::new(kind, Clock::now(), answer));
        self.sent.truncate(HISTORY_MAX);
        self.shown = 0;
        self.side = Side::Story;
        self.revealed = widgets::Revealed::default();
    }

    /// The delivery of a test event is being read.
    pub(super) fn detail_coming(&mut self, id: EventId, answer: Answer<Result<Option<Detail>, String>>) {
        if let Some(pane) = self.sent.iter_mut().find_map(|sent| sent.pane_of(id)) {
            pane.coming(answer);
        }
    }

    /// The record of a test event is being read back.
    pub(super) fn record_coming(&mut self, id: EventId, answer: Answer<Result<Option<Record>, AwsError>>) {
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.is_of(id)) {
            sent.record_coming(answer);
        }
    }

    /// The saved events are being read.
    pub(super) fn presets_coming(&mut self, answer: Answer<Result<Vec<Preset>, String>>) {
        self.presets.coming(answer);
    }

    /// The saved events are being written.
    pub(super) fn presets_saved(&mut self, answer: Answer<Result<(), String>>) {
        self.presets.saved(answer);
    }

    /// Sends it many times, as is chosen, when the place is drawn next.
    pub(super) fn run_soon(&mut self) {
        self.many.asked = true;
    }

    /// Sends what is composed when the place is drawn next.
    pub(super) fn send_soon(&mut self) {
        self.send_now = true;
    }

    fn call(&self) -> usize {
        CALLS.iter().position(|(kind, _)| *kind == self.kind).unwrap_or_default()
    }

    fn draft(&mut self) -> &mut Draft {
        let call = self.call();
        &mut self.drafts[call]
    }

    /// The event as it goes out: with the mark of a test event, where it can carry one.
    fn outgoing(&self) -> String {
        let text = &self.drafts[self.call()].text;
        if self.unmarked { None } else { edit::with_mark(text) }.unwrap_or_else(|| text.clone())
    }

    fn can_send(&self, seen: &Seen<'_>) -> bool {
        self.drafts[self.call()].fault.is_none() && has_source(seen)
    }

    fn send(&self, seen: &mut Seen<'_>) {
        let (kind, json, source) = (self.kind, self.outgoing(), self.source_at(seen));
        seen.push(Command::Test(TestCommand::Send { kind, json, source }));
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let subtitle = "Send an event through the real endpoint and follow it to its record";
        let kind = self.kind;
        self.draft().check(kind, seen.config);
        // Beside the title, and not below the form: it is in sight however low the window is.
        widgets::heading_ui(ui, "Test", subtitle, |ui| self.send_ui(ui, seen));
        if ui.available_width() - BAR > 860.0 {
            // Each column scrolls for itself: the story is followed while the form stays where it is.
            ui.columns(2, |columns| {
                let [left, right] = columns else { return };
                column_ui(left, "form", |ui| self.left_ui(ui, seen));
                column_ui(right, "story", |ui| self.right_ui(ui, seen));
            });
        } else {
            column_ui(ui, "page", |ui| {
                self.left_ui(ui, seen);
                ui.add_space(4.0);
                self.right_ui(ui, seen);
            });
        }
    }

    fn left_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        self.composer_ui(ui, seen);
        ui.add_space(4.0);
        let event = self.can_send(seen).then(|| (self.outgoing(), self.source_at(seen)));
        self.many.ui(ui, seen, self.kind, event);
        if seen.config.destination.kind == DestinationKind::Practice {
            ui.add_space(4.0);
            faults::card_ui(ui, seen);
        }
    }

    fn composer_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::card_ui(ui, |ui| {
            widgets::segments_ui(ui, &mut self.kind, "Call", &CALLS);
            widgets::hint_ui(ui, meaning(self.kind));
            let text = self.draft().text.clone();
            if let Some(preset) = self.presets.ui(ui, seen, self.kind, &text) {
                self.kind = preset.kind;
                *self.draft() = Draft::new(preset.json);
            }
            let views = [(View::Form, "Form"), (View::Json, "JSON")];
            widgets::segments_ui(ui, &mut self.view, "Edit as", &views);
            let (kind, call) = (self.kind, self.call());
            let draft = &mut self.drafts[call];
            let changed = match self.view {
                View::Form => self.form.ui(ui, kind, &mut draft.text),
                View::Json => editor_ui(ui, draft),
            };
            if changed {
                draft.is_checked = false;
            }
            draft.check(kind, seen.config);
            verdict_ui(ui, draft.fault.as_deref(), refuses_all(seen));
            self.mark_ui(ui);
            self.template_ui(ui);
            if !has_source(seen) && widgets::button_ui(ui, Icon::Plus, "Add a source first").clicked() {
                seen.go(Place::Sources);
            }
        });
    }

    fn mark_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        ui.horizontal(|ui| {
            let mut marked = !self.unmarked;
            widgets::switch_ui(ui, &mut marked, "Mark as test");
            self.unmarked = !marked;
            ui.label(weight("Mark as test", 560.0));
            let text = &self.drafts[self.call()].text;
            let note = match (marked, edit::with_mark(text)) {
                (false, _) => "Consumers cannot tell it from a real event".to_owned(),
                (true, Some(_)) => {
                    format!("context.{} = {}", edit::MARK.0, edit::MARK.1)
                }
                (true, None) if edit::Members::of(text).is_none() => {
                    "Only a JSON object can carry the mark".to_owned()
                }
                (true, None) => "This event's context is not an object, so it cannot be marked".to_owned(),
            };
            ui.add(egui::Label::new(RichText::new(note).color(t.weak)).truncate());
        });
    }

    /// The button, and as whom the event is sent; from the right.
    fn send_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let shortcut = ui.input_mut(|i| i.consume_shortcut(&SEND)) || std::mem::take(&mut self.send_now);
        let can_send = self.can_send(seen);
        let button = widgets::primary_button_ui(ui, Icon::Send, "Send event", can_send);
        let button = button.on_hover_text(ui.format_shortcut(&SEND));
        let button = button.on_disabled_hover_text(NO_EVENT);
        if (button.clicked() || shortcut) && can_send {
            self.send(seen);
        } else if shortcut {
            seen.push(Command::Refuse(NO_EVENT.to_owned()));
        }
        self.source_ui(ui, seen);
    }

    fn template_ui(&mut self, ui: &mut Ui) {
        let template = snippets::sample(self.kind);
        if self.draft().text != template && widgets::button_ui(ui, Icon::Undo2, "Template").clicked() {
            *self.draft() = Draft::new(template.to_owned());
            self.presets.let_go(self.kind);
        }
    }

    /// The place of the chosen source among the sources as they are now.
    fn source_at(&self, seen: &Seen<'_>) -> usize {
        let named = seen.config.capture.sources.iter().position(|source| source.name == self.source);
        named.unwrap_or_default()
    }

    /// As whom the event is sent.
    fn source_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        let sources = &seen.config.capture.sources;
        if sources.len() < 2 {
            return;
        }
        let shown = &sources[self.source_at(seen)];
        sources::choose_ui(ui, ("Source", 150.0), sources, shown, &mut self.source)
            .on_hover_text("The source whose write key the event is sent with");
    }

    fn right_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::segments_ui(
            ui,
            &mut self.side,
            "What to show",
            &[(Side::Story, "Story"), (Side::Request, "Request")],
        );
        ui.add_space(2.0);
        match self.side {
            Side::Story => self.story_ui(ui, seen),
            Side::Request => self.request_ui(ui, seen),
        }
    }

    fn story_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if self.sent.is_empty() {
            widgets::card_ui(ui, |ui| {
                ui.set_max_height(260.0);
                let text = "Its story appears here: the endpoint's answer, the spool, and the record, read back from \
                            the stream and compared byte for byte.";
                widgets::empty_ui(ui, Icon::Route, "Send an event", text, None);
                ui.add_space(40.0);
            });
            return;
        }
        let shown = self.shown.min(self.sent.len() - 1);
        let story = ui.scope(|ui| widgets::card_ui(ui, |ui| self.sent[shown].ui(ui, seen)));
        if shown == 0 {
            // It is read while it happens.
            self.revealed.follow(ui, self.sent[0].steps_len(), story.response.rect);
        }
        if self.sent.len() > 1 {
            ui.add_space(4.0);
            widgets::card_ui(ui, |ui| {
                widgets::title_ui(ui, "Sent before");
                ui.spacing_mut().item_spacing.y = 2.0;
                for (at, sent) in self.sent.iter().enumerate() {
                    if sent.line_ui(ui, at == shown, seen) {
                        self.shown = at;
                    }
                }
            });
        }
    }

    /// The request that sends this event, as code.
    fn request_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::card_ui(ui, |ui| {
            let languages = Language::ALL.map(|language| (language, language.title()));
            widgets::segments_ui(ui, &mut self.language, "Language of the request", &languages);
            let source = seen.config.capture.sources.get(self.source_at(seen));
            let (endpoint, event) = (seen.endpoint(), self.outgoing());
            let code = |key: &str| snippets::request(self.language, &endpoint, key, self.kind, &event);
            let masked = source.map(crate::config::Source::masked_key).unwrap_or_default();
            if widgets::code_copy_ui(ui, code(&masked).trim_end(), "Copy request") {
                ui.copy_text(code(source.map_or("", |source| &source.write_key)));
                seen.copied("Request");
            }
            widgets::hint_ui(
                ui,
                "The copied code contains the real write key. The body is sent exactly as it stands here.",
            );
        });
    }
}

/// What is scrolled as one.
fn column_ui(ui: &mut Ui, name: &str, contents: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical().id_salt(name).auto_shrink(false).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - BAR);
        // Upright again: a column stretches the words of a text over its width.
        ui.vertical(contents);
        ui.add_space(18.0);
        widgets::follow_focus(ui);
    });
}

fn has_source(seen: &Seen<'_>) -> bool {
    !seen.config.capture.sources.is_empty() || !seen.config.capture.require_write_key
}

/// Why the endpoint takes no event at all now, whatever is in it; to go on after "This is a valid event, but".
fn refuses_all(seen: &Seen<'_>) -> Option<&'static str> {
    match &seen.status.intake {
        Intake::Full => Some("the endpoint refuses all events for now: the spool is full"),
        Intake::DiskFull => {
            Some("the endpoint refuses all events for now: the disk has too little free space")
        }
        Intake::Failing(_) => Some("the endpoint refuses all events for now: the spool cannot be written"),
        Intake::Stopping => Some("the endpoint refuses all events: it is stopping"),
        Intake::Starting | Intake::Ready if !has_source(seen) => {
            Some("there is no source, and without a write key the endpoint refuses it")
        }
        Intake::Starting | Intake::Ready => None,
    }
}

/// `refused`: why the endpoint takes no event now.
fn verdict_ui(ui: &mut Ui, fault: Option<&str>, refused: Option<&str>) {
    let t = tokens(ui);
    if fault.is_some() {
        widgets::error_ui(ui, fault);
        return;
    }
    if let Some(refused) = refused {
        let text = format!("This is a valid event, but {refused}");
        ui.add(egui::Label::new(RichText::new(text).size(12.0).color(t.warn)).wrap());
        return;
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.label(theme::icon(Icon::Check).size(12.0).color(t.ok));
        ui.label(RichText::new("The endpoint will accept it").size(12.0).color(t.weak));
    });
}

/// The text itself. True when it was changed.
fn editor_ui(ui: &mut Ui, draft: &mut Draft) -> bool {
    let font = TextStyle::Monospace.resolve(ui.style());
    let mut layouter = |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| {
        let mut job = json::highlight(text.as_str(), tokens(ui), &font);
        job.wrap.max_width = width;
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    };
    ui.scope(|ui| {
        widgets::edge_ui(ui, draft.fault.is_some());
        let edit = TextEdit::multiline(&mut draft.text)
            .code_editor()
            .desired_rows(15)
            .desired_width(f32::INFINITY)
            .margin(egui::Margin::same(12))
            .layouter(&mut layouter);
        ui.add(edit).accessible_name("Event JSON").changed()
    })
    .inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_an_event() {
        for (kind, _) in CALLS {
            assert_eq!(fault_of(kind, snippets::sample(kind), &Config::default()), None, "{kind:?}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_a_refusal_in_the_endpoint_s_words() {
        let fault = |text| fault_of(Kind::Track, text, &Config::default());
        assert!(fault("{\n  \"a\": }").is_some_and(|fault| fault.starts_with("Line 2, column ")));
        assert_eq!(fault("[1]").as_deref(), Some("An event is a JSON object: { … }"));
        assert!(fault(r#"{"userId":"ada"}"#).is_some_and(|fault| fault.contains("event")));
        assert!(fault(r#"{"event":"x"}"#).is_some_and(|fault| fault.contains("userId")));
    }
}

//! The Test place: composes one of the six calls, as a form or as JSON, shows the request that it makes, sends it through
//! the real endpoint, once or many times, and follows it to its record.

mod draft;
mod form;
mod many;
mod presets;
mod read_back;
mod sent;

use std::collections::VecDeque;

use eframe::egui::{self, Key, KeyboardShortcut, Modifiers, RichText, ScrollArea, TextEdit, TextStyle, Ui};
use lucide_icons::Icon;

use super::{
    clock::Clock,
    command::{Command, TestCommand},
    json,
    place::Place,
    practice_faults_card,
    seen::Seen,
    sources,
    theme::{self, tokens, weight},
    widgets,
};
use crate::{
    config::{DestinationKind, Source},
    delivery::{AwsError, Detail, EventId, Intake, Record},
    engine::{Answer, Preset, TestSent},
    event::Kind,
    snippets::{self, Language, edit},
};
use draft::{CALLS, Drafts};
use sent::Sent;

/// Maximum sent events to list. The log has all of them.
const SENT_MAX: usize = 12;
/// The width that is left free for the floating scroll bar.
const BAR_WIDTH: f32 = 4.0;
/// The place has two columns from this width on.
const TWO_COLUMNS_WIDTH_MIN: f32 = 860.0;
const NO_EVENT: &str = "The text is not an event yet";
const SEND: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Enter);

/// The purpose of a call, in one line.
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
    Result,
    Request,
}

#[derive(Default)]
pub(super) struct Test {
    drafts: Drafts,
    view: View,
    form: form::Form,
    presets: presets::Presets,
    many: many::Many,
    /// The name of the chosen source. If no source has it, the first one is used.
    source: String,
    /// The event does not get the mark of a test event.
    is_unmarked: bool,
    side: Side,
    language: Language,
    /// The events that were sent, newest first.
    sent: VecDeque<Sent>,
    /// The index of the sent event whose result is shown.
    shown: usize,
    /// Send the event in the next frame.
    sends: bool,
    /// How much of the newest event's result was scrolled to.
    revealed: widgets::Revealed,
}

impl Test {
    /// Opens an event as the draft of its call.
    pub(super) fn compose(&mut self, kind: Kind, text: String) {
        self.presets.deselect(kind);
        self.drafts.open(kind, text);
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        for sent in &mut self.sent {
            sent.logic(ctx, seen);
        }
        self.presets.logic(ctx, seen);
    }

    /// Records that a test event was sent.
    pub(super) fn sent(&mut self, kind: Kind, answer: Answer<Result<TestSent, String>>) {
        self.sent.push_front(Sent::new(kind, Clock::now(), answer));
        self.sent.truncate(SENT_MAX);
        self.shown = 0;
        self.side = Side::Result;
        self.revealed = widgets::Revealed::default();
    }

    pub(super) fn detail_coming(&mut self, id: EventId, answer: Answer<Result<Option<Detail>, String>>) {
        if let Some(pane) = self.sent.iter_mut().find_map(|sent| sent.pane_asking_for(id)) {
            pane.coming(answer);
        }
    }

    pub(super) fn record_coming(&mut self, id: EventId, answer: Answer<Result<Option<Record>, AwsError>>) {
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.asks_for_record_of(id)) {
            sent.record_coming(answer);
        }
    }

    pub(super) fn presets_coming(&mut self, answer: Answer<Result<Vec<Preset>, String>>) {
        self.presets.coming(answer);
    }

    pub(super) fn presets_saved(&mut self, answer: Answer<Result<(), String>>) {
        self.presets.saved(answer);
    }

    /// Starts sending many events in the next frame, as the user has chosen.
    pub(super) fn run_soon(&mut self) {
        self.many.is_asked = true;
    }

    /// Sends the event in the next frame.
    pub(super) fn send_soon(&mut self) {
        self.sends = true;
    }

    /// The event to send: with the mark of a test event, if it can carry one.
    fn outgoing(&self) -> String {
        let text = self.drafts.text();
        if self.is_unmarked { None } else { edit::with_mark(text) }.unwrap_or_else(|| text.to_owned())
    }

    fn can_send(&self, seen: &Seen<'_>) -> bool {
        self.drafts.error().is_none() && has_source(seen)
    }

    fn send(&self, seen: &mut Seen<'_>) {
        let (kind, json, source) = (self.drafts.kind, self.outgoing(), self.source_index(seen));
        seen.push(Command::Test(TestCommand::Send { kind, json, source }));
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let subtitle = "Send an event through the real endpoint and follow it to its record";
        self.drafts.check(seen.config);
        // The button is in the heading, so that it is in sight in a low window too.
        widgets::heading_ui(ui, "Test", subtitle, |ui| self.send_ui(ui, seen));
        if ui.available_width() - BAR_WIDTH > TWO_COLUMNS_WIDTH_MIN {
            // Each column scrolls by itself, so that the result can be followed while the form stays in place.
            ui.columns(2, |columns| {
                let [left, right] = columns else { return };
                column_ui(left, "form", |ui| self.left_ui(ui, seen));
                column_ui(right, "result", |ui| self.right_ui(ui, seen));
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
        let event = self.can_send(seen).then(|| (self.outgoing(), self.source_index(seen)));
        self.many.ui(ui, seen, self.drafts.kind, event);
        if seen.config.destination.kind == DestinationKind::Practice {
            ui.add_space(4.0);
            practice_faults_card::card_ui(ui, seen);
        }
    }

    fn composer_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::card_ui(ui, |ui| {
            widgets::segments_ui(ui, &mut self.drafts.kind, "Call", &CALLS);
            widgets::hint_ui(ui, meaning(self.drafts.kind));
            if let Some(preset) = self.presets.ui(ui, seen, self.drafts.kind, self.drafts.text()) {
                self.drafts.open(preset.kind, preset.json);
            }
            let views = [(View::Form, "Form"), (View::Json, "JSON")];
            widgets::segments_ui(ui, &mut self.view, "Edit as", &views);
            let kind = self.drafts.kind;
            let is_refused = self.drafts.error().is_some();
            let is_changed = match self.view {
                View::Form => self.form.ui(ui, kind, self.drafts.text_mut()),
                View::Json => editor_ui(ui, self.drafts.text_mut(), is_refused),
            };
            if is_changed {
                self.drafts.changed();
            }
            self.drafts.check(seen.config);
            verdict_ui(ui, self.drafts.error(), closed_reason(seen));
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
            let mut is_marked = !self.is_unmarked;
            widgets::switch_ui(ui, &mut is_marked, "Mark as test");
            self.is_unmarked = !is_marked;
            ui.label(weight("Mark as test", 560.0));
            let text = self.drafts.text();
            let note = match (is_marked, edit::with_mark(text)) {
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

    /// The button that sends, and the source that the event is sent as; from right to left.
    fn send_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let by_keys = ui.input_mut(|i| i.consume_shortcut(&SEND)) || std::mem::take(&mut self.sends);
        let can_send = self.can_send(seen);
        let button = widgets::primary_button_ui(ui, Icon::Send, "Send event", can_send);
        let button = button.on_hover_text(ui.format_shortcut(&SEND));
        let button = button.on_disabled_hover_text(NO_EVENT);
        if (button.clicked() || by_keys) && can_send {
            self.send(seen);
        } else if by_keys {
            seen.push(Command::Refuse(NO_EVENT.to_owned()));
        }
        self.source_ui(ui, seen);
    }

    fn template_ui(&mut self, ui: &mut Ui) {
        let kind = self.drafts.kind;
        let template = snippets::sample(kind);
        if self.drafts.text() != template && widgets::button_ui(ui, Icon::Undo2, "Template").clicked() {
            self.drafts.open(kind, template.to_owned());
            self.presets.deselect(kind);
        }
    }

    /// The index of the chosen source among the current ones.
    fn source_index(&self, seen: &Seen<'_>) -> usize {
        let named = seen.config.capture.sources.iter().position(|source| source.name == self.source);
        named.unwrap_or_default()
    }

    fn source_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        let sources = &seen.config.capture.sources;
        if sources.len() < 2 {
            return;
        }
        let shown = &sources[self.source_index(seen)];
        sources::choose_ui(ui, ("Source", 150.0), sources, shown, &mut self.source)
            .on_hover_text("The source whose write key the event is sent with");
    }

    fn right_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let sides = [(Side::Result, "Result"), (Side::Request, "Request")];
        widgets::segments_ui(ui, &mut self.side, "What to show", &sides);
        ui.add_space(2.0);
        match self.side {
            Side::Result => self.result_ui(ui, seen),
            Side::Request => self.request_ui(ui, seen),
        }
    }

    fn result_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if self.sent.is_empty() {
            widgets::card_ui(ui, |ui| {
                ui.set_max_height(260.0);
                let text = "The result appears here: the endpoint's answer, the spool, and the record, read back from the \
                            stream and compared byte for byte.";
                widgets::empty_ui(ui, Icon::Route, "Send an event", text, None);
                ui.add_space(40.0);
            });
            return;
        }
        let shown = self.shown.min(self.sent.len() - 1);
        let result = ui.scope(|ui| widgets::card_ui(ui, |ui| self.sent[shown].ui(ui, seen)));
        if shown == 0 {
            // New steps are scrolled to as they come.
            self.revealed.follow(ui, self.sent[0].steps_len(), result.response.rect);
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
            let source = seen.config.capture.sources.get(self.source_index(seen));
            let (endpoint, event) = (seen.endpoint(), self.outgoing());
            let code = |key: &str| snippets::request(self.language, &endpoint, key, self.drafts.kind, &event);
            let masked = source.map(Source::masked_key).unwrap_or_default();
            if widgets::code_copy_ui(ui, code(&masked).trim_end(), "Copy request") {
                ui.copy_text(code(source.map_or("", |source| &source.write_key)));
                seen.copied("Request");
            }
            let text = "The copied code contains the real write key. The body is sent exactly as shown here.";
            widgets::hint_ui(ui, text);
        });
    }
}

/// A column that scrolls by itself.
fn column_ui(ui: &mut Ui, name: &str, contents: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical().id_salt(name).auto_shrink(false).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - BAR_WIDTH);
        // In a vertical layout: the column's own layout would stretch a text's words over its width.
        ui.vertical(contents);
        ui.add_space(18.0);
        widgets::follow_focus(ui);
    });
}

fn has_source(seen: &Seen<'_>) -> bool {
    !seen.config.capture.sources.is_empty() || !seen.config.capture.require_write_key
}

/// Why the endpoint accepts no event now, to follow "This is a valid event, but".
fn closed_reason(seen: &Seen<'_>) -> Option<&'static str> {
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

/// Whether the endpoint will accept the event. `closed`: why it accepts none now.
fn verdict_ui(ui: &mut Ui, error: Option<&str>, closed: Option<&str>) {
    let t = tokens(ui);
    if error.is_some() {
        widgets::error_ui(ui, error);
        return;
    }
    if let Some(closed) = closed {
        let text = format!("This is a valid event, but {closed}");
        ui.add(egui::Label::new(RichText::new(text).size(12.0).color(t.warn)).wrap());
        return;
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.label(theme::icon(Icon::Check).size(12.0).color(t.ok));
        ui.label(RichText::new("The endpoint will accept it").size(12.0).color(t.weak));
    });
}

/// The event's JSON to edit; true when it was changed.
fn editor_ui(ui: &mut Ui, text: &mut String, is_refused: bool) -> bool {
    let font = TextStyle::Monospace.resolve(ui.style());
    let mut layouter = |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| {
        let mut job = json::highlight(text.as_str(), tokens(ui), &font);
        job.wrap.max_width = width;
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    };
    ui.scope(|ui| {
        widgets::edge_ui(ui, is_refused);
        let edit = TextEdit::multiline(text)
            .code_editor()
            .desired_rows(15)
            .desired_width(f32::INFINITY)
            .margin(egui::Margin::same(12))
            .layouter(&mut layouter);
        ui.add(edit).accessible_name("Event JSON").changed()
    })
    .inner
}

//! The Test place: composes one of the six calls, as a form or as JSON, shows the request that it makes, sends it through
//! the real endpoint, once or many times, and follows it to its record. The call, the button that sends and the result in one
//! line are above the page, so that they stay in sight.

mod draft;
mod editor;
mod form;
mod history;
mod many;
mod presets;
mod read_back;
mod record;
mod request;
mod sent;
mod summary;
mod verdict;

use eframe::egui::{
    self, Align, Frame, Key, KeyboardShortcut, Label, Layout, Margin, Modifiers, RichText, ScrollArea,
    Stroke, Ui, vec2,
};
use lucide_icons::Icon;

use super::{
    clock::Clock,
    command::{Command, TestCommand},
    place::Place,
    practice_faults_card::FaultsCard,
    seen::Seen,
    sources,
    theme::tokens,
    widgets,
};
use crate::{
    delivery::{AwsError, Detail, EventId, Record},
    engine::{Answer, Preset, TestSent},
    event::Kind,
    snippets::{self, Language, edit},
};
use draft::{CALLS, Drafts, meaning};
use editor::{editor_ui, mark_ui};
use history::{History, Past};
use request::request_ui;
use sent::Sent;
use verdict::{closed_reason, has_source, verdict_ui};

pub(super) use history::STATE as HISTORY_STATE;

/// The width that is left free for the floating scroll bar.
const BAR_WIDTH: f32 = 4.0;
/// The place has two columns from this width on.
const TWO_COLUMNS_WIDTH_MIN: f32 = 860.0;
/// The share of the form in two columns.
const FORM_SHARE: f32 = 0.44;
/// The calls are beside each other from this width on; in less room they are a list.
const CALLS_WIDTH_MIN: f32 = 740.0;
const NO_EVENT: &str = "The text is not an event yet";
const SEND: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Enter);

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
    pub faults: FaultsCard,
    /// The name of the chosen source. If no source has it, the first one is used.
    source: String,
    /// The event does not get the mark of a test event.
    is_unmarked: bool,
    side: Side,
    language: Language,
    /// The event that is being sent, as it was composed.
    sending: String,
    history: History,
    /// What an event of the history has replaced: it can be brought back.
    replaced: Option<(Kind, String)>,
    /// Send the event in the next frame.
    sends: bool,
    /// How much of the newest event's result was scrolled to.
    revealed: widgets::Revealed,
}

impl Test {
    /// `kept`: the history as it was at the end of the last start.
    pub(super) fn new(kept: Vec<Past>) -> Self {
        Self { history: History::new(kept), ..Self::default() }
    }

    /// Opens an event as the draft of its call.
    pub(super) fn compose(&mut self, kind: Kind, text: String) {
        self.open(kind, text);
        // It would push the event out of sight.
        self.faults.close();
    }

    fn open(&mut self, kind: Kind, text: String) {
        self.presets.deselect(kind);
        self.drafts.open(kind, text);
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        self.history.logic(ctx, seen);
        self.presets.logic(ctx, seen);
    }

    /// Records that a test event was sent.
    pub(super) fn sent(&mut self, kind: Kind, answer: Answer<Result<TestSent, String>>) {
        let (at, composed) = (Clock::now(), std::mem::take(&mut self.sending));
        let bytes = self.outgoing_of(&composed).len();
        self.history.sent((kind, composed, at), Sent::new(kind, at, bytes, answer));
        self.side = Side::Result;
        self.revealed = widgets::Revealed::default();
    }

    pub(super) fn detail_coming(&mut self, id: EventId, answer: Answer<Result<Option<Detail>, String>>) {
        if let Some(pane) = self.history.results().find_map(|sent| sent.pane_asking_for(id)) {
            pane.coming(answer);
        }
    }

    pub(super) fn record_coming(&mut self, id: EventId, answer: Answer<Result<Option<Record>, AwsError>>) {
        if let Some(sent) = self.history.results().find(|sent| sent.asks_for_record_of(id)) {
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
        self.outgoing_of(self.drafts.text())
    }

    fn outgoing_of(&self, text: &str) -> String {
        if self.is_unmarked { None } else { edit::with_mark(text) }.unwrap_or_else(|| text.to_owned())
    }

    fn can_send(&self, seen: &Seen<'_>) -> bool {
        self.drafts.error().is_none() && has_source(seen)
    }

    fn send(&mut self, seen: &mut Seen<'_>) {
        self.drafts.text().clone_into(&mut self.sending);
        let (kind, json, source) = (self.drafts.kind, self.outgoing(), self.source_index(seen));
        seen.push(Command::Test(TestCommand::Send { kind, json, source }));
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let subtitle = "Send an event through the real endpoint and follow it to its record";
        self.drafts.check(seen.config);
        widgets::heading_ui(ui, "Test", subtitle, |ui| self.faults.button_ui(ui, seen));
        self.bar_ui(ui, seen);
        ui.add_space(4.0);
        let width = ui.available_width() - BAR_WIDTH;
        if width > TWO_COLUMNS_WIDTH_MIN {
            // Each column scrolls by itself, so that the result can be followed while the form stays in place.
            let (gap, height) = (ui.spacing().item_spacing.x, ui.available_height());
            let form = (width * FORM_SHARE).floor();
            ui.horizontal_top(|ui| {
                let column = Layout::top_down(Align::Min);
                ui.allocate_ui_with_layout(vec2(form, height), column, |ui| {
                    ui.set_width(form);
                    column_ui(ui, "form", |ui| self.left_ui(ui, seen));
                });
                ui.allocate_ui_with_layout(vec2(width - form - gap, height), column, |ui| {
                    column_ui(ui, "result", |ui| self.right_ui(ui, seen));
                });
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
        self.faults.ui(ui, seen);
        self.composer_ui(ui, seen);
        ui.add_space(4.0);
        let event = self.can_send(seen).then(|| (self.outgoing(), self.source_index(seen)));
        self.many.ui(ui, seen, self.drafts.kind, event);
    }

    fn composer_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::card_ui(ui, |ui| {
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
            mark_ui(ui, &mut self.is_unmarked, self.drafts.text());
            self.template_ui(ui);
            if !has_source(seen) && widgets::button_ui(ui, Icon::Plus, "Add a source first").clicked() {
                seen.go(Place::Sources);
            }
        });
    }

    /// The call, the source and the button that sends; below them the result in one line.
    fn bar_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let t = tokens(ui);
        let frame = Frame::new().fill(t.raised).stroke(Stroke::new(1.0, t.line)).corner_radius(12);
        frame.inner_margin(Margin::symmetric(10, 8)).show(ui, |ui| {
            ui.take_available_width();
            let is_wide = ui.available_width() >= CALLS_WIDTH_MIN;
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    self.send_ui(ui, seen);
                    self.source_ui(ui, seen);
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| self.call_ui(ui, is_wide));
                });
            });
            ui.horizontal(|ui| {
                // As high with a result as without one.
                ui.set_min_height(22.0);
                if let Some(sent) = self.history.shown().and_then(|entry| entry.result.as_ref()) {
                    sent.summary().ui(ui);
                    return;
                }
                let (keys, kind) = (ui.format_shortcut(&SEND), self.drafts.kind);
                let path = format!("POST {}/v1/{}", seen.endpoint(), kind.as_str());
                let text = format!("{}: {path} · {keys} sends it", meaning(kind));
                ui.add(Label::new(RichText::new(text).color(t.weak)).truncate());
            });
        });
    }

    /// Takes the keys that send the event before anything is drawn: Enter would also press the button that has the focus.
    pub(super) fn keys(&mut self, ui: &Ui) {
        self.sends |= ui.input_mut(|input| input.consume_shortcut(&SEND));
    }

    fn call_ui(&mut self, ui: &mut Ui, is_wide: bool) {
        if is_wide {
            widgets::segments_ui(ui, &mut self.drafts.kind, "Call", &CALLS);
            return;
        }
        let kind = self.drafts.kind;
        let list = widgets::List { name: "Call", shown: kind.as_str(), width: 110.0, if_empty: "" };
        let (_, chosen) = list.ui(ui, &CALLS.map(|(call, name)| (name, call == kind)));
        if let Some(at) = chosen {
            self.drafts.kind = CALLS[at].0;
        }
    }

    fn send_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let by_keys = std::mem::take(&mut self.sends);
        let can_send = self.can_send(seen);
        let button = widgets::primary_button_ui(ui, Icon::Send, "Send event", can_send);
        let button = button.on_hover_text(ui.format_shortcut(&SEND));
        let button = button.on_disabled_hover_text(NO_EVENT);
        if (button.clicked() || by_keys) && can_send {
            self.send(seen);
        } else if by_keys {
            seen.push(Command::Refuse(NO_EVENT.to_owned()));
        }
    }

    fn template_ui(&mut self, ui: &mut Ui) {
        let kind = self.drafts.kind;
        let template = snippets::sample(kind);
        ui.horizontal_wrapped(|ui| {
            if self.drafts.text() != template && widgets::button_ui(ui, Icon::Undo2, "Template").clicked() {
                self.drafts.open(kind, template.to_owned());
                self.presets.deselect(kind);
            }
            let is_replaced = self.replaced.as_ref().is_some_and(|(of, _)| *of == kind);
            if is_replaced
                && widgets::button_ui(ui, Icon::Undo2, "Back to what I was editing").clicked()
                && let Some((kind, text)) = self.replaced.take()
            {
                self.compose(kind, text);
            }
        });
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
        let top = ui.cursor().top();
        let sides = [(Side::Result, "Result"), (Side::Request, "Request")];
        widgets::segments_ui(ui, &mut self.side, "What to show", &sides);
        ui.add_space(2.0);
        match self.side {
            Side::Result => self.result_ui(ui, seen, top),
            Side::Request => {
                let (event, source) = (self.outgoing(), self.source_index(seen));
                request_ui(ui, seen, &mut self.language, (self.drafts.kind, &event, source));
            }
        }
    }

    /// `top`: the upper edge of what stands above the result, and is scrolled to with it.
    fn result_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, top: f32) {
        let shows_newest = self.history.shows_newest();
        match self.history.shown() {
            None => {
                widgets::card_ui(ui, |ui| {
                    ui.set_max_height(260.0);
                    let text = "The result appears here: the endpoint's answer, the spool, and the record, read back from \
                                the stream and compared byte for byte.";
                    widgets::empty_ui(ui, Icon::Route, "Send an event", text, None);
                    ui.add_space(40.0);
                });
            }
            Some(entry) => match &entry.result {
                Some(sent) => {
                    let result = ui.scope(|ui| widgets::card_ui(ui, |ui| sent.ui(ui, seen)));
                    if shows_newest {
                        // New steps are scrolled to as they come.
                        self.revealed.follow(ui, sent.steps_len(), result.response.rect.with_min_y(top));
                    }
                }
                None => {
                    widgets::card_ui(ui, |ui| {
                        widgets::title_ui(ui, "Sent before");
                        widgets::hint_ui(ui, &entry.last_seen(seen));
                        widgets::hint_ui(
                            ui,
                            "Live has it, as long as the log keeps it. Send it to follow it again.",
                        );
                    });
                }
            },
        }
        ui.add_space(4.0);
        if let Some((kind, json)) = self.history.ui(ui, seen) {
            self.load(kind, json);
        }
    }

    /// Opens an event of the history. What was being edited can be brought back.
    fn load(&mut self, kind: Kind, json: String) {
        self.drafts.kind = kind;
        let edited = self.drafts.text();
        // An event of the history can be loaded again from there.
        if edited != snippets::sample(kind) && !self.history.has(kind, edited) {
            self.replaced = Some((kind, edited.to_owned()));
        }
        self.open(kind, json);
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

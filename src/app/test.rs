//! Compose one of the six calls, send it through the real endpoint as any SDK would, and follow it to its record.

use std::collections::VecDeque;

use eframe::egui::{
    self, ComboBox, Key, KeyboardShortcut, Label, Modifiers, RichText, ScrollArea, Sense, Stroke, TextEdit,
    TextStyle, Ui, WidgetInfo, vec2,
};
use lucide_icons::Icon;

use super::{
    Place, Poll, Seen, Waiting, Wish,
    detail::{self, Pane, Step},
    json,
    theme::{self, tokens, weight},
    widgets::{self, Tone},
};
use crate::{
    delivery::{Millis, State, Status},
    engine::{Engine, TestSent},
    event::Kind,
    snippets,
};

/// Enough to compare a few; the log has them all.
const HISTORY_MAX: usize = 12;
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

/// A test event and how far it got.
struct Sent {
    kind: Kind,
    at: Millis,
    waiting: Option<Waiting<Result<TestSent, String>>>,
    answer: Option<Result<TestSent, String>>,
    pane: Option<Pane>,
}

pub(super) struct Test {
    kind: Kind,
    texts: [String; 6],
    source: usize,
    sent: VecDeque<Sent>,
    shown: usize,
}

impl Default for Test {
    fn default() -> Self {
        Self {
            kind: Kind::Track,
            texts: CALLS.map(|(kind, _)| snippets::sample(kind).to_owned()),
            source: 0,
            sent: VecDeque::new(),
            shown: 0,
        }
    }
}

/// Why the text cannot be sent, in words.
fn fault_of(text: &str) -> Option<String> {
    match serde_json::from_str::<&serde_json::value::RawValue>(text) {
        Err(error) => {
            let full = error.to_string();
            let what = full.split(" at line ").next().unwrap_or(&full);
            Some(format!("Line {}, column {}: {what}", error.line(), error.column()))
        }
        Ok(raw) if !raw.get().starts_with('{') => Some("An event is a JSON object: { … }".to_owned()),
        Ok(_) => None,
    }
}

impl Test {
    /// Takes an event from somewhere else as the text of its call.
    pub(super) fn compose(&mut self, kind: Kind, text: String) {
        self.kind = kind;
        let call = self.call();
        self.texts[call] = text;
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, engine: &Engine, status: &Status) {
        for sent in &mut self.sent {
            if let Some(waiting) = &mut sent.waiting {
                sent.answer = match waiting.poll(ctx) {
                    Poll::Pending => continue,
                    Poll::There(answer) => Some(answer),
                    Poll::Lost => Some(Err("The engine did not answer.".to_owned())),
                };
                sent.waiting = None;
                if let Some(Ok(TestSent { id: Some(id), .. })) = &sent.answer {
                    sent.pane = Some(Pane::new(*id));
                }
            }
            if let Some(pane) = &mut sent.pane {
                pane.logic(ctx, engine, status);
            }
        }
    }

    fn send(&mut self, seen: &Seen<'_>) {
        let text = self.texts[self.call()].clone();
        if fault_of(&text).is_some() {
            return;
        }
        let answer = seen.engine.send_test(self.kind, text, self.source);
        let waiting = Some(Waiting::new(answer));
        self.sent.push_front(Sent { kind: self.kind, at: seen.now, waiting, answer: None, pane: None });
        self.sent.truncate(HISTORY_MAX);
        self.shown = 0;
    }

    fn call(&self) -> usize {
        CALLS.iter().position(|(kind, _)| *kind == self.kind).unwrap_or_default()
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::heading_ui(
            ui,
            "Test",
            "Send an event through the real endpoint and follow it to its record",
            |_| {},
        );
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.set_max_width(ui.available_width() - 4.0);
            if ui.available_width() > 860.0 {
                ui.columns(2, |columns| {
                    self.composer_ui(&mut columns[0], seen);
                    self.results_ui(&mut columns[1], seen);
                });
            } else {
                self.composer_ui(ui, seen);
                ui.add_space(4.0);
                self.results_ui(ui, seen);
            }
            ui.add_space(18.0);
            widgets::follow_focus(ui);
        });
    }

    fn composer_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let t = tokens(ui);
        widgets::card_ui(ui, |ui| {
            widgets::segments_ui(ui, &mut self.kind, "Call", &CALLS);
            widgets::hint_ui(ui, meaning(self.kind));
            let at = self.call();
            let fault = fault_of(&self.texts[at]);
            let font = TextStyle::Monospace.resolve(ui.style());
            let mut layouter = |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| {
                let mut job = json::highlight(text.as_str(), tokens(ui), &font);
                job.wrap.max_width = width;
                ui.fonts_mut(|fonts| fonts.layout_job(job))
            };
            ui.scope(|ui| {
                widgets::edge_ui(ui, fault.is_some());
                let edit = TextEdit::multiline(&mut self.texts[at])
                    .code_editor()
                    .desired_rows(15)
                    .desired_width(f32::INFINITY)
                    .margin(egui::Margin::same(12))
                    .layouter(&mut layouter);
                ui.add(edit).accessible_name("Event JSON");
            });
            match &fault {
                Some(fault) => widgets::error_ui(ui, Some(fault)),
                None => {
                    ui.horizontal(|ui| {
                        ui.spacing_mut().item_spacing.x = 5.0;
                        ui.label(theme::icon(Icon::Check).size(12.0).color(t.ok));
                        ui.label(RichText::new("Valid JSON").size(12.0).color(t.weak));
                    });
                }
            }
            ui.add_space(2.0);
            let shortcut = ui.input_mut(|i| i.consume_shortcut(&SEND));
            let has_source =
                !seen.config.capture.sources.is_empty() || !seen.config.capture.require_write_key;
            ui.horizontal_wrapped(|ui| {
                let can_send = fault.is_none() && has_source;
                let button = widgets::primary_button_ui(ui, Icon::Send, "Send event", can_send);
                let button = button.on_hover_text(ui.format_shortcut(&SEND));
                let button = button.on_disabled_hover_text("The text is not an event yet");
                if (button.clicked() || shortcut) && can_send {
                    self.send(seen);
                }
                self.source_ui(ui, seen);
                if self.texts[at] != snippets::sample(self.kind)
                    && widgets::button_ui(ui, Icon::Undo2, "Template").clicked()
                {
                    snippets::sample(self.kind).clone_into(&mut self.texts[at]);
                }
            });
            if !has_source && widgets::button_ui(ui, Icon::Plus, "Add a source first").clicked() {
                seen.go(Place::Sources);
            }
        });
    }

    /// As whom the event is sent.
    fn source_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        let sources = &seen.config.capture.sources;
        self.source = self.source.min(sources.len().saturating_sub(1));
        if sources.len() < 2 {
            return;
        }
        let name = |at: usize| sources.get(at).map_or("", |source| source.name.as_str());
        ComboBox::from_id_salt("source")
            .width(150.0)
            .truncate()
            .selected_text(name(self.source))
            .show_ui(ui, |ui| {
                for at in 0..sources.len() {
                    ui.selectable_value(&mut self.source, at, name(at));
                }
            })
            .response
            .accessible_name("Source")
            .on_hover_text("The source whose write key the event is sent with");
    }

    fn results_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if self.sent.is_empty() {
            widgets::card_ui(ui, |ui| {
                ui.set_max_height(260.0);
                let text = "Its story appears here: the endpoint's answer, the spool, and the record with its shard and \
                            sequence number.";
                widgets::empty_ui(ui, Icon::Route, "Send an event", text, None);
                ui.add_space(40.0);
            });
            return;
        }
        let shown = self.shown.min(self.sent.len() - 1);
        widgets::card_ui(ui, |ui| story_ui(ui, &self.sent[shown], seen));
        if self.sent.len() > 1 {
            ui.add_space(4.0);
            widgets::card_ui(ui, |ui| {
                widgets::title_ui(ui, "Sent before");
                ui.spacing_mut().item_spacing.y = 2.0;
                for (at, sent) in self.sent.iter().enumerate() {
                    if history_ui(ui, sent, at == shown, seen) {
                        self.shown = at;
                    }
                }
            });
        }
    }
}

/// Where the event is now.
fn state(sent: &Sent) -> (Option<Tone>, &'static str) {
    match (&sent.answer, sent.pane.as_ref().and_then(Pane::delivery)) {
        (_, Some(delivery)) => {
            let tone = match delivery.state {
                State::Delivered => Some(Tone::Good),
                State::Failed | State::Rejected => Some(Tone::Bad),
                State::Retrying | State::Resent => Some(Tone::Attention),
                State::Queued => None,
            };
            (tone, detail::state_word(delivery.state))
        }
        (None, None) => (None, "Sending"),
        (Some(Ok(answer)), None) if answer.status == 200 => (None, "Accepted"),
        (Some(_), None) => (Some(Tone::Bad), "Rejected"),
    }
}

fn story_ui(ui: &mut Ui, sent: &Sent, seen: &mut Seen<'_>) {
    let t = tokens(ui);
    egui::Sides::new().show(
        ui,
        |ui| widgets::title_ui(ui, &format!("Story of this {}", sent.kind.as_str())),
        |ui| {
            let (tone, word) = state(sent);
            widgets::pill_ui(ui, tone.map_or(t.accent, |tone| tone.color(t)), word);
        },
    );
    ui.add_space(2.0);
    let note = |title: &str, text: String, at: String| Step {
        tone: Some(Tone::Note),
        title: title.into(),
        text,
        at,
    };
    let sent_at = seen.clock.time(sent.at);
    let mut steps = vec![note(
        "Sent to the endpoint",
        format!("POST {}/v1/{}", seen.endpoint(), sent.kind.as_str()),
        sent_at,
    )];
    match &sent.answer {
        None => steps.push(Step {
            tone: None,
            title: "Waiting for the answer".into(),
            text: String::new(),
            at: String::new(),
        }),
        Some(Err(error)) => {
            let title = "No answer from the endpoint".into();
            steps.push(Step { tone: Some(Tone::Bad), title, text: error.clone(), at: String::new() });
        }
        Some(Ok(answer)) => {
            let tone = if answer.status == 200 { Tone::Good } else { Tone::Bad };
            let title = format!("Answered {}", answer.status);
            steps.push(Step {
                tone: Some(tone),
                title,
                text: answer.body.trim().to_owned(),
                at: String::new(),
            });
        }
    }
    if let Some(loaded) = sent.pane.as_ref().and_then(Pane::detail) {
        steps.extend(detail::steps(loaded, seen.clock));
    }
    detail::steps_ui(ui, &steps);
    let Some(delivery) = sent.pane.as_ref().and_then(Pane::delivery) else { return };
    detail::fault_ui(ui, delivery, seen);
    ui.horizontal_wrapped(|ui| {
        if widgets::button_ui(ui, Icon::Activity, "Show in Live").clicked() {
            seen.wishes.push(Wish::Show(delivery.id));
        }
        if delivery.receipt.is_some() && widgets::button_ui(ui, Icon::Waves, "Read it back").clicked() {
            seen.go(Place::Stream);
        }
        if let Some(receipt) = &delivery.receipt
            && widgets::button_ui(ui, Icon::Copy, "Copy sequence number").clicked()
        {
            ui.copy_text(receipt.sequence_number.to_string());
            seen.copied("Sequence number");
        }
    });
}

fn history_ui(ui: &mut Ui, sent: &Sent, selected: bool, seen: &Seen<'_>) -> bool {
    let t = tokens(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 28.0), Sense::click());
    let (tone, word) = state(sent);
    let name = format!("{} {word} {}", sent.kind.as_str(), seen.clock.time(sent.at));
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, selected, &name));
    let fill = if selected {
        t.accent_soft
    } else if response.hovered() || response.has_focus() {
        t.hover
    } else {
        egui::Color32::TRANSPARENT
    };
    let edge = if response.has_focus() { Stroke::new(1.0, t.accent) } else { Stroke::NONE };
    ui.painter().rect(rect, 7.0, fill, edge, egui::StrokeKind::Inside);
    let inside = egui::UiBuilder::new()
        .max_rect(rect.shrink2(vec2(8.0, 0.0)))
        .layout(egui::Layout::left_to_right(egui::Align::Center));
    let mut row = ui.new_child(inside);
    widgets::dot_ui(&mut row, tone.map_or(t.accent, |tone| tone.color(t)));
    row.add(Label::new(weight(sent.kind.as_str(), 560.0).color(t.strong)).selectable(false));
    row.add(Label::new(RichText::new(word).color(t.weak)).selectable(false));
    row.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let time = RichText::new(seen.clock.time(sent.at)).monospace().color(t.weak);
        ui.add(Label::new(time).selectable(false));
    });
    response.clicked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_an_event() {
        for (kind, _) in CALLS {
            assert_eq!(fault_of(snippets::sample(kind)), None, "{kind:?}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        assert!(fault_of("{\n  \"a\": }").is_some_and(|fault| fault.starts_with("Line 2, column ")));
        assert_eq!(fault_of("[1]").as_deref(), Some("An event is a JSON object: { … }"));
    }
}

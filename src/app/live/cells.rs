//! The cells of a row of the log.

use std::collections::HashSet;

use eframe::egui::{
    Align, Align2, FontId, Label, Layout, Response, RichText, Role, Sense, TextStyle, TextWrapMode, Ui,
    WidgetInfo, WidgetText, text::LayoutJob, vec2,
};
use egui_extras::TableRow;
use lucide_icons::Icon;

use super::columns::{self, Column, NUMBER_MARGIN};
use crate::{
    app::{
        detail::{self, Mark},
        seen::Seen,
        theme::{self, tokens, weight},
        widgets,
    },
    delivery::{AwsError, Delivery, State},
    event::{Kind, shown},
};

/// No character of a preview is narrower; combining marks aside.
const CHAR_WIDTH_MIN: f32 = 4.0;
/// No ASCII character of the monospace font is narrower.
const ASCII_WIDTH_MIN: f32 = 7.0;
/// Below this width the mark beside the event's name is an icon instead of a pill.
const PILL_WIDTH_MIN: f32 = 170.0;

/// Draws the cells of a row that is not loaded yet.
pub(super) fn blank_ui(row: &mut TableRow<'_, '_>, columns: &[(Column, f32)]) {
    for _ in columns {
        row.col(|ui| {
            columns::keep_inside(ui);
            let width = ui.available_width().min(48.0);
            let (rect, _) = ui.allocate_exact_size(vec2(width, 8.0), Sense::hover());
            ui.painter().rect_filled(rect, 4.0, tokens(ui).hover);
        });
    }
}

pub(super) fn row_ui(
    row: &mut TableRow<'_, '_>,
    columns: &[(Column, f32)],
    delivery: &Delivery,
    seen: &Seen<'_>,
) {
    for (column, _) in columns {
        row.col(|ui| {
            columns::keep_inside(ui);
            cell_ui(ui, *column, delivery, seen);
        });
    }
}

fn cell_ui(ui: &mut Ui, column: Column, delivery: &Delivery, seen: &Seen<'_>) {
    match column {
        Column::State => {
            let color = detail::state_color(delivery.state, tokens(ui));
            widgets::pill_ui(ui, color, detail::state_word(delivery.state));
        }
        Column::Event => event_ui(ui, delivery),
        Column::Preview => preview_ui(ui, delivery),
        Column::Type => weak_ui(ui, delivery.kind.map_or("–", Kind::as_str)),
        Column::User => mono_ui(ui, &delivery.partition_key),
        Column::Age => age_ui(ui, delivery, seen),
        Column::Time => mono_ui(ui, &seen.clock.time(delivery.received_at)),
        Column::Latency => {
            number_ui(ui, &delivery.latency_ms().map_or("–".to_owned(), widgets::duration));
        }
        Column::Size => number_ui(ui, &detail::size(delivery).unwrap_or_else(|| "–".to_owned())),
        Column::Source => weak_ui(ui, &delivery.source),
        Column::Shard => {
            let shard =
                delivery.receipt.as_ref().map_or("–", |receipt| detail::short_shard(&receipt.shard_id));
            number_ui(ui, shard);
        }
        Column::Attempts => number_ui(ui, &delivery.attempts.to_string()),
        Column::MessageId => mono_ui(ui, &delivery.message_id),
        Column::Error => {
            weak_ui(ui, &delivery.fault.as_ref().map_or("–".to_owned(), ToString::to_string));
        }
    }
}

fn weak_ui(ui: &mut Ui, text: &str) {
    let text = RichText::new(shown::line(text)).color(tokens(ui).weak);
    ui.add(Label::new(text).selectable(false).truncate());
}

fn mono_ui(ui: &mut Ui, text: &str) {
    let text = RichText::new(shown::line(text)).monospace().color(tokens(ui).text);
    ui.add(Label::new(text).selectable(false).truncate());
}

/// Text at the right edge of its cell. It is placed by its width: a layout from the right would be one more node in the tree
/// for screen readers.
fn right_ui(ui: &mut Ui, text: &str) -> Response {
    ui.take_available_width();
    let room = (ui.available_width() - NUMBER_MARGIN).max(0.0);
    let text = WidgetText::from(RichText::new(shown::line(text)).monospace().color(tokens(ui).text));
    let galley = text.into_galley(ui, Some(TextWrapMode::Truncate), room, TextStyle::Body);
    ui.add_space((room - galley.size().x).max(0.0));
    ui.add(Label::new(galley).selectable(false))
}

fn number_ui(ui: &mut Ui, text: &str) {
    right_ui(ui, text);
}

/// The age; the exact time as its tooltip. Requests a frame for the time when it reads differently.
fn age_ui(ui: &mut Ui, delivery: &Delivery, seen: &Seen<'_>) {
    let age = widgets::age_ui(ui, delivery.received_at, seen.now);
    let label = right_ui(ui, &age);
    // A tooltip costs time also while it is closed.
    if label.contains_pointer() {
        label.on_hover_ui(|ui| {
            ui.label(format!("Received {}", seen.clock.full(delivery.received_at)));
        });
    }
}

/// The event's name, as it is drawn.
fn name(ui: &Ui, delivery: &Delivery) -> RichText {
    let t = tokens(ui);
    match &delivery.name {
        Some(name) => weight(shown::line(name), 560.0).color(t.strong),
        None => RichText::new("–").color(t.weak),
    }
}

/// The widest of the names that were in sight. Each name is measured once.
#[derive(Default)]
pub(super) struct NameWidth {
    widest: f32,
    /// Names without a mark, and names with one.
    measured: [HashSet<Box<str>>; 2],
}

impl NameWidth {
    /// Names are forgotten beyond this number, and measured again.
    const NAMES_MAX: usize = 2_000;

    /// The width that these names and their marks need, and all before.
    pub(super) fn widened<'a>(&mut self, ui: &Ui, deliveries: impl Iterator<Item = &'a Delivery>) -> f32 {
        for delivery in deliveries {
            let has_mark = detail::mark(delivery).is_some();
            let measured = &mut self.measured[usize::from(has_mark)];
            let name_text = delivery.name.as_deref().unwrap_or_default();
            if measured.contains(name_text) {
                continue;
            }
            if measured.len() == Self::NAMES_MAX {
                measured.clear();
            }
            measured.insert(name_text.into());
            let text = WidgetText::from(name(ui, delivery));
            let galley = text.into_galley(ui, Some(TextWrapMode::Extend), f32::INFINITY, TextStyle::Body);
            let mark = if has_mark { 30.0 } else { 0.0 };
            self.widest = self.widest.max(galley.size().x + mark + 6.0);
        }
        self.widest
    }
}

fn event_ui(ui: &mut Ui, delivery: &Delivery) {
    let t = tokens(ui);
    let name = name(ui, delivery);
    let Some(Mark { word, meaning }) = detail::mark(delivery) else {
        ui.add(Label::new(name).selectable(false).truncate());
        return;
    };
    // The mark is laid out first, from the right, so that a long name leaves room for it.
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_space(6.0);
        let mark = if ui.available_width() > PILL_WIDTH_MIN {
            widgets::pill_ui(ui, t.warn, word)
        } else {
            let (rect, mark) = ui.allocate_exact_size(vec2(15.0, 18.0), Sense::hover());
            let font = FontId::new(13.0, theme::icons());
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, char::from(Icon::Repeat2), font, t.warn);
            mark.widget_info(|| WidgetInfo::labeled(Role::Label, true, word));
            mark
        };
        mark.on_hover_text(meaning);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(name).selectable(false).truncate());
        });
    });
}

/// The first members of the payload, or why the event is not delivered. Only the text that there is room for is laid out: a
/// message of AWS may be long. The tooltip has all of it.
fn preview_ui(ui: &mut Ui, delivery: &Delivery) {
    let Some((text, is_cut)) = preview(ui, delivery, ui.available_width()) else { return };
    let label = ui.add(Label::new(text).selectable(false).truncate().show_tooltip_when_elided(!is_cut));
    if !is_cut {
        return;
    }
    ui.ctx().accesskit_node_builder(label.id, |node| node.set_value(whole(delivery)));
    if label.contains_pointer() {
        label.on_hover_ui(|ui| {
            if let Some((text, _)) = preview(ui, delivery, f32::INFINITY) {
                ui.label(text);
            }
        });
    }
}

/// All of a preview's text, for screen readers.
fn whole(delivery: &Delivery) -> String {
    if let Some(fault) = &delivery.fault {
        return shown::line(&fault_text(delivery.state, fault)).into_owned();
    }
    let mut whole = String::new();
    for (name, value) in delivery.preview.iter().flat_map(|members| &**members) {
        let space = if whole.is_empty() { "" } else { " " };
        whole.extend([space, &shown::line(name), " ", &shown::line(value)]);
    }
    whole
}

/// The text of a preview, cut beyond this width, and whether it was cut.
fn preview(ui: &Ui, delivery: &Delivery, width: f32) -> Option<(WidgetText, bool)> {
    let t = tokens(ui);
    let Some(fault) = &delivery.fault else {
        return Some(members_text(ui, delivery.preview.as_ref()?, width));
    };
    let text = fault_text(delivery.state, fault);
    let color = if delivery.state == State::Resent { t.weak } else { detail::state_color(delivery.state, t) };
    let (text, is_cut) = cut(&text, width / CHAR_WIDTH_MIN);
    let end = if is_cut { "…" } else { "" };
    Some((RichText::new(format!("{}{end}", shown::line(text))).color(color).into(), is_cut))
}

/// A refusal's message says all; of AWS's errors the code is what one looks for.
fn fault_text(state: State, fault: &AwsError) -> String {
    match state {
        State::Rejected => fault.message.to_string(),
        _ => fault.to_string(),
    }
}

/// Names in a weaker colour than values.
fn members_text(ui: &Ui, members: &[(Box<str>, Box<str>)], width: f32) -> (WidgetText, bool) {
    let t = tokens(ui);
    let font: FontId = TextStyle::Monospace.resolve(ui.style());
    let format = |color| eframe::egui::TextFormat::simple(font.clone(), color);
    let mut job = LayoutJob::default();
    let mut room = width;
    for (number, (name, value)) in members.iter().enumerate() {
        let space = if number == 0 { 0.0 } else { 12.0 };
        job.append(&format!("{} ", shown::line(name)), space, format(t.weak));
        room -= name.chars().count() as f32 * char_width_min(name);
        let (value, is_cut) = cut(value, room / char_width_min(value));
        job.append(&shown::line(value), 0.0, format(t.text));
        if is_cut {
            job.append("…", 0.0, format(t.text));
            return (job.into(), true);
        }
        room -= value.chars().count() as f32 * char_width_min(value);
    }
    (job.into(), false)
}

/// No character of this text in the monospace font is narrower.
fn char_width_min(text: &str) -> f32 {
    if text.is_ascii() { ASCII_WIDTH_MIN } else { CHAR_WIDTH_MIN }
}

/// The beginning of a text, and whether it was cut.
fn cut(text: &str, chars_max: f32) -> (&str, bool) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of characters")]
    let chars_max = chars_max.max(0.0) as usize;
    text.char_indices().nth(chars_max).map_or((text, false), |(at, _)| (&text[..at], true))
}

/// The row's name for screen readers.
pub(super) fn row_name(delivery: &Delivery) -> String {
    let kind = delivery.kind.map_or("event", Kind::as_str);
    let name = delivery.name.as_deref().unwrap_or_default();
    let mark = detail::mark(delivery).map(|mark| format!(" {}", mark.word.to_lowercase()));
    let mark = mark.unwrap_or_default();
    let text = format!("{} {kind} {name} {}{mark}", detail::state_word(delivery.state), delivery.message_id);
    shown::line(&text).into_owned()
}

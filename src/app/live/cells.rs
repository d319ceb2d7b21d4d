//! The cells of a row of the log.

use eframe::egui::{
    Align, Align2, FontId, Label, Layout, RichText, Role, Sense, TextStyle, TextWrapMode, Ui, WidgetInfo,
    WidgetText, text::LayoutJob, vec2,
};
use egui_extras::TableRow;
use lucide_icons::Icon;

use super::columns::Column;
use crate::{
    app::{
        detail::{self, Mark},
        seen::Seen,
        theme::{self, tokens, weight},
        widgets,
    },
    delivery::{Delivery, State},
    event::{Kind, shown},
};

/// Below this width the mark beside the event's name is an icon instead of a pill.
const PILL_WIDTH_MIN: f32 = 170.0;

/// Draws the cells of a row that is not loaded yet.
pub(super) fn blank_ui(row: &mut TableRow<'_, '_>, columns: &[(Column, f32)]) {
    for _ in columns {
        row.col(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(48.0, 8.0), Sense::hover());
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
        row.col(|ui| match column {
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
        });
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

fn number_ui(ui: &mut Ui, text: &str) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_space(10.0);
        mono_ui(ui, text);
    });
}

/// The age; the exact time as its tooltip. Requests a frame for the time when it reads differently.
fn age_ui(ui: &mut Ui, delivery: &Delivery, seen: &Seen<'_>) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_space(10.0);
        let age = widgets::age_ui(ui, delivery.received_at, seen.now);
        let text = RichText::new(age).monospace().color(tokens(ui).text);
        let label = ui.add(Label::new(text).selectable(false).sense(Sense::hover()));
        label.on_hover_ui(|ui| {
            ui.label(format!("Received {}", seen.clock.full(delivery.received_at)));
        });
    });
}

/// The event's name, as it is drawn.
fn name(ui: &Ui, delivery: &Delivery) -> RichText {
    let t = tokens(ui);
    match &delivery.name {
        Some(name) => weight(shown::line(name), 560.0).color(t.strong),
        None => RichText::new("–").color(t.weak),
    }
}

/// The width that the event's name and its mark need.
pub(super) fn name_width(ui: &Ui, delivery: &Delivery) -> f32 {
    let text = WidgetText::from(name(ui, delivery));
    let galley = text.into_galley(ui, Some(TextWrapMode::Extend), f32::INFINITY, TextStyle::Body);
    let mark = if detail::mark(delivery).is_some() { 30.0 } else { 0.0 };
    galley.size().x + mark + 6.0
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

/// The first members of the payload, or why the event is not delivered.
fn preview_ui(ui: &mut Ui, delivery: &Delivery) {
    let t = tokens(ui);
    let text = match (&delivery.fault, &delivery.preview) {
        (Some(fault), _) => {
            // A refusal's message says all; of AWS's errors the code is what one looks for.
            let text = match delivery.state {
                State::Rejected => fault.message.to_string(),
                _ => fault.to_string(),
            };
            let color =
                if delivery.state == State::Resent { t.weak } else { detail::state_color(delivery.state, t) };
            WidgetText::from(RichText::new(shown::line(&text)).color(color))
        }
        (None, Some(members)) => members_text(ui, members).into(),
        (None, None) => return,
    };
    ui.add(Label::new(text).selectable(false).truncate());
}

/// Names in a weaker colour than values.
fn members_text(ui: &Ui, members: &[(Box<str>, Box<str>)]) -> LayoutJob {
    let t = tokens(ui);
    let font: FontId = TextStyle::Monospace.resolve(ui.style());
    let mut job = LayoutJob::default();
    for (number, (name, value)) in members.iter().enumerate() {
        let space = if number == 0 { 0.0 } else { 12.0 };
        let format = |color| eframe::egui::TextFormat::simple(font.clone(), color);
        job.append(&format!("{} ", shown::line(name)), space, format(t.weak));
        job.append(&shown::line(value), 0.0, format(t.text));
    }
    job
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

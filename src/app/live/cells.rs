//! The cells of a row of the log.

use std::{collections::HashSet, sync::Arc};

use eframe::egui::{
    Align, Align2, FontId, Galley, Label, Layout, Response, RichText, Role, Sense, TextStyle, TextWrapMode,
    Ui, WidgetInfo, WidgetText, emath::GuiRounding as _, text::LayoutJob, vec2,
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
        let mut painted = None;
        let (_, cell) = row.col(|ui| painted = cell_ui(ui, *column, delivery, seen));
        if let Some(painted) = painted {
            describe_cell(cell, *column, painted, delivery, seen);
        }
    }
}

/// Text painted into a cell. The cell's own response carries it for screen readers: a label would be one more widget per
/// cell, and cells are most of a frame's widgets.
struct Painted {
    galley: Arc<Galley>,
    /// There is more text than was laid out.
    is_cut: bool,
}

/// Gives a cell its text for screen readers, and a tooltip with what the text leaves out.
fn describe_cell(cell: Response, column: Column, painted: Painted, delivery: &Delivery, seen: &Seen<'_>) {
    let Painted { galley, is_cut } = painted;
    cell.widget_info(|| WidgetInfo::labeled(Role::Label, true, galley.text()));
    if is_cut {
        cell.ctx.accesskit_node_builder(cell.id, |node| node.set_value(whole(delivery)));
    }
    // A tooltip costs time also while it is closed.
    if !cell.contains_pointer() {
        return;
    }
    if column == Column::Age {
        cell.on_hover_ui(|ui| {
            ui.label(format!("Received {}", seen.clock.full(delivery.received_at)));
        });
    } else if is_cut {
        cell.on_hover_ui(|ui| {
            if let Some((text, _)) = preview(ui, delivery, f32::INFINITY) {
                ui.label(text);
            }
        });
    } else if galley.elided {
        let (text, sections) = (galley.job.text.clone(), galley.job.sections.clone());
        cell.on_hover_text(LayoutJob { text, sections, ..LayoutJob::default() });
    }
}

/// Draws a cell; `None`: what is drawn in it describes itself.
fn cell_ui(ui: &mut Ui, column: Column, delivery: &Delivery, seen: &Seen<'_>) -> Option<Painted> {
    let t = tokens(ui);
    let weak = |text: &str| RichText::new(shown::line(text)).color(t.weak);
    let mono = |text: &str| RichText::new(shown::line(text)).monospace().color(t.text);
    Some(match column {
        Column::State => {
            columns::keep_inside(ui);
            widgets::pill_ui(ui, detail::state_color(delivery.state, t), detail::state_word(delivery.state));
            return None;
        }
        Column::Event => match detail::mark(delivery) {
            None => paint(ui, name(ui, delivery)),
            Some(mark) => {
                columns::keep_inside(ui);
                marked_event_ui(ui, delivery, mark);
                return None;
            }
        },
        Column::Preview => {
            let (text, is_cut) = preview(ui, delivery, columns::text_width(ui))?;
            Painted { is_cut, ..paint(ui, text) }
        }
        Column::Type => paint(ui, weak(delivery.kind.map_or("–", Kind::as_str))),
        Column::User => paint(ui, mono(&delivery.partition_key)),
        Column::Age => paint_right(ui, &widgets::age_ui(ui, delivery.received_at, seen.now)),
        Column::Time => paint(ui, mono(&seen.clock.time(delivery.received_at))),
        Column::Latency => paint_right(ui, &delivery.latency_ms().map_or("–".to_owned(), widgets::duration)),
        Column::Size => paint_right(ui, &detail::size(delivery).unwrap_or_else(|| "–".to_owned())),
        Column::Source => paint(ui, weak(&delivery.source)),
        Column::Shard => {
            let receipt = delivery.receipt.as_ref();
            paint_right(ui, receipt.map_or("–", |receipt| detail::short_shard(&receipt.shard_id)))
        }
        Column::Attempts => paint_right(ui, &delivery.attempts.to_string()),
        Column::MessageId => paint(ui, mono(&delivery.message_id)),
        Column::Error => {
            paint(ui, weak(&delivery.fault.as_ref().map_or("–".to_owned(), ToString::to_string)))
        }
    })
}

/// Paints text at the left of its cell.
fn paint(ui: &mut Ui, text: impl Into<WidgetText>) -> Painted {
    paint_at(ui, text.into(), Align2::LEFT_CENTER, columns::text_width(ui))
}

/// Paints a number at the right of its cell.
fn paint_right(ui: &mut Ui, text: &str) -> Painted {
    let text = RichText::new(shown::line(text)).monospace().color(tokens(ui).text);
    let width = (columns::text_width(ui) - NUMBER_MARGIN).max(0.0);
    paint_at(ui, text.into(), Align2::RIGHT_CENTER, width)
}

fn paint_at(ui: &mut Ui, text: WidgetText, align: Align2, width: f32) -> Painted {
    let galley = text.into_galley(ui, Some(TextWrapMode::Truncate), width, TextStyle::Body);
    let room = ui.max_rect().with_max_x(ui.max_rect().left() + width);
    let place = align.align_size_within_rect(galley.size(), room).round_ui();
    ui.painter().galley(place.min, Arc::clone(&galley), tokens(ui).text);
    // The width that a double click on the column's edge gives it.
    ui.expand_to_include_rect(place);
    Painted { galley, is_cut: false }
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

fn marked_event_ui(ui: &mut Ui, delivery: &Delivery, Mark { word, meaning }: Mark) {
    let t = tokens(ui);
    let name = name(ui, delivery);
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

/// The first members of the payload, or why the event is not delivered; and whether it was cut beyond this width. Only the text
/// that there is room for is laid out: a message of AWS may be long.
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

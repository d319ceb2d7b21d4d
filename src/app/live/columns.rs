//! The columns of the log: which are shown, how wide they are, and what their cells show. In a narrow window the least
//! important columns are left out.

use eframe::egui::{self, Align, Button, Label, Layout, RichText, Sense, Ui, vec2};
use egui_extras::TableRow;
use lucide_icons::Icon;
use serde::{Deserialize, Serialize};

use crate::{
    app::{
        detail::{self, Mark},
        seen::Seen,
        theme::{self, tokens, weight},
        widgets,
    },
    delivery::{Delivery, Measure, State},
    event::{Kind, shown},
};

/// Below this width the mark beside the event's name is an icon instead of a pill.
const PILL_WIDTH_MIN: f32 = 170.0;
/// The minimum width of the event's name.
const NAME_WIDTH_MIN: f32 = 96.0;
const WIDTH_MIN: f32 = 44.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Column {
    State,
    Type,
    Event,
    User,
    Time,
    Latency,
    Size,
    Source,
    Shard,
    Attempts,
    MessageId,
    Error,
}

impl Column {
    /// From left to right: the name, the default width, and whether it is shown by default.
    const ALL: [(Self, &'static str, f32, bool); 12] = [
        (Self::State, "State", 88.0, true),
        (Self::Type, "Type", 62.0, true),
        (Self::Event, "Event", 0.0, true),
        (Self::User, "User / key", 150.0, true),
        (Self::Time, "Time", 94.0, true),
        (Self::Latency, "Latency", 78.0, true),
        (Self::Size, "Size", 70.0, false),
        (Self::Source, "Source", 120.0, true),
        (Self::Shard, "Shard", 54.0, false),
        (Self::Attempts, "Attempts", 66.0, false),
        (Self::MessageId, "messageId", 150.0, false),
        (Self::Error, "Error", 200.0, false),
    ];

    /// The columns that a narrow window leaves out, least important first.
    const OPTIONAL: [Self; 8] = [
        Self::Error,
        Self::MessageId,
        Self::Attempts,
        Self::Shard,
        Self::Size,
        Self::Source,
        Self::Latency,
        Self::User,
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(column, ..)| *column == self).map_or("", |(_, name, ..)| name)
    }

    /// Numbers and their header are aligned to the right.
    fn is_number(self) -> bool {
        matches!(self, Self::Latency | Self::Size | Self::Shard | Self::Attempts)
    }
}

/// The user's choice for one column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Choice {
    column: Column,
    shown: bool,
    width: f32,
}

/// All columns, from left to right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Columns(Vec<Choice>);

impl Default for Columns {
    fn default() -> Self {
        Self(Column::ALL.map(|(column, _, width, shown)| Choice { column, shown, width }).to_vec())
    }
}

impl Columns {
    /// Adds the columns that the version which kept the choice did not have.
    pub(super) fn completed(mut self) -> Self {
        for choice in Self::default().0 {
            if !self.0.iter().any(|kept| kept.column == choice.column) {
                self.0.push(choice);
            }
        }
        self
    }

    /// The columns that fit in this width, with their widths.
    pub(super) fn fitting(&self, width: f32) -> Vec<(Column, f32)> {
        let gap = 8.0;
        let mut shown: Vec<(Column, f32)> = self
            .0
            .iter()
            .filter(|choice| choice.shown || choice.column == Column::Event)
            .map(|choice| (choice.column, choice.width.clamp(WIDTH_MIN, 800.0)))
            .collect();
        let needed = |shown: &[(Column, f32)]| {
            let widths =
                shown.iter().filter(|(column, _)| *column != Column::Event).map(|(_, width)| width + gap);
            widths.sum::<f32>() + NAME_WIDTH_MIN
        };
        for optional in Column::OPTIONAL {
            if needed(&shown) <= width {
                break;
            }
            shown.retain(|(column, _)| *column != optional);
        }
        shown
    }

    /// Takes over the widths to which the user has dragged the columns.
    pub(super) fn resize(&mut self, shown: &[(Column, f32)], widths: &[f32]) {
        for ((column, before), now) in shown.iter().zip(widths) {
            if *column != Column::Event && (before - now).abs() > 0.5 {
                self.0
                    .iter_mut()
                    .filter(|choice| choice.column == *column)
                    .for_each(|choice| choice.width = *now);
            }
        }
    }

    /// Draws the choice of columns; true when it was changed.
    pub(super) fn menu_ui(&mut self, ui: &mut Ui) -> bool {
        let before = self.clone();
        for choice in self.0.iter_mut().filter(|choice| choice.column != Column::Event) {
            widgets::checkbox_ui(ui, &mut choice.shown, choice.column.name());
        }
        ui.separator();
        if ui.button("Reset columns").clicked() {
            *self = Self::default();
        }
        *self != before
    }
}

/// The column of the table widget.
pub(super) fn table_column((column, width): (Column, f32)) -> egui_extras::Column {
    if column == Column::Event {
        egui_extras::Column::remainder().at_least(NAME_WIDTH_MIN - 6.0).clip(true).resizable(false)
    } else {
        egui_extras::Column::initial(width).at_least(WIDTH_MIN).clip(true).resizable(true)
    }
}

/// The order that a press on a header chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Time,
    By(Measure),
}

impl Column {
    pub(super) fn sort(self) -> Option<Sort> {
        match self {
            Self::Time => Some(Sort::Time),
            Self::Latency => Some(Sort::By(Measure::Latency)),
            Self::Size => Some(Sort::By(Measure::Size)),
            _ => None,
        }
    }
}

/// Draws the headers. Returns what to sort by, if one was pressed.
pub(super) fn headers_ui(
    mut header: TableRow<'_, '_>,
    shown: &[(Column, f32)],
    by: Option<Measure>,
    oldest_first: bool,
) -> Option<Sort> {
    let mut pressed = None;
    for (column, _) in shown {
        let order = match (column.sort(), by) {
            (Some(Sort::Time), None) if oldest_first => Some((Icon::ArrowUp, "oldest first")),
            (Some(Sort::Time), None) => Some((Icon::ArrowDown, "newest first")),
            (Some(Sort::By(measure)), Some(by)) if measure == by => {
                let order = match by {
                    Measure::Latency => "slowest first",
                    Measure::Size => "largest first",
                };
                Some((Icon::ArrowDown, order))
            }
            _ => None,
        };
        header.col(|ui| {
            if header_ui(ui, *column, order) {
                pressed = column.sort();
            }
        });
    }
    pressed
}

/// True when the header was pressed. `order`: the order of the list, if it is sorted by this column.
fn header_ui(ui: &mut Ui, column: Column, order: Option<(Icon, &str)>) -> bool {
    let t = tokens(ui);
    let color = if order.is_some() { t.strong } else { t.weak };
    let text = weight(column.name(), 560.0).size(11.5).color(color);
    let sorts = column.sort().is_some();
    let label_ui = |ui: &mut Ui| {
        if !sorts {
            ui.add(Label::new(text).selectable(false).truncate());
            return false;
        }
        let mut atoms = egui::Atoms::new(text);
        if let Some((icon, _)) = order {
            atoms.push_right(theme::icon(icon).size(11.0).color(t.accent));
        }
        let button = Button::new(atoms).frame(false).gap(3.0).truncate();
        let name = match order {
            Some((_, order)) => format!("{}, {order}", column.name()),
            None => column.name().to_owned(),
        };
        let hint = match (column.sort(), order) {
            (Some(Sort::Time), Some(_)) => "Reverses the order",
            (_, Some(_)) => "Sorts by time again",
            (Some(Sort::By(Measure::Latency)), None) => "Sorts by latency, the slowest first",
            (Some(Sort::By(Measure::Size)), None) => "Sorts by size, the largest first",
            (Some(Sort::Time) | None, None) => "Sorts by time",
        };
        ui.add(button).accessible_name(&name).on_hover_text(hint).clicked()
    };
    if column.is_number() {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(10.0);
            label_ui(ui)
        })
        .inner
    } else {
        label_ui(ui)
    }
}

/// Names the handles between the columns for screen readers.
pub(super) fn handles_ui(ui: &Ui, table: egui::Id, names: &[&str]) {
    for (number, name) in names.iter().enumerate() {
        let handle = table.with("resize_column").with(number);
        widgets::name_ui(ui, handle, egui::Role::Splitter, &format!("Width of {name}"));
    }
}

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
            Column::Type => weak_ui(ui, delivery.kind.map_or("–", Kind::as_str)),
            Column::User => mono_ui(ui, &delivery.partition_key),
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

fn event_ui(ui: &mut Ui, delivery: &Delivery) {
    let t = tokens(ui);
    let fault = || delivery.fault.as_ref().map(|fault| fault.message.to_string());
    let name = match (&delivery.name, delivery.state) {
        (Some(name), _) => weight(shown::line(name), 560.0).color(t.strong),
        (None, State::Rejected) => RichText::new(shown::line(&fault().unwrap_or_default())).color(t.text),
        (None, _) => RichText::new("–").color(t.weak),
    };
    let Some(Mark { word, meaning }) = detail::mark(delivery) else {
        ui.add(Label::new(name).selectable(false).truncate());
        // A rejected event shows its reason after its name.
        if delivery.name.is_some() && delivery.state == State::Rejected {
            weak_ui(ui, &fault().unwrap_or_default());
        }
        return;
    };
    // The mark is laid out first, from the right, so that a long name leaves room for it.
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_space(6.0);
        let mark = if ui.available_width() > PILL_WIDTH_MIN {
            widgets::pill_ui(ui, t.warn, word)
        } else {
            let icon = theme::icon(Icon::Repeat2).size(13.0).color(t.warn);
            ui.add(Label::new(icon).selectable(false)).accessible_name(word)
        };
        mark.on_hover_text(meaning);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(name).selectable(false).truncate());
        });
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(columns: &Columns, width: f32) -> Vec<Column> {
        columns.fitting(width).into_iter().map(|(column, _)| column).collect()
    }

    #[test]
    fn a_narrow_window_leaves_out_the_least_important_columns() {
        let columns = Columns::default();
        assert_eq!(names(&columns, 1000.0).len(), 7);
        assert!(!names(&columns, 640.0).contains(&Column::Source));
        assert_eq!(names(&columns, 100.0), [Column::State, Column::Type, Column::Event, Column::Time]);
    }

    #[test]
    fn a_kept_choice_is_completed_with_new_columns() {
        let mut columns = Columns::default();
        columns.0.iter_mut().for_each(|choice| choice.shown = choice.column == Column::Size);
        let shown = columns.fitting(900.0);
        columns.resize(&shown, &[400.0, 91.0]);
        let before = columns.clone();
        columns.resize(&before.fitting(900.0), &[400.0, 91.2]);
        assert_eq!(columns, before);
        let text = serde_json::to_string(&columns.0[..8]).expect("it is text");
        let back = serde_json::from_str::<Columns>(&text).expect("it was text").completed();
        assert_eq!(back, columns);
        assert_eq!(back.fitting(900.0), [(Column::Event, WIDTH_MIN), (Column::Size, 91.0)]);
    }
}

//! The columns of the log: which are shown, how wide they are, and their headers. The event's name gets the width that it
//! needs, the preview what is left. In a narrow window the least important columns are left out.

use eframe::egui::{self, Align, Button, Label, Layout, Ui, UiBuilder};
use egui_extras::TableRow;
use lucide_icons::Icon;
use serde::{Deserialize, Serialize};

use crate::{
    app::{
        theme::{self, tokens, weight},
        widgets,
    },
    delivery::Measure,
};

/// The minimum width of the event's name.
const NAME_WIDTH_MIN: f32 = 96.0;
/// The minimum width of the preview.
const PREVIEW_WIDTH_MIN: f32 = 110.0;
const WIDTH_MIN: f32 = 44.0;
/// The space between two columns.
const GAP: f32 = 8.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Column {
    State,
    Type,
    Event,
    Preview,
    User,
    Age,
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
    const ALL: [(Self, &'static str, f32, bool); 14] = [
        (Self::State, "State", 84.0, true),
        (Self::Type, "Type", 58.0, true),
        (Self::Event, "Event", 0.0, true),
        (Self::Preview, "Preview", 0.0, true),
        (Self::User, "User / key", 130.0, true),
        (Self::Age, "Age", 58.0, true),
        (Self::Latency, "Latency", 74.0, true),
        (Self::Source, "Source", 110.0, true),
        (Self::Time, "Time", 94.0, false),
        (Self::Size, "Size", 70.0, false),
        (Self::Shard, "Shard", 54.0, false),
        (Self::Attempts, "Attempts", 66.0, false),
        (Self::MessageId, "messageId", 150.0, false),
        (Self::Error, "Error", 200.0, false),
    ];

    /// The columns that a narrow window leaves out, least important first.
    const OPTIONAL: [Self; 11] = [
        Self::Error,
        Self::MessageId,
        Self::Attempts,
        Self::Shard,
        Self::Size,
        Self::Time,
        Self::Source,
        Self::Latency,
        Self::Type,
        Self::User,
        Self::Preview,
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(column, ..)| *column == self).map_or("", |(_, name, ..)| name)
    }

    /// Numbers and their header are aligned to the right.
    fn is_number(self) -> bool {
        matches!(self, Self::Age | Self::Latency | Self::Size | Self::Shard | Self::Attempts)
    }

    /// Its width follows from its contents and the width of the list.
    fn is_flexible(self) -> bool {
        matches!(self, Self::Event | Self::Preview)
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

    /// The columns that fit in this width, with their widths. `name`: the width that the names in sight need.
    pub(super) fn fitting(&self, width: f32, name: f32) -> Vec<(Column, f32)> {
        let mut shown: Vec<(Column, f32)> = self
            .0
            .iter()
            .filter(|choice| choice.shown || choice.column == Column::Event)
            .map(|choice| {
                let width = match choice.column {
                    Column::Event => NAME_WIDTH_MIN,
                    Column::Preview => PREVIEW_WIDTH_MIN,
                    _ => choice.width.clamp(WIDTH_MIN, 800.0),
                };
                (choice.column, width)
            })
            .collect();
        let needed = |shown: &[(Column, f32)]| {
            let widths = shown.iter().map(|(_, width)| width + GAP);
            widths.sum::<f32>() - GAP
        };
        for optional in Column::OPTIONAL {
            if needed(&shown) <= width {
                break;
            }
            shown.retain(|(column, _)| *column != optional);
        }
        let free = (width - needed(&shown)).max(0.0);
        let has_preview = shown.iter().any(|(column, _)| *column == Column::Preview);
        // A long name leaves half of the free width to the preview.
        let more = if has_preview { (name - NAME_WIDTH_MIN).clamp(0.0, free / 2.0) } else { free };
        for (column, width) in &mut shown {
            match column {
                Column::Event => *width += more,
                Column::Preview => *width += free - more,
                _ => {}
            }
        }
        shown
    }

    /// Takes over the widths to which the user has dragged the columns.
    pub(super) fn resize(&mut self, shown: &[(Column, f32)], widths: &[f32]) {
        for ((column, before), now) in shown.iter().zip(widths) {
            if !column.is_flexible() && (before - now).abs() > 0.5 {
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

/// The column of the table widget. `is_dragged`: the user may be changing its width.
pub(super) fn table_column((column, width): (Column, f32), is_dragged: bool) -> egui_extras::Column {
    if column.is_flexible() {
        return egui_extras::Column::exact(width.floor()).resizable(false);
    }
    // For each cell that it clips, egui copies the whole style. So cells stay within their column by themselves, except for
    // pills, which are not shortened, and while a column becomes narrower.
    let clips = is_dragged || column == Column::State;
    egui_extras::Column::initial(width).at_least(WIDTH_MIN).clip(clips).resizable(true)
}

/// A cell is this much narrower than its column, so that no rounding widens the column.
const SLACK: f32 = 0.25;

/// Keeps the contents of a cell, which are shortened to its width, within its column.
pub(super) fn keep_inside(ui: &mut Ui) {
    ui.shrink_clip_rect(ui.max_rect());
    ui.set_max_width(text_width(ui));
}

/// The width for the text of a cell within its column.
pub(super) fn text_width(ui: &Ui) -> f32 {
    (ui.max_rect().width() - SLACK).max(0.0)
}

/// Free space at the right of a number, within what [`keep_inside`] leaves.
pub(super) const NUMBER_MARGIN: f32 = 10.0 - SLACK;

/// The order that a press on a header chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Time,
    By(Measure),
}

impl Column {
    pub(super) fn sort(self) -> Option<Sort> {
        match self {
            Self::Age | Self::Time => Some(Sort::Time),
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
            // A `Ui` of its own: what is higher than the header would move the rows.
            let mut cell = ui.new_child(UiBuilder::new().max_rect(ui.max_rect()).layout(*ui.layout()));
            keep_inside(&mut cell);
            if header_ui(&mut cell, *column, order) {
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
            ui.add_space(NUMBER_MARGIN);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(columns: &Columns, width: f32) -> Vec<Column> {
        columns.fitting(width, 0.0).into_iter().map(|(column, _)| column).collect()
    }

    #[test]
    fn a_narrow_window_leaves_out_the_least_important_columns() {
        let columns = Columns::default();
        assert_eq!(names(&columns, 1000.0).len(), 8);
        assert!(!names(&columns, 640.0).contains(&Column::Source));
        let few = [Column::State, Column::Type, Column::Event, Column::Preview, Column::User, Column::Age];
        assert_eq!(names(&columns, 600.0), few);
        assert_eq!(names(&columns, 100.0), [Column::State, Column::Event, Column::Age]);
    }

    #[test]
    fn names_get_what_they_need_and_the_preview_the_rest() {
        let columns = Columns::default();
        for width in [560.0, 700.0, 1000.0, 1900.0] {
            for name in [0.0, 120.0, 300.0, 3000.0] {
                let shown = columns.fitting(width, name);
                let all: f32 = shown.iter().map(|(_, width)| width + GAP).sum::<f32>() - GAP;
                assert!((all - width).abs() < 0.5, "{width}, {name}: {all}");
                let of = |wanted| shown.iter().find(|(column, _)| *column == wanted).expect("shown").1;
                assert!(of(Column::Preview) >= PREVIEW_WIDTH_MIN);
                assert!(of(Column::Event) >= name.clamp(NAME_WIDTH_MIN, 120.0).min(NAME_WIDTH_MIN));
            }
        }
        let wide = columns.fitting(1900.0, 300.0);
        assert!(wide.contains(&(Column::Event, 300.0)), "{wide:?}");
    }

    #[test]
    fn a_kept_choice_is_completed_with_new_columns() {
        let mut columns = Columns::default();
        columns.0.iter_mut().for_each(|choice| choice.shown = choice.column == Column::Size);
        let shown = columns.fitting(900.0, 0.0);
        columns.resize(&shown, &[400.0, 91.0]);
        let before = columns.clone();
        columns.resize(&before.fitting(900.0, 0.0), &[400.0, 91.2]);
        assert_eq!(columns, before);
        let text = serde_json::to_string(&columns.0[..8]).expect("it is text");
        let back = serde_json::from_str::<Columns>(&text).expect("it was text").completed();
        let kept =
            |columns: &Columns, column| columns.0.iter().find(|choice| choice.column == column).copied();
        assert_eq!(back.0.len(), columns.0.len());
        assert!(columns.0[..8].iter().all(|choice| kept(&back, choice.column) == Some(*choice)));
        assert_eq!(columns.fitting(900.0, 0.0), [(Column::Event, 900.0 - 91.0 - GAP), (Column::Size, 91.0)]);
    }
}

//! The table of records, newest first: the records that it shows while it is held still, and the open record.

use std::{ops::Range, sync::Arc};

use eframe::egui::{Align, CentralPanel, Context, Frame, Label, Layout, Margin, Rect, RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder};
use lucide_icons::Icon;

use super::{
    super::{
        list_hold::ListHold,
        seen::Seen,
        theme::{self, tokens, weight},
        widgets::{self, ListKeys},
    },
    progress::short,
    record::{self, OpenRecord},
};
use crate::{
    delivery::Record,
    engine::{RecordView, StreamView},
    event::shown,
    reader::{Fit, fit_of},
};

const ROW_HEIGHT: f32 = 28.0;
const EVENT: &str = "Event";
const NUMBER: &str = "Sequence number";
/// Width of a whole sequence number, which has 56 digits.
const NUMBER_WIDTH: f32 = 404.0;

#[derive(Default)]
pub(super) struct Table {
    /// The view whose records are shown. While the list is held still, it may be older than the newest view.
    pub shown: Arc<StreamView>,
    hold: ListHold,
    /// The list is scrolled away from the newest record.
    is_away: bool,
    /// The row to scroll to; 0 is the newest record.
    scroll_to: Option<usize>,
    /// The rows that were drawn last.
    visible: Range<usize>,
    pub selected: Option<OpenRecord>,
}

impl Table {
    /// Shows the newest view, unless the list is held still.
    pub(super) fn take(&mut self, ctx: &Context, newest: &Arc<StreamView>) {
        // The reading was restarted or the filter has changed, so the shown view is out of date.
        let is_another = newest.filter != self.shown.filter || newest.read < self.shown.read;
        let is_aimed_at = self.hold.is_aimed_at(ctx);
        // An empty list has no row to be held still.
        let holds = is_aimed_at || self.is_away || self.selected.is_some();
        if !holds || is_another || self.shown.records.is_empty() {
            self.shown = Arc::clone(newest);
        }
    }

    /// Closes the record, and scrolls to the newest one.
    pub(super) fn restart(&mut self) {
        self.selected = None;
        self.scroll_to = Some(0);
        self.is_away = false;
    }

    /// The row of this record: the newest one is on top, as in the log.
    fn row_of(&self, found: &RecordView) -> Option<usize> {
        self.shown.records.iter().rev().position(|other| is_same(other, found))
    }

    /// Opens this record, and brings its row into sight.
    pub(super) fn select(&mut self, found: Arc<RecordView>) {
        self.scroll_to = self.row_of(&found).filter(|row| !self.visible.contains(row));
        self.selected = Some(OpenRecord::new(found));
    }

    pub(super) fn keys(&mut self, ui: &Ui) {
        let ListKeys { step, escape } = widgets::list_keys(ui);
        if escape {
            self.selected = None;
        }
        let Some(step) = step else { return };
        let open = self.selected.as_ref().and_then(|open| self.row_of(&open.found));
        let next = open.map_or(self.visible.start, |row| step.from(row));
        let records = &self.shown.records;
        let found = records.len().checked_sub(next + 1).and_then(|at| records.get(at)).cloned();
        if let Some(found) = found {
            self.select(found);
        }
    }

    /// Draws the table beside the open record. `newest`: the view to show when the list is no longer held still.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &Seen<'_>, newest: &Arc<StreamView>) {
        let margin = Margin { right: if self.selected.is_some() { 10 } else { 0 }, ..Margin::ZERO };
        CentralPanel::no_frame().frame(Frame::new().inner_margin(margin)).show(ui, |ui| {
            let list = ui.available_rect_before_wrap();
            self.hold.drawn(list);
            self.rows_ui(ui, seen);
            self.held_ui(ui, list, newest);
        });
    }

    /// A button over the list with the number of newer records that are not shown.
    fn held_ui(&mut self, ui: &mut Ui, list: Rect, newest: &Arc<StreamView>) {
        let new = newest.fit.saturating_sub(self.shown.fit);
        if new == 0 {
            return self.hold.offer_nothing();
        }
        if self.hold.offer_ui(ui, list, &format!("{} new", widgets::digits(new)), false) {
            self.shown = Arc::clone(newest);
            self.scroll_to = Some(0);
            self.is_away = false;
            ui.request_repaint();
        }
    }

    fn rows_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        let t = tokens(ui);
        let width = ui.available_width();
        let columns = columns(width);
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut table = TableBuilder::new(ui)
            .id_salt(("records", columns.len()))
            .sense(Sense::click())
            .auto_shrink(false)
            .animate_scrolling(false)
            .cell_layout(Layout::left_to_right(Align::Center));
        for (_, column) in &columns {
            table = table.column(*column);
        }
        match self.scroll_to.take() {
            Some(0) => table = table.vertical_scroll_offset(0.0),
            Some(row) => table = table.scroll_to_row(row, None),
            None => {}
        }
        let records = &self.shown.records;
        let selected = self.selected.as_ref().map(|open| &open.found);
        let mut clicked = None;
        let mut drawn: Option<Range<usize>> = None;
        let output = table
            .header(28.0, |mut header| {
                for (name, _) in &columns {
                    header.col(|ui| {
                        let name = weight(*name, 560.0).size(11.5).color(t.weak);
                        ui.add(Label::new(name).selectable(false).truncate());
                    });
                }
            })
            .body(|body| {
                body.rows(ROW_HEIGHT, records.len(), |mut row| {
                    // Newest on top, as in the log.
                    let newest_first = records.len().checked_sub(row.index() + 1);
                    let Some(found) = newest_first.and_then(|at| records.get(at)) else { return };
                    drawn.get_or_insert(row.index()..row.index()).end = row.index() + 1;
                    row.set_selected(selected.is_some_and(|selected| is_same(selected, found)));
                    for (name, _) in &columns {
                        row.col(|ui| {
                            let text = cell(name, found, seen);
                            let is_number = *name == NUMBER && ui.available_width() < NUMBER_WIDTH;
                            let text = if is_number { short_number(&text) } else { text };
                            let is_marked = *name == EVENT && is_unreadable(found, seen);
                            if is_marked {
                                ui.label(theme::icon(Icon::TriangleAlert).color(t.err));
                            }
                            let text = RichText::new(shown::line(&text));
                            let text = text.color(if is_marked { t.err } else { t.text });
                            let text = if *name == EVENT { text } else { text.monospace() };
                            ui.add(Label::new(text).selectable(false).truncate());
                        });
                    }
                    let name = || {
                        let place = found.place.map(|(at, of)| format!(", event {at} of {of}"));
                        let Record { sequence_number, shard_id, .. } = &*found.record;
                        let mark =
                            if is_unreadable(found, seen) { ", the reader cannot decode it" } else { "" };
                        format!("Record {sequence_number} of {shard_id}{}{mark}", place.unwrap_or_default())
                    };
                    if widgets::row_name_ui(&row, name).clicked() {
                        clicked = Some(Arc::clone(found));
                    }
                });
            });
        self.visible = drawn.unwrap_or_default();
        self.is_away = output.state.clamped_offset().y > ROW_HEIGHT / 2.0;
        if let Some(found) = clicked {
            let same = selected.is_some_and(|selected| is_same(selected, &found));
            self.selected = if same { None } else { Some(OpenRecord::new(found)) };
        }
    }
}

/// Whether the reader of the settings cannot decode the record.
fn is_unreadable(found: &RecordView, seen: &Seen<'_>) -> bool {
    let reader = seen.config.destination.reader;
    reader.is_some_and(|reader| fit_of(reader, found.form) == Fit::CannotDecode)
}

/// The columns that fit in this width.
fn columns(width: f32) -> Vec<(&'static str, Column)> {
    let exact = |width| Column::exact(width).clip(true);
    let rest = Column::remainder().at_least(100.0).clip(true);
    let all = [
        (0.0, "Arrived", exact(106.0)),
        (0.0, "Shard", exact(if width > 520.0 { 60.0 } else { 44.0 })),
        (520.0, "Partition key", exact(if width > 700.0 { 170.0 } else { 130.0 })),
        (0.0, EVENT, rest),
        (700.0, NUMBER, exact(if width > 1180.0 { NUMBER_WIDTH + 8.0 } else { 150.0 })),
        (600.0, "Size", exact(76.0)),
    ];
    all.into_iter().filter(|(from, ..)| width > *from).map(|(_, name, column)| (name, column)).collect()
}

/// The text of a cell.
fn cell(column: &str, found: &RecordView, seen: &Seen<'_>) -> String {
    match column {
        "Arrived" => found.record.arrived_at.map_or("–".to_owned(), |at| seen.clock.time(at)),
        "Shard" => short(&found.record.shard_id).to_owned(),
        "Partition key" => found.key.to_string(),
        NUMBER => found.record.sequence_number.to_string(),
        "Size" => widgets::bytes(found.record.data.len() as u64),
        _ => {
            let what = found.summary.as_deref().unwrap_or_else(|| record::form(found));
            found.place.map_or_else(|| what.to_owned(), |(at, of)| format!("{what} ({at} of {of})"))
        }
    }
}

/// The beginning and the end of a sequence number: the digits between are the same for many records.
fn short_number(number: &str) -> String {
    const START: usize = 5;
    const END: usize = 9;
    match number.len().checked_sub(END) {
        Some(end) if end > START && number.is_ascii() => format!("{}…{}", &number[..START], &number[end..]),
        Some(_) | None => number.to_owned(),
    }
}

fn is_same(one: &RecordView, other: &RecordView) -> bool {
    one.place == other.place
        && one.record.sequence_number == other.record.sequence_number
        && one.record.shard_id == other.record.shard_id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_number_is_shortened_to_the_digits_that_tell_records_apart() {
        let number = "49660000000000000000000000000000000000000000000123456789";
        assert_eq!(short_number(number), "49660…123456789");
        assert_eq!((short_number("12345"), short_number("")), ("12345".to_owned(), String::new()));
    }
}

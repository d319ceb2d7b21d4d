//! What a consumer of the stream reads: from where the user wants, of one shard or all, looked through and filtered.
//! Reading goes on while this place is in sight, and stops when it is left.

mod columns;
mod record;
mod start;

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::egui::{
    self, Align, CentralPanel, Frame, Key, KeyboardShortcut, Label, Layout, Margin, Modifiers, Panel,
    RichText, Sense, Ui,
};
use egui_extras::TableBuilder;
use lucide_icons::Icon;

use super::{
    banner,
    command::{Command, StreamCommand},
    list_hold::ListHold,
    place::Place,
    seen::Seen,
    status_line,
    theme::{tokens, weight},
    widgets::{self, ListKeys, Tone},
};
use crate::{
    config::DestinationKind,
    delivery::{AwsError, Receipt, Record},
    engine::{ReadPlan, RecordView, ShardView, StreamView},
    event::shown,
    remedy,
};
use columns::{EVENT, cell, columns, lag, short};
use record::Open;
use start::{From, read_from};

const FIND: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);
const ROW_HEIGHT: f32 = 28.0;
/// Typing ends after so long.
const TYPING: Duration = Duration::from_millis(250);

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a thing of its own that the user has or has not done"
)]
pub(super) struct Stream {
    from: From,
    /// The time or the sequence number, as typed.
    place: String,
    /// The field for it is to get the focus.
    wants_place: bool,
    shard: Option<Arc<str>>,
    filter: String,
    typed_at: Option<Instant>,
    reading: bool,
    again: bool,
    view: Arc<StreamView>,
    /// The view whose records are shown: while the list is held, not the newest one.
    shown: Arc<StreamView>,
    hold: ListHold,
    /// The list is scrolled away from the newest record.
    is_away: bool,
    /// The row that is to be brought into sight; 0 is the newest record.
    scroll_to: Option<usize>,
    /// The rows that were drawn last.
    visible: Range<usize>,
    selected: Option<Open>,
    /// A record that was asked for by its place, until it is read.
    wanted: Option<Receipt>,
}

impl Stream {
    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        if seen.place != Place::Stream {
            if std::mem::take(&mut self.reading) {
                seen.push(Command::Stream(StreamCommand::Stop));
            }
            return;
        }
        if let Some(at) = self.typed_at {
            match TYPING.checked_sub(at.elapsed()) {
                Some(left) if !left.is_zero() => ctx.request_repaint_after(left),
                _ => {
                    self.typed_at = None;
                    seen.push(Command::Stream(StreamCommand::Filter(self.filter.trim().to_owned())));
                }
            }
        }
        // Once: a second reading would take away what the first one has shown.
        let again = std::mem::take(&mut self.again);
        if again || !self.reading {
            seen.push(Command::Stream(match read_from(self.from, &self.place, seen.clock) {
                Ok(from) => StreamCommand::Read(ReadPlan { from, shard: self.shard.clone() }),
                Err(_) => StreamCommand::Stop,
            }));
            self.reading = true;
        }
        let latest = Arc::clone(&seen.snapshot.stream);
        // The stream is read anew or filtered differently: the view that was shown is of no use.
        let is_another = latest.filter != self.shown.filter || latest.read < self.shown.read;
        let is_aimed_at = self.hold.is_aimed_at(ctx);
        // An empty list has no row to be held still.
        let holds = is_aimed_at || self.is_away || self.selected.is_some();
        if !holds || is_another || self.shown.records.is_empty() {
            self.shown = Arc::clone(&latest);
        }
        self.view = latest;
        self.open_wanted();
    }

    /// Opens the record that was asked for, once it is read.
    fn open_wanted(&mut self) {
        let Some(receipt) = &self.wanted else { return };
        // The windows may have let go of it: a record can hold more events than they do.
        let all = self.view.records.iter().rev().chain(&self.view.asked);
        let Some(found) = all.into_iter().find(|found| is_of(receipt, found)).cloned() else { return };
        self.wanted = None;
        self.shown = Arc::clone(&self.view);
        self.select(found);
    }

    /// The row of this record: the newest one is on top, as in the log.
    fn row_of(&self, found: &RecordView) -> Option<usize> {
        self.shown.records.iter().rev().position(|other| is_same(other, found))
    }

    /// Opens this record, and brings its row into sight.
    fn select(&mut self, found: Arc<RecordView>) {
        self.scroll_to = self.row_of(&found).filter(|row| !self.visible.contains(row));
        self.selected = Some(Open::new(found));
    }

    /// Forgets what was read and starts over.
    pub(super) fn read_again(&mut self) {
        self.again = true;
        self.selected = None;
        self.wanted = None;
        self.scroll_to = Some(0);
        self.is_away = false;
    }

    /// Reads from that record on, and opens it.
    pub(super) fn show(&mut self, receipt: Receipt) {
        self.from = From::Sequence;
        self.place = receipt.sequence_number.to_string();
        self.shard = Some(Arc::clone(&receipt.shard_id));
        self.filter.clear();
        self.typed_at = Some(Instant::now());
        self.read_again();
        self.wanted = Some(receipt);
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let subtitle = format!("What a consumer reads back from {}", destination(seen));
        widgets::heading_ui(ui, "Stream", &subtitle, |ui| {
            let again = widgets::button_ui(ui, Icon::RotateCw, "Read again");
            if again.on_hover_text("Forget what was read and start over").clicked() {
                self.read_again();
            }
        });
        self.keys(ui);
        self.start_ui(ui, seen);
        self.choose_ui(ui);
        ui.add_space(2.0);
        if let Some(fault) = self.view.fault.clone() {
            fault_ui(ui, seen, &fault);
        }
        if seen.status.practice_dropped > 0 && seen.config.destination.kind == DestinationKind::Practice {
            let text = format!(
                "The practice stream removed its {} oldest records to stay within its memory. A real stream keeps \
                 records for its retention period.",
                widgets::digits(seen.status.practice_dropped)
            );
            widgets::message_ui(ui, Tone::Note, &text);
        }
        if self.wanted.is_some() && self.view.behind_ms.is_some_and(|ms| ms <= 1000) {
            let text = "The stream no longer has the record that you asked for.";
            widgets::message_ui(ui, Tone::Note, text);
        }
        if self.shown.records.is_empty() {
            self.empty_ui(ui, seen);
            return;
        }
        let beside = ui.available_width() > 760.0;
        if let Some(open) = &self.selected {
            let mut stays = true;
            if beside {
                Panel::right("record")
                    .default_size(410.0)
                    .size_range(320.0..=(ui.available_width() * 0.6))
                    .frame(Frame::new().inner_margin(Margin { left: 16, right: 2, top: 2, bottom: 0 }))
                    .show(ui, |ui| stays = open.ui(ui, seen));
            } else {
                stays = open.ui(ui, seen);
            }
            if !stays {
                self.selected = None;
            } else if !beside {
                return;
            }
        }
        let margin = Margin { right: if self.selected.is_some() { 10 } else { 0 }, ..Margin::ZERO };
        CentralPanel::no_frame().frame(Frame::new().inner_margin(margin)).show(ui, |ui| {
            let list = ui.available_rect_before_wrap();
            self.hold.drawn(list);
            self.table_ui(ui, seen);
            self.held_ui(ui, list);
        });
    }

    /// How many records came that are not shown, on a button over the list.
    fn held_ui(&mut self, ui: &mut Ui, list: egui::Rect) {
        let new = self.view.fit.saturating_sub(self.shown.fit);
        if new == 0 {
            return self.hold.offer_nothing();
        }
        if self.hold.offer_ui(ui, list, &format!("{} new", widgets::digits(new)), false) {
            self.shown = Arc::clone(&self.view);
            self.scroll_to = Some(0);
            self.is_away = false;
            ui.request_repaint();
        }
    }

    fn keys(&mut self, ui: &Ui) {
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

    /// Where to begin.
    fn start_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        ui.horizontal_wrapped(|ui| {
            if widgets::segments_ui(ui, &mut self.from, "Start reading at", &From::ALL) {
                self.place.clear();
                self.wants_place = true;
                self.read_again();
            }
            let (name, hint) = match self.from {
                From::Time => ("Time to start at", "2026-03-02 10:00"),
                From::Sequence => ("Sequence number to start at", "4966…"),
                From::Oldest | From::LastHour | From::LastMinutes | From::Latest => return,
            };
            let wrong = read_from(self.from, &self.place, seen.clock).is_err();
            // A sequence number has 56 digits.
            let width: f32 = if self.from == From::Sequence { 490.0 } else { 210.0 };
            if ui.available_size_before_wrap().x < width {
                ui.end_row();
            }
            ui.scope(|ui| {
                widgets::edge_ui(ui, wrong && !self.place.is_empty());
                let edit = widgets::text_edit(&mut self.place, hint);
                let field = ui.add(edit.desired_width(width.min(ui.max_rect().width())));
                widgets::focus_once(&field, &mut self.wants_place);
                widgets::keep_focus(&field, wrong);
                if field.accessible_name(name).changed() {
                    self.read_again();
                }
            });
        });
        match read_from(self.from, &self.place, seen.clock) {
            Err(rule) if self.place.is_empty() => widgets::hint_ui(ui, &widgets::capital(rule)),
            Err(rule) => widgets::error_ui(ui, Some(rule)),
            Ok(_) => {}
        }
    }

    /// Which shard, which records, and how far reading is.
    fn choose_ui(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            let shown =
                self.shard.as_deref().map_or("All shards".to_owned(), |id| format!("Shard {}", short(id)));
            let shards = &self.view.shards;
            let labels: Vec<_> =
                shards.iter().map(|shard| format!("Shard {} · {}", short(&shard.id), lag(shard))).collect();
            let mut choices = vec![("All shards", self.shard.is_none())];
            let is_shown = |shard: &ShardView| self.shard.as_ref() == Some(&shard.id);
            choices.extend(labels.iter().zip(shards).map(|(label, shard)| (&**label, is_shown(shard))));
            let list = widgets::List { name: "Shard to read", shown: &shown, width: 130.0, if_empty: "" };
            let (_, at) = list.ui(ui, &choices);
            let chosen = at
                .map(|at| at.checked_sub(1).and_then(|at| shards.get(at)).map(|shard| Arc::clone(&shard.id)));
            if let Some(shard) = chosen.filter(|shard| *shard != self.shard) {
                self.shard = shard;
                self.read_again();
            }
            let filter = widgets::text_edit(&mut self.filter, "Filter: text, key, sequence number");
            let filter = ui.add(filter.desired_width(230.0)).accessible_name("Filter records");
            if filter.changed() {
                self.typed_at = Some(Instant::now());
            }
            if ui.input_mut(|input| input.consume_shortcut(&FIND)) {
                filter.request_focus();
            }
            if !self.filter.is_empty() && widgets::icon_button_ui(ui, Icon::X, "Clear the filter").clicked() {
                self.filter.clear();
                self.typed_at = Some(Instant::now());
            }
            self.progress_ui(ui);
        });
        self.lags_ui(ui);
    }

    /// How far behind each shard is read, as long as they fit.
    fn lags_ui(&self, ui: &mut Ui) {
        const SHOWN_MAX: usize = 16;
        let t = tokens(ui);
        let shards = &self.view.shards;
        if shards.len() < 2 || self.view.fault.is_some() {
            return;
        }
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for shard in shards.iter().take(SHOWN_MAX) {
                let behind = shard.behind_ms.unwrap_or(0) > 1000;
                widgets::dot_ui(
                    ui,
                    if behind {
                        t.warn
                    } else if shard.is_read {
                        t.ok
                    } else {
                        t.edge
                    },
                );
                let text = format!("Shard {} {}", shown::line(short(&shard.id)), lag(shard));
                ui.add(Label::new(RichText::new(text).size(12.0).color(t.weak)).selectable(false))
                    .on_hover_text(shown::line(&shard.id));
            }
            if shards.len() > SHOWN_MAX {
                let text = format!("and {} more", widgets::digits((shards.len() - SHOWN_MAX) as u64));
                ui.label(RichText::new(text).size(12.0).color(t.weak));
            }
        });
    }

    fn progress_ui(&self, ui: &mut Ui) {
        let t = tokens(ui);
        let view = &self.view;
        let mut parts = vec![format!("{} read", widgets::digits(view.read))];
        if !view.filter.is_empty() {
            let matches = if view.fit == 1 { "match" } else { "matches" };
            parts.push(format!("{} {matches}", widgets::digits(view.fit)));
        }
        match view.behind_ms {
            Some(ms) if ms > 1000 && view.fault.is_none() => {
                parts.push(format!("{} behind the tip", widgets::duration(ms)));
            }
            // Reading has failed: how far it was before that says nothing about now.
            Some(_) if view.fault.is_none() => parts.push("caught up".to_owned()),
            Some(_) | None => {}
        }
        if view.fit > view.records.len() as u64 {
            parts.push(format!("the newest {} are shown", widgets::digits(view.records.len() as u64)));
        }
        ui.label(RichText::new(parts.join(" · ")).color(t.weak));
    }

    fn empty_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if self.view.fault.is_some() || read_from(self.from, &self.place, seen.clock).is_err() {
            return;
        }
        if self.view.behind_ms.is_none() {
            let text = "Waiting for the stream's first answer.";
            widgets::empty_ui(ui, Icon::Waves, "Reading …", text, None);
            return;
        }
        if self.view.read > 0 {
            let text =
                format!("None of the {} records read matches the filter.", widgets::digits(self.view.read));
            if widgets::empty_ui(ui, Icon::SearchX, "No matches", &text, Some((Icon::X, "Show all records")))
            {
                self.filter.clear();
                seen.push(Command::Stream(StreamCommand::Filter(String::new())));
            }
            return;
        }
        let practice = seen.config.destination.kind == DestinationKind::Practice;
        let text = match self.from {
            From::Oldest if practice => {
                "The practice stream keeps its records in memory and starts empty with the app. Send an event, and it \
                 shows up here as consumers get it."
            }
            From::Oldest => {
                "The stream holds no records: none was put, or all are past its retention period. Send an event, and it \
                 shows up here as consumers get it."
            }
            From::LastHour | From::LastMinutes | From::Time | From::Sequence => {
                "No record has arrived since then. Start at the oldest record, or send an event."
            }
            From::Latest => "Waiting for the next record. Send an event, and it shows up here.",
        };
        let action = (Icon::FlaskConical, "Send a test event");
        if widgets::empty_ui(ui, Icon::Waves, "No records", text, Some(action)) {
            seen.go(Place::Test);
        }
    }

    fn table_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
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
                            let text = RichText::new(shown::line(&cell(name, found, seen))).color(t.text);
                            let text = if *name == EVENT { text } else { text.monospace() };
                            ui.add(Label::new(text).selectable(false).truncate());
                        });
                    }
                    let name = || {
                        let place = found.place.map(|(at, of)| format!(", event {at} of {of}"));
                        let Record { sequence_number, shard_id, .. } = &*found.record;
                        format!("Record {sequence_number} of {shard_id}{}", place.unwrap_or_default())
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
            self.selected = if same { None } else { Some(Open::new(found)) };
        }
    }
}

/// Whether it is what a delivery put there. Of a record that could not be taken apart it is the whole record.
fn is_of(receipt: &Receipt, found: &RecordView) -> bool {
    found.record.sequence_number == receipt.sequence_number
        && found.record.shard_id == receipt.shard_id
        && match (receipt.place, found.place) {
            (Some(place), Some((at, _))) => place.at as usize == at,
            (None, _) | (_, None) => true,
        }
}

fn is_same(one: &RecordView, other: &RecordView) -> bool {
    one.place == other.place
        && one.record.sequence_number == other.record.sequence_number
        && one.record.shard_id == other.record.shard_id
}

/// Why it cannot be read. A permission that is missing is one switch of the policy.
fn fault_ui(ui: &mut Ui, seen: &mut Seen<'_>, fault: &AwsError) {
    banner::remedy_ui(ui, seen, fault, None);
    if remedy::remedy(fault, seen.config).location == Some(remedy::Location::SetUpPolicy) {
        let text = "Reading needs permissions of its own, which the policy in Set up leaves out unless you switch \
                    them on: \
                    kinesis:ListShards, kinesis:GetShardIterator and kinesis:GetRecords.";
        widgets::message_ui(ui, Tone::Note, text);
        if widgets::button_ui(ui, Icon::ArrowRight, "Allow reading in Set up").clicked() {
            seen.push(Command::AllowReading);
        }
    }
}

fn destination(seen: &Seen<'_>) -> String {
    match seen.config.destination.kind {
        DestinationKind::Practice => "the practice stream".to_owned(),
        DestinationKind::Kinesis => status_line::destination_in_force(seen),
    }
}

//! The Stream place: the records that a consumer reads, from a chosen start, of one shard or all, with a filter. Reading goes
//! on while this place is open.

mod decoded;
mod in_log;
mod progress;
mod record;
mod request;
mod table;

use std::sync::Arc;

use eframe::egui::{self, Ui};
use lucide_icons::Icon;

use super::{
    command::{Command, StreamCommand},
    json_view::Find,
    place::Place,
    reach::Reach,
    remedy_card,
    seen::Seen,
    status_line,
    widgets::{self, Tone},
};
use crate::{
    config::DestinationKind,
    delivery::{AwsError, LogPage, Receipt},
    engine::{Answer, RecordView, StreamView},
    remedy,
};
use in_log::InLog;
use record::Wish;
use request::{From, Request};
use table::Table;

#[derive(Default)]
pub(super) struct Stream {
    request: Request,
    table: Table,
    reading: bool,
    again: bool,
    /// The newest view.
    view: Arc<StreamView>,
    /// The record to open, by its receipt, until it is read.
    wanted: Option<Receipt>,
    /// The text to find in the open record.
    find: Find,
    in_log: InLog,
    /// How to reach the practice stream, while the user wants to see it.
    reach: Option<Reach>,
}

impl Stream {
    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        self.in_log.logic(ctx, seen);
        if seen.place != Place::Stream {
            if std::mem::take(&mut self.reading) {
                seen.push(Command::Stream(StreamCommand::Stop));
            }
            return;
        }
        if let Some(filter) = self.request.new_filter(ctx) {
            seen.push(Command::Stream(StreamCommand::Filter(filter)));
        }
        // Only once: a second reading would drop the records of the first one.
        let again = std::mem::take(&mut self.again);
        if again || !self.reading {
            let plan = self.request.plan(seen.clock);
            seen.push(Command::Stream(plan.map_or(StreamCommand::Stop, StreamCommand::Read)));
            self.reading = true;
        }
        self.view = Arc::clone(&seen.snapshot.stream);
        self.table.take(ctx, &self.view);
        self.open_wanted();
    }

    /// Opens the wanted record once it is read.
    fn open_wanted(&mut self) {
        let Some(receipt) = &self.wanted else { return };
        // Also look in `asked`: a record can hold more events than `records` does, so its event may have been dropped.
        let all = self.view.records.iter().rev().chain(&self.view.asked);
        let Some(found) = all.into_iter().find(|found| is_of(receipt, found)).cloned() else { return };
        self.wanted = None;
        self.table.shown = Arc::clone(&self.view);
        self.table.select(found);
    }

    /// Drops what was read and starts again.
    pub(super) fn read_again(&mut self) {
        self.again = true;
        self.wanted = None;
        self.table.restart();
    }

    /// The lines of the log with the messageId of the open record.
    pub(super) fn lines_coming(&mut self, answer: Answer<Result<LogPage, String>>) {
        self.in_log.coming(answer);
    }

    /// Reads from that record on, and opens it.
    pub(super) fn show(&mut self, receipt: Receipt) {
        self.request.aim_at(&receipt);
        self.read_again();
        self.wanted = Some(receipt);
    }

    /// Draws the button that shows how to reach the practice stream, and hides it again.
    fn reach_button_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        if seen.config.destination.kind != DestinationKind::Practice {
            self.reach = None;
            return;
        }
        let label = if self.reach.is_some() { "Hide access" } else { "Connect a reader" };
        let hint = "Address and keys of the practice stream, for consumers and tests on this computer";
        if widgets::button_ui(ui, Icon::Plug, label).on_hover_text(hint).clicked() {
            self.reach = if self.reach.is_some() { None } else { Some(Reach::default()) };
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let subtitle = format!("What a consumer reads back from {}", destination(seen));
        widgets::heading_ui(ui, "Stream", &subtitle, |ui| {
            let again = widgets::button_ui(ui, Icon::RotateCw, "Read again");
            if again.on_hover_text("Forget what was read and start over").clicked() {
                self.read_again();
            }
            let code = widgets::button_ui(ui, Icon::Code, "Consumer code");
            if code.on_hover_text("Code that reads this stream").clicked() {
                seen.push(Command::ShowConsumers);
            }
            self.reach_button_ui(ui, seen);
        });
        if let Some(reach) = &mut self.reach {
            widgets::card_ui(ui, |ui| reach.ui(ui, seen));
            ui.add_space(2.0);
        }
        self.table.keys(ui);
        let is_changed = self.request.start_ui(ui, seen.clock) | self.request.choose_ui(ui, &self.view);
        if is_changed {
            self.read_again();
        }
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
        if self.table.shown.records.is_empty() {
            self.empty_ui(ui, seen);
            return;
        }
        let beside = ui.available_width() > 760.0;
        if self.table.selected.is_some() {
            if beside {
                widgets::open_panel(ui, "record").show(ui, |ui| self.record_ui(ui, seen));
            } else {
                self.record_ui(ui, seen);
                return;
            }
        }
        self.table.ui(ui, seen, &self.view);
    }

    /// Draws the open record, and does what the user wants of it.
    fn record_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let Some(open) = &mut self.table.selected else { return };
        match open.ui(ui, &mut self.find, seen) {
            None => {}
            Some(Wish::Close) => self.table.selected = None,
            Some(Wish::ShowInLive(message_id)) => {
                let record = Arc::clone(&open.found.record);
                self.in_log.look_for(&message_id, (record, open.found.place), seen);
            }
            Some(Wish::Filter(text)) => self.request.set_filter(text),
        }
    }

    fn empty_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if self.view.fault.is_some() || self.request.plan(seen.clock).is_err() {
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
                self.request.clear_filter();
                seen.push(Command::Stream(StreamCommand::Filter(String::new())));
            }
            return;
        }
        let practice = seen.config.destination.kind == DestinationKind::Practice;
        let text = match self.request.from {
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
            seen.push(Command::SendDraft);
        }
    }
}

/// Whether `found` is the event of this receipt, or its whole record if the record could not be split into events.
fn is_of(receipt: &Receipt, found: &RecordView) -> bool {
    found.record.sequence_number == receipt.sequence_number
        && found.record.shard_id == receipt.shard_id
        && match (receipt.place, found.place) {
            (Some(place), Some((at, _))) => place.at as usize == at,
            (None, _) | (_, None) => true,
        }
}

/// Why the stream cannot be read. One switch of the policy adds a missing permission.
fn fault_ui(ui: &mut Ui, seen: &mut Seen<'_>, fault: &AwsError) {
    remedy_card::remedy_ui(ui, seen, fault, None);
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

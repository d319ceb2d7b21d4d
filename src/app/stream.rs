//! What a consumer of the stream reads. Reading goes on while this place is in sight, and stops when it is left.

use std::sync::Arc;

use eframe::egui::{
    self, Align, CentralPanel, Frame, Label, Layout, Margin, Panel, RichText, ScrollArea, Sense, Ui,
};
use egui_extras::{Column, TableBuilder};
use lucide_icons::Icon;

use super::{
    Clock, Place, Seen, banner, detail, json, status_line,
    theme::{tokens, weight},
    widgets::{self, Tone},
};
use crate::{
    config::DestinationKind,
    delivery::{ReadFrom, Record},
    engine::{Engine, StreamView},
    event::Encoding,
};

/// Where the user wants to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum From {
    #[default]
    Oldest,
    LastHour,
    LastMinutes,
    Latest,
}

impl From {
    fn read_from(self) -> ReadFrom {
        match self {
            Self::Oldest => ReadFrom::Oldest,
            Self::LastHour => ReadFrom::Time(Clock::now() - 3_600_000),
            Self::LastMinutes => ReadFrom::Time(Clock::now() - 300_000),
            Self::Latest => ReadFrom::Latest,
        }
    }
}

#[derive(Default)]
pub(super) struct Stream {
    from: From,
    reading: bool,
    again: bool,
    view: Arc<StreamView>,
    selected: Option<Open>,
}

/// A record that is being looked at, decoded once.
struct Open {
    record: Arc<Record>,
    raw: String,
    /// The event's JSON, and how it was found.
    decoded: Option<(String, &'static str)>,
}

impl Open {
    fn new(record: Arc<Record>) -> Self {
        let raw = String::from_utf8_lossy(&record.data).into_owned();
        let decoded = decode(&record.data).map(|(text, how)| (json::indent(&text), how));
        Self { record, raw, decoded }
    }
}

/// The JSON inside a record, and by which of the three encodings.
fn decode(data: &[u8]) -> Option<(String, &'static str)> {
    let (text, encoding) = Encoding::decode(data)?;
    let how = match encoding {
        Encoding::Base64 => "base64 of JSON",
        Encoding::Json => "JSON",
        Encoding::JsonLines => "JSON with a line end",
    };
    Some((text.into_owned(), how))
}

impl Stream {
    pub(super) fn logic(&mut self, engine: &Engine, in_sight: bool) {
        match (in_sight, self.reading) {
            (true, false) => {
                engine.read_stream(self.from.read_from());
                self.reading = true;
            }
            (true, true) if std::mem::take(&mut self.again) => engine.read_stream(self.from.read_from()),
            (false, true) => {
                engine.stop_reading();
                self.reading = false;
            }
            (true, true) | (false, false) => {}
        }
        if in_sight {
            self.view = engine.stream();
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let subtitle = format!("What a consumer reads back from {}", destination(seen));
        widgets::heading_ui(ui, "Stream", &subtitle, |ui| {
            if widgets::button_ui(ui, Icon::RotateCw, "Read again")
                .on_hover_text("Forget what was read and start over")
                .clicked()
            {
                self.again = true;
                self.selected = None;
            }
        });
        ui.horizontal_wrapped(|ui| {
            let choices = [
                (From::Oldest, "From the oldest"),
                (From::LastHour, "Last hour"),
                (From::LastMinutes, "Last 5 minutes"),
                (From::Latest, "New ones only"),
            ];
            if widgets::segments_ui(ui, &mut self.from, "Start reading at", &choices) {
                self.again = true;
                self.selected = None;
            }
            self.progress_ui(ui);
        });
        ui.add_space(2.0);
        if let Some(fault) = self.view.fault.clone() {
            banner::remedy_ui(ui, seen, &fault);
        }
        if seen.status.practice_dropped > 0 && seen.config.destination.kind == DestinationKind::Practice {
            let text = format!(
                "The practice stream let go of its {} oldest records to stay within its memory. A real stream keeps them for its retention period.",
                widgets::digits(seen.status.practice_dropped)
            );
            widgets::message_ui(ui, Tone::Note, &text);
        }
        if self.view.records.is_empty() {
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
                    .show(ui, |ui| record_ui(ui, open, seen, &mut stays));
            } else {
                record_ui(ui, open, seen, &mut stays);
            }
            if !stays {
                self.selected = None;
            } else if !beside {
                return;
            }
        }
        let margin = Margin { right: if self.selected.is_some() { 10 } else { 0 }, ..Margin::ZERO };
        CentralPanel::no_frame()
            .frame(Frame::new().inner_margin(margin))
            .show(ui, |ui| self.table_ui(ui, seen));
    }

    fn progress_ui(&self, ui: &mut Ui) {
        let t = tokens(ui);
        let view = &self.view;
        let mut parts = vec![format!("{} read", widgets::digits(view.read))];
        if !view.shards.is_empty() {
            parts.push(format!(
                "{} shard{}",
                view.shards.len(),
                if view.shards.len() == 1 { "" } else { "s" }
            ));
        }
        match view.behind_ms {
            Some(ms) if ms > 1000 => parts.push(format!("{} behind the tip", widgets::duration(ms))),
            Some(_) => parts.push("caught up".to_owned()),
            None => {}
        }
        if view.read > view.records.len() as u64 {
            parts.push(format!("the newest {} are shown", widgets::digits(view.records.len() as u64)));
        }
        ui.label(RichText::new(parts.join(" · ")).color(t.weak));
    }

    fn empty_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if self.view.fault.is_some() {
            return;
        }
        if self.view.behind_ms.is_none() {
            widgets::empty_ui(
                ui,
                Icon::Waves,
                "Reading …",
                "The first answer of the stream is on its way.",
                None,
            );
            return;
        }
        let practice = seen.config.destination.kind == DestinationKind::Practice;
        let text = match self.from {
            From::Oldest if practice => {
                "The practice stream keeps its records in memory and starts empty with the app. Send an event, and it \
                 shows up here as consumers get it."
            }
            From::Oldest => {
                "The stream has no records yet. Send an event, and it shows up here as consumers get it."
            }
            From::LastHour | From::LastMinutes => {
                "No record arrived in that time. Start at the oldest, or send one."
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
        let wide = ui.available_width() > 700.0;
        let roomy = ui.available_width() > 520.0;
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut table = TableBuilder::new(ui)
            .id_salt(("records", wide, roomy))
            .sense(Sense::click())
            .auto_shrink(false)
            .cell_layout(Layout::left_to_right(Align::Center))
            .column(Column::exact(106.0))
            .column(Column::exact(if roomy { 84.0 } else { 60.0 }).clip(true));
        if roomy {
            table = table.column(Column::exact(if wide { 190.0 } else { 130.0 }).clip(true));
        }
        table = table.column(Column::remainder().at_least(100.0).clip(true));
        if wide {
            table = table.column(Column::exact(76.0));
        }
        let records = &self.view.records;
        let selected = self.selected.as_ref().map(|open| &open.record.sequence_number);
        let mut clicked = None;
        let names = [
            (true, "Arrived"),
            (true, "Shard"),
            (roomy, "Partition key"),
            (true, "Sequence number"),
            (wide, "Size"),
        ];
        table
            .header(28.0, |mut header| {
                for (_, name) in names.iter().filter(|(shown, _)| *shown) {
                    header.col(|ui| {
                        ui.add(
                            Label::new(weight(*name, 560.0).size(11.5).color(t.weak))
                                .selectable(false)
                                .truncate(),
                        );
                    });
                }
            })
            .body(|body| {
                body.rows(28.0, records.len(), |mut row| {
                    // Newest on top, as in the log.
                    let Some(record) =
                        records.len().checked_sub(row.index() + 1).and_then(|at| records.get(at))
                    else {
                        return;
                    };
                    row.set_selected(selected == Some(&record.sequence_number));
                    let cells = cells(record, seen);
                    let shown = [true, true, roomy, true, wide];
                    for (text, _) in cells.iter().zip(shown).filter(|(_, shown)| *shown) {
                        row.col(|ui| {
                            let text = RichText::new(text).monospace().color(t.text);
                            ui.add(Label::new(text).selectable(false).truncate());
                        });
                    }
                    let name = || format!("Record {} of {}", record.sequence_number, record.shard_id);
                    if widgets::row_name_ui(&row, name).clicked() {
                        clicked = Some(Arc::clone(record));
                    }
                });
            });
        if let Some(record) = clicked {
            let same = selected == Some(&record.sequence_number);
            self.selected = if same { None } else { Some(Open::new(record)) };
        }
    }
}

/// What a row shows of a record.
fn cells(record: &Record, seen: &Seen<'_>) -> [String; 5] {
    let shard = record.shard_id.trim_start_matches("shardId-").trim_start_matches('0');
    [
        record.arrived_at.map_or("–".to_owned(), |at| seen.clock.time(at)),
        if shard.is_empty() { "0".to_owned() } else { shard.to_owned() },
        record.partition_key.to_string(),
        record.sequence_number.to_string(),
        widgets::bytes(record.data.len() as u64),
    ]
}

fn destination(seen: &Seen<'_>) -> String {
    match seen.config.destination.kind {
        DestinationKind::Practice => "the practice stream".to_owned(),
        DestinationKind::Kinesis => status_line::destination(seen.config),
    }
}

fn record_ui(ui: &mut Ui, open: &Open, seen: &mut Seen<'_>, stays: &mut bool) {
    let t = tokens(ui);
    egui::Sides::new().show(
        ui,
        |ui| ui.label(weight("Record", 640.0).size(15.0).color(t.strong)),
        |ui| {
            if widgets::icon_button_ui(ui, Icon::X, "Close").clicked() {
                *stays = false;
            }
        },
    );
    ScrollArea::vertical().id_salt("record").auto_shrink(false).show(ui, |ui| {
        let record = &open.record;
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            if let Some(at) = record.arrived_at {
                widgets::fact_ui(ui, "Arrived", &seen.clock.full(at), false);
            }
            widgets::fact_ui(ui, "Shard", &record.shard_id, false);
            if widgets::fact_ui(ui, "Sequence number", &record.sequence_number, true) {
                seen.copied("Sequence number");
            }
            if widgets::fact_ui(ui, "Partition key", &record.partition_key, true) {
                seen.copied("Partition key");
            }
            widgets::fact_ui(ui, "Size", &widgets::bytes(record.data.len() as u64), false);
            if let Some((_, how)) = &open.decoded {
                widgets::fact_ui(ui, "Data is", how, false);
            }
        });
        ui.add_space(4.0);
        match &open.decoded {
            Some((text, _)) => {
                widgets::title_ui(ui, "Event");
                if widgets::code_ui(ui, text, "Copy event JSON") {
                    seen.copied("Event");
                }
            }
            None => widgets::message_ui(ui, Tone::Note, "The data is no event of ours. Shown as text below."),
        }
        ui.add_space(4.0);
        widgets::title_ui(ui, "Data as stored");
        if detail::wrapped_code_ui(ui, &open.raw) {
            ui.copy_text(open.raw.clone());
            seen.copied("Record data");
        }
        ui.add_space(12.0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_is_decoded() {
        assert_eq!(decode(b"{\"a\":1}"), Some(("{\"a\":1}".into(), "JSON")));
        assert_eq!(decode(b"{\"a\":1}\n"), Some(("{\"a\":1}".into(), "JSON with a line end")));
        assert_eq!(decode(b"eyJhIjoxfQ=="), Some(("{\"a\":1}".into(), "base64 of JSON")));
        assert_eq!(decode(b"\xff\x00"), None);
        assert_eq!(decode(b"hello"), None);
    }
}

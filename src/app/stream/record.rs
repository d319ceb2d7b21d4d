//! The open record: its place, how its content is encoded, the content, and the stored bytes.

use std::{fmt::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use eframe::egui::{self, ScrollArea, Ui};
use lucide_icons::Icon;

use crate::{
    app::{
        json, record_data,
        seen::Seen,
        theme::{tokens, weight},
        widgets::{self, Tone},
    },
    engine::RecordView,
    event::{Inside, Layer},
};

/// Maximum bytes to show of content that is not text.
const HEX_BYTES_MAX: usize = 1024;

/// The open record, with its texts made once.
pub(super) struct OpenRecord {
    pub(super) found: Arc<RecordView>,
    /// The decoded content as it is displayed.
    content: String,
    /// The stored bytes, if they are text.
    stored: Option<String>,
    data_is: String,
}

/// The kind of content, in a word.
pub(super) fn form(found: &RecordView) -> &'static str {
    match &found.content.inside {
        Inside::Json(_) => "JSON",
        Inside::JsonLines(..) => "JSON lines",
        Inside::Text(_) => "text",
        Inside::Binary(_) => "bytes",
    }
}

/// How the content was found: `gzip of base64 of JSON`.
fn data_is(found: &RecordView) -> String {
    let layers = found.content.layers.iter().map(|layer| match layer {
        Layer::Base64 => "base64 of ",
        Layer::Gzip => "gzip of ",
    });
    let mut text: String = layers.collect();
    match &found.content.inside {
        Inside::JsonLines(_, count) => {
            text.push_str(&widgets::digits(*count as u64));
            text.push_str(" JSON values");
        }
        Inside::Json(_) | Inside::Text(_) | Inside::Binary(_) => text.push_str(form(found)),
    }
    text
}

impl OpenRecord {
    pub(super) fn new(found: Arc<RecordView>) -> Self {
        let content = match &found.content.inside {
            Inside::Json(text) => json::indent(text),
            Inside::JsonLines(text, _) | Inside::Text(text) => text.clone(),
            Inside::Binary(bytes) => hex(bytes),
        };
        let stored = std::str::from_utf8(&found.record.data).ok().map(str::to_owned);
        Self { data_is: data_is(&found), content, stored, found }
    }

    /// False when it was closed.
    pub(super) fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
        let t = tokens(ui);
        let mut stays = true;
        egui::Sides::new().show(
            ui,
            |ui| ui.label(weight("Record", 640.0).size(15.0).color(t.strong)),
            |ui| {
                if widgets::icon_button_ui(ui, Icon::X, "Close").clicked() {
                    stays = false;
                }
            },
        );
        let record = &self.found.record;
        let salt = ("record", &record.shard_id, &record.sequence_number, self.found.place);
        ScrollArea::vertical().id_salt(salt).auto_shrink(false).show(ui, |ui| {
            ui.scope(|ui| self.facts_ui(ui, seen));
            ui.add_space(4.0);
            self.content_ui(ui, seen);
            ui.add_space(4.0);
            self.stored_ui(ui, seen);
            ui.add_space(12.0);
            widgets::follow_focus(ui);
        });
        stays
    }

    fn facts_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let record = &self.found.record;
        ui.spacing_mut().item_spacing.y = 2.0;
        if let Some(at) = record.arrived_at {
            widgets::fact_ui(ui, "Arrived", &seen.clock.full(at), false);
        }
        widgets::fact_ui(ui, "Shard", &record.shard_id, false);
        if widgets::fact_ui(ui, "Sequence number", &record.sequence_number, true) {
            seen.copied("Sequence number");
        }
        if widgets::fact_ui(ui, "Partition key", &self.found.key, true) {
            seen.copied("Partition key");
        }
        if let Some((at, of)) = self.found.place {
            let text = format!("{at} of {of}, under the key {}", record.partition_key);
            widgets::fact_ui(ui, "In an aggregate", &text, false);
        }
        widgets::fact_ui(ui, "Size", &widgets::bytes(record.data.len() as u64), false);
        widgets::fact_ui(ui, "Data is", &self.data_is, false);
    }

    fn content_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let (title, copy) = match &self.found.content.inside {
            Inside::Json(_) if self.found.summary.is_some() => ("Event", "Copy event JSON"),
            Inside::Json(_) | Inside::JsonLines(..) => ("Content", "Copy JSON"),
            Inside::Text(_) => ("Content", "Copy text"),
            Inside::Binary(_) => ("Content, in hexadecimal", "Copy hexadecimal"),
        };
        widgets::title_ui(ui, title);
        if widgets::code_ui(ui, &self.content, copy) {
            seen.copied(title);
        }
        if self.found.summary.is_none() {
            widgets::message_ui(
                ui,
                Tone::Note,
                "The data is not a Tributary event. It is shown as far as it can be decoded.",
            );
        }
    }

    fn stored_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::title_ui(ui, "Data as stored");
        let data = &self.found.record.data;
        match &self.stored {
            Some(text) => {
                if record_data::data_ui(ui, text) {
                    ui.copy_text(text.clone());
                    seen.copied("Record data");
                }
            }
            None => widgets::hint_ui(ui, "These bytes are not text."),
        }
        if widgets::button_ui(ui, Icon::Copy, "Copy record data as base64").clicked() {
            ui.copy_text(STANDARD.encode(data));
            seen.copied("Record data in base64");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (at, line) in bytes[..bytes.len().min(HEX_BYTES_MAX)].chunks(16).enumerate() {
        let pairs: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String =
            line.iter().map(|byte| if (32..127).contains(byte) { char::from(*byte) } else { '.' }).collect();
        writeln!(out, "{:06x}  {:<47}  {text}", at * 16, pairs.join(" "))
            .expect("a String takes all that is written");
    }
    if bytes.len() > HEX_BYTES_MAX {
        out.push_str("…\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_as_every_tool_shows_them() {
        assert_eq!(hex(b"\xff\x00ab"), format!("000000  {:<47}  ..ab\n", "ff 00 61 62"));
        assert_eq!(hex(&[0; 2000]).lines().count(), 65);
    }
}

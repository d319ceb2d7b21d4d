//! The open record: its content, decoded and as the stream stores it, and where it is.

use std::{fmt::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use eframe::egui::{self, Label, RichText, ScrollArea, Ui, vec2};
use lucide_icons::Icon;

use super::decoded::Decoded;
use crate::{
    app::{
        json_rows::Finds,
        json_view::{Done, Find, JsonView},
        record_data,
        seen::Seen,
        theme::{tokens, weight},
        widgets::{self, Tone},
    },
    engine::RecordView,
    event::{Inside, Layer, shown},
};

/// Maximum bytes to show of content that is not text.
const HEX_BYTES_MAX: usize = 1024;

/// What the user wants of the open record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Close,
    /// Show the event of this messageId in Live.
    ShowInLive(Arc<str>),
    /// Read only the records with this text.
    Filter(String),
}

/// The open record, with its texts made once.
pub(super) struct OpenRecord {
    pub(super) found: Arc<RecordView>,
    /// The decoded content as it is displayed.
    content: JsonView,
    /// The stored bytes as text: themselves, or in hexadecimal.
    stored: String,
    is_text: bool,
    data_is: String,
    message_id: Option<Arc<str>>,
    decoded: Decoded,
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
            Inside::Json(text) | Inside::JsonLines(text, _) | Inside::Text(text) => JsonView::new(text),
            Inside::Binary(bytes) => JsonView::new(&hex(bytes)),
        };
        let text = std::str::from_utf8(&found.record.data).ok();
        let stored = text.map_or_else(|| hex(&found.record.data), str::to_owned);
        Self {
            data_is: data_is(&found),
            message_id: message_id(&found),
            decoded: Decoded::of(&found),
            is_text: text.is_some(),
            content,
            stored,
            found,
        }
    }

    /// `find`: the text to find in the content; it stays for the next record.
    pub(super) fn ui(&mut self, ui: &mut Ui, find: &mut Find, seen: &mut Seen<'_>) -> Option<Wish> {
        let mut wish = self.head_ui(ui, seen);
        if self.content.tools_ui(ui, find, self.copy_name()) {
            ui.copy_text(self.content.raw().to_owned());
            seen.copied(self.title());
        }
        let record = Arc::clone(&self.found.record);
        let salt = ("record", &record.shard_id, &record.sequence_number, self.found.place);
        ScrollArea::vertical().id_salt(salt).auto_shrink(false).show(ui, |ui| {
            ui.set_max_width(ui.available_width() - 8.0);
            wish = wish.take().or(self.forms_ui(ui, seen));
            ui.add_space(4.0);
            self.decoded.ui(ui, seen, self.found.form);
            ui.add_space(4.0);
            widgets::title_ui(ui, "Facts");
            ui.scope(|ui| self.facts_ui(ui, seen));
            ui.add_space(12.0);
            widgets::follow_focus(ui);
        });
        wish
    }

    /// The head, which stays in sight: what it is, and what can be done with it.
    fn head_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) -> Option<Wish> {
        let t = tokens(ui);
        let mut wish = None;
        let record = &self.found.record;
        let title = self.found.summary.as_deref().unwrap_or_else(|| form(&self.found));
        egui::Sides::new().shrink_left().truncate().show(
            ui,
            |ui| {
                let title = weight(shown::line(title), 640.0).size(15.0).color(t.strong);
                ui.add(Label::new(title).truncate());
            },
            |ui| {
                if widgets::icon_button_ui(ui, Icon::X, "Close").clicked() {
                    wish = Some(Wish::Close);
                }
            },
        );
        let arrived = record.arrived_at.map(|at| format!(" · arrived {}", seen.clock.time(at)));
        let size = widgets::bytes(record.data.len() as u64);
        let text = format!(
            "Shard {} · {size}{}",
            super::progress::short(&record.shard_id),
            arrived.unwrap_or_default()
        );
        ui.add(Label::new(RichText::new(shown::line(&text)).color(t.weak)).truncate());
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
            ui.spacing_mut().button_padding = vec2(9.0, 4.0);
            self.copy_menu_ui(ui, seen);
            if let Some(id) = &self.message_id {
                let button = widgets::button_ui(ui, Icon::Activity, "Show in Live");
                if button.on_hover_text("Shows what became of this event, from the log").clicked() {
                    wish = Some(Wish::ShowInLive(Arc::clone(id)));
                }
            }
        });
        wish
    }

    fn copy_menu_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let record = &self.found.record;
        let mut copied = None;
        widgets::actions_ui(ui, Icon::Copy, "Copy", |ui| {
            let mut action_ui = |ui: &mut Ui, icon, label: &'static str, hint, text: &dyn Fn() -> String| {
                if widgets::action_ui(ui, (icon, label), "", hint, None) {
                    copied = Some((label, text()));
                }
            };
            let content = || self.content.raw().to_owned();
            action_ui(ui, Icon::Braces, "Content", "Copies the decoded content", &content);
            let data = || STANDARD.encode(&record.data);
            action_ui(ui, Icon::Binary, "Data as base64", "Copies the stored bytes in base64", &data);
            let key = || self.found.key.to_string();
            action_ui(ui, Icon::Key, "Partition key", "Copies the partition key", &key);
            let number = || record.sequence_number.to_string();
            action_ui(ui, Icon::ListOrdered, "Sequence number", "Copies the whole sequence number", &number);
            let shard = || record.shard_id.to_string();
            action_ui(ui, Icon::Layers, "Shard id", "Copies the id of the shard", &shard);
        });
        if let Some((label, text)) = copied {
            ui.copy_text(text);
            seen.copied(label);
        }
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

    fn title(&self) -> &'static str {
        match &self.found.content.inside {
            Inside::Json(_) if self.found.summary.is_some() => "Event",
            Inside::Json(_) | Inside::JsonLines(..) | Inside::Text(_) => "Content",
            Inside::Binary(_) => "Content, in hexadecimal",
        }
    }

    fn copy_name(&self) -> &'static str {
        match &self.found.content.inside {
            Inside::Json(_) if self.found.summary.is_some() => "Copy event JSON",
            Inside::Json(_) | Inside::JsonLines(..) => "Copy JSON",
            Inside::Text(_) => "Copy text",
            Inside::Binary(_) => "Copy hexadecimal",
        }
    }

    /// The content and the stored data, beside each other where there is room.
    fn forms_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) -> Option<Wish> {
        let mut wish = None;
        widgets::beside_ui(
            ui,
            record_data::BESIDE_WIDTH_MIN,
            &mut (self, seen),
            |(record, seen), ui| wish = record.content_ui(ui, seen),
            |(record, seen), ui| record.stored_ui(ui, seen),
        );
        wish
    }

    fn content_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) -> Option<Wish> {
        record_data::form_title_ui(ui, "Decoded", self.title());
        let done = self.content.ui(ui);
        if self.found.summary.is_none() {
            let text = "The data is not a Tributary event. It is shown as far as it can be decoded.";
            widgets::message_ui(ui, Tone::Note, text);
        }
        match done? {
            Done::Copied(what) => {
                seen.copied(what);
                None
            }
            Done::Filter(Finds::Field(_, text) | Finds::Text(text)) => Some(Wish::Filter(text)),
        }
    }

    fn stored_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let data = &self.found.record.data;
        let size = widgets::bytes(data.len() as u64);
        let form =
            if self.is_text { format!("{}, {size}", self.data_is) } else { format!("hexadecimal, {size}") };
        record_data::form_title_ui(ui, "Stored", &form);
        if record_data::data_ui(ui, &self.stored) {
            ui.copy_text(self.stored.clone());
            seen.copied("Record data");
        }
        if !self.is_text {
            widgets::hint_ui(ui, "These bytes are not text.");
        }
        if widgets::button_ui(ui, Icon::Copy, "Copy record data as base64").clicked() {
            ui.copy_text(STANDARD.encode(data));
            seen.copied("Record data in base64");
        }
    }
}

/// The messageId of the event, if the record has one.
fn message_id(found: &RecordView) -> Option<Arc<str>> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Event {
        message_id: Arc<str>,
    }
    let Inside::Json(text) = &found.content.inside else { return None };
    serde_json::from_str::<Event>(text).ok().map(|event| event.message_id)
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

//! The record of a test event as it was read back: the event that a consumer decodes, beside the data as the stream has it.

use eframe::egui::Ui;

use super::read_back::EventRead;
use crate::{
    app::{json, record_data, seen::Seen, widgets},
    event::Encoding,
};

/// The width from which the two are beside each other, in points.
const BESIDE_WIDTH_MIN: f32 = 500.0;

/// The texts of a record, made once.
pub(super) struct RecordTexts {
    title: String,
    /// The event's JSON, indented; `None` if the data is no event.
    decoded: Option<String>,
    stored: String,
    encoding: &'static str,
}

impl RecordTexts {
    pub(super) fn new(read: &EventRead) -> Self {
        let title = match read.place {
            Some((at, of)) => format!("Event {at} of {of} in the record, as it was read back"),
            None => "The record as it was read back".to_owned(),
        };
        let decoded = Encoding::decode(&read.stored);
        Self {
            title,
            encoding: decoded.as_ref().map_or("not an event", |(_, encoding)| encoding.as_str()),
            decoded: decoded.map(|(text, _)| json::indent(&text)),
            stored: String::from_utf8_lossy(&read.stored).into_owned(),
        }
    }

    pub(super) fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::title_ui(ui, &self.title);
        widgets::beside_ui(
            ui,
            BESIDE_WIDTH_MIN,
            seen,
            |seen, ui| self.decoded_ui(ui, seen),
            |seen, ui| self.stored_ui(ui, seen),
        );
    }

    fn decoded_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::hint_ui(ui, "Decoded: the event");
        let Some(decoded) = &self.decoded else {
            widgets::hint_ui(ui, "The data is not an event.");
            return;
        };
        if widgets::code_ui(ui, decoded, "Copy decoded event") {
            seen.copied("Event");
        }
    }

    fn stored_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::hint_ui(ui, &format!("Stored: {}", self.encoding));
        if record_data::data_ui(ui, &self.stored) {
            ui.copy_text(self.stored.clone());
            seen.copied("Record data");
        }
    }
}

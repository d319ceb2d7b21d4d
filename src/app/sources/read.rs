//! Code that reads the stream, for the encoding and the aggregation in force.

use eframe::egui::Ui;
use lucide_icons::Icon;

use crate::{
    app::{
        reach::Reach,
        seen::Seen,
        widgets::{self, Tone},
    },
    config::DestinationKind,
    engine::PRACTICE_STREAM,
    snippets::{ConsumedStream, Consumer, consumer_code},
};

pub(super) struct Read {
    consumer: Consumer,
    reach: Reach,
}

impl Default for Read {
    fn default() -> Self {
        Self { consumer: Consumer::Python, reach: Reach::default() }
    }
}

impl Read {
    /// Hides the secret key again.
    pub(super) fn hide_secret(&mut self) {
        self.reach = Reach::default();
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let choices = Consumer::ALL.map(|consumer| (consumer, consumer.title()));
        widgets::segments_wrapped_ui(ui, &mut self.consumer, "Consumers", &choices);
        let destination = &seen.config.destination;
        let stream = ConsumedStream::of(destination, PRACTICE_STREAM);
        let code = consumer_code(self.consumer, &stream);
        let mut copies = false;
        ui.horizontal_wrapped(|ui| {
            copies = widgets::primary_button_ui(ui, Icon::Copy, "Copy code", true).clicked();
            let text = format!(
                "{} for records with the encoding {} and the aggregation {}.",
                self.consumer.file_name(),
                stream.encoding.as_str(),
                stream.aggregation.as_str()
            );
            widgets::hint_ui(ui, &text);
        });
        if destination.kind == DestinationKind::Practice {
            widgets::message_ui(ui, Tone::Note, self.consumer.practice_note());
            // What runs here can reach it.
            if matches!(self.consumer, Consumer::Python | Consumer::Node) {
                self.reach.ui(ui, seen);
            }
        }
        copies |= widgets::code_copy_ui(ui, code.trim_end(), "Copy consumer code");
        if copies {
            ui.copy_text(code);
            seen.copied("Consumer code");
        }
    }
}

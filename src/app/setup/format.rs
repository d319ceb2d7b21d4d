//! The format step: who reads the stream, the call that puts records, how an event is encoded, and whether events share
//! records. The last two depend on each other, and on the reader.

use eframe::egui::Ui;

use super::super::{
    number::{Number, number_ui},
    widgets::{self, Tone},
};
use super::{
    reader::{mismatch_ui, reader_ui},
    step::name_ui,
};
use crate::{
    config::{Destination, Operation},
    event::{Aggregation, Encoding},
    reader::Known,
};

/// Allowed sizes of an aggregated record, as in the settings file.
const BYTES_MIN: u64 = 1024;
const BYTES_MAX: u64 = 10 << 20;
const BYTES_STEP: u64 = 1024;

pub(super) struct FormatStep {
    /// The record size as typed.
    size: Number,
    /// The size in the draft that `size` was made from.
    of: usize,
    note: Option<Note>,
}

/// A note that one choice (encoding or aggregation) has changed the other. It is shown until the user changes one of them.
struct Note {
    text: &'static str,
    choices: (Encoding, Aggregation),
}

fn size_of(destination: &Destination) -> Number {
    Number::bytes(destination.aggregation_max_bytes as u64, BYTES_MIN..=BYTES_MAX, BYTES_STEP)
}

impl FormatStep {
    pub(super) fn new(destination: &Destination) -> Self {
        Self { size: size_of(destination), of: destination.aggregation_max_bytes, note: None }
    }

    /// Why the draft cannot be applied: the typed size is not allowed.
    pub(super) fn fault(&self, destination: &Destination) -> Option<String> {
        let is_shown = destination.aggregation != Aggregation::None;
        let is_typed = is_shown && self.of == destination.aggregation_max_bytes;
        let rule = self.size.value().err().filter(|_| is_typed)?;
        Some(format!("Record size: {rule}"))
    }

    /// `known`: what is known of the stream.
    pub(super) fn ui(&mut self, ui: &mut Ui, destination: &mut Destination, known: Known) {
        reader_ui(ui, destination);
        ui.add_space(4.0);
        name_ui(ui, "Operation");
        let one = "One record per call. The smallest permission.";
        let many =
            "Up to 500 records per call: fewer requests, faster. Needs kinesis:PutRecords in the policy.";
        let choices = [(Operation::PutRecord, "PutRecord", one), (Operation::PutRecords, "PutRecords", many)];
        widgets::choices_ui(ui, &mut destination.operation, &choices);
        ui.add_space(4.0);
        self.records_ui(ui, destination);
        mismatch_ui(ui, destination, known);
        ui.add_space(4.0);
        ui.horizontal_top(|ui| {
            widgets::switch_ui(ui, &mut destination.ordered, "Keep the order per user");
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                name_ui(ui, "Keep the order per user");
                let text = if destination.ordered {
                    "Events of one user reach the stream in the order in which they were accepted: one record of a user at a time."
                } else {
                    "Faster for users with many events, but one user's events may arrive out of order."
                };
                widgets::hint_ui(ui, text);
            });
        });
    }

    fn records_ui(&mut self, ui: &mut Ui, destination: &mut Destination) {
        if self.of != destination.aggregation_max_bytes {
            // The draft was reverted, or another destination was chosen.
            (self.size, self.of) = (size_of(destination), destination.aggregation_max_bytes);
        }
        encoding_ui(ui, &mut destination.encoding);
        if destination.aggregation == Aggregation::Lines && destination.encoding != Encoding::JsonLines {
            destination.aggregation = Aggregation::None;
            self.note("Aggregation was set to none: lines need the encoding json-lines.", destination);
        }
        ui.add_space(4.0);
        aggregation_ui(ui, destination);
        if destination.aggregation == Aggregation::Lines && destination.encoding != Encoding::JsonLines {
            destination.encoding = Encoding::JsonLines;
            self.note("The encoding was set to json-lines, which lines need.", destination);
        }
        let choices = (destination.encoding, destination.aggregation);
        self.note.take_if(|note| note.choices != choices);
        if let Some(note) = &self.note {
            widgets::message_ui(ui, Tone::Note, note.text);
        }
        if destination.aggregation != Aggregation::None {
            self.size_ui(ui, destination);
        }
    }

    fn note(&mut self, text: &'static str, destination: &Destination) {
        self.note = Some(Note { text, choices: (destination.encoding, destination.aggregation) });
    }

    fn size_ui(&mut self, ui: &mut Ui, destination: &mut Destination) {
        let hint = "Maximum size of the data and partition key of an aggregated record. A larger event gets a record of its \
                    own. Only events that are queued already share a record: no event waits for others.";
        number_ui(ui, "Record size", hint, &mut self.size);
        let typed = self.size.value().ok().and_then(|bytes| usize::try_from(bytes).ok());
        if let Some(bytes) = typed {
            destination.aggregation_max_bytes = bytes;
            self.of = bytes;
        }
    }
}

fn encoding_ui(ui: &mut Ui, encoding: &mut Encoding) {
    name_ui(ui, "Encoding");
    let choices = [
        (
            Encoding::Base64,
            "base64",
            "The event's JSON text in base64, as consumers of Astronomer Clickstream expect it.",
        ),
        (Encoding::Json, "json", "The event's JSON text: a quarter smaller than base64."),
        (
            Encoding::JsonLines,
            "json-lines",
            "JSON and a newline, so that Firehose writes one event per line.",
        ),
    ];
    widgets::choices_ui(ui, encoding, &choices);
}

fn aggregation_ui(ui: &mut Ui, destination: &mut Destination) {
    name_ui(ui, "Aggregation");
    let lines = if destination.encoding == Encoding::JsonLines {
        "Many events in one record, one per line."
    } else {
        "Many events in one record, one per line. Sets the encoding to json-lines."
    };
    let choices = [
        (Aggregation::None, "none", "One event per record. Every reader can read it."),
        (
            Aggregation::Kpl,
            "kpl",
            "Many events in one record, in the format of the Kinesis Producer Library.",
        ),
        (Aggregation::Lines, "lines", lines),
    ];
    widgets::choices_ui(ui, &mut destination.aggregation, &choices);
    let readers = match destination.aggregation {
        Aggregation::None => return,
        Aggregation::Kpl => {
            "The KCL (2 and later) and Firehose split such records themselves. AWS Lambda and your own code need AWS's \
             de-aggregation module (aws-kinesis-agg). A reader without it gets one binary record."
        }
        Aggregation::Lines => {
            "For readers that split records at line ends, such as Firehose writing to S3. A reader that expects one event \
             per record cannot read it."
        }
    };
    widgets::hint_ui(ui, readers);
}

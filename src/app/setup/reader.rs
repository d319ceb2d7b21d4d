//! The question of the format step: who reads the stream? The answer sets the encoding and the aggregation. The user may change
//! them, and is told what the reader and the stream make of the choice.

use eframe::egui::{Ui, vec2};
use lucide_icons::Icon;

use super::{
    super::{
        judgement::judgement_ui,
        theme::tokens,
        widgets::{self, Tone},
    },
    step::name_ui,
};
use crate::{
    config::Destination,
    reader::{Fit, Known, Reader, conflict, judge, needs, recommended, sees},
};

const QUESTION: &str = "Who reads the stream?";

/// Draws the question and what follows from its answer.
pub(super) fn reader_ui(ui: &mut Ui, destination: &mut Destination) {
    name_ui(ui, QUESTION);
    let mut choices = vec![(None, "Not said")];
    choices.extend(Reader::ALL.map(|reader| (Some(reader), reader.title())));
    let mut chosen = destination.reader;
    if widgets::segments_wrapped_ui(ui, &mut chosen, QUESTION, &choices) {
        destination.reader = chosen;
        if let Some(reader) = chosen {
            use_recommended(destination, reader);
        }
    }
    let format = destination.format();
    let Some(reader) = destination.reader else {
        let text = format!(
            "Choose who reads, and the encoding and aggregation that suit it are set. Until then they stay as they are. {}",
            sees(None, format)
        );
        return widgets::hint_ui(ui, &text);
    };
    let judgement = judge(reader, format);
    if judgement.fit == Fit::Fits {
        let text = format!("Set for {}: {}. {}", reader.described(), format.words(), judgement.why);
        widgets::message_ui(ui, Tone::Good, &text);
    } else {
        widgets::hint_ui(ui, &sees(Some(reader), format));
    }
    needs_ui(ui, &needs(reader, format));
}

/// What else the reader needs, one line each.
fn needs_ui(ui: &mut Ui, needs: &[&str]) {
    let t = tokens(ui);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
        widgets::hint_ui(ui, "Besides that:");
        for need in needs {
            ui.horizontal_top(|ui| {
                ui.label("·");
                let line = widgets::words(ui, need, 400.0, t.weak);
                ui.vertical(|ui| ui.label(line));
            });
        }
    });
}

fn use_recommended(destination: &mut Destination, reader: Reader) {
    let format = recommended(reader);
    (destination.encoding, destination.aggregation) = (format.encoding, format.aggregation);
}

/// Draws what is wrong with the chosen format: for what is known of the stream, and for the reader.
pub(super) fn mismatch_ui(ui: &mut Ui, destination: &mut Destination, known: Known) {
    let format = destination.format();
    if let Some(conflict) = conflict(known, format) {
        let counted = match known.channels {
            0 => String::new(),
            1 => "A channel of Kinesis reads this stream. ".to_owned(),
            count => format!("{} channels of Kinesis read this stream. ", widgets::digits(u64::from(count))),
        };
        widgets::message_ui(ui, Tone::Bad, &format!("{counted}{}", conflict.why));
    }
    let suits = |reader: &Reader| judge(*reader, format).fit == Fit::Fits;
    let Some(reader) = destination.reader.filter(|reader| !suits(reader)) else { return };
    judgement_ui(ui, reader, format);
    let best = format!("Use {}", recommended(reader).words());
    if widgets::button_ui(ui, Icon::Check, &best).clicked() {
        use_recommended(destination, reader);
    }
}

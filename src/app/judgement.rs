//! Whether a reader can decode a format, as a message: of the format that is chosen in Set up, and of a record in Stream.

use eframe::egui::Ui;

use super::widgets::{self, Tone};
use crate::reader::{Fit, Format, Reader, judge};

pub(super) fn judgement_ui(ui: &mut Ui, reader: Reader, format: Format) {
    let judgement = judge(reader, format);
    let tone = match judgement.fit {
        Fit::Fits => Tone::Good,
        Fit::NeedsCode => Tone::Attention,
        Fit::CannotDecode => Tone::Bad,
    };
    let text = format!("{}: {} {}. {}", reader.title(), format.words(), judgement.fit.words(), judgement.why);
    widgets::message_ui(ui, tone, &text);
}

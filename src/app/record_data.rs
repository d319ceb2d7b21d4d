//! A box with the data of a record as plain text.

use eframe::egui::{Frame, Label, Margin, RichText, Stroke, TextStyle, Ui, text::LayoutJob};
use lucide_icons::Icon;

use super::{json, theme::tokens, widgets};
use crate::event::shown;

/// Maximum bytes to show. Copying is not limited.
const SHOWN_BYTES_MAX: usize = 8 * 1024;

/// Draws the box. Lines break at any character. True when the button that copies the data was pressed.
pub(super) fn data_ui(ui: &mut Ui, text: &str) -> bool {
    let t = tokens(ui);
    let (shown, is_cut) = json::cut(text, SHOWN_BYTES_MAX);
    let mut copies = false;
    let frame = Frame::new().fill(t.field).stroke(Stroke::new(1.0, t.line)).corner_radius(9);
    frame.inner_margin(Margin::same(12)).show(ui, |ui| {
        ui.take_available_width();
        let font = TextStyle::Monospace.resolve(ui.style());
        let mut job = LayoutJob::simple(shown::lines(shown).into_owned(), font, t.text, ui.available_width());
        job.wrap.break_anywhere = true;
        ui.add(Label::new(job).selectable(true));
        ui.horizontal(|ui| {
            copies = widgets::button_ui(ui, Icon::Copy, "Copy record data").clicked();
            if is_cut {
                ui.label(
                    RichText::new("Only the beginning is shown. Copy gets all of it.").small().color(t.weak),
                );
            }
        });
    });
    copies
}

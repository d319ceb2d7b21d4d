//! The data of a record: decoded, and as the stream stores it, beside each other where there is room.

use eframe::egui::{Frame, Label, Margin, RichText, Stroke, TextStyle, Ui, text::LayoutJob};
use lucide_icons::Icon;

use super::{
    json,
    theme::{tokens, weight},
    widgets,
};
use crate::event::shown;

/// Maximum bytes to show. Copying is not limited.
const SHOWN_BYTES_MAX: usize = 8 * 1024;
/// From this width on the two forms are beside each other.
pub(super) const BESIDE_WIDTH_MIN: f32 = 600.0;

/// Both forms of a record's data, each with the kind of text that it is.
pub(super) struct BothForms<'a> {
    /// Such as `JSON`.
    pub decoded_is: &'a str,
    pub decoded: &'a str,
    /// Such as `base64 of JSON, 412 B`.
    pub stored_is: &'a str,
    /// The stored bytes as text: themselves, or in hexadecimal.
    pub stored: &'a str,
}

/// The form whose copy button was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Decoded,
    Stored,
}

/// Draws both forms. The caller copies what is returned.
pub(super) fn both_forms_ui(ui: &mut Ui, forms: &BothForms<'_>) -> Option<Form> {
    let mut copied = None;
    widgets::beside_ui(
        ui,
        BESIDE_WIDTH_MIN,
        &mut copied,
        |copied, ui| {
            form_title_ui(ui, "Decoded", forms.decoded_is);
            if widgets::code_copy_ui(ui, forms.decoded, "Copy decoded data") {
                *copied = Some(Form::Decoded);
            }
        },
        |copied, ui| {
            form_title_ui(ui, "Stored", forms.stored_is);
            if data_ui(ui, forms.stored) {
                *copied = Some(Form::Stored);
            }
        },
    );
    copied
}

/// The name of a form, and the kind of text that it is.
pub(super) fn form_title_ui(ui: &mut Ui, title: &str, form: &str) {
    let t = tokens(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.label(weight(title, 640.0).color(t.strong));
        ui.add(Label::new(RichText::new(form).size(12.0).color(t.weak)).truncate());
    });
}

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

//! The open record as each decoder shows it, and what the reader of the settings makes of it.

use eframe::egui::{Frame, Label, Margin, RichText, Stroke, Ui, vec2};

use crate::{
    app::{
        json,
        judgement::judgement_ui,
        seen::Seen,
        theme::tokens,
        widgets::{self, Tone},
    },
    engine::RecordView,
    event::shown,
    reader::{Format, Reader, View, sees, views},
};

/// Maximum bytes of a decoder's result to show: its beginning tells the decoders apart.
const SHOWN_BYTES_MAX: usize = 160;

/// Width of the column of decoders, in points.
const NAME_WIDTH: f32 = 172.0;

/// What each decoder gets of a record, made once.
pub(super) struct Decoded(Vec<View>);

impl Decoded {
    pub(super) fn of(found: &RecordView) -> Self {
        let mut views = views(&found.record.partition_key, &found.record.data);
        for view in &mut views {
            if let Ok(text) = &mut view.result {
                let (shown, is_cut) = json::cut(text, SHOWN_BYTES_MAX);
                *text = format!("{shown}{}", if is_cut { "…" } else { "" });
            }
        }
        Self(views)
    }

    /// Draws the decoders, one a line. `form`: that of the record.
    pub(super) fn ui(&self, ui: &mut Ui, seen: &Seen<'_>, form: Option<Format>) {
        widgets::title_ui(ui, "What readers see");
        reader_ui(ui, seen.config.destination.reader, form);
        let t = tokens(ui);
        let frame = Frame::new().stroke(Stroke::new(1.0, t.line)).corner_radius(9);
        frame.inner_margin(Margin::symmetric(12, 9)).show(ui, |ui| {
            ui.take_available_width();
            ui.spacing_mut().item_spacing.y = 3.0;
            for view in &self.0 {
                view_ui(ui, view);
            }
        });
    }
}

/// What the reader gets of a record of this form, and whether it can decode it.
fn reader_ui(ui: &mut Ui, reader: Option<Reader>, form: Option<Format>) {
    let Some(form) = form else {
        if let Some(reader) = reader {
            let text = format!("{} cannot decode it as an event of Tributary.", reader.title());
            widgets::message_ui(ui, Tone::Bad, &text);
        }
        return;
    };
    let Some(reader) = reader else { return widgets::hint_ui(ui, &sees(None, form)) };
    judgement_ui(ui, reader, form);
    widgets::hint_ui(ui, &sees(Some(reader), form));
}

fn view_ui(ui: &mut Ui, view: &View) {
    let t = tokens(ui);
    ui.horizontal(|ui| {
        ui.allocate_ui(vec2(NAME_WIDTH, ui.spacing().interact_size.y), |ui| {
            ui.set_min_width(NAME_WIDTH);
            ui.add(Label::new(RichText::new(view.decoder.title()).color(t.weak)).truncate());
        });
        let text = match &view.result {
            Ok(text) => RichText::new(shown::line(text)).monospace().color(t.text),
            Err(why) => RichText::new(*why).italics().color(t.weak),
        };
        ui.add(Label::new(text).truncate().selectable(true));
    });
}

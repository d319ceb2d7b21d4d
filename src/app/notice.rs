//! A short message about something that the user has done. It goes away by itself, lies over the lower edge of the window, and
//! moves nothing.

use std::time::{Duration, Instant};

use eframe::egui::{self, Frame, Margin, Ui};

use super::{theme, widgets::Tone};
use crate::event::shown;

/// Bytes of text that fit on one line; a longer text is wrapped at [`WIDTH_MAX`].
const LINE_BYTES_MAX: usize = 110;
const WIDTH_MAX: f32 = 640.0;
/// The shortest time that an error stays.
const ERROR_SECONDS_MIN: u64 = 12;

#[derive(Debug)]
pub(super) struct Notice {
    text: String,
    is_error: bool,
    since: Instant,
}

impl Notice {
    pub(super) fn done(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: false, since: Instant::now() }
    }

    pub(super) fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::done(text) }
    }

    fn tone(&self) -> Tone {
        if self.is_error { Tone::Bad } else { Tone::Good }
    }

    /// Whether it is still shown. Requests a frame for the time when it ends.
    fn is_alive(&self, ui: &Ui) -> bool {
        let reading_seconds = 3 + self.text.len() as u64 / 25;
        let seconds = if self.is_error { reading_seconds.max(ERROR_SECONDS_MIN) } else { reading_seconds };
        let left = Duration::from_secs(seconds).saturating_sub(self.since.elapsed());
        ui.request_repaint_after(left);
        !left.is_zero()
    }

    /// Draws it over the lower edge of the window, `above` points higher. False: it is over.
    pub(super) fn ui(&self, ui: &Ui, above: f32) -> bool {
        if !self.is_alive(ui) {
            return false;
        }
        let t = theme::tokens(ui);
        let frame = Frame::popup(ui.style()).corner_radius(9).inner_margin(Margin::symmetric(14, 9));
        egui::Area::new(egui::Id::unique("notice"))
            .anchor(egui::Align2::CENTER_BOTTOM, egui::vec2(0.0, -48.0 - above))
            .interactable(false)
            .show(ui, |ui| {
                frame.show(ui, |ui| {
                    ui.horizontal(|ui| {
                        ui.label(theme::icon(self.tone().icon()).color(self.tone().color(t)));
                        let text = theme::weight(shown::lines(&self.text), 560.0).color(t.strong);
                        if self.text.len() > LINE_BYTES_MAX {
                            ui.vertical(|ui| {
                                ui.set_max_width(WIDTH_MAX);
                                ui.label(text);
                            });
                        } else {
                            ui.label(text);
                        }
                    });
                });
            });
        true
    }
}

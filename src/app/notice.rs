//! A short message that goes away by itself: over the lower edge of the window if the user caused it, in a strip of its own
//! if it is an alert, so that it covers nothing that the user is looking at.

use std::time::{Duration, Instant};

use eframe::egui::{self, Frame, Margin, Ui};
use lucide_icons::Icon;

use super::{
    command::Command,
    place::Place,
    theme,
    widgets::{self, Tone},
};
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
    /// The place that shows more about it. Only an alert has one.
    place: Option<Place>,
}

impl Notice {
    pub(super) fn done(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: false, since: Instant::now(), place: None }
    }

    pub(super) fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::done(text) }
    }

    /// A notice about something that the user did not cause. `place` shows more about it.
    pub(super) fn alert(text: String, place: Place) -> Self {
        Self { place: Some(place), ..Self::error(text) }
    }

    pub(super) fn is_alert(&self) -> bool {
        self.place.is_some()
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

    /// Draws it in a line of its own, with a button to its place unless that is `open`. False: it is over.
    pub(super) fn strip_ui(&self, ui: &mut Ui, open: Place, commands: &mut Vec<Command>) -> bool {
        let mut stays = self.is_alive(ui);
        let t = theme::tokens(ui);
        let frame = Frame::popup(ui.style()).corner_radius(9).inner_margin(Margin::symmetric(14, 4));
        let margin = Margin { left: 24, right: 20, top: 8, bottom: 0 };
        frame.outer_margin(margin).show(ui, |ui| {
            egui::Sides::new().shrink_left().truncate().show(
                ui,
                |ui| {
                    ui.label(theme::icon(self.tone().icon()).color(self.tone().color(t)));
                    let text = theme::weight(shown::lines(&self.text), 560.0).color(t.strong);
                    ui.add(egui::Label::new(text).truncate());
                },
                |ui| {
                    stays &= !widgets::icon_button_ui(ui, Icon::X, "Close the notice").clicked();
                    let place = self.place.filter(|place| *place != open);
                    if let Some(place) = place
                        && widgets::button_ui(ui, place.icon(), place.title()).clicked()
                    {
                        stays = false;
                        commands.push(Command::Go(place));
                    }
                },
            );
        });
        stays
    }
}

//! The sheet that is open over the window, if one is.

use eframe::egui::Ui;

use super::{help, palette::Palette, seen::Seen};

#[derive(Default)]
pub(super) enum Overlay {
    #[default]
    Nothing,
    Palette(Palette),
    Help,
    Licences,
}

impl Overlay {
    pub(super) fn is_open(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Draws the open sheet, and closes it when the user is done with it.
    pub(super) fn ui(&mut self, ui: &Ui, seen: &mut Seen<'_>) {
        let closes = match self {
            Self::Nothing => return,
            Self::Palette(palette) => palette.ui(ui, seen),
            Self::Help => help::keys_ui(ui),
            Self::Licences => help::licences_ui(ui),
        };
        if closes {
            *self = Self::Nothing;
            ui.request_repaint();
        }
    }
}

//! The sheet that is open over the window, if one is.

use eframe::egui::{self, Ui};

use super::{help::Help, licences, palette::Palette, seen::Seen};
use crate::{delivery::LogPage, engine::Answer};

#[derive(Default)]
pub(super) struct Overlay {
    open: Sheet,
    /// The titles of the commands that the palette ran last, newest first.
    recent: Vec<String>,
}

#[derive(Default)]
enum Sheet {
    #[default]
    Nothing,
    Palette(Palette),
    Help(Help),
    Licences,
}

impl Overlay {
    pub(super) fn new(recent: Vec<String>) -> Self {
        Self { open: Sheet::Nothing, recent }
    }

    pub(super) fn open_palette(&mut self) {
        self.open = Sheet::Palette(Palette::default());
    }

    pub(super) fn open_help(&mut self) {
        self.open = Sheet::Help(Help::new());
    }

    pub(super) fn open_licences(&mut self) {
        self.open = Sheet::Licences;
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(self.open, Sheet::Nothing)
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        if let Sheet::Palette(palette) = &mut self.open {
            palette.logic(ctx, seen);
        }
    }

    /// The answer to the palette's search of the log.
    pub(super) fn found_coming(&mut self, answer: Answer<Result<LogPage, String>>) {
        if let Sheet::Palette(palette) = &mut self.open {
            palette.found_coming(answer);
        }
    }

    /// Draws the open sheet, and closes it when the user is done with it.
    pub(super) fn ui(&mut self, ui: &Ui, seen: &mut Seen<'_>) {
        let closes = match &mut self.open {
            Sheet::Nothing => return,
            Sheet::Palette(palette) => palette.ui(ui, &mut self.recent, seen),
            Sheet::Help(help) => help.ui(ui, seen),
            Sheet::Licences => licences::licences_ui(ui),
        };
        if closes {
            self.open = Sheet::Nothing;
            ui.request_repaint();
        }
    }
}

//! The page that the window shows when the product did not start: what is wrong, where, what is allowed, and what the
//! window can do about it: take another port, open the settings file, ask the running Tributary to show its window.

use std::path::PathBuf;

use eframe::egui::{CentralPanel, Frame, Label, Margin, RichText, ScrollArea, Stroke, Ui};
use lucide_icons::Icon;

use super::{
    logo,
    theme::{self, tokens, weight},
    waiting::{Waiting, arrived},
    widgets::{self, Tone},
};
use crate::engine::{Answer, SocketAddr};

/// Why the product did not start, for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One line: what is wrong.
    pub title: String,
    /// Where (file, line, key), what is allowed, what to do: one line each.
    pub details: Vec<String>,
    /// What the window can do about it, if anything.
    pub offer: Option<Offer>,
}

/// What the window can do when the product did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Listen on this address, which is free, and keep that in the settings file.
    Listen(SocketAddr),
    /// Open this settings file in the desktop's editor.
    Open(PathBuf),
    /// Ask the other Tributary, which uses the data folder, to show its window.
    ShowWindow,
}

/// What the user has chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Start again, listening on this address instead of the one in the settings.
    TryAgain(Option<SocketAddr>),
    OpenFile(PathBuf),
    Quit,
}

pub(super) struct Page {
    problem: Problem,
    /// The choice to carry out before the next frame.
    pub choice: Option<Choice>,
    /// The settings file is being opened.
    opening: Option<Waiting<Result<(), String>>>,
    /// Why the settings file could not be opened.
    not_opened: Option<String>,
    is_new: bool,
}

impl Page {
    pub(super) fn new(problem: Problem) -> Self {
        Self { problem, choice: None, opening: None, not_opened: None, is_new: true }
    }

    /// Records that the settings file is being opened.
    pub(super) fn opening(&mut self, answer: Answer<Result<(), String>>) {
        self.not_opened = None;
        self.opening = Some(Waiting::new(answer));
    }

    pub(super) fn ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        let frame = Frame::new().fill(t.window).inner_margin(Margin::same(28));
        CentralPanel::default().frame(frame).show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                ui.vertical_centered(|ui| {
                    ui.set_max_width(640.0);
                    ui.add_space((ui.available_height() * 0.14).min(110.0));
                    logo::logo_ui(ui, 44.0);
                    ui.add_space(10.0);
                    let (title, hint) = match self.problem.offer {
                        Some(Offer::ShowWindow) => (
                            "Tributary is already running",
                            "One Tributary at a time can use a data folder. To run another one, give it a folder of its \
                             own with --data-dir.",
                        ),
                        Some(Offer::Listen(_) | Offer::Open(_)) | None => (
                            "Tributary could not start",
                            "Nothing was changed. Events that were accepted before are safe in the spool.",
                        ),
                    };
                    ui.label(weight(title, 680.0).size(19.0).color(t.strong));
                    ui.add_space(8.0);
                    ui.vertical(|ui| {
                        widgets::card_ui(ui, |ui| self.card_ui(ui));
                        ui.add_space(4.0);
                        widgets::hint_ui(ui, hint);
                    });
                });
            });
        });
        if self.choice.is_some() {
            ui.request_repaint();
        }
    }

    fn card_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        ui.horizontal_top(|ui| {
            ui.label(theme::icon(Icon::CircleAlert).size(15.0).color(t.err));
            ui.add(Label::new(weight(&*self.problem.title, 620.0).size(14.0).color(t.strong)).wrap());
        });
        for line in &self.problem.details {
            let frame = Frame::new().fill(t.field).stroke(Stroke::new(1.0, t.line)).corner_radius(7);
            frame.inner_margin(Margin::symmetric(12, 8)).show(ui, |ui| {
                ui.take_available_width();
                ui.add(Label::new(RichText::new(line).monospace().color(t.text)).wrap());
            });
        }
        let what_to_do = match &self.problem.offer {
            Some(Offer::Listen(address)) => {
                format!("Port {} is free. Point your senders to it as well.", address.port())
            }
            Some(Offer::Open(path)) => {
                format!("Correct it in {}, save the file, then try again.", path.display())
            }
            Some(Offer::ShowWindow) => {
                "Use the window that is open, or stop the other Tributary first.".to_owned()
            }
            None => "Remove the cause, then try again. The details are for whoever helps you.".to_owned(),
        };
        ui.add(Label::new(RichText::new(what_to_do).color(t.text)).wrap());
        if let Some(Err(error)) = arrived(&mut self.opening, ui.ctx())
            && let Some(Offer::Open(path)) = &self.problem.offer
        {
            self.not_opened =
                Some(format!("No program opened the file ({error}). Open {} yourself.", path.display()));
        }
        if let Some(why) = &self.not_opened {
            widgets::message_ui(ui, Tone::Bad, why);
        }
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| self.actions_ui(ui));
    }

    fn actions_ui(&mut self, ui: &mut Ui) {
        let offer = self.problem.offer.as_ref();
        let (icon, label) = match offer {
            Some(Offer::Listen(address)) => (Icon::Plug, format!("Use port {}", address.port())),
            Some(Offer::Open(_)) => (Icon::SquarePen, "Open settings file".to_owned()),
            Some(Offer::ShowWindow) => (Icon::AppWindow, "Show its window".to_owned()),
            None => (Icon::RotateCw, "Try again".to_owned()),
        };
        let first = widgets::primary_button_ui(ui, icon, &label, true);
        // Give it the focus, so that Enter presses it.
        if std::mem::take(&mut self.is_new) {
            first.request_focus();
        }
        if first.clicked() {
            self.choice = Some(match offer {
                Some(Offer::Listen(address)) => Choice::TryAgain(Some(*address)),
                Some(Offer::Open(path)) => Choice::OpenFile(path.clone()),
                Some(Offer::ShowWindow) | None => Choice::TryAgain(None),
            });
        }
        // With another offer, the first button does that.
        if let Some(Offer::Listen(_) | Offer::Open(_)) = offer
            && widgets::button_ui(ui, Icon::RotateCw, "Try again").clicked()
        {
            self.choice = Some(Choice::TryAgain(None));
        }
        if widgets::button_ui(ui, Icon::Copy, "Copy").clicked() {
            let mut text = self.problem.title.clone();
            for line in &self.problem.details {
                text.push('\n');
                text.push_str(line);
            }
            ui.copy_text(text);
        }
        if widgets::button_ui(ui, Icon::X, "Quit").clicked() {
            self.choice = Some(Choice::Quit);
        }
    }
}

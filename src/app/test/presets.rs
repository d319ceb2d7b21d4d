//! The saved events: events that the user has named. The engine reads and writes their file.

use eframe::egui::{self, Label, RichText, Ui};
use lucide_icons::Icon;

use super::super::{
    command::{Command, TestCommand},
    place::Place,
    seen::Seen,
    sheet::question_ui,
    theme::tokens,
    waiting::{Waiting, arrived},
    widgets::{self, Tone},
};
use crate::{
    engine::{Answer, Preset},
    event::Kind,
};

const NAME_CHARS_MAX: usize = 60;

#[derive(Default)]
pub(super) struct Presets {
    saved: Vec<Preset>,
    is_asked: bool,
    /// The file was read. Before that it must not be overwritten.
    is_loaded: bool,
    reading: Option<Waiting<Result<Vec<Preset>, String>>>,
    writing: Option<Waiting<Result<(), String>>>,
    error: Option<String>,
    /// The name that is being typed for the event.
    naming: Option<String>,
    /// The field for the name gets the focus in the next frame.
    wants_focus: bool,
    /// The name of the event that was chosen last, until its call gets another event.
    chosen: Option<String>,
    /// The name of the event to remove, while the user is asked about it.
    removing: Option<String>,
}

impl Presets {
    pub(super) fn coming(&mut self, answer: Answer<Result<Vec<Preset>, String>>) {
        self.reading = Some(Waiting::new(answer));
    }

    pub(super) fn saved(&mut self, answer: Answer<Result<(), String>>) {
        self.writing = Some(Waiting::new(answer));
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        if seen.place == Place::Test && !self.is_asked {
            self.is_asked = true;
            seen.push(Command::Test(TestCommand::ReadPresets));
        }
        match arrived(&mut self.reading, ctx) {
            Some(Ok(saved)) => (self.saved, self.is_loaded) = (saved, true),
            Some(Err(error)) => self.error = Some(format!("Saved events: {error}")),
            None => {}
        }
        if let Some(Err(error)) = arrived(&mut self.writing, ctx) {
            self.error = Some(format!("Not saved: {error}"));
        }
    }

    fn write(&mut self, seen: &mut Seen<'_>) {
        self.error = None;
        seen.push(Command::Test(TestCommand::SavePresets(self.saved.clone())));
    }

    /// Clears the chosen preset, because this call has got another event.
    pub(super) fn deselect(&mut self, kind: Kind) {
        if self.shown(kind).is_some() {
            self.chosen = None;
        }
    }

    /// The name of the chosen event, if it belongs to this call.
    fn shown(&self, kind: Kind) -> Option<String> {
        let chosen = self.chosen.as_ref()?;
        let is_it = |preset: &&Preset| preset.name == *chosen && preset.kind == kind;
        self.saved.iter().find(is_it).map(|preset| preset.name.clone())
    }

    /// Draws the saved events; the one that was chosen. `text`: the event as it is now, to save it.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, kind: Kind, text: &str) -> Option<Preset> {
        let mut chosen = None;
        let shown = self.shown(kind);
        ui.horizontal_wrapped(|ui| {
            let title = shown.as_deref().unwrap_or("Saved events");
            let list = widgets::List {
                name: "Saved events",
                shown: title,
                width: 170.0,
                if_empty: "None yet. Save keeps the event as it is now.",
            };
            let labels: Vec<_> = self
                .saved
                .iter()
                .map(|preset| format!("{} ({})", preset.name, preset.kind.as_str()))
                .collect();
            let is_shown = |preset: &Preset| shown.as_ref() == Some(&preset.name);
            let choices: Vec<_> =
                labels.iter().zip(&self.saved).map(|(label, preset)| (&**label, is_shown(preset))).collect();
            let (_, at) = list.ui(ui, &choices);
            chosen = at.and_then(|at| self.saved.get(at)).cloned();
            let can_edit = self.is_loaded && self.writing.is_none() && self.naming.is_none();
            if can_edit && widgets::button_ui(ui, Icon::BookmarkPlus, "Save as …").clicked() {
                self.naming = Some(shown.clone().unwrap_or_default());
                self.wants_focus = true;
            }
            if let Some(name) = &shown
                && can_edit
                && widgets::icon_button_ui(ui, Icon::Trash2, &format!("Remove saved event {name}")).clicked()
            {
                self.removing = Some(name.clone());
            }
        });
        if let Some(preset) = &chosen {
            self.chosen = Some(preset.name.clone());
        }
        self.naming_ui(ui, seen, kind, text);
        self.removing_ui(ui, seen);
        if let Some(error) = &self.error {
            widgets::message_ui(ui, Tone::Bad, error);
        }
        chosen
    }

    /// The question before a saved event is removed.
    fn removing_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let Some(name) = &self.removing else { return };
        let mut confirmed = false;
        let closes = question_ui(ui, 380.0, ("Remove this saved event?", name), |ui| {
            let text =
                "It is removed from the list of saved events. The event that you are editing stays as it is.";
            ui.add(Label::new(RichText::new(text).color(tokens(ui).weak)).wrap());
            ui.add_space(8.0);
            widgets::answers_ui(ui, |ui| {
                confirmed = widgets::danger_button_ui(ui, Icon::Trash2, "Remove saved event").clicked();
                if widgets::button_ui(ui, Icon::X, "Cancel").clicked() {
                    ui.close();
                }
            });
        });
        if confirmed {
            let name = name.clone();
            self.saved.retain(|preset| preset.name != name);
            self.chosen = None;
            self.write(seen);
            seen.push(Command::Notify(format!("{name} removed")));
        }
        if confirmed || closes {
            self.removing = None;
        }
    }

    fn naming_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, kind: Kind, text: &str) {
        let Some(name) = &mut self.naming else { return };
        let (mut save, mut cancel) = (false, false);
        ui.horizontal_wrapped(|ui| {
            let field =
                ui.add(widgets::text_edit(name, "A name").char_limit(NAME_CHARS_MAX).desired_width(200.0));
            let field = field.accessible_name("Name of the saved event");
            widgets::focus_once(&field, &mut self.wants_focus);
            widgets::keep_focus(&field, name.trim().is_empty());
            save = widgets::is_left_with(&field, egui::Key::Enter);
            cancel = widgets::is_left_with(&field, egui::Key::Escape);
            let can = !name.trim().is_empty();
            save |= widgets::primary_button_ui(ui, Icon::Check, "Save event", can).clicked();
            save &= can;
            cancel |= widgets::button_ui(ui, Icon::X, "Cancel").clicked();
        });
        if save {
            let name = name.trim().to_owned();
            let preset = Preset { name: name.clone(), kind, json: text.to_owned() };
            match self.saved.iter_mut().find(|other| other.name == name) {
                Some(old) => *old = preset,
                None => self.saved.push(preset),
            }
            self.write(seen);
            seen.push(Command::Notify(format!("Saved as {name}")));
            self.chosen = Some(name);
        }
        if save || cancel {
            self.naming = None;
        }
    }
}

//! Export and import of settings as text, without sources, alerts and secrets.

use eframe::egui::{Key, Label, RichText, TextEdit, Ui};
use lucide_icons::Icon;

use crate::{
    app::{
        queue_move,
        seen::Seen,
        theme::{tokens, weight},
        widgets::{self, Tone},
    },
    config::{self, Difference},
    engine::WaitingEvents,
};

/// Maximum mistakes of an imported text to show.
const PROBLEMS_SHOWN: usize = 4;

#[derive(Default)]
pub(super) struct Share {
    /// The text to import, while its field is open.
    pasted: Option<String>,
    /// Give the focus to the field.
    wants_focus: bool,
}

impl Share {
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::hint_ui(ui, "Settings as text, without sources, alerts and secrets.");
        ui.horizontal_wrapped(|ui| {
            if widgets::button_ui(ui, Icon::Copy, "Copy settings").clicked() {
                ui.copy_text(config::export(seen.config));
                seen.copied("Settings");
            }
            if self.pasted.is_none() && widgets::button_ui(ui, Icon::ClipboardPaste, "Import …").clicked() {
                self.pasted = Some(String::new());
                self.wants_focus = true;
            }
        });
        if self.pasted.is_some() && self.import_ui(ui, seen) {
            self.pasted = None;
        }
    }

    /// True when the field must be closed.
    fn import_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
        let t = tokens(ui);
        let Some(text) = &mut self.pasted else { return true };
        let label = ui.label(weight("Settings to import", 560.0));
        let edit = TextEdit::multiline(text).code_editor().desired_rows(6).hint_text("Paste them here");
        let field = ui.add(edit.desired_width(f32::INFINITY)).labelled_by(label.id);
        widgets::focus_once(&field, &mut self.wants_focus);
        let imported = config::import(seen.config, text);
        let mut changes = Vec::new();
        match &imported {
            Ok(config) => changes = config::differences(seen.config, config),
            Err(problems) => {
                for problem in problems.iter().take(PROBLEMS_SHOWN) {
                    widgets::error_ui(ui, Some(&problem.to_string()));
                }
            }
        }
        for Difference { name, before, after } in &changes {
            let line = format!("{name}: {before} → {after}");
            ui.add(Label::new(RichText::new(line).monospace().size(11.5).color(t.text)).wrap());
        }
        let question = imported.as_ref().ok().and_then(|config| queue_move::question(seen, config));
        if let Some(question) = &question {
            widgets::message_ui(ui, Tone::Attention, &question.text);
        }
        let mut done = widgets::is_left_with(&field, Key::Escape);
        ui.horizontal_wrapped(|ui| {
            let can = match (changes.is_empty(), seen.saving) {
                (true, _) => Err("Nothing would change"),
                (false, true) => Err("Saving …"),
                (false, false) => Ok(()),
            };
            let chosen = queue_move::choice_ui(ui, "Import", question.as_ref(), can);
            if let (Some(queued), Ok(config)) = (chosen, &imported) {
                let said = match queued {
                    WaitingEvents::GoOn => "Imported and saved",
                    WaitingEvents::SetAside => "Imported and saved; the queued events are under Failed",
                };
                seen.save_with(config.clone(), said, queued);
                done = true;
            }
            done |= widgets::button_ui(ui, Icon::X, "Cancel import").clicked();
        });
        done
    }
}

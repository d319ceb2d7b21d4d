//! Destinations kept under a name: one click puts one into the draft, and applying switches to it.

use eframe::egui::{Button, Key, Ui, vec2};
use lucide_icons::Icon;

use super::super::{
    seen::Seen,
    theme::{self, tokens, weight},
    widgets,
};
use crate::config::{self, Config};

#[derive(Default)]
pub(super) struct Saved {
    /// The name under which the draft is to be kept, while one is asked for.
    name: Option<String>,
    /// The field for the name is to get the focus.
    focus: bool,
}

impl Saved {
    /// `reason` says why the draft cannot be kept as it is.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &mut Config, reason: Option<&str>) {
        let t = tokens(ui);
        let mut changed = None;
        ui.horizontal_wrapped(|ui| {
            for saved in &seen.config.destinations {
                let selected = draft.uses(saved);
                let icon = theme::icon(Icon::Bookmark).color(if selected { t.accent } else { t.weak });
                let button = Button::selectable(selected, (icon, weight(&*saved.name, 560.0)))
                    .frame_when_inactive(true)
                    .min_size(vec2(0.0, 28.0));
                let hint =
                    if seen.config.uses(saved) { "In force" } else { "Fill the form with these settings" };
                let response = ui.add(button).accessible_name(format!("Destination {}", saved.name));
                if response.on_hover_text(hint).clicked() {
                    draft.switch_to(saved);
                }
                if selected {
                    let name = format!("Remove {}", saved.name);
                    if widgets::icon_button_ui(ui, Icon::X, &name).clicked() {
                        let mut config = seen.config.clone();
                        config.destinations.retain(|other| other.name != saved.name);
                        changed = Some((config, "Destination removed"));
                    }
                }
            }
            let known = seen.config.destinations.iter().any(|saved| draft.uses(saved));
            if self.name.is_none() && !known {
                let button = ui.add_enabled_ui(reason.is_none(), |ui| {
                    widgets::button_ui(ui, Icon::BookmarkPlus, "Save as …")
                });
                if button.inner.on_disabled_hover_text(reason.unwrap_or_default()).clicked() {
                    self.name = Some(String::new());
                    self.focus = true;
                }
            }
        });
        if let Some(name) = &mut self.name {
            let mut done = false;
            let fault = config::check_source_name(name).err().filter(|_| !name.is_empty());
            let fault = fault.map(|_| "One line of at most 100 characters, without a space at its ends");
            let label = ui.label(weight("Name of this destination", 560.0));
            ui.horizontal(|ui| {
                let edit = widgets::text_edit(name, "Production").desired_width(220.0);
                let field = ui.add(edit).labelled_by(label.id);
                widgets::focus_once(&field, &mut self.focus);
                widgets::keep_focus(&field, fault.is_some());
                let can = !name.is_empty() && fault.is_none() && reason.is_none() && !seen.saving;
                let is_taken = seen.config.destinations.iter().any(|other| other.name == *name);
                let label = if is_taken { "Replace the saved one" } else { "Save" };
                // Enter is for a new name: a destination that has this name already is replaced by the button alone.
                let enter = widgets::is_left_with(&field, Key::Enter) && can && !is_taken;
                if widgets::primary_button_ui(ui, Icon::Check, label, can).clicked() || enter {
                    let mut config = seen.config.clone();
                    let saved = draft.saved_as(name);
                    match config.destinations.iter_mut().find(|other| other.name == *name) {
                        Some(other) => *other = saved,
                        None => config.destinations.push(saved),
                    }
                    changed = Some((config, "Destination saved"));
                    done = true;
                }
                let escape = widgets::is_left_with(&field, Key::Escape);
                done |= widgets::button_ui(ui, Icon::X, "Cancel").clicked() || escape;
            });
            widgets::error_ui(ui, fault);
            if done {
                self.name = None;
            }
        }
        if let Some((config, notice)) = changed.filter(|_| !seen.saving) {
            seen.save(config, notice);
        }
    }
}

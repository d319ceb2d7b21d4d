//! The destination step: the practice stream or Kinesis, and the saved destinations. One click puts a saved destination into
//! the draft.

use eframe::egui::{Button, Frame, Key, Label, Margin, RichText, Ui, vec2};
use lucide_icons::Icon;

use super::super::{
    env_overrides,
    place::Place,
    seen::Seen,
    theme::{self, tokens, weight},
    widgets,
};
use crate::{
    config::{self, Config, DestinationKind},
    policy,
};

#[derive(Default)]
pub(super) struct DestinationStep {
    /// The typed name under which to save the draft, while the user is asked for one.
    name: Option<String>,
    /// Give the focus to the field for the name.
    focus: bool,
}

impl DestinationStep {
    /// Draws the step. `reason`: why the draft cannot be saved. True when a saved destination was put into the draft.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        draft: &mut Config,
        reason: Option<&str>,
    ) -> bool {
        env_overrides::note_ui(ui, seen, &["destination", "credentials"]);
        let kind = &mut draft.destination.kind;
        let practice = "A small Kinesis inside this app. It needs no AWS account, and nothing leaves this \
                            computer.";
        let kinesis = "A stream in your AWS account, or another Kinesis-compatible server.";
        let choices = [
            (DestinationKind::Practice, "Practice stream", practice),
            (DestinationKind::Kinesis, "Amazon Kinesis", kinesis),
        ];
        widgets::choices_ui(ui, kind, &choices);
        if *kind == DestinationKind::Kinesis {
            widgets::link_ui(ui, "What is Amazon Kinesis?", policy::ABOUT_KINESIS);
        }
        if *kind == DestinationKind::Kinesis || !seen.config.destinations.is_empty() {
            let before = draft.destination.clone();
            self.saved_ui(ui, seen, draft, reason);
            return draft.destination != before;
        }
        false
    }

    fn saved_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &mut Config, reason: Option<&str>) {
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
                // Enter saves under a new name only. Replacing a saved destination takes a click on the button.
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

/// Draws what is shown for the practice stream instead of the steps for AWS.
pub(super) fn practice_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let t = tokens(ui);
    let frame = Frame::new().fill(t.accent_soft.gamma_multiply(0.6)).corner_radius(12);
    frame.inner_margin(Margin::symmetric(18, 16)).show(ui, |ui| {
        ui.take_available_width();
        ui.horizontal_top(|ui| {
            ui.label(theme::icon(Icon::GraduationCap).size(20.0).color(t.accent));
            ui.vertical(|ui| {
                ui.label(weight("Nothing to set up", 640.0).size(14.0).color(t.strong));
                let text = "The practice stream is part of this app. Events are sent to it by the same AWS client \
                            and the same calls as to a real stream, so what you see here is what AWS will get. When \
                            you are ready, choose Amazon Kinesis above.";
                ui.add(Label::new(RichText::new(text).color(t.text)).wrap());
                ui.add_space(2.0);
                ui.horizontal_wrapped(|ui| {
                    if widgets::primary_button_ui(ui, Icon::FlaskConical, "Send a test event", true).clicked() {
                        seen.go(Place::Test);
                    }
                    if widgets::button_ui(ui, Icon::Plug, "Connect an SDK").clicked() {
                        seen.go(Place::Sources);
                    }
                });
            });
        });
    });
}

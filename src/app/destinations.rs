//! The menu of the status line: the destination in force, the practice stream and the saved destinations to switch to, and the
//! ways to save one or to set up another.

use eframe::egui::{AtomExt as _, Button, Label, Response, RichText, Ui, containers::menu::MenuButton};
use lucide_icons::Icon;

use super::{
    command::{Command, SetUpCommand},
    seen::Seen,
    theme::{self, tokens, weight},
};
use crate::config::DestinationKind;

/// Draws the button with the name of the destination in force, and its menu while it is open.
pub(super) fn menu_ui(ui: &mut Ui, seen: &mut Seen<'_>, icon: Icon, name: &str) -> Response {
    let t = tokens(ui);
    let text = weight(name, 580.0).color(t.strong).atom_shrink(true);
    let button = Button::new((theme::icon(icon).color(t.weak), text)).frame_when_inactive(false).truncate();
    let (response, _) = MenuButton::from_button(button).ui(ui, |ui| {
        ui.set_min_width(220.0);
        ui.spacing_mut().item_spacing.y = 3.0;
        choices_ui(ui, seen);
    });
    response.accessible_name(format!("Destination in force: {name}"))
}

fn choices_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let t = tokens(ui);
    let is_practice = seen.config.destination.kind == DestinationKind::Practice;
    ui.add(Label::new(RichText::new("Send events to").small().color(t.weak)).selectable(false));
    if choice_ui(ui, Icon::GraduationCap, "Practice stream", is_practice) {
        seen.push(Command::SetUp(SetUpCommand::SwitchToPractice));
    }
    let mut is_saved = is_practice;
    for saved in &seen.config.destinations {
        let is_in_force = !is_practice && seen.config.uses(saved);
        is_saved |= is_in_force;
        if choice_ui(ui, Icon::Bookmark, &saved.name, is_in_force) {
            seen.push(Command::SetUp(SetUpCommand::SwitchTo(saved.name.clone())));
        }
    }
    ui.separator();
    if !is_saved && item_ui(ui, Icon::BookmarkPlus, "Save this destination …") {
        seen.push(Command::SetUp(SetUpCommand::Save));
    }
    let another = if is_practice && seen.config.destinations.is_empty() {
        "Set up Amazon Kinesis …"
    } else {
        "Set up another destination …"
    };
    if item_ui(ui, Icon::Plus, another) {
        seen.push(Command::SetUp(SetUpCommand::New));
    }
}

/// Draws a destination. True when it was chosen and is not the one in force.
fn choice_ui(ui: &mut Ui, icon: Icon, name: &str, in_force: bool) -> bool {
    let t = tokens(ui);
    let icon = theme::icon(icon).color(if in_force { t.accent } else { t.weak });
    let mut button = Button::selectable(in_force, (icon, weight(name, 520.0)));
    if in_force {
        button = button.right_text(RichText::new("in force").small().color(t.ok));
    }
    let label = if in_force { format!("{name}, in force") } else { format!("Switch to {name}") };
    let chosen = ui.add(button).accessible_name(label).clicked();
    if chosen {
        ui.close();
    }
    chosen && !in_force
}

fn item_ui(ui: &mut Ui, icon: Icon, label: &str) -> bool {
    let t = tokens(ui);
    let button =
        Button::new((theme::icon(icon).color(t.weak), weight(label, 520.0))).frame_when_inactive(false);
    let chosen = ui.add(button).accessible_name(label).clicked();
    if chosen {
        ui.close();
    }
    chosen
}

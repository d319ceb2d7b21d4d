//! Where the program's files are, its version, and its licences.

use eframe::egui::Ui;
use lucide_icons::Icon;

use crate::app::{
    command::{Command, WindowCommand},
    seen::Seen,
    widgets,
};

pub(super) fn files_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    ui.spacing_mut().item_spacing.y = 3.0;
    if widgets::fact_ui(ui, "Settings file", &seen.snapshot.fixed.config_path, true) {
        seen.copied("Path");
    }
    if widgets::fact_ui(ui, "Data folder", &seen.snapshot.fixed.data_dir, true) {
        seen.copied("Path");
    }
    widgets::fact_ui(ui, "Version", env!("CARGO_PKG_VERSION"), true);
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        if widgets::button_ui(ui, Icon::SquarePen, "Open settings file").clicked() {
            seen.push(Command::Window(WindowCommand::OpenSettingsFile));
        }
        if widgets::button_ui(ui, Icon::Scale, "Third-party licences").clicked() {
            seen.push(Command::Window(WindowCommand::Licences));
        }
    });
    ui.add_space(4.0);
    widgets::hint_ui(ui, "The settings file contains no AWS secrets.");
}

//! Buttons for many events at once: all that match the search, or all that failed.

use eframe::egui::{self, Ui};
use lucide_icons::Icon;

use super::menu::menu_ui;
use crate::{
    app::{
        command::{self, ALL, Command, LogCommand},
        seen::Seen,
        theme, widgets,
    },
    delivery::ResendSelection,
};

/// The menu for all events that match the search.
pub(super) fn more_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    menu_ui(ui, Icon::Ellipsis, "More", "More", |ui| {
        let ask = [Command::AskResend, Command::AskExport];
        for entry in ALL.iter().filter(|entry| ask.contains(&entry.command)) {
            let keys = entry.keys.map(|keys| command::keys_text(ui, keys)).unwrap_or_default();
            let button = egui::Button::new((theme::icon(entry.icon), entry.title)).shortcut_text(keys);
            if ui.add(button).accessible_name(entry.title).clicked() {
                seen.push(entry.command.clone());
                ui.close();
            }
        }
    });
}

/// The button that resends all failed events, if there are any.
pub(super) fn resend_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let failed = seen.status.ledger.failed;
    if failed == 0 {
        return;
    }
    let label = format!("Resend {} failed", widgets::digits(failed));
    let hint = "Queues every failed event again, behind waiting events";
    if widgets::button_ui(ui, Icon::RotateCw, &label).on_hover_text(hint).clicked() {
        let which = ResendSelection::Fitting(Box::default());
        seen.push(Command::Log(LogCommand::Resend { which, rate: None, count: None }));
    }
}

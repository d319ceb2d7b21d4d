//! Signing in to AWS again: a button if the AWS CLI is installed, else the command to copy.

use eframe::egui::{RichText, Spinner, Ui};
use lucide_icons::Icon;

use super::{
    command::{AccountCommand, Command},
    seen::Seen,
    theme::tokens,
    widgets,
};
use crate::{delivery::SignInPage, remedy::SignIn};

pub(super) fn sign_in_ui(ui: &mut Ui, seen: &mut Seen<'_>, what: &SignIn) {
    let command = what.command();
    if let Some(page) = seen.account.page_of(what) {
        ui.add(Spinner::new().size(14.0));
        ui.label(RichText::new("Continue in your browser …").color(tokens(ui).weak));
        if widgets::button_ui(ui, Icon::X, "Stop waiting").clicked() {
            seen.push(Command::Account(AccountCommand::StopSigningIn));
        }
        page_ui(ui, seen, &page);
    } else if seen.account.has_cli() {
        let button = widgets::primary_button_ui(ui, Icon::LogIn, "Sign in", true)
            .on_hover_text(format!("Runs {command}"));
        if button.clicked() {
            seen.push(Command::Account(AccountCommand::SignIn(what.clone())));
        }
    } else {
        let button = widgets::primary_button_ui(ui, Icon::Copy, "Copy the command", true);
        if button.on_hover_text(&*command).clicked() {
            ui.copy_text(command);
            seen.copied("Command");
        }
    }
}

/// The page and the code that the AWS CLI names, in case no browser opens.
fn page_ui(ui: &mut Ui, seen: &mut Seen<'_>, page: &SignInPage) {
    let Some(address) = &page.address else { return };
    ui.vertical(|ui| {
        ui.label(RichText::new("No browser opened? Open this page:").color(tokens(ui).weak));
        if widgets::fact_ui(ui, "Page", address, true) {
            seen.copied("Address");
        }
        if let Some(code) = &page.code
            && widgets::fact_ui(ui, "Code", code, true)
        {
            seen.copied("Code");
        }
    });
}

//! What the window knows of AWS's own files on this machine, and a sign-in that is going on in the browser.

use std::time::{Duration, Instant};

use eframe::egui::{self, RichText, Spinner, Ui};
use lucide_icons::Icon;

use tokio::sync::watch;

use super::{Notice, Poll, Seen, Waiting, Wish, arrived, theme::tokens, widgets};
use crate::{
    delivery::{AwsProfiles, Profile, SignInPage},
    engine::Engine,
    remedy::SignIn,
};

/// A little longer than the engine waits for a person in a browser.
const SIGN_IN_PATIENCE: Duration = Duration::from_secs(610);

#[derive(Default)]
pub(super) struct Account {
    files: AwsProfiles,
    /// Why the files could not be read.
    unreadable: Option<String>,
    reading: Option<Waiting<Result<AwsProfiles, String>>>,
    /// When they were last asked for.
    read_at: Option<Instant>,
    signing_in: Option<SigningIn>,
}

struct SigningIn {
    answer: Waiting<Result<(), String>>,
    page: watch::Receiver<SignInPage>,
    what: SignIn,
}

impl Account {
    /// Reads AWS's files again.
    pub(super) fn read(&mut self, engine: &Engine) {
        if self.reading.is_none() {
            self.reading = Some(Waiting::new(engine.aws_files()));
            self.read_at = Some(Instant::now());
        }
    }

    /// Starts a sign-in for a profile, in the place of one that goes on.
    pub(super) fn sign_in(&mut self, engine: &Engine, what: SignIn) {
        let (answer, page) = engine.sign_in(what.clone());
        self.signing_in = Some(SigningIn { answer: Waiting::patient(answer, SIGN_IN_PATIENCE), page, what });
    }

    /// Letting go of the answer ends it.
    pub(super) fn stop_signing_in(&mut self) {
        self.signing_in = None;
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context) -> Option<Notice> {
        match arrived(&mut self.reading, ctx) {
            Some(Ok(files)) => {
                self.files = files;
                self.unreadable = None;
            }
            Some(Err(error)) => self.unreadable = Some(error),
            None => {}
        }
        let notice = match self.signing_in.as_mut()?.answer.poll(ctx) {
            Poll::Pending => return None,
            Poll::There(Ok(())) => Notice::new("Signed in".to_owned(), false),
            Poll::There(Err(error)) => Notice::new(format!("Not signed in: {error}"), true),
            Poll::Lost => Notice::new("Not signed in: no answer".to_owned(), true),
        };
        self.signing_in = None;
        Some(notice)
    }

    /// How long ago the files were last asked for.
    pub(super) fn read_ago(&self) -> Duration {
        self.read_at.map_or(Duration::MAX, |at| at.elapsed())
    }

    pub(super) fn profiles(&self) -> &[Profile] {
        &self.files.profiles
    }

    pub(super) fn profile(&self, name: &str) -> Option<&Profile> {
        self.files.profiles.iter().find(|profile| &*profile.name == name)
    }

    pub(super) fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }
}

/// The way to sign in again: a button where the AWS CLI is installed, the command to copy where it is not.
pub(super) fn sign_in_ui(ui: &mut Ui, seen: &mut Seen<'_>, what: &SignIn) {
    let command = what.command();
    let page = seen.account.signing_in.as_ref().filter(|current| current.what == *what);
    if let Some(page) = page.map(|current| current.page.borrow().clone()) {
        ui.add(Spinner::new().size(14.0));
        ui.label(RichText::new("Continue in your browser …").color(tokens(ui).weak));
        if widgets::button_ui(ui, Icon::X, "Stop waiting").clicked() {
            seen.wishes.push(Wish::StopSigningIn);
        }
        page_ui(ui, seen, &page);
    } else if seen.account.files.has_cli {
        let button = widgets::button_ui(ui, Icon::LogIn, "Sign in").on_hover_text(format!("Runs {command}"));
        if button.clicked() {
            seen.wishes.push(Wish::SignIn(what.clone()));
        }
    } else if widgets::button_ui(ui, Icon::Copy, "Copy the command").on_hover_text(&*command).clicked() {
        ui.copy_text(command);
        seen.copied("Command");
    }
}

/// For where no browser opens: the page and the code that the AWS CLI names.
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

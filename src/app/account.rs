//! The contents of AWS's own files on this computer, as last read, and the sign-in that is under way in a browser.

use std::time::{Duration, Instant};

use eframe::egui;
use tokio::sync::watch;

use super::{
    notice::Notice,
    waiting::{Poll, Waiting, arrived},
};
use crate::{
    delivery::{AwsProfiles, Profile, SignInPage},
    engine::Answer,
    remedy::SignIn,
};

/// A little longer than the engine's time limit of a sign-in.
const SIGN_IN_MAX: Duration = Duration::from_secs(610);

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
    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Takes the answer of a read of AWS's files that has begun.
    pub(super) fn reading(&mut self, answer: Answer<Result<AwsProfiles, String>>) {
        self.reading = Some(Waiting::new(answer));
        self.read_at = Some(Instant::now());
    }

    /// Records that a sign-in has begun. It replaces one that was under way.
    pub(super) fn signing_in(
        &mut self,
        what: SignIn,
        answer: Answer<Result<(), String>>,
        page: watch::Receiver<SignInPage>,
    ) {
        self.signing_in = Some(SigningIn { answer: Waiting::at_most(SIGN_IN_MAX, answer), page, what });
    }

    /// Ends the sign-in: the engine stops when nobody waits for the answer.
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
            Poll::There(Ok(())) => Notice::done("Signed in"),
            Poll::There(Err(error)) => Notice::error(format!("Not signed in: {error}")),
            Poll::Lost => Notice::error("Not signed in: no answer"),
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

    /// Why the files could not be read.
    pub(super) fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }

    /// Whether the AWS CLI is installed.
    pub(super) fn has_cli(&self) -> bool {
        self.files.has_cli
    }

    /// The page of this sign-in, while it is under way.
    pub(super) fn page_of(&self, what: &SignIn) -> Option<SignInPage> {
        let current = self.signing_in.as_ref().filter(|current| current.what == *what)?;
        Some(current.page.borrow().clone())
    }
}

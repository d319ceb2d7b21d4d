//! What is typed in Set up and not in force, kept for the next start.

use std::time::{Duration, Instant};

use eframe::egui::Context;

use super::super::{
    command::{Command, KeepCommand},
    seen::Seen,
};
use crate::config::{self, Config};

/// The pause after the last change before the draft is kept for the next start.
const KEEP_AFTER: Duration = Duration::from_millis(400);

pub(super) struct KeptDraft {
    /// The draft that was kept, and since when it differs from the one in the form.
    kept: Config,
    unkept_since: Option<Instant>,
}

impl KeptDraft {
    pub(super) fn new(draft: &Config) -> Self {
        Self { kept: draft.clone(), unkept_since: None }
    }

    /// Keeps the draft, after [`KEEP_AFTER`] without a change.
    pub(super) fn logic(&mut self, ctx: &Context, seen: &mut Seen<'_>, draft: &Config) {
        let same = |one: &Config, other: &Config| {
            one.destination == other.destination && one.credentials == other.credentials
        };
        if same(draft, &self.kept) {
            self.unkept_since = None;
            return;
        }
        let since = *self.unkept_since.get_or_insert_with(Instant::now);
        if let Some(left) = KEEP_AFTER.checked_sub(since.elapsed()).filter(|left| !left.is_zero()) {
            return ctx.request_repaint_after(left);
        }
        let text = if same(draft, seen.config) { String::new() } else { config::draft(draft) };
        seen.push(Command::Keep(KeepCommand::Draft(text)));
        self.kept = draft.clone();
        self.unkept_since = None;
    }
}

//! Settings that environment variables override at every start: a change in the window lasts until the next start.

use eframe::egui::Ui;

use super::{
    seen::Seen,
    widgets::{self, Tone},
};
use crate::config::{Difference, Origin};

/// The notice after a save: `done`, unless the environment decides a changed setting at every start, and so undoes the
/// change at the next one.
pub(super) fn saved_notice(done: &str, changes: &[Difference], held: &[(&'static str, Origin)]) -> String {
    let is_changed = |name: &str| changes.iter().any(|change| change.name == name);
    let back: Vec<_> = held.iter().filter(|(name, _)| is_changed(name)).map(decided).collect();
    if back.is_empty() {
        return done.to_owned();
    }
    format!("Applied until Tributary restarts: then the environment decides {} again", back.join(", "))
}

/// A note that names the settings of these sections that the environment decides at every start.
pub(super) fn note_ui(ui: &mut Ui, seen: &Seen<'_>, sections: &[&str]) {
    let is_of = |name: &str| sections.iter().any(|section| name.split('.').next() == Some(section));
    let held: Vec<_> = seen.held().iter().filter(|(name, _)| is_of(name)).map(decided).collect();
    if !held.is_empty() {
        let text = format!(
            "The environment decides at every start: {}. What you change here lasts until Tributary restarts.",
            held.join(", ")
        );
        widgets::message_ui(ui, Tone::Note, &text);
    }
}

fn decided((name, who): &(&'static str, Origin)) -> String {
    format!("{name} ({})", who.subject(name))
}

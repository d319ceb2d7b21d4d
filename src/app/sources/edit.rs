//! The change of a source that the user is making, and the question before a source or one of its keys stops working.

use eframe::egui::{Label, RichText, Ui};
use lucide_icons::Icon;

use crate::{
    app::{command::Command, seen::Seen, sheet, theme::tokens, widgets},
    config::{self, Source},
};

/// A change of one source. It names the source, because the settings can change meanwhile.
pub(super) enum Edit {
    Renaming { source: String, name: String, focus: bool },
    Adding { name: String, focus: bool },
    NewKey { source: String, keeps_old: bool },
    Revoking(String),
    Removing(String),
}

impl Edit {
    /// The name of a new source, still empty.
    pub(super) fn adding() -> Self {
        Self::Adding { name: String::new(), focus: true }
    }
}

pub(super) fn new_key(seen: &mut Seen<'_>) -> Option<String> {
    config::new_write_key()
        .map_err(|error| seen.push(Command::Refuse(format!("No write key could be made: {error}"))))
        .ok()
}

/// The texts of a question.
struct Question {
    source: Source,
    title: &'static str,
    text: String,
    icon: Icon,
    action: &'static str,
}

impl Question {
    fn of(edit: &Edit, sources: &[Source]) -> Option<Self> {
        let source = |name: &str| sources.iter().find(|source| source.name == name).cloned();
        match edit {
            Edit::NewKey { source: name, keeps_old } => {
                let source = source(name)?;
                let retiring = source.masked_retiring_key();
                let text = match (keeps_old, retiring) {
                    (true, None) => "Both keys work until you revoke the old one in its source's row.".to_owned(),
                    (true, Some(older)) => format!(
                        "Both keys work until you revoke the old one. The one before it ({older}) is refused from then on."
                    ),
                    (false, _) => {
                        "Senders with the old key are refused from then on, until they get the new one.".to_owned()
                    }
                };
                Some(Self { source, title: "Make a new write key?", text, icon: Icon::KeyRound, action: "Make new key" })
            }
            Edit::Revoking(name) => Some(Self {
                source: source(name)?,
                title: "Revoke the old key?",
                text: "Senders that still use it are refused from then on. The new key goes on working.".to_owned(),
                icon: Icon::Ban,
                action: "Revoke old key",
            }),
            Edit::Removing(name) => Some(Self {
                source: source(name)?,
                title: "Remove this source?",
                text: "Senders with its key are refused from then on. Its events stay in the log and in the spool.".to_owned(),
                icon: Icon::Trash2,
                action: "Remove source",
            }),
            Edit::Renaming { .. } | Edit::Adding { .. } => None,
        }
    }
}

/// Asks before a source or a key stops working. Returns the name of a source that was removed.
pub(super) fn question_ui(ui: &Ui, seen: &mut Seen<'_>, edit: &mut Option<Edit>) -> Option<String> {
    let sources = &seen.config.capture.sources;
    let Some(question) = edit.as_ref().and_then(|edit| Question::of(edit, sources)) else {
        // The source was removed elsewhere: close the question.
        edit.take_if(|edit| !matches!(edit, Edit::Renaming { .. } | Edit::Adding { .. }));
        return None;
    };
    let mut is_confirmed = false;
    let width = if matches!(edit, Some(Edit::NewKey { .. })) { 460.0 } else { 380.0 };
    let closes = sheet::question_ui(ui, width, (question.title, &question.source.name), |ui| {
        if let Some(Edit::NewKey { keeps_old, .. }) = edit {
            ui.add_space(2.0);
            let choices = [
                (true, "Keep the old key for now", "Move your senders one by one, then revoke it."),
                (false, "Replace it at once", "When the old key may be known to others."),
            ];
            widgets::choices_ui(ui, keeps_old, &choices);
        }
        ui.add(Label::new(RichText::new(&*question.text).color(tokens(ui).weak)).wrap());
        ui.add_space(8.0);
        widgets::answers_ui(ui, |ui| {
            is_confirmed = if matches!(edit, Some(Edit::NewKey { keeps_old: true, .. })) {
                let button = widgets::primary_button_ui(ui, question.icon, question.action, true);
                button.clicked() || widgets::is_answered_with_enter(ui, &[])
            } else {
                widgets::danger_button_ui(ui, question.icon, question.action).clicked()
            };
            if widgets::button_ui(ui, Icon::X, "Cancel").clicked() {
                ui.close();
            }
        });
    });
    let answered = edit.take_if(|_| is_confirmed || closes)?;
    if is_confirmed { carry_out(seen, &question.source.name, &answered) } else { None }
}

/// Makes the change. Returns the name of a source that was removed.
fn carry_out(seen: &mut Seen<'_>, name: &str, edit: &Edit) -> Option<String> {
    let mut config = seen.config.clone();
    let source = config.capture.sources.iter_mut().find(|source| source.name == name)?;
    match edit {
        Edit::NewKey { keeps_old, .. } => {
            let old = std::mem::replace(&mut source.write_key, new_key(seen)?);
            source.retiring_write_key = keeps_old.then_some(old);
            seen.save(config, "New write key made");
        }
        Edit::Revoking(_) => {
            source.retiring_write_key = None;
            seen.save(config, "Old key revoked");
        }
        Edit::Removing(_) => {
            config.capture.sources.retain(|source| source.name != name);
            seen.save(config, "Source removed");
            return Some(name.to_owned());
        }
        Edit::Renaming { .. } | Edit::Adding { .. } => {}
    }
    None
}

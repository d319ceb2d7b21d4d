//! The questions before a source or one of its keys stops working.

use eframe::egui::{Label, RichText, Ui};
use lucide_icons::Icon;

use super::{Doing, Sources, new_key};
use crate::{
    app::{seen::Seen, sheet::question_ui, theme::tokens, widgets},
    config::Source,
};

/// What a question says.
struct Question {
    source: Source,
    title: &'static str,
    text: String,
    icon: Icon,
    action: &'static str,
}

impl Question {
    fn of(doing: &Doing, sources: &[Source]) -> Option<Self> {
        let source = |name: &str| sources.iter().find(|source| source.name == name).cloned();
        match doing {
            Doing::NewKey { source: name, keeps_old } => {
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
            Doing::Revoking(name) => Some(Self {
                source: source(name)?,
                title: "Revoke the old key?",
                text: "Senders that still use it are refused from then on. The new key goes on working.".to_owned(),
                icon: Icon::Ban,
                action: "Revoke old key",
            }),
            Doing::Removing(name) => Some(Self {
                source: source(name)?,
                title: "Remove this source?",
                text: "Senders with its key are refused from then on. Its events stay in the log and in the spool.".to_owned(),
                icon: Icon::Trash2,
                action: "Remove source",
            }),
            Doing::Renaming { .. } | Doing::Adding { .. } => None,
        }
    }
}

impl Sources {
    pub(super) fn confirm_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let sources = &seen.config.capture.sources;
        let Some(question) = self.doing.as_ref().and_then(|doing| Question::of(doing, sources)) else {
            // The source has gone meanwhile: there is nothing left to ask.
            self.doing.take_if(|doing| !matches!(doing, Doing::Renaming { .. } | Doing::Adding { .. }));
            return;
        };
        let mut confirmed = false;
        let width = if matches!(self.doing, Some(Doing::NewKey { .. })) { 460.0 } else { 380.0 };
        let closes = question_ui(ui, width, (question.title, &question.source.name), |ui| {
            if let Some(Doing::NewKey { keeps_old, .. }) = &mut self.doing {
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
                confirmed = if matches!(self.doing, Some(Doing::NewKey { keeps_old: true, .. })) {
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
        if confirmed {
            self.confirmed(seen, &question.source.name);
        }
        if confirmed || closes {
            self.doing = None;
        }
    }

    fn confirmed(&mut self, seen: &mut Seen<'_>, name: &str) {
        let mut config = seen.config.clone();
        let Some(source) = config.capture.sources.iter_mut().find(|source| source.name == name) else {
            return;
        };
        match &self.doing {
            Some(Doing::NewKey { keeps_old, .. }) => {
                let Some(key) = new_key(seen) else { return };
                let old = std::mem::replace(&mut source.write_key, key);
                source.retiring_write_key = keeps_old.then_some(old);
                seen.save(config, "New write key made");
            }
            Some(Doing::Revoking(_)) => {
                source.retiring_write_key = None;
                seen.save(config, "Old key revoked");
            }
            Some(Doing::Removing(_)) => {
                config.capture.sources.retain(|source| source.name != name);
                self.revealed.retain(|other| other != name);
                seen.save(config, "Source removed");
            }
            Some(Doing::Renaming { .. } | Doing::Adding { .. }) | None => {}
        }
    }
}

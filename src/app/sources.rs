//! The Sources place: the endpoint, each source with its write key, and the code to paste into an SDK or into a consumer.

use eframe::egui::{self, Align, Key, Ui};
use lucide_icons::Icon;

mod check;
mod connect;
mod edit;
mod endpoint;
mod public;
mod read;
mod row;
mod unknown_senders;

pub(super) use connect::choose_ui;
pub(super) use endpoint::exposed_ui;

use super::{command::Command, place::Place, seen::Seen, widgets};
use crate::{
    config::{self, Config, Source},
    delivery::{
        Detail, Field, LogPage, State,
        query::{self, QueryKey},
    },
    engine::{Answer, Steps},
};
use edit::Edit;
use row::Act;

#[derive(Default)]
pub(super) struct Sources {
    edit: Option<Edit>,
    /// The user tried to save the new source without a name.
    misses_name: bool,
    /// The sources whose keys are shown.
    revealed: Vec<String>,
    connect: connect::Connect,
    check: Option<check::Check>,
    public: public::Public,
    /// The senders that were turned away are to be in sight.
    shows_turned_away: bool,
}

impl Sources {
    /// Takes the answer of a read of lines, for the check of a source.
    pub(super) fn page_coming(&mut self, answer: Answer<Result<LogPage, String>>) {
        if let Some(check) = &mut self.check {
            check.page_coming(answer);
        }
    }

    /// Takes the answer of a read of an event, for the check of a source.
    pub(super) fn detail_coming(&mut self, answer: Answer<Result<Option<Detail>, String>>) {
        if let Some(check) = &mut self.check {
            check.detail_coming(answer);
        }
    }

    /// Shows the code that reads the stream.
    pub(super) fn show_consumers(&mut self) {
        self.connect.show_consumers();
    }

    /// Brings the senders that were turned away into sight when the place is drawn next.
    pub(super) fn show_turned_away(&mut self) {
        self.shows_turned_away = true;
    }

    /// Takes the steps of a check of the public address of these settings.
    pub(super) fn public_check_started(&mut self, steps: Steps, config: &Config) {
        self.public.started(steps, config);
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        if let Some(check) = &mut self.check {
            check.logic(ctx, seen);
        }
        self.public.logic(ctx);
        if seen.place != Place::Sources {
            self.connect.hide_secret();
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::heading_ui(ui, "Sources", "Who may send events, and how to point them here", |ui| {
            if widgets::primary_button_ui(ui, Icon::Plus, "Add source", true).clicked() {
                self.edit = Some(Edit::adding());
            }
        });
        widgets::page_ui(
            ui,
            &mut (&mut *self, &mut *seen),
            |(sources, seen), ui| {
                // First what leads from nothing to the first event.
                sources.connect.ui(ui, seen, &sources.revealed);
                sources.list_ui(ui, seen);
            },
            |(sources, seen), ui| {
                endpoint::card_ui(ui, seen, &mut sources.public);
                let card = ui.scope(|ui| unknown_senders::card_ui(ui, seen));
                if std::mem::take(&mut sources.shows_turned_away) {
                    card.response.scroll_to_me(Some(Align::Min));
                }
                if card.inner {
                    sources.edit = Some(Edit::adding());
                }
            },
        );
        if let Some(removed) = edit::question_ui(ui, seen, &mut self.edit) {
            self.revealed.retain(|source| *source != removed);
        }
    }

    fn list_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::card_ui(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            widgets::title_ui(ui, "Sources");
            let sources = &seen.config.capture.sources;
            let adding = matches!(self.edit, Some(Edit::Adding { .. }));
            if sources.is_empty() && !adding {
                ui.set_min_height(170.0);
                let text = "A source is a named sender with its own write key: a website, an app, a server.";
                if widgets::empty_ui(
                    ui,
                    Icon::Plug,
                    "No sources",
                    text,
                    Some((Icon::Plus, "Add the first source")),
                ) {
                    self.edit = Some(Edit::adding());
                }
            }
            for source in sources {
                if matches!(&self.edit, Some(Edit::Renaming { source: renamed, .. }) if *renamed == source.name)
                {
                    self.name_ui(ui, seen);
                    continue;
                }
                let is_revealed = self.revealed.contains(&source.name);
                let act = row::row_ui(ui, seen, source, is_revealed, &mut self.check);
                match act {
                    None => {}
                    Some(Act::Check) => {
                        // Show the snippet of this source, since the advice refers to it.
                        self.connect.source.clone_from(&source.name);
                        self.check = Some(check::Check::new(&source.name, seen.status));
                    }
                    Some(Act::Copy) => {
                        ui.copy_text(source.write_key.clone());
                        seen.copied("Write key");
                    }
                    Some(Act::Reveal) if self.revealed.contains(&source.name) => {
                        self.revealed.retain(|other| *other != source.name);
                    }
                    Some(Act::Reveal) => self.revealed.push(source.name.clone()),
                    Some(Act::ShowRejected) => {
                        let all = query::with("", QueryKey::Field(Field::Source), &[&source.name]);
                        let text = query::with(&all, QueryKey::State, &[State::Rejected.as_str()]);
                        seen.push(Command::Search(text));
                    }
                    Some(Act::Edit(edit)) => self.edit = Some(edit),
                }
            }
            if adding {
                self.name_ui(ui, seen);
            }
        });
    }

    /// The field for the name of a new source, or for the new name of an existing one.
    fn name_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let (name, focus, renamed) = match &mut self.edit {
            Some(Edit::Renaming { source, name, focus }) => (name, focus, Some(source.clone())),
            Some(Edit::Adding { name, focus }) => (name, focus, None),
            Some(Edit::NewKey { .. } | Edit::Revoking(_) | Edit::Removing(_)) | None => return,
        };
        let mut others =
            seen.config.capture.sources.iter().filter(|source| Some(&source.name) != renamed.as_ref());
        let taken = others.any(|source| source.name == name.trim());
        let fault = match config::check_source_name(name.trim()) {
            Ok(()) if taken => Some("another source has this name".to_owned()),
            Ok(()) => None,
            Err(_) if name.is_empty() && !self.misses_name => Some(String::new()),
            Err(error) => Some(error.to_string()),
        };
        let mut save = false;
        let mut cancel = false;
        ui.horizontal(|ui| {
            let wrong = fault.as_ref().is_some_and(|fault| !fault.is_empty());
            let field = ui.scope(|ui| {
                widgets::edge_ui(ui, wrong);
                let edit = widgets::text_edit(name, &widgets::example("Website, iOS app, checkout server"))
                    .desired_width(260.0);
                ui.add(edit).accessible_name("Source name")
            });
            widgets::focus_once(&field.inner, focus);
            let enter = widgets::is_left_with(&field.inner, Key::Enter);
            let can = fault.is_none() && !seen.saving;
            save = (widgets::primary_button_ui(ui, Icon::Check, "Save", can).clicked() || enter) && can;
            // The field shows the mistake. Keep the focus, so that the user can correct it.
            *focus |= enter && !can;
            self.misses_name = name.is_empty() && (self.misses_name || enter);
            let escape = ui.input(|i| i.key_pressed(Key::Escape));
            cancel = widgets::button_ui(ui, Icon::X, "Cancel").clicked() || escape;
        });
        widgets::error_ui(ui, fault.as_deref().filter(|fault| !fault.is_empty()));
        let name = name.trim().to_owned();
        if save {
            let mut config = seen.config.clone();
            let done = if let Some(before) = renamed {
                if let Some(source) = config.capture.sources.iter_mut().find(|source| source.name == before) {
                    source.name.clone_from(&name);
                }
                self.renamed(&before, &name);
                "Source renamed"
            } else {
                let Some(write_key) = edit::new_key(seen) else { return };
                config.capture.sources.push(Source::new(name.clone(), write_key));
                self.connect.source = name;
                "Source added"
            };
            seen.save(config, done);
        }
        if save || cancel {
            self.edit = None;
            self.misses_name = false;
        }
    }

    /// Replaces a source's name wherever this place keeps something under it.
    fn renamed(&mut self, before: &str, name: &str) {
        let check = self.check.as_mut().map(|check| &mut check.source);
        for known in self.revealed.iter_mut().chain([&mut self.connect.source]).chain(check) {
            if known == before {
                name.clone_into(known);
            }
        }
    }
}

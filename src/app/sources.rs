//! Who may send: the endpoint, each source with its write key, and what to paste into an SDK.

use eframe::egui::{self, Align, Frame, Key, Label, Layout, Margin, Response, RichText, Stroke, Ui};
use lucide_icons::Icon;

mod check;
mod confirm;
mod public;
mod row;
mod strangers;

use super::{
    command::Command,
    place::Place,
    seen::Seen,
    theme::{self, tokens},
    widgets::{self, Tone},
};
use crate::{
    config::{self, Config, Source},
    delivery::{
        Detail, Field, LogPage, State,
        query::{self, QueryKey},
    },
    engine::{Answer, Steps},
    snippets::{self, Sdk},
};

/// The maximum width of a list of sources.
const LIST_WIDTH_MAX: f32 = 260.0;

/// What is being done to one source, by its name: the settings can change meanwhile.
enum Doing {
    Renaming { source: String, name: String, focus: bool },
    Adding { name: String, focus: bool },
    NewKey { source: String, keeps_old: bool },
    Revoking(String),
    Removing(String),
}

pub(super) struct Sources {
    doing: Option<Doing>,
    /// The new source was to be saved without a name.
    misses_name: bool,
    /// The sources whose keys are shown.
    revealed: Vec<String>,
    sdk: Sdk,
    /// The name of the snippet's source. If there is no source of that name (yet), the first one is used.
    source: String,
    check: Option<check::Check>,
    public: public::Public,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            doing: None,
            misses_name: false,
            revealed: Vec::new(),
            sdk: Sdk::Curl,
            source: String::new(),
            check: None,
            public: public::Public::default(),
        }
    }
}

/// What a button of a row asks for.
enum Act {
    Check,
    Copy,
    Reveal,
    ShowRejected,
    Do(Doing),
}

impl Sources {
    /// The lines for the check of a source are being read.
    pub(super) fn page_coming(&mut self, answer: Answer<Result<LogPage, String>>) {
        if let Some(check) = &mut self.check {
            check.page_coming(answer);
        }
    }

    /// The event for the check of a source is being read.
    pub(super) fn detail_coming(&mut self, answer: Answer<Result<Option<Detail>, String>>) {
        if let Some(check) = &mut self.check {
            check.detail_coming(answer);
        }
    }

    /// The check of the public address of these settings has begun.
    pub(super) fn public_check_started(&mut self, steps: Steps, config: &Config) {
        self.public.started(steps, config);
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        if let Some(check) = &mut self.check {
            check.logic(ctx, seen);
        }
        self.public.logic(ctx);
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::heading_ui(ui, "Sources", "Who may send events, and how to point them here", |ui| {
            if widgets::primary_button_ui(ui, Icon::Plus, "Add source", true).clicked() {
                self.doing = Some(Doing::Adding { name: String::new(), focus: true });
            }
        });
        widgets::page_ui(
            ui,
            &mut (&mut *self, &mut *seen),
            |(sources, seen), ui| {
                sources.endpoint_ui(ui, seen);
                sources.list_ui(ui, seen);
                strangers::strangers_ui(ui, seen);
            },
            |(sources, seen), ui| {
                sources.snippet_ui(ui, seen);
            },
        );
        self.confirm_ui(ui, seen);
    }

    fn list_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::card_ui(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            widgets::title_ui(ui, "Sources");
            let sources = &seen.config.capture.sources;
            let adding = matches!(self.doing, Some(Doing::Adding { .. }));
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
                    self.doing = Some(Doing::Adding { name: String::new(), focus: true });
                }
            }
            for (at, source) in sources.iter().enumerate() {
                if matches!(&self.doing, Some(Doing::Renaming { source: renamed, .. }) if *renamed == source.name)
                {
                    self.name_ui(ui, seen);
                    continue;
                }
                let act = self.row_ui(ui, seen, at);
                match act {
                    None => {}
                    Some(Act::Check) => {
                        // Its snippet is what to try.
                        self.source.clone_from(&source.name);
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
                    Some(Act::Do(doing)) => self.doing = Some(doing),
                }
            }
            if adding {
                self.name_ui(ui, seen);
            }
        });
    }

    /// The field for a new name, of a new source or of one that is there.
    fn name_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let (name, focus, renamed) = match &mut self.doing {
            Some(Doing::Renaming { source, name, focus }) => (name, focus, Some(source.clone())),
            Some(Doing::Adding { name, focus }) => (name, focus, None),
            Some(Doing::NewKey { .. } | Doing::Revoking(_) | Doing::Removing(_)) | None => return,
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
                let edit = widgets::text_edit(name, "Website, iOS app, checkout server").desired_width(260.0);
                ui.add(edit).accessible_name("Source name")
            });
            widgets::focus_once(&field.inner, focus);
            let enter = widgets::is_left_with(&field.inner, Key::Enter);
            let can = fault.is_none() && !seen.saving;
            save = (widgets::primary_button_ui(ui, Icon::Check, "Save", can).clicked() || enter) && can;
            // What is wrong is said, and corrected there.
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
                let Some(write_key) = new_key(seen) else { return };
                config.capture.sources.push(Source::new(name.clone(), write_key));
                self.source = name;
                "Source added"
            };
            seen.save(config, done);
        }
        if save || cancel {
            self.doing = None;
            self.misses_name = false;
        }
    }

    /// Replaces a source's name wherever this place keeps something under it.
    fn renamed(&mut self, before: &str, name: &str) {
        let check = self.check.as_mut().map(|check| &mut check.source);
        for known in self.revealed.iter_mut().chain([&mut self.source]).chain(check) {
            if known == before {
                name.clone_into(known);
            }
        }
    }

    fn snippet_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let sources = &seen.config.capture.sources;
        let chosen = sources.iter().find(|source| source.name == self.source);
        let Some(source) = chosen.or(sources.first()) else { return };
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Connect");
            ui.horizontal_wrapped(|ui| {
                if sources.len() > 1 {
                    choose_ui(ui, ("Source of the snippet", 170.0), sources, source, &mut self.source);
                }
                let list = widgets::List { name: "SDK", shown: self.sdk.title(), width: 190.0, if_empty: "" };
                let (_, chosen) = list.ui(ui, &Sdk::ALL.map(|sdk| (sdk.title(), sdk == self.sdk)));
                if let Some(sdk) = chosen.and_then(|at| Sdk::ALL.get(at)) {
                    self.sdk = *sdk;
                }
            });
            let endpoint = seen.public_endpoint();
            let key = if self.revealed.contains(&source.name) {
                source.write_key.clone()
            } else {
                masked(&source.write_key)
            };
            let shown = snippets::snippet(self.sdk, &endpoint, &key);
            if widgets::code_copy_ui(ui, shown.trim_end(), "Copy snippet") {
                ui.copy_text(snippets::snippet(self.sdk, &endpoint, &source.write_key));
                seen.copied("Snippet");
            }
            if let Some(note) = self.sdk.note() {
                widgets::message_ui(ui, Tone::Note, note);
            }
            widgets::hint_ui(ui, "The copied code contains the real write key.");
            if widgets::button_ui(ui, Icon::Activity, "Watch events arrive").clicked() {
                seen.go(Place::Live);
            }
        });
    }
}

fn new_key(seen: &mut Seen<'_>) -> Option<String> {
    config::new_write_key()
        .map_err(|error| {
            seen.push(Command::Refuse(format!("No write key could be made: {error}")));
        })
        .ok()
}

/// A list to choose a source from, which is kept by its name. `shown`: the one that is chosen now.
pub(super) fn choose_ui(
    ui: &mut Ui,
    (name, width): (&str, f32),
    sources: &[Source],
    shown: &Source,
    chosen: &mut String,
) -> Response {
    let list = widgets::List { name, shown: &shown.name, width, if_empty: "" };
    let choices: Vec<_> = sources.iter().map(|source| (&*source.name, source.name == shown.name)).collect();
    ui.scope(|ui| {
        // A longer name is cut: without a limit it would take the whole line.
        ui.set_max_width(ui.available_width().min(LIST_WIDTH_MAX));
        let (response, at) = list.ui(ui, &choices);
        if let Some(source) = at.and_then(|at| sources.get(at)) {
            chosen.clone_from(&source.name);
        }
        response
    })
    .inner
}

/// Of a key only its end can be seen.
fn masked(key: &str) -> String {
    let tail: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    format!("••••••••{tail}")
}

impl Sources {
    fn endpoint_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Capture endpoint");
            url_ui(ui, seen);
            if seen.config.capture.public_url.is_some() {
                let text = format!(
                    "Senders use this public address. A reverse proxy passes it on to {}.",
                    seen.endpoint()
                );
                widgets::hint_ui(ui, &text);
            }
            if seen.config.capture.exposed() {
                exposed_ui(ui, seen.config, seen.config);
            } else if seen.config.capture.public_url.is_none() {
                let text = "Takes the calls that analytics SDKs send, from this computer only. Settings can open it \
                            to other computers, or give it the public address of a reverse proxy.";
                widgets::hint_ui(ui, text);
            }
            if seen.config.capture.listen.ip().is_loopback() && seen.config.capture.public_url.is_none() {
                let text = "Web pages on this computer can send. For a public https page the browser asks its user first; for a public \
                            http page it refuses.";
                widgets::hint_ui(ui, text);
            }
            self.public.ui(ui, seen);
        });
    }
}

/// The address with a button that copies it.
fn url_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let t = tokens(ui);
    let url = seen.public_endpoint();
    let frame = Frame::new().fill(t.field).stroke(Stroke::new(1.0, t.line)).corner_radius(9);
    frame.inner_margin(Margin { left: 12, right: 6, top: 5, bottom: 5 }).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(theme::icon(Icon::Globe).color(t.accent));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if widgets::icon_button_ui(ui, Icon::Copy, "Copy endpoint URL").clicked() {
                    ui.copy_text(url.clone());
                    seen.copied("Endpoint URL");
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let text = RichText::new(&url).monospace().size(13.5).color(t.strong);
                    ui.add(Label::new(text).truncate());
                });
            });
        });
    });
}

/// What it means that other computers can send; with these settings, which need not be in force.
pub(super) fn exposed_ui(ui: &mut Ui, in_force: &Config, config: &Config) {
    let (tone, text) = exposed(in_force, config);
    widgets::message_ui(ui, tone, &text);
}

fn exposed(in_force: &Config, config: &Config) -> (Tone, String) {
    let capture = &config.capture;
    let is_encrypted = !capture.tls_cert.is_empty();
    let (tone, then) = match (capture.require_write_key, is_encrypted) {
        (true, true) => (Tone::Note, "They need a write key, and connections are encrypted (https)."),
        (true, false) => (
            Tone::Attention,
            "Write keys and events travel unencrypted: set a certificate (capture.tls_cert), or put a proxy with TLS or a \
             firewall in front.",
        ),
        (false, true) => (
            Tone::Attention,
            "No write key is required, so any of them can send events: require one in Settings, or put a firewall in \
             front.",
        ),
        (false, false) => (
            Tone::Attention,
            "No write key is required, so any of them can send events, which travel unencrypted. Require one in Settings, \
             and set a certificate (capture.tls_cert), or put a proxy with TLS or a firewall in front.",
        ),
    };
    let is_reached = capture.listen == in_force.capture.listen;
    let (can, listens) = if is_reached {
        ("Other computers can", "listens")
    } else {
        ("Once applied, other computers can", "then listens")
    };
    let then = if is_reached && capture.require_write_key != in_force.capture.require_write_key {
        format!("Once applied: {then}")
    } else {
        then.to_owned()
    };
    let text = format!("{can} reach this endpoint, because it {listens} on {}. {then}", capture.listen);
    (tone, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_with_a_certificate_is_not_said_to_be_unencrypted() {
        let mut config = Config::default();
        config.capture.listen = "0.0.0.0:8485".parse().expect("an address");
        assert!(exposed(&config, &config).1.contains("unencrypted"));
        "/etc/tributary/cert.pem".clone_into(&mut config.capture.tls_cert);
        for require_write_key in [true, false] {
            config.capture.require_write_key = require_write_key;
            let (tone, text) = exposed(&config, &config);
            assert!(!text.contains("unencrypted") && !text.contains("certificate"), "{text}");
            assert_eq!(tone == Tone::Attention, !require_write_key, "{text}");
        }
    }
}

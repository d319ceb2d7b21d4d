//! The Settings place: the settings of endpoint, disk and log, and the paths of the files. The destination is in Set up.

use eframe::egui::{self, Align, Key, Label, RichText, Ui};
use lucide_icons::Icon;

use super::{
    command::{Command, WindowCommand},
    env_overrides,
    number::{NUMBER_MAX, Number, number_ui},
    queue_move,
    seen::Seen,
    sources,
    theme::{tokens, weight},
    widgets::{self, Tone},
};
use crate::{
    config::{self, Config, Difference, RuleError},
    engine::WaitingEvents,
};

/// The smallest spool that the settings file takes.
const SPOOL_BYTES_MIN: u64 = 64 * 1024;
/// How far an arrow key changes a size.
const BYTES_STEP: u64 = 16 * 1024 * 1024;

/// The field that is wrong, and why.
type Wrong = (&'static str, String);

#[expect(clippy::struct_excessive_bools, reason = "switches that the user sets, and what is to happen once")]
pub(super) struct Settings {
    listen: String,
    public_url: String,
    /// Addresses and networks with commas between them.
    trusted_proxies: String,
    require_write_key: bool,
    spool_bytes: Number,
    free_bytes: Number,
    keep_events: Number,
    /// Scroll to the disk's card in the next frame.
    wants_disk: bool,
    /// The text of the import sheet, while it is open.
    pasted: Option<String>,
    /// Give the focus to the field for the import.
    wants_import: bool,
    desktop_notices: bool,
}

impl Settings {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            listen: config.capture.listen.to_string(),
            public_url: config.capture.public_url.as_ref().map(ToString::to_string).unwrap_or_default(),
            trusted_proxies: proxies_text(config),
            require_write_key: config.capture.require_write_key,
            spool_bytes: Number::bytes(config.spool.max_bytes, SPOOL_BYTES_MIN..=NUMBER_MAX, BYTES_STEP),
            free_bytes: Number::bytes(config.spool.min_free_bytes, 0..=NUMBER_MAX, BYTES_STEP),
            keep_events: Number::count(config.log.keep_events, 0..=NUMBER_MAX, 1000),
            pasted: None,
            wants_import: false,
            wants_disk: false,
            desktop_notices: config.app.desktop_notices,
        }
    }

    /// Takes over settings that were changed elsewhere.
    pub(super) fn adopt(&mut self, before: &Config, now: &Config) {
        if self.draft(before).is_ok_and(|draft| draft == *before)
            || self.draft(now).is_ok_and(|draft| draft == *now)
        {
            let pasted = self.pasted.take();
            *self = Self { pasted, ..Self::new(now) };
        }
    }

    /// The settings with the values in the form.
    fn draft(&self, config: &Config) -> Result<Config, Wrong> {
        let mut draft = self.with_endpoint(config).map_err(|why| ("capture.listen", why.to_string()))?;
        draft.capture.public_url = match self.public_url.trim() {
            "" => None,
            text => {
                Some(config::PublicUrl::parse(text).map_err(|why| ("capture.public_url", why.to_string()))?)
            }
        };
        let proxies = self.trusted_proxies.split([',', ' ']).filter(|text| !text.is_empty());
        let networks: Result<Vec<_>, _> = proxies.map(config::check_trusted_proxy).collect();
        let mut networks = networks.map_err(|why| ("capture.trusted_proxies", why.to_string()))?;
        let mut seen = std::collections::HashSet::new();
        networks.retain(|network| seen.insert(*network));
        draft.capture.trusted_proxies = networks;
        draft.spool.max_bytes = self.spool_bytes.value().map_err(|why| ("spool.max_bytes", why))?;
        draft.spool.min_free_bytes = self.free_bytes.value().map_err(|why| ("spool.min_free_bytes", why))?;
        draft.log.keep_events = self.keep_events.value().map_err(|why| ("log.keep_events", why))?;
        draft.app.desktop_notices = self.desktop_notices;
        Ok(draft)
    }

    /// The settings with the values of the endpoint's card only. Mistakes in other fields must not hide who could connect.
    fn with_endpoint(&self, config: &Config) -> Result<Config, RuleError> {
        let mut draft = config.clone();
        draft.capture.listen = config::check_listen(self.listen.trim())?;
        draft.capture.require_write_key = self.require_write_key;
        Ok(draft)
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let draft = self.draft(seen.config);
        let dirty = draft.as_ref().is_ok_and(|draft| draft != seen.config) || draft.is_err();
        widgets::heading_ui(ui, "Settings", "The endpoint, the disk, and where the files are", |ui| {
            if !dirty {
                return;
            }
            let can = draft.is_ok() && !seen.saving;
            let apply = widgets::primary_button_ui(ui, Icon::Check, "Apply", can);
            if let (true, Ok(draft)) = (apply.clicked(), &draft) {
                seen.save(draft.clone(), "Applied and saved");
            }
            if widgets::button_ui(ui, Icon::Undo2, "Revert").clicked() {
                *self = Self::new(seen.config);
            }
        });
        widgets::page_ui(
            ui,
            &mut (&mut *self, &mut *seen),
            |(settings, seen), ui| {
                env_overrides::note_ui(ui, seen, &["capture", "spool", "log", "app"]);
                settings.endpoint_ui(ui, seen.config, draft.as_ref());
                settings.proxy_ui(ui, draft.as_ref());
                settings.notices_ui(ui);
            },
            |(settings, seen), ui| {
                settings.disk_ui(ui, seen);
                settings.share_ui(ui, seen);
                files_ui(ui, seen);
            },
        );
    }

    /// The fields for a reverse proxy: public address and trusted proxies.
    fn proxy_ui(&mut self, ui: &mut Ui, draft: Result<&Config, &Wrong>) {
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Reverse proxy");
            let error = error_of(draft, "capture.public_url");
            let example = "https://events.example.com";
            widgets::field_ui(ui, "Public address", &mut self.public_url, example, error);
            let text = "What senders see if a proxy is in front: snippets and SDKs' settings name it.";
            widgets::hint_ui(ui, text);
            let error = error_of(draft, "capture.trusted_proxies");
            let example = "127.0.0.1, 10.0.0.0/8";
            widgets::field_ui(ui, "Trusted proxies", &mut self.trusted_proxies, example, error);
            let text = "Addresses and networks whose X-Forwarded-… and Forwarded headers are trusted, so that events get the \
                        client's address. Do not list addresses that senders can connect from.";
            widgets::hint_ui(ui, text);
        });
    }

    fn endpoint_ui(&mut self, ui: &mut Ui, in_force: &Config, draft: Result<&Config, &Wrong>) {
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Capture endpoint");
            let error = error_of(draft, "capture.listen");
            widgets::field_ui(ui, "Listen address", &mut self.listen, "127.0.0.1:8485", error);
            match self.with_endpoint(in_force) {
                Ok(draft) if draft.capture.exposed() => sources::exposed_ui(ui, in_force, &draft),
                Ok(draft) if draft.capture.listen == in_force.capture.listen => {
                    widgets::hint_ui(ui, "Only programs on this computer can connect to this address.");
                }
                Ok(_) => {
                    widgets::hint_ui(ui, "Once applied, only programs on this computer can connect.");
                }
                // The typed text is no address: use the one in force.
                Err(_) if in_force.capture.exposed() => sources::exposed_ui(ui, in_force, in_force),
                Err(_) => {}
            }
            ui.horizontal_top(|ui| {
                widgets::switch_ui(ui, &mut self.require_write_key, "Require a write key");
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    ui.label(weight("Require a write key", 580.0));
                    let text = if self.require_write_key {
                        "Requests without a source's write key are refused."
                    } else {
                        "Anyone who reaches the address can send events."
                    };
                    widgets::hint_ui(ui, text);
                });
            });
        });
    }

    /// The card for export and import of settings, without sources and secrets.
    fn share_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        const PROBLEMS_SHOWN: usize = 4;
        let t = tokens(ui);
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Export and import");
            widgets::hint_ui(ui, "Settings as text, without sources and secrets.");
            ui.horizontal_wrapped(|ui| {
                if widgets::button_ui(ui, Icon::Copy, "Copy settings").clicked() {
                    ui.copy_text(config::export(seen.config));
                    seen.copied("Settings");
                }
                if self.pasted.is_none() && widgets::button_ui(ui, Icon::ClipboardPaste, "Import …").clicked()
                {
                    self.pasted = Some(String::new());
                    self.wants_import = true;
                }
            });
            let Some(text) = &mut self.pasted else { return };
            let label = ui.label(weight("Settings to import", 560.0));
            let edit =
                egui::TextEdit::multiline(text).code_editor().desired_rows(6).hint_text("Paste them here");
            let field = ui.add(edit.desired_width(f32::INFINITY)).labelled_by(label.id);
            widgets::focus_once(&field, &mut self.wants_import);
            let imported = config::import(seen.config, text);
            let mut changes = Vec::new();
            match &imported {
                Ok(config) => changes = config::differences(seen.config, config),
                Err(problems) => {
                    for problem in problems.iter().take(PROBLEMS_SHOWN) {
                        widgets::error_ui(ui, Some(&problem.to_string()));
                    }
                }
            }
            for Difference { name, before, after } in &changes {
                let line = format!("{name}: {before} → {after}");
                ui.add(Label::new(RichText::new(line).monospace().size(11.5).color(t.text)).wrap());
            }
            let question = imported.as_ref().ok().and_then(|config| queue_move::question(seen, config));
            if let Some(question) = &question {
                widgets::message_ui(ui, Tone::Attention, &question.text);
            }
            let mut done = widgets::is_left_with(&field, Key::Escape);
            ui.horizontal_wrapped(|ui| {
                let can = match (changes.is_empty(), seen.saving) {
                    (true, _) => Err("Nothing would change"),
                    (false, true) => Err("Saving …"),
                    (false, false) => Ok(()),
                };
                let chosen = queue_move::choice_ui(ui, "Import", question.as_ref(), can);
                if let (Some(queued), Ok(config)) = (chosen, &imported) {
                    let said = match queued {
                        WaitingEvents::GoOn => "Imported and saved",
                        WaitingEvents::SetAside => "Imported and saved; the queued events are under Failed",
                    };
                    seen.save_with(config.clone(), said, queued);
                    done = true;
                }
                done |= widgets::button_ui(ui, Icon::X, "Cancel import").clicked();
            });
            if done {
                self.pasted = None;
            }
        });
    }

    fn notices_ui(&mut self, ui: &mut Ui) {
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Notices");
            let text = "Shown once in this window when delivery needs you, the spool is nearly full, or events fail.";
            widgets::hint_ui(ui, text);
            ui.horizontal_top(|ui| {
                widgets::switch_ui(ui, &mut self.desktop_notices, "Desktop notifications");
                ui.label(weight("Desktop notifications", 580.0));
            });
        });
    }

    /// Brings the disk's limits into sight when the place is drawn next.
    pub(super) fn show_disk(&mut self) {
        self.wants_disk = true;
    }

    fn disk_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        if std::mem::take(&mut self.wants_disk) {
            ui.scroll_to_cursor(Some(Align::TOP));
        }
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Disk");
            let waiting = format!(
                "For waiting and failed events; {} in use. When it is full, senders get a 429 response and retry.",
                widgets::bytes(seen.status.ledger.queued_bytes)
            );
            number_ui(ui, "Spool size limit", &waiting, &mut self.spool_bytes);
            let text = "When the disk has less free space than this, senders get a 429 response and retry.";
            number_ui(ui, "Keep free on the disk", text, &mut self.free_bytes);
            let text = "Delivered events kept in the log. Queued and failed ones are never removed.";
            number_ui(ui, "Keep in the log", text, &mut self.keep_events);
        });
    }
}

fn error_of<'a>(draft: Result<&Config, &'a Wrong>, field: &str) -> Option<&'a str> {
    draft.err().filter(|(wrong, _)| *wrong == field).map(|(_, why)| why.as_str())
}

fn proxies_text(config: &Config) -> String {
    let texts: Vec<_> = config.capture.trusted_proxies.iter().map(config::trusted_proxy_text).collect();
    texts.join(", ")
}

fn files_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    widgets::card_ui(ui, |ui| {
        widgets::title_ui(ui, "About");
        ui.spacing_mut().item_spacing.y = 3.0;
        if widgets::fact_ui(ui, "Settings file", &seen.snapshot.fixed.config_path, true) {
            seen.copied("Path");
        }
        if widgets::fact_ui(ui, "Data folder", &seen.snapshot.fixed.data_dir, true) {
            seen.copied("Path");
        }
        widgets::fact_ui(ui, "Version", env!("CARGO_PKG_VERSION"), true);
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            if widgets::button_ui(ui, Icon::SquarePen, "Open settings file").clicked() {
                seen.push(Command::Window(WindowCommand::OpenSettingsFile));
            }
            if widgets::button_ui(ui, Icon::Scale, "Third-party licences").clicked() {
                seen.push(Command::Window(WindowCommand::Licences));
            }
        });
        ui.add_space(4.0);
        widgets::hint_ui(
            ui,
            "The file also has settings that are not shown here. It contains no AWS secrets.",
        );
    });
}

//! The form of one alert.

use eframe::egui::{Response, Ui};
use lucide_icons::Icon;

use crate::{
    app::{
        number::{Number, number_ui},
        theme::weight,
        widgets,
    },
    config::{self, Alert, AlertKind, Condition},
    shell,
};

/// What a kind is called on screen.
pub(super) fn kind_title(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Webhook => "Webhook",
        AlertKind::Slack => "Slack",
        AlertKind::Email => "E-mail",
        AlertKind::Command => "Program",
    }
}

/// What the user decided.
pub(super) enum Choice {
    /// Save this alert, in the place of the one with that name.
    Save(Box<Alert>, Option<String>),
    Test(Box<Alert>),
    Cancel,
}

pub(super) struct Form {
    /// The name of the alert that is being changed; `None`: it is a new one.
    of: Option<String>,
    alert: Alert,
    recipients: String,
    command: String,
    silent_sources: String,
    spool_percent: Number,
    oldest_minutes: Number,
    silent_minutes: Number,
    after_seconds: Number,
    wants_focus: bool,
    /// Why it was not saved.
    fault: Option<String>,
}

/// A field, and an example of what may be written there.
fn text_ui(ui: &mut Ui, label: &str, value: &mut String, example: &str) -> Response {
    widgets::field_ui(ui, label, value, &widgets::example(example), None)
}

impl Form {
    pub(super) fn new(alert: Alert, of: Option<String>) -> Self {
        const MINUTES: u64 = 60 * 24 * 365;
        Self {
            of,
            recipients: alert.recipients.join(", "),
            command: shell::words(&alert.command),
            silent_sources: alert.silent_sources.join(", "),
            spool_percent: Number::count(u64::from(alert.spool_percent), 1..=100, 5),
            oldest_minutes: Number::count(alert.oldest_minutes, 1..=MINUTES, 5),
            silent_minutes: Number::count(alert.silent_minutes, 1..=MINUTES, 5),
            after_seconds: Number::count(alert.after_seconds, 0..=60 * 60 * 24, 10),
            wants_focus: true,
            fault: None,
            alert,
        }
    }

    pub(super) fn is_new(&self) -> bool {
        self.of.is_none()
    }

    pub(super) fn is_of(&self, name: &str) -> bool {
        self.of.as_deref() == Some(name)
    }

    pub(super) fn name(&self) -> &str {
        &self.alert.name
    }

    /// Shows why it cannot be saved.
    pub(super) fn refuse(&mut self, error: &config::Error) {
        let texts: Vec<_> = error.problems().iter().map(|problem| problem.text.clone()).collect();
        self.fault = Some(if texts.is_empty() { error.to_string() } else { texts.join("\n") });
    }

    /// The alert as it is filled in, or what is wrong.
    fn wanted(&self) -> Result<Alert, String> {
        let list = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let number = |name: &str, number: &Number| number.value().map_err(|why| format!("{name}: {why}"));
        let command = shell::split(&self.command)
            .ok_or("Program: a quotation mark is not closed; write it as in a shell")?;
        let percent = number("Percent of the spool", &self.spool_percent)?;
        Ok(Alert {
            name: self.alert.name.trim().to_owned(),
            recipients: list(&self.recipients),
            command,
            silent_sources: list(&self.silent_sources),
            spool_percent: u8::try_from(percent).unwrap_or(100),
            oldest_minutes: number("Minutes that an event may wait", &self.oldest_minutes)?,
            silent_minutes: number("Minutes that a source may be silent", &self.silent_minutes)?,
            after_seconds: number("Seconds until it is told", &self.after_seconds)?,
            ..self.alert.clone()
        })
    }

    /// Draws the form. `(is_saving, is_testing)`: settings are being saved, an alert is being tested.
    pub(super) fn ui(&mut self, ui: &mut Ui, (is_saving, is_testing): (bool, bool)) -> Option<Choice> {
        ui.spacing_mut().item_spacing.y = 9.0;
        let name = text_ui(ui, "Name of the alert", &mut self.alert.name, "On call");
        widgets::focus_once(&name, &mut self.wants_focus);
        let kinds = AlertKind::ALL.map(|kind| (kind, kind_title(kind)));
        widgets::segments_wrapped_ui(ui, &mut self.alert.kind, "Way of the alert", &kinds);
        self.way_ui(ui);
        self.conditions_ui(ui);
        if let Some(fault) = &self.fault {
            widgets::error_ui(ui, Some(fault));
        }
        self.answers_ui(ui, is_saving, is_testing)
    }

    /// The fields of its kind.
    fn way_ui(&mut self, ui: &mut Ui) {
        let alert = &mut self.alert;
        match alert.kind {
            AlertKind::Webhook => {
                text_ui(ui, "Webhook URL", &mut alert.url, "https://example.com/hook");
                text_ui(ui, "Authorization header (optional)", &mut alert.authorization, "Bearer …");
                widgets::hint_ui(
                    ui,
                    "Gets a POST with JSON. Both are stored in the settings file, which only you can read.",
                );
            }
            AlertKind::Slack => {
                text_ui(ui, "Webhook URL", &mut alert.url, "https://hooks.slack.com/services/…");
                widgets::hint_ui(
                    ui,
                    "An incoming webhook of Slack, or of a service with the same shape, such as Mattermost.",
                );
            }
            AlertKind::Email => {
                text_ui(ui, "Mail server", &mut alert.smtp, "smtps://mail.example.com");
                widgets::hint_ui(ui, "smtps:// uses TLS, smtp:// STARTTLS.");
                text_ui(ui, "From", &mut alert.from, "Tributary <tributary@example.com>");
                text_ui(ui, "To", &mut self.recipients, "ops@example.com, you@example.com");
                text_ui(ui, "User at the mail server (optional)", &mut alert.smtp_user, "tributary");
                let file = &mut alert.smtp_password_file;
                text_ui(ui, "File with the password", file, "/etc/tributary/smtp-password");
            }
            AlertKind::Command => {
                let example = "/usr/local/bin/page --team data";
                text_ui(ui, "Program and arguments", &mut self.command, example);
                widgets::hint_ui(
                    ui,
                    "Runs without a shell, with the JSON on its standard input. Exit code 0: it was told.",
                );
            }
        }
    }

    fn conditions_ui(&mut self, ui: &mut Ui) {
        ui.label(weight("Tell when", 560.0));
        for condition in Condition::ALL {
            let text = match condition {
                Condition::Blocked => "Delivery is blocked until somebody acts",
                Condition::Failed => "Events failed",
                Condition::Spool => "The spool fills up",
                Condition::Oldest => "An event waits too long",
                Condition::Silent => "A source is silent",
                Condition::Disk => "The disk fails, or has no room",
            };
            let mut is_on = self.alert.on.contains(&condition);
            if widgets::checkbox_ui(ui, &mut is_on, text).changed() {
                self.alert.on.retain(|one| *one != condition);
                if is_on {
                    self.alert.on.push(condition);
                    self.alert.on.sort();
                }
            }
            let shown = is_on.then_some(condition);
            match shown {
                Some(Condition::Spool) => {
                    number_ui(
                        ui,
                        "Percent of the spool",
                        "Queued and failed events",
                        &mut self.spool_percent,
                    );
                }
                Some(Condition::Oldest) => {
                    number_ui(
                        ui,
                        "Minutes that an event may wait",
                        "The oldest one in the spool",
                        &mut self.oldest_minutes,
                    );
                }
                Some(Condition::Silent) => {
                    number_ui(
                        ui,
                        "Minutes that a source may be silent",
                        "Since its last request",
                        &mut self.silent_minutes,
                    );
                    let label = "Only these sources (optional)";
                    text_ui(ui, label, &mut self.silent_sources, "Website, iOS app");
                }
                Some(Condition::Blocked | Condition::Failed | Condition::Disk) | None => {}
            }
        }
        let hint = "How long it must last. Shorter troubles are not told";
        number_ui(ui, "Seconds until it is told", hint, &mut self.after_seconds);
    }

    fn answers_ui(&mut self, ui: &mut Ui, is_saving: bool, is_testing: bool) -> Option<Choice> {
        let (mut save, mut test, mut cancel) = (false, false, false);
        ui.horizontal_wrapped(|ui| {
            save = widgets::primary_button_ui(ui, Icon::Check, "Save alert", !is_saving).clicked();
            ui.add_enabled_ui(!is_testing, |ui| {
                test = widgets::button_ui(ui, Icon::Send, "Send a test").clicked();
            });
            cancel = widgets::button_ui(ui, Icon::X, "Cancel").clicked();
        });
        if cancel {
            return Some(Choice::Cancel);
        }
        if !save && !test {
            return None;
        }
        match self.wanted() {
            Ok(alert) if save && alert.name.is_empty() => {
                self.fault = Some("an alert needs a name, such as On call".to_owned());
                None
            }
            Ok(alert) => {
                self.fault = None;
                let alert = Box::new(alert);
                Some(if save { Choice::Save(alert, self.of.clone()) } else { Choice::Test(alert) })
            }
            Err(why) => {
                self.fault = Some(why);
                None
            }
        }
    }
}

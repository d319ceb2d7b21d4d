//! The alerts that leave this computer: what each is about, whether it gets through, a test of it, and the form to add or change
//! one. They are saved when the form says so, not field by field: half an alert is not valid.

mod form;

use std::time::Duration;

use eframe::egui::{Align, Label, Layout, RichText, Ui};
use lucide_icons::Icon;

use crate::{
    app::{
        command::Command,
        seen::Seen,
        theme::{self, Tokens, tokens, weight},
        waiting::{Waiting, arrived},
        widgets::{self, Tone},
    },
    config::{Alert, Config},
    delivery::AlertReport,
    engine::Answer,
};
use form::{Choice, Form, kind_title};

/// A mail server or a program may take its time.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the search of Settings finds it by.
pub(super) const WORDS: [&str; 6] = ["Alerts", "Webhook", "Slack", "E-mail", "Program", "Notify"];

#[derive(Default)]
pub(super) struct Alerts {
    form: Option<Form>,
    /// The alert whose removal is to be confirmed.
    removing: Option<String>,
    /// The name of the alert that is being tested.
    testing: Option<(String, Waiting<Result<(), String>>)>,
    /// The name of the alert that was tested last, and what came of it.
    tested: Option<(String, Result<(), String>)>,
}

impl Alerts {
    pub(super) fn test_coming(&mut self, name: String, answer: Answer<Result<(), String>>) {
        self.tested = None;
        self.testing = Some((name, Waiting::at_most(PATIENCE, answer)));
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if let Some((name, waiting)) = self.testing.take() {
            let mut waiting = Some(waiting);
            match arrived(&mut waiting, ui.ctx()) {
                Some(result) => self.tested = Some((name, result)),
                None => self.testing = waiting.map(|waiting| (name, waiting)),
            }
        }
        widgets::title_ui(ui, "Alerts");
        widgets::hint_ui(
            ui,
            "Tells people elsewhere when something here needs them, and once more when it is over: by webhook, Slack, e-mail, or \
             a program.",
        );
        let alerts = &seen.config.alerts;
        for (nth, alert) in alerts.iter().enumerate() {
            if nth > 0 {
                widgets::divider_ui(ui);
            }
            match &self.form {
                Some(form) if form.is_of(&alert.name) => self.form_ui(ui, seen),
                _ => self.row_ui(ui, seen, alert),
            }
        }
        if self.form.as_ref().is_some_and(Form::is_new) {
            if !alerts.is_empty() {
                widgets::divider_ui(ui);
            }
            self.form_ui(ui, seen);
        } else if self.form.is_none() && widgets::button_ui(ui, Icon::Plus, "Add an alert …").clicked() {
            self.form = Some(Form::new(Alert::default(), None));
        }
    }

    fn row_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, alert: &Alert) {
        let t = tokens(ui);
        let name = &alert.name;
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                self.actions_ui(ui, seen, alert);
                ui.add_space(6.0);
                ui.with_layout(Layout::top_down(Align::Min), |ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    ui.add(Label::new(weight(name, 590.0).color(t.strong)).truncate());
                    let way = format!("{} · {}", kind_title(alert.kind), alert.target());
                    ui.add(Label::new(RichText::new(way).color(t.weak)).truncate());
                });
            });
        });
        let report = seen.status.alerts.iter().find(|report| *report.name == **name);
        state_ui(ui, seen, alert, report);
        self.test_ui(ui, name);
        if self.removing.as_ref() == Some(name) {
            self.removal_ui(ui, seen, name);
        }
    }

    fn actions_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, alert: &Alert) {
        let name = &alert.name;
        if widgets::icon_button_ui(ui, Icon::Trash2, &format!("Remove {name}")).clicked() {
            self.removing = Some(name.clone());
        }
        if widgets::icon_button_ui(ui, Icon::Pencil, &format!("Change {name}")).clicked() {
            self.form = Some(Form::new(alert.clone(), Some(name.clone())));
        }
        ui.add_enabled_ui(self.testing.is_none(), |ui| {
            let test = widgets::button_ui(ui, Icon::Send, "Send a test");
            if test.accessible_name(format!("Send a test to {name}")).clicked() {
                seen.push(Command::TestAlert(Box::new(alert.clone())));
            }
        });
    }

    /// What came of a test of the alert with this name.
    fn test_ui(&self, ui: &mut Ui, name: &str) {
        if self.testing.as_ref().is_some_and(|(testing, _)| testing == name) {
            widgets::hint_ui(ui, "Sending a test …");
        }
        match self.tested.as_ref().filter(|(tested, _)| tested == name) {
            Some((_, Ok(()))) => {
                widgets::message_ui(ui, Tone::Good, "The test was taken. See whether it reached you.");
            }
            Some((_, Err(why))) => widgets::message_ui(ui, Tone::Bad, &format!("Not sent: {why}")),
            None => {}
        }
    }

    fn removal_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, name: &str) {
        widgets::message_ui(ui, Tone::Attention, "Nobody is told through this alert any more.");
        ui.horizontal_wrapped(|ui| {
            if widgets::danger_button_ui(ui, Icon::Trash2, "Remove this alert").clicked() && !seen.saving {
                let mut config = seen.config.clone();
                config.alerts.retain(|alert| alert.name != name);
                seen.save(config, "Alert removed");
                self.removing = None;
            }
            if widgets::button_ui(ui, Icon::X, "Keep it").clicked() {
                self.removing = None;
            }
        });
    }

    fn form_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let Some(form) = &mut self.form else { return };
        let name = form.name().to_owned();
        let choice = form.ui(ui, (seen.saving, self.testing.is_some()));
        match choice {
            Some(Choice::Save(alert, replaced)) => {
                let config = with(seen.config, *alert, replaced.as_deref());
                match crate::config::check(&config) {
                    Ok(()) => {
                        seen.save(config, "Alert saved");
                        self.form = None;
                    }
                    Err(error) => form.refuse(&error),
                }
            }
            Some(Choice::Test(alert)) => {
                // The name does not matter for a test, and may still be missing.
                let named = Alert { name: "Test".to_owned(), ..(*alert).clone() };
                match crate::config::check(&Config { alerts: vec![named], ..seen.config.clone() }) {
                    Ok(()) => seen.push(Command::TestAlert(alert)),
                    Err(error) => form.refuse(&error),
                }
            }
            Some(Choice::Cancel) => self.form = None,
            None => {}
        }
        if self.form.is_some() {
            self.test_ui(ui, &name);
        }
    }
}

/// The settings with this alert, in the place of the one with that name or at the end.
fn with(config: &Config, alert: Alert, replaced: Option<&str>) -> Config {
    let mut config = config.clone();
    match config.alerts.iter_mut().find(|one| Some(&*one.name) == replaced) {
        Some(place) => *place = alert,
        None => config.alerts.push(alert),
    }
    config
}

/// What the alert is about, what it has told, and whether it gets through.
fn state_ui(ui: &mut Ui, seen: &Seen<'_>, alert: &Alert, report: Option<&AlertReport>) {
    let t = tokens(ui);
    let on: Vec<_> = alert.on.iter().map(|condition| condition.as_str()).collect();
    let line = |ui: &mut Ui, icon: Icon, color: fn(&Tokens) -> eframe::egui::Color32, text: String| {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(theme::icon(icon).size(12.0).color(color(t)));
            ui.add(Label::new(RichText::new(text).color(t.text)).wrap());
        });
    };
    line(ui, Icon::Bell, |t| t.weak, format!("On: {}", on.join(", ")));
    let Some(report) = report else { return };
    if !report.open.is_empty() {
        line(ui, Icon::TriangleAlert, |t| t.warn, format!("Not over: {}", report.open.join(", ")));
    }
    if let Some(error) = &report.error {
        let waiting = widgets::digits(report.waiting);
        line(ui, Icon::CircleAlert, |t| t.err, format!("Not sent, {waiting} waiting: {error}"));
    } else if let Some(at) = report.last_sent {
        let ago = widgets::ago_ui(ui, at, seen.now);
        line(ui, Icon::Check, |t| t.ok, format!("Last sent {ago}"));
    }
}

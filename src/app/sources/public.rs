//! The public address, at which senders reach the endpoint through a reverse proxy: whether it works, and the proxy's
//! configuration. The check sends one test event and changes no setting.

use std::time::Duration;

use eframe::egui::{self, RichText, Ui};
use lucide_icons::Icon;

use crate::{
    app::{
        command::{AccountCommand, Command},
        remedy_card,
        seen::Seen,
        step_run::StepRun,
        theme::tokens,
        widgets::{self, Tone},
    },
    config::{Config, PublicUrl},
    delivery::PUBLIC_STEPS,
    engine::Steps,
    remedy::Location,
    snippets::{Proxy, proxy_lines},
};

/// Maximum wait for a step. A host with several addresses that do not answer takes long.
const PATIENCE: Duration = Duration::from_mins(2);

pub(super) struct Public {
    run: Option<Run>,
    /// The configuration lines for a proxy are shown.
    lines: bool,
    proxy: Proxy,
    revealed: widgets::Revealed,
}

impl Default for Public {
    fn default() -> Self {
        Self { run: None, lines: false, proxy: Proxy::Nginx, revealed: widgets::Revealed::default() }
    }
}

/// A check, and the address that it is about.
struct Run {
    address: PublicUrl,
    trusted: Vec<String>,
    steps: StepRun,
}

fn trusted(config: &Config) -> Vec<String> {
    config.capture.trusted_proxies.iter().map(ToString::to_string).collect()
}

impl Public {
    pub(super) fn logic(&mut self, ctx: &egui::Context) {
        if let Some(run) = &mut self.run {
            run.steps.receive_check(ctx, PATIENCE, &PUBLIC_STEPS);
        }
    }

    /// Takes the steps of a check of these settings' public address.
    pub(super) fn started(&mut self, steps: Steps, config: &Config) {
        let Some(address) = config.capture.public_url.clone() else { return };
        self.run = Some(Run { address, trusted: trusted(config), steps: StepRun::new(steps) });
    }

    /// Draws the public address and its check, below the endpoint's address.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let public = seen.config.capture.public_url.clone();
        let running = self.run.as_ref().is_some_and(|run| run.steps.is_running());
        ui.horizontal_wrapped(|ui| {
            let can = public.is_some() && !running;
            let check =
                ui.add_enabled_ui(can, |ui| widgets::button_ui(ui, Icon::Radar, "Check my public address"));
            let why =
                if running { "The check is running" } else { "Set the public address in Settings first" };
            if check.inner.on_disabled_hover_text(why).clicked() {
                seen.push(Command::Account(AccountCommand::CheckPublicAddress));
            }
            if public.is_some() {
                let label = if self.lines { "Hide proxy configuration" } else { "Proxy configuration" };
                if widgets::button_ui(ui, Icon::FileCode, label).clicked() {
                    self.lines = !self.lines;
                }
            }
            if let Some(note) = self.run.as_ref().and_then(|run| run.note(seen)) {
                ui.label(RichText::new(note).color(tokens(ui).weak));
            }
        });
        let Some(public) = public else { return };
        if let Some(run) = &self.run {
            let answer = ui.scope(|ui| run.ui(ui, seen)).response.rect;
            self.revealed.follow(ui, run.steps.known.len() + 1, answer);
        }
        if self.lines {
            self.lines_ui(ui, seen, &public);
        }
    }

    fn lines_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, public: &PublicUrl) {
        let choices = Proxy::ALL.map(|proxy| (proxy, proxy.title()));
        widgets::segments_ui(ui, &mut self.proxy, "Reverse proxy", &choices);
        let lines = proxy_lines(self.proxy, public, &seen.config.capture);
        if widgets::code_ui(ui, lines.trim_end(), "Copy proxy configuration") {
            seen.copied("Proxy configuration");
        }
    }
}

impl Run {
    fn is_current(&self, config: &Config) -> bool {
        config.capture.public_url.as_ref() == Some(&self.address) && trusted(config) == self.trusted
    }

    fn note(&self, seen: &Seen<'_>) -> Option<String> {
        if self.steps.is_running() {
            return None;
        }
        Some(if self.is_current(seen.config) {
            format!("Checked at {}", seen.clock.format(self.steps.ended_at, "%H:%M:%S"))
        } else {
            "The settings have changed since this check.".to_owned()
        })
    }

    fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        self.steps.ui(ui, seen, |ui, seen, _, fault| {
            let config = Config::clone(seen.config);
            remedy_card::remedy_for_ui(ui, seen, fault, &config, Some(Location::Sources));
        });
        if self.steps.is_running() {
            self.steps.rest_ui(ui, &PUBLIC_STEPS, "");
        } else if !self.steps.has_failed() && self.is_current(seen.config) {
            let text = format!("Senders can use {}.", self.address);
            widgets::message_ui(ui, Tone::Good, &text);
        }
    }
}

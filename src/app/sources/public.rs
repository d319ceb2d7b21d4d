//! The public address: where senders reach the endpoint through a reverse proxy, whether that works, and what to put
//! into the proxy's configuration. The check sends one test event; it changes no setting.

use std::time::{Duration, Instant};

use eframe::egui::{self, RichText, Ui};
use lucide_icons::Icon;

use crate::{
    app::{
        banner,
        clock::Clock,
        command::{AccountCommand, Command},
        seen::Seen,
        setup::{Look, row_ui},
        theme::tokens,
        waiting::FRAME,
        widgets::{self, Tone},
    },
    config::{Config, PublicUrl},
    delivery::{AwsError, CheckStep, Millis, PUBLIC_STEPS, Verdict},
    engine::{NextStep, Steps},
    remedy::Location,
    snippets::{Proxy, proxy_lines},
};

/// A host of several addresses that do not answer takes long; so long without a new step is too long.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the card keeps between frames.
pub(super) struct Public {
    run: Option<Run>,
    /// The proxy's lines are open.
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
    steps: Vec<CheckStep>,
    /// More may come, since when nothing did.
    coming: Option<(Steps, Instant)>,
    /// When it ended.
    at: Millis,
}

fn trusted(config: &Config) -> Vec<String> {
    config.capture.trusted_proxies.iter().map(ToString::to_string).collect()
}

impl Public {
    pub(super) fn logic(&mut self, ctx: &egui::Context) {
        let Some(run) = &mut self.run else { return };
        let Some((coming, since)) = &mut run.coming else { return };
        loop {
            match coming.take() {
                NextStep::There(step) => {
                    *since = Instant::now();
                    run.steps.push(step);
                }
                NextStep::Pending if since.elapsed() < PATIENCE => {
                    ctx.request_repaint_after(FRAME);
                    return;
                }
                NextStep::Pending => {
                    run.fail("The check took too long.");
                    break;
                }
                NextStep::Ended => {
                    if !run.failed() && run.next().is_some() {
                        run.fail("The check ended before this step.");
                    }
                    break;
                }
            }
        }
        run.coming = None;
        run.at = Clock::now();
    }

    /// The check of these settings' public address has begun.
    pub(super) fn started(&mut self, steps: Steps, config: &Config) {
        let Some(address) = config.capture.public_url.clone() else { return };
        let coming = Some((steps, Instant::now()));
        self.run = Some(Run { address, trusted: trusted(config), steps: Vec::new(), coming, at: 0 });
    }

    /// Below the endpoint's address.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let public = seen.config.capture.public_url.clone();
        let running = self.run.as_ref().is_some_and(|run| run.coming.is_some());
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
            self.revealed.follow(ui, run.steps.len() + 1, answer);
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
    fn failed(&self) -> bool {
        self.steps.last().is_some_and(|step| matches!(step.verdict, Verdict::Failed(_)))
    }

    /// The step that is being looked at gave no answer.
    fn fail(&mut self, said: &str) {
        let name = self.next().unwrap_or("event");
        let verdict = Verdict::Failed(AwsError::new("NoAnswer", said));
        self.steps.push(CheckStep { name: name.into(), verdict, detail: String::new(), found: None });
    }

    /// The step that is being looked at.
    fn next(&self) -> Option<&'static str> {
        PUBLIC_STEPS.get(self.steps.len()).copied()
    }

    fn is_current(&self, config: &Config) -> bool {
        config.capture.public_url.as_ref() == Some(&self.address) && trusted(config) == self.trusted
    }

    fn note(&self, seen: &Seen<'_>) -> Option<String> {
        if self.coming.is_some() {
            return None;
        }
        Some(if self.is_current(seen.config) {
            format!("Checked at {}", seen.clock.format(self.at, "%H:%M:%S"))
        } else {
            "The settings have changed since this check.".to_owned()
        })
    }

    fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        for step in &self.steps {
            match &step.verdict {
                Verdict::Passed => row_ui(ui, Look::Passed, &step.name, &step.detail),
                Verdict::Skipped => row_ui(ui, Look::Skipped, &step.name, &step.detail),
                Verdict::Failed(fault) => {
                    row_ui(ui, Look::Failed, &step.name, "");
                    let config = Config::clone(seen.config);
                    banner::remedy_for_ui(ui, seen, fault, &config, Some(Location::Sources));
                }
            }
        }
        let rest = &PUBLIC_STEPS[self.steps.len().min(PUBLIC_STEPS.len())..];
        let running = self.coming.is_some();
        if running {
            for (at, name) in rest.iter().enumerate() {
                row_ui(ui, if at == 0 { Look::Running } else { Look::Waiting }, name, "");
            }
        } else if !self.failed() && self.is_current(seen.config) {
            let text = format!("Senders can use {}.", self.address);
            widgets::message_ui(ui, Tone::Good, &text);
        }
    }
}

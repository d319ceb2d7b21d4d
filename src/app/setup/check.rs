//! The check step: asks the destination of the draft, step by step, whether a record could be put, and says what to do
//! about the step that fails. It changes no setting, and AWS writes nothing (its dry run).

use std::time::Duration;

use eframe::egui::{self, FontId, Label, RichText, Sense, Spinner, Ui, WidgetInfo, vec2};
use lucide_icons::Icon;

use super::super::{
    Poll, Seen, Waiting, banner,
    theme::{self, tokens, weight},
    widgets::{self, Tone},
};
use crate::{
    config::{Config, DestinationKind},
    delivery::{Fault, Millis, Step, Verdict},
    engine::Answer,
};

/// Looking for keys and waiting for a server that does not answer take a while.
const PATIENCE: Duration = Duration::from_mins(1);

/// The steps that the engine reports when all goes well; those after a failure are not reached.
const STEPS: [&str; 2] = ["stream", "put"];

#[derive(Default)]
pub(super) struct Check {
    waiting: Option<(Waiting<Vec<Step>>, Config)>,
    done: Option<Done>,
}

/// An answer, and the settings that it is about.
struct Done {
    steps: Vec<Step>,
    config: Config,
    at: Millis,
}

/// What is known of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It was not checked, or it has changed since.
    Unknown,
    Good,
    Bad,
}

fn is_same(one: &Config, other: &Config) -> bool {
    one.destination == other.destination && one.credentials == other.credentials
}

impl Check {
    pub(super) fn logic(&mut self, ctx: &egui::Context) {
        let Some((waiting, _)) = &mut self.waiting else { return };
        let steps = match waiting.poll(ctx) {
            Poll::Pending => return,
            Poll::There(steps) => steps,
            Poll::Lost => vec![Step {
                name: STEPS[0],
                verdict: Verdict::Failed(Fault::new("NoAnswer", "The check took too long.")),
                detail: String::new(),
            }],
        };
        if let Some((_, config)) = self.waiting.take() {
            self.done = Some(Done { steps, config, at: super::super::Clock::now() });
        }
    }

    fn start(&mut self, answer: Answer<Vec<Step>>, config: Config) {
        self.done = None;
        self.waiting = Some((Waiting::patient(answer, PATIENCE), config));
    }

    pub(super) fn finding(&self, draft: &Config) -> Finding {
        match &self.done {
            Some(done) if is_same(&done.config, draft) => {
                if done.steps.iter().any(|step| matches!(step.verdict, Verdict::Failed(_))) {
                    Finding::Bad
                } else {
                    Finding::Good
                }
            }
            Some(_) | None => Finding::Unknown,
        }
    }

    /// `missing` says why the draft cannot be checked yet.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, missing: Option<&str>) {
        widgets::hint_ui(ui, before(draft));
        let finding = self.finding(draft);
        ui.horizontal_wrapped(|ui| {
            let can = missing.is_none() && self.waiting.is_none();
            let label = if self.done.is_some() { "Check again" } else { "Check" };
            let disabled = missing.unwrap_or("The check is running");
            let button = ui.add_enabled_ui(can, |ui| widgets::button_ui(ui, Icon::ListChecks, label)).inner;
            if button.on_disabled_hover_text(disabled).clicked() {
                self.start(seen.engine.check(draft.clone()), draft.clone());
            }
            let t = tokens(ui);
            let note = match (&self.done, finding) {
                (_, _) if missing.is_some() => {
                    Some("Possible once the steps above are filled in.".to_owned())
                }
                (None, _) => None,
                (Some(_), Finding::Unknown) => Some("The settings have changed since this check.".to_owned()),
                (Some(done), Finding::Good | Finding::Bad) => {
                    Some(format!("Checked at {}", seen.clock.format(done.at, "%H:%M:%S")))
                }
            };
            if let Some(note) = note {
                ui.label(RichText::new(note).color(t.weak));
            }
        });
        if self.waiting.is_some() {
            for name in STEPS {
                row_ui(ui, Look::Running, name, "");
            }
        }
        if let Some(done) = &self.done {
            done.ui(ui, seen, finding);
        }
    }
}

/// What a click will do, said before it.
fn before(draft: &Config) -> &'static str {
    let destination = &draft.destination;
    match destination.kind {
        DestinationKind::Practice => "Asks the practice stream whether it takes records. None is written.",
        DestinationKind::Kinesis if destination.endpoint_url.is_empty() => {
            "Asks AWS with these settings, applied or not. Nothing is written: AWS makes a dry run."
        }
        DestinationKind::Kinesis => {
            "Asks this server with these settings, applied or not. A server that does not know AWS's dry run gets one \
             test record, with the key tributary-check."
        }
    }
}

impl Done {
    fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>, finding: Finding) {
        ui.add_space(2.0);
        for step in &self.steps {
            match &step.verdict {
                Verdict::Passed => row_ui(ui, Look::Passed, step.name, &step.detail),
                Verdict::Skipped => row_ui(ui, Look::Skipped, step.name, &step.detail),
                Verdict::Failed(fault) => {
                    row_ui(ui, Look::Failed, step.name, "");
                    banner::remedy_for_ui(ui, seen, fault, &self.config);
                }
            }
        }
        let reached = self.steps.len();
        let failed = self.steps.last().is_some_and(|step| matches!(step.verdict, Verdict::Failed(_)));
        if failed {
            for name in STEPS.iter().skip(reached) {
                row_ui(ui, Look::Waiting, name, "Not looked at: the step before it failed.");
            }
        } else if finding == Finding::Good {
            widgets::message_ui(ui, Tone::Good, "Everything that delivering needs is there.");
        }
    }
}

/// How a line of the list looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Running,
    Waiting,
    Passed,
    Skipped,
    Failed,
}

fn title(name: &str) -> String {
    match name {
        "stream" => "The stream is there".to_owned(),
        "put" => "Records can be put".to_owned(),
        other => widgets::capital(other),
    }
}

fn row_ui(ui: &mut Ui, look: Look, name: &str, detail: &str) {
    let t = tokens(ui);
    let (color, icon, word) = match look {
        Look::Running => (t.accent, None, "being checked"),
        Look::Waiting => (t.weak, Some(Icon::Minus), "not reached"),
        Look::Passed => (t.ok, Some(Icon::Check), "passed"),
        Look::Skipped => (t.weak, Some(Icon::SkipForward), "skipped"),
        Look::Failed => (t.err, Some(Icon::X), "failed"),
    };
    ui.horizontal_top(|ui| {
        ui.spacing_mut().interact_size.y = 20.0;
        let (rect, response) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
        response
            .widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, format!("{}: {word}", title(name))));
        match icon {
            None => Spinner::new().size(14.0).color(color).paint_at(ui, rect.shrink(3.0)),
            Some(icon) => {
                ui.painter().circle_filled(rect.center(), 9.0, color.gamma_multiply(0.16));
                let glyph = char::from(icon);
                let font = FontId::new(10.5, theme::icons());
                ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, glyph, font, color);
            }
        }
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.horizontal(|ui| {
                ui.label(weight(title(name), 580.0).color(t.strong));
                ui.label(RichText::new(word).size(12.0).color(color));
            });
            if !detail.is_empty() {
                ui.add(Label::new(RichText::new(detail).color(t.weak)).wrap());
            }
        });
    });
}

//! The steps of a check, or of calls to AWS: collects them as they arrive one by one, and draws them.

use std::time::{Duration, Instant};

use eframe::egui::{self, Context, FontId, Label, RichText, Sense, Spinner, Ui, WidgetInfo, vec2};
use lucide_icons::Icon;

use super::{
    clock::Clock,
    seen::Seen,
    theme::{self, tokens, weight},
    waiting::FRAME,
    widgets,
};
use crate::{
    delivery::{AwsError, CheckStep, Millis, NewStream, Verdict, error_code},
    engine::{NextStep, Steps},
    event::shown,
};

pub(super) struct StepRun {
    pub known: Vec<CheckStep>,
    /// The source of further steps, and the time of the last one; `None`: the run has ended.
    coming: Option<(Steps, Instant)>,
    pub ended_at: Millis,
}

/// Why no more steps come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    TimedOut,
}

impl StepRun {
    pub(super) fn new(steps: Steps) -> Self {
        Self { known: Vec::new(), coming: Some((steps, Instant::now())), ended_at: 0 }
    }

    pub(super) fn is_running(&self) -> bool {
        self.coming.is_some()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.known.last().is_some_and(|step| matches!(step.verdict, Verdict::Failed(_)))
    }

    /// Takes the steps that have come. Returns why the run ended, once. `patience`: how long to wait for each step.
    pub(super) fn receive(&mut self, ctx: &Context, patience: Duration) -> Option<End> {
        let (coming, since) = self.coming.as_mut()?;
        let end = loop {
            match coming.take() {
                NextStep::There(step) => {
                    *since = Instant::now();
                    self.known.push(step);
                }
                NextStep::Pending if since.elapsed() < patience => {
                    ctx.request_repaint_after(FRAME);
                    return None;
                }
                NextStep::Pending => break End::TimedOut,
                NextStep::Ended => break End::Done,
            }
        };
        self.coming = None;
        self.ended_at = Clock::now();
        Some(end)
    }

    /// Like [`Self::receive`], for a check with these steps: a step without an answer in time becomes a failed step.
    pub(super) fn receive_check(&mut self, ctx: &Context, patience: Duration, names: &[&'static str]) {
        let end = self.receive(ctx, patience);
        let next = names.get(self.known.len()).copied();
        match end {
            Some(End::TimedOut) => {
                self.fail(next.or(names.last().copied()).unwrap_or_default(), "The check took too long.");
            }
            Some(End::Done) if !self.has_failed() => {
                if let Some(next) = next {
                    self.fail(next, "The check ended before this step.");
                }
            }
            Some(End::Done) | None => {}
        }
    }

    /// Adds a failed step.
    pub(super) fn fail(&mut self, name: &'static str, said: &str) {
        let verdict = Verdict::Failed(AwsError::new(error_code::NO_ANSWER, said));
        self.known.push(CheckStep { name: name.into(), verdict, detail: String::new(), found: None });
    }

    /// Draws the steps so far; `remedy_ui` draws what to do about one that failed.
    pub(super) fn ui(
        &self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        remedy_ui: impl Fn(&mut Ui, &mut Seen<'_>, &CheckStep, &AwsError),
    ) {
        for step in &self.known {
            match &step.verdict {
                Verdict::Passed => row_ui(ui, RowState::Passed, &step.name, &step.detail),
                Verdict::Skipped => row_ui(ui, RowState::Skipped, &step.name, &step.detail),
                Verdict::Failed(fault) => {
                    row_ui(ui, RowState::Failed, &step.name, "");
                    remedy_ui(ui, seen, step, fault);
                }
            }
        }
    }

    /// Draws the steps of a check that are not known yet. `not_reached`: why, if the check has ended.
    pub(super) fn rest_ui(&self, ui: &mut Ui, names: &[&str], not_reached: &str) {
        for (at, name) in names.iter().skip(self.known.len()).enumerate() {
            match (self.is_running(), at) {
                (true, 0) => row_ui(ui, RowState::Running, name, ""),
                (true, _) => row_ui(ui, RowState::Waiting, name, ""),
                (false, _) => row_ui(ui, RowState::Waiting, name, not_reached),
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RowState {
    Running,
    Waiting,
    Passed,
    Skipped,
    Failed,
}

fn title(name: &str) -> String {
    match name {
        "credentials" => "Credentials are found".to_owned(),
        "identity" => "The keys are valid".to_owned(),
        "account" => "The keys belong to the stream's account".to_owned(),
        "stream" => "The stream exists".to_owned(),
        "put" => "Records can be put".to_owned(),
        "record" => "A test record can be put".to_owned(),
        "read-back" => "The test record can be read back".to_owned(),
        "aggregation" => "The stream takes aggregated records".to_owned(),
        "reader" => "The reader can decode the records".to_owned(),
        "name" => "The host name resolves".to_owned(),
        "connection" => "The address can be reached".to_owned(),
        "certificate" => "The certificate is valid".to_owned(),
        "settings" => "SDKs get their settings".to_owned(),
        "preflight" => "Browsers may send".to_owned(),
        "event" => "A test event is accepted".to_owned(),
        "delivery" => "The test event is delivered".to_owned(),
        "client-address" => "Events get the client's address".to_owned(),
        NewStream::CREATE => "The stream is created".to_owned(),
        NewStream::ACTIVE => "The stream is ACTIVE".to_owned(),
        NewStream::RETENTION => "Its retention is set".to_owned(),
        other => widgets::capital(other),
    }
}

pub(super) fn row_ui(ui: &mut Ui, state: RowState, name: &str, detail: &str) {
    let t = tokens(ui);
    let (color, icon, word) = match state {
        RowState::Running => (t.accent, None, "under way"),
        RowState::Waiting => (t.weak, Some(Icon::Minus), "not reached"),
        RowState::Passed => (t.ok, Some(Icon::Check), "passed"),
        RowState::Skipped => (t.weak, Some(Icon::SkipForward), "skipped"),
        RowState::Failed => (t.err, Some(Icon::X), "failed"),
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
                ui.add(Label::new(RichText::new(shown::lines(detail)).color(t.weak)).wrap());
            }
        });
    });
}

//! The creation of a stream, step by step. If a step fails after the first one, the stream exists: that is said, and the rest can
//! be done again.

use std::time::Duration;

use eframe::egui::{Context, Ui};
use lucide_icons::Icon;

use super::{
    super::super::{
        remedy_card,
        seen::Seen,
        step_run::StepRun,
        widgets::{self, Tone},
    },
    form::name,
};
use crate::{
    config::Config,
    delivery::{AwsError, CheckStep, NewStream, RETENTION_HOURS, Verdict},
    engine::Steps,
    remedy,
};

/// Maximum wait for a step: a little longer than the engine's own limit.
const PATIENCE: Duration = Duration::from_mins(4);

#[derive(Default)]
pub(super) struct Creation {
    run: Option<Run>,
    revealed: widgets::Revealed,
}

/// What the user wants after a step has failed.
pub(super) enum Wish {
    /// Fill in a tag.
    AddTag,
    /// The stream of that name, which was there before.
    UseExisting,
    /// What is missing of the stream that was created.
    DoTheRest(NewStream),
    /// The policy for creating this stream.
    CopyPolicy(NewStream),
}

struct Run {
    config: Config,
    stream: NewStream,
    steps: StepRun,
}

impl Creation {
    pub(super) fn started(&mut self, steps: Steps, config: Config, stream: NewStream) {
        self.run = Some(Run { config, stream, steps: StepRun::new(steps) });
        self.revealed = widgets::Revealed::default();
    }

    pub(super) fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.steps.is_running())
    }

    /// Whether the stream was created and takes records.
    pub(super) fn is_active(&self) -> bool {
        let is_seen = |step: &CheckStep| step.name == NewStream::ACTIVE && step.verdict == Verdict::Passed;
        self.run.as_ref().is_some_and(|run| run.steps.known.iter().any(is_seen))
    }

    /// True when the stream has just been created.
    pub(super) fn logic(&mut self, ctx: &Context) -> bool {
        let Some(Run { stream, steps, .. }) = &mut self.run else { return false };
        let known = steps.known.len();
        steps.receive_check(ctx, PATIENCE, &stream.steps());
        steps.known[known..]
            .iter()
            .any(|step| step.name == NewStream::CREATE && step.verdict == Verdict::Passed)
    }

    /// Drops what has ended.
    pub(super) fn forget(&mut self) {
        self.run.take_if(|run| !run.steps.is_running());
    }

    /// Drops a success.
    pub(super) fn forget_success(&mut self) {
        self.run.take_if(|run| !run.steps.is_running() && !run.steps.has_failed());
    }

    /// Draws the creation of the draft's stream.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config) -> Option<Wish> {
        let run = self.run.as_ref()?;
        if !run.config.destination.is_same_stream(&draft.destination) {
            return None;
        }
        let answer = ui.scope(|ui| run.ui(ui, seen));
        self.revealed.follow(ui, run.steps.known.len() + 1, answer.response.rect);
        answer.inner
    }
}

impl Run {
    fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) -> Option<Wish> {
        let names = self.stream.steps();
        self.steps.ui(ui, seen, |ui, seen, step, fault| {
            remedy_card::remedy_of_new_stream_ui(ui, seen, fault, &self.config, &self.at(step));
        });
        self.steps.rest_ui(ui, &names, "Not done: the step before it failed.");
        let last = self.steps.known.last().filter(|_| !self.steps.is_running())?;
        match &last.verdict {
            Verdict::Failed(fault) => self.failed_ui(ui, last, fault),
            Verdict::Passed | Verdict::Skipped => {
                let was_seen = self.steps.known.iter().all(|step| step.verdict == Verdict::Passed);
                let name = name(&self.config);
                if was_seen {
                    widgets::message_ui(ui, Tone::Good, &format!("{name} is ready and takes records."));
                } else {
                    let text = format!("{name} is created. It is ready in about half a minute.");
                    widgets::message_ui(ui, Tone::Note, &text);
                }
                None
            }
        }
    }

    /// The stream as it is at that step.
    fn at(&self, step: &CheckStep) -> NewStream {
        let is_created = self.stream.is_created || step.name != NewStream::CREATE;
        NewStream { is_created, ..self.stream.clone() }
    }

    /// What can be done about a step that failed.
    fn failed_ui(&self, ui: &mut Ui, step: &CheckStep, fault: &AwsError) -> Option<Wish> {
        let stream = self.at(step);
        let name = name(&self.config);
        let is_denied = &*fault.code == "AccessDeniedException";
        if stream.is_created {
            let text = if step.name == NewStream::RETENTION {
                let (now, wanted) = (RETENTION_HOURS.start(), stream.retention_hours);
                format!("{name} exists and takes records. It keeps them for {now} hours, not for {wanted}.")
            } else {
                format!("{name} was created, but was not seen to be ACTIVE.")
            };
            widgets::message_ui(ui, Tone::Attention, &text);
        }
        let mut wish = None;
        ui.horizontal_wrapped(|ui| {
            if stream.is_created
                && widgets::primary_button_ui(ui, Icon::RotateCw, "Do the rest again", true).clicked()
            {
                wish = Some(Wish::DoTheRest(stream.clone()));
            }
            if !stream.is_created && remedy::demands_tags(fault) {
                let label = "Add the tags your organisation demands";
                if widgets::primary_button_ui(ui, Icon::Tag, label, true).clicked() {
                    wish = Some(Wish::AddTag);
                }
            } else if is_denied && widgets::button_ui(ui, Icon::Copy, "Copy the policy it needs").clicked() {
                wish = Some(Wish::CopyPolicy(stream.clone()));
            }
            let is_taken = !stream.is_created && &*fault.code == "ResourceInUseException";
            if is_taken
                && widgets::primary_button_ui(ui, Icon::Check, "Use the existing stream", true).clicked()
            {
                wish = Some(Wish::UseExisting);
            }
        });
        wish
    }
}

//! The check step: asks the destination of the draft, step by step, whether a record can be put, and says what to do about
//! the step that fails. It changes no setting. It puts a record only when the user asks for one, or if the server does not
//! know AWS's dry run.

use std::time::Duration;

use eframe::egui::{self, Align, RichText, Ui};
use lucide_icons::Icon;

use super::{
    super::{
        command::{AccountCommand, Command},
        queue_move, remedy_card,
        seen::Seen,
        step_run::StepRun,
        theme::tokens,
        widgets::{self, Tone},
    },
    guide::Step,
    identity,
};
use crate::{
    config::{Config, Credentials, Destination, DestinationKind},
    delivery::{AwsError, AwsIdentity, CheckFact, CheckKind, CheckStep, Verdict},
    engine::Steps,
    event::Aggregation,
};

/// Maximum wait for a step. Finding keys may take long, and so may a server that does not answer.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(super) struct Check {
    run: Option<Run>,
    /// Starts the check when the step is drawn next, if possible.
    pub asked: bool,
    revealed: widgets::Revealed,
}

/// A check, and the settings that it is about.
struct Run {
    config: Config,
    kind: CheckKind,
    steps: StepRun,
}

/// What a check says about a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The draft was not checked, or has changed since.
    Unknown,
    Good,
    Bad,
}

/// What a check says about a step of the guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// It was not checked with these settings, or not reached.
    Nothing,
    Running,
    /// It works. The text is what the check found, if it could look.
    Passed(&'a str),
    Failed(&'a AwsError),
}

/// Whether what a check of `one` says about this step is valid for `other`.
fn is_same_for(step: Step, one: &Config, other: &Config) -> bool {
    let [one_is, other_is] = [&one.destination, &other.destination];
    let keys = one_is.kind == other_is.kind && identity::is_same(one, other);
    match step {
        Step::Keys => keys,
        Step::Stream => keys && one_is.is_same_stream(other_is),
        Step::Permission => keys && one_is.is_same_stream(other_is) && one_is.operation == other_is.operation,
        Step::Format | Step::Check => is_same(one, other),
    }
}

/// Whether a check of `one` is valid for `other`. A check uses neither the account id nor the switch for delivery. For the
/// practice stream it also uses no region, name or keys.
fn is_same(one: &Config, other: &Config) -> bool {
    let checked = |config: &Config| {
        let all = &config.destination;
        let of_account = Destination { enabled: true, account_id: String::new(), ..all.clone() };
        let Destination { kind, operation, encoding, ordered, aggregation, reader, .. } = *all;
        // A check puts two events, so the maximum size of an aggregated record does not matter.
        let aggregation_max_bytes = 0;
        match kind {
            DestinationKind::Practice => {
                let usual = Destination::default();
                let delivery = Destination { operation, encoding, ordered, aggregation, reader, ..usual };
                (Destination { kind, aggregation_max_bytes, ..delivery }, Credentials::default())
            }
            DestinationKind::Kinesis => {
                (Destination { aggregation_max_bytes, ..of_account }, config.credentials.clone())
            }
        }
    };
    checked(one) == checked(other)
}

impl Check {
    /// Drops the check, because the keys were replaced.
    pub(super) fn forget(&mut self) {
        self.run = None;
    }

    /// Takes the steps that have arrived. Returns those of their facts that apply to the draft.
    pub(super) fn logic(&mut self, ctx: &egui::Context, draft: &Config) -> Vec<CheckFact> {
        let Some(Run { config, kind, steps }) = &mut self.run else { return Vec::new() };
        let known = steps.known.len();
        steps.receive_check(ctx, PATIENCE, &names(config, *kind));
        let is_of_draft = |found: &CheckFact| match found {
            CheckFact::Identity(_) => identity::is_same(config, draft),
            CheckFact::KmsKey(_) => config.destination.is_same_stream(&draft.destination),
        };
        steps.known[known..].iter().filter_map(|step| step.found.clone()).filter(is_of_draft).collect()
    }

    pub(super) fn started(&mut self, steps: Steps, config: Config, kind: CheckKind) {
        self.run = Some(Run { config, kind, steps: StepRun::new(steps) });
    }

    /// Keeps the check valid after the draft has taken over its facts.
    pub(super) fn rebase(&mut self, before: &Config, after: &Config) {
        if let Some(run) = self.run.as_mut().filter(|run| is_same(&run.config, before)) {
            run.config = after.clone();
        }
    }

    pub(super) fn finding(&self, draft: &Config) -> Finding {
        match &self.run {
            Some(run) if !run.steps.is_running() && is_same(&run.config, draft) => {
                if run.steps.has_failed() {
                    Finding::Bad
                } else {
                    Finding::Good
                }
            }
            Some(_) | None => Finding::Unknown,
        }
    }

    /// What the last check says about a step.
    pub(super) fn said(&self, draft: &Config, step: Step) -> Said<'_> {
        let Some(run) = self.run.as_ref().filter(|run| is_same_for(step, &run.config, draft)) else {
            return Said::Nothing;
        };
        let mut said = Said::Nothing;
        for part in run.steps.known.iter().filter(|part| Step::of_part(&part.name) == step) {
            said = match &part.verdict {
                Verdict::Passed => Said::Passed(&part.detail),
                Verdict::Skipped if said == Said::Nothing => Said::Passed(""),
                Verdict::Skipped => said,
                Verdict::Failed(fault) => return Said::Failed(fault),
            };
        }
        let next = names(&run.config, run.kind).get(run.steps.known.len()).copied();
        match next {
            Some(next) if run.steps.is_running() && Step::of_part(next) == step => Said::Running,
            Some(_) | None => said,
        }
    }

    /// The step at which the last check failed, if it was a check of this draft.
    pub(super) fn failed_at(&self, draft: &Config) -> Option<Step> {
        let run = self.run.as_ref().filter(|run| is_same(&run.config, draft) && run.steps.has_failed())?;
        run.steps.known.last().map(|part| Step::of_part(&part.name))
    }

    /// A check of this draft is under way.
    pub(super) fn is_running(&self, draft: &Config) -> bool {
        self.run.as_ref().is_some_and(|run| run.steps.is_running() && is_same(&run.config, draft))
    }

    /// Why the last check failed at this step, and the settings that were checked.
    pub(super) fn fault(&self, draft: &Config, step: Step) -> Option<(&AwsError, &Config)> {
        match (self.said(draft, step), &self.run) {
            (Said::Failed(fault), Some(run)) => Some((fault, &run.config)),
            _ => None,
        }
    }

    /// The caller that AWS named, if the check used the credentials of this draft.
    pub(super) fn caller(&self, draft: &Config) -> Option<&AwsIdentity> {
        let run = self.run.as_ref().filter(|run| identity::is_same(&run.config, draft))?;
        run.steps.known.iter().find_map(|step| match &step.found {
            Some(CheckFact::Identity(caller)) => Some(caller),
            Some(CheckFact::KmsKey(_)) | None => None,
        })
    }

    /// Draws the step. `missing`: why the draft cannot be checked yet.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, missing: Option<&str>) {
        widgets::hint_ui(ui, before(draft));
        // A running check of other settings does not prevent a check of these.
        let is_of_draft = |run: &&Run| is_same(&run.config, draft);
        let running = self.run.as_ref().filter(is_of_draft).is_some_and(|run| run.steps.is_running());
        let disabled = missing.unwrap_or("The check is running");
        let again = self.run_of_kind(draft).is_some();
        let can = missing.is_none() && !running;
        let mut wanted = (std::mem::take(&mut self.asked) && can).then_some(CheckKind::Ask);
        let by_keys = wanted.is_some();
        ui.horizontal_wrapped(|ui| {
            let labels = [
                (CheckKind::Ask, Icon::ListChecks, if again { "Check again" } else { "Check" }),
                (CheckKind::PutOne, Icon::FilePlus, "Check with a test record"),
            ];
            for (kind, icon, label) in labels {
                let button = ui.add_enabled_ui(can, |ui| widgets::button_ui(ui, icon, label)).inner;
                if by_keys {
                    button.scroll_to_me(Some(Align::Center));
                }
                if button.on_disabled_hover_text(disabled).clicked() {
                    wanted = Some(kind);
                }
            }
            if let Some(note) = self.note(seen, draft, missing.is_some()) {
                ui.label(RichText::new(note).color(tokens(ui).weak));
            }
        });
        if let Some(kind) = wanted {
            seen.push(Command::Account(AccountCommand::Check(Box::new(draft.clone()), kind)));
        }
        let finding = self.finding(draft);
        if let Some(run) = self.run_of_kind(draft) {
            let parts = run.steps.known.len() + 1;
            let answer = ui.scope(|ui| run.ui(ui, seen, finding)).response.rect;
            self.revealed.follow(ui, parts, answer);
        }
    }

    /// The check, if it was of the kind of destination in the draft.
    fn run_of_kind(&self, draft: &Config) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.config.destination.kind == draft.destination.kind)
    }

    fn note(&self, seen: &Seen<'_>, draft: &Config, is_missing: bool) -> Option<String> {
        if is_missing {
            return Some("Fill in the steps above first.".to_owned());
        }
        let run = self.run_of_kind(draft)?;
        if run.steps.is_running() && is_same(&run.config, draft) {
            return None;
        }
        Some(match self.finding(draft) {
            Finding::Unknown => "The settings have changed since this check.".to_owned(),
            Finding::Good | Finding::Bad => {
                format!("Checked at {}", seen.clock.format(run.steps.ended_at, "%H:%M:%S"))
            }
        })
    }
}

/// What leaving this step asks.
pub(super) fn hint(draft: &Config, step: Step) -> &'static str {
    let destination = &draft.destination;
    match (step, destination.kind) {
        (Step::Keys, _) => "Asks whose keys these are, and goes on.",
        (_, DestinationKind::Practice) => "Asks the practice stream. No record is written.",
        (_, DestinationKind::Kinesis) if destination.endpoint_url.is_empty() => {
            "Asks AWS whether records can be put. None is written."
        }
        (_, DestinationKind::Kinesis) => {
            "Asks this server. One that does not know AWS's dry run gets one test record."
        }
    }
}

/// The text that says what the check will do.
fn before(draft: &Config) -> &'static str {
    let destination = &draft.destination;
    match destination.kind {
        DestinationKind::Practice => {
            "Asks the practice stream whether it takes records. None is written, unless you choose the test record."
        }
        DestinationKind::Kinesis if destination.endpoint_url.is_empty() => {
            "Asks AWS with these settings, in force or not. Nothing is written (AWS's dry run), unless you choose the test \
             record: it has the key tributary-check and context.tributary.test = true, and is read back if that is \
             permitted."
        }
        DestinationKind::Kinesis => {
            "Asks this server with these settings, in force or not. A server that does not know AWS's dry run gets one \
             test record, with the key tributary-check and context.tributary.test = true."
        }
    }
}

/// The names of the steps of a check of these settings.
fn names(config: &Config, kind: CheckKind) -> Vec<&'static str> {
    let Destination { kind: destination, aggregation, .. } = config.destination;
    kind.steps(destination == DestinationKind::Practice, aggregation != Aggregation::None)
}

impl Run {
    fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>, finding: Finding) {
        ui.add_space(2.0);
        let names = names(&self.config, self.kind);
        self.steps.ui(ui, seen, |ui, seen, step, fault| {
            if step.name == "record" {
                remedy_card::remedy_of_put_ui(ui, seen, fault, &self.config);
            } else {
                remedy_card::remedy_for_ui(ui, seen, fault, &self.config, None);
            }
        });
        self.steps.rest_ui(ui, &names, "Not checked: the step before it failed.");
        let is_untested = |step: &CheckStep| step.name == "put" && step.verdict == Verdict::Skipped;
        if finding == Finding::Good && !self.steps.known.iter().any(is_untested) {
            widgets::message_ui(ui, Tone::Good, "The check found no problem.");
            if !self.config.destination.is_same_stream(&seen.config.destination) {
                let name = queue_move::short_name(&self.config);
                widgets::hint_ui(ui, &format!("Events go there once you press “Switch to {name}”."));
            }
        }
    }
}

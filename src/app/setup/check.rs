//! The check step: asks the destination of the draft, step by step, whether a record could be put, and says what to do
//! about the step that fails. Steps appear as they become known. It changes no setting, and puts a record only when
//! asked to, or where a server does not know AWS's dry run.

use std::time::{Duration, Instant};

use eframe::egui::{self, Align, FontId, Label, RichText, Sense, Spinner, Ui, WidgetInfo, vec2};
use lucide_icons::Icon;

use super::{
    super::{
        banner,
        clock::Clock,
        command::{AccountCommand, Command},
        seen::Seen,
        theme::{self, tokens, weight},
        waiting::FRAME,
        widgets::{self, Tone},
    },
    who,
};
use crate::{
    config::{Config, Credentials, Destination, DestinationKind},
    delivery::{AwsError, AwsIdentity, CheckFact, CheckKind, CheckStep, Millis, Verdict},
    engine::{NextStep, Steps},
    event::{Aggregation, shown},
};

/// Looking for keys and waiting for a server that does not answer take a while; so long without a new step is too long.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(super) struct Check {
    run: Option<Run>,
    /// It is to be made when it is drawn next, if it can be.
    pub asked: bool,
    revealed: widgets::Revealed,
}

/// A check, and the settings that it is about.
struct Run {
    config: Config,
    kind: CheckKind,
    /// Known so far.
    steps: Vec<CheckStep>,
    /// More may come, since when nothing did.
    coming: Option<(Steps, Instant)>,
    /// When it ended.
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

/// Whether a check of one says the same of the other. It asks nothing about whether events are delivered, and does not use
/// the account id; the practice stream has neither a place nor keys.
fn is_same(one: &Config, other: &Config) -> bool {
    let checked = |config: &Config| {
        let all = &config.destination;
        let of_account = Destination { enabled: true, account_id: String::new(), ..all.clone() };
        let Destination { kind, operation, encoding, ordered, aggregation, .. } = *all;
        // It puts two events, however many may share a record.
        let aggregation_max_bytes = 0;
        match kind {
            DestinationKind::Practice => {
                let usual = Destination::default();
                let delivery = Destination { operation, encoding, ordered, aggregation, ..usual };
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
    /// Other keys are in the place of those that were checked.
    pub(super) fn forget(&mut self) {
        self.run = None;
    }

    /// What was learned of the draft since the last frame.
    pub(super) fn logic(&mut self, ctx: &egui::Context, draft: &Config) -> Vec<CheckFact> {
        let mut found = self.take(ctx);
        if let Some(run) = &self.run {
            found.retain(|found| match found {
                CheckFact::Identity(_) => who::is_same(&run.config, draft),
                CheckFact::KmsKey(_) => run.config.destination.is_same_stream(&draft.destination),
            });
        }
        found
    }

    fn take(&mut self, ctx: &egui::Context) -> Vec<CheckFact> {
        let mut found = Vec::new();
        let Some(run) = &mut self.run else { return found };
        let Some((coming, since)) = &mut run.coming else { return found };
        loop {
            match coming.take() {
                NextStep::There(step) => {
                    *since = Instant::now();
                    found.extend(step.found.clone());
                    run.steps.push(step);
                }
                NextStep::Pending if since.elapsed() < PATIENCE => {
                    ctx.request_repaint_after(FRAME);
                    return found;
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
        found
    }

    pub(super) fn started(&mut self, steps: Steps, config: Config, kind: CheckKind) {
        let coming = Some((steps, Instant::now()));
        self.run = Some(Run { config, kind, steps: Vec::new(), coming, at: 0 });
    }

    /// What was learned belongs to what was checked: the draft took it over.
    pub(super) fn rebase(&mut self, before: &Config, after: &Config) {
        if let Some(run) = self.run.as_mut().filter(|run| is_same(&run.config, before)) {
            run.config = after.clone();
        }
    }

    pub(super) fn finding(&self, draft: &Config) -> Finding {
        match &self.run {
            Some(run) if run.coming.is_none() && is_same(&run.config, draft) => {
                if run.failed() {
                    Finding::Bad
                } else {
                    Finding::Good
                }
            }
            Some(_) | None => Finding::Unknown,
        }
    }

    /// Whom AWS named, where these very credentials were checked.
    pub(super) fn caller(&self, draft: &Config) -> Option<&AwsIdentity> {
        let run = self.run.as_ref().filter(|run| who::is_same(&run.config, draft))?;
        run.steps.iter().find_map(|step| match &step.found {
            Some(CheckFact::Identity(caller)) => Some(caller),
            Some(CheckFact::KmsKey(_)) | None => None,
        })
    }

    /// `missing` says why the draft cannot be checked yet.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, missing: Option<&str>) {
        widgets::hint_ui(ui, before(draft));
        // A check of other settings says nothing about these: another one may begin.
        let is_of_draft = |run: &&Run| is_same(&run.config, draft);
        let running = self.run.as_ref().filter(is_of_draft).is_some_and(|run| run.coming.is_some());
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
            let parts = run.steps.len() + 1;
            let answer = ui.scope(|ui| run.ui(ui, seen, finding)).response.rect;
            self.revealed.follow(ui, parts, answer);
        }
    }

    /// The check, if it was of the kind of destination that is chosen now: it says nothing about the other kind.
    fn run_of_kind(&self, draft: &Config) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.config.destination.kind == draft.destination.kind)
    }

    fn note(&self, seen: &Seen<'_>, draft: &Config, is_missing: bool) -> Option<String> {
        if is_missing {
            return Some("Fill in the steps above first.".to_owned());
        }
        let run = self.run_of_kind(draft)?;
        if run.coming.is_some() && is_same(&run.config, draft) {
            return None;
        }
        Some(match self.finding(draft) {
            Finding::Unknown => "The settings have changed since this check.".to_owned(),
            Finding::Good | Finding::Bad => format!("Checked at {}", seen.clock.format(run.at, "%H:%M:%S")),
        })
    }
}

/// What a click will do, said before it.
fn before(draft: &Config) -> &'static str {
    let destination = &draft.destination;
    match destination.kind {
        DestinationKind::Practice => {
            "Asks the practice stream whether it takes records. None is written, unless you choose the test record."
        }
        DestinationKind::Kinesis if destination.endpoint_url.is_empty() => {
            "Asks AWS with these settings, applied or not. Nothing is written (AWS's dry run), unless you choose the test \
             record: it has the key tributary-check and context.test = true, and is read back if that is permitted."
        }
        DestinationKind::Kinesis => {
            "Asks this server with these settings, applied or not. A server that does not know AWS's dry run gets one \
             test record, with the key tributary-check and context.test = true."
        }
    }
}

impl Run {
    fn failed(&self) -> bool {
        self.steps.last().is_some_and(|step| matches!(step.verdict, Verdict::Failed(_)))
    }

    /// The step that is being looked at gave no answer.
    fn fail(&mut self, said: &str) {
        let name = self.next().unwrap_or("put");
        let verdict = Verdict::Failed(AwsError::new("NoAnswer", said));
        self.steps.push(CheckStep { name: name.into(), verdict, detail: String::new(), found: None });
    }

    fn names(&self) -> Vec<&'static str> {
        let Destination { kind, aggregation, .. } = self.config.destination;
        self.kind.steps(kind == DestinationKind::Practice, aggregation != Aggregation::None)
    }

    /// The step that is being looked at.
    fn next(&self) -> Option<&'static str> {
        self.names().get(self.steps.len()).copied()
    }

    fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>, finding: Finding) {
        ui.add_space(2.0);
        for step in &self.steps {
            match &step.verdict {
                Verdict::Passed => row_ui(ui, Look::Passed, &step.name, &step.detail),
                Verdict::Skipped => row_ui(ui, Look::Skipped, &step.name, &step.detail),
                Verdict::Failed(fault) => {
                    row_ui(ui, Look::Failed, &step.name, "");
                    if step.name == "record" {
                        banner::remedy_of_put_ui(ui, seen, fault, &self.config);
                    } else {
                        banner::remedy_for_ui(ui, seen, fault, &self.config, None);
                    }
                }
            }
        }
        let names = self.names();
        let running = self.coming.is_some();
        for (at, name) in names.iter().skip(self.steps.len()).enumerate() {
            if running {
                row_ui(ui, if at == 0 { Look::Running } else { Look::Waiting }, name, "");
            } else {
                row_ui(ui, Look::Waiting, name, "Not checked: the step before it failed.");
            }
        }
        let untested = |step: &CheckStep| step.name == "put" && step.verdict == Verdict::Skipped;
        if finding == Finding::Good && !self.steps.iter().any(untested) {
            widgets::message_ui(ui, Tone::Good, "The check found no problem.");
        }
    }
}

/// How a line of the list looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Look {
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
        "name" => "The host name resolves".to_owned(),
        "connection" => "The address can be reached".to_owned(),
        "certificate" => "The certificate is valid".to_owned(),
        "settings" => "SDKs get their settings".to_owned(),
        "preflight" => "Browsers may send".to_owned(),
        "event" => "A test event is accepted".to_owned(),
        "delivery" => "The test event is delivered".to_owned(),
        "client-address" => "Events get the client's address".to_owned(),
        other => widgets::capital(other),
    }
}

pub(in crate::app) fn row_ui(ui: &mut Ui, look: Look, name: &str, detail: &str) {
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
                ui.add(Label::new(RichText::new(shown::lines(detail)).color(t.weak)).wrap());
            }
        });
    });
}

//! The Set up place: the steps to deliver events to a stream, each in a file of its own. A wide window shows the form beside its
//! results: policy, check and switch.
//!
//! The form holds a draft until it is applied. Mistakes are shown beside their field while the user types, and a draft with a
//! mistake is not sent to AWS. Only the switch at the end takes effect at once: it turns delivery on or off.

mod apply;
mod asked;
mod attach;
mod check;
mod credentials;
mod delivery;
mod destination;
mod draft_faults;
mod enable;
mod identity;
mod keychain;
mod policy;
mod profile;
mod step;
mod stream;
mod streams;

pub(super) use policy::STATE as POLICY_STATE;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::egui::{self, Align, Frame, Id, Margin, Panel, Ui, UiBuilder};

use super::{
    command::{Command, KeepCommand},
    place::{self, Section},
    seen::Seen,
    widgets,
};
use crate::{
    config::{self, Config, Credentials, CredentialsSource, DestinationKind, StreamArn},
    delivery::{AwsError, AwsIdentity, CheckFact, CheckKind, ForwarderState},
    engine::{Answer, Steps, WaitingEvents},
    policy::{self as policies, IamCall},
    remedy,
};
use apply::Choice;
use check::{Check, Finding};
use credentials::CredentialsStep;
use delivery::DeliveryStep;
use destination::DestinationStep;
use draft_faults::{DraftFaults, reason};
use policy::{PolicyStep, Wants};
use step::{Mark, mark, step_ui};
use streams::Streams;

/// The pause after the last change before the draft is kept for the next start.
const KEEP_AFTER: Duration = Duration::from_millis(400);

pub(super) struct SetUp {
    draft: Config,
    /// The draft that was kept for the next start, and since when it differs from the one in the form.
    kept: Config,
    unkept_since: Option<Instant>,
    scroll_to: Option<Section>,
    policy: PolicyStep,
    destination: DestinationStep,
    streams: Streams,
    credentials: CredentialsStep,
    delivery: DeliveryStep,
    check: Check,
}

impl SetUp {
    /// `draft`: the draft that an earlier run kept.
    pub(super) fn new(config: &Config, draft: Option<&str>, policy: Wants) -> Self {
        let draft = draft.map_or_else(|| config.clone(), |text| config::with_draft(config, text));
        Self {
            kept: draft.clone(),
            unkept_since: None,
            delivery: DeliveryStep::new(&draft.destination),
            draft,
            scroll_to: None,
            policy: PolicyStep::new(policy),
            destination: DestinationStep::default(),
            streams: Streams::default(),
            credentials: CredentialsStep::default(),
            check: Check::default(),
        }
    }

    /// Takes over settings that were changed elsewhere, and keeps what the user is typing.
    pub(super) fn adopt(&mut self, before: &Config, now: &Config) {
        let (destination, credentials) = (self.draft.destination.clone(), self.draft.credentials.clone());
        let was_dirty = self.is_dirty(before);
        let applied = self.draft.destination == now.destination && self.draft.credentials == now.credentials;
        self.draft = now.clone();
        if was_dirty && !applied {
            self.draft.destination = destination;
            self.draft.destination.enabled = now.destination.enabled;
            self.draft.credentials = credentials;
        }
    }

    pub(super) fn identity_coming(&mut self, answer: Answer<Result<AwsIdentity, AwsError>>, config: Config) {
        self.credentials.identity.coming(answer, config);
    }

    /// The list of streams and the creation of one, for the answers of AWS.
    pub(super) fn streams(&mut self) -> &mut Streams {
        &mut self.streams
    }

    pub(super) fn check_started(&mut self, steps: Steps, config: Config, kind: CheckKind) {
        self.check.started(steps, config, kind);
    }

    pub(super) fn attach_started(&mut self, steps: Steps, config: Config, calls: Vec<IamCall>) {
        self.policy.attach_started(steps, config, calls);
    }

    pub(super) fn keys_stored(&mut self, answer: Answer<Result<(), String>>) {
        self.credentials.keychain.stored(answer);
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        self.keep(ctx, seen);
        let typed_in = self.credentials.keychain.logic(ctx);
        let made = self.policy.logic(ctx, seen);
        if (typed_in || made) && self.draft.credentials.source == CredentialsSource::Keychain {
            self.credentials.identity.forget();
            self.check.forget();
        }
        self.streams.logic(ctx);
        let caller = self.credentials.identity.logic(ctx, &self.draft).map(CheckFact::Identity);
        for found in self.check.logic(ctx, &self.draft).into_iter().chain(caller) {
            self.take_over(&found);
        }
    }

    /// Keeps the draft for the next start, after [`KEEP_AFTER`] without a change.
    fn keep(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        let same = |one: &Config, other: &Config| {
            one.destination == other.destination && one.credentials == other.credentials
        };
        if same(&self.draft, &self.kept) {
            self.unkept_since = None;
            return;
        }
        let since = *self.unkept_since.get_or_insert_with(Instant::now);
        if let Some(left) = KEEP_AFTER.checked_sub(since.elapsed()).filter(|left| !left.is_zero()) {
            return ctx.request_repaint_after(left);
        }
        let text = if same(&self.draft, seen.config) { String::new() } else { config::draft(&self.draft) };
        seen.push(Command::Keep(KeepCommand::Draft(text)));
        self.kept = self.draft.clone();
        self.unkept_since = None;
    }

    /// Fills empty fields with facts from AWS.
    fn take_over(&mut self, found: &CheckFact) {
        match found {
            CheckFact::Identity(caller) => {
                if self.draft.credentials.role_arn.is_empty() {
                    self.policy.called_by(&caller.arn);
                }
                let before = self.draft.clone();
                let destination = &mut self.draft.destination;
                if destination.account_id.is_empty() && destination.kind == DestinationKind::Kinesis {
                    destination.account_id = caller.account_id.to_string();
                    self.check.rebase(&before, &self.draft);
                }
            }
            CheckFact::KmsKey(key) => {
                self.policy.encrypted_with(key, &self.draft.destination);
            }
        }
    }

    /// The account of the keys, if it differs from the account in the form. AWS looks for a stream's name in that account, so a
    /// policy for another account allows nothing. An ARN names the account itself.
    fn other_account(&self) -> Option<Arc<str>> {
        let destination = &self.draft.destination;
        if destination.account_id.is_empty() || StreamArn::parse(&destination.stream).is_ok() {
            return None;
        }
        let caller = self.caller()?;
        (*caller.account_id != *destination.account_id).then(|| Arc::clone(&caller.account_id))
    }

    /// The caller that AWS named for the draft's credentials.
    fn caller(&self) -> Option<&AwsIdentity> {
        self.credentials.identity.caller(&self.draft).or_else(|| self.check.caller(&self.draft))
    }

    /// The draft's credentials are in force, so the forwarder reports their faults.
    fn is_in_force(&self, seen: &Seen<'_>) -> bool {
        seen.config.destination.kind == DestinationKind::Kinesis
            && identity::is_same(seen.config, &self.draft)
    }

    /// The destination of the draft is in force and has taken an event.
    fn is_proven(&self, seen: &Seen<'_>) -> bool {
        seen.status.takes_records
            && self.trouble(seen).is_none()
            && self.draft.destination.is_same_stream(&seen.config.destination)
            && self.is_in_force(seen)
    }

    /// Starts a check of the draft when the place is drawn next.
    pub(super) fn check_soon(&mut self) {
        self.check.asked = true;
    }

    /// Scrolls to this step. The practice stream has no such step: if Kinesis is in force, Kinesis is chosen again.
    pub(super) fn show(&mut self, section: Section, in_force: DestinationKind) {
        if in_force == DestinationKind::Kinesis {
            self.draft.destination.kind = in_force;
        }
        self.scroll_to = Some(section);
    }

    /// Shows the policy, with the permissions for reading the stream.
    pub(super) fn allow_reading(&mut self, in_force: DestinationKind) {
        self.policy.allow_reading();
        self.show(Section::Policy, in_force);
    }

    pub(super) fn is_dirty(&self, config: &Config) -> bool {
        self.draft.destination != config.destination
            || self.draft.credentials != config.credentials
            || self.delivery.fault(&self.draft.destination).is_some()
    }

    /// Why the draft cannot be applied, in a few words.
    fn reason(&self) -> Option<String> {
        reason(&self.draft).or_else(|| self.delivery.fault(&self.draft.destination))
    }

    /// Whether the rail marks this place.
    pub(super) fn attention(&self, seen: &Seen<'_>) -> bool {
        matches!(seen.status.forwarder, ForwarderState::Blocked { .. }) || self.is_dirty(seen.config)
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::heading_ui(ui, "Set up", "Where events go, and what AWS needs for it", |_| {});
        // A fixed id: the bar appears with the first typed letter, and the field must keep the focus.
        let id = Id::unique("set-up form");
        ui.scope_builder(UiBuilder::new().scope_id(id), |ui| {
            widgets::page_ui(
                ui,
                &mut (self, seen),
                |(set_up, seen), ui| set_up.form_ui(ui, seen),
                |(set_up, seen), ui| set_up.result_ui(ui, seen),
            );
        });
    }

    /// The step that blocks delivery. Until it is solved, it is not known whether the other steps work.
    fn trouble(&self, seen: &Seen<'_>) -> Option<Trouble> {
        if self.draft.destination.kind != seen.config.destination.kind {
            return None;
        }
        match &seen.status.forwarder {
            ForwarderState::Blocked { fault, .. } | ForwarderState::Offline { fault, .. } => {
                let place = remedy::remedy(fault, seen.config).location;
                let step = place.and_then(|place| place::of_remedy(place).1);
                Some(step.map_or(Trouble::Elsewhere, Trouble::At))
            }
            ForwarderState::Disabled
            | ForwarderState::Running
            | ForwarderState::Throttled(_)
            | ForwarderState::Draining => None,
        }
    }

    /// The bar with Apply, as wide as the page above it.
    pub(super) fn apply_panel_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, frame: Frame, width_max: f32) {
        if !self.is_dirty(seen.config) {
            return;
        }
        let margin = Margin { top: 10, bottom: 12, ..frame.inner_margin };
        Panel::bottom("apply").show_separator_line(false).frame(frame.inner_margin(margin)).show(ui, |ui| {
            let middle = widgets::middle(ui, width_max);
            ui.scope_builder(UiBuilder::new().max_rect(middle), |ui| self.apply_ui(ui, seen));
        });
    }

    /// Scrolls to the step that is drawn next, if it was requested.
    fn scrolled_ui(&mut self, ui: &Ui, section: Section) {
        if self.scroll_to.take_if(|wanted| *wanted == section).is_some() {
            ui.scroll_to_cursor(Some(Align::TOP));
        }
    }

    fn is_practice(&self) -> bool {
        self.draft.destination.kind == DestinationKind::Practice
    }

    /// Draws the steps that the user fills in.
    fn form_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let trouble = self.trouble(seen);
        let reason = self.reason();
        let mark = if trouble == Some(Trouble::Elsewhere) { Mark::Attention } else { Mark::Done };
        let is_filled = step_ui(ui, 1, "Destination", mark, |ui| {
            self.destination.ui(ui, seen, &mut self.draft, reason.as_deref())
        });
        if is_filled {
            self.delivery = DeliveryStep::new(&self.draft.destination);
        }
        if self.is_practice() {
            destination::practice_ui(ui, seen);
            self.delivery.ui(ui, &mut self.draft.destination, 2);
            return;
        }
        let faults = DraftFaults::of(&self.draft);
        let other_account = self.other_account();
        let mark = self.stream_mark(&faults, other_account.as_deref(), trouble);
        self.scrolled_ui(ui, Section::Stream);
        step_ui(ui, 2, "Stream", mark, |ui| {
            stream::stream_ui(ui, seen, &mut self.draft, other_account.as_deref(), &mut self.streams);
        });
        let mark = self.credentials_mark(seen, &faults, trouble);
        self.scrolled_ui(ui, Section::Credentials);
        step_ui(ui, 3, "Credentials", mark, |ui| {
            self.credentials.ui(ui, seen, &mut self.draft, &faults);
        });
        self.delivery.ui(ui, &mut self.draft.destination, 4);
    }

    /// Draws the steps that follow from the form.
    fn result_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let mut number = 3;
        if !self.is_practice() {
            self.policy_ui(ui, 5, seen, self.trouble(seen));
            number = 6;
        }
        self.check_ui(ui, number, seen);
        enable::enable_ui(ui, seen, &self.draft, self.check.finding(seen.config), number + 1);
    }

    fn apply_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        match apply::bar_ui(ui, seen, &self.draft, self.reason().as_deref()) {
            None => {}
            Some(Choice::Revert) => {
                self.draft = seen.config.clone();
                self.delivery = DeliveryStep::new(&self.draft.destination);
            }
            Some(Choice::Apply(queued)) => {
                let mut config = seen.config.clone();
                config.destination = self.draft.destination.clone();
                config.credentials = self.draft.credentials.clone();
                let done = match queued {
                    WaitingEvents::GoOn => "Applied and saved",
                    WaitingEvents::SetAside => "Applied and saved; the queued events are under Failed",
                };
                seen.save_with(config, done, queued);
            }
        }
    }

    fn stream_mark(
        &self,
        faults: &DraftFaults,
        other_account: Option<&str>,
        trouble: Option<Trouble>,
    ) -> Mark {
        let destination = &self.draft.destination;
        let is_complete =
            !destination.region.is_empty() && !destination.stream.is_empty() && trouble.is_none();
        let typed = [&faults.region, &faults.stream, &faults.endpoint_url, &faults.account_id];
        let is_wrong =
            typed.into_iter().any(Option::is_some) || other_account.is_some() || faults.is_region_unknown;
        mark(is_complete, trouble == Some(Trouble::At(Section::Stream)) || is_wrong)
    }

    fn credentials_mark(&self, seen: &Seen<'_>, faults: &DraftFaults, trouble: Option<Trouble>) -> Mark {
        let is_complete = self.caller().is_some() || self.is_proven(seen);
        let is_missing =
            faults.of_credentials(&self.draft).is_some() && !self.draft.destination.region.is_empty();
        let has_failed = self.credentials.identity.has_failed(&self.draft) && !is_complete;
        mark(is_complete, trouble == Some(Trouble::At(Section::Credentials)) || is_missing || has_failed)
    }

    fn policy_ui(&mut self, ui: &mut Ui, number: usize, seen: &mut Seen<'_>, trouble: Option<Trouble>) {
        let missing = policies::stream_arn(
            &self.draft.destination.region,
            &self.draft.destination.account_id,
            &self.draft.destination.stream,
        )
        .missing;
        let wrong = trouble == Some(Trouble::At(Section::Policy)) || !missing.is_empty();
        let is_checked = self.check.finding(&self.draft) == Finding::Good && trouble.is_none();
        let mark = mark(is_checked || self.is_proven(seen), wrong);
        self.scrolled_ui(ui, Section::Policy);
        let faults = DraftFaults::of(&self.draft);
        step_ui(ui, number, "Policy", mark, |ui| {
            let fault = faults.first().map(|fault| widgets::capital(&fault));
            if self.policy.ui(ui, &self.draft, seen, fault.as_deref()) {
                self.draft.credentials =
                    Credentials { source: CredentialsSource::Keychain, ..Default::default() };
            }
        });
    }

    fn check_ui(&mut self, ui: &mut Ui, number: usize, seen: &mut Seen<'_>) {
        let mark = match self.check.finding(&self.draft) {
            Finding::Unknown => Mark::Open,
            // The check was good before delivery stopped.
            Finding::Good if self.trouble(seen).is_some() => Mark::Open,
            Finding::Good => Mark::Done,
            Finding::Bad => Mark::Attention,
        };
        let missing = self.reason();
        step_ui(ui, number, "Check", mark, |ui| self.check.ui(ui, seen, &self.draft, missing.as_deref()));
    }
}

/// Where delivery is stuck.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// At this step.
    At(Section),
    /// At no particular step.
    Elsewhere,
}

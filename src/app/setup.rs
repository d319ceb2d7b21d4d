//! The Set up place: a guided switch. Five steps, one open, the others one line each; beside them a card with the destination
//! in force, the one that is being set up, and the button that switches.
//!
//! The steps hold a draft until the card puts it in force. Mistakes are shown beside their field while the user types, and a
//! draft with a mistake is not sent to AWS. A step is verified when it is left. Only the card's switch for delivery takes
//! effect at once.

mod asked;
mod attach;
mod card;
mod check;
mod delivering;
mod draft_faults;
mod filled_in;
mod format;
mod guide;
mod identity;
mod kept;
mod keychain;
mod keys;
mod layout;
mod policy;
mod profile;
mod progress;
mod reader;
mod saved;
mod start;
mod step;
mod stream;
mod streams;

pub(super) use policy::STATE as POLICY_STATE;

use std::sync::Arc;

use eframe::egui::{self, Align, Id, Key, Memory, Ui, UiBuilder};

use super::{
    command::{AccountCommand, Command, Save, SetUpCommand},
    env_overrides,
    place::Section,
    queue_move, remedy_card,
    seen::Seen,
    widgets,
};
use crate::{
    config::{self, Config, Credentials, CredentialsSource, Destination, DestinationKind, StreamArn},
    delivery::{AwsError, CheckFact, CheckKind, ForwarderState, KeyOwner, Status},
    engine::{Answer, Steps, WaitingEvents},
    policy::IamCall,
    reader::Known,
};
use card::Card;
use check::{Check, Finding};
use draft_faults::{DraftFaults, reason};
use format::FormatStep;
use guide::{Guide, Step};
use kept::KeptDraft;
use keys::KeysStep;
use policy::{PolicyStep, Wants};
use progress::Progress;
use saved::SavedDestinations;
use streams::Streams;

pub(super) struct SetUp {
    draft: Config,
    kept: KeptDraft,
    guide: Guide,
    /// The open step gives the focus to its first field.
    focus: bool,
    saved: SavedDestinations,
    keys: KeysStep,
    streams: Streams,
    /// The settings for which the streams were listed last without being asked.
    listed_for: Option<Config>,
    /// The step with the streams has just opened.
    lists: bool,
    policy: PolicyStep,
    format: FormatStep,
    check: Check,
    card: Card,
    /// The height of the card, if it stays below the steps.
    foot: f32,
    /// What is told above the fields of the open step. Another step, or another draft, begins without it.
    fault: Option<StepFault>,
}

/// What is wrong with a step, and the settings that it was found with.
struct StepFault {
    fault: AwsError,
    /// Which keys were used.
    keys: Option<Arc<str>>,
    config: Config,
}

impl SetUp {
    /// `draft`: the draft that an earlier run kept.
    pub(super) fn new(config: &Config, draft: Option<&str>, policy: Wants) -> Self {
        let draft = draft.map_or_else(|| config.clone(), |text| config::with_draft(config, text));
        let mut set_up = Self {
            kept: KeptDraft::new(&draft),
            guide: Guide::default(),
            focus: false,
            saved: SavedDestinations::default(),
            keys: KeysStep::default(),
            streams: Streams::default(),
            listed_for: None,
            lists: false,
            policy: PolicyStep::new(policy),
            format: FormatStep::new(&draft.destination),
            check: Check::default(),
            card: Card::default(),
            foot: 0.0,
            fault: None,
            draft,
        };
        if set_up.is_dirty(config) {
            set_up.guide = Guide::starting_at(Some(set_up.first_step()));
        }
        set_up
    }

    /// The step that a draft that is not in force begins with.
    fn first_step(&self) -> Step {
        match self.draft.destination.kind {
            DestinationKind::Practice => Step::Format,
            DestinationKind::Kinesis if self.draft.destination.stream.is_empty() => Step::Keys,
            DestinationKind::Kinesis => Step::Check,
        }
    }

    /// Takes over settings that were changed elsewhere, and keeps what the user is typing.
    pub(super) fn adopt(&mut self, before: &Config, now: &Config) {
        let (destination, credentials) = (self.draft.destination.clone(), self.draft.credentials.clone());
        let was_dirty = self.is_dirty(before);
        let applied = self.draft.destination == now.destination && self.draft.credentials == now.credentials;
        self.draft = now.clone();
        if was_dirty && applied {
            self.guide.close();
        } else if was_dirty {
            self.draft.destination = destination;
            self.draft.destination.enabled = now.destination.enabled;
            self.draft.credentials = credentials;
        }
    }

    pub(super) fn owner_coming(&mut self, answer: Answer<Result<KeyOwner, AwsError>>, config: Config) {
        self.keys.identity.coming(answer, config);
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
        self.keys.keychain.stored(answer);
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        self.kept.logic(ctx, seen, &self.draft);
        let typed_in = self.keys.keychain.logic(ctx);
        let made = self.policy.logic(ctx, seen);
        if (typed_in || made) && self.draft.credentials.source == CredentialsSource::Keychain {
            self.keys.identity.forget();
            self.check.forget();
        }
        if self.streams.logic(ctx) && self.draft.destination.is_same_stream(&seen.config.destination) {
            seen.push(Command::RetryNow);
        }
        let caller = self.keys.identity.logic(ctx, &self.draft).map(CheckFact::Identity);
        for found in self.check.logic(ctx, &self.draft).into_iter().chain(caller) {
            self.take_over(&found);
        }
        self.go_on();
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

    /// Leaves this step: verifies it first, unless it is known already or cannot be verified yet.
    fn leave(&mut self, seen: &mut Seen<'_>, step: Step) {
        self.guide.leave(step);
        // What comes next says whether the stream takes records.
        self.streams.forget_success();
        match step {
            Step::Keys => {
                filled_in::region(&mut self.draft, seen.account);
                let can = DraftFaults::of(&self.draft).of_credentials().is_none();
                if can && !self.keys.identity.is_known(&self.draft) {
                    return self.keys.identity.ask(seen, &self.draft);
                }
            }
            Step::Stream | Step::Permission | Step::Format | Step::Check => {
                let is_unknown = self.check.finding(&self.draft) == Finding::Unknown;
                if is_unknown && self.reason().is_none() && !self.check.is_running(&self.draft) {
                    let check = AccountCommand::Check(Box::new(self.draft.clone()), CheckKind::Ask);
                    return seen.push(Command::Account(check));
                }
            }
        }
        self.guide.open(step.next());
    }

    /// Opens the next step once the answer about the one that is being left is known: the one that needs the user.
    fn go_on(&mut self) {
        let Some(step) = self.guide.leaving() else { return };
        let next = match step {
            Step::Keys if self.keys.identity.is_waiting() || !self.keys.identity.is_known(&self.draft) => {
                return;
            }
            Step::Keys if self.keys.identity.fault(&self.draft).is_some() => Step::Keys,
            Step::Keys => Step::Stream,
            Step::Stream | Step::Permission | Step::Format | Step::Check => {
                match self.check.finding(&self.draft) {
                    Finding::Unknown => return,
                    Finding::Good => Step::Check,
                    Finding::Bad => self.check.failed_at(&self.draft).unwrap_or(Step::Check),
                }
            }
        };
        self.guide.open(next);
    }

    /// The account of the keys, if it differs from the account in the form. AWS looks for a stream's name in that account, so a
    /// policy for another account allows nothing. An ARN names the account itself.
    fn other_account(&self) -> Option<Arc<str>> {
        let destination = &self.draft.destination;
        if destination.account_id.is_empty() || StreamArn::parse(&destination.stream).is_ok() {
            return None;
        }
        let caller = self.keys.identity.caller(&self.draft).or_else(|| self.check.caller(&self.draft))?;
        (*caller.account_id != *destination.account_id).then(|| Arc::clone(&caller.account_id))
    }

    /// Starts a check of the draft when the place is drawn next.
    pub(super) fn check_soon(&mut self) {
        self.check.asked = true;
        self.guide.open(Step::Check);
    }

    /// Opens this step. The practice stream has no such step: if Kinesis is in force, Kinesis is chosen again.
    pub(super) fn show(&mut self, section: Section, in_force: DestinationKind) {
        if in_force == DestinationKind::Kinesis {
            self.draft.destination.kind = in_force;
        }
        if section == Section::Stream {
            // The way here is often from a fault of the stream: what was said of it before may not be true any more.
            self.streams.forget();
            self.listed_for = None;
        }
        self.guide.open(Step::of_section(section));
    }

    /// Shows the policy, with the permissions for reading the stream.
    pub(super) fn allow_reading(&mut self, in_force: DestinationKind) {
        self.policy.allow_reading();
        self.show(Section::Policy, in_force);
    }

    pub(super) fn is_dirty(&self, config: &Config) -> bool {
        self.draft.destination != config.destination
            || self.draft.credentials != config.credentials
            || self.format.fault(&self.draft.destination).is_some()
    }

    /// Whether the steps are about the stream and the keys in force.
    pub(super) fn is_about(&self, config: &Config) -> bool {
        identity::is_same_destination(&self.draft, config)
    }

    /// The height of what stays at the lower edge of the place.
    pub(super) fn foot(&self) -> f32 {
        self.foot
    }

    /// What is known of the draft's stream that decides who can read it.
    fn known(&self, seen: &Seen<'_>) -> Known {
        let known = self.streams.known(&self.draft);
        let is_in_force = self.draft.destination.is_same_stream(&seen.config.destination);
        let in_force = if is_in_force { seen.status.channels } else { 0 };
        Known { channels: known.channels.max(in_force), ..known }
    }

    /// Why the draft cannot be put in force, in a few words.
    fn reason(&self) -> Option<String> {
        reason(&self.draft).or_else(|| self.format.fault(&self.draft.destination))
    }

    /// Whether the rail marks this place.
    pub(super) fn attention(&self, seen: &Seen<'_>) -> bool {
        matches!(seen.status.forwarder, ForwarderState::Blocked { .. }) || self.is_dirty(seen.config)
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::heading_ui(ui, "Set up", "Where events go, and what AWS needs for it", |_| {});
        // A fixed id: the switcher appears with the first typed letter, and the field must keep the focus.
        let id = Id::unique("set-up form");
        ui.scope_builder(UiBuilder::new().scope_id(id), |ui| {
            let decides = self.is_dirty(seen.config);
            let before = (self.guide.opened(), self.draft.destination.kind);
            let foot = layout::page_ui(
                ui,
                &mut (&mut *self, &mut *seen),
                decides,
                |(set_up, seen), ui| set_up.steps_ui(ui, seen),
                |(set_up, seen), ui, room| set_up.card_ui(ui, seen, room),
            );
            self.foot = foot;
            if before != (self.guide.opened(), self.draft.destination.kind) {
                // What was drawn before the change is about another step.
                ui.request_discard("another step is open");
            }
        });
    }

    /// Draws the switcher and the steps.
    fn steps_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        env_overrides::note_ui(ui, seen, &["destination", "credentials"]);
        let reason = self.reason();
        if let Some(choice) = self.saved.ui(ui, seen, &self.draft, reason.as_deref()) {
            self.choose(choice, seen.config);
            ui.request_repaint();
        }
        let kind = self.draft.destination.kind;
        let is_start = kind == DestinationKind::Practice && seen.config.destination.kind == kind;
        if is_start && start::start_ui(ui, seen) {
            self.draft.destination.kind = DestinationKind::Kinesis;
            self.guide.open(Step::Keys);
        }
        let other_account = self.other_account();
        let progress = Progress {
            draft: &self.draft,
            identity: &self.keys.identity,
            check: &self.check,
            other_account: other_account.as_deref(),
            format_fault: self.format.fault(&self.draft.destination),
            faults: DraftFaults::of(&self.draft),
            known: self.known(seen),
        };
        let steps = Step::of(kind);
        let heads: Vec<_> =
            steps.iter().enumerate().map(|(at, step)| progress.head(seen, at + 1, *step)).collect();
        for (step, head) in steps.iter().zip(&heads) {
            if !self.guide.is_open(*step) {
                if step::closed_ui(ui, head) {
                    self.guide.open(*step);
                }
                continue;
            }
            if self.guide.take_arrival() {
                (self.focus, self.lists, self.fault) = (true, true, None);
                // The first step is in sight, and so stays the switcher above it.
                if !(0.0..60.0).contains(&(ui.cursor().top() - ui.clip_rect().top())) {
                    ui.scroll_to_cursor(Some(Align::TOP));
                }
            }
            step::open_ui(ui, head, |ui| {
                self.fault_ui(ui, seen, *step);
                // A fixed id: what is wrong appears above the fields, and the field that is typed into must keep the focus.
                let id = Id::unique(("step", head.title));
                ui.scope_builder(UiBuilder::new().scope_id(id), |ui| {
                    self.step_ui(ui, seen, *step, other_account.as_deref());
                });
            });
        }
    }

    /// Puts the choice into the draft.
    fn choose(&mut self, choice: saved::Choice, in_force: &Config) {
        match choice {
            saved::Choice::Practice => self.draft.destination.kind = DestinationKind::Practice,
            saved::Choice::Saved(saved) => self.draft.switch_to(&saved),
            saved::Choice::InForce => self.draft = in_force.clone(),
            saved::Choice::New => {
                let Destination { enabled, .. } = self.draft.destination;
                let kind = DestinationKind::Kinesis;
                self.draft.destination = Destination { kind, enabled, ..Destination::default() };
                self.draft.credentials = Credentials::default();
            }
        }
        self.format = FormatStep::new(&self.draft.destination);
        self.keys.identity.forget();
        self.guide.close();
        if self.is_dirty(in_force) && self.draft.destination.kind == DestinationKind::Kinesis {
            self.guide.open(self.first_step());
        }
    }

    /// Draws what is wrong with this step, above its fields: so it stays in sight together with the step's title. It stays
    /// while the user corrects a field, so that no field moves; the next answer replaces it.
    fn fault_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, step: Step) {
        let now = self.fault_of(step);
        let is_told = now.is_some();
        let is_asking = self.guide.leaving() == Some(step) || self.keys.identity.is_waiting();
        if is_told || is_asking || self.is_passed(step) {
            self.fault = now;
        }
        let Some(told) = &self.fault else { return };
        let drawn = ui.scope(|ui| {
            remedy_card::remedy_for_ui(ui, seen, &told.fault, &told.config, step.location());
            if let Some(keys) = &told.keys {
                widgets::hint_ui(ui, keys);
            }
            if !is_told {
                widgets::hint_ui(ui, "The settings have changed since. Next asks again.");
            }
        });
        if is_told && self.keys.identity.take_reveal() {
            widgets::reveal(ui, drawn.response.rect);
        }
    }

    /// What is wrong with this step of the draft.
    fn fault_of(&self, step: Step) -> Option<StepFault> {
        let of_keys = self.keys.identity.refusal(&self.draft).filter(|_| step == Step::Keys);
        if let Some((fault, keys, config)) = of_keys {
            return Some(StepFault { fault: fault.clone(), keys, config: config.clone() });
        }
        let (fault, config) = self.check.fault(&self.draft, step).filter(|_| step != Step::Check)?;
        Some(StepFault { fault: fault.clone(), keys: None, config: config.clone() })
    }

    /// An answer about this step is known for the draft.
    fn is_passed(&self, step: Step) -> bool {
        match step {
            Step::Keys => self.keys.identity.caller(&self.draft).is_some(),
            Step::Stream | Step::Permission | Step::Format | Step::Check => {
                matches!(self.check.said(&self.draft, step), check::Said::Passed(_) | check::Said::Running)
            }
        }
    }

    /// Draws the contents of the open step.
    fn step_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, step: Step, other_account: Option<&str>) {
        let before = ui.memory(Memory::focused);
        match step {
            Step::Keys => {
                let faults = DraftFaults::of(&self.draft);
                self.keys.ui(ui, seen, (&mut self.draft, &faults), &mut self.focus);
            }
            Step::Stream => {
                let fields = (&mut self.draft, &mut self.focus);
                stream::stream_ui(ui, seen, fields, other_account, &mut self.streams);
                self.list_streams(ui, seen);
            }
            Step::Permission => self.policy_ui(ui, seen),
            Step::Format => {
                let known = self.known(seen);
                self.format.ui(ui, &mut self.draft.destination, known);
            }
            Step::Check => {
                let missing = self.reason();
                return self.check.ui(ui, seen, &self.draft, missing.as_deref());
            }
        }
        // Enter in a field moves on, where it stores nothing.
        let is_plain = match step {
            Step::Keys => self.draft.credentials.source != CredentialsSource::Keychain,
            Step::Stream => true,
            Step::Permission | Step::Format | Step::Check => false,
        };
        let is_left = before.is_some() && ui.memory(Memory::focused).is_none();
        let enter = is_plain && is_left && ui.input(|input| input.key_pressed(Key::Enter));
        let is_asking = self.guide.leaving() == Some(step);
        let busy = is_asking
            .then(|| if step == Step::Keys { "Asking whose keys these are …" } else { "Checking …" });
        let hint = check::hint(&self.draft, step);
        if (step::next_ui(ui, busy, hint) || enter) && !is_asking {
            self.leave(seen, step);
        }
    }

    /// Lists the account's streams once for each account and region, when the user has come to this step.
    fn list_streams(&mut self, ui: &Ui, seen: &mut Seen<'_>) {
        let is_listed = self
            .listed_for
            .as_ref()
            .is_some_and(|config| identity::is_same_but_for_stream(config, &self.draft));
        let can = self.guide.is_used() && DraftFaults::of(&self.draft).of_account(&self.draft).is_none();
        // A region that is being typed is complete when its field is left.
        let is_typing = ui.text_edit_focused() && !std::mem::take(&mut self.lists);
        if can && !is_listed && !is_typing {
            self.listed_for = Some(self.draft.clone());
            seen.push(Command::Account(AccountCommand::ListStreams(Box::new(self.draft.clone()))));
        }
    }

    fn policy_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let fault = DraftFaults::of(&self.draft).first().map(|fault| widgets::capital(&fault));
        if self.policy.ui(ui, &self.draft, seen, fault.as_deref()) {
            self.draft.credentials =
                Credentials { source: CredentialsSource::Keychain, ..Credentials::default() };
        }
    }

    fn card_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, room: layout::Room) {
        let reason = self.reason();
        let draft = card::Draft {
            config: &self.draft,
            is_dirty: self.is_dirty(seen.config),
            reason: reason.as_deref(),
            checked: self.check.finding(&self.draft),
            is_checking: self.check.is_running(&self.draft),
            in_force: self.check.finding(seen.config),
        };
        let Some(choice) = self.card.ui(ui, seen, draft, room) else { return };
        ui.request_repaint();
        match choice {
            card::Choice::Discard => self.choose(saved::Choice::InForce, seen.config),
            card::Choice::Save(queued) => {
                let mut config = seen.config.clone();
                config.destination = self.draft.destination.clone();
                config.credentials = self.draft.credentials.clone();
                let done = done(seen.config, &config, queued);
                seen.save_with(saved::keeping(seen.config, config, seen.status), done, queued);
            }
            card::Choice::Practice => {
                let mut config = seen.config.clone();
                config.destination.kind = DestinationKind::Practice;
                if let Some(save) = self.switched(config, seen.config, seen.status) {
                    seen.push(Command::Save(Box::new(save)));
                }
            }
        }
    }

    /// The save that puts these settings in force. `None`: queued events would go elsewhere, so the settings are in the draft,
    /// and the card asks first.
    fn switched(&mut self, config: Config, in_force: &Config, status: &Status) -> Option<Save> {
        if queue_move::must_ask(status.ledger.queued, in_force, &config) {
            self.draft = config;
            self.format = FormatStep::new(&self.draft.destination);
            self.guide.close();
            return None;
        }
        let done = done(in_force, &config, WaitingEvents::GoOn);
        let config = saved::keeping(in_force, config, status);
        Some(Save { config, done, queued: WaitingEvents::GoOn })
    }

    /// Carries out a command. Returns the settings to put in force; `None`: the user has to do something in this place first.
    pub(super) fn act(&mut self, command: SetUpCommand, in_force: &Config, status: &Status) -> Option<Save> {
        let mut config = in_force.clone();
        match command {
            SetUpCommand::SwitchToPractice => {
                config.destination.kind = DestinationKind::Practice;
                self.switched(config, in_force, status)
            }
            SetUpCommand::SwitchTo(name) => {
                let saved = in_force.destinations.iter().find(|saved| saved.name == name)?;
                config.switch_to(saved);
                self.switched(config, in_force, status)
            }
            SetUpCommand::Save => {
                self.choose(saved::Choice::InForce, in_force);
                self.saved.ask_name();
                None
            }
            SetUpCommand::New => {
                self.choose(saved::Choice::New, in_force);
                None
            }
        }
    }
}

/// What the user is told when the settings are in force.
fn done(now: &Config, new: &Config, queued: WaitingEvents) -> &'static str {
    match (now.destination.is_same_stream(&new.destination), queued) {
        (true, WaitingEvents::GoOn) => "Applied and saved",
        (false, WaitingEvents::GoOn) => "Switched and saved",
        (true, WaitingEvents::SetAside) => "Applied and saved; the queued events are under Failed",
        (false, WaitingEvents::SetAside) => "Switched and saved; the queued events are under Failed",
    }
}

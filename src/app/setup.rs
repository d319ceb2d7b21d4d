//! From nothing to events in a stream, in the order of the steps: destination, stream, credentials, delivery, policy,
//! check, enable. Wide windows show what is typed beside what follows from it.
//!
//! What is typed is a draft until it is applied; each mistake is said beside its field while it is typed, and nothing is
//! sent to AWS before. Only the switch at the end takes effect at once: it holds events back, or lets them go.

mod aggregation;
mod attach;
mod check;
mod faults;
mod fields;
mod keychain;
mod policy;
mod saved;
mod step;
mod streams;
mod who;

pub(super) use check::{Look, row_ui};
pub(super) use policy::STATE as POLICY_STATE;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::egui::{self, Align, Frame, Id, Label, Margin, Panel, RichText, Stroke, Ui, UiBuilder};
use lucide_icons::Icon;

use super::{
    command::{Command, KeepCommand},
    held, moving,
    place::{self, Place, Section},
    seen::Seen,
    status_line,
    theme::{self, tokens, weight},
    widgets,
};
use crate::{
    config::{self, Config, CredentialsSource, DestinationKind, Operation, StreamArn},
    delivery::{AwsError, AwsIdentity, CheckFact, CheckKind, ForwarderState, ListedStream},
    engine::{Answer, Steps, WaitingEvents},
    policy::{self as policies, IamCall},
    remedy,
};
use faults::{Faults, reason};
use fields::{account_ui, region_ui};
use step::{Mark, mark, name_ui, small_ui, step_ui, two_ui};

/// How long after a change the draft is kept for the next start.
const KEEP_AFTER: Duration = Duration::from_millis(400);

pub(super) struct SetUp {
    draft: Config,
    /// The draft that was kept for the next start, and since when it differs from the one in the form.
    kept: Config,
    unkept_since: Option<Instant>,
    scroll_to: Option<Section>,
    policy: policy::Form,
    keychain: keychain::Keychain,
    streams: streams::Streams,
    aggregation: aggregation::Form,
    saved: saved::Saved,
    who: who::Who,
    check: check::Check,
}

const OTHER_SERVER: &str = "URL of a Kinesis-compatible server, if it is not AWS";

impl SetUp {
    /// `draft`: what was typed and not applied before this start.
    pub(super) fn new(config: &Config, draft: Option<&str>, policy: policy::Wants) -> Self {
        let draft = draft.map_or_else(|| config.clone(), |text| config::with_draft(config, text));
        Self {
            kept: draft.clone(),
            unkept_since: None,
            aggregation: aggregation::Form::new(&draft.destination),
            draft,
            scroll_to: None,
            policy: policy::Form::new(policy),
            keychain: keychain::Keychain::default(),
            streams: streams::Streams::default(),
            saved: saved::Saved::default(),
            who: who::Who::default(),
            check: check::Check::default(),
        }
    }

    /// The settings changed elsewhere: takes them over, and keeps what the user is typing.
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
        self.who.coming(answer, config);
    }

    pub(super) fn streams_coming(
        &mut self,
        answer: Answer<Result<Vec<ListedStream>, AwsError>>,
        config: Config,
    ) {
        self.streams.list_coming(answer, config);
    }

    pub(super) fn new_stream_coming(&mut self, answer: Answer<Result<bool, AwsError>>, config: Config) {
        self.streams.new_coming(answer, config);
    }

    pub(super) fn check_started(&mut self, steps: Steps, config: Config, kind: CheckKind) {
        self.check.started(steps, config, kind);
    }

    pub(super) fn attach_started(&mut self, steps: Steps, config: Config, calls: Vec<IamCall>) {
        self.policy.attach_started(steps, config, calls);
    }

    pub(super) fn keys_stored(&mut self, answer: Answer<Result<(), String>>) {
        self.keychain.stored(answer);
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        self.keep(ctx, seen);
        let typed_in = self.keychain.logic(ctx);
        let made = self.policy.logic(ctx, seen);
        if (typed_in || made) && self.draft.credentials.source == CredentialsSource::Keychain {
            self.who.forget();
            self.check.forget();
        }
        self.streams.logic(ctx);
        let caller = self.who.logic(ctx, &self.draft).map(CheckFact::Identity);
        for found in self.check.logic(ctx, &self.draft).into_iter().chain(caller) {
            self.take_over(&found);
        }
    }

    /// Keeps the draft for the next start, a moment after the last key.
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

    /// What AWS said fills in what is still empty.
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

    /// The account of the keys, where AWS named another one than is typed. A stream's name is looked for in that account,
    /// so a policy for another one allows nothing; an ARN says itself whose stream it is.
    fn other_account(&self) -> Option<Arc<str>> {
        let destination = &self.draft.destination;
        if destination.account_id.is_empty() || StreamArn::parse(&destination.stream).is_ok() {
            return None;
        }
        let caller = self.caller()?;
        (*caller.account_id != *destination.account_id).then(|| Arc::clone(&caller.account_id))
    }

    /// Whom AWS named for the draft's credentials.
    fn caller(&self) -> Option<&AwsIdentity> {
        self.who.caller(&self.draft).or_else(|| self.check.caller(&self.draft))
    }

    /// The user has applied the draft's credentials: what is wrong with them, the forwarder says.
    fn is_in_force(&self, seen: &Seen<'_>) -> bool {
        seen.config.destination.kind == DestinationKind::Kinesis && who::is_same(seen.config, &self.draft)
    }

    /// The destination of the draft is in force and has taken an event.
    fn is_proven(&self, seen: &Seen<'_>) -> bool {
        seen.status.takes_records
            && self.trouble(seen).is_none()
            && self.draft.destination.is_same_stream(&seen.config.destination)
            && self.is_in_force(seen)
    }

    /// Checks what is drafted when the place is drawn next.
    pub(super) fn check_soon(&mut self) {
        self.check.asked = true;
    }

    /// Scrolls to this step. Steps that belong to Kinesis are not there while the practice stream is chosen: where Kinesis is
    /// in force, it is chosen again.
    pub(super) fn show(&mut self, section: Section, in_force: DestinationKind) {
        if in_force == DestinationKind::Kinesis {
            self.draft.destination.kind = in_force;
        }
        self.scroll_to = Some(section);
    }

    /// Shows the policy with what reading the stream back needs in it.
    pub(super) fn allow_reading(&mut self, in_force: DestinationKind) {
        self.policy.allow_reading();
        self.show(Section::Policy, in_force);
    }

    pub(super) fn is_dirty(&self, config: &Config) -> bool {
        self.draft.destination != config.destination
            || self.draft.credentials != config.credentials
            || self.aggregation.fault(&self.draft.destination).is_some()
    }

    /// Why the draft cannot be applied, in a few words.
    fn reason(&self) -> Option<String> {
        reason(&self.draft).or_else(|| self.aggregation.fault(&self.draft.destination))
    }

    /// Whether the rail should point here.
    pub(super) fn attention(&self, seen: &Seen<'_>) -> bool {
        matches!(seen.status.forwarder, ForwarderState::Blocked { .. }) || self.is_dirty(seen.config)
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::heading_ui(ui, "Set up", "Where events go, and what AWS needs for it", |_| {});
        // The bar comes with the first letter that is typed: the field stays the same to the keyboard.
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

    /// Why nothing is delivered with the settings that are shown; until that is over, no other step is known to work.
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

    /// Scrolls to the step that is drawn next, with its heading, where that was asked for.
    fn scrolled_ui(&mut self, ui: &Ui, section: Section) {
        if self.scroll_to.take_if(|wanted| *wanted == section).is_some() {
            ui.scroll_to_cursor(Some(Align::TOP));
        }
    }

    fn is_practice(&self) -> bool {
        self.draft.destination.kind == DestinationKind::Practice
    }

    /// What the user decides.
    fn form_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let faults = Faults::of(&self.draft);
        let trouble = self.trouble(seen);
        self.destination_ui(ui, seen, trouble == Some(Trouble::Elsewhere));
        if self.is_practice() {
            Self::practice_ui(ui, seen);
            self.delivery_ui(ui, 2);
        } else {
            self.stream_ui(ui, seen, &faults, trouble);
            self.credentials_ui(ui, seen, &faults, trouble);
            self.delivery_ui(ui, 4);
        }
    }

    /// What follows from it.
    fn result_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let mut number = 3;
        if !self.is_practice() {
            self.policy_ui(ui, 5, seen, self.trouble(seen));
            number = 6;
        }
        self.check_ui(ui, number, seen);
        self.enable_ui(ui, seen, number + 1);
    }

    fn apply_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let t = tokens(ui);
        let reason = self.reason();
        let question = moving::question(seen, &self.draft).filter(|_| reason.is_none());
        let calm = "Changes take effect when you apply them. Accepted events are kept.";
        let text = reason.as_deref().or(question.as_ref().map(|question| &*question.text)).unwrap_or(calm);
        let shadow = ui.visuals().popup_shadow;
        let frame =
            Frame::new().fill(t.raised).stroke(Stroke::new(1.0, t.edge)).corner_radius(12).shadow(shadow);
        frame.inner_margin(Margin::symmetric(16, 10)).show(ui, |ui| {
            let (icon, color) =
                if reason.is_some() { (Icon::CircleAlert, t.warn) } else { (Icon::Pencil, t.weak) };
            let words = |ui: &mut Ui, label: Label| {
                ui.label(theme::icon(icon).color(color));
                ui.add(label).on_hover_text(text);
            };
            let label = Label::new(RichText::new(text).color(t.text));
            if question.is_some() {
                // A question is read in full, above its answers.
                ui.horizontal_top(|ui| words(ui, label.wrap()));
                let answers = |ui: &mut Ui| self.answers_ui(ui, seen, (None, question.as_ref()));
                egui::Sides::new().show(ui, |_| {}, answers);
            } else {
                // As wide as the answers leave room for.
                egui::Sides::new().shrink_left().wrap().show(
                    ui,
                    |ui| words(ui, label.wrap()),
                    |ui| self.answers_ui(ui, seen, (reason.as_deref(), None)),
                );
            }
        });
    }

    /// The buttons, from right to left.
    fn answers_ui(
        &mut self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        (reason, question): (Option<&str>, Option<&moving::Question>),
    ) {
        let can = match reason {
            Some(reason) => Err(reason),
            None if seen.saving => Err("Saving …"),
            None => Ok(()),
        };
        if let Some(queued) = moving::choice_ui(ui, "Apply", question, can) {
            self.apply(seen, queued);
        }
        if widgets::button_ui(ui, Icon::Undo2, "Revert").clicked() {
            self.draft = seen.config.clone();
            self.aggregation = aggregation::Form::new(&self.draft.destination);
        }
    }

    fn apply(&self, seen: &mut Seen<'_>, queued: WaitingEvents) {
        let mut config = seen.config.clone();
        config.destination = self.draft.destination.clone();
        config.credentials = self.draft.credentials.clone();
        let done = match queued {
            WaitingEvents::GoOn => "Applied and saved",
            WaitingEvents::SetAside => "Applied and saved; the queued events are under Failed",
        };
        seen.save_with(config, done, queued);
    }

    fn destination_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, blocked: bool) {
        let mark = if blocked { Mark::Attention } else { Mark::Done };
        step_ui(ui, 1, "Destination", mark, |ui| {
            held::held_ui(ui, seen, &["destination", "credentials"]);
            let kind = &mut self.draft.destination.kind;
            let practice = "A small Kinesis inside this app. It needs no AWS account, and nothing leaves this \
                            computer.";
            let kinesis = "A stream in your AWS account, or another Kinesis-compatible server.";
            let choices = [
                (DestinationKind::Practice, "Practice stream", practice),
                (DestinationKind::Kinesis, "Amazon Kinesis", kinesis),
            ];
            widgets::choices_ui(ui, kind, &choices);
            if *kind == DestinationKind::Kinesis {
                widgets::link_ui(ui, "What is Amazon Kinesis?", policies::ABOUT_KINESIS);
            }
            if *kind == DestinationKind::Kinesis || !seen.config.destinations.is_empty() {
                let reason = self.reason();
                let before = self.draft.destination.clone();
                self.saved.ui(ui, seen, &mut self.draft, reason.as_deref());
                if self.draft.destination != before {
                    self.aggregation = aggregation::Form::new(&self.draft.destination);
                }
            }
        });
    }

    fn practice_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
        let t = tokens(ui);
        let frame = Frame::new().fill(t.accent_soft.gamma_multiply(0.6)).corner_radius(12);
        frame.inner_margin(Margin::symmetric(18, 16)).show(ui, |ui| {
            ui.take_available_width();
            ui.horizontal_top(|ui| {
                ui.label(theme::icon(Icon::GraduationCap).size(20.0).color(t.accent));
                ui.vertical(|ui| {
                    ui.label(weight("Nothing to set up", 640.0).size(14.0).color(t.strong));
                    let text = "The practice stream is part of this app. Events are sent to it by the same AWS client \
                                and the same calls as to a real stream, so what you see here is what AWS will get. When \
                                you are ready, choose Amazon Kinesis above.";
                    ui.add(Label::new(RichText::new(text).color(t.text)).wrap());
                    ui.add_space(2.0);
                    ui.horizontal_wrapped(|ui| {
                        if widgets::primary_button_ui(ui, Icon::FlaskConical, "Send a test event", true).clicked() {
                            seen.go(Place::Test);
                        }
                        if widgets::button_ui(ui, Icon::Plug, "Connect an SDK").clicked() {
                            seen.go(Place::Sources);
                        }
                    });
                });
            });
        });
    }

    fn stream_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, faults: &Faults, trouble: Option<Trouble>) {
        let missing = faults.of_credentials(&self.draft);
        let destination = &self.draft.destination;
        let complete = !destination.region.is_empty() && !destination.stream.is_empty() && trouble.is_none();
        let wrong = faults.region.is_some() || faults.stream.is_some() || faults.endpoint_url.is_some();
        let other_account = self.other_account();
        let wrong =
            wrong || faults.account_id.is_some() || other_account.is_some() || faults.is_region_unknown;
        let mark = mark(complete, trouble == Some(Trouble::At(Section::Stream)) || wrong);
        self.scrolled_ui(ui, Section::Stream);
        step_ui(ui, 2, "Stream", mark, |ui| {
            let destination = &mut self.draft.destination;
            let url = policies::ConsolePage::CreateStream.url(&destination.region);
            ui.horizontal_wrapped(|ui| {
                widgets::hint_ui(ui, "No stream yet?");
                // Where the partition's console is not public, its users know where it is.
                if let Some(url) = url {
                    widgets::link_ui(ui, "Create one in the AWS console", &url);
                }
                widgets::link_ui(ui, "How", policies::HOW_TO_CREATE_STREAM);
            });
            two_ui(
                ui,
                |ui, destination: &mut config::Destination| {
                    // Upright again: a column stretches what it holds.
                    ui.vertical(|ui| region_ui(ui, &mut destination.region, faults));
                },
                |ui, destination| {
                    let value = &mut destination.stream;
                    let hint = "clickstream, or an ARN";
                    if widgets::field_ui(ui, "Stream name", value, hint, faults.stream.as_deref()).changed() {
                        *value = value.trim().to_owned();
                        // A whole ARN brings the other two with it.
                        if let Ok(arn) = StreamArn::parse(value) {
                            let (region, account) = (arn.region.to_owned(), arn.account_id.to_owned());
                            (destination.region, destination.account_id) = (region, account);
                        }
                    }
                },
                destination,
            );
            let server = seen.status.server.clone();
            two_ui(
                ui,
                |ui, destination: &mut config::Destination| {
                    let fault = faults.account_id.as_deref();
                    account_ui(ui, &mut destination.account_id, fault, other_account.as_deref());
                },
                |ui, destination| {
                    let value = &mut destination.endpoint_url;
                    widgets::field_ui(
                        ui,
                        "Other server",
                        value,
                        "Empty for AWS",
                        faults.endpoint_url.as_deref(),
                    );
                    let configured = server.as_ref().filter(|_| value.is_empty());
                    small_ui(
                        ui,
                        &configured.map_or_else(
                            || OTHER_SERVER.to_owned(),
                            |server| format!("In force now: {server}"),
                        ),
                    );
                },
                destination,
            );
            self.streams.ui(ui, seen, &mut self.draft, missing.as_deref());
        });
    }

    fn credentials_ui(
        &mut self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        faults: &Faults,
        trouble: Option<Trouble>,
    ) {
        let missing = faults.of_credentials(&self.draft);
        let complete = self.caller().is_some() || self.is_proven(seen);
        let is_wrong = missing.is_some() && !self.draft.destination.region.is_empty();
        let is_wrong = is_wrong || (self.who.has_failed(&self.draft) && !complete);
        let mark = mark(complete, trouble == Some(Trouble::At(Section::Credentials)) || is_wrong);
        self.scrolled_ui(ui, Section::Credentials);
        step_ui(ui, 3, "Credentials", mark, |ui| {
            let credentials = &mut self.draft.credentials;
            widgets::hint_ui(
                ui,
                "Secret keys stay in AWS's own files or in the system keychain, never in Tributary's files.",
            );
            let chain =
                "Looks where every AWS tool looks: environment, ~/.aws, SSO, container or instance role.";
            let profile = "One section of ~/.aws/config or ~/.aws/credentials, SSO profiles included.";
            let keychain = "Keys that you enter here, stored in this computer's keychain.";
            let choices = [
                (CredentialsSource::Default, "AWS default chain", chain),
                (CredentialsSource::Profile, "Named profile", profile),
                (CredentialsSource::Keychain, "System keychain", keychain),
            ];
            widgets::choices_ui(ui, &mut credentials.source, &choices);
            match credentials.source {
                CredentialsSource::Default => {}
                CredentialsSource::Profile => {
                    let region = &mut self.draft.destination.region;
                    who::profile_ui(ui, seen, &mut credentials.profile, region, faults.profile.as_deref());
                }
                CredentialsSource::Keychain => self.keychain.ui(ui, seen, &self.draft.destination),
            }
            two_ui(
                ui,
                |ui, credentials: &mut config::Credentials| {
                    let (value, hint) = (&mut credentials.role_arn, "arn:aws:iam::123456789012:role/NAME");
                    widgets::field_ui(ui, "Role to assume", value, hint, faults.role_arn.as_deref());
                    small_ui(ui, "Optional: assumed on top of the keys above");
                },
                |ui, credentials| {
                    let value = &mut credentials.external_id;
                    let error = faults.external_id.as_deref();
                    widgets::field_ui(ui, "External id", value, "Only if the role asks for one", error);
                },
                credentials,
            );
            self.who.ui(ui, seen, &self.draft, missing.as_deref());
        });
    }

    fn policy_ui(&mut self, ui: &mut Ui, number: usize, seen: &mut Seen<'_>, trouble: Option<Trouble>) {
        let missing = policies::stream_arn(
            &self.draft.destination.region,
            &self.draft.destination.account_id,
            &self.draft.destination.stream,
        )
        .missing;
        let wrong = trouble == Some(Trouble::At(Section::Policy)) || !missing.is_empty();
        let is_checked = self.check.finding(&self.draft) == check::Finding::Good && trouble.is_none();
        let mark = mark(is_checked || self.is_proven(seen), wrong);
        self.scrolled_ui(ui, Section::Policy);
        let faults = Faults::of(&self.draft);
        step_ui(ui, number, "Policy", mark, |ui| {
            let fault = faults.first().map(|fault| widgets::capital(&fault));
            if self.policy.ui(ui, &self.draft, seen, fault.as_deref()) {
                self.draft.credentials =
                    config::Credentials { source: CredentialsSource::Keychain, ..Default::default() };
            }
        });
    }

    fn delivery_ui(&mut self, ui: &mut Ui, number: usize) {
        let destination = &mut self.draft.destination;
        step_ui(ui, number, "Delivery", Mark::Done, |ui| {
            name_ui(ui, "Operation");
            let one = "One record per call. The smallest permission.";
            let many =
                "Up to 500 records per call: fewer requests, faster. Needs kinesis:PutRecords in the policy.";
            let choices =
                [(Operation::PutRecord, "PutRecord", one), (Operation::PutRecords, "PutRecords", many)];
            widgets::choices_ui(ui, &mut destination.operation, &choices);
            ui.add_space(4.0);
            self.aggregation.ui(ui, destination);
            ui.add_space(4.0);
            ui.horizontal_top(|ui| {
                widgets::switch_ui(ui, &mut destination.ordered, "Keep the order per user");
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    name_ui(ui, "Keep the order per user");
                    let text = if destination.ordered {
                        "Events of one user reach the stream in the order in which they were accepted: one record of a user at a time."
                    } else {
                        "Faster for users with many events, but one user's events may arrive out of order."
                    };
                    widgets::hint_ui(ui, text);
                });
            });
        });
    }

    fn check_ui(&mut self, ui: &mut Ui, number: usize, seen: &mut Seen<'_>) {
        let mark = match self.check.finding(&self.draft) {
            check::Finding::Unknown => Mark::Open,
            // The check was good before delivery stopped.
            check::Finding::Good if self.trouble(seen).is_some() => Mark::Open,
            check::Finding::Good => Mark::Done,
            check::Finding::Bad => Mark::Attention,
        };
        let missing = self.reason();
        step_ui(ui, number, "Check", mark, |ui| self.check.ui(ui, seen, &self.draft, missing.as_deref()));
    }

    /// What the forwarder's state means, and whether it is in doubt. That it runs says nothing of a destination that it has
    /// not used yet.
    fn meaning(&self, seen: &Seen<'_>) -> (&'static str, bool) {
        let is_unproven =
            seen.config.destination.kind == DestinationKind::Kinesis && !seen.status.takes_records;
        match &seen.status.forwarder {
            ForwarderState::Running if is_unproven => match self.check.finding(seen.config) {
                check::Finding::Bad => {
                    let text = "The check failed, and no event has been delivered with these settings yet. Events wait \
                                in the spool until they can be.";
                    (text, true)
                }
                check::Finding::Unknown | check::Finding::Good => (
                    "No event has been delivered with these settings yet. Events are put as they arrive.",
                    false,
                ),
            },
            forwarder => (status_line::forwarder_meaning(forwarder), false),
        }
    }

    fn enable_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, number: usize) {
        let t = tokens(ui);
        let forwarder = &seen.status.forwarder;
        let (meaning, is_in_doubt) = self.meaning(seen);
        let mark = match forwarder {
            ForwarderState::Disabled | ForwarderState::Blocked { .. } | ForwarderState::Offline { .. } => {
                Mark::Attention
            }
            ForwarderState::Running if is_in_doubt => Mark::Attention,
            ForwarderState::Running | ForwarderState::Throttled(_) | ForwarderState::Draining => Mark::Done,
        };
        step_ui(ui, number, "Enable", mark, |ui| {
            let mut enabled = seen.config.destination.enabled;
            let mut wanted = None;
            ui.horizontal_top(|ui| {
                if widgets::switch_ui(ui, &mut enabled, "Deliver events").changed() {
                    wanted = Some(enabled);
                }
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    name_ui(ui, "Deliver events");
                    let text = "Takes effect at once. Off: events are accepted and wait in the spool, nothing is lost.";
                    widgets::hint_ui(ui, text);
                });
            });
            if let Some(enabled) = wanted.filter(|_| !seen.saving) {
                let mut config = seen.config.clone();
                config.destination.enabled = enabled;
                seen.save(config, if enabled { "Events are delivered" } else { "Events wait in the spool" });
            }
            ui.horizontal_wrapped(|ui| {
                let color = status_line::forwarder_color(forwarder, t);
                widgets::pill_ui(ui, color, status_line::forwarder_word(forwarder));
                let text = format!("{meaning} → {}", status_line::destination_in_force(seen));
                ui.add(Label::new(RichText::new(text).color(t.weak)).wrap());
            });
            if self.draft.destination.kind == DestinationKind::Kinesis
                && widgets::button_ui(ui, Icon::FlaskConical, "Send a test event").clicked()
            {
                seen.go(Place::Test);
            }
        });
    }
}

/// Where to look when nothing is delivered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// At this step.
    At(Section),
    /// At no step in particular.
    Elsewhere,
}

//! "Attach it for me": creates IAM user, policy, attachment and access key by calls that are shown first.

use std::time::Duration;

use eframe::egui::{self, Label, RichText, Ui};
use lucide_icons::Icon;

use super::{
    super::{
        command::{AccountCommand, Command},
        remedy_card,
        seen::Seen,
        step_run::{End, RowState, StepRun, row_ui},
        theme::{tokens, weight},
        widgets::{self, Tone},
    },
    profile,
};
use crate::{
    config::{Config, CredentialsSource},
    delivery::{CheckStep, Verdict},
    engine::Steps,
    policy::{self, Attachment, Grants, IamCall},
    remedy::Location,
};

/// Maximum wait for a step. IAM answers in seconds, but the keychain may ask the user for a password.
const PATIENCE: Duration = Duration::from_mins(3);

/// Whose keys sign the calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Signer {
    #[default]
    Draft,
    Profile,
}

#[derive(Default)]
pub(super) struct Attach {
    /// The name of the user and the policy; `None`: the name in the commands above.
    name: Option<String>,
    without_key: bool,
    signer: Signer,
    profile: String,
    shown: Option<Shown>,
    run: Option<Run>,
    revealed: widgets::Revealed,
}

/// The calls that are shown before they are made.
struct Shown {
    attachment: Attachment,
    /// The settings that sign the calls.
    config: Config,
    calls: Vec<IamCall>,
}

struct Run {
    calls: Vec<IamCall>,
    config: Config,
    steps: StepRun,
    /// The last call was not answered in time, so it is not known whether it took effect.
    is_late: bool,
}

impl Attach {
    pub(super) fn started(&mut self, steps: Steps, config: Config, calls: Vec<IamCall>) {
        self.run = Some(Run { calls, config, steps: StepRun::new(steps), is_late: false });
    }

    /// Takes the steps that have arrived. True when a key was just created and stored in the keychain.
    pub(super) fn logic(&mut self, ctx: &egui::Context) -> bool {
        let Some(Run { steps, is_late, .. }) = &mut self.run else { return false };
        let known = steps.known.len();
        let end = steps.receive(ctx, PATIENCE);
        let is_key = |step: &CheckStep| step.name == "CreateAccessKey" && step.verdict == Verdict::Passed;
        let has_made = steps.known[known..].iter().any(is_key);
        if end == Some(End::TimedOut) {
            steps.fail("IAM", "It took too long.");
            *is_late = true;
        }
        has_made
    }

    /// Draws the card. `missing`: why the policy is not complete yet. True when the user wants to use the new keys.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        (draft, grants): (&Config, &Grants),
        missing: Option<&str>,
    ) -> bool {
        let t = tokens(ui);
        ui.add_space(4.0);
        ui.label(weight("Attach it for me", 580.0).color(t.strong));
        let text = "If your keys may manage IAM, Tributary creates the user, the policy, the attachment and an access key. It \
                    shows the calls first, and undoes them if one fails.";
        ui.add(Label::new(RichText::new(text).color(t.weak)).wrap());
        let usual = policy::attach_name(draft);
        let mut name = self.name.clone().unwrap_or_else(|| usual.clone());
        let fault = policy::check_attach_name(&name).err().filter(|_| missing.is_none());
        if widgets::field_ui(ui, "Name of user and policy", &mut name, &usual, fault.as_deref()).changed() {
            self.name = Some(name.clone());
            self.shown = None;
        }
        ui.horizontal(|ui| {
            let mut with_key = !self.without_key;
            if widgets::switch_ui(ui, &mut with_key, "Make an access key too").changed() {
                self.without_key = !with_key;
                self.shown = None;
            }
            ui.label(weight("Access key", 560.0));
            let why = "stored in the system keychain; replaces this stream's key there";
            ui.add(Label::new(RichText::new(why).color(t.weak)).truncate());
        });
        ui.label(weight("Sign the calls with", 560.0));
        let signers = [(Signer::Draft, "The keys of the first step"), (Signer::Profile, "Another profile")];
        if widgets::segments_ui(ui, &mut self.signer, "Signer", &signers) {
            self.shown = None;
        }
        if self.signer == Signer::Profile {
            profile::field_ui(ui, seen, "Profile that may manage IAM", &mut self.profile);
        }
        let config = self.signed_by(draft);
        let access_key = !self.without_key;
        let attachment = Attachment { grants: grants.clone(), name: name.clone(), access_key };
        let no_profile = self.signer == Signer::Profile && self.profile.trim().is_empty();
        let why = missing.or(fault.as_deref()).or(no_profile.then_some("The profile is missing"));
        let running = self.run.as_ref().is_some_and(|run| run.steps.is_running());
        let can = why.is_none() && !running;
        let show =
            ui.add_enabled_ui(can, |ui| widgets::button_ui(ui, Icon::ScrollText, "Show the calls …")).inner;
        if show.on_disabled_hover_text(why.unwrap_or("The calls are being made")).clicked() {
            let calls = attachment.calls(&config);
            self.shown = Some(Shown { attachment: attachment.clone(), config: config.clone(), calls });
            self.run = None;
        }
        // The shown calls must be the calls to make: when the settings change, the list is dropped.
        self.shown.take_if(|shown| (&shown.attachment, &shown.config) != (&attachment, &config));
        let answer = ui.scope(|ui| {
            self.shown_ui(ui, seen);
            self.run.as_ref().is_some_and(|run| run.ui(ui, seen))
        });
        let parts =
            self.run.as_ref().map_or(usize::from(self.shown.is_some()), |run| run.steps.known.len() + 1);
        self.revealed.follow(ui, parts, answer.response.rect);
        answer.inner
    }

    fn signed_by(&self, draft: &Config) -> Config {
        let mut config = draft.clone();
        if self.signer == Signer::Profile {
            config.credentials = crate::config::Credentials {
                source: CredentialsSource::Profile,
                profile: self.profile.trim().to_owned(),
                ..Default::default()
            };
        }
        config
    }

    fn shown_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let Some(Shown { calls, .. }) = &self.shown else { return };
        let t = tokens(ui);
        for (number, call) in calls.iter().enumerate() {
            ui.horizontal_wrapped(|ui| {
                ui.label(weight(format!("{}.", number + 1), 560.0).color(t.weak));
                ui.label(RichText::new(format!("iam:{}", call.action)).monospace().color(t.strong));
                ui.label(RichText::new(call.what).color(t.weak));
            });
            let lines: Vec<_> =
                call.parameters.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            if widgets::code_ui(ui, &lines.join("\n"), &format!("Copy parameters of {}", call.action)) {
                seen.copied("Parameters");
            }
        }
        let mut decided = None;
        ui.horizontal_wrapped(|ui| {
            let label = format!("Make these {} calls", calls.len());
            if widgets::primary_button_ui(ui, Icon::Check, &label, true).clicked() {
                decided = Some(true);
            }
            if widgets::button_ui(ui, Icon::X, "Not now").clicked() {
                decided = Some(false);
            }
        });
        let Some(make) = decided else { return };
        if let Some(Shown { attachment, config, .. }) = self.shown.take().filter(|_| make) {
            seen.push(Command::Account(AccountCommand::Attach(Box::new(config), attachment)));
        }
    }
}

impl Run {
    /// Draws the calls. True when the user wants to use the new keys.
    fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
        self.steps.ui(ui, seen, |ui, seen, _, fault| {
            remedy_card::remedy_for_ui(ui, seen, fault, &self.config, Some(Location::SetUpPolicy));
        });
        let steps = &self.steps.known;
        if self.steps.is_running() {
            let name = self.calls.get(steps.len()).map_or("Undoing", |call| call.action);
            row_ui(ui, RowState::Running, name, "");
            return false;
        }
        let all_passed = steps.iter().all(|step| step.verdict == Verdict::Passed);
        if !all_passed || steps.len() != self.calls.len() {
            let made = steps.iter().take_while(|step| step.verdict == Verdict::Passed).count();
            let mut undone = steps.iter().skip(made + 1);
            let is_clean = undone.len() >= made && undone.all(|step| step.verdict == Verdict::Passed);
            let text = if is_clean && !self.is_late {
                "Nothing was left behind."
            } else {
                "Something may be left behind: check the list above, and delete it in the AWS console."
            };
            widgets::message_ui(ui, Tone::Attention, text);
            return false;
        }
        widgets::message_ui(ui, Tone::Good, "Attached. It takes effect in some seconds.");
        let has_key = self.calls.iter().any(|call| call.action == "CreateAccessKey");
        has_key && widgets::primary_button_ui(ui, Icon::KeyRound, "Use these keys", true).clicked()
    }
}

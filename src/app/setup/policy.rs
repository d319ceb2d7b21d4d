//! The policy step: the permissions that the keys need, in the format that the user chooses, and how to attach the policy.

use eframe::egui::{Context, Label, RichText, Ui};
use serde::{Deserialize, Serialize};

use super::super::{
    seen::Seen,
    theme::{tokens, weight},
    widgets::{self, Tone},
};
use super::attach::Attach;
use crate::{
    config::{self, Config, Destination},
    engine::Steps,
    policy::{self, Assumed, ConsolePage, Format, Grants, IamCall, Writer},
};

#[derive(Default)]
pub(super) struct PolicyStep {
    wants: Wants,
    /// The choices that were last kept for the next start.
    kept: Wants,
    attach: Attach,
}

/// What the user wants the policy to allow beyond putting records, for whom, and how it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent switch of the form")]
pub(crate) struct Wants {
    format: Format,
    read_back: bool,
    describe: bool,
    list_streams: bool,
    encrypted: bool,
    kms_key_arn: String,
    found: Option<FoundKey>,
    held_by: HeldBy,
    trusted: String,
    /// The text that was last filled into that field automatically.
    trusted_found: String,
}

/// A KMS key that a check found, and its stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FoundKey {
    key_arn: String,
    region: String,
    stream: String,
}

/// The name under which the choices are kept for the next start.
pub(crate) const STATE: &str = "policy";

/// Who the policy is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HeldBy {
    #[default]
    User,
    Role,
}

/// A link's label and address.
type Link = (&'static str, Option<String>);

impl PolicyStep {
    pub(super) fn new(wants: Wants) -> Self {
        Self { kept: wants.clone(), wants, ..Self::default() }
    }

    pub(super) fn allow_reading(&mut self) {
        self.wants.read_back = true;
    }

    pub(super) fn attach_started(&mut self, steps: Steps, config: Config, calls: Vec<IamCall>) {
        self.attach.started(steps, config, calls);
    }

    fn grants(&self, draft: &Config) -> Grants {
        Grants {
            describe: self.wants.describe,
            read_back: self.wants.read_back,
            list_streams: self.wants.list_streams,
            kms_key_arn: self.wants.encrypted.then(|| self.wants.kms_key_arn.trim().to_owned()),
            ..Grants::for_config(draft)
        }
    }

    /// Fills in the key that encrypts the stream: reading and writing need it. A key that the user typed stays.
    pub(super) fn encrypted_with(&mut self, key: &str, destination: &Destination) {
        self.forget_key_of_other(destination);
        self.wants.encrypted = true;
        if !self.wants.kms_key_arn.trim().is_empty() && self.wants.found.is_none() {
            return;
        }
        let key_arn = policy::kms_key_arn(key, destination);
        self.wants.kms_key_arn.clone_from(&key_arn);
        self.wants.found = Some(FoundKey {
            key_arn,
            region: destination.region.clone(),
            stream: destination.stream.clone(),
        });
    }

    /// Drops a key that a check found if the draft has another stream now. A key that the user has edited stays.
    fn forget_key_of_other(&mut self, destination: &Destination) {
        let wants = &mut self.wants;
        let Some(found) = &wants.found else { return };
        if wants.kms_key_arn != found.key_arn {
            wants.found = None;
        } else if (&found.region, &found.stream) != (&destination.region, &destination.stream) {
            wants.found = None;
            wants.kms_key_arn.clear();
            wants.encrypted = false;
        }
    }

    /// Fills in the owner of the keys as the one who may assume the role, unless the user typed another one.
    pub(super) fn called_by(&mut self, caller_arn: &str) {
        let Wants { trusted, trusted_found, .. } = &mut self.wants;
        if trusted.is_empty() || trusted == trusted_found {
            *trusted = policy::trusted_of(caller_arn);
            trusted_found.clone_from(trusted);
        }
    }

    fn writer(&self, draft: &Config) -> Writer {
        let assumed = (self.wants.held_by == HeldBy::Role).then(|| Assumed {
            trusted: self.wants.trusted.trim().to_owned(),
            external_id: draft.credentials.external_id.clone(),
        });
        Writer { assumed, ..Writer::default() }
    }

    /// True when keys were just created and stored in the keychain.
    pub(super) fn logic(&mut self, ctx: &Context, seen: &mut Seen<'_>) -> bool {
        if self.wants != self.kept {
            seen.keep(STATE, &self.wants);
            self.kept = self.wants.clone();
        }
        self.attach.logic(ctx)
    }

    /// Draws the step. `fault`: the mistake in the draft. True when the user wants to use the new keys.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        draft: &Config,
        seen: &mut Seen<'_>,
        fault: Option<&str>,
    ) -> bool {
        self.forget_key_of_other(&draft.destination);
        widgets::hint_ui(ui, "The minimum that the keys need: to put records into this one stream.");
        self.switches_ui(ui);
        self.holder_ui(ui, draft);
        let formats = Format::ALL.map(|format| (format, format.title()));
        widgets::segments_ui(ui, &mut self.wants.format, "Policy as", &formats);
        let grants = self.grants(draft);
        let writer = self.writer(draft);
        let missing = policy::missing(draft, &grants, &writer);
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|missing| missing.title()).collect();
            let text =
                format!("Still missing: {}. The marked placeholders show where it goes.", names.join(", "));
            widgets::message_ui(ui, Tone::Attention, &text);
        }
        let text = policy::render(draft, &grants, &writer, self.wants.format);
        let marks: Vec<&str> = missing.iter().map(|missing| missing.placeholder()).collect();
        if widgets::code_marked_ui(ui, text.trim_end(), &marks, "Copy policy") {
            seen.copied(if missing.is_empty() { "Policy" } else { "Policy with placeholders" });
        }
        if let Some(trust) =
            policy::trust_policy(draft, &writer).filter(|_| self.wants.format == Format::Json)
        {
            ui.label(weight("Trust policy of the role", 580.0));
            if widgets::code_marked_ui(ui, trust.trim_end(), &marks, "Copy trust policy") {
                let has_placeholder = missing.contains(&policy::Missing::Trusted);
                seen.copied(if has_placeholder { "Trust policy with a placeholder" } else { "Trust policy" });
            }
        }
        self.attach_ui(ui, draft);
        if self.wants.held_by == HeldBy::Role {
            return false;
        }
        let why = (!missing.is_empty()).then_some("The policy is not complete yet").or(fault);
        self.attach.ui(ui, seen, (draft, &grants), why)
    }

    fn switches_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        for (on, name, why) in [
            (&mut self.wants.read_back, "Read back", "for the Stream place: see what consumers get"),
            (
                &mut self.wants.describe,
                "Describe",
                "to see whether the stream exists and how it is encrypted",
            ),
            (
                &mut self.wants.list_streams,
                "List streams",
                "for “List my streams”; AWS grants this only for all streams at once",
            ),
            (
                &mut self.wants.encrypted,
                "Customer key",
                "if the stream is encrypted with a KMS key of your own",
            ),
        ] {
            ui.horizontal(|ui| {
                widgets::switch_ui(ui, on, &format!("Policy allows: {name}"));
                ui.label(weight(name, 560.0));
                ui.add(Label::new(RichText::new(why).color(t.weak)).truncate());
            });
        }
        if self.wants.encrypted {
            let hint = "arn:aws:kms:eu-west-1:123456789012:key/…";
            let arn = self.wants.kms_key_arn.trim();
            let fault = policy::check_kms_key_arn(arn).err().filter(|_| !arn.is_empty());
            widgets::field_ui(ui, "ARN of the KMS key", &mut self.wants.kms_key_arn, hint, fault.as_deref());
        }
    }

    fn holder_ui(&mut self, ui: &mut Ui, draft: &Config) {
        let holders = [(HeldBy::User, "For an IAM user"), (HeldBy::Role, "For a role to assume")];
        widgets::segments_ui(ui, &mut self.wants.held_by, "Policy for", &holders);
        if self.wants.held_by == HeldBy::Role {
            let trusted = self.wants.trusted.trim();
            let region = &draft.destination.region;
            let fault = policy::check_trusted(trusted)
                .and_then(|()| config::check_role_in(trusted, region).map_err(|why| why.to_string()));
            let fault = fault.err().filter(|_| !trusted.is_empty());
            let hint = "arn:aws:iam::123456789012:user/NAME";
            widgets::field_ui(ui, "Who may assume the role", &mut self.wants.trusted, hint, fault.as_deref());
            let text = "“Who am I?” fills this in. With an external id in step 3, the role requires that id.";
            widgets::hint_ui(ui, text);
        }
    }

    fn attach_ui(&self, ui: &mut Ui, draft: &Config) {
        let t = tokens(ui);
        ui.add_space(2.0);
        ui.label(weight("How to attach it", 580.0).color(t.strong));
        let region = &draft.destination.region;
        // Some partitions have no public console, and then there is no link.
        let users = ConsolePage::CreateUser.url(region);
        let policies = ConsolePage::CreatePolicy.url(region);
        let how = |url: &str| Some(url.to_owned());
        let lines: Vec<(&str, Vec<Link>)> = match self.wants.format {
            Format::Json if self.wants.held_by == HeldBy::Role => vec![
                (
                    "Create a policy: choose JSON and paste the first text.",
                    vec![("Open IAM policies", policies), ("How", how(policy::HOW_TO_CREATE_POLICY))],
                ),
                (
                    "Create a role with a custom trust policy: paste the second text, and choose the policy.",
                    vec![("How", how(policy::HOW_TO_CREATE_ROLE))],
                ),
                ("Enter the role's ARN, and the external id where you use one, under Credentials.", vec![]),
            ],
            Format::Json => vec![
                (
                    "Create an IAM user for Tributary.",
                    vec![("Open IAM users", users), ("How", how(policy::HOW_TO_CREATE_USER))],
                ),
                (
                    "Create a policy: choose JSON and paste the text above.",
                    vec![("Open IAM policies", policies), ("How", how(policy::HOW_TO_CREATE_POLICY))],
                ),
                ("Attach the policy to the user.", vec![("How", how(policy::HOW_TO_ATTACH_POLICY))]),
                (
                    "Make an access key for the user, put it into a profile of your AWS files, and choose that under Credentials.",
                    vec![],
                ),
            ],
            Format::AwsCli => vec![
                (
                    "Copy the commands and run them in a shell, or in CloudShell, with keys that may manage IAM.",
                    vec![],
                ),
                ("They create the policy and its user or role, and attach the policy.", vec![]),
            ],
            Format::Terraform => vec![("Add it to your Terraform project and apply it.", vec![])],
            Format::CloudFormation => {
                vec![("Create a stack from it, and allow it to create named IAM resources.", vec![])]
            }
        };
        for (number, (text, links)) in lines.into_iter().enumerate() {
            ui.horizontal_wrapped(|ui| {
                ui.label(weight(format!("{}.", number + 1), 560.0).color(t.weak));
                ui.label(text);
                for (label, url) in links.into_iter().filter_map(|(label, url)| Some((label, url?))) {
                    widgets::link_ui(ui, label, &url);
                }
            });
        }
    }
}

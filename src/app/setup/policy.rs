//! The policy step: what the keys must be allowed to do, filled in, in the language the user works in, and how to
//! attach it.

use eframe::egui::{Label, RichText, Ui};

use super::super::{
    Seen,
    theme::{tokens, weight},
    widgets::{self, Tone},
};
use crate::{
    config::Config,
    policy::{self, ConsolePage, Format, Grants},
};

/// What the user wants the policy to allow beyond putting records, and how it is written.
#[derive(Default)]
pub(super) struct Form {
    format: Format,
    read_back: bool,
    describe: bool,
    encrypted: bool,
    kms_key_arn: String,
}

impl Form {
    fn grants(&self, draft: &Config) -> Grants {
        Grants {
            describe: self.describe,
            read_back: self.read_back,
            kms_key_arn: self.encrypted.then(|| self.kms_key_arn.trim().to_owned()),
            ..Grants::for_config(draft)
        }
    }

    /// The stream is encrypted with this key: what reads or writes needs it. What the user gave stays.
    pub(super) fn encrypted_with(&mut self, key_arn: String) {
        if self.kms_key_arn.trim().is_empty() {
            self.kms_key_arn = key_arn;
        }
        self.encrypted = true;
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, draft: &Config, seen: &mut Seen<'_>) {
        widgets::hint_ui(ui, "The least that the keys need: to put records into this one stream.");
        self.switches_ui(ui);
        let formats = Format::ALL.map(|format| (format, format.title()));
        widgets::segments_ui(ui, &mut self.format, "Policy as", &formats);
        let grants = self.grants(draft);
        let missing = policy::missing(draft, &grants);
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|missing| missing.title()).collect();
            let text =
                format!("Still missing: {}. The placeholders in braces stand for it.", names.join(", "));
            widgets::message_ui(ui, Tone::Attention, &text);
        }
        let text = policy::render(draft, &grants, self.format);
        if widgets::code_ui(ui, text.trim_end(), "Copy policy") {
            seen.copied("Policy");
        }
        self.attach_ui(ui, draft);
    }

    fn switches_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        for (on, name, why) in [
            (&mut self.read_back, "Read back", "for the Stream place: see what consumers get"),
            (&mut self.describe, "Describe", "to see whether the stream is there and how it is encrypted"),
            (&mut self.encrypted, "Customer key", "if the stream is encrypted with a KMS key of your own"),
        ] {
            ui.horizontal(|ui| {
                widgets::switch_ui(ui, on, &format!("Policy allows: {name}"));
                ui.label(weight(name, 560.0));
                ui.add(Label::new(RichText::new(why).color(t.weak)).truncate());
            });
        }
        if self.encrypted {
            let hint = "arn:aws:kms:eu-west-1:123456789012:key/…";
            widgets::field_ui(ui, "ARN of the KMS key", &mut self.kms_key_arn, hint, None);
        }
    }

    fn attach_ui(&self, ui: &mut Ui, draft: &Config) {
        let t = tokens(ui);
        ui.add_space(2.0);
        ui.label(weight("How to attach it", 580.0).color(t.strong));
        let region = &draft.destination.region;
        let console = |page: ConsolePage, else_url: &'static str| {
            page.url(region).unwrap_or_else(|| else_url.to_owned())
        };
        let users = console(ConsolePage::CreateUser, policy::CONSOLE_USERS);
        let policies = console(ConsolePage::CreatePolicy, policy::CONSOLE_POLICIES);
        let lines: Vec<(&str, Vec<(&str, String)>)> = match self.format {
            Format::Json => vec![
                (
                    "Create an IAM user for Tributary.",
                    vec![("Open IAM users", users), ("How", policy::HOW_TO_CREATE_USER.to_owned())],
                ),
                (
                    "Create a policy: choose JSON and paste the text above.",
                    vec![("Open IAM policies", policies), ("How", policy::HOW_TO_CREATE_POLICY.to_owned())],
                ),
                ("Attach the policy to the user.", vec![("How", policy::HOW_TO_ATTACH_POLICY.to_owned())]),
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
                ("They create the user and the policy and attach it.", vec![]),
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
                for (label, url) in links {
                    widgets::link_ui(ui, label, &url);
                }
            });
        }
    }
}

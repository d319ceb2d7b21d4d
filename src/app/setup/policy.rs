//! The policy step: where it will run, the permissions that it needs there, in the format that the user chooses, and how to
//! attach the policy.

mod how;
mod place;
mod texts;

use eframe::egui::{Context, Label, RichText, Ui};
use serde::{Deserialize, Serialize};

use super::super::{
    seen::Seen,
    theme::{tokens, weight},
    widgets::{self, Tone},
};
use super::attach::Attach;
use crate::{
    config::{Config, Destination},
    engine::Steps,
    policy::{self, Format, Grants, IamCall},
};
use how::how_ui;
use place::Place;
use texts::Texts;

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
    #[serde(flatten)]
    place: Place,
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
        self.wants.place.called_by(caller_arn);
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
        self.wants.place.ui(ui, seen, draft, self.wants.encrypted);
        ui.add_space(2.0);
        ui.label(weight("What may it do?", 580.0).color(tokens(ui).strong));
        widgets::hint_ui(ui, "The minimum that the keys need: to put records into this one stream.");
        self.switches_ui(ui);
        let formats = Format::ALL.map(|format| (format, format.title()));
        widgets::segments_ui(ui, &mut self.wants.format, "Policy as", &formats);
        let (grants, writer, format) =
            (self.grants(draft), self.wants.place.writer(draft), self.wants.format);
        let missing = policy::missing(draft, &grants, &writer);
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|missing| missing.title()).collect();
            let text =
                format!("Still missing: {}. The marked placeholders show where it goes.", names.join(", "));
            widgets::message_ui(ui, Tone::Attention, &text);
        }
        Texts { draft, grants: &grants, writer: &writer, format, missing: &missing }.ui(ui, seen);
        how_ui(ui, draft, &writer, format, self.wants.encrypted);
        // It makes a user in the account of the keys, which is the stream's.
        if writer.is_role() || policy::accounts(draft, &writer).is_some() {
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
            let hint = &widgets::example("arn:aws:kms:eu-west-1:123456789012:key/…");
            let arn = self.wants.kms_key_arn.trim();
            let fault = policy::check_kms_key_arn(arn).err().filter(|_| !arn.is_empty());
            widgets::field_ui(ui, "ARN of the KMS key", &mut self.wants.kms_key_arn, hint, fault.as_deref());
        }
    }
}

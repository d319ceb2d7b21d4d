//! The identity that AWS reports for the draft's keys.

use std::{sync::Arc, time::Duration};

use eframe::egui::{self, RichText, Spinner, Ui};
use lucide_icons::Icon;

use super::{
    super::{
        command::{AccountCommand, Command},
        seen::Seen,
        theme::tokens,
        widgets,
    },
    asked::Asked,
};
use crate::{
    aws,
    config::{Config, CredentialsSource},
    delivery::{AwsError, AwsIdentity, KeyOwner},
    engine::Answer,
    remedy,
};

/// Maximum wait. It is long, because the search takes long if there are no keys.
const PATIENCE: Duration = Duration::from_mins(1);
#[derive(Default)]
pub(super) struct Identity {
    owner: Asked<KeyOwner>,
    /// The answer has just arrived: scroll to it.
    reveal: bool,
}

/// The region that is asked whose keys these are while none is given. A user has the same keys in every region of a
/// partition.
const ANY_REGION: &str = "us-east-1";

/// Whether AWS's answer for `one` is valid for `other`.
pub(super) fn is_same(one: &Config, other: &Config) -> bool {
    let [one_is, other_is] = [&one.destination, &other.destination];
    // The keychain holds separate keys for each region and stream.
    let same_entry = one.credentials.source != CredentialsSource::Keychain
        || (&one_is.region, &one_is.stream) == (&other_is.region, &other_is.stream);
    let partition = |region: &str| aws::partition_of(region).name;
    same_entry
        && one.credentials == other.credentials
        && one_is.endpoint_url == other_is.endpoint_url
        && partition(&one_is.region) == partition(&other_is.region)
}

/// Whether both deliver to the same stream with the same keys.
pub(super) fn is_same_destination(one: &Config, other: &Config) -> bool {
    one.destination.is_same_stream(&other.destination) && is_same(one, other)
}

/// Whether a list of streams for `one` is valid for `other`.
pub(super) fn is_same_but_for_stream(one: &Config, other: &Config) -> bool {
    one.credentials == other.credentials
        && one.destination.region == other.destination.region
        && one.destination.endpoint_url == other.destination.endpoint_url
}

impl Identity {
    /// Drops the answer, because the keys were replaced.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Records that AWS was asked about these settings.
    pub(super) fn coming(&mut self, answer: Answer<Result<KeyOwner, AwsError>>, config: Config) {
        self.owner.begin(PATIENCE, answer, config);
    }

    /// The caller that AWS named, once, when the answer for this draft arrives.
    pub(super) fn logic(&mut self, ctx: &egui::Context, draft: &Config) -> Option<AwsIdentity> {
        if !self.owner.receive(ctx) {
            return None;
        }
        self.reveal = true;
        self.caller(draft).cloned()
    }

    /// The caller that AWS named, if it was asked about the credentials of this draft.
    pub(super) fn caller(&self, draft: &Config) -> Option<&AwsIdentity> {
        let (answer, config) = self.owner.answer()?;
        answer.as_ref().ok()?.identity.as_ref().ok().filter(|_| is_same(config, draft))
    }

    /// Why AWS did not name the caller, if it was asked about the credentials of this draft. A server that
    /// cannot tell says nothing about the keys.
    pub(super) fn fault(&self, draft: &Config) -> Option<&AwsError> {
        let (fault, ..) = self.refusal(draft)?;
        (!remedy::says_nothing_of_keys(fault)).then_some(fault)
    }

    /// An answer about these credentials is known, whatever it is.
    pub(super) fn is_known(&self, draft: &Config) -> bool {
        self.owner.answer().is_some_and(|(_, config)| is_same(config, draft))
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.owner.is_waiting()
    }

    /// Asks AWS whose keys these are.
    pub(super) fn ask(&mut self, seen: &mut Seen<'_>, draft: &Config) {
        let mut config = draft.clone();
        if config.destination.region.is_empty() {
            ANY_REGION.clone_into(&mut config.destination.region);
        }
        self.owner.forget_answer();
        seen.push(Command::Account(AccountCommand::WhoAmI(Box::new(config))));
    }

    /// Draws the button and the answer. `missing`: why AWS cannot be asked yet.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, missing: Option<&str>) {
        ui.add_space(2.0);
        ui.horizontal_wrapped(|ui| {
            let can = missing.is_none() && !self.owner.is_waiting();
            let button = ui.add_enabled_ui(can, |ui| widgets::button_ui(ui, Icon::UserSearch, "Who am I?"));
            if button.inner.on_disabled_hover_text(missing.unwrap_or("Being asked")).clicked() {
                self.ask(seen, draft);
            }
            if self.owner.is_waiting() {
                ui.add(Spinner::new().size(14.0));
                ui.label(RichText::new("Asking …").color(tokens(ui).weak));
            } else if self.owner.answer().is_none() {
                let text = if draft.destination.endpoint_url.is_empty() {
                    "Asks AWS whose keys these are. Needs no permission."
                } else {
                    "Asks this server whose keys these are."
                };
                ui.label(RichText::new(text).color(tokens(ui).weak));
            }
        });
        let drawn = ui.scope(|ui| self.caller_ui(ui, seen, draft));
        if self.take_reveal() {
            widgets::reveal(ui, drawn.response.rect);
        }
    }

    /// Why AWS did not name the caller for this draft, which keys were used, and the settings that were asked about.
    pub(super) fn refusal(&self, draft: &Config) -> Option<(&AwsError, Option<Arc<str>>, &Config)> {
        let (answer, config) = self.owner.answer().filter(|(_, config)| is_same(config, draft))?;
        let keys = answer.as_ref().ok().map(|owner| Arc::clone(&owner.keys));
        fault_of(answer).map(|fault| (fault, keys, config))
    }

    /// True once after an answer has arrived: scroll to it.
    pub(super) fn take_reveal(&mut self) -> bool {
        std::mem::take(&mut self.reveal)
    }

    fn caller_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config) {
        let Some((Ok(KeyOwner { keys, identity: Ok(caller) }), config)) = self.owner.answer() else { return };
        if !is_same(config, draft) {
            return widgets::hint_ui(ui, "The credentials have changed since this was asked.");
        }
        widgets::hint_ui(ui, keys);
        if widgets::fact_ui(ui, "You are", &caller.arn, true) {
            seen.copied("ARN");
        }
        if widgets::fact_ui(ui, "Account", &caller.account_id, true) {
            seen.copied("Account id");
        }
    }
}

/// Why no keys were found, or AWS did not name their owner.
fn fault_of(answer: &Result<KeyOwner, AwsError>) -> Option<&AwsError> {
    match answer {
        Ok(owner) => owner.identity.as_ref().err(),
        Err(fault) => Some(fault),
    }
}

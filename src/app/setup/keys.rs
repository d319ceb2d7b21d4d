//! The keys step: the source of the keys, the role to assume with them, the server that they are for, and whose keys they
//! are.

use eframe::egui::Ui;

use super::{
    super::{seen::Seen, widgets},
    draft_faults::DraftFaults,
    identity::Identity,
    keychain::Keychain,
    profile,
    step::{small_ui, two_ui},
};
use crate::config::{self, Config, CredentialsSource};

const OTHER_SERVER: &str = "URL of a Kinesis-compatible server, if it is not AWS";

#[derive(Default)]
pub(super) struct KeysStep {
    pub keychain: Keychain,
    pub identity: Identity,
}

impl KeysStep {
    /// Draws the step. `focus`: give the focus to its first field.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        (draft, faults): (&mut Config, &DraftFaults),
        focus: &mut bool,
    ) {
        let missing = faults.of_credentials();
        let credentials = &mut draft.credentials;
        widgets::hint_ui(
            ui,
            "Secret keys stay in AWS's own files or in the system keychain, never in Tributary's files.",
        );
        let chain = "Looks where every AWS tool looks: environment, ~/.aws, SSO, container or instance role.";
        let profile = "One section of ~/.aws/config or ~/.aws/credentials, SSO profiles included.";
        let keychain = "Keys that you enter here, stored in this computer's keychain.";
        let choices = [
            (CredentialsSource::Default, "AWS default chain", chain),
            (CredentialsSource::Profile, "Named profile", profile),
            (CredentialsSource::Keychain, "System keychain", keychain),
        ];
        widgets::choices_ui(ui, &mut credentials.source, &choices);
        match credentials.source {
            CredentialsSource::Default => *focus = false,
            CredentialsSource::Profile => {
                let region = &mut draft.destination.region;
                let field = (&mut credentials.profile, faults.profile.as_deref());
                profile::chosen_ui(ui, seen, field, region, focus);
            }
            CredentialsSource::Keychain => {
                *focus = false;
                self.keychain.ui(ui, seen, &draft.destination);
            }
        }
        two_ui(
            ui,
            |ui, credentials: &mut config::Credentials| {
                let hint = &widgets::example("arn:aws:iam::123456789012:role/NAME");
                let value = &mut credentials.role_arn;
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
        let server = seen.status.server.clone();
        let url = &mut draft.destination.endpoint_url;
        widgets::field_ui(ui, "Other server", url, "Empty for AWS", faults.endpoint_url.as_deref());
        let configured = server.as_ref().filter(|_| url.is_empty());
        let about =
            configured.map_or_else(|| OTHER_SERVER.to_owned(), |server| format!("In force now: {server}"));
        small_ui(ui, &about);
        self.identity.ui(ui, seen, draft, missing.as_deref());
    }
}

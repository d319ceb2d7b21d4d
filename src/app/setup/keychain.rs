//! The fields for AWS keys. The keys are stored in the system keychain and then removed from memory here.

use std::time::Duration;

use eframe::egui::{self, Ui};
use lucide_icons::Icon;

use super::super::{
    command::{AccountCommand, Command},
    seen::Seen,
    theme::weight,
    waiting::{Waiting, arrived},
    widgets::{self, Tone},
};
use crate::{
    config::{Config, CredentialsSource, Destination, DestinationKind},
    engine::Answer,
};

/// Maximum wait: the keychain may ask the user for a password.
const PATIENCE: Duration = Duration::from_mins(3);

/// The hint about which destinations use the keys.
fn scope(in_force: &Config, destination: &Destination) -> &'static str {
    let now = &in_force.destination;
    let is_in_force = in_force.credentials.source == CredentialsSource::Keychain
        && now.kind == DestinationKind::Kinesis
        && (&now.region, &now.stream) == (&destination.region, &destination.stream);
    if is_in_force {
        "Events are delivered with the keys of this region and stream now: new keys are used from the next put on. \
         Keys of another account send queued events to that account's stream."
    } else {
        "Stored for this region and stream only: other destinations have their own keys."
    }
}

#[derive(Default)]
pub(super) struct Keychain {
    access_key_id: String,
    secret: String,
    waiting: Option<Waiting<Result<(), String>>>,
    /// The result of storing the keys, and the stream that they are for.
    answer: Option<(Result<(), String>, String)>,
    stored_for: String,
}

impl Keychain {
    /// Records that the keys are being stored.
    pub(super) fn stored(&mut self, answer: Answer<Result<(), String>>) {
        self.waiting = Some(Waiting::at_most(PATIENCE, answer));
    }

    /// True when keys have just been stored.
    pub(super) fn logic(&mut self, ctx: &egui::Context) -> bool {
        let Some(answer) = arrived(&mut self.waiting, ctx) else { return false };
        let stored_for = std::mem::take(&mut self.stored_for);
        let is_stored = answer.is_ok();
        if is_stored {
            *self = Self::default();
        }
        self.answer = Some((answer, stored_for));
        is_stored
    }

    /// Draws the fields. The keys are stored for the region and stream of the draft.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, destination: &Destination) {
        let id = self.access_key_id.trim();
        let fault = (!id.is_empty() && !id.chars().all(|c| c.is_ascii_alphanumeric()))
            .then_some("An access key id has letters and digits only, such as AKIA…");
        super::step::two_ui(
            ui,
            |ui, keys: &mut Self| {
                widgets::field_ui(ui, "Access key id", &mut keys.access_key_id, "AKIA…", fault);
            },
            |ui, keys| {
                let name = ui.label(weight("Secret access key", 560.0));
                let width = ui.available_width().min(widgets::FIELD_WIDTH_MAX);
                let edit = widgets::text_edit(&mut keys.secret, "").password(true).desired_width(width);
                ui.add(edit).labelled_by(name.id);
            },
            self,
        );
        let given =
            !self.access_key_id.trim().is_empty() && !self.secret.trim().is_empty() && fault.is_none();
        let named = !destination.region.is_empty() && !destination.stream.is_empty();
        let why = if named {
            "Both keys are needed"
        } else {
            "Enter region and stream first: the keys are stored for them"
        };
        let can = given && named && self.waiting.is_none();
        let store = widgets::primary_button_ui(ui, Icon::KeyRound, "Store keys", can);
        if store.on_disabled_hover_text(why).clicked() {
            let [access_key_id, secret] =
                [&self.access_key_id, &self.secret].map(|key| key.trim().to_owned());
            self.answer = None;
            self.stored_for = format!("{} in {}", destination.stream, destination.region);
            let destination = Box::new(destination.clone());
            seen.push(Command::Account(AccountCommand::StoreKeys { destination, access_key_id, secret }));
        }
        super::step::small_ui(ui, scope(seen.config, destination));
        match &self.answer {
            None => {}
            Some((Ok(()), stream)) => {
                let text = format!("The keys are in the system keychain, for {stream}.");
                widgets::message_ui(ui, Tone::Good, &text);
            }
            Some((Err(error), _)) => {
                let text = format!("{}.", widgets::capital(error));
                widgets::message_ui(ui, Tone::Bad, &text);
            }
        }
    }
}

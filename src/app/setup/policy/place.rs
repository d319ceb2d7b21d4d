//! Where it will run: the choice of the place, what has to be known about it, and its account.

use eframe::egui::{Label, RichText, Ui};
use serde::{Deserialize, Serialize};

use super::super::{
    super::{
        seen::Seen,
        theme::{tokens, weight},
        widgets,
    },
    step::two_ui,
};
use crate::{
    config::{self, Config, StreamArn},
    policy::{self, Assumed, Field, Host, Values, Writer},
};

/// What the user says about the place where it will run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Place {
    host: Host,
    values: Values,
    held_by: HeldBy,
    trusted: String,
    /// The text that was last filled into that field automatically.
    trusted_found: String,
    is_in_other_account: bool,
    writer_account: String,
}

/// Who the policy is for on this computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HeldBy {
    #[default]
    User,
    Role,
}

impl Place {
    /// Fills in the owner of the keys as the one who may assume the role, unless the user typed another one.
    pub(super) fn called_by(&mut self, caller_arn: &str) {
        let Self { trusted, trusted_found, .. } = self;
        if trusted.is_empty() || trusted == trusted_found {
            *trusted = policy::trusted_of(caller_arn);
            trusted_found.clone_from(trusted);
        }
    }

    /// Who gets the policy.
    pub(super) fn writer(&self, draft: &Config) -> Writer {
        let assumed = (self.held_by == HeldBy::Role).then(|| Assumed {
            trusted: self.trusted.trim().to_owned(),
            external_id: draft.credentials.external_id.clone(),
        });
        Writer {
            host: self.host,
            assumed,
            account_id: self.is_in_other_account.then(|| self.writer_account.trim().to_owned()),
            name: String::new(),
            values: self.values.clone(),
        }
    }

    /// Draws the choice and its fields. `has_key`: whether the stream is said to have a key of the user's own.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, has_key: bool) {
        let t = tokens(ui);
        ui.label(weight("Where will it run?", 580.0).color(t.strong));
        let hosts = Host::ALL.map(|host| (host, host.title()));
        widgets::segments_wrapped_ui(ui, &mut self.host, "Place", &hosts);
        widgets::hint_ui(ui, self.host.about());
        if self.host == Host::ThisComputer {
            self.holder_ui(ui, draft);
        }
        for pair in self.host.fields().chunks(2) {
            match pair {
                [left, right] => two_ui(
                    ui,
                    |ui, values| field_ui(ui, *left, values),
                    |ui, values| field_ui(ui, *right, values),
                    &mut self.values,
                ),
                fields => fields.iter().for_each(|field| field_ui(ui, *field, &mut self.values)),
            }
        }
        self.account_ui(ui, seen, draft, has_key);
    }

    fn holder_ui(&mut self, ui: &mut Ui, draft: &Config) {
        let holders = [(HeldBy::User, "For an IAM user"), (HeldBy::Role, "For a role to assume")];
        widgets::segments_ui(ui, &mut self.held_by, "Policy for", &holders);
        if self.held_by == HeldBy::Role {
            let trusted = self.trusted.trim();
            let region = &draft.destination.region;
            let fault = policy::check_trusted(trusted)
                .and_then(|()| config::check_role_in(trusted, region).map_err(|why| why.to_string()));
            let fault = fault.err().filter(|_| !trusted.is_empty());
            let hint = &widgets::example("arn:aws:iam::123456789012:user/NAME");
            widgets::field_ui(ui, "Who may assume the role", &mut self.trusted, hint, fault.as_deref());
            let text =
                "“Who am I?” fills this in. With an external id under Keys, the role requires that id.";
            widgets::hint_ui(ui, text);
        }
    }

    fn account_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, has_key: bool) {
        let t = tokens(ui);
        ui.horizontal(|ui| {
            widgets::switch_ui(ui, &mut self.is_in_other_account, "Another account");
            ui.label(weight("Another account", 560.0));
            let why = "if it runs in another AWS account than the stream";
            ui.add(Label::new(RichText::new(why).color(t.weak)).truncate());
        });
        if !self.is_in_other_account {
            return;
        }
        let account = self.writer_account.trim();
        let is_same = policy::accounts(draft, &self.writer(draft)).is_none();
        let same = is_same.then(|| "this is the stream's account: enter the one that it runs in".to_owned());
        let fault = policy::check_account_id(account).err().or(same).filter(|_| !account.is_empty());
        let hint = &widgets::example("222222222222");
        widgets::field_ui(ui, "Account it runs in", &mut self.writer_account, hint, fault.as_deref());
        let destination = &draft.destination;
        if StreamArn::parse(&destination.stream).is_err() {
            widgets::hint_ui(
                ui,
                "Enter the stream as its ARN: a name is looked for in the account of the keys.",
            );
            let stream = policy::stream_arn(destination);
            if widgets::fact_ui(ui, "Stream as ARN", &stream.arn, stream.missing.is_empty()) {
                seen.copied("ARN");
            }
        }
        if !has_key {
            widgets::hint_ui(ui, &format!("{}.", widgets::capital(policy::KEY_OF_AWS)));
        }
    }
}

/// A field of the place. An empty one is not wrong yet: the texts have a placeholder for it.
fn field_ui(ui: &mut Ui, field: Field, values: &mut Values) {
    let mut value = values.typed(field).to_owned();
    let fault = field.check(&value).err().filter(|_| !value.trim().is_empty());
    let hint = if field.is_optional() { field.hint().to_owned() } else { widgets::example(field.hint()) };
    if widgets::field_ui(ui, field.label(), &mut value, &hint, fault.as_deref()).changed() {
        values.set(field, &value);
    }
}

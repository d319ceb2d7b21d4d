//! The account's streams: their list, what AWS says about the one that was picked, and the creation of a stream. The user
//! must confirm the creation, because AWS charges for it.

mod creation;
mod facts;
mod form;
mod list;
mod tags;

use eframe::egui::{self, Label, RichText, Spinner, Ui};
use lucide_icons::Icon;

use super::super::{
    command::{AccountCommand, Command},
    seen::Seen,
    theme::{tokens, weight},
    widgets,
};
use crate::{
    config::{self, Config},
    delivery::{AwsError, DescribedStream, NewStream, OnDemandBilling, StreamList},
    engine::{Answer, Steps},
    policy,
    reader::Known,
    remedy,
};
use creation::{Creation, Wish};
use facts::Facts;
use form::{Form, Place};
use list::List;

#[derive(Default)]
pub(crate) struct Streams {
    list: List,
    facts: Facts,
    form: Form,
    creation: Creation,
    /// The form for a new stream is open.
    asks: bool,
    /// An answer or the form has just appeared below the buttons: scroll to it.
    reveal: bool,
}

/// The server for the requests, if it is not AWS: from the settings, else from AWS's own variables.
fn server_of(seen: &Seen<'_>, config: &Config) -> Option<String> {
    remedy::other_server(config).or_else(|| {
        let named = seen.status.server.as_deref();
        let counts = config.destination.endpoint_url.is_empty();
        named.filter(|server| counts && config::other_server(server).is_some()).map(str::to_owned)
    })
}

impl Streams {
    /// Drops a creation that went well: what it found may not be true any more.
    pub(crate) fn forget_success(&mut self) {
        self.creation.forget_success();
    }

    /// Drops what AWS said of the account's streams.
    pub(crate) fn forget(&mut self) {
        self.list.forget();
        self.facts.forget();
        self.creation.forget_success();
    }

    /// Takes the answer of a list of streams in the account and region of these settings.
    pub(crate) fn list_coming(&mut self, answer: Answer<Result<StreamList, AwsError>>, config: Config) {
        self.list.coming(answer, config);
    }

    /// Takes the answer about the stream of these settings.
    pub(crate) fn description_coming(
        &mut self,
        answer: Answer<Result<DescribedStream, AwsError>>,
        config: Config,
    ) {
        self.facts.coming(answer, config);
    }

    /// Takes the answer about the account of these settings.
    pub(crate) fn billing_coming(
        &mut self,
        answer: Answer<Result<OnDemandBilling, AwsError>>,
        config: Config,
    ) {
        self.form.billing_coming(answer, config);
    }

    /// Takes the steps of the creation of the stream of these settings.
    pub(crate) fn creation_started(&mut self, steps: Steps, config: Config, stream: NewStream) {
        self.creation.started(steps, config, stream);
    }

    /// True when a stream that was created here has just become ready.
    pub(super) fn logic(&mut self, ctx: &egui::Context) -> bool {
        let was_active = self.creation.is_active();
        if self.list.logic(ctx) {
            // Only the newer answer is valid: the stream may have been deleted since.
            self.creation.forget_success();
            self.reveal = true;
        }
        self.facts.logic(ctx);
        self.form.logic(ctx);
        if self.creation.logic(ctx) {
            // Drop the list, because it was read before the stream was created.
            self.list.forget();
            self.asks = false;
        }
        !was_active && self.creation.is_active()
    }

    /// What AWS has said about the draft's stream that decides who can read it.
    pub(super) fn known(&self, draft: &Config) -> Known {
        self.facts.described(draft).map_or_else(Known::default, |stream| Known {
            channels: stream.channels.unwrap_or_default(),
            spreads_keys: stream.spreads_keys,
        })
    }

    /// Draws the card. `missing`: why AWS cannot be asked yet.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &mut Config, missing: Option<&str>) {
        arn_ui(ui, seen, &policy::stream_arn(&draft.destination));
        self.actions_ui(ui, seen, draft, missing);
        let answers = ui.scope(|ui| {
            self.creation_ui(ui, seen, draft, missing);
            if self.asks {
                // The form needs the room.
                return;
            }
            if let Some(name) = self.list.ui(ui, seen, draft) {
                draft.destination.stream = name;
                seen.push(Command::Account(AccountCommand::DescribeStream(Box::new(draft.clone()))));
            }
            self.facts.ui(ui, draft);
        });
        if std::mem::take(&mut self.reveal) {
            widgets::reveal(ui, answers.response.rect);
        }
    }

    fn actions_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, missing: Option<&str>) {
        let busy = self.list.is_waiting() || self.creation.is_running();
        let nameless = form::nameless(draft);
        ui.horizontal_wrapped(|ui| {
            let why = missing.unwrap_or("An answer is awaited");
            let list = ui.add_enabled_ui(missing.is_none() && !busy, |ui| {
                widgets::button_ui(ui, Icon::List, "List my streams")
            });
            if list.inner.on_disabled_hover_text(why).clicked() {
                self.list.forget();
                seen.push(Command::Account(AccountCommand::ListStreams(Box::new(draft.clone()))));
            }
            let can = missing.is_none() && !busy && nameless.is_none() && !self.asks;
            let make =
                ui.add_enabled_ui(can, |ui| widgets::button_ui(ui, Icon::Plus, "Create this stream …")).inner;
            let why = missing.or(nameless.as_deref()).unwrap_or("The form is open below");
            if make.on_disabled_hover_text(why).clicked() {
                self.open_form(seen, draft);
            }
            if busy {
                ui.add(Spinner::new().size(14.0));
                let server = server_of(seen, draft);
                let who = server.as_deref().unwrap_or("AWS");
                let text = if self.list.is_waiting() {
                    format!("Asking {who} …")
                } else {
                    format!("{who} is creating the stream …")
                };
                ui.label(RichText::new(text).color(tokens(ui).weak));
            }
        });
    }

    fn open_form(&mut self, seen: &mut Seen<'_>, draft: &Config) {
        self.asks = true;
        self.creation.forget();
        self.reveal = true;
        if self.form.asks_about(draft) {
            seen.push(Command::Account(AccountCommand::AskOnDemandBilling(Box::new(draft.clone()))));
        }
    }

    /// Draws the form, and the creation that is under way or has ended.
    fn creation_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, missing: Option<&str>) {
        let server = server_of(seen, draft);
        if self.asks && !self.creation.is_running() {
            let place = Place { draft, server: server.as_deref(), missing };
            match self.form.ui(ui, seen, place) {
                Some(form::Choice::Create(stream)) => create(seen, draft, stream),
                Some(form::Choice::NotNow) => {
                    self.asks = false;
                    self.creation.forget();
                }
                None => {}
            }
        }
        match self.creation.ui(ui, seen, draft) {
            Some(Wish::AddTag) => {
                self.form.add_tag();
                self.asks = true;
            }
            Some(Wish::UseExisting) => {
                self.asks = false;
                self.creation.forget();
                seen.push(Command::Account(AccountCommand::DescribeStream(Box::new(draft.clone()))));
            }
            Some(Wish::DoTheRest(stream)) => create(seen, draft, stream),
            Some(Wish::CopyPolicy(stream)) => form::copy_policy(ui, seen, draft, &stream),
            None => {}
        }
    }
}

fn create(seen: &mut Seen<'_>, draft: &Config, stream: NewStream) {
    seen.push(Command::Account(AccountCommand::CreateStream(Box::new(draft.clone()), stream)));
}

/// Draws the full ARN, on several lines if needed.
fn arn_ui(ui: &mut Ui, seen: &mut Seen<'_>, policy::PartialArn { arn, missing }: &policy::PartialArn) {
    let t = tokens(ui);
    ui.horizontal(|ui| {
        ui.label(weight("Stream ARN", 560.0));
        // Not with placeholders: such an ARN is refused wherever it is pasted.
        let button = ui.add_enabled_ui(missing.is_empty(), |ui| {
            widgets::icon_button_ui(ui, Icon::Copy, "Copy stream arn")
        });
        let names: Vec<&str> = missing.iter().map(|missing| missing.title()).collect();
        let why = format!("Still missing: {}", names.join(", "));
        if button.inner.on_disabled_hover_text(why).clicked() {
            ui.copy_text(arn.clone());
            seen.copied("ARN");
        }
    });
    ui.add(Label::new(RichText::new(arn).monospace().color(t.strong)).wrap());
}

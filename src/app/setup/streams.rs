//! The list of the account's streams, and the creation of a stream. The user must confirm it, because AWS charges for it.

use std::time::Duration;

use eframe::egui::{
    self, Align, Button, Frame, Label, Layout, Margin, RichText, ScrollArea, Spinner, Stroke, Ui,
};
use lucide_icons::Icon;

use super::{
    super::{
        command::{AccountCommand, Command},
        remedy_card,
        seen::Seen,
        theme::{self, tokens, weight},
        widgets::{self, Tone},
    },
    asked::Asked,
    identity,
};
use crate::{
    config::{self, Config, StreamArn},
    delivery::{AwsError, ListedStream},
    engine::Answer,
    policy, remedy,
};

/// Maximum wait for the list: thousands of streams take many pages.
const LIST_PATIENCE: Duration = Duration::from_mins(2);
/// Maximum wait for a new stream: a little longer than the engine's own limit.
const MAKE_PATIENCE: Duration = Duration::from_mins(4);

#[derive(Default)]
pub(super) struct Streams {
    list: Asked<Vec<ListedStream>>,
    /// The question before the stream is created is open.
    asks: bool,
    /// The creation of a stream; `true`: the stream already takes records.
    made: Asked<bool>,
    /// A question or answer has just appeared below the buttons: scroll to it.
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
    /// Takes the answer of a list of streams in the account and region of these settings.
    pub(super) fn list_coming(
        &mut self,
        answer: Answer<Result<Vec<ListedStream>, AwsError>>,
        config: Config,
    ) {
        self.list.begin(LIST_PATIENCE, answer, config);
    }

    /// Takes the answer of the creation of the stream of these settings.
    pub(super) fn new_coming(&mut self, answer: Answer<Result<bool, AwsError>>, config: Config) {
        self.made.begin(MAKE_PATIENCE, answer, config);
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context) {
        if self.list.receive(ctx) {
            // Only the newer answer is valid: the stream may have been deleted since.
            self.made.forget_answer();
            self.reveal = true;
        }
        if self.made.receive(ctx) {
            if self.made.answer().is_some_and(|(made, _)| made.is_ok()) {
                // Drop the list, because it was read before the stream was created.
                self.list.forget_answer();
            }
            self.reveal = true;
        }
    }

    /// Draws the card. `missing`: why AWS cannot be asked yet.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &mut Config, missing: Option<&str>) {
        arn_ui(ui, seen, &arn(draft));
        let busy = self.list.is_waiting() || self.made.is_waiting();
        let nameless = config::check_stream(&draft.destination.stream).err().map(|why| why.to_string());
        let server = server_of(seen, draft);
        let who = server.as_deref().unwrap_or("AWS");
        ui.horizontal_wrapped(|ui| {
            let why = missing.unwrap_or("An answer is awaited");
            let list = ui.add_enabled_ui(missing.is_none() && !busy, |ui| {
                widgets::button_ui(ui, Icon::List, "List my streams")
            });
            if list.inner.on_disabled_hover_text(why).clicked() {
                self.list.forget_answer();
                seen.push(Command::Account(AccountCommand::ListStreams(Box::new(draft.clone()))));
            }
            let can = missing.is_none() && !busy && nameless.is_none() && !self.asks;
            let make =
                ui.add_enabled_ui(can, |ui| widgets::button_ui(ui, Icon::Plus, "Create this stream …")).inner;
            let why = missing.or(nameless.as_deref()).unwrap_or("Answer the question below first");
            if make.on_disabled_hover_text(why).clicked() {
                self.asks = true;
                self.made.forget_answer();
                self.reveal = true;
            }
            if busy {
                ui.add(Spinner::new().size(14.0));
                let text = if self.list.is_waiting() {
                    format!("Asking {who} …")
                } else {
                    format!("{who} is creating the stream …")
                };
                ui.label(RichText::new(text).color(tokens(ui).weak));
            }
        });
        let answers = ui.scope(|ui| {
            if self.asks {
                self.question_ui(ui, seen, draft, server.as_deref());
            }
            self.made_ui(ui, seen, draft);
            self.list_ui(ui, seen, draft);
        });
        if std::mem::take(&mut self.reveal) {
            widgets::reveal(ui, answers.response.rect);
        }
    }

    /// The question before a stream is created. `server`: the server, if it is not AWS.
    fn question_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, server: Option<&str>) {
        let t = tokens(ui);
        let frame = Frame::new().fill(t.warn.gamma_multiply(0.10)).corner_radius(8);
        frame.inner_margin(Margin::symmetric(12, 9)).show(ui, |ui| {
            ui.take_available_width();
            let name = name(draft);
            let region = &draft.destination.region;
            let (title, text) = match server {
                Some(server) => (
                    format!("Create “{name}” on {server}?"),
                    "On-demand: its capacity follows the traffic. This server is not AWS, so AWS does not charge for \
                     the stream.",
                ),
                None => (
                    format!("Create “{name}” in {region}? It costs money."),
                    "On-demand: its capacity follows the traffic. AWS charges for every hour that it exists, even without \
                     records, and for every GB. Delete it in the AWS console when you no longer need it.",
                ),
            };
            ui.add(Label::new(weight(title, 640.0).color(t.strong)).wrap());
            ui.add(Label::new(RichText::new(text).color(t.text)).wrap());
            ui.horizontal_wrapped(|ui| {
                if widgets::primary_button_ui(ui, Icon::Check, "Create stream", true).clicked() {
                    self.asks = false;
                    seen.push(Command::Account(AccountCommand::CreateStream(Box::new(draft.clone()))));
                }
                if widgets::button_ui(ui, Icon::X, "Not now").clicked() {
                    self.asks = false;
                }
                if server.is_none() {
                    widgets::link_ui(ui, "What it costs", policy::KINESIS_PRICING);
                }
            });
        });
    }

    fn made_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config) {
        match self.made.answer() {
            Some((_, config)) if !config.destination.is_same_stream(&draft.destination) => {}
            Some((Ok(true), config)) => {
                let text = format!("{} is ready and takes records.", name(config));
                widgets::message_ui(ui, Tone::Good, &text);
            }
            Some((Ok(false), config)) => {
                let text = match server_of(seen, config) {
                    Some(server) => format!("{server} is creating {}.", name(config)),
                    None => format!("AWS is creating {}. This takes about half a minute.", name(config)),
                };
                widgets::message_ui(ui, Tone::Note, &text);
            }
            Some((Err(fault), config)) => {
                remedy_card::remedy_for_ui(ui, seen, fault, config, Some(remedy::Location::SetUpStream));
            }
            None => {}
        }
    }

    fn list_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &mut Config) {
        const HEIGHT_MAX: f32 = 190.0;
        let t = tokens(ui);
        let list = match self.list.answer() {
            Some((_, config)) if !identity::is_same_but_for_stream(config, draft) => return,
            Some((Ok(list), _)) => list,
            Some((Err(fault), config)) => {
                return remedy_card::remedy_for_ui(
                    ui,
                    seen,
                    fault,
                    config,
                    Some(remedy::Location::SetUpStream),
                );
            }
            None => return,
        };
        if list.is_empty() {
            let text = format!("No stream in {} yet.", draft.destination.region);
            return widgets::message_ui(ui, Tone::Note, &text);
        }
        let (typed, mut chosen) = (draft.destination.stream.clone(), None);
        let is_one = list.iter().any(|stream| *stream.name == typed);
        let fitting: Vec<_> = list.iter().filter(|stream| is_one || stream.name.contains(&typed)).collect();
        let shown = if fitting.is_empty() { list.iter().collect() } else { fitting };
        let frame = Frame::new().stroke(Stroke::new(1.0, t.line)).corner_radius(9).inner_margin(4);
        frame.show(ui, |ui| {
            ScrollArea::vertical().id_salt("streams").max_height(HEIGHT_MAX).show_rows(
                ui,
                26.0,
                shown.len(),
                |ui, rows| {
                    ui.take_available_width();
                    ui.spacing_mut().item_spacing.y = 0.0;
                    for stream in &shown[rows] {
                        if row_ui(ui, stream, *stream.name == typed) {
                            chosen = Some(stream.name.to_string());
                        }
                    }
                },
            );
        });
        if let Some(name) = chosen {
            draft.destination.stream = name;
        }
    }
}

fn row_ui(ui: &mut Ui, stream: &ListedStream, selected: bool) -> bool {
    let t = tokens(ui);
    let kind = if stream.on_demand { "on-demand" } else { "provisioned" };
    let about = match &*stream.status {
        "" => String::new(),
        "ACTIVE" => kind.to_owned(),
        status => format!("{kind}, {status}"),
    };
    let name = (theme::icon(Icon::Waves).color(t.weak), weight(&*stream.name, 520.0));
    let about = RichText::new(about).size(12.0).color(t.weak);
    ui.with_layout(Layout::top_down_justified(Align::Min), |ui| {
        let button = Button::selectable(selected, name).right_text(about).min_size(egui::vec2(0.0, 26.0));
        ui.add(button).accessible_name(format!("Use stream {}", stream.name)).clicked()
    })
    .inner
}

fn name(config: &Config) -> &str {
    let stream = &config.destination.stream;
    StreamArn::parse(stream).map_or(stream, |arn| arn.name)
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

/// The ARN as it will appear in the policy.
fn arn(config: &Config) -> policy::PartialArn {
    let destination = &config.destination;
    policy::stream_arn(&destination.region, &destination.account_id, &destination.stream)
}

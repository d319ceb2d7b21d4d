//! The form for a new stream: capacity, maximum record size, retention and tags, with AWS's limits, and what it costs.

use std::time::Duration;

use eframe::egui::{Context, Frame, Label, Margin, RichText, Ui};
use lucide_icons::Icon;

use super::{
    super::{
        super::{
            number::{Number, number_ui},
            seen::Seen,
            theme::{tokens, weight},
            widgets,
        },
        asked::Asked,
        identity,
        step::small_ui,
    },
    facts::hours,
    tags::Tags,
};
use crate::{
    config::{self, Config, StreamArn},
    delivery::{AwsError, Capacity, NewStream, OnDemandBilling, RECORD_KIB, RETENTION_HOURS, WARM_MIBPS_MAX},
    engine::Answer,
    policy,
};

/// Maximum wait for what AWS says about the account.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    OnDemand,
    Provisioned,
}

/// Where the stream is to be created.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub draft: &'a Config,
    /// The server, if it is not AWS.
    pub server: Option<&'a str>,
    /// Why AWS cannot be asked yet.
    pub missing: Option<&'a str>,
}

/// What the user decided.
pub(super) enum Choice {
    Create(NewStream),
    NotNow,
}

pub(super) struct Form {
    mode: Mode,
    shards: Number,
    /// In MiB/s; 0: none.
    warm: Number,
    record: Number,
    retention: Number,
    tags: Tags,
    billing: Asked<OnDemandBilling>,
}

impl Default for Form {
    fn default() -> Self {
        let usual = NewStream::default();
        let bytes = |kib: u32| u64::from(kib) << 10;
        let hours = u64::from(*RETENTION_HOURS.start())..=u64::from(*RETENTION_HOURS.end());
        let record = bytes(*RECORD_KIB.start())..=bytes(*RECORD_KIB.end());
        Self {
            mode: Mode::OnDemand,
            shards: Number::count(1, 1..=u64::from(i32::MAX.unsigned_abs()), 1),
            warm: Number::count(0, 0..=u64::from(WARM_MIBPS_MAX), 1),
            record: Number::bytes(bytes(usual.record_kib_max), record, 1 << 20),
            retention: Number::count(u64::from(usual.retention_hours), hours, 24),
            tags: Tags::default(),
            billing: Asked::default(),
        }
    }
}

impl Form {
    pub(super) fn billing_coming(
        &mut self,
        answer: Answer<Result<OnDemandBilling, AwsError>>,
        config: Config,
    ) {
        self.billing.begin(PATIENCE, answer, config);
    }

    pub(super) fn logic(&mut self, ctx: &Context) {
        self.billing.receive(ctx);
    }

    /// Whether AWS has to be asked how the draft's account pays for on-demand streams.
    pub(super) fn asks_about(&self, draft: &Config) -> bool {
        let is_known = |config: &Config| identity::is_same_but_for_stream(config, draft);
        let answer = self.billing.answer();
        !self.billing.is_waiting()
            && !answer.is_some_and(|(answer, config)| answer.is_ok() && is_known(config))
    }

    /// Adds an empty row for a tag, and gives it the focus.
    pub(super) fn add_tag(&mut self) {
        self.tags.add();
    }

    /// What AWS said about the draft's account.
    fn billing(&self, draft: &Config) -> Option<&Result<OnDemandBilling, AwsError>> {
        let (answer, config) = self.billing.answer()?;
        identity::is_same_but_for_stream(config, draft).then_some(answer)
    }

    fn has_advantage(&self, draft: &Config) -> bool {
        matches!(self.billing(draft), Some(Ok(OnDemandBilling::Advantage { is_ending: false, .. })))
    }

    /// The stream as it is filled in, or what is wrong.
    fn wanted(&self, draft: &Config) -> Result<NewStream, String> {
        let whole = |name: &str, number: &Number| {
            let value = number.value().map_err(|why| format!("{name}: {why}"))?;
            Ok::<u32, String>(u32::try_from(value).unwrap_or(u32::MAX))
        };
        let capacity = match self.mode {
            Mode::OnDemand => {
                let warm = if self.has_advantage(draft) { whole("Warm throughput", &self.warm)? } else { 0 };
                Capacity::OnDemand { warm_mibps: Some(warm).filter(|warm| *warm > 0) }
            }
            Mode::Provisioned => Capacity::Provisioned { shards: whole("Shards", &self.shards)? },
        };
        if let Some(why) = self.record_fault() {
            return Err(format!("Largest record: {why}"));
        }
        Ok(NewStream {
            capacity,
            record_kib_max: whole("Largest record", &self.record)? >> 10,
            retention_hours: whole("Retention", &self.retention)?,
            tags: self.tags.wanted()?,
            is_created: false,
        })
    }

    /// AWS counts in KiB.
    fn record_fault(&self) -> Option<&'static str> {
        let is_broken = self.record.value().is_ok_and(|bytes| !bytes.is_multiple_of(1024));
        is_broken.then_some("A whole number of KiB")
    }

    /// Draws the form. Returns what the user decided.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, place: Place<'_>) -> Option<Choice> {
        let t = tokens(ui);
        let frame = Frame::new().fill(t.warn.gamma_multiply(0.08)).corner_radius(9);
        frame
            .inner_margin(Margin::symmetric(14, 12))
            .show(ui, |ui| {
                ui.take_available_width();
                ui.spacing_mut().item_spacing.y = 8.0;
                self.title_ui(ui, place);
                self.capacity_ui(ui, seen, place);
                let hint = "1 to 10 MiB, with its key. Larger than 1 MiB only where readers take it";
                number_ui(ui, "Largest record", hint, &mut self.record);
                widgets::error_ui(ui, self.record_fault());
                let kept = self.retention.value().ok().and_then(|hours| u32::try_from(hours).ok());
                let mut hint = match kept {
                    Some(24) | None => "24 to 8 760 hours".to_owned(),
                    Some(kept) => hours(kept),
                };
                if place.server.is_none() {
                    hint.push_str(". More than 24 hours costs extra");
                }
                number_ui(ui, "Retention, in hours", &hint, &mut self.retention);
                ui.label(weight("Tags", 580.0));
                self.tags.ui(ui);
                ui.add_space(2.0);
                self.answers_ui(ui, seen, place)
            })
            .inner
    }

    fn title_ui(&self, ui: &mut Ui, Place { draft, server, .. }: Place<'_>) {
        let t = tokens(ui);
        let name = name(draft);
        let region = &draft.destination.region;
        let (title, text) = match (server, self.mode) {
            (Some(server), _) => (
                format!("Create “{name}” on {server}?"),
                "This server is not AWS, so AWS does not charge for the stream.",
            ),
            (None, Mode::OnDemand) if self.has_advantage(draft) => (
                format!("Create “{name}” in {region}? It costs money."),
                "AWS charges for every GB, within the account's commitment, and not for the stream itself. Delete it in the \
                 AWS console when you no longer need it.",
            ),
            (None, Mode::OnDemand) => (
                format!("Create “{name}” in {region}? It costs money."),
                "AWS charges for every hour that it exists, even without records, and for every GB. Delete it in the AWS \
                 console when you no longer need it.",
            ),
            (None, Mode::Provisioned) => (
                format!("Create “{name}” in {region}? It costs money."),
                "AWS charges for every hour of every shard, even without records. Delete it in the AWS console when you no \
                 longer need it.",
            ),
        };
        ui.add(Label::new(weight(title, 640.0).color(t.strong)).wrap());
        ui.add(Label::new(RichText::new(text).color(t.text)).wrap());
    }

    fn capacity_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>, place: Place<'_>) {
        let modes = [(Mode::OnDemand, "On-demand"), (Mode::Provisioned, "Provisioned")];
        widgets::segments_ui(ui, &mut self.mode, "Capacity", &modes);
        match self.mode {
            Mode::OnDemand => {
                small_ui(ui, "The capacity follows the traffic.");
                if let Some(text) = self.billing_text(seen, place) {
                    small_ui(ui, &text);
                }
                if self.has_advantage(place.draft) {
                    let hint = "MiB/s that the stream can take from the start; 0: none";
                    number_ui(ui, "Warm throughput", hint, &mut self.warm);
                }
            }
            Mode::Provisioned => {
                let hint = match self.shards.value() {
                    Ok(1) | Err(_) => "A shard takes 1 MB and 1 000 records a second".to_owned(),
                    Ok(shards) => {
                        let records = widgets::digits(shards.saturating_mul(1000));
                        format!("They take {} MB and {records} records a second", widgets::digits(shards))
                    }
                };
                number_ui(ui, "Shards", &hint, &mut self.shards);
            }
        }
    }

    /// What is known of the account: a line in each state, so that the buttons below stay where they are when AWS answers.
    fn billing_text(&self, seen: &Seen<'_>, place: Place<'_>) -> Option<String> {
        if self.billing.is_waiting() {
            return Some("Asking whether this account uses on-demand Advantage …".to_owned());
        }
        let at = |time| seen.clock.format(time, "%Y-%m-%d %H:%M");
        Some(match self.billing(place.draft)? {
            Ok(OnDemandBilling::Standard) => "This account uses on-demand standard.".to_owned(),
            Ok(OnDemandBilling::Advantage { committed_until, is_ending: false }) => {
                let until = committed_until.map(|time| format!(" (committed until {} at least)", at(time)));
                format!("This account uses on-demand Advantage{}.", until.unwrap_or_default())
            }
            Ok(OnDemandBilling::Advantage { committed_until, is_ending: true }) => {
                let until = committed_until.map(|time| format!(" until {}", at(time))).unwrap_or_default();
                format!("This account uses on-demand Advantage{until}, then on-demand standard.")
            }
            Err(fault) if &*fault.code == "AccessDeniedException" => {
                "Not permitted to see whether this account uses on-demand Advantage \
                 (kinesis:DescribeAccountSettings)."
                    .to_owned()
            }
            Err(fault) => {
                format!("It is not known whether this account uses on-demand Advantage ({}).", fault.code)
            }
        })
    }

    fn answers_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, place: Place<'_>) -> Option<Choice> {
        let Place { draft, server, missing } = place;
        let wanted = self.wanted(draft);
        let nameless = nameless(draft);
        let why = missing.or(nameless.as_deref()).or(wanted.as_ref().err().map(String::as_str));
        let mut answer = None;
        ui.horizontal_wrapped(|ui| {
            let create = widgets::primary_button_ui(ui, Icon::Check, "Create stream", why.is_none());
            if create.on_disabled_hover_text(why.unwrap_or_default()).clicked() {
                answer = wanted.as_ref().ok().cloned().map(Choice::Create);
            }
            if widgets::button_ui(ui, Icon::X, "Not now").clicked() {
                answer = Some(Choice::NotNow);
            }
            if let Ok(stream) = &wanted
                && widgets::button_ui(ui, Icon::Copy, "Copy policy for creating")
                    .on_hover_text("The permissions that the keys need to create this stream, as JSON")
                    .clicked()
            {
                copy_policy(ui, seen, draft, stream);
            }
            if server.is_none() {
                widgets::link_ui(ui, "What it costs", policy::KINESIS_PRICING);
            }
        });
        answer
    }
}

/// Copies the policy for creating the stream.
pub(super) fn copy_policy(ui: &Ui, seen: &mut Seen<'_>, draft: &Config, stream: &NewStream) {
    ui.copy_text(policy::creation_policy(draft, stream));
    let is_complete = policy::stream_arn(&draft.destination).missing.is_empty();
    seen.copied(if is_complete { "Policy" } else { "Policy with a placeholder" });
}

/// Why no stream can have the draft's name.
pub(super) fn nameless(draft: &Config) -> Option<String> {
    let why = config::check_stream(&draft.destination.stream).err()?;
    Some(widgets::capital(&why.to_string()))
}

/// The stream's name, also if the settings have its ARN.
pub(super) fn name(config: &Config) -> &str {
    let stream = &config.destination.stream;
    StreamArn::parse(stream).map_or(stream, |arn| arn.name)
}

//! What AWS says about the stream that was picked from the list.

use std::time::Duration;

use eframe::egui::{Context, Frame, Label, Margin, RichText, Spinner, Stroke, Ui, vec2};

use super::super::{
    super::{
        theme::{tokens, weight},
        widgets::{self, Tone},
    },
    asked::Asked,
    identity,
};
use crate::{
    config::Config,
    delivery::{AwsError, DescribedStream},
    engine::Answer,
    event::shown,
    reader::{Known, conflict},
};

const PATIENCE: Duration = Duration::from_mins(1);

/// Width of the column of names, in points.
const NAME_WIDTH: f32 = 130.0;

#[derive(Default)]
pub(super) struct Facts {
    asked: Asked<DescribedStream>,
}

impl Facts {
    pub(super) fn coming(&mut self, answer: Answer<Result<DescribedStream, AwsError>>, config: Config) {
        self.asked.forget_answer();
        self.asked.begin(PATIENCE, answer, config);
    }

    pub(super) fn forget(&mut self) {
        self.asked.forget_answer();
    }

    pub(super) fn logic(&mut self, ctx: &Context) {
        self.asked.receive(ctx);
    }

    /// The answer, if it is about the draft's stream.
    fn answer_about(&self, draft: &Config) -> Option<&Result<DescribedStream, AwsError>> {
        let (answer, config) = self.asked.answer()?;
        let same_stream = config.destination.is_same_stream(&draft.destination);
        (same_stream && identity::is_same_but_for_stream(config, draft)).then_some(answer)
    }

    /// What AWS said about the draft's stream.
    pub(super) fn described(&self, draft: &Config) -> Option<&DescribedStream> {
        self.answer_about(draft)?.as_ref().ok()
    }

    /// Draws the facts, if they are about the draft's stream.
    pub(super) fn ui(&self, ui: &mut Ui, draft: &Config) {
        if self.asked.is_waiting() {
            ui.horizontal(|ui| {
                ui.add(Spinner::new().size(14.0));
                ui.label(RichText::new("Looking at the stream …").color(tokens(ui).weak));
            });
            return;
        }
        let Some(answer) = self.answer_about(draft) else { return };
        match answer {
            Ok(stream) => stream_ui(ui, stream, draft),
            Err(fault) if &*fault.code == "AccessDeniedException" => widgets::hint_ui(
                ui,
                "Looking at the stream is not permitted (kinesis:DescribeStreamSummary). Delivery does not need it.",
            ),
            Err(fault) => {
                let text = format!("The stream could not be looked at: {}", shown::lines(&fault.to_string()));
                widgets::message_ui(ui, Tone::Attention, &text);
            }
        }
    }
}

fn stream_ui(ui: &mut Ui, stream: &DescribedStream, draft: &Config) {
    let t = tokens(ui);
    let frame = Frame::new().stroke(Stroke::new(1.0, t.line)).corner_radius(9);
    frame.inner_margin(Margin::symmetric(12, 9)).show(ui, |ui| {
        ui.take_available_width();
        let title = weight(format!("About {}", shown::line(&draft.destination.stream)), 600.0);
        ui.add(Label::new(title.color(t.strong)).truncate());
        ui.spacing_mut().item_spacing.y = 3.0;
        // A line of text is not as high as a button.
        ui.spacing_mut().interact_size.y = 19.0;
        for (name, value) in facts(stream) {
            ui.horizontal(|ui| {
                ui.allocate_ui(vec2(NAME_WIDTH, ui.spacing().interact_size.y), |ui| {
                    ui.set_min_width(NAME_WIDTH);
                    ui.label(RichText::new(name).color(t.weak));
                });
                ui.add(Label::new(RichText::new(value).color(t.text)).truncate());
            });
        }
    });
    for warning in warnings(stream, draft) {
        widgets::message_ui(ui, Tone::Attention, &warning);
    }
}

/// Names and values, only of what the server says.
fn facts(stream: &DescribedStream) -> Vec<(&'static str, String)> {
    let mode = if stream.on_demand { "On-demand" } else { "Provisioned" };
    let mut facts = vec![
        ("Status", stream.status.to_string()),
        ("Capacity", format!("{mode}, {} now", counted(stream.open_shards, "shard"))),
    ];
    if let Some(warm) = stream.warm_mibps {
        facts.push(("Warm throughput", format!("{warm} MiB/s")));
    }
    if let Some(kib) = stream.record_kib_max {
        facts.push(("Largest record", widgets::bytes(u64::from(kib) << 10)));
    }
    facts.push(("Retention", hours(stream.retention_hours)));
    facts.push((
        "Encryption",
        match stream.kms_key.as_deref() {
            None => "None".to_owned(),
            Some("" | "alias/aws/kinesis") => "With AWS's own key".to_owned(),
            Some(key) => format!("With the KMS key {}", shown::line(key)),
        },
    ));
    if let Some(consumers) = stream.consumers {
        facts.push(("Fan-out consumers", widgets::digits(u64::from(consumers))));
    }
    if let Some(channels) = stream.channels {
        facts.push(("Channels", widgets::digits(u64::from(channels))));
    }
    facts
}

fn counted(count: u32, what: &str) -> String {
    format!("{} {what}{}", widgets::digits(u64::from(count)), if count == 1 { "" } else { "s" })
}

/// `24 hours`, `168 hours (7 days)`
pub(super) fn hours(hours: u32) -> String {
    match (hours / 24, hours % 24) {
        (days, 0) if days > 1 => format!("{} ({days} days)", counted(hours, "hour")),
        _ => counted(hours, "hour"),
    }
}

fn warnings(stream: &DescribedStream, draft: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if !matches!(&*stream.status, "ACTIVE" | "UPDATING") {
        warnings.push(format!("The stream is {}: it takes records when it is ACTIVE.", stream.status));
    }
    if stream.spreads_keys && draft.destination.ordered {
        warnings.push(
            "Its record distribution is AUTO: it ignores partition keys, so there is no order per user."
                .to_owned(),
        );
    }
    let channels = stream.channels.unwrap_or_default();
    let format = draft.destination.format();
    if conflict(Known { channels, spreads_keys: false }, format).is_some() {
        let read = if channels == 1 { "reads" } else { "read" };
        warnings.push(format!(
            "{} (streaming table or delivery to S3) {read} this stream. They take JSON, and the format is {}: choose \
             json.",
            counted(channels, "channel"),
            format.words()
        ));
    }
    warnings
}

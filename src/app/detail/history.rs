//! What happened to a delivery, as a list of steps from the endpoint to the stream.

use eframe::egui::{self, Align, Label, Layout, RichText, Sense, Stroke, Ui, vec2};
use lucide_icons::Icon;

use super::{labels::state_word, time_bar};
use crate::{
    app::{
        clock::Clock,
        seen::Seen,
        theme::{self, Tokens, tokens, weight},
        widgets::{self, Tone},
    },
    delivery::{Detail, ForwarderState, Receipt, State},
    event::shown,
};

pub(crate) struct HistoryStep {
    /// `None`: the step is not over yet.
    pub tone: Option<Tone>,
    pub title: String,
    pub text: String,
    /// The time; empty if it is not known.
    pub at: String,
}

/// Why a waiting event is not delivered now.
fn waiting_reason(forwarder: &ForwarderState) -> &'static str {
    match forwarder {
        ForwarderState::Disabled => {
            "Delivery is disabled: the event waits until you enable delivery in Set up"
        }
        ForwarderState::Running => "Waiting for its turn",
        ForwarderState::Throttled(_) => "Waiting for its turn: the stream is throttling",
        ForwarderState::Blocked { .. } => "Waiting: delivery is blocked",
        ForwarderState::Offline { .. } => "Waiting: the destination cannot be reached",
        ForwarderState::Draining => "Tributary is shutting down: the event waits until the next start",
    }
}

/// The steps so far, oldest first. `forwarder`: says why the event waits, if it does.
pub(crate) fn history(detail: &Detail, clock: &Clock, forwarder: &ForwarderState) -> Vec<HistoryStep> {
    let delivery = &detail.delivery;
    let good = |title: &str, text: String, at: String| HistoryStep {
        tone: Some(Tone::Good),
        title: title.into(),
        text,
        at,
    };
    if delivery.state == State::Rejected {
        let text = delivery.fault.as_ref().map(ToString::to_string).unwrap_or_default();
        let at = clock.time(delivery.received_at);
        return vec![HistoryStep { tone: Some(Tone::Bad), title: "Rejected".into(), text, at }];
    }
    let text = if delivery.resend_of.is_some() {
        "Committed to disk again when you resent it"
    } else {
        "Committed to disk before its sender got 200"
    };
    let mut steps = vec![good("Safe in the spool", text.into(), clock.time(delivery.received_at))];
    for attempt in &detail.attempts {
        steps.push(HistoryStep {
            tone: Some(Tone::Attention),
            title: format!("Attempt {} failed", attempt.number),
            text: format!("{} (after {})", attempt.fault, widgets::duration(i64::from(attempt.took_ms))),
            at: clock.time(attempt.at),
        });
    }
    let settled = delivery.settled_at.map(|at| clock.time(at)).unwrap_or_default();
    match delivery.state {
        State::Delivered => {
            let text = delivery.receipt.as_ref().map(|receipt| {
                let place = receipt.place.map(|place| format!(" · event {} of {}", place.at, place.of));
                let Receipt { shard_id, sequence_number, .. } = receipt;
                format!("{shard_id} · sequence number {sequence_number}{}", place.unwrap_or_default())
            });
            steps.push(good("Delivered", text.unwrap_or_default(), settled));
        }
        State::Failed | State::Resent => {
            let text = delivery.fault.as_ref().map(ToString::to_string).unwrap_or_default();
            steps.push(HistoryStep { tone: Some(Tone::Bad), title: "Failed".into(), text, at: settled });
            if delivery.state == State::Resent {
                steps.push(good("Resent", "Continues as a new event in the log".into(), String::new()));
            }
        }
        State::Queued | State::Retrying | State::Rejected => {
            let text = match &delivery.fault {
                Some(fault) if matches!(forwarder, ForwarderState::Disabled) => {
                    format!(
                        "Last answer: {}. {}",
                        fault.to_string().trim_end_matches('.'),
                        waiting_reason(forwarder)
                    )
                }
                Some(fault) => format!("Last answer: {fault}"),
                None => waiting_reason(forwarder).to_owned(),
            };
            steps.push(HistoryStep {
                tone: None,
                title: state_word(delivery.state).into(),
                text,
                at: String::new(),
            });
        }
    }
    steps
}

pub(super) fn tab_ui(ui: &mut Ui, detail: &Detail, seen: &Seen<'_>) {
    ui.add_space(4.0);
    if detail.delivery.state != State::Rejected {
        time_bar::time_bar_ui(ui, detail, seen.clock);
        ui.add_space(6.0);
    }
    history_ui(ui, &history(detail, seen.clock, &seen.status.forwarder));
    if let Some(ms) = detail.delivery.latency_ms() {
        let puts = detail.delivery.attempts.max(1);
        let took = widgets::duration(i64::from(detail.delivery.took_ms));
        let from = if detail.delivery.resend_of.is_some() { "queue" } else { "endpoint" };
        let text = format!(
            "{} from the {from} to the stream, {puts} put{}; the last one took {took}.",
            widgets::duration(ms),
            if puts == 1 { "" } else { "s" }
        );
        widgets::hint_ui(ui, &text);
    }
}

/// Draws steps from top to bottom, joined by a line.
pub(crate) fn history_ui(ui: &mut Ui, steps: &[HistoryStep]) {
    let t = tokens(ui);
    for (i, step) in steps.iter().enumerate() {
        let row = ui
            .horizontal_top(|ui| {
                let (rect, _) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
                mark_ui(ui, rect.center(), step.tone, t);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 1.0;
                    ui.spacing_mut().interact_size.y = 20.0;
                    ui.horizontal(|ui| {
                        ui.label(weight(&*step.title, 600.0).color(t.strong));
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            if !step.at.is_empty() {
                                ui.label(RichText::new(&step.at).monospace().size(11.5).color(t.weak));
                            }
                        });
                    });
                    if !step.text.is_empty() {
                        ui.add(
                            Label::new(RichText::new(shown::lines(&step.text)).size(12.0).color(t.text))
                                .wrap(),
                        );
                    }
                    ui.add_space(8.0);
                });
                rect
            })
            .inner;
        if i + 1 < steps.len() {
            let x = row.center().x;
            ui.painter().vline(
                x,
                (row.bottom() + 1.0)..=(ui.min_rect().bottom() + 1.0),
                Stroke::new(1.0, t.edge),
            );
        }
    }
}

fn mark_ui(ui: &Ui, center: egui::Pos2, tone: Option<Tone>, t: &Tokens) {
    let color = tone.map_or(t.weak, |tone| tone.color(t));
    ui.painter().circle_filled(center, 9.0, color.gamma_multiply(0.16));
    let glyph = match tone {
        None => Icon::Hourglass,
        Some(Tone::Good) => Icon::Check,
        Some(Tone::Note) => Icon::Send,
        Some(Tone::Attention) => Icon::RotateCw,
        Some(Tone::Bad) => Icon::X,
    };
    ui.painter().text(
        center,
        egui::Align2::CENTER_CENTER,
        char::from(glyph),
        egui::FontId::new(10.5, theme::icons()),
        color,
    );
}

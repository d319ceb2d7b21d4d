//! What happened to a delivery, as a list of steps from the endpoint to the stream.

use eframe::egui::{self, Align, Button, Label, Layout, RichText, Sense, Stroke, Ui, vec2};
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

#[derive(Default)]
pub(crate) struct HistoryStep {
    /// `None`: the step is not over yet.
    pub tone: Option<Tone>,
    pub title: String,
    pub text: String,
    /// The time; empty if it is not known.
    pub at: String,
    /// Steps that are drawn only when this one is opened.
    pub inner: Vec<Self>,
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

fn step(tone: Option<Tone>, title: &str, text: String, at: String) -> HistoryStep {
    HistoryStep { tone, title: title.to_owned(), text, at, inner: Vec::new() }
}

/// The attempts without success: one as it is, several as one step that opens.
fn attempts(detail: &Detail, clock: &Clock) -> Option<HistoryStep> {
    let mut all: Vec<HistoryStep> = detail
        .attempts
        .iter()
        .map(|attempt| {
            let text = format!("{} (after {})", attempt.fault, widgets::duration(i64::from(attempt.took_ms)));
            let title = format!("Attempt {} failed", attempt.number);
            step(Some(Tone::Attention), &title, text, clock.time(attempt.at))
        })
        .collect();
    if all.len() < 2 {
        return all.pop();
    }
    let last = detail.attempts.last()?;
    let delivered = u32::from(detail.delivery.state == State::Delivered);
    let count = detail.delivery.attempts.saturating_sub(delivered).max(last.number);
    let title = format!("{count} attempts, last: {}", last.fault.code);
    let kept = if u64::from(count) > all.len() as u64 {
        format!("The log has kept {} of them", all.len())
    } else {
        String::new()
    };
    Some(HistoryStep { inner: all, ..step(Some(Tone::Attention), &title, kept, clock.time(last.at)) })
}

/// The steps so far, oldest first. `forwarder`: says why the event waits, if it does.
pub(crate) fn history(detail: &Detail, clock: &Clock, forwarder: &ForwarderState) -> Vec<HistoryStep> {
    let delivery = &detail.delivery;
    let good = |title: &str, text: String, at: String| step(Some(Tone::Good), title, text, at);
    let received_at = clock.time(delivery.received_at);
    if delivery.state == State::Rejected {
        let text = delivery.fault.as_ref().map(ToString::to_string).unwrap_or_default();
        return vec![step(Some(Tone::Bad), "Rejected", text, received_at)];
    }
    let mut steps = Vec::new();
    let text = if delivery.resend_of.is_some() {
        steps.push(good("Queued again", "You resent the event".to_owned(), received_at));
        "Committed to disk again when you resent it"
    } else {
        let from = format!("By the endpoint, from {}", delivery.source);
        steps.push(good("Received", from, received_at));
        "Committed to disk before its sender got 200"
    };
    steps.push(good("Safe in the spool", text.into(), String::new()));
    steps.extend(attempts(detail, clock));
    let settled = delivery.settled_at.map(|at| clock.time(at)).unwrap_or_default();
    match delivery.state {
        State::Delivered => {
            let text = delivery.receipt.as_ref().map(|receipt| {
                let lag = delivery
                    .latency_ms()
                    .map(|ms| format!(" · {} after it was received", widgets::duration(ms)));
                let place = receipt.place.map(|place| format!(" · event {} of {}", place.at, place.of));
                let Receipt { shard_id, sequence_number, .. } = receipt;
                let (place, lag) = (place.unwrap_or_default(), lag.unwrap_or_default());
                format!("{shard_id} · sequence number {sequence_number}{place}{lag}")
            });
            steps.push(good("Delivered", text.unwrap_or_default(), settled));
        }
        State::Failed | State::Resent => {
            let text = delivery.fault.as_ref().map(ToString::to_string).unwrap_or_default();
            steps.push(step(Some(Tone::Bad), "Failed", text, settled));
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
            steps.push(step(None, state_word(delivery.state), text, String::new()));
        }
    }
    steps
}

/// `shows_attempts`: the step with several attempts is open.
pub(super) fn tab_ui(ui: &mut Ui, detail: &Detail, shows_attempts: &mut bool, seen: &mut Seen<'_>) {
    ui.add_space(4.0);
    if detail.delivery.state != State::Rejected {
        time_bar::time_bar_ui(ui, detail, seen.clock);
        ui.add_space(6.0);
    }
    let steps = history(detail, seen.clock, &seen.status.forwarder);
    steps_ui(ui, &steps, shows_attempts);
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
    let Some(receipt) = &detail.delivery.receipt else { return };
    ui.horizontal_wrapped(|ui| {
        if widgets::button_ui(ui, Icon::Copy, "Copy sequence number").clicked() {
            ui.copy_text(receipt.sequence_number.to_string());
            seen.copied("Sequence number");
        }
    });
}

/// Draws steps from top to bottom, joined by a line. Steps with inner steps open by a click; which one is open is kept in
/// egui's memory.
pub(crate) fn history_ui(ui: &mut Ui, steps: &[HistoryStep]) {
    let key = ui.scope_id().with("the inner steps are shown");
    let mut is_open = ui.data(|data| data.get_temp(key)).unwrap_or(false);
    steps_ui(ui, steps, &mut is_open);
    ui.data_mut(|data| data.insert_temp(key, is_open));
}

fn steps_ui(ui: &mut Ui, steps: &[HistoryStep], is_open: &mut bool) {
    for (i, step) in steps.iter().enumerate() {
        step_ui(ui, step, i + 1 < steps.len(), is_open);
    }
}

/// `is_joined`: a line leads to the step below.
fn step_ui(ui: &mut Ui, step: &HistoryStep, is_joined: bool, is_open: &mut bool) {
    let t = tokens(ui);
    let row = ui
        .horizontal_top(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
            mark_ui(ui, rect.center(), step.tone, t);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 1.0;
                ui.spacing_mut().interact_size.y = 20.0;
                ui.horizontal(|ui| {
                    if step.inner.is_empty() {
                        ui.label(weight(&*step.title, 600.0).color(t.strong));
                    } else {
                        toggle_ui(ui, &step.title, is_open);
                    }
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        if !step.at.is_empty() {
                            ui.label(RichText::new(&step.at).monospace().size(11.5).color(t.weak));
                        }
                    });
                });
                if !step.text.is_empty() {
                    let text = RichText::new(shown::lines(&step.text)).size(12.0).color(t.text);
                    ui.add(Label::new(text).wrap());
                }
                ui.add_space(8.0);
                if *is_open {
                    for (n, inner) in step.inner.iter().enumerate() {
                        step_ui(ui, inner, n + 1 < step.inner.len(), &mut false);
                    }
                }
            });
            rect
        })
        .inner;
    if is_joined {
        let x = row.center().x;
        let line = (row.bottom() + 1.0)..=(ui.min_rect().bottom() + 1.0);
        ui.painter().vline(x, line, Stroke::new(1.0, t.edge));
    }
}

/// The title of a step that opens.
fn toggle_ui(ui: &mut Ui, title: &str, is_open: &mut bool) {
    let t = tokens(ui);
    ui.spacing_mut().button_padding = vec2(4.0, 1.0);
    let icon = if *is_open { Icon::ChevronDown } else { Icon::ChevronRight };
    let atoms = (theme::icon(icon).size(12.0).color(t.weak), weight(title, 600.0).color(t.strong));
    let button = ui.add(Button::new(atoms).frame_when_inactive(false)).accessible_name(title);
    let shows = *is_open;
    ui.ctx().accesskit_node_builder(button.id, |node| node.set_expanded(shows));
    if button.clicked() {
        *is_open = !*is_open;
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

//! The time bar of a delivery: how long it waited and how long each put took, to scale.

use eframe::egui::{self, Align2, Color32, FontId, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::{
    app::{
        clock::Clock,
        theme::{Tokens, tokens},
        widgets,
    },
    delivery::{Detail, Millis, State},
    event::shown,
};

/// A part of the bar.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    from: Millis,
    to: Millis,
    activity: Activity,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Activity {
    /// It waited in the spool.
    Waited,
    /// A put that failed: its number and the error.
    FailedPut(u32, String),
    /// The put that delivered the event, or after which it failed.
    LastPut(State),
}

impl Activity {
    fn color(&self, t: &Tokens) -> Color32 {
        match self {
            Self::Waited => t.press,
            Self::FailedPut(..) => t.warn,
            Self::LastPut(State::Delivered) => t.ok,
            Self::LastPut(_) => t.err,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Waited => "Waited in the spool".to_owned(),
            Self::FailedPut(number, fault) => format!("Attempt {number}: {}", shown::line(fault)),
            Self::LastPut(State::Delivered) => "The put that delivered it".to_owned(),
            Self::LastPut(_) => "Failed".to_owned(),
        }
    }
}

/// The whole time, without gaps. The log keeps the first sixteen attempts and the newest one, and fewer and fewer of those
/// between; the time of an attempt that was not kept counts as waiting.
fn spans(detail: &Detail, now: Millis) -> Vec<Span> {
    let delivery = &detail.delivery;
    let mut at = delivery.received_at;
    let mut all = Vec::new();
    let mut add = |from: Millis, to: Millis, activity: Activity| {
        let (from, to) = (from.max(at), to.max(from.max(at)));
        if from > at {
            all.push(Span { from: at, to: from, activity: Activity::Waited });
        }
        all.push(Span { from, to, activity });
        at = to;
    };
    for attempt in &detail.attempts {
        let activity = Activity::FailedPut(attempt.number, attempt.fault.to_string());
        add(attempt.at, attempt.at + i64::from(attempt.took_ms), activity);
    }
    match delivery.settled_at {
        Some(settled) if delivery.state == State::Delivered => {
            add(settled - i64::from(delivery.took_ms), settled, Activity::LastPut(delivery.state));
        }
        Some(settled) => add(settled, settled, Activity::LastPut(delivery.state)),
        None => add(now, now, Activity::Waited),
    }
    all.retain(|span| span.activity != Activity::Waited || span.to > span.from);
    all
}

pub(super) fn time_bar_ui(ui: &mut Ui, detail: &Detail, clock: &Clock) {
    let t = tokens(ui);
    let now = Clock::now();
    let all = spans(detail, now);
    let start = detail.delivery.received_at;
    let Some(end) = all.last().map(|last| last.to) else { return };
    let total_ms = (end - start).max(1) as f64;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 46.0), Sense::hover());
    let total = widgets::duration(end - start);
    let name = format!("Timeline of {total} in {} parts", all.len());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
    let bar = egui::Rect::from_min_size(rect.min + vec2(0.0, 4.0), vec2(rect.width(), 18.0));
    #[expect(clippy::cast_possible_truncation, reason = "a position in points")]
    let x = |at: Millis| bar.left() + bar.width() * ((at - start) as f64 / total_ms) as f32;
    ui.painter().rect_filled(bar, 5.0, t.field);
    let pointer = response.hover_pos().map(|pos| pos.x);
    let mut under = None;
    for span in &all {
        // Even the shortest put stays visible.
        let (from, to) = (x(span.from), x(span.to));
        let from = if to - from < 3.0 && span.activity != Activity::Waited {
            (to - 3.0).max(bar.left())
        } else {
            from
        };
        let part = egui::Rect::from_x_y_ranges(from..=to.max(from + 3.0).min(bar.right()), bar.y_range());
        ui.painter().rect_filled(part.shrink2(vec2(0.25, 0.0)), 3.0, span.activity.color(t));
        if pointer.is_some_and(|x| part.x_range().contains(x)) {
            under = Some(span);
        }
    }
    let font = FontId::proportional(11.0);
    let below = bar.bottom() + 5.0;
    ui.painter().text(pos2(bar.left(), below), Align2::LEFT_TOP, clock.time(start), font.clone(), t.weak);
    ui.painter().text(pos2(bar.right(), below), Align2::RIGHT_TOP, format!("+{total}"), font, t.weak);
    if let Some(span) = under {
        let took = widgets::duration(span.to - span.from);
        let after = widgets::duration(span.from - start);
        response.on_hover_text(format!("{}\n{took}, {after} after it was received", span.activity.text()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::{Attempt, AwsError, Delivery},
        event::Encoding,
    };

    fn detail(state: State, settled_at: Option<Millis>, attempts: Vec<Attempt>) -> Detail {
        let delivery = Delivery {
            id: 1,
            state,
            kind: None,
            name: None,
            message_id: "m".into(),
            source: "s".into(),
            partition_key: "u".into(),
            key_shortened: false,
            received_at: 1_000,
            settled_at,
            attempts: 2,
            took_ms: 40,
            receipt: None,
            fault: None,
            bytes: 1,
            repeat_of: None,
            resend_of: None,
            resent_as: None,
            preview: None,
        };
        Detail { delivery, json: "{}".into(), encoding: Encoding::Json, attempts }
    }

    #[test]
    fn a_time_bar_has_no_gap_and_each_put_is_as_long_as_it_took() {
        let fault = AwsError::new("Throttled", "");
        let attempt = Attempt { number: 1, at: 1_100, took_ms: 20, fault };
        let all = spans(&detail(State::Delivered, Some(2_000), vec![attempt]), 9_000);
        let parts: Vec<_> =
            all.iter().map(|one| (one.from, one.to, one.activity == Activity::Waited)).collect();
        assert_eq!(
            parts,
            [(1_000, 1_100, true), (1_100, 1_120, false), (1_120, 1_960, true), (1_960, 2_000, false)]
        );
    }

    #[test]
    fn a_waiting_event_has_waited_until_now() {
        let all = spans(&detail(State::Queued, None, Vec::new()), 4_000);
        assert_eq!(all, [Span { from: 1_000, to: 4_000, activity: Activity::Waited }]);
        let clock_set_back = spans(&detail(State::Delivered, Some(900), Vec::new()), 4_000);
        assert!(clock_set_back.iter().all(|one| one.from <= one.to), "{clock_set_back:?}");
    }
}

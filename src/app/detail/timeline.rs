//! A delivery's time, drawn to scale: how long it waited, and how long each put took.

use eframe::egui::{self, Align2, Color32, FontId, Sense, Ui, WidgetInfo, pos2, vec2};

use super::super::{
    clock::Clock,
    theme::{Tokens, tokens},
    widgets,
};
use crate::{
    delivery::{Detail, Millis, State},
    event::shown,
};

/// What happened between two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    from: Millis,
    to: Millis,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// In the spool.
    Waited,
    /// A put that did not deliver it.
    Missed(u32, String),
    /// The put that did, or that ended it.
    Ended(State),
}

impl What {
    fn color(&self, t: &Tokens) -> Color32 {
        match self {
            Self::Waited => t.press,
            Self::Missed(..) => t.warn,
            Self::Ended(State::Delivered) => t.ok,
            Self::Ended(_) => t.err,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Waited => "Waited in the spool".to_owned(),
            Self::Missed(number, fault) => format!("Attempt {number}: {}", shown::line(fault)),
            Self::Ended(State::Delivered) => "The put that delivered it".to_owned(),
            Self::Ended(_) => "Failed".to_owned(),
        }
    }
}

/// All of it, without gaps. Attempts beyond the first sixteen are kept ever more rarely, but for the newest: between them
/// it waited or was put, and is said to have waited.
fn stretches(detail: &Detail, now: Millis) -> Vec<Stretch> {
    let delivery = &detail.delivery;
    let mut at = delivery.received_at;
    let mut all = Vec::new();
    let mut add = |from: Millis, to: Millis, what: What| {
        let (from, to) = (from.max(at), to.max(from.max(at)));
        if from > at {
            all.push(Stretch { from: at, to: from, what: What::Waited });
        }
        all.push(Stretch { from, to, what });
        at = to;
    };
    for attempt in &detail.attempts {
        let what = What::Missed(attempt.number, attempt.fault.to_string());
        add(attempt.at, attempt.at + i64::from(attempt.took_ms), what);
    }
    match delivery.settled_at {
        Some(settled) if delivery.state == State::Delivered => {
            add(settled - i64::from(delivery.took_ms), settled, What::Ended(delivery.state));
        }
        Some(settled) => add(settled, settled, What::Ended(delivery.state)),
        None => add(now, now, What::Waited),
    }
    all.retain(|stretch| stretch.what != What::Waited || stretch.to > stretch.from);
    all
}

pub(super) fn timeline_ui(ui: &mut Ui, detail: &Detail, clock: &Clock) {
    let t = tokens(ui);
    let now = Clock::now();
    let all = stretches(detail, now);
    let start = detail.delivery.received_at;
    let Some(end) = all.last().map(|last| last.to) else { return };
    let span = (end - start).max(1) as f64;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 46.0), Sense::hover());
    let total = widgets::duration(end - start);
    let name = format!("Timeline of {total} in {} parts", all.len());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
    let bar = egui::Rect::from_min_size(rect.min + vec2(0.0, 4.0), vec2(rect.width(), 18.0));
    #[expect(clippy::cast_possible_truncation, reason = "a place in points")]
    let x = |at: Millis| bar.left() + bar.width() * ((at - start) as f64 / span) as f32;
    ui.painter().rect_filled(bar, 5.0, t.field);
    let pointer = response.hover_pos().map(|pos| pos.x);
    let mut under = None;
    for stretch in &all {
        // What took no time to speak of is still there to be seen.
        let (from, to) = (x(stretch.from), x(stretch.to));
        let from =
            if to - from < 3.0 && stretch.what != What::Waited { (to - 3.0).max(bar.left()) } else { from };
        let part = egui::Rect::from_x_y_ranges(from..=to.max(from + 3.0).min(bar.right()), bar.y_range());
        ui.painter().rect_filled(part.shrink2(vec2(0.25, 0.0)), 3.0, stretch.what.color(t));
        if pointer.is_some_and(|x| part.x_range().contains(x)) {
            under = Some(stretch);
        }
    }
    let font = FontId::proportional(11.0);
    let below = bar.bottom() + 5.0;
    ui.painter().text(pos2(bar.left(), below), Align2::LEFT_TOP, clock.time(start), font.clone(), t.weak);
    ui.painter().text(pos2(bar.right(), below), Align2::RIGHT_TOP, format!("+{total}"), font, t.weak);
    if let Some(stretch) = under {
        let took = widgets::duration(stretch.to - stretch.from);
        let after = widgets::duration(stretch.from - start);
        response.on_hover_text(format!("{}\n{took}, {after} after it was received", stretch.what.words()));
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
        };
        Detail { delivery, json: "{}".into(), encoding: Encoding::Json, attempts }
    }

    #[test]
    fn a_timeline_has_no_gap_and_every_put_as_long_as_it_took() {
        let fault = AwsError::new("Throttled", "");
        let attempt = Attempt { number: 1, at: 1_100, took_ms: 20, fault };
        let all = stretches(&detail(State::Delivered, Some(2_000), vec![attempt]), 9_000);
        let parts: Vec<_> = all.iter().map(|one| (one.from, one.to, one.what == What::Waited)).collect();
        assert_eq!(
            parts,
            [(1_000, 1_100, true), (1_100, 1_120, false), (1_120, 1_960, true), (1_960, 2_000, false)]
        );
    }

    #[test]
    fn what_waits_has_waited_until_now() {
        let all = stretches(&detail(State::Queued, None, Vec::new()), 4_000);
        assert_eq!(all, [Stretch { from: 1_000, to: 4_000, what: What::Waited }]);
        let clock_set_back = stretches(&detail(State::Delivered, Some(900), Vec::new()), 4_000);
        assert!(clock_set_back.iter().all(|one| one.from <= one.to), "{clock_set_back:?}");
    }
}

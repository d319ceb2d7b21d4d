//! Formats the values and axes of the charts.

use egui_plot::GridMark;

use crate::app::clock::Clock;
use crate::delivery::{Millis, chart::ChartSpan};

/// The label of an axis mark. 0 is always "0", although a measured value of 0 may be shown as "<1 ms".
pub(super) fn axis_value(value: f64, format: fn(f64) -> String) -> String {
    if value == 0.0 { "0".to_owned() } else { format(value) }
}

pub(super) fn axis_time(clock: &Clock, end: Millis, x: f64, span: ChartSpan) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a day")]
    let at = end + (x * 1e3) as Millis;
    let format = match span {
        ChartSpan::FiveMinutes => "%H:%M:%S",
        ChartSpan::Hour | ChartSpan::Day => "%H:%M",
    };
    clock.format(at, format)
}

/// Marks at round local times, in seconds relative to the end. Marks near an edge are left out: their labels would be cut.
pub(super) fn time_marks(end: Millis, offset_ms: Millis, span: ChartSpan) -> Vec<GridMark> {
    const EDGE: f64 = 0.05;
    let step_ms: Millis = match span {
        ChartSpan::FiveMinutes => 60_000,
        ChartSpan::Hour => 15 * 60_000,
        ChartSpan::Day => 6 * 3_600_000,
    };
    let seconds = span.span_ms() as f64 / 1e3;
    let first = (end - span.span_ms() + offset_ms).div_euclid(step_ms) + 1;
    let last = (end + offset_ms).div_euclid(step_ms);
    let values = (first..=last).map(|step| (step * step_ms - offset_ms - end) as f64 / 1e3);
    let inside = values.filter(|value| (EDGE..=1.0 - EDGE).contains(&(-value / seconds)));
    inside.map(|value| GridMark { value, step_size: step_ms as f64 / 1e3 }).collect()
}

/// A rate per second.
pub(super) fn per_second(value: f64) -> String {
    if value > 0.0 && value < 0.05 {
        return "<0.1/s".to_owned();
    }
    if value >= 10_000.0 { format!("{:.0}k/s", value / 1e3) } else { format!("{}/s", short(value)) }
}

/// A count.
pub(super) fn whole(value: f64) -> String {
    match value {
        ..10_000.0 => short(value),
        10_000.0..1e6 => format!("{:.0}k", value / 1e3),
        _ => format!("{:.1}M", value / 1e6),
    }
}

pub(super) fn millis(value: f64) -> String {
    match value {
        ..1.0 => "<1 ms".to_owned(),
        1.0..1e3 => format!("{} ms", short(value)),
        1e3..6e4 => format!("{:.1} s", value / 1e3),
        6e4..3.6e6 => format!("{:.0} min", value / 6e4),
        _ => format!("{:.0} h", value / 3.6e6),
    }
}

fn short(value: f64) -> String {
    if value > 0.0 && value < 10.0 && value.fract() > 0.04 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// A share in percent. A share above 0 is never shown as 0 %.
pub(super) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.001 { "<0.1 %".to_owned() } else { format!("{:.1} %", share * 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_rate_is_not_shown_as_0_and_the_axis_begins_at_0() {
        assert_eq!([0.0, 0.02, 0.3].map(per_second), ["0/s", "<0.1/s", "0.3/s"]);
        assert_eq!([per_second(0.0), axis_value(0.0, per_second)], ["0/s", "0"]);
        assert_eq!([millis(0.0), axis_value(0.0, millis), axis_value(45.0, millis)], ["<1 ms", "0", "45 ms"]);
        assert_eq!([millis(45.0), millis(2_500.0)], ["45 ms", "2.5 s"]);
    }
}

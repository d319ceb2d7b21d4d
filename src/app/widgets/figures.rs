//! Numbers, sizes and times, written for people.

use std::time::Duration;

use eframe::egui::Ui;

/// `1234567` as `1 234 567`.
pub(crate) fn digits(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{2009}');
        }
        out.push(c);
    }
    out
}

/// A rate as text.
pub(crate) fn rate(per_sec: f32) -> String {
    if per_sec > 0.0 && per_sec < 10.0 {
        return format!("{per_sec:.1}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is small and not negative"
    )]
    digits(per_sec.round() as u64)
}

/// A number of bytes as text, with a unit.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1024 => format!("{n} B"),
        1024..1_048_576 => format!("{:.1} KiB", n as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", n as f64 / 1_048_576.0),
        1_073_741_824..1_099_511_627_776 => format!("{:.1} GiB", n as f64 / 1_073_741_824.0),
        _ => format!("{:.1} TiB", n as f64 / 1_099_511_627_776.0),
    }
}

/// A duration in milliseconds as text, with a unit.
pub(crate) fn duration(ms: i64) -> String {
    match ms {
        ..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{:.1} s", ms as f64 / 1e3),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// How long ago `at` was, as text. Requests a frame for the time when the text changes.
pub(crate) fn ago_ui(ui: &Ui, at: i64, now: i64) -> String {
    let ms = (now - at).max(0);
    let (text, unit) = counted(ms);
    ui.request_repaint_after(until_next(unit, ms));
    if ms < 1000 { "just now".to_owned() } else { format!("{text} ago") }
}

/// The age of what happened `at`, as short text (`12 s`). Requests a frame for when it changes, but for all ages of a list
/// the same one: at the next full second, minute, hour or day.
pub(crate) fn age_ui(ui: &Ui, at: i64, now: i64) -> String {
    let (text, unit) = counted((now - at).max(0));
    ui.request_repaint_after(until_next(unit, now));
    text
}

/// An age in one unit, such as `20 s`, and how long the text stays valid.
pub(crate) fn age(ms: i64) -> (String, Duration) {
    let (text, unit) = counted(ms);
    (if ms < 1000 { "0 s".to_owned() } else { text }, until_next(unit, ms))
}

fn until_next(unit: i64, ms: i64) -> Duration {
    Duration::from_millis((unit - ms % unit).unsigned_abs())
}

/// An age as text, and the unit in milliseconds that the text counts.
fn counted(ms: i64) -> (String, i64) {
    const UNITS: [(i64, &str, i64); 4] = [
        (1000, "s", 60_000),
        (60_000, "min", 3_600_000),
        (3_600_000, "h", 48 * 3_600_000),
        (86_400_000, "d", i64::MAX),
    ];
    let (unit, name, _) = UNITS.into_iter().find(|(_, _, below)| ms < *below).unwrap_or(UNITS[3]);
    (if ms < 1000 { "now".to_owned() } else { format!("{} {name}", ms / unit) }, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(digits(1_234_567), "1\u{2009}234\u{2009}567");
        assert_eq!((rate(0.0), rate(0.4), rate(1234.4)), ("0".into(), "0.4".into(), "1\u{2009}234".into()));
        assert_eq!((bytes(12), bytes(2048)), ("12 B".into(), "2.0 KiB".into()));
        assert_eq!((duration(80), duration(61_000)), ("80 ms".into(), "1 min 1 s".into()));
    }

    #[test]
    fn an_age_says_when_it_reads_differently() {
        let of = |ms| {
            let (text, unit) = counted(ms);
            (text, until_next(unit, ms).as_millis())
        };
        assert_eq!(of(0), ("now".into(), 1000));
        assert_eq!(of(3200), ("3 s".into(), 800));
        assert_eq!(of(90_000), ("1 min".into(), 30_000));
        assert_eq!(of(3 * 3_600_000), ("3 h".into(), 3_600_000));
        assert_eq!(of(3 * 86_400_000).0, "3 d");
    }
}

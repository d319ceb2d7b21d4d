//! Numbers and times in the words of a notification, which is plain text.

use crate::delivery::Millis;

const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// `1 event`, `12 events`.
pub(super) fn events(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

/// A duration in its two largest units: `45 s`, `15 min`, `2 h 5 min`, `3 days 4 h`.
pub(super) fn duration(ms: Millis) -> String {
    let with = |large: String, rest: Millis, unit: &str| {
        if rest == 0 { large } else { format!("{large} {rest} {unit}") }
    };
    match ms {
        ..MINUTE => format!("{} s", ms.max(0) / SECOND),
        MINUTE..HOUR => format!("{} min", ms / MINUTE),
        HOUR..DAY => with(format!("{} h", ms / HOUR), ms % HOUR / MINUTE, "min"),
        _ => {
            let days = ms / DAY;
            with(format!("{days} {}", if days == 1 { "day" } else { "days" }), ms % DAY / HOUR, "h")
        }
    }
}

/// A moment as RFC 3339 has it, to the second, in UTC.
pub(super) fn moment(at: Millis) -> String {
    let at = jiff::Timestamp::from_second(at / SECOND).unwrap_or_default();
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (ms, text) in [
            (-5, "0 s"),
            (59_999, "59 s"),
            (15 * MINUTE + 7, "15 min"),
            (2 * HOUR, "2 h"),
            (2 * HOUR + 5 * MINUTE, "2 h 5 min"),
            (DAY, "1 day"),
            (3 * DAY + 4 * HOUR, "3 days 4 h"),
        ] {
            assert_eq!(duration(ms), text);
        }
        assert_eq!(moment(1_772_445_600_123), "2026-03-02T10:00:00Z");
    }
}

//! Moments as people write them.

use crate::delivery::line::Millis;

/// A moment: RFC 3339, a date (its midnight in UTC), or an age (`90s`, `15m`, `2h`, `1d`).
pub fn moment(text: &str, now: Millis) -> Option<Millis> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        return Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond());
    }
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    Some(now.saturating_sub(count.saturating_mul(seconds * 1000)))
}

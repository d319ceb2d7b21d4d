//! Wall-clock time as the user reads and writes it: in the local time zone.

use crate::delivery::Millis;

pub(super) struct Clock(jiff::tz::TimeZone);

impl Clock {
    pub(super) fn local() -> Self {
        Self(jiff::tz::TimeZone::system())
    }

    #[cfg(test)]
    pub(super) fn utc() -> Self {
        Self(jiff::tz::TimeZone::UTC)
    }

    pub(super) fn now() -> Millis {
        jiff::Timestamp::now().as_millisecond()
    }

    /// How far local time is ahead of UTC at that moment.
    pub(super) fn offset_ms(&self, at: Millis) -> Millis {
        let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
        Millis::from(self.0.to_offset(at).seconds()) * 1000
    }

    pub(super) fn format(&self, at: Millis, format: &str) -> String {
        jiff::Timestamp::from_millisecond(at)
            .map(|at| at.to_zoned(self.0.clone()).strftime(format).to_string())
            .unwrap_or_default()
    }

    pub(super) fn time(&self, at: Millis) -> String {
        self.format(at, "%H:%M:%S%.3f")
    }

    /// The time, with the date unless it is today.
    pub(super) fn short(&self, at: Millis) -> String {
        let day = |at| self.format(at, "%Y-%m-%d");
        self.format(at, if day(at) == day(Self::now()) { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" })
    }

    pub(super) fn full(&self, at: Millis) -> String {
        self.format(at, "%Y-%m-%d %H:%M:%S%.3f %Z")
    }

    /// Parses a local time that a person wrote, such as `2026-03-02 10:00`.
    pub(super) fn read(&self, text: &str) -> Option<Millis> {
        let time: jiff::civil::DateTime = text.trim().parse().ok()?;
        Some(time.to_zoned(self.0.clone()).ok()?.timestamp().as_millisecond())
    }

    /// A time as people write it: with or without a date, or how long ago.
    pub(super) fn parse(&self, text: &str) -> Option<Millis> {
        let now = jiff::Timestamp::from_millisecond(Self::now()).ok()?.to_zoned(self.0.clone());
        if let Some(unit) = text.chars().last().filter(|unit| "smhd".contains(*unit)) {
            let count: i64 = text.trim_end_matches(unit).trim().parse().ok()?;
            let seconds = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => 86_400,
            };
            return Some(Self::now() - count.checked_mul(seconds * 1000)?);
        }
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(at.as_millisecond());
        }
        let at = match text.parse::<jiff::civil::DateTime>() {
            Ok(at) => at,
            Err(_) => now.date().to_datetime(text.parse::<jiff::civil::Time>().ok()?),
        };
        Some(at.to_zoned(self.0.clone()).ok()?.timestamp().as_millisecond())
    }
}

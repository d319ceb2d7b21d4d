//! Times: the forms that senders write, and the one form that is written here.
//!
//! Reads ISO 8601 in the forms that SDKs send, and numbers as Unix time. Writes UTC with milliseconds. A time that
//! cannot be read, or not be written because it is outside the years 0 to 9999, is `None`.
//!
//! The most common form is read by own code for speed (figure: `docs/performance.md`), all others by `jiff`.

use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// A time: milliseconds since 1970, rounded down, and the nanoseconds beyond them. So a difference of two times is
/// exact before it is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    ms: i64,
    ns: i64,
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A day, without leap seconds.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A time as it is written: `2026-03-02T10:00:05.250Z` in JSON quotes.
pub(super) type Stamp = [u8; 26];

impl Time {
    /// Reads a string. Without a zone it is UTC; a date alone means its midnight.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::from_usual_text(text).or_else(|| Self::from_any_text(text))
    }

    /// Reads the form that JavaScript and most SDKs write: `2026-03-02T10:00:05.250Z`. Each event has one or two of
    /// these, and the general parser takes far longer.
    fn from_usual_text(text: &str) -> Option<Self> {
        let text: &[u8; 24] = text.as_bytes().try_into().ok()?;
        let number = |from: usize, to: usize| {
            text[from..to].iter().try_fold(0_i16, |number, byte| {
                byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0'))
            })
        };
        if [text[4], text[7], text[10], text[13], text[16], text[19], text[23]] != *b"--T::.Z" {
            return None;
        }
        let small = |from: usize| number(from, from + 2).and_then(|number| i8::try_from(number).ok());
        let civil = DateTime::new(
            number(0, 4)?,
            small(5)?,
            small(8)?,
            small(11)?,
            small(14)?,
            small(17)?,
            i32::from(number(20, 23)?) * 1_000_000,
        );
        Some(Self::from_since_epoch(civil.ok()?.duration_since(EPOCH)))
    }

    fn from_any_text(text: &str) -> Option<Self> {
        const PARSER: DateTimeParser = DateTimeParser::new();
        if let Ok(timestamp) = PARSER.parse_timestamp(text) {
            return Some(Self::from_since_epoch(timestamp.as_duration()));
        }
        if let Some(begun) = at_the_end_of_its_day(text) {
            let midnight = Self::from_any_text(&begun)?;
            return Some(Self { ms: midnight.ms.checked_add(DAY.as_secs() * 1000)?, ..midnight });
        }
        // A `Timestamp` ends 26 hours before the year 9999 does.
        let pieces = PARSER.parse_pieces(text).ok();
        let with_zone = pieces.and_then(|pieces| {
            let civil = pieces.date().to_datetime(pieces.time()?);
            let ahead = SignedDuration::from_secs(i64::from(pieces.to_numeric_offset()?.seconds()));
            Some(civil.duration_since(EPOCH) - ahead)
        });
        let since = with_zone.or_else(|| Some(PARSER.parse_datetime(text).ok()?.duration_since(EPOCH)))?;
        Some(Self::from_since_epoch(since))
    }

    /// Reads a JSON number: Unix milliseconds if its absolute value is above 10^11, else Unix seconds.
    pub fn from_number(literal: &str) -> Option<Self> {
        let number: f64 = literal.parse().ok()?;
        let micros = (number * if number.abs() > 1e11 { 1e3 } else { 1e6 }).round();
        // Times beyond the year 9999 in either direction cannot be written. This check also keeps the cast exact.
        if micros.abs() > 3e17 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "its size was just checked")]
        let since = SignedDuration::from_micros(micros as i64);
        EPOCH.checked_add(since).ok().map(|_in_range| Self::from_since_epoch(since))
    }

    fn from_since_epoch(since: SignedDuration) -> Self {
        let ns = i64::from(since.subsec_nanos());
        Self { ms: since.as_secs() * 1000 + ns.div_euclid(1_000_000), ns: ns.rem_euclid(1_000_000) }
    }

    /// Milliseconds since 1970, rounded down.
    pub fn ms(self) -> i64 {
        self.ms
    }

    /// This time by the receiver's clock: `received - (sent - self)` in milliseconds. Never overflows for times that
    /// were read here.
    pub fn corrected_ms(self, sent: Self, received_ms: i64) -> i64 {
        let below = i64::from(self.ns < sent.ns);
        received_ms.saturating_add(self.ms - sent.ms - below)
    }
}

/// Rewrites a time such as `2026-03-02T24:00:00Z`, which ISO 8601 allows for the midnight that ends a day, to the
/// midnight that begins the day. `jiff` does not read the first form.
fn at_the_end_of_its_day(text: &str) -> Option<String> {
    let (date, time) = text.split_at_checked(11)?;
    let rest = time.strip_prefix("24")?;
    // Only zeros up to the zone: 24:00:01 is not a time.
    let clock = rest.split(['Z', 'z', '+', '-', '[', ' ']).next()?;
    clock.bytes().all(|byte| matches!(byte, b':' | b'0' | b'.' | b',')).then(|| format!("{date}00{rest}"))
}

/// Writes a time. `None` if it is outside the years 0 to 9999.
pub(super) fn stamp(ms: i64) -> Option<Stamp> {
    let civil: DateTime = match Timestamp::from_millisecond(ms) {
        Ok(timestamp) => Offset::UTC.to_datetime(timestamp),
        Err(_beyond) => EPOCH.checked_add(SignedDuration::from_millis(ms)).ok()?,
    };
    let year = u16::try_from(civil.year()).ok()?;
    let mut out = *b"\"0000-00-00T00:00:00.000Z\"";
    let small = |field: i8| u16::from(field.unsigned_abs());
    digits(&mut out[1..5], year);
    digits(&mut out[6..8], small(civil.month()));
    digits(&mut out[9..11], small(civil.day()));
    digits(&mut out[12..14], small(civil.hour()));
    digits(&mut out[15..17], small(civil.minute()));
    digits(&mut out[18..20], small(civil.second()));
    digits(&mut out[21..24], civil.millisecond().unsigned_abs());
    Some(out)
}

/// Writes `number` into all of `out`, with leading zeros.
fn digits(out: &mut [u8], mut number: u16) {
    for place in out.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_form_is_read_without_the_general_parser() {
        let time = Time::from_usual_text("2026-03-02T10:00:05.250Z").expect("a time");
        assert_eq!(time.ms(), 1_772_445_605_250);
        for other in [
            "2026-03-02T10:00:05.250+",
            "2026-03-02T10:00:05Z",
            "2026-13-02T10:00:05.250Z",
            "2026-02-30T10:00:05.250Z",
        ] {
            assert_eq!(Time::from_usual_text(other), None, "{other}");
        }
    }

    #[test]
    fn the_last_day_of_the_last_year_is_a_time_with_and_without_a_zone() {
        let last = 253_402_300_799_999;
        for text in [
            "9999-12-31T23:59:59.999Z",
            "9999-12-31T23:59:59.999",
            "9999-12-31 23:59:59.999999+00:00",
            "9999-12-31T22:59:59.999-01:00",
        ] {
            assert_eq!(Time::from_text(text).map(Time::ms), Some(last), "{text}");
        }
        assert_eq!(Time::from_number("253402300799000").map(Time::ms), Some(last - 999));
        assert_eq!(stamp(last).as_ref(), Some(b"\"9999-12-31T23:59:59.999Z\""));
        assert_eq!(stamp(last + 1), None, "the year 10000");
        assert_eq!(Time::from_number("1e300"), None);
    }

    #[test]
    fn twenty_four_o_clock_is_the_midnight_that_ends_the_day() {
        for (text, day) in [
            ("2026-02-28T24:00:00Z", "2026-03-01T00:00:00Z"),
            ("2026-12-31T24:00:00.000Z", "2027-01-01T00:00:00Z"),
            ("2026-03-02 24:00", "2026-03-03T00:00:00Z"),
            ("2026-03-02T24:00:00+02:00", "2026-03-02T22:00:00Z"),
        ] {
            assert_eq!(Time::from_text(text), Time::from_text(day), "{text}");
        }
        for text in ["2026-03-02T24:00:01Z", "2026-03-02T24:30:00Z", "2026-03-02T25:00:00Z"] {
            assert_eq!(Time::from_text(text), None, "{text}");
        }
    }

    proptest! {
        /// Also with a digit too many or with another separator.
        #[test]
        fn what_it_reads_is_what_the_general_parser_reads(
            text in "[0-9]{4}-[0-1][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9][:.][0-6][0-9][.,][0-9]{3}[Zz]",
        ) {
            if let Some(time) = Time::from_usual_text(&text) {
                prop_assert_eq!(Some(time), Time::from_any_text(&text));
            }
        }
    }
}

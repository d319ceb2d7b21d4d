//! Times: what senders write, and the one form we write (tracking API §5.5).
//!
//! Reads ISO 8601 in the forms that SDKs send, and numbers as Unix time. Writes UTC with milliseconds. A time that
//! cannot be read or written (outside the years 0 to 9999) is `None`; what follows from that is the caller's rule.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::Offset;

/// A time: milliseconds since 1970 rounded down, and the nanoseconds beyond them, so that a difference of two times
/// is exact before it is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    ms: i64,
    ns: i64,
}

/// `2026-03-02T10:00:05.250Z` with its JSON quotes.
pub(super) type Stamp = [u8; 26];

impl Time {
    /// The time that a string says. Without a zone it is UTC; a date alone is its midnight.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::from_usual_text(text).or_else(|| Self::from_any_text(text))
    }

    /// The form that JavaScript writes, and with it most SDKs: `2026-03-02T10:00:05.250Z`. Each event has one or two of
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
        Some(Self::from_timestamp(Offset::UTC.to_timestamp(civil.ok()?).ok()?))
    }

    fn from_any_text(text: &str) -> Option<Self> {
        const PARSER: DateTimeParser = DateTimeParser::new();
        let timestamp = match PARSER.parse_timestamp(text) {
            Ok(timestamp) => timestamp,
            Err(_) => PARSER.parse_datetime(text).and_then(|civil| Offset::UTC.to_timestamp(civil)).ok()?,
        };
        Some(Self::from_timestamp(timestamp))
    }

    /// The time that a JSON number says: Unix milliseconds where its size is above 10^11, else seconds.
    pub fn from_number(literal: &str) -> Option<Self> {
        let number: f64 = literal.parse().ok()?;
        let micros = (number * if number.abs() > 1e11 { 1e3 } else { 1e6 }).round();
        // Beyond the year 9999 in either direction there is nothing to write; this also keeps the cast exact.
        if micros.abs() > 3e17 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "its size was just checked")]
        Timestamp::from_microsecond(micros as i64).ok().map(Self::from_timestamp)
    }

    fn from_timestamp(timestamp: Timestamp) -> Self {
        let ms = timestamp.as_second() * 1000;
        let ns = i64::from(timestamp.subsec_nanosecond());
        Self { ms: ms + ns.div_euclid(1_000_000), ns: ns.rem_euclid(1_000_000) }
    }

    /// Milliseconds since 1970, rounded down.
    pub fn ms(self) -> i64 {
        self.ms
    }

    /// The moment `received - (sent - self)` in milliseconds: this time by the receiver's clock. Never overflows for
    /// times that were read here.
    pub fn corrected_ms(self, sent: Self, received_ms: i64) -> i64 {
        let below = i64::from(self.ns < sent.ns);
        received_ms.saturating_add(self.ms - sent.ms - below)
    }
}

/// Writes a time. `None` outside the years 0 to 9999.
pub(super) fn stamp(ms: i64) -> Option<Stamp> {
    let timestamp = Timestamp::from_millisecond(ms).ok()?;
    let civil: DateTime = Offset::UTC.to_datetime(timestamp);
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

    proptest! {
        /// A digit too much or another separator included.
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

//! Where reading starts: what can be chosen, and how a time or a sequence number is typed.

use super::super::clock::Clock;
use crate::delivery::ReadFrom;

/// Where the user wants to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum From {
    #[default]
    Oldest,
    LastHour,
    LastMinutes,
    Latest,
    Time,
    Sequence,
}

impl From {
    pub(super) const ALL: [(Self, &str); 6] = [
        (Self::Oldest, "Oldest"),
        (Self::LastHour, "Last hour"),
        (Self::LastMinutes, "Last 5 minutes"),
        (Self::Latest, "New ones only"),
        (Self::Time, "Time"),
        (Self::Sequence, "Sequence number"),
    ];
}

/// The place to read from; what is wrong with it, where it must be typed and is not right yet.
pub(super) fn read_from(from: From, typed: &str, clock: &Clock) -> Result<ReadFrom, &'static str> {
    let typed = typed.trim();
    match from {
        From::Oldest => Ok(ReadFrom::Oldest),
        From::LastHour => Ok(ReadFrom::Time(Clock::now() - 3_600_000)),
        From::LastMinutes => Ok(ReadFrom::Time(Clock::now() - 300_000)),
        From::Latest => Ok(ReadFrom::Latest),
        From::Time => match clock.parse(typed) {
            Some(at) if at <= Clock::now() => Ok(ReadFrom::Time(at)),
            Some(_) => Err("that is in the future"),
            None => Err("write a time as 2026-03-02 10:00, as 10:00 (today), or as 15m (15 minutes ago)"),
        },
        From::Sequence if typed.is_empty() || !typed.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err("a sequence number has digits only; copy it from a delivery or a record")
        }
        From::Sequence => Ok(ReadFrom::Sequence(typed.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_people_write_it_and_a_wrong_one_is_explained() {
        let clock = Clock::utc();
        let at = |text: &str| read_from(From::Time, text, &clock);
        assert_eq!(at("2026-03-02 10:00"), Ok(ReadFrom::Time(1_772_445_600_000)));
        assert_eq!(at(" 2026-03-02T10:00:00Z "), Ok(ReadFrom::Time(1_772_445_600_000)));
        assert_eq!(at("2999-01-01 10:00"), Err("that is in the future"));
        assert!(matches!(at("15m"), Ok(ReadFrom::Time(at)) if (Clock::now() - at - 900_000).abs() < 60_000));
        assert!(matches!(at("00:00"), Ok(ReadFrom::Time(_))));
        assert!(at("yesterday").is_err() && at("").is_err() && at("m").is_err());
        assert_eq!(read_from(From::Sequence, "4966", &clock), Ok(ReadFrom::Sequence("4966".into())));
        assert!(read_from(From::Sequence, "shardId-1", &clock).is_err());
    }
}

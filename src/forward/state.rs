//! Whether to put at all: what a run of outcomes says about the destination as a whole. Pure; time is passed in.

use std::time::{Duration, Instant};

use super::backoff::{Wait, delay_after};
use crate::{
    delivery::{AwsError, Outcome},
    kinesis,
};

/// So many puts in a row without a usable answer mean that a destination that answered before is away, not that one put
/// had bad luck. A destination that never answered with these settings is away after the first such put.
const MISSES_BEFORE_OFFLINE: u32 = 4;

/// Where a refusal may be one record's own fault, so many tries, each of another key, follow each other quickly before
/// the pauses grow.
const QUICK_TRIES: u32 = 8;
const QUICK_PAUSE: Duration = Duration::from_millis(100);

/// How long after the last push-back the forwarder is still called throttled.
const THROTTLED_FOR: Duration = Duration::from_secs(2);

/// Why everything waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Blocked,
    Offline,
}

/// Everything waits; one put at a time tries.
#[derive(Clone, Debug)]
pub(super) struct Pause {
    pub(super) reason: Reason,
    pub(super) fault: AwsError,
    /// Since when: what was put before says nothing new.
    since: Instant,
    /// Tries in a row that failed; 0: a second look, at once and with the keys read anew, before anybody is told.
    tries: u32,
    pub(super) until: Instant,
}

/// What is known of the destination.
#[derive(Clone, Debug, Default)]
pub(super) struct Weather {
    pause: Option<Pause>,
    /// The keys in use have worked.
    is_proven: bool,
    /// The destination has taken, refused or throttled a record since the settings are in force.
    has_answered: bool,
    misses: u32,
    throttled: Option<(Instant, AwsError)>,
}

impl Weather {
    /// Takes in the outcomes of one put that started at `started`.
    pub(super) fn learn(&mut self, outcomes: &[Outcome], started: Instant, now: Instant, dice: f64) {
        let answered = |outcome: &Outcome| matches!(outcome, Outcome::Delivered(_) | Outcome::Refused(_));
        if let Some(Outcome::Throttled(fault)) =
            outcomes.iter().find(|one| matches!(one, Outcome::Throttled(_)))
        {
            self.throttled = Some((now, fault.clone()));
        }
        if outcomes.iter().any(|one| answered(one) || matches!(one, Outcome::Throttled(_))) {
            self.misses = 0;
            self.pause = None;
            self.is_proven = true;
            self.has_answered = true;
            return;
        }
        if self.pause.as_ref().is_some_and(|pause| started < pause.since) {
            return;
        }
        let blocked = outcomes.iter().find(|one| matches!(one, Outcome::Blocked(_)));
        let (reason, wait, outcome) = match (blocked, outcomes.first()) {
            (Some(outcome), _) => (Reason::Blocked, Wait::Blocked, outcome),
            (None, Some(outcome)) => {
                self.misses += 1;
                if self.has_answered && self.misses < MISSES_BEFORE_OFFLINE && self.pause.is_none() {
                    return;
                }
                (Reason::Offline, Wait::Offline, outcome)
            }
            (None, None) => return,
        };
        let Some(fault) = outcome.fault() else { return };
        let tries = match &self.pause {
            Some(pause) if pause.reason == reason => pause.tries + 1,
            // Keys that worked a moment ago were perhaps replaced by others, which a client reads once.
            Some(_) | None => u32::from(reason != Reason::Blocked || !self.is_proven),
        };
        self.is_proven = false;
        let grown = match reason {
            Reason::Blocked if kinesis::may_be_the_records(fault) => tries.saturating_sub(QUICK_TRIES),
            Reason::Blocked | Reason::Offline => tries,
        };
        let until = match (tries, grown) {
            (0, _) => now,
            (_, 0) => now + QUICK_PAUSE,
            (_, grown) => now + delay_after(wait, grown, dice),
        };
        self.pause = Some(Pause { reason, fault: fault.clone(), since: now, tries, until });
    }

    /// Settings changed, or the user wants to know: what was learned no longer counts.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Try now, without forgetting why there was a pause.
    pub(super) fn hurry(&mut self, now: Instant) {
        if let Some(pause) = &mut self.pause {
            pause.until = now;
        }
    }

    pub(super) fn pause(&self) -> Option<&Pause> {
        self.pause.as_ref()
    }

    /// The pause, once it is more than a second look.
    pub(super) fn known_pause(&self) -> Option<&Pause> {
        self.pause.as_ref().filter(|pause| pause.tries > 0)
    }

    /// How many puts may be in flight: in a pause one, once it is due.
    pub(super) fn puts_max(&self, now: Instant, puts_max: usize) -> usize {
        match &self.pause {
            None => puts_max,
            Some(pause) if pause.until <= now => 1,
            Some(_) => 0,
        }
    }

    /// The stream pushed back a moment ago.
    pub(super) fn throttled(&self, now: Instant) -> Option<&AwsError> {
        self.throttled.as_ref().filter(|(at, _)| now < *at + THROTTLED_FOR).map(|(_, fault)| fault)
    }

    /// When what is said above changes by itself.
    pub(super) fn changes_at(&self, now: Instant) -> Option<Instant> {
        let pause = self.pause.as_ref().map(|pause| pause.until);
        let calm = self.throttled.as_ref().map(|(at, _)| *at + THROTTLED_FOR);
        [pause, calm].into_iter().flatten().filter(|at| *at > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Receipt;

    fn fault(code: &str) -> AwsError {
        AwsError::new(code, "")
    }

    fn delivered() -> Outcome {
        Outcome::Delivered(Receipt {
            shard_id: "shardId-000000000000".into(),
            sequence_number: "1".into(),
            place: None,
        })
    }

    #[test]
    fn the_first_blocked_put_stops_all_and_a_delivery_starts_all() {
        let now = Instant::now();
        let mut weather = Weather::default();
        weather.learn(&[Outcome::Blocked(fault("AccessDeniedException"))], now, now, 0.0);
        assert_eq!(weather.puts_max(now, 64), 0);
        assert_eq!(weather.puts_max(now + Duration::from_secs(1), 64), 1, "one put tries");
        weather.learn(&[delivered()], now, now, 0.0);
        assert_eq!(weather.puts_max(now, 64), 64);
    }

    #[test]
    fn puts_that_were_in_flight_together_count_as_one_try() {
        let now = Instant::now();
        let later = now + Duration::from_millis(5);
        let mut weather = Weather::default();
        let blocked = [Outcome::Blocked(fault("ExpiredTokenException"))];
        for _ in 0..64 {
            weather.learn(&blocked, now, later, 0.0);
        }
        assert_eq!(weather.pause().expect("a pause").until, later + Duration::from_secs(1));
        weather.learn(&blocked, later + Duration::from_secs(1), later + Duration::from_secs(1), 0.0);
        assert_eq!(weather.pause().expect("a pause").until, later + Duration::from_secs(3), "then it grows");
    }

    #[test]
    fn keys_that_have_worked_are_read_anew_at_once_before_anybody_is_told() {
        let now = Instant::now();
        let mut weather = Weather::default();
        let blocked = [Outcome::Blocked(fault("UnrecognizedClientException"))];
        weather.learn(&[delivered()], now, now, 0.0);
        weather.learn(&blocked, now, now, 0.0);
        assert!(weather.known_pause().is_none());
        assert_eq!(weather.puts_max(now, 64), 1, "one put tries at once");
        weather.learn(&blocked, now, now, 0.0);
        assert_eq!(weather.known_pause().expect("a pause").until, now + Duration::from_secs(1));
        assert_eq!(weather.puts_max(now, 64), 0);
    }

    #[test]
    fn keys_are_tried_quickly_where_one_record_may_be_at_fault_and_then_the_pauses_grow() {
        let now = Instant::now();
        let mut weather = Weather::default();
        let pauses: Vec<_> = (0..11)
            .map(|_| {
                weather.learn(&[Outcome::Blocked(fault("SerializationException"))], now, now, 0.0);
                weather.known_pause().expect("a pause").until - now
            })
            .collect();
        assert!(pauses[..8].iter().all(|pause| *pause == QUICK_PAUSE), "{pauses:?}");
        assert_eq!(pauses[8..], [1, 2, 4].map(Duration::from_secs));
    }

    #[test]
    fn try_now_ends_the_wait_and_not_the_growth_and_new_settings_end_both() {
        let now = Instant::now();
        let mut weather = Weather::default();
        let blocked = [Outcome::Blocked(fault("AccessDeniedException"))];
        for tries in 0..10 {
            weather.learn(&blocked, now, now, 0.0);
            let wait = Duration::from_secs(60.min(1 << tries));
            assert_eq!(weather.known_pause().expect("a pause").until, now + wait);
            assert_eq!(weather.puts_max(now, 64), 0);
            weather.hurry(now);
            assert_eq!(weather.puts_max(now, 64), 1);
        }
        weather.forget();
        assert_eq!(weather.puts_max(now, 64), 64);
    }

    #[test]
    fn one_lost_answer_is_no_outage_and_four_in_a_row_are() {
        let now = Instant::now();
        let mut weather = Weather::default();
        weather.learn(&[delivered()], now, now, 0.0);
        for _ in 0..3 {
            weather.learn(&[Outcome::Offline(fault("NoAnswer"))], now, now, 0.0);
            assert!(weather.pause().is_none());
        }
        weather.learn(&[Outcome::Offline(fault("NoAnswer"))], now, now, 0.0);
        assert_eq!(weather.pause().expect("a pause").reason, Reason::Offline);
    }

    #[test]
    fn a_destination_that_never_answered_is_away_after_one_put_also_after_new_settings() {
        let now = Instant::now();
        let mut weather = Weather::default();
        for _ in 0..2 {
            weather.learn(&[Outcome::Offline(fault("ConnectionFailed"))], now, now, 0.0);
            let pause = weather.known_pause().expect("a pause");
            assert_eq!((pause.reason, pause.until), (Reason::Offline, now + Duration::from_millis(250)));
            assert_eq!((weather.puts_max(now, 64), weather.puts_max(pause.until, 64)), (0, 1));
            weather.learn(&[delivered()], now, now, 0.0);
            assert!(weather.pause().is_none());
            weather.forget();
        }
    }

    #[test]
    fn a_throttled_stream_is_slow_not_away() {
        let now = Instant::now();
        let mut weather = Weather::default();
        weather.learn(&[Outcome::Throttled(fault("ProvisionedThroughputExceededException"))], now, now, 0.0);
        assert!(weather.pause().is_none());
        assert!(weather.throttled(now).is_some());
        assert_eq!(weather.changes_at(now), Some(now + THROTTLED_FOR));
        assert!(weather.throttled(now + THROTTLED_FOR).is_none());
    }
}

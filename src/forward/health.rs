//! The health of the destination as a whole, learned from the outcomes of puts: whether to put at all. Pure: time is passed
//! in.

use std::time::{Duration, Instant};

use super::backoff::{Backoff, delay_after};
use crate::{
    delivery::{AwsError, Outcome},
    kinesis,
};

/// Number of puts in a row without a usable answer after which a destination that answered before is offline. A destination
/// that never answered with the settings in force is offline after the first.
const MISSES_BEFORE_OFFLINE: u32 = 4;

/// Number of quick tries, each with another key, before the pauses grow, if one record may be at fault for a refusal.
const QUICK_TRIES: u32 = 8;
const QUICK_PAUSE: Duration = Duration::from_millis(100);

/// How long the forwarder is called throttled after the last throttled record.
const THROTTLED_FOR: Duration = Duration::from_secs(2);

/// Why everything waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PauseReason {
    Blocked,
    Offline,
}

/// Everything waits, and one put at a time tries.
#[derive(Clone, Debug)]
pub(super) struct Pause {
    pub(super) reason: PauseReason,
    pub(super) error: AwsError,
    /// Puts that started before say nothing new.
    since: Instant,
    /// Failed tries in a row. 0: a second try, at once and with the keys read again, before the user is told.
    tries: u32,
    pub(super) until: Instant,
}

/// What is known about the destination.
#[derive(Clone, Debug, Default)]
pub(super) struct DestinationHealth {
    pause: Option<Pause>,
    /// The AWS keys in use have worked.
    keys_have_worked: bool,
    /// The destination has taken, refused or throttled a record.
    has_answered: bool,
    misses: u32,
    throttled: Option<(Instant, AwsError)>,
}

impl DestinationHealth {
    /// Learns from the outcomes of one put. `jitter` is from 0 to 1.
    pub(super) fn learn(&mut self, outcomes: &[Outcome], started: Instant, now: Instant, jitter: f64) {
        let answered = |outcome: &Outcome| matches!(outcome, Outcome::Delivered(_) | Outcome::Refused(_));
        if let Some(Outcome::Throttled(error)) =
            outcomes.iter().find(|one| matches!(one, Outcome::Throttled(_)))
        {
            self.throttled = Some((now, error.clone()));
        }
        if outcomes.iter().any(|one| answered(one) || matches!(one, Outcome::Throttled(_))) {
            self.misses = 0;
            self.pause = None;
            self.keys_have_worked = true;
            self.has_answered = true;
            return;
        }
        if self.pause.as_ref().is_some_and(|pause| started < pause.since) {
            return;
        }
        let blocked = outcomes.iter().find(|one| matches!(one, Outcome::Blocked(_)));
        let (reason, backoff, outcome) = match (blocked, outcomes.first()) {
            (Some(outcome), _) => (PauseReason::Blocked, Backoff::Blocked, outcome),
            (None, Some(outcome)) => {
                self.misses += 1;
                if self.has_answered && self.misses < MISSES_BEFORE_OFFLINE && self.pause.is_none() {
                    return;
                }
                (PauseReason::Offline, Backoff::Offline, outcome)
            }
            (None, None) => return,
        };
        let Some(error) = outcome.fault() else { return };
        let tries = match &self.pause {
            Some(pause) if pause.reason == reason => pause.tries + 1,
            // Keys that worked a moment ago may have been replaced: a client reads them once.
            Some(_) | None => u32::from(reason != PauseReason::Blocked || !self.keys_have_worked),
        };
        self.keys_have_worked = false;
        let grown = match reason {
            PauseReason::Blocked if kinesis::may_be_the_records(error) => tries.saturating_sub(QUICK_TRIES),
            PauseReason::Blocked | PauseReason::Offline => tries,
        };
        let until = match (tries, grown) {
            (0, _) => now,
            (_, 0) => now + QUICK_PAUSE,
            (_, grown) => now + delay_after(backoff, grown, jitter),
        };
        self.pause = Some(Pause { reason, error: error.clone(), since: now, tries, until });
    }

    /// Makes the next try of a pause due now. If it fails, the pauses grow on.
    pub(super) fn end_wait(&mut self, now: Instant) {
        if let Some(pause) = &mut self.pause {
            pause.until = now;
        }
    }

    pub(super) fn pause(&self) -> Option<&Pause> {
        self.pause.as_ref()
    }

    /// The pause, once the second try has failed too.
    pub(super) fn known_pause(&self) -> Option<&Pause> {
        self.pause.as_ref().filter(|pause| pause.tries > 0)
    }

    /// How many puts may be in flight; during a pause one, when it is due.
    pub(super) fn puts_max(&self, now: Instant, puts_max: usize) -> usize {
        match &self.pause {
            None => puts_max,
            Some(pause) if pause.until <= now => 1,
            Some(_) => 0,
        }
    }

    /// The error of a record that was throttled a moment ago.
    pub(super) fn throttled(&self, now: Instant) -> Option<&AwsError> {
        self.throttled.as_ref().filter(|(at, _)| now < *at + THROTTLED_FOR).map(|(_, error)| error)
    }

    /// When an answer of the methods above changes by itself.
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

    fn error(code: &str) -> AwsError {
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
        let mut health = DestinationHealth::default();
        health.learn(&[Outcome::Blocked(error("AccessDeniedException"))], now, now, 0.0);
        assert_eq!(health.puts_max(now, 64), 0);
        assert_eq!(health.puts_max(now + Duration::from_secs(1), 64), 1, "one put tries");
        health.learn(&[delivered()], now, now, 0.0);
        assert_eq!(health.puts_max(now, 64), 64);
    }

    #[test]
    fn puts_that_were_in_flight_together_count_as_one_try() {
        let now = Instant::now();
        let later = now + Duration::from_millis(5);
        let mut health = DestinationHealth::default();
        let blocked = [Outcome::Blocked(error("ExpiredTokenException"))];
        for _ in 0..64 {
            health.learn(&blocked, now, later, 0.0);
        }
        assert_eq!(health.pause().expect("a pause").until, later + Duration::from_secs(1));
        health.learn(&blocked, later + Duration::from_secs(1), later + Duration::from_secs(1), 0.0);
        assert_eq!(health.pause().expect("a pause").until, later + Duration::from_secs(3), "then it grows");
    }

    #[test]
    fn keys_that_have_worked_are_read_again_at_once_before_the_user_is_told() {
        let now = Instant::now();
        let mut health = DestinationHealth::default();
        let blocked = [Outcome::Blocked(error("UnrecognizedClientException"))];
        health.learn(&[delivered()], now, now, 0.0);
        health.learn(&blocked, now, now, 0.0);
        assert!(health.known_pause().is_none());
        assert_eq!(health.puts_max(now, 64), 1, "one put tries at once");
        health.learn(&blocked, now, now, 0.0);
        assert_eq!(health.known_pause().expect("a pause").until, now + Duration::from_secs(1));
        assert_eq!(health.puts_max(now, 64), 0);
    }

    #[test]
    fn keys_are_tried_quickly_where_one_record_may_be_at_fault_and_then_the_pauses_grow() {
        let now = Instant::now();
        let mut health = DestinationHealth::default();
        let pauses: Vec<_> = (0..11)
            .map(|_| {
                health.learn(&[Outcome::Blocked(error("SerializationException"))], now, now, 0.0);
                health.known_pause().expect("a pause").until - now
            })
            .collect();
        assert!(pauses[..8].iter().all(|pause| *pause == QUICK_PAUSE), "{pauses:?}");
        assert_eq!(pauses[8..], [1, 2, 4].map(Duration::from_secs));
    }

    #[test]
    fn try_now_ends_the_wait_and_not_the_growth_and_new_settings_end_both() {
        let now = Instant::now();
        let mut health = DestinationHealth::default();
        let blocked = [Outcome::Blocked(error("AccessDeniedException"))];
        for tries in 0..10 {
            health.learn(&blocked, now, now, 0.0);
            let wait = Duration::from_secs(60.min(1 << tries));
            assert_eq!(health.known_pause().expect("a pause").until, now + wait);
            assert_eq!(health.puts_max(now, 64), 0);
            health.end_wait(now);
            assert_eq!(health.puts_max(now, 64), 1);
        }
        health = DestinationHealth::default();
        assert_eq!(health.puts_max(now, 64), 64);
    }

    #[test]
    fn one_lost_answer_is_no_outage_and_four_in_a_row_are() {
        let now = Instant::now();
        let mut health = DestinationHealth::default();
        health.learn(&[delivered()], now, now, 0.0);
        for _ in 0..3 {
            health.learn(&[Outcome::Offline(error("NoAnswer"))], now, now, 0.0);
            assert!(health.pause().is_none());
        }
        health.learn(&[Outcome::Offline(error("NoAnswer"))], now, now, 0.0);
        assert_eq!(health.pause().expect("a pause").reason, PauseReason::Offline);
    }

    #[test]
    fn a_destination_that_never_answered_is_offline_after_one_put_also_after_new_settings() {
        let now = Instant::now();
        let mut health = DestinationHealth::default();
        for _ in 0..2 {
            health.learn(&[Outcome::Offline(error("ConnectionFailed"))], now, now, 0.0);
            let pause = health.known_pause().expect("a pause");
            assert_eq!((pause.reason, pause.until), (PauseReason::Offline, now + Duration::from_millis(250)));
            assert_eq!((health.puts_max(now, 64), health.puts_max(pause.until, 64)), (0, 1));
            health.learn(&[delivered()], now, now, 0.0);
            assert!(health.pause().is_none());
            health = DestinationHealth::default();
        }
    }

    #[test]
    fn a_throttled_stream_is_not_offline() {
        let now = Instant::now();
        let mut health = DestinationHealth::default();
        health.learn(&[Outcome::Throttled(error("ProvisionedThroughputExceededException"))], now, now, 0.0);
        assert!(health.pause().is_none());
        assert!(health.throttled(now).is_some());
        assert_eq!(health.changes_at(now), Some(now + THROTTLED_FOR));
        assert!(health.throttled(now + THROTTLED_FOR).is_none());
    }
}

//! How long an answer is waited for: a stream that is slow, but answers, must not be given up on each time, since what
//! it stored would be put again. Pure.
//!
//! The time doubles with each put that has no answer, up to [`ANSWER_MAX`], and goes back when answers come quickly
//! again.

use std::time::Duration;

use crate::{
    delivery::{AwsError, Outcome, Slowness},
    kinesis::ANSWER_TIMEOUT,
};

/// Longer is no answer at all.
const ANSWER_MAX: Duration = Duration::from_mins(1);

/// From here on, the stream is called slow.
const SLOW: Duration = Duration::from_secs(5);

/// So many answers in a row that come in less than a quarter of the time make it shorter.
const QUICK_ANSWERS: u32 = 100;

#[derive(Clone, Debug)]
pub(super) struct Patience {
    answer: Duration,
    quick: u32,
    /// The last answer that took long.
    slow: Option<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Self { answer: ANSWER_TIMEOUT, quick: 0, slow: None }
    }
}

impl Patience {
    /// How long an answer is waited for.
    pub(super) fn answer(&self) -> Duration {
        self.answer
    }

    /// Takes in a put that came back after `took` and had waited for up to `waited`; true: the time is another one now.
    pub(super) fn learn(&mut self, outcomes: &[Outcome], took: Duration, waited: Duration) -> bool {
        let before = self.answer;
        let is_late = |fault: &AwsError| &*fault.code == "NoAnswer";
        if outcomes.iter().filter_map(Outcome::fault).any(is_late) {
            self.quick = 0;
            // Puts that were in flight together say it once.
            if waited >= self.answer && took >= waited {
                self.answer = (self.answer * 2).min(ANSWER_MAX);
            }
        } else if outcomes.iter().any(|one| matches!(one, Outcome::Delivered(_))) {
            self.slow = (took >= SLOW).then_some(took);
            self.quick = if took * 4 < self.answer { self.quick + 1 } else { 0 };
            if self.quick >= QUICK_ANSWERS {
                self.quick = 0;
                self.answer = (self.answer / 2).max(ANSWER_TIMEOUT);
            }
        }
        self.answer != before
    }

    /// What to tell the user; answers that took about as long are no news.
    pub(super) fn slowness(&self) -> Option<Slowness> {
        let answer = self.slow.map(|took| Duration::from_secs(took.as_secs()))?;
        Some(Slowness { answer, waits: self.answer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Receipt;

    fn delivered() -> [Outcome; 1] {
        let receipt =
            Receipt { shard_id: "shardId-000000000000".into(), sequence_number: "1".into(), place: None };
        [Outcome::Delivered(receipt)]
    }

    fn late() -> [Outcome; 1] {
        [Outcome::Offline(AwsError::new("NoAnswer", ""))]
    }

    #[test]
    fn the_time_doubles_up_to_a_minute_while_no_answer_comes_and_shrinks_when_they_are_quick() {
        let mut patience = Patience::default();
        for seconds in [20, 40, 60, 60] {
            let waited = patience.answer();
            patience.learn(&late(), waited, waited);
            assert_eq!(patience.answer(), Duration::from_secs(seconds));
        }
        assert!(
            !patience.learn(&late(), Duration::from_secs(10), Duration::from_secs(10)),
            "it was put before"
        );
        for _ in 0..1000 {
            patience.learn(&delivered(), Duration::from_millis(20), patience.answer());
        }
        assert_eq!(patience.answer(), ANSWER_TIMEOUT);
    }

    #[test]
    fn a_stream_that_answers_late_is_called_slow_until_it_is_not() {
        let mut patience = Patience::default();
        assert_eq!(patience.slowness(), None);
        patience.learn(&delivered(), Duration::from_millis(12_345), Duration::from_secs(20));
        assert_eq!(patience.slowness().map(|slow| slow.answer), Some(Duration::from_secs(12)));
        patience.learn(&delivered(), Duration::from_millis(50), Duration::from_secs(20));
        assert_eq!(patience.slowness(), None);
    }

    #[test]
    fn a_connection_that_breaks_is_no_reason_to_wait_longer() {
        let mut patience = Patience::default();
        let lost = [Outcome::Offline(AwsError::new("ConnectionLost", ""))];
        assert!(!patience.learn(&lost, Duration::from_mins(1), ANSWER_TIMEOUT));
    }
}

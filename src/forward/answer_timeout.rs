//! How long a put waits for its answer. If the time were too short for a slow stream, it would store the same records again
//! and again. Pure.
//!
//! The timeout doubles with each put that has no answer, up to [`ANSWER_MAX`], and halves when answers are quick again.

use std::time::Duration;

use crate::{
    delivery::{AwsError, Outcome, Slowness, error_code},
    kinesis::ANSWER_TIMEOUT,
};

/// Maximum timeout.
const ANSWER_MAX: Duration = Duration::from_mins(1);

/// The user is told of answers that take this long.
const SLOW: Duration = Duration::from_secs(5);

/// Number of answers in a row, each in less than a quarter of the timeout, that halve it.
const QUICK_ANSWERS: u32 = 100;

#[derive(Clone, Debug)]
pub(super) struct AnswerTimeout {
    timeout: Duration,
    /// Quick answers in a row.
    quick: u32,
    /// How long the last answer took, if it was slow.
    slow: Option<Duration>,
}

impl Default for AnswerTimeout {
    fn default() -> Self {
        Self { timeout: ANSWER_TIMEOUT, quick: 0, slow: None }
    }
}

impl AnswerTimeout {
    pub(super) fn get(&self) -> Duration {
        self.timeout
    }

    /// Learns from a put that took `took` with the timeout `timeout`. Returns whether the timeout has changed.
    pub(super) fn learn(&mut self, outcomes: &[Outcome], took: Duration, timeout: Duration) -> bool {
        let before = self.timeout;
        let is_late = |error: &AwsError| &*error.code == error_code::NO_ANSWER;
        if outcomes.iter().filter_map(Outcome::fault).any(is_late) {
            self.quick = 0;
            // Puts that were in flight together count once.
            if timeout >= self.timeout && took >= timeout {
                self.timeout = (self.timeout * 2).min(ANSWER_MAX);
            }
        } else if outcomes.iter().any(|one| matches!(one, Outcome::Delivered(_))) {
            self.slow = (took >= SLOW).then_some(took);
            self.quick = if took * 4 < self.timeout { self.quick + 1 } else { 0 };
            if self.quick >= QUICK_ANSWERS {
                self.quick = 0;
                self.timeout = (self.timeout / 2).max(ANSWER_TIMEOUT);
            }
        }
        self.timeout != before
    }

    /// What the user is told, in whole seconds, so that small differences are no change.
    pub(super) fn slowness(&self) -> Option<Slowness> {
        let answer = self.slow.map(|took| Duration::from_secs(took.as_secs()))?;
        Some(Slowness { answer, waits: self.timeout })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Receipt;

    fn delivered() -> [Outcome; 1] {
        let receipt = Receipt { shard_id: "shardId-0".into(), sequence_number: "1".into(), place: None };
        [Outcome::Delivered(receipt)]
    }

    fn late() -> [Outcome; 1] {
        [Outcome::Offline(AwsError::new(error_code::NO_ANSWER, ""))]
    }

    #[test]
    fn the_time_doubles_up_to_a_minute_while_no_answer_comes_and_shrinks_when_they_are_quick() {
        let mut timeout = AnswerTimeout::default();
        for seconds in [20, 40, 60, 60] {
            let current = timeout.get();
            timeout.learn(&late(), current, current);
            assert_eq!(timeout.get(), Duration::from_secs(seconds));
        }
        let before = Duration::from_secs(10);
        assert!(!timeout.learn(&late(), before, before), "it was put before the change");
        for _ in 0..1000 {
            timeout.learn(&delivered(), Duration::from_millis(20), timeout.get());
        }
        assert_eq!(timeout.get(), ANSWER_TIMEOUT);
    }

    #[test]
    fn a_stream_that_answers_late_is_called_slow_until_it_is_not() {
        let mut timeout = AnswerTimeout::default();
        assert_eq!(timeout.slowness(), None);
        timeout.learn(&delivered(), Duration::from_millis(12_345), Duration::from_secs(20));
        assert_eq!(timeout.slowness().map(|slow| slow.answer), Some(Duration::from_secs(12)));
        timeout.learn(&delivered(), Duration::from_millis(50), Duration::from_secs(20));
        assert_eq!(timeout.slowness(), None);
    }

    #[test]
    fn a_connection_that_breaks_is_no_reason_to_wait_longer() {
        let mut timeout = AnswerTimeout::default();
        let lost = [Outcome::Offline(AwsError::new("ConnectionLost", ""))];
        assert!(!timeout.learn(&lost, Duration::from_mins(1), ANSWER_TIMEOUT));
    }
}

//! How long to wait after a number of misses (puts without success): doubled with each, capped, jittered. Pure: the jitter is
//! passed in.

use std::time::Duration;

/// Why there is a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backoff {
    /// The stream throttled one key. Short: a shard's limits are per second.
    Throttled,
    /// One key or all had no usable answer.
    Offline,
    /// All wait until the user acts. One put tries now and then: the cause may be mended outside of this program.
    Blocked,
}

impl Backoff {
    fn first(self) -> Duration {
        match self {
            Self::Throttled => Duration::from_millis(100),
            Self::Offline => Duration::from_millis(250),
            Self::Blocked => Duration::from_secs(1),
        }
    }

    fn cap(self) -> Duration {
        match self {
            Self::Throttled => Duration::from_secs(5),
            Self::Offline => Duration::from_secs(30),
            Self::Blocked => Duration::from_mins(1),
        }
    }
}

/// The wait after `misses` in a row (1 after the first). `jitter`, from 0 to 1, takes off up to half, so that many keys or
/// hosts that missed together do not come back together.
pub(super) fn delay_after(backoff: Backoff, misses: u32, jitter: f64) -> Duration {
    let doublings = misses.saturating_sub(1).min(16);
    let full = backoff.first().saturating_mul(1 << doublings).min(backoff.cap());
    full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_cap_and_jitter_takes_off_at_most_half() {
        for backoff in [Backoff::Throttled, Backoff::Offline, Backoff::Blocked] {
            let mut before = Duration::ZERO;
            for misses in 1..40 {
                let full = delay_after(backoff, misses, 0.0);
                assert!(full >= before && full <= backoff.cap(), "{backoff:?} {misses}");
                assert_eq!(delay_after(backoff, misses, 1.0), full / 2);
                before = full;
            }
            assert_eq!(delay_after(backoff, 1, 0.0), backoff.first());
            assert_eq!(delay_after(backoff, 2, 0.0), backoff.first() * 2);
            assert_eq!(delay_after(backoff, u32::MAX, 0.0), backoff.cap());
        }
    }
}

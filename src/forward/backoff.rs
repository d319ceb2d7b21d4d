//! How long to wait after the n-th miss: doubling, capped, jittered. Pure; the dice are passed in.

use std::time::Duration;

/// Why there is a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// One key, because the stream pushes back. Short: a shard's limits are per second.
    Throttled,
    /// One key or all, because there was no usable answer.
    Offline,
    /// All, until the user acts; still tried now and then, in case it was fixed elsewhere.
    Blocked,
}

impl Wait {
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

/// The wait after `misses` (1 for the first) in a row. `dice` in 0..1 takes off up to half, so that many keys or
/// hosts that missed together do not come back together.
pub(super) fn delay_after(wait: Wait, misses: u32, dice: f64) -> Duration {
    let doublings = misses.saturating_sub(1).min(16);
    let full = wait.first().saturating_mul(1 << doublings).min(wait.cap());
    full.mul_f64(1.0 - dice.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_cap_and_jitter_takes_off_at_most_half() {
        for wait in [Wait::Throttled, Wait::Offline, Wait::Blocked] {
            let mut before = Duration::ZERO;
            for misses in 1..40 {
                let full = delay_after(wait, misses, 0.0);
                assert!(full >= before && full <= wait.cap(), "{wait:?} {misses}");
                assert_eq!(delay_after(wait, misses, 1.0), full / 2);
                before = full;
            }
            assert_eq!(delay_after(wait, 1, 0.0), wait.first());
            assert_eq!(delay_after(wait, 2, 0.0), wait.first() * 2);
            assert_eq!(delay_after(wait, u32::MAX, 0.0), wait.cap());
        }
    }
}

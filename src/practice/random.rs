//! Chance for the fault switches and ids of requests: `SplitMix64`, seeded by the system. Nothing here is a secret.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(super) struct Random(AtomicU64);

impl Random {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(super) fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// True for that share of calls: never at 0, always at 1.
    pub(super) fn chance(&self, share: f32) -> bool {
        share > 0.0 && ((self.next() >> 11) as f64 / (1_u64 << 53) as f64) < f64::from(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_kept_and_its_ends_are_certain() {
        let random = Random::seeded(7);
        let hits = |share| (0..10_000).filter(|_| random.chance(share)).count();
        assert_eq!((hits(0.0), hits(-1.0), hits(f32::NAN), hits(1.0), hits(9.0)), (0, 0, 0, 10_000, 10_000));
        assert!((2_300..2_700).contains(&hits(0.25)));
    }
}

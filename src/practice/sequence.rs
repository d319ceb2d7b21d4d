//! Sequence numbers that look like AWS's: 56 decimal digits that rise within a shard.
//!
//! The layout of the 188 bits is the one that kinesalite read off real streams (its "version 2"): a leading 2, the second
//! in which the shard was made, the low four bits of the shard, the record's index in its shard, the second of arrival,
//! the shard, and the version. A consumer must treat the number as opaque.

use std::fmt;

/// 10^19: the most decimal digits that fit one limb.
const CHUNK: u128 = 10_000_000_000_000_000_000;
const DIGITS: usize = 56;
const VERSION: u64 = 2;
const SECONDS_MAX: u64 = (1 << 36) - 1;

/// Where a record is: the second in which its shard was made (which no other stream of the server has), its shard, its
/// index in the shard (counted from 1), and the second of its arrival.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sequence {
    pub(super) created_s: u64,
    pub(super) shard: u32,
    pub(super) index: u64,
    pub(super) time_s: u64,
}

impl Sequence {
    /// `None`: the number has another layout.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut limbs = [0_u64; 3];
        for chunk in [&text[..18], &text[18..37], &text[37..]] {
            let mut carry = u128::from(chunk.parse::<u64>().ok()?);
            for limb in limbs.iter_mut().rev() {
                let sum = u128::from(*limb) * CHUNK + carry;
                *limb = low_half(sum);
                carry = sum >> 64;
            }
        }
        let sequence = Self {
            created_s: limbs[0] >> 20 & SECONDS_MAX,
            shard: low_quarter(limbs[2] >> 4),
            index: limbs[0] << 48 | limbs[1] >> 16,
            time_s: (limbs[1] & 0xff) << 28 | limbs[2] >> 36,
        };
        // A number that differs when it is written again (the leading 2, the four bits, the version) is not ours.
        (sequence.limbs() == limbs).then_some(sequence)
    }

    fn limbs(self) -> [u64; 3] {
        let (created, time) = (self.created_s & SECONDS_MAX, self.time_s & SECONDS_MAX);
        [
            2 << 56 | created << 20 | u64::from(self.shard & 0xf) << 16 | self.index >> 48,
            self.index << 16 | time >> 28,
            time << 36 | u64::from(self.shard) << 4 | VERSION,
        ]
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limbs = self.limbs();
        let low = split_chunk(&mut limbs);
        let middle = split_chunk(&mut limbs);
        // 2^188 / 10^38 is below 2^64: the rest is the last limb.
        write!(out, "{}{middle:019}{low:019}", limbs[2])
    }
}

/// Divides by 10^19 in place and returns the remainder.
fn split_chunk(limbs: &mut [u64; 3]) -> u64 {
    let mut rest = 0_u128;
    for limb in limbs {
        let part = rest << 64 | u128::from(*limb);
        *limb = low_half(part / CHUNK);
        rest = part % CHUNK;
    }
    low_half(rest)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
fn low_half(wide: u128) -> u64 {
    wide as u64
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
fn low_quarter(wide: u64) -> u32 {
    wide as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sequence(index: u64, time_s: u64) -> Sequence {
        Sequence { created_s: 1_795_000_000, shard: 3, index, time_s }
    }

    #[test]
    fn a_number_has_fifty_six_digits_and_begins_as_aws_numbers_do() {
        let text = sequence(1, 1_795_000_001).to_string();
        assert_eq!(text.len(), 56);
        assert!(text.starts_with("49"), "{text}");
    }

    /// The number that kinesalite 3.3.3 gives for these parts (`db.stringifySequence`).
    #[test]
    fn the_layout_is_the_one_kinesalite_reads() {
        let ours = Sequence { created_s: 1_421_000_000, shard: 17, index: 258, time_s: 1_421_000_123 };
        assert_eq!(ours.to_string(), "49546887050564536460411591582910265700383230230983082258");
    }

    #[test]
    fn what_is_not_a_sequence_number_is_refused() {
        let good = sequence(7, 1_795_000_001).to_string();
        let off_by_one = format!("{}3", &good[..55]);
        for text in
            ["", "0", "123", &"9".repeat(56), &"1".repeat(56), &format!("{good}0"), &good[1..], &off_by_one]
        {
            assert!(good == text || Sequence::parse(text).is_none(), "{text}");
        }
        assert!(Sequence::parse(&good).is_some());
    }

    proptest! {
        #[test]
        fn a_number_reads_back_and_rises_with_the_index(
            created_s in 1_000_000_000_u64..=SECONDS_MAX,
            shard in 0..u32::MAX,
            index in 0..u64::MAX,
            time_s in 0..=SECONDS_MAX,
            later in 0..=SECONDS_MAX,
        ) {
            let first = Sequence { created_s, shard, index, time_s };
            let next = Sequence { index: index + 1, time_s: later, ..first };
            prop_assert_eq!(Sequence::parse(&first.to_string()), Some(first));
            prop_assert!(first.to_string() < next.to_string());
        }
    }
}

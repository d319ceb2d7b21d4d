//! The hash of a partition key, the ranges of a new stream's shards, and how fast a shard takes and gives records.
//!
//! A partition key's MD5 is a 128-bit number, and each open shard owns a range of these numbers (API reference,
//! `PutRecord`). The shards of a new stream have equal ranges; splits and merges change them (`stream.rs`). The rates are
//! AWS's quotas of one shard: 1,000 records and 1 MiB a second in, 5 calls and 2 MiB a second out.

use md5::{Digest, Md5};
use serde_json::{Value, json};

/// Maximum open shards of all streams together: AWS's quota for a small account, and a limit of our memory.
pub const SHARDS_MAX: u32 = 500;
/// Quota of one shard: records a second.
pub(super) const RECORDS_PER_SECOND: f64 = 1000.0;
/// Quota of one shard: bytes (data and keys) a second.
pub(super) const BYTES_PER_SECOND: f64 = 1_048_576.0;

/// Quota of one shard: `GetRecords` calls a second.
const READS_PER_SECOND: f64 = 5.0;
/// Quota of one shard: bytes (data and keys) read a second.
const BYTES_READ_PER_SECOND: f64 = 2_097_152.0;

/// The hash of a partition key.
pub(super) fn hash_of(key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(key.as_bytes()).into())
}

/// First and last hash of a shard of a new stream. The last shard also owns the remainder of an uneven division.
pub(super) fn range(shard: u32, shards: u32) -> (u128, u128) {
    if shards < 2 {
        return (0, u128::MAX);
    }
    let start = width(shards) * u128::from(shard);
    (start, if shard + 1 == shards { u128::MAX } else { start + width(shards) - 1 })
}

/// 2^128 / `shards`, rounded down.
fn width(shards: u32) -> u128 {
    let shards = u128::from(shards);
    u128::MAX / shards + u128::from(u128::MAX % shards == shards - 1)
}

pub(super) fn id_of(shard: u32) -> String {
    format!("shardId-{shard:012}")
}

/// A `HashKeyRange`.
pub(super) fn range_json((start, end): (u128, u128)) -> Value {
    json!({ "StartingHashKey": start.to_string(), "EndingHashKey": end.to_string() })
}

/// The number in a shard id. `None`: the text does not have the form of a shard id.
pub(super) fn parse_id(id: &str) -> Option<u32> {
    let digits = id.strip_prefix("shardId-")?;
    (digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// A token bucket that holds one second's quota.
#[derive(Clone, Debug)]
struct Bucket {
    quota: f64,
    left: f64,
    at_ms: u64,
}

impl Bucket {
    fn full(quota: f64, now_ms: u64) -> Self {
        Self { quota, left: quota, at_ms: now_ms }
    }

    /// What is left now.
    fn left(&mut self, now_ms: u64) -> f64 {
        let seconds = now_ms.saturating_sub(self.at_ms) as f64 / 1000.0;
        self.at_ms = self.at_ms.max(now_ms);
        self.left = self.quota.min(self.left + seconds * self.quota);
        self.left
    }
}

/// What a shard may still take.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    records: Bucket,
    bytes: Bucket,
}

impl Rate {
    pub(super) fn full(now_ms: u64) -> Self {
        let [records, bytes] =
            [RECORDS_PER_SECOND, BYTES_PER_SECOND].map(|quota| Bucket::full(quota, now_ms));
        Self { records, bytes }
    }

    /// Whether the shard takes a record of `bytes` now, which then counts.
    ///
    /// A record above one second's quota passes when the bucket is full and leaves a debt, as AWS's burst capacity lets
    /// large records pass.
    pub(super) fn take(&mut self, bytes: usize, now_ms: u64) -> bool {
        let bytes = bytes as f64;
        let fits = self.records.left(now_ms) >= 1.0 && self.bytes.left(now_ms) >= bytes.min(BYTES_PER_SECOND);
        if fits {
            self.records.left -= 1.0;
            self.bytes.left -= bytes;
        }
        fits
    }
}

/// A shard that has rested.
impl Default for Rate {
    fn default() -> Self {
        Self::full(0)
    }
}

/// What may still be read from a shard.
#[derive(Clone, Debug)]
pub(super) struct ReadRate {
    calls: Bucket,
    bytes: Bucket,
}

impl ReadRate {
    pub(super) fn full(now_ms: u64) -> Self {
        let [calls, bytes] =
            [READS_PER_SECOND, BYTES_READ_PER_SECOND].map(|quota| Bucket::full(quota, now_ms));
        Self { calls, bytes }
    }

    /// Whether the shard may be read now; the call then counts. After an answer of 10 MiB the next calls are refused for
    /// some seconds, as on AWS.
    pub(super) fn take_call(&mut self, now_ms: u64) -> bool {
        let fits = self.calls.left(now_ms) >= 1.0 && self.bytes.left(now_ms) > 0.0;
        if fits {
            self.calls.left -= 1.0;
        }
        fits
    }

    /// Counts the bytes of an answer, which may leave a debt.
    pub(super) fn count(&mut self, bytes: usize) {
        self.bytes.left -= bytes as f64;
    }
}

/// A shard that has rested.
impl Default for ReadRate {
    fn default() -> Self {
        Self::full(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hash_of_a_key_is_its_md5_as_a_number() {
        // md5("a") = 0cc175b9c0f1b6a831c399e269772661
        assert_eq!(hash_of("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
    }

    #[test]
    fn the_ranges_of_two_and_three_shards_are_those_of_aws() {
        let half = 170_141_183_460_469_231_731_687_303_715_884_105_728_u128;
        assert_eq!(range(0, 1), (0, u128::MAX));
        assert_eq!((range(0, 2), range(1, 2)), ((0, half - 1), (half, u128::MAX)));
        let third = 113_427_455_640_312_821_154_458_202_477_256_070_485_u128;
        assert_eq!(range(1, 3), (third, 2 * third - 1));
        assert_eq!(range(2, 3), (2 * third, u128::MAX));
    }

    #[test]
    fn only_the_written_form_of_a_shard_id_is_read() {
        assert_eq!(parse_id(&id_of(42)), Some(42));
        for id in
            ["", "42", "shardId-42", "shardId-0000000000042", "shardId-00000000004x", "shardId-+00000000042"]
        {
            assert_eq!(parse_id(id), None, "{id}");
        }
    }

    proptest! {
        #[test]
        fn the_ranges_follow_each_other_without_a_gap(shards in 2_u32..600) {
            for shard in 1..shards {
                prop_assert_eq!(range(shard - 1, shards).1 + 1, range(shard, shards).0);
            }
            prop_assert_eq!((range(0, shards).0, range(shards - 1, shards).1), (0, u128::MAX));
        }
    }

    #[test]
    fn a_shard_takes_a_thousand_records_a_second() {
        let mut rate = Rate::full(0);
        assert_eq!((0..1500).filter(|_| rate.take(10, 0)).count(), 1000);
        assert_eq!((0..1500).filter(|_| rate.take(10, 500)).count(), 500);
        assert_eq!((0..1500).filter(|_| rate.take(10, 60_000)).count(), 1000);
    }

    #[test]
    fn a_shard_takes_one_mebibyte_a_second_and_a_larger_record_when_it_has_rested() {
        let mut rate = Rate::full(0);
        assert!(rate.take(1_000_000, 0) && !rate.take(100_000, 0) && rate.take(48_576, 0));
        assert!(!rate.take(10 << 20, 999) && rate.take(10 << 20, 1000));
        assert!(!rate.take(1, 10_000) && rate.take(1, 11_001));
    }

    #[test]
    fn a_shard_is_read_five_times_a_second_and_rests_after_a_large_answer() {
        let mut rate = ReadRate::full(0);
        assert_eq!((0..9).filter(|_| rate.take_call(0)).count(), 5);
        assert_eq!((0..9).filter(|_| rate.take_call(1000)).count(), 5);
        rate.count(10 << 20);
        assert!(!rate.take_call(4999) && rate.take_call(5001));
    }
}

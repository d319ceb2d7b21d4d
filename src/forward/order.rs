//! Whether the stream keeps the order that it is given: of one partition key, the sequence numbers within a shard
//! rise. Nothing is done about a number that does not but to show it: the records are in the stream. Pure.
//!
//! Remembers the last place of the 16,384 to 32,768 keys that were delivered last, about 10 MB at most.

use ahash::{HashMap, RandomState};

use crate::delivery::{Disorder, EventId, Receipt};

/// When so many keys are young, the old ones are forgotten and these are the old ones.
const YOUNG_MAX: usize = 16_384;

/// No sequence number of AWS is longer
/// (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsResultEntry.html>); what is longer, or is no
/// number, is not compared with the next one.
const DIGITS_MAX: usize = 129;

/// The last place of each key. Keys and shards stand here as hashes, seeded anew by each process.
#[derive(Debug, Default)]
pub(super) struct Order {
    hasher: RandomState,
    young: HashMap<u64, Place>,
    old: HashMap<u64, Place>,
    disorder: Option<Disorder>,
}

/// A shard, and a sequence number in it: in one piece, since each event looks at one that nothing else has touched lately.
#[derive(Debug)]
struct Place {
    shard: u64,
    length: u8,
    digits: [u8; DIGITS_MAX],
}

impl Default for Place {
    fn default() -> Self {
        Self { shard: 0, length: 0, digits: [0; DIGITS_MAX] }
    }
}

impl Place {
    /// As the stream said it; empty where none is known.
    fn number(&self) -> &str {
        str::from_utf8(&self.digits[..usize::from(self.length)]).unwrap_or_default()
    }

    fn set(&mut self, shard: u64, number: &str) {
        let number = number.as_bytes();
        let digits = if number.len() <= DIGITS_MAX { number } else { &[] };
        self.shard = shard;
        self.length = u8::try_from(digits.len()).unwrap_or_default();
        self.digits[..digits.len()].copy_from_slice(digits);
    }
}

impl Order {
    /// Takes in where an event of `key` was stored, in the order in which the answers came.
    pub(super) fn learn(&mut self, id: EventId, key: &str, receipt: &Receipt) {
        let (key, shard) = (self.hasher.hash_one(key), self.hasher.hash_one(&*receipt.shard_id));
        if self.young.len() >= YOUNG_MAX && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        let place = self.young.entry(key).or_insert_with(|| old.remove(&key).unwrap_or_default());
        let number = &*receipt.sequence_number;
        if place.shard == shard && !rises(number_of(place.number()), number_of(number)) {
            let count = self.disorder.as_ref().map_or(0, |disorder| disorder.count) + 1;
            self.disorder = Some(Disorder {
                count,
                event: id,
                shard_id: receipt.shard_id.clone(),
                before: place.number().into(),
                after: receipt.sequence_number.clone(),
            });
        }
        place.set(shard, number);
    }

    /// What was not in order.
    pub(super) fn disorder(&self) -> Option<&Disorder> {
        self.disorder.as_ref()
    }
}

/// Sequence numbers are decimal numbers of any length: this one without leading zeros. Empty for what is not one, and
/// cannot be compared.
fn number_of(sequence_number: &str) -> &str {
    // Without an early end: the compiler then looks at many digits at a time.
    let is_number = sequence_number.bytes().fold(true, |all, byte| all & byte.is_ascii_digit());
    let digits = if is_number { sequence_number } else { "" };
    let leading = digits.bytes().take_while(|digit| *digit == b'0').count();
    &digits[leading.min(digits.len().saturating_sub(1))..]
}

/// Of two such numbers.
fn rises(before: &str, after: &str) -> bool {
    before.is_empty() || after.is_empty() || (before.len(), before) < (after.len(), after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(shard: u32, sequence: &str) -> Receipt {
        Receipt {
            shard_id: format!("shardId-{shard:012}").into(),
            sequence_number: sequence.into(),
            place: None,
        }
    }

    #[test]
    fn numbers_rise_by_their_value_whatever_their_length() {
        for (before, after, risen) in [
            ("9", "10", true),
            ("10", "9", false),
            ("10", "10", false),
            ("0009", "10", true),
            ("000000000000000000000000000012", "000000000000000000000000000013", true),
            (
                "49590338271490256608559692538361571095921575989136588801",
                "49590338271490256608559692538361571095921575989136588802",
                true,
            ),
            (
                "49590338271490256608559692538361571095921575989136588802",
                "49590338271490256608559692538361571095921575989136588801",
                false,
            ),
            ("x", "1", true),
            ("", "1", true),
        ] {
            assert_eq!(rises(number_of(before), number_of(after)), risen, "{before} {after}");
        }
    }

    #[test]
    fn only_a_lower_number_of_the_same_key_in_the_same_shard_is_disorder() {
        let mut order = Order::default();
        order.learn(1, "a", &receipt(0, "5"));
        order.learn(2, "b", &receipt(0, "3"));
        order.learn(3, "a", &receipt(1, "2"));
        order.learn(4, "a", &receipt(1, "007"));
        assert_eq!(order.disorder(), None);
        order.learn(5, "a", &receipt(1, "6"));
        let disorder = order.disorder().expect("a violation");
        assert_eq!((disorder.count, disorder.event, &*disorder.before, &*disorder.after), (1, 5, "007", "6"));
        order.learn(6, "a", &receipt(1, "6"));
        assert_eq!(order.disorder().expect("a violation").count, 2);
    }

    #[test]
    fn keys_that_were_not_delivered_for_long_are_forgotten_and_recent_ones_are_not() {
        let mut order = Order::default();
        let recent = "recent";
        for n in 0..100_000 {
            order.learn(n, &format!("{n}"), &receipt(0, "1"));
            if n % 10_000 == 0 {
                order.learn(n, recent, &receipt(0, &format!("{}", n + 2)));
            }
        }
        assert!(order.young.len() + order.old.len() <= 2 * YOUNG_MAX);
        order.learn(1, recent, &receipt(0, "1"));
        assert!(order.disorder().is_some());
    }
}

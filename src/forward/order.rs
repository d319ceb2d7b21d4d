//! Whether the stream keeps the order that it is given: of one partition key, the sequence numbers within a shard
//! rise. Nothing is done about a number that does not but to show it: the records are in the stream. Pure.
//!
//! Remembers the last place of the 16,384 to 32,768 keys that were delivered last, about 8 MB at most.

use std::sync::Arc;

use ahash::HashMap;

use crate::delivery::{Disorder, EventId, Receipt};

/// When so many keys are young, the old ones are forgotten and these are the old ones.
const YOUNG_MAX: usize = 16_384;

/// The last place of each key.
#[derive(Debug, Default)]
pub(super) struct Order {
    young: HashMap<Arc<str>, Receipt>,
    old: HashMap<Arc<str>, Receipt>,
    disorder: Option<Disorder>,
}

impl Order {
    /// Takes in where an event of `key` was stored, in the order in which the answers came.
    pub(super) fn learn(&mut self, id: EventId, key: &Arc<str>, receipt: &Receipt) {
        if self.young.len() >= YOUNG_MAX && !self.young.contains_key(key) {
            self.old = std::mem::take(&mut self.young);
        }
        let before = self.young.insert(Arc::clone(key), receipt.clone()).or_else(|| self.old.remove(key));
        let Some(before) = before else { return };
        if before.shard_id == receipt.shard_id && !rises(&before.sequence_number, &receipt.sequence_number) {
            let count = self.disorder.as_ref().map_or(0, |disorder| disorder.count) + 1;
            self.disorder = Some(Disorder {
                count,
                event: id,
                shard_id: Arc::clone(&receipt.shard_id),
                before: before.sequence_number,
                after: Arc::clone(&receipt.sequence_number),
            });
        }
    }

    /// What was not in order.
    pub(super) fn disorder(&self) -> Option<&Disorder> {
        self.disorder.as_ref()
    }
}

/// Sequence numbers are decimal numbers of any length; what is not cannot be compared.
fn rises(before: &str, after: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(before) || !is_number(after) {
        return true;
    }
    let [before, after] = [before, after].map(|text| text.trim_start_matches('0'));
    (before.len(), before) < (after.len(), after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(shard: u32, sequence: &str) -> Receipt {
        Receipt { shard_id: format!("shardId-{shard:012}").into(), sequence_number: sequence.into() }
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
            assert_eq!(rises(before, after), risen, "{before} {after}");
        }
    }

    #[test]
    fn only_a_lower_number_of_the_same_key_in_the_same_shard_is_disorder() {
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let mut order = Order::default();
        order.learn(1, &a, &receipt(0, "5"));
        order.learn(2, &b, &receipt(0, "3"));
        order.learn(3, &a, &receipt(1, "2"));
        order.learn(4, &a, &receipt(1, "7"));
        assert_eq!(order.disorder(), None);
        order.learn(5, &a, &receipt(1, "6"));
        let disorder = order.disorder().expect("a violation");
        assert_eq!((disorder.count, disorder.event, &*disorder.before, &*disorder.after), (1, 5, "7", "6"));
        order.learn(6, &a, &receipt(1, "6"));
        assert_eq!(order.disorder().expect("a violation").count, 2);
    }

    #[test]
    fn keys_that_were_not_delivered_for_long_are_forgotten_and_recent_ones_are_not() {
        let mut order = Order::default();
        let recent: Arc<str> = "recent".into();
        for n in 0..100_000 {
            order.learn(n, &format!("{n}").into(), &receipt(0, "1"));
            if n % 10_000 == 0 {
                order.learn(n, &recent, &receipt(0, &format!("{}", n + 2)));
            }
        }
        assert!(order.young.len() + order.old.len() <= 2 * YOUNG_MAX);
        order.learn(1, &recent, &receipt(0, "1"));
        assert!(order.disorder().is_some());
    }
}

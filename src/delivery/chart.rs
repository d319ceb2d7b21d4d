//! What happened, counted by intervals of time: what the charts of the window are drawn from. Plain data and sums.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Millis;

/// Kinds of errors, or shards, that one interval tells apart; what is beyond them is `other`.
const NAMES_MAX: usize = 128;
const OTHER: &str = "other";

/// How far back a chart looks, and how finely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChartSpan {
    /// By 2 seconds.
    #[default]
    FiveMinutes,
    /// By 30 seconds.
    Hour,
    /// By 10 minutes.
    Day,
}

impl ChartSpan {
    /// Every window, shortest first.
    pub const ALL: [Self; 3] = [Self::FiveMinutes, Self::Hour, Self::Day];

    /// One interval of it.
    pub fn step_ms(self) -> Millis {
        match self {
            Self::FiveMinutes => 2_000,
            Self::Hour => 30_000,
            Self::Day => 600_000,
        }
    }

    /// All of it.
    pub fn span_ms(self) -> Millis {
        match self {
            Self::FiveMinutes => 300_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// The beginning of the interval that holds a moment.
    pub fn slot(self, at: Millis) -> Millis {
        at - at.rem_euclid(self.step_ms())
    }
}

/// What happened in one interval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interval {
    /// Its beginning.
    #[serde(skip)]
    pub at: Millis,
    /// Events accepted.
    pub accepted: u64,
    /// Their bytes of JSON.
    pub accepted_bytes: u64,
    /// Events delivered.
    pub delivered: u64,
    /// Events that failed for good.
    pub failed: u64,
    /// Events rejected.
    pub rejected: u64,
    /// Events that waited at its end.
    pub queued: u64,
    /// From a request that had been read to its commit.
    pub accept_ms: Histogram,
    /// From a request that had been read to the answer of the stream.
    pub delivery_ms: Histogram,
    /// What went wrong, by the error's code: puts without success as far as they are written down, rejections, failures.
    pub errors: BTreeMap<String, u64>,
    /// Records and their bytes of JSON, by shard.
    pub shards: BTreeMap<String, (u64, u64)>,
}

impl Interval {
    /// Adds what a part of the same interval holds.
    pub fn add(&mut self, part: &Self) {
        self.accepted += part.accepted;
        self.accepted_bytes += part.accepted_bytes;
        self.delivered += part.delivered;
        self.failed += part.failed;
        self.rejected += part.rejected;
        self.queued = part.queued;
        self.accept_ms.add(&part.accept_ms);
        self.delivery_ms.add(&part.delivery_ms);
        for (code, count) in &part.errors {
            self.error(code, *count);
        }
        for (shard, (records, bytes)) in &part.shards {
            self.record(shard, *records, *bytes);
        }
    }

    /// Counts errors of one kind.
    pub fn error(&mut self, code: &str, count: u64) {
        *place(&mut self.errors, code) += count;
    }

    /// Counts records in one shard.
    pub fn record(&mut self, shard: &str, records: u64, bytes: u64) {
        let place = place(&mut self.shards, shard);
        *place = (place.0 + records, place.1 + bytes);
    }
}

fn place<'m, T: Default>(map: &'m mut BTreeMap<String, T>, name: &str) -> &'m mut T {
    let name = if map.len() < NAMES_MAX || map.contains_key(name) { name } else { OTHER };
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.get_mut(name).expect("it is there, or was just put there")
}

/// How often a time was how long: exact below 16 ms, within 7 % above. Only lengths that occurred take room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(BTreeMap<u16, u64>);

/// Below this each millisecond has a place of its own; above, each doubling has [`PARTS`].
const EXACT: u64 = 16;
const PARTS: u64 = 8;

impl Histogram {
    /// Counts one time, so many times.
    pub fn count(&mut self, ms: Millis, times: u64) {
        let ms = u64::try_from(ms).unwrap_or(0);
        let bucket = if ms < EXACT {
            ms
        } else {
            let doubling = u64::from(ms.ilog2());
            let part = (ms >> (doubling - 3)) & (PARTS - 1);
            EXACT + (doubling - 4) * PARTS + part
        };
        *self.0.entry(u16::try_from(bucket).unwrap_or(u16::MAX)).or_default() += times;
    }

    /// Adds all that another one counted.
    pub fn add(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// The time that so many of all (0.99, say) did not exceed; `None` where none was counted.
    pub fn quantile(&self, share: f64) -> Option<Millis> {
        let all: u64 = self.0.values().sum();
        let mut left = (all as f64 * share).ceil().max(1.0);
        for (bucket, count) in &self.0 {
            left -= *count as f64;
            if left <= 0.0 {
                return Some(top_of(u64::from(*bucket)));
            }
        }
        None
    }
}

/// The longest time in a bucket.
fn top_of(bucket: u64) -> Millis {
    let ms = if bucket < EXACT {
        bucket
    } else {
        let (doubling, part) = ((bucket - EXACT) / PARTS + 4, (bucket - EXACT) % PARTS);
        let width = 1_u64 << (doubling - 3).min(60);
        (PARTS + part + 1).saturating_mul(width) - 1
    };
    Millis::try_from(ms).unwrap_or(Millis::MAX)
}

/// Intervals with their beginnings, which [`Interval`] leaves out: the spool, which stores it, has them as keys.
mod intervals {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Interval, Millis};

    pub(super) fn serialize<S: Serializer>(intervals: &[Interval], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(intervals.iter().map(|interval| (interval.at, interval)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Interval>, D::Error> {
        let pairs: Vec<(Millis, Interval)> = Deserialize::deserialize(from)?;
        Ok(pairs.into_iter().map(|(at, interval)| Interval { at, ..interval }).collect())
    }
}

/// A partition key that carries much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotKey {
    /// The key.
    pub key: Arc<str>,
    /// Its events, at most so many.
    pub events: u64,
    /// The true number may be lower by so many.
    pub doubt: u64,
    /// Bytes of their JSON.
    pub bytes: u64,
    /// The shard that its newest delivered record is in, where one is among the newest lines of the log.
    pub shard: Option<Arc<str>>,
}

/// The keys that carry most of what was accepted lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotKeys {
    /// Since when they were counted.
    pub since: Millis,
    /// All events since then.
    pub events: u64,
    /// Bytes of their JSON.
    pub bytes: u64,
    /// Those with most events first.
    pub keys: Vec<HotKey>,
}

/// All that the charts show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// How far back.
    pub window: ChartSpan,
    /// When it was put together.
    pub now: Millis,
    /// What happened, oldest first; an interval in which nothing did has no place here.
    #[serde(with = "intervals")]
    pub intervals: Vec<Interval>,
    /// Who sends most.
    pub hot: HotKeys,
    /// Events that wait and were put at least once.
    pub retrying: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_again_within_seven_percent() {
        for ms in (0..40).chain([63, 64, 100, 999, 1000, 59_999, 3_600_000, 86_400_000, 1 << 40]) {
            let mut times = Histogram::default();
            times.count(ms, 1);
            let found = times.quantile(0.5).expect("one was counted");
            assert!(found >= ms && found as f64 <= ms as f64 * 1.14 + 0.5, "{ms}: {found}");
            assert!(ms >= 16 || found == ms, "{ms}: {found}");
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn quantiles_are_those_of_all_parts() {
        let (mut fast, mut slow) = (Histogram::default(), Histogram::default());
        fast.count(5, 98);
        slow.count(900, 2);
        fast.add(&slow);
        assert_eq!(fast.quantile(0.5), Some(5));
        assert_eq!(fast.quantile(0.98), Some(5));
        assert!(fast.quantile(0.99).is_some_and(|ms| (900..1000).contains(&ms)));
    }

    #[test]
    fn an_interval_comes_back_from_its_text_and_names_no_more_than_it_may() {
        let mut interval = Interval { accepted: 7, queued: 2, ..Interval::default() };
        interval.delivery_ms.count(12, 7);
        for n in 0..300 {
            interval.error(&format!("Code{n}"), 1);
            interval.record(&format!("shard{n}"), 1, 10);
        }
        assert_eq!(interval.errors.len(), NAMES_MAX + 1);
        assert_eq!(interval.shards.values().map(|(records, _)| records).sum::<u64>(), 300);
        let text = serde_json::to_string(&interval).expect("it is text");
        assert_eq!(serde_json::from_str::<Interval>(&text).expect("it was text"), interval);
        let mut both = interval.clone();
        both.add(&Interval { accepted: 1, queued: 5, ..Interval::default() });
        assert_eq!((both.accepted, both.queued), (8, 5), "what waits is as of the end");
    }
}

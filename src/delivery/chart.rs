//! Counts per time interval: the data of the window's charts.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::line::Millis;

/// Maximum error codes, and shards, that one interval counts separately; the rest is counted as `other`.
const NAMES_MAX: usize = 128;
const OTHER: &str = "other";

/// How far back a chart goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChartSpan {
    /// In intervals of 2 seconds.
    #[default]
    FiveMinutes,
    /// In intervals of 30 seconds.
    Hour,
    /// In intervals of 10 minutes.
    Day,
}

impl ChartSpan {
    /// Every span, shortest first.
    pub const ALL: [Self; 3] = [Self::FiveMinutes, Self::Hour, Self::Day];

    /// Milliseconds of an interval.
    pub fn step_ms(self) -> Millis {
        match self {
            Self::FiveMinutes => 2_000,
            Self::Hour => 30_000,
            Self::Day => 600_000,
        }
    }

    /// Milliseconds of the whole span.
    pub fn span_ms(self) -> Millis {
        match self {
            Self::FiveMinutes => 300_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// The start of the interval that contains a moment.
    pub fn slot(self, at: Millis) -> Millis {
        at - at.rem_euclid(self.step_ms())
    }
}

/// The counts of one interval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interval {
    /// Its start.
    #[serde(skip)]
    pub at: Millis,
    /// Events accepted.
    pub accepted: u64,
    /// Their JSON bytes.
    pub accepted_bytes: u64,
    /// Events delivered.
    pub delivered: u64,
    /// Events that failed.
    pub failed: u64,
    /// Events rejected.
    pub rejected: u64,
    /// Events queued at its end.
    pub queued: u64,
    /// From the end of reading a request to its commit.
    pub accept_ms: Histogram,
    /// Sum of these times, of each event.
    pub accept_ms_sum: u64,
    /// From the end of reading a request to the stream's answer.
    pub delivery_ms: Histogram,
    /// Sum of these times.
    pub delivery_ms_sum: u64,
    /// Errors by code: logged attempts, rejections, failures.
    pub errors: BTreeMap<String, u64>,
    /// Records and their JSON bytes, by shard.
    pub shards: BTreeMap<String, (u64, u64)>,
}

impl Interval {
    /// Adds the counts of a later part of the same interval.
    pub fn add(&mut self, part: &Self) {
        self.accepted += part.accepted;
        self.accepted_bytes += part.accepted_bytes;
        self.delivered += part.delivered;
        self.failed += part.failed;
        self.rejected += part.rejected;
        self.queued = part.queued;
        self.accept_ms.add(&part.accept_ms);
        self.accept_ms_sum += part.accept_ms_sum;
        self.delivery_ms.add(&part.delivery_ms);
        self.delivery_ms_sum += part.delivery_ms_sum;
        for (code, count) in &part.errors {
            self.error(code, *count);
        }
        for (shard, (records, bytes)) in &part.shards {
            self.record(shard, *records, *bytes);
        }
    }

    /// Counts an accepted request of this many events.
    pub fn accept_took(&mut self, ms: Millis, events: u64) {
        self.accept_ms.count(ms, events);
        self.accept_ms_sum += u64::try_from(ms).unwrap_or(0) * events;
    }

    /// Counts a delivered event.
    pub fn delivery_took(&mut self, ms: Millis) {
        self.delivery_ms.count(ms, 1);
        self.delivery_ms_sum += u64::try_from(ms).unwrap_or(0);
    }

    /// Counts errors with this code.
    pub fn error(&mut self, code: &str, count: u64) {
        *entry(&mut self.errors, code) += count;
    }

    /// Counts records in one shard.
    pub fn record(&mut self, shard: &str, records: u64, bytes: u64) {
        let (all_records, all_bytes) = entry(&mut self.shards, shard);
        *all_records += records;
        *all_bytes += bytes;
    }
}

/// The count of this name, or of `other` if the map is full.
fn entry<'m, T: Default>(map: &'m mut BTreeMap<String, T>, name: &str) -> &'m mut T {
    let name = if map.len() < NAMES_MAX || map.contains_key(name) { name } else { OTHER };
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.get_mut(name).expect("it was inserted above if it was missing")
}

/// A histogram of durations: exact below 16 ms, within 7 % above. Stores only buckets that are not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(BTreeMap<u16, u64>);

/// Below this, each millisecond has a bucket of its own; above, each doubling has [`PARTS`] buckets.
const EXACT: u64 = 16;
const PARTS: u64 = 8;

impl Histogram {
    /// Counts a duration `times` times.
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

    /// Adds the counts of another histogram.
    pub fn add(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// The number of durations that were at most `ms`, as far as the buckets tell: those of a bucket that reaches beyond are
    /// not counted.
    pub fn at_most(&self, ms: Millis) -> u64 {
        self.0
            .iter()
            .take_while(|(bucket, _)| top_of(u64::from(**bucket)) <= ms)
            .map(|(_, count)| count)
            .sum()
    }

    /// The number of durations.
    pub fn len(&self) -> u64 {
        self.0.values().sum()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The duration that this share of all (such as 0.99) did not exceed; `None` if nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Millis> {
        let mut left = (self.len() as f64 * share).ceil().max(1.0);
        for (bucket, count) in &self.0 {
            left -= *count as f64;
            if left <= 0.0 {
                return Some(top_of(u64::from(*bucket)));
            }
        }
        None
    }
}

/// The longest duration in a bucket.
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

/// Intervals with their starts, which [`Interval`] does not serialise: in the spool's rows the start is a column of its own.
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

/// A partition key with many events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotKey {
    /// The key.
    pub key: Arc<str>,
    /// Upper bound of its events.
    pub events: u64,
    /// How far `events` may be above the true number.
    pub doubt: u64,
    /// Their JSON bytes.
    pub bytes: u64,
    /// The shard of its newest delivered record, if one is among the newest lines of the log.
    pub shard: Option<Arc<str>>,
}

/// The keys with most of the events accepted lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotKeys {
    /// When counting began.
    pub since: Millis,
    /// All events since then.
    pub events: u64,
    /// Their JSON bytes.
    pub bytes: u64,
    /// Most events first.
    pub keys: Vec<HotKey>,
}

/// The data of all charts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// How far back it goes.
    pub window: ChartSpan,
    /// When it was read.
    pub now: Millis,
    /// The intervals, oldest first; empty ones are left out.
    #[serde(with = "intervals")]
    pub intervals: Vec<Interval>,
    /// The keys with most events.
    pub hot: HotKeys,
    /// Queued events that were put at least once.
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

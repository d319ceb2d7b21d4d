//! The partition keys with most events, counted in bounded memory (a lossy count with an error bound).
//!
//! When there are too many keys, the smaller half is dropped. A key that comes after that may have had as many events
//! as the largest dropped one: its count begins there, and says by how much it may be too high. So no key with many
//! events is missed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ahash::HashMap;

use super::queue::QueuedEvent;
use crate::delivery::{
    Millis,
    chart::{HotKey, HotKeys},
};

/// How long one generation counts. The one before it is kept, so counts cover one to two generations.
const GENERATION_MS: Millis = 300_000;

/// Maximum keys that are counted at a time.
const KEYS_MAX: usize = 2_048;

/// Keys that are shown.
const TOP: usize = 20;

/// Counts events by partition key; cheap to clone.
#[derive(Clone, Default)]
pub struct KeyCounts(Arc<Mutex<Generations>>);

#[derive(Default)]
struct Generations {
    now: Sketch,
    before: Option<Sketch>,
}

#[derive(Default)]
struct Sketch {
    since: Millis,
    counts: HashMap<Arc<str>, Count>,
    /// The most events that a key without an entry in `counts` may have had.
    missed: u64,
    events: u64,
    bytes: u64,
}

#[derive(Clone, Copy, Default)]
struct Count {
    events: u64,
    /// By how much `events` may be too high.
    doubt: u64,
    bytes: u64,
}

impl KeyCounts {
    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, now: Millis, events: &[QueuedEvent]) {
        if events.is_empty() {
            return;
        }
        let mut generations = self.lock();
        generations.advance(now);
        for event in events {
            generations.now.count(&event.key, event.json.len() as u64);
        }
    }

    /// The keys with most events of the last five to ten minutes.
    pub fn top(&self, now: Millis) -> HotKeys {
        let mut generations = self.lock();
        generations.advance(now);
        let Generations { now: current, before } = &*generations;
        let mut counts = current.counts.clone();
        let missed = before.as_ref().map_or(0, |before| before.missed);
        let none = HashMap::default();
        for (key, earlier) in before.as_ref().map_or(&none, |before| &before.counts) {
            let floor = Count { events: current.missed, doubt: current.missed, bytes: 0 };
            let count = counts.entry(Arc::clone(key)).or_insert(floor);
            count.events += earlier.events;
            count.doubt += earlier.doubt;
            count.bytes += earlier.bytes;
        }
        for (key, count) in &mut counts {
            if before.as_ref().is_some_and(|before| !before.counts.contains_key(key)) {
                count.events += missed;
                count.doubt += missed;
            }
        }
        let mut keys: Vec<HotKey> = counts
            .into_iter()
            .map(|(key, Count { events, doubt, bytes })| HotKey { key, events, doubt, bytes, shard: None })
            .collect();
        keys.sort_unstable_by(|a, b| (b.events - b.doubt, &a.key).cmp(&(a.events - a.doubt, &b.key)));
        keys.truncate(TOP);
        let sum = |of: fn(&Sketch) -> u64| of(current) + before.as_ref().map_or(0, of);
        HotKeys {
            since: before.as_ref().map_or(current.since, |before| before.since),
            events: sum(|sketch| sketch.events),
            bytes: sum(|sketch| sketch.bytes),
            keys,
        }
    }
}

impl Generations {
    /// Begins a new generation if the present one is old enough.
    fn advance(&mut self, now: Millis) {
        if self.now.since == 0 {
            self.now.since = now;
        }
        let age = now - self.now.since;
        if age >= GENERATION_MS {
            let finished = std::mem::replace(&mut self.now, Sketch { since: now, ..Sketch::default() });
            self.before = (age < 2 * GENERATION_MS).then_some(finished);
        }
    }
}

impl Sketch {
    fn count(&mut self, key: &Arc<str>, bytes: u64) {
        self.events += 1;
        self.bytes += bytes;
        if let Some(count) = self.counts.get_mut(key) {
            count.events += 1;
            count.bytes += bytes;
            return;
        }
        if self.counts.len() >= KEYS_MAX {
            self.drop_smaller_half();
        }
        let count = Count { events: self.missed + 1, doubt: self.missed, bytes };
        self.counts.insert(Arc::clone(key), count);
    }

    fn drop_smaller_half(&mut self) {
        let mut sizes: Vec<u64> = self.counts.values().map(|count| count.events).collect();
        let middle = sizes.len() / 2;
        let (_, middle, _) = sizes.select_nth_unstable(middle);
        let middle = *middle;
        self.counts.retain(|_, count| count.events > middle);
        self.missed = self.missed.max(middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(key: &str, times: usize) -> Vec<QueuedEvent> {
        let one = QueuedEvent { id: 1, key: key.into(), json: "1234567890".into(), attempts: 0 };
        vec![one; times]
    }

    #[test]
    fn a_key_that_carries_much_is_found_among_very_many() {
        let keys = KeyCounts::default();
        for n in 0..50_000 {
            keys.count(1_000, &events(&format!("user-{n}"), 1));
            if n % 50 == 0 {
                keys.count(1_000, &events("crawler", 3));
            }
        }
        let top = keys.top(2_000);
        assert_eq!((top.events, top.since), (53_000, 1_000));
        let first = &top.keys[0];
        assert_eq!(&*first.key, "crawler");
        assert!(first.events >= 3_000 && first.events - first.doubt <= 3_000, "{first:?}");
        assert!(keys.lock().now.counts.len() <= KEYS_MAX);
    }

    #[test]
    fn counts_are_of_the_last_minutes() {
        let keys = KeyCounts::default();
        keys.count(1_000, &events("old", 5));
        keys.count(302_000, &events("new", 2));
        let top = keys.top(303_000);
        let names: Vec<_> = top.keys.iter().map(|key| (&*key.key, key.events)).collect();
        assert_eq!(names, [("old", 5), ("new", 2)]);
        keys.count(605_000, &events("newest", 1));
        let top = keys.top(606_000);
        let names: Vec<_> = top.keys.iter().map(|key| (&*key.key, key.events)).collect();
        assert_eq!((names, top.events), (vec![("new", 2), ("newest", 1)], 3));
        assert_eq!(keys.top(10_000_000).keys, []);
    }
}

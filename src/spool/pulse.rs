//! What happens, counted as the writer commits it: sums of intervals for the charts, kept in a small table of their own,
//! and the keys that carry most, in memory.
//!
//! A commit costs a few additions an event. The table gets three rows a second at most, and keeps no more than the
//! windows show (about 420 rows), however long the history is.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ahash::HashMap;
use rusqlite::{Connection, OptionalExtension, params};

use super::{QueuedEvent, Settlement};
use crate::delivery::{
    EventId, Millis,
    chart::{ChartSpan, HotKey, HotKeys, Interval},
};

/// Requests whose time is remembered; of older ones the log is asked.
const REQUESTS_MAX: usize = 32_768;

/// How long keys are counted before the count begins anew beside the one before it.
const GENERATION_MS: Millis = 300_000;

/// Keys that are counted at a time; above it the smaller half goes.
const KEYS_MAX: usize = 2_048;

/// Hot keys that are told.
const TOLD: usize = 20;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS pulse (
    step INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (step, at)
) STRICT, WITHOUT ROWID;
";

/// What one commit added to the log.
pub(super) struct Commit<'a> {
    /// When it was done.
    pub now: Millis,
    pub requests: &'a [Request],
    pub accepted: &'a [QueuedEvent],
    pub rejected: u64,
    pub settled: &'a [Settlement],
    /// The codes of rejections and of puts without success.
    pub faults: &'a [Arc<str>],
    /// More codes of rejections, and how many of each.
    pub counted: &'a [(&'static str, u64)],
    /// Events that wait after it.
    pub queued: u64,
}

/// A request that is committed.
pub(super) struct Request {
    /// When it had been read.
    pub received_at: Millis,
    pub first: EventId,
    /// Lines from `first` on.
    pub lines: usize,
    /// Events that it brought, refused ones too.
    pub events: u64,
}

/// The sums in the making.
pub(super) struct Pulse {
    /// The interval that is running, of each window.
    open: [Interval; ChartSpan::ALL.len()],
    /// Finished ones that are not on disk yet.
    done: Vec<(ChartSpan, Interval)>,
    dirty: bool,
    /// When requests had been read: their first and last place, oldest first.
    requests: VecDeque<(EventId, EventId, Millis)>,
    keys: Keys,
}

impl Pulse {
    /// Goes on where the file ends.
    pub(super) fn open(connection: &Connection) -> rusqlite::Result<Self> {
        connection.execute_batch(SCHEMA)?;
        let mut open: [Interval; ChartSpan::ALL.len()] = Default::default();
        for (interval, window) in open.iter_mut().zip(ChartSpan::ALL) {
            let mut newest =
                connection.prepare("SELECT at, body FROM pulse WHERE step = ?1 ORDER BY at DESC LIMIT 1")?;
            let row = newest.query_row([window.step_ms()], interval_of).optional()?;
            *interval = row.unwrap_or_default();
        }
        Ok(Self { open, done: Vec::new(), dirty: false, requests: VecDeque::new(), keys: Keys::default() })
    }

    /// The count of keys, for who wants to look at it.
    pub(super) fn keys(&self) -> Keys {
        self.keys.clone()
    }

    /// Counts what was committed.
    pub(super) fn learn(&mut self, connection: &Connection, commit: &Commit<'_>) -> rusqlite::Result<()> {
        let mut part = Interval { queued: commit.queued, ..Interval::default() };
        for Request { received_at, first, lines, events } in commit.requests {
            let lines = EventId::try_from(*lines).unwrap_or(0);
            if self.requests.len() == REQUESTS_MAX {
                self.requests.pop_front();
            }
            self.requests.push_back((*first, first + lines - 1, *received_at));
            if *events > 0 {
                part.accept_ms.count(commit.now - received_at, *events);
            }
        }
        part.accepted = commit.accepted.len() as u64;
        part.accepted_bytes = commit.accepted.iter().map(|event| event.json.len() as u64).sum();
        part.rejected = commit.rejected;
        for code in commit.faults {
            part.error(code, 1);
        }
        for (code, count) in commit.counted {
            part.error(code, *count);
        }
        let mut place = 0;
        // Records of one put mostly went to one shard: they are counted together.
        let mut run: Option<(&Arc<str>, u64, u64)> = None;
        for settlement in commit.settled {
            match &settlement.result {
                Ok(receipt) => {
                    part.delivered += 1;
                    let bytes = settlement.bytes as u64;
                    // A record is counted with the first of its events.
                    let one = u64::from(receipt.place.is_none_or(|place| place.at == 1));
                    run = match run {
                        Some((shard, records, sum)) if *shard == receipt.shard_id => {
                            Some((shard, records + one, sum + bytes))
                        }
                        other => {
                            record(&mut part, other);
                            Some((&receipt.shard_id, one, bytes))
                        }
                    };
                    if let Some(received_at) = self.received_at(connection, settlement.id, &mut place)? {
                        part.delivery_ms.count(settlement.at - received_at, 1);
                    }
                }
                Err(fault) => {
                    part.failed += 1;
                    part.error(&fault.code, 1);
                }
            }
        }
        record(&mut part, run);
        self.keys.count(commit.now, commit.accepted);
        self.add(commit.now, &part);
        Ok(())
    }

    fn add(&mut self, now: Millis, part: &Interval) {
        for (open, window) in self.open.iter_mut().zip(ChartSpan::ALL) {
            let at = window.slot(now);
            if open.at != at {
                let finished = std::mem::replace(open, Interval { at, ..Interval::default() });
                if finished.at != 0 {
                    self.done.push((window, finished));
                }
            }
            open.add(part);
        }
        self.dirty = true;
    }

    /// `place`: where the one before was found. Events of one put are mostly neighbours.
    fn received_at(
        &self,
        connection: &Connection,
        id: EventId,
        place: &mut usize,
    ) -> rusqlite::Result<Option<Millis>> {
        let of_place = |place: usize| {
            let (first, last, received_at) = self.requests.get(place)?;
            (*first..=*last).contains(&id).then_some(*received_at)
        };
        for near in [*place, *place + 1] {
            if let Some(received_at) = of_place(near) {
                *place = near;
                return Ok(Some(received_at));
            }
        }
        *place = self.requests.partition_point(|(_, last, _)| *last < id);
        if let Some(received_at) = of_place(*place) {
            return Ok(Some(received_at));
        }
        let mut statement = connection.prepare_cached("SELECT received_at FROM event WHERE id = ?1")?;
        statement.query_row([id], |row| row.get(0)).optional()
    }

    /// Writes what is new, and lets go of what no window shows any more. Part of the caller's transaction.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.dirty {
            return Ok(());
        }
        let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO pulse VALUES (?1, ?2, ?3)")?;
        let mut forget = connection.prepare_cached("DELETE FROM pulse WHERE step = ?1 AND at < ?2")?;
        let open = ChartSpan::ALL.into_iter().zip(&self.open);
        for (window, interval) in self.done.iter().map(|(window, interval)| (*window, interval)).chain(open) {
            let body = serde_json::to_string(interval)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            insert.execute(params![window.step_ms(), interval.at, body])?;
            forget.execute([window.step_ms(), interval.at - window.span_ms() - window.step_ms()])?;
        }
        Ok(())
    }

    /// What was written is on disk.
    pub(super) fn written(&mut self) {
        self.done.clear();
        self.dirty = false;
    }
}

fn record(part: &mut Interval, run: Option<(&Arc<str>, u64, u64)>) {
    if let Some((shard, records, bytes)) = run {
        part.record(shard, records, bytes);
    }
}

fn interval_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Interval> {
    let text: String = row.get(1)?;
    // What cannot be read is a hole in a chart, no more.
    let interval: Interval = serde_json::from_str(&text).unwrap_or_default();
    Ok(Interval { at: row.get(0)?, ..interval })
}

/// What a window shows, oldest first.
pub(super) fn intervals(
    connection: &Connection,
    window: ChartSpan,
    now: Millis,
) -> rusqlite::Result<Vec<Interval>> {
    let there = "SELECT 1 FROM sqlite_master WHERE name = 'pulse'";
    if connection.prepare_cached(there)?.query_row([], |_| Ok(())).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare_cached("SELECT at, body FROM pulse WHERE step = ?1 AND at >= ?2 ORDER BY at")?;
    let from = window.slot(now - window.span_ms());
    statement.query_map([window.step_ms(), from], interval_of)?.collect()
}

/// The keys that carry most, counted in bounded memory: when there are too many the smaller half goes, and a key that
/// comes (again) after that may have had as many events as the largest that went. So none that carries much is missed,
/// and each count says how much it may be too high.
#[derive(Clone, Default)]
pub struct Keys(Arc<Mutex<Generations>>);

#[derive(Default)]
struct Generations {
    now: Sketch,
    before: Option<Sketch>,
}

#[derive(Default)]
struct Sketch {
    since: Millis,
    counts: HashMap<Arc<str>, Count>,
    /// What a key that is not in `counts` may have had.
    missed: u64,
    events: u64,
    bytes: u64,
}

#[derive(Clone, Copy, Default)]
struct Count {
    events: u64,
    doubt: u64,
    bytes: u64,
}

impl Keys {
    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, now: Millis, events: &[QueuedEvent]) {
        if events.is_empty() {
            return;
        }
        let mut generations = self.lock();
        generations.turn(now);
        for event in events {
            generations.now.count(&event.key, event.json.len() as u64);
        }
    }

    /// The keys with most events of the last five to ten minutes.
    pub fn told(&self, now: Millis) -> HotKeys {
        let mut generations = self.lock();
        generations.turn(now);
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
        keys.truncate(TOLD);
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
    fn turn(&mut self, now: Millis) {
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
            self.thin();
        }
        let count = Count { events: self.missed + 1, doubt: self.missed, bytes };
        self.counts.insert(Arc::clone(key), count);
    }

    fn thin(&mut self) {
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
        let keys = Keys::default();
        for n in 0..50_000 {
            keys.count(1_000, &events(&format!("user-{n}"), 1));
            if n % 50 == 0 {
                keys.count(1_000, &events("crawler", 3));
            }
        }
        let told = keys.told(2_000);
        assert_eq!((told.events, told.since), (53_000, 1_000));
        let first = &told.keys[0];
        assert_eq!(&*first.key, "crawler");
        assert!(first.events >= 3_000 && first.events - first.doubt <= 3_000, "{first:?}");
        assert!(keys.lock().now.counts.len() <= KEYS_MAX);
    }

    #[test]
    fn counts_are_of_the_last_minutes() {
        let keys = Keys::default();
        keys.count(1_000, &events("old", 5));
        keys.count(302_000, &events("new", 2));
        let told = keys.told(303_000);
        let names: Vec<_> = told.keys.iter().map(|key| (&*key.key, key.events)).collect();
        assert_eq!(names, [("old", 5), ("new", 2)]);
        keys.count(605_000, &events("newest", 1));
        let told = keys.told(606_000);
        let names: Vec<_> = told.keys.iter().map(|key| (&*key.key, key.events)).collect();
        assert_eq!((names, told.events), (vec![("new", 2), ("newest", 1)], 3));
        assert_eq!(keys.told(10_000_000).keys, []);
    }
}

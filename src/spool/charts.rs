//! Sums of intervals for the charts, counted as the writer commits, in the table `pulse`.
//!
//! A commit costs a few additions per event. The table gets three rows a second at most, and keeps only what the
//! windows show (about 420 rows), however long the history is.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    hot_keys::KeyCounts,
    queue::{QueuedEvent, Settlement},
};
use crate::delivery::{
    EventId, Millis,
    chart::{ChartSpan, Histogram, Interval},
};

/// Requests whose time of arrival is in memory; for older ones the log is read.
const REQUESTS_MAX: usize = 32_768;
/// How far back [`Charts::delivery_p95_ms`] looks.
const RECENT_MS: Millis = 60_000;

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
    /// The codes of rejections and of puts that did not deliver.
    pub faults: &'a [Arc<str>],
    /// More codes of rejections, and how many of each.
    pub counted: &'a [(&'static str, u64)],
    /// Queued events after the commit.
    pub queued: u64,
}

/// A request that is committed.
pub(super) struct Request {
    /// When it had been read.
    pub received_at: Millis,
    pub first: EventId,
    /// Its last line; less than `first` if it has none.
    pub last: EventId,
    /// Events that it brought, rejected ones too.
    pub events: u64,
}

/// The bytes by which an interval made the queue longer.
fn growth(interval: &Interval) -> i64 {
    let delivered: u64 = interval.shards.values().map(|(_, bytes)| bytes).sum();
    i64::try_from(interval.accepted_bytes).unwrap_or(i64::MAX) - i64::try_from(delivered).unwrap_or(i64::MAX)
}

/// The writer's sums.
pub(super) struct Charts {
    /// The running interval of each window.
    open: [Interval; ChartSpan::ALL.len()],
    /// Ended intervals that are not on disk yet.
    done: Vec<(ChartSpan, Interval)>,
    is_dirty: bool,
    /// First and last line of recent requests, and when they had been read; oldest first.
    requests: VecDeque<(EventId, EventId, Millis)>,
    keys: KeyCounts,
    /// The ended intervals of the last minute, oldest first: at most one for each interval of the shortest window.
    recent: VecDeque<Interval>,
    /// Everything since the start.
    since_start: Arc<Mutex<Interval>>,
}

impl Charts {
    /// Continues the newest intervals of the table.
    pub(super) fn open(connection: &Connection) -> rusqlite::Result<Self> {
        connection.execute_batch(SCHEMA)?;
        let mut open: [Interval; ChartSpan::ALL.len()] = Default::default();
        for (interval, window) in open.iter_mut().zip(ChartSpan::ALL) {
            let mut newest =
                connection.prepare("SELECT at, body FROM pulse WHERE step = ?1 ORDER BY at DESC LIMIT 1")?;
            let row = newest.query_row([window.step_ms()], interval_of).optional()?;
            *interval = row.unwrap_or_default();
        }
        Ok(Self {
            open,
            done: Vec::new(),
            is_dirty: false,
            requests: VecDeque::new(),
            keys: KeyCounts::default(),
            recent: VecDeque::new(),
            since_start: Arc::default(),
        })
    }

    pub(super) fn keys(&self) -> KeyCounts {
        self.keys.clone()
    }

    /// The counts of everything since the start.
    pub(super) fn since_start(&self) -> Arc<Mutex<Interval>> {
        Arc::clone(&self.since_start)
    }

    /// Counts what was committed.
    pub(super) fn count(&mut self, connection: &Connection, commit: &Commit<'_>) -> rusqlite::Result<()> {
        let mut part = Interval { queued: commit.queued, ..Interval::default() };
        for Request { received_at, first, last, events } in commit.requests {
            if self.requests.len() == REQUESTS_MAX {
                self.requests.pop_front();
            }
            self.requests.push_back((*first, *last, *received_at));
            if *events > 0 {
                part.accept_took(commit.now - received_at, *events);
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
        let mut nearby = 0;
        // Records of one put mostly went to one shard: they are counted together.
        let mut run: Option<(&Arc<str>, u64, u64)> = None;
        for settlement in commit.settled {
            match &settlement.result {
                Ok(receipt) => {
                    part.delivered += 1;
                    let bytes = settlement.bytes as u64;
                    // A record of several events is counted with the first of them.
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
                    if let Some(received_at) = self.received_at(connection, settlement.id, &mut nearby)? {
                        part.delivery_took(settlement.at - received_at);
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
        self.since_start.lock().unwrap_or_else(PoisonError::into_inner).add(part);
        for (open, window) in self.open.iter_mut().zip(ChartSpan::ALL) {
            let at = window.slot(now);
            if open.at != at {
                let finished = std::mem::replace(open, Interval { at, ..Interval::default() });
                if window == ChartSpan::FiveMinutes {
                    self.recent.push_back(finished.clone());
                    while self.recent.front().is_some_and(|interval| interval.at < now - RECENT_MS) {
                        self.recent.pop_front();
                    }
                }
                if finished.at != 0 {
                    self.done.push((window, finished));
                }
            }
            open.add(part);
        }
        self.is_dirty = true;
    }

    /// The intervals that began within the last minute, oldest first; the running one is the last.
    fn last_minute(&self, now: Millis) -> impl Iterator<Item = &Interval> {
        self.recent.iter().chain(self.open.first()).filter(move |interval| interval.at >= now - RECENT_MS)
    }

    /// The time from receipt to delivery that 95 % of the events delivered in the last minute did not exceed. It costs the
    /// same however many they are.
    pub(super) fn delivery_p95_ms(&self, now: Millis) -> Option<Millis> {
        let mut all = Histogram::default();
        for interval in self.last_minute(now) {
            all.add(&interval.delivery_ms);
        }
        all.quantile(0.95)
    }

    /// By how many bytes a second the queue grew in the last minute; negative: it shrank.
    pub(super) fn growth_per_sec(&self, now: Millis) -> i64 {
        let since = self.last_minute(now).map(|interval| interval.at).min().unwrap_or(now);
        let sum: i64 = self.last_minute(now).map(growth).sum();
        // Seconds of which nothing is known would make the rate too low.
        sum * 1000 / (now - since).max(ChartSpan::FiveMinutes.step_ms())
    }

    /// When the request of an event had been read. `nearby`: the index of the request that was found before; events of
    /// one put mostly came with the same request or with the next.
    fn received_at(
        &self,
        connection: &Connection,
        id: EventId,
        nearby: &mut usize,
    ) -> rusqlite::Result<Option<Millis>> {
        let at_index = |index: usize| {
            let (first, last, received_at) = self.requests.get(index)?;
            (*first..=*last).contains(&id).then_some(*received_at)
        };
        for index in [*nearby, *nearby + 1] {
            if let Some(received_at) = at_index(index) {
                *nearby = index;
                return Ok(Some(received_at));
            }
        }
        *nearby = self.requests.partition_point(|(_, last, _)| *last < id);
        if let Some(received_at) = at_index(*nearby) {
            return Ok(Some(received_at));
        }
        let mut statement = connection.prepare_cached("SELECT received_at FROM event WHERE id = ?1")?;
        statement.query_row([id], |row| row.get(0)).optional()
    }

    /// Writes new sums, and deletes what no window shows any more. Part of the caller's transaction.
    pub(super) fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.is_dirty {
            return Ok(());
        }
        let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO pulse VALUES (?1, ?2, ?3)")?;
        let mut forget = connection.prepare_cached("DELETE FROM pulse WHERE step = ?1 AND at < ?2")?;
        let open = ChartSpan::ALL.into_iter().zip(&self.open);
        for (window, interval) in self.done.iter().map(|(window, interval)| (*window, interval)).chain(open) {
            // An interval without sums is only a gap in a chart.
            let body = serde_json::to_string(interval).unwrap_or_default();
            insert.execute(params![window.step_ms(), interval.at, body])?;
            forget.execute([window.step_ms(), interval.at - window.span_ms() - window.step_ms()])?;
        }
        Ok(())
    }

    /// The transaction of [`Self::write`] is committed.
    pub(super) fn written(&mut self) {
        self.done.clear();
        self.is_dirty = false;
    }
}

fn record(part: &mut Interval, run: Option<(&Arc<str>, u64, u64)>) {
    if let Some((shard, records, bytes)) = run {
        part.record(shard, records, bytes);
    }
}

fn interval_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Interval> {
    // A body that cannot be read is only a gap in a chart.
    let interval: Interval = serde_json::from_slice(row.get_ref(1)?.as_bytes()?).unwrap_or_default();
    Ok(Interval { at: row.get(0)?, ..interval })
}

/// The intervals that a window shows, oldest first.
pub(super) fn intervals(
    connection: &Connection,
    window: ChartSpan,
    now: Millis,
) -> rusqlite::Result<Vec<Interval>> {
    let exists = "SELECT 1 FROM sqlite_master WHERE name = 'pulse'";
    if connection.prepare_cached(exists)?.query_row([], |_| Ok(())).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare_cached("SELECT at, body FROM pulse WHERE step = ?1 AND at >= ?2 ORDER BY at")?;
    let from = window.slot(now - window.span_ms());
    statement.query_map([window.step_ms(), from], interval_of)?.collect()
}

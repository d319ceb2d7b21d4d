//! What holds delivery back while the queue grows: where the forwarder's time goes, over a few seconds. Pure; time is
//! passed in.
//!
//! At any moment the forwarder computes, waits for the disk, or waits for answers; then either its limit of puts holds
//! events back, or the order does, since each event that waits is behind another of its key. What it did most of the time
//! is what binds, where neither throttling nor the processor explains it.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::delivery::{Bound, Limit};

/// Over so long it is measured; shorter times show the scheduler and the pulse of the senders.
const WINDOW: Duration = Duration::from_secs(3);

/// So many windows in a row with a longer queue at their end mean that it grows.
const GROWING_WINDOWS: usize = 2;

/// A queue that is worked off in so long is none.
const CAUGHT_UP: Duration = Duration::from_secs(1);

/// From these shares on, that is what binds.
const THROTTLED_SHARE: f64 = 0.05;
const BUSY_SHARE: f64 = 0.8;
const DISK_SHARE: f64 = 0.5;

/// What the forwarder waits for, or what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Nothing waits, or everything waits for the user or the network.
    Nothing,
    /// It computes.
    Computing,
    /// It waits for the spool.
    Disk,
    /// Events could go, and no more puts may be in flight.
    Full,
    /// No event that waits may go before another one of its key is back.
    Order,
}

/// What is known at the end of a window.
#[derive(Clone, Debug)]
pub(super) struct Now {
    /// Events that wait.
    pub(super) queued: u64,
    /// How many puts are in flight, and that no more may ever be than may be now.
    pub(super) puts: usize,
    pub(super) is_most: bool,
    /// CPU time of the process, where the system tells it, and processors.
    pub(super) cpu: Option<Duration>,
    pub(super) processors: usize,
    /// Of the stream, where it says so.
    pub(super) shards: Option<u32>,
    /// The key with most events in memory, and how many keys have events that wait.
    pub(super) key: Option<Arc<str>>,
    pub(super) keys: usize,
}

/// Sums of a window.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    computing: Duration,
    disk: Duration,
    full: Duration,
    order: Duration,
    puts: u32,
    latency: Duration,
    records: u64,
    events: u64,
    bytes: u64,
    throttled: u64,
}

/// Where the time goes.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    doing: (Doing, Instant),
    sums: Sums,
    cpu: Option<Duration>,
    /// The queue at the end of the last windows.
    queued: VecDeque<u64>,
    bound: Option<Bound>,
}

impl Meter {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            doing: (Doing::Nothing, now),
            sums: Sums::default(),
            cpu: None,
            queued: VecDeque::new(),
            bound: None,
        }
    }

    /// What binds, while the queue grows or has grown.
    pub(super) fn bound(&self) -> Option<&Bound> {
        self.bound.as_ref()
    }

    /// From now on it does something else.
    pub(super) fn does(&mut self, doing: Doing, now: Instant) {
        let (before, since) = std::mem::replace(&mut self.doing, (doing, now));
        let span = now.saturating_duration_since(since);
        match before {
            Doing::Nothing => {}
            Doing::Computing => self.sums.computing += span,
            Doing::Disk => self.sums.disk += span,
            Doing::Full => self.sums.full += span,
            Doing::Order => self.sums.order += span,
        }
    }

    /// A put came back: how long it took, and the records, events and bytes of data and keys that it delivered.
    pub(super) fn put(
        &mut self,
        latency: Duration,
        (records, events, bytes): (u64, u64, u64),
        throttled: u64,
    ) {
        self.sums.puts += 1;
        self.sums.latency += latency;
        self.sums.records += records;
        self.sums.events += events;
        self.sums.bytes += bytes;
        self.sums.throttled += throttled;
    }

    /// Whether a window is over, so that [`Self::judge`] is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= WINDOW
    }

    /// When what was told is looked at again, whatever else happens.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.bound.is_some().then(|| self.began + WINDOW)
    }

    /// Ends the window.
    pub(super) fn judge(&mut self, at: Instant, now: &Now) {
        self.does(self.doing.0, at);
        let span = at.saturating_duration_since(self.began).as_secs_f64();
        let sums = std::mem::take(&mut self.sums);
        let cpu = now.cpu.zip(self.cpu).map(|(now, before)| now.saturating_sub(before).as_secs_f64());
        (self.began, self.cpu) = (at, now.cpu);
        self.queued.push_back(now.queued);
        if self.queued.len() > GROWING_WINDOWS + 1 {
            self.queued.pop_front();
        }
        let per_sec = sums.events as f64 / span;
        if (now.queued as f64) <= per_sec * CAUGHT_UP.as_secs_f64() + 1.0 {
            self.bound = None;
            return;
        }
        let grows = self.queued.len() > GROWING_WINDOWS && self.queued.iter().is_sorted_by(|a, b| a < b);
        if self.bound.is_none() && !grows {
            return;
        }
        let Some(limit) = limit(&sums, span, cpu, now) else {
            self.bound = None;
            return;
        };
        let each = |sum: f64, count: u64| sum / count.max(1) as f64;
        let bound = Bound {
            limit,
            per_sec,
            latency: sums.latency / sums.puts.max(1),
            puts: now.puts,
            events_per_record: each(sums.events as f64, sums.records).max(1.0),
            bytes_per_event: each(sums.bytes as f64, sums.events),
            shards: now.shards,
        };
        if self.bound.as_ref().is_none_or(|told| !is_near(told, &bound)) {
            self.bound = Some(bound);
        }
    }
}

/// The same to a reader.
fn is_near(told: &Bound, bound: &Bound) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= a * 0.25;
    let is_same_limit = match (&told.limit, &bound.limit) {
        // How many keys wait changes all the time.
        (Limit::Order { key, .. }, Limit::Order { key: other, .. }) => key == other,
        (limit, other) => limit == other,
    };
    is_same_limit
        && near(told.per_sec, bound.per_sec)
        && near(told.latency.as_secs_f64(), bound.latency.as_secs_f64())
        && near(told.events_per_record, bound.events_per_record)
}

/// `None`: nothing was under way most of the time.
fn limit(sums: &Sums, span: f64, cpu: Option<f64>, now: &Now) -> Option<Limit> {
    let share = |part: Duration| part.as_secs_f64() / span;
    let throttled = sums.throttled as f64 / (sums.throttled + sums.events).max(1) as f64;
    let busy = cpu.map_or(0.0, |cpu| cpu / (span * now.processors.max(1) as f64));
    let waits = share(sums.full) + share(sums.order);
    if throttled > THROTTLED_SHARE {
        Some(Limit::Shards)
    } else if busy > BUSY_SHARE || share(sums.computing) > BUSY_SHARE {
        Some(Limit::Processor)
    } else if share(sums.disk) > DISK_SHARE {
        Some(Limit::Disk)
    } else if waits < 0.5 {
        None
    } else if sums.order >= sums.full {
        let key = now.key.clone()?;
        Some(Limit::Order { key, keys: now.keys })
    } else if now.is_most {
        Some(Limit::Puts)
    } else {
        Some(Limit::Server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(queued: u64) -> Now {
        Now {
            queued,
            puts: 64,
            is_most: true,
            cpu: None,
            processors: 2,
            shards: None,
            key: Some("u1".into()),
            keys: 3,
        }
    }

    /// Windows in which it does this, with the queue at the end of each; what binds after the last.
    fn after(doing: Doing, throttled: u64, windows: &[Now]) -> Option<Bound> {
        let mut at = Instant::now();
        let mut meter = Meter::new(at);
        for now in windows {
            meter.does(doing, at);
            at += WINDOW;
            meter.put(Duration::from_millis(20), (100, 300, 120_000), throttled);
            assert!(meter.is_due(at));
            meter.judge(at, now);
        }
        meter.bound().cloned()
    }

    fn growing() -> [Now; 3] {
        [now(1000), now(2000), now(3000)]
    }

    #[test]
    fn what_it_did_most_of_the_time_is_what_binds() {
        let limit = |doing| after(doing, 0, &growing()).map(|bound| bound.limit);
        assert_eq!(limit(Doing::Order), Some(Limit::Order { key: "u1".into(), keys: 3 }));
        assert_eq!(limit(Doing::Full), Some(Limit::Puts));
        assert_eq!(limit(Doing::Computing), Some(Limit::Processor));
        assert_eq!(limit(Doing::Disk), Some(Limit::Disk));
        assert_eq!(limit(Doing::Nothing), None);
        let not_most = growing().map(|now| Now { is_most: false, ..now });
        assert_eq!(after(Doing::Full, 0, &not_most).map(|bound| bound.limit), Some(Limit::Server));
    }

    #[test]
    fn throttling_and_a_processor_without_time_explain_what_looks_like_waiting() {
        let limit =
            |throttled, windows: &[Now]| after(Doing::Full, throttled, windows).map(|bound| bound.limit);
        assert_eq!(limit(100, &growing()), Some(Limit::Shards));
        let cpu = |seconds| Some(Duration::from_secs(seconds));
        // Of two processors, in windows of three seconds.
        let busy = [now(1000), now(2000), now(3000)].into_iter().zip([0, 6, 12]);
        let busy: Vec<_> = busy.map(|(now, seconds)| Now { cpu: cpu(seconds), ..now }).collect();
        assert_eq!(limit(0, &busy), Some(Limit::Processor));
    }

    #[test]
    fn it_says_what_an_event_costs_and_how_many_come_through() {
        let bound = after(Doing::Order, 0, &growing()).expect("a queue that grows");
        assert_eq!((bound.per_sec, bound.latency), (100.0, Duration::from_millis(20)));
        assert_eq!((bound.events_per_record, bound.bytes_per_event), (3.0, 400.0));
    }

    #[test]
    fn a_queue_that_does_not_grow_is_none_and_one_that_has_grown_stays_until_it_is_worked_off() {
        assert_eq!(after(Doing::Order, 0, &[now(3000), now(3000), now(3000)]), None);
        assert_eq!(after(Doing::Order, 0, &[now(10), now(20), now(30)]), None, "a third of a second's work");
        let shrinks = [now(1000), now(2000), now(3000), now(1500)];
        assert!(after(Doing::Order, 0, &shrinks).is_some());
        let done = [now(1000), now(2000), now(3000), now(90)];
        assert_eq!(after(Doing::Order, 0, &done), None);
    }
}

//! What limits delivery while the queue grows, measured by how the forwarder spends its time. Pure: time is passed in.
//!
//! At any moment the forwarder computes, waits for the disk, or waits for answers. While it waits for answers, events are held
//! back by the limit of puts in flight, or by the order, if every waiting event is behind another one of its key. The activity
//! that takes most of a window is the limit, unless records were throttled or the processor was busy.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::put::PutTotals;
use crate::delivery::{Bound, Limit};

/// The time of one measurement. In a shorter one, the scheduler and the senders' intervals would show.
const WINDOW: Duration = Duration::from_secs(3);

/// Number of windows in a row with a longer queue at their end after which the queue grows.
const GROWING_WINDOWS: usize = 2;

/// A queue that is delivered within this time does not count.
const CAUGHT_UP: Duration = Duration::from_secs(1);

/// Shares from which on throttling, the processor or the disk is the limit.
const THROTTLED_SHARE: f64 = 0.05;
const BUSY_SHARE: f64 = 0.8;
const DISK_SHARE: f64 = 0.5;

/// What the forwarder does or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// No event waits, or all wait for the user or the network.
    Nothing,
    /// It computes.
    Computing,
    /// It waits for the spool.
    Disk,
    /// Events could be put, but no more puts may be in flight.
    Full,
    /// Every waiting event is behind one of its key that is in flight.
    Order,
}

/// What is known at the end of a window.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Number of waiting events.
    pub(super) queued: u64,
    /// Number of puts in flight.
    pub(super) puts: usize,
    /// The limit of puts in flight cannot grow.
    pub(super) is_at_max: bool,
    /// CPU time of the process, if the system tells it.
    pub(super) cpu: Option<Duration>,
    pub(super) processors: usize,
    /// Open shards of the stream, if it tells them.
    pub(super) shards: Option<u32>,
    /// The key with most events that wait for one in flight.
    pub(super) key: Option<Arc<str>>,
    /// Number of such keys.
    pub(super) keys: usize,
}

/// Sums over a window.
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

/// Measures how the time is spent.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    activity: Activity,
    since: Instant,
    sums: Sums,
    cpu: Option<Duration>,
    /// The length of the queue at the end of the last windows.
    queued: VecDeque<u64>,
    bound: Option<Bound>,
}

impl Meter {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            activity: Activity::Nothing,
            since: now,
            sums: Sums::default(),
            cpu: None,
            queued: VecDeque::new(),
            bound: None,
        }
    }

    /// What limits delivery, while the queue grows or has grown.
    pub(super) fn bound(&self) -> Option<&Bound> {
        self.bound.as_ref()
    }

    /// The forwarder begins another activity.
    pub(super) fn set(&mut self, activity: Activity, now: Instant) {
        let span = now.saturating_duration_since(self.since);
        match self.activity {
            Activity::Nothing => {}
            Activity::Computing => self.sums.computing += span,
            Activity::Disk => self.sums.disk += span,
            Activity::Full => self.sums.full += span,
            Activity::Order => self.sums.order += span,
        }
        (self.activity, self.since) = (activity, now);
    }

    /// Counts a finished put.
    pub(super) fn count_put(&mut self, latency: Duration, totals: &PutTotals) {
        self.sums.puts += 1;
        self.sums.latency += latency;
        self.sums.records += totals.delivered.records;
        self.sums.events += totals.delivered.events;
        self.sums.bytes += totals.bytes;
        self.sums.throttled += totals.throttled;
    }

    /// Whether the window is over and [`Self::end_window`] is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= WINDOW
    }

    /// When a published limit is due to be measured again, even if nothing else happens.
    pub(super) fn window_end(&self) -> Option<Instant> {
        self.bound.is_some().then(|| self.began + WINDOW)
    }

    /// Ends the window and takes its sums as the limit.
    pub(super) fn end_window(&mut self, at: Instant, sample: &Sample) {
        self.set(self.activity, at);
        let span = at.saturating_duration_since(self.began).as_secs_f64();
        let sums = std::mem::take(&mut self.sums);
        let cpu = sample.cpu.zip(self.cpu).map(|(now, before)| now.saturating_sub(before).as_secs_f64());
        (self.began, self.cpu) = (at, sample.cpu);
        self.queued.push_back(sample.queued);
        if self.queued.len() > GROWING_WINDOWS + 1 {
            self.queued.pop_front();
        }
        let per_sec = sums.events as f64 / span;
        if (sample.queued as f64) <= per_sec * CAUGHT_UP.as_secs_f64() + 1.0 {
            self.bound = None;
            return;
        }
        let grows = self.queued.len() > GROWING_WINDOWS && self.queued.iter().is_sorted_by(|a, b| a < b);
        if self.bound.is_none() && !grows {
            return;
        }
        let Some(limit) = limit(&sums, span, cpu, sample) else {
            self.bound = None;
            return;
        };
        let each = |sum: f64, count: u64| sum / count.max(1) as f64;
        let bound = Bound {
            limit,
            per_sec,
            latency: sums.latency / sums.puts.max(1),
            puts: sample.puts,
            events_per_record: each(sums.events as f64, sums.records).max(1.0),
            bytes_per_event: each(sums.bytes as f64, sums.events),
            shards: sample.shards,
        };
        if self.bound.as_ref().is_none_or(|published| !is_near(published, &bound)) {
            self.bound = Some(bound);
        }
    }
}

/// Whether a user would see no difference.
fn is_near(published: &Bound, bound: &Bound) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= a * 0.25;
    let is_same_limit = match (&published.limit, &bound.limit) {
        // The number of waiting keys changes all the time.
        (Limit::Order { key, .. }, Limit::Order { key: other, .. }) => key == other,
        (limit, other) => limit == other,
    };
    is_same_limit
        && near(published.per_sec, bound.per_sec)
        && near(published.latency.as_secs_f64(), bound.latency.as_secs_f64())
        && near(published.events_per_record, bound.events_per_record)
}

/// `None`: the forwarder waited for neither answers nor the disk most of the time.
fn limit(sums: &Sums, span: f64, cpu: Option<f64>, sample: &Sample) -> Option<Limit> {
    let share = |part: Duration| part.as_secs_f64() / span;
    let throttled = sums.throttled as f64 / (sums.throttled + sums.events).max(1) as f64;
    let busy = cpu.map_or(0.0, |cpu| cpu / (span * sample.processors.max(1) as f64));
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
        let key = sample.key.clone()?;
        Some(Limit::Order { key, keys: sample.keys })
    } else if sample.is_at_max {
        Some(Limit::Puts)
    } else {
        Some(Limit::Server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Puts;

    fn sample(queued: u64) -> Sample {
        Sample {
            queued,
            puts: 64,
            is_at_max: true,
            cpu: None,
            processors: 2,
            shards: None,
            key: Some("u1".into()),
            keys: 3,
        }
    }

    /// Spends windows with one activity, with a sample at the end of each; returns what limits delivery after the last.
    fn after(activity: Activity, throttled: u64, windows: &[Sample]) -> Option<Bound> {
        let mut at = Instant::now();
        let mut meter = Meter::new(at);
        let delivered = Puts { records: 100, events: 300, ..Puts::default() };
        let totals = PutTotals { delivered, bytes: 120_000, throttled };
        for sample in windows {
            meter.set(activity, at);
            at += WINDOW;
            meter.count_put(Duration::from_millis(20), &totals);
            assert!(meter.is_due(at));
            meter.end_window(at, sample);
        }
        meter.bound().cloned()
    }

    fn growing() -> [Sample; 3] {
        [1000, 2000, 3000].map(sample)
    }

    #[test]
    fn the_activity_that_takes_most_time_is_the_limit() {
        let limit = |activity| after(activity, 0, &growing()).map(|bound| bound.limit);
        assert_eq!(limit(Activity::Order), Some(Limit::Order { key: "u1".into(), keys: 3 }));
        assert_eq!(limit(Activity::Full), Some(Limit::Puts));
        assert_eq!(limit(Activity::Computing), Some(Limit::Processor));
        assert_eq!(limit(Activity::Disk), Some(Limit::Disk));
        assert_eq!(limit(Activity::Nothing), None);
        let not_most = growing().map(|sample| Sample { is_at_max: false, ..sample });
        assert_eq!(after(Activity::Full, 0, &not_most).map(|bound| bound.limit), Some(Limit::Server));
    }

    #[test]
    fn throttling_and_a_busy_processor_explain_what_looks_like_waiting() {
        let limit = |throttled, windows: &[Sample]| {
            after(Activity::Full, throttled, windows).map(|bound| bound.limit)
        };
        assert_eq!(limit(100, &growing()), Some(Limit::Shards));
        let cpu = |seconds| Some(Duration::from_secs(seconds));
        // Two processors, in windows of three seconds.
        let busy = growing().into_iter().zip([0, 6, 12]);
        let busy: Vec<_> = busy.map(|(sample, seconds)| Sample { cpu: cpu(seconds), ..sample }).collect();
        assert_eq!(limit(0, &busy), Some(Limit::Processor));
    }

    #[test]
    fn a_limit_comes_with_the_size_of_an_event_and_the_rate() {
        let bound = after(Activity::Order, 0, &growing()).expect("a queue that grows");
        assert_eq!((bound.per_sec, bound.latency), (100.0, Duration::from_millis(20)));
        assert_eq!((bound.events_per_record, bound.bytes_per_event), (3.0, 400.0));
    }

    #[test]
    fn a_limit_is_named_from_when_the_queue_grows_until_it_is_delivered() {
        assert_eq!(after(Activity::Order, 0, &[3000; 3].map(sample)), None);
        let short = [10, 20, 30].map(sample);
        assert_eq!(after(Activity::Order, 0, &short), None, "delivered within a third of a second");
        let shrinks = [1000, 2000, 3000, 1500].map(sample);
        assert!(after(Activity::Order, 0, &shrinks).is_some());
        let done = [1000, 2000, 3000, 90].map(sample);
        assert_eq!(after(Activity::Order, 0, &done), None);
    }
}

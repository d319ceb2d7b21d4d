//! `/metrics`: counts and states as Prometheus text. No event and no key. [`super::otlp`] pushes the same families.
//!
//! Names, types and units as Prometheus asks (<https://prometheus.io/docs/practices/naming/>). Labels are bounded: sources of
//! the settings, at most 128 shards, and words of our own. Counters begin anew at a start, but for those of the ledger.

use std::{collections::BTreeMap, fmt::Display, sync::Arc};

use prometheus::{
    TextEncoder,
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use super::activity::SourceSums;
use crate::{
    delivery::{AlertReport, ForwarderState, InFlight, Ledger, Limit, Pushes, PutOutcome, Puts, chart},
    spool::Share,
};

const STATES: [&str; 6] = ["disabled", "running", "throttled", "blocked", "offline", "draining"];

/// The counters of the ledger, which is on disk: they go on after a restart. All others begin at zero with the engine.
pub(super) const OF_THE_LEDGER: [&str; 8] = [
    "tributary_accepted_total",
    "tributary_delivered_total",
    "tributary_failed_total",
    "tributary_resent_total",
    "tributary_replayed_total",
    "tributary_rejected_total",
    "tributary_rejected_not_kept_total",
    "tributary_repeats_possible_total",
];

/// Upper bounds of the histograms: 1 ms, and then always twice as much, up to about 70 minutes.
const BUCKETS: u32 = 23;

/// What `/metrics` shows.
pub(super) struct Metrics<'m> {
    pub(super) ledger: Ledger,
    pub(super) puts: Puts,
    pub(super) in_flight: InFlight,
    pub(super) forwarder: &'m ForwarderState,
    /// What limits delivery while the queue grows.
    pub(super) limit: Option<&'m Limit>,
    /// Events that the destination refuses while it accepts others, and those that wait behind them.
    pub(super) stuck_events: u64,
    pub(super) unknown_key_requests: u64,
    /// Refused requests by the code of their response.
    pub(super) refused: &'m BTreeMap<&'static str, u64>,
    /// The share of the spool of each source.
    pub(super) shares: &'m [(Arc<str>, Share)],
    /// What each source sent since the start.
    pub(super) sources: &'m BTreeMap<Arc<str>, SourceSums>,
    /// Everything that was committed since the start.
    pub(super) since_start: &'m chart::Interval,
    pub(super) spool: SpoolMetrics,
    pub(super) alerts: &'m [AlertReport],
    pub(super) pushes: Pushes,
}

/// The state of the spool and its disk. `None`: not known, or there is none.
#[derive(Default)]
pub(super) struct SpoolMetrics {
    /// Seconds since the oldest queued event was received.
    pub(super) oldest_age: f64,
    /// Seconds until no more events are accepted, at the present rate; infinite while the queue does not grow.
    pub(super) seconds_left: f64,
    /// `spool.max_bytes`.
    pub(super) bytes_max: u64,
    pub(super) disk_used: Option<u64>,
    pub(super) disk_free: Option<u64>,
}

impl Metrics<'_> {
    /// All families, with those of the process where the system has them.
    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let mut families = Families::default();
        self.sums(&mut families);
        self.labelled(&mut families);
        self.states(&mut families);
        self.latencies(&mut families);
        #[cfg(target_os = "linux")]
        families.0.extend(prometheus::core::Collector::collect(
            &prometheus::process_collector::ProcessCollector::for_self(),
        ));
        families.0
    }

    #[rustfmt::skip]
    fn sums(&self, all: &mut Families) {
        let Self { ledger, puts, spool, .. } = self;
        all.counter("accepted_total", ledger.accepted, "Events whose sender was told 200, and replays. The sum of delivered_total, queued_events and failed_events.");
        all.counter("delivered_total", ledger.delivered, "Events that the stream confirmed.");
        all.counter("failed_total", ledger.failed + ledger.resent, "Events that the destination will never accept, including those that were resent since.");
        all.gauge("failed_events", ledger.failed as f64, "Events that the destination will never accept, now.");
        all.counter("resent_total", ledger.resent, "Failed events that were queued again.");
        all.counter("replayed_total", ledger.replayed, "Delivered events that were queued once more.");
        all.counter("rejected_total", ledger.rejected, "Events rejected at the endpoint.");
        all.counter("rejected_not_kept_total", ledger.rejected_unkept, "Those of rejected_total without a line in the log, because its limits were reached.");
        all.counter("repeats_possible_total", ledger.repeats_possible, "Puts without a clear answer that were repeated: at most this many records are in the stream twice, without those that are put again after a kill.");
        all.gauge("queued_events", ledger.queued as f64, "Events that wait.");
        all.gauge("queued_bytes", ledger.queued_bytes as f64, "Bytes of JSON of events that wait or failed.");
        all.gauge("queued_bytes_limit", spool.bytes_max as f64, "Maximum of queued_bytes (spool.max_bytes): beyond it senders are asked to retry.");
        all.gauge("oldest_queued_event_age_seconds", spool.oldest_age, "Age of the oldest event that waits; 0 if none does.");
        all.gauge("spool_full_in_seconds", spool.seconds_left, "Time until no more events are accepted if the queue goes on growing as in the last minute: until queued_bytes_limit, or until the disk has too little free space. +Inf: it does not grow.");
        if let Some(bytes) = spool.disk_used {
            all.gauge("spool_disk_bytes", bytes as f64, "Bytes of the spool's files.");
        }
        if let Some(bytes) = spool.disk_free {
            all.gauge("disk_free_bytes", bytes as f64, "Free bytes on the spool's disk.");
        }
        all.gauge("in_flight_events", self.in_flight.events as f64, "Events that were put and have no answer yet.");
        all.gauge("in_flight_records", self.in_flight.records as f64, "Records that were put and have no answer yet.");
        all.counter("records_total", puts.records, "Records that the stream confirmed since the start. With aggregation a record has several events.");
        all.counter("payload_units_total", puts.payload_units, "PUT payload units of these records: 25 KiB of data and partition key each, rounded up.");
        all.counter("payload_units_without_aggregation_total", puts.payload_units_alone, "PUT payload units that the same events would have needed with one event in each record.");
        all.gauge("stuck_events", self.stuck_events as f64, "Events that the destination refuses while it accepts others, and those that wait behind them.");
        all.counter("unknown_key_requests_total", self.unknown_key_requests, "Requests without a known write key.");
        all.counter("log_lines_lost_total", crate::log::lost_lines(), "Lines of the program's own log that could not be written.");
    }

    #[rustfmt::skip]
    fn labelled(&self, all: &mut Families) {
        let outcomes = PutOutcome::ALL.map(|outcome| (outcome.as_str(), self.puts.calls.with(outcome)));
        all.counters("puts_total", "outcome", outcomes, "Ended puts (calls of PutRecords or PutRecord) by what became of their records.");
        all.counters("refused_requests_total", "code", self.refused.iter().map(|(code, count)| (code, *count)), "Refused requests, by the code of the response.");
        let errors = self.since_start.errors.iter().map(|(code, count)| (code, *count));
        all.counters("errors_total", "code", errors, "Errors by code: rejections, attempts that did not deliver, and failures.");
        let records = self.since_start.shards.iter().map(|(shard, (records, _))| (shard, *records));
        all.counters("shard_records_total", "shard", records, "Records that the stream confirmed, by shard.");
        let bytes = self.since_start.shards.iter().map(|(shard, (_, bytes))| (shard, *bytes));
        all.counters("shard_bytes_total", "shard", bytes, "Bytes of JSON of the delivered events, by shard.");
        let sums = |value: fn(&SourceSums) -> u64| self.sources.iter().map(move |(name, sums)| (name, value(sums)));
        all.counters("source_accepted_total", "source", sums(|sums| sums.accepted), "Accepted events, by source.");
        all.counters("source_accepted_bytes_total", "source", sums(|sums| sums.accepted_bytes), "Bytes of JSON of accepted events, by source.");
        all.counters("source_rejected_total", "source", sums(|sums| sums.rejected), "Rejected events, by source.");
        let shares = |value: fn(&Share) -> u64| self.shares.iter().map(move |(name, share)| (name, value(share)));
        let alerts = |value: fn(&AlertReport) -> u64| self.alerts.iter().map(move |alert| (&alert.name, value(alert)));
        all.counters("alert_notifications_total", "alert", alerts(|alert| alert.sent), "Notifications that were sent, by alert.");
        all.counters("alert_failures_total", "alert", alerts(|alert| alert.failures), "Tries to send a notification that failed, by alert.");
        let pushes = [("sent", self.pushes.sent), ("failed", self.pushes.failed)];
        all.counters("otlp_pushes_total", "outcome", pushes, "Pushes of these metrics by OTLP (metrics.otlp_endpoint), by what became of them.");
        all.gauges("alert_waiting_notifications", "alert", alerts(|alert| alert.waiting), "Notifications that wait to be sent, by alert.");
        all.gauges("source_queued_bytes", "source", shares(|share| share.bytes), "Bytes of JSON of events that wait or failed, by source.");
        all.gauges("source_queued_bytes_limit", "source", shares(|share| share.limit), "Maximum source_queued_bytes while the other sources have what they have now.");
    }

    #[rustfmt::skip]
    fn states(&self, all: &mut Families) {
        let states = STATES.map(|state| (state, u64::from(state == self.forwarder.as_str())));
        all.gauges("forwarder_state", "state", states, "What the forwarder is doing: 1 for one of the states.");
        let is_it = |limit: &str| self.limit.is_some_and(|current| current.as_str() == limit);
        let limits = Limit::WORDS.map(|limit| (limit, u64::from(is_it(limit))));
        all.gauges("delivery_limit", "limit", limits, "What limits delivery while the queue grows: 1 for at most one of the limits.");
        all.gauges("build_info", "version", [(env!("CARGO_PKG_VERSION"), 1)], "Always 1; the label is the program's version.");
    }

    #[rustfmt::skip]
    fn latencies(&self, all: &mut Families) {
        let Self { since_start: sums, .. } = self;
        all.histogram("accept_seconds", (&sums.accept_ms, sums.accept_ms_sum), "From the end of reading a request to its commit on disk, for each event, rejected ones with a line in the log too. In whole milliseconds.");
        all.histogram("delivery_seconds", (&sums.delivery_ms, sums.delivery_ms_sum), "From the end of reading a request to the stream's answer, for each event. In whole milliseconds.");
    }
}

/// The families of metrics in their order.
#[derive(Default)]
struct Families(Vec<MetricFamily>);

impl Families {
    fn add(&mut self, name: &str, kind: MetricType, help: &str, metrics: Vec<Metric>) {
        // The encoder refuses a family without samples.
        if metrics.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(format!("tributary_{name}"));
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(metrics);
        self.0.push(family);
    }

    fn counter(&mut self, name: &str, value: u64, help: &str) {
        self.add(name, MetricType::COUNTER, help, vec![counter(value)]);
    }

    fn gauge(&mut self, name: &str, value: f64, help: &str) {
        self.add(name, MetricType::GAUGE, help, vec![gauge(value)]);
    }

    fn counters<N: Display>(
        &mut self,
        name: &str,
        label: &str,
        all: impl IntoIterator<Item = (N, u64)>,
        help: &str,
    ) {
        let metrics = all.into_iter().map(|(of, value)| labelled(counter(value), label, &of));
        self.add(name, MetricType::COUNTER, help, metrics.collect());
    }

    fn gauges<N: Display>(
        &mut self,
        name: &str,
        label: &str,
        all: impl IntoIterator<Item = (N, u64)>,
        help: &str,
    ) {
        let metrics = all.into_iter().map(|(of, value)| labelled(gauge(value as f64), label, &of));
        self.add(name, MetricType::GAUGE, help, metrics.collect());
    }

    /// A histogram of milliseconds, and their sum.
    fn histogram(&mut self, name: &str, (times, sum_ms): (&chart::Histogram, u64), help: &str) {
        let bucket = |power: u32| {
            let ms = 1_i64 << power;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(ms as f64 / 1000.0);
            // Times are whole milliseconds, rounded down: shorter than the bound.
            bucket.set_cumulative_count(times.at_most(ms - 1));
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_sample_count(times.len());
        histogram.set_sample_sum(sum_ms as f64 / 1000.0);
        histogram.set_bucket((0..BUCKETS).map(bucket).collect());
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        self.add(name, MetricType::HISTOGRAM, help, vec![metric]);
    }
}

/// The families as Prometheus reads them.
pub(super) fn text(families: &[MetricFamily]) -> String {
    TextEncoder::new().encode_to_string(families).expect("every family has samples of its type")
}

fn counter(value: u64) -> Metric {
    let (mut metric, mut counter) = (Metric::default(), Counter::default());
    counter.set_value(value as f64);
    metric.set_counter(counter);
    metric
}

fn gauge(value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    Metric::from_gauge(gauge)
}

fn labelled(mut metric: Metric, label: &str, value: &impl Display) -> Metric {
    let mut pair = LabelPair::default();
    pair.set_name(label.to_owned());
    pair.set_value(value.to_string());
    metric.set_label(vec![pair]);
    metric
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::PutCalls;

    fn text_of(forwarder: &ForwarderState, puts: Puts, since_start: &chart::Interval) -> String {
        let metrics = Metrics {
            ledger: Ledger::default(),
            puts,
            in_flight: InFlight::default(),
            forwarder,
            limit: None,
            stuck_events: 0,
            unknown_key_requests: 0,
            refused: &BTreeMap::new(),
            shares: &[],
            sources: &BTreeMap::new(),
            since_start,
            spool: SpoolMetrics { seconds_left: f64::INFINITY, ..SpoolMetrics::default() },
            alerts: &[],
            pushes: Pushes::default(),
        };
        text(&metrics.families())
    }

    #[track_caller]
    fn has(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(text.lines().any(|other| other == *line), "{line}: {text}");
        }
    }

    #[test]
    fn exactly_one_state_is_on_whatever_the_forwarder_does() {
        let fault = crate::delivery::AwsError::new("NoAnswer", "");
        for forwarder in [
            ForwarderState::Disabled,
            ForwarderState::Running,
            ForwarderState::Throttled(fault.clone()),
            ForwarderState::Blocked { fault: fault.clone(), next_try: 0 },
            ForwarderState::Offline { fault, next_try: 0 },
            ForwarderState::Draining,
        ] {
            let text = text_of(&forwarder, Puts::default(), &chart::Interval::default());
            let on: Vec<_> =
                text.lines().filter(|line| line.contains("state=") && line.ends_with(" 1")).collect();
            assert_eq!(on, [format!("tributary_forwarder_state{{state=\"{}\"}} 1", forwarder.as_str())]);
        }
    }

    #[test]
    fn puts_and_what_aggregation_saves_are_counted() {
        let puts = Puts {
            records: 3,
            events: 60,
            payload_units: 5,
            payload_units_alone: 60,
            calls: PutCalls::one(PutOutcome::Throttled),
        };
        let text = text_of(&ForwarderState::Running, puts, &chart::Interval::default());
        has(
            &text,
            &[
                "tributary_records_total 3",
                "tributary_payload_units_total 5",
                "tributary_payload_units_without_aggregation_total 60",
                "tributary_puts_total{outcome=\"throttled\"} 1",
                "tributary_puts_total{outcome=\"delivered\"} 0",
                // As Go's ParseFloat takes it, which the format asks for.
                "tributary_spool_full_in_seconds inf",
            ],
        );
        let units = [0, 1, 25_600, 25_601, 51_200].map(Puts::payload_units);
        assert_eq!(units, [1, 1, 1, 2, 2], "an empty record is one unit, too");
    }

    #[test]
    fn a_time_is_in_each_bucket_whose_bound_is_longer() {
        let mut sums = chart::Interval::default();
        for ms in [0, 3, 4, 31, 32, 5000] {
            sums.delivery_took(ms);
        }
        sums.accept_took(2, 10);
        let text = text_of(&ForwarderState::Running, Puts::default(), &sums);
        has(
            &text,
            &[
                "tributary_delivery_seconds_bucket{le=\"0.001\"} 1",
                "tributary_delivery_seconds_bucket{le=\"0.004\"} 2",
                "tributary_delivery_seconds_bucket{le=\"0.008\"} 3",
                "tributary_delivery_seconds_bucket{le=\"0.032\"} 4",
                "tributary_delivery_seconds_bucket{le=\"0.064\"} 5",
                "tributary_delivery_seconds_bucket{le=\"4.096\"} 5",
                "tributary_delivery_seconds_bucket{le=\"8.192\"} 6",
                "tributary_delivery_seconds_bucket{le=\"+Inf\"} 6",
                "tributary_delivery_seconds_sum 5.07",
                "tributary_delivery_seconds_count 6",
                "tributary_accept_seconds_sum 0.02",
                "tributary_accept_seconds_count 10",
            ],
        );
    }
}

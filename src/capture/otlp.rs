//! The metrics as OTLP, OpenTelemetry's protocol (<https://opentelemetry.io/docs/specs/otlp/>): the same families as in `/metrics`,
//! with the same names, values and labels. Pure. Absent on purpose: the push itself, which is the engine's, and units, which
//! the names have already.
//!
//! A counter becomes a cumulative, monotonic sum, a gauge a gauge, a histogram a histogram whose buckets are not cumulative. All
//! numbers are doubles, so that no series changes its type; infinity stays infinity.

mod messages;

use prometheus::proto::{Bucket, LabelPair, Metric, MetricFamily, MetricType};
use prost::Message as _;

use self::messages as otlp;
use super::metrics::OF_THE_LEDGER;
use crate::delivery::Millis;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`
const CUMULATIVE: i32 = 2;

/// Who pushes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// The name of this machine.
    pub host: String,
    /// What tells this engine from every other one, also after a restart.
    pub instance: String,
}

/// The times of a push.
///
/// A rate is the growth since the start time. Most counters were zero when the engine started. The ledger's were not, and when
/// they were is not known: OTLP says so by a first point without duration, whose start is its own time. The next points have the
/// same start. If the first point was lost, the next one would look as if all had come since: so `ledger_since` is the time of
/// the first push that arrived, and until then [`Times::now`].
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// When the engine started.
    pub started_at: Millis,
    /// The start time of the ledger's counters.
    pub ledger_since: Millis,
    /// The time of the values.
    pub now: Millis,
}

/// What the receiver said of a push that it took, if that is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialSuccess {
    /// Data points that it did not take; 0: it took all, and the message is a warning.
    pub rejected: u64,
    /// Why.
    pub message: String,
}

/// The body of a push.
pub(super) fn request(families: &[MetricFamily], resource: &Resource, times: Times) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let attributes = vec![
        attribute("service.name", "tributary"),
        attribute("service.version", version),
        attribute("service.instance.id", &resource.instance),
        attribute("host.name", &resource.host),
    ];
    let scope = otlp::Scope { name: "tributary".to_owned(), version: version.to_owned() };
    let metrics = families.iter().filter_map(|family| metric(family, times)).collect();
    let resource_metrics = otlp::ResourceMetrics {
        resource: Some(otlp::Resource { attributes }),
        scope_metrics: vec![otlp::ScopeMetrics { scope: Some(scope), metrics }],
    };
    otlp::Request { resource_metrics: vec![resource_metrics] }.encode_to_vec()
}

/// Reads the answer to a push that was taken.
pub fn partial_success(body: &[u8]) -> Option<PartialSuccess> {
    // What cannot be read says nothing: the status has said that the push was taken.
    let said = otlp::Response::decode(body).ok()?.partial_success?;
    let rejected = u64::try_from(said.rejected_data_points).unwrap_or(0);
    (rejected > 0 || !said.message.is_empty()).then_some(PartialSuccess { rejected, message: said.message })
}

/// Reads the answer to a push that was refused: its message, if the body is of the protocol.
pub fn refusal(body: &[u8]) -> Option<String> {
    let status = otlp::Status::decode(body).ok()?;
    Some(status.message).filter(|message| !message.is_empty())
}

/// `None`: a type that `/metrics` does not have.
fn metric(family: &MetricFamily, times: Times) -> Option<otlp::Metric> {
    let metric = otlp::Metric {
        name: family.name().to_owned(),
        description: family.help().to_owned(),
        ..otlp::Metric::default()
    };
    let since = if OF_THE_LEDGER.contains(&family.name()) { times.ledger_since } else { times.started_at };
    // The system's clock may have been set back.
    let (start, time) = (nanos(since.min(times.now)), nanos(times.now));
    let numbers = |start: u64, value: fn(&Metric) -> f64| {
        let number = |metric: &Metric| otlp::Number {
            start,
            time,
            value: Some(value(metric)),
            attributes: attributes(metric.get_label()),
        };
        family.get_metric().iter().map(number).collect::<Vec<_>>()
    };
    match family.get_field_type() {
        MetricType::COUNTER => {
            let points = numbers(start, |metric| metric.get_counter().get_value());
            Some(otlp::Metric {
                sum: Some(otlp::Sum { points, temporality: CUMULATIVE, is_monotonic: true }),
                ..metric
            })
        }
        // The start time of a gauge means nothing.
        MetricType::GAUGE => {
            let points = numbers(0, |metric| metric.get_gauge().get_value());
            Some(otlp::Metric { gauge: Some(otlp::Gauge { points }), ..metric })
        }
        MetricType::HISTOGRAM => {
            let points = family.get_metric().iter().map(|metric| histogram(metric, start, time)).collect();
            let histogram = otlp::Histogram { points, temporality: CUMULATIVE };
            Some(otlp::Metric { histogram: Some(histogram), ..metric })
        }
        MetricType::SUMMARY | MetricType::UNTYPED => None,
    }
}

/// Prometheus's buckets count everything up to their bound, OTLP's what is between two bounds, and one more what is above all.
fn histogram(metric: &Metric, start: u64, time: u64) -> otlp::HistogramPoint {
    let histogram = metric.get_histogram();
    let buckets = histogram.get_bucket();
    let count = histogram.get_sample_count();
    let counts = buckets.iter().map(Bucket::cumulative_count).chain([count]).scan(0, |below, up_to| {
        let between = up_to - *below;
        *below = up_to;
        Some(between)
    });
    otlp::HistogramPoint {
        start,
        time,
        count,
        sum: Some(histogram.get_sample_sum()),
        counts: counts.collect(),
        bounds: buckets.iter().map(Bucket::upper_bound).collect(),
        attributes: attributes(metric.get_label()),
    }
}

fn attributes(labels: &[LabelPair]) -> Vec<otlp::KeyValue> {
    labels.iter().map(|label| attribute(label.name(), label.value())).collect()
}

fn attribute(key: &str, value: &str) -> otlp::KeyValue {
    otlp::KeyValue { key: key.to_owned(), value: Some(otlp::Text { text: Some(value.to_owned()) }) }
}

fn nanos(at: Millis) -> u64 {
    u64::try_from(at).unwrap_or(0) * 1_000_000
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::metrics::v1::{
            ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
        },
        common::v1::any_value::Value,
        metrics::v1::{Metric, metric::Data, number_data_point},
    };
    use prometheus::proto::{Counter, Gauge, Histogram};

    use super::*;

    const TIMES: Times = Times { started_at: 1_000, ledger_since: 5_000, now: 7_000 };

    fn family(name: &str, kind: MetricType, metric: prometheus::proto::Metric) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(format!("About {name}."));
        family.set_field_type(kind);
        family.set_metric(vec![metric]);
        family
    }

    fn counter(name: &str, value: f64) -> MetricFamily {
        let (mut metric, mut counter) = (prometheus::proto::Metric::default(), Counter::default());
        counter.set_value(value);
        metric.set_counter(counter);
        let mut label = LabelPair::default();
        label.set_name("source".to_owned());
        label.set_value("Web \"shop\" ü".to_owned());
        metric.set_label(vec![label]);
        family(name, MetricType::COUNTER, metric)
    }

    /// As the messages read it that are generated from the official definition.
    fn decoded(families: &[MetricFamily], times: Times) -> Vec<Metric> {
        let resource = Resource { host: "web-1".to_owned(), instance: "web-1:8485".to_owned() };
        let request = request(families, &resource, times);
        let mut request = ExportMetricsServiceRequest::decode(&*request).expect("a request");
        let mut of_resource = request.resource_metrics.remove(0);
        let attributes = of_resource.resource.expect("a resource").attributes;
        let text = |value: Option<opentelemetry_proto::tonic::common::v1::AnyValue>| match value?.value? {
            Value::StringValue(text) => Some(text),
            _ => None,
        };
        let shown: Vec<_> =
            attributes.into_iter().map(|pair| (pair.key, text(pair.value).expect("a text"))).collect();
        let shown: Vec<_> = shown.iter().map(|(key, value)| (&**key, &**value)).collect();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            shown,
            [
                ("service.name", "tributary"),
                ("service.version", version),
                ("service.instance.id", "web-1:8485"),
                ("host.name", "web-1")
            ]
        );
        let scope = of_resource.scope_metrics.remove(0);
        assert_eq!(
            scope.scope.map(|scope| (scope.name, scope.version)),
            Some(("tributary".into(), version.into()))
        );
        scope.metrics
    }

    #[test]
    fn a_counter_is_a_cumulative_sum_since_the_start_and_the_ledgers_since_the_first_push() {
        let families = [counter("tributary_puts_total", 3.0), counter("tributary_accepted_total", 9e15)];
        let metrics = decoded(&families, TIMES);
        for (metric, start, value) in [(&metrics[0], 1_000, 3.0), (&metrics[1], 5_000, 9e15)] {
            let Some(Data::Sum(sum)) = &metric.data else { panic!("a sum: {metric:?}") };
            assert_eq!((sum.is_monotonic, sum.aggregation_temporality), (true, CUMULATIVE));
            let point = &sum.data_points[0];
            assert_eq!(
                (point.start_time_unix_nano, point.time_unix_nano),
                (start * 1_000_000, 7_000_000_000)
            );
            assert_eq!(point.value, Some(number_data_point::Value::AsDouble(value)));
            let label = &point.attributes[0];
            let text = label.value.as_ref().and_then(|value| value.value.clone());
            assert_eq!((&*label.key, text), ("source", Some(Value::StringValue("Web \"shop\" ü".into()))));
        }
        assert_eq!(metrics[0].name, "tributary_puts_total");
        assert_eq!(metrics[0].description, "About tributary_puts_total.");
        assert_eq!(metrics[0].unit, "");
        let set_back = decoded(&families, Times { now: 500, ..TIMES });
        let Some(Data::Sum(sum)) = &set_back[0].data else { panic!("a sum: {set_back:?}") };
        assert_eq!(sum.data_points[0].start_time_unix_nano, 500_000_000, "a start is never after the time");
    }

    #[test]
    fn a_gauge_keeps_infinity() {
        let mut gauge = Gauge::default();
        gauge.set_value(f64::INFINITY);
        let metric = prometheus::proto::Metric::from_gauge(gauge);
        let metrics = decoded(&[family("tributary_spool_full_in_seconds", MetricType::GAUGE, metric)], TIMES);
        let Some(Data::Gauge(gauge)) = &metrics[0].data else { panic!("a gauge: {metrics:?}") };
        let point = &gauge.data_points[0];
        assert_eq!(point.value, Some(number_data_point::Value::AsDouble(f64::INFINITY)));
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (0, 7_000_000_000));
    }

    #[test]
    fn the_buckets_of_a_histogram_count_what_is_between_two_bounds() {
        let mut histogram = Histogram::default();
        histogram.set_sample_count(10);
        histogram.set_sample_sum(12.5);
        let bucket = |(bound, count)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(count);
            bucket
        };
        histogram.set_bucket([(0.5, 2), (1.0, 2), (2.0, 9)].map(bucket).to_vec());
        let mut metric = prometheus::proto::Metric::default();
        metric.set_histogram(histogram);
        let metrics = decoded(&[family("tributary_delivery_seconds", MetricType::HISTOGRAM, metric)], TIMES);
        let Some(Data::Histogram(histogram)) = &metrics[0].data else { panic!("a histogram: {metrics:?}") };
        assert_eq!(histogram.aggregation_temporality, CUMULATIVE);
        let point = &histogram.data_points[0];
        assert_eq!(point.explicit_bounds, [0.5, 1.0, 2.0]);
        assert_eq!(point.bucket_counts, [2, 0, 7, 1]);
        assert_eq!((point.count, point.sum), (10, Some(12.5)));
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (1_000_000_000, 7_000_000_000));
    }

    #[test]
    fn an_answer_tells_what_was_not_taken() {
        let answer = |rejected_data_points, error_message: &str| {
            let error_message = error_message.to_owned();
            let partial_success = Some(ExportMetricsPartialSuccess { rejected_data_points, error_message });
            partial_success.filter(|_| rejected_data_points >= 0)
        };
        let read = |answer| {
            partial_success(&ExportMetricsServiceResponse { partial_success: answer }.encode_to_vec())
        };
        let said = |rejected, message: &str| Some(PartialSuccess { rejected, message: message.to_owned() });
        assert_eq!(read(answer(3, "too old")), said(3, "too old"));
        assert_eq!(read(answer(0, "nearly too old")), said(0, "nearly too old"));
        assert_eq!(read(answer(0, "")), None);
        assert_eq!(read(None), None);
        assert_eq!(partial_success(b"{}"), None, "JSON");
        // google.rpc.Status: code 16, message "no key".
        assert_eq!(refusal(b"\x08\x10\x12\x06no key").as_deref(), Some("no key"));
        assert_eq!(refusal(b"<html>"), None);
    }
}

//! Pushes of the metrics to an OTLP receiver on loopback, which reads them by the official messages.

use std::{
    collections::BTreeSet,
    io::Write as _,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
    },
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint, metric::Data, number_data_point},
};
use prost::Message as _;

use crate::{
    binary::{Home, Serve, WRITE_KEY, key_header},
    practising::practising,
    received,
    wire::{self, adds_up, metric, wait_for, wait_until},
};

/// The settings with which a push comes each second.
const EACH_SECOND: &str = "TRIBUTARY_METRICS_OTLP_INTERVAL_SECONDS";
const ENDPOINT: &str = "TRIBUTARY_METRICS_OTLP_ENDPOINT";
const TAKEN: &str = "200 OK";

/// A push that arrived.
#[derive(Clone)]
struct Push {
    head: String,
    request: ExportMetricsServiceRequest,
}

impl Push {
    fn metrics(&self) -> &[Metric] {
        &self.request.resource_metrics[0].scope_metrics[0].metrics
    }

    fn resource(&self, key: &str) -> String {
        let resource = self.request.resource_metrics[0].resource.as_ref().expect("a resource");
        let found = resource.attributes.iter().find(|pair| pair.key == key);
        text(found.unwrap_or_else(|| panic!("no {key}: {resource:?}")))
    }

    /// The point without attributes of a counter.
    fn counter(&self, name: &str) -> (u64, u64, f64) {
        let metric = self.metrics().iter().find(|metric| metric.name == name).expect("a metric");
        let Some(Data::Sum(sum)) = &metric.data else { panic!("a sum: {metric:?}") };
        assert!(sum.is_monotonic && sum.aggregation_temporality == 2, "{sum:?}");
        let point = &sum.data_points[0];
        (point.start_time_unix_nano, point.time_unix_nano, number(point))
    }

    /// The samples as `/metrics` writes them.
    fn samples(&self) -> BTreeSet<String> {
        let mut lines = BTreeSet::new();
        for Metric { name, data, .. } in self.metrics() {
            match data.as_ref().expect("a type") {
                Data::Sum(sum) => lines.extend(sum.data_points.iter().map(|point| sample(name, point))),
                Data::Gauge(gauge) => lines.extend(gauge.data_points.iter().map(|point| sample(name, point))),
                Data::Histogram(histogram) => {
                    lines.extend(histogram.data_points.iter().flat_map(|point| buckets(name, point)));
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        lines
    }
}

fn text(pair: &KeyValue) -> String {
    match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("{}: {other:?}", pair.key),
    }
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        other => panic!("a double: {other:?}"),
    }
}

fn sample(name: &str, point: &NumberDataPoint) -> String {
    let quoted = |pair| text(pair).replace('\\', "\\\\").replace('"', "\\\"");
    let labels: Vec<_> =
        point.attributes.iter().map(|pair| format!("{}=\"{}\"", pair.key, quoted(pair))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    format!("{name}{labels} {}", number(point))
}

fn buckets(name: &str, point: &HistogramDataPoint) -> Vec<String> {
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    let bounds = point.explicit_bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
    let mut up_to = 0;
    let mut lines: Vec<_> = bounds
        .zip(&point.bucket_counts)
        .map(|(bound, count)| {
            up_to += count;
            format!("{name}_bucket{{le=\"{bound}\"}} {up_to}")
        })
        .collect();
    lines.push(format!("{name}_sum {}", point.sum.expect("a sum")));
    lines.push(format!("{name}_count {}", point.count));
    lines
}

/// An OTLP receiver on loopback that remembers what it got, and answers what it is told to.
pub struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Push>>>,
    answer: Arc<Mutex<(&'static str, Vec<u8>)>>,
}

impl Receiver {
    /// Serves until the process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let got = Arc::<Mutex<Vec<Push>>>::default();
        let answer = Arc::new(Mutex::new((TAKEN, Vec::new())));
        let (receiving, answering) = (Arc::clone(&got), Arc::clone(&answer));
        let serve = move || {
            for mut socket in listener.incoming().map_while(Result::ok) {
                let Some((head, body)) = received::request(&socket) else { continue };
                let request = ExportMetricsServiceRequest::decode(&*body).expect("a request of OTLP");
                let (status, body) = answering.lock().unwrap_or_else(PoisonError::into_inner).clone();
                receiving.lock().unwrap_or_else(PoisonError::into_inner).push(Push { head, request });
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                drop(socket.write_all(&[head.as_bytes(), &body].concat()));
            }
        };
        std::thread::Builder::new().name("otlp".to_owned()).spawn(serve).expect("the system gives a thread");
        Self { address, got, answer }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn answers(&self, status: &'static str, body: &[u8]) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = (status, body.to_vec());
    }

    fn count(&self) -> usize {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits for the push after the first `count`.
    fn push(&self, count: usize) -> Push {
        wait_for("a push", || self.got.lock().unwrap_or_else(PoisonError::into_inner).get(count).cloned())
    }

    /// Waits for a push that began after now.
    fn next(&self) -> Push {
        // The one after the next may have begun before.
        self.push(self.count() + 1)
    }

    fn serve(&self, home: &Home) -> Serve {
        home.serve_with(&[], &[(ENDPOINT, Some(&self.url())), (EACH_SECOND, Some("1"))])
    }
}

/// What changes by itself, or with each push.
fn is_steady(line: &str) -> bool {
    const CHANGE: [&str; 5] = [
        "process_",
        "tributary_otlp_pushes_",
        "tributary_spool_disk_",
        "tributary_disk_",
        "tributary_oldest_",
    ];
    !line.starts_with('#') && !CHANGE.iter().any(|start| line.starts_with(start))
}

#[test]
fn a_push_has_every_sample_that_metrics_shows() {
    let receiver = Receiver::start();
    let home =
        Home::new("[[capture.sources]]\nname = \"Web \\\\ \\\"shop\\\"\"\nwrite_key = \"key-of-the-shop\"\n");
    let serve = receiver.serve(&home);
    for _ in 0..3 {
        serve.accept("/v1/track", r#"{"userId":"ada","event":"Seen"}"#);
    }
    let refused =
        wire::send(serve.address, "POST", "/v1/track", &key_header(WRITE_KEY), br#"{"event":"Nobody"}"#);
    assert_eq!(refused.status, 400);
    serve.wait_drained();
    let push = receiver.next();
    let shown = serve.metrics();
    let shown: BTreeSet<_> = shown.lines().filter(|line| is_steady(line)).map(str::to_owned).collect();
    let pushed: BTreeSet<_> = push.samples().into_iter().filter(|line| is_steady(line)).collect();
    assert_eq!(pushed, shown);
    for line in [
        "tributary_accepted_total 3",
        "tributary_source_accepted_total{source=\"Web \\\\ \\\"shop\\\"\"} 0",
        "tributary_spool_full_in_seconds inf",
        "tributary_delivery_seconds_count 3",
    ] {
        assert!(pushed.contains(line), "{line}: {pushed:#?}");
    }
    assert!(pushed.len() > 120, "{}", pushed.len());
    if cfg!(target_os = "linux") {
        assert!(push.samples().iter().any(|line| line.starts_with("process_open_fds ")));
    }
    assert!(push.head.starts_with("POST /v1/metrics HTTP/1.1\r\n"), "{}", push.head);
    assert!(push.head.to_lowercase().contains("content-type: application/x-protobuf\r\n"), "{}", push.head);
    assert_eq!(push.resource("service.name"), "tributary");
    let instance = format!("{}:{}", push.resource("host.name"), serve.address.port());
    assert_eq!(push.resource("service.instance.id"), instance);
    let log = serve.stop();
    assert!(log.contains(&format!("metrics are pushed to {}/v1/metrics every 1 s", receiver.url())), "{log}");
}

#[test]
fn what_the_ledger_counted_before_the_first_push_is_in_no_rate() {
    let receiver = Receiver::start();
    receiver.answers("503 Service Unavailable", b"");
    let home = Home::new("");
    let serve = receiver.serve(&home);
    serve.accept("/v1/track", r#"{"userId":"ada","event":"Seen"}"#);
    serve.wait_drained();
    receiver.next();
    receiver.answers(TAKEN, b"");
    wait_until("one arrived", || {
        metric(&serve.metrics(), "tributary_otlp_pushes_total{outcome=\"sent\"}") >= 2
    });
    let all = receiver.got.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (accepted, puts) = ("tributary_accepted_total", "tributary_puts_total");
    // Those that were refused, and the first that arrived, begin where they end.
    let without_duration = all.iter().filter(|push| push.counter(accepted).0 == push.counter(accepted).1);
    let without_duration: Vec<_> = without_duration.map(|push| push.counter(accepted)).collect();
    assert!(without_duration.len() >= 3, "{without_duration:?}");
    let first = without_duration[without_duration.len() - 1];
    assert_eq!((first.0, first.2), (first.1, 1.0));
    let last = all.last().expect("a push");
    let (start, time, value) = last.counter(accepted);
    assert_eq!((start, value), (first.0, 1.0), "the same start");
    assert!(time > start);
    // What began with the engine has its start, in each push.
    let starts: BTreeSet<_> = all.iter().map(|push| push.counter(puts).0).collect();
    assert!(starts.len() == 1 && starts.first() < Some(&all[0].counter(accepted).0), "{starts:?}");
    serve.stop();
    let serve = receiver.serve(&home);
    let after = wait_for("a push of the new engine", || {
        let all = receiver.got.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|push| push.counter(puts).0 > time).cloned()
    });
    let (start, end, value) = after.counter(accepted);
    assert_eq!((start, value), (end, 1.0), "the ledger goes on, and its rate begins anew");
    serve.stop();
}

#[test]
fn a_receiver_that_refuses_is_a_problem_until_it_takes_a_push_and_holds_nothing_up() {
    let receiver = Receiver::start();
    // google.rpc.Status: code 16, message "no such key".
    receiver.answers("401 Unauthorized", b"\x08\x10\x12\x0bno such key");
    let running = practising(|config| {
        config.metrics.otlp_endpoint = receiver.url();
        config.metrics.otlp_interval_seconds = 1;
    });
    let problems = || running.engine.status().problems.clone();
    let problem = format!(
        "Metrics cannot be pushed to {}/v1/metrics: it answered 401 Unauthorized: no such key. Check metrics.otlp_endpoint, and \
         metrics.otlp_headers_file if the receiver asks for a key. Tributary tries again; no event is affected, and /metrics has \
         the values.",
        receiver.url()
    );
    wait_until("it is a problem", || problems().iter().any(|text| **text == *problem));
    let sent = wire::send(
        running.address,
        "POST",
        "/v1/track",
        &key_header(WRITE_KEY),
        br#"{"userId":"ada","event":"Seen"}"#,
    );
    assert_eq!(sent.status, 200);
    running.wait_settled(1);
    let metrics = wire::get(running.address, "/metrics").text();
    assert!(adds_up(&metrics) && metric(&metrics, "tributary_otlp_pushes_total{outcome=\"failed\"}") >= 2);
    receiver.answers(TAKEN, b"");
    wait_until("the problem is over", || problems().is_empty());
    receiver.answers("500 Internal Server Error", b"");
    wait_until("there is another one", || !problems().is_empty());
    // Switched off.
    running.change(|config| config.metrics.otlp_endpoint.clear());
    wait_until("nothing is pushed, so nothing fails", || problems().is_empty());
    // Another receiver, at once: the next push by the clock is an hour away.
    let other = Receiver::start();
    running.change(|config| {
        config.metrics.otlp_endpoint = format!("{}/otlp/", other.url());
        config.metrics.otlp_interval_seconds = 3600;
    });
    assert!(other.push(0).head.starts_with("POST /otlp/v1/metrics HTTP/1.1\r\n"));
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn headers_come_from_their_file_and_what_is_not_taken_is_logged() {
    let receiver = Receiver::start();
    let home = Home::new("");
    let file = home.folder().join("otlp-headers");
    std::fs::write(&file, "# of our tenant\nAuthorization=Bearer very-secret==\nX-Scope-OrgID = clicks\n")
        .expect("the folder is ours");
    let partial =
        ExportMetricsPartialSuccess { rejected_data_points: 2, error_message: "too old".to_owned() };
    let answer = ExportMetricsServiceResponse { partial_success: Some(partial) };
    receiver.answers(TAKEN, &answer.encode_to_vec());
    let (url, file_name) = (receiver.url(), file.to_str().expect("UTF-8"));
    let serve = home.serve_with(
        &[],
        &[
            (ENDPOINT, Some(&url)),
            (EACH_SECOND, Some("1")),
            ("TRIBUTARY_METRICS_OTLP_HEADERS_FILE", Some(file_name)),
            // It is for other hosts.
            ("HTTP_PROXY", Some("http://127.0.0.1:9")),
        ],
    );
    let head = receiver.push(1).head.to_lowercase();
    assert!(head.contains("authorization: bearer very-secret==\r\nx-scope-orgid: clicks\r\n"), "{head}");
    std::fs::write(&file, "Authorization: very-secret\n").expect("the folder is ours");
    wait_until("it is a problem", || serve.log().contains("Metrics cannot be pushed"));
    let log = serve.stop();
    let warning = format!("{url}/v1/metrics did not take 2 data points of the metrics: too old");
    assert_eq!(log.matches(&warning).count(), 1, "{log}");
    assert!(log.contains(&format!("line 1 of the file {file_name} is not a header as NAME=VALUE")), "{log}");
    assert!(!log.contains("very-secret"), "{log}");
}

#[test]
fn the_variables_of_other_programs_start_no_push() {
    let receiver = Receiver::start();
    let url = receiver.url();
    let home = Home::new("");
    let serve =
        home.serve_with(&[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", Some(&url)), (EACH_SECOND, Some("1"))]);
    serve.accept("/v1/track", r#"{"userId":"ada","event":"Seen"}"#);
    serve.wait_drained();
    assert_eq!(metric(&serve.metrics(), "tributary_otlp_pushes_total{outcome=\"sent\"}"), 0);
    serve.stop();
    assert_eq!(receiver.count(), 0);
}

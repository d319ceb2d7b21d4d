//! A push of the metrics by OTLP, read by OpenTelemetry's own messages for Python, which share no code with ours: it has every
//! sample that Prometheus would read from `/metrics`, of the same type.

use crate::processes::{Listening, python, run};
use crate::prometheus::Engine;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const WAIT_MAX: Duration = Duration::from_secs(40);

/// What changes by itself, or with each push.
const CHANGE: [&str; 5] =
    ["process_", "tributary_otlp_pushes_", "tributary_spool_disk_", "tributary_disk_", "tributary_oldest_"];

fn steady<'t>(samples: impl Iterator<Item = (&'t str, &'t str)>) -> BTreeMap<String, f64> {
    let samples = samples.filter(|(name, _)| !CHANGE.iter().any(|start| name.starts_with(start)));
    samples.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

/// The samples of `/metrics`, and what each family is.
fn shown(metrics: &str) -> (BTreeMap<String, f64>, BTreeMap<String, String>) {
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let samples = steady(samples.filter_map(|line| line.rsplit_once(' ')));
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    (samples, types.map(|(name, kind)| (name.to_owned(), kind.replace("counter", "sum"))).collect())
}

fn texts(value: &Value) -> impl Iterator<Item = (&str, &str)> {
    let object = value.as_object().into_iter().flatten();
    object.map(|(name, value)| (name.as_str(), value.as_str().expect("a text")))
}

#[tokio::test]
async fn an_independent_receiver_reads_from_a_push_what_metrics_shows() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/receivers/otlp.py");
    let (receiver, url) = Listening::start(|port| {
        let mut command = Command::new(python());
        command.arg(&script).arg(port.to_string());
        command
    });
    let engine = Engine::start_with(&[
        ("TRIBUTARY_METRICS_OTLP_ENDPOINT", &url),
        ("TRIBUTARY_METRICS_OTLP_INTERVAL_SECONDS", "1"),
    ])
    .await;
    engine.send();
    let start = Instant::now();
    let pushed = loop {
        let pushed: Value =
            serde_json::from_str(&run(Command::new("curl").args(["--fail", "--silent", &url]), "")).unwrap();
        let (samples, _) = shown(&engine.metrics());
        let told = steady(texts(&pushed["samples"]));
        if told == samples && told.get("tributary_delivered_total") == Some(&1.0) {
            break pushed;
        }
        assert!(start.elapsed() < WAIT_MAX, "{told:#?}\n{samples:#?}\n{}", receiver.said());
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let (samples, types) = shown(&engine.metrics());
    assert!(samples.len() > 100 && samples["tributary_spool_full_in_seconds"].is_infinite(), "{samples:#?}");
    let told: BTreeMap<_, _> =
        texts(&pushed["types"]).map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
    assert_eq!(told, types);
    assert!(engine.metrics().contains(&format!(
        "# HELP tributary_delivered_total {}\n",
        pushed["help"]["tributary_delivered_total"].as_str().unwrap()
    )));
    let resource = &pushed["resource"];
    assert_eq!(resource["service.name"], "tributary");
    let host = resource["host.name"].as_str().unwrap();
    assert_eq!(resource["service.instance.id"], format!("{host}:{}", engine.address.port()));
}

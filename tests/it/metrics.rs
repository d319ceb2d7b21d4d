//! What `/metrics` says of a real engine: who sent what, how long it waits, and when the spool will be full.

use crate::binary::{Home, Serve, key_header};
use crate::wire::{self, metric, metric_as};

const SOURCES: &str = "[[capture.sources]]\nname = \"Web \\\"shop\\\"\"\nwrite_key = \"key-of-the-shop\"\n\
                       [[capture.sources]]\nname = \"App\"\nwrite_key = \"key-of-the-app\"\n";

fn send(serve: &Serve, key: &str, event: &str) -> u16 {
    wire::send(serve.address, "POST", "/v1/track", &key_header(key), event.as_bytes()).status
}

#[test]
fn each_source_has_its_counts_from_the_start_and_each_delivery_its_time() {
    let home = Home::new(SOURCES);
    let serve = home.serve(&[]);
    let none = serve.metrics();
    assert_eq!(metric(&none, "tributary_source_accepted_total{source=\"App\"}"), 0);
    assert_eq!(metric(&none, "tributary_refused_requests_total{code=\"overloaded\"}"), 0);
    for _ in 0..3 {
        assert_eq!(send(&serve, "key-of-the-shop", r#"{"userId":"ada","event":"Seen"}"#), 200);
    }
    assert_eq!(send(&serve, "key-of-the-app", r#"{"event":"Nobody"}"#), 400);
    serve.wait_drained();
    let metrics = serve.metrics();
    for (name, wanted) in [
        ("tributary_source_accepted_total{source=\"Web \\\"shop\\\"\"}", 3),
        ("tributary_source_rejected_total{source=\"Web \\\"shop\\\"\"}", 0),
        ("tributary_source_accepted_total{source=\"App\"}", 0),
        ("tributary_source_rejected_total{source=\"App\"}", 1),
        // The rejected event has a line too.
        ("tributary_accept_seconds_count", 4),
        ("tributary_delivery_seconds_count", 3),
        ("tributary_delivery_seconds_bucket{le=\"+Inf\"}", 3),
        ("tributary_in_flight_records", 0),
        ("tributary_oldest_queued_event_age_seconds", 0),
        ("tributary_refused_requests_total{code=\"no_user_anon_id\"}", 1),
        ("tributary_errors_total{code=\"no_user_anon_id\"}", 1),
    ] {
        assert_eq!(metric(&metrics, name), wanted, "{name}");
    }
    let bytes = metric(&metrics, "tributary_source_accepted_bytes_total{source=\"Web \\\"shop\\\"\"}");
    let by_shard = metrics.lines().filter(|line| line.starts_with("tributary_shard_bytes_total{"));
    let delivered: u64 =
        by_shard.map(|line| line.rsplit(' ').next().unwrap_or("").parse::<u64>().expect("bytes")).sum();
    assert_eq!(delivered, bytes, "all of them were delivered");
    let puts = metric(&metrics, "tributary_puts_total{outcome=\"delivered\"}");
    assert!((1..=3).contains(&puts), "{puts}");
}

#[test]
fn what_waits_grows_older_and_the_time_until_the_spool_is_full_is_finite() {
    let home = Home::new(&format!(
        "[destination]\nenabled = false\n[spool]\nmax_bytes = 1000000\nmin_free_bytes = 0\n{SOURCES}"
    ));
    let serve = home.serve(&[]);
    assert!(metric_as::<f64>(&serve.metrics(), "tributary_spool_full_in_seconds").is_infinite());
    assert_eq!(send(&serve, "key-of-the-app", r#"{"userId":"ada","event":"Seen"}"#), 200);
    let (age, left) = ("tributary_oldest_queued_event_age_seconds", "tributary_spool_full_in_seconds");
    wire::wait_until("it is known that it waits", || {
        let metrics = serve.metrics();
        metric_as::<f64>(&metrics, age) > 0.0 && metric_as::<f64>(&metrics, left).is_finite()
    });
    let metrics = serve.metrics();
    let (queued, limit) = (
        metric_as::<f64>(&metrics, "tributary_queued_bytes"),
        metric_as::<f64>(&metrics, "tributary_queued_bytes_limit"),
    );
    assert_eq!(metric(&metrics, "tributary_queued_bytes_limit"), 1_000_000);
    // These bytes came within at most a minute, and within at least the two seconds over which growth is taken.
    let seconds = metric_as::<f64>(&metrics, left) * queued / (limit - queued);
    assert!((1.9..=60.0).contains(&seconds), "{seconds}: {metrics}");
}

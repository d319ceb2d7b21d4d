//! The part that pushes the metrics to an OTLP receiver, while `metrics.otlp_endpoint` names one.
//!
//! It pushes at once and then every `metrics.otlp_interval_seconds`; new settings are in force after the push that is under way.
//! One push is under way at a time. One that fails is counted and left out: the next one has the newer sums. Two that fail in
//! a row are a problem of the engine, until one arrives. Nothing waits for a push, not even the end of the engine: what
//! happened since the last one is told by the next start, if it is in the ledger.

mod headers;
mod post;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{host_name::host_name, shared::Shared};
use crate::{
    capture::{PartialSuccess, PushedMetrics, Resource, Times},
    clock::now_ms,
    config::Metrics,
    delivery::Millis,
};
use post::Refused;

/// Failed pushes in a row after which they are a problem of the engine.
const FAILURES_UNTIL_PROBLEM: u32 = 2;

const TOPIC: &str = "metrics push";

/// Pushes as long as the engine runs.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut config = shared.config.subscribe();
    let metrics = PushedMetrics::new(
        shared.spool.clone(),
        shared.endpoint_config.subscribe(),
        shared.watches(),
        Arc::clone(&shared.activity),
    );
    let mut pusher = Pusher::new(Metrics::default());
    loop {
        let settings = config.borrow_and_update().metrics.clone();
        if pusher.settings != settings {
            pusher = Pusher::new(settings);
            shared.problems.set(TOPIC, None);
        }
        tokio::select! {
            changed = config.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(pusher.next), if pusher.url.is_some() => {
                pusher.push(&shared, &metrics).await;
            }
        }
    }
}

/// The pushes with one set of settings.
struct Pusher {
    settings: Metrics,
    /// `None`: nothing is pushed.
    url: Option<String>,
    host: String,
    resource: Resource,
    /// The time of the first push of this resource that arrived: the start time of the ledger's counters.
    ledger_since: Option<Millis>,
    next: Instant,
    failures: u32,
    has_arrived: bool,
    /// What the receiver said last of a push that it took.
    said: Option<PartialSuccess>,
}

impl Pusher {
    fn new(settings: Metrics) -> Self {
        Self {
            url: settings.otlp_url(),
            settings,
            host: host_name(),
            resource: Resource::default(),
            ledger_since: None,
            next: Instant::now(),
            failures: 0,
            has_arrived: false,
            said: None,
        }
    }

    async fn push(&mut self, shared: &Shared, metrics: &PushedMetrics) {
        let Some(url) = self.url.clone() else { return };
        let (began, now) = (Instant::now(), now_ms());
        self.identify(shared);
        let ledger_since = self.ledger_since.unwrap_or(now);
        let times = Times { started_at: shared.started_at, ledger_since, now };
        let body = metrics.otlp(&self.resource, times);
        let settings = self.settings.clone();
        let to = url.clone();
        let ended = shared.tasks.blocking(move || post::post(&settings, &to, body)).await;
        let ended = ended.unwrap_or_else(|error| Err(Refused::new(error.to_string())));
        let interval = Duration::from_secs(self.settings.otlp_interval_seconds);
        self.next = Instant::now().max(began + interval);
        match ended {
            Ok(said) => {
                self.ledger_since = Some(ledger_since);
                self.arrived(shared, &url, said);
            }
            Err(refused) => {
                if let Some(pause) = refused.retry_after {
                    self.next = self.next.max(Instant::now() + pause);
                }
                self.failed(shared, &url, &refused);
            }
        }
    }

    /// Says which engine pushes: `HOST:PORT`, as Prometheus calls what it scrapes. The port tells the engines of one machine apart.
    fn identify(&mut self, shared: &Shared) {
        let listen = shared.endpoint.borrow().unwrap_or(shared.config.borrow().capture.listen);
        let instance = format!("{}:{}", self.host, listen.port());
        if self.resource.instance != instance {
            self.resource = Resource { host: self.host.clone(), instance };
            self.ledger_since = None;
        }
    }

    fn arrived(&mut self, shared: &Shared, url: &str, said: Option<PartialSuccess>) {
        shared.pushes.send_modify(|pushes| pushes.sent += 1);
        shared.problems.set(TOPIC, None);
        if !self.has_arrived {
            tracing::info!("metrics are pushed to {url} every {} s", self.settings.otlp_interval_seconds);
        } else if self.failures > 0 {
            tracing::info!("metrics are pushed to {url} again");
        }
        (self.has_arrived, self.failures) = (true, 0);
        if self.said != said {
            if let Some(PartialSuccess { rejected, message }) = &said {
                tracing::warn!("{url} did not take {rejected} data points of the metrics: {message}");
            }
            self.said = said;
        }
    }

    fn failed(&mut self, shared: &Shared, url: &str, refused: &Refused) {
        shared.pushes.send_modify(|pushes| pushes.failed += 1);
        self.failures = self.failures.saturating_add(1);
        let why = &refused.why;
        if self.failures < FAILURES_UNTIL_PROBLEM {
            tracing::warn!("metrics were not pushed to {url}: {why}");
            return;
        }
        let text = format!(
            "Metrics cannot be pushed to {url}: {why}. Check metrics.otlp_endpoint, and metrics.otlp_headers_file if the \
             receiver asks for a key. Tributary tries again; no event is affected, and /metrics has the values."
        );
        shared.problems.set(TOPIC, Some(text));
    }
}

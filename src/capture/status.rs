//! The answers of `/ready` and `/metrics`, and the same metrics for a push.

use std::sync::Arc;

use axum::{http::StatusCode, response::Response};
use prometheus::proto::MetricFamily;
use serde_json::json;
use tokio::sync::watch;

use super::{
    activity::Activity,
    config::EndpointConfig,
    error_response::ErrorResponse,
    metrics::{self, Metrics, SpoolMetrics},
    otlp::{self, Resource, Times},
    response,
};
use crate::{
    clock::now_ms,
    delivery::{AlertReport, ForwarderState, InFlight, Intake, Pushes, Puts, StreamReport, Stuck},
    spool::{AppendError, Spool, Summary},
};

/// What forwarder, alerts and pushes publish for `/metrics`.
pub struct DeliveryWatches {
    /// What it is doing.
    pub forwarder: watch::Receiver<ForwarderState>,
    /// The events that it cannot deliver.
    pub stuck: watch::Receiver<Option<Stuck>>,
    /// What it has delivered, in how many records.
    pub puts: watch::Receiver<Puts>,
    /// What is in flight.
    pub in_flight: watch::Receiver<InFlight>,
    /// What limits delivery.
    pub report: watch::Receiver<StreamReport>,
    /// What became of the alerts.
    pub alerts: watch::Receiver<Arc<[AlertReport]>>,
    /// What became of the pushes.
    pub pushes: watch::Receiver<Pushes>,
}

/// The state of the spool and of delivery.
pub(super) struct Status {
    spool: Spool,
    summary: watch::Receiver<Summary>,
    delivery: DeliveryWatches,
}

impl Status {
    pub(super) fn new(spool: Spool, delivery: DeliveryWatches) -> Self {
        let summary = spool.watch();
        Self { spool, summary, delivery }
    }

    /// Whether the spool accepts events.
    pub(super) fn ready(&self) -> Result<Response, ErrorResponse> {
        match &self.summary.borrow().intake {
            Intake::Ready => Ok(response::json(StatusCode::OK, &json!({ "status": "ready" }))),
            Intake::Starting => Err(ErrorResponse::unavailable("starting")),
            Intake::Stopping => Err(ErrorResponse::unavailable("stopping")),
            Intake::Full => Err(ErrorResponse::unavailable("the spool is full (spool.max_bytes)")),
            Intake::DiskFull => Err(ErrorResponse::unavailable(
                "the disk of the spool has too little free space (spool.min_free_bytes)",
            )),
            Intake::Failing(reason) => Err(ErrorResponse::spool(&AppendError::Disk(Arc::clone(reason)))),
        }
    }

    /// Includes every event that was answered before, because the spool publishes its sums before it answers.
    pub(super) fn metrics(&self, config: &EndpointConfig, activity: &Activity) -> Response {
        let text = metrics::text(&self.families(config, activity));
        response::with_body(StatusCode::OK, "text/plain; version=0.0.4", text)
    }

    fn families(&self, config: &EndpointConfig, activity: &Activity) -> Vec<MetricFamily> {
        // Cloned: while the guard is held, the spool's writer is blocked.
        let summary = self.summary.borrow().clone();
        let report = self.delivery.report.borrow();
        let shares: Vec<_> = config.sources().map(|name| (name.clone(), self.spool.share(name))).collect();
        let metrics = Metrics {
            ledger: summary.ledger,
            puts: *self.delivery.puts.borrow(),
            in_flight: *self.delivery.in_flight.borrow(),
            forwarder: &self.delivery.forwarder.borrow(),
            limit: report.bound.as_ref().map(|bound| &bound.limit),
            stuck_events: self
                .delivery
                .stuck
                .borrow()
                .as_ref()
                .map_or(0, |stuck| stuck.refused + stuck.behind),
            unknown_key_requests: activity.unknown_key_requests(),
            refused: &activity.refused_counts(),
            shares: &shares,
            sources: &activity.source_sums(config.sources()),
            since_start: &self.spool.since_start(),
            spool: spool_metrics(&summary),
            alerts: &self.delivery.alerts.borrow(),
            pushes: *self.delivery.pushes.borrow(),
        };
        metrics.families()
    }
}

/// What `/metrics` shows, for the engine's pushes.
pub struct PushedMetrics {
    status: Status,
    config: watch::Receiver<Arc<EndpointConfig>>,
    activity: Arc<Activity>,
}

impl PushedMetrics {
    /// The metrics of the endpoint that has the same parts.
    pub fn new(
        spool: Spool,
        config: watch::Receiver<Arc<EndpointConfig>>,
        delivery: DeliveryWatches,
        activity: Arc<Activity>,
    ) -> Self {
        Self { status: Status::new(spool, delivery), config, activity }
    }

    /// The values of now as the body of a push by OTLP.
    pub fn otlp(&self, resource: &Resource, times: Times) -> Vec<u8> {
        let config = Arc::clone(&self.config.borrow());
        otlp::request(&self.status.families(&config, &self.activity), resource, times)
    }
}

fn spool_metrics(summary: &Summary) -> SpoolMetrics {
    let now = now_ms();
    let oldest = summary.oldest_queued_at.filter(|_| summary.ledger.queued > 0);
    SpoolMetrics {
        oldest_age: oldest.map_or(0.0, |at| (now - at).max(0) as f64 / 1000.0),
        seconds_left: summary.seconds_left(now).unwrap_or(f64::INFINITY),
        bytes_max: summary.bytes_max,
        disk_used: summary.disk_used,
        disk_free: summary.disk_free,
    }
}

//! The capture endpoint: HTTP in, events into the spool, and 200 only after they are committed to disk.
//!
//! It speaks the tracking API (`docs/capture.md`) to any SDK: a refused item never harms its neighbours, a refusal that
//! may pass is a 429 or 503 with `Retry-After`, and one that will not is a 4xx that says why. It listens where the
//! engine says (loopback by default), at most 4,096 connections; bodies are bounded in bytes and time.
//! The only HTTP server besides the practice stream. Absent on purpose: what an event means, and any call to AWS.

mod answer;
mod body;
mod connections;
mod events;
mod host;
mod key;
mod metrics;
mod route;
mod tls;
mod visitors;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::Response,
};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use crate::{
    config::{Config, Source},
    delivery::{Forwarder, Intake, Millis, Stuck},
    event,
    spool::{AppendError, Spool, Summary},
};
use answer::Refused;
pub use connections::Transport;
use events::Caller;
use route::Route;
pub use tls::{Tls, TlsError};
pub use visitors::Visitors;

/// What the endpoint goes by; changes apply to the next request.
#[derive(Debug)]
pub struct Rules {
    keys: HashMap<String, Arc<str>>,
    requires_key: bool,
    /// The endpoint is meant for other machines too.
    exposed: bool,
    body_bytes_max: usize,
    encoding: event::Encoding,
    record_bytes_max: usize,
    tls: Option<Arc<Tls>>,
}

impl Rules {
    /// The rules of these settings, for a stream that takes records of so many bytes, key included; `tls` is the
    /// certificate that the settings name.
    pub fn new(config: &Config, record_bytes_max: usize, tls: Option<Arc<Tls>>) -> Self {
        let of_source = |source: &Source| {
            let name: Arc<str> = source.name.as_str().into();
            source.keys().map(|key| (key.to_owned(), Arc::clone(&name))).collect::<Vec<_>>()
        };
        Self {
            keys: config.capture.sources.iter().flat_map(of_source).collect(),
            requires_key: config.capture.require_write_key,
            exposed: config.capture.exposed(),
            body_bytes_max: config.capture.max_body_bytes,
            encoding: config.destination.encoding,
            record_bytes_max,
            tls,
        }
    }

    /// The certificate in force.
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// The name of the source that a key belongs to.
    fn known(&self, key: Option<&str>) -> Option<Arc<str>> {
        key.and_then(|key| self.keys.get(key)).cloned()
    }
}

/// How far shutting down has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Taking events.
    Open,
    /// Answering 503, so that senders and load balancers come again later or go elsewhere.
    Refusing,
    /// Closing connections.
    Closed,
}

/// What a request meets: shared by all connections.
pub struct Endpoint {
    spool: Spool,
    rules: watch::Receiver<Arc<Rules>>,
    stage: watch::Receiver<Stage>,
    summary: watch::Receiver<Summary>,
    forwarder: watch::Receiver<Forwarder>,
    stuck: watch::Receiver<Option<Stuck>>,
    visitors: Arc<Visitors>,
    /// Memory for bodies that are being read or stored, in KiB.
    bodies: Arc<Semaphore>,
}

impl Endpoint {
    /// An endpoint in front of `spool`; `/metrics` says what the forwarder does, and what it cannot deliver. `visitors`
    /// remembers who came.
    pub fn new(
        spool: Spool,
        rules: watch::Receiver<Arc<Rules>>,
        stage: watch::Receiver<Stage>,
        (forwarder, stuck): (watch::Receiver<Forwarder>, watch::Receiver<Option<Stuck>>),
        visitors: Arc<Visitors>,
    ) -> Self {
        let summary = spool.watch();
        let bodies = Arc::new(Semaphore::new(body::ALL_KIB_MAX));
        Self { spool, rules, stage, summary, forwarder, stuck, visitors, bodies }
    }

    async fn answer(&self, request: hyper::Request<hyper::body::Incoming>, peer: SocketAddr) -> Response {
        let request: Request = request.map(Body::new);
        let origin = request.headers().get(header::ORIGIN).cloned();
        let is_preflight = request.method() == Method::OPTIONS;
        let mut response = if is_preflight {
            answer::preflight(request.headers())
        } else {
            self.route(request, peer).await.unwrap_or_else(|refused| refused.response())
        };
        answer::add_cors(origin.as_ref(), is_preflight, &mut response);
        response
    }

    async fn route(&self, request: Request, peer: SocketAddr) -> Result<Response, Refused> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let route = match route::route_of(path) {
            Some(route) if route.takes(parts.method.as_str()) => route,
            other => {
                body::discard(body.into_data_stream()).await;
                return Err(
                    other.map_or_else(|| Refused::not_found(path), |route| Refused::method(route.methods()))
                );
            }
        };
        let caller = Caller::new(self, &parts, peer);
        if route == Route::Metrics {
            host::check_host(&parts.headers, &parts.uri, caller.rules.exposed)?;
        }
        match route {
            Route::Health => Ok(answer::json_response(StatusCode::OK, &json!({ "status": "alive" }))),
            Route::Ready => self.ready(),
            Route::Metrics => {
                Ok(answer::response(StatusCode::OK, "text/plain; version=0.0.4", self.metrics()))
            }
            Route::SelfMetrics => Ok(answer::json_response(StatusCode::OK, &json!({ "success": true }))),
            Route::Settings(key) => self.settings(&caller, &key),
            Route::SourceConfig => self.source_config(&caller),
            Route::Pixel(kind) => Ok(self.pixel(caller, kind).await),
            Route::Single(kind) => self.single(caller, body, kind).await,
            Route::Batch(class) => self.batch(caller, body, class).await,
        }
    }

    fn metrics(&self) -> String {
        let ledger = self.summary.borrow().ledger;
        let stuck = self.stuck.borrow().as_ref().map_or(0, |stuck| stuck.refused + stuck.behind);
        metrics::text(&ledger, &self.forwarder.borrow(), stuck, self.visitors.turned_away_count())
    }

    fn is_open(&self) -> Result<(), Refused> {
        match *self.stage.borrow() {
            Stage::Open => Ok(()),
            Stage::Refusing | Stage::Closed => Err(Refused::spool(&AppendError::Closed)),
        }
    }

    fn ready(&self) -> Result<Response, Refused> {
        self.is_open()?;
        match &self.summary.borrow().intake {
            Intake::Ready => Ok(answer::json_response(StatusCode::OK, &json!({ "status": "ready" }))),
            Intake::Starting => Err(Refused::unavailable("starting")),
            Intake::Stopping => Err(Refused::unavailable("stopping")),
            Intake::Full => Err(Refused::unavailable("the spool is full (spool.max_bytes)")),
            Intake::DiskFull => {
                Err(Refused::unavailable("the disk of the spool is nearly full (spool.min_free_bytes)"))
            }
            Intake::Failing(reason) => Err(Refused::spool(&AppendError::Disk(Arc::clone(reason)))),
        }
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.borrow())
    }

    /// Browser and mobile SDKs send nothing at all before they have read this (tracking API §9.3).
    fn settings(&self, caller: &Caller<'_>, key: &str) -> Result<Response, Refused> {
        self.source(caller, Some(key))?;
        let host = host_of(&caller.parts.uri, caller.parts.headers.get(header::HOST));
        let body = json!({ "integrations": { "Segment.io": {
            "apiKey": key, "apiHost": format!("{host}/v1"), "protocol": if caller.rules.tls.is_some() { "https" } else { "http" },
        } } });
        Ok(answer::json_response(StatusCode::OK, &body))
    }

    fn source_config(&self, caller: &Caller<'_>) -> Result<Response, Refused> {
        let name = self.source(caller, caller.key())?;
        let body = json!({ "source": {
            "id": &*name, "name": &*name, "writeKey": caller.key(), "enabled": true, "workspaceId": "tributary",
            "config": { "statsCollection": { "errors": { "enabled": false }, "metrics": { "enabled": false } } },
            "destinations": [],
        } });
        Ok(answer::json_response(StatusCode::OK, &body))
    }
}

fn host_of<'a>(uri: &'a Uri, header: Option<&'a HeaderValue>) -> &'a str {
    header
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))
        .unwrap_or("localhost")
}

fn now_ms() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

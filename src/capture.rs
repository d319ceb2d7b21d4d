//! The capture endpoint: HTTP in, events into the spool, and 200 only after they are committed to disk.
//!
//! It speaks the tracking API (`docs/capture.md`) to any SDK: a refused item never harms its neighbours, a refusal that
//! may pass is a 429 or 503 with `Retry-After`, and one that will not is a 4xx that says why. It listens where the
//! engine says (loopback by default), at most 8,192 connections; bodies are bounded in bytes and time.
//! The only HTTP server besides the practice stream. Absent on purpose: what an event means, and any call to AWS.

mod answer;
mod body;
mod events;
mod host;
mod key;
mod metrics;
mod route;
mod visitors;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::Response,
};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{
    config::Config,
    delivery::{Forwarder, Intake, Millis},
    event,
    spool::{AppendError, Spool, Summary},
};
use answer::Refused;
use events::Caller;
use route::Route;
pub use visitors::Visitors;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 8192;

/// How long a connection may be idle or take for a request's head. SDKs hold connections between flushes of 5 to 30 s
/// (tracking API §3.2).
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;

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
}

impl Rules {
    /// The rules of these settings, for a stream that takes records of so many bytes, key included.
    pub fn new(config: &Config, record_bytes_max: usize) -> Self {
        let sources = config.capture.sources.iter();
        Self {
            keys: sources.map(|source| (source.write_key.clone(), source.name.as_str().into())).collect(),
            requires_key: config.capture.require_write_key,
            exposed: config.capture.exposed(),
            body_bytes_max: config.capture.max_body_bytes,
            encoding: config.destination.encoding,
            record_bytes_max,
        }
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
    visitors: Arc<Visitors>,
}

impl Endpoint {
    /// An endpoint in front of `spool`. `visitors` remembers who came.
    pub fn new(
        spool: Spool,
        rules: watch::Receiver<Arc<Rules>>,
        stage: watch::Receiver<Stage>,
        forwarder: watch::Receiver<Forwarder>,
        visitors: Arc<Visitors>,
    ) -> Self {
        let summary = spool.watch();
        Self { spool, rules, stage, summary, forwarder, visitors }
    }

    /// Serves until [`Stage::Closed`]; then finishes the requests that are being answered.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut tasks = JoinSet::new();
        let mut stage = self.stage.clone();
        loop {
            let permit = Arc::clone(&connections).acquire_owned();
            let accepted = tokio::select! {
                () = closed(&mut stage) => break,
                accepted = async { (permit.await, listener.accept().await) } => accepted,
            };
            match accepted {
                (Ok(permit), Ok((stream, peer))) => {
                    let connection = Arc::clone(&self).connection(stream, peer);
                    tasks.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                (_, Err(error)) => {
                    // Out of file descriptors, say: those in use come free again.
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                (Err(_closed), Ok(_)) => break,
            }
            while tasks.try_join_next().is_some() {}
        }
        drop(listener);
        while tasks.join_next().await.is_some() {}
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("no TCP_NODELAY: {error}");
        }
        let mut stage = self.stage.clone();
        let service = service_fn(move |request| {
            let endpoint = Arc::clone(&self);
            async move { Ok::<_, std::convert::Infallible>(endpoint.answer(request, peer).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = closed(&mut stage) => None,
        };
        let ended = if let Some(ended) = ended {
            ended
        } else {
            connection.as_mut().graceful_shutdown();
            connection.await
        };
        if let Err(error) = ended {
            tracing::debug!("a connection ended early: {error}");
        }
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
        metrics::text(&ledger, &self.forwarder.borrow(), self.visitors.turned_away_count())
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
            "apiKey": key, "apiHost": format!("{host}/v1"), "protocol": "http",
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

async fn closed(stage: &mut watch::Receiver<Stage>) {
    // An error: the engine is gone, which is as good as closed.
    drop(stage.wait_for(|stage| *stage == Stage::Closed).await);
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

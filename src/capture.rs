//! The capture endpoint: HTTP in, events into the spool, and 200 only after they are committed to disk.
//!
//! It speaks the tracking API (`docs/capture.md`) to any SDK: a refused item never harms its neighbours, a refusal that
//! may pass is a 429 or 503 with `Retry-After`, and one that will not is a 4xx that says why. It listens where the
//! engine says (loopback by default), at most 8,192 connections; bodies are bounded in bytes and time.
//! The only HTTP server besides the practice stream. Absent on purpose: what an event means, and any call to AWS.

mod answer;
mod body;
mod key;
mod metrics;
mod route;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, Uri, header, request::Parts},
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
    delivery::{Fault, Forwarder, Intake, Millis, State},
    event::{self, Arrival, Event, Kind, PathClass, Refusal},
    spool::{AppendError, Arrivals, Rejected, Spool, Summary},
};
use answer::Refused;
use route::Route;

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
            body_bytes_max: config.capture.max_body_bytes,
            encoding: config.destination.encoding,
            record_bytes_max,
        }
    }

    /// The name of the source that a key belongs to.
    fn source(&self, key: Option<&str>) -> Result<Arc<str>, Refused> {
        match (key, key.and_then(|key| self.keys.get(key))) {
            (_, Some(name)) => Ok(Arc::clone(name)),
            (_, None) if !self.requires_key => Ok(Arc::from("Without a key")),
            (Some(_), None) => Err(Refused::unknown_write_key()),
            (None, None) => Err(Refused::no_write_key()),
        }
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
    unknown_keys: Arc<AtomicU64>,
}

impl Endpoint {
    /// An endpoint in front of `spool`. `unknown_keys` counts the requests that came without a known write key.
    pub fn new(
        spool: Spool,
        rules: watch::Receiver<Arc<Rules>>,
        stage: watch::Receiver<Stage>,
        forwarder: watch::Receiver<Forwarder>,
        unknown_keys: Arc<AtomicU64>,
    ) -> Self {
        let summary = spool.watch();
        Self { spool, rules, stage, summary, forwarder, unknown_keys }
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
        let path = request.uri().path();
        let route = route::route_of(path).ok_or_else(|| Refused::not_found(path))?;
        if !route.takes(request.method().as_str()) {
            return Err(Refused::method(route.methods()));
        }
        let (parts, body) = request.into_parts();
        match route {
            Route::Health => Ok(answer::json_response(StatusCode::OK, &json!({ "status": "alive" }))),
            Route::Ready => self.ready(),
            Route::Metrics => {
                Ok(answer::response(StatusCode::OK, "text/plain; version=0.0.4", self.metrics()))
            }
            Route::SelfMetrics => Ok(answer::json_response(StatusCode::OK, &json!({ "success": true }))),
            Route::Settings(key) => Ok(self.settings(&parts, &key)?),
            Route::SourceConfig => self.source_config(&parts),
            Route::Pixel(kind) => Ok(self.pixel(&parts, kind, peer).await),
            Route::Single(kind) => self.single(parts, body, kind, peer).await,
            Route::Batch(class) => self.batch(parts, body, class, peer).await,
        }
    }

    fn metrics(&self) -> String {
        let ledger = self.summary.borrow().ledger;
        metrics::text(&ledger, &self.forwarder.borrow(), self.unknown_keys.load(Ordering::Relaxed))
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

    /// Counts the requests of strangers; says nothing about the key.
    fn source(&self, rules: &Rules, key: Option<&str>) -> Result<Arc<str>, Refused> {
        rules.source(key).inspect_err(|_refused| {
            self.unknown_keys.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn arrival(rules: &Rules, class: PathClass, peer: SocketAddr) -> Arrival {
        Arrival {
            received_at_ms: now_ms(),
            class,
            peer: Some(peer.ip()),
            encoding: rules.encoding,
            record_bytes_max: rules.record_bytes_max,
        }
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.borrow())
    }

    /// Reads a POST as far as its body: stops early where the key is outside the body and unknown.
    async fn read(
        &self,
        rules: &Rules,
        parts: &Parts,
        body: Body,
    ) -> Result<(Option<String>, bytes::Bytes), Refused> {
        self.is_open()?;
        let key = key::outside_body(&parts.headers, parts.uri.query());
        if key.is_some()
            && let Err(refused) = self.source(rules, key.as_deref())
        {
            body::discard(body.into_data_stream()).await;
            return Err(refused);
        }
        let bytes = body::read(&parts.headers, body, rules.body_bytes_max).await?;
        Ok((key, bytes))
    }

    async fn single(
        &self,
        parts: Parts,
        body: Body,
        kind: Kind,
        peer: SocketAddr,
    ) -> Result<Response, Refused> {
        let rules = self.rules();
        let (key, bytes) = self.read(&rules, &parts, body).await?;
        let event = self.one_event(&rules, key.as_deref(), &bytes, (kind, peer)).await?;
        Ok(answer::json_response(StatusCode::OK, &json!({ "success": true, "messageId": event })))
    }

    /// Checks one event and commits it; gives its `messageId`. A refused one becomes a line of the log.
    async fn one_event(
        &self,
        rules: &Rules,
        key: Option<&str>,
        bytes: &[u8],
        (kind, peer): (Kind, SocketAddr),
    ) -> Result<String, Refused> {
        let arrival = &Self::arrival(rules, PathClass::Device, peer);
        let body = match event::Body::parse(bytes) {
            Ok(body) => body,
            Err(refusal) => return Err(self.refuse(rules, key, refusal, Some(kind)).await),
        };
        let inside = body.write_key();
        let key = key.or(inside.as_deref());
        let source = self.source(rules, key)?;
        match body.single(kind, arrival) {
            Ok(event) => {
                let message_id = event.message_id.clone();
                self.append(source, arrival.received_at_ms, vec![event], Vec::new()).await?;
                Ok(message_id)
            }
            Err(refusal) => Err(self.refuse(rules, key, refusal, Some(kind)).await),
        }
    }

    async fn batch(
        &self,
        parts: Parts,
        body: Body,
        class: PathClass,
        peer: SocketAddr,
    ) -> Result<Response, Refused> {
        let rules = self.rules();
        let (key, bytes) = self.read(&rules, &parts, body).await?;
        let parsed = match event::Body::parse(&bytes) {
            Ok(parsed) => parsed,
            Err(refusal) => return Err(self.refuse(&rules, key.as_deref(), refusal, None).await),
        };
        let key = key.or_else(|| parsed.write_key().map(std::borrow::Cow::into_owned));
        let source = self.source(&rules, key.as_deref())?;
        let arrival = Self::arrival(&rules, class, peer);
        let items = match parsed.batch(&arrival) {
            Ok(items) => items,
            Err(refusal) => return Err(self.refuse(&rules, key.as_deref(), refusal, None).await),
        };
        let mut events = Vec::with_capacity(parsed.items_len());
        let mut refused: Vec<(usize, Refusal)> = Vec::new();
        for (index, item) in items.enumerate() {
            match item {
                Ok(event) => events.push(event),
                Err(refusal) => refused.push((index, refusal)),
            }
        }
        let accepted = events.len();
        let rejected = refused.iter().map(|(_, refusal)| rejected(refusal, None)).collect();
        self.append(source, arrival.received_at_ms, events, rejected).await?;
        Ok(answer::batch(accepted, &refused))
    }

    async fn append(
        &self,
        source: Arc<str>,
        received_at: Millis,
        events: Vec<Event>,
        rejected: Vec<Rejected>,
    ) -> Result<(), Refused> {
        if events.is_empty() && rejected.is_empty() {
            return Ok(());
        }
        let arrivals = Arrivals { source, received_at, events, rejected };
        self.spool.append(arrivals).await.map(drop).map_err(|error| Refused::spool(&error))
    }

    /// Writes a refusal into the log, if its sender is known, and gives the answer.
    async fn refuse(
        &self,
        rules: &Rules,
        key: Option<&str>,
        refusal: Refusal,
        kind: Option<Kind>,
    ) -> Refused {
        let refused = Refused::event(&refusal);
        match self.source(rules, key) {
            Err(_stranger) => {}
            Ok(source) => {
                let line = vec![rejected(&refusal, kind)];
                if let Err(error) = self.append(source, now_ms(), Vec::new(), line).await {
                    tracing::warn!(
                        "a {} request is not in the log: {}",
                        State::Rejected.as_str(),
                        error.message
                    );
                }
            }
        }
        refused
    }

    /// An image is an image, whatever was in its query: mail readers show what they get (tracking API §9.4).
    async fn pixel(&self, parts: &Parts, kind: Kind, peer: SocketAddr) -> Response {
        if parts.method == Method::GET
            && let Err(refused) = self.pixel_event(parts, kind, peer).await
        {
            tracing::debug!("a pixel brought no event: {}", refused.message);
        }
        answer::pixel()
    }

    async fn pixel_event(&self, parts: &Parts, kind: Kind, peer: SocketAddr) -> Result<String, Refused> {
        self.is_open()?;
        let rules = self.rules();
        let data = parts.uri.query().and_then(|query| key::parameter(query, "data")).unwrap_or_default();
        let key = key::outside_body(&parts.headers, parts.uri.query());
        match event::decode_pixel(&data) {
            Ok(json) => self.one_event(&rules, key.as_deref(), &json, (kind, peer)).await,
            Err(refusal) => Err(self.refuse(&rules, key.as_deref(), refusal, Some(kind)).await),
        }
    }

    /// Browser and mobile SDKs send nothing at all before they have read this (tracking API §9.3).
    fn settings(&self, parts: &Parts, key: &str) -> Result<Response, Refused> {
        self.source(&self.rules(), Some(key))?;
        let host = host_of(&parts.uri, parts.headers.get(header::HOST));
        let body = json!({ "integrations": { "Segment.io": {
            "apiKey": key, "apiHost": format!("{host}/v1"), "protocol": "http",
        } } });
        Ok(answer::json_response(StatusCode::OK, &body))
    }

    fn source_config(&self, parts: &Parts) -> Result<Response, Refused> {
        let key = key::outside_body(&parts.headers, parts.uri.query());
        let name = self.source(&self.rules(), key.as_deref())?;
        let body = json!({ "source": {
            "id": &*name, "name": &*name, "writeKey": key, "enabled": true, "workspaceId": "tributary",
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

fn rejected(refusal: &Refusal, kind: Option<Kind>) -> Rejected {
    Rejected {
        kind,
        message_id: refusal.message_id.clone(),
        fault: Fault::new(refusal.code.as_str(), refusal.message.as_ref()),
        excerpt: refusal.excerpt.clone(),
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

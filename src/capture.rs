//! The capture endpoint: HTTP in, events into the spool, and 200 only after they are committed to disk.
//!
//! It speaks the tracking API (`docs/capture.md`) to any SDK: a refused item never harms its neighbours, a refusal that
//! may pass is a 429 or 503 with `Retry-After`, and one that will not is a 4xx that says why. It listens where the
//! engine says (loopback by default), at most 4,096 connections, among which those without a key make room first; bodies
//! are bounded in bytes, rate and time.
//! The only HTTP server besides the practice stream. Absent on purpose: what an event means, and any call to AWS.

mod answer;
mod body;
mod connections;
mod events;
mod forwarded;
mod hangup;
mod host;
mod key;
mod masked;
mod metered;
mod metrics;
mod probes;
mod route;
mod slots;
mod tls;
mod visitors;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::Response,
};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use crate::{
    clock::now_ms,
    config::{Config, PublicUrl, Source},
    delivery::{ForwarderState, Intake, Puts, StreamReport, Stuck},
    event,
    spool::{AppendError, Spool, Summary},
};
use answer::Refused;
pub use connections::{Transport, connections_max, listen};
use events::Caller;
use forwarded::Forwarded;
use masked::Secrets;
pub use probes::{Probes, Seen, TOKEN_HEADER};
use route::Route;
use slots::{Clients, Slot};
pub use tls::{Tls, TlsError};
pub use visitors::Visitors;

/// What the endpoint goes by; changes apply to the next request.
#[derive(Debug)]
pub struct Rules {
    keys: HashMap<String, Arc<str>>,
    /// Each source once.
    sources: Vec<Arc<str>>,
    /// The same keys, to be masked in what the log keeps.
    secrets: Secrets,
    requires_key: bool,
    /// Where pages find analytics.js.
    analytics_js: String,
    /// The endpoint is meant for other machines too.
    exposed: bool,
    body_bytes_max: usize,
    encoding: event::Encoding,
    record_bytes_max: usize,
    tls: Option<Arc<Tls>>,
    public_url: Option<PublicUrl>,
    trusted_proxies: Vec<ipnet::IpNet>,
    connections_per_peer: usize,
}

impl Rules {
    /// The rules of these settings, for a stream that takes records of so many bytes, key included; `tls` is the
    /// certificate that the settings name.
    pub fn new(config: &Config, record_bytes_max: usize, tls: Option<Arc<Tls>>) -> Self {
        let of_source = |source: &Source| {
            let name: Arc<str> = source.name.as_str().into();
            source.keys().map(|key| (key.to_owned(), Arc::clone(&name))).collect::<Vec<_>>()
        };
        let keys: HashMap<_, _> = config.capture.sources.iter().flat_map(of_source).collect();
        let mut sources: Vec<Arc<str>> = keys.values().cloned().collect();
        if !config.capture.require_write_key {
            sources.push(events::WITHOUT_KEY.into());
        }
        sources.sort_unstable();
        sources.dedup();
        Self {
            secrets: Secrets::new(keys.keys()),
            keys,
            sources,
            requires_key: config.capture.require_write_key,
            analytics_js: config.capture.analytics_js.clone(),
            exposed: config.capture.exposed(),
            body_bytes_max: config.capture.max_body_bytes,
            encoding: config.destination.encoding,
            record_bytes_max,
            tls,
            public_url: config.capture.public_url.clone(),
            trusted_proxies: config.capture.trusted_proxies.clone(),
            connections_per_peer: config.capture.max_connections_per_peer,
        }
    }

    /// The certificate in force.
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// The names of the sources that may send.
    fn sources(&self) -> impl Iterator<Item = &Arc<str>> {
        self.sources.iter()
    }

    /// The names by which the endpoint may be called.
    fn names(&self) -> host::Names<'_> {
        host::Names { any: self.exposed, public: self.public_url.as_ref().map(PublicUrl::host) }
    }

    /// How many connections a peer may have, as the settings say it. `None`: no bound is meant for it. A proxy speaks for
    /// many, and so may a program on this machine, which can be a proxy that is not in the settings.
    fn bound_of(&self, peer: IpAddr) -> Option<usize> {
        let peer = peer.to_canonical();
        let is_bound =
            !peer.is_loopback() && !self.trusted_proxies.iter().any(|network| network.contains(&peer));
        is_bound.then_some(self.connections_per_peer)
    }

    /// What a path means, also below the prefix of the public address or one that a proxy named.
    fn route_of(&self, path: &str, forwarded: &Forwarded) -> Option<Route> {
        let configured = self.public_url.as_ref().map_or("", PublicUrl::prefix);
        let below = [configured, &forwarded.prefix].map(|prefix| forwarded::below(path, prefix));
        below.into_iter().flatten().find_map(route::route_of).or_else(|| route::route_of(path))
    }

    /// The name of the source that a key belongs to. Of `id:secret`, as Jitsu's SDKs write keys, the part before the
    /// colon is the key, as it is with Basic authentication.
    fn known(&self, key: Option<&str>) -> Option<Arc<str>> {
        let key = key?;
        let before_colon = || key.split_once(':').and_then(|(id, _secret)| self.keys.get(id));
        self.keys.get(key).or_else(before_colon).cloned()
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
    forwarder: watch::Receiver<ForwarderState>,
    stuck: watch::Receiver<Option<Stuck>>,
    puts: watch::Receiver<Puts>,
    news: watch::Receiver<StreamReport>,
    visitors: Arc<Visitors>,
    /// Memory for bodies that are being read or stored, in KiB.
    bodies: Arc<Semaphore>,
    clients: Clients,
}

impl Endpoint {
    /// An endpoint in front of `spool`; `/metrics` says what the forwarder does, what it cannot deliver, and what it has
    /// delivered in how many records. `visitors` remembers who came.
    pub fn new(
        spool: Spool,
        rules: watch::Receiver<Arc<Rules>>,
        stage: watch::Receiver<Stage>,
        (forwarder, stuck, puts, news): (
            watch::Receiver<ForwarderState>,
            watch::Receiver<Option<Stuck>>,
            watch::Receiver<Puts>,
            watch::Receiver<StreamReport>,
        ),
        visitors: Arc<Visitors>,
    ) -> Self {
        let summary = spool.watch();
        let bodies = Arc::new(Semaphore::new(body::ALL_KIB_MAX));
        let clients = Clients::default();
        Self { spool, rules, stage, summary, forwarder, stuck, puts, news, visitors, bodies, clients }
    }

    async fn answer(&self, request: hyper::Request<hyper::body::Incoming>, place: &Slot) -> Response {
        let peer = place.peer;
        let request: Request = request.map(Body::new);
        let origin = request.headers().get(header::ORIGIN).cloned();
        let is_preflight = request.method() == Method::OPTIONS;
        let looked_at = (request.method(), request.uri().path(), request.headers());
        self.visitors.probes.look(|| self.rules(), looked_at, peer.ip());
        // Pages ask for no state of the endpoint: only programs on its machine, and monitors, do.
        let is_for_pages = (origin.is_none() && !is_preflight) || self.is_for_pages(&request, peer);
        let mut response = if is_preflight && is_for_pages {
            answer::preflight(request.headers())
        } else if is_preflight {
            answer::options()
        } else {
            self.route(request, place).await.unwrap_or_else(|refused| {
                self.visitors.refused(refused.code.as_str());
                refused.response()
            })
        };
        if is_for_pages {
            answer::add_cors(origin.as_ref(), is_preflight, &mut response);
        }
        response
    }

    /// Whether web pages of other origins may read the answer, and browsers may be told so before they send.
    fn is_for_pages(&self, request: &Request, peer: SocketAddr) -> bool {
        let rules = self.rules();
        let forwarded = Forwarded::read(request.headers(), peer.ip(), &rules.trusted_proxies);
        let route = rules.route_of(request.uri().path(), &forwarded);
        !matches!(route, Some(Route::Health | Route::Ready | Route::Metrics))
    }

    async fn route(&self, request: Request, place: &Slot) -> Result<Response, Refused> {
        let (parts, body) = request.into_parts();
        let rules = self.rules();
        let forwarded = Forwarded::read(&parts.headers, place.peer.ip(), &rules.trusted_proxies);
        // A proxy's own connections are not bound: the clients that it names are, by their requests under way.
        let bound =
            place.bound(rules.connections_per_peer).filter(|_| forwarded.names_client(place.peer.ip()));
        let _under_way = match bound.map(|bound| self.clients.enter(forwarded.client, bound).ok_or(bound)) {
            None => None,
            Some(Ok(counted)) => Some(counted),
            Some(Err(bound)) => {
                body::discard(&parts, body, place).await;
                return Err(Refused::too_many(bound));
            }
        };
        let route = match self.route_of(&parts, &rules, &forwarded) {
            Ok(route) => route,
            Err(refused) => {
                body::discard(&parts, body, place).await;
                return Err(refused);
            }
        };
        let caller = Caller::new(rules, &parts, forwarded, place);
        if route == Route::Metrics {
            host::check_host(&parts.headers, &parts.uri, caller.rules.names())?;
        }
        match route {
            Route::Health => Ok(answer::json_response(StatusCode::OK, &json!({ "status": "alive" }))),
            Route::Ready => self.ready(),
            Route::Metrics => {
                Ok(answer::response(StatusCode::OK, "text/plain; version=0.0.4", self.metrics()))
            }
            Route::SelfMetrics => Ok(answer::json_response(StatusCode::OK, &json!({ "success": true }))),
            Route::Settings(key) => self.settings(&caller, &key),
            Route::Loader(key) => self.loader(&caller, &key),
            Route::SourceConfig => self.source_config(&caller),
            Route::Pixel(kind) => Ok(self.pixel(caller, kind).await),
            Route::Single(kind, class) => self.single(caller, body, (kind, class)).await,
            Route::Batch(class) => self.batch(caller, body, class).await,
        }
    }

    /// The route of a request. One that leads nowhere is remembered, since SDKs take that answer as final.
    fn route_of(&self, parts: &Parts, rules: &Rules, forwarded: &Forwarded) -> Result<Route, Refused> {
        let path = parts.uri.path();
        let (refused, meant) = match rules.route_of(path, forwarded) {
            Some(route) if route.takes(parts.method.as_str()) => return Ok(route),
            Some(route) => (Refused::method(route.methods()), None),
            None => {
                let meant = route::meant(path);
                (Refused::not_found(path, meant), meant)
            }
        };
        let agent = events::user_agent(&parts.headers);
        let shown = visitors::shown_path(path, |segment| rules.known(Some(segment)).is_some());
        self.visitors.went_astray((parts.method.as_str(), &shown), meant, agent, now_ms());
        Err(refused)
    }

    /// What was answered before this is in the sums: the spool publishes them before it answers.
    fn metrics(&self) -> String {
        let ledger = self.summary.borrow().ledger;
        let stuck = self.stuck.borrow().as_ref().map_or(0, |stuck| stuck.refused + stuck.behind);
        let (unknown_keys, refused) = (self.visitors.turned_away_count(), self.visitors.refused_counts());
        let news = self.news.borrow();
        let limit = news.bound.as_ref().map(|bound| &bound.limit);
        let (puts, forwarder) = (self.puts.borrow(), self.forwarder.borrow());
        let shares: Vec<_> =
            self.rules().sources().map(|name| (name.clone(), self.spool.share(name))).collect();
        metrics::text(&ledger, &puts, (&forwarder, limit), (stuck, unknown_keys), (&refused, &shares))
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
            Intake::DiskFull => Err(Refused::unavailable(
                "the disk of the spool has too little free space (spool.min_free_bytes)",
            )),
            Intake::Failing(reason) => Err(Refused::spool(&AppendError::Disk(Arc::clone(reason)))),
        }
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.borrow())
    }

    /// Browser and mobile SDKs send nothing at all before they have read this (tracking API §9.3).
    fn settings(&self, caller: &Caller<'_>, key: &str) -> Result<Response, Refused> {
        self.source(caller, Some(key).filter(|key| !key.is_empty()))?;
        let (protocol, address) = caller.address();
        let body = json!({
            "integrations": { "Segment.io": {
                "apiKey": key, "apiHost": format!("{address}/v1"), "protocol": protocol,
            } },
            // Without it analytics-next reports on the page to its maker every 30 s.
            "metrics": { "sampleRate": 0 },
        });
        Ok(answer::json_response(StatusCode::OK, &body))
    }

    /// The script that a page's snippet asks for: it names key and endpoint, and loads analytics.js from where it is hosted.
    fn loader(&self, caller: &Caller<'_>, key: &str) -> Result<Response, Refused> {
        self.source(caller, Some(key))?;
        if caller.rules.analytics_js.is_empty() {
            return Err(Refused::no_analytics_js());
        }
        let (protocol, address) = caller.address();
        // JSON is JavaScript here.
        let [key, cdn, script] =
            [key, &format!("{protocol}://{address}"), &caller.rules.analytics_js].map(|text| json!(text));
        let text = format!(
            "(function(){{var a=window.analytics=window.analytics||[];a._writeKey={key};a._cdn={cdn};\
             var s=document.createElement(\"script\");s.async=true;s.src={script};document.head.appendChild(s)}})()\n"
        );
        Ok(answer::response(StatusCode::OK, "text/javascript", text))
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

/// The scheme and the host by which the endpoint was called.
fn host_of<'a>(uri: &'a Uri, header: Option<&'a HeaderValue>) -> &'a str {
    header
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))
        .unwrap_or("localhost")
}

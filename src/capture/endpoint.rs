//! The endpoint: from a request to its response.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::Body,
    extract::Request,
    http::{Method, StatusCode, header, request::Parts},
    response::Response,
};
use serde_json::json;
use tokio::sync::watch;

use super::{
    activity::{Activity, PathRequest},
    body,
    config::EndpointConfig,
    documents,
    error_response::ErrorResponse,
    forwarded::Forwarded,
    host,
    ingest::Ingest,
    key, response,
    route::{self, Route},
    sender::{self, Sender},
    slots::{Clients, Slot},
    stage::Stage,
    status::{DeliveryWatches, Status},
};
use crate::{clock::now_ms, spool::Spool};

/// What all connections of the endpoint share.
pub struct Endpoint {
    config: watch::Receiver<Arc<EndpointConfig>>,
    pub(super) stage: watch::Receiver<Stage>,
    pub(super) activity: Arc<Activity>,
    ingest: Ingest,
    status: Status,
    clients: Clients,
}

impl Endpoint {
    /// An endpoint that stores events in `spool`.
    pub fn new(
        spool: Spool,
        config: watch::Receiver<Arc<EndpointConfig>>,
        stage: watch::Receiver<Stage>,
        delivery: DeliveryWatches,
        activity: Arc<Activity>,
    ) -> Self {
        let ingest = Ingest::new(spool.clone(), stage.clone(), Arc::clone(&activity));
        let status = Status::new(spool, delivery);
        Self { config, stage, activity, ingest, status, clients: Clients::default() }
    }

    /// The current settings.
    pub(super) fn config(&self) -> Arc<EndpointConfig> {
        Arc::clone(&self.config.borrow())
    }

    pub(super) async fn respond(
        &self,
        request: hyper::Request<hyper::body::Incoming>,
        slot: &Slot,
    ) -> Response {
        let request: Request = request.map(Body::new);
        let peer = slot.peer().ip();
        let origin = request.headers().get(header::ORIGIN).cloned();
        let is_preflight = request.method() == Method::OPTIONS;
        self.activity.probes.observe(&request, peer, || self.config());
        // Only programs on this machine and monitors read the state of the endpoint, not pages.
        let is_for_pages = (origin.is_none() && !is_preflight) || self.is_for_pages(&request, peer);
        let mut response = if is_preflight && is_for_pages {
            response::preflight(request.headers())
        } else if is_preflight {
            response::options()
        } else {
            self.route(request, slot).await.unwrap_or_else(|error| {
                self.activity.refused(error.code.as_str());
                error.response()
            })
        };
        if is_for_pages {
            response::add_cors(origin.as_ref(), is_preflight, &mut response);
        }
        response
    }

    /// Whether web pages of other origins may read the response.
    fn is_for_pages(&self, request: &Request, peer: IpAddr) -> bool {
        let config = self.config();
        let forwarded = Forwarded::read(request.headers(), peer, &config.trusted_proxies);
        let route = config.route_of(request.uri().path(), &forwarded);
        !matches!(route, Some(Route::Health | Route::Ready | Route::Metrics))
    }

    async fn route(&self, request: Request, slot: &Slot) -> Result<Response, ErrorResponse> {
        let (parts, body) = request.into_parts();
        let config = self.config();
        let peer = slot.peer().ip();
        let forwarded = Forwarded::read(&parts.headers, peer, &config.trusted_proxies);
        // A proxy's own connections have no limit, but the requests in progress of each client that it names have one.
        let max = slot.max_of_client(config.connections_per_peer).filter(|_| forwarded.names_client(peer));
        let _in_progress = match max.map(|max| self.clients.enter(forwarded.client, max).ok_or(max)) {
            None => None,
            Some(Ok(counted)) => Some(counted),
            Some(Err(max)) => {
                body::discard(&parts, body, slot).await;
                return Err(ErrorResponse::too_many_requests(max));
            }
        };
        let route = match self.route_of(&parts, &config, &forwarded) {
            Ok(route) => route,
            Err(error) => {
                body::discard(&parts, body, slot).await;
                return Err(error);
            }
        };
        let sender = Sender::new(config, &parts, forwarded, slot);
        self.serve_route(route, sender, body).await
    }

    async fn serve_route(
        &self,
        route: Route,
        sender: Sender<'_>,
        body: Body,
    ) -> Result<Response, ErrorResponse> {
        match route {
            Route::Health => Ok(response::json(StatusCode::OK, &json!({ "status": "alive" }))),
            Route::Ready => {
                self.ingest.check_open()?;
                self.status.ready()
            }
            Route::Metrics => {
                host::check_host(&sender.parts.headers, &sender.parts.uri, sender.config.host_names())?;
                Ok(self.status.metrics(&sender.config, &self.activity))
            }
            Route::SelfMetrics => Ok(response::json(StatusCode::OK, &json!({ "success": true }))),
            Route::Settings(key) => {
                self.ingest.source(&sender, Some(key.as_str()).filter(|key| !key.is_empty()))?;
                Ok(documents::settings(&sender, &key))
            }
            Route::Loader(key) => {
                self.ingest.source(&sender, Some(&key))?;
                documents::loader(&sender, &key)
            }
            Route::SourceConfig => {
                let source = self.ingest.source(&sender, sender.key())?;
                Ok(documents::source_config(&sender, &source))
            }
            Route::Pixel(kind) => Ok(self.ingest.pixel(sender, kind).await),
            Route::Single(kind, class) => self.ingest.single(sender, body, kind, class).await,
            Route::Batch(class) => self.ingest.batch(sender, body, class).await,
        }
    }

    /// The route of a request. Requests to unknown paths or with wrong methods are counted, because SDKs never repeat
    /// them.
    fn route_of(
        &self,
        parts: &Parts,
        config: &EndpointConfig,
        forwarded: &Forwarded,
    ) -> Result<Route, ErrorResponse> {
        let path = parts.uri.path();
        let (error, suggested) = match config.route_of(path, forwarded) {
            Some(route) if route.supports(parts.method.as_str()) => return Ok(route),
            Some(route) => (ErrorResponse::method(route.methods()), None),
            None => {
                let suggested = route::suggestion(path);
                (ErrorResponse::not_found(path, suggested), suggested)
            }
        };
        let shown = key::shown_path(path, |segment| config.source_of(Some(segment)).is_some());
        let request = PathRequest { method: parts.method.as_str(), path: &shown, suggested };
        self.activity.wrong_path(request, sender::user_agent(&parts.headers), now_ms());
        Err(error)
    }
}

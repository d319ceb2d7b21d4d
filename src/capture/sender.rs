//! The sender of a request: its write key and its address.

use std::{borrow::Cow, sync::Arc};

use axum::http::{HeaderMap, header, request::Parts, uri::Authority};

use super::{config::EndpointConfig, forwarded::Forwarded, key, slots::Slot};
use crate::{
    clock::now_ms,
    event::{Arrival, PathClass},
};

/// A request's head, and what is known of its sender.
pub(super) struct Sender<'r> {
    pub(super) config: Arc<EndpointConfig>,
    pub(super) parts: &'r Parts,
    pub(super) slot: &'r Slot,
    forwarded: Forwarded,
    /// The write key, once it is found.
    key: Option<String>,
    /// The token of `Authorization: Bearer`.
    bearer: Option<String>,
}

impl<'r> Sender<'r> {
    pub(super) fn new(
        config: Arc<EndpointConfig>,
        parts: &'r Parts,
        forwarded: Forwarded,
        slot: &'r Slot,
    ) -> Self {
        let bearer = key::bearer(&parts.headers);
        // A token that is not a known key has another purpose: then the key is elsewhere.
        let known = bearer.clone().filter(|token| config.source_of(Some(token)).is_some());
        let key = known.or_else(|| key::outside_body(&parts.headers, parts.uri.query()));
        Self { config, parts, slot, forwarded, key, bearer }
    }

    /// Scheme and authority with the path prefix, by which senders reach the endpoint. The settings win over what
    /// proxies say.
    pub(super) fn endpoint_address(&self) -> (&'static str, String) {
        if let Some(public) = &self.config.public_url {
            return (public.scheme(), format!("{}{}", public.authority(), public.prefix()));
        }
        let Forwarded { https, host, prefix, .. } = &self.forwarded;
        let scheme = if https.unwrap_or(self.config.tls().is_some()) { "https" } else { "http" };
        (scheme, format!("{}{prefix}", host.as_deref().unwrap_or_else(|| self.requested_host())))
    }

    /// The host in the request.
    fn requested_host(&self) -> &str {
        let header = self.parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        header.or_else(|| self.parts.uri.authority().map(Authority::as_str)).unwrap_or("localhost")
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Uses the key in the body if there is none outside it. Without any key, the bearer token counts as one, a
    /// mistyped one.
    pub(super) fn add_body_key(&mut self, in_body: Option<Cow<'_, str>>) {
        self.key = self.key.take().or_else(|| in_body.map(Cow::into_owned)).or_else(|| self.bearer.take());
    }

    pub(super) fn arrival(&self, class: PathClass) -> Arrival {
        Arrival {
            received_at_ms: now_ms(),
            class,
            peer: Some(self.forwarded.client),
            encoding: self.config.encoding,
            record_bytes_max: self.config.record_bytes_max,
        }
    }

    pub(super) fn user_agent(&self) -> Option<&str> {
        user_agent(&self.parts.headers)
    }
}

pub(super) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok())
}

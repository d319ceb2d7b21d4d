//! What the endpoint saw of the requests of a check of the public address: who connected, and what the proxies in
//! between made of the request. Only requests with the token of the check that is under way are remembered, at most
//! [`SEEN_MAX`]; never a key or a body.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::http::{HeaderMap, HeaderName, Method, header};

use super::{Rules, forwarded};

/// Requests that are remembered: more than any check makes.
const SEEN_MAX: usize = 16;

/// Characters of a header that are kept.
const TEXT_MAX: usize = 200;

/// The header that names the check; nothing depends on it but what a check shows.
pub const TOKEN_HEADER: &str = "tributary-check";

/// A request of the check, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Who connected.
    pub peer: IpAddr,
    /// Whether that is one of `capture.trusted_proxies`.
    pub trusted: bool,
    /// Whose request it is taken for.
    pub client: IpAddr,
    /// `Host` and the forwarded headers, as they came.
    pub headers: Vec<(&'static str, String)>,
}

#[derive(Debug, Default)]
struct UnderWay {
    token: String,
    seen: Vec<Seen>,
}

/// Shared by the endpoint's connections and a check.
#[derive(Debug, Default)]
pub struct Probes(Mutex<UnderWay>);

impl Probes {
    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, requests with this token are remembered; those of an earlier check are forgotten.
    pub fn begin(&self, token: String) {
        *self.under_way() = UnderWay { token, seen: Vec::new() };
    }

    /// Nothing is remembered any more, unless another check has begun meanwhile.
    pub fn end(&self, token: &str) {
        let mut under_way = self.under_way();
        if under_way.token == token {
            *under_way = UnderWay::default();
        }
    }

    /// The last request of that check since it was last asked for.
    pub fn take(&self, token: &str) -> Option<Seen> {
        let mut under_way = self.under_way();
        if under_way.token != token {
            return None;
        }
        std::mem::take(&mut under_way.seen).pop()
    }

    /// Looks at a request; cheap where no check is under way.
    pub(super) fn look(
        &self,
        rules: impl FnOnce() -> std::sync::Arc<Rules>,
        (method, path, headers): (&Method, &str, &HeaderMap),
        peer: IpAddr,
    ) {
        const NAME: HeaderName = HeaderName::from_static(TOKEN_HEADER);
        let Some(token) = headers.get(NAME).filter(|token| !token.is_empty()) else { return };
        let mut under_way = self.under_way();
        if token.as_bytes() != under_way.token.as_bytes() || under_way.seen.len() >= SEEN_MAX {
            return;
        }
        let read = forwarded::Forwarded::read(headers, peer, &rules().trusted_proxies);
        let shown = [header::HOST].into_iter().chain(forwarded::ALL).filter_map(|name| {
            let values: Vec<_> = headers
                .get_all(&name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect();
            let text: String = values.join(", ").chars().take(TEXT_MAX).collect();
            (!values.is_empty()).then_some((title(&name), text))
        });
        let seen = Seen {
            method: method.to_string(),
            path: path.chars().take(TEXT_MAX).collect(),
            peer: peer.to_canonical(),
            trusted: read.trusted,
            client: read.client,
            headers: shown.collect(),
        };
        under_way.seen.push(seen);
    }
}

/// As people write it.
fn title(name: &HeaderName) -> &'static str {
    match name.as_str() {
        "host" => "Host",
        "forwarded" => "Forwarded",
        "x-forwarded-for" => "X-Forwarded-For",
        "x-forwarded-proto" => "X-Forwarded-Proto",
        "x-forwarded-host" => "X-Forwarded-Host",
        _ => "X-Forwarded-Prefix",
    }
}

//! The requests of a check of the public address, as they arrive at the endpoint: who connected, and what the proxies
//! in between made of the request. Only requests with the token of the current check are kept, at most
//! [`RECEIVED_MAX`]; never a key or a body.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    extract::Request,
    http::{HeaderName, header},
};

use super::{config::EndpointConfig, forwarded};

/// Maximum requests that are kept: more than any check makes.
const RECEIVED_MAX: usize = 16;

/// Maximum characters of a path or header that are kept.
const TEXT_MAX: usize = 200;

/// The header with the token of the check. It has no effect but on what a check displays.
pub const TOKEN_HEADER: &str = "tributary-check";

/// A request of the check, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedProbe {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The address that connected.
    pub peer: IpAddr,
    /// Whether `peer` is one of `capture.trusted_proxies`.
    pub trusted: bool,
    /// The client's address by the forwarded headers.
    pub client: IpAddr,
    /// `Host` and the forwarded headers, as received.
    pub headers: Vec<(&'static str, String)>,
}

#[derive(Debug, Default)]
struct Check {
    token: String,
    received: Vec<ReceivedProbe>,
}

/// The requests of the current check. Written by the endpoint's connections, read by the check.
#[derive(Debug, Default)]
pub struct Probes(Mutex<Check>);

impl Probes {
    fn check(&self) -> MutexGuard<'_, Check> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a check: keeps requests with this token from now on, and forgets those of an earlier check.
    pub fn begin(&self, token: String) {
        *self.check() = Check { token, received: Vec::new() };
    }

    /// Ends a check, unless another one has begun meanwhile.
    pub fn end(&self, token: &str) {
        let mut check = self.check();
        if check.token == token {
            *check = Check::default();
        }
    }

    /// Takes the last request of that check since the last call.
    pub fn take(&self, token: &str) -> Option<ReceivedProbe> {
        let mut check = self.check();
        if check.token != token {
            return None;
        }
        std::mem::take(&mut check.received).pop()
    }

    /// Keeps a request if it belongs to the current check. Cheap if it has no token.
    pub(super) fn observe(
        &self,
        request: &Request,
        peer: IpAddr,
        config: impl FnOnce() -> Arc<EndpointConfig>,
    ) {
        const NAME: HeaderName = HeaderName::from_static(TOKEN_HEADER);
        let headers = request.headers();
        let Some(token) = headers.get(NAME).filter(|token| !token.is_empty()) else { return };
        let mut check = self.check();
        if token.as_bytes() != check.token.as_bytes() || check.received.len() >= RECEIVED_MAX {
            return;
        }
        let read = forwarded::Forwarded::read(headers, peer, &config().trusted_proxies);
        let shown = [header::HOST].into_iter().chain(forwarded::ALL).filter_map(|name| {
            let values: Vec<_> = headers
                .get_all(&name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect();
            let text: String = values.join(", ").chars().take(TEXT_MAX).collect();
            (!values.is_empty()).then_some((title(&name), text))
        });
        let received = ReceivedProbe {
            method: request.method().to_string(),
            path: request.uri().path().chars().take(TEXT_MAX).collect(),
            peer: peer.to_canonical(),
            trusted: read.trusted,
            client: read.client,
            headers: shown.collect(),
        };
        check.received.push(received);
    }
}

/// A header's name in its usual spelling.
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

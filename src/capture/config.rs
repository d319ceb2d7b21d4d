//! The settings of the endpoint, prepared for look-ups.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use super::{
    forwarded::{self, Forwarded},
    host,
    route::{self, Route},
    secrets::Secrets,
    tls::Tls,
};
use crate::{
    config::{Config, PublicUrl, Source},
    event,
};

/// The source of requests without a known key, where none is required.
pub(super) const WITHOUT_KEY: &str = "Without a key";

/// The settings of the endpoint. Changes apply to the next request.
#[derive(Debug)]
pub struct EndpointConfig {
    keys: HashMap<String, Arc<str>>,
    /// Every source once, sorted.
    sources: Vec<Arc<str>>,
    /// The write keys, to be masked in the log.
    pub(super) secrets: Secrets,
    pub(super) requires_key: bool,
    /// Where pages find analytics.js.
    pub(super) analytics_js: String,
    /// Other machines may use the endpoint too.
    is_exposed: bool,
    pub(super) body_bytes_max: usize,
    pub(super) encoding: event::Encoding,
    pub(super) record_bytes_max: usize,
    tls: Option<Arc<Tls>>,
    pub(super) public_url: Option<PublicUrl>,
    pub(super) trusted_proxies: Vec<ipnet::IpNet>,
    pub(super) connections_per_peer: usize,
}

impl EndpointConfig {
    /// `record_bytes_max`: maximum bytes of a record in the stream, key included; `tls`: the certificate that the
    /// settings name.
    pub fn new(config: &Config, record_bytes_max: usize, tls: Option<Arc<Tls>>) -> Self {
        let keys_of = |source: &Source| {
            let name: Arc<str> = source.name.as_str().into();
            source.keys().map(|key| (key.to_owned(), Arc::clone(&name))).collect::<Vec<_>>()
        };
        let keys: HashMap<_, _> = config.capture.sources.iter().flat_map(keys_of).collect();
        let mut sources: Vec<Arc<str>> = keys.values().cloned().collect();
        if !config.capture.require_write_key {
            sources.push(WITHOUT_KEY.into());
        }
        sources.sort_unstable();
        sources.dedup();
        Self {
            secrets: Secrets::new(keys.keys()),
            keys,
            sources,
            requires_key: config.capture.require_write_key,
            analytics_js: config.capture.analytics_js.clone(),
            is_exposed: config.capture.exposed(),
            body_bytes_max: config.capture.max_body_bytes,
            encoding: config.destination.encoding,
            record_bytes_max,
            tls,
            public_url: config.capture.public_url.clone(),
            trusted_proxies: config.capture.trusted_proxies.clone(),
            connections_per_peer: config.capture.max_connections_per_peer,
        }
    }

    /// The current certificate.
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// The names of the sources that may send.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Arc<str>> {
        self.sources.iter()
    }

    /// The host names that requests may use for the endpoint.
    pub(super) fn host_names(&self) -> host::Names<'_> {
        host::Names { any: self.is_exposed, public: self.public_url.as_ref().map(PublicUrl::host) }
    }

    /// Maximum connections of a peer by the settings. `None` if the peer has no limit: a trusted proxy sends for many
    /// clients, and so may a program on this machine, which can be a proxy that is not in the settings.
    pub(super) fn connections_max_of(&self, peer: IpAddr) -> Option<usize> {
        let peer = peer.to_canonical();
        let is_proxy = self.trusted_proxies.iter().any(|network| network.contains(&peer));
        (!peer.is_loopback() && !is_proxy).then_some(self.connections_per_peer)
    }

    /// The route of a path, which may be below the prefix of the public address, or below one that a proxy named.
    pub(super) fn route_of(&self, path: &str, forwarded: &Forwarded) -> Option<Route> {
        let configured = self.public_url.as_ref().map_or("", PublicUrl::prefix);
        let below = [configured, &forwarded.prefix].map(|prefix| forwarded::below(path, prefix));
        below.into_iter().flatten().find_map(route::route_of).or_else(|| route::route_of(path))
    }

    /// The name of the source that a key belongs to. Jitsu's SDKs write keys as `id:secret`: then the part before the
    /// colon is the key, as with Basic authentication.
    pub(super) fn source_of(&self, key: Option<&str>) -> Option<Arc<str>> {
        let key = key?;
        let before_colon = || key.split_once(':').and_then(|(id, _secret)| self.keys.get(id));
        self.keys.get(key).or_else(before_colon).cloned()
    }
}

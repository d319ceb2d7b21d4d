//! HTTP to AWS: TLS with ring, the proxy of the environment, limited answers, connections for many requests at once.

pub(super) mod answer_limit;
mod choice;
mod layer;
pub(super) mod peer;
mod pools;
mod proxy_bypass;
mod timeouts;
mod transport;
mod trust;

use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_http_client::proxy::ProxyConfig;

pub use timeouts::ANSWER_TIMEOUT;
pub(super) use timeouts::timeouts;
pub(super) use transport::{plain, single_requests};
pub(super) use trust::TRUST_UNREADABLE;

/// The client for AWS and for servers that stand in for it.
pub(super) fn client() -> SharedHttpClient {
    let https = |proxy: &ProxyConfig| {
        let proxy = proxy.clone();
        trust::lazy(move |trust| transport::https(&proxy, &trust))
    };
    let from_env = ProxyConfig::from_env();
    let proxied = pools::pooled(|| https(&from_env));
    let client = proxy_bypass::bypassing_proxy(proxied, https(&ProxyConfig::disabled()));
    peer::naming_peers(answer_limit::limiting(client))
}

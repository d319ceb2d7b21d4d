//! The engine's own HTTP requests: which certificates are trusted, and what is told of an answer.

use std::{sync::Arc, time::Duration};

use tokio_rustls::rustls::{crypto::ring, pki_types::CertificateDer};
use ureq::{
    Agent, Proxy,
    tls::{Certificate, RootCerts, TlsConfig},
};

/// Maximum characters of what the other side said.
const SAID_CHARS_MAX: usize = 200;

/// An agent for one request, which may take this long. No status is an error for it, and no redirect is followed: what follows
/// one would be a GET. Blocks: reads files.
pub(super) fn agent(timeout: Duration, proxy: Option<Proxy>) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .proxy(proxy)
        .max_redirects(0)
        .timeout_global(Some(timeout))
        .user_agent(concat!("tributary/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls(&roots()))
        .build()
        .new_agent()
}

/// The same for this machine's own endpoint, which needs no certificates.
pub(super) fn local_agent(timeout: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .timeout_global(Some(timeout))
        .build()
        .new_agent()
}

/// The first line of what the other side said, for an error.
pub(super) fn said(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect()
}

/// The certificates that this machine trusts. Blocks: reads files.
pub(super) fn roots() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!("some of this machine's certificates cannot be read: {error}");
    }
    found.certs
}

/// Trusts these certificates alone.
pub(super) fn tls(roots: &[CertificateDer<'static>]) -> TlsConfig {
    let roots: Vec<Certificate<'static>> =
        roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build()
}

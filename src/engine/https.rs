//! TLS of the engine's own HTTP requests: the certificates that this machine trusts.

use std::sync::Arc;

use tokio_rustls::rustls::{crypto::ring, pki_types::CertificateDer};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

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

//! The certificates that this machine trusts, and HTTPS clients that trust them.
//!
//! The SDK's HTTP client would read the certificates itself, once for the process. If they cannot be read at that moment
//! (no free file descriptor, for example), a debug build panics, and a release build trusts nobody until it is restarted.
//! So they are read here: a request that finds them unreadable fails before anything is sent, and the next one reads them
//! again.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorFuture},
    orchestrator::HttpRequest,
    result::ConnectorError,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::choice::{Choose, ConnectorContext, choosing};
use crate::config;

/// The machine's certificates cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{TRUST_UNREADABLE}: {0}")]
pub(crate) struct TrustUnreadable(String);

/// The beginning of the text of [`TrustUnreadable`], by which it is recognised in the SDK's errors.
pub(crate) const TRUST_UNREADABLE: &str = "the certificates that this machine trusts cannot be read";

/// The machine's certificates in PEM, once all of them were read without an error.
static MACHINE_CERTIFICATES: OnceLock<Arc<[u8]>> = OnceLock::new();

/// Trusts the machine's certificates and those of AWS's `AWS_CA_BUNDLE`. A machine without certificates is no error: it
/// can still reach servers without TLS, and those that the bundle is for.
pub(super) fn context() -> Result<TlsContext, TrustUnreadable> {
    let machine = machine_certificates(rustls_native_certs::load_native_certs)?;
    Ok(tls_context(&machine, bundle()))
}

/// Used while the machine's certificates cannot be read: trusts only the certificates of the bundle.
struct StandIn {
    tls: TlsContext,
    has_bundle: bool,
}

impl StandIn {
    fn new() -> Self {
        let bundle = bundle();
        let has_bundle = bundle.is_some();
        Self { tls: tls_context(&[], bundle), has_bundle }
    }
}

fn bundle() -> Option<Vec<u8>> {
    config::ca_bundle().and_then(|pem| usable(&pem))
}

fn tls_context(machine: &[u8], bundle: Option<Vec<u8>>) -> TlsContext {
    let mut trust = TrustStore::empty().with_pem_certificate(machine.to_vec());
    if let Some(pem) = bundle {
        trust = trust.with_pem_certificate(pem);
    }
    TlsContext::builder().with_trust_store(trust).build().unwrap_or_default()
}

fn machine_certificates(
    load: impl FnOnce() -> rustls_native_certs::CertificateResult,
) -> Result<Arc<[u8]>, TrustUnreadable> {
    if let Some(pem) = MACHINE_CERTIFICATES.get() {
        return Ok(Arc::clone(pem));
    }
    let found = load();
    for error in &found.errors {
        tracing::debug!("some of this machine's certificates cannot be read: {error}");
    }
    let good = found.certs.iter().filter(|certificate| is_usable(certificate));
    let pem: Arc<[u8]> = good.map(pem_of).collect::<String>().into_bytes().into();
    match found.errors.first() {
        Some(error) if pem.is_empty() => Err(TrustUnreadable(error.to_string())),
        // Some may be missing: the next client reads them again.
        Some(_) => Ok(pem),
        None => Ok(Arc::clone(MACHINE_CERTIFICATES.get_or_init(|| pem))),
    }
}

fn is_usable(certificate: &CertificateDer<'_>) -> bool {
    RootCertStore::empty().add(certificate.clone().into_owned()).is_ok()
}

fn pem_of(certificate: &CertificateDer<'_>) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(certificate))
}

/// The certificates of a bundle that the TLS library can read. One that it cannot read would end the program.
fn usable(pem: &[u8]) -> Option<Vec<u8>> {
    let (mut used, mut skipped) = (Vec::new(), 0_u32);
    for certificate in CertificateDer::pem_slice_iter(pem) {
        match certificate {
            Ok(certificate) if is_usable(&certificate) => used.push(pem_of(&certificate)),
            Ok(_) | Err(_) => skipped += 1,
        }
    }
    if skipped > 0 || used.is_empty() {
        tracing::warn!("AWS_CA_BUNDLE: {skipped} certificates cannot be used, {} are", used.len());
    }
    (!used.is_empty()).then(|| used.concat().into_bytes())
}

/// An HTTPS client that its first request creates, as soon as the machine's certificates can be read. `make` gets what
/// the client is to trust.
pub(super) fn lazy(
    make: impl Fn(TlsContext) -> SharedHttpClient + Send + Sync + 'static,
) -> SharedHttpClient {
    choosing(Shared(Arc::new(LazyClient::new(context, StandIn::new, make))))
}

type Trust = dyn Fn() -> Result<TlsContext, TrustUnreadable> + Send + Sync;

struct LazyClient {
    trust: Box<Trust>,
    stand_in: fn() -> StandIn,
    make: Box<dyn Fn(TlsContext) -> SharedHttpClient + Send + Sync>,
    client: OnceLock<SharedHttpClient>,
    /// Used while the machine's certificates cannot be read, for requests without TLS and for servers that the bundle is
    /// for; and whether there is a bundle.
    stand_in_client: OnceLock<(SharedHttpClient, bool)>,
}

impl LazyClient {
    fn new(
        trust: impl Fn() -> Result<TlsContext, TrustUnreadable> + Send + Sync + 'static,
        stand_in: fn() -> StandIn,
        make: impl Fn(TlsContext) -> SharedHttpClient + Send + Sync + 'static,
    ) -> Self {
        let (trust, make) = (Box::new(trust), Box::new(make));
        Self { trust, stand_in, make, client: OnceLock::new(), stand_in_client: OnceLock::new() }
    }

    fn client(&self, needs_tls: bool) -> Result<&SharedHttpClient, TrustUnreadable> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let error = match (self.trust)() {
            Ok(trust) => return Ok(self.client.get_or_init(|| (self.make)(trust))),
            Err(error) => error,
        };
        let (client, has_bundle) = self.stand_in_client.get_or_init(|| {
            let StandIn { tls, has_bundle } = (self.stand_in)();
            if has_bundle {
                tracing::warn!("{error}; until they can be, only those of AWS_CA_BUNDLE are trusted");
            }
            ((self.make)(tls), has_bundle)
        });
        if needs_tls && !has_bundle { Err(error) } else { Ok(client) }
    }
}

#[derive(Clone)]
struct Shared(Arc<LazyClient>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LazyClient").field(&self.0.client).finish()
    }
}

impl Choose for Shared {
    fn send(&self, context: &ConnectorContext, request: HttpRequest) -> HttpConnectorFuture {
        let needs_tls = !request.uri().starts_with("http:");
        match self.0.client(needs_tls) {
            Ok(client) => context.connector(client).call(request),
            Err(error) => HttpConnectorFuture::ready(Err(ConnectorError::io(error.into()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use aws_smithy_http_client::proxy::ProxyConfig;
    use rustls_native_certs::CertificateResult;

    use super::*;

    #[test]
    fn a_bundle_gives_its_good_certificates_and_its_bad_ones_harm_nobody() {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let good = certified.cert.pem();
        let bad = "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n";
        for (bundle, count) in [
            (good.clone(), 1),
            (format!("# a company\n{good}\n{bad}{good}"), 2),
            (bad.to_owned(), 0),
            (String::new(), 0),
            ("no certificate".to_owned(), 0),
            ("-----BEGIN CERTIFICATE-----\nhalf".to_owned(), 0),
        ] {
            let used = usable(bundle.as_bytes()).unwrap_or_default();
            let read: Vec<_> =
                CertificateDer::pem_slice_iter(&used).collect::<Result<_, _>>().expect("good ones");
            assert_eq!(read, vec![certified.cert.der().clone(); count], "{bundle}");
        }
    }

    /// The cases have this order, because complete certificates are kept for the whole process.
    #[test]
    fn certificates_that_cannot_be_read_are_read_again_and_a_machine_may_have_none() {
        let failed = || {
            let mut found = CertificateResult::default();
            found.errors.push(rustls_native_certs::Error {
                context: "failed to open PEM file",
                kind: rustls_native_certs::ErrorKind::Io {
                    inner: std::io::Error::other("Too many open files"),
                    path: "/etc/ssl/certs/ca-certificates.crt".into(),
                },
            });
            found
        };
        let said = machine_certificates(failed).expect_err("there are none").to_string();
        assert!(said.starts_with(TRUST_UNREADABLE) && said.contains("Too many open files"), "{said}");
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let some = || {
            let mut found = failed();
            found.certs.push(certified.cert.der().clone());
            found
        };
        assert!(!machine_certificates(some).expect("one of them").is_empty());
        assert!(machine_certificates(failed).is_err(), "certificates that may be incomplete are not kept");
        assert!(machine_certificates(CertificateResult::default).is_ok(), "a machine without any");
        drop(tls_context(&[], None));
    }

    #[test]
    fn a_client_is_made_when_the_certificates_can_be_read_and_until_then_only_plain_http_goes_on() {
        let without_bundle = || StandIn { tls: tls_context(&[], None), has_bundle: false };
        let with_bundle = || StandIn { tls: tls_context(&[], None), has_bundle: true };
        let readable = Arc::new(AtomicBool::new(false));
        let is_readable = Arc::clone(&readable);
        let trust = move || {
            if is_readable.load(Ordering::Acquire) {
                Ok(tls_context(&[], None))
            } else {
                Err(TrustUnreadable("no file descriptor".to_owned()))
            }
        };
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let make = |trust: &TlsContext| super::super::transport::https(&ProxyConfig::disabled(), trust);
        let counted = move |trust| {
            count.fetch_add(1, Ordering::Relaxed);
            make(&trust)
        };
        let lazy = LazyClient::new(trust, without_bundle, counted);
        for _ in 0..2 {
            let said = lazy.client(true).expect_err("they cannot be read").to_string();
            assert!(said.ends_with("cannot be read: no file descriptor"), "{said}");
            assert!(lazy.client(false).is_ok(), "a request without TLS needs no certificates");
        }
        readable.store(true, Ordering::Release);
        for _ in 0..2 {
            assert!(lazy.client(true).is_ok() && lazy.client(false).is_ok());
        }
        assert_eq!(made.load(Ordering::Relaxed), 2, "each of the two is kept");
        let unreadable = || Err(TrustUnreadable(String::new()));
        let bundled = LazyClient::new(unreadable, with_bundle, move |trust| make(&trust));
        assert!(bundled.client(true).is_ok() && bundled.client.get().is_none(), "the stand-in only");
    }
}

//! The certificates that this machine trusts, and HTTPS clients that trust them.
//!
//! The SDK's HTTP client would read them itself, once for the whole process: where they cannot be read at that moment (no
//! free file descriptor, say), a debug build panics, and a release build trusts nobody until it is started again. So they
//! are read here. A request that finds them unreadable fails before anything is sent, and the next one reads them again.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use aws_sdk_kinesis::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::config;

/// Why the certificates are not there.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{UNREADABLE}: {0}")]
pub(super) struct Unreadable(String);

/// How the text of [`Unreadable`] begins.
pub(super) const UNREADABLE: &str = "the certificates that this machine trusts cannot be read";

/// The certificates of this machine in PEM, once they were read without any error.
static OF_MACHINE: OnceLock<Arc<[u8]>> = OnceLock::new();

/// The machine's certificates, and those of AWS's `AWS_CA_BUNDLE`. A machine that has none is no error: servers without
/// TLS, and those that the bundle is for, can be talked to.
pub(super) fn context() -> Result<TlsContext, Unreadable> {
    let of_machine = of_machine(rustls_native_certs::load_native_certs)?;
    Ok(trusting(&of_machine, bundle()))
}

fn bundle() -> Option<Vec<u8>> {
    config::ca_bundle().and_then(|pem| usable(&pem))
}

/// What is trusted while the machine's certificates cannot be read: those of the bundle, where there is one.
fn without_machine() -> (TlsContext, bool) {
    let bundle = bundle();
    let has_any = bundle.is_some();
    (trusting(&[], bundle), has_any)
}

fn trusting(of_machine: &[u8], bundle: Option<Vec<u8>>) -> TlsContext {
    let mut trust = TrustStore::empty().with_pem_certificate(of_machine.to_vec());
    if let Some(pem) = bundle {
        trust = trust.with_pem_certificate(pem);
    }
    TlsContext::builder().with_trust_store(trust).build().unwrap_or_default()
}

fn of_machine(
    load: impl FnOnce() -> rustls_native_certs::CertificateResult,
) -> Result<Arc<[u8]>, Unreadable> {
    if let Some(pem) = OF_MACHINE.get() {
        return Ok(Arc::clone(pem));
    }
    let found = load();
    for error in &found.errors {
        tracing::debug!("some of this machine's certificates cannot be read: {error}");
    }
    let good = found.certs.iter().filter(|certificate| is_usable(certificate));
    let pem: Arc<[u8]> = good.map(pem_of).collect::<String>().into_bytes().into();
    match found.errors.first() {
        Some(error) if pem.is_empty() => Err(Unreadable(error.to_string())),
        // Perhaps not all of them: read again for the next client.
        Some(_) => Ok(pem),
        None => Ok(Arc::clone(OF_MACHINE.get_or_init(|| pem))),
    }
}

fn is_usable(certificate: &CertificateDer<'_>) -> bool {
    RootCertStore::empty().add(certificate.clone().into_owned()).is_ok()
}

fn pem_of(certificate: &CertificateDer<'_>) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(certificate))
}

/// The certificates of a bundle that the TLS library can use: one that it cannot read would end the program.
fn usable(pem: &[u8]) -> Option<Vec<u8>> {
    let (mut used, mut passed_over) = (Vec::new(), 0_u32);
    for certificate in CertificateDer::pem_slice_iter(pem) {
        match certificate {
            Ok(certificate) if is_usable(&certificate) => used.push(pem_of(&certificate)),
            Ok(_) | Err(_) => passed_over += 1,
        }
    }
    if passed_over > 0 || used.is_empty() {
        tracing::warn!("AWS_CA_BUNDLE: {passed_over} certificates cannot be used, {} are", used.len());
    }
    (!used.is_empty()).then(|| used.concat().into_bytes())
}

/// An HTTPS client that is made by its first request, when the machine's certificates can be read. `make` gets what the
/// client is to trust.
pub(super) fn trusting_machine(
    make: impl Fn(TlsContext) -> SharedHttpClient + Send + Sync + 'static,
) -> SharedHttpClient {
    SharedHttpClient::new(Trusting(Arc::new(Making::new(context, without_machine, make))))
}

type Trust = dyn Fn() -> Result<TlsContext, Unreadable> + Send + Sync;

struct Making {
    trust: Box<Trust>,
    instead: fn() -> (TlsContext, bool),
    make: Box<dyn Fn(TlsContext) -> SharedHttpClient + Send + Sync>,
    made: OnceLock<SharedHttpClient>,
    /// For the time in which the machine's certificates cannot be read: for requests without TLS, and for servers that
    /// `AWS_CA_BUNDLE` vouches for. `true`: there is such a bundle.
    without_machine: OnceLock<(SharedHttpClient, bool)>,
}

impl Making {
    fn new(
        trust: impl Fn() -> Result<TlsContext, Unreadable> + Send + Sync + 'static,
        instead: fn() -> (TlsContext, bool),
        make: impl Fn(TlsContext) -> SharedHttpClient + Send + Sync + 'static,
    ) -> Self {
        let (trust, make) = (Box::new(trust), Box::new(make));
        Self { trust, instead, make, made: OnceLock::new(), without_machine: OnceLock::new() }
    }

    fn client(&self, needs_tls: bool) -> Result<&SharedHttpClient, Unreadable> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let error = match (self.trust)() {
            Ok(trust) => return Ok(self.made.get_or_init(|| (self.make)(trust))),
            Err(error) => error,
        };
        let (client, has_bundle) = self.without_machine.get_or_init(|| {
            let (trust, has_bundle) = (self.instead)();
            if has_bundle {
                tracing::warn!("{error}; until they can be, only those of AWS_CA_BUNDLE are trusted");
            }
            ((self.make)(trust), has_bundle)
        });
        if needs_tls && !has_bundle { Err(error) } else { Ok(client) }
    }
}

#[derive(Clone)]
struct Trusting(Arc<Making>);

impl fmt::Debug for Trusting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trusting").field(&self.0.made).finish()
    }
}

impl HttpClient for Trusting {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let (settings, components) = (settings.clone(), components.clone());
        SharedHttpConnector::new(Connector { client: self.clone(), settings, components })
    }
}

#[derive(Debug)]
struct Connector {
    client: Trusting,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.client.0.client(!request.uri().starts_with("http:")) {
            // The client keeps its connector.
            Ok(client) => client.http_connector(&self.settings, &self.components).call(request),
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

    /// In this order, since what was read well is kept for the process.
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
        let said = of_machine(failed).expect_err("there are none").to_string();
        assert!(said.starts_with(UNREADABLE) && said.contains("Too many open files"), "{said}");
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let some = || {
            let mut found = failed();
            found.certs.push(certified.cert.der().clone());
            found
        };
        assert!(!of_machine(some).expect("one of them").is_empty());
        assert!(of_machine(failed).is_err(), "what may not be all is not kept");
        assert!(of_machine(CertificateResult::default).is_ok(), "a machine without any");
        drop(trusting(&[], None));
    }

    #[test]
    fn a_client_is_made_when_the_certificates_can_be_read_and_until_then_only_plain_http_goes_on() {
        let readable = Arc::new(AtomicBool::new(false));
        let is_readable = Arc::clone(&readable);
        let trust = move || {
            if is_readable.load(Ordering::Acquire) {
                Ok(trusting(&[], None))
            } else {
                Err(Unreadable("no file descriptor".to_owned()))
            }
        };
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let make = |trust: &TlsContext| crate::kinesis::connect::http(&ProxyConfig::disabled(), trust);
        let counted = move |trust| {
            count.fetch_add(1, Ordering::Relaxed);
            make(&trust)
        };
        let making = Making::new(trust, || (trusting(&[], None), false), counted);
        for _ in 0..2 {
            let said = making.client(true).expect_err("they cannot be read").to_string();
            assert!(said.ends_with("cannot be read: no file descriptor"), "{said}");
            assert!(making.client(false).is_ok(), "what needs no certificates is not kept back");
        }
        readable.store(true, Ordering::Release);
        for _ in 0..2 {
            assert!(making.client(true).is_ok() && making.client(false).is_ok());
        }
        assert_eq!(made.load(Ordering::Relaxed), 2, "each of the two is kept");
        let unreadable = || Err(Unreadable(String::new()));
        let with_bundle = Making::new(unreadable, || (trusting(&[], None), true), move |trust| make(&trust));
        assert!(with_bundle.client(true).is_ok() && with_bundle.made.get().is_none(), "for the time being");
    }
}

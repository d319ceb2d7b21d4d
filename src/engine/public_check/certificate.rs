//! Whether senders accept the certificate of the public address: a TLS handshake with the certificates that this machine
//! trusts, and until when the chain is valid.

use std::{
    fmt::Display,
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, ClientConnection, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::delivery::AwsError;

/// The time limit of one request or one attempt to connect.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// A certificate that expires sooner gets a warning.
const ENDS_SOON_DAYS: u64 = 14;

/// A time at which no certificate is valid any more, in the year 9000: time since 1970.
const FAR_FUTURE: Duration = Duration::from_hours(61_623_720);

/// Makes a TLS handshake with the server, and returns until when its certificate is valid.
pub(super) fn check(
    host: &str,
    address: SocketAddr,
    trusted: &[CertificateDer<'static>],
) -> Result<String, AwsError> {
    let unusable = |error: &dyn Display| AwsError::new("PublicHandshakeFailed", error.to_string());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().cloned());
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    // Fails if this machine trusts no certificate at all.
    let verifier = verifier.build().map_err(|error| unusable(&error))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_webpki_verifier(Arc::clone(&verifier))
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| unusable(&error))?;
    let mut client =
        ClientConnection::new(Arc::new(config), name.clone()).map_err(|error| unusable(&error))?;
    let mut socket = TcpStream::connect_timeout(&address, TIMEOUT).map_err(|error| unusable(&error))?;
    for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
        set(&socket, Some(TIMEOUT)).map_err(|error| unusable(&error))?;
    }
    while client.is_handshaking() {
        client.complete_io(&mut socket).map_err(|error| {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(rustls::Error::InvalidCertificate(why)) => {
                    AwsError::new("PublicCertificateInvalid", why_invalid(why))
                }
                Some(other) => unusable(other),
                None => unusable(&error),
            }
        })?;
    }
    let chain = client.peer_certificates().unwrap_or_default();
    Ok(match days_left(&verifier, chain, &name) {
        Some((days, until)) if days < ENDS_SOON_DAYS => {
            format!("Valid for {host}, but only until {until}: renew it")
        }
        Some((_, until)) => format!("Valid for {host} until {until}"),
        None => format!("Valid for {host}"),
    })
}

/// The reason in words. For some reasons the library only gives the name of an enum variant.
fn why_invalid(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => {
            "no authority that this machine trusts has signed it, or the certificate chain is incomplete"
                .to_owned()
        }
        CertificateError::Other(other) => match other.0.to_string().as_str() {
            "CaUsedAsEndEntity" => {
                "it is an authority's certificate (CA:TRUE), and a server needs one of its own".to_owned()
            }
            said => said.to_owned(),
        },
        other => other.to_string(),
    }
}

/// The days until the chain expires, and that day. Found by having the chain verified for a time in the far future.
fn days_left(
    verifier: &WebPkiServerVerifier,
    chain: &[CertificateDer<'_>],
    name: &ServerName<'_>,
) -> Option<(u64, String)> {
    let (first, rest) = chain.split_first()?;
    let then = UnixTime::since_unix_epoch(FAR_FUTURE);
    let error = verifier.verify_server_cert(first, rest, name, &[], then).err()?;
    let rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) = error else {
        return None;
    };
    let days = not_after.as_secs().saturating_sub(UnixTime::now().as_secs()) / 86_400;
    let until = jiff::Timestamp::from_second(i64::try_from(not_after.as_secs()).ok()?).ok()?;
    Some((days, until.strftime("%Y-%m-%d").to_string()))
}

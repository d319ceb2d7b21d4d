//! TLS for the listener, with a certificate that the user names; read again when its files change.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// How often the files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, not readable or not PEM.
    #[error("{what} {} cannot be read: {why}; it must be a PEM file", path.display())]
    File {
        /// Which of the two settings.
        what: &'static str,
        /// Its file.
        path: PathBuf,
        /// What was said.
        why: String,
    },
    /// The two do not fit together, or not the TLS library.
    #[error("the certificate (capture.tls_cert) and the key (capture.tls_key) cannot be used: {0}")]
    Pair(#[source] rustls::Error),
}

/// The certificate in force.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    acceptor: TlsAcceptor,
    stamp: Stamp,
    looked_at: Instant,
}

/// When the two files were last written.
type Stamp = [Option<SystemTime>; 2];

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("cert", &self.cert).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads certificate chain and key, both PEM.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let stamp = stamp(cert, key);
        let acceptor = read(cert, key)?;
        let loaded = Mutex::new(Loaded { acceptor, stamp, looked_at: Instant::now() });
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), loaded })
    }

    /// For the next connection. New files that cannot be used are reported, and the old ones stay in force.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.looked_at.elapsed() >= LOOK_EVERY {
            loaded.looked_at = Instant::now();
            let stamp = stamp(&self.cert, &self.key);
            if stamp != loaded.stamp {
                loaded.stamp = stamp;
                match read(&self.cert, &self.key) {
                    Ok(acceptor) => {
                        tracing::info!("The endpoint's new certificate is in force");
                        loaded.acceptor = acceptor;
                    }
                    Err(error) => tracing::error!("{error}; the old certificate stays in force"),
                }
            }
        }
        loaded.acceptor.clone()
    }
}

fn stamp(cert: &Path, key: &Path) -> Stamp {
    [cert, key].map(|path| std::fs::metadata(path).and_then(|data| data.modified()).ok())
}

fn read(cert: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let bad = |what, path: &Path, why: String| TlsError::File { what, path: path.to_owned(), why };
    let bad_cert = |why| bad("the certificate file (capture.tls_cert)", cert, why);
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| bad_cert(error.to_string()))?;
    if chain.is_empty() {
        return Err(bad_cert("there is no certificate in it".to_owned()));
    }
    // The library's own words about a key file may quote it.
    let key = PrivateKeyDer::from_pem_file(key).map_err(|_error| {
        bad("the key file (capture.tls_key)", key, "there is no private key in it".to_owned())
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(TlsError::Pair)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

//! TLS for the listener, with the certificate in the settings. Its files are read again when they change.

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

/// Minimum time between two looks at the files.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing, not readable or not PEM.
    #[error("{what} {} cannot be read: {why}; it must be a PEM file", path.display())]
    File {
        /// Which file it is, with its setting.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The two do not match, or the TLS library does not support them.
    #[error("the certificate (capture.tls_cert) and the key (capture.tls_key) cannot be used: {0}")]
    Pair(#[source] rustls::Error),
}

/// The certificate in use.
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    acceptor: TlsAcceptor,
    modified: Modified,
    checked_at: Instant,
}

/// When the two files were last modified.
type Modified = [Option<SystemTime>; 2];

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("cert", &self.cert).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the certificate chain and the key, both PEM.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let modified = modified(cert, key);
        let acceptor = read(cert, key)?;
        let loaded = Mutex::new(Loaded { acceptor, modified, checked_at: Instant::now() });
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), loaded })
    }

    /// The acceptor for the next connection. If new files cannot be used, this is logged and the old certificate stays
    /// in use.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.checked_at.elapsed() >= CHECK_EVERY {
            loaded.checked_at = Instant::now();
            let modified = modified(&self.cert, &self.key);
            if modified != loaded.modified {
                loaded.modified = modified;
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

fn modified(cert: &Path, key: &Path) -> Modified {
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
    // The library's own message about a key file may quote the key.
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

//! TLS at the sink, with certificates that are made for the run: of an authority, which the program under test gets in
//! a file (`AWS_CA_BUNDLE`), and of a server on localhost, which the authority has signed.

use std::{io::Write, path::Path, sync::Arc};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// The HTTP versions that the sink offers inside TLS (ALPN).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Tls {
    /// HTTP/1.1 only.
    H1,
    /// HTTP/2, and HTTP/1.1 for clients without HTTP/2.
    H2,
}

/// What the sink needs for TLS.
pub struct Identity {
    /// Accepts connections.
    pub acceptor: TlsAcceptor,
    ca_file: tempfile::NamedTempFile,
}

impl Identity {
    /// A new authority, and a server certificate signed by it.
    pub fn new(tls: Tls) -> anyhow::Result<Self> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.distinguished_name.push(DnType::CommonName, "Tributary benchmark");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority_key = KeyPair::generate()?;
        let authority_certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let mut server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_key = KeyPair::generate()?;
        let certificate = server.signed_by(&server_key, &issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = match tls {
            Tls::H1 => vec![b"http/1.1".to_vec()],
            Tls::H2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        let mut ca_file = tempfile::NamedTempFile::new()?;
        ca_file.write_all(authority_certificate.pem().as_bytes()).context("the CA's file")?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_file })
    }

    /// The PEM certificate of the authority.
    pub fn ca_file(&self) -> &Path {
        self.ca_file.path()
    }
}

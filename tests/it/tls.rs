//! An https endpoint: senders that trust its certificate, a renewed certificate, and files that cannot be used.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{CertifiedKey, KeyPair};
use tokio_rustls::rustls::{
    self, ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName},
};

use crate::{
    binary::{Home, Serve, WRITE_KEY},
    wire::wait_for,
};

pub fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate")
}

/// A home whose endpoint has this certificate, and the certificate that senders must trust.
pub fn home(certified: &CertifiedKey<KeyPair>) -> Home {
    let home = Home::new("");
    let dir = home.settings_file().parent().expect("a folder").to_owned();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| dir.join(name));
    write_pair(&home, certified);
    let settings = std::fs::read_to_string(home.settings_file()).expect("the settings");
    let tls =
        format!("[capture]\ntls_cert = '{}'\ntls_key = '{}'\n{settings}", cert.display(), key.display());
    std::fs::write(home.settings_file(), tls).expect("the folder is ours");
    home
}

fn write_pair(home: &Home, certified: &CertifiedKey<KeyPair>) {
    let dir = home.settings_file().parent().expect("a folder").to_owned();
    std::fs::write(dir.join("key.pem"), certified.signing_key.serialize_pem()).expect("the folder is ours");
    std::fs::write(dir.join("cert.pem"), certified.cert.pem()).expect("the folder is ours");
}

/// The address for senders. `Serve::address` is the one for the program's own test events.
pub fn outside(serve: &Serve) -> SocketAddr {
    wait_for("it says where it listens", || {
        let log = serve.log();
        let rest = log.split_once("https://")?.1;
        rest.split(';').next()?.parse().ok()
    })
}

/// Sends one request and trusts only this certificate.
pub fn post(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = StreamOwned::new(client, socket);
    let body = r#"{"userId":"u","event":"Over TLS"}"#;
    let key = STANDARD.encode(format!("{WRITE_KEY}:"));
    let request = format!(
        "POST /v1/track HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {key}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn senders_that_trust_the_certificate_get_through_and_a_renewed_one_needs_no_restart() {
    let first = certificate();
    let home = home(&first);
    let serve = home.serve(&[]);
    let address = outside(&serve);
    let answer = post(address, first.cert.der()).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let own = home.run(&["send", "track"]);
    assert_eq!(own.code, Some(0), "{own:?}");

    let second = certificate();
    assert!(post(address, second.cert.der()).is_err(), "not in force yet");
    write_pair(&home, &second);
    wait_for("the new certificate is in force", || post(address, second.cert.der()).ok());
    assert!(post(address, first.cert.der()).is_err(), "the old one is gone");

    std::fs::write(home.settings_file().with_file_name("cert.pem"), "no certificate")
        .expect("the folder is ours");
    wait_for("the damage is said", || {
        serve.log().contains("stays in force").then_some(()).or_else(|| {
            post(address, second.cert.der()).expect("the good one stays in force");
            None
        })
    });
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_at_the_start() {
    let home = home(&certificate());
    std::fs::write(home.settings_file().with_file_name("key.pem"), "nothing secret")
        .expect("the folder is ours");
    let ended = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("capture.tls_key") && ended.stderr.contains("key.pem"), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn a_private_key_that_every_user_can_read_draws_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let home = home(&certificate());
    let key = home.settings_file().with_file_name("key.pem");
    std::fs::set_permissions(home.folder(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let is_open = |folder: &std::path::Path| {
        std::fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o001 != 0)
    };
    let lets_in = home.folder().ancestors().all(is_open);
    for (mode, is_warned) in [(0o600, false), (0o640, false), (0o644, lets_in)] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).expect("it is ours");
        let log = home.serve(&[]).stop();
        assert_eq!(log.contains("can read the private key"), is_warned, "{mode:o}: {log}");
    }
}

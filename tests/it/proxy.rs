//! Networks in which AWS is reached through a proxy, behind certificates of a company, or at other host names. The
//! proxy and the certificates are the test's own; behind the proxy is the scripted Kinesis, for any host name.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use crate::{
    binary::{Home, Serve},
    scripted::{self, Answer, Scripted},
    wire::wait_until,
};

/// A certificate authority that is trusted only if it is configured.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// TLS for the name `host`.
    fn acceptor(&self, host: &str) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![host.to_owned()]).expect("a host's name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            );
        TlsAcceptor::from(Arc::new(config.expect("a pair")))
    }
}

/// The head of each request to the proxy.
type Heads = Arc<Mutex<Vec<String>>>;

/// A proxy. It lives as long as the server behind it.
pub struct Proxy {
    pub address: SocketAddr,
    heads: Heads,
    /// The certificate that an AWS client must trust.
    pub ca_pem: String,
}

impl Proxy {
    /// A proxy in front of `server`. With `wants`, it only serves requests that have this line.
    pub fn start(server: &Scripted, wants: Option<&'static str>) -> Self {
        let (memory, runtime) = server.parts();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let heads = Heads::default();
        let authority = Authority::new();
        let ca_pem = authority.pem.clone();
        let authority = Arc::new(authority);
        let seen = Arc::clone(&heads);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (heads, memory) = (Arc::clone(&seen), Arc::clone(&memory));
                let authority = Arc::clone(&authority);
                #[expect(clippy::disallowed_methods, reason = "a test's own server")]
                tokio::spawn(async move {
                    let Some(head) = read_head(&stream).await else { return };
                    heads.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
                    if wants.is_some_and(|wanted| !head.contains(wanted)) {
                        write(
                            &stream,
                            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
                        );
                        return;
                    }
                    let Some(host) = host_of(&head) else { return };
                    write(&stream, b"HTTP/1.1 200 Connection established\r\n\r\n");
                    if let Ok(stream) = authority.acceptor(&host).accept(stream).await {
                        scripted::serve_on(stream, memory).await;
                    }
                });
            }
        });
        Self { address, heads, ca_pem }
    }

    /// The hosts that it was asked to connect to, each once, in order.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self.heads().iter().filter_map(|head| host_of(head)).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// `CONNECT host:443 HTTP/1.1`
fn host_of(head: &str) -> Option<String> {
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?;
    target.strip_suffix(":443").map(str::to_owned)
}

async fn read_head(stream: &TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.readable().await.ok()?;
        let mut byte = [0];
        match stream.try_read(&mut byte) {
            Ok(0) => return None,
            Ok(_) => head.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    String::from_utf8(head).ok()
}

/// So little that the socket takes it at once.
fn write(stream: &TcpStream, bytes: &[u8]) {
    let written = stream.try_write(bytes);
    assert!(written.is_ok_and(|count| count == bytes.len()), "the client reads");
}

const EVENT: &str = r#"{"userId":"u","event":"e"}"#;

/// A home whose destination is a stream of AWS.
fn at_aws(region: &str) -> Home {
    Home::new(&format!("[destination]\nkind = \"kinesis\"\nregion = \"{region}\"\nstream = \"clicks\"\n"))
}

fn ca_file(home: &Home, proxy: &Proxy) -> String {
    let path = home.folder().join("company.pem");
    std::fs::write(&path, &proxy.ca_pem).expect("the folder is ours");
    path.to_str().expect("UTF-8").to_owned()
}

fn deliver_one(serve: &Serve, server: &Scripted) {
    let before = server.written_count();
    serve.accept("/v1/track", EVENT);
    wait_until("the record", || server.written_count() > before);
    serve.wait_drained();
}

#[test]
fn aws_is_reached_through_the_proxy_and_behind_the_companys_certificates() {
    let server = Scripted::start(|_| Answer::Success);
    let proxy = Proxy::start(&server, None);
    let home = at_aws("eu-west-1");
    let (url, ca) = (proxy.url(), ca_file(&home, &proxy));
    let serve = home.serve_with(&[], &[("HTTPS_PROXY", Some(&url)), ("AWS_CA_BUNDLE", Some(&ca))]);
    deliver_one(&serve, &server);
    serve.stop();
    assert_eq!(proxy.hosts(), ["kinesis.eu-west-1.amazonaws.com"]);
    assert_eq!(server.calls()[0].access_key, "AKIAIOSFODNN7EXAMPLE", "the signature goes through whole");
}

#[test]
fn a_certificate_that_is_not_trusted_blocks_and_names_aws_ca_bundle() {
    let server = Scripted::start(|_| Answer::Success);
    let proxy = Proxy::start(&server, None);
    let home = at_aws("eu-west-1");
    let url = proxy.url();
    let bad = home.folder().join("bad.pem");
    std::fs::write(&bad, "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n").expect("ours");
    for bundle in [None, bad.to_str()] {
        let serve = home.serve_with(&[], &[("HTTPS_PROXY", Some(&url)), ("AWS_CA_BUNDLE", bundle)]);
        serve.accept("/v1/track", EVENT);
        wait_until("the log tells it", || serve.log().contains("CertificateNotTrusted"));
        let log = serve.stop();
        assert!(log.contains("Forwarder blocked") && log.contains("name it in AWS_CA_BUNDLE"), "{log}");
        assert_eq!(bundle.is_some(), log.contains("AWS_CA_BUNDLE: 1 certificates cannot be used"), "{log}");
    }
    assert_eq!(server.calls().len(), 0);
}

#[test]
fn a_proxy_that_refuses_blocks_and_one_that_wants_a_password_gets_it() {
    let server = Scripted::start(|_| Answer::Success);
    // "ada:pass word" in base64.
    let proxy = Proxy::start(&server, Some("Basic YWRhOnBhc3Mgd29yZA=="));
    let home = at_aws("eu-west-1");
    let ca = ca_file(&home, &proxy);
    let url = proxy.url();
    let serve = home.serve_with(&[], &[("HTTPS_PROXY", Some(&url)), ("AWS_CA_BUNDLE", Some(&ca))]);
    serve.accept("/v1/track", EVENT);
    wait_until("the log tells it", || serve.log().contains("ProxyRefused"));
    let log = serve.stop();
    assert!(log.contains("Forwarder blocked") && log.contains("HTTPS_PROXY"), "{log}");
    let url = format!("http://ada:pass%20word@{}", proxy.address);
    let serve = home.serve_with(&[], &[("HTTPS_PROXY", Some(&url)), ("AWS_CA_BUNDLE", Some(&ca))]);
    serve.wait_drained();
    let log = serve.stop();
    assert!(!log.contains("pass word") && !log.contains("pass%20word"), "{log}");
    assert_eq!(server.written_count(), 1);
}

#[test]
fn a_host_of_no_proxy_is_reached_directly() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let nobody = "http://127.0.0.1:9";
    let through = [("HTTP_PROXY", Some(nobody)), ("HTTPS_PROXY", Some(nobody))];
    let serve = home.serve_with(&[], &through);
    serve.accept("/v1/track", EVENT);
    serve.wait_state("offline");
    serve.stop();
    let serve =
        home.serve_with(&[], &[&through[..], &[("NO_PROXY", Some("example.com,127.0.0.1"))]].concat());
    serve.wait_drained();
    serve.stop();
    assert_eq!(server.written_count(), 1);
}

#[test]
fn the_practice_stream_is_never_asked_for_through_a_proxy() {
    let behind = Scripted::start(|_| Answer::Success);
    let proxy = Proxy::start(&behind, None);
    let url = proxy.url();
    let home = Home::new("");
    let all = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let serve = home.serve_with(&[], &all.map(|name| (name, Some(&*url))));
    serve.accept("/v1/track", EVENT);
    serve.wait_drained();
    let line = home.run(&["log", "--json"]).line();
    assert_eq!(line["state"], "delivered", "{line}");
    serve.stop();
    assert!(proxy.heads().is_empty(), "{:?}", proxy.heads());
}

#[test]
fn fips_and_dual_stack_endpoints_are_chosen_as_for_every_aws_tool() {
    let server = Scripted::start(|_| Answer::Success);
    let proxy = Proxy::start(&server, None);
    let url = proxy.url();
    let yes = Some("true");
    for (variables, profile, host) in [
        (&[("AWS_USE_FIPS_ENDPOINT", yes)][..], "", "kinesis-fips.us-east-1.amazonaws.com"),
        (&[("AWS_USE_DUALSTACK_ENDPOINT", yes)], "", "kinesis.us-east-1.api.aws"),
        (
            &[("AWS_USE_DUALSTACK_ENDPOINT", yes), ("AWS_USE_FIPS_ENDPOINT", yes)],
            "",
            "kinesis-fips.us-east-1.api.aws",
        ),
        (&[], "use_fips_endpoint = true", "kinesis-fips.us-east-1.amazonaws.com"),
        (&[], "use_dualstack_endpoint = true", "kinesis.us-east-1.api.aws"),
    ] {
        let home = at_aws("us-east-1");
        let ca = ca_file(&home, &proxy);
        let files = home.folder().join(".aws");
        std::fs::create_dir(&files).expect("the folder is ours");
        let keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret";
        std::fs::write(files.join("config"), format!("[profile work]\n{keys}\n{profile}\n")).expect("ours");
        let words: &[&str] = if profile.is_empty() { &[] } else { &["--profile", "work"] };
        let network = [("HTTPS_PROXY", Some(&*url)), ("AWS_CA_BUNDLE", Some(&*ca))];
        let seen = proxy.heads().len();
        let serve = home.serve_with(words, &[variables, &network].concat());
        deliver_one(&serve, &server);
        serve.stop();
        let heads = proxy.heads();
        assert!(heads[seen..].iter().all(|head| host_of(head).as_deref() == Some(host)), "{host}: {heads:?}");
        assert!(heads.len() > seen);
    }
}

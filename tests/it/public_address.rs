//! Behind a reverse proxy: whose forwarded headers count, what senders are told, and the check of the public address.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use eframe::egui::{Key, Modifiers};
use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use serde_json::Value;
use tokio_rustls::rustls::{self, ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};
use tributary::config::{Config, PublicUrl, check_trusted_proxy};

use crate::{
    binary::{Home, WRITE_KEY, key_header},
    opened_window::{click, copied, go, open, press_key, retype, says, settings, wait_for},
    practising::{Practising, practising},
    wire::{self, Connection, Reply},
};

fn trust(config: &mut Config, networks: &[&str]) {
    config.capture.trusted_proxies = networks.iter().map(|text| check_trusted_proxy(text).unwrap()).collect();
}

fn public(config: &mut Config, url: &str) {
    config.capture.public_url = Some(PublicUrl::parse(url).unwrap());
}

impl Practising {
    fn posted(&self, path: &str, headers: &str, body: &str) -> Reply {
        let headers = format!("{}{headers}", key_header(WRITE_KEY));
        wire::send(self.address, "POST", path, &headers, body.as_bytes())
    }

    /// Scheme and address in the settings document for a sender with these headers.
    fn document(&self, path: &str, headers: &str) -> (String, String) {
        let reply = wire::send(self.address, "GET", path, headers, b"");
        assert_eq!(reply.status, 200, "{path} {headers}: {reply:?}");
        let named = &reply.json()["integrations"]["Segment.io"];
        let text = |name: &str| named[name].as_str().unwrap().to_owned();
        (text("protocol"), text("apiHost"))
    }

    /// `context.ip` of each record, by the event's name.
    fn stored(&self, count: u64) -> BTreeMap<String, Option<String>> {
        self.wait_settled(count);
        let events = self.records().into_iter().map(|sent| {
            let event: Value = serde_json::from_slice(&STANDARD.decode(sent.data).unwrap()).unwrap();
            let ip = event["context"]["ip"].as_str().map(str::to_owned);
            (event["event"].as_str().unwrap().to_owned(), ip)
        });
        events.collect()
    }

    fn done(self) {
        self.engine.shutdown(Duration::from_secs(5));
    }
}

fn settings_path() -> String {
    format!("/v1/projects/{WRITE_KEY}/settings")
}

/// Headers of a proxy, and the address that events get; `None`: the address says nothing about a user.
const HEADERS: [(&str, Option<&str>); 17] = [
    ("", None),
    ("X-Forwarded-For: 203.0.113.7\r\n", Some("203.0.113.7")),
    ("X-Forwarded-For: 203.0.113.7:4711\r\n", Some("203.0.113.7")),
    ("X-Forwarded-For: 2001:db8::7\r\n", Some("2001:db8::7")),
    ("X-Forwarded-For: [2001:db8::7]:4711\r\n", Some("2001:db8::7")),
    ("X-Forwarded-For: ::ffff:203.0.113.7\r\n", Some("203.0.113.7")),
    // Entries of the client are left of those of the proxies.
    ("X-Forwarded-For: 198.51.100.1, 203.0.113.7\r\n", Some("203.0.113.7")),
    ("X-Forwarded-For: 198.51.100.1, 203.0.113.7, 10.1.2.3\r\n", Some("203.0.113.7")),
    ("X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.7, 10.1.2.3\r\n", Some("203.0.113.7")),
    ("X-Forwarded-For: 198.51.100.1, 172.16.0.1\r\n", Some("172.16.0.1")),
    ("X-Forwarded-For: 203.0.113.7, unknown, 10.1.2.3\r\n", Some("10.1.2.3")),
    ("X-Forwarded-For: 203.0.113.7, 1.2.3.999\r\n", None),
    ("X-Forwarded-For: \u{e9}\r\n", None),
    ("Forwarded: for=198.51.100.1, for=203.0.113.7;proto=https\r\n", Some("203.0.113.7")),
    ("Forwarded: for=203.0.113.7, for=\"[2001:db8::7]:4711\", for=10.1.2.3\r\n", Some("2001:db8::7")),
    ("Forwarded: for=203.0.113.7, for=_hidden\r\n", None),
    ("Forwarded: for=198.51.100.1\r\nX-Forwarded-For: 203.0.113.7\r\n", Some("203.0.113.7")),
];

#[test]
fn events_get_the_client_s_address_behind_trusted_proxies_and_only_there() {
    for trusted in [&["127.0.0.1", "10.0.0.0/8"][..], &[], &["203.0.113.0/24", "::1"]] {
        let running = practising(|config| trust(config, trusted));
        for (n, (headers, _)) in HEADERS.iter().enumerate() {
            let body = format!(r#"{{"userId":"u","event":"{n}"}}"#);
            assert_eq!(running.posted("/v1/track", headers, &body).status, 200, "{headers}");
        }
        let stored = running.stored(HEADERS.len() as u64);
        for (n, (headers, ip)) in HEADERS.iter().enumerate() {
            let wanted = ip.filter(|_| trusted.contains(&"127.0.0.1"));
            assert_eq!(stored[&n.to_string()].as_deref(), wanted, "{headers} {trusted:?}");
        }
        running.done();
    }
}

#[test]
fn the_settings_document_names_the_public_address_whatever_came_in_headers() {
    for trusted in [&[][..], &["127.0.0.1"]] {
        let running = practising(|config| {
            trust(config, trusted);
            public(config, "https://www.example.com:8443/events/");
        });
        let wanted = ("https".to_owned(), "www.example.com:8443/events/v1".to_owned());
        for headers in [
            "",
            "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Prefix: /evil\r\n",
            "Forwarded: for=203.0.113.7;host=evil.example;proto=http\r\n",
        ] {
            assert_eq!(running.document(&settings_path(), headers), wanted, "{headers}");
        }
        running.change(|config| config.capture.public_url = None);
        assert_eq!(running.document(&settings_path(), ""), ("http".to_owned(), "localhost/v1".to_owned()));
        running.done();
    }
}

#[test]
fn without_a_public_address_the_headers_of_trusted_proxies_name_it() {
    let table = [
        ("X-Forwarded-Proto: https\r\n", "https", "localhost/v1"),
        ("X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n", "https", "a.example/v1"),
        (
            "X-Forwarded-For: 203.0.113.7, 10.1.2.3\r\nX-Forwarded-Proto: https, http\r\n\
             X-Forwarded-Host: a.example:8443, inside\r\nX-Forwarded-Prefix: /t\r\n",
            "https",
            "a.example:8443/t/v1",
        ),
        ("Forwarded: for=203.0.113.7;proto=https;host=\"a.example:8443\"\r\n", "https", "a.example:8443/v1"),
        (
            "X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: a/b\r\nX-Forwarded-Prefix: t\r\n",
            "http",
            "localhost/v1",
        ),
        // `Forwarded` came from the client: this proxy writes the other headers.
        ("X-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\n", "https", "localhost/v1"),
    ];
    let running = practising(|config| trust(config, &["127.0.0.1", "10.0.0.0/8"]));
    for (headers, protocol, host) in table {
        let named = running.document(&settings_path(), headers);
        assert_eq!((named.0.as_str(), named.1.as_str()), (protocol, host), "{headers}");
    }
    running.change(|config| trust(config, &["10.0.0.0/8"]));
    for (headers, ..) in table {
        let named = running.document(&settings_path(), headers);
        assert_eq!((named.0.as_str(), named.1.as_str()), ("http", "localhost/v1"), "not trusted: {headers}");
    }
    running.done();
}

#[test]
fn the_prefix_of_the_public_address_is_served_kept_or_stripped() {
    let running = practising(|config| public(config, "https://www.example.com/a/events"));
    let event = r#"{"userId":"u","event":"e"}"#;
    for path in ["/v1/track", "/a/events/v1/track", "/a/events/v1/t/"] {
        assert_eq!(running.posted(path, "", event).status, 200, "{path}");
    }
    let batch = r#"{"batch":[{"type":"page","userId":"u"}]}"#;
    assert_eq!(running.posted("/a/events/v1/batch", "", batch).status, 200);
    for path in ["/a/events/health", "/a/events/ready", "/health", &format!("/a/events{}", settings_path())] {
        assert_eq!(wire::get(running.address, path).status, 200, "{path}");
    }
    let asked = "Origin: https://shop.example\r\nAccess-Control-Request-Method: POST\r\n";
    assert_eq!(wire::send(running.address, "OPTIONS", "/a/events/v1/t", asked, b"").status, 204);
    for path in ["/a/v1/track", "/a/eventss/v1/track", "/a/events/a/events/v1/track", "/A/events/v1/track"] {
        assert_eq!(running.posted(path, "", event).status, 404, "{path}");
    }
    let stripped = "X-Forwarded-Prefix: /t\r\n";
    assert_eq!(running.posted("/t/v1/track", stripped, event).status, 404, "nobody is trusted");
    running.change(|config| trust(config, &["127.0.0.1"]));
    assert_eq!(
        running.posted("/t/v1/track", stripped, event).status,
        200,
        "a proxy names a prefix and keeps it"
    );
    running.done();
}

/// With a host name of its own.
fn by_host(running: &Practising, line: &str, host: &str, headers: &str) -> u16 {
    let body = r#"{"userId":"u","event":"e"}"#;
    let request =
        format!("{line} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
    Connection::open(running.address).unwrap().ask(request.as_bytes()).unwrap().status
}

#[test]
fn a_forwarded_host_opens_nothing_where_no_key_is_required() {
    let running = practising(|config| {
        config.capture.require_write_key = false;
        trust(config, &["127.0.0.1"]);
        public(config, "https://events.example.org");
    });
    // A page whose name resolves to this machine (DNS rebinding) is a trusted peer, and can set headers.
    let local = "X-Forwarded-Host: localhost\r\nX-Forwarded-For: 127.0.0.1\r\n";
    let named = "Forwarded: for=127.0.0.1;host=localhost\r\n";
    let of_us = "X-Forwarded-Host: events.example.org\r\n";
    for headers in ["", local, named, of_us] {
        for line in ["POST /v1/track", "GET /metrics"] {
            assert_eq!(by_host(&running, line, "evil.example", headers), 403, "{line} {headers}");
        }
    }
    let foreign = "Origin: https://evil.example\r\n";
    assert_eq!(by_host(&running, "POST /v1/track", "events.example.org", foreign), 403);
    assert_eq!(by_host(&running, "POST /v1/track", "events.example.org", ""), 200, "the user named it");
    assert_eq!(by_host(&running, "POST /v1/track", "localhost", local), 200);
    running.change(|config| config.capture.public_url = None);
    assert_eq!(by_host(&running, "POST /v1/track", "events.example.org", ""), 403);
    running.done();
}

#[test]
fn the_two_settings_come_from_a_variable_too_and_mistakes_are_named() {
    let home =
        Home::new("[capture]\ntrusted_proxies = [\"10.0.0.0/8\"]\npublic_url = \"https://a.example/t/\"\n");
    let shown = home.run(&["config"]).stdout;
    assert!(shown.contains("public_url = \"https://a.example/t\""), "{shown}");
    assert!(shown.contains("trusted_proxies = [\"10.0.0.0/8\"]"), "{shown}");
    let with = |name: &str, value: &str| {
        let output = home.command(&["config"]).env(name, value).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (_, shown, _) = with("TRIBUTARY_CAPTURE_TRUSTED_PROXIES", "127.0.0.1, fd00::/8");
    assert!(shown.contains("trusted_proxies = [\"127.0.0.1\", \"fd00::/8\"]"), "{shown}");
    for (name, value, part) in [
        ("TRIBUTARY_CAPTURE_TRUSTED_PROXIES", "localhost", "\"localhost\"; write an IP address or a network"),
        ("TRIBUTARY_CAPTURE_TRUSTED_PROXIES", "0.0.0.0/0", "every sender"),
        ("TRIBUTARY_CAPTURE_PUBLIC_URL", "a.example", "begin with https://"),
    ] {
        let (code, _, said) = with(name, value);
        assert!(code == Some(1) && said.contains(name) && said.contains(part), "{said}");
    }
    std::fs::write(home.settings_file(), "[capture]\ntrusted_proxies = \"10.0.0.0/8\"\n").unwrap();
    let said = home.run(&["config"]).stderr;
    assert!(
        said.contains("2: capture.trusted_proxies is \"10.0.0.0/8\"; it must be a list of texts"),
        "{said}"
    );
}

/// How the proxy handles requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Passes requests on and names the client.
    Good,
    /// The same, and removes the prefix.
    Strips,
    /// Adds a prefix to the path.
    WrongPath,
    /// Answers instead of the endpoint.
    BadGateway,
    Redirects,
    /// Adds a CORS header of its own.
    DoublesCors,
    /// Does not name the client.
    Silent,
}

/// A small reverse proxy on loopback with one request per connection, and TLS if it has a certificate.
struct Front {
    address: SocketAddr,
    mode: Arc<Mutex<Mode>>,
    upstream: Arc<Mutex<Option<SocketAddr>>>,
}

impl Front {
    fn start(certified: Option<&CertifiedKey<KeyPair>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let front = Self {
            address: listener.local_addr().unwrap(),
            mode: Arc::new(Mutex::new(Mode::Good)),
            upstream: Arc::default(),
        };
        let (mode, upstream) = (Arc::clone(&front.mode), Arc::clone(&front.upstream));
        let tls = certified.map(tls);
        let serve = move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mode = *mode.lock().unwrap_or_else(PoisonError::into_inner);
                let upstream =
                    upstream.lock().unwrap_or_else(PoisonError::into_inner).expect("is set by now");
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                // A client that only connects, or that does not trust the certificate, is gone by then.
                drop(match &tls {
                    Some(tls) => {
                        let session = ServerConnection::new(Arc::clone(tls)).unwrap();
                        pass(&mut StreamOwned::new(session, stream), upstream, mode)
                    }
                    None => pass(&mut { stream }, upstream, mode),
                });
            }
        };
        std::thread::Builder::new().name("front".to_owned()).spawn(serve).unwrap();
        front
    }

    fn is(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    fn leads_to(&self, upstream: SocketAddr) {
        *self.upstream.lock().unwrap_or_else(PoisonError::into_inner) = Some(upstream);
    }
}

fn tls(certified: &CertifiedKey<KeyPair>) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth();
    Arc::new(config.with_single_cert(vec![certified.cert.der().clone()], key).unwrap())
}

fn length(head: &str) -> usize {
    let lengths = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}

/// Head and body of a message.
fn message(stream: &mut impl Read) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut body = vec![0; length(&head)];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

fn pass(client: &mut (impl Read + Write), upstream: SocketAddr, mode: Mode) -> std::io::Result<()> {
    let (head, body) = message(client)?;
    let own = match mode {
        Mode::BadGateway => Some("HTTP/1.1 502 Bad Gateway\r\nServer: front/1\r\nContent-Length: 0\r\n"),
        Mode::Redirects => Some(
            "HTTP/1.1 301 Moved Permanently\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n",
        ),
        _ => None,
    };
    let (head, body) = if let Some(own) = own {
        (format!("{own}Connection: close\r\n\r\n"), Vec::new())
    } else {
        let head = match mode {
            Mode::Strips => head.replacen(" /t/", " /", 1),
            Mode::WrongPath => head.replacen(" /t/", " /wrong/t/", 1),
            _ => head,
        };
        let names = if mode == Mode::Silent { "" } else { "X-Forwarded-For: 203.0.113.7\r\n" };
        let added = format!("\r\n{names}X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n");
        let mut server = TcpStream::connect(upstream)?;
        server.write_all(head.replacen("\r\n\r\n", &added, 1).as_bytes())?;
        server.write_all(&body)?;
        let (mut head, body) = message(&mut server)?;
        if mode == Mode::DoublesCors {
            head = head.replacen("\r\n\r\n", "\r\nAccess-Control-Allow-Origin: *\r\n\r\n", 1);
        }
        (head, body)
    };
    client.write_all(head.as_bytes())?;
    client.write_all(&body)?;
    client.flush()
}

fn certificate(names: &[&str], is_over: bool) -> CertifiedKey<KeyPair> {
    let all: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(all).unwrap();
    // Each is an authority of its own.
    params.distinguished_name.push(rcgen::DnType::CommonName, format!("{} {is_over}", names[0]));
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(if is_over { 2021 } else { 4000 }, 1, 1);
    let signing_key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    CertifiedKey { cert, signing_key }
}

/// A home whose senders come through a proxy; `more`: further lines of `[capture]`.
fn home(url: &str, more: &str) -> Home {
    Home::new(&format!("[capture]\npublic_url = \"{url}\"\n{more}\n"))
}

const TRUSTED: &str = "trusted_proxies = [\"127.0.0.1\"]";

/// The exit code of the check, and its answer.
fn checked(home: &Home) -> (Option<i32>, Value) {
    let ended = home.run(&["check", "--endpoint", "--json"]);
    assert!(!ended.stdout.contains(WRITE_KEY), "no key is shown: {}", ended.stdout);
    (ended.code, ended.line())
}

fn last(answer: &Value) -> &Value {
    answer["steps"].as_array().unwrap().last().unwrap()
}

/// The step that failed, its error and its remedy.
fn failed(home: &Home) -> [String; 3] {
    let (code, answer) = checked(home);
    assert_eq!((code, &answer["ok"]), (Some(1), &Value::Bool(false)), "{answer}");
    let last = last(&answer);
    assert_eq!(last["result"], "failed", "{answer}");
    ["step", "error", "remedy"].map(|name| last[name].as_str().unwrap().to_owned())
}

fn trusting(home: &Home, certified: &CertifiedKey<KeyPair>) -> String {
    let path = home.folder().join("roots.pem");
    std::fs::write(&path, certified.cert.pem()).unwrap();
    Path::to_str(&path).unwrap().to_owned()
}

#[test]
fn the_check_follows_a_test_event_over_the_public_https_address() {
    let certified = certificate(&["localhost"], false);
    let front = Front::start(Some(&certified));
    let url = format!("https://localhost:{}/t", front.address.port());
    let home = home(&url, TRUSTED);
    let roots = trusting(&home, &certified);
    let serve = home.serve_with(&[], &[("SSL_CERT_FILE", Some(&roots))]);
    front.leads_to(serve.address);
    for mode in [Mode::Good, Mode::Strips] {
        front.is(mode);
        let (code, answer) = checked(&home);
        assert_eq!((code, &answer["ok"]), (Some(0), &Value::Bool(true)), "{answer}");
        let steps = answer["steps"].as_array().unwrap();
        let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
        assert_eq!(names, tributary::delivery::PUBLIC_STEPS, "{answer}");
        assert!(steps.iter().all(|step| step["result"] == "passed"), "{answer}");
        let detail = |name: &str| {
            let step = steps.iter().find(|step| step["step"] == name).unwrap();
            step["detail"].as_str().unwrap().to_owned()
        };
        assert!(detail("certificate").contains("localhost until 4000-01-01"), "{answer}");
        assert!(detail("settings").ends_with(&format!("It names {url}/v1")), "{answer}");
        let path = if mode == Mode::Good { "/t/v1/track" } else { "/v1/track" };
        let arrived = format!("It arrived as POST {path} from 127.0.0.1, a trusted proxy");
        assert!(detail("event").contains(&arrived), "{answer}");
        assert!(detail("event").contains("X-Forwarded-For: 203.0.113.7"), "{answer}");
        assert_eq!(detail("client-address"), "context.ip was stored as 203.0.113.7");
        let nginx = answer["proxies"]["nginx"].as_str().unwrap();
        assert!(nginx.contains("location /t/") && nginx.contains("server_name localhost"), "{nginx}");
    }
    let line = home.run(&["log", "--json"]).lines().remove(0);
    assert_eq!((&line["event"], &line["state"]), (&"Public address checked".into(), &"delivered".into()));
    let text = home.run(&["check", "--endpoint"]).stdout;
    assert!(
        text.contains("passed   preflight: 204 in") && text.contains("# Caddy\nhttps://localhost:"),
        "{text}"
    );
    serve.stop();
}

#[test]
fn the_check_names_what_is_wrong_on_the_way() {
    let front = Front::start(None);
    let home = home(&format!("http://127.0.0.1:{}/t", front.address.port()), TRUSTED);
    let serve = home.serve(&[]);
    front.leads_to(serve.address);
    for (mode, step, code, part) in [
        (
            Mode::WrongPath,
            "settings",
            "PublicWrongPath",
            "arrived as GET /wrong/t/v1/projects/…/settings from",
        ),
        (Mode::BadGateway, "settings", "PublicElsewhere", "502 in"),
        (Mode::Redirects, "settings", "PublicRedirected", "to https://other.example/"),
        (Mode::DoublesCors, "preflight", "PublicPreflightRefused", "https://www.example.com and *"),
        (Mode::Silent, "client-address", "PublicClientNotNamed", "names no client"),
    ] {
        front.is(mode);
        let [name, error, remedy] = failed(&home);
        assert_eq!(name, step, "{mode:?}: {error}");
        assert!(error.starts_with(&format!("{code}: ")) && error.contains(part), "{mode:?}: {error}");
        assert!(remedy.len() > 20, "{remedy}");
    }
    front.is(Mode::Good);
    let (code, answer) = checked(&home);
    assert_eq!(code, Some(0), "{answer}");
    assert_eq!(answer["steps"][2]["result"], "skipped", "no certificate with http: {answer}");
    let text = home.run(&["check", "--endpoint", "--put-record"]);
    assert_eq!(text.code, Some(2), "{text:?}");
    serve.stop();
}

#[test]
fn the_check_names_a_proxy_that_is_not_trusted() {
    let front = Front::start(None);
    let home = home(&format!("http://127.0.0.1:{}", front.address.port()), "");
    let serve = home.serve(&[]);
    front.leads_to(serve.address);
    let [step, error, _] = failed(&home);
    let wanted = "PublicProxyNotTrusted: 127.0.0.1 sent X-Forwarded-For: 203.0.113.7";
    assert!(step == "client-address" && error.starts_with(wanted), "{error}");
    serve.stop();
}

#[test]
fn the_check_says_why_a_certificate_is_not_valid() {
    for (name, is_over, is_trusted, part) in [
        ("localhost", false, false, "no authority that this machine trusts"),
        ("localhost", true, true, "expired"),
        ("other.example", false, true, "not valid for name"),
    ] {
        let certified = certificate(&[name], is_over);
        let front = Front::start(Some(&certified));
        let home = home(&format!("https://localhost:{}", front.address.port()), TRUSTED);
        let other = certificate(&["nobody"], false);
        let roots = trusting(&home, if is_trusted { &certified } else { &other });
        let serve = home.serve_with(&[], &[("SSL_CERT_FILE", Some(&roots))]);
        front.leads_to(serve.address);
        let [step, error, remedy] = failed(&home);
        assert!(step == "certificate" && error.starts_with("PublicCertificateInvalid: "), "{error}");
        assert!(error.contains(part) && remedy.contains("fullchain.pem"), "{error}; {remedy}");
        serve.stop();
    }
}

#[test]
fn the_check_says_what_is_missing() {
    let home = Home::new("");
    let ended = home.run(&["check", "--endpoint"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("no engine runs on"), "{ended:?}");
    let serve = home.serve(&[]);
    let [step, error, _] = failed(&home);
    assert!(step == "name" && error == "PublicAddressMissing: capture.public_url is empty", "{error}");
    serve.stop();
    let home = self::home("https://no-such-host.invalid", "");
    let serve = home.serve(&[]);
    let [step, error, _] = failed(&home);
    assert!(step == "name" && error.starts_with("PublicNameNotFound: no-such-host.invalid"), "{error}");
    serve.stop();
}

#[test]
fn sources_shows_the_public_address_and_checks_it() {
    let front = Front::start(None);
    let url = format!("http://127.0.0.1:{}/t", front.address.port());
    let mut config = settings();
    public(&mut config, &url);
    trust(&mut config, &["127.0.0.1"]);
    let mut opened = open(config);
    let window = &mut opened.window;
    let local = crate::wire::wait_for("the endpoint", || endpoint_of_window(opened.files.path()));
    front.leads_to(local);
    go(window, "Sources");
    assert!(says(window, &format!("A reverse proxy passes it on to http://{local}.")), "both addresses");
    click(window, "Copy endpoint URL");
    assert_eq!(copied(window).as_deref(), Some(&*url));
    click(window, "Copy snippet");
    assert!(copied(window).unwrap().contains(&format!("{url}/v1/track")));
    click(window, "Check my public address");
    wait_for(window, "the check passes", |window| says(window, &format!("Senders can use {url}.")));
    assert!(says(window, "context.ip was stored as 203.0.113.7"), "what each hop did");
    front.is(Mode::WrongPath);
    click(window, "Check my public address");
    wait_for(window, "what is wrong", |window| says(window, "a path that the endpoint does not serve"));
    assert!(says(window, "/wrong/t/v1/projects/…/settings") && !says(window, "test-key-1234"));
    click(window, "Proxy configuration");
    click(window, "Copy proxy configuration");
    assert!(copied(window).unwrap().contains("location /t/ {"));
}

/// The address of the endpoint of a window's engine.
fn endpoint_of_window(files: &Path) -> Option<SocketAddr> {
    let found = tributary::engine::RunningEngine::find(&files.join("data"))?;
    found.endpoint.strip_prefix("http://")?.parse().ok()
}

#[test]
fn settings_has_the_public_address_and_the_trusted_proxies() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    assert!(says(window, "Check my public address"), "it can be found before there is one");
    go(window, "Settings");
    retype(window, "Public address", "events.example.com");
    assert!(says(window, "It must begin with https://"));
    retype(window, "Public address", "https://events.example.com/t/");
    retype(window, "Trusted proxies", "127.0.0.1, 10.0.0.1/8");
    assert!(says(window, "the network is 10.0.0.0/8"));
    retype(window, "Trusted proxies", "127.0.0.1, 10.0.0.0/8");
    press_key(window, Modifiers::NONE, Key::Enter);
    wait_for(window, "it is saved", |window| says(window, "Saved: Trusted proxies"));
    let saved = std::fs::read_to_string(opened.files.path().join("config.toml")).unwrap();
    assert!(saved.contains("public_url = \"https://events.example.com/t\"\n"), "{saved}");
    assert!(saved.contains("trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n"), "{saved}");
    go(window, "Sources");
    assert!(says(window, "https://events.example.com/t"));
}

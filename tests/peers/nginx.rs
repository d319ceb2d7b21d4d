//! Debian's nginx with TLS in front of `tributary serve`, with the prefix of the public address kept or stripped, and
//! the client's host passed on with its port (`$http_host`) or without (`$host`). The real `@segment/analytics-next` in
//! Chromium gets its settings through it, and all its events arrive over https.

use crate::calls::{Call, in_a_page};
use crate::processes::{Guard, Sdk, Serve, WRITE_KEY, node_modules, python, run};
use crate::sdks::{JSON, Way};
use crate::stream::tail_agrees;
use crate::tap::Tap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, CertifiedKey, KeyPair, PublicKeyData};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tributary::config::{Capture, PublicUrl};
use tributary::snippets::{Proxy, Sdk as AnySdk, proxy_lines, snippet};

const PREFIX: &str = "/events";

/// A running nginx.
struct Nginx {
    _child: Guard,
    folder: TempDir,
    /// The public address, with the prefix.
    url: String,
    /// Base64 of the SHA-256 of its public key.
    key_hash: String,
}

impl Nginx {
    /// `server`: its `server` block for a port and a folder with `cert.pem` and `key.pem`.
    fn start(server: impl Fn(u16, &str) -> String) -> Self {
        // The port is free when it is chosen, and may be taken by another process a moment later.
        (0..5).find_map(|_| Self::try_start(&server)).expect("nginx listens: install Debian's nginx")
    }

    fn try_start(server: &impl Fn(u16, &str) -> String) -> Option<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_str().unwrap();
        let CertifiedKey { cert, signing_key } = certificate();
        std::fs::write(folder.path().join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let places: String = places.map(|name| format!("{name}_temp_path {at}/{name};\n")).concat();
        // One process, which a test can end by its id.
        let text = format!(
            "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\n\
             http {{\naccess_log off;\n{places}{}}}\n",
            server(address.port(), at)
        );
        std::fs::write(folder.path().join("nginx.conf"), text).unwrap();
        let mut command = Command::new("/usr/sbin/nginx");
        command.args(["-p", at, "-c", &format!("{at}/nginx.conf"), "-e", &format!("{at}/error.log")]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = Guard(child.expect("nginx starts: install Debian's nginx"));
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if child.0.try_wait().unwrap().is_some() || start.elapsed() > Duration::from_secs(20) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let url = format!("https://localhost:{}{PREFIX}", address.port());
        let key_hash = STANDARD.encode(Sha256::digest(signing_key.subject_public_key_info()));
        Some(Self { _child: child, folder, url, key_hash })
    }

    fn roots(&self) -> String {
        self.folder.path().join("cert.pem").to_str().unwrap().to_owned()
    }
}

fn certificate() -> CertifiedKey<KeyPair> {
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let signing_key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    CertifiedKey { cert, signing_key }
}

/// How nginx passes requests on.
#[derive(Clone, Copy, Debug)]
struct Passing {
    /// The path is passed on unchanged; otherwise without the prefix.
    kept: bool,
    /// The variable of nginx with the client's host.
    host: &'static str,
}

fn server(passing: Passing, tap: SocketAddr, port: u16, folder: &str) -> String {
    let Passing { kept, host } = passing;
    // With a path, nginx puts it in place of the location's.
    let path = if kept { "" } else { "/" };
    format!(
        "server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    location {PREFIX}/ {{
        proxy_pass http://{tap}{path};
        proxy_http_version 1.1;
        proxy_set_header Connection \"\";
        proxy_set_header Host {host};
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host {host};
        proxy_set_header X-Forwarded-Prefix {PREFIX};
    }}
}}
"
    )
}

fn tap_address(tap: &Tap) -> SocketAddr {
    tap.url().strip_prefix("http://").unwrap().parse().unwrap()
}

/// The way through nginx. Without `public`, the trusted proxy's headers name the address.
async fn way_through(server: impl Fn(SocketAddr, u16, &str) -> String, public: bool) -> (Way, Nginx) {
    let mut started = None;
    let prepare = |serve: &mut Serve, tap: &Tap| {
        let tap = tap_address(tap);
        let nginx = Nginx::start(|port, folder| server(tap, port, folder));
        serve.set("TRIBUTARY_CAPTURE_TRUSTED_PROXIES", "127.0.0.1");
        serve.set("SSL_CERT_FILE", &nginx.roots());
        if public {
            serve.set("TRIBUTARY_CAPTURE_PUBLIC_URL", &nginx.url);
        }
        started = Some(nginx);
    };
    let way = Way::open_behind(JSON, prepare).await;
    (way, started.expect("it was prepared"))
}

async fn every_call_in_a_page_arrives(mut way: Way, nginx: &Nginx, loading: &'static str, kept: bool) {
    let calls: Vec<Call> = in_a_page().into_iter().map(|(call, _)| call).collect();
    let sdk = Sdk::Next { loading, delivery: "standard" };
    sdk.start_trusting(&nginx.url, &calls, &nginx.key_hash).finish();
    let found = way.delivered(calls.len()).await;
    assert_eq!(found.len(), calls.len(), "each event once");
    tail_agrees(&way.serve, &found);
    let exchanges = way.tap.exchanges();
    let paths: BTreeSet<_> = exchanges.iter().map(|exchange| exchange.path.as_str()).collect();
    let prefix = if kept { PREFIX } else { "" };
    assert!(paths.iter().all(|path| path.starts_with(&format!("{prefix}/v1/"))), "{paths:?}");
    let good = exchanges.iter().filter(|exchange| exchange.method == "POST" && exchange.status == Some(200));
    assert_eq!(good.count(), calls.len(), "all came through nginx, which speaks https only");
    let settings = format!("{prefix}/v1/projects/{WRITE_KEY}/settings");
    assert_eq!(paths.contains(settings.as_str()), loading == "settings", "{paths:?}");
}

async fn a_page_sends_through_nginx(passing: Passing, public: bool) {
    let (way, nginx) = way_through(|tap, port, folder| server(passing, tap, port, folder), public).await;
    every_call_in_a_page_arrives(way, &nginx, "settings", passing.kept).await;
}

#[tokio::test]
async fn a_page_sends_through_nginx_that_keeps_prefix_and_port() {
    a_page_sends_through_nginx(Passing { kept: true, host: "$http_host" }, false).await;
}

#[tokio::test]
async fn a_page_sends_through_nginx_that_strips_the_prefix_and_keeps_the_port() {
    a_page_sends_through_nginx(Passing { kept: false, host: "$http_host" }, false).await;
}

#[tokio::test]
async fn a_page_sends_through_nginx_that_keeps_the_prefix_and_drops_the_port() {
    a_page_sends_through_nginx(Passing { kept: true, host: "$host" }, true).await;
}

#[tokio::test]
async fn a_page_sends_through_nginx_that_strips_prefix_and_port() {
    a_page_sends_through_nginx(Passing { kept: false, host: "$host" }, true).await;
}

/// The configuration that the check prints, with the files of this test.
fn printed(tap: SocketAddr, port: u16, folder: &str) -> String {
    let public = PublicUrl::parse(&format!("https://localhost:{port}{PREFIX}")).unwrap();
    let capture = Capture { listen: tap, ..Capture::default() };
    let lines = proxy_lines(Proxy::Nginx, &public, &capture);
    let lines = lines.replace("/etc/letsencrypt/live/localhost/fullchain.pem", &format!("{folder}/cert.pem"));
    let lines = lines.replace("/etc/letsencrypt/live/localhost/privkey.pem", &format!("{folder}/key.pem"));
    assert!(!lines.contains("letsencrypt"), "{lines}");
    lines
}

#[tokio::test]
async fn nginx_takes_the_lines_that_the_check_prints_and_the_check_passes() {
    let (way, nginx) = way_through(printed, true).await;
    let answer = way.serve.check_endpoint();
    assert_eq!(answer["ok"], true, "{answer}");
    let step = |name: &str| {
        let steps = answer["steps"].as_array().unwrap();
        steps.iter().find(|step| step["step"] == name).unwrap()["detail"].as_str().unwrap().to_owned()
    };
    assert!(step("settings").contains("from nginx"), "{answer}");
    assert!(step("settings").ends_with(&format!("It names {}/v1", nginx.url)), "{answer}");
    assert!(step("client-address").starts_with("No context.ip was stored"), "{answer}");

    // 2 MiB, which nginx would refuse by default, from a client that claims to be another one.
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.json");
    let padding = "x".repeat(500_000);
    let item = |n| {
        format!(
            r#"{{"type":"track","userId":"u","event":"Large {n}","context":{{"direct":true}},"properties":{{"p":"{padding}"}}}}"#
        )
    };
    std::fs::write(&large, format!(r#"{{"batch":[{}]}}"#, [0, 1, 2, 3].map(item).join(","))).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--silent", "--show-error", "--interface", "127.0.0.2", "--cacert", &nginx.roots()]);
    curl.args(["--user", &format!("{WRITE_KEY}:"), "--data-binary", &format!("@{}", large.display())]);
    curl.args([
        "--header",
        "X-Forwarded-For: 203.0.113.7",
        "--header",
        "Forwarded: for=203.0.113.7;host=evil.example",
    ]);
    curl.args(["--header", "X-Forwarded-Host: evil.example", "--header", "X-Forwarded-Prefix: /evil"]);
    curl.arg(format!("{}/v1/batch", nginx.url).replace("localhost", "127.0.0.1"));
    curl.args(["--header", "Host: localhost", "--insecure"]);
    let answer = run(&mut curl, "");
    assert!(answer.contains("\"accepted\":4"), "{answer}");
    let mut way = way;
    for record in way.delivered(5).await {
        let event = crate::json::readable(&record.event);
        assert!(event["context"]["ip"].is_null(), "a client's own claim is not stored: {}", event["context"]);
    }
}

#[tokio::test]
async fn a_page_with_its_own_settings_sends_through_the_lines_that_the_check_prints() {
    let (way, nginx) = way_through(printed, true).await;
    every_call_in_a_page_arrives(way, &nginx, "page", true).await;
}

/// Runs the app's snippet with the public address unchanged.
async fn a_snippet_sends_below_the_prefix(sdk: AnySdk, events: usize, command: impl FnOnce(&str) -> Command) {
    let (mut way, nginx) = way_through(printed, true).await;
    let mut command = command(&snippet(sdk, &nginx.url, WRITE_KEY));
    for name in ["CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"] {
        command.env(name, nginx.roots());
    }
    run(command.env("NO_PROXY", "localhost").env("no_proxy", "localhost"), "");
    assert_eq!(way.delivered(events).await.len(), events, "{sdk:?}");
}

#[tokio::test]
async fn curl_sends_below_the_prefix() {
    a_snippet_sends_below_the_prefix(AnySdk::Curl, 1, |code| {
        let mut curl = Command::new("bash");
        curl.args(["-c", &code.replacen("curl ", "curl --fail ", 1)]);
        curl
    })
    .await;
}

#[tokio::test]
async fn analytics_node_sends_below_the_prefix() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(node_modules(), folder.path().join("node_modules")).unwrap();
    let file = folder.path().join("example.js");
    a_snippet_sends_below_the_prefix(AnySdk::Node, 2, |code| {
        std::fs::write(&file, code).unwrap();
        let mut node = Command::new("node");
        node.arg(&file);
        node
    })
    .await;
}

#[tokio::test]
async fn segment_analytics_python_sends_below_the_prefix() {
    a_snippet_sends_below_the_prefix(AnySdk::Python, 2, |code| {
        let mut interpreter = Command::new(python());
        interpreter.args(["-c", code]);
        interpreter
    })
    .await;
}

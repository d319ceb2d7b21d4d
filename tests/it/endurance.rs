//! Senders that are slow, many, endless or foreign do not disturb others.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::{Compression, write::GzEncoder};
use tributary::config::PublicUrl;

use crate::binary::{Home, Serve, WRITE_KEY, key_header};
use crate::practising::practising;
use crate::wire::{Connection, Reply, request, send, wait_for};

const TRACK: &[u8] = br#"{"userId":"u","event":"e"}"#;

/// Maximum wait of an undisturbed sender, on a busy machine.
const PROMPT: Duration = Duration::from_secs(5);

/// Maximum memory of the program in these tests, in KiB.
const MEMORY_KIB_MAX: u64 = 400 << 10;

fn assert_prompt(serve: &Serve) {
    let begun = Instant::now();
    serve.accept("/v1/track", "{\"userId\":\"u\",\"event\":\"e\"}");
    assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
}

/// The peak memory of the program, if `/proc` tells it.
fn peak_kib(serve: &Serve) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serve.id())).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn senders_of_one_byte_a_second_are_served_in_the_end_and_harm_nobody() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let whole = request("POST", "/v1/track", &key_header(WRITE_KEY), TRACK);
    // Some are slow from the first byte of the head, some from the last bytes of the body.
    let mut slow: Vec<_> = [0, 3, whole.len() - 30, whole.len() - 5]
        .into_iter()
        .cycle()
        .take(200)
        .map(|sent| {
            let mut connection = Connection::open(serve.address).unwrap();
            connection.write(&whole[..sent]).unwrap();
            (connection, sent)
        })
        .collect();
    for _ in 0..4 {
        for (connection, sent) in &mut slow {
            connection.write(&whole[*sent..=*sent]).unwrap();
            *sent += 1;
        }
        assert_prompt(&serve);
        std::thread::sleep(Duration::from_secs(1));
    }
    for (mut connection, sent) in slow {
        assert_eq!(connection.ask(&whole[sent..]).unwrap().status, 200);
    }
    serve.stop();
}

#[test]
fn two_thousand_idle_connections_are_no_burden() {
    const IDLE: usize = 2000;
    let home = Home::new("");
    let serve = home.serve_with_files(8192);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serve.id())).unwrap_or_default();
    let files =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
    if files.and_then(|count| count.parse().ok()).is_some_and(|count: usize| count < IDLE + 500) {
        println!("not tested: the system gives a process {files:?} files only");
        return;
    }
    let mut idle = Vec::new();
    let half = request("POST", "/v1/track", &key_header(WRITE_KEY), TRACK);
    while idle.len() < IDLE {
        // This process has a limit of open files, and the other tests need some of them.
        match TcpStream::connect(serve.address) {
            Ok(mut socket) => {
                if idle.len() % 2 == 0 {
                    socket.write_all(&half[..half.len() / 2]).unwrap();
                }
                idle.push(socket);
            }
            Err(error) => {
                println!("only {} connections: {error}", idle.len());
                idle.truncate(idle.len() / 2);
                break;
            }
        }
    }
    for _ in 0..20 {
        assert_prompt(&serve);
    }
    if let Some(peak) = peak_kib(&serve) {
        assert!(peak < MEMORY_KIB_MAX, "{peak} KiB for {} connections", idle.len());
    }
    drop(idle);
    assert_prompt(&serve);
    serve.stop();
}

#[test]
fn an_endless_body_is_cut_at_the_limit() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let head = format!(
        "POST /v1/track HTTP/1.1\r\nHost: t\r\n{}Transfer-Encoding: chunked\r\n\r\n",
        key_header(WRITE_KEY)
    );
    let mut connection = Connection::open(serve.address).unwrap();
    connection.write(head.as_bytes()).unwrap();
    let chunk = [b"100000\r\n", &vec![b'x'; 1 << 20][..], b"\r\n"].concat();
    let mut sent = 0;
    // Bytes beyond the limit are read for a while, so that a sender that ends gets its answer. Then the connection is
    // cut.
    let cut = loop {
        if connection.write(&chunk).is_err() {
            break true;
        }
        sent += 1;
        if sent > 500 {
            break false;
        }
    };
    assert!(cut, "{sent} MiB were taken");
    assert!(sent < 200, "{sent} MiB were taken");
    if let Ok(reply) = connection.answer(false) {
        assert_eq!(reply.status, 413, "{reply:?}");
    }
    assert_prompt(&serve);
    if let Some(peak) = peak_kib(&serve) {
        assert!(peak < MEMORY_KIB_MAX, "{peak} KiB");
    }
    serve.stop();
}

#[test]
fn bombs_and_garbage_cost_no_more_than_the_limit() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let headers = format!("{}Content-Encoding: gzip\r\n", key_header(WRITE_KEY));
    let post = |path: &str, body: &[u8]| -> Reply { send(serve.address, "POST", path, &headers, body) };
    let bomb = zipped(&vec![b' '; 100 << 20]);
    assert!(bomb.len() < 1 << 20, "it looks harmless");
    for _ in 0..4 {
        assert_eq!(post("/v1/track", &bomb).status, 413);
    }
    // Each of these items would need an answer and a line of the log.
    for item in ["0,", "{},", "[],", "{\"type\":\"page\"},"] {
        let many = format!("{{\"batch\":[{}0]}}", item.repeat((16 << 20) / item.len() - 20));
        let reply = post("/v1/batch", &zipped(many.as_bytes()));
        assert_eq!(reply.status, 400, "{item}: {reply:?}");
    }
    assert_prompt(&serve);
    if let Some(peak) = peak_kib(&serve) {
        assert!(peak < MEMORY_KIB_MAX, "{peak} KiB");
    }
    serve.stop();
}

#[test]
fn huge_heads_are_refused_and_harm_nobody() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let long = "x".repeat(1 << 20);
    for head in [
        format!("POST /v1/track HTTP/1.1\r\nX-Long: {long}\r\n\r\n"),
        format!("POST /v1/track?{long} HTTP/1.1\r\n\r\n"),
        format!("POST /v1/track HTTP/1.1\r\n{}\r\n", "X-A: b\r\n".repeat(10_000)),
        long.clone(),
    ] {
        let mut connection = Connection::open(serve.address).unwrap();
        // The connection may be closed before everything was sent.
        drop(connection.write(head.as_bytes()));
        if let Ok(reply) = connection.answer(false) {
            assert!((400..500).contains(&reply.status), "{reply:?}");
        }
        assert_prompt(&serve);
    }
    serve.stop();
}

#[test]
fn where_no_key_is_asked_for_pages_of_elsewhere_cannot_send_and_programs_can() {
    let running = practising(|config| config.capture.require_write_key = false);
    let ask = |method: &str, path: &str, headers: &str, body: &[u8]| {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n");
        let mut connection = Connection::open(running.address).unwrap();
        connection.ask(&[head.as_bytes(), body].concat()).unwrap()
    };
    let host = format!("Host: {}\r\n", running.address);
    let key = key_header(WRITE_KEY);
    let here = |more: &str| format!("{host}{more}");
    for headers in [
        "Host: evil.example\r\n".to_owned(),
        "Host: 127.0.0.1.evil.example\r\n".to_owned(),
        here("Origin: https://evil.example\r\n"),
        here("Origin: null\r\n"),
        here("Origin: http://203.0.113.5\r\n"),
        here("Origin: https://localhost.evil.example\r\n"),
        here("Sec-Fetch-Site: cross-site\r\n"),
        here("Authorization: Basic c3RyYW5nZXI6\r\nOrigin: https://evil.example\r\n"),
    ] {
        for path in ["/v1/track", "/v1/t/"] {
            let reply = ask("POST", path, &headers, TRACK);
            assert_eq!((reply.status, &reply.json()["code"]), (403, &"foreign_request".into()), "{headers}");
        }
        let reply = ask("POST", "/v1/batch", &headers, br#"{"batch":[{"type":"page","userId":"u"}]}"#);
        assert_eq!(reply.status, 403, "{headers}");
        // A pixel is an image, but a request for one with a bad event stores nothing.
        let pixel = ask("GET", "/v1/pixel/page?data=%7B%22userId%22:1%7D", &headers, b"");
        assert_eq!(pixel.status, 200, "{headers}");
        let with_key = headers.replace("Authorization: Basic c3RyYW5nZXI6\r\n", "");
        assert_eq!(ask("POST", "/v1/page", &format!("{with_key}{key}"), TRACK).status, 200, "{headers}");
    }
    // Only the requests with the key.
    running.wait_settled(8);
    for headers in [
        host.clone(),
        format!("Host: localhost:{}\r\n", running.address.port()),
        String::new(),
        here("Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\n"),
        here("Origin: http://127.0.0.1:3000\r\n"),
        here("Sec-Fetch-Site: none\r\n"),
    ] {
        assert_eq!(ask("POST", "/v1/track", &headers, TRACK).status, 200, "{headers}");
    }
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn a_pixel_of_a_page_that_only_its_referer_names_is_not_recorded_without_a_key() {
    let running = practising(|config| {
        config.capture.require_write_key = false;
        config.capture.public_url = Some(PublicUrl::parse("https://events.example.org").unwrap());
    });
    let pixel = |headers: &str, key: &str| {
        let data = "%7B%22userId%22%3A%22u%22%2C%22event%22%3A%22e%22%7D";
        let reply = send(running.address, "GET", &format!("/v1/pixel/track?data={data}{key}"), headers, b"");
        assert_eq!(reply.header("content-type"), Some("image/gif"), "{headers}");
    };
    let foreign = "Referer: https://shop.example/checkout?step=2\r\n";
    for headers in [foreign, "Referer: https://localhost.shop.example/\r\n", "Referer: about:blank\r\n"] {
        pixel(headers, "");
        let reply = send(running.address, "POST", "/v1/track", headers, TRACK);
        assert_eq!((reply.status, &reply.json()["code"]), (403, &"foreign_request".into()), "{headers}");
    }
    for headers in [
        "",
        "Referer: http://localhost:3000/shop?a=1\r\n",
        "Referer: http://127.0.0.1:3000/\r\n",
        "Referer: https://events.example.org/page\r\n",
        // A browser that sends this knows more than the address of the page.
        "Referer: https://shop.example/\r\nSec-Fetch-Site: none\r\n",
    ] {
        pixel(headers, "");
    }
    pixel(foreign, &format!("&writeKey={WRITE_KEY}"));
    running.wait_settled(6);
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn curl_without_a_key_is_taken_where_none_is_asked_for() {
    let running = practising(|config| config.capture.require_write_key = false);
    let url = format!("http://{}/v1/track", running.address);
    let sent = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "10",
            "--data",
            std::str::from_utf8(TRACK).unwrap(),
            &url,
        ])
        .stdin(Stdio::null())
        .output();
    match sent {
        Ok(output) => {
            assert!(String::from_utf8_lossy(&output.stdout).contains("\"success\":true"), "{output:?}");
        }
        Err(error) => println!("not tested: no curl here ({error})"),
    }
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn senders_that_leave_in_the_middle_are_forgotten() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let whole = request("POST", "/v1/track", &key_header(WRITE_KEY), TRACK);
    for cut in (0..whole.len()).step_by(3) {
        let mut socket = TcpStream::connect(serve.address).unwrap();
        socket.write_all(&whole[..cut]).unwrap();
        drop(socket.shutdown(Shutdown::Both));
    }
    assert_prompt(&serve);
    let metrics = wait_for("only the whole one is taken", || {
        let metrics = serve.metrics();
        metrics.contains("tributary_accepted_total 1").then_some(metrics)
    });
    assert!(metrics.contains("tributary_rejected_total 0"), "{metrics}");
    serve.stop();
}

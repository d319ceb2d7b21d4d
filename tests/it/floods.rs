//! More connections than the endpoint takes, none of which has shown a write key: honest senders are not disturbed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::binary::{Home, Serve, WRITE_KEY, key_header};
use crate::practising::practising;
use crate::tls;
use crate::wire::{Connection, get, metric, request, wait_until};

const TRACK: &[u8] = br#"{"userId":"u","event":"e"}"#;

/// Limit of open files of the program: for fewer connections than the floods have.
const FILES: u32 = 400;
const FLOOD: usize = 450;

/// Each connection is an open file of this process too.
fn allow_many_files() {
    rlimit::increase_nofile_limit(8192).unwrap();
}

fn connect(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let connecting = async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(to).await?.into_std()
    };
    let socket = runtime.block_on(connecting).unwrap();
    socket.set_nonblocking(false).unwrap();
    socket
}

/// The connections of a flood. The endpoint may close some of them.
struct Flood {
    from: [u8; 4],
    to: SocketAddr,
    says: Vec<u8>,
    connections: Vec<TcpStream>,
}

impl Flood {
    fn new(to: SocketAddr, says: &[u8]) -> Self {
        Self::from([127, 0, 0, 1], to, says)
    }

    fn from(from: [u8; 4], to: SocketAddr, says: &[u8]) -> Self {
        allow_many_files();
        let mut flood = Self { from, to, says: says.to_vec(), connections: Vec::new() };
        for _ in 0..FLOOD {
            flood.come();
        }
        flood
    }

    fn come(&mut self) {
        let mut socket = connect(self.from, self.to);
        socket.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        drop(socket.write_all(&self.says));
        self.connections.push(socket);
    }

    /// Waits until each has been answered or closed.
    fn wait_answered(&mut self) {
        for socket in &mut self.connections {
            socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let read = socket.read(&mut [0; 1]);
            assert!(!read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "no answer");
        }
    }

    /// Each connection sends once more, and those that were closed are opened again.
    fn again(&mut self, says: &[u8]) {
        let before = std::mem::take(&mut self.connections);
        for mut socket in before {
            if socket.write_all(says).is_ok() {
                self.connections.push(socket);
            } else {
                self.come();
            }
        }
    }
}

/// Sends on new connections and on a kept one while the flood goes on. Every request is answered with 200.
fn assert_served(serve: &Serve, flood: &mut Flood, more: &[u8]) {
    let whole = request("POST", "/v1/track", &key_header(WRITE_KEY), TRACK);
    let mut kept = Connection::open(serve.address).unwrap();
    let mut sent = 0;
    for _ in 0..4 {
        flood.again(more);
        for _ in 0..5 {
            let own = Connection::open(serve.address).unwrap().ask(&whole).unwrap();
            let of_kept = kept.ask(&whole).unwrap();
            assert_eq!((own.status, of_kept.status), (200, 200));
            sent += 2;
        }
    }
    let accepted = metric(&get(serve.address, "/metrics").text(), "tributary_accepted_total");
    assert_eq!(accepted, sent, "each was taken, and once");
}

/// Runs a flood from loopback that sends `says` at first, and then `more` again and again.
fn assert_keeps_nobody_out(says: &[u8], more: &[u8]) {
    let home = Home::new("");
    let serve = home.serve_with_files(FILES);
    assert_served(&serve, &mut Flood::new(serve.address, says), more);
    serve.stop();
}

/// 62 KB of a head that does not end.
fn half_head() -> String {
    format!("GET /v1/pixel/track?data={}", "x".repeat(62_000))
}

#[test]
fn slow_bodies_keep_no_honest_sender_out() {
    let begun = b"POST /v1/track HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n{";
    assert_keeps_nobody_out(begun, b" ");
}

#[test]
fn slow_bodies_of_a_holder_of_the_public_key_keep_no_honest_sender_out() {
    let home = Home::new("");
    let serve = home.serve_with_files(FILES);
    let key = key_header(WRITE_KEY);
    let begun = format!("POST /v1/track HTTP/1.1\r\nHost: t\r\n{key}Content-Length: 1000\r\n\r\n{{");
    let mut flood = Flood::new(serve.address, begun.as_bytes());
    // For two seconds the first body counts as new, then as slow.
    std::thread::sleep(Duration::from_millis(2200));
    assert_served(&serve, &mut flood, b" ");
    serve.stop();
}

#[test]
fn idle_connections_of_a_holder_of_the_public_key_cut_no_request_that_is_arriving() {
    let home = Home::new("");
    let serve = home.serve_with_files(FILES);
    let whole = request("POST", "/v1/track", &key_header(WRITE_KEY), TRACK);
    let mut flood = Flood::new(serve.address, &whole);
    flood.wait_answered();
    let (begin, end) = whole.split_at(whole.len() / 2);
    let mut arriving: Vec<_> = (0..12).map(|_| Connection::open(serve.address).unwrap()).collect();
    for connection in &mut arriving {
        connection.write(begin).unwrap();
    }
    for connection in &mut arriving {
        assert_eq!(connection.ask(end).unwrap().status, 200);
    }
    serve.stop();
}

#[test]
fn connections_that_ask_for_the_state_all_the_time_keep_no_honest_sender_out() {
    let health = request("GET", "/health", "", b"");
    assert_keeps_nobody_out(&health, &health);
}

#[test]
fn half_heads_keep_no_honest_sender_out() {
    assert_keeps_nobody_out(half_head().as_bytes(), b"x");
}

#[test]
fn connections_that_say_nothing_keep_no_honest_sender_out() {
    assert_keeps_nobody_out(b"", b"");
}

/// Other systems have 127.0.0.1 only.
#[cfg(target_os = "linux")]
#[test]
fn a_flood_from_an_address_without_a_key_never_takes_the_last_places_and_the_log_says_so() {
    let home = Home::new("");
    let serve = home.serve_with_files(FILES);
    let mut flood = Flood::from([127, 0, 0, 2], serve.address, b"");
    assert_served(&serve, &mut flood, b"");
    wait_until("the log says so", || {
        serve.log().contains("connections for senders without a write key are taken")
    });
    let log = serve.log();
    assert!(!log.contains("connections of the endpoint are taken"), "some were free: {log}");
    // Once a minute.
    assert!(log.matches("without a write key are taken").count() < 5, "not for each: {log}");
    serve.stop();
}

#[test]
fn silent_handshakes_keep_no_honest_sender_out() {
    let certified = tls::certificate();
    let home = tls::home(&certified);
    let serve = home.serve_with_files(FILES);
    let address = tls::outside(&serve);
    let _flood = Flood::new(address, b"");
    for _ in 0..10 {
        let answer = tls::post(address, certified.cert.der()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    serve.stop();
}

#[test]
fn many_half_heads_take_no_more_memory_than_their_budget() {
    const HEADS: usize = 1000;
    allow_many_files();
    let home = Home::new("");
    let serve = home.serve_with_files(8192);
    let Some(before) = serve.resident_kib() else { return };
    let half = half_head();
    let mut sockets = Vec::new();
    for _ in 0..HEADS {
        let mut socket = TcpStream::connect(serve.address).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        // In pieces, since buffers then grow most.
        for piece in half.as_bytes().chunks(6000) {
            if socket.write_all(piece).is_err() {
                break;
            }
        }
        sockets.push(socket);
    }
    serve.accept("/v1/track", "{\"userId\":\"u\",\"event\":\"e\"}");
    let grown = serve.resident_kib().unwrap().saturating_sub(before);
    assert!(grown < 110 << 10, "{grown} KiB for {HEADS} half heads");
    serve.stop();
}

#[test]
fn a_head_of_64_kib_is_taken_and_a_longer_one_is_refused_however_it_comes() {
    let running = practising(|_| {});
    let key = key_header(WRITE_KEY);
    let of_length = |length: usize| {
        let plain = request("POST", "/v1/track", &key, TRACK);
        let head = plain.len() - TRACK.len();
        let long = format!("{key}X-Long: {}\r\n", "x".repeat(length - head - "X-Long: \r\n".len()));
        let whole = request("POST", "/v1/track", &long, TRACK);
        assert_eq!(whole.len() - TRACK.len(), length);
        whole
    };
    for (length, status) in
        [(63 << 10, 200), (64 << 10, 200), ((64 << 10) + 1, 431), (65 << 10, 431), (100 << 10, 431)]
    {
        let whole = of_length(length);
        for piece in [whole.len(), 40_000, 3000] {
            let mut connection = Connection::open(running.address).unwrap();
            for bytes in whole.chunks(piece) {
                connection.write(bytes).unwrap();
                if piece < whole.len() {
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
            let reply = connection.answer(false).unwrap();
            assert_eq!(reply.status, status, "{length} bytes by {piece}");
        }
    }
    wait_until("they are in the metrics", || {
        get(running.address, "/metrics").text().contains("refused_requests_total{code=\"head_too_large\"} 9")
    });
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn clients_of_a_trusted_proxy_have_a_bound_of_their_own() {
    let running = practising(|config| {
        config.capture.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        config.capture.max_connections_per_peer = 2;
    });
    let whole = |client: &str, more: &str| {
        let headers = format!("{}X-Forwarded-For: {client}\r\n{more}", key_header(WRITE_KEY));
        request("POST", "/v1/track", &headers, TRACK)
    };
    let ask = |client: &str| Connection::open(running.address).unwrap().ask(&whole(client, "")).unwrap();
    // The endpoint asks for the body: the request is under way.
    let one = whole("203.0.113.7", "Expect: 100-continue\r\n");
    let (head, body) = one.split_at(one.len() - TRACK.len());
    let mut slow = [(); 2].map(|()| Connection::open(running.address).unwrap());
    for connection in &mut slow {
        assert_eq!(connection.ask(head).unwrap().status, 100);
    }
    let refused = ask("203.0.113.7");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("2")), "{refused:?}");
    assert_eq!(refused.json()["code"], "too_many_requests_of_peer");
    assert_eq!(ask("203.0.113.8").status, 200, "another client");
    for connection in &mut slow {
        assert_eq!(connection.ask(body).unwrap().status, 200);
    }
    wait_until("they have ended", || ask("203.0.113.7").status == 200);
    running.engine.shutdown(Duration::from_secs(5));
}

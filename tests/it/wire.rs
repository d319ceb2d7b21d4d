//! HTTP as bytes on a socket, for requests that a usual client would not send, and answers that it would not show.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::reading;

/// Longer than any answer takes, unless something is broken.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(':'));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// A connection that is kept alive.
pub struct Connection {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, TIMEOUT)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, read: Vec::new() })
    }

    /// Sends bytes and reads one answer, whose body has a length (or none, for HEAD).
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Reply> {
        self.write(request)?;
        self.answer(request.starts_with(b"HEAD"))
    }

    /// Sends bytes.
    pub fn write(&mut self, request: &[u8]) -> io::Result<()> {
        self.socket.write_all(request)
    }

    /// Ends the sending side.
    pub fn end_of_request(&mut self) -> io::Result<()> {
        self.socket.shutdown(std::net::Shutdown::Write)
    }

    /// Reads one answer.
    pub fn answer(&mut self, without_body: bool) -> io::Result<Reply> {
        let end = loop {
            match self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => reading::more(&self.socket, &mut self.read)?,
            }
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        self.read.drain(..end);
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        let mut reply = Reply { status, head, body: Vec::new() };
        if !without_body && status != 204 {
            let length: usize =
                reply.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            while self.read.len() < length {
                reading::more(&self.socket, &mut self.read)?;
            }
            reply.body = self.read.drain(..length).collect();
        }
        Ok(reply)
    }
}

/// A request with `headers`, each with its line end.
pub fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// One request on a connection of its own.
pub fn send(address: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
    let mut connection = Connection::open(address).expect("the endpoint listens");
    connection.ask(&request(method, path, headers, body)).expect("the endpoint answers")
}

pub fn get(address: SocketAddr, path: &str) -> Reply {
    send(address, "GET", path, "", b"")
}

/// The value of a line of Prometheus text.
pub fn metric(text: &str, name: &str) -> u64 {
    metric_as(text, name)
}

/// The same, as a number of another type.
pub fn metric_as<N: std::str::FromStr>(text: &str, name: &str) -> N {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

/// Whether the totals in an answer of `/metrics` add up.
pub fn adds_up(metrics: &str) -> bool {
    let [accepted, delivered, queued, failed] =
        ["accepted_total", "delivered_total", "queued_events", "failed_events"]
            .map(|name| metric(metrics, &format!("tributary_{name}")));
    accepted == delivered + queued + failed
}

/// Waits until `look` returns a value; `what` describes what did not come.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(45);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

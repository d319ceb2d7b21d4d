//! A tap on the connection between an SDK and the capture endpoint: it passes every byte on, and records the SDK's
//! requests and their answers. So a test knows what was acknowledged without a change of the SDK.
//!
//! It supports the part of HTTP/1.1 that the SDKs here use: bodies with a `Content-Length`, plain or gzip. If the
//! endpoint is closed, or an answer breaks off, the SDK's connection ends too, as it would without a tap. For a while
//! it can also answer 503 by itself, as a load balancer without servers does. It still passes preflights of browsers
//! on, and the page may read the 503, so that it is not just a failed request.

use flate2::read::GzDecoder;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: String,
    pub path: String,
    pub body: String,
    /// Absent: the connection ended first.
    pub status: Option<u16>,
    pub answer: String,
}

#[derive(Default)]
struct Shared {
    target: Mutex<Option<SocketAddr>>,
    unavailable_until: Mutex<Option<Instant>>,
    /// Number of further requests to refuse, and the `Retry-After` of the answers.
    refusing: Mutex<(usize, u32)>,
    exchanges: Mutex<Vec<Exchange>>,
    stopped: AtomicBool,
}

pub struct Tap {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Tap {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let accepting = named("tap", move || {
            for client in listener.incoming() {
                if theirs.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (client, shared) = (client.unwrap(), Arc::clone(&theirs));
                // It ends with the connection.
                drop(named("tap connection", move || {
                    if let Err(error) = shared.pass(client) {
                        assert!(is_end(error.kind()), "the tap cannot read this: {error}");
                    }
                }));
            }
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the address of the endpoint.
    pub fn point_to(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap() = Some(target);
    }

    /// From now on, for this time, every answer is 503 with a `Retry-After` of a second.
    pub fn be_unavailable(&self, time: Duration) {
        *self.shared.unavailable_until.lock().unwrap() = Some(Instant::now() + time);
    }

    /// The next `count` answers are 503 with that `Retry-After`.
    pub fn refuse(&self, count: usize, retry_after: u32) {
        *self.shared.refusing.lock().unwrap() = (count, retry_after);
    }

    /// Everything so far, in the order of the answers.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges.lock().unwrap().clone()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

impl Shared {
    fn pass(&self, client: TcpStream) -> std::io::Result<()> {
        let mut from_client = BufReader::new(client.try_clone()?);
        let mut to_client = client;
        let mut endpoint: Option<(TcpStream, BufReader<TcpStream>)> = None;
        while let Some(request) = Message::read(&mut from_client)? {
            let mut exchange = Exchange {
                method: request.word(0).to_owned(),
                path: request.word(1).to_owned(),
                body: request.text(),
                status: None,
                answer: String::new(),
            };
            let answer = match self.refuses(&exchange.method) {
                Some(retry_after) => Ok(Some(unavailable(retry_after))),
                None => self.ask(&mut endpoint, &request),
            };
            if let Ok(Some(answer)) = &answer {
                exchange.status = answer.word(1).parse().ok();
                exchange.answer = String::from_utf8_lossy(&answer.body).into_owned();
            }
            self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
            let Ok(Some(answer)) = answer else { return Ok(()) };
            to_client.write_all(&answer.bytes)?;
        }
        Ok(())
    }

    /// The `Retry-After` of an answer of the tap itself.
    fn refuses(&self, method: &str) -> Option<u32> {
        if method == "OPTIONS" {
            return None;
        }
        let until = *self.unavailable_until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_some_and(|until| Instant::now() < until) {
            return Some(1);
        }
        let mut refusing = self.refusing.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, retry_after) = *refusing;
        refusing.0 = count.checked_sub(1)?;
        Some(retry_after)
    }

    fn ask(
        &self,
        endpoint: &mut Option<(TcpStream, BufReader<TcpStream>)>,
        request: &Message,
    ) -> std::io::Result<Option<Message>> {
        if endpoint.is_none() {
            let target = *self.target.lock().unwrap_or_else(PoisonError::into_inner);
            let stream = TcpStream::connect(target.ok_or(ErrorKind::ConnectionRefused)?)?;
            *endpoint = Some((stream.try_clone()?, BufReader::new(stream)));
        }
        let (to, from) = endpoint.as_mut().expect("connected above");
        to.write_all(&request.bytes)?;
        Message::read(from)
    }
}

/// A request or an answer.
struct Message {
    first_line: String,
    body: Vec<u8>,
    is_gzip: bool,
    /// All of its bytes.
    bytes: Vec<u8>,
}

impl Message {
    /// A word of the first line.
    fn word(&self, index: usize) -> &str {
        self.first_line.split(' ').nth(index).unwrap_or_default()
    }

    /// The body, inflated.
    fn text(&self) -> String {
        let mut text = String::new();
        if self.is_gzip {
            GzDecoder::new(&*self.body).read_to_string(&mut text).expect("gzip of UTF-8");
        } else {
            text.push_str(std::str::from_utf8(&self.body).expect("SDKs send UTF-8"));
        }
        text
    }

    /// `None`: the other side closed between two messages.
    fn read(from: &mut BufReader<TcpStream>) -> std::io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let (mut length, mut is_gzip) = (0, false);
        let mut lines = Vec::new();
        loop {
            let start = bytes.len();
            if from.read_until(b'\n', &mut bytes)? == 0 {
                return if start == 0 { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
            let line = String::from_utf8_lossy(&bytes[start..]).trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a length");
            }
            is_gzip |= name.eq_ignore_ascii_case("content-encoding") && value.trim() == "gzip";
            assert!(!name.eq_ignore_ascii_case("transfer-encoding"), "the tap knows no chunks: {line}");
            lines.push(line);
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        bytes.extend_from_slice(&body);
        Ok(Some(Self { first_line: lines.swap_remove(0), body, is_gzip, bytes }))
    }
}

fn unavailable(retry_after: u32) -> Message {
    let first_line = "HTTP/1.1 503 Service Unavailable".to_owned();
    let headers = "Access-Control-Allow-Origin: *\r\n\
        Access-Control-Expose-Headers: Retry-After\r\nContent-Length: 0";
    let bytes = format!("{first_line}\r\nRetry-After: {retry_after}\r\n{headers}\r\n\r\n").into_bytes();
    Message { first_line, body: Vec::new(), is_gzip: false, bytes }
}

fn is_end(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}

fn named(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).unwrap()
}

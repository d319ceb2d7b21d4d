//! A Kinesis that does nothing: it reads requests, counts their events and answers as Kinesis would, after a latency.
//! It has one thread, no JSON parser and no signature check: a few hundred nanoseconds per record. Plain HTTP/1.1, or
//! TLS with HTTP/1.1 or HTTP/2.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::{Request, Response};
use h2::{RecvStream, server::SendResponse};
use memchr::memmem::Finder;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    records::Counter,
    tls::{Identity, Tls},
};

/// Flow-control windows of HTTP/2: of a request, and of a whole connection. Wide, so that they do not limit.
const STREAM_WINDOW_BYTES: u32 = 8 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 256 << 20;

/// What the sink has counted.
#[derive(Debug)]
struct Seen {
    since: Instant,
    counter: Mutex<Counter>,
    records: AtomicU64,
    events: AtomicU64,
    units: AtomicU64,
    unreadable: AtomicU64,
    calls: AtomicU64,
    connections: AtomicU64,
    handshakes: AtomicU64,
    h2_connections: AtomicU64,
    /// Microseconds from `since` to the last record.
    last: AtomicU64,
    /// The user number of each event and when it was answered, if wanted.
    answered: Option<Mutex<Vec<(u64, Instant)>>>,
}

/// Numbers of connections so far.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Accepted from the system.
    pub opened: u64,
    /// TLS handshakes that were completed.
    pub handshakes: u64,
    /// With HTTP/2.
    pub h2: u64,
}

/// A running sink. It ends when dropped.
pub struct Sink {
    /// Its address.
    pub address: SocketAddr,
    identity: Option<Identity>,
    seen: Arc<Seen>,
    _stop: oneshot::Sender<()>,
}

impl Sink {
    /// Starts a sink. `notes_users`: remember when each user's event was answered. `tls`: TLS instead of plain HTTP.
    pub fn start(latency: Duration, notes_users: bool, tls: Option<Tls>) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let identity = tls.map(Identity::new).transpose()?;
        let acceptor = identity.as_ref().map(|identity| identity.acceptor.clone());
        let zero = || AtomicU64::new(0);
        let seen = Arc::new(Seen {
            since: Instant::now(),
            counter: Mutex::new(Counter::new()),
            records: zero(),
            events: zero(),
            units: zero(),
            unreadable: zero(),
            calls: zero(),
            connections: zero(),
            handshakes: zero(),
            h2_connections: zero(),
            last: zero(),
            answered: notes_users.then(Mutex::default),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let for_thread = Arc::clone(&seen);
        std::thread::Builder::new().name("sink".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    ended = accept(listener, for_thread, acceptor, latency) => drop(ended),
                }
            });
        })?;
        Ok(Self { address, identity, seen, _stop: stop })
    }

    /// The URL for the program under test.
    pub fn url(&self) -> String {
        let scheme = if self.identity.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The PEM certificate of the sink's authority, if the sink has TLS.
    pub fn ca_file(&self) -> Option<&Path> {
        self.identity.as_ref().map(Identity::ca_file)
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.seen.events.load(Ordering::Acquire)
    }

    /// Number of records so far.
    pub fn records(&self) -> u64 {
        self.seen.records.load(Ordering::Acquire)
    }

    /// Number of PUT payload units so far.
    pub fn units(&self) -> u64 {
        self.seen.units.load(Ordering::Acquire)
    }

    /// Number of aggregated records that could not be read.
    pub fn unreadable(&self) -> u64 {
        self.seen.unreadable.load(Ordering::Acquire)
    }

    /// Number of calls so far.
    pub fn calls(&self) -> u64 {
        self.seen.calls.load(Ordering::Acquire)
    }

    /// Numbers of connections so far.
    pub fn connections(&self) -> Connections {
        Connections {
            opened: self.seen.connections.load(Ordering::Acquire),
            handshakes: self.seen.handshakes.load(Ordering::Acquire),
            h2: self.seen.h2_connections.load(Ordering::Acquire),
        }
    }

    /// When the last record came.
    pub fn last(&self) -> Instant {
        self.seen.since + Duration::from_micros(self.seen.last.load(Ordering::Acquire))
    }

    /// The user number of each event and when it was answered.
    pub fn answered(&self) -> Vec<(u64, Instant)> {
        let noted = self.seen.answered.as_ref();
        noted.map(|all| all.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// Waits for this number of events. The error has the number that came.
    pub fn wait_for(&self, events: u64, at_most: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + at_most;
        while self.events() < events {
            anyhow::ensure!(
                Instant::now() < until,
                "after {at_most:?} only {} of {events} events had reached the sink",
                self.events()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

/// What the answer to a request says.
struct Taken {
    is_batch: bool,
    /// The number of its first record.
    first: u64,
    records: u64,
    users: Vec<u64>,
}

impl Seen {
    fn take(&self, body: &[u8], is_batch: bool) -> Taken {
        let mut users = Vec::new();
        let noted = self.answered.is_some().then_some(&mut users);
        let counted = self.counter.lock().unwrap_or_else(PoisonError::into_inner).count(body, noted);
        let first = self.records.fetch_add(counted.records, Ordering::AcqRel);
        self.units.fetch_add(counted.units, Ordering::AcqRel);
        self.unreadable.fetch_add(counted.unreadable, Ordering::AcqRel);
        self.calls.fetch_add(1, Ordering::AcqRel);
        let now = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last.fetch_max(now, Ordering::AcqRel);
        // Last, since others wait for this count.
        self.events.fetch_add(counted.events, Ordering::AcqRel);
        Taken { is_batch, first, records: counted.records, users }
    }

    fn note_answered(&self, users: &[u64]) {
        if let Some(noted) = &self.answered {
            let now = Instant::now();
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.extend(users.iter().map(|user| (*user, now)));
        }
    }
}

async fn accept(
    listener: std::net::TcpListener,
    seen: Arc<Seen>,
    acceptor: Option<TlsAcceptor>,
    latency: Duration,
) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        seen.connections.fetch_add(1, Ordering::AcqRel);
        connections.spawn(serve(stream, Arc::clone(&seen), acceptor.clone(), latency));
        while connections.try_join_next().is_some() {}
    }
}

/// Serves a connection. One that breaks is no error of the sink.
async fn serve(
    stream: TcpStream,
    seen: Arc<Seen>,
    acceptor: Option<TlsAcceptor>,
    latency: Duration,
) -> anyhow::Result<()> {
    let Some(acceptor) = acceptor else { return serve_h1(stream, &seen, latency).await };
    let stream = acceptor.accept(stream).await?;
    seen.handshakes.fetch_add(1, Ordering::AcqRel);
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        seen.h2_connections.fetch_add(1, Ordering::AcqRel);
        serve_h2(stream, seen, latency).await
    } else {
        serve_h1(stream, &seen, latency).await
    }
}

async fn serve_h1(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: &Seen,
    latency: Duration,
) -> anyhow::Result<()> {
    let head_end = Finder::new(b"\r\n\r\n");
    let mut buffer = vec![0; 2 << 20];
    let mut filled = 0;
    let mut answer = String::new();
    loop {
        let (body_at, length) = loop {
            if let Some(end) = head_end.find(&buffer[..filled]) {
                break (end + 4, content_length(&buffer[..end]));
            }
            let read = stream.read(&mut buffer[filled..]).await?;
            if read == 0 {
                return Ok(());
            }
            filled += read;
        };
        let whole = body_at + length;
        if buffer.len() < whole {
            buffer.resize(whole, 0);
        }
        while filled < whole {
            let read = stream.read(&mut buffer[filled..]).await?;
            if read == 0 {
                return Ok(());
            }
            filled += read;
        }
        let is_batch = buffer[..body_at].windows(10).any(|ten| ten == b"PutRecords");
        let taken = seen.take(&buffer[body_at..whole], is_batch);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        seen.note_answered(&taken.users);
        answer.clear();
        write_head(&mut answer, &taken);
        write_body(&mut answer, &taken);
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
}

/// Maximum requests under way on one connection, as web servers usually have it.
const STREAMS_MAX: u32 = 128;

async fn serve_h2(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: Arc<Seen>,
    latency: Duration,
) -> anyhow::Result<()> {
    let mut connection = h2::server::Builder::new()
        .max_concurrent_streams(STREAMS_MAX)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .handshake::<_, bytes::Bytes>(stream)
        .await?;
    let mut calls = JoinSet::new();
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        calls.spawn(answer_h2(request, respond, Arc::clone(&seen), latency));
        while calls.try_join_next().is_some() {}
    }
    Ok(())
}

async fn answer_h2(
    request: Request<RecvStream>,
    mut respond: SendResponse<bytes::Bytes>,
    seen: Arc<Seen>,
    latency: Duration,
) -> anyhow::Result<()> {
    let target = request.headers().get("x-amz-target").map(|target| target.as_bytes().to_vec());
    let is_batch = target.is_some_and(|target| target.ends_with(b".PutRecords"));
    let mut stream = request.into_body();
    let mut body = Vec::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk?;
        stream.flow_control().release_capacity(chunk.len())?;
        body.extend_from_slice(&chunk);
    }
    let taken = seen.take(&body, is_batch);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    seen.note_answered(&taken.users);
    let mut answer = String::new();
    write_body(&mut answer, &taken);
    let head = Response::builder()
        .header("content-type", CONTENT_TYPE)
        .header("x-amzn-requestid", "bench")
        .header("content-length", answer.len())
        .body(())?;
    respond.send_response(head, false)?.send_data(answer.into(), true)?;
    Ok(())
}

fn content_length(head: &[u8]) -> usize {
    let lines = head.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let length = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
    });
    length.unwrap_or(0)
}

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// 56 digits, as in Kinesis.
fn entry(number: u64) -> String {
    format!(
        "{{\"SequenceNumber\":\"496543269573985634983{number:035}\",\"ShardId\":\"shardId-000000000000\"}}"
    )
}

fn around(taken: &Taken) -> (&'static str, &'static str) {
    if taken.is_batch { ("{\"FailedRecordCount\":0,\"Records\":[", "]}") } else { ("", "") }
}

fn write_head(answer: &mut String, taken: &Taken) {
    use std::fmt::Write;
    let (open, close) = around(taken);
    let count = usize::try_from(taken.records).unwrap_or(0);
    let length = open.len() + close.len() + count * entry(0).len() + count.saturating_sub(1);
    let wrote = write!(
        answer,
        "HTTP/1.1 200 OK\r\ncontent-type: {CONTENT_TYPE}\r\nx-amzn-requestid: bench\r\ncontent-length: {length}\r\n\r\n"
    );
    debug_assert!(wrote.is_ok(), "a String takes everything");
}

fn write_body(answer: &mut String, taken: &Taken) {
    let (open, close) = around(taken);
    answer.push_str(open);
    for number in taken.first..taken.first + taken.records {
        if number > taken.first {
            answer.push(',');
        }
        answer.push_str(&entry(number));
    }
    answer.push_str(close);
}

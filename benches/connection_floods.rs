//! The waiting time of honest senders while thousands of unauthorised connections hold on to the endpoint. The program
//! runs as a child process with the practice stream as its destination, all on loopback. Each flood has 4,500
//! connections from eight addresses, and takes about 25 s.
//!
//! `cargo bench --bench connection_floods` runs all floods, `-- --list` prints their names, `-- --row NAME` runs one,
//! and `-- --binary FILE` uses another build.
//!
//! Eight senders make a request with a key every 50 ms, on a new connection and on a kept one in turn. The benchmark
//! fails if a request is not answered with 200, or if the senders' p99 is more than ten times the p99 before the flood.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Parser;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};
use tokio_rustls::rustls::{
    self, ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName},
};

const KEY: &str = "connection-floods";
const CONNECTIONS: usize = 4_500;
const SENDERS: usize = 8;
const PAUSE: Duration = Duration::from_millis(50);
const MEASURED: Duration = Duration::from_secs(10);
const RATIO_MAX: f64 = 10.0;

/// The pause before a closed connection comes again.
const AGAIN: Duration = Duration::from_secs(2);

#[derive(Debug, Parser)]
#[command(about = "Measures honest senders during floods of connections")]
struct Args {
    /// Run this flood alone (repeatable)
    #[arg(long = "row", value_name = "NAME")]
    rows: Vec<String>,
    /// Print the names of the floods
    #[arg(long)]
    list: bool,
    /// Another build of the program
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_tributary"))]
    binary: PathBuf,
    /// Passed by cargo to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// What the connections of a flood do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flood {
    SlowBodies,
    SlowBodiesWithKey,
    KnownIdle,
    Health,
    Handshakes,
    HalfHeads,
    Empty,
}

impl Flood {
    const ALL: [(&str, Self); 7] = [
        ("slow-bodies", Self::SlowBodies),
        ("slow-bodies-with-key", Self::SlowBodiesWithKey),
        ("known-idle", Self::KnownIdle),
        ("health", Self::Health),
        ("handshakes", Self::Handshakes),
        ("half-heads", Self::HalfHeads),
        ("empty", Self::Empty),
    ];

    fn begin(self) -> Vec<u8> {
        let body = |key: &str| {
            let head = format!("POST /v1/track HTTP/1.1\r\nHost: t\r\n{key}Content-Length: 100000\r\n\r\n{{");
            head.into_bytes()
        };
        match self {
            Self::SlowBodies => body(""),
            Self::SlowBodiesWithKey => body(&format!("X-Write-Key: {KEY}\r\n")),
            Self::KnownIdle => request(),
            Self::Health => self.again().to_vec(),
            Self::HalfHeads => format!("GET /v1/pixel/track?data={}", "x".repeat(62_000)).into_bytes(),
            Self::Handshakes | Self::Empty => Vec::new(),
        }
    }

    fn again(self) -> &'static [u8] {
        match self {
            Self::SlowBodies | Self::SlowBodiesWithKey => b" ",
            Self::Health => b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
            Self::KnownIdle | Self::Handshakes | Self::HalfHeads | Self::Empty => b"",
        }
    }

    /// Runs one connection until the endpoint closes it.
    async fn connect(self, to: SocketAddr, number: usize, opened: &AtomicUsize) -> std::io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        let from = Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(number % 8).unwrap_or(0));
        socket.bind((from, 0).into())?;
        let mut stream = socket.connect(to).await?;
        opened.fetch_add(1, Ordering::Relaxed);
        for piece in self.begin().chunks(6000) {
            stream.write_all(piece).await?;
        }
        let every = Duration::from_secs(if self == Self::Health { 4 } else { 1 });
        let mut answer = [0; 1024];
        loop {
            match tokio::time::timeout(every, stream.read(&mut answer)).await {
                Ok(Ok(0)) => return Ok(()),
                Ok(read) => drop(read?),
                Err(_elapsed) => stream.write_all(self.again()).await?,
            }
        }
    }
}

/// The program, killed when it is dropped.
struct Server {
    child: Child,
    address: SocketAddr,
    trusted: Option<CertificateDer<'static>>,
}

impl Server {
    fn start(binary: &Path, folder: &Path, with_tls: bool) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut settings = format!("[capture]\nlisten = \"{address}\"\n");
        let mut trusted = None;
        if with_tls {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
            for (setting, pem) in
                [("tls_cert", made.cert.pem()), ("tls_key", made.signing_key.serialize_pem())]
            {
                let file = folder.join(setting);
                std::fs::write(&file, pem)?;
                writeln!(settings, "{setting} = '{}'", file.display())?;
            }
            trusted = Some(made.cert.der().clone());
        }
        write!(settings, "[[capture.sources]]\nname = \"Benchmark\"\nwrite_key = \"{KEY}\"\n")?;
        let config = folder.join("config.toml");
        std::fs::write(&config, settings)?;
        let child = Command::new(binary)
            .arg("--config")
            .arg(config)
            .arg("--data-dir")
            .arg(folder.join("data"))
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("stderr.txt"))?)
            .spawn()
            .context("the program did not start")?;
        let server = Self { child, address, trusted };
        let began = Instant::now();
        while Sender::new(&server)?.send().is_err() {
            ensure!(began.elapsed() < Duration::from_secs(30), "it takes no event after 30 s");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn memory(&self, line: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
        value.trim().strip_suffix(" kB")?.parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// An honest sender.
struct Sender {
    to: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    kept: Option<Box<dyn Stream>>,
}

impl Sender {
    fn new(server: &Server) -> anyhow::Result<Self> {
        let config = |trusted: &CertificateDer<'static>| {
            let mut roots = RootCertStore::empty();
            roots.add(trusted.clone())?;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder =
                ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
            anyhow::Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
        };
        let tls = server.trusted.as_ref().map(config).transpose()?;
        Ok(Self { to: server.address, tls, kept: None })
    }

    fn connect(&self) -> anyhow::Result<Box<dyn Stream>> {
        let socket = TcpStream::connect(self.to)?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        socket.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(socket),
            Some(config) => {
                let name = ServerName::try_from("localhost")?;
                Box::new(StreamOwned::new(ClientConnection::new(Arc::clone(config), name)?, socket))
            }
        })
    }

    /// Sends on a new connection and on the kept one in turn.
    fn send(&mut self) -> anyhow::Result<()> {
        let mut stream = match self.kept.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        ask(&mut *stream)?;
        if fastrand::bool() {
            self.kept = Some(stream);
        }
        Ok(())
    }
}

/// One event, with the key.
fn request() -> Vec<u8> {
    let body = r#"{"userId":"u","event":"Flooded"}"#;
    let head = "POST /v1/track HTTP/1.1\r\nHost: localhost\r\n";
    format!("{head}X-Write-Key: {KEY}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn ask(stream: &mut dyn Stream) -> anyhow::Result<()> {
    stream.write_all(&request())?;
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    // The answer is an object, the only braces in it.
    while !answer.ends_with(b"}") {
        let read = stream.read(&mut piece)?;
        ensure!(read > 0, "the connection ended");
        answer.extend_from_slice(&piece[..read]);
    }
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// The waiting times of honest senders, in milliseconds.
struct Seen {
    sent: usize,
    failed: Vec<String>,
    p50: f64,
    p99: f64,
}

fn measure(server: &Server) -> anyhow::Result<Seen> {
    let until = Instant::now() + MEASURED;
    let mut threads = Vec::new();
    for _ in 0..SENDERS {
        let mut sender = Sender::new(server)?;
        let send = move || {
            let (mut times, mut failed) = (Vec::new(), Vec::new());
            while Instant::now() < until {
                let began = Instant::now();
                if let Err(error) = sender.send() {
                    failed.push(format!("{error:#}"));
                }
                times.push(began.elapsed());
                std::thread::sleep(PAUSE.saturating_sub(began.elapsed()));
            }
            (times, failed)
        };
        threads.push(std::thread::Builder::new().name("sender".to_owned()).spawn(send)?);
    }
    let (mut times, mut failed) = (Vec::new(), Vec::new());
    for thread in threads {
        let (own_times, own_failed) = thread.join().map_err(|_panic| anyhow::anyhow!("a sender ended"))?;
        times.extend(own_times);
        failed.extend(own_failed);
    }
    times.sort();
    let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1e3;
    Ok(Seen { sent: times.len(), failed, p50: at(50), p99: at(99) })
}

#[expect(clippy::print_stdout, reason = "the figures")]
fn run(args: &Args, name: &str, flood: Flood) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let server = Server::start(&args.binary, folder.path(), flood == Flood::Handshakes)?;
    let before = measure(&server)?;
    let resident = server.memory("VmRSS");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let opened = Arc::new(AtomicUsize::new(0));
    for number in 0..CONNECTIONS {
        let (opened, to) = (Arc::clone(&opened), server.address);
        runtime.spawn(async move {
            loop {
                // The endpoint closed it: it comes again.
                drop(flood.connect(to, number, &opened).await);
                tokio::time::sleep(AGAIN).await;
            }
        });
    }
    let began = Instant::now();
    while opened.load(Ordering::Relaxed) < CONNECTIONS && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let during = measure(&server)?;
    runtime.shutdown_background();
    let mib = |kib: Option<u64>| kib.map_or("n/a".to_owned(), |kib| format!("{}", kib >> 10));
    println!(
        "| {name} | {} | {:.1} / {:.1} | {:.1} / {:.1} | {:.1} | {} of {} | {} | {} |",
        opened.load(Ordering::Relaxed),
        before.p50,
        before.p99,
        during.p50,
        during.p99,
        during.p99 / before.p99,
        during.failed.len(),
        during.sent,
        mib(resident),
        mib(server.memory("VmHWM")),
    );
    ensure!(before.failed.is_empty() && during.failed.is_empty(), "failed: {:?}", during.failed.first());
    ensure!(during.p99 <= RATIO_MAX * before.p99, "p99 is more than {RATIO_MAX} times the one before");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures")]
fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if args.list {
        for (name, _) in Flood::ALL {
            println!("{name}");
        }
        return Ok(());
    }
    if !args.bench {
        println!("Measures only with --bench, which `cargo bench` says by itself.");
        return Ok(());
    }
    for name in &args.rows {
        ensure!(Flood::ALL.iter().any(|(known, _)| known == name), "no flood is called {name}: see --list");
    }
    // Each connection is an open file of this process and one of the program.
    rlimit::increase_nofile_limit(16_384)?;
    println!(
        "| flood | connections | p50 / p99 before, ms | during, ms | p99 ratio | failed | MiB before | MiB peak |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut all_held = true;
    for (name, flood) in Flood::ALL {
        let is_wanted = args.rows.is_empty() || args.rows.iter().any(|row| row == name);
        if is_wanted && let Err(error) = run(&args, name, flood) {
            println!("{name}: {error:#}");
            all_held = false;
        }
    }
    ensure!(all_held, "not everything held");
    Ok(())
}

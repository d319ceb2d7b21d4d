//! `tributary practice` beside kinesalite, an emulator of Kinesis in Node: how long a start takes, how much memory an idle
//! process has, and how many records a second `PutRecords` stores.
//!
//! `cargo bench --bench practice -- --kinesalite FOLDER/node_modules/kinesalite/cli.js` measures both in turn and prints the
//! ratios of the medians; without `--kinesalite` it measures `tributary practice` alone. `--rounds N` and `--seconds N`
//! change how long. Both get the same requests over the same number of kept connections: 500 records of 1 KB each. The
//! client runs on the same machine.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

const CONNECTIONS: usize = 4;
const RECORDS: usize = 500;
const RECORD_BYTES: usize = 1000;
const SHARDS: u32 = 4;
/// A starting process is asked this often whether it answers.
const POLL: Duration = Duration::from_micros(500);
/// What a process does after its start is over by then.
const REST: Duration = Duration::from_secs(1);

struct Options {
    kinesalite: Option<String>,
    rounds: usize,
    seconds: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    Practice,
    Kinesalite,
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Practice => "tributary practice",
            Self::Kinesalite => "kinesalite",
        }
    }
}

/// What one process did.
struct Measured {
    start_ms: f64,
    idle_kib: f64,
    records_per_second: f64,
    loaded_kib: f64,
}

/// Killed when dropped.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    let mut peers = vec![Peer::Practice];
    if options.kinesalite.is_some() {
        peers.push(Peer::Kinesalite);
    }
    let mut all: Vec<(Peer, Vec<Measured>)> = peers.iter().map(|peer| (*peer, Vec::new())).collect();
    for _ in 0..options.rounds {
        for (peer, measured) in &mut all {
            measured.push(measure(*peer, &options)?);
        }
    }
    report(&all);
    Ok(())
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options { kinesalite: None, rounds: 5, seconds: 4 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--kinesalite" => options.kinesalite = Some(value()?),
            "--rounds" => options.rounds = value()?.parse()?,
            "--seconds" => options.seconds = value()?.parse()?,
            // Of `cargo bench`.
            "--bench" => {}
            _ => bail!("{word} is not known: use --kinesalite FILE, --rounds N, --seconds N"),
        }
    }
    Ok(options)
}

fn measure(peer: Peer, options: &Options) -> anyhow::Result<Measured> {
    let began = Instant::now();
    let running = start(peer, options)?;
    let start_ms = began.elapsed().as_secs_f64() * 1000.0;
    make_stream(running.address)?;
    thread::sleep(REST);
    let idle_kib = resident_kib(&running.child)?;
    let records_per_second = puts(running.address, Duration::from_secs(options.seconds))?;
    let loaded_kib = resident_kib(&running.child)?;
    Ok(Measured { start_ms, idle_kib, records_per_second, loaded_kib })
}

/// Starts a process and waits for its first answer.
fn start(peer: Peer, options: &Options) -> anyhow::Result<Running> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tributary"));
    if let (Peer::Kinesalite, Some(file)) = (peer, &options.kinesalite) {
        command = Command::new("node");
        command.args([file, "--createStreamMs", "0", "--shardLimit", "100"]);
    } else {
        command.args(["practice", "--any-key"]);
    }
    command.args(["--port", &port.to_string()]).stdin(Stdio::null()).stdout(Stdio::null());
    let child = command.spawn().with_context(|| format!("cannot start {}", peer.name()))?;
    let mut running = Running { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) };
    loop {
        let asked = Client::open(running.address).and_then(|mut client| client.ask("ListStreams", b"{}"));
        if asked.is_ok() {
            return Ok(running);
        }
        if let Some(status) = running.child.try_wait()? {
            bail!("{} ended: {status}", peer.name());
        }
        thread::sleep(POLL);
    }
}

fn make_stream(address: SocketAddr) -> anyhow::Result<()> {
    let mut client = Client::open(address)?;
    let stream = json!({ "StreamName": "bench", "ShardCount": SHARDS }).to_string();
    let made = client.ask("CreateStream", stream.as_bytes())?;
    ensure!(made.0 == 200, "CreateStream: {made:?}");
    let record = json!({ "StreamName": "bench", "PartitionKey": "k", "Data": "" }).to_string();
    let end = Instant::now() + Duration::from_secs(10);
    while client.ask("PutRecord", record.as_bytes())?.0 != 200 {
        ensure!(Instant::now() < end, "the stream does not become active");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Records a second over all connections.
fn puts(address: SocketAddr, length: Duration) -> anyhow::Result<f64> {
    let began = Instant::now();
    let puts = |connection: usize| {
        move || -> anyhow::Result<usize> {
            let (mut client, body) = (Client::open(address)?, body(connection));
            let mut stored = 0;
            while began.elapsed() < length {
                let (status, answer) = client.ask("PutRecords", body.as_bytes())?;
                let answer: Value = serde_json::from_slice(&answer)?;
                ensure!(status == 200 && answer["FailedRecordCount"] == 0, "PutRecords: {status} {answer}");
                stored += RECORDS;
            }
            Ok(stored)
        }
    };
    let stored = thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|connection| scope.spawn(puts(connection))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a client does not panic"))
            .sum::<Result<usize, _>>()
    })?;
    Ok(stored as f64 / began.elapsed().as_secs_f64())
}

/// The body of a `PutRecords` request, its data not compressible.
fn body(connection: usize) -> String {
    let record = |number: usize| {
        let data: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(RECORD_BYTES).collect();
        json!({ "PartitionKey": format!("user-{connection}-{number}"), "Data": STANDARD.encode(data) })
    };
    let records: Vec<_> = (0..RECORDS).map(record).collect();
    json!({ "StreamName": "bench", "Records": records }).to_string()
}

fn resident_kib(child: &Child) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// One kept connection. Its signature is well-formed, which is all that both servers check.
struct Client {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Client {
    fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// Status and body of the answer.
    fn ask(&mut self, operation: &str, body: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: \
             Kinesis_20131202.{operation}\r\nX-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=bench/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host;x-amz-date, \
             Signature=00\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let socket = self.stream.get_mut();
        socket.write_all(head.as_bytes())?;
        socket.write_all(body)?;
        self.answer()
    }

    fn answer(&mut self) -> anyhow::Result<(u16, Vec<u8>)> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line)? > 0, "the connection was closed");
        let status = line.split(' ').nth(1).context("no status")?.parse()?;
        let mut len = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                len = value.trim().parse()?;
            }
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body)?;
        Ok((status, body))
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the figures")]
fn report(all: &[(Peer, Vec<Measured>)]) {
    type Figure = fn(&Measured) -> f64;
    let figures: [(&str, Figure); 4] = [
        ("ms from the start to the first answer", |measured| measured.start_ms),
        ("MiB resident, idle", |measured| measured.idle_kib / 1024.0),
        ("records/s stored", |measured| measured.records_per_second),
        ("MiB resident after that", |measured| measured.loaded_kib / 1024.0),
    ];
    for (name, figure) in figures {
        let medians: Vec<_> =
            all.iter().map(|(peer, measured)| (peer, median(measured.iter().map(figure)))).collect();
        let texts: Vec<_> =
            medians.iter().map(|(peer, value)| format!("{} {value:.1}", peer.name())).collect();
        let ratio = match &medians[..] {
            [(_, ours), (_, theirs)] if *theirs > 0.0 => format!(" ({:.3} times)", ours / theirs),
            _ => String::new(),
        };
        println!("{name}: {}{ratio}", texts.join(", "));
    }
}

//! Fluent Bit with the same floods, in turn with Tributary: the same generator, sink and events, and our configuration
//! for it (`benches/fluent-bit/`). Its output for Kinesis always uses TLS, so the sink has TLS for both.

use std::{
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{
    Args, DRAIN_MAX,
    flood::Flood,
    folder,
    load::{Form, Load, flood},
    own_cpu,
    process::{KEYS, cpu, end, free_address, memory},
    report::{self, Quantiles, Row},
    sink::Sink,
    tls::Tls,
    traffic::Traffic,
    used,
};

/// The time after the last record in which it reads the answer and frees memory.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// Runs the flood with Fluent Bit and Tributary in turn. Returns a line with the comparison.
pub fn beside(args: &Args, load: &Flood, binary: &Path) -> anyhow::Result<String> {
    let args = Args { tls: Some(args.tls.unwrap_or(Tls::H1)), ..args.clone() };
    let (theirs, ours) = report::in_turn(|| run(&args, load, binary), || load.run(&args))?;
    Ok(report::beside(&format!("{}, Fluent Bit → ours", load.load), &theirs, &ours))
}

/// Killed when dropped.
struct FluentBit {
    child: Child,
    address: SocketAddr,
}

impl FluentBit {
    /// Starts it in that folder, and waits until it accepts connections.
    fn start(binary: &Path, conf: &Path, dir: &Path, sink: &Sink) -> anyhow::Result<Self> {
        let address = free_address()?;
        let log = std::fs::File::create(dir.join("stderr.txt"))?;
        let child = Command::new(binary)
            .arg("-c")
            .arg(conf)
            .envs(KEYS)
            .env("BENCH_PORT", address.port().to_string())
            .env("BENCH_SINK_PORT", sink.address.port().to_string())
            .env("BENCH_CA", sink.ca_file().context("the sink has no TLS")?)
            .env("BENCH_DATA", dir.join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} did not start", binary.display()))?;
        let mut fluent_bit = Self { child, address };
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            if let Some(status) = fluent_bit.child.try_wait()? {
                let log = std::fs::read_to_string(dir.join("stderr.txt")).unwrap_or_default();
                anyhow::bail!("Fluent Bit ended with {status}: {log}");
            }
            anyhow::ensure!(Instant::now() < until, "Fluent Bit takes no connections after 30 s");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(fluent_bit)
    }

    fn cpu(&self) -> Option<Duration> {
        cpu(self.child.id())
    }
}

impl Drop for FluentBit {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Like [`Flood::run`], without the figures that only Tributary has: its metrics, and how long it takes to stop.
fn run(args: &Args, load: &Flood, binary: &Path) -> anyhow::Result<Row> {
    let events = load.count(args);
    let dir = folder()?;
    let sink = Sink::start(load.to.latency, false, args.tls)?;
    let server = FluentBit::start(binary, &args.fluent_bit_conf, dir.path(), &sink)?;
    let sent = Load {
        to: server.address,
        connections: load.connections,
        per_request: load.per_request,
        users: load.users,
        first: 0,
        events: (events / 20).next_multiple_of(load.per_request as u64),
        form: Form::Array,
    };
    let warm = flood(sent)?;
    let log = || std::fs::read_to_string(dir.path().join("stderr.txt")).unwrap_or_default();
    sink.wait_for(warm.accepted, DRAIN_MAX).with_context(log)?;
    std::thread::sleep(SETTLED_AFTER);
    let (cpu, own, traffic) = (server.cpu(), own_cpu(), Traffic::of(&sink));
    let began = Instant::now();
    let mut sent = flood(Load { first: warm.accepted, events, ..sent })?;
    sink.wait_for(warm.accepted + sent.accepted, DRAIN_MAX).with_context(log)?;
    let reached = sink.last() - began;
    std::thread::sleep(SETTLED_AFTER);
    let mut row = load.row(&sent, reached);
    row.cpu_us_per_event = used(cpu, server.cpu(), sent.accepted);
    row.bench_cpu_us_per_event = used(own, own_cpu(), sent.accepted);
    row.accept_ms = Quantiles::of(&mut sent.latencies);
    row.memory_peak_bytes = memory(server.child.id(), "VmHWM");
    traffic.until_now(&sink, &mut row);
    let accepted = warm.accepted + sent.accepted;
    if sink.events() != accepted {
        row.notes.push(format!("ODD: {accepted} events accepted, {} at the sink", sink.events()));
    }
    Ok(row)
}

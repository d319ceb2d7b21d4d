//! The release binary from HTTP to a Kinesis that does nothing, all on loopback and one disk: the cost of an event, the
//! rate of events, and the waiting time of senders, beside the limits of the parts, measured in the same run.
//!
//! `cargo bench --bench end_to_end` prints Markdown, and `-- --help` the options. The number of events is bounded, and
//! so is the time. `-- --row NAME` runs one row, for a profiler. `-- --row backlog --row history --times 5` stores 10
//! million events, which takes about 12 GB of disk and ten minutes. `-- --row window --times 15` is five minutes
//! without the window and five with it.

mod backlog;
mod destination;
mod far;
mod flood;
mod fluent_bit;
mod limits;
mod load;
mod paced;
mod process;
mod records;
mod report;
mod sink;
mod template;
mod tls;
mod traffic;
mod window;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Parser;

use destination::{Aggregation, Destination};
use flood::Flood;
use limits::{PartArgs, sync_limit, waits};
use load::{Form, Load, Sent, pace};
use paced::Paced;
use process::{Face, Server};
use report::{Quantiles, Row};
use sink::Sink;
use tls::Tls;

/// Number of users of the floods.
const USERS: u64 = 10_000;

/// Maximum time until the last record reaches the sink.
const DRAIN_MAX: Duration = Duration::from_mins(2);

#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[derive(Clone, Debug, Parser)]
#[command(about = "Measures the release binary against a Kinesis that does nothing")]
struct Args {
    /// Send fewer events: about a minute in all
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of Markdown
    #[arg(long)]
    json: bool,
    /// Run this row alone (repeatable)
    #[arg(long = "row", value_name = "NAME")]
    rows: Vec<String>,
    /// Print the names of the rows
    #[arg(long)]
    list: bool,
    /// Leave out the limits of the parts
    #[arg(long)]
    no_limits: bool,
    /// Run only the rows with a distant stream
    #[arg(long)]
    far: bool,
    /// Send events of 350 bytes instead of 700, without the limits of the parts
    #[arg(long)]
    small: bool,
    /// Let the sink speak TLS with HTTP/1.1 or HTTP/2, without the limits of the parts, which have no TLS
    #[arg(long, value_name = "HTTP")]
    tls: Option<Tls>,
    /// Run each flood and paced load with this build too, in turn, three times, and print the comparison
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
    /// Switch aggregation off in the other build
    #[arg(long, requires = "beside")]
    beside_without_aggregation: bool,
    /// Run each flood with this Fluent Bit too, in turn, three times, and print the comparison
    #[arg(long, value_name = "FILE", conflicts_with = "beside")]
    fluent_bit: Option<PathBuf>,
    /// The configuration of Fluent Bit
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/fluent-bit/disk.conf"))]
    fluent_bit_conf: PathBuf,
    /// Use another build of the program, for example one with symbols
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_tributary"))]
    binary: PathBuf,
    /// Pass flags to `serve`, such as "--encoding json"
    #[arg(long, value_name = "FLAGS", default_value = "", allow_hyphen_values = true)]
    serve: String,
    /// Multiply the number of events
    #[arg(long, default_value_t = 1)]
    times: u64,
    /// Passed by cargo to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    #[command(flatten)]
    part: PartArgs,
}

const STEADY: &str = "steady";
const WINDOW: &str = "window";
const IDLE: &str = "idle";
const BACKLOG: &str = "backlog";
const HISTORY: &str = "history";

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(done) = args.part.run() {
        return done;
    }
    records::check().context("the sink counts wrongly")?;
    if !args.bench {
        // `cargo test --all-targets` starts benchmarks too, without this argument.
        print("Measures only with --bench, which `cargo bench` says by itself.");
        return Ok(());
    }
    let Some((floods, paced)) = chosen(&args)? else { return Ok(()) };
    if let Some(other) = &args.fluent_bit {
        for flood in floods {
            print(&fluent_bit::beside(&args, &flood, other).with_context(|| format!("row {}", flood.name))?);
        }
        return Ok(());
    }
    if let Some(other) = &args.beside {
        for flood in floods {
            print(&flood.beside(&args, other).with_context(|| format!("row {}", flood.name))?);
        }
        for load in paced {
            print(&load.beside(&args, other).with_context(|| format!("row {}", load.name))?);
        }
        return Ok(());
    }
    let mut rows = Vec::new();
    for flood in floods {
        rows.push(flood.run(&args).with_context(|| format!("row {}", flood.name))?);
    }
    for load in paced {
        rows.push(load.run(&args).with_context(|| format!("row {}", load.name))?);
    }
    rows.extend(other_rows(&args)?);
    let text = if args.json { serde_json::to_string_pretty(&rows)? } else { report::markdown(&rows)? };
    print(&text);
    Ok(())
}

impl Args {
    fn wants(&self, name: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|row| row == name)
    }

    /// Whether the limits of the parts are measured too: only over plain HTTP and for our own table.
    fn wants_limits(&self) -> bool {
        !self.no_limits && !self.small && self.tls.is_none() && self.beside.is_none()
    }
}

/// The chosen floods and paced loads. `None`: only their names are wanted, which are printed.
fn chosen(args: &Args) -> anyhow::Result<Option<(Vec<Flood>, Vec<Paced>)>> {
    let (near, far, mut paced) = (flood::near(), far::floods(), far::paced());
    let of_floods = near.iter().chain(&far).map(|flood| &*flood.name);
    let of_others = [STEADY, WINDOW, IDLE, BACKLOG, HISTORY];
    let names: Vec<&str> = of_floods.chain(paced.iter().map(|load| &*load.name)).chain(of_others).collect();
    for name in &args.rows {
        anyhow::ensure!(names.contains(&name.as_str()), "no row is called {name}; there are {names:?}");
    }
    if args.list {
        print(&names.join("\n"));
        return Ok(None);
    }
    if args.rows.is_empty() && !args.far {
        return Ok(Some((near.into(), Vec::new())));
    }
    if args.rows.is_empty() {
        return Ok(Some(far_rows(args, far, paced)?));
    }
    let floods = near.into_iter().chain(far).filter(|flood| args.wants(&flood.name)).collect();
    paced.retain(|load| args.wants(&load.name));
    Ok(Some((floods, paced)))
}

/// All rows with a distant stream, except those that this build cannot run.
fn far_rows(
    args: &Args,
    mut floods: Vec<Flood>,
    mut paced: Vec<Paced>,
) -> anyhow::Result<(Vec<Flood>, Vec<Paced>)> {
    if !destination::knows_aggregation(&args.binary)? {
        print("This build knows no aggregation: the rows with aggregation are left out.\n");
        floods.retain(|flood| flood.to.aggregation == Aggregation::None);
        paced.retain(|load| load.to.aggregation == Aggregation::None);
    }
    Ok((floods, paced))
}

/// The rows that are neither floods nor paced loads.
fn other_rows(args: &Args) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let wanted = |name: &str| !args.far && args.wants(name);
    if wanted(STEADY) {
        rows.push(steady(args).with_context(|| format!("row {STEADY}"))?);
    }
    if wanted(WINDOW) {
        rows.push(window::window(args).with_context(|| format!("row {WINDOW}"))?);
    }
    if wanted(IDLE) {
        rows.push(idle(args).with_context(|| format!("row {IDLE}"))?);
    }
    if wanted(BACKLOG) {
        rows.push(backlog::backlog(args).with_context(|| format!("row {BACKLOG}"))?);
    }
    if wanted(HISTORY) {
        rows.push(backlog::history(args).with_context(|| format!("row {HISTORY}"))?);
    }
    Ok(rows)
}

#[expect(clippy::print_stdout, reason = "the answer")]
fn print(text: &str) {
    println!("{text}");
}

/// A folder on the disk on which cargo builds: the system's folder for temporary files is often in memory.
fn folder() -> std::io::Result<tempfile::TempDir> {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
}

/// Starts the program under test in `dir`.
fn serve(args: &Args, dir: &Path, sink: &Sink, to: &Destination) -> anyhow::Result<Server> {
    let mut flags = to.flags(&args.binary)?;
    flags.extend(args.serve.split_whitespace());
    Server::start(&args.binary, Face::Headless, dir, sink, &flags)
}

/// CPU time of this process: load generator and sink.
fn own_cpu() -> Option<Duration> {
    process::cpu(std::process::id())
}

fn used(before: Option<Duration>, after: Option<Duration>, events: u64) -> Option<f64> {
    Some(after?.saturating_sub(before?).as_secs_f64() * 1e6 / events as f64)
}

/// Notes on what must not happen: events that are stored twice, rejected, missing in the ledger, or in unreadable
/// records.
fn odd_notes(server: &Server, sink: &Sink, accepted: u64) -> Vec<String> {
    let mut notes = Vec::new();
    if sink.events() != accepted {
        notes.push(format!("ODD: {accepted} events accepted, {} at the sink", sink.events()));
    }
    if sink.unreadable() > 0 {
        notes.push(format!("ODD: {} aggregated records cannot be read", sink.unreadable()));
    }
    // The program's own counts of what it put, if it has them.
    for (name, seen) in [("records_total", sink.records()), ("payload_units_total", sink.units())] {
        let said = server.metric(&format!("tributary_{name}")).filter(|said| *said > 0);
        if said.is_some_and(|said| said != seen) {
            notes.push(format!("ODD: {name} is {said:?}, the sink has {seen}"));
        }
    }
    for name in ["failed_total", "rejected_total", "repeats_possible_total"] {
        let value = server.metric(&format!("tributary_{name}"));
        if value != Some(0) {
            notes.push(format!("ODD: {name} is {value:?}"));
        }
    }
    notes
}

/// Warnings and errors that the program wrote.
fn log_notes(dir: &Path) -> Vec<String> {
    let log = std::fs::read_to_string(dir.join("stderr.txt")).unwrap_or_default();
    let bad = log.lines().filter(|line| line.contains(" WARN ") || line.contains("ERROR "));
    bad.take(5).map(|line| format!("ODD, in the log: {line}")).collect()
}

/// Microseconds from each request to the sink's answer.
fn until_delivered(sent: &Sent, sink: &Sink, users: u64) -> Vec<u32> {
    let answered: HashMap<u64, Instant> = sink.answered().into_iter().collect();
    let of_event = |(event, began): &(u64, Instant)| {
        let at = answered.get(&template::user_of(*event, users))?;
        Some(load::micros(at.saturating_duration_since(*began)))
    };
    sent.began.iter().filter_map(of_event).collect()
}

/// 1,000 single events a second: the waiting time of senders, beside the time of one sync of the disk.
fn steady(args: &Args) -> anyhow::Result<Row> {
    const PER_SECOND: u32 = 1_000;
    let seconds = if args.quick { 4 } else { 15 };
    let dir = folder()?;
    let mut syncs = sync_limit(dir.path(), 400)?;
    let to = Destination::plain("put-record", Duration::from_millis(20));
    let sink = Sink::start(to.latency, true, args.tls)?;
    let server = serve(args, dir.path(), &sink, &to)?;
    let load = Load {
        to: server.address,
        connections: 50,
        per_request: 1,
        // Every event has a user of its own, whose number identifies its record.
        users: 99_999_989,
        first: 0,
        events: 1_000,
        form: Form::Api,
    };
    let warm = pace(load, PER_SECOND)?;
    sink.wait_for(warm.accepted, DRAIN_MAX)?;
    server.wait_until_empty()?;
    let load = Load { first: warm.accepted, events: u64::from(PER_SECOND) * seconds, ..load };
    let (cpu, own) = (server.cpu(), own_cpu());
    let began = Instant::now();
    let mut sent = pace(load, PER_SECOND)?;
    sink.wait_for(warm.accepted + sent.accepted, DRAIN_MAX)?;
    let reached = sink.last() - began;
    server.wait_until_empty()?;
    let mut delivered = until_delivered(&sent, &sink, load.users);
    let mut row = Row {
        name: STEADY.into(),
        load: "1,000 single events/s, put-record, 20 ms sink latency".into(),
        target: "accept p50 ≤ 1.5 × fdatasync, p99 ≤ 4 ×; delivered p50 ≤ that + 20 + 5 ms",
        events: sent.accepted,
        accepted_per_second: Some(sent.accepted as f64 / sent.took.as_secs_f64()),
        reached_per_second: Some(sent.accepted as f64 / reached.as_secs_f64()),
        cpu_us_per_event: used(cpu, server.cpu(), sent.accepted),
        bench_cpu_us_per_event: used(own, own_cpu(), sent.accepted),
        accept_ms: Quantiles::of(&mut sent.latencies),
        delivered_ms: Quantiles::of(&mut delivered),
        memory_peak_bytes: server.memory_peak(),
        ..Row::default()
    };
    row.notes.extend(odd_notes(&server, &sink, warm.accepted + sent.accepted));
    server.stop()?;
    row.notes.extend(log_notes(dir.path()));
    syncs.extend(sync_limit(dir.path(), 400)?);
    row.sync_ms = Quantiles::of(&mut syncs);
    if args.wants_limits() {
        row.waits = Some(waits(dir.path(), load, PER_SECOND)?);
    }
    Ok(row)
}

/// No load: start-up on a new and on a used folder, then CPU and memory when idle.
fn idle(args: &Args) -> anyhow::Result<Row> {
    let to = Destination::plain("put-record", Duration::ZERO);
    let sink = Sink::start(to.latency, false, args.tls)?;
    let dir = folder()?;
    let mut starts = Vec::new();
    for _ in 0..5 {
        let server = serve(args, dir.path(), &sink, &to)?;
        starts.push(server.start_up.as_secs_f64() * 1e3);
        server.stop()?;
    }
    let first = starts.remove(0);
    starts.sort_by(f64::total_cmp);
    let server = serve(args, dir.path(), &sink, &to)?;
    std::thread::sleep(Duration::from_secs(1));
    let before = server.cpu();
    let span = Duration::from_secs(if args.quick { 3 } else { 10 });
    std::thread::sleep(span);
    let cpu = before.zip(server.cpu()).map(|(before, after)| after.saturating_sub(before));
    let share = cpu.map(|cpu| format!("{:.1} % CPU", cpu.as_secs_f64() * 100.0 / span.as_secs_f64()));
    let memory = server.memory_now().map(|bytes| format!("{:.1} MB resident", bytes as f64 / 1e6));
    let unknown = || "n/a".to_owned();
    Ok(Row {
        name: IDLE.into(),
        load: "idle".into(),
        target: "0 % CPU, ≤ 60 MB; ready ≤ 100 ms after start",
        memory_peak_bytes: server.memory_peak(),
        notes: vec![
            share.unwrap_or_else(unknown),
            memory.unwrap_or_else(unknown),
            format!("ready after {first:.0} ms on a new folder, then {:.0} ms (median of 4)", starts[2]),
            format!("SIGTERM to exit {:.0} ms", server.stop()?.as_secs_f64() * 1e3),
        ],
        ..Row::default()
    })
}

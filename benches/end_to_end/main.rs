//! The release binary from HTTP to a Kinesis that does nothing, all on loopback and one disk: what an event costs, how
//! fast events get through, how long a sender waits; beside the limits of its parts, measured in the same run.
//!
//! `cargo bench --bench end_to_end` prints Markdown; `-- --json` JSON, `-- --quick` a shorter run, `-- --row NAME` one
//! row (for a profiler), `-- --list` the names; `-- --far` the rows in which Kinesis is 20 and 100 ms away, and
//! `-- --beside OTHER_BINARY` runs rows with another build too, in turn, and prints ratios. Counts are bounded, so is the
//! time. `-- --row backlog --row history --times 5` is 10 million stored events, about 12 GB of disk and ten minutes;
//! `-- --row window --times 15` is five minutes without the window and five with it.

mod backlog;
mod limits;
mod load;
mod process;
mod report;
mod sink;
mod template;
mod window;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Parser;

use limits::{PartWords, axum_limit, sdk_limit, sqlite_limit, sync_limit, waits};
use load::{Load, Sent, flood, pace};
use process::{Face, Server};
use report::{Limits, Quantiles, Row};
use sink::Sink;

/// Different users of the floods.
const USERS: u64 = 10_000;

/// How long the last record may take to reach the sink.
const DRAIN_MAX: Duration = Duration::from_mins(2);

#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[derive(Clone, Debug, Parser)]
#[command(about = "Measures the release binary against a Kinesis that does nothing")]
struct Words {
    /// Fewer events: about a minute in all
    #[arg(long)]
    quick: bool,
    /// JSON instead of Markdown
    #[arg(long)]
    json: bool,
    /// This row alone (repeatable)
    #[arg(long = "row", value_name = "NAME")]
    rows: Vec<String>,
    /// Print the rows' names
    #[arg(long)]
    list: bool,
    /// Leave the limits out
    #[arg(long)]
    no_limits: bool,
    /// The rows with a stream that is far away, and no others
    #[arg(long)]
    far: bool,
    /// Run each flood with this build too, in turn, three times, and print what changed
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
    /// Another build of the program, such as one with symbols
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_tributary"))]
    binary: PathBuf,
    /// Flags for `serve`, such as "--encoding json"
    #[arg(long, value_name = "WORDS", default_value = "", allow_hyphen_values = true)]
    serve: String,
    /// Times as many events
    #[arg(long, default_value_t = 1)]
    times: u64,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    #[command(flatten)]
    part: PartWords,
}

/// A load that is sent as fast as answers come.
struct Flood {
    name: &'static str,
    load: &'static str,
    target: &'static str,
    operation: &'static str,
    latency: Duration,
    /// Different users.
    users: u64,
    connections: usize,
    per_request: usize,
    events: u64,
    quick_events: u64,
    /// For the limits, where they are measured: records of one call and calls at a time.
    calls: Option<(u64, usize)>,
}

const FLOODS: [Flood; 3] = [
    Flood {
        name: "batches",
        load: "batches of 100, put-records",
        target: "≤ 7.0 µs, ≥ 150,000/s, ≤ 200 MB",
        operation: "put-records",
        latency: Duration::ZERO,
        users: USERS,
        connections: 8,
        per_request: 100,
        events: 1_000_000,
        quick_events: 200_000,
        calls: Some((500, 8)),
    },
    Flood {
        name: "singles",
        load: "single events, 256 connections, put-records",
        target: "≤ 18 µs, ≥ 55,000/s",
        operation: "put-records",
        latency: Duration::ZERO,
        users: USERS,
        connections: 256,
        per_request: 1,
        events: 300_000,
        quick_events: 60_000,
        calls: Some((500, 8)),
    },
    Flood {
        name: "put-record",
        load: "batches of 100, put-record, 20 ms sink latency",
        target: "≤ 60 µs",
        operation: "put-record",
        latency: Duration::from_millis(20),
        users: USERS,
        connections: 8,
        per_request: 100,
        events: 40_000,
        quick_events: 12_000,
        calls: Some((1, 64)),
    },
];

/// Batches of 100 to a stream so far away, where latency decides.
const fn far(
    (name, load): (&'static str, &'static str),
    operation: &'static str,
    (ms, users, events): (u64, u64, u64),
) -> Flood {
    Flood {
        name,
        load,
        target: "",
        operation,
        latency: Duration::from_millis(ms),
        users,
        connections: 8,
        per_request: 100,
        events,
        quick_events: events / 4,
        calls: None,
    }
}

const FAR: [Flood; 8] = [
    far(("far-single-20", "put-record, 20 ms, 5,000 users"), "put-record", (20, 5_000, 60_000)),
    far(("far-single-100", "put-record, 100 ms, 1,000 users"), "put-record", (100, 1_000, 20_000)),
    far(("far-single-20-one", "put-record, 20 ms, one user"), "put-record", (20, 1, 600)),
    far(("far-single-100-one", "put-record, 100 ms, one user"), "put-record", (100, 1, 200)),
    far(("far-batch-20-200", "put-records, 20 ms, 200 users"), "put-records", (20, 200, 100_000)),
    far(("far-batch-20", "put-records, 20 ms, 10,000 users"), "put-records", (20, USERS, 600_000)),
    far(("far-batch-100", "put-records, 100 ms, 10,000 users"), "put-records", (100, USERS, 600_000)),
    far(("far-batch-100-one", "put-records, 100 ms, one user"), "put-records", (100, 1, 200)),
];

const STEADY: &str = "steady";
const WINDOW: &str = "window";
const IDLE: &str = "idle";
const BACKLOG: &str = "backlog";
const HISTORY: &str = "history";

fn main() -> anyhow::Result<()> {
    let words = Words::parse();
    if let Some(done) = words.part.run() {
        return done;
    }
    if !words.bench {
        // `cargo test --all-targets` starts benchmarks too, without this word.
        print("Measures only with --bench, which `cargo bench` says by itself.");
        return Ok(());
    }
    let floods = || FLOODS.iter().chain(&FAR);
    let names: Vec<&str> =
        floods().map(|flood| flood.name).chain([STEADY, WINDOW, IDLE, BACKLOG, HISTORY]).collect();
    for name in &words.rows {
        anyhow::ensure!(names.contains(&name.as_str()), "no row is called {name}; there are {names:?}");
    }
    if words.list {
        print(&names.join("\n"));
        return Ok(());
    }
    let wanted = |name: &str| words.rows.is_empty() || words.rows.iter().any(|row| row == name);
    let floods: Vec<&Flood> = match &words.rows[..] {
        [] if words.far => FAR.iter().collect(),
        [] => FLOODS.iter().collect(),
        _ => floods().filter(|flood| wanted(flood.name)).collect(),
    };
    if let Some(other) = &words.beside {
        for flood in floods {
            print(&flood.beside(&words, other).with_context(|| format!("row {}", flood.name))?);
        }
        return Ok(());
    }
    let mut rows = Vec::new();
    for flood in floods {
        rows.push(flood.run(&words).with_context(|| format!("row {}", flood.name))?);
    }
    let wanted = |name: &str| !words.far && wanted(name);
    if wanted(STEADY) {
        rows.push(steady(&words).with_context(|| format!("row {STEADY}"))?);
    }
    if wanted(WINDOW) {
        rows.push(window::window(&words).with_context(|| format!("row {WINDOW}"))?);
    }
    if wanted(IDLE) {
        rows.push(idle(&words).with_context(|| format!("row {IDLE}"))?);
    }
    if wanted(BACKLOG) {
        rows.push(backlog::backlog(&words).with_context(|| format!("row {BACKLOG}"))?);
    }
    if wanted(HISTORY) {
        rows.push(backlog::history(&words).with_context(|| format!("row {HISTORY}"))?);
    }
    let text = if words.json { serde_json::to_string_pretty(&rows)? } else { report::markdown(&rows)? };
    print(&text);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the answer")]
fn print(text: &str) {
    println!("{text}");
}

/// On the disk that cargo builds on: the system's folder for temporary files is often in memory.
fn folder() -> std::io::Result<tempfile::TempDir> {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
}

/// Starts the program under test in `dir`.
fn serve(words: &Words, dir: &Path, sink: &Sink, operation: &str) -> anyhow::Result<Server> {
    let flags: Vec<&str> =
        ["--operation", operation].into_iter().chain(words.serve.split_whitespace()).collect();
    Server::start(&words.binary, Face::Headless, dir, &sink.url(), &flags)
}

/// CPU of this process: load generator and sink.
fn own_cpu() -> Option<Duration> {
    process::cpu(std::process::id())
}

fn used(before: Option<Duration>, after: Option<Duration>, events: u64) -> Option<f64> {
    Some(after?.saturating_sub(before?).as_secs_f64() * 1e6 / events as f64)
}

impl Flood {
    /// Runs it with both builds in turn; one line that says what changed.
    fn beside(&self, words: &Words, other: &Path) -> anyhow::Result<String> {
        const TURNS: usize = 3;
        let words = Words { no_limits: true, ..words.clone() };
        let words_of_other = Words { binary: other.to_owned(), ..words.clone() };
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            others.push(self.run(&words_of_other)?);
            ours.push(self.run(&words)?);
        }
        Ok(report::beside(self.load, &others, &ours))
    }

    fn run(&self, words: &Words) -> anyhow::Result<Row> {
        let events = words.times * if words.quick { self.quick_events } else { self.events };
        let dir = folder()?;
        let sink = Sink::start(self.latency, false)?;
        let server = serve(words, dir.path(), &sink, self.operation)?;
        let load = Load {
            to: server.address,
            connections: self.connections,
            per_request: self.per_request,
            users: self.users,
            first: 0,
            events: (events / 20).next_multiple_of(self.per_request as u64),
        };
        // Connections, caches and the allocator get warm.
        let warm = flood(load)?;
        sink.wait_for(warm.accepted, DRAIN_MAX)?;
        server.wait_until_empty()?;
        let load = Load { first: warm.accepted, events, ..load };
        let (cpu, own, calls) = (server.cpu(), own_cpu(), sink.calls());
        let began = Instant::now();
        let mut sent = flood(load)?;
        sink.wait_for(warm.accepted + sent.accepted, DRAIN_MAX)?;
        let reached = sink.last() - began;
        server.wait_until_empty()?;
        let mut row = self.row(&sent, reached);
        row.cpu_us_per_event = used(cpu, server.cpu(), sent.accepted);
        row.bench_cpu_us_per_event = used(own, own_cpu(), sent.accepted);
        row.records_per_call = Some(sent.accepted as f64 / (sink.calls() - calls).max(1) as f64);
        row.accept_ms = Quantiles::of(&mut sent.latencies);
        row.memory_peak_bytes = server.memory_peak();
        row.notes.extend(odd_notes(&server, &sink, warm.accepted + sent.accepted));
        row.notes.push(format!("SIGTERM to exit {:.0} ms", server.stop()?.as_secs_f64() * 1e3));
        row.notes.extend(log_notes(dir.path()));
        drop(sink);
        if let Some(calls) = self.calls.filter(|_| !words.no_limits) {
            row.limits = Some(self.limits(load, calls, dir.path(), words.quick)?);
        }
        Ok(row)
    }

    fn row(&self, sent: &Sent, reached: Duration) -> Row {
        Row {
            name: self.name,
            load: self.load,
            target: self.target,
            events: sent.accepted,
            refused: sent.refused,
            accepted_per_second: Some(sent.accepted as f64 / sent.took.as_secs_f64()),
            reached_per_second: Some(sent.accepted as f64 / reached.as_secs_f64()),
            ..Row::default()
        }
    }

    /// A transaction holds what can wait at most: one request of every connection.
    fn limits(
        &self,
        load: Load,
        (records, parallel): (u64, usize),
        dir: &Path,
        quick: bool,
    ) -> anyhow::Result<Limits> {
        let parts: u64 = if quick { 1 } else { 3 };
        let group = (self.connections * self.per_request) as u64;
        // Enough for a clock that counts hundredths of a second.
        let requests = parts * if self.per_request > 1 { 5_000 } else { 50_000 };
        let sqlite_rows = (parts * 100_000).next_multiple_of(group);
        let sdk_records = parts * if records > 1 { 150_000 } else { 8_000 };
        Ok(Limits {
            axum: axum_limit(Load { events: requests * self.per_request as u64, ..load })?,
            sqlite: sqlite_limit(dir, sqlite_rows, group)?,
            sdk: sdk_limit(sdk_records, records, parallel, self.latency)?,
        })
    }
}

/// What must not be: records twice, events refused for good, events missing in the ledger.
fn odd_notes(server: &Server, sink: &Sink, accepted: u64) -> Vec<String> {
    let mut notes = Vec::new();
    if sink.records() != accepted {
        notes.push(format!("ODD: {accepted} events accepted, {} records at the sink", sink.records()));
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

/// From each request to the sink's answer, in microseconds.
fn until_delivered(sent: &Sent, sink: &Sink, users: u64) -> Vec<u32> {
    let answered: HashMap<u64, Instant> = sink.answered().into_iter().collect();
    let of_event = |(event, began): &(u64, Instant)| {
        let at = answered.get(&template::user_of(*event, users))?;
        Some(load::micros(at.saturating_duration_since(*began)))
    };
    sent.began.iter().filter_map(of_event).collect()
}

/// 1,000 single events a second: how long senders wait, beside what the disk needs to sync once.
fn steady(words: &Words) -> anyhow::Result<Row> {
    const PER_SECOND: u32 = 1_000;
    let seconds = if words.quick { 4 } else { 15 };
    let dir = folder()?;
    let mut syncs = sync_limit(dir.path(), 400)?;
    let latency = Duration::from_millis(20);
    let sink = Sink::start(latency, true)?;
    let server = serve(words, dir.path(), &sink, "put-record")?;
    let load = Load {
        to: server.address,
        connections: 50,
        per_request: 1,
        // Every event has a user of its own, by whose number its record is found.
        users: 99_999_989,
        first: 0,
        events: 1_000,
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
        name: STEADY,
        load: "1,000 single events/s, put-record, 20 ms sink latency",
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
    if !words.no_limits {
        row.waits = Some(waits(dir.path(), load, PER_SECOND)?);
    }
    Ok(row)
}

/// Nothing to do: start-up on a new and on a used folder, then CPU and memory at rest.
fn idle(words: &Words) -> anyhow::Result<Row> {
    let sink = Sink::start(Duration::ZERO, false)?;
    let dir = folder()?;
    let mut starts = Vec::new();
    for _ in 0..5 {
        let server = serve(words, dir.path(), &sink, "put-record")?;
        starts.push(server.start_up.as_secs_f64() * 1e3);
        server.stop()?;
    }
    let first = starts.remove(0);
    starts.sort_by(f64::total_cmp);
    let server = serve(words, dir.path(), &sink, "put-record")?;
    std::thread::sleep(Duration::from_secs(1));
    let before = server.cpu();
    let span = Duration::from_secs(if words.quick { 3 } else { 10 });
    std::thread::sleep(span);
    let cpu = before.zip(server.cpu()).map(|(before, after)| after.saturating_sub(before));
    let share = cpu.map(|cpu| format!("{:.1} % CPU", cpu.as_secs_f64() * 100.0 / span.as_secs_f64()));
    let memory = server.memory_now().map(|bytes| format!("{:.1} MB resident", bytes as f64 / 1e6));
    let unknown = || "n/a".to_owned();
    Ok(Row {
        name: IDLE,
        load: "idle",
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

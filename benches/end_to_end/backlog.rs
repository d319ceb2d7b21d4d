//! Millions of stored events: a backlog that waits, and a history that is kept. The spool itself stores them, a few
//! thousand per commit, so that it takes seconds; then the release binary starts on them.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use tributary::{
    delivery::Receipt,
    event::{Arrival, Body, Encoding, Event, PathClass, Rejection},
    spool::{Arrivals, Limits, Settlement, Spool},
};

use crate::{
    Args, BACKLOG, HISTORY, USERS,
    destination::Destination,
    folder,
    load::{Form, Load, flood, pace},
    own_cpu,
    process::Server,
    report::{Quantiles, Row},
    serve,
    sink::Sink,
    template::Template,
    used,
};

/// Number of stored events; 10 million with `--times 5`.
const STORED: u64 = 2_000_000;
const STORED_QUICK: u64 = 200_000;

/// Events per commit.
const COMMIT: usize = 2_000;

/// Maximum time until the backlog is delivered.
const DRAIN_MAX: Duration = Duration::from_mins(20);

/// What is done with the events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Become {
    Waiting,
    Delivered,
}

/// Adds events to the spool in `dir/data`, and settings that let the spool hold them.
fn fill(dir: &Path, first: u64, events: u64, become_: Become) -> anyhow::Result<()> {
    let data = dir.join("data");
    std::fs::create_dir_all(&data)?;
    settings(dir, 99_999_999_999)?;
    let limits = Limits {
        max_bytes: 1 << 40,
        min_free_bytes: 0,
        max_source_percent: 100,
        keep_events: 1 << 40,
        keep_rejected: 1_000_000,
        drop_repeats: false,
    };
    let (spool, threads) = Spool::open(&data, limits)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut template = Template::new(COMMIT);
        for number in (first..first + events).step_by(COMMIT) {
            let events = events_of(&mut template, number)?;
            let bytes: Vec<usize> = events.iter().map(|event| event.json.len()).collect();
            let source = Arc::from("benchmark");
            let first =
                spool.append(Arrivals { source, received_at: 0, events, ..Arrivals::default() }).await?;
            if become_ == Become::Delivered {
                let settled = (first..).zip(bytes).map(|(id, bytes)| delivered(id, bytes));
                spool.settle(settled.collect()).await;
            }
        }
        spool.close().await;
        anyhow::Ok(())
    })?;
    drop(spool);
    threads.join();
    Ok(())
}

/// Settings with space for all events, which keep this number of delivered ones.
fn settings(dir: &Path, keep_events: u64) -> std::io::Result<()> {
    let text =
        format!("[spool]\nmax_bytes = 99999999999\nmin_free_bytes = 0\n[log]\nkeep_events = {keep_events}\n");
    std::fs::write(dir.join("config.toml"), text)
}

fn delivered(id: i64, bytes: usize) -> Settlement {
    Settlement {
        id,
        bytes,
        at: 0,
        attempts: 1,
        took_ms: 1,
        encoding: Encoding::Base64,
        result: Ok(Receipt {
            shard_id: "shardId-000000000000".into(),
            sequence_number: format!("496543269573985634983{id:035}").into(),
            place: None,
        }),
    }
}

/// The events that the endpoint would make of a request.
fn events_of(template: &mut Template, first: u64) -> anyhow::Result<Vec<Event>> {
    let request = template.stamp(first, USERS);
    let head = request.windows(4).position(|four| four == b"\r\n\r\n").context("a head")?;
    let arrival = Arrival {
        received_at_ms: 1_772_445_605_250,
        class: PathClass::Server,
        peer: None,
        encoding: Encoding::Base64,
        record_bytes_max: 1 << 20,
    };
    let odd = |refused: Rejection| anyhow::anyhow!("{refused:?}");
    let body = Body::parse(&request[head + 4..]).map_err(odd)?;
    let events = body.batch(&arrival).map_err(odd)?;
    events.map(|event| event.map_err(odd)).collect()
}

fn stored(args: &Args) -> u64 {
    args.times * if args.quick { STORED_QUICK } else { STORED }
}

/// The program starts on a long queue: how soon it accepts events, how much memory it uses, how fast it delivers, how
/// long senders wait meanwhile, and how soon the log answers.
pub fn backlog(args: &Args) -> anyhow::Result<Row> {
    const PER_SECOND: u32 = 200;
    let waiting = stored(args);
    let dir = folder()?;
    fill(dir.path(), 0, waiting, Become::Waiting)?;
    let sink = Sink::start(Duration::ZERO, false, args.tls)?;
    let began = Instant::now();
    let server = serve(args, dir.path(), &sink, &Destination::plain("put-records", Duration::ZERO))?;
    let mut notes = vec![format!("ready after {:.0} ms", server.start_up.as_secs_f64() * 1e3)];
    let (cpu, own) = (server.cpu(), own_cpu());
    // While the backlog is delivered: the answers of the log, and the waiting times of senders.
    for (what, command) in [
        ("newest 50 lines", &["log", "--limit", "50", "--json"][..]),
        ("newest 50 that were delivered", &["log", "--state", "delivered", "--limit", "50", "--json"]),
        ("failed ones", &["log", "--state", "failed", "--json"]),
        ("the sums", &["log", "--summary", "--json"]),
    ] {
        let (took, _said) = Server::time_command(&args.binary, dir.path(), command)?;
        notes.push(format!("log, {what}: {:.0} ms", took.as_secs_f64() * 1e3));
    }
    let load = Load {
        to: server.address,
        connections: 8,
        per_request: 1,
        users: USERS,
        first: waiting,
        events: u64::from(PER_SECOND) * if args.quick { 1 } else { 5 },
        form: Form::Api,
    };
    let mut sent = pace(load, PER_SECOND)?;
    notes.push(format!(
        "{} events waited still when the last of these was accepted",
        waiting.saturating_sub(sink.events())
    ));
    sink.wait_for(waiting + sent.accepted, DRAIN_MAX)?;
    let reached = sink.last().duration_since(began + server.start_up);
    wait_until_empty(&server)?;
    let drained = waiting + sent.accepted;
    let row = Row {
        name: BACKLOG.into(),
        load: "a backlog on disk, put-records; 200 new events/s at its beginning".into(),
        target: "ready ≤ 2 s; ≤ 250 MB; drains at ≥ 80 % of batches' rate",
        events: drained,
        reached_per_second: Some(drained as f64 / reached.as_secs_f64()),
        cpu_us_per_event: used(cpu, server.cpu(), drained),
        bench_cpu_us_per_event: used(own, own_cpu(), drained),
        accept_ms: Quantiles::of(&mut sent.latencies),
        memory_peak_bytes: server.memory_peak(),
        ..Row::default()
    };
    notes.push(format!("SIGTERM to exit {:.0} ms", server.stop()?.as_secs_f64() * 1e3));
    Ok(Row { notes, ..row })
}

fn wait_until_empty(server: &Server) -> anyhow::Result<()> {
    let until = Instant::now() + DRAIN_MAX;
    while server.metric("tributary_queued_events") != Some(0) {
        anyhow::ensure!(Instant::now() < until, "events still wait after {DRAIN_MAX:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Pruning runs every second. After this time it is done.
const PRUNED_AFTER: Duration = Duration::from_millis(1500);

/// The cost of an event with a tenth of the stored events, and with all; each new event prunes an old one.
pub fn history(args: &Args) -> anyhow::Result<Row> {
    let all = stored(args);
    let few = (all / 10).next_multiple_of(COMMIT as u64);
    let events = if args.quick { 100_000 } else { 400_000 };
    let dir = folder()?;
    let mut costs = Vec::new();
    let mut notes = Vec::new();
    // The load's own events were pruned, or as many older ones: ids rise, the count stays.
    let (mut number, mut there, mut row) = (0, 0, Row::default());
    for wanted in [few, all] {
        fill(dir.path(), number, wanted - there, Become::Delivered)?;
        number += wanted - there;
        there = wanted;
        settings(dir.path(), there)?;
        let sink = Sink::start(Duration::ZERO, false, args.tls)?;
        let server = serve(args, dir.path(), &sink, &Destination::plain("put-records", Duration::ZERO))?;
        let load = Load {
            to: server.address,
            connections: 8,
            per_request: 100,
            users: USERS,
            first: number,
            events,
            form: Form::Api,
        };
        let (cpu, own) = (server.cpu(), own_cpu());
        let began = Instant::now();
        let mut sent = flood(load)?;
        sink.wait_for(sent.accepted, DRAIN_MAX)?;
        let reached = sink.last() - began;
        wait_until_empty(&server)?;
        std::thread::sleep(PRUNED_AFTER);
        let cost = used(cpu, server.cpu(), sent.accepted);
        costs.extend(cost);
        notes.push(format!(
            "with {there} stored: ready after {:.0} ms, {:.2} µs an event",
            server.start_up.as_secs_f64() * 1e3,
            cost.unwrap_or_default()
        ));
        row = Row {
            name: HISTORY.into(),
            load: "batches of 100 on top of a long history, put-records, pruning".into(),
            target: "cost flat within 10 % from a tenth of the history to all of it",
            events: sent.accepted,
            accepted_per_second: Some(sent.accepted as f64 / sent.took.as_secs_f64()),
            reached_per_second: Some(sent.accepted as f64 / reached.as_secs_f64()),
            cpu_us_per_event: cost,
            bench_cpu_us_per_event: used(own, own_cpu(), sent.accepted),
            accept_ms: Quantiles::of(&mut sent.latencies),
            memory_peak_bytes: server.memory_peak(),
            ..Row::default()
        };
        server.stop()?;
        number += events;
    }
    if let [before, after] = costs[..] {
        notes.push(format!("{:+.1} % for ten times the history", (after / before - 1.0) * 100.0));
    }
    Ok(Row { notes, ..row })
}

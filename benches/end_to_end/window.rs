//! The same load without a window and with one: what the events cost in the engine's own threads, and what the window
//! takes beside them. Its drawing is not an event's cost, so the two are told apart by their threads.

use std::time::Duration;

use crate::{
    DRAIN_MAX, USERS, WINDOW, Words, folder,
    load::{Load, pace},
    odd_notes, own_cpu,
    process::{Face, Server},
    report::{Quantiles, Row},
    sink::Sink,
    used,
};

const PER_SECOND: u32 = 5_000;

/// What one face did with the load.
struct Seen {
    row: Row,
    /// CPU of all other threads, as a share of one core.
    beside: Option<f64>,
}

/// Skipped, with words, where there is no display.
pub fn window(words: &Words) -> anyhow::Result<Row> {
    let row = Row {
        name: WINDOW,
        load: "5,000 single events/s, put-records, window open",
        target: "≤ 10 % more CPU per event than headless, but for the window's own threads",
        ..Row::default()
    };
    #[expect(clippy::disallowed_methods, reason = "whether there is a display is for no setting to say")]
    let is_there = |name: &&str| std::env::var_os(name).is_some();
    if !["DISPLAY", "WAYLAND_DISPLAY"].iter().any(is_there) {
        let notes = vec!["skipped: there is no display (DISPLAY, WAYLAND_DISPLAY)".to_owned()];
        return Ok(Row { notes, ..row });
    }
    let headless = run(words, Face::Headless)?;
    let open = run(words, Face::Window)?;
    let mut notes = open.row.notes;
    let (before, after) = (headless.row.cpu_us_per_event, open.row.cpu_us_per_event);
    if let Some((before, after)) = before.zip(after) {
        notes.push(format!(
            "headless {before:.2} µs an event in the engine's threads, with the window {:+.1} %",
            (after / before - 1.0) * 100.0
        ));
    }
    if let Some(beside) = open.beside {
        notes.push(format!("the window's own threads take {:.0} % of one core", beside * 100.0));
    }
    if let Some(accept) = headless.row.accept_ms {
        notes.push(format!("headless accept p50 {:.2} ms, p99 {:.2} ms", accept.p50, accept.p99));
    }
    let Row { name, load, target, .. } = row;
    Ok(Row { name, load, target, notes, ..open.row })
}

fn run(words: &Words, face: Face) -> anyhow::Result<Seen> {
    let seconds = if words.quick { 4 } else { 20 };
    let dir = folder()?;
    let sink = Sink::start(Duration::ZERO, false)?;
    let server =
        Server::start(&words.binary, face, dir.path(), &sink.url(), &["--operation", "put-records"])?;
    let load = Load {
        to: server.address,
        connections: 50,
        per_request: 1,
        users: USERS,
        first: 0,
        events: u64::from(PER_SECOND),
    };
    let warm = pace(load, PER_SECOND)?;
    sink.wait_for(warm.accepted, DRAIN_MAX)?;
    server.wait_until_empty()?;
    let load = Load { first: warm.accepted, events: u64::from(PER_SECOND) * seconds, ..load };
    let (cpu, beside, own) = (server.engine_cpu(), server.other_cpu(), own_cpu());
    let mut sent = pace(load, PER_SECOND)?;
    sink.wait_for(warm.accepted + sent.accepted, DRAIN_MAX)?;
    server.wait_until_empty()?;
    let beside = beside
        .zip(server.other_cpu())
        .map(|(before, after)| after.saturating_sub(before).as_secs_f64() / sent.took.as_secs_f64());
    let row = Row {
        events: sent.accepted,
        accepted_per_second: Some(sent.accepted as f64 / sent.took.as_secs_f64()),
        cpu_us_per_event: used(cpu, server.engine_cpu(), sent.accepted),
        bench_cpu_us_per_event: used(own, own_cpu(), sent.accepted),
        accept_ms: Quantiles::of(&mut sent.latencies),
        memory_peak_bytes: server.memory_peak(),
        notes: odd_notes(&server, &sink, warm.accepted + sent.accepted),
        ..Row::default()
    };
    server.stop()?;
    Ok(Seen { row, beside })
}

//! The same load with and without a window: the cost of the events in the engine's own threads, and the cost of the
//! window beside them. Drawing is not part of an event's cost, so the two are distinguished by their threads.

use std::{sync::mpsc::RecvTimeoutError, time::Duration};

use crate::{
    Args, DRAIN_MAX, USERS, WINDOW, folder,
    load::{Form, Load, Sent, pace},
    odd_notes, own_cpu,
    process::{Face, Server},
    report::{Quantiles, Row},
    sink::Sink,
    used,
};

const PER_SECOND: u32 = 5_000;

/// The figures of one run.
struct Seen {
    row: Row,
    /// CPU time of all other threads, as a share of one core.
    beside: Option<f64>,
    /// The time of each frame, in microseconds.
    frames: Vec<u32>,
    /// Bytes resident, once a second.
    memory: Vec<u64>,
}

/// Skipped with a note if there is no display.
pub fn window(args: &Args) -> anyhow::Result<Row> {
    let row = Row {
        name: WINDOW.into(),
        load: "5,000 single events/s, put-records, window open".into(),
        target: "≤ 10 % more CPU per event than headless, but for the window's own threads",
        ..Row::default()
    };
    #[expect(clippy::disallowed_methods, reason = "whether there is a display is for no setting to say")]
    let is_there = |name: &&str| std::env::var_os(name).is_some();
    if !["DISPLAY", "WAYLAND_DISPLAY"].iter().any(is_there) {
        let notes = vec!["skipped: there is no display (DISPLAY, WAYLAND_DISPLAY)".to_owned()];
        return Ok(Row { notes, ..row });
    }
    let headless = run(args, Face::Headless)?;
    let mut open = run(args, Face::Window)?;
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
    if let Some((Quantiles { p50, p99 }, &longest)) = Quantiles::of(&mut open.frames).zip(open.frames.last())
    {
        let (count, longest) = (open.frames.len(), f64::from(longest) / 1e3);
        notes.push(format!(
            "{count} frames of Live: p50 {p50:.1} ms, p99 {p99:.1} ms, the longest {longest:.1} ms"
        ));
    }
    for (face, memory) in [("headless", &headless.memory), ("with the window", &open.memory)] {
        let fifth = (memory.len() / 5).max(1);
        let most = |part: &[u64]| part.iter().max().copied().unwrap_or_default() as f64 / 1e6;
        let (early, late) =
            (&memory[..fifth.min(memory.len())], &memory[memory.len().saturating_sub(fifth)..]);
        notes.push(format!(
            "{face}: {:.0} MB at the most in the first fifth, {:.0} MB in the last",
            most(early),
            most(late)
        ));
    }
    if let Some(accept) = headless.row.accept_ms {
        notes.push(format!("headless accept p50 {:.2} ms, p99 {:.2} ms", accept.p50, accept.p99));
    }
    let Row { name, load, target, .. } = row;
    Ok(Row { name, load, target, notes, ..open.row })
}

fn run(args: &Args, face: Face) -> anyhow::Result<Seen> {
    let seconds = if args.quick { 4 } else { 20 * args.times };
    let dir = folder()?;
    let sink = Sink::start(Duration::ZERO, false, args.tls)?;
    let server = Server::start(&args.binary, face, dir.path(), &sink, &["--operation", "put-records"])?;
    let load = Load {
        to: server.address,
        connections: 50,
        per_request: 1,
        users: USERS,
        first: 0,
        events: u64::from(PER_SECOND),
        form: Form::Api,
    };
    let warm = pace(load, PER_SECOND)?;
    sink.wait_for(warm.accepted, DRAIN_MAX)?;
    server.wait_until_empty()?;
    let load = Load { first: warm.accepted, events: u64::from(PER_SECOND) * seconds, ..load };
    let (cpu, beside, own) = (server.engine_cpu(), server.other_cpu(), own_cpu());
    let before = Server::frames(dir.path())?.len();
    let (mut sent, memory) = while_watched(&server, || pace(load, PER_SECOND))?;
    let frames = Server::frames(dir.path())?.split_off(before);
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
    Ok(Seen { row, beside, frames, memory })
}

/// Does the work, and measures the memory of the program once a second meanwhile.
fn while_watched(
    server: &Server,
    work: impl FnOnce() -> anyhow::Result<Sent>,
) -> anyhow::Result<(Sent, Vec<u64>)> {
    let (done, is_done) = std::sync::mpsc::sync_channel::<()>(0);
    std::thread::scope(|scope| {
        let watching =
            std::thread::Builder::new().name("memory".to_owned()).spawn_scoped(scope, move || {
                let mut seen = Vec::new();
                while is_done.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                    seen.extend(server.memory_now());
                }
                seen
            })?;
        let sent = work();
        drop(done);
        let memory = watching.join().map_err(|_panic| anyhow::anyhow!("the watching thread panicked"))?;
        Ok((sent?, memory))
    })
}

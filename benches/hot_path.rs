//! The steps of an event's way, one by one and alone: parse and normalise, partition key, encode, append to a real
//! spool on disk, hand over to the forwarder, settle. `cargo bench --bench hot_path`.
//!
//! Each figure is the median of many rounds: wall time per event, and CPU time of the whole process per event if
//! threads and the disk are part of the step (Linux). Cutting a batch is private to the forwarder, and part of
//! `end_to_end` only.

#[path = "end_to_end/template.rs"]
mod template;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use tributary::{
    delivery::Receipt,
    event::{Arrival, Body, Encoding, Event, Kind, PartitionKey, PathClass},
    spool::{Arrivals, Limits, Settlement, Spool},
};

use template::{EVENT_BYTES, Template, WRITE_KEY, user_of};

const ROUNDS: usize = 15;

/// Events per request in the steps with batches.
const GROUP: usize = 100;

const USERS: u64 = 10_000;

fn main() -> anyhow::Result<()> {
    if !std::env::args().any(|word| word == "--bench") {
        // `cargo test --all-targets` starts benchmarks too, without this argument.
        print("Measures only with --bench, which `cargo bench` says by itself.");
        return Ok(());
    }
    print(&format!(
        "{EVENT_BYTES}-byte events; median of {ROUNDS} rounds\n\n| step | ns wall per event | ns CPU per event |\n| --- | --: | --: |"
    ));
    pure_steps()?;
    spool_steps()
}

#[expect(clippy::print_stdout, reason = "the answer")]
fn print(text: &str) {
    println!("{text}");
}

/// Runs `step` (of `events` events) often enough to be measured, and prints the median.
fn time(name: &str, events: usize, mut step: impl FnMut()) {
    let repeats = (20_000 / events).max(1);
    for _ in 0..repeats {
        step();
    }
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..repeats {
                step();
            }
            began.elapsed().as_nanos() as f64 / (repeats * events) as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    print(&format!("| {name} | {:.0} | |", rounds[ROUNDS / 2]));
}

fn arrival(class: PathClass) -> Arrival {
    Arrival {
        received_at_ms: 1_772_445_605_250,
        class,
        peer: Some([203, 0, 113, 9].into()),
        encoding: Encoding::Base64,
        record_bytes_max: 1 << 20,
    }
}

/// The body of a request. Its key is in the header, which is not part of these steps.
fn body_of(template: &mut Template, first: u64) -> Vec<u8> {
    let request = template.stamp(first, USERS);
    let head = request.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    request[head..].to_vec()
}

fn events_of(body: &[u8]) -> anyhow::Result<Vec<Event>> {
    let parsed = Body::parse(body).map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    let arrival = arrival(PathClass::Server);
    let events = parsed.batch(&arrival).map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    events.map(|event| event.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))).collect()
}

fn pure_steps() -> anyhow::Result<()> {
    let batch = body_of(&mut Template::new(GROUP), 0);
    let single = body_of(&mut Template::new(1), 7);
    let events = events_of(&batch)?;
    time("serde_json IgnoredAny, batch of 100 (for comparison)", GROUP, || {
        black_box(serde_json::from_slice::<serde::de::IgnoredAny>(black_box(&batch)).is_ok());
    });
    time("parse, batch of 100", GROUP, || drop(black_box(Body::parse(black_box(&batch)))));
    time("parse and normalise, batch of 100", GROUP, || {
        drop(black_box(events_of(black_box(&batch))));
    });
    let device = arrival(PathClass::Device);
    time("parse and normalise, single, context.ip added", 1, || {
        drop(black_box(Body::parse(black_box(&single)).and_then(|body| body.single(Kind::Track, &device))));
    });
    let (short, long) = (WRITE_KEY, "x".repeat(300));
    time("partition key", 1, || drop(black_box(PartitionKey::new(black_box(short)))));
    time("partition key of a 300-byte id (SHA-256)", 1, || {
        drop(black_box(PartitionKey::new(black_box(&long))));
    });
    for encoding in Encoding::ALL {
        time(&format!("encode {}", encoding.as_str()), GROUP, || {
            for event in &events {
                black_box(encoding.encode(black_box(&event.json)));
            }
        });
    }
    signing(&encoded_body(&events));
    Ok(())
}

/// About the body of a put: the records of `events` in base64.
fn encoded_body(events: &[Event]) -> Vec<u8> {
    events.iter().flat_map(|event| Encoding::Base64.encode(&event.json)).collect()
}

/// The hash that a signature covers: by ring, as `kinesis/payload_hash.rs` has it, and by the SDK's crate.
fn signing(body: &[u8]) {
    time("SHA-256 of a put, ring", GROUP, || {
        black_box(ring::digest::digest(&ring::digest::SHA256, black_box(body)));
    });
    time("SHA-256 of a put, sha2 (for comparison)", GROUP, || {
        black_box(<sha2::Sha256 as sha2::Digest>::digest(black_box(body)));
    });
}

/// CPU time of this process, in hundredths of a second.
fn cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ').skip(11);
    let ticks = fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?;
    Some(Duration::from_millis(10) * ticks)
}

fn row(name: &str, events: usize, began: Instant, before: Option<Duration>) {
    let wall = began.elapsed().as_nanos() as f64 / events as f64;
    let used = before.zip(cpu()).map(|(before, after)| (after.saturating_sub(before)).as_nanos() as f64);
    let used = used.map_or_else(|| "n/a".to_owned(), |used| format!("{:.0}", used / events as f64));
    print(&format!("| {name} | {wall:.0} | {used} |"));
}

/// Groups of events as they reach the writer: one request at a time, and eight that share a commit. One measurement
/// each, long enough for a clock with hundredths of a second.
fn spool_steps() -> anyhow::Result<()> {
    const TOTAL: usize = 100_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for together in [1, 8] {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let limits = Limits {
            max_bytes: 2 << 30,
            min_free_bytes: 0,
            max_source_percent: 100,
            keep_events: 1_000_000,
            keep_rejected: 1_000_000,
            drop_repeats: false,
        };
        let (spool, threads) = Spool::open(dir.path(), limits)?;
        let mut template = Template::new(GROUP);
        let mut requests = Vec::with_capacity(TOTAL / GROUP);
        for first in (0..TOTAL as u64).step_by(GROUP) {
            requests.push(events_of(&body_of(&mut template, first))?);
        }
        anyhow::ensure!(
            requests[0][1].key.as_str().ends_with(&user_of(1, USERS).to_string()),
            "keys are the users' ids"
        );
        runtime.block_on(async {
            let name = format!("spool append, {together} × {GROUP} a commit");
            let (began, before) = (Instant::now(), cpu());
            let mut requests = requests.into_iter();
            loop {
                let some: Vec<_> = requests.by_ref().take(together).collect();
                if some.is_empty() {
                    break;
                }
                let appends = some.into_iter().map(|events| {
                    let source = Arc::from("benchmark");
                    spool.append(Arrivals { source, received_at: 0, events, ..Arrivals::default() })
                });
                for appended in futures_util::future::join_all(appends).await {
                    appended?;
                }
            }
            row(&name, TOTAL, began, before);
            if together > 1 {
                hand_on_and_settle(&spool, TOTAL).await?;
            }
            spool.close().await;
            anyhow::Ok(())
        })?;
        drop(spool);
        threads.join();
    }
    Ok(())
}

async fn hand_on_and_settle(spool: &Spool, total: usize) -> anyhow::Result<()> {
    let (began, before) = (Instant::now(), cpu());
    let mut events = Vec::with_capacity(total);
    let mut cursor = 0;
    while events.len() < total {
        let next = spool.next(cursor, 4_000, 32 << 20).await?;
        anyhow::ensure!(next.through > cursor, "the queue ended early");
        cursor = next.through;
        events.extend(next.events);
    }
    row("hand on to the forwarder (half from disk, half from memory)", total, began, before);
    let receipt = |number: i64| Receipt {
        shard_id: "shardId-000000000000".into(),
        sequence_number: format!("496543269573985634983{number:035}").into(),
        place: None,
    };
    let settlements: Vec<Settlement> = events
        .iter()
        .map(|event| Settlement {
            id: event.id,
            bytes: event.json.len(),
            at: 0,
            attempts: 1,
            took_ms: 1,
            encoding: Encoding::Base64,
            result: Ok(receipt(event.id)),
        })
        .collect();
    let mut summary = spool.watch();
    let (began, before) = (Instant::now(), cpu());
    for some in settlements.chunks(500) {
        spool.settle(some.to_vec()).await;
    }
    let wanted = total as u64;
    summary.wait_for(|now| now.ledger.delivered == wanted).await.context("the spool closed early")?;
    row("settle, 500 a call", total, began, before);
    Ok(())
}

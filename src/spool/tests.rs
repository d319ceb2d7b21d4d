//! The promises of the spool, a file each; and what these tests share.

mod acknowledged;
mod adoption;
mod charts;
mod counts;
mod emptied;
mod failing_disk;
mod folder;
mod log;
mod lost_files;
mod model;
mod rejected;
mod resend;
mod room;
mod search;
mod versions;

use std::{collections::BTreeMap, time::Duration};

use tokio::runtime::Runtime;

use super::{
    AppendError, Arrivals, FILE_NAME, Full, Limits, LogReader, OpenError, Pace, QueuedEvent, Rejected,
    ResendError, Settlement, Spool, Threads, connection::connect_reader, examine,
};
use crate::{
    delivery::{AwsError, Delivery, EventId, Intake, Ledger, Query, Receipt, ResendSelection, Resent, State},
    event::{Arrival, Body, Encoding, Event, Kind, PathClass},
};

pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub(super) const ROOMY: Limits = Limits {
    max_bytes: 1 << 30,
    min_free_bytes: 0,
    max_source_percent: 100,
    keep_events: 1_000_000,
    keep_rejected: 1_000_000,
    drop_repeats: false,
};

pub(super) fn event(user: &str, message_id: &str, bytes: usize) -> Event {
    let json = format!(
        r#"{{"type":"track","event":"E","userId":"{user}","messageId":"{message_id}","pad":"{}"}}"#,
        "x".repeat(bytes)
    );
    parsed(&json)
}

pub(super) fn parsed(json: &str) -> Event {
    let arrival = Arrival {
        received_at_ms: 1_772_445_605_250,
        class: PathClass::Server,
        peer: None,
        encoding: Encoding::Json,
        record_bytes_max: 1 << 20,
    };
    Body::parse(json.as_bytes()).expect("JSON").single(Kind::Track, &arrival).expect("an event")
}

pub(super) fn arrivals(events: Vec<Event>) -> Arrivals {
    Arrivals { source: "Website".into(), received_at: 1_772_445_605_250, events, ..Arrivals::default() }
}

pub(super) fn rejected(excerpt: &str) -> Rejected {
    Rejected {
        kind: None,
        message_id: Some("bad".to_owned()),
        user: None,
        fault: AwsError::new("no_user_anon_id", "the event has no user"),
        name: None,
        excerpt: excerpt.as_bytes().to_vec(),
        bytes: u32::try_from(excerpt.len()).expect("it is short"),
    }
}

pub(super) fn delivered(event: &QueuedEvent) -> Settlement {
    Settlement {
        id: event.id,
        bytes: event.json.len(),
        at: 1_772_445_605_300,
        attempts: event.attempts + 1,
        took_ms: 7,
        encoding: Encoding::Json,
        result: Ok(Receipt {
            shard_id: "shardId-000000000001".into(),
            sequence_number: format!("4959{}", event.id).into(),
            place: None,
        }),
    }
}

pub(super) fn failed(event: &QueuedEvent) -> Settlement {
    Settlement { result: Err(AwsError::new("ValidationException", "too large")), ..delivered(event) }
}

/// The whole queue, read page by page as the forwarder does.
pub(super) async fn waiting(spool: &Spool, from: EventId) -> Vec<QueuedEvent> {
    let mut all = Vec::new();
    let mut after = from;
    loop {
        let next = spool.next(after, 3, 1 << 20).await.expect("readable");
        if next.through == after {
            return all;
        }
        after = next.through;
        all.extend(next.events);
    }
}

pub(super) async fn close(spool: Spool, threads: Threads) {
    spool.close().await;
    drop(spool);
    threads.join();
}

/// Waits until the ledger is as wanted.
pub(super) async fn settled(spool: &Spool, done: impl Fn(&Ledger) -> bool) {
    let mut watch = spool.watch();
    let waited = watch.wait_for(|summary| done(&summary.ledger));
    tokio::time::timeout(Duration::from_secs(10), waited).await.expect("in time").expect("open");
}

/// Waits until the writer has found that the disk takes writes again.
pub(super) async fn healed(spool: &Spool) {
    let mut watch = spool.watch();
    watch.wait_for(|summary| summary.intake == Intake::Ready).await.expect("recovers by itself");
}

/// Resends on a thread of its own, as callers do.
async fn resend(spool: &Spool, which: ResendSelection, pace: Pace) -> Result<Resent, ResendError> {
    let spool = spool.clone();
    #[expect(clippy::disallowed_methods, reason = "a test has no engine that spawns for it")]
    let resending = tokio::task::spawn_blocking(move || spool.resend(&which, pace, |_| true));
    resending.await.expect("it does not panic")
}

const AT_ONCE: Pace = Pace { rate: None, full: Full::Stop };

fn fitting(states: &[State]) -> ResendSelection {
    ResendSelection::Fitting(Box::new(Query { states: states.to_vec(), ..Query::default() }))
}

/// A request of this source with this many rejected events.
fn refused_of(source: &str, count: usize) -> Arrivals {
    let excerpt = "x".repeat(600);
    let rejected = (0..count).map(|_| rejected(&excerpt)).collect();
    Arrivals { source: source.into(), rejected, ..arrivals(Vec::new()) }
}

pub(super) fn of_source(source: &str, events: Vec<Event>) -> Arrivals {
    Arrivals { source: source.into(), ..arrivals(events) }
}

fn lines_of(spool: &Spool, states: &[State]) -> Vec<Delivery> {
    let log = LogReader::open(spool.path()).expect("opens");
    let query = Query { states: states.to_vec(), oldest_first: true, limit: 10_000, ..Query::default() };
    log.page(&query).expect("readable").rows
}

fn rejected_lines(spool: &Spool, source: &str) -> usize {
    lines_of(spool, &[State::Rejected]).iter().filter(|line| &*line.source == source).count()
}

/// The queued and failed bytes by source: in memory, in the table, and by the rows.
fn held(spool: &Spool) -> [BTreeMap<String, u64>; 3] {
    let told = spool.watch().borrow().held.iter().map(|(name, bytes)| (name.to_string(), *bytes)).collect();
    let reader = connect_reader(spool.path(), None).expect("opens");
    let read = |sql: &str| {
        let mut statement = reader.prepare(sql).expect("SQL");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())));
        rows.expect("readable").collect::<rusqlite::Result<_>>().expect("readable")
    };
    let table = read("SELECT text, bytes FROM held JOIN word ON word.id = held.source");
    let rows = read(
        "SELECT text, sum(length) FROM event JOIN word ON word.id = event.source
         WHERE NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id AND state <> 3) GROUP BY text",
    );
    [told, table, rows]
}

/// Appends events until the spool refuses one.
async fn fill(spool: &Spool, source: &str) -> AppendError {
    loop {
        if let Err(full) = spool.append(of_source(source, vec![event("u", "m", 1_000)])).await {
            return full;
        }
    }
}

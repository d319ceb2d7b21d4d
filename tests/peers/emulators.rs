//! The table of `../it/conformance.rs`, run against other emulators of Kinesis: ministack, kinesis-mock and moto.
//!
//! A row expects the answer that AWS documents. Each emulator has a list of the rows that it answers in another way, with
//! its answers and the reasons as far as its answers show them. The test fails if a row differs that is not in the list,
//! and if one in the list no longer differs.

mod kinesis_mock;
mod ministack;
mod moto;

use crate::conformance::{self, CaseResult, Peer};
use crate::processes::{KinesisMock, Ministack, Moto};
use std::time::Duration;

/// Rows that an emulator answers in another way than AWS.
struct Differences {
    because: &'static str,
    /// Each row's name and the emulator's answer, which goes on after a `…`.
    rows: &'static [(&'static str, &'static str)],
}

fn is_shown(case: &CaseResult, (name, seen): &(&str, &str)) -> bool {
    let is_seen = seen.strip_suffix('…').map_or(case.seen == *seen, |start| case.seen.starts_with(start));
    case.name == *name && is_seen && case.seen != case.wanted
}

/// What the lists say too much or too little, one a line; empty if they are right.
fn wrong(known: &[Differences], sometimes: &[Differences], results: &[CaseResult]) -> String {
    let mut all = known.iter().chain(sometimes);
    assert!(all.all(|differences| !differences.because.is_empty()), "a difference has a reason");
    let rows_of = |lists: &[Differences]| lists.iter().flat_map(|list| list.rows).collect::<Vec<_>>();
    let (rows, races) = (rows_of(known), rows_of(sometimes));
    let unlisted = results.iter().filter(|case| case.seen != case.wanted);
    let unlisted = unlisted.filter(|case| !rows.iter().chain(&races).any(|row| is_shown(case, row)));
    let unlisted = unlisted
        .map(|case| format!("not listed: {:?}: wanted {:?}, saw {:?}", case.name, case.wanted, case.seen));
    let gone = rows.iter().filter(|row| !results.iter().any(|case| is_shown(case, row)));
    let gone = gone.map(|row| format!("no longer so: {row:?}"));
    unlisted.chain(gone).collect::<Vec<_>>().join("\n")
}

async fn differs_as_listed(url: &str, known: &[Differences], sometimes: &[Differences]) {
    let client = conformance::client(url, Ministack::ROOT.0, Ministack::ROOT.1);
    let results = conformance::conformance(&client, Peer::Emulator);
    let results = tokio::time::timeout(Duration::from_mins(5), results).await.unwrap();
    let wrong = wrong(known, sometimes, &results);
    assert!(wrong.is_empty(), "{} rows:\n{wrong}", results.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ministack_differs_as_listed() {
    differs_as_listed(&Ministack::start().url, ministack::KNOWN, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinesis_mock_differs_as_listed() {
    differs_as_listed(&KinesisMock::start().url, kinesis_mock::KNOWN, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_differs_as_listed() {
    differs_as_listed(&Moto::start().url, moto::KNOWN, moto::SOMETIMES).await;
}

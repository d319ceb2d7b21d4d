//! The same SDKs through outages: no server behind the load balancer for ten seconds, a full disk, a full spool. The
//! stream then has every event that an SDK was told is accepted, and the SDK's own retries bring the others.

use crate::calls::{Call, many, many_in_a_page, many_with};
use crate::processes::Sdk;
use crate::sdks::{
    BASE64, BASE64_MANY, Way, acknowledged, nothing_acknowledged_is_missing,
    nothing_acknowledged_is_missing_after_restarts,
};
use crate::tap::Tap;
use crate::volume::Volume;
use std::io::Write;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(10);
const NEXT: Sdk = Sdk::Next { loading: "page", delivery: "standard" };
const NEXT_BATCHING: Sdk = Sdk::Next { loading: "page", delivery: "batching" };

/// Number of answers to the SDK with this status.
fn answered(tap: &Tap, status: u16) -> usize {
    tap.exchanges().iter().filter(|exchange| exchange.status == Some(status)).count()
}

async fn a_part_is_accepted(way: &Way, calls: &[Call]) {
    way.until("a part is accepted", |tap| acknowledged(tap).len() >= calls.len() / 4).await;
}

async fn unavailable_for_ten_seconds(sdk: Sdk, calls: Vec<Call>) {
    let way = Way::open(BASE64).await;
    let sender = sdk.start(&way.tap.url(), &calls, PAUSE);
    a_part_is_accepted(&way, &calls).await;
    way.tap.be_unavailable(Duration::from_secs(10));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(answered(&way.tap, 503) > 1, "the SDK came again meanwhile");
    nothing_acknowledged_is_missing(way, sender, &calls).await;
}

/// `killed`: also a power cut, and a start when there is space again.
async fn full_disk(sdk: Sdk, killed: bool) {
    let volume = match Volume::mount(32) {
        Ok(volume) => volume,
        Err(reason) => {
            // Not by the macro, whose output is hidden if the test passes.
            let mut terminal = std::io::stderr();
            writeln!(terminal, "SKIPPED, {sdk:?} and a full disk: {reason}").unwrap();
            return;
        }
    };
    // Large enough that the free space in SQLite's files is used up.
    let calls = many_with(400, &"8 KB of text. ".repeat(600));
    let mut way = Way::open_with(BASE64_MANY, |serve| serve.keep_data_in(volume.path().join("data"))).await;
    let (first, rest) = calls.split_at(calls.len() / 4);
    let sender = sdk.begin(&way.tap.url(), first, PAUSE);
    way.until("a part is accepted", |tap| !acknowledged(tap).is_empty()).await;
    volume.fill();
    let sender = sender.go_on(rest);
    way.until("the disk is full", |tap| answered(tap, 503) >= 2).await;
    let exchanges = way.tap.exchanges();
    let refused = exchanges.iter().find(|exchange| exchange.status == Some(503)).unwrap();
    assert!(refused.answer.contains("could not write to disk"), "{}", refused.answer);
    if killed {
        way.serve.kill();
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    volume.free();
    if killed {
        way.tap.point_to(way.serve.start());
    }
    nothing_acknowledged_is_missing(way, sender, &calls).await;
}

/// The stream cannot be reached until senders have been told that the spool is full.
async fn full_spool(sdk: Sdk) {
    let calls = many_with(400, &"Half a KB of text. ".repeat(27));
    let onward = Tap::start();
    let way = Way::open_with(BASE64, |serve| {
        serve.limit_spool(128 << 10);
        serve.reach_kinesis_at(onward.url());
    })
    .await;
    let sender = sdk.start(&way.tap.url(), &calls, PAUSE);
    way.until("the spool is full", |tap| answered(tap, 429) >= 2).await;
    assert!(!acknowledged(&way.tap).is_empty(), "there was room at first");
    onward.point_to(way.kinesalite.url.strip_prefix("http://").unwrap().parse().unwrap());
    nothing_acknowledged_is_missing(way, sender, &calls).await;
}

#[tokio::test]
async fn analytics_node_gets_everything_through_ten_seconds_of_503() {
    unavailable_for_ten_seconds(Sdk::Node, many(400)).await;
}

#[tokio::test]
async fn legacy_analytics_node_gets_everything_through_ten_seconds_of_503() {
    unavailable_for_ten_seconds(Sdk::NodeLegacy, many(400)).await;
}

#[tokio::test]
async fn python_gets_everything_through_ten_seconds_of_503() {
    unavailable_for_ten_seconds(Sdk::Python, many(400)).await;
}

#[tokio::test]
async fn analytics_next_event_by_event_gets_everything_through_ten_seconds_of_503() {
    unavailable_for_ten_seconds(NEXT, many_in_a_page(100)).await;
}

#[tokio::test]
async fn analytics_next_in_batches_gets_everything_through_ten_seconds_of_503() {
    unavailable_for_ten_seconds(NEXT_BATCHING, many_in_a_page(100)).await;
}

#[tokio::test]
async fn nothing_that_analytics_next_was_told_is_accepted_event_by_event_is_missing_after_restarts() {
    nothing_acknowledged_is_missing_after_restarts(NEXT, &many_in_a_page(200)).await;
}

#[tokio::test]
async fn nothing_that_analytics_next_was_told_is_accepted_in_batches_is_missing_after_restarts() {
    nothing_acknowledged_is_missing_after_restarts(NEXT_BATCHING, &many_in_a_page(200)).await;
}

#[tokio::test]
async fn analytics_node_gets_everything_through_a_full_disk() {
    full_disk(Sdk::Node, false).await;
}

#[tokio::test]
async fn legacy_analytics_node_gets_everything_through_a_full_disk() {
    full_disk(Sdk::NodeLegacy, false).await;
}

#[tokio::test]
async fn python_gets_everything_through_a_full_disk() {
    full_disk(Sdk::Python, false).await;
}

#[tokio::test]
async fn analytics_node_gets_everything_through_a_crash_on_a_full_disk() {
    full_disk(Sdk::Node, true).await;
}

#[tokio::test]
async fn analytics_node_gets_everything_through_a_full_spool() {
    full_spool(Sdk::Node).await;
}

#[tokio::test]
async fn legacy_analytics_node_gets_everything_through_a_full_spool() {
    full_spool(Sdk::NodeLegacy).await;
}

#[tokio::test]
async fn python_gets_everything_through_a_full_spool() {
    full_spool(Sdk::Python).await;
}

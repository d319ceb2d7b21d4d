//! Resending failed events and replaying delivered ones.

use std::path::Path;

use super::*;
use crate::spool::{connection::connect_writer, count};

#[test]
fn a_failed_event_that_is_resent_waits_again_behind_the_others_and_the_sums_add_up() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool.append(arrivals(vec![event("u", "m1", 9), event("u", "m2", 9)])).await.expect("room");
        let read = waiting(&spool, 0).await;
        spool.settle(vec![failed(&read[0])]).await;
        settled(&spool, |ledger| ledger.failed == 1).await;
        let before = spool.watch().borrow().ledger;
        let log = LogReader::open(spool.path()).expect("opens");
        let would = count(&log, &fitting(&[])).expect("readable");
        let resent = resend(&spool, fitting(&[]), AT_ONCE).await.expect("room");
        assert_eq!((resent.failed, resent.replayed, resent.bytes), (1, 0, read[0].json.len() as u64));
        assert_eq!(would, resent, "the dry run had told");
        let after = spool.watch().borrow().ledger;
        assert_eq!(
            after,
            Ledger { failed: 0, queued: 2, resent: 1, ..before },
            "it moved, and nothing else changed"
        );
        assert!(after.adds_up());
        let queue = waiting(&spool, 0).await;
        let order: Vec<_> = queue.iter().map(|one| (one.id, &*one.key, one.attempts)).collect();
        assert_eq!(order, [(2, "u", 0), (3, "u", 0)], "behind the queued event");
        assert_eq!(queue[1].json, read[0].json, "byte for byte");
        let old = log.line(1).expect("readable").expect("there");
        assert_eq!((old.state, old.resent_as, old.resend_of), (State::Resent, Some(3), None));
        assert!(old.fault.is_some(), "its error is kept");
        let new = log.line(3).expect("readable").expect("there");
        assert_eq!((new.state, new.resend_of, &*new.message_id), (State::Queued, Some(1), "m1"));
        let again =
            resend(&spool, ResendSelection::Lines(vec![1, 2, 77]), AT_ONCE).await.expect("nothing to do");
        assert_eq!((again.events(), again.passed_over), (0, 3), "resent before, queued, not in the log");
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        assert_eq!(spool.watch().borrow().ledger, after);
        assert_eq!(waiting(&spool, spool.settled_through()).await.len(), 2);
        close(spool, threads).await;
    });
}

#[test]
fn a_replay_is_accepted_once_more_and_a_second_one_does_not_replay_the_first() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let events = (1..=3).map(|n| event("u", &format!("m{n}"), n)).collect();
        spool.append(arrivals(events)).await.expect("room");
        spool.settle(waiting(&spool, 0).await.iter().map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.delivered == 3).await;
        for round in 1..=2_u64 {
            let resent = resend(&spool, fitting(&[State::Delivered]), AT_ONCE).await.expect("room");
            assert_eq!((resent.replayed, resent.passed_over), (3, 3 * (round - 1)));
            let ledger = spool.watch().borrow().ledger;
            assert!(ledger.adds_up(), "{ledger:?}");
            assert_eq!((ledger.accepted, ledger.queued, ledger.replayed), (3 + 3 * round, 3, 3 * round));
            spool.settle(waiting(&spool, 0).await.iter().map(delivered).collect()).await;
            settled(&spool, |ledger| ledger.queued == 0).await;
        }
        assert_eq!(spool.watch().borrow().ledger.queued_bytes, 0);
        close(spool, threads).await;
    });
}

#[test]
fn a_replay_stops_where_the_spool_is_full_and_a_failed_event_needs_no_room() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let limits = Limits { max_bytes: 2_500, ..ROOMY };
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        for id in ["m1", "m2", "m3"] {
            spool.append(arrivals(vec![event("u", id, 1_000)])).await.expect("room");
            let last = waiting(&spool, 0).await.pop().expect("waits");
            spool.settle(vec![if id == "m3" { failed(&last) } else { delivered(&last) }]).await;
            settled(&spool, |ledger| ledger.queued == 0).await;
        }
        let stopped =
            resend(&spool, fitting(&[State::Delivered]), AT_ONCE).await.expect_err("no room for both");
        let ResendError::Spool { done, source: AppendError::Full(_) } = stopped else {
            panic!("{stopped:?}")
        };
        assert_eq!(done.replayed, 1);
        let resent = resend(&spool, fitting(&[]), AT_ONCE).await.expect("it counts already");
        assert_eq!(resent.failed, 1);
        assert!(spool.watch().borrow().ledger.adds_up());
        close(spool, threads).await;
    });
}

/// A spool with one delivered event of 10,000 bytes from each of these sources, and a failed event that takes all of
/// the share of "A".
async fn with_a_source_at_its_share(dir: &Path, sources: &[&str]) -> (Spool, Threads) {
    let (spool, threads) = Spool::open(dir, ROOMY).expect("opens");
    for (n, source) in sources.iter().enumerate() {
        let one = event("u", &format!("{source}{n}"), 10_000);
        spool.append(of_source(source, vec![one])).await.expect("room");
    }
    let queue = waiting(&spool, 0).await;
    let newest = queue.last().expect("some").id;
    spool.settle(queue.iter().map(delivered).collect()).await;
    let all = queue.len() as u64;
    settled(&spool, |ledger| ledger.delivered == all).await;
    spool.append(of_source("A", vec![event("u", "failed", 50_000)])).await.expect("room");
    spool.settle(waiting(&spool, newest).await.iter().map(failed).collect()).await;
    settled(&spool, |ledger| ledger.failed == 1).await;
    spool.set_limits(Limits { max_bytes: 120_000, max_source_percent: 50, ..ROOMY }).await;
    (spool, threads)
}

#[test]
fn replays_of_a_source_at_its_share_let_those_of_others_go_first_and_the_error_names_it() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = with_a_source_at_its_share(dir.path(), &["A", "B", "A", "B"]).await;
        let stopped = resend(&spool, fitting(&[State::Delivered]), AT_ONCE).await.expect_err("no room");
        let ResendError::Spool { done, source: full @ AppendError::SourceFull(_) } = stopped else {
            panic!("{stopped:?}")
        };
        assert_eq!(done.replayed, 2, "those of B");
        let said = full.to_string();
        assert!(said.contains("replays of \"A\"") && said.contains("spool.max_source_percent"), "{said}");
        close(spool, threads).await;
    });
}

#[test]
fn replays_that_were_set_aside_go_in_order_once_their_source_has_room() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = with_a_source_at_its_share(dir.path(), &["A", "B", "A", "B", "A"]).await;
        let before = spool.watch().borrow().newest;
        let replaying = spool.clone();
        let pace = Pace { rate: None, full: Full::Wait };
        #[expect(clippy::disallowed_methods, reason = "a test has no engine that spawns for it")]
        let replay = tokio::task::spawn_blocking(move || {
            replaying.resend(&fitting(&[State::Delivered]), pace, |_| true)
        });
        settled(&spool, |ledger| ledger.replayed == 2).await;
        spool.set_limits(Limits { max_source_percent: 100, ..ROOMY }).await;
        let done = replay.await.expect("it does not panic").expect("there is room");
        assert_eq!((done.replayed, done.passed_over), (5, 0));
        let log = LogReader::open(spool.path()).expect("opens");
        let original = |one: &QueuedEvent| log.line(one.id).expect("readable").expect("there").resend_of;
        let order: Vec<_> = waiting(&spool, before).await.iter().filter_map(original).collect();
        assert_eq!(order, [2, 4, 1, 3, 5], "those of B, then those of A");
        close(spool, threads).await;
    });
}

#[test]
fn a_damaged_payload_is_never_resent() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        for id in ["m1", "m2"] {
            spool.append(arrivals(vec![event("u", id, 1)])).await.expect("room");
        }
        spool.settle(waiting(&spool, 0).await.iter().map(failed).collect()).await;
        settled(&spool, |ledger| ledger.failed == 2).await;
        let vandal = connect_writer(spool.path()).expect("opens");
        // One bit, in the middle of a value.
        vandal
            .execute(
                "UPDATE chunk SET body = CAST(replace(body, 'track', 'tr\u{e1}ck') AS BLOB) WHERE id = 1",
                [],
            )
            .expect("damages");
        drop(vandal);
        let resent = resend(&spool, fitting(&[]), AT_ONCE).await.expect("the other one goes");
        assert_eq!((resent.failed, resent.damaged), (1, 1));
        let ledger = spool.watch().borrow().ledger;
        assert_eq!((ledger.failed, ledger.queued, ledger.adds_up()), (1, 1, true));
        close(spool, threads).await;
    });
}

#[test]
fn a_resend_stops_when_its_caller_wants_no_more() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let events = (0..40).map(|n| event("u", &format!("m{n}"), 1)).collect();
        spool.append(arrivals(events)).await.expect("room");
        let mut all = Vec::new();
        all.extend(waiting(&spool, 0).await.iter().map(failed));
        spool.settle(all).await;
        settled(&spool, |ledger| ledger.failed == 40).await;
        let pace = Pace { rate: std::num::NonZeroU32::new(10), full: Full::Wait };
        let stopping = spool.clone();
        #[expect(clippy::disallowed_methods, reason = "a test has no engine that spawns for it")]
        let done = tokio::task::spawn_blocking(move || {
            stopping.resend(&fitting(&[]), pace, |done| done.events() < 4)
        });
        let done = done.await.expect("it does not panic").expect("it was told to stop");
        assert_eq!(done.failed, 4, "two at a time, at that rate");
        assert_eq!(spool.watch().borrow().ledger.failed, 36);
        close(spool, threads).await;
    });
}

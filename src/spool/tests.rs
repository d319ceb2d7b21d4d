//! The spool against a plain model in memory, with reopening among the operations; and its promises one by one.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;
use crate::{
    delivery::{Query, State},
    event::{Arrival, Body, PathClass},
};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

const ROOMY: Limits = Limits { max_bytes: 1 << 30, keep_events: 1_000_000, drop_repeats: false };

fn event(user: &str, message_id: &str, bytes: usize) -> Event {
    let json = format!(
        r#"{{"type":"track","event":"E","userId":"{user}","messageId":"{message_id}","pad":"{}"}}"#,
        "x".repeat(bytes)
    );
    let arrival = Arrival {
        received_at_ms: 1_772_445_605_250,
        class: PathClass::Server,
        peer: None,
        encoding: Encoding::Json,
        record_bytes_max: 1 << 20,
    };
    Body::parse(json.as_bytes()).expect("JSON").single(Kind::Track, &arrival).expect("an event")
}

fn arrivals(events: Vec<Event>) -> Arrivals {
    Arrivals { source: "Website".into(), received_at: 1_772_445_605_250, events, rejected: Vec::new() }
}

fn rejected(excerpt: &str) -> Rejected {
    Rejected {
        kind: None,
        message_id: Some("bad".to_owned()),
        fault: Fault::new("no_user_anon_id", "the event has no user"),
        excerpt: excerpt.as_bytes().to_vec(),
    }
}

fn delivered(event: &Queued) -> Settlement {
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
        }),
    }
}

fn failed(event: &Queued) -> Settlement {
    Settlement { result: Err(Fault::new("ValidationException", "too large")), ..delivered(event) }
}

/// Everything that waits, read page by page as the forwarder does.
async fn waiting(spool: &Spool, from: EventId) -> Vec<Queued> {
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

async fn close(spool: Spool, threads: Threads) {
    spool.close().await;
    drop(spool);
    threads.join();
}

/// Waits until the writer has taken in everything that it was told before.
async fn settled(spool: &Spool, done: impl Fn(&Ledger) -> bool) {
    let mut watch = spool.watch();
    let waited = watch.wait_for(|summary| done(&summary.ledger));
    tokio::time::timeout(std::time::Duration::from_secs(10), waited).await.expect("in time").expect("open");
}

#[test]
fn what_was_acknowledged_is_there_after_reopening_byte_for_byte() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let sent = event("u1", "m1", 300_000);
        let json = sent.json.clone();
        assert_eq!(spool.append(arrivals(vec![sent, event("u2", "m2", 0)])).await, Ok(1));
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        let back = waiting(&spool, spool.settled_through()).await;
        assert_eq!(
            back.iter().map(|event| (event.id, &*event.key)).collect::<Vec<_>>(),
            [(1, "u1"), (2, "u2")]
        );
        assert_eq!(back[0].json, json);
        close(spool, threads).await;
    });
}

#[test]
fn a_second_spool_on_the_same_folder_is_refused_and_a_later_one_is_not() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        assert!(matches!(Spool::open(dir.path(), ROOMY), Err(OpenError::InUse(_))));
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens once the first is gone");
        close(spool, threads).await;
    });
}

#[test]
fn a_full_spool_refuses_and_takes_again_when_there_is_room() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let limits = Limits { max_bytes: 2_000, ..ROOMY };
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        spool.append(arrivals(vec![event("u", "m1", 1_000)])).await.expect("room");
        let refused = spool.append(arrivals(vec![event("u", "m2", 1_000)])).await;
        assert!(matches!(refused, Err(AppendError::Full(_))), "{refused:?}");
        let first = waiting(&spool, 0).await;
        spool.settle(first.iter().map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.queued_bytes == 0).await;
        spool.append(arrivals(vec![event("u", "m3", 1_000)])).await.expect("room again");
        close(spool, threads).await;
    });
}

#[test]
fn requests_that_arrive_together_share_commits() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let before = spool.watch().borrow().revision;
        let all = (0..200).map(|n| spool.append(arrivals(vec![event("u", &format!("m{n}"), 10)])));
        let ids = futures_util::future::join_all(all).await;
        let mut ids: Vec<_> = ids.into_iter().map(|id| id.expect("room")).collect();
        ids.sort_unstable();
        assert_eq!(ids, (1..=200).collect::<Vec<_>>(), "each has a place of its own");
        let commits = spool.watch().borrow().revision - before;
        assert!(commits < 20, "{commits} commits for 200 requests at once");
        close(spool, threads).await;
    });
}

#[test]
fn a_log_line_tells_the_whole_story() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let batch =
            Arrivals { rejected: vec![rejected("{\"x\":1}")], ..arrivals(vec![event("u1", "m1", 5)]) };
        spool.append(batch).await.expect("room");
        let event = waiting(&spool, 0).await.remove(0);
        let fault = Fault::new("ProvisionedThroughputExceededException", "slow down");
        let attempt = Attempt { number: 1, at: 1_772_445_605_260, took_ms: 3, fault: fault.clone() };
        spool.note_attempts(vec![(event.id, attempt.clone())], 1).await;
        settled(&spool, |ledger| ledger.repeats_possible == 1).await;
        let log = LogReader::open(spool.path()).expect("opens");
        let line = log.find("m1", 0).expect("readable").expect("there");
        assert_eq!((line.state, line.attempts, line.fault), (State::Retrying, 1, Some(fault)));
        spool.settle(vec![delivered(&Queued { attempts: 1, ..event.clone() })]).await;
        settled(&spool, |ledger| ledger.delivered == 1).await;
        let detail = log.detail(event.id, Encoding::Base64).expect("readable").expect("there");
        assert_eq!(detail.json, event.json);
        assert_eq!(detail.encoding, Encoding::Json, "as it was delivered, not as it would be now");
        assert_eq!(detail.attempts, [attempt]);
        assert_eq!((detail.delivery.state, detail.delivery.attempts), (State::Delivered, 2));
        assert_eq!(detail.delivery.fault, None);
        assert_eq!(detail.delivery.latency_ms(), Some(50));
        let refused = log.find("bad", 0).expect("readable").expect("there");
        assert_eq!(refused.state, State::Rejected);
        assert_eq!(log.ledger().expect("readable").rejected, 1);
        close(spool, threads).await;
    });
}

#[test]
fn queries_find_by_state_type_text_and_page() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let events = (1..=6).map(|n| event(&format!("user-{n}"), &format!("m{n}"), n)).collect();
        spool
            .append(Arrivals { rejected: vec![rejected("{\"hidden\":\"Needle\"}")], ..arrivals(events) })
            .await
            .expect("room");
        let all = waiting(&spool, 0).await;
        spool.settle(vec![delivered(&all[0]), failed(&all[1])]).await;
        settled(&spool, |ledger| ledger.failed == 1).await;
        let log = LogReader::open(spool.path()).expect("opens");
        let ids = |query: Query| -> Vec<EventId> {
            let page = log.page(&Query { limit: if query.limit == 0 { 100 } else { query.limit }, ..query });
            page.expect("readable").rows.iter().map(|line| line.id).collect()
        };
        let states = |states: &[State]| Query { states: states.to_vec(), ..Query::default() };
        assert_eq!(ids(Query::default()), [7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(ids(Query { oldest_first: true, limit: 2, ..Query::default() }), [1, 2]);
        assert_eq!(ids(Query { before: Some(4), limit: 2, ..Query::default() }), [3, 2]);
        assert_eq!(ids(Query { after: Some(5), ..Query::default() }), [7, 6]);
        assert_eq!(ids(states(&[State::Delivered])), [1]);
        assert_eq!(ids(states(&[State::Failed])), [2]);
        assert_eq!(ids(states(&[State::Failed, State::Rejected])), [7, 2]);
        assert_eq!(ids(states(&[State::Queued])), [6, 5, 4, 3]);
        assert_eq!(ids(states(&[State::Retrying])), [0; 0]);
        assert_eq!(ids(states(&State::ALL)), [7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(ids(Query { text: "USER-3".to_owned(), ..Query::default() }), [3]);
        assert_eq!(ids(Query { text: "needle".to_owned(), ..Query::default() }), [7], "in the payload");
        assert_eq!(ids(Query { text: "49591".to_owned(), ..Query::default() }), [1], "the sequence number");
        assert_eq!(ids(Query { kinds: vec![Kind::Track], ..Query::default() }), [6, 5, 4, 3, 2, 1]);
        assert_eq!(ids(Query { kinds: vec![Kind::Alias], ..Query::default() }), [0; 0]);
        assert_eq!(ids(Query { since: Some(1_772_445_605_251), ..Query::default() }), [0; 0]);
        close(spool, threads).await;
    });
}

#[test]
fn a_disk_that_refuses_is_reported_and_taken_again_when_it_heals() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        // Another writer that holds the file is a disk that does not take writes.
        let blocker = open::connect_writer(spool.path()).expect("opens");
        blocker.execute_batch("BEGIN IMMEDIATE").expect("takes the lock");
        let refused = spool.append(arrivals(vec![event("u", "m1", 5)])).await;
        assert!(matches!(refused, Err(AppendError::Disk(_))), "{refused:?}");
        assert!(matches!(spool.watch().borrow().intake, Intake::Failing(_)));
        assert_eq!(spool.watch().borrow().ledger.accepted, 0);
        blocker.execute_batch("ROLLBACK").expect("lets go");
        let mut watch = spool.watch();
        watch.wait_for(|summary| summary.intake == Intake::Ready).await.expect("heals by itself");
        assert_eq!(spool.append(arrivals(vec![event("u", "m2", 5)])).await, Ok(1));
        assert_eq!(waiting(&spool, 0).await.len(), 1);
        close(spool, threads).await;
    });
}

#[test]
fn a_repeat_is_marked_also_after_reopening_and_dropped_only_where_asked_for() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool
            .append(arrivals(vec![event("u", "m1", 1), event("u", "m2", 1), event("u", "m1", 1)]))
            .await
            .expect("room");
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        spool.append(arrivals(vec![event("u", "m2", 1)])).await.expect("room");
        spool.set_limits(Limits { drop_repeats: true, ..ROOMY }).await;
        spool.append(arrivals(vec![event("u", "m1", 1), event("u", "m3", 1)])).await.expect("room");
        let log = LogReader::open(spool.path()).expect("opens");
        let page = log.page(&Query { oldest_first: true, limit: 100, ..Query::default() }).expect("readable");
        let lines: Vec<_> =
            page.rows.iter().map(|line| (&*line.message_id, line.state, line.repeat_of)).collect();
        assert_eq!(
            lines,
            [
                ("m1", State::Queued, None),
                ("m2", State::Queued, None),
                ("m1", State::Queued, Some(1)),
                ("m2", State::Queued, Some(2)),
                ("m1", State::Rejected, None),
                ("m3", State::Queued, None),
            ]
        );
        assert_eq!(page.rows[4].fault.as_ref().map(|fault| &*fault.code), Some("repeat"));
        assert_eq!(waiting(&spool, 0).await.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 2, 3, 4, 6]);
        close(spool, threads).await;
    });
}

#[test]
fn a_damaged_payload_stops_nobody_else() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        for id in ["m1", "m2", "m3"] {
            spool.append(arrivals(vec![event("u", id, 1)])).await.expect("room");
        }
        let path = spool.path().to_owned();
        close(spool, threads).await;
        let vandal = open::connect_writer(&path).expect("opens");
        vandal.execute("UPDATE chunk SET body = x'7b' WHERE id = 2", []).expect("damages");
        drop(vandal);
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        let next = spool.next(0, 100, 1 << 20).await.expect("readable");
        assert_eq!(next.events.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 3]);
        assert_eq!((next.damaged, next.through), (vec![2], 3));
        close(spool, threads).await;
    });
}

/// What can be done to a spool, in any order.
#[derive(Clone, Debug)]
enum Operation {
    Append {
        keys: Vec<u8>,
        rejected: u8,
    },
    /// Settle so many of those that were read, from the front or from the back.
    Settle {
        count: u8,
        from_back: bool,
        fails: bool,
    },
    Reopen,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let one = prop_oneof![
        3 => (prop::collection::vec(0_u8..4, 0..6), 0_u8..3)
            .prop_map(|(keys, rejected)| Operation::Append { keys, rejected }),
        3 => (0_u8..8, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(count, from_back, fails)| Operation::Settle { count, from_back, fails }),
        1 => Just(Operation::Reopen),
    ];
    prop::collection::vec(one, 1..25)
}

/// The spool as it should be.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<EventId, String>,
    failed: Vec<EventId>,
    accepted: u64,
    delivered: u64,
    rejected: u64,
    newest: EventId,
}

impl Model {
    fn ledger_without_bytes(&self) -> Ledger {
        Ledger {
            accepted: self.accepted,
            delivered: self.delivered,
            queued: self.waiting.len() as u64,
            failed: self.failed.len() as u64,
            rejected: self.rejected,
            ..Ledger::default()
        }
    }
}

async fn check(spool: &Spool, model: &Model, keep: u64) {
    settled(spool, |ledger| Ledger { queued_bytes: 0, ..*ledger } == model.ledger_without_bytes()).await;
    let ledger = spool.watch().borrow().ledger;
    assert!(ledger.adds_up());
    let log = LogReader::open(spool.path()).expect("opens");
    let page = log.page(&Query { limit: 10_000, oldest_first: true, ..Query::default() }).expect("readable");
    let of = |wanted: &[State]| -> Vec<EventId> {
        page.rows.iter().filter(|line| wanted.contains(&line.state)).map(|line| line.id).collect()
    };
    assert_eq!(of(&[State::Queued]), model.waiting.keys().copied().collect::<Vec<_>>(), "never pruned");
    let mut failed = model.failed.clone();
    failed.sort_unstable();
    assert_eq!(of(&[State::Failed]), failed, "never pruned");
    let kept = of(&[State::Delivered, State::Rejected]).len() as u64;
    assert!(kept >= keep.min(model.delivered + model.rejected), "{kept} lines kept");
    for line in &page.rows {
        let detail = log.detail(line.id, Encoding::Json).expect("readable").expect("there");
        assert_eq!(detail.json.len(), line.bytes as usize, "every line still has its payload");
    }
}

async fn run_model(operations: Vec<Operation>, keep: u64) {
    let dir = tempfile::tempdir().expect("a folder");
    let limits = Limits { keep_events: keep, ..ROOMY };
    let (mut spool, mut threads) = Spool::open(dir.path(), limits).expect("opens");
    let mut model = Model::default();
    let mut in_hand: VecDeque<Queued> = VecDeque::new();
    let mut cursor = spool.settled_through();
    for operation in operations {
        match operation {
            Operation::Append { keys, rejected: refused } => {
                let mut events = Vec::new();
                for key in keys {
                    model.newest += 1;
                    model.accepted += 1;
                    let id = format!("m{}", model.newest);
                    model.waiting.insert(model.newest, id.clone());
                    events.push(event(&key.to_string(), &id, usize::from(key) * 10));
                }
                model.newest += EventId::from(refused);
                model.rejected += u64::from(refused);
                let refused = (0..refused).map(|_| rejected("")).collect();
                spool.append(Arrivals { rejected: refused, ..arrivals(events) }).await.expect("room");
            }
            Operation::Settle { count, from_back, fails } => {
                let next = spool.next(cursor, 100, 1 << 20).await.expect("readable");
                cursor = next.through;
                in_hand.extend(next.events);
                let mut settlements = Vec::new();
                for _ in 0..count {
                    let Some(one) = (if from_back { in_hand.pop_back() } else { in_hand.pop_front() }) else {
                        break;
                    };
                    model.waiting.remove(&one.id).expect("only what waits is read");
                    if fails {
                        model.failed.push(one.id);
                    } else {
                        model.delivered += 1;
                    }
                    settlements.push(if fails { failed(&one) } else { delivered(&one) });
                }
                spool.settle(settlements).await;
            }
            Operation::Reopen => {
                close(spool, threads).await;
                (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
                cursor = spool.settled_through();
                in_hand = waiting(&spool, cursor).await.into();
                cursor = in_hand.back().map_or(cursor, |last| last.id);
                let ids: Vec<_> = in_hand.iter().map(|one| one.id).collect();
                assert_eq!(
                    ids,
                    model.waiting.keys().copied().collect::<Vec<_>>(),
                    "what waits, and nothing else"
                );
            }
        }
    }
    check(&spool, &model, keep).await;
    close(spool, threads).await;
    let (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
    check(&spool, &model, keep).await;
    close(spool, threads).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_model_does(operations in operations(), keep in 0_u64..12) {
        runtime().block_on(run_model(operations, keep));
    }
}

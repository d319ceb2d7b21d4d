//! The spool against a plain model in memory, with reopening among the operations; and its promises one by one.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;
use crate::{
    delivery::{
        Delivery, Measure, PlaceInRecord, Query, ResendSelection, State,
        chart::{ChartSpan, Interval},
    },
    event::{Arrival, Body, PathClass},
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

/// Everything that waits, read page by page as the forwarder does.
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

/// Waits until the writer has taken in everything that it was told before.
pub(super) async fn settled(spool: &Spool, done: impl Fn(&Ledger) -> bool) {
    let mut watch = spool.watch();
    let waited = watch.wait_for(|summary| done(&summary.ledger));
    tokio::time::timeout(std::time::Duration::from_secs(10), waited).await.expect("in time").expect("open");
}

/// The disk takes writes again, and the writer has found out.
pub(super) async fn healed(spool: &Spool) {
    let mut watch = spool.watch();
    watch.wait_for(|summary| summary.intake == Intake::Ready).await.expect("heals by itself");
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
fn a_restart_begins_at_what_waits_and_not_at_what_was_pruned_behind_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let limits = Limits { keep_events: 2, ..ROOMY };
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        spool
            .append(arrivals((1..=8).map(|n| event("u", &format!("m{n}"), 0)).collect()))
            .await
            .expect("room");
        let all = waiting(&spool, 0).await;
        let done = all.iter().filter(|event| ![2, 8].contains(&event.id));
        spool.settle(done.map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.delivered == 6).await;
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
        assert_eq!(spool.settled_through(), 1, "2 waits");
        assert!(LogReader::open(spool.path()).expect("opens").line(4).expect("readable").is_none(), "pruned");
        spool.settle(vec![delivered(&all[1])]).await;
        settled(&spool, |ledger| ledger.delivered == 7).await;
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
        assert_eq!(spool.settled_through(), 7, "8 waits");
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

/// `tail` and `send` look whether an engine runs; on a busy machine one may be stopped in the middle of it.
#[test]
fn who_only_looks_is_no_owner_and_is_waited_for() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        assert!(is_in_use(dir.path()));
        close(spool, threads).await;
        let looking = std::fs::File::open(dir.path().join("tributary.lock")).expect("there");
        looking.lock_shared().expect("nobody owns it");
        assert!(!is_in_use(dir.path()), "two who look are not an owner to each other");
        let looker = std::thread::Builder::new().name("looker".to_owned()).spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            drop(looking);
        });
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens once nobody looks");
        looker.expect("the system gives a thread").join().expect("it ends");
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
fn damage_that_is_met_while_running_leads_to_the_doctor() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let vandal = open::connect_writer(spool.path()).expect("opens");
        vandal.execute_batch("ALTER TABLE event RENAME TO gone").expect("spoils");
        let refused = spool.append(arrivals(vec![event("u", "m1", 5)])).await.expect_err("no place for it");
        assert!(refused.to_string().contains("tributary doctor"), "{refused}");
        close(spool, threads).await;
    });
}

#[test]
fn a_disk_that_is_nearly_full_refuses_before_anything_breaks_and_takes_again_by_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool.append(arrivals(vec![event("u", "m1", 9), event("u", "m2", 9)])).await.expect("room");
        let queue = waiting(&spool, 0).await;
        // No disk has so much: as if another program had taken the rest.
        spool.set_limits(Limits { min_free_bytes: 1 << 60, ..ROOMY }).await;
        let mut watch = spool.watch();
        watch.wait_for(|summary| summary.intake == Intake::DiskFull).await.expect("it is said");
        let refused = spool.append(arrivals(vec![event("u", "m3", 9)])).await;
        assert!(matches!(refused, Err(AppendError::Full(_))), "{refused:?}");
        let replay = resend(&spool, fitting(&[State::Delivered]), AT_ONCE).await;
        assert!(replay.is_ok_and(|resent| resent.events() == 0), "nothing is delivered yet");
        spool.settle(queue.iter().map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.delivered == 2).await;
        let refused = resend(&spool, fitting(&[State::Delivered]), AT_ONCE).await.expect_err("no room");
        assert!(matches!(refused, ResendError::Spool { source: AppendError::Full(_), .. }), "{refused:?}");
        spool.set_limits(ROOMY).await;
        watch.wait_for(|summary| summary.intake == Intake::Ready).await.expect("by itself");
        assert_eq!(spool.append(arrivals(vec![event("u", "m3", 9)])).await, Ok(3));
        assert!(spool.watch().borrow().ledger.adds_up());
        // What is refused anyway needs no room: it is counted, and its line comes to nothing.
        spool.set_limits(Limits { min_free_bytes: 1 << 60, ..ROOMY }).await;
        watch.wait_for(|summary| summary.intake == Intake::DiskFull).await.expect("it is said");
        spool.append(refused_of("Website", 7)).await.expect("its sender is told why, and not to come again");
        settled(&spool, |ledger| ledger.rejected == 7).await;
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        let ledger = spool.watch().borrow().ledger;
        assert_eq!((ledger.rejected, ledger.rejected_unkept), (7, 7));
        assert_eq!(rejected_lines(&spool, "Website"), 0);
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
        let fault = AwsError::new("ProvisionedThroughputExceededException", "slow down");
        let attempt = Attempt { number: 1, at: 1_772_445_605_260, took_ms: 3, fault: fault.clone() };
        spool.note_attempts(vec![(event.id, attempt.clone())], 1).await;
        settled(&spool, |ledger| ledger.repeats_possible == 1).await;
        let log = LogReader::open(spool.path()).expect("opens");
        let line = log.find("m1", 0).expect("readable").expect("there");
        assert_eq!((line.state, line.attempts, line.fault), (State::Retrying, 1, Some(fault)));
        spool.settle(vec![delivered(&QueuedEvent { attempts: 1, ..event.clone() })]).await;
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
fn a_rejected_line_of_which_a_part_is_kept_has_the_size_of_what_was_sent() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let limits = Limits { drop_repeats: true, ..ROOMY };
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        let large = Rejected { bytes: 900_000, name: Some("Large".into()), ..rejected("{\"event\":\"La") };
        let mut sent = arrivals(vec![event("u1", "m1", 6_000)]);
        sent.rejected = vec![large, rejected("{}")];
        spool.append(sent).await.expect("room");
        spool.append(arrivals(vec![event("u1", "m1", 6_000)])).await.expect("room");
        let log = LogReader::open(spool.path()).expect("opens");
        let detail = |id| log.detail(id, Encoding::Base64).expect("readable").expect("there");
        let [accepted, cut, whole, repeat] = [1, 2, 3, 4].map(detail);
        assert_eq!(accepted.delivery.bytes as usize, accepted.json.len());
        assert_eq!(
            (cut.delivery.bytes, &cut.json[..], cut.is_cut()),
            (900_000, &b"{\"event\":\"La"[..], true)
        );
        assert_eq!(cut.delivery.name.as_deref(), Some("Large"));
        assert_eq!((whole.delivery.bytes, whole.is_cut()), (2, false));
        assert_eq!((repeat.delivery.bytes, repeat.is_cut()), (accepted.delivery.bytes, true));
        assert_eq!((repeat.json.len(), &repeat.delivery.name), (4096, &accepted.delivery.name));
        // The largest first, though little of it is kept.
        let by_size = Query { by: Some(Measure::Size), limit: 1, ..Query::default() };
        assert_eq!(log.page(&by_size).expect("a page").rows[0].id, 2);
        close(spool, threads).await;
    });
}

#[test]
fn of_many_attempts_few_are_kept_and_always_the_newest() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool.append(arrivals(vec![event("u1", "m1", 5), event("u2", "m2", 5)])).await.expect("room");
        let attempt = |number| {
            let fault = AwsError::new("Odd", format!("answer {number}"));
            Attempt { number, at: i64::from(number), took_ms: 3, fault }
        };
        spool.note_attempts((17..=20).map(|number| (2, attempt(number))).collect(), 0).await;
        for number in 1..=40 {
            spool.note_attempts(vec![(1, attempt(number))], u64::from(number == 40)).await;
        }
        settled(&spool, |ledger| ledger.repeats_possible == 1).await;
        let log = LogReader::open(spool.path()).expect("opens");
        let detail = |id| log.detail(id, Encoding::Base64).expect("readable").expect("there");
        let numbers = |id| detail(id).attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>();
        assert_eq!(numbers(1), (1..=16).chain([32, 40]).collect::<Vec<_>>());
        assert_eq!(numbers(2), [20], "those of another event");
        let newest = detail(1).delivery;
        assert_eq!((newest.attempts, newest.fault), (40, Some(attempt(40).fault)));
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
        assert_eq!(ids(Query { ids: vec![2, 6, 99], ..Query::default() }), [6, 2]);
        assert_eq!(
            ids(Query { ids: vec![6, 5], words: vec!["nowhere".to_owned()], ..Query::default() }),
            [0; 0]
        );
        assert_eq!(ids(states(&[State::Delivered])), [1]);
        assert_eq!(ids(states(&[State::Failed])), [2]);
        assert_eq!(ids(states(&[State::Failed, State::Rejected])), [7, 2]);
        assert_eq!(ids(states(&[State::Queued])), [6, 5, 4, 3]);
        assert_eq!(ids(states(&[State::Retrying])), [0; 0]);
        assert_eq!(ids(states(&State::ALL)), [7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(ids(Query { words: vec!["user-3".to_owned()], ..Query::default() }), [3]);
        assert_eq!(
            ids(Query { words: vec!["needle".to_owned()], ..Query::default() }),
            [7],
            "in the payload"
        );
        assert_eq!(
            ids(Query { words: vec!["49591".to_owned()], ..Query::default() }),
            [1],
            "the sequence number"
        );
        assert_eq!(ids(Query { kinds: vec![Kind::Track], ..Query::default() }), [6, 5, 4, 3, 2, 1]);
        assert_eq!(ids(Query { kinds: vec![Kind::Alias], ..Query::default() }), [0; 0]);
        assert_eq!(ids(Query { since: Some(1_772_445_605_251), ..Query::default() }), [0; 0]);
        close(spool, threads).await;
    });
}

#[test]
fn a_query_is_held_to_every_part_of_it() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let at = |received_at: Millis, source: &str, events: Vec<Event>| Arrivals {
            source: source.into(),
            received_at,
            events,
            ..Arrivals::default()
        };
        spool
            .append(at(1_000, "Web 100%", vec![event("ada", "m1", 1), event("Ada", "m2", 9)]))
            .await
            .expect("room");
        spool
            .append(at(2_000, "iOS_app", vec![event("a*b", "m3", 5), event("bob", "m4", 1)]))
            .await
            .expect("room");
        let all = waiting(&spool, 0).await;
        let slow = Settlement { at: 9_000, ..delivered(&all[0]) };
        let other =
            Receipt { shard_id: "shardId-000000000012".into(), sequence_number: "5".into(), place: None };
        let quick = Settlement { at: 1_010, result: Ok(other), ..delivered(&all[1]) };
        let fault = AwsError::new("ThrottlingException", "slow 100% down");
        spool.note_attempts(vec![(4, Attempt { number: 1, at: 2_500, took_ms: 3, fault })], 0).await;
        spool.settle(vec![slow, quick, failed(&all[2])]).await;
        settled(&spool, |ledger| ledger.failed == 1 && ledger.delivered == 2).await;
        let log = LogReader::open(spool.path()).expect("opens");
        let find = |query: Query| -> Vec<EventId> {
            let page = log.page(&Query { limit: 100, ..query }).expect("readable");
            assert_eq!(page.stopped_at, None);
            page.rows.iter().map(|line| line.id).collect()
        };
        let ids = |text: &str| find(Query::parse(text, 3_000).expect(text));
        for (text, expected) in [
            ("userId:ada", &[1][..]),
            ("userId:A*,bob", &[4, 2]),
            (r#"userId:"a*b""#, &[3]),
            ("messageId:m?", &[]),
            ("messageId:m*", &[4, 3, 2, 1]),
            ("event:e", &[4, 3, 2, 1]),
            ("event:x*", &[]),
            ("source:ios_app", &[4, 3]),
            ("source:*100%", &[2, 1]),
            ("source:iOSxapp", &[]),
            ("shard:1", &[1]),
            ("shard:12,1", &[2, 1]),
            ("shard:shardId-*", &[2, 1]),
            ("error:throttling", &[4]),
            ("error:100%", &[4]),
            ("error:large,down", &[4, 3]),
            ("state:retrying", &[4]),
            ("state:failed error:throttling", &[]),
            ("state:failed source:ios*", &[3]),
            ("since:1970-01-01T00:00:02Z", &[4, 3]),
            ("until:1970-01-01T00:00:02Z", &[2, 1]),
            ("since:1970-01-01T00:00:02Z until:1970-01-01T00:00:02Z", &[]),
            ("throttling", &[4]),
            ("track pad bob", &[4]),
            ("track pad nobody", &[]),
            ("type:track state:delivered userId:ada,Ada", &[2, 1]),
        ] {
            assert_eq!(ids(text), expected, "{text}");
        }
        let by = |by, limit| find(Query { by: Some(by), limit, ..Query::default() });
        assert_eq!(by(Measure::Latency, 100), [1, 2]);
        assert_eq!(by(Measure::Size, 100), [2, 3, 4, 1]);
        close(spool, threads).await;
    });
}

/// A log of so many lines, of which few are looked for; without the cost of a commit each.
async fn long_log(dir: &Path, lines: usize) -> (Spool, Threads) {
    let (spool, threads) = Spool::open(dir, ROOMY).expect("opens");
    for from in (0..lines).step_by(2_000) {
        let events =
            (from..from + 2_000).map(|n| event(&format!("u{}", n % 4_000), &format!("m{n}"), n % 97));
        spool.append(arrivals(events.collect())).await.expect("room");
    }
    (spool, threads)
}

#[test]
fn a_search_through_many_lines_gives_what_it_found_and_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = long_log(dir.path(), 12_000).await;
        let log = LogReader::open(spool.path()).expect("opens");
        for (text, oldest_first) in [("userId:u7", false), ("userId:u7", true), ("m4007 u7", false)] {
            let mut query = Query { limit: 10, oldest_first, ..Query::parse(text, 0).expect(text) };
            let (mut found, mut pages) = (Vec::new(), 0);
            loop {
                let page = log.page(&query).expect("readable");
                pages += 1;
                found.extend(page.rows.iter().map(|line| line.id));
                assert!(oldest_first || page.reaches_to == 1);
                assert_eq!(page.reached.is_some(), page.stopped_at.is_some());
                let Some(stop) = page.stopped_at else { break };
                *(if oldest_first { &mut query.after } else { &mut query.before }) = Some(stop);
            }
            let mut expected = if text.starts_with('m') { vec![4_008] } else { vec![8_008, 4_008, 8] };
            if oldest_first {
                expected.reverse();
            }
            assert_eq!((found, pages), (expected, 3), "{text}");
        }
        let asked = std::cell::Cell::new(0);
        let enough = || {
            asked.set(asked.get() + 1);
            false
        };
        let query = Query { words: vec!["nowhere".to_owned()], limit: 10, ..Query::default() };
        let page = log.page_while(&query, &enough).expect("readable");
        assert_eq!(asked.get(), 1, "it ends when it is told to");
        assert!(page.stopped_at.is_some_and(|stop| stop > 11_000), "{page:?}");
        close(spool, threads).await;
    });
}

#[test]
fn the_sums_of_the_charts_go_on_after_reopening_and_match_what_happened() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let now = || crate::clock::now_ms();
        let path = dir.path().join(FILE_NAME);
        let day = |keys: &Keys| {
            let log = LogReader::open(&path).expect("opens");
            let overview = log.overview(ChartSpan::Day, keys, now()).expect("readable");
            let mut sum = Interval::default();
            overview.intervals.iter().for_each(|interval| sum.add(interval));
            (sum, overview)
        };
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let events = vec![event("u1", "m1", 1), event("u1", "m2", 1), event("u2", "m3", 1)];
        let sent = Arrivals { rejected: vec![rejected("{}")], received_at: now(), ..arrivals(events) };
        let received_at = sent.received_at;
        spool.append(sent).await.expect("room");
        let all = waiting(&spool, 0).await;
        let fault = AwsError::new("Throttled", "slow");
        spool.note_attempts(vec![(3, Attempt { number: 1, at: 1, took_ms: 3, fault })], 0).await;
        let one = Settlement { at: received_at + 40, ..delivered(&all[0]) };
        spool.settle(vec![one, failed(&all[1])]).await;
        settled(&spool, |ledger| ledger.failed == 1).await;
        let keys = spool.keys();
        close(spool, threads).await;
        let (sum, overview) = day(&keys);
        assert_eq!((sum.accepted, sum.delivered, sum.failed, sum.rejected, sum.queued), (3, 1, 1, 1, 1));
        assert_eq!(sum.delivery_ms.quantile(0.5).map(|ms| ms / 10), Some(4));
        let errors: Vec<_> = sum.errors.iter().map(|(code, count)| (&**code, *count)).collect();
        assert_eq!(errors, [("Throttled", 1), ("ValidationException", 1), ("no_user_anon_id", 1)]);
        assert_eq!(sum.shards.get("shardId-000000000001").map(|(records, _)| *records), Some(1));
        assert_eq!(overview.retrying, 1);
        let hot: Vec<_> =
            overview.hot.keys.iter().map(|key| (&*key.key, key.events, key.shard.is_some())).collect();
        assert_eq!(hot, [("u1", 2, true), ("u2", 1, false)]);

        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        spool.append(arrivals(vec![event("u3", "m4", 1)])).await.expect("room");
        // Read before this run: its time is asked of the log.
        spool.settle(vec![Settlement { at: received_at + 40, ..delivered(&all[2]) }]).await;
        settled(&spool, |ledger| ledger.delivered == 2).await;
        close(spool, threads).await;
        let (sum, _) = day(&keys);
        assert_eq!((sum.accepted, sum.delivered, sum.queued), (4, 2, 1));
        assert_eq!(sum.delivery_ms.quantile(1.0).map(|ms| ms / 10), Some(4));
    });
}

#[test]
fn a_record_of_several_events_is_one_record_of_its_shard_in_the_charts() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let events = (0..5).map(|n| event("u1", &format!("m{n}"), 1)).collect();
        spool.append(arrivals(events)).await.expect("room");
        let mut all: Vec<_> = waiting(&spool, 0).await.iter().map(delivered).collect();
        for (at, settlement) in (1..).zip(&mut all[..4]) {
            let receipt = settlement.result.as_mut().expect("delivered");
            receipt.place = Some(PlaceInRecord { at, of: 4 });
        }
        spool.settle(all).await;
        settled(&spool, |ledger| ledger.delivered == 5).await;
        let keys = spool.keys();
        let path = spool.path().to_owned();
        close(spool, threads).await;
        let log = LogReader::open(&path).expect("opens");
        let overview = log.overview(ChartSpan::Day, &keys, crate::clock::now_ms()).expect("readable");
        let shards: Vec<_> = overview.intervals.iter().flat_map(|interval| &interval.shards).collect();
        let records: u64 = shards.iter().map(|(_, (records, _))| records).sum();
        let delivered: u64 = overview.intervals.iter().map(|interval| interval.delivered).sum();
        assert_eq!((records, delivered), (2, 5), "{shards:?}");
        let lines = log.page(&Query { limit: 10, ..Query::default() }).expect("readable").rows;
        let places: Vec<_> =
            lines.iter().rev().map(|line| line.receipt.as_ref().expect("there").place).collect();
        let shared = |at| Some(PlaceInRecord { at, of: 4 });
        assert_eq!(places, [shared(1), shared(2), shared(3), shared(4), None]);
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
        assert_eq!(held(&spool).map(|sums| sums.len()), [0; 3], "what was refused is nobody's");
        blocker.execute_batch("ROLLBACK").expect("lets go");
        healed(&spool).await;
        assert_eq!(spool.append(arrivals(vec![event("u", "m2", 5)])).await, Ok(1));
        assert_eq!(waiting(&spool, 0).await.len(), 1);
        let [told, table, rows] = held(&spool);
        assert_eq!((&told, &table), (&rows, &rows));
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
                ("m3", State::Queued, None),
                ("m1", State::Rejected, None),
            ]
        );
        assert_eq!(page.rows[5].fault.as_ref().map(|fault| &*fault.code), Some("repeat"));
        assert_eq!(waiting(&spool, 0).await.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
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
        assert_eq!(would, resent, "the dry run had said so");
        let after = spool.watch().borrow().ledger;
        assert_eq!(
            after,
            Ledger { failed: 0, queued: 2, resent: 1, ..before },
            "it moved, and nothing else did"
        );
        assert!(after.adds_up());
        let queue = waiting(&spool, 0).await;
        let order: Vec<_> = queue.iter().map(|one| (one.id, &*one.key, one.attempts)).collect();
        assert_eq!(order, [(2, "u", 0), (3, "u", 0)], "behind what waits");
        assert_eq!(queue[1].json, read[0].json, "byte for byte");
        let old = log.line(1).expect("readable").expect("there");
        assert_eq!((old.state, old.resent_as, old.resend_of), (State::Resent, Some(3), None));
        assert!(old.fault.is_some(), "why it had failed is not forgotten");
        let new = log.line(3).expect("readable").expect("there");
        assert_eq!((new.state, new.resend_of, &*new.message_id), (State::Queued, Some(1), "m1"));
        let again =
            resend(&spool, ResendSelection::Lines(vec![1, 2, 77]), AT_ONCE).await.expect("nothing to do");
        assert_eq!((again.events(), again.passed_over), (0, 3), "resent before, waiting, not there");
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

/// A spool whose log has these delivered events of 10,000 bytes, oldest first; and failed ones of "A" that take its share.
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
        let vandal = open::connect_writer(spool.path()).expect("opens");
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
fn a_resend_that_is_not_wanted_any_more_stops_there() {
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

/// A request of this source with so many events that are refused.
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

/// The bytes that wait or failed by source, as memory has them, as the table has them, and as the rows come to.
fn held(spool: &Spool) -> [BTreeMap<String, u64>; 3] {
    let told = spool.watch().borrow().held.iter().map(|(name, bytes)| (name.to_string(), *bytes)).collect();
    let reader = open::reader(spool.path(), None).expect("opens");
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

async fn fill(spool: &Spool, source: &str) -> AppendError {
    loop {
        if let Err(full) = spool.append(of_source(source, vec![event("u", "m", 1_000)])).await {
            return full;
        }
    }
}

#[test]
fn a_source_that_fills_its_share_leaves_room_for_every_other_however_many_do_the_same() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let limits = Limits { max_bytes: 100_000, max_source_percent: 50, ..ROOMY };
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        let full = fill(&spool, "First").await;
        assert!(matches!(full, AppendError::SourceFull(_)), "{full:?}");
        assert!(full.to_string().contains("spool.max_source_percent is 50"), "{full}");
        // A half, a quarter, an eighth: each finds as much as is left behind it.
        let bytes = |source: &str| spool.watch().borrow().held_by(source);
        assert!((48_000..=50_000).contains(&bytes("First")), "{}", bytes("First"));
        for (source, least) in [("Second", 23_000), ("Third", 11_000), ("Fourth", 4_500)] {
            assert!(matches!(fill(&spool, source).await, AppendError::SourceFull(_)), "{source}");
            assert!(bytes(source) >= least, "{source} has {}", bytes(source));
        }
        let own = spool.append(of_source("First", vec![event("u", "m", 10)])).await;
        assert!(matches!(own, Err(AppendError::SourceFull(_))), "{own:?}");
        assert_eq!(spool.watch().borrow().intake, Intake::Ready, "the spool is not full");
        // What is delivered makes room for its source, and for the others.
        let queue = waiting(&spool, 0).await;
        spool.settle(queue.iter().take(10).map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.delivered == 10).await;
        spool.append(of_source("Third", vec![event("u", "m", 1_000)])).await.expect("more is free");
        let [told, table, rows] = held(&spool);
        assert_eq!((&told, &table), (&rows, &rows));
        // Replays stay within the share of their source, too.
        spool.settle(queue.iter().skip(10).take(10).map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.delivered == 20).await;
        spool.set_limits(Limits { max_source_percent: 30, ..limits }).await;
        let replay = resend(&spool, fitting(&[State::Delivered]), AT_ONCE).await.expect_err("no room");
        assert!(matches!(replay, ResendError::Spool { .. }), "{replay:?}");
        spool.set_limits(Limits { max_source_percent: 100, ..limits }).await;
        assert!(matches!(fill(&spool, "First").await, AppendError::Full(_)), "all of it");
        close(spool, threads).await;
    });
}

#[test]
fn where_only_one_can_send_the_whole_spool_is_its() {
    let percent = |sources: usize, require_write_key: bool| {
        let mut config = config::Config::default();
        config.capture.require_write_key = require_write_key;
        config.capture.sources =
            (0..sources).map(|n| config::Source::new(format!("S{n}"), format!("key-number-{n}"))).collect();
        Limits::from(&config).max_source_percent
    };
    assert_eq!([percent(0, true), percent(1, true), percent(2, true)], [100, 100, 50]);
    assert_eq!([percent(0, false), percent(1, false)], [100, 50], "who has no key is a sender too");
}

#[test]
fn a_source_without_anything_may_have_one_request_however_small_its_share() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let limits = Limits { max_bytes: 100_000, max_source_percent: 1, ..ROOMY };
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        let large = |source: &str| of_source(source, vec![event("u", "m", 40_000)]);
        spool.append(large("A")).await.expect("1 % of the spool would never hold it");
        let full =
            spool.append(of_source("A", vec![event("u", "m", 1)])).await.expect_err("it has its share");
        assert!(matches!(full, AppendError::SourceFull(_)), "{full:?}");
        let said = full.to_string();
        assert!(
            said.contains(" wait or failed, this request has ") && !said.contains("has 0 more"),
            "{said}"
        );
        spool.append(large("B")).await.expect("another one has nothing yet");
        let full = spool.append(large("C")).await.expect_err("the spool's own limit holds");
        assert!(matches!(full, AppendError::Full(_)), "{full:?}");
        spool.settle(waiting(&spool, 0).await.iter().map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.delivered == 2).await;
        spool.append(large("A")).await.expect("what was there is gone");
        close(spool, threads).await;
    });
}

#[test]
fn the_bytes_of_each_source_are_there_after_a_restart_and_made_for_a_spool_of_version_5() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        for n in 0..9 {
            let source = ["A", "B", "C"][n % 3];
            let events = (0..3).map(|m| event("u", &format!("m{n}-{m}"), n * 100)).collect();
            spool.append(of_source(source, events)).await.expect("room");
        }
        let queue = waiting(&spool, 0).await;
        let of_c = |event: &&QueuedEvent| (event.id - 1) / 3 % 3 == 2;
        spool.settle(queue.iter().filter(of_c).map(delivered).collect()).await;
        spool.settle(vec![failed(&queue[0])]).await;
        settled(&spool, |ledger| ledger.failed == 1 && ledger.delivered == 9).await;
        let before = held(&spool);
        assert_eq!(before[0].keys().collect::<Vec<_>>(), ["A", "B"], "all of C is delivered");
        assert_eq!((&before[0], &before[1]), (&before[2], &before[2]));
        close(spool, threads).await;
        let older = open::connect_writer(&dir.path().join(FILE_NAME)).expect("opens");
        older
            .execute_batch("DROP TABLE held; ALTER TABLE ledger DROP COLUMN unkept; PRAGMA user_version = 5;")
            .expect("as it was");
        drop(older);
        assert!(examine(dir.path(), false).expect("can be read").findings.is_empty(), "an older one is well");
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        assert_eq!(held(&spool)[0], before[0]);
        // Settled without any line of it in memory.
        spool.settle(vec![delivered(&queue[3])]).await;
        settled(&spool, |ledger| ledger.delivered == 10).await;
        let [told, table, rows] = held(&spool);
        assert_eq!((&told, &table), (&rows, &rows));
        close(spool, threads).await;
    });
}

#[test]
fn refused_events_never_push_delivered_ones_out_and_are_all_counted() {
    let dir = tempfile::tempdir().expect("a folder");
    let limits = Limits { keep_events: 20, keep_rejected: 50, ..ROOMY };
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        spool
            .append(arrivals((0..20).map(|n| event("u", &format!("m{n}"), 9)).collect()))
            .await
            .expect("room");
        spool.settle(waiting(&spool, 0).await.iter().map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.delivered == 20).await;
        spool.append(refused_of("Honest", 3)).await.expect("it takes them");
        for _ in 0..100 {
            spool.append(refused_of("Flood", 50)).await.expect("it takes them");
        }
        spool.append(refused_of("Late", 2)).await.expect("it takes them");
        settled(&spool, |ledger| ledger.rejected == 5_005).await;
        let pruned = async {
            let mut watch = spool.watch();
            watch.wait_for(|_| rejected_lines(&spool, "Flood") < 60).await.expect("it runs");
        };
        tokio::time::timeout(Duration::from_mins(1), pruned).await.expect("they are pruned");
        let look = |spool: &Spool| {
            let ledger = spool.watch().borrow().ledger;
            assert_eq!((ledger.rejected, ledger.delivered), (5_005, 20));
            assert_eq!(lines_of(spool, &[State::Delivered]).len(), 20, "none was pushed out");
            assert_eq!(rejected_lines(spool, "Honest"), 3, "the flood loses its own lines");
            assert_eq!(rejected_lines(spool, "Late"), 2);
            let flood: Vec<_> = lines_of(spool, &[State::Rejected]);
            assert!(flood.len() <= 55, "{}", flood.len());
        };
        look(&spool);
        let kept = lines_of(&spool, &[State::Rejected]);
        let notes = kept.iter().filter_map(|line| line.fault.as_ref());
        let noted = notes.filter(|fault| fault.message.contains("more refused events of this source"));
        assert!(noted.count() > 0, "a line says how many have none");
        // The room of the lines that went is free, and of 5,000 times 600 bytes little was ever written.
        let chunks: i64 = open::reader(spool.path(), None)
            .expect("opens")
            .query_row("SELECT coalesce(sum(length(body)), 0) FROM chunk", [], |row| row.get(0))
            .expect("readable");
        assert!(chunks < 250_000, "{chunks}");
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
        look(&spool);
        close(spool, threads).await;
        assert!(examine(dir.path(), false).expect("can be read").findings.is_empty());
    });
}

#[test]
fn no_line_of_a_refused_event_is_written_while_the_spool_is_full() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), Limits { max_bytes: 70_000, ..ROOMY }).expect("opens");
        assert!(matches!(fill(&spool, "Website").await, AppendError::Full(_)));
        for _ in 0..40 {
            spool.append(refused_of("Website", 250)).await.expect("its sender hears why it was refused");
        }
        let ledger = spool.watch().borrow().ledger;
        assert_eq!((ledger.rejected, ledger.rejected_unkept), (10_000, 10_000));
        assert_eq!(rejected_lines(&spool, "Website"), 0);
        spool.settle(waiting(&spool, 0).await.iter().map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.queued == 0).await;
        spool.append(refused_of("Website", 1)).await.expect("it takes them");
        let line = &lines_of(&spool, &[State::Rejected])[0];
        let said = line.fault.as_ref().map(|fault| fault.message.to_string()).unwrap_or_default();
        assert!(
            said.ends_with("(10000 more refused events of this source were counted and not kept)"),
            "{said}"
        );
        close(spool, threads).await;
    });
}

/// A spool as version 1 wrote it.
fn write_version_1(path: &Path) {
    let old = open::connect_writer(path).expect("opens");
    old.execute_batch(open::VERSION_1).expect("the schema of then");
    old.execute_batch(
        r#"INSERT INTO word VALUES (1, 'Website');
           INSERT INTO event VALUES (1, 1772445605250, 2, 1, 'u', 0, 'm1', NULL, 'E', 1, 0, 8);
           INSERT INTO event VALUES (2, 1772445605251, 2, 1, 'u', 0, 'm2', NULL, 'E', 1, 8, 8);
           INSERT INTO chunk VALUES (1, 2, CAST('{"n": 1}{"n": 2}' AS BLOB));
           INSERT INTO settled VALUES (1, 3, 1772445605300, 1, 7, 2, NULL, NULL, 'ValidationException', 'too large');
           UPDATE ledger SET newest = 2, accepted = 2, failed = 1, queued_bytes = 16;
           PRAGMA user_version = 1;"#,
    )
    .expect("writes");
}

#[test]
fn a_spool_of_version_1_is_brought_up_to_date_and_keeps_all_it_has() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        write_version_1(&dir.path().join(FILE_NAME));
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let sums = Ledger { accepted: 2, queued: 1, failed: 1, queued_bytes: 16, ..Ledger::default() };
        assert_eq!(spool.watch().borrow().ledger, sums);
        assert_eq!(resend(&spool, fitting(&[]), AT_ONCE).await.expect("room").failed, 1);
        let queue = waiting(&spool, 0).await;
        let texts: Vec<_> = queue.iter().map(|one| (one.id, &one.json[..])).collect();
        assert_eq!(texts, [(2, &br#"{"n": 2}"#[..]), (3, &br#"{"n": 1}"#[..])]);
        close(spool, threads).await;
    });
}

#[test]
fn the_log_of_a_version_1_that_does_not_run_can_be_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(FILE_NAME);
    write_version_1(&path);
    let log = LogReader::open(&path).expect("opens");
    let page = log.page(&Query { limit: 10, ..Query::default() }).expect("readable");
    assert_eq!(page.rows.iter().map(|line| line.state).collect::<Vec<_>>(), [State::Queued, State::Failed]);
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
    /// Queue failed or delivered lines once more.
    Resend {
        replays: bool,
    },
    /// Read the log and close; with a copy of the files as they were before, this is a crash.
    Reopen {
        crash: bool,
    },
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let one = prop_oneof![
        3 => (prop::collection::vec(0_u8..4, 0..6), 0_u8..3)
            .prop_map(|(keys, rejected)| Operation::Append { keys, rejected }),
        3 => (0_u8..8, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(count, from_back, fails)| Operation::Settle { count, from_back, fails }),
        1 => any::<bool>().prop_map(|replays| Operation::Resend { replays }),
        1 => any::<bool>().prop_map(|crash| Operation::Reopen { crash }),
    ];
    prop::collection::vec(one, 1..40)
}

/// The spool as it should be. Texts are message ids.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<EventId, String>,
    failed: BTreeMap<EventId, String>,
    delivered: BTreeMap<EventId, String>,
    rejected: u64,
    resent: u64,
    replayed: u64,
    newest: EventId,
    /// Settled, but perhaps not on disk yet: after a crash they may wait again.
    unsure: BTreeMap<EventId, String>,
}

impl Model {
    fn ledger_without_bytes(&self) -> Ledger {
        let [queued, failed, delivered] =
            [&self.waiting, &self.failed, &self.delivered].map(|lines| lines.len() as u64);
        Ledger {
            accepted: queued + failed + delivered,
            delivered,
            queued,
            failed,
            replayed: self.replayed,
            resent: self.resent,
            rejected: self.rejected,
            ..Ledger::default()
        }
    }

    fn append(&mut self, keys: Vec<u8>, refused: u8) -> Arrivals {
        let mut events = Vec::new();
        for key in keys {
            self.newest += 1;
            let id = format!("m{}", self.newest);
            // The last one's are too large for a chunk.
            let bytes = if key == 3 { 70_000 } else { usize::from(key) * 10 };
            events.push(event(&key.to_string(), &id, bytes));
            self.waiting.insert(self.newest, id);
        }
        self.newest += EventId::from(refused);
        self.rejected += u64::from(refused);
        let source = ["Website", "App", "Server"][usize::from(refused) % 3];
        Arrivals {
            source: source.into(),
            rejected: (0..refused).map(|_| rejected("")).collect(),
            ..arrivals(events)
        }
    }

    fn settle(&mut self, one: &QueuedEvent, fails: bool) -> Settlement {
        let message_id = self.waiting.remove(&one.id).expect("only what waits is read");
        self.unsure.insert(one.id, message_id.clone());
        let lines = if fails { &mut self.failed } else { &mut self.delivered };
        lines.insert(one.id, message_id);
        if fails { failed(one) } else { delivered(one) }
    }

    /// The new lines are in the order of those that they repeat.
    fn resend(&mut self, lines: &[Delivery]) {
        assert!(lines.iter().is_sorted_by_key(|line| line.resend_of), "oldest first");
        for line in lines {
            self.newest += 1;
            assert_eq!((line.id, line.state), (self.newest, State::Queued));
            let original = line.resend_of.expect("it says what it repeats");
            let moved = self.failed.remove(&original);
            if moved.is_some() {
                self.resent += 1;
            } else {
                self.replayed += 1;
            }
            let message_id = moved.or_else(|| self.delivered.get(&original).cloned());
            let message_id = message_id.expect("only what failed or was delivered is resent");
            assert_eq!(&*line.message_id, message_id);
            self.waiting.insert(line.id, message_id);
        }
    }

    /// What the disk had not got yet waits again; nothing else does.
    fn crashed(&mut self, found: &[QueuedEvent]) {
        for id in found.iter().map(|one| one.id) {
            if let Some(message_id) = self.unsure.remove(&id) {
                self.failed.remove(&id);
                self.delivered.remove(&id);
                self.waiting.insert(id, message_id);
            }
        }
    }
}

async fn check(spool: &Spool, model: &mut Model, keep: u64) {
    settled(spool, |ledger| Ledger { queued_bytes: 0, ..*ledger } == model.ledger_without_bytes()).await;
    model.unsure.clear();
    let ledger = spool.watch().borrow().ledger;
    assert!(ledger.adds_up());
    let log = LogReader::open(spool.path()).expect("opens");
    let page = log.page(&Query { limit: 10_000, oldest_first: true, ..Query::default() }).expect("readable");
    let of = |wanted: &[State]| -> Vec<EventId> {
        page.rows.iter().filter(|line| wanted.contains(&line.state)).map(|line| line.id).collect()
    };
    assert_eq!(of(&[State::Queued]), model.waiting.keys().copied().collect::<Vec<_>>(), "never pruned");
    assert_eq!(of(&[State::Failed]), model.failed.keys().copied().collect::<Vec<_>>(), "never pruned");
    let kept = of(&[State::Delivered, State::Resent]).len() as u64;
    assert!(kept >= keep.min(ledger.delivered + ledger.resent), "{kept} lines kept");
    let [told, table, rows] = held(spool);
    assert_eq!((&told, &table), (&rows, &rows), "in memory, in the table and by the rows");
    let mut bytes = 0;
    for line in &page.rows {
        let detail = log.detail(line.id, Encoding::Json).expect("readable").expect("there");
        assert_eq!(detail.json.len(), line.bytes as usize, "every line still has its payload");
        let waits_or_failed = [State::Queued, State::Failed].contains(&line.state);
        bytes += if waits_or_failed { u64::from(line.bytes) } else { 0 };
    }
    assert_eq!(ledger.queued_bytes, bytes);
}

/// What is on disk at this moment, as a process that is killed leaves it, in a folder of its own.
fn crash(spool: &Spool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    // While somebody reads, the write-ahead log only grows: base file and log fit together, whatever is written.
    let reader = open::reader(spool.path(), None).expect("opens");
    let snapshot = reader.unchecked_transaction().expect("begins");
    snapshot.query_row("SELECT count(*) FROM ledger", [], |_| Ok(())).expect("readable");
    for end in ["", "-wal"] {
        let name = format!("{FILE_NAME}{end}");
        std::fs::copy(spool.path().with_file_name(&name), dir.path().join(&name)).expect("copies");
    }
    // What those two point into was there before them, and stays for a while when nothing does any more.
    let (from, to) = (spool.path().with_file_name(segments::FOLDER), dir.path().join(segments::FOLDER));
    segments::keep_aside(&from, &to).expect("copies");
    dir
}

async fn run_model(operations: Vec<Operation>, keep: u64) {
    let mut dir = tempfile::tempdir().expect("a folder");
    let limits = Limits { keep_events: keep, keep_rejected: keep, ..ROOMY };
    let (mut spool, mut threads) = Spool::open(dir.path(), limits).expect("opens");
    let mut model = Model::default();
    let mut in_hand: VecDeque<QueuedEvent> = VecDeque::new();
    let mut cursor = spool.settled_through();
    for operation in operations {
        match operation {
            Operation::Append { keys, rejected } => {
                spool.append(model.append(keys, rejected)).await.expect("room");
            }
            Operation::Settle { count, from_back, fails } => {
                let next = spool.next(cursor, 100, 1 << 20).await.expect("readable");
                cursor = next.through;
                in_hand.extend(next.events);
                let count = usize::from(count).min(in_hand.len());
                let taken = (0..count).filter_map(|_| {
                    let one = if from_back { in_hand.pop_back() } else { in_hand.pop_front() }?;
                    Some(model.settle(&one, fails))
                });
                let settlements = taken.collect();
                spool.settle(settlements).await;
            }
            Operation::Resend { replays } => {
                check(&spool, &mut model, keep).await;
                let state = if replays { State::Delivered } else { State::Failed };
                let resent = resend(&spool, fitting(&[state]), AT_ONCE).await.expect("room");
                let log = LogReader::open(spool.path()).expect("opens");
                let query = Query { after: Some(model.newest), oldest_first: true, ..Query::default() };
                let page = log.page(&Query { limit: 10_000, ..query }).expect("readable");
                assert_eq!(page.rows.len() as u64, resent.events());
                model.resend(&page.rows);
                assert_eq!(resent.damaged, 0);
                assert!(replays || model.failed.is_empty(), "each of them");
            }
            Operation::Reopen { crash: crashes } => {
                let copy = crashes.then(|| crash(&spool));
                close(spool, threads).await;
                dir = copy.unwrap_or(dir);
                (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
                cursor = spool.settled_through();
                in_hand = waiting(&spool, cursor).await.into();
                cursor = in_hand.back().map_or(cursor, |last| last.id);
                if crashes {
                    model.crashed(in_hand.make_contiguous());
                }
                let ids: Vec<_> = in_hand.iter().map(|one| one.id).collect();
                let expected: Vec<_> = model.waiting.keys().copied().collect();
                assert_eq!(ids, expected, "what waits, and nothing else");
                for (one, message_id) in in_hand.iter().zip(model.waiting.values()) {
                    let member = format!(r#""messageId":"{message_id}""#);
                    assert!(String::from_utf8_lossy(&one.json).contains(&member), "each with its own bytes");
                }
            }
        }
    }
    check(&spool, &mut model, keep).await;
    close(spool, threads).await;
    let (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
    check(&spool, &mut model, keep).await;
    close(spool, threads).await;
}

/// 64 cases, or as many as the variable says: `PROPTEST_CASES=5000 cargo test --lib it_does_what_the_model_does`.
fn cases() -> ProptestConfig {
    let config = ProptestConfig::default();
    let cases = if config.cases == 256 { 64 } else { config.cases };
    ProptestConfig { cases, ..config }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn it_does_what_the_model_does(operations in operations(), keep in 0_u64..12) {
        runtime().block_on(run_model(operations, keep));
    }
}

#[test]
fn a_database_that_is_removed_takes_no_event_and_is_made_anew_with_all_it_had() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool.append(arrivals(vec![event("u", "m1", 5), event("u", "m2", 5)])).await.expect("room");
        let mut log = LogReader::open(spool.path()).expect("opens");
        std::fs::remove_dir_all(dir.path()).expect("removes");
        let refused =
            spool.append(arrivals(vec![event("u", "m3", 5)])).await.expect_err("it would be nowhere");
        assert!(refused.to_string().contains("was removed while Tributary runs"), "{refused}");
        healed(&spool).await;
        spool.append(arrivals(vec![event("u", "m4", 5)])).await.expect("taken again");
        let ids = |queue: Vec<QueuedEvent>| {
            let text = |one: &QueuedEvent| String::from_utf8_lossy(&one.json).into_owned();
            let found = queue.iter().map(text).map(|json| json.split('"').nth(15).map(str::to_owned));
            found.collect::<Option<Vec<_>>>().expect("messageIds")
        };
        let there = ids(waiting(&spool, 0).await);
        // What was refused may be there too: its sender comes again.
        assert!(["m1", "m2", "m4"].iter().all(|id| there.iter().any(|one| one == id)), "{there:?}");
        assert_eq!(spool.watch().borrow().files, 1);
        log.follow(1).expect("opens the new one");
        assert!(log.newest().expect("readable") >= 3);
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        assert_eq!(ids(waiting(&spool, 0).await), there);
        assert!(spool.watch().borrow().ledger.adds_up());
        close(spool, threads).await;
    });
    assert!(examine(dir.path(), false).expect("readable").is_well());
}

#[test]
fn another_database_in_the_place_of_the_open_one_takes_no_event_until_the_right_one_is_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, kept) = (dir.path().join(FILE_NAME), dir.path().join("kept"));
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool.append(arrivals(vec![event("u", "m1", 5)])).await.expect("room");
        std::fs::rename(&path, &kept).expect("moves");
        std::fs::write(&path, "another's").expect("writes");
        let refused =
            spool.append(arrivals(vec![event("u", "m2", 5)])).await.expect_err("not into that file");
        assert!(refused.to_string().contains("put that file back"), "{refused}");
        let mut watch = spool.watch();
        let revision = watch.borrow_and_update().revision;
        watch
            .wait_for(|summary| summary.revision > revision || summary.intake != Intake::Ready)
            .await
            .expect("open");
        assert!(matches!(spool.watch().borrow().intake, Intake::Failing(_)));
        assert!(spool.log().is_err(), "SQLite would shorten the index of the open one");
        std::fs::rename(&kept, &path).expect("moves back");
        healed(&spool).await;
        spool.append(arrivals(vec![event("u", "m3", 5)])).await.expect("taken again");
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        assert!(waiting(&spool, 0).await.len() >= 2);
        close(spool, threads).await;
    });
}

#[cfg(unix)]
#[test]
fn another_file_under_the_databases_name_is_not_opened_and_the_index_of_the_open_one_stays_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, kept) = (dir.path().join(FILE_NAME), dir.path().join("kept"));
    let connection = open::connect_writer(&path).expect("opens");
    open::migrate(&connection, 0).expect("a new one");
    let mut files = renew::Files::new(&path);
    files.opened().expect("there");
    let ours = files.ours();
    let log = LogReader::of(&path, Some(ours.clone())).expect("it is ours");
    let index = || std::fs::metadata(open::beside(&path, "-shm")).expect("there").len();
    let before = index();
    std::fs::rename(&path, &kept).expect("moves");
    std::fs::copy(&kept, &path).expect("copies");
    let moved = |result: rusqlite::Result<rusqlite::Connection>| {
        let refused = result.and_then(|connection| open::version(&connection)).expect_err("another file");
        assert!(refused.to_string().contains("put the right one back"), "{refused}");
        assert_eq!(index(), before);
    };
    moved(open::checkpointer(&path, ours));
    moved(open::reconnect_writer(&path, ours));
    assert!(LogReader::of(&path, Some(ours.clone())).is_err());
    assert_eq!(index(), before);
    std::fs::rename(&kept, &path).expect("moves back");
    assert_eq!(log.newest().expect("readable"), 0);
    assert!(LogReader::of(&path, Some(ours.clone())).is_ok());
}

#[test]
fn an_idle_engine_notices_within_a_second_or_so_that_its_files_are_gone() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let mut watch = spool.watch();
        std::fs::remove_file(dir.path().join("spool.sqlite3-wal")).expect("removes");
        let noticed = watch.wait_for(|summary| matches!(summary.intake, Intake::Failing(_)));
        tokio::time::timeout(Duration::from_secs(30), noticed).await.expect("in time").expect("open");
        healed(&spool).await;
        spool.append(arrivals(vec![event("u", "m1", 5)])).await.expect("taken again");
        close(spool, threads).await;
    });
}

#[test]
fn deliveries_that_cannot_be_noted_are_kept_and_hold_up_whoever_makes_more() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let events = (0..3).map(|n| event("u", &format!("m{n}"), 5)).collect();
        spool.append(arrivals(events)).await.expect("room");
        let queue = waiting(&spool, 0).await;
        let blocker = open::connect_writer(spool.path()).expect("opens");
        blocker.execute_batch("BEGIN IMMEDIATE").expect("takes the lock");
        // The first is noted at the front of so many that none of them may be let go.
        spool.settle(vec![delivered(&queue[0]); CARRIED_MAX]).await;
        let mut watch = spool.watch();
        watch.wait_for(|summary| matches!(summary.intake, Intake::Failing(_))).await.expect("it is said");
        let (other, one) = (spool.clone(), delivered(&queue[1]));
        let mut more = Box::pin(async move { other.settle(vec![one]).await });
        let waits = tokio::time::timeout(Duration::from_millis(50), &mut more).await;
        assert!(waits.is_err(), "with more, memory would grow or deliveries would be forgotten");
        blocker.execute_batch("ROLLBACK").expect("lets go");
        more.await;
        settled(&spool, |ledger| ledger.delivered == 2).await;
        close(spool, threads).await;
    });
}

#[test]
fn a_log_that_is_cut_at_a_commit_gives_back_what_was_before_and_a_reader_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(FILE_NAME);
    let connection = open::connect_writer(&path).expect("opens");
    open::migrate(&connection, 0).expect("a new one");
    let mut ends = Vec::new();
    for word in ["one", "two", "three"] {
        connection.execute("INSERT INTO word (text) VALUES (?1)", [word]).expect("room");
        ends.push(open::log_bytes(&connection).expect("told"));
    }
    let reader = open::reader(&path, None).expect("opens");
    let words = |connection: &rusqlite::Connection| {
        let count = "SELECT count(*) FROM word";
        connection.query_row(count, [], |row| row.get::<_, i64>(0)).expect("readable")
    };
    assert_eq!(words(&reader), 3);
    drop(connection);
    renew::Files::new(&path).renew(renew::Ends::At(ends[1])).expect("cut");
    let connection = open::connect_writer(&path).expect("opens again");
    assert_eq!((words(&connection), words(&reader)), (2, 2));
    connection.execute("INSERT INTO word (text) VALUES ('four')", []).expect("room");
    assert_eq!((words(&connection), words(&reader)), (3, 3));
    // A place that no commit ends at is not what was acknowledged.
    let end = open::log_bytes(&connection).expect("told");
    drop(connection);
    let lost = renew::Files::new(&path).renew(renew::Ends::At(end + 8216)).expect_err("shorter");
    assert!(lost.to_string().contains("lost commits"), "{lost}");
}

#[test]
fn the_end_of_either_thread_is_the_end_of_the_spool() {
    let dir = tempfile::tempdir().expect("a folder");
    let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
    let (reads, reader) = mpsc::channel(1);
    let whole = &spool.shared;
    let shared = Shared {
        path: whole.path.clone(),
        commands: whole.commands.clone(),
        reads,
        common: Arc::clone(&whole.common),
        keys: whole.keys.clone(),
        settled_through: 0,
    };
    let of_that_reader = Spool { shared: Arc::new(shared) };
    let has_ended = |spool: &Spool| futures_util::FutureExt::now_or_never(spool.closed()).is_some();
    assert!(!has_ended(&of_that_reader));
    drop(reader);
    assert!(has_ended(&of_that_reader), "a reader that is gone is noticed");
    assert!(!has_ended(&spool));
    runtime().block_on(spool.close());
    drop((spool, of_that_reader));
    threads.join();
}

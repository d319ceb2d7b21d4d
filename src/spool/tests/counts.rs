//! Counts of what a query finds, over time.

use super::*;
use crate::delivery::{Attempt, CountRequest, Counts, Field, Millis, Pattern, StateCounts};

const START: Millis = 1_772_445_600_000;
/// Maximum lines that a part looks at in tests.
const PART: u64 = 5_000;

/// A log with lines in every state, one request a second, each with a track and a refused event.
async fn with_lines(spool: &Spool, requests: i64) {
    for n in 0..requests {
        let batch = Arrivals {
            received_at: START + n * 1000,
            rejected: vec![rejected("{}")],
            ..arrivals(vec![event(&format!("u{}", n % 3), &format!("m{n}"), 3)])
        };
        spool.append(batch).await.expect("room");
    }
}

fn request(query: Query) -> CountRequest {
    CountRequest { query, intervals_max: 20, now: START + 120_000, ..CountRequest::default() }
}

/// The counts of all parts.
fn counted(log: &LogReader, query: &Query, go_on: &dyn Fn() -> bool) -> (Counts, usize) {
    let mut all = log.counts(&request(query.clone()), go_on).expect("readable");
    let mut parts = 1;
    while let Some(before) = all.stopped_at {
        let query = Query { before: Some(before), ..query.clone() };
        let part = CountRequest { frame: Some(all.frame), ..request(query) };
        all.continue_with(&log.counts(&part, go_on).expect("readable"));
        parts += 1;
        assert!(parts < 100, "it gets on");
    }
    (all, parts)
}

/// The same, from the lines of the list.
fn expected(log: &LogReader, query: &Query, counts: &Counts) -> Vec<StateCounts> {
    let mut all = vec![StateCounts::default(); counts.frame.len];
    let mut page = Query { limit: 100_000, ..query.clone() };
    loop {
        let found = log.page(&page).expect("readable");
        for line in found.rows {
            all[counts.frame.index_of(line.received_at)].add(line.state, 1);
        }
        page.before = found.stopped_at;
        if page.before.is_none() {
            return all;
        }
    }
}

/// The counts of all parts, which are those of the lines.
fn counted_right(log: &LogReader, query: &Query) -> Counts {
    let (counts, _) = counted(log, query, &|| true);
    let lines = Query { by: None, ..query.clone() };
    assert_eq!(counts.intervals, expected(log, &lines, &counts), "{query:?}");
    counts
}

fn queries() -> Vec<Query> {
    let user = |id: &str| Query { fields: vec![(Field::User, Pattern::exactly(id))], ..Query::default() };
    let mut all = vec![
        Query::default(),
        Query { states: vec![State::Delivered], ..Query::default() },
        Query { states: vec![State::Failed, State::Queued], ..Query::default() },
        Query { since: Some(START + 7_500), ..Query::default() },
        Query { since: Some(START + 7_000), until: Some(START + 19_000), ..Query::default() },
        Query { kinds: vec![Kind::Track], ..Query::default() },
        user("u1"),
        user("nobody"),
        Query { words: vec!["m1".into()], states: vec![State::Rejected], ..user("u2") },
        Query { words: vec!["m1".into()], until: Some(START + 15_000), ..Query::default() },
    ];
    all.push(Query { by: Some(crate::delivery::Measure::Size), ..user("u1") });
    all
}

#[test]
fn counts_are_those_of_the_lines_whatever_was_searched_for() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let log = LogReader::open(spool.path()).expect("opens");
        assert_eq!(log.counts(&request(Query::default()), &|| true).expect("readable"), Counts::default());
        with_lines(&spool, 40).await;
        let all = waiting(&spool, 0).await;
        spool.settle(all.iter().take(20).map(delivered).collect()).await;
        spool.settle(all.iter().skip(20).take(5).map(failed).collect()).await;
        let fault = AwsError::new("ProvisionedThroughputExceededException", "slow down");
        let attempt = Attempt { number: 1, at: START, took_ms: 3, fault };
        spool.note_attempts(vec![(all[30].id, attempt)], 1).await;
        settled(&spool, |ledger| ledger.repeats_possible == 1).await;
        for query in queries() {
            assert_eq!(counted_right(&log, &query).lines, 80);
        }
        let (all, _) = counted(&log, &Query::default(), &|| true);
        let of = |state| all.by_state().of(state);
        assert_eq!(State::ALL.map(of), [14, 1, 20, 5, 0, 40]);
        assert!(all.intervals.iter().filter(|interval| interval.all() > 0).count() > 10, "over time");
        close(spool, threads).await;
    });
}

#[test]
fn a_count_of_a_long_log_comes_in_parts_and_loses_no_line_when_it_is_interrupted() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        for batch in 0..12 {
            let events =
                (0..1000).map(|n| event(&format!("u{}", n % 7), &format!("m{batch}-{n}"), 3)).collect();
            spool
                .append(Arrivals { received_at: START + batch * 1000, ..arrivals(events) })
                .await
                .expect("room");
        }
        let log = LogReader::open(spool.path()).expect("opens");
        let query = Query { kinds: vec![Kind::Track], ..Query::default() };
        let first = log.counts(&request(query.clone()), &|| true).expect("readable");
        assert_eq!((first.searched, first.by_state().all(), first.lines), (PART, PART, 12_000));
        assert_eq!(first.reached, Some(START + 7000), "it says how far back it went");
        let (all, parts) = counted(&log, &query, &|| true);
        assert_eq!((parts, all.by_state().all(), all.searched), (3, 12_000, 12_000));
        let asked = std::cell::Cell::new(0);
        let now_and_then = || {
            asked.set(asked.get() + 1);
            asked.get() % 3 != 0
        };
        let (interrupted, parts) = counted(&log, &query, &now_and_then);
        assert!(parts > 5, "{parts}");
        assert_eq!((interrupted.intervals, interrupted.searched), (all.intervals, 12_000));
        // Without a filter the whole log is counted at once.
        assert_eq!(counted(&log, &Query::default(), &|| true).1, 1);
        close(spool, threads).await;
    });
}

#[test]
fn pruned_lines_are_not_counted() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let limits = Limits { keep_events: 10, keep_rejected: 20, ..ROOMY };
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        with_lines(&spool, 60).await;
        let all = waiting(&spool, 0).await;
        // The oldest event waits, the next one has failed.
        spool.settle(vec![failed(&all[1])]).await;
        spool.settle(all.iter().skip(2).map(delivered).collect()).await;
        let log = LogReader::open(spool.path()).expect("opens");
        let mut watch = spool.watch();
        watch.wait_for(|summary| summary.pruned > 40).await.expect("open");
        for query in queries() {
            counted_right(&log, &query);
        }
        // The oldest event is settled between pruned lines.
        spool.settle(vec![delivered(&all[0])]).await;
        settled(&spool, |ledger| ledger.queued == 0).await;
        counted_right(&log, &Query::default());
        close(spool, threads).await;
    });
}

//! Queries of the log.

use std::path::Path;

use super::*;
use crate::delivery::{Attempt, Field, Measure, Millis, query::ValuesRequest};

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
fn a_line_must_match_every_part_of_a_query() {
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

#[test]
fn values_that_complete_a_search_are_those_of_recent_lines() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool.append(of_source("Old", vec![event("long-ago", "m0", 1)])).await.expect("room");
        let many = (0..1_000).map(|n| event(&format!("u{}", n % 50), &format!("n{n}"), 1)).collect();
        spool.append(of_source("100%", many)).await.expect("room");
        let events = vec![event("ada", "m1", 1), event("Ada Lovelace", "m2", 1), event("ada", "m3", 1)];
        spool.append(Arrivals { rejected: vec![rejected("{}")], ..arrivals(events) }).await.expect("room");
        let all = waiting(&spool, 1_000).await;
        spool.settle(vec![delivered(&all[1]), failed(&all[2])]).await;
        settled(&spool, |ledger| ledger.failed == 1).await;
        let log = LogReader::open(spool.path()).expect("opens");
        let values = |field, part: &str| -> Vec<(String, u64)> {
            let request = ValuesRequest { field, part: part.to_owned() };
            let values = log.values(&request).expect("readable");
            values.into_iter().map(|value| (value.text, value.lines)).collect()
        };
        let of = |text: &str, lines| (text.to_owned(), lines);
        assert_eq!(values(Field::User, "ada"), [of("ada", 2), of("Ada Lovelace", 1)]);
        assert_eq!(values(Field::User, "long"), [], "it is too old");
        assert_eq!(values(Field::User, "").len(), 40);
        assert_eq!(values(Field::Source, "%"), [of("100%", 996)]);
        assert_eq!(values(Field::Source, "web"), [of("Website", 4)]);
        assert_eq!(values(Field::Event, ""), [of("E", 999)], "a refused event without a name has none");
        assert_eq!(values(Field::MessageId, "m2"), [of("m2", 1)]);
        assert_eq!(values(Field::Shard, "1"), [of("shardId-000000000001", 1)]);
        assert_eq!(values(Field::Error, "exc"), [of("ValidationException", 1)]);
        close(spool, threads).await;
    });
}

/// A log with this many lines, without the cost of a commit for each.
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
fn a_search_through_many_lines_stops_with_what_it_found_and_continues_there() {
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
        assert_eq!(asked.get(), 1, "it ends when it is told");
        assert!(page.stopped_at.is_some_and(|stop| stop > 11_000), "{page:?}");
        close(spool, threads).await;
    });
}

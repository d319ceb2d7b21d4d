//! What a line of the log shows.

use super::*;
use crate::delivery::{Attempt, Measure};

#[test]
fn a_line_shows_everything_from_arrival_to_delivery() {
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
fn a_page_has_previews_if_they_are_asked_for() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        // The second is longer than what is read of it.
        let events = [(1, 10), (2, 90_000)].map(|(n, bytes)| {
            let json = format!(
                r#"{{"event":"E","userId":"u{n}","properties":{{"total":{n},"currency":"EUR","pad":"{}"}}}}"#,
                "x".repeat(bytes)
            );
            parsed(&json)
        });
        let batch = Arrivals { rejected: vec![rejected("{}")], ..arrivals(events.to_vec()) };
        spool.append(batch).await.expect("room");
        let log = LogReader::open(spool.path()).expect("opens");
        let query = Query { limit: 10, with_previews: true, ..Query::default() };
        let previews: Vec<String> = log.page(&query).expect("readable").rows.iter().map(members).collect();
        assert_eq!(previews, ["", "total=2 currency=EUR", "total=1 currency=EUR pad=xxxxxxxxxx"]);
        let query = Query { with_previews: false, ..query };
        assert!(log.page(&query).expect("readable").rows.iter().all(|line| line.preview.is_none()));
        close(spool, threads).await;
    });
}

fn members(line: &Delivery) -> String {
    let members = line.preview.iter().flat_map(|members| members.iter());
    members.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_rejected_line_with_an_excerpt_has_the_size_of_what_was_sent() {
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
        // The largest first, though only its beginning is kept.
        let by_size = Query { by: Some(Measure::Size), limit: 1, ..Query::default() };
        assert_eq!(log.page(&by_size).expect("a page").rows[0].id, 2);
        close(spool, threads).await;
    });
}

#[test]
fn few_of_many_attempts_are_kept_and_always_the_newest() {
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

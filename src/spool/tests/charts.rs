//! The sums of the charts.

use super::*;
use crate::{
    clock::now_ms,
    delivery::{
        Attempt, PlaceInRecord,
        chart::{ChartSpan, Interval},
    },
    spool::KeyCounts,
};

#[test]
fn the_sums_of_the_charts_continue_after_reopening_and_match_what_happened() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let path = dir.path().join(FILE_NAME);
        let day = |keys: &KeyCounts| {
            let log = LogReader::open(&path).expect("opens");
            let overview = log.overview(ChartSpan::Day, keys, now_ms()).expect("readable");
            let mut sum = Interval::default();
            overview.intervals.iter().for_each(|interval| sum.add(interval));
            (sum, overview)
        };
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let events = vec![event("u1", "m1", 1), event("u1", "m2", 1), event("u2", "m3", 1)];
        let sent = Arrivals { rejected: vec![rejected("{}")], received_at: now_ms(), ..arrivals(events) };
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
        // It arrived before this run: its time is read from the log.
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
        let overview = log.overview(ChartSpan::Day, &keys, now_ms()).expect("readable");
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
fn the_age_of_the_queue_and_the_time_to_delivery_are_known_without_reading_the_log() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let mut watch = spool.watch();
        assert_eq!((watch.borrow().oldest_queued_at, watch.borrow().delivery_p95_ms), (None, None));
        let first = now_ms();
        for (id, received_at) in [("m1", first), ("m2", first + 5)] {
            let sent = Arrivals { received_at, ..arrivals(vec![event("u1", id, 1)]) };
            spool.append(sent).await.expect("room");
            assert_eq!(watch.borrow().oldest_queued_at, Some(first), "known as soon as it is accepted");
        }
        let all = waiting(&spool, 0).await;
        spool.settle(vec![Settlement { at: first + 40, ..delivered(&all[0]) }]).await;
        let told =
            watch.wait_for(|told| told.oldest_queued_at == Some(first + 5) && told.delivery_p95_ms.is_some());
        let told = tokio::time::timeout(Duration::from_secs(10), told)
            .await
            .expect("in time")
            .expect("open")
            .clone();
        assert_eq!(told.delivery_p95_ms.map(|ms| ms / 10), Some(4));
        spool.settle(vec![Settlement { at: first + 45, ..delivered(&all[1]) }]).await;
        settled(&spool, |ledger| ledger.delivered == 2).await;
        assert_eq!(watch.borrow().oldest_queued_at, None, "at once");
        drop(watch);
        close(spool, threads).await;
    });
}

//! What was acknowledged stays queued until it is settled, whatever restarts in between.

use super::*;
use crate::spool::connection::connect_writer;

#[test]
fn acknowledged_events_are_there_after_reopening_byte_for_byte() {
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
fn a_restart_begins_at_the_first_queued_event_not_at_lines_pruned_behind_it() {
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
        assert_eq!(spool.settled_through(), 1, "2 is queued");
        assert!(LogReader::open(spool.path()).expect("opens").line(4).expect("readable").is_none(), "pruned");
        spool.settle(vec![delivered(&all[1])]).await;
        settled(&spool, |ledger| ledger.delivered == 7).await;
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
        assert_eq!(spool.settled_through(), 7, "8 is queued");
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
        assert_eq!(ids, (1..=200).collect::<Vec<_>>(), "each has its own line");
        let commits = spool.watch().borrow().revision - before;
        assert!(commits < 20, "{commits} commits for 200 requests at once");
        close(spool, threads).await;
    });
}

#[test]
fn a_repeat_is_marked_also_after_reopening_and_dropped_only_if_the_limits_say_so() {
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
fn a_damaged_payload_does_not_stop_other_events() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        for id in ["m1", "m2", "m3"] {
            spool.append(arrivals(vec![event("u", id, 1)])).await.expect("room");
        }
        let path = spool.path().to_owned();
        close(spool, threads).await;
        let vandal = connect_writer(&path).expect("opens");
        vandal.execute("UPDATE chunk SET body = x'7b' WHERE id = 2", []).expect("damages");
        drop(vandal);
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        let next = spool.next(0, 100, 1 << 20).await.expect("readable");
        assert_eq!(next.events.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 3]);
        assert_eq!((next.damaged, next.through), (vec![2], 3));
        close(spool, threads).await;
    });
}

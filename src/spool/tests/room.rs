//! `spool.max_bytes`, and each source's share of it.

use super::*;
use crate::spool::connection::connect_writer;

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
fn sources_that_fill_their_shares_leave_room_for_every_other() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let limits = Limits { max_bytes: 100_000, max_source_percent: 50, ..ROOMY };
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        let full = fill(&spool, "First").await;
        assert!(matches!(full, AppendError::SourceFull(_)), "{full:?}");
        assert!(full.to_string().contains("spool.max_source_percent is 50"), "{full}");
        // A half, a quarter, an eighth: each takes half of what the others left.
        let bytes = |source: &str| spool.watch().borrow().held_by(source);
        assert!((48_000..=50_000).contains(&bytes("First")), "{}", bytes("First"));
        for (source, least) in [("Second", 23_000), ("Third", 11_000), ("Fourth", 4_500)] {
            assert!(matches!(fill(&spool, source).await, AppendError::SourceFull(_)), "{source}");
            assert!(bytes(source) >= least, "{source} has {}", bytes(source));
        }
        let own = spool.append(of_source("First", vec![event("u", "m", 10)])).await;
        assert!(matches!(own, Err(AppendError::SourceFull(_))), "{own:?}");
        assert_eq!(spool.watch().borrow().intake, Intake::Ready, "the spool is not full");
        // Deliveries make room for their source, and for the others.
        let queue = waiting(&spool, 0).await;
        spool.settle(queue.iter().take(10).map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.delivered == 10).await;
        spool.append(of_source("Third", vec![event("u", "m", 1_000)])).await.expect("more is free");
        let [told, table, rows] = held(&spool);
        assert_eq!((&told, &table), (&rows, &rows));
        // Replays stay within the share of their source too.
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
fn a_source_that_holds_nothing_may_send_one_request_however_small_its_share() {
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
        let older = connect_writer(&dir.path().join(FILE_NAME)).expect("opens");
        older
            .execute_batch("DROP TABLE held; ALTER TABLE ledger DROP COLUMN unkept; PRAGMA user_version = 5;")
            .expect("as it was");
        drop(older);
        assert!(
            examine(dir.path(), false).expect("can be read").findings.is_empty(),
            "an older spool is well"
        );
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        assert_eq!(held(&spool)[0], before[0]);
        // No line of it is in memory.
        spool.settle(vec![delivered(&queue[3])]).await;
        settled(&spool, |ledger| ledger.delivered == 10).await;
        let [told, table, rows] = held(&spool);
        assert_eq!((&told, &table), (&rows, &rows));
        close(spool, threads).await;
    });
}

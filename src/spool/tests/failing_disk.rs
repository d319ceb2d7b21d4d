//! A disk that is full, refuses, or has damaged the database.

use super::*;
use crate::spool::{connection::connect_writer, settlements::UNWRITTEN_MAX};

#[test]
fn damage_found_while_running_leads_to_the_doctor() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let vandal = connect_writer(spool.path()).expect("opens");
        vandal.execute_batch("ALTER TABLE event RENAME TO gone").expect("spoils");
        let refused = spool.append(arrivals(vec![event("u", "m1", 5)])).await.expect_err("no place for it");
        assert!(refused.to_string().contains("tributary doctor"), "{refused}");
        close(spool, threads).await;
    });
}

#[test]
fn a_nearly_full_disk_refuses_events_before_a_write_fails_and_takes_them_again_by_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool.append(arrivals(vec![event("u", "m1", 9), event("u", "m2", 9)])).await.expect("room");
        let queue = waiting(&spool, 0).await;
        // No disk has that much: as if another program had filled it.
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
        // Rejected events need no room: they are counted and get no line.
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
fn a_failing_disk_is_reported_and_used_again_when_it_recovers() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        // Another writer with the lock stands for a disk that takes no writes.
        let blocker = connect_writer(spool.path()).expect("opens");
        blocker.execute_batch("BEGIN IMMEDIATE").expect("takes the lock");
        let refused = spool.append(arrivals(vec![event("u", "m1", 5)])).await;
        assert!(matches!(refused, Err(AppendError::Disk(_))), "{refused:?}");
        assert!(matches!(spool.watch().borrow().intake, Intake::Failing(_)));
        assert_eq!(spool.watch().borrow().ledger.accepted, 0);
        assert_eq!(held(&spool).map(|sums| sums.len()), [0; 3], "no source holds what was refused");
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
fn settlements_that_cannot_be_written_are_kept_and_hold_up_further_ones() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let events = (0..3).map(|n| event("u", &format!("m{n}"), 5)).collect();
        spool.append(arrivals(events)).await.expect("room");
        let queue = waiting(&spool, 0).await;
        let blocker = connect_writer(spool.path()).expect("opens");
        blocker.execute_batch("BEGIN IMMEDIATE").expect("takes the lock");
        // As many as memory may hold, so none of them may be dropped.
        spool.settle(vec![delivered(&queue[0]); UNWRITTEN_MAX]).await;
        let mut watch = spool.watch();
        watch.wait_for(|summary| matches!(summary.intake, Intake::Failing(_))).await.expect("it is said");
        let (other, one) = (spool.clone(), delivered(&queue[1]));
        let mut more = Box::pin(async move { other.settle(vec![one]).await });
        let waits = tokio::time::timeout(Duration::from_millis(50), &mut more).await;
        assert!(waits.is_err(), "with more, memory would grow or deliveries would be lost");
        blocker.execute_batch("ROLLBACK").expect("lets go");
        more.await;
        settled(&spool, |ledger| ledger.delivered == 2).await;
        close(spool, threads).await;
    });
}

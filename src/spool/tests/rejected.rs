//! Lines of rejected events.

use super::*;

#[test]
fn rejected_events_never_push_delivered_ones_out_and_are_all_counted() {
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
        assert!(noted.count() > 0, "a line tells how many have none");
        // The room of pruned lines is free, and little of 5,000 times 600 bytes was ever written.
        let chunks: i64 = connect_reader(spool.path(), None)
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
fn no_line_of_a_rejected_event_is_written_while_the_spool_is_full() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), Limits { max_bytes: 70_000, ..ROOMY }).expect("opens");
        assert!(matches!(fill(&spool, "Website").await, AppendError::Full(_)));
        for _ in 0..40 {
            spool
                .append(refused_of("Website", 250))
                .await
                .expect("its sender is told why they were rejected");
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

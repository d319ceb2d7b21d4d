//! Adoption where the real program cannot be brought to stop: between two batches, and with a line that was changed.

use super::*;
use crate::{
    delivery::{Adopting, Taken},
    spool::{AdoptError, connection::connect_writer},
};

/// A spool with more waiting events than a batch takes, closed.
fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        for n in 0..5 {
            let events = (0..500).map(|m| event("u", &format!("m{n}-{m}"), 10)).collect();
            spool.append(arrivals(events)).await.expect("room");
        }
        close(spool, threads).await;
    });
    dir
}

/// Adopts `from` into `own`, until `is_wanted` says no.
fn adopt(
    own: &std::path::Path,
    from: &std::path::Path,
    limits: Limits,
    is_wanted: impl Fn(&Adopting) -> bool + Send + 'static,
) -> Result<Taken, AdoptError> {
    runtime().block_on(async {
        let (spool, threads) = Spool::open(own, limits).expect("opens");
        let (taking, from) = (spool.clone(), from.to_owned());
        #[expect(clippy::disallowed_methods, reason = "a test has no engine that spawns for it")]
        let taken = tokio::task::spawn_blocking(move || taking.adopt(&from, (false, Full::Stop), is_wanted));
        let taken = taken.await.expect("it does not panic");
        close(spool, threads).await;
        taken
    })
}

/// Waits for no second batch.
fn one_batch(done: &Adopting) -> bool {
    !matches!(done, Adopting::Taking { done: 1.., .. })
}

#[test]
fn a_batch_that_was_changed_before_it_was_compared_stops_the_adoption_and_the_old_folder_is_not_done_with() {
    let (old, own) = (filled(), tempfile::tempdir().expect("a folder"));
    let stopped = adopt(own.path(), old.path(), ROOMY, one_batch).expect_err("stopped");
    assert!(matches!(stopped, AdoptError::Stopped { done: 2000 }), "{stopped}");
    let vandal = connect_writer(&own.path().join(FILE_NAME)).expect("opens");
    let change = |id: &str| {
        vandal.execute("UPDATE event SET message_id = ?1 WHERE id = 1500", [id]).expect("changes");
    };
    change("another");
    let refused = adopt(own.path(), old.path(), ROOMY, |_| true).expect_err("it differs");
    assert!(matches!(refused, AdoptError::Differs { line: 1500, of: 1500, .. }), "{refused}");
    assert!(
        matches!(Spool::open(old.path(), ROOMY), Err(OpenError::Adopted { mark, .. }) if mark.ended.is_none())
    );
    change("m2-499");
    let taken = adopt(own.path(), old.path(), ROOMY, |_| true).expect("adopted");
    assert_eq!((taken.queued, taken.before), (500, 2000));
    assert!(examine(own.path(), false).expect("readable").is_well());
    assert!(
        matches!(Spool::open(old.path(), ROOMY), Err(OpenError::Adopted { mark, .. }) if mark.ended.is_some())
    );
}

#[test]
fn a_spool_without_room_takes_nothing_and_marks_nothing() {
    let (old, own) = (filled(), tempfile::tempdir().expect("a folder"));
    let small = Limits { max_bytes: 100_000, ..ROOMY };
    let refused = adopt(own.path(), old.path(), small, |_| true).expect_err("no room");
    assert!(matches!(refused, AdoptError::SpoolRoom { max: 100_000, held: 0, .. }), "{refused}");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(old.path(), ROOMY).expect("it is not marked");
        assert_eq!(spool.watch().borrow().ledger.queued, 2500);
        close(spool, threads).await;
    });
}

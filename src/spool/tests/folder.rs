//! Who owns the data folder.

use super::*;
use crate::spool::is_in_use;

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

/// `tail` and `send` probe whether an engine runs; on a busy machine a probe may be stopped in the middle.
#[test]
fn a_probe_is_not_taken_for_an_owner_and_an_owner_waits_for_it() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        assert!(is_in_use(dir.path()));
        close(spool, threads).await;
        let probe = std::fs::File::open(dir.path().join("tributary.lock")).expect("there");
        probe.lock_shared().expect("nobody owns it");
        assert!(!is_in_use(dir.path()), "probes do not take each other for an owner");
        let prober = std::thread::Builder::new().name("prober".to_owned()).spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            drop(probe);
        });
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens once nobody probes");
        prober.expect("the system gives a thread").join().expect("it ends");
        close(spool, threads).await;
    });
}

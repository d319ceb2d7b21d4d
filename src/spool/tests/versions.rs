//! Spools of older versions, and of a newer one.

use std::path::Path;

use super::*;
use crate::spool::{connection::connect_writer, plan_adoption, schema};

/// Writes a spool of an older version, with what that version had: a failed event and a waiting one. Versions 3 to 6 added
/// what such a spool has no rows for.
fn write_version(path: &Path, version: usize) {
    let old = connect_writer(path).expect("opens");
    schema::write_version(&old, version).expect("the schema of that version");
    old.execute_batch(
        r#"INSERT INTO word VALUES (1, 'Website');
           INSERT INTO event (id, received_at, kind, source, partition_key, key_shortened, message_id, name, chunk, start, length)
             VALUES (1, 1772445605250, 2, 1, 'u', 0, 'm1', 'E', 1, 0, 8), (2, 1772445605251, 2, 1, 'u', 0, 'm2', 'E', 1, 8, 8);
           INSERT INTO chunk VALUES (1, 2, CAST('{"n": 1}{"n": 2}' AS BLOB));
           INSERT INTO settled (id, state, at, attempts, took, encoding, code, message)
             VALUES (1, 3, 1772445605300, 1, 7, 2, 'ValidationException', 'too large');
           UPDATE ledger SET newest = 2, accepted = 2, failed = 1, queued_bytes = 16;"#,
    )
    .expect("writes");
    if version >= 6 {
        old.execute_batch("INSERT INTO held VALUES (1, 16)").expect("writes");
    }
}

/// All versions before the present one.
fn older() -> std::ops::Range<usize> {
    1..usize::try_from(schema::VERSION).expect("a small number")
}

#[test]
fn a_spool_of_every_older_version_is_brought_up_to_date_and_keeps_everything() {
    for version in older() {
        let dir = tempfile::tempdir().expect("a folder");
        runtime().block_on(async {
            write_version(&dir.path().join(FILE_NAME), version);
            let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
            let sums = Ledger { accepted: 2, queued: 1, failed: 1, queued_bytes: 16, ..Ledger::default() };
            assert_eq!(spool.watch().borrow().ledger, sums, "{version}");
            assert_eq!(resend(&spool, fitting(&[]), AT_ONCE).await.expect("room").failed, 1);
            let queue = waiting(&spool, 0).await;
            let texts: Vec<_> = queue.iter().map(|one| (one.id, &one.json[..])).collect();
            assert_eq!(texts, [(2, &br#"{"n": 2}"#[..]), (3, &br#"{"n": 1}"#[..])], "{version}");
            spool.settle(queue.iter().map(delivered).collect()).await;
            spool.append(arrivals(vec![event("u", "m3", 10)])).await.expect("room");
            close(spool, threads).await;
        });
        let report = examine(dir.path(), false).expect("readable");
        assert!(report.is_well(), "{version}: {report:?}");
    }
}

#[test]
fn the_log_of_an_older_version_that_does_not_run_any_more_can_be_read() {
    for version in older() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(FILE_NAME);
        write_version(&path, version);
        let log = LogReader::open(&path).expect("opens");
        let page = log.page(&Query { limit: 10, ..Query::default() }).expect("readable");
        let states: Vec<_> = page.rows.iter().map(|line| line.state).collect();
        assert_eq!(states, [State::Queued, State::Failed], "{version}");
    }
}

#[test]
fn a_spool_of_every_older_version_is_adopted_and_a_dry_run_leaves_its_version() {
    for version in older() {
        let (dir, own) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let path = dir.path().join(FILE_NAME);
        write_version(&path, version);
        let plan = plan_adoption((dir.path(), own.path()), &ROOMY, false, |_| {}).expect("readable");
        assert_eq!((plan.taken.queued, plan.taken.failed, plan.taken.bytes), (1, 1, 16), "{version}");
        assert!(plan.stop.is_none(), "{version}: {:?}", plan.stop);
        let found = schema::version(&connect_writer(&path).expect("opens")).expect("readable");
        assert_eq!(usize::try_from(found), Ok(version), "it was changed");
        runtime().block_on(async {
            let (spool, threads) = Spool::open(own.path(), ROOMY).expect("opens");
            let (taking, from) = (spool.clone(), dir.path().to_owned());
            #[expect(clippy::disallowed_methods, reason = "a test has no engine that spawns for it")]
            let taken =
                tokio::task::spawn_blocking(move || taking.adopt(&from, (false, Full::Stop), |_| true));
            let taken = taken.await.expect("it does not panic").expect("adopted");
            assert_eq!((taken.queued, taken.failed), (1, 1), "{version}");
            let queue = waiting(&spool, 0).await;
            assert_eq!(queue.iter().map(|one| &one.json[..]).collect::<Vec<_>>(), [&br#"{"n": 2}"#[..]]);
            close(spool, threads).await;
        });
        assert!(matches!(Spool::open(dir.path(), ROOMY), Err(OpenError::Adopted { .. })), "{version}");
    }
}

#[test]
fn a_spool_of_a_newer_version_is_refused_in_words_and_stays_as_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(FILE_NAME);
    let newer = schema::VERSION + 1;
    connect_writer(&path).expect("opens").pragma_update(None, "user_version", newer).expect("writes");
    let refusals = [
        Spool::open(dir.path(), ROOMY).err().map(|error| error.to_string()),
        LogReader::open(&path).err().map(|error| error.to_string()),
        examine(dir.path(), false).err().map(|error| error.to_string()),
        examine(dir.path(), true).err().map(|error| error.to_string()),
    ];
    for refusal in refusals {
        let said = refusal.expect("refused");
        assert!(
            said.contains("was written by a newer Tributary") && said.contains("update this one"),
            "{said}"
        );
    }
    let found = schema::version(&connect_writer(&path).expect("opens")).expect("readable");
    assert_eq!(found, newer);
}

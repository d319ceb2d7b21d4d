//! Spools of older versions.

use std::path::Path;

use super::*;
use crate::spool::{connection::connect_writer, schema};

/// Writes a spool as version 1 did.
fn write_version_1(path: &Path) {
    let old = connect_writer(path).expect("opens");
    old.execute_batch(schema::VERSION_1).expect("the schema of version 1");
    old.execute_batch(
        r#"INSERT INTO word VALUES (1, 'Website');
           INSERT INTO event VALUES (1, 1772445605250, 2, 1, 'u', 0, 'm1', NULL, 'E', 1, 0, 8);
           INSERT INTO event VALUES (2, 1772445605251, 2, 1, 'u', 0, 'm2', NULL, 'E', 1, 8, 8);
           INSERT INTO chunk VALUES (1, 2, CAST('{"n": 1}{"n": 2}' AS BLOB));
           INSERT INTO settled VALUES (1, 3, 1772445605300, 1, 7, 2, NULL, NULL, 'ValidationException', 'too large');
           UPDATE ledger SET newest = 2, accepted = 2, failed = 1, queued_bytes = 16;
           PRAGMA user_version = 1;"#,
    )
    .expect("writes");
}

#[test]
fn a_spool_of_version_1_is_brought_up_to_date_and_keeps_everything() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        write_version_1(&dir.path().join(FILE_NAME));
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let sums = Ledger { accepted: 2, queued: 1, failed: 1, queued_bytes: 16, ..Ledger::default() };
        assert_eq!(spool.watch().borrow().ledger, sums);
        assert_eq!(resend(&spool, fitting(&[]), AT_ONCE).await.expect("room").failed, 1);
        let queue = waiting(&spool, 0).await;
        let texts: Vec<_> = queue.iter().map(|one| (one.id, &one.json[..])).collect();
        assert_eq!(texts, [(2, &br#"{"n": 2}"#[..]), (3, &br#"{"n": 1}"#[..])]);
        close(spool, threads).await;
    });
}

#[test]
fn the_log_of_a_version_1_that_does_not_run_any_more_can_be_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(FILE_NAME);
    write_version_1(&path);
    let log = LogReader::open(&path).expect("opens");
    let page = log.page(&Query { limit: 10, ..Query::default() }).expect("readable");
    assert_eq!(page.rows.iter().map(|line| line.state).collect::<Vec<_>>(), [State::Queued, State::Failed]);
}

//! Files that are removed, replaced or cut while connections are open.

use super::*;
use crate::spool::{
    Error,
    connection::{connect_checkpointer, connect_writer, log_bytes, reconnect_writer},
    layout::beside,
    renew::{LogEnd, SpoolFiles},
    schema::{migrate, version},
};

#[test]
fn a_removed_database_takes_no_event_and_is_made_anew_with_everything_it_had() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool.append(arrivals(vec![event("u", "m1", 5), event("u", "m2", 5)])).await.expect("room");
        let mut log = LogReader::open(spool.path()).expect("opens");
        std::fs::remove_dir_all(dir.path()).expect("removes");
        let refused =
            spool.append(arrivals(vec![event("u", "m3", 5)])).await.expect_err("it would be nowhere");
        assert!(refused.to_string().contains("was removed while Tributary runs"), "{refused}");
        healed(&spool).await;
        spool.append(arrivals(vec![event("u", "m4", 5)])).await.expect("taken again");
        let ids = |queue: Vec<QueuedEvent>| {
            let text = |one: &QueuedEvent| String::from_utf8_lossy(&one.json).into_owned();
            let found = queue.iter().map(text).map(|json| json.split('"').nth(15).map(str::to_owned));
            found.collect::<Option<Vec<_>>>().expect("messageIds")
        };
        let there = ids(waiting(&spool, 0).await);
        // The refused event may be there too: its sender sends it again.
        assert!(["m1", "m2", "m4"].iter().all(|id| there.iter().any(|one| one == id)), "{there:?}");
        assert_eq!(spool.watch().borrow().files, 1);
        log.follow(1).expect("opens the new one");
        assert!(log.newest().expect("readable") >= 3);
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        assert_eq!(ids(waiting(&spool, 0).await), there);
        assert!(spool.watch().borrow().ledger.adds_up());
        close(spool, threads).await;
    });
    assert!(examine(dir.path(), false).expect("readable").is_well());
}

#[test]
fn a_replaced_database_takes_no_event_until_the_right_one_is_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, kept) = (dir.path().join(FILE_NAME), dir.path().join("kept"));
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool.append(arrivals(vec![event("u", "m1", 5)])).await.expect("room");
        std::fs::rename(&path, &kept).expect("moves");
        std::fs::write(&path, "another's").expect("writes");
        let refused =
            spool.append(arrivals(vec![event("u", "m2", 5)])).await.expect_err("not into that file");
        assert!(refused.to_string().contains("put that file back"), "{refused}");
        let mut watch = spool.watch();
        let revision = watch.borrow_and_update().revision;
        watch
            .wait_for(|summary| summary.revision > revision || summary.intake != Intake::Ready)
            .await
            .expect("open");
        assert!(matches!(spool.watch().borrow().intake, Intake::Failing(_)));
        assert!(spool.log().is_err(), "SQLite would shorten the index of the open one");
        std::fs::rename(&kept, &path).expect("moves back");
        healed(&spool).await;
        spool.append(arrivals(vec![event("u", "m3", 5)])).await.expect("taken again");
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        assert!(waiting(&spool, 0).await.len() >= 2);
        close(spool, threads).await;
    });
}

#[cfg(unix)]
#[test]
fn another_file_with_the_databases_name_is_not_opened_and_the_open_index_stays_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, kept) = (dir.path().join(FILE_NAME), dir.path().join("kept"));
    let connection = connect_writer(&path).expect("opens");
    migrate(&connection, 0).expect("a new one");
    let mut files = SpoolFiles::new(&path);
    files.note_opened().expect("there");
    let expected = files.expected();
    let log = LogReader::of(&path, Some(expected.clone())).expect("it is the one");
    let index = || std::fs::metadata(beside(&path, "-shm")).expect("there").len();
    let before = index();
    std::fs::rename(&path, &kept).expect("moves");
    std::fs::copy(&kept, &path).expect("copies");
    let moved = |result: Result<rusqlite::Connection, Error>| {
        let refused = result.and_then(|connection| Ok(version(&connection)?)).expect_err("another file");
        assert!(refused.to_string().contains("put the right one back"), "{refused}");
        assert_eq!(index(), before);
    };
    moved(connect_checkpointer(&path, expected));
    moved(reconnect_writer(&path, expected));
    assert!(LogReader::of(&path, Some(expected.clone())).is_err());
    assert_eq!(index(), before);
    std::fs::rename(&kept, &path).expect("moves back");
    assert_eq!(log.newest().expect("readable"), 0);
    assert!(LogReader::of(&path, Some(expected.clone())).is_ok());
}

#[test]
fn an_idle_engine_notices_within_a_second_or_so_that_its_files_are_gone() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let mut watch = spool.watch();
        std::fs::remove_file(dir.path().join("spool.sqlite3-wal")).expect("removes");
        let noticed = watch.wait_for(|summary| matches!(summary.intake, Intake::Failing(_)));
        tokio::time::timeout(Duration::from_secs(30), noticed).await.expect("in time").expect("open");
        healed(&spool).await;
        spool.append(arrivals(vec![event("u", "m1", 5)])).await.expect("taken again");
        close(spool, threads).await;
    });
}

#[test]
fn a_log_cut_at_a_commit_keeps_the_commits_before_it_and_readers_go_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(FILE_NAME);
    let connection = connect_writer(&path).expect("opens");
    migrate(&connection, 0).expect("a new one");
    let mut ends = Vec::new();
    for word in ["one", "two", "three"] {
        connection.execute("INSERT INTO word (text) VALUES (?1)", [word]).expect("room");
        ends.push(log_bytes(&connection).expect("told"));
    }
    let reader = connect_reader(&path, None).expect("opens");
    let words = |connection: &rusqlite::Connection| {
        let count = "SELECT count(*) FROM word";
        connection.query_row(count, [], |row| row.get::<_, i64>(0)).expect("readable")
    };
    assert_eq!(words(&reader), 3);
    drop(connection);
    SpoolFiles::new(&path).renew(LogEnd::At(ends[1])).expect("cut");
    let connection = connect_writer(&path).expect("opens again");
    assert_eq!((words(&connection), words(&reader)), (2, 2));
    connection.execute("INSERT INTO word (text) VALUES ('four')", []).expect("room");
    assert_eq!((words(&connection), words(&reader)), (3, 3));
    // The log must not end in front of what was acknowledged.
    let end = log_bytes(&connection).expect("told");
    drop(connection);
    let lost = SpoolFiles::new(&path).renew(LogEnd::At(end + 8216)).expect_err("shorter");
    assert!(lost.to_string().contains("lost commits"), "{lost}");
}

//! A database that is empty or missing beside files that hold its events: nothing takes it for a new one.

use std::{collections::BTreeMap, path::PathBuf};

use super::*;
use crate::spool::{
    back_up,
    layout::{LOG_SUFFIX, RESTORING, SEGMENTS, beside},
    plan_adoption, restore,
};

/// More bytes than go into the database.
const LARGE: usize = 100_000;

/// The log and the segments of a killed engine that had taken 20 events and settled the first two. `emptied`: an empty
/// database is there; else none is.
fn killed(bytes: usize, emptied: bool) -> tempfile::TempDir {
    let (live, left) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    runtime().block_on(async {
        let (spool, threads) = Spool::open(live.path(), ROOMY).expect("opens");
        let events = (0..20).map(|n| event("u", &format!("m{n}"), bytes)).collect();
        spool.append(arrivals(events)).await.expect("room");
        let queue = waiting(&spool, 0).await;
        spool.settle(vec![delivered(&queue[0]), failed(&queue[1])]).await;
        settled(&spool, |ledger| ledger.failed == 1).await;
        for (name, content) in content(live.path()) {
            if name.starts_with(SEGMENTS) || name == beside(FILE_NAME.as_ref(), LOG_SUFFIX) {
                let path = left.path().join(name);
                std::fs::create_dir_all(path.parent().expect("it is in the folder")).expect("made");
                std::fs::write(path, content).expect("written");
            }
        }
        close(spool, threads).await;
    });
    if emptied {
        std::fs::write(left.path().join(FILE_NAME), "").expect("written");
    }
    left
}

/// Every file below a folder that has content.
fn content(dir: &std::path::Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in [dir.to_owned(), dir.join(SEGMENTS)] {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("readable").path();
            if path.is_file() {
                let bytes = std::fs::read(&path).expect("readable");
                found.insert(path.strip_prefix(dir).expect("within").to_owned(), bytes);
            }
        }
    }
    found.retain(|_, bytes| !bytes.is_empty());
    found
}

fn is_refused(error: &dyn std::error::Error, what: &str) {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    assert!(text.contains("empty or missing") && text.contains(what), "{text}");
}

#[test]
fn every_way_in_refuses_it_and_changes_nothing() {
    for (bytes, emptied, what) in [
        (10, true, "in a write-ahead log. "),
        (10, false, "in a write-ahead log. "),
        (LARGE, true, "in a write-ahead log and a segment. "),
    ] {
        let left = killed(bytes, emptied);
        let (dir, before) = (left.path(), content(left.path()));
        assert!(before.len() == 1 + usize::from(bytes == LARGE), "{:?}", before.keys());
        let open = Spool::open(dir, ROOMY).map(drop).expect_err("it is no new one");
        assert!(matches!(open, OpenError::Damaged { .. }), "{open}");
        is_refused(&open, what);
        is_refused(&LogReader::open(&dir.join(FILE_NAME)).map(drop).expect_err("a reader"), what);
        let other = tempfile::tempdir().expect("a folder");
        let backup = back_up(dir, &other.path().join("to")).map(drop).expect_err("a backup");
        let restored = restore(dir, &other.path().join("restored")).map(drop).expect_err("a restore");
        let plan = plan_adoption((dir, other.path()), &ROOMY, false, |_| ());
        let adoption = plan.map(drop).expect_err("an adoption");
        // Where the file is gone, these say that there is no spool.
        if emptied {
            is_refused(&backup, what);
            is_refused(&restored, what);
            is_refused(&adoption, what);
        }
        let report = examine(dir, false).expect("looks");
        assert!(!report.is_well() && report.findings[0].text.contains(what), "{report:?}");
        assert!(content(dir) == before, "it was changed");
    }
}

/// No file tells which events were delivered: the doctor keeps all files, and reports that it recovered no line.
#[test]
fn the_doctor_keeps_what_is_left_beside_a_new_database() {
    for (bytes, emptied) in [(10, true), (10, false), (LARGE, true)] {
        let left = killed(bytes, emptied);
        let before: Vec<_> = content(left.path()).into_values().collect();
        let report = examine(left.path(), true).expect("repairs");
        assert!(!report.is_well() && report.recovered.is_some_and(|one| one.lines == 0), "{report:?}");
        let log = beside(&report.set_aside.expect("it is"), LOG_SUFFIX);
        let mut kept: Vec<_> =
            report.segments_aside.iter().flat_map(|dir| content(dir).into_values()).collect();
        kept.push(std::fs::read(log).expect("kept"));
        assert!(kept == before, "{} of {} files are as they were", kept.len(), before.len());
        assert_eq!(report.segments_aside.is_some(), bytes == LARGE, "an empty folder is not worth a word");
        assert!(!left.path().join("spool.sqlite3.new-wal").exists(), "nothing is left over");
        runtime().block_on(async {
            let (spool, threads) = Spool::open(left.path(), ROOMY).expect("opens");
            assert_eq!(spool.watch().borrow().ledger.accepted, 0);
            close(spool, threads).await;
        });
    }
}

/// A log without a commit holds no event: it is what a new spool leaves whose process ended at once.
#[test]
fn an_empty_database_with_nothing_of_it_is_a_new_one() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join(FILE_NAME), "").expect("written");
    std::fs::write(dir.path().join(beside(FILE_NAME.as_ref(), LOG_SUFFIX)), [7; 5000]).expect("written");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        spool.append(arrivals(vec![event("u", "m", 10)])).await.expect("room");
        close(spool, threads).await;
    });
}

#[test]
fn the_doctor_leaves_a_restore_that_did_not_end_to_the_next_one() {
    let left = killed(LARGE, false);
    std::fs::create_dir(left.path().join(RESTORING)).expect("made");
    let before = content(left.path());
    for repair in [false, true] {
        let refused = examine(left.path(), repair).expect_err("it is half restored");
        assert!(refused.to_string().contains("run `tributary restore` again"), "{refused}");
    }
    assert!(content(left.path()) == before, "it was changed");
}

//! Spools that were damaged on purpose.

use std::{
    fs::OpenOptions,
    io::{Seek, SeekFrom, Write},
};

use super::*;
use crate::{
    delivery::EventId,
    spool::{
        Spool,
        tests::{ROOMY, arrivals, close, delivered, event, failed, rejected, runtime, settled, waiting},
    },
};

/// Bytes of a page of the database.
const PAGE: u64 = 8192;

/// A spool with this many events: the first was delivered, the second failed, and one more was rejected.
fn filled(events: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        for first in (0..events).step_by(50) {
            let some = (first..events.min(first + 50))
                .map(|n| event(&format!("u{}", n % 7), &format!("m{n}"), n % 90));
            spool.append(arrivals(some.collect())).await.expect("room");
        }
        let refused = crate::spool::Arrivals { rejected: vec![rejected("{}")], ..arrivals(Vec::new()) };
        spool.append(refused).await.expect("room");
        let queue = waiting(&spool, 0).await;
        spool.settle(vec![delivered(&queue[0]), failed(&queue[1])]).await;
        settled(&spool, |ledger| ledger.failed == 1).await;
        close(spool, threads).await;
    });
    // Everything is in the one file, whichever connection was closed last.
    spoil(dir.path(), "PRAGMA wal_checkpoint(TRUNCATE)");
    dir
}

fn spoil(dir: &Path, sql: &str) {
    let vandal = connect_writer(&dir.join(FILE_NAME)).expect("opens");
    vandal.execute_batch(sql).expect("spoils");
}

/// Opens the spool as an engine would; returns the queued events.
fn queued(dir: &Path) -> Vec<EventId> {
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir, ROOMY).expect("opens");
        let queue = waiting(&spool, spool.settled_through()).await;
        let ledger = spool.watch().borrow().ledger;
        assert!(ledger.adds_up() && ledger.queued >= queue.len() as u64, "{ledger:?}");
        close(spool, threads).await;
        queue.iter().map(|one| one.id).collect()
    })
}

#[test]
fn a_sound_spool_is_left_alone() {
    let dir = filled(10);
    for repair in [false, true] {
        let report = examine(dir.path(), repair).expect("can be read");
        assert!(report.is_well() && report.findings.is_empty(), "{report:?}");
        assert_eq!((report.lines, report.payloads_good, report.payloads_unchecked), (11, 11, 0));
    }
    assert_eq!(queued(dir.path()), (3..=10).collect::<Vec<_>>());
}

#[test]
fn sums_that_do_not_agree_with_the_rows_are_reported_and_repaired() {
    let dir = filled(10);
    spoil(
        dir.path(),
        "UPDATE ledger SET accepted = 99, failed = 3, queued_bytes = 1, kept = 0, settled_through = 9;
         UPDATE held SET bytes = 7",
    );
    assert_ne!(queued(dir.path()).len(), 8, "an engine would not have found them all");
    spoil(dir.path(), "UPDATE ledger SET settled_through = 9");
    let seen = examine(dir.path(), false).expect("can be read");
    assert!(!seen.is_well() && seen.findings.iter().all(|one| one.about == "ledger"), "{seen:?}");
    let report = examine(dir.path(), true).expect("can be mended");
    assert!(report.is_well() && report.findings.len() == 1, "{report:?}");
    assert!(report.findings[0].text.contains("failed events: 3 by the ledger, 1 by the rows"), "{report:?}");
    let of_source = "bytes of the source \"Website\": 304 by the ledger, 1368 by the rows";
    assert!(report.findings[0].text.contains(of_source), "{report:?}");
    assert_eq!(queued(dir.path()), (3..=10).collect::<Vec<_>>());
    assert!(examine(dir.path(), true).expect("can be read").findings.is_empty(), "once is enough");
}

#[test]
fn an_index_that_does_not_agree_is_made_anew() {
    let dir = filled(10);
    // It has the rows of the old condition.
    spoil(
        dir.path(),
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'state <> 2', 'state <> 3') WHERE name = 'settled_rare'",
    );
    assert!(!examine(dir.path(), false).expect("can be read").is_well());
    let report = examine(dir.path(), true).expect("can be mended");
    assert!(report.is_well() && report.findings[0].about == "index", "{report:?}");
    assert!(examine(dir.path(), false).expect("can be read").findings.is_empty());
}

#[test]
fn one_changed_byte_of_an_event_is_reported_and_spares_the_others() {
    let dir = filled(10);
    spoil(dir.path(), "UPDATE chunk SET body = CAST(replace(body, 'm4\"', 'm5\"') AS BLOB)");
    let report = examine(dir.path(), true).expect("can be read");
    assert!(!report.is_well(), "nothing brings its bytes back");
    assert_eq!((report.payloads_good, report.findings.len()), (10, 1), "{report:?}");
    let text = &report.findings[0].text;
    assert!(text.contains("line 5 (waiting, messageId m4)"), "{text}");
    assert_eq!(queued(dir.path()), [3, 4, 6, 7, 8, 9, 10], "it is not forwarded as something else");
}

#[test]
fn text_that_is_no_utf8_is_one_damaged_line() {
    let dir = filled(10);
    spoil(dir.path(), "UPDATE event SET message_id = CAST(x'6dff' AS TEXT) WHERE id = 4");
    assert!(
        examine(dir.path(), false).expect("can be read").is_well(),
        "its payload and key are what was accepted"
    );
    spoil(dir.path(), "UPDATE event SET partition_key = CAST(x'75ff' AS TEXT) WHERE id = 5");
    let report = examine(dir.path(), false).expect("can be read");
    assert_eq!((report.payloads_good, report.findings.len()), (10, 1), "{report:?}");
    assert!(report.findings[0].text.contains("line 5 (waiting, messageId m4)"), "{report:?}");
    assert_eq!(queued(dir.path()), [3, 4, 6, 7, 8, 9, 10], "it holds up no other");
}

/// Whichever page of the database is overwritten: what can be read is in the new one, the old one is kept as it was,
/// and rows that cannot be read are counted.
#[test]
fn a_damaged_database_is_set_aside_and_what_can_be_read_goes_on() {
    const EVENTS: usize = 400;
    let sound = filled(EVENTS);
    let file = sound.path().join(FILE_NAME);
    let pages = std::fs::metadata(&file).expect("there").len() / PAGE;
    assert!(pages > 20, "{pages}");
    let sound = std::fs::read(&file).expect("there");
    let mut set_aside = 0;
    for page in 1..pages {
        // These lead to all pages of a table: without them nothing of it is found.
        let leads_on = [2, 5].contains(&sound[usize::try_from(page * PAGE).expect("small")]);
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(FILE_NAME);
        std::fs::copy(&file, &path).expect("copies");
        let mut spoiled = OpenOptions::new().write(true).open(&path).expect("opens");
        spoiled.seek(SeekFrom::Start(page * PAGE)).expect("seeks");
        spoiled.write_all(&vec![0xA5; usize::try_from(PAGE).expect("small")]).expect("writes");
        drop(spoiled);
        let before = std::fs::read(&path).expect("there");
        let report = examine(dir.path(), true).unwrap_or_else(|error| panic!("page {page}: {error}"));
        let Some(aside) = &report.set_aside else {
            assert!(!report.is_well(), "page {page} holds something: {report:?}");
            continue;
        };
        set_aside += 1;
        assert_eq!(std::fs::read(aside).expect("kept"), before, "page {page}: as it was");
        let recovered = report.recovered.expect("there is a new one");
        if let Some(lost) = recovered.lost {
            assert_eq!(recovered.lines + lost, EVENTS as u64 + 1, "page {page}: {report:?}");
            let payloads = report.findings.iter().any(|one| one.about == "payload" && !one.repaired);
            assert!(lost > 0 || payloads || report.is_well(), "page {page}: {report:?}");
            assert!(
                leads_on || lost < EVENTS as u64 / 2,
                "page {page}: one page is not half of all: {report:?}"
            );
        }
        assert!(queued(dir.path()).len() as u64 <= recovered.waiting);
    }
    assert!(set_aside > 5, "{set_aside} of {pages} pages");
}

#[test]
fn the_sums_of_the_charts_are_recovered_too() {
    let dir = filled(10);
    let intervals = |dir: &Path| -> u64 {
        let connection = connect_writer(&dir.join(FILE_NAME)).expect("opens");
        let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        connection.query_row("SELECT count(*) FROM pulse", [], count).expect("counted").unsigned_abs()
    };
    let before = intervals(dir.path());
    assert!(before > 0);
    let root = |table: &str| -> u64 {
        let connection = connect_writer(&dir.path().join(FILE_NAME)).expect("opens");
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        connection.query_row(sql, [table], |row| row.get::<_, i64>(0)).expect("there").unsigned_abs()
    };
    let page = root("attempt");
    let mut spoiled = OpenOptions::new().write(true).open(dir.path().join(FILE_NAME)).expect("opens");
    spoiled.seek(SeekFrom::Start((page - 1) * PAGE)).expect("seeks");
    spoiled.write_all(&vec![0xA5; usize::try_from(PAGE).expect("small")]).expect("writes");
    drop(spoiled);
    let report = examine(dir.path(), true).expect("can be mended");
    assert!(report.set_aside.is_some(), "{report:?}");
    assert_eq!(intervals(dir.path()), before);
}

#[test]
fn a_file_that_is_not_a_database_leads_to_the_doctor_and_is_kept() {
    let dir = filled(3);
    let path = dir.path().join(FILE_NAME);
    std::fs::write(&path, vec![b'x'; 20_000]).expect("writes");
    let Err(refused) = Spool::open(dir.path(), ROOMY) else { panic!("it opened") };
    assert!(refused.to_string().contains("tributary doctor"), "{refused}");
    assert!(!examine(dir.path(), false).expect("says so").is_well());
    let report = examine(dir.path(), true).expect("makes a new one");
    assert!(!report.is_well(), "what was in it cannot be told: {report:?}");
    let aside = report.set_aside.expect("kept");
    assert_eq!(std::fs::read(aside).expect("there"), vec![b'x'; 20_000]);
    assert_eq!(queued(dir.path()), [0; 0]);
}

#[test]
fn an_unfinished_repair_is_not_taken_for_an_empty_spool() {
    let dir = filled(10);
    let path = dir.path().join(FILE_NAME);
    let new = filled(5);
    // As a power cut leaves it in the middle of the moves.
    std::fs::copy(new.path().join(FILE_NAME), dir.path().join("spool.sqlite3.new")).expect("copies");
    std::fs::write(dir.path().join("spool.repair"), "spool-damaged-1.sqlite3").expect("writes");
    std::fs::rename(&path, dir.path().join("spool-damaged-1.sqlite3")).expect("moves");
    assert!(matches!(Spool::open(dir.path(), ROOMY), Err(OpenError::Unfinished(_))));
    assert!(matches!(examine(dir.path(), false), Err(DoctorError::Open(OpenError::Unfinished(_)))));
    let report = examine(dir.path(), true).expect("ends what was begun");
    assert!(report.is_well(), "{report:?}");
    assert_eq!(queued(dir.path()), [3, 4, 5]);
    assert!(dir.path().join("spool-damaged-1.sqlite3").exists());
}

#[test]
fn while_an_engine_runs_the_doctor_only_looks() {
    let dir = filled(4);
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        assert!(matches!(examine(dir.path(), true), Err(DoctorError::Open(OpenError::InUse(_)))));
        assert!(examine(dir.path(), false).expect("looks").is_well());
        close(spool, threads).await;
    });
    let nowhere = tempfile::tempdir().expect("a folder");
    assert!(matches!(examine(nowhere.path(), true), Err(DoctorError::Nothing(_))));
}

/// To check a large spool takes minutes, and meanwhile an engine removes segments.
#[test]
fn what_an_engine_pruned_since_the_check_began_is_no_damage() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let events = ["m1", "m2", "m3"].map(|id| event("u", id, 50_000));
        spool.append(arrivals(events.into())).await.expect("room");
        close(spool, threads).await;
    });
    let path = dir.path().join(FILE_NAME);
    let looking = connect_reader(&path, None).expect("opens");
    let snapshot = looking.unchecked_transaction().expect("begins");
    snapshot.query_row("SELECT count(*) FROM event", [], |_| Ok(())).expect("readable");
    // One line was pruned, the payload of another was moved; that of the third is lost.
    spoil(dir.path(), "DELETE FROM event WHERE id = 1; UPDATE event SET chunk = 2 WHERE id = 2");
    std::fs::remove_dir_all(dir.path().join("segments")).expect("goes");
    let mut report = Report::default();
    let latest = connect_reader(&path, None).expect("opens");
    check_payloads(&snapshot, Some(&latest), &mut report).expect("readable");
    assert_eq!((report.lines, report.findings.len()), (1, 1), "{report:?}");
    let text = &report.findings[0].text;
    assert!(text.contains("bytes of 1 events") && text.contains("messageId m3"), "{text}");
}

#[test]
fn a_repair_with_a_torn_note_begins_again_and_loses_nothing() {
    for note in ["", "spool-dam", "spool-damaged-17.sqlite", "../elsewhere", "spool-damaged-17.sqlite3x"] {
        let dir = filled(120);
        std::fs::write(dir.path().join("spool.repair"), note).expect("writes");
        std::fs::write(dir.path().join("spool.sqlite3.new"), "half a file").expect("writes");
        let refused = Spool::open(dir.path(), ROOMY).err().expect("a repair is not ended");
        assert!(refused.to_string().contains("tributary doctor"), "{refused}");
        let report = examine(dir.path(), true).expect("goes on");
        assert!(report.is_well(), "{note}: {report:?}");
        assert_eq!((report.lines, queued(dir.path()).len()), (121, 118), "{note}");
    }
}

#[test]
fn files_that_a_repair_had_moved_keep_their_name_though_its_note_is_torn() {
    let dir = filled(120);
    let at = |name: &str| dir.path().join(name);
    std::fs::copy(at(FILE_NAME), at("spool.sqlite3.new")).expect("copies");
    std::fs::write(at("spool-damaged-17.sqlite3-wal"), "").expect("writes");
    std::fs::write(at("spool.repair"), "spool-").expect("writes");
    examine(dir.path(), true).expect("goes on");
    assert!(at("spool-damaged-17.sqlite3").exists() && !at("spool.repair").exists());
    assert_eq!(queued(dir.path()).len(), 118);
}

//! Payloads of segments are there when they were acknowledged, gone when their lines are, and never mistaken for
//! others.

use std::{
    fs::OpenOptions,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
};

use super::*;
use crate::spool::{
    FILE_NAME, Limits, LogReader, QueuedEvent, Spool,
    connection::connect_writer,
    examine,
    layout::SEGMENTS,
    schema::migrate,
    tests::{ROOMY, arrivals, close, delivered, event, failed, healed, runtime, settled, waiting},
};

/// More bytes than a chunk takes.
const LARGE: usize = 100_000;

fn segments_of(dir: &Path) -> Vec<i64> {
    let mut all = numbers(&dir.join(SEGMENTS)).expect("readable");
    all.sort_unstable();
    all
}

fn bytes_of(dir: &Path, number: i64) -> Vec<u8> {
    std::fs::read(dir.join(SEGMENTS).join(name_of(number))).expect("there")
}

/// Fills a spool with 3 large events, a small one and 2 large ones, in two segments, and closes it.
fn filled(dir: &Path, limits: Limits) -> Vec<QueuedEvent> {
    runtime().block_on(async {
        for ids in [&["m1", "m2", "m3"][..], &["m4"], &["m5", "m6"]] {
            let (spool, threads) = Spool::open(dir, limits).expect("opens");
            let bytes = if ids.len() == 1 { 10 } else { LARGE };
            let events = ids.iter().map(|id| event("u", id, bytes)).collect();
            spool.append(arrivals(events)).await.expect("room");
            close(spool, threads).await;
        }
        let (spool, threads) = Spool::open(dir, limits).expect("opens");
        let all = waiting(&spool, 0).await;
        close(spool, threads).await;
        all
    })
}

/// Makes the disk refuse this event.
fn refuse(vandal: &Connection, message_id: &str) {
    let when = format!("WHEN new.message_id = '{message_id}'");
    vandal
        .execute_batch(&format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON event {when} BEGIN SELECT raise(FAIL, 'the disk'); END"
        ))
        .expect("refuses");
}

fn heal(vandal: &Connection) {
    vandal.execute_batch("DROP TRIGGER refuse").expect("heals");
}

#[test]
fn a_large_commit_goes_to_a_segment_one_payload_a_line_and_a_small_one_does_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let all = filled(dir.path(), ROOMY);
    assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(segments_of(dir.path()), [1, 5], "each run begins a new one, and names it by its first line");
    let first = bytes_of(dir.path(), 1);
    let lines: Vec<_> = first.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, all[..3].iter().map(|one| &one.json[..]).collect::<Vec<_>>());
    assert!(String::from_utf8_lossy(&all[3].json).contains(r#""messageId":"m4""#));
    let database = std::fs::metadata(dir.path().join(FILE_NAME)).expect("there").len();
    assert!(database < 2 * LARGE as u64, "{database} bytes");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.path().join(SEGMENTS).join(name_of(1));
        assert_eq!(std::fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_segment_is_removed_with_its_lines_and_queued_and_failed_events_stay() {
    let dir = tempfile::tempdir().expect("a folder");
    let limits = Limits { keep_events: 0, ..ROOMY };
    let all = filled(dir.path(), limits);
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        spool.settle(vec![delivered(&all[0]), failed(&all[1]), delivered(&all[3]), delivered(&all[4])]).await;
        settled(&spool, |ledger| ledger.delivered == 3).await;
        assert_eq!(bytes_of(dir.path(), 1).len() / LARGE, 3, "a reader with an older snapshot finds it");
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
        assert_eq!(segments_of(dir.path()), [5], "the first one was removed");
        let left = waiting(&spool, 0).await;
        assert_eq!(
            left.iter().map(|one| (one.id, &one.json)).collect::<Vec<_>>(),
            [(3, &all[2].json), (6, &all[5].json)]
        );
        let log = LogReader::open(spool.path()).expect("opens");
        let line = log.line(2).expect("readable").expect("it failed, so it is there");
        assert_eq!(log.payloads(&[line]).expect("readable"), [Some(all[1].json.clone())]);
        close(spool, threads).await;
    });
    assert!(examine(dir.path(), false).expect("readable").is_well());
}

#[test]
fn the_current_segment_is_removed_with_all_lines_or_once_the_next_one_begins() {
    let dir = tempfile::tempdir().expect("a folder");
    let limits = Limits { keep_events: 0, ..ROOMY };
    for (run, id) in (1..).zip(["m1", "m2", "m3"]) {
        runtime().block_on(async {
            let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
            let events = vec![event("u", id, LARGE), event("u", "small", 1)];
            let first = spool.append(arrivals(events)).await.expect("room");
            let all = waiting(&spool, first - 1).await;
            spool.settle(vec![delivered(&all[0])]).await;
            settled(&spool, |ledger| ledger.delivered == run).await;
            close(spool, threads).await;
            let log = LogReader::open(&dir.path().join(FILE_NAME)).expect("opens");
            assert_eq!(log.line(first).expect("readable"), None, "pruned");
        });
    }
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        assert_eq!(segments_of(dir.path()), [5], "the newest line of the last one is queued");
        let small = waiting(&spool, 0).await;
        assert_eq!(small.iter().map(|one| one.id).collect::<Vec<_>>(), [2, 4, 6]);
        spool.append(arrivals(vec![event("u", "m4", LARGE)])).await.expect("room");
        spool.settle(waiting(&spool, 0).await.iter().map(delivered).collect()).await;
        settled(&spool, |ledger| ledger.queued == 0).await;
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
        assert_eq!(segments_of(dir.path()), [0; 0], "no line is left");
        spool.append(arrivals(vec![event("u", "m5", LARGE)])).await.expect("room");
        assert_eq!(waiting(&spool, 0).await.len(), 1);
        close(spool, threads).await;
    });
}

/// Whether the page cache holds the file.
#[cfg(target_os = "linux")]
fn is_in_memory(path: &Path) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};
    let file = File::open(path).expect("there");
    let mut byte = [0];
    preadv2(file, &mut [io::IoSliceMut::new(&mut byte)], 1000, ReadWriteFlags::NOWAIT).is_ok()
}

/// Files of tmpfs, for example, are in memory only.
#[cfg(target_os = "linux")]
fn can_leave_memory(dir: &Path) -> bool {
    let path = dir.join("probe");
    std::fs::write(&path, [0; 2000]).expect("writes");
    let file = File::open(&path).expect("there");
    file.sync_data().expect("synced");
    let was = is_in_memory(&path);
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("a file");
    was && !is_in_memory(&path)
}

#[cfg(target_os = "linux")]
#[test]
fn an_ended_segment_is_dropped_from_the_page_cache_once_all_its_lines_are_settled() {
    let dir = tempfile::tempdir().expect("a folder");
    let all = filled(dir.path(), ROOMY);
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let can_leave = can_leave_memory(dir.path());
        let in_memory =
            || [1, 5].map(|number| is_in_memory(&dir.path().join(SEGMENTS).join(name_of(number))));
        spool.settle(all[..2].iter().map(delivered).collect()).await;
        close(spool, threads).await;
        let while_one_is_queued = in_memory();
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        spool.settle(all[2..].iter().map(delivered).collect()).await;
        close(spool, threads).await;
        let after = in_memory();
        if can_leave {
            assert_eq!(while_one_is_queued, [true, true]);
            assert_eq!(after, [false, true], "the second one has not ended");
        }
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        let log = LogReader::open(spool.path()).expect("opens");
        let line = log.line(1).expect("readable").expect("kept");
        assert_eq!(log.payloads(&[line]).expect("readable"), [Some(all[0].json.clone())]);
        close(spool, threads).await;
    });
}

#[test]
fn a_commit_that_fails_leaves_nothing_behind_and_the_next_one_is_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let vandal = connect_writer(spool.path()).expect("opens");
        let append =
            async |ids: [&str; 2]| spool.append(arrivals(ids.map(|id| event("u", id, LARGE)).into())).await;
        refuse(&vandal, "m2");
        append(["m1", "m2"]).await.expect_err("refused whole");
        heal(&vandal);
        healed(&spool).await;
        assert_eq!(append(["m3", "m4"]).await, Ok(1));
        let before = segments_of(dir.path());
        let length = bytes_of(dir.path(), *before.last().expect("one")).len();
        assert_eq!(length / LARGE, 2, "nothing of the refused events");
        refuse(&vandal, "m6");
        append(["m5", "m6"]).await.expect_err("refused whole");
        heal(&vandal);
        healed(&spool).await;
        assert_eq!(append(["m7", "m8"]).await, Ok(3));
        let back = waiting(&spool, 0).await;
        let ids: Vec<_> = ["m3", "m4", "m7", "m8"].map(|id| format!(r#""messageId":"{id}""#)).into();
        assert_eq!(back.len(), ids.len());
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens again");
        for (one, id) in waiting(&spool, 0).await.iter().zip(ids) {
            assert!(String::from_utf8_lossy(&one.json).contains(&id), "{id}");
        }
        close(spool, threads).await;
    });
    let bytes: usize = segments_of(dir.path()).iter().map(|number| bytes_of(dir.path(), *number).len()).sum();
    assert_eq!(bytes / LARGE, 4, "refused events take no room");
    assert!(examine(dir.path(), false).expect("readable").is_well());
}

#[test]
fn a_name_that_is_taken_is_not_tried_twice() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        std::fs::write(dir.path().join(SEGMENTS).join(name_of(1)), "another's").expect("writes");
        spool.append(arrivals(vec![event("u", "m1", LARGE)])).await.expect_err("refused");
        healed(&spool).await;
        assert_eq!(spool.append(arrivals(vec![event("u", "m1", LARGE)])).await, Ok(1));
        assert_eq!(bytes_of(dir.path(), 1), b"another's", "not written over");
        assert_eq!(segments_of(dir.path()), [1, 2]);
        close(spool, threads).await;
    });
}

#[test]
fn a_removed_folder_is_made_again() {
    let dir = tempfile::tempdir().expect("a folder");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        std::fs::remove_dir(dir.path().join(SEGMENTS)).expect("removes");
        assert_eq!(spool.append(arrivals(vec![event("u", "m1", LARGE)])).await, Ok(1));
        assert_eq!(segments_of(dir.path()), [1]);
        close(spool, threads).await;
    });
}

#[test]
fn segments_that_readers_may_still_use_stay_when_the_database_is_reopened() {
    let dir = tempfile::tempdir().expect("a folder");
    let limits = Limits { keep_events: 0, ..ROOMY };
    let all = filled(dir.path(), limits);
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens");
        spool.settle(all[..4].iter().map(delivered).collect()).await;
        let log = LogReader::open(spool.path()).expect("opens");
        while log.line(4).expect("readable").is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let vandal = connect_writer(spool.path()).expect("opens");
        refuse(&vandal, "m7");
        spool.append(arrivals(vec![event("u", "m7", LARGE)])).await.expect_err("refused");
        heal(&vandal);
        healed(&spool).await;
        assert_eq!(segments_of(dir.path()), [1, 5]);
        close(spool, threads).await;
        let (spool, threads) = Spool::open(dir.path(), limits).expect("opens again");
        assert_eq!(segments_of(dir.path()), [5]);
        close(spool, threads).await;
    });
}

#[test]
fn a_segment_of_a_rolled_back_commit_is_not_used_by_the_next_one() {
    let dir = tempfile::tempdir().expect("a folder");
    let connection = connect_writer(&dir.path().join(FILE_NAME)).expect("opens");
    migrate(&connection, 0).expect("a new one");
    let mut segments = Segments::open(&connection).expect("opens");
    connection.execute_batch("BEGIN").expect("begins");
    segments.current(&connection, 1).expect("begun").expect("there is a folder");
    connection.execute_batch("ROLLBACK").expect("before anything was written");
    segments.rolled_back();
    // The write-ahead log may still point into it, until that is cut.
    assert_eq!(segments_of(dir.path()), [1]);
    segments.cut_back().expect("cut");
    assert_eq!(segments_of(dir.path()), [0; 0]);
    connection.execute_batch("BEGIN").expect("begins");
    segments
        .current(&connection, 1)
        .expect("begun")
        .expect("there is a folder")
        .write(b"{}")
        .expect("written");
    connection.execute_batch("COMMIT").expect("commits");
    segments.committed();
    drop(segments);
    Segments::open(&connection).expect("opens again");
    assert_eq!(segments_of(dir.path()), [2], "it has a row");
}

#[test]
fn a_file_left_by_a_crash_before_its_commit_is_removed_and_its_number_is_not_given_again() {
    let dir = tempfile::tempdir().expect("a folder");
    filled(dir.path(), ROOMY);
    let stray = dir.path().join(SEGMENTS).join(name_of(17));
    std::fs::write(&stray, "{}\n").expect("writes");
    let other = dir.path().join(SEGMENTS).join("notes.txt");
    std::fs::write(&other, "mine").expect("writes");
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        assert_eq!(segments_of(dir.path()), [1, 5]);
        spool.append(arrivals(vec![event("u", "m7", LARGE)])).await.expect("room");
        close(spool, threads).await;
    });
    assert_eq!(segments_of(dir.path()), [1, 5, 18]);
    assert!(other.exists(), "files that are not ours stay");
}

#[test]
fn a_changed_byte_or_a_missing_file_costs_only_its_own_events_and_is_reported() {
    let dir = tempfile::tempdir().expect("a folder");
    let all = filled(dir.path(), ROOMY);
    let path = dir.path().join(SEGMENTS).join(name_of(1));
    let mut bytes = bytes_of(dir.path(), 1);
    bytes[all[0].json.len() + 50] ^= 1;
    std::fs::write(&path, bytes).expect("damages");
    let ids = |dir: &Path| {
        runtime().block_on(async {
            let (spool, threads) = Spool::open(dir, ROOMY).expect("opens");
            let next = spool.next(0, 100, 1 << 20).await.expect("readable");
            close(spool, threads).await;
            (next.events.iter().map(|one| one.id).collect::<Vec<_>>(), next.damaged)
        })
    };
    assert_eq!(ids(dir.path()), (vec![1, 3, 4, 5, 6], vec![2]));
    let report = examine(dir.path(), true).expect("readable");
    assert!(report.findings[0].text.contains("line 2 (waiting, messageId m2)"), "{report:?}");
    std::fs::remove_file(path).expect("loses it");
    assert_eq!(ids(dir.path()), (vec![4, 5, 6], vec![1, 2, 3]));
}

#[test]
fn a_damaged_database_is_set_aside_with_its_segments_and_the_new_one_has_them_too() {
    let dir = tempfile::tempdir().expect("a folder");
    let all = filled(dir.path(), ROOMY);
    let path = dir.path().join(FILE_NAME);
    let vandal = connect_writer(&path).expect("opens");
    vandal.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("all in one file");
    let page: i64 = vandal
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'segment'", [], |row| row.get(0))
        .expect("there");
    drop(vandal);
    let mut file = OpenOptions::new().write(true).open(&path).expect("opens");
    file.seek(SeekFrom::Start((page.unsigned_abs() - 1) * 8192)).expect("seeks");
    file.write_all(&[0xA5; 8192]).expect("damages");
    drop(file);
    let before = [1, 5].map(|number| bytes_of(dir.path(), number));
    let report = examine(dir.path(), true).expect("can be mended");
    assert_eq!(report.recovered.expect("a new one").lost, Some(0), "{report:?}");
    let aside = report.set_aside.expect("kept").with_extension(SEGMENTS);
    assert_eq!(
        ["00000001.jsonl", "00000005.jsonl"].map(|name| std::fs::read(aside.join(name)).expect("kept")),
        before
    );
    runtime().block_on(async {
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let back = waiting(&spool, 0).await;
        assert_eq!(
            back.iter().map(|one| &one.json).collect::<Vec<_>>(),
            all.iter().map(|one| &one.json).collect::<Vec<_>>()
        );
        close(spool, threads).await;
    });
    assert_eq!(segments_of(dir.path()), [1, 5]);
}

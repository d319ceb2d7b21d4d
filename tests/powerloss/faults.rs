//! Failing disks without a power cut: the program reports it, acknowledges nothing that is not safe, and refused events
//! do not come back damaged.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use crate::log::class::{DATABASE, SEGMENT, WAL};
use crate::program::{Settings, wait_until};
use crate::recording::{Recording, Request};
use crate::shim::{EIO, Mode, Rule, on};
use crate::verdict::{Problem, SPOOL, Truth, judge_home, missing};

/// Number of requests after the program has noticed that it cannot keep events, and the pause between two of them.
const LATER: usize = 20;
const LATER_PAUSE: Duration = Duration::from_millis(100);

/// Maximum size of the write-ahead log before senders are told.
const LOG_BYTES_MAX: usize = 320 << 20;

/// Judges the data folder as it is now.
fn problems(recording: &Recording) -> Vec<Problem> {
    let sent = recording.history.sent();
    let acknowledged = recording.history.acknowledged();
    let truth = Truth { sent: &sent, acknowledged, delivered: HashSet::new(), pruned: false };
    judge_home(&recording.home, &truth, recording.home.data.join(SPOOL).exists())
}

fn assert_whole(recording: &Recording, what: &str) {
    let problems = problems(recording);
    let texts: Vec<_> = problems.iter().take(6).map(|problem| format!("\n  {problem:.300}")).collect();
    assert!(problems.is_empty(), "{what}: {} problems{}", problems.len(), texts.concat());
}

/// How the process ends after the disk refused.
#[derive(Clone, Copy, Debug)]
enum End {
    Killed,
    KilledAfterMoreTries,
    Terminated,
}

fn refused_and_ended(classes: u8, is_batch: bool, end: End) {
    let recording = Recording::new(Settings::default());
    let mut serve = recording.start();
    let mut sender = recording.sender(&serve, "a");
    for _ in 0..3 {
        assert_eq!([sender.one(420), sender.batch(100, 420)], [200; 2]);
    }
    recording.control.set(0, Rule::every(on::SYNC, classes, Mode::Fail(EIO)));
    let status = if is_batch { sender.batch(100, 420) } else { sender.one(420) };
    assert_ne!(status, 200, "the disk refused: {}", sender.heard);
    match end {
        End::Killed => serve.kill(),
        End::KilledAfterMoreTries => {
            // Several requests, since a refused commit is not tried again by itself.
            wait_until("it tries again", || {
                assert_ne!(sender.one(420), 200, "the disk refuses");
                std::thread::sleep(LATER_PAUSE);
                recording.control.fired(0) > 2
            });
            serve.kill();
        }
        End::Terminated => drop(serve.stop()),
    }
    recording.control.clear();
    assert_whole(&recording, &format!("{end:?}, batch: {is_batch}"));
}

#[test]
fn a_batch_refused_by_a_failed_sync_does_not_come_back_broken_when_the_process_is_killed() {
    refused_and_ended(WAL, true, End::Killed);
    refused_and_ended(WAL, true, End::KilledAfterMoreTries);
    refused_and_ended(SEGMENT, true, End::Killed);
}

#[test]
fn a_batch_refused_by_a_failed_sync_does_not_come_back_broken_when_the_process_is_terminated() {
    refused_and_ended(WAL, true, End::Terminated);
    refused_and_ended(SEGMENT, true, End::Terminated);
}

#[test]
fn an_event_refused_by_a_failed_sync_does_not_come_back_broken() {
    refused_and_ended(WAL, false, End::Killed);
    refused_and_ended(WAL, false, End::KilledAfterMoreTries);
    refused_and_ended(WAL, false, End::Terminated);
}

/// Something is removed while the program runs: the program must notice it, refuse and report why. It may go on with
/// new files; then everything that it acknowledges is there after it was killed.
fn is_found_out(remove: impl FnOnce(&Path)) -> Recording {
    let recording = Recording::new(Settings::default());
    let mut serve = recording.start();
    let (mut before, mut reason) = (HashSet::new(), String::new());
    recording.under_load(
        &serve,
        &["a", "b"],
        &[Request::Batch, Request::One(420), Request::One(420)],
        || {
            recording.wait_accepted(20);
            let refusals = recording.history.refusals();
            remove(&recording.home.data);
            wait_until("senders are refused", || recording.history.refusals() > refusals);
            wait_until("/ready says so", || {
                let (status, said) = serve.ready();
                reason = said;
                status == 503
            });
            before = recording.history.acknowledged();
        },
    );
    assert!(reason.contains("spool"), "a reason: {reason}");
    let mut sender = recording.sender(&serve, "then");
    for _ in 0..LATER {
        sender.one(420);
        sender.batch(100, 420);
        std::thread::sleep(LATER_PAUSE);
    }
    serve.kill();
    let sent = recording.history.sent();
    let later = recording.history.acknowledged().into_iter().filter(|id| !before.contains(id));
    let missing: Vec<_> = missing(&recording.home, &sent, later.collect()).into_iter().take(5).collect();
    assert!(missing.is_empty(), "acknowledged after it was found out, and not there: {missing:?}");
    recording
}

#[test]
fn a_data_folder_that_is_removed_is_found_out_and_nothing_is_acknowledged_without_it() {
    is_found_out(|data| std::fs::remove_dir_all(data).expect("the folder is ours"));
}

#[test]
fn a_database_that_is_removed_is_found_out_and_costs_nothing() {
    let recording = is_found_out(|data| {
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(data.join(format!("{SPOOL}{end}"))).expect("the file is ours");
        }
    });
    assert_whole(&recording, "removed, then killed");
}

#[test]
fn segments_that_are_removed_are_found_out_and_nothing_is_acknowledged_without_them() {
    is_found_out(|data| std::fs::remove_dir_all(data.join("segments")).expect("the folder is ours"));
}

#[test]
fn a_database_file_that_refuses_writes_is_told_of_and_taken_again() {
    let recording = Recording::new(Settings::default());
    let mut serve = recording.start();
    recording.control.set(0, Rule::every(on::WRITE, DATABASE, Mode::Fail(EIO)));
    let mut sender = recording.sender(&serve, "a");
    let (size, mut sent) = (60_000, 0);
    while serve.ready().0 == 200 {
        for _ in 0..10 {
            sender.one(size);
            sent += size;
        }
        assert!(
            sent < LOG_BYTES_MAX,
            "{} writes failed, {sent} bytes were sent, and it is ready",
            recording.control.fired(0)
        );
    }
    recording.control.clear();
    wait_until("it is ready again", || sender.one(420) == 200 && serve.ready().0 == 200);
    serve.kill();
    assert_whole(&recording, "killed");
}

//! What the program does while it is recorded, and that no power cut loses what it acknowledged.
//!
//! Every feature that writes to the disk has a scenario here: add one with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::explore::{Focus, Plan};
use crate::log::class::{DATABASE, FOLDER, SEGMENT, WAL};
use crate::program::{Settings, wait_until};
use crate::recording::Request::{Batch, One};
use crate::recording::{Recording, rest};
use crate::scripted::{Answer, Scripted, Sent, TOO_LARGE};
use crate::shim::{EIO, ENOSPC, Mode, Rule, on};

fn recording() -> Recording {
    Recording::new(Settings::default())
}

#[test]
fn single_events() {
    let recording = recording();
    let mut serve = recording.start();
    recording.together(&serve, &["a", "b", "c", "d"], |sender, random| {
        for _ in 0..30 {
            sender.one(*random.choice(&[40, 420, 420, 3_000, 20_000]).expect("there are some"));
            rest(random, 1);
        }
    });
    serve.kill();
    Plan::new("single events", &recording).explore().must_be_whole();
}

#[test]
fn batches() {
    let recording = recording();
    let mut serve = recording.start();
    recording.together(&serve, &["a", "b", "c"], |sender, random| {
        for _ in 0..12 {
            sender.batch(*random.choice(&[1, 20, 100, 100, 250]).expect("there are some"), 420);
            rest(random, 2);
        }
    });
    serve.kill();
    Plan::new("batches", &recording).explore().must_be_whole();
}

#[test]
fn single_events_and_batches() {
    let recording = recording();
    let mut serve = recording.start();
    recording.together(&serve, &["a", "b", "c", "d", "e"], |sender, random| {
        for _ in 0..20 {
            if random.u8(..) < 100 {
                sender.batch(100, 420)
            } else {
                sender.one(5_000)
            };
        }
    });
    serve.kill();
    Plan::new("single events and batches", &recording).explore().must_be_whole();
}

#[test]
fn the_write_ahead_log_is_copied_while_more_comes() {
    let recording = recording();
    for life in ["a", "b", "c", "d"] {
        // Each start begins with a checkpoint, which takes long enough that commits come meanwhile.
        let slow = Mode::Delay(Duration::from_millis(2));
        recording.control.set(0, Rule::every(on::WRITE, DATABASE, slow));
        let mut serve = recording.start();
        recording.under_load(&serve, &[life], &[Batch, One(420), One(420), One(40_000)], || {
            recording.wait_accepted(25);
        });
        if life == "b" {
            assert!(serve.stop().success(), "{}", serve.log());
        }
        serve.kill();
    }
    Plan::new("copying", &recording).near(Focus::Copying).explore().must_be_whole();
}

#[test]
fn a_write_ahead_log_of_full_length_is_copied() {
    let recording = recording();
    let mut serve = recording.start();
    let mut sender = recording.sender(&serve, "a");
    for _ in 0..480 {
        sender.one(60_000);
    }
    serve.kill();
    Plan::new("copying in full", &recording).near(Focus::Copying).one_in(4).explore().must_be_whole();
}

#[test]
fn a_second_segment_begins() {
    let recording = recording();
    let mut serve = recording.start();
    recording.together(&serve, &["a", "b"], |sender, _| {
        for _ in 0..22 {
            sender.batch(100, 8_000);
        }
    });
    serve.kill();
    Plan::new("rotating", &recording).near(Focus::Copying).one_in(4).explore().must_be_whole();
}

#[test]
fn restarts() {
    let recording = recording();
    for life in 0..6 {
        let mut serve = recording.start();
        let names = [format!("a{life}"), format!("b{life}")];
        recording.together(&serve, &[&names[0], &names[1]], |sender, _| {
            for number in 0..6 {
                if (number + life) % 2 == 0 {
                    sender.batch(100, 420)
                } else {
                    sender.one(420)
                };
            }
        });
        if life == 3 {
            let ended = recording.run(&["log", "--json", "--data"]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
        if life % 2 == 0 {
            assert!(serve.stop().success(), "{}", serve.log());
        } else {
            serve.kill();
        }
    }
    Plan::new("restarts", &recording).explore().must_be_whole();
}

#[test]
fn a_new_data_folder_below_new_folders() {
    let recording = Recording::below(Settings::default(), Path::new("var/lib/tributary"));
    let mut serve = recording.start();
    let mut sender = recording.sender(&serve, "a");
    sender.batch(100, 420);
    sender.one(420);
    serve.kill();
    Plan::new("a new data folder", &recording).explore().must_be_whole();
}

#[test]
fn a_new_data_folder_whose_names_are_not_synced_at_first() {
    for skip in 0..4 {
        let recording = Recording::below(Settings::default(), Path::new("var/lib/tributary"));
        recording.control.set(0, Rule { skip, ..Rule::once(on::SYNC, FOLDER, Mode::Fail(EIO)) });
        let mut serve = recording.try_start().unwrap_or_else(|_refused| recording.start());
        let mut sender = recording.sender(&serve, "a");
        wait_until("events are accepted", || sender.one(420) == 200 && sender.batch(100, 420) == 200);
        serve.kill();
        let plan = Plan::new("a new data folder without syncs", &recording).gate().one_in(4);
        plan.explore().must_be_whole();
    }
}

/// Two senders. Each of the rules is applied, and then events are accepted again. Most requests are batches, which
/// write a segment before their commit.
fn under_faults(rules: &[Rule]) -> Recording {
    let recording = recording();
    let mut serve = recording.start();
    recording.under_load(&serve, &["a", "b"], &[Batch, Batch, Batch, One(420), One(20_000)], || {
        recording.wait_accepted(12);
        for rule in rules {
            recording.meet(0, *rule);
            recording.wait_accepted(10);
        }
    });
    serve.kill();
    recording
}

/// The same for the database file, which is written when a run begins or ends.
fn under_faults_of_the_database(rules: &[Rule]) -> Recording {
    let recording = recording();
    let mut serve = recording.start();
    recording
        .under_load(&serve, &["a", "b"], &[Batch, One(420), One(20_000)], || recording.wait_accepted(20));
    serve.kill();
    for (life, rule) in rules.iter().enumerate() {
        recording.control.set(0, *rule);
        let mut serve = recording.start();
        let name = format!("c{life}");
        recording.under_load(&serve, &[&name], &[Batch, One(420), One(20_000)], || {
            wait_until("the database file is written", || recording.control.fired(0) > 0);
            recording.control.clear();
            recording.wait_accepted(10);
        });
        if life % 2 == 0 {
            assert!(serve.stop().success(), "{}", serve.log());
        }
        serve.kill();
    }
    recording
}

fn failing_syncs(classes: u8) -> [Rule; 4] {
    [0, 1, 0, 2].map(|skip| Rule { skip, ..Rule::once(on::SYNC, classes, Mode::Fail(EIO)) })
}

fn failing_writes(classes: u8) -> [Rule; 3] {
    let short = Rule { count: Some(7), ..Rule::once(on::WRITE, classes, Mode::Short) };
    let failing = |error| Rule { skip: 1, ..Rule::once(on::WRITE, classes, Mode::Fail(error)) };
    [failing(EIO), failing(ENOSPC), short]
}

#[test]
fn syncs_of_the_write_ahead_log_fail() {
    let recording = under_faults(&failing_syncs(WAL));
    let plan = Plan::new("failing syncs of the write-ahead log", &recording);
    plan.gate_and_dead_blocks().explore().must_be_whole();
}

#[test]
fn syncs_of_segments_fail() {
    let recording = under_faults(&failing_syncs(SEGMENT));
    let plan = Plan::new("failing syncs of segments", &recording);
    plan.gate_and_dead_blocks().explore().must_be_whole();
}

#[test]
fn syncs_of_folders_fail() {
    // After a failed sync of a segment the next one begins, and its name must be synced.
    let folder = Rule::once(on::SYNC, FOLDER, Mode::Fail(EIO));
    let recording = recording();
    let mut serve = recording.start();
    recording.under_load(&serve, &["a", "b"], &[Batch, One(420), One(420)], || {
        recording.wait_accepted(12);
        for _ in 0..3 {
            recording.control.set(1, folder);
            recording.meet(0, Rule::once(on::SYNC, SEGMENT, Mode::Fail(EIO)));
            wait_until("a folder is synced", || recording.control.fired(1) > 0);
            recording.wait_accepted(10);
        }
    });
    serve.kill();
    Plan::new("failing syncs of folders", &recording).gate().explore().must_be_whole();
}

#[test]
fn the_sync_that_ends_the_first_copying_fails() {
    let recording = under_faults_of_the_database(&[Rule::once(on::SYNC, DATABASE, Mode::Fail(EIO)); 2]);
    let plan = Plan::new("failing sync of the database, early", &recording);
    plan.gate().near(Focus::Copying).explore().must_be_whole();
}

/// The write-ahead log is copied in several rounds, and only the last one syncs: its result counts for all of them.
#[test]
fn the_sync_that_ends_a_copying_of_several_rounds_fails() {
    let recording = recording();
    let mut serve = recording.start();
    recording
        .under_load(&serve, &["a", "b"], &[Batch, One(420), One(20_000)], || recording.wait_accepted(40));
    serve.kill();
    for life in ["c", "d"] {
        let slow = Mode::Delay(Duration::from_millis(4));
        recording.control.set(0, Rule::once(on::SYNC, DATABASE, Mode::Fail(EIO)));
        recording.control.set(1, Rule::every(on::WRITE, DATABASE, slow));
        let mut serve = recording.start();
        recording.under_load(&serve, &[life], &[Batch, One(420), One(20_000)], || {
            wait_until("the last round is synced", || recording.control.fired(0) > 0);
            recording.control.clear();
            recording.wait_accepted(10);
        });
        assert!(serve.stop().success(), "{}", serve.log());
    }
    let plan = Plan::new("failing sync of the database, late", &recording);
    plan.gate().near(Focus::Copying).explore().must_be_whole();
}

#[test]
fn writes_to_the_write_ahead_log_fail() {
    let recording = under_faults(&failing_writes(WAL));
    Plan::new("failing writes to the write-ahead log", &recording).explore().must_be_whole();
}

#[test]
fn writes_to_segments_fail() {
    let recording = under_faults(&failing_writes(SEGMENT));
    Plan::new("failing writes to segments", &recording).explore().must_be_whole();
}

#[test]
fn writes_to_the_database_fail() {
    let recording = under_faults_of_the_database(&failing_writes(DATABASE));
    let plan = Plan::new("failing writes to the database", &recording);
    plan.near(Focus::Copying).explore().must_be_whole();
}

/// A stream that takes all events but those whose `n` is refused.
fn stream(recording: &Recording, is_refused: impl Fn(u64) -> bool + Send + 'static) -> Scripted {
    let (history, log) = (Arc::clone(&recording.history), recording.log.clone());
    Scripted::start(move |call| {
        let events: Vec<_> = call.records.iter().map(Sent::json).collect();
        if events.iter().any(|event| event["properties"]["n"].as_u64().is_some_and(&is_refused)) {
            return TOO_LARGE;
        }
        // Everything after this position was done when the stream had the events.
        let position = std::fs::metadata(&log).map_or(0, |log| log.len());
        for event in &events {
            history.note_delivered(event["messageId"].as_str().unwrap_or_default(), position);
        }
        Answer::Success
    })
}

/// Delivers and prunes batches until the file of the first segment is removed, which takes a minute of the program's
/// time.
fn until_the_first_segment_goes(
    recording: &mut Recording,
    is_refused: impl Fn(u64) -> bool + Send + 'static,
) {
    // The refused events stay.
    let stays = (1..=400).filter(|n| is_refused(*n)).count();
    let server = stream(recording, is_refused);
    recording.set(Settings { endpoint: Some(server.url.clone()), operation: "put-record", keep_events: 0 });
    let mut serve = recording.start();
    let mut sender = recording.sender(&serve, "first");
    (0..4).for_each(|_| assert_eq!(sender.batch(100, 420), 200));
    let segment = segments(recording).into_iter().min().expect("a batch makes a segment");
    wait_until("what was delivered is pruned", || {
        let ended = recording.home.run(&["log", "--json"]);
        ended.code == Some(0) && ended.stdout.lines().count() == stays
    });
    let mut ahead = Duration::ZERO;
    recording.under_load(&serve, &["a"], &[Batch, One(420), One(420)], || {
        wait_until("the file of the first segment goes", || {
            std::thread::sleep(Duration::from_millis(700));
            ahead += Duration::from_secs(61);
            recording.control.put_monotonic_clock_forward(ahead);
            !segment.exists()
        });
    });
    serve.kill();
}

fn segments(recording: &Recording) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(recording.home.data.join("segments")).expect("there is a folder");
    folder.map(|entry| entry.expect("the folder is ours").path()).collect()
}

#[test]
fn delivered_events_are_pruned_and_their_segments_go() {
    let mut recording = recording();
    until_the_first_segment_goes(&mut recording, |_| false);
    Plan::new("pruning", &recording).pruned().near(Focus::Copying).explore().must_be_whole();
}

#[test]
fn what_is_left_of_a_segment_moves_into_the_database() {
    let mut recording = recording();
    until_the_first_segment_goes(&mut recording, |n| n % 37 == 0);
    Plan::new("moving", &recording).pruned().near(Focus::Copying).explore().must_be_whole();
}

#[test]
fn events_are_sent_again_while_others_come() {
    let mut recording = recording();
    let refuses = Arc::new(AtomicBool::new(true));
    let refusing = Arc::clone(&refuses);
    let server = stream(&recording, move |n| n % 9 == 0 && refusing.load(Ordering::Relaxed));
    recording.set(Settings {
        endpoint: Some(server.url.clone()),
        operation: "put-record",
        ..Settings::default()
    });
    let mut serve = recording.start();
    let mut sender = recording.sender(&serve, "first");
    (0..4).for_each(|_| assert_eq!(sender.batch(100, 420), 200));
    wait_until("nothing is queued", || serve.metric("tributary_queued_events") == Some(0));
    refuses.store(false, Ordering::Relaxed);
    recording.under_load(&serve, &["a"], &[Batch, One(420), One(420)], || {
        recording.wait_accepted(2);
        for words in [&["resend", "--all"][..], &["resend", "--state", "delivered", "--type", "track"]] {
            let ended = recording.run(words);
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
        recording.wait_accepted(2);
    });
    serve.kill();
    Plan::new("resending", &recording).explore().must_be_whole();
}

/// Controls: a test that could not detect losses would be worth nothing.
#[test]
fn syncs_of_the_write_ahead_log_that_lie_are_caught() {
    let recording = lying(WAL);
    let found = Plan::new("control: the write-ahead log", &recording).explore();
    found.must_have_lost(&["lost"]);
}

#[test]
fn syncs_of_segments_that_lie_are_caught() {
    let recording = lying(SEGMENT);
    let found = Plan::new("control: segments", &recording).explore();
    found.must_have_lost(&["changed", "damaged"]);
}

fn lying(classes: u8) -> Recording {
    let recording = recording();
    let mut serve = recording.start();
    recording.control.set(0, Rule::every(on::SYNC, classes, Mode::Lie));
    let mut sender = recording.sender(&serve, "a");
    for _ in 0..6 {
        sender.one(420);
        sender.batch(100, 420);
    }
    serve.kill();
    recording
}

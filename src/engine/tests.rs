//! Tests of a running engine: it reports a part that stops, wakes its faces, and carries out messages.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use super::{command::WaitingEvents, tasks::JOBS_MAX, *};
use crate::delivery::ForwarderState;

/// A channel that gets a message each time the engine wakes the face.
fn woken(engine: &Engine) -> Receiver<()> {
    let (wake, woken) = sync_channel(1);
    engine.on_change(move || wake.try_send(()).unwrap_or(()));
    woken
}

fn told_of(end: impl FnOnce(&Engine)) -> Arc<str> {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::for_test(folder.path());
    let woken = woken(&engine);
    assert_eq!(engine.broken(), None);
    end(&engine);
    let why = loop {
        if let Some(why) = engine.broken() {
            break why;
        }
        woken.recv_timeout(Duration::from_secs(30)).expect("the face is woken");
    };
    assert!(engine.status().problems.contains(&why), "the window shows it");
    engine.shutdown(Duration::ZERO);
    why
}

#[test]
fn a_part_that_stops_unasked_is_told_of_and_the_face_is_woken() {
    let why = told_of(Engine::lose_the_spool);
    assert!(why.contains("stopped unexpectedly") && why.contains("No accepted event is lost"), "{why}");
}

#[test]
fn the_supervisor_of_all_parts_does_not_stop_unnoticed_either() {
    let why = told_of(|engine| engine.supervisor.abort());
    assert!(why.starts_with("The engine supervisor stopped unexpectedly"), "{why}");
}

#[test]
fn a_practice_stream_that_is_created_or_deleted_is_shown_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::for_test(folder.path());
    let woken = woken(&engine);
    let wait_until = |is_so: fn(&Status) -> bool| {
        while !is_so(&engine.status()) {
            woken.recv_timeout(Duration::from_secs(10)).expect("the face is woken");
        }
    };
    // A forwarder that runs would report the stream's end and return itself.
    let mut config = Config::clone(&engine.settings().current());
    config.destination.enabled = false;
    drop(engine.settings().apply(config));
    wait_until(|status| status.forwarder == ForwarderState::Disabled);
    // Repeated, because the first upkeep of the spool publishes the status too.
    for _ in 0..3 {
        engine.practice_stream().delete();
        wait_until(|status| status.practice_missing);
        engine.practice_stream().create();
        wait_until(|status| !status.practice_missing);
    }
    engine.shutdown(Duration::ZERO);
}

#[test]
fn while_too_many_jobs_run_settings_are_still_applied_and_jobs_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::for_test(folder.path());
    for _ in 0..JOBS_MAX {
        let _runtime = engine.runtime.enter();
        engine.shared.tasks.job(std::future::pending());
    }
    let busy = |engine: &Engine| engine.shared.problems.all().iter().any(|text| text.contains("too busy"));
    assert!(engine.test_events().presets().wait().is_none() && busy(&engine), "one job more is refused");
    engine.test_events().stop_run();
    assert!(!busy(&engine));
    let applied = engine.settings().apply(Config::clone(&engine.settings().current())).wait();
    assert_eq!(applied, Some(Ok(Applied::InForce)));
    engine.shutdown(Duration::ZERO);
}

#[test]
fn settings_that_were_to_be_saved_before_the_engine_stops_are_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::for_test(folder.path());
    let mut config = Config::clone(&engine.settings().current());
    // Each takes a while, so most of them are still queued when the engine stops.
    for keep_events in 1..=20 {
        config.log.keep_events = keep_events * 1000;
        drop(engine.settings().save_and_apply(config.clone(), WaitingEvents::GoOn));
    }
    engine.shutdown(Duration::ZERO);
    let file = std::fs::read_to_string(folder.path().join("config.toml")).expect("it was saved");
    assert!(file.contains("keep_events = 20000"), "{file}");
}

//! The practice stream's fault switches, in the window: each has its own effect, and no event is lost.

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tributary::{
    config::{DestinationKind, Operation},
    delivery::Query,
    spool::{FILE_NAME, LogReader},
};

use crate::{
    opened_window::{OpenedWindow, Window, address, explain, go, open, says, settings, wait_for},
    window::{lines, search, send},
};

fn with_operation(operation: Operation) -> OpenedWindow {
    let mut config = settings();
    config.destination.operation = operation;
    let mut opened = open(config);
    opened.window.set_size(eframe::egui::vec2(1280.0, 2000.0));
    go(&mut opened.window, "Test");
    press(&mut opened.window, Role::Button, "Practice faults");
    opened
}

/// Presses a button. While events flow the window is always drawn again, so it is not run until it rests.
fn press(window: &mut Window, role: Role, label: &str) {
    window.get_by_role_and_label(role, label).click();
    window.step();
}

fn flip(window: &mut Window, label: &str) {
    press(window, Role::Switch, label);
    wait_for(window, label, |window| says(window, "Practice faults are on"));
}

/// Sends a hundred events of 25 users at once.
fn start(window: &mut Window) {
    press(window, Role::Switch, "At a rate");
    press(window, Role::Button, "Start");
}

fn send_many(window: &mut Window) {
    start(window);
    wait_for(window, "the run", |window| says(window, "100 of 100 accepted. All events were sent."));
}

fn all_is_delivered(window: &mut Window, count: u32) {
    let sums = format!("{count} accepted = {count} delivered + 0 queued + 0 failed");
    wait_for(window, "all to be delivered", |window| says(window, &sums));
}

fn switch_off(window: &mut Window) {
    press(window, Role::Button, "Switch all faults off");
    wait_for(window, "the faults to be off", |window| !says(window, "Practice faults are on"));
}

#[test]
fn a_throttled_stream_takes_all_in_the_end() {
    let mut opened = with_operation(Operation::PutRecord);
    let window = &mut opened.window;
    flip(window, "Throttle");
    start(window);
    wait_for(window, "the stream to push back", |window| {
        says(window, "The practice stream is over its throughput limit")
    });
    assert!(says(window, "Throttled"));
    wait_for(window, "the run", |window| says(window, "100 of 100 accepted. All events were sent."));
    switch_off(window);
    all_is_delivered(window, 100);
}

#[test]
fn records_that_fail_in_a_batch_are_sent_again() {
    let mut opened = with_operation(Operation::PutRecord);
    let window = &mut opened.window;
    let switch = window.get_by_role_and_label(Role::Switch, "Fail a part of each batch");
    assert!(switch.accesskit_node().is_disabled(), "without batches it would do nothing");
    assert!(says(window, "Needs batches"));

    let mut opened = with_operation(Operation::PutRecords);
    let window = &mut opened.window;
    flip(window, "Fail a part of each batch");
    send_many(window);
    all_is_delivered(window, 100);
    let log = LogReader::open(&opened.files.path().join("data").join(FILE_NAME)).expect("the log");
    let page = log.page(&Query { limit: 200, ..Query::default() }).expect("a page");
    let again = page.rows.iter().filter(|row| row.attempts > 1).count();
    assert!(page.rows.len() == 100 && again > 0, "{again} were put again");
}

#[test]
fn cut_connections_lose_nothing_and_the_repeats_are_counted() {
    let mut opened = with_operation(Operation::PutRecord);
    let window = &mut opened.window;
    flip(window, "Cut the connection");
    send_many(window);
    wait_for(window, "an answer that never came", |window| {
        says(window, "may be in the stream more than once")
    });
    switch_off(window);
    all_is_delivered(window, 100);
}

#[test]
fn expired_credentials_hold_events_back_until_they_are_good_again() {
    let mut opened = with_operation(Operation::PutRecord);
    let window = &mut opened.window;
    flip(window, "Expire the credentials");
    send_many(window);
    wait_for(window, "the forwarder to be blocked", |window| says(window, "Blocked"));
    assert!(says(window, "the session has expired"));
    assert!(says(window, "100 accepted = 0 delivered + 100 queued + 0 failed"));
    // From any place.
    explain(window, "Forwarder");
    press(window, Role::Button, "Switch all off");
    all_is_delivered(window, 100);
}

#[test]
fn a_deleted_stream_is_waited_for() {
    let mut opened = with_operation(Operation::PutRecord);
    let window = &mut opened.window;
    flip(window, "Delete the stream");
    send_many(window);
    wait_for(window, "the forwarder to be blocked", |window| says(window, "The practice stream is gone"));
    assert!(says(window, "100 accepted = 0 delivered + 100 queued + 0 failed"));
    press(window, Role::Switch, "Delete the stream");
    all_is_delivered(window, 100);
    assert!(!says(window, "Practice faults are on"));
}

#[test]
fn slow_answers_are_waited_for() {
    let mut opened = with_operation(Operation::PutRecord);
    let window = &mut opened.window;
    flip(window, "Slow answers");
    press(window, Role::Button, "Send event");
    wait_for(window, "the event to wait", |window| {
        says(window, "1 accepted = 0 delivered + 1 queued + 0 failed")
    });
    all_is_delivered(window, 1);
    switch_off(window);
}

/// How far left a button is: the primary one is the first.
fn left_of(window: &Window, button: &str) -> f32 {
    window.get_by_role_and_label(Role::Button, button).rect().left()
}

#[test]
fn a_large_event_fails_and_is_delivered_when_it_is_resent_after_the_fault() {
    let mut opened = with_operation(Operation::PutRecord);
    let window = &mut opened.window;
    let address = address(window);
    flip(window, "Refuse large records");
    for (user, note) in [("ada", "short"), ("bob", &*"long ".repeat(200)), ("cy", "short")] {
        let event = format!(r#"{{"userId":"{user}","event":"Noted","properties":{{"note":"{note}"}}}}"#);
        assert_eq!(send(address, "test-key-1234", &event), 200);
    }
    wait_for(window, "bob's to fail", |window| {
        says(window, "3 accepted = 2 delivered + 0 queued + 1 failed")
    });

    go(window, "Live");
    search(window, "userId:bob state:failed");
    wait_for(window, "the one that failed", |window| {
        lines(window).len() == 1 && says(window, "Failed track Noted")
    });
    window.get_by_label_contains("Failed track Noted").click();
    wait_for(window, "why", |window| says(window, "larger than the practice stream takes"));
    assert!(says(window, "First switch that fault off. Then resend the event"));
    let (first, then) = (left_of(window, "Test › Practice faults"), left_of(window, "Resend this event"));
    assert!(first < then, "a resend would fail again: {first} {then}");

    press(window, Role::Button, "Test › Practice faults");
    wait_for(window, "the switches", |window| {
        window.query_by_role_and_label(Role::Switch, "Refuse large records").is_some()
    });
    press(window, Role::Switch, "Refuse large records");
    wait_for(window, "the fault to be off", |window| !says(window, "Practice faults are on"));

    go(window, "Live");
    wait_for(window, "what is left to do", |window| says(window, "The cause is over"));
    assert!(!says(window, "cannot take this event"), "it can now");
    assert!(window.query_by_role_and_label(Role::Button, "Test › Practice faults").is_none());
    press(window, Role::Button, "Resend this event");
    wait_for(window, "the new event", |window| says(window, "Show the original"));
    wait_for(window, "its delivery", |window| says(window, "Sequence number"));
    go(window, "Test");
    all_is_delivered(window, 3);
}

#[test]
fn the_switches_are_one_click_away_in_the_smallest_window_and_their_button_counts() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.set_size(eframe::egui::vec2(860.0, 560.0));
    window.run_steps(4);
    go(window, "Test");
    assert!(window.query_by_role_and_label(Role::Switch, "Throttle").is_none());
    press(window, Role::Button, "Practice faults");
    window.run();
    let switch = window.get_by_role_and_label(Role::Switch, "Throttle").rect();
    assert!(window.ctx.content_rect().contains_rect(switch), "{switch}");
    flip(window, "Throttle");
    press(window, Role::Button, "Hide practice faults");
    window.run();
    window.get_by_role_and_label(Role::Button, "Practice faults: 1 on");
    assert!(window.query_by_role_and_label(Role::Switch, "Throttle").is_none());
}

#[test]
fn a_stream_of_aws_has_no_fault_switches() {
    let mut config = settings();
    config.destination.kind = DestinationKind::Kinesis;
    "eu-west-1".clone_into(&mut config.destination.region);
    "clickstream".clone_into(&mut config.destination.stream);
    config.destination.enabled = false;
    let mut opened = open(config);
    go(&mut opened.window, "Test");
    assert!(!says(&opened.window, "Practice faults"));
}

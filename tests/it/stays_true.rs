//! What each place of the window says is true, and stays true while things change around it.

use std::{net::TcpListener, time::Duration};

use eframe::egui::{Key, Modifiers, accesskit::Role, pos2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::{
    account::Account,
    opened_window::{
        Window, address, click, copied, edit, explain, flip, go, open, open_with, press, press_key, retype,
        says, settings, start_guide, type_into, wait_for,
    },
    setup::{set_aside_for, use_server, with_waiting},
    window::{denied, is_run_with_keys, lines, search, send, send_seen, without_profile},
};

const KEY: &str = "test-key-1234";

fn are_all(window: &Window, count: usize, state: &str) -> bool {
    let lines = lines(window);
    lines.len() == count && lines.iter().all(|line| line.starts_with(state))
}

/// Opens the first line of the log, and takes the pointer away from the list.
fn open_first(window: &mut Window) {
    window.get_all_by_role(Role::Row).next().expect("a line").click();
    window.run_steps(4);
    window.hover_at(pos2(400.0, 10.0));
    window.step();
}

fn is_button(window: &Window, label: &str) -> bool {
    window.query_by_role_and_label(Role::Button, label).is_some()
}

fn is_disabled(window: &Window, button: &str) -> bool {
    window.get_by_role_and_label(Role::Button, button).accesskit_node().is_disabled()
}

// The log under a filter by state.

#[test]
fn lines_beside_an_open_one_say_their_new_state_and_go_when_it_is_closed() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    let address = address(window);
    for name in ["e1", "e2", "e3"] {
        assert_eq!(send(address, KEY, &format!(r#"{{"userId":"ada-{name}","event":"{name}"}}"#)), 200);
    }
    go(window, "Live");
    search(window, "state:retrying,queued");
    wait_for(window, "three that are tried again", |window| are_all(window, 3, "Retrying"));
    open_first(window);
    explain(window, "Forwarder");
    click(window, "Switch all off");
    window.hover_at(pos2(400.0, 10.0));
    wait_for(window, "their new state", |window| are_all(window, 3, "Delivered"));
    click(window, "Close");
    window.hover_at(pos2(400.0, 10.0));
    wait_for(window, "none fits any more", |window| says(window, "No matches") && lines(window).is_empty());
}

#[test]
fn lines_that_changed_out_of_sight_are_asked_again_when_they_are_let_go() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    send_seen(window);
    go(window, "Live");
    search(window, "state:retrying,queued");
    wait_for(window, "one that is tried again", |window| are_all(window, 1, "Retrying"));
    open_first(window);
    go(window, "Sources");
    explain(window, "Forwarder");
    click(window, "Switch all off");
    wait_for(window, "it is delivered", |window| says(window, "Running"));
    go(window, "Live");
    wait_for(window, "its new state", |window| are_all(window, 1, "Delivered"));
    press_key(window, Modifiers::NONE, Key::Escape);
    window.hover_at(pos2(400.0, 10.0));
    wait_for(window, "it fits no more", |window| says(window, "No matches"));
}

#[test]
fn failed_lines_say_that_they_were_resent_though_one_is_open() {
    if !is_run_with_keys("stays_true::failed_lines_say_that_they_were_resent_though_one_is_open") {
        return;
    }
    let (from, to) = (Account::start(&["clicks"]), Account::start(&["clicks"]));
    let mut opened = with_waiting(&from, 3);
    let window = &mut opened.window;
    set_aside_for(window, &to);
    go(window, "Live");
    search(window, "state:failed");
    wait_for(window, "three that failed", |window| are_all(window, 3, "Failed"));
    open_first(window);
    press_key(window, Modifiers::COMMAND, Key::T);
    wait_for(window, "how many", |window| is_button(window, "Resend 3 events"));
    press(window, "Resend 3 events");
    window.hover_at(pos2(400.0, 10.0));
    wait_for(window, "their new state", |window| are_all(window, 3, "Resent"));
    wait_for(window, "the way to newer ones", |window| is_button(window, "Show newer events"));
    // It does not depend on the position of the pointer.
    window.get_all_by_role(Role::Row).last().expect("a line").click();
    window.run_steps(8);
    assert!(is_button(window, "Show newer events"));
    click(window, "Show newer events");
    wait_for(window, "none fits any more", |window| lines(window).is_empty());
}

// Settings.

#[test]
fn an_address_that_is_in_use_is_not_called_applied_and_is_taken_once_it_is_free() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = other.local_addr().expect("an address");
    let mut opened = open(settings());
    let window = &mut opened.window;
    let before = address(window);
    go(window, "Settings");
    retype(window, "Listen address", &taken.to_string());
    window.key_press(Key::Enter);
    window.step();
    wait_for(window, "why not", |window| says(window, "could not move"));
    wait_for(window, "it is saved", |window| says(window, "Saved, but"));
    assert!(!says(window, "Applied and saved"));
    wait_for(window, "the way to take it back", |window| says(window, "Saved: Listen address"));
    window.run_steps(3);
    let notice = window.get_by_label_contains("Saved, but").rect();
    assert!(notice.width() < 660.0 && notice.height() < 60.0, "a long text takes several lines: {notice:?}");
    assert_eq!(address(window), before);
    drop(other);
    wait_for(window, "it listens there", |window| says(window, &format!("http://{taken}")));
    wait_for(window, "the problem is over", |window| !says(window, "could not move"));
    assert_eq!(send(taken, KEY, r#"{"userId":"ada","event":"Seen"}"#), 200);
}

// Sources.

#[test]
fn a_source_keeps_its_numbers_when_it_is_renamed() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    go(window, "Sources");
    press(window, "Check My first source");
    assert_eq!(send(address, KEY, r#"{"userId":"ada","event":"Seen"}"#), 200);
    wait_for(window, "the event", |window| says(window, "An event arrived") && says(window, "1 accepted"));
    press(window, "Rename My first source");
    retype(window, "Source name", "Website");
    click(window, "Save");
    wait_for(window, "its new name", |window| says(window, "Copy write key of Website"));
    wait_for(window, "its numbers", |window| says(window, "1 accepted"));
    assert!(!says(window, "No events since Tributary started") && says(window, "An event arrived"));
    assert_eq!(send(address, KEY, r#"{"userId":"ada","event":"Seen"}"#), 200);
    wait_for(window, "both", |window| says(window, "2 accepted"));
}

#[test]
fn a_source_s_rate_is_the_rate_of_the_status_line() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    let is_at = |window: &Window, label: &str| window.query_all_by_label(label).next().is_some();
    // A rate is shown for three seconds: on a busy machine more than one event is needed to see one.
    let is_the_same = (0..10).any(|_| {
        send_seen(window);
        (0..300).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            window.step();
            assert!(!is_at(window, "0.1 events/s"), "a rate of its own");
            is_at(window, "0.3 events/s") && is_at(window, "0.3/s")
        })
    });
    assert!(is_the_same);
}

// Test.

#[test]
fn a_saved_event_is_named_only_where_it_is_shown_and_removed_only_after_a_question() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Test");
    let is_named = |window: &Window| says(window, "Remove saved event Mine");
    press(window, "Save as …");
    type_into(window, "Name of the saved event", "Mine");
    press(window, "Save event");
    wait_for(window, "it is saved", is_named);
    press(window, "identify");
    assert!(!is_named(window), "another event is shown");
    press(window, "track");
    wait_for(window, "its name", is_named);
    press(window, "Remove saved event Mine");
    window.run_steps(4);
    click(window, "Cancel");
    window.run_steps(4);
    assert!(is_named(window), "it is still there");
    press(window, "Remove saved event Mine");
    window.run_steps(4);
    click(window, "Remove saved event");
    wait_for(window, "it goes", |window| !is_named(window));
}

#[test]
fn a_json_text_with_a_mistake_is_not_said_to_have_a_wrong_context() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Test");
    press(window, "JSON");
    let write = |window: &mut Window, text: &str| {
        window.get_by_label("Event JSON").focus();
        window.run();
        press_key(window, Modifiers::COMMAND, Key::A);
        window.get_by_label("Event JSON").type_text(text);
        window.run();
    };
    write(window, "{\"event\": }");
    assert!(says(window, "Line 1, column") && !says(window, "context is not an object"));
    write(window, r#"{"userId":"ada","event":"Seen","context":7}"#);
    assert!(says(window, "context is not an object"));
}

// Stream.

#[test]
fn a_sequence_number_that_the_stream_does_not_have_is_named_as_the_cause() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Stream");
    press(window, "Sequence number");
    type_into(window, "Sequence number to start at", "123");
    wait_for(window, "what was said", |window| says(window, "StartingSequenceNumber 123"));
    assert!(says(window, "cannot be read from this sequence number"));
    assert!(!says(window, "name or ARN") && !says(window, "What AWS said"));
}

// Set up.

#[test]
fn a_check_is_outdated_by_what_it_checks_alone() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    edit(window, "Check");
    press(window, "Check");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    flip(window, "Deliver events");
    wait_for(window, "the switch", |window| says(window, "Disabled"));
    assert!(!says(window, "The settings have changed since this check"));
    window.get_by_label("Check: done");
    assert!(says(window, "The check found no problem."));
}

#[test]
fn a_check_is_made_again_only_where_its_result_is_shown() {
    let mut opened = open(without_profile());
    let window = &mut opened.window;
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the check", |window| says(window, "Credentials are found: failed"));
    window.get_by_role_and_label(Role::Button, "Check again");
    click(window, "Destination Practice stream");
    window.run();
    edit(window, "Check");
    assert!(is_button(window, "Check") && !is_button(window, "Check again"));
    click(window, "Discard");
    window.run();
    edit(window, "Check and switch");
    assert!(is_button(window, "Check again") && !is_button(window, "Check"));
}

#[test]
fn an_arn_with_missing_parts_is_not_copied_and_a_policy_says_that_it_has_placeholders() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    start_guide(window);
    edit(window, "Permission");
    click(window, "Copy policy");
    window.run();
    assert!(says(window, "Policy with placeholders copied"));
    edit(window, "Stream");
    assert!(is_disabled(window, "Copy stream arn"));
    type_into(window, "AWS region", "eu-west-1");
    type_into(window, "Stream name", "clicks");
    assert!(is_disabled(window, "Copy stream arn"));
    type_into(window, "AWS account id", "123456789012");
    click(window, "Copy stream arn");
    assert_eq!(copied(window).as_deref(), Some("arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"));
}

#[test]
fn a_server_that_is_not_aws_is_not_called_aws() {
    if !is_run_with_keys("stays_true::a_server_that_is_not_aws_is_not_called_aws") {
        return;
    }
    let dead = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let mut config = settings();
    use_server(&mut config, &format!("http://{dead}"));
    let mut opened = open(config);
    let window = &mut opened.window;
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the check", |window| says(window, "The stream exists: failed"));
    assert!(says(window, "This server did not say whose keys these are"));
    assert!(!says(window, "AWS STS") && !says(window, "AWS knows them"));
    window.get_by_label("The keys are valid: skipped");
}

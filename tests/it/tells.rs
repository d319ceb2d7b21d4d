//! The window tells the truth about limits, errors and events: the value in force, the newest reason, the result of an
//! event and how often it was put.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use eframe::egui::{Key, accesskit::Role, pos2};
use egui_kittest::kittest::Queryable as _;
use tributary::{
    delivery::{Delivery, Query},
    spool::{FILE_NAME, LogReader},
};

use crate::{
    layout::texts,
    opened_window::{
        OpenedWindow, Window, click, edit, explain, go, open, press, retype, says, settings, wait_for,
    },
    scripted::{Answer, Scripted},
    setup::use_server,
    window::{is_run_with_keys, lines, search, send_seen},
};

/// More than any disk has free.
const PEBIBYTE: u64 = 1 << 50;

fn is_button(window: &Window, label: &str) -> bool {
    window.query_by_role_and_label(Role::Button, label).is_some()
}

/// The newest lines of the log.
fn log(opened: &OpenedWindow) -> Vec<Delivery> {
    let log = LogReader::open(&opened.files.path().join("data").join(FILE_NAME)).expect("the log");
    log.page(&Query { limit: 10, ..Query::default() }).expect("a page").rows
}

// Settings.

#[test]
fn limits_are_shown_as_they_are_and_stay_as_they_are_until_they_are_edited() {
    let mut config = settings();
    config.spool.max_bytes = 64 * 1024;
    config.spool.min_free_bytes = 1_000;
    config.log.keep_events = 5;
    let mut opened = open(config);
    let file = opened.files.path().join("config.toml");
    let before = std::fs::read_to_string(&file).expect("a settings file");
    let window = &mut opened.window;
    go(window, "Settings");
    let painted: Vec<_> = texts(window).iter().map(|(_, text)| text.galley.text().to_owned()).collect();
    for value in ["64 KiB", "1\u{2009}000 B", "5"] {
        assert!(painted.iter().any(|text| text == value), "{value}: {painted:?}");
    }
    assert!(!is_button(window, "Undo"), "nothing was touched");
    // Focuses each field without a change.
    for field in ["Spool size limit", "Keep free on the disk", "Keep in the log"] {
        window.get_by_role_and_label(Role::SpinButton, field).focus();
        window.run();
        window.key_press(Key::Enter);
        window.run();
        window.key_press(Key::Tab);
        window.run();
        assert!(!is_button(window, "Undo"), "{field}");
    }
    assert_eq!(std::fs::read_to_string(&file).expect("a settings file"), before);
    retype(window, "Trusted proxies", "10.0.0.0/8");
    window.key_press(Key::Enter);
    window.run();
    wait_for(window, "the change", |window| says(window, "Saved: Trusted proxies"));
    let after = std::fs::read_to_string(&file).expect("a settings file");
    let changed: Vec<_> = after.lines().filter(|line| !before.lines().any(|was| was == *line)).collect();
    let is_of_ports = |line: &str| line.starts_with("trusted_proxies") || line.starts_with("listen");
    assert!(!changed.is_empty() && changed.iter().all(|line| is_of_ports(line)), "{changed:?}");
}

#[test]
fn an_address_that_is_not_applied_is_not_called_open() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Settings");
    retype(window, "Listen address", "0.0.0.0:34045");
    assert!(!says(window, "Other computers can reach this endpoint"), "nothing is applied");
    assert!(says(window, "Once applied, other computers can reach this endpoint"));
    retype(window, "Public address", "no address");
    assert!(says(window, "Once applied, other computers can reach this endpoint"), "the warning stays");
}

#[test]
fn an_address_that_is_to_be_closed_is_called_open_until_then() {
    let mut config = settings();
    config.capture.listen = ([0, 0, 0, 0], 0).into();
    let mut opened = open(config);
    let window = &mut opened.window;
    go(window, "Settings");
    assert!(says(window, "Other computers can reach this endpoint"));
    retype(window, "Listen address", "127.0.0.1:0");
    assert!(says(window, "Once applied, only programs on this computer"));
    assert!(!says(window, "Only programs on this computer can connect"));
    retype(window, "Listen address", "no address");
    assert!(says(window, "Other computers can reach this endpoint"), "the one in force");
}

// An endpoint that accepts nothing.

#[test]
fn an_endpoint_that_refuses_everything_is_not_said_to_accept_an_event() {
    let mut config = settings();
    config.spool.min_free_bytes = PEBIBYTE;
    let mut opened = open(config);
    let window = &mut opened.window;
    go(window, "Test");
    wait_for(window, "that nothing is accepted", |window| says(window, "refuses all events for now"));
    assert!(!says(window, "The endpoint will accept it"));
}

#[test]
fn without_a_source_no_event_is_said_to_be_accepted() {
    let mut config = settings();
    config.capture.sources.clear();
    let mut opened = open(config);
    let window = &mut opened.window;
    go(window, "Test");
    assert!(says(window, "Add a source first"));
    assert!(!says(window, "The endpoint will accept it"));
}

#[test]
fn a_disk_with_too_little_free_space_is_told_with_its_setting_and_both_sizes() {
    let mut config = settings();
    config.spool.min_free_bytes = PEBIBYTE;
    let mut opened = open(config);
    let window = &mut opened.window;
    wait_for(window, "the reason", |window| says(window, "Too little free space on the disk"));
    explain(window, "Endpoint");
    assert!(says(window, "1024.0 TiB") && says(window, "spool.min_free_bytes"));
    assert!(says(window, " must stay free (spool.min_free_bytes)"), "how much is free");
    assert!(!says(window, "isk full") && says(window, "Low disk space"));
    press(window, "Settings › Disk");
    window.get_by_role_and_label(Role::SpinButton, "Keep free on the disk");
}

// Events that were resent.

#[test]
fn a_replayed_event_says_that_it_is_one_and_which_it_repeats() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_seen(window);
    go(window, "Live");
    wait_for(window, "its delivery", |window| says(window, "Delivered track Seen"));
    window.get_all_by_role(Role::Row).next().expect("a line").click();
    window.run_steps(8);
    wait_for(window, "the event", |window| is_button(window, "Replay"));
    assert!(!is_button(window, "Show the original"), "it is the first one");
    press(window, "Replay");
    window.key_press(Key::Escape);
    window.hover_at(pos2(400.0, 10.0));
    wait_for(window, "both lines", |window| {
        let lines = lines(window);
        lines.len() == 2 && lines.iter().all(|line| line.starts_with("Delivered"))
    });
    let marked: Vec<bool> = lines(window).iter().map(|line| line.ends_with(" resend")).collect();
    assert_eq!(marked, [true, false], "the newer line is marked: {:?}", lines(window));
    window.get_all_by_role(Role::Row).next().expect("a line").click();
    window.run_steps(8);
    wait_for(window, "the way to the first one", |window| is_button(window, "Show the original"));
    assert!(says(window, "Queued again") && !says(window, "Received"), "the time is that of the replay");
    press(window, "Timeline");
    assert!(!says(window, "before its sender got 200") && !says(window, "from the endpoint"));
    assert!(says(window, "Committed to disk again when you resent it"));
    press(window, "Payload");
    press(window, "Show the original");
    wait_for(window, "the first one", |window| !is_button(window, "Show the original"));
    press(window, "Timeline");
    wait_for(window, "its timeline", |window| says(window, "before its sender got 200"));
}

// Delivery.

/// A window with a stream of that server in force.
fn served(url: &str) -> OpenedWindow {
    let mut config = settings();
    use_server(&mut config, url);
    "123456789012".clone_into(&mut config.destination.account_id);
    open(config)
}

#[test]
fn no_step_is_ticked_before_the_destination_has_answered() {
    if !is_run_with_keys("tells::no_step_is_ticked_before_the_destination_has_answered") {
        return;
    }
    let dead = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let mut opened = served(&format!("http://{dead}"));
    let window = &mut opened.window;
    for step in ["Keys", "Permission"] {
        window.get_by_label(&format!("{step}: not yet verified"));
    }
    assert!(!says(window, "Events are delivered as they arrive"), "none was");
    edit(window, "Keys");
    click(window, "Who am I?");
    wait_for(window, "an answer", |window| says(window, "Nothing listens"));
    window.get_by_label("Keys: needs attention");
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the check", |window| says(window, "Check and switch: needs attention"));
    window.get_by_label("Delivery: needs attention");
    assert!(says(window, "The check failed"));
}

#[test]
fn steps_are_ticked_once_the_destination_has_taken_an_event() {
    if !is_run_with_keys("tells::steps_are_ticked_once_the_destination_has_taken_an_event") {
        return;
    }
    let server = Scripted::start(|_| Answer::Success);
    let mut opened = served(&server.url);
    let window = &mut opened.window;
    window.get_by_label("Permission: not yet verified");
    send_seen(window);
    wait_for(window, "its delivery", |window| says(window, "Permission: done"));
    window.get_by_label("Keys: done");
    assert!(says(window, "Events are delivered as they arrive"));
}

#[test]
fn a_remedy_that_speaks_of_the_error_message_shows_it() {
    if !is_run_with_keys("tells::a_remedy_that_speaks_of_the_error_message_shows_it") {
        return;
    }
    let server = Scripted::start(|_| Answer::Error(400, "OddException", "The moon is in the way."));
    let mut opened = served(&server.url);
    let window = &mut opened.window;
    send_seen(window);
    wait_for(window, "the remedy", |window| says(window, "The error message"));
    assert!(says(window, "OddException: The moon is in the way."));
}

#[test]
fn an_event_that_is_tried_for_long_says_the_newest_reason() {
    if !is_run_with_keys("tells::an_event_that_is_tried_for_long_says_the_newest_reason") {
        return;
    }
    let is_gone = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&is_gone);
    let server = Scripted::start(move |_| {
        if gone.load(Ordering::Relaxed) {
            Answer::Error(400, "ResourceNotFoundException", "Stream clicks not found.")
        } else {
            Answer::Error(400, "UnrecognizedClientException", "The security token is invalid.")
        }
    });
    let mut opened = served(&server.url);
    send_seen(&mut opened.window);
    wait_for(&mut opened.window, "the forwarder to be blocked", |window| says(window, "Blocked"));
    explain(&mut opened.window, "Forwarder");
    let code = |opened: &OpenedWindow| log(opened)[0].fault.as_ref().map(|fault| fault.code.to_string());
    let try_now = |opened: &mut OpenedWindow| {
        if is_button(&opened.window, "Try now") {
            click(&mut opened.window, "Try now");
        }
        opened.window.step();
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let end = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while log(&opened).first().is_none_or(|line| line.attempts < 16) {
        assert!(std::time::Instant::now() < end, "{:?}", log(&opened));
        try_now(&mut opened);
    }
    is_gone.store(true, Ordering::Relaxed);
    click(&mut opened.window, "Try now");
    wait_for(&mut opened.window, "the new reason", |window| is_button(window, "Set up › Stream"));
    let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while code(&opened).as_deref() != Some("ResourceNotFoundException") {
        assert!(std::time::Instant::now() < end, "the log says {:?}", log(&opened)[0].fault);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

// The log.

#[test]
fn counts_that_the_list_cannot_show_are_explained() {
    let mut config = settings();
    config.log.keep_events = 1;
    let mut opened = open(config);
    let window = &mut opened.window;
    go(window, "Live");
    send_seen(window);
    wait_for(window, "one", |window| says(window, "Accepted 1"));
    assert!(!says(window, "Removed from the log"), "it is there");
    send_seen(window);
    send_seen(window);
    wait_for(window, "all three", |window| says(window, "Accepted 3"));
    wait_for(window, "why", |window| says(window, "Removed from the log 2"));
    search(window, "state:rejected");
    wait_for(window, "nothing to show", |window| says(window, "No matches"));
    assert!(says(window, "2 older events were removed from the log"));
}

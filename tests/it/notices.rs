//! What tells the user that something needs them, wherever they are in the window: each once, with a way there.

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;

use crate::{
    binary::key_header,
    opened_window::{Window, address, explain, flip, go, open, says, settings, wait_for},
    window::without_profile,
    wire,
};

const NEEDS_YOU: &str = "Delivery needs you";

fn send(window: &mut Window, bytes: usize) {
    let event =
        format!(r#"{{"userId":"ada","event":"Seen","properties":{{"text":"{}"}}}}"#, "x".repeat(bytes));
    let address = address(window);
    let sent = wire::send(address, "POST", "/v1/track", &key_header("test-key-1234"), event.as_bytes());
    assert_eq!(sent.status, 200);
}

#[test]
fn a_delivery_that_becomes_blocked_is_told_once_in_any_place_and_leads_there() {
    let mut opened = open(without_profile());
    let window = &mut opened.window;
    go(window, "Sources");
    assert!(!says(window, NEEDS_YOU));
    send(window, 10);
    wait_for(window, "the drawer", |window| says(window, NEEDS_YOU));
    wait_for(window, "a way there", |window| window.query_by_label("Set up › Keys").is_some());
    window.get_by_role_and_label(Role::Button, "Set up › Keys").click();
    window.run_steps(6);
    window.get_by_label("Where events go, and what AWS needs for it");
    assert!(!says(window, NEEDS_YOU), "it was followed");
    send(window, 10);
    wait_for(window, "both to wait", |window| says(window, "2 waiting"));
    window.run_steps(20);
    assert!(!says(window, NEEDS_YOU), "the same trouble is told once");
    assert!(says(window, "Forwarder blocked"), "and stays in sight");
}

#[test]
fn a_spool_that_is_nearly_full_is_told_and_its_explanation_can_be_closed() {
    let mut config = settings();
    config.destination.enabled = false;
    config.spool.max_bytes = 65_536;
    let mut opened = open(config);
    let window = &mut opened.window;
    send(window, 40_000);
    send(window, 15_000);
    wait_for(window, "it is told", |window| says(window, "% full"));
    assert!(!says(window, "senders get a 429 response"), "nothing is to be done yet");
    explain(window, "Spool");
    assert!(says(window, "senders get a 429 response and retry"));
    window.get_by_label("Close the explanation").click();
    window.run_steps(6);
    assert!(!says(window, "senders get a 429 response") && says(window, "% full"));
}

#[test]
fn notices_by_the_desktop_are_off_until_they_are_switched_on() {
    let mut opened = open(settings());
    let file = opened.files.path().join("config.toml");
    let window = &mut opened.window;
    go(window, "Settings");
    flip(window, "Desktop notifications");
    wait_for(window, "the file", |_| {
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("desktop_notices = true"))
    });
}

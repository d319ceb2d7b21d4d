//! Notices to the user, wherever they are in the window: each once, with a link.

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;

use crate::{
    binary::key_header,
    opened_window::{Window, address, go, open, open_with, says, settings, wait_for},
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

/// A notice gets its position in its first frames. While one is shown, the window is drawn again and again.
fn steps(window: &mut Window) {
    for _ in 0..6 {
        window.step();
    }
}

#[test]
fn a_delivery_that_becomes_blocked_is_told_once_in_any_place_and_leads_there() {
    let mut opened = open_with(settings(), |engine| {
        let faults = tributary::engine::Faults { expired_credentials: true, ..Default::default() };
        engine.practice_stream().set_faults(faults);
    });
    let window = &mut opened.window;
    go(window, "Sources");
    assert!(!says(window, NEEDS_YOU));
    send(window, 10);
    wait_for(window, "the notice", |window| says(window, NEEDS_YOU));
    steps(window);
    // The rail has a button of that name too.
    let notice = window.get_by_label("Close the notice").rect();
    let ways: Vec<_> = window.get_all_by_role_and_label(Role::Button, "Set up").collect();
    let way = ways.into_iter().find(|way| (way.rect().center().y - notice.center().y).abs() < 10.0);
    way.expect("a way there").click();
    steps(window);
    window.get_by_label("Where events go, and what AWS needs for it");
    assert!(!says(window, NEEDS_YOU), "it was followed");
    send(window, 10);
    wait_for(window, "both to wait", |window| says(window, "Blocked"));
    for _ in 0..20 {
        window.step();
    }
    assert!(!says(window, NEEDS_YOU), "the same trouble is told once");
}

#[test]
fn a_spool_that_is_nearly_full_is_told_and_the_notice_can_be_closed() {
    let mut config = settings();
    config.destination.enabled = false;
    config.spool.max_bytes = 65_536;
    let mut opened = open(config);
    let window = &mut opened.window;
    send(window, 40_000);
    send(window, 15_000);
    wait_for(window, "the notice", |window| says(window, "% full"));
    steps(window);
    window.get_by_label("Close the notice").click();
    steps(window);
    assert!(!says(window, "% full"));
}

#[test]
fn notices_by_the_desktop_are_off_until_they_are_switched_on() {
    let mut opened = open(settings());
    let file = opened.files.path().join("config.toml");
    let window = &mut opened.window;
    go(window, "Settings");
    window.get_by_role_and_label(Role::Switch, "Desktop notifications").click();
    window.run();
    wait_for(window, "the file", |_| {
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("desktop_notices = true"))
    });
}

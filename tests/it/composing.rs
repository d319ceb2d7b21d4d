//! The Test place: the result that stays in sight, the record decoded and as stored, and the history of what was sent.

use eframe::egui::{Key, Modifiers, Rect, accesskit::Role, vec2};
use egui_kittest::kittest::Queryable as _;

use crate::opened_window::{
    OpenedWindow, Window, copied, go, open, open_in, press, press_key, says, scroll, settings, type_into,
    wait_for,
};

fn test_place() -> OpenedWindow {
    let mut opened = open(settings());
    go(&mut opened.window, "Test");
    opened
}

fn send(window: &mut Window) {
    press_key(window, Modifiers::COMMAND, Key::Enter);
}

fn rename_event(window: &mut Window, name: &str) {
    window.get_by_role_and_label(Role::TextInput, "Event name").focus();
    window.run();
    press_key(window, Modifiers::COMMAND, Key::A);
    type_into(window, "Event name", name);
}

/// Where the first text with these words is.
fn place_of(window: &Window, words: &str) -> Rect {
    window.query_all_by_label_contains(words).next().expect("it is said").rect()
}

#[test]
fn the_result_in_one_line_stays_in_sight_while_the_page_is_scrolled() {
    let mut opened = test_place();
    let window = &mut opened.window;
    window.set_size(vec2(860.0, 560.0));
    window.run();
    assert!(
        says(window, "/v1/track") && says(window, "sends it"),
        "what will happen, before anything was sent"
    );
    send(window);
    wait_for(window, "the delivery", |window| says(window, "→ delivered in "));
    wait_for(window, "the record", |window| says(window, "Read back from the stream"));
    window.run_steps(8);
    window.get_by_label("200");
    assert!(says(window, " B → delivered in ") || says(window, "KiB → delivered in "), "the size");
    assert!(says(window, ", shard "));
    let line = place_of(window, "→ delivered in ");
    assert!(line.top() > 0.0 && line.bottom() < 220.0, "{line:?}");
    window.hover_at(eframe::egui::pos2(500.0, 420.0));
    for points in [-4000.0, 4000.0] {
        scroll(window, points);
        window.run_steps(8);
        assert_eq!(place_of(window, "→ delivered in "), line, "after {points}");
        let button = window.get_by_role_and_label(Role::Button, "Send event").rect();
        assert!(button.top() > 0.0 && button.bottom() < 220.0, "{button:?}");
    }
}

#[test]
fn the_record_is_decoded_beside_its_stored_form_and_below_each_other_in_little_room() {
    let mut opened = test_place();
    let window = &mut opened.window;
    window.set_size(vec2(1440.0, 1600.0));
    window.run();
    send(window);
    wait_for(window, "the record", |window| says(window, "Decoded: the event"));
    window.run_steps(8);
    window.get_by_label("The record as it was read back");
    let places =
        |window: &Window| (place_of(window, "Decoded: the event"), place_of(window, "Stored: base64"));
    let (decoded, stored) = places(window);
    assert!(
        (decoded.top() - stored.top()).abs() < 2.0 && stored.left() > decoded.right(),
        "{decoded:?} {stored:?}"
    );
    window.get_by_label("Copy decoded event").click();
    window.step();
    assert!(copied(window).is_some_and(|text| text.contains("\"event\": \"Order Completed\"")));
    window.run();
    window.get_by_label("Copy record data").click();
    window.step();
    assert!(copied(window).is_some_and(|text| text.starts_with("eyJ")));
    window.run();
    window.set_size(vec2(1120.0, 1600.0));
    window.run_steps(4);
    let (decoded, stored) = places(window);
    assert!(stored.top() > decoded.bottom(), "{decoded:?} {stored:?}");
}

#[test]
fn what_was_sent_is_listed_named_loaded_again_and_kept_for_the_next_start() {
    let mut opened = test_place();
    let window = &mut opened.window;
    rename_event(window, "Refund Issued");
    send(window);
    wait_for(window, "it is delivered", |window| says(window, "Load Refund Issued (track, Delivered"));
    press(window, "Rename Refund Issued in the history");
    window.run();
    press_key(window, Modifiers::COMMAND, Key::A);
    type_into(window, "Name in the history", "A refund");
    press_key(window, Modifiers::NONE, Key::Enter);
    assert!(says(window, "Load A refund (track, Delivered"));
    let file = opened.files.path().join("data").join("window.json");
    let is_kept = || std::fs::read_to_string(&file).is_ok_and(|text| text.contains("A refund"));
    wait_for(window, "it is kept", |_| is_kept());

    let OpenedWindow { window, files } = opened;
    drop(window);
    let mut opened = open_in(settings(), files);
    let window = &mut opened.window;
    go(window, "Test");
    rename_event(window, "Something else");
    let row =
        window.query_all_by_label_contains("Load A refund (track, Delivered").next().expect("it is listed");
    row.click();
    window.run();
    let name = |window: &Window| {
        window.get_by_role_and_label(Role::TextInput, "Event name").value().unwrap_or_default()
    };
    assert_eq!(name(window), "Refund Issued");
    assert!(says(window, "When it was seen last: Delivered"));
    press(window, "Back to what I was editing");
    assert_eq!(name(window), "Something else", "nothing that was typed is lost");
    press(window, "Remove A refund from the history");
    assert!(!says(window, "Load A refund"));
}

#[test]
fn what_was_being_edited_comes_back_after_several_events_of_the_history_and_after_sending_one() {
    let mut opened = test_place();
    let window = &mut opened.window;
    for name in ["First", "Second"] {
        rename_event(window, name);
        send(window);
        wait_for(window, "its delivery", |window| says(window, &format!("Load {name} (track, Delivered")));
    }
    rename_event(window, "Being edited");
    for name in ["First", "Second"] {
        let label = format!("Load {name} (");
        let row = window.query_all_by_label_contains(&label).next().expect("it is listed");
        row.click();
        window.run();
    }
    send(window);
    wait_for(window, "the third event", |window| {
        window.query_all_by_label_contains("Load Second (track, Delivered").count() == 2
    });
    press(window, "Back to what I was editing");
    let field = window.get_by_role_and_label(Role::TextInput, "Event name");
    assert_eq!(field.value().as_deref(), Some("Being edited"));
}

#[test]
fn a_request_that_the_endpoint_refuses_is_shown_with_what_to_do() {
    let mut config = settings();
    config.spool.min_free_bytes = 1 << 50;
    let mut opened = open(config);
    let window = &mut opened.window;
    go(window, "Test");
    wait_for(window, "that nothing is accepted", |window| says(window, "refuses all events for now"));
    send(window);
    wait_for(window, "the refusal", |window| says(window, "→ refused: "));
    window.get_by_label("429");
    assert!(says(window, "Answered 429"));
    assert!(says(window, "spool.min_free_bytes"), "the setting that decides");
}

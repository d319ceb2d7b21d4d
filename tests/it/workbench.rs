//! Live as a workbench: rows that say what is in an event, counts over time, and a search that completes itself.

use std::time::Duration;

use eframe::egui::{accesskit::Role, vec2};
use egui_kittest::kittest::Queryable as _;

use crate::{
    layout::texts,
    opened_window::{OpenedWindow, Window, address, go, open, open_with, press, says, settings, wait_for},
    window::{denied, lines, send},
};

const KEY: &str = "test-key-1234";

/// Live with an order, an identify, and a refused event.
fn with_events() -> OpenedWindow {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    let order =
        r#"{"userId":"ada","event":"Order Completed","properties":{"total":12.50,"note":"a\u202eb"}}"#;
    assert_eq!(send(address, KEY, order), 200);
    assert_eq!(send(address, KEY, r#"{"type":"track","messageId":"m-3"}"#), 400);
    go(window, "Live");
    wait_for(window, "both lines", |window| {
        lines(window).len() == 2 && says(window, "Delivered track Order Completed")
    });
    opened
}

/// The painted texts of the window.
fn painted(window: &Window) -> Vec<String> {
    texts(window).into_iter().map(|(_, text)| text.galley.text().to_owned()).collect()
}

#[test]
fn a_row_shows_the_first_properties_or_why_the_event_was_refused() {
    let opened = with_events();
    let painted = painted(&opened.window);
    // The name and the value of a property are one text; a character that would turn the line around is escaped.
    assert!(painted.iter().any(|text| text == r"total 12.50note a\u202eb"), "{painted:?}");
    assert!(
        painted.iter().any(|text| text.contains("a non-empty string")),
        "why it was refused: {painted:?}"
    );
}

#[test]
fn an_event_that_cannot_be_delivered_says_so_in_its_row() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    let address = address(window);
    assert_eq!(send(address, KEY, r#"{"userId":"ada","event":"Seen","properties":{"a":1}}"#), 200);
    go(window, "Live");
    wait_for(window, "the error in the row", |window| {
        painted(window).iter().any(|text| text.starts_with("AccessDeniedException: "))
    });
}

#[test]
fn an_age_goes_on_once_a_second_and_has_the_exact_time_as_its_tooltip() {
    let mut opened = with_events();
    let window = &mut opened.window;
    let is_age = |text: &String| text.ends_with(" s") && text.len() < 5;
    wait_for(window, "an age", |window| painted(window).iter().any(is_age));
    let delay = window.output().viewport_output.values().map(|output| output.repaint_delay).min();
    assert!(delay.is_some_and(|delay| delay <= Duration::from_secs(1)), "{delay:?}");
    let age = painted(window).into_iter().find(is_age).expect("an age");
    window.get_all_by_label(&age).next().expect("it has a label").hover();
    wait_for(window, "the exact time", |window| says(window, "Received 20"));
}

#[test]
fn a_narrow_window_leaves_columns_out_and_cuts_none_to_nothing() {
    let mut opened = with_events();
    let window = &mut opened.window;
    for (width, has_room) in [(860.0, false), (1280.0, true), (1900.0, true)] {
        window.set_size(vec2(width, 700.0));
        window.run_steps(8);
        let is_head = |head: &str| painted(window).iter().any(|text| text == head);
        assert_eq!(is_head("Source"), has_room, "{width}");
        for head in ["State", "Event", "Preview", "User / key", "Age"] {
            let shown = texts(window).into_iter().filter(|(_, text)| text.galley.text() == head);
            let is_whole = shown.into_iter().any(|(clip, text)| {
                clip.right() >= text.visual_bounding_rect().right() && clip.right() <= width
            });
            assert!(is_whole, "{width}: {head}");
        }
    }
    press(window, "Columns");
    window.run_steps(8);
    window.get_by_role_and_label(Role::CheckBox, "Preview").click();
    window.run_steps(8);
    assert!(!painted(window).iter().any(|text| text.starts_with("total 12.50")));
}

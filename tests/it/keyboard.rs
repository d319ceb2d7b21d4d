//! Everything works by keyboard, and every control has a name for screen readers.

use eframe::egui::{
    Event, Key, Modifiers,
    accesskit::{Action, Role, Toggled},
};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::opened_window::{Window, copied, go, open, open_with, press, press_key, says, settings, wait_for};
use crate::window::{rows, searched};

/// Opens the command palette and types a text into it.
pub fn palette(window: &mut Window, typed: &str) {
    press_key(window, Modifiers::COMMAND, Key::K);
    window.get_by_role_and_label(Role::TextInput, "Find a command").type_text(typed);
    window.run();
}

#[test]
fn every_command_is_found_by_its_name_and_done_by_the_keyboard() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    palette(window, "go stre");
    assert!(window.query_by_label("Go to Live").is_none(), "only what fits");
    press_key(window, Modifiers::NONE, Key::Enter);
    window.get_by_label("What a consumer reads back from the practice stream");
    assert!(!says(window, "Find a command"), "it is closed");

    // The second of the matching entries.
    palette(window, "theme");
    press_key(window, Modifiers::NONE, Key::ArrowDown);
    press_key(window, Modifiers::NONE, Key::Enter);
    assert!(!window.ctx.global_style().visuals.dark_mode);

    press_key(window, Modifiers::COMMAND, Key::K);
    press_key(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "Go to Live"));

    press_key(window, Modifiers::COMMAND, Key::K);
    window.get_by_label("Copy the endpoint's address").scroll_to_me();
    window.run();
    window.get_by_label("Copy the endpoint's address").click();
    window.step();
    assert!(copied(window).is_some_and(|address| address.starts_with("http://127.0.0.1:")));
    window.run();
    palette(window, "nothing like it");
    assert!(says(window, "No matching command"));
}

#[test]
fn the_test_event_is_sent_from_anywhere_and_read_again_with_keys() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    palette(window, "send the test");
    press_key(window, Modifiers::NONE, Key::Enter);
    wait_for(window, "the delivery", |window| says(window, "Read back from the stream"));
    press_key(window, Modifiers::COMMAND, Key::R);
    wait_for(window, "the record", |window| rows(window) == 1);
    press_key(window, Modifiers::COMMAND, Key::F);
    window.get_by_role_and_label(Role::TextInput, "Filter records").type_text("nothing like it");
    wait_for(window, "the filter", |window| says(window, "No matches"));
}

#[test]
fn the_log_is_held_turned_and_left_for_the_charts_by_keys_from_any_place() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    press_key(window, Modifiers::COMMAND, Key::P);
    window.get_by_role_and_label(Role::Button, "Resume");
    press_key(window, Modifiers::COMMAND, Key::P);
    window.get_by_role_and_label(Role::Button, "Pause");
    press_key(window, Modifiers::COMMAND, Key::O);
    window.get_by_role_and_label(Role::Button, "Oldest first");
    press_key(window, Modifiers::COMMAND, Key::G);
    window.step();
    assert!(window.query_by_label("Pause").is_none(), "there is no list to hold");
    press_key(window, Modifiers::COMMAND, Key::G);
    window.get_by_role_and_label(Role::Button, "Pause");
}

const SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

#[test]
fn a_check_a_run_and_faults_are_begun_and_ended_by_keys_from_any_place() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    press_key(window, Modifiers::COMMAND, Key::J);
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    press_key(window, SHIFT, Key::J);
    window.get_by_label("Send an event through the real endpoint and follow it to its record");
    wait_for(window, "the run", |window| says(window, " of 100 accepted"));
    press_key(window, Modifiers::COMMAND, Key::Period);
    wait_for(window, "its end", |window| says(window, "Stopped."));
    go(window, "Live");
    palette(window, "fault thrott");
    press_key(window, Modifiers::NONE, Key::Enter);
    wait_for(window, "the fault", |window| says(window, "Throttle: on"));
    press_key(window, SHIFT, Key::X);
    wait_for(window, "no fault", |window| !says(window, "Practice faults are on"));
    assert!(has_no_faults(window));
}

/// Whether the switches of the Test place are all off.
fn has_no_faults(window: &mut Window) -> bool {
    go(window, "Test");
    press(window, "Practice faults");
    let toggled = |window: &Window, name: &str| {
        window.get_by_role_and_label(Role::Switch, name).accesskit_node().toggled()
    };
    toggled(window, "Throttle") == Some(Toggled::False)
}

/// The text that is copied by this key with Ctrl and Shift, looked for in each frame.
fn copied_by(window: &mut Window, key: Key) -> String {
    let event = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers: SHIFT };
    window.input_mut().events.extend([event(true), event(false)]);
    let mut text = None;
    for _ in 0..4 {
        window.step();
        text = text.or(copied(window));
    }
    text.unwrap_or_default()
}

#[test]
fn the_open_delivery_is_acted_on_by_keys() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    press_key(window, SHIFT, Key::D);
    assert!(says(window, "No delivery is open: choose one in Live"));
    press_key(window, SHIFT, Key::Enter);
    wait_for(window, "the delivery", |window| says(window, "sequence number"));
    go(window, "Live");
    wait_for(window, "its line", |window| rows(window) == 1);
    press_key(window, Modifiers::NONE, Key::J);
    wait_for(window, "its detail", |window| says(window, "\"orderId\": \"1042\""));
    for (key, part) in [
        (Key::D, "\"event\": \"Order Completed\""),
        (Key::R, "\"PartitionKey\": \"user-1\""),
        (Key::L, "curl http://127.0.0.1:"),
    ] {
        let text = copied_by(window, key);
        assert!(text.contains(part), "{key:?}: {text}");
    }
    let id = copied_by(window, Key::I);
    assert!(id.len() > 8 && window.query_all_by_label(&id).next().is_some(), "{id}");
    press_key(window, SHIFT, Key::T);
    wait_for(window, "the replay", |window| rows(window) == 2);
    for (key, search) in [(Key::U, "userId:user-1"), (Key::N, "event:\"Order Completed\"")] {
        press_key(window, SHIFT, key);
        assert!(searched(window).contains(search), "{search}");
    }
    press_key(window, Modifiers::COMMAND, Key::B);
    wait_for(window, "the largest", |window| says(window, "The 2 largest of all matching events"));
    palette(window, "clear the search");
    press_key(window, Modifiers::NONE, Key::Enter);
    palette(window, "last 15");
    press_key(window, Modifiers::NONE, Key::Enter);
    assert_eq!(searched(window), "since:15m");
    press_key(window, SHIFT, Key::E);
    window.get_by_label("Send an event through the real endpoint and follow it to its record");
}

#[test]
fn the_help_sheet_lists_the_keys_and_a_question_mark_in_a_field_is_a_letter() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    press_key(window, Modifiers::NONE, Key::F1);
    for line in ["Find a command", "Go to Live", "Send the event", "F1 or ?"] {
        assert!(says(window, line), "{line}");
    }
    press_key(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "F1 or ?"));
    window.event(Event::Text("?".to_owned()));
    window.run();
    assert!(says(window, "F1 or ?"));
    window.get_by_label("Close the help sheet").click();
    window.run();
    assert!(!says(window, "F1 or ?"));

    go(window, "Test");
    window.get_by_role_and_label(Role::TextInput, "Event name").focus();
    window.run();
    window.get_by_role_and_label(Role::TextInput, "Event name").type_text("?");
    window.run();
    assert!(!says(window, "F1 or ?"));
}

/// The controls that can be focused or clicked and have no name. A table's cell is part of its row, which has one.
fn nameless(window: &Window) -> Vec<String> {
    let mut found = Vec::new();
    let rows = window.query_all_by_role(Role::Row).map(|row| row.rect()).collect::<Vec<_>>();
    for node in window.query_all(egui_kittest::kittest::by()) {
        let inner = node.accesskit_node();
        let data = inner.data();
        let reached = data.supports_action(Action::Focus) || data.supports_action(Action::Click);
        let said = inner.label().or_else(|| inner.value()).is_some_and(|text| !text.trim().is_empty());
        // A table's cell has no position in its first frame.
        if !reached || said || inner.bounding_box().is_none() || !node.rect().is_finite() {
            continue;
        }
        let in_row = rows.iter().any(|row| row.expand(1.0).contains(node.rect().center()));
        // A scroll bar is known by its role.
        let is_plain = matches!(inner.role(), Role::GenericContainer) && in_row;
        if !is_plain && inner.role() != Role::ScrollBar {
            found.push(format!("{:?} at {:?}", inner.role(), node.rect()));
        }
    }
    found
}

#[test]
fn everything_that_can_be_reached_has_a_name_in_every_place() {
    let mut opened = open_with(settings(), |_| {});
    let window = &mut opened.window;
    let expect = |window: &mut Window, place: &str| {
        window.run();
        let nameless = nameless(window);
        assert!(nameless.is_empty(), "{place}: {nameless:#?}");
    };
    for place in ["Set up", "Sources", "Test", "Live", "Stream", "Settings"] {
        go(window, place);
        expect(window, place);
    }
    go(window, "Test");
    press_key(window, Modifiers::COMMAND, Key::Enter);
    wait_for(window, "the delivery", |window| says(window, "Read back from the stream"));
    expect(window, "Test with a story");
    for part in ["JSON", "Request"] {
        go(window, part);
        expect(window, part);
    }
    for place in ["Live", "Stream"] {
        go(window, place);
        wait_for(window, "a row", |window| rows(window) == 1);
        window.get_by_role(Role::Row).click();
        window.run();
        wait_for(window, "its detail", |window| says(window, "Order Completed\""));
        expect(window, &format!("{place} with a detail"));
    }
    press_key(window, Modifiers::COMMAND, Key::K);
    expect(window, "the palette");
    press_key(window, Modifiers::NONE, Key::Escape);
    press_key(window, Modifiers::NONE, Key::F1);
    expect(window, "the help sheet");
}

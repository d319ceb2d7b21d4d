//! Everything by keyboard, and a name for a screen reader on everything that can be reached.

use eframe::egui::{
    Key, Modifiers,
    accesskit::{Action, Role},
};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::window::{Window, copied, go, open, open_with, rows, says, settings, wait_for};

fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run();
}

fn palette(window: &mut Window, typed: &str) {
    press(window, Modifiers::COMMAND, Key::K);
    window.get_by_role_and_label(Role::TextInput, "Find a command").type_text(typed);
    window.run();
}

#[test]
fn every_command_is_found_by_its_name_and_done_by_the_keyboard() {
    let mut desk = open(settings());
    let window = &mut desk.window;
    palette(window, "go stre");
    assert!(window.query_by_label("Go to Live").is_none(), "only what fits");
    press(window, Modifiers::NONE, Key::Enter);
    window.get_by_label("What a consumer reads back from the practice stream");
    assert!(!says(window, "Find a command"), "it is closed");

    // The second of those that fit.
    palette(window, "theme");
    press(window, Modifiers::NONE, Key::ArrowDown);
    press(window, Modifiers::NONE, Key::Enter);
    assert!(!window.ctx.global_style().visuals.dark_mode);

    press(window, Modifiers::COMMAND, Key::K);
    press(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "Go to Live"));

    press(window, Modifiers::COMMAND, Key::K);
    window.get_by_label("Copy the endpoint's address").scroll_to_me();
    window.run();
    window.get_by_label("Copy the endpoint's address").click();
    window.step();
    assert!(copied(window).is_some_and(|address| address.starts_with("http://127.0.0.1:")));
    window.run();
    palette(window, "nothing like it");
    window.get_by_label("No command is called that.");
}

#[test]
fn the_test_event_is_sent_from_anywhere_and_read_again_with_keys() {
    let mut desk = open(settings());
    let window = &mut desk.window;
    go(window, "Sources");
    palette(window, "send the test");
    press(window, Modifiers::NONE, Key::Enter);
    wait_for(window, "the delivery", |window| says(window, "Read back from the stream"));
    press(window, Modifiers::COMMAND, Key::R);
    wait_for(window, "the record", |window| rows(window) == 1);
    press(window, Modifiers::COMMAND, Key::F);
    window.get_by_role_and_label(Role::TextInput, "Filter records").type_text("nothing like it");
    wait_for(window, "the filter", |window| says(window, "Nothing fits"));
}

#[test]
fn the_log_is_held_turned_and_left_for_the_charts_by_keys_from_any_place() {
    let mut desk = open(settings());
    let window = &mut desk.window;
    go(window, "Sources");
    press(window, Modifiers::COMMAND, Key::P);
    window.get_by_role_and_label(Role::Button, "Resume");
    press(window, Modifiers::COMMAND, Key::P);
    window.get_by_role_and_label(Role::Button, "Pause");
    press(window, Modifiers::COMMAND, Key::O);
    window.get_by_role_and_label(Role::Button, "Oldest first");
    press(window, Modifiers::COMMAND, Key::G);
    window.step();
    assert!(window.query_by_label("Pause").is_none(), "there is no list to hold");
    press(window, Modifiers::COMMAND, Key::G);
    window.get_by_role_and_label(Role::Button, "Pause");
}

#[test]
fn the_help_sheet_lists_the_keys_and_a_question_mark_in_a_field_is_a_letter() {
    let mut desk = open(settings());
    let window = &mut desk.window;
    press(window, Modifiers::NONE, Key::F1);
    for line in ["Find a command", "Go to Live", "Send the event", "F1 or ?"] {
        assert!(says(window, line), "{line}");
    }
    press(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "F1 or ?"));
    window.event(eframe::egui::Event::Text("?".to_owned()));
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

/// What can be focused or clicked and says nothing of itself. A table's cell is a part of its row, which has a name.
fn nameless(window: &Window) -> Vec<String> {
    let mut found = Vec::new();
    let rows = window.query_all_by_role(Role::Row).map(|row| row.rect()).collect::<Vec<_>>();
    for node in window.query_all(egui_kittest::kittest::by()) {
        let inner = node.accesskit_node();
        let data = inner.data();
        let reached = data.supports_action(Action::Focus) || data.supports_action(Action::Click);
        let said = inner.label().or_else(|| inner.value()).is_some_and(|text| !text.trim().is_empty());
        // A table's cell has no place in its first frame.
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
    let mut desk = open_with(settings(), |_| {});
    let window = &mut desk.window;
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
    press(window, Modifiers::COMMAND, Key::Enter);
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
    press(window, Modifiers::COMMAND, Key::K);
    expect(window, "the palette");
    press(window, Modifiers::NONE, Key::Escape);
    press(window, Modifiers::NONE, Key::F1);
    expect(window, "the help sheet");
}

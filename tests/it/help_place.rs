//! The help: grouped by place, the open one first, with a search, and the diagnostics that can be copied.

use eframe::egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::Queryable as _;

use crate::opened_window::{Window, click, copied, go, open, press_key, says, settings};

fn help(window: &mut Window) {
    press_key(window, Modifiers::NONE, Key::F1);
}

fn top(window: &Window, label: &str) -> f32 {
    window.get_all_by_label(label).map(|node| node.rect().top()).fold(f32::INFINITY, f32::min)
}

#[test]
fn the_open_place_comes_first_with_its_purpose_and_its_keys() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for (place, purpose, key) in [
        ("Live", "Every event and what became of it. Search it", "Ctrl+P"),
        ("Test", "Send an event through the real endpoint, once or many times", "Ctrl+Enter"),
    ] {
        go(window, place);
        help(window);
        assert!(says(window, purpose), "{place}");
        let here = top(window, "You are here");
        for other in ["Go to Live", "Find a command", "Read the stream again"] {
            assert!(here < top(window, other), "{place} is above {other}");
        }
        assert!(top(window, key) > here && top(window, key) < top(window, "Find a command"), "{key}");
        press_key(window, Modifiers::NONE, Key::Escape);
        assert!(!says(window, "You are here"));
    }
}

#[test]
fn what_is_typed_filters_the_help_and_finds_the_search_syntax() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    help(window);
    window.get_by_role_and_label(Role::TextInput, "Search the help").type_text("since");
    window.run();
    assert!(says(window, "since:2h"));
    assert!(!says(window, "Go to Live") && !says(window, "state:failed,retrying"));
    window.get_by_role_and_label(Role::TextInput, "Search the help").type_text(" nonsense");
    window.run();
    assert!(says(window, "Nothing in the help has these words"));
    assert!(says(window, "Copy diagnostics"), "where to look further stays");
}

#[test]
fn the_buttons_of_the_help_are_reached_with_tab_and_come_into_sight() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.set_size(eframe::egui::vec2(860.0, 560.0));
    window.run();
    help(window);
    assert!(window.get_by_role_and_label(Role::TextInput, "Search the help").is_focused());
    let button = |window: &Window| {
        let button = window.get_by_role_and_label(Role::Button, "Copy diagnostics");
        (button.is_focused(), button.rect())
    };
    for _ in 0..40 {
        press_key(window, Modifiers::NONE, Key::Tab);
        if button(window).0 {
            break;
        }
    }
    window.run_steps(8);
    let (is_focused, rect) = button(window);
    assert!(is_focused && rect.top() > 0.0 && rect.bottom() < 560.0, "{is_focused} {rect:?}");
}

#[test]
fn diagnostics_are_copied_without_keys_and_sources() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let folder = opened.files.path().display().to_string();
    help(window);
    window.get_by_role_and_label(Role::Button, "Copy diagnostics").scroll_to_me();
    window.run();
    window.get_by_role_and_label(Role::Button, "Copy diagnostics").click();
    let mut text = None;
    for _ in 0..3 {
        window.step();
        text = text.or_else(|| copied(window));
    }
    let text = text.expect("they are copied");
    for part in ["Tributary ", "Forwarder: running", "Sources: 1", "[destination]", &folder] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("test-key-1234") && !text.contains("My first source"), "{text}");
    assert!(!says(window, "Search the help"), "the sheet is closed");
}

#[test]
fn the_help_leads_to_the_palette_and_to_the_files() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    help(window);
    assert!(says(window, "Settings file") && says(window, "Data folder"));
    click(window, "All commands");
    window.run();
    assert!(window.query_by_role_and_label(Role::TextInput, "Find a command").is_some());
}

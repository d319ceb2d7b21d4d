//! The palette finds more than commands: settings, sources, saved destinations, and users and events of the log.

use eframe::egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::Queryable as _;

use crate::{
    keyboard::palette,
    opened_window::{OpenedWindow, Window, address, open, press_key, says, settings, wait_for},
    window::{lines, searched, send},
};

const KEY: &str = "test-key-1234";

fn with_events() -> OpenedWindow {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    for (user, name, id) in [
        ("ada-17", "Signed Up", "m-100"),
        ("bob-29", "Order Completed", "m-200"),
        ("bob-29", "Order Refunded", "m-300"),
    ] {
        let event = format!(r#"{{"userId":"{user}","event":"{name}","messageId":"{id}"}}"#);
        assert_eq!(send(address, KEY, &event), 200);
    }
    opened
}

fn enter(window: &mut Window) {
    press_key(window, Modifiers::NONE, Key::Enter);
    window.run_steps(4);
}

#[test]
fn an_event_is_found_by_its_message_id_and_opened() {
    let mut opened = with_events();
    let window = &mut opened.window;
    palette(window, "m-200");
    wait_for(window, "the event", |window| says(window, "Order Completed: "));
    window.get_by_role_and_label(Role::Label, "Events");
    enter(window);
    wait_for(window, "its payload", |window| says(window, "\"messageId\": \"m-200\""));
}

#[test]
fn a_user_and_the_events_of_a_name_are_found_and_lead_to_live() {
    let mut opened = with_events();
    let window = &mut opened.window;
    palette(window, "bob-2");
    wait_for(window, "the user", |window| says(window, "bob-29: User"));
    window.get_by_role_and_label(Role::Label, "Users");
    enter(window);
    assert_eq!(searched(window), "userId:bob-29");
    wait_for(window, "the user's events", |window| lines(window).len() == 2);
    palette(window, "refund");
    wait_for(window, "the name", |window| says(window, "Order Refunded: All events of this name"));
    enter(window);
    assert_eq!(searched(window), "event:\"Order Refunded\"");
    wait_for(window, "the event", |window| lines(window).len() == 1);
}

#[test]
fn a_setting_is_found_by_its_name_and_by_what_it_does() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for typed in ["aws region", "the region of"] {
        palette(window, typed);
        window.get_by_role_and_label(Role::Label, "Settings");
        window.get_by_label("AWS region: The region of the stream");
        press_key(window, Modifiers::NONE, Key::Escape);
    }
    palette(window, "iam policy");
    enter(window);
    window.get_by_label("Where events go, and what AWS needs for it");
    palette(window, "athena");
    enter(window);
    wait_for(window, "consumer code", |window| says(window, "Copy code"));
}

#[test]
fn a_source_is_found_and_leads_to_its_events() {
    let mut opened = with_events();
    let window = &mut opened.window;
    palette(window, "my first");
    window.get_by_role_and_label(Role::Label, "Sources");
    enter(window);
    assert_eq!(searched(window), "source:\"My first source\"");
    wait_for(window, "all of them", |window| lines(window).len() == 3);
}

#[test]
fn what_was_run_last_is_offered_first() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    assert!(window.query_by_label("Recent").is_none());
    palette(window, "go to sources");
    enter(window);
    palette(window, "go to test");
    enter(window);
    press_key(window, Modifiers::COMMAND, Key::K);
    window.get_by_role_and_label(Role::Label, "Recent");
    let top = |window: &Window, label: &str| window.get_by_role_and_label(Role::Button, label).rect().top();
    assert!(top(window, "Go to Test") < top(window, "Go to Sources"), "the newest one first");
    assert!(top(window, "Go to Sources") < top(window, "Go to Set up"));
    assert_eq!(window.query_all_by_label("Go to Test").count(), 1, "not twice");
}

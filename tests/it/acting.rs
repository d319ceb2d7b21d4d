//! Actions on all events that a search finds: resent after they were counted, at the allowed rate, or exported to a
//! file.

use std::time::Duration;

use eframe::egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::Queryable as _;
use serde_json::Value;

use crate::{
    binary::key_header,
    opened_window::{
        OpenedWindow, Window, address, go, open, open_with, says, settings, type_into, wait_for,
    },
    window::{lines, search},
    wire,
};

/// Live with delivered events of two users.
fn with_delivered(of_ada: u32) -> OpenedWindow {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    let mut events = vec![r#"{"type":"track","userId":"bob","event":"Seen","messageId":"b-0"}"#.to_owned()];
    events.extend((0..of_ada).map(|n| {
        format!(r#"{{"type":"track","userId":"ada","event":"Seen, \"twice\"","messageId":"a-{n}"}}"#)
    }));
    let batch = format!(r#"{{"batch":[{}]}}"#, events.join(","));
    let sent = wire::send(address, "POST", "/v1/batch", &key_header("test-key-1234"), batch.as_bytes());
    assert_eq!(sent.status, 200);
    go(window, "Live");
    wait_for(window, "all of them delivered", |window| {
        let lines = lines(window);
        lines.len() == of_ada as usize + 1 && lines.iter().all(|line| line.starts_with("Delivered"))
    });
    opened
}

fn press(window: &mut Window, button: &str) {
    window.get_by_role_and_label(Role::Button, button).click();
    window.step();
    window.step();
}

fn choose(window: &mut Window, choice: &str) {
    window.get_by_role_and_label(Role::RadioButton, choice).click();
    window.step();
    window.step();
}

#[test]
fn what_a_search_finds_is_counted_first_and_then_sent_again() {
    let mut opened = with_delivered(3);
    let window = &mut opened.window;
    search(window, "userId:ada");
    wait_for(window, "the lines of ada", |window| lines(window).len() == 3);
    window.key_press_modifiers(Modifiers::COMMAND, Key::T);
    wait_for(window, "the count of failed ones", |window| says(window, "No failed event matches"));
    choose(window, "Delivered events");
    wait_for(window, "the count of delivered ones", |window| says(window, "3 delivered events,"));
    assert!(says(window, "Consumers get each of these a second time"));
    type_into(window, "Maximum events per second", "many");
    assert!(says(window, "A whole number of at least 1"));
    assert!(window.query_by_label("Resend 3 events").is_none(), "not at a rate that is none");
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.step();
    type_into(window, "Maximum events per second", "1000");
    press(window, "Resend 3 events");
    wait_for(window, "the notice", |window| says(window, "3 events were queued again"));
    wait_for(window, "twice the lines", |window| lines(window).len() == 6);
}

#[test]
fn a_slow_resend_says_how_far_it_is_in_any_place_and_can_be_stopped() {
    let mut opened = with_delivered(30);
    let window = &mut opened.window;
    search(window, "userId:ada state:delivered");
    wait_for(window, "the search", |window| lines(window).iter().all(|line| line.contains("a-")));
    window.key_press_modifiers(Modifiers::COMMAND, Key::T);
    wait_for(window, "the count", |window| says(window, "30 delivered events,"));
    type_into(window, "Maximum events per second", "1");
    press(window, "Resend 30 events");
    go_steps(window, "Sources");
    wait_for(window, "how far it is", |window| says(window, "of 30 events are queued again"));
    press(window, "Stop resending");
    wait_for(window, "its end", |window| says(window, "queued again") && !says(window, "Resending:"));
    assert!(!says(window, "30 events were queued again"));
}

/// Animations never end: the window does not come to rest.
fn go_steps(window: &mut Window, place: &str) {
    press(window, place);
    std::thread::sleep(Duration::from_millis(60));
    window.step();
}

#[test]
fn what_a_search_finds_is_written_to_a_new_file() {
    let mut opened = with_delivered(3);
    let path = opened.files.path().join("ada.jsonl");
    let window = &mut opened.window;
    search(window, "userId:ada");
    wait_for(window, "the lines of ada", |window| lines(window).len() == 3);
    for again in [false, true] {
        press(window, "More");
        press(window, "Export the log …");
        wait_for(window, "the sheet", |window| says(window, "The events that match"));
        window.get_by_role_and_label(Role::TextInput, "File").focus();
        window.step();
        window.key_press_modifiers(Modifiers::COMMAND, Key::A);
        window.step();
        type_into(window, "File", "ada.jsonl");
        assert!(says(window, "The full path of a new file"));
        window.key_press_modifiers(Modifiers::COMMAND, Key::A);
        window.step();
        type_into(window, "File", &path.display().to_string());
        press(window, "Export");
        let said = if again { "Not exported: there is a file" } else { "3 events are in" };
        wait_for(window, said, |window| says(window, said));
    }
    let text = std::fs::read_to_string(&path).expect("the file");
    let written: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let ids: Vec<_> = written.iter().map(|line| line["data"]["messageId"].clone()).collect();
    assert_eq!(ids, ["a-0", "a-1", "a-2"]);

    window.key_press_modifiers(Modifiers::COMMAND, Key::E);
    wait_for(window, "the sheet", |window| says(window, "The events that match"));
    choose(window, "CSV");
    let name = window.get_by_role_and_label(Role::TextInput, "File").value().unwrap_or_default();
    assert_eq!(std::path::Path::new(&name).extension(), Some("csv".as_ref()), "{name}");
    window.key_press(Key::Escape);
    window.step();
    window.step();
    assert!(!says(window, "The events that match"));
}

#[test]
fn events_on_their_way_are_counted_until_the_stream_has_confirmed_them() {
    let mut opened = open_with(settings(), |engine| {
        let faults = tributary::engine::Faults { delay: Duration::from_secs(5), ..Default::default() };
        engine.practice_stream().set_faults(faults);
    });
    let window = &mut opened.window;
    go(window, "Live");
    window.get_by_label("Sending 0");
    let address = address(window);
    for user in ["ada", "bob"] {
        let event = format!(r#"{{"userId":"{user}","event":"Seen"}}"#);
        let sent = wire::send(address, "POST", "/v1/track", &key_header("test-key-1234"), event.as_bytes());
        assert_eq!(sent.status, 200);
    }
    wait_for(window, "both on their way", |window| says(window, "Sending 2"));
    wait_for(window, "both confirmed", |window| says(window, "Sending 0"));
    wait_for(window, "both delivered", |window| {
        lines(window).iter().filter(|line| line.starts_with("Delivered")).count() == 2
    });
}

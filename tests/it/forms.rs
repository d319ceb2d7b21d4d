//! Forms, sheets and menus: where the keyboard's focus is, what Enter and Escape do there, what a sheet keeps when it is
//! refused, and that what is said is said in full.

use std::net::TcpListener;

use eframe::egui::{Key, Modifiers, Shape, accesskit::Role, vec2};
use egui_kittest::kittest::Queryable as _;
use tributary::{config::DestinationKind, event::Encoding};

use crate::{
    desk::{
        Desk, Window, choose, click, go, open, open_with, press, press_key, retype, says, settings,
        type_into, wait_for,
    },
    layout::{painted, rect, rects, texts},
    window::{denied, send_seen, without_profile},
};

/// Frames for as long as a click, a menu or a sheet takes to come up.
fn settle(window: &mut Window) {
    window.run_steps(8);
}

fn enter(window: &mut Window) {
    window.key_press(Key::Enter);
    settle(window);
}

/// Live with the delivered event `Seen` of ada.
fn with_seen() -> Desk {
    let mut desk = open(settings());
    let window = &mut desk.window;
    send_seen(window);
    go(window, "Live");
    wait_for(window, "its delivery", |window| says(window, "Delivered track Seen"));
    desk
}

/// Live with one event that waited for the practice stream and was set aside when the destination changed.
fn with_failed() -> Desk {
    let mut config = without_profile();
    config.destination.kind = DestinationKind::Practice;
    let mut desk = open_with(config, denied);
    let window = &mut desk.window;
    send_seen(window);
    wait_for(window, "the forwarder to be blocked", |window| says(window, "Blocked"));
    choose(window, "Amazon Kinesis");
    press(window, "Apply and set aside the one for the practice stream");
    wait_for(window, "the failed one", |window| says(window, "1 failed"));
    desk
}

#[test]
fn settings_to_import_are_typed_at_once_and_escape_closes_the_field() {
    let mut desk = open(settings());
    let window = &mut desk.window;
    go(window, "Settings");
    click(window, "Import …");
    settle(window);
    let role = Role::MultilineTextInput;
    let is_focused = |window: &Window| {
        window.query_by_role_and_label(role, "Settings to import").is_some_and(|field| field.is_focused())
    };
    assert!(is_focused(window));
    window.key_press(Key::Escape);
    settle(window);
    assert!(!says(window, "Settings to import"));
}

#[test]
fn what_was_resent_is_not_told_to_be_sent_again() {
    let mut desk = with_failed();
    let window = &mut desk.window;
    go(window, "Live");
    wait_for(window, "the failed one", |window| says(window, "Failed track Seen"));
    window.get_by_label_contains("Failed track Seen").click();
    wait_for(window, "what to do", |window| says(window, "to send it to the current destination"));
    settle(window);
    press(window, "Resend this event");
    wait_for(window, "what became of it", |window| says(window, "Resent track Seen"));
    window.get_by_label_contains("Resent track Seen").click();
    settle(window);
    if !says(window, "Edit as test") {
        // It was open already.
        window.get_by_label_contains("Resent track Seen").click();
        settle(window);
    }
    wait_for(window, "that it was resent", |window| says(window, "It was resent"));
    assert!(!says(window, "to send it to the current destination"));
}

// How it is drawn.

#[test]
fn a_record_is_shown_in_two_columns_as_it_was_read() {
    let mut config = settings();
    config.destination.encoding = Encoding::Json;
    let mut desk = open(config);
    let window = &mut desk.window;
    go(window, "Test");
    press_key(window, Modifiers::COMMAND, Key::Enter);
    wait_for(window, "the record", |window| says(window, "The record as it was read back"));
    settle(window);
    for (_, text) in texts(window) {
        assert!(!text.galley.job.justify || text.galley.rows.len() == 1, "{}", text.galley.text());
    }
}

#[test]
fn a_value_that_is_cut_has_one_tooltip() {
    let mut desk = with_seen();
    let window = &mut desk.window;
    window.set_size(vec2(1280.0, 900.0));
    window.run();
    window.get_by_label_contains("Delivered track Seen").click();
    settle(window);
    wait_for(window, "its detail", |window| says(window, "Sequence number"));
    press(window, "Record");
    let value = |window: &Window| {
        let mut all = window.query_all_by_label_contains("MD5 of the key is at");
        all.next().expect("a long value").rect()
    };
    let place = value(window);
    window.hover_at(place.left_center() + vec2(20.0, 0.0));
    for _ in 0..10 {
        std::thread::sleep(std::time::Duration::from_millis(60));
        window.step();
    }
    let shown = window.query_all_by_label_contains("MD5 of the key is at").count();
    assert_eq!(shown, 2, "the value and one tooltip");
}

#[test]
fn a_single_interval_is_a_point_of_its_chart() {
    let mut desk = with_seen();
    let window = &mut desk.window;
    press(window, "Charts");
    press(window, "24 hours");
    wait_for(window, "the charts", |window| says(window, "Delivery latency"));
    for _ in 0..4 {
        window.step();
    }
    let title = window.get_by_label("Delivery latency").rect();
    let is_in = |at: eframe::egui::Pos2| (title.bottom() + 8.0..title.bottom() + 180.0).contains(&at.y);
    let is_point = |shape: &Shape| matches!(shape, Shape::Circle(circle) if is_in(circle.center));
    wait_for(window, "a point", |window| painted(window).iter().any(|(_, shape)| is_point(shape)));
}

#[test]
fn a_banner_without_a_button_ends_with_its_words() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut desk = open(settings());
    let window = &mut desk.window;
    go(window, "Settings");
    let listen = taken.local_addr().expect("its address").to_string();
    retype(window, "Listen address", &listen);
    window.get_by_role_and_label(Role::Button, "Apply").click();
    wait_for(window, "the banner", |window| says(window, "Tributary needs attention"));
    settle(window);
    let words = window.get_by_label_contains("could not move to").rect();
    let around = rects(window)
        .into_iter()
        .map(|shape| shape.rect)
        .filter(|rect| rect.contains_rect(words) && rect.height() < 160.0 && rect.width() > 400.0);
    let bottom = around.map(|rect| rect.bottom()).fold(f32::INFINITY, f32::min);
    assert!(bottom - words.bottom() < 16.0, "{} points of nothing", bottom - words.bottom());
}

#[test]
fn the_mistake_in_the_apply_bar_is_said_in_full() {
    let mut config = settings();
    config.destination.kind = DestinationKind::Practice;
    let mut desk = open(config);
    let window = &mut desk.window;
    window.set_size(vec2(1100.0, 850.0));
    window.run();
    choose(window, "Amazon Kinesis");
    for (field, text) in
        [("AWS region", "eu-west-1"), ("Stream name", "clicks"), ("Other server", "localhost:4999")]
    {
        type_into(window, field, text);
    }
    settle(window);
    let bar = rect(window, Role::Button, "Apply");
    let said: Vec<_> = texts(window)
        .into_iter()
        .filter(|(_, text)| text.galley.text().contains("an endpoint looks like"))
        .filter(|(_, text)| text.visual_bounding_rect().bottom() > bar.top() - 40.0)
        .collect();
    assert!(!said.is_empty());
    assert!(said.iter().all(|(_, text)| !text.galley.elided), "it is cut");
    let right = said.iter().map(|(_, text)| text.visual_bounding_rect().right()).fold(0.0, f32::max);
    assert!(right <= rect(window, Role::Button, "Revert").left(), "it ends at {right}");
}

#[test]
fn large_numbers_are_grouped_and_typed_in_any_way() {
    let mut desk = open(settings());
    let window = &mut desk.window;
    go(window, "Settings");
    let has = |window: &Window, wanted: &str| {
        texts(window).iter().any(|(_, text)| text.galley.text().contains(wanted))
    };
    assert!(has(window, "1\u{2009}000\u{2009}000"));
    window.get_by_role_and_label(Role::SpinButton, "Keep in the log").focus();
    settle(window);
    press_key(window, Modifiers::COMMAND, Key::A);
    window.event(eframe::egui::Event::Text("2 500 000".to_owned()));
    settle(window);
    enter(window);
    assert!(has(window, "2\u{2009}500\u{2009}000"));
}

#[test]
fn the_cards_of_sources_begin_alike_and_a_long_name_leaves_room() {
    let mut config = settings();
    let name = "A rather long name that would fill the whole line from left to right, if it were let";
    config.capture.sources.insert(0, tributary::config::Source::new(name, "test-key-5678"));
    let mut desk = open(config);
    let window = &mut desk.window;
    window.set_size(vec2(1500.0, 960.0));
    go(window, "Sources");
    let top = |label: &str| window.get_by_label(label).rect().top();
    assert!((top("Connect") - top("Capture endpoint")).abs() < 1.0);
    let [source, sdk] = ["Source of the snippet", "SDK"].map(|list| rect(window, Role::ComboBox, list));
    assert!((source.top() - sdk.top()).abs() < 1.0, "{source:?} {sdk:?}");
}

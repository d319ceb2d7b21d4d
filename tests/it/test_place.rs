//! The Test place: composing as a form and as JSON, sending, runs of many events, and the record that is read back.

use std::time::Duration;

use eframe::egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tributary::{
    config::DestinationKind,
    event::{Aggregation, Bucket, Encoding},
};

use crate::{
    opened_window::{
        self, OpenedWindow, Window, address, copied, go, open, press, says, settings, type_into, wait_for,
    },
    scripted::{Answer, Scripted},
    window::{self, is_run_with_keys},
};

fn test_place() -> OpenedWindow {
    let mut opened = open(settings());
    go(&mut opened.window, "Test");
    opened
}

fn flip(window: &mut Window, label: &str) {
    window.get_by_role_and_label(Role::Switch, label).click();
    window.run();
}

/// Replaces the content of a field.
fn put(window: &mut Window, label: &str, text: &str) {
    window.get_by_role_and_label(Role::TextInput, label).focus();
    window.run();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.key_press(Key::Backspace);
    window.run();
    window.get_by_role_and_label(Role::TextInput, label).type_text(text);
    window.run();
}

fn json(window: &mut Window) -> String {
    press(window, "JSON");
    let text = window.get_by_label("Event JSON").value().expect("a text");
    press(window, "Form");
    text
}

fn set_json(window: &mut Window, text: &str) {
    press(window, "JSON");
    window.get_by_label("Event JSON").focus();
    window.run();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run();
    window.get_by_label("Event JSON").type_text(text);
    window.run();
}

fn send(window: &mut Window) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run();
}

#[test]
fn the_form_and_the_json_stay_in_step() {
    let mut opened = test_place();
    let window = &mut opened.window;
    put(window, "Event name", "Signed Up");
    put(window, "Value of revenue", "39.950");
    press(window, "Remove products");
    press(window, "Add property");
    put(window, "Name of property 4", "plan");
    put(window, "Value of plan", "pro");
    let text = json(window);
    assert!(text.contains("\"event\": \"Signed Up\"") && text.contains("\"plan\": \"pro\""), "{text}");
    assert!(text.contains("\"revenue\": 39.950"), "a number is written as it was typed: {text}");
    assert!(text.contains("\"orderId\": \"1042\"") && !text.contains("products"), "{text}");

    set_json(
        window,
        r#"{"anonymousId":"a-1","event":"From JSON","properties":{"deep":{"n":1.10},"yes":true}}"#,
    );
    press(window, "Form");
    let value = |window: &Window, label: &str| window.get_by_role_and_label(Role::TextInput, label).value();
    assert_eq!(value(window, "Event name").as_deref(), Some("From JSON"));
    assert_eq!(value(window, "Anonymous id").as_deref(), Some("a-1"));
    assert_eq!(value(window, "Value of deep").as_deref(), Some("{\"n\":1.10}"));
    put(window, "User id", "ada");
    let text = json(window);
    assert!(text.contains("\"n\": 1.10") && text.contains("\"userId\": \"ada\""), "{text}");
}

#[test]
fn what_the_endpoint_would_refuse_is_said_while_it_is_typed() {
    let mut opened = test_place();
    let window = &mut opened.window;
    window.get_by_label("The endpoint will accept it");
    put(window, "Event name", "");
    assert!(!says(window, "The endpoint will accept it"));
    assert!(window.get_by_role_and_label(Role::Button, "Send event").accesskit_node().is_disabled());
    assert!(window.get_by_role_and_label(Role::Button, "Start").accesskit_node().is_disabled());
    put(window, "Event name", "Again");
    window.get_by_label("The endpoint will accept it");
    set_json(window, "{\n  \"event\": }");
    assert!(says(window, "Line 2"), "the line is named");
    press(window, "Form");
    assert!(says(window, "The text is not a JSON object"));
    press(window, "Template");
    window.get_by_label("The endpoint will accept it");
}

#[test]
fn an_event_is_read_back_from_the_stream_and_compared() {
    let mut opened = test_place();
    let window = &mut opened.window;
    send(window);
    wait_for(window, "the record", |window| says(window, "Read back from the stream"));
    assert!(says(window, "byte for byte what was put"));
    window.get_by_label("The record as it was read back");
    window.get_by_label("Copy record data").click();
    window.step();
    assert!(copied(window).is_some_and(|data| data.starts_with("eyJ")));
}

#[test]
fn an_event_that_shares_its_record_is_followed_to_its_place_in_it() {
    for (aggregation, encoding) in
        [(Aggregation::Kpl, Encoding::Base64), (Aggregation::Lines, Encoding::JsonLines)]
    {
        let mut config = settings();
        (config.destination.aggregation, config.destination.encoding) = (aggregation, encoding);
        config.destination.enabled = false;
        let mut opened = open(config);
        let window = &mut opened.window;
        let address = address(window);
        let seen = |n: u32| format!(r#"{{"userId":"ada","event":"Seen","messageId":"seen-{n}"}}"#);
        assert_eq!(window::send(address, "test-key-1234", &seen(1)), 200);
        go(window, "Test");
        set_json(window, r#"{"userId":"ada","event":"Tested"}"#);
        send(window);
        wait_for(window, "the answer", |window| says(window, "Answered 200"));
        assert_eq!(window::send(address, "test-key-1234", &seen(3)), 200);
        go(window, "Set up");
        opened_window::flip(window, "Deliver events");
        go(window, "Test");
        wait_for(window, "the record", |window| says(window, "Read back from the stream"));
        assert!(says(window, "byte for byte what was put as event 2 of 3 in its record"));
        window.get_by_label("Event 2 of 3 in the record, as it was read back");
        window.get_by_label("Copy record data").click();
        window.step();
        let data = copied(window).expect("its part of the record");
        let (text, _) = Encoding::decode(data.as_bytes()).expect("an event");
        assert!(text.contains("\"Tested\"") && !text.contains("\"Seen\""), "{text}");

        press(window, "Show in Stream");
        let bucket = Bucket::of("ada").partition_key();
        let place = format!("2 of 3, under the key {bucket}");
        wait_for(window, "its part", |window| says(window, &place));
        assert!(says(window, "\"event\": \"Tested\""));

        go(window, "Live");
        wait_for(window, "the log", |window| says(window, "Delivered track Seen seen-3"));
        window.get_by_label("Delivered track Seen seen-3").click();
        window.run();
        wait_for(window, "its detail", |window| says(window, "Place in record"));
        window.get_by_label("3 of 3");
        window.get_by_label("Record").click();
        window.run_steps(8);
        assert!(says(window, &format!("3 of 3, under the key {bucket}")));
        window.get_by_label(&Bucket::of("ada").hash_key().to_string());
        assert!(says(window, &format!("the explicit hash key of {bucket} is at ")));
        window.get_by_label("Timeline").click();
        window.run_steps(8);
        assert!(says(window, "event 3 of 3"));
        wait_for(window, "the mean", |window| says(window, "Events per record 3.0"));
        window.get_by_label("Charts").click();
        window.run();
        wait_for(window, "the saving", |window| says(window, "3 events in 1 record since Tributary started"));
        assert!(says(window, "1 PUT payload unit instead of 3 with one event per record: 67 % less"));
    }
}

#[test]
fn where_reading_is_not_permitted_both_places_say_so_and_lead_to_the_policy_s_switch() {
    if !is_run_with_keys(
        "test_place::where_reading_is_not_permitted_both_places_say_so_and_lead_to_the_policy_s_switch",
    ) {
        return;
    }
    let server = Scripted::start(|_| Answer::Success);
    server.set_other(|asked| {
        let lists = asked
            .headers
            .get("x-amz-target")
            .is_some_and(|target| target.as_bytes().ends_with(b"ListShards"));
        let message = if lists { MAY_NOT_LIST } else { MAY_NOT_PLACE };
        (400, format!(r#"{{"__type":"AccessDeniedException","message":"{message}"}}"#))
    });
    let mut config = settings();
    config.destination.kind = DestinationKind::Kinesis;
    "eu-west-1".clone_into(&mut config.destination.region);
    "clickstream".clone_into(&mut config.destination.stream);
    config.destination.endpoint_url.clone_from(&server.url);
    let mut opened = open(config);
    let window = &mut opened.window;
    go(window, "Test");
    send(window);
    wait_for(window, "the delivery", |window| says(window, "Not read back"));
    assert!(says(window, "kinesis:GetShardIterator"), "the action is named");
    assert!(says(window, "This does not affect the delivery"));
    press(window, "Allow reading in Set up");
    window.get_by_label("Where events go, and what AWS needs for it");
    assert!(says(window, "\"kinesis:GetShardIterator\""), "the switch is on, and the policy has it");

    go(window, "Stream");
    wait_for(window, "the fault", |window| says(window, "may not do kinesis:ListShards"));
    press(window, "Allow reading in Set up");
    window.get_by_label("Where events go, and what AWS needs for it");
}

const MAY_NOT_LIST: &str = "User: arn:aws:iam::123456789012:user/t is not authorized to perform: kinesis:ListShards on \
                            resource: arn:aws:kinesis:eu-west-1:123456789012:stream/clickstream";

const MAY_NOT_PLACE: &str = "User: arn:aws:iam::123456789012:user/t is not authorized to perform: \
                             kinesis:GetShardIterator on resource: arn:aws:kinesis:eu-west-1:123456789012:stream/clickstream";

#[test]
fn a_test_event_carries_a_mark_that_can_be_switched_off() {
    let mut opened = test_place();
    let window = &mut opened.window;
    window.get_by_label("context.tributary = {\"test\":true}");
    send(window);
    wait_for(window, "the delivery", |window| says(window, "Read back from the stream"));
    press(window, "Show in Live");
    wait_for(window, "its detail", |window| says(window, "\"tributary\""));
    go(window, "Test");
    flip(window, "Mark as test");
    assert!(says(window, "Consumers cannot tell it from a real event"));
    send(window);
    let listed = |window: &Window| window.query_all_by_label_contains("Load Order Completed (track").count();
    wait_for(window, "the second one", |window| listed(window) == 2);
    wait_for(window, "the delivery", |window| says(window, "Read back from the stream"));
    press(window, "Show in Live");
    wait_for(window, "its detail", |window| says(window, "\"orderId\": \"1042\""));
    assert!(!says(window, "\"tributary\""));
}

#[test]
fn the_request_is_shown_as_code_with_the_key_masked_and_copied_with_it() {
    let mut opened = test_place();
    let window = &mut opened.window;
    press(window, "Request");
    for (language, sign) in [
        ("curl", "curl -u"),
        ("Node.js", "Buffer.from"),
        ("Python", "urllib.request"),
        ("JavaScript", "btoa("),
    ] {
        press(window, language);
        assert!(says(window, sign), "{language}");
        assert!(says(window, "/v1/track") && says(window, "Order Completed"), "{language}");
        assert!(says(window, "\"tributary\""), "the mark is a part of what is sent");
        assert!(!says(window, "test-key-1234"), "a key is not shown unasked");
        window.get_by_label("Copy request").click();
        window.step();
        assert!(copied(window).is_some_and(|code| code.contains("test-key-1234") && code.contains(sign)));
        window.run();
    }
    put(window, "Event name", "Another One");
    assert!(says(window, "Another One"), "the request follows the event");
}

#[test]
fn an_event_is_saved_under_a_name_and_taken_back() {
    let mut opened = test_place();
    let window = &mut opened.window;
    wait_for(window, "the saved events", |window| window.query_by_label("Save as …").is_some());
    put(window, "Event name", "Refund Issued");
    press(window, "Save as …");
    type_into(window, "Name of the saved event", "A refund");
    press(window, "Save event");
    let file = opened.files.path().join("data").join("test-presets.json");
    wait_for(window, "the file", |_| {
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("Refund Issued"))
    });
    press(window, "Template");
    assert!(!json(window).contains("Refund Issued"));
    window.get_by_label("Saved events").click();
    window.run();
    window.get_by_label("A refund (track)").click();
    window.run();
    assert!(json(window).contains("Refund Issued"));
    press(window, "Remove saved event A refund");
    press(window, "Remove saved event");
    wait_for(window, "the file", |_| std::fs::read_to_string(&file).is_ok_and(|text| text.trim() == "[]"));
}

#[test]
fn a_run_sends_what_was_asked_for_as_random_users() {
    let mut opened = test_place();
    let window = &mut opened.window;
    flip(window, "At a rate");
    press(window, "Start");
    wait_for(window, "the end of the run", |window| {
        says(window, "100 of 100 accepted. All events were sent.")
    });
    // Not `run`: while events flow, the window is always drawn again.
    window.get_by_role_and_label(Role::Button, "Stream").click();
    wait_for(window, "all records", |window| says(window, "100 read"));
    assert!(says(window, "test-user-"));
}

#[test]
fn a_run_at_a_rate_is_stopped_by_its_button() {
    let mut opened = test_place();
    let window = &mut opened.window;
    press(window, "Start");
    wait_for(window, "the run", |window| says(window, "of 100 accepted"));
    press(window, "Stop");
    wait_for(window, "its end", |window| says(window, "Stopped."));
    assert!(!says(window, "100 of 100"), "at 20 a second it cannot be through");
    std::thread::sleep(Duration::from_millis(100));
    press(window, "Start");
    wait_for(window, "a new run", |window| !says(window, "Stopped."));
}

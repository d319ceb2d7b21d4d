//! The Sources place: the way from nothing to the first event, and what is done about senders that were turned away.

use eframe::egui::{accesskit::Role, vec2};
use egui_kittest::kittest::Queryable as _;
use tributary::{
    config::Source,
    engine::PRACTICE_STREAM,
    event::{Aggregation, Encoding},
    snippets::{ConsumedStream, Consumer, consumer_code},
};

use crate::{
    layout::texts,
    opened_window::{address, copied, go, open, press, says, settings, wait_for},
    window::{lines, send},
};

#[test]
fn the_first_event_is_one_copy_away_and_its_arrival_leads_to_live() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.set_size(vec2(860.0, 560.0));
    window.run();
    go(window, "Sources");
    // In sight without scrolling, in the smallest window.
    for label in ["Copy with the write key", "Waiting for the first event …"] {
        let place = window.get_by_label(label).rect();
        assert!(place.top() > 0.0 && place.bottom() < 530.0, "{label}: {place:?}");
    }
    window.get_by_label("Copy with the write key").click();
    window.step();
    assert!(copied(window).is_some_and(|text| text.starts_with("curl ") && text.contains("test-key-1234")));
    assert!(!says(window, "test-key-1234"), "it is not shown unasked");
    window.run();
    let address = address(window);
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"ada","event":"Mine"}"#), 200);
    wait_for(window, "its arrival", |window| says(window, "Arrived "));
    assert!(!says(window, "Waiting for the first event"));
    press(window, "Show My first source in Live");
    wait_for(window, "its line", |window| lines(window).iter().any(|line| line.contains("Mine")));
}

#[test]
fn tabs_and_the_list_of_sdks_choose_the_snippet() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    for (tab, sign) in
        [("Python", "import segment.analytics"), ("Node.js", "@segment/analytics-node"), ("curl", "curl -u")]
    {
        press(window, tab);
        assert!(says(window, sign), "{tab}");
        let list = window.get_by_role_and_label(Role::ComboBox, "SDK").value();
        assert_eq!(list.as_deref(), Some(tab), "the list follows");
        let named = texts(window).iter().filter(|(_, text)| text.galley.text() == tab).count();
        assert_eq!(named, 1, "{tab} is in sight once");
    }
}

#[test]
fn the_stream_place_leads_to_the_code_that_reads_the_stream() {
    let mut config = settings();
    config.destination.encoding = Encoding::JsonLines;
    config.destination.aggregation = Aggregation::Kpl;
    let stream = ConsumedStream::of(&config.destination, PRACTICE_STREAM);
    let codes = Consumer::ALL.map(|consumer| (consumer.title(), consumer_code(consumer, &stream)));
    let mut opened = open(config.clone());
    let window = &mut opened.window;
    go(window, "Stream");
    press(window, "Consumer code");
    for (title, code) in codes {
        press(window, title);
        assert!(says(window, "the encoding json-lines and the aggregation kpl"), "{title}");
        for button in ["Copy code", "Copy consumer code"] {
            window.get_by_label(button).click();
            window.step();
            assert_eq!(copied(window).as_deref(), Some(&*code), "{title}");
            window.run();
        }
    }
    press(window, "Send events");
    assert!(says(window, "curl -u"));
    press(window, "Read the stream");
    assert!(says(window, "from_base64") || says(window, "json_parse"), "the choice stays");
}

#[test]
fn consumer_code_needs_no_source() {
    let mut config = settings();
    config.capture.sources = Vec::new();
    let mut opened = open(config);
    let window = &mut opened.window;
    go(window, "Stream");
    press(window, "Consumer code");
    assert!(says(window, "AWS_ENDPOINT_URL_KINESIS"), "how the practice stream is reached");
    assert!(says(window, r#"STREAM = {"StreamName": "practice"}"#));
}

#[test]
fn a_sender_that_is_turned_away_can_be_given_a_source_or_the_key() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    let address = address(window);
    assert_eq!(send(address, "a-mistyped-key-9876", r#"{"userId":"ada","event":"Seen"}"#), 401);
    wait_for(window, "it is said", |window| says(window, "Key …9876"));
    assert!(says(window, "A request was turned away meanwhile"), "beside what is waited for");
    window.get_by_label("Copy the write key").click();
    window.step();
    assert_eq!(copied(window).as_deref(), Some("test-key-1234"));
    window.run();
    press(window, "Add a source for this sender");
    window.run();
    assert!(window.query_by_role_and_label(Role::TextInput, "Source name").is_some());
}

#[test]
fn names_as_long_as_they_may_be_leave_room_for_the_buttons() {
    let mut config = settings();
    let long = "The website of the shop in the long street ".repeat(4);
    config.capture.sources = ["one", "two"].map(|key| Source::new(format!("{long}{key}"), key)).into();
    let mut opened = open(config);
    let window = &mut opened.window;
    for width in [860.0, 1280.0] {
        window.set_size(vec2(width, 900.0));
        window.run();
        go(window, "Sources");
        for button in window.query_all_by_role(Role::Button) {
            assert!(button.rect().right() <= width, "{:?}", button.rect());
        }
        press(window, "Read the stream");
        for button in window.query_all_by_role(Role::Button) {
            assert!(button.rect().right() <= width, "{:?}", button.rect());
        }
    }
}

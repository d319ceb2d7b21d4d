//! The pipeline strip: what its boxes say in each state, where a click on them leads, and when its drawer opens.

use std::time::Duration;

use eframe::egui::{self, Event, Key, Modifiers, Rect, accesskit::Role, vec2};
use egui_kittest::kittest::Queryable as _;
use tributary::{config::Source, engine::Engine, practice::Faults};

use crate::{
    opened_window::{
        Window, address, copied, explain, go, open, open_with, press, press_key, press_stage, says, settings,
        stage_box, wait_for,
    },
    window::{denied, searched, send, send_seen, without_profile},
};

const KEY: &str = "test-key-1234";
const STAGES: [&str; 5] = ["Sources", "Endpoint", "Spool", "Forwarder", "Destination"];
const PLACES: [&str; 6] = ["Set up", "Sources", "Test", "Live", "Stream", "Settings"];

fn settle(window: &mut Window) {
    window.run_steps(8);
}

fn name(window: &Window, stage: &str) -> String {
    stage_box(window, stage).0
}

fn boxes(window: &Window) -> Vec<Rect> {
    STAGES.map(|stage| stage_box(window, stage).1).to_vec()
}

fn has_drawer(window: &Window) -> bool {
    window.query_by_role(Role::Dialog).is_some()
}

/// When the window wants to draw the next frame.
fn next_frame(window: &Window) -> Duration {
    let delays = window.output().viewport_output.values().map(|output| output.repaint_delay);
    delays.min().expect("a window")
}

#[test]
fn the_strip_is_in_every_place_and_nothing_ever_moves_it() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    for size in [vec2(860.0, 560.0), vec2(1280.0, 800.0), vec2(1920.0, 1000.0)] {
        window.set_size(size);
        window.run_steps(4);
        let before = boxes(window);
        for place in PLACES {
            go(window, place);
            assert_eq!(boxes(window), before, "{place} at {size:?}");
        }
        assert!(before.iter().all(|rect| rect.right() < size.x && rect.top() > 0.0 && rect.height() <= 56.0));
        for pair in before.windows(2) {
            assert!(pair[1].left() - pair[0].right() > 8.0, "room for the arrow: {pair:?}");
        }
    }
    let before = boxes(window);
    send_seen(window);
    wait_for(window, "the trouble", |window| says(window, "Forwarder blocked"));
    assert_eq!(boxes(window), before);
    press(window, "Close the explanation");
    assert_eq!(boxes(window), before);
}

#[test]
fn before_the_first_event_the_boxes_say_what_to_do_next() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    assert_eq!(name(window, "Sources"), "Sources. Connect a source");
    press_stage(window, "Sources");
    window.get_by_label("Who may send events, and how to point them here");
    assert_eq!(name(window, "Destination"), "Destination: Practice stream. Switch to yours");
    press_stage(window, "Destination");
    window.get_by_label("Where events go, and what AWS needs for it");
    wait_for(window, "the endpoint", |window| name(window, "Endpoint").ends_with(". Send a test event"));
    press_stage(window, "Endpoint");
    wait_for(window, "the delivery", |window| says(window, "sequence number"));
    wait_for(window, "its figures", |window| name(window, "Destination").contains("1 delivered"));
    wait_for(window, "its time", |window| name(window, "Destination").contains("p95 "));
    assert!(name(window, "Sources").ends_with("1 active"), "{}", name(window, "Sources"));
    assert!(name(window, "Endpoint").ends_with(", accepting"), "{}", name(window, "Endpoint"));
    assert_eq!(name(window, "Spool"), "Spool: Empty");
}

#[test]
fn before_the_first_event_curl_is_copied_with_one_click() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    assert!(!says(window, "No events yet"), "the window starts with Set up");
    for (role, at) in [(Role::Link, "the strip"), (Role::Button, "the empty log")] {
        window.get_by_role_and_label(role, "Copy curl").click();
        window.step();
        let curl = copied(window).expect(at);
        assert!(curl.starts_with("curl -u test-key-1234:"), "{at}: {curl}");
        assert!(curl.contains(&format!("http://{address}/v1/track")), "{at}: {curl}");
        assert!(says(window, "curl command copied"), "{at}");
        wait_for(window, "the log, to see the event arrive", |window| says(window, "No events yet"));
    }
    send_seen(window);
    wait_for(window, "the event", |window| says(window, "Delivered track Seen"));
    assert!(window.query_by_label("Copy curl").is_none());
}

#[test]
fn without_a_source_the_strip_asks_for_one() {
    let mut config = settings();
    config.capture.sources.clear();
    let mut opened = open(config);
    assert_eq!(name(&opened.window, "Sources"), "Sources. Add a source");
    press_stage(&mut opened.window, "Sources");
    opened.window.get_by_label("Who may send events, and how to point them here");
    assert!(opened.window.query_by_label("Copy curl").is_none(), "there is no key to send with");
}

#[test]
fn a_click_on_a_box_shows_its_events_in_live() {
    let mut config = settings();
    config.capture.sources.push(Source::new("Other source", "test-key-5678"));
    let mut opened = open(config);
    let window = &mut opened.window;
    send_seen(window);
    wait_for(window, "it is delivered", |window| says(window, "1 delivered"));
    for (stage, search) in [
        ("Sources", "source:\"My first source\""),
        ("Endpoint", "state:rejected"),
        ("Spool", "state:queued,retrying"),
        ("Forwarder", "state:retrying,failed"),
        ("Destination", "state:delivered"),
    ] {
        go(window, "Settings");
        press_stage(window, stage);
        assert_eq!(searched(window), search, "{stage}");
    }
    let address = address(window);
    assert_eq!(send(address, "test-key-5678", r#"{"userId":"bob","event":"Seen"}"#), 200);
    wait_for(window, "both", |window| name(window, "Sources").ends_with("2 active"));
    press_stage(window, "Sources");
    assert_eq!(searched(window), "", "all events, if several sources send");
}

#[test]
fn rejected_events_and_refused_senders_are_seen_in_their_boxes() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    send(address, KEY, r#"{"event":"Of nobody"}"#);
    wait_for(window, "it is counted", |window| name(window, "Endpoint").ends_with(", 1 rejected"));
    press_stage(window, "Endpoint");
    assert_eq!(searched(window), "state:rejected");
    send(address, "some-other-key", r#"{"userId":"ada","event":"Seen"}"#);
    wait_for(window, "the sender", |window| name(window, "Sources").ends_with(", wrong key"));
    window.set_size(vec2(860.0, 560.0));
    window.run();
    press_stage(window, "Sources");
    window.get_by_label("Who may send events, and how to point them here");
    wait_for(window, "who it is, in sight", |window| {
        let title = window.get_by_label("Turned away").rect();
        title.top() > 0.0 && title.bottom() < 400.0
    });
}

#[test]
fn the_queue_has_its_length_and_the_age_of_its_oldest_event_and_delivery_is_switched_on_in_the_drawer() {
    let mut config = settings();
    config.destination.enabled = false;
    let mut opened = open(config);
    let window = &mut opened.window;
    send_seen(window);
    wait_for(window, "its age", |window| name(window, "Spool").starts_with("Spool: 1 waiting, oldest "));
    assert!(next_frame(window) <= Duration::from_secs(1), "the age changes");
    assert!(!has_drawer(window), "the user has switched it off");
    assert!(name(window, "Forwarder").contains("Disabled"), "{}", name(window, "Forwarder"));
    explain(window, "Forwarder");
    press(window, "Deliver events");
    wait_for(window, "its delivery", |window| name(window, "Spool") == "Spool: Empty");
    wait_for(window, "the end of the trouble", |window| !has_drawer(window));
}

#[test]
fn a_blocked_delivery_opens_its_drawer_once_and_stays_in_sight_when_it_is_closed() {
    let mut opened = open(without_profile());
    let window = &mut opened.window;
    go(window, "Test");
    send_seen(window);
    wait_for(window, "the drawer", has_drawer);
    assert!(name(window, "Forwarder").starts_with("Forwarder blocked: No such profile"));
    assert!(says(window, "Delivery needs you"));
    let primary = window.get_by_role_and_label(Role::Button, "Set up › Keys").rect();
    let others = ["Try now", "Show waiting events"].map(|label| window.get_by_label(label).rect());
    let is_after = |other: &Rect| other.left() > primary.right() || other.top() > primary.bottom();
    assert!(others.iter().all(is_after), "the primary button is the first one");
    press_key(window, Modifiers::NONE, Key::Escape);
    settle(window);
    assert!(!has_drawer(window));
    send_seen(window);
    wait_for(window, "both", |window| says(window, "2 waiting"));
    window.run_steps(20);
    assert!(!has_drawer(window), "the same trouble opens nothing");
    press_stage(window, "Forwarder");
    assert!(has_drawer(window));
    press_key(window, Modifiers::COMMAND, Key::Num2);
    settle(window);
    assert!(!has_drawer(window), "another place was opened");
    press_stage(window, "Forwarder");
    assert!(has_drawer(window));
    press(window, "Show waiting events");
    assert!(!has_drawer(window), "it covers nothing that it leads to");
    assert_eq!(searched(window), "state:queued,retrying");
}

#[test]
fn the_drawer_takes_no_focus_and_does_not_cover_the_field_that_is_typed_into() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    window.set_size(vec2(1280.0, 800.0));
    go(window, "Live");
    let field = |window: &Window| window.get_by_role_and_label(Role::TextInput, "Search the log").rect();
    let address = address(window);
    window.get_by_role_and_label(Role::TextInput, "Search the log").focus();
    window.run();
    assert_eq!(send(address, KEY, r#"{"userId":"ada","event":"Seen"}"#), 200);
    wait_for(window, "the trouble", |window| says(window, "Forwarder blocked"));
    settle(window);
    assert!(!has_drawer(window), "it would cover the field");
    window.event(Event::Text("ada".to_owned()));
    settle(window);
    assert_eq!(searched(window), "ada");
    // Another field, which it leaves free.
    let before = field(window);
    go(window, "Test");
    wait_for(window, "the drawer", has_drawer);
    assert!(window.query_all_by_role(Role::Button).all(|button| !button.is_focused()), "it takes no focus");
    press_key(window, Modifiers::NONE, Key::Escape);
    go(window, "Live");
    assert_eq!(field(window).min, before.min);
}

#[test]
fn the_drawer_gives_way_to_a_widget_that_it_covers_when_that_gets_the_focus() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    window.set_size(vec2(1280.0, 800.0));
    go(window, "Live");
    send_seen(window);
    wait_for(window, "the drawer", has_drawer);
    settle(window);
    window.get_by_role_and_label(Role::TextInput, "Search the log").focus();
    settle(window);
    assert!(!has_drawer(window));
}

#[test]
fn a_drawer_waits_while_the_pointer_moves_where_it_would_open() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    window.set_size(vec2(1280.0, 800.0));
    go(window, "Live");
    let at = |window: &Window| stage_box(window, "Forwarder").1.center_bottom() + vec2(0.0, 60.0);
    let place = at(window);
    window.hover_at(place);
    window.step();
    send_seen(window);
    let mut shift = 0.0;
    for _ in 0..400 {
        if says(window, "Forwarder blocked") && shift > 20.0 {
            break;
        }
        shift += 1.0;
        window.hover_at(place + vec2(shift % 30.0, 0.0));
        window.step();
        std::thread::sleep(Duration::from_millis(10));
        assert!(!has_drawer(window), "a click would meet the drawer instead");
    }
    assert!(says(window, "Forwarder blocked"));
    window.hover_at(egui::pos2(100.0, 500.0));
    wait_for(window, "the drawer", has_drawer);
}

#[test]
fn practice_faults_are_amber_and_switched_off_where_they_are_named() {
    let mut opened = open_with(settings(), |engine: &Engine| {
        engine.practice().set_faults(Faults { delay: Duration::from_millis(1), ..Faults::default() });
    });
    let window = &mut opened.window;
    wait_for(window, "the fault", |window| says(window, "Practice faults are on"));
    assert!(!has_drawer(window), "the user has switched them on");
    explain(window, "Destination");
    assert!(says(window, "Slow answers. Only the practice stream is affected"));
    press(window, "Switch all off");
    wait_for(window, "no fault", |window| !says(window, "Practice faults are on"));
    assert!(!has_drawer(window));
}

#[test]
fn a_screen_reader_is_told_what_needs_the_user_and_not_of_every_second() {
    let mut opened = open(without_profile());
    let window = &mut opened.window;
    let news = |window: &Window| -> Option<String> {
        let mut labels = window.query_all_by_label_contains("eeds you");
        labels.find(|node| node.rect().height() <= 2.0)?.value()
    };
    assert_eq!(news(window).as_deref(), Some("Nothing needs you"));
    send_seen(window);
    wait_for(window, "the news", |window| news(window).is_some_and(|news| news.starts_with("Needs you: ")));
    let first = news(window);
    std::thread::sleep(Duration::from_millis(1200));
    settle(window);
    assert_eq!(news(window), first, "the countdown is not news");
}

#[test]
fn a_strip_at_rest_asks_for_no_frame() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Settings");
    window.hover_at(egui::pos2(700.0, 1500.0));
    window.run_steps(20);
    assert!(next_frame(window) > Duration::from_secs(2), "{:?}", next_frame(window));
    send_seen(window);
    wait_for(window, "its delivery", |window| says(window, "1 delivered"));
    assert!(next_frame(window) <= Duration::from_secs(1), "the sparklines move");
}

#[test]
fn the_keys_that_send_a_test_event_do_not_press_the_focused_box() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Test");
    let (label, _) = stage_box(window, "Destination");
    window.get_by_role_and_label(Role::Button, &label).focus();
    window.run();
    press_key(window, Modifiers::COMMAND, Key::Enter);
    wait_for(window, "the delivery", |window| says(window, "1 delivered"));
    assert!(says(window, "Send event"), "Test is still open");
}

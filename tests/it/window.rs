//! The window over the real engine, used by the labels that a screen reader reads. No display is needed.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use eframe::egui::{self, Key, Modifiers, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use tributary::{
    app::{App, Problem, Running},
    config::{self, Config, CredentialsSource, DestinationKind, Source},
    engine::Engine,
    practice::Faults,
};

use crate::{
    binary::key_header,
    inspector::{choose_from, copy_from_menu},
    opened_window::{
        OpenedWindow, Window, address, copied, edit, explain, go, open, open_with, paths, says, settings,
        start_guide, type_into, wait_for,
    },
    scripted::{Answer, Scripted},
    wire,
};

/// Makes the practice stream answer as AWS does if no policy allows anything.
pub fn denied(engine: &Engine) {
    engine.practice().set_faults(Faults { access_denied: true, ..Faults::default() });
}

/// A stream of AWS and a profile that is in no file: blocked without any call.
pub fn without_profile() -> Config {
    let mut config = settings();
    config.destination.kind = DestinationKind::Kinesis;
    "eu-west-1".clone_into(&mut config.destination.region);
    "clickstream".clone_into(&mut config.destination.stream);
    config.credentials.source = CredentialsSource::Profile;
    "no-such-profile-for-tests".clone_into(&mut config.credentials.profile);
    config
}

#[test]
fn the_five_places_and_the_settings_are_reached_by_name_and_by_keys() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let places = [
        ("Sources", Key::Num2, "Who may send events, and how to point them here"),
        ("Test", Key::Num3, "Send an event through the real endpoint and follow it to its record"),
        ("Live", Key::Num4, "Every event, and what became of it"),
        ("Stream", Key::Num5, "What a consumer reads back from the practice stream"),
        ("Settings", Key::Comma, "A change is saved as soon as you leave its field"),
        ("Set up", Key::Num1, "Where events go, and what AWS needs for it"),
    ];
    for (name, _, subtitle) in places {
        go(window, name);
        window.get_by_label(subtitle);
    }
    for (_, key, subtitle) in places {
        window.key_press_modifiers(Modifiers::COMMAND, key);
        window.run();
        window.get_by_label(subtitle);
    }
}

#[test]
fn the_status_line_is_in_sight_in_every_place() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for place in ["Set up", "Sources", "Test", "Live", "Stream", "Settings"] {
        go(window, place);
        wait_for(window, "the forwarder's state", |window| says(window, "Running"));
        window.get_by_label("Queue");
        window.get_by_label("Copy endpoint address").click();
        window.step();
        let address = copied(window).expect("something is copied");
        assert!(address.starts_with("http://127.0.0.1:") && !address.ends_with(":0"), "{address}");
        window.run();
    }
}

#[test]
fn typing_a_region_and_a_stream_fills_the_policy_and_copy_takes_it() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    start_guide(window);
    edit(window, "Permission");
    assert!(says(window, "arn:aws:kinesis:{region}:{account-id}:stream/{stream-name}"));
    assert!(says(window, "Still missing: the region, the account id, the stream name."));
    edit(window, "Stream");
    type_into(window, "AWS region", "eu-west-1");
    type_into(window, "Stream name", "clickstream");
    type_into(window, "AWS account id", "123456789012");
    edit(window, "Permission");
    assert!(says(window, "arn:aws:kinesis:eu-west-1:123456789012:stream/clickstream"));
    assert!(!says(window, "Still missing"));
    window.get_by_label("Copy policy").scroll_to_me();
    window.run();
    window.get_by_label("Copy policy").click();
    window.step();
    let policy = copied(window).expect("the policy is copied");
    assert!(policy.contains("kinesis:PutRecord") && policy.contains("stream/clickstream"), "{policy}");
    window.run();
    window.get_by_label("Policy copied");
}

#[test]
fn a_region_is_found_by_its_name() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    start_guide(window);
    edit(window, "Stream");
    type_into(window, "AWS region", "irel");
    window.key_press(Key::Enter);
    window.run();
    let region = window.get_by_role_and_label(Role::TextInput, "AWS region").value();
    assert_eq!(region.as_deref(), Some("eu-west-1"));
}

#[test]
fn a_bad_stream_name_is_named_next_to_its_field_and_cannot_be_applied() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    start_guide(window);
    window.get_by_label("The region is missing");
    edit(window, "Stream");
    type_into(window, "AWS region", "eu-west-1");
    type_into(window, "Stream name", "my stream!");
    let rule = config::check_stream("my stream!").expect_err("a space is not allowed").to_string();
    let field = window.get_by_role_and_label(Role::TextInput, "Stream name").rect();
    let beside = |node: &egui_kittest::Node<'_>| (node.rect().top() - field.bottom()).abs() < 20.0;
    assert!(window.query_all_by_label_contains(&rule[1..]).any(|node| beside(&node)), "{rule}");
    let switch = window.get_by_role_and_label(Role::Button, "Switch to my stream!");
    assert!(switch.accesskit_node().is_disabled());
    window.get_by_label("Discard").click();
    window.run();
    window.get_by_label("Now: practice stream. Everything works");
}

#[test]
fn a_test_event_is_followed_to_its_shard_and_sequence_number() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Test");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run();
    wait_for(window, "the delivery", |window| says(window, "sequence number"));
    window.get_by_label("Sent to the endpoint");
    window.get_by_label("Answered 200");
    window.get_by_label("Safe in the spool");
    assert!(says(window, "shardId-0000"));

    window.get_by_label("Show in Live").click();
    window.run();
    wait_for(window, "its line in the log", |window| says(window, "Delivered track Order Completed"));
    wait_for(window, "its detail", |window| says(window, "\"orderId\": \"1042\""));
    window.get_by_label("Record").click();
    window.run();
    window.get_by_label("Copy record data").click();
    window.step();
    assert!(copied(window).is_some_and(|data| data.starts_with("eyJ")));

    go(window, "Stream");
    wait_for(window, "the record", |window| rows(window) == 1);
    window.get_by_role(Role::Row).click();
    window.run();
    assert!(says(window, "\"event\": \"Order Completed\""));
    window.get_by_label("base64 of JSON");
}

/// The number of rows of a table that are at a position where they can be clicked.
pub fn rows(window: &Window) -> usize {
    let mut count = 0;
    for row in window.query_all_by_role(Role::Row) {
        assert!(row.rect().is_finite(), "{:?} is at {:?}", row.accesskit_node().label(), row.rect());
        count += 1;
    }
    count
}

#[test]
fn a_row_is_announced_only_where_it_can_be_clicked() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for (place, count) in [("Live", 1), ("Stream", 2)] {
        go(window, place);
        send_seen(window);
        // Checks every single frame.
        wait_for(window, place, |window| rows(window) == count);
    }
}

#[test]
fn a_mistake_in_a_test_event_is_named_and_it_is_not_sent() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Test");
    go(window, "JSON");
    window.get_by_label("Event JSON").focus();
    window.run();
    window.get_by_label("Event JSON").type_text("oops");
    window.run();
    assert!(says(window, "Line 1"), "the line is named");
    assert!(window.get_by_role_and_label(Role::Button, "Send event").accesskit_node().is_disabled());
}

#[test]
fn a_practice_stream_with_a_fault_says_so_and_sends_nobody_to_a_policy() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    go(window, "Test");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run();
    wait_for(window, "the forwarder to be blocked", |window| says(window, "Blocked"));
    explain(window, "Forwarder");
    window.get_by_label("Try now");
    wait_for(window, "when it tries again", |window| says(window, "Tries again by itself in"));
    wait_for(window, "the event's own remedy", |window| {
        window.query_all_by_label("Retrying").next().is_some()
    });
    assert!(says(window, "Switch the practice stream's faults off"));
    assert!(!says(window, "Set up ›"));
}

#[test]
fn a_blocked_forwarder_says_what_to_do_and_leads_there() {
    let mut opened = open(without_profile());
    let window = &mut opened.window;
    go(window, "Test");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run();
    wait_for(window, "the forwarder to be blocked", |window| says(window, "Blocked"));
    wait_for(window, "a way there", |window| says(window, "Set up › Keys"));
    // The drawer opens: its button moves meanwhile.
    window.run_steps(6);
    window.get_all_by_label("Set up › Keys").next().expect("a way there").click();
    wait_for(window, "Set up", |window| says(window, "Where events go, and what AWS needs for it"));
    window.get_by_role_and_label(Role::TextInput, "Profile");
}

/// AWS keys come from the environment, which a test cannot change for itself: it runs again as a process of its own.
pub fn is_run_with_keys(test: &str) -> bool {
    const MARK: &str = "TRIBUTARY_TEST_HAS_KEYS";
    #[expect(clippy::disallowed_methods, reason = "whether this is that process")]
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("the tests' own program");
    let mut again = std::process::Command::new(program);
    again
        .args(["--exact", test, "--nocapture"])
        .env(MARK, "1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    again.env("AWS_SECRET_ACCESS_KEY", "example").env("AWS_EC2_METADATA_DISABLED", "true");
    let ended = again.output().expect("it starts");
    let said = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(ended.status.success(), "{}{}", said[0], said[1]);
    assert!(said[0].contains("1 passed"), "the test is there: {}", said[0]);
    false
}

#[test]
fn an_event_that_is_refused_is_shown_and_can_be_set_aside() {
    if !is_run_with_keys("window::an_event_that_is_refused_is_shown_and_can_be_set_aside") {
        return;
    }
    let server = Scripted::start(|call| {
        if call.holds("odd") {
            Answer::Error(400, "SerializationException", "It could not be read.")
        } else {
            Answer::Success
        }
    });
    let mut config = settings();
    config.destination.kind = DestinationKind::Kinesis;
    "eu-west-1".clone_into(&mut config.destination.region);
    "clickstream".clone_into(&mut config.destination.stream);
    config.destination.endpoint_url.clone_from(&server.url);
    let mut opened = open(config);
    let window = &mut opened.window;
    let address = address(window);
    let send = |user: &str, event: &str| {
        let body = format!(r#"{{"userId":"{user}","event":"{event}"}}"#);
        wire::send(address, "POST", "/v1/track", &key_header("test-key-1234"), body.as_bytes())
    };
    for event in ["odd", "behind"] {
        assert_eq!(send("bad", event).status, 200);
    }
    // Only an event that is taken after the refusal shows that the destination was not the reason.
    wait_for(window, "the first refusal", |_| server.calls().iter().any(|call| call.holds("odd")));
    assert_eq!(send("good", "e").status, 200);
    wait_for(window, "the others", |_| server.written_count() == 1);
    wait_for(window, "what is refused", |window| says(window, "An event is refused"));
    assert!(says(window, "1 event is refused again and again") && says(window, "1 event waits behind it"));
    assert!(says(window, "SerializationException: It could not be read."));
    window.get_by_role_and_label(Role::Button, "Set aside").click();
    window.step();
    wait_for(window, "what was behind it", |_| server.written_count() == 2);
    wait_for(window, "nothing is refused", |window| !says(window, "An event is refused"));
}

#[test]
fn the_check_of_the_practice_stream_passes() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.get_by_label("Check: not yet verified");
    edit(window, "Check");
    assert!(says(window, "None is written"), "what a click does is said before it");
    window.get_by_role_and_label(Role::Button, "Check").click();
    window.step();
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    window.get_by_label("The stream exists: passed");
    window.get_by_label("Records can be put: passed");
    window.get_by_label("Check: done");

    // The result of the check is about these settings only.
    start_guide(window);
    window.get_by_label("Check and switch: not yet verified");
    edit(window, "Check and switch");
    assert!(window.get_by_role_and_label(Role::Button, "Check").accesskit_node().is_disabled());
    assert!(says(window, "Asks AWS with these settings, in force or not. Nothing is written"));
}

#[test]
fn a_check_that_fails_names_the_step_what_was_said_and_what_to_do() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    edit(window, "Check");
    window.get_by_role_and_label(Role::Button, "Check").click();
    window.step();
    wait_for(window, "the failed step", |window| says(window, "Records can be put: failed"));
    window.get_by_label("The stream exists: skipped");
    window.get_by_label("Check: needs attention");
    assert!(says(window, "AccessDeniedException"));
    assert!(says(window, "Switch the practice stream's faults off"));
}

#[test]
fn a_check_leads_to_the_step_that_can_mend_it() {
    let mut opened = open(without_profile());
    let window = &mut opened.window;
    window.set_size(egui::vec2(1280.0, 820.0));
    window.run();
    edit(window, "Check and switch");
    window.get_by_role_and_label(Role::Button, "Check").click();
    window.step();
    wait_for(window, "the failed step", |window| says(window, "Credentials are found: failed"));
    window.get_by_label("Records can be put: not reached");
    assert!(!says(window, "Named profile"), "the step is closed");
    window.get_all_by_label("Set up › Keys").last().expect("a way there").click();
    window.run_steps(6);
    let field = window.get_by_role_and_label(Role::TextInput, "Profile");
    assert!((0.0..820.0).contains(&field.rect().top()), "in sight: {:?}", field.rect());
    assert!(field.is_focused(), "the user can type at once");
}

#[test]
fn an_endpoint_that_others_can_reach_is_warned_about() {
    let mut config = settings();
    config.capture.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let mut opened = open(config);
    let window = &mut opened.window;
    for place in ["Sources", "Settings"] {
        go(window, place);
        assert!(says(window, "Other computers can reach this endpoint"), "{place}");
    }
    assert!(!says(window, "http://0.0.0.0"), "an address that nobody can send to");
}

#[test]
fn sources_are_added_and_removed_only_after_a_question() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    assert!(!says(window, "test-key-1234"), "a key is not shown unasked");
    window.get_by_label("Show write key of My first source").click();
    window.run();
    assert!(says(window, "test-key-1234"));
    window.get_by_label("Add source").click();
    window.run();
    type_into(window, "Source name", "Website");
    window.get_by_label("Save").click();
    window.step();
    wait_for(window, "the new source", |window| says(window, "Copy write key of Website"));
    let file = std::fs::read_to_string(opened.files.path().join("config.toml")).expect("the settings file");
    assert!(file.contains("\"Website\""), "{file}");
    window.get_by_label("Remove Website").click();
    window.run();
    window.get_by_label("Remove this source?");
    window.get_by_label("Remove source").click();
    window.step();
    wait_for(window, "the source to go", |window| !says(window, "Copy write key of Website"));
}

/// Posts an event to the window's endpoint, and returns the status of the answer.
pub fn send(address: SocketAddr, key: &str, event: &str) -> u16 {
    let headers = format!("{}User-Agent: shop/7\r\n", key_header(key));
    wire::send(address, "POST", "/v1/track", &headers, event.as_bytes()).status
}

/// Sends the event `Seen` of ada to the window's endpoint.
pub fn send_seen(window: &mut Window) {
    let address = address(window);
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"ada","event":"Seen"}"#), 200);
}

const FROM_NODE: &str = r#"{"userId":"ada","event":"Signed Up","messageId":"m-1",
    "context":{"library":{"name":"analytics-node","version":"3.1.0"}}}"#;

#[test]
fn a_source_shows_what_came_from_it_and_who_was_turned_away() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    window.get_by_label("No events since Tributary started");
    assert!(!says(window, "Turned away"));
    let address = address(window);
    assert_eq!(send(address, "test-key-1234", FROM_NODE), 200);
    wait_for(window, "its rate", |window| says(window, "0.3 events/s"));
    assert_eq!(send(address, "test-key-1234", r#"{"userId":true,"event":"e"}"#), 400);
    assert_eq!(send(address, "a-mistyped-key-9876", FROM_NODE), 401);
    wait_for(window, "its visits", |window| says(window, "1 rejected") && says(window, "Turned away"));
    window.get_by_label("1 accepted");
    window.get_by_label("analytics-node 3.1.0");
    assert!(says(window, "Last seen "));
    window.get_by_label("Key …9876");
    window.get_by_label("1 request");
    window.get_by_label("shop/7");
    assert!(says(window, "Copy the key again from the list of sources into that sender"));
    assert!(!says(window, "a-mistyped"), "the key is masked");
    let astray = wire::send(address, "POST", "/track", &key_header("test-key-1234"), FROM_NODE.as_bytes());
    assert_eq!(astray.status, 404);
    wait_for(window, "the wrong path", |window| says(window, "POST /track"));
    window.get_by_label("Did you mean /v1/track?");
    wait_for(window, "time to pass", |window| says(window, "Last seen 1 s ago"));
    let delay = window.output().viewport_output.values().map(|output| output.repaint_delay).min();
    assert!(delay.is_some_and(|delay| delay <= Duration::from_secs(1)), "{delay:?}");
}

#[test]
fn a_check_of_a_source_waits_for_its_next_event_and_shows_it() {
    let mut config = settings();
    config.capture.sources.push(Source::new("Website", "key-of-website"));
    let mut opened = open(config);
    let window = &mut opened.window;
    go(window, "Sources");
    let address = address(window);
    assert_eq!(send(address, "key-of-website", r#"{"userId":"old","event":"Before"}"#), 200);
    wait_for(window, "what came before", |window| says(window, "1 accepted"));
    window.get_by_label("Check Website").click();
    window.run();
    window.get_by_label("Waiting for its next event …");
    window.get_by_label("Cancel").click();
    window.run();
    assert!(!says(window, "Waiting for its next event"));
    window.get_by_label("Check Website").click();
    window.run();
    // It does not wait for another user's event, or for an event with an unknown key.
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"bob","event":"Website seen"}"#), 200);
    assert_eq!(send(address, "a-mistyped-key-9876", FROM_NODE), 401);
    wait_for(window, "the stranger", |window| says(window, "Key …9876: 1 request (shop/7) turned away"));
    window.get_by_label("Waiting for its next event …");
    assert_eq!(send(address, "key-of-website", FROM_NODE), 200);
    wait_for(window, "the event", |window| says(window, "An event arrived"));
    for fact in ["track", "Signed Up", "ada"] {
        window.get_by_label(fact);
    }
    assert!(says(window, "analytics-node 3.1.0"));
    window.get_by_label("Show in Live").click();
    window.run();
    wait_for(window, "its detail", |window| says(window, "\"event\": \"Signed Up\""));
}

#[test]
fn an_old_key_works_beside_the_new_one_until_it_is_revoked() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let file = opened.files.path().join("config.toml");
    let saved = || std::fs::read_to_string(&file).expect("the settings file");
    go(window, "Sources");
    let address = address(window);
    // The settings file of the first run has another key: the source must be one that it knows.
    window.get_by_label("Add source").click();
    window.run();
    type_into(window, "Source name", "Website");
    window.get_by_label("Save").click();
    window.step();
    wait_for(window, "the new source", |window| says(window, "Copy write key of Website"));
    let key = |window: &mut Window| {
        window.get_by_label("Copy write key of Website").click();
        window.step();
        let key = copied(window).expect("the key is copied");
        window.run();
        key
    };
    let old = key(window);
    window.get_by_label("New write key for Website").click();
    window.run();
    assert!(says(window, "Both keys work until you revoke the old one"));
    window.get_by_label("Make new key").click();
    window.step();
    wait_for(window, "the overlap", |window| says(window, "Old key still works"));
    let new = key(window);
    assert_ne!(old, new);
    assert!(!says(window, &old), "the old key is masked too");
    assert!(saved().contains(&format!("retiring_write_key = \"{old}\"")), "{}", saved());
    assert_eq!((send(address, &old, FROM_NODE), send(address, &new, FROM_NODE)), (200, 200));
    wait_for(window, "both", |window| says(window, "2 accepted"));
    window.get_by_label("Revoke old key of Website").click();
    window.run();
    window.get_by_label("Revoke old key").click();
    window.step();
    wait_for(window, "the end of the overlap", |window| !says(window, "Old key still works"));
    assert_eq!((send(address, &old, FROM_NODE), send(address, &new, FROM_NODE)), (401, 200));
    assert!(!saved().contains("retiring_write_key ="), "{}", saved());

    window.get_by_label("New write key for Website").click();
    window.run();
    window.get_by_label("Replace it at once").click();
    window.run();
    window.get_by_label("Make new key").click();
    window.step();
    wait_for(window, "the new key", |window| says(window, "New write key made"));
    assert_eq!((send(address, &new, FROM_NODE), send(address, &key(window), FROM_NODE)), (401, 200));
}

#[test]
fn an_event_that_was_sent_again_is_marked_and_leads_to_the_first_one() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    for event in [FROM_NODE, &FROM_NODE.replace("ada", "ada again")] {
        assert_eq!(send(address, "test-key-1234", event), 200);
    }
    go(window, "Live");
    wait_for(window, "both lines", |window| says(window, "Delivered track Signed Up m-1 repeat"));
    window.get_by_label("Repeat");
    window.get_by_label("Delivered track Signed Up m-1 repeat").click();
    window.run();
    wait_for(window, "its detail", |window| says(window, "\"userId\": \"ada again\""));
    assert!(says(window, "its sender sent it again"));
    window.get_by_label("Show the first event").click();
    window.run();
    wait_for(window, "the first one", |window| says(window, "\"userId\": \"ada\""));
    assert!(!says(window, "Show the first event"));
}

/// Live with three events of two users, one of them refused.
fn with_events(opened: &mut OpenedWindow) {
    let window = &mut opened.window;
    let address = address(window);
    let ada = r#"{"userId":"ada","event":"Signed Up","messageId":"m-1","plan":"pro"}"#;
    let bob = r#"{"userId":"bob","event":"Order Completed","messageId":"m-2","total":12}"#;
    assert_eq!(send(address, "test-key-1234", ada), 200);
    assert_eq!(send(address, "test-key-1234", bob), 200);
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"cy","messageId":"m-3"}"#), 400);
    go(window, "Live");
    wait_for(window, "all lines", |window| lines(window).len() == 3 && says(window, "Delivered track Order"));
}

/// The labels of the visible lines of the log.
pub fn lines(window: &Window) -> Vec<String> {
    let rows = window.query_all_by_role(Role::Row);
    rows.filter_map(|row| row.accesskit_node().label()).collect()
}

/// Whether the first line has this text. While a page of the log is being read there may be no line.
fn is_first(window: &Window, text: &str) -> bool {
    lines(window).first().is_some_and(|line| line.contains(text))
}

pub fn search(window: &mut Window, text: &str) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.run();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run();
    window.get_by_role_and_label(Role::TextInput, "Search the log").type_text(text);
    window.run();
}

pub fn searched(window: &Window) -> String {
    window.get_by_role_and_label(Role::Search, "Search").value().unwrap_or_default()
}

#[test]
fn fields_words_and_chips_narrow_the_log_together() {
    let mut opened = open(settings());
    with_events(&mut opened);
    let window = &mut opened.window;
    search(window, "userId:ada pro");
    wait_for(window, "ada's", |window| lines(window).len() == 1);
    assert!(lines(window)[0].contains("Signed Up"), "{:?}", lines(window));
    search(window, "event:\"order c\"* total");
    wait_for(window, "the order", |window| lines(window).iter().all(|line| line.contains("Order Completed")));
    window.get_by_role_and_label(Role::Button, "Delivered").click();
    window.run();
    assert_eq!(searched(window), "event:\"order c\"* state:delivered total", "a chip writes into the field");
    wait_for(window, "the order again", |window| lines(window).len() == 1);
    search(window, "state:lost");
    wait_for(window, "the mistake", |window| says(window, "\"lost\" is not valid; allowed: queued"));
    assert_eq!(lines(window).len(), 0, "what was shown is no answer to it");
    search(window, "nobody");
    wait_for(window, "nothing", |window| says(window, "No matches"));
    window.get_by_label("Clear filters").click();
    window.run();
    wait_for(window, "all again", |window| lines(window).len() == 3);
    window.get_by_role_and_label(Role::Button, "Sort by").click();
    window.run();
    window.get_by_label("Largest first").click();
    window.run();
    wait_for(window, "the ranking", |window| {
        says(window, "The 3 largest of all matching events") && lines(window).len() == 3
    });
    assert!(lines(window)[0].contains("Order Completed"), "{:?}", lines(window));
}

#[test]
fn the_heads_of_columns_sort_the_log_and_say_so() {
    let mut opened = open(settings());
    with_events(&mut opened);
    let window = &mut opened.window;
    let head = |window: &mut Window, name: &str| {
        // Without a line there is no header.
        let is_there = |window: &Window| window.query_by_role_and_label(Role::Button, name).is_some();
        wait_for(window, name, is_there);
        window.get_by_role_and_label(Role::Button, name).click();
        window.run();
    };
    head(window, "Age, newest first");
    wait_for(window, "the oldest one at the top", |window| is_first(window, "Signed Up"));
    head(window, "Latency");
    wait_for(window, "the slowest", |window| says(window, "The 2 slowest delivered of all matching events"));
    assert!(lines(window).iter().all(|line| line.starts_with("Delivered")), "{:?}", lines(window));
    head(window, "Latency, slowest first");
    wait_for(window, "all by time", |window| {
        lines(window).len() == 3
            && window.query_by_role_and_label(Role::Button, "Age, oldest first").is_some()
    });
    head(window, "Columns");
    window.get_by_role_and_label(Role::CheckBox, "Size").click();
    window.run();
    window.key_press(Key::Escape);
    window.run();
    head(window, "Size");
    wait_for(window, "the largest", |window| says(window, "The 3 largest of all matching events"));
    assert!(lines(window)[0].contains("Order Completed"), "{:?}", lines(window));
    head(window, "Age");
    wait_for(window, "all by time", |window| is_first(window, "Signed Up"));
}

#[test]
fn time_range_and_source_are_chosen_in_menus_that_write_into_the_search() {
    let mut config = settings();
    config.capture.sources.push(Source::new("Second", "test-key-5678"));
    let mut opened = open(config);
    with_events(&mut opened);
    let window = &mut opened.window;
    let address = address(window);
    let choose = |window: &mut Window, menu: &str, choice: &str| {
        window.get_by_role_and_label(Role::Button, menu).click();
        window.run_steps(8);
        window.get_by_role_and_label(Role::Button, choice).click();
        window.run_steps(8);
    };
    assert_eq!(send(address, "test-key-5678", r#"{"userId":"dan","event":"Other"}"#), 200);
    wait_for(window, "its line", |window| lines(window).len() == 4);
    choose(window, "Source", "Second");
    assert_eq!(searched(window), "source:Second");
    wait_for(window, "its events", |window| lines(window).len() == 1);
    choose(window, "Source", "All sources");
    wait_for(window, "all events", |window| lines(window).len() == 4);
    choose(window, "Time range", "Last hour");
    assert_eq!(searched(window), "since:1h");
    wait_for(window, "those of the last hour", |window| lines(window).len() == 4);
    window.get_by_role_and_label(Role::Button, "Time range").click();
    window.run_steps(8);
    for (field, text) in [("To", "yesterday"), ("To", "2026-03-02 11:30")] {
        window.get_by_role_and_label(Role::TextInput, field).focus();
        window.run_steps(8);
        window.key_press_modifiers(Modifiers::COMMAND, Key::A);
        window.run_steps(8);
        window.get_by_role_and_label(Role::TextInput, field).type_text(text);
        window.run_steps(8);
        assert_eq!(says(window, "A time looks like"), text == "yesterday", "{text}");
    }
    window.get_by_role_and_label(Role::Button, "Apply range").click();
    window.run_steps(8);
    assert!(searched(window).starts_with("until:2026-03-02T"), "{}", searched(window));
    wait_for(window, "none so old", |window| says(window, "No matches"));
    choose(window, "Time range", "All time");
    assert_eq!(searched(window), "");
    wait_for(window, "all events", |window| lines(window).len() == 4);
}

#[test]
fn a_record_that_waits_says_which_shard_its_key_is_for() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    let address = address(window);
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"a","event":"Waiting"}"#), 200);
    go(window, "Live");
    wait_for(window, "its line", |window| lines(window).len() == 1);
    window.get_by_role(Role::Row).click();
    window.run();
    wait_for(window, "its detail", |window| says(window, "\"Waiting\""));
    window.get_by_label("Record").click();
    window.run();
    // The MD5 of "a" begins with 0x0c: the first of four shards.
    assert!(says(window, "shardId-000000000000, with the current shards: MD5 of the key is at 5.0 %"));
}

#[test]
fn what_is_open_leads_to_all_that_is_like_it() {
    let mut opened = open(settings());
    with_events(&mut opened);
    let window = &mut opened.window;
    window.get_by_label("Delivered track Order Completed m-2").click();
    window.run();
    wait_for(window, "its detail", |window| says(window, "\"total\": 12"));
    choose_from(window, "Filter", "This user");
    window.run();
    assert_eq!(searched(window), "userId:bob");
    wait_for(window, "bob's", |window| lines(window).len() == 1);
    choose_from(window, "Filter", "This event");
    window.run();
    assert_eq!(searched(window), "userId:bob event:\"Order Completed\"");
    wait_for(window, "the same", |window| lines(window).len() == 1);
}

#[test]
fn place_order_columns_and_saved_filters_are_found_again_next_time() {
    let mut opened = open(settings());
    with_events(&mut opened);
    let OpenedWindow { mut window, files } = opened;
    let top = |window: &Window| lines(window).first().cloned().unwrap_or_default();
    assert!(top(&window).starts_with("Rejected"), "the newest one");
    window.get_by_label("Newest first").click();
    window.run();
    wait_for(&mut window, "the oldest one at the top", |window| top(window).contains("Signed Up"));
    window.get_by_label("Columns").click();
    window.run();
    window.get_by_role_and_label(Role::CheckBox, "Size").click();
    window.run();
    assert!(window.query_all_by_label("Size").count() > 1, "its name stands above the list");
    window.key_press(Key::Escape);
    window.run();
    search(&mut window, "state:rejected");
    wait_for(&mut window, "the rejected one", |window| lines(window).len() == 1);
    window.get_by_label("Saved filters").click();
    // A menu needs some frames to find its size.
    window.run_steps(8);
    window.get_by_role_and_label(Role::TextInput, "Name of this filter").focus();
    window.run_steps(8);
    window.get_by_role_and_label(Role::TextInput, "Name of this filter").type_text("Turned down");
    window.run_steps(8);
    window.get_by_label("Save filter").click();
    window.run_steps(8);
    drop(window);

    let again = paths(files.path());
    let mut window = Harness::builder().with_size([1280.0, 1600.0]).build_eframe(move |cc| {
        App::new(cc, move |_address| {
            let engine = Engine::start(settings(), again.clone()).expect("the engine starts");
            Ok(Running { engine, config_path: "c".into(), data_dir: "d".into(), held: Vec::new() })
        })
    });
    window.run_steps(8);
    window.get_by_label("Every event, and what became of it");
    wait_for(&mut window, "the lines", |window| lines(window).len() == 3);
    assert!(top(&window).contains("Signed Up"), "{:?}", lines(&window));
    window.get_by_label("Oldest first");
    window.get_by_label("Size");
    window.get_by_label("Saved filters").click();
    window.run_steps(8);
    window.get_by_label("Turned down").click();
    window.run_steps(8);
    assert_eq!(searched(&window), "state:rejected");
    wait_for(&mut window, "the rejected one", |window| lines(window).len() == 1);
}

#[test]
fn an_open_delivery_shows_what_was_set_its_time_to_scale_and_its_exact_record() {
    let mut opened = open(settings());
    with_events(&mut opened);
    let window = &mut opened.window;
    window.get_by_label("Delivered track Order Completed m-2").click();
    window.run();
    wait_for(window, "its detail", |window| says(window, "\"total\": 12"));
    window.get_by_label("Set by the endpoint");
    assert!(says(window, "the sender gave none"), "its time");

    assert!(
        copy_from_menu(window, "Payload JSON").starts_with(r#"{"userId":"bob","event":"Order Completed""#)
    );
    let curl = copy_from_menu(window, "curl command");
    assert!(
        curl.starts_with("curl http://127.0.0.1:") && curl.contains("/v1/track -u YOUR_WRITE_KEY:"),
        "{curl}"
    );
    let record: serde_json::Value =
        serde_json::from_str(&copy_from_menu(window, "Record JSON")).expect("JSON");
    assert_eq!(record["PartitionKey"], "bob");

    window.get_by_label("Record").click();
    window.run_steps(8);
    // md5("bob") = 9f9d51bc70ef21ca5c14f307980a29d8
    window.get_by_label("212164099741615454138234394844395612632");
    assert!(says(window, "MD5 of the key is at 62.3 % of the hash range"));
    window.get_by_label("Timeline").click();
    window.run_steps(8);
    assert!(says(window, "Timeline of "));

    go(window, "Test");
    go(window, "Practice faults");
    go(window, "Live");
    window.run_steps(8);
    window.get_by_label("Edit as test").click();
    window.run_steps(8);
    assert!(!says(window, "Hide practice faults"), "they would cover the event");
    window.get_by_label("Send an event through the real endpoint and follow it to its record");
    go(window, "JSON");
    let json = window.get_by_label("Event JSON").value().unwrap_or_default();
    assert!(json.contains("Order Completed") && !json.contains("messageId"), "a new event: {json}");
}

#[test]
fn charts_show_what_flows_and_who_sends_most_and_lead_to_the_events() {
    let mut opened = open(settings());
    with_events(&mut opened);
    let window = &mut opened.window;
    window.get_by_label("Charts").click();
    window.run();
    wait_for(window, "the hot keys", |window| says(window, "ada: 50.0 %"));
    for title in ["Events per second", "Backlog", "Errors", "Accept latency", "Delivery latency", "Shards"] {
        window.get_by_label(title);
    }
    wait_for(window, "the sums on disk", |window| says(window, "missing_event: 1"));
    assert!(says(window, "p99 "), "the newest values are told in words too");
    window.get_by_label("1 hour").click();
    window.run();
    wait_for(window, "the hour", |window| says(window, "missing_event: 1"));
    window.get_by_label("missing_event: 1").click();
    window.run();
    assert_eq!(searched(window), "error:missing_event");
    wait_for(window, "the rejected event", |window| {
        lines(window).len() == 1 && lines(window)[0].starts_with("Rejected")
    });
}

#[test]
fn a_bad_settings_file_is_the_first_page_and_is_tried_again() {
    let files = tempfile::tempdir().expect("a temporary folder");
    let paths = paths(files.path());
    let data_dir = files.path().to_owned();
    let mut tries = 0;
    let mut window = Harness::builder().with_size([900.0, 600.0]).build_eframe(move |cc| {
        App::new(cc, move |_address| {
            tries += 1;
            if tries == 1 {
                let line = "config.toml, line 4: destination.region: a region looks like eu-west-1";
                return Err(Problem {
                    title: "The settings file has a mistake".into(),
                    details: vec![line.into()],
                    offer: None,
                });
            }
            let engine = Engine::start(settings(), paths.clone()).expect("the engine starts");
            Ok(Running {
                engine,
                config_path: data_dir.join("config.toml"),
                data_dir: data_dir.clone(),
                held: Vec::new(),
            })
        })
    });
    window.run();
    window.get_by_label("The settings file has a mistake");
    assert!(says(&window, "line 4"));
    window.get_by_label("Copy").click();
    window.step();
    assert!(copied(&window).is_some_and(|text| text.contains("line 4")));
    window.get_by_label("Try again").click();
    window.run();
    window.run();
    window.get_by_label_contains("Now: practice stream");
}

#[test]
fn an_idle_window_asks_for_no_frame() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for place in ["Set up", "Sources", "Test", "Live", "Stream", "Settings"] {
        go(window, place);
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            std::thread::sleep(Duration::from_millis(60));
            window.step();
            let delay = window.output().viewport_output.values().map(|output| output.repaint_delay).min();
            if delay.is_none_or(|delay| delay > Duration::from_mins(1)) {
                break;
            }
            assert!(Instant::now() < end, "{place} still asks for a frame in {delay:?}");
        }
    }
}

#[test]
fn a_window_rests_once_the_traffic_has_left_the_strip_and_is_not_woken_by_the_seconds_that_pass() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Test");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run();
    wait_for(window, "the delivery", |window| says(window, "sequence number"));
    go(window, "Live");
    wait_for(window, "its line", |window| says(window, "Delivered track Order Completed"));
    go(window, "Settings");
    // The strip shows the last minute, which moves once a second until it is empty.
    let delay =
        |window: &Window| window.output().viewport_output.values().map(|output| output.repaint_delay).min();
    let end = Instant::now() + Duration::from_secs(75);
    while delay(window).is_some_and(|delay| delay <= Duration::from_mins(1)) {
        assert!(Instant::now() < end, "{:?}", delay(window));
        std::thread::sleep(Duration::from_millis(250));
        window.step();
    }
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    window.ctx.set_request_repaint_callback(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    std::thread::sleep(Duration::from_millis(2300));
    assert_eq!(asked.load(Ordering::Relaxed), 0, "the history moves, and nobody looks at it");
    // Live says how old its lines are, so it moves there, by the minute.
    go(window, "Live");
    assert!(delay(window).is_some_and(|delay| delay <= Duration::from_mins(1)), "{:?}", delay(window));
}

#[test]
fn closing_says_so_and_stops_the_engine_with_the_window() {
    let mut opened = open(settings());
    let root = egui::ViewportId::ROOT;
    let close = egui::ViewportEvent::Close;
    opened.window.input_mut().viewports.entry(root).or_default().events.push(close);
    opened.window.step();
    opened.window.get_by_label("Finishing …");
    let asked = |window: &Window, command: &egui::ViewportCommand| {
        window.output().viewport_output.get(&root).is_some_and(|output| output.commands.contains(command))
    };
    assert!(asked(&opened.window, &egui::ViewportCommand::CancelClose));
    opened.window.input_mut().viewports.entry(root).or_default().events.clear();
    opened.window.step();
    assert!(asked(&opened.window, &egui::ViewportCommand::Close));
    let OpenedWindow { window, files } = opened;
    drop(window);
    // A second engine on the same folder is refused while the first one runs.
    let again = Engine::start(settings(), paths(files.path())).expect("the first engine has stopped");
    again.shutdown(Duration::from_secs(5));
}

#[test]
fn what_the_keyboard_reaches_is_brought_into_sight() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.set_size(egui::vec2(860.0, 560.0));
    window.run();
    edit(window, "Format");
    let switch = |window: &Window| window.get_by_role_and_label(Role::Switch, "Deliver events").rect();
    assert!(switch(window).top() > 560.0, "out of sight at first: {:?}", switch(window));
    for _ in 0..60 {
        window.key_press(Key::Tab);
        window.run();
        if window.get_by_role_and_label(Role::Switch, "Deliver events").is_focused() {
            break;
        }
    }
    wait_for(window, "the scrolling", |window| switch(window).bottom() < 530.0);
    assert!(window.get_by_role_and_label(Role::Switch, "Deliver events").is_focused());
}

#[test]
fn every_place_fits_the_smallest_window() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.set_size(egui::vec2(860.0, 560.0));
    for place in ["Set up", "Sources", "Test", "Live", "Stream", "Settings"] {
        go(window, place);
        for node in window.get_all_by_role(Role::Button) {
            let name = node.accesskit_node().label().unwrap_or_default();
            assert!(node.rect().right() <= 861.0, "{name:?} in {place} sticks out: {:?}", node.rect());
        }
    }
}

#[test]
fn no_display_is_an_error_that_names_the_way_without_one() {
    let error = tributary::app::RunError::NoDisplay("none is set".into()).to_string();
    assert!(error.contains("tributary serve"), "{error}");
}

#[test]
fn a_spool_whose_file_was_replaced_says_what_happened_and_is_well_again_when_it_is_back() {
    let mut opened = open(settings());
    let spool = opened.files.path().join("data/spool.sqlite3");
    let kept = opened.files.path().join("kept");
    std::fs::rename(&spool, &kept).expect("moves");
    std::fs::write(&spool, "another's").expect("writes");
    let window = &mut opened.window;
    wait_for(window, "it is said", |window| says(window, "The spool cannot be written"));
    assert!(says(window, "is another file than the one that Tributary has open"));
    assert!(says(window, "put that file back, or restart Tributary. Tributary tries again every second"));
    std::fs::rename(&kept, &spool).expect("moves back");
    wait_for(window, "it is well", |window| !says(window, "The spool cannot be written"));
}

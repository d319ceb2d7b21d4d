//! The window states facts: what was sent and how large it was for a rejected event, why an event waits, the address of
//! a server that is not AWS, and what a figure is a share of.

use eframe::egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::{
    account::{Account, Reply},
    binary::key_header,
    layout::texts,
    opened_window::{
        Window, address, click, edit, explain, flip, go, open, press, press_key, says, settings, wait_for,
    },
    setup::{with_draft, with_stream},
    window::{is_run_with_keys, lines, search, send, send_seen},
    wire,
};

const KEY: &str = "test-key-1234";

fn is_disabled(window: &Window, button: &str) -> bool {
    window.get_by_role_and_label(Role::Button, button).accesskit_node().is_disabled()
}

/// Sends a batch to the window's endpoint.
fn send_batch(window: &mut Window, items: &str) {
    let address = address(window);
    let body = format!(r#"{{"writeKey":"{KEY}","batch":[{items}]}}"#);
    assert_eq!(wire::send(address, "POST", "/v1/batch", "", body.as_bytes()).status, 200);
}

fn open_the_only_row(window: &mut Window) {
    go(window, "Live");
    wait_for(window, "its line", |window| lines(window).len() == 1);
    window.get_by_role(Role::Row).click();
    window.run_steps(8);
    wait_for(window, "its detail", |window| says(window, "What was sent"));
}

// Rejected events.

#[test]
fn a_rejected_event_that_is_cut_says_its_own_size_and_is_not_offered_as_a_whole_one() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    let event =
        format!(r#"{{"userId":"big","event":"Large","properties":{{"text":"{}"}}}}"#, "x".repeat(900_000));
    assert_eq!(send(address, KEY, &event), 413);
    open_the_only_row(window);
    assert!(says(window, "track · 879."), "its own size, not that of the part which is kept");
    assert!(says(window, "Only the first 4.0 KiB of 879."), "that the text is cut");
    assert!(is_disabled(window, "Edit as test"), "a cut text is no event");
    press(window, "Copy");
    window.run_steps(8);
    assert!(is_disabled(window, "curl command"));
    press_key(window, Modifiers::NONE, Key::Escape);
    press_key(window, Modifiers::COMMAND | Modifiers::SHIFT, Key::E);
    wait_for(window, "why not", |window| says(window, "only the first 4.0 KiB of this event were kept"));
    assert!(!says(window, "Send an event through the real endpoint"), "it stays in Live");
}

#[test]
fn a_rejected_event_that_is_kept_whole_can_be_edited() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    assert_eq!(send(address, KEY, r#"{"event":"Nobody's"}"#), 400);
    open_the_only_row(window);
    assert!(!says(window, "Only the first") && !is_disabled(window, "Edit as test"));
}

#[test]
fn a_rejected_item_of_a_batch_keeps_its_type_and_its_name() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_batch(
        window,
        r#"{"type":"track","event":"nouser"},{"type":"page","name":"Home"},{"type":"zzz","userId":"u"}"#,
    );
    go(window, "Live");
    wait_for(window, "the lines", |window| lines(window).len() == 3);
    for line in ["Rejected track nouser", "Rejected page Home", "Rejected event "] {
        assert!(lines(window).iter().any(|name| name.starts_with(line)), "{line}: {:?}", lines(window));
    }
    search(window, "event:nouser");
    wait_for(window, "that one", |window| lines(window).len() == 1);
    let reason = "the event has neither userId nor anonymousId";
    let painted: Vec<_> = texts(window).iter().map(|(_, text)| text.galley.text().to_owned()).collect();
    assert!(painted.iter().any(|text| text == "nouser"), "{painted:?}");
    assert!(painted.iter().any(|text| text == reason), "its line has the reason too: {painted:?}");
    open_the_only_row(window);
    assert!(says(window, "track · 33 B"));
    window.get_by_role_and_label(Role::Button, "Edit as test");
}

#[test]
fn a_check_of_a_source_names_the_event_that_was_rejected() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    press(window, "Check My first source");
    let address = address(window);
    assert_eq!(send(address, KEY, r#"{"event":"Lonely"}"#), 400);
    wait_for(window, "the event", |window| says(window, "An event came and was rejected"));
    assert!(window.query_by_label("Lonely").is_some(), "its name");
}

// Waiting events, and the reason.

#[test]
fn an_event_that_waits_because_delivery_is_disabled_says_so() {
    let mut config = settings();
    config.destination.enabled = false;
    let mut opened = open(config);
    let window = &mut opened.window;
    go(window, "Test");
    press(window, "Send event");
    wait_for(window, "its timeline", |window| says(window, "Safe in the spool"));
    assert!(!says(window, "Waiting for its turn"), "it waits for another reason");
    assert!(says(window, "Delivery is disabled"));
    press(window, "Show in Live");
    wait_for(window, "its tabs", |window| window.query_by_label("Timeline").is_some());
    window.get_by_label("Timeline").click();
    window.run_steps(8);
    assert!(!says(window, "Waiting for its turn") && says(window, "Delivery is disabled"));
}

// The practice stream's faults.

#[test]
fn a_check_from_before_does_not_say_that_faults_are_on() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Test");
    press(window, "Practice faults");
    flip(window, "Expire the credentials");
    wait_for(window, "the fault", |window| says(window, "Practice faults are on"));
    go(window, "Set up");
    edit(window, "Check");
    click(window, "Check");
    wait_for(window, "the check", |window| says(window, "Check: needs attention"));
    explain(window, "Destination");
    click(window, "Switch all off");
    wait_for(window, "no faults", |window| !says(window, "Practice faults are on"));
    assert!(says(window, "Check: needs attention"), "what it found");
    assert!(!says(window, "faults is switched on"), "none is");
    assert!(says(window, "faults was switched on"));
    assert!(!says(window, "says that the session has expired"), "it does not any more");
}

// A server other than AWS.

#[test]
fn a_connection_that_is_cut_is_not_called_slow() {
    if !is_run_with_keys("facts::a_connection_that_is_cut_is_not_called_slow") {
        return;
    }
    let account = Account::start(&["clicks"]);
    account.set_rule(|_| Reply::Lost);
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    send_seen(window);
    wait_for(window, "the trouble", |window| says(window, "Offline"));
    wait_for(window, "its title", |window| says(window, &account.url) && says(window, "answer"));
    assert!(!says(window, "did not answer in time"), "it did not wait for an answer");
    assert!(says(window, "was lost before an answer came"));
}

#[test]
fn a_stream_of_another_server_is_not_said_to_cost_money_at_aws() {
    if !is_run_with_keys("facts::a_stream_of_another_server_is_not_said_to_cost_money_at_aws") {
        return;
    }
    let account = Account::start(&[]);
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    edit(window, "Stream");
    click(window, "Create this stream …");
    window.run();
    assert!(
        !says(window, "It costs money") && !says(window, "AWS charges") && !says(window, "What it costs")
    );
    assert!(says(window, &format!("Create “clicks” on {}?", account.url)));
    click(window, "Create stream");
    wait_for(window, "the stream", |window| says(window, "clicks is ready and takes records."));
}

#[test]
fn keys_that_another_server_refuses_are_not_said_to_be_unknown_to_aws() {
    if !is_run_with_keys("facts::keys_that_another_server_refuses_are_not_said_to_be_unknown_to_aws") {
        return;
    }
    let account = Account::start(&[]);
    account.set_rule(|_| {
        Reply::Error("UnrecognizedClientException", "The security token is invalid.".to_owned())
    });
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    send_seen(window);
    let text = format!("{} does not know the access key", account.url);
    wait_for(window, "the trouble", |window| says(window, "does not know the access key"));
    assert!(says(window, &text) && !says(window, "AWS does not know the access key"));
}

// Figures and lists.

#[test]
fn the_figures_of_a_hot_key_say_what_they_are_a_share_of() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    for user in ["ada", "ada", "bob", "eve"] {
        assert_eq!(send(address, KEY, &format!(r#"{{"userId":"{user}","event":"Seen"}}"#)), 200);
    }
    go(window, "Live");
    press(window, "Charts");
    wait_for(window, "the hot keys", |window| says(window, "ada: 50.0 %"));
    assert!(says(window, "ada: 50.0 % of events"), "a share of what");
    assert!(!says(window, "· 0.0 % of shard"), "what is there is not nothing");
    wait_for(window, "its shard", |window| says(window, "<0.1 % of shard") && says(window, "'s limit"));
}

#[test]
fn each_warning_of_a_sender_that_was_turned_away_is_below_its_row() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    let event = br#"{"userId":"u","event":"e"}"#;
    let headers = key_header("a-mistyped-key-9876");
    assert_eq!(wire::send(address, "POST", "/v1/track", &headers, event).status, 401);
    assert_eq!(wire::send(address, "POST", "/v1/track", "", event).status, 401);
    go(window, "Sources");
    wait_for(window, "both", |window| says(window, "Key …9876") && says(window, "No key"));
    assert!(!says(window, "These keys belong to no source"), "it is one key");
    let top = |text: &str| window.get_by_label_contains(text).rect().top();
    let rows = [top("Key …9876"), top("No key")];
    let warnings = [top("This key belongs to no source"), top("Requests without a key belong to no source")];
    for at in [0, 1] {
        let other = rows[1 - at];
        assert!(rows[at] < warnings[at], "a warning is below its row: {rows:?} {warnings:?}");
        assert!(other < rows[at] || other > warnings[at], "and above the next: {rows:?} {warnings:?}");
    }
}

// The editor of the Test place.

#[test]
fn a_json_text_that_ends_too_early_is_told_in_plain_words() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Test");
    press(window, "JSON");
    for (text, said) in [
        ("{", "Line 1, column 2: the text ends too early"),
        ("{\"a\": [1", "Line 1, column 9: the text ends too early"),
        ("{\n\"a\": \"b", "Line 2, column 8: the text ends too early"),
        ("{\"a\" 1}", "Line 1, column 6: expected `:`"),
        ("{\"a\": 1} x", "Line 1, column 10: expected nothing more"),
    ] {
        window.get_by_label("Event JSON").focus();
        window.run();
        press_key(window, Modifiers::COMMAND, Key::A);
        press_key(window, Modifiers::NONE, Key::Delete);
        if !text.is_empty() {
            window.get_by_label("Event JSON").type_text(text);
        }
        window.run();
        assert!(!says(window, "EOF"), "{text}");
        assert!(says(window, said), "{text}: {said}");
    }
}

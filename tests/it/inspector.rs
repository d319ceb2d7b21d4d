//! The open delivery in Live: its payload is searched, folded and filtered by, its attempts are one step, its menus copy every
//! form of it, and it looks the same from row to row.

use eframe::egui::{Key, Modifiers, accesskit::Role, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::{
    opened_window::{
        OpenedWindow, Window, address, copied, go, open, open_with, press, press_key, says, settings,
        wait_for,
    },
    window::{denied, lines, searched, send},
};

const KEY: &str = "test-key-1234";

/// Opens a menu of the open delivery, and chooses an action of it.
pub fn choose_from(window: &mut Window, menu: &str, action: &str) {
    window.get_by_role_and_label(Role::Button, menu).click();
    // A menu needs some frames to find its size.
    window.run_steps(8);
    window.get_by_role_and_label(Role::Button, action).click();
    window.step();
}

/// Copies from the menu of the open delivery.
pub fn copy_from_menu(window: &mut Window, action: &str) -> String {
    choose_from(window, "Copy", action);
    let text = copied(window).expect(action);
    window.run_steps(8);
    text
}

/// Live with orders of three users; the newest, of bob, is open.
fn with_orders() -> OpenedWindow {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    for (user, plan, count) in [("ada", "pro", 1), ("cy", "free", 2), ("bob", "pro", 3)] {
        let products = vec![r#"{"sku":"A-1","total":9}"#; count].join(",");
        let event = format!(
            r#"{{"userId":"{user}","event":"Ordered","messageId":"m-{user}","properties":{{"plan":"{plan}","products":[{products}],"total":{count}}}}}"#
        );
        assert_eq!(send(address, KEY, &event), 200);
    }
    go(window, "Live");
    wait_for(window, "all delivered", |window| {
        lines(window).iter().filter(|line| line.starts_with("Delivered")).count() == 3
    });
    open_line(window, "m-bob");
    opened
}

fn open_line(window: &mut Window, of: &str) {
    window.get_by_label_contains(of).click();
    window.run();
    wait_for(window, "its payload", |window| says(window, "\"properties\": {"));
}

fn type_find(window: &mut Window, text: &str) {
    press_key(window, Modifiers::COMMAND | Modifiers::SHIFT, Key::F);
    window.run_steps(4);
    window.get_by_role_and_label(Role::TextInput, "Find in the payload").type_text(text);
    window.run_steps(4);
}

#[test]
fn the_payload_is_searched_with_its_matches_counted_and_followed() {
    let mut opened = with_orders();
    let window = &mut opened.window;
    type_find(window, "TOTAL");
    window.get_by_label("1 of 4");
    press(window, "Next match");
    window.get_by_label("2 of 4");
    press(window, "Previous match");
    press(window, "Previous match");
    window.get_by_label("4 of 4");
    // A match in a folded part opens it.
    press(window, "Fold all");
    assert!(!says(window, "\"total\": 3"));
    press(window, "Previous match");
    assert!(says(window, "\"total\": 9"), "the third one is in sight");
    // Escape in the field clears it, and the delivery stays open.
    press_key(window, Modifiers::COMMAND | Modifiers::SHIFT, Key::F);
    press_key(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "3 of 4") && says(window, "\"userId\": \"bob\""));
    // The next row is searched for the same text.
    type_find(window, "\"cy\"");
    window.get_by_label("No match");
    window.get_by_role_and_label(Role::Button, "Next delivery").click();
    wait_for(window, "the next one", |window| says(window, "1 of 1"));
    assert!(says(window, "\"userId\": \"cy\""));
}

#[test]
fn the_payload_folds_as_a_whole_and_row_by_row() {
    let mut opened = with_orders();
    let window = &mut opened.window;
    assert!(says(window, "\"sku\": \"A-1\""));
    press(window, "Fold all");
    assert!(!says(window, "\"sku\"") && says(window, "\"properties\": { 3 members }"));
    window.get_by_label_contains("\"properties\": {").click();
    window.run();
    assert!(says(window, "\"products\": [ 3 items ]") && !says(window, "\"sku\""));
    let is_open = |window: &Window| {
        window.get_by_label_contains("\"products\": [").accesskit_node().data().is_expanded()
    };
    assert_eq!(is_open(window), Some(false), "told to screen readers");
    press(window, "Unfold all");
    assert!(says(window, "\"sku\": \"A-1\"") && is_open(window) == Some(true));
}

#[test]
fn a_value_of_the_payload_is_copied_with_its_path_and_leads_to_the_events_with_it() {
    let mut opened = with_orders();
    let window = &mut opened.window;
    let copy = |window: &mut Window, row: &str, button: &str| {
        let at = window.get_by_label_contains(row).rect().center();
        window.hover_at(at);
        window.run();
        window.get_by_role_and_label(Role::Button, button).click();
        window.step();
        let text = copied(window);
        window.run_steps(4);
        text
    };
    assert_eq!(copy(window, "\"plan\": \"pro\"", "Copy value").as_deref(), Some("pro"));
    assert_eq!(copy(window, "\"plan\": \"pro\"", "Copy path").as_deref(), Some("properties.plan"));
    let products = copy(window, "\"products\": [", "Copy value").expect("an array");
    let products: serde_json::Value = serde_json::from_str(&products).expect("JSON");
    assert_eq!(products[2]["sku"], "A-1");
    // By the keyboard, too.
    window.get_by_label_contains("\"plan\": \"pro\"").focus();
    window.run_steps(3);
    window.get_by_role_and_label(Role::Button, "Filter by this value").click();
    window.run_steps(4);
    assert_eq!(searched(window), r#""\"plan\":\"pro\"""#);
    wait_for(window, "ada's and bob's", |window| lines(window).len() == 2);
    assert_eq!(copy(window, "\"userId\": \"bob\"", "Filter by this value"), None);
    assert_eq!(searched(window), r#"userId:bob "\"plan\":\"pro\"""#);
    wait_for(window, "bob's", |window| lines(window).len() == 1);
}

#[test]
fn the_menus_copy_every_form_of_an_event_and_lead_to_all_that_is_like_it() {
    let mut opened = with_orders();
    let window = &mut opened.window;
    assert!(copy_from_menu(window, "Payload JSON").starts_with(r#"{"userId":"bob","event":"Ordered""#));
    let curl = copy_from_menu(window, "curl command");
    assert!(curl.starts_with("curl http://127.0.0.1:") && curl.contains("/v1/track"), "{curl}");
    let record: serde_json::Value =
        serde_json::from_str(&copy_from_menu(window, "Record JSON")).expect("JSON");
    assert_eq!(record["PartitionKey"], "bob");
    assert_eq!(copy_from_menu(window, "messageId"), "m-bob");
    assert_eq!(copy_from_menu(window, "Partition key"), "bob");
    assert_eq!(copy_from_menu(window, "Search for this event"), "messageId:m-bob");
    let number = copy_from_menu(window, "Sequence number");
    assert!(number.len() > 20 && number.bytes().all(|byte| byte.is_ascii_digit()), "{number}");
    assert!(says(window, "Sequence number copied"));
    choose_from(window, "Filter", "This user");
    window.run_steps(4);
    assert_eq!(searched(window), "userId:bob");
    wait_for(window, "bob's", |window| lines(window).len() == 1);
    choose_from(window, "Filter", "Around this time");
    window.run_steps(4);
    assert!(searched(window).contains("since:20") && searched(window).contains("until:20"));
    wait_for(window, "still bob's", |window| lines(window).len() == 1);
}

#[test]
fn several_attempts_are_one_step_that_opens() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    let address = address(window);
    assert_eq!(send(address, KEY, r#"{"userId":"ada","event":"Waits"}"#), 200);
    go(window, "Live");
    wait_for(window, "its line", |window| lines(window).len() == 1);
    window.get_by_role(Role::Row).click();
    window.run_steps(4);
    window.get_by_role_and_label(Role::Button, "Timeline").click();
    for _ in 0..50 {
        press_key(window, Modifiers::COMMAND, Key::D);
        std::thread::sleep(std::time::Duration::from_millis(100));
        window.run_steps(4);
        if says(window, " attempts, last: AccessDeniedException") {
            break;
        }
    }
    window.get_by_label("Received");
    window.get_by_label("Safe in the spool");
    assert!(!says(window, "Attempt 1 failed"), "it is folded");
    window.get_by_label_contains(" attempts, last: AccessDeniedException").click();
    window.run();
    assert!(says(window, "Attempt 1 failed") && says(window, "Attempt 2 failed"));
}

#[test]
fn the_record_is_shown_decoded_beside_its_stored_form_and_below_it_where_there_is_no_room() {
    let mut opened = with_orders();
    let window = &mut opened.window;
    press(window, "Record");
    let places = |window: &Window| {
        ["Decoded", "Stored"].map(|title| window.get_by_role_and_label(Role::Label, title).rect())
    };
    let [decoded, stored] = places(window);
    assert!(stored.top() > decoded.bottom() + 50.0, "below: {decoded:?} {stored:?}");
    assert!(says(window, "eyJ1c2VySWQi"), "base64 of its JSON");
    // In a small window the delivery has all of the place.
    window.set_size(vec2(860.0, 1200.0));
    window.run();
    window.run();
    let [decoded, stored] = places(window);
    assert!((stored.top() - decoded.top()).abs() < 2.0, "beside: {decoded:?} {stored:?}");
    assert!(stored.left() > decoded.right());
}

#[test]
fn in_a_small_window_the_delivery_covers_the_list_and_the_next_one_is_a_click_away() {
    let mut opened = with_orders();
    let window = &mut opened.window;
    window.set_size(vec2(860.0, 560.0));
    window.run();
    window.run();
    assert_eq!(lines(window).len(), 0, "the list is covered");
    press(window, "Timeline");
    press(window, "Next delivery");
    wait_for(window, "cy's", |window| says(window, "Safe in the spool") && says(window, "· cy ·"));
    press(window, "Previous delivery");
    wait_for(window, "bob's", |window| says(window, "Safe in the spool") && says(window, "· bob ·"));
    press(window, "Close");
    wait_for(window, "the list", |window| lines(window).len() == 3);
}

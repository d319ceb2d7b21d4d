//! The Settings place: a change is saved when its field is left, and taken back by Undo; what is not allowed is not saved;
//! settings are found by words and by their keys.

use std::path::Path;

use eframe::egui::{Key, Modifiers, accesskit::Role, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tributary::config::Origin;

use crate::opened_window::{
    Window, address, click, explain, flip, go, open, open_held, press, press_key, retype, says, settings,
    wait_for,
};
use crate::otlp::Receiver;

/// The text of the settings file.
pub fn file(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("config.toml")).expect("a settings file")
}

fn set_number(window: &mut Window, field: &str, text: &str) {
    window.get_by_role_and_label(Role::SpinButton, field).focus();
    window.run();
    press_key(window, Modifiers::COMMAND, Key::A);
    window.event(eframe::egui::Event::Text(text.to_owned()));
    window.run();
}

fn number(window: &Window, field: &str) -> String {
    window.get_by_role_and_label(Role::SpinButton, field).value().unwrap_or_default()
}

fn has(window: &Window, role: Role, label: &str) -> bool {
    window.query_by_role_and_label(role, label).is_some()
}

#[test]
fn a_change_is_saved_when_its_field_is_left_and_taken_back_by_undo() {
    let mut opened = open(settings());
    let folder = opened.files.path().to_owned();
    let window = &mut opened.window;
    go(window, "Settings");
    set_number(window, "Keep in the log", "4321");
    window.run_steps(4);
    assert!(!file(&folder).contains("4321"), "it is still being typed");
    press_key(window, Modifiers::NONE, Key::Tab);
    wait_for(window, "it is saved", |window| says(window, "Saved: Keep in the log"));
    assert!(file(&folder).contains("keep_events = 4321"), "{}", file(&folder));
    press(window, "Undo");
    wait_for(window, "it is taken back", |window| says(window, "Taken back: Keep in the log"));
    assert!(file(&folder).contains("keep_events = 1000000"), "{}", file(&folder));
    assert_eq!(number(window, "Keep in the log"), "1\u{2009}000\u{2009}000");
    assert!(!has(window, Role::Button, "Undo"));
}

#[test]
fn a_switch_is_saved_at_once_and_what_was_typed_when_the_place_is_left() {
    let mut opened = open(settings());
    let folder = opened.files.path().to_owned();
    let window = &mut opened.window;
    go(window, "Settings");
    flip(window, "Drop repeated events");
    wait_for(window, "the switch", |window| says(window, "Saved: Drop repeated events"));
    assert!(file(&folder).contains("drop_repeats = true"));
    set_number(window, "Share of one source", "30");
    press_key(window, Modifiers::COMMAND, Key::Num4);
    wait_for(window, "the number", |_| file(&folder).contains("max_source_percent = 30"));
}

#[test]
fn a_mistake_is_said_beside_its_field_and_is_not_saved() {
    let mut opened = open(settings());
    let folder = opened.files.path().to_owned();
    let before = file(&folder);
    let window = &mut opened.window;
    go(window, "Settings");
    for (field, text, rule) in [
        ("Listen address", "localhost:8485", "Write localhost as 127.0.0.1:8485"),
        ("Public address", "events.example.com", "It must begin with https://"),
        ("Certificate file", "/etc/ssl/a.pem", "give both for https, or none"),
    ] {
        retype(window, field, text);
        press_key(window, Modifiers::NONE, Key::Tab);
        assert!(says(window, rule), "{field}");
        std::thread::sleep(std::time::Duration::from_millis(50));
        window.run();
        assert_eq!(file(&folder), before, "{field}");
    }
    // A key completes the certificate: both are saved together, and taken back together.
    retype(window, "Private key file", "/etc/ssl/a.key");
    press_key(window, Modifiers::NONE, Key::Enter);
    wait_for(window, "both", |window| says(window, "Undo"));
    assert!(
        file(&folder).contains("tls_cert = \"/etc/ssl/a.pem\"") && file(&folder).contains("/etc/ssl/a.key")
    );
    // There is no such file: the endpoint says so over the page.
    wait_for(window, "the trouble", |window| has(window, Role::Button, "Settings › HTTPS"));
    press(window, "Settings › HTTPS");
    wait_for(window, "the field", |window| {
        window.get_by_role_and_label(Role::TextInput, "Certificate file").is_focused()
    });
    press(window, "Undo");
    wait_for(window, "neither", |window| says(window, "Taken back"));
    assert!(!file(&folder).contains("/etc/ssl/a"), "{}", file(&folder));
}

#[test]
fn a_file_with_a_mistake_is_left_as_it_is_and_the_field_says_that_it_is_not_saved() {
    let mut opened = open(settings());
    let folder = opened.files.path().to_owned();
    let window = &mut opened.window;
    go(window, "Settings");
    let broken = format!("{}\nthis is not toml", file(&folder));
    std::fs::write(folder.join("config.toml"), &broken).expect("writes");
    set_number(window, "Keep in the log", "4321");
    press_key(window, Modifiers::NONE, Key::Enter);
    wait_for(window, "the reason", |window| says(window, "Not saved: "));
    wait_for(window, "the field's own", |window| says(window, "Not saved: see the message"));
    assert_eq!(number(window, "Keep in the log"), "4\u{2009}321", "what was typed stays");
    assert!(!says(window, "Saved: Keep in the log"));
    assert_eq!(file(&folder), broken);
}

#[test]
fn an_address_that_others_can_reach_is_applied_only_when_it_is_confirmed() {
    let mut opened = open(settings());
    let folder = opened.files.path().to_owned();
    let window = &mut opened.window;
    let before = address(window);
    go(window, "Settings");
    retype(window, "Listen address", "0.0.0.0:0");
    press_key(window, Modifiers::NONE, Key::Tab);
    assert!(says(window, "Once applied, other computers can reach this endpoint"));
    std::thread::sleep(std::time::Duration::from_millis(50));
    window.run();
    assert!(!file(&folder).contains("0.0.0.0:0"));
    assert_eq!(address(window), before);
    press(window, "Cancel");
    assert!(!says(window, "Once applied"));
    retype(window, "Listen address", "0.0.0.0:0");
    press_key(window, Modifiers::NONE, Key::Tab);
    press(window, "Apply");
    wait_for(window, "it is open", |window| says(window, "Other computers can reach this endpoint"));
    wait_for(window, "it is saved", |window| says(window, "Saved: Listen address"));
    assert!(file(&folder).contains("listen = \"0.0.0.0:0\""));
}

#[test]
fn the_window_starts_pushes_and_says_what_became_of_them() {
    let receiver = Receiver::start();
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Settings");
    set_number(window, "Seconds between pushes", "1");
    press_key(window, Modifiers::NONE, Key::Tab);
    wait_for(window, "the interval", |window| says(window, "Saved: Seconds between pushes"));
    assert!(!says(window, "None pushed yet"), "there is no receiver");
    retype(window, "OTLP receiver", &receiver.url());
    press_key(window, Modifiers::NONE, Key::Tab);
    wait_for(window, "two pushes", |window| says(window, "2 pushed since the start"));
    receiver.answers("400 Bad Request", b"");
    wait_for(window, "a failed push", |window| says(window, "since the start, 1 failed"));
    // The second one in a row is a problem.
    wait_for(window, "the way here", |window| {
        has(window, Role::Button, "Settings › Metrics by OpenTelemetry")
    });
}

#[test]
fn what_opens_the_endpoint_is_named_and_undo_asks_for_it_again() {
    let mut config = settings();
    config.capture.listen = "0.0.0.0:0".parse().expect("an address");
    let mut opened = open(config);
    let folder = opened.files.path().to_owned();
    let window = &mut opened.window;
    go(window, "Settings");
    flip(window, "Require a write key");
    press(window, "Apply");
    wait_for(window, "the switch", |window| says(window, "Saved: Require a write key"));
    retype(window, "Listen address", "127.0.0.1:0");
    press_key(window, Modifiers::NONE, Key::Tab);
    wait_for(window, "the address", |window| says(window, "Saved: Listen address"));
    assert!(file(&folder).contains("listen = \"127.0.0.1:0\""), "{}", file(&folder));
    press(window, "Undo");
    wait_for(window, "the question", |window| has(window, Role::Button, "Apply"));
    std::thread::sleep(std::time::Duration::from_millis(50));
    window.run();
    assert!(file(&folder).contains("listen = \"127.0.0.1:0\""), "{}", file(&folder));
    assert!(says(window, "Once applied, other computers can reach this endpoint"));
    press(window, "Apply");
    wait_for(window, "it is open again", |_| file(&folder).contains("listen = \"0.0.0.0:0\""));
}

#[test]
fn settings_are_found_by_their_names_their_keys_and_what_they_do() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Settings");
    press_key(window, Modifiers::COMMAND, Key::F);
    assert!(window.get_by_role_and_label(Role::TextInput, "Search settings").is_focused());
    for (words, found, not) in [
        ("spool.max_bytes", "Spool size limit", "Keep in the log"),
        ("reverse proxy", "Trusted proxies", "Spool size limit"),
        ("removed", "Keep in the log", "Spool size limit"),
    ] {
        retype(window, "Search settings", words);
        let is_there =
            |label: &str| [Role::SpinButton, Role::TextInput].iter().any(|role| has(window, *role, label));
        assert!(is_there(found) && !is_there(not), "{words}");
    }
    retype(window, "Search settings", "clickstream");
    assert!(says(window, "No setting found"));
    click(window, "Clear the search");
    window.run();
    assert!(has(window, Role::SpinButton, "Spool size limit"));
}

#[test]
fn the_way_to_a_setting_gives_it_the_focus_whatever_is_searched_for() {
    let mut config = settings();
    config.spool.min_free_bytes = 1 << 50;
    let mut opened = open(config);
    let window = &mut opened.window;
    window.set_size(vec2(860.0, 560.0));
    window.run();
    go(window, "Settings");
    retype(window, "Search settings", "proxy");
    explain(window, "Endpoint");
    wait_for(window, "the way", |window| has(window, Role::Button, "Settings › Disk"));
    press(window, "Settings › Disk");
    window.run_steps(8);
    let field = window.get_by_role_and_label(Role::SpinButton, "Keep free on the disk");
    assert!(field.is_focused());
    assert!(field.rect().top() > 60.0 && field.rect().bottom() < 525.0, "{:?}", field.rect());
}

#[test]
fn a_locked_switch_stays_as_it_is() {
    let held = vec![("capture.drop_repeats", Origin::Flag("--drop-repeats"))];
    let mut opened = open_held(settings(), held);
    let folder = opened.files.path().to_owned();
    let window = &mut opened.window;
    go(window, "Settings");
    assert!(says(window, "Set by --drop-repeats at every start"));
    let switch = window.get_by_role_and_label(Role::Switch, "Drop repeated events");
    assert!(switch.accesskit_node().is_disabled());
    switch.click();
    std::thread::sleep(std::time::Duration::from_millis(50));
    window.run();
    assert!(!file(&folder).contains("drop_repeats = true"));
}

#[test]
fn every_setting_is_named_and_fits_at_every_width() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for width in [700.0, 860.0, 1280.0, 1900.0] {
        window.set_size(vec2(width, 900.0));
        window.run();
        go(window, "Settings");
        assert!(has(window, Role::Switch, "Drop repeated events"), "{width}");
        for role in [Role::TextInput, Role::SpinButton, Role::Switch] {
            for node in window.query_all_by_role(role) {
                let label = node.accesskit_node().label().unwrap_or_default();
                assert!(
                    !label.is_empty() && node.rect().right() <= width,
                    "{label} at {width}: {:?}",
                    node.rect()
                );
            }
        }
    }
}

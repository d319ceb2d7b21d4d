//! Typing and pressing has a visible effect: a refused value stays to be corrected, lists and the palette follow the
//! keyboard, and a program that does not start is named.

use std::{net::TcpListener, time::Duration};

use eframe::egui::{
    Event, Key, Modifiers,
    accesskit::{Role, Toggled},
};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::{
    account::{Account, denied},
    binary::key_header,
    keyboard::palette,
    opened_window::{
        Window, address, click, edit, go, open, press, press_key, retype, says, settings, start_guide,
        type_into, wait_for,
    },
    setup::{use_server, with_draft},
    window::{is_run_with_keys, lines, search, searched, send_seen},
    wire,
};

fn settle(window: &mut Window) {
    window.run_steps(8);
}

fn is_focused(window: &Window, field: &str) -> bool {
    window.query_by_role_and_label(Role::TextInput, field).is_some_and(|field| field.is_focused())
}

fn is_enabled(window: &Window, button: &str) -> bool {
    !window.get_by_role_and_label(Role::Button, button).accesskit_node().is_disabled()
}

/// Replaces the number in a field.
fn set_number(window: &mut Window, field: &str, text: &str) {
    window.get_by_role_and_label(Role::SpinButton, field).focus();
    settle(window);
    press_key(window, Modifiers::COMMAND, Key::A);
    window.event(Event::Text(text.to_owned()));
    settle(window);
    press_key(window, Modifiers::NONE, Key::Enter);
    settle(window);
}

fn number(window: &Window, field: &str) -> String {
    window.get_by_role_and_label(Role::SpinButton, field).value().unwrap_or_default()
}

// Numbers.

#[test]
fn a_limit_that_is_not_allowed_is_refused_and_stays_to_be_corrected() {
    let mut opened = open(settings());
    let file = opened.files.path().join("config.toml");
    let before = std::fs::read_to_string(&file).expect("a settings file");
    let window = &mut opened.window;
    go(window, "Settings");
    for (field, text, rule) in [
        ("Spool size limit", "1 KiB", "A size of at least 64 KiB"),
        ("Spool size limit", "much", "A size in KiB, MiB or GiB, such as 512 MiB; at least 64 KiB"),
        ("Spool size limit", "2 GB", "A size in KiB, MiB or GiB"),
        ("Keep free on the disk", "-5", "A size in KiB, MiB or GiB, such as 512 MiB"),
        ("Keep in the log", "a few", "A whole number"),
        ("Keep in the log", "99999999999999999999", "At most"),
    ] {
        set_number(window, field, text);
        assert_eq!(number(window, field), text, "{field} keeps what was typed");
        assert!(says(window, rule), "{field}: {text}");
        press_key(window, Modifiers::NONE, Key::Tab);
        std::thread::sleep(Duration::from_millis(50));
        settle(window);
        assert_eq!(number(window, field), text, "{field} keeps it after it was left");
        assert!(!says(window, "Saved:"), "{field}: {text}");
    }
    assert_eq!(std::fs::read_to_string(&file).expect("a settings file"), before, "nothing is saved");
    set_number(window, "Keep in the log", "250 000");
    wait_for(window, "it is saved", |window| says(window, "Saved: Keep in the log"));
}

#[test]
fn a_run_of_test_events_does_not_start_with_another_number_than_was_typed() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Test");
    for (field, text) in [
        ("Events: how many", "0"),
        ("Events: how many", "many"),
        ("At a rate: how many", "-1"),
        ("Random users: how many", "99999999999"),
    ] {
        let before = number(window, field);
        set_number(window, field, text);
        assert_eq!(number(window, field), text, "{field} keeps what was typed");
        assert!(says(window, "A whole number from 1 to"), "{field}: {text}");
        assert!(!is_enabled(window, "Start"), "{field}: {text}");
        set_number(window, field, &before);
        assert!(is_enabled(window, "Start"), "{field}: {before}");
    }
}

// Enter, and where the focus is.

#[test]
fn enter_with_a_mistake_leaves_the_keyboard_in_the_field() {
    let mut opened = open(settings());
    let path = opened.files.path().join("nowhere").join("all.jsonl");
    let window = &mut opened.window;
    let enter = |window: &mut Window| {
        press_key(window, Modifiers::NONE, Key::Enter);
        settle(window);
    };
    go(window, "Settings");
    retype(window, "Listen address", "no address");
    enter(window);
    assert!(is_focused(window, "Listen address"));

    go(window, "Stream");
    press(window, "Time");
    settle(window);
    type_into(window, "Time to start at", "25:99");
    enter(window);
    assert!(is_focused(window, "Time to start at"));

    go(window, "Live");
    search(window, "state:nonsense");
    wait_for(window, "the mistake", |window| says(window, "is not valid"));
    enter(window);
    assert!(is_focused(window, "Search the log"));

    search(window, " ");
    press_key(window, Modifiers::COMMAND, Key::E);
    settle(window);
    assert!(is_focused(window, "File"), "the sheet opens with its field focused");
    retype(window, "File", "all.jsonl");
    enter(window);
    assert!(is_focused(window, "File"), "no full path");
    retype(window, "File", &path.display().to_string());
    enter(window);
    wait_for(window, "the refusal", |window| says(window, "Not exported"));
    settle(window);
    assert!(is_focused(window, "File"), "a folder that does not exist");
}

// Lists.

#[test]
fn a_list_is_walked_from_its_choice_and_closes_when_one_is_chosen() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    let chosen = |window: &Window| window.get_by_role_and_label(Role::ComboBox, "SDK").value();
    for (next, key) in
        [("Node.js", Key::ArrowDown), ("Browser (npm)", Key::ArrowDown), ("Node.js", Key::ArrowUp)]
    {
        window.get_by_role_and_label(Role::ComboBox, "SDK").scroll_to_me();
        window.get_by_role_and_label(Role::ComboBox, "SDK").focus();
        settle(window);
        press_key(window, Modifiers::NONE, Key::Space);
        settle(window);
        assert!(says(window, "Ruby"), "it is open");
        press_key(window, Modifiers::NONE, key);
        settle(window);
        press_key(window, Modifiers::NONE, Key::Enter);
        settle(window);
        assert_eq!(chosen(window).as_deref(), Some(next));
        assert!(!says(window, "Ruby"), "it is closed");
        assert!(window.get_by_role_and_label(Role::ComboBox, "SDK").is_focused(), "the focus is back");
    }
}

#[test]
fn a_menu_is_walked_from_its_choice() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Live");
    for (key, chosen, text) in [
        (Key::ArrowDown, "Last 15 minutes", "since:15m"),
        (Key::ArrowDown, "Last hour", "since:1h"),
        (Key::ArrowUp, "Last 15 minutes", "since:15m"),
    ] {
        window.get_by_role_and_label(Role::Button, "Time range").focus();
        settle(window);
        press_key(window, Modifiers::NONE, Key::Space);
        settle(window);
        press_key(window, Modifiers::NONE, key);
        settle(window);
        assert!(window.get_by_role_and_label(Role::Button, chosen).is_focused(), "{chosen}");
        press_key(window, Modifiers::NONE, Key::Enter);
        settle(window);
        assert_eq!(searched(window), text);
        assert!(!says(window, "Last 7 days"), "it is closed");
    }
}

// The palette.

#[test]
fn a_command_that_would_do_nothing_is_not_offered_and_its_keys_say_why() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for (typed, keys, why) in [
        ("stop sending test", (Modifiers::COMMAND, Key::Period), "No test run is under way"),
        ("switch all practice faults off", (SHIFT, Key::X), "No practice fault is on"),
        ("deliver now", (Modifiers::COMMAND, Key::D), "No delivery is waiting to be tried again"),
    ] {
        palette(window, typed);
        assert!(says(window, "No matching command"), "{typed}");
        press_key(window, Modifiers::NONE, Key::Escape);
        press_key(window, keys.0, keys.1);
        settle(window);
        assert!(says(window, why), "{why}");
    }
    go(window, "Test");
    press_key(window, SHIFT, Key::J);
    wait_for(window, "the run", |window| says(window, " of 100 accepted"));
    palette(window, "stop sending test");
    press_key(window, Modifiers::NONE, Key::Enter);
    wait_for(window, "its end", |window| says(window, "Stopped."));
}

const SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

// The search.

#[test]
fn a_state_and_a_type_are_found_as_they_are_shown() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_seen(window);
    // A line that no search finds.
    let without_user =
        wire::send(address(window), "POST", "/v1/page", &key_header("test-key-1234"), br#"{"name":"Home"}"#);
    assert_eq!(without_user.status, 400);
    go(window, "Live");
    for text in ["STATE:Delivered", "state:DELIVERED,Queued", "type:Track", "Type:TRACK state:Delivered"] {
        press_key(window, Modifiers::COMMAND, Key::F);
        press_key(window, Modifiers::COMMAND, Key::A);
        press_key(window, Modifiers::NONE, Key::Delete);
        wait_for(window, "both lines", |window| lines(window).len() == 2);
        search(window, text);
        wait_for(window, "the one that fits", |window| lines(window).len() == 1);
        assert!(says(window, "Delivered track Seen"), "{text}");
        assert!(!says(window, "is not valid"), "{text}");
        let chip = window.get_by_role_and_label(Role::Button, "Delivered").accesskit_node().toggled();
        assert!(!text.to_lowercase().contains("state") || chip == Some(Toggled::True), "{text}: {chip:?}");
    }
}

/// Draws for longer than any pause after which a text is searched for.
fn pause(window: &mut Window) {
    for _ in 0..30 {
        std::thread::sleep(Duration::from_millis(50));
        window.step();
    }
}

#[test]
fn a_value_that_is_being_typed_is_no_mistake_until_the_field_is_left() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_seen(window);
    go(window, "Live");
    wait_for(window, "the event", |window| lines(window).len() == 1);
    for text in ["state:rej", "type:tra", "since:3"] {
        search(window, text);
        pause(window);
        assert_eq!(searched(window), text);
        assert!(!says(window, "is not valid") && !says(window, "No events for this search"), "{text}");
        assert!(says(window, "Delivered track Seen"), "{text}: the list shows what it did");
    }
    // No value is offered for this one, so Enter does not complete it.
    press_key(window, Modifiers::NONE, Key::Enter);
    settle(window);
    assert!(says(window, "\"3\" is not valid"));
    assert!(is_focused(window, "Search the log"));
    // A value that no other one begins with is a mistake at once, and is none any more when it is corrected.
    search(window, "state:x");
    wait_for(window, "the mistake", |window| says(window, "\"x\" is not valid"));
    search(window, "state:rej");
    wait_for(window, "no mistake", |window| !says(window, "is not valid"));
    pause(window);
    window.get_by_role_and_label(Role::Button, "Pause").focus();
    settle(window);
    assert!(says(window, "\"rej\" is not valid"), "the field was left");
    search(window, "state:rejected");
    wait_for(window, "the answer", |window| says(window, "No matches"));
}

// Set up.

#[test]
fn no_button_in_a_step_leads_to_that_step() {
    if !is_run_with_keys("typing::no_button_in_a_step_leads_to_that_step") {
        return;
    }
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| {
        if asked.action == "ListStreams" {
            denied("kinesis:ListStreams")
        } else {
            crate::account::Reply::Usual
        }
    });
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    // A closed port: the remedy is the address, which is in this step.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = taken.local_addr().expect("its address");
    drop(taken);
    retype(window, "Other server", &format!("http://{free}"));
    click(window, "Who am I?");
    wait_for(window, "the answer", |window| says(window, "Nothing listens"));
    settle(window);
    assert!(window.query_by_label("Set up › Keys").is_none(), "one is there already");
    // From another step the remedy leads there.
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the check", |window| says(window, "Set up › Keys"));
}

#[test]
fn what_is_reverted_can_be_checked_at_once() {
    // A server that accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    if !is_run_with_keys("typing::what_is_reverted_can_be_checked_at_once") {
        return;
    }
    let mut config = settings();
    use_server(&mut config, &format!("http://{}", silent.local_addr().expect("its address")));
    config.destination.enabled = false;
    config.destination.kind = tributary::config::DestinationKind::Practice;
    let mut opened = open(config);
    let window = &mut opened.window;
    start_guide(window);
    edit(window, "Check and switch");
    click(window, "Check");
    for _ in 0..10 {
        window.step();
    }
    assert!(!is_enabled(window, "Check again"), "it is running");
    window.get_by_role_and_label(Role::Button, "Discard").click();
    for _ in 0..4 {
        window.step();
    }
    edit(window, "Check");
    assert!(is_enabled(window, "Check"), "the settings are others than those that are being checked");
    click(window, "Check");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
}

// Programs of the desktop.

#[cfg(target_os = "linux")]
#[test]
fn a_settings_file_that_no_program_opens_is_said() {
    if !is_run_with_launcher(
        "typing::a_settings_file_that_no_program_opens_is_said",
        "#!/bin/sh\nread line < \"$GATE\"\nexit 4\n",
    ) {
        return;
    }
    let mut opened = open(settings());
    let path = opened.files.path().join("config.toml");
    let window = &mut opened.window;
    go(window, "Settings");
    click(window, "Open settings file");
    // The launcher searches for a program as long as it takes.
    for _ in 0..8 {
        window.step();
        std::thread::sleep(Duration::from_millis(50));
    }
    #[expect(clippy::disallowed_methods, reason = "what the launcher waits for")]
    let gate = std::env::var_os("GATE").expect("it is set");
    std::fs::write(gate, "go\n").expect("the launcher reads");
    wait_for(window, "the reason", |window| says(window, "No program opened the settings file"));
    assert!(says(window, "exit code 4"));
    assert!(says(window, &path.display().to_string()));
}

/// Runs the test again in a process of its own whose only launcher is this script.
#[cfg(target_os = "linux")]
fn is_run_with_launcher(test: &str, script: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    #[expect(clippy::disallowed_methods, reason = "whether this is that process")]
    if std::env::var_os("GATE").is_some() {
        return true;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let launcher = folder.path().join("xdg-open");
    std::fs::write(&launcher, script).expect("a launcher");
    std::fs::set_permissions(&launcher, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    let gate = folder.path().join("gate");
    let made = std::process::Command::new("mkfifo").arg(&gate).status().expect("mkfifo");
    assert!(made.success());
    let program = std::env::current_exe().expect("the tests' own program");
    let mut again = std::process::Command::new(program);
    again.args(["--exact", test, "--nocapture"]).env("GATE", &gate);
    // There is no other launcher.
    again.env("PATH", folder.path());
    let ended = again.output().expect("it starts");
    let said = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(ended.status.success(), "{}{}", said[0], said[1]);
    assert!(said[0].contains("1 passed"), "the test is there: {}", said[0]);
    false
}

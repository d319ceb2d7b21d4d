//! Set up as a guided switch: the steps verify themselves when they are left, the card switches, and saved destinations are
//! switched between.

use eframe::egui::{Event, Key, Modifiers, accesskit::Role, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::{
    account::{ACCOUNT_ID, Account, Reply, USER_ARN, denied},
    opened_window::{
        OpenedWindow, Window, address, click, edit, go, open, press, press_key, retype, says, settings,
        start_guide, type_into, wait_for,
    },
    setup::{use_server, value, with_draft, with_stream, with_waiting},
    window::{is_run_with_keys, send},
};

fn is_disabled(window: &Window, button: &str) -> bool {
    window.get_by_role_and_label(Role::Button, button).accesskit_node().is_disabled()
}

fn file(opened: &OpenedWindow) -> String {
    std::fs::read_to_string(opened.files.path().join("config.toml")).expect("the settings file")
}

/// A window with two saved destinations, the practice stream in force.
fn with_saved(accounts: [&Account; 2]) -> OpenedWindow {
    let mut config = settings();
    for (name, account) in [("Production", accounts[0]), ("Staging", accounts[1])] {
        let mut one = settings();
        use_server(&mut one, &account.url);
        config.destinations.push(one.saved_as(name));
    }
    open(config)
}

/// Chooses a line of the menu behind the destination in the status line.
fn from_the_status_line(window: &mut Window, in_force: &str, line: &str) {
    press(window, &format!("Destination in force: {in_force}"));
    press(window, line);
}

#[test]
fn the_guide_leads_from_the_practice_stream_to_a_checked_stream_and_switches() {
    if !is_run_with_keys("guided::the_guide_leads_from_the_practice_stream_to_a_checked_stream_and_switches")
    {
        return;
    }
    let account = Account::start(&["clicks", "orders"]);
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.get_by_label("Now: practice stream. Everything works");
    assert!(!says(window, "Keys: "), "the practice stream needs no keys");
    start_guide(window);
    for step in ["Keys", "Stream", "Permission", "Check and switch"] {
        window.get_by_label(&format!("{step}: not yet verified"));
    }
    window.get_by_label("Format: done");
    type_into(window, "Other server", &account.url);
    click(window, "Next");
    wait_for(window, "whose keys they are", |window| says(window, "Keys: done"));
    window.get_by_label(&format!("{USER_ARN} in account {ACCOUNT_ID}"));
    wait_for(window, "the list, without being asked", |window| says(window, "Use stream orders"));
    click(window, "Use stream orders");
    window.run();
    assert!(is_disabled(window, "Switch to orders"), "it is not checked yet");
    click(window, "Next");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    for step in ["Keys", "Stream", "Permission", "Format", "Check and switch"] {
        window.get_by_label(&format!("{step}: done"));
    }
    assert!(says(window, &format!("us-east-1, account {ACCOUNT_ID}")), "the card says where");
    click(window, "Switch to orders");
    wait_for(window, "the switch", |window| says(window, "Switched and saved"));
    wait_for(window, "the card", |window| says(window, "In force"));
    for step in ["Keys", "Stream", "Permission", "Format", "Check and switch"] {
        window.get_by_role_and_label(Role::Button, &format!("Edit {step}"));
    }
    click(window, "Send a test event");
    wait_for(window, "the event", |_| account.records("orders").len() == 1);
    go(window, "Set up");
    click(window, "Switch to the practice stream");
    wait_for(window, "the way back", |window| says(window, "Now: practice stream. Everything works"));
}

#[test]
fn a_stream_of_an_emulator_gets_its_first_event_after_six_clicks_and_one_field() {
    if !is_run_with_keys(
        "guided::a_stream_of_an_emulator_gets_its_first_event_after_six_clicks_and_one_field",
    ) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = open(settings());
    let window = &mut opened.window;
    let mut clicks = 0;
    let mut press = |window: &mut Window, button: &str| {
        clicks += 1;
        click(window, button);
    };
    press(window, "Switch to Amazon Kinesis");
    window.run();
    type_into(window, "Other server", &account.url);
    press(window, "Next");
    wait_for(window, "the list", |window| says(window, "Use stream clicks"));
    press(window, "Use stream clicks");
    press(window, "Next");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    press(window, "Switch to clicks");
    wait_for(window, "the switch", |window| {
        window.query_by_role_and_label(Role::Button, "Send a test event").is_some()
    });
    press(window, "Send a test event");
    wait_for(window, "the event", |_| account.records("clicks").len() == 1);
    assert_eq!(clicks, 6);
}

#[test]
fn a_step_that_fails_opens_with_its_remedy_and_can_be_left_all_the_same() {
    if !is_run_with_keys("guided::a_step_that_fails_opens_with_its_remedy_and_can_be_left_all_the_same") {
        return;
    }
    let account = Account::start(&["clicks"]);
    account.deny_puts();
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    edit(window, "Stream");
    click(window, "Next");
    wait_for(window, "the refusal", |window| says(window, "Permission: needs attention"));
    window.get_by_label("Stream: done");
    // The policy and its remedy are in sight without another click.
    window.get_by_role_and_label(Role::Button, "Copy policy");
    assert!(says(window, "Attach the policy"));
    click(window, "Next");
    window.run_steps(4);
    window.get_by_role_and_label(Role::Button, "Edit Permission");
    window.get_by_label("Permission: needs attention");
    assert!(says(window, "Attach the policy"), "the closed step still says what to do");
    assert!(is_disabled(window, "Switch to clicks"));
    // Nobody is locked out of saving.
    click(window, "Switch without a check");
    wait_for(window, "the switch", |window| says(window, "Switched and saved"));
    assert!(file(&opened).contains("kind = \"kinesis\""));
}

/// A draft whose step Keys was left with keys that the account does not know.
fn with_unknown_keys() -> (Account, OpenedWindow) {
    let account = Account::start(&["clicks"]);
    account.set_rule(|_| Reply::Error("InvalidClientTokenId", "The security token is invalid.".to_owned()));
    let mut opened = with_draft(&account);
    click(&mut opened.window, "Next");
    (account, opened)
}

#[test]
fn keys_that_aws_does_not_know_keep_the_step_open_and_say_why() {
    if !is_run_with_keys("guided::keys_that_aws_does_not_know_keep_the_step_open_and_say_why") {
        return;
    }
    let (_account, mut opened) = with_unknown_keys();
    let window = &mut opened.window;
    wait_for(window, "why", |window| says(window, "Keys: needs attention"));
    assert!(says(window, "does not know the access key that this computer offers"));
    let key = window.get_by_label_contains("from environment variables").rect();
    let title = window.get_by_label("Keys: needs attention").rect();
    assert!(says(window, "Named profile"), "the step is open");
    assert!(title.top() > 0.0 && title.bottom() < key.top(), "{title:?} is in sight, and {key:?} below it");
    click(window, "Next");
    window.run_steps(4);
    assert!(says(window, "AWS region"), "the next press moves on");
    window.get_by_label("Keys: needs attention");
}

#[test]
fn enter_in_a_field_moves_on() {
    if !is_run_with_keys("guided::enter_in_a_field_moves_on") {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = open(settings());
    let window = &mut opened.window;
    start_guide(window);
    type_into(window, "Other server", &account.url);
    window.key_press(Key::Enter);
    wait_for(window, "the next step", |window| says(window, "AWS region"));
    wait_for(window, "the focus", |window| {
        window.get_by_role_and_label(Role::TextInput, "Stream name").is_focused()
    });
    type_into(window, "Stream name", "clicks");
    window.key_press(Key::Enter);
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
}

#[test]
fn a_changed_format_of_the_stream_in_force_is_saved_without_a_check() {
    if !is_run_with_keys("guided::a_changed_format_of_the_stream_in_force_is_saved_without_a_check") {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    window.get_by_label("In force");
    edit(window, "Format");
    window.get_by_label("json").click();
    window.run();
    window.get_by_label("Changed");
    assert!(!says(window, "Switch without a check"));
    click(window, "Save changes");
    wait_for(window, "the setting", |window| says(window, "Applied and saved"));
    assert!(file(&opened).contains("encoding = \"json\""));
}

#[test]
fn other_keys_for_the_stream_in_force_are_checked_before_they_are_saved() {
    if !is_run_with_keys("guided::other_keys_for_the_stream_in_force_are_checked_before_they_are_saved") {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    edit(window, "Stream");
    type_into(window, "AWS account id", ACCOUNT_ID);
    window.get_by_label("Changed");
    assert!(!is_disabled(window, "Save changes"), "only the policy needs the account id");
    let role = format!("arn:aws:iam::{ACCOUNT_ID}:role/writer");
    edit(window, "Keys");
    type_into(window, "Role to assume", &role);
    assert!(is_disabled(window, "Save changes") && says(window, "Check it first: the last step"));
    assert!(!is_disabled(window, "Save without a check"));
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    click(window, "Save changes");
    wait_for(window, "the setting", |window| says(window, "Applied and saved"));
    let file = file(&opened);
    assert!(file.contains(&role) && file.contains(&format!("account_id = \"{ACCOUNT_ID}\"")), "{file}");
}

#[test]
fn the_card_stays_in_the_window_with_a_name_as_long_as_it_may_be() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    start_guide(window);
    edit(window, "Stream");
    type_into(window, "Stream name", &"clickstream-".repeat(10));
    type_into(window, "AWS region", "eu-west-1");
    let discard = |window: &Window| window.get_by_role_and_label(Role::Button, "Discard").rect();
    for width in [860.0, 1100.0, 1280.0, 1440.0] {
        window.set_size(vec2(width, 800.0));
        window.run_steps(4);
        let switch = window.get_by(|node| {
            node.role() == Role::Button
                && node.label().is_some_and(|label| label.starts_with("Switch to click"))
        });
        // The card has a margin, and the page has one.
        let right = switch.rect().right().max(discard(window).right());
        assert!(right < width - 30.0, "{right} of {width}");
    }
}

#[test]
fn the_answers_about_waiting_events_stand_in_a_line_in_a_narrow_window() {
    if !is_run_with_keys("guided::the_answers_about_waiting_events_stand_in_a_line_in_a_narrow_window") {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_waiting(&account, 3);
    let window = &mut opened.window;
    window.set_size(vec2(860.0, 560.0));
    window.run_steps(4);
    edit(window, "Keys");
    type_into(window, "Role to assume", "arn:aws:iam::210987654321:role/other");
    let tops = ["Save and send them with the new keys", "Save and set them aside", "Discard"]
        .map(|button| window.get_by_role_and_label(Role::Button, button).rect().top());
    assert!(tops.iter().all(|top| (top - tops[0]).abs() < 1.0), "{tops:?}");
}

#[test]
fn a_pasted_address_fills_in_server_region_and_stream() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    start_guide(window);
    edit(window, "Stream");
    let value = |window: &Window, field: &str| {
        window.get_by_role_and_label(Role::TextInput, field).value().unwrap_or_default()
    };
    let console = "https://eu-west-1.console.aws.amazon.com/kinesis/home?region=eu-west-1#/streams/details/clicks/monitoring";
    window.get_by_role_and_label(Role::TextInput, "Stream name").focus();
    window.run();
    window.event(eframe::egui::Event::Paste(console.to_owned()));
    window.run();
    assert_eq!(["AWS region", "Stream name"].map(|field| value(window, field)), ["eu-west-1", "clicks"]);
    retype(window, "Stream name", "arn:aws:kinesis:eu-central-1:210987654321:stream/orders");
    assert_eq!(
        ["AWS region", "AWS account id"].map(|field| value(window, field)),
        ["eu-central-1", "210987654321"]
    );
    press_key(window, Modifiers::COMMAND, Key::A);
    window.event(eframe::egui::Event::Paste("http://127.0.0.1:4566".to_owned()));
    window.run();
    edit(window, "Keys");
    assert_eq!(value(window, "Other server"), "http://127.0.0.1:4566");
}

#[test]
fn saved_destinations_are_switched_between_from_the_status_line() {
    if !is_run_with_keys("guided::saved_destinations_are_switched_between_from_the_status_line") {
        return;
    }
    let [one, other] = [(), ()].map(|()| Account::start(&["clicks"]));
    let mut opened = with_saved([&one, &other]);
    let window = &mut opened.window;
    go(window, "Live");
    from_the_status_line(window, "Practice stream", "Switch to Staging");
    let host = other.url.trim_start_matches("http://").to_owned();
    let name = format!("clicks @ {host}");
    wait_for(window, "the switch", |window| says(window, &format!("Destination in force: {name}")));
    wait_for(window, "the notice", |window| says(window, "Switched and saved"));
    let address = address(window);
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"u","event":"E"}"#), 200);
    wait_for(window, "the event", |_| other.records("clicks").len() == 1);
    press(window, &format!("Destination in force: {name}"));
    window.get_by_role_and_label(Role::Button, "Staging, in force");
    window.key_press(Key::Escape);
    window.run();
    assert!(!says(window, "Staging, in force"), "Escape closes the menu");
    from_the_status_line(window, &name, "Switch to Practice stream");
    wait_for(window, "the way back", |window| says(window, "Destination in force: Practice stream"));
    assert_eq!(one.records("clicks").len(), 0);
}

#[test]
fn a_switch_from_the_status_line_asks_about_waiting_events() {
    if !is_run_with_keys("guided::a_switch_from_the_status_line_asks_about_waiting_events") {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_waiting(&account, 2);
    let window = &mut opened.window;
    let name = format!("clicks @ {}", account.url.trim_start_matches("http://"));
    go(window, "Live");
    from_the_status_line(window, &name, "Switch to Practice stream");
    let question =
        format!("2 queued events wait for {name}. Send them to the practice stream, or set them aside?");
    assert!(says(window, &question));
    click(window, "Switch and set aside the 2 for clicks");
    wait_for(window, "the switch", |window| says(window, "the queued events are under Failed"));
    wait_for(window, "the ledger", |window| says(window, "2 failed"));
}

#[test]
fn a_stream_that_works_is_saved_when_another_replaces_it() {
    if !is_run_with_keys("guided::a_stream_that_works_is_saved_when_another_replaces_it") {
        return;
    }
    let account = Account::start(&["clicks", "orders"]);
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    let address = address(window);
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"u","event":"E"}"#), 200);
    wait_for(window, "the event", |_| account.records("clicks").len() == 1);
    let name = format!("clicks @ {}", account.url.trim_start_matches("http://"));
    edit(window, "Stream");
    retype(window, "Stream name", "orders");
    wait_for(window, "what becomes of it", |window| says(window, &format!("saved as “{name}”")));
    click(window, "Switch without a check");
    wait_for(window, "the switch", |window| says(window, "Switched and saved"));
    assert!(file(&opened).contains(&format!("[[destinations]]\nname = \"{name}\"")));
    let window = &mut opened.window;
    from_the_status_line(window, &name.replace("clicks", "orders"), &format!("Switch to {name}"));
    wait_for(window, "the way back", |window| says(window, &format!("Destination in force: {name}")));
}

#[test]
fn the_destination_in_force_is_saved_and_another_set_up_from_the_status_line() {
    if !is_run_with_keys("guided::the_destination_in_force_is_saved_and_another_set_up_from_the_status_line")
    {
        return;
    }
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| {
        if asked.action == "ListStreams" { denied("kinesis:ListStreams") } else { Reply::Usual }
    });
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    go(window, "Live");
    let name = format!("clicks @ {}", account.url.trim_start_matches("http://"));
    from_the_status_line(window, &name, "Save this destination …");
    type_into(window, "Name of this destination", "Production");
    window.key_press(Key::Enter);
    wait_for(window, "the name", |window| says(window, "Destination Production, in force"));
    from_the_status_line(window, &name, "Set up another destination …");
    window.get_by_label("Destination New destination");
    window.get_by_label("Keys: not yet verified");
    assert_eq!(window.get_by_role_and_label(Role::TextInput, "Other server").value().as_deref(), Some(""));
    click(window, "Discard");
    window.run();
    assert!(!says(window, "Destination New destination"));
}

#[test]
fn a_fault_of_the_stream_in_force_is_not_told_of_another_one_that_is_set_up() {
    if !is_run_with_keys("guided::a_fault_of_the_stream_in_force_is_not_told_of_another_one_that_is_set_up") {
        return;
    }
    let [denying, other] = [(), ()].map(|()| Account::start(&["clicks"]));
    let mut opened = with_waiting(&denying, 1);
    let window = &mut opened.window;
    window.get_by_label("Permission: needs attention");
    edit(window, "Keys");
    retype(window, "Other server", &other.url);
    edit(window, "Format");
    click(window, "Next");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    for step in ["Keys", "Stream", "Permission", "Format", "Check and switch"] {
        window.get_by_label(&format!("{step}: done"));
    }
    assert!(says(window, "Events go there once you press “Switch to clicks”."));
}

#[test]
fn a_delivery_that_is_blocked_while_another_stream_is_set_up_opens_its_drawer() {
    if !is_run_with_keys("guided::a_delivery_that_is_blocked_while_another_stream_is_set_up_opens_its_drawer")
    {
        return;
    }
    let [denying, other] = [(), ()].map(|()| Account::start(&["clicks"]));
    denying.deny_puts();
    let mut opened = with_stream(&denying);
    let window = &mut opened.window;
    edit(window, "Keys");
    retype(window, "Other server", &other.url);
    edit(window, "Format");
    let address = address(window);
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"u","event":"E"}"#), 200);
    wait_for(window, "the drawer", |window| says(window, "Delivery needs you"));
}

#[test]
fn a_notice_leaves_the_card_of_a_narrow_window_free() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.set_size(vec2(860.0, 560.0));
    window.run();
    start_guide(window);
    let card = window.get_by_role_and_label(Role::Button, "Discard").rect();
    press(window, "Copy endpoint address");
    let notice = window.get_by_label("Endpoint address copied").rect();
    assert!(notice.bottom() < card.top(), "{notice:?} covers {card:?}");
}

#[test]
fn what_is_typed_to_correct_a_fault_stays_in_its_field_and_the_fault_stays_in_its_place() {
    if !is_run_with_keys(
        "guided::what_is_typed_to_correct_a_fault_stays_in_its_field_and_the_fault_stays_in_its_place",
    ) {
        return;
    }
    let account = Account::start(&["clicks"]);
    account.set_rule(|_| Reply::Error("InvalidClientTokenId", "The security token is invalid.".to_owned()));
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    click(window, "Next");
    wait_for(window, "why", |window| says(window, "Keys: needs attention"));
    let field =
        |window: &Window| window.get_by_role_and_label(Role::TextInput, "Role to assume").rect().top();
    window.get_by_role_and_label(Role::TextInput, "Role to assume").focus();
    window.run();
    let top = field(window);
    for letter in "arn:aws:iam::123456789012:role/r".chars() {
        window.event(Event::Text(letter.to_string()));
        window.run_steps(2);
    }
    assert_eq!(value(window, "Role to assume"), "arn:aws:iam::123456789012:role/r");
    assert!(says(window, "The settings have changed since"), "it is about the keys as they were");
    assert!((field(window) - top).abs() < 30.0, "the field moves by a line at most");
}

#[test]
fn a_fault_of_a_discarded_draft_is_not_told_of_the_next_one() {
    if !is_run_with_keys("guided::a_fault_of_a_discarded_draft_is_not_told_of_the_next_one") {
        return;
    }
    let (_account, mut opened) = with_unknown_keys();
    let window = &mut opened.window;
    wait_for(window, "why", |window| says(window, "does not know the access key"));
    click(window, "Discard");
    click(window, "Switch to Amazon Kinesis");
    wait_for(window, "the keys", |window| says(window, "Named profile"));
    assert!(!says(window, "does not know the access key"), "nothing was asked about these keys");
}

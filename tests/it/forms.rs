//! Forms, sheets and menus: where the keyboard's focus is, the effect of Enter and Escape, what a sheet keeps when it
//! is refused, and that texts are shown in full.

use std::net::TcpListener;

use eframe::egui::{Key, Modifiers, Shape, ThemePreference, accesskit::Role, accesskit::Toggled, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tributary::{config::DestinationKind, event::Encoding};

use crate::{
    account::Account,
    keyboard::palette,
    layout::{painted, rect, rects, texts},
    opened_window::{
        OpenedWindow, Window, address, choose, click, edit, explain, go, open, open_with, press, press_key,
        retype, says, settings, start_guide, type_into, wait_for,
    },
    setup::use_server,
    window::{denied, is_run_with_keys, lines, search, searched, send, send_seen, without_profile},
};

const KEY: &str = "test-key-1234";

fn is_focused(window: &Window, field: &str) -> bool {
    window.query_by_role_and_label(Role::TextInput, field).is_some_and(|field| field.is_focused())
}

/// Draws frames for as long as a click, a menu or a sheet takes to appear.
fn settle(window: &mut Window) {
    window.run_steps(8);
}

fn enter(window: &mut Window) {
    window.key_press(Key::Enter);
    settle(window);
}

fn open_menu(window: &mut Window, menu: &str) {
    window.get_by_role_and_label(Role::Button, menu).click();
    settle(window);
}

/// Live with the delivered event `Seen` of ada.
fn with_seen() -> OpenedWindow {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_seen(window);
    go(window, "Live");
    wait_for(window, "its delivery", |window| says(window, "Delivered track Seen"));
    opened
}

/// Live with one event that waited for the practice stream and was set aside when the destination changed.
fn with_failed() -> OpenedWindow {
    let mut config = without_profile();
    config.destination.kind = DestinationKind::Practice;
    let mut opened = open_with(config, denied);
    let window = &mut opened.window;
    send_seen(window);
    wait_for(window, "the forwarder to be blocked", |window| window.query_by_role(Role::Dialog).is_some());
    press(window, "Close the explanation");
    start_guide(window);
    click(window, "Switch without a check");
    window.run();
    press(window, "Switch and set aside the one for the practice stream");
    wait_for(window, "the failed one", |window| says(window, "1 failed"));
    opened
}

fn toggled(window: &Window, role: Role, label: &str) -> Option<Toggled> {
    window.get_by_role_and_label(role, label).accesskit_node().toggled()
}

// Enter and Escape.

#[test]
fn enter_in_its_name_saves_a_filter() {
    let mut opened = with_seen();
    let window = &mut opened.window;
    search(window, "userId:ada");
    open_menu(window, "Saved filters");
    window.get_by_role_and_label(Role::TextInput, "Name of this filter").type_text("Of ada");
    settle(window);
    enter(window);
    assert!(!says(window, "Name of this filter"), "the menu is closed");
    open_menu(window, "Saved filters");
    window.get_by_role_and_label(Role::Button, "Of ada");
}

#[test]
fn enter_in_a_time_applies_the_range() {
    let mut opened = with_seen();
    let window = &mut opened.window;
    for (field, time, written) in [
        ("To", "2026-03-02 11:30", "until:2026-03-02T"),
        ("From (local time)", "2026-03-02 10:30", "since:2026-03-02T"),
    ] {
        open_menu(window, "Time range");
        type_into(window, field, time);
        enter(window);
        assert!(searched(window).starts_with(written), "{field}: {}", searched(window));
        search(window, " ");
    }
}

#[test]
fn enter_gives_the_first_answer_of_a_sheet() {
    let mut opened = with_seen();
    let path = opened.files.path().join("all.jsonl");
    let window = &mut opened.window;
    press_key(window, Modifiers::COMMAND, Key::E);
    retype(window, "File", &path.display().to_string());
    enter(window);
    wait_for(window, "the export", |window| says(window, "1 event is in"));
    assert!(path.exists());

    press_key(window, Modifiers::COMMAND, Key::T);
    choose(window, "Delivered events");
    wait_for(window, "the count", |window| says(window, "Resend 1 event"));
    type_into(window, "Maximum events per second", "1000");
    enter(window);
    wait_for(window, "the resend", |window| says(window, "1 event was queued again"));

    go(window, "Sources");
    press(window, "New write key for My first source");
    enter(window);
    wait_for(window, "the new key", |window| says(window, "New write key made"));
    window.run();
    // An action that cannot be undone is not done by a stray key.
    press(window, "Remove My first source");
    enter(window);
    assert!(says(window, "Remove this source?"));
}

#[test]
fn enter_without_a_name_says_what_is_missing_and_keeps_the_field() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    press(window, "Add source");
    assert!(!says(window, "A source needs a name"), "not before anything was tried");
    enter(window);
    assert!(is_focused(window, "Source name"));
    assert!(says(window, "A source needs a name"));
}

#[test]
fn settings_to_import_are_typed_at_once_and_escape_closes_the_field() {
    let mut opened = open(settings());
    let window = &mut opened.window;
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
fn a_field_that_a_choice_brings_has_the_focus() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Stream");
    for (choice, field) in [("Time", "Time to start at"), ("Sequence number", "Sequence number to start at")]
    {
        window.get_by_role_and_label(Role::Button, choice).click();
        settle(window);
        assert!(is_focused(window, field), "{field}");
    }
    go(window, "Live");
    search(window, "usr:ada");
    wait_for(window, "the hint", |window| says(window, "Did you mean userId:?"));
    window.get_by_label("Did you mean userId:?").click();
    settle(window);
    assert_eq!(searched(window), "userId:ada");
    assert!(is_focused(window, "Search the log"));
}

#[test]
fn the_search_is_reached_by_its_keys_from_a_delivery_and_from_the_charts() {
    let mut opened = with_seen();
    let window = &mut opened.window;
    window.set_size(vec2(860.0, 560.0));
    window.run();
    window.get_by_label_contains("Delivered track Seen").click();
    settle(window);
    wait_for(window, "the delivery alone", |window| {
        says(window, "Edit as test") && !says(window, "Search the log")
    });
    press_key(window, Modifiers::COMMAND, Key::F);
    settle(window);
    assert!(is_focused(window, "Search the log"));
    press_key(window, Modifiers::COMMAND, Key::G);
    settle(window);
    assert!(!says(window, "Search the log"));
    press_key(window, Modifiers::COMMAND, Key::F);
    settle(window);
    assert!(is_focused(window, "Search the log"));
}

// Refusals, and where links lead.

#[test]
fn an_export_that_fails_stays_open_with_the_reason_and_what_was_chosen() {
    let mut opened = with_seen();
    let folder = opened.files.path().to_owned();
    let window = &mut opened.window;
    press_key(window, Modifiers::COMMAND, Key::E);
    choose(window, "CSV");
    let path = |name: &str| folder.join(name).display().to_string();
    retype(window, "File", &path("nowhere/all.csv"));
    press(window, "Export");
    wait_for(window, "the reason", |window| says(window, "Not exported:"));
    settle(window);
    let file = window.get_by_role_and_label(Role::TextInput, "File").value();
    assert_eq!(file, Some(path("nowhere/all.csv")));
    assert_eq!(toggled(window, Role::RadioButton, "CSV"), Some(Toggled::True));
    retype(window, "File", &path("all.csv"));
    assert!(!says(window, "Not exported:"), "it is about another path");
    press(window, "Export");
    wait_for(window, "the file", |window| says(window, "1 event is in"));
    assert!(!says(window, "Export the log"), "it is closed");
    assert!(folder.join("all.csv").exists());
    press_key(window, Modifiers::COMMAND, Key::E);
    assert_eq!(toggled(window, Role::RadioButton, "CSV"), Some(Toggled::True), "as the last time");
}

#[test]
fn a_resend_that_is_refused_stays_open_with_the_reason() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    for n in 0..30 {
        assert_eq!(send(address, KEY, &format!(r#"{{"userId":"u{n}","event":"Seen"}}"#)), 200);
    }
    go(window, "Live");
    wait_for(window, "their deliveries", |window| {
        lines(window).len() == 30 && lines(window).iter().all(|line| line.starts_with("Delivered"))
    });
    for rate in ["1", "2"] {
        window.key_press_modifiers(Modifiers::COMMAND, Key::T);
        settle(window);
        window.get_by_role_and_label(Role::RadioButton, "Delivered events").click();
        wait_for(window, "the count", |window| window.query_all_by_label_contains("Resend 3").count() > 0);
        window.get_by_role_and_label(Role::TextInput, "Maximum events per second").focus();
        settle(window);
        window.get_by_role_and_label(Role::TextInput, "Maximum events per second").type_text(rate);
        settle(window);
        window.query_all_by_label_contains("Resend 3").next().expect("the answer").click();
        settle(window);
    }
    assert!(says(window, "Events are already being resent"));
    let rate = window.get_by_role_and_label(Role::TextInput, "Maximum events per second").value();
    assert_eq!(rate.as_deref(), Some("2"));
}

#[test]
fn the_drawer_leads_to_a_step_whatever_is_chosen_and_to_its_heading() {
    if !is_run_with_keys("forms::the_drawer_leads_to_a_step_whatever_is_chosen_and_to_its_heading") {
        return;
    }
    let account = Account::start(&["another"]);
    let mut config = settings();
    use_server(&mut config, &account.url);
    let mut opened = open(config);
    let window = &mut opened.window;
    send_seen(window);
    window.set_size(vec2(1280.0, 760.0));
    wait_for(window, "the forwarder to be blocked", |window| says(window, "Blocked"));
    click(window, "Destination Practice stream");
    window.run();
    explain(window, "Forwarder");
    assert!(window.query_by_label_contains("Stream: ").is_none(), "the practice stream has no such step");
    window.query_all_by_label("Set up › Stream").last().expect("the drawer's button").click();
    settle(window);
    settle(window);
    let mark = window.query_by_label_contains("Stream: ").expect("the step").rect();
    let top = window.get_by_label("Where events go, and what AWS needs for it").rect().bottom();
    assert!(mark.top() >= top && mark.top() < top + 60.0, "{mark:?} below {top}");
}

#[test]
fn the_count_of_failed_events_leads_to_them() {
    let mut opened = with_failed();
    let window = &mut opened.window;
    go(window, "Sources");
    window.get_by_role_and_label(Role::Link, "1 failed").click();
    settle(window);
    assert_eq!(searched(window), "state:failed");
    wait_for(window, "the failed one", |window| says(window, "Failed track Seen"));
}

#[test]
fn what_was_resent_is_not_told_to_be_sent_again() {
    let mut opened = with_failed();
    let window = &mut opened.window;
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

#[test]
fn a_time_range_that_ends_before_it_begins_is_a_mistake() {
    let mut opened = with_seen();
    let window = &mut opened.window;
    search(window, "since:1h until:2h");
    wait_for(window, "the mistake", |window| says(window, "ends before it begins"));
    assert_eq!(lines(window).len(), 0);
    search(window, " ");
    open_menu(window, "Time range");
    type_into(window, "From (local time)", "2026-03-02 11:30");
    type_into(window, "To", "2026-03-02 10:30");
    assert!(says(window, "ends before it begins"));
    enter(window);
    assert_eq!(searched(window).trim(), "", "it is not applied");
}

#[test]
fn the_system_theme_is_a_command() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for (typed, wanted) in
        [("light theme", ThemePreference::Light), ("system theme", ThemePreference::System)]
    {
        palette(window, typed);
        press_key(window, Modifiers::NONE, Key::Enter);
        assert_eq!(window.ctx.options(|options| options.theme_preference), wanted);
    }
}

#[test]
fn menus_mark_what_is_chosen() {
    let mut config = settings();
    config.capture.sources.push(tributary::config::Source::new("Second", "test-key-5678"));
    let mut opened = open(config);
    let window = &mut opened.window;
    go(window, "Live");
    for (menu, usual, chosen) in [
        ("Time range", "All time", "Last hour"),
        ("Sort by", "By time", "Largest first"),
        ("Source", "All sources", "Second"),
    ] {
        for mark in [usual, chosen] {
            open_menu(window, menu);
            for choice in [usual, chosen] {
                let is_marked = toggled(window, Role::Button, choice) == Some(Toggled::True);
                assert_eq!(is_marked, choice == mark, "{menu}: {choice}");
            }
            window.get_by_role_and_label(Role::Button, chosen).click();
            settle(window);
        }
    }
}

#[test]
fn what_was_just_sent_is_shown_under_a_pointer_that_rests_over_the_list() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_seen(window);
    go(window, "Live");
    wait_for(window, "its delivery", |window| says(window, "Delivered track Seen"));
    let over = window.get_by_label_contains("Delivered track Seen").rect().center();
    press_key(window, Modifiers::COMMAND, Key::Num3);
    window.hover_at(over);
    window.run();
    press_key(window, Modifiers::COMMAND, Key::Enter);
    wait_for(window, "its story", |window| says(window, "Show in Live"));
    press_key(window, Modifiers::COMMAND, Key::Num4);
    wait_for(window, "the test event", |window| says(window, "track Order Completed"));
}

// Layout.

#[test]
fn a_record_is_shown_in_two_columns_as_it_was_read() {
    let mut config = settings();
    config.destination.encoding = Encoding::Json;
    let mut opened = open(config);
    let window = &mut opened.window;
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
    let mut opened = with_seen();
    let window = &mut opened.window;
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
    let mut opened = with_seen();
    let window = &mut opened.window;
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
fn an_explanation_without_a_button_ends_with_its_words() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Settings");
    let listen = taken.local_addr().expect("its address").to_string();
    retype(window, "Listen address", &listen);
    enter(window);
    wait_for(window, "the problem", |window| says(window, "Tributary needs attention"));
    explain(window, "Endpoint");
    settle(window);
    // The notice about the saved settings says it too.
    let heading = window.get_by_label("Tributary needs attention").rect();
    let mut all = window.query_all_by_label_contains("could not move to").map(|node| node.rect());
    let words = all.find(|rect| (0.0..30.0).contains(&(rect.top() - heading.top()))).expect("the drawer's");
    let around = rects(window)
        .into_iter()
        .map(|shape| shape.rect)
        .filter(|rect| rect.contains_rect(words) && rect.height() < 160.0 && rect.width() > 400.0);
    let bottom = around.map(|rect| rect.bottom()).fold(f32::INFINITY, f32::min);
    assert!(bottom - words.bottom() < 16.0, "{} points of nothing", bottom - words.bottom());
}

#[test]
fn the_mistake_in_the_card_is_said_in_full() {
    let mut config = settings();
    config.destination.kind = DestinationKind::Practice;
    let mut opened = open(config);
    let window = &mut opened.window;
    window.set_size(vec2(1100.0, 850.0));
    window.run();
    start_guide(window);
    edit(window, "Stream");
    type_into(window, "AWS region", "eu-west-1");
    type_into(window, "Stream name", "clicks");
    edit(window, "Keys");
    type_into(window, "Other server", "localhost:4999");
    settle(window);
    let button = rect(window, Role::Button, "Switch to clicks");
    let said: Vec<_> = texts(window)
        .into_iter()
        .filter(|(_, text)| text.galley.text().contains("an endpoint looks like"))
        .filter(|(_, text)| text.visual_bounding_rect().left() > button.left())
        .collect();
    assert!(!said.is_empty());
    assert!(said.iter().all(|(_, text)| !text.galley.elided), "it is cut");
    let right = said.iter().map(|(_, text)| text.visual_bounding_rect().right()).fold(0.0, f32::max);
    assert!(right <= 1100.0, "it ends at {right}");
}

#[test]
fn large_numbers_are_grouped_and_typed_in_any_way() {
    let mut opened = open(settings());
    let window = &mut opened.window;
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
    let mut opened = open(config);
    let window = &mut opened.window;
    window.set_size(vec2(1500.0, 960.0));
    go(window, "Sources");
    let top = |label: &str| window.get_by_label(label).rect().top();
    assert!((top("Connect") - top("Capture endpoint")).abs() < 1.0);
    let [source, sdk] = ["Source of the snippet", "SDK"].map(|list| rect(window, Role::ComboBox, list));
    assert!((source.top() - sdk.top()).abs() < 1.0, "{source:?} {sdk:?}");
}

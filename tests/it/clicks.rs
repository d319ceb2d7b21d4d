//! A click does what the user sees: the right key is copied, rows stand still under the pointer, keys reach only the
//! window in front, and a link leads to what it names.

use eframe::egui::{self, Key, Modifiers, accesskit::Role, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tributary::config::DestinationKind;

use crate::{
    account::{Account, Reply, denied},
    binary::key_header,
    opened_window::{
        OpenedWindow, Window, address, click, copied, edit, go, open, press, press_key, retype, says, scroll,
        settings, type_into, wait_for,
    },
    setup::{host, set_aside_for, with_draft, with_stream, with_waiting},
    stream_place::put_into,
    window::{is_run_with_keys, lines, rows, search, searched, send},
    wire,
};

const KEY: &str = "test-key-1234";

fn event(user: &str, name: &str) -> String {
    format!(r#"{{"userId":"{user}","event":"{name}"}}"#)
}

fn is_focused(window: &Window, field: &str) -> bool {
    window.get_by_role_and_label(Role::TextInput, field).is_focused()
}

/// Live with this number of delivered events, `e1` first.
fn live_with(count: usize) -> OpenedWindow {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    for number in 1..=count {
        assert_eq!(send(address, KEY, &event("ada", &format!("e{number}"))), 200);
    }
    go(window, "Live");
    wait_for(window, "all delivered", |window| {
        lines(window).len() == count && lines(window).iter().all(|line| line.starts_with("Delivered"))
    });
    opened
}

/// Sends events of bob with these names, and draws a frame after each.
fn send_more(window: &mut Window, address: std::net::SocketAddr, names: &[&str]) {
    for name in names {
        assert_eq!(send(address, KEY, &event("bob", name)), 200);
        window.step();
    }
}

/// Draws for a while, as long as something may change.
fn draw(window: &mut Window) {
    for _ in 0..40 {
        std::thread::sleep(std::time::Duration::from_millis(20));
        window.step();
    }
}

fn line_at(window: &Window, name: &str) -> egui::Rect {
    let row = window
        .query_all_by_role(Role::Row)
        .find(|row| row.accesskit_node().label().is_some_and(|label| label.contains(&format!(" {name} "))));
    row.unwrap_or_else(|| panic!("no line {name} in {:?}", lines(window))).rect()
}

// The copied key is the one that the user meant.

#[test]
fn the_snippet_after_adding_a_source_has_the_key_of_the_new_source() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    press(window, "Add source");
    type_into(window, "Source name", "Website");
    window.get_by_label("Save").click();
    window.step();
    wait_for(window, "the new source", |window| says(window, "Copy write key of Website"));
    window.run();
    let copy = |window: &mut Window, label: &str| {
        window.get_by_label(label).click();
        window.step();
        let text = copied(window).expect(label);
        window.run();
        text
    };
    let key = copy(window, "Copy write key of Website");
    let snippet = copy(window, "Copy snippet");
    assert!(snippet.contains(&key), "{key} is not in {snippet}");

    // It stays with its source when another source is removed.
    press(window, "Remove My first source");
    press(window, "Remove source");
    wait_for(window, "one source", |window| !says(window, "Copy write key of My first source"));
    let snippet = copy(window, "Copy snippet");
    assert!(snippet.contains(&key), "{key} is not in {snippet}");
}

#[test]
fn a_check_of_a_source_names_the_library_of_the_event_that_came() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    let address = address(window);
    let from = |library: &str| {
        format!(
            r#"{{"userId":"ada","event":"Seen","context":{{"library":{{"name":"{library}","version":"1.0"}}}}}}"#
        )
    };
    assert_eq!(send(address, KEY, &from("first-lib")), 200);
    wait_for(window, "the first library", |window| says(window, "first-lib 1.0"));
    press(window, "Check My first source");
    assert_eq!(send(address, KEY, &from("second-lib")), 200);
    wait_for(window, "the event", |window| says(window, "An event arrived"));
    window.get_by_label("second-lib 1.0");
    press(window, "Close");
    press(window, "Check My first source");
    assert_eq!(send(address, KEY, &event("ada", "Seen")), 200);
    wait_for(window, "the event", |window| says(window, "An event arrived"));
    window.get_by_label("not named");
}

// Waiting events, and where they would go.

#[test]
fn the_question_about_waiting_events_names_both_streams() {
    if !is_run_with_keys("clicks::the_question_about_waiting_events_names_both_streams") {
        return;
    }
    let account = Account::start(&["clicks", "orders"]);
    account.set_rule(|asked| {
        if asked.action.starts_with("Put") && !asked.json.to_string().contains("orders") {
            denied("kinesis:PutRecord")
        } else {
            Reply::Usual
        }
    });
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    let address = address(window);
    assert_eq!(send(address, KEY, &event("ada", "Waiting")), 200);
    wait_for(window, "the forwarder to be blocked", |window| says(window, "Blocked"));
    window.set_size(vec2(860.0, 560.0));
    window.run();
    edit(window, "Stream");
    retype(window, "Stream name", "orders");
    click(window, "Switch without a check");
    window.run();
    let server = host(&account);
    let question =
        format!("1 queued event waits for clicks @ {server}. Send it to orders @ {server}, or set it aside?");
    assert!(says(window, &question));
    window.get_by_role_and_label(Role::Button, "Switch and set aside the one for clicks");
    let send_there = window.get_by_role_and_label(Role::Button, "Switch and send it to orders").rect();
    let asked = window.get_by_label(&question).rect();
    assert!(asked.width() > 300.0 && asked.bottom() <= 560.0 && send_there.right() <= 860.0, "{asked:?}");
    press(window, "Switch and send it to orders");
    wait_for(window, "the event", |_| account.records("orders").len() == 1);
}

// Rows that stand still.

#[test]
fn a_list_under_the_pointer_stands_still_and_says_how_many_came() {
    let mut opened = live_with(3);
    let window = &mut opened.window;
    let address = address(window);
    let aimed_at = line_at(window, "e2");
    window.hover_at(aimed_at.left_center() + vec2(30.0, 0.0));
    window.step();
    send_more(window, address, &["n1", "n2"]);
    wait_for(window, "what is not shown is counted", |window| says(window, "2 new"));
    draw(window);
    assert_eq!((lines(window).len(), line_at(window, "e2")), (3, aimed_at));
    // Without the pointer the list goes on by itself.
    window.hover_at(egui::pos2(400.0, 10.0));
    window.step();
    wait_for(window, "all of them", |window| lines(window).len() == 5);
    assert!(window.query_by_role_and_label(Role::Button, "2 new").is_none(), "nothing is held back");
}

#[test]
fn a_press_opens_the_row_that_was_aimed_at_though_others_arrive() {
    let mut opened = live_with(3);
    let window = &mut opened.window;
    let address = address(window);
    // The pointer moves to the row and presses at once, while new lines arrive.
    let place = line_at(window, "e1").center();
    for name in ["n1", "n2", "n3"] {
        assert_eq!(send(address, KEY, &event("bob", name)), 200);
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let pointer = |pressed| {
        let (button, modifiers) = (egui::PointerButton::Primary, Modifiers::NONE);
        egui::Event::PointerButton { pos: place, button, pressed, modifiers }
    };
    window.event(pointer(true));
    window.step();
    // As long as the list takes to be read again. Each step is a quarter of a second for the window: after a fourth
    // step it is not a click any more.
    std::thread::sleep(std::time::Duration::from_millis(400));
    window.step();
    window.event(pointer(false));
    window.step();
    wait_for(window, "its detail", |window| says(window, "\"event\": \"e1\""));
}

#[test]
fn an_opened_row_stays_where_it_is() {
    let mut opened = live_with(3);
    let window = &mut opened.window;
    let address = address(window);
    let place = line_at(window, "e3");
    window.get_all_by_role(Role::Row).next().expect("a line").click();
    window.run();
    window.hover_at(egui::pos2(400.0, 10.0));
    window.step();
    send_more(window, address, &["n1", "n2"]);
    wait_for(window, "what is not shown is counted", |window| says(window, "2 new"));
    draw(window);
    assert!((line_at(window, "e3").top() - place.top()).abs() < 0.5, "it stands where it stood");
    press(window, "2 new");
    wait_for(window, "all of them", |window| lines(window).len() == 5);
    assert!(says(window, "\"event\": \"e3\""), "it stays open");
    press(window, "Close");
    window.hover_at(egui::pos2(400.0, 10.0));
    send_more(window, address, &["n3"]);
    wait_for(window, "the list follows again", |window| lines(window).len() == 6);
}

#[test]
fn records_stand_still_under_the_pointer_and_under_a_reader_who_has_scrolled() {
    let mut opened = open(settings());
    go(&mut opened.window, "Stream");
    let data = opened.files.path().join("data");
    let record = |n: usize| ("k", format!(r#"{{"type":"track","event":"r{n:03}"}}"#).into_bytes());
    let put = |range: std::ops::Range<usize>| put_into(&data, &range.map(record).collect::<Vec<_>>());
    put(0..120);
    let window = &mut opened.window;
    window.set_size(vec2(1280.0, 700.0));
    wait_for(window, "all of them", |window| says(window, "120 read"));
    window.run();
    let names = |window: &Window| lines(window);
    let first = names(window);
    let row = window.get_all_by_role(Role::Row).nth(2).expect("a row").rect().center();
    window.hover_at(row);
    window.step();
    put(120..123);
    wait_for(window, "they are counted", |window| says(window, "3 new"));
    assert_eq!(names(window), first, "under the pointer");
    window.hover_at(egui::pos2(400.0, 10.0));
    window.step();
    wait_for(window, "they are shown", |window| names(window)[0] != first[0]);

    window.hover_at(row);
    scroll(window, -600.0);
    window.run();
    draw(window);
    window.hover_at(egui::pos2(400.0, 10.0));
    window.run();
    let scrolled = names(window);
    put(123..128);
    wait_for(window, "they are counted", |window| says(window, "5 new"));
    assert_eq!(names(window), scrolled, "under a reader who has scrolled");
    press(window, "5 new");
    wait_for(window, "the newest one", |window| names(window)[0] != scrolled[0]);
    assert!(!says(window, "5 new"));
}

#[test]
fn keys_walk_through_the_records_of_the_stream() {
    let mut opened = open(settings());
    go(&mut opened.window, "Stream");
    let data = opened.files.path().join("data");
    let record = |n: usize| ("k", format!(r#"{{"type":"track","event":"r{n}"}}"#).into_bytes());
    put_into(&data, &(0..3).map(record).collect::<Vec<_>>());
    let window = &mut opened.window;
    wait_for(window, "all of them", |window| rows(window) == 3);
    for (key, shown) in
        [(Key::J, "r2"), (Key::J, "r1"), (Key::ArrowDown, "r0"), (Key::K, "r1"), (Key::ArrowUp, "r2")]
    {
        press_key(window, Modifiers::NONE, key);
        assert!(says(window, &format!("\"event\": \"{shown}\"")), "{key:?}: {shown}");
    }
    press_key(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "\"event\": \"r2\""));
}

// Focus and keys.

#[test]
fn a_field_that_is_opened_to_be_typed_in_has_the_focus() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Sources");
    press(window, "Add source");
    assert!(is_focused(window, "Source name"));
    press(window, "Cancel");
    press(window, "Rename My first source");
    assert!(is_focused(window, "Source name"));
    go(window, "Test");
    wait_for(window, "the saved events", |window| says(window, "Save as …"));
    press(window, "Save as …");
    assert!(is_focused(window, "Name of the saved event"));
    press_key(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "Save event"), "Escape cancels");
    go(window, "Live");
    window.get_by_label("Saved filters").click();
    window.run_steps(8);
    assert!(is_focused(window, "Name of this filter"));
}

#[test]
fn a_destination_is_named_at_once_where_it_is_to_be_kept() {
    let account = Account::start(&["clicks"]);
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    press(window, "Save as …");
    assert!(is_focused(window, "Name of this destination"));
    window.get_by_role_and_label(Role::TextInput, "Name of this destination").type_text("Production");
    window.run();
    press_key(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "Name of this destination"), "Escape cancels");
}

#[test]
fn what_is_open_over_the_window_keeps_the_keys_for_itself() {
    let mut opened = live_with(2);
    let window = &mut opened.window;
    press_key(window, Modifiers::NONE, Key::J);
    wait_for(window, "its detail", |window| says(window, "\"event\": \"e2\""));
    press_key(window, Modifiers::NONE, Key::F1);
    press_key(window, Modifiers::NONE, Key::J);
    press_key(window, Modifiers::NONE, Key::ArrowDown);
    press_key(window, Modifiers::COMMAND, Key::Num2);
    assert!(says(window, "F1 or ?") && says(window, "Every event, and what became of it"));
    press_key(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "F1 or ?"));
    assert!(says(window, "\"event\": \"e2\""), "neither moved on nor closed");

    press_key(window, Modifiers::COMMAND, Key::K);
    press_key(window, Modifiers::COMMAND, Key::Num2);
    press_key(window, Modifiers::COMMAND, Key::P);
    assert!(says(window, "Find a command") && says(window, "Every event, and what became of it"));
    assert!(window.query_by_role_and_label(Role::Button, "Resume").is_none(), "the list is not paused");
    press_key(window, Modifiers::COMMAND, Key::K);
    assert!(!says(window, "Find a command"), "the same keys close it");
    press_key(window, Modifiers::COMMAND, Key::T);
    wait_for(window, "the sheet", |window| says(window, "Maximum events per second"));
    press_key(window, Modifiers::COMMAND, Key::Num2);
    assert!(says(window, "Every event, and what became of it"));
    press_key(window, Modifiers::NONE, Key::Escape);
    assert!(says(window, "\"event\": \"e2\""));

    go(window, "Sources");
    press(window, "Remove My first source");
    press_key(window, Modifiers::COMMAND, Key::Num4);
    assert!(says(window, "Remove this source?"));
}

#[test]
fn the_next_row_is_shown_as_the_one_before_was() {
    let mut opened = live_with(3);
    let window = &mut opened.window;
    press_key(window, Modifiers::NONE, Key::J);
    wait_for(window, "its detail", |window| says(window, "\"event\": \"e3\""));
    press(window, "Timeline");
    press_key(window, Modifiers::NONE, Key::J);
    wait_for(window, "the next one's timeline", |window| says(window, "Safe in the spool"));
    assert!(!says(window, "\"event\": \"e2\""));
    press(window, "Record");
    press_key(window, Modifiers::NONE, Key::J);
    wait_for(window, "its record", |window| says(window, "Hash key"));
    // Also after it was closed.
    press_key(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "Hash key"));
    press_key(window, Modifiers::NONE, Key::J);
    wait_for(window, "its record", |window| says(window, "Hash key"));
}

// "Show in …"

fn send_test(window: &mut Window) {
    go(window, "Test");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run();
    wait_for(window, "the delivery", |window| says(window, "Read back from the stream"));
}

#[test]
fn show_in_stream_opens_that_record() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    for number in 0..3 {
        assert_eq!(send(address, KEY, &event("ada", &format!("before {number}"))), 200);
    }
    send_test(window);
    assert_eq!(send(address, KEY, &event("user-1", "after")), 200);
    click(window, "Copy sequence number");
    let number = copied(window).expect("the sequence number");
    window.run();
    click(window, "Show in Stream");
    // Test shows the event too, so the number tells that Stream is open.
    let is_open = |window: &Window| window.query_all_by_label(&number).next().is_some();
    wait_for(window, "the record of that number", is_open);
    wait_for(window, "the record", |window| says(window, "\"event\": \"Order Completed\""));
    // The same with a filter that matches nothing, and with the stream already open.
    retype(window, "Filter records", "nothing like it");
    wait_for(window, "the filter", |window| says(window, "No matches"));
    go(window, "Test");
    click(window, "Show in Stream");
    wait_for(window, "the record of that number", is_open);
    wait_for(window, "the record", |window| says(window, "\"event\": \"Order Completed\""));
}

#[test]
fn show_in_live_keeps_the_search_and_opens_the_event() {
    let mut opened = live_with(3);
    let window = &mut opened.window;
    search(window, "userId:ada");
    wait_for(window, "ada's", |window| lines(window).len() == 3);
    send_test(window);
    click(window, "Show in Live");
    window.run();
    wait_for(window, "its detail", |window| says(window, "\"orderId\": \"1042\""));
    assert_eq!(searched(window), "userId:ada");
    wait_for(window, "why it is not in the list", |window| {
        says(window, "This event does not match the search")
    });
    press(window, "Show all events");
    assert_eq!(searched(window), "");
    wait_for(window, "its line", |window| says(window, "Delivered track Order Completed"));
    assert!(!says(window, "This event does not match the search"));
}

#[test]
fn a_failed_event_in_live_is_resent_by_its_primary_button() {
    if !is_run_with_keys("clicks::a_failed_event_in_live_is_resent_by_its_primary_button") {
        return;
    }
    let (from, to) = (Account::start(&["clicks"]), Account::start(&["clicks"]));
    let mut opened = with_waiting(&from, 1);
    let window = &mut opened.window;
    set_aside_for(window, &to);
    go(window, "Live");
    wait_for(window, "its line", |window| says(window, "Failed track Waiting"));
    window.get_all_by_label_contains("Failed track Waiting").next().expect("a line").click();
    window.run();
    wait_for(window, "what it means", |window| says(window, "set aside when the destination was changed"));
    let rail = window
        .get_all_by_role(Role::Button)
        .filter(|button| button.accesskit_node().label().as_deref() == Some("Live"));
    assert_eq!(rail.count(), 1, "no button leads to where one is");
    press(window, "Resend this event");
    wait_for(window, "the event", |_| to.records("clicks").len() == 1);
    // What was resent goes on as a new event, which is shown then.
    wait_for(window, "the new event", |window| {
        window.query_by_role_and_label(Role::Button, "Show the original").is_some()
    });
    wait_for(window, "its delivery", |window| says(window, "sequence number"));
}

#[test]
fn a_record_too_large_leads_to_the_format_before_it_is_resent() {
    if !is_run_with_keys("clicks::a_record_too_large_leads_to_the_format_before_it_is_resent") {
        return;
    }
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| match asked.action.as_str() {
        "PutRecord" => {
            let text = "The size of the record exceeds the maximum record size of the stream";
            Reply::Error("InvalidArgumentException", text.to_owned())
        }
        _ => Reply::Usual,
    });
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    let address = address(window);
    assert_eq!(send(address, KEY, &event("ada", "Large")), 200);
    go(window, "Live");
    wait_for(window, "its line", |window| says(window, "Failed track Large"));
    window.get_by_label_contains("Failed track Large").click();
    wait_for(window, "what to do", |window| says(window, "First raise the stream's maximum record size"));
    let left = |window: &Window, name| window.get_by_role_and_label(Role::Button, name).rect().left();
    assert!(left(window, "Set up › Format") < left(window, "Resend this event"), "in this order");
    press(window, "Set up › Format");
    wait_for(window, "the open step", |window| {
        window.query_by_role_and_label(Role::RadioButton, "json").is_some()
    });
    account.set_rule(|_| Reply::Usual);
    go(window, "Live");
    press(window, "Resend this event");
    wait_for(window, "the event", |_| account.records("clicks").len() == 1);
}

#[test]
fn answers_are_brought_into_sight_in_a_small_window() {
    if !is_run_with_keys("clicks::answers_are_brought_into_sight_in_a_small_window") {
        return;
    }
    let account = Account::start(&["clicks", "orders"]);
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    window.set_size(vec2(860.0, 560.0));
    window.run();
    let in_sight = |window: &Window, label: &str| {
        let found = window.query_all_by_label_contains(label).next().map(|node| node.rect());
        found.is_some_and(|rect| rect.top() >= 0.0 && rect.bottom() <= 530.0)
    };
    // A button at the lower edge of the window opens something below the edge.
    let at_the_edge = |window: &mut Window, label: &str| {
        for _ in 0..3 {
            window.get_by_role_and_label(Role::Button, label).scroll_to_me();
            window.run();
        }
    };
    edit(window, "Stream");
    at_the_edge(window, "List my streams");
    press(window, "List my streams");
    wait_for(window, "the list", |window| says(window, "Use stream orders"));
    wait_for(window, "the list in sight", |window| in_sight(window, "Use stream orders"));
    retype(window, "Stream name", "brand-new");
    at_the_edge(window, "Create this stream …");
    press(window, "Create this stream …");
    wait_for(window, "the question in sight", |window| in_sight(window, "Not now"));
    click(window, "Create stream");
    wait_for(window, "the answer", |window| says(window, "brand-new"));
    wait_for(window, "the answer in sight", |window| in_sight(window, "is ready and takes records"));

    go(window, "Test");
    wait_for(window, "the form", |window| says(window, "Send event"));
    click(window, "Send event");
    wait_for(window, "the result in sight", |window| in_sight(window, "Result of this track"));
    wait_for(window, "its steps in sight", |window| in_sight(window, "Answered 200"));
}

// Search.

#[test]
fn a_field_that_is_not_known_is_said_beside_the_search() {
    let mut opened = live_with(1);
    let window = &mut opened.window;
    search(window, "usr:ada");
    wait_for(window, "the note", |window| says(window, "“usr:” is not a field"));
    assert!(says(window, "Did you mean userId:?"));
    search(window, "https://example.com userId:ada \"no:field\"");
    wait_for(window, "no note", |window| !says(window, "is not a field"));
}

#[test]
fn a_search_that_is_not_understood_shows_no_former_result() {
    let mut opened = live_with(2);
    let window = &mut opened.window;
    search(window, "userId:ada");
    wait_for(window, "ada's", |window| lines(window).len() == 2);
    search(window, "state:lost");
    wait_for(window, "the mistake", |window| says(window, "\"lost\" is not valid; allowed: queued"));
    wait_for(window, "no lines", |window| lines(window).is_empty());
    press_key(window, Modifiers::NONE, Key::Escape);
    window.get_by_label("Clear the search").click();
    window.run();
    assert_eq!(searched(window), "");
    wait_for(window, "all of them", |window| lines(window).len() == 2);
}

#[test]
fn a_rejected_event_shows_its_user_and_is_found_by_it() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    assert_eq!(send(address, KEY, r#"{"userId":"user-of-rejected"}"#), 400);
    let batch = r#"{"batch":[{"type":"track","anonymousId":"anon-of-rejected"},{"type":"track","userId":"u","event":"e"}]}"#;
    assert_eq!(wire::send(address, "POST", "/v1/batch", &key_header(KEY), batch.as_bytes()).status, 200);
    go(window, "Live");
    wait_for(window, "the lines", |window| lines(window).len() == 3);
    let users = ["user-of-rejected", "anon-of-rejected"];
    for user in users {
        assert!(window.query_all_by_label(user).next().is_some(), "{user} is in its line");
    }
    for user in users {
        search(window, &format!("userId:{user}"));
        wait_for(window, user, |window| {
            let is_one = lines(window).len() == 1 && lines(window)[0].starts_with("Rejected");
            is_one && window.query_all_by_label(user).next().is_some()
        });
    }
    window.get_by_role(Role::Row).click();
    window.run();
    wait_for(window, "its detail", |window| says(window, "What was sent"));
    assert!(window.query_by_label("Partition key").is_none(), "it has no record");
}

#[test]
fn the_count_of_rejected_events_leads_to_them() {
    let mut config = settings();
    config.capture.sources.push(tributary::config::Source::new("Second", "test-key-5678"));
    assert_eq!(config.destination.kind, DestinationKind::Practice);
    let mut opened = open(config);
    let window = &mut opened.window;
    let address = address(window);
    for key in [KEY, "test-key-5678", "test-key-5678"] {
        assert_eq!(send(address, key, r#"{"userId":"u"}"#), 400);
    }
    go(window, "Sources");
    wait_for(window, "the count", |window| says(window, "2 rejected"));
    window.get_by_label("2 rejected").click();
    window.run();
    assert_eq!(searched(window), "source:Second state:rejected");
    wait_for(window, "the lines", |window| lines(window).len() == 2);
}

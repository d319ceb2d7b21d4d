//! Live as a workbench: rows that say what is in an event, counts over time, and a search that completes itself.

use std::time::Duration;

use eframe::egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect, accesskit::Role, pos2, vec2};
use eframe::epaint::RectShape;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::{
    layout::{rects, texts},
    opened_window::{
        OpenedWindow, Window, address, copied, go, open, open_with, press, press_key, rest_on, says,
        settings, type_into, wait_for,
    },
    window::{denied, lines, search, searched, send},
};

const KEY: &str = "test-key-1234";

/// Live with an order, an identify, and a refused event.
fn with_events() -> OpenedWindow {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    let order =
        r#"{"userId":"ada","event":"Order Completed","properties":{"total":12.50,"note":"a\u202eb"}}"#;
    assert_eq!(send(address, KEY, order), 200);
    assert_eq!(send(address, KEY, r#"{"type":"track","messageId":"m-3"}"#), 400);
    go(window, "Live");
    wait_for(window, "both lines", |window| {
        lines(window).len() == 2 && says(window, "Delivered track Order Completed")
    });
    opened
}

/// The painted texts of the window.
fn painted(window: &Window) -> Vec<String> {
    texts(window).into_iter().map(|(_, text)| text.galley.text().to_owned()).collect()
}

#[test]
fn a_row_shows_the_first_properties_or_why_the_event_was_refused() {
    let opened = with_events();
    let painted = painted(&opened.window);
    // The name and the value of a property are one text; a character that would turn the line around is escaped.
    assert!(painted.iter().any(|text| text == r"total 12.50note a\u202eb"), "{painted:?}");
    assert!(
        painted.iter().any(|text| text.contains("a non-empty string")),
        "why it was refused: {painted:?}"
    );
}

#[test]
fn an_event_that_cannot_be_delivered_says_so_in_its_row() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    let address = address(window);
    assert_eq!(send(address, KEY, r#"{"userId":"ada","event":"Seen","properties":{"a":1}}"#), 200);
    go(window, "Live");
    wait_for(window, "the error in the row", |window| {
        painted(window).iter().any(|text| text.starts_with("AccessDeniedException: "))
    });
}

#[test]
fn an_age_goes_on_once_a_second_and_has_the_exact_time_as_its_tooltip() {
    let mut opened = with_events();
    let window = &mut opened.window;
    let is_age = |text: &String| text.ends_with(" s") && text.len() < 5;
    wait_for(window, "an age", |window| painted(window).iter().any(is_age));
    let delay = window.output().viewport_output.values().map(|output| output.repaint_delay).min();
    assert!(delay.is_some_and(|delay| delay <= Duration::from_secs(1)), "{delay:?}");
    let age = painted(window).into_iter().find(is_age).expect("an age");
    window.get_all_by_label(&age).next().expect("it has a label").hover();
    wait_for(window, "the exact time", |window| says(window, "Received 20"));
}

#[test]
fn a_text_that_is_cut_is_whole_in_its_tooltip_and_another_has_none() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    let long = "somebody-with-a-long-name@a-long-domain.example/".repeat(3);
    for user in [long.as_str(), "ada"] {
        assert_eq!(send(address, KEY, &format!(r#"{{"userId":"{user}","event":"Seen"}}"#)), 200);
    }
    go(window, "Live");
    let count = |window: &Window, text: &str| window.query_all_by_label(text).count();
    wait_for(window, "the rows", |window| count(window, "ada") == 1 && count(window, &long) == 1);
    for (user, times) in [(long.as_str(), 2), ("ada", 1)] {
        rest_on(window, user);
        assert_eq!(count(window, user), times, "{user}");
    }
}

#[test]
fn a_field_in_a_menu_has_the_outline_of_all_fields() {
    let mut opened = with_events();
    let window = &mut opened.window;
    press(window, "Time range");
    window.run_steps(3);
    for label in ["From (local time)", "To"] {
        let field = window.get_by_role_and_label(Role::TextInput, label).rect();
        let is_around = |shape: &RectShape| {
            let is_drawn = shape.stroke.width > 0.0 && shape.stroke.color.a() > 0;
            is_drawn
                && shape.rect.contains_rect(field.shrink(2.0))
                && field.expand(12.0).contains_rect(shape.rect)
        };
        assert!(rects(window).iter().any(is_around), "{label}");
    }
}

#[test]
fn a_narrow_window_leaves_columns_out_and_cuts_none_to_nothing() {
    let mut opened = with_events();
    let window = &mut opened.window;
    for (width, has_room) in [(860.0, false), (1280.0, true), (1900.0, true)] {
        window.set_size(vec2(width, 700.0));
        window.run_steps(8);
        let is_head = |head: &str| painted(window).iter().any(|text| text == head);
        assert_eq!(is_head("Source"), has_room, "{width}");
        for head in ["State", "Event", "Preview", "User / key", "Age"] {
            let shown = texts(window).into_iter().filter(|(_, text)| text.galley.text() == head);
            let is_whole = shown.into_iter().any(|(clip, text)| {
                clip.right() >= text.visual_bounding_rect().right() && clip.right() <= width
            });
            assert!(is_whole, "{width}: {head}");
        }
    }
    press(window, "Columns");
    window.run_steps(8);
    window.get_by_role_and_label(Role::CheckBox, "Preview").click();
    window.run_steps(8);
    assert!(!painted(window).iter().any(|text| text.starts_with("total 12.50")));
}

// The histogram.

const HISTOGRAM: &str = "Events over time, by state";

fn histogram(window: &Window) -> Rect {
    window.get_by_role_and_label(Role::Slider, HISTOGRAM).rect()
}

/// What a screen reader says of the histogram.
fn told(window: &Window) -> String {
    let node = window.query_by_role_and_label(Role::Slider, HISTOGRAM);
    node.and_then(|node| node.accesskit_node().value()).unwrap_or_default()
}

fn pointer(window: &mut Window, pos: Pos2, pressed: bool) {
    let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
    window.event(Event::PointerMoved(pos));
    window.event(Event::PointerButton { pos, button, pressed, modifiers });
    window.step();
}

/// Live with two events and, some seconds later, a refused one.
fn with_two_moments() -> OpenedWindow {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    for name in ["e1", "e2"] {
        assert_eq!(send(address, KEY, &format!(r#"{{"userId":"ada","event":"{name}"}}"#)), 200);
    }
    go(window, "Live");
    wait_for(window, "time to pass", |window| painted(window).iter().any(|text| text == "4 s"));
    assert_eq!(send(address, KEY, r#"{"type":"track","messageId":"m-3"}"#), 400);
    wait_for(window, "all are counted", |window| says(window, "3 events"));
    window.run_steps(4);
    opened
}

#[test]
fn the_histogram_counts_what_is_found_by_state() {
    let mut opened = with_two_moments();
    let window = &mut opened.window;
    assert!(told(window).ends_with(": 1 rejected, 2 delivered"), "{}", told(window));
    search(window, "event:e2");
    wait_for(window, "what is found", |window| says(window, "1 of 3"));
    wait_for(window, "its bars", |window| told(window).ends_with(": 1 delivered"));
    search(window, "nowhere");
    wait_for(window, "nothing", |window| says(window, "0 of 3") && told(window).ends_with("no events"));
}

#[test]
fn a_bar_tells_its_time_and_its_numbers_at_the_pointer() {
    let mut opened = with_two_moments();
    let window = &mut opened.window;
    let bar = pos2(histogram(window).right() - 3.0, histogram(window).center().y);
    window.hover_at(bar);
    window.run_steps(2);
    let texts = texts(window);
    let number = texts.iter().rfind(|(_, text)| text.galley.text() == "Rejected").expect("its state");
    assert!((number.1.pos - bar).length() < 220.0, "beside the pointer: {:?}", number.1.pos);
    assert!(painted(window).iter().any(|text| text.starts_with("20") && text.contains(" – ")));
}

#[test]
fn a_drag_over_bars_and_a_click_on_one_set_the_time_range_and_a_button_clears_it() {
    let mut opened = with_two_moments();
    let window = &mut opened.window;
    let rect = histogram(window);
    let y = rect.center().y;
    pointer(window, pos2(rect.left() + 2.0, y), true);
    window.event(Event::PointerMoved(pos2(rect.left() + 30.0, y)));
    window.step();
    // The last bar is that of the refused event, which came some seconds later; a bar is a second.
    pointer(window, pos2(rect.right() - rect.width() * 2.5 / 31.0, y), false);
    window.run_steps(4);
    let text = searched(window);
    assert!(text.starts_with("since:2") && text.contains(" until:2"), "{text}");
    wait_for(window, "the two first ones", |window| lines(window).len() == 2 && says(window, "2 of 3"));
    assert!(lines(window).iter().all(|line| line.starts_with("Delivered")), "{:?}", lines(window));
    press(window, "Clear time range");
    assert_eq!(searched(window), "");
    wait_for(window, "all", |window| lines(window).len() == 3 && says(window, "3 events"));
    let last = pos2(histogram(window).right() - 3.0, y);
    pointer(window, last, true);
    pointer(window, last, false);
    window.run_steps(4);
    wait_for(window, "the last one", |window| lines(window).len() == 1 && says(window, "1 of 3"));
    assert!(lines(window)[0].starts_with("Rejected"));
}

#[test]
fn the_histogram_is_used_with_the_keyboard_and_read_by_a_screen_reader() {
    let mut opened = with_two_moments();
    let window = &mut opened.window;
    window.get_by_role_and_label(Role::Slider, HISTOGRAM).focus();
    window.run_steps(3);
    press_key(window, Modifiers::NONE, Key::ArrowLeft);
    assert!(told(window).ends_with(": 1 rejected"), "{}", told(window));
    press_key(window, Modifiers::NONE, Key::ArrowLeft);
    assert!(told(window).ends_with("no events"), "{}", told(window));
    press_key(window, Modifiers::SHIFT, Key::ArrowRight);
    assert!(told(window).ends_with(": 1 rejected"), "{}", told(window));
    press_key(window, Modifiers::NONE, Key::Enter);
    wait_for(window, "the last one", |window| lines(window).len() == 1 && says(window, "1 of 3"));
    search(window, "until:2020-01-01");
    wait_for(window, "an empty range", |window| says(window, "No matches in this time range"));
    press(window, "Show all time");
    wait_for(window, "all", |window| lines(window).len() == 3);
}

// The search.

fn typed(window: &Window) -> String {
    window.get_by_role_and_label(Role::TextInput, "Search the log").value().unwrap_or_default()
}

fn is_button(window: &Window, label: &str) -> bool {
    window.query_by_role_and_label(Role::Button, label).is_some()
}

#[test]
fn a_condition_becomes_a_token_that_is_edited_and_removed() {
    let mut opened = with_events();
    let window = &mut opened.window;
    search(window, "state:delivered ");
    assert_eq!((&*typed(window), &*searched(window)), ("", "state:delivered"));
    wait_for(window, "the delivered one", |window| lines(window).len() == 1);
    let chip = window.get_by_role_and_label(Role::Button, "Delivered").accesskit_node().toggled();
    assert_eq!(chip, Some(eframe::egui::accesskit::Toggled::True), "the chip of the state says the same");
    press(window, "Edit state:delivered");
    window.run_steps(4);
    assert_eq!((&*typed(window), is_button(window, "Remove state:delivered")), ("state:delivered", false));
    press_key(window, Modifiers::NONE, Key::Escape);
    press_key(window, Modifiers::NONE, Key::Enter);
    assert!(is_button(window, "Remove state:delivered"), "Enter completes it");
    press(window, "Remove state:delivered");
    wait_for(window, "both lines", |window| lines(window).len() == 2 && searched(window).is_empty());

    // A chip adds a token; Backspace at the start of the text removes the last one.
    press(window, "Rejected");
    assert!(is_button(window, "Remove state:rejected"));
    type_into(window, "Search the log", "type:track ");
    assert_eq!(searched(window), "state:rejected type:track");
    press_key(window, Modifiers::NONE, Key::Backspace);
    assert_eq!(searched(window), "state:rejected");
    press_key(window, Modifiers::NONE, Key::Backspace);
    wait_for(window, "both lines", |window| lines(window).len() == 2 && searched(window).is_empty());
}

#[test]
fn the_whole_search_is_copied_and_replaced_as_text() {
    let mut opened = with_events();
    let window = &mut opened.window;
    search(window, "state:delivered userId:ada order");
    assert_eq!((&*typed(window), &*searched(window)), ("order", "state:delivered userId:ada order"));
    press_key(window, Modifiers::COMMAND, Key::A);
    window.event(Event::Copy);
    window.step();
    assert_eq!(copied(window).as_deref(), Some("state:delivered userId:ada order"));
    search(window, "type:identify");
    assert_eq!(searched(window), "type:identify", "what is typed replaces all of it");
    press_key(window, Modifiers::COMMAND, Key::A);
    press_key(window, Modifiers::NONE, Key::Delete);
    wait_for(window, "both lines", |window| lines(window).len() == 2 && searched(window).is_empty());
}

#[test]
fn the_search_offers_fields_and_then_values_of_the_log() {
    let mut opened = with_events();
    let window = &mut opened.window;
    type_into(window, "Search the log", "us");
    wait_for(window, "the field", |window| says(window, "a user id or an anonymous id"));
    press_key(window, Modifiers::NONE, Key::Enter);
    assert_eq!(typed(window), "userId:");
    wait_for(window, "a user of the log", |window| says(window, "1 recent event"));
    press_key(window, Modifiers::NONE, Key::Enter);
    assert_eq!((&*typed(window), &*searched(window)), ("", "userId:ada"));
    wait_for(window, "her event", |window| lines(window).len() == 1);

    // With the mouse, and a value that needs quotes.
    type_into(window, "Search the log", "event:ord");
    wait_for(window, "the event", |window| says(window, "1 recent event"));
    window.get_by_label_contains("1 recent event").click();
    window.run_steps(4);
    assert_eq!(searched(window), "userId:ada event:\"Order Completed\"");

    // The arrows choose, Tab accepts, Escape closes.
    type_into(window, "Search the log", "state:re");
    press_key(window, Modifiers::NONE, Key::ArrowDown);
    press_key(window, Modifiers::NONE, Key::Tab);
    assert!(searched(window).ends_with("state:resent"), "{}", searched(window));
    type_into(window, "Search the log", "ty");
    wait_for(window, "the field", |window| says(window, "identify, track, page"));
    press_key(window, Modifiers::NONE, Key::Escape);
    assert!(!says(window, "identify, track, page"));
    assert_eq!(typed(window), "ty");
}

#[test]
fn fields_are_offered_before_anything_is_typed_and_tab_still_goes_on() {
    let mut opened = with_events();
    let window = &mut opened.window;
    window.get_by_role_and_label(Role::TextInput, "Search the log").focus();
    window.run_steps(3);
    assert!(!says(window, "a user id or an anonymous id"));
    press_key(window, Modifiers::NONE, Key::ArrowDown);
    window.run_steps(3);
    assert!(says(window, "a user id or an anonymous id"));
    press_key(window, Modifiers::NONE, Key::ArrowDown);
    press_key(window, Modifiers::NONE, Key::Enter);
    assert_eq!(typed(window), "type:");
    press_key(window, Modifiers::COMMAND, Key::A);
    press_key(window, Modifiers::NONE, Key::Delete);
    let field = window.get_by_role_and_label(Role::TextInput, "Search the log");
    field.click();
    window.run_steps(3);
    assert!(says(window, "a user id or an anonymous id"), "a click offers them, too");
    press_key(window, Modifiers::NONE, Key::Tab);
    window.run_steps(3);
    assert_eq!(searched(window), "");
    assert!(!window.get_by_role_and_label(Role::TextInput, "Search the log").accesskit_node().is_focused());
}

//! A thing that is drawn over or beside another one leaves it visible, and a control that is pressed stays where it
//! was.

use eframe::egui::{self, Key, Modifiers, accesskit::Role, vec2};
use egui_kittest::kittest::Queryable as _;

use crate::{
    keyboard::palette,
    layout::{rect, rects, texts},
    opened_window::{
        Window, address, explain, go, open, open_with, press, press_key, says, scroll, settings, stage_box,
        wait_for,
    },
    window::{denied, lines, send, send_seen},
};

const KEY: &str = "test-key-1234";

fn settle(window: &mut Window) {
    window.run_steps(8);
}

/// Live with this number of delivered events of a size, `e1` first.
fn live_with(count: usize, bytes: usize) -> crate::opened_window::OpenedWindow {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    for number in 1..=count {
        let filler: Vec<_> = (0..bytes).map(|n| format!(r#""p{n}":{n}"#)).collect();
        let event =
            format!(r#"{{"userId":"ada","event":"e{number}","properties":{{{}}}}}"#, filler.join(","));
        assert_eq!(send(address, KEY, &event), 200);
    }
    go(window, "Live");
    wait_for(window, "all delivered", |window| {
        lines(window).len() == count && lines(window).iter().all(|line| line.starts_with("Delivered"))
    });
    opened
}

// What needs the user.

#[test]
fn what_needs_the_user_moves_no_row_and_is_gone_with_one_key() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    window.set_size(vec2(860.0, 560.0));
    window.run();
    let address = address(window);
    go(window, "Live");
    let field = rect(window, Role::TextInput, "Search the log");
    for n in 0..12 {
        assert_eq!(send(address, KEY, &format!(r#"{{"userId":"u{n}","event":"Seen"}}"#)), 200);
    }
    wait_for(window, "the drawer", |window| says(window, "Delivery needs you"));
    wait_for(window, "the rows", |window| lines(window).len() >= 4);
    settle(window);
    assert_eq!(rect(window, Role::TextInput, "Search the log"), field);
    let drawer = rect(window, Role::Dialog, "Forwarder: what to do");
    let rows =
        |window: &Window| -> Vec<_> { window.query_all_by_role(Role::Row).map(|row| row.rect()).collect() };
    let below = rows(window).into_iter().filter(|row| row.top() >= drawer.bottom() && row.bottom() <= 524.0);
    assert!(below.count() >= 3, "rows in sight below {drawer:?}");
    let before = rows(window)[0];
    press_key(window, Modifiers::NONE, Key::Escape);
    settle(window);
    assert!(!says(window, "Delivery needs you"));
    assert_eq!(rows(window)[0], before);
}

#[test]
fn the_way_to_the_limits_of_the_disk_brings_them_into_sight() {
    let mut config = settings();
    config.spool.min_free_bytes = 1 << 50;
    let mut opened = open(config);
    let window = &mut opened.window;
    window.set_size(vec2(1280.0, 600.0));
    window.run();
    go(window, "Settings");
    wait_for(window, "the reason", |window| says(window, "Too little free space on the disk"));
    explain(window, "Endpoint");
    settle(window);
    let field = |window: &Window| rect(window, Role::SpinButton, "Keep free on the disk");
    assert!(field(window).bottom() > 600.0 - 36.0, "below the fold");
    press(window, "Settings › Disk");
    settle(window);
    assert!(field(window).bottom() < 600.0 - 36.0, "{:?}", field(window));
    assert!(window.query_by_role(Role::Dialog).is_none(), "the drawer covers what it leads to");
}

#[test]
fn two_troubles_leave_the_page_where_it_is_and_most_of_a_laptops_window_to_it() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    window.set_size(vec2(1270.0, 790.0));
    window.run();
    go(window, "Test");
    settle(window);
    let before = (rect(window, Role::Button, "Send event"), stage_box(window, "Destination").1);
    send_seen(window);
    wait_for(window, "both", |window| {
        says(window, "Practice faults are on") && window.query_by_label("Try now").is_some()
    });
    settle(window);
    let after = (rect(window, Role::Button, "Send event"), stage_box(window, "Destination").1);
    assert_eq!(before, after);
    let drawer = rect(window, Role::Dialog, "Forwarder: what to do");
    assert!(drawer.bottom() < 395.0, "{drawer:?} covers more than the upper half");
}

// Test.

#[test]
fn sending_an_event_leaves_its_form_where_it_is() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.set_size(vec2(1280.0, 700.0));
    window.run();
    go(window, "Test");
    settle(window);
    let before = ["track", "Send event"].map(|label| window.get_by_label(label).rect());
    press_key(window, Modifiers::COMMAND, Key::Enter);
    wait_for(window, "the story", |window| says(window, "Read back from the stream"));
    settle(window);
    let after = ["track", "Send event"].map(|label| window.get_by_label(label).rect());
    assert_eq!(before, after);
}

// Live.

#[test]
fn the_switch_to_the_charts_stays_under_the_pointer() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Live");
    let before = rect(window, Role::Button, "Charts");
    for view in ["Charts", "Events"] {
        press(window, view);
        window.step();
        let after = rect(window, Role::Button, "Charts");
        // The name of the open view is a little bolder, and so wider.
        assert!((after.min - before.min).length() < 2.0, "{view}: {before:?}, then {after:?}");
    }
}

#[test]
fn the_count_of_new_events_covers_no_row() {
    let mut opened = live_with(3, 1);
    let window = &mut opened.window;
    let address = address(window);
    for order in ["Newest first", "Oldest first"] {
        let row = window.get_all_by_role(Role::Row).next().expect("a line");
        row.click();
        window.run();
        window.hover_at(egui::pos2(400.0, 10.0));
        window.step();
        for name in ["n1", "n2"] {
            assert_eq!(send(address, KEY, &format!(r#"{{"userId":"bob","event":"{name}"}}"#)), 200);
        }
        wait_for(window, "they are counted", |window| says(window, "2 new"));
        settle(window);
        let pill = rect(window, Role::Button, "2 new");
        for row in window.query_all_by_role(Role::Row) {
            assert!(!row.rect().shrink(1.0).intersects(pill), "{order}: {pill:?} is over {:?}", row.rect());
        }
        press(window, "2 new");
        settle(window);
        press(window, "Close");
        press_key(window, Modifiers::COMMAND, Key::O);
        settle(window);
    }
}

#[test]
fn another_event_is_shown_from_its_beginning() {
    let mut opened = live_with(2, 80);
    let window = &mut opened.window;
    window.set_size(vec2(1280.0, 700.0));
    window.run();
    window.get_all_by_role(Role::Row).next().expect("a line").click();
    window.run();
    wait_for(window, "its detail", |window| says(window, "\"event\": \"e2\""));
    press(window, "Unfold all");
    settle(window);
    window.hover_at(egui::pos2(1100.0, 600.0));
    window.run();
    scroll(window, -400.0);
    settle(window);
    assert!(!says(window, "\"event\": \"e2\""), "it is scrolled: rows out of sight are not drawn");
    press_key(window, Modifiers::NONE, Key::J);
    wait_for(window, "the other's beginning", |window| says(window, "\"event\": \"e1\""));
}

// Sources, Stream and the palette.

#[test]
fn what_came_from_a_source_breaks_between_its_facts_only() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_seen(window);
    let address = address(window);
    send(address, KEY, r#"{"event":"Of nobody"}"#);
    go(window, "Sources");
    wait_for(window, "what came", |window| says(window, "1 rejected"));
    let facts = ["SDK not named", "events/s", "1 accepted", "1 rejected"];
    for width in (860..1700).step_by(20) {
        window.set_size(vec2(width as f32, 900.0));
        window.run();
        let tops = facts.map(|fact| {
            // The strip above the page counts rejected events too.
            let mut of_page = texts(window).into_iter().filter(|(clip, _)| clip.top() > 60.0);
            let found = of_page.find(|(_, text)| text.galley.text().contains(fact));
            let (_, text) = found.expect("it is painted");
            assert_eq!(text.galley.rows.len(), 1, "{fact}: at a width of {width}");
            text.visual_bounding_rect().center().y
        });
        if (1400..1480).contains(&width) {
            assert!((tops[1] - tops[3]).abs() < 4.0, "one line on a laptop: {tops:?}");
        }
    }
}

#[test]
fn a_sequence_number_is_seen_whole() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Stream");
    press(window, "Sequence number");
    settle(window);
    let number = "49660000000000000000000000000000000000000000000000000001";
    window.get_by_role_and_label(Role::TextInput, "Sequence number to start at").type_text(number);
    settle(window);
    let shown = texts(window).into_iter().find(|(_, text)| text.galley.text() == number);
    let (clip, text) = shown.expect("it is painted");
    let place = text.visual_bounding_rect();
    assert!(clip.x_range().contains(place.left()) && place.right() <= clip.right(), "{place:?} in {clip:?}");
}

#[test]
fn the_palette_is_as_high_as_what_it_offers_and_its_field_stays() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.set_size(vec2(1280.0, 820.0));
    window.run();
    let sheet = |window: &Window| {
        let field = rect(window, Role::TextInput, "Find a command");
        let around = rects(window).into_iter().map(|shape| shape.rect);
        let around =
            around.filter(|rect| rect.contains_rect(field) && (440.0..600.0).contains(&rect.width()));
        (field, around.map(|rect| rect.height()).fold(0.0, f32::max))
    };
    palette(window, "");
    settle(window);
    let (field, all) = sheet(window);
    window.get_by_role_and_label(Role::TextInput, "Find a command").type_text("go stre");
    settle(window);
    let (after, one) = sheet(window);
    assert!(all > 300.0, "{all}");
    assert!(one < 130.0, "one line is {one} high");
    assert_eq!(field, after);
}

//! Where things are in the window and how they are drawn, from the shapes that a frame paints.

use std::time::Duration;

use eframe::{
    egui::{
        Color32, FontFamily, FontId, Key, Rect, Shape,
        accesskit::{Role, Toggled},
        epaint, vec2,
    },
    epaint::{RectShape, TextShape},
};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tributary::{config::Source, engine::Engine, practice::Faults};

use crate::keyboard::palette;
use crate::opened_window::{
    self, OpenedWindow, Window, address, click, explain, go, open, open_with, says, settings, type_into,
    wait_for,
};
use crate::window::{self, denied, send, send_seen};

/// The minimum size of the window.
const SMALLEST: [f32; 2] = [860.0, 560.0];

fn slow(engine: &Engine) {
    engine.practice().set_faults(Faults { delay: Duration::from_millis(1), ..Faults::default() });
}

/// Every shape that the last frame painted, without groups.
pub fn painted(window: &Window) -> Vec<(Rect, Shape)> {
    fn add(into: &mut Vec<(Rect, Shape)>, clip_rect: Rect, shape: &Shape) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| add(into, clip_rect, shape)),
            other => into.push((clip_rect, other.clone())),
        }
    }
    let mut all = Vec::new();
    for clipped in &window.output().shapes {
        add(&mut all, clipped.clip_rect, &clipped.shape);
    }
    all
}

pub fn texts(window: &Window) -> Vec<(Rect, TextShape)> {
    let shapes = painted(window).into_iter();
    shapes
        .filter_map(|(clip_rect, shape)| match shape {
            Shape::Text(text) => Some((clip_rect, text)),
            _ => None,
        })
        .collect()
}

pub fn rects(window: &Window) -> Vec<RectShape> {
    let shapes = painted(window).into_iter();
    shapes
        .filter_map(|(_, shape)| match shape {
            Shape::Rect(rect) => Some(rect),
            _ => None,
        })
        .collect()
}

pub fn rect(window: &Window, role: Role, label: &str) -> Rect {
    window.get_by_role_and_label(role, label).rect()
}

/// The rectangle that is the outline of the field.
fn outline(window: &Window, label: &str) -> RectShape {
    let field = rect(window, Role::TextInput, label);
    let near = |shape: &RectShape| {
        shape.rect.contains(field.center())
            && shape.rect.expand(-14.0).size().y <= field.height()
            && shape.stroke.width > 0.0
    };
    let found = rects(window).into_iter().filter(near);
    found.min_by(|a, b| a.rect.area().total_cmp(&b.rect.area())).expect("the field has an outline")
}

/// The height of the open sheet, which has a button *Cancel*.
fn sheet_height(window: &Window) -> f32 {
    let cancel = rect(window, Role::Button, "Cancel");
    let sheets = rects(window).into_iter().map(|shape| shape.rect);
    let sheets = sheets.filter(|rect| rect.contains_rect(cancel) && (300.0..600.0).contains(&rect.width()));
    sheets.map(|rect| rect.height()).fold(f32::INFINITY, f32::min)
}

/// The contrast of two colours (WCAG).
fn contrast(one: Color32, other: Color32) -> f32 {
    let light = |color: Color32| {
        let [r, g, b, _] = epaint::Rgba::from(color).to_array();
        0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
    };
    let (one, other) = (light(one), light(other));
    one.max(other) / one.min(other)
}

fn with_key(key: &str) -> OpenedWindow {
    let mut config = settings();
    config.capture.sources = vec![Source::new("My first source", key)];
    open(config)
}

#[test]
fn a_trouble_that_comes_leaves_the_page_where_it_is() {
    let mut calm = open(settings());
    let mut alarmed = open_with(settings(), slow);
    for (place, role, label) in [
        ("Settings", Role::TextInput, "Listen address"),
        ("Live", Role::TextInput, "Search the log"),
        ("Sources", Role::Button, "Add source"),
    ] {
        go(&mut calm.window, place);
        go(&mut alarmed.window, place);
        wait_for(&mut alarmed.window, "the trouble", |window| says(window, "Practice faults are on"));
        alarmed.window.run();
        assert_eq!(rect(&calm.window, role, label), rect(&alarmed.window, role, label), "{place}");
    }
}

#[test]
fn the_button_that_saves_stays_where_it_is_when_a_trouble_comes() {
    let apply = |opened: &mut OpenedWindow| {
        opened_window::edit(&mut opened.window, "Format");
        opened.window.get_by_label("PutRecords").click();
        opened.window.run();
        rect(&opened.window, Role::Button, "Save changes")
    };
    let (mut calm, mut alarmed) = (open(settings()), open_with(settings(), slow));
    wait_for(&mut alarmed.window, "the trouble", |window| says(window, "Practice faults are on"));
    assert_eq!(apply(&mut calm), apply(&mut alarmed));
}

#[test]
fn a_second_trouble_leaves_the_explanation_of_the_first_one_where_it_is() {
    let mut opened = open_with(settings(), denied);
    let window = &mut opened.window;
    wait_for(window, "the first trouble", |window| says(window, "Practice faults are on"));
    let address = address(window);
    explain(window, "Destination");
    window.run();
    let before = rect(window, Role::Button, "Switch all off");
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"ada","event":"Seen"}"#), 200);
    // Also in the very frame in which the other one appears.
    wait_for(window, "the second trouble", |window| says(window, "Forwarder blocked"));
    assert_eq!(rect(window, Role::Button, "Switch all off"), before);
    assert!(window.query_by_label("Try now").is_none(), "one explanation at a time");
}

#[test]
fn code_ends_before_its_copy_button() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    window.set_size(vec2(860.0, 900.0));
    window.run();
    go(window, "Sources");
    let button = rect(window, Role::Button, "Copy snippet");
    let code = texts(window).into_iter().find(|(_, text)| text.galley.text().starts_with("curl -u"));
    let (clip, _) = code.expect("the snippet is painted");
    assert!(clip.right() <= button.left(), "the code goes on to {} under {button:?}", clip.right());
}

#[test]
fn a_write_key_that_is_shown_is_shown_whole() {
    let key = "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW";
    let mut opened = with_key(key);
    let window = &mut opened.window;
    window.set_size(SMALLEST.into());
    window.run();
    go(window, "Sources");
    click(window, "Show write key of My first source");
    window.run();
    let shown = texts(window).into_iter().find(|(_, text)| text.galley.text() == key);
    let (_, text) = shown.expect("the key is painted");
    assert!(!text.galley.elided, "the key is cut");
}

#[test]
fn characters_of_data_keep_their_own_shape() {
    let opened = open(settings());
    for family in [FontFamily::Monospace, FontFamily::Proportional] {
        for data in ["==", "//", "!=", "->", "=>", "www", "***", "3x4", "<--", "::"] {
            let glyphs = |text: &str| -> Vec<_> {
                let font = FontId::new(14.0, family.clone());
                let galley =
                    opened.window.ctx.fonts_mut(|f| f.layout_no_wrap(text.to_owned(), font, Color32::WHITE));
                galley.rows[0].glyphs.iter().map(|glyph| (glyph.uv_rect.size, glyph.uv_rect.offset)).collect()
            };
            let alone: Vec<_> =
                data.chars().flat_map(|c| glyphs(&c.to_string())).map(|(size, _)| size).collect();
            let together: Vec<_> = glyphs(data).into_iter().map(|(size, _)| size).collect();
            assert_eq!(together.len(), alone.len());
            // They may differ by a pixel, since they begin between two.
            let is_same = together.iter().zip(&alone).all(|(a, b)| (*a - *b).abs().max_elem() <= 1.0);
            assert!(is_same, "{data} in {family:?}: {together:?}, alone {alone:?}");
        }
    }
}

#[test]
fn cards_end_where_the_buttons_above_them_do() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for size in [vec2(860.0, 900.0), vec2(1100.0, 900.0), vec2(1440.0, 900.0)] {
        window.set_size(size);
        window.run();
        go(window, "Sources");
        let button = rect(window, Role::Button, "Add source").right();
        let cards = rects(window).into_iter().map(|shape| shape.rect).filter(|rect| {
            rect.left() > 60.0 && rect.width() > 300.0 && rect.height() > 80.0 && rect.right() < size.x - 4.0
        });
        let card = cards.map(|rect| rect.right()).fold(0.0, f32::max);
        assert!((button - card).abs() < 1.0, "{size:?}: the button ends at {button}, the card at {card}");
    }
}

#[test]
fn no_text_is_stretched_over_its_line() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Live");
    for menu in ["Saved filters", "Time range", "Columns", "More"] {
        window.get_by_role_and_label(Role::Button, menu).click();
        window.run();
        if menu == "Time range" {
            type_into(window, "From (local time)", "yesterday, or the day before that one, who knows");
        }
        for (_, text) in texts(window) {
            let galley = &text.galley;
            assert!(!galley.job.justify || galley.rows.len() == 1, "{menu}: {}", galley.text());
        }
        window.get_by_role_and_label(Role::Button, menu).click();
        window.run();
    }
}

#[test]
fn the_time_axis_has_round_times_that_do_not_touch() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_seen(window);
    go(window, "Live");
    go(window, "Charts");
    for size in [vec2(860.0, 900.0), vec2(1280.0, 900.0), vec2(1920.0, 900.0)] {
        window.set_size(size);
        window.run();
        window.run();
        let mut times: Vec<(Rect, String)> = Vec::new();
        wait_for(window, "the axes", |window| texts(window).iter().any(|(_, text)| is_time(text)));
        window.run();
        for (clip, text) in texts(window) {
            let place = text.visual_bounding_rect();
            if is_time(&text) && clip.intersects(place) {
                times.push((place, text.galley.text().to_owned()));
            }
        }
        assert!(times.len() >= 2, "{times:?}");
        for (at, (place, time)) in times.iter().enumerate() {
            assert!(time.ends_with(":00") || time.ends_with(":30"), "{time} is not round");
            for (other, _) in &times[at + 1..] {
                assert!(
                    !place.expand2(vec2(4.0, 0.0)).intersects(*other),
                    "{time} touches another: {times:?}"
                );
            }
        }
    }
}

/// Whether it has the form `07:42:00`, which only the axes use.
fn is_time(text: &TextShape) -> bool {
    let text = text.galley.text();
    text.len() == 8 && text.bytes().filter(|byte| *byte == b':').count() == 2
}

#[test]
fn a_field_with_a_mistake_has_a_red_line_with_and_without_the_keyboard() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Settings");
    let calm = outline(window, "Listen address").stroke.color;
    type_into(window, "Listen address", "no address");
    let typing = outline(window, "Listen address").stroke.color;
    window.get_by_role_and_label(Role::TextInput, "Public address").focus();
    window.run();
    let left = outline(window, "Listen address").stroke.color;
    assert_eq!(typing, left);
    assert_ne!(left, calm);
    let [r, g, b, _] = left.to_array();
    assert!(r > g && r > b, "{left:?} is red");
    assert_ne!(outline(window, "Public address").stroke.color, left);
}

#[test]
fn what_cannot_be_pressed_yet_can_be_read_and_a_box_without_a_tick_be_seen() {
    for theme in ["Dark theme", "Light theme"] {
        let mut opened = open(settings());
        let window = &mut opened.window;
        window.get_by_label(theme).click();
        window.run();
        go(window, "Live");
        window.get_by_role_and_label(Role::Button, "Saved filters").click();
        window.run();
        let button = rect(window, Role::Button, "Save filter");
        let fill =
            rects(window).into_iter().rfind(|shape| (shape.rect.center() - button.center()).length() < 2.0);
        let label = texts(window).into_iter().rfind(|(_, text)| text.galley.text() == "Save filter");
        let (fill, (_, label)) = (fill.expect("a button").fill, label.expect("its label"));
        let ink = label.override_text_color.unwrap_or(label.galley.job.sections[0].format.color);
        let ink = ink.gamma_multiply(label.opacity_factor);
        let seen = contrast(fill.blend(ink), fill);
        assert!(seen >= 4.0, "{theme}: {seen:.1} for {ink:?} on {fill:?}");
        window.get_by_role_and_label(Role::Button, "Saved filters").click();
        window.run();
        window.get_by_role_and_label(Role::Button, "Columns").click();
        window.run();
        let mut columns = window.query_all_by_role(Role::CheckBox);
        let unticked = columns.find(|node| node.accesskit_node().toggled() == Some(Toggled::False));
        let unticked = unticked.expect("some columns are hidden").rect();
        let boxes = rects(window).into_iter().filter(|shape| {
            unticked.contains(shape.rect.center()) && shape.rect.width() < 24.0 && shape.stroke.width > 0.0
        });
        let edge = boxes.last().expect("a box is painted");
        let ground = window.ctx.global_style().visuals.window_fill;
        let seen = contrast(edge.stroke.color, ground);
        assert!(seen >= 3.0, "{theme}: {seen:.1}");
    }
}

#[test]
fn a_question_is_as_high_as_its_own_words() {
    let height = |window: &mut Window, what: &str| {
        click(window, &format!("{what} My first source"));
        window.run();
        let height = sheet_height(window);
        window.get_by_role_and_label(Role::Button, "Cancel").click();
        window.run();
        height
    };
    let mut fresh = open(settings());
    go(&mut fresh.window, "Sources");
    let alone = height(&mut fresh.window, "Remove");
    let mut opened = open(settings());
    go(&mut opened.window, "Sources");
    height(&mut opened.window, "New write key for");
    let after = height(&mut opened.window, "Remove");
    assert!((alone - after).abs() < 1.0, "{alone} alone, {after} after a higher one");
}

#[test]
fn fields_fill_their_row() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for size in [vec2(860.0, 900.0), vec2(1280.0, 900.0), vec2(1900.0, 900.0)] {
        window.set_size(size);
        window.run();
        go(window, "Live");
        window.run();
        let search = rect(window, Role::Search, "Search");
        let last = rect(window, Role::Button, "Saved filters");
        assert!((search.center().y - last.center().y).abs() < 1.0, "{size:?}: on one line");
        assert!((last.right() - (size.x - 20.0)).abs() < 3.0, "{size:?}: the line ends at {}", last.right());
        assert!((search.height() - last.height()).abs() < 1.0, "{search:?} beside {last:?}");
    }
    go(window, "Test");
    window.run();
    let [name, value] = ["Name of property 1", "Value of orderId"].map(|label| outline(window, label).rect);
    assert!((name.height() - value.height()).abs() < 0.5, "{name:?} beside {value:?}");
}

#[test]
fn a_sheet_becomes_lower_again_when_it_says_less() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_seen(window);
    go(window, "Live");
    wait_for(window, "its delivery", |window| says(window, "Delivered track Seen"));
    palette(window, "resend");
    window.key_press(Key::Enter);
    window.run();
    let height = |window: &mut Window, which: &str, said: &str| {
        window.get_by_role_and_label(Role::RadioButton, which).click();
        window.run();
        wait_for(window, said, |window| says(window, said));
        window.run();
        sheet_height(window)
    };
    let first = height(window, "Failed events", "No failed event matches");
    let higher = height(window, "Delivered events", "a second time");
    let again = height(window, "Failed events", "No failed event matches");
    assert!(higher > first + 20.0, "{first}, {higher}");
    assert!((again - first).abs() < 1.0, "{first}, then {higher}, then {again}");
}

#[test]
fn a_figure_beside_the_filters_is_one_line_at_every_width() {
    let mut config = settings();
    config.destination.aggregation = tributary::event::Aggregation::Kpl;
    config.destination.enabled = false;
    let mut opened = open(config);
    let window = &mut opened.window;
    let address = address(window);
    for n in 0..3 {
        let event = format!(r#"{{"userId":"ada","event":"Seen","messageId":"seen-{n}"}}"#);
        assert_eq!(window::send(address, "test-key-1234", &event), 200);
    }
    go(window, "Set up");
    opened_window::flip(window, "Deliver events");
    go(window, "Live");
    let figure = "Events per record 3.0";
    wait_for(window, "the mean", |window| says(window, figure));
    for width in (860_u16..1300).step_by(20) {
        window.set_size(vec2(f32::from(width), 700.0));
        window.run();
        let rect = rect(window, Role::Label, figure);
        // Two lines would be twice as high.
        assert!(rect.height() < 30.0 && rect.right() < f32::from(width), "{width}: {rect:?}");
    }
}

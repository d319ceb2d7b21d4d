//! Every place of the window in every state, size and theme. Each fits into the window; those whose content does not
//! depend on time are compared with the pictures in `tests/pictures`.
//!
//! `TRIBUTARY_PICTURES=FOLDER` writes all of them into that folder. `UPDATE_SNAPSHOTS=true` takes changed ones over.

use std::{path::PathBuf, time::Duration};

use eframe::egui::{Key, Modifiers, ThemePreference, accesskit::Role, pos2, vec2};
use egui_kittest::{
    SnapshotOptions, image_snapshot_options,
    kittest::{NodeT as _, Queryable as _},
};
use image::imageops::crop_imm;

use crate::{
    account::Account,
    opened_window::{
        OpenedWindow, Window, address, go, open, press_key, says, settings, start_guide, wait_for,
    },
    setup::use_server,
    window::{is_run_with_keys, send},
};

const KEY: &str = "test-key-1234";

const PLACES: [&str; 6] = ["Set up", "Sources", "Test", "Live", "Stream", "Settings"];

const SIZES: [[f32; 2]; 3] = [[860.0, 560.0], [1280.0, 800.0], [1440.0, 900.0]];

/// What the window has to show.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Nothing has come.
    Empty,
    /// Events of several users and types, delivered, and one rejected.
    Busy,
    /// The destination denies every put.
    Blocked,
    /// Names as long as they may be.
    Long,
}

fn event(user: &str, name: &str, number: usize) -> String {
    format!(
        r#"{{"userId":"{user}","event":"{name}","properties":{{"total":{number},"currency":"EUR","products":[{{"sku":"A-{number}","price":12.5}}]}}}}"#
    )
}

/// A window in that state, with what it needs.
fn open_in(state: State) -> (OpenedWindow, Account) {
    let account = Account::start(&["clicks"]);
    let mut config = settings();
    match state {
        State::Empty | State::Busy => {}
        State::Blocked => {
            use_server(&mut config, &account.url);
            account.deny_puts();
        }
        State::Long => {
            use_server(&mut config, &account.url);
            config.destination.stream = "clickstream-".repeat(10);
            config.capture.sources[0].name =
                "The website of the shop in the long street ".repeat(4).trim().into();
        }
    }
    let mut opened = open(config);
    let window = &mut opened.window;
    let address = address(window);
    let (user, name) = match state {
        State::Long => {
            ("somebody-with-a-long-name@a-long-domain.example/".repeat(4), "Order Completed ".repeat(12))
        }
        State::Empty | State::Busy | State::Blocked => ("ada".to_owned(), "Order Completed".to_owned()),
    };
    if state != State::Empty {
        for number in 0..40 {
            let user = format!("{user}{}", number % 7);
            assert_eq!(send(address, KEY, &event(&user, &name, number)), 200);
        }
        assert_eq!(send(address, KEY, r#"{"userId":true,"event":"Without a user"}"#), 400);
    }
    match state {
        State::Empty => {}
        State::Busy => {
            go(window, "Live");
            wait_for(window, "the deliveries", |window| says(window, "Delivered"));
        }
        State::Blocked | State::Long => {
            wait_for(window, "the forwarder to be blocked", |window| says(window, "Blocked"));
        }
    }
    (opened, account)
}

/// Draws for a while: answers of the engine come between frames.
fn settle(window: &mut Window) {
    for _ in 0..6 {
        std::thread::sleep(Duration::from_millis(10));
        window.step();
    }
}

/// The buttons that stand out of the window at the left or at the right.
fn out_of_the_window(window: &Window) -> Vec<String> {
    let width = window.ctx.content_rect().width();
    let buttons = window.query_all_by_role(Role::Button);
    let is_out = |rect: eframe::egui::Rect| rect.right() > width + 1.0 || rect.left() < -1.0;
    buttons
        .filter(|button| is_out(button.rect()))
        .filter_map(|button| button.accesskit_node().label())
        .collect()
}

/// Looks at the window as it is now, and stores its picture if asked to.
pub fn look_at(window: &mut Window, name: &str) {
    settle(window);
    if let Some(folder) = tributary_pictures() {
        let picture = window.render().expect("the window is drawn");
        picture.save(folder.join(format!("{name}.png"))).expect("the picture is written");
    }
    assert_eq!(out_of_the_window(window), Vec::<String>::new(), "{name}");
}

/// The folder for all pictures, if somebody wants to look at them.
#[expect(clippy::disallowed_methods, reason = "a setting of this test")]
fn tributary_pictures() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("TRIBUTARY_PICTURES")?);
    std::fs::create_dir_all(&folder).expect("the folder of the pictures");
    Some(folder)
}

/// Calls `look` with the window in every size, and in both themes if pictures are wanted: the layout is the same in both.
/// Its second argument names size and theme.
pub fn in_every_size(window: &mut Window, mut look: impl FnMut(&mut Window, &str)) {
    let themes = [("dark", ThemePreference::Dark), ("light", ThemePreference::Light)];
    let themes = if tributary_pictures().is_some() { &themes[..] } else { &themes[..1] };
    for [width, height] in SIZES {
        for (theme, preference) in themes.iter().copied() {
            window.ctx.set_theme(preference);
            window.set_size(vec2(width, height));
            window.run();
            look(window, &format!("{width}-{theme}"));
        }
    }
}

fn all_places(state: State) {
    let (mut opened, _account) = open_in(state);
    let window = &mut opened.window;
    in_every_size(window, |window, look| {
        let name = |what: &str| format!("{what}-{state:?}-{look}").to_lowercase().replace(' ', "-");
        for place in PLACES {
            go(window, place);
            look_at(window, &name(place));
        }
        go(window, "Live");
        press_key(window, Modifiers::COMMAND, Key::K);
        look_at(window, &name("palette"));
        press_key(window, Modifiers::NONE, Key::Escape);
        press_key(window, Modifiers::NONE, Key::F1);
        look_at(window, &name("help"));
        press_key(window, Modifiers::NONE, Key::Escape);
    });
}

/// Compares the page, without the strip, the rail and the status line, with its picture in `tests/pictures`.
fn compare(window: &mut Window, name: &str) {
    window.hover_at(pos2(1.0, 1.0));
    settle(window);
    let picture = window.render().expect("the window is drawn");
    let (width, height) = picture.dimensions();
    let (rail, strip, status_line) = if width < 1000 { (58, 66, 36) } else { (208, 74, 36) };
    let page = crop_imm(&picture, rail, strip, width - rail, height - strip - status_line).to_image();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pictures");
    image_snapshot_options(&page, name, &SnapshotOptions::new().output_path(folder));
}

#[test]
fn pages_without_times_and_addresses_look_as_they_did() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    for (size, theme, name) in
        [(SIZES[1], ThemePreference::Dark, "wide-dark"), (SIZES[0], ThemePreference::Light, "small-light")]
    {
        window.ctx.set_theme(theme);
        window.set_size(vec2(size[0], size[1]));
        window.run();
        go(window, "Set up");
        compare(window, &format!("set-up-{name}"));
        go(window, "Live");
        compare(window, &format!("live-{name}"));
        go(window, "Settings");
        compare(window, &format!("settings-{name}"));
        press_key(window, Modifiers::NONE, Key::F1);
        compare(window, &format!("help-{name}"));
        press_key(window, Modifiers::NONE, Key::Escape);
    }
    go(window, "Set up");
    start_guide(window);
    compare(window, "guide-small-light");
}

#[test]
fn every_place_fits_into_the_window_when_it_is_empty() {
    all_places(State::Empty);
}

#[test]
fn every_place_fits_into_the_window_when_it_is_busy() {
    all_places(State::Busy);
}

#[test]
fn every_place_fits_into_the_window_when_it_is_blocked() {
    if is_run_with_keys("pictures::every_place_fits_into_the_window_when_it_is_blocked") {
        all_places(State::Blocked);
    }
}

#[test]
fn every_place_fits_into_the_window_when_names_are_long() {
    if is_run_with_keys("pictures::every_place_fits_into_the_window_when_names_are_long") {
        all_places(State::Long);
    }
}

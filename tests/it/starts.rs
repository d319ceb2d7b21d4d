//! What the program finds again at its next start, and what it offers if it cannot start.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use eframe::egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use tributary::{
    app::{App, Offer, Problem},
    engine::{Engine, RunningEngine},
};

use crate::{
    opened_window::{OpenedWindow, Window, open, open_in, paths, says, settings},
    wire::wait_for,
};

/// The address of each start.
type Starts = Arc<Mutex<Vec<Option<SocketAddr>>>>;

/// A window whose engine does not start, and the address of each try.
fn problem(offer: Option<Offer>) -> (Window, Starts) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asked_with = Arc::clone(&asked);
    let mut window = Harness::builder().with_size([900.0, 700.0]).build_eframe(move |cc| {
        App::new(cc, move |address| {
            asked_with.lock().expect("no panic holds it").push(address);
            Err(Problem { title: "It is so".into(), details: vec!["why".into()], offer: offer.clone() })
        })
    });
    window.run();
    (window, asked)
}

#[test]
fn theme_and_zoom_are_the_same_at_the_next_start() {
    let mut opened = open(settings());
    opened.window.get_by_label("Light theme").click();
    opened.window.run();
    opened.window.ctx.set_zoom_factor(1.25);
    opened.window.run();
    let OpenedWindow { window, files } = opened;
    drop(window);
    // The harness sets a theme of its own after the start: `.ci/starts` tests the real window.
    let kept =
        std::fs::read_to_string(files.path().join("data/window.json")).expect("the window kept its look");
    assert!(kept.contains(r#""theme": "light""#), "{kept}");
    let opened = open_in(settings(), files);
    assert!((opened.window.ctx.zoom_factor() - 1.25).abs() < 0.001);
}

#[test]
fn a_second_start_finds_out_whether_the_first_has_a_window() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let paths = paths(folder.path());
    let engine = Engine::start(settings(), paths.clone()).expect("the engine starts");
    let running = wait_for("where the engine is", || RunningEngine::find(&paths.data_dir));
    assert_eq!(running.show_window().ok(), Some(false), "it has none");
    assert!(!engine.desktop().take_window_request());
    engine.desktop().announce_window();
    assert_eq!(running.show_window().ok(), Some(true));
    assert!(
        engine.desktop().take_window_request() && !engine.desktop().take_window_request(),
        "once each time"
    );
    engine.shutdown(std::time::Duration::ZERO);
    assert!(running.show_window().is_err());
}

#[test]
fn a_taken_port_offers_one_that_is_free() {
    let address = SocketAddr::from(([127, 0, 0, 1], 8486));
    let (mut window, asked) = problem(Some(Offer::Listen(address)));
    assert!(says(&window, "Port 8486 is free"));
    window.get_by_role_and_label(Role::Button, "Use port 8486").click();
    window.run();
    window.get_by_role_and_label(Role::Button, "Try again").click();
    window.run();
    assert_eq!(*asked.lock().expect("no panic holds it"), [None, Some(address), None]);
}

#[test]
fn a_bad_settings_file_can_be_opened_and_a_running_tributary_asked_for_its_window() {
    let (window, _) = problem(Some(Offer::Open("/nowhere/config.toml".into())));
    window.get_by_role_and_label(Role::Button, "Open settings file");
    window.get_by_role_and_label(Role::Button, "Try again");
    let (mut window, asked) = problem(Some(Offer::ShowWindow));
    window.get_by_label("Tributary is already running");
    window.get_by_role_and_label(Role::Button, "Quit");
    window.get_by_role_and_label(Role::Button, "Show its window").click();
    window.run();
    assert_eq!(asked.lock().expect("no panic holds it").len(), 2);
}

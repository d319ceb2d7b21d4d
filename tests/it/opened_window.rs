//! A window over an engine of its own, used by the labels that a screen reader reads.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use eframe::egui::{
    self, Key, Modifiers,
    accesskit::{Role, Toggled},
};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use tributary::{
    app::{App, Running},
    config::{self, Config, Environment, Overrides, Source},
    engine::{Engine, Paths},
};

use crate::picture_renderer::PictureRenderer;

/// Maximum steps of a wait: on a busy machine a frame takes longer than the pause after which the engine asks for the
/// next.
const STEPS_MAX: u64 = 40;

pub type Window = Harness<'static, App>;

/// A window over an engine of its own. The files are removed with the test.
pub struct OpenedWindow {
    pub window: Window,
    pub files: tempfile::TempDir,
}

pub fn settings() -> Config {
    let mut config = Config::default();
    config.capture.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.capture.sources = vec![Source::new("My first source", "test-key-1234")];
    config
}

pub fn paths(folder: &std::path::Path) -> Paths {
    let file = folder.join("config.toml");
    config::load(&file, &Environment::default(), &Overrides::default()).expect("a first settings file");
    Paths { config_file: Some(file), data_dir: folder.join("data") }
}

pub fn open(config: Config) -> OpenedWindow {
    open_with(config, |_| {})
}

pub fn open_in(config: Config, files: tempfile::TempDir) -> OpenedWindow {
    open_prepared(config, files, |_| {}, Vec::new())
}

/// A window with settings that the environment decides.
pub fn open_held(config: Config, held: Vec<(&'static str, config::Origin)>) -> OpenedWindow {
    open_prepared(config, tempfile::tempdir().expect("a temporary folder"), |_| {}, held)
}

pub fn open_with(config: Config, prepare: fn(&Engine)) -> OpenedWindow {
    open_prepared(config, tempfile::tempdir().expect("a temporary folder"), prepare, Vec::new())
}

fn open_prepared(
    config: Config,
    files: tempfile::TempDir,
    prepare: fn(&Engine),
    held: Vec<(&'static str, config::Origin)>,
) -> OpenedWindow {
    let paths = paths(files.path());
    let config_path = files.path().join("config.toml");
    let data_dir = files.path().to_owned();
    let mut config = Some(config);
    let renderer = PictureRenderer::default();
    let builder = Harness::builder().with_size([1280.0, 1600.0]).with_max_steps(STEPS_MAX).renderer(renderer);
    let window = builder.build_eframe(move |cc| {
        App::new(cc, move |_address| {
            let config = config.take().expect("started once");
            let engine = Engine::start(config, paths.clone()).expect("the engine starts");
            prepare(&engine);
            let (config_path, data_dir) = (config_path.clone(), data_dir.clone());
            Ok(Running { engine, config_path, data_dir, held: held.clone() })
        })
    });
    let mut opened = OpenedWindow { window, files };
    opened.window.run();
    opened
}

/// Draws frames until `done`, with time for the engine between them.
pub fn wait_for(window: &mut Window, what: &str, done: impl Fn(&Window) -> bool) {
    // Enough for a busy machine.
    let end = Instant::now() + Duration::from_mins(1);
    while !done(window) {
        assert!(Instant::now() < end, "timed out: {what}; it says {:#?}", all(window));
        std::thread::sleep(Duration::from_millis(10));
        window.step();
    }
}

pub fn go(window: &mut Window, place: &str) {
    press(window, place);
}

/// The box of a stage in the pipeline strip: its name for screen readers, and its place.
pub fn stage_box(window: &Window, stage: &str) -> (String, egui::Rect) {
    let boxes = window.query_all_by_role(Role::Button).filter(|node| node.rect().top() < 20.0);
    let mut named = boxes.filter_map(|node| Some((node.accesskit_node().label()?, node.rect())));
    named.find(|(name, _)| name.starts_with(stage)).expect("the stage is in the strip")
}

/// Presses the box of a stage in the pipeline strip.
pub fn press_stage(window: &mut Window, stage: &str) {
    let (name, _) = stage_box(window, stage);
    window.get_by_role_and_label(Role::Button, &name).click();
    window.step();
    window.step();
}

/// Opens the drawer that explains what is wrong with a stage, unless it is open.
pub fn explain(window: &mut Window, stage: &str) {
    let drawer = format!("{stage}: what to do");
    if window.query_by_role_and_label(Role::Dialog, &drawer).is_none() {
        press_stage(window, stage);
        wait_for(window, "the explanation", |window| {
            window.query_by_role_and_label(Role::Dialog, &drawer).is_some()
        });
    }
}

/// Presses a visible button.
pub fn press(window: &mut Window, button: &str) {
    window.get_by_role_and_label(Role::Button, button).click();
    window.run();
}

pub fn press_key(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run();
}

pub fn type_into(window: &mut Window, label: &str, text: &str) {
    window.get_by_role_and_label(Role::TextInput, label).focus();
    window.run();
    window.get_by_role_and_label(Role::TextInput, label).type_text(text);
    window.run();
}

pub fn copied(window: &Window) -> Option<String> {
    window.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

/// Everything that a screen reader would read, for the message of a failed test.
fn all(window: &Window) -> Vec<String> {
    window.query_all_by_label_contains("").filter_map(|node| node.accesskit_node().label()).collect()
}

pub fn says(window: &Window, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

pub fn address(window: &mut Window) -> SocketAddr {
    let here = |window: &Window| window.query_all_by_label_contains("http://127.0.0.1:").next().is_some();
    wait_for(window, "the endpoint", here);
    window.get_by_label("Copy endpoint address").click();
    window.step();
    let url = copied(window).expect("the address is copied");
    url.trim_start_matches("http://").parse().expect("an address")
}

/// Turns the wheel under the pointer by this number of points.
pub fn scroll(window: &mut Window, points: f32) {
    window.event(egui::Event::MouseWheel {
        source: egui::MouseWheelSource::Wheel,
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, points),
        modifiers: egui::Modifiers::NONE,
        phase: egui::TouchPhase::Move,
    });
}

/// Points at a widget until its tooltip is open, if it has one.
pub fn rest_on(window: &mut Window, label: &str) {
    window.get_by_label(label).hover();
    window.run_steps(3);
    std::thread::sleep(Duration::from_millis(700));
    window.run_steps(3);
}

pub fn click(window: &mut Window, label: &str) {
    window.get_by_role_and_label(Role::Button, label).scroll_to_me();
    window.run();
    window.get_by_role_and_label(Role::Button, label).click();
    window.step();
}

pub fn retype(window: &mut Window, label: &str, text: &str) {
    window.get_by_role_and_label(Role::TextInput, label).focus();
    window.run();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run();
    type_into(window, label, text);
}

/// Chooses a radio button.
pub fn choose(window: &mut Window, label: &str) {
    window.get_by_role_and_label(Role::RadioButton, label).scroll_to_me();
    window.run();
    window.get_by_role_and_label(Role::RadioButton, label).click();
    window.run();
}

/// Whether this radio button is chosen.
pub fn is_chosen(window: &Window, label: &str) -> bool {
    let choice = window.get_by_role_and_label(Role::RadioButton, label);
    choice.accesskit_node().toggled().is_some_and(|toggled| toggled == Toggled::True)
}

pub fn flip(window: &mut Window, label: &str) {
    window.get_by_role_and_label(Role::Switch, label).scroll_to_me();
    window.run();
    window.get_by_role_and_label(Role::Switch, label).click();
    window.run();
}

/// Opens a step of Set up. The streams of the account are listed by themselves when Stream opens.
pub fn edit(window: &mut Window, step: &str) {
    click(window, &format!("Edit {step}"));
    window.run_steps(4);
    wait_for(window, "an answer", |window| !says(window, "Asking "));
}

/// Picks a stream from the list in Set up, and waits for what the server says about it.
pub fn pick_stream(window: &mut Window, name: &str) {
    let row = format!("Use stream {name}");
    edit(window, "Stream");
    wait_for(window, "the list", |window| says(window, &row));
    click(window, &row);
    wait_for(window, "the facts", |window| says(window, &format!("About {name}")));
}

/// Starts to set up Amazon Kinesis, while the practice stream is the destination.
pub fn start_guide(window: &mut Window) {
    click(window, "Switch to Amazon Kinesis");
    window.run();
}

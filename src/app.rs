//! The window: five places over one engine, and a status line that is always in sight.
//!
//! A key, a click and a line of the palette push the same `command::Command`, and `act.rs` alone carries it out. What draws
//! sees a `seen::Seen`, which cannot reach the engine. The engine's tasks are the engine's; the window owns none.

use std::path::Path;

use eframe::egui::{self, CentralPanel, Frame, Ui, ViewportCommand};
use lucide_icons::Icon;

use crate::engine::{self, SocketAddr};

mod account;
mod act;
mod alerts;
mod availability;
mod clock;
mod command;
mod destinations;
mod detail;
mod diagnostics;
mod env_overrides;
mod exporting;
mod help;
mod json;
mod json_rows;
mod json_view;
mod judgement;
mod libraries;
mod licences;
mod list_hold;
mod live;
mod logo;
mod main_window;
mod notice;
mod number;
mod opening;
mod overlay;
mod palette;
mod pipeline;
mod place;
mod places;
mod practice_faults;
mod practice_faults_card;
mod problem;
mod queue_move;
mod rail;
mod reach;
mod record_data;
mod remedy_card;
mod resending;
mod rows;
mod saving;
mod seen;
mod settings;
mod setup;
mod sheet;
mod sign_in;
mod snapshot;
mod sources;
mod status_line;
mod step_run;
mod stream;
mod test;
mod theme;
mod under_way;
mod waiting;
mod waker;
mod widgets;
mod window_state;
mod workspace;

pub use libraries::{LIBRARIES, Library};
pub use main_window::Running;
pub use problem::{Offer, Problem};

use main_window::MainWindow;
use problem::Choice;
use waker::Waker;
use window_state::WindowState;

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No display, or none that can draw.
    #[error("there is no display to open a window on ({0}); use `tributary serve` to run without a window")]
    NoDisplay(String),
    /// A display is there, but not all that a window needs.
    #[error(
        "the window needs {0}, which cannot be loaded; see \"What a desktop needs to run it\" in README.md, or use \
         `tributary serve` to run without a window"
    )]
    NoLibrary(String),
    /// A display is there, but nothing that draws.
    #[error(
        "the window cannot draw ({0}): it needs libEGL.so.1 or libGL.so.1 and a driver (Debian, Ubuntu: libegl1 \
         libgl1-mesa-dri); see \"What a desktop needs to run it\" in README.md, or use `tributary serve` to run without a \
         window"
    )]
    NoGraphics(String),
    /// A display is there, but the window failed.
    #[error("the window failed: {0}")]
    Window(String),
}

impl From<eframe::Error> for RunError {
    fn from(error: eframe::Error) -> Self {
        match error {
            eframe::Error::AppCreation(_) => Self::Window(error.to_string()),
            eframe::Error::Glutin(error) => Self::NoGraphics(one_line(&error.to_string())),
            // The template that was asked for tells the user nothing, and takes a dozen lines.
            eframe::Error::NoGlutinConfigs(_template, error) => {
                Self::NoGraphics(one_line(&error.to_string()))
            }
            eframe::Error::OpenGL(error) => Self::NoGraphics(one_line(&error.to_string())),
            eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
                Self::NoDisplay(one_line(&error.to_string()))
            }
        }
    }
}

/// A library's message without the source position that it begins with, and without line ends.
fn one_line(message: &str) -> String {
    let short = message.rsplit_once(".rs:").and_then(|(_, rest)| rest.split_once(": "));
    let message = short.map_or(message, |(_, rest)| rest).trim_end_matches('.');
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Opens the window. Returns when it was closed and the engine has stopped.
///
/// `start` is called when the window exists, and again when the user asks for another try after a [`Problem`]: with an
/// address if they chose [`Offer::Listen`]. The window looks as it did when the last run on `data_dir` ended.
pub fn run(
    data_dir: Option<&Path>,
    start: impl FnMut(Option<SocketAddr>) -> Result<Running, Problem> + 'static,
) -> Result<(), RunError> {
    if let Some(missing) = libraries::missing() {
        return Err(RunError::NoLibrary(missing));
    }
    let state: WindowState =
        data_dir.and_then(|dir| engine::remembered_in(dir, window_state::STATE)).unwrap_or_default();
    let viewport = egui::ViewportBuilder::default()
        .with_title("Tributary")
        .with_app_id("tributary")
        .with_icon(logo::window_icon());
    let options = eframe::NativeOptions { viewport: state.viewport(viewport), ..Default::default() };
    let create = move |cc: &eframe::CreationContext<'_>| {
        // Here and not in the main window, so that the page of a failed start gets it too.
        state.apply_theme(&cc.egui_ctx);
        state.restore(cc);
        App::new(cc, start)
    };
    Ok(eframe::run_native("tributary", options, Box::new(move |cc| Ok(Box::new(create(cc)))))?)
}

enum Phase {
    Running(Box<MainWindow>),
    Problem(problem::Page),
}

/// The window's state, for eframe and for tests.
pub struct App {
    start: Box<Start>,
    phase: Phase,
    waker: Waker,
    workspace: Option<workspace::Workspace>,
    is_closing: bool,
}

type Start = dyn FnMut(Option<SocketAddr>) -> Result<Running, Problem>;

impl App {
    /// Applies the theme and starts the product.
    pub fn new(
        cc: &eframe::CreationContext<'_>,
        mut start: impl FnMut(Option<SocketAddr>) -> Result<Running, Problem> + 'static,
    ) -> Self {
        theme::install(&cc.egui_ctx);
        let waker = Waker::new(&cc.egui_ctx);
        let phase = Self::enter(&mut start, None, &waker);
        let workspace = workspace::Workspace::of(cc);
        Self { start: Box::new(start), phase, waker, workspace, is_closing: false }
    }

    fn enter(start: &mut Start, listen: Option<SocketAddr>, waker: &Waker) -> Phase {
        match start(listen) {
            Ok(running) => Phase::Running(Box::new(MainWindow::new(running, waker))),
            Err(problem) => Phase::Problem(problem::Page::new(problem)),
        }
    }

    /// The first request to close shows that the engine is being stopped; the frame after it hides and closes the window.
    fn close(&mut self, ctx: &egui::Context) {
        if self.is_closing {
            ctx.send_viewport_cmd(ViewportCommand::Visible(false));
            ctx.send_viewport_cmd(ViewportCommand::Close);
        } else if ctx.input(|i| i.viewport().close_requested()) {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.is_closing = true;
            ctx.request_repaint();
        }
    }

    /// Carries out what the user chose on the page of a failed start.
    fn act(&mut self, ctx: &egui::Context) {
        let Phase::Problem(page) = &mut self.phase else { return };
        match page.choice.take() {
            Some(Choice::TryAgain(listen)) => {
                self.phase = Self::enter(&mut *self.start, listen, &self.waker);
            }
            Some(Choice::OpenFile(path)) => page.opening(engine::open_in_program(path)),
            Some(Choice::Quit) => ctx.send_viewport_cmd(ViewportCommand::Close),
            None => {}
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        if let Some(seconds) = frame.info().cpu_usage {
            tracing::trace!(target: "frame", "{:.2} ms for the last one", seconds * 1e3);
        }
        if let Some(workspace) = &mut self.workspace {
            self.waker.set_out_of_sight(workspace.is_out_of_sight());
        }
        self.waker.frame_begins();
        self.close(ctx);
        self.act(ctx);
        if let Phase::Running(window) = &mut self.phase {
            window.logic(ctx, self.is_closing);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        if self.is_closing {
            let fill = theme::tokens(ui).window;
            CentralPanel::default().frame(Frame::new().fill(fill)).show(ui, |ui| {
                let text = "Queued events stay safe in the spool.";
                widgets::empty_ui(ui, Icon::Hourglass, "Finishing …", text, None);
            });
            return;
        }
        match &mut self.phase {
            Phase::Problem(page) => page.ui(ui),
            Phase::Running(window) => window.ui(ui),
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if let Phase::Running(window) = &mut self.phase {
            window.stop();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

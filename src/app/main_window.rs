//! The window of a running engine: the rail, the pipeline strip, the place in sight and the status line.
//!
//! `logic` reads the engine's state and takes the answers that have come; `ui` draws. Both collect commands, which are
//! carried out right after. Neither waits for disk or network, and nothing requests a frame unless something has changed.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use eframe::egui::{self, CentralPanel, Frame, Margin, Ui, ViewportCommand};

use super::{
    account::Account,
    act::Actor,
    alerts::Alerts,
    availability,
    clock::Clock,
    command::{self, AccountCommand, Command, KeepCommand, WindowCommand},
    exporting::Exporting,
    live::{self, Live},
    notice::Notice,
    opening,
    overlay::Overlay,
    palette,
    pipeline::{Page, Pipeline},
    place::Place,
    places::Places,
    rail,
    resending::Resending,
    seen::Seen,
    settings::Settings,
    setup::{self, SetUp},
    sheet,
    snapshot::{Fixed, Snapshot},
    sources::Sources,
    status_line,
    stream::Stream,
    test::{self, Test},
    theme, under_way,
    waker::Waker,
    widgets, window_state,
};
use crate::{config::Origin, engine::Engine};

/// How long closing the window waits for puts in flight. Events without an answer by then stay in the spool.
const GRACE: Duration = Duration::from_secs(5);
/// Maximum width of a page of cards.
const PAGE_WIDTH_MAX: f32 = 1720.0;
/// The name under which the open place is kept for the next start.
const PLACE_STATE: &str = "place";

/// What the window needs of a started program.
pub struct Running {
    /// The engine. The window stops it when the window closes.
    pub engine: Engine,
    /// The path of the settings file, to show it.
    pub config_path: PathBuf,
    /// The path of the data folder, to show it.
    pub data_dir: PathBuf,
    /// Settings that environment variables override at every start.
    pub held: Vec<(&'static str, Origin)>,
}

pub(super) struct MainWindow {
    /// `None` only while it is being stopped.
    engine: Option<Engine>,
    snapshot: Snapshot,
    clock: Clock,
    places: Places,
    /// The open place as it was last stored for the next start.
    kept_place: Place,
    notice: Option<Notice>,
    alerts: Alerts,
    window_state: window_state::Tracker,
    pipeline: Pipeline,
    /// The height of what stays at the lower edge of the page: notices appear above it.
    below: f32,
}

impl MainWindow {
    pub(super) fn new(running: Running, waker: &Waker) -> Self {
        let Running { engine, config_path, data_dir, held } = running;
        let to_wake = waker.clone();
        engine.on_change(move || to_wake.wake());
        engine.desktop().announce_window();
        let fixed = Fixed {
            config_path: config_path.display().to_string(),
            data_dir: data_dir.display().to_string(),
            held,
        };
        let snapshot = Snapshot::new(&engine, fixed);
        let config = &*snapshot.config;
        let open = engine.settings().remembered(PLACE_STATE).unwrap_or_default();
        let policy = engine.settings().remembered(setup::POLICY_STATE).unwrap_or_default();
        let places = Places {
            open,
            setup: SetUp::new(config, engine.settings().kept_draft(), policy),
            sources: Sources::default(),
            test: Test::new(engine.settings().remembered(test::HISTORY_STATE).unwrap_or_default()),
            live: Live::new(engine.settings().remembered(live::STATE).unwrap_or_default()),
            stream: Stream::default(),
            settings: Settings::new(config),
            account: Account::default(),
            resending: Resending::default(),
            exporting: Exporting::default(),
            overlay: Overlay::new(engine.settings().remembered(palette::STATE).unwrap_or_default()),
            saving: None,
            opening: None,
        };
        let window_state = window_state::Tracker::new(
            engine.settings().remembered(window_state::STATE).unwrap_or_default(),
            &waker.ctx,
        );
        let mut window = Self {
            snapshot,
            clock: Clock::local(),
            places,
            kept_place: open,
            notice: None,
            alerts: Alerts::default(),
            window_state,
            pipeline: Pipeline::default(),
            below: 0.0,
            engine: Some(engine),
        };
        window.act(&waker.ctx, vec![Command::Account(AccountCommand::ReadAwsFiles)]);
        window
    }

    /// Runs before each frame, also while the window is hidden. `is_closing`: the window is about to close, and is neither
    /// maximized nor in its position any more.
    pub(super) fn logic(&mut self, ctx: &egui::Context, is_closing: bool) {
        let Some(engine) = &self.engine else { return };
        if let Some(before) = self.snapshot.refresh(engine) {
            self.places.adopt(&before, &self.snapshot.config);
        }
        if engine.desktop().take_window_request() {
            raise(ctx);
        }
        if engine.is_stop_requested() {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
        let mut commands = Vec::new();
        if !is_closing && let Some(state) = self.window_state.logic(ctx) {
            commands.push(state.keep());
        }
        if self.places.open != self.kept_place {
            self.kept_place = self.places.open;
            commands.push(Command::Keep(KeepCommand::state(PLACE_STATE, &self.kept_place)));
        }
        let answered = self.places.logic(ctx, &self.snapshot, &self.clock, &mut commands);
        self.notice = answered.or_else(|| self.saved(ctx)).or(self.notice.take());
        self.alert(ctx, &mut commands);
        self.act(ctx, commands);
    }

    /// The notice about a save that has just ended.
    fn saved(&mut self, ctx: &egui::Context) -> Option<Notice> {
        let saved = self.places.saving.as_mut()?.logic(ctx)?;
        self.places.saving = None;
        if saved.has_set_aside {
            self.alerts.set_aside(Instant::now());
        }
        saved.notice
    }

    /// Tells the desktop what needs the user, if the user wants that. The strip says it in the window.
    fn alert(&mut self, ctx: &egui::Context, commands: &mut Vec<Command>) {
        // Events that are being set aside are about to fail at the user's request: nothing to alert about.
        if self.places.saving.is_some() {
            return;
        }
        let Snapshot { status, config, .. } = &self.snapshot;
        let now = Instant::now();
        let alert = self.alerts.observe(status, config, now);
        if let Some(due) = self.alerts.due_in(status, now) {
            ctx.request_repaint_after(due);
        }
        if let Some(text) = alert.filter(|_| config.app.desktop_notices) {
            commands.push(Command::Window(WindowCommand::NotifyDesktop(text)));
        }
    }

    /// Carries out commands.
    fn act(&mut self, ctx: &egui::Context, commands: Vec<Command>) {
        let Some(engine) = &self.engine else { return };
        let mut actor =
            Actor { engine, snapshot: &self.snapshot, clock: &self.clock, ctx, places: &mut self.places };
        for command in commands {
            self.notice = actor.act(command).or(self.notice.take());
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui) {
        let mut commands = Vec::new();
        self.draw_ui(ui, &mut commands);
        let links = opening::clicked_links(ui.ctx());
        commands.extend(links.into_iter().map(|url| Command::Window(WindowCommand::OpenWebPage(url))));
        if !commands.is_empty() {
            ui.request_repaint();
        }
        self.act(&ui.ctx().clone(), commands);
        if self.notice.as_ref().is_some_and(|notice| !notice.ui(ui, self.below)) {
            self.notice = None;
            ui.request_repaint();
        }
    }

    fn draw_ui(&mut self, ui: &mut Ui, commands: &mut Vec<Command>) {
        let Places {
            account,
            resending,
            exporting,
            overlay,
            saving,
            setup,
            sources,
            test,
            live,
            stream,
            settings,
            open,
            opening: _,
        } = &mut self.places;
        let now = (*open, saving.is_some());
        let seen = &mut Seen::new(&self.snapshot, &self.clock, now, account, commands);
        let t = theme::tokens(ui);
        // A place draws its own question later in this frame: the window's shortcuts must not act behind it.
        let asks = ui.memory(egui::Memory::top_modal_layer).is_some();
        let is_over = overlay.is_open() || resending.is_open() || exporting.is_open();
        overlay.ui(ui, seen);
        resending.ui(ui, seen);
        exporting.ui(ui, seen);
        if is_over {
            sheet::keep_keys(ui);
        } else if !asks {
            let checked = |command| availability::checked(command, &self.snapshot);
            seen.commands.extend(command::pressed(ui).into_iter().map(checked));
            if seen.place == Place::Test {
                test.keys(ui);
            }
        }
        status_line::panel_ui(ui, seen);
        under_way::panel_ui(ui, seen, resending.count());
        rail::panel_ui(ui, seen, setup.attention(seen));
        let page = Page {
            is_covered: is_over || asks,
            sets_up_in_force: seen.place == Place::SetUp && setup.is_about(seen.config),
        };
        self.pipeline.panel_ui(ui, seen, page);
        // Forms stay in the middle of a very wide window; tables take all of it.
        let width_max = match seen.place {
            Place::Live | Place::Stream => f32::INFINITY,
            Place::SetUp | Place::Sources | Place::Test | Place::Settings => PAGE_WIDTH_MAX,
        };
        let margin = Margin { left: 24, right: 20, top: 18, bottom: 0 };
        CentralPanel::default().frame(Frame::new().fill(t.panel).inner_margin(margin)).show(ui, |ui| {
            let middle = widgets::middle(ui, width_max);
            // The place has an id of its own, so that its fields keep the focus when something around it appears or disappears.
            let id = egui::Id::unique(("place", seen.place.title()));
            let page = egui::UiBuilder::new().scope_id(id).max_rect(middle);
            ui.scope_builder(page, |ui| match seen.place {
                Place::SetUp => setup.ui(ui, seen),
                Place::Sources => sources.ui(ui, seen),
                Place::Test => test.ui(ui, seen),
                Place::Live => live.ui(ui, seen),
                Place::Stream => stream.ui(ui, seen),
                Place::Settings => settings.ui(ui, seen),
            });
        });
        self.below = if seen.place == Place::SetUp { setup.foot() } else { 0.0 };
    }

    pub(super) fn stop(&mut self) {
        let Some(engine) = self.engine.take() else { return };
        if let Some(state) = self.window_state.unkept() {
            engine.settings().remember(window_state::STATE, &state);
        }
        engine.shutdown(GRACE);
    }
}

/// Brings the window to the front. A desktop that does not allow that marks the window instead.
fn raise(ctx: &egui::Context) {
    ctx.send_viewport_cmd(ViewportCommand::Visible(true));
    ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
    ctx.send_viewport_cmd(ViewportCommand::Focus);
    ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(egui::UserAttentionType::Informational));
}

impl Drop for MainWindow {
    fn drop(&mut self) {
        self.stop();
    }
}

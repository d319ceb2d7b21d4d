//! The window: five places over one engine, and a status line that is always in sight.
//!
//! `logic` takes the engine's latest status and the answers that have come; `ui` draws what is there. Neither waits for
//! disk or network, and nothing asks for a frame unless something changed. What the user wants is collected as
//! wishes while drawing and done after it, at one place. The engine's tasks are the engine's; the window owns none.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use eframe::egui::{self, CentralPanel, Frame, Key, Margin, Panel, Ui, ViewportCommand};
use lucide_icons::Icon;
use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, Origin},
    delivery::{Millis, Status},
    engine::{Answer, Applied, Engine, SocketAddr, WaitingEvents},
    event::shown,
};

mod account;
mod banner;
mod commands;
mod detail;
mod exporting;
mod faults;
mod hold;
mod json;
mod libraries;
mod live;
mod look;
mod mark;
mod moving;
mod news;
mod number;
mod palette;
mod problem;
mod rail;
mod resending;
mod rows;
mod settings;
mod setup;
mod sources;
mod status_line;
mod stream;
mod test;
mod theme;
mod under_way;
mod widgets;
mod workspace;

pub use libraries::{LIBRARIES, Library};
use look::Look;

/// How long closing the window waits for puts in flight. What is not confirmed by then stays in the spool.
const GRACE: Duration = Duration::from_secs(5);
/// At most so often does the window follow the engine.
const FRAME: Duration = Duration::from_millis(50);
/// The same where nobody can see it.
const FRAME_OUT_OF_SIGHT: Duration = Duration::from_secs(1);
/// Wider than this, a page of cards is margin.
const PAGE_WIDTH_MAX: f32 = 1720.0;
/// Where the place of the last time is kept.
const PLACE_MEMORY: &str = "place";
/// An answer that did not come by now never will.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(20);
/// The same where puts in flight are waited for first, and then the disk.
const SET_ASIDE_WAIT_MAX: Duration = Duration::from_mins(2);

/// What a started product hands to its window.
pub struct Running {
    /// The engine; the window stops it when it closes.
    pub engine: Engine,
    /// The settings file, for showing.
    pub config_path: PathBuf,
    /// The data folder, for showing.
    pub data_dir: PathBuf,
    /// Settings that the environment decides at every start, each with the variable that does.
    pub held: Vec<(&'static str, Origin)>,
}

/// Why the product did not start, in words for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One line: what is wrong.
    pub title: String,
    /// Where (file, line, key), what is allowed, what to do: one line each.
    pub details: Vec<String>,
    /// A way out that the window can offer, if there is one.
    pub offer: Option<Offer>,
}

/// A way out that the window offers when the product did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Listen on this address, which is free, and keep that in the settings file.
    Listen(SocketAddr),
    /// Open this settings file in the program that the desktop has for it.
    Open(PathBuf),
    /// Ask the other Tributary, which runs on the data folder, to show its window.
    ShowWindow,
}

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

/// Opens the window and returns when it was closed and the engine has stopped.
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
    let look = data_dir.map(Look::of_last_run).unwrap_or_default();
    let viewport = egui::ViewportBuilder::default()
        .with_title("Tributary")
        .with_app_id("tributary")
        .with_icon(mark::window_icon());
    let options = eframe::NativeOptions { viewport: look.viewport(viewport), ..Default::default() };
    let create = move |cc: &eframe::CreationContext<'_>| {
        // Here and not in the desk: the page of a failed start gets that look too.
        look.dress(&cc.egui_ctx);
        look.bring_back(cc);
        App::new(cc, start)
    };
    let opened = eframe::run_native("tributary", options, Box::new(move |cc| Ok(Box::new(create(cc)))));
    opened.map_err(|error| match error {
        eframe::Error::AppCreation(_) => RunError::Window(error.to_string()),
        eframe::Error::Glutin(error) => RunError::NoGraphics(one_line(&error.to_string())),
        // What it was to look like says nothing to the user, and takes a dozen lines.
        eframe::Error::NoGlutinConfigs(_template, error) => {
            RunError::NoGraphics(one_line(&error.to_string()))
        }
        eframe::Error::OpenGL(error) => RunError::NoGraphics(one_line(&error.to_string())),
        eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
            RunError::NoDisplay(one_line(&error.to_string()))
        }
    })
}

/// A library's words without the place in its source that they begin with, and without line ends.
fn one_line(words: &str) -> String {
    let short = words.rsplit_once(".rs:").and_then(|(_, rest)| rest.split_once(": "));
    let words = short.map_or(words, |(_, rest)| rest).trim_end_matches('.');
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The places of the rail, and the settings behind their gear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    #[default]
    SetUp,
    Sources,
    Test,
    Live,
    Stream,
    Settings,
}

impl Place {
    /// Those with a line of their own in the rail; Ctrl+1 to Ctrl+5.
    const ALL: [Self; 5] = [Self::SetUp, Self::Sources, Self::Test, Self::Live, Self::Stream];

    fn title(self) -> &'static str {
        match self {
            Self::SetUp => "Set up",
            Self::Sources => "Sources",
            Self::Test => "Test",
            Self::Live => "Live",
            Self::Stream => "Stream",
            Self::Settings => "Settings",
        }
    }

    fn icon(self) -> Icon {
        match self {
            Self::SetUp => Icon::Route,
            Self::Sources => Icon::Plug,
            Self::Test => Icon::FlaskConical,
            Self::Live => Icon::Activity,
            Self::Stream => Icon::Waves,
            Self::Settings => Icon::Settings,
        }
    }
}

const PLACE_KEYS: [Key; 5] = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5];

/// What the user asked for while a frame was drawn.
enum Wish {
    Go(Place),
    /// Where a remedy sends the user.
    GoTo(crate::remedy::Location),
    /// Check the destination as Set up has it.
    Check,
    /// Send the event that is composed in the Test place.
    SendTest,
    /// Send it many times, as is chosen there.
    StartTestRun,
    /// Read the stream from its start again.
    ReadAgain,
    /// Every command, by name.
    Palette,
    /// Every key.
    Help,
    Notices,
    /// The policy, with what reading the stream needs.
    AllowReading,
    /// Show one delivery in Live.
    Show(crate::delivery::EventId),
    /// Show one record in Stream.
    ShowRecord(crate::delivery::Receipt),
    /// Show in Live the events that this search finds, and no others.
    Search(String),
    /// Edit an event in the Test place.
    Compose(crate::event::Kind, String),
    /// Show in Live what has this in common.
    Filter(crate::delivery::query::QueryKey, String),
    Save {
        config: Box<Config>,
        done: &'static str,
        queued: WaitingEvents,
    },
    RetryNow,
    /// Set aside what the destination refuses while it takes other events.
    SetAsideStuck,
    /// Queue failed events again, or delivered ones once more.
    Resend(crate::delivery::ResendSelection),
    /// Ask what of Live's search is to be sent again, and how fast.
    AskResend,
    /// Ask where Live's search is to be written to.
    AskExport,
    /// Something that Live can do with its list.
    Live(live::Do),
    /// Something with the delivery that is open in Live.
    Open(detail::Act),
    StopTestRun,
    /// `aws sso login` for this profile.
    SignIn(crate::remedy::SignIn),
    StopSigningIn,
    /// AWS's files may have changed.
    ReadAwsFiles,
    /// Show the limits of the disk in Settings.
    ShowDiskLimits,
    /// Open the settings file in the desktop's editor.
    OpenSettingsFile,
    /// Something was done.
    Notice(String),
    /// It was not, and why.
    Refused(String),
}

/// What every place may look at while it draws.
struct Seen<'a> {
    engine: &'a Engine,
    status: &'a Status,
    config: &'a Config,
    saving: bool,
    config_path: &'a str,
    data_dir: &'a str,
    held: &'a [(&'static str, Origin)],
    now: Millis,
    clock: &'a Clock,
    account: &'a account::Account,
    wishes: &'a mut Vec<Wish>,
}

impl Seen<'_> {
    fn go(&mut self, place: Place) {
        self.wishes.push(Wish::Go(place));
    }

    fn copied(&mut self, what: &str) {
        self.wishes.push(Wish::Notice(format!("{what} copied")));
    }

    fn save(&mut self, config: Config, done: &'static str) {
        self.save_with(config, done, WaitingEvents::GoOn);
    }

    /// The same, and says what becomes of the events that wait.
    fn save_with(&mut self, config: Config, done: &'static str, queued: WaitingEvents) {
        self.wishes.push(Wish::Save { config: Box::new(config), done, queued });
    }

    /// The base URL that SDKs are given: the public address where there is one.
    fn public_endpoint(&self) -> String {
        match &self.config.capture.public_url {
            Some(public) => public.to_string(),
            None => self.endpoint(),
        }
    }

    /// The base URL for senders on this machine.
    fn endpoint(&self) -> String {
        crate::engine::url_of(self.status.endpoint.unwrap_or(self.config.capture.listen), self.status.tls)
    }
}

/// Local wall-clock time for the eye.
struct Clock(jiff::tz::TimeZone);

impl Clock {
    /// How far local time is ahead of UTC at that moment.
    fn offset_ms(&self, at: Millis) -> Millis {
        let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
        Millis::from(self.0.to_offset(at).seconds()) * 1000
    }

    fn now() -> Millis {
        jiff::Timestamp::now().as_millisecond()
    }

    fn format(&self, at: Millis, format: &str) -> String {
        jiff::Timestamp::from_millisecond(at)
            .map(|at| at.to_zoned(self.0.clone()).strftime(format).to_string())
            .unwrap_or_default()
    }

    fn time(&self, at: Millis) -> String {
        self.format(at, "%H:%M:%S%.3f")
    }

    /// The time, with the day where it is another one.
    fn short(&self, at: Millis) -> String {
        let day = |at| self.format(at, "%Y-%m-%d");
        self.format(at, if day(at) == day(Self::now()) { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" })
    }

    /// What a person writes for a local time, such as `2026-03-02 10:00`.
    fn read(&self, text: &str) -> Option<Millis> {
        let time: jiff::civil::DateTime = text.trim().parse().ok()?;
        Some(time.to_zoned(self.0.clone()).ok()?.timestamp().as_millisecond())
    }

    fn full(&self, at: Millis) -> String {
        self.format(at, "%Y-%m-%d %H:%M:%S%.3f %Z")
    }
}

/// An answer on its way. While one is, the window looks again a few times a second.
struct Waiting<T> {
    answer: Answer<T>,
    since: Instant,
    patience: Duration,
}

/// How an awaited answer stands.
enum Poll<T> {
    There(T),
    Pending,
    /// The engine stopped before it answered.
    Lost,
}

impl<T> Waiting<T> {
    fn new(answer: Answer<T>) -> Self {
        Self::patient(answer, ANSWER_WAIT_MAX)
    }

    /// For what asks others, who may take longer.
    fn patient(answer: Answer<T>, patience: Duration) -> Self {
        Self { answer, since: Instant::now(), patience }
    }

    fn poll(&mut self, ctx: &egui::Context) -> Poll<T> {
        match self.answer.take() {
            Some(answer) => Poll::There(answer),
            None if self.since.elapsed() > self.patience => Poll::Lost,
            None => {
                ctx.request_repaint_after(FRAME);
                Poll::Pending
            }
        }
    }
}

/// The answer, once it has come; clears the place it was awaited at.
fn arrived<T>(
    waiting: &mut Option<Waiting<Result<T, String>>>,
    ctx: &egui::Context,
) -> Option<Result<T, String>> {
    let answer = match waiting.as_mut()?.poll(ctx) {
        Poll::Pending => return None,
        Poll::There(answer) => answer,
        Poll::Lost => Err("The engine did not answer.".to_owned()),
    };
    *waiting = None;
    Some(answer)
}

/// At most one outstanding repaint request, however often the engine calls.
#[derive(Clone)]
struct Waker {
    ctx: egui::Context,
    pending: Arc<AtomicBool>,
    /// The window is where nobody looks.
    out_of_sight: Arc<AtomicBool>,
}

impl Waker {
    fn wake(&self) {
        if !self.pending.swap(true, Ordering::AcqRel) {
            let is_seen = !self.out_of_sight.load(Ordering::Relaxed);
            self.ctx.request_repaint_after(if is_seen { FRAME } else { FRAME_OUT_OF_SIGHT });
        }
    }
}

/// The window of a running engine.
struct Desk {
    /// `None` only while it is being stopped.
    engine: Option<Engine>,
    status: Arc<Status>,
    config: Arc<Config>,
    config_path: String,
    data_dir: String,
    /// Settings that the environment decides at every start.
    held: Vec<(&'static str, Origin)>,
    place: Place,
    /// The place where the next start begins, as far as the engine knows.
    kept_place: Place,
    account: account::Account,
    resending: resending::Resending,
    exporting: exporting::Exporting,
    opening: Option<Opening>,
    setup: setup::SetUp,
    sources: sources::Sources,
    test: test::Test,
    live: live::Live,
    stream: stream::Stream,
    settings: settings::Settings,
    saving: Option<Saving>,
    over: palette::Over,
    news: news::News,
    look: look::Keeper,
    /// The height of Apply and the banner, at the window's lower edge: notices appear above it.
    below: f32,
    banner_height: f32,
}

impl Desk {
    fn new(running: Running, waker: &Waker) -> Self {
        let engine = running.engine;
        let (waker, ctx) = (waker.clone(), &waker.ctx);
        engine.on_change(move || waker.wake());
        engine.announce_window();
        let config = engine.config();
        let mut account = account::Account::default();
        account.read(&engine);
        let place = engine.remembered(PLACE_MEMORY).unwrap_or_default();
        Self {
            account,
            status: engine.status(),
            config_path: running.config_path.display().to_string(),
            data_dir: running.data_dir.display().to_string(),
            held: running.held,
            place,
            kept_place: place,
            setup: setup::SetUp::new(&config, &engine),
            sources: sources::Sources::default(),
            test: test::Test::default(),
            live: live::Live::new(&engine),
            stream: stream::Stream::default(),
            settings: settings::Settings::new(&config),
            saving: None,
            resending: resending::Resending::default(),
            exporting: exporting::Exporting::default(),
            opening: None,
            over: palette::Over::default(),
            news: news::News::default(),
            look: look::Keeper::new(&engine, ctx),
            below: 0.0,
            banner_height: 0.0,
            config,
            engine: Some(engine),
        }
    }

    /// What is new since the last frame. Cheap: also runs while the window is hidden.
    fn logic(&mut self, ctx: &egui::Context, clock: &Clock) -> Option<Notice> {
        let engine = self.engine.as_ref()?;
        if self.place != self.kept_place {
            engine.remember(PLACE_MEMORY, &self.place);
            self.kept_place = self.place;
        }
        self.status = engine.status();
        if engine.told_to_show_window() {
            raise(ctx);
        }
        if engine.told_to_stop() {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
        let config = engine.config();
        if !Arc::ptr_eq(&config, &self.config) {
            self.setup.adopt(&self.config, &config);
            self.settings.adopt(&self.config, &config);
            self.config = config;
        }
        self.setup.logic(ctx, engine, &self.config);
        self.sources.logic(ctx, engine, &self.status);
        self.test.logic(ctx, engine, &self.status, self.place == Place::Test);
        self.live.logic(ctx, engine, &self.status, self.place == Place::Live);
        self.stream.logic(ctx, engine, clock, self.place == Place::Stream);
        if let Some(notice) = self
            .account
            .logic(ctx)
            .or_else(|| self.resending.logic(ctx))
            .or_else(|| self.exporting.logic(ctx, &self.status))
            .or_else(|| not_opened(&mut self.opening, ctx))
        {
            return Some(notice);
        }
        let Some((saving, done, queued)) = self.saving.as_mut() else { return self.news(ctx) };
        let notice = match saving.poll(ctx) {
            Poll::Pending => return None,
            Poll::There(Ok(applied)) => {
                if *queued == WaitingEvents::SetAside {
                    self.news.set_aside(Instant::now());
                }
                match applied {
                    Applied::InForce => Notice::new(std::mem::take(done), false),
                    Applied::NotAll(why) => {
                        Notice::new(format!("Saved, but not all of it is in force. {why}"), true)
                    }
                }
            }
            Poll::There(Err(error)) => Notice::new(format!("Not saved: {error}"), true),
            Poll::Lost => Notice::new("Not saved: the engine did not answer".to_owned(), true),
        };
        self.saving = None;
        Some(notice)
    }

    /// What the user should hear of wherever they are.
    fn news(&mut self, ctx: &egui::Context) -> Option<Notice> {
        let engine = self.engine.as_ref()?;
        let now = Instant::now();
        let item = self.news.learn(&self.status, &self.config, now);
        if let Some(due) = self.news.due_in(&self.status, now) {
            ctx.request_repaint_after(due);
        }
        let item = item?;
        if self.config.app.desktop_notices {
            engine.notify_desktop(format!("{}{}", item.text, item.elsewhere));
        }
        Some(Notice { place: Some(item.place), ..Notice::new(item.text, true) })
    }

    /// Draws the places. `news`: the notice that has a place of its own above the banners; gives whether it stays.
    fn ui(&mut self, ui: &mut Ui, clock: &Clock, news: Option<&Notice>) -> (Vec<Wish>, Option<Shown>) {
        let mut wishes = Vec::new();
        let mut shown = None;
        let Some(engine) = self.engine.as_ref() else { return (wishes, shown) };
        let seen = &mut Seen {
            engine,
            status: &self.status,
            config: &self.config,
            saving: self.saving.is_some(),
            config_path: &self.config_path,
            data_dir: &self.data_dir,
            held: &self.held,
            now: Clock::now(),
            clock,
            account: &self.account,
            wishes: &mut wishes,
        };
        let t = theme::tokens(ui);
        // A place draws its own question later in this frame: the window's shortcuts must not act behind it.
        let asks = ui.memory(egui::Memory::top_modal_layer).is_some();
        let is_over = self.over.is_open() || self.resending.is_open() || self.exporting.is_open();
        self.over.ui(ui, seen);
        self.resending.ui(ui, seen);
        self.exporting.ui(ui, seen);
        if is_over {
            keep_keys(ui);
        } else if !asks {
            commands::keys(ui, seen);
        }
        status_line::panel_ui(ui, seen);
        under_way::panel_ui(ui, seen, self.resending.of());
        rail::panel_ui(ui, seen, self.place, self.setup.attention(seen));
        // Forms stay in the middle of a very wide window; tables take all of it.
        let width_max = match self.place {
            Place::Live | Place::Stream => f32::INFINITY,
            Place::SetUp | Place::Sources | Place::Test | Place::Settings => PAGE_WIDTH_MAX,
        };
        let margin = Margin { left: 24, right: 20, top: 18, bottom: 0 };
        // The banner is below the page and above Apply: neither moves under the pointer when a banner comes or goes.
        let bottom = ui.available_rect_before_wrap().bottom();
        if self.place == Place::SetUp {
            self.setup.apply_panel_ui(ui, seen, Frame::new().fill(t.panel).inner_margin(margin), width_max);
        }
        let mut height = 0.0;
        if banner::is_needed(seen) {
            let panel = Panel::bottom("banner").show_separator_line(false).frame(Frame::new().fill(t.panel));
            height = panel.show(ui, |ui| banner::banner_ui(ui, seen)).inner;
        }
        if let Some(news) = news {
            let panel = Panel::bottom("news").show_separator_line(false).frame(Frame::new().fill(t.panel));
            let drawn = panel.show(ui, |ui| news.strip_ui(ui, self.place));
            height += drawn.response.rect.height();
            shown = Some(drawn.inner);
        }
        // A panel learns its height by being drawn: its contents would be in another place for one frame.
        widgets::keep_length(ui, &mut self.banner_height, height, "the banner's height");
        self.below = bottom - ui.available_rect_before_wrap().bottom();
        CentralPanel::default().frame(Frame::new().fill(t.panel).inner_margin(margin)).show(ui, |ui| {
            let middle = widgets::middle(ui, width_max);
            // What comes and goes around a place leaves its fields the same to the keyboard.
            let id = egui::Id::unique(("place", self.place.title()));
            ui.scope_builder(egui::UiBuilder::new().scope_id(id).max_rect(middle), |ui| match self.place {
                Place::SetUp => self.setup.ui(ui, seen),
                Place::Sources => self.sources.ui(ui, seen),
                Place::Test => self.test.ui(ui, seen),
                Place::Live => self.live.ui(ui, seen),
                Place::Stream => self.stream.ui(ui, seen),
                Place::Settings => self.settings.ui(ui, seen),
            });
        });
        (wishes, shown)
    }

    /// Opens this place; for a wish that is carried out there.
    fn at(&mut self, place: Place) -> &mut Self {
        self.place = place;
        self
    }

    fn grant(&mut self, wish: Wish, clock: &Clock) -> Option<Notice> {
        let engine = self.engine.as_ref()?;
        match wish {
            Wish::Go(place) => self.place = place,
            Wish::GoTo(target) => {
                let (place, section) = banner::place_of(target);
                self.place = place;
                if let Some(section) = section {
                    self.setup.show(section, self.config.destination.kind);
                }
            }
            Wish::Check => self.at(Place::SetUp).setup.check_soon(),
            Wish::StartTestRun => self.at(Place::Test).test.run_soon(),
            Wish::SendTest => self.at(Place::Test).test.send_soon(),
            Wish::ReadAgain => self.at(Place::Stream).stream.read_again(),
            Wish::Palette => self.over = palette::Over::palette(),
            Wish::Help => self.over = palette::Over::Help,
            Wish::Notices => self.over = palette::Over::Notices,
            Wish::AllowReading => {
                let in_force = self.config.destination.kind;
                self.at(Place::SetUp).setup.allow_reading(in_force);
            }
            Wish::Show(id) => self.at(Place::Live).live.show(id),
            Wish::ShowRecord(receipt) => self.at(Place::Stream).stream.show(receipt),
            Wish::Search(text) => self.at(Place::Live).live.search(text),
            Wish::Compose(kind, text) => self.at(Place::Test).test.compose(kind, text),
            Wish::Filter(name, value) => self.at(Place::Live).live.require(name, &value),
            Wish::Save { config, done, queued } => self.save(*config, done, queued),
            Wish::RetryNow => engine.retry_now(),
            // Its answer is that the banner goes.
            Wish::SetAsideStuck => drop(engine.set_aside_stuck()),
            Wish::Resend(which) => {
                self.live.await_new();
                return self.resending.start(engine, which);
            }
            Wish::AskResend => return self.ask_about_search(clock, true),
            Wish::AskExport => return self.ask_about_search(clock, false),
            Wish::Live(what) => self.at(Place::Live).live.take(what),
            Wish::Open(act) if self.live.act(act) => self.place = Place::Live,
            Wish::Open(_none) => {
                return Some(Notice::new("No delivery is open: choose one in Live".to_owned(), true));
            }
            Wish::StopTestRun => engine.stop_test_run(),
            Wish::SignIn(what) => self.account.sign_in(engine, what),
            Wish::StopSigningIn => self.account.stop_signing_in(),
            Wish::ReadAwsFiles => self.account.read(engine),
            Wish::ShowDiskLimits => self.at(Place::Settings).settings.show_disk(),
            Wish::OpenSettingsFile => self.opening = Some(Opening::settings_file(&self.config_path)),
            Wish::Notice(text) => return Some(Notice::new(text, false)),
            Wish::Refused(text) => return Some(Notice::new(text, true)),
        }
        None
    }

    fn save(&mut self, config: Config, done: &'static str, queued: WaitingEvents) {
        let Some(engine) = &self.engine else { return };
        let patience = if queued == WaitingEvents::SetAside { SET_ASIDE_WAIT_MAX } else { ANSWER_WAIT_MAX };
        let done = settings::saved_notice(done, &self.config.differences(&config), &self.held);
        let answer = engine.save_and_apply(config, queued);
        self.saving = Some((Waiting::patient(answer, patience), done, queued));
    }

    /// What is to become of all that Live's search finds.
    fn ask_about_search(&mut self, clock: &Clock, resend: bool) -> Option<Notice> {
        let engine = self.engine.as_ref()?;
        self.place = Place::Live;
        match self.live.asked_for() {
            Ok((text, query)) if resend => self.resending.ask(engine, text, query),
            Ok((text, query)) => self.exporting.ask(engine, clock, text, query),
            Err(mistake) => return Some(Notice::new(mistake.to_string(), true)),
        }
        None
    }

    fn look_logic(&mut self, ctx: &egui::Context) {
        if let Some(engine) = &self.engine {
            self.look.logic(ctx, engine);
        }
    }

    fn stop(&mut self) {
        if let Some(engine) = self.engine.take() {
            self.look.keep(&engine);
            engine.shutdown(GRACE);
        }
    }
}

/// Brings the window to the front. A desktop that does not let a program do that marks the window instead.
fn raise(ctx: &egui::Context) {
    ctx.send_viewport_cmd(ViewportCommand::Visible(true));
    ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
    ctx.send_viewport_cmd(ViewportCommand::Focus);
    ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(egui::UserAttentionType::Informational));
}

/// Removes this frame's keyboard input: the sheet that is open over the window has read it, and nothing behind it may.
fn keep_keys(ui: &Ui) {
    use egui::Event;
    ui.input_mut(|input| {
        input.events.retain(|event| {
            !matches!(
                event,
                Event::Key { .. }
                    | Event::Text(_)
                    | Event::Copy
                    | Event::Cut
                    | Event::Paste(_)
                    | Event::Ime(_)
            )
        });
    });
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A file or web page that is being opened by another program, and what to say when none does, up to the reason and after it.
struct Opening {
    answer: Option<Waiting<Result<(), String>>>,
    said: [String; 2],
}

impl Opening {
    fn new(what: &str, said: [String; 2]) -> Self {
        Self { answer: Some(Waiting::new(crate::engine::open_in_program(what))), said }
    }

    fn settings_file(path: &str) -> Self {
        let then = format!("Open {path} in a text editor yourself.");
        Self::new(path, ["No program opened the settings file".to_owned(), then])
    }

    fn web_page(url: &str) -> Self {
        Self::new(url, ["No program opened the web page".to_owned(), format!("Its address is {url}")])
    }
}

/// That no program opened it, once that is known.
fn not_opened(opening: &mut Option<Opening>, ctx: &egui::Context) -> Option<Notice> {
    let waits = opening.as_mut()?;
    let answer = arrived(&mut waits.answer, ctx)?;
    let Opening { said: [what, then], .. } = opening.take()?;
    answer.err().map(|why| Notice::new(format!("{what}: {why}. {then}"), true))
}

/// The web pages whose links were clicked in this frame, taken from egui: it opens them without telling when that fails.
fn clicked_links(ctx: &egui::Context) -> Vec<String> {
    ctx.output_mut(|output| {
        let is_link = |command: &mut egui::OutputCommand| matches!(command, egui::OutputCommand::OpenUrl(_));
        let links = output.commands.extract_if(.., is_link);
        links
            .filter_map(|command| match command {
                egui::OutputCommand::OpenUrl(page) => Some(page.url),
                _ => None,
            })
            .collect()
    })
}

/// A save under way, what it is called when it is done, and what becomes of the events that wait.
type Saving = (Waiting<Result<Applied, String>>, String, WaitingEvents);

/// Short news at the lower edge, gone after a few seconds.
struct Notice {
    text: String,
    bad: bool,
    since: Instant,
    /// Where there is more about it.
    place: Option<Place>,
}

/// Bytes of a notice's text that stand in one line; a longer text takes several of [`NOTICE_WIDTH_MAX`].
const NOTICE_LINE_MAX: usize = 110;
const NOTICE_WIDTH_MAX: f32 = 640.0;

/// Whether news stays, and where it was followed to.
struct Shown {
    stays: bool,
    to: Option<Place>,
}

impl Notice {
    fn new(text: String, bad: bool) -> Self {
        Self { text, bad, since: Instant::now(), place: None }
    }

    /// How long it is still there, and asks for the frame in which it is not; `None`: it is over.
    fn time_left(&self, ui: &Ui) -> Option<Duration> {
        // Long enough to be read.
        let reading = 3 + self.text.len() as u64 / 25;
        let stays = Duration::from_secs(if self.bad { reading.max(12) } else { reading });
        let left = stays.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero())?;
        ui.request_repaint_after(left);
        Some(left)
    }

    /// Whether it needs room of its own: what comes unasked must not cover what the user is at.
    fn is_news(&self) -> bool {
        self.place.is_some()
    }

    /// In a line of its own, with a way to its place. No button leads to the place that is `open`.
    fn strip_ui(&self, ui: &mut Ui, open: Place) -> Shown {
        let mut shown = Shown { stays: self.time_left(ui).is_some(), to: None };
        let t = theme::tokens(ui);
        let tone = self.tone();
        let frame = Frame::popup(ui.style()).corner_radius(9).inner_margin(Margin::symmetric(14, 4));
        frame.outer_margin(Margin { left: 24, right: 20, top: 8, bottom: 0 }).show(ui, |ui| {
            egui::Sides::new().shrink_left().truncate().show(
                ui,
                |ui| {
                    ui.label(theme::icon(tone.icon()).color(tone.color(t)));
                    let text = theme::weight(shown::lines(&self.text), 560.0).color(t.strong);
                    ui.add(egui::Label::new(text).truncate());
                },
                |ui| {
                    shown.stays &= !widgets::icon_button_ui(ui, Icon::X, "Close the notice").clicked();
                    let place = self.place.filter(|place| *place != open);
                    if let Some(place) = place
                        && widgets::button_ui(ui, place.icon(), place.title()).clicked()
                    {
                        shown = Shown { stays: false, to: Some(place) };
                    }
                },
            );
        });
        shown
    }

    fn tone(&self) -> widgets::Tone {
        if self.bad { widgets::Tone::Bad } else { widgets::Tone::Good }
    }

    /// Over the window's lower edge. `above`: what it must not cover there. False: it is over.
    fn ui(&self, ui: &Ui, above: f32) -> bool {
        if self.time_left(ui).is_none() {
            return false;
        }
        let t = theme::tokens(ui);
        let tone = self.tone();
        egui::Area::new(egui::Id::unique("notice"))
            .anchor(egui::Align2::CENTER_BOTTOM, egui::vec2(0.0, -48.0 - above))
            .interactable(false)
            .show(ui, |ui| {
                Frame::popup(ui.style()).corner_radius(9).inner_margin(Margin::symmetric(14, 9)).show(
                    ui,
                    |ui| {
                        ui.horizontal(|ui| {
                            ui.label(theme::icon(tone.icon()).color(tone.color(t)));
                            let text = theme::weight(shown::lines(&self.text), 560.0).color(t.strong);
                            if self.text.len() > NOTICE_LINE_MAX {
                                ui.vertical(|ui| {
                                    ui.set_max_width(NOTICE_WIDTH_MAX);
                                    ui.label(text);
                                });
                            } else {
                                ui.label(text);
                            }
                        });
                    },
                );
            });
        true
    }
}

enum Phase {
    Desk(Box<Desk>),
    Problem(problem::Page),
}

/// The window's state, for eframe and for tests.
pub struct App {
    start: Box<Start>,
    phase: Phase,
    waker: Waker,
    workspace: Option<workspace::Workspace>,
    clock: Clock,
    notice: Option<Notice>,
    /// The user's choice on the page of a failed start.
    chosen: Option<problem::Chosen>,
    closing: bool,
}

type Start = dyn FnMut(Option<SocketAddr>) -> Result<Running, Problem>;

impl App {
    /// Dresses the window and starts the product.
    pub fn new(
        cc: &eframe::CreationContext<'_>,
        mut start: impl FnMut(Option<SocketAddr>) -> Result<Running, Problem> + 'static,
    ) -> Self {
        theme::install(&cc.egui_ctx);
        let waker = Waker { ctx: cc.egui_ctx.clone(), pending: Arc::default(), out_of_sight: Arc::default() };
        let phase = Self::enter(&mut start, None, &waker);
        Self {
            start: Box::new(start),
            phase,
            waker,
            workspace: workspace::Workspace::of(cc),
            clock: Clock(jiff::tz::TimeZone::system()),
            notice: None,
            chosen: None,
            closing: false,
        }
    }

    fn enter(start: &mut Start, listen: Option<SocketAddr>, waker: &Waker) -> Phase {
        match start(listen) {
            Ok(running) => Phase::Desk(Box::new(Desk::new(running, waker))),
            Err(problem) => Phase::Problem(problem::Page::new(problem)),
        }
    }

    /// The first request to close shows that it is being done; the frame after it hides the window and lets it go.
    fn close(&mut self, ctx: &egui::Context) {
        if self.closing {
            ctx.send_viewport_cmd(ViewportCommand::Visible(false));
            ctx.send_viewport_cmd(ViewportCommand::Close);
        } else if ctx.input(|i| i.viewport().close_requested()) {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.closing = true;
            ctx.request_repaint();
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        if let Some(seconds) = frame.info().cpu_usage {
            tracing::trace!(target: "frame", "{:.2} ms for the last one", seconds * 1e3);
        }
        if let Some(workspace) = &mut self.workspace {
            self.waker.out_of_sight.store(workspace.is_out_of_sight(), Ordering::Relaxed);
        }
        self.waker.pending.store(false, Ordering::Release);
        self.close(ctx);
        match self.chosen.take() {
            Some(problem::Chosen::TryAgain(listen)) => {
                self.phase = Self::enter(&mut *self.start, listen, &self.waker);
            }
            Some(problem::Chosen::Quit) => ctx.send_viewport_cmd(ViewportCommand::Close),
            None => {}
        }
        if let Phase::Desk(desk) = &mut self.phase {
            // A window that is hidden to be closed is neither maximised any more nor in its place.
            if !self.closing {
                desk.look_logic(ctx);
            }
            if let Some(notice) = desk.logic(ctx, &self.clock) {
                self.notice = Some(notice);
            }
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let t = theme::tokens(ui);
        if self.closing {
            CentralPanel::default().frame(Frame::new().fill(t.window)).show(ui, |ui| {
                widgets::empty_ui(
                    ui,
                    Icon::Hourglass,
                    "Finishing …",
                    "WaitingEvents events stay safe in the spool.",
                    None,
                );
            });
            return;
        }
        match &mut self.phase {
            Phase::Problem(page) => {
                self.chosen = page.ui(ui);
                if self.chosen.is_some() {
                    ui.request_repaint();
                }
            }
            Phase::Desk(desk) => {
                let news = self.notice.as_ref().filter(|notice| notice.is_news());
                let (wishes, shown) = desk.ui(ui, &self.clock, news);
                if !wishes.is_empty() {
                    ui.request_repaint();
                }
                if let Some(shown) = shown.filter(|shown| !shown.stays) {
                    desk.place = shown.to.unwrap_or(desk.place);
                    self.notice = None;
                    ui.request_repaint();
                }
                for wish in wishes {
                    if let Some(notice) = desk.grant(wish, &self.clock) {
                        self.notice = Some(notice);
                    }
                }
                for url in clicked_links(ui.ctx()) {
                    desk.opening = Some(Opening::web_page(&url));
                }
            }
        }
        let above = match &self.phase {
            Phase::Desk(desk) => desk.below,
            Phase::Problem(_) => 0.0,
        };
        let notice = self.notice.as_ref().filter(|notice| !notice.is_news());
        if notice.is_some_and(|notice| !notice.ui(ui, above)) {
            self.notice = None;
            ui.request_repaint();
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if let Phase::Desk(desk) = &mut self.phase {
            desk.stop();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

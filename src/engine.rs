//! The engine: starts the parts, watches them, applies new settings and stops them in order. The only spawner.
//! It knows nothing of either face.
//!
//! It has a runtime of its own, so both faces call it from ordinary threads. What a face asks for comes as an
//! [`Answer`], which it looks at when it likes; nothing here makes a face wait but [`Engine::start`] and
//! [`Engine::shutdown`]. A part that ends unasked becomes a line in [`Status::problems`].

mod account;
mod board;
mod control;
mod desk;
mod export;
mod keeper;
mod launch;
mod learned;
pub mod lines;
mod memo;
mod practice_port;
mod presets;
mod public_check;
mod reading;
mod resend;
mod set_aside;
mod shards;
mod signals;
mod state_file;
mod test_event;
mod test_run;

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    runtime::Runtime,
    sync::{Notify, mpsc, oneshot, watch},
};

use crate::{
    capture::{self, Activity, EndpointConfig, Tls, TlsError},
    config::{self, Config, Destination, DestinationKind},
    delivery::{
        self, AwsError, CheckKind, CheckStep, Detail, EventId, Exported, LogPage, Puts, Query, Receipt,
        Record, ResendSelection, Resent, Status, StreamReport, Stuck,
        chart::{ChartSpan, Overview},
    },
    event::Kind,
    forward::ConnectionSettings,
    practice::Practice,
    spool::{self, Spool},
};
use desk::Question;
use keeper::{Command, Trial};
use memo::Memo;
use signals::Signals;
use state_file::ControlAccess;

/// The window shows addresses, and may use nothing else of `std::net`: that waits for the network.
pub use std::net::SocketAddr;

pub use crate::kinesis::RECORD_BYTES_MAX;
pub use crate::practice::Faults;
pub use control::Hold;
pub use export::Export;
pub use launch::open_in_program;
pub use presets::{PRESETS_MAX, Preset};
pub use reading::{Found, ReadPlan, ShardView, StreamView};
pub use shards::Shards;
pub use state_file::{PracticeAccess, Whereabouts};
pub use test_event::post;
pub use test_run::{RUN_EVENTS_MAX, RUN_PER_SEC_MAX, RUN_USERS_MAX, RunEnd, RunView, TestRun};

/// The name of the practice stream's stream, where the settings name none.
pub const PRACTICE_STREAM: &str = "practice";

const PRACTICE_SHARDS: u32 = 4;

/// Address space (not memory in use) below which allocations fail under load; measured: 400 MiB fails, 600 do.
const ADDRESS_SPACE_MIB_MIN: u64 = 600;

/// Open files that are asked of the system: many usual limits would be reached by idle senders alone.
const FILES_WANTED: u64 = 65_536;

/// Steps of a check that may wait for a face: more than any check has.
const STEPS_MAX: usize = 16;

/// Commands that may wait.
const COMMANDS_MAX: usize = 64;

/// Where the engine's files are.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The settings file, where there is one to save changes to.
    pub config_file: Option<PathBuf>,
    /// Spool, log and the file that says where a running engine is.
    pub data_dir: PathBuf,
}

/// Why an engine did not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The endpoint's address cannot be had.
    #[error("cannot listen on {address}; {}", listen_advice(.source))]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The endpoint's certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The spool cannot be had.
    #[error(transparent)]
    Spool(#[from] spool::OpenError),
    /// The process may have less memory than the engine needs.
    #[error(
        "the limit of this process's address space is {0} MiB (`ulimit -v`), and the engine needs {ADDRESS_SPACE_MIB_MIN} MiB: \
         with less it would end in the middle of its work; raise the limit, or limit resident memory instead (MemoryMax= in \
         systemd)"
    )]
    AddressSpace(u64),
    /// The system gives no threads or sockets.
    #[error("the operating system refused a thread or a socket that the engine needs")]
    System(#[from] std::io::Error),
}

/// What helps where an address cannot be listened on.
fn listen_advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program uses this port: stop it, or set capture.listen (--listen) to another port"
        }
        std::io::ErrorKind::PermissionDenied => {
            "this user may not use this port (ports below 1024 often need special rights): set capture.listen (--listen) \
             to another port"
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "this computer does not have this IP address: set capture.listen (--listen) to another address"
        }
        _ => "set capture.listen (--listen) to another address or another port",
    }
}

/// An answer that comes later; a face looks at it once a frame.
pub struct Answer<T>(oneshot::Receiver<T>);

impl<T> Answer<T> {
    /// The answer, once, when it is there. `None` before and after.
    pub fn take(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }

    /// Waits for it; `None` when the engine is gone. Not for a thread that draws.
    pub fn wait(self) -> Option<T> {
        self.0.blocking_recv().ok()
    }
}

/// The steps of a check, as they become known; a face looks once a frame.
pub struct Steps(mpsc::Receiver<CheckStep>);

/// What a look at [`Steps`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// One more step is known.
    There(CheckStep),
    /// The check goes on.
    Pending,
    /// There are no more.
    Ended,
}

impl Steps {
    /// The next step, where it is known.
    pub fn take(&mut self) -> NextStep {
        match self.0.try_recv() {
            Ok(step) => NextStep::There(step),
            Err(mpsc::error::TryRecvError::Empty) => NextStep::Pending,
            Err(mpsc::error::TryRecvError::Disconnected) => NextStep::Ended,
        }
    }
}

/// What becomes of the events that wait when the destination changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WaitingEvents {
    /// They go to the destination that is in force when their turn comes.
    #[default]
    GoOn,
    /// They are kept as failed, with a code that says so, and can be sent again.
    SetAside,
}

/// Whether new settings are in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All of them.
    InForce,
    /// Not what this text names, with the reason and what to do: an address in use, say. It is in [`Status::problems`] as
    /// long as that is so.
    NotAll(String),
}

/// A test event on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSent {
    /// The HTTP status of the endpoint's answer.
    pub status: u16,
    /// The endpoint's answer.
    pub body: String,
    /// The event's `messageId`, by which its delivery is found; empty where it was refused without one.
    pub message_id: String,
    /// The event's line in the log, where it was accepted (or rejected and logged).
    pub id: Option<EventId>,
}

type Waker = Box<dyn Fn() + Send + Sync>;

/// What a face kept with [`Engine::remember`] in this data folder. Needs no engine; reads a small file.
pub fn remembered_in<T: DeserializeOwned>(data_dir: &Path, name: &str) -> Option<T> {
    Memo::load(data_dir).get(name)
}

/// Whether there is a window over the engine, and whether it was asked to come to the front.
#[derive(Default)]
struct WindowCalls {
    is_there: AtomicBool,
    is_called: AtomicBool,
}

/// What the parts share.
struct Shared {
    paths: Paths,
    config: watch::Sender<Arc<Config>>,
    rules: watch::Sender<Arc<EndpointConfig>>,
    setup: watch::Sender<ConnectionSettings>,
    forwarder: watch::Sender<delivery::ForwarderState>,
    /// What the forwarder learned about the stream.
    news_of_stream: watch::Sender<StreamReport>,
    endpoint: watch::Sender<Option<SocketAddr>>,
    /// Where this program's own test events go while the endpoint speaks https to everybody else.
    inner_endpoint: watch::Sender<Option<SocketAddr>>,
    stopping: watch::Sender<bool>,
    status: watch::Sender<Arc<Status>>,
    stream: watch::Sender<Arc<StreamView>>,
    /// The shards of the stream that was read last.
    shards: watch::Sender<Arc<Shards>>,
    stream_filter: watch::Sender<Arc<str>>,
    run: watch::Sender<Arc<RunView>>,
    try_now: Arc<Notify>,
    /// Something outside the watched values changed.
    news: Notify,
    problems: Mutex<BTreeMap<&'static str, Arc<str>>>,
    /// The first part that stopped although nobody had asked it to.
    broken: OnceLock<Arc<str>>,
    waker: OnceLock<Waker>,
    activity: Arc<Activity>,
    told_to_stop: AtomicBool,
    window: WindowCalls,
    /// What the resend that is under way has done; `None` while there is none.
    resending: watch::Sender<Option<Resent>>,
    stop_resending: AtomicBool,
    /// How far the export that is under way is; `None` while there is none.
    exporting: watch::Sender<Option<Exported>>,
    stop_exporting: AtomicBool,
    /// Events in flight, as the forwarder tells.
    sending: watch::Sender<u64>,
    /// What the destination refuses while it takes other events.
    stuck: watch::Sender<Option<Stuck>>,
    /// What was delivered since the start, as the forwarder tells.
    puts: watch::Sender<Puts>,
    /// Asks the forwarder that runs now to set those aside.
    set_aside: Mutex<mpsc::Sender<oneshot::Sender<u64>>>,
    /// What a caller of the control port must know.
    control_key: String,
    /// What the window kept before this start.
    kept_draft: Option<String>,
    spool: Spool,
    practice: Practice,
    /// The port of the practice stream, while it is open or after it was; 0 before.
    practice_port: AtomicU16,
    desk: mpsc::Sender<Question>,
    commands: mpsc::Sender<Command>,
}

impl Shared {
    fn wake_faces(&self) {
        if let Some(wake) = self.waker.get() {
            wake();
        }
    }

    fn problems(&self) -> MutexGuard<'_, BTreeMap<&'static str, Arc<str>>> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a problem, or that it is over.
    fn set_problem(&self, about: &'static str, text: Option<String>) {
        match text {
            Some(text) => {
                let text: Arc<str> = text.into();
                if self.problems().insert(about, Arc::clone(&text)).is_none_or(|before| before != text) {
                    tracing::error!("{text}");
                }
            }
            None => drop(self.problems().remove(about)),
        }
        self.news.notify_one();
    }

    /// A part that the engine cannot do without stopped although nobody had asked it to. Faces are woken directly: the
    /// status board may be what stopped.
    fn set_broken(&self, name: &'static str, why: &str) {
        let text = format!(
            "The {name} stopped unexpectedly{why}. No accepted event is lost; restart Tributary, and please report this."
        );
        self.set_problem(name, Some(text.clone()));
        // The first one is the cause; others may be its consequences.
        self.broken.get_or_init(|| text.into());
        self.wake_faces();
    }

    /// Says that an action panicked, since whoever asked for it gets no answer then, until one ends well.
    fn errand_ended(&self, ended: &Result<(), tokio::task::JoinError>) {
        if ended.is_ok() && self.problems().contains_key("errand") {
            self.set_problem("errand", None);
        } else if ended.as_ref().is_err_and(tokio::task::JoinError::is_panic) {
            let text = "A requested action stopped unexpectedly, without an answer. Try it again, and please report \
                        this.";
            self.set_problem("errand", Some(text.to_owned()));
        }
    }

    /// Has the forwarder set aside what the destination keeps refusing.
    async fn set_aside_stuck(&self) -> Result<u64, String> {
        let (reply, done) = oneshot::channel();
        let forwarder = self.set_aside.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = forwarder.send(reply).await.is_ok();
        match (asked, done.await) {
            (true, Ok(count)) => Ok(count),
            (false, _) | (true, Err(_)) => {
                Err("the forwarder is not running; ask again in a moment".to_owned())
            }
        }
    }

    /// The largest record that the stream of these settings takes, as far as it is known. May read a small file.
    fn record_bytes_max(&self, config: &Config) -> usize {
        let facts = self.news_of_stream.borrow().facts;
        facts.map_or_else(|| learned::recall(&self.paths.data_dir, config), |facts| facts.record_bytes_max)
    }

    /// What the forwarder and every reader of the stream go by.
    fn setup_for(&self, config: Arc<Config>) -> ConnectionSettings {
        let port = self.practice_port.load(Ordering::Acquire);
        practice_port::setup(config, &self.practice, port)
    }
}

/// Held by what must not end before the engine does: says so when it ends anyway, also by a panic.
struct Alarm(Weak<Shared>, &'static str);

impl Alarm {
    async fn during(self, part: impl Future<Output = ()>) {
        part.await;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade()
            && !*shared.stopping.borrow()
        {
            shared.set_broken(self.1, "");
        }
    }
}

/// The running engine.
pub struct Engine {
    runtime: Runtime,
    shared: Arc<Shared>,
    keeper: tokio::task::JoinHandle<()>,
    spool_threads: spool::Threads,
    desk: std::thread::JoinHandle<()>,
    memo: Memo,
    export_folder: PathBuf,
}

impl Engine {
    /// Starts all parts. Returns when the spool is open and the endpoint listens, or with what prevents it.
    pub fn start(config: Config, paths: Paths) -> Result<Self, StartError> {
        Self::start_parts(config, paths, false)
    }

    /// The same for the engine that a process is there for: it listens for SIGTERM and SIGINT before anybody can find
    /// it (see [`Self::told_to_stop`]). A second signal ends the program.
    pub fn start_heeding_signals(config: Config, paths: Paths) -> Result<Self, StartError> {
        Self::start_parts(config, paths, true)
    }

    fn start_parts(config: Config, paths: Paths, heeds_signals: bool) -> Result<Self, StartError> {
        check_folder(&paths.data_dir)?;
        check_address_space()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().thread_name("engine").enable_all().build()?;
        let signals = if heeds_signals { Some(runtime.block_on(async { Signals::new() })?) } else { None };
        let tls = tls(&config)?;
        warn_of_exposed(&config, &paths);
        files_at_once();
        let address = config.capture.listen;
        let listener = runtime
            .block_on(async { capture::listen(address) })
            .map_err(|source| StartError::Listen { address, source })?;
        let (practice, practice_listener, practice_port) = practice_port::start(&runtime, &config)?;
        // Last of what can fail: a spool that was opened has a thread that writes.
        let (spool, spool_threads) = Spool::open(&paths.data_dir, (&config).into())?;
        Whereabouts::remove(&paths.data_dir);
        let kept_draft = account::kept_draft(&paths.data_dir);
        let (desk, questions) = mpsc::channel(desk::QUESTIONS_MAX);
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let memo = Memo::load(&paths.data_dir);
        let config = Arc::new(config);
        let setup = practice_port::setup(Arc::clone(&config), &practice, practice_port);
        let rules = Arc::new(EndpointConfig::new(&config, learned::recall(&paths.data_dir, &config), tls));
        let shared = Arc::new(Shared {
            paths,
            config: watch::Sender::new(config),
            rules: watch::Sender::new(rules),
            setup: watch::Sender::new(setup),
            forwarder: watch::Sender::default(),
            news_of_stream: watch::Sender::default(),
            endpoint: watch::Sender::new(Some(listener.local_addr()?)),
            inner_endpoint: watch::Sender::new(None),
            stopping: watch::Sender::new(false),
            status: watch::Sender::default(),
            stream: watch::Sender::default(),
            shards: watch::Sender::default(),
            stream_filter: watch::Sender::default(),
            run: watch::Sender::default(),
            try_now: Arc::default(),
            news: Notify::new(),
            problems: Mutex::default(),
            broken: OnceLock::new(),
            waker: OnceLock::new(),
            activity: Arc::default(),
            told_to_stop: AtomicBool::new(false),
            window: WindowCalls::default(),
            resending: watch::Sender::new(None),
            stop_resending: AtomicBool::new(false),
            exporting: watch::Sender::new(None),
            stop_exporting: AtomicBool::new(false),
            sending: watch::Sender::new(0),
            stuck: watch::Sender::new(None),
            puts: watch::Sender::default(),
            set_aside: Mutex::new(mpsc::channel(1).0),
            control_key: config::new_write_key()?,
            kept_draft,
            spool,
            practice,
            practice_port: AtomicU16::new(practice_port),
            desk,
            commands,
        });
        let desk = start_desk(&shared, questions)?;
        let keeper = keeper::run(Arc::clone(&shared), (listener, practice_listener), inbox, signals);
        let keeper = runtime.spawn(Alarm(Arc::downgrade(&shared), "engine supervisor").during(keeper));
        let export_folder = config::downloads_dir().unwrap_or_else(|| shared.paths.data_dir.clone());
        Ok(Self { runtime, shared, keeper, spool_threads, desk, memo, export_folder })
    }

    /// Has `wake` called after every change of what the face sees: at most every 50 ms, and not while nothing happens.
    /// That a second passes is no change: a face that draws the rates of [`Status`] looks again by itself.
    /// The first caller stays.
    pub fn on_change(&self, wake: impl Fn() + Send + Sync + 'static) {
        if self.shared.waker.set(Box::new(wake)).is_err() {
            tracing::debug!("a face is woken already");
        }
    }

    /// Whether a signal asked the program to stop. The face is woken for it.
    pub fn told_to_stop(&self) -> bool {
        self.shared.told_to_stop.load(Ordering::Acquire)
    }

    /// Says that there is a window over this engine, which can be asked for (see [`Whereabouts::show_window`]).
    pub fn announce_window(&self) {
        self.shared.window.is_there.store(true, Ordering::Release);
    }

    /// Whether somebody started the program once more and wants this one's window in front; true once each time. The face
    /// is woken for it.
    pub fn told_to_show_window(&self) -> bool {
        self.shared.window.is_called.swap(false, Ordering::AcqRel)
    }

    /// What stopped that the engine cannot do without, in a sentence: it is to be shut down and started again. The face
    /// is woken for it.
    pub fn broken(&self) -> Option<Arc<str>> {
        self.shared.broken.get().cloned()
    }

    /// The latest status; cheap. What stopped unexpectedly is among its problems, even if that is what publishes it.
    pub fn status(&self) -> Arc<Status> {
        let status = Arc::clone(&self.shared.status.borrow());
        match self.broken() {
            Some(why) if !status.problems.contains(&why) => {
                let mut status = Status::clone(&status);
                status.problems.push(why);
                Arc::new(status)
            }
            Some(_) | None => status,
        }
    }

    /// The settings in force; cheap.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.shared.config.borrow())
    }

    /// Applies new settings at once, without losing or blocking accepted events. Never blocks. What could not be
    /// applied appears in [`Status::problems`]; an address in use is tried again until it is free.
    pub fn apply(&self, config: Config) {
        let (reply, _nobody) = oneshot::channel();
        let queued = WaitingEvents::GoOn;
        self.command(Command::Apply { config: Box::new(config), save: false, queued, reply });
    }

    /// Writes the changes to the settings file, then applies them; `Err` says why neither happened, [`Applied`] whether all
    /// of them are in force. `queued` says what
    /// becomes of the events that wait: with [`WaitingEvents::SetAside`] the answer takes as long as puts in flight and the disk
    /// do, and what was set aside stays so where saving fails.
    pub fn save_and_apply(&self, config: Config, queued: WaitingEvents) -> Answer<Result<Applied, String>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Apply { config: Box::new(config), save: true, queued, reply });
        Answer(answer)
    }

    /// What the window was told to keep, by this run or one before. Read at the start.
    pub fn kept_draft(&self) -> Option<&str> {
        self.shared.kept_draft.as_deref()
    }

    /// Tries again now where the forwarder waits.
    pub fn retry_now(&self) {
        self.shared.try_now.notify_one();
    }

    /// Sets aside the events of [`Status::stuck`]: they are kept as failed, can be sent again, and those behind them go
    /// on. The answer is how many.
    pub fn set_aside_stuck(&self) -> Answer<Result<u64, String>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::SetAsideStuck { reply });
        Answer(answer)
    }

    /// A page of the log.
    pub fn page(&self, query: Query) -> Answer<Result<LogPage, String>> {
        let (reply, answer) = oneshot::channel();
        self.ask(Question::Page(query, reply));
        Answer(answer)
    }

    /// What a face said it wants to find again, by the name that it gave it; cheap.
    pub fn remembered<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.memo.get(name)
    }

    /// Keeps this for the next time. Written soon, off the caller's thread; nothing is lost that matters to an event.
    pub fn remember(&self, name: &str, value: &impl Serialize) {
        if self.memo.set(name, value) {
            self.ask(Question::Remember(self.memo.clone()));
        }
    }

    /// What the charts of a window show.
    pub fn overview(&self, window: ChartSpan) -> Answer<Result<Overview, String>> {
        let (reply, answer) = oneshot::channel();
        self.ask(Question::Overview(window, reply));
        Answer(answer)
    }

    /// All that is known of one line of the log; `None` when it was pruned.
    pub fn detail(&self, id: EventId) -> Answer<Result<Option<Detail>, String>> {
        let (reply, answer) = oneshot::channel();
        let encoding = self.shared.config.borrow().destination.encoding;
        self.ask(Question::Detail(id, encoding, reply));
        Answer(answer)
    }

    /// What [`Self::resend`] would queue: reads the lines that are meant, not whether their bytes are damaged.
    pub fn count_resend(&self, which: ResendSelection) -> Answer<Result<Resent, String>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::CountResend { which, reply });
        Answer(answer)
    }

    /// Queues failed events again, and delivered ones once more; `rate`: at most so many a second. One at a time. The
    /// answer comes when it is done or was stopped; what was queued before an `Err` stays queued. Meanwhile
    /// [`Status::resending`] tells how far it is.
    pub fn resend(&self, which: ResendSelection, rate: Option<NonZeroU32>) -> Answer<Result<Resent, String>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Resend { which, rate, reply });
        Answer(answer)
    }

    /// Ends a resend that is under way; what was queued stays queued.
    pub fn stop_resending(&self) {
        self.shared.stop_resending.store(true, Ordering::Release);
    }

    /// The folder in which a person looks for what a program wrote for them.
    pub fn export_folder(&self) -> &Path {
        &self.export_folder
    }

    /// Writes what fits to a file. One at a time. The answer comes when it is done or was stopped; only a file that is
    /// whole stays. Meanwhile [`Status::exporting`] tells how far it is.
    pub fn export(&self, export: Export) -> Answer<Result<Exported, String>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Export { export, reply });
        Answer(answer)
    }

    /// Ends an export that is under way; what was written of it is removed.
    pub fn stop_exporting(&self) {
        self.shared.stop_exporting.store(true, Ordering::Release);
    }

    /// Sends an event through the real endpoint, as any SDK would, with the write key of the source at `source`.
    pub fn send_test(&self, kind: Kind, json: String, source: usize) -> Answer<Result<TestSent, String>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Test { kind, json, source, reply });
        Answer(answer)
    }

    /// Begins to send one event many times; a run that goes on is stopped first.
    pub fn start_test_run(&self, run: TestRun) {
        self.command(Command::Trial(Trial::Run(Some(run))));
    }

    /// Stops the run; what it has sent stays sent.
    pub fn stop_test_run(&self) {
        self.command(Command::Trial(Trial::Run(None)));
    }

    /// How the last run stands; `None` before the first. Cheap.
    pub fn test_run(&self) -> Option<Arc<RunView>> {
        let run = Arc::clone(&self.shared.run.borrow());
        (run.events > 0).then_some(run)
    }

    /// The record that a delivery names, read from the destination as any consumer reads it. `None`: the stream does
    /// not have it (any more). Needs the permissions for reading.
    pub fn read_back(&self, receipt: Receipt) -> Answer<Result<Option<Record>, AwsError>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Trial(Trial::ReadBack { receipt, reply }));
        Answer(answer)
    }

    /// The test events that were saved under a name.
    pub fn presets(&self) -> Answer<Result<Vec<Preset>, String>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Trial(Trial::Presets { reply }));
        Answer(answer)
    }

    /// Saves these test events in place of those that were saved; at most [`PRESETS_MAX`].
    pub fn save_presets(&self, presets: Vec<Preset>) -> Answer<Result<(), String>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Trial(Trial::SavePresets { presets, reply }));
        Answer(answer)
    }

    /// Has the desktop show a notice, where it can.
    pub fn notify_desktop(&self, text: String) {
        self.command(Command::Trial(Trial::NotifyDesktop(text)));
    }

    /// Keeps a pair of AWS keys in the system keychain for this destination, applied or not; its next put uses them where
    /// `credentials.source` says so.
    ///
    /// `keys`: the access key id, and the secret.
    pub fn store_keys(&self, destination: Destination, keys: [String; 2]) -> Answer<Result<(), String>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::StoreKeys { destination: Box::new(destination), keys, reply });
        Answer(answer)
    }

    /// Tests the destination step by step, with settings that need not be applied yet.
    pub fn check(&self, config: Config, kind: CheckKind) -> Steps {
        let (report, steps) = mpsc::channel(STEPS_MAX);
        self.command(Command::Check { config: Box::new(config), kind, report });
        Steps(steps)
    }

    /// Tests the public address of the settings in force, step by step: sends a test event to it, too.
    pub fn check_public(&self) -> Steps {
        let (report, steps) = mpsc::channel(STEPS_MAX);
        self.command(Command::Trial(Trial::CheckPublic { report }));
        Steps(steps)
    }

    /// Begins to read the destination's records; what was read before is forgotten.
    pub fn read_stream(&self, plan: ReadPlan) {
        self.command(Command::Read(Some(plan)));
    }

    /// Shows only records that hold this text in their content, partition key, sequence number or shard; ASCII letters
    /// in either case. Holds until it is changed, for what is shown already as for what comes.
    pub fn filter_stream(&self, text: &str) {
        self.shared.stream_filter.send_if_modified(|filter| {
            let changed = **filter != *text;
            if changed {
                *filter = text.into();
            }
            changed
        });
    }

    /// Stops reading.
    pub fn stop_reading(&self) {
        self.command(Command::Read(None));
    }

    /// What was read so far; cheap.
    pub fn stream(&self) -> Arc<StreamView> {
        Arc::clone(&self.shared.stream.borrow())
    }

    /// The shards of the destination: the practice stream's, or those that reading the destination has found since the
    /// start. Cheap.
    pub fn shards(&self) -> Arc<Shards> {
        let config = self.shared.config.borrow();
        match config.destination.kind {
            DestinationKind::Practice => {
                let shards = self.shared.practice.open_shards(PRACTICE_STREAM);
                Arc::new(Shards::new(&config.destination, shards))
            }
            DestinationKind::Kinesis => Arc::clone(&self.shared.shards.borrow()),
        }
    }

    /// What goes wrong in the practice stream; cheap.
    pub fn faults(&self) -> Faults {
        self.shared.practice.faults()
    }

    /// Lets something go wrong there, or nothing any more; the next request feels it.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.practice.set_faults(faults);
        // What waits because of a fault that is over shall not wait longer.
        self.shared.try_now.notify_one();
        self.shared.wake_faces();
    }

    /// Deletes the practice stream with its records, as somebody may delete a stream of AWS.
    pub fn delete_practice_stream(&self) {
        self.command(Command::Trial(Trial::DeletePractice));
    }

    /// Makes the practice stream again, empty.
    pub fn make_practice_stream(&self) {
        self.command(Command::Trial(Trial::MakePractice));
    }

    /// The practice stream, for what only tests do to it.
    pub fn practice(&self) -> &Practice {
        &self.shared.practice
    }

    /// Refuses new events (503), finishes the puts in flight within `grace`, closes the spool. Blocks until all is
    /// done; what could not be put waits on disk for the next start.
    pub fn shutdown(self, grace: Duration) {
        let Self { runtime, shared, keeper, spool_threads, desk, memo: _, export_folder: _ } = self;
        runtime.block_on(async {
            shared.stopping.send_replace(true);
            shared.news.notify_one();
            if shared.commands.send(Command::Stop { grace }).await.is_err() {
                tracing::warn!("the engine's keeper had stopped before");
            }
            if let Err(error) = keeper.await {
                tracing::error!("the engine's keeper ended badly: {error}");
            }
            shared.spool.close().await;
        });
        Whereabouts::remove(&shared.paths.data_dir);
        drop(shared);
        // Ends the tasks, and with them the last senders to the desk and the spool's reader.
        runtime.shutdown_timeout(Duration::from_secs(1));
        spool_threads.join();
        if desk.join().is_err() {
            tracing::error!("the log's reader had panicked");
        }
    }

    /// A full queue means that the keeper is stuck: the answer then never comes, and the problem is shown.
    fn command(&self, command: Command) {
        if self.shared.commands.try_send(command).is_err() {
            self.shared.set_problem(
                "commands",
                Some("The engine is too busy to take commands; try again.".to_owned()),
            );
        }
    }

    fn ask(&self, question: Question) {
        // The face sees no answer and asks again.
        if self.shared.desk.try_send(question).is_err() {
            tracing::debug!("the log is busy");
        }
    }
}

fn start_desk(
    shared: &Arc<Shared>,
    questions: mpsc::Receiver<Question>,
) -> Result<std::thread::JoinHandle<()>, StartError> {
    let log = shared.spool.log()?;
    // Weak: the thread ends when the engine is gone, which is when nobody else holds a sender to it.
    let (weak, summary) = (Arc::downgrade(shared), shared.spool.watch());
    let answered = move || {
        if let Some(shared) = weak.upgrade() {
            shared.wake_faces();
        }
    };
    let keys = shared.spool.keys();
    let alarm = Alarm(Arc::downgrade(shared), "reader of the delivery log");
    let state = move || {
        let summary = summary.borrow();
        (summary.revision, summary.files)
    };
    let run = move || {
        let _alarm = alarm;
        desk::run(log, &keys, questions, state, answered);
    };
    Ok(std::thread::Builder::new().name("log-read".to_owned()).spawn(run)?)
}

/// How many files and connections may be open: as many as the system gives, up to what is wanted.
fn files_at_once() -> u64 {
    const USUAL: u64 = 256;
    rlimit::increase_nofile_limit(FILES_WANTED).unwrap_or_else(|error| {
        tracing::debug!("the limit of open files stays as it is: {error}");
        USUAL
    })
}

#[cfg(unix)]
fn check_address_space() -> Result<(), StartError> {
    // An allocation that fails ends a Rust program at once: said before, rather than found out under load.
    let limit = rlimit::Resource::AS.get_soft().unwrap_or(rlimit::INFINITY) >> 20;
    if limit < ADDRESS_SPACE_MIB_MIN { Err(StartError::AddressSpace(limit)) } else { Ok(()) }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn check_address_space() -> Result<(), StartError> {
    Ok(())
}

/// Refuses a folder in which another user left files, and one that an engine has: said before the port is found to be taken,
/// which would be by that engine.
fn check_folder(data_dir: &Path) -> Result<(), StartError> {
    if data_dir.is_dir() {
        spool::guard(data_dir)?;
    }
    if spool::is_in_use(data_dir) {
        return Err(spool::OpenError::InUse(data_dir.to_owned()).into());
    }
    Ok(())
}

/// Says where other users can read the write keys.
fn warn_of_exposed(config: &Config, paths: &Paths) {
    let exposed = paths.config_file.as_deref().and_then(|path| config::exposed_settings(config, path));
    if let Some(text) = exposed {
        tracing::warn!("{text}");
    }
}

/// The certificate that the settings name; `None`: http.
fn tls(config: &Config) -> Result<Option<Arc<Tls>>, TlsError> {
    let capture = &config.capture;
    if capture.tls_cert.is_empty() {
        return Ok(None);
    }
    if let Some(text) = config::exposed_tls_key(config) {
        tracing::warn!("{text}");
    }
    Tls::load(capture.tls_cert.as_ref(), capture.tls_key.as_ref()).map(|tls| Some(Arc::new(tls)))
}

/// The address that a sender on this machine uses for a listener at `address`.
pub fn url_of(address: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let port = address.port();
    if host.contains(':') {
        format!("{scheme}://[{host}]:{port}")
    } else {
        format!("{scheme}://{host}:{port}")
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
impl Engine {
    /// An engine on a folder and a port of its own.
    pub(crate) fn for_test(data_dir: &Path) -> Self {
        let mut config = Config::default();
        config.capture.listen = ([127, 0, 0, 1], 0).into();
        let paths = Paths { config_file: None, data_dir: data_dir.to_owned() };
        Self::start(config, paths).expect("nothing prevents it")
    }

    /// Ends a part that the engine cannot do without.
    pub(crate) fn lose_the_spool(&self) {
        self.runtime.block_on(self.shared.spool.close());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(end: impl FnOnce(&Engine)) -> Arc<str> {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::for_test(folder.path());
        let (wake, woken) = std::sync::mpsc::sync_channel(1);
        engine.on_change(move || wake.try_send(()).unwrap_or(()));
        assert_eq!(engine.broken(), None);
        end(&engine);
        let why = loop {
            if let Some(why) = engine.broken() {
                break why;
            }
            woken.recv_timeout(Duration::from_secs(30)).expect("the face is woken");
        };
        assert!(engine.status().problems.contains(&why), "the window shows it");
        engine.shutdown(Duration::ZERO);
        why
    }

    #[test]
    fn a_port_that_is_not_permitted_is_not_said_to_be_in_use() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let said = |kind: std::io::ErrorKind| StartError::Listen { address, source: kind.into() }.to_string();
        assert!(said(std::io::ErrorKind::AddrInUse).contains("another program uses this port"));
        let denied = said(std::io::ErrorKind::PermissionDenied);
        assert!(denied.contains("may not use") && !denied.contains("another program"), "{denied}");
    }

    #[test]
    fn a_part_that_stops_unasked_is_told_of_and_the_face_is_woken() {
        let why = told_of(Engine::lose_the_spool);
        assert!(why.contains("stopped unexpectedly") && why.contains("No accepted event is lost"), "{why}");
    }

    #[test]
    fn the_keeper_of_all_parts_does_not_stop_unnoticed_either() {
        let why = told_of(|engine| engine.keeper.abort());
        assert!(why.starts_with("The engine supervisor stopped unexpectedly"), "{why}");
    }
}

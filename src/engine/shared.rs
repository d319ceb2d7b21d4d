//! What the parts, jobs and faces of one engine share. Plain fields: each is safe to use from any thread, and nothing here
//! needs the supervisor's `&mut`.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
};

use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{
    answer::{Answer, STEPS_MAX, Steps, answer},
    command::{Check, Command, Immediate, LogRequest, Request},
    control_message::ControlAccess,
    draft::Draft,
    endpoint_url::url_of,
    face_state::FaceState,
    faces::Faces,
    job::Job,
    learned,
    message::{Failure, LogMessage, Message, Reply},
    practice_access::{PracticeAccess, connection},
    problems::Problems,
    run_view::RunView,
    running_engine::RunningEngine,
    shards::Shards,
    stream_view::StreamView,
    tasks::Tasks,
};
use crate::{
    capture::{Activity, DeliveryWatches, EndpointConfig},
    clock::now_ms,
    config::Config,
    delivery::{
        Adopting, AlertReport, Delivery, EventId, Exported, ForwarderState, InFlight, Millis, Pushes, Puts,
        Resent, SignInPage, Status, StreamReport, Stuck,
    },
    forward::{ConnectionSettings, Reports},
    practice::Practice,
    spool::Spool,
};

/// The topic of the problem that the inner endpoint cannot be opened.
pub(super) const INNER_ENDPOINT: &str = "inner endpoint";

/// Where the engine's files are.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The settings file, if changes can be saved.
    pub config_file: Option<PathBuf>,
    /// The folder of the spool, of the log, and of the file that says where a running engine is.
    pub data_dir: PathBuf,
}

pub struct Shared {
    pub(super) paths: Paths,
    /// The limit of open files.
    pub(super) open_files_max: u64,

    pub(super) faces: Arc<Faces>,
    pub(super) problems: Arc<Problems>,
    pub(super) tasks: Tasks,
    pub(super) inbox: mpsc::Sender<Message>,
    pub(super) log: mpsc::Sender<LogMessage>,
    pub(super) face_state: FaceState,
    pub(super) draft: Draft,

    /// The settings in force.
    pub(super) config: watch::Sender<Arc<Config>>,
    /// The endpoint's part of these settings.
    pub(super) endpoint_config: watch::Sender<Arc<EndpointConfig>>,
    /// How the forwarder reaches the stream with these settings.
    pub(super) connection: watch::Sender<ConnectionSettings>,
    pub(super) status: watch::Sender<Arc<Status>>,

    pub(super) spool: Spool,
    pub(super) activity: Arc<Activity>,
    /// Where the capture endpoint listens.
    pub(super) endpoint: watch::Sender<Option<SocketAddr>>,
    /// The address for this program's own test events, while the endpoint speaks https to other senders.
    pub(super) inner_endpoint: watch::Sender<Option<SocketAddr>>,
    pub(super) control_address: OnceLock<SocketAddr>,
    /// The key that a caller of the control port must send.
    pub(super) control_key: String,

    /// The forwarder's state.
    pub(super) forwarder: watch::Sender<ForwarderState>,
    /// The forwarder's report about the stream.
    pub(super) stream_report: watch::Sender<StreamReport>,
    /// Events in flight.
    pub(super) in_flight: watch::Sender<InFlight>,
    /// The events that the destination refuses while it takes others.
    pub(super) stuck: watch::Sender<Option<Stuck>>,
    /// What was delivered since the start.
    pub(super) puts: watch::Sender<Puts>,
    /// What became of the alerts.
    pub(super) alerts: watch::Sender<Arc<[AlertReport]>>,
    /// What became of the pushes of the metrics.
    pub(super) pushes: watch::Sender<Pushes>,
    pub(super) started_at: Millis,
    pub(super) try_now: Arc<Notify>,
    /// Asks the current forwarder to set aside the stuck events.
    pub(super) set_aside: Mutex<mpsc::Sender<oneshot::Sender<u64>>>,

    pub(super) practice: Practice,
    /// The port number of the practice stream, kept after the port is closed; 0 before it was first open.
    pub(super) practice_port: AtomicU16,
    pub(super) practice_is_open: AtomicBool,

    pub(super) resend: Job<Option<Resent>>,
    pub(super) adoption: Job<Option<Adopting>>,
    pub(super) export: Job<Option<Exported>>,
    pub(super) test_run: Job<Arc<RunView>>,
    pub(super) sign_in: Job<SignInPage>,
    pub(super) reading: Job<Arc<StreamView>>,
    pub(super) stream_filter: watch::Sender<Arc<str>>,
    /// The shards of the stream that was read last.
    pub(super) shards: watch::Sender<Arc<Shards>>,
}

/// What is opened or read before [`Shared`] exists.
pub(super) struct Foundation {
    pub(super) paths: Paths,
    pub(super) config: Config,
    pub(super) endpoint_config: EndpointConfig,
    pub(super) open_files_max: u64,
    pub(super) endpoint: SocketAddr,
    pub(super) practice_port: Option<SocketAddr>,
    pub(super) control_key: String,
    pub(super) spool: Spool,
    pub(super) practice: Practice,
    pub(super) inbox: mpsc::Sender<Message>,
    pub(super) log: mpsc::Sender<LogMessage>,
}

impl Shared {
    /// May read small files.
    pub(super) fn new(foundation: Foundation) -> Self {
        let Foundation { paths, config, spool, practice, .. } = foundation;
        let practice_port = foundation.practice_port.map_or(0, |address| address.port());
        let alerts = config
            .alerts
            .iter()
            .map(|alert| AlertReport { name: alert.name.as_str().into(), ..AlertReport::default() });
        let alerts = watch::Sender::new(alerts.collect());
        let config = Arc::new(config);
        let connection = connection(Arc::clone(&config), &practice, practice_port);
        let faces = Arc::<Faces>::default();
        let problems = Arc::new(Problems::new(Arc::clone(&faces)));
        let tasks = Tasks::new(Arc::clone(&problems));
        let stopping = tasks.stopping().clone();
        Self {
            face_state: FaceState::load(&paths.data_dir),
            draft: Draft::load(&paths.data_dir),
            paths,
            open_files_max: foundation.open_files_max,
            faces,
            problems,
            tasks,
            inbox: foundation.inbox,
            log: foundation.log,
            config: watch::Sender::new(config),
            endpoint_config: watch::Sender::new(Arc::new(foundation.endpoint_config)),
            connection: watch::Sender::new(connection),
            status: watch::Sender::default(),
            spool,
            activity: Arc::default(),
            endpoint: watch::Sender::new(Some(foundation.endpoint)),
            inner_endpoint: watch::Sender::new(None),
            control_address: OnceLock::new(),
            control_key: foundation.control_key,
            forwarder: watch::Sender::default(),
            stream_report: watch::Sender::default(),
            in_flight: watch::Sender::default(),
            stuck: watch::Sender::default(),
            puts: watch::Sender::default(),
            alerts,
            pushes: watch::Sender::default(),
            started_at: now_ms(),
            try_now: Arc::default(),
            // The receiver is dropped: no forwarder runs yet.
            set_aside: Mutex::new(mpsc::channel(1).0),
            practice,
            practice_port: AtomicU16::new(practice_port),
            practice_is_open: AtomicBool::new(false),
            resend: Job::new(&stopping),
            adoption: Job::new(&stopping),
            export: Job::new(&stopping),
            test_run: Job::new(&stopping),
            sign_in: Job::new(&stopping),
            reading: Job::new(&stopping),
            stream_filter: watch::Sender::default(),
            shards: watch::Sender::default(),
        }
    }

    /// Carries out the request before it returns.
    pub(super) fn at_once(&self, immediate: Immediate) {
        match immediate {
            Immediate::RetryNow => self.try_now.notify_one(),
            Immediate::StopResend => self.resend.stop(),
            Immediate::StopExport => self.export.stop(),
            Immediate::FilterStream(text) => {
                self.stream_filter.send_if_modified(|filter| {
                    let is_new = **filter != *text;
                    *filter = text.into();
                    is_new
                });
            }
            Immediate::SetFaults(faults) => {
                self.practice.set_faults(faults);
                // End all pauses: the fault that caused them may be over.
                self.try_now.notify_one();
                self.faces.wake();
            }
        }
    }

    /// Sends the command to the supervisor.
    pub(super) fn command(&self, command: Command) {
        self.send(Message::Command(command));
    }

    /// Sends the request. `read` extracts the answer from the [`Reply`] of that request.
    pub(super) fn request<T: 'static, E: From<Failure> + 'static>(
        &self,
        request: Request,
        read: fn(Reply) -> Option<T>,
    ) -> Answer<Result<T, E>> {
        let (reply, outcome) = oneshot::channel();
        self.send(Message::Request(request, reply));
        answer(outcome, read)
    }

    /// Starts the check, and returns its steps.
    pub(super) fn check(&self, check: Check) -> Steps {
        let (report, steps) = mpsc::channel(STEPS_MAX);
        self.send(Message::Check(check, report));
        Steps(steps)
    }

    /// If the queue is full, or the message starts a job and too many run, it is dropped: no answer comes, and the problem
    /// is shown.
    pub(super) fn send(&self, message: Message) {
        let has_room = !message.starts_job() || self.tasks.has_room();
        let is_sent = has_room && self.inbox.try_send(message).is_ok();
        let problem = (!is_sent).then(|| "The engine is too busy to take commands; try again.".to_owned());
        self.problems.set("commands", problem);
    }

    /// Reads the log on its thread. If the queue of that thread is full, no answer comes, and the face asks again.
    pub(super) fn read_log<T: 'static>(
        &self,
        request: LogRequest,
        read: fn(Reply) -> Option<T>,
    ) -> Answer<Result<T, String>> {
        let (reply, outcome) = oneshot::channel();
        if self.log.try_send(LogMessage::Request(request, reply)).is_err() {
            tracing::debug!("the reader of the log is busy");
        }
        answer(outcome, read)
    }

    /// Like [`Self::read_log`], for tasks. `None`: the log cannot be read.
    pub(super) async fn ask_log(&self, request: LogRequest) -> Option<Reply> {
        let (reply, outcome) = oneshot::channel();
        self.log.send(LogMessage::Request(request, reply)).await.ok()?;
        let outcome = outcome.await.ok()?;
        outcome.map_err(|failure| tracing::warn!("{}", String::from(failure))).ok()
    }

    /// The newest line with this message id that is newer than `after`.
    pub(super) async fn find_line(&self, message_id: &str, after: EventId) -> Option<Delivery> {
        let request = LogRequest::Find { message_id: message_id.to_owned(), after };
        match self.ask_log(request).await? {
            Reply::Line(line) => line.map(|line| *line),
            _ => None,
        }
    }

    /// Sets aside what the destination refuses while it takes other events; returns their number.
    pub(super) async fn set_aside_stuck(&self) -> Result<u64, Failure> {
        let (reply, done) = oneshot::channel();
        let forwarder = self.set_aside.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_asked = forwarder.send(reply).await.is_ok();
        match done.await {
            Ok(count) if is_asked => Ok(count),
            _ => Err(Failure::Other("the forwarder is not running; ask again in a moment".to_owned())),
        }
    }

    /// The channels on which a forwarder reports.
    pub(super) fn reports(&self) -> Reports {
        Reports {
            state: self.forwarder.clone(),
            stream: self.stream_report.clone(),
            in_flight: self.in_flight.clone(),
            stuck: self.stuck.clone(),
            puts: self.puts.clone(),
        }
    }

    /// What the parts publish for `/metrics`.
    pub(super) fn watches(&self) -> DeliveryWatches {
        DeliveryWatches {
            forwarder: self.forwarder.subscribe(),
            stuck: self.stuck.subscribe(),
            puts: self.puts.subscribe(),
            in_flight: self.in_flight.subscribe(),
            report: self.stream_report.subscribe(),
            alerts: self.alerts.subscribe(),
            pushes: self.pushes.subscribe(),
        }
    }

    /// The largest record that the stream of these settings takes, as far as it is known. May read a small file.
    pub(super) fn record_bytes_max(&self, config: &Config) -> usize {
        let facts = self.stream_report.borrow().facts;
        facts.map_or_else(|| learned::recall(&self.paths.data_dir, config), |facts| facts.record_bytes_max)
    }

    /// The connection settings for the forwarder and for readers of the stream, from these settings.
    pub(super) fn connection_for(&self, config: Arc<Config>) -> ConnectionSettings {
        connection(config, &self.practice, self.practice_port.load(Ordering::Acquire))
    }

    /// How other programs reach the practice stream; `None`: its port is closed.
    pub(super) fn practice_access(&self) -> Option<PracticeAccess> {
        let is_open = self.practice_is_open.load(Ordering::Acquire);
        is_open.then(|| PracticeAccess::new(&self.practice, self.practice_port.load(Ordering::Acquire)))
    }

    /// Writes `engine.json`, by which other processes find this engine.
    pub(super) fn write_running_engine(&self) {
        let inner = *self.inner_endpoint.borrow();
        // Programs of this machine cannot use an https endpoint: they are told of the engine when the inner one is open, or
        // cannot be opened.
        let is_https = self.endpoint_config.borrow().tls().is_some();
        if is_https && inner.is_none() && !self.problems.has(INNER_ENDPOINT) {
            return;
        }
        let Some(address) = inner.or(*self.endpoint.borrow()) else { return };
        let control = self
            .control_address
            .get()
            .map(|address| ControlAccess { address: address.to_string(), key: self.control_key.clone() });
        let engine = RunningEngine::this(url_of(address, false), self.practice_access(), control);
        let problem = engine.write(&self.paths.data_dir).err().map(|error| {
            format!(
                "`send` and `tail` will not find this engine: engine.json could not be written ({error})."
            )
        });
        self.problems.set("engine.json", problem);
    }
}

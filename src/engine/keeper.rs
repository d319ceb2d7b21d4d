//! The keeper: the one task that starts the others, carries out what the faces ask for, sees when a part ends
//! unasked, and stops all in order.

use std::{
    collections::HashMap,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::{AbortHandle, Id, JoinSet},
    time::MissedTickBehavior,
};

use super::{
    Applied, ControlAccess, Export, PRACTICE_STREAM, Preset, ReadPlan, Shared, TestRun, TestSent,
    WaitingEvents, Whereabouts, account, chain, control, export, learned, practice_port::PracticePort,
    presets, public_check, reading, resend, set_aside, signals::Signals, test_event, test_run, url_of,
};
use crate::{
    capture::{self, DeliveryWatches, Endpoint, EndpointConfig, Stage, Transport},
    config::{self, Config, Destination, DestinationKind},
    delivery::{AwsError, CheckKind, CheckStep, Exported, Receipt, Record, ResendSelection, Resent},
    event::{Kind, shown},
    forward::{self, Controls, Reports},
    kinesis, remedy,
};

/// How long connections that are being answered may take to end, once nothing new is taken.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// How often and how long a port is waited for that we ourselves let go of.
const BIND_TRIES: u32 = 40;
const BIND_PAUSE: Duration = Duration::from_millis(50);

/// Connections of the inner endpoint: of this program's own test events.
const INNER_CONNECTIONS_MAX: usize = 64;

/// How often an address that is wanted and in use is tried again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// A put has an answer, or none, after this long at most.
const FORWARDER_REST_MAX: Duration = Duration::from_secs(70);
const FORWARDER_LOOK: Duration = Duration::from_millis(10);

pub(super) enum Command {
    Apply {
        config: Box<Config>,
        save: bool,
        queued: WaitingEvents,
        reply: oneshot::Sender<Result<Applied, String>>,
    },
    Test {
        kind: Kind,
        json: String,
        source: usize,
        reply: oneshot::Sender<Result<TestSent, String>>,
    },
    SetAsideStuck {
        reply: oneshot::Sender<Result<u64, String>>,
    },
    StoreKeys {
        destination: Box<Destination>,
        keys: [String; 2],
        reply: oneshot::Sender<Result<(), String>>,
    },
    CountResend {
        which: ResendSelection,
        reply: oneshot::Sender<Result<Resent, String>>,
    },
    Resend {
        which: ResendSelection,
        rate: Option<NonZeroU32>,
        reply: oneshot::Sender<Result<Resent, String>>,
    },
    Export {
        export: Export,
        reply: oneshot::Sender<Result<Exported, String>>,
    },
    Check {
        config: Box<Config>,
        kind: CheckKind,
        report: mpsc::Sender<CheckStep>,
    },
    Account(account::Errand),
    Read(Option<ReadPlan>),
    Trial(Trial),
    Stop {
        grace: Duration,
    },
}

/// What is for trying things out, and for telling.
pub(super) enum Trial {
    ReadBack { receipt: Receipt, reply: oneshot::Sender<Result<Option<Record>, AwsError>> },
    Run(Option<TestRun>),
    Presets { reply: oneshot::Sender<Result<Vec<Preset>, String>> },
    SavePresets { presets: Vec<Preset>, reply: oneshot::Sender<Result<(), String>> },
    NotifyDesktop(String),
    DeletePractice,
    MakePractice,
    CheckPublic { report: mpsc::Sender<CheckStep> },
}

/// A listener and the word that closes it.
struct Listening {
    asked_for: SocketAddr,
    stage: watch::Sender<Stage>,
}

pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    /// Parts that run as long as the engine does; one that ends is a problem.
    parts: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    /// Work that ends by itself.
    errands: JoinSet<()>,
    listening: Listening,
    /// The stage of the listener for this program's own test events.
    inside: watch::Sender<Stage>,
    forwarder: Option<AbortHandle>,
    /// Parts that end when the spool does, which is last.
    endless: Vec<AbortHandle>,
    stop_forwarder: watch::Sender<bool>,
    pub(super) practice_port: PracticePort,
    reading: Option<(AbortHandle, ReadPlan)>,
    /// Where the command line gives orders.
    control: Option<SocketAddr>,
    stop_run: watch::Sender<bool>,
}

/// Runs until [`Command::Stop`] is carried out.
pub(super) async fn run(
    shared: Arc<Shared>,
    (listener, practice_listener): (TcpListener, Option<TcpListener>),
    mut inbox: mpsc::Receiver<Command>,
    signals: Option<Signals>,
) {
    let asked_for = shared.config.borrow().capture.listen;
    let mut keeper = Keeper {
        shared,
        parts: JoinSet::new(),
        names: HashMap::new(),
        errands: JoinSet::new(),
        listening: Listening { asked_for, stage: watch::Sender::new(Stage::Open) },
        inside: watch::Sender::new(Stage::Open),
        forwarder: None,
        endless: Vec::new(),
        stop_forwarder: watch::Sender::new(false),
        practice_port: PracticePort::default(),
        reading: None,
        control: None,
        stop_run: watch::Sender::new(false),
    };
    if let Some(signals) = signals {
        let listening = super::signals::run(Arc::clone(&keeper.shared), signals);
        let listening = keeper.part("signal listener", listening);
        keeper.endless.push(listening);
    }
    keeper.listen_for_orders().await;
    keeper.start(listener, practice_listener);
    keeper.listen_inside().await;
    let mut news_of_stream = keeper.shared.news_of_stream.subscribe();
    let mut listen_again = tokio::time::interval(LISTEN_AGAIN);
    listen_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let grace = loop {
        tokio::select! {
            command = inbox.recv() => match command {
                Some(Command::Stop { grace }) => break grace,
                Some(command) => keeper.carry_out(command).await,
                None => break Duration::ZERO,
            },
            Some(ended) = keeper.parts.join_next_with_id() => keeper.part_ended(&ended),
            Some(done) = keeper.errands.join_next() => {
                keeper.shared.errand_ended(&done);
                keeper.close_practice();
            }
            Ok(()) = news_of_stream.changed() => keeper.heed_stream(),
            _ = listen_again.tick(), if keeper.waits_for_address().is_some() || keeper.misses_practice() => {
                keeper.listen_again();
                if keeper.misses_practice() {
                    keeper.open_practice().await;
                }
            }
        }
    };
    keeper.stop(grace).await;
}

impl Keeper {
    pub(super) fn part(
        &mut self,
        name: &'static str,
        part: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        let handle = self.parts.spawn(part);
        self.names.insert(handle.id(), name);
        handle
    }

    /// Its end is not one that nobody asked for.
    pub(super) fn forget_part(&mut self, name: &str) {
        self.names.retain(|_, part| *part != name);
    }

    fn start(&mut self, listener: TcpListener, practice_listener: Option<TcpListener>) {
        let shared = Arc::clone(&self.shared);
        self.make_practice();
        if let Some(listener) = practice_listener {
            self.serve_practice(listener);
        }
        self.forward();
        let summary = shared.spool.watch();
        let board = self.part("status board", super::board::run(Arc::clone(&shared), summary));
        let spool = shared.spool.clone();
        let spool = self.part("spool", async move { spool.closed().await });
        self.endless.extend([board, spool]);
        self.listen(listener);
    }

    fn forward(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.stop_forwarder = watch::Sender::new(false);
        let (ask, set_aside) = mpsc::channel(1);
        *shared.set_aside.lock().unwrap_or_else(PoisonError::into_inner) = ask;
        let controls = Controls {
            set_aside,
            settings: shared.setup.subscribe(),
            try_now: Arc::clone(&shared.try_now),
            stop: self.stop_forwarder.subscribe(),
            // The rest is for senders, and for files.
            puts_max: usize::try_from(super::files_at_once() / 4).unwrap_or(usize::MAX),
        };
        let reports = Reports {
            state: shared.forwarder.clone(),
            stream: shared.news_of_stream.clone(),
            sending: shared.sending.clone(),
            stuck: shared.stuck.clone(),
            puts: shared.puts.clone(),
        };
        let forwarding = forward::run(shared.spool.clone(), controls, reports);
        self.forwarder = Some(self.part("forwarder", forwarding));
    }

    /// Serves `listener` as the endpoint.
    fn listen(&mut self, listener: TcpListener) {
        let address = listener.local_addr().ok();
        let stage = self.listening.stage.subscribe();
        self.serve("capture endpoint", listener, stage, Transport::Settings);
        self.shared.endpoint.send_replace(address);
        self.write_whereabouts();
    }

    fn serve(
        &mut self,
        name: &'static str,
        listener: TcpListener,
        stage: watch::Receiver<Stage>,
        transport: Transport,
    ) {
        let endpoint = Endpoint::new(
            self.shared.spool.clone(),
            self.shared.rules.subscribe(),
            stage,
            DeliveryWatches {
                forwarder: self.shared.forwarder.subscribe(),
                stuck: self.shared.stuck.subscribe(),
                puts: self.shared.puts.subscribe(),
                report: self.shared.news_of_stream.subscribe(),
            },
            Arc::clone(&self.shared.activity),
        );
        // Test events of this program alone come over the inner one.
        let most = match transport {
            Transport::Settings => capture::connections_max(super::files_at_once()),
            Transport::Plain => INNER_CONNECTIONS_MAX,
        };
        self.part(name, capture::serve(Arc::new(endpoint), listener, transport, most));
    }

    /// With https, the program's own test events (the Test place, `send`) come over a listener of their own, on
    /// loopback and without TLS: its certificate names the outside host.
    async fn listen_inside(&mut self) {
        if self.shared.rules.borrow().tls().is_none() || self.shared.inner_endpoint.borrow().is_some() {
            return;
        }
        match TcpListener::bind(("127.0.0.1", 0)).await {
            Ok(listener) => {
                self.shared.inner_endpoint.send_replace(listener.local_addr().ok());
                let stage = self.inside.subscribe();
                self.serve("inner endpoint", listener, stage, Transport::Plain);
                self.write_whereabouts();
            }
            Err(error) => {
                let text =
                    format!("Test events cannot be sent: no port on loopback could be opened ({error}).");
                self.shared.set_problem("inner endpoint", Some(text));
            }
        }
    }

    async fn listen_for_orders(&mut self) {
        match TcpListener::bind(("127.0.0.1", 0)).await {
            Ok(listener) => {
                self.control = listener.local_addr().ok();
                let orders = self.part("control port", control::run(Arc::clone(&self.shared), listener));
                self.endless.push(orders);
            }
            Err(error) => {
                let text = format!(
                    "Commands such as `tributary resend` will not find this engine: no port on loopback \
                             could be opened ({error})."
                );
                self.shared.set_problem("control port", Some(text));
            }
        }
    }

    pub(super) fn write_whereabouts(&self) {
        let inner = *self.shared.inner_endpoint.borrow();
        let Some(address) = inner.or(*self.shared.endpoint.borrow()) else { return };
        let control = self.control.map(|address| ControlAccess {
            address: address.to_string(),
            key: self.shared.control_key.clone(),
        });
        let whereabouts = Whereabouts::new(url_of(address, false), self.practice_access(), control);
        let written = whereabouts.write(&self.shared.paths.data_dir);
        let problem = written.err().map(|error| {
            format!(
                "`send` and `tail` will not find this engine: engine.json could not be written ({error})."
            )
        });
        self.shared.set_problem("whereabouts", problem);
    }

    async fn carry_out(&mut self, command: Command) {
        let shared = Arc::clone(&self.shared);
        match command {
            Command::Apply { config, save, queued, reply } => {
                // First what the user does not want in the new destination: nothing of it may get there.
                let mut result = match queued {
                    WaitingEvents::GoOn => Ok(()),
                    WaitingEvents::SetAside => self.set_aside().await,
                };
                if save && result.is_ok() {
                    result = self.save(&config).await;
                    if queued == WaitingEvents::SetAside {
                        result = result.map_err(|error| {
                            format!("{error}; the queued events were already set aside: they are under Failed and \
                                     can be resent")
                        });
                    }
                }
                let applied = match result {
                    Ok(()) => Ok(self.apply(*config).await),
                    Err(error) => Err(error),
                };
                answer(reply, applied);
                shared.wake_faces();
            }
            Command::Test { kind, json, source, reply } => {
                self.errand(reply, test_event::send(shared, kind, json, source));
            }
            Command::SetAsideStuck { reply } => {
                self.errand(reply, async move { shared.set_aside_stuck().await });
            }
            Command::StoreKeys { destination, keys: [id, secret], reply } => {
                self.errand(reply, async move {
                    let kept = kinesis::keychain::keep(&destination, id, secret).await;
                    if kept.is_ok() {
                        shared.try_now.notify_one();
                    }
                    kept
                });
            }
            Command::Check { config, kind, report } => {
                let practice = self.practice_for(&config).await;
                self.errands.spawn(async move {
                    let setup = shared.setup_for(Arc::from(config));
                    let tell = |step| {
                        // A face that no longer looks is no error.
                        drop(report.try_send(step));
                        shared.wake_faces();
                    };
                    kinesis::check(&setup.config, setup.practice.as_ref(), kind, tell).await;
                    drop((report, practice));
                    shared.wake_faces();
                });
            }
            Command::CountResend { which, reply } => {
                self.errand(reply, resend::count(shared, which));
            }
            Command::Resend { which, rate, reply } => {
                self.errand(reply, resend::run(shared, which, rate));
            }
            Command::Export { export, reply } => self.errand(reply, export::run(shared, export)),
            Command::Account(errand) => drop(self.errands.spawn(account::run(shared, errand))),
            Command::Read(from) => self.read(from),
            Command::Trial(trial) => self.try_out(trial),
            Command::Stop { .. } => {}
        }
    }

    fn try_out(&mut self, trial: Trial) {
        let shared = Arc::clone(&self.shared);
        match trial {
            Trial::ReadBack { receipt, reply } => {
                let setup = shared.setup.borrow().clone();
                self.errand(reply, async move {
                    let client = kinesis::Client::connect(&setup.config, setup.practice.as_ref()).await;
                    client.record_at(&receipt).await
                });
            }
            Trial::Run(run) => {
                self.stop_run.send_replace(true);
                if let Some(run) = run {
                    self.stop_run = watch::Sender::new(false);
                    self.errands.spawn(test_run::run(shared, run, self.stop_run.subscribe()));
                }
            }
            Trial::NotifyDesktop(text) => {
                let (reply, _nobody) = oneshot::channel();
                self.files(reply, move || notify_desktop(&text));
            }
            Trial::DeletePractice => {
                shared.practice.delete_stream(PRACTICE_STREAM);
                shared.news.notify_one();
            }
            Trial::MakePractice => {
                self.make_practice();
                shared.try_now.notify_one();
                shared.news.notify_one();
            }
            Trial::CheckPublic { report } => {
                self.errands.spawn(async move {
                    let tell = |step| {
                        // A face that no longer looks is no error.
                        drop(report.try_send(step));
                        shared.wake_faces();
                    };
                    public_check::run(Arc::clone(&shared), tell).await;
                    drop(report);
                    shared.wake_faces();
                });
            }
            Trial::Presets { reply } => {
                let folder = shared.paths.data_dir.clone();
                self.files(reply, move || presets::read(&folder));
            }
            Trial::SavePresets { presets, reply } => {
                let folder = shared.paths.data_dir.clone();
                self.files(reply, move || presets::write(&folder, &presets));
            }
        }
    }

    /// Work that ends by itself, with an answer for the face that asked.
    fn errand<T: Send + 'static>(
        &mut self,
        reply: oneshot::Sender<T>,
        work: impl Future<Output = T> + Send + 'static,
    ) {
        let shared = Arc::clone(&self.shared);
        self.errands.spawn(async move {
            answer(reply, work.await);
            shared.wake_faces();
        });
    }

    /// What may block (the disk, the desktop): not on a thread of the runtime.
    fn files<T: Send + 'static>(
        &mut self,
        reply: oneshot::Sender<Result<T, String>>,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) {
        self.errand(reply, async move {
            #[expect(clippy::disallowed_methods, reason = "the engine spawns; this blocks")]
            let worked = tokio::task::spawn_blocking(work).await;
            worked.unwrap_or_else(|error| Err(error.to_string()))
        });
    }

    /// Saving touches the disk: not on a thread of the runtime.
    async fn save(&mut self, config: &Config) -> Result<(), String> {
        let Some(path) = self.shared.paths.config_file.clone() else {
            return Err("there is no settings file to save to".to_owned());
        };
        let (before, after) = (Arc::clone(&self.shared.config.borrow()), config.clone());
        #[expect(clippy::disallowed_methods, reason = "the engine spawns; writing a file blocks")]
        let saved = tokio::task::spawn_blocking(move || config::save(&path, &before, &after));
        match saved.await {
            Ok(saved) => saved.map_err(|error| chain(&error)),
            Err(error) => Err(format!("saving failed: {error}")),
        }
    }

    async fn apply(&mut self, config: Config) -> Applied {
        let config = Arc::new(config);
        let shared = Arc::clone(&self.shared);
        let tls = super::tls(&config);
        let certificate = tls
            .as_ref()
            .err()
            .map(|error| format!("{}; the endpoint keeps its previous certificate settings.", chain(error)));
        shared.set_problem("certificate", certificate.clone());
        let tls = tls.unwrap_or_else(|_error| shared.rules.borrow().tls().cloned());
        shared.rules.send_replace(Arc::new(EndpointConfig::new(
            &config,
            shared.record_bytes_max(&config),
            tls,
        )));
        for (before, name) in config.capture.renamed_since(&shared.config.borrow().capture) {
            shared.activity.renamed(before, name);
        }
        self.listen_inside().await;
        shared.spool.set_limits((&*config).into()).await;
        let before = shared.setup.borrow().config.clone();
        if before.destination != config.destination || before.credentials != config.credentials {
            if config.destination.kind == DestinationKind::Practice {
                self.open_practice().await;
            }
            shared.setup.send_replace(shared.setup_for(Arc::clone(&config)));
            self.close_practice();
            if let Some((_, from)) = self.reading.clone() {
                self.read(Some(from));
            }
        }
        let listen = if config.capture.listen == self.listening.asked_for {
            None
        } else {
            self.move_to(config.capture.listen).await
        };
        shared.set_problem("listen", listen.clone());
        shared.config.send_replace(config);
        shared.news.notify_one();
        let not_in_force = [certificate, listen].into_iter().flatten().collect::<Vec<_>>().join(" ");
        if not_in_force.is_empty() { Applied::InForce } else { Applied::NotAll(not_in_force) }
    }

    /// The address of the settings in force, where the endpoint could not move to it yet.
    fn waits_for_address(&self) -> Option<SocketAddr> {
        let wanted = self.shared.config.borrow().capture.listen;
        (wanted != self.listening.asked_for).then_some(wanted)
    }

    /// Takes that address once it is free. Never closes the present listener for it: senders would find nobody.
    fn listen_again(&mut self) {
        let Some(wanted) = self.waits_for_address() else { return };
        if let Ok(listener) = capture::listen(wanted) {
            self.moved(wanted, listener);
            self.shared.set_problem("listen", None);
        }
    }

    /// What the forwarder learned about the stream: how large events may be, and what is wrong with the order.
    fn heed_stream(&self) {
        let shared = &self.shared;
        let config = Arc::clone(&shared.config.borrow());
        let tls = shared.rules.borrow().tls().cloned();
        shared.rules.send_replace(Arc::new(EndpointConfig::new(
            &config,
            shared.record_bytes_max(&config),
            tls,
        )));
        let news = shared.news_of_stream.borrow().clone();
        if let Some(facts) = news.facts {
            learned::keep(&shared.paths.data_dir, &config, facts.record_bytes_max);
        }
        let spreads = news.facts.is_some_and(|facts| facts.spreads_keys) && config.destination.ordered;
        shared.set_problem("distribution", spreads.then(|| remedy::spread_keys(&config)));
        let slowness = news.slowness.map(|slow| remedy::slow(slow.answer, slow.waits, &config));
        shared.set_problem("latency", slowness);
    }

    /// Listens elsewhere; if that fails, stays where it is and gives the words for it.
    async fn move_to(&mut self, address: SocketAddr) -> Option<String> {
        let mut bound = capture::listen(address);
        let here = *self.shared.endpoint.borrow();
        let is_same_port = here.is_some_and(|here| here.port() == address.port());
        if bound.is_err() && is_same_port {
            // The same port of other addresses is free as soon as we let go of it.
            self.listening.stage.send_replace(Stage::Closed);
            self.forget_part("capture endpoint");
            bound = bind_when_free(address).await;
            if bound.is_err()
                && let Ok(listener) = bind_when_free(self.listening.asked_for).await
            {
                self.listening.stage = watch::Sender::new(Stage::Open);
                self.listen(listener);
            }
        }
        match bound {
            Ok(listener) => {
                self.moved(address, listener);
                None
            }
            Err(error) => {
                let here = here.map_or_else(|| "where it is".to_owned(), |here| format!("at {here}"));
                // The endpoint itself has that port, so that the other addresses of it cannot be tried meanwhile.
                let then = if is_same_port {
                    "Choose another port, or free that one and restart Tributary."
                } else {
                    "Tributary moves it as soon as that address is free; or choose another port."
                };
                Some(format!("The endpoint could not move to {address} ({error}) and stays {here}. {then}"))
            }
        }
    }

    /// Listens at this address from now on, and closes the listener that it had.
    fn moved(&mut self, address: SocketAddr, listener: TcpListener) {
        let old = std::mem::replace(&mut self.listening.stage, watch::Sender::new(Stage::Open));
        old.send_replace(Stage::Closed);
        // The old listener now ends by request.
        self.forget_part("capture endpoint");
        self.listening.asked_for = address;
        self.listen(listener);
    }

    /// Lets the forwarder finish what is in flight, sets aside what waits, and starts it again.
    async fn set_aside(&mut self) -> Result<(), String> {
        if let Some(forwarder) = self.forwarder.take() {
            // It ends by request.
            self.forget_part("forwarder");
            self.stop_forwarder.send_replace(true);
            let ended = async {
                while !forwarder.is_finished() {
                    tokio::time::sleep(FORWARDER_LOOK).await;
                }
            };
            if tokio::time::timeout(FORWARDER_REST_MAX, ended).await.is_err() {
                tracing::warn!("puts were still in flight after {FORWARDER_REST_MAX:?}");
                forwarder.abort();
            }
        }
        let config = Arc::clone(&self.shared.config.borrow());
        let name = match config.destination.kind {
            DestinationKind::Practice => "the practice stream",
            DestinationKind::Kinesis => &config.destination.stream,
        };
        let message = format!("set aside when the destination was changed; it waited for {name}");
        let done = set_aside::run(&self.shared.spool, config.destination.encoding, &message).await;
        self.forward();
        done.map(|count| tracing::info!("{count} events were set aside"))
    }

    /// Begins the reading that is under way once more, with the setup in force.
    pub(super) fn read_again(&mut self) {
        if let Some((_, plan)) = &self.reading {
            let plan = plan.clone();
            self.read(Some(plan));
        }
    }

    fn read(&mut self, plan: Option<ReadPlan>) {
        if let Some((old, _)) = self.reading.take() {
            old.abort();
        }
        self.shared.stream.send_replace(Arc::default());
        if let Some(plan) = plan {
            let setup = self.shared.setup.borrow().clone();
            let handle = self.errands.spawn(reading::run(Arc::clone(&self.shared), setup, plan.clone()));
            self.reading = Some((handle, plan));
        }
    }

    fn part_ended(&mut self, ended: &Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let Some(name) = self.names.remove(&id) else { return };
        let why = ended.as_ref().err().map_or_else(String::new, |error| format!(" ({error})"));
        self.shared.set_broken(name, &why);
    }

    /// In order: refuse, finish puts, close connections, stop the rest.
    async fn stop(&mut self, grace: Duration) {
        self.listening.stage.send_replace(Stage::Refusing);
        self.inside.send_replace(Stage::Refusing);
        self.read(None);
        self.errands.abort_all();
        self.stop_forwarder.send_replace(true);
        let forwarder = self.forwarder.take();
        if tokio::time::timeout(grace, self.part_gone(forwarder.as_ref())).await.is_err() {
            tracing::warn!(
                "puts were still in flight after {grace:?}; their events are put again at the next start"
            );
        }
        self.listening.stage.send_replace(Stage::Closed);
        self.inside.send_replace(Stage::Closed);
        self.practice_port.stop();
        for part in self.endless.drain(..) {
            part.abort();
        }
        let closed = async { while self.parts.join_next().await.is_some() {} };
        if tokio::time::timeout(CLOSE_GRACE, closed).await.is_err() {
            tracing::info!("connections that were still open are cut off");
        }
        if tokio::time::timeout(CLOSE_GRACE, self.parts.shutdown()).await.is_err() {
            tracing::warn!("a part of the engine did not end in time");
        }
    }

    /// Waits for one part; the others that end meanwhile are not missed, since all are to end.
    async fn part_gone(&mut self, part: Option<&AbortHandle>) {
        let Some(part) = part else { return };
        while !part.is_finished() {
            if self.parts.join_next().await.is_none() {
                return;
            }
        }
    }
}

/// A listener that was told to close lets go of its port in a moment.
pub(super) async fn bind_when_free(address: SocketAddr) -> std::io::Result<TcpListener> {
    let mut bound = capture::listen(address);
    for _ in 0..BIND_TRIES {
        if bound.is_ok() {
            break;
        }
        tokio::time::sleep(BIND_PAUSE).await;
        bound = capture::listen(address);
    }
    bound
}

/// The desktop's service may be slow to answer, or not there: then the window alone has said it.
fn notify_desktop(text: &str) -> Result<(), String> {
    let notice = notify_rust::Notification::new()
        .appname("Tributary")
        .icon("tributary")
        .summary("Tributary")
        .body(&shown::lines(text))
        .show();
    notice.map(drop).map_err(|error| {
        tracing::debug!("the desktop shows no notice: {error}");
        error.to_string()
    })
}

/// A face that no longer waits is no error.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    drop(reply.send(value));
}

//! The supervisor: the task that starts the parts, puts new settings in force, starts jobs for the other requests of faces, and
//! stops all in order. It holds only state that needs `&mut`.

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::mpsc, time::MissedTickBehavior};

use super::{
    alerts,
    command::{Applied, Apply, Check, Command, WaitingEvents},
    control, desktop,
    forwarding::Forwarding,
    learned,
    listeners::{Listeners, tls},
    message::{Failure, Message, Outcome, Reply, ReplyTo, chain},
    otlp,
    practice_access::PRACTICE_STREAM,
    practice_port::{self, PracticePort},
    public_check, reading, requests,
    shared::Shared,
    sign_in,
    signals::{self, Signals},
    status_publisher, test_run,
};
use crate::{
    capture::EndpointConfig,
    config::{self, Config, DestinationKind},
    delivery::CheckStep,
    kinesis, remedy,
};

/// How long connections may take to end after they are told to close, and parts after they are cut off.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// The interval between attempts to listen on an address or port that was in use.
const RETRY_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Supervisor {
    shared: Arc<Shared>,
    listeners: Listeners,
    forwarding: Forwarding,
    practice_port: PracticePort,
}

/// Listeners and handlers that were opened before the parts start.
pub(super) struct Opened {
    pub(super) listener: TcpListener,
    pub(super) practice_listener: Option<TcpListener>,
    pub(super) signals: Option<Signals>,
}

/// Starts the parts and serves `inbox` until the engine stops. Returns the supervisor, which must then stop its parts.
pub(super) async fn run(
    shared: Arc<Shared>,
    opened: Opened,
    mut inbox: mpsc::Receiver<Message>,
) -> Supervisor {
    let mut supervisor = Supervisor::start(Arc::clone(&shared), opened).await;
    let mut stream_report = shared.stream_report.subscribe();
    let mut retry = tokio::time::interval(RETRY_EVERY);
    retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.tasks.stopping().cancelled() => {
                supervisor.apply_what_waits(&mut inbox).await;
                return supervisor;
            }
            Some(message) = inbox.recv() => supervisor.take(message).await,
            Ok(()) = stream_report.changed() => supervisor.heed_stream_report(),
            () = supervisor.practice_port.check_ended() => supervisor.practice_port.close_if_unwanted(),
            _ = retry.tick(), if supervisor.listeners.is_elsewhere() || supervisor.practice_port.is_missing() => {
                supervisor.listeners.move_if_free();
                if supervisor.practice_port.is_missing() {
                    supervisor.practice_port.open().await;
                }
            }
        }
    }
}

impl Supervisor {
    async fn start(shared: Arc<Shared>, opened: Opened) -> Self {
        if let Some(signals) = opened.signals {
            shared.tasks.service("signal listener", signals::run(Arc::clone(&shared.faces), signals));
        }
        open_control_port(&shared).await;
        practice_port::create_stream(&shared);
        let mut practice_port = PracticePort::new(Arc::clone(&shared));
        if let Some(listener) = opened.practice_listener {
            practice_port.serve(listener);
        }
        let forwarding = Forwarding::start(Arc::clone(&shared));
        shared.tasks.service("status publisher", status_publisher::run(Arc::clone(&shared)));
        shared.tasks.service("alerts", alerts::run(Arc::clone(&shared)));
        shared.tasks.service("metrics push", otlp::run(Arc::clone(&shared)));
        let spool = shared.spool.clone();
        shared.tasks.service("spool", async move { spool.closed().await });
        let address = shared.config.borrow().capture.listen;
        let mut listeners = Listeners::new(Arc::clone(&shared), address, opened.listener);
        listeners.open_inner().await;
        Self { shared, listeners, forwarding, practice_port }
    }

    /// Carries out queued [`Message::Apply`]s, so that settings saved just before the stop are in their file.
    async fn apply_what_waits(&mut self, inbox: &mut mpsc::Receiver<Message>) {
        while let Ok(message) = inbox.try_recv() {
            if matches!(message, Message::Apply(..)) {
                self.take(message).await;
            }
        }
    }

    async fn take(&mut self, message: Message) {
        let shared = Arc::clone(&self.shared);
        match message {
            Message::Command(command) => self.command(command),
            Message::Apply(apply, reply) => {
                let applied = self.apply_and_save(apply).await;
                answer(&shared, reply, applied.map(Reply::Applied));
            }
            Message::Request(request, reply) => {
                self.shared.tasks.job(async move {
                    let outcome = requests::carry_out(&shared, request).await;
                    answer(&shared, reply, outcome);
                });
            }
            Message::SignIn(which, mut reply) => {
                let run = shared.sign_in.restart();
                self.shared.tasks.job(async move {
                    let Some(run) = run.await else { return };
                    let tell = |line: &str| {
                        if run.update(|page| page.read(line)) {
                            shared.faces.wake();
                        }
                    };
                    let signed_in = tokio::select! {
                        signed_in = sign_in::run(&which, tell) => signed_in,
                        () = reply.closed() => return,
                        () = run.stop().cancelled() => return,
                    };
                    if signed_in.is_ok() {
                        shared.try_now.notify_one();
                    }
                    answer(&shared, reply, signed_in.map(|()| Reply::Done).map_err(Failure::from));
                });
            }
            Message::Check(check, report) => self.check(check, report).await,
        }
    }

    fn command(&self, command: Command) {
        let shared = Arc::clone(&self.shared);
        match command {
            Command::ReadStream(plan) => {
                let run = shared.reading.restart();
                self.shared.tasks.job(async move {
                    if let Some(run) = run.await {
                        reading::run(shared, run, plan).await;
                    }
                });
            }
            Command::StopReading => shared.reading.stop(),
            Command::StartTestRun(plan) => {
                let run = shared.test_run.restart();
                self.shared.tasks.job(async move {
                    if let Some(run) = run.await {
                        test_run::run(shared, run, plan).await;
                    }
                });
            }
            Command::StopTestRun => shared.test_run.stop(),
            Command::DeletePracticeStream => {
                shared.practice.delete_stream(PRACTICE_STREAM);
                shared.faces.changed.notify_one();
            }
            Command::CreatePracticeStream => {
                practice_port::create_stream(&shared);
                shared.faces.changed.notify_one();
                shared.try_now.notify_one();
            }
            Command::NotifyDesktop(text) => self.shared.tasks.job(async move {
                if let Ok(Err(error)) = shared.tasks.blocking(move || desktop::notify(&text)).await {
                    // The window has shown the text itself.
                    tracing::debug!("the desktop shows no notice: {error}");
                }
            }),
        }
    }

    async fn check(&mut self, check: Check, report: mpsc::Sender<CheckStep>) {
        let shared = Arc::clone(&self.shared);
        let tell = move |shared: &Shared, step| {
            // If the face has dropped the answer, the check still goes on to its end.
            drop(report.try_send(step));
            shared.faces.wake();
        };
        match check {
            Check::Destination { config, kind } => {
                let open = self.practice_port.open_for_check(&config).await;
                self.shared.tasks.job(async move {
                    let connection = shared.connection_for(Arc::from(config));
                    kinesis::check(&connection.config, connection.practice.as_ref(), kind, |step| {
                        tell(&shared, step);
                    })
                    .await;
                    drop((tell, open));
                    shared.faces.wake();
                });
            }
            Check::PublicAddress => self.shared.tasks.job(async move {
                public_check::run(Arc::clone(&shared), |step| tell(&shared, step)).await;
                drop(tell);
                shared.faces.wake();
            }),
            Check::Attach { config, attachment } => self.shared.tasks.job(async move {
                let calls = attachment.calls(&config);
                Box::pin(kinesis::attach(&config, &calls, |step| tell(&shared, step))).await;
                drop(tell);
                shared.faces.wake();
            }),
            Check::CreateStream { config, stream } => self.shared.tasks.job(async move {
                Box::pin(kinesis::create_stream(&config, &stream, |step| tell(&shared, step))).await;
                drop(tell);
                shared.faces.wake();
            }),
        }
    }

    /// Saves the settings if that is asked for, and puts them in force.
    async fn apply_and_save(&mut self, apply: Apply) -> Result<Applied, Failure> {
        let Apply { config, save, waiting } = apply;
        if waiting == WaitingEvents::SetAside {
            // Set aside before the settings change, so that no event reaches the new destination.
            self.forwarding.set_aside_queued().await?;
        }
        if save && let Err(failure) = self.save(&config).await {
            return Err(match waiting {
                WaitingEvents::GoOn => failure,
                WaitingEvents::SetAside => Failure::Other(format!(
                    "{}; the queued events were already set aside: they are under Failed and can be resent",
                    String::from(failure)
                )),
            });
        }
        Ok(self.apply(Arc::from(config)).await)
    }

    async fn save(&self, config: &Config) -> Result<(), Failure> {
        let Some(path) = self.shared.paths.config_file.clone() else {
            return Err(Failure::Other("there is no settings file to save to".to_owned()));
        };
        let (before, after) = (Arc::clone(&self.shared.config.borrow()), config.clone());
        Ok(self.shared.tasks.blocking(move || config::save(&path, &before, &after)).await??)
    }

    async fn apply(&mut self, config: Arc<Config>) -> Applied {
        let shared = Arc::clone(&self.shared);
        let tls = tls(&config);
        let certificate = tls
            .as_ref()
            .err()
            .map(|error| format!("{}; the endpoint keeps its previous certificate settings.", chain(error)));
        shared.problems.set("certificate", certificate.clone());
        let tls = tls.unwrap_or_else(|_error| shared.endpoint_config.borrow().tls().cloned());
        shared.endpoint_config.send_replace(Arc::new(EndpointConfig::new(
            &config,
            shared.record_bytes_max(&config),
            tls,
        )));
        for (before, name) in config.capture.renamed_since(&shared.config.borrow().capture) {
            shared.activity.renamed(before, name);
        }
        self.listeners.open_inner().await;
        shared.spool.set_limits((&*config).into()).await;
        let before = Arc::clone(&shared.connection.borrow().config);
        if before.destination != config.destination || before.credentials != config.credentials {
            if config.destination.kind == DestinationKind::Practice {
                self.practice_port.open().await;
            }
            shared.connection.send_replace(shared.connection_for(Arc::clone(&config)));
            self.practice_port.close_if_unwanted();
        }
        let listen = self.listeners.move_to(config.capture.listen).await;
        shared.problems.set("listen", listen.clone());
        shared.config.send_replace(config);
        shared.faces.changed.notify_one();
        let not_in_force = [certificate, listen].into_iter().flatten().collect::<Vec<_>>().join(" ");
        if not_in_force.is_empty() { Applied::InForce } else { Applied::NotAll(not_in_force) }
    }

    /// Applies the report of the forwarder about the stream: the record limit, and problems.
    fn heed_stream_report(&self) {
        let shared = &self.shared;
        let config = Arc::clone(&shared.config.borrow());
        let tls = shared.endpoint_config.borrow().tls().cloned();
        shared.endpoint_config.send_replace(Arc::new(EndpointConfig::new(
            &config,
            shared.record_bytes_max(&config),
            tls,
        )));
        let news = shared.stream_report.borrow().clone();
        if let Some(facts) = news.facts {
            learned::keep(&shared.paths.data_dir, &config, facts.record_bytes_max);
        }
        let spreads = news.facts.is_some_and(|facts| facts.spreads_keys) && config.destination.ordered;
        shared.problems.set("distribution", spreads.then(|| remedy::spread_keys(&config)));
        let slowness = news.slowness.map(|slow| remedy::slow(slow.answer, slow.waits, &config));
        shared.problems.set("latency", slowness);
    }

    /// Stops what is left, in order: refuse events, finish puts, close connections, stop the rest. Jobs have ended already.
    pub(super) async fn stop(mut self, grace: Duration) {
        self.listeners.refuse();
        if !self.forwarding.finish(grace).await {
            tracing::warn!(
                "puts were still in flight after {grace:?}; their events are put again at the next start"
            );
        }
        self.listeners.close();
        self.practice_port.close();
        let tasks = &self.shared.tasks;
        tasks.stop_services();
        if !tasks.parts_end_within(CLOSE_GRACE).await {
            tracing::info!("connections that were still open are cut off");
        }
        cut_off(&self.shared).await;
    }
}

/// Ends every task that is left.
pub(super) async fn cut_off(shared: &Shared) {
    shared.tasks.cut_off();
    if !shared.tasks.parts_end_within(CLOSE_GRACE).await {
        tracing::warn!("a part of the engine did not end in time");
    }
}

async fn open_control_port(shared: &Arc<Shared>) {
    match TcpListener::bind(("127.0.0.1", 0)).await {
        Ok(listener) => {
            if let Ok(address) = listener.local_addr() {
                shared.control_address.get_or_init(|| address);
            }
            shared.tasks.service("control port", control::run(Arc::clone(shared), listener));
        }
        Err(error) => {
            let text = format!(
                "Commands such as `tributary resend` will not find this engine: no port on loopback could be opened \
                 ({error})."
            );
            shared.problems.set("control port", Some(text));
        }
    }
}

/// Sends the reply. It is no error if the face has dropped the answer.
fn answer(shared: &Shared, reply: ReplyTo, outcome: Outcome) {
    drop(reply.send(outcome));
    shared.faces.wake();
}

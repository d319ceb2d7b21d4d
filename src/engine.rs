//! The engine: starts the parts, watches them, puts new settings in force and stops the parts in order. Everything that is
//! spawned is spawned here, but for threads and connections of the parts themselves. The engine knows nothing of the faces.
//!
//! It has a runtime of its own, so both faces call it from ordinary threads. A face asks through handles
//! ([`Engine::log`], [`Engine::account`], …) and gets an [`Answer`], which it looks at when it likes; only
//! [`Engine::start`] and [`Engine::shutdown`] make it wait. A part that ends unasked becomes a text in [`Status::problems`].
//!
//! ```text
//! face ──handle──▶ Message ──▶ supervisor ──▶ parts, jobs
//!                  LogMessage ──▶ log reader
//! face ◀──Answer, Status, views (watched)── parts, jobs, log reader
//! ```

mod adopt;
mod alerts;
mod answer;
mod command;
mod control;
mod control_client;
mod control_message;
mod desktop;
mod draft;
mod endpoint_url;
mod export;
mod face_state;
mod faces;
mod forwarding;
mod handles;
mod host_name;
mod https;
mod job;
mod launch;
mod learned;
mod limits;
pub mod lines;
mod listeners;
mod log_reader;
mod message;
mod otlp;
mod practice_access;
mod practice_port;
mod presets;
mod probe;
mod problems;
mod public_check;
mod reading;
mod record_view;
mod record_windows;
mod requests;
mod resend;
mod run_view;
mod running_engine;
mod set_aside;
mod shards;
mod shared;
mod sign_in;
mod signals;
mod start_error;
mod status_publisher;
mod stream_view;
mod supervisor;
mod tasks;
mod test_event;
mod test_run;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::de::DeserializeOwned;
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    task::JoinHandle,
};

use crate::{
    capture::{self, EndpointConfig},
    config::{self, Config},
    delivery::Status,
    practice::Practice,
    spool::{self, Spool},
};
use face_state::FaceState;
use handles::{
    Account, Alerts, Checks, Desktop, Forwarder, Log, PracticeStream, Settings, StreamReader, TestEvents,
};
use problems::Alarm;
use shared::{Foundation, Shared};
use supervisor::{Opened, Supervisor};

/// The window shows addresses. It may use nothing else of `std::net`, which waits for the network.
pub use std::net::SocketAddr;

pub use crate::kinesis::RECORD_BYTES_MAX;
pub use crate::practice::Faults;
pub use alerts::{SendError as AlertError, send_test as send_test_alert};
pub use answer::{Answer, NextStep, Steps};
pub use command::{
    Applied, Export, PRESETS_MAX, Preset, RUN_EVENTS_MAX, RUN_PER_SEC_MAX, RUN_USERS_MAX, ReadPlan, TestRun,
    TestSent, WaitingEvents,
};
pub use control_client::ControlError;
pub use control_message::DeliveryLimit;
pub use endpoint_url::url_of;
pub use launch::open_in_program;
pub use practice_access::{PRACTICE_STREAM, PracticeAccess};
pub use probe::{Probe, ProbeError};
pub use record_view::RecordView;
pub use run_view::{RunEnd, RunView};
pub use running_engine::RunningEngine;
pub use shards::Shards;
pub use shared::Paths;
pub use signals::Signals;
pub use start_error::StartError;
pub use stream_view::{ShardView, StreamView};
pub use test_event::{EndpointAnswer, SendError, post};

/// Messages to the supervisor that may wait.
const MESSAGES_MAX: usize = 64;

/// The running engine.
pub struct Engine {
    runtime: Runtime,
    shared: Arc<Shared>,
    supervisor: JoinHandle<Supervisor>,
    spool_threads: spool::Threads,
    log_thread: std::thread::JoinHandle<()>,
    export_folder: PathBuf,
}

/// What a face kept with `Settings::remember` in this data folder. Needs no engine; reads a small file.
pub fn remembered_in<T: DeserializeOwned>(data_dir: &Path, name: &str) -> Option<T> {
    FaceState::load(data_dir).get(name)
}

impl Engine {
    /// Starts all parts. Returns when the spool is open and the endpoint listens, or with what prevents it.
    pub fn start(config: Config, paths: Paths) -> Result<Self, StartError> {
        Self::start_parts(config, paths, false)
    }

    /// The same for the engine that the process exists for: it handles SIGTERM and SIGINT before anybody can find it (see
    /// [`Self::is_stop_requested`]). A second signal ends the program.
    pub fn start_heeding_signals(config: Config, paths: Paths) -> Result<Self, StartError> {
        Self::start_parts(config, paths, true)
    }

    fn start_parts(config: Config, paths: Paths, heeds_signals: bool) -> Result<Self, StartError> {
        check_folder(&paths.data_dir)?;
        if let Some(limit) = limits::too_little_address_space() {
            return Err(StartError::AddressSpace(limit));
        }
        let runtime = Builder::new_multi_thread().thread_name("engine").enable_all().build()?;
        let signals = if heeds_signals { Some(runtime.block_on(async { Signals::new() })?) } else { None };
        let tls = listeners::tls(&config)?;
        warn_of_exposed(&config, &paths);
        let open_files_max = limits::raise_open_files();
        let address = config.capture.listen;
        let listener = runtime
            .block_on(async { capture::listen(address) })
            .map_err(|source| StartError::Listen { address, source })?;
        let (practice, practice_listener) = practice_port::start(&runtime, &config, open_files_max)?;
        // The last step that can fail: a spool that was opened has a thread that writes.
        let (spool, spool_threads) = Spool::open(&paths.data_dir, (&config).into())?;
        RunningEngine::remove(&paths.data_dir);
        let endpoint_config = EndpointConfig::new(&config, learned::recall(&paths.data_dir, &config), tls);
        let (inbox, messages) = mpsc::channel(MESSAGES_MAX);
        let (log, log_requests) = mpsc::channel(log_reader::REQUESTS_MAX);
        let export_folder = config::downloads_dir().unwrap_or_else(|| paths.data_dir.clone());
        let shared = Arc::new(Shared::new(Foundation {
            endpoint: listener.local_addr()?,
            practice_port: practice_listener.as_ref().and_then(|listener| listener.local_addr().ok()),
            control_key: config::new_write_key()?,
            config,
            paths,
            endpoint_config,
            open_files_max,
            spool,
            practice,
            inbox,
            log,
        }));
        let log_thread = log_reader::start(&shared, log_requests)?;
        let alarm = Alarm {
            problems: Arc::clone(&shared.problems),
            stopping: shared.tasks.stopping().clone(),
            part: "engine supervisor",
        };
        let opened = Opened { listener, practice_listener, signals };
        let supervising = alarm.during(supervisor::run(Arc::clone(&shared), opened, messages));
        let supervisor = runtime.spawn(supervising);
        Ok(Self { runtime, shared, supervisor, spool_threads, log_thread, export_folder })
    }

    /// Has `wake` called after every change of what the face sees: at most every 50 ms, and not while nothing happens. Not
    /// called for clock ticks; faces repaint rates themselves. The first caller stays.
    pub fn on_change(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.shared.faces.on_change(wake);
    }

    /// The latest status. What stopped unexpectedly is among its problems, even if it was the part that publishes them.
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

    /// The first part that stopped although the engine needs it, in a sentence: shut the engine down and start it again. The
    /// face is woken for it.
    pub fn broken(&self) -> Option<Arc<str>> {
        self.shared.problems.broken()
    }

    /// Whether a signal asked the program to stop. The face is woken for it.
    pub fn is_stop_requested(&self) -> bool {
        self.shared.faces.is_stop_requested()
    }

    /// The settings in force, and what a face wants to find again.
    pub fn settings(&self) -> Settings<'_> {
        Settings(&self.shared)
    }

    /// The delivery log, and jobs over it.
    pub fn log(&self) -> Log<'_> {
        Log(&self.shared)
    }

    /// The AWS account and the ways to it.
    pub fn account(&self) -> Account<'_> {
        Account(&self.shared)
    }

    /// Alerts that leave the machine.
    pub fn alerts(&self) -> Alerts<'_> {
        Alerts(&self.shared)
    }

    /// Step-by-step checks.
    pub fn checks(&self) -> Checks<'_> {
        Checks(&self.shared)
    }

    /// What a face can tell the forwarder.
    pub fn forwarder(&self) -> Forwarder<'_> {
        Forwarder(&self.shared)
    }

    /// Reading the stream, as a consumer does.
    pub fn stream_reader(&self) -> StreamReader<'_> {
        StreamReader(&self.shared)
    }

    /// Test events.
    pub fn test_events(&self) -> TestEvents<'_> {
        TestEvents(&self.shared)
    }

    /// The practice stream.
    pub fn practice_stream(&self) -> PracticeStream<'_> {
        PracticeStream(&self.shared)
    }

    /// The desktop around the window.
    pub fn desktop(&self) -> Desktop<'_> {
        Desktop(&self.shared)
    }

    /// The folder in which a person looks for a file that a program wrote for them.
    pub fn export_folder(&self) -> &Path {
        &self.export_folder
    }

    /// The practice stream's server, for what only tests do to it.
    pub fn practice(&self) -> &Practice {
        &self.shared.practice
    }

    /// Refuses new events (503), ends the puts in flight within `grace`, and closes the spool. Blocks until all is done; what
    /// could not be put is on disk for the next start.
    pub fn shutdown(self, grace: Duration) {
        let Self { runtime, shared, supervisor, spool_threads, log_thread, export_folder: _ } = self;
        runtime.block_on(async {
            shared.tasks.stop_jobs();
            // The status says that the engine stops.
            shared.faces.changed.notify_one();
            match supervisor.await {
                Ok(supervisor) => supervisor.stop(grace).await,
                Err(error) => {
                    tracing::error!("the engine supervisor ended badly: {error}");
                    supervisor::cut_off(&shared).await;
                }
            }
            shared.spool.close().await;
        });
        RunningEngine::remove(&shared.paths.data_dir);
        drop(shared);
        // Ends the tasks, and with them the last senders to the log reader and the spool's reader.
        runtime.shutdown_timeout(Duration::from_secs(1));
        spool_threads.join();
        if log_thread.join().is_err() {
            tracing::error!("the log reader had panicked");
        }
    }
}

/// Refuses a folder on a network file system, one in which another user left files, and one that an engine uses. Checked
/// before the port is found to be in use, which it would be by that engine.
fn check_folder(data_dir: &Path) -> Result<(), StartError> {
    spool::refuse_network(data_dir)?;
    if data_dir.is_dir() {
        spool::guard(data_dir)?;
    }
    if spool::is_in_use(data_dir) {
        return Err(spool::OpenError::InUse(data_dir.to_owned()).into());
    }
    Ok(())
}

/// Warns if other users can read the write keys.
fn warn_of_exposed(config: &Config, paths: &Paths) {
    let exposed = paths.config_file.as_deref().and_then(|path| config.capture.exposed_settings(path));
    if let Some(text) = exposed {
        tracing::warn!("{text}");
    }
}

#[cfg(test)]
impl Engine {
    /// An engine on a folder and a port of its own; its settings file is in the folder.
    pub(crate) fn for_test(data_dir: &Path) -> Self {
        let mut config = Config::default();
        config.capture.listen = ([127, 0, 0, 1], 0).into();
        let config_file = Some(data_dir.join("config.toml"));
        let paths = Paths { config_file, data_dir: data_dir.to_owned() };
        Self::start(config, paths).expect("nothing prevents it")
    }

    /// Ends a part that the engine cannot do without.
    pub(crate) fn lose_the_spool(&self) {
        self.runtime.block_on(self.shared.spool.close());
    }
}

//! The port of the practice stream. It is open while the practice stream is the destination, and while a destination check
//! uses it with settings that are not applied yet. The records stay in memory as long as the engine runs, whether the port
//! is open or not; the port number stays the same, if it is free.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{net::TcpListener, runtime::Runtime, sync::Notify};
use tokio_util::sync::CancellationToken;

use super::{listeners::bind_when_free, practice_access::PRACTICE_STREAM, shared::Shared};
use crate::{
    config::{Config, DestinationKind},
    forward::ConnectionSettings,
    practice::{self, Practice},
    slots::Limits,
};

const SHARDS: u32 = 4;

/// Connections at a time: at most an eighth of the open files, because the rest is for senders.
const CONNECTIONS_MAX: u64 = 256;
const CONNECTIONS_MIN: u64 = 32;

/// The practice stream; if it is the destination, with a listener for it.
pub(super) fn start(
    runtime: &Runtime,
    config: &Config,
    open_files_max: u64,
) -> io::Result<(Practice, Option<TcpListener>)> {
    let connections = (open_files_max / 8).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX);
    let connections = usize::try_from(connections).unwrap_or(usize::MAX);
    let connections = Limits { connections, authenticated: connections / 4 };
    let practice = Practice::new(practice::Settings { connections, ..practice::Settings::default() });
    let listener = match config.destination.kind {
        DestinationKind::Practice => Some(runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?),
        DestinationKind::Kinesis => None,
    };
    Ok((practice, listener))
}

/// Creates the practice stream, empty.
pub(super) fn create_stream(shared: &Shared) {
    let created = shared.practice.create_stream(PRACTICE_STREAM, SHARDS);
    let problem = created.err().map(|error| format!("The practice stream could not be created: {error}."));
    shared.problems.set("practice", problem);
}

pub(super) struct PracticePort {
    shared: Arc<Shared>,
    /// Cancel to close the port; `None`: it is closed.
    stop: Option<CancellationToken>,
    checks: Arc<Checks>,
}

/// The checks that need the port.
#[derive(Default)]
struct Checks {
    under_way: AtomicUsize,
    one_ended: Notify,
}

/// Keeps the port open until it is dropped.
pub(super) struct OpenForCheck(Arc<Checks>);

impl Drop for OpenForCheck {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
        self.0.one_ended.notify_one();
    }
}

impl PracticePort {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, stop: None, checks: Arc::default() }
    }

    fn is_wanted(&self) -> bool {
        self.shared.connection.borrow().practice.is_some()
            || self.checks.under_way.load(Ordering::Acquire) > 0
    }

    /// Whether the port is needed but could not be opened yet.
    pub(super) fn is_missing(&self) -> bool {
        self.stop.is_none() && self.is_wanted()
    }

    /// Returns when a check that used the port has ended.
    pub(super) async fn check_ended(&self) {
        self.checks.one_ended.notified().await;
    }

    /// Opens the port if a check with these settings needs it.
    pub(super) async fn open_for_check(&mut self, config: &Config) -> Option<OpenForCheck> {
        if config.destination.kind != DestinationKind::Practice {
            return None;
        }
        self.checks.under_way.fetch_add(1, Ordering::AcqRel);
        let held = OpenForCheck(Arc::clone(&self.checks));
        self.open().await;
        Some(held)
    }

    /// Opens the port if it is closed. If that fails, the supervisor tries again every second.
    pub(super) async fn open(&mut self) {
        if self.stop.is_some() {
            return;
        }
        let port = self.shared.practice_port.load(Ordering::Acquire);
        let mut bound = bind_when_free(([127, 0, 0, 1], port).into()).await;
        if bound.is_err() && port != 0 {
            bound = TcpListener::bind(("127.0.0.1", 0)).await;
        }
        let problem = match bound {
            Ok(listener) => {
                self.serve(listener);
                self.shared.write_running_engine();
                self.tell_address();
                None
            }
            Err(error) => Some(format!(
                "The practice stream cannot be reached: no port on loopback could be opened ({error}). This is tried again \
                 every second."
            )),
        };
        self.shared.problems.set("practice port", problem);
    }

    /// Serves a listener on loopback.
    pub(super) fn serve(&mut self, listener: TcpListener) {
        let shared = &self.shared;
        if let Ok(address) = listener.local_addr() {
            shared.practice_port.store(address.port(), Ordering::Release);
        }
        let stop = CancellationToken::new();
        let serving = shared.practice.serve(listener, stop.clone().cancelled_owned());
        shared.tasks.part("practice stream", &stop, async move {
            if let Err(error) = serving.await {
                tracing::error!("the practice stream: {error}");
            }
        });
        self.stop = Some(stop);
        shared.practice_is_open.store(true, Ordering::Release);
    }

    /// Tells the forwarder and readers of the stream when the port number has changed.
    fn tell_address(&self) {
        let shared = &self.shared;
        shared.connection.send_if_modified(|connection| {
            let now = shared.connection_for(Arc::clone(&connection.config));
            let url = |connection: &ConnectionSettings| {
                connection.practice.as_ref().map(|access| access.endpoint_url.clone())
            };
            let is_new = connection.practice.is_some() && url(connection) != url(&now);
            if is_new {
                *connection = now;
            }
            is_new
        });
    }

    /// Closes the port if nothing needs it any more. Open requests are answered; the records stay.
    pub(super) fn close_if_unwanted(&mut self) {
        if self.is_wanted() {
            return;
        }
        if self.stop.is_some() {
            self.close();
            self.shared.write_running_engine();
        }
        self.shared.problems.set("practice port", None);
    }

    /// Closes the port.
    pub(super) fn close(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.cancel();
            self.shared.practice_is_open.store(false, Ordering::Release);
        }
    }
}

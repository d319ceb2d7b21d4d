//! When the practice stream can be reached: while it is the destination, and while a check of it is under way with settings
//! that are not applied yet. Its records stay in memory as long as the engine runs, whether or not it can be reached; its
//! port stays the same, where that is free.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use tokio::{net::TcpListener, runtime::Runtime, sync::watch};

use super::{
    PRACTICE_SHARDS, PRACTICE_STREAM, PracticeAccess, files_at_once,
    keeper::{Keeper, bind_when_free},
};
use crate::{
    config::{Config, DestinationKind},
    forward::ConnectionSettings,
    kinesis::Access,
    practice::{self, Limits, Practice},
};

const PART: &str = "practice stream";

/// Connections at a time. Of the files that may be open this is an eighth at most: the rest is for senders.
const CONNECTIONS_MAX: u64 = 256;
const CONNECTIONS_MIN: u64 = 32;

/// The practice stream; its listener, where it is the destination, and the port of that.
pub(super) fn start(runtime: &Runtime, config: &Config) -> io::Result<(Practice, Option<TcpListener>, u16)> {
    let practice = Practice::new(settings());
    if config.destination.kind != DestinationKind::Practice {
        return Ok((practice, None, 0));
    }
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
    let port = listener.local_addr()?.port();
    Ok((practice, Some(listener), port))
}

/// What it is made with.
fn settings() -> practice::Settings {
    let connections = (files_at_once() / 8).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX);
    let connections = usize::try_from(connections).unwrap_or(usize::MAX);
    let connections = Limits { connections, authenticated: connections / 4 };
    practice::Settings { connections, ..practice::Settings::default() }
}

/// What the forwarder and every reader of the stream go by. Where the practice stream is the destination, its address is in it
/// also while it cannot be reached: nothing that is meant for it goes to AWS.
pub(super) fn setup(config: Arc<Config>, practice: &Practice, port: u16) -> ConnectionSettings {
    let practice = (config.destination.kind == DestinationKind::Practice).then(|| Access {
        endpoint_url: url(port),
        stream: PRACTICE_STREAM.to_owned(),
        access_key_id: practice.own_access_key_id().to_owned(),
        secret_access_key: practice.secret_access_key().to_owned(),
        // Half of its connections; the other half is for readers, checks and other programs.
        puts_max: practice.connections().connections / 2,
    });
    ConnectionSettings { config, practice }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The open port, as the keeper sees it.
#[derive(Default)]
pub(super) struct PracticePort {
    /// Closes it; `None`: it is closed.
    stop: Option<watch::Sender<bool>>,
    /// Held by each check that needs it.
    checks: Arc<()>,
}

impl PracticePort {
    /// Closes it because the engine ends.
    pub(super) fn stop(&self) {
        if let Some(stop) = &self.stop {
            stop.send_replace(true);
        }
    }
}

impl Keeper {
    fn wants_practice(&self) -> bool {
        let setup = self.shared.setup.borrow();
        setup.practice.is_some() || Arc::strong_count(&self.practice_port.checks) > 1
    }

    /// The practice stream is wanted, and could not be opened yet.
    pub(super) fn misses_practice(&self) -> bool {
        self.practice_port.stop.is_none() && self.wants_practice()
    }

    pub(super) fn make_practice(&self) {
        let made = self.shared.practice.create_stream(PRACTICE_STREAM, PRACTICE_SHARDS);
        let problem = made.err().map(|error| format!("The practice stream could not be created: {error}."));
        self.shared.set_problem("practice", problem);
    }

    /// How other programs reach it; `None`: it is closed.
    pub(super) fn practice_access(&self) -> Option<PracticeAccess> {
        self.practice_port.stop.as_ref()?;
        let practice = &self.shared.practice;
        Some(PracticeAccess {
            endpoint_url: url(self.shared.practice_port.load(Ordering::Acquire)),
            stream: PRACTICE_STREAM.to_owned(),
            access_key_id: practice.access_key_id().to_owned(),
            secret_access_key: practice.secret_access_key().to_owned(),
        })
    }

    /// Opens the practice stream for a check with these settings; it stays open as long as what this gives is held.
    pub(super) async fn practice_for(&mut self, config: &Config) -> Option<Arc<()>> {
        if config.destination.kind != DestinationKind::Practice {
            return None;
        }
        self.open_practice().await;
        Some(Arc::clone(&self.practice_port.checks))
    }

    /// Opens it where it is closed; where that fails, it is tried again every second while it is wanted.
    pub(super) async fn open_practice(&mut self) {
        if self.practice_port.stop.is_some() {
            return;
        }
        let port = self.shared.practice_port.load(Ordering::Acquire);
        let mut bound = bind_when_free(([127, 0, 0, 1], port).into()).await;
        if bound.is_err() && port != 0 {
            bound = TcpListener::bind(("127.0.0.1", 0)).await;
        }
        let problem = match bound {
            Ok(listener) => {
                self.serve_practice(listener);
                self.write_whereabouts();
                self.tell_practice_port();
                None
            }
            Err(error) => Some(format!(
                "The practice stream cannot be reached: no port on loopback could be opened ({error}). This is tried again \
                 every second."
            )),
        };
        self.shared.set_problem("practice port", problem);
    }

    /// The forwarder and whoever reads the stream hear of another port.
    fn tell_practice_port(&mut self) {
        let shared = &self.shared;
        let is_told = shared.setup.send_if_modified(|setup| {
            let now = shared.setup_for(Arc::clone(&setup.config));
            let address = |setup: &ConnectionSettings| {
                setup.practice.as_ref().map(|access| access.endpoint_url.clone())
            };
            let is_another = setup.practice.is_some() && address(setup) != address(&now);
            if is_another {
                *setup = now;
            }
            is_another
        });
        if is_told {
            self.read_again();
        }
    }

    pub(super) fn serve_practice(&mut self, listener: TcpListener) {
        if let Ok(address) = listener.local_addr() {
            self.shared.practice_port.store(address.port(), Ordering::Release);
        }
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        self.practice_port.stop = Some(stop);
        let stopped = async move { drop(stopped.wait_for(|stop| *stop).await) };
        let serving = self.shared.practice.serve(listener, stopped);
        self.part(PART, async move {
            if let Err(error) = serving.await {
                tracing::error!("the practice stream: {error}");
            }
        });
    }

    /// Closes it where nobody wants it any more; requests that are under way are finished, and its records stay.
    pub(super) fn close_practice(&mut self) {
        if self.wants_practice() {
            return;
        }
        if let Some(stop) = self.practice_port.stop.take() {
            // It now ends by request.
            self.forget_part(PART);
            stop.send_replace(true);
            self.write_whereabouts();
        }
        self.shared.set_problem("practice port", None);
    }
}

//! The engine's state for one frame, as plain data. It is read once, before anything is drawn.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::practice_faults;
use crate::{
    config::{Config, DestinationKind, Origin},
    delivery::Status,
    engine::{Engine, Faults, PracticeAccess, RunView, Shards, StreamView, url_of},
};

/// How often the shards of the practice stream are copied. Those of other streams are shared.
const SHARDS_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Snapshot {
    pub status: Arc<Status>,
    pub config: Arc<Config>,
    /// How other programs reach the practice stream; `None`: its port is closed.
    pub practice: Option<PracticeAccess>,
    /// The faults of the practice stream.
    pub faults: Faults,
    /// The last test run; `None` before the first.
    pub test_run: Option<Arc<RunView>>,
    /// The records read from the stream.
    pub stream: Arc<StreamView>,
    /// The shards of the destination, as far as they are known.
    pub shards: Arc<Shards>,
    shards_at: Instant,
    /// State that does not change while the engine runs.
    pub fixed: Fixed,
}

/// Where the files are, and what the environment decides.
pub(super) struct Fixed {
    pub config_path: String,
    pub data_dir: String,
    /// Settings that environment variables override at every start.
    pub held: Vec<(&'static str, Origin)>,
}

impl Snapshot {
    pub(super) fn new(engine: &Engine, fixed: Fixed) -> Self {
        Self {
            status: engine.status(),
            config: engine.settings().current(),
            practice: engine.practice_stream().access(),
            faults: engine.practice_stream().faults(),
            test_run: engine.test_events().run(),
            stream: engine.stream_reader().view(),
            shards: engine.stream_reader().shards(),
            shards_at: Instant::now(),
            fixed,
        }
    }

    /// Reads everything again. Returns the previous settings, if they have changed.
    pub(super) fn refresh(&mut self, engine: &Engine) -> Option<Arc<Config>> {
        self.status = engine.status();
        self.practice = engine.practice_stream().access();
        self.faults = engine.practice_stream().faults();
        self.test_run = engine.test_events().run();
        self.stream = engine.stream_reader().view();
        let config = engine.settings().current();
        let has_changed = !Arc::ptr_eq(&config, &self.config);
        let is_shared = config.destination.kind == DestinationKind::Kinesis;
        if has_changed || is_shared || self.shards_at.elapsed() >= SHARDS_EVERY {
            self.shards = engine.stream_reader().shards();
            self.shards_at = Instant::now();
        }
        let before = std::mem::replace(&mut self.config, config);
        has_changed.then_some(before)
    }

    /// The base URL for SDKs: the public address if there is one.
    pub(super) fn public_endpoint(&self) -> String {
        match &self.config.capture.public_url {
            Some(public) => public.to_string(),
            None => self.endpoint(),
        }
    }

    /// The base URL for senders on this computer.
    pub(super) fn endpoint(&self) -> String {
        url_of(self.status.endpoint.unwrap_or(self.config.capture.listen), self.status.tls)
    }

    /// The names of the practice stream's faults that are on; none if it is not the destination.
    pub(super) fn practice_faults(&self) -> Vec<&'static str> {
        match self.config.destination.kind {
            DestinationKind::Practice => {
                practice_faults::names_on(&self.faults, self.status.practice_missing)
            }
            DestinationKind::Kinesis => Vec::new(),
        }
    }

    pub(super) fn is_test_running(&self) -> bool {
        self.test_run.as_ref().is_some_and(|run| run.ended.is_none())
    }
}

//! The engine: starts the parts, watches them, applies new settings and stops them in order. The only spawner.
//! It knows nothing of either face.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    config::Config,
    delivery::{Detail, EventId, Page, Query, Record, Status},
    event::Kind,
};

/// Where the engine keeps its files.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Spool, log and the file that says where a running engine listens.
    pub data_dir: PathBuf,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {}

/// An answer that comes later; a face looks at it once a frame.
pub struct Answer<T>(tokio::sync::oneshot::Receiver<T>);

impl<T> Answer<T> {
    /// The answer, once, when it is there. `None` before and after.
    pub fn take(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

/// A test event on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSent {
    /// The HTTP status of the endpoint's answer.
    pub status: u16,
    /// The endpoint's answer.
    pub body: String,
    /// The event's `messageId`, by which its delivery is found.
    pub message_id: String,
    /// The event's line in the log, where it was accepted (or rejected and logged).
    pub id: Option<EventId>,
}

/// Where reading the stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFrom {
    /// The oldest record that the stream still has.
    Oldest,
    /// Only what comes from now on.
    Latest,
    /// The first record at or after this moment (ms since 1970).
    Time(i64),
}

/// What a consumer of the stream reads, kept up to date while it is open. Published as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamView {
    /// The newest records (at most 1,000), oldest first.
    pub records: std::collections::VecDeque<Arc<Record>>,
    /// How many were read since it was opened.
    pub read: u64,
    /// The shards.
    pub shards: Vec<Arc<str>>,
    /// How far behind the tip the slowest shard is read; `None` before the first answer.
    pub behind_ms: Option<i64>,
    /// Why reading does not go on, where it does not.
    pub fault: Option<crate::delivery::Fault>,
}

/// The running engine.
pub struct Engine {}

impl Engine {
    /// Starts all parts. Blocks until the endpoint listens and the spool is open.
    pub fn start(config: Config, paths: Paths) -> Result<Self, StartError> {
        drop((config, paths));
        Ok(Self {})
    }
    /// Calls `wake` after every change of what the face sees, at most every 50 ms.
    pub fn on_change(&self, wake: impl Fn() + Send + Sync + 'static) {
        drop(wake);
    }
    /// The latest status; cheap.
    pub fn status(&self) -> Arc<Status> {
        Arc::default()
    }
    /// The settings in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::default()
    }
    /// Applies new settings at once, without losing or blocking accepted events. Never blocks.
    /// What could not be applied (an address in use, say) appears in `Status::problems`.
    pub fn apply(&self, config: Config) {
        drop(config);
    }
    /// Tries again now where the forwarder waits.
    pub fn retry_now(&self) {}
    /// A page of the log.
    pub fn page(&self, query: Query) -> Answer<Result<Page, String>> {
        drop(query);
        Answer(tokio::sync::oneshot::channel().1)
    }
    /// All that is known of one line of the log; `None` when it was pruned.
    pub fn detail(&self, id: EventId) -> Answer<Result<Option<Detail>, String>> {
        let _ = id;
        Answer(tokio::sync::oneshot::channel().1)
    }
    /// Sends an event through the real endpoint, as any SDK would, with the write key of the source at `source`.
    pub fn send_test(&self, kind: Kind, json: String, source: usize) -> Answer<Result<TestSent, String>> {
        let _ = (kind, json, source);
        Answer(tokio::sync::oneshot::channel().1)
    }
    /// Begins to read the destination's records; what was read before is forgotten.
    pub fn read_stream(&self, from: ReadFrom) {
        let _ = from;
    }
    /// Stops reading.
    pub fn stop_reading(&self) {}
    /// What was read so far; cheap.
    pub fn stream(&self) -> Arc<StreamView> {
        Arc::default()
    }
    /// Stops accepting (503), finishes the puts in flight within `grace`, closes the spool.
    pub fn shutdown(self, grace: Duration) {
        let _ = grace;
    }
}

//! All settings, and the small sections. What is checked here is trusted by every other module.

use serde::{Deserialize, Serialize};

use super::alert::Alert;
use super::capture::Capture;
use super::credentials::Credentials;
use super::destination::Destination;
use super::metrics::Metrics;
use super::saved::SavedDestination;
use super::setting::{Contradiction, Setting, Value};

/// All settings, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Where events go.
    pub destination: Destination,
    /// Where the AWS keys come from, and the role to assume.
    pub credentials: Credentials,
    /// The endpoint.
    pub capture: Capture,
    /// The queue on disk.
    pub spool: Spool,
    /// The delivery log.
    pub log: Log,
    /// Pushes of the metrics.
    pub metrics: Metrics,
    /// Destinations to switch to; the one in force is `destination`, whether it is among them or not.
    pub destinations: Vec<SavedDestination>,
    /// Whom to tell, outside of this machine, when something needs a person.
    pub alerts: Vec<Alert>,
    /// The window.
    pub app: App,
}

/// `[spool]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spool {
    /// Maximum bytes of queued and failed events. When it is full, senders get 429, and no accepted event is lost.
    pub max_bytes: u64,
    /// Bytes to keep free on its disk. Below that, senders get 429 before a write fails.
    pub min_free_bytes: u64,
    /// Percent of `max_bytes` that one of several sources may fill while the others are empty; 100: all.
    pub max_source_percent: u8,
}

impl Default for Spool {
    fn default() -> Self {
        Self { max_bytes: 2 * 1024 * 1024 * 1024, min_free_bytes: 256 * 1024 * 1024, max_source_percent: 50 }
    }
}

impl Spool {
    fn settings(&mut self) -> Vec<Setting<'_>> {
        let Self { max_bytes, min_free_bytes, max_source_percent } = self;
        vec![
            Setting::number("spool.max_bytes", max_bytes, 64 * 1024..=i64::MAX as u64),
            Setting::number("spool.min_free_bytes", min_free_bytes, 0..=i64::MAX as u64),
            Setting::number("spool.max_source_percent", max_source_percent, 1..=100),
        ]
    }
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Delivered and resent events to keep in the log; queued and failed ones are never removed.
    pub keep_events: u64,
    /// Rejected events to keep in the log.
    pub keep_rejected: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self { keep_events: 1_000_000, keep_rejected: 10_000 }
    }
}

impl Log {
    fn settings(&mut self) -> Vec<Setting<'_>> {
        let Self { keep_events, keep_rejected } = self;
        vec![
            Setting::number("log.keep_events", keep_events, 0..=i64::MAX as u64),
            Setting::number("log.keep_rejected", keep_rejected, 0..=1_000_000),
        ]
    }
}

/// `[app]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// The desktop notifies the user when delivery is blocked, the spool is nearly full, or events fail.
    pub desktop_notices: bool,
}

impl App {
    fn settings(&mut self) -> Vec<Setting<'_>> {
        let Self { desktop_notices } = self;
        vec![Setting::switch("app.desktop_notices", desktop_notices)]
    }
}

impl Config {
    /// Every setting except sources, saved destinations and alerts, in the order of the file.
    pub(super) fn settings(&mut self) -> Vec<Setting<'_>> {
        let Self { destination, credentials, capture, spool, log, metrics, destinations: _, alerts: _, app } =
            self;
        [
            destination.settings(),
            credentials.settings(),
            capture.settings(),
            spool.settings(),
            log.settings(),
            metrics.settings(),
            app.settings(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Name and value of every setting except sources, saved destinations and alerts, in the order of the file.
    pub(super) fn values(&self) -> Vec<(&'static str, Value)> {
        let mut copy = self.clone();
        copy.settings().into_iter().map(|setting| (setting.name, setting.value)).collect()
    }

    pub(super) fn contradictions(&self) -> Vec<Contradiction> {
        let mut found = self.destination.contradictions();
        found.extend(self.credentials.contradictions(&self.destination));
        found.extend(self.capture.contradictions());
        found
    }

    /// The destination and the credentials, to be kept under a name.
    pub fn saved_as(&self, name: &str) -> SavedDestination {
        let destination = Destination { enabled: true, ..self.destination.clone() };
        SavedDestination { name: name.to_owned(), destination, credentials: self.credentials.clone() }
    }

    /// Whether destination and credentials are those of the saved destination. The account id is not compared: it is filled in automatically.
    pub fn uses(&self, saved: &SavedDestination) -> bool {
        let mut ours = self.saved_as(&saved.name);
        ours.destination.account_id.clone_from(&saved.destination.account_id);
        ours == *saved
    }

    /// Puts a saved destination in force. `enabled` stays as it is.
    pub fn switch_to(&mut self, saved: &SavedDestination) {
        let enabled = self.destination.enabled;
        self.destination = Destination { enabled, ..saved.destination.clone() };
        self.credentials = saved.credentials.clone();
    }
}

/// Name and default of every setting except sources, saved destinations and alerts, in the order of the file.
pub(super) fn defaults() -> Vec<(&'static str, Value)> {
    Config::default().values()
}

/// The names of all settings, in the order of the file.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    defaults().into_iter().map(|(name, _)| name)
}

/// The tables of the file, in its order.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = names().map(super::setting::section).collect();
    sections.dedup();
    sections
}

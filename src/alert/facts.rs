//! The engine at one moment, as alerts see it.

use crate::{
    config::Config,
    delivery::{Millis, Status},
};

/// What conditions are decided from, and what a notification tells besides.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The engine's status.
    pub status: &'a Status,
    /// The settings in force.
    pub config: &'a Config,
    /// Seconds until the spool takes no more events, if the queue goes on growing as in the last minute.
    pub seconds_left: Option<f64>,
    /// When the engine started.
    pub started_at: Millis,
    /// Now.
    pub now: Millis,
}

impl Facts<'_> {
    /// Percent of `spool.max_bytes` that queued and failed events use.
    pub(super) fn spool_percent(&self) -> u64 {
        self.status.ledger.spool_percent(self.config.spool.max_bytes)
    }

    /// The age of the oldest queued event in milliseconds; `None`: none is queued.
    pub(super) fn oldest_ms(&self) -> Option<Millis> {
        let oldest = self.status.oldest_queued_at.filter(|_| self.status.ledger.queued > 0)?;
        Some((self.now - oldest).max(0))
    }
}

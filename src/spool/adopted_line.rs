//! A waiting or failed event of another spool, on its way into this one.

use std::sync::Arc;

use bytes::Bytes;

use super::queue::Settlement;
use crate::delivery::{Attempt, EventId, Millis};

/// All that a line has, except what points to other lines of its spool.
#[derive(Debug)]
pub(super) struct AdoptedLine {
    pub(super) received_at: Millis,
    pub(super) kind: Option<i64>,
    /// The name of its source.
    pub(super) source: Arc<str>,
    pub(super) key: Arc<str>,
    pub(super) key_shortened: bool,
    pub(super) message_id: String,
    pub(super) name: Option<String>,
    pub(super) json: Bytes,
    /// The puts that did not deliver it, as far as they were kept.
    pub(super) attempts: Vec<Attempt>,
    /// How it failed; `None`: it waits. Its `id` is that in the other spool.
    pub(super) failure: Option<Settlement>,
}

impl AdoptedLine {
    /// Puts that were made.
    pub(super) fn attempts_made(&self) -> u32 {
        self.attempts.last().map_or(0, |attempt| attempt.number)
    }

    /// How it failed, as the line `id`.
    pub(super) fn failure_as(&self, id: EventId) -> Option<Settlement> {
        self.failure.as_ref().map(|failure| Settlement { id, ..failure.clone() })
    }
}

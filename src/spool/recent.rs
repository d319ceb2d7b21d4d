//! The newest committed events, in memory, so that the forwarder does not read them back from the disk.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::queue::{Next, QueuedEvent};
use crate::delivery::EventId;

/// Maximum bytes and number of events in memory. Beyond them the oldest are dropped, and read back from disk.
const BYTES_MAX: usize = 32 << 20;
const EVENTS_MAX: usize = 50_000;

/// Shared by the writer, which adds events, and the handles, which take them.
pub(super) struct RecentEvents(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    /// Ids rise.
    events: VecDeque<QueuedEvent>,
    bytes: usize,
    /// Every queued event with a higher id is in `events`.
    complete_after: EventId,
    /// The newest line, which need not be a queued event.
    newest: EventId,
}

impl RecentEvents {
    /// Nothing in memory: up to the line `newest` the queue is read from the disk.
    pub(super) fn new(newest: EventId) -> Self {
        Self(Mutex::new(Recent { complete_after: newest, newest, ..Recent::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the queued events after `after`, at most `count` and about `bytes` of JSON; `None` if some of them are
    /// only on disk.
    pub(super) fn take(&self, after: EventId, count: usize, bytes: usize) -> Option<Next> {
        let mut recent = self.lock();
        if after < recent.complete_after {
            return None;
        }
        let mut next = Next { through: after, ..Next::default() };
        next.events.reserve(count.min(recent.events.len()));
        let mut left = bytes;
        while next.events.len() < count && left > 0 {
            let Some(event) = recent.events.pop_front() else {
                next.through = recent.newest.max(after);
                break;
            };
            recent.bytes -= event.json.len();
            recent.complete_after = event.id;
            if event.id > after {
                left = left.saturating_sub(event.json.len());
                next.through = event.id;
                next.events.push(event);
            }
        }
        Some(next)
    }

    /// Adds committed events; `newest` is the newest committed line.
    pub(super) fn add(&self, committed: Vec<QueuedEvent>, newest: EventId) {
        let mut recent = self.lock();
        recent.newest = newest;
        for event in committed {
            recent.bytes += event.json.len();
            recent.events.push_back(event);
        }
        while recent.bytes > BYTES_MAX || recent.events.len() > EVENTS_MAX {
            let Some(oldest) = recent.events.pop_front() else { break };
            recent.bytes -= oldest.json.len();
            recent.complete_after = oldest.id;
        }
    }

    /// Drops everything: up to the line `newest` the queue is read from the disk.
    pub(super) fn forget(&self, newest: EventId) {
        *self.lock() = Recent { complete_after: newest, newest, ..Recent::default() };
    }
}

//! Settlements on their way to the writer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{command::Command, queue::Settlement};

/// Maximum settlements in the buffer.
const BUFFERED_MAX: usize = 20_000;

/// Settlements that wait in memory while the disk refuses. Beyond it, [`super::Spool::settle`] waits.
pub(super) const UNWRITTEN_MAX: usize = 200_000;

/// Settlements for the next commit. While the buffer holds any, a [`Command::Settle`] is on its way to the writer or
/// was taken by it: the first settlement wakes the writer, the others cost nothing.
pub(super) struct SettlementBuffer {
    buffered: Mutex<Vec<Settlement>>,
    /// Settlements that the writer took and could not write.
    unwritten: watch::Sender<usize>,
}

impl SettlementBuffer {
    pub(super) fn new() -> Self {
        Self { buffered: Mutex::default(), unwritten: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Settlement>> {
        self.buffered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds settlements; returns what must be sent to the writer, if anything.
    pub(super) fn add(&self, settlements: Vec<Settlement>) -> Option<Command> {
        let mut buffered = self.lock();
        if buffered.len() >= BUFFERED_MAX {
            return Some(Command::Settle(settlements));
        }
        let is_first = buffered.is_empty();
        buffered.extend(settlements);
        (is_first && !buffered.is_empty()).then(|| Command::Settle(Vec::new()))
    }

    pub(super) fn take(&self) -> Vec<Settlement> {
        std::mem::take(&mut *self.lock())
    }

    /// Sets how many settlements the writer holds that it could not write.
    pub(super) fn set_unwritten(&self, count: usize) {
        self.unwritten.send_if_modified(|unwritten| std::mem::replace(unwritten, count) != count);
    }

    /// Waits while too many settlements are unwritten.
    pub(super) async fn wait_for_room(&self) {
        // The sender is `self`, so the channel cannot close.
        drop(self.unwritten.subscribe().wait_for(|count| *count < UNWRITTEN_MAX).await);
    }
}

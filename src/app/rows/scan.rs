//! How far back the log was read for the list, and the progress of a search.

use crate::delivery::{EventId, LogPage, Millis};

#[derive(Debug, Default)]
pub(super) struct Scan {
    /// No row older than the last held one belongs to the list.
    pub is_complete: bool,
    /// The search paused above this row and continues with it.
    pub searched_to: Option<EventId>,
    /// When the row at `searched_to` was received.
    reached: Option<Millis>,
    /// The oldest row that the search may read.
    oldest: EventId,
    /// The user stopped the search before its end.
    is_stopped: bool,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Progress {
    /// Share of the rows to search that were searched, from 0 to 1.
    pub done: f32,
    /// All rows received since then were searched.
    pub reached: Millis,
    /// The user stopped the search.
    pub is_stopped: bool,
}

impl Scan {
    /// `None` when the search is done. `head`: the newest row of the list.
    pub(super) fn progress(&self, head: EventId) -> Option<Progress> {
        let (to, reached) = (self.searched_to?, self.reached?);
        let all = (head - self.oldest).max(1) as f32;
        let done = ((head - to) as f32 / all).clamp(0.0, 1.0);
        (self.is_stopped || !self.is_complete).then_some(Progress {
            done,
            reached,
            is_stopped: self.is_stopped,
        })
    }

    pub(super) fn stop(&mut self) {
        (self.is_stopped, self.is_complete) = (true, true);
    }

    /// Continues where the search was stopped.
    pub(super) fn resume(&mut self) {
        (self.is_stopped, self.is_complete) = (false, false);
    }

    pub(super) fn note_reach(&mut self, page: &LogPage) {
        (self.reached, self.oldest) = (page.reached, page.reaches_to);
    }

    pub(super) fn note_end(&mut self, is_complete: bool, searched_to: Option<EventId>) {
        (self.is_complete, self.searched_to) = (is_complete, searched_to);
    }
}

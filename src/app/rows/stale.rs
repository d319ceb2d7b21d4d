//! Which held rows may differ from the log although the log has not changed since the last query.

use crate::delivery::EventId;

/// What may be out of date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stale {
    #[default]
    No,
    /// Which rows belong to the list.
    Members,
    /// Which rows belong to the list, and the states of the rows.
    MembersAndStates,
}

#[derive(Debug, Default)]
pub(super) struct Staleness {
    pub rows: Stale,
    /// The newest and the oldest row of the last query, where it read only some of the held rows. Rows outside are out of date.
    pub read: Option<(EventId, EventId)>,
}

impl Staleness {
    /// Whether these rows must be read again. `hold`: the list is held still, so rows cannot be added or removed.
    pub(super) fn is_stale(&self, ids: &[EventId], hold: bool) -> bool {
        let is_stale = match self.rows {
            Stale::No => false,
            Stale::Members => !hold,
            Stale::MembersAndStates => true,
        };
        let is_unread =
            |(newest, oldest): (EventId, EventId)| ids.iter().any(|id| !(oldest..=newest).contains(id));
        is_stale || self.read.is_some_and(is_unread)
    }
}

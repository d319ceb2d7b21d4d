//! The rows of the delivery log that the window holds, and the page that it asks the engine for next. Pure: the visible
//! range goes in, a query comes out, and the page that answers the query goes back in.
//!
//! 1. The log may have a million rows. Only one run of neighbouring rows is held, at most [`HELD_MAX`].
//! 2. Rows are numbered from the newest row, counted when the list was last read from the top. Rows that arrive later
//!    are counted but not shown until the list is read from the top again, so that nothing moves while it is read.
//! 3. At most one query is in flight (`asked`).
//! 4. While the list is held still (`hold`), no row is added or removed. Only the states of held rows change.

mod scan;
mod stale;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
};

use crate::delivery::{Delivery, EventId, LogPage, Millis, Query, State};
use scan::{Progress, Scan};
use stale::{Stale, Staleness};

const PAGE: usize = 200;
const HELD_MAX: usize = 1200;
/// Maximum rows of a list that is sorted by latency or size.
pub(super) const RANKED_MAX: usize = 500;

/// The query in flight, and what its answer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    /// The newest rows, which replace all held rows. `newest`: the log's newest row when they were asked for.
    Top { newest: EventId },
    /// The newest rows, which replace the held rows that they cover. Older matches of a search stay.
    Refresh { newest: EventId },
    /// The rows below the held ones.
    Older,
    /// The next part of the log for a list that is sorted by latency or size.
    Ranked,
    /// The rows above the held ones.
    Newer,
    /// Rows far away, from row number `first` on.
    Jump { first: usize },
    /// The visible rows again, as far as they still match the filter.
    Visible { ids: Vec<EventId> },
    /// The states of the visible rows, whether or not they still match the filter.
    States { ids: Vec<EventId> },
}

#[derive(Debug, Default)]
pub(super) struct Rows {
    pub filter: Query,
    held: VecDeque<Delivery>,
    /// The number of the first held row.
    first: usize,
    scan: Scan,
    /// All rows of the log, where the log has counted them.
    total: Option<usize>,
    /// The log's newest row when the list was last read from the top. Later rows are not shown.
    head: EventId,
    asked: Option<Asked>,
    is_loaded: bool,
    staleness: Staleness,
}

impl Rows {
    /// How many rows the list has, as far as is known. While older rows may follow, it is at least one more than are held.
    pub(super) fn len(&self) -> usize {
        let held = self.first + self.held.len();
        match self.total {
            _ if self.scan.is_complete => held,
            Some(total) if self.is_whole_log() => total.max(held),
            _ if self.filter.by.is_some() => held,
            _ if self.held.is_empty() => 0,
            _ => held + 1,
        }
    }

    pub(super) fn get(&self, number: usize) -> Option<&Delivery> {
        self.held.get(number.checked_sub(self.first)?)
    }

    /// The number of a held row.
    pub(super) fn find(&self, id: EventId) -> Option<usize> {
        self.held.iter().position(|row| row.id == id).map(|at| at + self.first)
    }

    /// No page has arrived yet, or a search has found nothing yet.
    pub(super) fn is_searching(&self) -> bool {
        !self.is_loaded || (!self.scan.is_complete && self.held.is_empty())
    }

    /// The first page has come.
    pub(super) fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// The number of all rows that match the filter, if the whole log was read for them.
    pub(super) fn found(&self) -> Option<u64> {
        let is_known = self.is_loaded && self.scan.is_complete && self.progress().is_none();
        (is_known && self.filter.by.is_none()).then(|| self.len() as u64)
    }

    /// How many rows the log has got since the list was last read from the top, whether or not they match the filter.
    pub(super) fn unseen(&self, newest: EventId) -> u64 {
        if self.is_loaded { u64::try_from(newest - self.head).unwrap_or(0) } else { 0 }
    }

    /// How far a search is, while it is not done.
    pub(super) fn progress(&self) -> Option<Progress> {
        self.scan.progress(self.head)
    }

    pub(super) fn stop_search(&mut self) {
        self.scan.stop();
        self.asked = None;
    }

    pub(super) fn resume_search(&mut self) {
        self.scan.resume();
    }

    /// Drops all rows, and starts a list with another filter.
    pub(super) fn set_filter(&mut self, filter: Query) {
        *self = Self { filter, ..Self::default() };
    }

    /// Drops all rows, and reads the same list from its newest row.
    pub(super) fn restart(&mut self) {
        self.set_filter(self.filter.clone());
    }

    /// The query in flight has failed.
    pub(super) fn fail(&mut self) {
        self.asked = None;
        self.is_loaded = true;
        self.scan.is_complete = true;
    }

    /// The page that the visible rows need. `None` while a query is in flight, or when all of them are held.
    pub(super) fn missing_page(&mut self, visible: &Range<usize>, newest: EventId) -> Option<Query> {
        if self.asked.is_some() {
            return None;
        }
        if !self.is_loaded {
            return Some(self.top(newest));
        }
        let end = self.first + self.held.len();
        let base = self.page();
        let can_jump = self.filter.is_all();
        let (asked, query) = if self.filter.by.is_some() {
            if self.scan.is_complete {
                return None;
            }
            (Asked::Ranked, Query { before: self.scan.searched_to, ..base })
        } else if visible.start < self.first {
            if can_jump && visible.end + PAGE < self.first {
                self.jump(visible.start)
            } else {
                let after = self.held.front().map(|row| row.id);
                (Asked::Newer, Query { after, oldest_first: true, ..base })
            }
        } else if !self.scan.is_complete && visible.end + PAGE / 4 > end {
            if can_jump && visible.start > end + PAGE {
                self.jump(visible.start)
            } else {
                let before = self.scan.searched_to.or_else(|| self.held.back().map(|row| row.id));
                (Asked::Older, Query { before, ..base })
            }
        } else {
            return None;
        };
        self.asked = Some(asked);
        Some(query)
    }

    /// The query to send after the log has changed. `at_top`: the newest row is in sight.
    pub(super) fn refresh(&mut self, visible: &Range<usize>, at_top: bool, newest: EventId) -> Option<Query> {
        // A ranking is not refreshed: its rows would change places while they are read.
        if self.asked.is_some() || self.filter.by.is_some() {
            return None;
        }
        if at_top && self.is_first_page_enough() {
            return Some(self.top(newest));
        }
        if at_top {
            self.asked = Some(Asked::Refresh { newest });
            return Some(self.page());
        }
        let ids = self.ids(visible);
        let before = Some(ids.first()? + 1);
        let query = Query { before, limit: ids.len(), ..self.page() };
        self.asked = Some(Asked::Visible { ids });
        Some(query)
    }

    /// The query to send after the log has changed while the list is held still.
    pub(super) fn refresh_states(&mut self, visible: &Range<usize>) -> Option<Query> {
        let ids = self.ids(visible);
        if self.asked.is_some() || self.filter.by.is_some() || ids.is_empty() {
            return None;
        }
        let query = Query { limit: ids.len(), ids: ids.clone(), with_previews: true, ..Query::default() };
        self.asked = Some(Asked::States { ids });
        Some(query)
    }

    /// Whether the visible rows must be read again although the log has not changed since. `hold`: the list is held still.
    pub(super) fn is_stale(&self, visible: &Range<usize>, hold: bool) -> bool {
        self.filter.by.is_none() && self.staleness.is_stale(&self.ids(visible), hold)
    }

    fn ids(&self, visible: &Range<usize>) -> Vec<EventId> {
        visible.clone().filter_map(|number| self.get(number)).map(|row| row.id).collect()
    }

    /// A page is found without reading many other rows.
    pub(super) fn is_cheap(&self) -> bool {
        self.filter.words.is_empty() && self.filter.fields.is_empty() && self.filter.by.is_none()
    }

    /// Replacing all held rows by the first page loses nothing that took a search to find.
    fn is_first_page_enough(&self) -> bool {
        let has_index = |state: &State| match state {
            State::Queued | State::Failed | State::Resent | State::Rejected => true,
            State::Retrying | State::Delivered => false,
        };
        let filter = &self.filter;
        self.is_cheap()
            && filter.kinds.is_empty()
            && filter.until.is_none()
            && filter.states.iter().all(has_index)
    }

    /// No filter, in the order of time: a row's number follows from its id.
    fn is_whole_log(&self) -> bool {
        self.filter.is_all() && self.filter.by.is_none()
    }

    /// Moves the start of a relative time range ("the last 15 minutes") to `since`.
    pub(super) fn slide(&mut self, since: Millis) {
        self.filter.since = Some(since);
        if self.scan.is_complete {
            while self.held.back().is_some_and(|row| row.received_at < since) {
                self.held.pop_back();
            }
        }
    }

    /// Asks for the newest rows. The answer to a query in flight is then ignored.
    pub(super) fn top(&mut self, newest: EventId) -> Query {
        self.asked = Some(Asked::Top { newest });
        self.page()
    }

    fn page(&self) -> Query {
        let limit = if self.filter.by.is_some() { RANKED_MAX } else { PAGE };
        Query { limit, with_previews: true, ..self.filter.clone() }
    }

    /// The page at row number `first`. Rows that were pruned make the number inexact; the list's end corrects that.
    fn jump(&self, first: usize) -> (Asked, Query) {
        let before = self.head + 1 - EventId::try_from(first).unwrap_or(0);
        (Asked::Jump { first }, Query { before: Some(before.max(2)), ..self.page() })
    }

    /// The row's number, where it is known: for every held row, and without a filter for every row.
    pub(super) fn number_of(&self, id: EventId) -> Option<usize> {
        let from_id = || {
            let is_listed = self.is_loaded && self.is_whole_log() && id <= self.head;
            usize::try_from(self.head - id).ok().filter(|_| is_listed)
        };
        self.find(id).or_else(from_id)
    }

    /// Whether the list has passed this row and left it out, because it does not match the filter.
    pub(super) fn excludes(&self, id: EventId) -> bool {
        let is_above = self.first > 0 && self.held.front().is_some_and(|row| row.id < id);
        let is_passed = self.scan.is_complete || self.held.back().is_some_and(|row| row.id < id);
        self.is_loaded
            && self.filter.by.is_none()
            && id <= self.head
            && is_passed
            && !is_above
            && self.find(id).is_none()
    }

    /// Takes the answer to the query in flight. `hold`: the list is held still.
    pub(super) fn take(&mut self, page: LogPage, hold: bool) {
        let Some(asked) = self.asked.take() else { return };
        if hold && self.is_loaded && matches!(asked, Asked::Top { .. } | Asked::Refresh { .. }) {
            self.staleness.rows = Stale::MembersAndStates;
            return;
        }
        self.note_staleness(&asked, &page, hold);
        let is_last = page.rows.len() < PAGE && page.stopped_at.is_none();
        if matches!(asked, Asked::Top { .. } | Asked::Older | Asked::Ranked) {
            self.scan.note_reach(&page);
        }
        match asked {
            Asked::Top { newest } => {
                self.head = page.rows.first().map_or(newest, |row| row.id.max(newest));
                self.total = page.total.and_then(|total| usize::try_from(total).ok());
                self.first = 0;
                let is_complete = if self.filter.by.is_some() { page.stopped_at.is_none() } else { is_last };
                self.scan.note_end(is_complete, page.stopped_at);
                self.held = page.rows.into();
                self.is_loaded = true;
            }
            Asked::Refresh { newest } => {
                let last = page.stopped_at.or(page.rows.last().map(|row| row.id));
                let covered = if is_last { 0 } else { last.unwrap_or(0) };
                self.head = page.rows.first().map_or(newest, |row| row.id.max(newest));
                self.held.retain(|row| row.id < covered);
                for row in page.rows.into_iter().rev() {
                    self.held.push_front(row);
                }
                self.trim_below();
            }
            Asked::Ranked => {
                let mut found: Vec<Delivery> = std::mem::take(&mut self.held).into();
                if let Some(by) = self.filter.by {
                    by.merge(&mut found, page.rows, RANKED_MAX);
                }
                self.held = found.into();
                self.scan.note_end(page.stopped_at.is_none(), page.stopped_at);
            }
            Asked::Older => {
                self.scan.note_end(is_last, page.stopped_at);
                self.held.extend(page.rows);
                let over = self.held.len().saturating_sub(HELD_MAX);
                self.held.drain(..over);
                self.first += over;
            }
            Asked::Newer => {
                for row in page.rows.into_iter().filter(|row| row.id <= self.head) {
                    self.held.push_front(row);
                    self.first = self.first.saturating_sub(1);
                }
                if is_last {
                    self.first = 0;
                }
                self.trim_below();
            }
            Asked::Jump { first } => {
                self.first = first;
                self.scan.note_end(is_last, page.stopped_at);
                self.held = page.rows.into();
            }
            Asked::Visible { ids } => self.update(&ids, page, hold),
            Asked::States { ids } => self.update(&ids, page, true),
        }
    }

    fn note_staleness(&mut self, asked: &Asked, page: &LogPage, hold: bool) {
        let span = |ids: &[EventId]| ids.first().copied().zip(ids.last().copied());
        self.staleness = match asked {
            Asked::Top { .. } | Asked::Jump { .. } => Staleness::default(),
            Asked::Refresh { .. } => {
                let read = page.rows.last().map(|row| (EventId::MAX, row.id));
                Staleness { rows: Stale::No, read }
            }
            Asked::Visible { ids } => {
                let rows = if hold { Stale::MembersAndStates } else { Stale::No };
                Staleness { rows, read: span(ids) }
            }
            Asked::States { ids } => Staleness { rows: Stale::Members, read: span(ids) },
            Asked::Older | Asked::Ranked | Asked::Newer => return,
        };
    }

    /// Updates the rows that were read again. A row that was not found no longer matches the filter and is dropped, unless
    /// the list is held still (`hold`).
    fn update(&mut self, ids: &[EventId], page: LogPage, hold: bool) {
        let covered = if page.rows.len() == ids.len() {
            page.rows.last().map(|row| row.id)
        } else {
            page.stopped_at.or(Some(0))
        };
        let Some(covered) = covered else { return };
        let mut found: HashMap<EventId, Delivery> = page.rows.into_iter().map(|row| (row.id, row)).collect();
        self.held.retain_mut(|row| {
            if let Some(now) = found.remove(&row.id) {
                *row = now;
                return true;
            }
            hold || row.id < covered || !ids.contains(&row.id)
        });
    }

    fn trim_below(&mut self) {
        if self.held.len() > HELD_MAX {
            self.held.truncate(HELD_MAX);
            self.scan.note_end(false, None);
        }
    }
}

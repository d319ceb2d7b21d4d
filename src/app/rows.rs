//! Which lines of the delivery log the window holds, and which page it asks for next. Pure: a visible range goes in, a
//! query comes out, a page goes in.
//!
//! The list that the user scrolls through may be a million lines long; of it only a run of neighbouring lines is held
//! (at most [`HELD_MAX`]). Lines are numbered from the newest, as of the last time the list was taken from the top: what
//! comes later is counted, not shown, until the user goes to the top, so that nothing moves under the eyes.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, ops::Range};

use crate::delivery::{Delivery, EventId, LogPage, Millis, Query, State};

const PAGE: usize = 200;
const HELD_MAX: usize = 1200;
/// Lines that a list sorted by latency or size holds.
pub(super) const BEST: usize = 500;

/// A page on its way, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ask {
    /// The newest lines; `newest` is the log's newest line when they were asked for.
    Top { newest: EventId },
    /// The newest lines, to be put in place of those that are held: what a search found further back stays.
    Refresh { newest: EventId },
    /// The lines below those that are held.
    Older,
    /// What a search by latency or size finds further back.
    Better,
    /// The lines above those that are held.
    Newer,
    /// Lines far away: from that number on.
    Jump { first: usize },
    /// The same lines again, for what has happened to them.
    Again { ids: Vec<EventId> },
    /// The same, whether they still fit the filter or not: the list is held still.
    States { ids: Vec<EventId> },
}

/// What the log may say otherwise of lines in sight, though it has not changed since they were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Behind {
    #[default]
    Nothing,
    /// Which lines the list has: while it is held still, none may come or go.
    Lines,
    /// That, and what state its lines are in.
    States,
}

/// The lines that are held.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub filter: Query,
    held: VecDeque<Delivery>,
    /// The number of the first line that is held.
    first: usize,
    /// Nothing older than the last line that is held.
    complete: bool,
    /// A search stopped here, and goes on from here.
    searched_to: Option<EventId>,
    /// When that line was received.
    reached: Option<Millis>,
    /// The oldest line that it may reach.
    reaches_to: EventId,
    /// The user ended a search before it was done.
    cut_short: bool,
    total: Option<usize>,
    /// The newest line when the list was last taken from the top; later ones are not shown.
    head: EventId,
    asked: Option<Ask>,
    loaded: bool,
    behind: Behind,
    /// The newest and the oldest of the lines that alone were asked for when the log changed; `None`: all that are held
    /// say what the log said then.
    up_to_date: Option<(EventId, EventId)>,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Progress {
    /// Of the lines that it may look at, from 0 to 1.
    pub done: f32,
    /// It has looked at all lines since.
    pub reached: Millis,
    /// The user ended it.
    pub cut_short: bool,
}

impl Rows {
    /// How many lines the list has, as far as is known; at least one more than is held while there are older ones.
    pub(super) fn len(&self) -> usize {
        let held = self.first + self.held.len();
        match self.total {
            _ if self.complete => held,
            Some(total) if self.filter.is_all() && self.filter.by.is_none() => total.max(held),
            _ if self.filter.by.is_some() => held,
            _ if self.held.is_empty() => 0,
            _ => held + 1,
        }
    }

    pub(super) fn get(&self, number: usize) -> Option<&Delivery> {
        self.held.get(number.checked_sub(self.first)?)
    }

    /// The line's number, where it is held.
    pub(super) fn find(&self, id: EventId) -> Option<usize> {
        self.held.iter().position(|row| row.id == id).map(|at| at + self.first)
    }

    /// Nothing was asked yet, or a search has not found anything yet.
    pub(super) fn is_searching(&self) -> bool {
        !self.loaded || (!self.complete && self.held.is_empty())
    }

    /// How many lines came since the list was last taken from the top. With a filter, before it.
    pub(super) fn unseen(&self, newest: EventId) -> u64 {
        if self.loaded { u64::try_from(newest - self.head).unwrap_or(0) } else { 0 }
    }

    /// How far a search is, while it is not done.
    pub(super) fn progress(&self) -> Option<Progress> {
        let (to, reached) = (self.searched_to?, self.reached?);
        let all = (self.head - self.reaches_to).max(1) as f32;
        let done = ((self.head - to) as f32 / all).clamp(0.0, 1.0);
        (self.cut_short || !self.complete).then_some(Progress { done, reached, cut_short: self.cut_short })
    }

    /// Ends a search where it is, or lets it go on from there.
    pub(super) fn cut_short(&mut self, cut_short: bool) {
        self.cut_short = cut_short;
        self.complete = cut_short;
        if cut_short {
            self.asked = None;
        }
    }

    fn query(&self) -> Query {
        let limit = if self.filter.by.is_some() { BEST } else { PAGE };
        Query { limit, ..self.filter.clone() }
    }

    /// Forgets everything, for another filter.
    pub(super) fn look_for(&mut self, filter: Query) {
        *self = Self { filter, ..Self::default() };
    }

    /// Forgets everything, and looks for the same from the newest line on.
    pub(super) fn look_again(&mut self) {
        self.look_for(self.filter.clone());
    }

    /// The answer did not come.
    pub(super) fn give_up(&mut self) {
        self.asked = None;
        self.loaded = true;
        self.complete = true;
    }

    /// The page that the visible lines need now. `None` while one is on its way or all is there.
    pub(super) fn missing(&mut self, visible: &Range<usize>, newest: EventId) -> Option<Query> {
        if self.asked.is_some() {
            return None;
        }
        if !self.loaded {
            return Some(self.top(newest));
        }
        let end = self.first + self.held.len();
        let base = self.query();
        let can_jump = self.filter.is_all();
        let (ask, query) = if self.filter.by.is_some() {
            if self.complete {
                return None;
            }
            (Ask::Better, Query { before: self.searched_to, ..base })
        } else if visible.start < self.first {
            if can_jump && visible.end + PAGE < self.first {
                self.jump(visible.start)
            } else {
                let after = self.held.front().map(|row| row.id);
                (Ask::Newer, Query { after, oldest_first: true, ..base })
            }
        } else if !self.complete && visible.end + PAGE / 4 > end {
            if can_jump && visible.start > end + PAGE {
                self.jump(visible.start)
            } else {
                let before = self.searched_to.or_else(|| self.held.back().map(|row| row.id));
                (Ask::Older, Query { before, ..base })
            }
        } else {
            return None;
        };
        self.asked = Some(ask);
        Some(query)
    }

    /// What to ask after the log has changed.
    pub(super) fn changed(&mut self, visible: &Range<usize>, at_top: bool, newest: EventId) -> Option<Query> {
        if self.asked.is_some() {
            return None;
        }
        if self.filter.by.is_some() {
            // A ranking holds still: its lines would change places while they are read.
            return None;
        }
        if at_top && self.is_found_at_once() {
            return Some(self.top(newest));
        }
        if at_top {
            self.asked = Some(Ask::Refresh { newest });
            return Some(self.query());
        }
        let ids = self.ids(visible);
        let before = Some(ids.first()? + 1);
        let query = Query { before, limit: ids.len(), ..self.query() };
        self.asked = Some(Ask::Again { ids });
        Some(query)
    }

    /// What to ask after the log has changed while the list is held still.
    pub(super) fn changed_while_held(&mut self, visible: &Range<usize>) -> Option<Query> {
        let ids = self.ids(visible);
        if self.asked.is_some() || self.filter.by.is_some() || ids.is_empty() {
            return None;
        }
        let query = Query { limit: ids.len(), ids: ids.clone(), ..Query::default() };
        self.asked = Some(Ask::States { ids });
        Some(query)
    }

    /// Whether the lines in sight have to be asked for again although the log has not changed. `hold`: the list is held
    /// still.
    pub(super) fn is_behind(&self, visible: &Range<usize>, hold: bool) -> bool {
        let is_behind = match self.behind {
            Behind::Nothing => false,
            Behind::Lines => !hold,
            Behind::States => true,
        };
        let is_outside = |(newest, oldest): (EventId, EventId)| {
            self.ids(visible).iter().any(|id| !(oldest..=newest).contains(id))
        };
        self.filter.by.is_none() && (is_behind || self.up_to_date.is_some_and(is_outside))
    }

    fn ids(&self, visible: &Range<usize>) -> Vec<EventId> {
        visible.clone().filter_map(|number| self.get(number)).map(|row| row.id).collect()
    }

    /// A page of it is found without looking at many other lines.
    pub(super) fn is_cheap(&self) -> bool {
        self.filter.words.is_empty() && self.filter.fields.is_empty() && self.filter.by.is_none()
    }

    /// The first page is all there is near the top: nothing further back was searched for, or could be lost.
    fn is_found_at_once(&self) -> bool {
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

    /// Moves the beginning of the time that is looked at, as it passes.
    pub(super) fn slide(&mut self, since: Option<Millis>) {
        self.filter.since = since;
        if self.complete
            && let Some(since) = since
        {
            while self.held.back().is_some_and(|row| row.received_at < since) {
                self.held.pop_back();
            }
        }
    }

    /// Asks for the newest lines, whatever is on its way.
    pub(super) fn top(&mut self, newest: EventId) -> Query {
        self.asked = Some(Ask::Top { newest });
        self.query()
    }

    /// Without a filter nearly every line is there, so that a line's number tells its id; a few that were pruned are
    /// made up for when the list's end is reached.
    fn jump(&self, first: usize) -> (Ask, Query) {
        let before = self.head + 1 - EventId::try_from(first).unwrap_or(0);
        (Ask::Jump { first }, Query { before: Some(before.max(2)), ..self.query() })
    }

    /// The line's number, where it is known: for a line that is held, and for every line if there is no filter.
    pub(super) fn number_of(&self, id: EventId) -> Option<usize> {
        let by_place = || {
            let is_there = self.loaded && self.filter.is_all() && self.filter.by.is_none() && id <= self.head;
            usize::try_from(self.head - id).ok().filter(|_| is_there)
        };
        self.find(id).or_else(by_place)
    }

    /// Whether the line was looked at and does not match the filter.
    pub(super) fn leaves_out(&self, id: EventId) -> bool {
        let is_newer_than_first = self.first > 0 && self.held.front().is_some_and(|row| row.id < id);
        let reaches_it = self.complete || self.held.back().is_some_and(|row| row.id < id);
        self.loaded
            && self.filter.by.is_none()
            && id <= self.head
            && reaches_it
            && !is_newer_than_first
            && self.find(id).is_none()
    }

    /// Takes in a page that was asked for. `hold`: the user aims at the lines, so none may come or go; only their states are
    /// updated.
    pub(super) fn take(&mut self, page: LogPage, hold: bool) {
        let Some(ask) = self.asked.take() else { return };
        if hold && self.loaded && matches!(ask, Ask::Top { .. } | Ask::Refresh { .. }) {
            self.behind = Behind::States;
            return;
        }
        self.note_what_is_behind(&ask, &page, hold);
        let is_last = page.rows.len() < PAGE && page.stopped_at.is_none();
        if matches!(ask, Ask::Top { .. } | Ask::Older | Ask::Better) {
            (self.reached, self.reaches_to) = (page.reached, page.reaches_to);
        }
        match ask {
            Ask::Top { newest } => {
                self.head = page.rows.first().map_or(newest, |row| row.id.max(newest));
                self.total = page.total.and_then(|total| usize::try_from(total).ok());
                self.first = 0;
                self.complete = if self.filter.by.is_some() { page.stopped_at.is_none() } else { is_last };
                self.searched_to = page.stopped_at;
                self.held = page.rows.into();
                self.loaded = true;
            }
            Ask::Refresh { newest } => {
                let covered = if is_last {
                    0
                } else {
                    page.stopped_at.or(page.rows.last().map(|row| row.id)).unwrap_or(0)
                };
                self.head = page.rows.first().map_or(newest, |row| row.id.max(newest));
                self.held.retain(|row| row.id < covered);
                for row in page.rows.into_iter().rev() {
                    self.held.push_front(row);
                }
                self.trim_below();
            }
            Ask::Better => {
                let mut found: Vec<Delivery> = std::mem::take(&mut self.held).into();
                if let Some(by) = self.filter.by {
                    by.merge(&mut found, page.rows, BEST);
                }
                self.held = found.into();
                self.searched_to = page.stopped_at;
                self.complete = page.stopped_at.is_none();
            }
            Ask::Older => {
                self.complete = is_last;
                self.searched_to = page.stopped_at;
                self.held.extend(page.rows);
                let over = self.held.len().saturating_sub(HELD_MAX);
                self.held.drain(..over);
                self.first += over;
            }
            Ask::Newer => {
                for row in page.rows.into_iter().filter(|row| row.id <= self.head) {
                    self.held.push_front(row);
                    self.first = self.first.saturating_sub(1);
                }
                if is_last {
                    self.first = 0;
                }
                self.trim_below();
            }
            Ask::Jump { first } => {
                self.first = first;
                self.complete = is_last;
                self.searched_to = page.stopped_at;
                self.held = page.rows.into();
            }
            Ask::Again { ids } => self.update(&ids, page, hold),
            Ask::States { ids } => self.update(&ids, page, true),
        }
    }

    /// What a page that is taken leaves behind the log.
    fn note_what_is_behind(&mut self, ask: &Ask, page: &LogPage, hold: bool) {
        match ask {
            Ask::Top { .. } | Ask::Jump { .. } => (self.behind, self.up_to_date) = (Behind::Nothing, None),
            Ask::Refresh { .. } => {
                self.behind = Behind::Nothing;
                self.up_to_date = page.rows.last().map(|row| (EventId::MAX, row.id));
            }
            Ask::Again { ids } => {
                self.behind = if hold { Behind::States } else { Behind::Nothing };
                self.up_to_date = ids.first().copied().zip(ids.last().copied());
            }
            Ask::States { ids } => {
                self.behind = Behind::Lines;
                self.up_to_date = ids.first().copied().zip(ids.last().copied());
            }
            Ask::Older | Ask::Better | Ask::Newer => {}
        }
    }

    /// What was asked again and not found does not fit the filter any more. With `hold` it stays all the same.
    fn update(&mut self, ids: &[EventId], page: LogPage, hold: bool) {
        let covered = if page.rows.len() == ids.len() {
            page.rows.last().map(|row| row.id)
        } else {
            page.stopped_at.or(Some(0))
        };
        let Some(covered) = covered else { return };
        let mut found: std::collections::HashMap<EventId, Delivery> =
            page.rows.into_iter().map(|row| (row.id, row)).collect();
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
            self.complete = false;
            self.searched_to = None;
        }
    }
}

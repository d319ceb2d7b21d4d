//! Which lines of the delivery log the window holds, and which page it asks for next. Pure: a visible range goes in, a
//! query comes out, a page goes in.
//!
//! The list that the user scrolls through may be a million lines long; of it only a run of neighbouring lines is held
//! (at most [`HELD_MAX`]). Lines are numbered from the newest, as of the last time the list was taken from the top: what
//! comes later is counted, not shown, until the user goes to the top, so that nothing moves under the eyes.

use std::{collections::VecDeque, ops::Range};

use crate::{
    delivery::{Delivery, EventId, Page, Query, State},
    event::Kind,
};

const PAGE: usize = 200;
const HELD_MAX: usize = 1200;

/// What the user wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub states: Vec<State>,
    pub kinds: Vec<Kind>,
    pub text: String,
}

impl Filter {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn query(&self) -> Query {
        Query {
            states: self.states.clone(),
            kinds: self.kinds.clone(),
            text: self.text.clone(),
            limit: PAGE,
            ..Query::default()
        }
    }
}

/// A page on its way, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ask {
    /// The newest lines; `newest` is the log's newest line when they were asked for.
    Top { newest: EventId },
    /// What came after the newest line that is held; cheaper than the top where a text is searched for.
    Fresh { newest: EventId },
    /// The lines below those that are held.
    Older,
    /// The lines above those that are held.
    Newer,
    /// Lines far away: from that number on.
    Jump { first: usize },
    /// The same lines again, for what has happened to them.
    Again { ids: Vec<EventId> },
}

/// The lines that are held.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub filter: Filter,
    held: VecDeque<Delivery>,
    /// The number of the first line that is held.
    first: usize,
    /// Nothing older than the last line that is held.
    complete: bool,
    /// A search stopped here, and goes on from here.
    searched_to: Option<EventId>,
    total: Option<usize>,
    /// The newest line when the list was last taken from the top; later ones are not shown.
    head: EventId,
    asked: Option<Ask>,
    loaded: bool,
    /// Searching: look for what is new and at what is shown in turns.
    turn: bool,
}

impl Rows {
    /// How many lines the list has, as far as is known; at least one more than is held while there are older ones.
    pub(super) fn len(&self) -> usize {
        let held = self.first + self.held.len();
        match self.total {
            _ if self.complete => held,
            Some(total) if self.filter.is_empty() => total.max(held),
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

    /// Forgets everything, for another filter.
    pub(super) fn look_for(&mut self, filter: Filter) {
        *self = Self { filter, ..Self::default() };
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
        let base = self.filter.query();
        let can_jump = self.filter.is_empty();
        let (ask, query) = if visible.start < self.first {
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
        if at_top && self.filter.text.is_empty() {
            return Some(self.top(newest));
        }
        self.turn = !self.turn;
        if at_top && self.turn && newest > self.head {
            self.asked = Some(Ask::Fresh { newest });
            return Some(Query { after: Some(self.head), ..self.filter.query() });
        }
        let ids: Vec<EventId> =
            visible.clone().filter_map(|number| self.get(number)).map(|row| row.id).collect();
        let before = Some(ids.first()? + 1);
        let query = Query { before, limit: ids.len(), ..self.filter.query() };
        self.asked = Some(Ask::Again { ids });
        Some(query)
    }

    /// Asks for the newest lines, whatever is on its way.
    pub(super) fn top(&mut self, newest: EventId) -> Query {
        self.asked = Some(Ask::Top { newest });
        self.filter.query()
    }

    /// Without a filter nearly every line is there, so that a line's number tells its id; a few that were pruned are
    /// made up for when the list's end is reached.
    fn jump(&self, first: usize) -> (Ask, Query) {
        let before = self.head + 1 - EventId::try_from(first).unwrap_or(0);
        (Ask::Jump { first }, Query { before: Some(before.max(2)), ..self.filter.query() })
    }

    /// Takes in a page that was asked for.
    pub(super) fn take(&mut self, page: Page) {
        let Some(ask) = self.asked.take() else { return };
        let is_last = page.rows.len() < PAGE && page.stopped_at.is_none();
        match ask {
            Ask::Top { newest } => {
                self.head = page.rows.first().map_or(newest, |row| row.id.max(newest));
                self.total = page.total.and_then(|total| usize::try_from(total).ok());
                self.first = 0;
                self.complete = is_last;
                self.searched_to = page.stopped_at;
                self.held = page.rows.into();
                self.loaded = true;
            }
            Ask::Fresh { newest } => {
                if page.rows.len() == PAGE || page.stopped_at.is_some() {
                    self.loaded = false;
                    return;
                }
                self.head = page.rows.first().map_or(newest, |row| row.id.max(newest));
                for row in page.rows.into_iter().rev() {
                    self.held.push_front(row);
                }
                self.trim_below();
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
            Ask::Again { ids } => self.update(&ids, page),
        }
    }

    /// What was asked again and not found does not fit the filter any more.
    fn update(&mut self, ids: &[EventId], page: Page) {
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
            row.id < covered || !ids.contains(&row.id)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: EventId) -> Delivery {
        Delivery {
            id,
            state: State::Delivered,
            kind: Some(Kind::Track),
            name: None,
            message_id: format!("m{id}").as_str().into(),
            source: "s".into(),
            partition_key: "u".into(),
            key_shortened: false,
            received_at: id,
            settled_at: None,
            attempts: 1,
            took_ms: 1,
            receipt: None,
            fault: None,
            bytes: 1,
            repeat_of: None,
            resend_of: None,
            resent_as: None,
        }
    }

    /// Answers as a log of the lines `1..=newest` would.
    fn answer(query: &Query, newest: EventId) -> Page {
        let mut ids: Vec<EventId> = (1..=newest)
            .filter(|id| {
                query.before.is_none_or(|before| *id < before) && query.after.is_none_or(|after| *id > after)
            })
            .collect();
        if !query.oldest_first {
            ids.reverse();
        }
        ids.truncate(query.limit);
        Page {
            rows: ids.into_iter().map(delivery).collect(),
            total: u64::try_from(newest).ok(),
            ..Page::default()
        }
    }

    fn settle(rows: &mut Rows, visible: &Range<usize>, newest: EventId) {
        for _ in 0..100 {
            let Some(query) = rows.missing(visible, newest) else { return };
            rows.take(answer(&query, newest));
        }
        panic!("asks for ever at {visible:?}");
    }

    #[test]
    fn every_line_is_reached_from_everywhere_and_few_are_held() {
        let newest = 100_000;
        let mut rows = Rows::default();
        for start in [0, 30, 500, 90_000, 99_970, 50_000, 49_700, 49_400, 10, 0, 1100, 2300, 900, 99_900, 0] {
            let visible = start..start + 30;
            settle(&mut rows, &visible, newest);
            assert_eq!(rows.len(), 100_000, "at {start}");
            for number in visible {
                let id = rows.get(number).map(|row| row.id);
                assert_eq!(id, Some(newest - EventId::try_from(number).expect("small")), "line {number}");
            }
            assert!(rows.held.len() <= HELD_MAX + PAGE);
        }
    }

    #[test]
    fn what_comes_while_scrolled_away_is_counted_and_moves_nothing() {
        let mut rows = Rows::default();
        let visible = 100..130;
        settle(&mut rows, &visible, 1000);
        let query = rows.changed(&visible, false, 1007).expect("looks at the visible lines again");
        rows.take(answer(&query, 1007));
        assert_eq!((rows.get(100).map(|row| row.id), rows.unseen(1007)), (Some(900), 7));
        let query = rows.top(1007);
        rows.take(answer(&query, 1007));
        assert_eq!((rows.get(0).map(|row| row.id), rows.unseen(1007)), (Some(1007), 0));
    }

    #[test]
    fn a_line_that_no_longer_fits_the_filter_goes() {
        let mut rows = Rows::default();
        rows.look_for(Filter { states: vec![State::Queued], ..Filter::default() });
        settle(&mut rows, &(0..30), 20);
        let query = rows.changed(&(0..30), false, 20).expect("asks again");
        let mut page = answer(&query, 20);
        page.rows.retain(|row| row.id != 15);
        rows.take(page);
        assert_eq!((rows.len(), rows.find(15)), (19, None));
    }

    #[test]
    fn a_search_goes_on_where_it_stopped() {
        let mut rows = Rows::default();
        rows.look_for(Filter { text: "x".into(), ..Filter::default() });
        let first = rows.missing(&(0..30), 5000).expect("asks");
        assert_eq!(first.before, None);
        rows.take(Page { stopped_at: Some(4000), ..Page::default() });
        assert!(rows.is_searching());
        assert_eq!(rows.missing(&(0..30), 5000).expect("asks on").before, Some(4000));
        rows.take(Page { rows: vec![delivery(7)], ..Page::default() });
        assert_eq!((rows.len(), rows.is_searching(), rows.missing(&(0..30), 5000)), (1, false, None));
    }
}

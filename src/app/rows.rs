//! Which lines of the delivery log the window holds, and which page it asks for next. Pure: a visible range goes in, a
//! query comes out, a page goes in.
//!
//! The list that the user scrolls through may be a million lines long; of it only a run of neighbouring lines is held
//! (at most [`HELD_MAX`]). Lines are numbered from the newest, as of the last time the list was taken from the top: what
//! comes later is counted, not shown, until the user goes to the top, so that nothing moves under the eyes.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::{Measure, State},
        event::Kind,
    };

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
    fn answer(query: &Query, newest: EventId) -> LogPage {
        let mut ids: Vec<EventId> = (1..=newest)
            .filter(|id| {
                query.before.is_none_or(|before| *id < before) && query.after.is_none_or(|after| *id > after)
            })
            .collect();
        if !query.oldest_first {
            ids.reverse();
        }
        ids.truncate(query.limit);
        LogPage {
            rows: ids.into_iter().map(delivery).collect(),
            total: u64::try_from(newest).ok(),
            ..LogPage::default()
        }
    }

    fn settle(rows: &mut Rows, visible: &Range<usize>, newest: EventId) {
        for _ in 0..100 {
            let Some(query) = rows.missing(visible, newest) else { return };
            rows.take(answer(&query, newest), false);
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
        rows.take(answer(&query, 1007), false);
        assert_eq!((rows.get(100).map(|row| row.id), rows.unseen(1007)), (Some(900), 7));
        let query = rows.top(1007);
        rows.take(answer(&query, 1007), false);
        assert_eq!((rows.get(0).map(|row| row.id), rows.unseen(1007)), (Some(1007), 0));
    }

    #[test]
    fn a_line_that_no_longer_fits_the_filter_goes() {
        let mut rows = Rows::default();
        rows.look_for(Query { states: vec![State::Queued], ..Query::default() });
        settle(&mut rows, &(0..30), 20);
        let query = rows.changed(&(0..30), false, 20).expect("asks again");
        let mut page = answer(&query, 20);
        page.rows.retain(|row| row.id != 15);
        rows.take(page, false);
        assert_eq!((rows.len(), rows.find(15)), (19, None));
    }

    #[test]
    fn a_search_goes_on_where_it_stopped() {
        let mut rows = Rows::default();
        rows.look_for(Query { words: vec!["x".into()], ..Query::default() });
        let first = rows.missing(&(0..30), 5000).expect("asks");
        assert_eq!(first.before, None);
        rows.take(LogPage { stopped_at: Some(4000), ..LogPage::default() }, false);
        assert!(rows.is_searching());
        assert_eq!(rows.missing(&(0..30), 5000).expect("asks on").before, Some(4000));
        rows.take(LogPage { rows: vec![delivery(7)], ..LogPage::default() }, false);
        assert_eq!((rows.len(), rows.is_searching(), rows.missing(&(0..30), 5000)), (1, false, None));
    }

    #[test]
    fn what_a_search_found_further_back_stays_when_new_lines_come() {
        let mut rows = Rows::default();
        rows.look_for(Query { words: vec!["x".into()], ..Query::default() });
        rows.missing(&(0..30), 9000).expect("asks");
        let line = |id, state| Delivery { state, ..delivery(id) };
        let first = vec![line(8900, State::Queued), delivery(8800)];
        rows.take(
            LogPage {
                rows: first,
                stopped_at: Some(5000),
                reached: Some(77),
                reaches_to: 1,
                ..LogPage::default()
            },
            false,
        );
        let progress = rows.progress().expect("not done");
        assert_eq!((progress.reached, format!("{:.2}", progress.done)), (77, "0.44".to_owned()));
        rows.missing(&(0..30), 9000).expect("asks on");
        rows.take(LogPage { rows: vec![delivery(7)], ..LogPage::default() }, false);
        assert_eq!(rows.progress(), None);
        let query = rows.changed(&(0..30), true, 9100).expect("looks at the newest again");
        assert_eq!((query.before, query.after), (None, None));
        let newer = vec![delivery(9050), line(8900, State::Delivered), delivery(8800)];
        rows.take(LogPage { rows: newer, stopped_at: Some(5100), ..LogPage::default() }, false);
        let now: Vec<_> =
            (0..rows.len()).filter_map(|n| rows.get(n)).map(|row| (row.id, row.state)).collect();
        assert_eq!(now, [9050, 8900, 8800, 7].map(|id| (id, State::Delivered)));
        assert_eq!(rows.unseen(9100), 0);
    }

    #[test]
    fn a_rare_type_is_searched_for_once_however_much_comes() {
        for filter in [
            Query { kinds: vec![Kind::Alias], ..Query::default() },
            Query { states: vec![State::Delivered], ..Query::default() },
            Query { until: Some(9), ..Query::default() },
        ] {
            let mut rows = Rows::default();
            rows.look_for(filter);
            rows.missing(&(0..30), 9000).expect("asks");
            rows.take(
                LogPage { rows: vec![delivery(8900)], stopped_at: Some(5000), ..LogPage::default() },
                false,
            );
            rows.missing(&(0..30), 9000).expect("asks on");
            rows.take(LogPage { rows: vec![delivery(7)], ..LogPage::default() }, false);
            rows.changed(&(0..30), true, 9100).expect("looks at the newest again");
            rows.take(
                LogPage { rows: vec![delivery(8900)], stopped_at: Some(5100), ..LogPage::default() },
                false,
            );
            assert_eq!((rows.len(), rows.find(7)), (2, Some(1)), "{:?}", rows.filter);
            assert_eq!(rows.missing(&(0..30), 9100), None, "nothing is searched twice");
        }
    }

    #[test]
    fn the_last_minutes_move_on_with_the_clock() {
        let mut rows = Rows::default();
        rows.look_for(Query { since: Some(3), ..Query::default() });
        rows.missing(&(0..30), 5).expect("asks");
        rows.take(LogPage { rows: vec![delivery(5), delivery(4), delivery(3)], ..LogPage::default() }, false);
        rows.slide(Some(5));
        assert_eq!((rows.len(), rows.find(4)), (1, None));
        assert_eq!(rows.top(5).since, Some(5));
    }

    #[test]
    fn a_search_that_was_ended_asks_for_no_more_until_it_may_go_on() {
        let mut rows = Rows::default();
        rows.look_for(Query { words: vec!["x".into()], ..Query::default() });
        rows.missing(&(0..30), 9000).expect("asks");
        rows.take(LogPage { stopped_at: Some(5000), reached: Some(77), ..LogPage::default() }, false);
        rows.cut_short(true);
        assert_eq!(rows.missing(&(0..30), 9000), None);
        assert!(rows.progress().is_some_and(|progress| progress.cut_short));
        rows.cut_short(false);
        assert_eq!(rows.missing(&(0..30), 9000).expect("goes on").before, Some(5000));
    }

    #[test]
    fn a_ranking_is_gathered_from_the_whole_log_and_then_holds_still() {
        let mut rows = Rows::default();
        rows.look_for(Query { by: Some(Measure::Size), ..Query::default() });
        let sized = |id, bytes| Delivery { bytes, ..delivery(id) };
        rows.missing(&(0..30), 9000).expect("asks");
        let first = vec![sized(8000, 50), sized(8500, 20)];
        rows.take(LogPage { rows: first, stopped_at: Some(5000), ..LogPage::default() }, false);
        assert_eq!(rows.missing(&(0..30), 9000).expect("asks on").before, Some(5000));
        rows.take(LogPage { rows: vec![sized(10, 30)], ..LogPage::default() }, false);
        let sizes: Vec<_> = (0..rows.len()).filter_map(|n| rows.get(n)).map(|row| row.bytes).collect();
        assert_eq!(sizes, [50, 30, 20]);
        assert_eq!((rows.missing(&(0..30), 9000), rows.changed(&(0..30), true, 9100)), (None, None));
    }

    #[test]
    fn lines_that_are_aimed_at_stay_though_a_page_was_on_its_way_and_they_fit_no_more() {
        let mut rows = Rows::default();
        rows.look_for(Query { states: vec![State::Queued], ..Query::default() });
        rows.missing(&(0..30), 3).expect("asks");
        rows.take(LogPage { rows: vec![delivery(3), delivery(2)], ..LogPage::default() }, true);
        assert_eq!(rows.len(), 2, "the first page is taken in any case");
        rows.changed(&(0..30), true, 9).expect("asks for the newest");
        rows.take(LogPage { rows: vec![delivery(9), delivery(3)], ..LogPage::default() }, true);
        rows.changed(&(0..2), false, 9).expect("asks for the same");
        rows.take(LogPage { rows: vec![delivery(3)], ..LogPage::default() }, true);
        assert_eq!((rows.len(), rows.find(3), rows.find(2), rows.unseen(9)), (2, Some(0), Some(1), 6));
        rows.changed(&(0..30), true, 9).expect("asks for the newest");
        rows.take(LogPage { rows: vec![delivery(9)], ..LogPage::default() }, false);
        assert_eq!((rows.len(), rows.find(9), rows.unseen(9)), (1, Some(0), 0));
    }

    #[test]
    fn lines_of_a_held_list_say_their_new_state_and_are_asked_again_when_it_is_let_go() {
        let mut rows = Rows::default();
        let queued = |id| Delivery { state: State::Queued, ..delivery(id) };
        rows.look_for(Query { states: vec![State::Queued], ..Query::default() });
        rows.missing(&(0..30), 3).expect("asks");
        rows.take(LogPage { rows: vec![queued(3), queued(2)], ..LogPage::default() }, true);
        assert!(!rows.is_behind(&(0..30), true) && !rows.is_behind(&(0..30), false));
        rows.changed(&(0..30), true, 3).expect("asks for the newest");
        rows.take(LogPage::default(), true);
        assert!(rows.is_behind(&(0..30), true), "that page was of no use");
        let query = rows.changed_while_held(&(0..30)).expect("asks for these lines");
        assert_eq!((query.ids, query.states, query.limit), (vec![3, 2], vec![], 2));
        rows.take(LogPage { rows: vec![delivery(3), queued(2)], ..LogPage::default() }, true);
        let states: Vec<_> = (0..2).filter_map(|n| rows.get(n)).map(|row| row.state).collect();
        assert_eq!(states, [State::Delivered, State::Queued]);
        assert!(!rows.is_behind(&(0..30), true) && rows.is_behind(&(0..30), false));
        rows.changed(&(0..30), true, 3).expect("asks for the newest");
        rows.take(LogPage { rows: vec![queued(2)], ..LogPage::default() }, false);
        assert_eq!((rows.len(), rows.find(2), rows.is_behind(&(0..30), false)), (1, Some(0), false));
    }

    #[test]
    fn lines_that_were_out_of_sight_when_the_log_changed_are_asked_for_when_they_come_into_sight() {
        let mut rows = Rows::default();
        settle(&mut rows, &(0..30), 150);
        assert!(!rows.is_behind(&(60..90), false), "all are of one page");
        let query = rows.changed(&(0..30), false, 151).expect("asks for the lines in sight");
        rows.take(answer(&query, 150), false);
        assert!(!rows.is_behind(&(0..30), false) && rows.is_behind(&(20..50), false));
        let query = rows.changed(&(20..50), false, 151).expect("asks for them");
        rows.take(answer(&query, 150), false);
        assert!(!rows.is_behind(&(20..50), false));
    }

    #[test]
    fn a_line_that_the_filter_leaves_out_is_told_from_one_that_was_not_looked_at() {
        let mut rows = Rows::default();
        rows.look_for(Query { words: vec!["x".into()], ..Query::default() });
        rows.missing(&(0..30), 9).expect("asks");
        rows.take(
            LogPage { rows: vec![delivery(8), delivery(5)], stopped_at: Some(4), ..LogPage::default() },
            false,
        );
        let left_out: Vec<EventId> = (1..=10).filter(|id| rows.leaves_out(*id)).collect();
        assert_eq!(left_out, [6, 7, 9]);
        assert_eq!((rows.number_of(5), rows.number_of(6)), (Some(1), None));
        let mut all = Rows::default();
        all.missing(&(0..30), 9000).expect("asks");
        all.take(answer(&Query { limit: PAGE, ..Query::default() }, 9000), false);
        assert_eq!((all.number_of(9000), all.number_of(1), all.number_of(9001)), (Some(0), Some(8999), None));
    }
}

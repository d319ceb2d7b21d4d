//! How many events the search has found: the counts over time, read part by part after the list's first page.

use std::time::{Duration, Instant};

use eframe::egui;

use crate::{
    app::{
        clock::Clock,
        command::{Command, LogCommand},
        seen::Seen,
        waiting::{Waiting, arrived},
        widgets,
    },
    delivery::{CountRequest, Counts, Millis, Query, TimeFrame},
    engine::Answer,
};

/// Maximum lines that a count searches, newest first.
const SEARCHED_MAX: u64 = 200_000;
/// The shortest time between two counts of a changing log.
const COUNT_EVERY: Duration = Duration::from_secs(2);
/// A count may use this share of the time: after one second of counting, twenty seconds of rest.
const REST: u32 = 20;
/// Maximum bars of the histogram.
const INTERVALS_MAX: usize = 72;

#[derive(Default)]
pub(super) struct Found {
    /// The search; its order does not matter.
    query: Query,
    waiting: Option<Waiting<Result<Counts, String>>>,
    /// The parts of the count that is under way.
    partial: Option<Counts>,
    /// The last complete count, or the parts of the first one.
    counts: Option<Counts>,
    is_complete: bool,
    began: Option<Instant>,
    /// The next count may begin then.
    rests_until: Option<Instant>,
    /// The revision of the log when the count began.
    revision: u64,
    has_failed: bool,
}

/// What is known of the number of events found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub found: u64,
    /// Lines of the log that were searched, newest first; fewer than all if the search has a limit.
    pub searched: u64,
    pub lines: u64,
    /// The count is under way, and this is its beginning.
    pub is_counting: bool,
}

impl Tally {
    /// All lines of the log were searched.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_counting && self.searched >= self.lines
    }

    /// `is_all`: the search is empty.
    pub(super) fn text(&self, is_all: bool) -> String {
        let [found, searched, lines] = [self.found, self.searched, self.lines].map(widgets::digits);
        match self {
            _ if self.is_counting => format!("Counting … {found}"),
            _ if self.searched < self.lines => format!("{found} of the newest {searched}"),
            _ if is_all && self.found == 1 => "1 event".to_owned(),
            _ if is_all => format!("{found} events"),
            _ => format!("{found} of {lines}"),
        }
    }

    /// Why not all lines are counted.
    pub(super) fn hint(&self) -> String {
        if self.is_counting || self.searched >= self.lines {
            return String::new();
        }
        format!(
            "Of {} events in the log, the newest {} were counted. Choose a time range to count older ones.",
            widgets::digits(self.lines),
            widgets::digits(self.searched)
        )
    }
}

impl Found {
    /// Starts over with another search. The count that is under way ends.
    pub(super) fn search(&mut self, query: &Query) {
        let query = Query { by: None, ..query.clone() };
        if self.query != query {
            *self = Self { query, ..Self::default() };
        }
    }

    pub(super) fn coming(&mut self, answer: Answer<Result<Counts, String>>) {
        self.waiting = Some(Waiting::new(answer));
    }

    /// The counts to draw.
    pub(super) fn counts(&self) -> Option<&Counts> {
        self.counts.as_ref().filter(|counts| counts.frame.len > 0)
    }

    /// `listed`: the number of events in the list, if the whole log was read for them. `None`: nothing is known yet.
    pub(super) fn tally(&self, listed: Option<u64>) -> Option<Tally> {
        let counts = self.counts.as_ref()?;
        let Counts { searched, lines, .. } = *counts;
        if let Some(found) = listed.filter(|_| !self.query.is_all()) {
            return Some(Tally { found, searched: lines, lines, is_counting: false });
        }
        let is_partial = counts.stopped_at.is_some();
        Some(Tally {
            found: counts.by_state().all(),
            searched: if is_partial { searched } else { lines },
            lines,
            is_counting: !self.is_complete,
        })
    }

    /// Takes a part that has come, and asks for the next one. `since`: where a relative time range begins now. `may_begin`:
    /// the list has its first page, and it is not paused.
    pub(super) fn logic(
        &mut self,
        ctx: &egui::Context,
        seen: &mut Seen<'_>,
        since: Option<Millis>,
        may_begin: bool,
    ) {
        match arrived(&mut self.waiting, ctx) {
            Some(Ok(part)) => self.take(part),
            Some(Err(_)) => {
                // The list says why the log cannot be read.
                self.has_failed = true;
                self.finish();
            }
            None => {}
        }
        if self.waiting.is_some() {
            return;
        }
        if let Some(partial) = &self.partial {
            let query = Query { before: partial.stopped_at, ..self.query.clone() };
            let frame = Some(partial.frame);
            return Self::ask(seen, query, frame);
        }
        let is_due = self.began.is_none() || self.revision != seen.status.revision || self.has_failed;
        if !is_due || !may_begin {
            return;
        }
        let now = Instant::now();
        if let Some(rest) = self.rests_until.and_then(|until| until.checked_duration_since(now)) {
            ctx.request_repaint_after(rest);
            return;
        }
        self.began = Some(now);
        self.revision = seen.status.revision;
        self.has_failed = false;
        if since.is_some() {
            self.query.since = since;
        }
        Self::ask(seen, self.query.clone(), None);
    }

    fn ask(seen: &mut Seen<'_>, query: Query, frame: Option<TimeFrame>) {
        let now = Clock::now();
        let offset_ms = seen.clock.offset_ms(now);
        let request = CountRequest { query, frame, intervals_max: INTERVALS_MAX, offset_ms, now };
        seen.push(Command::Log(LogCommand::Count(Box::new(request))));
    }

    fn take(&mut self, part: Counts) {
        let counts = match self.partial.take() {
            Some(mut sum) => {
                sum.continue_with(&part);
                sum
            }
            None => part,
        };
        let is_done = counts.stopped_at.is_none() || counts.searched >= SEARCHED_MAX;
        if is_done || !self.is_complete {
            self.counts = Some(counts.clone());
        }
        if is_done {
            self.is_complete = true;
            self.finish();
        } else {
            self.partial = Some(counts);
        }
    }

    fn finish(&mut self) {
        self.partial = None;
        let took = self.began.map(|at| at.elapsed()).unwrap_or_default();
        self.rests_until = Some(Instant::now() + COUNT_EVERY.max(took * REST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::State;

    fn part(found: u64, searched: u64, stopped_at: Option<i64>) -> Counts {
        let frame = TimeFrame { start: 0, step: 1000, len: 3 };
        let mut part = Counts { searched, stopped_at, ..Counts::empty(frame, 1_000_000) };
        part.add(0, State::Delivered, found);
        part
    }

    #[test]
    fn parts_are_summed_up_and_a_later_count_replaces_them_when_it_is_complete() {
        let mut found = Found::default();
        assert_eq!(found.tally(None), None);
        found.take(part(3, 50_000, Some(950_000)));
        let tally = Tally { found: 3, searched: 50_000, lines: 1_000_000, is_counting: true };
        assert_eq!(found.tally(None), Some(tally));
        found.take(part(1, 50_000, None));
        let tally = Tally { found: 4, searched: 1_000_000, lines: 1_000_000, is_counting: false };
        assert_eq!(found.tally(None), Some(tally));
        found.take(part(9, 50_000, Some(950_000)));
        assert_eq!(found.tally(None), Some(tally), "the second count is not complete");
        found.take(part(1, 10, None));
        assert_eq!(found.tally(None).map(|tally| tally.found), Some(10));
    }

    #[test]
    fn a_count_ends_at_its_limit_and_says_how_far_it_went() {
        let mut found = Found::default();
        for stop in [950_000, 900_000, 850_000, 800_000] {
            assert!(found.tally(None).is_none_or(|tally| tally.is_counting));
            found.take(part(1, 50_000, Some(stop)));
        }
        let tally = Tally { found: 4, searched: 200_000, lines: 1_000_000, is_counting: false };
        assert_eq!(found.tally(None), Some(tally));
        assert!(found.partial.is_none());
        found.search(&Query { words: vec!["x".into()], ..Query::default() });
        assert_eq!(found.tally(None), None);
    }
}

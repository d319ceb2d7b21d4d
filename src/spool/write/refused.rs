//! Which refused events become lines of the log. All are counted; lines have limits of their own, so that whoever sends
//! what is refused can neither fill the disk nor push delivered lines out of the log.
//!
//! - One request: [`LINES_OF_REQUEST`] lines, and one of each further reason.
//! - One source: [`LINES_AT_ONCE`] lines at once, and one more each [`LINE_EVERY`].
//! - All sources: `log.keep_rejected` lines. The source that has most lines loses its oldest first.
//! - None while the spool is full.
//!
//! A line says how many refused events of its source were not kept since the line before it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ahash::HashMap;
use rusqlite::Connection;

use crate::delivery::EventId;

/// Refused events of one request that become lines, whatever their reason.
const LINES_OF_REQUEST: usize = 20;

/// Lines of one source at once.
const LINES_AT_ONCE: u32 = 100;

/// How often a source may have one line more: a hundred a minute.
const LINE_EVERY: Duration = Duration::from_millis(600);

/// Which refused events of one request may become lines: 20 of them, and one of each further reason.
#[derive(Debug, Default)]
pub struct LinesOfRequest<'a> {
    known: Vec<&'a str>,
    lines: usize,
}

impl<'a> LinesOfRequest<'a> {
    /// Whether the next refused event may, which has this reason.
    pub fn takes(&mut self, reason: &'a str) -> bool {
        let is_new = !self.known.contains(&reason);
        if is_new {
            self.known.push(reason);
        }
        let takes = is_new || self.lines < LINES_OF_REQUEST;
        self.lines += usize::from(takes);
        takes
    }
}

/// What a source may still add to the log.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    lines: u32,
    /// Up to when lines were granted.
    since: Instant,
    /// Refused events without a line, since the last line.
    unkept: u64,
}

impl Allowance {
    fn new() -> Self {
        Self { lines: LINES_AT_ONCE, since: Instant::now(), unkept: 0 }
    }

    fn grant(&mut self, now: Instant) {
        let due = now.saturating_duration_since(self.since).as_millis() / LINE_EVERY.as_millis();
        let due = u32::try_from(due).unwrap_or(u32::MAX);
        self.lines = self.lines.saturating_add(due).min(LINES_AT_ONCE);
        self.since = if self.lines == LINES_AT_ONCE { now } else { self.since + LINE_EVERY * due };
    }
}

/// The rejected lines of the log, by the number of their source in `word`.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Oldest first.
    lines: HashMap<i64, VecDeque<EventId>>,
    kept: u64,
    allowances: HashMap<i64, Allowance>,
    /// The allowances that the transaction under way changes, as they were.
    before: Vec<(i64, Allowance)>,
    /// The lines that it removes.
    removed: Vec<(i64, EventId)>,
}

/// Which refused events of a request become lines.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// Their places in the request.
    pub(super) places: Vec<usize>,
    /// Refused events before the last of them that have no line; for that line to say.
    pub(super) unkept: u64,
}

impl Refusals {
    /// Reads which lines there are.
    pub(super) fn open(connection: &Connection) -> rusqlite::Result<Self> {
        let mut refusals = Self::default();
        refusals.read(connection)?;
        Ok(refusals)
    }

    /// Reads again which lines there are.
    pub(super) fn read(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        (self.lines, self.kept) = (HashMap::default(), 0);
        (self.before, self.removed) = (Vec::new(), Vec::new());
        // The first condition is the one of the index `settled_rare`.
        let mut statement = connection.prepare(
            "SELECT settled.id, source FROM settled JOIN event ON event.id = settled.id
             WHERE state <> 2 AND state = 4 ORDER BY settled.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.keep(row.get(1)?, row.get(0)?);
        }
        Ok(())
    }

    /// How many lines there are.
    pub(super) fn kept(&self) -> u64 {
        self.kept
    }

    /// Chooses among the refused events of one request, which have these reasons.
    pub(super) fn choose<'a>(&mut self, source: i64, reasons: impl Iterator<Item = &'a str>) -> Chosen {
        self.note(source);
        let allowance = self.allowances.entry(source).or_insert_with(Allowance::new);
        allowance.grant(Instant::now());
        let mut chosen = Chosen::default();
        let mut lines = LinesOfRequest::default();
        for (place, reason) in reasons.enumerate() {
            if lines.takes(reason) && allowance.lines > 0 {
                allowance.lines -= 1;
                chosen.places.push(place);
            } else {
                allowance.unkept += 1;
            }
        }
        if !chosen.places.is_empty() {
            chosen.unkept = std::mem::take(&mut allowance.unkept);
        }
        chosen
    }

    /// Counts refused events of a source that cannot have lines now.
    pub(super) fn pass_over(&mut self, source: i64, count: u64) {
        self.note(source);
        self.allowances.entry(source).or_insert_with(Allowance::new).unkept += count;
    }

    fn note(&mut self, source: i64) {
        if self.before.iter().all(|(noted, _)| *noted != source) {
            let before = self.allowances.get(&source).copied().unwrap_or_else(Allowance::new);
            self.before.push((source, before));
        }
    }

    /// A line was written.
    pub(super) fn keep(&mut self, source: i64, line: EventId) {
        self.lines.entry(source).or_default().push_back(line);
        self.kept += 1;
    }

    /// Takes the oldest lines of the sources that have most, at most so many, until `keep` are left.
    pub(super) fn give_up(&mut self, keep: u64, most: usize) -> Vec<EventId> {
        let mut given = Vec::new();
        while self.kept > keep && given.len() < most {
            let most_lines = |(_, lines): &(&i64, &mut VecDeque<EventId>)| {
                (lines.len(), std::cmp::Reverse(lines.front().copied()))
            };
            let Some((source, lines)) = self.lines.iter_mut().max_by_key(most_lines) else { break };
            let Some(line) = lines.pop_front() else { break };
            self.kept -= 1;
            self.removed.push((*source, line));
            given.push(line);
        }
        given
    }

    /// All lines up to this one were removed.
    pub(super) fn forget_through(&mut self, last: EventId) {
        for (source, lines) in &mut self.lines {
            while let Some(line) = lines.pop_front_if(|line| *line <= last) {
                self.kept -= 1;
                self.removed.push((*source, line));
            }
        }
    }

    pub(super) fn committed(&mut self) {
        self.before.clear();
        self.removed.clear();
    }

    /// The transaction came to nothing: the log ends with `newest`.
    pub(super) fn rolled_back(&mut self, newest: EventId) {
        self.allowances.extend(self.before.drain(..));
        for (source, line) in self.removed.drain(..).rev() {
            self.lines.entry(source).or_default().push_front(line);
            self.kept += 1;
        }
        for lines in self.lines.values_mut() {
            while lines.pop_back_if(|line| *line > newest).is_some() {
                self.kept -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(refusals: &mut Refusals, source: i64, reasons: &[&str]) -> Chosen {
        refusals.choose(source, reasons.iter().copied())
    }

    #[test]
    fn a_request_has_twenty_lines_and_one_of_each_further_reason() {
        let mut refusals = Refusals::default();
        let reasons = [vec!["a"; 30], vec!["b", "a", "c"]].concat();
        let chosen = choose(&mut refusals, 1, &reasons);
        assert_eq!(chosen.places, (0..20).chain([30, 32]).collect::<Vec<_>>());
        assert_eq!(chosen.unkept, 11);
    }

    #[test]
    fn a_source_that_has_used_up_its_lines_gets_more_with_time_and_others_have_theirs() {
        let mut refusals = Refusals::default();
        let lines: usize = (0..50).map(|_| choose(&mut refusals, 1, &["a"; 20]).places.len()).sum();
        assert!((100..150).contains(&lines), "{lines}");
        assert_eq!(choose(&mut refusals, 2, &["a"; 20]).places.len(), 20, "another source");
        let allowance = refusals.allowances.get_mut(&1).expect("it came");
        let unkept = allowance.unkept;
        allowance.lines = 0;
        allowance.since -= LINE_EVERY;
        let chosen = choose(&mut refusals, 1, &["a"; 3]);
        assert!(!chosen.places.is_empty());
        assert_eq!(
            chosen.unkept + chosen.places.len() as u64,
            unkept + 3,
            "the line says how many have none"
        );
    }

    #[test]
    fn the_source_with_most_lines_loses_its_oldest_and_a_rollback_brings_them_back() {
        let mut refusals = Refusals::default();
        for line in 1..=9 {
            refusals.keep(if line == 2 { 7 } else { 1 }, line);
        }
        assert_eq!(refusals.give_up(4, 100), [1, 3, 4, 5, 6]);
        refusals.rolled_back(9);
        assert_eq!(refusals.kept(), 9);
        assert_eq!(refusals.give_up(2, 100), [1, 3, 4, 5, 6, 7, 8]);
        refusals.committed();
        assert_eq!(refusals.lines[&7], [2]);
        refusals.keep(1, 10);
        refusals.rolled_back(9);
        assert_eq!(refusals.kept(), 2);
    }
}

//! Which rejected events become lines of the log. All are counted. Lines have limits, so that a sender of rejected
//! events can neither fill the disk nor push delivered lines out of the log:
//!
//! - One request: [`LINES_OF_REQUEST`] lines, and one line for each further reason.
//! - One source: [`LINES_AT_ONCE`] lines at once, and one more each [`LINE_EVERY`].
//! - All sources: `log.keep_rejected` lines. The source with most lines loses its oldest ones first.
//! - None while the spool is full.
//!
//! A line tells how many rejected events of its source had no line since its previous line.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ahash::HashMap;
use rusqlite::Connection;

use crate::delivery::EventId;

/// Rejected events of one request that become lines, whatever their reason.
const LINES_OF_REQUEST: usize = 20;

/// Lines of one source at once.
const LINES_AT_ONCE: u32 = 100;

/// How often a source may have one more line: a hundred a minute.
const LINE_EVERY: Duration = Duration::from_millis(600);

/// Chooses the rejected events of one request that may become lines: 20, and one of each further reason.
#[derive(Debug, Default)]
pub struct LinesOfRequest<'a> {
    known: Vec<&'a str>,
    lines: usize,
}

impl<'a> LinesOfRequest<'a> {
    /// Whether the next rejected event, which has this reason, may become a line.
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

/// How many lines a source may still add to the log.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    lines: u32,
    /// Up to when lines were granted.
    since: Instant,
    /// Rejected events without a line since the last line.
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

/// The rejected lines of the log, by source.
#[derive(Debug, Default)]
pub(super) struct RejectedLines {
    /// By the number of the source in `word`; oldest first.
    lines: HashMap<i64, VecDeque<EventId>>,
    len: u64,
    allowances: HashMap<i64, Allowance>,
    /// The allowances that the open transaction changes, as they were before it.
    before: Vec<(i64, Allowance)>,
    /// The lines that the open transaction removes.
    removed: Vec<(i64, EventId)>,
}

/// The rejected events of a request that become lines.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// Their indexes among the rejected events of the request.
    pub(super) indexes: Vec<usize>,
    /// Rejected events before the last chosen one that have no line; that line tells the number.
    pub(super) unkept: u64,
}

impl RejectedLines {
    /// Reads the rejected lines again; the allowances stay.
    pub(super) fn read(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        (self.lines, self.len) = (HashMap::default(), 0);
        (self.before, self.removed) = (Vec::new(), Vec::new());
        // The first condition is the one of the index `settled_rare`.
        let mut statement = connection.prepare(
            "SELECT settled.id, source FROM settled JOIN event ON event.id = settled.id
             WHERE state <> 2 AND state = 4 ORDER BY settled.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.add(row.get(1)?, row.get(0)?);
        }
        Ok(())
    }

    /// The number of lines.
    pub(super) fn count(&self) -> u64 {
        self.len
    }

    /// Chooses among the rejected events of one request, given by their reasons.
    pub(super) fn choose<'a>(&mut self, source: i64, reasons: impl Iterator<Item = &'a str>) -> Chosen {
        self.note(source);
        let allowance = self.allowances.entry(source).or_insert_with(Allowance::new);
        allowance.grant(Instant::now());
        let mut chosen = Chosen::default();
        let mut lines = LinesOfRequest::default();
        for (index, reason) in reasons.enumerate() {
            if lines.takes(reason) && allowance.lines > 0 {
                allowance.lines -= 1;
                chosen.indexes.push(index);
            } else {
                allowance.unkept += 1;
            }
        }
        if !chosen.indexes.is_empty() {
            chosen.unkept = std::mem::take(&mut allowance.unkept);
        }
        chosen
    }

    /// Counts rejected events that cannot become lines.
    pub(super) fn skip(&mut self, source: i64, count: u64) {
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
    pub(super) fn add(&mut self, source: i64, line: EventId) {
        self.lines.entry(source).or_default().push_back(line);
        self.len += 1;
    }

    /// Removes the oldest lines of the sources with most lines, until `keep` lines are left or `most` are removed.
    pub(super) fn remove_oldest(&mut self, keep: u64, most: usize) -> Vec<EventId> {
        let mut removed = Vec::new();
        while self.len > keep && removed.len() < most {
            let most_lines = |(_, lines): &(&i64, &mut VecDeque<EventId>)| {
                (lines.len(), std::cmp::Reverse(lines.front().copied()))
            };
            let Some((source, lines)) = self.lines.iter_mut().max_by_key(most_lines) else { break };
            let Some(line) = lines.pop_front() else { break };
            self.len -= 1;
            self.removed.push((*source, line));
            removed.push(line);
        }
        removed
    }

    /// All lines up to `last` were removed.
    pub(super) fn removed_through(&mut self, last: EventId) {
        for (source, lines) in &mut self.lines {
            while let Some(line) = lines.pop_front_if(|line| *line <= last) {
                self.len -= 1;
                self.removed.push((*source, line));
            }
        }
    }

    pub(super) fn committed(&mut self) {
        self.before.clear();
        self.removed.clear();
    }

    /// The transaction was rolled back: the log ends with the line `newest`.
    pub(super) fn rolled_back(&mut self, newest: EventId) {
        self.allowances.extend(self.before.drain(..));
        for (source, line) in self.removed.drain(..).rev() {
            self.lines.entry(source).or_default().push_front(line);
            self.len += 1;
        }
        for lines in self.lines.values_mut() {
            while lines.pop_back_if(|line| *line > newest).is_some() {
                self.len -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(lines: &mut RejectedLines, source: i64, reasons: &[&str]) -> Chosen {
        lines.choose(source, reasons.iter().copied())
    }

    #[test]
    fn a_request_has_twenty_lines_and_one_of_each_further_reason() {
        let mut lines = RejectedLines::default();
        let reasons = [vec!["a"; 30], vec!["b", "a", "c"]].concat();
        let chosen = choose(&mut lines, 1, &reasons);
        assert_eq!(chosen.indexes, (0..20).chain([30, 32]).collect::<Vec<_>>());
        assert_eq!(chosen.unkept, 11);
    }

    #[test]
    fn a_source_that_has_used_up_its_lines_gets_more_with_time_and_others_have_theirs() {
        let mut lines = RejectedLines::default();
        let count: usize = (0..50).map(|_| choose(&mut lines, 1, &["a"; 20]).indexes.len()).sum();
        assert!((100..150).contains(&count), "{count}");
        assert_eq!(choose(&mut lines, 2, &["a"; 20]).indexes.len(), 20, "another source");
        let allowance = lines.allowances.get_mut(&1).expect("it came");
        let unkept = allowance.unkept;
        allowance.lines = 0;
        allowance.since -= LINE_EVERY;
        let chosen = choose(&mut lines, 1, &["a"; 3]);
        assert!(!chosen.indexes.is_empty());
        assert_eq!(
            chosen.unkept + chosen.indexes.len() as u64,
            unkept + 3,
            "the line says how many have none"
        );
    }

    #[test]
    fn the_source_with_most_lines_loses_its_oldest_and_a_rollback_brings_them_back() {
        let mut lines = RejectedLines::default();
        for line in 1..=9 {
            lines.add(if line == 2 { 7 } else { 1 }, line);
        }
        assert_eq!(lines.remove_oldest(4, 100), [1, 3, 4, 5, 6]);
        lines.rolled_back(9);
        assert_eq!(lines.count(), 9);
        assert_eq!(lines.remove_oldest(2, 100), [1, 3, 4, 5, 6, 7, 8]);
        lines.committed();
        assert_eq!(lines.lines[&7], [2]);
        lines.add(1, 10);
        lines.rolled_back(9);
        assert_eq!(lines.count(), 2);
    }
}

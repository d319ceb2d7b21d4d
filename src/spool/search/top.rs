//! The lines that have most of something.

use crate::{
    delivery::{Delivery, Measure},
    spool::line::LineRow,
};

/// The lines with the highest measure so far.
pub(super) struct Top {
    by: Measure,
    limit: usize,
    found: Vec<Delivery>,
    /// The measure that a line must exceed to be among them.
    floor: i64,
}

impl Top {
    pub(super) fn new(by: Measure, limit: usize) -> Self {
        Self { by, limit, found: Vec::new(), floor: i64::MIN }
    }

    pub(super) fn wants(&self, line: &LineRow<'_>) -> bool {
        line.measure(self.by) > self.floor
    }

    pub(super) fn add(&mut self, line: Delivery) {
        self.found.push(line);
        if self.found.len() >= 2 * self.limit.max(1) {
            let found = std::mem::take(&mut self.found);
            self.by.merge(&mut self.found, found, self.limit);
            self.floor = self.found.last().and_then(|last| self.by.of(last)).unwrap_or(i64::MIN);
        }
    }

    pub(super) fn merge_into(self, lines: &mut Vec<Delivery>) {
        self.by.merge(lines, self.found, self.limit);
    }
}

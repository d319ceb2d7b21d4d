//! The search for the record, and in it the event, that a request was refused for: each half is put again at once, by
//! itself, until what is at fault is alone. One of 500 records is found with at most 18 more puts. Pure.
//!
//! 1. The events of a refused batch stay in flight for their lanes: nothing behind them moves.
//! 2. The events of one lane in a record are not split over two batches, which could overtake each other. The lane keeps the
//!    second half, as the next part of its search ([`super::lane::LaneBisection`]), until the first half is settled.
//! 3. The halves are put before everything else, in their order.

use std::collections::VecDeque;

use super::pool::LanePool;
use crate::forward::batch::{Batch, BatchLimits, PlannedRecord};

/// Parts of refused batches, each to be put as it is.
#[derive(Debug, Default)]
pub(super) struct BatchBisection(VecDeque<Batch>);

impl BatchBisection {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the next half to put.
    pub(super) fn next(&mut self, pool: &mut LanePool, limits: BatchLimits) -> Option<Batch> {
        while let Some(mut batch) = self.0.pop_front() {
            if limits.sharing.is_none() && batch.records.iter().any(|record| record.events > 1) {
                // Events no longer share records.
                give_back(pool, batch);
                continue;
            }
            if batch.records.len() > limits.records_max {
                // The settings have changed since.
                self.0.push_front(batch.split_off(limits.records_max));
            }
            return Some(batch);
        }
        None
    }

    /// Halves a batch that was refused as a whole.
    pub(super) fn bisect(&mut self, pool: &mut LanePool, mut refused: Batch) {
        if let [record] = refused.records[..] {
            return self.bisect_record(pool, refused, record);
        }
        let second = refused.split_off(refused.records.len().div_ceil(2));
        for half in [second, refused] {
            if !half.is_empty() {
                self.0.push_front(half);
            }
        }
    }

    /// Halves a record: between two lanes, or else within its only one.
    fn bisect_record(&mut self, pool: &mut LanePool, mut refused: Batch, record: PlannedRecord) {
        let between_lanes = middle_between_lanes(&refused);
        let at = between_lanes.unwrap_or_else(|| refused.events.len().div_ceil(2));
        let second = refused.events.split_off(at);
        let half_of = |events: usize| {
            let bytes = record.bytes * events / record.events.max(1);
            PlannedRecord { events, bytes, ..record }
        };
        if between_lanes.is_some() {
            let mut half = Batch::default();
            half.push(half_of(second.len()), second);
            self.0.push_front(half);
        } else {
            if let Some(first) = refused.events.first() {
                let lane = &mut pool.lanes[first.lane];
                lane.bisection.parts.push(second.len());
                (lane.last_taken, lane.bisection.is_in_flight) = (refused.events.len(), true);
            }
            for event in second.into_iter().rev() {
                let all_back = pool.put_back(event);
                debug_assert_eq!(all_back, None, "the first half is in flight");
            }
        }
        refused.records = vec![half_of(refused.events.len())];
        self.0.push_front(refused);
    }

    /// Ends all searches: the events go back to their lanes.
    pub(super) fn give_back_all(&mut self, pool: &mut LanePool) {
        for batch in std::mem::take(&mut self.0) {
            give_back(pool, batch);
        }
    }
}

fn give_back(pool: &mut LanePool, batch: Batch) {
    for event in batch.events.into_iter().rev() {
        if let Some(id) = pool.put_back(event) {
            pool.release(id);
        }
    }
}

/// The index nearest to the middle that splits no lane. `None`: all events are of one lane.
fn middle_between_lanes(batch: &Batch) -> Option<usize> {
    let is_between = |at: &usize| batch.events[at - 1].lane != batch.events[*at].lane;
    let middle = batch.events.len() / 2;
    (1..batch.events.len()).filter(is_between).min_by_key(|at| at.abs_diff(middle))
}

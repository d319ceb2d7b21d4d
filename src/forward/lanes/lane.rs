//! One lane: the waiting events of a partition key, and why its head cannot be put now. Pure.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    delivery::{AwsError, EventId},
    event::Bucket,
    spool::QueuedEvent,
};

/// The last refusal of a lane's head.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) error: AwsError,
    /// The destination took other events after the first refusal.
    pub(super) took_others: bool,
}

/// The search for the event that a record was refused for, among the first events of a lane.
#[derive(Debug, Default)]
pub(super) struct LaneBisection {
    /// The next events go in records of these numbers of events. The last number is the next record.
    pub(super) parts: Vec<usize>,
    /// What is in flight is one of these records.
    pub(super) is_in_flight: bool,
}

/// The queue of one partition key, or of one event where order is not kept.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) waiting: VecDeque<QueuedEvent>,
    /// `None`: the lane of one event.
    pub(super) key: Option<Arc<str>>,
    /// Its head is not in the ready index: events are in flight, or the lane backs off, is parked or waits for unordered ones.
    pub(super) is_busy: bool,
    /// Number of its events in flight, all in one record.
    pub(super) in_flight: usize,
    /// Number of its events in that record, or in the last one.
    pub(super) last_taken: usize,
    /// The bucket of its key, computed on first use.
    pub(super) bucket: Option<Bucket>,
    pub(super) bisection: LaneBisection,
    /// Puts of its head in a row that brought no answer or were throttled.
    pub(super) misses: u32,
    /// Its head may be what a request was refused for: it is put alone.
    pub(super) goes_alone: bool,
    /// The last refusal of its head for a reason that may hold for all events.
    pub(super) refusal: Option<Refusal>,
    /// Refusals in a row that the head itself may have caused.
    pub(super) refusals: u32,
    /// Its events from this id on are on disk only.
    pub(super) on_disk_from: Option<EventId>,
    /// Earlier events of its key have lanes of their own. The lane is busy until they are settled.
    pub(super) waits_for_unordered: bool,
}

impl Lane {
    /// Where its events on disk begin, if none of its events waits in memory.
    pub(super) fn refill_from(&self) -> Option<EventId> {
        self.on_disk_from.filter(|_| self.waiting.is_empty())
    }

    /// Whether its head may share a record with events of other lanes.
    pub(super) fn may_share_record(&self) -> bool {
        !self.needs_own_request() && self.refusal.is_none()
    }

    /// Whether its head must not share a request.
    pub(super) fn needs_own_request(&self) -> bool {
        self.goes_alone || !self.bisection.parts.is_empty()
    }

    /// All events that were in flight are settled: what is known of the old head does not hold for the next one.
    pub(super) fn forget_head(&mut self) {
        self.is_busy = false;
        self.goes_alone = false;
        self.bisection.is_in_flight = false;
        self.misses = 0;
        (self.refusal, self.refusals) = (None, 0);
    }

    /// The settings have changed: earlier misses and refusals do not count any more.
    pub(super) fn forget_misses(&mut self) {
        (self.refusal, self.refusals, self.misses) = (None, 0, 0);
        self.bisection = LaneBisection::default();
    }

    /// The head was set aside: the next part of a search has one event less.
    pub(super) fn shorten_next_part(&mut self) {
        let parts = &mut self.bisection.parts;
        match parts.last_mut() {
            Some(part) if *part > 1 => *part -= 1,
            Some(_) | None => drop(parts.pop()),
        }
    }
}

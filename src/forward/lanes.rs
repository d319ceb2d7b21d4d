//! Which event may be put next. A lane is the queue of one partition key. Its head is put, and nothing behind the head
//! moves before the head is settled: this keeps the order per key. Pure: time is passed in.
//!
//! Invariants:
//!
//! 1. An event in memory either waits in one lane, or is in flight. The events of a lane wait in the order of their ids, and
//!    those in flight are older.
//! 2. The events of a lane that are in flight are in one record. Nothing behind them moves before all of them are back.
//! 3. All events of a record come back alike: settled, or at the heads of their lanes.
//! 4. A lane whose head waits in memory is either ready, or busy for one reason: it has events in flight, backs off until a
//!    moment, is parked, or has earlier events of its key in lanes of their own.
//! 5. The events of a record are of one bucket ([`crate::event::Bucket`]), and those of one lane stand together in it.
//! 6. An event that may be what a request is refused for is put in a record of its own, without other records.
//! 7. Where one key has more waiting events than memory takes, its lane keeps the first ones, and reads the others from disk
//!    when these are gone. The memory is used for other keys.
//!
//! `lanes/cut.rs` has the rules for a batch, `lanes/bisection.rs` those for the search in a refused one, `lanes/pool.rs` those
//! for the indexes over lanes, and `lanes/refill.rs` those for the events on disk.

mod bisection;
mod cut;
mod lane;
mod pool;
mod ready;
mod refill;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
    time::Instant,
};

use ahash::HashMap;

pub(super) use refill::Page;

use super::batch::{Batch, BatchLimits, LaneId, TakenEvent};
use crate::{
    delivery::{AwsError, EventId, Stuck},
    event::Bucket,
    spool::QueuedEvent,
};
use bisection::BatchBisection;
use lane::{Lane, Refusal};
use pool::LanePool;

/// An event is reported as [`Stuck`] from this number of refusals in a row, while other events are taken.
const STUCK_AFTER: u32 = 2;

/// The events in memory, by lane.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    pool: LanePool,
    /// Lanes that back off, and until when.
    backing_off: BinaryHeap<Reverse<(Instant, LaneId)>>,
    /// Lanes whose head was refused or missed during a pause: all other lanes are tried before them.
    parked: Vec<LaneId>,
    /// Lanes whose head is refused again and again, by the head's id.
    stuck: BTreeMap<EventId, LaneId>,
    bisection: BatchBisection,
    /// Number of events of a key that have lanes of their own, since they came while order was not kept.
    unordered: HashMap<Arc<str>, usize>,
}

impl Lanes {
    /// Number of events in memory, those in flight included.
    pub(super) fn events(&self) -> usize {
        self.pool.events
    }

    /// Bytes of the JSON of these events.
    pub(super) fn bytes(&self) -> usize {
        self.pool.bytes
    }

    /// Whether nothing is in memory, and nothing on disk belongs to a lane.
    pub(super) fn is_empty(&self) -> bool {
        self.pool.is_empty()
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.bisection.is_empty() || !self.pool.ready.is_empty()
    }

    /// Whether the next batch would be full, or must not wait for more events.
    pub(super) fn has_full_batch(&self, limits: BatchLimits) -> bool {
        let is_full = match self.pool.ready.buckets_used().filter(|_| limits.sharing.is_some()) {
            // Records grow while they wait: half of a batch's bytes are worth a put.
            Some(used) => {
                let waiting = limits.encoding.encoded_len(self.pool.bytes - self.pool.bytes_in_flight);
                used >= limits.records_max.min(Bucket::COUNT / 4) && waiting >= limits.bytes_max / 2
            }
            None => self.pool.ready.len() >= limits.records_max,
        };
        is_full || !self.bisection.is_empty()
    }

    /// Starts or ends putting records by bucket.
    pub(super) fn set_by_bucket(&mut self, is_by_bucket: bool) {
        self.pool.set_by_bucket(is_by_bucket);
    }

    /// Adds an event behind those of its lane. Events come in the order of their ids, and `ordered` may change from one to
    /// the next: a key that has a lane keeps it until the lane is empty, and a new lane of a key begins when those events
    /// of the key that have lanes of their own are settled. No other key waits for that.
    pub(super) fn push(&mut self, event: QueuedEvent, ordered: bool) {
        let id = match self.pool.of_key(&event.key) {
            Some(id) => id,
            None if ordered => {
                let id = self.pool.open(Some(Arc::clone(&event.key)));
                if self.unordered.contains_key(&event.key) {
                    let lane = &mut self.pool.lanes[id];
                    (lane.waits_for_unordered, lane.is_busy) = (true, true);
                }
                id
            }
            None => {
                *self.unordered.entry(Arc::clone(&event.key)).or_default() += 1;
                self.pool.open(None)
            }
        };
        // Behind events that are on disk only, it stays there too.
        if self.pool.lanes[id].on_disk_from.is_none() {
            self.pool.append(id, event);
        }
    }

    /// Takes the next batch. Empty: no event may be put now.
    pub(super) fn take_batch(&mut self, limits: BatchLimits) -> Batch {
        self.bisection.next(&mut self.pool, limits).unwrap_or_else(|| cut::cut(&mut self.pool, limits))
    }

    /// The event is settled: the next one of its lane may be put.
    pub(super) fn settled(&mut self, taken: &TakenEvent) {
        if !taken.is_in_order {
            self.unordered_settled(&taken.event.key);
        }
        self.stuck.remove(&taken.event.id);
        self.pool.settled(taken);
    }

    /// The last unordered event of a key lets the lane of the key begin.
    fn unordered_settled(&mut self, key: &Arc<str>) {
        let Some(left) = self.unordered.get_mut(key) else { return };
        *left -= 1;
        if *left > 0 {
            return;
        }
        self.unordered.remove(key);
        let Some(id) = self.pool.of_key(key) else { return };
        let lane = &mut self.pool.lanes[id];
        if lane.waits_for_unordered && !lane.waiting.is_empty() {
            lane.waits_for_unordered = false;
            self.pool.release(id);
        }
    }

    /// The event was not taken: it is its lane's head again, and the lane backs off until the moment that `delay` returns for
    /// the number of misses in a row. If several events of a lane come back, the last one must come first, here and in
    /// [`Self::park`] and [`Self::refused`]; the lane backs off when all are back.
    pub(super) fn back_off(&mut self, taken: TakenEvent, delay: impl FnOnce(u32) -> Instant) {
        let Some(id) = self.pool.put_back(taken) else { return };
        let lane = &mut self.pool.lanes[id];
        lane.misses += 1;
        let until = delay(lane.misses);
        self.backing_off.push(Reverse((until, id)));
    }

    /// The event was not taken during a pause: it is its lane's head again, and the lane is parked until
    /// [`Self::next_round`] or [`Self::unblock`]. The lane does not back off by itself: the pause decides, and grows.
    pub(super) fn park(&mut self, taken: TakenEvent) {
        let back = self.pool.put_back(taken);
        self.parked.extend(back);
    }

    /// The event was refused for a reason that may hold for all events: it is parked as in [`Self::park`]. `may_be_at_fault`:
    /// the event, or another one of its record, may be at fault.
    pub(super) fn refused(&mut self, taken: TakenEvent, error: AwsError, may_be_at_fault: bool) {
        let event = taken.event.id;
        let lane = &mut self.pool.lanes[taken.lane];
        if may_be_at_fault && lane.in_flight == lane.last_taken && lane.last_taken > 1 {
            // Each half is put by itself, the first one first.
            let first = lane.last_taken.div_ceil(2);
            lane.bisection.parts.extend([lane.last_taken - first, first]);
            lane.bisection.is_in_flight = false;
        }
        let Some(id) = self.pool.put_back(taken) else { return };
        let lane = &mut self.pool.lanes[id];
        lane.refusals += u32::from(may_be_at_fault);
        let took_others = lane.refusal.as_ref().is_some_and(|before| before.took_others);
        lane.refusal = Some(Refusal { error, took_others });
        if took_others && lane.refusals >= STUCK_AFTER && lane.last_taken == 1 {
            self.stuck.insert(event, id);
        }
        self.parked.push(id);
    }

    /// Whether the event was refused with this code before, and others were taken since. Then another refusal says nothing
    /// about the destination.
    pub(super) fn was_refused_with(&self, taken: &TakenEvent, code: &str) -> bool {
        let refusal = self.pool.lanes[taken.lane].refusal.as_ref();
        refusal.is_some_and(|refusal| refusal.took_others && *refusal.error.code == *code)
    }

    /// Makes the parked lanes ready: every other lane was tried.
    pub(super) fn next_round(&mut self) {
        for id in std::mem::take(&mut self.parked) {
            self.pool.release(id);
        }
    }

    /// The destination takes events. A parked lane whose head may be at fault backs off until the moment that `delay` returns
    /// for its number of refusals in a row. The other parked lanes are ready at once.
    pub(super) fn unblock(&mut self, mut delay: impl FnMut(u32) -> Instant) {
        for id in std::mem::take(&mut self.parked) {
            let lane = &mut self.pool.lanes[id];
            if lane.refusals == 0 {
                self.pool.release(id);
            } else {
                if let Some(refusal) = &mut lane.refusal {
                    refusal.took_others = true;
                }
                let until = delay(lane.refusals);
                self.backing_off.push(Reverse((until, id)));
            }
        }
    }

    /// The settings have changed: earlier misses and refusals do not count any more, and searches end.
    pub(super) fn forget_misses(&mut self) {
        self.stuck.clear();
        self.pool.lanes.iter_mut().for_each(Lane::forget_misses);
    }

    /// The events that are refused again and again, and how many wait behind them.
    pub(super) fn stuck(&self) -> Option<Stuck> {
        let (&event, &first) = self.stuck.first_key_value()?;
        let fault = self.pool.lanes[first].refusal.as_ref()?.error.clone();
        let lanes = self.stuck.values().map(|id| &self.pool.lanes[*id]);
        let waiting = lanes.clone().map(|lane| lane.waiting.len()).sum::<usize>() as u64;
        let refused = self.stuck.len() as u64;
        Some(Stuck {
            refused,
            behind: waiting.saturating_sub(refused),
            has_more: lanes.clone().any(|lane| lane.on_disk_from.is_some()),
            event,
            fault,
        })
    }

    /// Takes these events out of their lanes, each with its refusal. What waits behind them may be put once they are
    /// [`Self::settled`]. The second part are those that are in flight right now.
    pub(super) fn take_stuck(&mut self) -> (Vec<(TakenEvent, AwsError)>, Vec<EventId>) {
        let (mut taken, mut in_flight) = (Vec::new(), Vec::new());
        for (event, id) in self.stuck.clone() {
            let lane = &self.pool.lanes[id];
            let Some(Refusal { error, .. }) = lane.refusal.clone() else { continue };
            if lane.waiting.front().is_none_or(|head| head.id != event) {
                in_flight.push(event);
                continue;
            }
            let mut head = Vec::with_capacity(1);
            self.pool.take_head(id, &mut head);
            self.pool.lanes[id].shorten_next_part();
            self.parked.retain(|other| *other != id);
            self.backing_off.retain(|Reverse((_, other))| *other != id);
            taken.extend(head.into_iter().map(|head| (head, error.clone())));
        }
        (taken, in_flight)
    }

    /// The keys whose events wait for one in flight: the key with most of them in memory, and how many keys there are.
    pub(super) fn waiting(&self) -> (Option<Arc<str>>, usize) {
        let lanes = self.pool.lanes.iter().filter(|lane| lane.in_flight > 0 && !lane.waiting.is_empty());
        let longest = lanes.clone().max_by_key(|lane| (lane.on_disk_from.is_some(), lane.waiting.len()));
        let key = longest.and_then(|lane| lane.waiting.front()).map(|head| Arc::clone(&head.key));
        (key, lanes.count())
    }

    /// From now on the event is put alone, until it is settled.
    pub(super) fn isolate(&mut self, taken: &TakenEvent) {
        self.pool.lanes[taken.lane].goes_alone = true;
    }

    /// Searches a batch that was refused as a whole for what is at fault.
    pub(super) fn bisect(&mut self, refused: Batch) {
        self.bisection.bisect(&mut self.pool, refused);
    }

    /// The settings have changed: the events of refused batches go back to their lanes.
    pub(super) fn end_bisection(&mut self) {
        self.bisection.give_back_all(&mut self.pool);
    }

    /// Makes lanes ready whose backoff is over.
    pub(super) fn wake(&mut self, now: Instant) {
        while self.next_wake().is_some_and(|until| until <= now) {
            self.wake_first();
        }
    }

    /// Makes the lane ready whose backoff ends first.
    pub(super) fn wake_first(&mut self) {
        if let Some(Reverse((_, id))) = self.backing_off.pop() {
            self.pool.release(id);
        }
    }

    /// Makes every lane ready that backs off or is parked.
    pub(super) fn wake_all(&mut self) {
        self.next_round();
        self.end_backoffs();
    }

    /// Makes every lane ready that backs off.
    pub(super) fn end_backoffs(&mut self) {
        for Reverse((_, id)) in std::mem::take(&mut self.backing_off) {
            self.pool.release(id);
        }
    }

    /// When the next backoff is over.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.backing_off.peek().map(|Reverse((until, _))| *until)
    }

    /// Drops the ends of long lanes from memory, until about `events_max` events and `bytes_max` bytes are left in all. They
    /// come back from disk by [`Self::refill`].
    pub(super) fn trim_long_lanes(&mut self, events_max: usize, bytes_max: usize) {
        refill::trim_long_lanes(&mut self.pool, events_max, bytes_max);
    }

    /// The first event on disk of a lane that has none waiting in memory: where to read a [`Page`].
    pub(super) fn refill_from(&self) -> Option<EventId> {
        self.pool.refill_from()
    }

    /// Gives lanes their events of a page back. No event after `cursor` was ever in memory.
    pub(super) fn refill(&mut self, page: Page, cursor: EventId) {
        refill::refill(&mut self.pool, page, cursor);
    }
}

#[cfg(test)]
mod tests;

//! All lanes, with the indexes over them and the totals of memory. Each change of a lane that an index depends on is made
//! here. Pure.
//!
//! 1. `ready` has a lane, by its head, if and only if the lane is not busy and an event of it waits in memory.
//! 2. `to_refill` has a lane if and only if none of its events waits in memory and more of them are on disk.
//! 3. `by_key` has a lane while anything of its key is in memory, in flight or on disk. After that the lane is closed.
//! 4. `events` and `bytes` count waiting events and events in flight; `bytes_in_flight` counts the latter alone.

use std::{collections::BTreeSet, sync::Arc};

use ahash::HashMap;

use super::{lane::Lane, ready::ReadyLanes};
use crate::{
    delivery::EventId,
    event::Bucket,
    forward::batch::{LaneId, TakenEvent},
    spool::QueuedEvent,
};

/// Maximum room for events that a closed lane keeps for the next key; a longer queue returns its memory.
const ROOM_KEPT: usize = 8;

/// Maximum number of lanes that stay allocated while none is used.
pub(super) const LANES_KEPT: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct LanePool {
    pub(super) lanes: Vec<Lane>,
    /// The closed lanes of `lanes`.
    free: Vec<LaneId>,
    by_key: HashMap<Arc<str>, LaneId>,
    pub(super) ready: ReadyLanes,
    to_refill: BTreeSet<(EventId, LaneId)>,
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) bytes_in_flight: usize,
}

impl LanePool {
    /// Number of open lanes.
    pub(super) fn len(&self) -> usize {
        self.lanes.len() - self.free.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn of_key(&self, key: &str) -> Option<LaneId> {
        self.by_key.get(key).copied()
    }

    /// Opens a lane: of a key, or of one event.
    pub(super) fn open(&mut self, key: Option<Arc<str>>) -> LaneId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.lanes.push(Lane::default());
            self.lanes.len() - 1
        });
        if let Some(key) = &key {
            self.by_key.insert(Arc::clone(key), id);
        }
        self.lanes[id].key = key;
        id
    }

    /// Closes a lane of which nothing is left in memory, in flight or on disk.
    pub(super) fn close(&mut self, id: LaneId) {
        let mut lane = std::mem::take(&mut self.lanes[id]);
        if let Some(key) = lane.key {
            self.by_key.remove(&key);
        }
        if lane.waiting.capacity() <= ROOM_KEPT {
            lane.waiting.clear();
            self.lanes[id].waiting = lane.waiting;
        }
        self.free.push(id);
        if self.is_empty() && self.lanes.len() > LANES_KEPT {
            (self.lanes, self.free) = (Vec::new(), Vec::new());
        }
    }

    /// Adds an event behind those of its lane.
    pub(super) fn append(&mut self, id: LaneId, event: QueuedEvent) {
        let lane = &mut self.lanes[id];
        self.events += 1;
        self.bytes += event.json.len();
        let is_head = lane.waiting.is_empty() && !lane.is_busy;
        lane.waiting.push_back(event);
        if is_head {
            self.make_ready(id);
        }
    }

    /// Adds an event that was on disk only: the first such event of its lane.
    pub(super) fn append_from_disk(&mut self, id: LaneId, event: QueuedEvent) {
        let lane = &mut self.lanes[id];
        if let Some(from) = lane.refill_from() {
            self.to_refill.remove(&(from, id));
        }
        lane.on_disk_from = Some(event.id + 1);
        self.append(id, event);
    }

    /// Drops the last waiting event of a lane from memory. It is on disk.
    pub(super) fn drop_last(&mut self, id: LaneId) {
        let lane = &mut self.lanes[id];
        if let Some(last) = lane.waiting.pop_back() {
            self.events -= 1;
            self.bytes -= last.json.len();
            lane.on_disk_from = Some(last.id);
        }
    }

    /// Sets where a lane's events on disk begin; `None`: it has none there.
    pub(super) fn set_on_disk_from(&mut self, id: LaneId, from: Option<EventId>) {
        let lane = &mut self.lanes[id];
        if let Some(from) = lane.refill_from() {
            self.to_refill.remove(&(from, id));
        }
        lane.on_disk_from = from;
        if let Some(from) = lane.refill_from() {
            self.to_refill.insert((from, id));
        }
    }

    /// The first event on disk of a lane that has none waiting in memory.
    pub(super) fn refill_from(&self) -> Option<EventId> {
        self.to_refill.first().map(|(from, _)| *from)
    }

    /// Starts or ends the index of ready lanes by bucket.
    pub(super) fn set_by_bucket(&mut self, is_by_bucket: bool) {
        if is_by_bucket != self.ready.is_by_bucket() {
            for id in self.ready.set_by_bucket(is_by_bucket) {
                self.make_ready(id);
            }
        }
    }

    fn make_ready(&mut self, id: LaneId) {
        let lane = &mut self.lanes[id];
        let Some(head) = lane.waiting.front() else { return };
        let is_by_bucket = self.ready.is_by_bucket();
        let bucket = is_by_bucket.then(|| *lane.bucket.get_or_insert_with(|| Bucket::of(&head.key)));
        self.ready.insert(head.id, id, bucket);
    }

    /// Ends the reason for which a lane was busy: its head may be put.
    pub(super) fn release(&mut self, id: LaneId) {
        let lane = &mut self.lanes[id];
        if !lane.waiting.is_empty() {
            lane.is_busy = false;
            self.make_ready(id);
        }
    }

    /// Takes the head of a lane that is ready, or whose head before it was just taken.
    pub(super) fn take_head(&mut self, id: LaneId, events: &mut Vec<TakenEvent>) {
        let lane = &mut self.lanes[id];
        let Some(event) = lane.waiting.pop_front() else { return };
        if !lane.is_busy {
            self.ready.remove(event.id, id, lane.bucket);
        }
        lane.is_busy = true;
        lane.last_taken = if lane.in_flight == 0 { 1 } else { lane.last_taken + 1 };
        lane.in_flight += 1;
        self.bytes_in_flight += event.json.len();
        if let Some(from) = lane.refill_from() {
            self.to_refill.insert((from, id));
        }
        events.push(TakenEvent { lane: id, is_in_order: lane.key.is_some(), event });
    }

    /// Makes the event its lane's head again. The lane stays busy: the caller says until when. `None`: other events of
    /// the lane are still in flight.
    pub(super) fn put_back(&mut self, taken: TakenEvent) -> Option<LaneId> {
        let TakenEvent { lane: id, event, .. } = taken;
        let lane = &mut self.lanes[id];
        if let Some(from) = lane.refill_from() {
            self.to_refill.remove(&(from, id));
        }
        self.bytes_in_flight -= event.json.len();
        lane.waiting.push_front(event);
        lane.in_flight -= 1;
        if lane.in_flight > 0 {
            return None;
        }
        if std::mem::take(&mut lane.bisection.is_in_flight) {
            lane.bisection.parts.push(lane.last_taken);
        }
        Some(id)
    }

    /// Forgets a settled event. When all of its lane that were in flight are settled, the next ones may be put.
    pub(super) fn settled(&mut self, taken: &TakenEvent) {
        let bytes = taken.event.json.len();
        self.events -= 1;
        self.bytes -= bytes;
        self.bytes_in_flight -= bytes;
        let lane = &mut self.lanes[taken.lane];
        lane.in_flight -= 1;
        if lane.in_flight > 0 {
            return;
        }
        lane.forget_head();
        if !lane.waiting.is_empty() {
            self.make_ready(taken.lane);
        } else if lane.on_disk_from.is_none() {
            self.close(taken.lane);
        }
    }

    /// Checks the rules at the top of this file.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let lanes = || self.lanes.iter().zip(0..);
        let head = |(lane, id): (&Lane, LaneId)| Some((lane.waiting.front()?.id, id));
        let ready: BTreeSet<_> = lanes().filter(|(lane, _)| !lane.is_busy).filter_map(head).collect();
        assert!(self.ready.all().eq(ready), "the ready lanes");
        let to_refill = lanes().filter_map(|(lane, id)| Some((lane.refill_from()?, id)));
        assert_eq!(self.to_refill, to_refill.collect(), "the lanes to refill");
        let keys = lanes().filter(|(lane, _)| lane.key.is_some()).count();
        assert_eq!(self.by_key.len(), keys, "the lanes of keys");
        let waiting = lanes().flat_map(|(lane, _)| &lane.waiting);
        let in_flight: usize = lanes().map(|(lane, _)| lane.in_flight).sum();
        assert_eq!(self.events, waiting.clone().count() + in_flight, "the number of events");
        let waiting: usize = waiting.map(|event| event.json.len()).sum();
        assert_eq!(self.bytes, waiting + self.bytes_in_flight, "their bytes");
    }
}

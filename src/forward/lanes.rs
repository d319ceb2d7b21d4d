//! Which event may be put next. A lane is the queue of one partition key: its head is put, and nothing behind it
//! moves before the head is settled. That is the order that product.md promises. Pure: time is passed in.
//!
//! Where events share records, several at the head of a lane go in one record, in order:
//!
//! 1. The events of a record are of one bucket ([`Bucket`]), and those of one lane stand together in it.
//! 2. The events of one lane that are out are in one record. Nothing behind them moves before all of them are back.
//! 3. All events of a record come back alike: settled, or to the heads of their lanes.
//! 4. An event that may be what a request is refused for goes in a record of its own.
//!
//! Memory has room for so many events only, and one key can have more waiting than that. Then its lane keeps its first
//! ones, the rest stays on disk alone (`held_back`), and the room is for the others: [`Lanes::shed`], [`Lanes::refill`].

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque},
    sync::Arc,
    time::Instant,
};

use ahash::HashMap;

use super::load::{Buckets, Load, Parcel, Taken, Together};
use crate::{
    delivery::{AwsError, EventId, Stuck},
    event::{Aggregation, Bucket, Encoding, RecordSize},
    spool::QueuedEvent,
};

/// Events that a lane is filled up to from disk once it ran dry.
const REFILL_EVENTS: usize = 1_000;

/// Events that a lane which is used anew has room for; a longer one gives its memory back.
const ROOM_KEPT: usize = 8;

/// So many lanes stay when none is used; of more, the memory goes back.
const LANES_KEPT: usize = 4_096;

/// An event that was refused so often in a row, while others were taken, is shown as [`Stuck`].
const STUCK_AFTER: u32 = 2;

/// A lane's place in [`Lanes::queues`]: of a partition key, or, without the promise of order, of one event.
pub(super) type Slot = usize;

/// What one put may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) records_max: usize,
    pub(super) bytes_max: usize,
    /// A larger record goes alone: the stream may refuse it, and would refuse its company with it.
    pub(super) company_bytes_max: usize,
    pub(super) encoding: Encoding,
    /// How events share records; `None`: each has its own.
    pub(super) together: Option<Together>,
}

impl Cut {
    /// What a record with this event alone has: data and key.
    fn size_of(&self, event: &QueuedEvent) -> usize {
        self.encoding.encoded_len(event.json.len()) + event.key.len()
    }
}

/// What an event was last refused with.
#[derive(Clone, Debug)]
struct Refusal {
    fault: AwsError,
    /// Others were taken since the first time.
    is_narrowed: bool,
}

/// One of the first events of a lane is what a record was refused for.
#[derive(Debug, Default)]
struct Narrowing {
    /// These events go in records of so many, the last number first.
    parts: Vec<usize>,
    /// What is in flight is one of these.
    is_out: bool,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<QueuedEvent>,
    /// What it is the lane of; `None`: of one event.
    key: Option<Arc<str>>,
    /// Its head is in flight, or rests until a moment: not in `ready`.
    is_busy: bool,
    /// How many of its events are in flight.
    out: usize,
    /// That of its key, once it was looked for.
    bucket: Option<Bucket>,
    /// How many of its events went out together, last time.
    went: usize,
    /// In which parts its events go.
    narrowing: Narrowing,
    /// Misses in a row of its head.
    misses: u32,
    /// Its head may be what a request was refused for: it goes without company.
    goes_alone: bool,
    /// What its head was last refused with, by a destination that others may have got through to.
    refusal: Option<Refusal>,
    /// How often in a row that may have been the head's own fault.
    refusals: u32,
    /// Its events from this place on are on disk alone.
    held_back: Option<EventId>,
    /// Earlier events of its key are lanes of their own: its head waits for these, and is busy until then.
    is_behind: bool,
}

impl Queue {
    /// Nothing of it is in memory but perhaps its head in flight, and more is on disk: where that begins.
    fn dry(&self) -> Option<EventId> {
        self.held_back.filter(|_| self.waiting.is_empty())
    }

    /// Its head may share a record.
    fn is_sociable(&self) -> bool {
        !self.is_alone() && self.refusal.is_none()
    }

    /// Its head shares no request.
    fn is_alone(&self) -> bool {
        self.goes_alone || !self.narrowing.parts.is_empty()
    }
}

/// The events in memory, by lane.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    queues: Vec<Queue>,
    /// Those of `queues` that are no lane now.
    free: Vec<Slot>,
    keys: HashMap<Arc<str>, Slot>,
    /// Lanes whose head may be put, by that head: the oldest event first.
    ready: BTreeMap<EventId, Slot>,
    /// The same by bucket, while events are aggregated.
    buckets: Option<Buckets>,
    resting: BinaryHeap<Reverse<(Instant, Slot)>>,
    /// Lanes whose head was refused or missed while everything waits: the others are tried before it is their turn again.
    parked: Vec<Slot>,
    /// Lanes whose head is refused again and again, by that head.
    stuck: BTreeMap<EventId, Slot>,
    /// Parts of requests that were refused whole: each is put as it is, until the record that is at fault is alone.
    suspects: VecDeque<Load>,
    /// The lanes that are [`Queue::dry`], by where their events on disk begin.
    dry: BTreeSet<(EventId, Slot)>,
    /// How many events of a key are lanes of their own, which they are without the promise of order.
    loose: HashMap<Arc<str>, usize>,
    events: usize,
    bytes: usize,
    /// Of those in flight.
    bytes_out: usize,
}

impl Lanes {
    /// Events in memory, in flight included.
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// Bytes of their JSON.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Nothing is in memory, and nothing on disk belongs to a lane that was.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.len() == self.free.len()
    }

    /// Whether anything may be put now.
    pub(super) fn has_ready(&self) -> bool {
        !self.suspects.is_empty() || !self.ready.is_empty()
    }

    /// Whether a put would be full now, or must not wait for company.
    pub(super) fn fill_a_put(&self, cut: Cut) -> bool {
        let is_full = match &self.buckets {
            // Records grow while they wait: half of what a put may hold is worth one.
            Some(buckets) if cut.together.is_some() => {
                let waiting = cut.encoding.encoded_len(self.bytes - self.bytes_out);
                buckets.used() >= cut.records_max.min(Bucket::COUNT / 4) && waiting >= cut.bytes_max / 2
            }
            None | Some(_) => self.ready.len() >= cut.records_max,
        };
        is_full || !self.suspects.is_empty()
    }

    /// From now on records are put by bucket, or no longer.
    pub(super) fn by_bucket(&mut self, is_by_bucket: bool) {
        if is_by_bucket == self.buckets.is_some() {
            return;
        }
        self.buckets = is_by_bucket.then(Buckets::new);
        for slot in std::mem::take(&mut self.ready).into_values() {
            self.make_ready(slot);
        }
    }

    /// The head of the lane may be put.
    fn make_ready(&mut self, slot: Slot) {
        let queue = &mut self.queues[slot];
        let Some(head) = queue.waiting.front() else { return };
        self.ready.insert(head.id, slot);
        if let Some(buckets) = &mut self.buckets {
            let bucket = *queue.bucket.get_or_insert_with(|| Bucket::of(&head.key));
            buckets.insert(bucket, head.id, slot);
        }
    }

    /// The lane with this head may not.
    fn unready(&mut self, head: EventId, slot: Slot) {
        self.ready.remove(&head);
        if let (Some(buckets), Some(bucket)) = (&mut self.buckets, self.queues[slot].bucket) {
            buckets.remove(bucket, head, slot);
        }
    }

    /// Adds an event behind those of its lane. Events come in the order of their places, and `ordered` may change from
    /// one to the next: a key that has a lane keeps it until that is empty, and a new lane of a key begins once the
    /// key's events that have lanes of their own are settled. No other key waits for that.
    pub(super) fn push(&mut self, event: QueuedEvent, ordered: bool) {
        let of_key = self.keys.get(&event.key).copied();
        let slot = match of_key {
            Some(slot) => slot,
            None if ordered => {
                let slot = self.open(Some(Arc::clone(&event.key)));
                self.keys.insert(Arc::clone(&event.key), slot);
                if self.loose.contains_key(&event.key) {
                    let queue = &mut self.queues[slot];
                    (queue.is_behind, queue.is_busy) = (true, true);
                }
                slot
            }
            None => {
                *self.loose.entry(Arc::clone(&event.key)).or_default() += 1;
                self.open(None)
            }
        };
        let queue = &mut self.queues[slot];
        if queue.held_back.is_some() {
            // Behind others of its lane that are on disk alone: so is this one.
            return;
        }
        self.events += 1;
        self.bytes += event.json.len();
        let is_head = queue.waiting.is_empty() && !queue.is_busy;
        queue.waiting.push_back(event);
        if is_head {
            self.make_ready(slot);
        }
    }

    fn open(&mut self, key: Option<Arc<str>>) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.queues.push(Queue::default());
            self.queues.len() - 1
        });
        self.queues[slot].key = key;
        slot
    }

    /// Nothing is left of a lane: neither in memory nor in flight nor on disk.
    fn close(&mut self, slot: Slot) {
        let mut queue = std::mem::take(&mut self.queues[slot]);
        if let Some(key) = queue.key {
            self.keys.remove(&key);
        }
        if queue.waiting.capacity() <= ROOM_KEPT {
            queue.waiting.clear();
            self.queues[slot].waiting = queue.waiting;
        }
        self.free.push(slot);
        if self.is_empty() && self.queues.len() > LANES_KEPT {
            (self.queues, self.free) = (Vec::new(), Vec::new());
        }
    }

    /// Takes the heads of ready lanes, as many as one put may hold. Empty: none is ready.
    pub(super) fn cut(&mut self, cut: Cut) -> Load {
        while let Some(mut part) = self.suspects.pop_front() {
            if cut.together.is_none() && part.records.iter().any(|parcel| parcel.events > 1) {
                // Events no longer share records.
                self.give_back(part);
                continue;
            }
            if part.records.len() > cut.records_max {
                // The settings have changed since.
                self.suspects.push_front(part.split_off(cut.records_max));
            }
            return part;
        }
        let mut load = Load::default();
        load.events.reserve(cut.records_max.min(self.ready.len()));
        let mut bytes = 0;
        while load.records.len() < cut.records_max {
            let Some((_, &slot)) = self.ready.first_key_value() else { break };
            let queue = &self.queues[slot];
            let Some(head) = queue.waiting.front() else { break };
            let size = cut.size_of(head);
            let alone = queue.is_alone() || size > cut.company_bytes_max;
            if !load.is_empty() && (bytes + size > cut.bytes_max || alone) {
                break;
            }
            let is_sociable = queue.is_sociable();
            let bucket = queue.bucket.filter(|_| self.buckets.is_some());
            let before = load.events.len();
            let together = cut.together.filter(|_| is_sociable && !alone);
            let size = match bucket.zip(together) {
                Some((bucket, together)) => {
                    let bytes_max = together.bytes_max.min(cut.bytes_max.saturating_sub(bytes));
                    let together = Together { bytes_max, ..together };
                    self.take_together(bucket, together, cut, &mut load.events)
                }
                None => self.take_part(slot, cut, &mut load.events),
            };
            bytes += size;
            load.records.push(Parcel { events: load.events.len() - before, bucket, bytes: size });
            if alone {
                break;
            }
        }
        load
    }

    /// Takes the events of one record: of the bucket's lanes, the oldest first, what is at their heads. Gives the record's
    /// size.
    fn take_together(
        &mut self,
        bucket: Bucket,
        together: Together,
        cut: Cut,
        events: &mut Vec<Taken>,
    ) -> usize {
        let first = events.len();
        let mut together_size = RecordSize::new(together.aggregation);
        let mut size = together_size;
        loop {
            let lanes = self.buckets.as_ref().map(|buckets| buckets.of(bucket)).into_iter().flatten();
            let Some(slot) = lanes.into_iter().find(|slot| self.queues[*slot].is_sociable()) else { break };
            let mut key = self.queues[slot].waiting.front().map(|head| Arc::clone(&head.key));
            while let Some(next) = self.queues[slot].waiting.front() {
                let count = events.len() - first;
                let with = together_size.with(cut.encoding.encoded_len(next.json.len()), key.as_deref());
                if count > 0 && (with.bytes() > together.bytes_max || count == Aggregation::EVENTS_MAX) {
                    return size.bytes();
                }
                let alone = cut.size_of(next);
                self.take_head(slot, events);
                (together_size, key) = (with, None);
                // Alone, it is a plain record.
                size = if count == 0 { RecordSize::of_one(alone) } else { with };
                if count == 0 && with.bytes() > together.bytes_max {
                    return alone;
                }
            }
        }
        size.bytes()
    }

    /// Takes the head of a lane, or the part of it whose turn it is. Gives the record's size.
    fn take_part(&mut self, slot: Slot, cut: Cut, events: &mut Vec<Taken>) -> usize {
        let queue = &mut self.queues[slot];
        let wanted = queue.narrowing.parts.pop().unwrap_or(1);
        // The rest may be on disk alone; and in a pause one event tries.
        let most = if cut.together.is_some() { queue.waiting.len() } else { 1 };
        let count = wanted.min(most).max(1);
        if wanted > count {
            queue.narrowing.parts.push(wanted - count);
        }
        queue.narrowing.is_out = !queue.narrowing.parts.is_empty() || wanted > 1;
        let heads = queue.waiting.iter().take(count);
        let size = match cut.together.filter(|_| count > 1) {
            Some(together) => heads.fold(RecordSize::new(together.aggregation), |size, event| {
                size.with(cut.encoding.encoded_len(event.json.len()), Some(&event.key))
            }),
            None => RecordSize::of_one(heads.map(|event| cut.size_of(event)).sum()),
        };
        for _ in 0..count {
            self.take_head(slot, events);
        }
        size.bytes()
    }

    /// Takes the head of a lane, which is ready or from which the one before was just taken.
    fn take_head(&mut self, slot: Slot, events: &mut Vec<Taken>) {
        let Some(event) = self.queues[slot].waiting.pop_front() else { return };
        if !self.queues[slot].is_busy {
            self.unready(event.id, slot);
        }
        let queue = &mut self.queues[slot];
        queue.is_busy = true;
        queue.went = if queue.out == 0 { 1 } else { queue.went + 1 };
        queue.out += 1;
        self.bytes_out += event.json.len();
        if let Some(begins) = queue.dry() {
            self.dry.insert((begins, slot));
        }
        events.push(Taken { slot, is_in_order: queue.key.is_some(), event });
    }

    /// The event is settled: the next one of its lane may go.
    pub(super) fn settled(&mut self, taken: &Taken) {
        self.events -= 1;
        self.bytes -= taken.event.json.len();
        self.bytes_out -= taken.event.json.len();
        if !taken.is_in_order {
            self.loose_one_settled(&taken.event.key);
        }
        let queue = &mut self.queues[taken.slot];
        queue.out -= 1;
        self.stuck.remove(&taken.event.id);
        if queue.out > 0 {
            return;
        }
        queue.is_busy = false;
        queue.goes_alone = false;
        queue.narrowing.is_out = false;
        queue.misses = 0;
        (queue.refusal, queue.refusals) = (None, 0);
        if !queue.waiting.is_empty() {
            self.make_ready(taken.slot);
        } else if queue.held_back.is_none() {
            self.close(taken.slot);
        }
    }

    /// The last one lets the lane of its key begin.
    fn loose_one_settled(&mut self, key: &Arc<str>) {
        let Some(left) = self.loose.get_mut(key) else { return };
        *left -= 1;
        if *left > 0 {
            return;
        }
        self.loose.remove(key);
        let Some(&slot) = self.keys.get(key) else { return };
        let queue = &mut self.queues[slot];
        if queue.is_behind && !queue.waiting.is_empty() {
            (queue.is_behind, queue.is_busy) = (false, false);
            self.make_ready(slot);
        }
    }

    /// The event was not taken: it is its lane's head again and rests for what `delay` says of its misses in a row. Of
    /// several events of one lane the last one comes first, here and in [`Self::park`] and [`Self::refused`]; the lane
    /// rests when all are back.
    pub(super) fn missed(&mut self, taken: Taken, delay: impl FnOnce(u32) -> Instant) {
        let Some(slot) = self.put_back(taken) else { return };
        let queue = &mut self.queues[slot];
        queue.misses += 1;
        let until = delay(queue.misses);
        self.resting.push(Reverse((until, slot)));
    }

    /// The event was not taken while everything waits: it is its lane's head again, and the lane is parked until
    /// [`Self::next_round`] or [`Self::unblock`]. It has no rest of its own: the pause says when, and grows.
    pub(super) fn park(&mut self, taken: Taken) {
        let back = self.put_back(taken);
        self.parked.extend(back);
    }

    /// Makes the event its lane's head again. The lane stays busy: the caller says until when. `None`: others of it are
    /// still out.
    fn put_back(&mut self, taken: Taken) -> Option<Slot> {
        let queue = &mut self.queues[taken.slot];
        if let Some(begins) = queue.dry() {
            self.dry.remove(&(begins, taken.slot));
        }
        self.bytes_out -= taken.event.json.len();
        queue.waiting.push_front(taken.event);
        queue.out -= 1;
        if queue.out > 0 {
            return None;
        }
        if std::mem::take(&mut queue.narrowing.is_out) {
            queue.narrowing.parts.push(queue.went);
        }
        Some(taken.slot)
    }

    /// The event was refused, for a reason that may hold for everybody: it is parked ([`Self::park`]). `is_suspect`: it, or
    /// one of those that it shared a record with, may be at fault.
    pub(super) fn refused(&mut self, taken: Taken, fault: AwsError, is_suspect: bool) {
        let id = taken.event.id;
        let queue = &mut self.queues[taken.slot];
        if is_suspect && queue.out == queue.went && queue.went > 1 {
            // Each half by itself, the first one first.
            let first = queue.went.div_ceil(2);
            queue.narrowing.parts.extend([queue.went - first, first]);
            queue.narrowing.is_out = false;
        }
        let Some(slot) = self.put_back(taken) else { return };
        let queue = &mut self.queues[slot];
        queue.refusals += u32::from(is_suspect);
        let is_narrowed = queue.refusal.as_ref().is_some_and(|before| before.is_narrowed);
        queue.refusal = Some(Refusal { fault, is_narrowed });
        if is_narrowed && queue.refusals >= STUCK_AFTER && queue.went == 1 {
            self.stuck.insert(id, slot);
        }
        self.parked.push(slot);
    }

    /// Whether the event was refused with this code before, and others were taken since: that it is refused again says
    /// nothing of the destination.
    pub(super) fn is_known_refused(&self, taken: &Taken, code: &str) -> bool {
        let refusal = self.queues[taken.slot].refusal.as_ref();
        refusal.is_some_and(|refusal| refusal.is_narrowed && *refusal.fault.code == *code)
    }

    /// Every lane that was ready has been tried and refused: the first one's turn comes again.
    pub(super) fn next_round(&mut self) {
        for slot in std::mem::take(&mut self.parked) {
            self.end_rest(slot);
        }
    }

    /// The destination takes events: who was refused for what may be its own fault rests for what `delay` says of its
    /// refusals in a row, everybody else goes on at once.
    pub(super) fn unblock(&mut self, mut delay: impl FnMut(u32) -> Instant) {
        for slot in std::mem::take(&mut self.parked) {
            let queue = &mut self.queues[slot];
            if queue.refusals == 0 {
                self.end_rest(slot);
            } else {
                if let Some(refusal) = &mut queue.refusal {
                    refusal.is_narrowed = true;
                }
                let until = delay(queue.refusals);
                self.resting.push(Reverse((until, slot)));
            }
        }
    }

    /// Other settings are in force: what was missed or refused before no longer counts.
    pub(super) fn forget_misses(&mut self) {
        self.stuck.clear();
        for queue in &mut self.queues {
            (queue.refusal, queue.refusals, queue.misses) = (None, 0, 0);
            queue.narrowing = Narrowing::default();
        }
    }

    /// The events that are refused again and again, and how many wait behind them.
    pub(super) fn stuck(&self) -> Option<Stuck> {
        let (&event, &first) = self.stuck.first_key_value()?;
        let fault = self.queues[first].refusal.as_ref()?.fault.clone();
        let queues = self.stuck.values().map(|slot| &self.queues[*slot]);
        let waiting = queues.clone().map(|queue| queue.waiting.len()).sum::<usize>() as u64;
        let refused = self.stuck.len() as u64;
        Some(Stuck {
            refused,
            behind: waiting.saturating_sub(refused),
            has_more: queues.clone().any(|queue| queue.held_back.is_some()),
            event,
            fault,
        })
    }

    /// Takes those events out of their lanes, with what each was refused with; what is behind them goes on once they are
    /// [`Self::settled`]. The second part: those that are being put right now.
    pub(super) fn take_stuck(&mut self) -> (Vec<(Taken, AwsError)>, Vec<EventId>) {
        let (mut taken, mut in_flight) = (Vec::new(), Vec::new());
        for (id, slot) in self.stuck.clone() {
            let queue = &self.queues[slot];
            let Some(Refusal { fault, .. }) = queue.refusal.clone() else { continue };
            if queue.waiting.front().is_none_or(|head| head.id != id) {
                in_flight.push(id);
                continue;
            }
            let mut head = Vec::with_capacity(1);
            self.take_head(slot, &mut head);
            let parts = &mut self.queues[slot].narrowing.parts;
            if parts.last().is_some_and(|part| *part > 1) {
                parts.last_mut().into_iter().for_each(|part| *part -= 1);
            } else {
                parts.pop();
            }
            self.parked.retain(|other| *other != slot);
            self.resting.retain(|Reverse((_, other))| *other != slot);
            taken.extend(head.into_iter().map(|head| (head, fault.clone())));
        }
        (taken, in_flight)
    }

    /// Of the keys whose events wait for one in flight: the one with most of them in memory, and how many these are.
    pub(super) fn waiting(&self) -> (Option<Arc<str>>, usize) {
        let waiting = self.queues.iter().filter(|queue| queue.out > 0 && !queue.waiting.is_empty());
        let longest = waiting.clone().max_by_key(|queue| (queue.held_back.is_some(), queue.waiting.len()));
        let key = longest.and_then(|queue| queue.waiting.front()).map(|head| Arc::clone(&head.key));
        (key, waiting.count())
    }

    /// From now on the event goes without company, until it is settled.
    pub(super) fn isolate(&mut self, taken: &Taken) {
        self.queues[taken.slot].goes_alone = true;
    }

    /// Records that were refused together: each half goes again at once, by itself, until who is at fault is alone.
    /// Of 500, one is found with at most 18 more puts. Of one record with several events, each half of these is a record; of
    /// events of one lane the second half waits until the first is settled, and is the next record of the lane.
    pub(super) fn narrow_down(&mut self, mut refused: Load) {
        let [parcel] = refused.records[..] else {
            let second = refused.split_off(refused.records.len().div_ceil(2));
            for part in [second, refused] {
                if !part.is_empty() {
                    self.suspects.push_front(part);
                }
            }
            return;
        };
        let is_of_several = refused.middle();
        let at = is_of_several.unwrap_or_else(|| refused.events.len().div_ceil(2));
        let second = refused.events.split_off(at);
        if is_of_several.is_some() {
            let mut part = Load::default();
            let bytes = parcel.bytes * second.len() / parcel.events.max(1);
            part.push(Parcel { events: second.len(), bytes, ..parcel }, second);
            self.suspects.push_front(part);
        } else {
            if let Some(first) = refused.events.first() {
                let queue = &mut self.queues[first.slot];
                queue.narrowing.parts.push(second.len());
                (queue.went, queue.narrowing.is_out) = (refused.events.len(), true);
            }
            for event in second.into_iter().rev() {
                let all_back = self.put_back(event);
                debug_assert_eq!(all_back, None, "the first half is out");
            }
        }
        let bytes = parcel.bytes * refused.events.len() / parcel.events.max(1);
        refused.records = vec![Parcel { events: refused.events.len(), bytes, ..parcel }];
        self.suspects.push_front(refused);
    }

    /// Other settings are in force: what waits to be narrowed down goes back to its lanes.
    pub(super) fn end_narrowing(&mut self) {
        for part in std::mem::take(&mut self.suspects) {
            self.give_back(part);
        }
    }

    fn give_back(&mut self, part: Load) {
        for event in part.events.into_iter().rev() {
            if let Some(slot) = self.put_back(event) {
                self.end_rest(slot);
            }
        }
    }

    /// Lets lanes go on whose rest is over.
    pub(super) fn wake(&mut self, now: Instant) {
        while self.next_wake().is_some_and(|until| until <= now) {
            self.wake_first();
        }
    }

    /// Lets the resting lane whose rest ends first go on now.
    pub(super) fn wake_first(&mut self) {
        if let Some(Reverse((_, slot))) = self.resting.pop() {
            self.end_rest(slot);
        }
    }

    /// Lets every resting and parked lane go on now.
    pub(super) fn wake_all(&mut self) {
        self.next_round();
        self.wake_resting();
    }

    /// Lets every resting lane go on now.
    pub(super) fn wake_resting(&mut self) {
        for Reverse((_, slot)) in std::mem::take(&mut self.resting) {
            self.end_rest(slot);
        }
    }

    fn end_rest(&mut self, slot: Slot) {
        let queue = &mut self.queues[slot];
        if !queue.waiting.is_empty() {
            queue.is_busy = false;
            self.make_ready(slot);
        }
    }

    /// When the next rest is over.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.resting.peek().map(|Reverse((until, _))| *until)
    }

    /// Makes room: of long lanes only the first events stay, so that about so many events and bytes are left in all.
    /// What goes is on disk, and comes back by [`Self::refill`].
    pub(super) fn shed(&mut self, events_max: usize, bytes_max: usize) {
        let mut share = events_max / (self.queues.len() - self.free.len()).max(1);
        if share == 0 {
            // Many keys, few events each: hardly anything could go.
            return;
        }
        loop {
            for queue in &mut self.queues {
                while queue.waiting.len() > share {
                    let Some(last) = queue.waiting.pop_back() else { break };
                    self.events -= 1;
                    self.bytes -= last.json.len();
                    queue.held_back = Some(last.id);
                }
            }
            if share == 1 || self.bytes <= bytes_max {
                return;
            }
            share = share.div_ceil(2);
        }
    }

    /// The first event on disk of a lane that has none left in memory.
    pub(super) fn dry_from(&self) -> Option<EventId> {
        self.dry.first().map(|(begins, _)| *begins)
    }

    /// Gives lanes back what was held back of them: `events` are all that wait after `after`, up to `through`, in order;
    /// nothing after `cursor` was ever in memory. Events that are in memory are passed over.
    pub(super) fn refill(
        &mut self,
        events: Vec<QueuedEvent>,
        (after, through): (EventId, EventId),
        cursor: EventId,
    ) {
        for event in events {
            if event.id > cursor {
                break;
            }
            let Some(&slot) = self.keys.get(&event.key) else { continue };
            let queue = &mut self.queues[slot];
            // What begins before this stretch must be read from there first.
            let Some(begins) = queue.held_back.filter(|begins| (after + 1..=event.id).contains(begins))
            else {
                continue;
            };
            if queue.waiting.len() >= REFILL_EVENTS {
                continue;
            }
            let was_dry = queue.waiting.is_empty();
            let is_head = was_dry && !queue.is_busy;
            if was_dry {
                self.dry.remove(&(begins, slot));
            }
            queue.held_back = Some(event.id + 1);
            self.events += 1;
            self.bytes += event.json.len();
            queue.waiting.push_back(event);
            if is_head {
                self.make_ready(slot);
            }
        }
        let is_read = |begins: &EventId| *begins > after && (*begins <= through || through >= cursor);
        // Closing the last of many lanes leaves none.
        for slot in 0..self.queues.len() {
            let Some(queue) = self.queues.get_mut(slot) else { break };
            let Some(begins) = queue.held_back.filter(is_read) else { continue };
            if queue.waiting.len() >= REFILL_EVENTS {
                continue;
            }
            self.dry.remove(&(begins, slot));
            queue.held_back = (through < cursor).then_some(through + 1);
            if let Some(begins) = queue.dry() {
                self.dry.insert((begins, slot));
            }
            if !queue.is_busy && queue.waiting.is_empty() && queue.held_back.is_none() {
                self.close(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn event(id: EventId, key: &str, bytes: usize) -> QueuedEvent {
        QueuedEvent { id, key: key.into(), json: Bytes::from(vec![b' '; bytes]), attempts: 0 }
    }

    const CUT: Cut = Cut {
        records_max: 500,
        bytes_max: 1000,
        company_bytes_max: 10_000,
        encoding: Encoding::Json,
        together: None,
    };

    fn take(lanes: &mut Lanes, cut: Cut) -> Vec<Taken> {
        lanes.cut(cut).events
    }

    /// Records of one event each.
    fn narrow_down(lanes: &mut Lanes, events: Vec<Taken>) {
        let records = events.iter().map(|_| Parcel { events: 1, bucket: None, bytes: 1 }).collect();
        lanes.narrow_down(Load { events, records });
    }

    fn settle_all(lanes: &mut Lanes, taken: &[Taken]) {
        for one in taken {
            lanes.settled(one);
        }
    }

    fn ids(taken: &[Taken]) -> Vec<EventId> {
        taken.iter().map(|one| one.event.id).collect()
    }

    #[test]
    fn a_put_holds_at_most_one_record_of_a_key() {
        let mut lanes = Lanes::default();
        for (id, key) in [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "c")] {
            lanes.push(event(id, key, 10), true);
        }
        let first = take(&mut lanes, CUT);
        assert_eq!(ids(&first), [1, 3, 5]);
        assert!(take(&mut lanes, CUT).is_empty(), "every key has one in flight");
        lanes.settled(&first[0]);
        assert_eq!(ids(&take(&mut lanes, CUT)), [2]);
    }

    #[test]
    fn a_lane_that_missed_in_a_pause_waits_until_every_other_one_was_tried_and_then_goes_at_once() {
        let one = Cut { records_max: 1, ..CUT };
        let mut lanes = Lanes::default();
        for (id, key) in [(1, "a"), (2, "b")] {
            lanes.push(event(id, key, 10), true);
        }
        let a = take(&mut lanes, one).remove(0);
        lanes.park(a);
        let b = take(&mut lanes, one).remove(0);
        assert_eq!(b.event.id, 2, "not the oldest one again");
        lanes.park(b);
        lanes.push(event(3, "c", 10), true);
        assert_eq!(ids(&take(&mut lanes, one)), [3], "the lane that has just come has its turn first");
        assert!(lanes.next_wake().is_none() && !lanes.has_ready());
        lanes.unblock(|_| unreachable!("nobody was refused"));
        assert_eq!(ids(&take(&mut lanes, CUT)), [1, 2]);
    }

    #[test]
    fn without_order_every_event_may_go() {
        let mut lanes = Lanes::default();
        for id in 1..=3 {
            lanes.push(event(id, "a", 10), false);
        }
        assert_eq!(ids(&take(&mut lanes, CUT)), [1, 2, 3]);
    }

    #[test]
    fn a_put_never_exceeds_the_byte_limit_unless_one_record_does() {
        let mut lanes = Lanes::default();
        for (id, bytes) in [(1, 600), (2, 600), (3, 5000)] {
            lanes.push(event(id, &id.to_string(), bytes), true);
        }
        assert_eq!(ids(&take(&mut lanes, CUT)), [1]);
        assert_eq!(ids(&take(&mut lanes, CUT)), [2]);
        assert_eq!(ids(&take(&mut lanes, CUT)), [3]);
    }

    #[test]
    fn a_record_above_the_streams_own_limit_goes_without_company() {
        let mut lanes = Lanes::default();
        for (id, bytes) in [(1, 10), (2, 300), (3, 10), (4, 10)] {
            lanes.push(event(id, &id.to_string(), bytes), true);
        }
        let cut = Cut { company_bytes_max: 200, ..CUT };
        assert_eq!(ids(&take(&mut lanes, cut)), [1]);
        assert_eq!(ids(&take(&mut lanes, cut)), [2]);
        assert_eq!(ids(&take(&mut lanes, cut)), [3, 4]);
    }

    #[test]
    fn a_miss_holds_back_its_own_key_alone() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        for (id, key) in [(1, "a"), (2, "a"), (3, "b")] {
            lanes.push(event(id, key, 10), true);
        }
        let mut taken = take(&mut lanes, CUT);
        let other = taken.pop().expect("b");
        let missed = taken.pop().expect("a");
        lanes.missed(missed, |misses| now + Duration::from_secs(u64::from(misses)));
        lanes.settled(&other);
        lanes.push(event(4, "b", 10), true);
        assert_eq!(ids(&take(&mut lanes, CUT)), [4], "key a rests");
        assert_eq!(lanes.next_wake(), Some(now + Duration::from_secs(1)));
        lanes.wake(now + Duration::from_secs(1));
        assert_eq!(ids(&take(&mut lanes, CUT)), [1], "the missed one is the head again");
    }

    #[test]
    fn the_oldest_event_goes_first_also_when_it_was_missed() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        for id in 1..=4 {
            lanes.push(event(id, &id.to_string(), 1), true);
        }
        let one = Cut { records_max: 1, ..CUT };
        let [first, second] = [take(&mut lanes, one), take(&mut lanes, one)];
        for taken in second.into_iter().chain(first) {
            lanes.missed(taken, |_| now);
        }
        lanes.wake(now);
        assert_eq!(ids(&take(&mut lanes, CUT)), [1, 2, 3, 4]);
    }

    #[test]
    fn one_bad_record_of_five_hundred_is_found_with_few_puts_and_its_neighbours_go_on() {
        let cut = Cut { bytes_max: 10_000, ..CUT };
        for bad in [1, 2, 77, 250, 251, 499, 500] {
            let mut lanes = Lanes::default();
            for id in 1..=500 {
                lanes.push(event(id, &id.to_string(), 1), true);
            }
            let (mut puts, mut delivered) = (0, BTreeSet::new());
            let failed = loop {
                let taken = take(&mut lanes, cut);
                puts += 1;
                if !taken.iter().any(|one| one.event.id == bad) {
                    delivered.extend(ids(&taken));
                    settle_all(&mut lanes, &taken);
                } else if let [one] = &taken[..] {
                    lanes.settled(one);
                    break one.event.id;
                } else {
                    narrow_down(&mut lanes, taken);
                }
            };
            assert_eq!(failed, bad);
            while lanes.has_ready() {
                let taken = take(&mut lanes, cut);
                puts += 1;
                delivered.extend(ids(&taken));
                settle_all(&mut lanes, &taken);
            }
            assert_eq!(delivered.len(), 499);
            assert!(puts <= 19, "{puts} puts for record {bad}");
            assert!(lanes.is_empty());
        }
    }

    #[test]
    fn an_event_that_may_be_at_fault_goes_alone_until_it_is_settled() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        for (id, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
            lanes.push(event(id, key, 1), true);
        }
        for one in take(&mut lanes, CUT) {
            lanes.isolate(&one);
            lanes.missed(one, |_| now);
        }
        lanes.wake(now);
        let [first, second] = [take(&mut lanes, CUT), take(&mut lanes, CUT)];
        assert_eq!((ids(&first), ids(&second)), (vec![1], vec![2]));
        settle_all(&mut lanes, &first);
        settle_all(&mut lanes, &second);
        assert_eq!(ids(&take(&mut lanes, CUT)), [3, 4]);
    }

    #[test]
    fn a_change_of_the_promise_of_order_makes_no_key_wait_for_another() {
        let mut lanes = Lanes::default();
        for (id, key) in [(1, "a"), (2, "a"), (3, "b")] {
            lanes.push(event(id, key, 1), false);
        }
        for (id, key) in [(4, "a"), (5, "a"), (6, "c")] {
            lanes.push(event(id, key, 1), true);
        }
        let taken = take(&mut lanes, CUT);
        assert_eq!(ids(&taken), [1, 2, 3, 6], "only what is behind events of its own key waits");
        lanes.settled(&taken[0]);
        assert!(!lanes.has_ready(), "one of two is not all");
        settle_all(&mut lanes, &taken[1..]);
        let taken = take(&mut lanes, CUT);
        assert_eq!(ids(&taken), [4], "now in order");
        for (id, key) in [(7, "a"), (8, "b"), (9, "b")] {
            lanes.push(event(id, key, 1), false);
        }
        assert_eq!(ids(&take(&mut lanes, CUT)), [8, 9], "what has a lane stays in it");
        settle_all(&mut lanes, &taken);
        assert_eq!(ids(&take(&mut lanes, CUT)), [5]);
    }

    #[test]
    fn after_a_rush_of_many_keys_their_memory_goes_back_whoever_ends_it() {
        let keys = EventId::try_from(LANES_KEPT).expect("few") + 100;
        for shortened in [false, true] {
            let mut lanes = Lanes::default();
            for id in 1..=keys {
                lanes.push(event(id, &id.to_string(), 1), true);
            }
            lanes.push(event(keys + 1, "1", 1), true);
            if shortened {
                lanes.shed(LANES_KEPT + 100, usize::MAX);
            }
            while lanes.has_ready() {
                let taken = take(&mut lanes, CUT);
                settle_all(&mut lanes, &taken);
            }
            assert_eq!(lanes.dry_from(), shortened.then_some(keys + 1));
            // It was settled by an earlier run.
            lanes.refill(Vec::new(), (keys, keys + 1), keys + 1);
            assert!(lanes.is_empty() && lanes.queues.capacity() == 0);
            lanes.push(event(keys + 2, "1", 1), true);
            assert_eq!(ids(&take(&mut lanes, CUT)), [keys + 2]);
        }
    }

    #[test]
    fn a_part_that_is_too_large_for_new_settings_is_cut_up() {
        let mut lanes = Lanes::default();
        for id in 1..=6 {
            lanes.push(event(id, &id.to_string(), 1), true);
        }
        let taken = take(&mut lanes, CUT);
        narrow_down(&mut lanes, taken);
        let one = Cut { records_max: 1, ..CUT };
        let single: Vec<_> = (0..6).flat_map(|_| ids(&take(&mut lanes, one))).collect();
        assert_eq!(single, [1, 2, 3, 4, 5, 6]);
        assert!(!lanes.has_ready());
    }

    #[test]
    fn a_lane_that_was_cut_short_leaves_room_and_goes_on_from_disk() {
        let disk: Vec<_> = (1..=20).map(|id| event(id, if id == 18 { "b" } else { "a" }, 10)).collect();
        let mut lanes = Lanes::default();
        disk[..10].iter().for_each(|event| lanes.push(event.clone(), true));
        lanes.shed(4, usize::MAX);
        assert_eq!((lanes.events(), lanes.bytes()), (4, 40));
        disk[10..].iter().for_each(|event| lanes.push(event.clone(), true));
        assert_eq!(lanes.events(), 5, "of the long lane nothing more, of the other its own");
        let mut order = Vec::new();
        while !lanes.is_empty() {
            let taken = take(&mut lanes, CUT);
            order.extend(ids(&taken));
            settle_all(&mut lanes, &taken);
            if let Some(begins) = lanes.dry_from() {
                let after = begins - 1;
                let page: Vec<_> = disk.iter().filter(|event| event.id > after).take(3).cloned().collect();
                let through = page.last().map_or(20, |event| event.id);
                lanes.refill(page, (after, through), 20);
            }
        }
        let (of_b, of_a): (Vec<_>, Vec<_>) = order.into_iter().partition(|id| *id == 18);
        assert_eq!(of_b, [18]);
        assert_eq!(of_a, (1..=20).filter(|id| *id != 18).collect::<Vec<_>>());
        assert_eq!((lanes.events(), lanes.bytes()), (0, 0));
    }

    #[test]
    fn who_is_refused_waits_until_every_other_lane_was_tried() {
        let mut lanes = Lanes::default();
        for (id, key) in [(1, "a"), (2, "a"), (3, "b"), (4, "c")] {
            lanes.push(event(id, key, 10), true);
        }
        let one = Cut { records_max: 1, ..CUT };
        for round in 0..2 {
            for id in [1, 3, 4] {
                let mut taken = take(&mut lanes, one);
                assert_eq!(ids(&taken), [id], "round {round}");
                lanes.refused(taken.remove(0), AwsError::new("Odd", ""), true);
            }
            assert!(take(&mut lanes, one).is_empty());
            lanes.next_round();
        }
        assert_eq!(lanes.stuck(), None, "the destination takes nobody's");
    }

    #[test]
    fn a_refused_event_is_stuck_with_what_waits_behind_it_until_it_is_taken_out() {
        let now = Instant::now();
        let fault = AwsError::new("SerializationException", "odd");
        let mut lanes = Lanes::default();
        for (id, key) in [(1, "a"), (2, "a"), (3, "a"), (4, "b")] {
            lanes.push(event(id, key, 10), true);
        }
        let one = Cut { records_max: 1, ..CUT };
        for refusal in 1..=2 {
            let taken = take(&mut lanes, one).remove(0);
            assert_eq!(taken.event.id, 1);
            assert_eq!(lanes.is_known_refused(&taken, &fault.code), refusal == 2);
            lanes.refused(taken, fault.clone(), true);
            if refusal == 1 {
                let other = take(&mut lanes, one);
                assert_eq!(ids(&other), [4], "another key is tried next");
                settle_all(&mut lanes, &other);
                lanes.unblock(|_| now);
                assert_eq!(lanes.stuck(), None, "once may be bad luck");
                lanes.wake(now);
            }
        }
        let stuck = lanes.stuck().expect("refused twice");
        assert_eq!((stuck.refused, stuck.behind, stuck.event), (1, 2, 1));
        let taken: Vec<_> = lanes.take_stuck().0.into_iter().map(|(taken, _)| taken).collect();
        assert_eq!(ids(&taken), [1]);
        assert!(take(&mut lanes, one).is_empty(), "what is behind it waits until it is settled");
        settle_all(&mut lanes, &taken);
        assert_eq!((ids(&take(&mut lanes, one)), lanes.stuck()), (vec![2], None));
    }

    /// Keys, of which the first three are of one bucket.
    fn in_one_bucket() -> Vec<String> {
        let all = || (0..).map(|n: u32| n.to_string());
        let first = Bucket::of("0");
        let of_it = all().filter(|key| Bucket::of(key) == first).take(3);
        of_it.chain(all().filter(|key| Bucket::of(key) != first).take(2)).collect()
    }

    const TOGETHER: Cut = Cut {
        bytes_max: 10_000,
        together: Some(Together { aggregation: Aggregation::Lines, bytes_max: 200 }),
        ..CUT
    };

    fn by_bucket() -> Lanes {
        let mut lanes = Lanes::default();
        lanes.by_bucket(true);
        lanes
    }

    /// The places of the events of each record.
    fn records(load: &Load) -> Vec<Vec<EventId>> {
        let mut ids = load.events.iter().map(|one| one.event.id);
        load.records.iter().map(|parcel| ids.by_ref().take(parcel.events).collect()).collect()
    }

    #[test]
    fn what_waits_of_one_bucket_shares_a_record_in_order() {
        let keys = in_one_bucket();
        let mut lanes = by_bucket();
        for (id, key) in [(1, 0), (2, 1), (3, 0), (4, 3), (5, 4), (6, 0)] {
            lanes.push(event(id, &keys[key], 10), true);
        }
        let load = lanes.cut(TOGETHER);
        assert_eq!(records(&load), [vec![1, 3, 6, 2], vec![4], vec![5]]);
        assert_eq!(load.records[0].bucket, Some(Bucket::of(&keys[0])));
        lanes.push(event(7, &keys[0], 10), true);
        lanes.push(event(8, &keys[2], 10), true);
        assert_eq!(records(&lanes.cut(TOGETHER)), [[8]], "the first key is out");
        for (back, one) in load.events.iter().take(3).enumerate() {
            assert!(!lanes.has_ready(), "after {back} of three");
            lanes.settled(one);
        }
        assert_eq!(records(&lanes.cut(TOGETHER)), [[7]]);
    }

    #[test]
    fn a_record_stays_within_its_size_and_what_is_larger_goes_alone() {
        let keys = in_one_bucket();
        let mut lanes = by_bucket();
        for (id, bytes) in [(1, 90), (2, 90), (3, 90), (4, 900), (5, 10)] {
            lanes.push(event(id, &keys[0], bytes), true);
        }
        for expected in [vec![1, 2], vec![3], vec![4], vec![5]] {
            let load = lanes.cut(TOGETHER);
            assert_eq!(records(&load), [expected]);
            settle_all(&mut lanes, &load.events);
        }
    }

    #[test]
    fn the_event_that_a_record_is_refused_for_is_found_and_the_others_go_on_in_order() {
        let keys = in_one_bucket();
        for bad in 1..=12 {
            let mut lanes = by_bucket();
            for id in 1..=12 {
                let key = usize::try_from(id % 5).expect("few").saturating_sub(2);
                lanes.push(event(id, &keys[key], 1), true);
            }
            let (mut delivered, mut failed) = (Vec::new(), Vec::new());
            for puts in 0.. {
                assert!(puts < 12, "{bad}: {delivered:?}");
                let load = lanes.cut(Cut { records_max: 1, ..TOGETHER });
                if load.is_empty() {
                    break;
                }
                let ids: Vec<_> = load.events.iter().map(|one| one.event.id).collect();
                if ids == [bad] {
                    failed.extend(ids);
                    settle_all(&mut lanes, &load.events);
                } else if ids.contains(&bad) {
                    lanes.narrow_down(load);
                } else {
                    delivered.extend(ids);
                    settle_all(&mut lanes, &load.events);
                }
            }
            assert_eq!(failed, [bad]);
            for key in 0..3 {
                let of_key = |id: &&EventId| usize::try_from(**id % 5).expect("few").saturating_sub(2) == key;
                let seen: Vec<_> = delivered.iter().filter(of_key).collect();
                assert!(seen.is_sorted(), "{seen:?}");
            }
            assert_eq!(delivered.len(), 11);
            assert!(lanes.is_empty());
        }
    }

    #[test]
    fn after_a_refusal_that_may_be_the_records_its_halves_go_without_company() {
        let keys = in_one_bucket();
        let mut lanes = by_bucket();
        for id in 1..=4 {
            lanes.push(event(id, &keys[0], 1), true);
        }
        let load = lanes.cut(TOGETHER);
        for one in load.events.into_iter().rev() {
            lanes.refused(one, AwsError::new("Odd", ""), true);
        }
        lanes.push(event(5, &keys[1], 1), true);
        lanes.push(event(6, &keys[0], 1), true);
        lanes.push(event(7, &keys[0], 1), true);
        lanes.next_round();
        for expected in [vec![1, 2], vec![3, 4], vec![5, 6, 7]] {
            let load = lanes.cut(TOGETHER);
            assert_eq!(records(&load), [expected]);
            settle_all(&mut lanes, &load.events);
        }
    }

    #[test]
    fn what_was_refused_in_company_goes_by_itself_once_no_events_share_records() {
        let keys = in_one_bucket();
        let mut lanes = by_bucket();
        for id in 1..=4 {
            lanes.push(event(id, &keys[usize::try_from(id % 2).expect("few")], 1), true);
        }
        let load = lanes.cut(TOGETHER);
        assert_eq!(load.records.len(), 1);
        lanes.narrow_down(load);
        let alone = Cut { together: None, ..TOGETHER };
        let mut seen = Vec::new();
        while lanes.has_ready() {
            let load = lanes.cut(alone);
            assert!(load.records.iter().all(|parcel| parcel.events == 1));
            seen.extend(ids(&load.events));
            settle_all(&mut lanes, &load.events);
        }
        assert_eq!(seen, [1, 2, 3, 4]);
    }

    #[test]
    fn only_behind_an_event_in_flight_does_a_key_wait_for_its_order() {
        let mut lanes = Lanes::default();
        for id in 1..=3 {
            lanes.push(event(id, "a", 1), true);
        }
        assert_eq!(lanes.waiting(), (None, 0));
        let taken = take(&mut lanes, CUT).remove(0);
        assert_eq!(lanes.waiting(), (Some("a".into()), 1));
        lanes.refused(taken, AwsError::new("Odd", ""), true);
        assert_eq!(lanes.waiting(), (None, 0), "it is refused, and no order explains that");
    }

    proptest! {
        /// Whatever fails, rests, is refused in company, is shed or comes in between: each event is settled after the
        /// earlier ones of its key (where it came under the promise of order), each once, and all of them in the end.
        #[test]
        fn every_key_is_settled_in_order(
            keys in prop::collection::vec(0_u8..5, 1..60),
            ordered in prop_oneof![Just(vec![true; 60]), prop::collection::vec(prop::bool::ANY, 60)],
            fates in prop::collection::vec(0_u8..9, 0..200),
            records_max in 1_usize..6,
            page in 1_usize..9,
            lag in 0_usize..6,
            switches in prop::collection::vec(prop::bool::ANY, 0..40),
            record_bytes_max in prop_oneof![Just(None), (1_usize..300).prop_map(Some)],
        ) {
            let now = Instant::now();
            let names = in_one_bucket();
            let together = record_bytes_max
                .map(|bytes_max| Together { aggregation: Aggregation::Lines, bytes_max });
            let mut switches = switches.into_iter();
            let at = |id: EventId| usize::try_from(id - 1).expect("few");
            let mut lanes = Lanes::default();
            let disk: Vec<_> =
                keys.iter().zip(1..).map(|(key, id)| event(id, &names[usize::from(*key)], 10)).collect();
            let mut fates = fates.into_iter();
            let mut settled: Vec<EventId> = Vec::new();
            let mut cursor = 0;
            for round in 0.. {
                prop_assert!(round < 3000, "no lane is forgotten");
                let after = lanes.dry_from().map_or(cursor, |begins| begins - 1);
                // What was settled is written a little later.
                let written = &settled[..settled.len().saturating_sub(lag)];
                let waiting = disk.iter().filter(|event| event.id > after && !written.contains(&event.id));
                let read: Vec<_> = waiting.take(page).cloned().collect();
                let end = EventId::try_from(disk.len()).expect("few");
                let through = if read.len() < page { end } else { read[page - 1].id };
                if lanes.dry_from().is_some() {
                    lanes.refill(read, (after, through), cursor);
                } else {
                    for event in read {
                        let ordered = ordered[at(event.id)];
                        lanes.push(event, ordered);
                    }
                    cursor = through;
                }
                lanes.wake(now);
                let load = lanes.cut(Cut { records_max, together, ..CUT });
                if load.is_empty() && lanes.is_empty() && cursor == end {
                    break;
                }
                if load.is_empty() {
                    lanes.next_round();
                }
                let mut refused = Load::default();
                let company = load.records.len() > 1;
                let mut events = load.events.into_iter();
                for parcel in load.records {
                    let record: Vec<_> = events.by_ref().take(parcel.events).collect();
                    let back = |record: Vec<Taken>| record.into_iter().rev();
                    match fates.next().unwrap_or(0) {
                        1 => back(record).for_each(|one| lanes.missed(one, |_| now)),
                        2 if company => refused.push(parcel, record),
                        2 if parcel.events > 1 => {
                            lanes.narrow_down(Load { events: record, records: vec![parcel] });
                        }
                        fate @ (6 | 7) => {
                            back(record).for_each(|one| lanes.refused(one, AwsError::new("Odd", ""), fate == 6));
                        }
                        fate => {
                            if fate == 8 {
                                lanes.unblock(|_| now);
                                for (stuck, _) in lanes.take_stuck().0 {
                                    settled.push(stuck.event.id);
                                    lanes.settled(&stuck);
                                }
                            } else if fate == 5 {
                                lanes.end_narrowing();
                            } else if fate > 3 {
                                lanes.shed(usize::from(fate), usize::MAX);
                            }
                            for one in record {
                                settled.push(one.event.id);
                                lanes.settled(&one);
                            }
                        }
                    }
                }
                if !refused.is_empty() {
                    lanes.narrow_down(refused);
                }
                if let Some(is_by_bucket) = switches.next() {
                    lanes.by_bucket(is_by_bucket);
                }
            }
            let mut all = settled.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (1..=EventId::try_from(keys.len()).expect("few")).collect::<Vec<_>>());
            for (place, id) in settled.iter().enumerate().filter(|(_, id)| ordered[at(**id)]) {
                let earlier = |other: &&EventId| **other < *id && keys[at(**other)] == keys[at(*id)];
                prop_assert!(settled[place..].iter().find(earlier).is_none(), "{id} overtook: {settled:?}");
            }
            prop_assert_eq!((lanes.events(), lanes.bytes(), lanes.bytes_out, lanes.stuck()), (0, 0, 0, None));
        }
    }
}

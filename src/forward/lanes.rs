//! Which event may be put next. A lane is the queue of one partition key: its head is put, and nothing behind it
//! moves before the head is settled. That is the order that product.md promises. Pure: time is passed in.
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

use crate::{
    delivery::{EventId, Fault, Stuck},
    event::Encoding,
    spool::Queued,
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
type Slot = usize;

/// What one put may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) records_max: usize,
    pub(super) bytes_max: usize,
    /// A larger record goes alone: the stream may refuse it, and would refuse its company with it.
    pub(super) company_bytes_max: usize,
    pub(super) encoding: Encoding,
}

/// An event taken out of its lane to be put.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    slot: Slot,
    /// Its lane is its key's, so it is put in order.
    pub(super) is_in_order: bool,
    pub(super) event: Queued,
}

/// What an event was last refused with.
#[derive(Clone, Debug)]
struct Refusal {
    fault: Fault,
    /// Others were taken since the first time.
    is_narrowed: bool,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Queued>,
    /// What it is the lane of; `None`: of one event.
    key: Option<Arc<str>>,
    /// Its head is in flight, or rests until a moment: not in `ready`.
    is_busy: bool,
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
    resting: BinaryHeap<Reverse<(Instant, Slot)>>,
    /// Lanes whose head was refused or missed while everything waits: the others are tried before it is their turn again.
    parked: Vec<Slot>,
    /// Lanes whose head is refused again and again, by that head.
    stuck: BTreeMap<EventId, Slot>,
    /// Parts of requests that were refused whole: each is put as it is, until the record that is at fault is alone.
    suspects: VecDeque<Vec<Taken>>,
    /// The lanes that are [`Queue::dry`], by where their events on disk begin.
    dry: BTreeSet<(EventId, Slot)>,
    /// How many events of a key are lanes of their own, which they are without the promise of order.
    loose: HashMap<Arc<str>, usize>,
    events: usize,
    bytes: usize,
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

    /// Whether a put of so many records would be full now, or must not wait for company.
    pub(super) fn fill_a_put(&self, records_max: usize) -> bool {
        !self.suspects.is_empty() || self.ready.len() >= records_max
    }

    /// Adds an event behind those of its lane. Events come in the order of their places, and `ordered` may change from
    /// one to the next: a key that has a lane keeps it until that is empty, and a new lane of a key begins once the
    /// key's events that have lanes of their own are settled. No other key waits for that.
    pub(super) fn push(&mut self, event: Queued, ordered: bool) {
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
        if queue.waiting.is_empty() && !queue.is_busy {
            self.ready.insert(event.id, slot);
        }
        queue.waiting.push_back(event);
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

    /// Takes the heads of ready lanes, one each, as many as one put may hold. Empty: none is ready.
    pub(super) fn cut(&mut self, cut: Cut) -> Vec<Taken> {
        if let Some(mut part) = self.suspects.pop_front() {
            if part.len() > cut.records_max {
                // The settings have changed since.
                self.suspects.push_front(part.split_off(cut.records_max));
            }
            return part;
        }
        let mut taken: Vec<Taken> = Vec::with_capacity(cut.records_max.min(self.ready.len()));
        let mut bytes = 0;
        while taken.len() < cut.records_max {
            let Some(first) = self.ready.first_entry() else { break };
            let queue = &mut self.queues[*first.get()];
            let Some(head) = queue.waiting.front() else { break };
            let size = cut.encoding.encoded_len(head.json.len()) + head.key.len();
            let alone = queue.goes_alone || size > cut.company_bytes_max;
            if !taken.is_empty() && (bytes + size > cut.bytes_max || alone) {
                break;
            }
            bytes += size;
            queue.is_busy = true;
            let slot = first.remove();
            let Some(event) = queue.waiting.pop_front() else { break };
            if let Some(begins) = queue.dry() {
                self.dry.insert((begins, slot));
            }
            taken.push(Taken { slot, is_in_order: queue.key.is_some(), event });
            if alone {
                break;
            }
        }
        taken
    }

    /// The event is settled: the next one of its lane may go.
    pub(super) fn settled(&mut self, taken: &Taken) {
        self.events -= 1;
        self.bytes -= taken.event.json.len();
        if !taken.is_in_order {
            self.loose_one_settled(&taken.event.key);
        }
        let queue = &mut self.queues[taken.slot];
        queue.is_busy = false;
        queue.goes_alone = false;
        queue.misses = 0;
        (queue.refusal, queue.refusals) = (None, 0);
        self.stuck.remove(&taken.event.id);
        if let Some(head) = queue.waiting.front() {
            self.ready.insert(head.id, taken.slot);
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
        if queue.is_behind
            && let Some(head) = queue.waiting.front()
        {
            (queue.is_behind, queue.is_busy) = (false, false);
            self.ready.insert(head.id, slot);
        }
    }

    /// The event was not taken: it is its lane's head again and rests for what `delay` says of its misses in a row.
    pub(super) fn missed(&mut self, taken: Taken, delay: impl FnOnce(u32) -> Instant) {
        let queue = &mut self.queues[taken.slot];
        queue.misses += 1;
        let until = delay(queue.misses);
        let slot = self.put_back(taken);
        self.resting.push(Reverse((until, slot)));
    }

    /// The event was not taken while everything waits: it is its lane's head again, and the lane is parked until
    /// [`Self::next_round`] or [`Self::unblock`]. It has no rest of its own: the pause says when, and grows.
    pub(super) fn park(&mut self, taken: Taken) {
        let slot = self.put_back(taken);
        self.parked.push(slot);
    }

    /// Makes the event its lane's head again. The lane stays busy: the caller says until when.
    fn put_back(&mut self, taken: Taken) -> Slot {
        let queue = &mut self.queues[taken.slot];
        if let Some(begins) = queue.dry() {
            self.dry.remove(&(begins, taken.slot));
        }
        queue.waiting.push_front(taken.event);
        taken.slot
    }

    /// The event was refused, for a reason that may hold for everybody: it is parked ([`Self::park`]). `is_suspect`: it may
    /// be its own fault.
    pub(super) fn refused(&mut self, taken: Taken, fault: Fault, is_suspect: bool) {
        let queue = &mut self.queues[taken.slot];
        queue.refusals += u32::from(is_suspect);
        let is_narrowed = queue.refusal.as_ref().is_some_and(|before| before.is_narrowed);
        queue.refusal = Some(Refusal { fault, is_narrowed });
        if is_narrowed && queue.refusals >= STUCK_AFTER {
            self.stuck.insert(taken.event.id, taken.slot);
        }
        self.park(taken);
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
    pub(super) fn take_stuck(&mut self) -> (Vec<(Taken, Fault)>, Vec<EventId>) {
        let (mut taken, mut in_flight) = (Vec::new(), Vec::new());
        for (id, slot) in self.stuck.clone() {
            let queue = &mut self.queues[slot];
            let Some(Refusal { fault, .. }) = queue.refusal.clone() else { continue };
            let Some(event) = queue.waiting.pop_front_if(|head| head.id == id) else {
                in_flight.push(id);
                continue;
            };
            queue.is_busy = true;
            if let Some(begins) = queue.dry() {
                self.dry.insert((begins, slot));
            }
            self.ready.remove(&id);
            self.parked.retain(|other| *other != slot);
            self.resting.retain(|Reverse((_, other))| *other != slot);
            taken.push((Taken { slot, is_in_order: queue.key.is_some(), event }, fault));
        }
        (taken, in_flight)
    }

    /// From now on the event goes without company, until it is settled.
    pub(super) fn isolate(&mut self, taken: &Taken) {
        self.queues[taken.slot].goes_alone = true;
    }

    /// Records that were refused together: each half goes again at once, by itself, until who is at fault is alone.
    /// Of 500, one is found with at most 18 more puts.
    pub(super) fn narrow_down(&mut self, mut refused: Vec<Taken>) {
        let second = refused.split_off(refused.len().div_ceil(2));
        for part in [second, refused] {
            if !part.is_empty() {
                self.suspects.push_front(part);
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
        if let Some(head) = queue.waiting.front() {
            queue.is_busy = false;
            self.ready.insert(head.id, slot);
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
        events: Vec<Queued>,
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
            if queue.waiting.is_empty() {
                self.dry.remove(&(begins, slot));
                if !queue.is_busy {
                    self.ready.insert(event.id, slot);
                }
            }
            queue.held_back = Some(event.id + 1);
            self.events += 1;
            self.bytes += event.json.len();
            queue.waiting.push_back(event);
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

    fn event(id: EventId, key: &str, bytes: usize) -> Queued {
        Queued { id, key: key.into(), json: Bytes::from(vec![b' '; bytes]), attempts: 0 }
    }

    const CUT: Cut =
        Cut { records_max: 500, bytes_max: 1000, company_bytes_max: 10_000, encoding: Encoding::Json };

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
        let first = lanes.cut(CUT);
        assert_eq!(ids(&first), [1, 3, 5]);
        assert!(lanes.cut(CUT).is_empty(), "every key has one in flight");
        lanes.settled(&first[0]);
        assert_eq!(ids(&lanes.cut(CUT)), [2]);
    }

    #[test]
    fn a_lane_that_missed_in_a_pause_waits_until_every_other_one_was_tried_and_then_goes_at_once() {
        let one = Cut { records_max: 1, ..CUT };
        let mut lanes = Lanes::default();
        for (id, key) in [(1, "a"), (2, "b")] {
            lanes.push(event(id, key, 10), true);
        }
        let a = lanes.cut(one).remove(0);
        lanes.park(a);
        let b = lanes.cut(one).remove(0);
        assert_eq!(b.event.id, 2, "not the oldest one again");
        lanes.park(b);
        lanes.push(event(3, "c", 10), true);
        assert_eq!(ids(&lanes.cut(one)), [3], "the lane that has just come has its turn first");
        assert!(lanes.next_wake().is_none() && !lanes.has_ready());
        lanes.unblock(|_| unreachable!("nobody was refused"));
        assert_eq!(ids(&lanes.cut(CUT)), [1, 2]);
    }

    #[test]
    fn without_order_every_event_may_go() {
        let mut lanes = Lanes::default();
        for id in 1..=3 {
            lanes.push(event(id, "a", 10), false);
        }
        assert_eq!(ids(&lanes.cut(CUT)), [1, 2, 3]);
    }

    #[test]
    fn a_put_never_exceeds_the_byte_limit_unless_one_record_does() {
        let mut lanes = Lanes::default();
        for (id, bytes) in [(1, 600), (2, 600), (3, 5000)] {
            lanes.push(event(id, &id.to_string(), bytes), true);
        }
        assert_eq!(ids(&lanes.cut(CUT)), [1]);
        assert_eq!(ids(&lanes.cut(CUT)), [2]);
        assert_eq!(ids(&lanes.cut(CUT)), [3]);
    }

    #[test]
    fn a_record_above_the_streams_own_limit_goes_without_company() {
        let mut lanes = Lanes::default();
        for (id, bytes) in [(1, 10), (2, 300), (3, 10), (4, 10)] {
            lanes.push(event(id, &id.to_string(), bytes), true);
        }
        let cut = Cut { company_bytes_max: 200, ..CUT };
        assert_eq!(ids(&lanes.cut(cut)), [1]);
        assert_eq!(ids(&lanes.cut(cut)), [2]);
        assert_eq!(ids(&lanes.cut(cut)), [3, 4]);
    }

    #[test]
    fn a_miss_holds_back_its_own_key_alone() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        for (id, key) in [(1, "a"), (2, "a"), (3, "b")] {
            lanes.push(event(id, key, 10), true);
        }
        let mut taken = lanes.cut(CUT);
        let other = taken.pop().expect("b");
        let missed = taken.pop().expect("a");
        lanes.missed(missed, |misses| now + Duration::from_secs(u64::from(misses)));
        lanes.settled(&other);
        lanes.push(event(4, "b", 10), true);
        assert_eq!(ids(&lanes.cut(CUT)), [4], "key a rests");
        assert_eq!(lanes.next_wake(), Some(now + Duration::from_secs(1)));
        lanes.wake(now + Duration::from_secs(1));
        assert_eq!(ids(&lanes.cut(CUT)), [1], "the missed one is the head again");
    }

    #[test]
    fn the_oldest_event_goes_first_also_when_it_was_missed() {
        let now = Instant::now();
        let mut lanes = Lanes::default();
        for id in 1..=4 {
            lanes.push(event(id, &id.to_string(), 1), true);
        }
        let one = Cut { records_max: 1, ..CUT };
        let [first, second] = [lanes.cut(one), lanes.cut(one)];
        for taken in second.into_iter().chain(first) {
            lanes.missed(taken, |_| now);
        }
        lanes.wake(now);
        assert_eq!(ids(&lanes.cut(CUT)), [1, 2, 3, 4]);
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
                let taken = lanes.cut(cut);
                puts += 1;
                if !taken.iter().any(|one| one.event.id == bad) {
                    delivered.extend(ids(&taken));
                    settle_all(&mut lanes, &taken);
                } else if let [one] = &taken[..] {
                    lanes.settled(one);
                    break one.event.id;
                } else {
                    lanes.narrow_down(taken);
                }
            };
            assert_eq!(failed, bad);
            while lanes.has_ready() {
                let taken = lanes.cut(cut);
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
        for one in lanes.cut(CUT) {
            lanes.isolate(&one);
            lanes.missed(one, |_| now);
        }
        lanes.wake(now);
        let [first, second] = [lanes.cut(CUT), lanes.cut(CUT)];
        assert_eq!((ids(&first), ids(&second)), (vec![1], vec![2]));
        settle_all(&mut lanes, &first);
        settle_all(&mut lanes, &second);
        assert_eq!(ids(&lanes.cut(CUT)), [3, 4]);
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
        let taken = lanes.cut(CUT);
        assert_eq!(ids(&taken), [1, 2, 3, 6], "only what is behind events of its own key waits");
        lanes.settled(&taken[0]);
        assert!(!lanes.has_ready(), "one of two is not all");
        settle_all(&mut lanes, &taken[1..]);
        let taken = lanes.cut(CUT);
        assert_eq!(ids(&taken), [4], "now in order");
        for (id, key) in [(7, "a"), (8, "b"), (9, "b")] {
            lanes.push(event(id, key, 1), false);
        }
        assert_eq!(ids(&lanes.cut(CUT)), [8, 9], "what has a lane stays in it");
        settle_all(&mut lanes, &taken);
        assert_eq!(ids(&lanes.cut(CUT)), [5]);
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
                let taken = lanes.cut(CUT);
                settle_all(&mut lanes, &taken);
            }
            assert_eq!(lanes.dry_from(), shortened.then_some(keys + 1));
            // It was settled by an earlier run.
            lanes.refill(Vec::new(), (keys, keys + 1), keys + 1);
            assert!(lanes.is_empty() && lanes.queues.capacity() == 0);
            lanes.push(event(keys + 2, "1", 1), true);
            assert_eq!(ids(&lanes.cut(CUT)), [keys + 2]);
        }
    }

    #[test]
    fn a_part_that_is_too_large_for_new_settings_is_cut_up() {
        let mut lanes = Lanes::default();
        for id in 1..=6 {
            lanes.push(event(id, &id.to_string(), 1), true);
        }
        let taken = lanes.cut(CUT);
        lanes.narrow_down(taken);
        let one = Cut { records_max: 1, ..CUT };
        let single: Vec<_> = (0..6).flat_map(|_| ids(&lanes.cut(one))).collect();
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
            let taken = lanes.cut(CUT);
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
                let mut taken = lanes.cut(one);
                assert_eq!(ids(&taken), [id], "round {round}");
                lanes.refused(taken.remove(0), Fault::new("Odd", ""), true);
            }
            assert!(lanes.cut(one).is_empty());
            lanes.next_round();
        }
        assert_eq!(lanes.stuck(), None, "the destination takes nobody's");
    }

    #[test]
    fn a_refused_event_is_stuck_with_what_waits_behind_it_until_it_is_taken_out() {
        let now = Instant::now();
        let fault = Fault::new("SerializationException", "odd");
        let mut lanes = Lanes::default();
        for (id, key) in [(1, "a"), (2, "a"), (3, "a"), (4, "b")] {
            lanes.push(event(id, key, 10), true);
        }
        let one = Cut { records_max: 1, ..CUT };
        for refusal in 1..=2 {
            let taken = lanes.cut(one).remove(0);
            assert_eq!(taken.event.id, 1);
            assert_eq!(lanes.is_known_refused(&taken, &fault.code), refusal == 2);
            lanes.refused(taken, fault.clone(), true);
            if refusal == 1 {
                let other = lanes.cut(one);
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
        assert!(lanes.cut(one).is_empty(), "what is behind it waits until it is settled");
        settle_all(&mut lanes, &taken);
        assert_eq!((ids(&lanes.cut(one)), lanes.stuck()), (vec![2], None));
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
        ) {
            let now = Instant::now();
            let at = |id: EventId| usize::try_from(id - 1).expect("few");
            let mut lanes = Lanes::default();
            let disk: Vec<_> =
                keys.iter().zip(1..).map(|(key, id)| event(id, &key.to_string(), 10)).collect();
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
                let taken = lanes.cut(Cut { records_max, ..CUT });
                if taken.is_empty() && lanes.is_empty() && cursor == end {
                    break;
                }
                if taken.is_empty() {
                    lanes.next_round();
                }
                let mut refused = Vec::new();
                let company = taken.len() > 1;
                for one in taken {
                    match fates.next().unwrap_or(0) {
                        1 => lanes.missed(one, |_| now),
                        2 if company => refused.push(one),
                        fate @ (6 | 7) => lanes.refused(one, Fault::new("Odd", ""), fate == 6),
                        fate => {
                            if fate == 8 {
                                lanes.unblock(|_| now);
                                for (stuck, _) in lanes.take_stuck().0 {
                                    settled.push(stuck.event.id);
                                    lanes.settled(&stuck);
                                }
                            } else if fate > 3 {
                                lanes.shed(usize::from(fate), usize::MAX);
                            }
                            settled.push(one.event.id);
                            lanes.settled(&one);
                        }
                    }
                }
                lanes.narrow_down(refused);
            }
            let mut all = settled.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (1..=EventId::try_from(keys.len()).expect("few")).collect::<Vec<_>>());
            for (place, id) in settled.iter().enumerate().filter(|(_, id)| ordered[at(**id)]) {
                let earlier = |other: &&EventId| **other < *id && keys[at(**other)] == keys[at(*id)];
                prop_assert!(settled[place..].iter().find(earlier).is_none(), "{id} overtook: {settled:?}");
            }
            prop_assert_eq!((lanes.events(), lanes.bytes(), lanes.stuck()), (0, 0, None));
        }
    }
}

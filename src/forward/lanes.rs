//! Which event may be put next. A lane is the queue of one partition key: its head is put, and nothing behind it
//! moves before the head is settled. That is the order that product.md promises. Pure: time is passed in.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use crate::{delivery::EventId, event::Encoding, spool::Queued};

/// What keeps its order. Without the promise of order every event is a lane of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Lane {
    /// A partition key.
    Key(Arc<str>),
    /// One event.
    Event(EventId),
}

/// What one put may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) records_max: usize,
    pub(super) bytes_max: usize,
    pub(super) encoding: Encoding,
}

/// An event taken out of its lane to be put.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) lane: Lane,
    pub(super) event: Queued,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Queued>,
    /// Its head is in flight, or rests until a moment: not in `ready`.
    is_busy: bool,
    /// A request with its head and others was refused whole: the head goes alone, to find out whose fault it is.
    goes_alone: bool,
    /// Misses in a row of its head.
    misses: u32,
}

/// The events in memory, by lane.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    queues: HashMap<Lane, Queue>,
    /// Lanes whose head may be put, longest waiting first.
    ready: VecDeque<Lane>,
    resting: BinaryHeap<Reverse<(Instant, Lane)>>,
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

    /// Lanes whose head may be put now.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Adds an event behind those of its lane. Events come in the order of their places.
    pub(super) fn push(&mut self, event: Queued, ordered: bool) {
        let lane = if ordered { Lane::Key(Arc::clone(&event.key)) } else { Lane::Event(event.id) };
        self.events += 1;
        self.bytes += event.json.len();
        let queue = self.queues.entry(lane.clone()).or_default();
        queue.waiting.push_back(event);
        if queue.waiting.len() == 1 && !queue.is_busy {
            self.ready.push_back(lane);
        }
    }

    /// Takes the heads of ready lanes, one each, as many as one put may hold. Empty: none is ready.
    pub(super) fn cut(&mut self, cut: Cut) -> Vec<Taken> {
        let mut taken: Vec<Taken> = Vec::new();
        let mut bytes = 0;
        while taken.len() < cut.records_max {
            let Some(lane) = self.ready.front() else { break };
            let Some(queue) = self.queues.get_mut(lane) else {
                self.ready.pop_front();
                continue;
            };
            let Some(head) = queue.waiting.front() else { break };
            let size = cut.encoding.encoded_len(head.json.len()) + head.key.len();
            if !taken.is_empty() && (bytes + size > cut.bytes_max || queue.goes_alone) {
                break;
            }
            bytes += size;
            let alone = queue.goes_alone;
            queue.is_busy = true;
            let (Some(lane), Some(event)) = (self.ready.pop_front(), queue.waiting.pop_front()) else {
                break;
            };
            taken.push(Taken { lane, event });
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
        let Some(queue) = self.queues.get_mut(&taken.lane) else { return };
        if queue.waiting.is_empty() {
            self.queues.remove(&taken.lane);
            return;
        }
        queue.is_busy = false;
        queue.goes_alone = false;
        queue.misses = 0;
        self.ready.push_back(taken.lane.clone());
    }

    /// The event was not taken: it is its lane's head again and rests for what `delay` says of its misses in a row.
    pub(super) fn missed(&mut self, taken: Taken, delay: impl FnOnce(u32) -> Instant) {
        let Some(queue) = self.queues.get_mut(&taken.lane) else { return };
        queue.misses += 1;
        queue.waiting.push_front(taken.event);
        self.resting.push(Reverse((delay(queue.misses), taken.lane)));
    }

    /// The event was refused in the company of others: it goes again at once, alone.
    pub(super) fn doubtful(&mut self, taken: Taken) {
        let Some(queue) = self.queues.get_mut(&taken.lane) else { return };
        queue.goes_alone = true;
        queue.is_busy = false;
        queue.waiting.push_front(taken.event);
        self.ready.push_front(taken.lane);
    }

    /// Lets lanes go on whose rest is over.
    pub(super) fn wake(&mut self, now: Instant) {
        while self.resting.peek().is_some_and(|Reverse((until, _))| *until <= now) {
            let Some(Reverse((_, lane))) = self.resting.pop() else { break };
            self.end_rest(lane);
        }
    }

    /// Lets every resting lane go on now.
    pub(super) fn wake_all(&mut self) {
        for Reverse((_, lane)) in std::mem::take(&mut self.resting) {
            self.end_rest(lane);
        }
    }

    fn end_rest(&mut self, lane: Lane) {
        if let Some(queue) = self.queues.get_mut(&lane) {
            queue.is_busy = false;
            self.ready.push_back(lane);
        }
    }

    /// When the next rest is over.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.resting.peek().map(|Reverse((until, _))| *until)
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

    const CUT: Cut = Cut { records_max: 500, bytes_max: 1000, encoding: Encoding::Json };

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
    fn a_doubtful_record_goes_alone() {
        let mut lanes = Lanes::default();
        for id in 1..=3 {
            lanes.push(event(id, &id.to_string(), 10), true);
        }
        for taken in lanes.cut(CUT).into_iter().rev() {
            lanes.doubtful(taken);
        }
        assert_eq!(ids(&lanes.cut(CUT)), [1]);
        assert_eq!(ids(&lanes.cut(CUT)), [2]);
    }

    proptest! {
        /// Whatever fails, rests, is refused in company or comes in between: each key's events are settled in order,
        /// each once, and all of them in the end.
        #[test]
        fn every_key_is_settled_in_order(
            keys in prop::collection::vec(0_u8..5, 1..60),
            fates in prop::collection::vec(0_u8..4, 0..200),
            records_max in 1_usize..6,
        ) {
            let now = Instant::now();
            let mut lanes = Lanes::default();
            let mut incoming = keys.iter().zip(1..).map(|(key, id)| event(id, &key.to_string(), 10));
            let mut fates = fates.into_iter();
            let mut settled: HashMap<Arc<str>, Vec<EventId>> = HashMap::new();
            let mut rounds = 0;
            loop {
                let more = incoming.by_ref().take(3).map(|event| lanes.push(event, true)).count();
                lanes.wake(now);
                let taken = lanes.cut(Cut { records_max, ..CUT });
                if taken.is_empty() && more == 0 && lanes.events() == 0 {
                    break;
                }
                let company = taken.len() > 1;
                for one in taken {
                    match fates.next().unwrap_or(0) {
                        1 => lanes.missed(one, |_| now),
                        2 if company => lanes.doubtful(one),
                        _ => {
                            settled.entry(Arc::clone(&one.event.key)).or_default().push(one.event.id);
                            lanes.settled(&one);
                        }
                    }
                }
                rounds += 1;
                prop_assert!(rounds < 2000, "no lane is forgotten");
            }
            prop_assert_eq!(settled.values().map(Vec::len).sum::<usize>(), keys.len());
            prop_assert!(settled.values().all(|ids| ids.is_sorted()));
            prop_assert_eq!(lanes.bytes(), 0);
        }
    }
}

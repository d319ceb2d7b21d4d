//! Lanes: order per key, rests, searches, and lanes that are longer than memory allows.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;

use super::{pool::LANES_KEPT, *};
use crate::{event::Encoding, forward::batch::PlannedRecord};

mod shared_records;

fn event(id: EventId, key: &str, bytes: usize) -> QueuedEvent {
    QueuedEvent { id, key: key.into(), json: Bytes::from(vec![b' '; bytes]), attempts: 0 }
}

const LIMITS: BatchLimits = BatchLimits {
    records_max: 500,
    bytes_max: 1000,
    shared_request_bytes_max: 10_000,
    encoding: Encoding::Json,
    sharing: None,
};

/// One record a put.
const ONE: BatchLimits = BatchLimits { records_max: 1, ..LIMITS };

/// Lanes of ordered events with these keys, each of 10 bytes, numbered from 1.
fn lanes_of(keys: &[&str]) -> Lanes {
    let mut lanes = Lanes::default();
    for (key, id) in keys.iter().zip(1..) {
        lanes.push(event(id, key, 10), true);
    }
    lanes
}

/// `count` lanes with one event each, of one byte, numbered from 1.
fn one_event_lanes(count: EventId) -> Lanes {
    let mut lanes = Lanes::default();
    for id in 1..=count {
        lanes.push(event(id, &id.to_string(), 1), true);
    }
    lanes
}

fn take(lanes: &mut Lanes, limits: BatchLimits) -> Vec<TakenEvent> {
    lanes.take_batch(limits).events
}

/// Narrows a batch of records down that have one event each.
fn bisect(lanes: &mut Lanes, events: Vec<TakenEvent>) {
    let records = events.iter().map(|_| PlannedRecord { events: 1, bucket: None, bytes: 1 }).collect();
    lanes.bisect(Batch { events, records });
}

fn settle_all(lanes: &mut Lanes, taken: &[TakenEvent]) {
    for one in taken {
        lanes.settled(one);
    }
}

fn ids(taken: &[TakenEvent]) -> Vec<EventId> {
    taken.iter().map(|one| one.event.id).collect()
}

#[test]
fn a_put_holds_at_most_one_record_of_a_key() {
    let mut lanes = lanes_of(&["a", "a", "b", "a", "c"]);
    let first = take(&mut lanes, LIMITS);
    assert_eq!(ids(&first), [1, 3, 5]);
    assert!(take(&mut lanes, LIMITS).is_empty(), "every key has one in flight");
    lanes.settled(&first[0]);
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [2]);
}

#[test]
fn a_lane_that_missed_in_a_pause_waits_until_every_other_one_was_tried_and_then_goes_at_once() {
    let mut lanes = lanes_of(&["a", "b"]);
    let a = take(&mut lanes, ONE).remove(0);
    lanes.park(a);
    let b = take(&mut lanes, ONE).remove(0);
    assert_eq!(b.event.id, 2, "not the oldest one again");
    lanes.park(b);
    lanes.push(event(3, "c", 10), true);
    assert_eq!(ids(&take(&mut lanes, ONE)), [3], "the lane that has just come has its turn first");
    assert!(lanes.next_wake().is_none() && !lanes.has_ready());
    lanes.unblock(|_| unreachable!("nobody was refused"));
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [1, 2]);
}

#[test]
fn without_order_every_event_may_go() {
    let mut lanes = Lanes::default();
    for id in 1..=3 {
        lanes.push(event(id, "a", 10), false);
    }
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [1, 2, 3]);
}

#[test]
fn a_put_never_exceeds_the_byte_limit_unless_one_record_does() {
    let mut lanes = Lanes::default();
    for (id, bytes) in [(1, 600), (2, 600), (3, 5000)] {
        lanes.push(event(id, &id.to_string(), bytes), true);
    }
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [1]);
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [2]);
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [3]);
}

#[test]
fn a_record_above_the_streams_own_limit_is_put_alone() {
    let mut lanes = Lanes::default();
    for (id, bytes) in [(1, 10), (2, 300), (3, 10), (4, 10)] {
        lanes.push(event(id, &id.to_string(), bytes), true);
    }
    let cut = BatchLimits { shared_request_bytes_max: 200, ..LIMITS };
    assert_eq!(ids(&take(&mut lanes, cut)), [1]);
    assert_eq!(ids(&take(&mut lanes, cut)), [2]);
    assert_eq!(ids(&take(&mut lanes, cut)), [3, 4]);
}

#[test]
fn a_miss_holds_back_its_own_key_alone() {
    let now = Instant::now();
    let mut lanes = lanes_of(&["a", "a", "b"]);
    let mut taken = take(&mut lanes, LIMITS);
    let other = taken.pop().expect("b");
    let missed = taken.pop().expect("a");
    lanes.back_off(missed, |misses| now + Duration::from_secs(u64::from(misses)));
    lanes.settled(&other);
    lanes.push(event(4, "b", 10), true);
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [4], "key a rests");
    assert_eq!(lanes.next_wake(), Some(now + Duration::from_secs(1)));
    lanes.wake(now + Duration::from_secs(1));
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [1], "the missed one is the head again");
}

#[test]
fn the_oldest_event_goes_first_also_when_it_was_missed() {
    let now = Instant::now();
    let mut lanes = one_event_lanes(4);
    let [first, second] = [take(&mut lanes, ONE), take(&mut lanes, ONE)];
    for taken in second.into_iter().chain(first) {
        lanes.back_off(taken, |_| now);
    }
    lanes.wake(now);
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [1, 2, 3, 4]);
}

#[test]
fn one_bad_record_of_five_hundred_is_found_with_few_puts_and_its_neighbours_go_on() {
    let cut = BatchLimits { bytes_max: 10_000, ..LIMITS };
    for bad in [1, 2, 77, 250, 251, 499, 500] {
        let mut lanes = one_event_lanes(500);
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
                bisect(&mut lanes, taken);
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
    let mut lanes = lanes_of(&["a", "b", "a", "b"]);
    for one in take(&mut lanes, LIMITS) {
        lanes.isolate(&one);
        lanes.back_off(one, |_| now);
    }
    lanes.wake(now);
    let [first, second] = [take(&mut lanes, LIMITS), take(&mut lanes, LIMITS)];
    assert_eq!((ids(&first), ids(&second)), (vec![1], vec![2]));
    settle_all(&mut lanes, &first);
    settle_all(&mut lanes, &second);
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [3, 4]);
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
    let taken = take(&mut lanes, LIMITS);
    assert_eq!(ids(&taken), [1, 2, 3, 6], "only what is behind events of its own key waits");
    lanes.settled(&taken[0]);
    assert!(!lanes.has_ready(), "one of two is not all");
    settle_all(&mut lanes, &taken[1..]);
    let taken = take(&mut lanes, LIMITS);
    assert_eq!(ids(&taken), [4], "now in order");
    for (id, key) in [(7, "a"), (8, "b"), (9, "b")] {
        lanes.push(event(id, key, 1), false);
    }
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [8, 9], "what has a lane stays in it");
    settle_all(&mut lanes, &taken);
    assert_eq!(ids(&take(&mut lanes, LIMITS)), [5]);
}

#[test]
fn after_many_keys_their_memory_is_freed_however_the_last_lane_closes() {
    let keys = EventId::try_from(LANES_KEPT).expect("few") + 100;
    for shortened in [false, true] {
        let mut lanes = one_event_lanes(keys);
        lanes.push(event(keys + 1, "1", 1), true);
        if shortened {
            lanes.trim_long_lanes(LANES_KEPT + 100, usize::MAX);
        }
        while lanes.has_ready() {
            let taken = take(&mut lanes, LIMITS);
            settle_all(&mut lanes, &taken);
        }
        assert_eq!(lanes.refill_from(), shortened.then_some(keys + 1));
        // It was settled by an earlier run.
        lanes.refill(Page { events: Vec::new(), after: keys, through: keys + 1 }, keys + 1);
        assert!(lanes.is_empty() && lanes.pool.lanes.capacity() == 0);
        lanes.push(event(keys + 2, "1", 1), true);
        assert_eq!(ids(&take(&mut lanes, LIMITS)), [keys + 2]);
    }
}

#[test]
fn a_part_that_is_too_large_for_new_settings_is_cut_up() {
    let mut lanes = one_event_lanes(6);
    let taken = take(&mut lanes, LIMITS);
    bisect(&mut lanes, taken);
    let single: Vec<_> = (0..6).flat_map(|_| ids(&take(&mut lanes, ONE))).collect();
    assert_eq!(single, [1, 2, 3, 4, 5, 6]);
    assert!(!lanes.has_ready());
}

#[test]
fn a_lane_that_was_cut_short_leaves_room_and_goes_on_from_disk() {
    let disk: Vec<_> = (1..=20).map(|id| event(id, if id == 18 { "b" } else { "a" }, 10)).collect();
    let mut lanes = Lanes::default();
    disk[..10].iter().for_each(|event| lanes.push(event.clone(), true));
    lanes.trim_long_lanes(4, usize::MAX);
    assert_eq!((lanes.events(), lanes.bytes()), (4, 40));
    disk[10..].iter().for_each(|event| lanes.push(event.clone(), true));
    assert_eq!(lanes.events(), 5, "of the long lane nothing more, of the other its own");
    let mut order = Vec::new();
    while !lanes.is_empty() {
        let taken = take(&mut lanes, LIMITS);
        order.extend(ids(&taken));
        settle_all(&mut lanes, &taken);
        if let Some(begins) = lanes.refill_from() {
            let after = begins - 1;
            let page: Vec<_> = disk.iter().filter(|event| event.id > after).take(3).cloned().collect();
            let through = page.last().map_or(20, |event| event.id);
            lanes.refill(Page { events: page, after, through }, 20);
        }
    }
    let (of_b, of_a): (Vec<_>, Vec<_>) = order.into_iter().partition(|id| *id == 18);
    assert_eq!(of_b, [18]);
    assert_eq!(of_a, (1..=20).filter(|id| *id != 18).collect::<Vec<_>>());
    assert_eq!((lanes.events(), lanes.bytes()), (0, 0));
}

#[test]
fn a_refused_lane_waits_until_every_other_one_was_tried() {
    let mut lanes = lanes_of(&["a", "a", "b", "c"]);
    for round in 0..2 {
        for id in [1, 3, 4] {
            let mut taken = take(&mut lanes, ONE);
            assert_eq!(ids(&taken), [id], "round {round}");
            lanes.refused(taken.remove(0), AwsError::new("Odd", ""), true);
        }
        assert!(take(&mut lanes, ONE).is_empty());
        lanes.next_round();
    }
    assert_eq!(lanes.stuck(), None, "the destination takes nobody's");
}

#[test]
fn a_refused_event_is_stuck_with_what_waits_behind_it_until_it_is_taken_out() {
    let now = Instant::now();
    let fault = AwsError::new("SerializationException", "odd");
    let mut lanes = lanes_of(&["a", "a", "a", "b"]);
    for refusal in 1..=2 {
        let taken = take(&mut lanes, ONE).remove(0);
        assert_eq!(taken.event.id, 1);
        assert_eq!(lanes.was_refused_with(&taken, &fault.code), refusal == 2);
        lanes.refused(taken, fault.clone(), true);
        if refusal == 1 {
            let other = take(&mut lanes, ONE);
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
    assert!(take(&mut lanes, ONE).is_empty(), "what is behind it waits until it is settled");
    settle_all(&mut lanes, &taken);
    assert_eq!((ids(&take(&mut lanes, ONE)), lanes.stuck()), (vec![2], None));
}

#[test]
fn a_key_waits_for_its_order_only_behind_an_event_in_flight() {
    let mut lanes = Lanes::default();
    for id in 1..=3 {
        lanes.push(event(id, "a", 1), true);
    }
    assert_eq!(lanes.waiting(), (None, 0));
    let taken = take(&mut lanes, LIMITS).remove(0);
    assert_eq!(lanes.waiting(), (Some("a".into()), 1));
    lanes.refused(taken, AwsError::new("Odd", ""), true);
    assert_eq!(lanes.waiting(), (None, 0), "it is refused, and no order explains that");
}

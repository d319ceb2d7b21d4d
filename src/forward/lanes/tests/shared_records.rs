//! Lanes whose events share records, and the property that holds for all lanes.

use proptest::prelude::*;

use super::*;
use crate::{event::Aggregation, forward::batch::Sharing};

/// Five keys. The first three are of one bucket.
fn in_one_bucket() -> Vec<String> {
    let all = || (0..).map(|n: u32| n.to_string());
    let first = Bucket::of("0");
    let of_it = all().filter(|key| Bucket::of(key) == first).take(3);
    of_it.chain(all().filter(|key| Bucket::of(key) != first).take(2)).collect()
}

const SHARING: BatchLimits = BatchLimits {
    bytes_max: 10_000,
    sharing: Some(Sharing { aggregation: Aggregation::Lines, bytes_max: 200 }),
    ..LIMITS
};

fn by_bucket() -> Lanes {
    let mut lanes = Lanes::default();
    lanes.set_by_bucket(true);
    lanes
}

/// The ids of the events of each record.
fn records(batch: &Batch) -> Vec<Vec<EventId>> {
    let mut ids = batch.events.iter().map(|one| one.event.id);
    batch.records.iter().map(|record| ids.by_ref().take(record.events).collect()).collect()
}

#[test]
fn waiting_events_of_one_bucket_share_a_record_in_order() {
    let keys = in_one_bucket();
    let mut lanes = by_bucket();
    for (id, key) in [(1, 0), (2, 1), (3, 0), (4, 3), (5, 4), (6, 0)] {
        lanes.push(event(id, &keys[key], 10), true);
    }
    let batch = lanes.take_batch(SHARING);
    assert_eq!(records(&batch), [vec![1, 3, 6, 2], vec![4], vec![5]]);
    assert_eq!(batch.records[0].bucket, Some(Bucket::of(&keys[0])));
    lanes.push(event(7, &keys[0], 10), true);
    lanes.push(event(8, &keys[2], 10), true);
    assert_eq!(records(&lanes.take_batch(SHARING)), [[8]], "the first key is out");
    for (back, one) in batch.events.iter().take(3).enumerate() {
        assert!(!lanes.has_ready(), "after {back} of three");
        lanes.settled(one);
    }
    assert_eq!(records(&lanes.take_batch(SHARING)), [[7]]);
}

#[test]
fn a_record_stays_within_its_size_and_what_is_larger_goes_alone() {
    let keys = in_one_bucket();
    let mut lanes = by_bucket();
    for (id, bytes) in [(1, 90), (2, 90), (3, 90), (4, 900), (5, 10)] {
        lanes.push(event(id, &keys[0], bytes), true);
    }
    for expected in [vec![1, 2], vec![3], vec![4], vec![5]] {
        let batch = lanes.take_batch(SHARING);
        assert_eq!(records(&batch), [expected]);
        settle_all(&mut lanes, &batch.events);
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
            let batch = lanes.take_batch(BatchLimits { records_max: 1, ..SHARING });
            if batch.is_empty() {
                break;
            }
            let ids: Vec<_> = batch.events.iter().map(|one| one.event.id).collect();
            if ids == [bad] {
                failed.extend(ids);
                settle_all(&mut lanes, &batch.events);
            } else if ids.contains(&bad) {
                lanes.bisect(batch);
            } else {
                delivered.extend(ids);
                settle_all(&mut lanes, &batch.events);
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
fn after_a_refusal_that_it_may_have_caused_a_record_is_put_in_halves_alone() {
    let keys = in_one_bucket();
    let mut lanes = by_bucket();
    for id in 1..=4 {
        lanes.push(event(id, &keys[0], 1), true);
    }
    let batch = lanes.take_batch(SHARING);
    for one in batch.events.into_iter().rev() {
        lanes.refused(one, AwsError::new("Odd", ""), true);
    }
    lanes.push(event(5, &keys[1], 1), true);
    lanes.push(event(6, &keys[0], 1), true);
    lanes.push(event(7, &keys[0], 1), true);
    lanes.next_round();
    for expected in [vec![1, 2], vec![3, 4], vec![5, 6, 7]] {
        let batch = lanes.take_batch(SHARING);
        assert_eq!(records(&batch), [expected]);
        settle_all(&mut lanes, &batch.events);
    }
}

#[test]
fn events_that_were_refused_together_are_put_alone_once_no_events_share_records() {
    let keys = in_one_bucket();
    let mut lanes = by_bucket();
    for id in 1..=4 {
        lanes.push(event(id, &keys[usize::try_from(id % 2).expect("few")], 1), true);
    }
    let batch = lanes.take_batch(SHARING);
    assert_eq!(batch.records.len(), 1);
    lanes.bisect(batch);
    let alone = BatchLimits { sharing: None, ..SHARING };
    let mut seen = Vec::new();
    while lanes.has_ready() {
        let batch = lanes.take_batch(alone);
        assert!(batch.records.iter().all(|record| record.events == 1));
        seen.extend(ids(&batch.events));
        settle_all(&mut lanes, &batch.events);
    }
    assert_eq!(seen, [1, 2, 3, 4]);
}

proptest! {
    /// Whatever fails, backs off, is refused with others, is dropped from memory or comes in between: all events are settled,
    /// each once, and each after the earlier ones of its key if order was kept when it came.
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
        let sharing = record_bytes_max
            .map(|bytes_max| Sharing { aggregation: Aggregation::Lines, bytes_max });
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
            lanes.pool.check();
            let after = lanes.refill_from().map_or(cursor, |begins| begins - 1);
            // A settlement is on disk a little later.
            let written = &settled[..settled.len().saturating_sub(lag)];
            let waiting = disk.iter().filter(|event| event.id > after && !written.contains(&event.id));
            let read: Vec<_> = waiting.take(page).cloned().collect();
            let end = EventId::try_from(disk.len()).expect("few");
            let through = if read.len() < page { end } else { read[page - 1].id };
            if lanes.refill_from().is_some() {
                lanes.refill(Page { events: read, after, through }, cursor);
            } else {
                for event in read {
                    let ordered = ordered[at(event.id)];
                    lanes.push(event, ordered);
                }
                cursor = through;
            }
            lanes.wake(now);
            let batch = lanes.take_batch(BatchLimits { records_max, sharing, ..LIMITS });
            if batch.is_empty() && lanes.is_empty() && cursor == end {
                break;
            }
            if batch.is_empty() {
                lanes.next_round();
            }
            let mut refused = Batch::default();
            let has_others = batch.records.len() > 1;
            let mut events = batch.events.into_iter();
            for planned in batch.records {
                let record: Vec<_> = events.by_ref().take(planned.events).collect();
                let back = |record: Vec<TakenEvent>| record.into_iter().rev();
                match fates.next().unwrap_or(0) {
                    1 => back(record).for_each(|one| lanes.back_off(one, |_| now)),
                    2 if has_others => refused.push(planned, record),
                    2 if planned.events > 1 => {
                        lanes.bisect(Batch { events: record, records: vec![planned] });
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
                            lanes.end_bisection();
                        } else if fate > 3 {
                            lanes.trim_long_lanes(usize::from(fate), usize::MAX);
                        }
                        for one in record {
                            settled.push(one.event.id);
                            lanes.settled(&one);
                        }
                    }
                }
            }
            if !refused.is_empty() {
                lanes.bisect(refused);
            }
            if let Some(is_by_bucket) = switches.next() {
                lanes.set_by_bucket(is_by_bucket);
            }
        }
        let mut all = settled.clone();
        all.sort_unstable();
        prop_assert_eq!(all, (1..=EventId::try_from(keys.len()).expect("few")).collect::<Vec<_>>());
        for (place, id) in settled.iter().enumerate().filter(|(_, id)| ordered[at(**id)]) {
            let earlier = |other: &&EventId| **other < *id && keys[at(**other)] == keys[at(*id)];
            prop_assert!(settled[place..].iter().find(earlier).is_none(), "{id} overtook: {settled:?}");
        }
        prop_assert_eq!((lanes.events(), lanes.bytes(), lanes.pool.bytes_in_flight, lanes.stuck()), (0, 0, 0, None));
    }
}

//! What one put takes: events, and which of them share a record. Pure.

use std::collections::BTreeSet;

use super::lanes::Slot;
use crate::{
    delivery::{EventId, PlaceInRecord},
    event::{Aggregation, Bucket},
    spool::QueuedEvent,
};

/// An event taken out of its lane to be put.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) slot: Slot,
    /// Its lane is its key's, so it is put in order.
    pub(super) is_in_order: bool,
    pub(super) event: QueuedEvent,
}

/// A record of a put.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parcel {
    /// How many events it holds.
    pub(super) events: usize,
    /// That of its keys, while events are aggregated: the record names its hash key.
    pub(super) bucket: Option<Bucket>,
    /// Data and key as they are stored; before it was put, at most so many.
    pub(super) bytes: usize,
}

impl Parcel {
    /// The place of one of its events, from 0 on; `None`: it has no other.
    pub(super) fn place(self, at: usize) -> Option<PlaceInRecord> {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        (self.events > 1).then(|| PlaceInRecord { at: number(at + 1), of: number(self.events) })
    }
}

/// The records of a put. Their events follow each other; events of one lane stand together, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    pub(super) events: Vec<Taken>,
    pub(super) records: Vec<Parcel>,
}

impl Load {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds a record.
    pub(super) fn push(&mut self, parcel: Parcel, events: impl IntoIterator<Item = Taken>) {
        self.records.push(parcel);
        self.events.extend(events);
    }

    /// Keeps the first `records` ones; gives the others.
    pub(super) fn split_off(&mut self, records: usize) -> Self {
        let events = self.records[..records].iter().map(|parcel| parcel.events).sum();
        Self { records: self.records.split_off(records), events: self.events.split_off(events) }
    }

    /// Where the one record that this is can be cut in two, so that no lane is in both: as near the middle as may be.
    /// `None`: all its events are of one lane.
    pub(super) fn middle(&self) -> Option<usize> {
        let is_edge = |at: &usize| self.events[at - 1].slot != self.events[*at].slot;
        let middle = self.events.len() / 2;
        (1..self.events.len()).filter(is_edge).min_by_key(|at| at.abs_diff(middle))
    }
}

/// How events are put together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Together {
    /// Not [`Aggregation::None`].
    pub(super) aggregation: Aggregation,
    /// Of a record: data and partition key.
    pub(super) bytes_max: usize,
}

/// Lanes whose head may be put, by the bucket of their key.
#[derive(Debug)]
pub(super) struct Buckets {
    ready: Vec<BTreeSet<(EventId, Slot)>>,
    used: usize,
}

impl Buckets {
    pub(super) fn new() -> Self {
        Self { ready: vec![BTreeSet::new(); Bucket::COUNT], used: 0 }
    }

    /// How many have a lane.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// The lanes of a bucket, by their heads, the oldest first.
    pub(super) fn of(&self, bucket: Bucket) -> impl Iterator<Item = Slot> {
        self.ready[bucket.index()].iter().map(|(_, slot)| *slot)
    }

    pub(super) fn insert(&mut self, bucket: Bucket, head: EventId, slot: Slot) {
        let lanes = &mut self.ready[bucket.index()];
        self.used += usize::from(lanes.is_empty());
        lanes.insert((head, slot));
    }

    pub(super) fn remove(&mut self, bucket: Bucket, head: EventId, slot: Slot) {
        let lanes = &mut self.ready[bucket.index()];
        if lanes.remove(&(head, slot)) {
            self.used -= usize::from(lanes.is_empty());
        }
    }
}

//! The lanes whose head may be put now, by that head and, while events share records, by bucket. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{delivery::EventId, event::Bucket, forward::batch::LaneId};

/// The ready lanes. The lane with the oldest head comes first.
#[derive(Debug, Default)]
pub(super) struct ReadyLanes {
    by_head: BTreeMap<EventId, LaneId>,
    /// While events share records.
    by_bucket: Option<Buckets>,
}

impl ReadyLanes {
    pub(super) fn len(&self) -> usize {
        self.by_head.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_head.is_empty()
    }

    pub(super) fn is_by_bucket(&self) -> bool {
        self.by_bucket.is_some()
    }

    pub(super) fn first(&self) -> Option<LaneId> {
        self.by_head.first_key_value().map(|(_, lane)| *lane)
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = (EventId, LaneId)> {
        self.by_head.iter().map(|(head, lane)| (*head, *lane))
    }

    /// Number of buckets with a ready lane; `None`: not by bucket.
    pub(super) fn buckets_used(&self) -> Option<usize> {
        self.by_bucket.as_ref().map(|buckets| buckets.used)
    }

    /// The ready lanes of a bucket, the oldest head first.
    pub(super) fn of_bucket(&self, bucket: Bucket) -> impl Iterator<Item = LaneId> {
        let lanes = self.by_bucket.iter().flat_map(move |buckets| &buckets.lanes[bucket.index()]);
        lanes.map(|(_, lane)| *lane)
    }

    /// Adds a lane by its head. `bucket` must be given while the index is by bucket.
    pub(super) fn insert(&mut self, head: EventId, lane: LaneId, bucket: Option<Bucket>) {
        self.by_head.insert(head, lane);
        if let (Some(buckets), Some(bucket)) = (&mut self.by_bucket, bucket) {
            buckets.insert(bucket, head, lane);
        }
    }

    pub(super) fn remove(&mut self, head: EventId, lane: LaneId, bucket: Option<Bucket>) {
        self.by_head.remove(&head);
        if let (Some(buckets), Some(bucket)) = (&mut self.by_bucket, bucket) {
            buckets.remove(bucket, head, lane);
        }
    }

    /// Starts or ends the index by bucket. The returned lanes are out of the index and must be inserted again.
    pub(super) fn set_by_bucket(&mut self, is_by_bucket: bool) -> impl Iterator<Item = LaneId> + use<> {
        self.by_bucket = is_by_bucket.then(Buckets::new);
        std::mem::take(&mut self.by_head).into_values()
    }
}

/// The ready lanes of each bucket, by their heads.
#[derive(Debug)]
struct Buckets {
    lanes: Vec<BTreeSet<(EventId, LaneId)>>,
    /// Number of buckets with a lane.
    used: usize,
}

impl Buckets {
    fn new() -> Self {
        Self { lanes: vec![BTreeSet::new(); Bucket::COUNT], used: 0 }
    }

    fn insert(&mut self, bucket: Bucket, head: EventId, lane: LaneId) {
        let lanes = &mut self.lanes[bucket.index()];
        self.used += usize::from(lanes.is_empty());
        lanes.insert((head, lane));
    }

    fn remove(&mut self, bucket: Bucket, head: EventId, lane: LaneId) {
        let lanes = &mut self.lanes[bucket.index()];
        if lanes.remove(&(head, lane)) {
            self.used -= usize::from(lanes.is_empty());
        }
    }
}

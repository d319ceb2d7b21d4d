//! Cuts a batch: which heads of ready lanes go into the next put, and which of them share a record. Pure.
//!
//! 1. Lanes are taken by their heads, the oldest event first.
//! 2. A record has the events of one bucket. Those of one lane stand together in it, in order.
//! 3. An event that may be at fault, or that is larger than other records may be, has a request of its own.
//! 4. A batch stays within its limits, unless its only record exceeds them.

use super::pool::LanePool;
use crate::{
    event::{Aggregation, Bucket, RecordSize},
    forward::batch::{Batch, BatchLimits, LaneId, PlannedRecord, Sharing, TakenEvent},
};

/// Takes the heads of ready lanes, as many as one put may hold. Empty: no lane is ready.
pub(super) fn cut(pool: &mut LanePool, limits: BatchLimits) -> Batch {
    let events = Vec::with_capacity(limits.records_max.min(pool.ready.len()));
    let mut cut = Cut { pool, limits, events };
    let mut records = Vec::new();
    let mut bytes = 0;
    while records.len() < limits.records_max {
        let Some(id) = cut.pool.ready.first() else { break };
        let lane = &cut.pool.lanes[id];
        let Some(head) = lane.waiting.front() else { break };
        let size = limits.size_of(head);
        let is_alone = lane.needs_own_request() || size > limits.shared_request_bytes_max;
        if !records.is_empty() && (bytes + size > limits.bytes_max || is_alone) {
            break;
        }
        let bucket = lane.bucket.filter(|_| cut.pool.ready.is_by_bucket());
        let sharing = limits.sharing.filter(|_| lane.may_share_record() && !is_alone);
        let before = cut.events.len();
        let size = match bucket.zip(sharing) {
            Some((bucket, sharing)) => {
                let bytes_max = sharing.bytes_max.min(limits.bytes_max.saturating_sub(bytes));
                cut.take_shared_record(bucket, Sharing { bytes_max, ..sharing })
            }
            None => cut.take_own_record(id),
        };
        bytes += size;
        records.push(PlannedRecord { events: cut.events.len() - before, bucket, bytes: size });
        if is_alone {
            break;
        }
    }
    Batch { events: cut.events, records }
}

struct Cut<'p> {
    pool: &'p mut LanePool,
    limits: BatchLimits,
    events: Vec<TakenEvent>,
}

impl Cut<'_> {
    /// Takes the events of one record from the lanes of its bucket, and returns the record's size.
    fn take_shared_record(&mut self, bucket: Bucket, sharing: Sharing) -> usize {
        let encoding = self.limits.encoding;
        let before = self.events.len();
        let mut shared_size = RecordSize::new(sharing.aggregation);
        let mut size = shared_size;
        loop {
            let may_share = |id: &LaneId| self.pool.lanes[*id].may_share_record();
            let next = self.pool.ready.of_bucket(bucket).find(may_share);
            let Some(id) = next else { break };
            let mut key = self.pool.lanes[id].waiting.front().map(|head| head.key.clone());
            while let Some(next) = self.pool.lanes[id].waiting.front() {
                let count = self.events.len() - before;
                let with_next = shared_size.with(encoding.encoded_len(next.json.len()), key.as_deref());
                let is_full = with_next.bytes() > sharing.bytes_max;
                if count > 0 && (is_full || count == Aggregation::EVENTS_MAX) {
                    return size.bytes();
                }
                let own_size = self.limits.size_of(next);
                self.pool.take_head(id, &mut self.events);
                (shared_size, key) = (with_next, None);
                // A single event is a plain record.
                size = if count == 0 { RecordSize::of_one(own_size) } else { with_next };
                if count == 0 && is_full {
                    return own_size;
                }
            }
        }
        size.bytes()
    }

    /// Takes the head of a lane, or its next part of a search, as one record, and returns the record's size.
    fn take_own_record(&mut self, id: LaneId) -> usize {
        let Self { pool, limits, events } = self;
        let lane = &mut pool.lanes[id];
        let wanted = lane.bisection.parts.pop().unwrap_or(1);
        // The other events of the part may be on disk only, and during a pause one event is put.
        let max = if limits.sharing.is_some() { lane.waiting.len() } else { 1 };
        let count = wanted.min(max).max(1);
        if wanted > count {
            lane.bisection.parts.push(wanted - count);
        }
        lane.bisection.is_in_flight = !lane.bisection.parts.is_empty() || wanted > 1;
        let heads = lane.waiting.iter().take(count);
        let size = match limits.sharing.filter(|_| count > 1) {
            Some(sharing) => heads.fold(RecordSize::new(sharing.aggregation), |size, event| {
                size.with(limits.encoding.encoded_len(event.json.len()), Some(&event.key))
            }),
            None => RecordSize::of_one(heads.map(|event| limits.size_of(event)).sum()),
        };
        for _ in 0..count {
            pool.take_head(id, events);
        }
        size.bytes()
    }
}

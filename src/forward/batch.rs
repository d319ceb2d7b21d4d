//! The records of one put, and the events in each. Pure.

use crate::{
    delivery::PlaceInRecord,
    event::{Aggregation, Bucket, Encoding},
    spool::QueuedEvent,
};

/// The number of a lane: the queue of one partition key, or of one event where order is not kept.
pub(super) type LaneId = usize;

/// An event that was taken out of its lane to be put.
#[derive(Clone, Debug)]
pub(super) struct TakenEvent {
    pub(super) lane: LaneId,
    /// Its lane is the one of its key: it is put in order.
    pub(super) is_in_order: bool,
    pub(super) event: QueuedEvent,
}

/// A record of a put.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedRecord {
    /// Number of events in it.
    pub(super) events: usize,
    /// The bucket of its keys while events are aggregated: the record names the bucket's hash key.
    pub(super) bucket: Option<Bucket>,
    /// Data and key as stored; an upper limit until the record is encoded.
    pub(super) bytes: usize,
}

impl PlannedRecord {
    /// The place of the event with the index `at`. `None`: the record has no other event.
    pub(super) fn place(self, at: usize) -> Option<PlaceInRecord> {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        (self.events > 1).then(|| PlaceInRecord { at: number(at + 1), of: number(self.events) })
    }
}

/// The records of a put, and their events in the same order. Events of one lane stand together, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) events: Vec<TakenEvent>,
    pub(super) records: Vec<PlannedRecord>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn push(&mut self, record: PlannedRecord, events: impl IntoIterator<Item = TakenEvent>) {
        self.records.push(record);
        self.events.extend(events);
    }

    /// Keeps the first `records` records and returns the others.
    pub(super) fn split_off(&mut self, records: usize) -> Self {
        let events = self.records[..records].iter().map(|record| record.events).sum();
        Self { records: self.records.split_off(records), events: self.events.split_off(events) }
    }
}

/// How events share records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sharing {
    /// Not [`Aggregation::None`].
    pub(super) aggregation: Aggregation,
    /// Maximum data and partition key of a record.
    pub(super) bytes_max: usize,
}

/// What one put may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchLimits {
    pub(super) records_max: usize,
    pub(super) bytes_max: usize,
    /// A larger record is put alone: the stream may refuse it, and would refuse the whole request.
    pub(super) shared_request_bytes_max: usize,
    pub(super) encoding: Encoding,
    /// `None`: each event has a record of its own.
    pub(super) sharing: Option<Sharing>,
}

impl BatchLimits {
    /// Data and key of a record with this event alone.
    pub(super) fn size_of(&self, event: &QueuedEvent) -> usize {
        self.encoding.encoded_len(event.json.len()) + event.key.len()
    }
}

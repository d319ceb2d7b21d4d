//! The sums over all events and puts.

use serde::{Deserialize, Serialize};

/// Counts of events. At every moment `accepted = delivered + queued + failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Events whose sender was told 200, and replayed events.
    pub accepted: u64,
    /// Events that the stream confirmed.
    pub delivered: u64,
    /// Events in the spool that are not settled.
    pub queued: u64,
    /// Events that the destination will never take.
    pub failed: u64,
    /// Delivered events that the user queued once more: accepted events that no sender sent.
    pub replayed: u64,
    /// Failed events that the user queued once more: they left `failed`, and are `queued` or `delivered` now.
    pub resent: u64,
    /// Refused by the endpoint; not part of the sum.
    pub rejected: u64,
    /// Rejected events that never got a line in the log, because too many came at once.
    pub rejected_unkept: u64,
    /// Events put again after a put without a clear answer: at most this many records may be in the stream twice.
    pub repeats_possible: u64,
    /// JSON bytes of queued and failed events: `spool.max_bytes` limits them.
    pub queued_bytes: u64,
}

impl Ledger {
    /// Whether `accepted = delivered + queued + failed`.
    pub fn adds_up(&self) -> bool {
        self.accepted == self.delivered + self.queued + self.failed
    }
}

/// Sums over delivered records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Puts {
    /// Records.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// PUT payload units of these records.
    pub payload_units: u64,
    /// PUT payload units with one event in each record, to compare with.
    pub payload_units_alone: u64,
}

impl Puts {
    /// Bytes of a PUT payload unit, by which AWS bills in provisioned mode: data and key of a record
    /// (<https://aws.amazon.com/kinesis/data-streams/pricing/>).
    const PAYLOAD_UNIT_BYTES: usize = 25 * 1024;

    /// Adds other sums.
    pub fn add(&mut self, more: &Self) {
        self.records += more.records;
        self.events += more.events;
        self.payload_units += more.payload_units;
        self.payload_units_alone += more.payload_units_alone;
    }

    /// The PUT payload units of a record with `bytes` bytes of data and partition key.
    pub fn payload_units(bytes: usize) -> u64 {
        bytes.div_ceil(Self::PAYLOAD_UNIT_BYTES).max(1) as u64
    }
}

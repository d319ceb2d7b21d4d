//! What the forwarder takes from the spool and gives back.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    delivery::{AwsError, EventId, Millis, Receipt},
    event::Encoding,
};

/// An event that waits to be put.
#[derive(Clone, Debug)]
pub struct QueuedEvent {
    /// Its place in the spool.
    pub id: EventId,
    /// Its record's partition key.
    pub key: Arc<str>,
    /// Its JSON.
    pub json: Bytes,
    /// Puts already made, those of an earlier run included.
    pub attempts: u32,
}

/// A stretch of the queue.
#[derive(Debug, Default)]
pub struct Next {
    /// The queued events in it.
    pub events: Vec<QueuedEvent>,
    /// Queued events whose payload the disk no longer has as it was accepted: they can never be put.
    pub damaged: Vec<EventId>,
    /// No other event up to here is queued: read on after this one.
    pub through: EventId,
}

/// How the delivery of an event ended.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Which event.
    pub id: EventId,
    /// Bytes of its JSON.
    pub bytes: usize,
    /// When the answer arrived.
    pub at: Millis,
    /// Puts made in all.
    pub attempts: u32,
    /// How long the last put took.
    pub took_ms: u32,
    /// How the record's bytes were encoded.
    pub encoding: Encoding,
    /// A receipt, or why the destination will never take the event.
    pub result: Result<Receipt, AwsError>,
}

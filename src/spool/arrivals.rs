//! What a request brings to the spool, and why it may be refused.

use std::sync::Arc;

use crate::{
    delivery::{AwsError, Millis},
    event::{Event, Kind, PartitionKey},
};

/// Bytes of a rejected line in addition to its excerpt.
pub(super) const REJECTED_LINE_BYTES: u64 = 512;

/// The events of one request, in order.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// The name of the source that sent them.
    pub source: Arc<str>,
    /// When the request had been read.
    pub received_at: Millis,
    /// Accepted once they are on disk.
    pub events: Vec<Event>,
    /// Rejected events that may become lines of the log.
    pub rejected: Vec<Rejected>,
    /// Rejected events that are only counted (see [`super::LinesOfRequest`]): how many, by the code of the rejection.
    pub counted: Vec<(&'static str, u64)>,
}

impl Arrivals {
    /// How many events were rejected.
    pub fn rejected_count(&self) -> u64 {
        self.rejected.len() as u64 + self.counted.iter().map(|(_, count)| count).sum::<u64>()
    }

    /// JSON bytes of the accepted events.
    pub(crate) fn accepted_bytes(&self) -> u64 {
        self.events.iter().map(|event| event.json.len() as u64).sum()
    }

    /// Bytes of the lines that the rejected events may become.
    pub(super) fn rejected_bytes(&self) -> u64 {
        self.rejected.iter().map(|one| one.excerpt.len() as u64 + REJECTED_LINE_BYTES).sum()
    }
}

/// A rejected event, for the log.
#[derive(Debug)]
pub struct Rejected {
    /// Its kind, if it could be read.
    pub kind: Option<Kind>,
    /// Its `messageId`, if it has one.
    pub message_id: Option<String>,
    /// The user whose event it is, if an id could be read; stored in the column of the partition key.
    pub user: Option<PartitionKey>,
    /// Why it was rejected.
    pub fault: AwsError,
    /// Its name, if it has one.
    pub name: Option<Box<str>>,
    /// The beginning of what was sent.
    pub excerpt: Vec<u8>,
    /// Bytes of what was sent.
    pub bytes: u32,
}

/// Why events were not taken. Their sender keeps them and sends them again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// `spool.max_bytes` is reached, the disk has too little free space, or it cannot keep up.
    #[error("the spool is full: {0}")]
    Full(Arc<str>),
    /// The source holds all that `spool.max_source_percent` allows; other sources have room.
    #[error("this source's share of the spool is full: {0}")]
    SourceFull(Arc<str>),
    /// A write or sync failed.
    #[error("the spool could not write to disk: {0}")]
    Disk(Arc<str>),
    /// The engine is stopping.
    #[error("the spool is closed")]
    Closed,
}

impl AppendError {
    pub(super) fn disk_is_full() -> Self {
        Self::Full("its disk has no more than spool.min_free_bytes free".into())
    }
}

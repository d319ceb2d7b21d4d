//! Resends, adoptions and exports: what is asked for, and how far they are.

use serde::{Deserialize, Serialize};

use super::{
    line::{EventId, Millis},
    query::Query,
};

/// Which events to queue once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResendSelection {
    /// These lines of the log: failed events are resent, delivered ones replayed, others passed over.
    Lines(Vec<EventId>),
    /// The failed and delivered lines that match, oldest first; only failed ones if the query names no state. The query's
    /// order and limit are ignored. A replay is passed over while the log still has its delivered original.
    Fitting(Box<Query>),
}

/// What was, or would be, queued once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resent {
    /// Failed events, now queued instead of failed.
    pub failed: u64,
    /// Delivered events, each accepted and delivered once more.
    pub replayed: u64,
    /// JSON bytes of all of them.
    pub bytes: u64,
    /// Requested lines that cannot be resent: queued, rejected, resent before, or not in the log.
    pub passed_over: u64,
    /// Lines whose payload is damaged on disk: it is no longer what was sent, so it is not resent.
    pub damaged: u64,
}

impl Resent {
    /// Number of events queued once more.
    pub fn events(&self) -> u64 {
        self.failed + self.replayed
    }

    /// Adds the counts of another part of the log.
    pub fn add(&mut self, other: &Self) {
        self.failed += other.failed;
        self.replayed += other.replayed;
        self.bytes += other.bytes;
        self.passed_over += other.passed_over;
        self.damaged += other.damaged;
    }
}

/// How far an adoption is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Adopting {
    /// The events of the other folder are read and compared with their checksums; so many are done.
    Checking(u64),
    /// Events are taken.
    Taking {
        /// How many, those of earlier runs not counted.
        done: u64,
        /// How many there are to take.
        of: u64,
    },
}

/// The events that were, or would be, taken from another data folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// Waiting events.
    pub queued: u64,
    /// Failed events; they stay failed.
    pub failed: u64,
    /// The JSON bytes of both.
    pub bytes: u64,
    /// Events whose payload is damaged on disk. They are not taken.
    pub damaged: u64,
    /// When the oldest of them was received.
    pub oldest: Option<Millis>,
    /// Events that earlier runs of the same adoption took.
    pub before: u64,
}

impl Taken {
    /// Number of events.
    pub fn events(&self) -> u64 {
        self.queued + self.failed
    }
}

/// What was written of the log to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// Lines of the log.
    pub lines: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The part of the log that has been searched, 0 to 1. Below 1 at the end: the export was stopped, and no file is left.
    pub done: f32,
}

//! The answer to a put: where the record was stored, or what went wrong.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Why a record was not stored, an event not delivered or accepted, or a call not carried out: as AWS or the endpoint says
/// it, or in our words if neither was asked. Holds no secret and no payload, so that it may be logged, stored and shown.
/// `remedy` says what it means.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AwsError {
    /// AWS's code (`AccessDeniedException`), one of [`error_code`](super::error_code), an `EndpointCode`'s, or `Http` and
    /// the status of an answer that has none. Decisions are made by it.
    pub code: Arc<str>,
    /// For people, and for `remedy` where a code has several causes; may be empty.
    pub message: Arc<str>,
}

impl AwsError {
    /// An error with this code and message.
    pub fn new(code: impl Into<Arc<str>>, message: impl Into<Arc<str>>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            f.write_str(&self.code)
        } else {
            write!(f, "{}: {}", self.code, self.message)
        }
    }
}

/// The answer to one record of a put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Stored: the stream named the shard and the sequence number.
    Delivered(Receipt),
    /// The stream throttles: put this key again later.
    Throttled(AwsError),
    /// No usable answer, or the service fails: put the same again later. The record may have been stored.
    Offline(AwsError),
    /// No record gets through until the user acts: credentials, permission, stream or region.
    Blocked(AwsError),
    /// The destination will never take this record. It takes others.
    Refused(AwsError),
}

impl Outcome {
    /// The error, unless the record was delivered.
    pub fn fault(&self) -> Option<&AwsError> {
        match self {
            Self::Delivered(_) => None,
            Self::Throttled(fault) | Self::Offline(fault) | Self::Blocked(fault) | Self::Refused(fault) => {
                Some(fault)
            }
        }
    }
}

/// Where Kinesis stored a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The shard, such as `shardId-000000000001`.
    pub shard_id: Arc<str>,
    /// A decimal number with more than 128 bits; it rises within a shard.
    pub sequence_number: Arc<str>,
    /// The event's place, if the record holds several events.
    pub place: Option<PlaceInRecord>,
}

/// An event's place in a record that holds several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceInRecord {
    /// Counted from 1.
    pub at: u32,
    /// Number of events in the record.
    pub of: u32,
}

//! A record on its way, and the stream that it is for.

use std::borrow::Cow;

use crate::{
    aws::Arn,
    event::{Encoding, RecordData},
};

/// Maximum bytes of a `PutRecords` call, partition keys included. AWS allows 10 MiB; until 2025 it was 5 MiB, and
/// compatible servers still refuse more.
pub const BATCH_BYTES_MAX: usize = 5 << 20;

/// Maximum bytes of a record, data and partition key together, unless the stream is configured for more.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// A record to put.
#[derive(Clone, Debug)]
pub struct Outgoing<'r> {
    /// Its partition key: 1 to 256 characters.
    pub key: Cow<'r, str>,
    /// The hash key that decides its shard in place of the hash of its partition key.
    pub hash_key: Option<u128>,
    /// Its content, not yet encoded.
    pub data: RecordData<'r>,
}

impl<'r> Outgoing<'r> {
    /// A record of one event.
    pub fn of(key: &'r str, json: &'r [u8]) -> Self {
        Self { key: key.into(), hash_key: None, data: RecordData::One(json) }
    }

    /// The bytes that the stream counts: data and partition key.
    pub fn bytes(&self, encoding: Encoding) -> usize {
        self.data.encoded_len(encoding) + self.key.len()
    }
}

/// The stream, as the user named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The SDK uses the region's usual host.
    Name(String),
    /// The SDK uses a host with the account id in it.
    Arn(String),
}

impl Target {
    /// What the settings mean by `stream`.
    pub(super) fn new(stream: &str) -> Self {
        if Arn::is_meant(stream) { Self::Arn(stream.to_owned()) } else { Self::Name(stream.to_owned()) }
    }

    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Arn(_) => None,
        }
    }

    pub(super) fn arn(&self) -> Option<String> {
        match self {
            Self::Name(_) => None,
            Self::Arn(arn) => Some(arn.clone()),
        }
    }
}

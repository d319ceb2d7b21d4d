//! Several events in one record: in the format of the Kinesis Producer Library (KPL), or as lines.
//!
//! A reader of the KPL's format, such as the KCL (amazon-kinesis-client, `AggregatorUtil`), takes the explicit hash key
//! of each user record, or without one the MD5 of its partition key. If the hash key of any user record is outside the
//! range of the shard that it reads, it drops the whole aggregated record without an error. So the events of one record
//! must belong to one shard, even if shards are split or merged after the put. And a consumer must get the events of a
//! partition key in their order. The invariants:
//!
//! 1. The range of hash keys (0 to 2^128 − 1) is cut into [`Bucket::COUNT`] equal buckets. A partition key belongs to
//!    the bucket that contains its MD5.
//! 2. All events of a record belong to one bucket.
//! 3. A record and every user record in it name the same explicit hash key: the first hash key of the bucket. A single
//!    hash key is always in exactly one shard, so no split or merge can part the events of a record.
//! 4. While events are aggregated, a record with one event names this explicit hash key too. So the events of a
//!    partition key are in one shard, whether they share a record or not.
//! 5. Events of a partition key stand in a record in the order in which they are passed in; nothing here reorders them.
//!    The forwarder has at most one record of a key in flight (`forward/lanes.rs`).
//! 6. [`RecordData::encoded_len`] is exactly the number of bytes that [`RecordData::encode_into`] writes.
//!    [`RecordSize`], which is updated event by event, is never less than that plus the partition key.
//! 7. A record has at most [`Aggregation::EVENTS_MAX`] events; [`parts`](super::parts) takes apart as many.

use super::kpl::{self, UserRecord};
use super::record::{Encoding, PartitionKey};

/// How events share records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregation {
    /// One event is one record.
    #[default]
    None,
    /// In the format of the Kinesis Producer Library.
    Kpl,
    /// Several lines in a record, with [`Encoding::JsonLines`] alone.
    Lines,
}

impl Aggregation {
    /// All variants, in the order in which faces list them.
    pub const ALL: [Self; 3] = [Self::None, Self::Kpl, Self::Lines];

    /// Maximum events of one record.
    pub const EVENTS_MAX: usize = 10_000;

    /// The word in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kpl => "kpl",
            Self::Lines => "lines",
        }
    }
}

/// A part of the range of hash keys. Events whose partition keys fall into the same bucket may share a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(u16);

impl Bucket {
    const BITS: u32 = 8;

    /// Number of buckets. With more buckets, fewer waiting events belong to the same one. With fewer, the shards of a
    /// large stream get unequal shares. Shards beyond this number stay empty.
    pub const COUNT: usize = 1 << Self::BITS;

    /// The bucket of a partition key.
    pub fn of(key: &str) -> Self {
        let top = PartitionKey::hash_of(key) >> (128 - Self::BITS);
        Self(u16::try_from(top).unwrap_or_default())
    }

    /// The bucket's number from 0, in the order of the hash keys.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The explicit hash key of its records.
    pub fn hash_key(self) -> u128 {
        u128::from(self.0) << (128 - Self::BITS)
    }

    /// The partition key of records with several events. It is the same for all records of a bucket, so that a consumer
    /// that reads the records of one partition key in order, as AWS Lambda does, gets those of the bucket in order.
    pub fn partition_key(self) -> String {
        format!("bucket-{:04}", self.0)
    }
}

/// What a record holds.
#[derive(Debug, Clone, Copy)]
pub enum RecordData<'r> {
    /// The JSON of one event.
    One(&'r [u8]),
    /// Events of one bucket, in the KPL's format.
    Kpl(Bucket, &'r [UserRecord<'r>]),
    /// Several events, one line each.
    Lines(&'r [UserRecord<'r>]),
}

/// Bytes of the partition key of a bucket.
const BUCKET_KEY_BYTES: usize = "bucket-0000".len();

/// An upper bound of a record's size in bytes while events are added: data and partition key, as the stream counts
/// them.
#[derive(Debug, Clone, Copy)]
pub struct RecordSize {
    aggregation: Aggregation,
    bytes: usize,
}

impl RecordSize {
    /// The size of a record without events.
    pub fn new(aggregation: Aggregation) -> Self {
        let bytes = match aggregation {
            Aggregation::Kpl => kpl::FRAME_BYTES_MAX + BUCKET_KEY_BYTES,
            Aggregation::None | Aggregation::Lines => BUCKET_KEY_BYTES,
        };
        Self { aggregation, bytes }
    }

    /// The size of a record with one event that does not share it: data and key.
    pub fn of_one(bytes: usize) -> Self {
        Self { aggregation: Aggregation::None, bytes }
    }

    /// The size with one more event. `data_len`: bytes of its data; `key`: its key, unless the previous event has the
    /// same one.
    #[must_use]
    pub fn with(self, data_len: usize, key: Option<&str>) -> Self {
        let more = match self.aggregation {
            Aggregation::Kpl => {
                let key_bytes = key.map_or(0, |key| key.len() + kpl::KEY_OVERHEAD_MAX);
                data_len + kpl::USER_RECORD_OVERHEAD_MAX + key_bytes
            }
            Aggregation::None | Aggregation::Lines => data_len,
        };
        Self { bytes: self.bytes + more, ..self }
    }

    /// Bytes of data and partition key.
    pub fn bytes(self) -> usize {
        self.bytes
    }
}

impl RecordData<'_> {
    /// How many bytes [`Self::encode_into`] appends.
    pub fn encoded_len(&self, encoding: Encoding) -> usize {
        match self {
            Self::One(json) => encoding.encoded_len(json.len()),
            Self::Kpl(bucket, events) => kpl::encoded_len(bucket.hash_key(), events, encoding),
            Self::Lines(events) => events.iter().map(|event| encoding.encoded_len(event.json.len())).sum(),
        }
    }

    /// Appends the record's data to `out`.
    pub fn encode_into(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match self {
            Self::One(json) => encoding.encode_into(json, out),
            Self::Kpl(bucket, events) => kpl::encode_into(bucket.hash_key(), events, encoding, out),
            Self::Lines(events) => events.iter().for_each(|event| encoding.encode_into(event.json, out)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_the_top_of_the_hash_and_their_hash_key_is_their_first_one() {
        // md5("a") = 0cc175b9c0f1b6a831c399e269772661: the eight highest bits are 0x0c.
        let bucket = Bucket::of("a");
        assert_eq!((bucket.index(), &*bucket.partition_key()), (12, "bucket-0012"));
        assert_eq!(bucket.hash_key(), 0x0c00_0000_0000_0000_0000_0000_0000_0000);
        for n in 0..10_000 {
            let key = n.to_string();
            let (bucket, hash) = (Bucket::of(&key), PartitionKey::hash_of(&key));
            assert!(bucket.index() < Bucket::COUNT);
            assert!(hash >= bucket.hash_key() && hash - bucket.hash_key() < 1 << 120, "{key}");
        }
    }
}

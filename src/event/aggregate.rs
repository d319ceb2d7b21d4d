//! Several events in one record: as the Kinesis Producer Library (KPL) aggregates them, or as lines.
//!
//! A reader of the KPL's format, such as the KCL (amazon-kinesis-client, `AggregatorUtil`), takes the explicit hash key of
//! each user record, else the MD5 of its partition key. At the first one outside the range of the shard that it reads, it
//! drops the whole aggregated record without an error. So the events of a record must never belong to two shards, whatever
//! is split or merged after the put. This is how:
//!
//! 1. The range of hash keys is cut into [`Bucket::COUNT`] equal buckets, and a partition key is of the bucket in which its
//!    MD5 lies.
//! 2. A record holds events of one bucket.
//! 3. Each record and each user record in it names the same explicit hash key: the first one of the bucket. One number is
//!    always in one shard.
//! 4. While events are aggregated, a record of one event names it too. So a key stays in one shard, alone and in company.

use md5::{Digest as _, Md5};

use super::{Encoding, PartitionKey};

/// How events are put together in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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
    /// Every way, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::None, Self::Kpl, Self::Lines];

    /// Events of one record, at most.
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

/// A part of the range of hash keys, whose partition keys may share a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(u16);

impl Bucket {
    const BITS: u32 = 8;

    /// How many there are. With many, few events that wait are of one bucket; with few, the shards of a large stream get unequal
    /// shares, and a stream of more shards than this leaves some empty.
    pub const COUNT: usize = 1 << Self::BITS;

    /// The bucket of a partition key.
    pub fn of(key: &str) -> Self {
        let top = PartitionKey::hash_of(key) >> (128 - Self::BITS);
        Self(u16::try_from(top).unwrap_or_default())
    }

    /// From 0 on, in the order of the hash keys.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The explicit hash key of its records.
    pub fn hash_key(self) -> u128 {
        u128::from(self.0) << (128 - Self::BITS)
    }

    /// The partition key of its records that hold several events. It is always the same one: who reads records of one
    /// partition key in order, as AWS Lambda does, has the aggregated ones of a bucket in order.
    pub fn partition_key(self) -> String {
        format!("bucket-{:04}", self.0)
    }
}

/// An event that shares a record.
#[derive(Debug, Clone, Copy)]
pub struct UserRecord<'r> {
    /// Its own partition key.
    pub key: &'r str,
    /// Its JSON, not yet encoded.
    pub json: &'r [u8],
}

/// What a record holds.
#[derive(Debug, Clone, Copy)]
pub enum RecordData<'r> {
    /// One event's JSON.
    One(&'r [u8]),
    /// Events of one bucket, in the KPL's format.
    Kpl(Bucket, &'r [UserRecord<'r>]),
    /// Events, one after another.
    Lines(&'r [UserRecord<'r>]),
}

/// `AggregatedRecord` is a protobuf message between this and its MD5 (the KPL's `aggregation-format.md`).
pub(super) const KPL_MAGIC: [u8; 4] = [0xF3, 0x89, 0x9A, 0xC2];
pub(super) const MD5_LEN: usize = 16;

/// Fields of `AggregatedRecord` and its `Record`: number and wire type.
mod tag {
    pub(super) const KEY_TABLE: u8 = 1 << 3 | 2;
    pub(super) const HASH_KEY_TABLE: u8 = 2 << 3 | 2;
    pub(super) const RECORDS: u8 = 3 << 3 | 2;
    pub(super) const KEY_INDEX: u8 = 1 << 3;
    pub(super) const HASH_KEY_INDEX: u8 = 2 << 3;
    pub(super) const DATA: u8 = 3 << 3 | 2;
}

/// What an aggregated record has besides its events, at most: magic, MD5, one explicit hash key of 39 digits, and its
/// partition key.
const FRAME_BYTES: usize = KPL_MAGIC.len() + MD5_LEN + 2 + 39 + "bucket-0000".len();

/// What a user record has besides its data, at most: three tags, a tag and an index of the hash key, and three numbers.
const USER_RECORD_BYTES: usize = 3 + 2 + 3 + 5 + 5;

/// What a key of the key table has besides its text, at most.
const KEY_BYTES: usize = 3;

/// How large a record becomes, while events are added: data and partition key, as the stream counts them; at most so much.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    aggregation: Aggregation,
    bytes: usize,
}

impl Size {
    /// Of a record without events.
    pub fn new(aggregation: Aggregation) -> Self {
        let bytes = match aggregation {
            Aggregation::Kpl => FRAME_BYTES,
            Aggregation::None | Aggregation::Lines => "bucket-0000".len(),
        };
        Self { aggregation, bytes }
    }

    /// Of a record that has one event: data and key.
    pub fn of_one(bytes: usize) -> Self {
        Self { aggregation: Aggregation::None, bytes }
    }

    /// With one more event, whose data alone would have so many bytes; `key`: and whose key is not the one before it.
    #[must_use]
    pub fn with(self, data_len: usize, key: Option<&str>) -> Self {
        let more = match self.aggregation {
            Aggregation::Kpl => data_len + USER_RECORD_BYTES + key.map_or(0, |key| key.len() + KEY_BYTES),
            Aggregation::None | Aggregation::Lines => data_len,
        };
        Self { bytes: self.bytes + more, ..self }
    }

    /// Bytes.
    pub fn bytes(self) -> usize {
        self.bytes
    }
}

impl RecordData<'_> {
    /// How many bytes [`Self::encode_into`] adds.
    pub fn encoded_len(&self, encoding: Encoding) -> usize {
        match self {
            Self::One(json) => encoding.encoded_len(json.len()),
            Self::Kpl(bucket, events) => kpl_len(*bucket, events, encoding),
            Self::Lines(events) => events.iter().map(|event| encoding.encoded_len(event.json.len())).sum(),
        }
    }

    /// Adds the record's data.
    pub fn encode_into(&self, encoding: Encoding, out: &mut Vec<u8>) {
        match self {
            Self::One(json) => encoding.encode_into(json, out),
            Self::Kpl(bucket, events) => kpl_into(*bucket, events, encoding, out),
            Self::Lines(events) => events.iter().for_each(|event| encoding.encode_into(event.json, out)),
        }
    }
}

/// The events, each with the place of its key in the key table, and whether it is the first one there. Keys that stand next
/// to each other are one entry.
fn indexed<'e>(events: &'e [UserRecord<'e>]) -> impl Iterator<Item = (&'e UserRecord<'e>, usize, bool)> {
    let mut index = 0;
    events.iter().enumerate().map(move |(at, event)| {
        let is_new = at == 0 || events[at - 1].key != event.key;
        index += usize::from(is_new && at > 0);
        (event, index, is_new)
    })
}

/// Of the message `Record`.
fn user_record_len(key_index: usize, data_len: usize) -> usize {
    1 + varint_len(key_index) + 2 + 1 + varint_len(data_len) + data_len
}

fn kpl_len(bucket: Bucket, events: &[UserRecord<'_>], encoding: Encoding) -> usize {
    let of_bytes = |len: usize| 1 + varint_len(len) + len;
    let each = indexed(events).map(|(event, index, is_new)| {
        let key = if is_new { of_bytes(event.key.len()) } else { 0 };
        key + of_bytes(user_record_len(index, encoding.encoded_len(event.json.len())))
    });
    let hash_key = bucket.hash_key().checked_ilog10().map_or(1, |log| log as usize + 1);
    KPL_MAGIC.len() + of_bytes(hash_key) + each.sum::<usize>() + MD5_LEN
}

fn kpl_into(bucket: Bucket, events: &[UserRecord<'_>], encoding: Encoding, out: &mut Vec<u8>) {
    out.extend_from_slice(&KPL_MAGIC);
    let message_at = out.len();
    for (event, ..) in indexed(events).filter(|(_, _, is_new)| *is_new) {
        bytes_into(tag::KEY_TABLE, event.key.as_bytes(), out);
    }
    bytes_into(tag::HASH_KEY_TABLE, bucket.hash_key().to_string().as_bytes(), out);
    for (event, key_index, _) in indexed(events) {
        let data_len = encoding.encoded_len(event.json.len());
        out.push(tag::RECORDS);
        varint_into(user_record_len(key_index, data_len), out);
        out.push(tag::KEY_INDEX);
        varint_into(key_index, out);
        out.extend_from_slice(&[tag::HASH_KEY_INDEX, 0, tag::DATA]);
        varint_into(data_len, out);
        encoding.encode_into(event.json, out);
    }
    let digest = Md5::digest(&out[message_at..]);
    out.extend_from_slice(&digest);
}

fn bytes_into(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    varint_into(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Seven bits a byte, the lowest first (protobuf's encoding).
fn varint_into(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn varint_len(value: usize) -> usize {
    (usize::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::sync::Arc;

    use super::*;
    use crate::event::parts;

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

    proptest! {
        #[test]
        fn what_was_put_together_comes_apart_and_is_no_larger_than_was_said(
            events in prop::collection::vec(("[a-c\u{e9}]{1,40}", "\\{\"n\":[0-9]{1,300}\\}"), 1..40),
            encoding in prop::sample::select(Encoding::ALL.to_vec()),
        ) {
            let bucket = Bucket::of("any");
            let records: Vec<_> =
                events.iter().map(|(key, json)| UserRecord { key, json: json.as_bytes() }).collect();
            let mut data = Vec::new();
            let kpl = RecordData::Kpl(bucket, &records);
            kpl.encode_into(encoding, &mut data);
            prop_assert_eq!(data.len(), kpl.encoded_len(encoding));
            let mut size = Size::new(Aggregation::Kpl);
            let mut before = None;
            for record in &records {
                let is_new = before != Some(record.key);
                size = size.with(encoding.encoded_len(record.json.len()), is_new.then_some(record.key));
                before = Some(record.key);
            }
            prop_assert!(data.len() + bucket.partition_key().len() <= size.bytes());
            let outer: Arc<str> = bucket.partition_key().into();
            let found = parts(&outer, &data);
            prop_assert_eq!(found.len(), events.len());
            for (at, (part, (key, json))) in found.iter().zip(&events).enumerate() {
                prop_assert_eq!(&*part.key, key);
                prop_assert_eq!(part.place, Some((at + 1, events.len())));
                prop_assert_eq!(part.stored, &encoding.encode(json.as_bytes())[..]);
            }
        }
    }

    #[test]
    fn lines_stand_one_after_another_and_come_apart() {
        let records =
            [UserRecord { key: "a", json: b"{\"n\":\n1}" }, UserRecord { key: "b", json: b"{\"n\":2}" }];
        let mut data = Vec::new();
        let lines = RecordData::Lines(&records);
        lines.encode_into(Encoding::JsonLines, &mut data);
        assert_eq!(data, b"{\"n\": 1}\n{\"n\":2}\n");
        assert_eq!(lines.encoded_len(Encoding::JsonLines), data.len());
        let found = parts(&"bucket-0007".into(), &data);
        let seen: Vec<_> = found.iter().map(|part| (&*part.key, part.place, part.stored)).collect();
        assert_eq!(
            seen,
            [
                ("bucket-0007", Some((1, 2)), &b"{\"n\": 1}\n"[..]),
                ("bucket-0007", Some((2, 2)), &b"{\"n\":2}\n"[..]),
            ]
        );
    }
}

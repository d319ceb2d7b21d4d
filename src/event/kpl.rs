//! The format in which the Kinesis Producer Library (KPL) aggregates records, written and read (its
//! `aggregation-format.md`): the magic number `F3 89 9A C2`, the protobuf message `AggregatedRecord`, and the message's
//! MD5.
//!
//! ```text
//! AggregatedRecord { 1: partition keys, 2: explicit hash keys, 3: Records }
//! Record           { 1: index of the partition key, 2: index of the explicit hash key, 3: data }
//! ```
//!
//! Own code, since the format needs two messages of three fields each, and a protobuf library would be a new
//! dependency. When reading, explicit hash keys and tags are skipped. Data that violates the format anywhere is not an
//! aggregated record.

use md5::{Digest as _, Md5};

use super::record::Encoding;

/// An event that shares a record.
#[derive(Debug, Clone, Copy)]
pub struct UserRecord<'r> {
    /// Its own partition key.
    pub key: &'r str,
    /// Its JSON, not yet encoded.
    pub json: &'r [u8],
}

const MAGIC: [u8; 4] = [0xF3, 0x89, 0x9A, 0xC2];
const MD5_LEN: usize = 16;

/// Fields of `AggregatedRecord` and its `Record`: number and wire type.
mod tag {
    pub(super) const KEY_TABLE: u8 = 1 << 3 | 2;
    pub(super) const HASH_KEY_TABLE: u8 = 2 << 3 | 2;
    pub(super) const RECORDS: u8 = 3 << 3 | 2;
    pub(super) const KEY_INDEX: u8 = 1 << 3;
    pub(super) const HASH_KEY_INDEX: u8 = 2 << 3;
    pub(super) const DATA: u8 = 3 << 3 | 2;
}

/// Maximum bytes besides user records and partition keys: magic number, MD5, and one explicit hash key of 39 digits.
pub(super) const FRAME_BYTES_MAX: usize = MAGIC.len() + MD5_LEN + 2 + 39;

/// Maximum bytes of a user record besides its data: three tags, a tag and an index of the hash key, and three numbers.
pub(super) const USER_RECORD_OVERHEAD_MAX: usize = 3 + 2 + 3 + 5 + 5;

/// Maximum bytes of a key in the key table besides its text.
pub(super) const KEY_OVERHEAD_MAX: usize = 3;

/// How many bytes [`encode_into`] appends.
pub(super) fn encoded_len(hash_key: u128, events: &[UserRecord<'_>], encoding: Encoding) -> usize {
    let field_len = |len: usize| 1 + varint_len(len) + len;
    let each = indexed(events).map(|(event, index, is_new)| {
        let key = if is_new { field_len(event.key.len()) } else { 0 };
        key + field_len(user_record_len(index, encoding.encoded_len(event.json.len())))
    });
    let hash_key_len = hash_key.checked_ilog10().map_or(1, |log| log as usize + 1);
    MAGIC.len() + field_len(hash_key_len) + each.sum::<usize>() + MD5_LEN
}

/// Appends the aggregated record of these events, all with this explicit hash key.
pub(super) fn encode_into(hash_key: u128, events: &[UserRecord<'_>], encoding: Encoding, out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    let message_at = out.len();
    for (event, ..) in indexed(events).filter(|(_, _, is_new)| *is_new) {
        bytes_into(tag::KEY_TABLE, event.key.as_bytes(), out);
    }
    bytes_into(tag::HASH_KEY_TABLE, hash_key.to_string().as_bytes(), out);
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

/// The events, each with the index of its key in the key table, and whether it is the first event with that entry.
/// Consecutive events with the same key share an entry.
fn indexed<'e>(events: &'e [UserRecord<'e>]) -> impl Iterator<Item = (&'e UserRecord<'e>, usize, bool)> {
    let mut index = 0;
    events.iter().enumerate().map(move |(at, event)| {
        let is_new = at == 0 || events[at - 1].key != event.key;
        index += usize::from(is_new && at > 0);
        (event, index, is_new)
    })
}

/// Bytes of the message `Record`.
fn user_record_len(key_index: usize, data_len: usize) -> usize {
    1 + varint_len(key_index) + 2 + 1 + varint_len(data_len) + data_len
}

/// Partition keys and data of the user records in an aggregated record. `None` if it is not one, or has more than
/// `records_max`.
pub(super) fn deaggregate(data: &[u8], records_max: usize) -> Option<Vec<(&str, &[u8])>> {
    let message = data.strip_prefix(&MAGIC)?;
    let (message, digest) = message.split_at(message.len().checked_sub(MD5_LEN)?);
    if Md5::digest(message)[..] != *digest {
        return None;
    }
    let (mut keys, mut records) = (Vec::new(), Vec::new());
    let mut fields = Fields(message);
    while !fields.0.is_empty() {
        match fields.next()? {
            (1, Value::Bytes(key)) => keys.push(std::str::from_utf8(key).ok()?),
            (3, Value::Bytes(record)) if records.len() < records_max => records.push(record),
            (3, _) => return None,
            _ => {}
        }
    }
    let record = |bytes| {
        let (mut key, mut data) = (None, None);
        let mut fields = Fields(bytes);
        while !fields.0.is_empty() {
            match fields.next()? {
                (1, Value::Number(index)) => key = keys.get(usize::try_from(index).ok()?).copied(),
                (3, Value::Bytes(bytes)) => data = Some(bytes),
                _ => {}
            }
        }
        Some((key?, data?))
    };
    records.into_iter().map(record).collect::<Option<Vec<_>>>().filter(|records| !records.is_empty())
}

/// The value of a protobuf field.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The unread fields of a protobuf message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The number and value of the next field, while bytes are left. `None` if they are not a message.
    fn next(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }
}

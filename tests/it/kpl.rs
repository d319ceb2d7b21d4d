//! The record format of the Kinesis Producer Library (its `aggregation-format.md`), written and read by code that is
//! independent of `src/event/decode.rs`, so that the program is not only compared with itself.
//!
//! An aggregated record is `F3 89 9A C2`, a protobuf message, and the MD5 of the message. The message has a table of
//! partition keys, a table of explicit hash keys, and the user records, each with its data and its indexes in the
//! tables.

use md5::{Digest, Md5};

const MAGIC: [u8; 4] = [0xF3, 0x89, 0x9A, 0xC2];
const MD5_BYTES: usize = 16;

/// One user record of an aggregated record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    pub partition_key: String,
    /// In decimal digits.
    pub explicit_hash_key: Option<String>,
    pub data: Vec<u8>,
}

/// The bytes of an aggregated record. Each table has a key once.
pub fn encode(parts: &[Part]) -> Vec<u8> {
    let (mut keys, mut hashes): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut records = Vec::new();
    for part in parts {
        let mut record = Vec::new();
        write_number(&mut record, 1, place_in(&mut keys, &part.partition_key));
        if let Some(hash) = &part.explicit_hash_key {
            write_number(&mut record, 2, place_in(&mut hashes, hash));
        }
        write_bytes(&mut record, 3, &part.data);
        write_bytes(&mut records, 3, &record);
    }
    let mut message = Vec::new();
    for key in keys {
        write_bytes(&mut message, 1, key.as_bytes());
    }
    for hash in hashes {
        write_bytes(&mut message, 2, hash.as_bytes());
    }
    message.extend(records);
    [&MAGIC[..], &message, &Md5::digest(&message)].concat()
}

/// The index of `text`, which is added to the table if it is missing.
fn place_in<'a>(table: &mut Vec<&'a str>, text: &'a str) -> u64 {
    let found = table.iter().position(|there| *there == text);
    let index = found.unwrap_or_else(|| {
        table.push(text);
        table.len() - 1
    });
    index as u64
}

fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn write_number(out: &mut Vec<u8>, field: u64, number: u64) {
    write_varint(out, field << 3);
    write_varint(out, number);
}

fn write_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    write_varint(out, field << 3 | 2);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The user records of an aggregated record, in their order. `None`: another record, by the KCL's tests: the magic,
/// more than a digest behind it, the right digest, and a message that can be read.
///
/// Panics if a user record has an index beyond a table: the KCL would log an error and lose the rest.
pub fn decode(data: &[u8]) -> Option<Vec<Part>> {
    let rest = data.strip_prefix(&MAGIC)?;
    let (message, digest) = rest.split_at_checked(rest.len().checked_sub(MD5_BYTES)?)?;
    if message.is_empty() || *digest != *Md5::digest(message) {
        return None;
    }
    let (mut keys, mut hashes, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for (field, value) in fields(message)? {
        match (field, value) {
            (1, Value::Bytes(key)) => keys.push(String::from_utf8(key.to_vec()).ok()?),
            (2, Value::Bytes(hash)) => hashes.push(String::from_utf8(hash.to_vec()).ok()?),
            (3, Value::Bytes(record)) => records.push(Indexed::read(record)?),
            _ => {}
        }
    }
    let entry = |table: &[String], at: u64| {
        let found = usize::try_from(at).ok().and_then(|at| table.get(at));
        found.cloned().unwrap_or_else(|| panic!("a user record names entry {at} of {table:?}"))
    };
    let part = |record: Indexed<'_>| Part {
        partition_key: entry(&keys, record.key),
        explicit_hash_key: record.hash.map(|at| entry(&hashes, at)),
        data: record.data.to_vec(),
    };
    Some(records.into_iter().map(part).collect())
}

/// A user record in the message.
struct Indexed<'a> {
    key: u64,
    hash: Option<u64>,
    data: &'a [u8],
}

impl<'a> Indexed<'a> {
    /// The index of the key and the data are required fields: a message without one of them cannot be read.
    fn read(record: &'a [u8]) -> Option<Self> {
        let (mut key, mut hash, mut data) = (None, None, None);
        for (field, value) in fields(record)? {
            match (field, value) {
                (1, Value::Number(index)) => key = Some(index),
                (2, Value::Number(index)) => hash = Some(index),
                (3, Value::Bytes(bytes)) => data = Some(bytes),
                _ => {}
            }
        }
        Some(Self { key: key?, hash, data: data? })
    }
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message. `None`: not a message.
fn fields(mut message: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = read_varint(&mut message)?;
        let value = match tag & 7 {
            0 => Value::Number(read_varint(&mut message)?),
            1 => Value::Bytes(message.split_off(..8)?),
            2 => {
                let len = usize::try_from(read_varint(&mut message)?).ok()?;
                Value::Bytes(message.split_off(..len)?)
            }
            5 => Value::Bytes(message.split_off(..4)?),
            _ => return None,
        };
        fields.push((tag >> 3, value));
    }
    Some(fields)
}

fn read_varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *message.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

//! What a record is made of: its partition key and its bytes (`docs/record.md`).
//!
//! Pure text rules. Whether the two fit into a record of the stream is checked where an event is made.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// Maximum characters of a partition key in Kinesis.
const KEY_CHARS_MAX: usize = 256;

/// Decides a record's shard and its position in the order: a user's id, or the hash of an id that is too long.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartitionKey {
    text: Arc<str>,
    shortened: bool,
}

impl PartitionKey {
    /// The key of an id. An id longer than Kinesis accepts is replaced by the lower-case hex SHA-256 of its UTF-8
    /// bytes. AWS does not say whether it counts code points or UTF-16 units, so the id must fit by both. `None` for an
    /// empty id.
    pub fn new(id: &str) -> Option<Self> {
        if id.is_empty() {
            return None;
        }
        // UTF-16 units are never fewer than code points and never more than UTF-8 bytes.
        let fits = id.len() <= KEY_CHARS_MAX || id.encode_utf16().count() <= KEY_CHARS_MAX;
        let text = if fits { Arc::from(id) } else { hex::encode(Sha256::digest(id.as_bytes())).into() };
        Some(Self { text, shortened: !fits })
    }

    /// The key as it is sent to Kinesis.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// The hash key of a partition key: its MD5 as a number. Each shard owns a range of hash keys (API reference,
    /// `PutRecord`).
    pub fn hash_of(key: &str) -> u128 {
        u128::from_be_bytes(Md5::digest(key.as_bytes()).into())
    }

    /// Whether it is the hash of an id that is too long. The delivery says so.
    pub fn shortened(&self) -> bool {
        self.shortened
    }
}

/// How an event's JSON becomes a record's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Standard base64 of the JSON text, with padding, as the predecessor's `putRecord` call stored it.
    #[default]
    Base64,
    /// The JSON text.
    Json,
    /// The JSON text on one line, and `\n`, so that Firehose writes one event a line.
    JsonLines,
}

impl Encoding {
    /// All variants, in the order in which faces list them.
    pub const ALL: [Self; 3] = [Self::Base64, Self::Json, Self::JsonLines];

    /// The word in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Json => "json",
            Self::JsonLines => "json-lines",
        }
    }

    /// The record's bytes. With `json-lines`, line breaks between values become blanks, because a sender may send
    /// indented JSON. JSON strings contain no line breaks.
    pub fn encode(self, json: &[u8]) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.encoded_len(json.len()));
        self.encode_into(json, &mut data);
        data
    }

    /// Appends the record's bytes to `out`.
    pub fn encode_into(self, json: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Base64 => base64_simd::STANDARD.encode_append(json, out),
            Self::Json => out.extend_from_slice(json),
            Self::JsonLines => {
                out.extend(json.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
                out.push(b'\n');
            }
        }
    }

    /// The JSON text in a record's bytes, and how it was encoded. `None` if the bytes are not a JSON object in any
    /// encoding.
    pub fn decode(data: &[u8]) -> Option<(Cow<'_, str>, Self)> {
        let is_object = |text: &str| text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok();
        let text = std::str::from_utf8(data).ok()?;
        if let Some(line) = text.strip_suffix('\n').filter(|line| is_object(line)) {
            return Some((line.into(), Self::JsonLines));
        }
        if is_object(text) {
            return Some((text.into(), Self::Json));
        }
        let inner = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        is_object(&inner).then(|| (inner.into(), Self::Base64))
    }

    /// How many bytes [`Self::encode`] returns for `json_bytes` bytes.
    pub fn encoded_len(self, json_bytes: usize) -> usize {
        match self {
            Self::Base64 => json_bytes.div_ceil(3).saturating_mul(4),
            Self::Json => json_bytes,
            Self::JsonLines => json_bytes.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_key_is_its_md5_as_a_number() {
        // md5("a") = 0cc175b9c0f1b6a831c399e269772661
        assert_eq!(PartitionKey::hash_of("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
    }

    #[test]
    fn a_key_is_hashed_only_where_it_is_longer_than_kinesis_takes() {
        for (id, shortened) in [
            ("k".repeat(256), false),
            ("é".repeat(256), false),
            ("k".repeat(257), true),
            ("é".repeat(257), true),
            // 129 code points, but 258 UTF-16 units.
            ("😀".repeat(129), true),
            ("😀".repeat(128), false),
        ] {
            let key = PartitionKey::new(&id).unwrap();
            assert_eq!(key.shortened(), shortened, "{id}");
            assert!(shortened || key.as_str() == id);
        }
        let key = PartitionKey::new(&"a".repeat(300)).unwrap();
        // sha256sum of 300 times `a`.
        assert_eq!(key.as_str(), "9835fa6bf4e20a9b9ea812506302e98982721a6cf8d2cae67af57129bf21ae90");
        assert_eq!(PartitionKey::new(""), None);
    }

    #[test]
    fn records_are_encoded_as_the_settings_say() {
        let json = "{\n \"a\": \"\\n\",\r\n\"b\":1}".as_bytes();
        assert_eq!(Encoding::Base64.encode(b"{\"a\":1}"), b"eyJhIjoxfQ==");
        assert_eq!(Encoding::Json.encode(json), json);
        assert_eq!(Encoding::JsonLines.encode(json), b"{  \"a\": \"\\n\",  \"b\":1}\n");
        for encoding in Encoding::ALL {
            for len in 0..20 {
                assert_eq!(encoding.encode(&vec![b'x'; len]).len(), encoding.encoded_len(len));
            }
        }
    }

    #[test]
    fn what_an_encoding_made_is_read_back_by_it() {
        let json = "{\"n\":12345678901234567890123,\"s\":\"\\ud83d\",\"f\":1.10}";
        for encoding in Encoding::ALL {
            let data = encoding.encode(json.as_bytes());
            assert_eq!(data.len(), encoding.encoded_len(json.len()));
            assert_eq!(Encoding::decode(&data), Some((json.into(), encoding)));
        }
        for other in [&b"hello"[..], b"[1]", b"\xff\x00", b"", b"{", b"aGVsbG8="] {
            assert_eq!(Encoding::decode(other), None, "{other:?}");
        }
    }
}

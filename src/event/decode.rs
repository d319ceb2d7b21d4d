//! What a consumer finds in a record's bytes: JSON, as it is, in base64, in gzip, or in several of these; and the
//! records inside a record that the Kinesis Producer Library (KPL) has aggregated, or that is several lines.
//!
//! The KPL's format (its `aggregation-format.md`): `F3 89 9A C2`, a protobuf message, and the message's MD5. Explicit
//! hash keys and tags are passed over. What does not keep the format to the last byte is an ordinary record.

use std::{io::Read, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::MultiGzDecoder;
use md5::{Digest as _, Md5};
use serde::de::IgnoredAny;

use super::aggregate::{Aggregation, KPL_MAGIC, MD5_LEN};

/// Wrappings that are looked through, one in another.
const LAYERS_MAX: usize = 4;
/// A gzip that unpacks to more stays packed: a small record may hold gigabytes of nothing.
const UNPACKED_BYTES_MAX: u64 = 16 << 20;
/// Records of one aggregated record.
const PARTS_MAX: usize = Aggregation::EVENTS_MAX;

/// A wrapping around the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Standard base64.
    Base64,
    /// gzip.
    Gzip,
}

/// What is inside all wrappings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inside {
    /// One JSON object or list.
    Json(String),
    /// So many of them, separated by blanks or line ends.
    JsonLines(String, usize),
    /// Text that is no JSON.
    Text(String),
    /// No text.
    Binary(Vec<u8>),
}

/// A record's bytes, looked through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// From outside to inside.
    pub layers: Vec<Layer>,
    /// What is inside.
    pub inside: Inside,
}

/// One record as its producer meant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its bytes as they are stored.
    pub stored: &'a [u8],
    /// Its partition key; of a line among others, that of the record.
    pub key: Arc<str>,
    /// Its place in an aggregated record, from 1, and how many that has; `None`: it is a record of its own.
    pub place: Option<(usize, usize)>,
    /// What it holds.
    pub content: Content,
}

/// The records in a record: itself, or those that were aggregated in it.
pub fn parts<'a>(key: &Arc<str>, data: &'a [u8]) -> Vec<Part<'a>> {
    let part = |stored, key, place| Part { stored, key, place, content: decode(stored) };
    if let Some(inner) = deaggregate(data) {
        let of = inner.len();
        let each = inner.into_iter().enumerate();
        return each.map(|(at, (key, data))| part(data, key.into(), Some((at + 1, of)))).collect();
    }
    if let Some(lines) = lines(data) {
        let of = lines.len();
        let each = lines.into_iter().enumerate();
        return each.map(|(at, line)| part(line, Arc::clone(key), Some((at + 1, of)))).collect();
    }
    vec![part(data, Arc::clone(key), None)]
}

/// Two or more lines, each of them one JSON object or list; else `None`.
fn lines(data: &[u8]) -> Option<Vec<&[u8]>> {
    if !data.starts_with(b"{") && !data.starts_with(b"[") {
        return None;
    }
    let lines: Vec<_> = data.split_inclusive(|byte| *byte == b'\n').collect();
    let is_value = |line: &&[u8]| std::str::from_utf8(line).is_ok_and(|line| values(line) == 1);
    ((2..=PARTS_MAX).contains(&lines.len()) && lines.iter().all(is_value)).then_some(lines)
}

/// Looks through the wrappings, as far as they lead to something that can be read.
fn decode(data: &[u8]) -> Content {
    peel(data, LAYERS_MAX).unwrap_or_else(|| plain(data))
}

fn peel(data: &[u8], depth: usize) -> Option<Content> {
    let wrapped = |layer, inner: &[u8], or_plain: bool| {
        let content = peel(inner, depth - 1).or_else(|| or_plain.then(|| plain(inner)))?;
        let layers = std::iter::once(layer).chain(content.layers).collect();
        Some(Content { layers, ..content })
    };
    if data.starts_with(&[0x1F, 0x8B]) {
        return (depth > 0)
            .then(|| gunzip(data))
            .flatten()
            .and_then(|inner| wrapped(Layer::Gzip, &inner, true));
    }
    let text = std::str::from_utf8(data).ok()?;
    match values(text) {
        0 => {}
        1 => return Some(Content { layers: Vec::new(), inside: Inside::Json(text.trim().to_owned()) }),
        count => {
            return Some(Content { layers: Vec::new(), inside: Inside::JsonLines(text.to_owned(), count) });
        }
    }
    // Many a word is base64 of something: it counts only where that can be read.
    let inner = (depth > 0).then(|| STANDARD.decode(text.trim_end()).ok()).flatten()?;
    wrapped(Layer::Base64, &inner, false)
}

fn plain(data: &[u8]) -> Content {
    let inside = match std::str::from_utf8(data) {
        Ok(text) => Inside::Text(text.to_owned()),
        Err(_) => Inside::Binary(data.to_vec()),
    };
    Content { layers: Vec::new(), inside }
}

/// How many JSON objects and lists the text is; 0 where it is anything else.
fn values(text: &str) -> usize {
    if !text.trim_start().starts_with(['{', '[']) {
        return 0;
    }
    let mut count = 0;
    for value in serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>() {
        if value.is_err() {
            return 0;
        }
        count += 1;
    }
    count
}

fn gunzip(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let read = MultiGzDecoder::new(data).take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut out).ok()?;
    (read as u64 <= UNPACKED_BYTES_MAX).then_some(out)
}

/// Keys and data of the records that the KPL has put into this one; `None`: it has not.
fn deaggregate(data: &[u8]) -> Option<Vec<(&str, &[u8])>> {
    let message = data.strip_prefix(&KPL_MAGIC)?;
    let (message, digest) = message.split_at(message.len().checked_sub(MD5_LEN)?);
    if Md5::digest(message)[..] != *digest {
        return None;
    }
    let (mut keys, mut records) = (Vec::new(), Vec::new());
    let mut fields = Fields(message);
    while !fields.0.is_empty() {
        match fields.next()? {
            (1, Field::Bytes(key)) => keys.push(std::str::from_utf8(key).ok()?),
            (3, Field::Bytes(record)) if records.len() < PARTS_MAX => records.push(record),
            (3, _) => return None,
            _ => {}
        }
    }
    let record = |bytes| {
        let (mut key, mut data) = (None, None);
        let mut fields = Fields(bytes);
        while !fields.0.is_empty() {
            match fields.next()? {
                (1, Field::Number(index)) => key = keys.get(usize::try_from(index).ok()?).copied(),
                (3, Field::Bytes(bytes)) => data = Some(bytes),
                _ => {}
            }
        }
        Some((key?, data?))
    };
    records.into_iter().map(record).collect::<Option<Vec<_>>>().filter(|records| !records.is_empty())
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a protobuf message, by number.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The next one, while bytes are left. `None`: they are no message.
    fn next(&mut self) -> Option<(u64, Field<'a>)> {
        let tag = self.varint()?;
        let field = match tag & 7 {
            0 => Field::Number(self.varint()?),
            1 => self.skip(8).map(|_| Field::Fixed)?,
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(self.skip(len)?)
            }
            5 => self.skip(4).map(|_| Field::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, field))
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

    fn skip(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write as _;

    /// Made by `aggregate` of aws-kinesis-agg 4.2.8 (npm): `{"n":1}` of ada, `eyJuIjoyfQ==` of bob with an explicit
    /// hash key, and the bytes FF 00 of ada.
    const AGGREGATED: &str = "f3899ac20a036164610a03626f6212273137303134313138333436303436393233313733313638373330333731353838343130353732381a0b08001a077b226e223a317d1a12080110001a0c65794a75496a6f7966513d3d1a0608001a02ff005845f636416aaf537043c37a3fc6548d";

    fn aggregated() -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&AGGREGATED[at..at + 2], 16).expect("hex");
        (0..AGGREGATED.len()).step_by(2).map(byte).collect()
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(data).expect("into memory");
        gzip.finish().expect("into memory")
    }

    fn json(layers: &[Layer], text: &str) -> Content {
        Content { layers: layers.to_vec(), inside: Inside::Json(text.into()) }
    }

    #[test]
    fn json_is_found_in_every_wrapping() {
        use Layer::{Base64, Gzip};
        let text = "{\"a\":1.10}";
        let base64 = |data: &[u8]| STANDARD.encode(data).into_bytes();
        assert_eq!(decode(text.as_bytes()), json(&[], text));
        assert_eq!(decode(format!("{text}\n").as_bytes()), json(&[], text));
        assert_eq!(decode(&base64(text.as_bytes())), json(&[Base64], text));
        assert_eq!(decode(&gzip(text.as_bytes())), json(&[Gzip], text));
        assert_eq!(decode(&gzip(&base64(text.as_bytes()))), json(&[Gzip, Base64], text));
        assert_eq!(decode(&base64(&gzip(text.as_bytes()))), json(&[Base64, Gzip], text));
        let two = "{\"a\":1}\n{\"a\":2}\n";
        assert_eq!(decode(two.as_bytes()).inside, Inside::JsonLines(two.into(), 2));
    }

    #[test]
    fn what_is_no_json_is_text_or_bytes_as_it_came() {
        for text in ["hello", "aGVsbG8=", "", "{", "42", "test"] {
            assert_eq!(
                decode(text.as_bytes()),
                Content { layers: vec![], inside: Inside::Text(text.into()) }
            );
        }
        assert_eq!(decode(b"\xff\x00").inside, Inside::Binary(vec![0xff, 0]));
        let log = decode(&gzip(b"a line of a log"));
        assert_eq!((log.layers, log.inside), (vec![Layer::Gzip], Inside::Text("a line of a log".into())));
        let broken = &gzip(b"{}")[..12];
        assert_eq!(decode(broken).inside, Inside::Binary(broken.to_vec()));
    }

    #[test]
    fn a_gzip_of_gigabytes_stays_packed() {
        let bomb = gzip(&vec![b' '; 17 << 20]);
        assert_eq!(decode(&bomb), plain(&bomb));
    }

    #[test]
    fn an_aggregated_record_comes_apart() {
        let data = aggregated();
        let found = parts(&"outer".into(), &data);
        let seen: Vec<_> = found.iter().map(|part| (&*part.key, part.place, &part.content)).collect();
        let bytes = Content { layers: vec![], inside: Inside::Binary(vec![0xff, 0]) };
        assert_eq!(
            seen,
            [
                ("ada", Some((1, 3)), &json(&[], "{\"n\":1}")),
                ("bob", Some((2, 3)), &json(&[Layer::Base64], "{\"n\":2}")),
                ("ada", Some((3, 3)), &bytes),
            ]
        );
    }

    #[test]
    fn a_record_that_is_aggregated_but_for_one_bit_is_an_ordinary_one() {
        let data = aggregated();
        for at in 0..data.len() {
            let mut broken = data.clone();
            broken[at] ^= 1;
            assert_eq!(deaggregate(&broken), None, "byte {at}");
            assert_eq!(deaggregate(&data[..at]), None, "cut at {at}");
        }
        let found = parts(&"outer".into(), &data[..40]);
        assert_eq!((found.len(), &*found[0].key, found[0].place), (1, "outer", None));
    }

    proptest! {
        #[test]
        fn a_message_of_any_bytes_is_read_without_a_panic(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let data = [&KPL_MAGIC[..], &message, &Md5::digest(&message)[..]].concat();
            if let Some(records) = deaggregate(&data) {
                prop_assert!(!records.is_empty());
            }
            prop_assert!(!parts(&"k".into(), &message).is_empty());
        }
    }
}

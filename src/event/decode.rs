//! What a consumer finds in a record's bytes: JSON, plain or wrapped in base64 or gzip, also several times; and the
//! records inside a record that the Kinesis Producer Library (KPL) has aggregated, or that consists of several lines.

use std::{io::Read, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::MultiGzDecoder;
use serde::de::IgnoredAny;

use super::aggregate::Aggregation;
use super::kpl;

/// Maximum wrappings, one in another, that are removed.
const LAYERS_MAX: usize = 4;

/// A gzip that unpacks to more than this stays packed: a small record may hold gigabytes of zeros.
const UNPACKED_BYTES_MAX: u64 = 16 << 20;

/// Maximum records inside one record.
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
    /// One JSON object or array.
    Json(String),
    /// Several JSON objects or arrays, separated by white space, and their number.
    JsonLines(String, usize),
    /// Text that is not JSON.
    Text(String),
    /// Bytes that are not UTF-8.
    Binary(Vec<u8>),
}

/// A record's content without its wrappings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The wrappings, outermost first.
    pub layers: Vec<Layer>,
    /// The content inside them.
    pub inside: Inside,
}

impl Content {
    fn bare(inside: Inside) -> Self {
        Self { layers: Vec::new(), inside }
    }
}

/// One record as its producer sent it: a record of the stream, or one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The bytes in the stream.
    pub stored: &'a [u8],
    /// The partition key. A line has that of its record.
    pub key: Arc<str>,
    /// Its number in the record, from 1, and how many the record holds. `None` if it is a record of its own.
    pub place: Option<(usize, usize)>,
    /// How the record holds several; [`Aggregation::None`] if it is a record of its own.
    pub aggregation: Aggregation,
    /// The content of `stored`.
    pub content: Content,
}

/// The records in a record: those that were aggregated in it, or the record itself.
pub fn parts<'a>(key: &Arc<str>, data: &'a [u8]) -> Vec<Part<'a>> {
    let part =
        |stored, key, aggregation, place| Part { stored, key, place, aggregation, content: decode(stored) };
    if let Some(inner) = kpl::deaggregate(data, PARTS_MAX) {
        let of = inner.len();
        let each = inner.into_iter().enumerate();
        return each
            .map(|(at, (key, data))| part(data, key.into(), Aggregation::Kpl, Some((at + 1, of))))
            .collect();
    }
    if let Some(lines) = lines(data) {
        let of = lines.len();
        let each = lines.into_iter().enumerate();
        return each
            .map(|(at, line)| part(line, Arc::clone(key), Aggregation::Lines, Some((at + 1, of))))
            .collect();
    }
    vec![part(data, Arc::clone(key), Aggregation::None, None)]
}

/// The lines, if there are at least two and each is one JSON object or array.
fn lines(data: &[u8]) -> Option<Vec<&[u8]>> {
    if !data.starts_with(b"{") && !data.starts_with(b"[") {
        return None;
    }
    let lines: Vec<_> = data.split_inclusive(|byte| *byte == b'\n').collect();
    let is_value = |line: &&[u8]| std::str::from_utf8(line).is_ok_and(|line| values(line) == 1);
    ((2..=PARTS_MAX).contains(&lines.len()) && lines.iter().all(is_value)).then_some(lines)
}

/// Removes the wrappings, as far as they lead to something readable.
fn decode(data: &[u8]) -> Content {
    unwrapped(data, LAYERS_MAX).unwrap_or_else(|| plain(data))
}

fn unwrapped(data: &[u8], depth: usize) -> Option<Content> {
    let wrapped = |layer, inner: &[u8], or_plain: bool| {
        let content = unwrapped(inner, depth - 1).or_else(|| or_plain.then(|| plain(inner)))?;
        let layers = std::iter::once(layer).chain(content.layers).collect();
        Some(Content { layers, ..content })
    };
    if data.starts_with(&[0x1F, 0x8B]) {
        let inner = (depth > 0).then(|| gunzip(data)).flatten()?;
        return wrapped(Layer::Gzip, &inner, true);
    }
    let text = std::str::from_utf8(data).ok()?;
    match values(text) {
        0 => {}
        1 => return Some(Content::bare(Inside::Json(text.trim().to_owned()))),
        count => return Some(Content::bare(Inside::JsonLines(text.to_owned(), count))),
    }
    // Many plain words are valid base64. A text counts as base64 only if what it decodes to is readable.
    let inner = (depth > 0).then(|| STANDARD.decode(text.trim_end()).ok()).flatten()?;
    wrapped(Layer::Base64, &inner, false)
}

fn plain(data: &[u8]) -> Content {
    Content::bare(match std::str::from_utf8(data) {
        Ok(text) => Inside::Text(text.to_owned()),
        Err(_) => Inside::Binary(data.to_vec()),
    })
}

/// How many JSON objects and arrays the text consists of. 0 if it has anything else.
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

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

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
    fn other_content_is_text_or_bytes_as_it_came() {
        for text in ["hello", "aGVsbG8=", "", "{", "42", "test"] {
            assert_eq!(decode(text.as_bytes()), Content::bare(Inside::Text(text.into())));
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
}

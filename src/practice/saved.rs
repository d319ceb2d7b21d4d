//! The streams as bytes, for a file that outlives the process: a line with the name of the format, its version, the
//! CRC-32 and the length of the rest, and then the streams as JSON. Faults, keys, iterators and subscriptions are not in
//! it.
//!
//! The JSON has the fields of [`Streams`] and what is in it. A change of them that old bytes do not fit is a new version.

use super::store::Streams;

const FORMAT: &str = "tributary-practice";
const VERSION: u32 = 1;
/// More than the first line has.
const LINE_BYTES_MAX: usize = 64;

/// Why saved streams cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SavedError {
    /// The bytes are something else.
    #[error("it is not a state of the practice stream")]
    Foreign,
    /// A later build wrote another version of the format.
    #[error("a newer Tributary wrote it (version {0} of the format)")]
    Newer(u32),
    /// A part is missing or changed.
    #[error("it is damaged: a part of it is missing or has changed")]
    Damaged,
}

pub(super) fn write(streams: &Streams) -> Vec<u8> {
    let json = serde_json::to_vec(streams).expect("its maps have texts and numbers as keys");
    let sum = crc32fast::hash(&json);
    let mut bytes = format!("{FORMAT} {VERSION} {sum:08x} {}\n", json.len()).into_bytes();
    bytes.extend_from_slice(&json);
    bytes
}

/// The caller gives them their limit of bytes ([`Streams::restored`]).
pub(super) fn read(bytes: &[u8]) -> Result<Streams, SavedError> {
    let end = bytes.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n');
    let line = std::str::from_utf8(&bytes[..end.unwrap_or(bytes.len().min(LINE_BYTES_MAX))]);
    let mut words = line.map_err(|_error| SavedError::Foreign)?.split(' ');
    if words.next() != Some(FORMAT) {
        return Err(SavedError::Foreign);
    }
    let version: u32 = words.next().and_then(|word| word.parse().ok()).ok_or(SavedError::Damaged)?;
    if version > VERSION {
        return Err(SavedError::Newer(version));
    }
    let sum = words.next().and_then(|word| u32::from_str_radix(word, 16).ok());
    let len: Option<usize> = words.next().and_then(|word| word.parse().ok());
    let json = end.map(|end| &bytes[end + 1..]).ok_or(SavedError::Damaged)?;
    if len != Some(json.len()) || sum != Some(crc32fast::hash(json)) {
        return Err(SavedError::Damaged);
    }
    serde_json::from_slice(json).map_err(|_error| SavedError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::stream::{Content, Position, PutOptions, ReadLimits, StreamSpec};
    use std::{fmt::Write as _, sync::Arc};

    /// What version 1 wrote for [`streams`]. Never change it: users have such files.
    const VERSION_1: &[u8] = include_bytes!("saved/version-1.txt");

    fn streams() -> Streams {
        let mut streams = Streams::new(1 << 20);
        streams.create("clicks", StreamSpec::provisioned(2), 1_795_000_000_000);
        let id = streams.get("clicks").unwrap().created_s;
        put(&mut streams, id, 1, b"first");
        streams.split(id, 0, 1 << 100, 1_795_000_001_000);
        put(&mut streams, id, 2, &[0, 0xff]);
        let stream = streams.get_mut("clicks").unwrap();
        stream.tags.insert("team".into(), "web".into());
        stream.consumers.register("reader", stream.tags.clone(), 1_795_000_002_000);
        streams.create("empty", StreamSpec::provisioned(1), 1_795_000_003_000);
        streams
    }

    fn put(streams: &mut Streams, id: u64, hash: u128, data: &[u8]) {
        let content = Arc::new(Content { key: "k\"".into(), data: data.to_vec() });
        streams.put(id, hash, content, PutOptions { shard_limits: false, now_ms: 1_795_000_001_500 });
    }

    /// Everything that a reader sees, as text.
    fn seen(streams: &Streams) -> String {
        let mut seen = String::new();
        for (name, stream) in streams.after("") {
            writeln!(seen, "{name} {:?} {} {:?}", stream.spec, stream.created_s, stream.tags).unwrap();
            writeln!(seen, "{:?}", stream.consumers.get("reader").map(|reader| reader.created_s)).unwrap();
            for (at, shard) in stream.shards() {
                let position = Position { created_s: shard.created_s, shard: at, index: 0 };
                let limits = ReadLimits { records: 9, bytes: 1000 };
                let page = stream.read(&position, limits, 1_795_000_005_000).unwrap();
                let closed = shard.closing.as_ref().map(|closing| (closing.at_ms, &closing.children));
                writeln!(seen, "{at} {:?} {:?} {closed:?} {}", shard.range, shard.parents, page.first)
                    .unwrap();
                for record in page.records {
                    let Content { key, data } = &*record.content;
                    writeln!(seen, "  {} {key} {data:?}", record.arrived_ms).unwrap();
                }
            }
        }
        seen
    }

    #[test]
    fn what_was_saved_is_read_back_and_goes_on_where_it_was() {
        let before = streams();
        let mut after = read(&write(&before)).unwrap().restored(1 << 20);
        assert_eq!(seen(&after), seen(&before));
        assert!(seen(&after).contains("k\" [0, 255]"), "{}", seen(&after));
        // The oldest record goes first, and a new stream takes no second that an old one had.
        after = after.restored(500);
        let id = after.get("clicks").unwrap().created_s;
        put(&mut after, id, 1, &[0; 300]);
        assert_eq!(after.get("clicks").unwrap().dropped(), 2);
        after.create("new", StreamSpec::provisioned(1), 0);
        assert!(after.get("new").unwrap().created_s > after.get("empty").unwrap().created_s);
    }

    #[test]
    fn a_file_of_the_first_version_is_read() {
        let now = String::from_utf8(write(&streams())).unwrap();
        let read = read(VERSION_1).unwrap_or_else(|error| panic!("{error}; what is written now:\n{now}"));
        assert_eq!(seen(&read), seen(&streams()));
    }

    #[test]
    fn other_newer_and_damaged_bytes_are_told_apart() {
        let good = write(&streams());
        for other in [&b""[..], b"{}", b"notes\n", b"\xff\xfe", b"tributary-practise 1 0 0\n"] {
            assert_eq!(read(other).err(), Some(SavedError::Foreign));
        }
        assert_eq!(read(b"tributary-practice 2 x\n").err(), Some(SavedError::Newer(2)));
        for cut in [19, 20, 30, good.len() / 2, good.len() - 1] {
            assert_eq!(read(&good[..cut]).err(), Some(SavedError::Damaged), "{cut}");
        }
        for at in (20..good.len()).step_by(7) {
            let mut changed = good.clone();
            changed[at] ^= 1;
            assert!(matches!(read(&changed), Err(SavedError::Damaged | SavedError::Newer(_))), "{at}");
        }
        assert_eq!(read(&[&good[..], b"x"].concat()).err(), Some(SavedError::Damaged));
    }
}

//! What was put into the streams, as JSON for a test: oldest first, with the data decoded as far as its bytes tell how.

use super::api_error::ApiError;
use super::sequence::Sequence;
use super::shard;
use super::shared::Shared;
use super::stream::{Position, ReadLimits, Record, Stream};
use crate::clock::now_ms;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Records of one stream in an answer that asks for no other number.
const RECORDS_MAX: usize = 10_000;

/// What a query asks for: `stream=NAME&limit=N`.
#[derive(Debug, Eq, PartialEq)]
struct Query<'a> {
    /// `None`: all streams.
    stream: Option<&'a str>,
    /// Maximum records of each stream.
    limit: usize,
}

impl<'a> Query<'a> {
    fn parse(text: &'a str) -> Result<Self, ApiError> {
        let mut query = Self { stream: None, limit: RECORDS_MAX };
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("stream", name)) => query.stream = Some(name),
                Some(("limit", limit)) => {
                    query.limit = limit.parse().map_err(|_error| {
                        ApiError::argument(format!("limit takes a number, not {limit:?}."))
                    })?;
                }
                _ => {
                    return Err(ApiError::argument(format!(
                        "{pair:?} is not known here: use stream=NAME or limit=N."
                    )));
                }
            }
        }
        Ok(query)
    }
}

/// The records of one stream, before they are encoded.
struct Taken {
    dropped: u64,
    left: usize,
    /// With the number of each.
    records: Vec<(Sequence, Record)>,
}

#[derive(Serialize)]
struct StreamRecords<'a> {
    /// Records that made room for later ones.
    dropped: u64,
    /// Records after the last one here.
    left: usize,
    records: Vec<ListedRecord<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedRecord<'a> {
    shard_id: String,
    sequence_number: String,
    arrived_at: String,
    partition_key: &'a str,
    /// How to read `data`.
    encoding: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    /// As it was put, numbers and order included.
    Json(&'a RawValue),
    Text(&'a str),
    Base64(String),
}

/// `{STREAM: {"dropped":…,"left":…,"records":[…]}}` for the streams that the query asks for.
pub(super) fn records_json(shared: &Shared, query: &str) -> Result<String, ApiError> {
    let query = Query::parse(query)?;
    let now_ms = now_ms().unsigned_abs();
    // Encoded without the lock.
    let taken: BTreeMap<String, Taken> = {
        let streams = shared.streams();
        let wanted = streams.after("").filter(|(name, _)| query.stream.is_none_or(|stream| stream == *name));
        wanted.map(|(name, stream)| (name.to_owned(), take(stream, query.limit, now_ms))).collect()
    };
    if let Some(name) = query.stream.filter(|_| taken.is_empty()) {
        return Err(ApiError { status: 404, ..ApiError::no_stream(name, &shared.settings.account_id) });
    }
    let listed: BTreeMap<&str, StreamRecords<'_>> =
        taken.iter().map(|(name, taken)| (&**name, listed(taken))).collect();
    Ok(serde_json::to_string(&listed).expect("its keys are texts"))
}

fn take(stream: &Stream, limit: usize, now_ms: u64) -> Taken {
    let mut records = Vec::new();
    for (at, shard) in stream.shards() {
        let position = Position { created_s: shard.created_s, shard: at, index: 0 };
        let all = ReadLimits { records: usize::MAX, bytes: usize::MAX };
        let Some(page) = stream.read(&position, all, now_ms) else { continue };
        let numbered = (page.first..).zip(page.records);
        records
            .extend(numbered.map(|(index, record)| (stream.sequence(at, index, record.arrived_ms), record)));
    }
    records.sort_by_key(|(_, record)| record.arrived_ms);
    let left = records.len().saturating_sub(limit);
    records.truncate(limit);
    Taken { dropped: stream.dropped(), left, records }
}

fn listed(taken: &Taken) -> StreamRecords<'_> {
    let records = taken.records.iter().map(listed_record).collect();
    StreamRecords { dropped: taken.dropped, left: taken.left, records }
}

fn listed_record((sequence, record): &(Sequence, Record)) -> ListedRecord<'_> {
    let arrived_at = Timestamp::from_millisecond(record.arrived_ms.try_into().unwrap_or_default());
    let (encoding, data) = decoded(&record.content.data);
    ListedRecord {
        shard_id: shard::id_of(sequence.shard),
        sequence_number: sequence.to_string(),
        arrived_at: arrived_at.unwrap_or_default().to_string(),
        partition_key: &record.content.key,
        encoding,
        data,
    }
}

/// JSON if the bytes are JSON, else text if they are text, else base64. Nothing more is guessed: a test shall see base64
/// that was put as text.
fn decoded(bytes: &[u8]) -> (&'static str, Data<'_>) {
    if let Ok(json) = serde_json::from_slice(bytes) {
        return ("json", Data::Json(json));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => ("text", Data::Text(text)),
        Err(_) => ("base64", Data::Base64(STANDARD.encode(bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_shown_as_what_its_bytes_are() {
        let shown = |bytes: &[u8]| {
            let (encoding, data) = decoded(bytes);
            format!("{encoding} {}", serde_json::to_string(&data).unwrap())
        };
        assert_eq!(shown(br#"{"b":1.10,"a":[]}"#), r#"json {"b":1.10,"a":[]}"#);
        assert_eq!(shown(b"[1]\n"), "json [1]");
        assert_eq!(shown("é".as_bytes()), "text \"é\"");
        assert_eq!(shown(b""), "text \"\"");
        assert_eq!(shown(b"eyJhIjoxfQ=="), "text \"eyJhIjoxfQ==\"");
        assert_eq!(shown(&[0xff, 0]), "base64 \"/wA=\"");
    }

    #[test]
    fn a_query_names_a_stream_and_a_limit_and_nothing_else() {
        assert_eq!(Query::parse("").unwrap(), Query { stream: None, limit: RECORDS_MAX });
        assert_eq!(Query::parse("stream=a&limit=2").unwrap(), Query { stream: Some("a"), limit: 2 });
        for wrong in ["limit=x", "shard=1", "stream"] {
            assert!(Query::parse(wrong).is_err(), "{wrong}");
        }
    }
}

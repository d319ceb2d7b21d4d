//! Ledgers and records as the JSON lines that scripts read (docs/command-line.md).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json, value::RawValue};

use crate::{
    delivery::{Ledger, Record},
    engine::lines::time,
    event::{Inside, Part, parts},
    reader::{Format, Reader, fit_of, views},
    spool::{Adopted, Mark},
};

pub(super) fn ledger(ledger: &Ledger) -> Value {
    json!({
        "accepted": ledger.accepted,
        "delivered": ledger.delivered,
        "queued": ledger.queued,
        "failed": ledger.failed,
        "replayed": ledger.replayed,
        "resent": ledger.resent,
        "rejected": ledger.rejected,
        "rejectedNotKept": ledger.rejected_unkept,
        "repeatsPossible": ledger.repeats_possible,
        "queuedBytes": ledger.queued_bytes,
        "addsUp": ledger.adds_up(),
    })
}

/// Events that were adopted from another data folder, for `log --summary`.
pub(super) fn adopted(adopted: &Adopted) -> Value {
    let Adopted { path, at, queued, failed, bytes, .. } = adopted;
    json!({ "from": path, "at": time(*at), "queued": queued, "failed": failed, "bytes": bytes })
}

/// Who adopts the events of this data folder.
pub(super) fn adopted_by(mark: &Mark) -> Value {
    json!({ "into": mark.into, "began": time(mark.began), "ended": mark.ended.map(time) })
}

/// What `tail` prints of a record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RecordLines {
    /// The record's bytes instead of the events in it.
    pub raw: bool,
    /// Also what each decoder gets of the record.
    pub decoders: bool,
    /// Also whether this reader can decode it.
    pub reader: Option<Reader>,
}

/// One line per record, or per event of a record that aggregates several (in the KPL's format, or as lines). The event's JSON is
/// copied as it is: no number is parsed and written again.
pub(super) fn records(record: &Record, what: RecordLines) -> Vec<String> {
    let parts = parts(&record.partition_key, &record.data);
    let decoders = what.decoders.then(|| decoders(record));
    let line = |part: Part<'_>| {
        let fit = what.reader.map(|reader| ReaderFit {
            name: reader.as_str(),
            result: fit_of(reader, Format::of(&part)).as_str(),
        });
        let (key, at, data) = if what.raw {
            (&record.partition_key, None, base64(&record.data))
        } else {
            let data = match &part.content.inside {
                // The answer has one line per record: line breaks between values become blanks.
                Inside::Json(text) => {
                    RawValue::from_string(text.replace(['\n', '\r'], " ")).unwrap_or_default()
                }
                Inside::JsonLines(..) | Inside::Text(_) | Inside::Binary(_) => base64(part.stored),
            };
            (&part.key, part.place.map(|(at, _)| at - 1), data)
        };
        let line = Line {
            sequence_number: &record.sequence_number,
            sub_sequence_number: at,
            shard_id: &record.shard_id,
            arrived_at: record.arrived_at.map(time),
            partition_key: key,
            data,
            reader: fit,
            decoders: decoders.as_ref(),
        };
        serde_json::to_string(&line).unwrap_or_default()
    };
    let lines_max = if what.raw { 1 } else { usize::MAX };
    parts.into_iter().take(lines_max).map(line).collect()
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    sequence_number: &'a str,
    /// The event's position in an aggregated record, counted from 0 as the KCL does.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_sequence_number: Option<usize>,
    shard_id: &'a str,
    arrived_at: Option<String>,
    partition_key: &'a str,
    data: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reader: Option<ReaderFit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decoders: Option<&'a Value>,
}

/// Whether the reader of the settings can decode the record.
#[derive(serde::Serialize)]
struct ReaderFit {
    name: &'static str,
    result: &'static str,
}

/// What each decoder gets of the record: text, or null.
fn decoders(record: &Record) -> Value {
    let views = views(&record.partition_key, &record.data);
    views.into_iter().map(|view| (view.decoder.as_str().to_owned(), json!(view.result.ok()))).collect()
}

fn base64(data: &[u8]) -> Box<RawValue> {
    RawValue::from_string(format!("\"{}\"", STANDARD.encode(data))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_record_of_lines_is_a_line_of_its_own_with_its_place() {
        let record = |data: &'static str| Record {
            shard_id: "shardId-000000000001".into(),
            sequence_number: "49".into(),
            arrived_at: Some(0),
            partition_key: "bucket-0007".into(),
            data: data.into(),
        };
        let read = |data, raw| -> Vec<Value> {
            let lines = records(&record(data), RecordLines { raw, ..RecordLines::default() });
            lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
        };
        let lines = read("{\"n\":1}\n{\"n\":2}\n", false);
        assert_eq!(lines.len(), 2);
        for (at, line) in lines.iter().enumerate() {
            assert_eq!((&line["subSequenceNumber"], &line["data"]["n"]), (&json!(at), &json!(at + 1)));
            assert_eq!(line["partitionKey"], "bucket-0007");
        }
        let one = read("{\"n\":1}\n", false);
        assert_eq!((one.len(), &one[0]["subSequenceNumber"]), (1, &Value::Null));
        assert_eq!(read("{\"n\":1}\n{\"n\":2}\n", true).len(), 1, "raw: the record as it is");
    }
}

//! Ledgers and records as the JSON lines that scripts read (docs/command-line.md).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json, value::RawValue};

use crate::{
    delivery::{Ledger, Record},
    engine::lines::time,
    event::{Inside, parts},
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

/// One line per record, or per event of a record that aggregates several (in the KPL's format, or as lines). The event's JSON is
/// copied as it is: no number is parsed and written again.
pub(super) fn records(record: &Record, raw: bool) -> Vec<String> {
    if raw {
        return vec![line(record, &record.partition_key, None, base64(&record.data))];
    }
    let lines = parts(&record.partition_key, &record.data).into_iter().map(|part| {
        let data = match part.content.inside {
            // The answer has one line per record: line breaks between values become blanks.
            Inside::Json(text) => RawValue::from_string(text.replace(['\n', '\r'], " ")).unwrap_or_default(),
            Inside::JsonLines(..) | Inside::Text(_) | Inside::Binary(_) => base64(part.stored),
        };
        line(record, &part.key, part.place.map(|(at, _)| at - 1), data)
    });
    lines.collect()
}

fn base64(data: &[u8]) -> Box<RawValue> {
    RawValue::from_string(format!("\"{}\"", STANDARD.encode(data))).unwrap_or_default()
}

fn line(record: &Record, key: &str, sub_sequence_number: Option<usize>, data: Box<RawValue>) -> String {
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
    }
    let line = Line {
        sequence_number: &record.sequence_number,
        sub_sequence_number,
        shard_id: &record.shard_id,
        arrived_at: record.arrived_at.map(time),
        partition_key: key,
        data,
    };
    serde_json::to_string(&line).unwrap_or_default()
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
            let lines = records(&record(data), raw);
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

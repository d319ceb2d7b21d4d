//! Ledgers and records as the JSON lines that scripts read (product.md, "The command line").

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json, value::RawValue};

use crate::{
    delivery::{Ledger, Record},
    engine::lines::time,
    event::Encoding,
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
        "repeatsPossible": ledger.repeats_possible,
        "queuedBytes": ledger.queued_bytes,
        "addsUp": ledger.adds_up(),
    })
}

/// The event's JSON is put in as it is: no number is read and written again.
pub(super) fn record(record: &Record, raw: bool) -> String {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        sequence_number: &'a str,
        shard_id: &'a str,
        arrived_at: Option<String>,
        partition_key: &'a str,
        data: Box<RawValue>,
    }
    let decoded = if raw { None } else { Encoding::decode(&record.data) };
    let as_base64 = || RawValue::from_string(format!("\"{}\"", STANDARD.encode(&record.data)));
    let data = match decoded {
        // One line a record: line breaks between values are blanks.
        Some((text, _)) => RawValue::from_string(text.replace(['\n', '\r'], " ")).or_else(|_| as_base64()),
        None => as_base64(),
    };
    let line = Line {
        sequence_number: &record.sequence_number,
        shard_id: &record.shard_id,
        arrived_at: record.arrived_at.map(time),
        partition_key: &record.partition_key,
        data: data.unwrap_or_default(),
    };
    serde_json::to_string(&line).unwrap_or_default()
}

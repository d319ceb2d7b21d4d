//! One put: from events to records and back to outcomes.

use std::time::{Duration, Instant};

use super::{
    load::{Load, Parcel},
    settle::Done,
};
use crate::{
    clock::now_ms,
    event::{Aggregation, Bucket, Encoding, RecordData, UserRecord},
    kinesis::{Client, Outgoing},
};

/// Puts the records of a load. `changes`: of the settings so far; `waited`: how long the client waits for the answer.
pub(super) async fn put(
    client: Client,
    mut load: Load,
    (encoding, aggregation): (Encoding, Aggregation),
    (changes, waited): (u64, Duration),
) -> Done {
    let (started, started_at) = (Instant::now(), now_ms());
    let keys = client.keys().await;
    let was_sent = keys.is_ok();
    let outcomes = match keys {
        Ok(()) => {
            let events: Vec<_> = load
                .events
                .iter()
                .map(|one| UserRecord { key: &one.event.key, json: &one.event.json })
                .collect();
            let records = records_of(&load.records, &events, aggregation);
            for (parcel, record) in load.records.iter_mut().zip(&records) {
                parcel.bytes = record.bytes(encoding);
            }
            client.put(&records, encoding).await
        }
        Err(outcome) => vec![outcome; load.records.len()],
    };
    Done { load, outcomes, started, started_at, encoding, changes, waited, was_sent }
}

/// The events of a load as its records.
fn records_of<'r>(
    records: &[Parcel],
    mut events: &'r [UserRecord<'r>],
    aggregation: Aggregation,
) -> Vec<Outgoing<'r>> {
    let record = |parcel: &Parcel| {
        let (of_record, rest) = events.split_at(parcel.events);
        events = rest;
        let hash_key = parcel.bucket.map(Bucket::hash_key);
        match (of_record, parcel.bucket) {
            (several @ [_, _, ..], Some(bucket)) => {
                let data = match aggregation {
                    Aggregation::Lines => RecordData::Lines(several),
                    // With none, no events share a record.
                    Aggregation::Kpl | Aggregation::None => RecordData::Kpl(bucket, several),
                };
                Outgoing { key: bucket.partition_key().into(), hash_key, data }
            }
            (of_record, _) => {
                debug_assert_eq!(of_record.len(), 1, "only records of a bucket are shared");
                // A record without a bucket has one event.
                let UserRecord { key, json } =
                    of_record.first().copied().unwrap_or(UserRecord { key: "", json: b"" });
                Outgoing { key: key.into(), hash_key, data: RecordData::One(json) }
            }
        }
    };
    records.iter().map(record).collect()
}

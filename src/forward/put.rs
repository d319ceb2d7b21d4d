//! One put: from events to records, and back to outcomes.

use std::time::{Duration, Instant};

use super::batch::{Batch, PlannedRecord, TakenEvent};
use crate::{
    clock::now_ms,
    delivery::{Millis, Outcome, PutCalls, PutOutcome, Puts},
    event::{Aggregation, Bucket, Encoding, RecordData, UserRecord},
    kinesis::{Client, Outgoing},
};

/// A batch to put, and how.
pub(super) struct PutRequest {
    pub(super) batch: Batch,
    pub(super) encoding: Encoding,
    pub(super) aggregation: Aggregation,
    /// Number of changes of the settings before it.
    pub(super) settings_version: u64,
    /// How long the client waits for the answer.
    pub(super) answer_timeout: Duration,
}

/// A put that came back.
pub(super) struct FinishedPut {
    pub(super) request: PutRequest,
    /// One for each record.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) started: Instant,
    pub(super) started_at: Millis,
    /// False: there were no AWS keys to send it with.
    pub(super) was_sent: bool,
}

/// Sums of a put.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PutTotals {
    /// What was delivered.
    pub(super) delivered: Puts,
    /// Data and keys of the delivered records.
    pub(super) bytes: u64,
    /// Number of throttled events.
    pub(super) throttled: u64,
}

impl FinishedPut {
    /// What became of the put: of all its records, or of the first that was not delivered.
    fn outcome(&self) -> PutOutcome {
        let is_delivered = |outcome: &Outcome| matches!(outcome, Outcome::Delivered(_));
        let first_not = self.outcomes.iter().find(|outcome| !is_delivered(outcome));
        match first_not {
            None | Some(Outcome::Delivered(_)) => PutOutcome::Delivered,
            Some(_) if self.outcomes.iter().any(is_delivered) => PutOutcome::Partly,
            Some(Outcome::Throttled(_)) => PutOutcome::Throttled,
            Some(Outcome::Offline(_)) => PutOutcome::Offline,
            Some(Outcome::Blocked(_)) => PutOutcome::Blocked,
            Some(Outcome::Refused(_)) => PutOutcome::Refused,
        }
    }

    pub(super) fn totals(&self) -> PutTotals {
        let mut totals = PutTotals::default();
        totals.delivered.calls = PutCalls::one(self.outcome());
        let PutRequest { batch, encoding, .. } = &self.request;
        let mut events = &batch.events[..];
        for (outcome, record) in self.outcomes.iter().zip(&batch.records) {
            let (of_record, rest) = events.split_at(record.events);
            events = rest;
            match outcome {
                Outcome::Delivered(_) => {
                    let alone = |taken: &TakenEvent| {
                        let event = &taken.event;
                        Puts::payload_units(encoding.encoded_len(event.json.len()) + event.key.len())
                    };
                    totals.delivered.records += 1;
                    totals.delivered.events += record.events as u64;
                    totals.delivered.payload_units += Puts::payload_units(record.bytes);
                    totals.delivered.payload_units_alone += of_record.iter().map(alone).sum::<u64>();
                    totals.bytes += record.bytes as u64;
                }
                Outcome::Throttled(_) => totals.throttled += record.events as u64,
                Outcome::Offline(_) | Outcome::Blocked(_) | Outcome::Refused(_) => {}
            }
        }
        totals
    }
}

/// Puts the records of a batch.
pub(super) async fn put(client: Client, mut request: PutRequest) -> FinishedPut {
    let PutRequest { batch, encoding, aggregation, .. } = &mut request;
    let (started, started_at) = (Instant::now(), now_ms());
    let keys = client.wait_for_keys().await;
    let was_sent = keys.is_ok();
    let outcomes = match keys {
        Ok(()) => {
            let events: Vec<_> = batch
                .events
                .iter()
                .map(|taken| UserRecord { key: &taken.event.key, json: &taken.event.json })
                .collect();
            let records = records_of(&batch.records, &events, *aggregation);
            for (planned, record) in batch.records.iter_mut().zip(&records) {
                planned.bytes = record.bytes(*encoding);
            }
            client.put(&records, *encoding).await
        }
        Err(outcome) => vec![outcome; batch.records.len()],
    };
    FinishedPut { request, outcomes, started, started_at, was_sent }
}

/// The records of a batch with their events.
fn records_of<'r>(
    records: &[PlannedRecord],
    mut events: &'r [UserRecord<'r>],
    aggregation: Aggregation,
) -> Vec<Outgoing<'r>> {
    let record = |planned: &PlannedRecord| {
        let (of_record, rest) = events.split_at(planned.events);
        events = rest;
        let hash_key = planned.bucket.map(Bucket::hash_key);
        match (of_record, planned.bucket) {
            (several @ [_, _, ..], Some(bucket)) => {
                let data = match aggregation {
                    Aggregation::Lines => RecordData::Lines(several),
                    // Without aggregation no events share a record.
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

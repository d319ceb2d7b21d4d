//! The record of a test event as it was read back from the stream, and the comparison with what was put.

use std::sync::Arc;

use crate::{
    app::{
        waiting::Waiting,
        widgets::{self, Tone},
    },
    delivery::{AwsError, Detail, PlaceInRecord, Record},
    event::{self, Bucket, Part},
};

/// How far reading the record back is.
pub(super) enum ReadBack {
    NotYet,
    Waiting(Waiting<Result<Option<Record>, AwsError>>),
    Done(Box<EventRead>),
    /// The stream no longer has the record.
    Gone,
    Failed(AwsError),
    /// The stream did not answer in time.
    TimedOut,
}

/// The event as a consumer reads it.
pub(super) struct EventRead {
    /// Its partition key. If several events share a record as lines, it is the key of the record.
    key: Arc<str>,
    /// Its bytes in the record.
    pub stored: Vec<u8>,
    /// Its place in the record, and the number of events there.
    pub place: Option<(usize, usize)>,
}

impl EventRead {
    /// The event at this place in the record, or the whole record if it has no such place.
    pub(super) fn at(place: Option<PlaceInRecord>, record: &Record) -> Self {
        let whole =
            || Self { key: Arc::clone(&record.partition_key), stored: record.data.to_vec(), place: None };
        let Some(place) = place else { return whole() };
        let is_it = |part: &Part<'_>| part.place == Some((place.at as usize, place.of as usize));
        let part = event::parts(&record.partition_key, &record.data).into_iter().find(is_it);
        part.map_or_else(whole, |part| Self {
            key: part.key,
            stored: part.stored.to_vec(),
            place: part.place,
        })
    }

    /// Whether the event has this partition key. An event that shares a record may have the key of its bucket instead.
    fn has_key(&self, key: &str) -> bool {
        *self.key == *key || self.place.is_some() && *self.key == *Bucket::of(key).partition_key()
    }
}

/// Compares the event that was read with the one that was put: the tone, title and text of a step.
pub(super) fn compared(delivered: &Detail, read: &EventRead) -> (Option<Tone>, &'static str, String) {
    let put = delivered.encoding.encode(&delivered.json);
    let key = &delivered.delivery.partition_key;
    let place = delivered.delivery.receipt.as_ref().and_then(|receipt| receipt.place);
    if put == read.stored && read.has_key(key) && place.is_some() == read.place.is_some() {
        let what = if read.key == *key { "bytes and the partition key" } else { "bytes" };
        let in_record = read.place.map(|(at, of)| format!(" as event {at} of {of} in its record"));
        let bytes = widgets::digits(put.len() as u64);
        let text = format!("{bytes} {what}, byte for byte what was put{}", in_record.unwrap_or_default());
        return (Some(Tone::Good), "Read back from the stream", text);
    }
    let differs = if let (Some(place), None) = (place, read.place) {
        format!("It does not hold {} events with this one as number {}", place.of, place.at)
    } else if read.has_key(key) {
        let at = put.iter().zip(&read.stored).take_while(|(a, b)| a == b).count();
        let [put, read, at] = [put.len(), read.stored.len(), at].map(|n| widgets::digits(n as u64));
        format!("{put} bytes were put and {read} read; they differ from byte {at} on")
    } else {
        format!("The partition key is {}, not {key}", read.key)
    };
    (Some(Tone::Bad), "The record in the stream is different", differs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::{Delivery, Receipt, State},
        event::{Encoding, Kind, RecordData, UserRecord},
    };

    fn record(key: &str, data: Vec<u8>) -> Record {
        Record {
            shard_id: "shardId-0".into(),
            sequence_number: "49".into(),
            arrived_at: None,
            partition_key: key.into(),
            data: data.into(),
        }
    }

    fn delivered(key: &str, json: &'static str, encoding: Encoding, at: u32) -> Detail {
        let place = Some(PlaceInRecord { at, of: 2 });
        let receipt = Receipt { shard_id: "shardId-0".into(), sequence_number: "49".into(), place };
        let delivery = Delivery {
            id: 1,
            state: State::Delivered,
            kind: Some(Kind::Track),
            name: None,
            message_id: "m".into(),
            source: "s".into(),
            partition_key: key.into(),
            key_shortened: false,
            received_at: 0,
            settled_at: Some(1),
            attempts: 1,
            took_ms: 1,
            receipt: Some(receipt),
            fault: None,
            bytes: 0,
            repeat_of: None,
            resend_of: None,
            resent_as: None,
            preview: None,
        };
        Detail { delivery, json: json.into(), encoding, attempts: Vec::new() }
    }

    #[test]
    fn an_event_is_compared_with_its_own_part_of_an_aggregated_record() {
        let bucket = Bucket::of("ada");
        let two =
            [UserRecord { key: "ada", json: b"{\"n\":1}" }, UserRecord { key: "ada", json: b"{\"n\":2}" }];
        for (encoding, data) in [
            (Encoding::Base64, RecordData::Kpl(bucket, &two)),
            (Encoding::JsonLines, RecordData::Lines(&two)),
        ] {
            let mut bytes = Vec::new();
            data.encode_into(encoding, &mut bytes);
            let record = record(&bucket.partition_key(), bytes);
            for (at, json) in [(1, "{\"n\":1}"), (2, "{\"n\":2}")] {
                let detail = delivered("ada", json, encoding, at);
                let read = EventRead::at(detail.delivery.receipt.as_ref().and_then(|r| r.place), &record);
                let (tone, _, text) = compared(&detail, &read);
                assert_eq!(tone, Some(Tone::Good), "{text}");
                assert!(text.ends_with(&format!("event {at} of 2 in its record")), "{text}");
                let other = delivered("ada", "{\"n\":3}", encoding, at);
                assert_eq!(compared(&other, &read).0, Some(Tone::Bad));
            }
            // The sequence number belongs to another record.
            let read =
                EventRead::at(Some(PlaceInRecord { at: 1, of: 2 }), &self::record("ada", b"x".to_vec()));
            let (tone, _, text) = compared(&delivered("ada", "{}", encoding, 1), &read);
            assert_eq!(tone, Some(Tone::Bad));
            assert!(text.contains("does not hold 2 events"), "{text}");
        }
    }
}

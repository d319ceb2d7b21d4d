//! Records that hold several events: they are read back, and data that is not in the format stays one record.

use std::sync::Arc;

use md5::{Digest as _, Md5};
use proptest::prelude::*;

use super::*;
use crate::event::kpl::deaggregate;

/// Made by `aggregate` of aws-kinesis-agg 4.2.8 (npm): `{"n":1}` of ada, `eyJuIjoyfQ==` of bob with an explicit
/// hash key, and the bytes FF 00 of ada.
const AGGREGATED: &str = "f3899ac20a036164610a03626f6212273137303134313138333436303436393233313733313638373330333731353838343130353732381a0b08001a077b226e223a317d1a12080110001a0c65794a75496a6f7966513d3d1a0608001a02ff005845f636416aaf537043c37a3fc6548d";

fn aggregated() -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&AGGREGATED[at..at + 2], 16).expect("hex");
    (0..AGGREGATED.len()).step_by(2).map(byte).collect()
}

fn json_content(layers: &[Layer], text: &str) -> Content {
    Content { layers: layers.to_vec(), inside: Inside::Json(text.into()) }
}

#[test]
fn an_aggregated_record_of_another_library_is_read() {
    let data = aggregated();
    let found = parts(&"outer".into(), &data);
    let seen: Vec<_> = found.iter().map(|part| (&*part.key, part.place, &part.content)).collect();
    let bytes = Content { layers: vec![], inside: Inside::Binary(vec![0xff, 0]) };
    assert_eq!(
        seen,
        [
            ("ada", Some((1, 3)), &json_content(&[], "{\"n\":1}")),
            ("bob", Some((2, 3)), &json_content(&[Layer::Base64], "{\"n\":2}")),
            ("ada", Some((3, 3)), &bytes),
        ]
    );
}

#[test]
fn an_aggregated_record_with_a_wrong_bit_is_an_ordinary_one() {
    let data = aggregated();
    for at in 0..data.len() {
        let mut broken = data.clone();
        broken[at] ^= 1;
        assert_eq!(deaggregate(&broken, 100), None, "byte {at}");
        assert_eq!(deaggregate(&data[..at], 100), None, "cut at {at}");
    }
    let found = parts(&"outer".into(), &data[..40]);
    assert_eq!((found.len(), &*found[0].key, found[0].place), (1, "outer", None));
}

proptest! {
    #[test]
    fn aggregated_events_are_read_back_and_their_size_is_within_the_bound(
        events in prop::collection::vec(("[a-c\u{e9}]{1,40}", "\\{\"n\":[0-9]{1,300}\\}"), 1..40),
        encoding in prop::sample::select(Encoding::ALL.to_vec()),
    ) {
        let bucket = Bucket::of("any");
        let records: Vec<_> =
            events.iter().map(|(key, json)| UserRecord { key, json: json.as_bytes() }).collect();
        let mut data = Vec::new();
        let kpl = RecordData::Kpl(bucket, &records);
        kpl.encode_into(encoding, &mut data);
        prop_assert_eq!(data.len(), kpl.encoded_len(encoding));
        let mut size = RecordSize::new(Aggregation::Kpl);
        let mut before = None;
        for record in &records {
            let is_new = before != Some(record.key);
            size = size.with(encoding.encoded_len(record.json.len()), is_new.then_some(record.key));
            before = Some(record.key);
        }
        prop_assert!(data.len() + bucket.partition_key().len() <= size.bytes());
        let outer: Arc<str> = bucket.partition_key().into();
        let found = parts(&outer, &data);
        prop_assert_eq!(found.len(), events.len());
        for (at, (part, (key, json))) in found.iter().zip(&events).enumerate() {
            prop_assert_eq!(&*part.key, key);
            prop_assert_eq!(part.place, Some((at + 1, events.len())));
            prop_assert_eq!(part.stored, &encoding.encode(json.as_bytes())[..]);
        }
    }
}

#[test]
fn lines_are_written_and_read_back() {
    let records =
        [UserRecord { key: "a", json: b"{\"n\":\n1}" }, UserRecord { key: "b", json: b"{\"n\":2}" }];
    let mut data = Vec::new();
    let lines = RecordData::Lines(&records);
    lines.encode_into(Encoding::JsonLines, &mut data);
    assert_eq!(data, b"{\"n\": 1}\n{\"n\":2}\n");
    assert_eq!(lines.encoded_len(Encoding::JsonLines), data.len());
    let found = parts(&"bucket-0007".into(), &data);
    let seen: Vec<_> = found.iter().map(|part| (&*part.key, part.place, part.stored)).collect();
    assert_eq!(
        seen,
        [
            ("bucket-0007", Some((1, 2)), &b"{\"n\": 1}\n"[..]),
            ("bucket-0007", Some((2, 2)), &b"{\"n\":2}\n"[..]),
        ]
    );
}

proptest! {
    #[test]
    fn a_message_of_any_bytes_is_read_without_a_panic(message in proptest::collection::vec(any::<u8>(), 0..200)) {
        let data = [&b"\xF3\x89\x9A\xC2"[..], &message, &Md5::digest(&message)[..]].concat();
        if let Some(records) = deaggregate(&data, 100) {
            prop_assert!(!records.is_empty());
        }
        prop_assert!(!parts(&"k".into(), &message).is_empty());
    }
}

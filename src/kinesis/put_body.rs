//! The bodies of `PutRecord` and `PutRecords`, written in one pass. The SDK takes twice the CPU, for several allocations
//! and copies a record. `docs/performance.md` has the measurement.
//!
//! The format is that of the API reference
//! (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html>). Tests compare it with the SDK's bodies.

use aws_sdk_kinesis::config::http::HttpRequest;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use super::record::{Outgoing, Target};
use crate::event::{Encoding, RecordData};

/// Maximum bytes of a record besides its data and partition key; a hash key has up to 39 digits.
const FRAME_BYTES: usize = r#"{"Data":"","PartitionKey":"","ExplicitHashKey":""},"#.len() + 39;

/// The body of a `PutRecords` request.
pub(super) fn records(target: &Target, outgoing: &[Outgoing<'_>], encoding: Encoding) -> Bytes {
    let (member, stream) = match target {
        Target::Name(name) => ("StreamName", name),
        Target::Arn(arn) => ("StreamARN", arn),
    };
    let bytes = |record: &Outgoing<'_>| {
        Encoding::Base64.encoded_len(record.data.encoded_len(encoding)) + record.key.len() + FRAME_BYTES
    };
    let room = outgoing.iter().map(bytes).sum::<usize>() + stream.len() + 64;
    let mut body = Vec::with_capacity(room);
    let mut data = Vec::new();
    body.extend_from_slice(b"{\"Records\":[");
    for (index, record) in outgoing.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(b"{\"Data\":\"");
        data_into(record, encoding, &mut data, &mut body);
        body.extend_from_slice(b"\",\"PartitionKey\":");
        string(&record.key, &mut body);
        hash_key_into(record, &mut body);
        body.push(b'}');
    }
    body.extend_from_slice(b"],\"");
    body.extend_from_slice(member.as_bytes());
    body.extend_from_slice(b"\":");
    string(stream, &mut body);
    body.push(b'}');
    body.into()
}

/// The body of a `PutRecord` request, with its members in the SDK's order
/// (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html>).
pub(super) fn record(target: &Target, outgoing: &Outgoing<'_>, encoding: Encoding) -> Vec<u8> {
    let data_len = Encoding::Base64.encoded_len(outgoing.data.encoded_len(encoding));
    let mut body = Vec::with_capacity(data_len + outgoing.key.len() + FRAME_BYTES + 128);
    body.push(b'{');
    if let Target::Name(name) = target {
        body.extend_from_slice(b"\"StreamName\":");
        string(name, &mut body);
        body.push(b',');
    }
    body.extend_from_slice(b"\"Data\":\"");
    data_into(outgoing, encoding, &mut Vec::new(), &mut body);
    body.extend_from_slice(b"\",\"PartitionKey\":");
    string(&outgoing.key, &mut body);
    hash_key_into(outgoing, &mut body);
    if let Target::Arn(arn) = target {
        body.extend_from_slice(b",\"StreamARN\":");
        string(arn, &mut body);
    }
    body.push(b'}');
    body
}

/// Appends the record's data in base64. `data` is a buffer to reuse.
fn data_into(record: &Outgoing<'_>, encoding: Encoding, data: &mut Vec<u8>, body: &mut Vec<u8>) {
    if let (RecordData::One(json), Encoding::Json) = (record.data, encoding) {
        Encoding::Base64.encode_into(json, body);
        return;
    }
    data.clear();
    data.reserve(record.data.encoded_len(encoding));
    record.data.encode_into(encoding, data);
    Encoding::Base64.encode_into(data, body);
}

fn hash_key_into(record: &Outgoing<'_>, body: &mut Vec<u8>) {
    if let Some(hash_key) = record.hash_key {
        body.extend_from_slice(b",\"ExplicitHashKey\":");
        string(&hash_key.to_string(), body);
    }
}

/// Replaces the body of a request that is not signed yet.
pub(super) fn set(body: &Bytes, request: &mut HttpRequest) {
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body.clone());
}

/// Appends a JSON string.
fn string(text: &str, out: &mut Vec<u8>) {
    // Cannot fail: writing to memory does not, and every text is a JSON string.
    drop(serde_json::to_writer(out, text));
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_kinesis::{
        Client, Config,
        config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
        primitives::Blob,
        types::PutRecordsRequestEntry,
    };
    use serde_json::Value;

    use super::*;
    use crate::event::{Bucket, UserRecord};

    fn bytes_of(record: &Outgoing<'_>, encoding: Encoding) -> Vec<u8> {
        let mut data = Vec::new();
        record.data.encode_into(encoding, &mut data);
        data
    }

    /// The SDK's body for the same records. Nothing listens at the client's address.
    async fn by_the_sdk(target: &Target, records: &[Outgoing<'_>], encoding: Encoding) -> Vec<u8> {
        let settings = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url("http://127.0.0.1:9")
            .credentials_provider(Credentials::new("AKIAEXAMPLE", "example", None, None, "test"))
            .retry_config(RetryConfig::disabled());
        let entries = records.iter().map(|record| {
            let data = Blob::new(bytes_of(record, encoding));
            PutRecordsRequestEntry::builder()
                .partition_key(&*record.key)
                .set_explicit_hash_key(record.hash_key.map(|key| key.to_string()))
                .data(data)
                .build()
                .expect("both are there")
        });
        let seen = Arc::new(Mutex::new(Vec::new()));
        let look = Arc::clone(&seen);
        Client::from_conf(settings.build())
            .put_records()
            .set_stream_name(target.name())
            .set_stream_arn(target.arn())
            .set_records(Some(entries.collect()))
            .customize()
            .mutate_request(move |request| {
                *look.lock().expect("one thread") = request.body().bytes().expect("in memory").to_vec();
            })
            .send()
            .await
            .expect_err("nothing listens there");
        seen.lock().expect("one thread").clone()
    }

    #[tokio::test]
    async fn the_body_says_what_the_sdk_would_have_said() {
        let bucket = Bucket::of("a");
        let two = [UserRecord { key: "a", json: b"{\"n\":1}" }, UserRecord { key: "b", json: b"{}" }];
        let records = [
            Outgoing::of("user-1", b"{\"a\":1}"),
            Outgoing::of("says \"hi\" \\ / \u{1}\u{7f}\n\u{e9}\u{1f600}", b"{\n\"b\":\r\n2}"),
            Outgoing::of("3", "{\"c\":\"\u{e9}\"}".as_bytes()),
            Outgoing { hash_key: Some(u128::MAX), ..Outgoing::of("4", b"{}") },
            Outgoing {
                key: "bucket-0051".into(),
                hash_key: Some(bucket.hash_key()),
                data: RecordData::Kpl(bucket, &two),
            },
        ];
        for stream in ["clickstream", "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"] {
            let target = Target::new(stream);
            for encoding in Encoding::ALL {
                for count in 1..=records.len() {
                    let records = &records[..count];
                    let ours: Value =
                        serde_json::from_slice(&super::records(&target, records, encoding)).expect("JSON");
                    let theirs = by_the_sdk(&target, records, encoding).await;
                    let theirs: Value = serde_json::from_slice(&theirs).expect("JSON");
                    assert_eq!(ours, theirs);
                    assert_eq!(ours["Records"].as_array().map(Vec::len), Some(count));
                }
            }
        }
    }
}

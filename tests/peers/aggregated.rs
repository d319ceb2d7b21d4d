//! Aggregated records, read by the libraries that AWS publishes for consumers without the KCL: `aws-kinesis-agg` for
//! Node and for Python.

use crate::kpl::Part;
use crate::processes::{node, python, run, sender};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::process::Command;
use tributary::event::{Bucket, Encoding, RecordData, UserRecord};

/// One user record in the output of the scripts.
#[derive(Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Found {
    partition_key: String,
    explicit_hash_key: Option<String>,
    data: String,
    place: Option<usize>,
}

fn part(key: impl Into<String>, bucket: Bucket, data: impl Into<Vec<u8>>) -> Part {
    let explicit_hash_key = Some(bucket.hash_key().to_string());
    Part { partition_key: key.into(), explicit_hash_key, data: data.into() }
}

/// In the forwarder's form.
fn encode((bucket, parts): &(Bucket, Vec<Part>)) -> Vec<u8> {
    let user_records: Vec<_> =
        parts.iter().map(|part| UserRecord { key: &part.partition_key, json: &part.data }).collect();
    let mut record = Vec::new();
    RecordData::Kpl(*bucket, &user_records).encode_into(Encoding::Json, &mut record);
    record
}

/// Records with one explicit hash key each, and with everything that is easily damaged.
fn records() -> Vec<(Bucket, Vec<Part>)> {
    let [a, b, c] = ["a", "b", "c"].map(Bucket::of);
    let many = (0..300).map(|n| part(format!("user-{}", n % 140), c, format!(r#"{{"n":{n}}}"#)));
    vec![
        (
            a,
            vec![
                part("user-1", a, r#"{"event":"Signed Up"}"#),
                part("user-2", a, "{}"),
                part("user-1", a, "[]"),
            ],
        ),
        (b, vec![part("ユーザー 🎉", b, (0..=255).collect::<Vec<u8>>()), part("k", b, "")]),
        (c, vec![part("alone", c, vec![b'x'; 50_000])]),
        (c, many.collect()),
    ]
}

/// The script returns what was put into the records, and into one that is not aggregated.
fn takes_them_apart(script: &mut Command) {
    let records = records();
    let plain = br#"{"event":"alone"}"#;
    let lines = records.iter().map(encode).chain([plain.to_vec()]);
    let input: String = lines.map(|record| STANDARD.encode(record) + "\n").collect();
    let output = run(script, &input);
    let found: Vec<Vec<Found>> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let wanted = |(at, part): (usize, &Part)| Found {
        partition_key: part.partition_key.clone(),
        explicit_hash_key: part.explicit_hash_key.clone(),
        data: STANDARD.encode(&part.data),
        place: Some(at + 1),
    };
    assert_eq!(found.len(), records.len() + 1);
    for (found, (_, parts)) in found.iter().zip(&records) {
        let wanted: Vec<_> = parts.iter().enumerate().map(wanted).collect();
        assert_eq!(*found, wanted);
    }
    let alone = Found {
        partition_key: "outside".into(),
        explicit_hash_key: None,
        data: STANDARD.encode(plain),
        place: None,
    };
    assert_eq!(found[records.len()], [alone]);
}

#[test]
fn aws_kinesis_agg_for_node_takes_aggregated_records_apart() {
    takes_them_apart(&mut node("deaggregate.js"));
}

#[test]
fn aws_kinesis_agg_for_python_takes_aggregated_records_apart() {
    takes_them_apart(Command::new(python()).arg(sender("deaggregate.py")));
}

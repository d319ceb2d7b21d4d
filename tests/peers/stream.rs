//! The content of another Kinesis' stream, read by the AWS SDK alone and by `tributary tail`.

use crate::conformance;
use crate::json::{Members, items};
use crate::processes::{AWS_KEY, Kinesalite, STREAM, Serve};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::ShardIteratorType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// One record, with its bytes decoded.
#[derive(Clone, Debug)]
pub struct Found {
    pub shard: String,
    pub sequence: String,
    pub partition_key: String,
    /// The event's JSON text.
    pub event: String,
    pub members: Members,
}

impl Found {
    /// Enough of the event to identify it.
    pub fn shown(&self) -> String {
        self.event.chars().take(300).collect()
    }

    pub fn message_id(&self) -> String {
        self.members.string("messageId").unwrap_or_else(|| panic!("no messageId in {}", self.event))
    }
}

pub struct Stream {
    url: String,
    keys: (&'static str, &'static str),
}

impl Stream {
    /// A new stream of three shards in kinesalite.
    pub async fn create(kinesalite: &Kinesalite) -> Self {
        Self::create_at(&kinesalite.url, AWS_KEY).await
    }

    /// The same on any server.
    pub async fn create_at(url: &str, keys: (&'static str, &'static str)) -> Self {
        let stream = Self { url: url.to_owned(), keys };
        let client = stream.client();
        client.create_stream().stream_name(STREAM).shard_count(3).send().await.unwrap();
        for _ in 0..200 {
            let summary = client.describe_stream_summary().stream_name(STREAM).send().await.unwrap();
            if summary.stream_description_summary.unwrap().stream_status.as_str() == "ACTIVE" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        stream
    }

    /// A new one, since a server may close a kept connection just when it is used again.
    fn client(&self) -> Client {
        conformance::client(&self.url, self.keys.0, self.keys.1)
    }

    /// Every record, in the order of each shard.
    pub async fn read(&self, encoding: &str) -> Vec<Found> {
        let mut found = Vec::new();
        let client = self.client();
        let listed = client.list_shards().stream_name(STREAM).send().await.unwrap();
        for shard in listed.shards.unwrap() {
            let iterator = client.get_shard_iterator().stream_name(STREAM);
            let iterator =
                iterator.shard_id(&shard.shard_id).shard_iterator_type(ShardIteratorType::TrimHorizon);
            let mut next = iterator.send().await.unwrap().shard_iterator;
            while let Some(iterator) = next {
                let got = client.get_records().shard_iterator(iterator).send().await.unwrap();
                for record in &got.records {
                    let event = decoded(record.data.as_ref(), encoding);
                    found.push(Found {
                        shard: shard.shard_id.clone(),
                        sequence: record.sequence_number.clone(),
                        partition_key: record.partition_key.clone().expect("a key"),
                        members: Members::parse(&event),
                        event,
                    });
                }
                next = got.next_shard_iterator.filter(|_| !got.records.is_empty());
            }
        }
        found
    }
}

/// Removes exactly the encoding that was chosen.
fn decoded(data: &[u8], encoding: &str) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    match encoding {
        "base64" => text(&STANDARD.decode(data).expect("standard base64 with padding")),
        "json" => text(data),
        "json-lines" => {
            let line = text(data);
            let event = line.strip_suffix('\n').expect("a line ends");
            assert!(!event.contains(['\n', '\r']), "more than one line: {line}");
            event.to_owned()
        }
        other => panic!("no encoding: {other}"),
    }
}

/// Checks that `tributary tail` shows the same records.
pub fn tail_agrees(serve: &Serve, records: &[Found]) {
    let mut shown = BTreeMap::new();
    for line in serve.tail().lines() {
        let line = Members::parse(line);
        assert!(line.text("arrivedAt").is_some(), "{line:?}");
        shown.insert(line.string("sequenceNumber").unwrap(), line);
    }
    assert_eq!(shown.len(), records.len(), "tail shows every record once");
    for record in records {
        let line = shown.get(&record.sequence).expect("tail shows this record");
        assert_eq!(line.string("shardId").as_deref(), Some(&*record.shard));
        assert_eq!(line.string("partitionKey").as_deref(), Some(&*record.partition_key));
        assert_eq!(line.text("data"), Some(&*record.event));
    }
}

/// The events of one request body: of a batch, or one event.
pub fn events_in(body: &str) -> Vec<Members> {
    let one = Members::parse(body);
    if one.text("batch").is_some() { sent_in(body).1 } else { vec![one] }
}

/// The events of one request body, and the members of its envelope.
pub fn sent_in(body: &str) -> (Members, Vec<Members>) {
    let envelope = Members::parse(body);
    let batch = items(envelope.text("batch").expect("SDKs of servers send batches"));
    (envelope, batch.iter().map(|item| Members::parse(item)).collect())
}

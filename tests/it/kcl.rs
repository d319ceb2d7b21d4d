//! A stream read through the real AWS SDK as the Kinesis Client Library (KCL) reads it, and the proof that the KCL
//! never drops aggregated records with one explicit hash key.
//!
//! [`read_all`] is for other tests too: it returns the user records of a stream in reading order, and how many
//! aggregated records were dropped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{Record, ScalingType, Shard, ShardIteratorType};
use md5::{Digest, Md5};
use tokio::task::JoinSet;
use tributary::engine::PRACTICE_STREAM;
use tributary::event::Encoding;

use crate::binary::{WRITE_KEY, key_header};
use crate::conformance::put;
use crate::kpl::{self, Part};
use crate::practice::with_stream;
use crate::practising::practising;
use crate::wire::{self, Connection, wait_until};

/// One user record as its producer made it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserRecord {
    pub partition_key: String,
    /// From the aggregated record; `None` for every plain record.
    pub explicit_hash_key: Option<u128>,
    pub data: Vec<u8>,
    pub shard_id: String,
    /// The sequence number of its Kinesis record.
    pub sequence_number: String,
    /// Its place in an aggregated record, from 1, and the number of user records there; `None`: a plain record.
    pub place: Option<(usize, usize)>,
}

/// The result of reading.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Read {
    /// Shard by shard, a parent before its children, otherwise in no guaranteed order. Within a shard they are in the
    /// order of the sequence numbers, and within an aggregated record in its order. So the records of one partition key
    /// are in the order in which they were put, if none was dropped.
    pub records: Vec<UserRecord>,
    /// Number of aggregated records that were dropped since one of their user records does not belong to the shard.
    pub dropped: usize,
}

/// Reads all records of a stream, from the oldest to the newest, as an application that is built with the KCL.
pub async fn read_all(client: &Client, stream: &str) -> Read {
    let mut reader = Reader::new(client, stream);
    reader.read_on().await;
    reader.read
}

/// The next iterator of a shard; `None`: the shard is closed, and was read to its end.
type Cursor = Option<String>;

/// Reads a stream from its oldest record on, step by step.
pub struct Reader {
    client: Client,
    stream: String,
    cursors: BTreeMap<String, Cursor>,
    pub read: Read,
}

impl Reader {
    pub fn new(client: &Client, stream: &str) -> Self {
        let (client, stream) = (client.clone(), stream.to_owned());
        Self { client, stream, cursors: BTreeMap::new(), read: Read::default() }
    }

    /// Reads until a round over all shards, with closed ones and their children, has found nothing new.
    pub async fn read_on(&mut self) {
        let mut is_new = true;
        while is_new {
            is_new = false;
            let shards = self.list().await;
            let listed: BTreeSet<&str> = shards.iter().map(Shard::shard_id).collect();
            // The newest first: only the rule about parents keeps the order, as in the KCL.
            for shard in shards.iter().rev() {
                let mut parents =
                    [shard.parent_shard_id(), shard.adjacent_parent_shard_id()].into_iter().flatten();
                // A parent that is no longer listed is past the retention period.
                if parents.all(|parent| self.has_ended(parent) || !listed.contains(parent)) {
                    is_new |= self.read_shard(shard).await;
                }
            }
        }
    }

    async fn list(&self) -> Vec<Shard> {
        let (mut shards, mut token) = (Vec::new(), None);
        loop {
            let name = token.is_none().then(|| self.stream.clone());
            let list = self.client.list_shards().set_stream_name(name).set_next_token(token);
            let page = list.send().await.unwrap();
            shards.extend(page.shards.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                return shards;
            }
        }
    }

    fn has_ended(&self, shard_id: &str) -> bool {
        matches!(self.cursors.get(shard_id), Some(None))
    }

    /// Reads a shard to its end or its tip. Returns whether anything was new: a record, or the end.
    async fn read_shard(&mut self, shard: &Shard) -> bool {
        if self.has_ended(shard.shard_id()) {
            return false;
        }
        let mut iterator = match self.cursors.remove(shard.shard_id()).flatten() {
            Some(iterator) => iterator,
            None => self.oldest(shard.shard_id()).await,
        };
        let mut is_new = false;
        let cursor = loop {
            let page = self.client.get_records().shard_iterator(iterator).send().await.unwrap();
            is_new |= !page.records.is_empty();
            for record in &page.records {
                self.take(shard, record);
            }
            match page.next_shard_iterator {
                None => {
                    is_new = true;
                    break None;
                }
                Some(next) if page.records.is_empty() && page.millis_behind_latest == Some(0) => {
                    break Some(next);
                }
                Some(next) => iterator = next,
            }
        };
        self.cursors.insert(shard.shard_id().to_owned(), cursor);
        is_new
    }

    async fn oldest(&self, shard_id: &str) -> String {
        let ask = self.client.get_shard_iterator().stream_name(&self.stream).shard_id(shard_id);
        let oldest = ask.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await;
        oldest.unwrap().shard_iterator.unwrap()
    }

    /// The rule of `AggregatorUtil.deaggregate` (amazon-kinesis-client), which gets the hash key range of the shard. At
    /// the first user record outside of it, the records before it are taken back, the others are skipped, and nothing
    /// is reported.
    fn take(&mut self, shard: &Shard, record: &Record) {
        let user_record = |key: &str, hash, data: &[u8], place| UserRecord {
            partition_key: key.to_owned(),
            explicit_hash_key: hash,
            data: data.to_vec(),
            shard_id: shard.shard_id().to_owned(),
            sequence_number: record.sequence_number.clone(),
            place,
        };
        let Some(parts) = kpl::decode(record.data.as_ref()) else {
            let key = record.partition_key.as_deref().unwrap();
            self.read.records.push(user_record(key, None, record.data.as_ref(), None));
            return;
        };
        let range = shard.hash_key_range().unwrap();
        let range = range.starting_hash_key.parse::<u128>().unwrap()..=range.ending_hash_key.parse().unwrap();
        let explicit =
            |part: &Part| part.explicit_hash_key.as_ref().map(|hash| hash.parse::<u128>().unwrap());
        let belongs =
            |part: &Part| range.contains(&explicit(part).unwrap_or_else(|| md5(&part.partition_key)));
        if !parts.iter().all(belongs) {
            self.read.dropped += 1;
            return;
        }
        let places = (1..).map(|place| Some((place, parts.len())));
        let taken = parts.iter().zip(places);
        let taken = taken.map(|(part, at)| user_record(&part.partition_key, explicit(part), &part.data, at));
        self.read.records.extend(taken);
    }
}

fn md5(key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(key).into())
}

const HALF: u128 = 1 << 127;
/// The width of a bucket: the hashes are divided into 1,024 buckets.
const BUCKET: u128 = 1 << 118;

/// `count` keys whose MD5 is in a bucket.
fn keys_of(bucket: u128, count: usize) -> Vec<String> {
    let users = (0..).map(|number| format!("user-{number}"));
    users.filter(|user| md5(user) / BUCKET == bucket).take(count).collect()
}

fn part(key: &str, hash: Option<u128>, data: impl Into<Vec<u8>>) -> Part {
    let explicit_hash_key = hash.map(|hash| hash.to_string());
    Part { partition_key: key.to_owned(), explicit_hash_key, data: data.into() }
}

async fn put_aggregated(client: &Client, hash: u128, parts: &[Part]) {
    let put =
        client.put_record().stream_name("s").partition_key("aggregated").data(Blob::new(kpl::encode(parts)));
    put.explicit_hash_key(hash.to_string()).send().await.unwrap();
}

fn texts(read: &Read) -> Vec<&str> {
    read.records.iter().map(|record| std::str::from_utf8(&record.data).unwrap()).collect()
}

#[tokio::test]
async fn an_aggregated_record_with_one_key_of_another_shard_is_dropped_whole_and_silently() {
    let running = with_stream(2).await;
    let client = &running.client;
    let [low, high] = [keys_of(3, 2), keys_of(1000, 2)];
    let only_low = [part(&low[0], None, "a"), part(&low[1], None, "b"), part(&low[0], None, "c")];
    put_aggregated(client, 0, &only_low).await;
    for straddling in
        [[&low[0], &low[1], &high[0]], [&high[0], &low[0], &low[1]], [&low[0], &high[1], &low[1]]]
    {
        put_aggregated(client, 0, &straddling.map(|key| part(key, None, "lost"))).await;
    }
    // The hash of the user record counts, not the one of its key.
    put_aggregated(client, 0, &[part(&low[0], Some(HALF), "lost")]).await;
    put_aggregated(client, HALF, &[part(&low[0], Some(HALF), "d"), part(&high[0], None, "e")]).await;
    assert_eq!(put(client, "s", &low[0], "plain").await, "ok");
    let read = read_all(client, "s").await;
    assert_eq!((texts(&read), read.dropped), (vec!["d", "e", "a", "b", "c", "plain"], 4));
    let places: Vec<_> = read.records.iter().map(|record| record.place).collect();
    assert_eq!(places, [Some((1, 2)), Some((2, 2)), Some((1, 3)), Some((2, 3)), Some((3, 3)), None]);
    let hashes = [read.records[0].explicit_hash_key, read.records[1].explicit_hash_key];
    assert_eq!(hashes, [Some(HALF), None]);
    let third = &read.records[2];
    assert_eq!((&*third.partition_key, &*third.shard_id), (&*low[0], "shardId-000000000000"));
    assert!(read.records[2..5].iter().all(|record| record.sequence_number == third.sequence_number));
}

/// Puts a record of each of some buckets, with three keys in each, in every state of a stream whose shards are split in
/// the middle of a bucket, merged, and scaled to a number that divides nothing evenly. Returns how many records were
/// put.
async fn put_while_the_shards_change(client: &Client, explicit: impl Fn(u128) -> Option<u128>) -> usize {
    const BUCKETS: [u128; 6] = [0, 3, 511, 512, 700, 1023];
    let keys = BUCKETS.map(|bucket| keys_of(bucket, 3));
    let mut round = 0;
    let mut put_all = async || {
        for (bucket, keys) in BUCKETS.iter().zip(&keys) {
            let hash = bucket * BUCKET;
            let parts: Vec<_> = keys.iter().map(|key| part(key, explicit(hash), round.to_string())).collect();
            put_aggregated(client, hash, &parts).await;
        }
        round += 1;
        round * BUCKETS.len()
    };
    put_all().await;
    for (shard, bucket) in [("shardId-000000000000", 3), ("shardId-000000000001", 700)] {
        // Halfway between the hashes of this bucket's keys.
        let mut hashes = keys_of(bucket, 3).iter().map(|key| md5(key)).collect::<Vec<_>>();
        hashes.sort_unstable();
        let split = client.split_shard().stream_name("s").shard_to_split(shard);
        split.new_starting_hash_key(hashes[1].to_string()).send().await.unwrap();
        put_all().await;
    }
    // The children of both splits that meet in the middle.
    let merge = client.merge_shards().stream_name("s").shard_to_merge("shardId-000000000003");
    merge.adjacent_shard_to_merge("shardId-000000000004").send().await.unwrap();
    put_all().await;
    for count in [5, 3, 6] {
        let scale = client.update_shard_count().stream_name("s").target_shard_count(count);
        scale.scaling_type(ScalingType::UniformScaling).send().await.unwrap();
        put_all().await;
    }
    put_all().await
}

#[tokio::test]
async fn a_record_with_one_explicit_hash_key_is_never_dropped_however_the_shards_change() {
    let running = with_stream(2).await;
    let put = put_while_the_shards_change(&running.client, Some).await;
    let read = read_all(&running.client, "s").await;
    assert_eq!((read.records.len(), read.dropped), (3 * put, 0));
    let mut rounds = BTreeMap::<&str, Vec<usize>>::new();
    for record in &read.records {
        let round = std::str::from_utf8(&record.data).unwrap().parse().unwrap();
        rounds.entry(&record.partition_key).or_default().push(round);
    }
    assert_eq!(rounds.len(), 18);
    for (key, rounds) in rounds {
        assert_eq!(rounds, (0..put / 6).collect::<Vec<_>>(), "{key}");
    }
}

#[tokio::test]
async fn without_explicit_hash_keys_a_split_parts_the_keys_of_a_bucket_and_records_are_lost() {
    let running = with_stream(2).await;
    let put = put_while_the_shards_change(&running.client, |_| None).await;
    let read = read_all(&running.client, "s").await;
    assert!(read.dropped > 0 && read.records.len() == 3 * (put - read.dropped), "{read:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_is_read_in_order_while_shards_split_and_merge_beside_its_writer() {
    const WRITERS: usize = 6;
    const PUTS: usize = 80;
    let running = with_stream(2).await;
    let client = &running.client;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let client = client.clone();
        writers.spawn(async move {
            for number in 0..PUTS {
                assert_eq!(put(&client, "s", &format!("w{writer}"), number.to_string()).await, "ok");
            }
        });
    }
    let mut reader = Reader::new(client, "s");
    for count in [4, 3, 6, 5, 9, 5, 3, 2, 1, 2] {
        let scale = client.update_shard_count().stream_name("s").target_shard_count(count);
        scale.scaling_type(ScalingType::UniformScaling).send().await.unwrap();
        reader.read_on().await;
    }
    writers.join_all().await;
    reader.read_on().await;
    for writer in 0..WRITERS {
        let key = format!("w{writer}");
        let own = reader.read.records.iter().filter(|record| record.partition_key == key);
        let numbers: Vec<_> = own.map(|record| String::from_utf8_lossy(&record.data)).collect();
        assert_eq!(numbers, (0..PUTS).map(|number| number.to_string()).collect::<Vec<_>>(), "{key}");
    }
    assert_eq!(read_all(client, "s").await.records.len(), WRITERS * PUTS);
}

#[tokio::test]
async fn what_is_not_wholly_an_aggregated_record_is_read_as_a_plain_one() {
    let running = with_stream(1).await;
    let client = &running.client;
    let whole = kpl::encode(&[part("k", None, "inside")]);
    let mut other_digest = whole.clone();
    *other_digest.last_mut().unwrap() ^= 1;
    let message = [0x1a, 0x02, 0x08, 0x00];
    let without_data = [&whole[..4], &message, &Md5::digest(message)].concat();
    let plain =
        [other_digest, without_data, whole[..12].to_vec(), whole[..4].to_vec(), whole[..20].to_vec(), vec![]];
    for data in &plain {
        assert_eq!(put(client, "s", "outside", data.clone()).await, "ok");
    }
    assert_eq!(put(client, "s", "outside", whole).await, "ok");
    let read = read_all(client, "s").await;
    for (record, data) in read.records.iter().zip(&plain) {
        assert_eq!((&record.data, &*record.partition_key, record.place), (data, "outside", None));
    }
    assert_eq!((read.records.len(), read.dropped), (plain.len() + 1, 0));
    let last = &read.records[plain.len()];
    assert_eq!((&*last.data, &*last.partition_key, last.place), (&b"inside"[..], "k", Some((1, 1))));
}

#[test]
fn what_the_forwarder_puts_is_read_in_order_while_the_shards_change() {
    const USERS: usize = 7;
    const EVENTS: usize = 70;
    let practising = practising(|config| config.destination.encoding = Encoding::Json);
    let mut connection = Connection::open(practising.address).unwrap();
    let counts = [6, 3, 2];
    for (round, count) in (1..).zip(counts) {
        let event = |n| format!(r#"{{"type":"track","userId":"u{}","event":"e","n":{n}}}"#, n % USERS);
        let events: Vec<_> = ((round - 1) * EVENTS..round * EVENTS).map(event).collect();
        let body = format!(r#"{{"batch":[{}]}}"#, events.join(","));
        let request = wire::request("POST", "/v1/batch", &key_header(WRITE_KEY), body.as_bytes());
        assert_eq!(connection.ask(&request).unwrap().status, 200);
        let before = ((round - 1) * EVENTS) as u64;
        wait_until("the forwarder puts them", || practising.engine.status().ledger.delivered > before);
        practising.ask(async |client| {
            let scale = client.update_shard_count().stream_name(PRACTICE_STREAM).target_shard_count(count);
            scale.scaling_type(ScalingType::UniformScaling).send().await.unwrap();
        });
    }
    let events = counts.len() * EVENTS;
    practising.wait_settled(events as u64);
    let mut read = BTreeMap::<String, Vec<u64>>::new();
    for record in practising.read_as_kcl().records {
        let event: serde_json::Value = serde_json::from_slice(&record.data).unwrap();
        read.entry(record.partition_key).or_default().push(event["n"].as_u64().unwrap());
    }
    let wanted = |user: usize| (user..events).step_by(USERS).map(|n| n as u64).collect();
    let wanted = (0..USERS).map(|user| (format!("u{user}"), wanted(user)));
    assert_eq!(read, wanted.collect::<BTreeMap<_, _>>());
}

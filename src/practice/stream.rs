//! One stream: its shards, open and closed, and the records of each.
//!
//! A split or merge closes shards and opens others over the same hashes. A closed shard keeps its records and takes no
//! more. Pure: the time is an argument. What is serialised here is in users' files (`saved.rs`): a changed field is a new
//! version of that format.

use super::consumer::Consumers;
use super::sequence::Sequence;
use super::shard::{Rate, ReadRate, range};
use super::tags::Tags;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a record costs beyond its key and data: two allocations, and two queue entries with room to grow.
pub(super) const RECORD_OVERHEAD_BYTES: usize = 192;
/// The index in the ending sequence number of a closed shard, as kinesalite read it off real streams.
const ENDING_INDEX: u64 = 0x7fff_ffff_ffff_ffff;
/// The retention period of a new stream, and the shortest there is.
pub(super) const RETENTION_HOURS_MIN: u32 = 24;

/// What a producer sent.
#[derive(Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) key: Box<str>,
    #[serde(serialize_with = "as_base64", deserialize_with = "from_base64")]
    pub(super) data: Vec<u8>,
}

impl Content {
    /// What AWS counts: data and key.
    pub(super) fn len(&self) -> usize {
        self.key.len() + self.data.len()
    }

    /// The memory that its record takes, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.len() + RECORD_OVERHEAD_BYTES
    }
}

fn as_base64<S: Serializer>(data: &[u8], out: S) -> Result<S::Ok, S::Error> {
    STANDARD.encode(data).serialize(out)
}

fn from_base64<'de, D: Deserializer<'de>>(text: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(text)?).map_err(de::Error::custom)
}

/// A stored record. Its index follows from its position in the shard.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) arrived_ms: u64,
    pub(super) content: Arc<Content>,
}

/// One shard, open or closed.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Shard {
    /// The second that leads its sequence numbers. Only shards made in the same step share it: no other stream's shard
    /// has it, and a child's is above its parents'.
    pub(super) created_s: u64,
    pub(super) created_ms: u64,
    /// The first and the last hash that it owns.
    pub(super) range: (u128, u128),
    /// Empty in a new stream, one after a split, two after a merge in the order in which the request named them.
    pub(super) parents: Vec<u32>,
    /// `None`: open.
    pub(super) closing: Option<Closing>,
    /// Index of the first record of `records`; a shard's first record has index 1.
    first: u64,
    records: VecDeque<Record>,
    #[serde(skip)]
    rate: Rate,
    #[serde(skip)]
    read_rate: ReadRate,
}

/// How a shard was closed.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Closing {
    pub(super) at_ms: u64,
    pub(super) children: Vec<u32>,
}

impl Shard {
    fn open(created_s: u64, now_ms: u64, range: (u128, u128), parents: Vec<u32>) -> Self {
        Self {
            created_s,
            created_ms: now_ms,
            range,
            parents,
            closing: None,
            first: 1,
            records: VecDeque::new(),
            rate: Rate::full(now_ms),
            read_rate: ReadRate::full(now_ms),
        }
    }

    /// The index of its next record, even if the shard is closed.
    pub(super) fn next(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// When the record of this index arrived; `None`: it is not stored.
    pub(super) fn arrived_ms(&self, index: u64) -> Option<u64> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.records.get(at).map(|record| record.arrived_ms)
    }

    /// The index of the oldest record that arrived at `horizon_ms` or later. As [`Self::index_at`], but at once if no
    /// record is older.
    fn oldest(&self, horizon_ms: u64) -> u64 {
        let is_aged = self.records.front().is_some_and(|record| record.arrived_ms < horizon_ms);
        if is_aged { self.index_at(horizon_ms) } else { self.first }
    }

    /// The first stored record that arrived at `time_ms` or later, else the index of the next record.
    pub(super) fn index_at(&self, time_ms: u64) -> u64 {
        self.first + self.records.partition_point(|record| record.arrived_ms < time_ms) as u64
    }
}

/// How a stream is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct StreamSpec {
    /// Shards of the new stream.
    pub(super) shards: u32,
    pub(super) on_demand: bool,
    /// Maximum data and key of one record.
    pub(super) record_bytes_max: usize,
}

impl StreamSpec {
    /// Of a new stream with this number of shards, and AWS's default maximum of a record.
    pub(super) fn provisioned(shards: u32) -> Self {
        Self { shards, on_demand: false, record_bytes_max: 1 << 20 }
    }
}

/// One stream.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Stream {
    pub(super) spec: StreamSpec,
    /// Unique among all streams of a [`super::store::Streams`], deleted ones included.
    pub(super) created_s: u64,
    pub(super) created_ms: u64,
    /// Older records are no longer read.
    pub(super) retention_hours: u32,
    pub(super) tags: Tags,
    /// The KMS key with which AWS would encrypt; nothing is encrypted here.
    pub(super) key_id: Option<String>,
    pub(super) consumers: Consumers,
    dropped: u64,
    /// All shards, the closed ones included. A shard's number is its index here.
    shards: Vec<Shard>,
    /// The open shards by the first hash of each, in that order. Together they own every hash.
    open: Vec<(u128, u32)>,
}

/// The circumstances of a put.
#[derive(Clone, Copy)]
pub(super) struct PutOptions {
    /// Throttle as AWS's shards do.
    pub(super) shard_limits: bool,
    pub(super) now_ms: u64,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PutResult {
    Written(Sequence),
    /// The quota of this shard is used up; nothing was written.
    Throttled(u32),
    /// Nothing was written.
    Failed,
}

/// Where a reader is.
pub(super) struct Position {
    pub(super) created_s: u64,
    pub(super) shard: u32,
    pub(super) index: u64,
}

/// How much a reader gets at once. A record that is larger than `bytes` comes alone.
#[derive(Clone, Copy)]
pub(super) struct ReadLimits {
    pub(super) records: usize,
    /// Of data and keys.
    pub(super) bytes: usize,
}

/// What a reader gets: records with rising indexes, beginning with `first`.
pub(super) struct RecordsPage {
    pub(super) created_s: u64,
    pub(super) first: u64,
    pub(super) next: u64,
    pub(super) records: Vec<Record>,
    pub(super) behind_ms: u64,
    /// Whether AWS would encrypt what is now put into the stream.
    pub(super) is_encrypted: bool,
    /// The children of a closed shard whose end this page reaches.
    pub(super) children: Option<Vec<ChildShard>>,
}

/// A shard, as an answer shows it to the readers of its parents.
pub(super) struct ChildShard {
    pub(super) shard: u32,
    pub(super) parents: Vec<u32>,
    pub(super) range: (u128, u128),
}

impl Stream {
    pub(super) fn new(spec: StreamSpec, created_s: u64, now_ms: u64) -> Self {
        let shard = |at| Shard::open(created_s, now_ms, range(at, spec.shards), Vec::new());
        let shards: Vec<_> = (0..spec.shards).map(shard).collect();
        let open = shards.iter().map(|shard| shard.range.0).zip(0..).collect();
        Self {
            spec,
            created_s,
            created_ms: now_ms,
            retention_hours: RETENTION_HOURS_MIN,
            tags: Tags::new(),
            key_id: None,
            consumers: Consumers::default(),
            dropped: 0,
            shards,
            open,
        }
    }

    /// How many records were dropped to make room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The memory that all records take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.shards.iter().flat_map(|shard| &shard.records).map(|record| record.content.cost()).sum()
    }

    /// When each stored record arrived, and its shard; the records of a shard in their order.
    pub(super) fn arrivals(&self) -> impl Iterator<Item = (u64, u32)> {
        self.shards().flat_map(|(at, shard)| shard.records.iter().map(move |record| (record.arrived_ms, at)))
    }

    /// Records that arrived before this are older than the retention period.
    pub(super) fn horizon_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(u64::from(self.retention_hours) * 3_600_000)
    }

    /// `None`: no such shard.
    pub(super) fn shard(&self, at: u32) -> Option<&Shard> {
        self.shards.get(at as usize)
    }

    /// All shards with their numbers, the closed ones included.
    pub(super) fn shards(&self) -> impl Iterator<Item = (u32, &Shard)> {
        (0..).zip(&self.shards)
    }

    /// The numbers of the open shards, in the order of their hashes.
    pub(super) fn open(&self) -> impl ExactSizeIterator<Item = u32> {
        self.open.iter().map(|(_, shard)| *shard)
    }

    /// The open shard that owns `hash`.
    pub(super) fn shard_by_hash(&self, hash: u128) -> u32 {
        let after = self.open.partition_point(|(start, _)| *start <= hash);
        self.open.get(after.saturating_sub(1)).map_or(0, |(_, shard)| *shard)
    }

    pub(super) fn sequence(&self, at: u32, index: u64, time_ms: u64) -> Sequence {
        let created_s = self.shard(at).map_or(self.created_s, |shard| shard.created_s);
        Sequence { created_s, shard: at, index, time_s: time_ms / 1000 }
    }

    /// The number that ends a closed shard: above those of its records, below those of its children.
    pub(super) fn ending_sequence(&self, at: u32) -> Option<Sequence> {
        let closing = self.shard(at)?.closing.as_ref()?;
        Some(self.sequence(at, ENDING_INDEX, closing.at_ms))
    }

    /// Appends a record to the open shard that owns `hash`.
    pub(super) fn put(&mut self, hash: u128, content: Arc<Content>, options: PutOptions) -> PutResult {
        let PutOptions { shard_limits, now_ms } = options;
        let at = self.shard_by_hash(hash);
        let Some(shard) = self.shards.get_mut(at as usize) else { return PutResult::Failed };
        if shard_limits && !shard.rate.take(content.len(), now_ms) {
            return PutResult::Throttled(at);
        }
        let index = shard.next();
        shard.records.push_back(Record { arrived_ms: now_ms, content });
        PutResult::Written(self.sequence(at, index, now_ms))
    }

    /// Drops the oldest record of a shard, and counts it.
    pub(super) fn drop_oldest(&mut self, at: u32) -> Option<Record> {
        let shard = self.shards.get_mut(at as usize)?;
        let record = shard.records.pop_front()?;
        shard.first += 1;
        self.dropped += 1;
        Some(record)
    }

    /// How fast a shard may be read; `None`: no such shard.
    pub(super) fn read_rate(&mut self, at: u32) -> Option<&mut ReadRate> {
        self.shards.get_mut(at as usize).map(|shard| &mut shard.read_rate)
    }

    /// The records from `position` on, within the limits.
    pub(super) fn read(&self, position: &Position, limits: ReadLimits, now_ms: u64) -> Option<RecordsPage> {
        let shard = self.shard(position.shard)?;
        // For a position in a deleted stream of the same name, everything in this one is new.
        let wanted = if position.created_s == shard.created_s { position.index } else { 0 };
        let first = wanted.clamp(shard.oldest(self.horizon_ms(now_ms)), shard.next());
        let skipped = usize::try_from(first - shard.first).ok()?;
        let (mut bytes, mut records) = (0, Vec::new());
        for record in shard.records.range(skipped..).take(limits.records) {
            bytes += record.content.len();
            if bytes > limits.bytes && !records.is_empty() {
                break;
            }
            records.push(record.clone());
        }
        let next = first + records.len() as u64;
        let behind_ms = match records.last() {
            // Zero means "at the tip" and nothing else.
            Some(last) if next < shard.next() => now_ms.saturating_sub(last.arrived_ms).max(1),
            _ => 0,
        };
        let closing = shard.closing.as_ref().filter(|_| next == shard.next());
        let children = closing.map(|closing| self.children(closing));
        let (created_s, is_encrypted) = (shard.created_s, self.key_id.is_some());
        Some(RecordsPage { created_s, first, next, records, behind_ms, is_encrypted, children })
    }

    fn children(&self, closing: &Closing) -> Vec<ChildShard> {
        let child = |at: &u32| {
            let shard = self.shard(*at)?;
            Some(ChildShard { shard: *at, parents: shard.parents.clone(), range: shard.range })
        };
        closing.children.iter().filter_map(child).collect()
    }

    /// Closes the open shards `parents` and opens one for each of `ranges`, which together cover the parents' hashes.
    pub(super) fn reshard(&mut self, parents: &[u32], ranges: &[(u128, u128)], created_s: u64, now_ms: u64) {
        let children: Vec<u32> = (0..).skip(self.shards.len()).take(ranges.len()).collect();
        for parent in parents {
            if let Some(shard) = self.shards.get_mut(*parent as usize) {
                shard.closing = Some(Closing { at_ms: now_ms, children: children.clone() });
            }
        }
        self.open.retain(|(_, shard)| !parents.contains(shard));
        for (child, range) in children.iter().zip(ranges) {
            self.shards.push(Shard::open(created_s, now_ms, *range, parents.to_vec()));
            self.open.push((range.0, *child));
        }
        self.open.sort_unstable();
        self.consumers.wake();
    }
}

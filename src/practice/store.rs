//! The streams and their records, in memory, below one byte cap over all of them.
//!
//! One lock around [`Streams`] makes the promise to readers: a record gets its number and becomes visible in the
//! same step, so whoever has read up to a number never finds a lower one later. Past the cap the oldest record of
//! all goes first and its stream counts it; a reader whose place is gone goes on at the oldest record kept.
//! Pure: the time is an argument.

use super::sequence::Sequence;
use super::shard::{Rate, shard_of};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// What a record costs beyond its key and data: two blocks, two queue places with room to grow.
pub(super) const RECORD_OVERHEAD_BYTES: usize = 192;
/// The most that one `GetRecords` answers, data and keys ("10 MB", API reference).
pub(super) const READ_BYTES_MAX: usize = 10 << 20;

/// What a producer sent.
pub(super) struct Content {
    pub(super) key: Box<str>,
    pub(super) data: Box<[u8]>,
}

impl Content {
    /// What AWS counts: data and key.
    pub(super) fn len(&self) -> usize {
        self.key.len() + self.data.len()
    }
}

/// A record as it is kept. Its index follows from its place.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) arrived_ms: u64,
    pub(super) content: Arc<Content>,
}

struct Shard {
    /// Index of the first record of `records`; a stream's first record has index 1.
    first: u64,
    records: VecDeque<Record>,
    rate: Rate,
}

impl Shard {
    fn next(&self) -> u64 {
        self.first + self.records.len() as u64
    }
}

/// How a stream is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Plan {
    pub(super) shards: u32,
    pub(super) on_demand: bool,
    /// The most that data and key of one record may have.
    pub(super) record_bytes_max: usize,
}

/// One stream.
pub(super) struct Stream {
    pub(super) plan: Plan,
    /// Unlike any other stream's of these [`Streams`], deleted ones included.
    pub(super) created_s: u64,
    pub(super) created_ms: u64,
    dropped: u64,
    shards: Vec<Shard>,
}

impl Stream {
    /// The index that the shard's next record will get; `None`: no such shard.
    pub(super) fn next_index(&self, shard: u32) -> Option<u64> {
        self.shards.get(shard as usize).map(Shard::next)
    }

    /// The first kept record that arrived at `time_ms` or later, else the place of the next record.
    pub(super) fn index_at(&self, shard: u32, time_ms: u64) -> Option<u64> {
        let shard = self.shards.get(shard as usize)?;
        Some(shard.first + shard.records.partition_point(|record| record.arrived_ms < time_ms) as u64)
    }

    pub(super) fn sequence(&self, shard: u32, index: u64, time_ms: u64) -> Sequence {
        Sequence { created_s: self.created_s, shard, index, time_s: time_ms / 1000 }
    }

    /// At most `limit` records from `place` on.
    pub(super) fn read(&self, place: &Place, limit: usize, now_ms: u64) -> Option<Page> {
        let shard = self.shards.get(place.shard as usize)?;
        // A place in a deleted stream of the same name: everything in this one is new to its reader.
        let wanted = if place.created_s == self.created_s { place.index } else { 0 };
        let first = wanted.clamp(shard.first, shard.next());
        let skipped = usize::try_from(first - shard.first).ok()?;
        let (mut bytes, mut records) = (0, Vec::new());
        for record in shard.records.range(skipped..).take(limit) {
            bytes += record.content.len();
            if bytes > READ_BYTES_MAX && !records.is_empty() {
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
        Some(Page { created_s: self.created_s, first, next, records, behind_ms })
    }
}

/// Where a reader is.
pub(super) struct Place {
    pub(super) created_s: u64,
    pub(super) shard: u32,
    pub(super) index: u64,
}

/// What a reader gets: records with rising indexes from `first` on.
pub(super) struct Page {
    pub(super) created_s: u64,
    pub(super) first: u64,
    pub(super) next: u64,
    pub(super) records: Vec<Record>,
    pub(super) behind_ms: u64,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Placed {
    Written(Sequence),
    /// The shard's quota is used up; nothing was written.
    Throttled(u32),
}

/// All streams.
pub(super) struct Streams {
    bytes_max: usize,
    bytes: usize,
    now_ms: u64,
    last_created_s: u64,
    ids: BTreeMap<Box<str>, u64>,
    by_id: HashMap<u64, Stream>,
    /// Stream and shard of every kept record, oldest first.
    order: VecDeque<(u64, u32)>,
}

impl Streams {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            now_ms: 0,
            last_created_s: 0,
            ids: BTreeMap::new(),
            by_id: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// False: a stream of that name exists, and stays as it is.
    pub(super) fn create(&mut self, name: &str, plan: Plan, now_ms: u64) -> bool {
        if self.ids.contains_key(name) {
            return false;
        }
        let now_ms = self.tick(now_ms);
        // Two streams never share this second, so that two records never share a sequence number.
        let created_s = (now_ms / 1000).max(self.last_created_s + 1);
        self.last_created_s = created_s;
        let shard = || Shard { first: 1, records: VecDeque::new(), rate: Rate::full(now_ms) };
        let shards = (0..plan.shards).map(|_| shard()).collect();
        self.ids.insert(name.into(), created_s);
        self.by_id.insert(created_s, Stream { plan, created_s, created_ms: now_ms, dropped: 0, shards });
        true
    }

    /// False: there is no such stream.
    pub(super) fn delete(&mut self, name: &str) -> bool {
        let Some(stream) = self.ids.remove(name).and_then(|id| self.by_id.remove(&id)) else {
            return false;
        };
        self.order.retain(|(id, _)| *id != stream.created_s);
        let gone: usize = stream.shards.iter().flat_map(|shard| &shard.records).map(cost).sum();
        self.bytes -= gone;
        true
    }

    pub(super) fn get(&self, name: &str) -> Option<&Stream> {
        self.by_id.get(self.ids.get(name)?)
    }

    /// Names and streams in the order of the names, after `start`.
    pub(super) fn after<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, &'a Stream)> {
        let ids = self.ids.range::<str, _>((Bound::Excluded(start), Bound::Unbounded));
        ids.filter_map(|(name, id)| Some((&**name, self.by_id.get(id)?)))
    }

    pub(super) fn shard_count(&self) -> usize {
        self.by_id.values().map(|stream| stream.shards.len()).sum()
    }

    /// How many records of the stream went to make room.
    pub(super) fn dropped(&self, name: &str) -> u64 {
        self.get(name).map_or(0, |stream| stream.dropped)
    }

    /// Writes one record of a stream that [`Self::get`] found (by its `created_s`) under the same lock.
    pub(super) fn put(&mut self, id: u64, hash: u128, content: Arc<Content>, write: Write) -> Option<Placed> {
        let now_ms = self.tick(write.now_ms);
        let stream = self.by_id.get_mut(&id)?;
        let at = shard_of(hash, stream.plan.shards);
        let shard = stream.shards.get_mut(at as usize)?;
        if write.shard_limits && !shard.rate.take(content.len(), now_ms) {
            return Some(Placed::Throttled(at));
        }
        let index = shard.next();
        let record = Record { arrived_ms: now_ms, content };
        self.bytes += cost(&record);
        shard.records.push_back(record);
        self.order.push_back((id, at));
        let placed = Placed::Written(stream.sequence(at, index, now_ms));
        self.make_room();
        Some(placed)
    }

    fn make_room(&mut self) {
        while self.bytes > self.bytes_max {
            let Some((id, shard)) = self.order.pop_front() else { return };
            let Some(stream) = self.by_id.get_mut(&id) else { continue };
            let Some(shard) = stream.shards.get_mut(shard as usize) else { continue };
            let Some(record) = shard.records.pop_front() else { continue };
            shard.first += 1;
            stream.dropped += 1;
            self.bytes -= cost(&record);
        }
    }

    /// Time never goes back here, whatever the wall clock does: arrival times rise with the indexes.
    fn tick(&mut self, now_ms: u64) -> u64 {
        self.now_ms = self.now_ms.max(now_ms);
        self.now_ms
    }
}

/// The circumstances of a put.
#[derive(Clone, Copy)]
pub(super) struct Write {
    pub(super) shard_limits: bool,
    pub(super) now_ms: u64,
}

fn cost(record: &Record) -> usize {
    record.content.len() + RECORD_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests;

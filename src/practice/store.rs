//! The streams and their records, in memory, below one byte cap over all of them.
//!
//! One lock around [`Streams`] makes the promise to readers: a record gets its number and becomes visible in the
//! same step, so whoever has read up to a number never finds a lower one later. Past the cap the oldest record of
//! all goes first and its stream counts it; a reader whose place is gone goes on at the oldest record kept.
//! A split or merge closes shards and opens others over the same hashes: a closed shard keeps its records and takes
//! no more. Pure: the time is an argument.

use super::sequence::Sequence;
use super::shard::{Rate, range};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// What a record costs beyond its key and data: two blocks, two queue places with room to grow.
pub(super) const RECORD_OVERHEAD_BYTES: usize = 192;
/// The index in a closed shard's ending sequence number, as kinesalite read it off real streams.
pub(super) const ENDING_INDEX: u64 = 0x7fff_ffff_ffff_ffff;
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

/// One shard, open or closed.
pub(super) struct Shard {
    /// The second that leads its sequence numbers. Shards share it only with those made in the same step: no other
    /// stream's shard has it, and a child's is above its parents'.
    pub(super) created_s: u64,
    pub(super) created_ms: u64,
    /// The first and the last hash that it owns.
    pub(super) range: (u128, u128),
    /// None in a new stream, one after a split; after a merge two, in the order in which the request named them.
    pub(super) parents: Vec<u32>,
    /// `None`: open.
    pub(super) closing: Option<Closing>,
    /// Index of the first record of `records`; a shard's first record has index 1.
    first: u64,
    records: VecDeque<Record>,
    rate: Rate,
}

/// How a shard was closed.
pub(super) struct Closing {
    pub(super) at_ms: u64,
    pub(super) children: Vec<u32>,
}

impl Shard {
    fn open(created_s: u64, now_ms: u64, range: (u128, u128), parents: Vec<u32>) -> Self {
        let (rate, records) = (Rate::full(now_ms), VecDeque::new());
        Self { created_s, created_ms: now_ms, range, parents, closing: None, first: 1, records, rate }
    }

    /// The index that its next record will get, or would get were it not closed.
    pub(super) fn next(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// The first kept record that arrived at `time_ms` or later, else the place of the next record.
    pub(super) fn index_at(&self, time_ms: u64) -> u64 {
        self.first + self.records.partition_point(|record| record.arrived_ms < time_ms) as u64
    }
}

/// How a stream is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Plan {
    /// How many it has when it is new.
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
    /// All that there ever were; a shard's number is its place here.
    shards: Vec<Shard>,
    /// The open shards by the first hash of each, in that order. Together they own every hash.
    open: Vec<(u128, u32)>,
}

impl Stream {
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

    /// At most `limit` records from `place` on.
    pub(super) fn read(&self, place: &Place, limit: usize, now_ms: u64) -> Option<Page> {
        let shard = self.shards.get(place.shard as usize)?;
        // A place in a deleted stream of the same name: everything in this one is new to its reader.
        let wanted = if place.created_s == shard.created_s { place.index } else { 0 };
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
        let closing = shard.closing.as_ref().filter(|_| next == shard.next());
        let children = closing.map(|closing| self.children(closing));
        Some(Page { created_s: shard.created_s, first, next, records, behind_ms, children })
    }

    fn children(&self, closing: &Closing) -> Vec<Child> {
        let child = |at: &u32| {
            let shard = self.shard(*at)?;
            Some(Child { shard: *at, parents: shard.parents.clone(), range: shard.range })
        };
        closing.children.iter().filter_map(child).collect()
    }

    /// Closes the open shards `parents` and opens one for each of `ranges`, which are the parents' hashes in another
    /// division.
    fn reshard(&mut self, parents: &[u32], ranges: &[(u128, u128)], created_s: u64, now_ms: u64) {
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
    /// The shard is closed and this page reaches its end: its children.
    pub(super) children: Option<Vec<Child>>,
}

/// A shard as its parents' readers are told of it.
pub(super) struct Child {
    pub(super) shard: u32,
    pub(super) parents: Vec<u32>,
    pub(super) range: (u128, u128),
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
        let created_s = self.new_second(now_ms);
        let shard = |at| Shard::open(created_s, now_ms, range(at, plan.shards), Vec::new());
        let shards: Vec<_> = (0..plan.shards).map(shard).collect();
        let open = shards.iter().map(|shard| shard.range.0).zip(0..).collect();
        let stream = Stream { plan, created_s, created_ms: now_ms, dropped: 0, shards, open };
        self.ids.insert(name.into(), created_s);
        self.by_id.insert(created_s, stream);
        true
    }

    /// Splits an open shard of a stream that [`Self::get`] found: the first child owns the hashes below `hash`, the
    /// second owns the others. Does nothing where both would not own some.
    pub(super) fn split(&mut self, id: u64, at: u32, hash: u128, now_ms: u64) {
        let range = self.by_id.get(&id).and_then(|stream| stream.shard(at)).map(|shard| shard.range);
        if let Some((start, end)) = range.filter(|(start, end)| *start < hash && hash <= *end) {
            self.reshard(id, &[at], &[(start, hash - 1), (hash, end)], now_ms);
        }
    }

    /// Merges two open, adjacent shards of a stream that [`Self::get`] found.
    pub(super) fn merge(&mut self, id: u64, pair: [u32; 2], now_ms: u64) {
        let Some(stream) = self.by_id.get(&id) else { return };
        let [Some(one), Some(other)] = pair.map(|at| stream.shard(at)) else { return };
        let range = (one.range.0.min(other.range.0), one.range.1.max(other.range.1));
        self.reshard(id, &pair, &[range], now_ms);
    }

    fn reshard(&mut self, id: u64, parents: &[u32], ranges: &[(u128, u128)], now_ms: u64) {
        let now_ms = self.tick(now_ms);
        let created_s = self.new_second(now_ms);
        if let Some(stream) = self.by_id.get_mut(&id) {
            stream.reshard(parents, ranges, created_s, now_ms);
        }
    }

    /// A second that no shard's sequence numbers have yet, so that two records never share a sequence number.
    fn new_second(&mut self, now_ms: u64) -> u64 {
        self.last_created_s = (now_ms / 1000).max(self.last_created_s + 1);
        self.last_created_s
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

    /// The open shards of all streams.
    pub(super) fn shard_count(&self) -> usize {
        self.by_id.values().map(|stream| stream.open.len()).sum()
    }

    /// How many records of the stream went to make room.
    pub(super) fn dropped(&self, name: &str) -> u64 {
        self.get(name).map_or(0, |stream| stream.dropped)
    }

    /// Writes one record of a stream that [`Self::get`] found (by its `created_s`) under the same lock.
    pub(super) fn put(&mut self, id: u64, hash: u128, content: Arc<Content>, write: Write) -> Option<Placed> {
        let now_ms = self.tick(write.now_ms);
        let stream = self.by_id.get_mut(&id)?;
        let at = stream.shard_by_hash(hash);
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

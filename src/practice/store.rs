//! All streams, in memory.
//!
//! 1. A record gets its sequence number and becomes visible in one step, under one lock around [`Streams`]. A reader that
//!    has read up to a number never finds a lower one later.
//! 2. All records together stay below a limit of bytes. Above it the oldest record of all streams goes first, and its
//!    stream counts it. A reader whose record was dropped goes on at the oldest one that is stored.
//! 3. No two records ever share a sequence number, also those of deleted streams.
//!
//! Pure: the time is an argument.

use super::sequence::Sequence;
use super::stream::{Content, PutOptions, PutResult, Stream, StreamSpec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// All streams. What is serialised is in users' files (`saved.rs`).
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Streams {
    #[serde(skip)]
    bytes_max: usize,
    #[serde(skip)]
    bytes: usize,
    now_ms: u64,
    last_created_s: u64,
    ids: BTreeMap<Box<str>, u64>,
    by_id: HashMap<u64, Stream>,
    /// Stream and shard of every stored record, oldest first.
    #[serde(skip)]
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

    /// What was saved, below another limit of bytes.
    pub(super) fn restored(mut self, bytes_max: usize) -> Self {
        self.bytes_max = bytes_max;
        self.bytes = self.by_id.values().map(Stream::bytes).sum();
        let of_stream = |(id, stream): (&u64, &Stream)| {
            stream.arrivals().map(|(arrived_ms, shard)| (arrived_ms, (*id, shard))).collect::<Vec<_>>()
        };
        let mut arrivals: Vec<_> = self.by_id.iter().flat_map(of_stream).collect();
        arrivals.sort_by_key(|(arrived_ms, _)| *arrived_ms);
        self.order = arrivals.into_iter().map(|(_, place)| place).collect();
        self.make_room();
        self
    }

    /// Deletes all streams.
    pub(super) fn clear(&mut self) {
        for stream in self.by_id.values() {
            stream.consumers.wake();
        }
        self.ids.clear();
        self.by_id.clear();
        self.order.clear();
        self.bytes = 0;
    }

    /// Returns false if a stream of that name exists; it stays as it is.
    pub(super) fn create(&mut self, name: &str, spec: StreamSpec, now_ms: u64) -> bool {
        if self.ids.contains_key(name) {
            return false;
        }
        let now_ms = self.tick(now_ms);
        let created_s = self.new_second(now_ms);
        self.ids.insert(name.into(), created_s);
        self.by_id.insert(created_s, Stream::new(spec, created_s, now_ms));
        true
    }

    /// Splits an open shard of a stream that [`Self::get`] found: the first child owns the hashes below `hash`, the
    /// second owns the others. Does nothing if one of them would own none.
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

    /// A second that no shard's sequence numbers have yet.
    fn new_second(&mut self, now_ms: u64) -> u64 {
        self.last_created_s = (now_ms / 1000).max(self.last_created_s + 1);
        self.last_created_s
    }

    /// Returns false if there is no such stream.
    pub(super) fn delete(&mut self, name: &str) -> bool {
        let Some(stream) = self.ids.remove(name).and_then(|id| self.by_id.remove(&id)) else {
            return false;
        };
        self.order.retain(|(id, _)| *id != stream.created_s);
        self.bytes -= stream.bytes();
        stream.consumers.wake();
        true
    }

    pub(super) fn get(&self, name: &str) -> Option<&Stream> {
        self.by_id.get(self.ids.get(name)?)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Stream> {
        self.by_id.get_mut(self.ids.get(name)?)
    }

    /// Names and streams in the order of the names, after `start`.
    pub(super) fn after<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, &'a Stream)> {
        let ids = self.ids.range::<str, _>((Bound::Excluded(start), Bound::Unbounded));
        ids.filter_map(|(name, id)| Some((&**name, self.by_id.get(id)?)))
    }

    /// The open shards of all streams.
    pub(super) fn shard_count(&self) -> usize {
        self.by_id.values().map(|stream| stream.open().len()).sum()
    }

    /// The streams in on-demand mode.
    pub(super) fn on_demand_count(&self) -> usize {
        self.by_id.values().filter(|stream| stream.spec.on_demand).count()
    }

    /// Writes one record to a stream that [`Self::get`] found (by its `created_s`) under the same lock.
    pub(super) fn put(
        &mut self,
        id: u64,
        hash: u128,
        content: Arc<Content>,
        options: PutOptions,
    ) -> PutResult {
        let options = PutOptions { now_ms: self.tick(options.now_ms), ..options };
        let Some(stream) = self.by_id.get_mut(&id) else { return PutResult::Failed };
        let cost = content.cost();
        let result = stream.put(hash, content, options);
        if let PutResult::Written(Sequence { shard, .. }) = result {
            self.bytes += cost;
            self.order.push_back((id, shard));
            self.make_room();
        }
        result
    }

    fn make_room(&mut self) {
        while self.bytes > self.bytes_max {
            let Some((id, shard)) = self.order.pop_front() else { return };
            let dropped = self.by_id.get_mut(&id).and_then(|stream| stream.drop_oldest(shard));
            self.bytes -= dropped.map_or(0, |record| record.content.cost());
        }
    }

    /// Time never goes back here, whatever the wall clock does: arrival times rise with the indexes.
    fn tick(&mut self, now_ms: u64) -> u64 {
        self.now_ms = self.now_ms.max(now_ms);
        self.now_ms
    }
}

#[cfg(test)]
mod tests;

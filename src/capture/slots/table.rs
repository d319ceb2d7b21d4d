//! The table of all connections of a listener: who is counted where, and who is evicted.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{
    connection::{Connection, Rank},
    peer::{KnownPeers, Peer},
};

/// Newcomers are not evicted for another one while they are at most one in this many connections and a known sender is
/// idle.
const CONNECTIONS_PER_FRESH: usize = 8;

/// Maximum connections of unknown or slow senders that are evicted at once, so that a flood does not cost a search for
/// each.
const EVICTED_AT_ONCE_MAX: usize = 16;

/// How often the log repeats that slots are taken, for each [`Full`].
pub(super) const WARN_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// Bytes of a head that each connection may have in memory. Longer heads share [`HEADS_BYTES_MAX`].
const HEAD_BYTES_FREE: usize = 8 << 10;

/// Maximum bytes of all unfinished heads without the first [`HEAD_BYTES_FREE`] of each. Above it, the connections with
/// the longest ones are evicted. Buffers grow by doubling, so twice as much memory may be in use.
pub(super) const HEADS_BYTES_MAX: usize = 8 << 20;

/// Which slots are all taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Full {
    All,
    Unreserved,
    OfPeer,
}

/// The connections of a listener, and their counts.
#[derive(Default)]
pub(super) struct Table {
    connections: HashMap<u64, Arc<Connection>>,
    next: u64,
    /// Evicted connections that have not ended yet.
    evicted: usize,
    /// Connections that may not take a reserved slot, without evicted ones.
    unreserved: usize,
    /// Connections of each peer, without evicted ones.
    by_peer: HashMap<Peer, usize>,
    pub(super) known_peers: KnownPeers,
    /// Bytes of unfinished heads above [`HEAD_BYTES_FREE`] of each.
    head_bytes: usize,
    /// When the log last warned of each [`Full`].
    pub(super) warned_at: [Option<Instant>; 3],
}

impl Table {
    /// Adds a connection and returns its number.
    pub(super) fn add(&mut self, connection: Arc<Connection>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.unreserved += usize::from(connection.is_unreserved.load(Relaxed));
        *self.by_peer.entry(Peer::of(connection.peer.ip())).or_default() += 1;
        self.connections.insert(number, connection);
        number
    }

    /// Removes a connection that has ended.
    pub(super) fn remove(&mut self, number: u64) {
        let Some(connection) = self.connections.remove(&number) else { return };
        if connection.is_evicted() {
            self.evicted -= 1;
        } else {
            self.uncount(&connection);
        }
        if connection.is_known() {
            self.known_peers.remember(Peer::of(connection.peer.ip()));
        }
    }

    /// Connections that are not evicted.
    pub(super) fn len(&self) -> usize {
        self.connections.len() - self.evicted
    }

    /// Evicted connections that have not ended yet.
    pub(super) fn evicted_len(&self) -> usize {
        self.evicted
    }

    pub(super) fn unreserved_len(&self) -> usize {
        self.unreserved
    }

    /// The connections of a peer that are not evicted.
    pub(super) fn len_of(&self, peer: Peer) -> usize {
        self.by_peer.get(&peer).copied().unwrap_or(0)
    }

    /// Whether the log has not warned of this lately. If so, it counts as warned now.
    pub(super) fn should_warn(&mut self, full: Full) -> bool {
        let warned_at = &mut self.warned_at[full as usize];
        let should_warn = warned_at.is_none_or(|warned_at| warned_at.elapsed() >= WARN_AGAIN_AFTER);
        if should_warn {
            *warned_at = Some(Instant::now());
        }
        should_warn
    }

    /// Lets a connection, and those of its peer, take reserved slots.
    pub(super) fn mark_known(&mut self, connection: &Connection) {
        self.reserve(connection);
        self.known_peers.remember(Peer::of(connection.peer.ip()));
    }

    fn reserve(&mut self, connection: &Connection) {
        if connection.is_unreserved.swap(false, Relaxed) {
            self.unreserved -= 1;
        }
    }

    /// Counts the head that a connection is reading. Evicts connections if heads take too much memory.
    pub(super) fn count_head(&mut self, connection: &Connection, excess: usize) {
        if !connection.is_evicted() {
            self.head_bytes += excess - connection.counted_head_bytes.swap(excess, Relaxed);
            if self.head_bytes > HEADS_BYTES_MAX {
                self.evict_heads();
            }
        }
    }

    /// Stops counting the head that a connection was reading.
    pub(super) fn head_done(&mut self, connection: &Connection) {
        self.head_bytes -= connection.counted_head_bytes.swap(0, Relaxed);
    }

    /// Stops counting a connection that ends.
    fn uncount(&mut self, connection: &Connection) {
        self.reserve(connection);
        self.head_done(connection);
        let peer = Peer::of(connection.peer.ip());
        if let Some(count) = self.by_peer.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&peer);
            }
        }
    }

    /// Tells a connection to end. It counts no more.
    fn evict(&mut self, connection: &Connection) {
        connection.evicted.store(true, Relaxed);
        self.evicted += 1;
        self.uncount(connection);
        connection.eviction.notify_waiters();
    }

    /// Evicts the connections with the longest unfinished heads, unknown senders first, until a quarter of the memory
    /// is free.
    fn evict_heads(&mut self) {
        let counted = |connection: &Connection| connection.counted_head_bytes.load(Relaxed);
        let mut long: Vec<_> =
            self.connections.values().filter(|connection| counted(connection) > 0).cloned().collect();
        long.sort_by_key(|connection| (connection.is_known(), Reverse(counted(connection))));
        for connection in long {
            if self.head_bytes <= HEADS_BYTES_MAX / 4 * 3 {
                break;
            }
            self.evict(&connection);
        }
    }

    /// Evicts the connection with the largest body that is not fresh, an unknown sender's before a known one's. Does
    /// nothing while another one that was evicted still holds its body.
    pub(super) fn evict_body(&mut self, now_ms: u64) {
        if self.connections.values().any(|connection| connection.is_leaving_with_body()) {
            return;
        }
        let bytes = |connection: &Connection| connection.body_bytes.load(Relaxed);
        let old = self.connections.values().filter(|connection| connection.has_old_body(now_ms));
        let largest = old.max_by_key(|connection| (!connection.is_known(), bytes(connection))).cloned();
        if let Some(connection) = largest {
            self.evict(&connection);
        }
    }

    /// Evicts the lowest-ranked of the connections that `may_go`: several at once if their senders are unknown or slow,
    /// else one. Returns whether there was any.
    pub(super) fn evict_lowest(&mut self, now_ms: u64, may_go: impl Fn(&Connection) -> bool) -> bool {
        let ranked = || {
            let candidates = self.connections.iter().filter(|(_, connection)| may_go(connection));
            candidates.filter_map(|(number, connection)| Some((connection.rank(now_ms)?, *number)))
        };
        let of = |rank: Rank| ranked().filter(move |((other, _), _)| *other == rank);
        let Some(mut first) = ranked().min() else { return false };
        let fresh_max = self.connections.len() / CONNECTIONS_PER_FRESH;
        if first.0.0 == Rank::Fresh && of(Rank::Fresh).count() <= fresh_max {
            first = of(Rank::KnownResting).min().unwrap_or(first);
        }
        let mut chosen = vec![first];
        if first.0.0 <= Rank::KnownSlow {
            chosen = of(first.0.0).collect();
            let count = EVICTED_AT_ONCE_MAX.min((self.connections.len() / 8).max(1));
            if chosen.len() > count {
                chosen.select_nth_unstable(count);
                chosen.truncate(count);
            }
        }
        for (_, number) in chosen {
            if let Some(connection) = self.connections.get(&number).map(Arc::clone) {
                self.evict(&connection);
            }
        }
        true
    }

    /// The part of a head of this many bytes that counts. `None` if none does.
    pub(super) fn head_excess(bytes: usize) -> Option<usize> {
        bytes.checked_sub(HEAD_BYTES_FREE).filter(|excess| *excess > 0)
    }

    #[cfg(test)]
    pub(super) fn head_bytes(&self) -> usize {
        self.head_bytes
    }

    #[cfg(test)]
    pub(super) fn by_peer(&self) -> &HashMap<Peer, usize> {
        &self.by_peer
    }
}

//! The endpoint's slots for connections: how many there are, and which connection is evicted when all are taken.
//!
//! Room for a newcomer is made at once, by evicting another connection in a fixed order ([`connection::Rank`]).
//! Connections that have shown nothing go first, those that have shown a known write key last. A request that has
//! arrived whole is never cut. Some slots are reserved for senders that have shown a key, and each peer address has a
//! limit of its own. Knows neither sockets nor HTTP.

mod connection;
mod peer;
mod table;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use connection::Connection;
pub(super) use connection::Phase;
pub(super) use peer::Clients;
use peer::Peer;
use table::{Full, Table};

/// One in this many slots is for evicted connections, which hold their file descriptors a moment longer.
pub(super) const SLOTS_PER_EVICTED: usize = 8;

/// Maximum slots that only senders with a known key may take. Of fewer than 1,024 slots, a sixteenth.
const RESERVED_MAX: usize = 64;

/// The slots of a listener.
pub(super) struct Slots {
    max: usize,
    began: Instant,
    table: Mutex<Table>,
    /// Wakes waiters when a connection has ended.
    ended: Notify,
}

/// Why there is no slot now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// This peer has as many connections as it may, and all of them are storing a request.
    OfPeer,
    /// All connections are storing a request, or are just ending.
    OfAll,
}

/// A connection's slot, as its task uses it.
pub(super) struct Slot {
    connection: Arc<Connection>,
    slots: Arc<Slots>,
}

/// A slot that is taken. It is free again when this is dropped.
pub(super) struct TakenSlot {
    number: u64,
    pub(super) slot: Arc<Slot>,
}

impl Drop for TakenSlot {
    fn drop(&mut self) {
        let slots = &self.slot.slots;
        slots.lock().remove(self.number);
        slots.ended.notify_waiters();
    }
}

impl Slots {
    pub(super) fn new(max: usize) -> Arc<Self> {
        // In tests some connections can be older than others.
        let began = Instant::now();
        #[cfg(test)]
        let began = began.checked_sub(Duration::from_mins(1)).unwrap_or(began);
        Arc::new(Self { max, began, table: Mutex::default(), ended: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Maximum connections of one peer: `setting`, but at most half of all slots. `None`, no limit, if `setting` is 0.
    pub(super) fn max_of_peer(&self, setting: usize) -> Option<usize> {
        (setting > 0).then(|| setting.min(self.max / 2).max(1))
    }

    /// Takes a slot for a connection from `peer`, if need be by evicting another connection. `max_of_peer`: maximum
    /// connections of this peer.
    pub(super) fn take(
        self: &Arc<Self>,
        peer: SocketAddr,
        max_of_peer: Option<usize>,
    ) -> Result<TakenSlot, NoSlot> {
        let now_ms = self.now_ms();
        let mut table = self.lock();
        if table.evicted_len() >= (self.max / SLOTS_PER_EVICTED).max(1) {
            return Err(NoSlot::OfAll);
        }
        let key = Peer::of(peer.ip());
        if let Some(max) = max_of_peer.filter(|max| table.len_of(key) >= *max) {
            if table.should_warn(Full::OfPeer) {
                tracing::warn!(
                    "{} has {max} connections, as many as one address may (capture.max_connections_per_peer); they \
                     make room for each other. If it is a proxy, name it in capture.trusted_proxies",
                    peer.ip().to_canonical()
                );
            }
            if !table.evict_lowest(now_ms, |connection| Peer::of(connection.peer.ip()) == key) {
                return Err(NoSlot::OfPeer);
            }
        }
        let is_unreserved = !table.known_peers.contains(key);
        let unreserved_max = self.max - RESERVED_MAX.min(self.max / 16);
        if is_unreserved && table.unreserved_len() >= unreserved_max {
            if table.should_warn(Full::Unreserved) {
                tracing::warn!(
                    "All {unreserved_max} connections for senders without a write key are taken; they make room for \
                     each other"
                );
            }
            if !table.evict_lowest(now_ms, |connection| connection.is_unreserved.load(Relaxed)) {
                return Err(NoSlot::OfAll);
            }
        }
        if table.len() >= self.max {
            if table.should_warn(Full::All) {
                tracing::warn!(
                    "All {} connections of the endpoint are taken; those without a write key make room first",
                    self.max
                );
            }
            if !table.evict_lowest(now_ms, |_| true) {
                return Err(NoSlot::OfAll);
            }
        }
        let connection = Arc::new(Connection::new(peer, is_unreserved, now_ms));
        let number = table.add(Arc::clone(&connection));
        Ok(TakenSlot { number, slot: Arc::new(Slot { connection, slots: Arc::clone(self) }) })
    }

    /// Evicts some connections although slots may be free: the system has no more file descriptors or memory.
    pub(super) fn evict_some(&self) {
        let now_ms = self.now_ms();
        let mut table = self.lock();
        if table.evicted_len() == 0 {
            table.evict_lowest(now_ms, |_| true);
        }
    }

    /// Waits until a connection has ended, at most for `timeout`.
    pub(super) async fn one_ended(&self, timeout: Duration) {
        drop(tokio::time::timeout(timeout, self.ended.notified()).await);
    }
}

impl Slot {
    pub(super) fn peer(&self) -> SocketAddr {
        self.connection.peer
    }

    pub(super) fn phase(&self) -> Phase {
        self.connection.phase()
    }

    /// The head of a request has arrived.
    pub(super) fn request_began(&self) {
        self.head_done();
        self.connection.body_bytes.store(0, Relaxed);
        self.connection.enter(Phase::Receiving, self.slots.now_ms());
    }

    /// More bytes of its body have arrived.
    pub(super) fn body_received(&self, bytes: usize) {
        self.connection.body_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// The request is refused: its body is no longer in memory.
    pub(super) fn body_discarded(&self) {
        self.connection.body_bytes.store(0, Relaxed);
    }

    /// There is no memory for more of the body: evicts another connection, whose body has been arriving for longer.
    pub(super) fn evict_body(&self) {
        self.slots.lock().evict_body(self.slots.now_ms());
    }

    /// The request has arrived whole, and will be stored.
    pub(super) fn request_complete(&self) {
        self.connection.enter(Phase::Storing, self.slots.now_ms());
    }

    /// The request has been answered.
    pub(super) fn request_ended(&self) {
        self.connection.request_ended(self.slots.now_ms());
    }

    /// Whether the sender has shown a known write key.
    pub(super) fn is_known(&self) -> bool {
        self.connection.is_known()
    }

    /// The sender has shown a known write key.
    pub(super) fn mark_known(&self) {
        if !self.connection.mark_known() {
            self.slots.lock().mark_known(&self.connection);
        }
    }

    /// How many bytes of a head have been received. `None` while no head is being read: between a head and the answer.
    pub(super) fn head_bytes(&self) -> Option<usize> {
        let is_reading = matches!(self.phase(), Phase::Starting | Phase::Idle);
        is_reading.then(|| self.connection.head_bytes.load(Relaxed))
    }

    /// More bytes of a head have been received. Evicts connections if heads take too much memory.
    pub(super) fn head_received(&self, bytes: usize) {
        let so_far = self.connection.head_bytes.fetch_add(bytes, Relaxed) + bytes;
        if let Some(excess) = Table::head_excess(so_far) {
            self.slots.lock().count_head(&self.connection, excess);
        }
    }

    /// The head that was being read is no longer in memory.
    pub(super) fn head_done(&self) {
        self.connection.head_bytes.store(0, Relaxed);
        if self.connection.counted_head_bytes.load(Relaxed) > 0 {
            self.slots.lock().head_done(&self.connection);
        }
    }

    /// Waits until this connection is evicted.
    pub(super) async fn evicted(&self) {
        let mut eviction = std::pin::pin!(self.connection.eviction.notified());
        eviction.as_mut().enable();
        if !self.connection.is_evicted() {
            eviction.await;
        }
    }

    /// Notes whether an answer waits for the peer to read.
    pub(super) fn set_stalled(&self, is_stalled: bool) {
        self.connection.stalled.store(is_stalled, Relaxed);
    }

    /// Whether the connection will end soon by itself after its eviction: not with half a head, or while the peer does
    /// not read.
    pub(super) fn ends_by_itself(&self) -> bool {
        self.connection.ends_by_itself()
    }

    /// Maximum requests in progress of one client of a proxy: as many as a peer may have connections.
    pub(super) fn max_of_client(&self, setting: usize) -> Option<usize> {
        self.slots.max_of_peer(setting)
    }
}

#[cfg(test)]
impl Slots {
    pub(super) fn connect(self: &Arc<Self>) -> TakenSlot {
        self.take("192.0.2.1:4711".parse().expect("an address"), None).expect("there is room")
    }

    pub(super) fn head_bytes(&self) -> usize {
        self.lock().head_bytes()
    }
}

#[cfg(test)]
impl TakenSlot {
    /// Receives bytes of a body that began longer ago than a fresh one.
    pub(super) fn with_old_body(self, bytes: usize) -> Self {
        self.slot.request_began();
        self.slot.body_received(bytes);
        self.slot.connection.set_since_ms(0);
        self
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.slot.connection.is_evicted()
    }
}

#[cfg(test)]
mod tests;

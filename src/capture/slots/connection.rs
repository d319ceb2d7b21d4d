//! What one connection is doing, and how soon it is evicted.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use tokio::sync::Notify;

/// How long a connection is spared at each new step (its handshake and first head; its body), even while others of its
/// kind are evicted: an honest sender behind a flood needs time to show its key.
pub(super) const FRESH: Duration = Duration::from_secs(2);

/// A known sender whose body is slower than this, in bytes a second, is evicted before known senders that are idle.
const SLOW: u64 = 4 << 10;

/// How long a connection that has shown a known key may be idle before it is evicted for newcomers. Its sender opens
/// another one for its next request, while a newcomer that is evicted loses a request.
const RESTING: Duration = Duration::from_secs(5);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Its TLS handshake or its first head.
    Starting,
    /// Waiting for its next request, or reading its head.
    Idle,
    /// Reading or answering a request that has not arrived whole.
    Receiving,
    /// Storing and answering a request that has arrived whole.
    Storing,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Starting, Self::Idle, Self::Receiving, Self::Storing];
}

/// Who is evicted first: the lowest rank, and within a rank the lowest number. A known sender has shown a known write
/// key; requests that need no key, such as `/health`, do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A handshake or first head, oldest first.
    Starting,
    /// An idle connection of an unknown sender, longest idle first.
    UnknownIdle,
    /// A body of an unknown sender, slowest first.
    UnknownReceiving,
    /// A slow body of a known sender, slowest first.
    KnownSlow,
    /// A connection of a known sender that has been idle for longer than [`RESTING`], longest idle first.
    KnownIdle,
    /// A handshake, first head or first body that began within [`FRESH`], oldest first.
    Fresh,
    /// A connection of a known sender that has been idle for a shorter time, longest idle first.
    KnownResting,
    /// A body of a known sender, slowest first.
    KnownReceiving,
}

/// One connection, as its task and the table of all connections see it.
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    phase: AtomicU8,
    /// When the phase began.
    since_ms: AtomicU64,
    /// The sender has shown a known write key.
    known: AtomicBool,
    /// A request with that key has arrived whole.
    proven: AtomicBool,
    /// An answer waits for the peer to read.
    pub(super) stalled: AtomicBool,
    pub(super) evicted: AtomicBool,
    /// Wakes the connection's task when it is evicted.
    pub(super) eviction: Notify,
    /// Bytes of the body that is being read.
    pub(super) body_bytes: AtomicU64,
    /// Bytes of the head that is being read.
    pub(super) head_bytes: AtomicUsize,
    /// Counts among the table's unreserved connections. Changed under the table's lock.
    pub(super) is_unreserved: AtomicBool,
    /// The part of `head_bytes` that the table counts. Changed under the table's lock.
    pub(super) counted_head_bytes: AtomicUsize,
}

impl Connection {
    pub(super) fn new(peer: SocketAddr, is_unreserved: bool, now_ms: u64) -> Self {
        Self {
            peer,
            phase: AtomicU8::new(Phase::Starting as u8),
            since_ms: AtomicU64::new(now_ms),
            known: AtomicBool::new(false),
            proven: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            evicted: AtomicBool::new(false),
            eviction: Notify::new(),
            body_bytes: AtomicU64::new(0),
            head_bytes: AtomicUsize::new(0),
            is_unreserved: AtomicBool::new(is_unreserved),
            counted_head_bytes: AtomicUsize::new(0),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Relaxed)) % Phase::ALL.len()]
    }

    pub(super) fn enter(&self, phase: Phase, now_ms: u64) {
        self.since_ms.store(now_ms, Relaxed);
        self.phase.store(phase as u8, Relaxed);
    }

    pub(super) fn is_known(&self) -> bool {
        self.known.load(Relaxed)
    }

    /// Returns whether it was known before.
    pub(super) fn mark_known(&self) -> bool {
        self.known.swap(true, Relaxed)
    }

    /// The request has been answered.
    pub(super) fn request_ended(&self, now_ms: u64) {
        if self.is_known() {
            self.proven.store(true, Relaxed);
        }
        self.enter(Phase::Idle, now_ms);
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.load(Relaxed)
    }

    /// Whether the connection will end soon by itself after its eviction: not with half a head, or while the peer does
    /// not read.
    pub(super) fn ends_by_itself(&self) -> bool {
        match self.phase() {
            Phase::Storing => true,
            Phase::Starting => false,
            Phase::Idle | Phase::Receiving => {
                !self.stalled.load(Relaxed) && self.head_bytes.load(Relaxed) == 0
            }
        }
    }

    /// Whether it still holds memory for a body that must go.
    pub(super) fn is_leaving_with_body(&self) -> bool {
        self.is_evicted() && self.body_bytes.load(Relaxed) > 0 && self.phase() == Phase::Receiving
    }

    /// Whether it holds memory for a body that is no longer [`FRESH`], and may be evicted.
    pub(super) fn has_old_body(&self, now_ms: u64) -> bool {
        let age = Duration::from_millis(now_ms.saturating_sub(self.since_ms.load(Relaxed)));
        self.phase() == Phase::Receiving
            && age >= FRESH
            && !self.is_evicted()
            && self.body_bytes.load(Relaxed) > 0
    }

    /// The rank and the number within it. `None` if it is evicted already, or its request must not be cut.
    pub(super) fn rank(&self, now_ms: u64) -> Option<(Rank, u64)> {
        if self.is_evicted() {
            return None;
        }
        let since_ms = self.since_ms.load(Relaxed);
        let age_ms = now_ms.saturating_sub(since_ms);
        let is_fresh = u128::from(age_ms) < FRESH.as_millis();
        let rate = self.body_bytes.load(Relaxed).saturating_mul(1000) / age_ms.max(1);
        Some(match (self.phase(), self.is_known()) {
            (Phase::Storing, _) => return None,
            (Phase::Starting | Phase::Receiving, _) if is_fresh && !self.proven.load(Relaxed) => {
                (Rank::Fresh, since_ms)
            }
            (Phase::Starting, _) => (Rank::Starting, since_ms),
            (Phase::Idle, false) => (Rank::UnknownIdle, since_ms),
            (Phase::Receiving, false) => (Rank::UnknownReceiving, rate),
            (Phase::Receiving, true) if !is_fresh && rate < SLOW => (Rank::KnownSlow, rate),
            (Phase::Idle, true) if u128::from(age_ms) > RESTING.as_millis() => (Rank::KnownIdle, since_ms),
            (Phase::Idle, true) => (Rank::KnownResting, since_ms),
            (Phase::Receiving, true) => (Rank::KnownReceiving, rate),
        })
    }

    #[cfg(test)]
    pub(super) fn set_since_ms(&self, since_ms: u64) {
        self.since_ms.store(since_ms, Relaxed);
    }
}

//! Who holds the endpoint's slots for connections, and who gives one up when there is none left.
//!
//! Room is made at once, in a fixed order ([`Rank`]): connections that have shown nothing go first, those that have shown
//! a known write key last. A request that has arrived whole is never cut. A few slots are reserved for those who have
//! shown a key, and each peer address has a bound of its own. Knows neither sockets nor HTTP.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// How long a connection is left alone at each new step (the handshake and first head; the body), even when others of
/// its kind make room: an honest sender behind a flood needs time to show what it has.
const FRESH: Duration = Duration::from_secs(2);

/// A body of a known sender that is slower than this, in bytes a second, makes room before known senders that are idle.
const SLOW: u64 = 4 << 10;

/// How long a connection that has shown a known key may be idle before it makes room for newcomers. Its sender opens
/// another one when it next has something to say; a newcomer that is cut loses a request.
const RESTING: Duration = Duration::from_secs(5);

/// Newcomers are not cut for another one while they have no more than one in so many slots and a known sender is idle.
const PLACES_PER_FRESH: usize = 8;

/// Connections without a key, and slow ones, that make room at a time, so that a flood does not cost a search for each.
const AT_A_TIME: usize = 16;

/// For each so many slots, one connection that has been told to make room may hold its descriptor for a moment longer.
pub(super) const SLOTS_PER_LEAVING: usize = 8;

/// How often the log says that slots are taken, for each [`Full`].
const SAY_AGAIN: Duration = Duration::from_mins(1);

/// Slots that only those who have shown a known key may take, or a sixteenth of all where those are few.
const RESERVED: usize = 64;

/// How long a peer address is remembered for a known key, and how many are.
const KNOWN_FOR: Duration = Duration::from_mins(10);
const KNOWN_PEERS_MAX: usize = 4096;

/// Bytes of a head that each connection may have in memory by itself; what is above comes out of a common budget.
const HEAD_BYTES_FREE: usize = 8 << 10;

/// That budget: when it is used up, the connections with the longest unfinished heads end. Buffers grow by doubling, so
/// that twice as much memory is in use.
const HEADS_BYTES_MAX: usize = 8 << 20;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Doing {
    /// Its TLS handshake or its first head.
    Beginning,
    /// Waiting for its next request, or reading its head.
    Idle,
    /// Reading or answering a request that has not arrived whole.
    Reading,
    /// Its request has arrived whole and is being stored and answered.
    Taken,
}

impl Doing {
    const ALL: [Self; 4] = [Self::Beginning, Self::Idle, Self::Reading, Self::Taken];
}

/// Who makes room first: the lowest rank, and in it the lowest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A handshake or first head, oldest first.
    Beginning,
    /// Idle, and has never shown a known key; longest idle first. Requests that need no key (`/health`, say) do not count.
    StrangerIdle,
    /// A body of such a one, slowest first.
    StrangerReading,
    /// Has shown a known key, and sends a body slowly; slowest first.
    KnownSlow,
    /// Has shown a known key and has been idle for longer than [`RESTING`]; longest idle first.
    KnownIdle,
    /// A handshake, first head or first body that has only just begun, oldest first.
    Fresh,
    /// Has shown a known key and is idle, but not for long; longest idle first.
    KnownResting,
    /// Has shown a known key and sends a body, slowest first.
    KnownReading,
}

/// A peer, as far as one machine can choose addresses: an IPv4 address, or the /64 network of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peer(IpAddr);

impl Peer {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// The connections of a listener.
pub(super) struct Slots {
    max: usize,
    began: Instant,
    held: Mutex<Held>,
    /// A connection has ended.
    pub(super) ended: Notify,
}

#[derive(Default)]
struct Held {
    slots: HashMap<u64, Arc<Slot>>,
    next: u64,
    /// Those that have been told to make room.
    leaving: usize,
    /// Those that may not take a reserved slot, without those leaving.
    strangers: usize,
    /// Without those leaving.
    by_peer: HashMap<Peer, usize>,
    known_peers: HashMap<Peer, Instant>,
    /// Bytes of unfinished heads above what each has for free.
    head_bytes: usize,
    /// When the log last said so of each [`Full`].
    said_at: [Option<Instant>; 3],
}

/// What has no slot left.
#[derive(Clone, Copy, Debug)]
enum Full {
    All,
    Strangers,
    Peer,
}

/// Why there is no slot now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// All of this peer's connections are being answered, as many as it may have.
    ForPeer,
    /// All connections are being answered, or end just now.
    ForAnybody,
}

/// One connection, as its task and the list of all see it.
pub(super) struct Slot {
    pub(super) peer: SocketAddr,
    all: Arc<Slots>,
    doing: AtomicU8,
    /// When it began to do so.
    since_ms: AtomicU64,
    /// It has shown a known write key.
    known: AtomicBool,
    /// A request with that key has arrived whole.
    proven: AtomicBool,
    /// It counts among [`Held::strangers`]; changed under the lock.
    stranger: AtomicBool,
    leaving: AtomicBool,
    told: Notify,
    /// An answer waits for the peer to read.
    stalled: AtomicBool,
    /// Bytes of the body that is being read.
    body_bytes: AtomicU64,
    /// Bytes of the head that is being read.
    head_bytes: AtomicUsize,
    /// The part of those bytes that is counted in [`Held::head_bytes`]; changed under the lock.
    counted: AtomicUsize,
}

/// A held slot: given back when it is dropped.
pub(super) struct Ticket {
    number: u64,
    pub(super) slot: Arc<Slot>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let all = &self.slot.all;
        let mut held = all.lock();
        if held.slots.remove(&self.number).is_some() {
            if self.slot.leaving.load(Relaxed) {
                held.leaving -= 1;
            } else {
                held.forget(&self.slot);
            }
            if self.slot.known.load(Relaxed) {
                held.remember(Peer::of(self.slot.peer.ip()));
            }
        }
        drop(held);
        all.ended.notify_waiters();
    }
}

impl Held {
    /// No longer counts a connection that ends.
    fn forget(&mut self, slot: &Slot) {
        if slot.stranger.swap(false, Relaxed) {
            self.strangers -= 1;
        }
        self.head_done(slot);
        let peer = Peer::of(slot.peer.ip());
        if let Some(count) = self.by_peer.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&peer);
            }
        }
    }

    fn head_done(&mut self, slot: &Slot) {
        self.head_bytes -= slot.counted.swap(0, Relaxed);
    }

    /// Unfinished heads take too much memory: the connections with the longest ones end, those without a key first.
    fn shed_heads(&mut self) {
        let counted = |slot: &Slot| slot.counted.load(Relaxed);
        let mut long: Vec<_> = self.slots.values().filter(|slot| counted(slot) > 0).cloned().collect();
        long.sort_by_key(|slot| (slot.is_known(), std::cmp::Reverse(counted(slot))));
        for slot in long {
            if self.head_bytes <= HEADS_BYTES_MAX / 4 * 3 {
                break;
            }
            self.tell(&slot);
        }
    }

    /// Bodies take all the memory for them: the largest one that is not fresh goes, a stranger's before a known sender's;
    /// none while one that was told to go has its bytes still.
    fn shed_body(&mut self, now_ms: u64) {
        let is_going = |slot: &Slot| {
            let holds_bytes = slot.body_bytes.load(Relaxed) > 0 && slot.doing() == Doing::Reading;
            slot.leaving.load(Relaxed) && holds_bytes
        };
        if self.slots.values().any(|slot| is_going(slot)) {
            return;
        }
        let is_old = |slot: &Slot| {
            let since = Duration::from_millis(now_ms.saturating_sub(slot.since_ms.load(Relaxed)));
            slot.doing() == Doing::Reading && since >= FRESH && !slot.leaving.load(Relaxed)
        };
        let bytes = |slot: &Slot| slot.body_bytes.load(Relaxed);
        let of_old = self.slots.values().filter(|slot| is_old(slot) && bytes(slot) > 0);
        let largest = of_old.max_by_key(|slot| (!slot.is_known(), bytes(slot))).cloned();
        if let Some(slot) = largest {
            self.tell(&slot);
        }
    }

    fn remember(&mut self, peer: Peer) {
        if self.known_peers.len() >= KNOWN_PEERS_MAX && !self.known_peers.contains_key(&peer) {
            // Many at once, so that most new peers cost no search.
            let mut seen: Vec<_> = self.known_peers.values().copied().collect();
            let (_, last_to_go, _) = seen.select_nth_unstable(KNOWN_PEERS_MAX / 8 - 1);
            self.known_peers.retain(|_, seen| *seen > *last_to_go);
        }
        self.known_peers.insert(peer, Instant::now());
    }

    /// Whether the log has not said so lately; it does then.
    fn is_news(&mut self, full: Full) -> bool {
        let said_at = &mut self.said_at[full as usize];
        let is_news = said_at.is_none_or(|said_at| said_at.elapsed() >= SAY_AGAIN);
        if is_news {
            *said_at = Some(Instant::now());
        }
        is_news
    }

    fn is_known(&self, peer: Peer) -> bool {
        self.known_peers.get(&peer).is_some_and(|seen| seen.elapsed() < KNOWN_FOR)
    }

    /// Tells a connection to make room; it counts no more.
    fn tell(&mut self, slot: &Slot) {
        slot.leaving.store(true, Relaxed);
        self.leaving += 1;
        self.forget(slot);
        slot.told.notify_waiters();
    }

    /// Tells the lowest-ranked of those connections: several if they have shown no key or are slow, else one. Says
    /// whether there was any.
    fn make_room(&mut self, now_ms: u64, wanted: impl Fn(&Slot) -> bool) -> bool {
        let ranked = || {
            let wanted = self.slots.iter().filter(|(_, slot)| wanted(slot));
            wanted.filter_map(|(number, slot)| Some((slot.rank(now_ms)?, *number)))
        };
        let of = |rank: Rank| ranked().filter(move |((other, _), _)| *other == rank);
        let Some(mut first) = ranked().min() else { return false };
        if first.0.0 == Rank::Fresh && of(Rank::Fresh).count() <= self.slots.len() / PLACES_PER_FRESH {
            first = of(Rank::KnownResting).min().unwrap_or(first);
        }
        let mut chosen = vec![first];
        if first.0.0 <= Rank::KnownSlow {
            chosen = of(first.0.0).collect();
            let count = AT_A_TIME.min((self.slots.len() / 8).max(1));
            if chosen.len() > count {
                chosen.select_nth_unstable(count);
                chosen.truncate(count);
            }
        }
        for (_, number) in chosen {
            if let Some(slot) = self.slots.get(&number).map(Arc::clone) {
                self.tell(&slot);
            }
        }
        true
    }
}

impl Slots {
    /// Of so many connections.
    pub(super) fn new(max: usize) -> Arc<Self> {
        // In tests some connections can be older than others.
        let began = Instant::now();
        #[cfg(test)]
        let began = began.checked_sub(Duration::from_mins(1)).unwrap_or(began);
        Arc::new(Self { max, began, held: Mutex::default(), ended: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The most connections that one peer may have where the settings say `setting`: half of all at most; 0 is no bound.
    pub(super) fn bound(&self, setting: usize) -> Option<usize> {
        (setting > 0).then(|| setting.min(self.max / 2).max(1))
    }

    /// A slot for a connection from there, if need be that of another one. `bound`: the most that this peer may have.
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr, bound: Option<usize>) -> Result<Ticket, NoSlot> {
        let now_ms = self.now_ms();
        let mut held = self.lock();
        if held.leaving >= (self.max / SLOTS_PER_LEAVING).max(1) {
            return Err(NoSlot::ForAnybody);
        }
        let key = Peer::of(peer.ip());
        let of_peer = |slot: &Slot| Peer::of(slot.peer.ip()) == key;
        let so_many = held.by_peer.get(&key).copied().unwrap_or(0);
        if let Some(bound) = bound.filter(|bound| so_many >= *bound) {
            if held.is_news(Full::Peer) {
                tracing::warn!(
                    "{} has {bound} connections, as many as one address may (capture.max_connections_per_peer); they \
                     make room for each other. If it is a proxy, name it in capture.trusted_proxies",
                    peer.ip().to_canonical()
                );
            }
            if !held.make_room(now_ms, of_peer) {
                return Err(NoSlot::ForPeer);
            }
        }
        let stranger = !held.is_known(key);
        let for_strangers = self.max - RESERVED.min(self.max / 16);
        let is_stranger = |slot: &Slot| slot.stranger.load(Relaxed);
        if stranger && held.strangers >= for_strangers {
            if held.is_news(Full::Strangers) {
                tracing::warn!(
                    "All {for_strangers} connections for senders without a write key are taken; they make room for \
                     each other"
                );
            }
            if !held.make_room(now_ms, is_stranger) {
                return Err(NoSlot::ForAnybody);
            }
        }
        if held.slots.len() - held.leaving >= self.max {
            if held.is_news(Full::All) {
                tracing::warn!(
                    "All {} connections of the endpoint are taken; those without a write key make room first",
                    self.max
                );
            }
            if !held.make_room(now_ms, |_| true) {
                return Err(NoSlot::ForAnybody);
            }
        }
        Ok(self.add(&mut held, peer, stranger))
    }

    fn add(self: &Arc<Self>, held: &mut Held, peer: SocketAddr, stranger: bool) -> Ticket {
        let slot = Arc::new(Slot {
            peer,
            all: Arc::clone(self),
            doing: AtomicU8::new(Doing::Beginning as u8),
            since_ms: AtomicU64::new(self.now_ms()),
            known: AtomicBool::new(false),
            proven: AtomicBool::new(false),
            stranger: AtomicBool::new(stranger),
            leaving: AtomicBool::new(false),
            told: Notify::new(),
            stalled: AtomicBool::new(false),
            body_bytes: AtomicU64::new(0),
            head_bytes: AtomicUsize::new(0),
            counted: AtomicUsize::new(0),
        });
        let number = held.next;
        held.next += 1;
        held.strangers += usize::from(stranger);
        *held.by_peer.entry(Peer::of(peer.ip())).or_default() += 1;
        held.slots.insert(number, Arc::clone(&slot));
        Ticket { number, slot }
    }

    /// The system has no more file descriptors: some connections end, whatever the limit is.
    pub(super) fn give_some_back(&self) {
        let now_ms = self.now_ms();
        let mut held = self.lock();
        if held.leaving == 0 {
            held.make_room(now_ms, |_| true);
        }
    }
}

impl Slot {
    pub(super) fn doing(&self) -> Doing {
        Doing::ALL[usize::from(self.doing.load(Relaxed)) % Doing::ALL.len()]
    }

    fn begins(&self, doing: Doing) {
        self.since_ms.store(self.all.now_ms(), Relaxed);
        self.doing.store(doing as u8, Relaxed);
    }

    /// A request's head is there.
    pub(super) fn begin_request(&self) {
        self.head_done();
        self.body_bytes.store(0, Relaxed);
        self.begins(Doing::Reading);
    }

    /// So many more bytes of its body are there.
    pub(super) fn body_came(&self, bytes: usize) {
        self.body_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// It is refused: what came of it is no longer in memory.
    pub(super) fn body_refused(&self) {
        self.body_bytes.store(0, Relaxed);
    }

    /// There is no memory for more of it: another body, which has been arriving for longer, makes room for the next one.
    pub(super) fn no_memory(&self) {
        self.all.lock().shed_body(self.all.now_ms());
    }

    /// The request is there whole, and will be stored.
    pub(super) fn taken(&self) {
        self.begins(Doing::Taken);
    }

    /// It has been answered.
    pub(super) fn end_request(&self) {
        if self.is_known() {
            self.proven.store(true, Relaxed);
        }
        self.begins(Doing::Idle);
    }

    pub(super) fn is_known(&self) -> bool {
        self.known.load(Relaxed)
    }

    /// Its sender has shown a known write key.
    pub(super) fn shows_key(&self) {
        if self.known.swap(true, Relaxed) {
            return;
        }
        let mut held = self.all.lock();
        if self.stranger.swap(false, Relaxed) {
            held.strangers -= 1;
        }
        held.remember(Peer::of(self.peer.ip()));
    }

    /// How many bytes of the head that is being read have come so far; `None` between the head and the answer.
    pub(super) fn head_so_far(&self) -> Option<usize> {
        matches!(self.doing(), Doing::Beginning | Doing::Idle).then(|| self.head_bytes.load(Relaxed))
    }

    /// So many more bytes of a head are there. Connections are told to end if heads take too much memory.
    pub(super) fn head_came(&self, bytes: usize) {
        let so_far = self.head_bytes.fetch_add(bytes, Relaxed) + bytes;
        let Some(excess) = so_far.checked_sub(HEAD_BYTES_FREE).filter(|excess| *excess > 0) else { return };
        let mut held = self.all.lock();
        if !self.leaving.load(Relaxed) {
            held.head_bytes += excess - self.counted.swap(excess, Relaxed);
            if held.head_bytes > HEADS_BYTES_MAX {
                held.shed_heads();
            }
        }
    }

    /// The head that was being read is no longer in memory.
    pub(super) fn head_done(&self) {
        self.head_bytes.store(0, Relaxed);
        if self.counted.load(Relaxed) > 0 {
            self.all.lock().head_done(self);
        }
    }

    /// Comes when this connection must make room.
    pub(super) async fn must_leave(&self) {
        let mut told = std::pin::pin!(self.told.notified());
        told.as_mut().enable();
        if !self.leaving.load(Relaxed) {
            told.await;
        }
    }

    /// Whether an answer waits for the peer to read.
    pub(super) fn stalls(&self, stalled: bool) {
        self.stalled.store(stalled, Relaxed);
    }

    /// Whether a connection that must leave will end soon if it is let: neither half a head nor a peer that does not read
    /// is waited for.
    pub(super) fn may_end_itself(&self) -> bool {
        match self.doing() {
            Doing::Taken => true,
            Doing::Beginning => false,
            Doing::Idle | Doing::Reading => !self.stalled.load(Relaxed) && self.head_bytes.load(Relaxed) == 0,
        }
    }

    /// The most requests that one client of a proxy may have under way: as many as a peer may have connections.
    pub(super) fn bound(&self, setting: usize) -> Option<usize> {
        self.all.bound(setting)
    }

    /// `None`: it is leaving already, or its request is never cut.
    fn rank(&self, now_ms: u64) -> Option<(Rank, u64)> {
        if self.leaving.load(Relaxed) {
            return None;
        }
        let since_ms = self.since_ms.load(Relaxed);
        let for_ms = now_ms.saturating_sub(since_ms);
        let is_fresh = u128::from(for_ms) < FRESH.as_millis();
        let rate = self.body_bytes.load(Relaxed).saturating_mul(1000) / for_ms.max(1);
        Some(match (self.doing(), self.is_known()) {
            (Doing::Taken, _) => return None,
            (Doing::Beginning | Doing::Reading, _) if is_fresh && !self.proven.load(Relaxed) => {
                (Rank::Fresh, since_ms)
            }
            (Doing::Beginning, _) => (Rank::Beginning, since_ms),
            (Doing::Idle, false) => (Rank::StrangerIdle, since_ms),
            (Doing::Reading, false) => (Rank::StrangerReading, rate),
            (Doing::Reading, true) if !is_fresh && rate < SLOW => (Rank::KnownSlow, rate),
            (Doing::Idle, true) if u128::from(for_ms) > RESTING.as_millis() => (Rank::KnownIdle, since_ms),
            (Doing::Idle, true) => (Rank::KnownResting, since_ms),
            (Doing::Reading, true) => (Rank::KnownReading, rate),
        })
    }
}

/// The clients whose requests come by trusted proxies, with the number of their requests under way.
#[derive(Default)]
pub(super) struct Clients(Mutex<HashMap<Peer, usize>>);

/// A request under way; no longer counted when it is dropped.
pub(super) struct UnderWay<'c> {
    clients: &'c Clients,
    client: Peer,
}

impl Clients {
    fn lock(&self) -> MutexGuard<'_, HashMap<Peer, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request of that client; `None`: it has `bound` under way.
    pub(super) fn enter(&self, client: IpAddr, bound: usize) -> Option<UnderWay<'_>> {
        let client = Peer::of(client);
        let mut counts = self.lock();
        let count = counts.entry(client).or_default();
        if *count >= bound {
            return None;
        }
        *count += 1;
        Some(UnderWay { clients: self, client })
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut counts = self.clients.lock();
        if let Some(count) = counts.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
impl Slots {
    pub(super) fn comes(self: &Arc<Self>) -> Ticket {
        self.admit("192.0.2.1:4711".parse().expect("an address"), None).expect("there is room")
    }

    pub(super) fn counted_head_bytes(&self) -> usize {
        self.lock().head_bytes
    }
}

#[cfg(test)]
impl Ticket {
    /// So many bytes of its body came longer ago than a body counts as new.
    pub(super) fn with_old_body(self, bytes: usize) -> Self {
        self.slot.begin_request();
        self.slot.body_came(bytes);
        self.slot.since_ms.store(0, Relaxed);
        self
    }

    pub(super) fn must_leave(&self) -> bool {
        self.slot.leaving.load(Relaxed)
    }
}

#[cfg(test)]
mod tests;

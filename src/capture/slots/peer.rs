//! Peer addresses: those that were seen with a known write key, and the clients of trusted proxies.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a peer address is remembered for having shown a known key.
const KNOWN_FOR: Duration = Duration::from_mins(10);

/// Maximum peer addresses that are remembered.
pub(super) const KNOWN_PEERS_MAX: usize = 4096;

/// A peer. One machine can choose any address in an IPv6 /64 network, so a peer is that network, or an IPv4 address.
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

/// The peers that have shown a known write key lately, with the time when they last did.
#[derive(Default)]
pub(super) struct KnownPeers(HashMap<Peer, Instant>);

impl KnownPeers {
    pub(super) fn remember(&mut self, peer: Peer) {
        let Self(peers) = self;
        if peers.len() >= KNOWN_PEERS_MAX && !peers.contains_key(&peer) {
            // Forgets an eighth at once, the oldest, so that most new peers cost no search.
            let mut seen: Vec<_> = peers.values().copied().collect();
            let (_, newest_to_go, _) = seen.select_nth_unstable(KNOWN_PEERS_MAX / 8 - 1);
            peers.retain(|_, seen| *seen > *newest_to_go);
        }
        peers.insert(peer, Instant::now());
    }

    pub(super) fn contains(&self, peer: Peer) -> bool {
        self.0.get(&peer).is_some_and(|seen| seen.elapsed() < KNOWN_FOR)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The clients whose requests arrive through trusted proxies, with the number of their requests in progress.
#[derive(Default)]
pub(crate) struct Clients(Mutex<HashMap<Peer, usize>>);

/// A client's request in progress. It stops counting when this is dropped.
pub(crate) struct ClientRequest<'c> {
    clients: &'c Clients,
    client: Peer,
}

impl Clients {
    fn lock(&self) -> MutexGuard<'_, HashMap<Peer, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request of that client. `None` if it already has `max` in progress.
    pub(crate) fn enter(&self, client: IpAddr, max: usize) -> Option<ClientRequest<'_>> {
        let client = Peer::of(client);
        let mut counts = self.lock();
        let count = counts.entry(client).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(ClientRequest { clients: self, client })
    }
}

impl Drop for ClientRequest<'_> {
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

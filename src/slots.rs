//! The slots of a port on which callers show a key (the control port, the practice stream): how many connections it has at
//! a time, and which one makes room when all slots are taken. The capture endpoint has rules of its own
//! (`capture/slots.rs`).
//!
//! 1. An unauthenticated connection makes room for a new one, the oldest first.
//! 2. An authenticated connection is never closed for an unauthenticated one.
//! 3. Fewer connections may be authenticated than there are slots, so a new connection gets a slot in which it can
//!    authenticate itself. The program's own connections are not limited: there are fewer of them than slots are left.
//!
//! Nothing is closed here: the code that serves a connection closes it when [`Slot::wanted`] returns.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// After this idle time an authenticated connection makes room for another one.
const IDLE_MIN: Duration = Duration::from_secs(1);

/// Maximum numbers of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All connections.
    pub connections: usize,
    /// Connections of [`Rank::Authenticated`].
    pub authenticated: usize,
}

/// Which key a connection has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// None yet.
    Unauthenticated,
    /// The key that other programs may have.
    Authenticated,
    /// The key that only this program has; such connections are not limited.
    Own,
}

/// The slots of one port.
#[derive(Debug)]
pub struct Slots {
    limits: Limits,
    state: Mutex<State>,
    /// Notified when a slot is given back.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// By number: in the order in which they came.
    held: BTreeMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    rank: Rank,
    /// Requests under way.
    requests: usize,
    idle_since: Instant,
    /// It was asked to close.
    is_leaving: bool,
    wanted: Arc<Notify>,
}

impl Held {
    fn leave(&mut self) {
        self.is_leaving = true;
        self.wanted.notify_one();
    }
}

/// The slot of one connection. Dropping it gives the slot back.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    number: u64,
    wanted: Arc<Notify>,
}

/// A request under way; dropping it ends the request.
#[derive(Debug)]
pub struct Busy(Arc<Slot>);

impl Slots {
    /// Slots that are all free.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default(), freed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot for a new connection. Waits until another connection makes room or ends.
    pub async fn take(self: &Arc<Self>) -> Slot {
        loop {
            if let Some(slot) = self.try_take() {
                return slot;
            }
            // A slot that was given back since then has left a permit.
            self.freed.notified().await;
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<Slot> {
        let mut state = self.state();
        if state.held.len() >= self.limits.connections {
            state.make_room();
            return None;
        }
        let number = state.next;
        state.next += 1;
        let wanted = Arc::new(Notify::new());
        state.held.insert(
            number,
            Held {
                rank: Rank::Unauthenticated,
                requests: 0,
                idle_since: Instant::now(),
                is_leaving: false,
                wanted: Arc::clone(&wanted),
            },
        );
        Some(Slot { slots: Arc::clone(self), number, wanted })
    }

    /// Asks the oldest unauthenticated connection to close, unless a connection was asked already.
    pub fn make_room(&self) {
        self.state().make_room();
    }
}

impl State {
    fn make_room(&mut self) {
        if self.held.values().any(|held| held.is_leaving) {
            return;
        }
        if let Some(oldest) = self.held.values_mut().find(|held| held.rank == Rank::Unauthenticated) {
            oldest.leave();
        }
    }
}

impl Slot {
    /// Notes that the connection has shown a key. `false`: the maximum number of connections is authenticated, and all are
    /// busy.
    pub fn authenticate(&self, rank: Rank) -> bool {
        let mut state = self.slots.state();
        if self.rank_in(&state) >= rank {
            return true;
        }
        if rank == Rank::Authenticated {
            let counts = |held: &Held| held.rank == Rank::Authenticated && !held.is_leaving;
            if state.held.values().filter(|held| counts(held)).count() >= self.slots.limits.authenticated {
                let is_idle = |held: &Held| held.requests == 0 && held.idle_since.elapsed() >= IDLE_MIN;
                let idle = state.held.values_mut().filter(|held| counts(held) && is_idle(held));
                match idle.min_by_key(|held| held.idle_since) {
                    Some(longest) => longest.leave(),
                    None => return false,
                }
            }
        }
        if let Some(held) = state.held.get_mut(&self.number) {
            held.rank = rank;
        }
        true
    }

    /// Whether the connection has shown a key.
    pub fn is_authenticated(&self) -> bool {
        self.rank_in(&self.slots.state()) > Rank::Unauthenticated
    }

    /// Whether a request of it is under way.
    pub fn is_busy(&self) -> bool {
        self.slots.state().held.get(&self.number).is_some_and(|held| held.requests > 0)
    }

    /// Begins a request.
    pub fn busy(self: &Arc<Self>) -> Busy {
        self.count(|held| held.requests += 1);
        Busy(Arc::clone(self))
    }

    /// Returns when the connection is to close, to make room for another one.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    fn rank_in(&self, state: &State) -> Rank {
        state.held.get(&self.number).map_or(Rank::Unauthenticated, |held| held.rank)
    }

    fn count(&self, count: impl FnOnce(&mut Held)) {
        if let Some(held) = self.slots.state().held.get_mut(&self.number) {
            count(held);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.count(|held| {
            held.requests -= 1;
            held.idle_since = Instant::now();
        });
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.state().held.remove(&self.number);
        self.slots.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    fn slots(connections: usize, authenticated: usize) -> Arc<Slots> {
        Slots::new(Limits { connections, authenticated })
    }

    fn is_wanted(slot: &Slot) -> bool {
        let mut wanted = pin!(slot.wanted());
        futures_util::FutureExt::now_or_never(wanted.as_mut()).is_some()
    }

    #[tokio::test]
    async fn the_oldest_unauthenticated_connection_makes_room_and_an_authenticated_one_never_does() {
        let slots = slots(3, 2);
        let (first, second, third) = (slots.take().await, slots.take().await, slots.take().await);
        assert!(first.authenticate(Rank::Authenticated));
        let mut newcomer = pin!(slots.take());
        assert!(futures_util::poll!(newcomer.as_mut()).is_pending());
        assert_eq!([&first, &second, &third].map(is_wanted), [false, true, false]);
        drop(second);
        let fourth = newcomer.await;
        assert!(fourth.authenticate(Rank::Own) && third.authenticate(Rank::Authenticated));
        let mut newcomer = pin!(slots.take());
        assert!(futures_util::poll!(newcomer.as_mut()).is_pending());
        assert_eq!([&first, &third, &fourth].map(is_wanted), [false; 3], "it waits until one ends");
        drop(fourth);
        drop(newcomer.await);
    }

    #[tokio::test]
    async fn one_connection_at_a_time_is_asked_to_leave() {
        let slots = slots(3, 1);
        let all = [slots.take().await, slots.take().await, slots.take().await];
        for _ in 0..5 {
            assert!(slots.try_take().is_none());
        }
        assert_eq!(all.each_ref().map(is_wanted), [true, false, false]);
    }

    #[tokio::test]
    async fn among_authenticated_connections_the_one_that_is_idle_for_longest_makes_room() {
        let slots = slots(8, 2);
        let (first, second, third) = (slots.take().await, Arc::new(slots.take().await), slots.take().await);
        assert!(first.authenticate(Rank::Authenticated) && second.authenticate(Rank::Authenticated));
        assert!(!third.authenticate(Rank::Authenticated), "nobody is idle for long enough");
        assert!(!third.is_authenticated());
        let idle = Instant::now().checked_sub(IDLE_MIN * 2).expect("the clock has run for so long");
        for (slot, longer) in [(&first, Duration::ZERO), (&*second, IDLE_MIN)] {
            slot.count(|held| held.idle_since = idle.checked_sub(longer).unwrap_or(idle));
        }
        let request = second.busy();
        assert!(third.authenticate(Rank::Authenticated));
        assert_eq!([&first, &*second].map(is_wanted), [true, false], "a busy one stays");
        drop(request);
        assert!(slots.take().await.authenticate(Rank::Own), "the program itself is not counted");
    }
}

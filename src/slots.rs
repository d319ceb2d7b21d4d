//! The slots of a port: how many connections it has at a time, and who makes room when all are taken.
//!
//! A connection that has not shown the port's key makes room for a newcomer, the oldest first. One that has shown it is
//! never closed for one that has not. There are fewer slots for authenticated connections than slots, so that a newcomer
//! always finds one and can show the key too. Pure bookkeeping: whoever serves the connection heeds [`Slot::wanted`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// An authenticated connection makes room for another such one after being idle for so long.
const IDLE_MIN: Duration = Duration::from_secs(1);

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub connections: usize,
    /// Those of [`Rank::Authenticated`].
    pub authenticated: usize,
}

/// What a connection has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nothing yet.
    Unauthenticated,
    /// The key that others may have.
    Authenticated,
    /// The key that this program alone has.
    Own,
}

/// The slots of one port.
#[derive(Debug)]
pub struct Slots {
    limits: Limits,
    state: Mutex<State>,
    /// A slot was given back.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// In the order in which they came.
    held: BTreeMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    rank: Rank,
    /// Requests that are under way.
    requests: usize,
    idle_since: Instant,
    /// It was asked to leave.
    leaving: bool,
    wanted: Arc<Notify>,
}

impl Held {
    fn leave(&mut self) {
        self.leaving = true;
        self.wanted.notify_one();
    }
}

/// One connection's slot, until it is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    number: u64,
    wanted: Arc<Notify>,
}

/// A request that is under way, until it is dropped.
#[derive(Debug)]
pub struct Busy<'a>(&'a Slot);

impl Slots {
    /// All free.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default(), freed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot for a connection that has just come. Waits for one that makes room, or that ends.
    pub async fn take(self: &Arc<Self>) -> Slot {
        loop {
            // Remembers a slot that is given back between the look and the wait.
            let freed = self.freed.notified();
            if let Some(slot) = self.try_take() {
                return slot;
            }
            freed.await;
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
                leaving: false,
                wanted: Arc::clone(&wanted),
            },
        );
        Some(Slot { slots: Arc::clone(self), number, wanted })
    }

    /// Asks the oldest unauthenticated connection to leave, where nobody was asked yet.
    pub fn make_room(&self) {
        self.state().make_room();
    }
}

impl State {
    fn make_room(&mut self) {
        if self.held.values().any(|held| held.leaving) {
            return;
        }
        if let Some(oldest) = self.held.values_mut().find(|held| held.rank == Rank::Unauthenticated) {
            oldest.leave();
        }
    }
}

impl Slot {
    /// Says that the connection has shown a key. `false`: there are as many authenticated ones as there may be, and all of
    /// them are busy.
    pub fn authenticate(&self, rank: Rank) -> bool {
        let mut state = self.slots.state();
        if self.rank_in(&state) >= rank {
            return true;
        }
        if rank == Rank::Authenticated {
            let among = |held: &Held| held.rank == Rank::Authenticated && !held.leaving;
            if state.held.values().filter(|held| among(held)).count() >= self.slots.limits.authenticated {
                let idle = |held: &Held| held.requests == 0 && held.idle_since.elapsed() >= IDLE_MIN;
                let all = state.held.values_mut().filter(|held| among(held) && idle(held));
                match all.min_by_key(|held| held.idle_since) {
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

    /// Whether it has shown a key.
    pub fn is_authenticated(&self) -> bool {
        self.rank_in(&self.slots.state()) > Rank::Unauthenticated
    }

    /// Whether a request is under way.
    pub fn is_busy(&self) -> bool {
        self.slots.state().held.get(&self.number).is_some_and(|held| held.requests > 0)
    }

    /// Begins a request.
    pub fn busy(&self) -> Busy<'_> {
        self.count(|held| held.requests += 1);
        Busy(self)
    }

    /// Ends when the connection is to make room for another one.
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

impl Drop for Busy<'_> {
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
        let (first, second, third) = (slots.take().await, slots.take().await, slots.take().await);
        assert!(first.authenticate(Rank::Authenticated) && second.authenticate(Rank::Authenticated));
        assert!(!third.authenticate(Rank::Authenticated), "nobody is idle for long enough");
        assert!(!third.is_authenticated());
        let idle = Instant::now().checked_sub(IDLE_MIN * 2).expect("the clock has run for so long");
        for (slot, longer) in [(&first, Duration::ZERO), (&second, IDLE_MIN)] {
            slot.count(|held| held.idle_since = idle.checked_sub(longer).unwrap_or(idle));
        }
        let request = second.busy();
        assert!(third.authenticate(Rank::Authenticated));
        assert_eq!([&first, &second].map(is_wanted), [true, false], "a busy one stays");
        drop(request);
        assert!(slots.take().await.authenticate(Rank::Own), "the program itself is not counted");
    }
}

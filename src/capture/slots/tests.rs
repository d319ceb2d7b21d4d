//! Which connection makes room when all slots are taken, and which is refused.

use std::net::IpAddr;

use super::{
    peer::{KNOWN_PEERS_MAX, KnownPeers},
    table::{HEADS_BYTES_MAX, WARN_AGAIN_AFTER},
    *,
};

fn slots(max: usize) -> Arc<Slots> {
    Slots::new(max)
}

fn address(text: &str) -> SocketAddr {
    SocketAddr::new(text.parse().expect("an address"), 4711)
}

/// Connects from an address of its own.
fn connect(all: &Arc<Slots>, number: u8) -> TakenSlot {
    all.take(address(&format!("192.0.2.{number}")), None).expect("there is room")
}

impl TakenSlot {
    /// Its phase began this many seconds ago.
    fn since(self, seconds: u64) -> Self {
        self.slot.connection.set_since_ms(self.slot.slots.now_ms() - seconds * 1000);
        self
    }

    fn idle(self, seconds: u64) -> Self {
        self.slot.request_ended();
        self.since(seconds)
    }

    /// It has received this many bytes of a body.
    fn receiving(self, seconds: u64, bytes: usize) -> Self {
        self.slot.request_began();
        self.slot.body_received(bytes);
        self.since(seconds)
    }

    fn known(self) -> Self {
        self.slot.mark_known();
        self
    }
}

#[test]
fn strangers_make_room_before_those_who_have_shown_a_key_however_busy_they_were() {
    let all = slots(16);
    let expected = [
        connect(&all, 1).since(9),
        connect(&all, 2).since(3),
        connect(&all, 3).idle(4),
        connect(&all, 4).idle(0),
        connect(&all, 5).receiving(9, 90),
        connect(&all, 6).receiving(3, 9000),
        connect(&all, 8).receiving(20, 20_000).known(),
        connect(&all, 14).known().idle(30).receiving(10, 30_000),
        connect(&all, 9).known().idle(30),
        connect(&all, 6).receiving(1, 9000),
        // One newcomer of fifteen is spared while a known sender is idle.
        connect(&all, 10).known().idle(0),
        connect(&all, 7),
        connect(&all, 11).known().receiving(3, 100_000),
        connect(&all, 12).known().receiving(3, 200_000),
    ];
    let taken = connect(&all, 13);
    taken.slot.request_complete();
    let mut order = Vec::new();
    while all.lock().evict_lowest(all.now_ms(), |_| true) {
        let left = expected.iter().enumerate().filter(|(_, taken)| taken.is_evicted());
        let new: Vec<_> = left.map(|(at, _)| at).filter(|at| !order.contains(at)).collect();
        assert_eq!(new.len(), 1, "{new:?} at once");
        order.extend(new);
    }
    assert_eq!(order, (0..expected.len()).collect::<Vec<_>>());
    assert!(!taken.is_evicted(), "a request that has arrived whole is never cut");
}

#[test]
fn newcomers_are_not_cut_while_known_senders_are_idle() {
    for idle_for in [55, 1] {
        let all = slots(64);
        let known: Vec<_> = (0..64).map(|number| connect(&all, number).known().idle(idle_for)).collect();
        let newcomers: Vec<_> = (100..106).map(|number| connect(&all, number)).collect();
        assert!(!newcomers.iter().any(TakenSlot::is_evicted), "idle for {idle_for} s");
        assert_eq!(known.iter().filter(|taken| taken.is_evicted()).count(), 6, "one for each");
    }
}

#[test]
fn where_all_are_newcomers_one_of_them_is_cut_for_the_next() {
    let all = slots(200);
    let newcomers: Vec<_> = (0..188).map(|number| connect(&all, number)).collect();
    let next: Vec<_> = (200..208).map(|number| connect(&all, number)).collect();
    assert!(!next.iter().any(TakenSlot::is_evicted), "the oldest go");
    assert_eq!(newcomers.iter().filter(|taken| taken.is_evicted()).count(), 8);
}

#[test]
fn there_is_always_room_for_the_next_one_unless_every_request_is_being_stored() {
    let all = slots(16);
    let mut held: Vec<_> = (0..16).map(|number| connect(&all, number).known()).collect();
    for taken in &held {
        taken.slot.request_complete();
    }
    let next = || all.take(address("192.0.2.99"), None);
    assert_eq!(next().err(), Some(NoSlot::OfAll));
    held[5].slot.request_ended();
    let new = next().expect("one is idle");
    assert!(held[5].is_evicted());
    new.slot.request_complete();
    assert_eq!(next().err(), Some(NoSlot::OfAll));
    held.remove(3);
    next().expect("one has ended");
}

#[test]
fn a_peer_with_all_connections_that_it_may_have_makes_room_for_itself() {
    let all = slots(16);
    let other = connect(&all, 1).since(30);
    let come = |text: &str| all.take(address(text), all.max_of_peer(4));
    // One network of a provider's customer, and IPv4 in the form of IPv6.
    for addresses in [
        ["2001:db8:1:2::1", "2001:db8:1:2:ffff::", "2001:db8:1:2::1", "2001:db8:1:2::7"],
        ["198.51.100.1", "::ffff:198.51.100.1", "198.51.100.1", "198.51.100.1"],
    ] {
        let held = addresses.map(|text| come(text).expect("it may have four").since(5));
        held[1].slot.request_complete();
        let _fifth = come(addresses[0]).expect("it makes room for itself");
        assert!(held.iter().any(TakenSlot::is_evicted) && !other.is_evicted() && !held[1].is_evicted());
        let _of_another = come("203.0.113.1").expect("it has none yet");
    }
    let busy = ["203.0.113.9"; 4].map(|text| come(text).expect("it may have four"));
    for taken in &busy {
        taken.slot.request_complete();
    }
    assert_eq!(come("203.0.113.9").err(), Some(NoSlot::OfPeer));
    assert_eq!((all.max_of_peer(0), all.max_of_peer(1024)), (None, Some(8)), "half of all at most");
}

#[test]
fn the_last_places_are_for_those_who_have_shown_a_key_or_did_so_lately() {
    let all = slots(64);
    drop(connect(&all, 1).known());
    let strangers: Vec<_> = (2..62).map(|number| connect(&all, number)).collect();
    let known: Vec<_> = (0..4).map(|_| connect(&all, 1)).collect();
    assert!(!strangers.iter().any(TakenSlot::is_evicted), "four slots were kept free");
    let _stranger = connect(&all, 200);
    assert!(strangers.iter().any(TakenSlot::is_evicted), "strangers make room for each other");
    assert!(!known.iter().any(TakenSlot::is_evicted));
}

#[test]
fn the_log_says_once_a_minute_what_has_no_place_left() {
    let all = slots(64);
    let _strangers: Vec<_> = (0..60).map(|number| connect(&all, number)).collect();
    let said = || all.lock().warned_at.map(|warned_at| warned_at.is_some());
    assert_eq!(said(), [false; 3]);
    let _one_more = connect(&all, 70);
    assert_eq!(said(), [false, true, false], "strangers never take the last ones");
    let _own = [(); 2].map(|()| all.take(address("203.0.113.1"), Some(1)));
    assert_eq!(said(), [false, true, true]);
    let _known: Vec<_> = (100..106).map(|number| connect(&all, number).known()).collect();
    assert_eq!(said(), [true; 3]);
    let mut held = all.lock();
    assert!(!held.should_warn(Full::OfPeer), "not again so soon");
    held.warned_at[Full::OfPeer as usize] = Instant::now().checked_sub(WARN_AGAIN_AFTER);
    assert!(held.should_warn(Full::OfPeer));
}

#[test]
fn unfinished_heads_take_no_more_than_their_budget_and_strangers_pay_first() {
    let all = slots(1000);
    let known = connect(&all, 1).known().idle(0);
    known.slot.head_received(64 << 10);
    let long: Vec<_> = (0..400).map(|_| connect(&all, 2)).collect();
    for taken in &long {
        taken.slot.head_received(1000);
        taken.slot.head_received(61_000);
        assert!(all.lock().head_bytes() <= HEADS_BYTES_MAX);
    }
    let ended = long.iter().filter(|taken| taken.is_evicted()).count();
    assert!((240..330).contains(&ended), "{ended}");
    assert!(!known.is_evicted());
    known.slot.request_began();
    drop(long);
    assert_eq!(all.lock().head_bytes(), 0);
}

#[test]
fn when_bodies_take_all_memory_the_largest_that_is_not_new_goes_and_strangers_first() {
    let all = slots(64);
    let bodies = [
        connect(&all, 1).receiving(5, 900_000),
        connect(&all, 2).receiving(9, 800_000),
        connect(&all, 3).known().receiving(9, 2_000_000),
        connect(&all, 4).receiving(1, 3_000_000),
    ];
    let stored = connect(&all, 5).receiving(9, 5_000_000);
    stored.slot.request_complete();
    let honest = connect(&all, 6);
    let mut order = Vec::new();
    for _ in 0..4 {
        honest.slot.evict_body();
        let gone = (0..bodies.len()).filter(|at| bodies[*at].is_evicted());
        let new: Vec<_> = gone.filter(|at| !order.contains(at)).collect();
        for at in &new {
            bodies[*at].slot.body_discarded();
        }
        order.extend(new);
    }
    assert_eq!(order, [0, 1, 2]);
    assert!(!stored.is_evicted());
}

#[test]
fn one_body_makes_room_in_memory_at_a_time() {
    let all = slots(64);
    let bodies: Vec<_> = (1..9).map(|number| connect(&all, number).receiving(5, 900_000)).collect();
    let honest = connect(&all, 20);
    let gone = || bodies.iter().filter(|taken| taken.is_evicted()).count();
    for _ in 0..5 {
        honest.slot.evict_body();
        assert_eq!(gone(), 1, "it is still leaving with its bytes");
    }
    bodies.iter().find(|taken| taken.is_evicted()).expect("one").slot.request_ended();
    honest.slot.evict_body();
    assert_eq!(gone(), 2);
}

#[test]
fn what_ends_is_counted_no_more_in_whatever_order_it_happens() {
    let all = slots(32);
    let mut held = Vec::new();
    fastrand::seed(7);
    for step in 0..5000 {
        match fastrand::u8(0..8) {
            0..=3 => {
                let peer = address(&format!("192.0.2.{}", fastrand::u8(0..20)));
                held.extend(all.take(peer, all.max_of_peer(6)).ok());
            }
            action if !held.is_empty() => {
                let at = fastrand::usize(0..held.len());
                let taken: &TakenSlot = &held[at];
                match action {
                    4 => taken.slot.mark_known(),
                    5 => taken.slot.head_received(9000),
                    6 => taken.slot.request_began(),
                    _ => drop(held.swap_remove(at)),
                }
            }
            _ => {}
        }
        let now = all.lock();
        let evicted = held.iter().filter(|taken| taken.is_evicted()).count();
        assert_eq!((now.len(), now.evicted_len()), (held.len() - evicted, evicted), "step {step}");
        assert_eq!(now.by_peer().values().sum::<usize>(), held.len() - evicted, "step {step}");
        assert!(held.len() - evicted <= 32 && now.by_peer().values().all(|count| *count <= 6), "step {step}");
    }
    held.clear();
    let now = all.lock();
    assert_eq!((now.len(), now.evicted_len(), now.unreserved_len(), now.head_bytes()), (0, 0, 0, 0));
    assert!(now.by_peer().is_empty());
}

#[test]
fn known_peers_are_remembered_up_to_a_number() {
    let mut peers = KnownPeers::default();
    for number in 0..u32::try_from(KNOWN_PEERS_MAX).expect("small") + 100 {
        peers.remember(Peer::of(IpAddr::V4(number.into())));
    }
    let kept = KNOWN_PEERS_MAX / 8 * 7;
    assert!(
        (kept..=kept + 100).contains(&peers.len()),
        "an eighth goes at once: a search for each would be slow"
    );
    assert!(!peers.contains(Peer::of(IpAddr::V4(0.into()))), "the oldest is forgotten");
    assert!(peers.contains(Peer::of(IpAddr::V4(4000.into()))));
}

#[test]
fn requests_under_way_are_counted_by_client() {
    let clients = Clients::default();
    let address = |text: &str| text.parse().expect("an address");
    let first = clients.enter(address("203.0.113.7"), 2).expect("the first");
    let _second = clients.enter(address("::ffff:203.0.113.7"), 2).expect("the second");
    assert!(clients.enter(address("203.0.113.7"), 2).is_none());
    clients.enter(address("203.0.113.8"), 2).expect("of another");
    drop(first);
    clients.enter(address("203.0.113.7"), 2).expect("one has ended");
}

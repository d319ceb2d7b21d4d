use super::*;

fn slots(max: usize) -> Arc<Slots> {
    Slots::new(max)
}

fn address(text: &str) -> SocketAddr {
    SocketAddr::new(text.parse().expect("an address"), 4711)
}

/// Each from an address of its own.
fn comes(all: &Arc<Slots>, number: u8) -> Ticket {
    all.admit(address(&format!("192.0.2.{number}")), None).expect("there is room")
}

impl Ticket {
    /// What it does began so many seconds ago.
    fn since(self, seconds: u64) -> Self {
        self.slot.since_ms.store(self.slot.all.now_ms() - seconds * 1000, Relaxed);
        self
    }

    fn idle(self, seconds: u64) -> Self {
        self.slot.end_request();
        self.since(seconds)
    }

    /// With so many bytes of its body.
    fn reading(self, seconds: u64, bytes: usize) -> Self {
        self.slot.begin_request();
        self.slot.body_came(bytes);
        self.since(seconds)
    }

    fn known(self) -> Self {
        self.slot.shows_key();
        self
    }
}

#[test]
fn strangers_make_room_before_those_who_have_shown_a_key_however_busy_they_were() {
    let all = slots(16);
    let expected = [
        comes(&all, 1).since(9),
        comes(&all, 2).since(3),
        comes(&all, 3).idle(4),
        comes(&all, 4).idle(0),
        comes(&all, 5).reading(9, 90),
        comes(&all, 6).reading(3, 9000),
        comes(&all, 8).reading(20, 20_000).known(),
        comes(&all, 14).known().idle(30).reading(10, 30_000),
        comes(&all, 9).known().idle(30),
        comes(&all, 6).reading(1, 9000),
        // One newcomer of fifteen is left alone while a known sender is idle.
        comes(&all, 10).known().idle(0),
        comes(&all, 7),
        comes(&all, 11).known().reading(3, 100_000),
        comes(&all, 12).known().reading(3, 200_000),
    ];
    let taken = comes(&all, 13);
    taken.slot.taken();
    let mut order = Vec::new();
    while all.lock().make_room(all.now_ms(), |_| true) {
        let left = expected.iter().enumerate().filter(|(_, ticket)| ticket.must_leave());
        let new: Vec<_> = left.map(|(at, _)| at).filter(|at| !order.contains(at)).collect();
        assert_eq!(new.len(), 1, "{new:?} at once");
        order.extend(new);
    }
    assert_eq!(order, (0..expected.len()).collect::<Vec<_>>());
    assert!(!taken.must_leave(), "a request that has arrived whole is never cut");
}

#[test]
fn newcomers_are_not_cut_while_known_senders_are_idle() {
    for idle_for in [55, 1] {
        let all = slots(64);
        let known: Vec<_> = (0..64).map(|number| comes(&all, number).known().idle(idle_for)).collect();
        let newcomers: Vec<_> = (100..106).map(|number| comes(&all, number)).collect();
        assert!(!newcomers.iter().any(Ticket::must_leave), "idle for {idle_for} s");
        assert_eq!(known.iter().filter(|ticket| ticket.must_leave()).count(), 6, "one for each");
    }
}

#[test]
fn where_all_are_newcomers_one_of_them_is_cut_for_the_next() {
    let all = slots(200);
    let newcomers: Vec<_> = (0..188).map(|number| comes(&all, number)).collect();
    let next: Vec<_> = (200..208).map(|number| comes(&all, number)).collect();
    assert!(!next.iter().any(Ticket::must_leave), "the oldest go");
    assert_eq!(newcomers.iter().filter(|ticket| ticket.must_leave()).count(), 8);
}

#[test]
fn there_is_always_room_for_the_next_one_unless_every_request_is_being_stored() {
    let all = slots(16);
    let mut held: Vec<_> = (0..16).map(|number| comes(&all, number).known()).collect();
    for ticket in &held {
        ticket.slot.taken();
    }
    let next = || all.admit(address("192.0.2.99"), None);
    assert_eq!(next().err(), Some(NoSlot::ForAnybody));
    held[5].slot.end_request();
    let new = next().expect("one is idle");
    assert!(held[5].must_leave());
    new.slot.taken();
    assert_eq!(next().err(), Some(NoSlot::ForAnybody));
    held.remove(3);
    next().expect("one has ended");
}

#[test]
fn a_peer_with_all_connections_that_it_may_have_makes_room_for_itself() {
    let all = slots(16);
    let other = comes(&all, 1).since(30);
    let come = |text: &str| all.admit(address(text), all.bound(4));
    // One network of a provider's customer, and IPv4 in the form of IPv6.
    for addresses in [
        ["2001:db8:1:2::1", "2001:db8:1:2:ffff::", "2001:db8:1:2::1", "2001:db8:1:2::7"],
        ["198.51.100.1", "::ffff:198.51.100.1", "198.51.100.1", "198.51.100.1"],
    ] {
        let held = addresses.map(|text| come(text).expect("it may have four").since(5));
        held[1].slot.taken();
        let _fifth = come(addresses[0]).expect("it makes room for itself");
        assert!(held.iter().any(Ticket::must_leave) && !other.must_leave() && !held[1].must_leave());
        let _of_another = come("203.0.113.1").expect("it has none yet");
    }
    let busy = ["203.0.113.9"; 4].map(|text| come(text).expect("it may have four"));
    for ticket in &busy {
        ticket.slot.taken();
    }
    assert_eq!(come("203.0.113.9").err(), Some(NoSlot::ForPeer));
    assert_eq!((all.bound(0), all.bound(1024)), (None, Some(8)), "half of all at most");
}

#[test]
fn the_last_places_are_for_those_who_have_shown_a_key_or_did_so_lately() {
    let all = slots(64);
    drop(comes(&all, 1).known());
    let strangers: Vec<_> = (2..62).map(|number| comes(&all, number)).collect();
    let known: Vec<_> = (0..4).map(|_| comes(&all, 1)).collect();
    assert!(!strangers.iter().any(Ticket::must_leave), "four slots were kept free");
    let _stranger = comes(&all, 200);
    assert!(strangers.iter().any(Ticket::must_leave), "strangers make room for each other");
    assert!(!known.iter().any(Ticket::must_leave));
}

#[test]
fn the_log_says_once_a_minute_what_has_no_place_left() {
    let all = slots(64);
    let _strangers: Vec<_> = (0..60).map(|number| comes(&all, number)).collect();
    let said = || all.lock().said_at.map(|said_at| said_at.is_some());
    assert_eq!(said(), [false; 3]);
    let _one_more = comes(&all, 70);
    assert_eq!(said(), [false, true, false], "strangers never take the last ones");
    let _own = [(); 2].map(|()| all.admit(address("203.0.113.1"), Some(1)));
    assert_eq!(said(), [false, true, true]);
    let _known: Vec<_> = (100..106).map(|number| comes(&all, number).known()).collect();
    assert_eq!(said(), [true; 3]);
    let mut held = all.lock();
    assert!(!held.is_news(Full::Peer), "not again so soon");
    held.said_at[Full::Peer as usize] = Instant::now().checked_sub(SAY_AGAIN);
    assert!(held.is_news(Full::Peer));
}

#[test]
fn unfinished_heads_take_no_more_than_their_budget_and_strangers_pay_first() {
    let all = slots(1000);
    let known = comes(&all, 1).known().idle(0);
    known.slot.head_came(64 << 10);
    let long: Vec<_> = (0..400).map(|_| comes(&all, 2)).collect();
    for ticket in &long {
        ticket.slot.head_came(1000);
        ticket.slot.head_came(61_000);
        assert!(all.lock().head_bytes <= HEADS_BYTES_MAX);
    }
    let ended = long.iter().filter(|ticket| ticket.must_leave()).count();
    assert!((240..330).contains(&ended), "{ended}");
    assert!(!known.must_leave());
    known.slot.begin_request();
    drop(long);
    assert_eq!(all.lock().head_bytes, 0);
}

#[test]
fn when_bodies_take_all_memory_the_largest_that_is_not_new_goes_and_strangers_first() {
    let all = slots(64);
    let bodies = [
        comes(&all, 1).reading(5, 900_000),
        comes(&all, 2).reading(9, 800_000),
        comes(&all, 3).known().reading(9, 2_000_000),
        comes(&all, 4).reading(1, 3_000_000),
    ];
    let stored = comes(&all, 5).reading(9, 5_000_000);
    stored.slot.taken();
    let honest = comes(&all, 6);
    let mut order = Vec::new();
    for _ in 0..4 {
        honest.slot.no_memory();
        let gone = (0..bodies.len()).filter(|at| bodies[*at].must_leave());
        let new: Vec<_> = gone.filter(|at| !order.contains(at)).collect();
        for at in &new {
            bodies[*at].slot.body_refused();
        }
        order.extend(new);
    }
    assert_eq!(order, [0, 1, 2]);
    assert!(!stored.must_leave());
}

#[test]
fn one_body_makes_room_in_memory_at_a_time() {
    let all = slots(64);
    let bodies: Vec<_> = (1..9).map(|number| comes(&all, number).reading(5, 900_000)).collect();
    let honest = comes(&all, 20);
    let gone = || bodies.iter().filter(|ticket| ticket.must_leave()).count();
    for _ in 0..5 {
        honest.slot.no_memory();
        assert_eq!(gone(), 1, "it is still leaving with its bytes");
    }
    bodies.iter().find(|ticket| ticket.must_leave()).expect("one").slot.end_request();
    honest.slot.no_memory();
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
                held.extend(all.admit(peer, all.bound(6)).ok());
            }
            action if !held.is_empty() => {
                let at = fastrand::usize(0..held.len());
                let ticket: &Ticket = &held[at];
                match action {
                    4 => ticket.slot.shows_key(),
                    5 => ticket.slot.head_came(9000),
                    6 => ticket.slot.begin_request(),
                    _ => drop(held.swap_remove(at)),
                }
            }
            _ => {}
        }
        let now = all.lock();
        let leaving = held.iter().filter(|ticket| ticket.must_leave()).count();
        assert_eq!((now.slots.len(), now.leaving), (held.len(), leaving), "step {step}");
        assert_eq!(now.by_peer.values().sum::<usize>(), held.len() - leaving, "step {step}");
        assert!(held.len() - leaving <= 32 && now.by_peer.values().all(|count| *count <= 6), "step {step}");
    }
    held.clear();
    let now = all.lock();
    assert_eq!((now.slots.len(), now.leaving, now.strangers, now.head_bytes), (0, 0, 0, 0));
    assert!(now.by_peer.is_empty());
}

#[test]
fn known_peers_are_remembered_up_to_a_number() {
    let mut held = Held::default();
    for number in 0..u32::try_from(KNOWN_PEERS_MAX).expect("small") + 100 {
        held.remember(Peer::of(IpAddr::V4(number.into())));
    }
    let kept = KNOWN_PEERS_MAX / 8 * 7;
    assert!(
        (kept..=kept + 100).contains(&held.known_peers.len()),
        "an eighth goes at once: a search for each would be slow"
    );
    assert!(!held.is_known(Peer::of(IpAddr::V4(0.into()))), "the oldest is forgotten");
    assert!(held.is_known(Peer::of(IpAddr::V4(4000.into()))));
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

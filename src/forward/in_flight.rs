//! How many puts may be in flight at once: as many as bring more events delivered a second. Pure; time is passed in.
//!
//! With a latency of L and n puts in flight, n/L puts come back a second, until something else binds: the processor, the
//! network, a shard's limit. From there on, more in flight only wait longer. Where that is cannot be known beforehand, so
//! it is searched for, as the .NET thread pool searches for its number of threads: change the number, measure what comes
//! of it, keep what helped (Hellerstein, Morrison, Eilebrecht, "Optimizing Concurrency Levels in the .NET
//! `ThreadPool`", 2008). It begins like BBR: double while that brings at least a quarter more (Cardwell et al., "BBR: Congestion-Based
//! Congestion Control", 2016). Then it tries now and then whether more brings more, and whether fewer bring as much.
//! Where the stream pushes back for a second, it becomes less.
//!
//! A measurement is a round: as many puts come back as may be in flight, and at least [`ROUND_MIN`] passes. The first round
//! after a change says nothing, since what comes back in it was put before. Rounds in which the limit held nothing
//! back say nothing of it either.

use std::time::{Duration, Instant};

/// Shorter rounds measure the scheduler.
const ROUND_MIN: Duration = Duration::from_millis(50);

/// However much a stream pushes back, so many go on.
const LEAST: usize = 4;

/// A doubling was worth it if it brought so much more.
const DOUBLING_GAIN: f64 = 1.25;
/// So many rounds may fail to show that before it is taken back.
const DOUBLING_ROUNDS: u32 = 3;

/// A trial is made after so many rounds of rest, with so much more or less.
const REST_ROUNDS: u32 = 12;
const TRIAL_UP: f64 = 1.25;
const TRIAL_DOWN: f64 = 0.8;
/// So many rounds a trial.
const TRIAL_ROUNDS: u32 = 2;
/// More is kept if it brings so much more, fewer if they bring so much still.
const WORTH_MORE: f64 = 1.08;
const AS_GOOD: f64 = 0.97;

/// The limits of shards are per second: what is throttled is counted over at least so long.
const THROTTLED_OVER: Duration = Duration::from_secs(1);
/// From this share of throttled records on, fewer puts are in flight: as many as got through, and a little more, so that
/// what the stream can take is not missed.
const THROTTLED_SHARE: f64 = 0.2;
const BEYOND_TAKEN: f64 = 1.1;

/// What is being found out. Rates are delivered records a second.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The limit was doubled; before, it gave this rate.
    Doubling { before: f64, best: f64, rounds: u32 },
    /// The limit stays for a while; what it gives.
    Resting { rate: f64, rounds: u32 },
    /// Another limit is tried.
    Trial { from: usize, rate: f64, sum: f64, rounds: u32 },
}

/// What came back since the round began.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    began: Option<Instant>,
    puts: usize,
    delivered: u64,
    /// Events had to wait because of the limit.
    was_full: bool,
}

/// What the stream took and pushed back, over a second.
#[derive(Clone, Copy, Debug, Default)]
struct PushedBack {
    began: Option<Instant>,
    delivered: u64,
    throttled: u64,
}

impl PushedBack {
    #[expect(clippy::cast_precision_loss, reason = "counts of a moment")]
    fn share(self) -> f64 {
        self.throttled as f64 / (self.delivered + self.throttled).max(1) as f64
    }
}

/// The limit, and how it is searched for.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    limit: usize,
    most: usize,
    phase: Phase,
    /// The next round says nothing.
    settling: bool,
    /// The next trial is one of more.
    tries_more: bool,
    round: Round,
    pushed_back: PushedBack,
    /// The same, of the second before.
    was_pushed_back: bool,
}

impl InFlight {
    /// Begins at `start`, and never goes above `most`.
    pub(super) fn new(start: usize, most: usize) -> Self {
        Self {
            limit: start,
            most,
            phase: Phase::Doubling { before: 0.0, best: 0.0, rounds: 0 },
            settling: true,
            tries_more: true,
            round: Round::default(),
            pushed_back: PushedBack::default(),
            was_pushed_back: false,
        }
    }

    /// How many puts may be in flight.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// It can grow no further.
    pub(super) fn is_most(&self) -> bool {
        self.limit >= self.most
    }

    /// Events wait that could go, and the limit holds them back.
    pub(super) fn held_back(&mut self) {
        self.round.was_full = true;
    }

    /// Takes in a put that came back with so many records delivered and throttled.
    pub(super) fn learn(&mut self, delivered: u64, throttled: u64, now: Instant) {
        self.count_pushed_back(delivered, throttled, now);
        let began = *self.round.began.get_or_insert(now);
        self.round.puts += 1;
        self.round.delivered += delivered;
        let elapsed = now.saturating_duration_since(began);
        if self.round.puts >= self.limit && elapsed >= ROUND_MIN {
            let round = std::mem::take(&mut self.round);
            self.round.began = Some(now);
            self.end_round(round, elapsed);
        }
    }

    fn count_pushed_back(&mut self, delivered: u64, throttled: u64, now: Instant) {
        let began = *self.pushed_back.began.get_or_insert(now);
        self.pushed_back.delivered += delivered;
        self.pushed_back.throttled += throttled;
        if now.saturating_duration_since(began) >= THROTTLED_OVER {
            let second = std::mem::take(&mut self.pushed_back);
            self.pushed_back.began = Some(now);
            self.was_pushed_back = second.throttled > 0;
            if second.share() > THROTTLED_SHARE {
                self.set(self.scaled((1.0 - second.share()) * BEYOND_TAKEN).max(LEAST.min(self.limit)));
                self.rest();
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a moment")]
    fn end_round(&mut self, round: Round, elapsed: Duration) {
        let says_nothing = std::mem::take(&mut self.settling);
        if self.was_pushed_back || self.pushed_back.throttled > 0 {
            self.rest();
        } else if !round.was_full {
            // Fewer are enough: nothing can be learned, and a trial is taken back.
            if let Phase::Trial { from, .. } = self.phase {
                self.set(from);
                self.rest();
            }
        } else if !says_nothing {
            self.judge(round.delivered as f64 / elapsed.as_secs_f64());
        }
    }

    fn judge(&mut self, rate: f64) {
        match self.phase {
            Phase::Doubling { before, .. } if rate >= before * DOUBLING_GAIN => {
                if self.limit >= self.most {
                    self.rest();
                } else {
                    self.phase = Phase::Doubling { before: rate, best: 0.0, rounds: 0 };
                    self.set((self.limit * 2).min(self.most));
                }
            }
            Phase::Doubling { before, best, rounds } if rounds + 1 < DOUBLING_ROUNDS => {
                self.phase = Phase::Doubling { before, best: best.max(rate), rounds: rounds + 1 };
            }
            Phase::Doubling { .. } => {
                self.set((self.limit / 2).max(1));
                self.rest();
            }
            Phase::Resting { rate: before, rounds } if rounds < REST_ROUNDS => {
                let rate = if rounds == 0 { rate } else { before * 0.7 + rate * 0.3 };
                self.phase = Phase::Resting { rate, rounds: rounds + 1 };
            }
            Phase::Resting { rate, .. } => self.try_another(rate),
            Phase::Trial { from, rate: before, sum, rounds } if rounds + 1 < TRIAL_ROUNDS => {
                self.phase = Phase::Trial { from, rate: before, sum: sum + rate, rounds: rounds + 1 };
            }
            Phase::Trial { from, rate: before, sum, rounds } => {
                let rate = (sum + rate) / f64::from(rounds + 1);
                if self.limit > from && rate >= before * WORTH_MORE {
                    // Something has changed: perhaps much more is possible.
                    self.phase = Phase::Doubling { before: rate, best: 0.0, rounds: 0 };
                    self.set((self.limit * 2).min(self.most));
                } else {
                    if self.limit > from || rate < before * AS_GOOD {
                        self.set(from);
                    }
                    self.rest();
                }
            }
        }
    }

    fn try_another(&mut self, rate: f64) {
        let from = self.limit;
        let more = self.scaled(TRIAL_UP).max(from + 1).min(self.most);
        let fewer = self.scaled(TRIAL_DOWN).max(LEAST.min(from));
        let tried = if self.tries_more { more } else { fewer };
        self.tries_more = !self.tries_more;
        if tried == from {
            self.rest();
        } else {
            self.phase = Phase::Trial { from, rate, sum: 0.0, rounds: 0 };
            self.set(tried);
        }
    }

    fn rest(&mut self) {
        self.phase = Phase::Resting { rate: 0.0, rounds: 0 };
    }

    fn set(&mut self, limit: usize) {
        self.settling |= limit != self.limit;
        self.limit = limit;
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few thousand at the most"
    )]
    fn scaled(&self, by: f64) -> usize {
        (self.limit as f64 * by).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BinaryHeap, VecDeque};

    use super::*;

    /// A stream: an answer comes after `latency`; of the server's own time each put takes `1 / puts_per_sec`, one after
    /// another; more than `limit_per_sec` records a second are throttled.
    struct Stream {
        latency: Duration,
        puts_per_sec: f64,
        limit_per_sec: Option<u64>,
    }

    const FAST: Stream =
        Stream { latency: Duration::from_millis(100), puts_per_sec: 1e6, limit_per_sec: None };

    struct World {
        in_flight: InFlight,
        now: Instant,
        began: Instant,
        /// When the server is free again.
        free: Instant,
        coming: BinaryHeap<std::cmp::Reverse<(Instant, bool)>>,
        window: VecDeque<Instant>,
        delivered: u64,
        throttled: u64,
    }

    impl World {
        fn new(start: usize, most: usize) -> Self {
            let now = Instant::now();
            Self {
                in_flight: InFlight::new(start, most),
                now,
                began: now,
                free: now,
                coming: BinaryHeap::new(),
                window: VecDeque::new(),
                delivered: 0,
                throttled: 0,
            }
        }

        fn put(&mut self, stream: &Stream) {
            self.free = self.free.max(self.now) + Duration::from_secs_f64(1.0 / stream.puts_per_sec);
            let second = Duration::from_secs(1);
            while self.window.front().is_some_and(|at| *at + second <= self.free) {
                self.window.pop_front();
            }
            let is_taken = stream.limit_per_sec.is_none_or(|limit| (self.window.len() as u64) < limit);
            if is_taken {
                self.window.push_back(self.free);
            }
            self.coming.push(std::cmp::Reverse((self.free + stream.latency, is_taken)));
        }

        /// Runs for so long with `offered` puts a second, or as many as may go; gives delivered and throttled records
        /// a second.
        fn run(&mut self, stream: &Stream, time: Duration, offered: Option<f64>) -> (f64, f64) {
            let (end, before) = (self.now + time, (self.delivered, self.throttled));
            let mut put = 0.0;
            self.began = self.now;
            while self.now < end {
                loop {
                    let has_waiting =
                        offered.is_none_or(|rate| put < rate * (self.now - self.began).as_secs_f64());
                    if !has_waiting {
                        break;
                    }
                    if self.coming.len() >= self.in_flight.limit() {
                        self.in_flight.held_back();
                        break;
                    }
                    put += 1.0;
                    self.put(stream);
                }
                let tick = self.now + Duration::from_millis(1);
                match self.coming.peek() {
                    Some(std::cmp::Reverse((at, _))) if offered.is_none() || *at <= tick => {
                        let std::cmp::Reverse((at, is_taken)) = self.coming.pop().expect("one");
                        self.now = self.now.max(at);
                        self.delivered += u64::from(is_taken);
                        self.throttled += u64::from(!is_taken);
                        self.in_flight.learn(u64::from(is_taken), u64::from(!is_taken), self.now);
                    }
                    _ => self.now = tick,
                }
            }
            let seconds = time.as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "few")]
            let rate = |count: u64| count as f64 / seconds;
            (rate(self.delivered - before.0), rate(self.throttled - before.1))
        }
    }

    #[test]
    fn where_only_latency_binds_as_many_are_in_flight_as_may_be() {
        let mut world = World::new(64, 1024);
        world.run(&FAST, Duration::from_secs(3), None);
        assert_eq!(world.in_flight.limit(), 1024);
        let (delivered, _) = world.run(&FAST, Duration::from_secs(10), None);
        assert!(delivered > 9_000.0, "{delivered}");
    }

    #[test]
    fn where_something_else_binds_the_wait_does_not_grow_without_gain() {
        for puts_per_sec in [1_000.0, 3_000.0] {
            let mut world = World::new(64, 1024);
            let stream = Stream { latency: Duration::from_millis(20), puts_per_sec, limit_per_sec: None };
            world.run(&stream, Duration::from_mins(1), None);
            let (delivered, _) = world.run(&stream, Duration::from_secs(20), None);
            let limit = world.in_flight.limit();
            assert!(delivered > puts_per_sec * 0.93, "{delivered} with {limit}");
            // Needed are the latency's worth: 20 and 60.
            assert!(limit < 110, "{limit} of {puts_per_sec}");
        }
    }

    #[test]
    fn a_limit_that_holds_nothing_back_stays() {
        let mut world = World::new(64, 1024);
        let (delivered, _) = world.run(&FAST, Duration::from_secs(10), Some(300.0));
        assert_eq!(world.in_flight.limit(), 64);
        assert!(delivered > 280.0, "{delivered}");
        let (delivered, _) = world.run(&FAST, Duration::from_secs(10), Some(2_000.0));
        assert!(delivered > 1_800.0, "they are delivered as they come: {delivered}");
        assert!(world.in_flight.limit() >= 200);
    }

    #[test]
    fn a_stream_that_pushes_back_is_asked_less_and_gives_as_much() {
        let stream = Stream { limit_per_sec: Some(1_000), ..FAST };
        let mut world = World::new(64, 1024);
        world.run(&stream, Duration::from_secs(20), None);
        let (delivered, throttled) = world.run(&stream, Duration::from_secs(20), None);
        assert!(delivered > 950.0, "{delivered}");
        assert!(throttled < delivered / 2.0, "{throttled} beside {delivered}");
    }

    #[test]
    fn a_change_of_the_network_is_followed_both_ways() {
        let near = Stream { latency: Duration::from_millis(5), puts_per_sec: 2_000.0, limit_per_sec: None };
        let far = Stream { latency: Duration::from_millis(200), ..near };
        let mut world = World::new(64, 1024);
        world.run(&near, Duration::from_mins(1), None);
        let limit = world.in_flight.limit();
        assert!(limit < 64, "{limit}");
        world.run(&far, Duration::from_mins(1), None);
        let (delivered, _) = world.run(&far, Duration::from_secs(10), None);
        assert!(delivered > 1_700.0, "{delivered} with {}", world.in_flight.limit());
        world.run(&near, Duration::from_mins(1), None);
        let limit = world.in_flight.limit();
        assert!(limit < 150, "{limit} after the way is short again");
    }
}

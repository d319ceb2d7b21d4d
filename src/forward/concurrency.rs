//! How many puts may be in flight at once: as many as raise the number of events delivered a second. Pure: time is passed in.
//!
//! With a latency of L and n puts in flight, n/L puts come back a second, until something else is the limit: the processor,
//! the network, a shard's quota. Beyond that point, more puts only wait longer. The point cannot be known beforehand, so it is
//! searched for, as the .NET thread pool searches for its number of threads: change the number, measure the effect, keep what
//! helped (Hellerstein, Morrison, Eilebrecht, "Optimizing Concurrency Levels in the .NET `ThreadPool`", 2008).
//!
//! 1. It begins like BBR: the limit doubles while that brings at least a quarter more (Cardwell et al., "BBR:
//!    Congestion-Based Congestion Control", 2016).
//! 2. Then it tries now and then whether more puts bring more, and whether fewer bring as much.
//! 3. If the stream throttles for a second, the limit becomes lower.
//!
//! A measurement is a round: as many puts come back as may be in flight, and at least [`ROUND_MIN`] passes. The first round
//! after a change does not count, since its puts began before the change. Rounds in which the limit held no event back do not
//! count either.

use std::time::{Duration, Instant};

/// Minimum time of a round. Shorter ones would measure the scheduler.
const ROUND_MIN: Duration = Duration::from_millis(50);

/// Minimum limit, however much a stream throttles.
const LIMIT_MIN: usize = 4;

/// A doubling is kept if it raises the rate by this factor.
const DOUBLING_GAIN: f64 = 1.25;
/// Number of rounds without that gain after which a doubling is taken back.
const DOUBLING_ROUNDS: u32 = 3;

/// Number of rounds with the same limit before a trial.
const STEADY_ROUNDS: u32 = 12;
/// Factors of the limit in a trial.
const TRIAL_UP: f64 = 1.25;
const TRIAL_DOWN: f64 = 0.8;
/// Number of rounds of a trial.
const TRIAL_ROUNDS: u32 = 2;
/// A higher limit is kept if it raises the rate by this factor.
const HIGHER_GAIN: f64 = 1.08;
/// A lower limit is kept if it leaves this share of the rate.
const LOWER_LOSS: f64 = 0.97;

/// Minimum time over which throttled records are counted: the quotas of shards are per second.
const THROTTLED_OVER: Duration = Duration::from_secs(1);
/// From this share of throttled records on, the limit falls: to the share that the stream took, times a margin, so that its
/// capacity is used.
const THROTTLED_SHARE: f64 = 0.2;
const THROTTLED_MARGIN: f64 = 1.1;

/// The phase of the search. Rates are delivered events a second.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The limit was doubled, from one with the rate `before`.
    Doubling { before: f64, best: f64, rounds: u32 },
    /// The limit stays for a while, and its rate is measured.
    Steady { rate: f64, rounds: u32 },
    /// Another limit is tried instead of `from`.
    Trial { from: usize, rate: f64, sum: f64, rounds: u32 },
}

/// What came back in this round.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    began: Option<Instant>,
    puts: usize,
    delivered: u64,
    /// The limit held events back.
    was_full: bool,
}

/// What the stream took and throttled, over a second.
#[derive(Clone, Copy, Debug, Default)]
struct Throttling {
    began: Option<Instant>,
    delivered: u64,
    throttled: u64,
}

impl Throttling {
    fn share(self) -> f64 {
        self.throttled as f64 / (self.delivered + self.throttled).max(1) as f64
    }
}

/// The limit of puts in flight, and the search for it.
#[derive(Clone, Debug)]
pub(super) struct ConcurrencyLimit {
    limit: usize,
    max: usize,
    phase: Phase,
    /// The next round does not count.
    skips_round: bool,
    /// The next trial is one with a higher limit.
    tries_more: bool,
    round: Round,
    throttling: Throttling,
    /// Records were throttled in the second before.
    was_throttled: bool,
}

impl ConcurrencyLimit {
    /// Begins at `start`, and never goes above `max`.
    pub(super) fn new(start: usize, max: usize) -> Self {
        Self {
            limit: start,
            max,
            phase: Phase::Doubling { before: 0.0, best: 0.0, rounds: 0 },
            skips_round: true,
            tries_more: true,
            round: Round::default(),
            throttling: Throttling::default(),
            was_throttled: false,
        }
    }

    pub(super) fn get(&self) -> usize {
        self.limit
    }

    /// Whether the limit cannot grow.
    pub(super) fn is_at_max(&self) -> bool {
        self.limit >= self.max
    }

    pub(super) fn note_held_back(&mut self) {
        self.round.was_full = true;
    }

    /// Learns from a put that came back with these numbers of delivered and throttled events.
    pub(super) fn learn(&mut self, delivered: u64, throttled: u64, now: Instant) {
        self.count_throttled(delivered, throttled, now);
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

    fn count_throttled(&mut self, delivered: u64, throttled: u64, now: Instant) {
        let began = *self.throttling.began.get_or_insert(now);
        self.throttling.delivered += delivered;
        self.throttling.throttled += throttled;
        if now.saturating_duration_since(began) >= THROTTLED_OVER {
            let second = std::mem::take(&mut self.throttling);
            self.throttling.began = Some(now);
            self.was_throttled = second.throttled > 0;
            if second.share() > THROTTLED_SHARE {
                self.set(
                    self.scaled((1.0 - second.share()) * THROTTLED_MARGIN).max(LIMIT_MIN.min(self.limit)),
                );
                self.stay();
            }
        }
    }

    fn end_round(&mut self, round: Round, elapsed: Duration) {
        let does_not_count = std::mem::take(&mut self.skips_round);
        if self.was_throttled || self.throttling.throttled > 0 {
            self.stay();
        } else if !round.was_full {
            // The limit held nothing back: nothing can be learned, and a trial is taken back.
            if let Phase::Trial { from, .. } = self.phase {
                self.set(from);
                self.stay();
            }
        } else if !does_not_count {
            self.judge(round.delivered as f64 / elapsed.as_secs_f64());
        }
    }

    fn judge(&mut self, rate: f64) {
        match self.phase {
            Phase::Doubling { before, .. } if rate >= before * DOUBLING_GAIN => {
                if self.limit >= self.max {
                    self.stay();
                } else {
                    self.phase = Phase::Doubling { before: rate, best: 0.0, rounds: 0 };
                    self.set((self.limit * 2).min(self.max));
                }
            }
            Phase::Doubling { before, best, rounds } if rounds + 1 < DOUBLING_ROUNDS => {
                self.phase = Phase::Doubling { before, best: best.max(rate), rounds: rounds + 1 };
            }
            Phase::Doubling { .. } => {
                self.set((self.limit / 2).max(1));
                self.stay();
            }
            Phase::Steady { rate: before, rounds } if rounds < STEADY_ROUNDS => {
                let rate = if rounds == 0 { rate } else { before * 0.7 + rate * 0.3 };
                self.phase = Phase::Steady { rate, rounds: rounds + 1 };
            }
            Phase::Steady { rate, .. } => self.try_another(rate),
            Phase::Trial { from, rate: before, sum, rounds } if rounds + 1 < TRIAL_ROUNDS => {
                self.phase = Phase::Trial { from, rate: before, sum: sum + rate, rounds: rounds + 1 };
            }
            Phase::Trial { from, rate: before, sum, rounds } => {
                let rate = (sum + rate) / f64::from(rounds + 1);
                if self.limit > from && rate >= before * HIGHER_GAIN {
                    // Something has changed: much more may be possible.
                    self.phase = Phase::Doubling { before: rate, best: 0.0, rounds: 0 };
                    self.set((self.limit * 2).min(self.max));
                } else {
                    if self.limit > from || rate < before * LOWER_LOSS {
                        self.set(from);
                    }
                    self.stay();
                }
            }
        }
    }

    fn try_another(&mut self, rate: f64) {
        let from = self.limit;
        let more = self.scaled(TRIAL_UP).max(from + 1).min(self.max);
        let fewer = self.scaled(TRIAL_DOWN).max(LIMIT_MIN.min(from));
        let tried = if self.tries_more { more } else { fewer };
        self.tries_more = !self.tries_more;
        if tried == from {
            self.stay();
        } else {
            self.phase = Phase::Trial { from, rate, sum: 0.0, rounds: 0 };
            self.set(tried);
        }
    }

    fn stay(&mut self) {
        self.phase = Phase::Steady { rate: 0.0, rounds: 0 };
    }

    fn set(&mut self, limit: usize) {
        self.skips_round |= limit != self.limit;
        self.limit = limit;
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand at the most")]
    fn scaled(&self, by: f64) -> usize {
        (self.limit as f64 * by).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BinaryHeap, VecDeque};

    use super::*;

    /// A stream that answers after `latency`. It handles puts one after another, each in `1 / puts_per_sec`, and throttles
    /// more than `limit_per_sec` records a second.
    struct Stream {
        latency: Duration,
        puts_per_sec: f64,
        limit_per_sec: Option<u64>,
    }

    const FAST: Stream =
        Stream { latency: Duration::from_millis(100), puts_per_sec: 1e6, limit_per_sec: None };

    struct Simulation {
        limit: ConcurrencyLimit,
        now: Instant,
        began: Instant,
        /// When the server is idle again.
        free: Instant,
        coming: BinaryHeap<std::cmp::Reverse<(Instant, bool)>>,
        window: VecDeque<Instant>,
        delivered: u64,
        throttled: u64,
    }

    impl Simulation {
        fn new(start: usize, max: usize) -> Self {
            let now = Instant::now();
            Self {
                limit: ConcurrencyLimit::new(start, max),
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

        /// Runs for `time` with `offered` puts a second, or with as many as may be in flight. Returns delivered and
        /// throttled records a second.
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
                    if self.coming.len() >= self.limit.get() {
                        self.limit.note_held_back();
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
                        self.limit.learn(u64::from(is_taken), u64::from(!is_taken), self.now);
                    }
                    _ => self.now = tick,
                }
            }
            let seconds = time.as_secs_f64();
            let rate = |count: u64| count as f64 / seconds;
            (rate(self.delivered - before.0), rate(self.throttled - before.1))
        }
    }

    #[test]
    fn the_limit_reaches_its_maximum_if_only_latency_binds() {
        let mut simulation = Simulation::new(64, 1024);
        simulation.run(&FAST, Duration::from_secs(3), None);
        assert_eq!(simulation.limit.get(), 1024);
        let (delivered, _) = simulation.run(&FAST, Duration::from_secs(10), None);
        assert!(delivered > 9_000.0, "{delivered}");
    }

    #[test]
    fn the_limit_stays_low_if_the_server_is_the_bottleneck() {
        for puts_per_sec in [1_000.0, 3_000.0] {
            let mut simulation = Simulation::new(64, 1024);
            let stream = Stream { latency: Duration::from_millis(20), puts_per_sec, limit_per_sec: None };
            simulation.run(&stream, Duration::from_mins(1), None);
            let (delivered, _) = simulation.run(&stream, Duration::from_secs(20), None);
            let limit = simulation.limit.get();
            assert!(delivered > puts_per_sec * 0.93, "{delivered} with {limit}");
            // Enough for the latency are 20 and 60.
            assert!(limit < 110, "{limit} of {puts_per_sec}");
        }
    }

    #[test]
    fn a_limit_that_holds_nothing_back_stays() {
        let mut simulation = Simulation::new(64, 1024);
        let (delivered, _) = simulation.run(&FAST, Duration::from_secs(10), Some(300.0));
        assert_eq!(simulation.limit.get(), 64);
        assert!(delivered > 280.0, "{delivered}");
        let (delivered, _) = simulation.run(&FAST, Duration::from_secs(10), Some(2_000.0));
        assert!(delivered > 1_800.0, "they are delivered as they come: {delivered}");
        assert!(simulation.limit.get() >= 200);
    }

    #[test]
    fn a_stream_that_throttles_gets_fewer_puts_and_takes_as_many_records() {
        let stream = Stream { limit_per_sec: Some(1_000), ..FAST };
        let mut simulation = Simulation::new(64, 1024);
        simulation.run(&stream, Duration::from_secs(20), None);
        let (delivered, throttled) = simulation.run(&stream, Duration::from_secs(20), None);
        assert!(delivered > 950.0, "{delivered}");
        assert!(throttled < delivered / 2.0, "{throttled} beside {delivered}");
    }

    #[test]
    fn the_limit_follows_a_change_of_latency_both_ways() {
        let near = Stream { latency: Duration::from_millis(5), puts_per_sec: 2_000.0, limit_per_sec: None };
        let far = Stream { latency: Duration::from_millis(200), ..near };
        let mut simulation = Simulation::new(64, 1024);
        simulation.run(&near, Duration::from_mins(1), None);
        let limit = simulation.limit.get();
        assert!(limit < 64, "{limit}");
        simulation.run(&far, Duration::from_mins(1), None);
        let (delivered, _) = simulation.run(&far, Duration::from_secs(10), None);
        assert!(delivered > 1_700.0, "{delivered} with {}", simulation.limit.get());
        simulation.run(&near, Duration::from_mins(1), None);
        let limit = simulation.limit.get();
        assert!(limit < 150, "{limit} after the way is short again");
    }
}

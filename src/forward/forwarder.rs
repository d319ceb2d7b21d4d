//! The forwarder's task. It owns all state, waits in one place ([`Forwarder::next_signal`]) and leaves decisions to pure
//! code.

use std::{
    collections::HashSet,
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::{oneshot, watch};

use super::{
    backoff::{Backoff, delay_after},
    bound::{Activity, Meter, Sample},
    connection::Connection,
    controls::{Controls, Reports},
    health::PauseReason,
    lanes::Lanes,
    put::{FinishedPut, put},
    reader::{ReadResult, Reader, Window},
    settle::{Settling, SpoolWrites, set_aside},
};
use crate::{
    clock::now_ms,
    delivery::{AwsError, EventId, ForwarderState, InFlight, Outcome, StreamFacts, error_code},
    spool::{Settlement, Spool, Summary},
};

/// Maximum puts in flight at which a batch that is not full is put. Beyond that, records wait for more.
const PART_FILLED_PUTS_MAX: usize = 2;

/// Maximum events in memory; the rest of a backlog stays on disk.
const WINDOW_EVENTS: usize = 20_000;
/// The same where events share records, so that there are enough events to fill the records of all buckets.
const WINDOW_EVENTS_SHARING: usize = 60_000;

type PutFuture = Pin<Box<dyn Future<Output = FinishedPut> + Send>>;

/// What the task waits for.
enum Signal {
    PutsFinished(Vec<FinishedPut>),
    Read(ReadResult),
    Facts(Result<StreamFacts, AwsError>),
    SpoolChanged,
    SettingsChanged,
    TryNow,
    SetAside(oneshot::Sender<u64>),
    Timer,
    Stop,
}

struct Forwarder {
    spool: Spool,
    summary: watch::Receiver<Summary>,
    controls: Controls,
    reports: Reports,
    connection: Connection,
    lanes: Lanes,
    reader: Reader,
    meter: Meter,
    puts: FuturesUnordered<PutFuture>,
    /// Number of events in these.
    in_flight: InFlight,
    /// Events in flight that are to be set aside if they are refused once more.
    to_set_aside: HashSet<EventId>,
    is_stopping: bool,
}

/// Forwards until told to stop, then finishes what is in flight.
pub async fn run(spool: Spool, mut controls: Controls, reports: Reports) {
    let settings = controls.settings.borrow_and_update().clone();
    let mut forwarder = Forwarder {
        connection: Connection::open(settings, controls.puts_max).await,
        summary: spool.watch(),
        reader: Reader::new(spool.clone()),
        spool,
        controls,
        reports,
        lanes: Lanes::default(),
        meter: Meter::new(Instant::now()),
        puts: FuturesUnordered::new(),
        in_flight: InFlight::default(),
        to_set_aside: HashSet::new(),
        is_stopping: false,
    };
    forwarder.publish_stream();
    forwarder.lanes.set_by_bucket(forwarder.connection.aggregates());
    loop {
        forwarder.read_on();
        forwarder.ask_for_facts();
        forwarder.start_puts().await;
        forwarder.publish();
        if forwarder.is_stopping && forwarder.puts.is_empty() {
            return;
        }
        forwarder.measure();
        let signal = forwarder.next_signal().await;
        forwarder.meter.set(Activity::Computing, Instant::now());
        forwarder.handle(signal).await;
    }
}

impl Forwarder {
    /// Waits for whatever comes first.
    async fn next_signal(&mut self) -> Signal {
        let timer = self.next_timer();
        let has_timer = timer.is_some();
        let until = tokio::time::Instant::from_std(timer.unwrap_or_else(Instant::now));
        tokio::select! {
            biased;
            stop = self.controls.stop.wait_for(|stop| *stop), if !self.is_stopping => {
                drop(stop);
                Signal::Stop
            }
            changed = self.controls.settings.changed() => {
                if changed.is_ok() { Signal::SettingsChanged } else { Signal::Stop }
            }
            () = self.controls.try_now.notified() => Signal::TryNow,
            Some(reply) = self.controls.set_aside.recv() => Signal::SetAside(reply),
            Some(put) = self.puts.next(), if !self.puts.is_empty() => {
                let mut all = vec![put];
                while let Some(Some(put)) = self.puts.next().now_or_never() {
                    all.push(put);
                }
                Signal::PutsFinished(all)
            }
            read = self.reader.page() => Signal::Read(read),
            facts = self.connection.facts.answer() => Signal::Facts(facts),
            changed = self.summary.changed(), if !self.reader.is_reading() => {
                if changed.is_ok() { Signal::SpoolChanged } else { Signal::Stop }
            }
            () = tokio::time::sleep_until(until), if has_timer => Signal::Timer,
        }
    }

    fn next_timer(&self) -> Option<Instant> {
        let connection = self.connection.next_change(Instant::now());
        let facts = self.connection.ask_facts_at().filter(|_| !self.is_stopping);
        [self.lanes.next_wake(), connection, facts, self.meter.window_end()].into_iter().flatten().min()
    }

    async fn handle(&mut self, signal: Signal) {
        match signal {
            Signal::PutsFinished(puts) => self.settle(puts).await,
            Signal::Read(read) => {
                let ordered = self.connection.destination().ordered;
                let damaged = self.reader.take(read, &mut self.lanes, ordered);
                self.give_up(&damaged).await;
                self.give_up_damaged().await;
            }
            Signal::Facts(Ok(facts)) => {
                self.connection.facts.learn(facts);
                self.publish_stream();
            }
            Signal::Facts(Err(error)) => tracing::debug!("the stream says nothing of itself: {error}"),
            Signal::SpoolChanged => {}
            Signal::SettingsChanged => self.change_settings().await,
            Signal::TryNow => {
                if self.connection.may_reconnect() {
                    self.reconnect().await;
                }
                self.connection.health.end_wait(Instant::now());
                self.connection.facts.ask_soon(Instant::now());
                self.lanes.wake_all();
            }
            // A face that no longer waits is no error.
            Signal::SetAside(reply) => drop(reply.send(self.set_aside_stuck().await)),
            Signal::Timer => self.lanes.wake(Instant::now()),
            Signal::Stop => {
                self.is_stopping = true;
                self.connection.client.give_up_keys();
            }
        }
    }

    async fn change_settings(&mut self) {
        let settings = self.controls.settings.borrow_and_update().clone();
        self.connection.set_settings(settings);
        self.publish_stream();
        self.reconnect().await;
        self.connection.forget_destination();
        self.lanes.forget_misses();
        self.lanes.end_bisection();
        self.lanes.set_by_bucket(self.connection.aggregates());
        self.to_set_aside.clear();
        self.lanes.wake_all();
        self.publish_stream();
    }

    async fn reconnect(&mut self) {
        self.connection.reconnect().await;
        self.publish_stream();
    }

    fn read_on(&mut self) {
        let newest = self.summary.borrow_and_update().newest;
        if self.is_stopping {
            return;
        }
        let aggregates = self.connection.aggregates();
        let window = Window {
            events_max: if aggregates { WINDOW_EVENTS_SHARING } else { WINDOW_EVENTS },
            is_idle: !self.lanes.has_ready()
                && self.puts.len() < self.connection.puts_max(Instant::now())
                && self.connection.destination().enabled,
        };
        self.reader.read_on(&mut self.lanes, newest, window);
    }

    fn ask_for_facts(&mut self) {
        let now = Instant::now();
        if !self.is_stopping && self.connection.ask_facts_at().is_some_and(|at| at <= now) {
            self.connection.facts.ask(self.connection.client.clone(), now);
        }
    }

    /// Starts as many puts as may be in flight.
    async fn start_puts(&mut self) {
        let is_enabled = self.connection.destination().enabled;
        if self.is_stopping || !is_enabled || self.connection.waits_for_facts_until().is_some() {
            return;
        }
        let (limits, puts_batches) = (self.connection.batch_limits(), self.connection.puts_batches());
        loop {
            let now = Instant::now();
            let is_paused = self.connection.health.pause().is_some();
            if self.puts.len() >= self.connection.puts_max(now) {
                if !is_paused && self.lanes.has_ready() {
                    self.connection.concurrency.note_held_back();
                }
                return;
            }
            if !self.lanes.has_ready() {
                // During a pause: every waiting key has been tried.
                self.lanes.next_round();
            }
            if !self.lanes.has_ready() && is_paused {
                // The next put of the pause is due, as the user was told, but every key still backs off from before the
                // pause.
                self.lanes.wake_first();
            }
            if puts_batches && self.puts.len() >= PART_FILLED_PUTS_MAX && !self.lanes.has_full_batch(limits) {
                return;
            }
            let batch = self.lanes.take_batch(limits);
            if batch.is_empty() {
                return;
            }
            if self.connection.should_reconnect(now) {
                self.reconnect().await;
            }
            self.in_flight.events += batch.events.len() as u64;
            self.in_flight.records += batch.records.len() as u64;
            let request = self.connection.request(batch, limits);
            self.puts.push(Box::pin(put(self.connection.client.clone(), request)));
        }
    }

    /// Settles the events of finished puts, or gives them back to their lanes.
    async fn settle(&mut self, puts: Vec<FinishedPut>) {
        let now = Instant::now();
        let mut writes = SpoolWrites::default();
        let pause = self.connection.health.pause();
        let was_offline = pause.is_some_and(|pause| pause.reason == PauseReason::Offline);
        for put in puts {
            self.in_flight.events -= put.request.batch.events.len() as u64;
            self.in_flight.records -= put.request.batch.records.len() as u64;
            let totals = put.totals();
            self.meter.count_put(put.started.elapsed(), &totals);
            self.reports.add_put(&totals.delivered);
            let is_current = self.connection.is_current(&put);
            if is_current {
                let is_known_refusal = self.is_known_refusal(&put);
                self.connection.learn(&put, &totals, is_known_refusal, now);
            }
            let mut settling = Settling {
                lanes: &mut self.lanes,
                health: &self.connection.health,
                to_set_aside: &mut self.to_set_aside,
                encoding: self.connection.destination().encoding,
                writes: &mut writes,
            };
            settling.settle(put, now);
            if !is_current {
                // A batch that was refused with other settings is put anew with these.
                self.lanes.end_bisection();
            }
        }
        if self.connection.health.pause().is_some() {
            self.connection.reset_concurrency();
        } else {
            if was_offline {
                // These keys back off because the destination was offline, which is over.
                self.lanes.end_backoffs();
            }
            self.lanes.unblock(|refusals| now + delay_after(Backoff::Blocked, refusals, fastrand::f64()));
        }
        self.lanes.wake(now);
        self.publish_stream();
        self.meter.set(Activity::Disk, Instant::now());
        writes.write(&self.spool).await;
        self.meter.set(Activity::Computing, Instant::now());
        self.give_up_damaged().await;
    }

    /// Whether the only record of a put is refused as before, while others are taken.
    fn is_known_refusal(&self, put: &FinishedPut) -> bool {
        match (put.request.batch.events.as_slice(), put.outcomes.as_slice()) {
            ([taken], [Outcome::Blocked(error)]) => {
                self.connection.health.pause().is_none() && self.lanes.was_refused_with(taken, &error.code)
            }
            _ => false,
        }
    }

    /// Sets aside the events that the destination refuses while it takes others: each is kept as failed with its last
    /// error, and what waits behind it goes on. Returns their number.
    async fn set_aside_stuck(&mut self) -> u64 {
        let encoding = self.connection.destination().encoding;
        let (stuck, in_flight) = self.lanes.take_stuck();
        let count = (stuck.len() + in_flight.len()) as u64;
        self.to_set_aside.extend(in_flight);
        let mut settlements = Vec::new();
        for (taken, error) in stuck {
            settlements.push(set_aside(&taken, &error, encoding));
            self.lanes.settled(&taken);
        }
        if count > 0 {
            tracing::info!("{count} events that were refused again and again are set aside");
            self.spool.settle(settlements).await;
        }
        self.give_up_damaged().await;
        count
    }

    /// Gives up the damaged events of refilled lanes, once nothing is in memory.
    async fn give_up_damaged(&mut self) {
        let damaged = self.reader.take_damaged(&self.lanes);
        self.give_up(&damaged).await;
    }

    /// Fails events whose bytes cannot be read from disk any more: they cannot be put, and the others go on.
    async fn give_up(&mut self, damaged: &[EventId]) {
        if damaged.is_empty() {
            return;
        }
        tracing::error!("{} events are damaged on disk; see `tributary log --state failed`", damaged.len());
        let settlements = damaged.iter().map(|id| Settlement {
            id: *id,
            bytes: 0,
            at: now_ms(),
            attempts: 0,
            took_ms: 0,
            encoding: self.connection.destination().encoding,
            result: Err(AwsError::new(
                error_code::DAMAGED_PAYLOAD,
                "the event's bytes are missing from the spool file",
            )),
        });
        self.spool.settle(settlements.collect()).await;
    }

    /// Notes what the task is about to wait for and, at the end of a window, what holds delivery back.
    fn measure(&mut self) {
        let now = Instant::now();
        let has_waiting = self.lanes.events() as u64 > self.in_flight.events;
        let is_enabled = self.connection.destination().enabled;
        let activity = if self.connection.health.pause().is_some() || !is_enabled {
            Activity::Nothing
        } else if self.lanes.has_ready() {
            // Below the limit, a put waits until its batch is full.
            let is_full = self.puts.len() >= self.connection.concurrency.get();
            if is_full { Activity::Full } else { Activity::Nothing }
        } else if has_waiting && !self.puts.is_empty() {
            Activity::Order
        } else if self.reader.is_reading() {
            Activity::Disk
        } else {
            Activity::Nothing
        };
        self.meter.set(activity, now);
        if !self.meter.is_due(now) {
            return;
        }
        let (key, keys) = self.lanes.waiting();
        let sample = Sample {
            queued: self.summary.borrow().ledger.queued,
            puts: self.puts.len(),
            is_at_max: self.connection.concurrency.is_at_max(),
            cpu: cpu_time(),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            shards: self.connection.facts.known().map(|facts| facts.open_shards),
            key,
            keys,
        };
        self.meter.end_window(now, &sample);
        self.publish_stream();
    }

    fn publish_stream(&self) {
        self.reports.publish_stream(self.connection.report(self.meter.bound().cloned()));
    }

    fn publish(&self) {
        let stuck = if self.connection.takes_no_event() { None } else { self.lanes.stuck() };
        self.reports.publish(self.state(), self.in_flight, stuck);
    }

    fn state(&self) -> ForwarderState {
        let now = Instant::now();
        if self.is_stopping {
            ForwarderState::Draining
        } else if !self.connection.destination().enabled {
            ForwarderState::Disabled
        } else if let Some(trouble) = self.connection.trouble(now) {
            trouble
        } else if let Some(error) = self.reader.unreadable() {
            ForwarderState::Blocked { fault: error.clone(), next_try: now_ms() + 1000 }
        } else if let Some(error) = self.connection.health.throttled(now) {
            ForwarderState::Throttled(error.clone())
        } else {
            ForwarderState::Running
        }
    }
}

/// CPU time of this process, if the system tells it.
fn cpu_time() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::try_from(time).ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        None
    }
}

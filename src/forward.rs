//! The forwarder: takes waiting events from the spool, puts them, and settles each in the spool only on an answer that
//! names its shard and sequence number.
//!
//! At most one record of a partition key is in flight; different keys go in parallel, up to a limit. It never gives up
//! on an event: what did not get through waits, with a growing, jittered pause of its own or of all, and each attempt
//! becomes part of the event's story. One task owns all state; it waits in one place (`Forwarder::step`) and decides
//! in pure functions (`lanes`, `backoff`, `state`). Memory: at most 20,000 events or 32 MiB of JSON besides one page.

mod backoff;
mod lanes;
mod state;

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::{Notify, watch};

use crate::{
    config::{Config, Operation},
    delivery::{self, Attempt, EventId, Fault, Millis, Outcome},
    kinesis::{self, Access, Client, Outgoing},
    spool::{Next, ReadError, Settlement, Spool, Summary},
};
use backoff::{Wait, delay_after};
use lanes::{Cut, Lanes, Taken};
use state::{Reason, Weather};

/// Puts in flight: of one record each, and of up to 500 records each.
const SINGLE_PUTS_MAX: usize = 64;
const BATCH_PUTS_MAX: usize = 8;

/// So many batches may go out part-filled; more than that wait for company.
const PART_FILLED_PUTS_MAX: usize = 2;

/// Events in memory; the rest of a backlog stays on disk.
const WINDOW_EVENTS: usize = 20_000;
const WINDOW_BYTES: usize = 32 << 20;

/// Events read at a time.
const PAGE_EVENTS: usize = 4_000;

/// The pause after the spool could not be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Attempts of one event that are all written down; of later ones every power of two.
const ATTEMPTS_KEPT: u32 = 16;

/// Where records go.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The settings in force.
    pub config: Arc<Config>,
    /// How to reach the practice stream, where that is the destination.
    pub practice: Option<Access>,
}

/// What the engine says to the forwarder.
#[derive(Debug)]
pub struct Controls {
    /// The settings; a change applies to the next put.
    pub setup: watch::Receiver<Setup>,
    /// Try now.
    pub try_now: Arc<Notify>,
    /// True: finish what is in flight and end.
    pub stop: watch::Receiver<bool>,
}

type Reading = Pin<Box<dyn Future<Output = Result<Next, ReadError>> + Send>>;
type Put = Pin<Box<dyn Future<Output = Done> + Send>>;

/// A put that came back.
struct Done {
    taken: Vec<Taken>,
    outcomes: Vec<Outcome>,
    started: Instant,
    started_at: Millis,
    encoding: crate::event::Encoding,
}

/// What can happen.
enum Step {
    Done(Vec<Done>),
    Read(Result<Next, ReadError>),
    Spool,
    Setup,
    TryNow,
    Timer,
    Stop,
}

/// The task's state.
struct Forwarder {
    spool: Spool,
    summary: watch::Receiver<Summary>,
    controls: Controls,
    report: watch::Sender<delivery::Forwarder>,
    setup: Setup,
    client: Client,
    lanes: Lanes,
    weather: Weather,
    puts: FuturesUnordered<Put>,
    reading: Option<Reading>,
    /// Read up to here.
    cursor: EventId,
    /// Why the next events cannot be read from disk, where they cannot.
    unreadable: Option<Fault>,
    /// The lanes in memory keep the order.
    ordered: bool,
    stopping: bool,
}

/// Forwards until told to stop; then finishes what is in flight. `report` always tells what is going on.
pub async fn run(spool: Spool, mut controls: Controls, report: watch::Sender<delivery::Forwarder>) {
    let setup = controls.setup.borrow_and_update().clone();
    let client = Client::connect(&setup.config, setup.practice.as_ref()).await;
    let mut forwarder = Forwarder {
        summary: spool.watch(),
        cursor: spool.settled_through(),
        spool,
        controls,
        report,
        ordered: setup.config.destination.ordered,
        setup,
        client,
        lanes: Lanes::default(),
        weather: Weather::default(),
        puts: FuturesUnordered::new(),
        reading: None,
        unreadable: None,
        stopping: false,
    };
    loop {
        forwarder.read_on();
        forwarder.put_ready().await;
        forwarder.tell();
        if forwarder.stopping && forwarder.puts.is_empty() {
            return;
        }
        let step = forwarder.step().await;
        forwarder.take(step).await;
    }
}

impl Forwarder {
    /// Waits for whatever comes first. The only place where it waits.
    async fn step(&mut self) -> Step {
        let timer = self.next_change();
        let has_timer = timer.is_some();
        let until = tokio::time::Instant::from_std(timer.unwrap_or_else(Instant::now));
        tokio::select! {
            biased;
            stop = self.controls.stop.wait_for(|stop| *stop), if !self.stopping => {
                drop(stop);
                Step::Stop
            }
            changed = self.controls.setup.changed() => if changed.is_ok() { Step::Setup } else { Step::Stop },
            () = self.controls.try_now.notified() => Step::TryNow,
            Some(done) = self.puts.next(), if !self.puts.is_empty() => {
                let mut all = vec![done];
                while let Some(Some(done)) = self.puts.next().now_or_never() {
                    all.push(done);
                }
                Step::Done(all)
            }
            read = until_read(&mut self.reading) => Step::Read(read),
            changed = self.summary.changed(), if self.reading.is_none() => {
                if changed.is_ok() { Step::Spool } else { Step::Stop }
            }
            () = tokio::time::sleep_until(until), if has_timer => Step::Timer,
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Done(all) => self.settle(all).await,
            Step::Read(Ok(next)) => {
                if next.through > self.cursor {
                    self.unreadable = None;
                }
                self.cursor = next.through.max(self.cursor);
                for event in next.events {
                    self.lanes.push(event, self.ordered);
                }
                self.give_up(&next.damaged).await;
            }
            Step::Read(Err(error)) => {
                if self.unreadable.is_none() {
                    tracing::error!("{error}; tried again every second");
                }
                self.unreadable = Some(Fault::new("SpoolUnreadable", error.to_string()));
                self.reading = Some(Box::pin(async {
                    tokio::time::sleep(READ_AGAIN_AFTER).await;
                    Ok(Next::default())
                }));
            }
            Step::Spool => {}
            Step::Setup => {
                self.setup = self.controls.setup.borrow_and_update().clone();
                self.client = Client::connect(&self.setup.config, self.setup.practice.as_ref()).await;
                self.weather.forget();
                self.lanes.wake_all();
            }
            Step::TryNow => {
                self.client = Client::connect(&self.setup.config, self.setup.practice.as_ref()).await;
                self.weather.hurry(Instant::now());
                self.lanes.wake_all();
            }
            Step::Timer => self.lanes.wake(Instant::now()),
            Step::Stop => self.stopping = true,
        }
    }

    /// Reads the next page while there is room. After a change of `ordered` the old lanes empty first, so that no
    /// event overtakes an earlier one of its key.
    fn read_on(&mut self) {
        let wanted = self.setup.config.destination.ordered;
        if self.ordered != wanted && self.lanes.events() == 0 {
            self.ordered = wanted;
        }
        let room = self.lanes.events() + PAGE_EVENTS <= WINDOW_EVENTS && self.lanes.bytes() < WINDOW_BYTES;
        let newest = self.summary.borrow_and_update().newest;
        if self.reading.is_some() || !room || self.stopping || self.ordered != wanted || newest <= self.cursor
        {
            return;
        }
        let (spool, cursor) = (self.spool.clone(), self.cursor);
        let bytes = WINDOW_BYTES - self.lanes.bytes();
        self.reading = Some(Box::pin(async move { spool.next(cursor, PAGE_EVENTS, bytes).await }));
    }

    /// Starts as many puts as may be in flight.
    async fn put_ready(&mut self) {
        let destination = &self.setup.config.destination;
        if self.stopping || !destination.enabled {
            return;
        }
        let batches = destination.operation == Operation::PutRecords;
        let cut = Cut {
            records_max: self.client.records_max(),
            bytes_max: kinesis::BATCH_BYTES_MAX,
            encoding: destination.encoding,
        };
        let limit = if batches { BATCH_PUTS_MAX } else { SINGLE_PUTS_MAX };
        loop {
            let now = Instant::now();
            if self.puts.len() >= self.weather.puts_max(now, limit) {
                return;
            }
            if batches && self.puts.len() >= PART_FILLED_PUTS_MAX && self.lanes.ready() < cut.records_max {
                return;
            }
            let taken = self.lanes.cut(cut);
            if taken.is_empty() {
                return;
            }
            if self.weather.pause().is_some_and(|pause| pause.reason == Reason::Blocked) {
                // What was wrong may have been mended in AWS's own files, which a client reads once.
                self.client = Client::connect(&self.setup.config, self.setup.practice.as_ref()).await;
            }
            self.puts.push(Box::pin(put(self.client.clone(), taken, cut.encoding)));
        }
    }

    /// Puts what came back where it belongs: settled, or its lane's head again.
    async fn settle(&mut self, all: Vec<Done>) {
        let now = Instant::now();
        let at = now_ms();
        let mut settlements = Vec::new();
        let mut attempts = Vec::new();
        let mut repeats = 0;
        for done in all {
            self.weather.learn(&done.outcomes, done.started, now, fastrand::f64());
            let took_ms = u32::try_from(done.started.elapsed().as_millis()).unwrap_or(u32::MAX);
            let company = done.taken.len() > 1;
            // Last first: what goes to the front of the line again keeps its order there.
            for (mut taken, outcome) in done.taken.into_iter().zip(done.outcomes).rev() {
                taken.event.attempts += 1;
                let number = taken.event.attempts;
                if let Some(fault) = outcome.fault()
                    && (number <= ATTEMPTS_KEPT || number.is_power_of_two())
                {
                    let attempt = Attempt { number, at: done.started_at, took_ms, fault: fault.clone() };
                    attempts.push((taken.event.id, attempt));
                }
                let result = match outcome {
                    Outcome::Delivered(receipt) => Ok(receipt),
                    Outcome::Refused(fault) if !company => Err(fault),
                    Outcome::Refused(_) => {
                        self.lanes.doubtful(taken);
                        continue;
                    }
                    Outcome::Throttled(_) => {
                        rest(&mut self.lanes, taken, Wait::Throttled, now);
                        continue;
                    }
                    Outcome::Offline(fault) => {
                        repeats += u64::from(may_have_arrived(&fault));
                        rest(&mut self.lanes, taken, Wait::Offline, now);
                        continue;
                    }
                    Outcome::Blocked(_) => {
                        // The pause of all is the rest of each.
                        self.lanes.missed(taken, |_| now);
                        continue;
                    }
                };
                settlements.push(Settlement {
                    id: taken.event.id,
                    bytes: taken.event.json.len(),
                    at,
                    attempts: number,
                    took_ms,
                    encoding: done.encoding,
                    result,
                });
                self.lanes.settled(&taken);
            }
        }
        self.lanes.wake(now);
        if !attempts.is_empty() || repeats > 0 {
            self.spool.note_attempts(attempts, repeats).await;
        }
        if !settlements.is_empty() {
            self.spool.settle(settlements).await;
        }
    }

    /// What the disk no longer gives cannot be put: the log says so, and the others go on.
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
            encoding: self.setup.config.destination.encoding,
            result: Err(Fault::new("DamagedPayload", "the event's bytes are missing from the spool file")),
        });
        self.spool.settle(settlements.collect()).await;
    }

    fn next_change(&self) -> Option<Instant> {
        let weather = self.weather.changes_at(Instant::now());
        [self.lanes.next_wake(), weather].into_iter().flatten().min()
    }

    /// Says what is going on, where that changed.
    fn tell(&self) {
        let now = Instant::now();
        let next_try = |until: Instant| {
            now_ms() + Millis::try_from(until.saturating_duration_since(now).as_millis()).unwrap_or(0)
        };
        let state = if self.stopping {
            delivery::Forwarder::Draining
        } else if !self.setup.config.destination.enabled {
            delivery::Forwarder::Disabled
        } else if let Some(pause) = self.weather.pause() {
            let (fault, next_try) = (pause.fault.clone(), next_try(pause.until));
            match pause.reason {
                Reason::Blocked => delivery::Forwarder::Blocked { fault, next_try },
                Reason::Offline => delivery::Forwarder::Offline { fault, next_try },
            }
        } else if let Some(fault) = &self.unreadable {
            delivery::Forwarder::Blocked { fault: fault.clone(), next_try: now_ms() + 1000 }
        } else if let Some(fault) = self.weather.throttled(now) {
            delivery::Forwarder::Throttled(fault.clone())
        } else {
            delivery::Forwarder::Running
        };
        self.report.send_if_modified(|told| {
            let changed = !same_news(told, &state);
            if changed {
                *told = state;
            }
            changed
        });
    }
}

/// The moment of the next try is computed anew each time; a few milliseconds are no news.
fn same_news(told: &delivery::Forwarder, state: &delivery::Forwarder) -> bool {
    use delivery::Forwarder::{Blocked, Offline};
    match (told, state) {
        (Blocked { fault: a, next_try: x }, Blocked { fault: b, next_try: y })
        | (Offline { fault: a, next_try: x }, Offline { fault: b, next_try: y }) => {
            a == b && (x - y).abs() < 100
        }
        (told, state) => told == state,
    }
}

/// Waits for the page that is being read; for ever while none is.
async fn until_read(reading: &mut Option<Reading>) -> Result<Next, ReadError> {
    let Some(future) = reading else { return std::future::pending().await };
    let read = future.await;
    *reading = None;
    read
}

fn rest(lanes: &mut Lanes, taken: Taken, wait: Wait, now: Instant) {
    lanes.missed(taken, |misses| now + delay_after(wait, misses, fastrand::f64()));
}

/// Whether the record may be in the stream although no receipt came: then its next put makes a second one.
fn may_have_arrived(fault: &Fault) -> bool {
    &*fault.code != kinesis::NOT_SENT
}

async fn put(client: Client, taken: Vec<Taken>, encoding: crate::event::Encoding) -> Done {
    let (started, started_at) = (Instant::now(), now_ms());
    let records = taken
        .iter()
        .map(|one| Outgoing { key: Arc::clone(&one.event.key), data: encoding.encode(&one.event.json) })
        .collect();
    let outcomes = client.put(records).await;
    Done { taken, outcomes, started, started_at, encoding }
}

fn now_ms() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

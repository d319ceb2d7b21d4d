//! The forwarder: takes waiting events from the spool, puts them, and settles each in the spool only on an answer that
//! names its shard and sequence number.
//!
//! A user's events are in at most one record in flight; different keys go in parallel, as many as pays. It never gives up
//! on an event: what did not get through waits, with a growing, jittered pause of its own or of all, and each attempt
//! becomes part of the event's story. One task owns all state; it waits in one place (`Forwarder::step`) and decides
//! in pure functions (`lanes`, `in_flight`, `backoff`, `state`). Memory: at most 20,000 events (60,000 where they share
//! records) or 32 MiB of JSON
//! besides one page; where few keys fill it and cannot go on, the others' events are read past them (`reading`).

mod backoff;
mod bound;
mod in_flight;
mod lanes;
mod load;
mod patience;
mod put;
mod reading;
mod settle;
mod state;
mod telling;

use std::{
    collections::HashSet,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::{
    clock::now_ms,
    config::{self, Config, Operation},
    delivery::{self, AwsError, EventId, Puts, SET_ASIDE, StreamFacts, StreamReport, Stuck},
    event::Aggregation,
    kinesis::{self, ANSWER_TIMEOUT, Access, AwsFiles, Client},
    spool::{Settlement, Spool, Summary},
};
use bound::{Doing, Meter, Now};
use in_flight::InFlight;
use lanes::{Cut, Lanes};
use load::{Taken, Together};
use patience::Patience;
use put::put;
use reading::{Page, Reader};
use settle::Done;
use state::{Reason, Weather};

/// Puts in flight at first: of one record each, and of up to 500 records each.
const SINGLE_PUTS: usize = 64;
const BATCH_PUTS: usize = 8;

/// So many batches may go out part-filled; more than that wait for company.
const PART_FILLED_PUTS_MAX: usize = 2;

/// How often the stream is asked about itself: its record limit and the way it spreads records may change.
const ASK_EVERY: Duration = Duration::from_mins(5);

/// Where events may share records, the first puts wait so long for what the stream says of itself.
const FACTS_WAIT: Duration = Duration::from_secs(1);

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
    /// Set aside what the destination keeps refusing while it takes other events; answered with how many those were.
    pub set_aside: mpsc::Receiver<oneshot::Sender<u64>>,
    /// True: finish what is in flight and end.
    pub stop: watch::Receiver<bool>,
    /// No more puts may be in flight, whatever is measured: over HTTP/1.1 each has a connection.
    pub puts_max: usize,
}

/// Where the forwarder tells what is going on.
#[derive(Debug)]
pub struct Reports {
    /// What it is doing.
    pub state: watch::Sender<delivery::ForwarderState>,
    /// What it learned about the stream.
    pub stream: watch::Sender<StreamReport>,
    /// How many records are in flight.
    pub sending: watch::Sender<u64>,
    /// What it refuses while it takes other events.
    pub stuck: watch::Sender<Option<Stuck>>,
    /// What was delivered. Add to it: it has the sums of the forwarders before this one.
    pub puts: watch::Sender<Puts>,
}

type Put = Pin<Box<dyn Future<Output = Done> + Send>>;
type Asking = Pin<Box<dyn Future<Output = Result<StreamFacts, AwsError>> + Send>>;

/// What can happen.
enum Step {
    Done(Vec<Done>),
    Read(Page),
    Facts(Result<StreamFacts, AwsError>),
    Spool,
    Setup,
    TryNow,
    SetAside(oneshot::Sender<u64>),
    Timer,
    Stop,
}

/// The task's state.
struct Forwarder {
    spool: Spool,
    summary: watch::Receiver<Summary>,
    controls: Controls,
    reports: Reports,
    setup: Setup,
    /// How often the settings have changed.
    changes: u64,
    client: Client,
    /// AWS's own files, as the client read them.
    files: AwsFiles,
    lanes: Lanes,
    weather: Weather,
    patience: Patience,
    in_flight: InFlight,
    meter: Meter,
    puts: FuturesUnordered<Put>,
    /// Records in those.
    sending: u64,
    reader: Reader,
    /// Events in flight that are to be set aside if they are refused once more.
    giving_up: HashSet<EventId>,
    /// The destination has taken a record with the settings in force.
    takes_records: bool,
    facts: Option<StreamFacts>,
    asking: Option<Asking>,
    /// When it was last asked.
    asked_at: Instant,
    ask_at: Instant,
    stopping: bool,
}

/// Forwards until told to stop; then finishes what is in flight. `reports` always tell what is going on.
pub async fn run(spool: Spool, mut controls: Controls, reports: Reports) {
    let setup = controls.setup.borrow_and_update().clone();
    let (files, client) = connect(&setup).await;
    let in_flight = in_flight_of(&setup, &controls);
    let mut forwarder = Forwarder {
        summary: spool.watch(),
        reader: Reader::new(&spool),
        spool,
        controls,
        reports,
        setup,
        changes: 0,
        client,
        files,
        lanes: Lanes::default(),
        weather: Weather::default(),
        patience: Patience::default(),
        in_flight,
        meter: Meter::new(Instant::now()),
        puts: FuturesUnordered::new(),
        sending: 0,
        giving_up: HashSet::new(),
        takes_records: false,
        facts: None,
        asking: None,
        asked_at: Instant::now(),
        ask_at: Instant::now(),
        stopping: false,
    };
    forwarder.tell_news();
    forwarder.lanes.by_bucket(forwarder.aggregates());
    loop {
        forwarder.read_on();
        forwarder.ask();
        forwarder.put_ready().await;
        forwarder.tell();
        if forwarder.stopping && forwarder.puts.is_empty() {
            return;
        }
        forwarder.measure();
        let step = forwarder.step().await;
        forwarder.meter.does(Doing::Computing, Instant::now());
        forwarder.take(step).await;
    }
}

/// A client, and AWS's own files as they were just before it read them.
async fn connect(setup: &Setup) -> (AwsFiles, Client) {
    let files = AwsFiles::look();
    (files, Client::connect(&setup.config, setup.practice.as_ref()).await)
}

/// Whether both settings name the same destination and credentials.
fn is_same_destination(one: &Config, other: &Config) -> bool {
    let of = |config: &Config| config::Destination { enabled: true, ..config.destination.clone() };
    of(one) == of(other) && one.credentials == other.credentials
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
            Some(reply) = self.controls.set_aside.recv() => Step::SetAside(reply),
            Some(done) = self.puts.next(), if !self.puts.is_empty() => {
                let mut all = vec![done];
                while let Some(Some(done)) = self.puts.next().now_or_never() {
                    all.push(done);
                }
                Step::Done(all)
            }
            page = self.reader.page() => Step::Read(page),
            facts = until_answered(&mut self.asking) => Step::Facts(facts),
            changed = self.summary.changed(), if !self.reader.is_reading() => {
                if changed.is_ok() { Step::Spool } else { Step::Stop }
            }
            () = tokio::time::sleep_until(until), if has_timer => Step::Timer,
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Done(all) => self.settle(all).await,
            Step::Read(page) => self.take_page(page).await,
            Step::Facts(Ok(facts)) => {
                self.facts = Some(facts);
                self.tell_news();
            }
            Step::Facts(Err(fault)) => tracing::debug!("the stream says nothing of itself: {fault}"),
            Step::Spool => {}
            Step::Setup => {
                let before = Arc::clone(&self.setup.config);
                self.setup = self.controls.setup.borrow_and_update().clone();
                self.takes_records &= is_same_destination(&before, &self.setup.config);
                self.tell_news();
                self.changes += 1;
                self.patience = Patience::default();
                self.in_flight = in_flight_of(&self.setup, &self.controls);
                self.connect().await;
                self.weather.forget();
                self.lanes.forget_misses();
                self.lanes.end_narrowing();
                self.lanes.by_bucket(self.aggregates());
                self.giving_up.clear();
                self.lanes.wake_all();
                self.facts = None;
                self.tell_news();
                (self.asking, self.ask_at) = (None, Instant::now());
            }
            Step::TryNow => {
                if !self.is_waiting_for_keys() && !self.is_out_of_time() {
                    self.connect().await;
                }
                self.weather.hurry(Instant::now());
                self.lanes.wake_all();
                self.ask_at = Instant::now();
            }
            // A face that no longer waits is no error.
            Step::SetAside(reply) => drop(reply.send(self.set_aside_stuck().await)),
            Step::Timer => self.lanes.wake(Instant::now()),
            Step::Stop => {
                self.stopping = true;
                self.client.give_up_keys();
            }
        }
    }

    /// Lets go of the events that the destination refuses while it takes others: each is kept as failed, with what was
    /// said of it, and what waits behind it goes on. Gives how many.
    async fn set_aside_stuck(&mut self) -> u64 {
        let mut settlements = Vec::new();
        let (taken, in_flight) = self.lanes.take_stuck();
        let count = (taken.len() + in_flight.len()) as u64;
        self.giving_up.extend(in_flight);
        for (taken, fault) in taken {
            settlements.push(self.set_aside(&taken, &fault));
            self.lanes.settled(&taken);
        }
        if count > 0 {
            tracing::info!("{count} events that were refused again and again are set aside");
            self.spool.settle(settlements).await;
        }
        self.give_up_held_back().await;
        count
    }

    fn set_aside(&self, taken: &Taken, fault: &AwsError) -> Settlement {
        let message = format!("set aside because the destination refused it again and again: {fault}");
        Settlement {
            id: taken.event.id,
            bytes: taken.event.json.len(),
            at: now_ms(),
            attempts: taken.event.attempts,
            took_ms: 0,
            encoding: self.setup.config.destination.encoding,
            result: Err(AwsError::new(SET_ASIDE, message)),
        }
    }

    /// Requests are refused for their time: the client that has learned it from the answers is kept.
    fn is_out_of_time(&self) -> bool {
        self.weather.pause().is_some_and(|pause| kinesis::is_the_clock(&pause.fault))
    }

    /// A new client: it reads AWS's own files anew.
    async fn connect(&mut self) {
        // What waits for the keys of the one before would leave its program running, and start another one.
        self.client.give_up_keys();
        (self.files, self.client) = connect(&self.setup).await;
        if self.patience.answer() != ANSWER_TIMEOUT {
            self.client = self.client.waiting(self.patience.answer());
        }
        self.tell_news();
    }

    /// A person may be approving it right now: a new client would ask anew.
    fn is_waiting_for_keys(&self) -> bool {
        self.client.waits_for_keys_since().is_some()
    }

    /// When the stream is asked about itself: now and then, while puts get through.
    fn asks_at(&self) -> Option<Instant> {
        let is_away = self.weather.pause().is_some() || !self.setup.config.destination.enabled;
        (self.asking.is_none() && !self.stopping && !is_away).then_some(self.ask_at)
    }

    fn ask(&mut self) {
        let now = Instant::now();
        if self.asks_at().is_some_and(|at| at <= now) {
            (self.asked_at, self.ask_at) = (now, now + ASK_EVERY);
            let client = self.client.clone();
            self.asking = Some(Box::pin(async move { client.facts().await }));
        }
    }

    /// Starts as many puts as may be in flight.
    async fn put_ready(&mut self) {
        let destination = &self.setup.config.destination;
        if self.stopping || !destination.enabled || self.waits_for_facts_until().is_some() {
            return;
        }
        let batches = destination.operation == Operation::PutRecords;
        let batches = batches && self.weather.pause().is_none();
        let cut = Cut {
            // One record is enough to see whether anything gets through.
            records_max: if batches { self.client.records_max() } else { 1 },
            bytes_max: kinesis::BATCH_BYTES_MAX,
            company_bytes_max: self.facts.map_or(kinesis::RECORD_BYTES_MAX, |facts| facts.record_bytes_max),
            encoding: destination.encoding,
            together: self.together(),
        };
        loop {
            let now = Instant::now();
            if self.puts.len() >= self.weather.puts_max(now, self.in_flight.limit()) {
                if self.weather.pause().is_none() && self.lanes.has_ready() {
                    self.in_flight.held_back();
                }
                return;
            }
            if !self.lanes.has_ready() {
                // In a pause, every key that waits has been tried.
                self.lanes.next_round();
            }
            if !self.lanes.has_ready() && self.weather.pause().is_some() {
                // The next put of the pause is due and its moment was shown, but every key has a rest from before the pause
                // that ends later.
                self.lanes.wake_first();
            }
            if batches && self.puts.len() >= PART_FILLED_PUTS_MAX && !self.lanes.fill_a_put(cut) {
                return;
            }
            let load = self.lanes.cut(cut);
            if load.is_empty() {
                return;
            }
            let is_blocked = self.weather.pause().is_some_and(|pause| pause.reason == Reason::Blocked);
            let may_be_mended = (is_blocked && !self.is_out_of_time()) || self.files.have_changed(now);
            if may_be_mended && !self.is_waiting_for_keys() {
                // What was wrong may have been mended in AWS's own files, which a client reads once; or they name other
                // keys now, while the old ones work still.
                self.connect().await;
            }
            self.sending += load.events.len() as u64;
            let since = (self.changes, self.patience.answer());
            let how = (cut.encoding, self.setup.config.destination.aggregation);
            self.puts.push(Box::pin(put(self.client.clone(), load, how, since)));
        }
    }

    /// Whether events may share records with the settings in force.
    pub(super) fn aggregates(&self) -> bool {
        self.setup.config.destination.aggregation != Aggregation::None
    }

    /// Whether events may share records depends on what the stream is being asked right now: until then nothing is put.
    fn waits_for_facts_until(&self) -> Option<Instant> {
        let until = self.asked_at + FACTS_WAIT;
        let waits = self.aggregates() && self.facts.is_none() && self.asking.is_some();
        (waits && self.weather.pause().is_none() && Instant::now() < until).then_some(until)
    }

    /// How events share records now: not in a pause, where one event is enough to try, and not where the stream places
    /// records as it likes, which does not support it
    /// (<https://docs.aws.amazon.com/streams/latest/dev/service-managed-pk-producing-behavior.html>).
    fn together(&self) -> Option<Together> {
        let spreads_keys = self.facts.is_some_and(|facts| facts.spreads_keys);
        // The stream is being asked, and takes long to answer.
        let may_spread_keys = self.facts.is_none() && self.asking.is_some();
        if !self.aggregates() || self.weather.pause().is_some() || spreads_keys || may_spread_keys {
            return None;
        }
        let record_bytes_max = self.facts.map_or(kinesis::RECORD_BYTES_MAX, |facts| facts.record_bytes_max);
        let destination = &self.setup.config.destination;
        let bytes_max = destination.aggregation_max_bytes.min(record_bytes_max);
        Some(Together { aggregation: destination.aggregation, bytes_max })
    }

    /// Notes what is waited for now, and now and then what that means.
    fn measure(&mut self) {
        let now = Instant::now();
        let has_waiting = self.lanes.events() as u64 > self.sending;
        let doing = if self.weather.pause().is_some() || !self.setup.config.destination.enabled {
            Doing::Nothing
        } else if self.lanes.has_ready() {
            // Below the limit, a put waits until it is full.
            if self.puts.len() >= self.in_flight.limit() { Doing::Full } else { Doing::Nothing }
        } else if has_waiting && !self.puts.is_empty() {
            Doing::Order
        } else if self.reader.is_reading() {
            Doing::Disk
        } else {
            Doing::Nothing
        };
        self.meter.does(doing, now);
        if !self.meter.is_due(now) {
            return;
        }
        let (key, keys) = self.lanes.waiting();
        self.meter.judge(
            now,
            &Now {
                queued: self.summary.borrow().ledger.queued,
                puts: self.puts.len(),
                is_most: self.in_flight.is_most(),
                cpu: cpu_time(),
                processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
                shards: self.facts.map(|facts| facts.open_shards),
                key,
                keys,
            },
        );
        self.tell_news();
    }

    fn next_change(&self) -> Option<Instant> {
        let weather = self.weather.changes_at(Instant::now());
        let now = Instant::now();
        let keys = self.client.waits_for_keys_since().filter(|at| *at > now);
        let look = self.meter.next_look();
        let facts = self.waits_for_facts_until();
        [self.lanes.next_wake(), weather, keys, self.asks_at(), look, facts].into_iter().flatten().min()
    }
}

fn in_flight_of(setup: &Setup, controls: &Controls) -> InFlight {
    let operation = setup.config.destination.operation;
    let start = match operation {
        Operation::PutRecord => SINGLE_PUTS,
        Operation::PutRecords => BATCH_PUTS,
    };
    let of_practice = setup.practice.as_ref().map_or(usize::MAX, |access| access.puts_max);
    let most = operation.puts_max().min(controls.puts_max).min(of_practice).max(1);
    InFlight::new(start.min(most), most)
}

/// Waits for the stream's answer about itself; for ever while none is awaited.
async fn until_answered(asking: &mut Option<Asking>) -> Result<StreamFacts, AwsError> {
    let Some(future) = asking else { return std::future::pending().await };
    let facts = future.await;
    *asking = None;
    facts
}

/// CPU time of this process, where the system tells it.
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

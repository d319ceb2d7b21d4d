//! What became of the events of a put: each is settled in the spool, or at the head of its lane again.

use std::time::{Duration, Instant};

use super::{
    Forwarder,
    backoff::{Wait, delay_after},
    bound::Doing,
    in_flight_of,
    load::{Load, Parcel, Taken},
    state::Reason,
};
use crate::{
    clock::now_ms,
    delivery::{Attempt, AwsError, EventId, Millis, Outcome, Puts, Receipt},
    event::Encoding,
    kinesis,
    spool::Settlement,
};

/// A put that came back.
pub(super) struct Done {
    pub(super) load: Load,
    /// One a record.
    pub(super) outcomes: Vec<Outcome>,
    pub(super) started: Instant,
    pub(super) started_at: Millis,
    pub(super) encoding: Encoding,
    /// Changes of the settings before it.
    pub(super) changes: u64,
    /// How long its answer was waited for.
    pub(super) waited: Duration,
    /// `false`: there were no keys to send it with.
    pub(super) was_sent: bool,
}

/// What the spool is told of puts that came back.
#[derive(Default)]
struct Books {
    settlements: Vec<Settlement>,
    attempts: Vec<(EventId, Attempt)>,
    repeats: u64,
}

/// How a put came back, and what the spool is told of such puts.
struct Came {
    now: Instant,
    started_at: Millis,
    at: Millis,
    took_ms: u32,
    encoding: Encoding,
    /// It was put with the settings in force.
    is_of_now: bool,
    was_sent: bool,
}

impl Came {
    fn settlement(&self, taken: &Taken, result: Result<Receipt, AwsError>) -> Settlement {
        Settlement {
            id: taken.event.id,
            bytes: taken.event.json.len(),
            at: self.at,
            attempts: taken.event.attempts,
            took_ms: self.took_ms,
            encoding: self.encoding,
            result,
        }
    }
}

impl Forwarder {
    /// Puts what came back where it belongs: settled, or its lane's head again.
    pub(super) async fn settle(&mut self, all: Vec<Done>) {
        let now = Instant::now();
        let mut books = Books::default();
        let was_offline = self.weather.pause().is_some_and(|pause| pause.reason == Reason::Offline);
        for done in all {
            self.sending -= done.load.events.len() as u64;
            self.count(&done);
            // What was put with other settings says nothing of these.
            let is_of_now = done.changes == self.changes;
            if is_of_now && self.patience.learn(&done.outcomes, done.started.elapsed(), done.waited) {
                self.client = self.client.waiting(self.patience.answer());
                tracing::warn!("Answers of the stream are now waited for up to {:?}", self.patience.answer());
            }
            if is_of_now && !self.says_nothing_new(&done) {
                self.weather.learn(&done.outcomes, done.started, now, fastrand::f64());
            }
            if is_of_now && self.weather.pause().is_none() {
                let outcomes = || done.outcomes.iter().zip(&done.load.records);
                let count = |is: fn(&Outcome) -> bool| {
                    outcomes().filter(|(one, _)| is(one)).map(|(_, parcel)| parcel.events as u64).sum()
                };
                let delivered = count(|one| matches!(one, Outcome::Delivered(_)));
                self.in_flight.learn(delivered, count(|one| matches!(one, Outcome::Throttled(_))), now);
            }
            self.take_back(done, now, &mut books);
            if !is_of_now {
                // What was refused with other settings is put with these.
                self.lanes.end_narrowing();
            }
        }
        if self.weather.pause().is_some() {
            // Whoever comes back is not met by as many as it took before.
            self.in_flight = in_flight_of(&self.setup, &self.controls);
        } else {
            if was_offline {
                // These keys rest because the destination was away, which is over.
                self.lanes.wake_resting();
            }
            self.lanes.unblock(|refusals| now + delay_after(Wait::Blocked, refusals, fastrand::f64()));
        }
        self.lanes.wake(now);
        self.tell_news();
        self.meter.does(Doing::Disk, Instant::now());
        let Books { settlements, attempts, repeats } = books;
        if !attempts.is_empty() || repeats > 0 {
            self.spool.note_attempts(attempts, repeats).await;
        }
        if !settlements.is_empty() {
            self.spool.settle(settlements).await;
        }
        self.meter.does(Doing::Computing, Instant::now());
        self.give_up_held_back().await;
    }

    /// What a put delivered, and how long it took.
    fn count(&mut self, done: &Done) {
        let (mut puts, mut bytes, mut throttled) = (Puts::default(), 0, 0);
        let mut events = done.load.events.iter();
        for (outcome, parcel) in done.outcomes.iter().zip(&done.load.records) {
            let of_record = events.by_ref().take(parcel.events);
            match outcome {
                Outcome::Delivered(_) => {
                    puts.records += 1;
                    puts.events += parcel.events as u64;
                    puts.payload_units += Puts::payload_units(parcel.bytes);
                    let alone = |one: &Taken| {
                        Puts::payload_units(
                            done.encoding.encoded_len(one.event.json.len()) + one.event.key.len(),
                        )
                    };
                    puts.payload_units_alone += of_record.map(alone).sum::<u64>();
                    bytes += parcel.bytes as u64;
                }
                Outcome::Throttled(_) => throttled += of_record.count() as u64,
                Outcome::Offline(_) | Outcome::Blocked(_) | Outcome::Refused(_) => drop(of_record.count()),
            }
        }
        self.meter.put(done.started.elapsed(), (puts.records, puts.events, bytes), throttled);
        if puts.records > 0 {
            self.reports.puts.send_modify(|all| all.add(&puts));
        }
    }

    /// A record that is refused as before, while others are taken, is no news of the destination.
    fn says_nothing_new(&self, done: &Done) -> bool {
        match (done.load.events.as_slice(), done.outcomes.as_slice()) {
            ([taken], [Outcome::Blocked(fault)]) => {
                self.weather.pause().is_none() && self.lanes.is_known_refused(taken, &fault.code)
            }
            _ => false,
        }
    }

    fn take_back(&mut self, done: Done, now: Instant, books: &mut Books) {
        let how = Came {
            now,
            took_ms: u32::try_from(done.started.elapsed().as_millis()).unwrap_or(u32::MAX),
            at: now_ms(),
            started_at: done.started_at,
            encoding: done.encoding,
            is_of_now: done.changes == self.changes,
            was_sent: done.was_sent,
        };
        let is_refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused(_));
        let refused_together = done.load.records.len() > 1 && done.outcomes.iter().all(is_refused);
        let mut suspects = Load::default();
        let mut events = done.load.events.into_iter();
        for (parcel, outcome) in done.load.records.into_iter().zip(done.outcomes) {
            let mut record: Vec<Taken> = events.by_ref().take(parcel.events).collect();
            let is_throttled = matches!(outcome, Outcome::Throttled(_));
            let mut lane = None;
            for taken in &mut record {
                taken.event.attempts += 1;
                let is_first = lane.replace(taken.slot) != Some(taken.slot);
                // Where a stream pushes back a record of a hundred events again and again, this is not noted a hundred times.
                let is_noted = is_first || !is_throttled || taken.event.attempts == 1;
                if let Some(fault) = outcome.fault().filter(|_| is_noted) {
                    let (number, fault) = (taken.event.attempts, fault.clone());
                    let attempt = Attempt { number, at: how.started_at, took_ms: how.took_ms, fault };
                    books.attempts.push((taken.event.id, attempt));
                }
            }
            match outcome {
                Outcome::Refused(_) if refused_together => suspects.push(parcel, record),
                Outcome::Refused(_) if parcel.events > 1 => {
                    self.lanes.narrow_down(Load { events: record, records: vec![parcel] });
                }
                Outcome::Delivered(receipt) => self.delivered((parcel, record), &receipt, &how, books),
                // The last one of a lane comes back first.
                outcome => {
                    for taken in record.into_iter().rev() {
                        self.not_delivered(taken, &outcome, &how, books);
                    }
                }
            }
        }
        if !suspects.is_empty() {
            self.lanes.narrow_down(suspects);
        }
    }

    fn delivered(
        &mut self,
        (parcel, record): (Parcel, Vec<Taken>),
        receipt: &Receipt,
        how: &Came,
        books: &mut Books,
    ) {
        self.takes_records |= how.is_of_now;
        for (at, taken) in record.into_iter().enumerate() {
            let receipt = Receipt { place: parcel.place(at), ..receipt.clone() };
            books.settlements.push(how.settlement(&taken, Ok(receipt)));
            self.lanes.settled(&taken);
        }
    }

    fn not_delivered(&mut self, taken: Taken, outcome: &Outcome, how: &Came, books: &mut Books) {
        match outcome {
            Outcome::Throttled(_) => self.rest(taken, Wait::Throttled, how.now),
            Outcome::Offline(fault) => {
                books.repeats += u64::from(how.was_sent && may_have_arrived(fault));
                if self.weather.pause().is_some() {
                    self.lanes.park(taken);
                } else {
                    self.rest(taken, Wait::Offline, how.now);
                }
            }
            Outcome::Blocked(fault) if self.giving_up.remove(&taken.event.id) => {
                books.settlements.push(self.set_aside(&taken, fault));
                self.lanes.settled(&taken);
            }
            Outcome::Blocked(fault) => self.refuse(taken, fault.clone()),
            Outcome::Refused(fault) => {
                books.settlements.push(how.settlement(&taken, Err(fault.clone())));
                self.lanes.settled(&taken);
            }
            // Its events are settled where it came.
            Outcome::Delivered(_) => {}
        }
    }

    /// Nobody else waits for a record that may itself be at fault: because of what was said, or because the destination
    /// took others a moment ago.
    fn refuse(&mut self, taken: Taken, fault: AwsError) {
        let may_be_its_own = kinesis::may_be_the_records(&fault);
        if may_be_its_own {
            self.lanes.isolate(&taken);
        }
        let is_suspect = may_be_its_own || self.weather.known_pause().is_none();
        self.lanes.refused(taken, fault, is_suspect);
    }

    fn rest(&mut self, taken: Taken, wait: Wait, now: Instant) {
        self.lanes.missed(taken, |misses| now + delay_after(wait, misses, fastrand::f64()));
    }
}

/// Whether the record may be in the stream although no receipt came: then its next put makes a second one.
fn may_have_arrived(fault: &AwsError) -> bool {
    !kinesis::was_not_sent(fault)
}

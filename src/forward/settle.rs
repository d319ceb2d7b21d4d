//! What becomes of the events of a finished put: each is settled in the spool, or back at the head of its lane.

use std::{collections::HashSet, time::Instant};

use super::{
    backoff::{Backoff, delay_after},
    batch::{Batch, PlannedRecord, TakenEvent},
    health::DestinationHealth,
    lanes::Lanes,
    put::{FinishedPut, PutRequest},
};
use crate::{
    clock::now_ms,
    delivery::{Attempt, AwsError, EventId, Millis, Outcome, Receipt, error_code},
    event::Encoding,
    kinesis,
    spool::{QueuedEvent, Settlement, Spool},
};

/// What the spool is told of finished puts.
#[derive(Default)]
pub(super) struct SpoolWrites {
    settlements: Vec<Settlement>,
    attempts: Vec<(EventId, Attempt)>,
    /// Number of events that may be in the stream although no receipt came.
    repeats: u64,
}

impl SpoolWrites {
    pub(super) async fn write(self, spool: &Spool) {
        let Self { settlements, attempts, repeats } = self;
        if !attempts.is_empty() || repeats > 0 {
            spool.note_attempts(attempts, repeats).await;
        }
        if !settlements.is_empty() {
            spool.settle(settlements).await;
        }
    }
}

/// The settlement of an event that is set aside since it was refused again and again.
pub(super) fn set_aside(taken: &TakenEvent, error: &AwsError, encoding: Encoding) -> Settlement {
    let why = error_code::REFUSED_AGAIN_AND_AGAIN;
    let message = format!("set aside because the destination {why}: {error}");
    settlement(taken, now_ms(), 0, encoding, Err(AwsError::new(error_code::SET_ASIDE, message)))
}

/// Where the events of finished puts go, and what decides it.
pub(super) struct Settling<'a> {
    pub(super) lanes: &'a mut Lanes,
    /// As it is known after the put.
    pub(super) health: &'a DestinationHealth,
    /// Events to set aside if they are refused once more.
    pub(super) to_set_aside: &'a mut HashSet<EventId>,
    /// The encoding in force.
    pub(super) encoding: Encoding,
    pub(super) writes: &'a mut SpoolWrites,
}

/// The figures of one put.
struct PutFigures {
    now: Instant,
    started_at: Millis,
    ended_at: Millis,
    took_ms: u32,
    encoding: Encoding,
    was_sent: bool,
}

impl PutFigures {
    fn settlement(&self, taken: &TakenEvent, result: Result<Receipt, AwsError>) -> Settlement {
        settlement(taken, self.ended_at, self.took_ms, self.encoding, result)
    }
}

fn settlement(
    taken: &TakenEvent,
    at: Millis,
    took_ms: u32,
    encoding: Encoding,
    result: Result<Receipt, AwsError>,
) -> Settlement {
    let QueuedEvent { id, ref json, attempts, .. } = taken.event;
    Settlement { id, bytes: json.len(), at, attempts, took_ms, encoding, result }
}

impl Settling<'_> {
    /// Settles the events of a put, or gives them back to their lanes.
    pub(super) fn settle(&mut self, put: FinishedPut, now: Instant) {
        let FinishedPut { request, outcomes, started, started_at, was_sent } = put;
        let PutRequest { batch, encoding, .. } = request;
        let took_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        let figures = PutFigures { now, took_ms, ended_at: now_ms(), started_at, encoding, was_sent };
        let is_refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused(_));
        let is_refused_as_a_whole = batch.records.len() > 1 && outcomes.iter().all(is_refused);
        let mut refused = Batch::default();
        let mut events = batch.events.into_iter();
        for (record, outcome) in batch.records.into_iter().zip(outcomes) {
            let mut taken: Vec<TakenEvent> = events.by_ref().take(record.events).collect();
            self.note_attempts(&mut taken, &outcome, &figures);
            match outcome {
                Outcome::Refused(_) if is_refused_as_a_whole => refused.push(record, taken),
                Outcome::Refused(_) if record.events > 1 => {
                    self.lanes.bisect(Batch { events: taken, records: vec![record] });
                }
                Outcome::Delivered(receipt) => self.delivered(record, &taken, &receipt, &figures),
                // The last event of a lane comes back first.
                outcome => {
                    for taken in taken.into_iter().rev() {
                        self.not_delivered(taken, &outcome, &figures);
                    }
                }
            }
        }
        if !refused.is_empty() {
            self.lanes.bisect(refused);
        }
    }

    /// Counts the attempt for each event of a record, and notes it where it did not deliver.
    fn note_attempts(&mut self, taken: &mut [TakenEvent], outcome: &Outcome, figures: &PutFigures) {
        let is_throttled = matches!(outcome, Outcome::Throttled(_));
        let mut lane = None;
        for taken in taken {
            taken.event.attempts += 1;
            let is_first_of_lane = lane.replace(taken.lane) != Some(taken.lane);
            // If a stream throttles a record of a hundred events again and again, a note for each lane is enough.
            let is_noted = is_first_of_lane || !is_throttled || taken.event.attempts == 1;
            if let Some(fault) = outcome.fault().filter(|_| is_noted).cloned() {
                let number = taken.event.attempts;
                let attempt = Attempt { number, at: figures.started_at, took_ms: figures.took_ms, fault };
                self.writes.attempts.push((taken.event.id, attempt));
            }
        }
    }

    fn delivered(
        &mut self,
        record: PlannedRecord,
        taken: &[TakenEvent],
        receipt: &Receipt,
        figures: &PutFigures,
    ) {
        for (at, taken) in taken.iter().enumerate() {
            let receipt = Receipt { place: record.place(at), ..receipt.clone() };
            self.writes.settlements.push(figures.settlement(taken, Ok(receipt)));
            self.lanes.settled(taken);
        }
    }

    fn not_delivered(&mut self, taken: TakenEvent, outcome: &Outcome, figures: &PutFigures) {
        let now = figures.now;
        match outcome {
            Outcome::Throttled(_) => self.back_off(taken, Backoff::Throttled, now),
            Outcome::Offline(error) => {
                self.writes.repeats += u64::from(figures.was_sent && !kinesis::was_not_sent(error));
                if self.health.pause().is_some() {
                    self.lanes.park(taken);
                } else {
                    self.back_off(taken, Backoff::Offline, now);
                }
            }
            Outcome::Blocked(error) if self.to_set_aside.remove(&taken.event.id) => {
                self.writes.settlements.push(set_aside(&taken, error, self.encoding));
                self.lanes.settled(&taken);
            }
            Outcome::Blocked(error) => self.blocked(taken, error.clone()),
            Outcome::Refused(error) => {
                self.writes.settlements.push(figures.settlement(&taken, Err(error.clone())));
                self.lanes.settled(&taken);
            }
            // Handled by `delivered`.
            Outcome::Delivered(_) => {}
        }
    }

    /// Parks an event until every other key was tried. The event may itself be at fault if its error allows that, or if the
    /// destination took others a moment ago.
    fn blocked(&mut self, taken: TakenEvent, error: AwsError) {
        let may_be_the_record = kinesis::may_be_the_records(&error);
        if may_be_the_record {
            self.lanes.isolate(&taken);
        }
        let may_be_at_fault = may_be_the_record || self.health.known_pause().is_none();
        self.lanes.refused(taken, error, may_be_at_fault);
    }

    fn back_off(&mut self, taken: TakenEvent, backoff: Backoff, now: Instant) {
        self.lanes.back_off(taken, |misses| now + delay_after(backoff, misses, fastrand::f64()));
    }
}

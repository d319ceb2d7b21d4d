//! What the engine gives the forwarder, and what the forwarder reports to it: each change once.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::{
    config::{self, Config, Operation},
    delivery::{ForwarderState, InFlight, Puts, StreamReport, Stuck, error_code},
    kinesis::Access,
};

/// Puts in flight at first, with one record each.
const SINGLE_PUTS: usize = 64;
/// Puts in flight at first, with up to 500 records each.
const BATCH_PUTS: usize = 8;

/// The settings by which the forwarder connects to the destination.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// The settings in force.
    pub config: Arc<Config>,
    /// How to reach the practice stream, if that is the destination.
    pub practice: Option<Access>,
}

impl ConnectionSettings {
    /// Whether both have the same destination and credentials.
    pub(super) fn is_same_destination(&self, other: &Self) -> bool {
        let of = |config: &Config| config::Destination { enabled: true, ..config.destination.clone() };
        of(&self.config) == of(&other.config) && self.config.credentials == other.config.credentials
    }

    /// How many puts are in flight at first, and at most.
    pub(super) fn puts_range(&self, puts_max: usize) -> (usize, usize) {
        let operation = self.config.destination.operation;
        let start = match operation {
            Operation::PutRecord => SINGLE_PUTS,
            Operation::PutRecords => BATCH_PUTS,
        };
        let of_practice = self.practice.as_ref().map_or(usize::MAX, |access| access.puts_max);
        let max = operation.puts_max().min(puts_max).min(of_practice).max(1);
        (start.min(max), max)
    }
}

/// What the engine tells the forwarder.
#[derive(Debug)]
pub struct Controls {
    /// The settings. A change applies to the next put.
    pub settings: watch::Receiver<ConnectionSettings>,
    /// Try now.
    pub try_now: Arc<Notify>,
    /// Set aside the events that the destination keeps refusing while it takes others. Answered with their number.
    pub set_aside: mpsc::Receiver<oneshot::Sender<u64>>,
    /// True: finish what is in flight, then end.
    pub stop: watch::Receiver<bool>,
    /// Maximum puts in flight, whatever is measured: over HTTP/1.1 each has a connection.
    pub puts_max: usize,
}

/// Where the forwarder publishes what it does.
#[derive(Debug)]
pub struct Reports {
    /// Its state.
    pub state: watch::Sender<ForwarderState>,
    /// What it learned about the stream.
    pub stream: watch::Sender<StreamReport>,
    /// What is in flight.
    pub in_flight: watch::Sender<InFlight>,
    /// The events that are refused while others are taken.
    pub stuck: watch::Sender<Option<Stuck>>,
    /// Sums of what was delivered. They include those of earlier forwarders: only add to them.
    pub puts: watch::Sender<Puts>,
}

impl Reports {
    pub(super) fn publish(&self, state: ForwarderState, in_flight: InFlight, stuck: Option<Stuck>) {
        set(&self.stuck, stuck);
        set(&self.in_flight, in_flight);
        if !is_same_state(&self.state.borrow(), &state) {
            self.state.send_replace(state);
        }
    }

    pub(super) fn publish_stream(&self, report: StreamReport) {
        set(&self.stream, report);
    }

    pub(super) fn add_put(&self, put: &Puts) {
        self.puts.send_modify(|all| all.add(put));
    }
}

/// Sends a value if it differs.
fn set<T: PartialEq>(sender: &watch::Sender<T>, value: T) {
    if *sender.borrow() != value {
        sender.send_replace(value);
    }
}

/// The time of the next try is computed anew each time: a difference of a few milliseconds is no change.
fn is_same_state(published: &ForwarderState, state: &ForwarderState) -> bool {
    use ForwarderState::{Blocked, Offline};
    match (published, state) {
        (Blocked { fault: a, next_try: x }, Blocked { fault: b, next_try: y })
        | (Offline { fault: a, next_try: x }, Offline { fault: b, next_try: y }) => {
            a == b && ((x - y).abs() < 100 || &*a.code == error_code::WAITING_FOR_KEYS)
        }
        (published, state) => published == state,
    }
}

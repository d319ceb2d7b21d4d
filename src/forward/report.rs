//! What the forwarder tells the engine: each change once.

use tokio::sync::watch;

use crate::delivery::{ForwarderState, Puts, StreamReport, Stuck, error_code};

/// Where the forwarder publishes what it does.
#[derive(Debug)]
pub struct Reports {
    /// Its state.
    pub state: watch::Sender<ForwarderState>,
    /// What it learned about the stream.
    pub stream: watch::Sender<StreamReport>,
    /// Number of events in flight.
    pub sending: watch::Sender<u64>,
    /// The events that are refused while others are taken.
    pub stuck: watch::Sender<Option<Stuck>>,
    /// Sums of what was delivered. They include those of earlier forwarders: only add to them.
    pub puts: watch::Sender<Puts>,
}

impl Reports {
    pub(super) fn publish(&self, state: ForwarderState, sending: u64, stuck: Option<Stuck>) {
        set(&self.stuck, stuck);
        set(&self.sending, sending);
        self.state.send_if_modified(|published| {
            let is_new = !is_same_state(published, &state);
            if is_new {
                *published = state;
            }
            is_new
        });
    }

    pub(super) fn publish_stream(&self, news: StreamReport) {
        set(&self.stream, news);
    }

    pub(super) fn add_delivered(&self, puts: &Puts) {
        if puts.records > 0 {
            self.puts.send_modify(|all| all.add(puts));
        }
    }
}

/// Sends a value if it differs.
fn set<T: PartialEq>(sender: &watch::Sender<T>, value: T) {
    sender.send_if_modified(|published| {
        let is_new = *published != value;
        if is_new {
            *published = value;
        }
        is_new
    });
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

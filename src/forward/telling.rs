//! What the forwarder tells the engine: each change once.

use std::time::Instant;

use super::{Forwarder, state::Reason};
use crate::{
    clock::now_ms,
    delivery::{self, Millis, StreamReport},
    kinesis,
};

impl Forwarder {
    /// Says what is going on, where that changed.
    pub(super) fn tell(&self) {
        let now = Instant::now();
        let next_try = |until: Instant| {
            now_ms() + Millis::try_from(until.saturating_duration_since(now).as_millis()).unwrap_or(0)
        };
        let state = if self.stopping {
            delivery::ForwarderState::Draining
        } else if !self.setup.config.destination.enabled {
            delivery::ForwarderState::Disabled
        } else if let Some(fault) = self.client.waits_for_keys(now) {
            delivery::ForwarderState::Blocked { fault, next_try: now_ms() }
        } else if let Some(pause) = self.weather.known_pause() {
            let (fault, next_try) = (pause.fault.clone(), next_try(pause.until));
            match pause.reason {
                Reason::Blocked => delivery::ForwarderState::Blocked { fault, next_try },
                Reason::Offline => delivery::ForwarderState::Offline { fault, next_try },
            }
        } else if let Some(fault) = self.reader.unreadable() {
            delivery::ForwarderState::Blocked { fault: fault.clone(), next_try: now_ms() + 1000 }
        } else if let Some(fault) = self.weather.throttled(now) {
            delivery::ForwarderState::Throttled(fault.clone())
        } else {
            delivery::ForwarderState::Running
        };
        let stuck = match self.weather.known_pause() {
            // Nobody's events are taken, whatever is in them.
            Some(pause) if pause.reason != Reason::Blocked || !kinesis::may_be_the_records(&pause.fault) => {
                None
            }
            Some(_) | None => self.lanes.stuck(),
        };
        self.reports.stuck.send_if_modified(|told| {
            let changed = *told != stuck;
            if changed {
                *told = stuck;
            }
            changed
        });
        self.reports.sending.send_if_modified(|told| std::mem::replace(told, self.sending) != self.sending);
        self.reports.state.send_if_modified(|told| {
            let changed = !same_news(told, &state);
            if changed {
                *told = state;
            }
            changed
        });
    }

    /// Says what is known of the stream, where that changed.
    pub(super) fn tell_news(&self) {
        self.reports.stream.send_if_modified(|told| {
            let (server, slowness) = (self.client.configured_server(), self.patience.slowness());
            let changed = told.facts != self.facts
                || told.server != server
                || told.slowness != slowness
                || told.takes_records != self.takes_records
                || told.bound.as_ref() != self.meter.bound();
            if changed {
                let (facts, takes_records) = (self.facts, self.takes_records);
                let bound = self.meter.bound().cloned();
                *told = StreamReport { server, slowness, facts, takes_records, bound };
            }
            changed
        });
    }
}

/// The moment of the next try is computed anew each time; a few milliseconds are no news.
fn same_news(told: &delivery::ForwarderState, state: &delivery::ForwarderState) -> bool {
    use delivery::ForwarderState::{Blocked, Offline};
    match (told, state) {
        (Blocked { fault: a, next_try: x }, Blocked { fault: b, next_try: y })
        | (Offline { fault: a, next_try: x }, Offline { fault: b, next_try: y }) => {
            a == b && ((x - y).abs() < 100 || &*a.code == kinesis::WAITING_FOR_KEYS)
        }
        (told, state) => told == state,
    }
}

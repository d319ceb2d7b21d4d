//! The queue of one alert: what is to be sent, when it is tried again, and what became of it. Pure.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{error::SendError, kept::AlertState};
use crate::{
    alert::{Notification, State},
    delivery::{AlertReport, Millis},
};

/// Maximum notifications that wait. More: the oldest is dropped, since newer ones say more about the present.
const WAITING_MAX: usize = 32;

/// The pause after the first failed try; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_mins(5);

#[derive(Default)]
pub(super) struct Outbox {
    /// Tracker and queue, which are kept on disk.
    pub(super) state: AlertState,
    /// The first of the queue is under way.
    is_sending: bool,
    /// Failed tries of the first one.
    tries: u32,
    next_try: Option<Instant>,
    sent: u64,
    failures: u64,
    last_sent: Option<Millis>,
    error: Option<Arc<str>>,
}

impl Outbox {
    pub(super) fn new(state: AlertState) -> Self {
        Self { state, ..Self::default() }
    }

    /// Adds a notification. If an incident is over before anybody was told of it, nobody is told at all.
    pub(super) fn push(&mut self, notification: Notification) {
        let first = usize::from(self.is_sending);
        let waiting = &mut self.state.waiting;
        if notification.state == State::Resolved {
            let mut index = 0;
            waiting.retain(|one| {
                let is_stale = index >= first && one.incident == notification.incident;
                index += 1;
                !is_stale
            });
            let is_under_way = waiting.iter().any(|one| one.incident == notification.incident);
            if !is_under_way && !self.state.is_told(&notification.incident) {
                return;
            }
        }
        let waiting = &mut self.state.waiting;
        if waiting.len() >= WAITING_MAX && waiting.remove(first).is_some() {
            tracing::warn!("a notification was dropped, because {WAITING_MAX} others wait to be sent");
        }
        waiting.push_back(notification);
    }

    /// The next notification to send, if none is under way and its pause is over. It stays in the queue until it is sent.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Notification> {
        let is_due = !self.is_sending && self.next_try.is_none_or(|at| at <= now);
        let next = self.state.waiting.front().filter(|_| is_due)?.clone();
        self.is_sending = true;
        Some(next)
    }

    /// What became of the one that was under way.
    pub(super) fn ended(&mut self, result: Result<(), SendError>, now: Instant, now_ms: Millis) {
        self.is_sending = false;
        match result {
            Ok(()) => {
                self.state.first_was_sent();
                self.sent += 1;
                (self.tries, self.next_try, self.error) = (0, None, None);
                self.last_sent = Some(now_ms);
            }
            Err(error) => {
                self.failures += 1;
                self.tries = self.tries.saturating_add(1);
                self.next_try = Some(now + pause_after(self.tries));
                self.error = Some(error.to_string().into());
            }
        }
    }

    /// Failed tries of the notification that is to be sent next.
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// Why the last try failed; `None`: it did not.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    pub(super) fn report(&self, name: &str) -> AlertReport {
        let mut open: Vec<Arc<str>> = self.state.tracker.told().map(|one| one.as_str().into()).collect();
        open.sort();
        open.dedup();
        AlertReport {
            name: name.into(),
            open,
            sent: self.sent,
            failures: self.failures,
            waiting: self.state.waiting.len() as u64,
            last_sent: self.last_sent,
            error: self.error.clone(),
        }
    }
}

fn pause_after(tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(16);
    PAUSE.saturating_mul(1 << doublings).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::{Change, Facts, Incident},
        config::{Alert, Condition, Config},
        delivery::Status,
    };

    fn notification(state: State, since: Millis) -> Notification {
        let (status, config) = (Status::default(), Config::default());
        let facts = Facts { status: &status, config: &config, seconds_left: None, started_at: 0, now: since };
        let condition = Condition::Disk;
        let change = match state {
            State::Firing => {
                let [what, why, action] = ["It fails.", "Why.", "Do."].map(str::to_owned);
                let incident = Incident { condition, subject: "".into(), count: 0, what, why, action };
                Change::Began { since, incident }
            }
            State::Resolved | State::Test => {
                Change::Ended { since, condition, subject: "".into(), what: "It fails.".to_owned() }
            }
        };
        Notification::of(change, &Alert::default(), &facts, "host")
    }

    fn states(outbox: &Outbox) -> Vec<State> {
        outbox.state.waiting.iter().map(|one| one.state).collect()
    }

    #[test]
    fn what_fails_is_tried_again_with_growing_pauses_and_stays_the_first() {
        let (mut outbox, start) = (Outbox::default(), Instant::now());
        outbox.push(notification(State::Firing, 1));
        for (tries, pause) in [(1, 5), (2, 10), (3, 20), (9, 300)] {
            outbox.tries = tries - 1;
            outbox.next_try = None;
            assert!(outbox.take_due(start).is_some());
            assert!(outbox.take_due(start).is_none(), "one is under way");
            outbox.ended(Err(SendError::refused("it answered 500")), start, 7);
            let due = start + Duration::from_secs(pause);
            assert!(
                outbox.take_due(due.checked_sub(Duration::from_millis(1)).expect("later")).is_none(),
                "{tries}"
            );
            assert_eq!((outbox.tries(), outbox.next_try), (tries, Some(due)));
        }
        outbox.next_try = None;
        assert!(outbox.take_due(start).is_some());
        outbox.ended(Ok(()), start, 7);
        let report = outbox.report("name");
        assert_eq!((report.sent, report.failures, report.waiting, report.error), (1, 4, 0, None));
        assert_eq!(report.last_sent, Some(7));
    }

    #[test]
    fn an_incident_that_is_over_before_anybody_was_told_is_not_told() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        outbox.push(notification(State::Firing, 1));
        outbox.push(notification(State::Resolved, 1));
        assert_eq!(states(&outbox), []);
        outbox.push(notification(State::Firing, 2));
        assert!(outbox.take_due(now).is_some());
        outbox.push(notification(State::Resolved, 2));
        assert_eq!(states(&outbox), [State::Firing, State::Resolved], "the first is under way");
        outbox.ended(Ok(()), now, 0);
        assert!(outbox.take_due(now).is_some());
        outbox.ended(Ok(()), now, 0);
        outbox.push(notification(State::Resolved, 2));
        assert_eq!(states(&outbox), [], "it was told to be over");
    }

    #[test]
    fn a_queue_that_is_full_drops_the_oldest_but_not_what_is_under_way() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        let since = |outbox: &Outbox| -> Vec<String> {
            outbox.state.waiting.iter().map(|one| one.incident.clone()).collect()
        };
        outbox.push(notification(State::Firing, 0));
        assert!(outbox.take_due(now).is_some());
        for number in 1..=40 {
            outbox.push(notification(State::Firing, number));
        }
        let waiting = since(&outbox);
        assert_eq!((waiting.len(), &*waiting[0], &*waiting[1]), (32, "disk-0", "disk-10"));
    }
}

//! Desktop notifications about what needs the user: the forwarder became blocked, the spool is nearly full, events failed.
//! One when it happens, never one per event. Pure: the time is an argument.

use std::time::{Duration, Instant};

use super::widgets;
use crate::{
    config::Config,
    delivery::{ForwarderState, Status},
};

/// The shortest time between two alerts about failed events.
const FAILED_EVERY: Duration = Duration::from_mins(1);
/// How long the status may take to count the events that were set aside as failed.
const SET_ASIDE_TOLD_WITHIN: Duration = Duration::from_secs(2);
/// Percent of the spool in use. An alert is given at `SPOOL_HIGH`, and again only after it fell below `SPOOL_LOW`.
pub(super) const SPOOL_HIGH: u64 = 80;
const SPOOL_LOW: u64 = 70;

/// Remembers which alerts the user has got.
#[derive(Default)]
pub(super) struct Alerts {
    is_blocked: bool,
    is_high: bool,
    /// The number of failed events at the last alert. `None` before the first status: earlier failures cause no alert.
    failed: Option<u64>,
    failed_at: Option<Instant>,
    /// Until this time, new failures are taken for events that the user has set aside.
    expected_until: Option<Instant>,
}

impl Alerts {
    /// Records that the user has set aside the queued events. The status will soon count them as failed.
    pub(super) fn set_aside(&mut self, now: Instant) {
        self.expected_until = Some(now + SET_ASIDE_TOLD_WITHIN);
    }

    /// What is new in this status, the most urgent first.
    pub(super) fn observe(&mut self, status: &Status, config: &Config, now: Instant) -> Option<String> {
        let is_blocked = matches!(status.forwarder, ForwarderState::Blocked { .. });
        // An offline state in between does not end the blocked state.
        let is_over = matches!(
            status.forwarder,
            ForwarderState::Running | ForwarderState::Throttled(_) | ForwarderState::Disabled
        );
        let was_blocked = self.is_blocked;
        self.is_blocked = is_blocked || (was_blocked && !is_over);
        if is_blocked && !was_blocked {
            let text = "Delivery needs you: events wait in the spool. Tributary's window says what to do.";
            return Some(text.to_owned());
        }
        let used = spool_percent(status, config);
        let was_high = self.is_high;
        self.is_high = used >= SPOOL_HIGH || (was_high && used >= SPOOL_LOW);
        if self.is_high && !was_high {
            let text = "When it is full, senders get a 429 response and retry.";
            return Some(format!("The spool is {used} % full. {text}"));
        }
        self.failures(status.ledger.failed, now)
    }

    fn failures(&mut self, failed: u64, now: Instant) -> Option<String> {
        // The number falls when failed events are resent.
        let told = self.failed.map_or(failed, |told| told.min(failed));
        self.failed = Some(told);
        if self.expected_until.is_some_and(|until| now < until) {
            self.failed = Some(failed);
            return None;
        }
        let is_early = self.failed_at.is_some_and(|at| now.saturating_duration_since(at) < FAILED_EVERY);
        if failed == told || is_early {
            return None;
        }
        self.failed = Some(failed);
        self.failed_at = Some(now);
        let count = failed - told;
        let what =
            if count == 1 { "1 event".to_owned() } else { format!("{} events", widgets::digits(count)) };
        Some(format!("{what} failed. Failed events are kept; Live shows the reasons."))
    }

    /// The time until an alert about the latest failures is allowed; `None` if there is none to give.
    pub(super) fn due_in(&self, status: &Status, now: Instant) -> Option<Duration> {
        let waits = self.failed.is_some_and(|told| told < status.ledger.failed);
        let at = self.failed_at.filter(|_| waits)?;
        Some(FAILED_EVERY.saturating_sub(now.saturating_duration_since(at)))
    }
}

/// Percent of the spool that queued and failed events use.
pub(super) fn spool_percent(status: &Status, config: &Config) -> u64 {
    status.ledger.spool_percent(config.spool.max_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{AwsError, Ledger};

    fn status(forwarder: ForwarderState, failed: u64, queued_bytes: u64) -> Status {
        Status {
            forwarder,
            ledger: Ledger { failed, queued_bytes, ..Ledger::default() },
            ..Status::default()
        }
    }

    fn blocked() -> ForwarderState {
        ForwarderState::Blocked { fault: AwsError::new("AccessDenied", "no"), next_try: 0 }
    }

    fn offline() -> ForwarderState {
        ForwarderState::Offline { fault: AwsError::new("NoAnswer", "no"), next_try: 0 }
    }

    fn config() -> Config {
        let mut config = Config::default();
        config.spool.max_bytes = 1000;
        config
    }

    #[test]
    fn becoming_blocked_is_told_once_until_it_is_over() {
        let (mut alerts, now) = (Alerts::default(), Instant::now());
        let mut told = |forwarder| alerts.observe(&status(forwarder, 0, 0), &config(), now).is_some();
        assert!(!told(ForwarderState::Running) && told(blocked()));
        assert!(!told(blocked()) && !told(offline()) && !told(blocked()), "the same trouble");
        assert!(!told(ForwarderState::Running) && told(blocked()), "a new one");
    }

    #[test]
    fn a_spool_that_is_nearly_full_is_told_once_until_there_is_room_again() {
        let (mut alerts, now) = (Alerts::default(), Instant::now());
        let mut told = |bytes| alerts.observe(&status(ForwarderState::Running, 0, bytes), &config(), now);
        assert_eq!(told(799), None);
        assert!(told(800).is_some_and(|text| text.contains("80 %")));
        assert!([900, 750, 810].into_iter().all(|bytes| told(bytes).is_none()), "around the mark");
        assert!(told(100).is_none() && told(801).is_some());
    }

    #[test]
    fn ten_thousand_failed_events_are_two_notices() {
        let (mut alerts, start) = (Alerts::default(), Instant::now());
        assert_eq!(
            alerts.observe(&status(ForwarderState::Running, 7, 0), &config(), start),
            None,
            "those of before"
        );
        let mut texts = Vec::new();
        for failed in 8..=10_007 {
            let now = start + Duration::from_millis(failed);
            texts.extend(alerts.observe(&status(ForwarderState::Running, failed, 0), &config(), now));
        }
        let last = status(ForwarderState::Running, 10_007, 0);
        let late = start + Duration::from_secs(90);
        assert!(
            alerts.due_in(&last, start).is_some_and(|due| due <= FAILED_EVERY + Duration::from_millis(8))
        );
        texts.extend(alerts.observe(&last, &config(), late));
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].starts_with("1 event failed") && texts[1].starts_with("9\u{2009}999 events failed"));
        assert_eq!(alerts.observe(&last, &config(), late + FAILED_EVERY), None);
        assert_eq!(alerts.due_in(&last, late), None);
    }
}

//! When somebody is told: the memory of one alert.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    facts::Facts,
    incident::{Incident, is_unclear, present},
};
use crate::{
    config::{Alert, Condition},
    delivery::Millis,
};

/// The shortest time between two notifications about the same incident.
const AGAIN_AFTER_MS: Millis = 10 * 60 * 1000;

/// Which incidents one alert has told, and which it waits to tell. Kept on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tracker {
    open: Vec<Open>,
    /// Failed events that nobody has to be told of any more; `None`: nothing was observed yet.
    failed_before: Option<u64>,
}

/// An incident that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    condition: Condition,
    subject: Arc<str>,
    since: Millis,
    /// What was told of it, and when.
    told: Option<Told>,
    /// Since when it is over.
    over_since: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    at: Millis,
    count: u64,
    what: String,
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An incident has lasted long enough, or has got worse.
    Began {
        /// When it began.
        since: Millis,
        /// The incident.
        incident: Incident,
    },
    /// An incident of which somebody was told is over.
    Ended {
        /// When it began.
        since: Millis,
        /// Its condition.
        condition: Condition,
        /// The source that it was about; empty: the engine.
        subject: Arc<str>,
        /// What was told when it began.
        what: String,
    },
}

impl Change {
    /// One line for the program's own log.
    pub fn what(&self) -> String {
        match self {
            Self::Began { incident, .. } => incident.what.clone(),
            Self::Ended { what, .. } => format!("over: {what}"),
        }
    }
}

impl Tracker {
    /// What is to be told now. Time alone can make something due, so call it every few seconds.
    pub fn observe(&mut self, alert: &Alert, facts: &Facts) -> Vec<Change> {
        let failed = facts.status.ledger.failed;
        let before = self.failed_before.map_or(failed, |before| before.min(failed));
        self.failed_before = Some(before);
        let mut present: BTreeMap<_, _> = present(alert, facts, before)
            .into_iter()
            .map(|incident| ((incident.condition, Arc::clone(&incident.subject)), incident))
            .collect();
        let after = after_ms(alert);
        let mut changes = Vec::new();
        self.open.retain_mut(|open| {
            // A condition that is no longer asked for is forgotten, and not said to be over.
            if !alert.on.contains(&open.condition) {
                return false;
            }
            match present.remove(&(open.condition, Arc::clone(&open.subject))) {
                Some(incident) => {
                    open.over_since = None;
                    changes.extend(open.tell(incident, after, facts.now));
                    true
                }
                None if is_unclear(open.condition, facts) => true,
                None => {
                    let over_since = *open.over_since.get_or_insert(facts.now);
                    let Some(told) = &open.told else { return false };
                    if facts.now - over_since < after {
                        return true;
                    }
                    changes.push(Change::Ended {
                        since: open.since,
                        condition: open.condition,
                        subject: Arc::clone(&open.subject),
                        what: told.what.clone(),
                    });
                    false
                }
            }
        });
        for ((condition, subject), incident) in present {
            let mut open = Open { condition, subject, since: facts.now, told: None, over_since: None };
            changes.extend(open.tell(incident, after, facts.now));
            self.open.push(open);
        }
        changes
    }

    /// The conditions of which somebody was told and that are not over.
    pub fn told(&self) -> impl Iterator<Item = Condition> {
        self.open.iter().filter(|open| open.told.is_some()).map(|open| open.condition)
    }
}

fn after_ms(alert: &Alert) -> Millis {
    Millis::try_from(alert.after_seconds).unwrap_or(Millis::MAX / 2000).saturating_mul(1000)
}

impl Open {
    /// Tells the incident if it is time to.
    fn tell(&mut self, incident: Incident, after: Millis, now: Millis) -> Option<Change> {
        let is_time = match &self.told {
            None => now - self.since >= after,
            Some(told) => incident.count > told.count && now - told.at >= AGAIN_AFTER_MS,
        };
        if !is_time {
            return None;
        }
        self.told = Some(Told { at: now, count: incident.count, what: incident.what.clone() });
        Some(Change::Began { since: self.since, incident })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        delivery::{AwsError, ForwarderState, Intake, Ledger, Status},
    };

    struct Engine {
        alert: Alert,
        tracker: Tracker,
        status: Status,
        now: Millis,
    }

    impl Engine {
        fn new() -> Self {
            let status = Status { intake: Intake::Ready, ..Status::default() };
            Self { alert: Alert::default(), tracker: Tracker::default(), status, now: 1000 }
        }

        fn after(&mut self, seconds: Millis) -> Vec<String> {
            self.now += seconds * 1000;
            let config = Config::default();
            let facts = Facts {
                status: &self.status,
                config: &config,
                seconds_left: None,
                started_at: 0,
                now: self.now,
            };
            let changes = self.tracker.observe(&self.alert, &facts);
            changes
                .into_iter()
                .map(|change| match change {
                    Change::Began { incident, .. } => format!("began {}", incident.what),
                    Change::Ended { condition, .. } => format!("ended {}", condition.as_str()),
                })
                .collect()
        }

        fn is_blocked(&mut self, is_blocked: bool) {
            let fault = AwsError::new("AccessDeniedException", "no");
            self.status.forwarder = if is_blocked {
                ForwarderState::Blocked { fault, next_try: 0 }
            } else {
                ForwarderState::Running
            };
        }
    }

    #[test]
    fn an_incident_is_told_once_it_has_lasted_and_once_it_has_been_over_for_as_long() {
        let mut engine = Engine::new();
        assert_eq!(engine.after(0), [""; 0]);
        engine.is_blocked(true);
        assert_eq!(engine.after(1), [""; 0]);
        assert_eq!(engine.after(59), [""; 0]);
        let told = engine.after(1);
        assert!(told.len() == 1 && told[0].starts_with("began "), "{told:?}");
        assert_eq!(engine.after(3600), [""; 0], "it is told once");
        engine.is_blocked(false);
        assert_eq!(engine.after(1), [""; 0]);
        engine.is_blocked(true);
        assert_eq!(engine.after(59), [""; 0], "it was not over for long");
        engine.is_blocked(false);
        assert_eq!(engine.after(1), [""; 0]);
        assert_eq!(engine.after(60), ["ended blocked"]);
        assert_eq!(engine.after(60), [""; 0]);
    }

    #[test]
    fn what_is_over_before_it_was_told_is_not_told_at_all() {
        let mut engine = Engine::new();
        engine.is_blocked(true);
        assert_eq!(engine.after(1), [""; 0]);
        engine.is_blocked(false);
        assert_eq!(engine.after(1), [""; 0]);
        assert_eq!(engine.after(600), [""; 0]);
    }

    #[test]
    fn a_network_that_fails_does_not_end_the_incident_of_a_wrong_key() {
        let mut engine = Engine::new();
        engine.is_blocked(true);
        engine.after(1);
        assert_eq!(engine.after(60).len(), 1);
        let fault = AwsError::new("NoAnswer", "no");
        engine.status.forwarder = ForwarderState::Offline { fault, next_try: 0 };
        assert_eq!(engine.after(600), [""; 0]);
        engine.is_blocked(false);
        engine.after(1);
        assert_eq!(engine.after(60), ["ended blocked"]);
    }

    #[test]
    fn failed_events_of_before_are_not_told_and_more_of_them_are_told_at_most_every_ten_minutes() {
        let mut engine = Engine::new();
        engine.alert.after_seconds = 0;
        let failed = |failed| Ledger { failed, ..Ledger::default() };
        engine.status.ledger = failed(7);
        assert_eq!(engine.after(1), [""; 0]);
        engine.status.ledger = failed(8);
        assert_eq!(engine.after(1), ["began 1 event failed."]);
        engine.status.ledger = failed(500);
        assert_eq!(engine.after(1), [""; 0]);
        assert_eq!(engine.after(600), ["began 493 events failed."]);
        engine.status.ledger = failed(7);
        assert_eq!(engine.after(1), ["ended failed"]);
        engine.status.ledger = failed(0);
        assert_eq!(engine.after(1), [""; 0]);
        engine.status.ledger = failed(1);
        assert_eq!(engine.after(1), ["began 1 event failed."], "the others were resent");
    }

    #[test]
    fn an_engine_that_was_restarted_still_tells_that_it_is_over() {
        let mut engine = Engine::new();
        engine.is_blocked(true);
        engine.after(1);
        assert_eq!(engine.after(60).len(), 1);
        let kept = serde_json::to_string(&engine.tracker).expect("plain data");
        engine.tracker = serde_json::from_str(&kept).expect("the same shape");
        engine.is_blocked(false);
        engine.after(1);
        assert_eq!(engine.after(60), ["ended blocked"]);
    }
}

//! The part that tells people outside of this machine what needs them ([`crate::alert`] decides what and when).
//!
//! It looks at the status once a second while there are alerts, and waits for new settings while there are none. Each alert has
//! a queue of its own ([`outbox`]); one notification of an alert is under way at a time, and is tried again with growing
//! pauses. Nothing waits for it: not delivery, not the endpoint, and no alert for another one. A failing alert is a problem of
//! the engine, and counted. What was told and what waits is kept in `alerts.json` of the data folder ([`kept`]).

mod error;
mod kept;
mod mail;
mod outbox;
mod program;
mod send;
mod webhook;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::MissedTickBehavior;

use super::{host_name::host_name, shared::Shared};
use crate::{
    alert::{Facts, Notification},
    clock::now_ms,
    config::{Alert, Config},
    delivery::{AlertReport, Ledger, Millis, Status},
};
use outbox::Outbox;

pub use error::SendError;

/// How often the conditions are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Failed tries after which an alert is a problem of the engine.
const TRIES_UNTIL_PROBLEM: u32 = 2;

/// Something that was started, and has ended.
enum Ended {
    Sent(String, Result<(), SendError>),
    Kept,
}

type Working = FuturesUnordered<BoxFuture<'static, Ended>>;

/// Watches and tells as long as the engine runs.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut config = shared.config.subscribe();
    let mut status = shared.status.subscribe();
    // The first status is empty.
    if status.changed().await.is_err() {
        return;
    }
    let mut alerts = Alerts::load(&shared);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_idle = config.borrow_and_update().alerts.is_empty() && alerts.is_empty();
        tokio::select! {
            _ = ticks.tick(), if !is_idle => alerts.look(&shared),
            changed = config.changed() => if changed.is_err() { return },
            Some(ended) = alerts.working.next(), if !alerts.working.is_empty() => alerts.end(&shared, ended),
        }
    }
}

/// Sends a test notification of this alert now, without the queue. `ledger`: the sums that it tells.
pub async fn send_test(alert: &Alert, config: &Config, ledger: Ledger) -> Result<(), SendError> {
    let status = Status { ledger, ..Status::default() };
    let now = now_ms();
    let facts = Facts { status: &status, config, seconds_left: None, started_at: now, now };
    send::send(alert, &Notification::test(alert, &facts, &host_name())).await
}

/// The same with what the running engine knows.
pub(super) async fn send_test_from(shared: &Shared, alert: &Alert) -> Result<(), SendError> {
    let (status, config) = (shared.status.borrow().clone(), shared.config.borrow().clone());
    let notification = {
        let facts = facts(shared, &status, &config, now_ms());
        Notification::test(alert, &facts, &host_name())
    };
    send::send(alert, &notification).await
}

fn facts<'a>(shared: &Shared, status: &'a Status, config: &'a Config, now: Millis) -> Facts<'a> {
    let seconds_left = shared.spool.watch().borrow().seconds_left(now);
    Facts { status, config, seconds_left, started_at: shared.started_at, now }
}

struct Alerts {
    /// By the name of the alert.
    outboxes: BTreeMap<String, Outbox>,
    working: Working,
    host: String,
    is_keeping: bool,
    /// What is in `alerts.json`.
    kept: kept::Kept,
}

impl Alerts {
    fn load(shared: &Shared) -> Self {
        let kept = kept::load(&shared.paths.data_dir);
        let outboxes = kept.iter().map(|(name, state)| (name.clone(), Outbox::new(state.clone()))).collect();
        Self { outboxes, working: Working::new(), host: host_name(), is_keeping: false, kept }
    }

    fn is_empty(&self) -> bool {
        self.outboxes.is_empty() && self.working.is_empty()
    }

    /// Looks at the conditions, and starts what is to be sent.
    fn look(&mut self, shared: &Arc<Shared>) {
        let (status, config) = (shared.status.borrow().clone(), shared.config.borrow().clone());
        let facts = facts(shared, &status, &config, now_ms());
        self.outboxes.retain(|name, _| config.alerts.iter().any(|alert| alert.name == *name));
        for alert in &config.alerts {
            let outbox = self.outboxes.entry(alert.name.clone()).or_default();
            for change in outbox.state.tracker.observe(alert, &facts) {
                tracing::info!("alert {:?}: {}", alert.name, change.what());
                outbox.push(Notification::of(change, alert, &facts, &self.host));
            }
            if let Some(notification) = outbox.take_due(Instant::now()) {
                let (alert, name) = (alert.clone(), alert.name.clone());
                self.working.push(Box::pin(async move {
                    Ended::Sent(name, send::send(&alert, &notification).await)
                }));
            }
        }
        self.keep(shared);
        self.report(shared);
    }

    fn end(&mut self, shared: &Arc<Shared>, ended: Ended) {
        match ended {
            Ended::Kept => self.is_keeping = false,
            Ended::Sent(name, result) => {
                let Some(outbox) = self.outboxes.get_mut(&name) else { return };
                if let Err(error) = &result {
                    tracing::warn!("the alert {name:?} was not sent: {error}");
                }
                outbox.ended(result, Instant::now(), now_ms());
                self.keep(shared);
                self.report(shared);
            }
        }
    }

    /// Writes `alerts.json` if it is out of date. Only one write is under way, so that the newest state is written last.
    fn keep(&mut self, shared: &Arc<Shared>) {
        if self.is_keeping {
            return;
        }
        let now: kept::Kept =
            self.outboxes.iter().map(|(name, outbox)| (name.clone(), outbox.state.clone())).collect();
        if now == self.kept {
            return;
        }
        self.kept.clone_from(&now);
        self.is_keeping = true;
        let shared = Arc::clone(shared);
        self.working.push(Box::pin(async move {
            let data_dir = shared.paths.data_dir.clone();
            if let Ok(Err(error)) = shared.tasks.blocking(move || kept::save(&data_dir, &now)).await {
                tracing::warn!(
                    "alerts.json was not written ({error}): after a restart, what is wrong is told again"
                );
            }
            Ended::Kept
        }));
    }

    /// Publishes what became of the alerts, and the problem of those that fail.
    fn report(&self, shared: &Shared) {
        let reports: Vec<AlertReport> =
            self.outboxes.iter().map(|(name, outbox)| outbox.report(name)).collect();
        let failing: Vec<_> = self
            .outboxes
            .iter()
            .filter(|(_, outbox)| outbox.tries() >= TRIES_UNTIL_PROBLEM)
            .filter_map(|(name, outbox)| {
                let error = outbox.error()?;
                Some(format!("The alert {name:?} cannot be sent: {error}. Tributary tries again."))
            })
            .collect();
        shared.problems.set("alerts", (!failing.is_empty()).then(|| failing.join(" ")));
        let is_new = shared.alerts.send_if_modified(|before| {
            let is_new = **before != *reports;
            if is_new {
                *before = reports.into();
            }
            is_new
        });
        if is_new {
            shared.faces.changed.notify_one();
        }
    }
}

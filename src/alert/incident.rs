//! What needs a person at the moment, by the conditions of one alert.

use std::sync::Arc;

use super::{facts::Facts, words};
use crate::{
    config::{Alert, Condition},
    delivery::{ForwarderState, Intake, Millis},
    remedy,
};

const MINUTE_MS: Millis = 60_000;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The condition that holds.
    pub condition: Condition,
    /// The source that it is about; empty: the engine.
    pub subject: Arc<str>,
    /// Rises when it gets worse: the number of failed events; 0 for other conditions.
    pub count: u64,
    /// What happened: one sentence.
    pub what: String,
    /// Why, and what it means.
    pub why: String,
    /// What to do now.
    pub action: String,
}

impl Incident {
    fn new(condition: Condition, [what, why, action]: [String; 3]) -> Self {
        Self { condition, subject: "".into(), count: 0, what, why, action }
    }
}

/// The incidents that this alert is to tell, as of these facts. `failed_before`: the number of failed events that nobody has to
/// be told of any more.
pub fn present(alert: &Alert, facts: &Facts, failed_before: u64) -> Vec<Incident> {
    let mut found = Vec::new();
    for condition in &alert.on {
        match condition {
            Condition::Blocked => found.extend(blocked(facts)),
            Condition::Failed => found.extend(failed(facts, failed_before)),
            Condition::Spool => found.extend(spool(alert, facts)),
            Condition::Oldest => found.extend(oldest(alert, facts)),
            Condition::Silent => found.extend(silent(alert, facts)),
            Condition::Disk => found.extend(disk(facts)),
        }
    }
    found
}

/// Whether these facts do not say if the condition holds: without the network, nobody knows whether the destination still
/// refuses.
pub(super) fn is_unclear(condition: Condition, facts: &Facts) -> bool {
    let is_out_of_reach =
        matches!(facts.status.forwarder, ForwarderState::Offline { .. } | ForwarderState::Draining);
    condition == Condition::Blocked && is_out_of_reach
}

fn blocked(facts: &Facts) -> Option<Incident> {
    if let ForwarderState::Blocked { fault, .. } = &facts.status.forwarder {
        let remedy = remedy::remedy(fault, facts.config);
        let mut why = remedy.why.clone();
        if remedy.speaks_of_message() {
            why = format!("{why} The error message: {fault}.");
        }
        return Some(Incident::new(Condition::Blocked, [remedy.what, why, remedy.action]));
    }
    let stuck = facts.status.stuck.as_ref()?;
    let [why, action] = remedy::stuck(stuck);
    let what = format!("The destination keeps refusing {}.", words::events(stuck.refused));
    Some(Incident { subject: "stuck".into(), ..Incident::new(Condition::Blocked, [what, why, action]) })
}

fn failed(facts: &Facts, before: u64) -> Option<Incident> {
    let count = facts.status.ledger.failed.checked_sub(before).filter(|count| *count > 0)?;
    let texts = [
        format!("{} failed.", words::events(count)),
        "The destination refused them for good, or somebody set them aside. They are kept.".to_owned(),
        "`tributary log --state failed` shows why. Mend that, then `tributary resend`, or resend them in Live.".to_owned(),
    ];
    Some(Incident { count, ..Incident::new(Condition::Failed, texts) })
}

fn spool(alert: &Alert, facts: &Facts) -> Option<Incident> {
    let percent = facts.spool_percent();
    let is_full = facts.status.intake == Intake::Full;
    if percent < u64::from(alert.spool_percent) && !is_full {
        return None;
    }
    let (what, why) = if is_full {
        (
            "The spool is full.".to_owned(),
            "Senders get 429 and retry for a while; then their SDKs drop events.",
        )
    } else {
        (
            format!("The spool is {percent} % full."),
            "When it is full, senders get 429 and retry for a while; then their SDKs drop events.",
        )
    };
    let action = "See why delivery is behind. Failed events take room too: resend or export them. If its disk has room, raise \
                  spool.max_bytes.";
    Some(Incident::new(Condition::Spool, [what, why.to_owned(), action.to_owned()]))
}

fn oldest(alert: &Alert, facts: &Facts) -> Option<Incident> {
    // Switched off by the user: events wait on purpose.
    if facts.status.forwarder == ForwarderState::Disabled {
        return None;
    }
    let age = facts.oldest_ms()?;
    if age < Millis::try_from(alert.oldest_minutes).unwrap_or(Millis::MAX).saturating_mul(MINUTE_MS) {
        return None;
    }
    let what = format!("The oldest event has waited for {}.", words::duration(age));
    let (why, action) = match facts.status.forwarder.fault() {
        Some(fault) => {
            let remedy = remedy::remedy(fault, facts.config);
            (format!("{} {}", remedy.what, remedy.why), remedy.action)
        }
        None => match &facts.status.bound {
            Some(bound) => {
                let [what, action] = remedy::bound(bound, facts.config);
                (what, action)
            }
            None => (
                "Delivery is behind.".to_owned(),
                "`tributary log --summary` says what limits it; so does the window.".to_owned(),
            ),
        },
    };
    Some(Incident::new(Condition::Oldest, [what, why, action]))
}

fn silent(alert: &Alert, facts: &Facts) -> Vec<Incident> {
    let after = Millis::try_from(alert.silent_minutes).unwrap_or(Millis::MAX).saturating_mul(MINUTE_MS);
    let seen = &facts.status.sources;
    let named = facts.config.capture.sources.iter().filter(|source| {
        let is_seen = || seen.iter().any(|seen| *seen.name == *source.name);
        if alert.silent_sources.is_empty() { is_seen() } else { alert.silent_sources.contains(&source.name) }
    });
    named
        .filter_map(|source| {
            let last = seen.iter().find(|seen| *seen.name == *source.name).map(|seen| seen.last_seen);
            let silent_ms = facts.now - last.unwrap_or(facts.started_at);
            (silent_ms >= after).then(|| {
                let duration = words::duration(silent_ms);
                let what = match last {
                    Some(_) => format!("The source {:?} has sent nothing for {duration}.", source.name),
                    None => format!("The source {:?} has sent nothing since the start, {duration} ago.", source.name),
                };
                let texts = [
                    what,
                    "It is switched off, cannot reach the endpoint, or has nothing to send.".to_owned(),
                    "Look at the sender and at the way from it to the endpoint: certificate, proxy, write key. Requests with an \
                     unknown key are listed in Sources."
                        .to_owned(),
                ];
                Incident { subject: source.name.as_str().into(), ..Incident::new(Condition::Silent, texts) }
            })
        })
        .collect()
}

fn disk(facts: &Facts) -> Option<Incident> {
    let texts = match &facts.status.intake {
        Intake::Failing(error) => [
            "The spool cannot be written.".to_owned(),
            format!("Senders get 503 and retry for a while; accepted events are safe. The disk says: {error}."),
            "Check the disk of the data folder, its free space and its permissions. Tributary tries again by itself.".to_owned(),
        ],
        Intake::DiskFull => [
            "The disk of the spool has too little free space.".to_owned(),
            "Less than spool.min_free_bytes is free. Senders get 429 and retry for a while; then their SDKs drop events."
                .to_owned(),
            "Make room on that disk, or lower spool.min_free_bytes.".to_owned(),
        ],
        Intake::Starting | Intake::Ready | Intake::Full | Intake::Stopping => return None,
    };
    Some(Incident::new(Condition::Disk, texts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Config, Source},
        delivery::{AwsError, Ledger, SourceSeen, Status},
    };

    const NOW: Millis = 100 * 60 * MINUTE_MS;

    fn found(alert: &Alert, status: &Status, config: &Config) -> Vec<(&'static str, String)> {
        let facts = Facts { status, config, seconds_left: None, started_at: 0, now: NOW };
        let incidents = present(alert, &facts, 2);
        incidents.into_iter().map(|one| (one.condition.as_str(), one.what)).collect()
    }

    fn config() -> Config {
        let mut config = Config::default();
        config.spool.max_bytes = 1000;
        config.capture.sources = vec![Source::new("Website", "w"), Source::new("App", "a")];
        config
    }

    #[test]
    fn nothing_is_wrong_with_an_engine_that_delivers() {
        let mut status = Status {
            ledger: Ledger { failed: 2, queued: 5, queued_bytes: 799, ..Ledger::default() },
            ..Status::default()
        };
        status.oldest_queued_at = Some(NOW - 15 * MINUTE_MS + 1);
        status.intake = Intake::Ready;
        assert_eq!(found(&Alert::default(), &status, &config()), []);
    }

    #[test]
    fn each_condition_is_told_from_its_limit_on_and_only_if_it_is_asked_for() {
        let seen = |name: &str, last_seen| SourceSeen {
            name: name.into(),
            last_seen,
            accepted: 1,
            rejected: 0,
            per_sec: 0.0,
            library: None,
            share_full_at: None,
        };
        let fault = AwsError::new("AccessDeniedException", "no");
        let status = Status {
            ledger: Ledger { failed: 3, queued: 5, queued_bytes: 800, ..Ledger::default() },
            oldest_queued_at: Some(NOW - 15 * MINUTE_MS),
            forwarder: ForwarderState::Blocked { fault, next_try: 0 },
            intake: Intake::Failing("Input/output error".into()),
            sources: vec![seen("Website", NOW - 60 * MINUTE_MS)],
            ..Status::default()
        };
        let mut alert = Alert::default();
        let all = found(&alert, &status, &config());
        let words: Vec<_> = all.iter().map(|(word, _)| *word).collect();
        assert_eq!(words, ["blocked", "failed", "spool", "oldest", "silent", "disk"]);
        assert_eq!(all[1].1, "1 event failed.");
        assert_eq!(all[3].1, "The oldest event has waited for 15 min.");
        assert_eq!(all[4].1, "The source \"Website\" has sent nothing for 1 h.");
        alert.on = vec![Condition::Silent];
        alert.silent_sources = vec!["App".to_owned()];
        let told = found(&alert, &status, &config());
        assert_eq!(
            told,
            [("silent", "The source \"App\" has sent nothing since the start, 4 days 4 h ago.".to_owned())]
        );
    }

    #[test]
    fn events_that_wait_because_the_user_switched_delivery_off_are_nothing_to_tell() {
        let mut status = Status {
            ledger: Ledger { queued: 1, ..Ledger::default() },
            oldest_queued_at: Some(0),
            intake: Intake::Ready,
            ..Status::default()
        };
        assert_eq!(found(&Alert::default(), &status, &config()).len(), 1);
        status.forwarder = ForwarderState::Disabled;
        assert_eq!(found(&Alert::default(), &status, &config()), []);
    }
}

//! The words of one notification, and their shapes: Tributary's JSON, Slack's, and a mail.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{facts::Facts, tracker::Change, words};
use crate::{
    config::{Alert, DestinationKind},
    delivery::Millis,
};

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// An incident has begun, or has got worse.
    Firing,
    /// It is over.
    Resolved,
    /// Somebody tests the way.
    Test,
}

/// One notification. Serialised it is the JSON of webhooks and commands: fields are added, never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The version of this JSON.
    version: u8,
    /// The name of the alert in the settings.
    pub alert: String,
    /// What it is about.
    pub state: State,
    /// The word of the condition; empty in a test.
    condition: String,
    /// The source, if it is about one; else empty.
    subject: String,
    /// The same text in all notifications of one incident, so that a receiver can put them together.
    pub incident: String,
    /// This machine.
    host: String,
    /// When the incident began, in RFC 3339.
    since: String,
    /// When the notification was written, in RFC 3339.
    at: String,
    /// What happened: one sentence.
    pub what: String,
    /// Why, and what it means; empty if it is over.
    why: String,
    /// What to do now; empty if it is over.
    action: String,
    /// Events in the spool that are not delivered yet.
    queued: u64,
    /// Events that failed.
    failed: u64,
    /// The age of the oldest queued event; `null`: none is queued.
    oldest_seconds: Option<i64>,
    /// Percent of `spool.max_bytes` in use.
    spool_percent: u64,
    /// Seconds until no more events are accepted if the queue goes on growing as in the last minute; `null`: it does not grow.
    spool_full_in_seconds: Option<i64>,
    /// Free bytes of the spool's disk, if they are known.
    disk_free_bytes: Option<u64>,
    /// Stream and region, or `practice stream`.
    destination: String,
}

impl Notification {
    /// What this alert is to tell of a change. `host`: the name of this machine.
    pub fn of(change: Change, alert: &Alert, facts: &Facts, host: &str) -> Self {
        let base = Self::base(alert, facts, host);
        match change {
            Change::Began { since, incident } => Self {
                state: State::Firing,
                condition: incident.condition.as_str().to_owned(),
                subject: incident.subject.to_string(),
                incident: incident_id(incident.condition.as_str(), &incident.subject, since),
                since: words::moment(since),
                what: incident.what,
                why: incident.why,
                action: incident.action,
                ..base
            },
            Change::Ended { since, condition, subject, what } => Self {
                state: State::Resolved,
                condition: condition.as_str().to_owned(),
                subject: subject.to_string(),
                incident: incident_id(condition.as_str(), &subject, since),
                since: words::moment(since),
                what,
                ..base
            },
        }
    }

    /// A test of the way.
    pub fn test(alert: &Alert, facts: &Facts, host: &str) -> Self {
        Self {
            what: "This is a test.".to_owned(),
            why: format!("Somebody tests the alert {:?} of Tributary.", alert.name),
            action: "Nothing to do: alerts reach you.".to_owned(),
            ..Self::base(alert, facts, host)
        }
    }

    fn base(alert: &Alert, facts: &Facts, host: &str) -> Self {
        let ledger = &facts.status.ledger;
        let destination = &facts.config.destination;
        #[expect(clippy::cast_possible_truncation, reason = "a rounded number of seconds; `as` saturates")]
        let spool_full_in_seconds = facts.seconds_left.map(|seconds| seconds.round() as i64);
        Self {
            version: 1,
            alert: alert.name.clone(),
            state: State::Test,
            condition: String::new(),
            subject: String::new(),
            incident: incident_id("test", "", facts.now),
            host: host.to_owned(),
            since: words::moment(facts.now),
            at: words::moment(facts.now),
            what: String::new(),
            why: String::new(),
            action: String::new(),
            queued: ledger.queued,
            failed: ledger.failed,
            oldest_seconds: facts.oldest_ms().map(|ms| ms / 1000),
            spool_percent: facts.spool_percent(),
            spool_full_in_seconds,
            disk_free_bytes: facts.status.disk_free,
            destination: match destination.kind {
                DestinationKind::Practice => "practice stream".to_owned(),
                DestinationKind::Kinesis => format!("{} in {}", destination.stream, destination.region),
            },
        }
    }

    /// One line: the subject of a mail.
    pub fn title(&self) -> String {
        let over = match self.state {
            State::Firing => "",
            State::Resolved => "Over: ",
            State::Test => "Test: ",
        };
        let title = format!("[Tributary on {}] {over}{}", self.host, self.what.trim_end_matches('.'));
        // An error's answer may have line breaks; a header must not.
        title.replace(|c: char| c.is_control(), " ")
    }

    /// The body of a mail.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match self.state {
            State::Firing | State::Test => {
                writeln!(text, "{}\n\nWhy: {}\n\nWhat to do: {}", self.what, self.why, self.action)
            }
            State::Resolved => {
                writeln!(text, "This is over, after it began at {}:\n{}", self.since, self.what)
            }
        }
        .expect("a String takes all text");
        format!(
            "{text}\n{}\n\nDestination: {}\nHost: {}\nAlert: {}\n",
            self.figures(),
            self.destination,
            self.host,
            self.alert
        )
    }

    /// How many events wait, and how long there is room.
    fn figures(&self) -> String {
        let oldest =
            self.oldest_seconds.map(|age| format!(", the oldest for {}", words::duration(age * 1000)));
        let wait = if self.queued == 1 { "waits" } else { "wait" };
        let room = match self.spool_full_in_seconds {
            Some(seconds) => {
                format!("at the present rate it is full in {}", words::duration(seconds.saturating_mul(1000)))
            }
            None => "it does not grow".to_owned(),
        };
        format!(
            "{} {wait} on disk{}; {} failed. The spool is {} % full; {room}.",
            words::events(self.queued),
            oldest.unwrap_or_default(),
            self.failed,
            self.spool_percent
        )
    }

    /// The JSON of webhooks and commands.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("plain data has no keys but text")
    }

    /// The JSON of Slack's incoming webhooks, with its marks: <https://docs.slack.dev/messaging/formatting-message-text>.
    pub fn slack(&self) -> String {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let mut lines = vec![format!("*{}*", escaped(&self.title()))];
        if self.state != State::Resolved {
            lines.push(escaped(&self.why));
            lines.push(format!("*What to do:* {}", escaped(&self.action)));
        }
        lines.push(format!("{} Destination: {}.", escaped(&self.figures()), escaped(&self.destination)));
        json!({ "text": lines.join("\n") }).to_string()
    }
}

/// Condition, subject and the moment at which it began.
fn incident_id(condition: &str, subject: &str, since: Millis) -> String {
    let subject = if subject.is_empty() { String::new() } else { format!("{subject}-") };
    format!("{condition}-{subject}{since}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::incident::Incident,
        config::{Condition, Config},
        delivery::{Ledger, Status},
    };

    const NOW: Millis = 1_772_445_600_000;

    fn notifications() -> [Notification; 3] {
        let status = Status {
            ledger: Ledger { queued: 1, failed: 2, queued_bytes: 900, ..Ledger::default() },
            oldest_queued_at: Some(NOW - 900_000),
            ..Status::default()
        };
        let mut config = Config::default();
        config.spool.max_bytes = 1000;
        let facts =
            Facts { status: &status, config: &config, seconds_left: Some(7500.4), started_at: 0, now: NOW };
        let alert = Alert { name: "On call".to_owned(), ..Alert::default() };
        let incident = Incident {
            condition: Condition::Silent,
            subject: "Website".into(),
            count: 0,
            what: "The source \"Website\" has sent nothing for 1 h.".to_owned(),
            why: "Because <b>.".to_owned(),
            action: "Look & see.".to_owned(),
        };
        let (since, what) = (NOW - 60_000, incident.what.clone());
        let ended = Change::Ended { since, condition: Condition::Silent, subject: "Website".into(), what };
        [
            Notification::of(Change::Began { since, incident }, &alert, &facts, "host-1"),
            Notification::of(ended, &alert, &facts, "host-1"),
            Notification::test(&alert, &facts, "host-1"),
        ]
    }

    #[test]
    fn the_json_has_the_remedy_how_many_events_wait_and_how_long_there_is_room() {
        let [began, ended, test] = notifications();
        let told: serde_json::Value = serde_json::from_str(&began.json()).expect("JSON");
        assert_eq!(
            told,
            json!({
                "version": 1, "alert": "On call", "state": "firing", "condition": "silent", "subject": "Website",
                "incident": format!("silent-Website-{}", NOW - 60_000), "host": "host-1",
                "since": "2026-03-02T09:59:00Z", "at": "2026-03-02T10:00:00Z",
                "what": "The source \"Website\" has sent nothing for 1 h.", "why": "Because <b>.", "action": "Look & see.",
                "queued": 1, "failed": 2, "oldestSeconds": 900, "spoolPercent": 90, "spoolFullInSeconds": 7500,
                "diskFreeBytes": null, "destination": "practice stream",
            })
        );
        assert_eq!(began.incident, ended.incident);
        assert_eq!((ended.state, test.state), (State::Resolved, State::Test));
    }

    #[test]
    fn slack_shows_text_of_senders_as_text() {
        let [began, ended, _] = notifications();
        let text = |one: &Notification| {
            let told: serde_json::Value = serde_json::from_str(&one.slack()).expect("JSON");
            told["text"].as_str().expect("a text").to_owned()
        };
        assert_eq!(
            text(&began),
            "*[Tributary on host-1] The source \"Website\" has sent nothing for 1 h*\nBecause &lt;b&gt;.\n*What to do:* Look \
             &amp; see.\n1 event waits on disk, the oldest for 15 min; 2 failed. The spool is 90 % full; at the present rate it \
             is full in 2 h 5 min. Destination: practice stream."
        );
        assert!(text(&ended).starts_with("*[Tributary on host-1] Over: The source"), "{}", text(&ended));
        assert!(!text(&ended).contains("What to do"));
    }

    #[test]
    fn a_title_is_one_line() {
        let [mut began, ..] = notifications();
        began.what = "One\r\nBcc: two.".to_owned();
        assert_eq!(began.title(), "[Tributary on host-1] One  Bcc: two");
    }
}

//! What is wrong with a stage: found in the status, and put into a few words for its box. Pure.

use std::sync::Arc;

use super::stage::Stage;
use crate::{
    app::{alerts, practice_faults_card, seen::Seen, status_line, widgets, widgets::Tone},
    delivery::{AwsError, Bound, ForwarderState, Intake, Millis, Stuck},
    remedy,
};

/// What the drawer explains.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The forwarder is throttled, blocked or offline. `next_try`: when it tries again.
    Fault {
        fault: AwsError,
        next_try: Option<Millis>,
    },
    /// The user has switched delivery off.
    Disabled,
    Stuck(Stuck),
    Bound(Bound),
    PracticeFaults(Vec<&'static str>),
    /// A part of the program stopped, or a setting could not be applied.
    Problem(Arc<str>),
    /// The stream's reader cannot decode what is put, and why.
    Unreadable(Arc<str>),
    SpoolFull,
    SpoolNearlyFull,
    DiskFull,
    DiskFails(Arc<str>),
}

/// Something wrong with a stage.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub stage: Stage,
    pub tone: Tone,
    /// The title of the stage's box, longest first; none: the stage's own.
    pub titles: Vec<String>,
    /// Value and addition in the stage's box, longest first. None: the box shows what it shows without trouble.
    pub words: Vec<(String, String)>,
    /// One line that says what happened.
    pub what: String,
    pub kind: Kind,
}

impl Trouble {
    fn new(stage: Stage, tone: Tone, what: impl Into<String>, kind: Kind) -> Self {
        Self { stage, tone, titles: Vec::new(), words: Vec::new(), what: what.into(), kind }
    }

    fn with_words<const N: usize>(self, words: [(&str, &str); N]) -> Self {
        let words = words.iter().map(|(value, more)| ((*value).to_owned(), (*more).to_owned()));
        Self { words: words.collect(), ..self }
    }

    /// Whether nothing goes on until the user acts.
    pub(super) fn needs_user(&self) -> bool {
        match &self.kind {
            Kind::Fault { .. } => self.tone == Tone::Bad,
            Kind::Stuck(_) | Kind::Problem(_) | Kind::SpoolFull | Kind::DiskFull | Kind::DiskFails(_) => true,
            Kind::Disabled
            | Kind::Bound(_)
            | Kind::PracticeFaults(_)
            | Kind::Unreadable(_)
            | Kind::SpoolNearlyFull => false,
        }
    }

    /// Tells one trouble from another one, whatever its figures are.
    pub(super) fn key(&self) -> (&'static str, Arc<str>) {
        match &self.kind {
            Kind::Fault { fault, .. } => (Self::FAULT, Arc::clone(&fault.code)),
            Kind::Stuck(stuck) => ("stuck", Arc::clone(&stuck.fault.code)),
            Kind::Problem(text) => ("problem", Arc::clone(text)),
            Kind::Disabled => ("disabled", "".into()),
            Kind::Bound(_) => ("bound", "".into()),
            Kind::PracticeFaults(_) => ("practice faults", "".into()),
            Kind::Unreadable(text) => ("unreadable", Arc::clone(text)),
            Kind::SpoolFull => ("spool full", "".into()),
            Kind::SpoolNearlyFull => ("spool nearly full", "".into()),
            Kind::DiskFull => ("disk full", "".into()),
            Kind::DiskFails(_) => ("disk fails", "".into()),
        }
    }

    /// The kind in the key of a fault of the forwarder.
    pub(super) const FAULT: &'static str = "fault";
}

/// Everything that is wrong, the most urgent of each stage first.
pub(super) fn all(seen: &Seen<'_>) -> Vec<Trouble> {
    let mut all = Vec::new();
    all.extend(intake(seen));
    for problem in &seen.status.problems {
        let what = "Tributary needs attention";
        let kind = Kind::Problem(Arc::clone(problem));
        all.push(
            Trouble::new(Stage::Endpoint, Tone::Bad, what, kind)
                .with_words([("Needs attention", ""), ("Problem", "")]),
        );
    }
    all.extend(nearly_full(seen));
    if let Some(bound) = &seen.status.bound {
        all.push(Trouble::new(Stage::Spool, Tone::Note, "The queue grows", Kind::Bound(bound.clone())));
    }
    all.extend(forwarder(seen));
    if let Some(stuck) = &seen.status.stuck {
        let refused = format!("{} refused", widgets::digits(stuck.refused));
        let behind = if stuck.behind > 0 {
            format!("{} behind", widgets::digits(stuck.behind))
        } else {
            String::new()
        };
        let kind = Kind::Stuck(stuck.clone());
        all.push(
            Trouble::new(Stage::Forwarder, Tone::Attention, "An event is refused", kind)
                .with_words([(&refused, &behind), (&refused, "")]),
        );
    }
    all.extend(unreadable(seen));
    let faults = seen.practice_faults();
    if !faults.is_empty() {
        let count = if let [fault] = *faults { fault.to_owned() } else { format!("{} faults", faults.len()) };
        let kind = Kind::PracticeFaults(faults);
        all.push(
            Trouble::new(Stage::Destination, Tone::Attention, "Practice faults are on", kind)
                .with_words([("Faults on", &count), ("Faults on", "")]),
        );
    }
    all
}

fn unreadable(seen: &Seen<'_>) -> Option<Trouble> {
    let why = remedy::unreadable(seen.config, seen.status.channels)?;
    let what = "A reader cannot decode the records";
    let trouble = Trouble::new(Stage::Destination, Tone::Attention, what, Kind::Unreadable(why.into()));
    Some(trouble.with_words([("Reader mismatch", ""), ("Mismatch", "")]))
}

fn intake(seen: &Seen<'_>) -> Option<Trouble> {
    let (what, kind, words) = match &seen.status.intake {
        Intake::Full => ("No room for more events", Kind::SpoolFull, ("Full", "senders get 429")),
        Intake::DiskFull => {
            ("Too little free space on the disk", Kind::DiskFull, ("Low disk space", "senders get 429"))
        }
        Intake::Failing(error) => {
            let words = ("Disk fails", "senders get 503");
            ("The spool cannot be written", Kind::DiskFails(Arc::clone(error)), words)
        }
        Intake::Starting | Intake::Ready | Intake::Stopping => return None,
    };
    Some(Trouble::new(Stage::Endpoint, Tone::Bad, what, kind).with_words([words, (words.0, "")]))
}

fn nearly_full(seen: &Seen<'_>) -> Option<Trouble> {
    let used = alerts::spool_percent(seen.status, seen.config);
    if used < alerts::SPOOL_HIGH {
        return None;
    }
    let (what, value) = (format!("The spool is {used} % full"), format!("{used} % full"));
    let waiting = format!("{} waiting", widgets::digits(seen.status.ledger.queued));
    let trouble = Trouble::new(Stage::Spool, Tone::Attention, what, Kind::SpoolNearlyFull);
    Some(trouble.with_words([(&value, &waiting), (&value, "")]))
}

fn forwarder(seen: &Seen<'_>) -> Option<Trouble> {
    let state = &seen.status.forwarder;
    let (tone, fault, next_try) = match state {
        ForwarderState::Running | ForwarderState::Draining => return None,
        ForwarderState::Disabled => {
            let what = "Delivery is switched off";
            return Some(Trouble::new(Stage::Forwarder, Tone::Note, what, Kind::Disabled));
        }
        ForwarderState::Throttled(fault) => (Tone::Attention, fault, None),
        ForwarderState::Blocked { fault, next_try } => (Tone::Bad, fault, Some(*next_try)),
        ForwarderState::Offline { fault, next_try } => (Tone::Attention, fault, Some(*next_try)),
    };
    let label = remedy::label(fault);
    let what = remedy::remedy(fault, seen.config).what;
    let kind = Kind::Fault { fault: fault.clone(), next_try };
    let mut trouble = Trouble::new(Stage::Forwarder, tone, what, kind);
    trouble.titles = vec![
        format!("{} {}", Stage::Forwarder.title(), state.as_str()),
        status_line::forwarder_word(state).to_owned(),
    ];
    Some(match next_try {
        None => {
            let rate = format!("{}/s", widgets::rate(status_line::latest(&seen.status.delivered_per_sec)));
            trouble.with_words([(label, &rate), (label, "")])
        }
        // Without an event that waits, it does not try by itself.
        Some(_) if seen.status.ledger.queued == 0 => trouble.with_words([(label, "")]),
        Some(next_try) => {
            let seconds = seconds_to(next_try, seen.now);
            let (long, short) = if seconds > 0 {
                (format!("next try {seconds} s"), format!("retry {seconds} s"))
            } else {
                ("trying …".to_owned(), "…".to_owned())
            };
            trouble.with_words([(label, &long), (label, &short), (label, "")])
        }
    })
}

/// Seconds until then, rounded up; 0: it is due.
pub(super) fn seconds_to(then: Millis, now: Millis) -> Millis {
    ((then - now).max(0) + 999) / 1000
}

/// The text below the title, for a trouble that is no fault of the destination.
pub(super) fn text(trouble: &Trouble, seen: &Seen<'_>) -> String {
    match &trouble.kind {
        Kind::Fault { .. } => String::new(),
        Kind::Disabled => "Events are accepted and wait in the spool. None is lost.".to_owned(),
        Kind::Stuck(stuck) => remedy::stuck(stuck).join(" "),
        Kind::Bound(bound) => remedy::bound(bound, seen.config).join(" "),
        Kind::PracticeFaults(names) => practice_faults_card::text(names),
        Kind::Problem(text) | Kind::Unreadable(text) => text.to_string(),
        Kind::SpoolFull => {
            let go_on = if seen.status.ledger.queued > 0 {
                "It accepts events again once some are delivered, or when you raise the spool size limit."
            } else {
                "Failed events fill it: fix the cause and resend them in Live, or raise the spool size limit."
            };
            format!("The spool is full. Senders get a 429 response and retry; no accepted event is lost. {go_on}")
        }
        Kind::SpoolNearlyFull => "When it is full, senders get a 429 response and retry; no accepted event is lost. \
                                     Deliver what waits, resend or remove what failed, or raise the spool size limit."
            .to_owned(),
        Kind::DiskFull => disk_text(seen),
        Kind::DiskFails(error) => format!(
            "Senders get a 503 response and retry; no accepted event is lost. {}. Tributary tries again every second \
             and accepts events again by itself.",
            widgets::capital(error)
        ),
    }
}

/// Names the setting and both sizes, because even a disk with much free space may have less than the setting requires.
fn disk_text(seen: &Seen<'_>) -> String {
    let min_free = seen.config.spool.min_free_bytes;
    let dir = &seen.snapshot.fixed.data_dir;
    let why = match seen.status.disk_free {
        Some(free) if free < min_free => format!(
            "The disk has {} free, and {} must stay free (spool.min_free_bytes).",
            widgets::bytes(free),
            widgets::bytes(min_free)
        ),
        // A little more than the limit is wanted before events are accepted again, and more after a write found no room.
        Some(free) => format!(
            "The disk has {} free, which is not enough to accept events again (spool.min_free_bytes is {}).",
            widgets::bytes(free),
            widgets::bytes(min_free)
        ),
        None => "A write found no room on the disk.".to_owned(),
    };
    format!(
        "{why} Senders get a 429 response and retry; delivery continues, and no accepted event is lost. Free space on \
         the disk of {dir}, or lower the limit in Settings; then Tributary accepts events again by itself."
    )
}

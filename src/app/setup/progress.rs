//! How far each step of the guide is: its mark and its one-line result.

use super::{
    super::{seen::Seen, status_line, widgets},
    check::{Check, Finding, Said},
    draft_faults::DraftFaults,
    guide::Step,
    identity::{self, Identity},
    step::{Head, Mark},
};
use crate::{
    config::{Config, CredentialsSource, DestinationKind, Operation},
    delivery::{AwsError, ForwarderState},
    event::Aggregation,
    reader::{Fit, Judgement, Known, conflict, judge},
    remedy,
};

/// What is known about the draft.
pub(super) struct Progress<'a> {
    pub draft: &'a Config,
    pub identity: &'a Identity,
    pub check: &'a Check,
    /// The account of the keys, if it differs from the account in the form.
    pub other_account: Option<&'a str>,
    /// Why the typed format is not allowed.
    pub format_fault: Option<String>,
    pub faults: DraftFaults,
    /// What is known of the stream.
    pub known: Known,
}

/// The result of a step in one line, and what to do about it if something is wrong.
type Result = (Mark, String, Option<String>);

fn is_practice(config: &Config) -> bool {
    config.destination.kind == DestinationKind::Practice
}

/// The step that blocks delivery. Until it is solved, it is not known whether the other steps work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    At(Step),
    /// At no particular step.
    Elsewhere,
}

impl Progress<'_> {
    pub(super) fn head(&self, seen: &Seen<'_>, number: usize, step: Step) -> Head {
        let (mark, result, action) = match step {
            Step::Keys => self.keys(seen),
            Step::Stream => self.stream(seen),
            Step::Permission => self.permission(seen),
            Step::Format => self.format(),
            Step::Check => self.checked(seen),
        };
        Head { number, title: step.title(self.draft.destination.kind), mark, result, action }
    }

    fn trouble(&self, seen: &Seen<'_>) -> Option<Trouble> {
        if !identity::is_same_destination(self.draft, seen.config) {
            return None;
        }
        match &seen.status.forwarder {
            ForwarderState::Blocked { fault, .. } | ForwarderState::Offline { fault, .. } => {
                Some(Step::of_fault(fault, seen.config).map_or(Trouble::Elsewhere, Trouble::At))
            }
            ForwarderState::Disabled
            | ForwarderState::Running
            | ForwarderState::Throttled(_)
            | ForwarderState::Draining => None,
        }
    }

    /// The destination of the draft is in force and has taken an event.
    fn is_proven(&self, seen: &Seen<'_>) -> bool {
        seen.status.takes_records
            && self.trouble(seen).is_none()
            && seen.config.destination.kind == DestinationKind::Kinesis
            && identity::is_same_destination(self.draft, seen.config)
    }

    /// The fault that stops delivery at this step.
    fn blocked(&self, seen: &Seen<'_>, step: Step) -> Option<Result> {
        let fault =
            seen.status.forwarder.fault().filter(|_| self.trouble(seen) == Some(Trouble::At(step)))?;
        let remedy = remedy::remedy(fault, seen.config);
        Some((Mark::Attention, remedy.what, Some(remedy.action)))
    }

    fn failed(&self, fault: &AwsError) -> Result {
        let remedy = remedy::remedy_once(fault, self.draft);
        (Mark::Attention, remedy.what, Some(remedy.action))
    }

    fn keys(&self, seen: &Seen<'_>) -> Result {
        let said = self.check.said(self.draft, Step::Keys);
        if let Said::Failed(fault) = said {
            return self.failed(fault);
        }
        if let Some(blocked) = self.blocked(seen, Step::Keys) {
            return blocked;
        }
        if let Some(fault) = self.faults.of_credentials() {
            return (Mark::Attention, fault, None);
        }
        let caller = self.identity.caller(self.draft).or_else(|| self.check.caller(self.draft));
        if let Some(caller) = caller {
            return (Mark::Done, format!("{} in account {}", caller.arn, caller.account_id), None);
        }
        let credentials = &self.draft.credentials;
        let source = match credentials.source {
            CredentialsSource::Default => "AWS default chain".to_owned(),
            CredentialsSource::Profile => format!("Profile {}", credentials.profile),
            CredentialsSource::Keychain => "System keychain".to_owned(),
        };
        if let Some(fault) = self.identity.fault(self.draft).filter(|_| !self.is_proven(seen)) {
            return self.failed(fault);
        }
        let mark = match said {
            Said::Running => Mark::Running,
            _ if self.identity.is_waiting() => Mark::Running,
            Said::Passed(_) => Mark::Done,
            Said::Nothing | Said::Failed(_) if self.is_proven(seen) => Mark::Done,
            Said::Nothing | Said::Failed(_) => Mark::Open,
        };
        (mark, source, None)
    }

    fn stream(&self, seen: &Seen<'_>) -> Result {
        let said = self.check.said(self.draft, Step::Stream);
        if let Said::Failed(fault) = said {
            return self.failed(fault);
        }
        if let Some(blocked) = self.blocked(seen, Step::Stream) {
            return blocked;
        }
        let destination = &self.draft.destination;
        let faults = &self.faults;
        if let Some(fault) = [&faults.region, &faults.stream, &faults.account_id].into_iter().flatten().next()
        {
            return (Mark::Attention, widgets::capital(fault), None);
        }
        if destination.stream.is_empty() || destination.region.is_empty() {
            return (Mark::Open, "Region and name of the stream".to_owned(), None);
        }
        let name = status_line::destination(self.draft);
        if let Some(other) = self.other_account {
            let text = format!("{name}: the keys belong to the account {other}, the policy names another");
            return (Mark::Attention, text, None);
        }
        if faults.is_region_unknown {
            return (Mark::Attention, format!("{name}: Tributary does not know this region"), None);
        }
        match said {
            Said::Running => (Mark::Running, name, None),
            Said::Passed(found) if !found.is_empty() => (Mark::Done, format!("{name}: {found}"), None),
            Said::Passed(_) => (Mark::Done, name, None),
            Said::Nothing | Said::Failed(_) if self.is_proven(seen) => (Mark::Done, name, None),
            Said::Nothing | Said::Failed(_) => (Mark::Open, name, None),
        }
    }

    fn permission(&self, seen: &Seen<'_>) -> Result {
        let said = self.check.said(self.draft, Step::Permission);
        if let Said::Failed(fault) = said {
            return self.failed(fault);
        }
        if let Some(blocked) = self.blocked(seen, Step::Permission) {
            return blocked;
        }
        match said {
            Said::Running => (Mark::Running, "Being checked".to_owned(), None),
            Said::Passed(found) if !found.is_empty() => (Mark::Done, "Records can be put".to_owned(), None),
            _ if self.is_proven(seen) => (Mark::Done, "Records are being put".to_owned(), None),
            Said::Passed(_) => (Mark::Open, "Not tested: AWS throttled the dry run".to_owned(), None),
            Said::Nothing | Said::Failed(_) => {
                (Mark::Open, "The policy that lets the keys put records".to_owned(), None)
            }
        }
    }

    fn format(&self) -> Result {
        if let Said::Failed(fault) = self.check.said(self.draft, Step::Format) {
            return self.failed(fault);
        }
        if let Some(fault) = &self.format_fault {
            return (Mark::Attention, fault.clone(), None);
        }
        let destination = &self.draft.destination;
        if let Some(judgement) = conflict(self.known, destination.format()) {
            return (
                Mark::Attention,
                "The stream and the format do not fit".to_owned(),
                Some(judgement.why.to_owned()),
            );
        }
        let judged = destination.reader.map(|reader| (reader, judge(reader, destination.format())));
        if let Some((reader, Judgement { fit: Fit::CannotDecode, why })) = judged {
            let text = format!("{} cannot decode {}", reader.title(), destination.format().words());
            return (Mark::Attention, text, Some(why.to_owned()));
        }
        let operation = match destination.operation {
            Operation::PutRecord => "PutRecord",
            Operation::PutRecords => "PutRecords",
        };
        let records = match destination.aggregation {
            Aggregation::None => "one event per record",
            Aggregation::Kpl => "many events per record (kpl)",
            Aggregation::Lines => "many events per record (lines)",
        };
        let order = if destination.ordered { "in order per user" } else { "in any order" };
        // In front: the line is cut at its end.
        let reader =
            destination.reader.map_or_else(String::new, |reader| format!("For {}: ", reader.title()));
        let text = format!("{reader}{operation}, {}, {records}, {order}", destination.encoding.as_str());
        (Mark::Done, text, None)
    }

    fn checked(&self, seen: &Seen<'_>) -> Result {
        if self.check.is_running(self.draft) {
            return (Mark::Running, "Being checked".to_owned(), None);
        }
        match self.check.finding(self.draft) {
            // The check was good before delivery stopped.
            Finding::Good if self.trouble(seen).is_none() => {
                (Mark::Done, "No problem was found".to_owned(), None)
            }
            Finding::Good | Finding::Unknown => {
                let text = if is_practice(self.draft) {
                    "Whether the practice stream takes records"
                } else {
                    "Not checked with these settings"
                };
                (Mark::Open, text.to_owned(), None)
            }
            Finding::Bad => {
                let step = self.check.failed_at(self.draft).unwrap_or(Step::Check);
                let fault = match self.check.said(self.draft, step) {
                    Said::Failed(fault) => remedy::remedy_once(fault, self.draft).what,
                    Said::Nothing | Said::Running | Said::Passed(_) => "The check failed".to_owned(),
                };
                (Mark::Attention, fault, None)
            }
        }
    }
}

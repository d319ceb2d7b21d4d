//! A check under way: what it has learned, and how it reports.

use std::sync::Arc;

use crate::{
    config::Config,
    delivery::{AwsError, CheckFact, CheckKind, CheckStep, StreamFacts, Verdict},
    kinesis::retry::ClockOffset,
    remedy,
};

/// The name of the step that describes the stream.
pub(super) const STREAM: &str = "stream";
/// The name of the step that puts a record.
pub(super) const RECORD: &str = "record";

/// A step failed, and was reported.
pub(super) struct Failed;

/// What encrypts the stream's records.
pub(super) enum Encryption {
    /// The stream could not be described.
    Unknown,
    /// Nothing, or a key that needs no permission.
    NoKey,
    /// This customer-managed key.
    Key(Arc<str>),
}

/// A check under way.
pub(super) struct Run<'a> {
    pub(super) config: &'a Config,
    pub(super) kind: CheckKind,
    report: &'a mut (dyn FnMut(CheckStep) + Send),
    pub(super) clock: ClockOffset,
    is_clock_reported: bool,
    /// The server, if AWS's own settings name it and not ours. `None` once it has been reported.
    pub(super) server: Option<Arc<str>>,
    pub(super) encryption: Encryption,
    /// `None`: the stream could not be described.
    pub(super) facts: Option<StreamFacts>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        config: &'a Config,
        kind: CheckKind,
        report: &'a mut (dyn FnMut(CheckStep) + Send),
    ) -> Self {
        Self {
            config,
            kind,
            report,
            clock: ClockOffset::default(),
            is_clock_reported: false,
            server: None,
            encryption: Encryption::Unknown,
            facts: None,
        }
    }

    pub(super) fn passed(&mut self, name: &'static str, detail: impl Into<String>) {
        self.report(name, Verdict::Passed, detail.into(), None);
    }

    pub(super) fn found(&mut self, name: &'static str, detail: impl Into<String>, fact: CheckFact) {
        self.report(name, Verdict::Passed, detail.into(), Some(fact));
    }

    pub(super) fn skipped(&mut self, name: &'static str, detail: impl Into<String>) {
        self.report(name, Verdict::Skipped, detail.into(), None);
    }

    pub(super) fn failed(&mut self, name: &'static str, error: AwsError) -> Failed {
        let remedy = if name == RECORD {
            remedy::remedy_of_put(&error, self.config)
        } else {
            remedy::remedy_once(&error, self.config)
        };
        let detail = format!("{} {} {}", remedy.what, remedy.why, remedy.action);
        self.report(name, Verdict::Failed(error), detail, None);
        Failed
    }

    /// Reports a step. Adds the server and the clock's offset to the detail, each once, because they also concern the
    /// following steps.
    fn report(&mut self, name: &'static str, verdict: Verdict, mut detail: String, found: Option<CheckFact>) {
        if let (STREAM, Some(server)) = (name, self.server.take()) {
            detail = format!("Requests to Kinesis go to {server}. {detail}");
        }
        if let Some(seconds) = self.clock.0.filter(|_| !self.is_clock_reported) {
            self.is_clock_reported = true;
            detail = format!("{detail} {}", ClockOffset::advice(seconds));
        }
        (self.report)(CheckStep { name: name.into(), verdict, detail, found });
    }
}

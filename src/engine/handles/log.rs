//! The delivery log, and jobs over it.

use std::num::NonZeroU32;

use super::super::{
    answer::Answer,
    command::{Export, Immediate, LogRequest, Request},
    message::Reply,
    shared::Shared,
};
use crate::delivery::{
    CountRequest, Counts, Detail, EventId, Exported, LogPage, Query, ResendSelection, Resent,
    chart::{ChartSpan, Overview},
    query::{FieldValue, ValuesRequest},
};

/// The delivery log, and jobs over it.
pub struct Log<'a>(pub(crate) &'a Shared);

impl Log<'_> {
    /// A page of lines.
    pub fn page(&self, query: Query) -> Answer<Result<LogPage, String>> {
        self.0.read_log(LogRequest::Page(query), |reply| {
            if let Reply::Page(page) = reply { Some(page) } else { None }
        })
    }

    /// Counts of what a query finds, by state, over time. A part ends early if other requests wait.
    pub fn counts(&self, request: CountRequest) -> Answer<Result<Counts, String>> {
        self.0.read_log(LogRequest::Count(Box::new(request)), |reply| {
            if let Reply::Counts(counts) = reply { Some(counts) } else { None }
        })
    }

    /// Values of a field, to complete a search with.
    pub fn values(&self, request: ValuesRequest) -> Answer<Result<Vec<FieldValue>, String>> {
        self.0.read_log(LogRequest::Values(request), |reply| {
            if let Reply::Values(values) = reply { Some(values) } else { None }
        })
    }

    /// All that is known of one line; `None`: it was pruned.
    pub fn detail(&self, id: EventId) -> Answer<Result<Option<Detail>, String>> {
        self.0.read_log(LogRequest::Detail(id), |reply| {
            if let Reply::Detail(detail) = reply { Some(detail.map(|detail| *detail)) } else { None }
        })
    }

    /// The counts for the charts.
    pub fn overview(&self, span: ChartSpan) -> Answer<Result<Overview, String>> {
        self.0.read_log(LogRequest::Overview(span), |reply| {
            if let Reply::Overview(overview) = reply { Some(overview) } else { None }
        })
    }

    /// What a resend would queue. Reads the lines, not the events: damaged ones are counted as well.
    pub fn count_resend(&self, selection: ResendSelection) -> Answer<Result<Resent, String>> {
        self.0.request(Request::CountResend(selection), Reply::resent)
    }

    /// Queues failed events again, and delivered ones once more, at most `per_sec` per second. One resend at a time. The answer
    /// comes when it is done or was stopped; what was queued before an `Err` stays queued. Meanwhile
    /// [`Status::resending`](crate::delivery::Status::resending) is its progress.
    pub fn resend(
        &self,
        selection: ResendSelection,
        per_sec: Option<NonZeroU32>,
    ) -> Answer<Result<Resent, String>> {
        self.0.request(Request::Resend { selection, per_sec }, Reply::resent)
    }

    /// Stops the resend that is under way; what was queued stays queued.
    pub fn stop_resend(&self) {
        self.0.at_once(Immediate::StopResend);
    }

    /// Writes a part of the log to a file. One export at a time. The answer comes when it is done or was stopped; only a
    /// complete file stays. Meanwhile [`Status::exporting`](crate::delivery::Status::exporting) is its progress.
    pub fn export(&self, export: Export) -> Answer<Result<Exported, String>> {
        self.0.request(Request::Export(export), |reply| {
            if let Reply::Exported(exported) = reply { Some(exported) } else { None }
        })
    }

    /// Stops the export that is under way; its file is removed.
    pub fn stop_export(&self) {
        self.0.at_once(Immediate::StopExport);
    }
}

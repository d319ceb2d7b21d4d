//! The progress of a test run, as a face sees it.

use std::sync::Arc;

/// The progress of a test run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunView {
    /// How many events it is to send.
    pub events: u32,
    /// How many were accepted.
    pub accepted: u32,
    /// How many were rejected.
    pub rejected: u32,
    /// Why it waits, while it does.
    pub waits: Option<Arc<str>>,
    /// How it ended; `None` while it goes on.
    pub ended: Option<RunEnd>,
}

/// How a test run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All events were sent.
    Done,
    /// The user stopped it.
    Stopped,
    /// It could not go on, for this reason.
    Failed(Arc<str>),
}

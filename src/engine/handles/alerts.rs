//! Trying an alert.

use super::super::{answer::Answer, command::Request, message::Reply, shared::Shared};
use crate::config::Alert;

/// Alerts that leave the machine. What became of them is in [`Status::alerts`](crate::delivery::Status::alerts).
pub struct Alerts<'a>(pub(crate) &'a Shared);

impl Alerts<'_> {
    /// Sends a test notification of this alert, which need not be saved. `Err` says why it was not taken.
    pub fn test(&self, alert: Alert) -> Answer<Result<(), String>> {
        self.0.request(Request::TestAlert(Box::new(alert)), Reply::done)
    }
}

//! What became of the alerts that leave the machine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::line::Millis;

/// One `[[alerts]]` of the settings, as of now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertReport {
    /// Its name.
    pub name: Arc<str>,
    /// What it has told and what is not over: words of conditions, such as `blocked`.
    pub open: Vec<Arc<str>>,
    /// Notifications that it has sent since the start.
    pub sent: u64,
    /// Tries that failed since the start.
    pub failures: u64,
    /// Notifications that wait to be sent.
    pub waiting: u64,
    /// When it sent the last one, since the start.
    pub last_sent: Option<Millis>,
    /// Why the last try failed; `None`: it did not.
    pub error: Option<Arc<str>>,
}

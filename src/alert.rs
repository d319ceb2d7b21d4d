//! Alerts that leave the machine: what needs a person ([`present`]), when somebody is told of it and that it is over
//! ([`Tracker`]), and in which words ([`Notification`]). Pure: sending is the engine's (`engine/alerts`).
//!
//! Each `[[alerts]]` of the settings has a tracker of its own, and hears of an incident twice: when it has lasted for
//! `after_seconds`, and when it has been over for as long. Failed events are told again while more of them come, at most every
//! ten minutes. What was told is kept on disk, so that an engine that was restarted still tells that it is over.

mod facts;
mod incident;
mod notification;
mod tracker;
mod words;

pub use facts::Facts;
pub use incident::{Incident, present};
pub use notification::{Notification, State};
pub use tracker::{Change, Tracker};

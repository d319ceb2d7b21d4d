//! Events after they were accepted, as plain data that the engine's parts and both faces share: the answer to a put
//! ([`Outcome`]), a line of the delivery log ([`Delivery`]), the counts ([`Ledger`]) and the engine's state ([`Status`]).
//!
//! All of it can be serialised, so that a face may run on another machine. The types only read themselves: no clock, no
//! I/O, no colours, no texts for people.

mod account;
mod bound;
pub mod chart;
mod check;
pub mod error_code;
mod forwarder;
mod jobs;
mod ledger;
mod line;
mod outcome;
pub mod query;
mod record;
mod senders;
mod state;
mod status;
#[cfg(test)]
mod tests;

pub use account::{AwsIdentity, AwsProfiles, ListedStream, Profile, ProfileKind, SignInPage};
pub use bound::{Bound, Limit};
pub use check::{CheckFact, CheckKind, CheckStep, PUBLIC_STEPS, Verdict};
pub use forwarder::{ForwarderState, Slowness, StreamFacts, StreamReport, Stuck};
pub use jobs::{Exported, ResendSelection, Resent};
pub use ledger::{Ledger, Puts};
pub use line::{Attempt, Delivery, Detail, EventId, Millis};
pub use outcome::{AwsError, Outcome, PlaceInRecord, Receipt};
pub use query::{Field, LogPage, Measure, Pattern, Query};
pub use record::{ReadFrom, Record};
pub use senders::{SourceSeen, UnknownSender, WrongPath};
pub use state::State;
pub use status::{Intake, RATE_SECONDS, Status};

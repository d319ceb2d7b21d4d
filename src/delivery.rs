//! Events after they were accepted, as plain data that the engine's parts and both faces share: the answer to a put
//! ([`Outcome`]), a line of the delivery log ([`Delivery`]), the counts ([`Ledger`]) and the engine's state ([`Status`]).
//!
//! All of it can be serialised, so that a face may run on another machine. The types only read themselves: no clock, no
//! I/O, no colours, no texts for people.

mod account;
mod alert;
pub mod chart;
mod check;
mod counts;
pub mod error_code;
mod forwarder;
mod jobs;
mod line;
mod new_stream;
mod outcome;
pub mod query;
mod status;
mod stream;
#[cfg(test)]
mod tests;

pub use account::{
    AwsIdentity, AwsProfiles, DescribedStream, KeyOwner, ListedStream, OnDemandBilling, Profile, ProfileKind,
    SignInPage, StreamList,
};
pub use alert::AlertReport;
pub use check::{CheckFact, CheckKind, CheckStep, PUBLIC_STEPS, Verdict};
pub use counts::{CountRequest, Counts, StateCounts, TimeFrame};
pub use forwarder::{Bound, ForwarderState, Limit, Stuck};
pub use jobs::{Adopting, Exported, ResendSelection, Resent, Taken};
pub use line::{Attempt, Delivery, Detail, EventId, Millis, State};
pub use new_stream::{
    Capacity, NewStream, RECORD_KIB, RETENTION_HOURS, StreamTag, TAGS_MAX, TagFault, WARM_MIBPS_MAX,
};
pub use outcome::{AwsError, Outcome, PlaceInRecord, Receipt};
pub use query::{Field, LogPage, Measure, Pattern, Query};
pub use status::{
    InFlight, Intake, Ledger, Pushes, PutCalls, PutOutcome, Puts, RATE_SECONDS, SourceSeen, Status,
    UnknownSender, WrongPath,
};
pub use stream::{ReadFrom, Record, Slowness, StreamFacts, StreamReport};

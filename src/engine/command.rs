//! What a face asks of the engine, as plain data: nothing in it belongs to this process, so that it can also come from a
//! face on another machine. Replies travel beside it ([`super::message`]).
//!
//! | Type | What comes back | Carried out by |
//! | --- | --- | --- |
//! | [`Immediate`] | nothing | the caller's thread, before the call returns |
//! | [`Command`] | nothing | the supervisor, or a job |
//! | [`Apply`] | one reply | the supervisor |
//! | [`Request`], [`SignIn`](crate::remedy::SignIn) | one reply | a job |
//! | [`Check`] | steps, one by one | a job |
//! | [`LogRequest`] | one reply | the thread that reads the log |

use std::{fmt, num::NonZeroU32, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use super::lines::Format;
use crate::{
    config::{Config, Destination},
    delivery::{CheckKind, EventId, Query, ReadFrom, Receipt, ResendSelection, chart::ChartSpan},
    event::Kind,
    policy::IamCall,
    practice::Faults,
};

/// What only sets a value that others look at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Immediate {
    /// Let the forwarder try again now.
    RetryNow,
    StopResend,
    StopExport,
    /// Show only records that hold this text.
    FilterStream(String),
    SetFaults(Faults),
}

/// What nobody waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Command {
    /// Read the stream; ends the reading that is under way.
    ReadStream(ReadPlan),
    StopReading,
    /// Send a test event many times; stops the run that is under way.
    StartTestRun(TestRun),
    StopTestRun,
    DeletePracticeStream,
    CreatePracticeStream,
    NotifyDesktop(String),
    /// Keep what is typed in Set up and not applied.
    KeepDraft(String),
}

/// What is answered once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Request {
    SetAsideStuck,
    CountResend(ResendSelection),
    Resend {
        selection: ResendSelection,
        per_sec: Option<NonZeroU32>,
    },
    Export(Export),
    SendTest(TestEvent),
    Presets,
    SavePresets(Vec<Preset>),
    /// The record that a delivery names.
    ReadRecord(Receipt),
    AwsProfiles,
    AwsIdentity(Box<Config>),
    StoreKeys {
        destination: Box<Destination>,
        keys: AwsKeys,
    },
    ListStreams(Box<Config>),
    CreateStream(Box<Config>),
}

/// What reports step by step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Check {
    Destination {
        config: Box<Config>,
        kind: CheckKind,
    },
    PublicAddress,
    /// Make these calls of IAM, and undo them if one fails.
    Attach {
        config: Box<Config>,
        calls: Vec<IamCall>,
    },
}

/// What is read from the delivery log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum LogRequest {
    Page(Query),
    Detail(EventId),
    Overview(ChartSpan),
    /// The newest line with this message id after that line.
    Find {
        message_id: String,
        after: EventId,
    },
}

/// New settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Apply {
    pub(super) config: Box<Config>,
    /// Write them to the settings file first.
    pub(super) save: bool,
    pub(super) waiting: WaitingEvents,
}

/// What becomes of the events that wait when the destination changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitingEvents {
    /// They go to the destination that is in force when their turn comes.
    #[default]
    GoOn,
    /// They are kept as failed, with a code that says so, and can be resent.
    SetAside,
}

/// Whether new settings are in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Applied {
    /// All of them.
    InForce,
    /// All but what this text names, with the reason and what to do, such as an address in use. The text stays in
    /// [`Status::problems`](crate::delivery::Status::problems) until all are.
    NotAll(String),
}

/// A pair of AWS keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AwsKeys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKeys").finish_non_exhaustive()
    }
}

/// A test event to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TestEvent {
    pub(super) kind: Kind,
    /// A JSON object.
    pub(super) json: String,
    /// The index of the source whose write key is used.
    pub(super) source: usize,
}

/// A test event that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSent {
    /// The HTTP status of the endpoint's answer.
    pub status: u16,
    /// The body of the endpoint's answer.
    pub body: String,
    /// The event's `messageId`; empty if the endpoint refused it without one.
    pub message_id: String,
    /// The event's line in the log, if it was accepted (or rejected and logged).
    pub id: Option<EventId>,
}

/// Events of one test run.
pub const RUN_EVENTS_MAX: u32 = 100_000;
/// Events per second of one test run.
pub const RUN_PER_SEC_MAX: u32 = 5_000;
/// Users of one test run.
pub const RUN_USERS_MAX: u32 = 100_000;

/// One test event, sent many times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRun {
    /// The type of call.
    pub kind: Kind,
    /// The event, a JSON object.
    pub json: String,
    /// The index of the source whose write key is used.
    pub source: usize,
    /// How many times; at most [`RUN_EVENTS_MAX`].
    pub events: u32,
    /// How many per second, at most [`RUN_PER_SEC_MAX`]; `None`: as fast as they are accepted.
    pub per_sec: Option<u32>,
    /// Number of users, of which each event gets one at random (`test-user-1`, …); `None`: the user in `json`.
    pub users: Option<u32>,
}

/// Maximum number of saved test events.
pub const PRESETS_MAX: usize = 200;

/// A saved test event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preset {
    /// What the user calls it.
    pub name: String,
    /// The type of call.
    pub kind: Kind,
    /// The event, a JSON object.
    pub json: String,
}

/// Where reading the stream begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadPlan {
    /// The first record.
    pub from: ReadFrom,
    /// Only this shard; `None`: all of them.
    pub shard: Option<Arc<str>>,
}

/// Which part of the log is written to which file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// The absolute path of a file that does not exist, in a folder that does.
    pub path: PathBuf,
    /// How lines are written.
    pub format: Format,
    /// With each event's JSON.
    pub with_data: bool,
    /// Which lines; its order and limit do not count.
    pub query: Query,
}

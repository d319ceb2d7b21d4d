//! Messages inside the engine: the request of a face ([`super::command`]), with the channel for its reply.

use tokio::sync::{mpsc, oneshot};

use super::{
    command::{Applied, Apply, Check, Command, LogRequest, Preset, Request, TestSent},
    draft::Draft,
    face_state::FaceState,
};
use crate::{
    delivery::{
        AwsError, AwsProfiles, CheckStep, Counts, Delivery, DescribedStream, Detail, Exported, KeyOwner,
        LogPage, OnDemandBilling, Record, Resent, StreamList, chart::Overview, error_code, query::FieldValue,
    },
    remedy::SignIn,
};

/// A message to the supervisor.
pub(super) enum Message {
    Command(Command),
    Apply(Apply, ReplyTo),
    Request(Request, ReplyTo),
    SignIn(SignIn, ReplyTo),
    Check(Check, mpsc::Sender<CheckStep>),
}

impl Message {
    /// Whether it is carried out by a job.
    pub(super) fn starts_job(&self) -> bool {
        match self {
            Self::Command(command) => command.starts_job(),
            Self::Apply(..) => false,
            Self::Request(..) | Self::SignIn(..) | Self::Check(..) => true,
        }
    }
}

/// A message to the thread that reads the log.
pub(super) enum LogMessage {
    Request(LogRequest, ReplyTo),
    /// Write this file. This thread may block, and since it is the only writer, the newest state is written last.
    SaveFaceState(FaceState),
    SaveDraft(Draft),
}

/// Where the reply goes. A face that no longer waits for it is no error.
pub(super) type ReplyTo = oneshot::Sender<Outcome>;

/// The result of a request.
pub(super) type Outcome = Result<Reply, Failure>;

#[derive(Debug)]
pub(super) enum Reply {
    Done,
    Applied(Applied),
    /// The number of events that were set aside.
    SetAside(u64),
    Resent(Resent),
    Exported(Exported),
    TestSent(TestSent),
    Presets(Vec<Preset>),
    Record(Option<Record>),
    Profiles(AwsProfiles),
    KeyOwner(KeyOwner),
    Streams(StreamList),
    Stream(DescribedStream),
    OnDemandBilling(OnDemandBilling),
    Page(LogPage),
    Counts(Counts),
    Values(Vec<FieldValue>),
    Detail(Option<Box<Detail>>),
    Overview(Overview),
    Line(Option<Box<Delivery>>),
}

impl Reply {
    pub(super) fn done(self) -> Option<()> {
        matches!(self, Self::Done).then_some(())
    }

    pub(super) fn resent(self) -> Option<Resent> {
        if let Self::Resent(resent) = self { Some(resent) } else { None }
    }
}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum Failure {
    /// An error of AWS; [`crate::remedy`] explains it.
    Aws(AwsError),
    /// What happened and what to do, for the person who asked.
    Other(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(chain(&error))
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Aws(error) => error.to_string(),
            Failure::Other(text) => text,
        }
    }
}

impl From<Failure> for AwsError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Aws(error) => error,
            Failure::Other(text) => Self::new(error_code::INTERNAL_FAILURE, text),
        }
    }
}

/// The text of an error and of its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

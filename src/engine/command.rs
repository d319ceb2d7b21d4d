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
    config::{Alert, Config, Destination},
    delivery::{
        CheckKind, CountRequest, EventId, NewStream, Query, ReadFrom, Receipt, ResendSelection,
        chart::ChartSpan, query::ValuesRequest,
    },
    event::Kind,
    policy::Attachment,
    practice::Faults,
};

/// Requests that only set a value or a signal.
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

/// Requests without a reply.
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
}

impl Command {
    /// Whether it is carried out by a job.
    pub(super) fn starts_job(&self) -> bool {
        match self {
            Self::ReadStream(_) | Self::StartTestRun(_) | Self::NotifyDesktop(_) => true,
            Self::StopReading
            | Self::StopTestRun
            | Self::DeletePracticeStream
            | Self::CreatePracticeStream => false,
        }
    }
}

/// Requests with one reply.
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
    KeyOwner(Box<Config>),
    StoreKeys {
        destination: Box<Destination>,
        keys: AwsKeys,
    },
    ListStreams(Box<Config>),
    DescribeStream(Box<Config>),
    /// How the account pays for on-demand streams.
    OnDemandBilling(Box<Config>),
    /// Send a test notification of this alert, which need not be saved.
    TestAlert(Box<Alert>),
}

/// Requests that report their steps, one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Check {
    Destination {
        config: Box<Config>,
        kind: CheckKind,
    },
    PublicAddress,
    /// Create an IAM user, signed with the credentials of these settings; undo what was done if a call fails.
    Attach {
        config: Box<Config>,
        attachment: Attachment,
    },
    /// Create the stream of these settings, with their credentials.
    CreateStream {
        config: Box<Config>,
        stream: NewStream,
    },
}

/// Requests to the delivery log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum LogRequest {
    Page(Query),
    Count(Box<CountRequest>),
    Values(ValuesRequest),
    Detail(EventId),
    Overview(ChartSpan),
    /// Find the newest line with this message id that is newer than line `after`.
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

/// What happens to queued events when the destination changes.
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
    /// Milliseconds from the request to the end of its answer.
    pub took_ms: u32,
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
    /// Number of users (`test-user-1`, …). Each event gets one of them at random; `None`: the user in `json`.
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
    /// Which lines. The query's order and limit are ignored.
    pub query: Query,
}

#[cfg(test)]
mod tests {
    use std::{fmt::Debug, time::Duration};

    use serde::de::DeserializeOwned;

    use super::*;
    use crate::{
        config::{PublicUrl, Source},
        delivery::{Field, Measure, Pattern, PlaceInRecord, State},
        policy::Grants,
        remedy::{SignIn, SignInWith},
    };

    #[expect(clippy::needless_pass_by_value, reason = "each caller makes its own")]
    fn returns<T: Serialize + DeserializeOwned + PartialEq + Debug>(command: T) {
        let json = serde_json::to_string(&command).expect("it is data");
        let returned: T = serde_json::from_str(&json).expect(&json);
        assert_eq!(returned, command, "{json}");
    }

    /// Settings with a value in each kind of field.
    fn config() -> Box<Config> {
        let mut config = Config::default();
        "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks".clone_into(&mut config.destination.stream);
        config.capture.listen = ([0, 0, 0, 0, 0, 0, 0, 1], 8485).into();
        config.capture.public_url = PublicUrl::parse("https://events.example.com/in").ok();
        config.capture.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        config.capture.sources = vec![Source {
            name: "Website".to_owned(),
            write_key: "key".to_owned(),
            retiring_write_key: Some("old key".to_owned()),
        }];
        Box::new(config)
    }

    fn query() -> Query {
        Query {
            ids: vec![7],
            states: vec![State::Failed],
            kinds: vec![Kind::Track],
            fields: vec![(Field::Event, Pattern::exactly("Order Completed"))],
            since: Some(1_772_445_605_250),
            by: Some(Measure::Latency),
            limit: 100,
            ..Query::default()
        }
    }

    #[test]
    fn every_command_comes_back_from_json_as_it_was() {
        returns(Command::StopReading);
        let from = ReadFrom::Sequence("495".into());
        returns(Command::ReadStream(ReadPlan { from, shard: Some("shardId-000000000001".into()) }));
        let (kind, json) = (Kind::Page, "{\"n\":1.10}".to_owned());
        let (per_sec, users) = (Some(10), None);
        returns(Command::StartTestRun(TestRun { kind, json, source: 1, events: 3, per_sec, users }));
        returns(Command::StopTestRun);
        returns(Command::DeletePracticeStream);
        returns(Command::CreatePracticeStream);
        returns(Command::NotifyDesktop("3 events failed".to_owned()));
        returns(Immediate::RetryNow);
        returns(Immediate::StopResend);
        returns(Immediate::StopExport);
        returns(Immediate::FilterStream("ada".to_owned()));
        let faults = Faults { throttle: 0.5, delay: Duration::from_millis(1500), ..Faults::default() };
        returns(Immediate::SetFaults(faults));
    }

    #[test]
    fn every_request_comes_back_from_json_as_it_was() {
        returns(Apply { config: config(), save: true, waiting: WaitingEvents::SetAside });
        returns(Request::SetAsideStuck);
        returns(Request::CountResend(ResendSelection::Lines(vec![1, 2])));
        let selection = ResendSelection::Fitting(Box::new(query()));
        returns(Request::Resend { selection, per_sec: NonZeroU32::new(1000) });
        let (path, format) = (PathBuf::from("/home/ada/events.csv"), Format::RawCsv);
        returns(Request::Export(Export { path, format, with_data: true, query: query() }));
        let (kind, json) = (Kind::Page, "{\"n\":1.10}".to_owned());
        returns(Request::SendTest(TestEvent { kind, json: json.clone(), source: 0 }));
        returns(Request::Presets);
        returns(Request::SavePresets(vec![Preset { name: "Große".to_owned(), kind, json }]));
        let place = Some(PlaceInRecord { at: 2, of: 3 });
        let (shard_id, sequence_number) = ("shardId-000000000001".into(), "495".into());
        returns(Request::ReadRecord(Receipt { shard_id, sequence_number, place }));
        returns(Request::AwsProfiles);
        returns(Request::KeyOwner(config()));
        let keys = AwsKeys { access_key_id: "my id".to_owned(), secret_access_key: "my secret".to_owned() };
        assert!(!format!("{keys:?}").contains("my"), "no key is printed");
        returns(Request::StoreKeys { destination: Box::new(config().destination), keys });
        returns(Request::ListStreams(config()));
        returns(Request::DescribeStream(config()));
        returns(Request::OnDemandBilling(config()));
        returns(SignIn { profile: "work".to_owned(), with: SignInWith::Sso });
    }

    #[test]
    fn every_check_and_log_request_comes_back_from_json_as_it_was() {
        returns(Check::Destination { config: config(), kind: CheckKind::PutOne });
        returns(Check::PublicAddress);
        let attachment = Attachment { grants: Grants::default(), name: "t".to_owned(), access_key: true };
        returns(Check::Attach { config: config(), attachment });
        returns(Check::CreateStream { config: config(), stream: NewStream::default() });
        returns(LogRequest::Page(query()));
        returns(LogRequest::Count(Box::new(CountRequest { query: query(), ..CountRequest::default() })));
        returns(LogRequest::Values(ValuesRequest { field: Field::User, part: "a".to_owned() }));
        returns(LogRequest::Detail(7));
        returns(LogRequest::Overview(ChartSpan::Hour));
        returns(LogRequest::Find { message_id: "m".to_owned(), after: 7 });
    }
}

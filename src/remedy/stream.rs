//! What the destination says about the stream, about the request, or about a record that was read.

use std::time::Duration;

use super::{
    class::Class,
    context::{Audience, Context, EVENTS_KEPT},
    text::{Location, Remedy, capitalised},
};
use crate::{
    config::Config,
    delivery::Stuck,
    event::Encoding,
    reader::{Fit, Known, Reader, conflict, judge, recommended},
};

const CREATE_STREAM: &str = "https://docs.aws.amazon.com/streams/latest/dev/how-do-i-create-a-stream.html";
pub(super) const LARGE_RECORDS: &str = "https://docs.aws.amazon.com/streams/latest/dev/large-records.html";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    NotFound,
    /// The keys are of another account than the stream.
    OtherAccount,
    /// The stream spreads records by itself, and readers drop aggregated ones.
    AggregatesLost,
    /// The stream's reader, or one of its channels, cannot decode the records.
    ReaderCannotDecode,
    RecordRefused,
    RequestRefused,
    /// The server does not understand the request.
    Unreadable,
    /// A dry run would have put the record.
    DryRun,
    /// The shard iterator is too old.
    ReadPositionExpired,
    /// The stream has no such sequence number.
    ReadPositionRefused,
    /// A record was read back with other bytes than were put.
    RecordDiffers,
    RecordMissing,
}

impl Stream {
    pub(super) fn class(self, http_status: Option<u16>) -> Class {
        match self {
            Self::DryRun | Self::ReadPositionExpired | Self::RecordDiffers | Self::RecordMissing => {
                Class::Offline
            }
            Self::RecordRefused => Class::Refused,
            Self::Unreadable if http_status == Some(413) => Class::Refused,
            Self::NotFound
            | Self::OtherAccount
            | Self::AggregatesLost
            | Self::ReaderCannotDecode
            | Self::RequestRefused
            | Self::Unreadable
            | Self::ReadPositionRefused => Class::Blocked,
        }
    }

    pub(super) fn remedy(self, context: &Context) -> Remedy {
        let Context { stream, server, .. } = context;
        let kept = context.promise(EVENTS_KEPT);
        match self {
            Self::NotFound if !context.is_aws => Remedy::new(
                format!("{server} has no {}.", stream.trim_start_matches("the ")),
                format!("The name is spelled differently (upper and lower case count), or the stream is in another region than {}. Many emulators forget their streams when they are restarted.", context.named_region()),
                format!("Correct the name, or create the stream. {}", context.promise("Events are kept, and are sent as soon as it is there.")),
            )
            .at(Location::SetUpStream),
            Self::NotFound => Remedy::new(
                format!("{stream} does not exist for these AWS keys."),
                format!("The name is spelled differently (upper and lower case count), the stream is in another region than {}, or the keys belong to another AWS account. A stream that is still being created or being deleted looks the same.", context.named_region()),
                format!("Compare name, region and account with the AWS console, or create the stream. {}", context.promise("Events are kept, and are sent as soon as it is there.")),
            )
            .at(Location::SetUpStream)
            .see(CREATE_STREAM),
            Self::OtherAccount => Remedy::new(
                "These keys belong to a different account than the stream.",
                "Whatever they create is in their own account: a stream of the same name there, or a policy that allows nothing here.",
                "Use keys of the stream's account, or correct the account id under Stream.",
            )
            .at(Location::SetUpStream),
            Self::AggregatesLost => Remedy::new(
                format!("Readers would lose events that are aggregated in {stream}."),
                "The stream spreads records over its shards by itself (record distribution AUTO), wherever their hash key lies. AWS does not support aggregation there: the KCL drops an aggregated record that is not in the shard of its hash key, and says nothing. Tributary puts one event in each record there, as long as it may describe the stream (kinesis:DescribeStreamSummary).",
                "Set the stream's record distribution to USER_PARTITION_KEY in the Kinesis console, or choose the aggregation `none` (destination.aggregation).",
            )
            .at(Location::SetUpStream),
            Self::ReaderCannotDecode => cannot_decode(context.config, &context.stream),
            Self::RecordRefused => record_refused(context),
            Self::RequestRefused => Remedy::new(
                format!("{server} does not accept the request for {stream}."),
                format!("Most often the stream's name or ARN has a wrong form (letters, digits, `_`, `.`, `-`, at most 128), or the ARN belongs to another region than the one chosen. The error message has the answer of {server}."),
                format!("Check the stream and the region. {kept}"),
            )
            .at(Location::SetUpStream),
            Self::Unreadable => Remedy::new(
                format!("{server} does not understand the request."),
                "The server there does not seem to be Kinesis, or implements an older version of it.",
                format!("Check the endpoint URL: leave it empty for AWS. Another Kinesis-compatible server may need a newer version. {kept}"),
            )
            .at(Location::SetUpStream),
            Self::DryRun
            | Self::ReadPositionExpired
            | Self::ReadPositionRefused
            | Self::RecordDiffers
            | Self::RecordMissing => self.of_a_check(context),
        }
    }

    fn of_a_check(self, context: &Context) -> Remedy {
        let Context { stream, server, .. } = context;
        match self {
            Self::DryRun => Remedy::new(
                format!("The dry run succeeded: {stream} would take the record."),
                "A dry run checks the keys, the permission and the stream without writing. AWS reports its success this way.",
                "Nothing to do.",
            ),
            Self::ReadPositionExpired => Remedy::new(
                format!("The reading position in {stream} has expired."),
                "A shard iterator of AWS expires after five minutes.",
                "Nothing to do: reading starts again by itself. Delivery is not affected.",
            ),
            Self::ReadPositionRefused => Remedy::new(
                format!("Records of {stream} cannot be read from this sequence number on."),
                "The stream has no such record, or has it in another shard than the one being read. The error message has the details.",
                "Copy the whole number from a delivery in Live or from a record of this stream, and choose that record's shard; or start at another place.",
            ),
            Self::RecordDiffers => Remedy::new(
                format!("{stream} returned other bytes than were put."),
                format!(
                    "{server} changed the record, or another record has its sequence number. AWS does neither, so something between here and AWS may answer in its place."
                ),
                "Check the endpoint URL and any proxy. Look at the record with `tributary tail --raw`.",
            )
            .at(Location::SetUpStream),
            _ => Remedy::new(
                format!("The test record is not in {stream}, although {server} confirmed it."),
                "Most often it only takes longer than ten seconds to appear, on a very busy stream. If it stays missing, events delivered the same way may be missing too.",
                "Check again. If it goes on, look with `tributary tail` for the record with the key tributary-check.",
            )
            .at(Location::SetUpStream),
        }
    }
}

/// The reader of the settings cannot decode the records or, if it can, the stream's channels cannot.
fn cannot_decode(config: &Config, stream: &str) -> Remedy {
    let format = config.destination.format();
    let cannot = |reader: &Reader| judge(*reader, format).fit == Fit::CannotDecode;
    let (who, reader) = match config.destination.reader.filter(cannot) {
        Some(reader) => (format!("The reader of {stream} ({}) cannot", reader.title()), reader),
        None => (format!("The channels of {stream} cannot"), Reader::StreamingTable),
    };
    let fitting = recommended(reader);
    let settings = if fitting.aggregation == format.aggregation {
        format!("the encoding `{}` (destination.encoding)", fitting.encoding.as_str())
    } else {
        format!(
            "the encoding `{}` and the aggregation `{}` (destination.encoding, destination.aggregation)",
            fitting.encoding.as_str(),
            fitting.aggregation.as_str()
        )
    };
    Remedy::new(
        format!("{who} decode records of the format {}.", format.words()),
        judge(reader, format).why,
        format!(
            "Choose {settings}. Records can be put all the same, and what is in the stream stays as it is."
        ),
    )
    .at(Location::SetUpFormat)
}

/// Why a reader cannot decode what is put. `channels`: those of the stream. `None`: no such reader is known.
pub fn unreadable(config: &Config, channels: u32) -> Option<String> {
    let format = config.destination.format();
    let reader_fails =
        config.destination.reader.is_some_and(|reader| judge(reader, format).fit == Fit::CannotDecode);
    let known = Known { channels, spreads_keys: false };
    (reader_fails || conflict(known, format).is_some()).then(|| {
        let remedy = cannot_decode(config, &stream(config));
        format!("{} {} {}", remedy.what, remedy.why, remedy.action).replace('`', "")
    })
}

/// The event has failed. A resend helps only after the stream or the encoding was changed.
fn record_refused(context: &Context) -> Remedy {
    let is_base64 = context.config.destination.encoding == Encoding::Base64;
    let (third, or_json, location) = if is_base64 {
        let third = " Base64 makes a record a third larger.";
        (third, " or choose the encoding `json`", Location::SetUpFormat)
    } else {
        ("", "", Location::SetUpStream)
    };
    Remedy::new(
        format!("{} cannot take this event.", context.stream),
        format!("Its record is too large for the stream (1 MiB with its key, unless the stream allows up to 10 MiB), or its partition key is not one that Kinesis takes.{third}"),
        format!("The event is kept under Failed, and its user's later events go on. First raise the stream's maximum record size in the AWS console{or_json}. Then resend the event, in Live or with `tributary resend`."),
    )
    .at(location)
    .see(LARGE_RECORDS)
}

/// The stream takes long to answer. `answer`: how long a put takes; `waits`: how long Tributary waits for an answer.
pub fn slow(answer: Duration, waits: Duration, config: &Config) -> String {
    capitalised(format!(
        "{} takes {:.1} s to answer a put. Tributary waits up to {} s for an answer (at most a minute). Delivery is \
         slow, and records without an answer in time were put again: they may be in the stream twice. Check the network, \
         the proxy and the region: Kinesis normally answers within milliseconds.",
        stream(config),
        answer.as_secs_f32(),
        waits.as_secs()
    ))
}

/// The stream spreads records over its shards by itself, while order is wanted.
pub fn spread_keys(config: &Config) -> String {
    format!(
        "There is no order per user in {}: it spreads records over its shards by itself (record distribution \
         AUTO), whatever their partition keys, and consumers may see no partition key. Nothing is lost. Where the order \
         matters, set the stream's record distribution to USER_PARTITION_KEY in the Kinesis console; where it does not, \
         switch off “Keep the order per user” (destination.ordered = false), which is faster.",
        stream(config)
    )
}

fn stream(config: &Config) -> String {
    Context::of_settings(config, Audience::Forwarder).stream
}

/// The server of these settings without secrets, if it is not AWS.
pub fn other_server(config: &Config) -> Option<String> {
    let context = Context::of_settings(config, Audience::Forwarder);
    (!context.is_aws).then_some(context.server)
}

/// The destination refuses events while it takes others. The second sentence says what to do.
pub fn stuck(stuck: &Stuck) -> [String; 2] {
    let Stuck { refused, behind, has_more, event, fault } = stuck;
    let (events, are, them) = if *refused == 1 { ("event", "is", "it") } else { ("events", "are", "them") };
    let at_least = if *has_more { "at least " } else { "" };
    let wait = if *behind == 1 { "event waits" } else { "events wait" };
    let what = format!(
        "{refused} {events} {are} refused again and again while others are delivered, and {at_least}{behind} {wait} \
         behind {them}. The destination's answer to event {event}: {fault}."
    );
    let action = format!(
        "Tributary keeps trying. To let the other events through, set {them} aside (in the window, or with `tributary \
         set-aside`): kept as failed, to be checked and resent."
    );
    [what, action]
}

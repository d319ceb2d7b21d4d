//! What goes wrong when a stream is created: the account's policies, its limits, a name that is taken, a value that AWS
//! does not accept. Other errors mean what they always mean.

use super::{
    cause::Cause,
    connection::Connection,
    context::Context,
    permission::{ATTACH, DENIED, Permission},
    stream::Stream,
    text::{Location, Remedy},
    throttling::{LIMITS, Throttling},
};
use crate::delivery::{AwsError, Capacity, NewStream};

const TAG_POLICIES: &str =
    "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_tag-policies.html";
const TAGGED_REQUESTS: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html#access_tags_control-requests";
const CREATE_STREAM: &str = "https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html";

/// Whether AWS refused only because it was asked too often. `LimitExceededException` is the code of a reached limit too, of
/// which AWS does not say that a rate was exceeded.
pub fn is_rate_limit(error: &AwsError) -> bool {
    let is_throttling = Cause::of(&error.code, &error.message) == Cause::Throttling(Throttling::RateLimit);
    let is_limit = error.code.starts_with("LimitExceeded");
    is_throttling && (!is_limit || error.message.to_ascii_lowercase().contains("rate exceeded"))
}

/// Whether the account's policies deny the creation for its tags: AWS says so, or an explicit deny is most likely that.
pub fn demands_tags(error: &AwsError) -> bool {
    let is_denied = Cause::of(&error.code, &error.message) == Cause::Permission(Permission::Denied);
    let of_creation = !error.message.contains("IncreaseStreamRetentionPeriod");
    is_about_tag_policy(&error.message)
        || (is_denied && of_creation && (is_explicit(&error.message) || names_tags(&error.message)))
}

/// A tag policy of the organisation refuses the value of a tag: `The tag policy does not allow …`.
fn is_about_tag_policy(message: &str) -> bool {
    message.to_ascii_lowercase().contains("tag policy")
}

fn is_explicit(message: &str) -> bool {
    message.contains("explicit deny")
}

fn names_tags(message: &str) -> bool {
    ["aws:RequestTag", "aws:TagKeys"].iter().any(|key| message.contains(key))
}

/// The remedy where it differs from that of any other call.
pub(super) fn remedy(error: &AwsError, context: &Context, stream: &NewStream) -> Option<Remedy> {
    let remedy = match Cause::of(&error.code, &error.message) {
        _ if is_about_tag_policy(context.message) => tag_policy(context),
        Cause::Permission(Permission::Denied) => denied(context, stream),
        // The stream is there: it only has to become ACTIVE.
        _ if stream.is_created => return None,
        Cause::Throttling(Throttling::StreamBusy) => taken(context),
        Cause::Throttling(Throttling::RateLimit) if is_rate_limit(error) => throttled(context),
        Cause::Throttling(Throttling::RateLimit) => limited(context),
        Cause::Stream(Stream::RequestRefused | Stream::RecordRefused)
            if matches!(stream.capacity, Capacity::OnDemand { .. })
                && context.message.contains("hardCount") =>
        {
            without_on_demand(context)
        }
        Cause::Stream(Stream::RequestRefused | Stream::RecordRefused) => refused(context),
        Cause::Connection(
            Connection::NoAnswer | Connection::Lost | Connection::UnclearAnswer | Connection::ServiceFailing,
        ) => unclear(context),
        _ => return None,
    };
    Some(remedy.at(Location::SetUpStream))
}

fn tag_policy(context: &Context) -> Remedy {
    Remedy::new(
        format!("A tag policy of your AWS organisation refuses the tags of {}.", context.stream),
        "It prescribes the keys of tags, with upper and lower case, and the values that they may have. The error message \
         says which tag it is about.",
        "Correct the tag, then try again. Whoever looks after the AWS organisation knows the allowed values.",
    )
    .see(TAG_POLICIES)
}

/// The kind of policy that AWS names, with its article: `… with an explicit deny in a service control policy`.
fn denying_policy(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("explicit deny in ")?;
    let end = rest.find([':', ',', '.', '(', '\n']).unwrap_or(rest.len());
    Some(rest[..end].trim()).filter(|kind| {
        (kind.starts_with("a ") || kind.starts_with("an "))
            && kind.len() < 60
            && kind.chars().all(|c| c.is_ascii_alphabetic() || c == ' ' || c == '-')
    })
}

fn denied(context: &Context, stream: &NewStream) -> Remedy {
    let name = &context.stream;
    let message = context.message;
    let action = action_in(message).unwrap_or("kinesis:CreateStream");
    if action.ends_with("IncreaseStreamRetentionPeriod") {
        return retention_denied(context, action);
    }
    if is_explicit(message) || names_tags(message) {
        let kind = denying_policy(message).unwrap_or("a policy of the account or its organisation");
        let demanded = if stream.tags.is_empty() {
            "Most often it demands tags: a stream without them is refused, whatever your own policy allows."
        } else {
            "Most often it demands tags: one may be missing, or have a value that is not allowed (upper and lower case \
             count)."
        };
        return Remedy::new(
            format!("Your AWS account's policies deny creating {name}."),
            format!("AWS names an explicit deny in {kind}. {demanded}"),
            "Add the tags your organisation demands, then try again. Whoever looks after the AWS account knows which tags \
             and values those are, or whether something else is denied, such as this region.",
        )
        .see(TAGGED_REQUESTS);
    }
    if message.contains("no service control policy allows") {
        return Remedy::new(
            format!("Your AWS organisation does not allow creating {name}."),
            format!("No service control policy of the organisation allows `{action}` for this account. Your own policy \
                     cannot change that."),
            "Ask whoever looks after the AWS organisation to allow it, or to create the stream.",
        )
        .see(DENIED);
    }
    let (what, why) = if action.ends_with("AddTagsToStream") || action.ends_with("TagResource") {
        (
            format!("{} may not give {name} tags.", context.signer()),
            "A stream that is created with tags needs `kinesis:AddTagsToStream` beside `kinesis:CreateStream`. Nothing was \
             created.",
        )
    } else {
        (
            format!("{} may not create {name}.", context.signer()),
            "No policy that allows `kinesis:CreateStream` is attached to this user or role. The policy for delivery does \
             not include it.",
        )
    };
    Remedy::new(
        what,
        why,
        "Copy the policy for creating, and have it attached to this user or role; or ask whoever looks after the AWS \
         account to create the stream. Then try again.",
    )
    .see(ATTACH)
}

fn retention_denied(context: &Context, action: &str) -> Remedy {
    Remedy::new(
        format!("{} may not set how long {} keeps records.", context.signer(), context.stream),
        format!("It needs `{action}`, and no policy allows it or one denies it. The stream exists, and keeps records for 24 hours."),
        "Copy the policy for creating and have it attached, then try the rest again. Or use the stream as it is.",
    )
    .see(ATTACH)
}

/// AWS says `… is not authorized to perform: kinesis:CreateStream on resource: …`.
fn action_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("to perform: ")?;
    rest.split_whitespace().next().filter(|word| word.starts_with("kinesis:"))
}

fn taken(context: &Context) -> Remedy {
    Remedy::new(
        format!("{} exists already.", context.stream),
        "A name is unique in an account and region. The stream that has it was not changed.",
        "Use the existing stream, or choose another name.",
    )
}

fn throttled(context: &Context) -> Remedy {
    Remedy::new(
        format!("{} is throttling requests, so {} was not created.", context.who(), context.stream),
        "AWS takes five such requests a second from all programs of an account together.",
        "Try again in a moment.",
    )
    .see(LIMITS)
}

fn limited(context: &Context) -> Remedy {
    let who = context.who();
    Remedy::new(
        format!("A limit of the account keeps {} from being created.", context.stream),
        format!(
            "{who} limits how many streams and shards an account has in a region, and how many are being created at the \
             same time (five). The error message has the limit."
        ),
        "Wait until other streams are ACTIVE, delete a stream that is not needed, or ask AWS for a higher limit (Service \
         Quotas). Then try again.",
    )
    .see(LIMITS)
}

fn refused(context: &Context) -> Remedy {
    let warm = context.message.to_ascii_lowercase();
    if warm.contains("warm") || warm.contains("minimumthroughputbillingcommitment") {
        return Remedy::new(
            format!("{} does not accept the warm throughput of {}.", context.who(), context.stream),
            "Only an account with on-demand Advantage can set it, up to its own limit. The error message has the details.",
            "Set the warm throughput to 0 or lower it, then try again.",
        )
        .see(CREATE_STREAM);
    }
    Remedy::new(
        format!("{} does not accept how {} is to be created.", context.who(), context.stream),
        "One of the values is not allowed, or not in this region or account. The error message says which one.",
        "Correct that value, then try again.",
    )
    .see(CREATE_STREAM)
}

/// A server from the time before on-demand streams asks for a number of shards.
fn without_on_demand(context: &Context) -> Remedy {
    Remedy::new(
        format!("{} does not know on-demand streams.", context.who()),
        "It asks for a number of shards, which only provisioned streams have. Nothing was created.",
        "Choose Provisioned above, then create the stream.",
    )
}

fn unclear(context: &Context) -> Remedy {
    Remedy::new(
        format!("It is not known whether {} was created.", context.stream),
        format!(
            "No clear answer of {} came, and it may have created the stream before that.",
            context.server
        ),
        "List your streams: if the stream is there, use it. If not, create it again.",
    )
}

//! The plain words for each cause. One function a group; each names what the settings name.

use std::time::Duration;

use super::{Cause, Location, Refusal, Remedy, SignIn, SignInWith, Source, profile_in, public};
use crate::{
    aws::Arn,
    config::{self, Config, CredentialsSource, DestinationKind},
    delivery::{AwsError, Stuck},
    shell,
};

const KEYS: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html";
const SSO: &str = "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html";
const LOGIN: &str = "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sign-in.html";
const PROCESS: &str = "https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html";
const PROFILES: &str = "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html";
const MFA: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html";
const ROLES: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html";
const ATTACH: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-using.html#attach-managed-policy-console";
const DENIED: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html";
const REGIONS: &str = "https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html";
const CREATE_STREAM: &str = "https://docs.aws.amazon.com/streams/latest/dev/how-do-i-create-a-stream.html";
const CAPACITY: &str = "https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html";
const LIMITS: &str = "https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html";
const LARGE_RECORDS: &str = "https://docs.aws.amazon.com/streams/latest/dev/large-records.html";
const KMS: &str = "https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html";
const KMS_STATES: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html";
const HEALTH: &str = "https://health.aws.amazon.com/health/status";

/// What the user must do: nothing.
const BY_ITSELF: &str = "Nothing to do: Tributary tries again by itself, and no event is lost.";

/// What only the forwarder may promise, and what stands for it where the user asked for something once.
const PROMISES: [(&str, &str); 12] = [
    (BY_ITSELF, "Try again in a moment."),
    ("Tributary tries again by itself, and no event is lost.", "Then try again."),
    ("; Tributary tries again by itself.", "; then try again."),
    ("Tributary tries again by itself.", "Then try again."),
    ("Tributary sees the new sign-in by itself.", "Then try again."),
    ("Tributary sees the change by itself.", "Then try again."),
    ("Tributary sees new keys by itself.", "Then try again."),
    (" Events are kept until then, and none is lost.", " Then try again."),
    (" Events are kept until then.", " Then try again."),
    (" Events are kept, and are sent as soon as it is there.", " Then try again."),
    (
        "it is sent again, and may then be in the stream twice (with the same messageId)",
        "look for it in the stream",
    ),
    (", so the record is sent again.", "."),
];

/// What is said of the practice stream's faults while they are on, and what is said of an answer from before: they may be off
/// now.
const OF_FAULTS: &[(&str, &str)] = &[
    ("The practice stream refuses every request.", "The practice stream refused the request."),
    (
        "The practice stream says that the session has expired.",
        "The practice stream said that the session had expired.",
    ),
    ("The practice stream is over its", "The practice stream was over its"),
    ("The practice stream is gone.", "The practice stream was gone."),
    ("faults is switched on: it answers as", "faults was switched on: it answered as"),
    ("faults is switched on and cuts connections", "faults was switched on and cut connections"),
    (
        "faults is switched on and delays answers, or this computer is very busy",
        "faults was switched on and delayed answers, or this computer was very busy",
    ),
    (
        "Create it again: switch the practice stream's faults off.",
        "If it is still gone, create it again: switch the practice stream's faults off.",
    ),
    (
        " It goes on at full speed once the practice stream's faults are off.",
        " It is not throttled when the practice stream's faults are off.",
    ),
    (
        "Switch the practice stream's faults off. Then",
        "Switch the practice stream's faults off if any is still on. Then",
    ),
];

/// What is said of a put, and what is said instead of a call that stores nothing.
const OF_PUTS: &[(&str, &str)] = &[
    (" The record may have been stored all the same: look for it in the stream.", ""),
    ("did not say where it stored the record", "did not answer as Kinesis does"),
    (" If you were creating a stream, delete one that is not needed or ask AWS for a higher limit.", ""),
];

/// Without what only holds where a record was put, or a stream made.
pub(super) fn storing_nothing(remedy: Remedy) -> Remedy {
    let plain =
        |text: String| OF_PUTS.iter().fold(text, |text, (of_put, instead)| text.replace(of_put, instead));
    Remedy { what: plain(remedy.what), why: plain(remedy.why), action: plain(remedy.action), ..remedy }
}

/// Says so where answers take long.
pub(super) fn slow(answer: Duration, waits: Duration, config: &Config) -> String {
    let Names { stream, .. } = Names::of(config);
    let text = format!(
        "{stream} takes {:.1} s to answer a put. Tributary waits up to {} s for an answer (at most a minute). Delivery is \
         slow, and records without an answer in time were put again: they may be in the stream twice. Check the network, \
         the proxy and the region: Kinesis normally answers within milliseconds.",
        answer.as_secs_f32(),
        waits.as_secs()
    );
    sentence(text)
}

/// Without what only the forwarder may promise.
pub(super) fn once(remedy: Remedy) -> Remedy {
    let past = |text: String| OF_FAULTS.iter().fold(text, |text, (now, past)| text.replace(now, past));
    let plain =
        |text: String| PROMISES.iter().fold(text, |text, (promise, instead)| text.replace(promise, instead));
    let [why, action] = [remedy.why, remedy.action].map(|text| past(plain(text)));
    Remedy { what: past(remedy.what), why, action, ..remedy }
}

pub(super) fn remedy(cause: Cause, fault: &AwsError, config: &Config) -> Remedy {
    if let Cause::Public(what) = cause {
        return public::remedy(what, config);
    }
    let mut names = Names::of(config);
    if let Some(profile) = profile_in(&fault.message) {
        names.keys = format!("the profile “{profile}”");
        profile.clone_into(&mut names.profile);
    }
    // Where one place was named, nothing was found in that place: the words about the default chain would mislead.
    let cause = match (cause, config.credentials.source) {
        (Cause::CredentialsNotFound, CredentialsSource::Profile) => {
            Cause::CredentialsFailed(Source::NoProfile)
        }
        (Cause::CredentialsNotFound, CredentialsSource::Keychain) => {
            Cause::CredentialsFailed(Source::Keychain)
        }
        (cause, _) => cause,
    };
    if names.practice {
        return practised(cause, fault).unwrap_or_else(|| without_aws(of_stream(cause, fault, &names)));
    }
    of_stream(cause, fault, &names)
}

fn of_stream(cause: Cause, fault: &AwsError, names: &Names) -> Remedy {
    match cause {
        Cause::Throughput | Cause::RateLimit | Cause::StreamBusy | Cause::KmsThrottling => {
            pushed_back(cause, names)
        }
        Cause::ServiceFailing | Cause::NoAnswer | Cause::ConnectionFailed | Cause::UnclearAnswer => {
            offline(cause, fault, names)
        }
        Cause::KeysUnreachable(source) => keys_unreachable(source, &fault.message, names),
        Cause::NotTrusted | Cause::ProxyRefused => in_between(cause, names),
        Cause::KeyServiceSilent | Cause::CredentialsFailed(Source::Files) => keys_not_had(cause, fault, names),
        Cause::DryRun | Cause::ReadPlaceExpired => no_fault(cause, names),
        Cause::RecordDiffers | Cause::RecordMissing => read_back(cause, names),
        Cause::IamNameTaken | Cause::IamNotThere => of_iam(cause),
        Cause::ReadPlaceRefused => say(
            format!("Records of {} cannot be read from this sequence number on.", names.stream),
            "The stream has no such record, or has it in another shard than the one being read. The error message has the details.",
            "Copy the whole number from a delivery in Live or from a record of this stream, and choose that record's shard; or start at another place.",
        ),
        Cause::AggregatesLost => say(
            format!("Readers would lose events that are aggregated in {}.", names.stream),
            "The stream spreads records over its shards by itself (record distribution AUTO), wherever their hash key lies. AWS does not support aggregation there: the KCL drops an aggregated record that is not in the shard of its hash key, and says nothing. Tributary puts one event in each record there, as long as it may describe the stream (kinesis:DescribeStreamSummary).",
            "Set the stream's record distribution to USER_PARTITION_KEY in the Kinesis console, or choose the aggregation `none` (destination.aggregation).",
        )
        .at(Location::SetUpStream),
        Cause::OtherAccount => say(
            "These keys belong to a different account than the stream.",
            "Whatever they create is in their own account: a stream of the same name there, or a policy that allows nothing here.",
            "Use keys of the stream's account, or correct the account id under Stream.",
        )
        .at(Location::SetUpStream),
        Cause::CredentialsFailed(source) => credentials_failed(source, names),
        Cause::CredentialsNotFound
        | Cause::SessionExpired
        | Cause::KeyUnknown
        | Cause::SignatureWrong
        | Cause::NotSigned
        | Cause::ClockWrong => keys_refused(cause, names),
        Cause::NotAllowed => not_allowed(&fault.message, names),
        Cause::NotSubscribed | Cause::StreamNotFound => stream_unreachable(cause, names),
        Cause::KmsNotAllowed | Cause::KmsKeyUnusable | Cause::KmsKeyNotFound | Cause::KmsNotSubscribed => {
            kms(cause, names)
        }
        Cause::RequestRefused | Cause::RecordRefused | Cause::Unreadable => refused(cause, names),
        Cause::Damaged | Cause::SpoolUnreadable | Cause::Repeat | Cause::SetAside => kept_here(cause, fault),
        Cause::Endpoint(refusal) => endpoint(refusal),
        Cause::Public(_) | Cause::Unknown => unknown(&fault.code, names),
    }
}

/// What is decided or found on this computer.
fn kept_here(cause: Cause, fault: &AwsError) -> Remedy {
    match cause {
        Cause::Damaged => say(
            "The event's bytes in the spool file are not what was accepted.",
            "The file was damaged: by a failing disk, or by another program.",
            "Check the disk, and run `tributary doctor`. The log still has the event's other data; its sender may still have the event.",
        ),
        Cause::SpoolUnreadable => say(
            "The next events cannot be read from the spool.",
            "The disk or the spool file has a fault. Events are still accepted as long as the disk takes them.",
            "Check the disk and its free space; Tributary tries again every second. If that does not help, stop it and \
             run `tributary doctor`, which recovers what can be read and deletes nothing.",
        )
        .at(Location::Settings),
        Cause::Repeat => say(
            "This event was accepted before.",
            "Its sender sent the same messageId again, as SDKs do when an answer was lost, and capture.drop_repeats is \
             on.",
            "Nothing to do: the first one was accepted and is forwarded.",
        )
        .at(Location::Settings),
        Cause::SetAside if fault.message.contains("refused it again and again") => say(
            "This event was set aside because the destination kept refusing it.",
            "It accepted other events at the same time, so the cause is in this event. The error message has its answer.",
            "Check the event and the error message. You can resend it in Live or with `tributary resend`.",
        )
        .at(Location::Live),
        _ => say(
            "This event was set aside when the destination was changed.",
            "It was queued for the previous destination, and you chose not to send it to the new one.",
            "Resend this event to send it to the current destination: in Live, or with `tributary resend`.",
        )
        .at(Location::Live),
    }
}

/// What the practice stream's faults look like: its user has no keys, no policy and no stream to mend.
fn practised(cause: Cause, fault: &AwsError) -> Option<Remedy> {
    let faults =
        |like: &str| format!("One of the practice stream's faults is switched on: it answers as {like}.");
    let off = "Switch the practice stream's faults off. Events are kept until then, and none is lost.";
    let words = match cause {
        Cause::NotAllowed => say(
            "The practice stream refuses every request.",
            faults("AWS does when no policy allows it"),
            off,
        ),
        Cause::SessionExpired => say(
            "The practice stream says that the session has expired.",
            faults("AWS does when temporary keys are too old"),
            off,
        ),
        Cause::Throughput | Cause::RateLimit => say(
            "The practice stream is over its throughput limit.",
            faults("AWS does when the shards (parts) of a stream are over their limit"),
            format!("{BY_ITSELF} It goes on at full speed once the practice stream's faults are off."),
        ),
        Cause::ServiceFailing => say(
            "The practice stream reported an internal error.",
            faults("AWS does when it has an internal error"),
            format!("{BY_ITSELF} It ends when the practice stream's faults are off."),
        ),
        Cause::NoAnswer if is_cut(fault) => say(
            "The connection to the practice stream was lost before an answer came.",
            "One of the practice stream's faults is switched on and cuts connections. The record may have been stored all the same: it is sent again, and may then be in the stream twice (with the same messageId).",
            BY_ITSELF,
        ),
        Cause::NoAnswer => say(
            "The practice stream did not answer in time.",
            "One of the practice stream's faults is switched on and delays answers, or this computer is very busy. The record may have been stored all the same: it is sent again, and may then be in the stream twice (with the same messageId).",
            BY_ITSELF,
        ),
        Cause::StreamNotFound => say(
            "The practice stream is gone.",
            "It was deleted, as a stream on AWS can be.",
            "Create it again: switch the practice stream's faults off. Events are kept until then, and none is lost.",
        ),
        Cause::KeyUnknown | Cause::SignatureWrong | Cause::NotSigned | Cause::ClockWrong => say(
            "The practice stream does not know the key that Tributary made for it.",
            "Tributary makes the key at each start, and only this engine has it. This should not happen.",
            "Restart Tributary: it makes a new key and delivers the queued events. If this happens again, please report it.",
        ),
        _ => return None,
    };
    Some(words)
}

/// Words about a stream of AWS, without the ways that lead to what the practice stream does not have.
fn without_aws(remedy: Remedy) -> Remedy {
    let place = match remedy.place {
        Some(Location::SetUpStream | Location::SetUpCredentials | Location::SetUpPolicy) | None => None,
        Some(place @ (Location::Sources | Location::Live | Location::Settings)) => Some(place),
    };
    Remedy { place, link: None, sign_in: None, ..remedy }
}

/// How the settings' own names are said in a sentence.
struct Names {
    practice: bool,
    /// The settings name a server that is not AWS; never with the practice stream.
    is_other_server: bool,
    /// `the stream “clicks” in eu-west-1`
    stream: String,
    /// `eu-west-1`, or `the chosen region`
    region: String,
    /// `https://localhost:4567` without what may be secret in it, or `AWS in eu-west-1`
    server: String,
    /// The same of a server that is not AWS, else `AWS`: an address of AWS, such as a VPC endpoint's, is AWS.
    who: String,
    /// `the profile “work”`
    keys: String,
    /// `aws sso login --profile work`
    sso_login: String,
    /// The profile's name; empty where none was chosen.
    profile: String,
    role: Option<String>,
    /// Whether keys are renewed outside of the app.
    typed_in: bool,
}

impl Names {
    fn of(config: &Config) -> Self {
        let destination = &config.destination;
        let practice = destination.kind == DestinationKind::Practice;
        let (region, stream) = match Arn::parse(&destination.stream) {
            Some(arn) => (arn.region, arn.resource_of_type("stream").unwrap_or(arn.resource)),
            None => (destination.region.as_str(), destination.stream.as_str()),
        };
        let place = if region.is_empty() { String::new() } else { format!(" in {region}") };
        let stream = match (practice, stream) {
            (true, _) => "the practice stream".to_owned(),
            (false, "") => format!("the stream{place}"),
            (false, stream) => format!("the stream “{stream}”{place}"),
        };
        let other_server = without_secrets(&destination.endpoint_url).filter(|_| !practice);
        let is_other_server = other_server.is_some();
        let server = match (practice, other_server) {
            (true, _) => "the practice stream".to_owned(),
            (false, Some(server)) => server,
            (false, None) => format!("AWS{place}"),
        };
        let is_foreign = !practice && config::other_server(&destination.endpoint_url).is_some();
        let who = if is_foreign { server.clone() } else { "AWS".to_owned() };
        let credentials = &config.credentials;
        let (keys, sso_login) = match credentials.source {
            CredentialsSource::Default => {
                ("the AWS keys that this computer offers".to_owned(), "aws sso login".to_owned())
            }
            CredentialsSource::Profile => (
                format!("the profile “{}”", credentials.profile),
                format!("aws sso login --profile {}", shell::word_of_any_shell(&credentials.profile)),
            ),
            CredentialsSource::Keychain => {
                ("the AWS keys in the system keychain".to_owned(), "aws sso login".to_owned())
            }
        };
        Self {
            practice,
            is_other_server,
            stream,
            region: if region.is_empty() { "the chosen region".to_owned() } else { region.to_owned() },
            server,
            who,
            keys,
            sso_login,
            profile: match credentials.source {
                CredentialsSource::Profile => credentials.profile.clone(),
                CredentialsSource::Default | CredentialsSource::Keychain => String::new(),
            },
            role: Some(credentials.role_arn.clone()).filter(|role| !role.is_empty()),
            typed_in: credentials.source == CredentialsSource::Keychain,
        }
    }

    /// The server is not AWS.
    fn is_foreign(&self) -> bool {
        self.who != "AWS"
    }

    /// The keys themselves, where their place was asked for them.
    fn keys_there(&self) -> String {
        if self.keys.starts_with("the AWS keys") {
            self.keys.clone()
        } else {
            format!("the AWS keys of {}", self.keys)
        }
    }

    /// The access key that AWS sees.
    fn access_key(&self) -> String {
        let signer = self.signer();
        match signer.strip_prefix("the AWS keys ") {
            Some(place) => format!("the access key {place}"),
            None => format!("the access key of {signer}"),
        }
    }

    /// Where the keys that AWS sees come from: the role's, where one is assumed.
    fn signer(&self) -> String {
        match &self.role {
            Some(role) => format!("the role {role}"),
            None => self.keys.clone(),
        }
    }
}

pub(super) fn other_server(config: &Config) -> Option<String> {
    let names = Names::of(config);
    names.is_foreign().then_some(names.who)
}

/// Scheme, host and port of a URL; user names, passwords, paths and queries may be secret.
fn without_secrets(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    (!host.is_empty()).then(|| format!("{scheme}://{host}"))
}

pub(super) fn say(what: impl Into<String>, why: impl Into<String>, action: impl Into<String>) -> Remedy {
    Remedy {
        what: sentence(what.into()),
        why: sentence(why.into()),
        action: action.into(),
        place: None,
        link: None,
        sign_in: None,
    }
}

/// Names such as `the stream …` may come first.
fn sentence(text: String) -> String {
    match text.strip_prefix("the ") {
        Some(rest) => format!("The {rest}"),
        None => text,
    }
}

impl Remedy {
    pub(super) fn at(self, place: Location) -> Self {
        Self { place: Some(place), ..self }
    }

    fn see(self, link: &'static str) -> Self {
        Self { link: Some(link), ..self }
    }

    fn sign_in(self, sign_in: SignIn) -> Self {
        Self { sign_in: Some(sign_in), ..self }
    }
}

fn pushed_back(cause: Cause, names: &Names) -> Remedy {
    let Names { stream, server, who, .. } = names;
    match cause {
        Cause::KmsThrottling => say(
            format!("AWS KMS, which encrypts the records of {stream}, is throttling requests."),
            "The account's limit of requests to AWS KMS (the key service) is used up, perhaps by other programs too.",
            format!("{BY_ITSELF} If it stays so, ask for a higher KMS request limit in the AWS console."),
        )
        .see(KMS),
        Cause::StreamBusy => say(
            format!("{stream} is being created, changed or deleted right now."),
            format!("{who} refuses such requests until the change is done. For a new stream it can also mean that the name is taken."),
            format!("{BY_ITSELF} If you wanted to create this stream: it is there already, use it as it is."),
        )
        .at(Location::SetUpStream),
        Cause::RateLimit if names.is_foreign() => say(
            format!("{server} is throttling requests, or a limit of the server is reached."),
            "It limits how often it is asked, or how many streams and shards (the parts of a stream) it has.",
            format!("{BY_ITSELF} If you were creating a stream, delete one that is not needed or raise the server's limit."),
        ),
        Cause::RateLimit => say(
            format!("{server} is throttling requests, or a limit of the account is reached."),
            "AWS limits an account's request rate, and its number of streams and shards (the parts of a stream).",
            format!("{BY_ITSELF} If you were creating a stream, delete one that is not needed or ask AWS for a higher limit."),
        )
        .see(LIMITS),
        _ => say(
            format!("{stream} is over its throughput limit."),
            "Each shard (part of a stream) takes 1,000 records and 1 MB a second. All events of one user go to the same shard, so one very busy user can fill it.",
            format!("{BY_ITSELF} If it happens often, switch the stream to on-demand capacity or give it more shards."),
        )
        .at(Location::SetUpStream)
        .see(CAPACITY),
    }
}

/// The server's address, where it is on this computer and refused the connection: no network or proxy is in the way.
fn refused_here(fault: &AwsError, names: &Names) -> Option<String> {
    let is_refused = fault.message.to_ascii_lowercase().contains("refused");
    let said = talked_to(&fault.message);
    let server = if names.is_other_server || said.is_empty() {
        names.server.clone()
    } else {
        format!("http://{said}")
    };
    let host = server.split_once("://").map_or("", |(_, host)| host);
    let is_here = ["localhost", "127.", "[::1]", "0.0.0.0"].iter().any(|here| host.starts_with(here));
    (is_refused && is_here).then_some(server)
}

/// The connection ended; no answer was waited for in vain.
fn is_cut(fault: &AwsError) -> bool {
    &*fault.code == "ConnectionLost"
}

fn offline(cause: Cause, fault: &AwsError, names: &Names) -> Remedy {
    let Names { stream, server, .. } = names;
    if cause == Cause::ConnectionFailed
        && !names.practice
        && let Some(server) = refused_here(fault, names)
    {
        return say(
            format!("Nothing listens at {server}."),
            "The connection was refused: the server is not running, or it listens on another port.",
            "Start the server, or correct its address. Tributary tries again by itself, and no event is lost.",
        )
        .at(Location::SetUpStream);
    }
    match cause {
        Cause::NoAnswer if is_cut(fault) => say(
            format!("The connection to {server} was lost before an answer came."),
            "The other side, a proxy or the network ended the connection. The record may have been stored all the same: it is sent again, and may then be in the stream twice (with the same messageId).",
            if names.is_other_server {
                format!("{BY_ITSELF} If it goes on, check that the server works, and its address.")
            } else {
                format!("{BY_ITSELF} If it goes on, check the network, the proxy (HTTPS_PROXY) and the region.")
            },
        )
        .at(Location::SetUpStream),
        Cause::NoAnswer if names.is_other_server => say(
            format!("{server} did not answer in time."),
            "The server is overloaded or stuck, or the connection is broken. The record may have been stored all the same: it is sent again, and may then be in the stream twice (with the same messageId).",
            format!("{BY_ITSELF} If it goes on, check that the server works, and its address."),
        )
        .at(Location::SetUpStream),
        Cause::NoAnswer => say(
            format!("{server} did not answer in time."),
            "The connection is slow or broken, or the other side is overloaded. The record may have been stored all the same: it is sent again, and may then be in the stream twice (with the same messageId).",
            format!("{BY_ITSELF} If it goes on, check the network, the proxy (HTTPS_PROXY) and the region."),
        )
        .at(Location::SetUpStream),
        Cause::ConnectionFailed if names.practice => say(
            "The practice stream cannot be reached.",
            "It runs inside Tributary and is starting, or something on this computer keeps programs from talking to 127.0.0.1.",
            format!("{BY_ITSELF} If it goes on, restart Tributary and check this computer's firewall."),
        ),
        Cause::ConnectionFailed if names.is_other_server => say(
            format!("No connection to {server}."),
            "The server is not running, its name cannot be found, or a firewall or proxy is in the way.",
            "Check that the server runs, its address, and the proxy (HTTPS_PROXY, NO_PROXY) and certificates (AWS_CA_BUNDLE) where your network needs them. Tributary tries again by itself, and no event is lost.",
        )
        .at(Location::SetUpStream),
        Cause::ConnectionFailed => say(
            format!("No connection to {server}."),
            "There is no network, its name cannot be found (a region that does not exist?), or a firewall or proxy is in the way.",
            "Check the network, the region, and the proxy (HTTPS_PROXY, NO_PROXY) and certificates (AWS_CA_BUNDLE) where your network needs them. Tributary tries again by itself, and no event is lost.",
        )
        .at(Location::SetUpStream),
        Cause::UnclearAnswer => say(
            format!("{server} did not say where it stored the record."),
            format!("An answer without shard (part of {stream}) and sequence number proves nothing, so the record is sent again. Something that is not Kinesis may be answering, such as a proxy or a sign-in page of the network."),
            "If it goes on, check the endpoint URL and whether a proxy answers in place of Kinesis. Tributary tries again by itself, and no event is lost.",
        )
        .at(Location::SetUpStream),
        _ => say(
            format!("{server} reported an internal error."),
            "The cause is on its side, not in your settings.",
            BY_ITSELF,
        )
        .see(HEALTH),
    }
}

/// The host and port that a message of ours names; empty: none.
fn talked_to(message: &str) -> &str {
    let said = message.split_once("talking to ").map(|(_, rest)| rest);
    let host = said.and_then(|rest| rest.split([' ', ';', ',']).next()).unwrap_or_default();
    host.trim_end_matches(':')
}

/// AWS keys come from another service than Kinesis, which a network may not let through.
fn keys_unreachable(source: Source, message: &str, names: &Names) -> Remedy {
    let said = message.split_once("talking to ").map(|(_, rest)| rest);
    let host = talked_to(message);
    let api = said.and_then(|rest| rest.split_once(" (")).and_then(|(before, rest)| {
        let is_next = !before.contains(' ');
        rest.split_once(')').filter(|_| is_next).map(|(api, _)| api)
    });
    let source = match api {
        Some("sts") => Source::Role,
        Some("sso" | "ssooidc") => Source::Sso,
        Some(_) | None => source,
    };
    let is_of_oidc = api == Some("ssooidc") || host.starts_with("oidc.");
    let region = if names.region.contains(' ') { "REGION" } else { &names.region };
    let (service, for_what, way) = match source {
        Source::Sso if is_of_oidc => (
            "AWS's sign-in service",
            "renews an SSO sign-in",
            "allow this host in the network or its proxy (HTTPS_PROXY), or sign in again where it can be reached"
                .to_owned(),
        ),
        Source::Sso => (
            "the AWS access portal",
            "gives the keys of an SSO sign-in",
            "allow this host in the network or its proxy (HTTPS_PROXY): there is no VPC endpoint for it. On a server, \
             use a role of the machine instead of an SSO sign-in"
                .to_owned(),
        ),
        Source::Role | Source::Mfa => (
            "AWS STS",
            "gives the keys of a role",
            format!(
                "allow this host in the network or its proxy (HTTPS_PROXY); in a private subnet, add an interface \
                 endpoint for STS (com.amazonaws.{region}.sts) beside the one for Kinesis"
            ),
        ),
        _ => (
            "the address that gives AWS keys",
            "gives the keys of this container or machine",
            "make sure that this address is right (AWS_CONTAINER_CREDENTIALS_FULL_URI, \
             AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) and that no proxy is in front of it (NO_PROXY)"
                .to_owned(),
        ),
    };
    let at = if host.is_empty() { String::new() } else { format!(" at {host}") };
    say(
        format!("No connection to {service}{at}."),
        format!(
            "It {for_what}. Without keys nothing can be sent to {}, even if that can be reached.",
            names.stream
        ),
        format!("Check the network: {way}. Tributary tries again by itself, and no event is lost."),
    )
    .at(Location::SetUpCredentials)
}

/// A proxy that terminates TLS, or one that wants to be asked otherwise.
fn in_between(cause: Cause, names: &Names) -> Remedy {
    let Names { server, .. } = names;
    let remedy = if cause == Cause::NotTrusted {
        say(
            format!("The certificate of {server} is not trusted here."),
            "Something in the network answers with a certificate of its own (many companies' proxies do), or this computer's list of certificates is old or its clock is wrong.",
            "Get the proxy's root certificate as a PEM file from whoever runs the network, name it in AWS_CA_BUNDLE, and restart Tributary. Events are kept until then.",
        )
    } else {
        say(
            format!("The proxy of this network does not let Tributary through to {server}."),
            "It refused to connect: it wants a user name and password, or does not allow this host.",
            "Put the name and password into HTTPS_PROXY (http://name:password@host:port), have the host allowed, or name it in NO_PROXY where no proxy is needed; then restart Tributary.",
        )
    };
    remedy.at(Location::SetUpStream)
}

pub(super) fn spread_keys(config: &Config) -> String {
    let stream = Names::of(config).stream;
    format!(
        "There is no order per user in {stream}: it spreads records over its shards by itself (record distribution \
         AUTO), whatever their partition keys, and consumers may see no partition key. Nothing is lost. Where the order \
         matters, set the stream's record distribution to USER_PARTITION_KEY in the Kinesis console; where it does not, \
         switch off “Keep the order per user” (destination.ordered = false), which is faster."
    )
}

pub(super) fn stuck(stuck: &Stuck) -> [String; 2] {
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

fn no_fault(cause: Cause, names: &Names) -> Remedy {
    if cause == Cause::DryRun {
        return say(
            format!("The dry run succeeded: {} would take the record.", names.stream),
            "A dry run checks the keys, the permission and the stream without writing. AWS reports its success this way.",
            "Nothing to do.",
        );
    }
    say(
        format!("The reading position in {} has expired.", names.stream),
        "A shard iterator of AWS expires after five minutes.",
        "Nothing to do: reading starts again by itself. Delivery is not affected.",
    )
}

/// What the check's own record came back as.
fn read_back(cause: Cause, names: &Names) -> Remedy {
    let Names { stream, server, .. } = names;
    let remedy = if cause == Cause::RecordDiffers {
        say(
            format!("{stream} returned other bytes than were put."),
            format!(
                "{server} changed the record, or another record has its sequence number. AWS does neither, so something between here and AWS may answer in its place."
            ),
            "Check the endpoint URL and any proxy. Look at the record with `tributary tail --raw`.",
        )
    } else {
        say(
            format!("The test record is not in {stream}, although {server} confirmed it."),
            "Most often it only takes longer than ten seconds to appear, on a very busy stream. If it stays missing, events delivered the same way may be missing too.",
            "Check again. If it goes on, look with `tributary tail` for the record with the key tributary-check.",
        )
    };
    remedy.at(Location::SetUpStream)
}

fn credentials_failed(source: Source, names: &Names) -> Remedy {
    let Names { keys, .. } = names;
    let remedy = match source {
        Source::Sso | Source::Login | Source::SsoRole => return signed_out(source, names),
        Source::Process | Source::ProcessSilent | Source::Waiting => return program_failed(source, names),
        Source::Mfa => say(
            format!("An MFA code is needed for {keys}."),
            "The profile asks for multi-factor authentication (a second proof besides the key), and a background program cannot enter the code.",
            "Use keys that need no code: an IAM user for Tributary with only the policy shown in Set up, or a profile with a session that you renew (`aws sts get-session-token`).",
        )
        .see(MFA),
        Source::Role => {
            let role = names.role.as_deref().map_or_else(|| "the role".to_owned(), |role| format!("the role {role}"));
            say(
                format!("{role} could not be assumed."),
                format!("The role's trust policy must name the user or role behind {keys} (and the external id, where it asks for one), and that user must be allowed `sts:AssumeRole` on it."),
                "Check the role's ARN and the external id, and let the owner of the role check its trust policy. Tributary tries again by itself.",
            )
            .see(ROLES)
        }
        Source::NoProfile => say(
            format!("{keys} could not be found in the AWS files."),
            "Profiles are read from ~/.aws/config and ~/.aws/credentials of the user that runs Tributary. In the first of them a section is called [profile NAME].",
            "Choose a profile from the list, or make it with `aws configure --profile NAME`.",
        )
        .see(PROFILES),
        Source::Machine => say(
            format!("There are no AWS keys in the place that {keys} names."),
            "The profile takes its keys from where its `credential_source` says: environment variables, the role of a container, or the role of an EC2 machine. There are none here.",
            "Run Tributary where that place has keys, give the container or machine a role, or choose another profile.",
        )
        .see(PROFILES),
        Source::NoKeys => say(
            format!("{keys} is in the AWS files, but has no keys."),
            "It has no access key, no sign-in (SSO or `aws login`), no role and no program that hands out keys.",
            "Add one of these with `aws configure`, `aws configure sso` or `aws login`, or choose another profile.",
        )
        .see(PROFILES),
        Source::Keychain => say(
            "The system keychain did not give out the AWS keys.",
            "It is locked, was emptied, or this system has none (a server often has none).",
            "Unlock the keychain, or enter the keys again. Without a keychain, use a profile of the AWS files.",
        ),
        Source::Other | Source::Files => say(
            format!("Tributary could not get {}.", names.keys_there()),
            "The place that keeps or hands out the keys answered with an error: see the error message.",
            "Check that place with `aws sts get-caller-identity` (it shows who AWS thinks you are), or choose another source of keys. Tributary tries again by itself.",
        )
        .see(PROFILES),
    };
    remedy.at(Location::SetUpCredentials)
}

fn of_iam(cause: Cause) -> Remedy {
    let remedy = if cause == Cause::IamNameTaken {
        say(
            "The account already has a user or policy with that name.",
            "Names are unique in an account. It may come from an earlier try, or belong to somebody else.",
            "Choose another name, or delete the old one in the AWS console if nobody needs it.",
        )
    } else {
        say(
            "IAM does not know the user or the policy.",
            "It was deleted, or it is so new that IAM does not know it yet, which can take some seconds.",
            "Try again in a moment.",
        )
    };
    remedy.at(Location::SetUpPolicy)
}

/// Where the keys are cannot be asked, or the files that say where cannot be used.
fn keys_not_had(cause: Cause, fault: &AwsError, names: &Names) -> Remedy {
    let Names { keys, .. } = names;
    let remedy = if cause == Cause::KeyServiceSilent {
        say(
            format!("The service that hands out {} does not answer.", names.keys_there()),
            "The error message names the service and its address. It is not Kinesis: Tributary needs the keys before it can put a record.",
            "Check the network, the proxy (HTTPS_PROXY, NO_PROXY), and whether this address can be reached from here. Tributary tries again by itself, and no event is lost.",
        )
    } else {
        say(
            format!("A mistake in the AWS files prevents the use of {keys}."),
            file_mistake(&fault.message),
            "Correct the file; `aws configure list` shows whether the AWS CLI can read it. Tributary sees the change by itself.",
        )
        .see(PROFILES)
    };
    remedy.at(Location::SetUpCredentials)
}

/// Our own words about the file, which begin with the profile's name; nobody else's are said.
fn file_mistake(message: &str) -> String {
    match (profile_in(message), message.split_once("”: ")) {
        (Some(_), Some((_, text))) => text.to_owned(),
        _ => "The error message names the file, the line and AWS's rule.".to_owned(),
    }
}

fn signed_out(source: Source, names: &Names) -> Remedy {
    let Names { keys, profile, .. } = names;
    let sign_in = |with| SignIn { profile: profile.clone(), with };
    let remedy = match source {
        Source::Login => {
            let sign_in = sign_in(SignInWith::Login);
            say(
                format!("The AWS sign-in (`aws login`) of {keys} has expired or was never made."),
                "A sign-in with the AWS console lasts for up to 12 hours; then someone must sign in again. The user needs the policy SignInLocalDevelopmentAccess for it. For a server, use a role or an IAM user's keys.",
                format!("Run `{}` in a terminal and sign in. Tributary sees the new sign-in by itself.", sign_in.command()),
            )
            .see(LOGIN)
            .sign_in(sign_in)
        }
        Source::SsoRole => say(
            format!("AWS IAM Identity Center (SSO) does not give the role of {keys} to this sign-in."),
            "The profile names an account (sso_account_id) and a role (sso_role_name) that are not assigned to the user who signed in, or no longer.",
            "Choose account and role again with `aws configure sso`, or ask whoever looks after the AWS account to assign them. Tributary tries again by itself.",
        )
        .see(SSO),
        _ => {
            let sign_in = sign_in(SignInWith::Sso);
            say(
                format!("The AWS sign-in (SSO) of {keys} has expired or was never made."),
                "Keys from AWS IAM Identity Center (SSO) last for some hours; then someone must sign in again.",
                format!("Run `{}` in a terminal and sign in. Tributary sees the new sign-in by itself.", sign_in.command()),
            )
            .see(SSO)
            .sign_in(sign_in)
        }
    };
    remedy.at(Location::SetUpCredentials)
}

fn program_failed(source: Source, names: &Names) -> Remedy {
    let Names { keys, .. } = names;
    let program = "The profile has a `credential_process`: a program that AWS tools run to get keys.";
    let remedy = match source {
        Source::Waiting => say(
            format!("Tributary waits for {}.", names.keys_there()),
            "The source of the keys takes long to answer: it may be waiting for an approval, on a phone or in another window. No event is sent until it answers.",
            "Approve the request there. Events are kept until then, and none is lost.",
        ),
        Source::ProcessSilent => say(
            format!("The program that hands out the keys of {keys} did not finish."),
            format!(
                "{program} Tributary ended it after two minutes; it may have waited for an approval or a password."
            ),
            "Run that program in a terminal to see what it waits for. Tributary tries again by itself.",
        ),
        _ => say(
            format!("The program that hands out the keys of {keys} failed."),
            format!("{program} The error message says how it failed."),
            "Run that program in a terminal to see what it says, and fix the cause. Tributary tries again by itself.",
        ),
    };
    remedy.at(Location::SetUpCredentials).see(PROCESS)
}

fn keys_refused(cause: Cause, names: &Names) -> Remedy {
    let Names { sso_login, region, who, .. } = names;
    let signer = names.signer();
    let renew = if names.typed_in {
        "Enter new keys, preferably those of an IAM user: they do not expire.".to_owned()
    } else {
        format!(
            "Sign in again (`{sso_login}` if you use SSO), or renew the session the way you created it. Tributary sees new keys by itself."
        )
    };
    let remedy = match cause {
        Cause::CredentialsNotFound => say(
            "No AWS keys were found.",
            "Tributary looked where every AWS tool looks: environment variables, the AWS files in ~/.aws, SSO, and the roles of containers and EC2 machines.",
            "Choose a profile, or enter the access key of the IAM user. Events are kept until then.",
        )
        .see(KEYS),
        Cause::SessionExpired => say(
            format!("The AWS session of {signer} has expired."),
            "Temporary keys (from SSO, a role or MFA) last for some hours only.",
            renew,
        )
        .see(SSO),
        Cause::KeyUnknown if names.is_foreign() => say(
            format!("{who} does not know {}.", names.access_key()),
            "The key was deleted or switched off there, belongs to another server, or is temporary and lacks its session token.",
            "Check the server's address and the access key, or use a key that this server knows.",
        ),
        Cause::KeyUnknown => say(
            format!("AWS does not know {}.", names.access_key()),
            format!("The key was deleted or switched off, belongs to another part of AWS than {region} (China and GovCloud have their own keys), or is temporary and lacks its session token. AWS gives the same answer for a region that is not enabled for the account."),
            "Check that the access key is still active in the AWS console (IAM, Users, Security credentials), or make a new one. Then check the region.",
        )
        .see(KEYS),
        Cause::SignatureWrong => say(
            format!("The secret key of {signer} does not belong to its access key."),
            format!("{who} checked the request's signature with the secret that it knows, and the two did not match. Most often the secret was copied with a character too few or too many."),
            "Enter access key and secret again, both from the same download. A lost secret cannot be shown again: make a new access key.",
        )
        .see(KEYS),
        Cause::ClockWrong if names.is_foreign() => say(
            format!("The clocks of this computer and of {who} differ."),
            "A server refuses requests whose time differs from its own by more than some minutes.",
            "Turn on automatic time setting on both (chrony or systemd-timesyncd). Tributary tries again by itself.",
        ),
        Cause::ClockWrong => say(
            "This computer's clock is wrong.",
            "AWS refuses requests whose time differs from its own by more than five minutes.",
            "Turn on automatic time setting (on a server: chrony or systemd-timesyncd). Tributary tries again by itself.",
        ),
        _ => say(
            format!("The request reached {who} without a complete signature."),
            format!("The keys of {signer} are empty or incomplete, or a proxy changed the request on its way."),
            "Check the access key and its secret for missing characters, and the proxy where there is one.",
        )
        .see(KEYS),
    };
    if cause == Cause::ClockWrong { remedy } else { remedy.at(Location::SetUpCredentials) }
}

/// AWS says `… is not authorized to perform: kinesis:PutRecord on resource: … because …`.
fn not_allowed(message: &str, names: &Names) -> Remedy {
    let Names { stream, .. } = names;
    let signer = names.signer();
    let action = message
        .split_once("to perform: ")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || c == ':'));
    let allowed = action.map_or_else(|| "this".to_owned(), |action| format!("`{action}`"));
    if let Some(action) = action.filter(|action| action.starts_with("iam:")) {
        return say(
            format!("{signer} may not do `{action}`."),
            "Creating users and policies needs permissions of its own, which few keys should have.",
            "Sign the calls with a profile that may manage IAM, or copy the policy and ask whoever looks after the AWS account to attach it.",
        )
        .at(Location::SetUpPolicy)
        .see(ATTACH);
    }
    if message.contains("explicit deny") {
        return say(
            format!("A rule of your AWS organisation or account forbids {signer} to do {allowed} on {stream}."),
            "AWS said \"explicit deny\": a policy forbids it, and no other policy can override that.",
            "Ask whoever looks after the AWS account to lift that rule for this stream. Tributary tries again by itself.",
        )
        .at(Location::SetUpPolicy)
        .see(DENIED);
    }
    say(
        format!("{signer} may not do {allowed} on {stream}."),
        "No policy that allows it is attached to this user or role, or its policy names another stream, account or region. Each action is a permission of its own: `kinesis:PutRecord` does not include `kinesis:PutRecords`.",
        "Attach the policy shown in Set up to this user or role, and compare the ARN in it with the stream's. A change takes some seconds; Tributary tries again by itself.",
    )
    .at(Location::SetUpPolicy)
    .see(ATTACH)
}

fn stream_unreachable(cause: Cause, names: &Names) -> Remedy {
    let Names { stream, region, .. } = names;
    if cause == Cause::NotSubscribed {
        return say(
            format!("This AWS account cannot use Kinesis in {region}."),
            "The account is new and not yet confirmed, its payment details are missing, or the region is not switched on for it.",
            "Open the AWS console with this account, finish its sign-up, and switch the region on (Account, AWS Regions).",
        )
        .at(Location::SetUpStream)
        .see(REGIONS);
    }
    say(
        format!("{stream} does not exist for these AWS keys."),
        format!("The name is spelled differently (upper and lower case count), the stream is in another region than {region}, or the keys belong to another AWS account. A stream that is still being created or being deleted looks the same."),
        "Compare name, region and account with the AWS console, or create the stream. Events are kept, and are sent as soon as it is there.",
    )
    .at(Location::SetUpStream)
    .see(CREATE_STREAM)
}

fn kms(cause: Cause, names: &Names) -> Remedy {
    let Names { stream, .. } = names;
    let signer = names.signer();
    match cause {
        Cause::KmsNotAllowed => say(
            format!("{signer} may not use the key that encrypts {stream}."),
            "The stream is encrypted with a key of your account in AWS KMS (the key service). Writing needs `kms:GenerateDataKey` on that key, reading needs `kms:Decrypt`.",
            "Enter the key's ARN in the policy step, and attach the new policy. The key's own policy must allow this account too.",
        )
        .at(Location::SetUpPolicy)
        .see(KMS),
        Cause::KmsKeyUnusable => say(
            format!("The key that encrypts {stream} is switched off."),
            "The key in AWS KMS (the key service) is disabled, is waiting to be deleted, or cannot be reached.",
            "Switch the key on in the AWS console (Key Management Service), cancel its deletion, or give the stream another key. Tributary tries again by itself.",
        )
        .see(KMS_STATES),
        Cause::KmsKeyNotFound => say(
            format!("The key that encrypts {stream} does not exist."),
            "The stream names a key in AWS KMS (the key service) that was deleted, or that is in another account or region.",
            "Give the stream another key, or switch its encryption to the key that AWS keeps (aws/kinesis). Tributary tries again by itself.",
        )
        .see(KMS),
        _ => say(
            format!("This AWS account cannot use the key service that encrypts {stream}."),
            "AWS KMS (the key service) says that the account is not signed up for it; mostly the account's sign-up is not finished.",
            "Open the AWS console with the account that owns the key and finish its sign-up. Tributary tries again by itself.",
        )
        .see(KMS),
    }
}

fn refused(cause: Cause, names: &Names) -> Remedy {
    let Names { stream, server, .. } = names;
    match cause {
        Cause::RecordRefused => say(
            format!("{stream} cannot take this event."),
            "Its record is too large for the stream (1 MiB with its key, unless the stream allows up to 10 MiB), or its partition key is not one that Kinesis takes. Base64 makes a record a third larger.",
            "The event is kept under Failed, and its user's later events go on. To deliver it, raise the stream's maximum record size in the AWS console or use the encoding `json`, then resend it in Live or with `tributary resend`.",
        )
        .at(Location::Live)
        .see(LARGE_RECORDS),
        Cause::RequestRefused => say(
            format!("{server} does not accept the request for {stream}."),
            format!("Most often the stream's name or ARN has a wrong form (letters, digits, `_`, `.`, `-`, at most 128), or the ARN belongs to another region than the one chosen. The error message has the answer of {server}."),
            "Check the stream and the region. Events are kept until then.",
        )
        .at(Location::SetUpStream),
        _ => say(
            format!("{server} does not understand the request."),
            "The server there does not seem to be Kinesis, or implements an older version of it.",
            "Check the endpoint URL: leave it empty for AWS. Another Kinesis-compatible server may need a newer version. Events are kept until then.",
        )
        .at(Location::SetUpStream),
    }
}

fn unknown(code: &str, names: &Names) -> Remedy {
    let code = if code.is_empty() { "an error without a code" } else { code };
    say(
        format!("{} answered with {code}.", names.server),
        format!("Tributary has no explanation for this error. The error message has the answer about {}.", names.stream),
        "Read that answer, and check stream, region, endpoint URL and keys. Tributary tries again by itself, and no event is lost.",
    )
    .at(Location::SetUpStream)
}

/// What the endpoint did not take. Its sender was told the same; the mistake is mostly in the sender's code.
fn endpoint(refusal: Refusal) -> Remedy {
    match refusal {
        Refusal::InvalidJson
        | Refusal::BadEncoding
        | Refusal::UnsupportedEncoding
        | Refusal::InvalidBatch
        | Refusal::NotAnObject => unreadable(refusal),
        Refusal::NoType
        | Refusal::UnknownType
        | Refusal::NoId
        | Refusal::BadId
        | Refusal::NoEventName
        | Refusal::NoGroupId
        | Refusal::NoPreviousId
        | Refusal::NoUserId => incomplete(refusal),
        Refusal::NoWriteKey
        | Refusal::UnknownWriteKey
        | Refusal::NotFound
        | Refusal::WrongMethod
        | Refusal::RequestTooLarge
        | Refusal::BatchGrows
        | Refusal::EventTooLarge
        | Refusal::Full
        | Refusal::SourceFull
        | Refusal::Unavailable
        | Refusal::Internal => not_taken(refusal),
    }
}

fn unreadable(refusal: Refusal) -> Remedy {
    let (what, why, action) = match refusal {
        Refusal::BadEncoding => (
            "The request body could not be decompressed.",
            "The request says that it is compressed, but its body is cut off, damaged or not compressed at all.",
            "Check the sender and any proxy between it and Tributary.",
        ),
        Refusal::UnsupportedEncoding => (
            "The request is compressed in a way that Tributary does not know.",
            "It reads plain and gzip bodies.",
            "Set the sender to gzip, or switch its compression off.",
        ),
        Refusal::InvalidBatch => (
            "The batch holds no list of events.",
            "A batch is a JSON object with a list called `batch`.",
            "Send {\"batch\": [ … ]}, or a single event to /v1/track and the like.",
        ),
        Refusal::NotAnObject => (
            "An event is not a JSON object.",
            "Each event is an object in braces; this one is a text, a number, a list or null.",
            "Correct what the sender puts into the batch. The other events of the batch were accepted.",
        ),
        _ => (
            "The request body is not valid JSON.",
            "A comma, quote or brace is missing or too many, or the text is not UTF-8. The error message says where.",
            "Correct the sender. When testing by hand, check the quotes that your shell removes.",
        ),
    };
    say(what, why, action)
}

fn incomplete(refusal: Refusal) -> Remedy {
    let (what, why, action) = match refusal {
        Refusal::NoType => (
            "An event does not say which call it is.",
            "In a batch, each event needs a `type`.",
            "Set `type` to identify, track, page, screen, group or alias.",
        ),
        Refusal::UnknownType => (
            "An event has a type that does not exist.",
            "There are six, in lower-case letters: identify, track, page, screen, group and alias.",
            "Correct the event's `type`.",
        ),
        Refusal::NoId => (
            "An event has neither a userId nor an anonymousId.",
            "One of them becomes the record's partition key: it keeps each user's events in order. An empty text counts as absent.",
            "Give `userId` for someone you know, else an `anonymousId` that stays the same for that visitor.",
        ),
        Refusal::BadId => (
            "An event's id is not a text.",
            "The ids (userId, anonymousId, groupId, previousId) are texts, and numbers are taken as text; this one is true, false, a list or an object.",
            "Send the id as text.",
        ),
        Refusal::NoEventName => (
            "A track call has no event name.",
            "`event` says what happened, such as \"Order Completed\". It must be a text that is not empty.",
            "Give the track call its `event`.",
        ),
        Refusal::NoGroupId => (
            "A group call has no groupId.",
            "It says which company or team the user belongs to.",
            "Give the group call its `groupId`.",
        ),
        Refusal::NoUserId => (
            "An alias call has no userId.",
            "It joins an old id (`previousId`) to a new one (`userId`).",
            "Give the alias call its `userId`.",
        ),
        _ => (
            "An alias call has no previousId.",
            "It joins an old id (`previousId`) to a new one (`userId`).",
            "Give the alias call its `previousId`.",
        ),
    };
    say(what, why, action)
}

fn not_taken(refusal: Refusal) -> Remedy {
    match refusal {
        Refusal::NoWriteKey => say(
            "A request came without a write key.",
            "The write key says which source sends. SDKs send it by themselves once they have it.",
            "Copy the source's write key into the sender; Sources has a ready snippet for each SDK. In the browser SDK, `apiKey` must be set too.",
        )
        .at(Location::Sources),
        Refusal::UnknownWriteKey => say(
            "A request came with a write key that no source has.",
            "The key was mistyped, or its source was removed or has got a new key.",
            "Copy the right key from Sources into the sender.",
        )
        .at(Location::Sources),
        Refusal::NotFound => say(
            "A request went to an address that Tributary does not have.",
            "Events go to /v1/track, /v1/identify, /v1/page, /v1/screen, /v1/group, /v1/alias or /v1/batch.",
            "Correct the sender's address; Sources has a ready snippet for each SDK.",
        )
        .at(Location::Sources),
        Refusal::WrongMethod => say(
            "A request used a method that this address does not take.",
            "Events are sent with POST. A redirect on the way turns POST into GET and loses the event.",
            "Send to Tributary's address directly, with POST.",
        )
        .at(Location::Sources),
        Refusal::RequestTooLarge => say(
            "A request is larger than Tributary takes.",
            "The limit, after decompression, is `capture.max_body_bytes` (16 MiB unless changed).",
            "Send smaller batches, or raise the limit in the settings file.",
        )
        .at(Location::Settings),
        Refusal::BatchGrows => say(
            "A batch would take far more room than it has bytes.",
            "The batch's shared `context` and `integrations` are copied into each of its items. What that adds is limited to 4 times the body, or 4 MiB.",
            "Have the sender put less into the shared part, or send smaller batches.",
        )
        .at(Location::Sources),
        Refusal::EventTooLarge => say(
            "An event is too large for the stream.",
            "A record may have 1 MiB with its key (up to 10 MiB where the stream is set so). Base64 makes an event a third larger.",
            "Send less in one event, or use the encoding `json`, or raise the stream's maximum record size.",
        )
        .at(Location::SetUpStream)
        .see(LARGE_RECORDS),
        Refusal::Full => say(
            "The spool is full, or requests arrive too fast.",
            "Events arrive faster than they are delivered or stored, the destination has been unreachable for long, or the disk has less free space than `spool.min_free_bytes`. Senders were told to retry later.",
            "See in Live why events are not delivered, free disk space, or raise the spool size limit in Settings. Accepted events are safe.",
        )
        .at(Location::Settings),
        Refusal::SourceFull => say(
            "A source's share of the spool is full; other sources can still send.",
            "One source may hold no more than `spool.max_source_percent` allows, so that it cannot fill the spool for all. Its senders were told to retry later.",
            "See in Live why its events are not delivered, or whether it sends more than it should; or raise `spool.max_source_percent` or `spool.max_bytes` in the settings file. Accepted events are safe.",
        )
        .at(Location::Sources),
        Refusal::Unavailable => say(
            "Tributary could not take an event at that moment.",
            "It was starting or stopping, or the disk refused to write. The sender was told to retry.",
            "If it goes on, check that the disk has room and is healthy. Accepted events are safe.",
        )
        .at(Location::Settings),
        _ => say(
            "Tributary had an internal error while handling a request.",
            "This should not happen. The sender was told to retry.",
            "Please report it with the error message. Accepted events are safe.",
        ),
    }
}

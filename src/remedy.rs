//! What an error means: for the forwarder ([`class_of`]) and for the user ([`remedy`]). Pure tables, nothing else.
//!
//! Both start from one private list of error codes, so that what the forwarder does and what the user reads cannot
//! drift apart. Codes are those of the Kinesis API (botocore 1.44 model, `aws-sdk-kinesis` 1.130), of AWS's signature
//! and credential checks, our own for what happens before an answer, and those of the capture endpoint.
//! Texts name the stream, region and profile of the settings; they never hold a key or a payload, and of faults' messages
//! only those that are our own words about AWS's files.

mod bound;
mod public;
mod words;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    config::Config,
    delivery::{AwsError, Bound, Outcome, SET_ASIDE, Stuck},
    shell,
};

/// What the forwarder does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The stream pushes back: this key again, later.
    Throttled,
    /// No usable answer, or a failure on the other side: the same again, later.
    Offline,
    /// Nothing gets through before the user acts.
    Blocked,
    /// This record can never be taken.
    Refused,
}

impl Class {
    /// The outcome of a put that ended with this fault.
    pub fn outcome(self, fault: AwsError) -> Outcome {
        match self {
            Self::Throttled => Outcome::Throttled(fault),
            Self::Offline => Outcome::Offline(fault),
            Self::Blocked => Outcome::Blocked(fault),
            Self::Refused => Outcome::Refused(fault),
        }
    }
}

/// Where in the app the user can act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// Set up: region and stream.
    SetUpStream,
    /// Set up: where the AWS keys come from.
    SetUpCredentials,
    /// Set up: what the keys may do.
    SetUpPolicy,
    /// The endpoint, the write keys and the snippets.
    Sources,
    /// The delivery log.
    Live,
    /// Everything else that can be set.
    Settings,
}

impl Location {
    /// Its name on screen, as a way to go there.
    pub fn title(self) -> &'static str {
        match self {
            Self::SetUpStream => "Set up › Stream",
            Self::SetUpCredentials => "Set up › Credentials",
            Self::SetUpPolicy => "Set up › Policy",
            Self::Sources => "Sources",
            Self::Live => "Live",
            Self::Settings => "Settings",
        }
    }
}

/// Plain words about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// What happened, in one line.
    pub what: String,
    /// Why it happens.
    pub why: String,
    /// What to do now; says so when that is nothing.
    pub action: String,
    /// Where in the app to do it.
    pub place: Option<Location>,
    /// A page of AWS that says more.
    pub link: Option<&'static str>,
    /// Signing in mends it: the profile to do that for (empty for the default one), and how.
    pub sign_in: Option<SignIn>,
}

impl Remedy {
    /// Whether it sends its reader to the error message, which must then be shown beside it.
    pub fn speaks_of_message(&self) -> bool {
        [&self.why, &self.action].into_iter().any(|text| text.contains("error message"))
    }
}

/// A sign-in that a person makes with the AWS CLI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// Empty: the default one.
    pub profile: String,
    /// What the profile signs in with.
    pub with: SignInWith,
}

/// What a profile signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignInWith {
    /// AWS IAM Identity Center: `aws sso login`.
    Sso,
    /// The AWS console's own sign-in: `aws login`.
    Login,
}

impl SignIn {
    /// The words after `aws`.
    pub fn words(&self) -> &'static [&'static str] {
        match self.with {
            SignInWith::Sso => &["sso", "login"],
            SignInWith::Login => &["login"],
        }
    }

    /// The command, to be typed into any shell.
    pub fn command(&self) -> String {
        let profile = if self.profile.is_empty() || self.profile == "default" {
            String::new()
        } else {
            format!(" --profile {}", shell::word_of_any_shell(&self.profile))
        };
        format!("aws {}{profile}", self.words().join(" "))
    }
}

/// What was said about a profile, with its name where `profile_in` finds it again.
pub fn about_profile(name: &str, text: &str) -> String {
    if name.is_empty() { text.to_owned() } else { format!("profile “{name}”: {text}") }
}

/// The profile that a message is about.
fn profile_in(message: &str) -> Option<&str> {
    message.strip_prefix("profile “")?.split_once("”: ").map(|(name, _)| name)
}

/// What to tell the user about a fault, with the names of these settings. Never empty, for any code.
pub fn remedy(fault: &AwsError, config: &Config) -> Remedy {
    words::remedy(cause_of(&fault.code, &fault.message), fault, config)
}

/// The same of something that the user asked for once, such as a check: nothing tries again by itself, no event depends
/// on it, and nothing was to be stored.
pub fn remedy_once(fault: &AwsError, config: &Config) -> Remedy {
    words::storing_nothing(remedy_of_put(fault, config))
}

/// The same of a record that was put once, when the user asked for it.
pub fn remedy_of_put(fault: &AwsError, config: &Config) -> Remedy {
    words::once(remedy(fault, config))
}

/// The server of these settings without what may be secret in it, where it is not AWS.
pub fn other_server(config: &Config) -> Option<String> {
    words::other_server(config)
}

/// What to tell the user of a stream that is so slow to answer, and for how long its answers are waited for.
pub fn slow(answer: Duration, waits: Duration, config: &Config) -> String {
    words::slow(answer, waits, config)
}

/// What to tell the user of a stream that spreads records over its shards by itself, while order is wanted.
pub fn spread_keys(config: &Config) -> String {
    words::spread_keys(config)
}

/// What to tell the user of events that the destination refuses while it takes others; the second sentence says what to
/// do.
pub fn stuck(stuck: &Stuck) -> [String; 2] {
    words::stuck(stuck)
}

/// What to tell the user of what holds delivery back while the queue grows; the second part says what to do.
pub fn bound(bound: &Bound, config: &Config) -> [String; 2] {
    bound::words(bound, config)
}

/// What the forwarder does about an error. THE decision table; every retry, block and failure starts here.
///
/// `code` is the error's code as AWS or we name it; for an answer that has none, `Http` and the status (`Http502`)
/// or nothing. `http_status` is asked only for codes that are not in the table: 5xx and no status are
/// [`Class::Offline`], 4xx is [`Class::Blocked`], but 408 (too slow) is offline, 429 (too many) is throttled,
/// and 413 (too large) is refused.
pub fn class_of(code: &str, message: &str, http_status: Option<u16>) -> Class {
    match cause_of(code, message) {
        Cause::StreamBusy | Cause::Throughput | Cause::RateLimit | Cause::KmsThrottling => Class::Throttled,
        Cause::ServiceFailing
        | Cause::NoAnswer
        | Cause::ConnectionFailed
        | Cause::KeysUnreachable(_)
        | Cause::UnclearAnswer
        | Cause::DryRun
        | Cause::RecordDiffers
        | Cause::RecordMissing
        | Cause::KeyServiceSilent
        | Cause::ReadPlaceExpired => Class::Offline,
        Cause::Unreadable if http_status == Some(413) => Class::Refused,
        Cause::Unreadable
        | Cause::CredentialsNotFound
        | Cause::CredentialsFailed(_)
        | Cause::SessionExpired
        | Cause::KeyUnknown
        | Cause::SignatureWrong
        | Cause::NotSigned
        | Cause::ClockWrong
        | Cause::NotAllowed
        | Cause::NotSubscribed
        | Cause::StreamNotFound
        | Cause::RequestRefused
        | Cause::ReadPlaceRefused
        | Cause::IamNameTaken
        | Cause::IamNotThere
        | Cause::OtherAccount
        | Cause::AggregatesLost
        | Cause::KmsNotAllowed
        | Cause::KmsKeyUnusable
        | Cause::KmsKeyNotFound
        | Cause::KmsNotSubscribed
        | Cause::NotTrusted
        | Cause::ProxyRefused
        | Cause::Public(_)
        | Cause::SpoolUnreadable => Class::Blocked,
        Cause::RecordRefused | Cause::Damaged | Cause::Repeat | Cause::SetAside => Class::Refused,
        Cause::Endpoint(refusal) => refusal.class(),
        Cause::Unknown => class_of_status(http_status.or_else(|| status_in(code))),
    }
}

/// Whether what was refused may be one record's fault although the message blames none: an argument that is not valid, a
/// request that could not be read, or a code that nobody knows.
pub fn may_be_the_records(code: &str, message: &str) -> bool {
    match cause_of(code, message) {
        Cause::RequestRefused => code != "IncompleteRequest",
        Cause::Unreadable | Cause::Unknown => true,
        _ => false,
    }
}

/// Whether a request was refused for the time that it was signed at.
pub fn is_the_clock(code: &str, message: &str) -> bool {
    cause_of(code, message) == Cause::ClockWrong
}

fn class_of_status(status: Option<u16>) -> Class {
    match status {
        Some(429) => Class::Throttled,
        Some(413) => Class::Refused,
        Some(408) => Class::Offline,
        // A redirect is an endpoint URL that is not a Kinesis server's.
        Some(300..=499) => Class::Blocked,
        Some(_) | None => Class::Offline,
    }
}

/// `Http502` is what an answer without any code is called.
fn status_in(code: &str) -> Option<u16> {
    code.strip_prefix("Http").and_then(|digits| digits.parse().ok())
}

/// What is behind a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Throughput,
    RateLimit,
    StreamBusy,
    KmsThrottling,
    ServiceFailing,
    NoAnswer,
    ConnectionFailed,
    KeyServiceSilent,
    KeysUnreachable(Source),
    UnclearAnswer,
    NotTrusted,
    ProxyRefused,
    DryRun,
    RecordDiffers,
    RecordMissing,
    IamNameTaken,
    IamNotThere,
    OtherAccount,
    /// The stream spreads records by itself, and readers drop aggregated ones.
    AggregatesLost,
    ReadPlaceExpired,
    ReadPlaceRefused,
    CredentialsNotFound,
    CredentialsFailed(Source),
    SessionExpired,
    KeyUnknown,
    SignatureWrong,
    NotSigned,
    ClockWrong,
    NotAllowed,
    NotSubscribed,
    StreamNotFound,
    RequestRefused,
    KmsNotAllowed,
    KmsKeyUnusable,
    KmsKeyNotFound,
    KmsNotSubscribed,
    RecordRefused,
    Damaged,
    SpoolUnreadable,
    Repeat,
    SetAside,
    Unreadable,
    Endpoint(Refusal),
    /// Of the check of the public address; no put ends with it.
    Public(public::Public),
    Unknown,
}

/// Which way of getting AWS keys failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Sso,
    Login,
    /// The portal knows the sign-in, and does not give this role to it.
    SsoRole,
    Mfa,
    Role,
    NoProfile,
    /// The profile is there, and has no keys.
    NoKeys,
    /// What AWS's files say cannot be used.
    Files,
    /// The place that `credential_source` names has no keys.
    Machine,
    Process,
    /// The program did not end.
    ProcessSilent,
    /// Not a failure yet.
    Waiting,
    Keychain,
    Other,
}

/// What the capture endpoint says when it does not take an event (tracking API, section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    InvalidJson,
    BadEncoding,
    UnsupportedEncoding,
    InvalidBatch,
    NotAnObject,
    NoType,
    UnknownType,
    NoId,
    BadId,
    NoEventName,
    NoGroupId,
    NoPreviousId,
    NoUserId,
    NoWriteKey,
    UnknownWriteKey,
    NotFound,
    WrongMethod,
    RequestTooLarge,
    BatchGrows,
    EventTooLarge,
    Full,
    SourceFull,
    Unavailable,
    Internal,
}

impl Refusal {
    /// What the endpoint refuses never reaches the forwarder; the class says whether sending it again can help.
    fn class(self) -> Class {
        match self {
            Self::Full | Self::SourceFull => Class::Throttled,
            Self::Unavailable | Self::Internal => Class::Offline,
            Self::NoWriteKey
            | Self::UnknownWriteKey
            | Self::InvalidJson
            | Self::BadEncoding
            | Self::UnsupportedEncoding
            | Self::InvalidBatch
            | Self::NotAnObject
            | Self::NoType
            | Self::UnknownType
            | Self::NoId
            | Self::BadId
            | Self::NoEventName
            | Self::NoGroupId
            | Self::NoPreviousId
            | Self::NoUserId
            | Self::NotFound
            | Self::WrongMethod
            | Self::RequestTooLarge
            | Self::BatchGrows
            | Self::EventTooLarge => Class::Refused,
        }
    }
}

/// Every code that is known, without a final `Exception` (AWS writes many of them both ways).
const CODES: &[(&str, Cause)] = &[
    // The stream or AWS is asked too much.
    ("ProvisionedThroughputExceeded", Cause::Throughput),
    ("LimitExceeded", Cause::RateLimit),
    ("Throttling", Cause::RateLimit),
    ("Throttled", Cause::RateLimit),
    ("RequestThrottled", Cause::RateLimit),
    ("RequestLimitExceeded", Cause::RateLimit),
    ("BandwidthLimitExceeded", Cause::RateLimit),
    ("TooManyRequests", Cause::RateLimit),
    ("PriorRequestNotComplete", Cause::RateLimit),
    ("SlowDown", Cause::RateLimit),
    ("KMSThrottling", Cause::KmsThrottling),
    ("ResourceInUse", Cause::StreamBusy),
    // AWS or the network fails.
    ("InternalFailure", Cause::ServiceFailing),
    ("InternalServerError", Cause::ServiceFailing),
    ("InternalServiceError", Cause::ServiceFailing),
    ("InternalError", Cause::ServiceFailing),
    ("ServiceFailure", Cause::ServiceFailing),
    ("ServiceUnavailable", Cause::ServiceFailing),
    ("Unavailable", Cause::ServiceFailing),
    ("RequestTimeout", Cause::NoAnswer),
    ("NoAnswer", Cause::NoAnswer),
    ("ConnectionFailed", Cause::ConnectionFailed),
    ("ConnectionLost", Cause::NoAnswer),
    ("UnclearAnswer", Cause::UnclearAnswer),
    ("RequestAborted", Cause::NoAnswer),
    // Something between us and AWS.
    ("CertificateNotTrusted", Cause::NotTrusted),
    ("ProxyRefused", Cause::ProxyRefused),
    ("DryRunOperation", Cause::DryRun),
    // What a check's record came back as.
    ("RecordDiffers", Cause::RecordDiffers),
    ("RecordMissing", Cause::RecordMissing),
    ("AggregationNotSupported", Cause::AggregatesLost),
    ("ExpiredIterator", Cause::ReadPlaceExpired),
    ("ExpiredNextToken", Cause::ReadPlaceExpired),
    // The SDK would not even send it.
    ("IncompleteRequest", Cause::RequestRefused),
    ("IncompleteRecord", Cause::RecordRefused),
    ("DamagedPayload", Cause::Damaged),
    ("SpoolUnreadable", Cause::SpoolUnreadable),
    // The spool would not forward it again.
    ("repeat", Cause::Repeat),
    // The user changed the destination, or let go of what it refuses.
    (SET_ASIDE, Cause::SetAside),
    // Who we are.
    ("CredentialsNotFound", Cause::CredentialsNotFound),
    ("CredentialsFailed", Cause::CredentialsFailed(Source::Other)),
    ("SsoSignInNeeded", Cause::CredentialsFailed(Source::Sso)),
    ("SsoRoleRefused", Cause::CredentialsFailed(Source::SsoRole)),
    ("LoginNeeded", Cause::CredentialsFailed(Source::Login)),
    ("ProfileNotFound", Cause::CredentialsFailed(Source::NoProfile)),
    ("ProfileWithoutKeys", Cause::CredentialsFailed(Source::NoKeys)),
    ("CredentialSourceEmpty", Cause::CredentialsFailed(Source::Machine)),
    ("AwsFileMistake", Cause::CredentialsFailed(Source::Files)),
    ("CredentialProcessFailed", Cause::CredentialsFailed(Source::Process)),
    ("CredentialProcessSilent", Cause::CredentialsFailed(Source::ProcessSilent)),
    ("WaitingForKeys", Cause::CredentialsFailed(Source::Waiting)),
    ("KeyServiceSilent", Cause::KeyServiceSilent),
    ("ExpiredToken", Cause::SessionExpired),
    ("TokenRefreshRequired", Cause::SessionExpired),
    ("UnrecognizedClient", Cause::KeyUnknown),
    ("InvalidClientTokenId", Cause::KeyUnknown),
    ("InvalidAccessKeyId", Cause::KeyUnknown),
    ("AuthFailure", Cause::KeyUnknown),
    ("InvalidSignature", Cause::SignatureWrong),
    ("SignatureDoesNotMatch", Cause::SignatureWrong),
    ("MissingAuthenticationToken", Cause::NotSigned),
    ("IncompleteSignature", Cause::NotSigned),
    ("RequestExpired", Cause::ClockWrong),
    ("RequestTimeTooSkewed", Cause::ClockWrong),
    ("RequestInTheFuture", Cause::ClockWrong),
    // What we may do.
    ("AccessDenied", Cause::NotAllowed),
    ("NotAuthorized", Cause::NotAllowed),
    ("UnauthorizedOperation", Cause::NotAllowed),
    ("OptInRequired", Cause::NotSubscribed),
    ("SubscriptionRequired", Cause::NotSubscribed),
    // What IAM says when a user or policy is made.
    ("EntityAlreadyExists", Cause::IamNameTaken),
    ("NoSuchEntity", Cause::IamNotThere),
    ("OtherAccount", Cause::OtherAccount),
    // The stream and its key.
    ("ResourceNotFound", Cause::StreamNotFound),
    ("KMSAccessDenied", Cause::KmsNotAllowed),
    ("KMSDisabled", Cause::KmsKeyUnusable),
    ("KMSInvalidState", Cause::KmsKeyUnusable),
    ("KMSNotFound", Cause::KmsKeyNotFound),
    ("KMSOptInRequired", Cause::KmsNotSubscribed),
    // What was sent. The message says whether the record or the request is meant.
    ("Validation", Cause::RequestRefused),
    ("ValidationError", Cause::RequestRefused),
    ("InvalidArgument", Cause::RequestRefused),
    ("InvalidParameterValue", Cause::RequestRefused),
    ("InvalidParameterCombination", Cause::RequestRefused),
    ("MissingParameter", Cause::RequestRefused),
    ("InvalidAction", Cause::Unreadable),
    ("UnknownOperation", Cause::Unreadable),
    ("MalformedQueryString", Cause::Unreadable),
    ("MalformedHttpRequest", Cause::Unreadable),
    ("Serialization", Cause::Unreadable),
    ("RequestEntityTooLarge", Cause::RecordRefused),
    // The capture endpoint.
    ("invalid_json", Cause::Endpoint(Refusal::InvalidJson)),
    ("bad_encoding", Cause::Endpoint(Refusal::BadEncoding)),
    ("unsupported_encoding", Cause::Endpoint(Refusal::UnsupportedEncoding)),
    ("invalid_batch", Cause::Endpoint(Refusal::InvalidBatch)),
    ("not_an_object", Cause::Endpoint(Refusal::NotAnObject)),
    ("missing_type", Cause::Endpoint(Refusal::NoType)),
    ("unknown_type", Cause::Endpoint(Refusal::UnknownType)),
    ("no_user_anon_id", Cause::Endpoint(Refusal::NoId)),
    ("invalid_id", Cause::Endpoint(Refusal::BadId)),
    ("missing_event", Cause::Endpoint(Refusal::NoEventName)),
    ("missing_group_id", Cause::Endpoint(Refusal::NoGroupId)),
    ("missing_previous_id", Cause::Endpoint(Refusal::NoPreviousId)),
    ("missing_user_id", Cause::Endpoint(Refusal::NoUserId)),
    ("no_write_key", Cause::Endpoint(Refusal::NoWriteKey)),
    ("unknown_write_key", Cause::Endpoint(Refusal::UnknownWriteKey)),
    ("not_found", Cause::Endpoint(Refusal::NotFound)),
    ("method_not_allowed", Cause::Endpoint(Refusal::WrongMethod)),
    ("payload_too_large", Cause::Endpoint(Refusal::RequestTooLarge)),
    ("batch_grows_too_large", Cause::Endpoint(Refusal::BatchGrows)),
    ("event_too_large", Cause::Endpoint(Refusal::EventTooLarge)),
    ("overloaded", Cause::Endpoint(Refusal::Full)),
    ("source_spool_full", Cause::Endpoint(Refusal::SourceFull)),
    ("unavailable", Cause::Endpoint(Refusal::Unavailable)),
    ("internal", Cause::Endpoint(Refusal::Internal)),
];

fn cause_of(code: &str, message: &str) -> Cause {
    let short = code.strip_suffix("Exception").unwrap_or(code);
    let listed = CODES.iter().find(|(known, _)| *known == short).map(|(_, cause)| *cause);
    let of_public =
        || public::CODES.iter().find(|(known, _)| *known == short).map(|(_, what)| Cause::Public(*what));
    match listed.or_else(of_public).unwrap_or(Cause::Unknown) {
        Cause::CredentialsFailed(Source::Other) => match source_in(message) {
            // Without a network, a sign-in or role cannot be renewed either; nobody has to act then.
            source @ (Source::NoProfile | Source::Process | Source::Keychain) => {
                Cause::CredentialsFailed(source)
            }
            source if is_about_the_network(message) => Cause::KeysUnreachable(source),
            source => Cause::CredentialsFailed(source),
        },
        // Where the host is known, it can be said what it is for, and the way round.
        Cause::KeyServiceSilent if message.contains("talking to ") => {
            Cause::KeysUnreachable(source_in(message))
        }
        Cause::SignatureWrong if is_about_time(message) => Cause::ClockWrong,
        Cause::RequestRefused if is_about_the_place_to_read(message) => Cause::ReadPlaceRefused,
        Cause::RequestRefused if is_about_the_record(message) => Cause::RecordRefused,
        cause => cause,
    }
}

/// `Signature expired: 2026… is now earlier than 2026…` and `Signature not yet current: …`: the clock, not the key.
fn is_about_time(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["signature expired", "not yet current", "is now earlier", "is still later"]
        .iter()
        .any(|sign| message.contains(sign))
}

/// `StartingSequenceNumber 1 used in GetShardIterator … is invalid`, `Invalid StartingSequenceNumber. It encodes …`, and
/// `… at 'startingSequenceNumber' failed to satisfy constraint …`: what the user typed, not the stream.
fn is_about_the_place_to_read(message: &str) -> bool {
    ["StartingSequenceNumber", "'startingSequenceNumber'"].iter().any(|sign| message.contains(sign))
}

/// Whether keys could not be fetched because nothing answered. A machine outside of EC2 always fails to reach IMDS,
/// the key server of EC2 machines: that says nothing about the network.
pub fn is_about_the_network(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let signs =
        ["dispatch failure", "dns error", "timed out", "timeout", "connection refused", "connect error"];
    !message.contains("imds") && signs.iter().any(|sign| message.contains(sign))
}

/// Whether a refused argument is the record's (its size, `Data`, `PartitionKey`) and not the stream's or our own.
///
/// AWS names the field: `Value '…' at 'records.3.member.data' failed to satisfy constraint: …`. Where it does not,
/// words decide; quoted text does not count then, since a stream may be called `data`.
fn is_about_the_record(message: &str) -> bool {
    let fields: Vec<String> = message
        .split(" at '")
        .skip(1)
        .filter_map(|rest| rest.split_once("' failed"))
        .map(|(field, _)| field.rsplit('.').next().unwrap_or(field).to_ascii_lowercase())
        .collect();
    if !fields.is_empty() {
        // A request with two mistakes is the user's to mend first.
        return fields.iter().all(|field| field == "data" || field == "partitionkey");
    }
    let unquoted: String =
        without_apostrophes(message).split(['\'', '"', '`']).step_by(2).collect::<Vec<_>>().join(" ");
    let words: Vec<String> = unquoted
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let has = |sign: &str| words.iter().any(|word| word == sign);
    let pair = |first: &str, second: &str| words.windows(2).any(|pair| pair[0] == first && pair[1] == second);
    let about_stream =
        has("streamname") || has("streamarn") || pair("stream", "name") || pair("stream", "arn");
    let about_size = has("size") || pair("too", "large") || pair("too", "big");
    !about_stream && (about_size || has("data") || has("partitionkey") || pair("partition", "key"))
}

/// `the record's size` quotes nothing.
fn without_apostrophes(message: &str) -> String {
    let chars: Vec<char> = message.chars().collect();
    let is_letter = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric());
    let inside = |at: usize| is_letter(at.checked_sub(1)) && is_letter(Some(at + 1));
    chars.iter().enumerate().map(|(at, c)| if *c == '\'' && inside(at) { ' ' } else { *c }).collect()
}

/// Which provider of keys a message comes from, by the words of `aws-config` 1.13 and of AWS STS.
fn source_in(message: &str) -> Source {
    let message = message.to_ascii_lowercase();
    let has = |signs: &[&str]| signs.iter().any(|sign| message.contains(sign));
    let is_word = |word: &str| message.split(|c: char| !c.is_ascii_alphanumeric()).any(|other| other == word);
    // First, because it quotes the profile's name, which may hold any of the other words.
    if has(&["was not defined", "no profiles were defined", "no such profile"]) {
        Source::NoProfile
    } else if is_word("sso") || has(&["sso_", "sso-"]) {
        Source::Sso
    } else if is_word("mfa") || has(&["mfa_serial", "multi-factor", "multifactor"]) {
        Source::Mfa
    } else if has(&["assumerole", "assume role", "assume_role"]) {
        Source::Role
    } else if has(&["credential_process", "credential process"]) {
        Source::Process
    } else if has(&["keychain", "keyring", "secret service"]) {
        Source::Keychain
    } else {
        Source::Other
    }
}

#[cfg(test)]
mod tests;

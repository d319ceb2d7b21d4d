//! What an error means: its cause by code and message, and from that what the forwarder does.
//!
//! One table has all codes except the endpoint's, which are [`EndpointCode`]s. They are those of the Kinesis API (botocore
//! 1.44 model, `aws-sdk-kinesis` 1.130), of AWS's signature and credential checks, and ours for what happens before an
//! answer comes.

use super::{
    class::Class,
    connection::Connection,
    credentials::{Credentials, Provider},
    endpoint, message,
    permission::Permission,
    public::{self, Public},
    signature::Signature,
    spool::Spool,
    stream::Stream,
    throttling::Throttling,
};
use crate::{
    delivery::{AwsError, error_code},
    event::EndpointCode,
};

/// What is behind an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Endpoint(EndpointCode),
    Throttling(Throttling),
    Connection(Connection),
    Credentials(Credentials),
    Signature(Signature),
    Permission(Permission),
    Stream(Stream),
    Spool(Spool),
    /// Found by the check of the public address; no put fails with it.
    Public(Public),
    Unknown,
}

/// What the forwarder does about an error. THE decision table; every retry, block and failure starts here.
///
/// `code` is the error's code as AWS or we name it; for an answer that has none, `Http` and the status (`Http502`)
/// or nothing. `http_status` decides only for codes that are not in the table: 5xx and no status are
/// [`Class::Offline`], 4xx is [`Class::Blocked`], but 408 (too slow) is offline, 429 (too many) is throttled,
/// and 413 (too large) is refused.
pub fn class_of(code: &str, message: &str, http_status: Option<u16>) -> Class {
    match Cause::of(code, message) {
        Cause::Endpoint(code) => endpoint::class(code),
        Cause::Throttling(_) => Class::Throttled,
        Cause::Connection(cause) => cause.class(),
        Cause::Credentials(cause) => cause.class(),
        Cause::Stream(cause) => cause.class(http_status),
        Cause::Spool(cause) => cause.class(),
        Cause::Signature(_) | Cause::Permission(_) | Cause::Public(_) => Class::Blocked,
        Cause::Unknown => Class::of_status(http_status.or_else(|| status_in(code))),
    }
}

/// Whether an error that names no record may be the fault of one: an argument that is not valid, a request that could not
/// be read, or an unknown code.
pub fn may_be_the_records(error: &AwsError) -> bool {
    match Cause::of(&error.code, &error.message) {
        Cause::Stream(Stream::RequestRefused) => &*error.code != error_code::INCOMPLETE_REQUEST,
        Cause::Stream(Stream::Unreadable) | Cause::Unknown => true,
        _ => false,
    }
}

/// Whether the destination refused this record for good: for its size or its partition key.
pub fn refuses_the_record(error: &AwsError) -> bool {
    Cause::of(&error.code, &error.message) == Cause::Stream(Stream::RecordRefused)
}

/// Whether a failed question to STS says nothing about whether the keys may put, because there is no STS or it may not be
/// asked.
pub fn says_nothing_of_keys(error: &AwsError) -> bool {
    const UNKNOWN: [&str; 4] =
        ["UnknownOperationException", "InvalidAction", "AccessDenied", "AccessDeniedException"];
    UNKNOWN.contains(&&*error.code) || error.code.starts_with("Http")
}

/// Whether a request was refused because of the time of its signature.
pub fn is_the_clock(code: &str, message: &str) -> bool {
    Cause::of(code, message) == Cause::Signature(Signature::ClockWrong)
}

/// `Http502` is the code of an answer that has none.
fn status_in(code: &str) -> Option<u16> {
    code.strip_prefix("Http").and_then(|digits| digits.parse().ok())
}

impl Cause {
    pub(super) fn of(code: &str, message: &str) -> Self {
        if let Some(code) = EndpointCode::parse(code) {
            return Self::Endpoint(code);
        }
        // AWS writes many of its codes both ways.
        let short = code.strip_suffix("Exception").unwrap_or(code);
        let listed = CODES.iter().find(|(known, _)| *known == short).map(|(_, cause)| *cause);
        let cause = listed.or_else(|| Some(Self::Public(public::Public::of(short)?)));
        cause.unwrap_or(Self::Unknown).narrowed(message)
    }

    /// Chooses the cause by the message, for codes that have several causes.
    fn narrowed(self, message: &str) -> Self {
        match self {
            Self::Credentials(Credentials::Failed(Provider::Other)) => {
                Self::Credentials(match Provider::in_message(message) {
                    provider @ (Provider::NoProfile | Provider::Process | Provider::Keychain) => {
                        Credentials::Failed(provider)
                    }
                    // Without a network, a sign-in or role cannot be renewed either; nobody has to act then.
                    provider if message::is_about_the_network(message) => Credentials::Unreachable(provider),
                    provider => Credentials::Failed(provider),
                })
            }
            // The host tells which service it is, and what can be done.
            Self::Credentials(Credentials::ServiceSilent) if message::names_a_host(message) => {
                Self::Credentials(Credentials::Unreachable(Provider::in_message(message)))
            }
            Self::Signature(Signature::SecretWrong) if message::is_about_time(message) => {
                Self::Signature(Signature::ClockWrong)
            }
            Self::Stream(Stream::RequestRefused) if message::is_about_the_read_position(message) => {
                Self::Stream(Stream::ReadPositionRefused)
            }
            Self::Stream(Stream::RequestRefused) if message::is_about_the_record(message) => {
                Self::Stream(Stream::RecordRefused)
            }
            Self::Spool(Spool::SetAside) if message.contains(error_code::REFUSED_AGAIN_AND_AGAIN) => {
                Self::Spool(Spool::SetAsideAsRefused)
            }
            cause => cause,
        }
    }
}

/// Every code but the endpoint's and those of the check of the public address, without a final `Exception`.
pub(super) const CODES: &[(&str, Cause)] = &[
    // Throttling by the stream or AWS.
    ("ProvisionedThroughputExceeded", Cause::Throttling(Throttling::Throughput)),
    ("LimitExceeded", Cause::Throttling(Throttling::RateLimit)),
    ("Throttling", Cause::Throttling(Throttling::RateLimit)),
    ("Throttled", Cause::Throttling(Throttling::RateLimit)),
    ("RequestThrottled", Cause::Throttling(Throttling::RateLimit)),
    ("RequestLimitExceeded", Cause::Throttling(Throttling::RateLimit)),
    ("BandwidthLimitExceeded", Cause::Throttling(Throttling::RateLimit)),
    ("TooManyRequests", Cause::Throttling(Throttling::RateLimit)),
    ("PriorRequestNotComplete", Cause::Throttling(Throttling::RateLimit)),
    ("SlowDown", Cause::Throttling(Throttling::RateLimit)),
    ("KMSThrottling", Cause::Throttling(Throttling::Kms)),
    ("ResourceInUse", Cause::Throttling(Throttling::StreamBusy)),
    // AWS or the network fails.
    (error_code::INTERNAL_FAILURE, Cause::Connection(Connection::ServiceFailing)),
    ("InternalServerError", Cause::Connection(Connection::ServiceFailing)),
    ("InternalServiceError", Cause::Connection(Connection::ServiceFailing)),
    ("InternalError", Cause::Connection(Connection::ServiceFailing)),
    ("ServiceFailure", Cause::Connection(Connection::ServiceFailing)),
    ("ServiceUnavailable", Cause::Connection(Connection::ServiceFailing)),
    ("Unavailable", Cause::Connection(Connection::ServiceFailing)),
    ("RequestTimeout", Cause::Connection(Connection::NoAnswer)),
    ("RequestAborted", Cause::Connection(Connection::NoAnswer)),
    (error_code::NO_ANSWER, Cause::Connection(Connection::NoAnswer)),
    (error_code::CONNECTION_LOST, Cause::Connection(Connection::Lost)),
    (error_code::CONNECTION_FAILED, Cause::Connection(Connection::Failed)),
    (error_code::UNCLEAR_ANSWER, Cause::Connection(Connection::UnclearAnswer)),
    (error_code::CERTIFICATE_NOT_TRUSTED, Cause::Connection(Connection::CertificateNotTrusted)),
    (error_code::PROXY_REFUSED, Cause::Connection(Connection::ProxyRefused)),
    // The keys.
    (error_code::CREDENTIALS_NOT_FOUND, Cause::Credentials(Credentials::NotFound)),
    (error_code::CREDENTIALS_FAILED, Cause::Credentials(Credentials::Failed(Provider::Other))),
    (error_code::SSO_SIGN_IN_NEEDED, Cause::Credentials(Credentials::Failed(Provider::Sso))),
    (error_code::SSO_ROLE_REFUSED, Cause::Credentials(Credentials::Failed(Provider::SsoRole))),
    (error_code::LOGIN_NEEDED, Cause::Credentials(Credentials::Failed(Provider::Login))),
    (error_code::PROFILE_NOT_FOUND, Cause::Credentials(Credentials::Failed(Provider::NoProfile))),
    (error_code::PROFILE_WITHOUT_KEYS, Cause::Credentials(Credentials::Failed(Provider::NoKeys))),
    (error_code::CREDENTIAL_SOURCE_EMPTY, Cause::Credentials(Credentials::Failed(Provider::Machine))),
    (error_code::AWS_FILE_MISTAKE, Cause::Credentials(Credentials::Failed(Provider::Files))),
    (error_code::CREDENTIAL_PROCESS_FAILED, Cause::Credentials(Credentials::Failed(Provider::Process))),
    (error_code::CREDENTIAL_PROCESS_SILENT, Cause::Credentials(Credentials::Failed(Provider::ProcessSilent))),
    (error_code::WAITING_FOR_KEYS, Cause::Credentials(Credentials::Failed(Provider::Waiting))),
    (error_code::KEY_SERVICE_SILENT, Cause::Credentials(Credentials::ServiceSilent)),
    (error_code::EXPIRED_TOKEN, Cause::Signature(Signature::SessionExpired)),
    ("TokenRefreshRequired", Cause::Signature(Signature::SessionExpired)),
    ("UnrecognizedClient", Cause::Signature(Signature::KeyUnknown)),
    ("InvalidClientTokenId", Cause::Signature(Signature::KeyUnknown)),
    ("InvalidAccessKeyId", Cause::Signature(Signature::KeyUnknown)),
    ("AuthFailure", Cause::Signature(Signature::KeyUnknown)),
    ("InvalidSignature", Cause::Signature(Signature::SecretWrong)),
    ("SignatureDoesNotMatch", Cause::Signature(Signature::SecretWrong)),
    ("MissingAuthenticationToken", Cause::Signature(Signature::Missing)),
    ("IncompleteSignature", Cause::Signature(Signature::Missing)),
    ("RequestExpired", Cause::Signature(Signature::ClockWrong)),
    ("RequestTimeTooSkewed", Cause::Signature(Signature::ClockWrong)),
    ("RequestInTheFuture", Cause::Signature(Signature::ClockWrong)),
    // What the keys may do.
    ("AccessDenied", Cause::Permission(Permission::Denied)),
    ("NotAuthorized", Cause::Permission(Permission::Denied)),
    ("UnauthorizedOperation", Cause::Permission(Permission::Denied)),
    ("OptInRequired", Cause::Permission(Permission::NotSubscribed)),
    ("SubscriptionRequired", Cause::Permission(Permission::NotSubscribed)),
    ("KMSAccessDenied", Cause::Permission(Permission::KmsDenied)),
    ("KMSDisabled", Cause::Permission(Permission::KmsKeyUnusable)),
    ("KMSInvalidState", Cause::Permission(Permission::KmsKeyUnusable)),
    ("KMSNotFound", Cause::Permission(Permission::KmsKeyNotFound)),
    ("KMSOptInRequired", Cause::Permission(Permission::KmsNotSubscribed)),
    ("EntityAlreadyExists", Cause::Permission(Permission::IamNameTaken)),
    ("NoSuchEntity", Cause::Permission(Permission::IamNotFound)),
    // The stream, and records that were read.
    ("ResourceNotFound", Cause::Stream(Stream::NotFound)),
    (error_code::OTHER_ACCOUNT, Cause::Stream(Stream::OtherAccount)),
    (error_code::AGGREGATION_NOT_SUPPORTED, Cause::Stream(Stream::AggregatesLost)),
    (error_code::READER_CANNOT_DECODE, Cause::Stream(Stream::ReaderCannotDecode)),
    ("DryRunOperation", Cause::Stream(Stream::DryRun)),
    ("ExpiredIterator", Cause::Stream(Stream::ReadPositionExpired)),
    ("ExpiredNextToken", Cause::Stream(Stream::ReadPositionExpired)),
    (error_code::RECORD_DIFFERS, Cause::Stream(Stream::RecordDiffers)),
    (error_code::RECORD_MISSING, Cause::Stream(Stream::RecordMissing)),
    // What was sent. The message says whether the record or the request is meant.
    ("Validation", Cause::Stream(Stream::RequestRefused)),
    ("ValidationError", Cause::Stream(Stream::RequestRefused)),
    ("InvalidArgument", Cause::Stream(Stream::RequestRefused)),
    ("InvalidParameterValue", Cause::Stream(Stream::RequestRefused)),
    ("InvalidParameterCombination", Cause::Stream(Stream::RequestRefused)),
    ("MissingParameter", Cause::Stream(Stream::RequestRefused)),
    (error_code::INCOMPLETE_REQUEST, Cause::Stream(Stream::RequestRefused)),
    ("InvalidAction", Cause::Stream(Stream::Unreadable)),
    ("UnknownOperation", Cause::Stream(Stream::Unreadable)),
    ("MalformedQueryString", Cause::Stream(Stream::Unreadable)),
    ("MalformedHttpRequest", Cause::Stream(Stream::Unreadable)),
    ("Serialization", Cause::Stream(Stream::Unreadable)),
    ("RequestEntityTooLarge", Cause::Stream(Stream::RecordRefused)),
    // The spool.
    (error_code::DAMAGED_PAYLOAD, Cause::Spool(Spool::Damaged)),
    (error_code::SPOOL_UNREADABLE, Cause::Spool(Spool::Unreadable)),
    (error_code::REPEAT, Cause::Spool(Spool::Repeat)),
    (error_code::SET_ASIDE, Cause::Spool(Spool::SetAside)),
];

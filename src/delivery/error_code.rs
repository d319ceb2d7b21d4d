//! Our own codes of [`AwsError`](super::AwsError)s: errors before an answer came, and what was found on this computer.
//! AWS's codes stand where they are read; the endpoint's are `EndpointCode`s. Codes are in logs on users' disks and in
//! scripts: never change one.

/// No connection came about, so the record cannot have been written.
pub const CONNECTION_FAILED: &str = "ConnectionFailed";
/// The connection ended before the answer came: the request may have been carried out.
pub const CONNECTION_LOST: &str = "ConnectionLost";
/// No answer came in time.
pub const NO_ANSWER: &str = "NoAnswer";
/// The answer does not say what became of the request.
pub const UNCLEAR_ANSWER: &str = "UnclearAnswer";
/// The certificate of the server or of a proxy is not trusted.
pub const CERTIFICATE_NOT_TRUSTED: &str = "CertificateNotTrusted";
/// The network's proxy does not let the request through.
pub const PROXY_REFUSED: &str = "ProxyRefused";
/// The SDK could not make a request from the settings.
pub const INCOMPLETE_REQUEST: &str = "IncompleteRequest";
/// Something of ours failed; AWS has the same code.
pub const INTERNAL_FAILURE: &str = "InternalFailure";

/// No place has AWS keys.
pub const CREDENTIALS_NOT_FOUND: &str = "CredentialsNotFound";
/// The place that should have AWS keys did not give them.
pub const CREDENTIALS_FAILED: &str = "CredentialsFailed";
/// The profile's SSO sign-in has expired or was never made.
pub const SSO_SIGN_IN_NEEDED: &str = "SsoSignInNeeded";
/// The SSO portal does not give the profile's role to the user who signed in.
pub const SSO_ROLE_REFUSED: &str = "SsoRoleRefused";
/// The profile's `aws login` has expired or was never made.
pub const LOGIN_NEEDED: &str = "LoginNeeded";
/// AWS's files have no such profile.
pub const PROFILE_NOT_FOUND: &str = "ProfileNotFound";
/// The profile has no keys.
pub const PROFILE_WITHOUT_KEYS: &str = "ProfileWithoutKeys";
/// The place that the profile's `credential_source` names has no keys.
pub const CREDENTIAL_SOURCE_EMPTY: &str = "CredentialSourceEmpty";
/// AWS's files have a mistake.
pub const AWS_FILE_MISTAKE: &str = "AwsFileMistake";
/// The profile's program gave no keys.
pub const CREDENTIAL_PROCESS_FAILED: &str = "CredentialProcessFailed";
/// The profile's program did not end.
pub const CREDENTIAL_PROCESS_SILENT: &str = "CredentialProcessSilent";
/// No error yet: AWS keys are awaited.
pub const WAITING_FOR_KEYS: &str = "WaitingForKeys";
/// A service that hands out keys did not answer.
pub const KEY_SERVICE_SILENT: &str = "KeyServiceSilent";
/// The keys have expired; AWS has the same code.
pub const EXPIRED_TOKEN: &str = "ExpiredToken";
/// The keys belong to another account than the stream.
pub const OTHER_ACCOUNT: &str = "OtherAccount";

/// The stream spreads records over its shards by itself, so aggregated records would be lost.
pub const AGGREGATION_NOT_SUPPORTED: &str = "AggregationNotSupported";
/// The stream's reader, or one of its channels, cannot decode records of this format.
pub const READER_CANNOT_DECODE: &str = "ReaderCannotDecode";
/// A record was read back with other bytes than were put.
pub const RECORD_DIFFERS: &str = "RecordDiffers";
/// A record that was put is not in the stream.
pub const RECORD_MISSING: &str = "RecordMissing";

/// The event's bytes in the spool are not what was accepted.
pub const DAMAGED_PAYLOAD: &str = "DamagedPayload";
/// The next events cannot be read from the spool.
pub const SPOOL_UNREADABLE: &str = "SpoolUnreadable";
/// The event was accepted before.
pub const REPEAT: &str = "repeat";
/// The user set the event aside: because the destination changed, or because it kept refusing the event.
pub const SET_ASIDE: &str = "SetAside";
/// What the message of [`SET_ASIDE`] holds if the destination kept refusing the event.
pub const REFUSED_AGAIN_AND_AGAIN: &str = "refused it again and again";

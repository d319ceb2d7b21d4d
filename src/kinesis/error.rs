//! The SDK's errors as [`AwsError`]s: AWS's own code and message, or a code of ours if no answer came. No secrets.

use std::{error::Error, fmt, sync::Arc};

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};

use super::http::TRUST_UNREADABLE;
use crate::delivery::{AwsError, error_code};

/// The settings' place has no AWS keys.
pub(super) fn no_credentials() -> AwsError {
    AwsError::new(error_code::CREDENTIALS_NOT_FOUND, "")
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallError {
    pub(super) error: AwsError,
    /// `None`: no answer came.
    pub(super) http_status: Option<u16>,
}

impl CallError {
    /// A call that failed without an answer.
    pub(super) fn unanswered(code: impl Into<Arc<str>>, message: impl Into<Arc<str>>) -> Self {
        Self { error: AwsError::new(code, message), http_status: None }
    }
}

impl From<AwsError> for CallError {
    fn from(error: AwsError) -> Self {
        Self { error, http_status: None }
    }
}

/// What a call failed with, in AWS's words or ours, for callers that need no HTTP status.
pub(super) fn aws_error<E>(error: &SdkError<E>) -> AwsError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    call_error(error).error
}

/// What a call failed with, in AWS's words or ours.
pub(super) fn call_error<E>(error: &SdkError<E>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(error) = Carried::within(error) {
        return error.clone().into();
    }
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let code = answer.err().code().map_or_else(|| format!("Http{status}"), str::to_owned);
            let message = redacted(answer.err().message().unwrap_or_default());
            CallError { error: AwsError::new(code, message), http_status: Some(status) }
        }
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status();
            let number = status.as_u16();
            // A page of a proxy says nothing but its status. An unreadable success may be a success.
            let code = if status.is_success() {
                error_code::UNCLEAR_ANSWER.to_owned()
            } else {
                format!("Http{number}")
            };
            let message = format!("the answer (HTTP {number}) could not be read");
            CallError { error: AwsError::new(code, message), http_status: Some(number) }
        }
        SdkError::TimeoutError(_) => {
            CallError::unanswered(error_code::NO_ANSWER, "no answer in the time that a call may take")
        }
        SdkError::DispatchFailure(failure) => {
            let text = causes(error);
            let code = match (failure.is_timeout(), failure.is_io()) {
                (true, _) => connection_code(&text).unwrap_or(error_code::NO_ANSWER),
                (false, true) => connection_code(&text).unwrap_or(error_code::CONNECTION_LOST),
                (false, false) if is_about_endpoint_rules(&text) => error_code::INCOMPLETE_REQUEST,
                (false, false) => credentials_code(&text).unwrap_or(error_code::CONNECTION_LOST),
            };
            CallError::unanswered(code, redacted(&text))
        }
        SdkError::ConstructionFailure(_) => {
            CallError::unanswered(error_code::INCOMPLETE_REQUEST, redacted(&causes(error)))
        }
        other => CallError::unanswered(error_code::UNCLEAR_ANSWER, redacted(&causes(other))),
    }
}

/// The code if no connection came about.
fn connection_code(text: &str) -> Option<&'static str> {
    if text.contains("invalid peer certificate") {
        Some(error_code::CERTIFICATE_NOT_TRUSTED)
    } else if text.contains("tunnel error: proxy authorization required")
        || text.contains("tunnel error: unsuccessful")
    {
        Some(error_code::PROXY_REFUSED)
    } else if text.contains("(Connect)") || text.contains(TRUST_UNREADABLE) {
        Some(error_code::CONNECTION_FAILED)
    } else {
        None
    }
}

/// Whether the endpoint rules of `aws-sdk-kinesis` 1.130 found no host: an ARN of one partition with a region of another,
/// or FIPS in a partition that has none.
fn is_about_endpoint_rules(text: &str) -> bool {
    [
        "doesn't match with partition name",
        "partition does not support",
        "Invalid ARN:",
        "Invalid Configuration:",
    ]
    .iter()
    .any(|said| text.contains(said))
}

/// The code if a credentials provider failed, which the SDK reports as a call that was never dispatched. `None`: the text
/// is about something else.
pub(super) fn credentials_code(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    if ["no providers in chain", "not loaded", "not enabled"].iter().any(|said| text.contains(said)) {
        Some(error_code::CREDENTIALS_NOT_FOUND)
    } else if ["credential", "identity", "token"].iter().any(|said| text.contains(said)) {
        Some(error_code::CREDENTIALS_FAILED)
    } else {
        None
    }
}

/// The error and its causes, from the outside in.
pub(super) fn chain<'e>(
    error: Option<&'e (dyn Error + 'static)>,
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error, |error| (*error).source())
}

/// The texts of the error's causes, from the outside in, each once; the error itself if it has none.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let step = cause.to_string();
        if !text.contains(&step) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&step);
        }
        next = cause.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

/// The error and its causes.
pub(super) fn with_causes(error: &dyn Error) -> String {
    format!("{error}: {}", causes(error))
}

/// Cuts a message at the canonical request, which AWS returns whole for a bad signature, session token included.
pub(super) fn redacted(message: &str) -> String {
    const CHARS_MAX: usize = 600;
    let end = ["The Canonical String", "Canonical Request", "x-amz-security-token", "X-Amz-Security-Token"]
        .iter()
        .filter_map(|mark| message.find(mark))
        .min()
        .unwrap_or(message.len());
    let mut text: String = message[..end].trim().chars().take(CHARS_MAX).collect();
    if text.len() < end {
        text.push('…');
    }
    text
}

/// An [`AwsError`] of ours that passes through the SDK as the cause of one of its errors.
#[derive(Debug)]
pub(super) struct Carried(pub(super) AwsError);

impl Carried {
    /// The error that is carried in `error` or its causes.
    pub(super) fn within<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e AwsError> {
        chain(Some(error)).find_map(|error| error.downcast_ref().map(|Self(error)| error))
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Carried {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_token_in_an_answer_never_gets_into_a_message() {
        let said = "The request signature we calculated does not match.\n\nThe Canonical String for this request should \
                    have been\n'POST\n/\n\nx-amz-security-token:FwoGZXIvYXdzEBYaDE'";
        let text = redacted(said);
        assert!(text.starts_with("The request signature we calculated"));
        assert!(!text.contains("FwoGZ"), "{text}");
    }
}

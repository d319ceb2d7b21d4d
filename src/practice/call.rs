//! What all operations share: the call with its circumstances, and how a request's body is read. Synchronous, and the
//! time is an argument.

use super::api_error::ApiError;
use super::arn::Arn;
use super::faults::Faults;
use super::shared::Shared;
use super::store::Streams;
use super::stream::Stream;
use super::token::{Token, TokenKind};
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

/// One call and its circumstances.
pub(super) struct Call<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) faults: Faults,
    pub(super) now_ms: u64,
}

impl Call<'_> {
    pub(super) fn account(&self) -> &str {
        &self.shared.settings.account_id
    }

    /// The stream that a name, an ARN, or both name. The form of both was checked.
    pub(super) fn stream_name<'t>(
        &self,
        name: Option<&'t str>,
        arn: Option<&'t str>,
    ) -> Result<&'t str, ApiError> {
        let Some(arn) = arn.and_then(Arn::parse) else {
            return name
                .ok_or_else(|| ApiError::argument("Either StreamName or StreamARN must be provided."));
        };
        if name.is_some_and(|name| name != arn.stream) {
            return Err(ApiError::argument("StreamName and StreamARN must stand for the same stream."));
        }
        self.check_owner(&arn)?;
        Ok(arn.stream)
    }

    /// Refuses an ARN of another account or region.
    pub(super) fn check_owner(&self, arn: &Arn<'_>) -> Result<(), ApiError> {
        if arn.account != self.account() || arn.region != self.shared.settings.region {
            return Err(ApiError::no_stream(arn.stream, arn.account));
        }
        Ok(())
    }

    pub(super) fn find<'s>(&self, streams: &'s Streams, name: &str) -> Result<&'s Stream, ApiError> {
        streams.get(name).ok_or_else(|| ApiError::no_stream(name, self.account()))
    }

    pub(super) fn find_mut<'s>(
        &self,
        streams: &'s mut Streams,
        name: &str,
    ) -> Result<&'s mut Stream, ApiError> {
        streams.get_mut(name).ok_or_else(|| ApiError::no_stream(name, self.account()))
    }

    /// Reads a next token.
    pub(super) fn read_token(&self, kind: TokenKind, text: &str) -> Result<Token, ApiError> {
        let token =
            self.shared.token_key.read(kind, text).ok_or_else(|| ApiError::argument("Invalid NextToken."))?;
        if token.is_expired(self.now_ms) { Err(ApiError::expired_next_token()) } else { Ok(token) }
    }
}

/// A string of the request, borrowed unless it holds escapes.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    // serde would take an array as a structure, with the fields by position.
    let is_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if !is_object {
        return Err(ApiError::unreadable("The body of a request is a JSON object."));
    }
    serde_json::from_slice(body)
        .map_err(|error| ApiError::unreadable(format!("The body is not as expected: {error}")))
}

/// AWS's form of a time: seconds with thousandths.
pub(super) fn seconds(time_ms: u64) -> f64 {
    time_ms as f64 / 1000.0
}

/// The inverse of [`seconds`]. A time before 1970 is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is right"
)]
pub(super) fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

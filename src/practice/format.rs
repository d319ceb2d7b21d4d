//! The two formats in which AWS SDKs speak to Kinesis: JSON, and CBOR, the default of the AWS SDK for Java. The operations
//! know JSON alone.

use super::api_error::ApiError;
use super::cbor;
use axum::body::Bytes;
use axum::http::{HeaderMap, header};

/// The format of a request, and so of its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Json,
    Cbor,
}

impl Format {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with(Self::Cbor.content_type()) { Self::Cbor } else { Self::Json }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-amz-json-1.1",
            Self::Cbor => "application/x-amz-cbor-1.1",
        }
    }

    /// The JSON of a request.
    pub(super) fn read(self, body: Bytes) -> Result<Bytes, ApiError> {
        match self {
            Self::Json => Ok(body),
            Self::Cbor => {
                let json = cbor::to_json(&body).map(Into::into);
                json.ok_or_else(|| ApiError::unreadable("The body is not as expected: it is no CBOR."))
            }
        }
    }

    /// An answer from its JSON; empty stays empty.
    pub(super) fn write(self, text: String) -> Bytes {
        match self {
            Self::Cbor if !text.is_empty() => {
                let answer = serde_json::from_str(&text).expect("the operations write JSON");
                cbor::from_json(&answer).into()
            }
            Self::Json | Self::Cbor => text.into(),
        }
    }
}

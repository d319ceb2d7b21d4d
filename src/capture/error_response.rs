//! The responses that refuse a request: status, code and message. SDKs decide by the status whether to send again, so
//! the statuses follow measurements of SDKs (tracking API §6, §8).

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::json;

use super::response;
use crate::{
    event::{EndpointCode, Rejection},
    spool::AppendError,
};

/// A response that refuses a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ErrorResponse {
    pub(super) status: StatusCode,
    pub(super) code: EndpointCode,
    pub(super) message: String,
    /// Seconds after which the sender may try again.
    retry_after: Option<u32>,
    /// The methods that the path supports.
    allow: Option<&'static str>,
    /// The sender closed the connection before its request was complete: nobody gets this response.
    sender_left: bool,
}

impl ErrorResponse {
    fn new(status: StatusCode, code: EndpointCode, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, allow: None, sender_left: false }
    }

    fn with_retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    pub(super) fn not_found(path: &str, suggested: Option<&str>) -> Self {
        let path: String = path.chars().take(80).collect();
        let message = match suggested {
            Some(suggested) => format!("there is nothing at {path}; did you mean {suggested}?"),
            None => {
                format!(
                    "there is nothing at {path}; events go to /v1/track and its siblings, or to /v1/batch"
                )
            }
        };
        Self::new(StatusCode::NOT_FOUND, EndpointCode::NotFound, message)
    }

    pub(super) fn no_analytics_js() -> Self {
        let message =
            "there is no copy of analytics.js to load: say in capture.analytics_js where you host one";
        Self::new(StatusCode::NOT_FOUND, EndpointCode::NotFound, message)
    }

    pub(super) fn method(allow: &'static str) -> Self {
        let message = format!("this path takes {allow}");
        let error = Self::new(StatusCode::METHOD_NOT_ALLOWED, EndpointCode::MethodNotAllowed, message);
        Self { allow: Some(allow), ..error }
    }

    pub(super) fn no_write_key() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            EndpointCode::NoWriteKey,
            "no write key came with the request; give your SDK the key from Tributary's Sources (analytics.js sends \
             none when its settings have no apiKey)",
        )
    }

    pub(super) fn unknown_write_key() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            EndpointCode::UnknownWriteKey,
            "the write key belongs to no source; copy it again from Tributary's Sources",
        )
    }

    pub(super) fn foreign(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, EndpointCode::ForeignRequest, message)
    }

    pub(super) fn too_large(bytes_max: usize) -> Self {
        let message = format!(
            "the body has more than {bytes_max} bytes (capture.max_body_bytes), inflated; send smaller batches"
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, EndpointCode::PayloadTooLarge, message)
    }

    pub(super) fn bad_encoding(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, EndpointCode::BadEncoding, message)
    }

    pub(super) fn unsupported_encoding(name: &str) -> Self {
        let name: String = name.chars().take(40).collect();
        let message = format!("the content encoding \"{name}\" is not known here; send gzip or none");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, EndpointCode::UnsupportedEncoding, message)
    }

    pub(super) fn unavailable(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, EndpointCode::Unavailable, message).with_retry_after(2)
    }

    /// Not 408: Chromium repeats such a request at once by itself, and some SDKs never repeat after a 4xx other than
    /// 429.
    pub(super) fn too_slow(rate_min: u64, time_max: Duration) -> Self {
        let message = format!(
            "the body arrived too slowly: less than {rate_min} bytes a second, or longer than {} s in all; send it again",
            time_max.as_secs()
        );
        Self::new(StatusCode::SERVICE_UNAVAILABLE, EndpointCode::BodyTooSlow, message).with_retry_after(2)
    }

    pub(super) fn rejection(rejection: &Rejection) -> Self {
        let status = match rejection.code {
            EndpointCode::EventTooLarge
            | EndpointCode::PayloadTooLarge
            | EndpointCode::BatchGrowsTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, rejection.code, rejection.message.clone())
    }

    pub(super) fn spool(error: &AppendError) -> Self {
        let (status, code) = match error {
            AppendError::Full(_) => (StatusCode::TOO_MANY_REQUESTS, EndpointCode::Overloaded),
            AppendError::SourceFull(_) => (StatusCode::TOO_MANY_REQUESTS, EndpointCode::SourceSpoolFull),
            AppendError::Disk(_) => (StatusCode::SERVICE_UNAVAILABLE, EndpointCode::Unavailable),
            AppendError::Closed => return Self::unavailable("Tributary is stopping; send it again"),
        };
        Self::new(status, code, error.to_string()).with_retry_after(5)
    }

    /// The connection ended before the body did.
    pub(super) fn broken_off() -> Self {
        Self { sender_left: true, ..Self::bad_encoding("the connection ended before the body did") }
    }

    /// Whether the sender was told, and sending it again will not help.
    pub(super) fn is_final(&self) -> bool {
        self.status.is_client_error() && self.retry_after.is_none() && !self.sender_left
    }

    /// The connection was evicted before its request was complete.
    pub(super) fn evicted() -> Self {
        Self::unavailable("this request arrived too slowly and had to make room for others; send it again")
    }

    /// A client of a proxy has as many requests in progress as one peer may have connections.
    pub(super) fn too_many_requests(max: usize) -> Self {
        let message = format!(
            "{max} requests of your address are under way (capture.max_connections_per_peer); send it again"
        );
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, EndpointCode::TooManyRequestsOfPeer, message);
        error.with_retry_after(2)
    }

    /// All memory for bodies is in use.
    pub(super) fn no_memory() -> Self {
        let message = "too many large requests arrive at once; send it again";
        Self::new(StatusCode::TOO_MANY_REQUESTS, EndpointCode::Overloaded, message).with_retry_after(2)
    }

    /// JSON with `code`, `message` and `error`, since SDKs differ in which they read.
    pub(super) fn response(&self) -> Response {
        let code = self.code.as_str();
        let body = json!({ "success": false, "code": code, "message": self.message, "error": self.message });
        let mut response = response::json(self.status, &body);
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

//! What senders are told. SDKs decide by it whether to send again, so status and body follow what they were measured
//! to do (tracking API §6, §8): 200 with a JSON object, or an error object with `code`, `message` and `error`.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    event::{Code, Rejection},
    spool::AppendError,
};

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) code: Code,
    pub(super) message: String,
    /// Seconds after which to come again.
    retry_after: Option<u32>,
    /// The methods that a path takes.
    allow: Option<&'static str>,
    /// The sender went away before it had said all: nobody gets this answer.
    sender_left: bool,
}

impl Refused {
    fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, allow: None, sender_left: false }
    }

    pub(super) fn not_found(path: &str, meant: Option<&str>) -> Self {
        let path: String = path.chars().take(80).collect();
        let message = match meant {
            Some(meant) => format!("there is nothing at {path}; did you mean {meant}?"),
            None => {
                format!(
                    "there is nothing at {path}; events go to /v1/track and its siblings, or to /v1/batch"
                )
            }
        };
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, message)
    }

    pub(super) fn no_analytics_js() -> Self {
        let message =
            "there is no copy of analytics.js to load: say in capture.analytics_js where you host one";
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, message)
    }

    pub(super) fn method(allow: &'static str) -> Self {
        let message = format!("this path takes {allow}");
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, message)
        }
    }

    pub(super) fn no_write_key() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            Code::NoWriteKey,
            "no write key came with the request; give your SDK the key from Tributary's Sources (analytics.js sends \
             none when its settings have no apiKey)",
        )
    }

    pub(super) fn unknown_write_key() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            Code::UnknownWriteKey,
            "the write key belongs to no source; copy it again from Tributary's Sources",
        )
    }

    pub(super) fn foreign(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, Code::ForeignRequest, message)
    }

    pub(super) fn too_large(bytes_max: usize) -> Self {
        let message = format!(
            "the body has more than {bytes_max} bytes (capture.max_body_bytes), inflated; send smaller batches"
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::PayloadTooLarge, message)
    }

    pub(super) fn bad_encoding(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BadEncoding, message)
    }

    pub(super) fn unsupported_encoding(name: &str) -> Self {
        let name: String = name.chars().take(40).collect();
        let message = format!("the content encoding \"{name}\" is not known here; send gzip or none");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::UnsupportedEncoding, message)
    }

    pub(super) fn unavailable(message: &str) -> Self {
        let refused = Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message);
        Self { retry_after: Some(2), ..refused }
    }

    /// Not 408: Chromium repeats such a request at once by itself, and some SDKs take every 4xx but 429 as final.
    pub(super) fn too_slow(rate_min: u64, time_max: Duration) -> Self {
        let message = format!(
            "the body arrived too slowly: less than {rate_min} bytes a second, or longer than {} s in all; send it again",
            time_max.as_secs()
        );
        let refused = Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::BodyTooSlow, message);
        Self { retry_after: Some(2), ..refused }
    }

    pub(super) fn event(refusal: &Rejection) -> Self {
        let status = match refusal.code {
            Code::EventTooLarge | Code::PayloadTooLarge | Code::BatchGrowsTooLarge => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, refusal.code, refusal.message.clone())
    }

    pub(super) fn spool(error: &AppendError) -> Self {
        match error {
            AppendError::Full(_) => Self {
                retry_after: Some(5),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, Code::Overloaded, error.to_string())
            },
            AppendError::SourceFull(_) => Self {
                retry_after: Some(5),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, Code::SourceSpoolFull, error.to_string())
            },
            AppendError::Disk(_) => Self {
                retry_after: Some(5),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, error.to_string())
            },
            AppendError::Closed => Self::unavailable("Tributary is stopping; send it again"),
        }
    }

    /// The connection ended before the body did.
    pub(super) fn broken_off() -> Self {
        Self { sender_left: true, ..Self::bad_encoding("the connection ended before the body did") }
    }

    /// The sender was told, and sending it again will not help.
    pub(super) fn is_final(&self) -> bool {
        self.status.is_client_error() && self.retry_after.is_none() && !self.sender_left
    }

    /// The request must make room for others before it was there whole.
    pub(super) fn no_place() -> Self {
        Self::unavailable("this request arrived too slowly and had to make room for others; send it again")
    }

    /// A client of a proxy has as many requests under way as one peer may have connections.
    pub(super) fn too_many(bound: usize) -> Self {
        let message = format!(
            "{bound} requests of your address are under way (capture.max_connections_per_peer); send it again"
        );
        let refused = Self::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequestsOfPeer, message);
        Self { retry_after: Some(2), ..refused }
    }

    /// All memory for bodies is taken.
    pub(super) fn busy() -> Self {
        let message = "too many large requests arrive at once; send it again";
        Self { retry_after: Some(2), ..Self::new(StatusCode::TOO_MANY_REQUESTS, Code::Overloaded, message) }
    }

    pub(super) fn response(&self) -> Response {
        let body = json!({ "success": false, "code": self.code.as_str(), "message": self.message, "error": self.message });
        let mut response = json_response(self.status, &body);
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

/// `errors` of an answer holds at most so many.
const ERRORS_MAX: usize = 100;

/// `messageIds` holds at most so many.
const MADE_MAX: usize = 1000;

/// What became of a batch: 200 even where every item was refused, since a 4xx would tell the SDK no more and some
/// would send all of it ten times.
/// `made`: the items that came without a `messageId`, and the ones that were made for them.
pub(super) fn batch(accepted: usize, refused: &[(usize, Rejection)], made: &[(usize, String)]) -> Response {
    let mut body = json!({ "success": true, "accepted": accepted, "rejected": refused.len() });
    if !made.is_empty() {
        let listed = made.iter().take(MADE_MAX).map(|(index, id)| json!({ "index": index, "messageId": id }));
        body["messageIds"] = listed.collect();
        if made.len() > MADE_MAX {
            body["messageIdsTruncated"] = true.into();
        }
    }
    if !refused.is_empty() {
        let errors = refused.iter().take(ERRORS_MAX).map(|(index, refusal)| {
            json!({
                "index": index,
                "messageId": refusal.message_id,
                "code": refusal.code.as_str(),
                "message": refusal.message,
            })
        });
        body["errors"] = errors.collect();
        if refused.len() > ERRORS_MAX {
            body["errorsTruncated"] = true.into();
        }
    }
    json_response(StatusCode::OK, &body)
}

/// An event that was accepted, and its receipt.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    success: bool,
    message_id: &'a str,
}

pub(super) fn accepted(message_id: &str) -> Response {
    json_response(StatusCode::OK, &Accepted { success: true, message_id })
}

pub(super) fn json_response(status: StatusCode, body: &impl Serialize) -> Response {
    // Writing to memory does not fail, and neither type of body has a part that JSON lacks.
    let body = serde_json::to_vec(body).unwrap_or_default();
    response(status, "application/json", body)
}

pub(super) fn response(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A transparent image of one pixel.
pub(super) fn pixel() -> Response {
    const GIF: &[u8] = &[
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff,
        0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
        0x01, 0x00, 0x00, 0x02, 0x01, 0x44, 0x00, 0x3b,
    ];
    let mut answer = response(StatusCode::OK, "image/gif", GIF);
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, max-age=0"));
    answer
}

/// The answer to a browser's question before it sends: what it asks for is allowed, by echo (tracking API §9.1).
pub(super) fn preflight(asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    if let Some(names) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, OPTIONS"));
    response
}

/// The answer to OPTIONS where no page of another origin may ask.
pub(super) fn options() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    response
}

/// What an answer to a page of another origin needs, errors included.
pub(super) fn add_cors(origin: Option<&HeaderValue>, is_preflight: bool, response: &mut Response) {
    let Some(origin) = origin else { return };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    let vary = if is_preflight {
        "Origin, Access-Control-Request-Headers"
    } else {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
        "Origin"
    };
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    // Older versions of Chromium ask for this before a public page may reach a loopback address. Version 156 asks its user
    // instead, and no header counts.
    let private: HeaderName = HeaderName::from_static("access-control-allow-private-network");
    if is_preflight {
        headers.insert(private, HeaderValue::from_static("true"));
    }
}

//! The responses to accepted requests, and what all responses share: JSON, CORS and no caching.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::event::Rejection;

/// Maximum entries in `errors` of a response.
const ERRORS_MAX: usize = 100;

/// Maximum entries in `messageIds` of a response.
const MADE_IDS_MAX: usize = 1000;

/// An item of a batch that was rejected.
pub(super) struct RejectedItem {
    /// Its index in the batch.
    pub(super) index: usize,
    pub(super) rejection: Rejection,
}

/// The `messageId` that was made for an item without one.
pub(super) struct MadeId {
    /// The item's index in the batch.
    pub(super) index: usize,
    pub(super) message_id: String,
}

/// The response to a batch. It is 200 even if every item was rejected: a 4xx would tell the SDK no more, and some SDKs
/// would send the whole batch ten times.
pub(super) fn batch(accepted: usize, rejected: &[RejectedItem], made: &[MadeId]) -> Response {
    let mut body = json!({ "success": true, "accepted": accepted, "rejected": rejected.len() });
    if !made.is_empty() {
        let ids = made.iter().take(MADE_IDS_MAX);
        body["messageIds"] =
            ids.map(|made| json!({ "index": made.index, "messageId": made.message_id })).collect();
        if made.len() > MADE_IDS_MAX {
            body["messageIdsTruncated"] = true.into();
        }
    }
    if !rejected.is_empty() {
        body["errors"] = rejected.iter().take(ERRORS_MAX).map(error_of).collect();
        if rejected.len() > ERRORS_MAX {
            body["errorsTruncated"] = true.into();
        }
    }
    json(StatusCode::OK, &body)
}

fn error_of(RejectedItem { index, rejection }: &RejectedItem) -> Value {
    json!({
        "index": index,
        "messageId": rejection.message_id,
        "code": rejection.code.as_str(),
        "message": rejection.message,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    success: bool,
    message_id: &'a str,
}

/// The response to a single event that was accepted.
pub(super) fn accepted(message_id: &str) -> Response {
    json(StatusCode::OK, &Accepted { success: true, message_id })
}

/// A response with a JSON body.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Writing to memory does not fail, and no body here has a value that JSON lacks.
    let body = serde_json::to_vec(body).unwrap_or_default();
    with_body(status, "application/json", body)
}

/// A response that must not be cached.
pub(super) fn with_body(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
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
    let mut response = with_body(StatusCode::OK, "image/gif", GIF);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, max-age=0"));
    response
}

/// The response to a browser's CORS preflight: allows the headers that it asks for.
pub(super) fn preflight(request: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    if let Some(names) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, OPTIONS"));
    response
}

/// The response to OPTIONS on a path that is not for pages of other origins.
pub(super) fn options() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    response
}

/// Adds the headers that let a page of another origin read the response, errors included.
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
    // Older versions of Chromium require this header before a public page may reach a loopback address. Version 156
    // asks its user instead, and ignores the header.
    let private: HeaderName = HeaderName::from_static("access-control-allow-private-network");
    if is_preflight {
        headers.insert(private, HeaderValue::from_static("true"));
    }
}

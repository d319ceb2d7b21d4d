//! One push: a POST by OTLP over HTTP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::time::Duration;

use ureq::{Proxy, http::Response};

use super::headers;
use crate::{
    capture::{self, PartialSuccess},
    config::Metrics,
    engine::https::{agent, said},
};

/// Until the answer is there.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum bytes of an answer to read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// The longest pause that a receiver may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// Why a push did not arrive. It has no header's value in it.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) why: String,
    /// The receiver wants no other push for so long.
    pub(super) retry_after: Option<Duration>,
}

impl Refused {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry_after: None }
    }
}

/// Pushes this body. Returns what the receiver said of what it took, if that is worth telling. Blocks for some seconds at most.
///
/// Uses the proxy of `HTTPS_PROXY` or `HTTP_PROXY`, unless the receiver is on this machine or `NO_PROXY` names it.
pub(super) fn post(settings: &Metrics, url: &str, body: Vec<u8>) -> Result<Option<PartialSuccess>, Refused> {
    let proxy = if settings.otlp_is_local() { None } else { Proxy::try_from_env() };
    let mut request = agent(TIMEOUT, proxy).post(url).header("content-type", "application/x-protobuf");
    for (name, value) in headers::read(&settings.otlp_headers_file).map_err(Refused::new)? {
        request = request.header(name, value);
    }
    let mut response =
        request.send(body).map_err(|error| Refused::new(format!("it was not reached ({error})")))?;
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().unwrap_or_default();
    let status = response.status();
    if status.is_success() {
        return Ok(capture::partial_success(&body));
    }
    let text = capture::refusal(&body).unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    let text = said(&text);
    let text = if text.is_empty() { String::new() } else { format!(": {text}") };
    Err(Refused { why: format!("it answered {status}{text}"), retry_after: retry_after(&response) })
}

/// Seconds alone: a date would need a clock that is right.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    if !matches!(response.status().as_u16(), 429 | 502 | 503 | 504) {
        return None;
    }
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_what_a_busy_receiver_asks_for_and_at_most_an_hour() {
        let pause = |status: u16, text: &str| {
            let response = Response::builder().status(status).header("retry-after", text).body(());
            retry_after(&response.expect("a response"))
        };
        assert_eq!(pause(429, "120"), Some(Duration::from_mins(2)));
        assert_eq!(pause(503, " 7 "), Some(Duration::from_secs(7)));
        assert_eq!(pause(503, "999999999"), Some(Duration::from_hours(1)));
        assert_eq!(pause(503, "Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(pause(503, "-1"), None);
        assert_eq!(pause(400, "120"), None, "the next push is no repetition");
    }
}

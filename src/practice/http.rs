//! HTTP in and out: one request is one call.
//!
//! The headers are checked before the body is read. The bodies in memory share a budget: the program's own client has one,
//! all other clients another. The answer has the request's format, or for `SubscribeToShard` it is a stream of events.

use super::access::{self, Expected};
use super::api_error::ApiError;
use super::call::Call;
use super::control;
use super::faults::{Ending, Faults};
use super::format::Format;
use super::operations::{self, Answer};
use super::shared::Shared;
use crate::clock::now_ms;
use crate::slots::{Rank, Slot};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header, request};
use axum::response::Response;
use futures_util::{StreamExt, future};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Maximum body: a `PutRecords` of 10 MiB as base64, with keys full of escapes and the JSON around them.
const BODY_BYTES_MAX: usize = 16 << 20;
/// Maximum bytes of a too large body that are read and discarded, so that its sender gets to read the answer.
const DISCARDED_BYTES_MAX: usize = 64 << 20;
/// Maximum bodies in memory at a time, in KiB, for each kind of client. More senders wait.
const OWN_BODIES_KIB_MAX: u32 = 64 << 10;
const OTHER_BODIES_KIB_MAX: u32 = 32 << 10;

/// How the names of operations begin that change nothing.
const READS: [&str; 4] = ["Describe", "Get", "List", "Subscribe"];

/// Answers the requests of one server.
pub(super) struct Handler {
    shared: Arc<Shared>,
    port: u16,
    /// Cancelled when the server is to stop.
    stopping: CancellationToken,
    own_bodies: Semaphore,
    other_bodies: Semaphore,
}

impl Handler {
    pub(super) fn new(shared: Arc<Shared>, port: u16, stopping: CancellationToken) -> Self {
        let [own_bodies, other_bodies] =
            [OWN_BODIES_KIB_MAX, OTHER_BODIES_KIB_MAX].map(|kib| Semaphore::new(kib as usize));
        Self { shared, port, stopping, own_bodies, other_bodies }
    }

    /// The answer to a request. If the connection is to close without one, this cancels `connection` and never ends.
    pub(super) async fn respond(
        &self,
        slot: &Arc<Slot>,
        connection: &CancellationToken,
        request: Request,
    ) -> Response {
        let busy = slot.busy();
        if self.shared.settings.initial.is_some() && control::is_meant(request.uri()) {
            return match self.control(slot, request).await {
                Ok(text) => response(200, "application/json", Body::from(text)),
                Err(error) => refusal(&error, Format::Json),
            };
        }
        let (faults, format) = (self.shared.faults(), Format::of(request.headers()));
        let answer = self.answer(slot, request, faults).await;
        if !faults.delay.is_zero() {
            tokio::time::sleep(faults.delay).await;
        }
        match answer {
            Ok(Some(Answer::Json(text))) => formatted(200, format, text),
            Ok(Some(Answer::Events(subscription))) => {
                let events = subscription.events(format, self.stopping.clone());
                // The connection is busy for as long as events come.
                let events = events.map(move |event| {
                    let _busy = &busy;
                    Ok::<_, Infallible>(event)
                });
                response(200, "application/vnd.amazon.eventstream", Body::from_stream(events))
            }
            Ok(None) => {
                connection.cancel();
                future::pending().await
            }
            Err(error) => refusal(&error, format),
        }
    }

    /// A call of the control path, which no fault affects.
    async fn control(&self, slot: &Slot, request: Request) -> Result<String, ApiError> {
        let (head, body) = request.into_parts();
        access::check_caller(&head.headers, &head.uri, self.port)?;
        if control::is_open(&head.uri) {
            // A caller without the keys gets none of the memory for bodies.
            return control::answer(&self.shared, &head.method, &head.uri, &[]);
        }
        access::check_control(&head.headers, &self.expected(), &self.shared.secret_access_key)?;
        if !slot.authenticate(Rank::Authenticated) {
            return Err(ApiError::too_many_connections());
        }
        let body = self.read_in_time(&head.headers, body, &self.other_bodies).await?;
        control::answer(&self.shared, &head.method, &head.uri, &body)
    }

    /// `None`: the connection is to close without an answer.
    async fn answer(
        &self,
        slot: &Slot,
        request: Request,
        faults: Faults,
    ) -> Result<Option<Answer>, ApiError> {
        let (head, body) = request.into_parts();
        let rank = self.admit(slot, &head)?;
        let operation = operation_of(&head.headers)?;
        let bodies = if rank == Rank::Own { &self.own_bodies } else { &self.other_bodies };
        let body = self.read_in_time(&head.headers, body, bodies).await?;
        let body = Format::of(&head.headers).read(body)?;
        if faults.expired_credentials {
            return Err(ApiError::expired_credentials());
        }
        let call = Call { shared: &self.shared, faults, now_ms: now_ms().unsigned_abs() };
        match faults.ending() {
            Ending::Answered => self.carry_out(&call, operation, &body).map(Some),
            Ending::CutAfter => self.carry_out(&call, operation, &body).map(|_unsent| None),
            Ending::CutBefore => Ok(None),
            Ending::ServerError => Err(ApiError::server_error()),
        }
    }

    fn carry_out(&self, call: &Call<'_>, operation: &str, body: &[u8]) -> Result<Answer, ApiError> {
        let answer = operations::answer(call, operation, body);
        if !READS.iter().any(|read| operation.starts_with(read)) {
            self.shared.changed.notify_one();
        }
        answer
    }

    /// The whole body. The time includes the wait for memory.
    async fn read_in_time(
        &self,
        headers: &HeaderMap,
        body: Body,
        bodies: &Semaphore,
    ) -> Result<Bytes, ApiError> {
        let time_max = self.shared.settings.body_time_max;
        let body = tokio::time::timeout(time_max, read_body(headers, body, bodies)).await;
        body.unwrap_or_else(|_late| Err(ApiError::slow_body()))
    }

    fn expected(&self) -> Expected<'_> {
        let Shared { access_key_id, own_access_key_id, settings, .. } = &*self.shared;
        Expected { port: self.port, access_key_id, own_key_id: own_access_key_id, any_key: settings.any_key }
    }

    fn admit(&self, slot: &Slot, head: &request::Parts) -> Result<Rank, ApiError> {
        let rank = access::check(&head.headers, &head.uri, &self.expected())?;
        if !slot.authenticate(rank) {
            return Err(ApiError::too_many_connections());
        }
        if head.method == Method::POST { Ok(rank) } else { Err(ApiError::unknown_operation(404)) }
    }
}

fn operation_of(headers: &HeaderMap) -> Result<&str, ApiError> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.strip_prefix("Kinesis_20131202.").ok_or_else(|| ApiError::unknown_operation(400))
}

/// Reads the body, up to its limit. A body that arrives in one piece is not copied.
async fn read_body(headers: &HeaderMap, body: Body, bodies: &Semaphore) -> Result<Bytes, ApiError> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse::<usize>().ok());
    let len_max = announced.unwrap_or(BODY_BYTES_MAX);
    if len_max > BODY_BYTES_MAX {
        return discard(body, 0).await;
    }
    let kib = u32::try_from(len_max.div_ceil(1024)).unwrap_or(OTHER_BODIES_KIB_MAX);
    let _memory = bodies.acquire_many(kib).await.map_err(|_closed| ApiError::server_error())?;
    let mut pieces = body.into_data_stream();
    let mut whole = Bytes::new();
    let mut joined = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| ApiError::unreadable(format!("The body broke off: {error}")))?;
        if joined.is_empty() && whole.is_empty() {
            whole = piece;
            continue;
        }
        if joined.is_empty() {
            joined.reserve_exact(announced.unwrap_or(whole.len() + piece.len()));
            joined.extend_from_slice(&whole);
        }
        joined.extend_from_slice(&piece);
        if joined.len() > BODY_BYTES_MAX {
            let read = joined.len();
            drop(joined);
            return discard(Body::from_stream(pieces), read).await;
        }
    }
    Ok(if joined.is_empty() { whole } else { joined.into() })
}

async fn discard(body: Body, read: usize) -> Result<Bytes, ApiError> {
    let mut pieces = body.into_data_stream();
    let mut bytes = read;
    while let Some(Ok(piece)) = pieces.next().await {
        bytes += piece.len();
        if bytes > DISCARDED_BYTES_MAX {
            break;
        }
    }
    Err(ApiError::too_large(BODY_BYTES_MAX))
}

fn refusal(error: &ApiError, format: Format) -> Response {
    // AWS writes this error's message with a capital letter.
    let message = if error.code == "SerializationException" { "Message" } else { "message" };
    let text = json!({ "__type": error.code, message: error.message }).to_string();
    let mut answer = formatted(error.status, format, text);
    if error.status == 401 {
        // Some clients send their keys only after this header (RFC 9110, 11.6.1).
        let basic = HeaderValue::from_static("Basic realm=\"tributary practice\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    }
    answer
}

fn formatted(status: u16, format: Format, text: String) -> Response {
    response(status, format.content_type(), Body::from(format.write(text)))
}

fn response(status: u16, kind: &'static str, body: Body) -> Response {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, kind)
        .header("x-amzn-requestid", Uuid::new_v4().to_string())
        .body(body)
        .expect("the parts of an answer are fixed and well-formed")
}

#[cfg(test)]
mod tests {
    use super::super::{initial::Initial, shared::Settings};
    use super::*;
    use crate::slots::{Limits, Slots};
    use futures_util::{FutureExt, stream};

    /// The answer to a call of the control path without keys, whose body never arrives; `None`: the body is waited for.
    async fn answer_without_keys(name: &str) -> Option<Response> {
        let settings = Settings { initial: Some(Initial::default()), ..Settings::default() };
        let stopping = CancellationToken::new();
        let handler = Handler::new(Arc::new(Shared::new(settings)), 4000, stopping.clone());
        let slots = Slots::new(Limits { connections: 1, authenticated: 1 });
        let slot = Arc::new(slots.take().await);
        let request = Request::get(format!("/_tributary/{name}"))
            .header(header::HOST, "127.0.0.1:4000")
            .header(header::CONTENT_LENGTH, BODY_BYTES_MAX)
            .body(Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()));
        handler.respond(&slot, &stopping, request.unwrap()).now_or_never()
    }

    #[tokio::test]
    async fn a_caller_without_the_keys_gets_no_memory_for_a_body() {
        for (name, status) in [("health", 200), ("records", 401)] {
            let answer = answer_without_keys(name).await.map(|answer| answer.status().as_u16());
            assert_eq!(answer, Some(status), "{name}");
        }
    }

    #[tokio::test]
    async fn a_refusal_for_lack_of_keys_asks_for_basic_authentication() {
        let answer = answer_without_keys("records").await.unwrap();
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Basic realm=\"tributary practice\"");
    }
}

//! HTTP in and out: one request is one call.
//!
//! Headers are judged before a body is read, and the bodies being read share a budget of memory: the program's own client
//! has one, all others another.

use super::Practice;
use super::access::{self, Expected};
use super::faults::Ending;
use super::operations::{self, Call};
use super::refusal::Refusal;
use crate::clock::now_ms;
use crate::slots::{Rank, Slot};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header, request};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use serde_json::json;
use std::io;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A `PutRecords` of 10 MiB as base64, with keys full of escapes and the JSON around them.
pub(super) const BODY_BYTES_MAX: usize = 16 << 20;
/// Of a body that is too large, this much is read and thrown away, so that its sender comes to read the answer.
const DISCARDED_BYTES_MAX: usize = 64 << 20;
/// Bodies of each kind of client in memory at one time, in KiB; more senders wait.
const OWN_BODIES_KIB_MAX: u32 = 64 << 10;
const OTHER_BODIES_KIB_MAX: u32 = 32 << 10;

/// What every request needs of the server it came to.
#[derive(Clone)]
pub(super) struct Door {
    practice: Practice,
    port: u16,
    own_bodies: Arc<Semaphore>,
    other_bodies: Arc<Semaphore>,
}

impl Door {
    pub(super) fn new(practice: Practice, port: u16) -> Self {
        let room = |kib: u32| Arc::new(Semaphore::new(kib as usize));
        Self {
            practice,
            port,
            own_bodies: room(OWN_BODIES_KIB_MAX),
            other_bodies: room(OTHER_BODIES_KIB_MAX),
        }
    }
}

pub(super) async fn handle(door: &Door, place: &Slot, request: Request) -> Response {
    let _busy = place.busy();
    respond(door, place, request).await
}

async fn respond(door: &Door, place: &Slot, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let faults = door.practice.faults();
    let answer = async {
        let rank = admit(door, place, &head)?;
        let operation = operation_of(&head.headers)?;
        let bodies = if rank == Rank::Own { &door.own_bodies } else { &door.other_bodies };
        // With the wait for its room in memory.
        let time_max = door.practice.shared.settings.body_time_max;
        let body = tokio::time::timeout(time_max, read(&head.headers, body, bodies)).await;
        let body = body.unwrap_or_else(|_late| Err(Refusal::slow_body()))?;
        if faults.expired_credentials {
            return Err(Refusal::expired_credentials());
        }
        let shared = &*door.practice.shared;
        let call = Call { shared, faults, now_ms: now_ms().unsigned_abs() };
        let ending = faults.ending(&shared.random);
        match ending {
            Ending::Answered | Ending::CutAfter => {
                operations::answer(&call, operation, &body).map(|text| (ending, text))
            }
            Ending::CutBefore => Ok((ending, String::new())),
            Ending::ServerError => Err(Refusal::server_error()),
        }
    };
    let answer = answer.await;
    if !faults.delay.is_zero() {
        tokio::time::sleep(faults.delay).await;
    }
    match answer {
        Ok((Ending::CutBefore | Ending::CutAfter, _)) => cut(),
        Ok((_, text)) => json_response(door, 200, text),
        Err(refusal) => {
            let text = json!({ "__type": refusal.code, "message": refusal.message }).to_string();
            json_response(door, refusal.status, text)
        }
    }
}

fn admit(door: &Door, place: &Slot, head: &request::Parts) -> Result<Rank, Refusal> {
    let own_key_id = door.practice.own_access_key_id();
    let expected = Expected { port: door.port, access_key_id: door.practice.access_key_id(), own_key_id };
    let rank = access::check(&head.headers, &head.uri, &expected)?;
    if !place.authenticate(rank) {
        return Err(Refusal::too_many_connections());
    }
    if head.method == Method::POST { Ok(rank) } else { Err(Refusal::unknown_operation(404)) }
}

fn operation_of(headers: &HeaderMap) -> Result<&str, Refusal> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.strip_prefix("Kinesis_20131202.").ok_or_else(|| Refusal::unknown_operation(400))
}

/// The body, if it is small enough. Without a copy where it came in one piece.
async fn read(headers: &HeaderMap, body: Body, bodies: &Semaphore) -> Result<Bytes, Refusal> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse::<usize>().ok());
    let len_max = announced.unwrap_or(BODY_BYTES_MAX);
    if len_max > BODY_BYTES_MAX {
        return discard(body, 0).await;
    }
    let kib = u32::try_from(len_max.div_ceil(1024)).unwrap_or(OTHER_BODIES_KIB_MAX);
    let _room = bodies.acquire_many(kib).await.map_err(|_closed| Refusal::server_error())?;
    let mut pieces = body.into_data_stream();
    let mut whole = Bytes::new();
    let mut joined = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Refusal::unreadable(format!("The body broke off: {error}")))?;
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

async fn discard(body: Body, read: usize) -> Result<Bytes, Refusal> {
    let mut pieces = body.into_data_stream();
    let mut bytes = read;
    while let Some(Ok(piece)) = pieces.next().await {
        bytes += piece.len();
        if bytes > DISCARDED_BYTES_MAX {
            break;
        }
    }
    Err(Refusal::too_large(BODY_BYTES_MAX))
}

fn json_response(door: &Door, status: u16, text: String) -> Response {
    let random = &door.practice.shared.random;
    let (high, low) = (random.next(), random.next());
    let id = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    );
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
        .header("x-amzn-requestid", id)
        .body(Body::from(text))
        .expect("the parts of an answer are fixed and well-formed")
}

/// Closes the connection with nothing sent: a body that fails at once makes hyper drop the connection before it
/// has written the head.
fn cut() -> Response {
    let broken = stream::iter([Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionAborted))]);
    let mut response = Response::new(Body::from_stream(broken));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

//! From the body of a request to events in the spool, and back to the response.

use std::sync::Arc;

use axum::{body::Body, http::Method, response::Response};
use tokio::sync::{Semaphore, watch};

use super::{
    activity::{Activity, RequestSummary},
    body::{self, Limits},
    body_memory::{self, ReadBody},
    config::WITHOUT_KEY,
    error_response::ErrorResponse,
    host, key,
    log_lines::{self, Lines},
    response::{self, MadeId, RejectedItem},
    sender::Sender,
    stage::Stage,
};
use crate::{
    clock::now_ms,
    delivery::{Millis, State},
    event::{self, Event, Kind, PathClass, Rejection, shown},
    spool::{AppendError, Arrivals, Rejected, Spool},
};

/// Stores what requests bring.
pub(super) struct Ingest {
    spool: Spool,
    stage: watch::Receiver<Stage>,
    activity: Arc<Activity>,
    /// The memory for bodies that are being read or stored, in KiB.
    bodies: Arc<Semaphore>,
}

/// The event of a request with one, checked.
struct Single {
    source: Arc<str>,
    received_at: Millis,
    event: Event,
}

/// The items of a batch, checked.
struct Batch {
    source: Arc<str>,
    received_at: Millis,
    events: Vec<Event>,
    rejected: Vec<RejectedItem>,
}

/// Why a request brings nothing to the spool.
enum Unusable {
    /// The sender is unknown: it is counted, and gets this response.
    Sender(ErrorResponse),
    /// The body is rejected: it becomes a line of the log too.
    Body(Rejection),
}

impl From<ErrorResponse> for Unusable {
    fn from(error: ErrorResponse) -> Self {
        Self::Sender(error)
    }
}

impl From<Rejection> for Unusable {
    fn from(rejection: Rejection) -> Self {
        Self::Body(rejection)
    }
}

impl Ingest {
    pub(super) fn new(spool: Spool, stage: watch::Receiver<Stage>, activity: Arc<Activity>) -> Self {
        let bodies = Arc::new(Semaphore::new(body_memory::ALL_KIB_MAX));
        Self { spool, stage, activity, bodies }
    }

    /// Refuses requests while the endpoint is stopping.
    pub(super) fn check_open(&self) -> Result<(), ErrorResponse> {
        match *self.stage.borrow() {
            Stage::Open => Ok(()),
            Stage::Refusing | Stage::Closed => Err(ErrorResponse::spool(&AppendError::Closed)),
        }
    }

    /// The source of a sender with this key. A sender without a known key is counted. Where no key is required, it must
    /// not be a web page of another site.
    pub(super) fn source(&self, sender: &Sender<'_>, key: Option<&str>) -> Result<Arc<str>, ErrorResponse> {
        if let Some(name) = sender.config.source_of(key) {
            sender.slot.mark_known();
            return Ok(name);
        }
        if !sender.config.requires_key {
            host::check(&sender.parts.headers, &sender.parts.uri, sender.config.host_names())?;
            return Ok(Arc::from(WITHOUT_KEY));
        }
        self.activity.unknown_key(key, sender.user_agent(), now_ms());
        Err(if key.is_some() { ErrorResponse::unknown_write_key() } else { ErrorResponse::no_write_key() })
    }

    /// Stores the event of a single call.
    pub(super) async fn single(
        &self,
        mut sender: Sender<'_>,
        body: Body,
        kind: Kind,
        class: PathClass,
    ) -> Result<Response, ErrorResponse> {
        let body = self.read(&sender, body, Some(kind)).await?;
        let checked = self.check_single(&mut sender, &body.bytes, kind, class);
        drop(body);
        let message_id = self.store_single(&sender, checked, kind).await?;
        Ok(response::accepted(&message_id))
    }

    /// Stores the events of a batch.
    pub(super) async fn batch(
        &self,
        mut sender: Sender<'_>,
        body: Body,
        class: PathClass,
    ) -> Result<Response, ErrorResponse> {
        let body = self.read(&sender, body, None).await?;
        let checked = self.check_batch(&mut sender, &body.bytes, class);
        drop(body);
        let Batch { source, received_at, events, rejected } = match checked {
            Ok(batch) => batch,
            Err(unusable) => return Err(self.refuse(&sender, unusable, None).await),
        };
        let accepted = events.len();
        let made = made_ids(&events, &rejected);
        let Lines { lines, counted } = Lines::of(&rejected, &sender.config.secrets);
        self.append(Arrivals { source, received_at, events, rejected: lines, counted }).await?;
        Ok(response::batch(accepted, &rejected, &made))
    }

    /// Stores the event in a pixel's query. The response is always an image, because mail readers show what they get.
    pub(super) async fn pixel(&self, sender: Sender<'_>, kind: Kind) -> Response {
        if sender.parts.method == Method::GET
            && let Err(error) = self.store_pixel(sender, kind).await
        {
            self.activity.refused(error.code.as_str());
            tracing::debug!("a pixel brought no event: {}", shown::line(&error.message));
        }
        response::pixel()
    }

    async fn store_pixel(&self, mut sender: Sender<'_>, kind: Kind) -> Result<String, ErrorResponse> {
        self.check_open()?;
        sender.slot.request_complete();
        let query = sender.parts.uri.query();
        let data = query.and_then(|query| key::parameter(query, "data")).unwrap_or_default();
        match event::decode_pixel(&data) {
            Ok(json) => {
                let checked = self.check_single(&mut sender, &json, kind, PathClass::Device);
                self.store_single(&sender, checked, kind).await
            }
            Err(rejection) => Err(self.refuse(&sender, rejection.into(), Some(kind)).await),
        }
    }

    /// Reads a body. Stops early if the key outside the body is unknown. `kind`: the call that the path names.
    async fn read(
        &self,
        sender: &Sender<'_>,
        body: Body,
        kind: Option<Kind>,
    ) -> Result<ReadBody, ErrorResponse> {
        self.check_open()?;
        if sender.key().is_some()
            && let Err(error) = self.source(sender, sender.key())
        {
            body::discard(sender.parts, body, sender.slot).await;
            return Err(error);
        }
        let limits = Limits { bytes_max: sender.config.body_bytes_max, memory: &self.bodies };
        let read = body::read(sender.parts, body, limits, sender.slot).await;
        match &read {
            Ok(_) => sender.slot.request_complete(),
            Err(error) if error.is_final() && sender.key().is_some() => {
                self.log(sender, log_lines::line_without_body(error, kind)).await;
            }
            Err(_) => {}
        }
        read
    }

    /// Makes one event of a body. Never waits, so no more bodies are parsed at once than there are threads: parsing
    /// needs memory.
    fn check_single(
        &self,
        sender: &mut Sender<'_>,
        bytes: &[u8],
        kind: Kind,
        class: PathClass,
    ) -> Result<Single, Unusable> {
        let body = event::Body::parse(bytes);
        sender.add_body_key(body.as_ref().ok().and_then(event::Body::write_key));
        let body = body?;
        let source = self.source(sender, sender.key())?;
        let arrival = sender.arrival(class);
        let event = body.single(kind, &arrival)?;
        Ok(Single { source, received_at: arrival.received_at_ms, event })
    }

    /// Makes the events of a batch. Waits for nothing, like [`Self::check_single`].
    fn check_batch(
        &self,
        sender: &mut Sender<'_>,
        bytes: &[u8],
        class: PathClass,
    ) -> Result<Batch, Unusable> {
        let body = event::Body::parse(bytes);
        sender.add_body_key(body.as_ref().ok().and_then(event::Body::write_key));
        let body = body?;
        let source = self.source(sender, sender.key())?;
        let arrival = sender.arrival(class);
        let mut events = Vec::with_capacity(body.items_len());
        let mut rejected = Vec::new();
        for (index, item) in body.batch(&arrival)?.enumerate() {
            match item {
                Ok(event) => events.push(event),
                Err(_) if rejected.len() == Rejection::ITEMS_MAX => {
                    return Err(body.too_many_rejections().into());
                }
                Err(rejection) => rejected.push(RejectedItem { index, rejection }),
            }
        }
        Ok(Batch { source, received_at: arrival.received_at_ms, events, rejected })
    }

    /// Commits one event and returns its `messageId`.
    async fn store_single(
        &self,
        sender: &Sender<'_>,
        checked: Result<Single, Unusable>,
        kind: Kind,
    ) -> Result<String, ErrorResponse> {
        match checked {
            Ok(Single { source, received_at, event }) => {
                let message_id = event.message_id.clone();
                let events = vec![event];
                self.append(Arrivals { source, received_at, events, ..Arrivals::default() }).await?;
                Ok(message_id)
            }
            Err(unusable) => Err(self.refuse(sender, unusable, Some(kind)).await),
        }
    }

    async fn append(&self, arrivals: Arrivals) -> Result<(), ErrorResponse> {
        if arrivals.events.is_empty() && arrivals.rejected.is_empty() {
            return Ok(());
        }
        let summary = RequestSummary::new(&self.activity, &arrivals);
        match self.spool.append(arrivals).await {
            Ok(_) => {
                self.activity.accepted(summary);
                Ok(())
            }
            Err(error) => {
                if matches!(error, AppendError::SourceFull(_)) {
                    self.activity.share_was_full(&summary);
                }
                Err(ErrorResponse::spool(&error))
            }
        }
    }

    /// The response to an unusable request. A rejected body of a known sender becomes a line of the log.
    async fn refuse(&self, sender: &Sender<'_>, unusable: Unusable, kind: Option<Kind>) -> ErrorResponse {
        match unusable {
            Unusable::Sender(error) => error,
            Unusable::Body(rejection) => {
                self.log(sender, log_lines::line(&rejection, kind, &sender.config.secrets)).await;
                ErrorResponse::rejection(&rejection)
            }
        }
    }

    /// Adds a line to the log if the sender is known. Other senders are counted.
    async fn log(&self, sender: &Sender<'_>, line: Rejected) {
        let Ok(source) = self.source(sender, sender.key()) else { return };
        let arrivals =
            Arrivals { source, received_at: now_ms(), rejected: vec![line], ..Arrivals::default() };
        if let Err(error) = self.append(arrivals).await {
            tracing::warn!("a {} request is not in the log: {}", State::Rejected.as_str(), error.message);
        }
    }
}

/// The ids of the items that came without a `messageId`.
fn made_ids(events: &[Event], rejected: &[RejectedItem]) -> Vec<MadeId> {
    let mut rejected = rejected.iter().map(|item| item.index).peekable();
    let mut index = 0;
    let mut made = Vec::new();
    for event in events {
        while rejected.next_if_eq(&index).is_some() {
            index += 1;
        }
        if event.message_id_made {
            made.push(MadeId { index, message_id: event.message_id.clone() });
        }
        index += 1;
    }
    made
}

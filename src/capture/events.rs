//! From a request that may bring events to the spool, and back to its answer.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, Method, header, request::Parts},
    response::Response,
};

use super::{
    Endpoint, Rules,
    answer::{self, Refused},
    body,
    forwarded::Forwarded,
    host, host_of, key,
    masked::Secrets,
    slots::Slot,
    visitors::Visit,
};
use crate::{
    clock::now_ms,
    delivery::{AwsError, Millis, State},
    event::{self, Arrival, Event, Kind, PathClass, Rejection, shown},
    spool::{AppendError, Arrivals, LinesOfRequest, Rejected},
};

/// The source of requests without a known key, where none is required.
pub(super) const WITHOUT_KEY: &str = "Without a key";

/// A request and what it goes by.
pub(super) struct Caller<'r> {
    pub(super) rules: Arc<Rules>,
    pub(super) parts: &'r Parts,
    forwarded: Forwarded,
    place: &'r Slot,
    /// The write key, as soon as it was found.
    key: Option<String>,
    /// The token of `Authorization: Bearer`.
    bearer: Option<String>,
}

/// What a batch's body holds, checked.
struct Batch {
    source: Arc<str>,
    received_at: Millis,
    events: Vec<Event>,
    refused: Vec<(usize, Rejection)>,
}

/// Why a request brings nothing to the spool.
enum Unusable {
    /// Nobody knows the caller: counted, and answered.
    Caller(Refused),
    /// What it sent: a line of the log, too.
    Body(Rejection),
}

impl From<Refused> for Unusable {
    fn from(refused: Refused) -> Self {
        Self::Caller(refused)
    }
}

impl From<Rejection> for Unusable {
    fn from(refusal: Rejection) -> Self {
        Self::Body(refusal)
    }
}

impl<'r> Caller<'r> {
    pub(super) fn new(rules: Arc<Rules>, parts: &'r Parts, forwarded: Forwarded, place: &'r Slot) -> Self {
        let bearer = key::bearer(&parts.headers);
        // A token that is no key of ours is the sender's own business: its key is elsewhere.
        let known = bearer.clone().filter(|token| rules.known(Some(token)).is_some());
        let key = known.or_else(|| key::outside_body(&parts.headers, parts.uri.query()));
        Self { rules, parts, forwarded, place, key, bearer }
    }

    /// Where senders reach the endpoint: scheme, and host with port and prefix. The setting wins over what proxies say.
    pub(super) fn address(&self) -> (&'static str, String) {
        if let Some(public) = &self.rules.public_url {
            return (public.scheme(), format!("{}{}", public.authority(), public.prefix()));
        }
        let Forwarded { https, host, prefix, .. } = &self.forwarded;
        let scheme = if https.unwrap_or(self.rules.tls.is_some()) { "https" } else { "http" };
        let own = || host_of(&self.parts.uri, self.parts.headers.get(header::HOST));
        (scheme, format!("{}{prefix}", host.as_deref().unwrap_or_else(own)))
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The key in the body counts where there is none outside it; without any key, the token is taken for a mistyped one.
    fn or_key(&mut self, inside: Option<Cow<'_, str>>) {
        self.key = self.key.take().or_else(|| inside.map(Cow::into_owned)).or_else(|| self.bearer.take());
    }

    fn arrival(&self, class: PathClass) -> Arrival {
        Arrival {
            received_at_ms: now_ms(),
            class,
            peer: Some(self.forwarded.client),
            encoding: self.rules.encoding,
            record_bytes_max: self.rules.record_bytes_max,
        }
    }
}

impl Endpoint {
    /// The source that the caller is; a stranger is remembered. Without a known key (where that is allowed) the
    /// caller must not be a web page of somewhere else.
    pub(super) fn source(&self, caller: &Caller<'_>, key: Option<&str>) -> Result<Arc<str>, Refused> {
        if let Some(name) = caller.rules.known(key) {
            caller.place.shows_key();
            return Ok(name);
        }
        if !caller.rules.requires_key {
            host::check(&caller.parts.headers, &caller.parts.uri, caller.rules.names())?;
            return Ok(Arc::from(WITHOUT_KEY));
        }
        self.visitors.turned_away(key, user_agent(&caller.parts.headers), now_ms());
        Err(if key.is_some() { Refused::unknown_write_key() } else { Refused::no_write_key() })
    }

    /// Reads a POST: stops early where the key is outside the body and unknown.
    /// `kind`: the call that the path names.
    async fn read(&self, caller: &Caller<'_>, body: Body, kind: Option<Kind>) -> Result<body::Held, Refused> {
        self.is_open()?;
        if caller.key().is_some()
            && let Err(refused) = self.source(caller, caller.key())
        {
            body::discard(caller.parts, body, caller.place).await;
            return Err(refused);
        }
        let held =
            body::read(caller.parts, body, caller.rules.body_bytes_max, (&self.bodies, caller.place)).await;
        if held.is_ok() {
            caller.place.taken();
        }
        if let Err(refused) = &held
            && refused.is_final()
            && caller.key().is_some()
        {
            self.log_refused(caller, refused, kind).await;
        }
        held
    }

    /// A request that will be refused whenever it comes is a line of the log, as a refused event is; there is no text
    /// to show.
    async fn log_refused(&self, caller: &Caller<'_>, refused: &Refused, kind: Option<Kind>) {
        let fault = AwsError::new(refused.code.as_str(), refused.message.as_str());
        let line =
            Rejected { kind, message_id: None, user: None, fault, name: None, excerpt: Vec::new(), bytes: 0 };
        self.log_rejected(caller, line).await;
    }

    /// Only of senders that are known: strangers are counted.
    async fn log_rejected(&self, caller: &Caller<'_>, line: Rejected) {
        let Ok(source) = self.source(caller, caller.key()) else { return };
        let arrivals =
            Arrivals { source, received_at: now_ms(), rejected: vec![line], ..Arrivals::default() };
        if let Err(error) = self.append(arrivals).await {
            tracing::warn!("a {} request is not in the log: {}", State::Rejected.as_str(), error.message);
        }
    }

    pub(super) async fn single(
        &self,
        mut caller: Caller<'_>,
        body: Body,
        call: (Kind, PathClass),
    ) -> Result<Response, Refused> {
        let held = self.read(&caller, body, Some(call.0)).await?;
        let event = self.checked_event(&mut caller, &held.bytes, call);
        drop(held);
        let message_id = self.keep_event(&caller, event, call.0).await?;
        Ok(answer::accepted(&message_id))
    }

    /// Makes one event of a body. Waits for nothing, so that the memory for taking a body apart is needed by as many at a
    /// time as there are threads.
    fn checked_event(
        &self,
        caller: &mut Caller<'_>,
        bytes: &[u8],
        (kind, class): (Kind, PathClass),
    ) -> Result<(Arc<str>, Millis, Event), Unusable> {
        let body = event::Body::parse(bytes);
        caller.or_key(body.as_ref().ok().and_then(event::Body::write_key));
        let body = body?;
        let source = self.source(caller, caller.key())?;
        let arrival = caller.arrival(class);
        let event = body.single(kind, &arrival)?;
        Ok((source, arrival.received_at_ms, event))
    }

    /// Commits one event; gives its `messageId`. A refused one becomes a line of the log.
    async fn keep_event(
        &self,
        caller: &Caller<'_>,
        checked: Result<(Arc<str>, Millis, Event), Unusable>,
        kind: Kind,
    ) -> Result<String, Refused> {
        match checked {
            Ok((source, received_at, event)) => {
                let message_id = event.message_id.clone();
                self.append(Arrivals { source, received_at, events: vec![event], ..Arrivals::default() })
                    .await?;
                Ok(message_id)
            }
            Err(unusable) => Err(self.turn_down(caller, unusable, Some(kind)).await),
        }
    }

    pub(super) async fn batch(
        &self,
        mut caller: Caller<'_>,
        body: Body,
        class: PathClass,
    ) -> Result<Response, Refused> {
        let held = self.read(&caller, body, None).await?;
        let batch = self.checked_batch(&mut caller, &held.bytes, class);
        drop(held);
        let batch = match batch {
            Ok(batch) => batch,
            Err(unusable) => return Err(self.turn_down(&caller, unusable, None).await),
        };
        let Batch { source, received_at, events, refused } = batch;
        let accepted = events.len();
        let made = made_ids(&events, &refused);
        let (rejected, counted) = lines_of(&refused, &caller.rules.secrets);
        self.append(Arrivals { source, received_at, events, rejected, counted }).await?;
        Ok(answer::batch(accepted, &refused, &made))
    }

    /// Makes events of a batch's body. Waits for nothing, as [`Self::checked_event`].
    fn checked_batch(
        &self,
        caller: &mut Caller<'_>,
        bytes: &[u8],
        class: PathClass,
    ) -> Result<Batch, Unusable> {
        let body = event::Body::parse(bytes);
        caller.or_key(body.as_ref().ok().and_then(event::Body::write_key));
        let body = body?;
        let source = self.source(caller, caller.key())?;
        let arrival = caller.arrival(class);
        let mut events = Vec::with_capacity(body.items_len());
        let mut refused: Vec<(usize, Rejection)> = Vec::new();
        for (index, item) in body.batch(&arrival)?.enumerate() {
            match item {
                Ok(event) => events.push(event),
                Err(_) if refused.len() == Rejection::ITEMS_MAX => {
                    return Err(body.too_many_rejections().into());
                }
                Err(refusal) => refused.push((index, refusal)),
            }
        }
        Ok(Batch { source, received_at: arrival.received_at_ms, events, refused })
    }

    async fn append(&self, arrivals: Arrivals) -> Result<(), Refused> {
        if arrivals.events.is_empty() && arrivals.rejected.is_empty() {
            return Ok(());
        }
        let visit = Visit::new(&self.visitors, &arrivals);
        match self.spool.append(arrivals).await {
            Ok(_) => {
                self.visitors.came(visit);
                Ok(())
            }
            Err(error) => {
                if matches!(error, AppendError::SourceFull(_)) {
                    self.visitors.share_was_full(&visit);
                }
                Err(Refused::spool(&error))
            }
        }
    }

    /// Writes a refusal into the log, if its sender is known, and gives the answer.
    async fn refuse(&self, caller: &Caller<'_>, refusal: Rejection, kind: Option<Kind>) -> Refused {
        let refused = Refused::event(&refusal);
        self.log_rejected(caller, rejected(&refusal, kind, &caller.rules.secrets)).await;
        refused
    }

    async fn turn_down(&self, caller: &Caller<'_>, unusable: Unusable, kind: Option<Kind>) -> Refused {
        match unusable {
            Unusable::Caller(refused) => refused,
            Unusable::Body(refusal) => self.refuse(caller, refusal, kind).await,
        }
    }

    /// An image is an image, whatever was in its query: mail readers show what they get (tracking API §9.4).
    pub(super) async fn pixel(&self, caller: Caller<'_>, kind: Kind) -> Response {
        if caller.parts.method == Method::GET
            && let Err(refused) = self.pixel_event(caller, kind).await
        {
            self.visitors.refused(refused.code.as_str());
            tracing::debug!("a pixel brought no event: {}", shown::line(&refused.message));
        }
        answer::pixel()
    }

    async fn pixel_event(&self, mut caller: Caller<'_>, kind: Kind) -> Result<String, Refused> {
        self.is_open()?;
        caller.place.taken();
        let query = caller.parts.uri.query();
        let data = query.and_then(|query| key::parameter(query, "data")).unwrap_or_default();
        match event::decode_pixel(&data) {
            Ok(json) => {
                let event = self.checked_event(&mut caller, &json, (kind, PathClass::Device));
                self.keep_event(&caller, event, kind).await
            }
            Err(refusal) => Err(self.refuse(&caller, refusal, Some(kind)).await),
        }
    }
}

/// What the sender calls itself.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok())
}

/// The receipts of the items that came without a `messageId`: their place in the batch, and what was made for them.
fn made_ids(events: &[Event], refused: &[(usize, Rejection)]) -> Vec<(usize, String)> {
    let mut refused = refused.iter().map(|(index, _)| *index).peekable();
    let mut index = 0;
    let mut made = Vec::new();
    for event in events {
        while refused.next_if_eq(&index).is_some() {
            index += 1;
        }
        if event.message_id_made {
            made.push((index, event.message_id.clone()));
        }
        index += 1;
    }
    made
}

/// The refused items of a batch as lines of the log, and how many more there are by code: to mask the keys in an item
/// that gets no line would be work for nothing, up to 10,000 times in a request.
fn lines_of(refused: &[(usize, Rejection)], secrets: &Secrets) -> (Vec<Rejected>, Vec<(&'static str, u64)>) {
    let mut may_have = LinesOfRequest::default();
    let (mut lines, mut counted) = (Vec::new(), BTreeMap::new());
    for (_, refusal) in refused {
        let code = refusal.code.as_str();
        if may_have.takes(code) {
            lines.push(rejected(refusal, None, secrets));
        } else {
            *counted.entry(code).or_default() += 1;
        }
    }
    (lines, counted.into_iter().collect())
}

/// A refusal as a line of the log: without the write keys that were sent.
fn rejected(refusal: &Rejection, kind: Option<Kind>, secrets: &Secrets) -> Rejected {
    let (excerpt, bytes) = secrets.excerpt(refusal);
    Rejected {
        kind: kind.or(refusal.kind),
        message_id: refusal.message_id.clone(),
        user: refusal.user.clone(),
        fault: AwsError::new(refusal.code.as_str(), secrets.text(&refusal.message)),
        name: refusal.name.as_deref().map(|name| secrets.text(name).into()),
        excerpt,
        bytes,
    }
}

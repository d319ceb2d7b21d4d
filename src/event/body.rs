//! A request's body, and the events in it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::call::{Event, Kind};
use super::code::{EndpointCode, Rejection};
use super::growth;
use super::index::{BodyIndex, begins};
use super::item::Item;
use super::normalise;
use super::request::{Arrival, Request};
use super::walk::{BatchMember, Field};

/// A request's body: JSON whose members and items have been found.
pub struct Body<'a>(BodyIndex<'a>);

impl<'a> Body<'a> {
    /// Walks over a body. Rejects it unless it is one JSON object; a broken item of its `batch` does not count.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejection> {
        BodyIndex::new(bytes).map(Self)
    }

    /// The `writeKey` member: the top level's, else that of the first item that has one.
    pub fn write_key(&self) -> Option<Cow<'_, str>> {
        let members = self.0.positions.root.iter().rev().chain(&self.0.positions.members);
        members
            .filter(|member| member.field == Field::WriteKey && begins(self.0.raw(member.value), b'"'))
            .map(|member| self.0.string(member))
            .find(|key| !key.is_empty())
    }

    /// How many items its `batch` has.
    pub fn items_len(&self) -> usize {
        self.0.positions.items.len()
    }

    /// The rejection of a whole batch of which more than [`Rejection::ITEMS_MAX`] items are rejected.
    pub fn too_many_rejections(&self) -> Rejection {
        let message = format!("more than {} of its items cannot become events", Rejection::ITEMS_MAX);
        self.0.reject(EndpointCode::InvalidBatch, message)
    }

    /// The body as one event, of the kind that its path names.
    pub fn single(&self, kind: Kind, arrival: &Arrival) -> Result<Event, Rejection> {
        // A single call's member `batch` has no meaning, but it must be JSON and within the limit of nesting.
        if let Some(error) = self.0.batch_error() {
            return Err(self.0.invalid_json(error));
        }
        let request = Request::new(&self.0, &[], arrival);
        normalise::event(&Item::new(&request, self.0.positions.object, &self.0.positions.root, Some(kind)))
    }

    /// The events of its `batch`, in order. Each is made when it is asked for.
    pub fn batch<'b>(&'b self, arrival: &'b Arrival) -> Result<Events<'b>, Rejection> {
        let reject = |message| Err(self.0.reject(EndpointCode::InvalidBatch, message));
        match self.0.positions.batch {
            BatchMember::Absent => return reject("the member `batch` is missing"),
            BatchMember::NotAnArray => return reject("the member `batch` is not an array"),
            BatchMember::Twice => return reject("the member `batch` is there more than once"),
            BatchMember::Array => {}
        }
        let request = Request::new(&self.0, &self.0.positions.root, arrival);
        growth::check(&request)?;
        Ok(Events { request, next: 0 })
    }
}

/// The events of a batch, one for each item, in order.
pub struct Events<'b> {
    request: Request<'b>,
    next: usize,
}

impl Events<'_> {
    fn make(&self, index: usize) -> Result<Event, Rejection> {
        let body = self.request.body;
        let item = body.positions.items[index];
        if let Some(error) = item.error {
            let at = error.at.saturating_sub(item.span.start);
            let message = format!("{} at byte {at} of the item", error.kind);
            return Err(Rejection::new(EndpointCode::InvalidJson, message, body.sent_of(item.span)));
        }
        if !body.raw(item.span).starts_with('{') {
            let message = "the item is not an object";
            return Err(Rejection::new(EndpointCode::NotAnObject, message, body.sent_of(item.span)));
        }
        normalise::event(&Item::new(&self.request, item.span, body.positions.members_of(index), None))
    }
}

impl Iterator for Events<'_> {
    type Item = Result<Event, Rejection>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        if index >= self.request.body.positions.items.len() {
            return None;
        }
        self.next += 1;
        Some(self.make(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.request.body.positions.items.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Events<'_> {}

/// The JSON text in a pixel's `data`, given after URL decoding: standard or URL-safe base64, with or
/// without padding, also with blanks that were `+`; or the JSON itself.
pub fn decode_pixel(value: &str) -> Result<Cow<'_, [u8]>, Rejection> {
    if value.trim_start().starts_with('{') {
        return Ok(Cow::Borrowed(value.as_bytes()));
    }
    let url_safe = |byte| match byte {
        b'+' | b' ' => b'-',
        b'/' => b'_',
        other => other,
    };
    let data: Vec<u8> = value.trim_end_matches('=').bytes().map(url_safe).collect();
    URL_SAFE_NO_PAD.decode(data).map(Cow::Owned).map_err(|error| {
        let message = format!("the pixel's data is not base64: {error}");
        Rejection::new(EndpointCode::BadEncoding, message, value.as_bytes())
    })
}

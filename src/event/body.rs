//! A request's body, and the events in it.

use std::borrow::Cow;

use super::arrival::Arrival;
use super::call::{Event, Kind};
use super::code::EndpointCode;
use super::growth;
use super::index::BodyIndex;
use super::item::Item;
use super::normalise;
use super::rejection::Rejection;
use super::request::Request;
use super::walk::Batch;

/// A request's body: JSON whose members and items have been found.
pub struct Body<'a>(BodyIndex<'a>);

impl<'a> Body<'a> {
    /// Walks over a body. Rejects it unless it is one JSON object; a broken item of its `batch` does not count.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejection> {
        BodyIndex::new(bytes).map(Self)
    }

    /// The `writeKey` member: the top level's, else that of the first item that has one.
    pub fn write_key(&self) -> Option<Cow<'_, str>> {
        self.0.write_key()
    }

    /// How many items its `batch` has.
    pub fn items_len(&self) -> usize {
        self.0.items().len()
    }

    /// The rejection of a whole batch of which more than [`Rejection::ITEMS_MAX`] items are rejected.
    pub fn too_many_rejections(&self) -> Rejection {
        let message = format!("more than {} of its items cannot become events", Rejection::ITEMS_MAX);
        self.0.reject(EndpointCode::InvalidBatch, message)
    }

    /// The body as one event, of the kind that its path names.
    pub fn single(&self, kind: Kind, arrival: &Arrival) -> Result<Event, Rejection> {
        // A member named `batch` means nothing here, but it must be JSON all the same, and its levels count.
        if let Some(error) = self.0.batch_error() {
            return Err(self.0.invalid_json(error));
        }
        let request = Request::new(&self.0, &[], arrival);
        normalise::event(&Item::new(&request, self.0.object(), self.0.root(), Some(kind)))
    }

    /// The events of its `batch`, in order. Each is made when it is asked for.
    pub fn batch<'b>(&'b self, arrival: &'b Arrival) -> Result<Events<'b>, Rejection> {
        let reject = |message| Err(self.0.reject(EndpointCode::InvalidBatch, message));
        match self.0.batch() {
            Batch::Absent => return reject("the member `batch` is missing"),
            Batch::NotAnArray => return reject("the member `batch` is not an array"),
            Batch::Twice => return reject("the member `batch` is there more than once"),
            Batch::Array => {}
        }
        let request = Request::new(&self.0, self.0.root(), arrival);
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
        let item = body.items()[index];
        if let Some(error) = item.error {
            let at = error.at.saturating_sub(item.span.start);
            let message = format!("{} at byte {at} of the item", error.kind);
            return Err(Rejection::new(EndpointCode::InvalidJson, message, body.sent(item.span)));
        }
        if !body.raw(item.span).starts_with('{') {
            let message = "the item is not an object";
            return Err(Rejection::new(EndpointCode::NotAnObject, message, body.sent(item.span)));
        }
        normalise::event(&Item::new(&self.request, item.span, body.members_of(index), None))
    }
}

impl Iterator for Events<'_> {
    type Item = Result<Event, Rejection>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        if index >= self.request.body.items().len() {
            return None;
        }
        self.next += 1;
        Some(self.make(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.request.body.items().len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Events<'_> {}

//! A delivery as it was read from the log, with the texts that are made of it once.

use super::changes::{self, Change};
use crate::{
    app::{json_view::JsonView, widgets},
    delivery::{Detail, State},
};

pub(super) struct Loaded {
    pub detail: Detail,
    /// The event's JSON, or what was sent instead of it.
    pub payload: JsonView,
    /// What the endpoint set in the event.
    pub changes: Vec<Change>,
    /// The event as it is encoded for its record.
    pub record: String,
}

impl Loaded {
    pub(super) fn new(detail: Detail) -> Self {
        let payload = JsonView::new(&String::from_utf8_lossy(&detail.json));
        let record = String::from_utf8_lossy(&detail.encoding.encode(&detail.json)).into_owned();
        let changes = match detail.delivery.state {
            State::Rejected => Vec::new(),
            State::Queued | State::Retrying | State::Delivered | State::Failed | State::Resent => {
                changes::changes(payload.raw())
            }
        };
        Self { detail, payload, changes, record }
    }

    /// The name of the event in the notice after it was copied.
    pub(super) fn event_name(&self) -> &'static str {
        if self.detail.is_cut() { "Kept part of the event" } else { "Event" }
    }

    /// How much of a rejected event is kept, such as `4.0 KiB`; `None` if all of it is.
    pub(super) fn kept_size(&self) -> Option<String> {
        self.detail.is_cut().then(|| widgets::bytes(self.detail.json.len() as u64))
    }
}

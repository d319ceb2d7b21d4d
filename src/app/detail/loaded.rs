//! A delivery as it was read from the log, with the texts that are made of it once.

use super::{
    changes::{self, Change},
    tree::Tree,
};
use crate::{
    app::{json, widgets},
    delivery::{Detail, State},
};

pub(super) struct Loaded {
    pub detail: Detail,
    /// The event's JSON, indented.
    pub event: String,
    /// `None` if the event is too large for a tree, or not JSON.
    pub tree: Option<Tree>,
    /// What the endpoint set in the event.
    pub changes: Vec<Change>,
    /// The event's JSON as it is stored.
    pub raw: String,
    /// The event as it is encoded for its record.
    pub record: String,
}

impl Loaded {
    pub(super) fn new(detail: Detail) -> Self {
        let raw = String::from_utf8_lossy(&detail.json).into_owned();
        let record = String::from_utf8_lossy(&detail.encoding.encode(&detail.json)).into_owned();
        let tree = if raw.len() <= json::SHOWN_BYTES_MAX { Tree::new(&raw) } else { None };
        let changes = match detail.delivery.state {
            State::Rejected => Vec::new(),
            _ => changes::changes(&raw),
        };
        Self { event: json::indent(&raw), tree, changes, raw, record, detail }
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

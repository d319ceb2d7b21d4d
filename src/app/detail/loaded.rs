//! A delivery as read from the log, with its texts made ready once.

use super::{
    super::{json, widgets},
    changes::{self, Change},
    tree::Tree,
};
use crate::delivery::{Detail, State};

pub(super) struct Loaded {
    pub detail: Detail,
    /// The event, indented.
    pub event: String,
    /// The event as a tree, where it is JSON of a bearable size.
    pub tree: Option<Tree>,
    /// What the endpoint set in it.
    pub changes: Vec<Change>,
    /// The event as it is stored.
    pub raw: String,
    /// The record's bytes as text.
    pub record: String,
}

impl Loaded {
    /// What is said to be copied.
    pub(super) fn event_name(&self) -> &'static str {
        if self.detail.is_cut() { "Kept part of the event" } else { "Event" }
    }

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
}

/// `4.0 KiB`: how much of a rejected event is kept, where that is not all of it.
pub(super) fn kept(detail: &Detail) -> Option<String> {
    detail.is_cut().then(|| widgets::bytes(detail.json.len() as u64))
}

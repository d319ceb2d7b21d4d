//! The words and colours for a delivery's state, size, marks and shard.

use eframe::egui::Color32;

use crate::{
    app::{theme::Tokens, widgets},
    delivery::{Delivery, State},
};

/// The mark of an event that was sent or received before.
pub(crate) struct Mark {
    pub word: &'static str,
    /// What the word means, as a sentence.
    pub meaning: &'static str,
}

/// The sender has sent the event again.
pub(super) const REPEAT: Mark = Mark {
    word: "Repeat",
    meaning: "An event with the same messageId came before: its sender sent it again.",
};

/// The user has sent the event again.
pub(super) const RESEND: Mark = Mark {
    word: "Resend",
    meaning: "You resent this event. The original is an earlier line of the log, unless it was removed since.",
};

pub(crate) fn mark(delivery: &Delivery) -> Option<Mark> {
    if delivery.resend_of.is_some() {
        Some(RESEND)
    } else if delivery.repeat_of.is_some() {
        Some(REPEAT)
    } else {
        None
    }
}

/// The event's size. `None`: the request was rejected before its body was read.
pub(crate) fn size(delivery: &Delivery) -> Option<String> {
    let is_known = delivery.state != State::Rejected || delivery.bytes > 0;
    is_known.then(|| widgets::bytes(u64::from(delivery.bytes)))
}

pub(crate) fn state_word(state: State) -> &'static str {
    match state {
        State::Queued => "Queued",
        State::Retrying => "Retrying",
        State::Delivered => "Delivered",
        State::Failed => "Failed",
        State::Resent => "Resent",
        State::Rejected => "Rejected",
    }
}

pub(crate) fn state_color(state: State, t: &Tokens) -> Color32 {
    match state {
        State::Queued => t.accent,
        State::Retrying => t.warn,
        State::Delivered => t.ok,
        State::Failed | State::Rejected => t.err,
        State::Resent => t.weak,
    }
}

/// `3` for `shardId-000000000003`.
pub(crate) fn short_shard(shard_id: &str) -> &str {
    let number = shard_id.trim_start_matches("shardId-").trim_start_matches('0');
    if number.is_empty() { "0" } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_called_by_its_number() {
        assert_eq!((short_shard("shardId-000000000000"), short_shard("shardId-000000000120")), ("0", "120"));
    }
}

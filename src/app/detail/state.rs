//! How a delivery's state, size and marks are shown.

use eframe::egui;

use super::super::{theme::Tokens, widgets};
use crate::delivery::{Delivery, State};

/// The mark of an event that its sender sent again.
pub(in crate::app) const REPEAT: &str = "Repeat";
/// What that mark means.
pub(in crate::app) const REPEAT_MEANS: &str =
    "An event with the same messageId came before: its sender sent it again.";

/// The mark of an event that the user sent again.
pub(in crate::app) const RESEND: &str = "Resend";
/// What that mark means.
pub(in crate::app) const RESEND_MEANS: &str =
    "You resent this event. The log lists the original as an earlier line, unless it was removed since.";

/// The mark of an event that came or was sent before, and what it means.
pub(in crate::app) fn again(delivery: &Delivery) -> Option<(&'static str, &'static str)> {
    if delivery.resend_of.is_some() {
        Some((RESEND, RESEND_MEANS))
    } else if delivery.repeat_of.is_some() {
        Some((REPEAT, REPEAT_MEANS))
    } else {
        None
    }
}

/// How large the event is; `None` where a request was rejected before its body had been read.
pub(in crate::app) fn size(delivery: &Delivery) -> Option<String> {
    let is_known = delivery.state != State::Rejected || delivery.bytes > 0;
    is_known.then(|| widgets::bytes(u64::from(delivery.bytes)))
}

/// The state as the user reads it.
pub(in crate::app) fn state_word(state: State) -> &'static str {
    match state {
        State::Queued => "Queued",
        State::Retrying => "Retrying",
        State::Delivered => "Delivered",
        State::Failed => "Failed",
        State::Resent => "Resent",
        State::Rejected => "Rejected",
    }
}

/// The state's colour.
pub(in crate::app) fn state_color(state: State, t: &Tokens) -> egui::Color32 {
    match state {
        State::Queued => t.accent,
        State::Retrying => t.warn,
        State::Delivered => t.ok,
        State::Failed | State::Rejected => t.err,
        State::Resent => t.weak,
    }
}

//! The two times of an event, corrected by the skew of the sender's clock.

use super::clock::{self, Stamp, Time};
use super::item::Item;
use super::request;
use super::scan::Span;
use super::walk::{Field, Member};

/// What `timestamp` and `originalTimestamp` become.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// What `timestamp` becomes, if it changes.
    pub timestamp: Option<Stamp>,
    /// The value that becomes `originalTimestamp`, as received, if it changes.
    pub original: Option<Span>,
    /// One of the two is not a time, or cannot be written.
    pub bad: bool,
}

impl Times {
    /// One row of `docs/capture.md` (Times) after the other.
    pub fn of(item: &Item<'_>) -> Self {
        let (original, timestamp) = (item.present(Field::OriginalTimestamp), item.present(Field::Timestamp));
        let received = Some(item.request.received);
        match (original, timestamp) {
            (None, None) => Self { timestamp: received, original: None, bad: false },
            (Some(original), Some(timestamp)) => {
                let bad = time(item, original).is_none() || time(item, timestamp).is_none();
                Self { timestamp: None, original: None, bad }
            }
            (Some(only), None) | (None, Some(only)) => {
                let corrected = time(item, only).and_then(|time| corrected(item, time));
                Self {
                    timestamp: corrected.or(received),
                    original: original.is_none().then_some(only.value),
                    bad: corrected.is_none(),
                }
            }
        }
    }
}

fn time(item: &Item<'_>, member: &Member) -> Option<Time> {
    request::time(item.request.body, member)
}

/// The time by this machine's clock, if the sender said when it sent the event.
fn corrected(item: &Item<'_>, time_of_event: Time) -> Option<Stamp> {
    let sent = match item.present(Field::SentAt) {
        Some(member) => time(item, member),
        None => item.request.sent,
    };
    let received_ms = item.request.received_ms;
    clock::stamp(sent.map_or(time_of_event.ms(), |sent| time_of_event.corrected_ms(sent, received_ms)))
}

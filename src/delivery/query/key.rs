//! The keys of a query: the words that may stand before a colon.

use super::field::Field;

/// The word before the colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryKey {
    /// `state:`
    State,
    /// `type:`
    Type,
    /// `userId:` and the others.
    Field(Field),
    /// `since:`
    Since,
    /// `until:`
    Until,
}

const MOMENTS: &str = "2026-03-02T10:00:00Z, 2026-03-02, or an age such as 15m, 2h, 1d";

impl QueryKey {
    /// Every key, the way it is written, and the values it allows.
    pub const ALL: [(Self, &'static str, &'static str); 10] = [
        (Self::State, "state", "queued, retrying, delivered, failed, resent, rejected"),
        (Self::Type, "type", "identify, track, page, screen, group, alias"),
        (Self::Field(Field::User), "userId", "a user id or an anonymous id"),
        (Self::Field(Field::Event), "event", "the event name of a track, the name of a page or screen"),
        (Self::Field(Field::MessageId), "messageId", "an event's messageId"),
        (Self::Field(Field::Source), "source", "a source's name"),
        (Self::Field(Field::Shard), "shard", "a shard's number or id"),
        (Self::Field(Field::Error), "error", "a part of an error's code or message"),
        (Self::Since, "since", MOMENTS),
        (Self::Until, "until", MOMENTS),
    ];

    /// The way it is written.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    pub(super) fn allowed(self) -> &'static str {
        self.row().2
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(_, name, _)| name.eq_ignore_ascii_case(word));
        known.map(|(key, _, _)| *key)
    }

    fn row(self) -> &'static (Self, &'static str, &'static str) {
        Self::ALL.iter().find(|(key, _, _)| *key == self).expect("the table has every key")
    }
}

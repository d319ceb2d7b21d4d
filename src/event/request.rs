//! What all events of one request share: when it came, from where, and what surrounds its batch.

use std::net::IpAddr;

use super::arrival::Arrival;
use super::clock::{self, Stamp, Time};
use super::index::BodyIndex;
use super::value::{begins, is_null, is_number};
use super::walk::{Field, Member};

/// What all events of one request share.
pub(super) struct Request<'b> {
    pub body: &'b BodyIndex<'b>,
    pub arrival: &'b Arrival,
    pub received: Stamp,
    pub received_ms: i64,
    /// The address for `context.ip`. `None` if it says nothing about a user.
    pub address: Option<String>,
    /// The envelope's `sentAt`, if it is not null.
    pub sent_at: Option<&'b Member>,
    /// The time that `sent_at` says.
    pub sent: Option<Time>,
    /// The envelope's `context`, if it is an object.
    pub context: Option<&'b Member>,
    /// The envelope's `integrations`, if it is an object.
    pub integrations: Option<&'b Member>,
}

impl<'b> Request<'b> {
    /// `envelope`: the members around a batch; none for a single call.
    pub fn new(body: &'b BodyIndex<'b>, envelope: &'b [Member], arrival: &'b Arrival) -> Self {
        let last = |field| envelope.iter().rev().find(|member| member.field == field);
        let object = |field| last(field).filter(|member| begins(body.raw(member.value), b'{'));
        let sent_at = last(Field::SentAt).filter(|member| !is_null(body.raw(member.value)));
        // 1970, if this machine's own clock is outside the years that can be written.
        let (received_ms, received) = match clock::stamp(arrival.received_at_ms) {
            Some(stamp) => (arrival.received_at_ms, stamp),
            None => (0, *b"\"1970-01-01T00:00:00.000Z\""),
        };
        Self {
            body,
            arrival,
            received,
            received_ms,
            address: arrival.peer.and_then(user_address),
            sent_at,
            sent: sent_at.and_then(|member| time(body, member)),
            context: object(Field::Context),
            integrations: object(Field::Integrations),
        }
    }
}

/// The time that a value says. `None` if it is not a time.
pub(super) fn time(body: &BodyIndex<'_>, member: &Member) -> Option<Time> {
    let raw = body.raw(member.value);
    if begins(raw, b'"') {
        return Time::from_text(&body.string(member));
    }
    if is_number(raw) { Time::from_number(raw) } else { None }
}

/// An address that can say something about a user: not loopback, unspecified or link-local.
fn user_address(peer: IpAddr) -> Option<String> {
    let peer = peer.to_canonical();
    let is_link_local = match peer {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let useless = is_link_local || peer.is_loopback() || peer.is_unspecified();
    (!useless).then(|| peer.to_string())
}

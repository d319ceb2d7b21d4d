//! What all events of one request share: when it came, from where, and what surrounds its batch.

use std::net::IpAddr;

use super::index::{BodyIndex, begins, is_null};
use super::record::Encoding;
use super::time::{self, Stamp, Time};
use super::walk::{Field, Member};

/// Whose address a request's peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathClass {
    /// A user's own device: single calls, `/v1/b`, beacon, pixel. Its address goes into `context.ip`.
    Device,
    /// A customer's server: `/v1/batch`, `/v1/import`.
    Server,
}

/// What the endpoint knows about a request besides its body.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// When the request was read, in milliseconds since 1970. All events of a batch get the same time.
    pub received_at_ms: i64,
    /// Whose address `peer` is.
    pub class: PathClass,
    /// The sender's address. Behind trusted proxies, the address that they name.
    pub peer: Option<IpAddr>,
    /// How the events' records will be encoded.
    pub encoding: Encoding,
    /// Maximum bytes of one record in the stream, partition key included.
    pub record_bytes_max: usize,
}

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
        let (received_ms, received) = match time::stamp(arrival.received_at_ms) {
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
            sent: sent_at.and_then(|member| body.time(member)),
            context: object(Field::Context),
            integrations: object(Field::Integrations),
        }
    }
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

//! What the endpoint knows about a request besides its body.

use std::net::IpAddr;

use super::record::Encoding;

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

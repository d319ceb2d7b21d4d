//! Events: from the bytes of a request to checked, normalised events and the records they become.
//!
//! [`Body::parse`] walks over a request's body once. [`Body::single`] and [`Body::batch`] then give events whose
//! values are the sender's own bytes; only the members that the tracking API names (§4, §5) are added or changed.
//! What cannot become an event is a [`Rejection`], one for each item, so that a broken item never harms its neighbours.
//!
//! Members that occur twice survive as sent. Where a documented member occurs twice the last one counts, as it does
//! for nearly every reader of JSON: it alone is read and edited. `writeKey` (a credential), `receivedAt` and a single
//! call's `type` (both the endpoint's word) are edited wherever they occur.
//!
//! Pure: no clock, no I/O, no async. The only thing not decided by the arguments is a made `messageId`.

mod aggregate;
mod body;
mod clock;
mod context;
mod decode;
mod library;
mod normalise;
mod record;
mod scan;
pub mod shown;
#[cfg(test)]
mod tests;

pub use aggregate::{Aggregation, Bucket, RecordData, Size, UserRecord};
pub use body::{Body, Events, decode_pixel};
pub use decode::{Content, Inside, Layer, Part, parts};
pub use library::library_of;
pub use record::{Encoding, PartitionKey};

use std::borrow::Cow;
use std::net::IpAddr;

/// Which of the six calls of the tracking API an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Who a user is.
    Identify,
    /// What a user did.
    Track,
    /// Which page a user saw.
    Page,
    /// Which screen of an app a user saw.
    Screen,
    /// Which group a user belongs to.
    Group,
    /// Two ids that are one user.
    Alias,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Identify, Self::Track, Self::Page, Self::Screen, Self::Group, Self::Alias];

    /// The value of `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Track => "track",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }

    /// The kind that a `type` names: exact and lower-case (tracking API §5.2).
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "identify" => Self::Identify,
            "track" => Self::Track,
            "page" => Self::Page,
            "screen" => Self::Screen,
            "group" => Self::Group,
            "alias" => Self::Alias,
            _ => return None,
        })
    }

    /// The kind that the last segment of a path names, in its long or one-letter form (tracking API §2).
    pub fn from_path(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == segment || kind.as_str()[..1] == *segment)
    }
}

/// Whose address a request's peer is (tracking API §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathClass {
    /// A user's own device: single calls, `/v1/b`, beacon, pixel. Its address goes into `context.ip`.
    Device,
    /// A customer's server: `/v1/batch`, `/v1/import`.
    Server,
}

/// What the endpoint knows about a request beside its body.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// When the request was read, in milliseconds since 1970; one moment for a whole batch.
    pub received_at_ms: i64,
    /// Whose address `peer` is.
    pub class: PathClass,
    /// The sender's address, behind trusted proxies the one they name.
    pub peer: Option<IpAddr>,
    /// How the events' records will be encoded.
    pub encoding: Encoding,
    /// How many bytes the stream takes in one record, key included.
    pub record_bytes_max: usize,
}

/// One call of the tracking API, checked and normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which call it is.
    pub kind: Kind,
    /// The sender's `messageId`, or the one that was made. In `json` it is spelled as sent.
    pub message_id: String,
    /// Whether the sender gave no usable `messageId`, so that one was made: its receipt.
    pub message_id_made: bool,
    /// What decides the record's shard and order.
    pub key: PartitionKey,
    /// A track's `event`, a page's or screen's `name`; at most 120 characters, for looking at only.
    pub name: Option<String>,
    /// The event's JSON text: one valid object, UTF-8.
    pub json: Vec<u8>,
    /// What was odd about it.
    pub notes: Notes,
}

/// What was odd about an event, but no reason to refuse it; to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notes {
    /// A `timestamp` or `originalTimestamp` is no time, or lies outside the years 0 to 9999 (§5.5).
    pub bad_timestamp: bool,
    /// The `messageId` has more than 100 characters, the most that Segment guarantees (§5.4).
    pub long_message_id: bool,
    /// How many bare `NaN`, `Infinity` or `-Infinity` became `null` (§5.1).
    pub bare_numbers: u32,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Not JSON, not UTF-8, nested too deep, or a body that is no object.
    InvalidJson,
    /// A batch body whose `batch` is missing, twice there, or no array.
    InvalidBatch,
    /// An item of a batch that is JSON, but no object.
    NotAnObject,
    /// An item of a batch without `type`.
    MissingType,
    /// An item of a batch with a `type` that is none of the six.
    UnknownType,
    /// An id that is neither string, number nor null, or a `messageId` above 1 KiB.
    InvalidId,
    /// Neither `userId` nor `anonymousId`; for alias, no `userId`.
    NoUserAnonId,
    /// A track without `event`.
    MissingEvent,
    /// A group without `groupId`.
    MissingGroupId,
    /// An alias without `previousId`.
    MissingPreviousId,
    /// An event that the stream's record limit does not let through.
    EventTooLarge,
    /// A body above 4 GiB.
    PayloadTooLarge,
    /// A batch whose events would take far more room than its body: a large shared `context`, or very many tiny items.
    BatchGrowsTooLarge,
    /// A pixel's `data` that is not base64.
    BadEncoding,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 14] = [
        Self::InvalidJson,
        Self::InvalidBatch,
        Self::NotAnObject,
        Self::MissingType,
        Self::UnknownType,
        Self::InvalidId,
        Self::NoUserAnonId,
        Self::MissingEvent,
        Self::MissingGroupId,
        Self::MissingPreviousId,
        Self::EventTooLarge,
        Self::PayloadTooLarge,
        Self::BatchGrowsTooLarge,
        Self::BadEncoding,
    ];

    /// The code in an answer (tracking API §6).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::InvalidBatch => "invalid_batch",
            Self::NotAnObject => "not_an_object",
            Self::MissingType => "missing_type",
            Self::UnknownType => "unknown_type",
            Self::InvalidId => "invalid_id",
            Self::NoUserAnonId => "no_user_anon_id",
            Self::MissingEvent => "missing_event",
            Self::MissingGroupId => "missing_group_id",
            Self::MissingPreviousId => "missing_previous_id",
            Self::EventTooLarge => "event_too_large",
            Self::PayloadTooLarge => "payload_too_large",
            Self::BatchGrowsTooLarge => "batch_grows_too_large",
            Self::BadEncoding => "bad_encoding",
        }
    }
}

/// Something that will not become an event, and why. Its sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason, for programs.
    pub code: Code,
    /// The reason, for people: what is wrong and where.
    pub message: Cow<'static, str>,
    /// The sender's `messageId`, where one was readable and is not itself the reason.
    pub message_id: Option<String>,
    /// Whose event it is: what its partition key would have been, where an id was readable.
    pub user: Option<PartitionKey>,
    /// Which call it is, where that could be read.
    pub kind: Option<Kind>,
    /// Its name for looking at (see [`Event::name`]), where it could be read.
    pub name: Option<Box<str>>,
    /// The item or body as sent, its first 4 KiB.
    pub excerpt: Vec<u8>,
    /// Bytes of the item or body as sent; of 4 GiB and more nothing is kept.
    pub bytes: u32,
}

impl Rejection {
    /// How many bytes of what was refused are kept.
    pub const EXCERPT_BYTES_MAX: usize = 4096;

    /// With more refused items than this a body is no batch, but garbage; SDKs send at most some thousand items. Each
    /// is answered for and becomes a line of the log, so that 16 MiB of `0,0,…` would cost gigabytes.
    pub const ITEMS_MAX: usize = 10_000;

    fn new(code: Code, message: impl Into<Cow<'static, str>>, sent: &[u8]) -> Self {
        Self {
            code,
            message: message.into(),
            message_id: None,
            user: None,
            kind: None,
            name: None,
            excerpt: Self::excerpt_of(sent).to_vec(),
            bytes: u32::try_from(sent.len()).unwrap_or(u32::MAX),
        }
    }

    /// What is kept of something that was refused.
    pub fn excerpt_of(sent: &[u8]) -> &[u8] {
        let mut end = sent.len().min(Self::EXCERPT_BYTES_MAX);
        // Not in the middle of a character: the excerpt is looked at.
        while end < sent.len() && end > Self::EXCERPT_BYTES_MAX - 4 && sent[end] & 0xC0 == 0x80 {
            end -= 1;
        }
        &sent[..end]
    }
}

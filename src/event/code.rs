//! Rejections, and the codes with which the endpoint refuses an event or a request, as responses, the log and the metrics
//! name them. What refuses an event is in `item.rs` and `growth.rs`, what refuses a request in `capture/error_response.rs`.

use std::borrow::Cow;

use super::call::Kind;
use super::record::PartitionKey;

/// Why the endpoint refuses an event or a whole request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointCode {
    /// Not JSON, not UTF-8, nested too deep, or a body that is not an object.
    InvalidJson,
    /// The member `batch` of a batch body is missing, occurs twice or is not an array; or too many items are rejected.
    InvalidBatch,
    /// An item of a batch is JSON, but not an object.
    NotAnObject,
    /// An item of a batch has no `type`.
    MissingType,
    /// An item of a batch has a `type` that is none of the six.
    UnknownType,
    /// An id is neither string, number nor null, or a `messageId` is longer than 1 KiB.
    InvalidId,
    /// Neither `userId` nor `anonymousId`; for alias, no `userId`.
    NoUserAnonId,
    /// A track without `event`.
    MissingEvent,
    /// A group without `groupId`.
    MissingGroupId,
    /// An alias without `previousId`.
    MissingPreviousId,
    /// The event does not fit into a record of the stream.
    EventTooLarge,
    /// The events of a batch would take far more room than its body: a large shared `context`, or very many tiny items.
    BatchGrowsTooLarge,
    /// Broken gzip, a body that ends early, or the `data` of a pixel that is not base64.
    BadEncoding,
    /// The body is larger than `capture.max_body_bytes`.
    PayloadTooLarge,
    /// A `Content-Encoding` other than gzip.
    UnsupportedEncoding,
    /// The request has no write key.
    NoWriteKey,
    /// The write key belongs to no source.
    UnknownWriteKey,
    /// A web page of another site sent the request without a known write key.
    ForeignRequest,
    /// An unknown path.
    NotFound,
    /// A method that the path does not support.
    MethodNotAllowed,
    /// A client of a trusted proxy has too many requests in progress.
    TooManyRequestsOfPeer,
    /// The spool is full, the disk cannot keep up, or bodies take too much memory.
    Overloaded,
    /// The source has used its share of the spool.
    SourceSpoolFull,
    /// The body arrives too slowly.
    BodyTooSlow,
    /// The disk refuses writes, the endpoint is stopping, or the connection was closed to make room for others.
    Unavailable,
}

impl EndpointCode {
    /// Every code.
    pub const ALL: [Self; 25] = [
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
        Self::BatchGrowsTooLarge,
        Self::BadEncoding,
        Self::PayloadTooLarge,
        Self::UnsupportedEncoding,
        Self::NoWriteKey,
        Self::UnknownWriteKey,
        Self::ForeignRequest,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooManyRequestsOfPeer,
        Self::Overloaded,
        Self::SourceSpoolFull,
        Self::BodyTooSlow,
        Self::Unavailable,
    ];

    /// The code in a response.
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
            Self::BatchGrowsTooLarge => "batch_grows_too_large",
            Self::BadEncoding => "bad_encoding",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::NoWriteKey => "no_write_key",
            Self::UnknownWriteKey => "unknown_write_key",
            Self::ForeignRequest => "foreign_request",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooManyRequestsOfPeer => "too_many_requests_of_peer",
            Self::Overloaded => "overloaded",
            Self::SourceSpoolFull => "source_spool_full",
            Self::BodyTooSlow => "body_too_slow",
            Self::Unavailable => "unavailable",
        }
    }

    /// The code that a response or a line of the log names.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == code)
    }
}

/// A body or item that does not become an event, and why. Its sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason, for programs.
    pub code: EndpointCode,
    /// The reason, for people: what is wrong and where.
    pub message: Cow<'static, str>,
    /// The sender's `messageId`, if it could be read and is not itself the reason.
    pub message_id: Option<String>,
    /// The partition key that the event would have had, if an id could be read.
    pub user: Option<PartitionKey>,
    /// Which call it is, if that could be read.
    pub kind: Option<Kind>,
    /// The name for display (see [`Event::name`](super::Event::name)), if it could be read.
    pub name: Option<Box<str>>,
    /// The first 4 KiB of the item or body, as sent.
    pub excerpt: Vec<u8>,
    /// Bytes of the item or body as sent. Nothing is kept of 4 GiB or more.
    pub bytes: u32,
}

impl Rejection {
    /// Maximum bytes that are kept of what was rejected.
    pub const EXCERPT_BYTES_MAX: usize = 4096;

    /// Maximum rejected items of a batch; a batch with more is rejected whole. SDKs send at most some thousand items,
    /// and each rejected one is answered and logged, so that 16 MiB of `0,0,…` would cost gigabytes.
    pub const ITEMS_MAX: usize = 10_000;

    pub(super) fn new(code: EndpointCode, message: impl Into<Cow<'static, str>>, sent: &[u8]) -> Self {
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

    /// The part of `sent` that is kept: its beginning.
    pub fn excerpt_of(sent: &[u8]) -> &[u8] {
        let mut end = sent.len().min(Self::EXCERPT_BYTES_MAX);
        // Ends between two characters, because the excerpt is displayed.
        while end < sent.len() && end > Self::EXCERPT_BYTES_MAX - 4 && sent[end] & 0xC0 == 0x80 {
            end -= 1;
        }
        &sent[..end]
    }
}

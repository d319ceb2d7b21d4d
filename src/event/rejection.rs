//! Rejections: why a body, or an item of it, does not become an event.

use std::borrow::Cow;

use super::call::Kind;
use super::record::PartitionKey;

/// Why the endpoint rejects an event, or refuses a request (tracking API §6). Every code that it answers with is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Not JSON, not UTF-8, nested too deep, or a body that is not an object.
    InvalidJson,
    /// The member `batch` of a batch body is missing, occurs twice or is not an array.
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
    /// A body above `capture.max_body_bytes`, or of 4 GiB or more.
    PayloadTooLarge,
    /// The events of a batch would take far more room than its body: a large shared `context`, or very many tiny items.
    BatchGrowsTooLarge,
    /// A body that cannot be decompressed or broke off, or the `data` of a pixel that is not base64.
    BadEncoding,
    /// A body with another compression than gzip.
    UnsupportedEncoding,
    /// No write key.
    NoWriteKey,
    /// A write key of no source.
    UnknownWriteKey,
    /// A path that is not served.
    NotFound,
    /// A method that the path does not take.
    MethodNotAllowed,
    /// A web page of another site sent this without a known write key.
    ForeignRequest,
    /// The spool is full, or too many large requests arrive at once.
    Overloaded,
    /// The source's share of the spool is full.
    SourceSpoolFull,
    /// Too many requests of one address are being answered.
    TooManyRequestsOfPeer,
    /// The body arrives too slowly.
    BodyTooSlow,
    /// Starting or stopping, or the disk refuses writes.
    Unavailable,
}

impl Code {
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
        Self::PayloadTooLarge,
        Self::BatchGrowsTooLarge,
        Self::BadEncoding,
        Self::UnsupportedEncoding,
        Self::NoWriteKey,
        Self::UnknownWriteKey,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::ForeignRequest,
        Self::Overloaded,
        Self::SourceSpoolFull,
        Self::TooManyRequestsOfPeer,
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
            Self::PayloadTooLarge => "payload_too_large",
            Self::BatchGrowsTooLarge => "batch_grows_too_large",
            Self::BadEncoding => "bad_encoding",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::NoWriteKey => "no_write_key",
            Self::UnknownWriteKey => "unknown_write_key",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::ForeignRequest => "foreign_request",
            Self::Overloaded => "overloaded",
            Self::SourceSpoolFull => "source_spool_full",
            Self::TooManyRequestsOfPeer => "too_many_requests_of_peer",
            Self::BodyTooSlow => "body_too_slow",
            Self::Unavailable => "unavailable",
        }
    }

    /// The code with this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }
}

/// A body or item that does not become an event, and why. Its sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason, for programs.
    pub code: Code,
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

    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>, sent: &[u8]) -> Self {
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

//! The codes with which the endpoint refuses an event or a request, as responses, the log and the metrics name them. What
//! refuses an event is in `item.rs` and `growth.rs`, what refuses a request in `capture/error_response.rs`.

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

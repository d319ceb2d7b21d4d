//! Rejections: why a body, or an item of it, does not become an event.

use std::borrow::Cow;

use super::call::Kind;
use super::code::EndpointCode;
use super::record::PartitionKey;

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

//! The index of a request's body: its text, where its members and the items of its batch are, and what their text says.

use std::borrow::Cow;

use super::code::{EndpointCode, Rejection};
use super::scan::{SPACES, ScanError, Scanner, Span, unescape};
use super::time::Time;
use super::walk::{Inner, Member, Positions, offset};

/// The index of a body, with the body's text.
pub(super) struct BodyIndex<'a> {
    /// The bytes as received, without a byte order mark.
    pub sent: &'a [u8],
    /// The same as text, with `?` for each byte that is not UTF-8. Offsets are equal in both.
    text: Cow<'a, str>,
    /// Where the bare number tokens begin, ascending.
    bare: Vec<u32>,
    pub positions: Positions,
}

impl<'a> BodyIndex<'a> {
    pub fn new(bytes: &'a [u8]) -> Result<Self, Rejection> {
        let sent = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        if u32::try_from(sent.len()).is_err() {
            return Err(Rejection::new(EndpointCode::PayloadTooLarge, "a body of 4 GiB or more", &[]));
        }
        let (text, not_utf8) = readable(sent);
        let mut scan = Scanner::new(&text);
        let walked = Positions::of(&mut scan, &not_utf8, sent.len());
        let bare = scan.bare;
        match walked {
            Ok(positions) => Ok(Self { sent, text, bare, positions }),
            Err(error) => Err(invalid_json(&text, error, sent)),
        }
    }

    /// Finds the first JSON error inside the member `batch`, where broken items were skipped.
    pub fn batch_error(&self) -> Option<ScanError> {
        let Positions { items, object, .. } = &self.positions;
        if items.is_empty() {
            return None;
        }
        items.iter().find_map(|item| item.error).or_else(|| {
            // The levels of nesting count from the body's object, not from the item.
            let mut scan = Scanner::new(&self.text);
            scan.at = object.start as usize;
            scan.value(0).err()
        })
    }

    /// The rejection of the whole body for an error in its JSON.
    pub fn invalid_json(&self, error: ScanError) -> Rejection {
        invalid_json(&self.text, error, self.sent)
    }

    /// The rejection of the whole body.
    pub fn reject(&self, code: EndpointCode, message: impl Into<Cow<'static, str>>) -> Rejection {
        Rejection::new(code, message, self.sent)
    }

    pub fn sent_of(&self, span: Span) -> &[u8] {
        &self.sent[span.range()]
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    #[inline]
    pub fn raw(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    /// The value of a member that is a string, without quotes and escapes.
    #[inline]
    pub fn string(&self, member: &Member) -> Cow<'_, str> {
        let inner = &self.text[member.value.start as usize + 1..member.value.end as usize - 1];
        if member.escaped { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) }
    }

    /// The time that a member's value says. `None` if it is not a time.
    pub fn time(&self, member: &Member) -> Option<Time> {
        let raw = self.raw(member.value);
        if begins(raw, b'"') {
            return Time::from_text(&self.string(member));
        }
        if is_number(raw) { Time::from_number(raw) } else { None }
    }

    /// The members of a `context` or `integrations` object.
    pub fn inner(&self, member: &Member) -> &[Inner] {
        &self.positions.inner[member.inner.range()]
    }

    /// Where the bare number tokens in `span` begin.
    #[inline]
    pub fn bare(&self, span: Span) -> &[u32] {
        if self.bare.is_empty() {
            return &[];
        }
        let from = self.bare.partition_point(|&at| at < span.start);
        let to = self.bare.partition_point(|&at| at < span.end);
        &self.bare[from..to]
    }

    /// The text between an object's braces, without white space at its ends.
    pub fn content(&self, object: Span) -> Span {
        let inner = &self.raw(object)[1..];
        let inner = &inner[..inner.len() - 1];
        let from_first = inner.trim_start_matches(SPACES);
        let content = from_first.trim_end_matches(SPACES);
        let start = object.end - 1 - offset(from_first.len());
        Span { start, end: start + offset(content.len()) }
    }

    /// Copies a stretch of the body, with `null` for bare number tokens. Copies nothing if the stretch is empty or
    /// reversed.
    pub fn copy(&self, span: Span, out: &mut Vec<u8>) {
        if span.start >= span.end {
            return;
        }
        let bytes = self.text.as_bytes();
        let mut from = span.start as usize;
        for &token in self.bare(span) {
            let token = token as usize;
            out.extend_from_slice(&bytes[from..token]);
            out.extend_from_slice(b"null");
            let name_len = match bytes[token] {
                b'N' => "NaN".len(),
                b'I' => "Infinity".len(),
                _ => "-Infinity".len(),
            };
            from = token + name_len;
        }
        out.extend_from_slice(&bytes[from..span.end as usize]);
    }
}

/// Whether a value is null, or a bare token that is written as null.
pub(super) fn is_null(raw: &str) -> bool {
    matches!(raw.as_bytes(), [b'n' | b'N' | b'I', ..] | [b'-', b'I', ..])
}

/// Whether the first byte, which tells a value's type, is this one.
pub(super) fn begins(raw: &str, first: u8) -> bool {
    raw.as_bytes().first() == Some(&first)
}

/// Whether a value is a number, or a bare `-Infinity`.
pub(super) fn is_number(raw: &str) -> bool {
    matches!(raw.as_bytes().first(), Some(b'-' | b'0'..=b'9'))
}

/// Writes text that needs no escapes: numbers, addresses, words of the tracking API.
pub(super) fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// The body as text, and where it is not UTF-8.
fn readable(sent: &[u8]) -> (Cow<'_, str>, Vec<u32>) {
    if let Ok(text) = simdutf8::basic::from_utf8(sent) {
        return (Cow::Borrowed(text), Vec::new());
    }
    let mut text = String::with_capacity(sent.len());
    let mut not_utf8 = Vec::new();
    for chunk in sent.utf8_chunks() {
        text.push_str(chunk.valid());
        for _ in chunk.invalid() {
            not_utf8.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
            text.push('?');
        }
    }
    (Cow::Owned(text), not_utf8)
}

/// Rejects a body for an error in its JSON, and names its line and column.
fn invalid_json(text: &str, error: ScanError, sent: &[u8]) -> Rejection {
    let before = text.get(..error.at as usize).unwrap_or_default();
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.len() - before.rfind('\n').map_or(0, |at| at + 1);
    Rejection::new(EndpointCode::InvalidJson, format!("{} at line {line} column {column}", error.kind), sent)
}

//! What the text of a JSON value says by its first byte, and text written as a JSON string.

/// Null, or a bare token that is written as null.
pub(super) fn is_null(raw: &str) -> bool {
    matches!(raw.as_bytes(), [b'n' | b'N' | b'I', ..] | [b'-', b'I', ..])
}

/// Whether the first byte, which tells a value's type, is this one.
pub(super) fn begins(raw: &str, first: u8) -> bool {
    raw.as_bytes().first() == Some(&first)
}

/// A number, or a bare `-Infinity`.
pub(super) fn is_number(raw: &str) -> bool {
    matches!(raw.as_bytes().first(), Some(b'-' | b'0'..=b'9'))
}

/// Writes text that needs no escapes: numbers, addresses, words of the tracking API.
pub(super) fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

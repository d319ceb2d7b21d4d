//! Masks write keys in the excerpt of a rejected request before it is stored in the log. Masked are the known keys,
//! wherever they are, and the value of each member or parameter named `writeKey` or `api_key`, known or not. A rejected
//! request may not be JSON at all, so nothing here relies on JSON. Pure.

use std::{borrow::Cow, ops::Range};

use base64::Engine as _;

use super::key::{self, BASE64};
use crate::event::{EndpointCode, Rejection};

/// A known key with fewer bytes is masked only where it stands alone: `a` is part of most words.
const ALONE_BYTES: usize = 8;

/// Minimum bytes at the end of a cut excerpt that are masked as the beginning of a known key.
const BEGINNING_BYTES_MIN: usize = 4;

/// The two words of each name that senders use for write keys.
const NAMES: [(&[u8], &[u8]); 2] = [(b"write", b"key"), (b"api", b"key")];

const ELLIPSIS: &str = "…";

/// The write keys of all sources.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// By first byte, since there is a look-up for each byte of an excerpt; longest first.
    keys: Vec<Vec<Box<[u8]>>>,
}

/// A byte of the decoded text, and the range of the sent text that it comes from.
struct DecodedByte {
    byte: u8,
    at: Range<usize>,
}

/// A range of the sent text that is masked, and the text that replaces it.
struct Mask {
    at: Range<usize>,
    text: String,
}

impl Secrets {
    pub(super) fn new<'k>(keys: impl Iterator<Item = &'k String>) -> Self {
        let mut by_first = vec![Vec::<Box<[u8]>>::new(); 1 + usize::from(u8::MAX)];
        for key in keys {
            if let Some(first) = key.bytes().next() {
                by_first[usize::from(first)].push(key.as_bytes().into());
            }
        }
        // The first match counts, which must be the longest.
        for keys in &mut by_first {
            keys.sort_by_key(|key| std::cmp::Reverse(key.len()));
        }
        Self { keys: by_first }
    }

    /// The excerpt of a rejection, and the number of sent bytes, as the log keeps them. Readers take an excerpt with as
    /// many bytes as were sent for complete. So if nothing was cut, the number is the length of the masked text.
    pub(super) fn excerpt(&self, rejection: &Rejection) -> (Vec<u8>, u32) {
        let sent = rejection.excerpt.as_slice();
        if rejection.code == EndpointCode::BadEncoding && self.in_base64(sent) {
            return (Vec::new(), 0);
        }
        let is_cut = rejection.bytes as usize > sent.len();
        match self.masked(sent, is_cut) {
            Cow::Borrowed(_) => (sent.to_vec(), rejection.bytes),
            Cow::Owned(masked) => {
                let bytes = u32::try_from(masked.len()).unwrap_or(u32::MAX);
                let kept = Rejection::excerpt_of(&masked).to_vec();
                (kept, if is_cut { rejection.bytes.max(bytes) } else { bytes })
            }
        }
    }

    /// A short text of a rejection, which may quote what was sent.
    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.masked(text.as_bytes(), false) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
        }
    }

    fn masked<'s>(&self, sent: &'s [u8], is_cut: bool) -> Cow<'s, [u8]> {
        let masks = self.masks(sent, is_cut);
        if masks.is_empty() {
            return Cow::Borrowed(sent);
        }
        let mut out = Vec::with_capacity(sent.len());
        let mut from = 0;
        for Mask { at, text } in masks {
            out.extend_from_slice(&sent[from..at.start]);
            out.extend_from_slice(text.as_bytes());
            from = at.end;
        }
        out.extend_from_slice(&sent[from..]);
        Cow::Owned(out)
    }

    /// The ranges to mask, ascending and without overlaps.
    fn masks(&self, sent: &[u8], is_cut: bool) -> Vec<Mask> {
        let decoded = decode(sent);
        let mut found = members(&decoded, is_cut);
        self.find_keys(&decoded, is_cut, &mut found);
        // A key may itself contain what looks like an escape.
        if sent.iter().any(|byte| matches!(byte, b'%' | b'\\')) {
            self.find_keys(&as_sent(sent), is_cut, &mut found);
        }
        found.sort_by_key(|one| (one.at.start, std::cmp::Reverse(one.at.end)));
        let mut masks: Vec<Mask> = Vec::new();
        for next in found {
            match masks.last_mut() {
                Some(last) if next.at.start < last.at.end => {
                    if next.at.end > last.at.end {
                        last.at.end = next.at.end;
                        ELLIPSIS.clone_into(&mut last.text);
                    }
                }
                _ => masks.push(next),
            }
        }
        masks
    }

    fn find_keys(&self, text: &[DecodedByte], is_cut: bool, found: &mut Vec<Mask>) {
        let mut at = 0;
        while at < text.len() {
            let keys = self.keys.get(usize::from(text[at].byte)).map_or(&[][..], Vec::as_slice);
            match keys.iter().find_map(|key| key_at(text, at, key, is_cut)) {
                Some(masked) => {
                    at += text[at..].partition_point(|decoded| decoded.at.start < masked.at.end);
                    found.push(masked);
                }
                None => at += 1,
            }
        }
    }

    /// Whether rejected base64 contains a key. The base64 may have letters too few or too many, so it is decoded at
    /// each of the four shifts.
    fn in_base64(&self, sent: &[u8]) -> bool {
        let letters = sent.iter().filter_map(|byte| match byte {
            b'-' | b'+' | b' ' => Some(b'+'),
            b'_' | b'/' => Some(b'/'),
            letter => letter.is_ascii_alphanumeric().then_some(*letter),
        });
        let letters: Vec<u8> = letters.collect();
        (0..4.min(letters.len())).any(|shift| {
            let whole = (letters.len() - shift) / 4 * 4;
            let decoded = BASE64.decode(&letters[shift..shift + whole]).unwrap_or_default();
            !self.masks(&decoded, true).is_empty()
        })
    }
}

/// The sent text with the escapes of JSON and URLs decoded, also those of JSON inside JSON. Zero bytes, as in UTF-16,
/// are left out.
fn decode(sent: &[u8]) -> Vec<DecodedByte> {
    let mut text = Vec::with_capacity(sent.len());
    let mut at = 0;
    while at < sent.len() {
        let hex = |range: Range<usize>| {
            let digits = std::str::from_utf8(sent.get(range)?).ok()?;
            u32::from_str_radix(digits, 16).ok().map(|code| u8::try_from(code).unwrap_or(u8::MAX))
        };
        let (byte, len) = match (sent[at], sent.get(at + 1)) {
            (b'\\', Some(b'u')) => hex(at + 2..at + 6).map_or((b'\\', 1), |byte| (byte, 6)),
            (b'\\', Some(escaped @ (b'"' | b'\\' | b'/' | b'\''))) => (*escaped, 2),
            (b'\\', Some(b'b' | b'f' | b'n' | b'r' | b't')) => (b' ', 2),
            (b'%', Some(_)) => hex(at + 1..at + 3).map_or((b'%', 1), |byte| (byte, 3)),
            (byte, _) => (byte, 1),
        };
        text.push(DecodedByte { byte, at: at..at + len });
        at += len;
    }
    text.retain(|decoded| decoded.byte != 0);
    text
}

fn as_sent(sent: &[u8]) -> Vec<DecodedByte> {
    sent.iter().enumerate().map(|(at, byte)| DecodedByte { byte: *byte, at: at..at + 1 }).collect()
}

/// The mask of the key that begins at this position, or of its beginning at the end of a cut excerpt.
fn key_at(text: &[DecodedByte], at: usize, key: &[u8], is_cut: bool) -> Option<Mask> {
    let rest = &text[at..];
    let is_there = rest.iter().zip(key).all(|(decoded, byte)| decoded.byte == *byte);
    if !is_there || rest.len() < key.len() && !(is_cut && rest.len() >= BEGINNING_BYTES_MIN) {
        return None;
    }
    let len = key.len().min(rest.len());
    let is_letter = |neighbour: Option<&DecodedByte>| {
        neighbour.is_some_and(|decoded| decoded.byte.is_ascii_alphanumeric())
    };
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    if key.len() < ALONE_BYTES && (is_letter(before) || is_letter(rest.get(len))) {
        return None;
    }
    let whole = len == key.len();
    Some(Mask { at: span(&rest[..len]), text: mask(&rest[..len], whole) })
}

/// The masks of the values of members and parameters whose name is that of a write key.
fn members(text: &[DecodedByte], is_cut: bool) -> Vec<Mask> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let masked = name_end(text, at).and_then(|end| value(text, end, is_cut));
        at += 1;
        if let Some(masked) = masked {
            at += text[at..].partition_point(|decoded| decoded.at.start < masked.at.end);
            found.push(masked);
        }
    }
    found
}

/// Where the name that begins here ends: `writeKey`, `write_key`, `apiKey`, `api-key`, in any letter case.
fn name_end(text: &[DecodedByte], at: usize) -> Option<usize> {
    let has = |at: usize, word: &[u8]| {
        text.get(at..at + word.len()).is_some_and(|part| {
            part.iter().zip(word).all(|(decoded, letter)| decoded.byte.eq_ignore_ascii_case(letter))
        })
    };
    NAMES.iter().find_map(|(first, second)| {
        let between = at + first.len();
        let gap = usize::from(has(between, b"_") || has(between, b"-"));
        (has(at, first) && has(between + gap, second)).then_some(between + gap + second.len())
    })
}

/// The mask of the value after a name, if there is one. The value is quoted, or ends where a word of JSON or a query
/// string ends.
fn value(text: &[DecodedByte], name_end: usize, is_cut: bool) -> Option<Mask> {
    let skip = |mut at: usize, skipped: &[u8]| {
        while text.get(at).is_some_and(|decoded| skipped.contains(&decoded.byte)) {
            at += 1;
        }
        at
    };
    let is_quote = |at: usize| text.get(at).is_some_and(|decoded| matches!(decoded.byte, b'"' | b'\''));
    let mut at = skip(name_end, b"\\");
    let name_is_quoted = is_quote(at);
    at = skip(at + usize::from(name_is_quoted), b" \t\r\n");
    let separator = text.get(at).map(|decoded| decoded.byte).filter(|byte| matches!(byte, b':' | b'='));
    // Even without a colon, a quoted text after a quoted name is masked.
    if separator.is_none() && !(name_is_quoted && is_quote(at)) {
        return None;
    }
    at = skip(skip(at, b":=>"), b" \t\r\n[\\");
    if is_quote(at) {
        let open = &text[at];
        // In JSON inside JSON the quotes are escaped. An escaped quote does not end a string that a plain quote began.
        let ends = |decoded: &DecodedByte| decoded.byte == open.byte && decoded.at.len() <= open.at.len();
        let rest = &text[at + 1..];
        let end = rest.iter().position(ends);
        let value = &rest[..end.unwrap_or(rest.len())];
        return (!value.is_empty()).then(|| Mask { at: span(value), text: mask(value, end.is_some()) });
    }
    let ends = |decoded: &DecodedByte| match decoded.byte {
        b'&' | b'"' | b'\'' | b'<' | b' ' | b'\t' | b'\r' | b'\n' => true,
        b',' | b'}' | b']' | b'{' => separator != Some(b'='),
        _ => false,
    };
    let rest = text.get(at..)?;
    let end = rest.iter().position(ends);
    let value = &rest[..end.unwrap_or(rest.len())];
    let word: Vec<u8> = value.iter().map(|decoded| decoded.byte).collect();
    if matches!(word.as_slice(), b"" | b"null" | b"true" | b"false") {
        return None;
    }
    let mut text = mask(value, end.is_some() || !is_cut);
    // A number in JSON becomes a string, so that the text is still JSON.
    if name_is_quoted && separator == Some(b':') && word.iter().all(u8::is_ascii_digit) {
        text = format!("\"{text}\"");
    }
    Some(Mask { at: span(value), text })
}

fn span(part: &[DecodedByte]) -> Range<usize> {
    let end = part.last().map_or(0, |last| last.at.end);
    part.first().map_or(end, |first| first.at.start)..end
}

/// `…` and the last four characters of a key, if its end is known and needs no escape; else `…`.
fn mask(key: &[DecodedByte], whole: bool) -> String {
    let text: String = key.iter().map(|decoded| char::from(decoded.byte)).collect();
    let shown = key::masked(&text);
    let is_plain =
        shown.chars().skip(1).all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.'));
    if whole && is_plain { shown } else { ELLIPSIS.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "write-key-of-the-tests-1234";

    fn masked(sent: &str, is_cut: bool) -> String {
        let secrets = Secrets::new([KEY.to_owned(), "wk%41".to_owned()].iter());
        String::from_utf8(secrets.masked(sent.as_bytes(), is_cut).into_owned()).expect("still UTF-8")
    }

    #[test]
    fn known_keys_and_what_is_called_a_key_are_masked_in_whole_and_in_broken_json() {
        for (sent, kept) in [
            (r#"{"writeKey":"another-key-of-nobody-99"}"#, r#"{"writeKey":"…y-99"}"#),
            (r#"{"write\u004bey" : "another-key-of-nobody-99"}"#, r#"{"write\u004bey" : "…y-99"}"#),
            (r#"{"writeKey":"short"}"#, r#"{"writeKey":"…"}"#),
            (r#"{"writeKey":123456789012345,"a":1}"#, r#"{"writeKey":"…2345","a":1}"#),
            (r#"{"api_key":"a-key-with-\"quotes\"-in-it"}"#, r#"{"api_key":"…n-it"}"#),
            (r#"{"a":"{\"apiKey\":\"another-key-of-nobody-99\"}"}"#, r#"{"a":"{\"apiKey\":\"…y-99\"}"}"#),
            ("userId=u&writeKey=another%2Dkey-of-nobody-99&x=1", "userId=u&writeKey=…y-99&x=1"),
            (r#"{"writeKey" "another-key-of-nobody-99", "x""#, r#"{"writeKey" "…y-99", "x""#),
            (r"{'write-key': 'another-key-of-nobody-99'", r"{'write-key': '…y-99'"),
            (r#"{"writeKey":"another-key-of-nobody-99"#, r#"{"writeKey":"…"#),
            (r#"{"x":"write-key-of-the-tests-1234"#, r#"{"x":"…1234"#),
            (r#"{"x":"write\u002dkey-of-the-tests-1234"}"#, r#"{"x":"…1234"}"#),
            (r#"["awrite-key-of-the-tests-1234b", wk%41]"#, r#"["a…1234b", …]"#),
            (r#"{"writeKey":["another-key-of-nobody-99"]}"#, r#"{"writeKey":["…y-99"]}"#),
        ] {
            assert_eq!(masked(sent, false), kept, "{sent}");
        }
        let utf16: Vec<u8> =
            format!("{{\"x\":\"{KEY}\"}}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let kept = Secrets::new([KEY.to_owned()].iter()).masked(&utf16, false).into_owned();
        assert!(!kept.windows(9).any(|part| part == b"t\0e\0s\0t\0s"), "{kept:?}");
    }

    #[test]
    fn only_what_was_cut_says_that_more_was_sent() {
        let secrets = Secrets::new([KEY.to_owned()].iter());
        let refused = |sent: &str| Rejection {
            code: EndpointCode::NoUserAnonId,
            message: "".into(),
            message_id: None,
            user: None,
            kind: None,
            name: None,
            excerpt: Rejection::excerpt_of(sent.as_bytes()).to_vec(),
            bytes: u32::try_from(sent.len()).expect("it is short"),
        };
        let (kept, bytes) = secrets.excerpt(&refused(&format!("{{\"x\":\"{KEY}\"}}")));
        assert_eq!((kept.as_slice(), bytes as usize), ("{\"x\":\"…1234\"}".as_bytes(), kept.len()));
        let long = format!("{{\"x\":\"{KEY}{}\"}}", "x".repeat(5000));
        let (kept, bytes) = secrets.excerpt(&refused(&long));
        assert!(kept.len() < Rejection::EXCERPT_BYTES_MAX && bytes as usize == long.len(), "{bytes}");
    }

    #[test]
    fn all_else_stays_as_it_was_sent() {
        for sent in [
            "",
            "100%&%4\\",
            r#"{"userId":"u","writeKeyName":"mine","keys":["writeKey","api_key"],"writeKey":null,"apiKey":""}"#,
            r#"{"x":"write-key-of-the-tests-1235","y":"wk%41st"}"#,
            "{\"writeKey\":",
            "writeKey",
        ] {
            assert_eq!(masked(sent, false), sent);
        }
    }

    #[test]
    fn a_key_that_an_excerpt_ends_in_is_masked_as_far_as_it_is_there() {
        assert_eq!(masked(r#"{"x":"write-key-of-the"#, true), r#"{"x":"…"#);
        assert_eq!(masked(r#"{"x":"write-key-of-the"#, false), r#"{"x":"write-key-of-the"#);
        assert_eq!(masked("writeKey=another-key-of-no", true), "writeKey=…");
    }
}

//! The scanner: walks over JSON in borrowed bytes, without a tree and without copies.
//!
//! Whatever it has walked over is JSON by RFC 8259, with three differences: lone surrogate escapes are allowed (SDKs
//! make them when they cut a string inside an emoji); the bare tokens `NaN`, `Infinity` and `-Infinity` of the Python
//! SDKs are allowed and noted in [`Scanner::bare`], to be written as `null`; nesting is limited to [`DEPTH_MAX`]. It
//! never recurses. It does not check UTF-8: the caller does.
//!
//! Own code for speed (figure: `docs/performance.md`).

use std::borrow::Cow;

/// Maximum objects and arrays that are open at once in one event, the event itself included.
pub(super) const DEPTH_MAX: usize = 512;

/// JSON's white space.
pub(super) const SPACES: [char; 4] = [' ', '\n', '\r', '\t'];

/// Where the text stops being JSON, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScanError {
    pub at: u32,
    pub kind: ScanErrorKind,
}

/// What is wrong at the offset of a [`ScanError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScanErrorKind {
    #[error("the text ends too early")]
    Ends,
    #[error("expected a value")]
    ExpectedValue,
    #[error("expected a member name in double quotes")]
    ExpectedName,
    #[error("expected `:`")]
    ExpectedColon,
    #[error("expected `,` or `}}`")]
    ExpectedCommaOrBrace,
    #[error("expected `,` or `]`")]
    ExpectedCommaOrBracket,
    #[error("this is not a JSON number")]
    BadNumber,
    #[error("this escape is unknown in JSON")]
    BadEscape,
    #[error("a control character in a string must be escaped")]
    ControlCharacter,
    #[error("nested more than 512 levels deep")]
    TooDeep,
    #[error("the text is not UTF-8")]
    NotUtf8,
    #[error("the body is not an object")]
    NotAnObject,
    #[error("expected nothing more")]
    ExpectedEnd,
}

/// A stretch of the body, in bytes. Bodies are smaller than 4 GiB, so 32 bits are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A member's name with its quotes, and whether it has escapes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub span: Span,
    pub escaped: bool,
}

impl Name {
    /// The name without quotes and escapes.
    #[inline]
    pub fn text(self, text: &str) -> Cow<'_, str> {
        let inner = &text[self.span.start as usize + 1..self.span.end as usize - 1];
        if self.escaped { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) }
    }
}

/// A position in the text that moves forward.
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pub at: usize,
    /// Where bare `NaN`, `Infinity` and `-Infinity` begin, ascending.
    pub bare: Vec<u32>,
}

impl<'a> Scanner<'a> {
    /// `text` must be shorter than 4 GiB.
    pub fn new(text: &'a str) -> Self {
        Scanner { text, bytes: text.as_bytes(), at: 0, bare: Vec::new() }
    }

    /// The byte here, 0 at the end.
    #[inline]
    pub fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    pub fn ended(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// A name without quotes and escapes.
    #[inline]
    pub fn name_text(&self, name: Name) -> Cow<'a, str> {
        name.text(self.text)
    }

    /// The offset as it is stored.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bodies of 4 GiB are refused before a scanner is made"
    )]
    #[inline]
    pub fn offset(&self) -> u32 {
        self.at as u32
    }

    /// Skips white space. Returns the next byte, or 0 at the end or at another control character: JSON's grammar has
    /// neither.
    #[inline]
    pub fn space(&mut self) -> u8 {
        loop {
            match self.bytes.get(self.at) {
                Some(&byte) if byte > b' ' => return byte,
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(_) | None => return 0,
            }
        }
    }

    #[cold]
    pub fn error(&self, kind: ScanErrorKind) -> ScanError {
        let kind = if self.ended() { ScanErrorKind::Ends } else { kind };
        ScanError { at: self.offset(), kind }
    }

    /// Walks over the object that begins here. `member` gets each member's name and must walk over its value.
    #[inline]
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Name) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        self.at += 1;
        if self.space() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            let name = self.name()?;
            member(self, name)?;
            match self.space() {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.error(ScanErrorKind::ExpectedCommaOrBrace)),
            }
            self.space();
        }
    }

    /// Walks over a name and its colon, up to the value's first byte.
    #[inline]
    fn name(&mut self) -> Result<Name, ScanError> {
        let start = self.offset();
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(self.error(ScanErrorKind::ExpectedName));
        }
        let escaped = self.string()?;
        let span = Span { start, end: self.offset() };
        if self.space() != b':' {
            return Err(self.error(ScanErrorKind::ExpectedColon));
        }
        self.at += 1;
        self.space();
        Ok(Name { span, escaped })
    }

    /// Walks over one value that begins here, inside `depth` open objects and arrays.
    #[inline]
    pub fn value(&mut self, depth: usize) -> Result<(), ScanError> {
        match self.peek() {
            b'"' => self.string().map(|_| ()),
            b'{' | b'[' => self.container(depth),
            first => self.scalar(first),
        }
    }

    /// Walks over one object or array with everything in it.
    fn container(&mut self, depth: usize) -> Result<(), ScanError> {
        let mut open = Open { kinds: [0; DEPTH_MAX / 64], depth, base: depth };
        loop {
            let first = self.peek();
            let entered = match first {
                b'"' => {
                    self.string()?;
                    false
                }
                b'{' | b'[' => {
                    if open.depth >= DEPTH_MAX {
                        return Err(self.error(ScanErrorKind::TooDeep));
                    }
                    self.at += 1;
                    let close = first + 2; // `{` and `}`, `[` and `]` are two apart in ASCII
                    if self.space() == close {
                        self.at += 1;
                        false
                    } else {
                        open.push(first == b'{');
                        true
                    }
                }
                _ => {
                    self.scalar(first)?;
                    false
                }
            };
            if entered {
                if open.in_object() {
                    self.name()?;
                }
            } else if self.after_value(&mut open)? {
                return Ok(());
            }
        }
    }

    /// Goes from the end of a value to the next one of its container. `true` if the outermost value is complete.
    #[inline]
    fn after_value(&mut self, open: &mut Open) -> Result<bool, ScanError> {
        loop {
            if open.depth == open.base {
                return Ok(true);
            }
            let object = open.in_object();
            match (self.space(), object) {
                (b',', true) => {
                    self.at += 1;
                    self.space();
                    self.name()?;
                    return Ok(false);
                }
                (b',', false) => {
                    self.at += 1;
                    self.space();
                    return Ok(false);
                }
                (b'}', true) | (b']', false) => {
                    self.at += 1;
                    open.depth -= 1;
                }
                (_, true) => return Err(self.error(ScanErrorKind::ExpectedCommaOrBrace)),
                (_, false) => return Err(self.error(ScanErrorKind::ExpectedCommaOrBracket)),
            }
        }
    }

    /// Walks over a string from its opening quote. Returns whether it has escapes.
    #[inline]
    pub fn string(&mut self) -> Result<bool, ScanError> {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let len = plain_len(rest);
        self.at += 1 + len;
        if rest.get(len) == Some(&b'"') {
            self.at += 1;
            return Ok(false);
        }
        self.escaped_string()
    }

    /// Walks over the rest of a string from its first backslash, control character or missing end.
    #[inline(never)]
    fn escaped_string(&mut self) -> Result<bool, ScanError> {
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(true);
                }
                Some(b'\\') => self.escape()?,
                Some(_) | None => return Err(self.error(ScanErrorKind::ControlCharacter)),
            }
            self.at += plain_len(&self.bytes[self.at..]);
        }
    }

    /// Walks over one escape from its backslash.
    fn escape(&mut self) -> Result<(), ScanError> {
        let rest = &self.bytes[self.at + 1..];
        let len = match rest.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if rest.len() > 4 && rest[1..5].iter().all(u8::is_ascii_hexdigit) => 6,
            Some(_) => return Err(self.error(ScanErrorKind::BadEscape)),
            None => return Err(ScanError { at: self.offset(), kind: ScanErrorKind::Ends }),
        };
        self.at += len;
        Ok(())
    }

    /// Walks over a number, a literal or a bare token that begins with `first`.
    fn scalar(&mut self, first: u8) -> Result<(), ScanError> {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let len = match rest {
            [b't', b'r', b'u', b'e', ..] | [b'n', b'u', b'l', b'l', ..] => 4,
            [b'f', b'a', b'l', b's', b'e', ..] => 5,
            [b'N', ..] if rest.starts_with(b"NaN") => 3,
            [b'I', ..] if rest.starts_with(b"Infinity") => 8,
            [b'-', b'I', ..] if rest.starts_with(b"-Infinity") => 9,
            [b'-' | b'0'..=b'9', ..] => return self.number(),
            _ => return Err(self.error(ScanErrorKind::ExpectedValue)),
        };
        if matches!(first, b'N' | b'I' | b'-') {
            self.bare.push(self.offset());
        }
        self.at += len;
        Ok(())
    }

    fn number(&mut self) -> Result<(), ScanError> {
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start { Err(self.error(ScanErrorKind::BadNumber)) } else { Ok(()) }
    }

    /// Walks to the `,` or `]` that ends a broken item of an array; only strings and brackets count. Returns where the
    /// item itself ends, before white space. `None` if the text ends first.
    pub fn skip_broken(&mut self) -> Option<u32> {
        let start = self.at;
        let mut depth = 0_usize;
        let mut quoted = false;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' if quoted => self.at += 1,
                b'"' => quoted = !quoted,
                b',' | b']' if !quoted && depth == 0 => {
                    let item = self.text.get(start..self.at)?;
                    return Some(self.offset() - spaces_at_end(item));
                }
                b'{' | b'[' if !quoted => depth += 1,
                b'}' | b']' if !quoted => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.at += 1;
        }
        None
    }
}

/// How many bytes of JSON's white space `text` ends with.
#[expect(clippy::cast_possible_truncation, reason = "a part of a body, and those fit")]
fn spaces_at_end(text: &str) -> u32 {
    (text.len() - text.trim_end_matches(SPACES).len()) as u32
}

/// The objects and arrays around the current value: one bit each, set for an object.
struct Open {
    kinds: [u64; DEPTH_MAX / 64],
    depth: usize,
    base: usize,
}

impl Open {
    #[inline]
    fn push(&mut self, object: bool) {
        let (word, bit) = (self.depth / 64, 1 << (self.depth % 64));
        if object {
            self.kinds[word] |= bit;
        } else {
            self.kinds[word] &= !bit;
        }
        self.depth += 1;
    }

    #[inline]
    fn in_object(&self) -> bool {
        let last = self.depth - 1;
        self.kinds[last / 64] & (1 << (last % 64)) != 0
    }
}

/// How many bytes come before the first quote, backslash or control character. Looks at eight bytes at a time: the high
/// bit of each such byte is set in `stop`. Only the lowest set bit is reliable.
#[inline]
fn plain_len(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let mut len = 0;
    while let Some(chunk) = bytes[len..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let slash = word ^ (ONES * u64::from(b'\\'));
        let stop = ((quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word))
            & HIGH;
        if stop != 0 {
            return len + stop.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    while bytes.get(len).is_some_and(|&byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        len += 1;
    }
    len
}

/// The text between a JSON string's quotes, escapes resolved. A lone surrogate becomes U+FFFD.
pub(super) fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest[at + 1..].chars().next().unwrap_or('\\');
        rest = &rest[at + 2..];
        out.push(match escape {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (char, len) = unicode_escape(rest);
                rest = &rest[len..];
                char
            }
            other => other,
        });
    }
    out.push_str(rest);
    out
}

/// The character of `XXXX` or `XXXX\uXXXX` at the start of `rest`, and how many bytes that is.
fn unicode_escape(rest: &str) -> (char, usize) {
    let unit = |at: usize| rest.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let first = unit(0).unwrap_or(0xFFFD);
    if (0xD800..0xDC00).contains(&first)
        && rest.get(4..6) == Some("\\u")
        && let Some(second) = unit(6)
        && (0xDC00..0xE000).contains(&second)
    {
        let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4)
}

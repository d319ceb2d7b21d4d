//! Shard iterators and next tokens: opaque to a reader, and valid for five minutes.
//!
//! A token is base64 of the position and of a keyed MD5 over it. The key is random and lives as long as the process, so a
//! changed token, or one of another server, is invalid. It guards against mistakes, not against attackers.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};

/// How long an iterator is valid (API reference, `GetShardIterator`).
pub(super) const LIFETIME_MS: u64 = 300_000;
const TAG_BYTES: usize = 16;
const FIXED_BYTES: usize = 29;

/// What a token continues.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TokenKind {
    Iterator,
    Shards,
    Streams,
    Consumers,
}

/// A position to continue from. The kind decides which fields count.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) issued_ms: u64,
    /// The second in the shard's sequence numbers (see [`super::sequence::Sequence`]); for a list of shards, the time in
    /// its filter.
    pub(super) created_s: u64,
    pub(super) shard: u32,
    /// Index of the next record in its shard; for a list of shards, its filter.
    pub(super) index: u64,
    /// For a list of consumers, followed by `/` and the last one of the page.
    pub(super) stream: String,
}

impl Token {
    pub(super) fn is_expired(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.issued_ms) > LIFETIME_MS
    }
}

/// Makes tokens, and recognises those that it made.
pub(super) struct TokenKey(pub(super) [u8; 16]);

impl TokenKey {
    pub(super) fn write(&self, token: &Token) -> String {
        let mut bytes = Vec::with_capacity(TAG_BYTES + FIXED_BYTES + token.stream.len());
        bytes.extend_from_slice(&[0; TAG_BYTES]);
        bytes.push(match token.kind {
            TokenKind::Iterator => b'i',
            TokenKind::Shards => b'h',
            TokenKind::Streams => b's',
            TokenKind::Consumers => b'c',
        });
        bytes.extend_from_slice(&token.issued_ms.to_be_bytes());
        bytes.extend_from_slice(&token.created_s.to_be_bytes());
        bytes.extend_from_slice(&token.shard.to_be_bytes());
        bytes.extend_from_slice(&token.index.to_be_bytes());
        bytes.extend_from_slice(token.stream.as_bytes());
        let tag = self.tag(&bytes[TAG_BYTES..]);
        bytes[..TAG_BYTES].copy_from_slice(&tag);
        STANDARD.encode(bytes)
    }

    /// `None`: not a token of this kind that this key made.
    pub(super) fn read(&self, kind: TokenKind, text: &str) -> Option<Token> {
        let bytes = STANDARD.decode(text).ok()?;
        let (tag, rest) = bytes.split_at_checked(TAG_BYTES)?;
        let (fixed, stream) = rest.split_at_checked(FIXED_BYTES)?;
        let found = match fixed[0] {
            b'i' => TokenKind::Iterator,
            b'h' => TokenKind::Shards,
            b's' => TokenKind::Streams,
            b'c' => TokenKind::Consumers,
            _ => return None,
        };
        if tag != self.tag(rest) || found != kind {
            return None;
        }
        Some(Token {
            kind,
            issued_ms: u64::from_be_bytes(fixed[1..9].try_into().ok()?),
            created_s: u64::from_be_bytes(fixed[9..17].try_into().ok()?),
            shard: u32::from_be_bytes(fixed[17..21].try_into().ok()?),
            index: u64::from_be_bytes(fixed[21..29].try_into().ok()?),
            stream: String::from_utf8(stream.to_vec()).ok()?,
        })
    }

    fn tag(&self, bytes: &[u8]) -> [u8; TAG_BYTES] {
        Md5::new().chain_update(self.0).chain_update(bytes).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(stream: &str) -> Token {
        Token {
            kind: TokenKind::Iterator,
            issued_ms: 1000,
            created_s: 77,
            shard: 3,
            index: 9,
            stream: stream.to_owned(),
        }
    }

    #[test]
    fn a_token_reads_back_and_fits_the_limit_of_an_iterator() {
        let key = TokenKey([5; 16]);
        for stream in ["", "clicks", &"n".repeat(128)] {
            let text = key.write(&token(stream));
            assert_eq!(key.read(TokenKind::Iterator, &text), Some(token(stream)));
            assert!(text.len() <= 512);
        }
    }

    #[test]
    fn a_changed_foreign_or_misused_token_is_none() {
        let key = TokenKey([5; 16]);
        let text = key.write(&token("clicks"));
        assert_eq!(TokenKey([6; 16]).read(TokenKind::Iterator, &text), None);
        assert_eq!(key.read(TokenKind::Shards, &text), None);
        assert_eq!(key.read(TokenKind::Iterator, "AAAA"), None);
        assert_eq!(key.read(TokenKind::Iterator, "not base64!"), None);
        for at in 0..text.len() - 1 {
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(key.read(TokenKind::Iterator, &changed), None, "at {at}");
        }
    }

    #[test]
    fn a_token_lives_for_five_minutes() {
        assert!(!token("clicks").is_expired(301_000));
        assert!(token("clicks").is_expired(301_001));
        assert!(!token("clicks").is_expired(0));
    }
}

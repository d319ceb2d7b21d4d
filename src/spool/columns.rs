//! How enums, counts and texts are stored. The numbers are on users' disks: never change one.

use rusqlite::types::{FromSql, FromSqlResult, ValueRef};

use crate::{
    delivery::State,
    event::{Encoding, Kind},
};

pub(super) const DELIVERED: i64 = 2;
pub(super) const FAILED: i64 = 3;
pub(super) const REJECTED: i64 = 4;
pub(super) const RESENT: i64 = 5;

/// The state of a settled line.
pub(super) fn state_of(column: i64) -> State {
    match column {
        FAILED => State::Failed,
        REJECTED => State::Rejected,
        RESENT => State::Resent,
        _ => State::Delivered,
    }
}

pub(super) fn kind_column(kind: Kind) -> i64 {
    match kind {
        Kind::Identify => 1,
        Kind::Track => 2,
        Kind::Page => 3,
        Kind::Screen => 4,
        Kind::Group => 5,
        Kind::Alias => 6,
    }
}

pub(super) fn kind_of(column: Option<i64>) -> Option<Kind> {
    Some(match column? {
        1 => Kind::Identify,
        2 => Kind::Track,
        3 => Kind::Page,
        4 => Kind::Screen,
        5 => Kind::Group,
        6 => Kind::Alias,
        _ => return None,
    })
}

pub(super) fn encoding_column(encoding: Encoding) -> i64 {
    match encoding {
        Encoding::Base64 => 1,
        Encoding::Json => 2,
        Encoding::JsonLines => 3,
    }
}

/// `None`: a rejected line, which has no encoding.
pub(super) fn encoding_of(column: i64) -> Option<Encoding> {
    match column {
        0 => None,
        2 => Some(Encoding::Json),
        3 => Some(Encoding::JsonLines),
        _ => Some(Encoding::Base64),
    }
}

/// Text that is stored. Only a damaged disk makes bytes that are not UTF-8; they are replaced, since an error for one row
/// would hold up all others. Where text matters, a checksum covers it.
pub(super) struct StoredText(pub(super) String);

impl FromSql for StoredText {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(String::from_utf8_lossy(value.as_bytes()?).into_owned()))
    }
}

pub(super) fn count_column(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn count_of(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}

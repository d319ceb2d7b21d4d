//! Where the payload of a line is stored: in a row of `chunk`, or in a segment.

use rusqlite::{
    Connection, OptionalExtension, Row,
    types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef},
};

use crate::delivery::EventId;

/// What holds payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Container {
    /// The row of `chunk` with this `id`.
    Chunk(i64),
    /// The segment with this number.
    Segment(i64),
}

/// The column `chunk` of `event` holds the `id` of a chunk, or minus the number of a segment.
impl FromSql for Container {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let column = value.as_i64()?;
        Ok(if column < 0 { Self::Segment(column.wrapping_neg()) } else { Self::Chunk(column) })
    }
}

impl ToSql for Container {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            Self::Chunk(id) => id,
            Self::Segment(number) => number.wrapping_neg(),
        }
        .into())
    }
}

/// A stretch of bytes in a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PayloadLocation {
    pub(super) container: Container,
    /// The first byte, counted from the beginning of the chunk or of the segment's file.
    pub(super) start: u32,
    /// Number of bytes.
    pub(super) length: u32,
}

impl PayloadLocation {
    /// Of the payload of this line; `None`: the line is not in the log.
    pub(super) fn of_line(connection: &Connection, id: EventId) -> rusqlite::Result<Option<Self>> {
        let mut statement =
            connection.prepare_cached("SELECT chunk, start, length FROM event WHERE id = ?1")?;
        statement.query_row([id], |row| Self::of_row(row, 0)).optional()
    }

    /// From a row that has `chunk`, `start` and `length` from the column `first` on.
    pub(super) fn of_row(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self { container: row.get(first)?, start: row.get(first + 1)?, length: row.get(first + 2)? })
    }
}

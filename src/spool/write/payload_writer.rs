//! Writes the payloads of one transaction, to rows of `chunk` or to a segment.

use rusqlite::{Connection, params};

use crate::{
    delivery::EventId,
    spool::{
        error::Error,
        location::{Container, PayloadLocation},
        segments::Segment,
    },
};

/// Maximum bytes and events of a chunk. Reading one payload reads its whole chunk. SQLite copies a chunk twice on its
/// way to the disk. A larger chunk does not fit into the processor's caches, and the C library would return its memory
/// to the system each time.
const CHUNK_BYTES_MAX: usize = 64 << 10;
pub(super) const CHUNK_EVENTS_MAX: i64 = 4096;

/// Payloads on their way to a container.
pub(super) struct PayloadWriter<'w> {
    body: Vec<u8>,
    /// The first line in `body`.
    first: EventId,
    segment: Option<&'w mut Segment>,
}

impl<'w> PayloadWriter<'w> {
    /// `buffer` is empty or reused; `first` is the next line.
    pub(super) fn new(mut buffer: Vec<u8>, first: EventId, segment: Option<&'w mut Segment>) -> Self {
        buffer.clear();
        Self { body: buffer, first, segment }
    }

    /// Makes room for a payload of `bytes`: writes the buffer out if it would become too large. `last` is the newest
    /// line.
    pub(super) fn make_room(
        &mut self,
        connection: &Connection,
        bytes: usize,
        last: EventId,
    ) -> Result<(), Error> {
        let events = last + 1 - self.first;
        let is_full = self.body.len() + bytes > CHUNK_BYTES_MAX
            || (events >= CHUNK_EVENTS_MAX && self.segment.is_none());
        if events > 0 && is_full {
            self.write_out(connection, last)?;
            self.first = last + 1;
        }
        Ok(())
    }

    /// Adds a payload; returns where it will be. Fails beyond 4 GiB, the limit of [`PayloadLocation`].
    pub(super) fn add(&mut self, payload: &[u8]) -> Result<PayloadLocation, Error> {
        let (container, begins) = match &self.segment {
            Some(segment) => (Container::Segment(segment.number()), segment.length()),
            None => (Container::Chunk(self.first), 0),
        };
        let start = begins + self.body.len() as u64;
        self.body.extend_from_slice(payload);
        if self.segment.is_some() {
            self.body.push(b'\n');
        }
        Ok(PayloadLocation {
            container,
            start: location_bytes(start)?,
            length: location_bytes(payload.len() as u64)?,
        })
    }

    fn write_out(&mut self, connection: &Connection, last: EventId) -> Result<(), Error> {
        if last < self.first {
            return Ok(());
        }
        match &mut self.segment {
            Some(segment) => segment.write(&self.body)?,
            None => {
                connection
                    .prepare_cached("INSERT INTO chunk (id, last, body) VALUES (?1, ?2, ?3)")?
                    .execute(params![self.first, last, self.body])?;
            }
        }
        self.body.clear();
        Ok(())
    }

    /// Writes the last payloads; those of a segment are on the disk then. Returns the buffer, and whether the payloads
    /// are in a segment.
    pub(super) fn finish(mut self, connection: &Connection, last: EventId) -> Result<(Vec<u8>, bool), Error> {
        self.write_out(connection, last)?;
        if let Some(segment) = &self.segment {
            segment.sync()?;
        }
        Ok((self.body, self.segment.is_some()))
    }
}

/// A number of bytes as [`PayloadLocation`] has it. Larger ones do not occur: a commit is far below 4 GiB, and a segment that
/// has 32 MiB gets no more.
fn location_bytes(bytes: u64) -> Result<u32, Error> {
    u32::try_from(bytes).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()).into())
}

//! Reads payloads, and checks that they are what was accepted.

use rusqlite::Connection;

use super::{
    error::Error,
    location::{Container, PayloadLocation},
    segments::SegmentReader,
};

/// The disk no longer has a payload as it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("its chunk or segment is missing")]
    Missing,
    #[error("its chunk or segment is too short")]
    Short,
    #[error("its checksum differs")]
    Changed,
}

/// The checksum that is stored with an event: CRC-32 of its record's key and its JSON. Four bytes a row.
pub(super) fn checksum(key: &str, payload: &[u8]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key.as_bytes());
    hasher.update(payload);
    i64::from(hasher.finalize().cast_signed())
}

/// Reads payloads one after the other. Neighbours are stored together, so it keeps the bytes that it read last.
pub(super) struct PayloadReader<'c> {
    connection: &'c Connection,
    /// The container whose bytes are in `body`, from its byte `begins` on.
    container: Option<Container>,
    begins: u32,
    body: Vec<u8>,
    segments: SegmentReader,
}

impl<'c> PayloadReader<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        let segments = SegmentReader::new(connection);
        Self { connection, container: None, begins: 0, body: Vec::new(), segments }
    }

    /// The payload at `location`, checked against the checksum that was stored with it (none in version 1) and `key`.
    pub(super) fn read_checked(
        &mut self,
        location: PayloadLocation,
        key: &str,
        stored: Option<i64>,
    ) -> Result<Result<&[u8], Damage>, Error> {
        let read = self.read(location)?;
        Ok(read.and_then(|payload| {
            let is_same = stored.is_none_or(|stored| stored == checksum(key, payload));
            if is_same { Ok(payload) } else { Err(Damage::Changed) }
        }))
    }

    /// The payload at `location`.
    pub(super) fn read(&mut self, location: PayloadLocation) -> Result<Result<&[u8], Damage>, Error> {
        let is_loaded = self.container == Some(location.container);
        // A chunk is loaded whole, of a segment only a part.
        let is_whole = matches!(location.container, Container::Chunk(_));
        if !is_loaded || (!is_whole && self.loaded(location).is_none()) {
            self.load(location)?;
        }
        if self.container.is_none() {
            return Ok(Err(Damage::Missing));
        }
        Ok(self.loaded(location).ok_or(Damage::Short))
    }

    fn load(&mut self, location: PayloadLocation) -> Result<(), Error> {
        self.body.clear();
        (self.container, self.begins) = (None, 0);
        let begins = match location.container {
            Container::Chunk(id) => self.load_chunk(id)?.then_some(0),
            Container::Segment(number) => {
                self.segments.read(number, location.start, location.length, &mut self.body)?
            }
        };
        if let Some(begins) = begins {
            (self.container, self.begins) = (Some(location.container), begins);
        }
        Ok(())
    }

    /// `false`: there is no such chunk.
    fn load_chunk(&mut self, id: i64) -> rusqlite::Result<bool> {
        let mut statement = self.connection.prepare_cached("SELECT body FROM chunk WHERE id = ?1")?;
        let mut rows = statement.query([id])?;
        let Some(row) = rows.next()? else { return Ok(false) };
        let body = row.get_ref(0)?.as_blob()?;
        self.body.extend_from_slice(body);
        Ok(true)
    }

    fn loaded(&self, location: PayloadLocation) -> Option<&[u8]> {
        let start = location.start.checked_sub(self.begins)? as usize;
        self.body.get(start..start + location.length as usize)
    }
}

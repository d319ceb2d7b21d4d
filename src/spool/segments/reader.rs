//! Reads payloads from segments.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::files::{folder_of, name_of};
use crate::spool::{error::Error, layout::SEGMENTS};

/// Bytes read at a time, from a multiple of this on: neighbouring payloads are wanted together, in either direction.
const WINDOW_BYTES: u32 = 64 << 10;

/// A reader of one segment at a time.
pub(crate) struct SegmentReader {
    folder: Option<PathBuf>,
    open: Option<(i64, File)>,
}

impl SegmentReader {
    /// For the database that `connection` has open.
    pub(crate) fn new(connection: &Connection) -> Self {
        Self { folder: folder_of(connection), open: None }
    }

    /// Fills `body` with the `length` bytes from `start` on and with bytes around them; returns where in the file
    /// `body` begins. `None`: there is no such file.
    pub(crate) fn read(
        &mut self,
        number: i64,
        start: u32,
        length: u32,
        body: &mut Vec<u8>,
    ) -> Result<Option<u32>, Error> {
        let Some(folder) = &self.folder else {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "the path of the spool is not UTF-8");
            return Err(Error::segment(Path::new(SEGMENTS), error));
        };
        let path = folder.join(name_of(number));
        if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
            self.open = match File::open(&path) {
                Ok(file) => Some((number, file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(Error::segment(&path, error)),
            };
        }
        let Some((_, file)) = &mut self.open else { return Ok(None) };
        let begins = start - start % WINDOW_BYTES;
        let window = (u64::from(start - begins) + u64::from(length)).max(WINDOW_BYTES.into());
        let sought = file.seek(SeekFrom::Start(begins.into()));
        let read = sought.and_then(|_| file.take(window).read_to_end(body));
        read.map_err(|error| Error::segment(&path, error))?;
        Ok(Some(begins))
    }
}

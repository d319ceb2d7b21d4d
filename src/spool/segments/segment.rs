//! A segment that is being written.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::files::{create, name_of, remove};
use crate::{
    files::Identity,
    spool::{direct, error::Error},
};

pub(crate) struct Segment {
    number: i64,
    path: PathBuf,
    file: File,
    /// Which file the path named when it was created.
    identity: Identity,
    /// Bytes that committed rows may point into.
    committed: u64,
    /// Bytes written.
    length: u64,
}

impl Segment {
    pub(super) fn create(folder: &Path, number: i64) -> Result<Self, Error> {
        let path = folder.join(name_of(number));
        let created = create(&path).and_then(|file| Ok((file, Identity::of(&path)?)));
        match created {
            Ok((file, identity)) => Ok(Self { number, path, file, identity, committed: 0, length: 0 }),
            Err(error) => Err(Error::segment(&path, error)),
        }
    }

    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    /// Where the next byte goes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn committed_bytes(&self) -> u64 {
        self.committed
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.length += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| Error::segment(&self.path, error))
    }

    /// Everything that was written is on the disk when this returns, and the file still has its name.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let synced = self.file.sync_data().and_then(|()| Identity::of(&self.path));
        match synced.map_err(|error| Error::segment(&self.path, error))? {
            now if now == self.identity => Ok(()),
            _ => Err(Error::segment(&self.path, io::Error::other("another file has taken its place"))),
        }
    }

    /// Committed rows point into everything that was written.
    pub(super) fn commit(&mut self) {
        self.committed = self.length;
    }

    /// Whether the transaction that was rolled back created it or wrote to it.
    pub(super) fn is_uncommitted(&self) -> bool {
        self.committed == 0 || self.length > self.committed
    }

    /// Cuts off what no row points into, and makes certain that the disk has the rest.
    pub(super) fn cut_back(self, folder: &Path) -> io::Result<()> {
        drop(self.file);
        if self.committed == 0 {
            remove(folder, self.number);
            return Ok(());
        }
        let file = match OpenOptions::new().read(true).write(true).open(&self.path) {
            Ok(file) => file,
            // Somebody removed it: its events are damaged, whether it is cut or not.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() > self.committed {
            file.set_len(self.committed)?;
        }
        let proof = direct::prove(&file, &self.path, self.committed)?;
        if proof.blocks > 0 {
            tracing::warn!("{}: {} blocks of 4 KiB were written again", self.path.display(), proof.blocks);
        }
        Ok(())
    }
}

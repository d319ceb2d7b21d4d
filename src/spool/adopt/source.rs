//! The data folder whose events are adopted: locked, brought to the present schema, and marked.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::error::AdoptError;
use crate::{
    clock::now_ms,
    delivery::EventId,
    files::Identity as FileIdentity,
    spool::{
        adoption::{self, Adopted, Identity},
        error::OpenError,
        layout::FILE_NAME,
        limits::Limits,
        open::open_marked,
        write::Writer,
    },
};

/// The folder that is adopted takes no new events.
const LIMITS: Limits = Limits {
    max_bytes: u64::MAX,
    min_free_bytes: 0,
    max_source_percent: 100,
    keep_events: u64::MAX,
    keep_rejected: u64::MAX,
    drop_repeats: false,
};

/// What both folders say about each other.
pub(super) struct Standing {
    /// The last line that was taken.
    pub(super) through: EventId,
    /// What was taken before.
    pub(super) before: Option<Adopted>,
}

/// The folder that is adopted. Its lock is held until this is dropped.
pub(super) struct Source {
    pub(super) dir: PathBuf,
    writer: Writer,
    pub(super) identity: Identity,
}

/// The real path of a data folder that is adopted into `target`.
pub(super) fn folder(dir: &Path, target: &Path) -> Result<PathBuf, AdoptError> {
    let found = std::fs::canonicalize(dir).and_then(|dir| Ok((dir.join(FILE_NAME).try_exists()?, dir)));
    let found = match found {
        Ok((true, found)) => found,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(AdoptError::of_source(dir, OpenError::io(dir, error)));
        }
        Ok((false, _)) | Err(_) => return Err(AdoptError::Nothing(dir.to_owned())),
    };
    let [ours, theirs] = [target, &found].map(|dir| FileIdentity::of(&dir.join(FILE_NAME)).ok());
    let is_same = std::fs::canonicalize(target).is_ok_and(|target| target == found);
    if is_same || (cfg!(unix) && ours.is_some() && ours == theirs) {
        return Err(AdoptError::Same(dir.to_owned()));
    }
    Ok(found)
}

/// Whether a spool with this identity may be adopted by the spool `target`, which has taken `before` from it.
pub(super) fn standing(
    (dir, own): (&Path, &Identity),
    (target_dir, target): (&Path, &str),
    before: Option<Adopted>,
) -> Result<Standing, AdoptError> {
    let dir = dir.to_owned();
    if own.id == target {
        return Err(AdoptError::Copy { dir, of: target_dir.to_owned() });
    }
    match (&own.mark, before) {
        (Some(mark), before) if mark.adopter == target => {
            Ok(Standing { through: before.as_ref().map_or(0, |before| before.through), before })
        }
        (Some(mark), _) => Err(AdoptError::Elsewhere { dir, mark: mark.clone() }),
        (None, Some(Adopted { path, at, .. })) => Err(AdoptError::CopyOfAdopted { dir, of: path, at }),
        (None, None) => Ok(Standing { through: 0, before: None }),
    }
}

impl Source {
    /// Takes the folder for this process. `dir` is one that [`folder`] returned.
    pub(super) fn open(dir: &Path) -> Result<Self, AdoptError> {
        let (path, writer) = open_marked(dir, LIMITS).map_err(|error| AdoptError::of_source(dir, error))?;
        let identity = adoption::identity(writer.connection());
        let identity =
            identity.map_err(|error| AdoptError::of_source(dir, OpenError::database(&path, error)))?;
        Ok(Self { dir: dir.to_owned(), writer, identity })
    }

    pub(super) fn connection(&self) -> &Connection {
        self.writer.connection()
    }

    /// The newest line.
    pub(super) fn newest(&self) -> EventId {
        self.writer.newest()
    }

    /// Marks the folder: `adopter`, whose data folder is `into`, adopts its events. Durable when this returns.
    pub(super) fn begin(&mut self, adopter: &str, into: &Path) -> Result<(), AdoptError> {
        let into = into.display().to_string();
        let begun = self.writer.change(|connection| adoption::begin(connection, adopter, &into, now_ms()));
        begun.map_err(|reason| AdoptError::Mark { dir: self.dir.clone(), reason })
    }

    /// Marks the folder: the adoption has ended.
    pub(super) fn end(mut self) -> Result<(), AdoptError> {
        let ended = self.writer.change(|connection| adoption::end(connection, now_ms()));
        ended.map_err(|reason| AdoptError::Mark { dir: self.dir.clone(), reason })?;
        self.writer.close();
        Ok(())
    }

    /// Leaves the folder as it is.
    pub(super) fn close(self) {
        self.writer.close();
    }
}

//! What an adoption would do, without changing either folder.

use std::path::Path;

use rusqlite::Connection;

use super::{
    error::AdoptError,
    lines::Lines,
    source::{Standing, folder, standing},
};
use crate::{
    delivery::{Adopting, EventId, Taken},
    spool::{
        adoption::{adopted_from, identity},
        columns::count_of,
        connection::connect_unchanged,
        data_folder::is_in_use,
        error::{Error, OpenError},
        layout::{FILE_NAME, LOCK},
        limits::Limits,
        schema::VERSION,
    },
};

/// What an adoption would do.
#[derive(Debug)]
pub struct AdoptionPlan {
    /// The events that it would take.
    pub taken: Taken,
    /// What would stop it.
    pub stop: Option<AdoptError>,
}

/// Counts the events of the data folder `dir` that an adoption into `target` would take, and reads each. Of either folder
/// no file changes, except the index of a write-ahead log, which SQLite may make anew.
pub fn plan_adoption(
    (dir, target): (&Path, &Path),
    limits: &Limits,
    leave_damaged: bool,
    mut tell: impl FnMut(&Adopting),
) -> Result<AdoptionPlan, AdoptError> {
    let dir = folder(dir, target)?;
    let of_source = |error| AdoptError::of_source(&dir, error);
    let (source, version) = connect_unchanged(&dir.join(FILE_NAME)).map_err(of_source)?;
    let target_path = target.join(FILE_NAME);
    let ours = if target_path.exists() { Some(connect_unchanged(&target_path)?) } else { None };
    let read = |source: Error| AdoptError::Read { dir: dir.clone(), done: 0, source };
    let (mut stop, mut at) = (None, Standing { through: 0, before: None });
    if let (Some((ours, our_version)), VERSION) = (&ours, version)
        && *our_version == VERSION
    {
        match both(&source, ours, (&dir, target)) {
            Ok(Ok(standing)) => at = standing,
            Ok(Err(refusal)) => stop = Some(refusal),
            Err(error) => return Err(read(error)),
        }
    } else if version == VERSION
        && let Some(mark) = identity(&source).map_err(|error| read(error.into()))?.mark
    {
        stop = Some(AdoptError::Elsewhere { dir: dir.clone(), mark });
    }
    if dir.join(LOCK).exists() && is_in_use(&dir) {
        stop = Some(AdoptError::InUse(dir.clone()));
    }
    let lines = Lines::new(&source, version, (at.through, EventId::MAX)).map_err(read)?;
    let taken = lines.survey(&mut |done| {
        tell(done);
        true
    });
    let taken = taken.map_err(read)?.unwrap_or_default();
    let taken = Taken { before: at.before.map_or(0, |before| before.queued + before.failed), ..taken };
    if taken.damaged > 0 && !leave_damaged {
        stop = stop.or(Some(AdoptError::DamagedPayloads { dir, count: taken.damaged }));
    }
    let held = ours.map_or(Ok(0), |(ours, _)| held_bytes(&ours))?;
    let free = limits.max_bytes.saturating_sub(held);
    if taken.bytes > free {
        let (needed, max) = (taken.bytes, limits.max_bytes);
        stop = stop.or(Some(AdoptError::SpoolRoom { needed, free, max, held }));
    }
    Ok(AdoptionPlan { taken, stop })
}

/// An error if the data folder `dir` has no spool, or is the folder `target`. Changes nothing.
pub fn can_be_adopted(dir: &Path, target: &Path) -> Result<(), AdoptError> {
    let dir = folder(dir, target)?;
    connect_unchanged(&dir.join(FILE_NAME)).map(drop).map_err(|error| AdoptError::of_source(&dir, error))
}

/// What both spools say about each other, or why the one may not adopt the other.
fn both(
    source: &Connection,
    ours: &Connection,
    (dir, target): (&Path, &Path),
) -> Result<Result<Standing, AdoptError>, Error> {
    let (theirs, own) = (identity(source)?, identity(ours)?);
    let before = adopted_from(ours, &theirs.id)?;
    Ok(standing((dir, &theirs), (target, &own.id), before))
}

/// Bytes that count against `spool.max_bytes`.
fn held_bytes(connection: &Connection) -> Result<u64, OpenError> {
    let held = connection.query_row("SELECT queued_bytes FROM ledger", [], |row| row.get(0).map(count_of));
    held.map_err(|error| OpenError::database(Path::new(connection.path().unwrap_or_default()), error))
}

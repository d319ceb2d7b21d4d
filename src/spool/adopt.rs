//! Adoption: takes the waiting and failed events of another data folder into this spool, for example those of a host that
//! is gone.
//!
//! The order makes it safe; killed anywhere, the same command goes on, loses nothing and takes nothing twice:
//!
//! 1. The other folder is locked. Each of its events is compared with its checksum. Nothing was changed so far.
//! 2. It is marked: this spool adopts it. From then on no engine starts on it, and no other spool may adopt it.
//! 3. Batch by batch its events become lines at the end of this spool, by its one writer. The note how far that has come is
//!    in the transaction of each batch.
//! 4. Each batch is read back and compared, the last one of an interrupted run too.
//! 5. The folder is marked as adopted.
//!
//! Its rows stay as they are: they are the record of what it had accepted. An engine may run on this spool, not on the
//! other one.

mod error;
mod lines;
mod plan;
mod source;
mod target;

use std::{path::Path, sync::Arc};

use super::{
    adopted_line::AdoptedLine,
    adoption::{adopted_from, identity},
    error::{Error, OpenError},
    schema::VERSION,
    summary::Summary,
};
use crate::delivery::{Adopting, EventId, Taken};
pub use error::AdoptError;
use lines::Lines;
pub use plan::{AdoptionPlan, can_be_adopted, plan_adoption};
use source::{Source, Standing, folder, standing};
use target::From;
pub(super) use target::Target;

/// About what an event takes on the disk besides its JSON, in bytes.
const ROW_BYTES: u64 = 300;

/// Takes the events of the data folder `dir`; see [`super::Spool::adopt`].
pub(super) fn adopt(
    target: &Target,
    dir: &Path,
    leave_damaged: bool,
    room: impl FnOnce() -> Summary,
    tell: &mut dyn FnMut(&Adopting) -> bool,
) -> Result<Taken, AdoptError> {
    let mut source = Source::open(&folder(dir, &target.dir)?)?;
    let own = own_id(target)?;
    let before =
        adopted_from(target.connection(), &source.identity.id).map_err(|error| unread(target, error))?;
    let theirs = (source.dir.as_path(), &source.identity);
    let standing = standing(theirs, (&target.dir, &own), before)?;
    let survey = lines(&source, standing.through)?.survey(tell);
    let Some(found) = survey.map_err(|error| unread_source(&source, 0, error))? else {
        return Err(AdoptError::Stopped { done: 0 });
    };
    let before = standing.before.as_ref().map_or(0, |before| before.queued + before.failed);
    let found = Taken { before, ..found };
    if found.damaged > 0 && !leave_damaged {
        return Err(AdoptError::DamagedPayloads { dir: source.dir.clone(), count: found.damaged });
    }
    if found.events() == 0 && source.identity.mark.is_none() {
        source.close();
        return Ok(found);
    }
    target.flush().map_err(|source| AdoptError::Spool { done: 0, source })?;
    check_room(&found, &room())?;
    source.begin(&own, &target.dir)?;
    Adoption { target, source: &source, of: found.events(), done: 0 }.run(&standing, tell)?;
    source.end()?;
    Ok(found)
}

fn own_id(target: &Target) -> Result<String, AdoptError> {
    let own = identity(target.connection());
    own.map(|own| own.id).map_err(|error| OpenError::database(&target.dir, error).into())
}

fn unread(target: &Target, error: impl Into<Error>) -> AdoptError {
    AdoptError::Read { dir: target.dir.clone(), done: 0, source: error.into() }
}

fn unread_source(source: &Source, done: u64, error: Error) -> AdoptError {
    AdoptError::Read { dir: source.dir.clone(), done, source: error }
}

fn lines(source: &Source, after: EventId) -> Result<Lines<'_>, AdoptError> {
    let lines = Lines::new(source.connection(), VERSION, (after, source.newest()));
    lines.map_err(|error| unread_source(source, 0, error))
}

/// Refuses before anything is changed if there is no room for all of them.
fn check_room(found: &Taken, now: &Summary) -> Result<(), AdoptError> {
    let (needed, held, max) = (found.bytes, now.ledger.queued_bytes, now.bytes_max);
    let free = max.saturating_sub(held);
    if needed > free {
        return Err(AdoptError::SpoolRoom { needed, free, max, held });
    }
    // The smaller one of both rooms: here that of the disk.
    let needed = needed + ROW_BYTES * found.events();
    if now.room < free && needed > now.room {
        return Err(AdoptError::DiskRoom { needed, free: now.room });
    }
    Ok(())
}

/// An adoption under way: the folder is marked.
struct Adoption<'a> {
    target: &'a Target,
    source: &'a Source,
    /// How many events there are to take.
    of: u64,
    done: u64,
}

impl Adoption<'_> {
    fn run(mut self, standing: &Standing, tell: &mut dyn FnMut(&Adopting) -> bool) -> Result<(), AdoptError> {
        let (spool, path) = (&*self.source.identity.id, self.source.dir.display().to_string());
        let from = From { spool: spool.into(), path: path.into() };
        self.compare_last(standing, &from)?;
        let mut lines = lines(self.source, standing.through)?;
        loop {
            let batch = lines.next().map_err(|error| unread_source(self.source, self.done, error))?;
            let Some(mut batch) = batch else { return Ok(()) };
            let taken: Arc<[AdoptedLine]> = std::mem::take(&mut batch.lines).into();
            if taken.is_empty() {
                continue;
            }
            let progress = Adopting::Taking { done: self.done, of: self.of };
            let first = self.target.append(&from, &batch, &taken, &mut || tell(&progress));
            let first = first.map_err(|source| AdoptError::Spool { done: self.done, source })?;
            let Some(first) = first else { return Err(AdoptError::Stopped { done: self.done }) };
            self.target.compare(&taken, (&batch.numbers, first), &from)?;
            self.done += taken.len() as u64;
            if !tell(&Adopting::Taking { done: self.done, of: self.of }) {
                return Err(AdoptError::Stopped { done: self.done });
            }
        }
    }

    /// Compares the last batch of an earlier run, which may have ended before it did so.
    fn compare_last(&self, standing: &Standing, from: &From) -> Result<(), AdoptError> {
        let Some(before) = &standing.before else { return Ok(()) };
        let range = (before.batch_after, before.through);
        let unread = |error| unread_source(self.source, 0, error);
        let mut lines = Lines::new(self.source.connection(), VERSION, range).map_err(unread)?;
        let mut first = before.batch_first;
        while let Some(batch) = lines.next().map_err(unread)? {
            self.target.compare(&batch.lines, (&batch.numbers, first), from)?;
            first += EventId::try_from(batch.lines.len()).unwrap_or_default();
        }
        Ok(())
    }
}

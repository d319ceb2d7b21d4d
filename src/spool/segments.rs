//! Payloads of large commits, in files of their own beside the database. A row of `chunk` goes to the disk twice, into the
//! write-ahead log and from there into the database; a segment is written once.
//!
//! A segment is appended to and synced before the commit whose rows point into it: what is committed is there. No byte of
//! it ever changes; what a commit that failed left at its end is cut off, once the write-ahead log is known not to point
//! there. It goes whole, once its lines are pruned: what is
//! left of them then, events that wait or failed, moves to `chunk` first. One payload a line, so that any tool reads it.
//!
//! In `event`, a `chunk` below zero is a segment's number with a minus, and `start` counts from the beginning of its file.

#[cfg(test)]
mod tests;

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ffi, params};

use super::{direct, read::Payloads};
use crate::{
    delivery::EventId,
    files::{self, Identity, sync_folder},
};

/// The folder of the segments, beside the database.
pub(super) const FOLDER: &str = "segments";

/// From so many bytes on, the payloads of a commit go to a segment: a sync more costs less than to write them twice.
pub(super) const COMMIT_BYTES_MIN: u64 = 64 << 10;

/// A segment that has grown to this gets no more.
const SEGMENT_BYTES_MAX: u64 = 32 << 20;

/// Bytes read at a time, from a multiple of it on: neighbours are wanted together, in either direction.
const WINDOW_BYTES: u32 = 64 << 10;

/// Of so many in one go the system is told that it may forget them: about 20 ms, during which senders wait.
const QUIETEN_MAX: i64 = 8;

/// How long a file stays when no row points into it any more: somebody may still read by the rows of a moment ago.
const LEAVES_AFTER: Duration = Duration::from_mins(1);
/// The same while the disk has no room.
const LEAVES_SOON: Duration = Duration::from_secs(2);

/// The writer's segments.
pub(super) struct Segments {
    /// `None`: the folder's name is none that the readers could make out, so nothing goes there.
    folder: Option<PathBuf>,
    /// The highest number that was given.
    newest: i64,
    current: Option<Segment>,
    /// Up to this one, nobody waits for what is in them.
    quiet_through: i64,
    /// Those that the transaction under way lets go.
    leaving: Vec<i64>,
    left: Vec<(Instant, i64)>,
    /// Those that commits that failed wrote to. Their ends stay until the write-ahead log is cut: its frames may be on the
    /// disk, commit mark and all.
    uncut: Vec<Segment>,
}

/// The one that is written.
pub(super) struct Segment {
    number: i64,
    path: PathBuf,
    file: File,
    /// Which file the path named when it was made.
    identity: Identity,
    /// Bytes that rows may point into.
    committed: u64,
    /// Bytes written.
    length: u64,
}

impl Segment {
    /// Its number, as it stands in `event`.
    pub(super) fn column(&self) -> i64 {
        -self.number
    }

    /// Where the next byte goes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> rusqlite::Result<()> {
        self.length += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| refused(&self.path, &error))
    }

    /// All that was written is on the disk when this returns, and its file has its name still.
    pub(super) fn sync(&self) -> rusqlite::Result<()> {
        let synced = self.file.sync_data().and_then(|()| Identity::of(&self.path));
        match synced.map_err(|error| refused(&self.path, &error))? {
            now if now == self.identity => Ok(()),
            _ => Err(refused(&self.path, &io::Error::other("another file has taken its place"))),
        }
    }

    /// What no row points into is cut off, and the rest is made certain.
    fn cut_back(self, folder: &Path) -> io::Result<()> {
        if self.committed == 0 {
            drop(self.file);
            remove(folder, self.number);
            return Ok(());
        }
        drop(self.file);
        let file = match OpenOptions::new().read(true).write(true).open(&self.path) {
            Ok(file) => file,
            // Somebody removed it: its events are damaged, and cutting mends nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() > self.committed {
            file.set_len(self.committed)?;
        }
        let proof = direct::prove(&file, &self.path, self.committed)?;
        if proof.blocks > 0 {
            tracing::warn!("{}: {} blocks of 4 KiB are written anew", self.path.display(), proof.blocks);
        }
        Ok(())
    }
}

impl Segments {
    /// Those of the spool that `connection` writes. Files that no row points into are removed.
    pub(super) fn open(connection: &Connection) -> rusqlite::Result<Self> {
        let mut segments = Self {
            folder: folder_of(connection),
            newest: 0,
            current: None,
            quiet_through: 0,
            leaving: Vec::new(),
            left: Vec::new(),
            uncut: Vec::new(),
        };
        let Some(folder) = &segments.folder else { return Ok(segments) };
        make_folder(folder)
            .and_then(|()| folder.parent().map_or(Ok(()), sync_folder))
            .map_err(|error| refused(folder, &error))?;
        let known: Vec<i64> = connection
            .prepare("SELECT id FROM segment")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let found = numbers(folder).map_err(|error| refused(folder, &error))?;
        segments.newest = known.iter().chain(&found).copied().max().unwrap_or(0);
        for number in found.iter().filter(|number| !known.contains(number)) {
            remove(folder, *number);
        }
        Ok(segments)
    }

    /// The segment for a commit whose first line will be `first`; `None`: there is no folder for it.
    pub(super) fn ready(
        &mut self,
        connection: &Connection,
        first: EventId,
    ) -> rusqlite::Result<Option<&mut Segment>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        if self.current.as_ref().is_none_or(|current| current.committed >= SEGMENT_BYTES_MAX) {
            // Lines have numbers that are never given again, so a segment has one too: that of its first line, or a bit more
            // where commits failed.
            let number = first.max(self.newest + 1);
            self.newest = number;
            let path = folder.join(name_of(number));
            let file = make_folder(folder).and_then(|()| create(&path));
            let file = file.and_then(|file| Ok((file, Identity::of(&path)?)));
            let (file, identity) = file.map_err(|error| refused(&path, &error))?;
            self.current = Some(Segment { number, path, file, identity, committed: 0, length: 0 });
            sync_folder(folder).map_err(|error| refused(folder, &error))?;
            connection
                .prepare_cached("INSERT INTO segment (id, first) VALUES (?1, ?2)")?
                .execute(params![number, first])?;
        }
        Ok(self.current.as_mut())
    }

    /// The transaction is committed: rows point into what was written, and no more into what was let go.
    pub(super) fn committed(&mut self) {
        if let Some(current) = &mut self.current {
            current.committed = current.length;
        }
        let now = Instant::now();
        self.left.extend(self.leaving.drain(..).map(|number| (now, number)));
    }

    /// It was not. Its segment gets no more: a disk that refused is not asked twice.
    pub(super) fn rolled_back(&mut self) {
        self.leaving.clear();
        // One that was begun by this transaction is in no table.
        let is_its = |current: &mut Segment| current.committed == 0 || current.length > current.committed;
        self.uncut.extend(self.current.take_if(is_its));
    }

    /// The write-ahead log ends with the last acknowledged commit, on the disk too: what commits that failed wrote goes.
    /// The next commit begins a segment of its own.
    pub(super) fn cut_back(&mut self) -> io::Result<()> {
        self.current = None;
        let Some(folder) = &self.folder else { return Ok(()) };
        while let Some(segment) = self.uncut.pop() {
            segment.cut_back(folder)?;
        }
        if folder.is_dir() { sync_folder(folder) } else { Ok(()) }
    }

    /// The database is about to be made anew with everything that was written, the refused commit too.
    pub(super) fn keep_ends(&mut self) {
        (self.current, self.uncut) = (None, Vec::new());
    }

    /// The database was made anew because its files had been removed, perhaps the segments with them.
    pub(super) fn made_anew(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        make_folder(folder).map_err(|error| refused(folder, &error))?;
        let there = numbers(folder).map_err(|error| refused(folder, &error))?;
        let mut known = connection.prepare("SELECT id FROM segment")?;
        let known = known.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        let gone = known.iter().filter(|number| !there.contains(number)).count();
        if gone > 0 {
            tracing::error!(
                "{gone} files were removed from {}: events whose payloads were in them cannot be delivered any more, \
                 unless they are in memory",
                folder.display()
            );
        }
        Ok(())
    }

    /// Lets go the segments that end before `through`, up to which lines are pruned; the one that is written ends with the
    /// `newest` line. What is left of theirs moves to `chunk`.
    pub(super) fn prune(
        &mut self,
        connection: &Connection,
        (through, newest): (EventId, EventId),
    ) -> rusqlite::Result<()> {
        let mut ended = connection.prepare_cached(
            "SELECT id, first, last FROM
               (SELECT id, first, coalesce(lead(first) OVER (ORDER BY id) - 1, ?2) AS last FROM segment)
             WHERE last <= ?1",
        )?;
        let ended: Vec<(i64, EventId, EventId)> = ended
            .query_map([through, newest], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (number, first, last) in ended {
            move_rest(connection, number, (first, last))?;
            connection.prepare_cached("DELETE FROM segment WHERE id = ?1")?.execute([number])?;
            self.leaving.push(number);
            self.current.take_if(|current| current.number == number);
        }
        Ok(())
    }

    /// Of those that got their last line and whose lines are settled through `settled_through`, the system need not keep
    /// the bytes in memory: the log is seldom read that far, and the memory is wanted for what comes next. To write into
    /// new memory costs a good deal more than into what was used a moment ago.
    pub(super) fn quieten(
        &mut self,
        connection: &Connection,
        settled_through: EventId,
    ) -> rusqlite::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut quiet = connection.prepare_cached(
            "SELECT id FROM (SELECT id, lead(first) OVER (ORDER BY id) AS next FROM segment WHERE id > ?1)
             WHERE next <= ?2 ORDER BY id LIMIT ?3",
        )?;
        let mut rows = quiet.query([self.quiet_through, settled_through + 1, QUIETEN_MAX])?;
        while let Some(row) = rows.next()? {
            self.quiet_through = row.get(0)?;
            let path = folder.join(name_of(self.quiet_through));
            if let Err(error) = forget(&path) {
                tracing::debug!("{} stays in memory: {error}", path.display());
            }
        }
        Ok(())
    }

    /// Whether files are on their way out: their room is not free yet.
    pub(super) fn are_leaving(&self) -> bool {
        !self.left.is_empty()
    }

    /// Removes the files that nobody reads any more; `hurry`: the disk has no room.
    pub(super) fn tidy(&mut self, hurry: bool) {
        let Some(folder) = &self.folder else { return };
        let after = if hurry { LEAVES_SOON } else { LEAVES_AFTER };
        let gone = self.left.iter().take_while(|(since, _)| since.elapsed() >= after).count();
        for (_, number) in self.left.drain(..gone) {
            remove(folder, number);
        }
    }
}

/// A payload that cannot be read stays where it was: its event is damaged, and stays so.
fn move_rest(
    connection: &Connection,
    number: i64,
    (first, last): (EventId, EventId),
) -> rusqlite::Result<()> {
    let mut select = connection
        .prepare_cached("SELECT id, start, length FROM event WHERE id BETWEEN ?1 AND ?2 AND chunk = ?3")?;
    let rest: Vec<(EventId, u32, u32)> = select
        .query_map([first, last, -number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut payloads = Payloads::new(connection);
    for (id, start, length) in rest {
        let payload = match payloads.read(-number, start, length) {
            Ok(payload) => payload,
            Err(rusqlite::Error::QueryReturnedNoRows) => continue,
            Err(error) => return Err(error),
        };
        connection
            .prepare_cached("INSERT INTO chunk (id, last, body) VALUES (?1, ?1, ?2)")?
            .execute(params![id, payload])?;
        connection.prepare_cached("UPDATE event SET chunk = id, start = 0 WHERE id = ?1")?.execute([id])?;
    }
    Ok(())
}

/// A reader of one segment at a time.
#[derive(Default)]
pub(super) struct SegmentReader {
    open: Option<(i64, File)>,
}

impl SegmentReader {
    /// Fills `body` with the `length` bytes from `start` on and what lies around them; says where in the file it begins.
    /// `None`: the file is not there.
    pub(super) fn read(
        &mut self,
        connection: &Connection,
        number: i64,
        (start, length): (u32, u32),
        body: &mut Vec<u8>,
    ) -> rusqlite::Result<Option<u32>> {
        let Some(folder) = folder_of(connection) else { return Err(rusqlite::Error::InvalidQuery) };
        let path = folder.join(name_of(number));
        if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
            self.open = match File::open(&path) {
                Ok(file) => Some((number, file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(refused(&path, &error)),
            };
        }
        let Some((_, file)) = &mut self.open else { return Ok(None) };
        let begins = start - start % WINDOW_BYTES;
        let window = (u64::from(start - begins) + u64::from(length)).max(WINDOW_BYTES.into());
        let sought = file.seek(SeekFrom::Start(begins.into()));
        let read = sought.and_then(|_| file.take(window).read_to_end(body));
        read.map_err(|error| refused(&path, &error))?;
        Ok(Some(begins))
    }
}

/// SQLite names the file that it opened, links followed: the segments are beside that one.
fn folder_of(connection: &Connection) -> Option<PathBuf> {
    Some(Path::new(connection.path()?).parent()?.join(FOLDER))
}

fn name_of(number: i64) -> String {
    format!("{number:08}.jsonl")
}

fn number_of(name: &str) -> Option<i64> {
    let number = name.strip_suffix(".jsonl")?.parse().ok()?;
    (name_of(number) == name).then_some(number)
}

/// The numbers of the files that are there.
fn numbers(folder: &Path) -> io::Result<Vec<i64>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        all.extend(entry?.file_name().to_str().and_then(number_of));
    }
    Ok(all)
}

/// The files that are there; none where there is no folder.
pub(super) fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    Ok(numbers(folder)?.into_iter().map(|number| folder.join(name_of(number))).collect())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    files::create_folder(folder)
}

/// Events are people's data: only this user reads them.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create_new(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// One that stays costs its room until the spool is opened again.
fn remove(folder: &Path, number: i64) {
    let path = folder.join(name_of(number));
    if let Err(error) = std::fs::remove_file(&path) {
        tracing::debug!("{} stays: {error}", path.display());
    }
}

/// Copies of all segments, beside those of a spool that is set aside. Where the disk can, they share their bytes.
pub(super) fn keep_aside(folder: &Path, aside: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    files::create_folder(aside)?;
    for number in numbers(folder)? {
        let (from, to) = (folder.join(name_of(number)), aside.join(name_of(number)));
        if !to.exists() && std::fs::hard_link(&from, &to).is_err() {
            std::fs::copy(&from, &to)?;
        }
    }
    sync_folder(aside)
}

/// What is in the file was synced, so it is on the disk alone then.
fn forget(path: &Path) -> io::Result<()> {
    direct::forget_cached(&File::open(path)?)
}

/// The disk's word, as the callers of SQLite know it.
fn refused(path: &Path, error: &io::Error) -> rusqlite::Error {
    let text = format!("{}: {error}", path.display());
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ffi::SQLITE_FULL,
        _ => ffi::SQLITE_IOERR,
    };
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(text))
}

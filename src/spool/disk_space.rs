//! Whether the disk has room for more events. The disk is asked from time to time, which costs a microsecond. Between
//! two checks at most the 64 MiB that are on their way to the disk are written.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::segments;

/// How often the disk is asked while something is written, and after how many bytes at the latest.
const ASK_EVERY: Duration = Duration::from_secs(1);
const ASK_AFTER_BYTES: u64 = 8 << 20;

/// How often the spool's own files are measured while something is written.
const MEASURE_EVERY: Duration = Duration::from_secs(10);

/// After a write found no room, this many bytes must be free before events are accepted again, in addition to the room
/// to copy the write-ahead log: settlements need room too. On a small disk the floor is a fraction of the whole disk.
const FLOOR_BYTES: u64 = 32 << 20;
const FLOOR_SHARE: u64 = 8;

/// How long the disk counts as full after a write found no room: at first and at most. The time doubles if the next
/// write that finds no room comes within [`FORGIVEN_AFTER`] (because of a quota, for example, which the free space does
/// not show).
const HOLD: Duration = Duration::from_secs(5);
const HOLD_MAX: Duration = Duration::from_mins(1);
const FORGIVEN_AFTER: Duration = Duration::from_mins(2);

/// Divisor: this fraction of the space that must stay free has to be really free, for the write-ahead log. For the
/// rest, empty pages of the database count as free space.
const LOG_SHARE: u64 = 8;

/// What is known of the disk's free space.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "answers to different questions, each asked by itself")]
pub(super) struct DiskSpace {
    is_full: bool,
    /// Bytes that were free when the disk was last asked.
    free: Option<u64>,
    asked_at: Option<Instant>,
    /// Bytes of the spool's files, and when they were measured.
    used: Option<(u64, Instant)>,
    written_since: u64,
    is_tight: bool,
    /// When a write found no room, and how long that counts.
    ran_out: Option<(Instant, Duration)>,
    is_used_up: bool,
    /// Fewer bytes are missing than the spool itself takes, so pruning can free them.
    history_helps: bool,
}

/// How much has to stay free.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// `spool.min_free_bytes`.
    pub(super) min_free: u64,
    /// Bytes of the write-ahead log: the database may have to grow by as many.
    pub(super) log: u64,
}

impl DiskSpace {
    /// Less is free than `spool.min_free_bytes`, or a write found no room a moment ago.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Bytes that were free when the disk was last asked; `None`: it did not answer.
    pub(super) fn free(&self) -> Option<u64> {
        self.free
    }

    /// Whether pruning old lines would make enough room. New events take precedence over old lines. `false` if another
    /// program fills the disk.
    pub(super) fn wants_pruning(&self) -> bool {
        self.is_full && self.history_helps
    }

    pub(super) fn wrote(&mut self, bytes: u64) {
        self.written_since += bytes;
    }

    /// A write found no room: events are taken again after a pause, and only with room.
    pub(super) fn ran_out(&mut self) {
        let hold = match self.ran_out {
            Some((at, hold)) if at.elapsed() < hold => hold,
            Some((at, hold)) if at.elapsed() < hold + FORGIVEN_AFTER => (hold * 2).min(HOLD_MAX),
            _ => HOLD,
        };
        self.ran_out = Some((Instant::now(), hold));
        (self.is_used_up, self.asked_at) = (true, None);
    }

    /// Bytes of the database, its write-ahead log and the segments when they were last measured.
    pub(super) fn used(&self) -> Option<u64> {
        self.used.map(|(bytes, _)| bytes)
    }

    /// A write found no room, and since then the disk has not had enough room.
    pub(super) fn is_used_up(&self) -> bool {
        self.is_used_up
    }

    /// Less is free than twice the floor. The write-ahead log is then copied at once: the database must grow before the
    /// disk is full, or else nothing could be copied, settled or pruned any more.
    pub(super) fn is_tight(&self) -> bool {
        self.is_tight
    }

    /// The limit changed, or the files were opened again: the disk is asked at once.
    pub(super) fn ask_again(&mut self) {
        self.asked_at = None;
    }

    /// Asks the disk if it is time. A disk that does not answer counts as having room: a write will tell.
    pub(super) fn ask(&mut self, path: &Path, connection: &Connection, wanted: Wanted) {
        let is_recent = self.asked_at.is_some_and(|at| at.elapsed() < ASK_EVERY);
        if is_recent && self.written_since < ASK_AFTER_BYTES {
            return;
        }
        self.asked_at = Some(Instant::now());
        self.written_since = 0;
        if self.used.is_none_or(|(_, at)| at.elapsed() >= MEASURE_EVERY) {
            self.used = Some((bytes_of_spool(path) + wanted.log, Instant::now()));
        }
        let disk = path.parent().and_then(|folder| fs4::statvfs(folder).ok());
        let free = disk.as_ref().map(fs4::FsStats::available_space);
        self.free = free;
        let is_short = disk.is_some_and(|disk| {
            let floor = wanted.log + FLOOR_BYTES.min(disk.total_space() / FLOOR_SHARE);
            let min_free = if self.is_used_up { wanted.min_free.max(floor) } else { wanted.min_free };
            let (free, empty) = (disk.available_space(), empty_bytes(connection));
            let missing = wanted_of(min_free, true).saturating_sub(free.saturating_add(empty));
            self.history_helps = missing > 0 && missing < bytes_of_spool(path);
            self.is_tight = free < 2 * floor;
            is_short(free, empty, min_free, self.is_full)
        });
        // Right after a write found no room, the number of free bytes is not believed.
        let holds = self.ran_out.is_some_and(|(at, hold)| at.elapsed() < hold);
        let is_full = holds || is_short;
        self.is_used_up &= is_full;
        if is_full != self.is_full {
            let min_free = wanted.min_free;
            tracing::info!("free on the spool's disk: {free:?} bytes; spool.min_free_bytes is {min_free}");
        }
        self.is_full = is_full;
    }
}

/// Bytes of empty pages of the database: pruning made them, and events use them first.
fn empty_bytes(connection: &Connection) -> u64 {
    let pages = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = pages("freelist_count").and_then(|count| Ok(count * pages("page_size")?));
    bytes.ok().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

/// Bytes of the database and its segments.
fn bytes_of_spool(path: &Path) -> u64 {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let segments = path.parent().and_then(|dir| segments::paths(dir).ok());
    length(path) + segments.into_iter().flatten().map(|path| length(&path)).sum::<u64>()
}

fn wanted_of(min_free: u64, was_short: bool) -> u64 {
    if was_short { min_free.saturating_add(min_free / 16) } else { min_free }
}

/// Once the disk was short of room, it needs a little more to count as having enough. Otherwise the state would change
/// back and forth.
fn is_short(free: u64, empty: u64, min_free: u64, was_short: bool) -> bool {
    let wanted = wanted_of(min_free, was_short);
    free.saturating_add(empty) < wanted || free < wanted / LOG_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_found_no_room_counts_for_a_while_and_for_longer_when_it_happens_again() {
        let mut space = DiskSpace::default();
        space.ran_out();
        assert_eq!(space.ran_out.map(|(_, hold)| hold), Some(HOLD));
        // Again while it is being waited for: the same pause.
        space.ran_out();
        assert_eq!(space.ran_out.map(|(_, hold)| hold), Some(HOLD));
        for expected in [10, 20, 40, 60, 60] {
            let (_, hold) = space.ran_out.expect("it did");
            space.ran_out = Instant::now().checked_sub(hold).map(|at| (at, hold));
            space.ran_out();
            assert_eq!(space.ran_out.map(|(_, hold)| hold.as_secs()), Some(expected));
        }
    }

    #[test]
    fn empty_pages_stand_in_for_free_space_but_not_for_all_of_it() {
        assert!(!is_short(800, 0, 800, false));
        assert!(is_short(799, 0, 800, false));
        assert!(!is_short(100, 700, 800, false), "the spool has room of its own");
        assert!(is_short(99, 70_000, 800, false), "the write-ahead log has none");
        assert!(is_short(849, 0, 800, true) && !is_short(850, 0, 800, true), "no turns");
        assert!(!is_short(0, 0, 0, true), "nothing is asked for");
    }
}

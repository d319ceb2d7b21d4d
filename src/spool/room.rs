//! Whether the disk has room for more events. Looked at from time to time: asking costs a microsecond, and at most the
//! 64 MiB that are on their way come in between.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::segments;

/// How often the disk is asked while something is written; in between, after so many bytes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_AFTER_BYTES: u64 = 8 << 20;

/// Bytes that must be free before events are taken again after a write found no room, beside the room to copy the
/// write-ahead log: a settlement is a write too. On small disks a share of the whole.
const FLOOR_BYTES: u64 = 32 << 20;
const FLOOR_SHARE: u64 = 8;

/// After a write found no room: how long none is said to be, at first and at most. It doubles when the next try finds none
/// within [`FORGIVEN_AFTER`]: a quota, say, which the free space does not show.
const HOLD: Duration = Duration::from_secs(5);
const HOLD_MAX: Duration = Duration::from_mins(1);
const FORGIVEN_AFTER: Duration = Duration::from_mins(2);

/// Of the space that stays free, this share must be there for the write-ahead log; the spool's own empty pages may stand
/// in for the rest.
const LOG_SHARE: u64 = 8;

/// What is known of the disk.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "answers to different questions, each asked by itself")]
pub(super) struct Room {
    is_full: bool,
    /// What was free when the disk was last asked.
    free: Option<u64>,
    looked_at: Option<Instant>,
    bytes_since: u64,
    /// Less is free than twice what must be free after a write found no room: the write-ahead log is copied at once.
    is_tight: bool,
    /// When a write found no room, and for how long that counts.
    ran_out: Option<(Instant, Duration)>,
    /// There has not been room since.
    is_used_up: bool,
    /// Pages are missing, and no more than the spool itself has.
    history_helps: bool,
}

/// How much has to stay free.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// `spool.min_free_bytes`.
    pub(super) min_free: u64,
    /// Bytes of the write-ahead log: the database may have to grow by as much.
    pub(super) log: u64,
}

impl Room {
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Bytes that were free when the disk was last asked; `None`: it did not answer.
    pub(super) fn free(&self) -> Option<u64> {
        self.free
    }

    /// Whether room that history gives up is of use: new events go before old lines. Not where another program fills the
    /// disk.
    pub(super) fn wants_history(&self) -> bool {
        self.is_full && self.history_helps
    }

    pub(super) fn wrote(&mut self, bytes: u64) {
        self.bytes_since += bytes;
    }

    /// A write found no room: events are taken again after a pause, and only with room.
    pub(super) fn ran_out(&mut self) {
        let hold = match self.ran_out {
            Some((at, hold)) if at.elapsed() < hold => hold,
            Some((at, hold)) if at.elapsed() < hold + FORGIVEN_AFTER => (hold * 2).min(HOLD_MAX),
            _ => HOLD,
        };
        self.ran_out = Some((Instant::now(), hold));
        (self.is_used_up, self.looked_at) = (true, None);
    }

    /// A write found no room, and there has not been room since.
    pub(super) fn is_used_up(&self) -> bool {
        self.is_used_up
    }

    /// The database should have its room before the disk is full: what is in the write-ahead log then could not be copied
    /// any more, and nothing could be settled or pruned.
    pub(super) fn is_tight(&self) -> bool {
        self.is_tight
    }

    /// The limit changed, or the file was opened anew: look again at once.
    pub(super) fn forget(&mut self) {
        self.looked_at = None;
    }

    /// Asks the disk where that is due. Of a disk that does not answer nothing is feared: a write will say.
    pub(super) fn look(&mut self, path: &Path, connection: &Connection, wanted: Wanted) {
        let is_recent = self.looked_at.is_some_and(|at| at.elapsed() < LOOK_EVERY);
        if is_recent && self.bytes_since < LOOK_AFTER_BYTES {
            return;
        }
        self.looked_at = Some(Instant::now());
        self.bytes_since = 0;
        let disk = path.parent().and_then(|folder| fs4::statvfs(folder).ok());
        let free = disk.as_ref().map(fs4::FsStats::available_space);
        self.free = free;
        let is_short = disk.is_some_and(|disk| {
            let floor = wanted.log + FLOOR_BYTES.min(disk.total_space() / FLOOR_SHARE);
            let min_free = if self.is_used_up { wanted.min_free.max(floor) } else { wanted.min_free };
            let (free, empty) = (disk.available_space(), empty_bytes(connection));
            let lacks = wanted_of(min_free, true).saturating_sub(free.saturating_add(empty));
            self.history_helps = lacks > 0 && lacks < bytes_of_spool(path);
            self.is_tight = free < 2 * floor;
            is_short(free, empty, min_free, self.is_full)
        });
        // Right after a write found no room, the disk's own number of free bytes is not believed.
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

/// Bytes of pages that are in the file and hold nothing: pruning made them, and events go there first.
fn empty_bytes(connection: &Connection) -> u64 {
    let pages = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = pages("freelist_count").and_then(|count| Ok(count * pages("page_size")?));
    bytes.ok().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

/// What the database and its segments take.
fn bytes_of_spool(path: &Path) -> u64 {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let segments = path.parent().and_then(|folder| segments::paths(&folder.join(segments::FOLDER)).ok());
    length(path) + segments.into_iter().flatten().map(|path| length(&path)).sum::<u64>()
}

fn wanted_of(min_free: u64, was_short: bool) -> u64 {
    if was_short { min_free.saturating_add(min_free / 16) } else { min_free }
}

/// Once short, a little more is needed before it is called enough: else it would be called both by turns.
fn is_short(free: u64, empty: u64, min_free: u64, was_short: bool) -> bool {
    let wanted = wanted_of(min_free, was_short);
    free.saturating_add(empty) < wanted || free < wanted / LOG_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_found_no_room_counts_for_a_while_and_for_longer_when_it_happens_again() {
        let mut room = Room::default();
        room.ran_out();
        assert_eq!(room.ran_out.map(|(_, hold)| hold), Some(HOLD));
        // Again while it is being waited for: the same pause.
        room.ran_out();
        assert_eq!(room.ran_out.map(|(_, hold)| hold), Some(HOLD));
        for expected in [10, 20, 40, 60, 60] {
            let (_, hold) = room.ran_out.expect("it did");
            room.ran_out = Instant::now().checked_sub(hold).map(|at| (at, hold));
            room.ran_out();
            assert_eq!(room.ran_out.map(|(_, hold)| hold.as_secs()), Some(expected));
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

//! Reads SQLite's write-ahead log as a file: where its last commit ends, and which page each frame holds.
//!
//! As in SQLite, a frame is committed if its salts are those of the head, its checksum continues that of all frames
//! before it, and it or a later frame ends a commit. Format: <https://www.sqlite.org/fileformat2.html#walformat>.

use std::{collections::BTreeMap, fs::File, io};

use super::direct::read_full;

const HEAD_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;

/// Both magic numbers; the lowest bit tells the byte order of the checksums.
const MAGIC: u32 = 0x377f_0682;

/// What a write-ahead log holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// Bytes of a page; 0 if there is no valid head.
    pub(super) page_bytes: u32,
    /// Where the last commit ends.
    pub(super) end: u64,
    /// The pages that commits wrote, and where in the log the last version of each begins.
    pub(super) pages: BTreeMap<u32, u64>,
    /// Pages of the database after the last commit. Pages after them are cut off.
    pub(super) database_pages: u32,
}

/// Bytes of a log of `frames` frames, its head included; 0 for none.
pub(super) fn bytes_of(frames: u64, page_bytes: u64) -> u64 {
    if frames == 0 { 0 } else { HEAD_BYTES as u64 + frames * (FRAME_HEAD_BYTES as u64 + page_bytes) }
}

/// Reads the first `limit` bytes of a log. A file that is not a log, or holds no commit, is an empty log.
pub(super) fn read(file: &File, limit: u64) -> io::Result<Log> {
    let mut head = [0; HEAD_BYTES];
    if limit < HEAD_BYTES as u64 || read_full(file, &mut head, 0)? < head.len() {
        return Ok(Log::default());
    }
    let magic = word(&head, 0);
    let page_bytes = word(&head, 8);
    let is_page = page_bytes.is_power_of_two() && (512..=65536).contains(&page_bytes);
    if magic & !1 != MAGIC || !is_page {
        return Ok(Log::default());
    }
    let big_endian = magic & 1 == 1;
    let mut sum = Sum { big_endian, s0: 0, s1: 0 };
    sum.add(&head[..24]);
    if !sum.is(&head, 24) {
        return Ok(Log::default());
    }
    let mut log = Log { page_bytes, ..Log::default() };
    let mut uncommitted = Vec::new();
    let mut frame = vec![0; FRAME_HEAD_BYTES + page_bytes as usize];
    let mut at = HEAD_BYTES as u64;
    while at + frame.len() as u64 <= limit && read_full(file, &mut frame, at)? == frame.len() {
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME_HEAD_BYTES..]);
        if frame[8..16] != head[16..24] || !sum.is(&frame, 16) {
            break;
        }
        uncommitted.push((word(&frame, 0), at + FRAME_HEAD_BYTES as u64));
        at += frame.len() as u64;
        let size = word(&frame, 4);
        if size > 0 {
            log.pages.extend(uncommitted.drain(..));
            (log.end, log.database_pages) = (at, size);
        }
    }
    Ok(log)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

/// The checksum of the log, continued from frame to frame.
struct Sum {
    big_endian: bool,
    s0: u32,
    s1: u32,
}

impl Sum {
    /// `bytes` are a multiple of eight.
    fn add(&mut self, bytes: &[u8]) {
        let number = if self.big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        for [first, second] in bytes.as_chunks::<4>().0.as_chunks::<2>().0 {
            self.s0 = self.s0.wrapping_add(number(*first)).wrapping_add(self.s1);
            self.s1 = self.s1.wrapping_add(number(*second)).wrapping_add(self.s0);
        }
    }

    /// Whether this checksum is stored at `at`, always as big-endian.
    fn is(&self, bytes: &[u8], at: usize) -> bool {
        word(bytes, at) == self.s0 && word(bytes, at + 4) == self.s1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::connection::connect_writer;

    /// A database with a log of `commits` commits, the path of the log, and where SQLite says that each commit ends.
    fn log_of(commits: u32) -> (tempfile::TempDir, std::path::PathBuf, Vec<u64>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("spool.sqlite3");
        let connection = connect_writer(&path).expect("opens");
        connection.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)").expect("made");
        let mut ends = Vec::new();
        for commit in 0..commits {
            let insert = format!("INSERT INTO t (body) VALUES (randomblob({}))", 9000 * commit);
            connection.execute_batch(&insert).expect("room");
            let told = |row: &rusqlite::Row<'_>| row.get::<_, i64>(1);
            let frames = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], told).expect("told");
            ends.push(bytes_of(frames.unsigned_abs(), 8192));
        }
        // SQLite removes the log with the last connection.
        let wal = path.with_extension("sqlite3-wal");
        std::fs::copy(&wal, folder.path().join("kept")).expect("copied");
        (folder, wal, ends)
    }

    #[test]
    fn the_last_commit_ends_where_sqlite_says() {
        let (folder, _, ends) = log_of(4);
        let file = File::open(folder.path().join("kept")).expect("there");
        let log = read(&file, u64::MAX).expect("readable");
        assert_eq!((log.page_bytes, Some(&log.end)), (8192, ends.last()));
        assert!(log.pages.len() >= 4 && log.database_pages >= 4, "{log:?}");
        // A limit within a commit ends at the one before.
        assert_eq!(read(&file, ends[3] - 1).expect("readable").end, ends[2]);
        assert_eq!(read(&file, ends[1]).expect("readable").end, ends[1]);
    }

    #[test]
    fn a_changed_byte_ends_the_log_before_its_commit() {
        let (folder, _, ends) = log_of(4);
        let path = folder.path().join("kept");
        let mut bytes = std::fs::read(&path).expect("readable");
        let at = usize::try_from(ends[1] + 100).expect("small");
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        assert_eq!(read(&File::open(&path).expect("there"), u64::MAX).expect("readable").end, ends[1]);
        bytes[9] ^= 1;
        std::fs::write(&path, bytes).expect("written");
        assert_eq!(read(&File::open(&path).expect("there"), u64::MAX).expect("readable"), Log::default());
    }

    #[test]
    fn what_is_no_log_is_an_empty_one() {
        let folder = tempfile::tempdir().expect("a folder");
        for bytes in [&b""[..], b"short", &[0; 9000], &[255; 9000]] {
            let path = folder.path().join("wal");
            std::fs::write(&path, bytes).expect("written");
            assert_eq!(read(&File::open(&path).expect("there"), u64::MAX).expect("readable"), Log::default());
        }
    }
}

//! The operation log that `shim.c` writes, as records. Numbers and layout are those of the shim.

use std::ops::Range;
use std::path::{Path, PathBuf};

const MAGIC: u32 = 0x504c_4f53;
const HEAD: usize = 52;

/// The purpose of a file, as a bit: a rule can name several.
pub mod class {
    pub const DATABASE: u8 = 1;
    pub const WAL: u8 = 2;
    pub const SEGMENT: u8 = 8;
    pub const FOLDER: u8 = 16;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Create,
    Open,
    Write,
    Truncate,
    SyncBegin,
    SyncEnd,
    Rename,
    Unlink,
    Mkdir,
    Rmdir,
    Link,
    /// A 2xx answer is about to be sent; `inode` is the port of the peer.
    Acknowledge,
    /// A process began; `result` is its id.
    Start,
}

#[derive(Clone, Debug)]
pub struct Record {
    pub op: Op,
    pub class: u8,
    /// Its position in the log file.
    pub position: u64,
    pub pid: u32,
    pub tid: u32,
    pub result: i32,
    pub inode: u64,
    pub offset: u64,
    pub path: PathBuf,
    /// The range in [`Log::raw`].
    pub data: Range<usize>,
}

pub struct Log {
    pub raw: Vec<u8>,
    pub records: Vec<Record>,
}

impl Log {
    /// Everything that was done so far, without a record that a killed process left incomplete at the end.
    pub fn read(path: &Path) -> Self {
        let raw = std::fs::read(path).expect("the shim has written its log");
        let mut records = Vec::new();
        let mut at = 0;
        while let Some((record, end)) = record(&raw, at) {
            records.push(record);
            at = end;
        }
        Self { raw, records }
    }

    /// The bytes of a write, or the new name of a renamed or linked file.
    pub fn data(&self, range: &Range<usize>) -> &[u8] {
        &self.raw[range.clone()]
    }

    /// The second path of a renamed or linked file.
    pub fn new_name(&self, record: &Record) -> PathBuf {
        PathBuf::from(String::from_utf8_lossy(self.data(&record.data)).into_owned())
    }
}

fn number<const N: usize>(raw: &[u8], at: usize) -> [u8; N] {
    raw[at..at + N].try_into().expect("the length is right")
}

fn record(raw: &[u8], at: usize) -> Option<(Record, usize)> {
    let head = raw.get(at..at + HEAD)?;
    assert_eq!(u32::from_le_bytes(number(head, 0)), MAGIC, "the log is broken at {at}");
    let path_length = usize::from(u16::from_le_bytes(number(head, 6)));
    let length = |place| usize::try_from(u32::from_le_bytes(number(head, place))).expect("32 bits fit");
    let data_at = at + HEAD + path_length;
    let data = data_at..data_at + length(16);
    if data.end > raw.len() {
        return None;
    }
    let path = PathBuf::from(String::from_utf8_lossy(&raw[at + HEAD..data_at]).into_owned());
    let record = Record {
        op: op(head[4], &path),
        class: head[5],
        position: at as u64,
        pid: u32::from_le_bytes(number(head, 8)),
        tid: u32::from_le_bytes(number(head, 12)),
        result: i32::from_le_bytes(number(head, 20)),
        inode: u64::from_le_bytes(number(head, 28)),
        offset: u64::from_le_bytes(number(head, 36)),
        path,
        data: data.clone(),
    };
    Some((record, data.end))
}

fn op(number: u8, path: &Path) -> Op {
    match number {
        1 => Op::Create,
        2 => Op::Open,
        3 => Op::Write,
        4 => Op::Truncate,
        5 => Op::SyncBegin,
        6 => Op::SyncEnd,
        7 => Op::Rename,
        8 => Op::Unlink,
        9 => Op::Mkdir,
        10 => Op::Rmdir,
        11 => Op::Link,
        12 => Op::Acknowledge,
        13 => Op::Start,
        other => panic!(
            "the program did something with its files that the model of the disk does not know ({other}: {}): teach it to \
             shim.c and disk.rs",
            path.display()
        ),
    }
}

//! Replays an operation log and knows, at any point in it, what is durable and what a power cut could lose.
//!
//! Synced data is durable. A name is durable when its folder was synced. The cost of a failed sync depends on the disk,
//! see [`FailedSync`].
//! disk, see [`FailedSync`].

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::log::{Log, Op, Record};

/// The content of a disk: paths from its root, with the bytes of a file, or `None` for a folder.
pub type State = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// The index of a file or folder in [`Disk::objects`].
pub type Id = usize;

#[derive(Clone, Debug)]
pub enum Change {
    /// At this offset; the bytes are in the log.
    Write(u64, Range<usize>),
    Truncate(u64),
}

/// What happens to the changes that a failed sync covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedSync {
    /// They wait for the next sync, or reach the disk by themselves.
    Waits,
    /// *gate*: they never reach the disk. Linux marks the pages clean, and a later sync succeeds without them. Written
    /// again and synced well, they are there.
    Loses,
    /// *gate*, and blocks that were allocated for them stay empty whatever is written there later, until the file is
    /// truncated before them. ext4 does so: the blocks are allocated as unwritten, only a successful write-back changes
    /// that, and pages that stay in memory do not ask again (`thin.sh` shows it).
    LosesBlocks,
}

/// A change that no sync has made durable.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The index of its record.
    pub index: usize,
    pub change: Change,
    /// A failed sync covered it, and the disk does not keep it.
    pub lost: bool,
}

/// The size of the blocks that pages in memory are mapped to.
const BLOCK: u64 = 4096;

#[derive(Debug, Default)]
pub struct FileObject {
    pub durable: Vec<u8>,
    pub pending: Vec<Pending>,
    /// Blocks that stay empty: from and to, in bytes.
    dead: Vec<(u64, u64)>,
    size: u64,
    /// The record by which it was created, truncated or extended last.
    last_metadata: Option<usize>,
}

#[derive(Debug, Default)]
pub struct Folder {
    pub durable: BTreeMap<String, Id>,
    /// With the index of the record; `None`: the name was removed.
    pub pending: Vec<(usize, String, Option<Id>)>,
}

#[derive(Debug)]
pub enum Object {
    File(FileObject),
    Folder(Folder),
}

pub struct Disk<'a> {
    pub log: &'a Log,
    root: PathBuf,
    failed_sync: FailedSync,
    pub objects: Vec<Object>,
    by_inode: HashMap<u64, Id>,
    /// As the running system sees them; the root is the empty path.
    names: HashMap<PathBuf, Id>,
    /// Records before this one were done.
    at: usize,
    sync_began: HashMap<(u32, u32, u64), usize>,
    /// Records that changed names or truncated files, in order.
    pub metadata: Vec<usize>,
    /// The last of them that a sync has made durable (ext4: with all before it).
    pub metadata_durable: Option<usize>,
}

/// The index of the root among the objects.
pub const ROOT: Id = 0;

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn split(path: &Path) -> (PathBuf, String) {
    let parent = path.parent().map(Path::to_path_buf).unwrap_or_default();
    (parent, text(Path::new(path.file_name().unwrap_or_default())))
}

pub fn write_into(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let start = usize::try_from(offset).expect("it is in memory");
    let end = start + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[start..end].copy_from_slice(data);
}

pub fn resize(bytes: &mut Vec<u8>, size: u64) {
    bytes.resize(usize::try_from(size).expect("it is in memory"), 0);
}

impl FileObject {
    /// Nothing that was written to a dead block is on the disk.
    fn bury(&mut self) {
        let end = self.durable.len();
        for (from, to) in &self.dead {
            let place = |at: &u64| usize::try_from(*at).map_or(end, |at| at.min(end));
            self.durable[place(from)..place(to)].fill(0);
        }
    }
}

impl<'a> Disk<'a> {
    /// A disk whose `root` held `base`, all of it durable, when the log began.
    pub fn new(log: &'a Log, root: &Path, base: &State, failed_sync: FailedSync) -> Self {
        let mut disk = Self {
            log,
            root: root.to_path_buf(),
            failed_sync,
            objects: vec![Object::Folder(Folder::default())],
            by_inode: HashMap::new(),
            names: HashMap::from([(PathBuf::new(), ROOT)]),
            at: 0,
            sync_began: HashMap::new(),
            metadata: Vec::new(),
            metadata_durable: None,
        };
        // A folder comes before its content.
        for (path, content) in base {
            let object = match content {
                None => Object::Folder(Folder::default()),
                Some(bytes) => Object::File(FileObject {
                    durable: bytes.clone(),
                    size: bytes.len() as u64,
                    ..FileObject::default()
                }),
            };
            let id = disk.add(path, object);
            let (parent, name) = split(path);
            if let Some(parent) = disk.folder(&parent) {
                parent.durable.insert(name, id);
            }
        }
        disk
    }

    fn add(&mut self, path: &Path, object: Object) -> Id {
        self.objects.push(object);
        let id = self.objects.len() - 1;
        self.names.insert(path.to_path_buf(), id);
        id
    }

    fn folder(&mut self, path: &Path) -> Option<&mut Folder> {
        let id = *self.names.get(path)?;
        match &mut self.objects[id] {
            Object::Folder(folder) => Some(folder),
            Object::File(_) => None,
        }
    }

    fn file(&mut self, inode: u64) -> Option<&mut FileObject> {
        let id = *self.by_inode.get(&inode)?;
        match &mut self.objects[id] {
            Object::File(file) => Some(file),
            Object::Folder(_) => None,
        }
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).expect("the shim logs what is in the folder").to_path_buf()
    }

    fn name(&mut self, index: usize, path: &Path, id: Option<Id>) {
        let (parent, name) = split(path);
        if let Some(folder) = self.folder(&parent) {
            folder.pending.push((index, name, id));
        }
        self.metadata.push(index);
    }

    /// Does all records before `index`.
    pub fn go_to(&mut self, index: usize) {
        let log = self.log;
        while self.at < index {
            self.step(self.at, &log.records[self.at]);
            self.at += 1;
        }
    }

    fn step(&mut self, index: usize, record: &Record) {
        match record.op {
            Op::Create | Op::Mkdir => self.create(index, record),
            Op::Open => {
                if let Some(id) = self.names.get(&self.relative(&record.path)) {
                    self.by_inode.insert(record.inode, *id);
                }
            }
            Op::Write => {
                let end = record.offset + record.data.len() as u64;
                let Some(file) = self.file(record.inode) else { return };
                let change = Change::Write(record.offset, record.data.clone());
                file.pending.push(Pending { index, change, lost: false });
                if end > file.size {
                    (file.size, file.last_metadata) = (end, Some(index));
                }
            }
            Op::Truncate => {
                let Some(file) = self.file(record.inode) else { return };
                let change = Change::Truncate(record.offset);
                file.pending.push(Pending { index, change, lost: false });
                (file.size, file.last_metadata) = (record.offset, Some(index));
                self.metadata.push(index);
            }
            Op::SyncBegin => {
                self.sync_began.insert((record.pid, record.tid, record.inode), index);
            }
            Op::SyncEnd => {
                let began = self.sync_began.remove(&(record.pid, record.tid, record.inode));
                if let (Some(began), Some(id)) = (began, self.by_inode.get(&record.inode).copied()) {
                    self.synced(id, began, record.result == 0);
                }
            }
            Op::Rename | Op::Link => {
                let (old, new) = (self.relative(&record.path), self.relative(&self.log.new_name(record)));
                let Some(id) = self.names.get(&old).copied() else { return };
                self.names.insert(new.clone(), id);
                self.name(index, &new, Some(id));
                if record.op == Op::Rename {
                    self.names.remove(&old);
                    self.name(index, &old, None);
                }
            }
            Op::Unlink | Op::Rmdir => {
                let path = self.relative(&record.path);
                self.names.remove(&path);
                self.name(index, &path, None);
            }
            Op::Acknowledge | Op::Start => {}
        }
    }

    fn create(&mut self, index: usize, record: &Record) {
        let path = self.relative(&record.path);
        if path.as_os_str().is_empty() {
            self.by_inode.insert(record.inode, ROOT);
            return;
        }
        let object = if record.op == Op::Mkdir {
            Object::Folder(Folder::default())
        } else {
            Object::File(FileObject { last_metadata: Some(index), ..FileObject::default() })
        };
        let id = self.add(&path, object);
        self.by_inode.insert(record.inode, id);
        self.name(index, &path, Some(id));
    }

    /// A sync of an object ended. It covers what was done before record `began`.
    fn synced(&mut self, id: Id, began: usize, well: bool) {
        let log = self.log;
        let durable = match &mut self.objects[id] {
            Object::Folder(folder) if well => {
                let done = folder.pending.iter().take_while(|(index, ..)| *index < began).count();
                let mut last = None;
                for (index, name, id) in folder.pending.drain(..done) {
                    apply_name(&mut folder.durable, name, id);
                    last = Some(index);
                }
                last
            }
            Object::File(file) if well => {
                for pending in file.pending.extract_if(.., |one| one.index < began && !one.lost) {
                    apply(&mut file.durable, &pending.change, log);
                    if let Change::Truncate(size) = pending.change {
                        file.dead.retain(|(from, _)| *from < size);
                    }
                }
                file.bury();
                file.last_metadata.filter(|last| *last < began)
            }
            Object::File(file) if self.failed_sync != FailedSync::Waits => {
                let known = (file.durable.len() as u64).next_multiple_of(BLOCK);
                for pending in file.pending.iter_mut().filter(|one| one.index < began && !one.lost) {
                    pending.lost = true;
                    if let Change::Write(offset, data) = &pending.change
                        && self.failed_sync == FailedSync::LosesBlocks
                    {
                        let from = (offset / BLOCK * BLOCK).max(known);
                        let to = (offset + data.len() as u64).next_multiple_of(BLOCK);
                        file.dead.extend((from < to).then_some((from, to)));
                    }
                }
                None
            }
            Object::Folder(_) | Object::File(_) => None,
        };
        self.metadata_durable = self.metadata_durable.max(durable);
    }

    /// What the running system sees.
    pub fn live(&self) -> State {
        let entries = |folder: &Folder| {
            let mut entries = folder.durable.clone();
            for (_, name, id) in &folder.pending {
                apply_name(&mut entries, name.clone(), *id);
            }
            entries
        };
        let contents = |file: &FileObject| {
            let mut bytes = file.durable.clone();
            for pending in &file.pending {
                apply(&mut bytes, &pending.change, self.log);
            }
            bytes
        };
        self.walk(&mut |_, folder| entries(folder), &mut |_, file| contents(file))
    }

    /// The tree of the given names and contents.
    pub fn walk(
        &self,
        entries: &mut dyn FnMut(Id, &Folder) -> BTreeMap<String, Id>,
        content: &mut dyn FnMut(Id, &FileObject) -> Vec<u8>,
    ) -> State {
        let mut state = State::new();
        let mut todo = vec![(PathBuf::new(), ROOT)];
        while let Some((path, id)) = todo.pop() {
            match &self.objects[id] {
                Object::Folder(folder) => {
                    for (name, child) in entries(id, folder) {
                        todo.push((path.join(name), child));
                    }
                    if id != ROOT {
                        state.insert(path, None);
                    }
                }
                Object::File(file) => {
                    state.insert(path, Some(content(id, file)));
                }
            }
        }
        state
    }
}

pub fn apply(bytes: &mut Vec<u8>, change: &Change, log: &Log) {
    match change {
        Change::Write(offset, data) => write_into(bytes, *offset, log.data(data)),
        Change::Truncate(size) => resize(bytes, *size),
    }
}

pub fn apply_name(entries: &mut BTreeMap<String, Id>, name: String, id: Option<Id>) {
    match id {
        Some(id) => drop(entries.insert(name, id)),
        None => drop(entries.remove(&name)),
    }
}

/// The content of a folder now.
pub fn read_in(folder: &Path) -> State {
    let mut state = State::new();
    let mut todo = vec![folder.to_path_buf()];
    while let Some(at) = todo.pop() {
        for entry in std::fs::read_dir(&at).expect("the folder is ours") {
            let path = entry.expect("the folder is ours").path();
            let name = path.strip_prefix(folder).expect("it is in there").to_path_buf();
            if path.is_dir() {
                state.insert(name, None);
                todo.push(path);
            } else {
                state.insert(name, Some(std::fs::read(&path).expect("the file is ours")));
            }
        }
    }
    state
}

/// Writes a state into a folder.
pub fn lay_out(state: &State, folder: &Path) {
    std::fs::create_dir_all(folder).expect("the place is ours");
    for (name, content) in state {
        let path = folder.join(name);
        match content {
            None => std::fs::create_dir_all(path).expect("the place is ours"),
            Some(bytes) => std::fs::write(path, bytes).expect("the place is ours, and has room"),
        }
    }
}

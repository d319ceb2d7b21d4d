//! The states in which a power cut could leave a disk.
//!
//! *posix*: each write, truncation, creation, rename and removal that is not durable is there or not, independently of
//! the others. A write may be torn at 512 bytes or 4 KiB. A file that became longer may have zeros or random bytes
//! where its data was to be.
//!
//! *ext4*, data=ordered with delayed allocation: names and sizes survive as a prefix of their order, and a sync of a
//! file or folder takes all of them up to its own last change with it. A file never shows bytes that were not written.
//! Overwrites in place are there or not, torn at 512 bytes.
//!
//! *gate* is either of these on a [`Disk`] on which failed syncs lose what they covered, and *dead blocks* a stricter
//! one; see [`crate::disk::FailedSync`].

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::disk::{Change, Disk, FileObject, Folder, Id, State, apply, apply_name, resize, write_into};

const PAGE: u64 = 4096;
const SECTOR: u64 = 512;

/// Which of the pending changes are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    None,
    All,
    /// Each is there or not, and also parts of a write.
    Random,
    Last,
    AllButFirst,
    /// The lengths, with zeros as data.
    Zeros,
    /// The lengths, with bytes from elsewhere as data.
    Rubbish,
    /// Parts of every write.
    Torn,
}

/// Which of the possible states.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Posix {
        names: Keep,
        data: Keep,
    },
    /// `metadata`: how much of the journal is there.
    Ext4 {
        metadata: Keep,
        data: Keep,
    },
}

impl Shape {
    /// Every kind, the random ones several times.
    pub fn all() -> Vec<Self> {
        use Keep::{All, AllButFirst, Last, None, Random, Rubbish, Torn, Zeros};
        let posix = |(names, data)| Self::Posix { names, data };
        let ext4 = |(metadata, data)| Self::Ext4 { metadata, data };
        let mut shapes: Vec<Self> = [
            (None, None),
            (All, All),
            (All, None),
            (None, All),
            (All, Last),
            (All, AllButFirst),
            (All, Zeros),
            (All, Rubbish),
            (Last, All),
            (AllButFirst, All),
        ]
        .map(posix)
        .into();
        shapes.extend([(None, None), (All, None), (None, All), (All, Torn)].map(ext4));
        for _ in 0..4 {
            shapes.extend([(Random, Random), (All, Random)].map(posix));
            shapes.push(ext4((Random, Random)));
        }
        shapes
    }
}

impl Disk<'_> {
    /// One state that a cut before the current record could leave.
    pub fn cut(&self, shape: Shape, random: &mut fastrand::Rng) -> State {
        match shape {
            Shape::Posix { names, data } => self.posix(names, data, random),
            Shape::Ext4 { metadata, data } => self.ext4(metadata, data, random),
        }
    }

    fn posix(&self, names: Keep, data: Keep, random: &mut fastrand::Rng) -> State {
        let mut name_random = random.fork();
        let mut entries = |_: Id, folder: &Folder| {
            let mut entries = folder.durable.clone();
            let last = folder.pending.len().saturating_sub(1);
            for (place, (_, name, id)) in folder.pending.iter().enumerate() {
                if is_kept(names, place, last, &mut name_random) {
                    apply_name(&mut entries, name.clone(), *id);
                }
            }
            entries
        };
        // A file may have two names.
        let mut known: HashMap<Id, Vec<u8>> = HashMap::new();
        self.walk(&mut entries, &mut |id, file| {
            known.entry(id).or_insert_with(|| self.posix_content(file, data, random)).clone()
        })
    }

    fn posix_content(&self, file: &FileObject, data: Keep, random: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = file.durable.clone();
        let last = file.pending.len().saturating_sub(1);
        for (place, pending) in file.pending.iter().enumerate().filter(|(_, pending)| !pending.lost) {
            let kept = is_kept(data, place, last, random);
            match &pending.change {
                Change::Write(offset, written) if kept && matches!(data, Keep::Zeros | Keep::Rubbish) => {
                    let old = bytes.len();
                    let end = offset + written.len() as u64;
                    if end > old as u64 {
                        resize(&mut bytes, end);
                        if data == Keep::Rubbish {
                            random.fill(&mut bytes[old..]);
                        }
                    }
                }
                change if kept => apply(&mut bytes, change, self.log),
                Change::Write(offset, written) if data == Keep::Random && random.bool() => {
                    let unit = if random.bool() { SECTOR } else { PAGE };
                    tear(&mut bytes, *offset, self.log.data(written), unit, random);
                }
                Change::Write(..) | Change::Truncate(_) => {}
            }
        }
        bytes
    }

    fn ext4(&self, metadata: Keep, data: Keep, random: &mut fastrand::Rng) -> State {
        let later: Vec<usize> =
            self.metadata.iter().copied().filter(|index| Some(*index) > self.metadata_durable).collect();
        // The part of the journal that is there: all up to this record.
        let through = match metadata {
            Keep::All => Some(usize::MAX),
            Keep::None => self.metadata_durable,
            _ => match random.usize(..=later.len()) {
                0 => self.metadata_durable,
                place => Some(later[place - 1]),
            },
        };
        let mut entries = |_: Id, folder: &Folder| -> BTreeMap<String, Id> {
            let mut entries = folder.durable.clone();
            for (_, name, id) in folder.pending.iter().filter(|(index, ..)| Some(*index) <= through) {
                apply_name(&mut entries, name.clone(), *id);
            }
            entries
        };
        let mut known: HashMap<Id, Vec<u8>> = HashMap::new();
        self.walk(&mut entries, &mut |id, file| {
            known.entry(id).or_insert_with(|| self.ext4_content(file, (through, data), random)).clone()
        })
    }

    fn ext4_content(
        &self,
        file: &FileObject,
        (through, data): (Option<usize>, Keep),
        random: &mut fastrand::Rng,
    ) -> Vec<u8> {
        let mut bytes = file.durable.clone();
        // If the end of a part is missing, everything behind it is missing too.
        let mut ended = false;
        for pending in file.pending.iter().filter(|pending| !pending.lost) {
            let (offset, written) = match &pending.change {
                Change::Truncate(size) => {
                    if Some(pending.index) <= through {
                        resize(&mut bytes, *size);
                        ended = false;
                    }
                    continue;
                }
                Change::Write(offset, range) => (*offset, self.log.data(range)),
            };
            let there = (bytes.len() as u64).saturating_sub(offset).min(written.len() as u64);
            let (inside, beyond) = written.split_at(usize::try_from(there).expect("it is in memory"));
            overwrite(&mut bytes, offset, inside, data, random);
            if beyond.is_empty() || ended {
                continue;
            }
            let start = offset + there;
            if start > bytes.len() as u64 {
                ended = true;
                continue;
            }
            ended = extend(&mut bytes, start, beyond, data, random);
        }
        bytes
    }
}

fn overwrite(bytes: &mut Vec<u8>, offset: u64, data: &[u8], keep: Keep, random: &mut fastrand::Rng) {
    match (keep, random.u8(..3)) {
        (Keep::None, _) | (Keep::Random, 0) => {}
        (Keep::All, _) | (Keep::Random, 1) => write_into(bytes, offset, data),
        _ => tear(bytes, offset, data, SECTOR, random),
    }
}

/// The size grows by what was written back: to the end of a page, or of the write. Returns whether that was not all.
fn extend(bytes: &mut Vec<u8>, start: u64, data: &[u8], keep: Keep, random: &mut fastrand::Rng) -> bool {
    if keep == Keep::All || (keep != Keep::None && random.bool()) {
        write_into(bytes, start, data);
        return false;
    }
    if keep == Keep::Torn || (keep == Keep::Random && random.bool()) {
        let part = random.u64(..=data.len() as u64);
        let stop = ((start + part) / PAGE * PAGE).saturating_sub(start).min(data.len() as u64);
        write_into(bytes, start, &data[..usize::try_from(stop).expect("it is in memory")]);
    }
    true
}

fn is_kept(keep: Keep, place: usize, last: usize, random: &mut fastrand::Rng) -> bool {
    match keep {
        Keep::None | Keep::Torn => false,
        Keep::All | Keep::Zeros | Keep::Rubbish => true,
        Keep::Random => random.bool(),
        Keep::Last => place == last,
        Keep::AllButFirst => place > 0,
    }
}

/// Writes some units of a write: the first ones, the last ones, or any.
fn tear(bytes: &mut Vec<u8>, offset: u64, data: &[u8], unit: u64, random: &mut fastrand::Rng) {
    if data.is_empty() {
        return;
    }
    let end = offset + data.len() as u64;
    let (first, last) = (offset / unit, (end - 1) / unit);
    let how = random.u8(..20);
    let split = random.u64(first..=last + 1);
    for place in first..=last {
        let kept = match how {
            0..7 => place < split,
            7..14 => place >= split,
            _ => random.bool(),
        };
        if kept {
            let from = offset.max(place * unit);
            let to = end.min((place + 1) * unit);
            let part = |at: u64| usize::try_from(at - offset).expect("it is in memory");
            write_into(bytes, from, &data[part(from)..part(to)]);
        }
    }
}

/// Identifies a state, by everything that outlives a process.
pub fn digest(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (path, content) in state {
        let name = path.to_string_lossy();
        if ["-shm", "tributary.lock", "engine.json", "engine.json.new"].iter().any(|end| name.ends_with(end))
        {
            continue;
        }
        path.hash(&mut hasher);
        content.is_some().hash(&mut hasher);
        hasher.write(content.as_deref().unwrap_or_default());
    }
    hasher.finish()
}

//! Reads what the disk has, past the page cache, and repairs a file whose page cache holds more than the disk.
//!
//! After a failed sync Linux marks the pages that could not be written as clean: reads still return them, the next sync
//! succeeds, and after a restart of the machine they are gone (<https://lwn.net/Articles/752063/>, and "Can
//! Applications Recover from fsync Failures?", Rebello et al., USENIX ATC 2020). A read with `O_DIRECT` first writes
//! back the dirty pages of its range and then reads the disk, so it returns what would be there after a power cut.
//!
//! If the file system has no direct reads, or the system is not Linux, the whole file is written again.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// Bytes read at a time. A multiple of [`ALIGN`].
const BLOCK_BYTES: usize = 1 << 20;

/// Offset, length and memory address of a direct read are multiples of this: enough for every block size in use.
const ALIGN: usize = 4096;

/// A file that is read past the page cache.
pub(super) struct Direct {
    file: File,
    buffer: Vec<u8>,
}

impl Direct {
    /// `None`: this file system has no direct reads.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let Some(file) = open(path)? else { return Ok(None) };
        let mut direct = Self { file, buffer: Vec::new() };
        // Some file systems open the file with this flag and refuse to read it.
        match direct.block(0) {
            Ok(_) => {
                direct.buffer = Vec::new();
                Ok(Some(direct))
            }
            Err(error) if is_unsupported(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Up to [`BLOCK_BYTES`] bytes from `offset` on; fewer at the end of the file. `offset` is a multiple of [`ALIGN`].
    fn block(&mut self, offset: u64) -> io::Result<&[u8]> {
        // Allocated late: most files are held open for long and never read.
        self.buffer.resize(BLOCK_BYTES + ALIGN, 0);
        let begins = self.buffer.as_ptr().align_offset(ALIGN);
        let block = &mut self.buffer[begins..begins + BLOCK_BYTES];
        let length = read_full(&self.file, block, offset)?;
        Ok(&block[..length])
    }

    /// Fills `bytes` from any `offset`; returns how many bytes there were.
    pub(super) fn read(&mut self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let begins = at - at % ALIGN as u64;
            let block = self.block(begins)?;
            let skip = usize::try_from(at - begins).unwrap_or(ALIGN);
            let there = block.get(skip..).unwrap_or_default();
            if there.is_empty() {
                break;
            }
            let length = there.len().min(bytes.len() - done);
            bytes[done..done + length].copy_from_slice(&there[..length]);
            done += length;
        }
        Ok(done)
    }
}

/// How a file in the page cache compares with the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Proof {
    /// Blocks of 4 KiB that differed.
    pub(super) blocks: u64,
    /// Whether the disk itself was read. `false`: the file system has no direct reads.
    pub(super) is_direct: bool,
}

/// Compares the first `end` bytes of a file in the page cache with the disk. Changes nothing.
pub(super) fn compare(path: &Path, end: u64) -> io::Result<Proof> {
    let Some(mut direct) = Direct::open(path)? else { return Ok(Proof::default()) };
    let cached = File::open(path)?;
    let mut blocks = 0;
    differing(&mut direct, &cached, end, |_, _| {
        blocks += 1;
        Ok(())
    })?;
    Ok(Proof { blocks, is_direct: true })
}

/// Makes certain that the disk has the first `end` bytes of `file` as the page cache has them. `file` is open for
/// reading and writing, and `path` names it. Blocks that differ are written again, after the page cache has dropped its
/// pages: a page whose write failed can stay mapped to a block that the file system never marked as written, and
/// writing into that page again would not reach the disk (seen on ext4).
///
/// Fails if the disk refuses, or does not keep what is written.
pub(super) fn prove(file: &File, path: &Path, end: u64) -> io::Result<Proof> {
    let Some(mut direct) = Direct::open(path)? else {
        rewrite(file, end)?;
        file.sync_all()?;
        return Ok(Proof::default());
    };
    let mut missing: Vec<(u64, Vec<u8>)> = Vec::new();
    differing(&mut direct, file, end, |offset, bytes| {
        missing.push((offset, bytes.to_vec()));
        Ok(())
    })?;
    let blocks = missing.len() as u64;
    if !missing.is_empty() {
        forget_cached(file)?;
        for (offset, bytes) in &missing {
            write_all_at(file, bytes, *offset)?;
        }
    }
    file.sync_all()?;
    for (offset, bytes) in &missing {
        let mut there = vec![0; bytes.len()];
        if direct.read(&mut there, *offset)? != bytes.len() || there != *bytes {
            return Err(io::Error::other(format!(
                "{} does not keep what is written at byte {offset}",
                path.display()
            )));
        }
    }
    Ok(Proof { blocks, is_direct: true })
}

/// Calls `found` with offset and cached bytes of each block of 4 KiB that differs.
fn differing(
    direct: &mut Direct,
    cached: &File,
    end: u64,
    mut found: impl FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    each_block(cached, end, |offset, seen| {
        let there = direct.block(offset)?;
        let blocks = seen.chunks(ALIGN).zip((0..).step_by(ALIGN));
        for (block, at) in blocks {
            if there.get(at..at + block.len()) != Some(block) {
                found(offset + at as u64, block)?;
            }
        }
        Ok(())
    })
}

/// Writes the whole file again: without direct reads nothing can be compared.
fn rewrite(file: &File, end: u64) -> io::Result<()> {
    each_block(file, end, |offset, bytes| write_all_at(file, bytes, offset))
}

/// Reads the first `end` bytes, [`BLOCK_BYTES`] at a time.
fn each_block(file: &File, end: u64, mut look: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut bytes = vec![0; BLOCK_BYTES];
    let mut offset = 0;
    while offset < end {
        let length = usize::try_from(end - offset).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
        let length = read_full(file, &mut bytes[..length], offset)?;
        if length == 0 {
            break;
        }
        look(offset, &bytes[..length])?;
        offset += length as u64;
    }
    Ok(())
}

/// Drops the clean pages of this file from the page cache, so that the next read asks the disk. A hint to Linux; other
/// systems have none like it.
pub(super) fn forget_cached(file: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
    #[cfg(not(target_os = "linux"))]
    let _ = file;
    Ok(())
}

#[cfg(target_os = "linux")]
fn open(path: &Path) -> io::Result<Option<File>> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::DIRECT.bits().cast_signed();
    match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_unsupported(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn open(_path: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

/// `open(2)` and `read(2)` fail with `EINVAL` if the file system has no direct reads.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// Reads until the buffer is full or the file ends. A read whose length is not a multiple of [`ALIGN`] was the last
/// one: a direct read could not continue from there.
pub(super) fn read_full(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match read_at(file, &mut bytes[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(length) => {
                done += length;
                if length % ALIGN != 0 {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match write_at(file, &bytes[done..], offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => done += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(unix)]
use std::os::unix::fs::FileExt;

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(bytes, offset)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).expect("written");
        (folder, path)
    }

    #[test]
    fn a_direct_read_gives_the_bytes_of_any_stretch() {
        let bytes: Vec<u8> = (0..3_000_001_u32).map(|n| (n % 251) as u8).collect();
        let (_folder, path) = file(&bytes);
        let Some(mut direct) = Direct::open(&path).expect("readable") else { return };
        for (offset, length) in [(0_usize, 10), (4095, 2), (1 << 20, 5000), (1_048_570, 100), (2_999_990, 11)]
        {
            let mut there = vec![0; length];
            assert_eq!(direct.read(&mut there, offset as u64).expect("readable"), length);
            assert_eq!(there, bytes[offset..offset + length], "{offset}");
        }
        let mut past = [0; 20];
        assert_eq!(direct.read(&mut past, 2_999_995).expect("readable"), 6, "the file ends there");
        assert_eq!(direct.read(&mut past, 4_000_000).expect("readable"), 0);
    }

    #[test]
    fn what_the_disk_has_otherwise_is_found_and_written_anew() {
        let (_folder, path) = file(&[7; 16_000]);
        let file = OpenOptions::new().read(true).write(true).open(&path).expect("opens");
        assert_eq!(compare(&path, 16_000).expect("readable").blocks, 0);
        // Two files stand for one file whose disk lost a block: the comparison is the same.
        let (_other, lost) = self::file(&[7; 16_000]);
        write_all_at(&OpenOptions::new().write(true).open(&lost).expect("opens"), &[0; 4096], 8192)
            .expect("written");
        let Some(mut direct) = Direct::open(&lost).expect("readable") else { return };
        let mut found = Vec::new();
        differing(&mut direct, &file, 16_000, |offset, bytes| {
            found.push((offset, bytes.len()));
            Ok(())
        })
        .expect("readable");
        assert_eq!(found, [(8192, 4096)]);
        assert_eq!(prove(&file, &path, 16_000).expect("written"), Proof { blocks: 0, is_direct: true });
        assert_eq!(std::fs::read(&path).expect("readable"), [7; 16_000]);
    }

    #[test]
    fn without_direct_reads_everything_is_written_again_as_it_was() {
        let bytes: Vec<u8> = (0..2_100_000_u32).map(|n| (n % 253) as u8).collect();
        let (_folder, path) = file(&bytes);
        rewrite(&OpenOptions::new().read(true).write(true).open(&path).expect("opens"), 2_099_000)
            .expect("written");
        assert!(std::fs::read(&path).expect("readable") == bytes);
    }
}

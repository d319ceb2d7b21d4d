//! Whether the disk has what the page cache shows of the spool's files. After a failed sync the page cache can hold
//! more than the disk: a doctor that reads only the page cache would find nothing wrong.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::report::Report;
use crate::spool::{
    direct::{self, Proof},
    layout::{FILE_NAME, LOG_SUFFIX, beside},
    renew::{LogEnd, SpoolFiles},
    segments,
};

/// How often a file is compared: while an engine writes, a block can differ for a moment.
const LOOKS: u32 = 5;
const LOOK_PAUSE: Duration = Duration::from_millis(40);

/// Drops the clean pages from the page cache, and compares the others with the disk; returns the files that differ. Must
/// be called before this process opens a connection: closing a file drops all locks that the process has on it.
pub(super) fn look(dir: &Path, report: &mut Report) -> io::Result<Vec<PathBuf>> {
    let mut differing = Vec::new();
    let mut read_directly = true;
    for path in files(dir)? {
        let file = match File::open(&path) {
            Ok(file) => file,
            // An engine removes segments, and the log when it ends.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        direct::forget_cached(&file)?;
        let proof = compare(&file, &path)?;
        read_directly &= proof.is_direct;
        if proof.blocks > 0 {
            report.find(
                "disk",
                format!(
                    "The disk does not have what the system shows of {}: {} blocks of 4 KiB would be gone after a restart \
                     of the machine. Stop Tributary and run `tributary doctor`: it writes them again.",
                    path.display(),
                    proof.blocks
                ),
            );
            differing.push(path);
        }
    }
    report.read_directly = read_directly;
    Ok(differing)
}

fn compare(file: &File, path: &Path) -> io::Result<Proof> {
    let mut proof = direct::compare(path, file.metadata()?.len())?;
    for _ in 1..LOOKS {
        if proof.blocks == 0 {
            break;
        }
        std::thread::sleep(LOOK_PAUSE);
        proof = direct::compare(path, file.metadata()?.len())?;
    }
    Ok(proof)
}

/// Compares as [`look`] does, and writes again what the disk does not have. The caller holds the folder's lock.
pub(super) fn mend(dir: &Path, report: &mut Report) -> io::Result<()> {
    let differing = look(dir, report)?;
    // Cuts the log after its last commit. SQLite recreates its index.
    SpoolFiles::new(&dir.join(FILE_NAME)).renew(LogEnd::LastCommit)?;
    for path in differing {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        direct::prove(&file, &path, file.metadata()?.len())?;
    }
    report.repaired("disk");
    Ok(())
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let path = dir.join(FILE_NAME);
    let mut all = vec![beside(&path, LOG_SUFFIX), path];
    all.retain(|path| path.exists());
    all.extend(segments::paths(dir)?);
    Ok(all)
}

//! Whether the disk has what the system shows of the spool's files. After a failed sync the page cache can know more than
//! the disk; a doctor who reads the page cache would call that well.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{FILE_NAME, Report, open};
use crate::spool::{
    direct::{self, Proof},
    renew::{Ends, Files},
    segments,
};

/// Where an engine writes meanwhile, a block can differ for a moment.
const LOOKS: u32 = 5;
const LOOK_PAUSE: Duration = Duration::from_millis(40);

/// Lets the page cache drop what is clean, and compares the rest with the disk. Before any connection of this process is
/// open: to close a file drops the process's locks on it.
///
/// Gives the files that differ.
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
        let mut proof = Proof::default();
        for look in 0..LOOKS {
            if look > 0 {
                std::thread::sleep(LOOK_PAUSE);
            }
            proof = direct::compare(&path, file.metadata()?.len())?;
            if proof.blocks == 0 {
                break;
            }
        }
        read_directly &= proof.is_direct;
        if proof.blocks > 0 {
            report.find(
                "disk",
                format!(
                    "The disk does not have what the system shows of {}: {} blocks of 4 KiB would be gone after a restart \
                     of the machine. Stop Tributary and run `tributary doctor`: it writes them anew.",
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

/// The same under the folder's lock, and writes anew what the disk does not have.
pub(super) fn mend(dir: &Path, report: &mut Report) -> io::Result<()> {
    let differing = look(dir, report)?;
    // Of the log, what is behind the last commit goes; its index is built anew.
    Files::new(&dir.join(FILE_NAME)).renew(Ends::WithLastCommit)?;
    for path in differing {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        direct::prove(&file, &path, file.metadata()?.len())?;
    }
    report.mended("disk");
    Ok(())
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let path = dir.join(FILE_NAME);
    let mut all = vec![open::beside(&path, "-wal"), path];
    all.retain(|path| path.exists());
    all.extend(segments::paths(&dir.join(segments::FOLDER))?);
    Ok(all)
}

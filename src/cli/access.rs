//! A data folder of another user: whose it is, and what to do, in place of the error code of a library.

use std::{fs, io, path::Path};

use anyhow::{Context, anyhow};

use super::Places;
use crate::spool;

/// The same error, unless it is one of not being allowed to use the data folder.
pub(super) fn explained(error: anyhow::Error, places: &Places) -> anyhow::Error {
    let is_denied = |cause: &(dyn std::error::Error + 'static)| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        // SQLite says it this way, also where it may read the file and not write beside it.
        kind == Some(io::ErrorKind::PermissionDenied)
            || cause.to_string().contains("unable to open database file")
    };
    if !error.chain().any(is_denied) {
        return error;
    }
    let Ok(data_dir) = places.data_dir() else { return error };
    match owner(&data_dir) {
        Some(owner) => anyhow!(
            "the data folder {} is not readable by this user: it belongs to {owner}; run this as that user, or name another \
             folder with --data-dir ({error:#})",
            data_dir.display()
        ),
        None => error,
    }
}

/// Whether there is a spool in the folder; an error where that cannot be seen.
pub(super) fn has_spool(data_dir: &Path) -> anyhow::Result<bool> {
    let spool = data_dir.join(spool::FILE_NAME);
    spool.try_exists().with_context(|| format!("cannot look into {}", data_dir.display()))
}

/// `ada (uid 1000, mode 700)`.
#[cfg(unix)]
fn owner(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let data = fs::metadata(path).ok()?;
    let (uid, mode) = (data.uid(), data.mode() & 0o777);
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    let name = name.unwrap_or_else(|| "another user".to_owned());
    Some(format!("{name} (uid {uid}, mode {mode:03o})"))
}

#[cfg(not(unix))]
fn owner(path: &Path) -> Option<String> {
    fs::metadata(path).ok().map(|_| "another user".to_owned())
}

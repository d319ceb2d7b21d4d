//! The data folder's spool, and what to say when another user owns the folder.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};

use super::locations::Locations;
use crate::{
    engine::lines,
    spool::{self, Mark},
};

/// Replaces an error about missing permissions in the data folder by one that names the folder's owner and what to do. Other
/// permission errors (a port, the settings file, the engine's control port) stay as they are.
pub(super) fn explained(error: anyhow::Error, locations: &Locations) -> anyhow::Error {
    let Ok(data_dir) = locations.data_dir() else { return error };
    let is_denied = |cause: &(dyn std::error::Error + 'static)| {
        // SQLite's text for missing permissions. It also says this if it may read the file but not create one beside it.
        cause.to_string().contains("unable to open database file")
            || (cause.downcast_ref().is_some_and(is_permission) && is_closed(&data_dir))
    };
    if !error.chain().any(is_denied) {
        return error;
    }
    match owner(&data_dir) {
        Some(owner) => anyhow!(
            "the data folder {} is not readable by this user: it belongs to {owner}; run this as that user, or name another \
             folder with --data-dir ({error:#})",
            data_dir.display()
        ),
        None => error,
    }
}

fn is_permission(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Whether this user may not list the folder, or may not write the spool in it.
fn is_closed(data_dir: &Path) -> bool {
    let spool = || OpenOptions::new().append(true).open(data_dir.join(spool::FILE_NAME));
    let denied = fs::read_dir(data_dir).map(drop).and_then(|()| spool().map(drop));
    denied.is_err_and(|error| is_permission(&error))
}

/// Whether the folder has a spool; an error if that cannot be seen.
pub(super) fn has_spool(data_dir: &Path) -> anyhow::Result<bool> {
    let spool = data_dir.join(spool::FILE_NAME);
    spool.try_exists().with_context(|| format!("cannot look into {}", data_dir.display()))
}

/// The spool's file.
pub(super) fn spool_file(data_dir: &Path) -> anyhow::Result<PathBuf> {
    let path = data_dir.join(spool::FILE_NAME);
    if !has_spool(data_dir)? {
        bail!(
            "there is no log at {} yet; start the app or `tributary serve`, or name the folder with --data-dir",
            path.display()
        );
    }
    Ok(path)
}

/// Says that another folder adopts the events of this one.
pub(super) fn adoption_note(mark: &Mark) -> String {
    let (into, began) = (&mark.into, lines::time(mark.began));
    match mark.ended.map(lines::time) {
        Some(ended) => format!(
            "the events that are queued or failed here were adopted into {into} at {ended}, and are delivered from there; no \
             engine starts on this folder"
        ),
        None => format!(
            "the events that are queued or failed here are being adopted into {into} since {began}, and that did not end: run \
             `tributary adopt` again there; until then no engine starts on this folder"
        ),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ControlError;

    #[test]
    fn a_permission_that_is_not_about_the_data_folder_is_not_said_to_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let locations = Locations { config: None, data_dir: Some(folder.path().to_owned()) };
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = ControlError::NoAnswer { address: "127.0.0.1:1".to_owned(), source };
        let said = explained(error.into(), &locations).to_string();
        assert!(said.starts_with("the engine at 127.0.0.1:1"), "{said}");
    }
}

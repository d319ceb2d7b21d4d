//! Folders whose names survive a power cut.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Creates the folder and its missing parents, for this user alone (mode 700 on Unix); their names are on the disk when this
/// returns. An existing folder is unchanged.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder_of(folder);
    create_folder(parent)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => return Err(error),
        _ => {}
    }
    sync_folder(parent)
}

/// Syncs the folders around `folder`, so that its own name and theirs are on the disk. For a start: the process that created them
/// may have ended before it synced them.
pub fn sync_parents(folder: &Path) -> io::Result<()> {
    let folder = fs::canonicalize(folder)?;
    for parent in folder.ancestors().skip(1) {
        match sync_folder(parent) {
            // We did not create anything in a folder that we cannot read, or that cannot change.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied
                        | io::ErrorKind::ReadOnlyFilesystem
                        | io::ErrorKind::InvalidInput
                        | io::ErrorKind::Unsupported
                ) => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Syncs the names in a folder. Systems other than Unix cannot.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) if path.has_root() => path,
        Some(_) | None => Path::new("."),
    }
}

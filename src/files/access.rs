//! What other users of this machine can do with a file or a folder, by its owner and mode. Systems other than Unix have
//! neither here; there every check passes.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Takes from other users the right to write into `folder`, if the folder belongs to this user; `true`: they had it and
/// no longer have. A folder of another user (a container's volume, for example) is unchanged, and so is one whose file
/// system has no modes: [`writers_of`] tells.
pub fn keep_others_out(folder: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let mode_of = |data: &fs::Metadata| data.mode() & 0o7777;
        let data = fs::metadata(folder)?;
        if data.uid() == user() && mode_of(&data) & OTHERS_WRITE != 0 {
            drop(fs::set_permissions(folder, fs::Permissions::from_mode(mode_of(&data) & !OTHERS_WRITE)));
            return Ok(mode_of(&fs::metadata(folder)?) & OTHERS_WRITE == 0);
        }
    }
    let _ = folder;
    Ok(false)
}

/// Who besides this user and the administrator can create and remove files in `folder`, as text. `None`: nobody.
pub fn writers_of(folder: &Path) -> io::Result<Option<String>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let data = fs::metadata(folder)?;
        let is_of_another = !is_trusted(data.uid());
        let shown = || format!("it belongs to uid {}, mode {:03o}", data.uid(), data.mode() & 0o777);
        Ok((is_of_another || data.mode() & OTHERS_WRITE != 0).then(shown))
    }
    #[cfg(not(unix))]
    fs::metadata(folder).map(|_| None)
}

/// The mode of a file, if every user of this machine can read it: by its own mode, and by those of the folders around
/// it. `None`: not everybody can, or there is no such file.
pub fn mode_if_read_by_all(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let path = fs::canonicalize(path).ok()?;
        let mode = |path: &Path| fs::metadata(path).map(|data| data.mode() & 0o777).ok();
        let is_open = |folder: &Path| mode(folder).is_some_and(|mode| mode & OTHERS_ENTER != 0);
        mode(&path).filter(|mode| mode & OTHERS_READ != 0 && path.ancestors().skip(1).all(is_open))
    }
    #[cfg(not(unix))]
    fs::metadata(path).ok().and(None)
}

/// A file or link with one of our names that another user created in a folder of this user, while others could write
/// into the folder: its path, and the number of that user. Files of the administrator do not count, nor those of the
/// user "nobody": a file server may show all files as theirs.
pub fn planted_in(folder: &Path, is_ours: impl Fn(&str) -> bool) -> io::Result<Option<(PathBuf, u32)>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if fs::metadata(folder)?.uid() != user() {
            return Ok(None);
        }
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(&is_ours) {
                continue;
            }
            // Of a link, not of its target.
            let owner = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                data => data?.uid(),
            };
            if !is_trusted(owner) && owner != nobody() {
                return Ok(Some((entry.path(), owner)));
            }
        }
    }
    let _ = (folder, is_ours);
    Ok(None)
}

/// Opens a file for reading and writing; a missing one is created, for this user alone (mode 600). Never follows a
/// symbolic link, and takes from others what they were allowed in a file of this user.
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let data = file.metadata()?;
        if data.uid() == user() && data.mode() & 0o077 != 0 {
            // Fails on a file system without modes: whoever mounted it has decided who may read it.
            drop(file.set_permissions(fs::Permissions::from_mode(0o600)));
        }
    }
    Ok(file)
}

#[cfg(unix)]
const OTHERS_WRITE: u32 = 0o022;
#[cfg(unix)]
const OTHERS_READ: u32 = 0o004;
#[cfg(unix)]
const OTHERS_ENTER: u32 = 0o001;

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The owner that the system shows for files of users that it does not know (`user_namespaces(7)`).
#[cfg(unix)]
fn nobody() -> u32 {
    const USUAL: u32 = 65_534;
    let text = fs::read_to_string("/proc/sys/kernel/overflowuid").unwrap_or_default();
    text.trim().parse().unwrap_or(USUAL)
}

/// The administrator can do everything anyway.
#[cfg(unix)]
fn is_trusted(owner: u32) -> bool {
    owner == user() || owner == 0
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the file is ours");
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
    }

    #[test]
    fn what_others_may_write_is_taken_from_them_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        for (before, after) in [(0o777, 0o755), (0o775, 0o755), (0o1730, 0o1710)] {
            set(folder.path(), before);
            assert!(writers_of(folder.path()).expect("a folder").expect("others").contains("mode 7"));
            assert!(keep_others_out(folder.path()).expect("it is ours"));
            assert_eq!(mode(folder.path()), after);
            assert_eq!(writers_of(folder.path()).expect("a folder"), None);
            assert!(!keep_others_out(folder.path()).expect("it is ours"));
        }
    }

    #[test]
    fn a_private_file_is_for_its_user_alone_also_one_that_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        open_private(&path).expect("made");
        assert_eq!(mode(&path), 0o600);
        set(&path, 0o644);
        open_private(&path).expect("opened");
        assert_eq!(mode(&path), 0o600);
        let (other, link) = (folder.path().join("other"), folder.path().join("link"));
        symlink(&other, &link).expect("made");
        assert!(open_private(&link).is_err(), "it went through a link");
        assert!(!other.exists());
    }

    #[test]
    fn a_file_is_read_by_all_where_it_and_the_folders_around_it_let_them() {
        let folder = tempfile::tempdir().expect("a folder");
        // A user may have a folder for temporary files that nobody else enters.
        let around = folder.path().ancestors().skip(1);
        let lets_in = around.map(mode).all(|mode| mode & OTHERS_ENTER != 0);
        let seen = if lets_in { Some(0o644) } else { None };
        let path = folder.path().join("settings");
        fs::write(&path, "x").expect("written");
        for (of_folder, of_file, expected) in
            [(0o755, 0o644, seen), (0o755, 0o640, None), (0o700, 0o644, None)]
        {
            set(folder.path(), of_folder);
            set(&path, of_file);
            assert_eq!(mode_if_read_by_all(&path), expected, "{of_folder:o} {of_file:o}");
        }
    }

    #[test]
    fn a_file_of_this_user_is_nothing_planted() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("spool"), "x").expect("written");
        assert_eq!(planted_in(folder.path(), |_| true).expect("read"), None);
    }
}

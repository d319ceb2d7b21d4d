//! What other users of this machine can do with a file or a folder. Looks at owners and modes; other systems than Unix
//! have neither here, and there nothing is feared.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Takes from all others the right to write into `folder`, where the folder is this user's own; gives whether they had it
/// and no longer have. A folder of somebody else (one that a container got as a volume, say) stays as it is, and so does one
/// whose file system keeps no modes: [`writers_of`] tells what is so.
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

/// Who besides this user (and the system's administrator) can put files into `folder` and take some away, for a text:
/// `uid 1000, mode 777`. `None`: nobody.
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

/// The mode of a file that every user of this machine can read: by its own mode, and by those of the folders around it.
/// `None`: not everybody can, or there is no such file.
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

/// A file or link under one of our names that another user made in a folder of this user's own: it was put there while others
/// could write into the folder. Its path and the number of that user. Files of the administrator do not count, nor those of
/// nobody in particular, as a file server may show all of them.
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
            // A link's own owner, not that of the file that it leads to.
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

/// Opens a file for reading and writing; where it is missing it is made, for this user alone (mode 600). It never goes through
/// a symbolic link, and what others were allowed in a file of this user's own is taken back.
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
            // A file system without modes has others: whoever mounted it has decided who may read it.
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

/// Whom the system shows as owner of what belongs to nobody whom it knows (`user_namespaces(7)`).
#[cfg(unix)]
fn nobody() -> u32 {
    const USUAL: u32 = 65_534;
    let text = fs::read_to_string("/proc/sys/kernel/overflowuid").unwrap_or_default();
    text.trim().parse().unwrap_or(USUAL)
}

/// The administrator could do everything anyway.
#[cfg(unix)]
fn is_trusted(owner: u32) -> bool {
    owner == user() || owner == 0
}

#[cfg(all(test, unix))]
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

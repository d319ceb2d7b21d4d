//! What other users of this machine can do with a file or a folder. Looks at owners and modes; other systems than Unix
//! have neither here, and there nothing is feared.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Takes from all others the right to write into `folder`, where the folder is this user's own; gives whether that was
/// needed. A folder of somebody else (one that a container got as a volume, say) stays as it is.
pub fn keep_others_out(folder: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let data = fs::metadata(folder)?;
        let mode = data.mode() & 0o7777;
        if data.uid() == user() && mode & OTHERS_WRITE != 0 {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode & !OTHERS_WRITE))?;
            return Ok(true);
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

/// The mode of a file that every user of this machine can read. `None`: not everybody can, or there is no such file.
pub fn mode_if_read_by_all(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = fs::metadata(path).ok()?.mode() & 0o777;
        (mode & OTHERS_READ != 0).then_some(mode)
    }
    #[cfg(not(unix))]
    fs::metadata(path).ok().and(None)
}

/// A file or link in `folder`, under one of our names, that another user made: not this one, not the administrator, and not
/// whoever owns the folder. Its path and the number of that user.
pub fn planted_in(folder: &Path, is_ours: impl Fn(&str) -> bool) -> io::Result<Option<(PathBuf, u32)>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let of_folder = fs::metadata(folder)?.uid();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(&is_ours) {
                continue;
            }
            // Of a link, the link itself.
            let owner = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                data => data?.uid(),
            };
            if !is_trusted(owner) && owner != of_folder {
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
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(file)
}

#[cfg(unix)]
const OTHERS_WRITE: u32 = 0o022;
#[cfg(unix)]
const OTHERS_READ: u32 = 0o004;

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
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
        assert_eq!(mode_if_read_by_all(&path), Some(0o644));
        open_private(&path).expect("opened");
        assert_eq!((mode(&path), mode_if_read_by_all(&path)), (0o600, None));
        let (other, link) = (folder.path().join("other"), folder.path().join("link"));
        symlink(&other, &link).expect("made");
        assert!(open_private(&link).is_err(), "it went through a link");
        assert!(!other.exists());
    }

    #[test]
    fn a_file_of_this_user_is_nothing_planted() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("spool"), "x").expect("written");
        assert_eq!(planted_in(folder.path(), |_| true).expect("read"), None);
    }
}

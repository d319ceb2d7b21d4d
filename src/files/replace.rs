//! Writes files that readers find whole: written under a temporary name, synced, renamed or linked, and then their folder is
//! synced. After a power cut there is the old text or the new one, never a part of either.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::folder::{create_folder, folder_of, sync_folder};

/// Replaces the file at `path` with `bytes`, readable by this user alone (mode 600 on Unix), whatever was there before: a
/// file with other permissions is replaced, and so is a symbolic link, never its target. For files that only the program
/// writes. After an error the old file is unchanged.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = NewFile::beside(path)?;
    new.write_all(bytes)?;
    new.replace(path)
}

/// The same for a small JSON document.
pub fn replace_json(path: &Path, document: &impl Serialize) -> io::Result<()> {
    replace_private(path, &serde_json::to_vec_pretty(document)?)
}

/// Replaces a file that its user edits too: it keeps its permissions, and a symbolic link stays a link. A file that nobody
/// may write, or this user may not, is refused, although its folder would allow a new one. After an error the old file is
/// unchanged.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let permissions = fs::metadata(&path)?.permissions();
    if permissions.readonly() {
        // The superuser could open it.
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is write-protected"));
    }
    OpenOptions::new().write(true).open(&path)?;
    let mut new = NewFile::beside(&path)?;
    fs::set_permissions(&new.path, permissions)?;
    new.write_all(bytes)?;
    new.replace(&path)
}

/// Creates a file, and its folder if that is missing. `false`: a file has this name already; it is unchanged.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    create_folder(folder_of(path))?;
    let mut new = NewFile::beside(path)?;
    new.write_all(bytes)?;
    new.create(path)
}

/// A file that is being written under a temporary name in the folder of its final name, readable by this user alone (mode
/// 600 on Unix). Dropped before it has its final name, it is removed.
///
/// Not `tempfile::NamedTempFile`: that does not sync, and it renames by raw system calls, which the power-loss tests do not
/// see (`tests/powerloss/shim.c` replaces functions of the C library).
pub struct NewFile {
    path: PathBuf,
    file: File,
}

impl NewFile {
    fn beside(path: &Path) -> io::Result<Self> {
        Self::named(folder_of(path).join(format!(".tributary-{:016x}.tmp", fastrand::u64(..))))
    }

    /// With a temporary name of the caller's own; an error if a file has it already.
    pub fn named(path: PathBuf) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        Ok(Self { path, file })
    }

    /// Syncs the file and gives it the name `path`, in place of any file that has it.
    pub fn replace(self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, path)?;
        sync_folder(folder_of(path))
    }

    /// Syncs the file and gives it the name `path`. `false`: another file has that name already; it is unchanged.
    pub fn create(self, path: &Path) -> io::Result<bool> {
        self.file.sync_all()?;
        // Unlike a rename, a link fails if the name is taken. Some file systems have no links.
        match fs::hard_link(&self.path, path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(_) if fs::symlink_metadata(path).is_ok() => return Ok(false),
            Err(_) => fs::rename(&self.path, path)?,
        }
        sync_folder(folder_of(path))?;
        Ok(true)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After a rename no file has this name any more.
        drop(fs::remove_file(&self.path));
    }
}

/// Renames the file at `from` to `to` in the same folder, in place of the file that has that name. The old name is removed only
/// once the new one is on the disk: on a file system without a journal, or without order in it, a power cut may keep the
/// removal of a rename's old name and lose its new name.
pub fn take_name(from: &Path, to: &Path) -> io::Result<()> {
    let folder = folder_of(to);
    let mut between = to.as_os_str().to_owned();
    between.push(".tmp");
    let between = PathBuf::from(between);
    remove_if_there(&between)?;
    // Some file systems have no links.
    match fs::hard_link(from, &between) {
        Ok(()) => {
            fs::rename(&between, to)?;
            // If both were names of one file already, the rename did nothing.
            remove_if_there(&between)?;
        }
        Err(_) => fs::rename(from, to)?,
    }
    sync_folder(folder)?;
    remove_if_there(from)?;
    sync_folder(folder)
}

/// Gives the file at `from` a second name, unless that is taken. If the file system has no links, the file loses its old name.
pub fn add_name(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(from, to),
        _ => Ok(()),
    }
}

/// Removes a file; a missing file is no error.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_takes_the_name_of_another_or_a_further_one_and_what_it_had_is_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new, aside] = ["old", "new", "aside"].map(|name| folder.path().join(name));
        fs::write(&old, "old").unwrap();
        fs::write(&new, "new").unwrap();
        add_name(&old, &aside).unwrap();
        assert_eq!([&old, &aside].map(|path| fs::read_to_string(path).unwrap()), ["old", "old"]);
        add_name(&new, &aside).unwrap();
        assert_eq!(fs::read_to_string(&aside).unwrap(), "old", "a name that is taken stays");
        take_name(&new, &old).unwrap();
        assert_eq!([&old, &aside].map(|path| fs::read_to_string(path).unwrap()), ["new", "old"]);
        assert_eq!(names(folder.path()).len(), 2);
        // As after a power cut between the two steps.
        fs::hard_link(&old, &new).unwrap();
        take_name(&new, &old).unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "new");
        assert_eq!(names(folder.path()), ["aside", "old"]);
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        // A folder cannot be replaced by a file.
        let path = folder.path().join("window.json");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"new").is_err());
        assert!(replace_private(&path, b"new").is_err());
        assert!(path.is_dir());
        assert_eq!(names(folder.path()), ["window.json"]);
    }

    #[test]
    fn a_new_file_has_its_name_once_it_is_whole_and_takes_none_that_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let [path, part] = ["log.csv", "log.csv.part"].map(|name| folder.path().join(name));
        let write = |text: &str| {
            let mut new = NewFile::named(part.clone()).unwrap();
            new.write_all(text.as_bytes()).unwrap();
            assert!(NewFile::named(part.clone()).is_err(), "somebody writes it");
            new
        };
        drop(write("given up"));
        assert_eq!(names(folder.path()), [""; 0]);
        assert!(write("first").create(&path).unwrap());
        assert!(!write("second").create(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        write("third").replace(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "third");
        assert_eq!(names(folder.path()), ["log.csv"]);
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note");
        replace_private(&path, b"a long first text").unwrap();
        replace(&path, b"short").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(names(folder.path()), ["note"]);
    }

    #[test]
    fn a_file_that_is_there_is_never_created_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/config.toml");
        assert!(create(&path, b"first").unwrap());
        assert!(!create(&path, b"second").unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(names(path.parent().unwrap()), ["config.toml"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_a_new_file_and_an_old_one_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/config.toml");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        create(&path, b"text").unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, b"more").unwrap();
        assert_eq!(mode(&path), 0o640);
        replace_json(&path, &["more"]).unwrap();
        assert_eq!((mode(&path), &fs::read(&path).unwrap()[..]), (0o600, &b"[\n  \"more\"\n]"[..]));
    }

    #[test]
    fn a_write_protected_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "mine").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(replace(&path, b"new").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(names(folder.path()), ["config.toml"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("dotfiles.toml"), folder.path().join("config.toml"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        // In a file of the program's own, a link was put there by somebody else.
        replace_private(&link, b"private").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(fs::read_to_string(&link).unwrap(), "private");
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}

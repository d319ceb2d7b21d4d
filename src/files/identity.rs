//! Which file a path names.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// A file's device and inode. A path whose file was moved or replaced has another identity, and none after a removal. Systems
/// other than Unix tell only whether there is a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity(u64, u64);

impl Identity {
    /// Of the file at `path`; an error if there is none.
    pub fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::from(&metadata))
    }

    /// Of an open file, whether it still has a name or not.
    pub fn of_open(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from(&metadata))
    }
}

impl From<&fs::Metadata> for Identity {
    #[cfg(unix)]
    fn from(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(metadata.dev(), metadata.ino())
    }

    #[cfg(not(unix))]
    fn from(_metadata: &fs::Metadata) -> Self {
        Self(0, 0)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::files::replace;

    #[test]
    fn a_file_that_was_replaced_or_removed_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "one").unwrap();
        let first = Identity::of(&path).unwrap();
        fs::write(&path, "written on").unwrap();
        assert_eq!(Identity::of(&path).unwrap(), first);
        // Removed first, its inode could be used again.
        replace(&path, b"other").unwrap();
        assert_ne!(Identity::of(&path).unwrap(), first);
        fs::remove_file(&path).unwrap();
        assert_eq!(Identity::of(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}

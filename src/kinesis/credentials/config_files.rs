//! Notices changes of AWS's own files: a client reads them once.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use crate::config;

/// Minimum time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Modification time and size of a file; `None`: it does not exist.
type Stamp = Option<(SystemTime, u64)>;

/// The state of the files when a client read them.
#[derive(Debug)]
pub struct AwsConfigFiles {
    files: Vec<(PathBuf, Stamp)>,
    looked_at: Instant,
}

impl AwsConfigFiles {
    /// The current state. Take it before you create the client that reads the files, so that no change is missed.
    pub fn look() -> Self {
        Self::of(config::key_files())
    }

    fn of(paths: Vec<PathBuf>) -> Self {
        let stamped = |path: PathBuf| {
            let stamp = stamp(&path);
            (path, stamp)
        };
        Self { files: paths.into_iter().map(stamped).collect(), looked_at: Instant::now() }
    }

    /// Whether a file has changed since. At most once in five seconds it asks the disk, without reading the files.
    pub fn have_changed(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.looked_at) < LOOK_EVERY {
            return false;
        }
        self.looked_at = now;
        self.files.iter().any(|(path, before)| stamp(path) != *before)
    }
}

fn stamp(path: &Path) -> Stamp {
    let data = std::fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_made_written_or_taken_away_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["config", "credentials"].map(|name| folder.path().join(name));
        std::fs::write(&one, "a").unwrap();
        let later = Instant::now() + LOOK_EVERY * 2;
        let look = || AwsConfigFiles::of(vec![one.clone(), other.clone()]);
        assert!(!look().have_changed(later));
        for change in [&|| std::fs::write(&one, "longer"), &|| std::fs::write(&other, "new"), &|| {
            std::fs::remove_file(&one)
        }] as [&dyn Fn() -> std::io::Result<()>; 3]
        {
            let mut files = look();
            change().unwrap();
            assert!(!files.have_changed(Instant::now()), "it looked a moment ago");
            assert!(files.have_changed(later));
            assert!(!files.have_changed(later), "and again a moment later");
        }
    }
}

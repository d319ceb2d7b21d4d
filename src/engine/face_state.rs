//! State that a face keeps for its next start: one small document per name, in `window.json` of the data folder. No event
//! depends on it, so a file that cannot be read is replaced by an empty one.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::files;

const FILE_NAME: &str = "window.json";

/// Read once at the start, and kept in memory. Clones share it.
#[derive(Clone)]
pub(super) struct FaceState {
    path: PathBuf,
    documents: Arc<Mutex<Map<String, Value>>>,
}

impl FaceState {
    pub(super) fn load(data_dir: &Path) -> Self {
        let path = data_dir.join(FILE_NAME);
        let text = std::fs::read(&path).unwrap_or_default();
        Self { path, documents: Arc::new(Mutex::new(serde_json::from_slice(&text).unwrap_or_default())) }
    }

    pub(super) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_value(documents.get(name)?.clone()).ok()
    }

    /// `false`: nothing changed, or the value cannot be written as JSON.
    pub(super) fn set(&self, name: &str, value: &impl Serialize) -> bool {
        let Ok(value) = serde_json::to_value(value) else { return false };
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        documents.insert(name.to_owned(), value.clone()).as_ref() != Some(&value)
    }

    /// Writes the file. Blocks. Only this user can read it, since a filter or a test event may name a person.
    pub(super) fn write(&self) -> std::io::Result<()> {
        let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner).clone();
        files::replace_json(&self.path, &documents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_next_time_and_a_broken_file_is_begun_anew() {
        let dir = tempfile::tempdir().expect("a folder");
        let state = FaceState::load(dir.path());
        assert_eq!(state.get::<Vec<u8>>("live"), None);
        assert!(state.set("live", &[1_u8, 2]) && !state.set("live", &[1_u8, 2]));
        state.write().expect("writes");
        let again = FaceState::load(dir.path());
        assert_eq!((again.get("live"), again.get::<String>("live")), (Some(vec![1_u8, 2]), None));
        std::fs::write(dir.path().join(FILE_NAME), "{\"live\":").expect("breaks it");
        let broken = FaceState::load(dir.path());
        assert_eq!(broken.get::<Vec<u8>>("live"), None);
        assert!(broken.set("live", &7));
        broken.write().expect("writes");
        assert_eq!(FaceState::load(dir.path()).get("live"), Some(7));
    }
}

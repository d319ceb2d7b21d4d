//! The settings file that the first run writes: every key with its default and a comment, and a fresh write key.

use std::io;
use std::path::Path;

use super::{Error, read_text};
use crate::files;

/// The settings file with every key explained; its values are the defaults, its write key is a placeholder.
pub const EXAMPLE: &str = include_str!("../../assets/config.example.toml");

/// The example's write key, which is refused as one: else all who copy the example would share a key.
pub(super) const PLACEHOLDER: &str = "...";

/// The settings file with a write key of its own.
pub(super) fn with_new_key() -> io::Result<String> {
    Ok(EXAMPLE.replacen(&format!("\"{PLACEHOLDER}\""), &format!("\"{}\"", new_write_key()?), 1))
}

/// The settings file without a source; what explains sources stays.
pub(super) fn without_sources() -> String {
    let table = format!("[[capture.sources]]\nname = \"My first source\"\nwrite_key = \"{PLACEHOLDER}\"\n\n");
    EXAMPLE.replacen(&table, "", 1)
}

/// Writes the file of the first run; gives the text that is there now and whether it is ours.
pub(super) fn first_run(path: &Path) -> Result<(String, bool), Error> {
    let failed = |source| Error::Create { path: path.to_owned(), source };
    let text = with_new_key().map_err(failed)?;
    if files::create(path, text.as_bytes()).map_err(failed)? {
        return Ok((text, true));
    }
    // Another process was quicker: its file counts.
    Ok((read_text(path)?.unwrap_or_default(), false))
}

/// A write key: 32 random characters of a to z and 0 to 9, from the system's random source.
pub fn new_write_key() -> io::Result<String> {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    const LENGTH: usize = 32;
    let mut key = String::with_capacity(LENGTH);
    while key.len() < LENGTH {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
        // 252 is the last multiple of 36: bytes above would make the first letters likelier.
        let fair = bytes.iter().filter(|byte| **byte < 252).map(|byte| LETTERS[usize::from(byte % 36)]);
        key.extend(fair.take(LENGTH - key.len()).map(char::from));
    }
    Ok(key)
}

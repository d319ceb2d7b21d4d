//! Files with secrets that every user of this machine can read.

use std::path::Path;

use super::Config;
use crate::files::mode_if_read_by_all;

/// A warning where every user of this machine can read the write keys in the settings file.
pub fn exposed_settings(config: &Config, path: &Path) -> Option<String> {
    if config.capture.sources.is_empty() {
        return None;
    }
    let mode = mode_if_read_by_all(path)?;
    let path = path.display();
    Some(format!(
        "Every user of this machine can read the settings file {path} (mode {mode:03o}), and the write keys in it. Give it, \
         or its mount, mode 600"
    ))
}

/// A warning where every user of this machine can read the private key of the endpoint's certificate: whoever has it can pass
/// for the endpoint.
pub fn exposed_tls_key(config: &Config) -> Option<String> {
    let path = Some(&config.capture.tls_key).filter(|path| !path.is_empty())?;
    let mode = mode_if_read_by_all(Path::new(path))?;
    Some(format!(
        "Every user of this machine can read the private key {path} (capture.tls_key, mode {mode:03o}), and so pass for this \
         endpoint. Give it, or its mount, mode 600"
    ))
}

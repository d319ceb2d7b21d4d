//! `stream.json` in the data folder: the stream's record limit, for the next start. The stream may be unreachable then, and an
//! event that it would take must not be refused. Without the file the default limit applies.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, DestinationKind},
    files, kinesis,
};

const FILE_NAME: &str = "stream.json";

/// The record limit of one stream.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Learned {
    stream: String,
    region: String,
    endpoint_url: String,
    record_bytes_max: usize,
}

impl Learned {
    fn of(config: &Config, record_bytes_max: usize) -> Self {
        let destination = &config.destination;
        Self {
            stream: destination.stream.clone(),
            region: destination.region.clone(),
            endpoint_url: destination.endpoint_url.clone(),
            record_bytes_max,
        }
    }
}

/// The destination's record limit in bytes, as of the last time it was asked.
pub(super) fn recall(data_dir: &Path, config: &Config) -> usize {
    let bytes = std::fs::read(data_dir.join(FILE_NAME)).ok();
    let learned: Option<Learned> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let usual = kinesis::RECORD_BYTES_MAX;
    let practice = config.destination.kind == DestinationKind::Practice;
    let is_same = |learned: &Learned| !practice && *learned == Learned::of(config, learned.record_bytes_max);
    let bytes = learned.filter(is_same).map_or(usual, |learned| learned.record_bytes_max);
    // An edited file must not make requests larger than AWS takes.
    bytes.clamp(usual, 10 * usual)
}

/// Writes the limit if it changed. A failed write is ignored: only the limit is lost.
pub(super) fn keep(data_dir: &Path, config: &Config, record_bytes_max: usize) {
    let practice = config.destination.kind == DestinationKind::Practice;
    if practice || recall(data_dir, config) == record_bytes_max {
        return;
    }
    let written = files::replace_json(&data_dir.join(FILE_NAME), &Learned::of(config, record_bytes_max));
    if let Err(error) = written {
        tracing::warn!("The stream's record limit could not be kept for the next start: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(stream: &str) -> Config {
        let mut config = Config::default();
        config.destination.kind = DestinationKind::Kinesis;
        stream.clone_into(&mut config.destination.stream);
        config
    }

    #[test]
    fn a_limit_is_recalled_for_its_own_stream_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (dir, usual) = (folder.path(), kinesis::RECORD_BYTES_MAX);
        assert_eq!(recall(dir, &config("a")), usual);
        keep(dir, &config("a"), 3 * usual);
        assert_eq!(recall(dir, &config("a")), 3 * usual);
        assert_eq!(recall(dir, &config("b")), usual);
        keep(dir, &config("a"), usual);
        assert_eq!(recall(dir, &config("a")), usual);
        keep(dir, &config("a"), usize::MAX);
        assert_eq!(recall(dir, &config("a")), 10 * usual);
        std::fs::write(dir.join(FILE_NAME), "{").expect("the folder is ours");
        assert_eq!(recall(dir, &config("a")), usual);
    }
}

//! How a command reaches the running engine, the practice stream in it, and AWS.

use anyhow::Context;

use super::locations::Locations;
use crate::{
    config::{Config, DestinationKind},
    engine::RunningEngine,
    kinesis::Access,
};

/// The engine that uses the data folder.
pub(super) fn running_engine(locations: &Locations) -> anyhow::Result<RunningEngine> {
    let data_dir = locations.data_dir()?;
    RunningEngine::find(&data_dir).with_context(|| {
        format!(
            "no engine runs on {}; start one with `tributary serve`, or name its folder with --data-dir",
            data_dir.display()
        )
    })
}

/// How to reach the practice stream, if that is the destination. It exists only in a running engine.
pub(super) fn practice_access(config: &Config, locations: &Locations) -> anyhow::Result<Option<Access>> {
    if config.destination.kind == DestinationKind::Kinesis {
        return Ok(None);
    }
    let engine = running_engine(locations).context("the practice stream exists only in a running engine")?;
    let practice = engine.practice.context(
        "the practice stream cannot be reached: the running engine has another destination; leave out --practice to use that \
         one, or choose the practice stream in its settings (destination.kind)",
    )?;
    Ok(Some(Access {
        endpoint_url: practice.endpoint_url,
        stream: practice.stream,
        access_key_id: practice.access_key_id,
        secret_access_key: practice.secret_access_key,
        puts_max: 1,
    }))
}

/// A runtime for one command's calls to AWS.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

//! `tributary backup`: a copy of the spool that is a data folder itself.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{access, locations::Locations, output::print};
use crate::spool::{self, Copied};

#[derive(clap::Args, Debug)]
#[command(
    after_help = "The copy is the state of one moment, checked as `tributary doctor --check` does. It has no settings and no keys. \
                  `tributary restore` puts it back. Events that were delivered after the backup are then delivered again: readers \
                  drop them by their messageId."
)]
pub struct Args {
    /// The folder to make; it must not exist
    #[arg(value_name = "DIR")]
    to: PathBuf,
    /// One JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<()> {
    let data_dir = locations.data_dir()?;
    access::has_spool(&data_dir)?;
    let copied = spool::back_up(&data_dir, &args.to)?;
    print(&answer("copied and checked", &copied, &args.to, args.json)).map(drop)
}

/// The answer about a copy in this folder. `done`: what was done.
pub(super) fn answer(done: &str, copied: &Copied, folder: &Path, as_json: bool) -> String {
    let Copied { ledger, lines, bytes } = copied;
    if as_json {
        let counts =
            json!({ "lines": lines, "queued": ledger.queued, "failed": ledger.failed, "bytes": bytes });
        return format!("{counts}\n");
    }
    format!(
        "{done}: {lines} lines of the log, {} events queued and {} failed in it, {bytes} bytes, in {}\n",
        ledger.queued,
        ledger.failed,
        folder.display()
    )
}

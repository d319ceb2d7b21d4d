//! `tributary backup`: a copy of the spool that is a data folder itself.

use std::path::PathBuf;

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
    let Copied { ledger, lines, bytes } = spool::back_up(&data_dir, &args.to)?;
    let answer = if args.json {
        json!({ "lines": lines, "queued": ledger.queued, "failed": ledger.failed, "bytes": bytes })
            .to_string()
    } else {
        format!(
            "copied and checked: {lines} lines of the log, {} events queued and {} failed in it, {bytes} bytes, in {}",
            ledger.queued,
            ledger.failed,
            args.to.display()
        )
    };
    print(&format!("{answer}\n")).map(drop)
}

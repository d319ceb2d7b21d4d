//! `tributary restore`: puts a copy that `tributary backup` made into a data folder without a spool.

use std::path::PathBuf;

use super::{
    backup::answer,
    locations::Locations,
    output::{note, print},
};
use crate::spool::{self, FILE_NAME, LogReader};

#[derive(clap::Args, Debug)]
#[command(
    after_help = "The data folder must have no spool, and no engine may run on it. The copy is checked as `tributary doctor \
                  --check` does before it gets its name. Events that were delivered after the backup are delivered again: \
                  readers drop them by their messageId."
)]
pub struct Args {
    /// The folder that `tributary backup` made
    #[arg(value_name = "DIR")]
    from: PathBuf,
    /// One JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<()> {
    let data_dir = locations.data_dir()?;
    let copied = spool::restore(&args.from, &data_dir)?;
    if let Some(mark) = LogReader::open(&data_dir.join(FILE_NAME))?.adopted_by()? {
        note(&format!("the events of this spool were given to {}, so no engine starts on it", mark.into));
    }
    print(&answer("restored and checked", &copied, &data_dir, args.json)).map(drop)
}

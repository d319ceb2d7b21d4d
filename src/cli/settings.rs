//! `tributary config`: the settings in force, secrets masked.

use clap::Args;

use super::{Places, print};
use crate::config::Overrides;

#[derive(Args, Debug)]
pub struct Words {
    /// Only where the settings file is
    #[arg(long)]
    path: bool,
}

pub(super) fn run(words: &Words, places: &Places) -> anyhow::Result<()> {
    if words.path {
        let environment = crate::config::Environment::of_process();
        let path = crate::config::config_path(places.config.as_deref(), &environment)?;
        print(&format!("{}\n", path.display()))?;
        return Ok(());
    }
    print(&places.read(&Overrides::default())?.config.masked_toml())?;
    Ok(())
}

//! `tributary policy`: the IAM policy, filled in from the settings, for a person or a tool to apply.

use anyhow::Context;
use clap::Args;

use super::{DestinationWords, Places, print, tell};
use crate::{
    config::Overrides,
    policy::{self, Format, Grants},
};

#[derive(Args, Debug)]
pub struct Words {
    #[command(flatten)]
    destination: DestinationWords,
    /// Grant reading too: what `tail` and the Stream place need
    #[arg(long)]
    read_back: bool,
    /// Grant looking at the stream too: its state, its shards, its record limit
    #[arg(long)]
    describe: bool,
    /// json, aws-cli, terraform or cloudformation
    #[arg(long, default_value = "json", value_parser = ["json", "aws-cli", "terraform", "cloudformation"])]
    format: String,
}

pub(super) fn run(words: Words, places: &Places) -> anyhow::Result<()> {
    // A policy can be written before everything is known: what is missing is marked in it.
    let overrides = Overrides { practice: true, ..Overrides::from(words.destination) };
    let config = places.read(&overrides)?.config;
    let format = Format::parse(&words.format).context("unknown format")?;
    let mut grants = Grants::for_config(&config);
    grants.read_back |= words.read_back;
    grants.describe |= words.describe;
    let missing = policy::missing(&config, &grants);
    print(&format!("{}\n", policy::render(&config, &grants, format).trim_end()))?;
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|one| one.placeholder()).collect();
        tell(&format!("still to be filled in: {} (--region, --account-id, --stream)", names.join(", ")));
    }
    Ok(())
}

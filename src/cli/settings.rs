//! `tributary config`: the settings in force, secrets masked; their export and import.

use anyhow::{Context, anyhow};

use super::{
    locations::Locations,
    output::{note, print, print_exactly},
};
use crate::config::{self, Difference, Environment, Overrides};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print only the path of the settings file
    #[arg(long)]
    path: bool,
    /// Print everything but sources, alerts and secrets, for another computer
    #[arg(long, conflicts_with = "path")]
    export: bool,
    /// Save the settings in FILE ("-": stdin); sources and settings that it does not name stay
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "export"])]
    import: Option<String>,
}

pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<()> {
    let printed = if args.path {
        print(&format!("{}\n", locations.settings_file()?.display()))
    } else if args.export {
        print_exactly(&config::export(&locations.read(&Overrides::default())?.config))
    } else if let Some(file) = &args.import {
        return import(file, locations);
    } else {
        print(&config::masked_toml(&locations.read(&Overrides::default())?.config))
    };
    printed.map(drop)
}

/// Saves the settings that the file names. Values from environment variables are not saved.
fn import(file: &str, locations: &Locations) -> anyhow::Result<()> {
    let text = if file == "-" {
        std::io::read_to_string(std::io::stdin()).context("cannot read the settings from stdin")?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?
    };
    let path = locations.settings_file()?;
    let before = config::load(&path, &Environment::default(), &Overrides::default())?.config;
    let after = config::import(&before, &text).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow!("nothing was imported: {}", problems.join("; "))
    })?;
    config::save(&path, &before, &after)?;
    for Difference { name, before, after } in config::differences(&before, &after) {
        print(&format!("{name}: {before} -> {after}\n"))?;
    }
    note("saved; restart a running engine for it to take effect");
    Ok(())
}

//! `tributary config`: the settings in force, secrets masked.

use anyhow::Context;
use clap::Args;

use super::{Places, print, print_exactly, tell};
use crate::config::{self, Environment, Overrides};

#[derive(Args, Debug)]
pub struct Words {
    /// Only where the settings file is
    #[arg(long)]
    path: bool,
    /// Everything but sources and secrets, to take along
    #[arg(long, conflicts_with = "path")]
    export: bool,
    /// Take over what FILE says ("-": stdin); sources stay, and what it does not say stays
    #[arg(long, value_name = "FILE", conflicts_with_all = ["path", "export"])]
    import: Option<String>,
}

pub(super) fn run(words: &Words, places: &Places) -> anyhow::Result<()> {
    if words.path {
        let environment = Environment::of_process();
        let path = config::config_path(places.config.as_deref(), &environment)?;
        print(&format!("{}\n", path.display()))?;
        return Ok(());
    }
    if words.export {
        print_exactly(&places.read(&Overrides::default())?.config.export())?;
        return Ok(());
    }
    if let Some(file) = &words.import {
        return import(file, places);
    }
    print(&places.read(&Overrides::default())?.config.masked_toml())?;
    Ok(())
}

/// Into the settings file; what a variable or flag decides does not get there.
fn import(file: &str, places: &Places) -> anyhow::Result<()> {
    let text = if file == "-" {
        std::io::read_to_string(std::io::stdin()).context("cannot read the settings from stdin")?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?
    };
    let path = config::config_path(places.config.as_deref(), &Environment::of_process())?;
    let before = config::load(&path, &Environment::default(), &Overrides::default())?.config;
    let after = before.with_imported(&text).map_err(|problems| {
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("nothing was imported: {}", said.join("; "))
    })?;
    config::save(&path, &before, &after)?;
    for (name, was, is) in before.differences(&after) {
        print(&format!("{name}: {was} -> {is}\n"))?;
    }
    tell("saved; start a running engine again for it to take effect");
    Ok(())
}

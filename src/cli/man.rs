//! `tributary man`: the man pages of this command line, one per command, made from its definition. The packages have them;
//! whoever builds the program needs the command.

use std::{fs, path::PathBuf};

use anyhow::Context;

#[derive(clap::Args, Debug)]
#[command(after_help = "Then: man -l DIR/tributary.1. The packages install these pages.")]
pub struct Args {
    /// The folder for the pages; created if missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// `command`: the whole command line.
pub(super) fn run(args: &Args, command: clap::Command) -> anyhow::Result<()> {
    let folder = args.folder.display();
    fs::create_dir_all(&args.folder).with_context(|| format!("cannot create {folder}"))?;
    clap_mangen::generate_to(command, &args.folder).with_context(|| format!("cannot write to {folder}"))
}

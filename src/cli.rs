//! The face for terminals and scripts. A command writes its answer to stdout, everything else to stderr, and ends with an exit
//! code: 0 done, 1 failed (one line on stderr says why and what to do), 2 wrong usage.

mod access;
mod adopt;
mod alerts;
mod backup;
mod check;
mod completions;
mod destination_args;
mod doctor;
mod filter;
mod history;
mod json;
mod locations;
mod log;
mod man;
mod output;
mod policy;
mod practice;
mod practice_file;
mod practice_ready;
mod probe;
mod reach;
mod reader;
mod resend;
mod restore;
mod send;
mod serve;
mod set_aside;
mod settings;
mod tail;
mod writer_args;

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

pub use locations::Locations;

/// Capture analytics events and deliver every one, in order per user, to Amazon Kinesis.
///
/// Without a command: the desktop app.
#[derive(Debug, Parser)]
#[command(name = "tributary", version, propagate_version = true)]
pub struct Cli {
    /// The settings file [default: config.toml in the platform's config folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of the spool and the log [default: the platform's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The command.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run headless: capture and forward until SIGTERM or SIGINT
    Serve(serve::Args),
    /// Send a test event through the capture endpoint of a running engine, and follow it
    Send(send::Args),
    /// Test the destination step by step; exit code 0 when a record can be put
    Check(check::Args),
    /// Print the IAM policy that the destination needs
    Policy(Box<policy::Args>),
    /// Read records back from the destination, one JSON line each
    Tail(tail::Args),
    /// Say who reads the stream, what that reader can decode, and what else it needs
    Reader(reader::Args),
    /// Show the delivery log
    Log(log::Args),
    /// Queue failed events again, or replay delivered ones
    Resend(resend::Args),
    /// Set aside events that the destination refuses while it takes others: keep them as failed
    SetAside(set_aside::Args),
    /// Check the spool and the ledger; repair what can be repaired, lose nothing
    Doctor(doctor::Args),
    /// Copy the spool into a new folder, also while an engine runs
    Backup(backup::Args),
    /// Put a copy that `backup` made into a data folder without a spool
    Restore(restore::Args),
    /// Take over the waiting and failed events of another data folder, such as that of a host that is gone
    Adopt(adopt::Args),
    /// Run the practice stream alone, as a Kinesis for other programs' tests
    Practice(practice::Args),
    /// Show the alerts of the settings, or send a test of each
    Alerts(alerts::Args),
    /// Print the effective settings, secrets masked
    Config(settings::Args),
    /// Print completions of this command line for bash, zsh or fish
    Completions(completions::Args),
    /// Write the man pages into a folder
    Man(man::Args),
}

impl Cli {
    /// Where the settings and the data are.
    pub fn locations(&self) -> Locations {
        Locations { config: self.config.clone(), data_dir: self.data_dir.clone() }
    }
}

/// Carries out a command. `Ok(false)`: it was carried out, and its answer is no.
pub fn run(command: Command, locations: &Locations) -> anyhow::Result<bool> {
    let done = match command {
        Command::Serve(args) => serve::run(args, locations).map(|()| true),
        Command::Send(args) => send::run(&args, locations),
        Command::Check(args) => check::run(args, locations),
        Command::Policy(args) => policy::run(*args, locations).map(|()| true),
        Command::Tail(args) => tail::run(&args, locations).map(|()| true),
        Command::Reader(args) => reader::run(args, locations),
        Command::Log(args) => log::run(&args, locations).map(|()| true),
        Command::Resend(args) => resend::run(&args, locations),
        Command::SetAside(args) => set_aside::run(&args, locations).map(|()| true),
        Command::Doctor(args) => doctor::run(&args, locations),
        Command::Backup(args) => backup::run(&args, locations).map(|()| true),
        Command::Restore(args) => restore::run(&args, locations).map(|()| true),
        Command::Adopt(args) => adopt::run(&args, locations),
        Command::Practice(args) => return practice::run(&args).map(|()| true),
        Command::Alerts(args) => alerts::run(&args, locations),
        Command::Config(args) => settings::run(&args, locations).map(|()| true),
        Command::Completions(args) => return completions::run(&args, Cli::command()).map(|()| true),
        Command::Man(args) => return man::run(&args, Cli::command()).map(|()| true),
    };
    done.map_err(|error| access::explained(error, locations))
}

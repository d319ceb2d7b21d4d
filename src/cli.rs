//! The face for terminals and scripts: words in, an answer on stdout, everything else on stderr, an exit code.
//!
//! Exit codes: 0 done, 1 it failed (one line on stderr says what and what to do), 2 wrong usage.

mod access;
mod check;
mod doctor;
mod filter;
mod json;
mod log;
mod policy;
mod resend;
mod send;
mod serve;
mod set_aside;
mod settings;
mod story;
mod tail;

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::{
    config::{self, Config, Environment, Loaded, Overrides},
    engine::{Paths, Whereabouts},
    event::shown,
    kinesis::Access,
};

/// Capture analytics events and deliver every one, in order per user, to Amazon Kinesis.
///
/// Without a command: the desktop app.
#[derive(Debug, Parser)]
#[command(name = "tributary", version, propagate_version = true)]
pub struct Cli {
    /// The settings file [default: config.toml in the platform's config folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of spool and log [default: the platform's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run headless: capture and forward until SIGTERM or SIGINT
    Serve(serve::Words),
    /// Send a test event through the capture endpoint of a running engine, and follow it
    Send(send::Words),
    /// Test the destination step by step; exit code 0 when a record can be put
    Check(check::Words),
    /// Print the IAM policy that the destination needs
    Policy(policy::Words),
    /// Read records back from the destination, one JSON line each
    Tail(tail::Words),
    /// Show the delivery log
    Log(log::Words),
    /// Queue failed events again, or replay delivered ones
    Resend(resend::Words),
    /// Keep as failed what the destination refuses while it takes other events
    SetAside(set_aside::Words),
    /// Check the spool and the ledger; repair what can be repaired, lose nothing
    Doctor(doctor::Words),
    /// Print the effective settings, secrets masked
    Config(settings::Words),
}

/// Flags that say where events go; each beats the settings file.
#[derive(Args, Clone, Debug, Default)]
pub struct DestinationWords {
    /// Use the practice stream, whatever else is said
    #[arg(long)]
    practice: bool,
    /// AWS region, such as eu-west-1
    #[arg(long)]
    region: Option<String>,
    /// Stream name or ARN
    #[arg(long)]
    stream: Option<String>,
    /// AWS account id, twelve digits
    #[arg(long)]
    account_id: Option<String>,
    /// put-record or put-records
    #[arg(long)]
    operation: Option<String>,
    /// base64, json or json-lines
    #[arg(long)]
    encoding: Option<String>,
    /// none, kpl or lines: whether events that wait together share records
    #[arg(long)]
    aggregation: Option<String>,
    /// Another Kinesis-compatible server
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Profile in AWS's own files
    #[arg(long)]
    profile: Option<String>,
    /// Role to assume
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// External id to give when the role is assumed
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
}

impl From<DestinationWords> for Overrides {
    fn from(words: DestinationWords) -> Self {
        let DestinationWords {
            practice,
            region,
            stream,
            account_id,
            operation,
            encoding,
            aggregation,
            endpoint_url,
            profile,
            role_arn,
            external_id,
        } = words;
        Self {
            practice,
            region,
            stream,
            account_id,
            operation,
            encoding,
            aggregation,
            endpoint_url,
            profile,
            role_arn,
            external_id,
            ..Self::default()
        }
    }
}

/// Where the settings and the data are, by the flags that every command takes.
#[derive(Clone, Debug)]
pub struct Places {
    config: Option<PathBuf>,
    data_dir: Option<PathBuf>,
}

impl Places {
    /// The settings file.
    pub fn settings_file(&self) -> Result<PathBuf, config::Error> {
        config::config_path(self.config.as_deref(), &Environment::of_process())
    }

    /// The settings, written first where there were none.
    pub fn load(&self, overrides: &Overrides) -> Result<Loaded, config::Error> {
        config::load(&self.settings_file()?, &Environment::of_process(), overrides)
    }

    /// The settings, without writing anything.
    fn read(&self, overrides: &Overrides) -> Result<Loaded, config::Error> {
        config::read(&self.settings_file()?, &Environment::of_process(), overrides)
    }

    /// The data folder.
    pub fn data_dir(&self) -> Result<PathBuf, config::Error> {
        config::data_dir(self.data_dir.as_deref(), &Environment::of_process())
    }

    /// Where an engine with these settings keeps its files.
    pub fn paths(&self, loaded: &Loaded) -> Result<Paths, config::Error> {
        Ok(Paths { config_file: Some(loaded.path.clone()), data_dir: self.data_dir()? })
    }
}

impl Cli {
    /// The flags that every command takes.
    pub fn places(&self) -> Places {
        Places { config: self.config.clone(), data_dir: self.data_dir.clone() }
    }
}

/// Carries out a command. `Ok(false)`: it was done, and its answer is no.
pub fn run(command: Command, places: &Places) -> anyhow::Result<bool> {
    let done = match command {
        Command::Serve(words) => serve::run(words, places).map(|()| true),
        Command::Send(words) => send::run(&words, places),
        Command::Check(words) => check::run(words, places),
        Command::Policy(words) => policy::run(words, places).map(|()| true),
        Command::Tail(words) => tail::run(&words, places).map(|()| true),
        Command::Log(words) => log::run(&words, places).map(|()| true),
        Command::Doctor(words) => doctor::run(&words, places),
        Command::Resend(words) => resend::run(&words, places),
        Command::SetAside(words) => set_aside::run(&words, places).map(|()| true),
        Command::Config(words) => settings::run(&words, places).map(|()| true),
    };
    done.map_err(|error| access::explained(error, places))
}

/// The engine that runs on the data folder.
fn running_engine(places: &Places) -> anyhow::Result<Whereabouts> {
    let data_dir = places.data_dir()?;
    Whereabouts::read(&data_dir).with_context(|| {
        format!(
            "no engine runs on {}; start one with `tributary serve`, or name its folder with --data-dir",
            data_dir.display()
        )
    })
}

/// How to reach the practice stream, where that is the destination: it lives in a running engine.
fn practice_access(config: &Config, places: &Places) -> anyhow::Result<Option<Access>> {
    if config.destination.kind == config::DestinationKind::Kinesis {
        return Ok(None);
    }
    let engine = running_engine(places).context("the practice stream lives in a running engine")?;
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
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// Writes to stdout, with control characters as escapes: a terminal must not obey text that a sender chose. JSON stays the
/// same value.
fn print(text: &str) -> anyhow::Result<Printed> {
    print_exactly(&shown::lines(text))
}

/// Writes to stdout. A reader that has seen enough and closed its end (`head`, say) ends the program quietly.
fn print_exactly(text: &str) -> anyhow::Result<Printed> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Printed::Read),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Printed::NobodyReads),
        Err(error) => Err(error).context("cannot write the answer to stdout"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Printed {
    Read,
    NobodyReads,
}

/// Tells the person at the terminal something that is not the answer.
fn tell(text: &str) {
    // Where stderr cannot be written, the answer on stdout still counts.
    drop(writeln!(std::io::stderr(), "{}", shown::lines(text)));
}

//! `tributary send`: sends a test event through the capture endpoint of a running engine, and waits for its delivery.

use std::{
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::{
    locations::Locations,
    output::{note, print},
    reach::running_engine,
};
use crate::{
    config::Overrides,
    delivery::{Delivery, State},
    engine::{EndpointAnswer, lines, post},
    event::Kind,
    snippets::{self, edit},
    spool::{FILE_NAME, LogReader},
};

const LOOK_EVERY: Duration = Duration::from_millis(25);

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The type of call
    #[arg(value_name = "TYPE", ignore_case = true)]
    kind: Call,
    /// A file with the event's JSON; "-": stdin [default: a sample]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The source whose write key is used [default: the first]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Leave out the mark of a test event for consumers (context.tributary.test)
    #[arg(long)]
    no_mark: bool,
    /// Do not wait for the delivery
    #[arg(long)]
    no_wait: bool,
    /// Seconds to wait for the delivery
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    timeout: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Call {
    Identify,
    Track,
    Page,
    Screen,
    Group,
    Alias,
}

impl From<Call> for Kind {
    fn from(call: Call) -> Self {
        match call {
            Call::Identify => Self::Identify,
            Call::Track => Self::Track,
            Call::Page => Self::Page,
            Call::Screen => Self::Screen,
            Call::Group => Self::Group,
            Call::Alias => Self::Alias,
        }
    }
}

/// Prints the delivery. `false`: the event was rejected, failed, or is not delivered yet.
pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<bool> {
    let kind = Kind::from(args.kind);
    let event = match &args.file {
        Some(path) => read(path)?,
        None => snippets::sample(kind).to_owned(),
    };
    let event = if args.no_mark { event } else { marked(event) };
    let engine = running_engine(locations)?;
    let config = locations.read(&Overrides::default())?.config;
    let key =
        match &args.source {
            Some(name) => {
                Some(config.capture.sources.iter().find(|source| source.name == *name).with_context(
                    || format!("there is no source \"{name}\"; `tributary config` lists them"),
                )?)
            }
            None => config.capture.sources.first(),
        };
    let log = LogReader::open(&locations.data_dir()?.join(FILE_NAME))?;
    let before = log.newest()?;
    let EndpointAnswer { status, body } =
        post(&engine.endpoint, key.map(|source| source.write_key.as_str()), kind, &event)?;
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    if status != 200 {
        let said = answer.get("message").and_then(|message| message.as_str()).unwrap_or(&body);
        bail!("the endpoint refused the event ({status}): {said}");
    }
    let message_id = answer.get("messageId").and_then(|id| id.as_str()).unwrap_or_default();
    let end = Instant::now() + Duration::from_secs(if args.no_wait { 0 } else { args.timeout });
    loop {
        let line = log.find(message_id, before)?;
        let settled = line.as_ref().is_some_and(is_settled);
        if settled || Instant::now() >= end {
            let Some(line) = line else {
                bail!("the accepted event {message_id} is not in the log; is --data-dir right?")
            };
            print(&format!("{}\n", lines::delivery(&line, &config)))?;
            if !settled && !args.no_wait {
                note(&format!(
                    "not delivered after {} s; the event is queued in the spool and is not lost",
                    args.timeout
                ));
            }
            return Ok(args.no_wait || line.state == State::Delivered);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The event with the mark of a test event; without it if the event cannot carry it.
fn marked(event: String) -> String {
    edit::with_mark(&event).unwrap_or_else(|| {
        note("the event has no mark of a test event: it, or its context, is no JSON object");
        event
    })
}

fn is_settled(line: &Delivery) -> bool {
    match line.state {
        State::Delivered | State::Failed | State::Resent | State::Rejected => true,
        State::Queued | State::Retrying => false,
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the event from stdin")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

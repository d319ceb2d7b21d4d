//! `tributary send`: a test event through the capture endpoint of a running engine, followed to its end.

use std::{
    io::Read,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::{Places, print, running_engine, tell};
use crate::{
    config::Overrides,
    delivery::{Delivery, State},
    engine::{lines, post},
    event::Kind,
    snippets::{self, edit},
    spool::{FILE_NAME, LogReader},
};

const LOOK_EVERY: Duration = Duration::from_millis(25);

#[derive(Args, Debug)]
pub struct Words {
    /// Which call
    #[arg(value_name = "TYPE", ignore_case = true)]
    kind: Call,
    /// The event's JSON; - reads stdin [default: a sample]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The source whose write key is used [default: the first]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Leave out the mark that tells consumers that it is a test event (context.tributary.test)
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
pub(super) fn run(words: &Words, places: &Places) -> anyhow::Result<bool> {
    let kind = Kind::from(words.kind);
    let event = match &words.file {
        Some(path) => read(path)?,
        None => snippets::sample(kind).to_owned(),
    };
    let event = if words.no_mark { event } else { marked(event) };
    let engine = running_engine(places)?;
    let config = places.read(&Overrides::default())?.config;
    let key =
        match &words.source {
            Some(name) => {
                Some(config.capture.sources.iter().find(|source| source.name == *name).with_context(
                    || format!("no source is called \"{name}\"; `tributary config` lists them"),
                )?)
            }
            None => config.capture.sources.first(),
        };
    let log = LogReader::open(&places.data_dir()?.join(FILE_NAME))?;
    let before = log.newest()?;
    let (status, body) = post(&engine.endpoint, key.map(|source| source.write_key.as_str()), kind, &event)
        .map_err(anyhow::Error::msg)?;
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    if status != 200 {
        let said = answer.get("message").and_then(|message| message.as_str()).unwrap_or(&body);
        bail!("the endpoint refused the event ({status}): {said}");
    }
    let message_id = answer.get("messageId").and_then(|id| id.as_str()).unwrap_or_default();
    let end = Instant::now() + Duration::from_secs(if words.no_wait { 0 } else { words.timeout });
    loop {
        let line = log.find(message_id, before)?;
        let settled = line.as_ref().is_some_and(is_settled);
        if settled || Instant::now() >= end {
            let Some(line) = line else {
                bail!("the accepted event {message_id} is not in the log; is --data-dir right?")
            };
            print(&format!("{}\n", lines::delivery(&line, &config)))?;
            if !settled && !words.no_wait {
                tell(&format!(
                    "not delivered after {} s; it waits in the spool and is not lost",
                    words.timeout
                ));
            }
            return Ok(words.no_wait || line.state == State::Delivered);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Sent as it is where it cannot carry the mark.
fn marked(event: String) -> String {
    edit::with_mark(&event).unwrap_or_else(|| {
        tell("the event carries no mark of a test event: it, or its context, is no JSON object");
        event
    })
}

fn is_settled(line: &Delivery) -> bool {
    match line.state {
        State::Delivered | State::Failed | State::Resent | State::Rejected => true,
        State::Queued | State::Retrying => false,
    }
}

fn read(path: &std::path::Path) -> anyhow::Result<String> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the event from stdin")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

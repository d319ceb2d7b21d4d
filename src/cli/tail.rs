//! `tributary tail`: what a consumer of the stream reads, one JSON line a record.

use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::{DestinationWords, Places, Printed, filter::moment, json, practice_access, print, runtime};
use crate::{
    config::{Config, Overrides},
    delivery::{AwsError, ReadFrom},
    kinesis::{Access, Client, Reader},
    remedy,
};

/// AWS allows five reads a second and shard.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Args, Debug)]
pub struct Words {
    #[command(flatten)]
    destination: DestinationWords,
    /// Where to begin: oldest, latest, or a time (2026-03-02T10:00:00Z, or 15m for fifteen minutes ago)
    #[arg(long, default_value = "oldest", value_name = "oldest|latest|TIME", value_parser = place)]
    from: ReadFrom,
    /// End after so many records
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Go on when caught up
    #[arg(long)]
    follow: bool,
    /// The record's bytes in base64 instead of the event's JSON
    #[arg(long)]
    raw: bool,
}

fn place(word: &str) -> anyhow::Result<ReadFrom> {
    match word {
        "oldest" => Ok(ReadFrom::Oldest),
        "latest" => Ok(ReadFrom::Latest),
        time => moment(time).map(ReadFrom::Time),
    }
}

pub(super) fn run(words: &Words, places: &Places) -> anyhow::Result<()> {
    let config = places.read(&Overrides::from(words.destination.clone()))?.config;
    let access = practice_access(&config, places)?;
    runtime()?.block_on(read(words, &config, access))
}

async fn read(words: &Words, config: &Config, access: Option<Access>) -> anyhow::Result<()> {
    let client = Client::connect(config, access.as_ref()).await;
    let explained = |fault: AwsError| {
        let remedy = remedy::remedy(&fault, config);
        anyhow::anyhow!("the stream cannot be read: {fault}. {} {}", remedy.why, remedy.action)
    };
    let mut reader = Reader::open(&client, words.from.clone(), None).await.map_err(explained)?;
    let mut left = words.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let round = match reader.round().await {
            Ok(round) => round,
            Err(fault) if words.follow && &*fault.code == "NoAnswer" => {
                super::tell(&fault.to_string());
                tokio::time::sleep(PAUSE * 8).await;
                continue;
            }
            Err(fault) => bail!(explained(fault)),
        };
        let caught_up = round.records.is_empty() && round.behind_ms.unwrap_or(0) == 0;
        let mut text = String::new();
        for line in round.records.iter().flat_map(|record| json::records(record, words.raw)) {
            if left == 0 {
                break;
            }
            text.push_str(&line);
            text.push('\n');
            left -= 1;
        }
        if print(&text)? == Printed::NobodyReads || (caught_up && !words.follow) {
            return Ok(());
        }
        if round.records.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

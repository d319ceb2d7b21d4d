//! `tributary tail`: what a consumer of the stream reads, one line of JSON per record.

use std::time::Duration;

use anyhow::bail;

use super::{
    destination_args::DestinationArgs,
    filter::moment,
    json::{self, RecordLines},
    locations::Locations,
    output::{Printed, note, print},
    reach::{practice_access, runtime},
};
use crate::{
    config::{Config, Overrides},
    delivery::{AwsError, ReadFrom, error_code},
    kinesis::{Access, Client, Reader},
    remedy,
};

/// The pause between reads. AWS allows five reads per second and shard.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    destination: DestinationArgs,
    /// Where to begin: oldest, latest, or a time (2026-03-02T10:00:00Z, or 15m for fifteen minutes ago)
    #[arg(long, default_value = "oldest", value_name = "oldest|latest|TIME", value_parser = start)]
    from: ReadFrom,
    /// End after N records
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Wait for further records when all are read
    #[arg(long)]
    follow: bool,
    /// Print the record's bytes in base64 instead of the event's JSON
    #[arg(long)]
    raw: bool,
    /// Also print what each decoder gets of the record: the API's base64, the bytes as text, those decoded as base64, the JSON,
    /// and the user records of an aggregated one
    #[arg(long)]
    decoders: bool,
}

fn start(word: &str) -> anyhow::Result<ReadFrom> {
    match word {
        "oldest" => Ok(ReadFrom::Oldest),
        "latest" => Ok(ReadFrom::Latest),
        time => moment(time).map(ReadFrom::Time),
    }
}

pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<()> {
    let config = locations.read(&Overrides::from(args.destination.clone()))?.config;
    let access = practice_access(&config, locations)?;
    runtime()?.block_on(read(args, &config, access))
}

async fn read(args: &Args, config: &Config, access: Option<Access>) -> anyhow::Result<()> {
    let client = Client::connect(config, access.as_ref()).await;
    let explained = |fault: AwsError| {
        let remedy = remedy::remedy(&fault, config);
        anyhow::anyhow!("the stream cannot be read: {fault}. {} {}", remedy.why, remedy.action)
    };
    let mut reader = Reader::open(&client, args.from.clone(), None).await.map_err(explained)?;
    let Args { raw, decoders, .. } = *args;
    let what = RecordLines { raw, decoders, reader: config.destination.reader };
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let round = match reader.round().await {
            Ok(round) => round,
            Err(fault) if args.follow && &*fault.code == error_code::NO_ANSWER => {
                note(&fault.to_string());
                tokio::time::sleep(PAUSE * 8).await;
                continue;
            }
            Err(fault) => bail!(explained(fault)),
        };
        let caught_up = round.records.is_empty() && round.behind_ms.unwrap_or(0) == 0;
        let mut text = String::new();
        for line in round.records.iter().flat_map(|record| json::records(record, what)) {
            if left == 0 {
                break;
            }
            text.push_str(&line);
            text.push('\n');
            left -= 1;
        }
        if print(&text)? == Printed::ReaderGone || (caught_up && !args.follow) {
            return Ok(());
        }
        if round.records.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

//! `tributary set-aside`: events that the destination refuses while it takes others are kept as failed, so that what
//! waits behind them goes on. Only a running engine knows which those are.

use clap::Args;
use serde_json::json;

use super::{Places, print, running_engine};

#[derive(Args, Debug)]
#[command(
    after_help = "Which events these are, and what the destination says of them, is in the log of `serve` and in \
                  /metrics (tributary_stuck_events). They can be looked at with `tributary log --state failed`, and sent \
                  again with `tributary resend`."
)]
pub struct Words {
    /// One JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

pub(super) fn run(words: &Words, places: &Places) -> anyhow::Result<()> {
    let count = running_engine(places)?.set_aside_stuck().map_err(anyhow::Error::msg)?;
    let answer = match (words.json, count) {
        (true, _) => json!({ "setAside": count }).to_string(),
        (false, 0) => "no event is refused again and again; nothing was set aside".to_owned(),
        (false, 1) => "1 event was set aside; see `tributary log --state failed`".to_owned(),
        (false, _) => format!("{count} events were set aside; see `tributary log --state failed`"),
    };
    print(&format!("{answer}\n")).map(drop)
}

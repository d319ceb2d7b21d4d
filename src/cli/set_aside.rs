//! `tributary set-aside`: marks as failed the events that the destination refuses while it takes others, so that the events
//! behind them go on. Only a running engine knows which events those are.

use serde_json::json;

use super::{locations::Locations, output::print, reach::running_engine};

#[derive(clap::Args, Debug)]
#[command(
    after_help = "Which events these are, and what the destination says about them, is in the log of `serve` and in /metrics \
                  (tributary_stuck_events). `tributary log --state failed` shows them afterwards, and `tributary resend` queues \
                  them again."
)]
pub struct Args {
    /// One JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<()> {
    let count = running_engine(locations)?.set_aside_stuck()?;
    let answer = match (args.json, count) {
        (true, _) => json!({ "setAside": count }).to_string(),
        (false, 0) => "no event is refused again and again; nothing was set aside".to_owned(),
        (false, 1) => "1 event was set aside; see `tributary log --state failed`".to_owned(),
        (false, _) => format!("{count} events were set aside; see `tributary log --state failed`"),
    };
    print(&format!("{answer}\n")).map(drop)
}

//! `tributary resend`: failed events again, or delivered ones once more. A running engine does it when asked; where
//! none runs, the events are queued in its spool and go out at the next start.

use std::{num::NonZeroU32, path::Path, time::Instant};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use super::{Places, filter::Filter, log, print, tell};
use crate::{
    config::Overrides,
    delivery::{EventId, Query, ResendSelection, Resent, State},
    engine::Whereabouts,
    shell,
    spool::{self, Full, LogReader, Pace, Spool},
};

/// What one shard takes of small records.
const RATE: u32 = 1000;

#[derive(Args, Debug)]
#[command(
    after_help = "Without --state, failed events are meant. Consumers see the same messageId as before."
)]
pub struct Words {
    /// Events by their messageId: the newest line of each that failed or was delivered
    #[arg(value_name = "ID", conflicts_with_all = ["all", "Filter"])]
    ids: Vec<String>,
    /// Every failed event
    #[arg(long, conflicts_with = "Filter")]
    all: bool,
    #[command(flatten)]
    filter: Filter,
    /// Only count what would be resent
    #[arg(long)]
    dry_run: bool,
    /// Maximum events per second, so that new ones do not wait behind them; 0: as fast as it goes. Holds while an
    /// engine runs
    #[arg(long, value_name = "N", default_value_t = RATE)]
    rate: u32,
    /// One JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

/// `false`: some of the events that were named could not be resent.
pub(super) fn run(words: &Words, places: &Places) -> anyhow::Result<bool> {
    let data_dir = places.data_dir()?;
    let path = log::path(&data_dir)?;
    let which = which(words, &path)?;
    let resent = match Whereabouts::read(&data_dir) {
        Some(engine) => {
            let mut progress = Progress::new();
            engine
                .resend(which, NonZeroU32::new(words.rate), words.dry_run, |done| progress.tell(done))
                .map_err(anyhow::Error::msg)?
        }
        None if words.dry_run => spool::count(&LogReader::open(&path)?, &which)?,
        None => directly(&which, &data_dir, places)?,
    };
    if words.json {
        print(&format!("{}\n", json(&resent, words.dry_run)))?;
    } else {
        print(&format!("{}\n", sentence(&resent, words.dry_run)))?;
    }
    let every_one = resent.passed_over + resent.damaged == 0;
    Ok(words.ids.is_empty() || every_one)
}

/// Under the lock of the data folder, as an engine of its own for a moment.
fn directly(which: &ResendSelection, data_dir: &Path, places: &Places) -> anyhow::Result<Resent> {
    if spool::is_in_use(data_dir) {
        bail!("the engine on {} is starting or stopping; try again in a moment", data_dir.display());
    }
    let config = places.read(&Overrides::default())?.config;
    let (spool, threads) = Spool::open(data_dir, (&config).into())?;
    tell(
        "no engine runs: the events are queued in its spool, and delivered when it starts, as fast as the stream takes \
         them; --rate holds only while an engine runs",
    );
    let mut progress = Progress::new();
    let pace = Pace { rate: None, full: Full::Stop };
    let resent = spool.resend(which, pace, |done| {
        progress.tell(done);
        true
    });
    super::runtime()?.block_on(spool.close());
    drop(spool);
    threads.join();
    resent.context("not all events could be queued; what was queued stays queued")
}

fn which(words: &Words, path: &Path) -> anyhow::Result<ResendSelection> {
    if !words.ids.is_empty() {
        return named(&words.ids, path).map(ResendSelection::Lines);
    }
    let query = words.filter.query(&[])?;
    if !words.all && query == Query::default() {
        bail!(
            "which events? --all means every failed one; or give ids, or a filter such as --state delivered --since 2h"
        );
    }
    if let Some(state) = query.states.iter().find(|state| !matches!(state, State::Failed | State::Delivered))
    {
        bail!("{} events cannot be resent; only failed and delivered ones can", state.as_str());
    }
    Ok(ResendSelection::Fitting(Box::new(query)))
}

/// The newest line of each that can be resent.
fn named(ids: &[String], path: &Path) -> anyhow::Result<Vec<EventId>> {
    let log = LogReader::open(path)?;
    let mut lines = Vec::new();
    for id in ids {
        let found = log.find_settled(id)?;
        lines.push(found.with_context(|| {
            let text = shell::word(id);
            format!("no failed or delivered event has the messageId {id}; `tributary log --text {text}` shows what there is")
        })?);
    }
    Ok(lines)
}

fn sentence(resent: &Resent, dry_run: bool) -> String {
    let verb = if dry_run { "would be queued" } else { "queued" };
    let plural = |count: u64| if count == 1 { "event" } else { "events" };
    let Resent { failed, replayed, passed_over, damaged, .. } = *resent;
    let mut said = vec![match (failed, replayed) {
        (0, 0) => "no event fits: nothing to resend".to_owned(),
        (failed, 0) => format!("{failed} failed {} {verb} again", plural(failed)),
        (0, replayed) => format!("{replayed} delivered {} {verb} once more", plural(replayed)),
        _ => format!("{failed} failed {} {verb} again, {replayed} delivered ones once more", plural(failed)),
    }];
    if resent.events() > 0 {
        said.push(format!("{} bytes of JSON", resent.bytes));
    }
    if passed_over > 0 {
        said.push(format!(
            "{passed_over} passed over (waiting, rejected, resent before, or replays themselves)"
        ));
    }
    if damaged > 0 {
        said.push(format!("{damaged} damaged on disk and not sent: see `tributary doctor`"));
    }
    said.join("; ")
}

fn json(resent: &Resent, dry_run: bool) -> serde_json::Value {
    let Resent { failed, replayed, bytes, passed_over, damaged } = resent;
    json!({ "dryRun": dry_run, "failed": failed, "replayed": replayed, "bytes": bytes, "passedOver": passed_over,
        "damaged": damaged })
}

/// Says on stderr how far it is, where it takes long.
struct Progress {
    told: Instant,
    events: u64,
}

impl Progress {
    const EVERY: std::time::Duration = std::time::Duration::from_secs(5);

    fn new() -> Self {
        Self { told: Instant::now(), events: 0 }
    }

    fn tell(&mut self, done: &Resent) {
        if self.told.elapsed() < Self::EVERY {
            return;
        }
        let waits = if done.events() == self.events {
            "; waiting for room in the spool, or for its pace"
        } else {
            ""
        };
        tell(&format!("{} events queued so far{waits}", done.events()));
        (self.told, self.events) = (Instant::now(), done.events());
    }
}
